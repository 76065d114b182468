/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/tokenizer.h>

#include <math.h>
#include <string.h>

#include "frame.h"
#include "framestats.h"
#include "packetheader.h"
#include "pixel-loops.h"
#include "pricesearch.h"
#include "tokenizerlevels.h"
#include "tokenizerlook.h"

/* Mean difference in grey levels of the quarter-size picture that is taken for a scene cut: nothing that is kept would
 * help. */
#define CUT_DIFFERENCE 30.f

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraTokenizer, alitra_tokenizer, alitra_tokenizer_ref, alitra_tokenizer_unref)
/* *INDENT-ON* */

static gboolean
check_stream (const AlitraStreamInfo * info, GError ** error)
{
  if (info->width < 1 || info->width > ALITRA_MAX_SIZE || info->height < 1
      || info->height > ALITRA_MAX_SIZE) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a picture of 1x1 to %ux%u, got %ux%u: scale it first",
        ALITRA_MAX_SIZE, ALITRA_MAX_SIZE, info->width, info->height);
    return FALSE;
  }
  return alitra_packet_check_rates (info, error);
}

AlitraTokenizer *
alitra_tokenizer_new (AlitraModel * model, const AlitraStreamInfo * info,
    guint threads, GError ** error)
{
  AlitraTokenizer *self;
  AlitraWorkers *workers;
  AlitraAllocator *allocator;
  AlitraGrid grid;
  AlitraVocabulary vocabulary;
  guint max_depth[ALITRA_LEVELS], i;

  g_return_val_if_fail (model && info, NULL);

  if (!check_stream (info, error))
    return NULL;
  grid = alitra_grid_of (info->width, info->height, COARSEST);
  workers = alitra_workers_new (threads);
  allocator = alitra_allocator_new (model, grid.columns, grid.rows, workers,
      error);
  if (!allocator) {
    alitra_workers_free (workers);
    return NULL;
  }
  self = g_new0 (AlitraTokenizer, 1);
  self->references = 1;
  self->model = alitra_model_ref (model);
  self->stream = *info;
  self->workers = workers;
  self->allocator = allocator;
  self->rebuild = alitra_rebuild_new (model, info->width, info->height, 1,
      workers);
  for (i = 0; i < ALITRA_LEVELS; i++)
    max_depth[i] = model->level[i].depth;
  self->memory = alitra_memory_new (info->width, info->height, max_depth);
  self->before = alitra_memory_new (info->width, info->height, max_depth);
  self->update = alitra_update_new (self->memory);
  alitra_flat_get_vocabulary (model, &vocabulary);
  self->coder = alitra_packet_coder_new (&vocabulary);
  alitra_packet_coder_use_workers (self->coder, workers);
  self->flat = alitra_flat_grid_new (info->width, info->height,
      model->chroma_gain);
  alitra_budget_init (&self->budget);
  alitra_layouts_init (&self->layouts, model);
  alitra_level_price_init (&self->level_price, model);
  alitra_layers_init (&self->layers, self->memory);
  alitra_intake_init (&self->intake, info->width, info->height,
      model->chroma_gain, workers);
  for (i = 0; i < ALITRA_LEVELS; i++)
    alitra_tokenizer_level_init (&self->level[i], self, i);
  self->strips = alitra_workers_get_threads (workers);
  self->strip = g_new0 (AlitraPlanes, self->strips);
  for (i = 0; i < self->strips; i++)
    alitra_planes_init (&self->strip[i], (AlitraGrid) {
        self->level[0].grid.columns, 1}
  );
  self->row_difference = g_new0 (gdouble, self->level[COARSEST].grid.rows);
  self->patches = ((info->width + 15) / 16) * ((info->height + 15) / 16);
  return self;
}

