/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of bytes <-> planes of floats. A piece of work is a row of cells: 16 rows of luma, 8 of chroma. */
#include "picture.h"

#include <string.h>

#include "frame.h"
#include "kernels.h"
#include "matrix.h"
#include "pixel-loops.h"

#define HALF (ALITRA_CELL / 2)
/* Pixels of a row that are converted together; even. */
#define CHUNK 512

/* How many grey levels samples 0..1 span, and where they begin. */
typedef struct
{
  float luma_span, luma_start, chroma_span;
} Range;

typedef struct
{
  const AlitraFrame *frame;
  AlitraPlanes *planes;         /* written when frames become planes, else read */
  const float *gain;
  const guint8 *mask;
  Range range;
  const AlitraPixelLoops *loops;
} Work;

static Range
range_of (gboolean full)
{
  return full ? (Range) {
  255, 0, 255}
  : (Range) {
  219, 16, 224};
}

static gboolean
check_size (const AlitraFrame * frame, AlitraGrid grid, GError ** error)
{
  const AlitraGrid own = alitra_grid_of (frame->width, frame->height, 0);

  if (!alitra_frame_check (frame, error))
    return FALSE;
  if (own.columns != grid.columns || own.rows != grid.rows) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "A frame should have the size of its stream, %u to %u by %u to %u, got %ux%u; start a new stream",
        grid.columns * ALITRA_CELL - 63, grid.columns * ALITRA_CELL,
        grid.rows * ALITRA_CELL - 63, grid.rows * ALITRA_CELL, frame->width,
        frame->height);
    return FALSE;
  }
  return TRUE;
}

static inline guint8 *
frame_row (const AlitraFrame * frame, guint plane, guint y)
{
  return frame->data[plane] + (gssize) y *frame->stride[plane];
}

/* Repeats the last of `count` samples up to `width`. */
static void
fill_row (float *row, guint count, guint width)
{
  for (guint x = count; x < width; x++)
    row[x] = row[count - 1];
}

static inline float *
luma_row (const AlitraPlanes * planes, guint y)
{
  return planes->luma + planes->luma_stride * y;
}

static inline float *
chroma_row (const AlitraPlanes * planes, guint component, guint y)
{
  return planes->chroma[component] + planes->chroma_stride * y;
}

/* --- Y'CbCr and grey -------------------------------------------------------------------------------------------- */

static void
read_luma (const Work * work, const guint8 * bytes, float *row, guint count)
{
  work->loops->from_bytes (row, bytes, 1 / work->range.luma_span,
      -work->range.luma_start / work->range.luma_span - .5f, count);
}

static void
read_chroma (const Work * work, guint component, const guint8 * bytes,
    float *row, guint count)
{
  const float scale = work->gain[component] / work->range.chroma_span;

  work->loops->from_bytes (row, bytes, scale, -128 * scale, count);
}

/* ORC takes elements of several bytes only at multiples of their size; frames may lie anywhere.
 * Returns: `bytes`, or a copy of them at `room`. */
static const guint8 *
aligned (const guint8 * bytes, gsize size, guint element, guint8 * room)
{
  return (guintptr) bytes % element ? memcpy (room, bytes, size) : bytes;
}

/* The first and the second of each pair of bytes; at most CHUNK pairs. */
static void
split (const guint8 * bytes, guint pairs, guint8 * first, guint8 * second)
{
  guint8 room[2 * CHUNK] __attribute__((aligned (16)));

  alitra_orc_split (first, second, aligned (bytes, 2 * (gsize) pairs, 2, room),
      pairs);
}

static void
read_interleaved_chroma (const Work * work, const guint8 * bytes, float *cb,
    float *cr, guint count)
{
  guint8 first[CHUNK], second[CHUNK];

  for (guint x = 0; x < count; x += CHUNK) {
    const guint n = MIN (count - x, CHUNK);

    split (bytes + 2 * x, n, first, second);
    read_chroma (work, 0, first, cb + x, n);
    read_chroma (work, 1, second, cr + x, n);
  }
}

static void
read_packed_luma (const Work * work, const guint8 * bytes, float *row,
    guint count)
{
  guint8 luma[CHUNK], chroma[CHUNK];

  for (guint x = 0; x < count; x += CHUNK) {
    const guint n = MIN (count - x, CHUNK);

    split (bytes + 2 * x, n, luma, chroma);
    read_luma (work, luma, row + x, n);
  }
}

