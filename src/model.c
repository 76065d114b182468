/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tokenizer's weights, packed for the loops. */
#include "model.h"

#include <string.h>

#define DEFAULT_FILE "alitra-base.safetensors"
#define FORMAT 1
#define MAX_CODES 65000

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraModel, alitra_model, alitra_model_ref, alitra_model_unref)
/* *INDENT-ON* */

gboolean
alitra_model_has_tensor (AlitraModel * model, const gchar * name)
{
  return alitra_weights_has_tensor (&model->weights, name);
}

const float *
alitra_model_get_tensor (AlitraModel * model, const gchar * name, guint rank,
    const guint * size, GError ** error)
{
  return alitra_weights_get_tensor (&model->weights, name, rank, size, error);
}

/* A matrix, packed for the loops. `prefix` and `name` together are the tensor's. */
static gboolean
take_matrix (AlitraModel * model, AlitraMatrix * matrix, const char *prefix,
    const char *name, guint outputs, guint inputs, float factor,
    GError ** error)
{
  const guint size[2] = { outputs, inputs };
  g_autofree char *whole = g_strconcat (prefix, name, NULL);
  const float *data = alitra_model_get_tensor (model, whole, 2, size, error);

  if (!data)
    return FALSE;
  alitra_matrix_init (matrix, outputs, inputs, data, factor);
  alitra_weights_forget (&model->weights, whole);
  return TRUE;
}

static gboolean
take_mix (AlitraModel * model, AlitraMix * mix, const char *prefix,
    GError ** error)
{
  const guint size[2] = { 9, model->dim };
  g_autofree char *spread = g_strconcat (prefix, "spread", NULL);

  mix->spread = alitra_model_get_tensor (model, spread, 2, size, error);
  return mix->spread
      && take_matrix (model, &mix->grow, prefix, "grow.weight", model->hidden,
      model->dim, 1, error)
      && take_matrix (model, &mix->shrink, prefix, "shrink.weight", model->dim,
      model->hidden, 1, error);
}

/* Files without centres are searched from end to end. */
static gboolean
take_centres (AlitraModel * model, AlitraStep * step, const char *prefix,
    GError ** error)
{
  const guint size[2] = { step->search.panels, model->narrow };
  g_autofree char *name = g_strconcat (prefix, "centres", NULL);
  const float *data;

  if (!alitra_model_has_tensor (model, name))
    return TRUE;
  if (step->search.panels > ALITRA_MAX_CENTRES) {
    alitra_weights_invalid (error,
        "%s should be for at most %u panels of %u codes, got %u panels", name,
        ALITRA_MAX_CENTRES, ALITRA_PANEL, step->search.panels);
    return FALSE;
  }
  data = alitra_model_get_tensor (model, name, 2, size, error);
  if (!data)
    return FALSE;
  alitra_centres_init (&step->centres, size[0], model->narrow, data);
  alitra_weights_forget (&model->weights, name);
  return TRUE;
}

/* Files without tables have codes that are all as likely as each other. */
static gboolean
take_id_table (AlitraModel * model, AlitraStep * step, const char *prefix,
    guint codes, GError ** error)
{
  const guint rows[2] = { ALITRA_ID_ROWS, ALITRA_ID_CLASSES };
  g_autofree char *name = g_strconcat (prefix, "classes", NULL);
  g_autofree char *weights = g_strconcat (prefix, "weights", NULL);
  const float *row, *weight;

  if (!alitra_model_has_tensor (model, name))
    return TRUE;
  row = alitra_model_get_tensor (model, name, 2, rows, error);
  weight = row ? alitra_model_get_tensor (model, weights, 1, &codes, error)
      : NULL;
  if (!weight)
    return FALSE;
  step->ids = alitra_id_table_new (codes, row, weight);
  if (!step->ids) {
    alitra_weights_invalid (error,
        "%s should be whole numbers from -128 to 127, and %s from 1 to %u",
        name, weights, ALITRA_ID_MOST_WEIGHT);
    return FALSE;
  }
  alitra_weights_forget (&model->weights, name);
  alitra_weights_forget (&model->weights, weights);
  return TRUE;
}

