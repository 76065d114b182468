/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parser, the typefinder, and files played through both. */
#include <alitra/packet.h>
#include <glib/gstdio.h>
#include <gst/base/gsttypefindhelper.h>
#include <string.h>
#include <zlib.h>

#include "pictures.h"
#include "playing.h"

#define WIDTH 96
#define HEIGHT 80
#define BYTE_CAPS "video/x-alitra, stream-format = (string) byte-stream"

static GstHarness *
start (void)
{
  GstHarness *h = gst_harness_new ("alitraparse");
  GstSegment segment;

  gst_harness_set_src_caps_str (h, BYTE_CAPS);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  return h;
}

static void
push_bytes (GstHarness * h, const guint8 * data, gsize size)
{
  assert_equals_int (gst_harness_push (h,
          gst_buffer_new_memdup (data, size)), GST_FLOW_OK);
}

/* The next buffer must be packet number @n. */
static GstBuffer *
expect_packet (GstHarness * h, GPtrArray * packets, guint n)
{
  GstBuffer *buffer = gst_harness_try_pull (h);

  fail_unless (buffer != NULL, "packet %u is missing", n);
  fail_unless (test_same_bytes (buffer, packets->pdata[n]), "packet %u", n);
  return buffer;
}

static void
expect_packets (GstHarness * h, GPtrArray * packets, guint first, guint end)
{
  for (; first < end; first++)
    gst_buffer_unref (expect_packet (h, packets, first));
}

static void
expect_no_more (GstHarness * h)
{
  assert_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static void
check_pieces (gsize (*piece) (GRand * random))
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 7, 3);
  GByteArray *all = test_join (packets);
  GstHarness *h = start ();
  GRand *random = g_rand_new_with_seed (3);
  gsize at = 0;
  guint n;

  while (at < all->len) {
    gsize size = MIN (piece (random), all->len - at);

    push_bytes (h, all->data + at, size);
    at += size;
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  for (n = 0; n < packets->len; n++) {
    GstBuffer *buffer = expect_packet (h, packets, n);

    assert_equals_uint64 (GST_BUFFER_PTS (buffer), n * TEST_FRAME_DURATION);
    assert_equals_uint64 (GST_BUFFER_DURATION (buffer), TEST_FRAME_DURATION);
    assert_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
            GST_BUFFER_FLAG_DELTA_UNIT), n % 3 != 0);
    gst_buffer_unref (buffer);
  }
  expect_no_more (h);
  g_rand_free (random);
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

static gsize
one_byte (GRand * random)
{
  return 1;
}

static gsize
few_bytes (GRand * random)
{
  return g_rand_int_range (random, 1, 400);
}

static gsize
all_bytes (GRand * random)
{
  return G_MAXSIZE;
}

GST_START_TEST (test_pieces)
{
  check_pieces (one_byte);
  check_pieces (few_bytes);
  check_pieces (all_bytes);
}

GST_END_TEST;

GST_START_TEST (test_output_caps)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GPtrArray *larger = test_packets (130, 66, 1, 0);
  GstHarness *h = start ();
  GByteArray *all = test_join (packets);
  GByteArray *more = test_join (larger);
  GstStructure *s;
  GstCaps *caps;
  gboolean parsed;
  gint value, n, d;

  push_bytes (h, all->data, all->len);
  expect_packets (h, packets, 0, 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (s, "width", &value) && value == WIDTH);
  fail_unless (gst_structure_get_int (s, "height", &value) && value == HEIGHT);
  fail_unless (gst_structure_get_fraction (s, "framerate", &n, &d));
  assert_equals_int (n, TEST_FPS);
  assert_equals_string (gst_structure_get_string (s, "stream-format"),
      "packet");
  assert_equals_int (strlen (gst_structure_get_string (s, "model-id")), 8);
  fail_unless (gst_structure_get_boolean (s, "parsed", &parsed) && parsed);
  gst_caps_unref (caps);

  push_bytes (h, more->data, more->len);
  expect_packets (h, larger, 0, 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (s, "width", &value) && value == 130);
  gst_caps_unref (caps);
  g_byte_array_unref (all);
  g_byte_array_unref (more);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (larger);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Bytes that begin as a packet does, here and there. */
