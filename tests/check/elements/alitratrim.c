/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packets cut to budgets: which layers stay, and that what stays can be decoded. */
#include <alitra/packet.h>

#include "pictures.h"

/* Large and deep enough for several layers a level. */
#define WIDTH 480
#define HEIGHT 320
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame"

static GstHarness *
start (const gchar * factory)
{
  GstHarness *h = gst_harness_new (factory);

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  return h;
}

/* (transfer full): packets of snow, which takes many tokens everywhere. */
static GPtrArray *
snow_packets (guint count)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  gchar *launch = g_strdup_printf ("videotestsrc pattern=snow num-buffers=%u"
      " ! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1"
      " ! alitraenc name=enc threads=1 quality=80 key-int-max=3", count, WIDTH,
      HEIGHT);
  GstHarness *h = gst_harness_new_parse (launch);
  guint n;

  gst_harness_play (h);
  for (n = 0; n < count; n++)
    g_ptr_array_add (packets, gst_harness_pull (h));
  gst_harness_teardown (h);
  g_free (launch);
  return packets;
}

static void
read_layout (GstBuffer * buffer, AlitraPacketLayout * layout)
{
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  fail_unless (alitra_packet_read_layout (map.data, map.size,
          layout) == ALITRA_PACKET_OK);
  assert_equals_int (layout->info.size, map.size);
  gst_buffer_unmap (buffer, &map);
}

static GstBuffer *
trim (GstHarness * h, GstBuffer * packet)
{
  GstBuffer *out = gst_harness_push_and_pull (h, gst_buffer_ref (packet));

  fail_unless (out != NULL);
  assert_equals_uint64 (GST_BUFFER_PTS (out), GST_BUFFER_PTS (packet));
  assert_equals_uint64 (GST_BUFFER_DURATION (out),
      GST_BUFFER_DURATION (packet));
  assert_equals_int (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_DELTA_UNIT),
      GST_BUFFER_FLAG_IS_SET (packet, GST_BUFFER_FLAG_DELTA_UNIT));
  return out;
}

static guint
tokens_of (const AlitraPacketLayout * layout, guint layers)
{
  guint sum = 0, i;

  for (i = 0; i < layers; i++)
    sum += layout->tokens[i];
  return sum;
}

static guint64
stat_of (GstHarness * h, const gchar * field)
{
  GstStructure *stats = NULL;
  guint64 value = G_MAXUINT64;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value));
  gst_structure_free (stats);
  return value;
}

