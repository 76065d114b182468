/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_IDTABLE_H
#define ALITRA_SRC_IDTABLE_H

#include "rangecoder.h"

G_BEGIN_DECLS

#define ALITRA_ID_CLASSES 32
/* What is known of a token near by, besides its class. */
#define ALITRA_ID_NONE ALITRA_ID_CLASSES        /* the cell has none at that place */
#define ALITRA_ID_UNKNOWN (ALITRA_ID_CLASSES + 1)
#define ALITRA_ID_KNOWN (ALITRA_ID_CLASSES + 2)
/* A row of what is likely at all, then one for each thing that may be known of each of the three. */
#define ALITRA_ID_ROWS (1 + ALITRA_ID_NEAR * ALITRA_ID_KNOWN)
#define ALITRA_ID_MOST_WEIGHT 255

/* The tokens that say something of the next one of a cell. */
typedef enum
{
  ALITRA_ID_LEFT,               /* the token of the cell at the left, at the same place */
  ALITRA_ID_ABOVE,
  ALITRA_ID_BEFORE,             /* the token of the same cell before it */
  ALITRA_ID_NEAR
} AlitraIdNear;

/* How likely the learned codes of one step are: first the class of a code, which hangs on the classes of tokens near by,
 * then the code within it. Integers only: both ends must compute the same. */
typedef struct _AlitraIdTable AlitraIdTable;

struct _AlitraIdTable
{
  guint codes, width;           /* a class is `width` ids in a row; the last ones may have fewer, or none */
  gint8 row[ALITRA_ID_ROWS][ALITRA_ID_CLASSES]; /* log2 of how likely, in eighths: those that hold are added up */
  guint32 *before;              /* codes + 1: weights of the ids below */
};

/* rows: ALITRA_ID_ROWS x ALITRA_ID_CLASSES whole numbers -128 .. 127; weights: one for each code, 1 .. 255; NULL if the
 * numbers are no such ones. */
AlitraIdTable *alitra_id_table_new (guint codes, const float *rows, const float *weights);
void alitra_id_table_free (AlitraIdTable * table);

static inline guint
alitra_id_table_class (const AlitraIdTable *table, guint id)
{
  return id / table->width;
}

/* near[]: classes, or ALITRA_ID_NONE or _UNKNOWN. */
void alitra_id_table_encode (const AlitraIdTable * table, const guint8 near[ALITRA_ID_NEAR], guint id,
    AlitraRangeEncoder * encoder);
guint alitra_id_table_decode (const AlitraIdTable * table, const guint8 near[ALITRA_ID_NEAR],
    AlitraRangeDecoder * decoder);

G_END_DECLS

#endif
