/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rebuild.h"

#include <string.h>

#include "deblock.h"
#include "flat.h"
#include "floats.h"
#include "pixel-loops.h"
#include "quantizer.h"
#include "smooth.h"
#include "synthesis.h"

#define COARSEST (ALITRA_LEVELS - 1)
/* Mean difference of a cell that finer levels are not told of, where the picture is not shown: a token that changes reaches
 * cells all around, mostly by far less than a grey level. */
#define SMALL_CHANGE (.25f / 255.f)
/* Grey levels by which a token has to change a cell beside its own for that to be drawn again; see synthesis.h. */
#define LEAST_CHANGE .15f
/* Samples around a cell that the filters over the borders and over grain look at. */
#define FILTER_REACH 3
/* Where all cells but one of so many were touched there is little to find out by a comparison. */
#define MOST_OF 8
/* One of so many cells of a row is few. */
#define FEW 2
#define FILTER_REACH_CHROMA 6

typedef struct
{
  AlitraGrid grid;
  AlitraQuantizer *quantizer;
  AlitraSynthesis *synthesis;
  gfloat *sums;                 /* per cell, model->dim */
  guint32 *list;                /* changed cells */
  AlitraPlanes base;            /* what the coarser levels say; unused at the coarsest, and at level 0 */
  AlitraPlanes picture;         /* with what the tokens of this level add, and flat or smooth cells laid over; likewise */
  AlitraPlanes clean;           /* the picture without cell borders, for finer levels; unused at the finest */
  AlitraPlanes passed;          /* the same as it was last passed on to the finer level; unused at the finest */
  guint8 *painted;              /* cells of the picture that the last run wrote */
  guint8 *touched;              /* cells that a filter over the picture makes others than they were before that */
  guint8 *base_painted;         /* cells of the base that are others */
  guint8 *base_near;            /* and those from which filters see samples of the base that are */
  guint8 *smooth;               /* cells that hold the smooth token; unused at the coarsest */
  guint8 *scratch;
  gboolean fresh;               /* nothing painted yet */
  gboolean forgot;              /* what was passed on is not known */
} Floor;

struct _AlitraRebuild
{
  AlitraModel *model;
  AlitraWorkers *workers;
  gboolean shown;               /* the finest picture is: every change of what it is made of counts */
  gboolean forgets;             /* see alitra_rebuild_forget() */
  AlitraFlatGrid *flat;
  gfloat *flat_latents;         /* 3 x dim: latents of unit luma, Cb and Cr */
  Floor floor[ALITRA_LEVELS];
};

/* Analysis of a plain cell is linear in its colour: three rows say it all. */
static gfloat *
latents_of_plain_cells (AlitraModel * model)
{
  gfloat samples[ALITRA_CELL_SAMPLES];
  gfloat *latents = g_new0 (gfloat, 3 * model->dim);
  const guint luma = ALITRA_CELL * ALITRA_CELL, chroma = luma / 4;
  guint c, i;

  for (c = 0; c < 3; c++) {
    guint first = c == 0 ? 0 : luma + (c - 1) * chroma;
    guint n = c == 0 ? luma : chroma;

    memset (samples, 0, sizeof (samples));
    for (i = 0; i < n; i++)
      samples[first + i] = c == 0 ? 1.f : model->chroma_gain[c - 1];
    alitra_matrix_multiply (&model->level[COARSEST].embed, 1, samples,
        ALITRA_CELL_SAMPLES, latents + c * model->dim, model->dim,
        ALITRA_END_STORE);
  }
  return latents;
}

static void
floor_init (Floor * floor, AlitraModel * model, guint width, guint height,
    guint level, gboolean paints, AlitraWorkers * workers)
{
  gsize cells;

  floor->grid = alitra_grid_of (width, height, level);
  cells = (gsize) floor->grid.columns * floor->grid.rows;
  floor->base_painted = g_new0 (guint8, cells);
  floor->base_near = g_new0 (guint8, cells);
  floor->fresh = TRUE;
  if (!paints)
    return;
  if (level < COARSEST && level > 0)
    alitra_planes_init (&floor->base, floor->grid);
  floor->quantizer = alitra_quantizer_new (model, level, workers);
  floor->synthesis = alitra_synthesis_new (model, level, floor->grid, workers);
  floor->sums = alitra_floats_new (cells * model->dim);
  floor->list = g_new (guint32, cells);
  if (level > 0) {
    alitra_planes_init (&floor->picture, floor->grid);
    alitra_planes_init (&floor->clean, floor->grid);
    alitra_planes_init (&floor->passed, floor->grid);
  }
  floor->painted = g_new0 (guint8, cells);
  floor->touched = g_new0 (guint8, cells);
  floor->smooth = g_new0 (guint8, cells);
  floor->scratch = g_new0 (guint8, cells);
}