static void
push_garbage (GstHarness * h, gsize size)
{
  guint8 *garbage = g_malloc (size);
  gsize i;

  for (i = 0; i < size; i++)
    garbage[i] = "ALTALTK\002xyz"[i % 11];
  push_bytes (h, garbage, size);
  g_free (garbage);
}

GST_START_TEST (test_garbage)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 4, 2);
  GstHarness *h = start ();
  guint n;

  push_garbage (h, 1);
  for (n = 0; n < 4; n++) {
    GByteArray *one;
    GPtrArray *alone = g_ptr_array_new ();

    push_garbage (h, 1 + n * 1999);
    g_ptr_array_add (alone, packets->pdata[n]);
    one = test_join (alone);
    push_bytes (h, one->data, one->len);
    g_byte_array_unref (one);
    g_ptr_array_unref (alone);
  }
  push_garbage (h, 9000);
  gst_harness_push_event (h, gst_event_new_eos ());
  for (n = 0; n < 4; n++) {
    GstBuffer *buffer = expect_packet (h, packets, n);

    fail_unless (GST_BUFFER_IS_DISCONT (buffer), "packet %u", n);
    gst_buffer_unref (buffer);
  }
  expect_no_more (h);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Bytes are lost inside packet 1: packet 2 is found all the same. */
GST_START_TEST (test_lost_bytes)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 5, 0);
  GByteArray *all = test_join (packets);
  gsize first = gst_buffer_get_size (packets->pdata[0]);
  gsize second = gst_buffer_get_size (packets->pdata[1]);
  GstHarness *h = start ();
  GstBuffer *buffer;

  g_byte_array_remove_range (all, first + second - 5, 5);
  push_bytes (h, all->data, all->len);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_packets (h, packets, 0, 1);
  buffer = expect_packet (h, packets, 2);
  fail_unless (GST_BUFFER_IS_DISCONT (buffer));
  gst_buffer_unref (buffer);
  expect_packets (h, packets, 3, 5);
  expect_no_more (h);
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_cut_end)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 3, 0);
  GByteArray *all = test_join (packets);
  GstHarness *h = start ();

  push_bytes (h, all->data, all->len - 3);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_packets (h, packets, 0, 2);
  expect_no_more (h);
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_nothing_but_garbage)
{
  GstHarness *h = start ();
  GstBus *bus = test_watch (h);

  push_garbage (h, 70000);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_no_more (h);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "No valid frames");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Packets from an element that knows the time keep their time, and the full name of the model. */
GST_START_TEST (test_timed_input)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 3, 0);
  GstHarness *h = gst_harness_new ("alitraparse");
  AlitraPacketInfo info;
  GstMapInfo map;
  GstCaps *caps;
  gchar *id, *text;
  guint n;

  fail_unless (gst_buffer_map (packets->pdata[0], &map, GST_MAP_READ));
  alitra_packet_read_info (map.data, map.size, &info);
  gst_buffer_unmap (packets->pdata[0], &map);
  id = g_strdup_printf ("some-name-1-%08x", info.model);
  text = g_strdup_printf ("video/x-alitra, stream-format = (string) packet, "
      "alignment = (string) frame, model-id = (string) %s", id);
  gst_harness_set_src_caps_str (h, text);
  for (n = 0; n < 3; n++) {
    GstBuffer *buffer = gst_buffer_copy (packets->pdata[n]);

    GST_BUFFER_PTS (buffer) = GST_SECOND + n * TEST_FRAME_DURATION;
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    gst_harness_push (h, buffer);
    buffer = expect_packet (h, packets, n);
    assert_equals_uint64 (GST_BUFFER_PTS (buffer),
        GST_SECOND + n * TEST_FRAME_DURATION);
    gst_buffer_unref (buffer);
  }
  caps = gst_pad_get_current_caps (h->sinkpad);
  assert_equals_string (gst_structure_get_string (gst_caps_get_structure (caps,
              0), "model-id"), id);
  gst_caps_unref (caps);
  g_free (id);
  g_free (text);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* TYPEFIND */

