/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights of a transformer, read from a file in which nothing is trusted. */
#include "transformer.h"

#include "labels.h"

#define DEFAULT_FILE "alitra-classify.safetensors"
#define FORMAT 2

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraTransformer, alitra_transformer, alitra_transformer_ref, alitra_transformer_unref)
/* *INDENT-ON* */

static gboolean
take_looks (AlitraTransformer * self, GError ** error)
{
  const AlitraPart part = { &self->weights, "", error };

  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    g_autofree char *name = g_strdup_printf ("own.%u", i);

    if (!alitra_part_take_matrix (&part, &self->own[i], name, NULL,
            self->vectors, self->vectors))
      return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (self->quarters); i++) {
    g_autofree char *name = g_strdup_printf ("quarters.%u", i);

    if (!alitra_part_take_matrix (&part, &self->quarters[i], name, NULL,
            self->vectors, self->vectors))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_ends (AlitraTransformer * self, GError ** error)
{
  const AlitraPart part = { &self->weights, "", error };
  const guint dim = self->blocks.dim;

  self->level = alitra_part_take (&part, "level", 2, ALITRA_LEVELS, dim);
  self->depth = self->level
      ? alitra_part_take (&part, "depth", 2, ALITRA_MAX_DEPTH, dim) : NULL;
  return self->depth
      && alitra_part_take_matrix (&part, &self->into, "into.weight",
      "into.bias", dim, self->vectors)
      && alitra_part_take_matrix (&part, &self->place, "place.weight", NULL,
      dim, 4 * ALITRA_WAVES)
      && alitra_part_take_norm (&part, "norm.weight", "norm.bias", dim,
      &self->gain, &self->bias)
      && alitra_part_take_matrix (&part, &self->head, "head.weight",
      "head.bias", self->labels->len, dim);
}

static gboolean
read_settings (AlitraTransformer * self, GError ** error)
{
  JsonObject *settings = self->weights.settings;
  guint format, waves;

  if (!alitra_labels_read_model (settings, &self->model, error)
      || !alitra_weights_read_counts (settings, "format", 1, FORMAT, FORMAT,
          &format, error)
      || !alitra_weights_read_counts (settings, "vectors", 1, 8, 512,
          &self->vectors, error)
      || !alitra_weights_read_counts (settings, "waves", 1, ALITRA_WAVES,
          ALITRA_WAVES, &waves, error)
      || !alitra_blocks_read_settings (&self->blocks, settings, error)
      || !alitra_labels_read (settings, self->labels, error))
    return FALSE;
  if (!alitra_weights_name_is_plain (alitra_weights_get_string (settings,
              "name"))) {
    alitra_weights_invalid (error,
        "setting \"name\" should be 1 to 64 letters, digits, dots, dashes or underscores");
    return FALSE;
  }
  return TRUE;
}

AlitraTransformer *
alitra_transformer_load_bytes (GBytes * bytes, GError ** error)
{
  g_autoptr (AlitraTransformer) self = NULL;
  gsize size;
  const guint8 *data;

  g_return_val_if_fail (bytes, NULL);

  data = g_bytes_get_data (bytes, &size);
  self = g_new0 (AlitraTransformer, 1);
  self->references = 1;
  self->labels = g_ptr_array_new_with_free_func (g_free);
  if (!alitra_weights_load (&self->weights, data, size, error)
      || !read_settings (self, error))
    return NULL;
  if (!take_looks (self, error) || !take_ends (self, error)
      || !alitra_blocks_take (&self->blocks, &self->weights, error))
    return NULL;
  self->id = g_strdup_printf ("%s-%08x",
      alitra_weights_get_string (self->weights.settings, "name"),
      self->weights.number);
  return g_steal_pointer (&self);
}

AlitraTransformer *
alitra_transformer_load (const gchar * path, GError ** error)
{
  g_autofree char *file = NULL;
  g_autoptr (GBytes) bytes =
      alitra_weights_read_file (path, DEFAULT_FILE, &file, error);
  AlitraTransformer *self =
      bytes ? alitra_transformer_load_bytes (bytes, error) : NULL;

  if (bytes && !self)
    g_prefix_error (error, "%s: ", file);
  return self;
}

AlitraTransformer *
alitra_transformer_ref (AlitraTransformer * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

void
alitra_transformer_unref (AlitraTransformer * self)
{
  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    alitra_matrix_clear (&self->own[i]);
  for (guint i = 0; i < G_N_ELEMENTS (self->quarters); i++)
    alitra_matrix_clear (&self->quarters[i]);
  alitra_matrix_clear (&self->into);
  alitra_matrix_clear (&self->place);
  alitra_matrix_clear (&self->head);
  alitra_blocks_clear (&self->blocks);
  g_ptr_array_unref (self->labels);
  alitra_weights_clear (&self->weights);
  g_free (self->id);
  g_free (self);
}

const gchar *
alitra_transformer_get_id (AlitraTransformer * self)
{
  g_return_val_if_fail (self, NULL);
  return self->id;
}

guint32
alitra_transformer_get_model (AlitraTransformer * self)
{
  g_return_val_if_fail (self, 0);
  return self->model;
}

guint
alitra_transformer_get_count (AlitraTransformer * self)
{
  g_return_val_if_fail (self, 0);
  return self->labels->len;
}

const gchar *
alitra_transformer_get_label (AlitraTransformer * self, guint index)
{
  g_return_val_if_fail (self && index < self->labels->len, NULL);
  return g_ptr_array_index (self->labels, index);
}
