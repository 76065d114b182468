/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TENSOR_H
#define ALITRA_TENSOR_H

#include <alitra/memory.h>
#include <alitra/model.h>

G_BEGIN_DECLS

/**
 * AlitraTokenSelection:
 * @ALITRA_TOKENS_ALL: everything that the memory holds
 * @ALITRA_TOKENS_NEW: only what the last packet brought
 */
typedef enum
{
  ALITRA_TOKENS_ALL,
  ALITRA_TOKENS_NEW
} AlitraTokenSelection;

/**
 * AlitraTokenTable:
 * @capacity: tokens that each array has room for
 * @ids: (array length=capacity): token ids
 * @levels: (array length=capacity): level of the token's cell, 0..%ALITRA_LEVELS-1
 * @positions: (array): three numbers a token: column and row of the cell's upper left corner, and its side, all in
 *   units of 16 luma samples
 * @depths: (array length=capacity): place of the token within its cell, 0: the first
 * @ages: (array length=capacity): packets since a token of the cell last changed
 *
 * Arrays of the caller, one entry a token. Types are those that array libraries can use as they are.
 */
typedef struct
{
  guint capacity;
  gint32 *ids;
  guint8 *levels;
  gint16 *positions;
  guint8 *depths;
  gint32 *ages;
} AlitraTokenTable;

/**
 * alitra_token_table_fill:
 *
 * Lists tokens: coarsest level first; in a level the cells row by row; in a cell first to last. The arrays get the
 * first @capacity of them: what does not fit is the end of the finest level. What is beyond the last token is left
 * as it was.
 *
 * Returns: tokens that there are, which may be more than @capacity
 */
ALITRA_API guint alitra_token_table_fill (const AlitraTokenTable * table, const AlitraMemory * memory,
    AlitraTokenSelection selection);

/**
 * AlitraTokenVectors:
 *
 * What each token adds to the latent numbers of its cell, as the model has it. Read only after it is made: any number
 * of threads may use it.
 */
typedef struct _AlitraTokenVectors AlitraTokenVectors;

ALITRA_API AlitraTokenVectors *alitra_token_vectors_new (AlitraModel * model);
ALITRA_API void alitra_token_vectors_free (AlitraTokenVectors * vectors);

/* Numbers of a vector. */
ALITRA_API guint alitra_token_vectors_get_size (const AlitraTokenVectors * vectors);

/**
 * alitra_token_vectors_fill:
 * @table: tokens; ids, levels and depths are read
 * @count: how many
 * @out: (out caller-allocates): @count rows of alitra_token_vectors_get_size() numbers
 *
 * A learned code gives its vector; a flat colour what the model's analysis makes of a plain cell of that colour (the
 * second token of a cell: what it adds to the first's); the smooth token, and ids that the model does not have, give
 * zeros.
 */
ALITRA_API void alitra_token_vectors_fill (const AlitraTokenVectors * vectors, const AlitraTokenTable * table,
    guint count, gfloat * out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraTokenVectors, alitra_token_vectors_free)

G_END_DECLS

#endif
