/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenizerlook.h"

#include <math.h>
#include <string.h>

/* Of a picture of more than twice as many slices, so many tell the price of a first frame: whole frames take long. */
#define SAMPLE 3
/* Errors show in calm cells and hide in busy ones: gains of calm cells count more, by this power of their variance
 * (as adaptive quantisation in video encoders does), between these standard deviations. */
#define MASKING .1f
#define CALM (2.f / 255.f)
#define BUSY (12.f / 255.f)
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

guint
alitra_tokenizer_count_sample (const AlitraTokenizer * self)
{
  return self->level[COARSEST].grid.rows > 2 * SAMPLE ? SAMPLE : 0;
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

void
alitra_tokenizer_find_active (AlitraTokenizer * self, guint index,
    const Frame * frame)
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

typedef struct
{
  AlitraTokenizer *tokenizer;
  Level *level;
  const AlitraPlanes *base;     /* NULL: at the coarsest level */
  const Frame *frame;
  gboolean learned;
  gfloat stop;                  /* cells of which less is left than this gain need no latents */
} Measure;

/* Luma variance of a cell. */
static gfloat
variance_of (const AlitraCellLook * look)
{
  const gfloat samples = ALITRA_CELL * ALITRA_CELL, mean = look->sum / samples;

  return MAX (look->squares / samples - mean * mean, 0.f);
}

/* No token is likely to be worth its price in a cell. */
static gboolean
has_too_little (const Measure * m, gsize cell)
{
  const Level *level = m->level;

  return !alitra_token_loop_may_gain (m->stop, level->loop.boost[cell],
      level->looks[cell].before);
}

/* The picture covers a cell of the finest level: what its look counts is what its latents do. */
static gboolean
is_covered (const AlitraTokenizer * self, guint column, guint row)
{
  return (column + 1) * ALITRA_CELL <= self->stream.width
      && (row + 1) * ALITRA_CELL <= self->stream.height;
}

/* How much more gains of an active cell count, and whether it needs latents. */
static gboolean
needs_latents (gpointer data, guint column, guint row,
    const AlitraCellLook * look)
{
  const Measure *m = data;
  Level *level = m->level;
  const gsize cell = (gsize) row * level->grid.columns + column;

  level->loop.boost[cell] = level->recognition ? 0.f : -MASKING
      * log2f (MIN ((variance_of (look) + CALM * CALM) / (BUSY * BUSY), 1.f));
  if (level != m->tokenizer->level
      || (m->frame->reuse && m->tokenizer->memory->level[0].depth[cell] > 0)
      || !is_covered (m->tokenizer, column, row))
    return TRUE;
  level->loop.idle[cell] = has_too_little (m, cell);
  level->loop.whole[cell] = look->before;
  return !level->loop.idle[cell];
}

static void
analyse_samples (const Measure * m, const AlitraPlanes * source,
    const AlitraPlanes * base, guint row, guint worker)
{
  const AlitraAnalysisView view = { source, base,
    m->learned ? m->level->looks : NULL, needs_latents,
    m->stop > -G_MAXFLOAT, (gpointer) m
  };

  alitra_analysis_do_row (m->level->analysis, &view, row, worker);
}

static void
analyse_row (gpointer data, guint row, guint worker)
{
  const Measure *m = data;

  analyse_samples (m, m->level->source, m->base, row, worker);
}

/* Of a row of the finest level: cells for which coarser levels say something else than when they were tokenised become
 * active.  That is seen in the samples of the coarser level, of which there are a quarter as many.  So do cells of which too
 * little was left to look at it, when that is enough now. */
static void
find_in_row (const Measure * m, guint row)
{
  AlitraTokenizer *self = m->tokenizer;
  const Frame *frame = m->frame;
  Level *level = m->level;
  const gsize columns = level->grid.columns, first = row * columns;
  const guint8 *painted = alitra_rebuild_get_base_painted (self->rebuild, 0);
  gsize i;

  if (frame->anew == ANEW_ALL)
    return;
  for (i = first; i < first + columns; i++) {
    level->mask[i] = level->inside[i] && painted[i];
    level->active[i] |= level->loop.idle[i] && !has_too_little (m, i);
  }
  alitra_change_detect_row (&level->base, alitra_rebuild_get_coarse
      (self->rebuild, 0), frame->settings->reuse_threshold, level->mask,
      level->active, row);
}

static gboolean
any_in_row (const Level * level, const guint8 * mask, guint row)
{
  const gsize columns = level->grid.columns;

  return memchr (mask + row * columns, 1, columns) != NULL;
}

/* Cells of a row of the finest level, while its samples are in the cache. */
static void
analyse_cells (const Measure * m, const guint8 * mask, guint row, guint worker)
{
  AlitraTokenizer *self = m->tokenizer;
  const gsize first = (gsize) row * m->level->grid.columns;
  AlitraPlanes source, base;
  gsize i;

  alitra_planes_view (&base, &self->strip[worker], m->level->grid, row);
  alitra_rebuild_get_base_row (self->rebuild, 0, row, mask, &base);
  alitra_intake_read_row (&self->intake, row, mask, worker, &source);
  for (i = first; i < first + m->level->grid.columns; i++)
    m->level->loop.idle[i] &= !mask[i];
  analyse_samples (m, &source, &base, row, worker);
}

/* The finest level is the largest by far: everything is done to a row at once. */
static void
analyse_finest_row (gpointer data, guint row, guint worker)
{
  const Measure *m = data;
  AlitraTokenizer *self = m->tokenizer;
  Level *level = m->level;

  if (m->frame->sample && !is_sampled (self, row >> COARSEST))
    return;
  find_in_row (m, row);
  if (!any_in_row (level, level->active, row))
    return;
  analyse_cells (m, level->active, row, worker);
  if (m->frame->settings->temporal_reuse)
    alitra_change_remember_row (&level->base, alitra_rebuild_get_coarse
        (self->rebuild, 0), level->active, row);
}

static void
analyse_idle_row (gpointer data, guint row, guint worker)
{
  const Measure *m = data;

  if (any_in_row (m->level, m->level->mask, row))
    analyse_cells (m, m->level->mask, row, worker);
}

/* Latents of the cells of `mask`.  Beyond the picture nobody sees what is left: it should not cost tokens. */
static void
begin (AlitraTokenizer * self, guint index, const guint8 * mask)
{
  Level *level = &self->level[index];

  alitra_analysis_begin (level->analysis,
      (self->stream.width + (1 << index) - 1) >> index,
      (self->stream.height + (1 << index) - 1) >> index, mask,
      level->loop.latents);
}

void
alitra_tokenizer_analyse (AlitraTokenizer * self, guint index,
    const Frame * frame, gboolean learned, gfloat stop)
{
  Level *level = &self->level[index];
  Measure measure = { self, level,
    alitra_rebuild_get_base (self->rebuild, index), frame, learned, stop
  };

  begin (self, index, level->active);
  alitra_workers_run (self->workers, level->grid.rows,
      index > 0 ? analyse_row : analyse_finest_row, &measure);
}

void
alitra_tokenizer_analyse_idle (AlitraTokenizer * self, const Frame * frame,
    gfloat stop)
{
  Level *level = self->level;
  Measure measure = { self, level, NULL, frame, TRUE, stop };
  gsize i;

  for (i = 0; i < cells_of (level); i++)
    level->mask[i] = level->loop.idle[i] && !has_too_little (&measure, i);
  measure.stop = -G_MAXFLOAT;   /* all of these need latents */
  begin (self, 0, level->mask);
  alitra_workers_run (self->workers, level->grid.rows, analyse_idle_row,
      &measure);
}
