/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames out of nothing, with a small model and a small generator that were drawn, not trained. */
#include <alitra/alitra.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "../goldentransformer.h"
#include "pictures.h"

/* (transfer full): path of the generator for the golden model; a file that goes when the test ends. */
static gchar *
generator_file (void)
{
  GBytes *bytes = test_golden_bound ("generator.safetensors");
  gchar *path = NULL;
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  gint file = g_file_open_tmp ("alitra-XXXXXX.safetensors", &path, NULL);

  fail_unless (file >= 0);
  close (file);
  fail_unless (g_file_set_contents (path, data, size, NULL));
  g_bytes_unref (bytes);
  return path;
}

static void
drop_file (gchar * path)
{
  g_unlink (path);
  g_free (path);
}

static GstElement *
source_new (void)
{
  gchar *token_model = test_golden_path ("allocator.safetensors");
  GstElement *element = gst_element_factory_make ("alitragensrc", NULL);

  g_object_set (element, "token-model", token_model, NULL);
  g_free (token_model);
  return element;
}

/* A running source. caps: NULL: any. */
static GstHarness *
start (const gchar * caps, const gchar * first_property, ...)
{
  gchar *model = generator_file ();
  GstElement *element = source_new ();
  GstHarness *h;
  va_list args;

  g_object_set (element, "model", model, NULL);
  va_start (args, first_property);
  if (first_property)
    g_object_set_valist (G_OBJECT (element), first_property, args);
  va_end (args);
  h = gst_harness_new_with_element (element, NULL, "src");
  gst_object_unref (element);
  if (caps)
    gst_harness_set_sink_caps_str (h, caps);
  gst_harness_play (h);
  drop_file (model);
  return h;
}

static GstHarness *
decoder_new (GstHarness * source)
{
  gchar *model = test_golden_path ("allocator.safetensors");
  GstHarness *h = test_harness ("alitradec", "model", model, NULL);
  GstCaps *caps = gst_pad_get_current_caps (source->sinkpad);

  fail_unless (caps != NULL);
  gst_harness_set_src_caps (h, caps);
  g_free (model);
  return h;
}

/* (transfer full): the pictures of the first frames. */
static GPtrArray *
pictures_of (GstHarness * source, guint count)
{
  GPtrArray *pictures =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *decoder = NULL;
  guint n;

  for (n = 0; n < count; n++) {
    GstBuffer *packet = gst_harness_pull (source);

    fail_unless (packet != NULL);
    if (!decoder)
      decoder = decoder_new (source);
    g_ptr_array_add (pictures, gst_harness_push_and_pull (decoder, packet));
    fail_unless (pictures->pdata[n] != NULL);
  }
  gst_harness_teardown (decoder);
  return pictures;
}

static void
check_info (GstBuffer * buffer, guint n, gboolean key)
{
  AlitraPacketInfo info;
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  assert_equals_int (alitra_packet_read_info (map.data, map.size, &info),
      ALITRA_PACKET_OK);
  assert_equals_uint64 (info.size, map.size);
  gst_buffer_unmap (buffer, &map);
  assert_equals_int (info.key, key);
  assert_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_DELTA_UNIT), !key);
  assert_equals_int (info.frame_number, n);
  assert_equals_uint64 (info.pts, GST_BUFFER_PTS (buffer));
}

GST_START_TEST (test_frames)
{
  GstHarness *h = start (NULL, "label", "boat", "tokens", 60, NULL);
  GstElement *element = gst_harness_find_element (h, "alitragensrc");
  GstStructure *stats = NULL, *structure;
  guint64 frames, tokens;
  GstCaps *caps;
  gint width, height, fps_n, fps_d;
  guint n;

  for (n = 0; n < 4; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    assert_equals_uint64 (GST_BUFFER_PTS (buffer), n * GST_SECOND / 5);
    assert_equals_uint64 (GST_BUFFER_DURATION (buffer), GST_SECOND / 5);
    check_info (buffer, n, TRUE);
    gst_buffer_unref (buffer);
  }
  caps = gst_pad_get_current_caps (h->sinkpad);
  structure = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (structure, "width", &width));
  fail_unless (gst_structure_get_int (structure, "height", &height));
  fail_unless (gst_structure_get_fraction (structure, "framerate", &fps_n,
          &fps_d));
  assert_equals_int (width, 128);
  assert_equals_int (height, 128);
  assert_equals_int (fps_n, 5);
  fail_unless (gst_structure_get_string (structure, "model-id") != NULL);
  gst_caps_unref (caps);
  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "frames", &frames));
  fail_unless (gst_structure_get_uint64 (stats, "tokens", &tokens));
  fail_unless (frames >= 4);
  fail_unless (tokens > 0 && tokens <= 60 * frames);
  gst_structure_free (stats);
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frame n of seed s shows what frame 0 of seed s + n shows, with any number of threads. */
GST_START_TEST (test_seeds)
{
  GstHarness *one = start (NULL, "seed", G_GUINT64_CONSTANT (40), NULL);
  GstHarness *other = start (NULL, "seed", G_GUINT64_CONSTANT (42), "threads",
      2, NULL);
  GPtrArray *first = pictures_of (one, 3), *second = pictures_of (other, 1);

  fail_unless (test_same_bytes (first->pdata[2], second->pdata[0]));
  fail_if (test_same_bytes (first->pdata[1], second->pdata[0]));
  g_ptr_array_unref (first);
  g_ptr_array_unref (second);
  gst_harness_teardown (one);
  gst_harness_teardown (other);
}

GST_END_TEST;

