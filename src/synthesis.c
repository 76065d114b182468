/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A cell paints a window larger than itself; what overlaps is added. Around the grid stands a ring of copies of the
 * border cells, which paint too. Every sample is (own row of cells: own cell + neighbour) + (next row of cells: cell +
 * neighbour), in this order, so that a part done again has the same bits as the whole. */
#include "synthesis.h"

#include <string.h>

#include "floats.h"
#include "mix.h"
#include "pixel-loops.h"

/* Cells whose windows stay in the second-level cache together. */
#define PAINT_TILE 48
/* Lines of a cell lie far apart: the processor does not see by itself that those of the next cells will be written. */
#define AHEAD 4
/* Windows of a tile that the next one needs. */
#define CARRIED 2

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
  gfloat least;                 /* square of the distance of latents from which on a cell changes */
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
  /* where little changes, windows are kept: their neighbours then need not be painted again */
  float *windows;
  guint8 *kept;                 /* cells whose window is as it would be painted now */
  float *scratch;               /* scratch_size floats for each worker */
  gsize scratch_size;
  const float **window;         /* a row of cells for each worker */
  guint32 *list;                /* cells of one piece of work after another */
  /* of the run */
  gboolean all;                 /* every cell is new */
  guint block;
  guint count, tile;            /* cells of the list, and of a part of it */
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
  synthesis->windows = alitra_floats_new_sparse (cells * ALITRA_WINDOW_SAMPLES);
  synthesis->kept = g_malloc0 (cells);
  synthesis->list = g_new (guint32, cells);
  synthesis->scratch_size = MAX (alitra_mix_scratch (model),
      (gsize) PAINT_TILE * model->dim
      + (PAINT_TILE + CARRIED) * ALITRA_WINDOW_SAMPLES);
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
  alitra_floats_free (synthesis->windows);
  g_free (synthesis->kept);
  g_free (synthesis->list);
  g_free (synthesis->window);
  for (guint i = 0; i < 3; i++)
    alitra_floats_free (synthesis->rows[i]);
  alitra_floats_free (synthesis->scratch);
  g_free (synthesis);
}

