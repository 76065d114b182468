/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BLOCKS_H
#define ALITRA_SRC_BLOCKS_H

#include "matrix.h"
#include "weights.h"
#include "workers.h"

G_BEGIN_DECLS

/* The blocks of a standard transformer, whatever goes into them and is read from them. */

/* x + out (attention (norm (x))), then x + shrink (gelu (grow (norm (x)))). */
typedef struct
{
  const float *gain[2], *bias[2];       /* of the two norms */
  AlitraMatrix qkv;             /* dim -> query, key, value: 3 dim */
  AlitraMatrix out;
  AlitraMatrix grow, shrink;    /* dim -> hidden -> dim */
} AlitraBlock;

typedef struct
{
  guint dim, heads, layers, hidden;
  AlitraBlock *block;
} AlitraBlocks;

/* Tensors whose names begin with `prefix`. */
typedef struct
{
  AlitraWeights *weights;
  const char *prefix;
  GError **error;
} AlitraPart;

/* Each NULL or FALSE with ALITRA_ERROR_MODEL_INVALID when the file has no such tensor of that shape. */
const float *alitra_part_take (const AlitraPart * part, const char *name, guint rank, guint first, guint second);
/* With a bias if there is a name for it. */
gboolean alitra_part_take_matrix (const AlitraPart * part, AlitraMatrix * matrix, const char *weight,
    const char *bias, guint outputs, guint inputs);
gboolean alitra_part_take_norm (const AlitraPart * part, const char *weight, const char *bias, guint size,
    const float **gain, const float **offset);

/* Settings "dim", "heads", "layers" and "hidden". */
gboolean alitra_blocks_read_settings (AlitraBlocks * blocks, JsonObject * settings, GError ** error);
/* Tensors "blocks.0.…", …; what was taken before an error is cleared with the rest. */
gboolean alitra_blocks_take (AlitraBlocks * blocks, AlitraWeights * weights, GError ** error);
void alitra_blocks_clear (AlitraBlocks * blocks);

/* Room for the numbers on their way; grows when it must. Keeps the blocks and the workers only as pointers. */
typedef struct _AlitraBlocksRoom AlitraBlocksRoom;

AlitraBlocksRoom *alitra_blocks_room_new (const AlitraBlocks * blocks, AlitraWorkers * workers);
void alitra_blocks_room_free (AlitraBlocksRoom * room);

/* Rows for `sequences`, of which number s is rows starts[s] .. starts[s+1]-1, to be filled in: dim numbers each. */
float *alitra_blocks_room_get_rows (AlitraBlocksRoom * room, guint sequences, const guint * starts);
/* Runs all blocks over them, in place. The rows of a sequence see each other and no others; nothing is padded. */
void alitra_blocks_room_run (AlitraBlocksRoom * room, guint sequences, const guint * starts);

G_END_DECLS

#endif
