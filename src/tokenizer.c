/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/tokenizer.h>

#include <math.h>
#include <string.h>

#include "allocator.h"
#include "analysis.h"
#include "budget.h"
#include "change.h"
#include "flat.h"
#include "frame.h"
#include "framestats.h"
#include "intake.h"
#include "layers.h"
#include "layouts.h"
#include "lifetime.h"
#include "packet.h"
#include "packetheader.h"
#include "pixel-loops.h"
#include "pricesearch.h"
#include "purse.h"
#include "rebuild.h"
#include "smooth.h"
#include "tokenloop.h"
#include "workers.h"

#define COARSEST (ALITRA_LEVELS - 1)
/* Cells that are worth sharing with another thread. */
#define SHARED 256
/* With a budget the finest level looks at tokens somewhat below the price, so that the best of them can be chosen. */
#define SLACK .45
/* Where the price is that of the frame before, nearly all that are chosen are worth it: less far, at first. */
#define SLACK_OF_KNOWN .8
/* Of a picture of more than twice as many slices, so many tell the price of a first frame: whole frames take long. */
#define SAMPLE 3
#define LOWEST_STOP -15.f       /* log2 gain at which even an exact length gives up asking */
/* Errors show in calm cells and hide in busy ones: gains of calm cells count more, by this power of their variance
 * (as adaptive quantisation in video encoders does), between these standard deviations. */
#define MASKING .1f
#define CALM (2.f / 255.f)
#define BUSY (12.f / 255.f)
/* The smooth token must take off at least this part of a cell's error; a learned one could take a quarter.  In calm cells,
 * whose gains count at least so much more, what it leaves shows less than what a learned one brings. */
#define SMOOTH_PART .4f
#define SMOOTH_PART_CALM .1f
#define SMOOTH_CALM .75f
/* So many prices may be left over: of more, learned tokens would take off what they cost. */
#define SMOOTH_LEFT 6.f
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
 * stream that is cut keeps them only where they are as good as new ones. Found with tools/trimming.py. */
#define SCALABLE_KEPT_BONUS 0.f
/* How far the picture of a coarse level must differ, in thresholds of reuse, before what its cells say is looked at again:
 * where one of the four cells below changed, and where all did.  What coarse cells say carries all finer ones: these would
 * have to be bought again, and mend small differences for less, unless they change anyway.  In every other frame coarse
 * cells wait, unless they differ by clearly more.  Tuned with tools/temporal.py; the finest level has its own test. */
typedef struct
{
  gfloat one, all;
} CoarseChange;
static const CoarseChange change_of_level[2][ALITRA_LEVELS] = {
  {{1.f, 1.f}, {6.5f, 2.f}, {6.f, 6.f}},
  {{1.f, 1.f}, {7.5f, 6.f}, {12.f, 12.f}}
};

/* Mean difference in grey levels of the quarter-size picture that is taken for a scene cut. */
#define CUT_DIFFERENCE 30.f

typedef struct
{
  AlitraGrid grid;
  AlitraAnalysis *analysis;
  AlitraTokenLoop loop;
  const AlitraPlanes *source;   /* the frame at this level's size; at the finest there is only its grid */
  AlitraChange change;          /* the frame when the level was last tokenised; unused at the finest */
  AlitraChange base;            /* what coarser levels said when the level was last tokenised */
  AlitraLifetime lifetime;
  guint8 *inside;               /* cells that the picture reaches */
  guint8 *active;               /* cells to tokenise in this frame */
  gfloat *threshold;            /* of cells, of the change that counts, in grey levels; unused at the finest */
  gboolean recognition;         /* the objective of the frame */
  guint8 *mask;                 /* scratch */
  gfloat *gains;                /* scratch: gains with the bonus of kept tokens */
  AlitraCellLook *looks;        /* how active cells look beside what coarser levels say: what the smooth token would show */
} Level;

