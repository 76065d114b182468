/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenizersurface.h"

#include <math.h>

/* The smooth token must take off at least this part of a cell's error; a learned one could take a quarter.  In calm cells,
 * whose gains count at least so much more, what it leaves shows less than what a learned one brings. */
#define SMOOTH_PART .4f
#define SMOOTH_PART_CALM .1f
#define SMOOTH_CALM .75f
/* So many prices may be left over: of more, learned tokens would take off what they cost. */
#define SMOOTH_LEFT 6.f

void
alitra_tokenizer_tokenise_flat_cells (AlitraTokenizer * self)
{
  static const gfloat gains[2] = { 12.f, 2.f };
  Level *level = &self->level[COARSEST];
  AlitraTokenLoop *loop = &level->loop;
  const guint codes = self->model->level[COARSEST].codes;
  gsize cells = cells_of (level);
  guint32 i;

  for (i = 0; i < cells; i++)
    self->flat->flat[i] = !level->active[i] && loop->depth[i] > 0
        && loop->ids[i * loop->max_depth] >= codes;
  alitra_flat_grid_detect (self->flat, level->source, level->active,
      self->workers);
  for (i = 0; i < cells; i++) {
    const guint16 ids[2] = { codes + self->flat->coarse[i],
      codes + ALITRA_FLAT_COARSE + self->flat->fine[i]
    };

    level->mask[i] = level->active[i] && !self->flat->flat[i];
    if (!level->active[i] || !self->flat->flat[i])
      continue;
    alitra_token_loop_close (loop, i, 2, ids, gains);
    /* what was there before must not be what its neighbours see */
    alitra_allocator_begin (self->allocator, COARSEST, 1, &i, FALSE);
  }
}

void
alitra_tokenizer_settle_flat_cells (AlitraTokenizer * self)
{
  Level *level = &self->level[COARSEST];
  gsize cells = cells_of (level);
  const gfloat nothing = 0.f;
  guint32 i;

  for (i = 0; i < cells; i++)
    if (level->active[i] && self->flat->flat[i])
      alitra_allocator_settle (self->allocator, COARSEST, 1, &i,
          level->loop.depth, &nothing);
}

/* Whether the smooth token helps a cell most.  Where the receiver holds it already it costs nothing; where it holds others
 * that still say more, those stay. */
static gboolean
wants_smooth (const AlitraTokenizer * self, guint index, guint32 cell,
    gfloat stop, gfloat * gain)
{
  const Level *level = &self->level[index];
  const AlitraTokenLoop *loop = &level->loop;
  const AlitraCellLook look = level->looks[cell];
  const gfloat price = alitra_token_loop_least (stop, loop->boost[cell]);
  gfloat part = SMOOTH_PART;

  if (loop->boost[cell] > SMOOTH_CALM)
    part = SMOOTH_PART_CALM;
  if (look.after >= look.before * (1.f - part)
      || look.after > SMOOTH_LEFT * price)
    return FALSE;
  *gain = log2f (look.before - look.after) + loop->boost[cell];
  if (*gain <= stop)
    return FALSE;
  return loop->depth[cell] == 0
      || look.after + price < alitra_token_loop_get_left (loop, cell);
}

void
alitra_tokenizer_tokenise_smooth_cells (AlitraTokenizer * self, guint index,
    gfloat stop)
{
  Level *level = &self->level[index];
  AlitraTokenLoop *loop = &level->loop;
  const guint16 id = self->model->level[index].codes;
  gsize cells = cells_of (level);
  gfloat gain;
  guint32 i;

  for (i = 0; i < cells; i++) {
    if (!level->active[i] || !wants_smooth (self, index, i, stop, &gain))
      continue;
    alitra_token_loop_close (loop, i, 1, &id, &gain);
    alitra_allocator_begin (self->allocator, index, 1, &i, FALSE);
    if (index > 0)
      alitra_allocator_settle (self->allocator, index, 1, &i, loop->depth,
          &level->looks[i].after);
  }
}
