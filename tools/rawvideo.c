/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rawvideo.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void
raw_picture_init (RawPicture * picture, AlitraPixelFormat format, guint width,
    guint height, gboolean full_range)
{
  const gsize luma = (gsize) width * height;
  const guint chroma_width = (width + 1) / 2;
  const gsize chroma = (gsize) chroma_width * ((height + 1) / 2);
  AlitraFrame *frame = &picture->frame;
  gboolean rgb = format == ALITRA_PIXEL_RGB;

  memset (picture, 0, sizeof (*picture));
  picture->size = rgb ? 3 * luma : luma + 2 * chroma;
  picture->bytes = g_malloc0 (picture->size);
  frame->format = format;
  frame->full_range = full_range;
  frame->width = width;
  frame->height = height;
  frame->data[0] = picture->bytes;
  frame->stride[0] = rgb ? 3 * width : width;
  if (!rgb) {
    frame->data[1] = picture->bytes + luma;
    frame->data[2] = picture->bytes + luma + chroma;
    frame->stride[1] = frame->stride[2] = chroma_width;
  }
}

void
raw_picture_clear (RawPicture * picture)
{
  g_clear_pointer (&picture->bytes, g_free);
}

FILE *
raw_open (const gchar * path, const gchar * mode, FILE * standard,
    GError ** error)
{
  FILE *file;

  if (strcmp (path, "-") == 0)
    return standard;
  file = fopen (path, mode);
  if (!file) {
    int code = errno;

    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
        "Cannot open %s: %s", path, g_strerror (code));
  }
  return file;
}

gboolean
raw_picture_read (RawPicture * picture, FILE * file, GError ** error)
{
  gsize got = fread (picture->bytes, 1, picture->size, file);

  if (got == picture->size)
    return TRUE;
  if (ferror (file))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_IO,
        "The input cannot be read: %s", g_strerror (errno));
  else if (got > 0)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
        "Expected whole frames of %" G_GSIZE_FORMAT " bytes (%ux%u), got a "
        "last one of %" G_GSIZE_FORMAT ": check --format, --width and --height",
        picture->size, picture->frame.width, picture->frame.height, got);
  return FALSE;
}

gboolean
raw_write (FILE * file, const void *bytes, gsize size, const gchar * what,
    GError ** error)
{
  if (fwrite (bytes, 1, size, file) == size)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_IO,
      "The %s cannot be written: %s", what, g_strerror (errno));
  return FALSE;
}

static gdouble
luma_at (const RawPicture * picture, gboolean full_range, gsize place)
{
  const guint8 *rgb;
  gdouble luma;

  if (picture->frame.format != ALITRA_PIXEL_RGB)
    return picture->bytes[place];
  rgb = picture->bytes + 3 * place;
  luma = .299 * rgb[0] + .587 * rgb[1] + .114 * rgb[2];
  return full_range ? luma : 16. + luma * 219. / 255.;
}

gdouble
raw_picture_psnr (const RawPicture * source, const RawPicture * rebuilt)
{
  const gboolean full_range = rebuilt->frame.full_range;
  const gsize pixels = (gsize) source->frame.width * source->frame.height;
  gdouble sum = 0.;
  gsize i;

  for (i = 0; i < pixels; i++) {
    gdouble difference = luma_at (source, full_range, i)
        - luma_at (rebuilt, full_range, i);

    sum += difference * difference;
  }
  return 10. * log10 (255. * 255. * pixels / sum);
}