static GstTypeFindProbability
find_type (const guint8 * data, gsize size)
{
  GstTypeFindProbability probability = GST_TYPE_FIND_NONE;
  GstCaps *caps = gst_type_find_helper_for_data (NULL, data, size,
      &probability);

  if (caps && !gst_structure_has_name (gst_caps_get_structure (caps, 0),
          "video/x-alitra"))
    probability = GST_TYPE_FIND_NONE;
  gst_clear_caps (&caps);
  return probability;
}

GST_START_TEST (test_typefind)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 2, 0);
  GByteArray *all = test_join (packets);

  assert_equals_int (find_type (all->data, all->len), GST_TYPE_FIND_MAXIMUM);
  /* The header of the first packet is cut. */
  assert_equals_int (find_type (all->data, 24), GST_TYPE_FIND_LIKELY);
  all->data[40] ^= 1;
  assert_equals_int (find_type (all->data, all->len), GST_TYPE_FIND_NONE);
  assert_equals_int (find_type ((const guint8 *) "ALTK but no packet at all",
          25), GST_TYPE_FIND_NONE);
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* FILES */

#define FILE_FRAMES 100
#define FILE_KEYS 20

static gchar *
write_file (GPtrArray ** packets)
{
  GByteArray *all;
  gchar *path = NULL;
  gint fd = g_file_open_tmp ("XXXXXX.alitra", &path, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  *packets = test_packets (WIDTH, HEIGHT, FILE_FRAMES, FILE_KEYS);
  all = test_join (*packets);
  fail_unless (g_file_set_contents (path, (gchar *) all->data, all->len, NULL));
  g_byte_array_unref (all);
  return path;
}

typedef struct
{
  GMutex lock;
  guint count, delta_first;
  GstClockTime first, last;
} Seen;

static void
on_buffer (GstElement * eye, GstBuffer * buffer, gpointer data)
{
  Seen *seen = data;

  g_mutex_lock (&seen->lock);
  if (seen->count++ == 0) {
    seen->first = GST_BUFFER_PTS (buffer);
    seen->delta_first =
        GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  }
  seen->last = GST_BUFFER_PTS (buffer);
  g_mutex_unlock (&seen->lock);
}

static void
forget (Seen * seen)
{
  g_mutex_lock (&seen->lock);
  seen->count = 0;
  g_mutex_unlock (&seen->lock);
}

static GstElement *
open_file (const gchar * path, const gchar * rest, Seen * seen)
{
  /* The sink itself does not show what lies before the segment. */
  gchar *description = g_strdup_printf ("filesrc location=\"%s\" ! %s ! "
      "identity name=eye signal-handoffs=true ! fakesink", path, rest);
  GstElement *pipeline = gst_parse_launch (description, NULL);
  GstElement *eye;

  fail_unless (pipeline != NULL, "%s", description);
  g_free (description);
  memset (seen, 0, sizeof (*seen));
  g_mutex_init (&seen->lock);
  eye = gst_bin_get_by_name (GST_BIN (pipeline), "eye");
  g_signal_connect (eye, "handoff", G_CALLBACK (on_buffer), seen);
  gst_object_unref (eye);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
          20 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  return pipeline;
}

static void
close_file (GstElement * pipeline, Seen * seen)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_mutex_clear (&seen->lock);
}

static void
seek_to (GstElement * pipeline, Seen * seen, guint frame, GstSeekFlags flags)
{
  forget (seen);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | flags, frame * TEST_FRAME_DURATION));
  assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
          20 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
}