static void
floor_clear (Floor * floor, guint level)
{
  alitra_quantizer_free (floor->quantizer);
  alitra_synthesis_free (floor->synthesis);
  alitra_floats_free (floor->sums);
  g_free (floor->list);
  alitra_planes_clear (&floor->picture);
  if (level < COARSEST)
    alitra_planes_clear (&floor->base);
  if (level > 0) {
    alitra_planes_clear (&floor->clean);
    alitra_planes_clear (&floor->passed);
  }
  g_free (floor->painted);
  g_free (floor->touched);
  g_free (floor->base_painted);
  g_free (floor->base_near);
  g_free (floor->smooth);
  g_free (floor->scratch);
}

AlitraRebuild *
alitra_rebuild_new (AlitraModel * model, guint width, guint height,
    guint finest, AlitraWorkers * workers)
{
  AlitraRebuild *self = g_new0 (AlitraRebuild, 1);
  guint i;

  self->model = model;
  self->workers = workers;
  self->flat = alitra_flat_grid_new (width, height, model->chroma_gain);
  self->flat_latents = latents_of_plain_cells (model);
  for (i = 0; i < ALITRA_LEVELS; i++)
    floor_init (&self->floor[i], model, width, height, i, i >= finest, workers);
  self->shown = finest == 0;
  alitra_rebuild_set_exact (self, FALSE);
  return self;
}

void
alitra_rebuild_free (AlitraRebuild * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    floor_clear (&self->floor[i], i);
  alitra_flat_grid_free (self->flat);
  g_free (self->flat_latents);
  g_free (self);
}

void
alitra_rebuild_reset (AlitraRebuild * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    self->floor[i].fresh = TRUE;
}

void
alitra_rebuild_set_exact (AlitraRebuild * self, gboolean exact)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    if (self->floor[i].synthesis)
      alitra_synthesis_set_least (self->floor[i].synthesis, exact ? 0.f
          : LEAST_CHANGE);
  alitra_rebuild_reset (self);
}

void
alitra_rebuild_forget (AlitraRebuild * self, gboolean forgets)
{
  self->forgets = forgets;
}

static gsize
cells_of (const Floor * floor)
{
  return (gsize) floor->grid.columns * floor->grid.rows;
}

/* Colours of the flat cells, and latents for them, so that painted neighbours meet what they expect. */
static void
read_flat_cells (AlitraRebuild * self, const guint16 * tokens,
    const guint8 * depth, guint n)
{
  const Floor *floor = &self->floor[COARSEST];
  const guint codes = self->model->level[COARSEST].codes;
  const guint max_depth = self->model->level[COARSEST].depth;
  const guint dim = self->model->dim;
  guint i, c, k;

  alitra_flat_grid_note (self->flat);
  for (i = 0; i < n; i++) {
    guint32 cell = floor->list[i];
    const guint16 *id = tokens + (gsize) cell * max_depth;
    gfloat *colour = self->flat->colour + cell * 3;
    gfloat *sum = floor->sums + (gsize) cell * dim;

    self->flat->flat[cell] = depth[cell] > 0 && id[0] >= codes;
    if (!self->flat->flat[cell])
      continue;
    alitra_flat_colour (id[0] - codes, depth[cell] > 1
        ? (gint) id[1] - (gint) (codes + ALITRA_FLAT_COARSE) : -1, colour);
    for (k = 0; k < dim; k++) {
      sum[k] = 0.f;
      for (c = 0; c < 3; c++)
        sum[k] += colour[c] * self->flat_latents[c * dim + k];
    }
  }
  alitra_flat_grid_slopes (self->flat);
}

static void
add_mask (guint8 * to, const guint8 * from, gsize n)
{
  gsize i;

  if (!from)
    memset (to, 1, n);
  else
    for (i = 0; i < n; i++)
      to[i] |= from[i];
}

static void
mark_around (AlitraGrid grid, guint8 * mask, gsize cell)
{
  const guint x = cell % grid.columns;

  mask[cell] = 1;
  if (x > 0)
    mask[cell - 1] = 1;
  if (x + 1 < grid.columns)
    mask[cell + 1] = 1;
  if (cell >= grid.columns)
    mask[cell - grid.columns] = 1;
  if (cell / grid.columns + 1 < grid.rows)
    mask[cell + grid.columns] = 1;
}

