/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenloop.h"

#include <math.h>
#include <string.h>

#include "floats.h"
#include "reuse.h"

#define NO_GAIN -16.f
#define LEAST_GAIN 1.6e-5f      /* the energy of NO_GAIN */
#define ANY_GAIN 12.f
#define UNSETTLED 255
/* Tokens whose predicted gain (log2) is that little below what is asked are looked for all the same: when the token is
 * found, what it takes off is known and decides. */
#define SEARCH_SLACK .4f
/* Of what is left of a cell, what a token takes off at most, but for a few. */
#define MOST_TAKEN .5f
/* Cells that are worth sharing with another thread. */
#define SHARED 128

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
  loop->workers = workers;
  loop->quantizer = alitra_quantizer_new (model, level, workers);
  loop->latents = alitra_floats_new (cells * model->dim);
  loop->residual = alitra_floats_new (cells * model->dim);
  loop->sums = alitra_floats_new (cells * model->dim);
  loop->depth = g_new0 (guint8, cells);
  loop->ids = g_new0 (guint16, cells * loop->max_depth);
  loop->gains = g_new0 (gfloat, cells * loop->max_depth);
  loop->value = g_new0 (gfloat, cells * loop->max_depth);
  loop->boost = g_new0 (gfloat, cells);
  loop->toll = g_new0 (gfloat, cells);
  loop->kept = g_new0 (guint8, cells);
  loop->profile = g_new0 (gfloat, cells * (loop->max_depth + 1));
  loop->left = g_new0 (gfloat, cells * (loop->max_depth + 1));
  loop->searched = g_new0 (guint8, cells);
  loop->reach = g_new0 (guint8, cells);
  loop->closed = g_new0 (guint8, cells);
  loop->idle = g_new0 (guint8, cells);
  loop->settled = g_new (guint8, cells);
  memset (loop->settled, UNSETTLED, cells);
  loop->list = g_new (guint32, cells);
  loop->head = g_new0 (gfloat, cells);
  loop->seen = g_new0 (gfloat, cells);
  loop->start = g_new0 (gfloat, cells);
  loop->whole = g_new0 (gfloat, cells);
  loop->last = g_new0 (gfloat, cells);
  loop->worst = g_new0 (gfloat, cells);
  loop->known = g_new0 (guint8, cells);
  loop->open = g_new (guint32, cells);
  loop->some = g_new (guint32, cells);
  loop->found = g_new (guint16, cells);
  loop->taken = g_new (gfloat, cells);
  loop->kept_price = g_new (gfloat, cells);
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
  g_free (loop->value);
  g_free (loop->boost);
  g_free (loop->toll);
  g_free (loop->kept);
  g_free (loop->profile);
  g_free (loop->left);
  g_free (loop->searched);
  g_free (loop->reach);
  g_free (loop->closed);
  g_free (loop->idle);
  g_free (loop->settled);
  g_free (loop->list);
  g_free (loop->head);
  g_free (loop->seen);
  g_free (loop->start);
  g_free (loop->whole);
  g_free (loop->last);
  g_free (loop->worst);
  g_free (loop->known);
  g_free (loop->open);
  g_free (loop->some);
  g_free (loop->found);
  g_free (loop->taken);
  g_free (loop->kept_price);
  g_free (loop->energies.whole);
  g_free (loop->energies.head);
  g_free (loop->energies.seen);
  g_free (loop->energies.start);
  g_free (loop->energies.last);
}

static void
forget_cell (AlitraTokenLoop * loop, guint cell)
{
  guint t;

  loop->reach[cell] = loop->depth[cell] = loop->kept[cell] = 0;
  loop->closed[cell] = FALSE;
  loop->settled[cell] = UNSETTLED;
  loop->known[cell] = 0;
  loop->last[cell] = 0.f;
  loop->worst[cell] = ANY_GAIN;
  for (t = 0; t < loop->max_depth; t++)
    loop->gains[(gsize) cell * loop->max_depth + t] = NO_GAIN;
}

