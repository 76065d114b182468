/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifetime.h"

#include <math.h>
#include <string.h>

/* Part of the way to what a frame says that the rate goes. */
#define STEP .125f
/* How strongly rates count, and how far: measured with tools/temporal.py. */
#define POWER .4f
#define RARELY .06f
#define MOST .8f
#define LEAST -.6f

void
alitra_lifetime_init (AlitraLifetime * lifetime, gsize cells)
{
  lifetime->cells = cells;
  lifetime->rate = g_new0 (gfloat, cells);
}

void
alitra_lifetime_clear (AlitraLifetime * lifetime)
{
  g_clear_pointer (&lifetime->rate, g_free);
}

void
alitra_lifetime_reset (AlitraLifetime * lifetime)
{
  gsize i;

  for (i = 0; i < lifetime->cells; i++)
    lifetime->rate[i] = 1.f;
}

void
alitra_lifetime_follow (AlitraLifetime * lifetime, const guint8 * changed,
    const guint8 * inside, gfloat * toll)
{
  gfloat sum = 0.f, usual;
  gsize i, n = 0;

  for (i = 0; i < lifetime->cells; i++) {
    gfloat *rate = &lifetime->rate[i];

    if (!inside[i])
      continue;
    *rate += ((changed[i] ? 1.f : 0.f) - *rate) * STEP;
    sum += *rate;
    n++;
  }
  usual = log2f (sum / MAX (n, 1) + RARELY);
  for (i = 0; i < lifetime->cells; i++)
    toll[i] = CLAMP (POWER * (log2f (lifetime->rate[i] + RARELY) - usual),
        LEAST, MOST);
}