/* Chroma of two rows of YUY2, as means. */
static void
read_packed_chroma (const Work * work, const guint8 * upper,
    const guint8 * lower, float *cb, float *cr, guint count)
{
  const guint8 *rows[2] = { upper, lower };
  guint8 luma[CHUNK], chroma[CHUNK];
  float mean[2][2][CHUNK / 2];  /* row, component */

  for (guint x = 0; x < count; x += CHUNK / 2) {
    const guint n = MIN (count - x, CHUNK / 2);

    for (guint i = 0; i < 2; i++) {
      split (rows[i] + 4 * x, 2 * n, luma, chroma);
      read_interleaved_chroma (work, chroma, mean[i][0], mean[i][1], n);
    }
    alitra_orc_mean (cb + x, mean[0][0], mean[1][0], n);
    alitra_orc_mean (cr + x, mean[0][1], mean[1][1], n);
  }
}

/* `count` samples of both chroma planes from x on. */
static void
read_chroma_row (const Work * work, guint y, guint x, float *cb, float *cr,
    guint count)
{
  const AlitraFrame *frame = work->frame;

  switch (frame->format) {
    case ALITRA_PIXEL_I420:
    case ALITRA_PIXEL_YV12:{
      const guint first = frame->format == ALITRA_PIXEL_I420 ? 1 : 2;

      read_chroma (work, 0, frame_row (frame, first, y) + x, cb, count);
      read_chroma (work, 1, frame_row (frame, 3 - first, y) + x, cr, count);
      break;
    }
    case ALITRA_PIXEL_NV12:
      read_interleaved_chroma (work, frame_row (frame, 1, y) + 2 * x, cb, cr,
          count);
      break;
    case ALITRA_PIXEL_YUY2:
      read_packed_chroma (work, frame_row (frame, 0, 2 * y) + 4 * x,
          frame_row (frame, 0, MIN (2 * y + 1, frame->height - 1)) + 4 * x, cb,
          cr, count);
      break;
    default:
      memset (cb, 0, count * sizeof (float));
      memset (cr, 0, count * sizeof (float));
      break;
  }
}

/* Cells first..end-1 of a row of cells.  Where the frame ends its last sample goes on. */
static void
read_run_ycc (const Work * work, guint cells, guint first, guint end)
{
  const AlitraFrame *frame = work->frame;
  const guint chroma_width = (frame->width + 1) / 2, chroma_height =
      (frame->height + 1) / 2;
  guint x = MIN (first * ALITRA_CELL, frame->width - 1);
  guint width = end * ALITRA_CELL - x, count = MIN (width, frame->width - x);

  for (guint y = cells * ALITRA_CELL; y < (cells + 1) * ALITRA_CELL; y++) {
    const guint8 *bytes = frame_row (frame, 0, MIN (y, frame->height - 1));
    float *row = luma_row (work->planes, y) + x;

    if (frame->format == ALITRA_PIXEL_YUY2)
      read_packed_luma (work, bytes + 2 * x, row, count);
    else
      read_luma (work, bytes + x, row, count);
    fill_row (row, count, width);
  }
  x = MIN (first * HALF, chroma_width - 1);
  width = end * HALF - x;
  count = MIN (width, chroma_width - x);
  for (guint y = cells * HALF; y < (cells + 1) * HALF; y++) {
    float *cb = chroma_row (work->planes, 0, y) + x, *cr =
        chroma_row (work->planes, 1, y) + x;

    read_chroma_row (work, MIN (y, chroma_height - 1), x, cb, cr, count);
    fill_row (cb, count, width);
    fill_row (cr, count, width);
  }
}

static void
read_cells_ycc (gpointer data, guint cells, guint worker)
{
  const Work *work = data;
  const guint columns = work->planes->grid.columns;
  const guint8 *mask = work->mask ? work->mask + (gsize) cells * columns : NULL;
  guint first = 0;

  while (first < columns) {
    guint end = first;

    while (end < columns && (!mask || mask[end]))
      end++;
    if (end > first)
      read_run_ycc (work, cells, first, end);
    first = end + 1;
  }
}