struct _AlitraTokenizer
{
  gint references;
  AlitraModel *model;
  AlitraStreamInfo stream;
  AlitraWorkers *workers;
  AlitraAllocator *allocator;
  AlitraRebuild *rebuild;
  AlitraIntake intake;
  AlitraPacketCoder *coder;
  AlitraMemory *memory;         /* after the last packet */
  AlitraMemory *before;         /* one packet behind while a packet is written */
  AlitraUpdate *update;
  AlitraFlatGrid *flat;
  AlitraBudget budget;
  AlitraLayouts layouts;
  AlitraLevelPrice level_price;
  AlitraLayers layers;
  gboolean scalable;            /* of the last frame */
  Level level[ALITRA_LEVELS];
  guint patches;
  guint32 frame_number;
  guint since_key;
  guint looks;                  /* frames since then that were not kept as a whole */
  gdouble price;                /* of the last frame; 0: not known */
  guint priced_tokens;          /* budget that the price was found for; 0: none */
  AlitraPlanes *strip;          /* for each worker: what coarser levels say of a row of the finest */
  guint strips;
  gboolean forgot;              /* what was last tokenised is not known at all levels */
  AlitraSettings last;          /* of the last frame that was tokenised */
  gboolean pending;             /* even if nothing changes, the next frame may bring tokens */
};

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraTokenizer, alitra_tokenizer, alitra_tokenizer_ref, alitra_tokenizer_unref)
/* *INDENT-ON* */

static gsize
cells_of (const Level * level)
{
  return (gsize) level->grid.columns * level->grid.rows;
}

static void
level_init (Level * level, AlitraTokenizer * self, guint index)
{
  const guint cell = ALITRA_CELL << index;
  guint x, y;
  gsize cells;

  level->grid = alitra_grid_of (self->stream.width, self->stream.height, index);
  cells = cells_of (level);
  level->analysis = alitra_analysis_new (self->model, index, level->grid,
      self->workers);
  alitra_token_loop_init (&level->loop, self->model, index, level->grid,
      self->allocator, self->workers);
  level->source = &self->intake.source[index];
  if (index > 0)
    alitra_change_init (&level->change, level->grid, self->model->chroma_gain);
  alitra_change_init (&level->base, level->grid, self->model->chroma_gain);
  alitra_lifetime_init (&level->lifetime, cells);
  level->inside = g_new0 (guint8, cells);
  level->active = g_new0 (guint8, cells);
  level->threshold = g_new0 (gfloat, cells);
  level->mask = g_new0 (guint8, cells);
  level->gains = g_new0 (gfloat, cells * level->loop.max_depth);
  level->looks = g_new0 (AlitraCellLook, cells);
  for (y = 0; y < level->grid.rows; y++)
    for (x = 0; x < level->grid.columns; x++) {
      const guint i = y * level->grid.columns + x;

      level->inside[i] =
          x * cell < self->stream.width && y * cell < self->stream.height;
      if (!level->inside[i])
        alitra_token_loop_close (&level->loop, i, 0, NULL, NULL);
    }
}

static void
level_clear (Level * level)
{
  alitra_analysis_free (level->analysis);
  alitra_token_loop_clear (&level->loop);
  alitra_change_clear (&level->change);
  alitra_change_clear (&level->base);
  alitra_lifetime_clear (&level->lifetime);
  g_free (level->inside);
  g_free (level->active);
  g_free (level->threshold);
  g_free (level->mask);
  g_free (level->gains);
  g_free (level->looks);
}

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
    level_init (&self->level[i], self, i);
  self->strips = alitra_workers_get_threads (workers);
  self->strip = g_new0 (AlitraPlanes, self->strips);
  for (i = 0; i < self->strips; i++)
    alitra_planes_init (&self->strip[i], (AlitraGrid) {
        self->level[0].grid.columns, 1}
  );
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
    level_clear (&self->level[i]);
  for (i = 0; i < self->strips; i++)
    alitra_planes_clear (&self->strip[i]);
  g_free (self->strip);
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

