/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TILES_H
#define ALITRA_SRC_TILES_H

#include <alitra/generator.h>

#include "generatormodel.h"

G_BEGIN_DECLS

/* Pictures of 128x128 in the making. Cells are numbered level by level, coarse ones first, row by row. */
typedef struct
{
  gint8 depth[ALITRA_TILE_CELLS];       /* -1: unknown: to be drawn */
  guint16 tokens[ALITRA_TILE_CELLS][ALITRA_MAX_DEPTH];
} AlitraTile;

typedef struct _AlitraTiles AlitraTiles;

/* Keeps all but `count` only as pointers. */
AlitraTiles *alitra_tiles_new (const AlitraGeneratorModel * weights, AlitraModel * model, AlitraWorkers * workers,
    guint count);
void alitra_tiles_free (AlitraTiles * tiles);

AlitraTile *alitra_tiles_get (AlitraTiles * tiles, guint index);
/* The first cell of a level, and how many it has in a row. */
guint alitra_tiles_first (guint level);
guint alitra_tiles_columns (guint level);

/* Makes cells of all tiles unknown: all of them, or each 32-cell with what is below it with the chance 1 - keep. */
void alitra_tiles_forget (AlitraTiles * tiles, guint64 seed, double keep);
/* Draws what is unknown. generation->tokens is not 0. FALSE: numbers overflow. */
gboolean alitra_tiles_draw (AlitraTiles * tiles, const AlitraGeneration * generation);

/* The parts of alitra_tiles_draw(), for tests. What the transformer says of the cells of a level, as the tiles stand: */
void alitra_tiles_begin (AlitraTiles * tiles, const AlitraGeneration * generation);
void alitra_tiles_look (AlitraTiles * tiles, guint level);
/* scores of depths 0 .. the level's; */
void alitra_tiles_depth_scores (AlitraTiles * tiles, guint tile, guint cell, guint worker, float *scores);
/* and of the ids of token number `turn` of `depth`, the special one behind the others. It follows those that are there. */
void alitra_tiles_token_scores (AlitraTiles * tiles, guint tile, guint cell, guint turn, guint depth, guint worker,
    float *scores);
/* Appends a token to a cell. */
void alitra_tiles_put (AlitraTiles * tiles, guint tile, guint cell, guint turn, guint16 token);

G_END_DECLS

#endif
