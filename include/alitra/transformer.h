/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TRANSFORMER_H
#define ALITRA_TRANSFORMER_H

#include <alitra/error.h>
#include <alitra/frame.h>

G_BEGIN_DECLS

/**
 * AlitraTransformer:
 *
 * Trained weights of a transformer that names what a picture shows, from its tokens. Read only after loading: one may
 * serve any number of classifiers in any number of threads. Reference counted.
 */
typedef struct _AlitraTransformer AlitraTransformer;

#define ALITRA_TYPE_TRANSFORMER (alitra_transformer_get_type ())
ALITRA_API GType alitra_transformer_get_type (void);

/**
 * alitra_transformer_load: (constructor)
 * @path: (nullable): a .safetensors file; %NULL or "": the installed default, alitra-classify.safetensors, looked for as
 *   alitra_model_load() does
 * @error: return location for a #GError, or %NULL
 *
 * Reads a transformer from a file.
 *
 * Errors: %ALITRA_ERROR_MODEL_NOT_FOUND when there is no such file or it cannot be read, %ALITRA_ERROR_MODEL_INVALID
 * when it is damaged, foreign or of another version.
 *
 * Returns: (transfer full): the transformer; drop it with alitra_transformer_unref(); %NULL with @error set
 */
ALITRA_API AlitraTransformer *alitra_transformer_load (const gchar * path, GError ** error);

/**
 * alitra_transformer_load_bytes: (constructor)
 * @bytes: the contents of a .safetensors file; they may be freed afterwards
 * @error: return location for a #GError, or %NULL
 *
 * Reads a transformer from memory.
 *
 * Errors: %ALITRA_ERROR_MODEL_INVALID when the bytes are damaged, foreign or of another version.
 *
 * Returns: (transfer full): the transformer; drop it with alitra_transformer_unref(); %NULL with @error set
 */
ALITRA_API AlitraTransformer *alitra_transformer_load_bytes (GBytes * bytes, GError ** error);

/**
 * alitra_transformer_ref:
 * @transformer: a transformer
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @transformer; drop it with alitra_transformer_unref()
 */
ALITRA_API AlitraTransformer *alitra_transformer_ref (AlitraTransformer * transformer);

/**
 * alitra_transformer_unref:
 * @transformer: (transfer full) (nullable): a transformer, or %NULL
 *
 * Drops a reference; the last one frees the transformer.
 */
ALITRA_API void alitra_transformer_unref (AlitraTransformer * transformer);

/**
 * alitra_transformer_get_id:
 * @transformer: a transformer
 *
 * Asks how the transformer is called.
 *
 * Returns: (transfer none): the name in the file and the first 32 bits of the file's SHA-256 in hexadecimal
 */
ALITRA_API const gchar *alitra_transformer_get_id (AlitraTransformer * transformer);

/**
 * alitra_transformer_get_model:
 * @transformer: a transformer
 *
 * Asks whose tokens the transformer reads.
 *
 * Returns: number of the model (alitra_model_get_number()) whose tokens it was trained on; it understands no other's
 */
ALITRA_API guint32 alitra_transformer_get_model (AlitraTransformer * transformer);

/**
 * alitra_transformer_get_count:
 * @transformer: a transformer
 *
 * Asks how many scores there are.
 *
 * Returns: labels that it tells apart
 */
ALITRA_API guint alitra_transformer_get_count (AlitraTransformer * transformer);

/**
 * alitra_transformer_get_label:
 * @transformer: a transformer
 * @index: number of the label, below alitra_transformer_get_count()
 *
 * Asks what a score is for.
 *
 * Returns: (transfer none): a label, UTF-8
 */
ALITRA_API const gchar *alitra_transformer_get_label (AlitraTransformer * transformer, guint index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraTransformer, alitra_transformer_unref)

G_END_DECLS

#endif
