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
 * Runs a transformer over the tokens of frames. Each cell is one input: what it looks like, told by its own tokens and by
 * those of the cells above it. Reference counted.
 *
 * Threads: one caller at a time, in any thread; only references may be taken and dropped while another thread uses it.
 */
typedef struct _AlitraClassifier AlitraClassifier;

#define ALITRA_TYPE_CLASSIFIER (alitra_classifier_get_type ())
ALITRA_API GType alitra_classifier_get_type (void);

/**
 * alitra_classifier_new:
 * @transformer: weights; the classifier takes a reference
 * @model: the model that the tokens are of; the classifier takes a reference
 * @threads: threads to share the work with, as in alitra_tokenizer_new(); results do not depend on it
 * @error: return location for a #GError, or %NULL
 *
 * Makes a classifier.
 *
 * Errors: %ALITRA_ERROR_MODEL_MISMATCH when the transformer was trained on the tokens of another model.
 *
 * Returns: (transfer full): the classifier; drop it with alitra_classifier_unref(); %NULL with @error set
 */
ALITRA_API AlitraClassifier *alitra_classifier_new (AlitraTransformer * transformer, AlitraModel * model,
    guint threads, GError ** error);

/**
 * alitra_classifier_ref:
 * @classifier: a classifier
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @classifier; drop it with alitra_classifier_unref()
 */
ALITRA_API AlitraClassifier *alitra_classifier_ref (AlitraClassifier * classifier);

/**
 * alitra_classifier_unref:
 * @classifier: (transfer full) (nullable): a classifier, or %NULL
 *
 * Drops a reference; the last one frees the classifier.
 */
ALITRA_API void alitra_classifier_unref (AlitraClassifier * classifier);

/**
 * alitra_classifier_free: (skip)
 * @classifier: (transfer full) (nullable): a classifier, or %NULL
 *
 * Does what alitra_classifier_unref() does, for those who hold the only reference.
 */
ALITRA_API void alitra_classifier_free (AlitraClassifier * classifier);

/**
 * alitra_classifier_run: (skip)
 * @classifier: a classifier
 * @memories: (array length=count): tokens of each frame, as a tokenizer or a detokenizer of the same model holds them
 * @count: frames, at least 1; one call for many takes less time than many calls, and gives the same numbers
 * @max_cells: of each frame look at so many cells at most: if there are more, at coarse cells, and at their quarters
 *   where tokens are, in place of them (beside them if @max_cells is above 256); 0: at all
 * @scores: room for @count rows of alitra_transformer_get_count() numbers of 0..1 that add up to 1
 * @error: return location for a #GError, or %NULL
 *
 * What the frames show. The time grows with the cells that are looked at, and a little with their square; there is no
 * padding. Cells that hold no tokens show what the cells above them say of their place. A frame without tokens gets equal
 * scores.
 *
 * Errors: %ALITRA_ERROR_MODEL_INVALID if the weights are such that the numbers overflow.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_classifier_run (AlitraClassifier * classifier, const AlitraMemory * const *memories,
    guint count, guint max_cells, gfloat * scores, GError ** error);

/**
 * alitra_classifier_run_one: (rename-to alitra_classifier_run)
 * @classifier: a classifier
 * @memory: tokens of a frame, as a tokenizer or a detokenizer of the same model holds them
 * @max_cells: look at so many cells at most, as in alitra_classifier_run(); 0: at all
 * @count: (out): how many numbers there are, one a label
 * @error: return location for a #GError, or %NULL
 *
 * As alitra_classifier_run() for one frame, for languages other than C.
 *
 * Errors: %ALITRA_ERROR_MODEL_INVALID if the weights are such that the numbers overflow.
 *
 * Returns: (array length=count) (transfer full): a number of 0..1 for each label, to be freed with g_free(); %NULL with
 *   @error set
 */
ALITRA_API gfloat *alitra_classifier_run_one (AlitraClassifier * classifier, const AlitraMemory * memory,
    guint max_cells, guint * count, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraClassifier, alitra_classifier_unref)

G_END_DECLS

#endif