GST_START_TEST (test_size)
{
  GstHarness *h = start ("video/x-alitra, width = 256, height = 384, "
      "framerate = (fraction) 25/1", NULL);
  GPtrArray *pictures = pictures_of (h, 1);

  assert_equals_int (gst_buffer_get_size (pictures->pdata[0]),
      256 * 384 * 3 / 2);
  assert_equals_uint64 (GST_BUFFER_DURATION ((GstBuffer *) pictures->pdata[0]),
      GST_SECOND / 25);
  g_ptr_array_unref (pictures);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A part stays: packets that change the memory. */
GST_START_TEST (test_keep)
{
  GstHarness *h = start (NULL, "keep", .8, NULL);
  gsize key = 0, delta = 0;
  guint n;

  for (n = 0; n < 3; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    check_info (buffer, n, n == 0);
    *(n == 0 ? &key : &delta) += gst_buffer_get_size (buffer);
    gst_buffer_unref (buffer);
  }
  fail_unless (delta < 2 * key);
  gst_harness_teardown (h);
}

GST_END_TEST;

static void
wait_for_eos (GstHarness * h)
{
  for (;;) {
    GstEvent *event = gst_harness_pull_event (h);
    gboolean end = event && GST_EVENT_TYPE (event) == GST_EVENT_EOS;

    fail_unless (event != NULL);
    gst_event_unref (event);
    if (end)
      return;
  }
}

GST_START_TEST (test_end)
{
  GstHarness *h = start (NULL, "num-buffers", 3, NULL);

  wait_for_eos (h);
  assert_equals_int (gst_harness_buffers_received (h), 3);
  gst_harness_teardown (h);
  /* A still picture. */
  h = start ("video/x-alitra, framerate = (fraction) 0/1", NULL);
  wait_for_eos (h);
  assert_equals_int (gst_harness_buffers_received (h), 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A source, playing into nowhere. */
static GstElement *
pipeline_new (GstElement ** source)
{
  gchar *model = generator_file ();
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);

  *source = source_new ();
  g_object_set (*source, "model", model, NULL);
  gst_bin_add_many (GST_BIN (pipeline), *source, sink, NULL);
  fail_unless (gst_element_link (*source, sink));
  /* The file is read once, on the way to PAUSED. */
  fail_unless (gst_element_set_state (*source, GST_STATE_READY) !=
      GST_STATE_CHANGE_FAILURE);
  g_object_set_data_full (G_OBJECT (pipeline), "file", model,
      (GDestroyNotify) drop_file);
  return pipeline;
}

static void
expect_error (GstElement * pipeline, const gchar * words)
{
  GstBus *bus = gst_element_get_bus (pipeline);

  test_expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      words);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

/* What may change while playing is heeded by the next frame; a live source makes one when its time has come. */
GST_START_TEST (test_changes)
{
  GstElement *source, *pipeline = pipeline_new (&source);
  gboolean live;

  g_object_set (source, "is-live", TRUE, "label", "egg", NULL);
  assert_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_NO_PREROLL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_object_get (source, "is-live", &live, NULL);
  fail_unless (live);
  g_object_set (source, "label", "goat", NULL);
  expect_error (pipeline, "knows no \"goat\"");
}

GST_END_TEST;

/* Cannot start; says why. */
static void
check_start_fails (GstElement * element, gint code, const gchar * words)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  assert_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  test_expect_error (bus, GST_RESOURCE_ERROR, code, words);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_START_TEST (test_errors)
{
  gchar *model = generator_file ();
  gchar *other = test_golden_path ("model.safetensors");
  gchar *tokens = test_golden_path ("allocator.safetensors");
  GstElement *element = source_new ();

  g_object_set (element, "model", "/nowhere/at/all", NULL);
  check_start_fails (element, GST_RESOURCE_ERROR_NOT_FOUND,
      "No generator found");
  element = source_new ();
  g_object_set (element, "model", tokens, NULL);
  check_start_fails (element, GST_RESOURCE_ERROR_SETTINGS,
      "The generator cannot be used");
  element = source_new ();
  g_object_set (element, "model", model, "token-model", other, NULL);
  check_start_fails (element, GST_RESOURCE_ERROR_SETTINGS,
      "makes tokens of the model");
  element = source_new ();
  g_object_set (element, "model", model, "token-model", "/nowhere", NULL);
  check_start_fails (element, GST_RESOURCE_ERROR_NOT_FOUND,
      "No token model found");
  element = source_new ();
  g_object_set (element, "model", model, "label", "goat", NULL);
  check_start_fails (element, GST_RESOURCE_ERROR_SETTINGS,
      "apple, boat, chair, dog, egg");
  drop_file (model);
  g_free (other);
  g_free (tokens);
}

GST_END_TEST;

/* More tokens than the generator was trained for. */
GST_START_TEST (test_too_many)
{
  GstElement *source, *pipeline = pipeline_new (&source);

  g_object_set (source, "tokens", 91, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  expect_error (pipeline, "pictures of 24 to 90 tokens");
}

GST_END_TEST;

static Suite *
alitragensrc_suite (void)
{
  Suite *suite = suite_create ("alitragensrc");
  TCase *tc = tcase_create ("frames");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_frames);
  tcase_add_test (tc, test_seeds);
  tcase_add_test (tc, test_size);
  tcase_add_test (tc, test_keep);
  tcase_add_test (tc, test_end);
  tcase_add_test (tc, test_changes);
  tcase_add_test (tc, test_errors);
  tcase_add_test (tc, test_too_many);
  return suite;
}

GST_CHECK_MAIN (alitragensrc);
