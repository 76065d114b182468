/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/packet.h>
#include <glib/gstdio.h>
#include <gst/video/gstvideometa.h>
#include "pictures.h"

static const gchar *const yuv_planes[] = { "I420", "YV12", "NV12", NULL };
static const gchar *const rgb_orders[] =
    { "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", NULL };
static const gchar *const others[] = { "GRAY8", "YUY2", NULL };

static GstHarness *
start (const gchar * format, guint width, guint height)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, NULL);
  gchar *caps = test_caps (format, width, height);

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

static void
read_packet (GstBuffer * buffer, AlitraPacketInfo * info)
{
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  assert_equals_int (alitra_packet_read_info (map.data, map.size, info),
      ALITRA_PACKET_OK);
  assert_equals_uint64 (info->size, map.size);
  gst_buffer_unmap (buffer, &map);
}

/* Pushes the picture; checks that flags and packet agree on what is a key frame; drops the packet. */
static gboolean
push_is_key (GstHarness * h, GstBuffer * picture)
{
  GstBuffer *packet = gst_harness_push_and_pull (h, picture);
  AlitraPacketInfo info;

  fail_unless (packet != NULL);
  read_packet (packet, &info);
  assert_equals_int (info.key, !GST_BUFFER_FLAG_IS_SET (packet,
          GST_BUFFER_FLAG_DELTA_UNIT));
  gst_buffer_unref (packet);
  return info.key;
}

static GstBuffer *
encode_one (const gchar * format, guint width, guint height, gboolean odd)
{
  GstHarness *h = start (format, width, height);
  GstBuffer *packet = gst_harness_push_and_pull (h, odd ?
      test_picture_odd (format, width, height, 1) :
      test_picture (format, width, height, 1));

  fail_unless (packet != NULL, "%s %ux%u", format, width, height);
  gst_harness_teardown (h);
  return packet;
}

/* All formats of a family hold the same picture: same packet, whatever order, alpha, stride and offset. */
static void
check_family (const gchar * const *formats, guint width, guint height,
    gboolean alike)
{
  GstBuffer *first = encode_one (formats[0], width, height, FALSE);
  guint i;

  for (i = 0; formats[i]; i++) {
    GstBuffer *even = encode_one (formats[i], width, height, FALSE);
    GstBuffer *odd = encode_one (formats[i], width, height, TRUE);

    fail_unless (test_same_bytes (even, odd), "%s %ux%u: strides matter",
        formats[i], width, height);
    if (alike)
      fail_unless (test_same_bytes (even, first), "%s is not %s", formats[i],
          formats[0]);
    gst_buffer_unref (even);
    gst_buffer_unref (odd);
  }
  gst_buffer_unref (first);
}

GST_START_TEST (test_formats)
{
  static const guint sizes[][2] = { {1, 1}, {17, 33}, {96, 80} };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (sizes); i++) {
    check_family (yuv_planes, sizes[i][0], sizes[i][1], TRUE);
    check_family (rgb_orders, sizes[i][0], sizes[i][1], TRUE);
    check_family (others, sizes[i][0], sizes[i][1], FALSE);
  }
}

GST_END_TEST;

static void
check_size (guint width, guint height, guint frames)
{
  GstHarness *h = start ("I420", width, height);
  guint n;

  for (n = 0; n < frames; n++) {
    GstBuffer *packet =
        gst_harness_push_and_pull (h, test_picture ("I420", width, height, n));
    AlitraPacketInfo info;

    fail_unless (packet != NULL, "%ux%u", width, height);
    read_packet (packet, &info);
    assert_equals_int (info.key, n == 0);
    assert_equals_uint64 (info.pts, n * TEST_FRAME_DURATION);
    assert_equals_uint64 (info.pts, GST_BUFFER_PTS (packet));
    assert_equals_uint64 (GST_BUFFER_DURATION (packet), TEST_FRAME_DURATION);
    if (info.key) {
      assert_equals_int (info.stream.width, width);
      assert_equals_int (info.stream.height, height);
      assert_equals_int (info.stream.fps_n, TEST_FPS);
    }
    gst_buffer_unref (packet);
  }
  gst_harness_teardown (h);
}