static gsize
count_mask (const guint8 * mask, gsize n)
{
  gsize i, count = 0;

  for (i = 0; i < n; i++)
    count += mask[i] != 0;
  return count;
}

/* The scene is another one: nothing that is kept would help. */
static gboolean
is_cut (const Level * coarsest)
{
  const AlitraPixelLoops *loops = alitra_matrix_get_pixel_loops ();
  const AlitraPlanes *a = coarsest->source, *b = &coarsest->change.reference;
  gdouble sum = 0.;
  guint x, y;

  for (y = 0; y < a->grid.rows; y++)
    for (x = 0; x < a->grid.columns; x++)
      sum += loops->difference (a->luma + y * ALITRA_CELL * a->luma_stride
          + x * ALITRA_CELL, a->luma_stride, b->luma
          + y * ALITRA_CELL * b->luma_stride + x * ALITRA_CELL, b->luma_stride,
          ALITRA_CELL);
  return sum > CUT_DIFFERENCE / 255. * cells_of (coarsest) * ALITRA_CELL
      * ALITRA_CELL;
}

static void
and_masks (guint8 * mask, const guint8 * other, gsize n)
{
  gsize i;

  for (i = 0; i < n; i++)
    mask[i] &= other[i];
}

static void
or_masks (guint8 * mask, const guint8 * other, gsize n)
{
  gsize i;

  for (i = 0; i < n; i++)
    mask[i] |= other[i];
}

/* How much of a frame is tokenised anew. */
typedef enum
{
  ANEW_CHANGED,                 /* what changed */
  ANEW_CHANGED_AGAIN,           /* and what an earlier try at the same frame already began */
  ANEW_ALL
} Anew;

/* How a frame is encoded. */
typedef struct
{
  const AlitraSettings *settings;
  gboolean key;
  gboolean reuse;               /* changed cells go on from what they hold */
  Anew anew;
  gboolean still;               /* nothing changed, and nothing is left to tell: only what is sent anew makes it a frame */
  guint refresh_from, refresh_end;      /* slices that are sent anew */
  gboolean sample;              /* only a few slices, to find the price */
} Frame;

static gboolean
has_sample (const AlitraTokenizer * self)
{
  return self->level[COARSEST].grid.rows > 2 * SAMPLE;
}

/* Slices of the sample lie evenly over the picture. */
static gboolean
is_sampled (const AlitraTokenizer * self, guint slice)
{
  const guint slices = self->level[COARSEST].grid.rows;
  guint i;

  for (i = 0; i < SAMPLE; i++)
    if (slice == (2 * i + 1) * slices / (2 * SAMPLE))
      return TRUE;
  return FALSE;
}

/* All but the sample is left alone until a whole frame is encoded. */
static void
leave_sample (AlitraTokenizer * self, guint index)
{
  Level *level = &self->level[index];
  const gsize columns = level->grid.columns;
  guint row, i;

  for (row = 0; row < level->grid.rows; row++) {
    if (is_sampled (self, row >> (COARSEST - index)))
      continue;
    memset (level->active + row * columns, 0, columns);
    for (i = row * columns; i < (row + 1) * columns; i++)
      alitra_token_loop_close (&level->loop, i, 0, NULL, NULL);
  }
}

/* From which difference on cells of a coarse level are looked at, in grey levels. */
static void
set_thresholds (AlitraTokenizer * self, guint index, const Frame * frame)
{
  Level *level = &self->level[index];
  const gboolean waits = self->looks % 2 && !frame->settings->target_tokens;
  const CoarseChange *change = &change_of_level[waits][index];
  const guint fine_columns = self->level[index - 1].grid.columns;
  const guint8 *fine = self->intake.changed[index - 1];
  gsize cells = cells_of (level), i;

  for (i = 0; i < cells; i++) {
    const guint8 *four = fine + 4 * (i / level->grid.columns)
        * (gsize) level->grid.columns + 2 * (i % level->grid.columns);
    const guint n = four[0] + four[1] + four[fine_columns]
        + four[fine_columns + 1];

    level->threshold[i] = frame->settings->reuse_threshold * (change->one
        + (change->all - change->one) * (MAX (n, 1) - 1) / 3.f);
  }
}