void
alitra_token_loop_close (AlitraTokenLoop * loop, guint cell, guint n,
    const guint16 * ids, const gfloat * gains)
{
  const gsize place = (gsize) cell * loop->max_depth;
  guint t;

  forget_cell (loop, cell);
  n = MIN (n, loop->max_depth);
  for (t = 0; t < n; t++) {
    loop->ids[place + t] = ids[t];
    loop->gains[place + t] = gains[t];
    loop->value[place + t] = exp2f (gains[t] - .5f * loop->boost[cell]);
  }
  loop->reach[cell] = loop->depth[cell] = n;
  loop->closed[cell] = TRUE;
}

/* Lists the cells of `mask`, or without one all that may go on. */
static void
list_cells (AlitraTokenLoop * loop, const guint8 * mask)
{
  guint i;

  loop->n = 0;
  for (i = 0; i < loop->cells; i++)
    if (mask ? mask[i] : !loop->closed[i])
      loop->list[loop->n++] = i;
}

/* Learned codes that the receiver holds in a cell. */
static guint
count_learned (const AlitraTokenLoop * loop, const AlitraHeldTokens * held,
    guint32 cell)
{
  const guint16 *ids = held->tokens + (gsize) cell * loop->max_depth;
  const guint codes = loop->model->level[loop->level].codes;
  guint n = 0;

  while (n < held->depth[cell] && ids[n] < codes)
    n++;
  return n;
}

/* Keeps n of the tokens of a cell; `left` is known up to there. */
static void
keep_tokens (AlitraTokenLoop * loop, const AlitraHeldTokens * held,
    guint32 cell, guint n)
{
  const gsize place = (gsize) cell * loop->max_depth;
  const gfloat *left = loop->left + (gsize) cell * (loop->max_depth + 1);
  guint t;

  memcpy (loop->ids + place, held->tokens + place, n * sizeof (guint16));
  alitra_reuse_gains (left, n, NO_GAIN, loop->gains + place);
  for (t = 0; t < n; t++) {
    loop->gains[place + t] += loop->boost[cell] - t * loop->deeper;
    loop->value[place + t] = (left[t] - left[t + 1])
        * exp2f (.5f * loop->boost[cell]);
  }
  loop->reach[cell] = loop->depth[cell] = loop->kept[cell] = n;
  loop->last[cell] = n > 0 ? left[n - 1] - left[n] : 0.f;
}

/* What a kept token has to be worth, as energy. */
static inline gfloat
kept_price_of (const AlitraTokenLoop * loop, const AlitraHeldTokens * held,
    guint32 cell)
{
  return exp2f (held->stop + loop->toll[cell] - loop->boost[cell]
      - held->bonus);
}

/* Of the first n cells of `some` those that may hold on to token t, with its price and what is left in front of it. */
static guint
list_holders (AlitraTokenLoop * loop, guint n, guint t)
{
  guint i, holders = 0;

  for (i = 0; i < n; i++) {
    const gsize cell = loop->some[i];

    if (loop->reach[cell] <= t)
      continue;
    loop->taken[holders] = loop->kept_price[cell];
    loop->energies.whole[holders] =
        loop->left[cell * (loop->max_depth + 1) + t];
    loop->some[holders++] = cell;
  }
  return holders;
}

/* What is left of the listed cells behind each of the tokens that they hold, up to the first that is not worth it: those in
 * front of it are what they reach, and `sums` holds what these leave. */
static void
look_behind_held (AlitraTokenLoop * loop, const AlitraHeldTokens * held)
{
  const gsize dim = loop->model->dim, row = loop->max_depth + 1;
  guint i, n = loop->n, t;

  for (i = 0; i < n; i++) {
    const gsize cell = loop->list[i];

    loop->reach[cell] = count_learned (loop, held, cell);
    loop->left[cell * row] = loop->start[cell];
    loop->kept_price[cell] = kept_price_of (loop, held, cell);
    loop->some[i] = cell;
    if (loop->reach[cell] > 0)
      memcpy (loop->sums + cell * dim, loop->latents + cell * dim,
          dim * sizeof (gfloat));
  }
  for (t = 0; (n = list_holders (loop, n, t)) > 0; t++) {
    alitra_quantizer_repeat (loop->quantizer, t, n, loop->some, held->tokens,
        loop->max_depth, loop->taken, loop->sums, loop->energies.whole);
    for (i = 0; i < n; i++) {
      const gsize cell = loop->some[i];
      gfloat *left = loop->left + cell * row + t;

      left[1] = loop->energies.whole[i];
      if (left[1] + loop->taken[i] >= left[0])
        loop->reach[cell] = t;
    }
  }
}

