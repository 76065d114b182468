/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bilateral.h"

#include "matrix.h"
#include "pixel-loops.h"

/* Limits in units of the planes, where chroma is about two times its own.  The last tap is less than half a cell of luma, or
 * a cell of chroma, away. */
static const AlitraTaps luma_taps = { 2, {1, 2}, {.8f, .4f}, .08f };

static const AlitraTaps chroma_taps =
    { 4, {1, 2, 4, 6}, {1.f, 1.f, 1.f, 1.f}, .06f };

/* Samples of a line that are filtered together: what they look at stays in the first-level cache. */
#define CHUNK 256

typedef struct
{
  AlitraBand *band;
  guint plane, row, n;          /* n: samples of a cell's side */
  AlitraBandLines lines;
  AlitraTakeLine take;
  gpointer data;
} Job;

static void
filter_run (const Job * job, guint first, guint end)
{
  const AlitraTaps *taps = job->plane ? &chroma_taps : &luma_taps;
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  gfloat samples[CHUNK + ALITRA_SLACK] __attribute__((aligned (64)));
  guint x, y;

  alitra_band_extend (job->band, job->plane, job->row, &job->lines,
      taps->distance[taps->count - 1], first, end);
  for (x = first; x < end; x += CHUNK)
    for (y = 0; y < job->n; y++) {
      const guint count = MIN (end - x, CHUNK);

      loops->even_line (samples, (const gfloat * const *) job->lines.line + y,
          x, taps, count);
      job->take (job->data, job->plane, x, job->row * job->n + y, samples,
          count);
    }
}

static void
copy_run (const Job * job, guint first, guint end)
{
  guint y;

  for (y = 0; y < job->n; y++)
    job->take (job->data, job->plane, first, job->row * job->n + y,
        job->lines.line[y] + first, end - first);
}

void
alitra_bilateral_row (AlitraBand * band, guint row, const guint8 * depth,
    const guint8 * mask, AlitraTakeLine take, gpointer data)
{
  const guint columns = band->grid.columns;
  guint first, end, plane;

  depth += (gsize) row *columns;
  mask += (gsize) row *columns;
  for (plane = 0; plane < 3; plane++) {
    Job job = { band, plane, row, plane ? ALITRA_CELL / 2 : ALITRA_CELL };

    job.take = take;
    job.data = data;
    alitra_band_get_lines (band, plane, row, &job.lines);
    for (first = 0; first < columns; first = end) {
      const gboolean plain = plane == 0 && !depth[first];

      end = first + 1;
      if (!mask[first])
        continue;
      while (end < columns && mask[end]
          && plain == (plane == 0 && !depth[end]))
        end++;
      if (plain)
        copy_run (&job, first * job.n, end * job.n);
      else
        filter_run (&job, first * job.n, end * job.n);
    }
  }
}
