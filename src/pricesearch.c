/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pricesearch.h"

#include <math.h>

/* Times that a first frame is encoded, to find the price at which it takes the tokens that it may. */
#define ROUNDS 6
#define SETTLED .1              /* log2: prices closer than that are the same */
#define LOWEST_PRICE 1e-3
#define HIGHEST_PRICE 100.
/* log2: what a sample paid is its price if that is so near to the price that was asked. */
#define NEAR 1.
/* Of a sample that took less of its share, it is only known that the price must fall a lot. */
#define LEAST_TAKEN (1. / 16.)

/* The price that the finest level paid is what the coarse levels should have asked. */
static gdouble
next_price (gdouble price, gfloat limit, gboolean all_spent)
{
  gdouble paid = isnan (limit) ? price : exp2 (limit);

  if (!all_spent)
    paid = price * .6;
  else if (isnan (limit))
    paid = price * 2.;          /* nothing was left for the finest level */
  return CLAMP (sqrt (price * paid), LOWEST_PRICE, HIGHEST_PRICE);
}

/* What to ask next when a sample at this price took so many tokens of those that it may, and paid `limit`. */
static gdouble
next_of_sample (gdouble price, gfloat limit, gdouble taken)
{
  gdouble next = price * 2.;    /* nothing was left for the finest level */

  if (taken < 1.)
    next = alitra_budget_price_of_more (price, 1. / MAX (taken, LEAST_TAKEN));
  else if (!isnan (limit))
    next = exp2 (limit);
  return CLAMP (next, LOWEST_PRICE, HIGHEST_PRICE);
}

/* The price at which a sample of the frame takes its share of what may be spent. */
static gdouble
find_price (const AlitraPriceSearch * search, gdouble price, gdouble lowest)
{
  AlitraSettings settings = *search->settings;
  guint *const may = settings.target_tokens ? &settings.target_tokens
      : &settings.max_new_tokens;
  const gboolean held = settings.target_tokens > 0;
  guint round;

  *may = MAX ((guint64) * may * search->sample / search->slices, 1);
  settings.exact_length = FALSE;
  for (round = 0; round < ROUNDS; round++) {
    const AlitraPriceTry what = { &settings, price, held ? price : lowest,
      TRUE, TRUE
    };
    gboolean near_enough;
    gdouble taken, next;
    AlitraPurse purse;

    alitra_purse_init (&purse, &settings);
    taken = (gdouble) search->encode (search->data, &what, &purse) / *may;
    next = MAX (next_of_sample (price, purse.limit, taken), lowest);
    near_enough = taken >= 1. && fabs (log2 (next / price)) < NEAR;
    if (next == price || near_enough)
      round = ROUNDS;
    price = next;
  }
  return price;
}

/* Encodes the frame, again if `rounds` says so, until the price fits what may be spent; never below `lowest`. */
static void
encode_to_price (AlitraPriceSearch * search, gdouble price, gdouble lowest,
    guint rounds)
{
  const AlitraSettings *settings = search->settings;
  const gboolean sampled = rounds > 1 && search->key && search->sample > 0;
  guint round;

  if (sampled)
    price = find_price (search, price, lowest);

  for (round = 0; round < rounds; round++) {
    const AlitraPriceTry what = { settings, price,
      settings->target_tokens ? price : lowest, FALSE, sampled || round > 0
    };
    gboolean all_spent;
    AlitraPurse purse;
    gdouble next;
    gsize tokens;

    alitra_purse_init (&purse, settings);
    purse.known = rounds == 1;
    tokens = search->encode (search->data, &what, &purse);
    all_spent = settings->target_tokens ? purse.left == 0
        || tokens >= settings->target_tokens : purse.cut;
    next = MAX (next_price (price, purse.limit, all_spent), lowest);
    search->pending = purse.cut || fabs (log2 (next / price)) >= SETTLED;
    if (!search->pending || (sampled && all_spent))
      round = rounds;
    price = next;
  }
  search->price = price;
}

static void
encode_to_budget (AlitraPriceSearch * search)
{
  const guint target = search->settings->target_tokens;
  gdouble price = search->price;
  guint rounds = 1;

  if (price <= 0. || search->priced_tokens == 0) {
    price = alitra_budget_first_price (target, search->patches);
    rounds = ROUNDS;
  } else if (search->priced_tokens != target) {
    price = alitra_budget_price_of_more (price,
        (gdouble) target / search->priced_tokens);
    price = CLAMP (price, LOWEST_PRICE, HIGHEST_PRICE);
    rounds = search->key ? ROUNDS : 1;
  }
  encode_to_price (search, price, LOWEST_PRICE, rounds);
  search->priced_tokens = target;
}

/* In quality mode the price is given; with a limit of new tokens it is higher until all is told. */
static void
encode_to_quality (AlitraPriceSearch * search)
{
  const AlitraSettings *settings = search->settings;
  const gdouble lowest = alitra_budget_price_of_quality (settings->quality);
  gdouble price = lowest;
  guint rounds = 1;

  if (settings->max_new_tokens > 0) {
    price = search->price;
    if (search->key || price <= 0. || search->priced_tokens > 0) {
      price = alitra_budget_first_price (settings->max_new_tokens,
          search->patches);
      rounds = ROUNDS;
    }
    price = MAX (price, lowest);
  }
  encode_to_price (search, price, lowest, rounds);
  search->priced_tokens = 0;
}

void
alitra_price_search_run (AlitraPriceSearch * search)
{
  if (search->settings->target_tokens > 0)
    encode_to_budget (search);
  else
    encode_to_quality (search);
}
