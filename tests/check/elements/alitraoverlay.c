/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The second source pad of alitraenc. */
#include <alitra/overlay.h>
#include <gst/video/gstvideometa.h>
#include <gst/video/video-overlay-composition.h>
#include <string.h>

#include <alitra/overlay.h>
#include "pictures.h"

#define WIDTH 192
#define HEIGHT 112

typedef struct
{
  GstHarness *main;             /* sink and src */
  GstHarness *overlay;          /* the pad overlay */
} Both;

static void
start (Both * both, const gchar * format, const gchar * src)
{
  GstElement *element = gst_element_factory_make ("alitraenc", NULL);
  gchar *caps = test_caps (format, WIDTH, HEIGHT);

  both->main = gst_harness_new_with_element (element, "sink", src);
  both->overlay = gst_harness_new_with_element (element, NULL, "overlay");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (both->main, caps);
  g_free (caps);
}

static void
stop (Both * both)
{
  gst_harness_teardown (both->overlay);
  gst_harness_teardown (both->main);
}

static GstEvent *
pull_event (GstHarness * h, GstEventType type)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == type)
      return event;
    gst_event_unref (event);
  }
  return NULL;
}

/* The next event must be of that type. */
static GstEvent *
expect_event (GstHarness * h, GstEventType type)
{
  GstEvent *event = gst_harness_try_pull_event (h);

  fail_unless (event != NULL);
  assert_equals_string (GST_EVENT_TYPE_NAME (event),
      gst_event_type_get_name (type));
  return event;
}

GST_START_TEST (test_both)
{
  Both both;
  const gchar *main_id, *overlay_id;
  GstEvent *main_start, *overlay_start, *event;
  guint main_group, overlay_group, n;

  start (&both, "I420", "src");
  for (n = 0; n < 5; n++) {
    GstBuffer *picture = test_picture ("I420", WIDTH, HEIGHT, n);
    GstBuffer *original = gst_buffer_copy_deep (picture);
    GstBuffer *packet, *drawn;

    gst_buffer_ref (picture);
    assert_equals_int (gst_harness_push (both.main, picture), GST_FLOW_OK);
    packet = gst_harness_pull (both.main);
    drawn = gst_harness_pull (both.overlay);
    /* What upstream still holds stays as it was. */
    fail_unless (test_same_bytes (picture, original));
    fail_if (test_same_bytes (picture, drawn));
    assert_equals_uint64 (gst_buffer_get_size (drawn),
        gst_buffer_get_size (picture));
    assert_equals_uint64 (GST_BUFFER_PTS (drawn), GST_BUFFER_PTS (packet));
    assert_equals_uint64 (GST_BUFFER_DURATION (drawn), TEST_FRAME_DURATION);
    gst_buffer_unref (packet);
    gst_buffer_unref (drawn);
    gst_buffer_unref (picture);
    gst_buffer_unref (original);
  }

  main_start = pull_event (both.main, GST_EVENT_STREAM_START);
  overlay_start = expect_event (both.overlay, GST_EVENT_STREAM_START);
  gst_event_parse_stream_start (main_start, &main_id);
  gst_event_parse_stream_start (overlay_start, &overlay_id);
  fail_if (g_str_equal (main_id, overlay_id));
  if (gst_event_parse_group_id (main_start, &main_group)) {
    fail_unless (gst_event_parse_group_id (overlay_start, &overlay_group));
    assert_equals_int (main_group, overlay_group);
  }
  gst_event_unref (main_start);
  gst_event_unref (overlay_start);
  gst_event_unref (expect_event (both.overlay, GST_EVENT_CAPS));
  gst_event_unref (expect_event (both.overlay, GST_EVENT_SEGMENT));
  event = gst_harness_try_pull_event (both.overlay);
  fail_unless (event == NULL, "got %" GST_PTR_FORMAT, event);
  stop (&both);
}

