/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenizerlevels.h"

#include <math.h>
#include <string.h>

#include "tokenizerlook.h"
#include "tokenizersurface.h"

/* Cells that are worth sharing with another thread. */
#define SHARED 256
/* With a budget the finest level looks at tokens somewhat below the price, so that the best of them can be chosen. */
#define SLACK .45
/* Where the price is that of the frame before, nearly all that are chosen are worth it: less far, at first. */
#define SLACK_OF_KNOWN .8
#define LOWEST_STOP -15.f       /* log2 gain at which even an exact length gives up asking */
/* For recognition a second token of a cell must take off twice as much as a first one, a third four times, and so on: many
 * cells with a token or two are worth more to a transformer than few that are described well (docs/recognition.md). */
#define DEEPER_FOR_RECOGNITION 1.f
/* What reuse may add to the error of a patch, in thresholds of reuse; all that it adds to a coarse cell may lie in one. */
#define REUSE_SLACK 1.5
/* Octaves of gain that a token which the receiver holds may lack of a new one's: it is dropped, or changed for another
 * cell's, only if that gains clearly more.  Otherwise noise, and small changes of the price, would shuffle tokens. */
#define KEPT_BONUS 2.1f
/* Where held tokens are counted they take as much room as new ones.  With so large a bonus tokens gather in what stands
 * still: what changes gives its own up again and again, and cannot win them back.  Where a cell chooses what it keeps, and
 * where cells compete; found with some of the clips of tools/clips.py. */
#define BUDGET_KEPT_BONUS 1.f
#define BUDGET_HELD_BONUS .5f
/* Old tokens that many new ones of the last layers correct are of little worth to a receiver that does not get those: a
 * stream that is cut keeps them only where they are nearly as good as new ones. Found with tools/trimming.py. */
#define SCALABLE_KEPT_BONUS .1f

static AlitraLevelTokens
tokens_of (const AlitraTokenizer * self, guint index)
{
  return (AlitraLevelTokens) {
  &self->level[index].loop, &self->memory->level[index],
        self->update->level[index].anew};
}

static guint
most_of (const AlitraTokenizer * self, guint index,
    const AlitraSettings * settings)
{
  const guint most = self->level[index].loop.max_depth;

  return settings->max_depth ? MIN (settings->max_depth, most) : most;
}

/* Tokens that a level must take when the length is exact, because finer levels could not hold them. */
static gsize
least_of (const AlitraTokenizer * self, guint index,
    const AlitraSettings * settings, const AlitraPurse * purse)
{
  gsize room = 0;
  guint i;

  if (!purse->limited || !settings->exact_length)
    return 0;
  for (i = 0; i < index; i++)
    room += count_mask (self->level[i].inside, cells_of (&self->level[i]))
        * most_of (self, i, settings);
  return purse->left > room ? purse->left - room : 0;
}

/* Flat and smooth cells hold few tokens: where these do not suffice, the loop takes the cells over. */
static void
open_closed_cells (AlitraTokenizer * self, guint index)
{
  Level *level = &self->level[index];
  gsize cells = cells_of (level), i;

  for (i = 0; i < cells; i++) {
    level->mask[i] = level->inside[i] && level->loop.closed[i];
    if (index == COARSEST && level->mask[i])
      self->flat->flat[i] = FALSE;
  }
  alitra_token_loop_begin (&level->loop, level->mask, NULL);
}

/* How far below the price of the frame before the finest level looks at first. */
static gfloat
near_stop_of (gfloat stop)
{
  return stop + log2 (SLACK_OF_KNOWN);
}

/* Gains that the finest level will not ask of any cell: with a budget there are no tolls, which could make them less. */
static gfloat
idle_stop_of (const AlitraTokenizer * self, const Frame * frame,
    gdouble price, const AlitraPurse * purse)
{
  return purse->known && purse->limited && !frame->settings->exact_length
      ? near_stop_of (alitra_tokenizer_stop_of (self, 0, price))
      : -G_MAXFLOAT;
}

/* What others leave must be spent: on cells in which less is left, too. */
static void
wake_idle_cells (AlitraTokenizer * self, const Frame * frame, gfloat stop)
{
  Level *level = self->level;

  alitra_tokenizer_analyse_idle (self, frame, stop);
  alitra_token_loop_wake (&level->loop, level->mask);
}