GST_START_TEST (test_no_limit)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 4, 2);
  GstHarness *h = start ("alitratrim");
  guint n;

  for (n = 0; n < packets->len; n++) {
    GstBuffer *out = trim (h, packets->pdata[n]);

    fail_unless (test_same_bytes (out, packets->pdata[n]));
    gst_buffer_unref (out);
  }
  assert_equals_uint64 (stat_of (h, "frames"), 4);
  assert_equals_uint64 (stat_of (h, "trimmed"), 0);
  assert_equals_uint64 (stat_of (h, "bits-in"), stat_of (h, "bits-out"));
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Every number of layers gives a stream that decodes frame for frame. */
GST_START_TEST (test_every_layer_count)
{
  GPtrArray *packets = snow_packets (7);
  AlitraPacketLayout whole, cut;
  guint most = 0, layers, n;

  for (n = 0; n < packets->len; n++) {
    read_layout (packets->pdata[n], &whole);
    most = MAX (most, whole.info.layers);
  }
  fail_unless (most >= 4, "only %u layers", most);
  for (layers = 1; layers <= most; layers++) {
    GstHarness *h = start ("alitratrim"), *decoder = start ("alitradec");

    g_object_set (h->element, "max-layers", layers, NULL);
    for (n = 0; n < packets->len; n++) {
      GstBuffer *out = trim (h, packets->pdata[n]), *picture;

      read_layout (packets->pdata[n], &whole);
      read_layout (out, &cut);
      assert_equals_int (cut.info.layers, MIN (layers, whole.info.layers));
      assert_equals_int (cut.info.size,
          whole.trimmed_size[cut.info.layers - 1]);
      picture = gst_harness_push_and_pull (decoder, out);
      fail_unless (picture != NULL);
      fail_if (GST_BUFFER_FLAG_IS_SET (picture, GST_BUFFER_FLAG_CORRUPTED));
      gst_buffer_unref (picture);
    }
    assert_equals_uint64 (stat_of (decoder, "errors"), 0);
    assert_equals_uint64 (stat_of (decoder, "frames"), packets->len);
    gst_harness_teardown (h);
    gst_harness_teardown (decoder);
  }
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* Budgets from nothing to more than all: the most layers that fit, and never fewer than one. */
static void
check_budgets (const gchar * property, gboolean bytes)
{
  GPtrArray *packets = snow_packets (4);
  GstHarness *h = start ("alitratrim");
  AlitraPacketLayout whole, cut;
  guint64 over = 0;
  guint n, i;

  for (n = 0; n < packets->len; n++) {
    guint most;

    read_layout (packets->pdata[n], &whole);
    most = bytes ? whole.info.size : whole.info.tokens;
    for (i = 0; i <= 16; i++) {
      guint budget = MAX (1, (guint64) most * i / 15);
      GstBuffer *out;
      guint layers, next;

      g_object_set (h->element, property, budget, NULL);
      out = trim (h, packets->pdata[n]);
      read_layout (out, &cut);
      layers = cut.info.layers;
      if ((bytes ? cut.info.size : cut.info.tokens) > budget) {
        assert_equals_int (layers, 1);
        over++;
      }
      if (layers < whole.info.layers) {
        next = bytes ? whole.trimmed_size[layers]
            : tokens_of (&whole, layers + 1);
        fail_unless (next > budget, "%u layers, but %u are within %u", layers,
            layers + 1, budget);
      }
      assert_equals_int (cut.info.tokens, tokens_of (&whole, layers));
      gst_buffer_unref (out);
    }
  }
  /* a header alone is more than a byte; a first layer may be one token */
  fail_unless (over > 0 || !bytes);
  assert_equals_uint64 (stat_of (h, "over-budget"), over);
  fail_unless (stat_of (h, "bits-out") < stat_of (h, "bits-in"));
  fail_unless (stat_of (h, "tokens-out") < stat_of (h, "tokens-in"));
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_START_TEST (test_token_budget)
{
  check_budgets ("max-tokens", FALSE);
}

GST_END_TEST;

GST_START_TEST (test_byte_budget)
{
  check_budgets ("max-bytes", TRUE);
}

GST_END_TEST;

/* Over every stretch of time no more bits come than the rate, and what a second saves, allow; the rate is used. */
static void
check_bitrate (GPtrArray * packets, guint kbits)
{
  GstHarness *h = start ("alitratrim");
  guint64 sum = 0, saved = kbits * 1000, n;
  guint64 per_frame = kbits * 1000 / TEST_FPS;

  g_object_set (h->element, "max-bitrate", kbits, NULL);
  for (n = 0; n < 2 * TEST_FPS; n++) {
    GstBuffer *packet = gst_buffer_copy (packets->pdata[n % packets->len]);
    GstBuffer *out;

    GST_BUFFER_PTS (packet) = n * TEST_FRAME_DURATION;
    out = trim (h, packet);
    sum += 8 * gst_buffer_get_size (out);
    fail_unless (sum <= saved + n * per_frame, "%" G_GUINT64_FORMAT
        " bits after %" G_GUINT64_FORMAT " frames", sum, n);
    gst_buffer_unref (out);
    gst_buffer_unref (packet);
  }
  assert_equals_uint64 (stat_of (h, "over-budget"), 0);
  fail_unless (stat_of (h, "trimmed") > 0);
  fail_unless (sum > (saved + n * per_frame) / 2, "%" G_GUINT64_FORMAT
      " bits are little", sum);
  gst_harness_teardown (h);
}

GST_START_TEST (test_bitrate)
{
  GPtrArray *packets = snow_packets (7);
  AlitraPacketLayout whole;
  guint64 all = 0, least = 0;
  guint n;

  for (n = 0; n < packets->len; n++) {
    read_layout (packets->pdata[n], &whole);
    all += 8 * whole.info.size;
    least = MAX (least, 8 * whole.trimmed_size[0]);
  }
  /* kbit/s of everything, and of nothing but first layers. */
  all = all * TEST_FPS / packets->len / 1000;
  least = least * TEST_FPS / 1000 + 1;
  check_bitrate (packets, (all + least) / 2);
  check_bitrate (packets, (all + 3 * least) / 4);
  check_bitrate (packets, least);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* Fewer tokens are a worse picture of the same scene, and all of them the same picture as without the element. */
static gdouble
error_of (GPtrArray * packets, guint layers, GstBuffer * picture)
{
  GstHarness *h = start ("alitratrim"), *decoder = start ("alitradec");
  GstMapInfo a, b;
  GstBuffer *out;
  gdouble sum = 0;
  gsize i;

  g_object_set (h->element, "max-layers", layers, NULL);
  out = gst_harness_push_and_pull (decoder, trim (h, packets->pdata[0]));
  gst_buffer_map (out, &a, GST_MAP_READ);
  gst_buffer_map (picture, &b, GST_MAP_READ);
  for (i = 0; i < WIDTH * HEIGHT; i++)
    sum += ((gdouble) a.data[i] - b.data[i]) * ((gdouble) a.data[i]
        - b.data[i]);
  gst_buffer_unmap (out, &a);
  gst_buffer_unmap (picture, &b);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  gst_harness_teardown (decoder);
  return sum;
}

GST_START_TEST (test_layers_help)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstBuffer *picture = test_picture ("I420", WIDTH, HEIGHT, 0);
  AlitraPacketLayout whole;
  gdouble first, all;

  read_layout (packets->pdata[0], &whole);
  fail_unless (whole.info.layers > 1);
  first = error_of (packets, 1, picture);
  all = error_of (packets, 0, picture);
  fail_unless (all < first, "%g, %g", all, first);
  gst_buffer_unref (picture);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_unreadable)
{
  static const gchar garbage[] = "ALTK\002 but not much more than that";
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = start ("alitratrim");
  GstBuffer *half = gst_buffer_copy_region (packets->pdata[0],
      GST_BUFFER_COPY_ALL, 0, gst_buffer_get_size (packets->pdata[0]) - 1);
  GstBuffer *inputs[3];
  guint i;

  inputs[0] = gst_buffer_new_memdup (garbage, sizeof (garbage));
  inputs[1] = gst_buffer_new ();
  inputs[2] = half;
  g_object_set (h->element, "max-layers", 1, NULL);
  for (i = 0; i < G_N_ELEMENTS (inputs); i++) {
    GstBuffer *out = trim (h, inputs[i]);

    assert_equals_int (gst_buffer_get_size (out),
        gst_buffer_get_size (inputs[i]));
    if (gst_buffer_get_size (out) > 0)
      fail_unless (test_same_bytes (out, inputs[i]));
    gst_buffer_unref (out);
    gst_buffer_unref (inputs[i]);
  }
  assert_equals_uint64 (stat_of (h, "unreadable"), 3);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* CONGESTION */

static guint
kbits_of (GstHarness * h, const gchar * field)
{
  GstStructure *stats = NULL;
  guint value = G_MAXUINT;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint (stats, field, &value));
  gst_structure_free (stats);
  return value;
}

/* Sends @count frames from number *n on. Returns: their bits. */
static guint64
send_frames (GstHarness * h, GPtrArray * packets, guint * n, guint count)
{
  guint64 bits = 0;
  guint end = *n + count;

  for (; *n < end; (*n)++) {
    GstBuffer *packet = gst_buffer_copy (packets->pdata[*n % packets->len]);
    GstBuffer *out;

    GST_BUFFER_PTS (packet) = *n * TEST_FRAME_DURATION;
    out = trim (h, packet);
    bits += 8 * gst_buffer_get_size (out);
    gst_buffer_unref (out);
    gst_buffer_unref (packet);
  }
  return bits;
}

static void
report_loss (GstHarness * h, gdouble lost)
{
  GstStructure *report = gst_structure_new ("report", "fraction-lost",
      G_TYPE_DOUBLE, lost, NULL);

  g_signal_emit_by_name (h->element, "receiver-report", report);
  gst_structure_free (report);
}

/* Loss brings the rate down, its end lets it rise again; without rate control nothing happens. */
GST_START_TEST (test_congestion_by_loss)
{
  GPtrArray *packets = snow_packets (7);
  GstHarness *h = start ("alitratrim");
  guint64 free_bits, less, more;
  guint n = 0, i, low;

  free_bits = send_frames (h, packets, &n, 28);
  report_loss (h, .5);
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 0);
  g_object_set (h->element, "rate-control", 1, "min-bitrate", 40, NULL);
  assert_equals_uint64 (send_frames (h, packets, &n, 28), free_bits);
  for (i = 0; i < 4; i++) {
    report_loss (h, .5);
    less = send_frames (h, packets, &n, 28);
  }
  low = kbits_of (h, "allowed-bitrate");
  fail_unless (low > 0);
  fail_unless (less < free_bits, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
      " bits", less, free_bits);
  /* Between little and much loss the rate stays. */
  report_loss (h, .05);
  assert_equals_int (kbits_of (h, "allowed-bitrate"), low);
  for (i = 0; i < 60; i++) {
    low = kbits_of (h, "allowed-bitrate");
    report_loss (h, 0.);
    /* No report alone lets it rise more than it could in its time. */
    fail_unless (kbits_of (h, "allowed-bitrate") <= 2 * low + 1);
    more = send_frames (h, packets, &n, 7);
  }
  more = send_frames (h, packets, &n, 28);
  fail_unless (more > less, "%" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT
      " bits", more, less);
  for (i = 0; i < 200; i++) {
    report_loss (h, 1.);
    send_frames (h, packets, &n, 1);
  }
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 40);
  /* From there it begins to rise at once, twofold in a second while far below what was sent before. */
  send_frames (h, packets, &n, TEST_FPS);
  report_loss (h, 0.);
  fail_unless (kbits_of (h, "allowed-bitrate") >= 79);
  g_object_set (h->element, "max-bitrate", 30, NULL);
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 30);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Nobody set min-bitrate: what its description says holds. */
GST_START_TEST (test_default_least)
{
  GPtrArray *packets = snow_packets (7);
  GstHarness *h = start ("alitratrim");
  guint n = 0, i;

  g_object_set (h->element, "rate-control", 1, NULL);
  for (i = 0; i < 30; i++) {
    send_frames (h, packets, &n, 5);
    report_loss (h, 1.);
  }
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 8);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What rtpbin hands out: statistics of a source. */
GST_START_TEST (test_source_stats)
{
  GPtrArray *packets = snow_packets (7);
  GstHarness *h = start ("alitratrim");
  GstStructure *stats = gst_structure_new ("application/x-rtp-source-stats",
      "have-rb", G_TYPE_BOOLEAN, FALSE, "rb-fractionlost", G_TYPE_UINT, 128,
      NULL);
  guint n = 0;

  g_object_set (h->element, "rate-control", 1, NULL);
  send_frames (h, packets, &n, TEST_FPS);
  g_signal_emit_by_name (h->element, "receiver-report", stats);
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 0);
  gst_structure_set (stats, "have-rb", G_TYPE_BOOLEAN, TRUE, NULL);
  g_signal_emit_by_name (h->element, "receiver-report", stats);
  fail_unless (kbits_of (h, "allowed-bitrate") > 0);
  gst_structure_free (stats);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