GST_END_TEST;

static void
check_pixels_change (const gchar * format)
{
  Both both;
  GstBuffer *picture = test_picture_odd (format, WIDTH, HEIGHT, 1);
  GstBuffer *plain = test_picture (format, WIDTH, HEIGHT, 1);
  GstBuffer *drawn;

  start (&both, format, "src");
  g_object_set (both.main->element, "overlay-alpha", 1.0, NULL);
  assert_equals_int (gst_harness_push (both.main, picture), GST_FLOW_OK);
  drawn = gst_harness_pull (both.overlay);
  fail_unless (drawn != NULL, "%s", format);
  assert_equals_uint64 (gst_buffer_get_size (drawn),
      gst_buffer_get_size (plain));
  fail_if (test_same_bytes (drawn, plain), "%s", format);
  gst_buffer_unref (drawn);
  gst_buffer_unref (plain);
  stop (&both);
}

GST_START_TEST (test_formats)
{
  static const gchar *const formats[] = { "I420", "YV12", "NV12", "GRAY8",
    "YUY2", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    check_pixels_change (formats[i]);
}

GST_END_TEST;

/* Invisible without legend: the picture itself. */
GST_START_TEST (test_invisible)
{
  Both both;
  GstBuffer *picture = test_picture ("RGB", WIDTH, HEIGHT, 0);
  GstBuffer *drawn;

  start (&both, "RGB", "src");
  g_object_set (both.main->element, "overlay-alpha", 0.0, "overlay-legend",
      FALSE, NULL);
  gst_harness_push (both.main, gst_buffer_ref (picture));
  drawn = gst_harness_pull (both.overlay);
  fail_unless (test_same_bytes (drawn, picture));
  gst_buffer_unref (drawn);
  g_object_set (both.main->element, "overlay-legend", TRUE, NULL);
  gst_harness_push (both.main, gst_buffer_ref (picture));
  drawn = gst_harness_pull (both.overlay);
  fail_if (test_same_bytes (drawn, picture));
  gst_buffer_unref (drawn);
  gst_buffer_unref (picture);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_styles)
{
  Both both;
  GstBuffer *last = NULL;
  gint style;

  start (&both, "BGRx", "src");
  g_object_set (both.main->element, "overlay-legend", FALSE, NULL);
  for (style = 0; style <= ALITRA_OVERLAY_AGE; style++) {
    GstBuffer *drawn;

    g_object_set (both.main->element, "overlay-style", style, NULL);
    gst_harness_push (both.main, test_picture ("BGRx", WIDTH, HEIGHT, 0));
    drawn = gst_harness_pull (both.overlay);
    if (last) {
      fail_if (test_same_bytes (drawn, last), "style %d", style);
      gst_buffer_unref (last);
    }
    last = drawn;
  }
  gst_buffer_unref (last);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_only_overlay)
{
  Both both;
  guint n;

  start (&both, "NV12", NULL);
  for (n = 0; n < 3; n++) {
    assert_equals_int (gst_harness_push (both.main, test_picture ("NV12",
                WIDTH, HEIGHT, n)), GST_FLOW_OK);
    gst_buffer_unref (gst_harness_pull (both.overlay));
  }
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_neither)
{
  GstElement *element = gst_element_factory_make ("alitraenc", NULL);
  GstHarness *h = gst_harness_new_with_element (element, "sink", NULL);
  GstPad *pad = gst_element_request_pad_simple (element, "overlay");
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);

  gst_harness_set_src_caps_str (h, caps);
  assert_equals_int (gst_harness_push (h, test_picture ("I420", WIDTH, HEIGHT,
              0)), GST_FLOW_NOT_LINKED);
  gst_element_release_request_pad (element, pad);
  gst_object_unref (pad);
  gst_object_unref (element);
  g_free (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_request_while_playing)
{
  GstElement *element = gst_element_factory_make ("alitraenc", NULL);
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  GstHarness *overlay;
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < 6; n += 2) {
    gst_buffer_unref (gst_harness_push_and_pull (h, test_picture ("I420",
                WIDTH, HEIGHT, n)));
    overlay = gst_harness_new_with_element (element, NULL, "overlay");
    /* There is one only. */
    fail_unless (gst_element_request_pad (element,
            gst_element_get_pad_template (element, "overlay"), NULL,
            NULL) == NULL);
    gst_buffer_unref (gst_harness_push_and_pull (h, test_picture ("I420",
                WIDTH, HEIGHT, n + 1)));
    gst_buffer_unref (gst_harness_pull (overlay));
    gst_event_unref (expect_event (overlay, GST_EVENT_STREAM_START));
    gst_event_unref (expect_event (overlay, GST_EVENT_CAPS));
    gst_event_unref (expect_event (overlay, GST_EVENT_SEGMENT));
    gst_harness_teardown (overlay);
  }
  g_free (caps);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_caps_change)
{
  Both both;
  GstVideoInfo info;
  GstBuffer *drawn;
  GstCaps *caps;
  gchar *text = test_caps ("YUY2", 66, 34);

  start (&both, "I420", "src");
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT, 0));
  gst_buffer_unref (gst_harness_pull (both.overlay));
  gst_harness_set_src_caps_str (both.main, text);
  gst_harness_push (both.main, test_picture ("YUY2", 66, 34, 1));
  drawn = gst_harness_pull (both.overlay);
  caps = gst_pad_get_current_caps (both.overlay->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  assert_equals_int (info.width, 66);
  assert_equals_int (GST_VIDEO_INFO_FORMAT (&info), GST_VIDEO_FORMAT_YUY2);
  assert_equals_uint64 (gst_buffer_get_size (drawn), info.size);
  gst_buffer_unref (drawn);
  gst_caps_unref (caps);
  g_free (text);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_events)
{
  Both both;
  GstSegment segment;
  GstEvent *event;

  start (&both, "I420", "src");
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT, 0));
  gst_buffer_unref (gst_harness_pull (both.overlay));
  event = pull_event (both.overlay, GST_EVENT_SEGMENT);
  fail_unless (event != NULL);
  gst_event_unref (event);

  gst_harness_push_event (both.main, gst_event_new_gap (TEST_FRAME_DURATION,
          TEST_FRAME_DURATION));
  gst_event_unref (expect_event (both.overlay, GST_EVENT_GAP));

  gst_harness_push_event (both.main, gst_event_new_flush_start ());
  gst_event_unref (expect_event (both.overlay, GST_EVENT_FLUSH_START));
  gst_harness_push_event (both.main, gst_event_new_flush_stop (TRUE));
  gst_event_unref (expect_event (both.overlay, GST_EVENT_FLUSH_STOP));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = segment.time = 3 * GST_SECOND;
  gst_harness_push_event (both.main, gst_event_new_segment (&segment));
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT,
          3 * TEST_FPS));
  gst_buffer_unref (gst_harness_pull (both.overlay));
  event = pull_event (both.overlay, GST_EVENT_SEGMENT);
  fail_unless (event != NULL);
  gst_event_copy_segment (event, &segment);
  assert_equals_uint64 (segment.start, 3 * GST_SECOND);
  gst_event_unref (event);

  gst_harness_push_event (both.main, gst_event_new_eos ());
  event = pull_event (both.overlay, GST_EVENT_EOS);
  fail_unless (event != NULL);
  gst_event_unref (event);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_eos_first)
{
  Both both;
  GstEvent *event;

  start (&both, "I420", "src");
  gst_harness_push_event (both.main, gst_event_new_eos ());
  event = pull_event (both.overlay, GST_EVENT_EOS);
  fail_unless (event != NULL);
  gst_event_unref (event);
  stop (&both);
}

