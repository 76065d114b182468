/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A cell paints a window larger than itself; what overlaps is added. Around the grid stands a ring of copies of the
 * border cells, which paint too. Every sample is (own row of cells: own cell + neighbour) + (next row of cells: cell +
 * neighbour), in this order, so that a part done again has the same bits as the whole. */
#include "synthesis.h"

#include <string.h>

#include "kernels.h"
#include "mix.h"

/* Cells whose windows stay in the second-level cache together. */
#define PAINT_TILE 48

/* Samples of a plane's cell and of its margin. */
typedef struct
{
  guint cell, margin;
  gsize begin;                  /* of the plane's part in a painted window */
} Shape;

static const Shape shapes[3] = {
  {ALITRA_CELL, ALITRA_MARGIN, 0},
  {ALITRA_CELL / 2, ALITRA_MARGIN / 2, ALITRA_WINDOW * ALITRA_WINDOW},
  {ALITRA_CELL / 2, ALITRA_MARGIN / 2, ALITRA_WINDOW * ALITRA_WINDOW * 5 / 4},
};

struct _AlitraSynthesis
{
  AlitraModel *model;
  const AlitraModelLevel *level;
  AlitraGrid grid;
  AlitraWorkers *workers;
  gboolean fresh;               /* nothing was run yet */
  /* before and behind each block: latents, whether they may be other than zero, whether they are new in this run */
  float *latents[ALITRA_MAX_BLOCKS + 1];
  guint8 *filled[ALITRA_MAX_BLOCKS + 1];
  guint8 *changed[ALITRA_MAX_BLOCKS + 1];
  guint8 *written;              /* cells whose samples are new in this run */
  guint8 *painting;             /* cells that paint in this run */
  guint8 *row_paints;           /* rows of cells that have any of them */
  /* what a row of cells paints above and below itself: margin rows above, margin rows below, for each plane */
  float *beyond[3];
  float *scratch;               /* scratch_size floats for each worker */
  gsize scratch_size;
  /* of the run */
  guint block;
  const float *sums;
  AlitraPlanes *planes;
};

AlitraSynthesis *
alitra_synthesis_new (AlitraModel * model, guint level, AlitraGrid grid,
    AlitraWorkers * workers)
{
  AlitraSynthesis *synthesis = g_new0 (AlitraSynthesis, 1);
  const gsize cells = (gsize) grid.columns * grid.rows;

  synthesis->model = model;
  synthesis->level = &model->level[level];
  synthesis->grid = grid;
  synthesis->workers = workers;
  synthesis->fresh = TRUE;
  for (guint i = 0; i <= synthesis->level->blocks; i++) {
    synthesis->latents[i] = alitra_floats_new (cells * model->dim);
    synthesis->filled[i] = g_malloc0 (cells);
    synthesis->changed[i] = g_malloc0 (cells);
  }
  synthesis->written = g_malloc0 (cells);
  synthesis->painting = g_malloc0 (cells);
  synthesis->row_paints = g_malloc0 (grid.rows);
  for (guint i = 0; i < 3; i++)
    synthesis->beyond[i] =
        alitra_floats_new (cells * shapes[i].cell * 2 * shapes[i].margin);
  synthesis->scratch_size =
      MAX (alitra_mix_scratch (model),
      (gsize) PAINT_TILE * (model->dim + ALITRA_WINDOW_SAMPLES));
  synthesis->scratch =
      alitra_floats_new (synthesis->scratch_size *
      alitra_workers_get_threads (workers));
  return synthesis;
}

void
alitra_synthesis_free (AlitraSynthesis * synthesis)
{
  if (!synthesis)
    return;
  for (guint i = 0; i <= ALITRA_MAX_BLOCKS; i++) {
    alitra_floats_free (synthesis->latents[i]);
    g_free (synthesis->filled[i]);
    g_free (synthesis->changed[i]);
  }
  g_free (synthesis->written);
  g_free (synthesis->painting);
  g_free (synthesis->row_paints);
  for (guint i = 0; i < 3; i++)
    alitra_floats_free (synthesis->beyond[i]);
  alitra_floats_free (synthesis->scratch);
  g_free (synthesis);
}

/* --- latents ---------------------------------------------------------------------------------------------------- */

static inline gsize
cell_of (const AlitraSynthesis * synthesis, guint column, guint row)
{
  return (gsize) row *synthesis->grid.columns + column;
}

static inline float *
latent_of (const AlitraSynthesis * synthesis, guint block, gsize cell)
{
  return synthesis->latents[block] + cell * synthesis->model->dim;
}

static void
set_zero (const AlitraSynthesis * synthesis, guint block, gsize cell)
{
  memset (latent_of (synthesis, block, cell), 0,
      synthesis->model->dim * sizeof (float));
}

