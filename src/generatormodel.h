/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_GENERATORMODEL_H
#define ALITRA_SRC_GENERATORMODEL_H

#include "blocks.h"
#include "model.h"

G_BEGIN_DECLS

/* Side of the pictures that are made, in samples, and how many cells they have, coarse ones first. */
#define ALITRA_TILE_SIZE 128
#define ALITRA_TILE_CELLS (4 + 16 + 64)
/* Numbers that tell of the budget. */
#define ALITRA_BUDGET_NUMBERS 3

/* What the generator knows of the tokens of one step of a level. */
typedef struct
{
  AlitraMatrix scores;          /* narrow + features -> codes: code vectors with their features; starts: what each is worth */
  const float *turn;            /* head numbers */
} AlitraGeneratorStep;

typedef struct
{
  guint depth, codes;
  AlitraMatrix into;            /* vectors -> dim */
  AlitraMatrix above[4];        /* vectors of the parent -> dim, for each quarter of it; not at level 2 */
  AlitraMatrix deep;            /* dim -> depth + 1 */
  AlitraMatrix cell, held;      /* dim, vectors -> head */
  AlitraMatrix ask;             /* head -> narrow + features + 1 */
  const float *whole;           /* depth + 1 rows of head numbers */
  AlitraGeneratorStep step[ALITRA_MAX_DEPTH];
} AlitraGeneratorLevel;

typedef struct
{
  gchar *id;
  guint32 model;                /* whose tokens it makes */
  guint vectors, narrow, features, head;
  guint tokens[2];              /* budgets that it was trained for: least, most */
  GPtrArray *labels;
  AlitraBlocks blocks;
  AlitraGeneratorLevel level[ALITRA_LEVELS];
  const float *place;           /* ALITRA_TILE_CELLS x dim */
  const float *state;           /* unknown, or depth 0, 1, …: x dim */
  const float *label;           /* labels, then any: x dim */
  const float *budget;          /* dim x ALITRA_BUDGET_NUMBERS */
  const float *gain, *bias;     /* of the last norm */
  AlitraWeights weights;        /* the file */
} AlitraGeneratorModel;

/* Reads a file and checks that it makes tokens of `model`; NULL with @error set when it cannot be used. */
AlitraGeneratorModel *alitra_generator_model_load (GBytes * bytes, AlitraModel * model, GError ** error);
void alitra_generator_model_free (AlitraGeneratorModel * self);

G_END_DECLS

#endif
