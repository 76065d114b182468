/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_VOCABULARY_H
#define ALITRA_SRC_VOCABULARY_H

#include <alitra/frame.h>

G_BEGIN_DECLS

typedef struct _AlitraIdTable AlitraIdTable;

/* What both ends know of a stream's vocabulary. */
typedef struct
{
  guint codes[ALITRA_LEVELS];   /* ids below are learned codes */
  guint flat_coarse;            /* level 2: ids codes .. codes+flat_coarse-1 are coarse flat colours */
  guint flat_fine;              /* level 2: the next flat_fine ids are fine flat colours */
  guint smooth;                 /* levels 0 and 1: ids codes .. codes+smooth-1, 0 or 1 */
  /* How likely the learned codes of each step are; NULL: all the same. Another's. */
  const AlitraIdTable *ids[ALITRA_LEVELS][ALITRA_MAX_DEPTH];
} AlitraVocabulary;

/* The smooth token of cells of `level`; TRUE only for levels that have it. */
static inline gboolean
alitra_vocabulary_is_smooth (const AlitraVocabulary * vocabulary, guint level, guint16 token)
{
  return level + 1 < ALITRA_LEVELS && vocabulary->smooth && token == vocabulary->codes[level];
}

G_END_DECLS

#endif
