/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_RANDOM_H
#define ALITRA_SRC_RANDOM_H

#include <glib.h>

G_BEGIN_DECLS

/* SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine. */
typedef guint64 AlitraRandom;

guint64 alitra_random_next (AlitraRandom * random);
/* A stream of its own for each pair of numbers, so that who draws first does not matter. */
AlitraRandom alitra_random_start (guint64 seed, guint64 first, guint64 second);
/* 0 <= number < 1, in steps of 2^-24. */
float alitra_random_unit (AlitraRandom * random);
/* 0 <= number < n, n at most 2^32. */
guint alitra_random_below (AlitraRandom * random, guint n);

G_END_DECLS

#endif
