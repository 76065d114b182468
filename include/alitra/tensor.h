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
 *
 * Which tokens of a memory are listed.
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
 * Arrays, one entry a token. Types are those that array libraries can use as they are. Programs in C fill in one that
 * names arrays of their own; alitra_token_table_new() and alitra_token_table_copy() make tables that hold their arrays
 * themselves, to be freed with alitra_token_table_free().
 *
 * Threads: a record without any lock; different tables may be used in different threads.
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
 * AlitraTokenColumn:
 * @ALITRA_TOKEN_COLUMN_IDS: token ids, one gint32 a token
 * @ALITRA_TOKEN_COLUMN_LEVELS: levels, one guint8 a token
 * @ALITRA_TOKEN_COLUMN_POSITIONS: column, row and side, three gint16 a token, in units of 16 luma samples
 * @ALITRA_TOKEN_COLUMN_DEPTHS: places within the cells, one guint8 a token
 * @ALITRA_TOKEN_COLUMN_AGES: packets since the cells changed, one gint32 a token
 *
 * The arrays of an #AlitraTokenTable, for alitra_token_table_get_column().
 */
typedef enum
{
  ALITRA_TOKEN_COLUMN_IDS,
  ALITRA_TOKEN_COLUMN_LEVELS,
  ALITRA_TOKEN_COLUMN_POSITIONS,
  ALITRA_TOKEN_COLUMN_DEPTHS,
  ALITRA_TOKEN_COLUMN_AGES
} AlitraTokenColumn;

#define ALITRA_TYPE_TOKEN_TABLE (alitra_token_table_get_type ())
ALITRA_API GType alitra_token_table_get_type (void);

/**
 * alitra_token_table_new:
 * @capacity: tokens to make room for
 *
 * Makes a table that holds its arrays itself, all zero.
 *
 * Returns: (transfer full): the table; free it with alitra_token_table_free()
 */
ALITRA_API AlitraTokenTable *alitra_token_table_new (guint capacity);

/**
 * alitra_token_table_copy:
 * @table: a table whose arrays are all there
 *
 * Copies a table with its arrays.
 *
 * Returns: (transfer full): a table that holds its arrays itself; free it with alitra_token_table_free()
 */
ALITRA_API AlitraTokenTable *alitra_token_table_copy (const AlitraTokenTable * table);

/**
 * alitra_token_table_free:
 * @table: (transfer full) (nullable): from alitra_token_table_new() or alitra_token_table_copy(), or %NULL
 *
 * Frees a table and the arrays that it holds itself.
 */
ALITRA_API void alitra_token_table_free (AlitraTokenTable * table);

/**
 * alitra_token_table_get_column:
 * @table: a table
 * @column: which of its arrays
 * @count: tokens, from the first on; at most the table's capacity
 *
 * Copies the first entries of an array, for languages that cannot follow the table's pointers.
 *
 * Returns: (transfer full): @count entries, in the byte order of the machine
 */
ALITRA_API GBytes *alitra_token_table_get_column (const AlitraTokenTable * table, AlitraTokenColumn column,
    guint count);

/**
 * alitra_token_table_fill:
 * @table: (in): where to list the tokens; its arrays are written
 * @memory: what to list
 * @selection: which tokens of it
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
 * What each token adds to the latent numbers of its cell, as the model has it. Reference counted.
 *
 * Threads: read only after it is made: any number of threads may use it, and take and drop references.
 */
typedef struct _AlitraTokenVectors AlitraTokenVectors;

#define ALITRA_TYPE_TOKEN_VECTORS (alitra_token_vectors_get_type ())
ALITRA_API GType alitra_token_vectors_get_type (void);

/**
 * alitra_token_vectors_new:
 * @model: weights; a reference is taken
 *
 * Prepares the vectors of a model.
 *
 * Returns: (transfer full): the vectors; drop them with alitra_token_vectors_unref()
 */
ALITRA_API AlitraTokenVectors *alitra_token_vectors_new (AlitraModel * model);

/**
 * alitra_token_vectors_ref:
 * @vectors: vectors of a model
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @vectors; drop it with alitra_token_vectors_unref()
 */
ALITRA_API AlitraTokenVectors *alitra_token_vectors_ref (AlitraTokenVectors * vectors);

/**
 * alitra_token_vectors_unref:
 * @vectors: (transfer full) (nullable): vectors of a model, or %NULL
 *
 * Drops a reference; the last one frees the vectors.
 */
ALITRA_API void alitra_token_vectors_unref (AlitraTokenVectors * vectors);

/**
 * alitra_token_vectors_free: (skip)
 * @vectors: (transfer full) (nullable): vectors of a model, or %NULL
 *
 * Does what alitra_token_vectors_unref() does, for those who hold the only reference.
 */
ALITRA_API void alitra_token_vectors_free (AlitraTokenVectors * vectors);

/**
 * alitra_token_vectors_get_size:
 * @vectors: vectors of a model
 *
 * Asks how long the vectors are.
 *
 * Returns: numbers of a vector
 */
ALITRA_API guint alitra_token_vectors_get_size (const AlitraTokenVectors * vectors);

/**
 * alitra_token_vectors_fill: (skip)
 * @vectors: vectors of a model
 * @table: tokens; ids, levels and depths are read
 * @count: how many tokens, from the first on; at most the table's capacity
 * @out: room for @count rows of alitra_token_vectors_get_size() numbers
 *
 * A learned code gives its vector; a flat colour what the model's analysis makes of a plain cell of that colour (the
 * second token of a cell: what it adds to the first's); the smooth token, and ids that the model does not have, give
 * zeros.
 */
ALITRA_API void alitra_token_vectors_fill (const AlitraTokenVectors * vectors, const AlitraTokenTable * table,
    guint count, gfloat * out);

/**
 * alitra_token_vectors_fill_bytes: (rename-to alitra_token_vectors_fill)
 * @vectors: vectors of a model
 * @table: tokens; ids, levels and depths are read
 * @count: how many tokens, from the first on; at most the table's capacity
 *
 * As alitra_token_vectors_fill(), for languages other than C.
 *
 * Returns: (transfer full): @count rows of alitra_token_vectors_get_size() numbers, each a gfloat
 */
ALITRA_API GBytes *alitra_token_vectors_fill_bytes (const AlitraTokenVectors * vectors, const AlitraTokenTable * table,
    guint count);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraTokenTable, alitra_token_table_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraTokenVectors, alitra_token_vectors_unref)

G_END_DECLS

#endif
