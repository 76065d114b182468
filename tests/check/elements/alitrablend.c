/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <string.h>
#include "../../../gst/gstalitrablend.h"

/* What a video converter makes of the drawing, mixed sample by sample, is what it must look like.  (gst_video_blend()
 * itself takes all Y'CbCr for full range.) */

#define SIDE 16
#define TOLERANCE 3

typedef struct
{
  GstVideoInfo info;
  GstBuffer *buffer;
  GstVideoFrame frame;
} Picture;

static void
picture_init (Picture * picture, const GstVideoInfo * info)
{
  GstMapInfo map;
  gsize i;

  picture->info = *info;
  picture->buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  gst_buffer_map (picture->buffer, &map, GST_MAP_WRITE);
  for (i = 0; i < map.size; i++)
    map.data[i] = 40 + (i * 7 + i / 97) % 150;
  gst_buffer_unmap (picture->buffer, &map);
  fail_unless (gst_video_frame_map (&picture->frame, &picture->info,
          picture->buffer, GST_MAP_READWRITE));
}

static void
picture_clear (Picture * picture)
{
  gst_video_frame_unmap (&picture->frame);
  gst_buffer_unref (picture->buffer);
}

/* Squares of `side` pixels, some of them invisible, some opaque. */
static guint8 *
make_drawing (guint width, guint height, guint side)
{
  guint8 *bgra = g_malloc (4 * (gsize) width * height);
  guint x, y;

  for (y = 0; y < height; y++)
    for (x = 0; x < width; x++) {
      const guint n = y / side * 31 + x / side * 17;
      const guint8 pixel[4] =
          { n * 37, n * 59, n * 83, n % 5 == 0 ? 0 : n % 7 == 0 ? 255 : n * 11
      };

      memcpy (bgra + 4 * ((gsize) y * width + x), pixel, 4);
    }
  return bgra;
}

static void
convert (guint8 * bgra, Picture * to)
{
  const guint width = to->info.width, height = to->info.height;
  GstBuffer *pixels = gst_buffer_new_memdup (bgra, 4 * (gsize) width * height);
  GstVideoConverter *converter;
  GstVideoFrame drawing;
  GstVideoInfo info;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_BGRx, width, height);
  converter = gst_video_converter_new (&info, &to->info,
      gst_structure_new ("options", GST_VIDEO_CONVERTER_OPT_DITHER_METHOD,
          GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE, NULL));
  fail_unless (gst_video_frame_map (&drawing, &info, pixels, GST_MAP_READ));
  gst_video_converter_frame (converter, &drawing, &to->frame);
  gst_video_frame_unmap (&drawing);
  gst_video_converter_free (converter);
  gst_buffer_unref (pixels);
}

static gint
sample (const Picture * picture, guint c, guint x, guint y)
{
  const GstVideoFrame *frame = &picture->frame;

  return ((guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, c))
      [y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c)
      + x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c)];
}

/* Borders of squares are left out: a converter mixes the chroma of neighbours there. */
static gboolean
is_at_border (guint at)
{
  return at % SIDE < 4 || at % SIDE >= SIDE - 4;
}

static void
check_component (const Picture * before, const Picture * drawn,
    const Picture * after, const guint8 * bgra, guint c, const gchar * what)
{
  const GstVideoFormatInfo *finfo = after->info.finfo;
  guint x, y;

  for (y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&after->frame, c); y++)
    for (x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&after->frame, c); x++) {
      const guint px = x << GST_VIDEO_FORMAT_INFO_W_SUB (finfo, c);
      const guint py = y << GST_VIDEO_FORMAT_INFO_H_SUB (finfo, c);
      const gdouble a = bgra[4 * (py * after->info.width + px) + 3] / 255.0;
      const gdouble expected = a * sample (drawn, c, x, y)
          + (1 - a) * sample (before, c, x, y);

      if (is_at_border (px) || is_at_border (py))
        continue;
      fail_unless (ABS (sample (after, c, x, y) - expected) <= TOLERANCE,
          "%s: component %u at %u, %u is %d, not %.0f", what, c, x, y,
          sample (after, c, x, y), expected);
    }
}

