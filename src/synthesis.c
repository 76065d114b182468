/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A cell paints a window larger than itself; what overlaps is added. Around the grid stands a ring of copies of the
 * border cells, which paint too. Every sample is (own row of cells: own cell + neighbour) + (next row of cells: cell +
 * neighbour), in this order, so that a part done again has the same bits as the whole. */
#include "synthesis.h"

#include <string.h>

#include "mix.h"
#include "pixel-loops.h"

/* Cells whose windows stay in the second-level cache together. */
#define PAINT_TILE 48
/* Windows of a tile that the next one needs. */
#define KEPT 2

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
  guint8 *joining;              /* cells over which another window of their row lies than before */
  guint8 *painting;             /* cells that paint in this run */
  guint8 *row_joins;            /* rows of cells that have any of `joining` */
  /* for each plane what each row of cells paints: its own rows of samples, and the margins above and below */
  float *rows[3];
  float *scratch;               /* scratch_size floats for each worker */
  gsize scratch_size;
  const float **window;         /* a row of cells for each worker */
  /* of the run */
  guint block;
  const float *sums;
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
  synthesis->joining = g_malloc0 (cells);
  synthesis->painting = g_malloc0 (cells);
  synthesis->row_joins = g_malloc0 (grid.rows);
  for (guint i = 0; i < 3; i++)
    synthesis->rows[i] = alitra_floats_new (cells * shapes[i].cell
        * (shapes[i].cell + 2 * shapes[i].margin) + ALITRA_SLACK);
  synthesis->scratch_size = MAX (alitra_mix_scratch (model),
      (gsize) PAINT_TILE * model->dim
      + (PAINT_TILE + KEPT) * ALITRA_WINDOW_SAMPLES);
  synthesis->window = g_new0 (const float *,
      (gsize) grid.columns * alitra_workers_get_threads (workers));
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
  g_free (synthesis->joining);
  g_free (synthesis->painting);
  g_free (synthesis->row_joins);
  g_free (synthesis->window);
  for (guint i = 0; i < 3; i++)
    alitra_floats_free (synthesis->rows[i]);
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

/* Row `y` of what a row of cells paints, from the margin above it to the one below. */
static inline float *
sum_row (const AlitraSynthesis * synthesis, guint plane, guint row, guint y)
{
  const Shape *shape = &shapes[plane];
  const gsize width = (gsize) synthesis->grid.columns * shape->cell;

  return synthesis->rows[plane] + ((gsize) row * (shape->cell
          + 2 * shape->margin) + y) * width;
}

/* One plane of what the cells of a row paint over column `column`: the cell itself, and the margins of those beside it. */
static void
join_windows (AlitraSynthesis * synthesis, guint plane, guint column, guint row,
    const float *own, const float *left, const float *right)
{
  const Shape *shape = &shapes[plane];
  const guint cell = shape->cell, margin = shape->margin;
  const guint side = cell + 2 * margin;
  const gsize width = (gsize) synthesis->grid.columns * cell;
  float *to = sum_row (synthesis, plane, row, 0) + (gsize) column * cell;
  guint at = shape->begin;

  for (guint y = 0; y < side; y++, to += width, at += side) {
    if (own)
      memcpy (to, own + at + margin, cell * sizeof (float));
    else
      memset (to, 0, cell * sizeof (float));
    if (left)
      add_samples (to, left + at + margin + cell, margin);
    if (right)
      add_samples (to + cell - margin, right + at, margin);
  }
}

/* Room of a worker: latents of a tile, windows of the last two cells before it and its own, where windows of a row lie. */
typedef struct
{
  float *latents, *windows;
  const float **window;         /* per column; NULL: the cell paints nothing */
} Room;

static Room
room_of (const AlitraSynthesis * synthesis, guint worker)
{
  float *scratch = synthesis->scratch + worker * synthesis->scratch_size;

  return (Room) {
  scratch, scratch + (gsize) PAINT_TILE *synthesis->model->dim,
        synthesis->window + (gsize) worker *synthesis->grid.columns};
}

static void
paint_tile (AlitraSynthesis * synthesis, guint row, guint count,
    const guint * columns, const Room * room)
{
  const guint dim = synthesis->model->dim;
  float *windows = room->windows + KEPT * ALITRA_WINDOW_SAMPLES;

  for (guint i = 0; i < count; i++) {
    memcpy (room->latents + (gsize) i * dim, latent_of (synthesis,
            synthesis->level->blocks, cell_of (synthesis, columns[i], row)),
        dim * sizeof (float));
    room->window[columns[i]] = windows + (gsize) i *ALITRA_WINDOW_SAMPLES;
  }
  alitra_matrix_multiply (&synthesis->level->paint, count, room->latents, dim,
      windows, ALITRA_WINDOW_SAMPLES, ALITRA_END_STORE);
}

/* The cells first..end-1 of a row whose windows, and those of the cells beside them, are painted. */
static void
join_run (AlitraSynthesis * synthesis, guint row, guint first, guint end,
    const Room * room)
{
  const guint last = synthesis->grid.columns - 1;

  for (guint x = first; x < end; x++) {
    if (!synthesis->joining[cell_of (synthesis, x, row)])
      continue;
    /* the ring: copies of the first and the last cell stand beside them */
    for (guint plane = 0; plane < 3; plane++)
      join_windows (synthesis, plane, x, row, room->window[x],
          room->window[x > 0 ? x - 1 : 0], room->window[MIN (x + 1, last)]);
  }
}

