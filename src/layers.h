/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LAYERS_H
#define ALITRA_SRC_LAYERS_H

#include "memory.h"
#include "tokenloop.h"

G_BEGIN_DECLS

/* In which layer the tokens travelled that a receiver of all layers holds. */
typedef struct
{
  guint8 *layer[ALITRA_LEVELS]; /* per cell, max_depth */
  gboolean resend;              /* kept tokens may travel once more: new ones are not counted */
} AlitraLayers;

void alitra_layers_init (AlitraLayers * layers, const AlitraMemory * memory);
void alitra_layers_clear (AlitraLayers * layers);

/* Sorts the new tokens of a packet into quality layers: those that took most off come first, of all levels, so that the
 * first layers are about what an encoding with so many tokens would be. `loop` is the loop of each level, which holds
 * what `update` says; `price` what a token of the level had to take off to be bought; `slices` how
 * many rows of the coarsest cells there are; `scalable`: the packet will be cut, so that it has all layers however little
 * they hold. */
void alitra_layers_make (AlitraLayers * layers, AlitraUpdate * update,
    const AlitraTokenLoop * const loop[ALITRA_LEVELS], const gdouble price[ALITRA_LEVELS], guint slices,
    gboolean scalable, AlitraWorkers * workers);

/* One layer with everything. */
void alitra_layers_none (AlitraUpdate * update);

G_END_DECLS

#endif
