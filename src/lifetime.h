/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LIFETIME_H
#define ALITRA_SRC_LIFETIME_H

#include <glib.h>

G_BEGIN_DECLS

/* How long the tokens of a cell last.  What is bought for a cell that stands still serves for many frames, what is bought
 * for one that changes again at once for one only: new tokens cost the first less and the second more.  Where everything
 * moves they cost what they always cost. */
typedef struct
{
  gsize cells;
  gfloat *rate;                 /* per cell: in how many of the last frames it changed, 0..1 */
} AlitraLifetime;

void alitra_lifetime_init (AlitraLifetime * lifetime, gsize cells);
void alitra_lifetime_clear (AlitraLifetime * lifetime);

/* All cells begin anew: nothing is known of them. */
void alitra_lifetime_reset (AlitraLifetime * lifetime);

/* A frame in which the cells of `changed` changed.  inside: cells that count.  toll: log2 by which new tokens of each
 * cell cost more.  Only tokens of the finest level get cheaper: finer cells have long mended what those of others lack, and
 * would have to be mended again. */
void alitra_lifetime_follow (AlitraLifetime * lifetime, const guint8 * changed, const guint8 * inside, gboolean finest,
    gfloat * toll);

G_END_DECLS

#endif
