/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flat.h"

#include <math.h>
#include <string.h>

#define CELL ALITRA_CELL
#define TOLERANCE (1.5f / 255.f)        /* root of the mean squared error up to which a cell is flat */
#define ROUNDS 3                /* a dropped cell changes its neighbours' slopes */
#define FADE 4                  /* luma samples over which a flat cell gives way to a painted neighbour */

static const guint coarse_steps[3] = { 24, 20, 20 };
static const guint fine_steps[3] = { 9, 11, 11 };

void
alitra_flat_get_vocabulary (const AlitraModel * model,
    AlitraVocabulary * vocabulary)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    vocabulary->codes[i] = model->level[i].codes;
  vocabulary->flat_coarse = ALITRA_FLAT_COARSE;
  vocabulary->flat_fine = ALITRA_FLAT_FINE;
  vocabulary->smooth = 1;
}

AlitraFlatGrid *
alitra_flat_grid_new (guint columns, guint rows, const gfloat gain[2])
{
  AlitraFlatGrid *grid = g_new0 (AlitraFlatGrid, 1);
  gsize cells = (gsize) columns * rows;

  grid->columns = columns;
  grid->rows = rows;
  memcpy (grid->gain, gain, sizeof (grid->gain));
  grid->flat = g_new0 (guint8, cells);
  grid->colour = g_new0 (gfloat, cells * 3);
  grid->slope_x = g_new0 (gfloat, cells * 3);
  grid->slope_y = g_new0 (gfloat, cells * 3);
  return grid;
}

void
alitra_flat_grid_free (AlitraFlatGrid * grid)
{
  g_free (grid->flat);
  g_free (grid->colour);
  g_free (grid->slope_x);
  g_free (grid->slope_y);
  g_free (grid);
}

static gint
nearest_step (gfloat position, guint steps)
{
  return CLAMP ((gint) floorf (position), 0, (gint) steps - 1);
}

void
alitra_flat_quantise (const gfloat mean[3], guint * coarse, guint * fine)
{
  guint c;

  *coarse = *fine = 0;
  for (c = 0; c < 3; c++) {
    gfloat position = (mean[c] + .5f) * coarse_steps[c];
    gint k = nearest_step (position, coarse_steps[c]);
    gint j = nearest_step ((position - k) * fine_steps[c], fine_steps[c]);

    *coarse = *coarse * coarse_steps[c] + k;
    *fine = *fine * fine_steps[c] + j;
  }
}

void
alitra_flat_colour (guint coarse, gint fine, gfloat colour[3])
{
  gint c;

  for (c = 2; c >= 0; c--) {
    guint k = coarse % coarse_steps[c];
    guint j = fine < 0 ? fine_steps[c] / 2 : fine % fine_steps[c];

    coarse /= coarse_steps[c];
    fine = fine < 0 ? fine : fine / (gint) fine_steps[c];
    colour[c] = (k + (j + .5f) / fine_steps[c]) / coarse_steps[c] - .5f;
  }
}

static gfloat
mean_of (const gfloat * samples, gsize stride, guint n)
{
  gfloat sum = 0.f;
  guint x, y;

  for (y = 0; y < n; y++)
    for (x = 0; x < n; x++)
      sum += samples[y * stride + x];
  return sum / (n * n);
}

void
alitra_flat_mean (const AlitraPlanes * planes, const gfloat gain[2],
    guint column, guint row, gfloat mean[3])
{
  guint c;

  mean[0] = mean_of (planes->luma + row * CELL * planes->luma_stride
      + column * CELL, planes->luma_stride, CELL);
  for (c = 0; c < 2; c++)
    mean[1 + c] = mean_of (planes->chroma[c]
        + row * (CELL / 2) * planes->chroma_stride + column * (CELL / 2),
        planes->chroma_stride, CELL / 2) / gain[c];
}

static inline gfloat
minmod (gfloat a, gfloat b)
{
  if (a * b <= 0.f)
    return 0.f;
  return fabsf (a) < fabsf (b) ? a : b;
}

/* Slope of one cell along a line of cells `step` apart; `before` and `after` say how many cells there are on each side. */
static gfloat
slope_of (const AlitraFlatGrid * grid, gsize cell, guint c, gsize step,
    guint before, guint after)
{
  const guint8 *flat = grid->flat + cell;
  const gfloat *m = grid->colour + cell * 3 + c;
  gssize s = (gssize) step, s3 = s * 3;
  gboolean l1 = before > 0 && flat[-s], r1 = after > 0 && flat[s];
  gboolean l2 = l1 && before > 1 && flat[-2 * s];
  gboolean r2 = r1 && after > 1 && flat[2 * s];

  if (l1 && r1)
    return minmod (m[0] - m[-s3], m[s3] - m[0]);
  if (l1)
    return l2 ? minmod (m[0] - m[-s3], m[-s3] - m[-2 * s3]) : 0.f;
  return r2 ? minmod (m[s3] - m[0], m[2 * s3] - m[s3]) : 0.f;
}

void
alitra_flat_grid_slopes (AlitraFlatGrid * grid)
{
  guint x, y, c;

  for (y = 0; y < grid->rows; y++)
    for (x = 0; x < grid->columns; x++) {
      gsize cell = (gsize) y * grid->columns + x;

      if (!grid->flat[cell])
        continue;
      for (c = 0; c < 3; c++) {
        grid->slope_x[cell * 3 + c] = slope_of (grid, cell, c, 1, x,
            grid->columns - 1 - x);
        grid->slope_y[cell * 3 + c] = slope_of (grid, cell, c, grid->columns,
            y, grid->rows - 1 - y);
      }
    }
}