static gboolean
take_step (AlitraModel * model, const AlitraModelLevel * level,
    AlitraStep * step, const char *prefix, GError ** error)
{
  const guint codes = level->codes, size[2] = { codes, model->narrow };
  g_autofree char *name = g_strconcat (prefix, "codes", NULL);

  step->codes = alitra_model_get_tensor (model, name, 2, size, error);
  if (!step->codes)
    return FALSE;
  alitra_matrix_init_codes (&step->search, codes, model->narrow, step->codes);
  if (!take_centres (model, step, prefix, error)
      || !take_id_table (model, step, prefix, codes, error)
      || !take_matrix (model, &step->into, prefix, "into", model->narrow,
          model->dim, 1, error)
      || !take_matrix (model, &step->back, prefix, "back", model->dim,
          model->narrow, 1, error))
    return FALSE;
  /* those of all steps take turns in the caches, often for few cells */
  if (alitra_step_has_panels (level, step))
    alitra_matrix_halve (&step->search);
  alitra_matrix_halve (&step->into);
  alitra_matrix_halve (&step->back);
  return TRUE;
}

static gboolean
take_level (AlitraModel * model, guint index, GError ** error)
{
  AlitraModelLevel *level = &model->level[index];
  g_autofree char *prefix = g_strdup_printf ("levels.%u.", index);

  if (!take_matrix (model, &level->embed, prefix, "embed.weight", model->dim,
          ALITRA_CELL_SAMPLES, model->scale, error)
      || !take_matrix (model, &level->paint, prefix, "paint.weight",
          ALITRA_WINDOW_SAMPLES, model->dim, 1 / model->scale, error))
    return FALSE;
  for (guint i = 0; i < level->depth; i++) {
    g_autofree char *step = g_strdup_printf ("%ssteps.%u.", prefix, i);

    if (!take_step (model, level, &level->step[i], step, error))
      return FALSE;
  }
  for (guint i = 0; i < level->blocks; i++) {
    g_autofree char *mix = g_strdup_printf ("%ssynthesis.%u.", prefix, i);

    if (!take_mix (model, &level->synthesis[i], mix, error))
      return FALSE;
  }
  return TRUE;
}

/* --- the file --------------------------------------------------------------------------------------------------- */

static gboolean
read_settings (AlitraModel * model, GError ** error)
{
  JsonObject *settings = model->weights.settings;
  guint format, cell, margin, depth[ALITRA_LEVELS], codes[ALITRA_LEVELS],
      blocks[ALITRA_LEVELS], probes[ALITRA_LEVELS] = { 0 };
  double scale, gain[2];

  if (!alitra_weights_read_counts (settings, "format", 1, FORMAT, FORMAT,
          &format, error)
      || !alitra_weights_read_counts (settings, "cell", 1, ALITRA_CELL,
          ALITRA_CELL, &cell, error)
      || !alitra_weights_read_counts (settings, "margin", 1, ALITRA_MARGIN,
          ALITRA_MARGIN, &margin, error)
      || !alitra_weights_read_counts (settings, "dim", 1, 8, 512, &model->dim,
          error)
      || !alitra_weights_read_counts (settings, "narrow", 1, 1,
          ALITRA_MAX_SEARCHED, &model->narrow, error)
      || !alitra_weights_read_counts (settings, "hidden", 1, 1, 2048,
          &model->hidden, error)
      || !alitra_weights_read_counts (settings, "depth", ALITRA_LEVELS, 1,
          ALITRA_MAX_DEPTH, depth, error)
      || !alitra_weights_read_counts (settings, "codes", ALITRA_LEVELS, 2,
          MAX_CODES, codes, error)
      || !alitra_weights_read_counts (settings, "blocks", ALITRA_LEVELS, 1,
          ALITRA_MAX_BLOCKS, blocks, error)
      || !alitra_weights_read_numbers (settings, "scale", 1, 1e-3, 1e3, &scale,
          error)
      || !alitra_weights_read_numbers (settings, "chroma_gain", 2, 1e-3, 1e3,
          gain, error)
      || (json_object_has_member (settings, "probes")
          && !alitra_weights_read_counts (settings, "probes", ALITRA_LEVELS, 1,
              MAX_CODES, probes, error)))
    return FALSE;
  if (!alitra_weights_name_is_plain (alitra_weights_get_string (settings,
              "name"))) {
    alitra_weights_invalid (error,
        "setting \"name\" should be 1 to 64 letters, digits, dots, dashes or underscores");
    return FALSE;
  }
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    model->level[i].depth = depth[i];
    model->level[i].codes = codes[i];
    model->level[i].blocks = blocks[i];
    model->level[i].probes = probes[i];
  }
  model->scale = scale;
  model->chroma_gain[0] = gain[0];
  model->chroma_gain[1] = gain[1];
  return TRUE;
}

