/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LAYERS_H
#define ALITRA_SRC_LAYERS_H

#include "memory.h"
#include "tokenloop.h"

G_BEGIN_DECLS

/* Sorts the new tokens of a packet into quality layers: those that took most off come first, of all levels, so that the
 * first layers are about what an encoding with so many tokens would be. `loop` is the loop of each level, which holds
 * what `update` says; `price` what a token of the level had to take off to be bought; `slices` how
 * many rows of the coarsest cells there are. */
void alitra_layers_make (AlitraUpdate * update, const AlitraTokenLoop * const loop[ALITRA_LEVELS],
    const gdouble price[ALITRA_LEVELS], guint slices);

/* One layer with everything. */
void alitra_layers_none (AlitraUpdate * update);

G_END_DECLS

#endif