AlitraTokenizer *
alitra_tokenizer_ref (AlitraTokenizer * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

void
alitra_tokenizer_free (AlitraTokenizer * self)
{
  alitra_tokenizer_unref (self);
}

void
alitra_tokenizer_unref (AlitraTokenizer * self)
{
  guint i;

  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  for (i = 0; i < ALITRA_LEVELS; i++)
    alitra_tokenizer_level_clear (&self->level[i]);
  for (i = 0; i < self->strips; i++)
    alitra_planes_clear (&self->strip[i]);
  g_free (self->strip);
  g_free (self->row_difference);
  alitra_intake_clear (&self->intake);
  alitra_layers_clear (&self->layers);
  alitra_layouts_clear (&self->layouts);
  alitra_budget_clear (&self->budget);
  alitra_flat_grid_free (self->flat);
  alitra_packet_coder_free (self->coder);
  alitra_update_free (self->update);
  alitra_memory_free (self->before);
  alitra_memory_free (self->memory);
  alitra_rebuild_free (self->rebuild);
  alitra_allocator_free (self->allocator);
  alitra_workers_free (self->workers);
  alitra_model_unref (self->model);
  g_free (self);
}

const AlitraMemory *
alitra_tokenizer_get_memory (AlitraTokenizer * self)
{
  g_return_val_if_fail (self, NULL);
  return self->memory;
}

/* ---- what is to be tokenised ---- */

static void
compare_coarse_row (gpointer data, guint row, guint worker)
{
  AlitraTokenizer *self = data;
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const Level *coarsest = &self->level[COARSEST];
  const AlitraPlanes *a = coarsest->source, *b = &coarsest->change.reference;
  const gsize at = (gsize) row * ALITRA_CELL * a->luma_stride;
  guint x;

  self->row_difference[row] = 0.;
  for (x = 0; x < a->grid.columns; x++)
    self->row_difference[row] += loops->difference (a->luma + at
        + x * ALITRA_CELL, a->luma_stride, b->luma + at + x * ALITRA_CELL,
        b->luma_stride, ALITRA_CELL);
}

/* Mean difference of the quarter-size picture from when it was last tokenised, in grey levels. */
static gdouble
coarse_difference (AlitraTokenizer * self)
{
  const Level *coarsest = &self->level[COARSEST];
  gdouble sum = 0.;
  guint row;

  alitra_workers_run (self->workers, coarsest->grid.rows, compare_coarse_row,
      self);
  for (row = 0; row < coarsest->grid.rows; row++)
    sum += self->row_difference[row];
  return sum * 255. / (cells_of (coarsest) * ALITRA_CELL * ALITRA_CELL);
}

/* ---- one frame ---- */

/* Cells that the packet shall say whole, whatever the receiver holds. */
static void
mark_anew (AlitraTokenizer * self, const Frame * frame)
{
  const gboolean all = frame->key || !frame->settings->temporal_reuse;
  guint index;

  for (index = 0; index < ALITRA_LEVELS; index++) {
    const gsize slice = self->level[index].grid.columns << (COARSEST - index);
    guint8 *anew = self->update->level[index].anew;

    memset (anew, all, cells_of (&self->level[index]));
    memset (anew + frame->refresh_from * slice, TRUE,
        (frame->refresh_end - frame->refresh_from) * slice);
  }
}

static gsize
count_tokens (const AlitraTokenizer * self)
{
  gsize tokens = 0;
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    tokens += sum_depth (self->level[i].loop.depth, cells_of (&self->level[i]));
  return tokens;
}

typedef struct
{
  AlitraTokenizer *tokenizer;
  const Frame *frame;
} Trying;

static gsize
try_price (gpointer data, const AlitraPriceTry * what, AlitraPurse * purse)
{
  const Trying *job = data;
  AlitraTokenizer *self = job->tokenizer;
  const Prices prices = { what->price, what->kept_price };
  Frame frame = *job->frame;

  frame.settings = what->settings;
  frame.sample = what->sample;
  if (what->again) {
    alitra_rebuild_reset (self->rebuild);
    frame.anew = MAX (frame.anew, ANEW_CHANGED_AGAIN);
  }
  alitra_tokenizer_encode_levels (self, &frame, &prices, NULL, purse);
  return count_tokens (self);
}

/* The learned allocation: what the price pays. */
static void
encode_learned (AlitraTokenizer * self, const Frame * frame)
{
  Trying job = { self, frame };
  AlitraPriceSearch search = { try_price, &job, frame->settings, frame->key,
    self->patches, self->level[COARSEST].grid.rows,
    alitra_tokenizer_count_sample (self), self->price, self->priced_tokens,
    FALSE
  };

  alitra_price_search_run (&search);
  self->price = search.price;
  self->priced_tokens = search.priced_tokens;
  self->pending = search.pending;
}

/* The others: what a layout says. */
static void
encode_control (AlitraTokenizer * self, const Frame * frame)
{
  const AlitraSettings *settings = frame->settings;
  const guint cells = self->level[COARSEST].grid.columns
      * self->level[COARSEST].grid.rows;
  guint target = settings->target_tokens;
  const Prices prices = { 0., 0. };
  const AlitraLayout *layout;
  AlitraPurse purse;

  alitra_purse_init (&purse, settings);
  purse.new_limited = FALSE;
  if (target == 0)
    target = alitra_budget_tokens_at_price (alitra_budget_price_of_quality
        (settings->quality), self->patches);
  layout = alitra_layouts_find (&self->layouts, (gdouble) target / cells);
  alitra_tokenizer_encode_levels (self, frame, &prices, layout, &purse);
}

static void
make_layers (AlitraTokenizer * self, gboolean learned)
{
  const AlitraTokenLoop *loop[ALITRA_LEVELS];
  gdouble price[ALITRA_LEVELS];
  guint index;

  for (index = 0; index < ALITRA_LEVELS; index++) {
    loop[index] = &self->level[index].loop;
    price[index] = exp2 (alitra_tokenizer_stop_of (self, index, self->price));
  }
  if (learned)
    alitra_layers_make (&self->layers, self->update, loop, price,
        self->level[COARSEST].grid.rows, self->scalable, self->workers);
  else
    alitra_layers_none (self->update);
}

/* Without reuse the next frame does not look at what was tokenised, but for the coarsest picture, which tells cuts. */
static void
remember (AlitraTokenizer * self, const Frame * frame)
{
  guint index;

  alitra_intake_remember (&self->intake, self->workers);
  self->forgot = !frame->settings->temporal_reuse;
  for (index = 0; index < ALITRA_LEVELS; index++) {
    Level *level = &self->level[index];
    const AlitraPlanes *base = alitra_rebuild_get_base (self->rebuild, index);

    if (index == COARSEST || (index > 0 && !self->forgot))
      alitra_change_remember (&level->change, level->source, level->active,
          self->workers);
    if (base && !self->forgot)
      alitra_change_remember (&level->base, base, level->active, self->workers);
    alitra_token_loop_keep (&level->loop);
  }
}

/* What the encoder knows beside what the memory says. */
static void
complete_stats (const AlitraTokenizer * self, gboolean key, gsize size,
    AlitraFrameStats * stats)
{
  stats->key = key;
  stats->bits = (guint64) size *8;
  stats->active_patches = count_mask (self->level[0].active,
      cells_of (&self->level[0]));
  stats->price = self->price;
  stats->noise = self->intake.noise.luma_sigma;
}

static gboolean
check_settings (const AlitraSettings * settings, GError ** error)
{
  if (isnan (settings->quality) || isnan (settings->reuse_threshold)
      || settings->allocation > ALITRA_ALLOCATION_COMPLEXITY
      || settings->objective > ALITRA_OBJECTIVE_RECOGNITION) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a quality, a reuse threshold, a known allocation and a known objective, got %g, %g, number %d and number %d: start from alitra_settings_init()",
        settings->quality, settings->reuse_threshold, settings->allocation,
        settings->objective);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_frame (const AlitraTokenizer * self, const AlitraFrame * frame,
    GError ** error)
{
  if (frame->width == self->stream.width
      && frame->height == self->stream.height)
    return alitra_frame_check (frame, error);
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
      "Expected a frame of %ux%u, got %ux%u: make a new tokenizer when the size changes",
      self->stream.width, self->stream.height, frame->width, frame->height);
  return FALSE;
}