AlitraModel *
alitra_model_load_bytes (GBytes * bytes, GError ** error)
{
  g_autoptr (AlitraModel) model = NULL;
  const guint8 *data;
  gboolean fine;
  gsize size;

  g_return_val_if_fail (bytes, NULL);

  data = g_bytes_get_data (bytes, &size);
  model = g_new0 (AlitraModel, 1);
  model->references = 1;
  fine = alitra_weights_load (&model->weights, data, size, error)
      && read_settings (model, error);
  for (guint i = 0; fine && i < ALITRA_LEVELS; i++)
    fine = take_level (model, i, error);
  if (!fine)
    return NULL;
  model->number = model->weights.number;
  model->id =
      g_strdup_printf ("%s-%08x",
      alitra_weights_get_string (model->weights.settings, "name"),
      model->number);
  return g_steal_pointer (&model);
}

AlitraModel *
alitra_model_load (const gchar * path, GError ** error)
{
  g_autofree char *file = NULL;
  g_autoptr (GBytes) bytes =
      alitra_weights_read_file (path, DEFAULT_FILE, &file, error);
  AlitraModel *model = bytes ? alitra_model_load_bytes (bytes, error) : NULL;

  if (bytes && !model)
    g_prefix_error (error, "%s: ", file);
  if (model)
    model->path = g_steal_pointer (&file);
  return model;
}

/* --- the object ------------------------------------------------------------------------------------------------- */

static void
mix_clear (AlitraMix * mix)
{
  alitra_matrix_clear (&mix->grow);
  alitra_matrix_clear (&mix->shrink);
}

static void
level_clear (AlitraModelLevel * level)
{
  alitra_matrix_clear (&level->embed);
  alitra_matrix_clear (&level->paint);
  for (guint i = 0; i < G_N_ELEMENTS (level->synthesis); i++)
    mix_clear (&level->synthesis[i]);
  for (guint i = 0; i < G_N_ELEMENTS (level->step); i++) {
    alitra_matrix_clear (&level->step[i].into);
    alitra_matrix_clear (&level->step[i].back);
    alitra_matrix_clear (&level->step[i].search);
    alitra_centres_clear (&level->step[i].centres);
    alitra_id_table_free (level->step[i].ids);
  }
}

AlitraModel *
alitra_model_ref (AlitraModel * model)
{
  g_return_val_if_fail (model, NULL);
  g_atomic_int_inc (&model->references);
  return model;
}

void
alitra_model_unref (AlitraModel * model)
{
  if (!model || !g_atomic_int_dec_and_test (&model->references))
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    level_clear (&model->level[i]);
  alitra_weights_clear (&model->weights);
  g_free (model->id);
  g_free (model->path);
  g_free (model);
}

const gchar *
alitra_model_get_id (AlitraModel * model)
{
  g_return_val_if_fail (model, NULL);
  return model->id;
}

const gchar *
alitra_model_get_path (AlitraModel * model)
{
  g_return_val_if_fail (model, NULL);
  return model->path;
}

guint32
alitra_model_get_number (AlitraModel * model)
{
  g_return_val_if_fail (model, 0);
  return model->number;
}

guint
alitra_model_get_max_depth (AlitraModel * model, guint level)
{
  g_return_val_if_fail (model && level < ALITRA_LEVELS, 0);
  return model->level[level].depth;
}

guint
alitra_model_get_codes (AlitraModel * model, guint level)
{
  g_return_val_if_fail (model && level < ALITRA_LEVELS, 0);
  return model->level[level].codes;
}
