/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights of a generator, read from a file in which nothing is trusted. Its scores of tokens need the code vectors of the
 * tokenizer, so it is made for one. */
#include "generatormodel.h"

#include <math.h>
#include <string.h>

#include "labels.h"

#define FORMAT 1
#define COARSEST (ALITRA_LEVELS - 1)
#define MOST_TOKENS 4096

/* Tensors of one level: their names end with its number. */
static gboolean
take_level_matrix (AlitraGeneratorModel * self, AlitraMatrix * matrix,
    const char *name, guint level, gboolean bias, guint outputs, guint inputs,
    GError ** error)
{
  g_autofree char *prefix = g_strdup_printf ("%s.%u.", name, level);
  const AlitraPart part = { &self->weights, prefix, error };

  return alitra_part_take_matrix (&part, matrix, "weight",
      bias ? "bias" : NULL, outputs, inputs);
}

static const float *
take_level_rows (AlitraGeneratorModel * self, const char *name, guint level,
    guint rows, guint size, GError ** error)
{
  g_autofree char *prefix = g_strdup_printf ("%s.%u", name, level);
  const AlitraPart part = { &self->weights, prefix, error };

  return alitra_part_take (&part, "", 2, rows, size);
}

/* Four matrices in one tensor, quarter after quarter. */
static gboolean
take_above (AlitraGeneratorModel * self, guint level, GError ** error)
{
  g_autofree char *name = g_strdup_printf ("above.%u.", level);
  const AlitraPart part = { &self->weights, name, error };
  const guint dim = self->blocks.dim;
  const float *four =
      alitra_part_take (&part, "weight", 2, 4 * dim, self->vectors);

  for (guint i = 0; four && i < 4; i++)
    alitra_matrix_init (&self->level[level].above[i], dim, self->vectors,
        four + (gsize) i * dim * self->vectors, 1.f);
  return four != NULL;
}

/* The code vectors of a step, divided by the root of the mean of their squares. */
static void
get_codes (const AlitraStep * step, guint codes, guint narrow, float *out)
{
  double energy = 0;
  float factor;

  memcpy (out, step->codes, (gsize) codes * narrow * sizeof (float));
  for (gsize i = 0; i < (gsize) codes * narrow; i++)
    energy += out[i] * out[i];
  factor = energy > 0 ? 1 / sqrt (energy / ((double) codes * narrow)) : 1.f;
  for (gsize i = 0; i < (gsize) codes * narrow; i++)
    out[i] *= factor;
}

/* Each code's vector and its features, as the rows of a matrix. */
static void
make_scores (AlitraGeneratorModel * self, const AlitraMatrix * feature,
    const float *shift, const float *own, const float *codes, guint count,
    AlitraMatrix * scores)
{
  const guint narrow = self->narrow, size = narrow + self->features;
  g_autofree float *rows = g_new (float, (gsize) count * size);

  for (guint i = 0; i < count; i++) {
    float *row = rows + (gsize) i * size;

    memcpy (row, codes + (gsize) i * narrow, narrow * sizeof (float));
    memcpy (row + narrow, shift, self->features * sizeof (float));
    alitra_matrix_multiply (feature, 1, row, size, row + narrow, size,
        ALITRA_END_ADD);
    alitra_matrix_gelu (row + narrow, self->features);
  }
  alitra_matrix_init (scores, count, size, rows, 1.f);
  memcpy (scores->start, own, count * sizeof (float));
}

static gboolean
take_steps (AlitraGeneratorModel * self, AlitraModel * model, guint index,
    GError ** error)
{
  AlitraGeneratorLevel *level = &self->level[index];
  const guint depth = level->depth, codes = level->codes;
  AlitraMatrix feature = { 0 };
  const float *turn, *shift, *own;
  g_autofree float *vectors = g_new (float, (gsize) codes * self->narrow);

  turn = take_level_rows (self, "turn", index, depth, self->head, error);
  shift = turn ? take_level_rows (self, "shift", index, depth, self->features,
      error) : NULL;
  own = shift ? take_level_rows (self, "own", index, depth, codes, error) :
      NULL;
  if (!own || !take_level_matrix (self, &feature, "feature", index, FALSE,
          self->features, self->narrow, error))
    return FALSE;
  for (guint t = 0; t < depth; t++) {
    get_codes (&model->level[index].step[t], codes, self->narrow, vectors);
    make_scores (self, &feature, shift + (gsize) t * self->features,
        own + (gsize) t * codes, vectors, codes, &level->step[t].scores);
    level->step[t].turn = turn + (gsize) t *self->head;
  }
  alitra_matrix_clear (&feature);
  return TRUE;
}

static gboolean
take_level (AlitraGeneratorModel * self, AlitraModel * model, guint index,
    GError ** error)
{
  AlitraGeneratorLevel *level = &self->level[index];
  const guint dim = self->blocks.dim;

  level->whole = take_level_rows (self, "whole", index, level->depth + 1,
      self->head, error);
  return level->whole
      && take_level_matrix (self, &level->into, "into", index, TRUE, dim,
      self->vectors, error)
      && (index == COARSEST || take_above (self, index, error))
      && take_level_matrix (self, &level->deep, "deep", index, TRUE,
      level->depth + 1, dim, error)
      && take_level_matrix (self, &level->cell, "cell", index, TRUE,
      self->head, dim, error)
      && take_level_matrix (self, &level->held, "held", index, FALSE,
      self->head, self->vectors, error)
      && take_level_matrix (self, &level->ask, "ask", index, TRUE,
      self->narrow + self->features + 1, self->head, error)
      && take_steps (self, model, index, error);
}

