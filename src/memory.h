/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_MEMORY_H
#define ALITRA_SRC_MEMORY_H

#include <alitra/memory.h>

#include "workers.h"
#include <alitra/packet.h>

G_BEGIN_DECLS

/* What a receiver knows of a cell. */
enum
{
  ALITRA_CELL_LOST = FALSE,     /* a part of it was lost: only its first `sound` tokens are the sender's */
  ALITRA_CELL_WHOLE = TRUE,     /* it is the sender's */
  ALITRA_CELL_TRIMMED           /* it is the first tokens of the sender's, perhaps all: a packet was cut on the way */
};

/* One level of the token memory; arrays are row by row over the grid. */
typedef struct
{
  guint columns, rows, max_depth;
  guint8 *depth;                /* tokens that a cell holds */
  guint8 *kept;                 /* of them, there before the last update */
  guint8 *held;                 /* tokens that it held before the last update */
  guint8 *valid;                /* ALITRA_CELL_... */
  guint8 *sound;                /* first tokens that are the sender's; all of them where the cell is valid */
  guint16 *lost;                /* updates since the cell was lost, saturating; 0 where it is valid */
  guint16 *age;                 /* updates since a token changed, saturating */
  guint16 *tokens;              /* columns * rows * max_depth ids */
} AlitraMemoryLevel;

struct _AlitraMemory
{
  guint width, height;          /* of the picture, luma samples */
  AlitraMemoryLevel level[ALITRA_LEVELS];
};

/* The cell of the next coarser level that a cell is a quarter of. Grids are exactly half as wide and high from level to level;
 * columns: of the cell's own. */
static inline guint
alitra_memory_cell_above (guint cell, guint columns)
{
  return cell / columns / 2 * (columns / 2) + cell % columns / 2;
}

/* The same as alitra_memory_get_patch_state(), for those who ask for every patch. */
static inline AlitraPatchState
alitra_memory_patch_state (const AlitraMemory * memory, guint column, guint row)
{
  guint more = 0, less = 0, held = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];
    const guint cell = (row >> l) * level->columns + (column >> l);

    held |= level->held[cell];
    more |= level->depth[cell] > level->kept[cell];
    less |= level->held[cell] > level->kept[cell];
  }
  if (less || (more && held == 0))
    return ALITRA_PATCH_FRESH;
  return more ? ALITRA_PATCH_SHARPENED : ALITRA_PATCH_KEPT;
}

/* What one frame does to one level: a cell keeps its first `keep` tokens, and holds `depth` afterwards. */
typedef struct
{
  guint8 *keep;
  guint8 *depth;
  guint8 *valid;                /* ALITRA_CELL_... */
  guint8 *sound;                /* where the cell is lost: at most `depth` */
  guint8 *anew;                 /* the packet shall say these cells whole, keeping nothing, even where nothing changes */
  guint16 *tokens;              /* as in the memory; only those from `keep` to `depth` are looked at */
  guint8 *cut[4];               /* per layer that brings tokens of this level, but the last: depth of each cell when the
                                 * layer ends, keep <= cut <= depth, growing from layer to layer; the last ends at `depth` */
} AlitraUpdateLevel;

typedef struct
{
  AlitraUpdateLevel level[ALITRA_LEVELS];
  guint layers;                 /* quality layers, 1 to ALITRA_PACKET_MAX_LAYERS */
  guint8 levels[ALITRA_PACKET_MAX_LAYERS];      /* of each, bit l: it brings tokens of level l; each level is brought by
                                                 * 1 to 5 layers */
} AlitraUpdate;

AlitraMemory *alitra_memory_new (guint width, guint height, const guint max_depth[ALITRA_LEVELS]);
void alitra_memory_clear (AlitraMemory * memory);
/* All cells keep what they hold, and nothing of it is certain any more. */
void alitra_memory_lose (AlitraMemory * memory);

/* An update with the grids of `memory`: one layer with all levels, all cells whole, all other arrays zero. */
AlitraUpdate *alitra_update_new (const AlitraMemory * memory);
void alitra_update_free (AlitraUpdate * update);

/* The only way that a memory changes, at the sender as at the receiver. Needs keep <= what the cell holds, and
 * keep <= depth <= max_depth. */
void alitra_memory_apply (AlitraMemory * memory, const AlitraUpdate * update);
/* The same, shared by these threads. */
void alitra_memory_apply_shared (AlitraMemory * memory, const AlitraUpdate * update, AlitraWorkers * workers);

G_END_DECLS

#endif
