/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deblock.h"

#include <math.h>
#include <string.h>

#include "model.h"

#define REACH 4
#define LIMIT .08f              /* excess step at which half of the effect is left */

/* Tokens on both sides at which half of the effect is left, by level: the borders of coarse cells show most. */
static const gfloat half_depth[ALITRA_LEVELS] = { 3.5f, 5.f, 30.f };

static const gfloat luma_weights[REACH] = { .5f, .42f, .34f, .2f };
static const gfloat chroma_weights[REACH] = { .42f, .34f, 0.f, 0.f };

typedef struct
{
  AlitraPlanes *to;
  const AlitraPlanes *from;
  const guint8 *depth;
  const guint8 *mask;           /* NULL: all cells are written */
  gfloat half_depth;
} Job;

/* How much of the effect is left between two cells of these depths. */
static inline gfloat
strength (const Job * job, guint a, guint b)
{
  return job->half_depth / (job->half_depth + a + b);
}

/* One line of samples across a border; p is the first sample behind it, `step` leads along the line. */
static inline void
smooth (gfloat * p, gssize step, gfloat strength, const gfloat * weights)
{
  const gfloat a0 = p[-step], a1 = p[-2 * step], a2 = p[-3 * step];
  const gfloat b0 = p[0], b1 = p[step], b2 = p[2 * step];
  const gfloat slope = ((a0 - a1) + (a1 - a2) + (b1 - b0) + (b2 - b1)) / 4.f;
  gfloat d = b0 - a0 - slope;
  guint i;

  d *= LIMIT / (fabsf (d) + LIMIT) * strength;
  for (i = 0; i < REACH; i++) {
    p[-(gssize) (i + 1) * step] += d * weights[i];
    p[(gssize) i * step] -= d * weights[i];
  }
}

/* Borders between the columns of cells, for one row of cells. */
static void
filter_across (const Job * job, gfloat * samples, gsize stride, guint cell,
    guint columns, const guint8 * depth, const gfloat * weights)
{
  guint x, y;

  for (y = 0; y < cell; y++)
    for (x = 1; x < columns; x++)
      smooth (samples + y * stride + x * cell, 1,
          strength (job, depth[x - 1], depth[x]), weights);
}

/* The border between a row of cells and the one above it. */
static void
filter_down (const Job * job, gfloat * samples, gsize stride, guint cell,
    guint columns, const guint8 * depth, const gfloat * weights)
{
  guint x, i;

  for (x = 0; x < columns; x++) {
    gfloat s = strength (job, depth[x],
        depth[(gssize) x - (gssize) columns]);

    for (i = 0; i < cell; i++)
      smooth (samples + x * cell + i, stride, s, weights);
  }
}

static void
copy_and_filter_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  const AlitraPlanes *from = job->from;
  AlitraPlanes *to = job->to;
  const guint columns = to->grid.columns;
  const guint8 *depth = job->depth + (gsize) row * columns;
  gsize at = (gsize) row * ALITRA_CELL * to->luma_stride;
  guint c;

  memcpy (to->luma + at, from->luma + at,
      ALITRA_CELL * to->luma_stride * sizeof (gfloat));
  filter_across (job, to->luma + at, to->luma_stride, ALITRA_CELL, columns,
      depth, luma_weights);
  at = (gsize) row *(ALITRA_CELL / 2) * to->chroma_stride;
  for (c = 0; c < 2; c++) {
    memcpy (to->chroma[c] + at, from->chroma[c] + at,
        ALITRA_CELL / 2 * to->chroma_stride * sizeof (gfloat));
    filter_across (job, to->chroma[c] + at, to->chroma_stride, ALITRA_CELL / 2,
        columns, depth, chroma_weights);
  }
}

