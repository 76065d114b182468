/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/tensor.h>

#include <string.h>

#include "flat.h"
#include "floats.h"
#include "model.h"

#define COARSEST (ALITRA_LEVELS - 1)
#define LUMA_SAMPLES (ALITRA_CELL * ALITRA_CELL)
#define CHROMA_SAMPLES (LUMA_SAMPLES / 4)

struct _AlitraTokenVectors
{
  gint references;
  AlitraModel *model;
  AlitraVocabulary vocabulary;
  float *plain;                 /* latents of a plain cell of the coarsest level that is 1 in luma, in Cb, in Cr */
};

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraTokenVectors, alitra_token_vectors, alitra_token_vectors_ref, alitra_token_vectors_unref)
/* *INDENT-ON* */

static void
make_plain (AlitraTokenVectors * self)
{
  static const guint first[] =
      { 0, LUMA_SAMPLES, LUMA_SAMPLES + CHROMA_SAMPLES, ALITRA_CELL_SAMPLES };
  const AlitraModel *model = self->model;
  float samples[3 * ALITRA_CELL_SAMPLES] = { 0 };

  for (guint c = 0; c < 3; c++)
    for (guint i = first[c]; i < first[c + 1]; i++)
      samples[c * ALITRA_CELL_SAMPLES + i] =
          c == 0 ? 1.f : model->chroma_gain[c - 1];
  self->plain = alitra_floats_new (3 * (gsize) model->dim);
  alitra_matrix_multiply (&model->level[COARSEST].embed, 3, samples,
      ALITRA_CELL_SAMPLES, self->plain, model->dim, ALITRA_END_STORE);
}

AlitraTokenVectors *
alitra_token_vectors_new (AlitraModel * model)
{
  AlitraTokenVectors *self;

  g_return_val_if_fail (model, NULL);

  self = g_new0 (AlitraTokenVectors, 1);
  self->references = 1;
  self->model = alitra_model_ref (model);
  alitra_flat_get_vocabulary (model, &self->vocabulary);
  make_plain (self);
  return self;
}

AlitraTokenVectors *
alitra_token_vectors_ref (AlitraTokenVectors * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

void
alitra_token_vectors_free (AlitraTokenVectors * self)
{
  alitra_token_vectors_unref (self);
}

void
alitra_token_vectors_unref (AlitraTokenVectors * self)
{
  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  alitra_floats_free (self->plain);
  alitra_model_unref (self->model);
  g_free (self);
}

guint
alitra_token_vectors_get_size (const AlitraTokenVectors * self)
{
  g_return_val_if_fail (self, 0);
  return self->model->dim;
}

static void
add_colour (const AlitraTokenVectors * self, const gfloat colour[3],
    gfloat factor, gfloat * out)
{
  const guint dim = self->model->dim;

  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < dim; i++)
      out[i] += factor * colour[c] * self->plain[c * dim + i];
}

/* `number` counts the ids behind the learned codes of the coarsest level. */
static void
flat_vector (const AlitraTokenVectors * self, guint number, gfloat * out)
{
  const guint coarse = self->vocabulary.flat_coarse;
  gfloat colour[3], middle[3];

  if (number < coarse) {
    alitra_flat_colour (number, -1, colour);
    add_colour (self, colour, 1.f, out);
  } else if (number < coarse + self->vocabulary.flat_fine) {
    /* A fine token moves every coarse colour by the same. */
    alitra_flat_colour (0, number - coarse, colour);
    alitra_flat_colour (0, -1, middle);
    add_colour (self, colour, 1.f, out);
    add_colour (self, middle, -1.f, out);
  }
}

/* NULL: the id of that row of the table is no learned code. */
static const gfloat *
code_of (const AlitraTokenVectors * self, const AlitraTokenTable * table,
    guint row)
{
  const AlitraModel *model = self->model;
  const AlitraModelLevel *level = &model->level[table->levels[row]];
  const guint id = table->ids[row], depth = table->depths[row];

  return id < level->codes && depth < level->depth ?
      level->step[depth].codes + (gsize) id *model->narrow : NULL;
}

/* Codes lie far apart, in no cache: all are asked for before the first is read. */
static void
ask_for_codes (const AlitraTokenVectors * self, const AlitraTokenTable * table,
    guint count)
{
  for (guint i = 0; i < count; i++) {
    const gfloat *code = code_of (self, table, i);

    if (code) {
      __builtin_prefetch (code);
      __builtin_prefetch (code + self->model->narrow - 1);
    }
  }
}

void
alitra_token_vectors_fill (const AlitraTokenVectors * self,
    const AlitraTokenTable * table, guint count, gfloat * out)
{
  const AlitraModel *model;

  g_return_if_fail (self && table && out && count <= table->capacity);
  for (guint i = 0; i < count; i++)
    g_return_if_fail (table->levels[i] < ALITRA_LEVELS);
  model = self->model;

  ask_for_codes (self, table, count);
  for (guint i = 0; i < count; i++, out += model->dim) {
    const AlitraModelLevel *level = &model->level[table->levels[i]];
    const gfloat *code = code_of (self, table, i);
    const guint id = table->ids[i];

    if (code) {
      alitra_matrix_multiply (&level->step[table->depths[i]].back, 1, code,
          model->narrow, out, model->dim, ALITRA_END_STORE);
      continue;
    }
    memset (out, 0, model->dim * sizeof (gfloat));
    if (id >= level->codes && table->levels[i] == COARSEST)
      flat_vector (self, id - level->codes, out);
  }
}