/* Sample (x, y) of channel c of a flat cell whose plane has n x n samples. */
static inline gfloat
surface_at (const AlitraFlatGrid * grid, gsize cell, guint c, guint x, guint y,
    guint n)
{
  gfloat u = (x + .5f) / n - .5f, v = (y + .5f) / n - .5f;

  return grid->colour[cell * 3 + c] + grid->slope_x[cell * 3 + c] * u
      + grid->slope_y[cell * 3 + c] * v;
}

static gfloat
plane_error (const AlitraFlatGrid * grid, gsize cell, guint c,
    const gfloat * samples, gsize stride, guint n, gfloat gain)
{
  gfloat sum = 0.f;
  guint x, y;

  for (y = 0; y < n; y++)
    for (x = 0; x < n; x++) {
      gfloat d = surface_at (grid, cell, c, x, y, n) * gain
          - samples[y * stride + x];

      sum += d * d;
    }
  return sum;
}

static gfloat
surface_error (const AlitraFlatGrid * grid, const AlitraPlanes * planes,
    guint column, guint row)
{
  gsize cell = (gsize) row * grid->columns + column;
  gfloat sum;
  guint c;

  sum = plane_error (grid, cell, 0, planes->luma
      + row * CELL * planes->luma_stride + column * CELL,
      planes->luma_stride, CELL, 1.f);
  for (c = 0; c < 2; c++)
    sum += plane_error (grid, cell, 1 + c, planes->chroma[c]
        + row * (CELL / 2) * planes->chroma_stride + column * (CELL / 2),
        planes->chroma_stride, CELL / 2, grid->gain[c]);
  return sum;
}

void
alitra_flat_grid_detect (AlitraFlatGrid * grid, const AlitraPlanes * quarter,
    const guint8 * candidate)
{
  gsize cells = (gsize) grid->columns * grid->rows, i;
  guint round;

  for (i = 0; i < cells; i++) {
    gfloat mean[3];
    guint coarse, fine;

    if (!candidate[i])
      continue;
    alitra_flat_mean (quarter, grid->gain, i % grid->columns, i / grid->columns, mean);
    alitra_flat_quantise (mean, &coarse, &fine);
    alitra_flat_colour (coarse, fine, grid->colour + i * 3);
    grid->flat[i] = TRUE;
  }
  for (round = 0; round < ROUNDS; round++) {
    alitra_flat_grid_slopes (grid);
    for (i = 0; i < cells; i++)
      if (candidate[i] && grid->flat[i]
          && surface_error (grid, quarter, i % grid->columns,
              i / grid->columns) > TOLERANCE * TOLERANCE * CELL * CELL)
        grid->flat[i] = FALSE;
  }
  alitra_flat_grid_slopes (grid);
}

/* Which of the four sides of a cell (left, right, above, below) meet a painted neighbour. */
typedef struct
{
  gboolean side[4];
} PaintedSides;

static PaintedSides
painted_sides (const AlitraFlatGrid * grid, guint x, guint y)
{
  const guint8 *flat = grid->flat + (gsize) y * grid->columns + x;
  PaintedSides s = { {
          x > 0 && !flat[-1],
          x + 1 < grid->columns && !flat[1],
          y > 0 && !flat[-(gssize) grid->columns],
      y + 1 < grid->rows && !flat[grid->columns]} };

  return s;
}

static inline gfloat
ramp (guint distance, guint fade)
{
  return MIN ((distance + .5f) / fade, 1.f);
}

static inline gfloat
weight_at (const PaintedSides * s, guint x, guint y, guint n)
{
  guint fade = FADE * n / CELL;
  gfloat w = 1.f;

  if (s->side[0])
    w *= ramp (x, fade);
  if (s->side[1])
    w *= ramp (n - 1 - x, fade);
  if (s->side[2])
    w *= ramp (y, fade);
  if (s->side[3])
    w *= ramp (n - 1 - y, fade);
  return w;
}

static void
blend_plane (const AlitraFlatGrid * grid, gsize cell, guint c,
    const PaintedSides * sides, gfloat * samples, gsize stride, guint n,
    gfloat gain)
{
  guint x, y;

  for (y = 0; y < n; y++)
    for (x = 0; x < n; x++) {
      gfloat *p = samples + y * stride + x;

      *p += (surface_at (grid, cell, c, x, y, n) * gain - *p)
          * weight_at (sides, x, y, n);
    }
}

void
alitra_flat_grid_blend (const AlitraFlatGrid * grid, AlitraPlanes * painted)
{
  guint x, y, c;

  for (y = 0; y < grid->rows; y++)
    for (x = 0; x < grid->columns; x++) {
      gsize cell = (gsize) y * grid->columns + x;
      PaintedSides sides;

      if (!grid->flat[cell])
        continue;
      sides = painted_sides (grid, x, y);
      blend_plane (grid, cell, 0, &sides, painted->luma
          + y * CELL * painted->luma_stride + x * CELL,
          painted->luma_stride, CELL, 1.f);
      for (c = 0; c < 2; c++)
        blend_plane (grid, cell, 1 + c, &sides, painted->chroma[c]
            + y * (CELL / 2) * painted->chroma_stride + x * (CELL / 2),
            painted->chroma_stride, CELL / 2, grid->gain[c]);
    }
}
