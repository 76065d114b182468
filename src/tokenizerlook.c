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
 * active.  That is seen in the samples of the coarser level, of which there are a quarter as many. */
static void
find_in_row (AlitraTokenizer * self, const Frame * frame, guint row)
{
  Level *level = &self->level[0];
  const gsize columns = level->grid.columns, first = row * columns;
  const guint8 *painted = alitra_rebuild_get_base_painted (self->rebuild, 0);
  gsize i;

  if (frame->anew == ANEW_ALL)
    return;
  for (i = first; i < first + columns; i++)
    level->mask[i] = level->inside[i] && painted[i];
  alitra_change_detect_row (&level->base, alitra_rebuild_get_coarse
      (self->rebuild, 0), frame->settings->reuse_threshold, level->mask,
      level->active, row);
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
  find_in_row (self, m->frame, row);
  if (!memchr (level->active + (gsize) row * level->grid.columns, 1,
          level->grid.columns))
    return;
  alitra_rebuild_get_base_row (self->rebuild, 0, row, level->active, &base);
  alitra_intake_read_row (&self->intake, row, level->active, worker, &source);
  alitra_analysis_do_row (level->analysis, &source, &base, row, worker,
      m->measures ? level->looks : NULL);
  if (m->measures)
    boost_row (level, row);
  if (m->frame->settings->temporal_reuse)
    alitra_change_remember_row (&level->base, alitra_rebuild_get_coarse
        (self->rebuild, 0), level->active, row);
}

void
alitra_tokenizer_analyse (AlitraTokenizer * self, guint index,
    const Frame * frame, gboolean learned)
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