/* The residuals of the first n cells of `some`, which have kept a part of what they held. */
static void
subtract_kept (AlitraTokenLoop * loop, guint n)
{
  const gsize dim = loop->model->dim;
  guint i, k;

  alitra_quantizer_sum (loop->quantizer, n, loop->some, loop->depth,
      loop->ids, loop->max_depth, loop->sums);
  for (i = 0; i < n; i++) {
    const gsize at = loop->some[i] * dim;

    for (k = 0; k < dim; k++)
      loop->residual[at + k] = loop->latents[at + k] - loop->sums[at + k];
  }
  alitra_quantizer_look (loop->quantizer, 0, n, loop->some, loop->residual,
      loop->energies.whole, NULL, NULL);
  for (i = 0; i < n; i++)
    loop->whole[loop->some[i]] = loop->energies.whole[i];
}

static void
keep_prefixes (AlitraTokenLoop * loop, const AlitraHeldTokens * held)
{
  const gsize dim = loop->model->dim, row = loop->max_depth + 1;
  const gfloat bonus = exp2f (held->bonus);
  guint i, n = 0;

  look_behind_held (loop, held);
  for (i = 0; i < loop->n; i++) {
    const guint32 cell = loop->list[i];
    const guint whole = loop->reach[cell];
    const gfloat kept_price = loop->kept_price[cell];
    const AlitraReuseCosts costs = { kept_price * bonus, kept_price,
      held->slack
    };
    guint keep = alitra_reuse_choose (loop->left + cell * row, whole,
        loop->seen[cell], loop->profile + cell * row, loop->searched[cell],
        &costs);

    keep_tokens (loop, held, cell, keep);
    if (keep > 0 && keep == whole) {
      memcpy (loop->residual + cell * dim, loop->sums + cell * dim,
          dim * sizeof (gfloat));
      loop->whole[cell] = loop->left[cell * row + whole];
    } else if (keep > 0)
      loop->some[n++] = cell;
  }
  subtract_kept (loop, n);
}

static void
begin_cells (gpointer data, guint first, guint end)
{
  AlitraTokenLoop *loop = data;
  const gsize dim = loop->model->dim;
  guint i;

  for (i = first; i < end; i++) {
    const gsize at = loop->list[i] * dim;

    forget_cell (loop, loop->list[i]);
    if (!loop->idle[loop->list[i]])
      memcpy (loop->residual + at, loop->latents + at, dim * sizeof (gfloat));
  }
}

static void
look_at_start (AlitraTokenLoop * loop)
{
  const AlitraCellEnergies *energies = &loop->energies;
  guint i, n = 0;

  for (i = 0; i < loop->n; i++) {
    const guint32 cell = loop->list[i];

    loop->start[cell] = loop->whole[cell];
    loop->some[n] = cell;
    n += !loop->idle[cell];
  }
  alitra_quantizer_look (loop->quantizer, 0, n, loop->some, loop->residual,
      energies->whole, energies->head, energies->seen);
  for (i = 0; i < n; i++) {
    const guint32 cell = loop->some[i];

    loop->start[cell] = loop->whole[cell] = energies->whole[i];
    loop->head[cell] = energies->head[i];
    loop->seen[cell] = energies->seen[i];
  }
}

void
alitra_token_loop_wake (AlitraTokenLoop * loop, const guint8 * mask)
{
  list_cells (loop, mask);
  alitra_workers_share (loop->workers, loop->n, SHARED, begin_cells, loop);
  look_at_start (loop);
}

void
alitra_token_loop_begin (AlitraTokenLoop * loop, const guint8 * mask,
    const AlitraHeldTokens * held)
{
  alitra_token_loop_wake (loop, mask);
  if (held)
    keep_prefixes (loop, held);
  alitra_allocator_begin (loop->allocator, loop->level, loop->n, loop->list,
      held != NULL);
}

