/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TOKENIZERPARTS_H
#define ALITRA_SRC_TOKENIZERPARTS_H

#include <alitra/tokenizer.h>

#include "allocator.h"
#include "analysis.h"
#include "budget.h"
#include "change.h"
#include "flat.h"
#include "intake.h"
#include "layers.h"
#include "layouts.h"
#include "lifetime.h"
#include "packet.h"
#include "pause.h"
#include "rebuild.h"
#include "smooth.h"
#include "tokenloop.h"
#include "workers.h"

G_BEGIN_DECLS

/* What a tokenizer consists of, for the files that it consists of. */

#define COARSEST (ALITRA_LEVELS - 1)

typedef struct
{
  AlitraGrid grid;
  AlitraAnalysis *analysis;
  AlitraTokenLoop loop;
  const AlitraPlanes *source;   /* the frame at this level's size; at the finest there is only its grid */
  AlitraChange change;          /* the frame when the level was last tokenised; unused at the finest */
  AlitraChange base;            /* what coarser levels said when the level was last tokenised; at the finest in their samples */
  AlitraLifetime lifetime;
  guint8 *inside;               /* cells that the picture reaches */
  guint8 *active;               /* cells to tokenise in this frame */
  gfloat *threshold;            /* of cells, of the change that counts, in grey levels; unused at the finest */
  gboolean recognition;         /* the objective of the frame */
  guint8 *mask;                 /* scratch */
  gfloat *gains;                /* scratch: gains with the bonus of kept tokens */
  AlitraCellLook *looks;        /* how active cells look beside what coarser levels say: what the smooth token would show */
} Level;

struct _AlitraTokenizer
{
  gint references;
  AlitraModel *model;
  AlitraStreamInfo stream;
  AlitraWorkers *workers;
  AlitraAllocator *allocator;
  AlitraRebuild *rebuild;
  AlitraIntake intake;
  AlitraPacketCoder *coder;
  AlitraMemory *memory;         /* after the last packet */
  AlitraMemory *before;         /* one packet behind while a packet is written */
  AlitraUpdate *update;
  AlitraFlatGrid *flat;
  AlitraBudget budget;
  AlitraLayouts layouts;
  AlitraLevelPrice level_price;
  AlitraLayers layers;
  gboolean scalable;            /* of the last frame */
  Level level[ALITRA_LEVELS];
  guint patches;
  guint32 frame_number;
  guint since_key;
  guint looks;                  /* frames since then that were not kept as a whole */
  gdouble price;                /* of the last frame; 0: not known */
  guint priced_tokens;          /* budget that the price was found for; 0: none */
  AlitraPlanes *strip;          /* for each worker: what coarser levels say of a row of the finest */
  guint strips;
  gdouble *row_difference;      /* of the coarsest level, from when it was last tokenised */
  AlitraPause pause;            /* of reuse */
  gboolean forgot;              /* what was last tokenised is not known at all levels */
  AlitraSettings last;          /* of the last frame that was tokenised */
  gboolean pending;             /* even if nothing changes, the next frame may bring tokens */
};

/* How much of a frame is tokenised anew. */
typedef enum
{
  ANEW_CHANGED,                 /* what changed */
  ANEW_CHANGED_AGAIN,           /* and what an earlier try at the same frame already began */
  ANEW_ALL
} Anew;

/* How a frame is encoded. */
typedef struct
{
  const AlitraSettings *settings;
  gboolean key;
  gboolean reuse;               /* changed cells go on from what they hold */
  Anew anew;
  gboolean still;               /* nothing changed, and nothing is left to tell: only what is sent anew makes it a frame */
  guint refresh_from, refresh_end;      /* slices that are sent anew */
  gboolean sample;              /* only a few slices, to find the price */
} Frame;

static inline gsize
cells_of (const Level * level)
{
  return (gsize) level->grid.columns * level->grid.rows;
}

static inline gsize
count_mask (const guint8 * mask, gsize n)
{
  gsize i, count = 0;

  for (i = 0; i < n; i++)
    count += mask[i] != 0;
  return count;
}

static inline gsize
sum_depth (const guint8 * depth, gsize n)
{
  gsize i, sum = 0;

  for (i = 0; i < n; i++)
    sum += depth[i];
  return sum;
}

/* The tokenizer has its grid, its allocator, its intake and its workers already. */
void alitra_tokenizer_level_init (Level * level, AlitraTokenizer * tokenizer, guint index);
void alitra_tokenizer_level_clear (Level * level);

/* What a token of a level has to take off at a price, in the samples of that level, and its log2. */
gdouble alitra_tokenizer_price_at (const AlitraTokenizer * tokenizer, guint index, gdouble price);
gfloat alitra_tokenizer_stop_of (const AlitraTokenizer * tokenizer, guint index, gdouble price);

G_END_DECLS

#endif