/* What is to be said of a memory: two pieces of work. */
typedef struct
{
  const AlitraMemory *memory;
  guint32 checksum;
  AlitraFrameStats *stats;      /* NULL: not asked for */
} Account;

static void
account_for (gpointer data, guint piece, guint worker)
{
  Account *account = data;

  if (piece == 0)
    account->checksum = alitra_memory_get_checksum (account->memory);
  else if (account->stats)
    alitra_frame_stats_count (account->stats, account->memory);
}

static void
write_packet (AlitraTokenizer * self, gboolean key, guint64 pts,
    GByteArray * packet, AlitraFrameStats * stats)
{
  Account account = { self->memory, 0, stats };
  AlitraPacketInfo info = { 0 };

  if (stats)
    memset (stats, 0, sizeof (*stats));
  if (key) {
    alitra_memory_clear (self->memory);
    alitra_memory_clear (self->before);
  }
  alitra_memory_apply_shared (self->memory, self->update, self->workers);
  alitra_workers_run (self->workers, 2, account_for, &account);
  info.key = key;
  info.frame_number = self->frame_number;
  info.pts = pts;
  info.model = self->model->number;
  info.checksum = account.checksum;
  info.stream = self->stream;
  alitra_packet_write (self->coder, &info, self->before, self->update, packet);
  alitra_memory_apply_shared (self->before, self->update, self->workers);
}

