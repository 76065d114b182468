/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "planes.h"

#include <string.h>

#include "floats.h"
#include "kernels.h"
#include "matrix.h"

#define HALF (ALITRA_CELL / 2)
/* Cells that are worked on together: their rows of samples stay in the first-level cache. */
#define MOST_CELLS 32

/* Samples of a line of the cache, and of the longest vector. */
#define LINE 16

/* Catmull-Rom at a quarter and three quarters: reproduces straight ramps exactly. */
#define TAP_A -.0703125f
#define TAP_B .8671875f
#define TAP_C .2265625f
#define TAP_D -.0234375f

/* One of the three planes, with the numbers that differ between luma and chroma. */
typedef struct
{
  float *samples;
  gsize stride;
  guint width, height;
  guint cell;                   /* samples of a cell's side */
} Plane;

typedef struct _Work Work;
struct _Work
{
  const AlitraPlanes *to, *from;
  const guint8 *mask;
  /* the samples of cells first..end-1 of a row of cells, one plane */
  void (*run) (const Plane * to, const Plane * from, guint row,
      guint first, guint end);
};

AlitraGrid
alitra_grid_of (guint width, guint height, guint level)
{
  const guint cells = 4 >> level;

  return (AlitraGrid) {
  cells *((width + 63) / 64), cells * ((height + 63) / 64)};
}

void
alitra_planes_init (AlitraPlanes * planes, AlitraGrid grid)
{
  const gsize chroma_rows = (gsize) grid.rows * HALF;

  planes->grid = grid;
  planes->luma_stride = (gsize) grid.columns * ALITRA_CELL;
  planes->chroma_stride = ((gsize) grid.columns * HALF + 15) & ~(gsize) 15;
  planes->luma =
      alitra_floats_new (planes->luma_stride * grid.rows * ALITRA_CELL +
      2 * planes->chroma_stride * chroma_rows + ALITRA_SLACK);
  planes->chroma[0] =
      planes->luma + planes->luma_stride * grid.rows * ALITRA_CELL;
  planes->chroma[1] = planes->chroma[0] + planes->chroma_stride * chroma_rows;
}

void
alitra_planes_clear (AlitraPlanes * planes)
{
  g_clear_pointer (&planes->luma, alitra_floats_free);
  planes->chroma[0] = planes->chroma[1] = NULL;
}

/* In whole numbers: what lies before the strip is nobody's. */
static inline float *
move_back (float *samples, gsize floats)
{
  return (float *) ((guintptr) samples - floats * sizeof (float));
}

void
alitra_planes_view (AlitraPlanes * view, const AlitraPlanes * strip,
    AlitraGrid whole, guint first)
{
  *view = *strip;
  view->grid = whole;
  view->luma = move_back (strip->luma, strip->luma_stride * first
      * ALITRA_CELL);
  for (guint i = 0; i < 2; i++)
    view->chroma[i] = move_back (strip->chroma[i], strip->chroma_stride * first
        * HALF);
}

static Plane
get_plane (const AlitraPlanes * planes, guint index)
{
  const guint cell = index ? HALF : ALITRA_CELL;

  return (Plane) {
  index ? planes->chroma[index - 1] : planes->luma,
        index ? planes->chroma_stride : planes->luma_stride,
        planes->grid.columns * cell, planes->grid.rows * cell, cell};
}

static inline float *
at (const Plane * plane, guint x, guint y)
{
  return plane->samples + plane->stride * y + x;
}

static void
do_run (const Work * work, guint row, guint first, guint end)
{
  for (guint i = 0; i < 3; i++) {
    const Plane to = get_plane (work->to, i), from = get_plane (work->from, i);

    work->run (&to, &from, row, first, end);
  }
}

static void
do_row (gpointer data, guint row, guint worker)
{
  const Work *work = data;
  const guint columns = work->to->grid.columns;
  const guint8 *mask = work->mask ? work->mask + (gsize) row * columns : NULL;
  guint first = 0;

  while (first < columns) {
    guint end = first;

    if (mask && !mask[first]) {
      first++;
      continue;
    }
    while (end < columns && end - first < MOST_CELLS && (!mask || mask[end]))
      end++;
    do_run (work, row, first, end);
    first = end;
  }
}

static void
halve_run (const Plane * to, const Plane * from, guint row,
    guint first, guint end)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint half = to->cell / 2, x = first * half;

  for (guint y = row * half; y < (row + 1) * half; y++)
    loops->halve (at (to, x, y), at (from, 2 * x, 2 * y), at (from, 2 * x,
            2 * y + 1), (end - first) * half);
}

void
alitra_planes_halve_run (AlitraPlanes * to, const AlitraPlanes * from,
    guint row, guint first, guint end)
{
  const Work work = { to, from, NULL, halve_run };

  do_run (&work, row, first, end);
}

/* Where row y + offset of a plane is, its border rows repeated. */
static inline const float *
near_row (const Plane * plane, guint x, guint y, gint offset)
{
  return at (plane, x, CLAMP ((gint) y + offset, 0, (gint) plane->height - 1));
}

/* Rows of a run at twice the height, two samples before the first of the run and two behind its last included, as far as the
 * plane goes: beyond its border that repeats. */
