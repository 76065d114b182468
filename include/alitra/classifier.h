/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_CLASSIFIER_H
#define ALITRA_CLASSIFIER_H

#include <alitra/memory.h>
#include <alitra/model.h>
#include <alitra/transformer.h>

G_BEGIN_DECLS

/**
 * AlitraClassifier:
 *
 * Runs a transformer over the tokens of frames. Each cell that holds tokens is one input. Not thread safe: one caller
 * at a time.
 */
typedef struct _AlitraClassifier AlitraClassifier;

/**
 * alitra_classifier_new:
 * @transformer: weights; the classifier takes a reference
 * @model: the model that the tokens are of; the classifier takes a reference
 * @threads: as in alitra_tokenizer_new(); results do not depend on it
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a classifier, or %NULL with %ALITRA_ERROR_MODEL_MISMATCH when the transformer was
 *   trained on the tokens of another model
 */
ALITRA_API AlitraClassifier *alitra_classifier_new (AlitraTransformer * transformer, AlitraModel * model,
    guint threads, GError ** error);
ALITRA_API void alitra_classifier_free (AlitraClassifier * classifier);

/**
 * alitra_classifier_run:
 * @memories: (array length=count): tokens of each frame, as a tokenizer or a detokenizer of the same model holds them
 * @count: frames, at least 1; one call for many takes less time than many calls, and gives the same numbers
 * @max_cells: of each frame look at so many cells at most, coarse ones first; 0: at all
 * @scores: (out caller-allocates): @count rows of alitra_transformer_get_count() numbers of 0..1 that add up to 1
 * @error: return location
 *
 * What the frames show. The time grows with the cells that hold tokens, and a little with their square; there is no
 * padding. A frame without tokens gets equal scores.
 *
 * Returns: %FALSE with %ALITRA_ERROR_MODEL_INVALID if the weights are such that the numbers overflow
 */
ALITRA_API gboolean alitra_classifier_run (AlitraClassifier * classifier, const AlitraMemory * const *memories,
    guint count, guint max_cells, gfloat * scores, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraClassifier, alitra_classifier_free)

G_END_DECLS

#endif