/* Nothing changes: everything is kept. */
static void
keep_all (AlitraTokenizer * self)
{
  guint index;

  for (index = 0; index < ALITRA_LEVELS; index++) {
    const AlitraMemoryLevel *memory = &self->memory->level[index];
    AlitraUpdateLevel *update = &self->update->level[index];
    const gsize cells = cells_of (&self->level[index]);

    memcpy (update->keep, memory->depth, cells);
    memcpy (update->depth, memory->depth, cells);
    memset (update->anew, FALSE, cells);
    memset (self->level[index].active, 0, cells);
  }
  alitra_layers_none (self->update);
}

/* What decides which tokens are spent is as it was when the last frame was tokenised. */
static gboolean
is_settled (const AlitraTokenizer * self, const AlitraSettings * settings)
{
  const AlitraSettings *last = &self->last;

  return !self->pending && settings->allocation == last->allocation
      && settings->objective == last->objective
      && settings->target_tokens == last->target_tokens
      && settings->quality == last->quality
      && settings->exact_length == last->exact_length
      && settings->max_depth == last->max_depth
      && settings->max_new_tokens == last->max_new_tokens;
}

/* The slices whose turn it is to be sent anew: all of them within refresh_interval frames. */
static void
plan_refresh (const AlitraTokenizer * self, Frame * frame)
{
  const guint64 slices = self->level[COARSEST].grid.rows;
  const guint64 interval = frame->settings->refresh_interval;
  guint64 turn;

  frame->refresh_from = frame->refresh_end = 0;
  if (interval == 0 || frame->key)
    return;
  turn = (self->since_key - 1) % interval;
  frame->refresh_from = turn * slices / interval;
  frame->refresh_end = (turn + 1) * slices / interval;
}

/* Frames may do without reuse for a while: not where a limit or a link with loss counts on what is kept. */
static gboolean
may_pause (const AlitraSettings * settings)
{
  return settings->temporal_reuse && settings->target_tokens == 0
      && settings->max_new_tokens == 0 && settings->refresh_interval == 0;
}

static void
encode_anew (AlitraTokenizer * self, Frame * frame)
{
  const AlitraSettings *settings = frame->settings;
  const gboolean learned = settings->allocation == ALITRA_ALLOCATION_LEARNED;
  gsize new_tokens = 0, dropped = 0;
  guint index;

  if (frame->key) {
    self->looks = 0;
    alitra_pause_reset (&self->pause);
    alitra_allocator_reset (self->allocator);
    alitra_rebuild_reset (self->rebuild);
  }
  alitra_rebuild_forget (self->rebuild, !settings->temporal_reuse);
  mark_anew (self, frame);
  self->pending = FALSE;
  if (!learned)
    encode_control (self, frame);
  else
    encode_learned (self, frame);
  self->layers.resend = settings->max_new_tokens == 0;
  make_layers (self, learned);
  for (index = 0; index < ALITRA_LEVELS; index++) {
    const gsize cells = cells_of (&self->level[index]);
    const AlitraUpdateLevel *update = &self->update->level[index];

    new_tokens += sum_depth (update->depth, cells)
        - sum_depth (update->keep, cells);
    dropped += sum_depth (self->memory->level[index].depth, cells)
        - sum_depth (update->keep, cells);
  }
  self->looks++;
  if (frame->reuse && may_pause (settings))
    alitra_pause_follow (&self->pause, new_tokens, count_tokens (self));
  self->pending |= new_tokens > 0 || dropped > 0;
  remember (self, frame);
  self->last = *settings;
}