GST_START_TEST (test_sizes)
{
  check_size (1, 1, 2);
  check_size (2, 1, 2);
  check_size (17, 33, 3);
  check_size (64, 64, 2);
  check_size (65, 63, 2);
  check_size (8192, 1, 2);
  check_size (1, 8192, 2);
}

GST_END_TEST;

GST_START_TEST (test_full_hd)
{
  check_size (1920, 1080, 3);
}

GST_END_TEST;

GST_START_TEST (test_ultra_hd)
{
  check_size (3840, 2160, 2);
}

GST_END_TEST;

GST_START_TEST (test_output_caps)
{
  GstHarness *h = start ("RGB", 96, 80);
  GstCaps *caps;
  GstStructure *s;
  gint value;

  gst_buffer_unref (gst_harness_push_and_pull (h,
          test_picture ("RGB", 96, 80, 0)));
  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_has_name (s, "video/x-alitra"));
  fail_unless (gst_structure_get_int (s, "version", &value) && value == 1);
  fail_unless (gst_structure_get_int (s, "width", &value) && value == 96);
  fail_unless (gst_structure_get_int (s, "height", &value) && value == 80);
  assert_equals_string (gst_structure_get_string (s, "stream-format"),
      "packet");
  assert_equals_string (gst_structure_get_string (s, "alignment"), "frame");
  fail_unless (gst_structure_get_string (s, "model-id") != NULL);
  /* RGB turns into full-range BT.601. */
  assert_equals_string (gst_structure_get_string (s, "colorimetry"), "1:4:7:1");
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_byte_stream)
{
  GstHarness *h = gst_harness_new ("alitraenc");
  gchar *raw = test_caps ("I420", 64, 48);
  GstCaps *caps;

  gst_harness_set_caps_str (h, raw,
      "video/x-alitra, stream-format = (string) byte-stream");
  gst_buffer_unref (gst_harness_push_and_pull (h,
          test_picture ("I420", 64, 48, 0)));
  caps = gst_pad_get_current_caps (h->sinkpad);
  assert_equals_string (gst_structure_get_string (gst_caps_get_structure (caps,
              0), "stream-format"), "byte-stream");
  gst_caps_unref (caps);
  g_free (raw);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_colour)
{
  GstHarness *h = gst_harness_new ("alitraenc");
  AlitraPacketInfo info;
  GstBuffer *packet;

  gst_harness_set_src_caps_str (h, "video/x-raw, format = (string) I420, "
      "width = (int) 64, height = (int) 48, framerate = (fraction) 30000/1001, "
      "pixel-aspect-ratio = (fraction) 16/15, "
      "colorimetry = (string) 1:3:5:1");
  packet = gst_harness_push_and_pull (h, test_picture ("I420", 64, 48, 0));
  read_packet (packet, &info);
  assert_equals_int (info.stream.fps_n, 30000);
  assert_equals_int (info.stream.fps_d, 1001);
  assert_equals_int (info.stream.par_n, 16);
  assert_equals_int (info.stream.par_d, 15);
  /* Full range, BT.709 matrix, transfer and primaries by ISO/IEC 23001-8. */
  assert_equals_int (info.stream.colour[0], 1);
  assert_equals_int (info.stream.colour[1], 1);
  assert_equals_int (info.stream.colour[2], 1);
  assert_equals_int (info.stream.colour[3], 1);
  gst_buffer_unref (packet);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_caps_change)
{
  GstHarness *h = start ("I420", 64, 48);
  gchar *caps = test_caps ("RGB", 81, 33);
  GstBuffer *packet;
  AlitraPacketInfo info;
  GstCaps *out;
  gint width;

  fail_unless (push_is_key (h, test_picture ("I420", 64, 48, 0)));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 1)));
  gst_harness_set_src_caps_str (h, caps);
  packet = gst_harness_push_and_pull (h, test_picture ("RGB", 81, 33, 2));
  read_packet (packet, &info);
  fail_unless (info.key);
  assert_equals_int (info.stream.width, 81);
  gst_buffer_unref (packet);
  fail_if (push_is_key (h, test_picture ("RGB", 81, 33, 3)));
  out = gst_pad_get_current_caps (h->sinkpad);
  gst_structure_get_int (gst_caps_get_structure (out, 0), "width", &width);
  assert_equals_int (width, 81);
  gst_caps_unref (out);
  g_free (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GstHarness *h = start ("I420", 64, 48);
  GstSegment segment;

  fail_unless (push_is_key (h, test_picture ("I420", 64, 48, 0)));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 1)));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless (push_is_key (h, test_picture ("I420", 64, 48, 2)));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 3)));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Input was lost: the receiver holds what we hold all the same, so no key frame is needed. */
