/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "analysis.h"

#include <string.h>

#include "floats.h"

struct _AlitraAnalysis
{
  AlitraModel *model;
  const AlitraModelLevel *level;
  AlitraGrid grid;
  float *scratch;               /* scratch_size floats for each worker */
  gsize scratch_size;
  /* of the run */
  guint width, height;
  const guint8 *wanted;         /* cells to do; NULL: all */
  float *latents;
};

/* Numbers of cells of a row, gathered until there are enough for a product. */
typedef struct
{
  guint count;
  guint column[ALITRA_TILE];
} Tile;

AlitraAnalysis *
alitra_analysis_new (AlitraModel * model, guint level, AlitraGrid grid,
    AlitraWorkers * workers)
{
  AlitraAnalysis *analysis = g_new0 (AlitraAnalysis, 1);

  analysis->model = model;
  analysis->level = &model->level[level];
  analysis->grid = grid;
  analysis->scratch_size = ALITRA_TILE * (ALITRA_CELL_SAMPLES + model->dim);
  analysis->scratch =
      alitra_floats_new (analysis->scratch_size *
      alitra_workers_get_threads (workers));
  return analysis;
}

void
alitra_analysis_free (AlitraAnalysis * analysis)
{
  if (!analysis)
    return;
  alitra_floats_free (analysis->scratch);
  g_free (analysis);
}

/* Samples of a cell, or what is left of them; FALSE: it is not needed. */
static gboolean
get_cell (const AlitraAnalysis * analysis, const AlitraAnalysisView * view,
    guint column, guint row, float *samples)
{
  AlitraCellLook *look = view->looks ? view->looks
      + (gsize) row * analysis->grid.columns + column : NULL;

  if (view->less)
    alitra_planes_get_cell_left (view->planes, view->less, column, row,
        analysis->width, analysis->height, samples, look, !view->sparing);
  else
    alitra_planes_get_cell (view->planes, column, row, samples);
  if (!look)
    return TRUE;
  if (!view->less)
    alitra_planes_look_at_cell (view->planes, column, row, look);
  if (!view->needed (view->data, column, row, look)) {
    look->after = look->before;
    return FALSE;
  }
  if (view->less && view->sparing)
    look->after = alitra_planes_fit_cell (view->planes, view->less, column,
        row);
  return TRUE;
}

static void
embed_tile (AlitraAnalysis * analysis, guint row, const Tile * tile,
    float *scratch)
{
  const guint dim = analysis->model->dim;
  float *samples = scratch, *out =
      scratch + (gsize) ALITRA_TILE * ALITRA_CELL_SAMPLES;

  alitra_matrix_multiply (&analysis->level->embed, tile->count, samples,
      ALITRA_CELL_SAMPLES, out, dim, ALITRA_END_STORE);
  for (guint i = 0; i < tile->count; i++)
    memcpy (analysis->latents + ((gsize) row * analysis->grid.columns +
            tile->column[i]) * dim, out + (gsize) i * dim,
        dim * sizeof (float));
}

void
alitra_analysis_do_row (AlitraAnalysis * analysis,
    const AlitraAnalysisView * view, guint row, guint worker)
{
  const guint8 *wanted =
      analysis->wanted ? analysis->wanted +
      (gsize) row * analysis->grid.columns : NULL;
  float *scratch = analysis->scratch + worker * analysis->scratch_size;
  Tile tile = { 0 };

  for (guint column = 0; column < analysis->grid.columns; column++) {
    if ((wanted && !wanted[column])
        || !get_cell (analysis, view, column, row, scratch
            + (gsize) tile.count * ALITRA_CELL_SAMPLES))
      continue;
    tile.column[tile.count++] = column;
    if (tile.count == ALITRA_TILE) {
      embed_tile (analysis, row, &tile, scratch);
      tile.count = 0;
    }
  }
  if (tile.count)
    embed_tile (analysis, row, &tile, scratch);
}

void
alitra_analysis_begin (AlitraAnalysis * analysis, guint width, guint height,
    const guint8 * active, float *latents)
{
  analysis->width = width;
  analysis->height = height;
  analysis->latents = latents;
  analysis->wanted = active;
}