typedef struct
{
  float samples[2][MOST_CELLS * HALF + 2 * LINE + 2 + ALITRA_SLACK]
      __attribute__((aligned (64)));
  guint begin;                  /* where the first sample of the run lies */
} Tall;

/* Two rows from row y of a plane, of the `count` samples from x on.  Loops begin where vectors are aligned. */
static void
upsample_rows (const AlitraPixelLoops * loops, const Plane * from, guint x,
    guint count, guint y, Tall * tall)
{
  static const float taps[2][4] = { {TAP_D, TAP_C, TAP_B, TAP_A}, {TAP_A, TAP_B,
      TAP_C, TAP_D}
  };
  const guint first = (x > 2 ? x - 2 : 0) & ~(guint) (LINE - 1);
  const guint end = MIN (x + count + 2, from->width);
  const float *row[5];

  for (gint i = 0; i < 5; i++)
    row[i] = near_row (from, first, y, i - 2);
  tall->begin = LINE + x - first;
  for (guint i = 0; i < 2; i++) {
    float *samples = tall->samples[i], *last = samples + LINE + end - first;

    loops->filter_down (samples + LINE, row + i, taps[i], end - first);
    if (x == 0)
      samples[LINE - 1] = samples[LINE - 2] = samples[LINE];
    if (end < x + count + 2)
      last[0] = last[1] = last[-1];
  }
}

static void
upsample_run (const Plane * to, const Plane * from, guint row,
    guint first, guint end)
{
  static const float taps[4] = { TAP_A, TAP_B, TAP_C, TAP_D };
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint half = to->cell / 2, x = first * half, count =
      (end - first) * half;
  Tall tall;

  for (guint y = row * half; y < (row + 1) * half; y++) {
    upsample_rows (loops, from, x, count, y, &tall);
    for (guint i = 0; i < 2; i++)
      loops->filter_twice (at (to, 2 * x, 2 * y + i), tall.samples[i]
          + tall.begin - 2, taps, count);
  }
}

void
alitra_planes_upsample (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * mask, AlitraWorkers * workers)
{
  Work work = { to, from, mask, upsample_run };

  alitra_workers_run (workers, to->grid.rows, do_row, &work);
}

void
alitra_planes_upsample_row (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * mask, guint row)
{
  Work work = { to, from, mask, upsample_run };

  do_row (&work, row, 0);
}

void
alitra_planes_ask_for_below (const AlitraPlanes * planes, guint column,
    guint row)
{
  for (guint i = 0; i < 3; i++) {
    const Plane plane = get_plane (planes, i);
    const guint half = plane.cell / 2, x = column * half, y = row * half;
    const guint end = MIN (x + half + 2, plane.width);

    for (gint k = -2; k < (gint) half + 2; k++)
      for (guint at_x = x > 2 ? x - 2 : 0; at_x < end;
          at_x = (at_x + LINE) & ~(guint) (LINE - 1))
        __builtin_prefetch (near_row (&plane, at_x, y, k), 0, 2);
  }
}

static void
copy_run (const Plane * to, const Plane * from, guint row,
    guint first, guint end)
{
  const guint x = first * to->cell, count = (end - first) * to->cell;

  for (guint y = row * to->cell; y < (row + 1) * to->cell; y++)
    memcpy (at (to, x, y), at (from, x, y), count * sizeof (float));
}

void
alitra_planes_copy (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * mask, AlitraWorkers * workers)
{
  Work work = { to, from, mask, copy_run };

  alitra_workers_run (workers, to->grid.rows, do_row, &work);
}

/* The bits of four samples. */
typedef guint32 Four __attribute__((vector_size (16), aligned (4), may_alias));

/* Samples first..end-1 of a row as it is and as it was; up to three more behind them may be looked at. */
static gboolean
differ_in_row (const float *a, const float *b, guint first, guint end)
{
  Four other = { 0 };

  for (guint x = first; x < end; x += 4)
    other |= *(const Four *) (a + x) ^ *(const Four *) (b + x);
  return (other[0] | other[1] | other[2] | other[3]) != 0;
}

/* Which samples of a row of `size` the filter looks at for those of a cell at twice the size, and `reach` around it. */
static void
samples_below (guint cell, guint n, guint reach, guint size, guint * first,
    guint * end)
{
  const guint half = n / 2, more = (reach + 1) / 2 + 2;

  *first = cell * half > more ? cell * half - more : 0;
  *end = MIN ((cell + 1) * half + more, size);
}

gboolean
alitra_planes_differ_below (const AlitraPlanes * a, const AlitraPlanes * b,
    guint column, guint row, guint reach, guint reach_chroma)
{
  for (guint i = 0; i < 3; i++) {
    const Plane p = get_plane (a, i), q = get_plane (b, i);
    const guint more = i ? reach_chroma : reach;
    guint left, right, top, bottom;

    samples_below (column, p.cell, more, p.width, &left, &right);
    samples_below (row, p.cell, more, p.height, &top, &bottom);
    for (guint y = top; y < bottom; y++)
      if (differ_in_row (at (&p, 0, y), at (&q, 0, y), left, right))
        return TRUE;
  }
  return FALSE;
}