GST_START_TEST (test_file)
{
  GPtrArray *packets;
  gchar *path = write_file (&packets);
  Seen seen;
  GstElement *pipeline = open_file (path, "alitraparse", &seen);
  gint64 duration;

  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  assert_equals_uint64 (duration, FILE_FRAMES * TEST_FRAME_DURATION);
  test_play_to_end (pipeline, 30);
  assert_equals_int (seen.count, FILE_FRAMES);
  assert_equals_uint64 (seen.last, (FILE_FRAMES - 1) * TEST_FRAME_DURATION);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_seek_packets)
{
  static const guint targets[] = { 0, 1, 19, 20, 21, 50, 79, 80, 99, 3 };
  GPtrArray *packets;
  gchar *path = write_file (&packets);
  Seen seen;
  GstElement *pipeline = open_file (path, "alitraparse", &seen);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (targets); i++) {
    guint key = targets[i] / FILE_KEYS * FILE_KEYS;

    /* Packets begin at the key frame before the place. */
    seek_to (pipeline, &seen, targets[i], 0);
    assert_equals_uint64 (seen.first, key * TEST_FRAME_DURATION);
    fail_if (seen.delta_first);
    seek_to (pipeline, &seen, targets[i], GST_SEEK_FLAG_KEY_UNIT);
    assert_equals_uint64 (seen.first, key * TEST_FRAME_DURATION);
    if (targets[i] > 0 && targets[i] < 80) {
      seek_to (pipeline, &seen, targets[i],
          GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_AFTER);
      key = (targets[i] + FILE_KEYS - 1) / FILE_KEYS * FILE_KEYS;
      assert_equals_uint64 (seen.first, key * TEST_FRAME_DURATION);
    }
  }
  test_play_to_end (pipeline, 30);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* decodebin finds everything by itself; seeking is exact to the frame. */
GST_START_TEST (test_seek_decodebin)
{
  static const guint targets[] = { 70, 10, 33, 99, 0, 59 };
  GPtrArray *packets;
  gchar *path = write_file (&packets);
  Seen seen;
  GstElement *pipeline = open_file (path, "decodebin", &seen);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (targets); i++) {
    seek_to (pipeline, &seen, targets[i], GST_SEEK_FLAG_ACCURATE);
    assert_equals_uint64 (seen.first, targets[i] * TEST_FRAME_DURATION);
  }
  forget (&seen);
  test_play_to_end (pipeline, 30);
  assert_equals_uint64 (seen.last, (FILE_FRAMES - 1) * TEST_FRAME_DURATION);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* Through a queue the file is pushed, not pulled: playing and seeking back work all the same. */
