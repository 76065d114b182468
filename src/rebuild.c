/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rebuild.h"

#include <string.h>

#include "deblock.h"
#include "flat.h"
#include "quantizer.h"
#include "smooth.h"
#include "synthesis.h"

#define COARSEST (ALITRA_LEVELS - 1)
/* Cells of the coarsest level that a change of one cell can reach: its flat neighbours' slopes look two cells far, and
 * the fade of the next one looks at whether it is flat. */
#define FLAT_REACH 3

typedef struct
{
  AlitraGrid grid;
  AlitraQuantizer *quantizer;
  AlitraSynthesis *synthesis;
  gfloat *sums;                 /* per cell, model->dim */
  guint32 *list;                /* changed cells */
  AlitraPlanes contribution;    /* what the tokens of this level add */
  AlitraPlanes base;            /* what the coarser levels say; unused at the coarsest */
  AlitraPlanes picture;         /* both; at the coarsest with flat cells laid over */
  AlitraPlanes clean;           /* the picture without cell borders, for finer levels; unused at the finest */
  guint8 *painted;              /* cells of the picture that the last run wrote */
  guint8 *base_painted;
  guint8 *smooth;               /* cells that hold the smooth token; unused at the coarsest */
  guint8 *scratch;
  gboolean fresh;               /* nothing painted yet */
} Floor;

struct _AlitraRebuild
{
  AlitraModel *model;
  AlitraWorkers *workers;
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
  floor->fresh = TRUE;
  if (!paints)
    return;
  if (level < COARSEST)
    alitra_planes_init (&floor->base, floor->grid);
  floor->quantizer = alitra_quantizer_new (model, level, workers);
  floor->synthesis = alitra_synthesis_new (model, level, floor->grid, workers);
  floor->sums = alitra_floats_new (cells * model->dim);
  floor->list = g_new (guint32, cells);
  alitra_planes_init (&floor->contribution, floor->grid);
  alitra_planes_init (&floor->picture, floor->grid);
  if (level > 0)
    alitra_planes_init (&floor->clean, floor->grid);
  floor->painted = g_new0 (guint8, cells);
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
  alitra_planes_clear (&floor->contribution);
  alitra_planes_clear (&floor->picture);
  if (level < COARSEST)
    alitra_planes_clear (&floor->base);
  if (level > 0)
    alitra_planes_clear (&floor->clean);
  g_free (floor->painted);
  g_free (floor->base_painted);
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

/* Which cells of the coarsest picture may differ: all that a change reaches. */
static void
spread_change (Floor * floor, const guint8 * changed)
{
  guint8 *from = floor->scratch, *to = floor->painted;
  guint i;

  memcpy (from, changed, cells_of (floor));
  for (i = 0; i < FLAT_REACH; i++) {
    alitra_mask_dilate (floor->grid, to, from);
    memcpy (from, to, cells_of (floor));
  }
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

/* Cells that hold the smooth token.  Where that changed, the cells around fade otherwise. */
static void
read_smooth_cells (AlitraRebuild * self, guint level, const guint16 * tokens,
    const guint8 * depth, guint n)
{
  Floor *floor = &self->floor[level];
  const guint codes = self->model->level[level].codes;
  const guint max_depth = self->model->level[level].depth;
  gsize cells = cells_of (floor), c;
  guint i;

  memset (floor->scratch, 0, cells);
  for (i = 0; i < n; i++) {
    guint32 cell = floor->list[i];
    guint8 now = depth[cell] > 0 && tokens[(gsize) cell * max_depth] == codes;

    floor->scratch[cell] = now != floor->smooth[cell];
    floor->smooth[cell] = now;
  }
  for (c = 0; c < cells; c++) {
    const guint x = c % floor->grid.columns;

    if (!floor->scratch[c])
      continue;
    floor->painted[c] = 1;
    if (x > 0)
      floor->painted[c - 1] = 1;
    if (x + 1 < floor->grid.columns)
      floor->painted[c + 1] = 1;
    if (c >= floor->grid.columns)
      floor->painted[c - floor->grid.columns] = 1;
    if (c + floor->grid.columns < cells)
      floor->painted[c + floor->grid.columns] = 1;
  }
}

static void
copy_planes (AlitraPlanes * to, const AlitraPlanes * from)
{
  const gsize rows = (gsize) from->grid.rows * ALITRA_CELL;
  guint c;

  memcpy (to->luma, from->luma, rows * from->luma_stride * sizeof (float));
  for (c = 0; c < 2; c++)
    memcpy (to->chroma[c], from->chroma[c],
        rows / 2 * from->chroma_stride * sizeof (float));
}

/* Twice the size for the next finer level, where the picture changed; the filter over the borders takes a change as far
 * as the next cell. */
static void
make_base (AlitraRebuild * self, guint level, const guint8 * coarse_depth)
{
  Floor *coarse = &self->floor[level + 1], *fine = &self->floor[level];

  alitra_mask_dilate (coarse->grid, coarse->scratch, coarse->painted);
  alitra_deblock (&coarse->clean, &coarse->picture, level + 1, coarse_depth,
      coarse->scratch, self->workers);
  alitra_mask_upsample (fine->grid, fine->base_painted, coarse->scratch);
  if (fine->base.luma)
    alitra_planes_upsample (&fine->base, &coarse->clean, fine->base_painted,
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
      floor->fresh ? NULL : changed, &floor->contribution);
  if (level == COARSEST) {
    if (floor->fresh) {
      memset (floor->painted, 1, cells);
    } else {
      spread_change (floor, changed);
      add_mask (floor->painted, written, cells);
    }
    copy_planes (&floor->picture, &floor->contribution);
    alitra_flat_grid_blend (self->flat, &floor->picture);
  } else {
    memcpy (floor->painted, floor->base_painted, cells);
    add_mask (floor->painted, floor->fresh ? NULL : written, cells);
    read_smooth_cells (self, level, tokens, depth, n);
    alitra_planes_add (&floor->picture, &floor->base, &floor->contribution,
        floor->painted, self->workers);
    alitra_smooth_blend (&floor->picture, floor->smooth, floor->painted,
        self->workers);
  }
  floor->fresh = FALSE;
  if (level > 0)
    make_base (self, level - 1, depth);
}

const AlitraPlanes *
alitra_rebuild_get_picture (AlitraRebuild * self, guint level)
{
  return &self->floor[level].picture;
}

const guint8 *
alitra_rebuild_get_touched (AlitraRebuild * self, guint level)
{
  Floor *floor = &self->floor[level];

  alitra_mask_dilate (floor->grid, floor->scratch, floor->painted);
  return floor->scratch;
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

const guint8 *
alitra_rebuild_get_base_painted (AlitraRebuild * self, guint level)
{
  return self->floor[level].base_painted;
}
