/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenloop.h"

#include <string.h>

#define NO_GAIN -16.f
#define ANY_GAIN 12.f

void
alitra_token_loop_init (AlitraTokenLoop * loop, AlitraModel * model,
    guint level, AlitraGrid grid, AlitraAllocator * allocator,
    AlitraWorkers * workers)
{
  gsize cells = (gsize) grid.columns * grid.rows;

  memset (loop, 0, sizeof (*loop));
  loop->model = model;
  loop->level = level;
  loop->cells = cells;
  loop->max_depth = model->level[level].depth;
  loop->allocator = allocator;
  loop->quantizer = alitra_quantizer_new (model, level, workers);
  loop->latents = alitra_floats_new (cells * model->dim);
  loop->residual = alitra_floats_new (cells * model->dim);
  loop->sums = alitra_floats_new (cells * model->dim);
  loop->depth = g_new0 (guint8, cells);
  loop->ids = g_new0 (guint16, cells * loop->max_depth);
  loop->gains = g_new0 (gfloat, cells * loop->max_depth);
  loop->boost = g_new0 (gfloat, cells);
  loop->list = g_new (guint32, cells);
  loop->start = g_new0 (gfloat, cells);
  loop->last = g_new0 (gfloat, cells);
  loop->worst = g_new0 (gfloat, cells);
  loop->known = g_new0 (guint8, cells);
  loop->some = g_new (guint32, cells);
  loop->found = g_new (guint16, cells);
  loop->taken = g_new (gfloat, cells);
  loop->energies.whole = g_new (gfloat, cells);
  loop->energies.head = g_new (gfloat, cells);
  loop->energies.seen = g_new (gfloat, cells);
  loop->energies.start = g_new (gfloat, cells);
  loop->energies.last = g_new (gfloat, cells);
}

void
alitra_token_loop_clear (AlitraTokenLoop * loop)
{
  alitra_quantizer_free (loop->quantizer);
  alitra_floats_free (loop->latents);
  alitra_floats_free (loop->residual);
  alitra_floats_free (loop->sums);
  g_free (loop->depth);
  g_free (loop->ids);
  g_free (loop->gains);
  g_free (loop->boost);
  g_free (loop->list);
  g_free (loop->start);
  g_free (loop->last);
  g_free (loop->worst);
  g_free (loop->known);
  g_free (loop->some);
  g_free (loop->found);
  g_free (loop->taken);
  g_free (loop->energies.whole);
  g_free (loop->energies.head);
  g_free (loop->energies.seen);
  g_free (loop->energies.start);
  g_free (loop->energies.last);
}

void
alitra_token_loop_begin (AlitraTokenLoop * loop, const guint8 * mask)
{
  const gsize dim = loop->model->dim;
  guint i, t;

  loop->n = 0;
  for (i = 0; i < loop->cells; i++) {
    if (!mask[i])
      continue;
    loop->list[loop->n++] = i;
    memcpy (loop->residual + i * dim, loop->latents + i * dim,
        dim * sizeof (gfloat));
    loop->depth[i] = 0;
    loop->known[i] = 0;
    loop->last[i] = 0.f;
    loop->worst[i] = ANY_GAIN;
    for (t = 0; t < loop->max_depth; t++)
      loop->gains[(gsize) i * loop->max_depth + t] = NO_GAIN;
  }
  alitra_quantizer_look (loop->quantizer, 0, loop->n, loop->list,
      loop->residual, loop->energies.whole, NULL, NULL);
  for (i = 0; i < loop->n; i++)
    loop->start[loop->list[i]] = loop->energies.whole[i];
  alitra_allocator_begin (loop->allocator, loop->level, loop->n, loop->list);
}

/* Predicts the gain of token t for the listed cells that stand there and have not been asked yet. */
static void
predict (AlitraTokenLoop * loop, guint t)
{
  guint i, n = 0;

  for (i = 0; i < loop->n; i++) {
    guint32 cell = loop->list[i];

    if (loop->depth[cell] != t || loop->known[cell] == t + 1)
      continue;
    loop->energies.start[n] = loop->start[cell];
    loop->energies.last[n] = loop->last[cell];
    loop->some[n++] = cell;
  }
  if (n == 0)
    return;
  alitra_quantizer_look (loop->quantizer, t, n, loop->some, loop->residual,
      loop->energies.whole, loop->energies.head, loop->energies.seen);
  alitra_allocator_predict (loop->allocator, loop->level, t, n, loop->some,
      &loop->energies, loop->taken);
  for (i = 0; i < n; i++) {
    guint32 cell = loop->some[i];

    loop->known[cell] = t + 1;
    loop->worst[cell] = MIN (loop->worst[cell],
        loop->taken[i] + loop->boost[cell]);
  }
}

/* Gives token t to the first n cells of `some`. */
static void
give (AlitraTokenLoop * loop, guint t, guint n)
{
  guint i;

  if (n == 0)
    return;
  alitra_quantizer_step (loop->quantizer, t, n, loop->some, loop->residual,
      loop->found, loop->taken);
  for (i = 0; i < n; i++) {
    guint32 cell = loop->some[i];
    gsize place = (gsize) cell * loop->max_depth + t;

    loop->ids[place] = loop->found[i];
    loop->gains[place] = loop->worst[cell];
    loop->last[cell] = loop->taken[i];
    loop->depth[cell] = t + 1;
  }
}

void
alitra_token_loop_run (AlitraTokenLoop * loop, gfloat stop, guint most)
{
  guint t, i, n;

  most = MIN (most, loop->max_depth);
  for (t = 0; t < most; t++) {
    predict (loop, t);
    for (i = n = 0; i < loop->n; i++)
      if (loop->depth[loop->list[i]] == t && loop->worst[loop->list[i]] > stop)
        loop->some[n++] = loop->list[i];
    give (loop, t, n);
  }
}

void
alitra_token_loop_run_to (AlitraTokenLoop * loop, const guint8 * want)
{
  guint t, i, n;

  for (t = 0; t < loop->max_depth; t++) {
    for (i = n = 0; i < loop->n; i++)
      if (want[loop->list[i]] > t)
        loop->some[n++] = loop->list[i];
    give (loop, t, n);
  }
}

const gfloat *
alitra_token_loop_get_start (const AlitraTokenLoop * loop)
{
  return loop->start;
}

/* What a cell's kept tokens leave over: the loop may have gone farther than was paid for. */
void
alitra_token_loop_settle (AlitraTokenLoop * loop)
{
  const gsize dim = loop->model->dim;
  guint i, k;

  alitra_quantizer_sum (loop->quantizer, loop->n, loop->list, loop->depth,
      loop->ids, loop->max_depth, loop->sums);
  for (i = 0; i < loop->n; i++) {
    gsize at = loop->list[i] * dim;

    for (k = 0; k < dim; k++)
      loop->residual[at + k] = loop->latents[at + k] - loop->sums[at + k];
  }
  alitra_quantizer_look (loop->quantizer, 0, loop->n, loop->list,
      loop->residual, loop->energies.whole, NULL, NULL);
  alitra_allocator_settle (loop->allocator, loop->level, loop->n, loop->list,
      loop->depth, loop->energies.whole);
}
