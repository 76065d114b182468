/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenizerparts.h"

#include <math.h>

void
alitra_tokenizer_level_init (Level * level, AlitraTokenizer * self, guint index)
{
  const guint cell = ALITRA_CELL << index;
  guint x, y;
  gsize cells;

  level->grid = alitra_grid_of (self->stream.width, self->stream.height, index);
  cells = cells_of (level);
  level->analysis = alitra_analysis_new (self->model, index, level->grid,
      self->workers);
  alitra_token_loop_init (&level->loop, self->model, index, level->grid,
      self->allocator, self->workers);
  level->source = &self->intake.source[index];
  if (index > 0)
    alitra_change_init (&level->change, level->grid, ALITRA_CELL,
        self->model->chroma_gain);
  alitra_change_init (&level->base, level->grid, index > 0 ? ALITRA_CELL
      : ALITRA_CELL / 2, self->model->chroma_gain);
  alitra_lifetime_init (&level->lifetime, cells);
  level->inside = g_new0 (guint8, cells);
  level->active = g_new0 (guint8, cells);
  level->threshold = g_new0 (gfloat, cells);
  level->mask = g_new0 (guint8, cells);
  level->gains = g_new0 (gfloat, cells * level->loop.max_depth);
  level->looks = g_new0 (AlitraCellLook, cells);
  for (y = 0; y < level->grid.rows; y++)
    for (x = 0; x < level->grid.columns; x++) {
      const guint i = y * level->grid.columns + x;

      level->inside[i] =
          x * cell < self->stream.width && y * cell < self->stream.height;
      if (!level->inside[i])
        alitra_token_loop_close (&level->loop, i, 0, NULL, NULL);
    }
}

void
alitra_tokenizer_level_clear (Level * level)
{
  alitra_analysis_free (level->analysis);
  alitra_token_loop_clear (&level->loop);
  alitra_change_clear (&level->change);
  alitra_change_clear (&level->base);
  alitra_lifetime_clear (&level->lifetime);
  g_free (level->inside);
  g_free (level->active);
  g_free (level->threshold);
  g_free (level->mask);
  g_free (level->gains);
  g_free (level->looks);
}

gdouble
alitra_tokenizer_price_at (const AlitraTokenizer * self, guint index,
    gdouble price)
{
  return price * alitra_level_price_at (&self->level_price, index, price,
      self->scalable) / (1 << (2 * index));
}

gfloat
alitra_tokenizer_stop_of (const AlitraTokenizer * self, guint index,
    gdouble price)
{
  return log2 (alitra_tokenizer_price_at (self, index, price));
}
