/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "change.h"

#include <string.h>

#include "model.h"
#include "pixel-loops.h"

typedef struct
{
  const AlitraChange *change;
  AlitraChange *memory;
  const AlitraPlanes *planes;
  gfloat threshold;             /* of samples 0..1 */
  const gfloat *thresholds;     /* of each cell, in grey levels; NULL: that one for all */
  guint8 *active;
  const guint8 *mask;
} Comparison;

void
alitra_change_init (AlitraChange * change, AlitraGrid grid, guint side,
    const gfloat gain[2])
{
  const guint coarser = ALITRA_CELL / side;

  alitra_planes_init (&change->reference, (AlitraGrid) {
      grid.columns / coarser, grid.rows / coarser});
  change->grid = grid;
  change->side = side;
  memcpy (change->gain, gain, sizeof (change->gain));
}

void
alitra_change_clear (AlitraChange * change)
{
  alitra_planes_clear (&change->reference);
}

/* Mean absolute difference of n x n samples. */
static inline gfloat
difference (const gfloat * a, const gfloat * b, gsize stride, guint n)
{
  return alitra_matrix_get_pixel_loops ()->difference (a, stride, b, stride, n)
      / (n * n);
}

static gboolean
cell_changed (const Comparison * c, guint column, guint row)
{
  const gfloat threshold = c->thresholds
      ? c->thresholds[row * c->change->grid.columns + column] / 255.f
      : c->threshold;
  const AlitraPlanes *a = c->planes, *b = &c->change->reference;
  const guint side = c->change->side, half = side / 2;
  const gsize luma = row * side * a->luma_stride + column * side;
  const gsize chroma = row * half * a->chroma_stride + column * half;
  guint i;

  if (difference (a->luma + luma, b->luma + luma, a->luma_stride, side)
      > threshold)
    return TRUE;
  for (i = 0; i < 2; i++)
    if (difference (a->chroma[i] + chroma, b->chroma[i] + chroma,
            a->chroma_stride, half) > threshold * c->change->gain[i])
      return TRUE;
  return FALSE;
}

static void
compare_row (gpointer data, guint row, guint worker)
{
  const Comparison *c = data;
  const guint columns = c->change->grid.columns;
  guint x;

  for (x = 0; x < columns; x++)
    if (c->mask[row * columns + x] && !c->active[row * columns + x]
        && cell_changed (c, x, row))
      c->active[row * columns + x] = 1;
}

void
alitra_change_detect (const AlitraChange * change, const AlitraPlanes * planes,
    gfloat threshold, const guint8 * mask, guint8 * active,
    AlitraWorkers * workers)
{
  Comparison comparison = { change, NULL, planes, threshold / 255.f, NULL,
    active, mask
  };

  alitra_workers_run (workers, change->grid.rows, compare_row, &comparison);
}

void
alitra_change_detect_each (const AlitraChange * change,
    const AlitraPlanes * planes, const gfloat * thresholds,
    const guint8 * mask, guint8 * active, AlitraWorkers * workers)
{
  Comparison comparison = { change, NULL, planes, 0.f, thresholds, active,
    mask
  };

  alitra_workers_run (workers, change->grid.rows, compare_row, &comparison);
}

void
alitra_change_detect_row (const AlitraChange * change,
    const AlitraPlanes * planes, gfloat threshold, const guint8 * mask,
    guint8 * active, guint row)
{
  Comparison comparison = { change, NULL, planes, threshold / 255.f, NULL,
    active, mask
  };

  compare_row (&comparison, row, 0);
}

static void
copy_block (gfloat * to, const gfloat * from, gsize stride, guint columns,
    guint rows)
{
  guint y;

  for (y = 0; y < rows; y++)
    memcpy (to + y * stride, from + y * stride, columns * sizeof (gfloat));
}

/* Cells first..end-1 of a row. */
static void
remember_cells (AlitraChange * change, const AlitraPlanes * from, guint row,
    guint first, guint end)
{
  const guint side = change->side, half = side / 2;
  const gsize luma = row * side * from->luma_stride + first * side;
  const gsize chroma = row * half * from->chroma_stride + first * half;
  AlitraPlanes *to = &change->reference;
  guint i;

  copy_block (to->luma + luma, from->luma + luma, from->luma_stride,
      (end - first) * side, side);
  for (i = 0; i < 2; i++)
    copy_block (to->chroma[i] + chroma, from->chroma[i] + chroma,
        from->chroma_stride, (end - first) * half, half);
}

static void
remember_row (gpointer data, guint row, guint worker)
{
  const Comparison *c = data;
  const guint columns = c->memory->grid.columns;
  const guint8 *mask = c->mask ? c->mask + (gsize) row * columns : NULL;
  guint first = 0, end;

  while (first < columns) {
    for (end = first; end < columns && (!mask || mask[end]); end++);
    if (end > first)
      remember_cells (c->memory, c->planes, row, first, end);
    first = end + 1;
  }
}

void
alitra_change_remember (AlitraChange * change, const AlitraPlanes * planes,
    const guint8 * mask, AlitraWorkers * workers)
{
  Comparison comparison = { change, change, planes, 0.f, NULL, NULL, mask };

  alitra_workers_run (workers, change->grid.rows, remember_row, &comparison);
}

void
alitra_change_remember_row (AlitraChange * change, const AlitraPlanes * planes,
    const guint8 * mask, guint row)
{
  Comparison comparison = { change, change, planes, 0.f, NULL, NULL, mask };

  remember_row (&comparison, row, 0);
}