GST_END_TEST;

/* A tag that comes late does not start the stream again. */
GST_START_TEST (test_late_tag)
{
  Both both;
  GstEvent *event;

  start (&both, "I420", "src");
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT, 0));
  while ((event = gst_harness_try_pull_event (both.overlay)))
    gst_event_unref (event);
  gst_harness_push_event (both.main,
      gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "a walk", NULL)));
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT, 1));
  gst_event_unref (expect_event (both.overlay, GST_EVENT_TAG));
  fail_unless (gst_harness_try_pull_event (both.overlay) == NULL);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  Both both;

  start (&both, "I420", "src");
  gst_harness_set_upstream_latency (both.main, 40 * GST_MSECOND);
  gst_harness_push (both.main, test_picture ("I420", WIDTH, HEIGHT, 0));
  assert_equals_uint64 (gst_harness_query_latency (both.overlay),
      40 * GST_MSECOND);
  stop (&both);
}

GST_END_TEST;

/* A sink that blends by itself gets the picture untouched and the overlay beside it. */
GST_START_TEST (test_attach)
{
  Both both;
  GstBuffer *picture = test_picture ("I420", WIDTH, HEIGHT, 0);
  GstVideoOverlayCompositionMeta *meta;
  GstBuffer *drawn;

  start (&both, "I420", "src");
  gst_harness_set_sink_caps_str (both.overlay,
      "video/x-raw(meta:GstVideoOverlayComposition); video/x-raw");
  gst_harness_add_propose_allocation_meta (both.overlay,
      GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_harness_add_propose_allocation_meta (both.overlay,
      GST_VIDEO_META_API_TYPE, NULL);
  gst_harness_push (both.main, gst_buffer_ref (picture));
  drawn = gst_harness_pull (both.overlay);
  fail_unless (test_same_bytes (picture, drawn));
  meta = gst_buffer_get_video_overlay_composition_meta (drawn);
  fail_unless (meta != NULL);
  assert_equals_int (gst_video_overlay_composition_n_rectangles (meta->overlay),
      2);
  gst_buffer_unref (drawn);
  gst_buffer_unref (picture);
  stop (&both);
}

GST_END_TEST;

GST_START_TEST (test_refused_caps)
{
  Both both;
  GstBus *bus;

  start (&both, "I420", "src");
  bus = test_watch (both.main);
  gst_harness_set_sink_caps_str (both.overlay,
      "video/x-raw, format = (string) RGB");
  assert_equals_int (gst_harness_push (both.main, test_picture ("I420", WIDTH,
              HEIGHT, 0)), GST_FLOW_NOT_NEGOTIATED);
  test_expect_error (bus, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
      "videoconvert");
  gst_element_set_bus (both.main->element, NULL);
  gst_object_unref (bus);
  stop (&both);
}

GST_END_TEST;

static void
run_to_eos (const gchar * description)
{
  GstElement *pipeline = gst_parse_launch (description, NULL);
  GstBus *bus;
  GstMessage *message;

  fail_unless (pipeline != NULL, "%s", description);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%s: %" GST_PTR_FORMAT, description, message);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_pipelines)
{
  run_to_eos ("videotestsrc num-buffers=10 ! alitraenc name=e ! queue ! "
      "fakesink e.overlay ! queue ! fakesink");
  run_to_eos ("videotestsrc num-buffers=10 ! alitraenc name=e "
      "e.overlay ! queue ! videoconvert ! fakesink");
  run_to_eos ("videotestsrc is-live=true num-buffers=10 ! alitraenc name=e ! "
      "queue ! fakesink sync=true e.overlay ! queue ! fakesink sync=true");
}

GST_END_TEST;

static GstPadProbeReturn
count_buffer (GstPad * pad, GstPadProbeInfo * info, gpointer count)
{
  g_atomic_int_inc ((gint *) count);
  return GST_PAD_PROBE_OK;
}

/* What follows the overlay looks ahead farther than the queue of the tokens reaches, as x264enc does: no deadlock, and
 * no packet is lost. */
GST_START_TEST (test_look_ahead)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc num-buffers=150 ! "
      "video/x-raw, width=64, height=64, framerate=25/1 ! "
      "alitraenc name=e e.src ! queue name=tokens ! fakesink "
      "e.overlay ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 "
      "min-threshold-buffers=100 ! fakesink", NULL);
  GstElement *queue = gst_bin_get_by_name (GST_BIN (pipeline), "tokens");
  GstPad *pad = gst_element_get_static_pad (queue, "src");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  gint packets = 0;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_buffer, &packets,
      NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  fail_unless_equals_int (g_atomic_int_get (&packets), 150);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pad);
  gst_object_unref (queue);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* Flushing unblocks both branches, again and again. */