GST_START_TEST (test_discont)
{
  GstHarness *h = start ("I420", 64, 48);
  GstBuffer *picture;

  push_is_key (h, test_picture ("I420", 64, 48, 0));
  picture = test_picture ("I420", 64, 48, 9);
  GST_BUFFER_FLAG_SET (picture, GST_BUFFER_FLAG_DISCONT);
  fail_if (push_is_key (h, picture));
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_key_int_max)
{
  GstHarness *h = test_harness ("alitraenc", "key-int-max", 3, NULL);
  gchar *caps = test_caps ("I420", 64, 48);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < 9; n++)
    assert_equals_int (push_is_key (h, test_picture ("I420", 64, 48, n)),
        n % 3 == 0);
  g_free (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstEvent *
pull_key_unit (GstHarness * h)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h))) {
    if (gst_video_event_is_force_key_unit (event))
      return event;
    gst_event_unref (event);
  }
  return NULL;
}

GST_START_TEST (test_force_key_unit)
{
  GstHarness *h = start ("I420", 64, 48);
  GstEvent *event;

  push_is_key (h, test_picture ("I420", 64, 48, 0));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 1)));
  fail_unless (gst_harness_push_upstream_event (h,
          gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
              TRUE, 1)));
  fail_unless (push_is_key (h, test_picture ("I420", 64, 48, 2)));
  event = pull_key_unit (h);
  fail_unless (event != NULL);
  gst_event_unref (event);
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 3)));
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_eos_first)
{
  GstHarness *h = start ("I420", 64, 48);
  GstEvent *event;
  gboolean eos = FALSE;

  gst_harness_push_event (h, gst_event_new_eos ());
  while ((event = gst_harness_try_pull_event (h))) {
    eos |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  fail_unless (eos);
  assert_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GstHarness *h = start ("I420", 64, 48);

  gst_harness_set_upstream_latency (h, 30 * GST_MSECOND);
  push_is_key (h, test_picture ("I420", 64, 48, 0));
  assert_equals_uint64 (gst_harness_query_latency (h), 30 * GST_MSECOND);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_allocation)
{
  GstHarness *h = start ("I420", 64, 48);
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);

  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query,
          GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref (query);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Metas of the input that still hold for the packet travel along. */
GST_START_TEST (test_time_code)
{
  GstHarness *h = start ("I420", 64, 48);
  GstBuffer *picture = test_picture ("I420", 64, 48, 0);
  GstBuffer *packet;

  gst_buffer_add_video_time_code_meta_full (picture, 25, 1, NULL,
      GST_VIDEO_TIME_CODE_FLAGS_NONE, 1, 2, 3, 4, 0);
  packet = gst_harness_push_and_pull (h, picture);
  fail_unless (gst_buffer_get_video_time_code_meta (packet) != NULL);
  gst_buffer_unref (packet);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint64
sum (GstStructure * stats, const gchar * field)
{
  guint64 value = 0;

  fail_unless (gst_structure_get_uint64 (stats, field, &value), "no %s", field);
  return value;
}

GST_START_TEST (test_stats)
{
  GstHarness *h = start ("I420", 96, 80);
  GstStructure *stats;
  guint64 bits = 0, new_tokens = 0;
  guint n, last, small, middle, large;

  for (n = 0; n < 5; n++) {
    GstBuffer *packet =
        gst_harness_push_and_pull (h, test_picture ("I420", 96, 80, n));
    AlitraPacketInfo info;

    read_packet (packet, &info);
    bits += 8 * gst_buffer_get_size (packet);
    new_tokens += info.tokens;
    gst_buffer_unref (packet);
  }
  g_object_get (h->element, "stats", &stats, NULL);
  assert_equals_uint64 (sum (stats, "frames"), 5);
  assert_equals_uint64 (sum (stats, "key-frames"), 1);
  assert_equals_uint64 (sum (stats, "bits"), bits);
  assert_equals_uint64 (sum (stats, "new-tokens"), new_tokens);
  assert_equals_uint64 (sum (stats, "patches"), 5 * 6 * 5);
  assert_equals_uint64 (sum (stats, "tokens"), sum (stats, "new-tokens")
      + sum (stats, "kept-tokens"));
  fail_unless (sum (stats, "kept-tokens") > 0);
  fail_unless (sum (stats, "encode-time-ns") > 0);
  fail_unless (gst_structure_get_uint (stats, "last-patches", &last));
  assert_equals_int (last, 30);
  fail_unless (gst_structure_get (stats, "last-tokens", G_TYPE_UINT, &last,
          "last-tokens-16", G_TYPE_UINT, &small, "last-tokens-32", G_TYPE_UINT,
          &middle, "last-tokens-64", G_TYPE_UINT, &large, NULL));
  assert_equals_int (last, small + middle + large);
  fail_unless (gst_structure_get (stats, "last-fresh-patches", G_TYPE_UINT,
          &small, "last-sharpened-patches", G_TYPE_UINT, &middle,
          "last-kept-patches", G_TYPE_UINT, &large, NULL));
  assert_equals_int (small + middle + large, 30);
  fail_unless (gst_structure_has_field (stats, "last-noise"));
  gst_structure_free (stats);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_messages)
{
  GstHarness *h = start ("I420", 96, 80);
  GstBus *bus = test_watch (h);
  GstMessage *message;
  const GstStructure *s;
  guint64 time;
  gboolean key;

  push_is_key (h, test_picture ("I420", 96, 80, 0));
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT) == NULL);
  g_object_set (h->element, "post-messages", TRUE, NULL);
  push_is_key (h, test_picture ("I420", 96, 80, 1));
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  fail_unless (message != NULL);
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_has_name (s, "alitra-frame-stats"));
  fail_unless (gst_structure_get_boolean (s, "key", &key) && !key);
  fail_unless (gst_structure_get_uint64 (s, "timestamp", &time));
  assert_equals_uint64 (time, TEST_FRAME_DURATION);
  gst_message_unref (message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
last_tokens (GstHarness * h)
{
  GstStructure *stats;
  guint tokens;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint (stats, "last-tokens", &tokens));
  gst_structure_free (stats);
  return tokens;
}

