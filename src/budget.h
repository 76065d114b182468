/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BUDGET_H
#define ALITRA_SRC_BUDGET_H

#include <glib.h>

G_BEGIN_DECLS

/* Which of the tokens that cells would like are paid for.  Gains are log2 of the distortion that a token is predicted
 * to take off, made monotone along each cell's prefix, so that the best tokens are always prefixes. */
typedef struct
{
  guint32 *keys;                /* scratch: gains as ordered integers */
  gsize capacity;
} AlitraBudget;

void alitra_budget_init (AlitraBudget * budget);
void alitra_budget_clear (AlitraBudget * budget);

/* Cuts the depths of `cells` cells so that their sum is at most `most`: the highest gains stay, equal gains in order
 * of the cells.  gains: cells x max_depth, row by row.  Returns the gain of the cheapest token kept, or `otherwise`
 * when none is. */
gfloat alitra_budget_keep_best (AlitraBudget * budget, guint cells, guint max_depth, const gfloat * gains,
    guint8 * depth, gsize most, gfloat otherwise);

/* Price of a token in squared error of samples 0..1, from quality 0..100: half as much every ten. */
gdouble alitra_budget_price_of_quality (gdouble quality);

/* A first guess of the price at which a picture of `patches` 16-cells takes `tokens` tokens. */
gdouble alitra_budget_first_price (guint tokens, guint patches);
/* A guess of the price at which a picture that takes some tokens at `price` takes so many times as many. */
gdouble alitra_budget_price_of_more (gdouble price, gdouble times);
/* The tokens that a picture takes at a price. */
guint alitra_budget_tokens_at_price (gdouble price, guint patches);

G_END_DECLS

#endif