/* Cells that hold the smooth token.  Where that changed, the cells around fade otherwise: `other` is set. */
static void
read_smooth_cells (AlitraRebuild * self, guint level, const guint16 * tokens,
    const guint8 * depth, guint n, guint8 * other)
{
  Floor *floor = &self->floor[level];
  const guint codes = self->model->level[level].codes;
  const guint max_depth = self->model->level[level].depth;
  guint i;

  memset (other, 0, cells_of (floor));
  for (i = 0; i < n; i++) {
    const guint32 cell = floor->list[i];
    const guint8 now = depth[cell] > 0
        && tokens[(gsize) cell * max_depth] == codes;

    if (now != floor->smooth[cell])
      mark_around (floor->grid, other, cell);
    floor->smooth[cell] = now;
  }
}

static gboolean
differs (const AlitraPlanes * a, const AlitraPlanes * b, guint column,
    guint row, const gfloat gain[2])
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const guint half = ALITRA_CELL / 2;
  const gsize luma = row * ALITRA_CELL * a->luma_stride + column * ALITRA_CELL;
  const gsize chroma = row * half * a->chroma_stride + column * half;
  guint i;

  if (loops->difference (a->luma + luma, a->luma_stride, b->luma + luma,
          b->luma_stride, ALITRA_CELL) > SMALL_CHANGE * ALITRA_CELL
      * ALITRA_CELL)
    return TRUE;
  for (i = 0; i < 2; i++)
    if (loops->difference (a->chroma[i] + chroma, a->chroma_stride,
            b->chroma[i] + chroma, b->chroma_stride, half)
        > SMALL_CHANGE * gain[i] * half * half)
      return TRUE;
  return FALSE;
}

typedef struct
{
  AlitraRebuild *rebuild;
  Floor *coarse, *fine;
  guint8 *mask;
} Job;

static void
drop_in_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  const Floor *floor = job->coarse;
  guint8 *mask = job->mask + (gsize) row * floor->grid.columns;
  guint x;

  for (x = 0; x < floor->grid.columns; x++)
    mask[x] = mask[x] && (floor->fresh || differs (&floor->clean,
            &floor->passed, x, row, job->rebuild->model->chroma_gain));
}

/* Drops cells of the mask that hardly differ from what was passed on. */
static void
drop_small_changes (AlitraRebuild * self, Floor * floor, guint8 * mask)
{
  Job job = { self, floor, NULL, mask };

  if (!floor->forgot)
    alitra_workers_run (self->workers, floor->grid.rows, drop_in_row, &job);
  alitra_planes_copy (&floor->passed, &floor->clean, floor->forgot ? NULL
      : mask, self->workers);
  floor->forgot = FALSE;
}

static void
find_other_bases_in_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  const AlitraPlanes *now = &job->coarse->clean, *then = &job->coarse->passed;
  const Floor *fine = job->fine;
  const gsize first = (gsize) row * fine->grid.columns;
  guint8 *painted = fine->base_painted + first, *near = fine->base_near + first;
  guint x;

  for (x = 0; x < fine->grid.columns; x++) {
    near[x] = near[x] && alitra_planes_differ_below (now, then, x, row,
        FILTER_REACH, FILTER_REACH_CHROMA);
    painted[x] &= near[x];
    if (painted[x] && fine->base.luma)
      painted[x] = alitra_planes_differ_below (now, then, x, row, 0, 0);
  }
}

/* Which cells of the finer level see samples of the coarse picture that are others than before, at twice the size. */
static void
find_other_bases (AlitraRebuild * self, Floor * coarse, Floor * fine)
{
  Job job = { self, coarse, fine, NULL };
  const gsize cells = cells_of (coarse);
  gsize i, touched = 0;

  for (i = 0; i < cells; i++)
    touched += coarse->touched[i] != 0;
  alitra_mask_upsample (fine->grid, fine->base_painted, coarse->touched);
  alitra_mask_dilate (fine->grid, fine->base_near, fine->base_painted);
  if (touched * MOST_OF < cells * (MOST_OF - 1))
    alitra_workers_run (self->workers, fine->grid.rows, find_other_bases_in_row,
        &job);
  alitra_planes_copy (&coarse->passed, &coarse->clean, coarse->touched,
      self->workers);
}

/* Twice the size for the next finer level, where the picture changed. */
static void
make_base (AlitraRebuild * self, guint level, const guint8 * coarse_depth)
{
  Floor *coarse = &self->floor[level + 1], *fine = &self->floor[level];

  alitra_deblock (&coarse->clean, &coarse->picture, level + 1, coarse_depth,
      coarse->touched, self->workers);
  if (self->shown) {
    find_other_bases (self, coarse, fine);
  } else {
    if (self->forgets)
      coarse->forgot = TRUE;
    else
      drop_small_changes (self, coarse, coarse->touched);
    alitra_mask_upsample (fine->grid, fine->base_painted, coarse->touched);
    alitra_mask_dilate (fine->grid, fine->base_near, fine->base_painted);
  }
  if (fine->base.luma)
    alitra_planes_upsample (&fine->base, &coarse->clean, fine->base_painted,
        self->workers);
}

