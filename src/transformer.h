/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TRANSFORMER_H
#define ALITRA_SRC_TRANSFORMER_H

#include <alitra/transformer.h>

#include "blocks.h"

G_BEGIN_DECLS

/* Octaves of the sines and cosines that tell a place. */
#define ALITRA_WAVES 4

struct _AlitraTransformer
{
  gint references;
  gchar *id;
  guint32 model;                /* whose tokens it reads */
  guint vectors;                /* numbers of a token's vector */
  GPtrArray *labels;
  AlitraMatrix own[ALITRA_LEVELS];      /* sum of the vectors of a cell's tokens -> what they add to its look */
  AlitraMatrix quarters[4];     /* look of a cell -> looks of its quarters, row by row */
  AlitraMatrix into;            /* look -> dim */
  const float *level;           /* ALITRA_LEVELS x dim: what the level of a cell adds */
  AlitraMatrix place;           /* 4 ALITRA_WAVES -> dim */
  const float *depth;           /* ALITRA_MAX_DEPTH x dim: what the number of tokens in a cell adds */
  AlitraBlocks blocks;
  const float *gain, *bias;     /* of the last norm */
  AlitraMatrix head;
  AlitraWeights weights;        /* the file */
};

/* One input. */
typedef struct
{
  guint8 level;
  guint8 depth;                 /* tokens in the cell */
  float x, y;                   /* its middle, 0..1 of the picture */
} AlitraTransformerInput;

/* Room for the numbers on their way; grows when it must. */
typedef struct _AlitraTransformerRoom AlitraTransformerRoom;

AlitraTransformerRoom *alitra_transformer_room_new (AlitraTransformer * transformer, AlitraWorkers * workers);
void alitra_transformer_room_free (AlitraTransformerRoom * room);

/* Sequence s is the inputs starts[s] .. starts[s+1]-1; looks: for each input the transformer's `vectors` numbers.
 * scores: for each sequence a number for each label (before softmax). */
void alitra_transformer_run (AlitraTransformerRoom * room, guint sequences, const guint * starts,
    const AlitraTransformerInput * inputs, const float *looks, float *scores);

G_END_DECLS

#endif
