/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inputs of all sequences stand one after another: products run over tiles of them, whatever sequence they are of;
 * only attention minds where a sequence ends. So nothing is padded. */
#include <math.h>
#include <string.h>

#include "attention.h"
#include "transformer.h"

struct _AlitraTransformerRoom
{
  AlitraTransformer *transformer;
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
  guint rows, sequences, layer;
  const guint *starts;
  const AlitraTransformerInput *inputs;
  const float *sums;
  float *scores;
};

AlitraTransformerRoom *
alitra_transformer_room_new (AlitraTransformer * transformer,
    AlitraWorkers * workers)
{
  AlitraTransformerRoom *self = g_new0 (AlitraTransformerRoom, 1);

  self->transformer = alitra_transformer_ref (transformer);
  self->workers = workers;
  self->threads = alitra_workers_get_threads (workers);
  self->normed = alitra_floats_new ((gsize) self->threads * ALITRA_TILE
      * transformer->dim);
  self->hidden = alitra_floats_new ((gsize) self->threads * ALITRA_TILE
      * transformer->hidden);
  return self;
}

static void
free_rows (AlitraTransformerRoom * self)
{
  g_clear_pointer (&self->x, alitra_floats_free);
  g_clear_pointer (&self->qkv, alitra_floats_free);
  g_clear_pointer (&self->attended, alitra_floats_free);
}

void
alitra_transformer_room_free (AlitraTransformerRoom * self)
{
  if (!self)
    return;
  free_rows (self);
  g_clear_pointer (&self->attention, alitra_floats_free);
  alitra_floats_free (self->normed);
  alitra_floats_free (self->hidden);
  alitra_transformer_unref (self->transformer);
  g_free (self);
}

static void
reserve (AlitraTransformerRoom * self, guint rows, guint longest)
{
  const AlitraTransformer *t = self->transformer;

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
row_of (const AlitraTransformerRoom * self, float *of, guint row)
{
  return of + (gsize) row *self->transformer->dim;
}

static guint
tile_rows (const AlitraTransformerRoom * self, guint tile)
{
  return MIN (self->rows - tile * ALITRA_TILE, ALITRA_TILE);
}

static void
fill_waves (const AlitraTransformerInput * input, float *waves)
{
  const float place[2] = { input->x, input->y };

  for (guint octave = 0; octave < ALITRA_WAVES; octave++)
    for (guint axis = 0; axis < 2; axis++) {
      const float angle = place[axis] * (float) G_PI * (1 << octave);

      waves[4 * octave + axis] = sinf (angle);
      waves[4 * octave + 2 + axis] = cosf (angle);
    }
}

/* The first numbers of a tile: level by level, each with its matrix; then place and depth. */
static void
embed (gpointer data, guint tile, guint worker)
{
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const guint first = tile * ALITRA_TILE, rows = tile_rows (self, tile);
  const AlitraTransformerInput *inputs = self->inputs + first;
  float waves[ALITRA_TILE * 4 * ALITRA_WAVES];
  float *x = row_of (self, self->x, first);

  for (guint i = 0, n; i < rows; i += n) {
    for (n = 1; i + n < rows && inputs[i + n].level == inputs[i].level;)
      n++;
    alitra_matrix_multiply (&t->into[inputs[i].level], n, self->sums
        + (gsize) (first + i) * t->vectors, t->vectors, x + (gsize) i * t->dim,
        t->dim, ALITRA_END_STORE);
  }
  for (guint i = 0; i < rows; i++) {
    const float *depth = t->depth + (gsize) (inputs[i].depth - 1) * t->dim;
    float *to = x + (gsize) i * t->dim;

    fill_waves (&inputs[i], waves + i * 4 * ALITRA_WAVES);
    for (guint k = 0; k < t->dim; k++)
      to[k] += depth[k];
  }
  alitra_matrix_multiply (&t->place, rows, waves, 4 * ALITRA_WAVES, x, t->dim,
      ALITRA_END_ADD);
}

static void
project (gpointer data, guint tile, guint worker)
{
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const AlitraTransformerBlock *block = &t->block[self->layer];
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
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
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
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const AlitraTransformerBlock *block = &t->block[self->layer];
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

/* Mean of what is left of a sequence, and from it the labels. */
static void
decide (gpointer data, guint sequence, guint worker)
{
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const guint first = self->starts[sequence];
  const guint rows = self->starts[sequence + 1] - first;
  float *mean = self->normed + (gsize) worker * ALITRA_TILE * t->dim;
  float *normed = mean + t->dim;

  memset (mean, 0, t->dim * sizeof (float));
  for (guint i = 0; i < rows; i++) {
    alitra_layer_norm (1, t->dim, row_of (self, self->x, first + i), t->gain,
        t->bias, normed);
    for (guint k = 0; k < t->dim; k++)
      mean[k] += normed[k];
  }
  for (guint k = 0; rows > 0 && k < t->dim; k++)
    mean[k] /= rows;
  alitra_matrix_multiply (&t->head, 1, mean, t->dim, self->scores
      + (gsize) sequence * t->labels->len, t->labels->len, ALITRA_END_STORE);
}

static guint
longest_of (guint sequences, const guint * starts)
{
  guint longest = 1;

  for (guint s = 0; s < sequences; s++)
    longest = MAX (longest, starts[s + 1] - starts[s]);
  return longest;
}

void
alitra_transformer_run (AlitraTransformerRoom * self, guint sequences,
    const guint * starts, const AlitraTransformerInput * inputs,
    const float *sums, float *scores)
{
  const AlitraTransformer *t = self->transformer;
  guint tiles;

  self->rows = starts[sequences];
  self->sequences = sequences;
  self->starts = starts;
  self->inputs = inputs;
  self->sums = sums;
  self->scores = scores;
  reserve (self, self->rows, longest_of (sequences, starts));
  tiles = (self->rows + ALITRA_TILE - 1) / ALITRA_TILE;
  alitra_workers_run (self->workers, tiles, embed, self);
  for (self->layer = 0; self->layer < t->layers; self->layer++) {
    alitra_workers_run (self->workers, tiles, project, self);
    alitra_workers_run (self->workers, sequences * t->heads, attend, self);
    alitra_workers_run (self->workers, tiles, think, self);
  }
  alitra_workers_run (self->workers, sequences, decide, self);
}
