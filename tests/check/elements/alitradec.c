/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/packet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <zlib.h>

#include "pictures.h"

#define WIDTH 96
#define HEIGHT 80
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame"

static GstHarness *
start (gboolean conceal)
{
  GstHarness *h =
      test_harness ("alitradec", "threads", 1, "conceal", conceal, NULL);

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  return h;
}

static GstBuffer *
packet (GPtrArray * packets, guint n)
{
  return gst_buffer_ref (packets->pdata[n]);
}

/* Pushes a packet; the number of pictures that come out, which are dropped. */
static guint
push (GstHarness * h, GstBuffer * buffer)
{
  GstBuffer *picture;
  guint n = 0;

  gst_harness_push (h, buffer);
  while ((picture = gst_harness_try_pull (h))) {
    gst_buffer_unref (picture);
    n++;
  }
  return n;
}

static guint
key_requests (GstHarness * h)
{
  GstEvent *event;
  guint n = 0;

  while ((event = gst_harness_try_pull_upstream_event (h))) {
    n += gst_video_event_is_force_key_unit (event);
    gst_event_unref (event);
  }
  return n;
}

static guint64
stat_of (GstHarness * h, const gchar * field)
{
  GstStructure *stats;
  guint64 value = 0;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value), "no %s", field);
  gst_structure_free (stats);
  return value;
}

static GstBuffer *
damaged (GstBuffer * original, gsize at, guint8 flip)
{
  GstBuffer *copy = gst_buffer_copy_deep (original);
  guint8 byte;

  gst_buffer_extract (copy, at, &byte, 1);
  byte ^= flip;
  gst_buffer_fill (copy, at, &byte, 1);
  return copy;
}