/* The finest level spends what is left: it looks below the price, so that there is something to choose from. */
static gfloat
run_finest (AlitraTokenizer * self, const Frame * frame, gfloat stop,
    gfloat kept_stop, guint most, const AlitraPurse * purse)
{
  AlitraTokenLoop *loop = &self->level[0].loop;
  const AlitraLevelTokens tokens = tokens_of (self, 0);
  const gfloat lowest = stop + log2 (SLACK);

  if (purse->known) {
    const gfloat near = near_stop_of (stop);

    loop->sparing = TRUE;
    alitra_token_loop_run (loop, near, MIN (near, kept_stop), most);
    loop->sparing = FALSE;
    if (!alitra_purse_has_more (purse, &tokens))
      return near;
    wake_idle_cells (self, frame, lowest);
  }
  alitra_token_loop_run (loop, lowest, MIN (lowest, kept_stop), most);
  return lowest;
}

static void
run_learned (AlitraTokenizer * self, guint index, const Frame * frame,
    gdouble price, gdouble kept_price, AlitraPurse * purse)
{
  const AlitraSettings *settings = frame->settings;
  Level *level = &self->level[index];
  AlitraTokenLoop *loop = &level->loop;
  const gsize cells = cells_of (level);
  const gsize least = least_of (self, index, settings, purse);
  const guint most = most_of (self, index, settings);
  const gboolean finest = index == 0;
  gfloat stop = alitra_tokenizer_stop_of (self, index, price);
  const gfloat kept_stop = alitra_tokenizer_stop_of (self, index, kept_price);
  const AlitraLevelTokens tokens = tokens_of (self, index);

  if (finest && (purse->limited || purse->new_limited))
    stop = run_finest (self, frame, stop, kept_stop, most, purse);
  else
    alitra_token_loop_run (loop, stop, MIN (stop, kept_stop), most);
  while (sum_depth (loop->depth, cells) < least && stop > LOWEST_STOP) {
    stop -= 1.5f;
    alitra_token_loop_run (loop, stop, stop, most);
  }
  if (sum_depth (loop->depth, cells) < least)
    alitra_token_loop_run (loop, -G_MAXFLOAT, -G_MAXFLOAT, most);
  if (sum_depth (loop->depth, cells) < least) {
    open_closed_cells (self, index);
    alitra_token_loop_run (loop, -G_MAXFLOAT, -G_MAXFLOAT, most);
  }
  alitra_purse_cut (purse, &tokens, &self->budget, level->gains);
}

/* The controls know how many tokens each cell gets before they start. */
static void
run_control (AlitraTokenizer * self, guint index,
    const AlitraSettings * settings, const AlitraLayout * layout,
    AlitraPurse * purse)
{
  Level *level = &self->level[index];
  AlitraTokenLoop *loop = &level->loop;
  const gsize cells = cells_of (level), inside = count_mask (level->inside,
      cells);
  const guint most = most_of (self, index, settings);
  const guint depth = MIN (layout->depth[index], most);
  gsize total = inside * depth, i;

  total = MAX (total, least_of (self, index, settings, purse));
  total = purse->limited ? MIN (total, purse->left) : total;
  for (i = 0; i < cells; i++)
    level->mask[i] = level->inside[i] ? most : 0;
  alitra_layout_rank (settings->allocation == ALITRA_ALLOCATION_COMPLEXITY
      ? alitra_token_loop_get_start (loop) : NULL, cells, loop->max_depth,
      level->gains);
  alitra_budget_keep_best (&self->budget, cells, loop->max_depth,
      level->gains, level->mask, total, 0.f);
  alitra_token_loop_run_to (loop, level->mask);
}

typedef struct
{
  AlitraTokenizer *tokenizer;
  guint index;
  const Frame *frame;
} Writing;

/* Writes what the loop holds into the update: a cell keeps the prefix that it shares with the memory.  The mask says which
 * cells look different then. */
static void
write_part (gpointer data, guint first, guint end)
{
  const Writing *job = data;
  const AlitraTokenizer *self = job->tokenizer;
  const Frame *frame = job->frame;
  const guint index = job->index;
  const Level *level = &self->level[index];
  const AlitraTokenLoop *loop = &level->loop;
  const AlitraLevelTokens tokens = tokens_of (self, index);
  AlitraUpdateLevel *update = &self->update->level[index];
  gsize i;

  for (i = first; i < end; i++) {
    const guint8 depth = loop->depth[i];
    const guint same =
        frame->key ? 0 : alitra_level_tokens_count_same (&tokens, i);

    update->keep[i] = update->anew[i] ? 0 : same;
    update->depth[i] = depth;
    update->valid[i] = TRUE;
    memcpy (update->tokens + i * loop->max_depth,
        loop->ids + i * loop->max_depth, depth * sizeof (guint16));
    level->mask[i] = same != depth || (!frame->key
        && depth != tokens.memory->depth[i]);
  }
}

