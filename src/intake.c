/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "intake.h"

#include <string.h>

static gsize
cells_of (const AlitraIntake * intake, guint level)
{
  return (gsize) intake->source[level].grid.columns
      * intake->source[level].grid.rows;
}

void
alitra_intake_init (AlitraIntake * intake, guint width, guint height,
    const gfloat gain[2], AlitraWorkers * workers)
{
  guint i;

  memset (intake, 0, sizeof (*intake));
  memcpy (intake->gain, gain, sizeof (intake->gain));
  for (i = 0; i < ALITRA_LEVELS; i++) {
    intake->source[i].grid = alitra_grid_of (width, height, i);
    if (i > 0)
      alitra_planes_init (&intake->source[i], intake->source[i].grid);
    intake->changed[i] = g_malloc0 (cells_of (intake, i));
  }
  intake->strips = alitra_workers_get_threads (workers);
  intake->strip = g_new0 (AlitraPlanes, intake->strips);
  for (i = 0; i < intake->strips; i++)
    alitra_planes_init (&intake->strip[i], (AlitraGrid) {
        intake->source[0].grid.columns, 1}
  );
  alitra_reference_init (&intake->reference, width, height, workers);
  alitra_noise_init (&intake->noise, width, height);
}

void
alitra_intake_clear (AlitraIntake * intake)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    alitra_planes_clear (&intake->source[i]);
    g_free (intake->changed[i]);
  }
  alitra_reference_clear (&intake->reference);
  alitra_noise_clear (&intake->noise);
  for (i = 0; i < intake->strips; i++)
    alitra_planes_clear (&intake->strip[i]);
  g_free (intake->strip);
  alitra_planes_clear (&intake->copy);
  alitra_planes_clear (&intake->kept);
  g_free (intake->copy_bytes);
}

/* Frames whose components take turns are looked at as I420. */
static gboolean
convert (AlitraIntake * intake, AlitraWorkers * workers, GError ** error)
{
  const AlitraFrame *frame = intake->frame;
  const gsize chroma_width = (frame->width + 1) / 2;
  const gsize chroma_size = chroma_width * ((frame->height + 1) / 2);
  const gsize luma_size = (gsize) frame->width * frame->height;
  AlitraFrame *bytes = &intake->bytes;

  if (!intake->copy_bytes) {
    alitra_planes_init (&intake->copy, intake->source[0].grid);
    alitra_planes_init (&intake->kept, intake->source[0].grid);
    intake->copy_bytes = g_malloc (luma_size + 2 * chroma_size);
  }
  bytes->format = ALITRA_PIXEL_I420;
  bytes->full_range = TRUE;
  bytes->data[0] = intake->copy_bytes;
  bytes->data[1] = intake->copy_bytes + luma_size;
  bytes->data[2] = intake->copy_bytes + luma_size + chroma_size;
  bytes->stride[0] = frame->width;
  bytes->stride[1] = bytes->stride[2] = chroma_width;
  return alitra_picture_from_frame (frame, intake->gain, &intake->copy, NULL,
      workers, error)
      && alitra_picture_to_frame (&intake->copy, intake->gain, bytes, NULL,
      workers, error);
}

void
alitra_intake_take_all (AlitraIntake * intake)
{
  memset (intake->changed[0], 1, cells_of (intake, 0));
}

gboolean
alitra_intake_look (AlitraIntake * intake, const AlitraFrame * frame,
    gboolean compare, gfloat threshold, AlitraWorkers * workers,
    GError ** error)
{
  AlitraTolerance tolerance;

  intake->frame = frame;
  intake->bytes = *frame;
  if (!alitra_reference_takes (frame->format)
      && !convert (intake, workers, error))
    return FALSE;
  alitra_noise_update (&intake->noise, &intake->bytes, workers);
  intake->compares = compare;
  if (!compare) {
    alitra_intake_take_all (intake);
    intake->difference = G_MAXDOUBLE;
    return TRUE;
  }
  tolerance = alitra_noise_tolerance (&intake->noise, threshold);
  intake->difference = alitra_reference_compare (&intake->reference,
      &intake->bytes, &tolerance, intake->changed[0], workers);
  return TRUE;
}

gboolean
alitra_intake_is_unchanged (const AlitraIntake * intake)
{
  return !memchr (intake->changed[0], 1, cells_of (intake, 0));
}