gfloat
alitra_token_loop_get_left (const AlitraTokenLoop * loop, guint cell)
{
  return loop->depth[cell] == 0 ? loop->start[cell]
      : loop->left[(gsize) cell * (loop->max_depth + 1) + loop->depth[cell]];
}

gfloat
alitra_token_loop_least (gfloat stop, gfloat boost)
{
  return exp2f (stop - boost);
}

gboolean
alitra_token_loop_may_gain (gfloat stop, gfloat boost, gfloat left)
{
  return left * MOST_TAKEN >= alitra_token_loop_least (stop, boost);
}

/* Too little is left of a cell for its next token. */
static inline gboolean
is_hopeless (const AlitraTokenLoop * loop, guint32 cell, gfloat stop)
{
  return loop->sparing && !alitra_token_loop_may_gain (stop + loop->toll[cell]
      + loop->reach[cell] * loop->deeper, loop->boost[cell], loop->whole[cell]);
}

/* Predicts the gain of token t for the open cells that stand there and have not been asked yet. */
static void
predict (AlitraTokenLoop * loop, guint t, gfloat stop)
{
  guint i, n = 0;

  for (i = 0; i < loop->n_open; i++) {
    guint32 cell = loop->open[i];

    if (loop->reach[cell] != t || loop->known[cell] == t + 1
        || is_hopeless (loop, cell, stop))
      continue;
    loop->energies.whole[n] = loop->whole[cell];
    loop->energies.start[n] = loop->start[cell];
    loop->energies.last[n] = loop->last[cell];
    loop->some[n++] = cell;
  }
  if (n == 0)
    return;
  if (t == 0)
    for (i = 0; i < n; i++) {
      loop->energies.head[i] = loop->head[loop->some[i]];
      loop->energies.seen[i] = loop->seen[loop->some[i]];
  } else
    alitra_quantizer_look (loop->quantizer, t, n, loop->some, loop->residual,
        NULL, loop->energies.head, loop->energies.seen);
  alitra_allocator_predict (loop->allocator, loop->level, t, n, loop->some,
      &loop->energies, loop->taken);
  for (i = 0; i < n; i++) {
    guint32 cell = loop->some[i];

    loop->known[cell] = t + 1;
    loop->worst[cell] = MIN (loop->worst[cell],
        loop->taken[i] + loop->boost[cell] - t * loop->deeper);
  }
}

/* What a cell's tokens leave over, from one that starts anew. */
static void
note_profile (AlitraTokenLoop * loop, guint32 cell, guint t, gfloat taken)
{
  gfloat *profile = loop->profile + (gsize) cell * (loop->max_depth + 1);

  if (t == 0) {
    profile[0] = loop->start[cell];
    loop->searched[cell] = 0;
  }
  if (t != loop->searched[cell])
    return;
  profile[t + 1] = MAX (profile[t] - taken, 0.f);
  loop->searched[cell] = t + 1;
}

/* In `value` half of the boost is counted in. */
static inline gfloat
gain_of_value (const AlitraTokenLoop * loop, guint32 cell, gfloat value)
{
  return log2f (MAX (value, LEAST_GAIN)) + .5f * loop->boost[cell];
}

/* What a token took off, the less of it the deeper it stands. */
static inline gfloat
share_of (const AlitraTokenLoop * loop, guint32 cell, guint t)
{
  const gfloat value = loop->value[(gsize) cell * loop->max_depth + t];

  return loop->deeper == 0.f ? value : value * exp2f (-(t * loop->deeper));
}

/* A step for some cells. */
typedef struct
{
  AlitraTokenLoop *loop;
  guint step;
} Found;

/* Token t of a cell is known by what it took off.  Where it is worth more than those that it builds on, they are bought
 * together or not at all: each counts for their mean.  Those that the receiver holds are paid for: they count for no less
 * than what builds on them. */
