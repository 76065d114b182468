/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PURSE_H
#define ALITRA_SRC_PURSE_H

#include <alitra/tokenizer.h>

#include "budget.h"
#include "memory.h"
#include "tokenloop.h"

G_BEGIN_DECLS

/* The tokens that a level would like, and what of them the receiver holds. */
typedef struct
{
  const AlitraTokenLoop *loop;
  const AlitraMemoryLevel *memory;      /* after the last packet */
  const guint8 *anew;           /* per cell: the packet says it whole, whatever the receiver holds */
} AlitraLevelTokens;

/* Of the tokens of a cell, those that the receiver holds already, from the first one on. */
guint alitra_level_tokens_count_same (const AlitraLevelTokens * tokens, gsize cell);
/* Tokens of all cells. */
gsize alitra_level_tokens_count (const AlitraLevelTokens * tokens);
/* Of them, those that the packet has to bring. */
gsize alitra_level_tokens_count_new (const AlitraLevelTokens * tokens);

/* What may still be spent on one frame, and what it came to. */
typedef struct
{
  gboolean limited;             /* there is a budget */
  gsize left;                   /* tokens that it has left */
  gboolean new_limited;         /* the packet may bring so many tokens only */
  gsize new_left;
  gfloat limit;                 /* log2 gain of the cheapest token of the level that was cut last, NAN: none */
  gboolean cut;                 /* tokens were left for later frames */
  gboolean known;               /* the price is that of the frame before */
} AlitraPurse;

void alitra_purse_init (AlitraPurse * purse, const AlitraSettings * settings);

/* The purse has more than what the level would like. */
gboolean alitra_purse_has_more (const AlitraPurse * purse, const AlitraLevelTokens * tokens);

/* Cuts what the level would like to what can be paid.  gains: scratch, per cell, max_depth. */
void alitra_purse_cut (AlitraPurse * purse, const AlitraLevelTokens * tokens, AlitraBudget * budget, gfloat * gains);

/* Pays for what the level has got. */
void alitra_purse_pay (AlitraPurse * purse, const AlitraLevelTokens * tokens);

G_END_DECLS

#endif