static void
check_round_trip (guint width, guint height, guint frames)
{
  GPtrArray *packets = test_packets (width, height, frames, 0);
  GstHarness *h = start (TRUE);
  guint n;

  for (n = 0; n < frames; n++) {
    GstBuffer *picture = gst_harness_push_and_pull (h, packet (packets, n));
    GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
    GstVideoInfo info;

    fail_unless (picture != NULL, "%ux%u", width, height);
    fail_unless (gst_video_info_from_caps (&info, caps));
    assert_equals_int (GST_VIDEO_INFO_FORMAT (&info), GST_VIDEO_FORMAT_I420);
    assert_equals_int (info.width, width);
    assert_equals_int (info.height, height);
    assert_equals_int (info.fps_n, TEST_FPS);
    assert_equals_uint64 (gst_buffer_get_size (picture), info.size);
    assert_equals_uint64 (GST_BUFFER_PTS (picture), n * TEST_FRAME_DURATION);
    fail_if (GST_BUFFER_FLAG_IS_SET (picture, GST_BUFFER_FLAG_CORRUPTED));
    gst_caps_unref (caps);
    gst_buffer_unref (picture);
  }
  assert_equals_uint64 (stat_of (h, "frames"), frames);
  assert_equals_uint64 (stat_of (h, "key-frames"), 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_START_TEST (test_sizes)
{
  check_round_trip (1, 1, 2);
  check_round_trip (17, 33, 3);
  check_round_trip (64, 64, 2);
  check_round_trip (65, 63, 2);
  check_round_trip (8192, 1, 2);
}

GST_END_TEST;

GST_START_TEST (test_full_hd)
{
  check_round_trip (1920, 1080, 2);
}

GST_END_TEST;

GST_START_TEST (test_ultra_hd)
{
  check_round_trip (3840, 2160, 2);
}

GST_END_TEST;

static GstBuffer *
flat_picture (guint luma)
{
  GstVideoInfo info;
  GstBuffer *picture;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT);
  picture = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (picture, 0, 128, info.size);
  gst_buffer_memset (picture, 0, luma, WIDTH * HEIGHT);
  GST_BUFFER_PTS (picture) = 0;
  return picture;
}

/* A plain picture comes back nearly as it was. */
GST_START_TEST (test_flat_pictures)
{
  guint luma;

  for (luma = 30; luma <= 220; luma += 95) {
    GstHarness *enc = test_harness ("alitraenc", "quality", 90.0, NULL);
    GstHarness *dec = start (TRUE);
    gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
    GstBuffer *picture;
    GstMapInfo map;
    guint64 sum = 0;
    gsize i;

    gst_harness_set_src_caps_str (enc, caps);
    picture = gst_harness_push_and_pull (dec,
        gst_harness_push_and_pull (enc, flat_picture (luma)));
    fail_unless (gst_buffer_map (picture, &map, GST_MAP_READ));
    for (i = 0; i < WIDTH * HEIGHT; i++)
      sum += ABS ((gint) map.data[i] - (gint) luma);
    gst_buffer_unmap (picture, &map);
    fail_unless (sum <= 4 * WIDTH * HEIGHT, "luma %u is off by %g", luma,
        (gdouble) sum / (WIDTH * HEIGHT));
    gst_buffer_unref (picture);
    g_free (caps);
    gst_harness_teardown (dec);
    gst_harness_teardown (enc);
  }
}

GST_END_TEST;

GST_START_TEST (test_output_caps)
{
  GstHarness *enc = gst_harness_new ("alitraenc");
  GstHarness *dec = start (TRUE);
  GstVideoInfo info;
  GstCaps *caps;

  gst_harness_set_src_caps_str (enc, "video/x-raw, format = (string) I420, "
      "width = (int) 96, height = (int) 80, "
      "framerate = (fraction) 30000/1001, "
      "pixel-aspect-ratio = (fraction) 16/15, "
      "colorimetry = (string) 1:3:5:1");
  gst_buffer_unref (gst_harness_push_and_pull (dec,
          gst_harness_push_and_pull (enc, test_picture ("I420", WIDTH, HEIGHT,
                  0))));
  caps = gst_pad_get_current_caps (dec->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  assert_equals_int (info.fps_n, 30000);
  assert_equals_int (info.fps_d, 1001);
  assert_equals_int (info.par_n, 16);
  assert_equals_int (info.par_d, 15);
  assert_equals_int (info.colorimetry.range, GST_VIDEO_COLOR_RANGE_0_255);
  assert_equals_int (info.colorimetry.matrix, GST_VIDEO_COLOR_MATRIX_BT709);
  assert_equals_int (info.colorimetry.primaries,
      GST_VIDEO_COLOR_PRIMARIES_BT709);
  gst_caps_unref (caps);
  gst_harness_teardown (dec);
  gst_harness_teardown (enc);
}

GST_END_TEST;

GST_START_TEST (test_size_change)
{
  GPtrArray *small = test_packets (64, 48, 2, 0);
  GPtrArray *large = test_packets (130, 70, 2, 0);
  GstHarness *h = start (TRUE);
  GstVideoInfo info;
  GstCaps *caps;
  guint n;

  for (n = 0; n < 2; n++)
    assert_equals_int (push (h, packet (small, n)), 1);
  for (n = 0; n < 2; n++)
    assert_equals_int (push (h, packet (large, n)), 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  assert_equals_int (info.width, 130);
  gst_caps_unref (caps);
  g_ptr_array_unref (small);
  g_ptr_array_unref (large);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Fewer tokens show another picture; with all of them again nothing of it remains. */
GST_START_TEST (test_max_depth)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 2, 0);
  GstHarness *all = start (TRUE), *few = start (TRUE);
  guint n;

  g_object_set (all->element, "exact", TRUE, NULL);
  g_object_set (few->element, "max-depth", 1, "exact", TRUE, NULL);
  for (n = 0; n < 2; n++) {
    GstBuffer *whole = gst_harness_push_and_pull (all, packet (packets, n));
    GstBuffer *coarse = gst_harness_push_and_pull (few, packet (packets, n));

    assert_equals_int (test_same_bytes (whole, coarse), n == 1);
    gst_buffer_unref (whole);
    gst_buffer_unref (coarse);
    g_object_set (few->element, "max-depth", 0, NULL);
  }
  g_ptr_array_unref (packets);
  gst_harness_teardown (all);
  gst_harness_teardown (few);
}

GST_END_TEST;

/* Area of the picture that is marked as lost. */
static guint
lost_area (GstBuffer * picture)
{
  GstVideoRegionOfInterestMeta *meta;
  gpointer state = NULL;
  guint area = 0;

  while ((meta = (GstVideoRegionOfInterestMeta *)
          gst_buffer_iterate_meta_filtered (picture, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    assert_equals_string (g_quark_to_string (meta->roi_type), "alitra-lost");
    fail_unless (meta->w > 0 && meta->x + meta->w <= WIDTH);
    fail_unless (meta->h > 0 && meta->y + meta->h <= HEIGHT);
    area += meta->w * meta->h;
  }
  return area;
}

static void
check_marks (GstBuffer * picture, gboolean lost)
{
  assert_equals_int (GST_BUFFER_FLAG_IS_SET (picture,
          GST_BUFFER_FLAG_CORRUPTED), lost);
  assert_equals_int (lost_area (picture) > 0, lost);
}

/* A lost packet: pictures go on, flagged, with the lost regions marked, until the next key packet; one request for it. */
GST_START_TEST (test_loss_concealed)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = start (TRUE);
  guint n;

  g_object_set (h->element, "heal-frames", 0, NULL);
  key_requests (h);
  for (n = 0; n < 12; n++) {
    GstBuffer *picture;

    if (n == 4)
      continue;
    picture = gst_harness_push_and_pull (h, packet (packets, n));
    check_marks (picture, n > 4 && n < 8);
    assert_equals_uint64 (GST_BUFFER_PTS (picture), n * TEST_FRAME_DURATION);
    gst_buffer_unref (picture);
  }
  assert_equals_int (key_requests (h), 1);
  assert_equals_uint64 (stat_of (h, "concealed"), 3);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A key packet is asked for when a region has waited long enough for refresh, and again when none comes. */
GST_START_TEST (test_patience)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 40, 0);
  GstHarness *h = start (TRUE);
  guint n, asked = 0, lost = 0;

  g_object_set (h->element, "heal-frames", 8, NULL);
  key_requests (h);
  for (n = 0; n < 40; n++) {
    GstBuffer *picture;

    if (n == 4)
      continue;
    picture = gst_harness_push_and_pull (h, packet (packets, n));
    lost += GST_BUFFER_FLAG_IS_SET (picture, GST_BUFFER_FLAG_CORRUPTED);
    gst_buffer_unref (picture);
    asked += key_requests (h);
    /* Frame 4 was the first that it waits. */
    assert_equals_int (asked, n < 12 ? 0 : n < 27 ? 1 : 2);
  }
  /* It lasts until the second request at least; later packets may happen to say all of it anew. */
  fail_unless (lost >= 27 - 4, "%u pictures were marked", lost);
  assert_equals_uint64 (stat_of (h, "concealed"), lost);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* (transfer full): a whole packet that stands for frame @n, of which nothing arrived. */
static GstBuffer *
lost_frame (GPtrArray * packets, guint n)
{
  GByteArray *bytes = g_byte_array_new ();
  AlitraPacketInfo info;
  GstBuffer *buffer;
  GstMapInfo map;

  gst_buffer_map (packets->pdata[n], &map, GST_MAP_READ);
  alitra_packet_read_info (map.data, map.size, &info);
  gst_buffer_unmap (packets->pdata[n], &map);
  alitra_packet_write_lost (&info, bytes);
  buffer = gst_buffer_new_memdup (bytes->data, bytes->len);
  g_byte_array_unref (bytes);
  GST_BUFFER_PTS (buffer) = n * TEST_FRAME_DURATION;
  return buffer;
}

/* A frame of which nothing came shows the picture before it, marked all over. */
GST_START_TEST (test_lost_frames)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = start (TRUE);
  GstBuffer *good = NULL, *picture;
  guint n;

  for (n = 0; n < 12; n++) {
    gboolean lost = n == 4 || n == 5;

    picture = gst_harness_push_and_pull (h, lost ? lost_frame (packets, n)
        : packet (packets, n));
    check_marks (picture, n >= 4 && n < 8);
    if (lost) {
      fail_unless (test_same_bytes (good, picture));
      assert_equals_int (lost_area (picture), WIDTH * HEIGHT);
    }
    gst_buffer_replace (&good, picture);
    gst_buffer_unref (picture);
  }
  assert_equals_uint64 (stat_of (h, "lost-frames"), 2);
  assert_equals_uint64 (stat_of (h, "concealed"), 4);
  gst_buffer_unref (good);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_loss_hidden)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = start (FALSE);
  guint n;

  g_object_set (h->element, "heal-frames", 0, NULL);
  for (n = 0; n < 12; n++)
    if (n != 4)
      assert_equals_int (push (h, packet (packets, n)), n < 4 || n >= 8);
  assert_equals_uint64 (stat_of (h, "dropped"), 3);
  fail_unless (key_requests (h) >= 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Somebody tunes in between two key frames and knows the size of the pictures: they come at once, marked, and a key
 * frame is asked for. */
GST_START_TEST (test_join_known_size)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = test_harness ("alitradec", "threads", 1, NULL);
  guint n;

  gst_harness_set_src_caps_str (h, TOKEN_CAPS ", width = (int) "
      G_STRINGIFY (WIDTH) ", height = (int) " G_STRINGIFY (HEIGHT)
      ", framerate = (fraction) 25/1");
  key_requests (h);
  for (n = 5; n < 12; n++) {
    GstBuffer *picture = gst_harness_push_and_pull (h, packet (packets, n));

    check_marks (picture, n < 8);
    gst_buffer_unref (picture);
  }
  assert_equals_int (key_requests (h), 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Somebody tunes in between two key frames. */
GST_START_TEST (test_join_late)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = start (TRUE);
  guint n;

  for (n = 5; n < 12; n++)
    assert_equals_int (push (h, packet (packets, n)), n >= 8);
  assert_equals_int (key_requests (h), 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 6, 4);
  GstHarness *h = start (TRUE);
  GstSegment segment;

  assert_equals_int (push (h, packet (packets, 0)), 1);
  assert_equals_int (push (h, packet (packets, 1)), 1);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  /* Nothing is left to change or to show. */
  assert_equals_int (push (h, packet (packets, 2)), 0);
  assert_equals_int (push (h, packet (packets, 4)), 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Any bit may flip: never a crash, and the stream goes on at the next key packet. */
GST_START_TEST (test_flipped_bits)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 6, 3);
  GstHarness *h = test_harness ("alitradec", "threads", 1, "max-errors", -1,
      NULL);
  GRand *random = g_rand_new_with_seed (7);
  guint round;

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  for (round = 0; round < 200; round++) {
    guint victim = g_rand_int_range (random, 0, 3);
    gsize size = gst_buffer_get_size (packets->pdata[victim]);
    guint n;

    for (n = 0; n < 3; n++)
      push (h, n == victim ? damaged (packets->pdata[n],
              g_rand_int_range (random, 20, size),
              1 << g_rand_int_range (random, 0, 8)) : packet (packets, n));
    assert_equals_int (push (h, packet (packets, 3)), 1);
  }
  /* A bit that flips in a chunk or the header is seen by a checksum. */
  fail_unless (stat_of (h, "errors") >= 190, "%" G_GUINT64_FORMAT " errors",
      stat_of (h, "errors"));
  g_rand_free (random);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_cut_and_foreign)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 2, 1);
  GstHarness *h = test_harness ("alitradec", "threads", 1, "max-errors", -1,
      NULL);
  gsize size = gst_buffer_get_size (packets->pdata[0]), cut;
  GRand *random = g_rand_new_with_seed (11);
  guint i;

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  for (cut = 0; cut < size; cut += cut < 64 ? 1 : 37)
    assert_equals_int (push (h, gst_buffer_copy_region (packets->pdata[0],
                GST_BUFFER_COPY_ALL, 0, cut)), 0);
  for (i = 0; i < 50; i++) {
    GstBuffer *noise = gst_buffer_new_allocate (NULL, 1 + i * 7, NULL);
    gsize at;

    for (at = 0; at < 1 + i * 7; at++)
      gst_buffer_memset (noise, at, g_rand_int (random), 1);
    push (h, noise);
  }
  assert_equals_int (push (h, packet (packets, 1)), 1);
  g_rand_free (random);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_max_errors)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = test_harness ("alitradec", "max-errors", 3, NULL);
  GstBus *bus = test_watch (h);
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  for (n = 0; n < 10 && flow == GST_FLOW_OK; n++)
    flow = gst_harness_push (h, damaged (packets->pdata[0], 30, 1));
  assert_equals_int (flow, GST_FLOW_ERROR);
  assert_equals_int (n, 4);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "damaged");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_wrong_model_in_caps)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = gst_harness_new ("alitradec");
  GstBus *bus = test_watch (h);

  gst_harness_set_src_caps_str (h,
      TOKEN_CAPS ", model-id = (string) other-model-2-0badc0de");
  gst_harness_push (h, packet (packets, 0));
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "other-model-2-0badc0de");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Writes another model's number into a packet, and the checksum of the header that fits. */
static GstBuffer *
foreign_model (GstBuffer * original, guint32 model)
{
  GstBuffer *copy = gst_buffer_copy_deep (original);
  AlitraPacketInfo info;
  GstMapInfo map;

  fail_unless (gst_buffer_map (copy, &map, GST_MAP_READWRITE));
  fail_unless (alitra_packet_read_info (map.data, map.size, &info) ==
      ALITRA_PACKET_OK);
  GST_WRITE_UINT32_LE (map.data + 12, model);
  GST_WRITE_UINT32_LE (map.data + info.header_size - 4,
      crc32 (0, map.data, info.header_size - 4));
  fail_unless (alitra_packet_read_info (map.data, map.size, &info) ==
      ALITRA_PACKET_OK && info.model == model);
  gst_buffer_unmap (copy, &map);
  return copy;
}

