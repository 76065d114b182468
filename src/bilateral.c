/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bilateral.h"

#include <string.h>

#include "matrix.h"
#include "pixel-loops.h"

#define REACH ALITRA_BILATERAL_REACH
#define WINDOW (ALITRA_CELL + 2 * REACH)

/* Differences from which on a sample counts for nothing; chroma in units of the planes, which are about two times its own. */
#define LUMA_LIMIT .08f
#define CHROMA_LIMIT .06f

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
  gfloat limit;
} Plane;

static Plane
plane_of (const Job * job, guint channel)
{
  const AlitraPlanes *from = job->from, *to = job->to;

  if (channel == 0)
    return (Plane) {
    from->luma, to->luma, to->luma_stride, ALITRA_CELL, LUMA_LIMIT};
  return (Plane) {
  from->chroma[channel - 1], to->chroma[channel - 1], to->chroma_stride,
        ALITRA_CELL / 2, CHROMA_LIMIT};
}

/* A cell at the end of the picture, with the samples around it; beyond the end the last ones are repeated. */
static void
filter_at_end (const Job * job, const Plane * p, guint column, guint row,
    gfloat * to)
{
  const gint width = job->to->grid.columns * p->n;
  const gint height = job->to->grid.rows * p->n;
  gfloat window[WINDOW * WINDOW];
  gint x, y;

  for (y = 0; y < (gint) p->n + 2 * REACH; y++) {
    const gint line = CLAMP ((gint) (row * p->n) + y - REACH, 0, height - 1);

    for (x = 0; x < (gint) p->n + 2 * REACH; x++)
      window[y * WINDOW + x] = p->from[line * p->stride
          + CLAMP ((gint) (column * p->n) + x - REACH, 0, width - 1)];
  }
  job->loops->even_out (window + REACH * WINDOW + REACH, WINDOW, p->n,
      p->limit, to, p->stride);
}

static void
write_cell (const Job * job, guint channel, guint column, guint row)
{
  const AlitraGrid grid = job->to->grid;
  const Plane p = plane_of (job, channel);
  const gsize at = (gsize) row * p.n * p.stride + column * p.n;
  guint y;

  if (!job->depth[(gsize) row * grid.columns + column])
    for (y = 0; y < p.n; y++)
      memcpy (p.to + at + y * p.stride, p.from + at + y * p.stride,
          p.n * sizeof (gfloat));
  else if (column == 0 || row == 0 || column + 1 == grid.columns
      || row + 1 == grid.rows)
    filter_at_end (job, &p, column, row, p.to + at);
  else
    job->loops->even_out (p.from + at, p.stride, p.n, p.limit, p.to + at,
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
