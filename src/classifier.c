/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the token memory of frames to labels: the transformer sees what the cells look like. */
#include <alitra/classifier.h>

#include <math.h>
#include <string.h>

#include "looks.h"
#include "matrix.h"
#include "model.h"
#include "transformer.h"

struct _AlitraClassifier
{
  gint references;
  AlitraTransformer *transformer;
  AlitraLooks *looks;
  AlitraWorkers *workers;
  AlitraTransformerRoom *room;
  GArray *inputs;               /* AlitraTransformerInput */
  GArray *starts;               /* guint */
  GArray *vectors;              /* gfloat, those of the transformer for each input */
};

static gboolean
check_fit (AlitraTransformer * transformer, AlitraModel * model,
    GError ** error)
{
  if (transformer->model != alitra_model_get_number (model)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The classifier %s reads tokens of the model with the number %08x, got %s: take the classifier that was trained "
        "for this model, or train one (training/make_classifier.sh)",
        transformer->id, transformer->model, alitra_model_get_id (model));
    return FALSE;
  }
  if (transformer->vectors != model->dim) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The classifier %s reads vectors of %u numbers, those of model %s have %u: one of the two files is damaged",
        transformer->id, transformer->vectors, alitra_model_get_id (model),
        model->dim);
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
  AlitraClassifier *self;

  g_return_val_if_fail (transformer && model, NULL);

  if (!check_fit (transformer, model, error))
    return NULL;
  self = g_new0 (AlitraClassifier, 1);
  self->references = 1;
  self->transformer = alitra_transformer_ref (transformer);
  self->looks = alitra_looks_new (transformer, model);
  self->workers = alitra_workers_new (threads);
  self->room = alitra_transformer_room_new (transformer, self->workers);
  self->inputs = g_array_new (FALSE, FALSE, sizeof (AlitraTransformerInput));
  self->starts = g_array_new (FALSE, FALSE, sizeof (guint));
  self->vectors = g_array_new (FALSE, FALSE, sizeof (gfloat));
  return self;
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
  alitra_looks_free (self->looks);
  g_array_unref (self->inputs);
  g_array_unref (self->starts);
  g_array_unref (self->vectors);
  g_free (self);
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
  g_array_set_size (self->vectors, 0);
  g_array_set_size (self->starts, 0);
  g_array_append_val (self->starts, zero);
  for (guint i = 0; i < count; i++) {
    alitra_looks_add (self->looks, memories[i],
        max_cells ? max_cells : G_MAXUINT, self->inputs, self->vectors);
    g_array_append_val (self->starts, self->inputs->len);
  }
  alitra_transformer_run (self->room, count, (guint *) self->starts->data,
      (AlitraTransformerInput *) self->inputs->data,
      (float *) self->vectors->data, scores);
  for (guint i = 0; i < count; i++) {
    const guint *starts = &g_array_index (self->starts, guint, i);

    if (starts[0] == starts[1])
      memset (scores + (gsize) i * labels, 0, labels * sizeof (float));
    fine &=
        isfinite (alitra_matrix_softmax (scores + (gsize) i * labels, labels));
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
