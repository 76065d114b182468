/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_MIX_H
#define ALITRA_SRC_MIX_H

#include "model.h"

G_BEGIN_DECLS

/* Floats of scratch space that alitra_mix_run() needs. */
gsize alitra_mix_scratch (const AlitraModel * model);

/* The mixing block for `count` (at most ALITRA_TILE) cells of the grid: each sees its eight neighbours; at the border of the
 * grid, cells are their own neighbours' stand-ins. in, out: model->dim floats for each cell of the grid; cells: which.
 * least: what comes out stays as it was, and the cell's byte in `changed` is cleared, where the square of its distance to what
 * would be new is below that; 0: never. */
void alitra_mix_run (const AlitraMix * mix, const AlitraModel * model, AlitraGrid grid, guint count,
    const guint32 * cells, const float *in, float least, float *out, guint8 * changed, float *scratch);

G_END_DECLS

#endif
