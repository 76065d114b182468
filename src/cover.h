/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_COVER_H
#define ALITRA_SRC_COVER_H

#include "memory.h"

G_BEGIN_DECLS

/* Which cells of a frame stand for it where not all can be looked at.
 *
 * The cells of all levels show the same picture three times. Where only so many may be looked at, they are parts of it that do
 * not overlap: the coarsest cells, of which those with the most tokens below them are quartered, and their quarters, as long
 * as there is room. In places that are left the first of those that were quartered stay beside their quarters, so that as many
 * cells as there may be stand for the frame; if more than 256 may be looked at, all of them stay.
 * training/alitra/cover.py is its twin. */
typedef struct _AlitraCover AlitraCover;

typedef struct
{
  guint level, cell;            /* cell: row by row over the grid of the level */
} AlitraCovering;

AlitraCover *alitra_cover_new (void);
void alitra_cover_free (AlitraCover * cover);

/* Appends an AlitraCovering for each cell to `cells`, coarse ones first: all cells of the frame if there are no more than
 * `most`. */
void alitra_cover_choose (AlitraCover * cover, const AlitraMemory * memory, guint most, GArray * cells);

G_END_DECLS

#endif