/* Each byte of a row with those beside it, as 0 or 1. */
static void
spread_row (guint8 * row, guint columns)
{
  guint8 before = 0;

  for (guint x = 0; x < columns; x++) {
    const guint8 here = row[x], behind = x + 1 < columns ? row[x + 1] : 0;

    row[x] = (before | here | behind) != 0;
    before = here;
  }
}

void
alitra_mask_dilate (AlitraGrid grid, guint8 * to, const guint8 * from)
{
  const gsize columns = grid.columns;

  for (guint row = 0; row < grid.rows; row++, to += columns, from += columns) {
    const guint8 *above = row > 0 ? from - columns : from;
    const guint8 *below = row + 1 < grid.rows ? from + columns : from;

    for (gsize x = 0; x < columns; x++)
      to[x] = above[x] | from[x] | below[x];
    spread_row (to, columns);
  }
}

void
alitra_mask_upsample (AlitraGrid to, guint8 * to_mask, const guint8 * from_mask)
{
  const guint columns = to.columns / 2;

  memset (to_mask, 0, (gsize) to.columns * to.rows);
  for (guint row = 0; row < to.rows / 2; row++) {
    for (guint column = 0; column < columns; column++) {
      if (!from_mask[(gsize) row * columns + column])
        continue;
      for (guint y = row ? 2 * row - 1 : 0; y <= MIN (2 * row + 2, to.rows - 1);
          y++) {
        for (guint x = column ? 2 * column - 1 : 0;
            x <= MIN (2 * column + 2, to.columns - 1); x++)
          to_mask[(gsize) y * to.columns + x] = 1;
      }
    }
  }
}

void
alitra_planes_get_cell (const AlitraPlanes * planes, guint column, guint row,
    float *samples)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();

  for (guint i = 0; i < 3; i++) {
    const Plane plane = get_plane (planes, i);

    loops->take_block (at (&plane, column * plane.cell, row * plane.cell), NULL,
        plane.stride, plane.cell, samples);
    samples += plane.cell * plane.cell;
  }
}

static AlitraCellBlocks
get_blocks (const AlitraPlanes * planes, guint column, guint row)
{
  const gsize luma = (gsize) row * ALITRA_CELL * planes->luma_stride
      + column * ALITRA_CELL;
  const gsize chroma = (gsize) row * HALF * planes->chroma_stride
      + column * HALF;

  return (AlitraCellBlocks) { {
  planes->luma + luma, planes->chroma[0] + chroma,
          planes->chroma[1] + chroma}
  , {
  planes->luma_stride, planes->chroma_stride}
  };
}

void
alitra_planes_look_at_cell (const AlitraPlanes * planes, guint column,
    guint row, AlitraCellLook * look)
{
  AlitraMoments luma;

  alitra_matrix_get_pixel_loops ()->measure (get_blocks (planes, column,
          row).block[0], planes->luma_stride, ALITRA_CELL, &luma);
  *look = (AlitraCellLook) {
  luma.sum, luma.squares, 0.f, 0.f};
}

float
alitra_planes_fit_cell (const AlitraPlanes * planes, const AlitraPlanes * less,
    guint column, guint row)
{
  const AlitraCellBlocks cell = get_blocks (planes, column, row);
  const AlitraCellBlocks painted = get_blocks (less, column, row);

  return alitra_matrix_get_pixel_loops ()->fit_cell (&cell, &painted);
}

/* A cell that ends beyond the picture: the last samples inside are repeated. */
static void
take_edge (const Plane * plane, const Plane * less, guint x, guint y,
    guint width, guint height, float *samples)
{
  for (guint j = 0; j < plane->cell; j++)
    for (guint i = 0; i < plane->cell; i++) {
      const guint from_x = MIN (x + i, width - 1), from_y =
          MIN (y + j, height - 1);

      *samples++ = *at (plane, from_x, from_y) - *at (less, from_x, from_y);
    }
}

void
alitra_planes_get_cell_left (const AlitraPlanes * planes,
    const AlitraPlanes * less, guint column, guint row, guint width,
    guint height, float *samples, AlitraCellLook * look, gboolean fits)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();

  if (look) {
    const AlitraCellBlocks cell = get_blocks (planes, column, row);
    const AlitraCellBlocks painted = get_blocks (less, column, row);

    if (fits)
      loops->compare_cell (&cell, &painted, samples, look);
    else
      loops->glance_at_cell (&cell, &painted, samples, look);
  }
  for (guint i = 0; i < 3; i++) {
    const Plane a = get_plane (planes, i), b = get_plane (less, i);
    const guint x = column * a.cell, y = row * a.cell;
    const guint w = i ? (width + 1) / 2 : width, h = i ? (height + 1) / 2
        : height;
    const gboolean inside = x + a.cell <= w && y + a.cell <= h;

    if (inside && !look)
      loops->take_block (at (&a, x, y), at (&b, x, y), a.stride, a.cell,
          samples);
    else if (!inside)
      take_edge (&a, &b, x, y, w, h, samples);
    samples += a.cell * a.cell;
  }
}
