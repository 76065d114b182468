/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_MODEL_H
#define ALITRA_MODEL_H

#include <alitra/error.h>
#include <alitra/frame.h>

G_BEGIN_DECLS

/**
 * AlitraModel:
 *
 * Trained weights, read only after loading: one model may serve any number of tokenizers and detokenizers in any
 * number of threads. Reference counted; references too may be taken and dropped in any thread.
 */
typedef struct _AlitraModel AlitraModel;

#define ALITRA_TYPE_MODEL (alitra_model_get_type ())
ALITRA_API GType alitra_model_get_type (void);

/**
 * alitra_model_load: (constructor)
 * @path: (nullable): a .safetensors file; %NULL or "": the installed default, looked for in the environment variable
 *   ALITRA_MODEL_PATH (folders, separated as in PATH), then in the installed data folder
 * @error: return location for a #GError, or %NULL
 *
 * Reads a model from a file.
 *
 * Errors: %ALITRA_ERROR_MODEL_NOT_FOUND when there is no such file or it cannot be read, %ALITRA_ERROR_MODEL_INVALID
 * when it is damaged, foreign or of another version.
 *
 * Returns: (transfer full): the model; drop it with alitra_model_unref(); %NULL with @error set
 */
ALITRA_API AlitraModel *alitra_model_load (const gchar * path, GError ** error);

/**
 * alitra_model_load_bytes: (constructor)
 * @bytes: the contents of a .safetensors file; they may be freed afterwards
 * @error: return location for a #GError, or %NULL
 *
 * Reads a model from memory.
 *
 * Errors: %ALITRA_ERROR_MODEL_INVALID when the bytes are damaged, foreign or of another version.
 *
 * Returns: (transfer full): the model; drop it with alitra_model_unref(); %NULL with @error set
 */
ALITRA_API AlitraModel *alitra_model_load_bytes (GBytes * bytes, GError ** error);

/**
 * alitra_model_ref:
 * @model: a model
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @model; drop it with alitra_model_unref()
 */
ALITRA_API AlitraModel *alitra_model_ref (AlitraModel * model);

/**
 * alitra_model_unref:
 * @model: (transfer full) (nullable): a model, or %NULL
 *
 * Drops a reference; the last one frees the model.
 */
ALITRA_API void alitra_model_unref (AlitraModel * model);

/**
 * alitra_model_get_id:
 * @model: a model
 *
 * Asks how the model is called.
 *
 * Returns: (transfer none): the name that caps and errors use, for instance "alitra-base-1-1f3a09c2": the name in the
 *   file, and the number of alitra_model_get_number() in hexadecimal
 */
ALITRA_API const gchar *alitra_model_get_id (AlitraModel * model);

/**
 * alitra_model_get_path:
 * @model: a model
 *
 * Asks where the model came from.
 *
 * Returns: (transfer none) (nullable): the file that it was loaded from, for messages; %NULL if it came from bytes
 */
ALITRA_API const gchar *alitra_model_get_path (AlitraModel * model);

/**
 * alitra_model_get_number:
 * @model: a model
 *
 * Asks for the number by which packets know the model.
 *
 * Returns: first 32 bits of the SHA-256 of the whole file; every packet carries it
 */
ALITRA_API guint32 alitra_model_get_number (AlitraModel * model);

/**
 * alitra_model_get_max_depth:
 * @model: a model
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 *
 * Asks how deep cells can be.
 *
 * Returns: tokens that a cell of the level may hold
 */
ALITRA_API guint alitra_model_get_max_depth (AlitraModel * model, guint level);

/**
 * alitra_model_get_codes:
 * @model: a model
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 *
 * Asks how many learned codes there are.
 *
 * Returns: learned codes of each step of the level; token ids below this number are learned codes, ids from it on are
 *   the flat colours (level 2) or the smooth token (levels 0 and 1) of docs/model.md
 */
ALITRA_API guint alitra_model_get_codes (AlitraModel * model, guint level);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraModel, alitra_model_unref)

G_END_DECLS

#endif
