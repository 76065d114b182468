/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flat.h"

#include <math.h>
#include <string.h>

#include "fade.h"
#include "pixel-loops.h"

#define CELL ALITRA_CELL
#define PIXELS 64               /* of the picture, a cell */
#define TOLERANCE (1.5f / 255.f)        /* root of the mean squared error up to which a cell is flat */
#define ROUNDS 3                /* a dropped cell changes its neighbours' slopes */

static const guint coarse_steps[3] = { 24, 20, 20 };
static const guint fine_steps[3] = { 9, 11, 11 };

void
alitra_flat_get_vocabulary (const AlitraModel * model,
    AlitraVocabulary * vocabulary)
{
  guint i, t;

  memset (vocabulary, 0, sizeof (*vocabulary));
  for (i = 0; i < ALITRA_LEVELS; i++) {
    vocabulary->codes[i] = model->level[i].codes;
    for (t = 0; t < model->level[i].depth; t++)
      vocabulary->ids[i][t] = model->level[i].step[t].ids;
  }
  vocabulary->flat_coarse = ALITRA_FLAT_COARSE;
  vocabulary->flat_fine = ALITRA_FLAT_FINE;
  vocabulary->smooth = 1;
}

/* How much of the last of `count` cells the picture covers. */
static gfloat
cover_of_last (guint size, guint count)
{
  return size / (gfloat) PIXELS - (count - 1);
}

AlitraFlatGrid *
alitra_flat_grid_new (guint width, guint height, const gfloat gain[2])
{
  AlitraFlatGrid *grid = g_new0 (AlitraFlatGrid, 1);
  AlitraGrid size = alitra_grid_of (width, height, ALITRA_LEVELS - 1);
  gsize cells = (gsize) size.columns * size.rows;

  grid->columns = size.columns;
  grid->rows = size.rows;
  grid->last_column = cover_of_last (width, size.columns);
  grid->last_row = cover_of_last (height, size.rows);
  memcpy (grid->gain, gain, sizeof (grid->gain));
  grid->flat = g_new0 (guint8, cells);
  grid->colour = g_new0 (gfloat, cells * 3);
  grid->slope_x = g_new0 (gfloat, cells * 3);
  grid->slope_y = g_new0 (gfloat, cells * 3);
  grid->noted_flat = g_new0 (guint8, cells);
  grid->noted = g_new0 (gfloat, cells * 9);
  grid->coarse = g_new0 (guint, cells);
  grid->fine = g_new0 (guint, cells);
  return grid;
}

