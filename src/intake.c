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
    alitra_planes_init (&intake->source[i], alitra_grid_of (width, height, i));
    intake->changed[i] = g_malloc0 (cells_of (intake, i));
  }
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
  alitra_planes_clear (&intake->copy);
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

gboolean
alitra_intake_look (AlitraIntake * intake, const AlitraFrame * frame,
    gfloat threshold, AlitraWorkers * workers, GError ** error)
{
  AlitraTolerance tolerance;

  intake->frame = frame;
  intake->bytes = *frame;
  if (!alitra_reference_takes (frame->format)
      && !convert (intake, workers, error))
    return FALSE;
  alitra_noise_update (&intake->noise, &intake->bytes);
  tolerance = alitra_noise_tolerance (&intake->noise, threshold);
  intake->difference = alitra_reference_compare (&intake->reference,
      &intake->bytes, &tolerance, intake->changed[0], workers);
  return TRUE;
}

void
alitra_intake_take_all (AlitraIntake * intake)
{
  memset (intake->changed[0], 1, cells_of (intake, 0));
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

gboolean
alitra_intake_load (AlitraIntake * intake, AlitraWorkers * workers,
    GError ** error)
{
  guint i;

  if (intake->frame->format != intake->bytes.format)
    alitra_planes_copy (&intake->source[0], &intake->copy, intake->changed[0],
        workers);
  else if (!alitra_picture_from_frame (intake->frame, intake->gain,
          &intake->source[0], intake->changed[0], workers, error))
    return FALSE;
  for (i = 1; i < ALITRA_LEVELS; i++) {
    gather_changes (intake, i);
    alitra_planes_halve (&intake->source[i], &intake->source[i - 1],
        intake->changed[i], workers);
  }
  return TRUE;
}

void
alitra_intake_remember (AlitraIntake * intake, AlitraWorkers * workers)
{
  alitra_reference_remember (&intake->reference, &intake->bytes,
      intake->changed[0], workers);
}
