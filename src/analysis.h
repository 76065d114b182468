/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_ANALYSIS_H
#define ALITRA_SRC_ANALYSIS_H

#include "model.h"
#include "planes.h"

G_BEGIN_DECLS

/* Picture of a level, or what coarser levels left of it -> latents: model->dim floats a cell, row by row. */
typedef struct _AlitraAnalysis AlitraAnalysis;

/* What is analysed. */
typedef struct
{
  const AlitraPlanes *planes;
  const AlitraPlanes *less;     /* taken off the picture, of which only width x height luma samples count then, see
                                 * alitra_planes_get_cell_left(); NULL: nothing */
  AlitraCellLook *looks;        /* for each cell of the level, how it looks beside `less`; NULL: not asked for */
  /* with `looks`: asked of each cell once it is known how it looks, `after` excepted; FALSE: neither that nor its latents are
   * needed, `after` is then as `before` */
  gboolean (*needed) (gpointer data, guint column, guint row, const AlitraCellLook * look);
  gboolean sparing;             /* it says so of some */
  gpointer data;
} AlitraAnalysisView;

/* Keeps its model only as a pointer: free it before that. */
AlitraAnalysis *alitra_analysis_new (AlitraModel * model, guint level, AlitraGrid grid, AlitraWorkers * workers);
void alitra_analysis_free (AlitraAnalysis * analysis);

/* Row by row, for a caller who has more to do with the samples of a row while they are in the cache: begin, then each row
 * of cells on any thread (`worker` of alitra_workers_run(), of the workers given to alitra_analysis_new()).
 * active: a byte for each cell, NULL: all; only the latents of cells where it is not zero are written.
 * Of the view only the row of cells is looked at. */
void alitra_analysis_begin (AlitraAnalysis * analysis, guint width, guint height, const guint8 * active,
    float *latents);
void alitra_analysis_do_row (AlitraAnalysis * analysis, const AlitraAnalysisView * view, guint row, guint worker);

G_END_DECLS

#endif