void
alitra_flat_grid_free (AlitraFlatGrid * grid)
{
  g_free (grid->flat);
  g_free (grid->colour);
  g_free (grid->slope_x);
  g_free (grid->slope_y);
  g_free (grid->noted_flat);
  g_free (grid->noted);
  g_free (grid->coarse);
  g_free (grid->fine);
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

static inline gfloat
cover_x (const AlitraFlatGrid * grid, guint column)
{
  return column + 1 == grid->columns ? grid->last_column : 1.f;
}

static inline gfloat
cover_y (const AlitraFlatGrid * grid, guint row)
{
  return row + 1 == grid->rows ? grid->last_row : 1.f;
}

/* How much of sample i the picture covers, if it covers so many. */
static inline gfloat
share (gfloat covered, guint i)
{
  return CLAMP (covered - i, 0.f, 1.f);
}

/* Where the middle of sample i is, in samples.  One that the picture covers in part is the mean of a row of four, the
 * last of which that the picture has is repeated. */
static inline gfloat
position (gfloat covered, guint i)
{
  gfloat there = share (covered, i);
  gfloat k = ceilf (there * 4.f);

  return there == 1.f ? i + .5f
      : i + (k * k / 2.f + (k - .5f) * (4.f - k)) / 16.f;
}

/* How far the middle of what the picture covers is behind the mean of what covered samples say; a part of n. */
static gfloat
lag (gfloat covered, guint n)
{
  gfloat sum = 0.f;
  guint i;

  for (i = 0; i < covered; i++)
    sum += position (covered, i) * share (covered, i);
  return (covered / 2.f - sum / covered) / n;
}

static gfloat
mean_of (const gfloat * samples, gsize stride, gfloat wide, gfloat high)
{
  gfloat sum = 0.f;
  guint x, y;

  for (y = 0; y < high; y++) {
    gfloat row = 0.f;

    for (x = 0; x < wide; x++)
      row += samples[y * stride + x] * share (wide, x);
    sum += row * share (high, y);
  }
  return sum / (wide * high);
}

/* One channel of a cell, as the loops below need it. */
typedef struct
{
  guint n;                      /* samples of a cell's side */
  gfloat *samples;
  gsize stride;
  gfloat gain;
  gfloat cx, cy;                /* how much of the cell the picture covers */
} Channel;

static Channel
channel_of (const AlitraFlatGrid * grid, const AlitraPlanes * planes,
    guint column, guint row, guint c)
{
  Channel channel;

  channel.n = c == 0 ? CELL : CELL / 2;
  channel.stride = c == 0 ? planes->luma_stride : planes->chroma_stride;
  channel.samples = (c == 0 ? planes->luma : planes->chroma[c - 1])
      + row * channel.n * channel.stride + column * channel.n;
  channel.gain = c == 0 ? 1.f : grid->gain[c - 1];
  channel.cx = cover_x (grid, column);
  channel.cy = cover_y (grid, row);
  return channel;
}

/* The picture covers all of the cell: as many simple loops as there are cells like that. */
static inline gboolean
is_whole (const Channel * ch)
{
  return ch->cx == 1.f && ch->cy == 1.f;
}

static gfloat
mean_of_channel (const Channel * ch)
{
  AlitraMoments moments;

  if (!is_whole (ch))
    return mean_of (ch->samples, ch->stride, ch->cx * ch->n, ch->cy * ch->n);
  alitra_matrix_get_pixel_loops ()->measure (ch->samples, ch->stride, ch->n,
      &moments);
  return moments.sum / (ch->n * ch->n);
}

/* Squared error of a plane over a whole cell. */
static gfloat
error_of (const Channel * ch, const AlitraSlope * plane)
{
  gfloat none, error;

  alitra_matrix_get_pixel_loops ()->compare_plane (ch->samples, ch->stride,
      ch->samples, ch->stride, ch->n, plane, &none, &error);
  return error;
}

/* Takes the nearest colour of the lattice for a cell, as its slopes have it in the middle. */
static void
take_colour (AlitraFlatGrid * grid, const AlitraPlanes * quarter, gsize cell)
{
  gfloat mean[3];
  guint c;

  for (c = 0; c < 3; c++) {
    Channel ch = channel_of (grid, quarter, cell % grid->columns,
        cell / grid->columns, c);
    gfloat wide = ch.cx * ch.n, high = ch.cy * ch.n;

    mean[c] = mean_of_channel (&ch) / ch.gain;
    if (!is_whole (&ch))
      mean[c] += grid->slope_x[cell * 3 + c] * lag (wide, ch.n)
          + grid->slope_y[cell * 3 + c] * lag (high, ch.n);
  }
  alitra_flat_quantise (mean, &grid->coarse[cell], &grid->fine[cell]);
  alitra_flat_colour (grid->coarse[cell], grid->fine[cell],
      grid->colour + cell * 3);
}

static inline gfloat
minmod (gfloat a, gfloat b)
{
  if (a * b <= 0.f)
    return 0.f;
  return fabsf (a) < fabsf (b) ? a : b;
}

/* A line of cells through one of them: `step` apart, so many before and after it; the picture covers `last` of the last
 * one. */
typedef struct
{
  gsize step;
  guint before, after;
  gfloat last;
} Line;

/* Distance between the middles of what the picture covers of two neighbours, `after` cells from the line's end on. */
static inline gfloat
distance (const Line * line, guint after)
{
  return after == 0 ? .5f + .5f * line->last : 1.f;
}

static gfloat
slope_of (const AlitraFlatGrid * grid, gsize cell, guint c, const Line * line)
{
  const guint8 *flat = grid->flat + cell;
  const gfloat *m = grid->colour + cell * 3 + c;
  const gssize s = (gssize) line->step, s3 = s * 3;
  const gboolean l1 = line->before > 0 && flat[-s];
  const gboolean r1 = line->after > 0 && flat[s];
  const gboolean l2 = l1 && line->before > 1 && flat[-2 * s];
  const gboolean r2 = r1 && line->after > 1 && flat[2 * s];
  const gfloat left = l1 ? (m[0] - m[-s3]) / distance (line, line->after) : 0.f;
  const gfloat right = r1 ? (m[s3] - m[0])
      / distance (line, line->after - 1) : 0.f;

  if (l1 && r1)
    return minmod (left, right);
  if (line->before + line->after == 1)
    return left + right;
  if (l2)
    return minmod (left, m[-s3] - m[-2 * s3]);
  return r2 ? minmod (right, (m[2 * s3] - m[s3])
      / distance (line, line->after - 2)) : 0.f;
}

void
alitra_flat_grid_slopes (AlitraFlatGrid * grid)
{
  guint x, y, c;

  for (y = 0; y < grid->rows; y++)
    for (x = 0; x < grid->columns; x++) {
      const gsize cell = (gsize) y * grid->columns + x;
      const Line along = { 1, x, grid->columns - 1 - x, grid->last_column };
      const Line down = { grid->columns, y, grid->rows - 1 - y,
        grid->last_row
      };

      if (!grid->flat[cell])
        continue;
      for (c = 0; c < 3; c++) {
        grid->slope_x[cell * 3 + c] = slope_of (grid, cell, c, &along);
        grid->slope_y[cell * 3 + c] = slope_of (grid, cell, c, &down);
      }
    }
}

/* The surface of a flat cell at a place of one channel, in samples. */
static inline gfloat
surface_at (const AlitraFlatGrid * grid, gsize cell, guint c,
    const Channel * ch, gfloat x, gfloat y)
{
  gfloat u = x / ch->n - .5f * ch->cx, v = y / ch->n - .5f * ch->cy;

  return (grid->colour[cell * 3 + c] + grid->slope_x[cell * 3 + c] * u
      + grid->slope_y[cell * 3 + c] * v) * ch->gain;
}

static gfloat
surface_error (const AlitraFlatGrid * grid, gsize cell, guint c,
    const Channel * ch)
{
  const gfloat wide = ch->cx * ch->n, high = ch->cy * ch->n;
  gfloat sum = 0.f;
  guint x, y;

  if (is_whole (ch)) {
    const gfloat step = ch->gain / ch->n;
    const AlitraSlope plane = { grid->colour[cell * 3 + c] * ch->gain,
      grid->slope_x[cell * 3 + c] * step, grid->slope_y[cell * 3 + c] * step
    };

    return error_of (ch, &plane);
  }
  for (y = 0; y < high; y++)
    for (x = 0; x < wide; x++) {
      gfloat d = surface_at (grid, cell, c, ch, position (wide, x),
          position (high, y)) - ch->samples[y * ch->stride + x];

      sum += d * d * share (wide, x) * share (high, y);
    }
  return sum;
}

/* Mean place of the covered samples of a line, and the sum of its squares around that. */
static void
spread_of (gfloat covered, gfloat * middle, gfloat * spread)
{
  gfloat sum = 0.f, squares = 0.f;
  guint i;

  for (i = 0; i < covered; i++)
    sum += position (covered, i) * share (covered, i);
  *middle = sum / covered;
  for (i = 0; i < covered; i++) {
    gfloat d = position (covered, i) - *middle;

    squares += d * d * share (covered, i);
  }
  *spread = squares;
}

/* Squared error of the plane that fits one channel of a cell best that the picture covers in part. */
static gfloat
plane_error_of_part (const Channel * ch)
{
  const gfloat wide = ch->cx * ch->n, high = ch->cy * ch->n;
  const gfloat mean = mean_of (ch->samples, ch->stride, wide, high);
  gfloat mx, my, xx, yy, xv = 0.f, yv = 0.f, sum = 0.f;
  guint x, y;

  spread_of (wide, &mx, &xx);
  spread_of (high, &my, &yy);
  for (y = 0; y < high; y++)
    for (x = 0; x < wide; x++) {
      gfloat v = (ch->samples[y * ch->stride + x] - mean) * share (wide, x)
          * share (high, y);

      xv += v * (position (wide, x) - mx);
      yv += v * (position (high, y) - my);
    }
  xv = xx > 0.f ? xv / (xx * high) : 0.f;
  yv = yy > 0.f ? yv / (yy * wide) : 0.f;
  for (y = 0; y < high; y++)
    for (x = 0; x < wide; x++) {
      gfloat d = ch->samples[y * ch->stride + x] - mean
          - xv * (position (wide, x) - mx) - yv * (position (high, y) - my);

      sum += d * d * share (wide, x) * share (high, y);
    }
  return sum;
}

/* Squared error of the plane that fits one channel of a cell best. */
static gfloat
plane_error (const Channel * ch)
{
  const gfloat samples = ch->n * ch->n;
  const gfloat spread = samples * (samples - 1.f) / 12.f;
  AlitraMoments moments;
  AlitraSlope plane;

  if (!is_whole (ch))
    return plane_error_of_part (ch);
  alitra_matrix_get_pixel_loops ()->measure (ch->samples, ch->stride, ch->n,
      &moments);
  plane = (AlitraSlope) {
  moments.sum / samples, moments.across / spread, moments.down / spread};
  return error_of (ch, &plane);
}

/* Whether a cell is plain or shades evenly at all: one that does not must not bend its neighbours' slopes. */
static gboolean
is_even (const AlitraFlatGrid * grid, const AlitraPlanes * quarter, gsize cell)
{
  gfloat sum = 0.f, covered = 0.f;
  guint c;

  for (c = 0; c < 3; c++) {
    Channel ch = channel_of (grid, quarter, cell % grid->columns,
        cell / grid->columns, c);

    sum += plane_error (&ch);
    if (c == 0)
      covered = ch.cx * ch.cy * CELL * CELL;
  }
  return sum <= TOLERANCE * TOLERANCE * covered;
}

/* Whether the surface describes what the picture shows in the cell. */
static gboolean
fits (const AlitraFlatGrid * grid, const AlitraPlanes * quarter, gsize cell)
{
  gfloat sum = 0.f, covered = 0.f;
  guint c;

  for (c = 0; c < 3; c++) {
    Channel ch = channel_of (grid, quarter, cell % grid->columns,
        cell / grid->columns, c);

    sum += surface_error (grid, cell, c, &ch);
    if (c == 0)
      covered = ch.cx * ch.cy * CELL * CELL;
  }
  return sum <= TOLERANCE * TOLERANCE * covered;
}

/* Colours of cells that the picture covers in part depend a little on their slopes. */
static void
settle_last_colours (AlitraFlatGrid * grid, const AlitraPlanes * quarter,
    const guint8 * candidate)
{
  const gsize cells = (gsize) grid->columns * grid->rows;
  gsize i;

  for (i = 0; i < cells; i++)
    if (candidate[i] && grid->flat[i]
        && ((grid->last_column < 1.f && (i + 1) % grid->columns == 0)
            || (grid->last_row < 1.f && i + grid->columns >= cells)))
      take_colour (grid, quarter, i);
}

typedef struct
{
  AlitraFlatGrid *grid;
  const AlitraPlanes *quarter;
  const guint8 *candidate;
} Detection;

/* Candidates of a row that are plain or shade evenly, and their colours. */
static void
find_even_cells (gpointer data, guint row, guint worker)
{
  const Detection *job = data;
  AlitraFlatGrid *grid = job->grid;
  const gsize first = (gsize) row * grid->columns;
  gsize i;

  for (i = first; i < first + grid->columns; i++) {
    if (!job->candidate[i])
      continue;
    memset (grid->slope_x + i * 3, 0, 3 * sizeof (gfloat));
    memset (grid->slope_y + i * 3, 0, 3 * sizeof (gfloat));
    take_colour (grid, job->quarter, i);
    grid->flat[i] = is_even (grid, job->quarter, i);
  }
}

void
alitra_flat_grid_detect (AlitraFlatGrid * grid, const AlitraPlanes * quarter,
    const guint8 * candidate, AlitraWorkers * workers)
{
  const gsize cells = (gsize) grid->columns * grid->rows;
  Detection job = { grid, quarter, candidate };
  guint round;
  gsize i;

  alitra_workers_run (workers, grid->rows, find_even_cells, &job);
  for (round = 0; round < ROUNDS; round++) {
    alitra_flat_grid_slopes (grid);
    settle_last_colours (grid, quarter, candidate);
    alitra_flat_grid_slopes (grid);
    for (i = 0; i < cells; i++)
      if (candidate[i] && grid->flat[i] && !fits (grid, quarter, i))
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
      y + 1 < grid->rows && !flat[grid->columns]}
  };

  return s;
}