static void
write_update (AlitraTokenizer * self, guint index, const Frame * frame)
{
  Writing job = { self, index, frame };

  alitra_workers_share (self->workers, cells_of (&self->level[index]), SHARED,
      write_part, &job);
}

/* Energy of a cell that is so many grey levels off everywhere. */
static gfloat
energy_of_difference (gdouble levels)
{
  const gdouble d = MAX (levels, 0.) / 255.;

  return d * d * ALITRA_CELL * ALITRA_CELL;
}

/* With a budget of tokens that are held all cost the same: what lasts longer is not cheaper.  A picture that is only sent
 * anew does not get calmer by that: it is to stay as it is. */
static void
set_tolls (Level * level, guint index, const Frame * frame)
{
  if (frame->still)
    return;
  if (frame->reuse && frame->settings->target_tokens == 0) {
    alitra_lifetime_follow (&level->lifetime, level->active, level->inside,
        index == 0, level->loop.toll);
    return;
  }
  alitra_lifetime_reset (&level->lifetime);
  memset (level->loop.toll, 0, cells_of (level) * sizeof (gfloat));
}

/* What a held token may lack where its cell chooses what it keeps. */
static gfloat
kept_bonus_of (const AlitraTokenizer * self, const Frame * frame)
{
  if (self->scalable)
    return SCALABLE_KEPT_BONUS;
  return frame->settings->target_tokens ? BUDGET_KEPT_BONUS : KEPT_BONUS;
}

static void
tokenise_level (AlitraTokenizer * self, guint index, const Frame * frame,
    const Prices * prices, AlitraPurse * purse)
{
  Level *level = &self->level[index];
  const gfloat stop = alitra_tokenizer_stop_of (self, index, prices->fresh);
  const AlitraHeldTokens held = { self->memory->level[index].depth,
    self->memory->level[index].tokens, stop,
    energy_of_difference (REUSE_SLACK * frame->settings->reuse_threshold)
        / (1 << (2 * index)),
    kept_bonus_of (self, frame)
  };

  set_tolls (level, index, frame);
  level->loop.held_bonus =
      frame->settings->target_tokens ? BUDGET_HELD_BONUS : KEPT_BONUS;
  level->loop.deeper = level->recognition ? DEEPER_FOR_RECOGNITION : 0.f;
  memcpy (level->mask, level->active, cells_of (level));
  if (index == COARSEST)
    alitra_tokenizer_tokenise_flat_cells (self);
  alitra_token_loop_begin (&level->loop, level->mask,
      frame->reuse ? &held : NULL);
  /* The smooth token says that there is nothing to see: that is for the eye. */
  if (index < COARSEST && !level->recognition)
    alitra_tokenizer_tokenise_smooth_cells (self, index, stop);
  run_learned (self, index, frame, prices->fresh, prices->kept, purse);
}

void
alitra_tokenizer_encode_levels (AlitraTokenizer * self, const Frame * frame,
    const Prices * prices, const AlitraLayout * layout, AlitraPurse * purse)
{
  gint index;

  for (index = COARSEST; index >= 0; index--) {
    Level *level = &self->level[index];
    AlitraTokenLoop *loop = &level->loop;
    const AlitraLevelTokens tokens = tokens_of (self, index);
    const gfloat idle_stop = layout || index > 0 ? -G_MAXFLOAT
        : idle_stop_of (self, frame, prices->fresh, purse);

    level->recognition =
        frame->settings->objective == ALITRA_OBJECTIVE_RECOGNITION;
    alitra_tokenizer_find_active (self, index, frame);
    alitra_tokenizer_analyse (self, index, frame, layout == NULL, idle_stop);
    if (layout) {
      alitra_token_loop_begin (loop, level->active, NULL);
      run_control (self, index, frame->settings, layout, purse);
    } else {
      tokenise_level (self, index, frame, prices, purse);
    }
    alitra_purse_pay (purse, &tokens);
    if (index > 0) {
      alitra_token_loop_settle (loop);
      if (index == COARSEST && !layout)
        alitra_tokenizer_settle_flat_cells (self);
    }
    write_update (self, index, frame);
    if (index > 0)
      alitra_rebuild_level (self->rebuild, index, loop->ids, loop->depth,
          level->mask);
  }
}
