/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "smooth.h"

#include "fade.h"
#include "model.h"
#include "pixel-loops.h"

#define CELL ALITRA_CELL

typedef struct
{
  const gfloat *samples;
  gsize stride;
  guint n;
} Block;

static Block
block_of (const AlitraPlanes * planes, guint channel, guint column, guint row)
{
  Block b;

  b.n = channel == 0 ? CELL : CELL / 2;
  b.stride = channel == 0 ? planes->luma_stride : planes->chroma_stride;
  b.samples = (channel == 0 ? planes->luma : planes->chroma[channel - 1])
      + row * b.n * b.stride + column * b.n;
  return b;
}

/* Sum of the squares of n numbers that are one apart, around their middle. */
static inline gfloat
spread_of (guint n)
{
  return n * (n * n - 1.f) / 12.f;
}

/* Least squares. */
static AlitraSlope
fit_plane (const Block * b)
{
  AlitraMoments moments;

  alitra_matrix_get_pixel_loops ()->measure (b->samples, b->stride, b->n,
      &moments);
  return (AlitraSlope) {
  moments.sum / (b->n * b->n), moments.across / (spread_of (b->n) * b->n),
        moments.down / (spread_of (b->n) * b->n)};
}

static inline gfloat
plane_at (const AlitraSlope * plane, guint n, guint x, guint y)
{
  const gfloat middle = (n - 1) / 2.f;

  return plane->mean + plane->dx * (x - middle) + plane->dy * (y - middle);
}

typedef struct
{
  AlitraPlanes *picture;
  const guint8 *smooth, *mask;
} Job;

/* Whether the neighbours of a cell are smooth as well; the picture's end counts as such. */
typedef struct
{
  gboolean left, right, above, below;
} Neighbours;

static void
blend_block (const Block * b, const Neighbours * same)
{
  gfloat *samples = (gfloat *) b->samples;
  gfloat across[CELL], down[CELL];
  AlitraSlope plane = fit_plane (b);
  guint x, y;

  alitra_fade (across, b->n, !same->left, !same->right);
  alitra_fade (down, b->n, !same->above, !same->below);
  for (y = 0; y < b->n; y++)
    for (x = 0; x < b->n; x++) {
      gfloat *p = samples + y * b->stride + x;

      *p += (plane_at (&plane, b->n, x, y) - *p) * (across[x] * down[y]);
    }
}

static void
blend_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  const guint columns = job->picture->grid.columns;
  const guint rows = job->picture->grid.rows;
  const guint8 *smooth = job->smooth + (gsize) row * columns;
  guint x, c;

  for (x = 0; x < columns; x++) {
    Neighbours same;

    if (!smooth[x] || !job->mask[(gsize) row * columns + x])
      continue;
    same.left = x == 0 || smooth[x - 1];
    same.right = x + 1 == columns || smooth[x + 1];
    same.above = row == 0 || smooth[(gssize) x - (gssize) columns];
    same.below = row + 1 == rows || smooth[x + columns];
    for (c = 0; c < 3; c++) {
      Block b = block_of (job->picture, c, x, row);

      blend_block (&b, &same);
    }
  }
}

void
alitra_smooth_blend_row (AlitraPlanes * picture, const guint8 * smooth,
    const guint8 * mask, guint row)
{
  Job job = { picture, smooth, mask };

  blend_row (&job, row, 0);
}

void
alitra_smooth_blend (AlitraPlanes * picture, const guint8 * smooth,
    const guint8 * mask, AlitraWorkers * workers)
{
  Job job = { picture, smooth, mask };

  alitra_workers_run (workers, picture->grid.rows, blend_row, &job);
}
