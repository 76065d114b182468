/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the token memory of frames to labels: lists the cells that hold tokens, adds up their vectors, and lets the
 * transformer look at them. */
#include <alitra/classifier.h>

#include <alitra/tensor.h>
#include <math.h>
#include <string.h>

#include "attention.h"
#include "memory.h"
#include "transformer.h"

#define PATCH 16.f

struct _AlitraClassifier
{
  gint references;
  AlitraTransformer *transformer;
  AlitraTokenVectors *vectors;
  AlitraWorkers *workers;
  AlitraTransformerRoom *room;
  guint size;                   /* numbers of a vector */
  AlitraTokenTable table;       /* tokens of one frame */
  float *chunk;                 /* vectors of ALITRA_TILE tokens */
  GArray *inputs;               /* AlitraTransformerInput */
  GArray *starts;               /* guint */
  GArray *sums;                 /* gfloat, size for each input */
};

static gboolean
check_fit (AlitraTransformer * transformer, AlitraModel * model, guint size,
    GError ** error)
{
  if (transformer->model != alitra_model_get_number (model)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The classifier %s reads tokens of the model with the number %08x, got %s: take the classifier that was trained "
        "for this model, or train one (training/make_classifier.sh)",
        transformer->id, transformer->model, alitra_model_get_id (model));
    return FALSE;
  }
  if (transformer->vectors != size) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The classifier %s reads vectors of %u numbers, those of model %s have %u: one of the two files is damaged",
        transformer->id, transformer->vectors, alitra_model_get_id (model),
        size);
    return FALSE;
  }
  return TRUE;
}

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraClassifier, alitra_classifier, alitra_classifier_ref, alitra_classifier_unref)
/* *INDENT-ON* */

AlitraClassifier *
alitra_classifier_new (AlitraTransformer * transformer, AlitraModel * model,
    guint threads, GError ** error)
{
  AlitraTokenVectors *vectors;
  AlitraClassifier *self;

  g_return_val_if_fail (transformer && model, NULL);

  vectors = alitra_token_vectors_new (model);
  if (!check_fit (transformer, model, alitra_token_vectors_get_size (vectors),
          error)) {
    alitra_token_vectors_free (vectors);
    return NULL;
  }
  self = g_new0 (AlitraClassifier, 1);
  self->references = 1;
  self->transformer = alitra_transformer_ref (transformer);
  self->vectors = vectors;
  self->size = alitra_token_vectors_get_size (vectors);
  self->workers = alitra_workers_new (threads);
  self->room = alitra_transformer_room_new (transformer, self->workers);
  self->chunk = alitra_floats_new ((gsize) ALITRA_TILE * self->size);
  self->inputs = g_array_new (FALSE, FALSE, sizeof (AlitraTransformerInput));
  self->starts = g_array_new (FALSE, FALSE, sizeof (guint));
  self->sums = g_array_new (FALSE, FALSE, sizeof (gfloat));
  return self;
}

static void
table_clear (AlitraTokenTable * table)
{
  g_free (table->ids);
  g_free (table->levels);
  g_free (table->positions);
  g_free (table->depths);
  g_free (table->ages);
}