void
alitra_synthesis_set_least (AlitraSynthesis * synthesis, gfloat levels)
{
  const gfloat reach = levels / 255.f * ALITRA_CELL * synthesis->model->scale;

  synthesis->least = reach * reach;
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

/* Runs `piece` on the cells of the list, some at a time: many, where they stay in the cache, but so few that all threads have
 * some. */
static void
run_list (AlitraSynthesis * synthesis, guint count, guint most,
    AlitraPiece piece)
{
  const guint tile = alitra_workers_get_tile (synthesis->workers, count, most);

  synthesis->count = count;
  synthesis->tile = tile;
  alitra_workers_run (synthesis->workers, (count + tile - 1) / tile, piece,
      synthesis);
}

static void
mix_part (gpointer data, guint part, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const guint block = synthesis->block, first = part * synthesis->tile;

  alitra_mix_run (&synthesis->level->synthesis[block], synthesis->model,
      synthesis->grid, MIN (synthesis->count - first, synthesis->tile),
      synthesis->list + first, synthesis->latents[block], synthesis->all ? 0.f
      : synthesis->least, synthesis->latents[block + 1],
      synthesis->changed[block + 1], synthesis->scratch
      + worker * synthesis->scratch_size);
}

/* Latents behind a block, in the cells that see those that changed in front of it. */
static void
mix (AlitraSynthesis * synthesis, guint block)
{
  const gsize cells = (gsize) synthesis->grid.columns * synthesis->grid.rows;
  guint count = 0;

  alitra_mask_dilate (synthesis->grid, synthesis->filled[block + 1],
      synthesis->filled[block]);
  alitra_mask_dilate (synthesis->grid, synthesis->changed[block + 1],
      synthesis->changed[block]);
  for (gsize cell = 0; cell < cells; cell++) {
    if (!synthesis->changed[block + 1][cell])
      continue;
    if (synthesis->filled[block + 1][cell])
      synthesis->list[count++] = cell;
    else
      set_zero (synthesis, block + 1, cell);
  }
  synthesis->block = block;
  run_list (synthesis, count, ALITRA_TILE, mix_part);
}

/* --- painting --------------------------------------------------------------------------------------------------- */

/* Row `y` of what a row of cells paints, from the margin above it to the one below. */
static inline float *
sum_row (const AlitraSynthesis * synthesis, guint plane, guint row, guint y)
{
  const Shape *shape = &shapes[plane];
  const gsize width = (gsize) synthesis->grid.columns * shape->cell;

  return synthesis->rows[plane] + ((gsize) row * (shape->cell
          + 2 * shape->margin) + y) * width;
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* As many samples as a margin of luma, and of chroma, is wide. */
typedef float Margin
    __attribute__((vector_size (4 * ALITRA_MARGIN), aligned (4), may_alias));
typedef float HalfMargin
    __attribute__((vector_size (2 * ALITRA_MARGIN), aligned (4), may_alias));

static inline void
add_margin (float *to, const float *from, guint margin)
{
  if (margin == ALITRA_MARGIN)
    *(Margin *) to += *(const Margin *) from;
  else
    *(HalfMargin *) to += *(const HalfMargin *) from;
}

/* Lines of a plane of one cell: its own window (NULL: there is none), and the margins of those beside it.  `cell` and `margin` are
 * constants where this is called. */
ALWAYS_INLINE void
join_lines (float *to, gsize width, const float *own, const float *left,
    const float *right, guint cell, guint margin)
{
  const guint side = cell + 2 * margin;

  for (guint y = 0; y < side; y++, to += width) {
    const guint at = y * side;

    __builtin_prefetch (to + AHEAD * cell, 1);
    if (own)
      memcpy (to, own + at + margin, cell * sizeof (float));
    else
      memset (to, 0, cell * sizeof (float));
    if (left)
      add_margin (to, left + at + margin + cell, margin);
    if (right)
      add_margin (to + cell - margin, right + at, margin);
  }
}

/* What the cells of a row paint over one column: the cell itself, and the margins of those beside it. */
static void
join_windows (AlitraSynthesis * synthesis, guint column, guint row,
    const float *own, const float *left, const float *right)
{
  const gsize luma = (gsize) synthesis->grid.columns * ALITRA_CELL;

  join_lines (sum_row (synthesis, 0, row, 0) + column * ALITRA_CELL, luma, own,
      left, right, ALITRA_CELL, ALITRA_MARGIN);
  for (guint plane = 1; plane < 3; plane++) {
    const gsize begin = shapes[plane].begin;

    join_lines (sum_row (synthesis, plane, row, 0) + column * ALITRA_CELL / 2,
        luma / 2, own ? own + begin : NULL, left ? left + begin : NULL,
        right ? right + begin : NULL, ALITRA_CELL / 2, ALITRA_MARGIN / 2);
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
  float *windows = room->windows + CARRIED * ALITRA_WINDOW_SAMPLES;

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
    join_windows (synthesis, x, row, room->window[x],
        room->window[x > 0 ? x - 1 : 0], room->window[MIN (x + 1, last)]);
  }
}

/* The next tile will lie where the windows of this one do: those that it needs move before it. */
static void
carry_windows (const Room * room, guint last)
{
  for (guint i = 0; i < CARRIED && i <= last; i++) {
    const float **window = &room->window[last - i];
    float *to = room->windows + (CARRIED - 1 - i) * ALITRA_WINDOW_SAMPLES;

    if (*window && *window != to)
      *window = memcpy (to, *window, ALITRA_WINDOW_SAMPLES * sizeof (float));
  }
}

/* Paints all of what is needed of a row of cells and keeps nothing. */
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
    carry_windows (&room, column);
    count = 0;
  }
  paint_tile (synthesis, row, count, columns, &room);
  join_run (synthesis, row, joined, synthesis->grid.columns, &room);
}

static inline float *
kept_window (const AlitraSynthesis * synthesis, gsize cell)
{
  return synthesis->windows + cell * ALITRA_WINDOW_SAMPLES;
}

