/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows of all sequences stand one after another: products run over tiles of them, whatever sequence they are of;
 * only attention minds where a sequence ends. So nothing is padded. */
#include "blocks.h"

#include <string.h>

#include "attention.h"
#include "floats.h"

const float *
alitra_part_take (const AlitraPart * part, const char *name, guint rank,
    guint first, guint second)
{
  const guint size[2] = { first, second };
  g_autofree char *whole = g_strconcat (part->prefix, name, NULL);

  return alitra_weights_get_tensor (part->weights, whole, rank, size,
      part->error);
}

gboolean
alitra_part_take_matrix (const AlitraPart * part, AlitraMatrix * matrix,
    const char *weight, const char *bias, guint outputs, guint inputs)
{
  const float *weights = alitra_part_take (part, weight, 2, outputs, inputs);
  const float *start = weights
      && bias ? alitra_part_take (part, bias, 1, outputs, 1) : NULL;

  if (!weights || (bias && !start))
    return FALSE;
  alitra_matrix_init (matrix, outputs, inputs, weights, 1.f);
  /* the weights of all blocks together are more than a cache holds, and most calls bring few rows */
  alitra_matrix_halve (matrix);
  if (start)
    memcpy (matrix->start, start, outputs * sizeof (float));
  return TRUE;
}

gboolean
alitra_part_take_norm (const AlitraPart * part, const char *weight,
    const char *bias, guint size, const float **gain, const float **offset)
{
  *gain = alitra_part_take (part, weight, 1, size, 1);
  *offset = *gain ? alitra_part_take (part, bias, 1, size, 1) : NULL;
  return *offset != NULL;
}

static gboolean
take_block (AlitraBlocks * self, guint index, AlitraWeights * weights,
    GError ** error)
{
  AlitraBlock *block = &self->block[index];
  g_autofree char *prefix = g_strdup_printf ("blocks.%u.", index);
  const AlitraPart part = { weights, prefix, error };
  const guint dim = self->dim;

  return alitra_part_take_norm (&part, "norm1.weight", "norm1.bias", dim,
      &block->gain[0], &block->bias[0])
      && alitra_part_take_norm (&part, "norm2.weight", "norm2.bias", dim,
      &block->gain[1], &block->bias[1])
      && alitra_part_take_matrix (&part, &block->qkv, "qkv.weight", "qkv.bias",
      3 * dim, dim)
      && alitra_part_take_matrix (&part, &block->out, "out.weight", "out.bias",
      dim, dim)
      && alitra_part_take_matrix (&part, &block->grow, "grow.weight",
      "grow.bias", self->hidden, dim)
      && alitra_part_take_matrix (&part, &block->shrink, "shrink.weight",
      "shrink.bias", dim, self->hidden);
}

gboolean
alitra_blocks_read_settings (AlitraBlocks * self, JsonObject * settings,
    GError ** error)
{
  if (!alitra_weights_read_counts (settings, "dim", 1, 8, 2048, &self->dim,
          error)
      || !alitra_weights_read_counts (settings, "heads", 1, 1, 64,
          &self->heads, error)
      || !alitra_weights_read_counts (settings, "layers", 1, 1, 48,
          &self->layers, error)
      || !alitra_weights_read_counts (settings, "hidden", 1, 8, 8192,
          &self->hidden, error))
    return FALSE;
  if (self->dim % self->heads != 0) {
    alitra_weights_invalid (error,
        "its %u numbers should be a multiple of its %u heads", self->dim,
        self->heads);
    return FALSE;
  }
  return TRUE;
}

gboolean
alitra_blocks_take (AlitraBlocks * self, AlitraWeights * weights,
    GError ** error)
{
  self->block = g_new0 (AlitraBlock, self->layers);
  for (guint i = 0; i < self->layers; i++) {
    if (!take_block (self, i, weights, error))
      return FALSE;
  }
  return TRUE;
}

static void
block_clear (AlitraBlock * block)
{
  alitra_matrix_clear (&block->qkv);
  alitra_matrix_clear (&block->out);
  alitra_matrix_clear (&block->grow);
  alitra_matrix_clear (&block->shrink);
}

void
alitra_blocks_clear (AlitraBlocks * self)
{
  for (guint i = 0; self->block && i < self->layers; i++)
    block_clear (&self->block[i]);
  g_clear_pointer (&self->block, g_free);
}

/* Running */

struct _AlitraBlocksRoom
{
  const AlitraBlocks *blocks;
  AlitraWorkers *workers;
  guint threads;
  /* Grown as needed. */
  guint rows_room, longest_room;
  float *x, *qkv, *attended;    /* rows x dim, 3 dim, dim */
  float *attention;             /* a worker's scratch each */
  gsize attention_size;
  /* A worker's tile each. */
  float *normed, *hidden;
  /* Of the call. */
  guint rows, layer;
  const guint *starts;
};

AlitraBlocksRoom *
alitra_blocks_room_new (const AlitraBlocks * blocks, AlitraWorkers * workers)
{
  AlitraBlocksRoom *self = g_new0 (AlitraBlocksRoom, 1);

  self->blocks = blocks;
  self->workers = workers;
  self->threads = alitra_workers_get_threads (workers);
  self->normed =
      alitra_floats_new ((gsize) self->threads * ALITRA_TILE * blocks->dim);
  self->hidden =
      alitra_floats_new ((gsize) self->threads * ALITRA_TILE * blocks->hidden);
  return self;
}

