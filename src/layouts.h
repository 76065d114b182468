/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LAYOUTS_H
#define ALITRA_SRC_LAYOUTS_H

#include "model.h"

G_BEGIN_DECLS

/* The honest control: the same depth for every cell of a level. */
typedef struct
{
  guint tokens;                 /* in a 64-cell and its descendants */
  guint depth[ALITRA_LEVELS];
} AlitraLayout;

/* The layouts that were best on average over the training pictures, for rising numbers of tokens; never empty. */
typedef struct
{
  guint n;
  AlitraLayout *layout;
} AlitraLayouts;

void alitra_layouts_init (AlitraLayouts * layouts, const AlitraModel * model);
void alitra_layouts_clear (AlitraLayouts * layouts);

/* The largest layout that has at most `tokens` a 64-cell, or the smallest. */
const AlitraLayout *alitra_layouts_find (const AlitraLayouts * layouts, gdouble tokens);

/* Gains by which a control hands out the tokens of a level one by one, per cell, max_depth.  start: energy of each cell, to
 * which its tokens will then be proportional; NULL: all cells get a first token, then all a second. */
void alitra_layout_rank (const gfloat * start, guint cells, guint max_depth, gfloat * gains);

/* What the price is multiplied with at each level.  A coarse token has to take off more, because finer ones could have
 * done a part of its work: the more of it, the lower the price, since finer ones are bought anyway.  Found in training. */
typedef struct
{
  gdouble least[ALITRA_LEVELS];
  gdouble at_one[ALITRA_LEVELS];        /* where the price is 1 */
  gdouble slope[ALITRA_LEVELS]; /* of the logarithm, over that of the price */
} AlitraLevelPrice;

void alitra_level_price_init (AlitraLevelPrice * level_price, const AlitraModel * model);
/* scalable: the same, whatever the price is. Streams that are cut live on coarse tokens, so there must be some at any price;
 * and finer ones repair none of those that are cut, so there must not be many that only the last layers bring. */
gdouble alitra_level_price_at (const AlitraLevelPrice * level_price, guint level, gdouble price, gboolean scalable);

G_END_DECLS

#endif
