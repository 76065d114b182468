/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_ALLOCATOR_H
#define ALITRA_SRC_ALLOCATOR_H

#include "model.h"
#include "workers.h"

G_BEGIN_DECLS

/* The recurrent allocation module: a convolutional GRU over the grid of each level (docs/model.md, "Allocator").  Its
 * state lives from step to step, and from frame to frame. */
typedef struct _AlitraAllocator AlitraAllocator;

/* What the module is told of cells before a token is searched for; energies of samples 0..1, one number per entry of
 * the list of cells. */
typedef struct
{
  gfloat *whole;                /* what is left */
  gfloat *head;                 /* of it, in the leading latents */
  gfloat *seen;                 /* of it, what the codes of the next step can describe */
  gfloat *start;                /* before the first token */
  gfloat *last;                 /* what the last token took off; 0 before the first */
} AlitraCellEnergies;

/* columns, rows: of 64-cells.  Fails if the model has no weights for it. */
AlitraAllocator *alitra_allocator_new (AlitraModel * model, guint columns, guint rows, AlitraWorkers * workers,
    GError ** error);
void alitra_allocator_free (AlitraAllocator * allocator);

/* Forgets everything. */
void alitra_allocator_reset (AlitraAllocator * allocator);

/* Starts the loop of one level for a list of cells: they hear what their parents' state says.  The parents' loop has
 * ended and alitra_allocator_settle() was called for them.
 *
 * Between frames: `carry` is FALSE for cells that start from nothing (key frames, no reuse), whose hidden state is
 * zero.  Else a changed cell starts from the hidden state that its last prediction left, in whichever frame that was, and
 * from zero if it never had one since alitra_allocator_reset().  Its six own features are zero in both cases until its
 * first prediction sets them; a cell that keeps k tokens makes its first prediction as step k.  Cells that are not in the
 * list keep features, state and what they tell their children. */
void alitra_allocator_begin (AlitraAllocator * allocator, guint level, guint n, const guint32 * cells, gboolean carry);

/* Predicts the gain of the next token of each cell of the list: log2 of the squared error of this level's samples that
 * it will take off.  step: tokens that the cells already hold. */
void alitra_allocator_predict (AlitraAllocator * allocator, guint level, guint step, guint n, const guint32 * cells,
    const AlitraCellEnergies * energies, gfloat * log_gain);

/* The loop of a level has ended: what children will hear of these cells.  depth: per cell of the grid; left: energy of
 * the residual, per entry of the list. */
void alitra_allocator_settle (AlitraAllocator * allocator, guint level, guint n, const guint32 * cells,
    const guint8 * depth, const gfloat * left);

G_END_DECLS

#endif