GST_START_TEST (test_wrong_model_in_packet)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = start (TRUE);
  GstBus *bus = test_watch (h);

  assert_equals_int (gst_harness_push (h, foreign_model (packets->pdata[0],
              0x0badc0de)), GST_FLOW_ERROR);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "0badc0de");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
check_model_error (const gchar * path, gint code, const gchar * words)
{
  GstElement *element = gst_element_factory_make ("alitradec", NULL);
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
  gchar *path = NULL;
  gint fd = g_file_open_tmp ("alitra-XXXXXX.safetensors", &path, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  fail_unless (g_file_set_contents (path, "no model", -1, NULL));
  check_model_error ("/nowhere/at-all.safetensors",
      GST_RESOURCE_ERROR_NOT_FOUND, "at-all.safetensors");
  check_model_error (path, GST_RESOURCE_ERROR_SETTINGS, "cannot be used");
  g_remove (path);
  g_free (path);
}

GST_END_TEST;

GST_START_TEST (test_eos_first)
{
  GstHarness *h = start (TRUE);

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  assert_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = start (TRUE);

  gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
  assert_equals_int (push (h, packet (packets, 0)), 1);
  assert_equals_uint64 (gst_harness_query_latency (h), 20 * GST_MSECOND);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Packets of late pictures still change the memory: no key frame is needed afterwards. */
GST_START_TEST (test_late_pictures)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 5, 0);
  GstHarness *h = start (TRUE);

  assert_equals_int (push (h, packet (packets, 0)), 1);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          2.0, 10 * GST_SECOND, 0));
  assert_equals_int (push (h, packet (packets, 1)), 0);
  assert_equals_int (push (h, packet (packets, 2)), 0);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          1.0, -10 * GST_SECOND, 10 * GST_SECOND));
  assert_equals_int (push (h, packet (packets, 3)), 1);
  assert_equals_uint64 (stat_of (h, "errors"), 0);
  assert_equals_uint64 (stat_of (h, "dropped") + stat_of (h, "concealed"), 0);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_state_cycles)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw, "
      "width=64, height=48 ! alitraenc ! alitradec ! fakesink", NULL);
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

