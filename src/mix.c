/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mix.h"

#include <string.h>

gsize
alitra_mix_scratch (const AlitraModel * model)
{
  return (gsize) ALITRA_TILE *(2 * model->dim + model->hidden);
}

static const float *
near_cell (const float *in, guint dim, AlitraGrid grid, gint row, gint column)
{
  row = CLAMP (row, 0, (gint) grid.rows - 1);
  column = CLAMP (column, 0, (gint) grid.columns - 1);
  return in + ((gsize) row * grid.columns + column) * dim;
}

/* Square of the distance; room: n numbers. */
static float
distance (const float *a, const float *b, guint n, float *room)
{
  for (guint i = 0; i < n; i++)
    room[i] = a[i] - b[i];
  return alitra_matrix_energy (room, n);
}

void
alitra_mix_run (const AlitraMix * mix, const AlitraModel * model,
    AlitraGrid grid, guint count, const guint32 * cells, const float *in,
    float least, float *out, guint8 * changed, float *scratch)
{
  const guint dim = model->dim;
  float *spread = scratch, *sum = spread + (gsize) ALITRA_TILE * dim, *hidden =
      sum + (gsize) ALITRA_TILE *dim;

  for (guint i = 0; i < count; i++) {
    const gint row = cells[i] / grid.columns, column = cells[i] % grid.columns;
    const float *near[9];

    for (gint n = 0; n < 9; n++)
      near[n] = near_cell (in, dim, grid, row + n / 3 - 1, column + n % 3 - 1);
    alitra_matrix_spread (near, mix->spread, dim, spread + (gsize) i * dim);
    memcpy (sum + (gsize) i * dim, near[4], dim * sizeof (float));
  }
  alitra_matrix_multiply (&mix->grow, count, spread, dim, hidden, model->hidden,
      ALITRA_END_POSITIVE);
  alitra_matrix_multiply (&mix->shrink, count, hidden, model->hidden, sum, dim,
      ALITRA_END_ADD);
  for (guint i = 0; i < count; i++) {
    const float *from = sum + (gsize) i * dim;
    float *to = out + (gsize) cells[i] * dim;

    if (least > 0.f && distance (from, to, dim, spread) < least)
      changed[cells[i]] = FALSE;
    else
      memcpy (to, from, dim * sizeof (float));
  }
}