/* Cells of a level whose source changed, or whose coarser levels say something else than when it was tokenised; at the
 * finest level the latter are found row by row, see analyse_finest_row(). */
static void
find_active (AlitraTokenizer * self, guint index, const Frame * frame)
{
  Level *level = &self->level[index];
  const AlitraPlanes *base = alitra_rebuild_get_base (self->rebuild, index);
  const guint8 *changed = self->intake.changed[index];
  const gdouble threshold = frame->settings->reuse_threshold;

  if (frame->anew == ANEW_ALL) {
    memcpy (level->active, level->inside, cells_of (level));
    if (frame->sample)
      leave_sample (self, index);
    return;
  }
  if (frame->anew == ANEW_CHANGED)
    memset (level->active, 0, cells_of (level));
  if (index == 0) {
    or_masks (level->active, changed, cells_of (level));
  } else {
    set_thresholds (self, index, frame);
    alitra_change_detect_each (&level->change, level->source,
        level->threshold, changed, level->active, self->workers);
  }
  if (base)
    alitra_change_detect (&level->base, base, threshold,
        alitra_rebuild_get_base_painted (self->rebuild, index), level->active,
        self->workers);
  and_masks (level->active, level->inside, cells_of (level));
}

/* ---- one level ---- */

/* What a token of a level has to take off at a price, in the samples of that level. */
static gdouble
price_at (const AlitraTokenizer * self, guint index, gdouble price)
{
  return price * alitra_level_price_at (&self->level_price, index, price,
      self->scalable) / (1 << (2 * index));
}

static gfloat
stop_of (const AlitraTokenizer * self, guint index, gdouble price)
{
  return log2 (price_at (self, index, price));
}

/* Flat cells among the active ones of the coarsest level get their tokens without any search. */
static void
tokenise_flat_cells (AlitraTokenizer * self)
{
  static const gfloat gains[2] = { 12.f, 2.f };
  Level *level = &self->level[COARSEST];
  AlitraTokenLoop *loop = &level->loop;
  const guint codes = self->model->level[COARSEST].codes;
  gsize cells = cells_of (level);
  guint32 i;

  for (i = 0; i < cells; i++)
    self->flat->flat[i] = !level->active[i] && loop->depth[i] > 0
        && loop->ids[i * loop->max_depth] >= codes;
  alitra_flat_grid_detect (self->flat, level->source, level->active);
  for (i = 0; i < cells; i++) {
    const guint16 ids[2] = { codes + self->flat->coarse[i],
      codes + ALITRA_FLAT_COARSE + self->flat->fine[i]
    };

    level->mask[i] = level->active[i] && !self->flat->flat[i];
    if (!level->active[i] || !self->flat->flat[i])
      continue;
    alitra_token_loop_close (loop, i, 2, ids, gains);
    /* what was there before must not be what its neighbours see */
    alitra_allocator_begin (self->allocator, COARSEST, 1, &i, FALSE);
  }
}

/* Children of a flat cell hear a silent parent that left nothing over. */
static void
settle_flat_cells (AlitraTokenizer * self)
{
  Level *level = &self->level[COARSEST];
  gsize cells = cells_of (level);
  const gfloat nothing = 0.f;
  guint32 i;

  for (i = 0; i < cells; i++)
    if (level->active[i] && self->flat->flat[i])
      alitra_allocator_settle (self->allocator, COARSEST, 1, &i,
          level->loop.depth, &nothing);
}

static gsize
sum_depth (const guint8 * depth, gsize n)
{
  gsize i, sum = 0;

  for (i = 0; i < n; i++)
    sum += depth[i];
  return sum;
}

typedef struct
{
  AlitraTokenizer *tokenizer;
  Level *level;
  const AlitraPlanes *base;     /* NULL: at the coarsest level */
  const Frame *frame;
  gboolean measures;
} Measure;

