/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deblock.h"

#include <string.h>

#include "model.h"
#include "pixel-loops.h"

#define REACH 4
#define LIMIT .08f              /* excess step at which half of the effect is left */

/* Tokens on both sides at which half of the effect is left, by level: the borders of coarse cells show most. */
static const gfloat half_depth[ALITRA_LEVELS] = { 3.5f, 5.f, 30.f };

static const AlitraSoftening of_luma = { {.5f, .42f, .34f, .2f}, LIMIT };

static const AlitraSoftening of_chroma = { {.42f, .34f, 0.f, 0.f}, LIMIT };

typedef struct
{
  AlitraPlanes *to;
  const AlitraPlanes *from;
  const guint8 *depth;
  const guint8 *mask;           /* NULL: all cells are written */
  gfloat half_depth;
  const AlitraPixelLoops *loops;
} Job;

/* How much of the effect is left between two cells of these depths. */
static inline gfloat
strength_at (gfloat half, guint a, guint b)
{
  return half / (half + a + b);
}

static inline gfloat
strength (const Job * job, guint a, guint b)
{
  return strength_at (job->half_depth, a, b);
}

/* Borders between the columns of cells, for one row of cells. */
static void
filter_across (const Job * job, gfloat * samples, gsize stride, guint cell,
    guint columns, const guint8 * depth, const AlitraSoftening * how)
{
  guint x;

  for (x = 1; x < columns; x++)
    job->loops->soften_across (samples + x * cell, stride, cell, how,
        strength (job, depth[x - 1], depth[x]));
}

/* The border between a row of cells and the one above it. */
static void
filter_down (const Job * job, gfloat * samples, gsize stride, guint cell,
    guint columns, const guint8 * depth, const AlitraSoftening * how)
{
  guint x;

  for (x = 0; x < columns; x++)
    job->loops->soften_down (samples + x * cell - stride, samples + x * cell,
        stride, cell, how, strength (job, depth[x],
            depth[(gssize) x - (gssize) columns]));
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
      depth, &of_luma);
  at = (gsize) row *(ALITRA_CELL / 2) * to->chroma_stride;
  for (c = 0; c < 2; c++) {
    memcpy (to->chroma[c] + at, from->chroma[c] + at,
        ALITRA_CELL / 2 * to->chroma_stride * sizeof (gfloat));
    filter_across (job, to->chroma[c] + at, to->chroma_stride, ALITRA_CELL / 2,
        columns, depth, &of_chroma);
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
      to->luma_stride, ALITRA_CELL, columns, depth, &of_luma);
  for (c = 0; c < 2; c++)
    filter_down (job, to->chroma[c]
        + (gsize) row * (ALITRA_CELL / 2) * to->chroma_stride,
        to->chroma_stride, ALITRA_CELL / 2, columns, depth, &of_chroma);
}

/* --- single cells --------------------------------------------------------------------------------------------------- */

#define WINDOW (ALITRA_CELL + 2 * REACH)

/* One plane of one cell, in a window of its own with the samples around that the borders look at: first the borders
 * between columns, also in the rows above and below, then those between rows, as for whole rows of cells. */
