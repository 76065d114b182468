/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reuse.h"

#include <math.h>

#include <alitra/frame.h>

#define TINY 1e-9f
/* log2: energies below are not told apart, in prices. */
#define LEAST -4.f
/* log2 of what a cell costs that starts anew, in prices, error and tokens: from its energy, from the part of it that codes
 * can describe, and from what its last search came to.  These and the next are least squares over full searches of all
 * choices on frames of four clips of moving cameras (docs/reuse.md). */
#define ANEW .039f
#define ANEW_ENERGY .957f
#define ANEW_SEEN -.626f
#define ANEW_LAST .436f
/* The same of one that goes on behind kept tokens, from the energy that these leave. */
#define ON .164f
#define ON_ENERGY .876f

static inline gfloat
log_of (gfloat energy, gfloat price)
{
  return energy > TINY ? MAX (log2f (energy / price), LEAST) : LEAST;
}

/* Least sum of error and price of the last search, were it as good now.  left: its error. */
static gfloat
cost_of_last (const gfloat * profile, guint searched, gfloat energy,
    gfloat price, gfloat * left)
{
  const gfloat scale = profile[0] > TINY ? energy / profile[0] : 1.f;
  gfloat best = energy;
  guint t;

  *left = energy;
  for (t = 1; t <= searched; t++)
    if (profile[t] * scale + t * price < best) {
      *left = profile[t] * scale;
      best = *left + t * price;
    }
  return best;
}

/* What a cell of such an energy is likely to cost if it starts anew. */
static gfloat
cost_anew (gfloat energy, gfloat seen, gfloat last, gfloat price)
{
  return price * exp2f (ANEW + ANEW_ENERGY * log_of (energy, price)
      + ANEW_SEEN * log_of (seen, price) + ANEW_LAST * log_of (last, price));
}

/* The same behind tokens that leave so much.  Only up to `enough` may it do without further ones. */
static gfloat
cost_behind (gfloat energy, gfloat enough, gfloat price)
{
  const gfloat cost = price * exp2f (ON + ON_ENERGY * log_of (energy, price));

  return energy <= enough ? MIN (energy, cost) : cost;
}

guint
alitra_reuse_choose (const gfloat * energy, guint n, gfloat seen,
    const gfloat * profile, guint searched, const AlitraReuseCosts * costs)
{
  const gfloat price = costs->price;
  gfloat left, last, least;
  guint k, chosen = 0;

  if (n == 0)
    return 0;
  last = cost_of_last (profile, searched, energy[0], price, &left);
  least = cost_anew (energy[0], seen, last, price);
  for (k = 1; k <= n; k++) {
    const gfloat cost = cost_behind (energy[k], left + costs->slack, price)
        + k * costs->kept_price;

    if (cost < least) {
      least = cost;
      chosen = k;
    }
  }
  return chosen;
}

/* Tokens that share what they take off. */
typedef struct
{
  gfloat sum;
  guint n;
} Block;

void
alitra_reuse_gains (const gfloat * energy, guint n, gfloat lowest,
    gfloat * gains)
{
  Block block[ALITRA_MAX_DEPTH];
  guint blocks = 0, t, i, at = 0;

  for (t = 0; t < n; t++) {
    block[blocks++] = (Block) {
    energy[t] - energy[t + 1], 1};
    while (blocks > 1 && block[blocks - 1].sum * block[blocks - 2].n
        > block[blocks - 2].sum * block[blocks - 1].n) {
      block[blocks - 2].sum += block[blocks - 1].sum;
      block[blocks - 2].n += block[blocks - 1].n;
      blocks--;
    }
  }
  for (i = 0; i < blocks; i++) {
    const gfloat each = block[i].sum / block[i].n;
    const gfloat gain = each > TINY ? MAX (log2f (each), lowest) : lowest;

    for (t = 0; t < block[i].n; t++)
      gains[at++] = gain;
  }
}