/* Luma variance of a cell. */
static gfloat
variance_of (const AlitraCellLook * look)
{
  const gfloat samples = ALITRA_CELL * ALITRA_CELL, mean = look->sum / samples;

  return MAX (look->squares / samples - mean * mean, 0.f);
}

/* Active cells of a row: how much more their gains count. */
static void
boost_row (Level * level, guint row)
{
  const guint columns = level->grid.columns;
  guint x;

  for (x = 0; x < columns; x++) {
    const gsize cell = (gsize) row * columns + x;

    if (!level->active[cell])
      continue;
    level->loop.boost[cell] = level->recognition ? 0.f : -MASKING
        * log2f (MIN ((variance_of (&level->looks[cell]) + CALM * CALM)
            / (BUSY * BUSY), 1.f));
  }
}

static void
analyse_row (gpointer data, guint row, guint worker)
{
  const Measure *m = data;

  alitra_analysis_do_row (m->level->analysis, m->level->source, m->base, row,
      worker, m->measures ? m->level->looks : NULL);
  if (m->measures)
    boost_row (m->level, row);
}

/* Of a row of the finest level: cells for which coarser levels say something else than when they were tokenised become
 * active.  base: what they say now, of these and of all active cells. */
static void
find_in_row (AlitraTokenizer * self, const Frame * frame, guint row,
    AlitraPlanes * base)
{
  Level *level = &self->level[0];
  const gsize columns = level->grid.columns, first = row * columns;
  const guint8 *painted = alitra_rebuild_get_base_painted (self->rebuild, 0);
  gsize i;

  for (i = first; i < first + columns; i++)
    level->mask[i] = level->inside[i] && (level->active[i] || painted[i]);
  alitra_rebuild_get_base_row (self->rebuild, 0, row, level->mask, base);
  if (frame->anew != ANEW_ALL)
    alitra_change_detect_row (&level->base, base,
        frame->settings->reuse_threshold, level->mask, level->active, row);
}

/* The finest level is the largest by far: everything is done to a row while its samples are in the cache. */
static void
analyse_finest_row (gpointer data, guint row, guint worker)
{
  const Measure *m = data;
  AlitraTokenizer *self = m->tokenizer;
  Level *level = m->level;
  AlitraPlanes source, base;

  if (m->frame->sample && !is_sampled (self, row >> COARSEST))
    return;
  alitra_planes_view (&base, &self->strip[worker], level->grid, row);
  find_in_row (self, m->frame, row, &base);
  if (!memchr (level->active + (gsize) row * level->grid.columns, 1,
          level->grid.columns))
    return;
  alitra_intake_read_row (&self->intake, row, level->active, worker, &source);
  alitra_analysis_do_row (level->analysis, &source, &base, row, worker,
      m->measures ? level->looks : NULL);
  if (m->measures)
    boost_row (level, row);
  if (m->frame->settings->temporal_reuse)
    alitra_change_remember_row (&level->base, &base, level->active, row);
}

/* Latents of the active cells; for the learned allocation also how much more their gains count, and what the smooth token
 * would do to them. */
static void
analyse (AlitraTokenizer * self, guint index, const Frame * frame,
    gboolean learned)
{
  Level *level = &self->level[index];
  Measure measure = { self, level,
    alitra_rebuild_get_base (self->rebuild, index), frame, learned
  };

  /* Beyond the picture nobody sees what is left: it should not cost tokens. */
  alitra_analysis_begin (level->analysis,
      (self->stream.width + (1 << index) - 1) >> index,
      (self->stream.height + (1 << index) - 1) >> index, level->active,
      level->loop.latents);
  alitra_workers_run (self->workers, level->grid.rows,
      index > 0 ? analyse_row : analyse_finest_row, &measure);
}

/* Whether the smooth token helps a cell most.  Where the receiver holds it already it costs nothing; where it holds others
 * that still say more, those stay. */
