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

/* What the price is multiplied with at each level: a coarse token has to take off more, because finer ones could have
 * done a part of its work.  Found in training. */
void alitra_layouts_get_level_price (const AlitraModel * model, gdouble price[ALITRA_LEVELS]);

G_END_DECLS

#endif