GST_START_TEST (test_push_mode)
{
  GPtrArray *packets;
  gchar *path = write_file (&packets);
  Seen seen;
  GstElement *pipeline = open_file (path, "queue ! alitraparse ! alitradec",
      &seen);

  test_play_to_end (pipeline, 30);
  assert_equals_uint64 (seen.last, (FILE_FRAMES - 1) * TEST_FRAME_DURATION);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  seek_to (pipeline, &seen, 0, 0);
  assert_equals_uint64 (seen.first, 0);
  test_play_to_end (pipeline, 30);
  assert_equals_uint64 (seen.last, (FILE_FRAMES - 1) * TEST_FRAME_DURATION);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* A file with damage in the middle: it still has its length, and a seek still finds the key frame. */
GST_START_TEST (test_damaged_file)
{
  GPtrArray *packets;
  gchar *path = write_file (&packets);
  GByteArray *all = test_join (packets);
  Seen seen;
  GstElement *pipeline;
  gint64 duration;
  gsize at = 0;
  guint n;

  /* Key packet 40 is spoilt. */
  for (n = 0; n < 40; n++)
    at += gst_buffer_get_size (packets->pdata[n]);
  memset (all->data + at, 0x5a, 30);
  fail_unless (g_file_set_contents (path, (gchar *) all->data, all->len, NULL));
  pipeline = open_file (path, "alitraparse", &seen);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  assert_equals_uint64 (duration, FILE_FRAMES * TEST_FRAME_DURATION);
  seek_to (pipeline, &seen, 55, 0);
  assert_equals_uint64 (seen.first, 20 * TEST_FRAME_DURATION);
  seek_to (pipeline, &seen, 65, 0);
  assert_equals_uint64 (seen.first, 60 * TEST_FRAME_DURATION);
  test_play_to_end (pipeline, 30);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* A file cut at any byte plays up to the cut: all packets that are whole. */
GST_START_TEST (test_cut_anywhere)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 4, 2);
  GByteArray *all = test_join (packets);
  gsize cut;

  for (cut = 1; cut < all->len; cut += 7) {
    GstHarness *h = start ();
    GstBus *bus = test_watch (h);
    gsize end = 0;
    guint n = 0;

    push_bytes (h, all->data, cut);
    gst_harness_push_event (h, gst_event_new_eos ());
    while (n < packets->len
        && (end += gst_buffer_get_size (packets->pdata[n])) <= cut)
      gst_buffer_unref (expect_packet (h, packets, n++));
    expect_no_more (h);
    gst_element_set_bus (h->element, NULL);
    gst_object_unref (bus);
    gst_harness_teardown (h);
  }
  g_byte_array_unref (all);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* INDEX */

static gchar *
write_bytes (const GByteArray * bytes)
{
  gchar *path = NULL;
  gint fd = g_file_open_tmp ("XXXXXX.alitra", &path, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  fail_unless (g_file_set_contents (path, (gchar *) bytes->data, bytes->len,
          NULL));
  return path;
}

static void
run_to_end (const gchar * description)
{
  GstElement *pipeline = gst_parse_launch (description, NULL);

  fail_unless (pipeline != NULL, "%s", description);
  test_play_to_end (pipeline, 30);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* (transfer full): the bytes with an index behind them, as a parser in front of filesink writes them. */
static GByteArray *
add_index (const GByteArray * bytes)
{
  gchar *from = write_bytes (bytes);
  gchar *to = g_strconcat (from, ".indexed", NULL), *all;
  gchar *description = g_strdup_printf ("filesrc location=\"%s\" "
      "! alitraparse index=true ! filesink location=\"%s\"", from, to);
  gsize size;

  run_to_end (description);
  fail_unless (g_file_get_contents (to, &all, &size, NULL));
  g_remove (from);
  g_remove (to);
  g_free (description);
  g_free (from);
  g_free (to);
  return g_byte_array_new_take ((guint8 *) all, size);
}

/* Sets the number and the time of a packet. */
static void
stamp (guint8 * packet, guint32 number, guint64 pts)
{
  const guint header = GST_READ_UINT16_LE (packet + 6);

  GST_WRITE_UINT32_LE (packet + 8, number);
  GST_WRITE_UINT64_LE (packet + 16, pts);
  GST_WRITE_UINT32_LE (packet + header - 4, crc32 (0, packet, header - 4));
}

static void
append (GByteArray * out, guint64 value, guint bytes)
{
  for (; bytes > 0; bytes--, value >>= 8) {
    const guint8 byte = value & 0xff;

    g_byte_array_append (out, &byte, 1);
  }
}

/* An index as section 7 of docs/token-stream.md has it, for key packets every @interval packets; at[n]: where one begins. */
static void
append_index (GByteArray * out, const guint64 * at, guint packets,
    guint interval, guint fps)
{
  const guint start = out->len;
  guint n;

  g_byte_array_append (out, (const guint8 *) "ALTX\1\0\0", 8);
  append (out, (packets + interval - 1) / interval, 4);
  append (out, start, 8);
  append (out, gst_util_uint64_scale (packets - 1, GST_SECOND, fps), 8);
  for (n = 0; n < packets; n += interval) {
    append (out, at[n], 8);
    append (out, gst_util_uint64_scale (n, GST_SECOND, fps), 8);
  }
  append (out, crc32 (0, out->data + start, out->len - start), 4);
  append (out, out->len - start + 8, 4);
  g_byte_array_append (out, (const guint8 *) "XTLA", 4);
}

/* The parser writes what the specification says. */
GST_START_TEST (test_index_as_specified)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 9, 3);
  GByteArray *all = test_join (packets), *indexed = add_index (all);
  guint64 at[9], sum = 0;
  guint n;

  for (n = 0; n < 9; n++) {
    at[n] = sum;
    sum += gst_buffer_get_size (packets->pdata[n]);
  }
  append_index (all, at, 9, 3, TEST_FPS);
  assert_equals_int (indexed->len, all->len);
  fail_unless (memcmp (indexed->data, all->data, all->len) == 0);
  g_byte_array_unref (all);
  g_byte_array_unref (indexed);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

#define DAY_FPS 15
#define DAY_KEYS 250
#define DAY_PACKETS (24 * 3600 * DAY_FPS)

/* A camera's day in which nothing happens: one key packet again and again, and packets that change nothing. */
static GByteArray *
make_day (guint64 * places)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GByteArray *key = test_join (packets), *idle = NULL, *day;
  GstHarness *h = test_harness ("alitraenc", "threads", 1, NULL);
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < 12; n++) {
    GstBuffer *out = gst_harness_push_and_pull (h,
        test_picture ("I420", WIDTH, HEIGHT, 0));
    GstMapInfo map;

    fail_unless (gst_buffer_map (out, &map, GST_MAP_READ));
    if (idle)
      g_byte_array_unref (idle);
    idle = g_byte_array_new ();
    g_byte_array_append (idle, map.data, map.size);
    gst_buffer_unmap (out, &map);
    gst_buffer_unref (out);
  }
  day = g_byte_array_sized_new (DAY_PACKETS * (idle->len + 8));
  for (n = 0; n < DAY_PACKETS; n++) {
    const GByteArray *packet = n % DAY_KEYS ? idle : key;
    const guint at = day->len;

    places[n] = at;
    g_byte_array_append (day, packet->data, packet->len);
    stamp (day->data + at, n, gst_util_uint64_scale (n, GST_SECOND, DAY_FPS));
  }
  g_free (caps);
  gst_harness_teardown (h);
  g_byte_array_unref (key);
  g_byte_array_unref (idle);
  g_ptr_array_unref (packets);
  return day;
}

