/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_SYNTHESIS_H
#define ALITRA_SRC_SYNTHESIS_H

#include "model.h"
#include "planes.h"

G_BEGIN_DECLS

/* Sums of token vectors of a level -> what the level adds to the picture. Holds the latents of the last run, so that
 * the next one can redo a part. */
typedef struct _AlitraSynthesis AlitraSynthesis;

/* Keeps its model and its workers only as pointers: free it before them. */
AlitraSynthesis *alitra_synthesis_new (AlitraModel * model, guint level, AlitraGrid grid, AlitraWorkers * workers);
void alitra_synthesis_free (AlitraSynthesis * synthesis);

/* Grey levels, root mean square over a cell, from which on it follows a change of its neighbours: a token reaches all cells
 * around its own, most of them by a twentieth of a grey level. The change is measured against what the cell was when it last
 * followed, so many small ones are noticed like a large one. 0, as at first: a part redone has the same bits as the whole done
 * again. Where it has been more, the next run must be one of all cells for that. */
void alitra_synthesis_set_least (AlitraSynthesis * synthesis, gfloat levels);

/* sums: model->dim floats a cell. depth: a byte for each cell; 0: its sum counts as zero, whatever is there.
 * changed: cells whose sum or depth is not what it was in the last run; NULL: all (the first run must).
 *
 * Returns: a byte for each cell, not zero: its samples may be others now, in a cell that stands next to those whose latents
 * changed only within the margin of a window; NULL: all. Valid until the next run. */
const guint8 *alitra_synthesis_run (AlitraSynthesis * synthesis, const float *sums, const guint8 * depth,
    const guint8 * changed);

/* What the level adds, on top of `base` (NULL: of nothing), into the cells of `mask` (NULL: all) of `to`; both planes have
 * the size of the grid and may be the same. */
void alitra_synthesis_add (AlitraSynthesis * synthesis, const AlitraPlanes * base, const guint8 * mask,
    AlitraPlanes * to);
/* One row of cells of the same; `mask` is of the whole grid. */
void alitra_synthesis_add_row (AlitraSynthesis * synthesis, const AlitraPlanes * base, const guint8 * mask, guint row,
    AlitraPlanes * to);
/* What alitra_synthesis_add_row() reads of a cell is on its way into the cache then. */
void alitra_synthesis_ask_for (const AlitraSynthesis * synthesis, guint column, guint row);

G_END_DECLS

#endif