/* --- RGB -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  float red[CHUNK], green[CHUNK], blue[CHUNK];
} __attribute__((aligned (16))) Colours;

static void
read_pixels (AlitraPixelFormat format, const guint8 * bytes, guint count,
    Colours * to)
{
  const gboolean blue_first = format == ALITRA_PIXEL_BGR
      || format == ALITRA_PIXEL_BGRX;
  guint8 four[4 * CHUNK] __attribute__((aligned (16)));

  if (format == ALITRA_PIXEL_RGB || format == ALITRA_PIXEL_BGR) {
    for (guint x = 0; x < count; x++) {
      four[4 * x] = bytes[3 * x];
      four[4 * x + 1] = bytes[3 * x + 1];
      four[4 * x + 2] = bytes[3 * x + 2];
      four[4 * x + 3] = 0;
    }
    bytes = four;
  }
  bytes = aligned (bytes, 4 * (gsize) count, 4, four);
  alitra_orc_pixels_to_floats (blue_first ? to->blue : to->red, to->green,
      blue_first ? to->red : to->blue, bytes, 1 / 255.f, count);
}

/* Pixels x..x+count-1 of two rows of the frame, from row `from` on -> luma of both, from row `y` of the planes on, and
 * chroma of each two by two. */
static void
read_two_rows (const Work * work, guint from, guint y, guint x, guint count)
{
  const AlitraFrame *frame = work->frame;
  const guint pixel = frame->format == ALITRA_PIXEL_RGB
      || frame->format == ALITRA_PIXEL_BGR ? 3 : 4;
  const guint pairs = (count + 1) / 2;
  Colours colours[2];
  float *luma[2], colour[CHUNK / 2], mean[CHUNK / 2];

  for (guint i = 0; i < 2; i++) {
    Colours *c = &colours[i];

    luma[i] = luma_row (work->planes, y + i) + x;
    read_pixels (frame->format, frame_row (frame, 0, MIN (from + i,
                frame->height - 1)) + (gsize) x * pixel, count, c);
    alitra_orc_luma (luma[i], c->red, c->green, c->blue, count);
    fill_row (c->red, count, 2 * pairs);
    fill_row (c->blue, count, 2 * pairs);
    fill_row (luma[i], count, 2 * pairs);
  }
  alitra_orc_halve (mean, luma[0], luma[1], pairs);
  alitra_orc_halve (colour, colours[0].blue, colours[1].blue, pairs);
  alitra_orc_chroma (chroma_row (work->planes, 0, y / 2) + x / 2, colour, mean,
      work->gain[0] / 1.772f, pairs);
  alitra_orc_halve (colour, colours[0].red, colours[1].red, pairs);
  alitra_orc_chroma (chroma_row (work->planes, 1, y / 2) + x / 2, colour, mean,
      work->gain[1] / 1.402f, pairs);
}

static void
read_cells_rgb (gpointer data, guint cells, guint worker)
{
  const Work *work = data;
  const guint width = work->planes->grid.columns * ALITRA_CELL, pairs =
      (work->frame->width + 1) / 2;
  const guint last = (work->frame->height - 1) & ~1u;

  for (guint y = cells * ALITRA_CELL; y < (cells + 1) * ALITRA_CELL; y += 2) {
    for (guint x = 0; x < work->frame->width; x += CHUNK)
      read_two_rows (work, MIN (y, last), y, x, MIN (work->frame->width - x,
              CHUNK));
    fill_row (luma_row (work->planes, y), work->frame->width, width);
    fill_row (luma_row (work->planes, y + 1), work->frame->width, width);
    if (y > last)               /* below the frame: its last row, not its last two */
      memcpy (luma_row (work->planes, y), luma_row (work->planes, y + 1),
          width * sizeof (float));
    fill_row (chroma_row (work->planes, 0, y / 2), pairs, width / 2);
    fill_row (chroma_row (work->planes, 1, y / 2), pairs, width / 2);
  }
}