static GstPadProbeReturn
count_bytes (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (buffer)
    g_atomic_pointer_add ((gsize *) data, gst_buffer_get_size (buffer));
  return GST_PAD_PROBE_OK;
}

/* Seeks to places all over a day. Returns: bytes that were read for each, at most. */
static gsize
seek_through_day (const GByteArray * bytes)
{
  static const gdouble hours[] = { 12.5, 3.01, 23.9, 0.2, 18., 6.66 };
  gchar *path = write_bytes (bytes);
  Seen seen;
  GstElement *pipeline = open_file (path, "alitraparse name=parser", &seen);
  GstElement *parser = gst_bin_get_by_name (GST_BIN (pipeline), "parser");
  GstPad *pad = gst_element_get_static_pad (parser, "sink");
  gint64 duration;
  gsize most = 0;
  guint i;

  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless (ABS (duration - 24 * 3600 * (gint64) GST_SECOND) < GST_SECOND,
      "%" GST_TIME_FORMAT, GST_TIME_ARGS (duration));
  for (i = 0; i < G_N_ELEMENTS (hours); i++) {
    const guint frame = hours[i] * 3600 * DAY_FPS;
    gsize read = 0;
    gulong probe = gst_pad_add_probe (pad,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_PULL, count_bytes,
        &read, NULL);

    forget (&seen);
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT,
            gst_util_uint64_scale (frame, GST_SECOND, DAY_FPS)));
    assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
            60 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    gst_pad_remove_probe (pad, probe);
    assert_equals_uint64 (seen.first, gst_util_uint64_scale (frame / DAY_KEYS
            * DAY_KEYS, GST_SECOND, DAY_FPS));
    most = MAX (most, read);
  }
  gst_object_unref (pad);
  gst_object_unref (parser);
  close_file (pipeline, &seen);
  g_remove (path);
  g_free (path);
  return most;
}

