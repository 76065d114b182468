/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_WEIGHTS_H
#define ALITRA_SRC_WEIGHTS_H

#include <alitra/error.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A tensor of the file, as floats. */
typedef struct
{
  guint rank;
  guint size[4];                /* of each dimension; 1 beyond the rank */
  float *data;
} AlitraTensor;

/* What a file of weights holds: for the tokenizer (model.c) or for a transformer (transformer.c). */
typedef struct
{
  GHashTable *tensors;          /* name -> AlitraTensor */
  JsonObject *settings;         /* the "alitra" object of the file's metadata */
  guint32 number;               /* first 32 bits of the SHA-256 of the whole file */
} AlitraWeights;

/* Reads `size` bytes of a .safetensors file; on ALITRA_ERROR_MODEL_INVALID nothing is left to clear. */
gboolean alitra_weights_load (AlitraWeights * weights, const guint8 * data, gsize size, GError ** error);
void alitra_weights_clear (AlitraWeights * weights);

/* The bytes of the file at `path`, or if that is NULL or empty of the file `standard` in the folders of
 * ALITRA_MODEL_PATH or in the installed data folder; `used` is the path that was taken. */
GBytes *alitra_weights_read_file (const char *path, const char *standard, char **used, GError ** error);

/* A tensor of exactly this shape (size[] of `rank` numbers), or NULL and ALITRA_ERROR_MODEL_INVALID. */
const float *alitra_weights_get_tensor (AlitraWeights * weights, const gchar * name, guint rank, const guint * size,
    GError ** error);
gboolean alitra_weights_has_tensor (AlitraWeights * weights, const gchar * name);
/* Frees a tensor that has been packed for the loops and is not read again. */
void alitra_weights_forget (AlitraWeights * weights, const gchar * name);

/* Settings: `count` (at most 8) numbers low..high, of a list, or for count 1 a number by itself. */
gboolean alitra_weights_read_numbers (JsonObject * object, const char *name, guint count, double low, double high,
    double *values, GError ** error);
/* The same for whole numbers. */
gboolean alitra_weights_read_counts (JsonObject * object, const char *name, guint count, guint low, guint high,
    guint * values, GError ** error);
/* NULL: there is no such string. */
const char *alitra_weights_get_string (JsonObject * object, const char *name);
/* 1 to 64 letters, digits, dots, dashes and underscores: fit for caps. */
gboolean alitra_weights_name_is_plain (const char *name);

/* Sets ALITRA_ERROR_MODEL_INVALID with what is wrong, and what to do. */
void alitra_weights_invalid (GError ** error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS

#endif
