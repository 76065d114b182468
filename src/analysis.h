/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_ANALYSIS_H
#define ALITRA_SRC_ANALYSIS_H

#include "model.h"
#include "planes.h"

G_BEGIN_DECLS

/* Picture of a level, or what coarser levels left of it -> latents: model->dim floats a cell, row by row. */
typedef struct _AlitraAnalysis AlitraAnalysis;

/* Keeps its model and its workers only as pointers: free it before them. */
AlitraAnalysis *alitra_analysis_new (AlitraModel * model, guint level, AlitraGrid grid, AlitraWorkers * workers);
void alitra_analysis_free (AlitraAnalysis * analysis);

/* active: a byte for each cell, NULL: all; only the latents of cells where it is not zero are written. */
void alitra_analysis_run (AlitraAnalysis * analysis, const AlitraPlanes * planes, const guint8 * active,
    float *latents);

/* The same of what is left when `less` is taken off the picture, of which only width x height luma samples count: see
 * alitra_planes_get_cell_left(). */
void alitra_analysis_run_left (AlitraAnalysis * analysis, const AlitraPlanes * planes, const AlitraPlanes * less,
    guint width, guint height, const guint8 * active, float *latents);

G_END_DECLS

#endif