push_feedback (GstHarness * h, guint lost, guint all)
{
  GValue packets = G_VALUE_INIT;
  GstStructure *report = gst_structure_new_empty ("RTPTWCCPackets");
  guint i;

  g_value_init (&packets, GST_TYPE_ARRAY);
  for (i = 0; i < all; i++) {
    GValue packet = G_VALUE_INIT;

    g_value_init (&packet, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&packet, gst_structure_new ("RTPTWCCPacket", "lost",
            G_TYPE_BOOLEAN, i < lost, NULL));
    gst_value_array_append_and_take_value (&packets, &packet);
  }
  gst_structure_take_value (report, "packets", &packets);
  gst_harness_push_upstream_event (h,
      gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, report));
}

/* Events from downstream: feedback about single packets, and sinks that get buffers too late. */
GST_START_TEST (test_congestion_events)
{
  GPtrArray *packets = snow_packets (7);
  GstHarness *h = start ("alitratrim");
  guint n = 0, i, before, after;

  g_object_set (h->element, "rate-control", 1, NULL);
  send_frames (h, packets, &n, TEST_FPS);
  push_feedback (h, 0, 0);
  assert_equals_int (kbits_of (h, "allowed-bitrate"), 0);
  push_feedback (h, 3, 10);
  before = kbits_of (h, "allowed-bitrate");
  fail_unless (before > 0);
  for (i = 0; i < 5; i++) {
    send_frames (h, packets, &n, TEST_FPS);
    gst_harness_push_upstream_event (h,
        gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.2, 50 * GST_MSECOND,
            n * TEST_FRAME_DURATION));
    /* At once again: it says nothing new. */
    gst_harness_push_upstream_event (h,
        gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.2, 50 * GST_MSECOND,
            n * TEST_FRAME_DURATION));
  }
  after = kbits_of (h, "allowed-bitrate");
  fail_unless (after < before);
  send_frames (h, packets, &n, TEST_FPS);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_OVERFLOW,
          .9, -20 * GST_MSECOND, n * TEST_FRAME_DURATION));
  fail_unless (kbits_of (h, "allowed-bitrate") > after);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
alitratrim_suite (void)
{
  Suite *suite = suite_create ("alitratrim");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_no_limit);
  tcase_add_test (tc, test_every_layer_count);
  tcase_add_test (tc, test_token_budget);
  tcase_add_test (tc, test_byte_budget);
  tcase_add_test (tc, test_bitrate);
  tcase_add_test (tc, test_layers_help);
  tcase_add_test (tc, test_unreadable);
  tcase_add_test (tc, test_congestion_by_loss);
  tcase_add_test (tc, test_default_least);
  tcase_add_test (tc, test_source_stats);
  tcase_add_test (tc, test_congestion_events);
  return suite;
}

GST_CHECK_MAIN (alitratrim);
