/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_REUSE_H
#define ALITRA_SRC_REUSE_H

#include <glib.h>

G_BEGIN_DECLS

/* How many of the tokens that a changed cell holds still describe it. */

typedef struct
{
  gfloat price;                 /* of a new token, as energy */
  gfloat kept_price;            /* of one that is kept */
  gfloat slack;                 /* energy that kept tokens alone may leave over beyond what a new search would */
} AlitraReuseCosts;

/* The prefix with the least sum of error and price; 0: start anew.
 * energy: what is left of the cell as it is now behind 0, 1, ... n of the tokens that it holds;
 * seen: the part of energy[0] that codes of the first step can describe;
 * profile: what was left behind 0, 1, ... searched tokens when they were last searched for, as a picture of what a new
 * search would reach. */
guint alitra_reuse_choose (const gfloat * energy, guint n, gfloat seen, const gfloat * profile, guint searched,
    const AlitraReuseCosts * costs);

/* log2 of what each of the first n tokens takes off; tokens share what they take off with earlier ones that take off less,
 * so that gains never rise.  Never below `lowest`. */
void alitra_reuse_gains (const gfloat * energy, guint n, gfloat lowest, gfloat * gains);

G_END_DECLS

#endif
