/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pictures.h"

#include <string.h>

gchar *
test_caps (const gchar * format, guint width, guint height)
{
  return g_strdup_printf ("video/x-raw, format = (string) %s, "
      "width = (int) %u, height = (int) %u, framerate = (fraction) %d/1",
      format, width, height, TEST_FPS);
}

/* A bright square that moves over a slope; component 0..2 are Y'CbCr or RGB. */
static guint8
scene (guint component, guint x, guint y, guint width, guint height, guint n)
{
  guint side = MAX (1, MIN (width, height) / 4);
  guint left = (n * 5) % MAX (1, width - side);
  gboolean inside = x >= left && x < left + side && y >= height / 3
      && y < height / 3 + side;

  switch (component) {
    case 0:
      return inside ? 210 - (x * 7 + y * 3) % 40 : 40 + 80 * x / width;
    case 1:
      return inside ? 90 : 128;
    default:
      return inside ? 170 : 100 + 40 * y / height;
  }
}

static void
fill (GstVideoFrame * frame, guint n)
{
  const GstVideoFormatInfo *info = frame->info.finfo;
  guint width = GST_VIDEO_FRAME_WIDTH (frame);
  guint height = GST_VIDEO_FRAME_HEIGHT (frame);
  guint c, x, y;

  for (c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS (info); c++) {
    guint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB (info, c);
    guint h_sub = GST_VIDEO_FORMAT_INFO_H_SUB (info, c);
    guint columns = GST_VIDEO_FRAME_COMP_WIDTH (frame, c);
    guint rows = GST_VIDEO_FRAME_COMP_HEIGHT (frame, c);

    for (y = 0; y < rows; y++) {
      guint8 *row = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, c) +
          y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c);

      /* Alpha says nothing: noise, so that a test sees when it is read. */
      for (x = 0; x < columns; x++)
        row[x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c)] = c == 3 ?
            (x * 37 + y * 101) & 0xff :
            scene (c, MIN (x << w_sub, width - 1), MIN (y << h_sub, height - 1),
            width, height, n);
    }
  }
}

static void
get_info (GstVideoInfo * info, const gchar * format, guint width, guint height)
{
  gst_video_info_init (info);
  fail_unless (gst_video_info_set_format (info,
          gst_video_format_from_string (format), width, height));
}

static void
set_time (GstBuffer * buffer, guint n)
{
  GST_BUFFER_PTS (buffer) = n * TEST_FRAME_DURATION;
  GST_BUFFER_DURATION (buffer) = TEST_FRAME_DURATION;
}

static void
fill_buffer (GstBuffer * buffer, GstVideoInfo * info, guint n)
{
  GstVideoFrame frame;

  fail_unless (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  fill (&frame, n);
  gst_video_frame_unmap (&frame);
  set_time (buffer, n);
}

GstBuffer *
test_picture (const gchar * format, guint width, guint height, guint n)
{
  GstVideoInfo info;
  GstBuffer *buffer;

  get_info (&info, format, width, height);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (buffer, 0, 0, info.size);
  fill_buffer (buffer, &info, n);
  return buffer;
}

GstBuffer *
test_picture_odd (const gchar * format, guint width, guint height, guint n)
{
  gsize offset[GST_VIDEO_MAX_PLANES] = { 0, };
  gint stride[GST_VIDEO_MAX_PLANES] = { 0, };
  GstVideoInfo info;
  GstBuffer *buffer;
  gsize size = 3;
  guint p;

  get_info (&info, format, width, height);
  for (p = 0; p < GST_VIDEO_INFO_N_PLANES (&info); p++) {
    gint comp[GST_VIDEO_MAX_COMPONENTS];

    gst_video_format_info_component (info.finfo, p, comp);
    offset[p] = size;
    stride[p] = info.stride[p] + 7 + 6 * p;
    size += stride[p] * GST_VIDEO_INFO_COMP_HEIGHT (&info, comp[0]) + 5;
  }
  buffer = gst_buffer_new_allocate (NULL, size, NULL);
  gst_buffer_memset (buffer, 0, 0xa5, size);
  gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_INFO_FORMAT (&info), width, height,
      GST_VIDEO_INFO_N_PLANES (&info), offset, stride);
  fill_buffer (buffer, &info, n);
  return buffer;
}

GstHarness *
test_harness (const gchar * factory, const gchar * first_property, ...)
{
  GstElement *element = gst_element_factory_make (factory, NULL);
  GstHarness *h;
  va_list args;

  fail_unless (element != NULL, "no %s", factory);
  va_start (args, first_property);
  g_object_set_valist (G_OBJECT (element), first_property, args);
  va_end (args);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  return h;
}

GPtrArray *
test_packets (guint width, guint height, guint count, guint key_interval)
{
  return test_packets_with (width, height, count, key_interval, FALSE);
}

GPtrArray *
test_packets_with (guint width, guint height, guint count, guint key_interval,
    gboolean scalable)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *h = test_harness ("alitraenc", "key-int-max", key_interval,
      "threads", 1, "scalable", scalable, NULL);
  gchar *caps = test_caps ("I420", width, height);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < count; n++)
    g_ptr_array_add (packets, gst_harness_push_and_pull (h,
            test_picture ("I420", width, height, n)));
  g_free (caps);
  gst_harness_teardown (h);
  return packets;
}

gboolean
test_same_bytes (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map;
  gboolean same;

  fail_unless (gst_buffer_map (b, &map, GST_MAP_READ));
  same = gst_buffer_get_size (a) == map.size
      && gst_buffer_memcmp (a, 0, map.data, map.size) == 0;
  gst_buffer_unmap (b, &map);
  return same;
}

GByteArray *
test_join (GPtrArray * packets)
{
  GByteArray *all = g_byte_array_new ();
  guint i;

  for (i = 0; i < packets->len; i++) {
    GstMapInfo map;

    fail_unless (gst_buffer_map (packets->pdata[i], &map, GST_MAP_READ));
    g_byte_array_append (all, map.data, map.size);
    gst_buffer_unmap (packets->pdata[i], &map);
  }
  return all;
}

GstMessage *
test_wait_for (GstBus * bus, GstMessageType type)
{
  return gst_bus_timed_pop_filtered (bus, 5 * GST_SECOND, type);
}

GstBus *
test_watch (GstHarness * harness)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (harness->element, bus);
  return bus;
}

void
test_expect_error (GstBus * bus, GQuark domain, gint code, const gchar * words)
{
  GstMessage *message = test_wait_for (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;
  gchar *debug = NULL;

  fail_unless (message != NULL, "no error was posted");
  gst_message_parse_error (message, &error, &debug);
  fail_unless (g_error_matches (error, domain, code), "got %s %d: %s",
      g_quark_to_string (error->domain), error->code, error->message);
  fail_unless (strstr (error->message, words) != NULL,
      "\"%s\" does not say \"%s\"", error->message, words);
  g_error_free (error);
  g_free (debug);
  gst_message_unref (message);
}