static gboolean
encode_frame (AlitraTokenizer * self, const AlitraFrame * picture,
    const AlitraSettings * settings, gboolean force_key, guint64 pts,
    GByteArray * packet, AlitraFrameStats * stats, GError ** error)
{
  const gboolean first = self->frame_number == 0;
  const gboolean same = settings->allocation == self->last.allocation
      && settings->objective == self->last.objective
      && settings->scalable == self->scalable;
  Frame frame = { settings, first || force_key || (settings->key_interval
        && self->since_key >= settings->key_interval), FALSE, ANEW_ALL, FALSE,
    0, 0, FALSE
  };
  gdouble difference = 0.;
  gboolean all, idle;

  if (!check_settings (settings, error) || !check_frame (self, picture, error))
    return FALSE;
  self->scalable = settings->scalable;
  idle = settings->hold && !frame.key;
  if (!idle) {
    if (!alitra_intake_look (&self->intake, picture, settings->temporal_reuse,
            settings->reuse_threshold, self->workers, error))
      return FALSE;
    plan_refresh (self, &frame);
    all = frame.key || !settings->temporal_reuse || !same || self->forgot;
    if (all)
      alitra_intake_take_all (&self->intake);
    frame.still = !all && is_settled (self, settings)
        && alitra_intake_is_unchanged (&self->intake);
    idle = frame.still && frame.refresh_from == frame.refresh_end;
  }
  if (idle) {
    keep_all (self);
  } else {
    alitra_intake_load (&self->intake, self->workers);
    if (!first && self->intake.difference > CUT_DIFFERENCE)
      difference = coarse_difference (self);
    alitra_pause_pass (&self->pause, difference > settings->reuse_threshold);
    if (difference > CUT_DIFFERENCE) {
      self->price = 0.;
      frame.key = all = TRUE;
      alitra_noise_cut (&self->intake.noise);
      alitra_intake_take_all (&self->intake);
      plan_refresh (self, &frame);
      alitra_intake_load (&self->intake, self->workers);
    }
    frame.anew = all ? ANEW_ALL : ANEW_CHANGED;
    frame.reuse = !all && settings->allocation == ALITRA_ALLOCATION_LEARNED;
    encode_anew (self, &frame);
  }
  write_packet (self, frame.key, pts, packet, stats);
  self->since_key = frame.key ? 1 : self->since_key + 1;
  self->frame_number++;
  if (stats)
    complete_stats (self, frame.key, packet->len, stats);
  return TRUE;
}

gboolean
alitra_tokenizer_get_gain (AlitraTokenizer * self, guint level, guint column,
    guint row, gdouble * gain)
{
  const Level *at;
  gfloat found;

  g_return_val_if_fail (self && level < ALITRA_LEVELS && gain, FALSE);
  at = &self->level[level];
  g_return_val_if_fail (column < at->grid.columns && row < at->grid.rows,
      FALSE);
  if (self->frame_number == 0
      || self->last.allocation != ALITRA_ALLOCATION_LEARNED
      || !alitra_token_loop_get_next (&at->loop,
          row * at->grid.columns + column, &found))
    return FALSE;
  *gain =
      exp2 (found) * self->price / alitra_tokenizer_price_at (self, level,
      self->price);
  return TRUE;
}

gboolean
alitra_tokenizer_encode (AlitraTokenizer * self, const AlitraFrame * frame,
    const AlitraSettings * settings, gboolean force_key, guint64 pts,
    GByteArray * packet, AlitraFrameStats * stats, GError ** error)
{
  AlitraSettings own;

  g_return_val_if_fail (self && frame && packet, FALSE);

  if (settings)
    own = *settings;
  else
    alitra_settings_init (&own);
  if (self->pause.left > 0 && may_pause (&own))
    own.temporal_reuse = FALSE;
  return encode_frame (self, frame, &own, force_key, pts, packet, stats, error);
}
