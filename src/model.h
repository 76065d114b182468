/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_MODEL_H
#define ALITRA_SRC_MODEL_H

#include <alitra/model.h>

#include "idtable.h"
#include "matrix.h"
#include "planes.h"
#include "weights.h"

G_BEGIN_DECLS

/* Luma samples that a cell paints beyond its border. */
#define ALITRA_MARGIN 4
#define ALITRA_WINDOW (ALITRA_CELL + 2 * ALITRA_MARGIN)
#define ALITRA_WINDOW_SAMPLES (ALITRA_WINDOW * ALITRA_WINDOW * 3 / 2)
#define ALITRA_MAX_BLOCKS 4

/* x + shrink (positive (grow (3x3 spread of x))) */
typedef struct
{
  const float *spread;          /* 9 x dim */
  AlitraMatrix grow;            /* dim -> hidden */
  AlitraMatrix shrink;          /* hidden -> dim */
} AlitraMix;

/* One token of a cell. */
typedef struct
{
  AlitraMatrix into;            /* dim -> narrow */
  AlitraMatrix back;            /* narrow -> dim */
  AlitraMatrix search;          /* narrow -> codes; half floats where it has panels */
  const float *codes;           /* codes x narrow: in panels one code lies in as many lines of the cache as it has numbers */
  AlitraCentres centres;        /* of the panels of `search`; count 0: the file has none */
  AlitraIdTable *ids;           /* how likely the codes are; NULL: the file does not say */
} AlitraStep;

typedef struct
{
  guint depth, codes, blocks;
  guint probes;                 /* panels of codes to look into; 0: all */
  AlitraMatrix embed;           /* samples of a cell -> dim; the scale is in it */
  AlitraStep step[ALITRA_MAX_DEPTH];
  AlitraMix synthesis[ALITRA_MAX_BLOCKS];
  AlitraMatrix paint;           /* dim -> samples of a window: luma, Cb, Cr; the scale is in it */
} AlitraModelLevel;

/* The codes are searched panel by panel, not from end to end. */
static inline gboolean
alitra_step_has_panels (const AlitraModelLevel * level, const AlitraStep * step)
{
  return level->probes > 0 && level->probes < step->centres.count;
}

struct _AlitraModel
{
  gint references;
  gchar *id;
  gchar *path;                  /* NULL: loaded from bytes */
  guint32 number;
  guint dim, narrow, hidden;    /* numbers of a latent, of a code, inside a mixing block */
  float scale;                  /* latents are of samples times this: energies divide by its square */
  float chroma_gain[2];
  AlitraModelLevel level[ALITRA_LEVELS];
  AlitraWeights weights;        /* the file */
};

/* A tensor of exactly this shape (size[] of `rank` numbers), or NULL and ALITRA_ERROR_MODEL_INVALID. For parts that
 * live elsewhere: the allocator's tensors are named "allocator.*". */
const float *alitra_model_get_tensor (AlitraModel * model, const gchar * name, guint rank, const guint * size,
    GError ** error);
gboolean alitra_model_has_tensor (AlitraModel * model, const gchar * name);

G_END_DECLS

#endif
