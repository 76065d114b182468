/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bilateral.h"

#include <string.h>

#include "matrix.h"
#include "pixel-loops.h"

/* Limits in units of the planes, where chroma is about two times its own.  The last tap is less than half a cell of luma, or
 * a cell of chroma, away. */
static const AlitraTaps luma_taps = { 2, {1, 2}, {.8f, .4f}, .08f };

static const AlitraTaps chroma_taps =
    { 4, {1, 2, 4, 6}, {1.f, 1.f, 1.f, 1.f}, .06f };

#define REACH 6                 /* of all taps */
#define WINDOW (ALITRA_CELL + 2 * REACH)

typedef struct
{
  AlitraPlanes *to;
  const AlitraPlanes *from;
  const guint8 *depth;
  const guint8 *mask;           /* NULL: all cells are written */
  const AlitraPixelLoops *loops;
} Job;

/* A plane of cells of n x n samples. */
typedef struct
{
  const gfloat *from;
  gfloat *to;
  gsize stride;
  guint n;
  const AlitraTaps *taps;
} Plane;

static Plane
plane_of (const Job * job, guint channel)
{
  const AlitraPlanes *from = job->from, *to = job->to;

  if (channel == 0)
    return (Plane) {
    from->luma, to->luma, to->luma_stride, ALITRA_CELL, &luma_taps};
  return (Plane) {
  from->chroma[channel - 1], to->chroma[channel - 1], to->chroma_stride,
        ALITRA_CELL / 2, &chroma_taps};
}

/* The sample that stands for one beyond the end is as far inside. */
static inline gint
inside (gint at, gint size)
{
  return at < 0 ? -at : at < size ? at : 2 * (size - 1) - at;
}

/* Beyond the end of the picture ramps go on: what one is inside, turned round about the last sample. */
static inline gfloat
sample_at (const Plane * p, gint x, gint y, gint width, gint height)
{
  const gint ix = inside (x, width), iy = inside (y, height);
  const gfloat v = p->from[iy * p->stride + ix];

  if (ix == x && iy == y)
    return v;
  return 2.f * p->from[CLAMP (y, 0, height - 1) * p->stride
      + CLAMP (x, 0, width - 1)] - v;
}

/* A cell at the end of the picture, in a window of its own with the samples around it. */
static void
filter_at_end (const Job * job, const Plane * p, guint column, guint row,
    gfloat * to)
{
  const gint width = job->to->grid.columns * p->n;
  const gint height = job->to->grid.rows * p->n;
  const gint left = column * p->n, top = row * p->n;
  const gint away = p->taps->distance[p->taps->count - 1];
  gfloat window[WINDOW * WINDOW];
  gint x, y;

  for (y = -away; y < (gint) p->n + away; y++)
    for (x = -away; x < (gint) p->n + away; x++)
      window[(y + REACH) * WINDOW + x + REACH] =
          sample_at (p, left + x, top + y, width, height);
  job->loops->even_out (window + REACH * WINDOW + REACH, WINDOW, p->n,
      p->taps, to, p->stride);
}

static void
write_cell (const Job * job, guint channel, guint column, guint row)
{
  const AlitraGrid grid = job->to->grid;
  const Plane p = plane_of (job, channel);
  const gsize at = (gsize) row * p.n * p.stride + column * p.n;
  guint y;

  if (channel == 0 && !job->depth[(gsize) row * grid.columns + column])
    for (y = 0; y < p.n; y++)
      memcpy (p.to + at + y * p.stride, p.from + at + y * p.stride,
          p.n * sizeof (gfloat));
  else if (column == 0 || row == 0 || column + 1 == grid.columns
      || row + 1 == grid.rows)
    filter_at_end (job, &p, column, row, p.to + at);
  else
    job->loops->even_out (p.from + at, p.stride, p.n, p.taps, p.to + at,
        p.stride);
}

static void
write_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  const guint columns = job->to->grid.columns;
  guint x, c;

  for (x = 0; x < columns; x++)
    if (!job->mask || job->mask[(gsize) row * columns + x])
      for (c = 0; c < 3; c++)
        write_cell (job, c, x, row);
}

void
alitra_bilateral (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * depth, const guint8 * mask, AlitraWorkers * workers)
{
  Job job = { to, from, depth, mask, alitra_matrix_get_pixel_loops () };

  alitra_workers_run (workers, to->grid.rows, write_row, &job);
}