static void
blend_channel (const AlitraFlatGrid * grid, gsize cell, guint c,
    const Channel * ch, const PaintedSides * sides)
{
  gfloat across[CELL], down[CELL], surface[CELL];
  guint x, y;

  alitra_fade (across, ch->n, sides->side[0], sides->side[1]);
  alitra_fade (down, ch->n, sides->side[2], sides->side[3]);
  for (y = 0; y < ch->n; y++) {
    gfloat *row = ch->samples + y * ch->stride;

    for (x = 0; x < ch->n; x++)
      surface[x] = surface_at (grid, cell, c, ch, x + .5f, y + .5f);
    for (x = 0; x < ch->n; x++)
      row[x] += (surface[x] - row[x]) * (across[x] * down[y]);
  }
}

void
alitra_flat_grid_blend (const AlitraFlatGrid * grid, AlitraPlanes * painted,
    const guint8 * mask)
{
  guint x, y, c;

  for (y = 0; y < grid->rows; y++)
    for (x = 0; x < grid->columns; x++) {
      const gsize cell = (gsize) y * grid->columns + x;
      PaintedSides sides;

      if (!grid->flat[cell] || !mask[cell])
        continue;
      sides = painted_sides (grid, x, y);
      for (c = 0; c < 3; c++) {
        Channel channel = channel_of (grid, painted, x, y, c);

        blend_channel (grid, cell, c, &channel, &sides);
      }
    }
}