/* The next tile will lie where the windows of this one do: those that it needs move before it. */
static void
keep_windows (const Room * room, guint last)
{
  for (guint i = 0; i < KEPT && i <= last; i++) {
    const float **window = &room->window[last - i];
    float *to = room->windows + (KEPT - 1 - i) * ALITRA_WINDOW_SAMPLES;

    if (*window && *window != to)
      *window = memcpy (to, *window, ALITRA_WINDOW_SAMPLES * sizeof (float));
  }
}

static void
paint_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const Room room = room_of (synthesis, worker);
  guint columns[PAINT_TILE], count = 0, joined = 0;

  if (!synthesis->row_joins[row])
    return;
  memset (room.window, 0, synthesis->grid.columns * sizeof (*room.window));
  for (guint column = 0; column < synthesis->grid.columns; column++) {
    if (!synthesis->painting[cell_of (synthesis, column, row)])
      continue;
    columns[count++] = column;
    if (count < PAINT_TILE)
      continue;
    paint_tile (synthesis, row, count, columns, &room);
    join_run (synthesis, row, joined, column, &room);
    joined = column;
    keep_windows (&room, column);
    count = 0;
  }
  paint_tile (synthesis, row, count, columns, &room);
  join_run (synthesis, row, joined, synthesis->grid.columns, &room);
}

/* --- the picture ------------------------------------------------------------------------------------------------- */

typedef struct
{
  AlitraSynthesis *synthesis;
  const AlitraPlanes *base;
  AlitraPlanes *to;
  const guint8 *mask;
} Sum;

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

/* What rows of cells above or below paint into row y of a row of cells; NULL: nothing. */
static const float *
row_beside (const AlitraSynthesis * synthesis, guint plane, guint row, guint y)
{
  const guint cell = shapes[plane].cell, margin = shapes[plane].margin;

  if (y < margin)
    return sum_row (synthesis, plane, row ? row - 1 : 0, margin + cell + y);
  if (y >= cell - margin)
    return sum_row (synthesis, plane, MIN (row + 1, synthesis->grid.rows - 1),
        y + margin - cell);
  return NULL;
}

static void
add_run (const Sum * sum, guint plane, guint row, guint first, guint end)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint cell = shapes[plane].cell, margin = shapes[plane].margin;
  const guint count = (end - first) * cell;
  const gsize x = (gsize) first * cell;

  for (guint y = 0; y < cell; y++) {
    const float *own = sum_row (sum->synthesis, plane, row, margin + y) + x;
    const float *beside = row_beside (sum->synthesis, plane, row, y);
    float *to = plane_row (sum->to, plane, row * cell + y) + x;

    if (sum->base && beside)
      loops->add_sum (to, plane_row (sum->base, plane, row * cell + y) + x, own,
          beside + x, count);
    else if (sum->base)
      loops->add (to, plane_row (sum->base, plane, row * cell + y) + x, own,
          count);
    else if (beside)
      loops->add (to, own, beside + x, count);
    else
      memcpy (to, own, count * sizeof (float));
  }
}

static void
add_row (gpointer data, guint row, guint worker)
{
  const Sum *sum = data;
  const guint columns = sum->synthesis->grid.columns;
  const guint8 *mask = sum->mask ? sum->mask + (gsize) row * columns : NULL;
  guint first = 0, end;

  for (; first < columns; first = end + 1) {
    for (end = first; end < columns && (!mask || mask[end]); end++);
    if (end > first)
      for (guint plane = 0; plane < 3; plane++)
        add_run (sum, plane, row, first, end);
  }
}

void
alitra_synthesis_add (AlitraSynthesis * synthesis, const AlitraPlanes * base,
    const guint8 * mask, AlitraPlanes * to)
{
  Sum sum = { synthesis, base, to, mask };

  alitra_workers_run (synthesis->workers, synthesis->grid.rows, add_row, &sum);
}

void
alitra_synthesis_add_row (AlitraSynthesis * synthesis,
    const AlitraPlanes * base, const guint8 * mask, guint row,
    AlitraPlanes * to)
{
  Sum sum = { synthesis, base, to, mask };

  add_row (&sum, row, 0);
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* Every cell that is set or stands beside one that is. */
static void
dilate_rows (AlitraGrid grid, guint8 * to, const guint8 * from)
{
  const guint last = grid.columns - 1;

  for (guint row = 0; row < grid.rows; row++, to += grid.columns,
      from += grid.columns)
    for (guint x = 0; x <= last; x++)
      to[x] = from[x] | from[x > 0 ? x - 1 : 0] | from[MIN (x + 1, last)];
}

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
  dilate_rows (synthesis->grid, synthesis->joining, synthesis->changed[blocks]);
  dilate_rows (synthesis->grid, synthesis->painting, synthesis->joining);
  memset (synthesis->row_joins, 0, synthesis->grid.rows);
  for (gsize i = 0; i < cells; i++) {
    synthesis->painting[i] &= synthesis->filled[blocks][i];
    synthesis->row_joins[i / synthesis->grid.columns] |= synthesis->joining[i];
  }
}

const guint8 *
alitra_synthesis_run (AlitraSynthesis * synthesis, const float *sums,
    const guint8 * depth, const guint8 * changed)
{
  const guint rows = synthesis->grid.rows;

  if (synthesis->fresh)
    changed = NULL;
  synthesis->fresh = FALSE;
  synthesis->sums = sums;
  spread_changes (synthesis, depth, changed);
  alitra_workers_run (synthesis->workers, rows, take_sums_row, synthesis);
  for (synthesis->block = 0; synthesis->block < synthesis->level->blocks;
      synthesis->block++)
    alitra_workers_run (synthesis->workers, rows, mix_row, synthesis);
  alitra_workers_run (synthesis->workers, rows, paint_row, synthesis);
  return changed ? synthesis->written : NULL;
}