static gboolean
wants_smooth (const AlitraTokenizer * self, guint index, guint32 cell,
    gfloat stop, gfloat * gain)
{
  const Level *level = &self->level[index];
  const AlitraTokenLoop *loop = &level->loop;
  const AlitraCellLook look = level->looks[cell];
  gfloat part = SMOOTH_PART;

  if (loop->boost[cell] > SMOOTH_CALM)
    part = SMOOTH_PART_CALM;
  if (look.after >= look.before * (1.f - part)
      || look.after > SMOOTH_LEFT * exp2f (stop - loop->boost[cell]))
    return FALSE;
  *gain = log2f (look.before - look.after) + loop->boost[cell];
  if (*gain <= stop)
    return FALSE;
  return loop->depth[cell] == 0 || look.after + exp2f (stop - loop->boost[cell])
      < alitra_token_loop_get_left (loop, cell);
}

/* Gives the smooth token to active cells that it helps most; the token loop leaves them alone. */
static void
tokenise_smooth_cells (AlitraTokenizer * self, guint index, gfloat stop)
{
  Level *level = &self->level[index];
  AlitraTokenLoop *loop = &level->loop;
  const guint16 id = self->model->level[index].codes;
  gsize cells = cells_of (level);
  gfloat gain;
  guint32 i;

  for (i = 0; i < cells; i++) {
    if (!level->active[i] || !wants_smooth (self, index, i, stop, &gain))
      continue;
    alitra_token_loop_close (loop, i, 1, &id, &gain);
    alitra_allocator_begin (self->allocator, index, 1, &i, FALSE);
    if (index > 0)
      alitra_allocator_settle (self->allocator, index, 1, &i, loop->depth,
          &level->looks[i].after);
  }
}

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

/* The finest level spends what is left: it looks below the price, so that there is something to choose from. */
static gfloat
run_finest (AlitraTokenizer * self, gfloat stop, gfloat kept_stop, guint most,
    const AlitraPurse * purse)
{
  AlitraTokenLoop *loop = &self->level[0].loop;
  const AlitraLevelTokens tokens = tokens_of (self, 0);
  const gfloat lowest = stop + log2 (SLACK);

  if (purse->known) {
    const gfloat near = stop + log2 (SLACK_OF_KNOWN);

    loop->sparing = TRUE;
    alitra_token_loop_run (loop, near, MIN (near, kept_stop), most);
    loop->sparing = FALSE;
    if (!alitra_purse_has_more (purse, &tokens))
      return near;
  }
  alitra_token_loop_run (loop, lowest, MIN (lowest, kept_stop), most);
  return lowest;
}

static void
run_learned (AlitraTokenizer * self, guint index,
    const AlitraSettings * settings, gdouble price, gdouble kept_price,
    AlitraPurse * purse)
{
  Level *level = &self->level[index];
  AlitraTokenLoop *loop = &level->loop;
  const gsize cells = cells_of (level);
  const gsize least = least_of (self, index, settings, purse);
  const guint most = most_of (self, index, settings);
  const gboolean finest = index == 0;
  gfloat stop = stop_of (self, index, price);
  const gfloat kept_stop = stop_of (self, index, kept_price);
  const AlitraLevelTokens tokens = tokens_of (self, index);

  if (finest && (purse->limited || purse->new_limited))
    stop = run_finest (self, stop, kept_stop, most, purse);
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

/* Prices that new tokens, and those that the receiver holds, must be worth. */
typedef struct
{
  gdouble fresh, kept;
} Prices;

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
  const gfloat stop = stop_of (self, index, prices->fresh);
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
    tokenise_flat_cells (self);
  alitra_token_loop_begin (&level->loop, level->mask,
      frame->reuse ? &held : NULL);
  /* The smooth token says that there is nothing to see: that is for the eye. */
  if (index < COARSEST && !level->recognition)
    tokenise_smooth_cells (self, index, stop);
  run_learned (self, index, frame->settings, prices->fresh, prices->kept,
      purse);
}