static void
paint_part (gpointer data, guint part, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const Room room = room_of (synthesis, worker);
  const guint first = part * synthesis->tile, dim = synthesis->model->dim;
  const guint count = MIN (synthesis->count - first, synthesis->tile);
  const guint32 *cells = synthesis->list + first;

  for (guint i = 0; i < count; i++)
    memcpy (room.latents + (gsize) i * dim, latent_of (synthesis,
            synthesis->level->blocks, cells[i]), dim * sizeof (float));
  alitra_matrix_multiply (&synthesis->level->paint, count, room.latents, dim,
      room.windows, ALITRA_WINDOW_SAMPLES, ALITRA_END_STORE);
  for (guint i = 0; i < count; i++) {
    memcpy (kept_window (synthesis, cells[i]), room.windows
        + (gsize) i * ALITRA_WINDOW_SAMPLES,
        ALITRA_WINDOW_SAMPLES * sizeof (float));
    synthesis->kept[cells[i]] = TRUE;
  }
}

static void
join_row (gpointer data, guint row, guint worker)
{
  AlitraSynthesis *synthesis = data;
  const Room room = room_of (synthesis, worker);

  if (!synthesis->row_joins[row])
    return;
  for (guint column = 0; column < synthesis->grid.columns; column++) {
    const gsize cell = cell_of (synthesis, column, row);

    room.window[column] = synthesis->painting[cell]
        ? kept_window (synthesis, cell) : NULL;
  }
  join_run (synthesis, row, 0, synthesis->grid.columns, &room);
}

/* Paints what is needed, unless that is so much that it is better done row by row without keeping it. */
static void
paint (AlitraSynthesis * synthesis)
{
  const guint rows = synthesis->grid.rows;
  const gsize cells = (gsize) synthesis->grid.columns * rows;
  guint count = 0;

  for (gsize cell = 0; cell < cells; cell++) {
    if (synthesis->changed[synthesis->level->blocks][cell])
      synthesis->kept[cell] = FALSE;
    if (synthesis->painting[cell] && !synthesis->kept[cell])
      synthesis->list[count++] = cell;
  }
  if (2 * count > cells) {
    alitra_workers_run (synthesis->workers, rows, paint_row, synthesis);
    return;
  }
  run_list (synthesis, count, PAINT_TILE, paint_part);
  alitra_workers_run (synthesis->workers, rows, join_row, synthesis);
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

void
alitra_synthesis_ask_for (const AlitraSynthesis * synthesis, guint column,
    guint row)
{
  for (guint plane = 0; plane < 3; plane++) {
    const guint cell = shapes[plane].cell, margin = shapes[plane].margin;
    const gsize x = (gsize) column * cell;

    for (guint y = 0; y < cell; y++) {
      const float *beside = row_beside (synthesis, plane, row, y);

      __builtin_prefetch (sum_row (synthesis, plane, row, margin + y) + x, 0,
          2);
      if (beside)
        __builtin_prefetch (beside + x, 0, 2);
    }
  }
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

/* Latents in front of all blocks. */
static void
take_sums (AlitraSynthesis * synthesis, const guint8 * depth,
    const guint8 * changed)
{
  const gsize cells = (gsize) synthesis->grid.columns * synthesis->grid.rows;

  for (gsize i = 0; i < cells; i++) {
    synthesis->filled[0][i] = depth[i] != 0;
    synthesis->changed[0][i] = !changed || changed[i];
  }
  alitra_workers_run (synthesis->workers, synthesis->grid.rows, take_sums_row,
      synthesis);
}

/* Which samples are new, and which cells have to paint for that. */
static void
spread_changes (AlitraSynthesis * synthesis)
{
  const gsize cells = (gsize) synthesis->grid.columns * synthesis->grid.rows;
  const guint blocks = synthesis->level->blocks;

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
  if (synthesis->fresh)
    changed = NULL;
  synthesis->fresh = FALSE;
  synthesis->sums = sums;
  synthesis->all = !changed;
  take_sums (synthesis, depth, changed);
  for (guint block = 0; block < synthesis->level->blocks; block++)
    mix (synthesis, block);
  spread_changes (synthesis);
  paint (synthesis);
  return changed ? synthesis->written : NULL;
}
