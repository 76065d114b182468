/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers.h"

#include <math.h>
#include <string.h>

/* Cells that are worth sharing with another thread. */
#define SHARED 256
#define COARSEST (ALITRA_LEVELS - 1)
#define ALL_LEVELS ((1 << ALITRA_LEVELS) - 1)

/* Each layer but the first brings about as many tokens as all before it: the price falls by so many octaves. */
#define OCTAVES 1.25

/* A layer costs each slice some five bytes: so many new tokens in a slice that has any make two, three and four layers worth
 * that, in streams that nobody means to cut: losses on the way are milder with some. Fewer go into the first ones: a receiver
 * of few layers gets rather too much than too little of them. */
static const guint tokens_for[] = { 64, 192, 480 };

#define LAYERS (G_N_ELEMENTS (tokens_for) + 1)

/* Coarse tokens travel so many octaves earlier than what they took off says: finer cells describe what all of them left
 * over, so that one which is cut leaves an error that nothing else repairs. */
static const gdouble earlier[ALITRA_LEVELS] = { 0., 2., 2.8 };

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
  guint8 *layer;                /* of AlitraLayers */
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

/* The layer of the last token that a cell keeps. A receiver without it cannot use those behind it. */
static guint
layer_of_kept (const Level * level, gsize cell)
{
  const guint keep = level->update->keep[cell];

  return keep > 0 ? level->layer[cell * level->loop->max_depth + keep - 1] : 0;
}

/* New tokens that are worth an earlier layer than the kept ones came in are of no use to a receiver of few layers, which
 * lacks those that they build on: the cell then keeps no more than such a receiver has, and the rest travels once more. */
static void
keep_less (const Level * level, gsize cell)
{
  const guint max_depth = level->loop->max_depth;
  const gfloat *value = level->loop->value + cell * max_depth;
  const guint8 *travels = level->layer + cell * max_depth;
  AlitraUpdateLevel *update = level->update;
  const guint first = layer_of_kept (level, cell);
  const guint depth = update->depth[cell];
  guint keep = update->keep[cell], k;

  for (k = 0; k < first && reach (value, keep, depth,
          level->least[k]) == keep; k++);
  if (k == first)
    return;
  while (keep > 0 && travels[keep - 1] > k)
    keep--;
  update->keep[cell] = keep;
}

/* The first `merged` layers end where the last of them does. */
static void
cut_cell (const Level * level, gsize cell, guint merged)
{
  const guint max_depth = level->loop->max_depth;
  const gfloat *value = level->loop->value + cell * max_depth;
  guint8 *travels = level->layer + cell * max_depth;
  AlitraUpdateLevel *update = level->update;
  const guint first = layer_of_kept (level, cell);
  guint at = update->keep[cell], k, t = at;

  for (k = 0; k < LAYERS; k++) {
    const guint layer = MAX (k + 1, merged) - 1;

    if (layer + 1 == LAYERS)
      at = update->depth[cell];
    else if (k >= first)
      at = reach (value, at, update->depth[cell], level->least[layer]);
    if (k + 1 < LAYERS)
      update->cut[k][cell] = at;
    for (; t < at; t++)
      travels[t] = k;
  }
}

typedef struct
{
  const Level *level;
  guint merged;
  gboolean keep_less;
} Cut;

/* All layers are one: they end where the cells do. */
static void
cut_nothing (const Level * level, guint first, guint end)
{
  const gsize max_depth = level->loop->max_depth;
  const AlitraUpdateLevel *update = level->update;
  guint i, k;

  for (k = 0; k + 1 < LAYERS; k++)
    memcpy (update->cut[k] + first, update->depth + first, end - first);
  for (i = first; i < end; i++)
    if (update->depth[i] > update->keep[i])
      memset (level->layer + i * max_depth + update->keep[i], 0,
          update->depth[i] - update->keep[i]);
}

static void
cut_part (gpointer data, guint first, guint end)
{
  const Cut *cut = data;
  guint i;

  if (cut->merged == LAYERS) {
    cut_nothing (cut->level, first, end);
    return;
  }
  for (i = first; i < end; i++) {
    if (cut->keep_less)
      keep_less (cut->level, i);
    cut_cell (cut->level, i, cut->merged);
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
alitra_layers_init (AlitraLayers * layers, const AlitraMemory * memory)
{
  guint l;

  for (l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    layers->layer[l] = g_new0 (guint8,
        (gsize) level->columns * level->rows * level->max_depth);
  }
}

void
alitra_layers_clear (AlitraLayers * layers)
{
  guint l;

  for (l = 0; l < ALITRA_LEVELS; l++)
    g_clear_pointer (&layers->layer[l], g_free);
}

void
alitra_layers_none (AlitraUpdate * update)
{
  update->layers = 1;
  update->levels[0] = ALL_LEVELS;
}

void
alitra_layers_make (AlitraLayers * layers, AlitraUpdate * update,
    const AlitraTokenLoop * const loop[ALITRA_LEVELS],
    const gdouble price[ALITRA_LEVELS], guint slices, gboolean scalable,
    AlitraWorkers * workers)
{
  Level levels[ALITRA_LEVELS];
  gdouble times = 1.;
  gfloat median;
  guint l, k, merged;

  update->layers = LAYERS;
  for (k = 0; k < LAYERS; k++)
    update->levels[k] = ALL_LEVELS;
  for (l = 0; l < ALITRA_LEVELS; l++) {
    levels[l].loop = loop[l];
    levels[l].update = &update->level[l];
    levels[l].layer = layers->layer[l];
    levels[l].columns = (loop[l]->cells >> (COARSEST - l)) / slices;
  }
  median = find_median (levels, price);
  if (median > FAR_ABOVE && isfinite (median))
    times = median / exp2 (OCTAVES);
  for (l = 0; l < ALITRA_LEVELS; l++)
    for (k = 0; k + 1 < LAYERS; k++) {
      const gdouble octaves = OCTAVES * (LAYERS - 1 - k)
          - (scalable ? earlier[l] : 0.);

      levels[l].least[k] = times * price[l] * exp2 (MAX (octaves, 0.));
    }
  merged = scalable ? 1 : count_merged (levels, slices);
  for (l = 0; l < ALITRA_LEVELS; l++) {
    Cut cut = { &levels[l], merged, scalable && layers->resend };

    alitra_workers_share (workers, loop[l]->cells, SHARED, cut_part, &cut);
  }
}
