/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifetime.h"

#include <math.h>
#include <string.h>

/* Part of the way to what a frame says that the rate goes. */
#define STEP .2f
#define RARELY .06f
/* How strongly rates above the usual one count, by the fourth power of the octaves between them, and how far: cells that
 * change a little more often than most pay hardly more.  These and the next were tuned with tools/temporal.py. */
#define RESTLESS .25f
#define MOST 1.6f
/* The same for those below.  They are compared with no less than OFTEN: where nothing moves all cells are calm. */
#define CALM_POWER 1.f
#define LEAST -1.6f
#define OFTEN .3f

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
    const guint8 * inside, gboolean finest, gfloat * toll)
{
  gfloat sum = 0.f, usual, often;
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
  often = MAX (usual, log2f (OFTEN + RARELY));
  for (i = 0; i < lifetime->cells; i++) {
    const gfloat rate = log2f (lifetime->rate[i] + RARELY);
    const gfloat above = rate - usual;

    if (rate >= often)
      toll[i] = MIN (RESTLESS * above * above * above * above, MOST);
    else
      toll[i] = finest ? MAX (CALM_POWER * (rate - often), LEAST) : 0.f;
  }
}
