/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_DEBLOCK_H
#define ALITRA_SRC_DEBLOCK_H

#include "band.h"
#include "picture.h"

G_BEGIN_DECLS

/* The light filter over the cell borders of a level: a step across a border that its surroundings do not explain is
 * spread over eight samples of that level.  Large steps are pictures, not errors, and cells with many tokens need it less.
 * Straight ramps stay as they are.
 *
 * to, from: planes of the level, two different ones.  depth: tokens of each cell.  mask: a byte for each cell, what is
 * not zero is written, perhaps more; NULL: all.  The bits of a cell are the same either way. */
void alitra_deblock (AlitraPlanes * to, const AlitraPlanes * from, guint level, const guint8 * depth,
    const guint8 * mask, AlitraWorkers * workers);

/* The same in place, in a band: the borders between the cells of a row, then those to the row above, to which its own borders
 * were done before.  depth, mask: of the whole grid; a border is done if the cells on both its sides are in the mask. */
void alitra_deblock_across (AlitraBand * band, guint row, guint level, const guint8 * depth, const guint8 * mask);
void alitra_deblock_down (AlitraBand * band, guint row, guint level, const guint8 * depth, const guint8 * mask);

G_END_DECLS

#endif