GST_START_TEST (test_live_properties)
{
  GstHarness *h = start ("I420", 320, 240);
  GstBus *bus = test_watch (h);
  guint interval;

  g_object_set (h->element, "target-tokens", 300, NULL);
  push_is_key (h, test_picture ("I420", 320, 240, 0));
  fail_unless (last_tokens (h) <= 300);
  g_object_set (h->element, "target-tokens", 100, NULL);
  push_is_key (h, test_picture ("I420", 320, 240, 1));
  fail_unless (last_tokens (h) <= 100);
  g_object_set (h->element, "target-tokens", 200, "exact-length", TRUE, NULL);
  push_is_key (h, test_picture ("I420", 320, 240, 2));
  assert_equals_int (last_tokens (h), 200);
  /* Not one that may change under way. */
  g_object_set (h->element, "key-int-max", 7, NULL);
  g_object_get (h->element, "key-int-max", &interval, NULL);
  fail_if (interval == 7);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_quality)
{
  GstHarness *h = start ("I420", 320, 240);
  guint few, many;

  g_object_set (h->element, "quality", 10.0, NULL);
  push_is_key (h, test_picture ("I420", 320, 240, 0));
  few = last_tokens (h);
  g_object_set (h->element, "quality", 90.0, "temporal-reuse", FALSE, NULL);
  push_is_key (h, test_picture ("I420", 320, 240, 0));
  many = last_tokens (h);
  fail_unless (few < many, "%u tokens at quality 10, %u at 90", few, many);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GPtrArray *
encode_scene (guint threads, guint allocation)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *h = test_harness ("alitraenc", "threads", threads, "allocation",
      allocation, "target-tokens", 500, NULL);
  gchar *caps = test_caps ("NV12", 330, 250);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < 4; n++)
    g_ptr_array_add (packets, gst_harness_push_and_pull (h,
            test_picture ("NV12", 330, 250, n)));
  g_free (caps);
  gst_harness_teardown (h);
  return packets;
}