static void
take_sums_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const guint dim = synthesis->model->dim;

  for (guint column = 0; column < synthesis->grid.columns; column++) {
    const gsize cell = cell_of (synthesis, column, row);

    if (!synthesis->changed[0][cell])
      continue;
    if (synthesis->filled[0][cell])
      memcpy (latent_of (synthesis, 0, cell), synthesis->sums + cell * dim,
          dim * sizeof (float));
    else
      set_zero (synthesis, 0, cell);
  }
}

static void
mix_tile (AlitraSynthesis * synthesis, guint row, guint count,
    const guint * columns, float *scratch)
{
  const guint block = synthesis->block;

  if (count)
    alitra_mix_run (&synthesis->level->synthesis[block], synthesis->model,
        synthesis->grid, row, count, columns, synthesis->latents[block],
        synthesis->latents[block + 1], scratch);
}

static void
mix_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  float *scratch = synthesis->scratch + worker * synthesis->scratch_size;
  const guint after = synthesis->block + 1;
  guint columns[ALITRA_TILE], count = 0;

  for (guint column = 0; column < synthesis->grid.columns; column++) {
    const gsize cell = cell_of (synthesis, column, row);

    if (!synthesis->changed[after][cell])
      continue;
    if (!synthesis->filled[after][cell]) {
      set_zero (synthesis, after, cell);
      continue;
    }
    columns[count++] = column;
    if (count == ALITRA_TILE) {
      mix_tile (synthesis, row, count, columns, scratch);
      count = 0;
    }
  }
  mix_tile (synthesis, row, count, columns, scratch);
}

/* --- painting --------------------------------------------------------------------------------------------------- */

/* Four floats anywhere. */
typedef float Four __attribute__((vector_size (16), aligned (4), may_alias));

static inline void
add_samples (float *to, const float *from, guint count)
{
  guint i = 0;

  for (; i + 4 <= count; i += 4)
    *(Four *) (to + i) += *(const Four *) (from + i);
  for (; i < count; i++)
    to[i] += from[i];
}

/* One row of a cell's window. `row`: where the picture's row begins; `may`: cells of it that may be touched;
 * NULL: all. */
static inline void
add_window_row (const Shape * shape, guint column, guint columns,
    const guint8 * may, float *row, const float *window)
{
  const guint cell = shape->cell, margin = shape->margin;
  float *own = row + (gsize) column * cell;

  if (column > 0 && (!may || may[column - 1]))
    add_samples (own - margin, window, margin);
  if (!may || may[column])
    add_samples (own, window + margin, cell);
  if (column + 1 < columns && (!may || may[column + 1]))
    add_samples (own + cell, window + margin + cell, margin);
  /* the ring: a copy of this cell stands beside it */
  if (column == 0 && (!may || may[column]))
    add_samples (own, window + margin + cell, margin);
  if (column + 1 == columns && (!may || may[column]))
    add_samples (own + cell - margin, window, margin);
}

static inline gsize
plane_stride (const AlitraPlanes * planes, guint plane)
{
  return plane ? planes->chroma_stride : planes->luma_stride;
}

static inline float *
plane_row (const AlitraPlanes * planes, guint plane, guint y)
{
  return (plane ? planes->chroma[plane - 1] : planes->luma) +
      plane_stride (planes, plane) * y;
}

/* Row `i` of what a row of cells paints outside itself: 0..margin-1 above, margin..2*margin-1 below. */
static inline float *
beyond_row (const AlitraSynthesis * synthesis, guint plane, guint row, guint i)
{
  const gsize width = (gsize) synthesis->grid.columns * shapes[plane].cell;

  return synthesis->beyond[plane] + ((gsize) row * 2 * shapes[plane].margin +
      i) * width;
}

static void
add_window (AlitraSynthesis * synthesis, guint column, guint row,
    const float *windows)
{
  const guint columns = synthesis->grid.columns;
  const guint8 *written = synthesis->written + cell_of (synthesis, 0, row);

  for (guint plane = 0; plane < 3; plane++) {
    const Shape *shape = &shapes[plane];
    const guint side = shape->cell + 2 * shape->margin;
    const float *window = windows + shape->begin;

    for (guint y = 0; y < side; y++, window += side) {
      if (y < shape->margin)
        add_window_row (shape, column, columns, NULL, beyond_row (synthesis,
                plane, row, y), window);
      else if (y < shape->margin + shape->cell)
        add_window_row (shape, column, columns, written,
            plane_row (synthesis->planes, plane,
                row * shape->cell + y - shape->margin), window);
      else
        add_window_row (shape, column, columns, NULL,
            beyond_row (synthesis, plane, row, y - shape->cell), window);
    }
  }
}

static void
clear_row (AlitraSynthesis * synthesis, guint row)
{
  for (guint plane = 0; plane < 3; plane++) {
    const Shape *shape = &shapes[plane];

    memset (beyond_row (synthesis, plane, row, 0), 0,
        (gsize) synthesis->grid.columns * shape->cell * 2 * shape->margin *
        sizeof (float));
    for (guint column = 0; column < synthesis->grid.columns; column++) {
      if (!synthesis->written[cell_of (synthesis, column, row)])
        continue;
      for (guint y = 0; y < shape->cell; y++)
        memset (plane_row (synthesis->planes, plane,
                row * shape->cell + y) + (gsize) column * shape->cell, 0,
            shape->cell * sizeof (float));
    }
  }
}