static void
free_rows (AlitraBlocksRoom * self)
{
  g_clear_pointer (&self->x, alitra_floats_free);
  g_clear_pointer (&self->qkv, alitra_floats_free);
  g_clear_pointer (&self->attended, alitra_floats_free);
}

void
alitra_blocks_room_free (AlitraBlocksRoom * self)
{
  if (!self)
    return;
  free_rows (self);
  g_clear_pointer (&self->attention, alitra_floats_free);
  alitra_floats_free (self->normed);
  alitra_floats_free (self->hidden);
  g_free (self);
}

static void
reserve (AlitraBlocksRoom * self, guint rows, guint longest)
{
  const AlitraBlocks *t = self->blocks;

  if (rows > self->rows_room) {
    free_rows (self);
    self->rows_room = rows;
    self->x = alitra_floats_new ((gsize) rows * t->dim);
    self->qkv = alitra_floats_new ((gsize) rows * 3 * t->dim);
    self->attended = alitra_floats_new ((gsize) rows * t->dim);
  }
  if (longest > self->longest_room) {
    g_clear_pointer (&self->attention, alitra_floats_free);
    self->longest_room = longest;
    self->attention_size =
        alitra_attention_scratch (longest, t->dim / t->heads);
    self->attention = alitra_floats_new (self->threads * self->attention_size);
  }
}

static float *
row_of (const AlitraBlocksRoom * self, float *of, guint row)
{
  return of + (gsize) row *self->blocks->dim;
}

static guint
tile_rows (const AlitraBlocksRoom * self, guint tile)
{
  return MIN (self->rows - tile * ALITRA_TILE, ALITRA_TILE);
}

static void
project (gpointer data, guint tile, guint worker)
{
  AlitraBlocksRoom *self = data;
  const AlitraBlocks *t = self->blocks;
  const AlitraBlock *block = &t->block[self->layer];
  const guint first = tile * ALITRA_TILE, rows = tile_rows (self, tile);
  float *normed = self->normed + (gsize) worker * ALITRA_TILE * t->dim;

  alitra_layer_norm (rows, t->dim, row_of (self, self->x, first),
      block->gain[0], block->bias[0], normed);
  alitra_matrix_multiply (&block->qkv, rows, normed, t->dim,
      self->qkv + (gsize) first * 3 * t->dim, 3 * t->dim, ALITRA_END_STORE);
}

/* A piece is one head of one sequence. */
static void
attend (gpointer data, guint piece, guint worker)
{
  AlitraBlocksRoom *self = data;
  const AlitraBlocks *t = self->blocks;
  const guint sequence = piece / t->heads, head = piece % t->heads;
  const guint first = self->starts[sequence], size = t->dim / t->heads;
  const guint rows = self->starts[sequence + 1] - first;
  const float *query = self->qkv + (gsize) first * 3 * t->dim + head * size;

  if (rows > 0)
    alitra_attention_run (rows, size, query, query + t->dim,
        query + 2 * t->dim, 3 * t->dim, row_of (self, self->attended, first)
        + head * size, t->dim, self->attention + worker * self->attention_size);
}

static void
think (gpointer data, guint tile, guint worker)
{
  AlitraBlocksRoom *self = data;
  const AlitraBlocks *t = self->blocks;
  const AlitraBlock *block = &t->block[self->layer];
  const guint first = tile * ALITRA_TILE, rows = tile_rows (self, tile);
  float *normed = self->normed + (gsize) worker * ALITRA_TILE * t->dim;
  float *hidden = self->hidden + (gsize) worker * ALITRA_TILE * t->hidden;
  float *x = row_of (self, self->x, first);

  alitra_matrix_multiply (&block->out, rows, row_of (self, self->attended,
          first), t->dim, x, t->dim, ALITRA_END_ADD);
  alitra_layer_norm (rows, t->dim, x, block->gain[1], block->bias[1], normed);
  alitra_matrix_multiply (&block->grow, rows, normed, t->dim, hidden,
      t->hidden, ALITRA_END_STORE);
  alitra_matrix_gelu (hidden, rows * t->hidden);
  alitra_matrix_multiply (&block->shrink, rows, hidden, t->hidden, x, t->dim,
      ALITRA_END_ADD);
}

static guint
longest_of (guint sequences, const guint * starts)
{
  guint longest = 1;

  for (guint s = 0; s < sequences; s++)
    longest = MAX (longest, starts[s + 1] - starts[s]);
  return longest;
}

float *
alitra_blocks_room_get_rows (AlitraBlocksRoom * self, guint sequences,
    const guint * starts)
{
  self->rows = starts[sequences];
  reserve (self, self->rows, longest_of (sequences, starts));
  return self->x;
}

void
alitra_blocks_room_run (AlitraBlocksRoom * self, guint sequences,
    const guint * starts)
{
  const AlitraBlocks *t = self->blocks;
  const guint tiles = (self->rows + ALITRA_TILE - 1) / ALITRA_TILE;

  self->starts = starts;
  for (self->layer = 0; self->layer < t->layers; self->layer++) {
    alitra_workers_run (self->workers, tiles, project, self);
    alitra_workers_run (self->workers, sequences * t->heads, attend, self);
    alitra_workers_run (self->workers, tiles, think, self);
  }
}
