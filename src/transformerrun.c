/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cells of all sequences become rows of numbers, run through the blocks, and their mean becomes labels. */
#include <math.h>
#include <string.h>

#include "attention.h"
#include "floats.h"
#include "transformer.h"

struct _AlitraTransformerRoom
{
  AlitraTransformer *transformer;
  AlitraWorkers *workers;
  AlitraBlocksRoom *blocks;
  float *normed;                /* two rows for each worker */
  /* Of the call. */
  guint rows;
  float *x;                     /* rows x dim */
  const guint *starts;
  const AlitraTransformerInput *inputs;
  const float *looks;
  float *scores;
};

AlitraTransformerRoom *
alitra_transformer_room_new (AlitraTransformer * transformer,
    AlitraWorkers * workers)
{
  AlitraTransformerRoom *self = g_new0 (AlitraTransformerRoom, 1);

  self->transformer = alitra_transformer_ref (transformer);
  self->workers = workers;
  self->blocks = alitra_blocks_room_new (&transformer->blocks, workers);
  self->normed =
      alitra_floats_new ((gsize) alitra_workers_get_threads (workers) * 2 *
      transformer->blocks.dim);
  return self;
}

void
alitra_transformer_room_free (AlitraTransformerRoom * self)
{
  if (!self)
    return;
  alitra_blocks_room_free (self->blocks);
  alitra_floats_free (self->normed);
  alitra_transformer_unref (self->transformer);
  g_free (self);
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

/* The first numbers of a tile: what the cells look like, then level, depth and place. */
static void
embed (gpointer data, guint tile, guint worker)
{
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const guint first = tile * ALITRA_TILE, rows = tile_rows (self, tile);
  const guint dim = t->blocks.dim;
  const AlitraTransformerInput *inputs = self->inputs + first;
  float waves[ALITRA_TILE * 4 * ALITRA_WAVES];
  float *x = self->x + (gsize) first * dim;

  alitra_matrix_multiply (&t->into, rows, self->looks
      + (gsize) first * t->vectors, t->vectors, x, dim, ALITRA_END_STORE);
  for (guint i = 0; i < rows; i++) {
    const guint depth = MIN (inputs[i].depth, ALITRA_MAX_DEPTH - 1);
    const float *of_level = t->level + (gsize) inputs[i].level * dim;
    const float *of_depth = t->depth + (gsize) depth * dim;
    float *to = x + (gsize) i * dim;

    fill_waves (&inputs[i], waves + i * 4 * ALITRA_WAVES);
    for (guint k = 0; k < dim; k++)
      to[k] += of_level[k] + of_depth[k];
  }
  alitra_matrix_multiply (&t->place, rows, waves, 4 * ALITRA_WAVES, x, dim,
      ALITRA_END_ADD);
}

/* Mean of what is left of a sequence, and from it the labels. */
static void
decide (gpointer data, guint sequence, guint worker)
{
  AlitraTransformerRoom *self = data;
  const AlitraTransformer *t = self->transformer;
  const guint first = self->starts[sequence];
  const guint dim = t->blocks.dim;
  const guint rows = self->starts[sequence + 1] - first;
  float *mean = self->normed + (gsize) worker * 2 * dim;
  float *normed = mean + dim;

  memset (mean, 0, dim * sizeof (float));
  for (guint i = 0; i < rows; i++) {
    alitra_layer_norm (1, dim, self->x + (gsize) (first + i) * dim, t->gain,
        t->bias, normed);
    for (guint k = 0; k < dim; k++)
      mean[k] += normed[k];
  }
  for (guint k = 0; rows > 0 && k < dim; k++)
    mean[k] /= rows;
  alitra_matrix_multiply (&t->head, 1, mean, dim, self->scores
      + (gsize) sequence * t->labels->len, t->labels->len, ALITRA_END_STORE);
}

void
alitra_transformer_run (AlitraTransformerRoom * self, guint sequences,
    const guint * starts, const AlitraTransformerInput * inputs,
    const float *looks, float *scores)
{
  self->rows = starts[sequences];
  self->starts = starts;
  self->inputs = inputs;
  self->looks = looks;
  self->scores = scores;
  self->x = alitra_blocks_room_get_rows (self->blocks, sequences, starts);
  alitra_workers_run (self->workers,
      (self->rows + ALITRA_TILE - 1) / ALITRA_TILE, embed, self);
  alitra_blocks_room_run (self->blocks, sequences, starts);
  alitra_workers_run (self->workers, sequences, decide, self);
}