static void
pool_gains (AlitraTokenLoop * loop, guint32 cell, guint t)
{
  gfloat *gains = loop->gains + (gsize) cell * loop->max_depth;
  const guint kept = loop->kept[cell];
  gfloat sum = share_of (loop, cell, t);
  gfloat gain = gain_of_value (loop, cell, sum);
  guint first = t, u;

  while (first > kept && gains[first - 1] < gain) {
    const gfloat pooled = gains[first - 1];

    for (; first > kept && gains[first - 1] == pooled; first--)
      sum += share_of (loop, cell, first - 1);
    gain = gain_of_value (loop, cell, sum / (t + 1 - first));
  }
  for (u = first; u <= t; u++)
    gains[u] = gain;
  for (u = first; u > 0 && u <= kept && gains[u - 1] < gain; u--)
    gains[u - 1] = gain;
}

/* Notes the tokens that were found for cells of `some`. */
static void
take_found (gpointer data, guint first, guint end)
{
  const Found *found = data;
  AlitraTokenLoop *loop = found->loop;
  const guint t = found->step;
  guint i;

  for (i = first; i < end; i++) {
    const guint32 cell = loop->some[i];
    const gsize place = (gsize) cell * loop->max_depth + t;

    loop->ids[place] = loop->found[i];
    loop->whole[cell] = loop->energies.whole[i];
    loop->value[place] = loop->taken[i] * exp2f (.5f * loop->boost[cell]);
    pool_gains (loop, cell, t);
    note_profile (loop, cell, t, loop->taken[i]);
    loop->last[cell] = loop->taken[i];
    loop->reach[cell] = t + 1;
  }
}

/* Finds token t of the first n cells of `some`. */
static void
give (AlitraTokenLoop * loop, guint t, guint n)
{
  Found found = { loop, t };
  guint i;

  if (n == 0)
    return;
  for (i = 0; i < n; i++)
    loop->energies.whole[i] = loop->whole[loop->some[i]];
  alitra_quantizer_step (loop->quantizer, t, n, loop->some, loop->residual,
      loop->found, loop->taken, loop->energies.whole);
  alitra_workers_share (loop->workers, n, SHARED, take_found, &found);
}

typedef struct
{
  AlitraTokenLoop *loop;
  gfloat stop, kept_stop;
  guint most;
} Choice;

static void
choose_in_part (gpointer data, guint first, guint end)
{
  const Choice *choice = data;
  AlitraTokenLoop *loop = choice->loop;
  guint i, t;

  for (i = first; i < end; i++) {
    const guint n = MIN (loop->reach[i], choice->most);

    for (t = 0; t < n && alitra_token_loop_worth (loop, i, t)
        > (t < loop->kept[i] ? choice->kept_stop
            : choice->stop + loop->toll[i]); t++);
    loop->depth[i] = t;
  }
}

/* Of the tokens that were found, those that gain more than `stop`. */
static void
choose_depths (AlitraTokenLoop * loop, gfloat stop, gfloat kept_stop,
    guint most)
{
  Choice choice = { loop, stop, kept_stop, most };

  alitra_workers_share (loop->workers, loop->cells, 4 * SHARED, choose_in_part,
      &choice);
}

/* The cell is worth asking for a token behind those that it reaches. */
static inline gboolean
is_promising (const AlitraTokenLoop * loop, guint32 cell, gfloat stop)
{
  return loop->worst[cell] > stop + loop->toll[cell] - SEARCH_SLACK;
}

typedef struct
{
  AlitraTokenLoop *loop;
  gfloat stop;
} Opening;

/* Of the listed cells those that have not been asked yet, or may go on; noted in `found`. */
static void
look_whether_open (gpointer data, guint first, guint end)
{
  const Opening *job = data;
  const AlitraTokenLoop *loop = job->loop;
  guint i;

  for (i = first; i < end; i++) {
    const guint32 cell = loop->list[i];
    const gboolean asked = loop->known[cell] == loop->reach[cell] + 1;

    loop->found[i] = asked ? is_promising (loop, cell, job->stop)
        : !loop->idle[cell] && !is_hopeless (loop, cell, job->stop);
  }
}