static void
check_format (const gchar * format, guint width, guint height,
    const gchar * colorimetry)
{
  Picture before, drawn, after;
  GstVideoInfo info;
  GstAlitraBlend *blend;
  guint8 *bgra = make_drawing (width, height, SIDE);
  gchar *what = g_strdup_printf ("%s %ux%u %s", format, width, height,
      colorimetry ? colorimetry : "");
  guint c;

  gst_video_info_set_format (&info, gst_video_format_from_string (format),
      width, height);
  if (colorimetry)
    fail_unless (gst_video_colorimetry_from_string (&info.colorimetry,
            colorimetry));
  picture_init (&before, &info);
  picture_init (&drawn, &info);
  picture_init (&after, &info);
  blend = gst_alitra_blend_new (&info);
  gst_alitra_blend_over (blend, bgra, 4 * width, &after.frame);
  convert (bgra, &drawn);
  for (c = 0; c < MIN (3, GST_VIDEO_FRAME_N_COMPONENTS (&after.frame)); c++)
    check_component (&before, &drawn, &after, bgra, c, what);
  gst_alitra_blend_free (blend);
  picture_clear (&before);
  picture_clear (&drawn);
  picture_clear (&after);
  g_free (what);
  g_free (bgra);
}

GST_START_TEST (test_formats)
{
  static const gchar *const formats[] = { "I420", "YV12", "NV12", "GRAY8",
    "YUY2", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (formats); i++) {
    check_format (formats[i], 128, 96, NULL);
    check_format (formats[i], 34, 20, NULL);
  }
}

GST_END_TEST;

GST_START_TEST (test_colorimetry)
{
  check_format ("I420", 128, 96, "bt709");
  check_format ("NV12", 128, 96, "1:4:0:0");
}

GST_END_TEST;

/* Sizes that no square fits: nothing is written beside the picture, and thin lines keep their colour. */
GST_START_TEST (test_odd_sizes)
{
  static const guint sizes[][2] = { {1, 1}, {3, 1}, {1, 5}, {17, 33}, {31, 7} };
  guint i, side;

  for (i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (side = 1; side <= 3; side++) {
      guint8 *bgra = make_drawing (sizes[i][0], sizes[i][1], side);
      Picture picture;
      GstVideoInfo info;
      GstAlitraBlend *blend;

      gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, sizes[i][0],
          sizes[i][1]);
      picture_init (&picture, &info);
      blend = gst_alitra_blend_new (&info);
      gst_alitra_blend_over (blend, bgra, 4 * sizes[i][0], &picture.frame);
      gst_alitra_blend_free (blend);
      picture_clear (&picture);
      g_free (bgra);
    }
}

GST_END_TEST;

/* A red line one pixel wide, wherever it lies, is red. */
GST_START_TEST (test_thin_lines)
{
  guint at;

  for (at = 4; at < 8; at++) {
    guint8 *bgra = g_malloc0 (4 * 16 * 16);
    Picture picture;
    GstVideoInfo info;
    GstAlitraBlend *blend;
    guint i;

    for (i = 0; i < 16; i++) {
      bgra[4 * (16 * at + i) + 2] = bgra[4 * (16 * at + i) + 3] = 255;
      bgra[4 * (16 * i + at) + 2] = bgra[4 * (16 * i + at) + 3] = 255;
    }
    gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 16, 16);
    picture_init (&picture, &info);
    blend = gst_alitra_blend_new (&info);
    gst_alitra_blend_over (blend, bgra, 4 * 16, &picture.frame);
    for (i = 0; i < 8; i++) {
      const guint8 *cr = GST_VIDEO_FRAME_COMP_DATA (&picture.frame, 2);
      const gint stride = GST_VIDEO_FRAME_COMP_STRIDE (&picture.frame, 2);

      fail_unless (cr[at / 2 * stride + i] > 200);
      fail_unless (cr[i * stride + at / 2] > 200);
    }
    gst_alitra_blend_free (blend);
    picture_clear (&picture);
    g_free (bgra);
  }
}

GST_END_TEST;

static Suite *
alitrablend_suite (void)
{
  Suite *suite = suite_create ("alitrablend");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_colorimetry);
  tcase_add_test (tc, test_odd_sizes);
  tcase_add_test (tc, test_thin_lines);
  return suite;
}

GST_CHECK_MAIN (alitrablend);