static void
paint_tile (AlitraSynthesis * synthesis, guint row, guint count,
    const guint * columns, float *scratch)
{
  const guint dim = synthesis->model->dim;
  float *windows = scratch + (gsize) PAINT_TILE * dim;

  for (guint i = 0; i < count; i++)
    memcpy (scratch + (gsize) i * dim, latent_of (synthesis,
            synthesis->level->blocks, cell_of (synthesis, columns[i], row)),
        dim * sizeof (float));
  alitra_matrix_multiply (&synthesis->level->paint, count, scratch, dim,
      windows, ALITRA_WINDOW_SAMPLES, ALITRA_END_STORE);
  for (guint i = 0; i < count; i++)
    add_window (synthesis, columns[i], row,
        windows + (gsize) i * ALITRA_WINDOW_SAMPLES);
}

static void
paint_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  float *scratch = synthesis->scratch + worker * synthesis->scratch_size;
  guint columns[PAINT_TILE], count = 0;

  clear_row (synthesis, row);
  for (guint column = 0; column < synthesis->grid.columns; column++) {
    if (!synthesis->painting[cell_of (synthesis, column, row)])
      continue;
    columns[count++] = column;
    if (count == PAINT_TILE) {
      paint_tile (synthesis, row, count, columns, scratch);
      count = 0;
    }
  }
  paint_tile (synthesis, row, count, columns, scratch);
}

/* Adds to the first or last rows of a row of cells what the rows of cells beside it painted there. */
static void
join_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const guint above = row ? row - 1 : 0, below =
      MIN (row + 1, synthesis->grid.rows - 1);

  for (guint column = 0; column < synthesis->grid.columns; column++) {
    if (!synthesis->written[cell_of (synthesis, column, row)])
      continue;
    for (guint plane = 0; plane < 3; plane++) {
      const guint cell = shapes[plane].cell, margin = shapes[plane].margin;
      const gsize x = (gsize) column * cell;

      for (guint y = 0; y < margin; y++) {
        if (synthesis->row_paints[above])
          add_samples (plane_row (synthesis->planes, plane, row * cell + y) + x,
              beyond_row (synthesis, plane, above, margin + y) + x, cell);
        if (synthesis->row_paints[below])
          add_samples (plane_row (synthesis->planes, plane,
                  (row + 1) * cell - margin + y) + x, beyond_row (synthesis,
                  plane, below, y) + x, cell);
      }
    }
  }
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* Which latents and samples are new, and which can be other than zero. */
static void
spread_changes (AlitraSynthesis * synthesis, const guint8 * depth,
    const guint8 * changed)
{
  const gsize cells = (gsize) synthesis->grid.columns * synthesis->grid.rows;
  const guint blocks = synthesis->level->blocks;

  for (gsize i = 0; i < cells; i++) {
    synthesis->filled[0][i] = depth[i] != 0;
    synthesis->changed[0][i] = !changed || changed[i];
  }
  for (guint i = 0; i < blocks; i++) {
    alitra_mask_dilate (synthesis->grid, synthesis->filled[i + 1],
        synthesis->filled[i]);
    alitra_mask_dilate (synthesis->grid, synthesis->changed[i + 1],
        synthesis->changed[i]);
  }
  alitra_mask_dilate (synthesis->grid, synthesis->written,
      synthesis->changed[blocks]);
  alitra_mask_dilate (synthesis->grid, synthesis->painting, synthesis->written);
  memset (synthesis->row_paints, 0, synthesis->grid.rows);
  for (gsize i = 0; i < cells; i++) {
    synthesis->painting[i] &= synthesis->filled[blocks][i];
    synthesis->row_paints[i / synthesis->grid.columns] |=
        synthesis->painting[i];
  }
}

const guint8 *
alitra_synthesis_run (AlitraSynthesis * synthesis, const float *sums,
    const guint8 * depth, const guint8 * changed, AlitraPlanes * planes)
{
  const guint rows = synthesis->grid.rows;

  if (synthesis->fresh)
    changed = NULL;
  synthesis->fresh = FALSE;
  synthesis->sums = sums;
  synthesis->planes = planes;
  spread_changes (synthesis, depth, changed);
  alitra_workers_run (synthesis->workers, rows, take_sums_row, synthesis);
  for (synthesis->block = 0; synthesis->block < synthesis->level->blocks;
      synthesis->block++)
    alitra_workers_run (synthesis->workers, rows, mix_row, synthesis);
  alitra_workers_run (synthesis->workers, rows, paint_row, synthesis);
  alitra_workers_run (synthesis->workers, rows, join_row, synthesis);
  return changed ? synthesis->written : NULL;
}
