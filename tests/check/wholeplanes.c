/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wholeplanes.h"

#include <string.h>

static float *
plane_row (const AlitraPlanes * planes, guint plane, guint y)
{
  return plane ? planes->chroma[plane - 1] + y * planes->chroma_stride
      : planes->luma + y * planes->luma_stride;
}

static guint
side_of (guint plane)
{
  return plane ? ALITRA_CELL / 2 : ALITRA_CELL;
}

void
test_planes_set_cell (AlitraPlanes * planes, guint column, guint row,
    const float *samples)
{
  for (guint p = 0; p < 3; p++) {
    const guint side = side_of (p);

    for (guint y = 0; y < side; y++, samples += side)
      memcpy (plane_row (planes, p, row * side + y) + column * side, samples,
          side * sizeof (float));
  }
}

void
test_planes_halve (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * mask)
{
  const guint columns = to->grid.columns;

  for (guint row = 0; row < from->grid.rows; row++)
    for (guint column = 0; column < columns; column++)
      if (!mask || mask[row / 2 * columns + column])
        alitra_planes_halve_run (to, from, row, 2 * column, 2 * column + 2);
}

void
test_planes_subtract (AlitraPlanes * from, const AlitraPlanes * what)
{
  for (guint p = 0; p < 3; p++)
    for (guint y = 0; y < from->grid.rows * side_of (p); y++)
      for (guint x = 0; x < from->grid.columns * side_of (p); x++)
        plane_row (from, p, y)[x] -= plane_row (what, p, y)[x];
}

void
test_analysis_run (AlitraAnalysis * analysis, const AlitraPlanes * planes,
    const guint8 * active, float *latents)
{
  const AlitraAnalysisView view = { planes };

  alitra_analysis_begin (analysis, 0, 0, active, latents);
  for (guint row = 0; row < planes->grid.rows; row++)
    alitra_analysis_do_row (analysis, &view, row, 0);
}
