/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "budget.h"

#include <math.h>
#include <string.h>

void
alitra_budget_init (AlitraBudget * budget)
{
  memset (budget, 0, sizeof (*budget));
}

void
alitra_budget_clear (AlitraBudget * budget)
{
  g_free (budget->keys);
  memset (budget, 0, sizeof (*budget));
}

/* Order of floats as order of unsigned integers. */
static inline guint32
key_of (gfloat gain)
{
  guint32 bits;

  memcpy (&bits, &gain, sizeof (bits));
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static inline gfloat
gain_of (guint32 key)
{
  guint32 bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
  gfloat gain;

  memcpy (&gain, &bits, sizeof (gain));
  return gain;
}

static gsize
collect (AlitraBudget * budget, guint cells, guint max_depth,
    const gfloat * gains, const guint8 * depth)
{
  gsize n = 0;
  guint i, t;

  if (budget->capacity < (gsize) cells * max_depth) {
    budget->capacity = (gsize) cells *max_depth;
    budget->keys = g_renew (guint32, budget->keys, budget->capacity);
  }
  for (i = 0; i < cells; i++)
    for (t = 0; t < depth[i]; t++)
      budget->keys[n++] = key_of (gains[(gsize) i * max_depth + t]);
  return n;
}

/* The rank-th largest key (rank counts from 1), a byte at a time from the top: linear, and the same on any machine.
 * rank: becomes the place among the keys that are equal. */
static guint32
select_key (guint32 * keys, gsize n, gsize * rank)
{
  guint32 prefix = 0;
  gint shift;

  for (shift = 24; shift >= 0; shift -= 8) {
    gsize count[256] = { 0 }, i, kept = 0;
    gint byte;

    for (i = 0; i < n; i++)
      count[(keys[i] >> shift) & 255]++;
    for (byte = 255; byte > 0 && count[byte] < *rank; byte--)
      *rank -= count[byte];
    prefix |= (guint32) byte << shift;
    for (i = 0; i < n; i++)
      if (((keys[i] >> shift) & 255) == (guint) byte)
        keys[kept++] = keys[i];
    n = kept;
  }
  return prefix;
}

gfloat
alitra_budget_keep_best (AlitraBudget * budget, guint cells, guint max_depth,
    const gfloat * gains, guint8 * depth, gsize most, gfloat otherwise)
{
  gsize n = collect (budget, cells, max_depth, gains, depth);
  gsize ties;
  guint32 limit;
  guint i, t;

  most = MIN (most, n);
  if (most == 0) {
    memset (depth, 0, cells);
    return otherwise;
  }
  ties = most;
  limit = select_key (budget->keys, n, &ties);
  for (i = 0; i < cells; i++) {
    for (t = 0; t < depth[i]; t++) {
      guint32 key = key_of (gains[(gsize) i * max_depth + t]);

      if (key < limit || (key == limit && ties == 0))
        break;
      if (key == limit)
        ties--;
    }
    depth[i] = t;
  }
  return gain_of (limit);
}

gdouble
alitra_budget_price_of_quality (gdouble quality)
{
  return 4. * exp2 (-CLAMP (quality, 0., 100.) / 10.);
}

/* On photographs a patch takes one token at this price, and the price falls with this power of the tokens. */
#define PRICE_OF_ONE .6
#define PRICE_POWER 1.25

gdouble
alitra_budget_first_price (guint tokens, guint patches)
{
  gdouble density = MAX (tokens, 1) / (gdouble) MAX (patches, 1);

  return CLAMP (PRICE_OF_ONE * pow (density, -PRICE_POWER), 1e-3, 50.);
}

gdouble
alitra_budget_price_of_more (gdouble price, gdouble times)
{
  return price * pow (times, -PRICE_POWER);
}

guint
alitra_budget_tokens_at_price (gdouble price, guint patches)
{
  return MAX (pow (PRICE_OF_ONE / price, 1. / PRICE_POWER) * patches, 1.);
}