static Suite *
alitradec_suite (void)
{
  Suite *suite = suite_create ("alitradec");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_sizes);
  tcase_add_test (tc, test_full_hd);
  tcase_add_test (tc, test_ultra_hd);
  tcase_add_test (tc, test_flat_pictures);
  tcase_add_test (tc, test_output_caps);
  tcase_add_test (tc, test_size_change);
  tcase_add_test (tc, test_max_depth);
  tcase_add_test (tc, test_loss_concealed);
  tcase_add_test (tc, test_patience);
  tcase_add_test (tc, test_lost_frames);
  tcase_add_test (tc, test_loss_hidden);
  tcase_add_test (tc, test_join_late);
  tcase_add_test (tc, test_join_known_size);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_flipped_bits);
  tcase_add_test (tc, test_cut_and_foreign);
  tcase_add_test (tc, test_max_errors);
  tcase_add_test (tc, test_wrong_model_in_caps);
  tcase_add_test (tc, test_wrong_model_in_packet);
  tcase_add_test (tc, test_bad_models);
  tcase_add_test (tc, test_eos_first);
  tcase_add_test (tc, test_latency);
  tcase_add_test (tc, test_late_pictures);
  tcase_add_test (tc, test_state_cycles);
  return suite;
}

GST_CHECK_MAIN (alitradec);
