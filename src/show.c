/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "show.h"

#include <string.h>

#include "band.h"
#include "bilateral.h"
#include "deblock.h"
#include "picture.h"

/* Strips of rows for each thread: whoever is done with one helps with what is left. */
#define STRIPS 3
/* Rows at the least: those around a strip are drawn for it once more. */
#define LEAST_ROWS 4

struct _AlitraShow
{
  AlitraModel *model;
  AlitraWorkers *workers;
  AlitraGrid grid;
  guint columns, rows;          /* cells that the frame reaches */
  AlitraBand *band;             /* for each worker */
  guint8 *wanted;               /* cells that are written */
  guint8 *drawn;                /* cells that these see */
  AlitraFrame *last;            /* the bytes of the last picture; NULL: there was none */
};

typedef struct
{
  AlitraShow *show;
  AlitraRebuild *rebuild;
  const guint8 *depth;
  const AlitraFrame *frame;
  guint strip_rows;
} Job;

AlitraShow *
alitra_show_new (AlitraModel * model, guint width, guint height,
    AlitraWorkers * workers)
{
  AlitraShow *self = g_new0 (AlitraShow, 1);
  const guint threads = alitra_workers_get_threads (workers);
  gsize cells;
  guint i;

  self->model = model;
  self->workers = workers;
  self->grid = alitra_grid_of (width, height, 0);
  self->columns = (width + ALITRA_CELL - 1) / ALITRA_CELL;
  self->rows = (height + ALITRA_CELL - 1) / ALITRA_CELL;
  cells = (gsize) self->grid.columns * self->grid.rows;
  self->wanted = g_malloc (cells);
  self->drawn = g_malloc (cells);
  self->band = g_new (AlitraBand, threads);
  for (i = 0; i < threads; i++)
    alitra_band_init (&self->band[i], self->grid);
  return self;
}

void
alitra_show_free (AlitraShow * self)
{
  guint i;

  for (i = 0; i < alitra_workers_get_threads (self->workers); i++)
    alitra_band_clear (&self->band[i]);
  g_free (self->band);
  g_free (self->wanted);
  g_free (self->drawn);
  g_clear_pointer (&self->last, alitra_frame_free);
  g_free (self);
}

static gboolean
has_any (const guint8 * mask, AlitraGrid grid, guint row)
{
  return memchr (mask + (gsize) row * grid.columns, 1, grid.columns) != NULL;
}

static void
draw_row (const Job * job, AlitraBand * band, guint row)
{
  const AlitraShow *self = job->show;
  AlitraPlanes view;

  if (!has_any (self->drawn, self->grid, row))
    return;
  alitra_band_view (band, row, &view);
  alitra_rebuild_draw_row (job->rebuild, row, self->drawn, &view);
  alitra_deblock_across (band, row, 0, job->depth, self->drawn);
}

static void
take_line (gpointer data, guint plane, guint x, guint y,
    const gfloat * samples, guint count)
{
  const AlitraShow *self = data;

  alitra_picture_write_line (self->last, self->model->chroma_gain, plane, x, y,
      samples, count);
}

/* The lines of a row of cells. */
static void
copy_row (const AlitraFrame * to, const AlitraFrame * from, guint row)
{
  const guint planes = from->format == ALITRA_PIXEL_GRAY8 ? 1 : 3;
  guint i, y;

  for (i = 0; i < planes; i++) {
    const guint n = i ? ALITRA_CELL / 2 : ALITRA_CELL;
    const guint width = i ? (from->width + 1) / 2 : from->width;
    const guint height = i ? (from->height + 1) / 2 : from->height;

    for (y = row * n; y < MIN ((row + 1) * n, height); y++)
      memcpy (to->data[i] + (gssize) y * to->stride[i], from->data[i]
          + (gssize) y * from->stride[i], width);
  }
}

static void
write_row (const Job * job, AlitraBand * band, guint row)
{
  AlitraShow *self = job->show;

  if (has_any (self->wanted, self->grid, row))
    alitra_bilateral_row (band, row, job->depth, self->wanted, take_line, self);
  copy_row (job->frame, self->last, row);
}

/* A row is written once the one below it is drawn. */
static void
show_strip (gpointer data, guint strip, guint worker)
{
  const Job *job = data;
  const AlitraShow *self = job->show;
  AlitraBand *band = &self->band[worker];
  const guint first = strip * job->strip_rows;
  const guint end = MIN (first + job->strip_rows, self->rows);
  const guint from = first > 0 ? first - 1 : 0;
  guint row;

  for (row = from; row <= end; row++) {
    if (row < self->grid.rows) {
      draw_row (job, band, row);
      if (row > from)
        alitra_deblock_down (band, row, 0, job->depth, self->drawn);
    }
    if (row > first)
      write_row (job, band, row - 1);
  }
}

/* What changed, as far as the frame reaches; `all`: no matter what changed. */
static void
find_wanted (AlitraShow * self, const guint8 * touched, gboolean all)
{
  const guint columns = self->grid.columns;
  guint x, y;

  memset (self->wanted, 0, (gsize) columns * self->grid.rows);
  for (y = 0; y < self->rows; y++)
    for (x = 0; x < self->columns; x++)
      self->wanted[(gsize) y * columns + x] = all
          || touched[(gsize) y * columns + x];
  alitra_mask_dilate (self->grid, self->drawn, self->wanted);
}

gboolean
alitra_show_draw (AlitraShow * self, AlitraRebuild * rebuild,
    const guint8 * depth, const AlitraFrame * frame, GError ** error)
{
  const guint threads = alitra_workers_get_threads (self->workers);
  Job job = { self, rebuild, depth, frame, self->rows };
  gboolean all = FALSE;

  if (!self->last || self->last->format != frame->format
      || self->last->full_range != frame->full_range) {
    g_clear_pointer (&self->last, alitra_frame_free);
    self->last = alitra_frame_new (frame->format, frame->full_range,
        frame->width, frame->height, error);
    if (!self->last)
      return FALSE;
    all = TRUE;
  }
  find_wanted (self, alitra_rebuild_get_touched (rebuild), all);
  if (threads > 1)
    job.strip_rows = MAX (self->rows / (threads * STRIPS), LEAST_ROWS);
  alitra_workers_run (self->workers,
      (self->rows + job.strip_rows - 1) / job.strip_rows, show_strip, &job);
  return TRUE;
}
