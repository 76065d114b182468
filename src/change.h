/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_CHANGE_H
#define ALITRA_SRC_CHANGE_H

#include "picture.h"

G_BEGIN_DECLS

/* What changed at one level against what was last tokenised: a copy of each cell as it was then. */
typedef struct
{
  AlitraPlanes reference;
  AlitraGrid grid;              /* of the cells */
  guint side;                   /* luma samples of a cell's side, in the planes */
  gfloat gain[2];               /* of Cb and Cr in the planes */
} AlitraChange;

/* side: ALITRA_CELL, or half of it where the planes are those of the next coarser level. */
void alitra_change_init (AlitraChange * change, AlitraGrid grid, guint side, const gfloat gain[2]);
void alitra_change_clear (AlitraChange * change);

/* active: set to 1 for cells of `mask` whose mean absolute difference is above `threshold` grey levels (of 0..255), in
 * luma or in chroma, else left alone. */
void alitra_change_detect (const AlitraChange * change, const AlitraPlanes * planes, gfloat threshold,
    const guint8 * mask, guint8 * active, AlitraWorkers * workers);

/* The same with a threshold of its own for each cell. */
void alitra_change_detect_each (const AlitraChange * change, const AlitraPlanes * planes, const gfloat * thresholds,
    const guint8 * mask, guint8 * active, AlitraWorkers * workers);

/* One row of cells of the former; of planes only that row is looked at. */
void alitra_change_detect_row (const AlitraChange * change, const AlitraPlanes * planes, gfloat threshold,
    const guint8 * mask, guint8 * active, guint row);

/* Remembers the cells of the mask (NULL: all) as they are now. */
void alitra_change_remember (AlitraChange * change, const AlitraPlanes * planes, const guint8 * mask,
    AlitraWorkers * workers);
void alitra_change_remember_row (AlitraChange * change, const AlitraPlanes * planes, const guint8 * mask, guint row);

G_END_DECLS

#endif