GST_START_TEST (test_day)
{
  guint64 *places = g_new (guint64, DAY_PACKETS);
  GByteArray *day = make_day (places), *indexed = g_byte_array_new ();
  gsize with, without, damaged;

  g_byte_array_append (indexed, day->data, day->len);
  append_index (indexed, places, DAY_PACKETS, DAY_KEYS, DAY_FPS);
  g_free (places);
  with = seek_through_day (indexed);
  without = seek_through_day (day);
  indexed->data[day->len + 100] ^= 1;
  damaged = seek_through_day (indexed);
  g_print ("a day of %u packets, %u bytes, index %u bytes: a seek reads %"
      G_GSIZE_FORMAT " bytes, without an index %" G_GSIZE_FORMAT
      ", with a damaged one %" G_GSIZE_FORMAT "\n", DAY_PACKETS, day->len,
      indexed->len - day->len, with, without, damaged);
  fail_unless (with < indexed->len - day->len + 200 * 1024);
  fail_unless (without < day->len / 10);
  fail_unless (damaged < day->len / 10);
  g_byte_array_unref (day);
  g_byte_array_unref (indexed);
}

GST_END_TEST;

/* An index is no packet: it is passed over, and written anew when the file goes through the parser again. */
GST_START_TEST (test_index_is_passed_over)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 9, 3);
  GByteArray *all = test_join (packets), *once = add_index (all);
  GByteArray *twice = add_index (once), *joined = g_byte_array_new ();
  GstHarness *h = start ();

  fail_unless (once->len > all->len);
  assert_equals_int (once->len, twice->len);
  fail_unless (memcmp (once->data, twice->data, once->len) == 0);
  /* Two recordings one after the other, each with its index. */
  g_byte_array_append (joined, once->data, once->len);
  g_byte_array_append (joined, once->data, once->len);
  push_bytes (h, joined->data, joined->len);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_packets (h, packets, 0, 9);
  expect_packets (h, packets, 0, 9);
  expect_no_more (h);
  gst_harness_teardown (h);
  g_byte_array_unref (joined);
  g_byte_array_unref (all);
  g_byte_array_unref (once);
  g_byte_array_unref (twice);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* Every byte of the index spoilt, and every length: it is never believed, and seeks are right. */
GST_START_TEST (test_index_damage)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 9, 3);
  GByteArray *all = test_join (packets), *indexed = add_index (all);
  gsize at;

  fail_unless (indexed->len > all->len);
  for (at = all->len; at < indexed->len; at += 5) {
    GByteArray *bad = g_byte_array_new ();
    gchar *path;
    Seen seen;
    GstElement *pipeline;

    g_byte_array_append (bad, indexed->data, indexed->len);
    if (at % 2)
      bad->data[at] ^= 0x41;
    else
      g_byte_array_set_size (bad, at);
    path = write_bytes (bad);
    pipeline = open_file (path, "alitraparse", &seen);
    seek_to (pipeline, &seen, 7, GST_SEEK_FLAG_KEY_UNIT);
    assert_equals_uint64 (seen.first, 6 * TEST_FRAME_DURATION);
    close_file (pipeline, &seen);
    g_remove (path);
    g_free (path);
    g_byte_array_unref (bad);
  }
  g_byte_array_unref (all);
  g_byte_array_unref (indexed);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

static Suite *
alitraparse_suite (void)
{
  Suite *suite = suite_create ("alitraparse");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_pieces);
  tcase_add_test (tc, test_output_caps);
  tcase_add_test (tc, test_garbage);
  tcase_add_test (tc, test_lost_bytes);
  tcase_add_test (tc, test_cut_end);
  tcase_add_test (tc, test_nothing_but_garbage);
  tcase_add_test (tc, test_timed_input);
  tcase_add_test (tc, test_typefind);
  tcase_add_test (tc, test_file);
  tcase_add_test (tc, test_seek_packets);
  tcase_add_test (tc, test_seek_decodebin);
  tcase_add_test (tc, test_push_mode);
  tcase_add_test (tc, test_damaged_file);
  tcase_add_test (tc, test_cut_anywhere);
  tcase_add_test (tc, test_index_as_specified);
  tcase_add_test (tc, test_day);
  tcase_add_test (tc, test_index_is_passed_over);
  tcase_add_test (tc, test_index_damage);
  return suite;
}

GST_CHECK_MAIN (alitraparse);
