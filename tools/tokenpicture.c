/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenpicture.h"

#include <cairo.h>
#include <string.h>

#include "rawvideo.h"

/* How bright the picture under the density is. */
#define DIM .45

#define MATRIX_BT709 1          /* ISO/IEC 23001-8 */

static guint
to_byte (gdouble value)
{
  return CLAMP (value, 0., 255.) + .5;
}

static guint32
pack (gdouble red, gdouble green, gdouble blue)
{
  return to_byte (red) << 16 | to_byte (green) << 8 | to_byte (blue);
}

/* One pixel of I420 as cairo's RGB24. All matrices but BT.709's are taken for BT.601's. */
static guint32
pixel_at (const AlitraFrame * frame, gboolean bt709, guint x, guint y)
{
  const gdouble kr = bt709 ? .2126 : .299, kb = bt709 ? .0722 : .114;
  const gdouble luma_scale = frame->full_range ? 1. : 255. / 219.;
  const gdouble chroma_scale = frame->full_range ? 1. : 255. / 224.;
  const gdouble luma = luma_scale * (frame->data[0][y * frame->stride[0] + x]
      - (frame->full_range ? 0. : 16.));
  const gdouble cb = chroma_scale
      * (frame->data[1][y / 2 * frame->stride[1] + x / 2] - 128.);
  const gdouble cr = chroma_scale
      * (frame->data[2][y / 2 * frame->stride[2] + x / 2] - 128.);
  const gdouble red = luma + 2. * (1. - kr) * cr;
  const gdouble blue = luma + 2. * (1. - kb) * cb;

  return pack (red, (luma - kr * red - kb * blue) / (1. - kr - kb), blue);
}

static guint32 *
pixels_of (cairo_surface_t * surface, guint y)
{
  return (guint32 *) (cairo_image_surface_get_data (surface)
      + (gsize) y * cairo_image_surface_get_stride (surface));
}

static gboolean
fail_cairo (cairo_status_t status, const gchar * path, GError ** error)
{
  if (status == CAIRO_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
      "The picture %s cannot be written: %s", path,
      cairo_status_to_string (status));
  return FALSE;
}

static gboolean
write_png (cairo_surface_t * surface, const gchar * path, GError ** error)
{
  cairo_status_t status;

  cairo_surface_mark_dirty (surface);
  status = cairo_surface_write_to_png (surface, path);
  cairo_surface_destroy (surface);
  return fail_cairo (status, path, error);
}

/* (nullable): the picture as RGB24. */
static cairo_surface_t *
render (AlitraDetokenizer * detokenizer, GError ** error)
{
  const AlitraStreamInfo *stream = alitra_detokenizer_get_stream (detokenizer);
  cairo_surface_t *surface = NULL;
  RawPicture picture;

  raw_picture_init (&picture, ALITRA_PIXEL_I420, stream->width, stream->height,
      stream->colour[0] == 1);
  if (alitra_detokenizer_render (detokenizer, 0, &picture.frame, error)) {
    surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, stream->width,
        stream->height);
    for (guint y = 0; y < stream->height; y++) {
      guint32 *row = pixels_of (surface, y);

      for (guint x = 0; x < stream->width; x++)
        row[x] = pixel_at (&picture.frame, stream->colour[1] == MATRIX_BT709,
            x, y);
    }
  }
  raw_picture_clear (&picture);
  return surface;
}

gboolean
token_picture_write (AlitraDetokenizer * detokenizer, const gchar * path,
    GError ** error)
{
  cairo_surface_t *surface = render (detokenizer, error);

  return surface && write_png (surface, path, error);
}

static guint32
blend (guint32 under, const guint8 bgra[4])
{
  const gdouble alpha = bgra[3] / 255.;
  const gdouble grey = DIM * (1. - alpha) * (.299 * (under >> 16 & 255)
      + .587 * (under >> 8 & 255) + .114 * (under & 255));

  return pack (grey + alpha * bgra[2], grey + alpha * bgra[1],
      grey + alpha * bgra[0]);
}

gboolean
token_picture_write_density (AlitraDetokenizer * detokenizer,
    AlitraOverlayStyle style, const gchar * path, GError ** error)
{
  const AlitraStreamInfo *stream = alitra_detokenizer_get_stream (detokenizer);
  cairo_surface_t *surface = render (detokenizer, error);
  guint8 *density;

  if (!surface)
    return FALSE;
  density = g_malloc ((gsize) 4 * stream->width * stream->height);
  alitra_overlay_draw (alitra_detokenizer_get_memory (detokenizer), style, 1.,
      density, 4 * stream->width, stream->width, stream->height);
  for (guint y = 0; y < stream->height; y++) {
    guint32 *row = pixels_of (surface, y);

    for (guint x = 0; x < stream->width; x++)
      row[x] = blend (row[x], density + 4 * ((gsize) y * stream->width + x));
  }
  g_free (density);
  return write_png (surface, path, error);
}