AlitraClassifier *
alitra_classifier_ref (AlitraClassifier * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

void
alitra_classifier_free (AlitraClassifier * self)
{
  alitra_classifier_unref (self);
}

void
alitra_classifier_unref (AlitraClassifier * self)
{
  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  alitra_transformer_room_free (self->room);
  alitra_workers_free (self->workers);
  alitra_transformer_unref (self->transformer);
  alitra_token_vectors_free (self->vectors);
  table_clear (&self->table);
  alitra_floats_free (self->chunk);
  g_array_unref (self->inputs);
  g_array_unref (self->starts);
  g_array_unref (self->sums);
  g_free (self);
}

static guint
list_tokens (AlitraTokenTable * table, const AlitraMemory * memory)
{
  const guint count = alitra_token_table_fill (table, memory,
      ALITRA_TOKENS_ALL);

  if (count <= table->capacity)
    return count;
  table->capacity = count;
  table->ids = g_renew (gint32, table->ids, count);
  table->levels = g_renew (guint8, table->levels, count);
  table->positions = g_renew (gint16, table->positions, 3 * (gsize) count);
  table->depths = g_renew (guint8, table->depths, count);
  table->ages = g_renew (gint32, table->ages, count);
  return alitra_token_table_fill (table, memory, ALITRA_TOKENS_ALL);
}

/* One input for each cell, up to `most`; returns how many tokens they hold. */
static guint
list_cells (AlitraClassifier * self, const AlitraMemory * memory,
    guint tokens, guint most)
{
  const AlitraTokenTable *table = &self->table;
  guint cells = 0, i;

  for (i = 0; i < tokens; i++) {
    const gint16 *place = table->positions + 3 * (gsize) i;
    AlitraTransformerInput input = { table->levels[i], 1,
      (place[0] + place[2] * .5f) * PATCH / memory->width,
      (place[1] + place[2] * .5f) * PATCH / memory->height
    };

    if (table->depths[i] > 0) {
      g_array_index (self->inputs, AlitraTransformerInput,
          self->inputs->len - 1).depth++;
      continue;
    }
    if (cells == most)
      break;
    cells++;
    g_array_append_val (self->inputs, input);
  }
  return i;
}

/* The vectors of the first `tokens` rows of the table, added up cell by cell. */
static void
add_vectors (AlitraClassifier * self, guint tokens)
{
  const AlitraTokenTable *table = &self->table;
  float *sum = NULL, *next;
  const gsize before = self->sums->len;

  g_array_set_size (self->sums, self->inputs->len * self->size);
  next = &g_array_index (self->sums, gfloat, before);
  for (guint first = 0; first < tokens; first += ALITRA_TILE) {
    const guint count = MIN (tokens - first, ALITRA_TILE);
    const AlitraTokenTable part = { count, table->ids + first,
      table->levels + first, table->positions + 3 * (gsize) first,
      table->depths + first, table->ages + first
    };

    alitra_token_vectors_fill (self->vectors, &part, count, self->chunk);
    for (guint i = 0; i < count; i++) {
      const float *vector = self->chunk + (gsize) i * self->size;

      if (part.depths[i] == 0) {
        sum = next;
        next += self->size;
        memcpy (sum, vector, self->size * sizeof (float));
        continue;
      }
      for (guint k = 0; k < self->size; k++)
        sum[k] += vector[k];
    }
  }
}

static void
add_frame (AlitraClassifier * self, const AlitraMemory * memory,
    guint max_cells)
{
  const guint tokens = list_tokens (&self->table, memory);

  if (tokens > 0)
    add_vectors (self, list_cells (self, memory, tokens,
            max_cells ? max_cells : G_MAXUINT));
  g_array_append_val (self->starts, self->inputs->len);
}

gboolean
alitra_classifier_run (AlitraClassifier * self,
    const AlitraMemory * const *memories, guint count, guint max_cells,
    gfloat * scores, GError ** error)
{
  const guint labels = self->transformer->labels->len, zero = 0;
  gboolean fine = TRUE;

  g_return_val_if_fail (self && memories && count > 0 && scores, FALSE);

  g_array_set_size (self->inputs, 0);
  g_array_set_size (self->sums, 0);
  g_array_set_size (self->starts, 0);
  g_array_append_val (self->starts, zero);
  for (guint i = 0; i < count; i++)
    add_frame (self, memories[i], max_cells);
  alitra_transformer_run (self->room, count, (guint *) self->starts->data,
      (AlitraTransformerInput *) self->inputs->data,
      (float *) self->sums->data, scores);
  for (guint i = 0; i < count; i++) {
    const guint *starts = &g_array_index (self->starts, guint, i);

    if (starts[0] == starts[1])
      memset (scores + (gsize) i * labels, 0, labels * sizeof (float));
    fine &= isfinite (alitra_softmax (scores + (gsize) i * labels, labels));
  }
  if (!fine)
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID,
        "The numbers of the classifier %s overflow: its file is damaged",
        self->transformer->id);
  return fine;
}

gfloat *
alitra_classifier_run_one (AlitraClassifier * self,
    const AlitraMemory * memory, guint max_cells, guint * count,
    GError ** error)
{
  gfloat *scores;

  g_return_val_if_fail (self && memory && count, NULL);

  *count = self->transformer->labels->len;
  scores = g_new (gfloat, *count);
  if (alitra_classifier_run (self, &memory, 1, max_cells, scores, error))
    return scores;
  *count = 0;
  g_free (scores);
  return NULL;
}
