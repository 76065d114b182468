/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers.h"

#include <math.h>

#define COARSEST (ALITRA_LEVELS - 1)
#define ALL_LEVELS ((1 << ALITRA_LEVELS) - 1)

/* Each layer but the first brings about as many tokens as all before it: the price falls by so many octaves. */
#define OCTAVES 1.25

/* A layer costs each slice some five bytes: so many new tokens in a slice that has any make two, three and four layers worth
 * that. Fewer go into the first ones: a receiver of few layers gets rather too much than too little of them. */
static const guint tokens_for[] = { 24, 64, 160 };

#define LAYERS (G_N_ELEMENTS (tokens_for) + 1)

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
  guint l, k, merged;
  gsize i;

  update->layers = LAYERS;
  for (k = 0; k < LAYERS; k++)
    update->levels[k] = ALL_LEVELS;
  for (l = 0; l < ALITRA_LEVELS; l++) {
    levels[l].loop = loop[l];
    levels[l].update = &update->level[l];
    levels[l].columns = (loop[l]->cells >> (COARSEST - l)) / slices;
    for (k = 0; k + 1 < LAYERS; k++)
      levels[l].least[k] = price[l] * exp2 (OCTAVES * (LAYERS - 1 - k));
  }
  merged = count_merged (levels, slices);
  for (l = 0; l < ALITRA_LEVELS; l++)
    for (i = 0; i < loop[l]->cells; i++)
      cut_cell (&levels[l], i, merged);
}
