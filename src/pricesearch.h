/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PRICESEARCH_H
#define ALITRA_SRC_PRICESEARCH_H

#include "purse.h"

G_BEGIN_DECLS

/* One encoding of a frame at a price. */
typedef struct
{
  const AlitraSettings *settings;
  gdouble price;                /* that new tokens must be worth */
  gdouble kept_price;           /* that tokens which the receiver holds must be worth */
  gboolean sample;              /* only a few slices */
  gboolean again;               /* not the first of this frame */
} AlitraPriceTry;

/* Encodes a frame, spends the purse and returns the tokens of all levels. */
typedef gsize (*AlitraPriceTryFunc) (gpointer data, const AlitraPriceTry * what, AlitraPurse * purse);

/* The price at which a frame takes the tokens that it may: that of the frame before, corrected by what this one paid; of a
 * first frame it is searched for. */
typedef struct
{
  AlitraPriceTryFunc encode;
  gpointer data;
  const AlitraSettings *settings;
  gboolean key;
  guint patches;                /* of the picture */
  guint slices, sample;         /* of so many slices so many are a sample; 0: none is needed */
  gdouble price;                /* of the frame before; 0: not known */
  guint priced_tokens;          /* budget that the price was found for; 0: none */
  gboolean pending;             /* set: even if nothing changes, the next frame may bring tokens */
} AlitraPriceSearch;

/* Encodes the frame, as often as it takes; `price` and `priced_tokens` are then those for the frame that follows. */
void alitra_price_search_run (AlitraPriceSearch * search);

G_END_DECLS

#endif