static void
filter_border_above (gpointer data, guint border, guint worker)
{
  const Job *job = data;
  AlitraPlanes *to = job->to;
  const guint columns = to->grid.columns, row = border + 1;
  const guint8 *depth = job->depth + (gsize) row * columns;
  guint c;

  filter_down (job, to->luma + (gsize) row * ALITRA_CELL * to->luma_stride,
      to->luma_stride, ALITRA_CELL, columns, depth, luma_weights);
  for (c = 0; c < 2; c++)
    filter_down (job, to->chroma[c]
        + (gsize) row * (ALITRA_CELL / 2) * to->chroma_stride,
        to->chroma_stride, ALITRA_CELL / 2, columns, depth, chroma_weights);
}

/* --- single cells --------------------------------------------------------------------------------------------------- */

#define WINDOW (ALITRA_CELL + 2 * REACH)

/* One plane of one cell, in a window of its own with the samples around that the borders look at: first the borders
 * between columns, also in the rows above and below, then those between rows, as for whole rows of cells. */
static void
filter_cell (const Job * job, gfloat * to, const gfloat * from, gsize stride,
    gint cell, guint x, guint y, const gfloat * weights)
{
  const guint columns = job->to->grid.columns, rows = job->to->grid.rows;
  const gint left = x > 0 ? REACH : 0, right = x + 1 < columns ? REACH : 0;
  const gint above = y > 0 ? REACH : 0, below = y + 1 < rows ? REACH : 0;
  const guint8 *depth = job->depth + (gsize) y * columns + x;
  gfloat window[WINDOW * WINDOW];
  gfloat *const origin = window + REACH * WINDOW + REACH;
  gint i;

  to += (gsize) y *cell * stride + x * cell;
  from += (gsize) y *cell * stride + x * cell;
  for (i = -above; i < cell + below; i++) {
    const guint8 *d = i < 0 ? depth - columns : i < cell ? depth : depth
        + columns;
    gfloat *row = origin + i * WINDOW;

    memcpy (row - left, from + i * (gssize) stride - left,
        (left + cell + right) * sizeof (gfloat));
    if (left)
      smooth (row, 1, strength (job, d[-1], d[0]), weights);
    if (right)
      smooth (row + cell, 1, strength (job, d[0], d[1]), weights);
  }
  for (i = 0; above && i < cell; i++)
    smooth (origin + i, WINDOW, strength (job, depth[0],
            depth[-(gssize) columns]), weights);
  for (i = 0; below && i < cell; i++)
    smooth (origin + cell * WINDOW + i, WINDOW, strength (job, depth[columns],
            depth[0]), weights);
  for (i = 0; i < cell; i++)
    memcpy (to + i * stride, origin + i * WINDOW, cell * sizeof (gfloat));
}

static void
filter_cells_of_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  AlitraPlanes *to = job->to;
  const guint8 *mask = job->mask + (gsize) row * to->grid.columns;
  guint x, c;

  for (x = 0; x < to->grid.columns; x++) {
    if (!mask[x])
      continue;
    filter_cell (job, to->luma, job->from->luma, to->luma_stride, ALITRA_CELL,
        x, row, luma_weights);
    for (c = 0; c < 2; c++)
      filter_cell (job, to->chroma[c], job->from->chroma[c], to->chroma_stride,
          ALITRA_CELL / 2, x, row, chroma_weights);
  }
}

/* Whole rows of cells are cheaper than windows where most cells are written. */
static gboolean
is_most (const guint8 * mask, AlitraGrid grid)
{
  const gsize cells = (gsize) grid.columns * grid.rows;
  gsize set = 0, i;

  for (i = 0; i < cells; i++)
    set += mask[i] != 0;
  return 2 * set >= cells;
}

void
alitra_deblock (AlitraPlanes * to, const AlitraPlanes * from, guint level,
    const guint8 * depth, const guint8 * mask, AlitraWorkers * workers)
{
  Job job = { to, from, depth, mask, half_depth[level] };

  if (mask && !is_most (mask, to->grid)) {
    alitra_workers_run (workers, to->grid.rows, filter_cells_of_row, &job);
    return;
  }
  alitra_workers_run (workers, to->grid.rows, copy_and_filter_row, &job);
  alitra_workers_run (workers, to->grid.rows - 1, filter_border_above, &job);
}
