/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "purse.h"

#include <math.h>

guint
alitra_level_tokens_count_same (const AlitraLevelTokens * tokens, gsize cell)
{
  const AlitraTokenLoop *loop = tokens->loop;
  const AlitraMemoryLevel *memory = tokens->memory;
  const guint16 *ids = loop->ids + cell * loop->max_depth;
  const guint16 *held = memory->tokens + cell * memory->max_depth;
  guint most = MIN (memory->depth[cell], loop->depth[cell]), n = 0;

  while (n < most && held[n] == ids[n])
    n++;
  return n;
}

/* Of the tokens that the loop holds in a cell, those that this packet need not bring. */
static guint
count_held (const AlitraLevelTokens * tokens, gsize cell)
{
  return tokens->anew[cell] ? 0 : alitra_level_tokens_count_same (tokens, cell);
}

gsize
alitra_level_tokens_count (const AlitraLevelTokens * tokens)
{
  gsize sum = 0;
  guint i;

  for (i = 0; i < tokens->loop->cells; i++)
    sum += tokens->loop->depth[i];
  return sum;
}

gsize
alitra_level_tokens_count_new (const AlitraLevelTokens * tokens)
{
  gsize sum = 0;
  guint i;

  for (i = 0; i < tokens->loop->cells; i++)
    sum += tokens->loop->depth[i] - count_held (tokens, i);
  return sum;
}

void
alitra_purse_init (AlitraPurse * purse, const AlitraSettings * settings)
{
  *purse = (AlitraPurse) {
  settings->target_tokens > 0, settings->target_tokens,
        settings->max_new_tokens > 0, settings->max_new_tokens, NAN, FALSE,
        FALSE};
}

gboolean
alitra_purse_has_more (const AlitraPurse * purse,
    const AlitraLevelTokens * tokens)
{
  return (!purse->limited || alitra_level_tokens_count (tokens) < purse->left)
      && (!purse->new_limited
      || alitra_level_tokens_count_new (tokens) < purse->new_left);
}

/* Cuts what the level would like to `most` tokens; kept tokens have a small advantage.  Returns the log2 gain of the
 * cheapest token that stays, or NAN. */
static gfloat
cut_to (const AlitraLevelTokens * tokens, AlitraBudget * budget,
    gfloat * gains, gsize most)
{
  const AlitraTokenLoop *loop = tokens->loop;
  gfloat cheapest = NAN;
  guint i, t;

  if (alitra_level_tokens_count (tokens) > most) {
    for (i = 0; i < loop->cells; i++)
      for (t = 0; t < loop->depth[i]; t++)
        gains[(gsize) i * loop->max_depth + t] =
            alitra_token_loop_worth (loop, i, t);
    alitra_budget_keep_best (budget, loop->cells, loop->max_depth, gains,
        loop->depth, most, NAN);
  }
  for (i = 0; i < loop->cells; i++)
    if (loop->depth[i] > 0)
      cheapest = fminf (cheapest,
          loop->gains[(gsize) i * loop->max_depth + loop->depth[i] - 1]);
  return cheapest;
}

/* Cuts what the level would like to bring to `most` new tokens.  Returns the log2 gain of the cheapest that stays, or
 * NAN. */
static gfloat
cut_new_to (const AlitraLevelTokens * tokens, AlitraBudget * budget,
    gfloat * gains, gsize most)
{
  const AlitraTokenLoop *loop = tokens->loop;
  gsize all_held = 0;
  gfloat cheapest = NAN;
  guint i, t;

  for (i = 0; i < loop->cells; i++) {
    const guint held = count_held (tokens, i);

    all_held += held;
    for (t = 0; t < loop->depth[i]; t++)
      gains[(gsize) i * loop->max_depth + t] =
          t < held ? G_MAXFLOAT : alitra_token_loop_worth (loop, i, t);
  }
  alitra_budget_keep_best (budget, loop->cells, loop->max_depth, gains,
      loop->depth, all_held + most, NAN);
  for (i = 0; i < loop->cells; i++)
    if (loop->depth[i] > count_held (tokens, i))
      cheapest = fminf (cheapest,
          loop->gains[(gsize) i * loop->max_depth + loop->depth[i] - 1]);
  return cheapest;
}

void
alitra_purse_cut (AlitraPurse * purse, const AlitraLevelTokens * tokens,
    AlitraBudget * budget, gfloat * gains)
{
  gsize before;

  if (purse->limited)
    purse->limit = cut_to (tokens, budget, gains, purse->left);
  if (purse->new_limited) {
    before = alitra_level_tokens_count (tokens);
    purse->limit = cut_new_to (tokens, budget, gains, purse->new_left);
    purse->cut |= alitra_level_tokens_count (tokens) < before;
  }
}

void
alitra_purse_pay (AlitraPurse * purse, const AlitraLevelTokens * tokens)
{
  if (purse->limited)
    purse->left -= MIN (purse->left, alitra_level_tokens_count (tokens));
  if (purse->new_limited)
    purse->new_left -= MIN (purse->new_left,
        alitra_level_tokens_count_new (tokens));
}
