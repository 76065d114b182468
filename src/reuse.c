/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reuse.h"

#include <math.h>

#include <alitra/frame.h>

#define TINY 1e-9f
/* New tokens behind kept ones find codes that were made for what other first tokens leave: they take off less than their
 * number says. */
#define MISFIT 1.8f

/* Tokens, with a fraction, that a new search needs to leave no more than `energy`. */
static gfloat
tokens_to_reach (const gfloat * profile, guint searched, gfloat scale,
    gfloat energy)
{
  guint t;

  for (t = 0; t < searched; t++) {
    const gfloat above = profile[t] * scale, below = profile[t + 1] * scale;

    if (energy > below)
      return energy >= above ? t : t + (above - energy) / (above - below);
  }
  return searched;
}

guint
alitra_reuse_choose (const gfloat * energy, guint n, const gfloat * profile,
    guint searched, const AlitraReuseCosts * costs)
{
  const gfloat scale = profile[0] > TINY ? energy[0] / profile[0] : 1.f;
  gfloat best = energy[0], limit = energy[0];
  guint k, t, chosen = 0;

  for (t = 1; t <= searched; t++)
    if (profile[t] * scale + t * costs->price < best) {
      limit = profile[t] * scale;
      best = limit + t * costs->price;
    }
  limit += costs->slack;
  for (k = 1; k <= n; k++) {
    const gfloat reached = tokens_to_reach (profile, searched, scale,
        energy[k]);
    gfloat cost = energy[k] <= limit ? energy[k] : G_MAXFLOAT;

    for (t = 1; t <= searched; t++) {
      const gfloat further = (t - reached) * MISFIT;

      if (further > 0.f && k + further <= costs->most
          && profile[t] * scale <= limit)
        cost = MIN (cost, profile[t] * scale + further * costs->price);
    }
    cost += k * costs->kept_price;
    if (cost < best) {
      best = cost;
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