static gboolean
take_inputs (AlitraGeneratorModel * self, GError ** error)
{
  const AlitraPart part = { &self->weights, "", error };
  const guint dim = self->blocks.dim;
  guint deepest = 0;

  for (guint i = 0; i < ALITRA_LEVELS; i++)
    deepest = MAX (deepest, self->level[i].depth);
  return (self->place =
      alitra_part_take (&part, "place", 2, ALITRA_TILE_CELLS, dim))
      && (self->state = alitra_part_take (&part, "state", 2, deepest + 2, dim))
      && (self->label =
      alitra_part_take (&part, "label", 2, self->labels->len + 1, dim))
      && (self->budget =
      alitra_part_take (&part, "budget.weight", 2, dim, ALITRA_BUDGET_NUMBERS))
      && alitra_part_take_norm (&part, "norm.weight", "norm.bias", dim,
      &self->gain, &self->bias);
}

static gboolean
read_settings (AlitraGeneratorModel * self, GError ** error)
{
  JsonObject *settings = self->weights.settings;
  guint format, size, depth[ALITRA_LEVELS], codes[ALITRA_LEVELS];

  if (!alitra_weights_read_counts (settings, "size", 1, ALITRA_TILE_SIZE,
          ALITRA_TILE_SIZE, &size, error)
      || !alitra_weights_read_counts (settings, "format", 1, FORMAT, FORMAT,
          &format, error)
      || !alitra_labels_read_model (settings, &self->model, error)
      || !alitra_weights_read_counts (settings, "vectors", 1, 8, 512,
          &self->vectors, error)
      || !alitra_weights_read_counts (settings, "narrow", 1, 1, 128,
          &self->narrow, error)
      || !alitra_weights_read_counts (settings, "features", 1, 1, 512,
          &self->features, error)
      || !alitra_weights_read_counts (settings, "head", 1, 8, 2048,
          &self->head, error)
      || !alitra_weights_read_counts (settings, "tokens", 2, 1, MOST_TOKENS,
          self->tokens, error)
      || !alitra_weights_read_counts (settings, "depth", ALITRA_LEVELS, 1,
          ALITRA_MAX_DEPTH, depth, error)
      || !alitra_weights_read_counts (settings, "codes", ALITRA_LEVELS, 1,
          65536, codes, error)
      || !alitra_blocks_read_settings (&self->blocks, settings, error)
      || !alitra_labels_read (settings, self->labels, error))
    return FALSE;
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    self->level[i].depth = depth[i];
    self->level[i].codes = codes[i];
  }
  if (self->tokens[0] > self->tokens[1]) {
    alitra_weights_invalid (error,
        "setting \"tokens\" should be the least and the most, got %u and %u",
        self->tokens[0], self->tokens[1]);
    return FALSE;
  }
  if (!alitra_weights_name_is_plain (alitra_weights_get_string (settings,
              "name"))) {
    alitra_weights_invalid (error,
        "setting \"name\" should be 1 to 64 letters, digits, dots, dashes or underscores");
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_fit (AlitraGeneratorModel * self, AlitraModel * model, GError ** error)
{
  gboolean fits = self->vectors == model->dim && self->narrow == model->narrow;

  if (self->model != alitra_model_get_number (model)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The generator %s makes tokens of the model with the number %08x, got %s: take the generator that was trained "
        "for this model, or train one (training/make_generator.sh)",
        self->id, self->model, alitra_model_get_id (model));
    return FALSE;
  }
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    fits &= self->level[i].depth == model->level[i].depth
        && self->level[i].codes == model->level[i].codes;
  if (!fits)
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The generator %s is for other depths, codes or vectors than model %s has: one of the two files is damaged",
        self->id, alitra_model_get_id (model));
  return fits;
}

AlitraGeneratorModel *
alitra_generator_model_load (GBytes * bytes, AlitraModel * model,
    GError ** error)
{
  AlitraGeneratorModel *self = g_new0 (AlitraGeneratorModel, 1);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gboolean fine;

  self->labels = g_ptr_array_new_with_free_func (g_free);
  fine = alitra_weights_load (&self->weights, data, size, error)
      && read_settings (self, error);
  if (fine)
    self->id = g_strdup_printf ("%s-%08x",
        alitra_weights_get_string (self->weights.settings, "name"),
        self->weights.number);
  fine = fine && check_fit (self, model, error) && take_inputs (self, error)
      && alitra_blocks_take (&self->blocks, &self->weights, error);
  for (guint i = 0; fine && i < ALITRA_LEVELS; i++)
    fine = take_level (self, model, i, error);
  if (fine)
    return self;
  alitra_generator_model_free (self);
  return NULL;
}

static void
level_clear (AlitraGeneratorLevel * level)
{
  alitra_matrix_clear (&level->into);
  for (guint i = 0; i < G_N_ELEMENTS (level->above); i++)
    alitra_matrix_clear (&level->above[i]);
  alitra_matrix_clear (&level->deep);
  alitra_matrix_clear (&level->cell);
  alitra_matrix_clear (&level->held);
  alitra_matrix_clear (&level->ask);
  for (guint i = 0; i < ALITRA_MAX_DEPTH; i++)
    alitra_matrix_clear (&level->step[i].scores);
}

void
alitra_generator_model_free (AlitraGeneratorModel * self)
{
  if (!self)
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    level_clear (&self->level[i]);
  alitra_blocks_clear (&self->blocks);
  g_ptr_array_unref (self->labels);
  alitra_weights_clear (&self->weights);
  g_free (self->id);
  g_free (self);
}