void
alitra_flat_grid_note (AlitraFlatGrid * grid)
{
  const gsize cells = (gsize) grid->columns * grid->rows;

  memcpy (grid->noted_flat, grid->flat, cells);
  memcpy (grid->noted, grid->colour, 3 * cells * sizeof (gfloat));
  memcpy (grid->noted + 3 * cells, grid->slope_x, 3 * cells * sizeof (gfloat));
  memcpy (grid->noted + 6 * cells, grid->slope_y, 3 * cells * sizeof (gfloat));
}

static gboolean
is_other_surface (const AlitraFlatGrid * grid, gsize cell)
{
  const gsize cells = (gsize) grid->columns * grid->rows;
  const gfloat *noted = grid->noted + 3 * cell;
  const gsize size = 3 * sizeof (gfloat);

  return memcmp (noted, grid->colour + 3 * cell, size) != 0
      || memcmp (noted + 3 * cells, grid->slope_x + 3 * cell, size) != 0
      || memcmp (noted + 6 * cells, grid->slope_y + 3 * cell, size) != 0;
}

/* A flat cell fades towards painted neighbours. */
static gboolean
fades_otherwise (const AlitraFlatGrid * grid, guint x, guint y)
{
  const gsize columns = grid->columns, cell = y * columns + x;
  const guint8 *now = grid->flat + cell, *then = grid->noted_flat + cell;

  return (x > 0 && now[-1] != then[-1])
      || (x + 1 < columns && now[1] != then[1])
      || (y > 0 && now[-(gssize) columns] != then[-(gssize) columns])
      || (y + 1 < grid->rows && now[columns] != then[columns]);
}

void
alitra_flat_grid_add_touched (const AlitraFlatGrid * grid, guint8 * touched)
{
  guint x, y;

  for (y = 0; y < grid->rows; y++)
    for (x = 0; x < grid->columns; x++) {
      const gsize cell = (gsize) y * grid->columns + x;

      if (grid->flat[cell] != grid->noted_flat[cell] || (grid->flat[cell]
              && (is_other_surface (grid, cell)
                  || fades_otherwise (grid, x, y))))
        touched[cell] = 1;
    }
}