/* Lists the open cells: few where little changed. */
static void
open_cells (AlitraTokenLoop * loop, gfloat stop)
{
  Opening job = { loop, stop };
  guint i;

  alitra_workers_share (loop->workers, loop->n, 4 * SHARED, look_whether_open,
      &job);
  loop->n_open = 0;
  for (i = 0; i < loop->n; i++) {
    loop->open[loop->n_open] = loop->list[i];
    loop->n_open += loop->found[i];
  }
}

void
alitra_token_loop_run (AlitraTokenLoop * loop, gfloat stop, gfloat kept_stop,
    guint most)
{
  guint t, i, n, left;

  list_cells (loop, NULL);
  open_cells (loop, stop);
  most = MIN (most, loop->max_depth);
  for (t = 0; t < most && loop->n_open > 0; t++) {
    predict (loop, t, stop);
    for (i = n = left = 0; i < loop->n_open; i++) {
      const guint32 cell = loop->open[i];

      if (loop->reach[cell] == t) {
        if (loop->known[cell] != t + 1 || !is_promising (loop, cell, stop))
          continue;
        loop->some[n++] = cell;
      }
      loop->open[left++] = cell;
    }
    loop->n_open = left;
    give (loop, t, n);
  }
  choose_depths (loop, stop, kept_stop, most);
}

void
alitra_token_loop_run_to (AlitraTokenLoop * loop, const guint8 * want)
{
  guint t, i, n;

  list_cells (loop, NULL);
  for (t = 0; t < loop->max_depth; t++) {
    for (i = n = 0; i < loop->n; i++)
      if (loop->reach[loop->list[i]] == t && want[loop->list[i]] > t)
        loop->some[n++] = loop->list[i];
    give (loop, t, n);
  }
  for (i = 0; i < loop->cells; i++)
    loop->depth[i] = MIN (want[i], loop->reach[i]);
}

const gfloat *
alitra_token_loop_get_start (const AlitraTokenLoop * loop)
{
  return loop->start;
}

gfloat
alitra_token_loop_worth (const AlitraTokenLoop * loop, guint cell, guint t)
{
  gfloat gain = loop->gains[(gsize) cell * loop->max_depth + t];

  return t < loop->kept[cell] ? gain + loop->held_bonus : gain;
}

gboolean
alitra_token_loop_get_next (const AlitraTokenLoop * loop, guint cell,
    gfloat * gain)
{
  const guint depth = loop->depth[cell];

  if (loop->closed[cell])
    return FALSE;
  if (depth < loop->reach[cell])
    *gain = loop->gains[(gsize) cell * loop->max_depth + depth];
  else if (loop->known[cell] == depth + 1)
    *gain = loop->worst[cell];
  else
    return FALSE;
  *gain -= loop->toll[cell];
  return TRUE;
}

/* What the sums of cells of `some` leave over. */
static void
take_sums (gpointer data, guint first, guint end)
{
  AlitraTokenLoop *loop = data;
  const gsize dim = loop->model->dim;
  guint i, k;

  for (i = first; i < end; i++) {
    const gsize at = loop->some[i] * dim;

    for (k = 0; k < dim; k++)
      loop->sums[at + k] = loop->latents[at + k] - loop->sums[at + k];
    loop->settled[loop->some[i]] = loop->depth[loop->some[i]];
  }
}

/* What a cell's tokens leave over: the loop may have gone farther than was paid for. */
void
alitra_token_loop_settle (AlitraTokenLoop * loop)
{
  guint i, n = 0;

  for (i = 0; i < loop->n; i++)
    if (loop->settled[loop->list[i]] != loop->depth[loop->list[i]])
      loop->some[n++] = loop->list[i];
  alitra_quantizer_sum (loop->quantizer, n, loop->some, loop->depth,
      loop->ids, loop->max_depth, loop->sums);
  alitra_workers_share (loop->workers, n, SHARED, take_sums, loop);
  alitra_quantizer_look (loop->quantizer, 0, n, loop->some, loop->sums,
      loop->energies.whole, NULL, NULL);
  alitra_allocator_settle (loop->allocator, loop->level, n, loop->some,
      loop->depth, loop->energies.whole);
}

void
alitra_token_loop_keep (AlitraTokenLoop * loop)
{
  memcpy (loop->kept, loop->depth, loop->cells);
}