/* A cell changed if one of the four below it did. */
static void
gather_changes (AlitraIntake * intake, guint level)
{
  const AlitraGrid grid = intake->source[level].grid;
  const guint8 *fine = intake->changed[level - 1];
  guint8 *coarse = intake->changed[level];
  guint x, y;

  for (y = 0; y < grid.rows; y++)
    for (x = 0; x < grid.columns; x++) {
      const guint8 *four = fine + (gsize) 4 * y * grid.columns + 2 * x;

      coarse[y * grid.columns + x] = four[0] | four[1]
          | four[2 * grid.columns] | four[2 * grid.columns + 1];
    }
}

static inline gboolean
is_copied (const AlitraIntake * intake)
{
  return intake->frame->format != intake->bytes.format;
}

/* Cells of a row of level 0 that are set in `mask` (of the row): where nothing changed, as they were when they were last
 * tokenised. */
static void
read_cells (const AlitraIntake * intake, guint row, const guint8 * mask,
    AlitraPlanes * to)
{
  const guint columns = intake->source[0].grid.columns;
  const guint8 *changed = intake->changed[0] + (gsize) row * columns;
  guint first, end;

  for (first = 0; first < columns; first = MAX (end, first + 1)) {
    for (end = first; end < columns && mask[end]
        && changed[end] == changed[first]; end++);
    if (end > first)
      alitra_picture_read_run (changed[first] ? intake->frame
          : &intake->reference.frame, intake->gain, to, row, first, end);
  }
}

void
alitra_intake_read_row (AlitraIntake * intake, guint row, const guint8 * mask,
    guint worker, AlitraPlanes * view)
{
  const AlitraGrid grid = intake->source[0].grid;

  if (is_copied (intake)) {
    *view = intake->kept;
    return;
  }
  alitra_planes_view (view, &intake->strip[worker], grid, row);
  read_cells (intake, row, mask + (gsize) row * grid.columns, view);
}

/* What changed in a row of level 0, while it is in the cache: half of its size is level 1. */
static void
load_row_of_level_0 (AlitraIntake * intake, guint row, guint worker)
{
  const guint columns = intake->source[0].grid.columns;
  const guint8 *changed = intake->changed[0] + (gsize) row * columns;
  AlitraPlanes fine = intake->kept;
  guint first, end;

  if (!is_copied (intake))
    alitra_planes_view (&fine, &intake->strip[worker], intake->source[0].grid,
        row);
  for (first = 0; first < columns; first = MAX (end, first + 1)) {
    for (end = first; end < columns && changed[end]; end++);
    if (end == first)
      continue;
    if (!is_copied (intake))
      alitra_picture_read_run (intake->frame, intake->gain, &fine, row, first,
          end);
    alitra_planes_halve_run (&intake->source[1], &fine, row, first, end);
  }
}

/* The same of level 1, which becomes level 2. */
static void
load_row_of_level_1 (AlitraIntake * intake, guint row, guint worker)
{
  const guint columns = intake->source[1].grid.columns;
  const guint8 *changed = intake->changed[1] + (gsize) row * columns;
  guint first, end;

  load_row_of_level_0 (intake, 2 * row, worker);
  load_row_of_level_0 (intake, 2 * row + 1, worker);
  for (first = 0; first < columns; first = MAX (end, first + 1)) {
    for (end = first; end < columns && changed[end]; end++);
    if (end > first)
      alitra_planes_halve_run (&intake->source[2], &intake->source[1], row,
          first, end);
  }
}

static void
load_row (gpointer data, guint row, guint worker)
{
  AlitraIntake *intake = data;

  load_row_of_level_1 (intake, 2 * row, worker);
  load_row_of_level_1 (intake, 2 * row + 1, worker);
}

void
alitra_intake_load (AlitraIntake * intake, AlitraWorkers * workers)
{
  guint i;

  for (i = 1; i < ALITRA_LEVELS; i++)
    gather_changes (intake, i);
  if (is_copied (intake))
    alitra_planes_copy (&intake->kept, &intake->copy, intake->changed[0],
        workers);
  alitra_workers_run (workers, intake->source[2].grid.rows, load_row, intake);
}

void
alitra_intake_remember (AlitraIntake * intake, AlitraWorkers * workers)
{
  if (intake->compares)
    alitra_reference_remember (&intake->reference, &intake->bytes,
        intake->changed[0], workers);
  else
    alitra_reference_forget (&intake->reference);
}