/* A window reaches less far into the next cell than a filter looks from the one behind that; all else that is new in a
 * cell can be seen from every cell around it. */
static void
find_touched (Floor * floor, const guint8 * written, const guint8 * other)
{
  const gsize cells = cells_of (floor);

  alitra_mask_dilate (floor->grid, floor->touched, other);
  add_mask (floor->touched, floor->fresh ? NULL : written, cells);
  add_mask (floor->touched, floor->base_near, cells);
}

/* What changed of the picture of a level other than the finest. */
static void
make_picture (AlitraRebuild * self, guint level)
{
  Floor *floor = &self->floor[level];

  alitra_synthesis_add (floor->synthesis, level < COARSEST ? &floor->base
      : NULL, floor->painted, &floor->picture);
  if (level == COARSEST)
    alitra_flat_grid_blend (self->flat, &floor->picture, floor->painted);
  else
    alitra_smooth_blend (&floor->picture, floor->smooth, floor->painted,
        self->workers);
}

void
alitra_rebuild_level (AlitraRebuild * self, guint level,
    const guint16 * tokens, const guint8 * depth, const guint8 * changed)
{
  Floor *floor = &self->floor[level];
  const guint max_depth = self->model->level[level].depth;
  gsize cells = cells_of (floor), i;
  const guint8 *written;
  guint n = 0;

  for (i = 0; i < cells; i++)
    if (floor->fresh || changed[i])
      floor->list[n++] = i;
  alitra_quantizer_sum (floor->quantizer, n, floor->list, depth, tokens,
      max_depth, floor->sums);
  if (level == COARSEST)
    read_flat_cells (self, tokens, depth, n);
  written = alitra_synthesis_run (floor->synthesis, floor->sums, depth,
      floor->fresh ? NULL : changed);
  if (level == COARSEST) {
    memset (floor->scratch, 0, cells);
    alitra_flat_grid_add_touched (self->flat, floor->scratch);
  } else {
    read_smooth_cells (self, level, tokens, depth, n, floor->scratch);
  }
  memcpy (floor->painted, floor->scratch, cells);
  add_mask (floor->painted, floor->fresh ? NULL : written, cells);
  add_mask (floor->painted, floor->base_painted, cells);
  for (i = 0; i < cells; i++)
    floor->scratch[i] |= floor->smooth[i] & floor->painted[i];
  find_touched (floor, written, floor->scratch);
  if (level > 0) {
    make_picture (self, level);
    make_base (self, level - 1, depth);
  }
  floor->fresh = FALSE;
}

/* Where few cells are drawn they lie far apart, and all of a picture does not fit into the cache. */
static void
ask_for_row (const Floor * floor, const AlitraPlanes * coarse, guint row,
    const guint8 * mask)
{
  const guint columns = floor->grid.columns;
  guint x, count = 0;

  mask += (gsize) row *columns;
  for (x = 0; x < columns; x++)
    count += mask[x] != 0;
  for (x = 0; FEW * count < columns && x < columns; x++)
    if (mask[x]) {
      alitra_planes_ask_for_below (coarse, x, row);
      alitra_synthesis_ask_for (floor->synthesis, x, row);
    }
}

void
alitra_rebuild_draw_row (AlitraRebuild * self, guint row, const guint8 * mask,
    AlitraPlanes * to)
{
  Floor *floor = &self->floor[0];

  if (row + 1 < floor->grid.rows)
    ask_for_row (floor, &self->floor[1].clean, row + 1, mask);
  alitra_planes_upsample_row (to, &self->floor[1].clean, mask, row);
  alitra_synthesis_add_row (floor->synthesis, to, mask, row, to);
  alitra_smooth_blend_row (to, floor->smooth, mask, row);
}

const guint8 *
alitra_rebuild_get_touched (AlitraRebuild * self)
{
  return self->floor[0].touched;
}

const AlitraPlanes *
alitra_rebuild_get_base (AlitraRebuild * self, guint level)
{
  return self->floor[level].base.luma ? &self->floor[level].base : NULL;
}

void
alitra_rebuild_get_base_row (AlitraRebuild * self, guint level, guint row,
    const guint8 * mask, AlitraPlanes * base)
{
  alitra_planes_upsample_row (base, &self->floor[level + 1].clean, mask, row);
}

const AlitraPlanes *
alitra_rebuild_get_coarse (AlitraRebuild * self, guint level)
{
  return &self->floor[level + 1].clean;
}

const guint8 *
alitra_rebuild_get_base_painted (AlitraRebuild * self, guint level)
{
  return self->floor[level].base_painted;
}
