/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_MEMORY_H
#define ALITRA_MEMORY_H

#include <alitra/error.h>
#include <alitra/frame.h>

G_BEGIN_DECLS

/**
 * AlitraMemory:
 *
 * The tokens that a receiver holds, cell by cell: integers only, so that sender and receiver can never drift apart.
 * Level l is a grid of (4 >> l) * ceil(width / 64) by (4 >> l) * ceil(height / 64) cells. Owned by the tokenizer or
 * detokenizer that it was asked from.
 */
typedef struct _AlitraMemory AlitraMemory;

/**
 * AlitraCell:
 * @depth: tokens that the cell holds
 * @kept: of them, how many were there before the last packet
 * @held: tokens that the cell held before the last packet, at least @kept
 * @age: packets since a token of the cell last changed, at most 65535
 * @valid: %FALSE: a part of the cell was lost on the way; what it holds conceals that, and may be wrong
 * @tokens: (array length=depth): ids, coarse first
 */
typedef struct
{
  guint depth;
  guint kept;
  guint held;
  guint age;
  gboolean valid;
  const guint16 *tokens;
} AlitraCell;

ALITRA_API void alitra_memory_get_grid (const AlitraMemory * memory, guint level, guint * columns, guint * rows);
ALITRA_API void alitra_memory_get_cell (const AlitraMemory * memory, guint level, guint column, guint row,
    AlitraCell * cell);

/**
 * alitra_memory_get_density:
 * @column: of the patch, 0..ceil(width / 16)-1
 *
 * Returns: density of a patch: its depth, plus a quarter of its parent's, plus a sixteenth of its grandparent's
 */
ALITRA_API gfloat alitra_memory_get_density (const AlitraMemory * memory, guint column, guint row);

/**
 * AlitraPatchState:
 * @ALITRA_PATCH_KEPT: the last packet changed none of the tokens that describe the patch
 * @ALITRA_PATCH_SHARPENED: it brought further tokens, and all that were there stayed
 * @ALITRA_PATCH_FRESH: it replaced or dropped some, or brought the first ones
 *
 * What the last packet did to a patch: to its own cell, its parent and its grandparent.
 */
typedef enum
{
  ALITRA_PATCH_KEPT,
  ALITRA_PATCH_SHARPENED,
  ALITRA_PATCH_FRESH
} AlitraPatchState;

/**
 * alitra_memory_get_patch_state:
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 */
ALITRA_API AlitraPatchState alitra_memory_get_patch_state (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_get_patch_age:
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 *
 * Returns: packets since a token of the patch, of its parent or of its grandparent last changed, at most 65535
 */
ALITRA_API guint alitra_memory_get_patch_age (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_patch_is_valid:
 * @column: of the patch, 0..ceil(width / 16)-1
 *
 * Returns: whether the cell of the patch, its parent and its grandparent are valid: %FALSE where the picture is concealed
 */
ALITRA_API gboolean alitra_memory_patch_is_valid (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_get_checksum:
 *
 * Returns: CRC-32 over all depths and tokens; packets carry it, and both ends must agree after each packet
 */
ALITRA_API guint32 alitra_memory_get_checksum (const AlitraMemory * memory);

G_END_DECLS

#endif
