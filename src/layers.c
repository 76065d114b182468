/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers.h"

#include <math.h>
#include <string.h>

#define COARSEST (ALITRA_LEVELS - 1)
#define ALL_LEVELS ((1 << ALITRA_LEVELS) - 1)

/* Each layer but the first brings about as many tokens as all before it: the price falls by so many octaves. */
#define OCTAVES 1.25

/* A layer costs each slice some five bytes: so many new tokens in a slice that has any make two, three and four layers worth
 * that. Fewer go into the first ones: a receiver of few layers gets rather too much than too little of them. */
static const guint tokens_for[] = { 24, 64, 160 };

#define LAYERS (G_N_ELEMENTS (tokens_for) + 1)

/* Where cells are full before the price is reached, nearly all tokens are worth far more than it: from so many times the
 * price on it is their median that decides. */
#define FAR_ABOVE 6.f

/* Worths are told apart to an eighth of an octave: the exponent and the first bits of the fraction of a float. */
#define WORTH_SHIFT 20
#define WORTHS (1 << (31 - WORTH_SHIFT))

typedef struct
{
  const AlitraTokenLoop *loop;
  AlitraUpdateLevel *update;
  guint columns;
  gfloat least[LAYERS - 1];     /* what a token must take off for each layer but the last */
} Level;

static void
slice_cells (const Level levels[ALITRA_LEVELS], guint level, guint slice,
    gsize * first, gsize * end)
{
  const gsize cells = (gsize) levels[level].columns << (COARSEST - level);

  *first = slice * cells;
  *end = *first + cells;
}

static guint
count_fresh (const Level levels[ALITRA_LEVELS], guint slice)
{
  guint fresh = 0, level;
  gsize i, end;

  for (level = 0; level < ALITRA_LEVELS; level++) {
    const AlitraUpdateLevel *update = levels[level].update;

    slice_cells (levels, level, slice, &i, &end);
    for (; i < end; i++)
      fresh += update->depth[i] - update->keep[i];
  }
  return fresh;
}

/* Median of what the new tokens took off, in units of the price. */
static gfloat
find_median (const Level levels[ALITRA_LEVELS], const gdouble * price)
{
  guint32 count[WORTHS] = { 0 }, bits;
  gsize fresh = 0, below = 0;
  gfloat median;
  guint level, t, w = 0;

  for (level = 0; level < ALITRA_LEVELS; level++) {
    const AlitraTokenLoop *loop = levels[level].loop;
    const AlitraUpdateLevel *update = levels[level].update;
    const gfloat scale = 1. / price[level];
    gsize i;

    for (i = 0; i < loop->cells; i++)
      for (t = update->keep[i]; t < update->depth[i]; t++, fresh++) {
        const gfloat worth =
            MAX (loop->value[i * loop->max_depth + t] * scale, 0.f);

        memcpy (&bits, &worth, sizeof (bits));
        count[bits >> WORTH_SHIFT]++;
      }
  }
  while (w + 1 < WORTHS && below + count[w] <= fresh / 2)
    below += count[w++];
  bits = w << WORTH_SHIFT;
  memcpy (&median, &bits, sizeof (median));
  return fresh > 0 ? median : 0.f;
}

/* How far the new tokens of a cell go that are worth `least` on average, from @from on: a token that helps little but
 * lets a good one follow goes with it. */
static guint
reach (const gfloat * value, guint from, guint depth, gfloat least)
{
  gfloat sum = 0.f;
  guint t, best = from;

  for (t = from; t < depth; t++) {
    sum += value[t] - least;
    if (sum >= 0.f) {
      best = t + 1;
      sum = 0.f;
    }
  }
  return best;
}

/* The first `merged` layers end where the last of them does. */
static void
cut_cell (const Level * level, gsize cell, guint merged)
{
  const gfloat *value = level->loop->value + cell * level->loop->max_depth;
  AlitraUpdateLevel *update = level->update;
  guint at = update->keep[cell], k;

  for (k = 0; k + 1 < LAYERS; k++) {
    const guint layer = MAX (k + 1, merged) - 1;

    at = layer + 1 < LAYERS ? reach (value, at, update->depth[cell],
        level->least[layer]) : update->depth[cell];
    update->cut[k][cell] = at;
  }
}

/* How many of the first layers are one: the same for all slices, since a picture that is cut at one price is better than
 * one that is cut here and whole there. */
static guint
count_merged (const Level levels[ALITRA_LEVELS], guint slices)
{
  guint merged = LAYERS, slice, active = 0;
  gsize fresh = 0;

  for (slice = 0; slice < slices; slice++) {
    const guint here = count_fresh (levels, slice);

    fresh += here;
    active += here > 0;
  }
  while (merged > 1 && active > 0
      && fresh >= (gsize) tokens_for[LAYERS - merged] * active)
    merged--;
  return merged;
}

void
alitra_layers_none (AlitraUpdate * update)
{
  update->layers = 1;
  update->levels[0] = ALL_LEVELS;
}

void
alitra_layers_make (AlitraUpdate * update,
    const AlitraTokenLoop * const loop[ALITRA_LEVELS],
    const gdouble price[ALITRA_LEVELS], guint slices)
{
  Level levels[ALITRA_LEVELS];
  gdouble times = 1.;
  gfloat median;
  guint l, k, merged;
  gsize i;

  update->layers = LAYERS;
  for (k = 0; k < LAYERS; k++)
    update->levels[k] = ALL_LEVELS;
  for (l = 0; l < ALITRA_LEVELS; l++) {
    levels[l].loop = loop[l];
    levels[l].update = &update->level[l];
    levels[l].columns = (loop[l]->cells >> (COARSEST - l)) / slices;
  }
  median = find_median (levels, price);
  if (median > FAR_ABOVE && isfinite (median))
    times = median / exp2 (OCTAVES);
  for (l = 0; l < ALITRA_LEVELS; l++)
    for (k = 0; k + 1 < LAYERS; k++)
      levels[l].least[k] = times * price[l] * exp2 (OCTAVES * (LAYERS - 1 - k));
  merged = count_merged (levels, slices);
  for (l = 0; l < ALITRA_LEVELS; l++)
    for (i = 0; i < loop[l]->cells; i++)
      cut_cell (&levels[l], i, merged);
}
