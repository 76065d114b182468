/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_QUANTIZER_H
#define ALITRA_SRC_QUANTIZER_H

#include "model.h"
#include "workers.h"

G_BEGIN_DECLS

/* Latents of a level <-> tokens. In the calls below `cells` are `count` different indices into the level's grid, and
 * latents, residuals and sums hold model->dim floats a cell. Energies are of samples 0..1: the latents' divided by
 * the square of model->scale. */
typedef struct _AlitraQuantizer AlitraQuantizer;

/* Keeps its model and its workers only as pointers: free it before them. */
AlitraQuantizer *alitra_quantizer_new (AlitraModel * model, guint level, AlitraWorkers * workers);
void alitra_quantizer_free (AlitraQuantizer * quantizer);

/* Finds the next token (`step` counts from 0) of each cell and takes its vector off the residual.
 * whole[i]: energy of the residual of cells[i] before, and then after; ids[i]: its token; gains[i]: energy that it took off,
 * negative if it did harm. */
void alitra_quantizer_step (AlitraQuantizer * quantizer, guint step, guint count, const guint32 * cells,
    float *residuals, guint16 * ids, float *gains, float *whole);

/* Takes token number `step` that each cell holds off its residual, if it takes off more than least[i] of the energy: learned
 * codes, found in another frame.  tokens: as for alitra_quantizer_sum(). whole[i]: energy of the residual of cells[i]
 * before, and then that without the token, whether it was taken off or not. */
void alitra_quantizer_repeat (AlitraQuantizer * quantizer, guint step, guint count, const guint32 * cells,
    const guint16 * tokens, guint max_depth, const float *least, float *residuals, float *whole);

/* What is left of each cell, without searching; each result may be NULL. whole[i]: energy of the residual of cells[i];
 * head[i]: of its first eight numbers; seen[i]: of the part that the codes of `step` can describe. */
void alitra_quantizer_look (AlitraQuantizer * quantizer, guint step, guint count, const guint32 * cells,
    const float *residuals, float *whole, float *head, float *seen);

/* Sums of the token vectors, first to last: what a receiver knows of a cell's latents. tokens: max_depth ids for each
 * cell of the grid; depth: tokens that count, at most max_depth. Ids that are no learned codes (flat colours) add
 * nothing. The sums of other cells are left alone. */
void alitra_quantizer_sum (AlitraQuantizer * quantizer, guint count, const guint32 * cells, const guint8 * depth,
    const guint16 * tokens, guint max_depth, float *sums);

G_END_DECLS

#endif
