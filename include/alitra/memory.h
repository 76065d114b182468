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
 * Level l is a grid of (4 >> l) * ceil(width / 64) by (4 >> l) * ceil(height / 64) cells. A memory that was asked from a
 * tokenizer or detokenizer belongs to it and changes with the next packet; alitra_memory_copy() makes one that stays.
 *
 * Threads: nothing here changes a memory, so any number of threads may look at one while nobody encodes or decodes with
 * its owner.
 */
typedef struct _AlitraMemory AlitraMemory;

#define ALITRA_TYPE_MEMORY (alitra_memory_get_type ())
ALITRA_API GType alitra_memory_get_type (void);

/**
 * AlitraCell:
 * @depth: tokens that the cell holds
 * @kept: of them, how many were there before the last packet
 * @held: tokens that the cell held before the last packet, at least @kept
 * @age: packets since a token of the cell last changed, at most 65535
 * @valid: %FALSE: a part of the cell was lost on the way; what it holds conceals that, and may be wrong
 * @tokens: (array length=depth): ids, coarse first; they belong to the memory
 *
 * One cell of a memory: what it holds and how that came about.
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

/**
 * alitra_memory_copy:
 * @memory: a memory
 *
 * Copies a memory with all its tokens, to look at it later or in another thread.
 *
 * Returns: (transfer full): the copy; free it with alitra_memory_free()
 */
ALITRA_API AlitraMemory *alitra_memory_copy (const AlitraMemory * memory);

/**
 * alitra_memory_free:
 * @memory: (transfer full) (nullable): from alitra_memory_copy(), or %NULL
 *
 * Frees a copy of a memory. Not for memories that belong to a tokenizer or detokenizer.
 */
ALITRA_API void alitra_memory_free (AlitraMemory * memory);

/**
 * alitra_memory_get_size:
 * @memory: a memory
 * @width: (out) (optional): of the picture, in luma samples
 * @height: (out) (optional): of the picture, in luma samples
 *
 * Asks for the size of the picture that the memory describes.
 */
ALITRA_API void alitra_memory_get_size (const AlitraMemory * memory, guint * width, guint * height);

/**
 * alitra_memory_get_grid:
 * @memory: a memory
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 * @columns: (out) (optional): cells in a row
 * @rows: (out) (optional): rows of cells
 *
 * Asks for the grid of a level; it covers whole 64-cells, and may reach beyond the picture at the right and below.
 */
ALITRA_API void alitra_memory_get_grid (const AlitraMemory * memory, guint level, guint * columns, guint * rows);

/**
 * alitra_memory_get_cell:
 * @memory: a memory
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 * @column: of the cell, 0..columns-1 of the grid
 * @row: of the cell, 0..rows-1 of the grid
 * @cell: (out caller-allocates): filled in; its tokens belong to @memory and are valid as long as that does not change
 *
 * Looks at one cell. In languages other than C use alitra_memory_get_tokens() for the tokens.
 */
ALITRA_API void alitra_memory_get_cell (const AlitraMemory * memory, guint level, guint column, guint row,
    AlitraCell * cell);

/**
 * alitra_memory_get_tokens:
 * @memory: a memory
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 * @column: of the cell, 0..columns-1 of the grid
 * @row: of the cell, 0..rows-1 of the grid
 * @count: (out): tokens of the cell
 *
 * Looks at the tokens of one cell.
 *
 * Returns: (array length=count) (transfer none): ids, coarse first; they belong to @memory and are valid as long as
 *   that does not change
 */
ALITRA_API const guint16 *alitra_memory_get_tokens (const AlitraMemory * memory, guint level, guint column, guint row,
    guint * count);

/**
 * alitra_memory_get_density:
 * @memory: a memory
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 *
 * Asks how densely a patch is covered with tokens.
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
 * @memory: a memory
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 *
 * Asks what the last packet did to a patch.
 *
 * Returns: what became of it and of what lies above it
 */
ALITRA_API AlitraPatchState alitra_memory_get_patch_state (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_get_patch_age:
 * @memory: a memory
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 *
 * Asks for how long a patch has stayed as it is.
 *
 * Returns: packets since a token of the patch, of its parent or of its grandparent last changed, at most 65535
 */
ALITRA_API guint alitra_memory_get_patch_age (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_patch_is_valid:
 * @memory: a memory
 * @column: of the patch, 0..ceil(width / 16)-1
 * @row: of the patch, 0..ceil(height / 16)-1
 *
 * Asks whether all is known that describes a patch.
 *
 * Returns: whether the cell of the patch, its parent and its grandparent are valid: %FALSE where the picture is concealed
 */
ALITRA_API gboolean alitra_memory_patch_is_valid (const AlitraMemory * memory, guint column, guint row);

/**
 * alitra_memory_get_checksum:
 * @memory: a memory
 *
 * Asks for the number that tells two memories apart.
 *
 * Returns: CRC-32 over all depths and tokens; packets carry it, and both ends must agree after each packet
 */
ALITRA_API guint32 alitra_memory_get_checksum (const AlitraMemory * memory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraMemory, alitra_memory_free)

G_END_DECLS

#endif