static void
filter_cell (const Job * job, gfloat * to, const gfloat * from, gsize stride,
    gint cell, guint x, guint y, const AlitraSoftening * how)
{
  const guint columns = job->to->grid.columns, rows = job->to->grid.rows;
  const gint left = x > 0 ? REACH : 0, right = x + 1 < columns ? REACH : 0;
  const gint above = y > 0 ? REACH : 0, below = y + 1 < rows ? REACH : 0;
  const guint8 *depth = job->depth + (gsize) y * columns + x;
  gfloat window[WINDOW * WINDOW];
  gfloat *const origin = window + REACH * WINDOW + REACH;
  /* the cell, and the rows of those above and below that its borders look at */
  const struct
  {
    gint first, count;
    const guint8 *depth;
  } part[3] = { {-above, above, depth - columns}, {0, cell, depth}, {cell,
      below, depth + columns}
  };
  gint i, k;

  to += (gsize) y *cell * stride + x * cell;
  from += (gsize) y *cell * stride + x * cell;
  for (i = -above; i < cell + below; i++)
    memcpy (origin + i * WINDOW - left, from + i * (gssize) stride - left,
        (left + cell + right) * sizeof (gfloat));
  for (k = 0; k < 3; k++) {
    gfloat *row = origin + part[k].first * WINDOW;
    const guint8 *d = part[k].depth;

    if (left && part[k].count)
      job->loops->soften_across (row, WINDOW, part[k].count, how,
          strength (job, d[-1], d[0]));
    if (right && part[k].count)
      job->loops->soften_across (row + cell, WINDOW, part[k].count, how,
          strength (job, d[0], d[1]));
  }
  if (above)
    job->loops->soften_down (origin - WINDOW, origin, WINDOW, cell, how,
        strength (job, depth[0], depth[-(gssize) columns]));
  if (below)
    job->loops->soften_down (origin + (cell - 1) * WINDOW, origin
        + cell * WINDOW, WINDOW, cell, how, strength (job, depth[columns],
            depth[0]));
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
        x, row, &of_luma);
    for (c = 0; c < 2; c++)
      filter_cell (job, to->chroma[c], job->from->chroma[c], to->chroma_stride,
          ALITRA_CELL / 2, x, row, &of_chroma);
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
  Job job = { to, from, depth, mask, half_depth[level],
    alitra_matrix_get_pixel_loops ()
  };

  if (mask && !is_most (mask, to->grid)) {
    alitra_workers_run (workers, to->grid.rows, filter_cells_of_row, &job);
    return;
  }
  alitra_workers_run (workers, to->grid.rows, copy_and_filter_row, &job);
  alitra_workers_run (workers, to->grid.rows - 1, filter_border_above, &job);
}

/* --- rows in a band ------------------------------------------------------------------------------------------------- */

void
alitra_deblock_across (AlitraBand * band, guint row, guint level,
    const guint8 * depth, const guint8 * mask)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint columns = band->grid.columns;
  AlitraPlanes view;
  guint x, c;

  alitra_band_view (band, row, &view);
  depth += (gsize) row *columns;
  mask += (gsize) row *columns;
  for (x = 1; x < columns; x++) {
    const gfloat much = strength_at (half_depth[level], depth[x - 1], depth[x]);

    if (!mask[x - 1] || !mask[x])
      continue;
    loops->soften_across (view.luma + (gsize) row * ALITRA_CELL
        * view.luma_stride + x * ALITRA_CELL, view.luma_stride, ALITRA_CELL,
        &of_luma, much);
    for (c = 0; c < 2; c++)
      loops->soften_across (view.chroma[c] + (gsize) row * (ALITRA_CELL / 2)
          * view.chroma_stride + x * (ALITRA_CELL / 2), view.chroma_stride,
          ALITRA_CELL / 2, &of_chroma, much);
  }
}

void
alitra_deblock_down (AlitraBand * band, guint row, guint level,
    const guint8 * depth, const guint8 * mask)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint columns = band->grid.columns;
  AlitraBandLines lines[3];
  guint x, c;

  for (c = 0; c < 3; c++)
    alitra_band_get_lines (band, c, row, &lines[c]);
  depth += (gsize) row *columns;
  mask += (gsize) row *columns;
  for (x = 0; x < columns; x++) {
    const gssize above = (gssize) x - (gssize) columns;
    const gfloat much = strength_at (half_depth[level], depth[x], depth[above]);

    if (!mask[x] || !mask[above])
      continue;
    for (c = 0; c < 3; c++) {
      const guint n = c ? ALITRA_CELL / 2 : ALITRA_CELL;

      loops->soften_down (lines[c].line[-1] + x * n, lines[c].line[0] + x * n,
          c ? band->slot[0].chroma_stride : band->slot[0].luma_stride, n,
          c ? &of_chroma : &of_luma, much);
    }
  }
}