gboolean
alitra_picture_from_frame (const AlitraFrame * frame, const float gain[2],
    AlitraPlanes * planes, const guint8 * mask, AlitraWorkers * workers,
    GError ** error)
{
  Work work = { frame, planes, gain, mask, range_of (frame->full_range),
    alitra_matrix_get_pixel_loops ()
  };
  const gboolean rgb = frame->format >= ALITRA_PIXEL_RGB;

  if (!check_size (frame, planes->grid, error))
    return FALSE;
  alitra_workers_run (workers, planes->grid.rows,
      rgb ? read_cells_rgb : read_cells_ycc, &work);
  return TRUE;
}

void
alitra_picture_read_run (const AlitraFrame * frame, const float gain[2],
    AlitraPlanes * planes, guint row, guint first, guint end)
{
  const Work work = { frame, planes, gain, NULL, range_of (frame->full_range),
    alitra_matrix_get_pixel_loops ()
  };

  read_run_ycc (&work, row, first, end);
}

/* --- back to bytes ---------------------------------------------------------------------------------------------- */

void
alitra_picture_write_line (const AlitraFrame * frame, const float gain[2],
    guint plane, guint x, guint y, const float *samples, guint count)
{
  const Range range = range_of (frame->full_range);
  const guint width = plane ? (frame->width + 1) / 2 : frame->width;
  const guint height = plane ? (frame->height + 1) / 2 : frame->height;

  if (x >= width || y >= height || (plane
          && frame->format == ALITRA_PIXEL_GRAY8))
    return;
  alitra_matrix_get_pixel_loops ()->to_bytes (frame_row (frame, plane, y) + x,
      samples, plane ? range.chroma_span / gain[plane - 1] : range.luma_span,
      plane ? 128.5f : range.luma_start + .5f * range.luma_span + .5f,
      MIN (count, width - x));
}

/* Samples of cells first..end-1 of a row of cells, as far as the frame goes. */
static void
write_run (const Work * work, guint cells, guint first, guint end)
{
  const AlitraFrame *frame = work->frame;
  const Range *range = &work->range;
  const guint x = first * ALITRA_CELL, right =
      MIN (end * ALITRA_CELL, frame->width);
  const guint bottom = MIN ((cells + 1) * ALITRA_CELL, frame->height);

  if (x >= right)
    return;
  for (guint y = cells * ALITRA_CELL; y < bottom; y++)
    work->loops->to_bytes (frame_row (frame, 0, y) + x,
        luma_row (work->planes, y) + x, range->luma_span,
        range->luma_start + .5f * range->luma_span + .5f, right - x);
  if (frame->format == ALITRA_PIXEL_GRAY8)
    return;
  for (guint i = 0; i < 2; i++) {
    for (guint y = cells * HALF; y < (bottom + 1) / 2; y++)
      work->loops->to_bytes (frame_row (frame, 1 + i, y) + x / 2,
          chroma_row (work->planes, i, y) + x / 2,
          range->chroma_span / work->gain[i], 128.5f, (right + 1) / 2 - x / 2);
  }
}

static void
write_cells (gpointer data, guint cells, guint worker)
{
  const Work *work = data;
  const guint columns = work->planes->grid.columns;
  const guint8 *mask = work->mask ? work->mask + (gsize) cells * columns : NULL;
  guint first = 0;

  while (first < columns) {
    guint end = first;

    while (end < columns && (!mask || mask[end]))
      end++;
    if (end > first)
      write_run (work, cells, first, end);
    first = end + 1;
  }
}

gboolean
alitra_picture_check_target (const AlitraFrame * frame, AlitraGrid grid,
    GError ** error)
{
  if (frame->format != ALITRA_PIXEL_I420 && frame->format != ALITRA_PIXEL_GRAY8) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "A frame to be written should be I420 or GRAY8, got number %d of AlitraPixelFormat",
        frame->format);
    return FALSE;
  }
  return check_size (frame, grid, error);
}

gboolean
alitra_picture_to_frame (const AlitraPlanes * planes, const float gain[2],
    const AlitraFrame * frame, const guint8 * mask, AlitraWorkers * workers,
    GError ** error)
{
  Work work = { frame, (AlitraPlanes *) planes, gain, mask,
    range_of (frame->full_range), alitra_matrix_get_pixel_loops ()
  };

  if (!alitra_picture_check_target (frame, planes->grid, error))
    return FALSE;
  alitra_workers_run (workers, planes->grid.rows, write_cells, &work);
  return TRUE;
}