/* All levels, coarse to fine, at one price; or as the layout of a control says. */
static void
encode_levels (AlitraTokenizer * self, const Frame * frame,
    const Prices * prices, const AlitraLayout * layout, AlitraPurse * purse)
{
  gint index;

  for (index = COARSEST; index >= 0; index--) {
    Level *level = &self->level[index];
    AlitraTokenLoop *loop = &level->loop;
    const AlitraLevelTokens tokens = tokens_of (self, index);

    level->recognition =
        frame->settings->objective == ALITRA_OBJECTIVE_RECOGNITION;
    find_active (self, index, frame);
    analyse (self, index, frame, layout == NULL);
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
        settle_flat_cells (self);
    }
    write_update (self, index, frame);
    if (index > 0)
      alitra_rebuild_level (self->rebuild, index, loop->ids, loop->depth,
          level->mask);
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
  encode_levels (self, &frame, &prices, NULL, purse);
  return count_tokens (self);
}

/* The learned allocation: what the price pays. */
static void
encode_learned (AlitraTokenizer * self, const Frame * frame)
{
  Trying job = { self, frame };
  AlitraPriceSearch search = { try_price, &job, frame->settings, frame->key,
    self->patches, self->level[COARSEST].grid.rows,
    has_sample (self) ? SAMPLE : 0, self->price, self->priced_tokens, FALSE
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
  encode_levels (self, frame, &prices, layout, &purse);
}

static void
make_layers (AlitraTokenizer * self, gboolean learned)
{
  const AlitraTokenLoop *loop[ALITRA_LEVELS];
  gdouble price[ALITRA_LEVELS];
  guint index;

  for (index = 0; index < ALITRA_LEVELS; index++) {
    loop[index] = &self->level[index].loop;
    price[index] = exp2 (stop_of (self, index, self->price));
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

static void
fill_stats (const AlitraTokenizer * self, gboolean key, gsize size,
    AlitraFrameStats * stats)
{
  memset (stats, 0, sizeof (*stats));
  alitra_frame_stats_count (stats, self->memory);
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

static void
write_packet (AlitraTokenizer * self, gboolean key, guint64 pts,
    GByteArray * packet)
{
  AlitraPacketInfo info = { 0 };

  if (key) {
    alitra_memory_clear (self->memory);
    alitra_memory_clear (self->before);
  }
  alitra_memory_apply_shared (self->memory, self->update, self->workers);
  info.key = key;
  info.frame_number = self->frame_number;
  info.pts = pts;
  info.model = self->model->number;
  info.checksum = alitra_memory_get_checksum (self->memory);
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

static void
encode_anew (AlitraTokenizer * self, Frame * frame)
{
  const AlitraSettings *settings = frame->settings;
  const gboolean learned = settings->allocation == ALITRA_ALLOCATION_LEARNED;
  gsize new_tokens = 0, dropped = 0;
  guint index;

  if (frame->key) {
    self->looks = 0;
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
  gboolean cut = FALSE, all, idle;

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
    cut = !first && self->intake.difference > CUT_DIFFERENCE
        && is_cut (&self->level[COARSEST]);
    if (cut) {
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
  write_packet (self, frame.key, pts, packet);
  self->since_key = frame.key ? 1 : self->since_key + 1;
  self->frame_number++;
  if (stats)
    fill_stats (self, frame.key, packet->len, stats);
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
  *gain = exp2 (found) * self->price / price_at (self, level, self->price);
  return TRUE;
}

gboolean
alitra_tokenizer_encode (AlitraTokenizer * self, const AlitraFrame * frame,
    const AlitraSettings * settings, gboolean force_key, guint64 pts,
    GByteArray * packet, AlitraFrameStats * stats, GError ** error)
{
  AlitraSettings defaults;

  g_return_val_if_fail (self && frame && packet, FALSE);

  if (!settings) {
    alitra_settings_init (&defaults);
    settings = &defaults;
  }
  return encode_frame (self, frame, settings, force_key, pts, packet, stats,
      error);
}