/* Same frames, same settings: same bytes, whatever the number of threads. */
GST_START_TEST (test_same_input_same_bytes)
{
  guint allocation, n;

  for (allocation = 0; allocation < 3; allocation++) {
    GPtrArray *once = encode_scene (1, allocation);
    GPtrArray *again = encode_scene (3, allocation);

    for (n = 0; n < once->len; n++)
      fail_unless (test_same_bytes (once->pdata[n], again->pdata[n]),
          "frame %u, allocation %u", n, allocation);
    g_ptr_array_unref (once);
    g_ptr_array_unref (again);
  }
}

GST_END_TEST;

static guint64
total (GstHarness * h, const gchar * field)
{
  GstStructure *stats;
  guint64 value;

  g_object_get (h->element, "stats", &stats, NULL);
  value = sum (stats, field);
  gst_structure_free (stats);
  return value;
}

/* Pushes the picture; its packet must be a tiny one that brings nothing. */
static void
push_is_held (GstHarness * h, GstBuffer * picture)
{
  GstBuffer *packet = gst_harness_push_and_pull (h, picture);
  AlitraPacketInfo info;

  fail_unless (packet != NULL);
  read_packet (packet, &info);
  fail_if (info.key);
  assert_equals_int (info.tokens, 0);
  fail_unless (gst_buffer_get_size (packet) <= 48);
  gst_buffer_unref (packet);
}

/* Downstream is at the time already. */
static void
push_late (GstHarness * h, GstClockTime time)
{
  gst_harness_push_upstream_event (h,
      gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, time, 0));
}

/* Frames that come too late become packets that say that all is kept: nothing is missing in the stream, and no key
 * frame is needed when there is time again. */
GST_START_TEST (test_late_frames)
{
  GstHarness *h = start ("I420", 64, 48);
  GstBus *bus = test_watch (h);
  GstMessage *message;
  guint n;

  push_late (h, 10 * GST_SECOND);
  push_is_key (h, test_picture ("I420", 64, 48, 0));
  assert_equals_uint64 (total (h, "late-frames"), 0);   /* nobody asked for it */
  g_object_set (h->element, "qos", TRUE, NULL);
  push_late (h, 10 * GST_SECOND);
  for (n = 1; n < 5; n++)
    push_is_held (h, test_picture ("I420", 64, 48, n));
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_QOS);
  fail_unless (message != NULL);
  gst_message_unref (message);
  assert_equals_uint64 (total (h, "late-frames"), 4);
  assert_equals_uint64 (total (h, "held-frames"), 4);
  assert_equals_uint64 (total (h, "frames"), 5);
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 600)));
  assert_equals_uint64 (total (h, "late-frames"), 4);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
flush (GstHarness * h)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
}

/* After a seek the clock starts again: how late it was before says nothing. */
GST_START_TEST (test_late_before_flush)
{
  GstHarness *h = start ("I420", 64, 48);
  guint n;

  g_object_set (h->element, "qos", TRUE, NULL);
  push_is_key (h, test_picture ("I420", 64, 48, 0));
  push_late (h, 10 * GST_SECOND);
  push_is_held (h, test_picture ("I420", 64, 48, 1));
  flush (h);
  for (n = 0; n < 5; n++)
    assert_equals_int (push_is_key (h, test_picture ("I420", 64, 48, n)),
        n == 0);
  assert_equals_uint64 (total (h, "late-frames"), 1);
  push_late (h, 10 * GST_SECOND);
  push_is_held (h, test_picture ("I420", 64, 48, n));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Even when downstream is always late, the picture moves once a second. */
GST_START_TEST (test_always_late)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, "qos", TRUE, NULL);
  gchar *caps = test_caps ("I420", 64, 48);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  for (n = 0; n < 4 * TEST_FPS; n++) {
    push_late (h, GST_SECOND * 1000);
    gst_buffer_unref (gst_harness_push_and_pull (h, test_picture ("I420", 64,
                48, n)));
  }
  assert_equals_uint64 (total (h, "late-frames"), 4 * TEST_FPS - 4);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Who needs a key frame gets it, late or not. */
GST_START_TEST (test_late_key_frame)
{
  GstHarness *h = start ("I420", 64, 48);

  g_object_set (h->element, "qos", TRUE, NULL);
  push_is_key (h, test_picture ("I420", 64, 48, 0));
  push_late (h, 10 * GST_SECOND);
  gst_harness_push_upstream_event (h,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          1));
  fail_unless (push_is_key (h, test_picture ("I420", 64, 48, 1)));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A buffer that only fills a gap says nothing about the scene. */