GST_START_TEST (test_flushing_seeks)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw, "
      "width=64, height=48 ! alitraenc name=e ! queue ! fakesink sync=true "
      "e.overlay ! queue ! fakesink sync=true", NULL);
  guint i;

  for (i = 0; i < 40; i++) {
    GstState state = i % 4 < 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING;

    gst_element_set_state (pipeline, state);
    assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
            10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, i * GST_SECOND));
    assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
            10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* A viewer comes and goes while the tokens flow on. */
GST_START_TEST (test_viewer_comes_and_goes)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw, "
      "width=64, height=48 ! alitraenc name=e ! fakesink", NULL);
  GstElement *encoder = gst_bin_get_by_name (GST_BIN (pipeline), "e");
  GstBus *bus = gst_element_get_bus (pipeline);
  guint64 frames = 0;
  guint i;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  assert_equals_int (gst_element_get_state (pipeline, NULL, NULL,
          10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  for (i = 0; i < 30; i++) {
    GstElement *sink = gst_element_factory_make ("fakesink", NULL);
    GstPad *sinkpad = gst_element_get_static_pad (sink, "sink");
    GstPad *pad = gst_element_request_pad_simple (encoder, "overlay");

    g_object_set (sink, "async", FALSE, NULL);
    gst_bin_add (GST_BIN (pipeline), gst_object_ref (sink));
    gst_element_sync_state_with_parent (sink);
    assert_equals_int (gst_pad_link (pad, sinkpad), GST_PAD_LINK_OK);
    g_usleep (10000);
    gst_pad_unlink (pad, sinkpad);
    gst_element_release_request_pad (encoder, pad);
    gst_bin_remove (GST_BIN (pipeline), sink);
    gst_element_set_state (sink, GST_STATE_NULL);
    gst_object_unref (sinkpad);
    gst_object_unref (pad);
    gst_object_unref (sink);
  }
  for (i = 0; i < 2; i++) {
    GstStructure *stats;
    guint64 before = frames;

    g_object_get (encoder, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "frames", &frames);
    gst_structure_free (stats);
    fail_unless (frames > before);
    g_usleep (200000);
  }
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (encoder);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
alitraoverlay_suite (void)
{
  Suite *suite = suite_create ("alitraoverlay");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_both);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_invisible);
  tcase_add_test (tc, test_styles);
  tcase_add_test (tc, test_only_overlay);
  tcase_add_test (tc, test_neither);
  tcase_add_test (tc, test_request_while_playing);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_events);
  tcase_add_test (tc, test_eos_first);
  tcase_add_test (tc, test_late_tag);
  tcase_add_test (tc, test_latency);
  tcase_add_test (tc, test_attach);
  tcase_add_test (tc, test_refused_caps);
  tcase_add_test (tc, test_pipelines);
  tcase_add_test (tc, test_look_ahead);
  tcase_add_test (tc, test_flushing_seeks);
  tcase_add_test (tc, test_viewer_comes_and_goes);
  return suite;
}

GST_CHECK_MAIN (alitraoverlay);