GST_START_TEST (test_gap_buffer)
{
  GstHarness *h = start ("I420", 64, 48);
  GstBuffer *picture = test_picture ("I420", 64, 48, 0);

  /* There is nothing yet that could be kept. */
  GST_BUFFER_FLAG_SET (picture, GST_BUFFER_FLAG_GAP);
  fail_unless (push_is_key (h, picture));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 1)));
  picture = test_picture ("I420", 64, 48, 40);
  GST_BUFFER_FLAG_SET (picture, GST_BUFFER_FLAG_GAP);
  push_is_held (h, picture);
  assert_equals_uint64 (total (h, "held-frames"), 1);
  assert_equals_uint64 (total (h, "late-frames"), 0);
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 3)));
  gst_harness_teardown (h);
}

GST_END_TEST;

static gboolean
push_gap (GstHarness * h)
{
  GstEvent *event;
  gboolean gap = FALSE;

  fail_unless (gst_harness_push_event (h,
          gst_event_new_gap (TEST_FRAME_DURATION, 9 * TEST_FRAME_DURATION)));
  while ((event = gst_harness_try_pull_event (h))) {
    gap |= GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  return gap;
}

/* Nothing comes for a while: downstream hears of it at once, and what it holds still counts afterwards. */
GST_START_TEST (test_gap_event)
{
  GstHarness *h = start ("I420", 64, 48);
  GstSegment segment;

  /* Nobody can make sense of a gap before he has caps and segment. */
  fail_if (push_gap (h));
  push_is_key (h, test_picture ("I420", 64, 48, 0));
  fail_unless (push_gap (h));
  fail_if (push_is_key (h, test_picture ("I420", 64, 48, 10)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = GST_SECOND;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_if (push_gap (h));
  push_is_key (h, test_picture ("I420", 64, 48, 30));
  fail_unless (push_gap (h));
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
new_tokens_of (GstHarness * h, guint n)
{
  GstBuffer *packet =
      gst_harness_push_and_pull (h, test_picture ("I420", 320, 240, n));
  AlitraPacketInfo info;

  read_packet (packet, &info);
  gst_buffer_unref (packet);
  return info.tokens;
}

/* The link is never overrun, and what it takes is used while there is something to say. */
GST_START_TEST (test_target_rate)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, "target-rate",
      1000, "quality", 70.0, NULL);
  gchar *caps = test_caps ("I420", 320, 240);
  guint64 sent = 0;
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  for (n = 0; n < 2 * TEST_FPS; n++) {
    sent += new_tokens_of (h, n);
    fail_unless (sent <= 1000 * (n / (gdouble) TEST_FPS + .75),
        "%" G_GUINT64_FORMAT " tokens until frame %u", sent, n);
  }
  fail_unless (sent > 1000, "%" G_GUINT64_FORMAT " tokens in 2 s", sent);
  /* A rate that gives most frames not even one token. */
  g_object_set (h->element, "target-rate", 5, NULL);
  for (sent = 0; n < 4 * TEST_FPS; n++)
    sent += new_tokens_of (h, n);
  fail_unless (sent <= 15, "%" G_GUINT64_FORMAT, sent);
  g_object_set (h->element, "target-rate", 0, NULL);
  fail_unless (new_tokens_of (h, n + 20) > 15);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* All tokens are sent anew within the time asked for, without any key frame, though nothing moves. */
GST_START_TEST (test_refresh)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, "refresh", 8,
      "key-int-max", 3, NULL);
  gchar *caps = test_caps ("I420", 320, 240);
  guint sent[32], n, i;

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  for (n = 0; n < G_N_ELEMENTS (sent); n++) {
    GstBuffer *packet =
        gst_harness_push_and_pull (h, test_picture ("I420", 320, 240, 0));
    AlitraPacketInfo info;
    guint within = 0;

    read_packet (packet, &info);
    assert_equals_int (info.key, n == 0);
    sent[n] = info.tokens;
    for (i = 0; n > 8 && i < 8; i++)
      within += sent[n - i];
    fail_unless (n <= 8 || within >= last_tokens (h),
        "%u of %u tokens within 8 frames", within, last_tokens (h));
    gst_buffer_unref (packet);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Key frames borrow, so that they are worth looking at. */
GST_START_TEST (test_target_rate_key_frame)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, "target-rate",
      2000, "quality", 80.0, "key-int-max", 10, NULL);
  gchar *caps = test_caps ("I420", 320, 240);
  guint n, tokens = 0;

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  for (n = 0; n <= 10; n++)
    tokens = new_tokens_of (h, n);
  fail_unless (tokens > 2000 / TEST_FPS && tokens <= 1500,
      "the second key frame brings %u tokens", tokens);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_interlaced)
{
  GstHarness *h = gst_harness_new ("alitraenc");
  GstBus *bus = test_watch (h);

  gst_harness_set_src_caps_str (h, "video/x-raw, format = (string) I420, "
      "width = (int) 64, height = (int) 48, framerate = (fraction) 25/1, "
      "interlace-mode = (string) interleaved");
  gst_harness_push (h, test_picture ("I420", 64, 48, 0));
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "deinterlace");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
check_model_error (const gchar * path, gint code, const gchar * words)
{
  GstElement *element = gst_element_factory_make ("alitraenc", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  g_object_set (element, "model", path, NULL);
  assert_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  test_expect_error (bus, GST_RESOURCE_ERROR, code, words);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_START_TEST (test_bad_models)
{
  gchar *damaged = NULL;
  gint fd = g_file_open_tmp ("alitra-XXXXXX.safetensors", &damaged, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  fail_unless (g_file_set_contents (damaged, "no model", -1, NULL));
  check_model_error ("/nowhere/at-all.safetensors",
      GST_RESOURCE_ERROR_NOT_FOUND, "at-all.safetensors");
  check_model_error (damaged, GST_RESOURCE_ERROR_SETTINGS, "cannot be used");
  g_remove (damaged);
  g_free (damaged);
}

GST_END_TEST;

GST_START_TEST (test_state_cycles)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw, "
      "width=64, height=48 ! alitraenc name=e ! fakesink "
      "e.overlay ! queue ! fakesink async=false", NULL);
  guint i;

  fail_unless (pipeline != NULL);
  for (i = 0; i < 100; i++) {
    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
        != GST_STATE_CHANGE_FAILURE);
    if (i % 10 == 0)
      fail_unless (gst_element_get_state (pipeline, NULL, NULL,
              5 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state (pipeline, i % 2 ? GST_STATE_NULL : GST_STATE_READY);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* A buffer that is smaller than its caps say is refused with an error, not read. */
GST_START_TEST (test_short_buffer)
{
  GstHarness *h = start ("I420", 64, 48);
  GstBus *bus = test_watch (h);

  assert_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL, 100,
              NULL)), GST_FLOW_ERROR);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "smaller");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
alitraenc_suite (void)
{
  Suite *suite = suite_create ("alitraenc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_sizes);
  tcase_add_test (tc, test_full_hd);
  tcase_add_test (tc, test_ultra_hd);
  tcase_add_test (tc, test_output_caps);
  tcase_add_test (tc, test_byte_stream);
  tcase_add_test (tc, test_colour);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_discont);
  tcase_add_test (tc, test_key_int_max);
  tcase_add_test (tc, test_force_key_unit);
  tcase_add_test (tc, test_eos_first);
  tcase_add_test (tc, test_latency);
  tcase_add_test (tc, test_allocation);
  tcase_add_test (tc, test_time_code);
  tcase_add_test (tc, test_stats);
  tcase_add_test (tc, test_messages);
  tcase_add_test (tc, test_live_properties);
  tcase_add_test (tc, test_quality);
  tcase_add_test (tc, test_same_input_same_bytes);
  tcase_add_test (tc, test_late_frames);
  tcase_add_test (tc, test_late_before_flush);
  tcase_add_test (tc, test_always_late);
  tcase_add_test (tc, test_late_key_frame);
  tcase_add_test (tc, test_gap_buffer);
  tcase_add_test (tc, test_gap_event);
  tcase_add_test (tc, test_target_rate);
  tcase_add_test (tc, test_target_rate_key_frame);
  tcase_add_test (tc, test_refresh);
  tcase_add_test (tc, test_interlaced);
  tcase_add_test (tc, test_bad_models);
  tcase_add_test (tc, test_state_cycles);
  tcase_add_test (tc, test_short_buffer);
  return suite;
}

GST_CHECK_MAIN (alitraenc);
