/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Labels of frames, with a small model and a small transformer that were drawn, not trained. */
#include <alitra/alitra.h>
#include <glib/gstdio.h>
#include <unistd.h>
#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include "../goldentransformer.h"
#include "pictures.h"

#define WIDTH 160
#define HEIGHT 96
#define LABELS 7
#define META "GstAlitraLabelsMeta"
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame, " \
    "framerate = (fraction) 25/1"

/* (transfer full): path of the classifier for the golden model; a file that goes when the test ends. */
static gchar *
classifier_file (void)
{
  GBytes *bytes = test_golden_transformer ();
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

static GstHarness *
start (const gchar * first_property, ...)
{
  gchar *model = classifier_file ();
  gchar *token_model = test_golden_path ("allocator.safetensors");
  GstElement *element = gst_element_factory_make ("alitraclassify", NULL);
  GstHarness *h;
  va_list args;

  g_object_set (element, "model", model, "token-model", token_model, NULL);
  va_start (args, first_property);
  if (first_property)
    g_object_set_valist (G_OBJECT (element), first_property, args);
  va_end (args);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  drop_file (model);
  g_free (token_model);
  return h;
}

/* (transfer full): packets of a scene that moves, or stands still from the second frame on. */
static GPtrArray *
packets_of (guint count, guint key_interval, gboolean still)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  gchar *model = test_golden_path ("allocator.safetensors");
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  GstHarness *h = test_harness ("alitraenc", "model", model, "threads", 1,
      "target-tokens", 60, "key-int-max", key_interval, NULL);
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < count; n++) {
    GstBuffer *picture = test_picture ("I420", WIDTH, HEIGHT, still ? 0 : n);

    GST_BUFFER_PTS (picture) = n * TEST_FRAME_DURATION;
    g_ptr_array_add (packets, gst_harness_push_and_pull (h, picture));
  }
  gst_harness_teardown (h);
  g_free (model);
  g_free (caps);
  return packets;
}

static GstBuffer *
push (GstHarness * h, GPtrArray * packets, guint n)
{
  GstBuffer *out = gst_harness_push_and_pull (h,
      gst_buffer_ref (packets->pdata[n]));

  fail_unless (out != NULL);
  fail_unless (test_same_bytes (out, packets->pdata[n]));
  assert_equals_uint64 (GST_BUFFER_PTS (out),
      GST_BUFFER_PTS ((GstBuffer *) packets->pdata[n]));
  return out;
}

static const GstStructure *
labels_of (GstBuffer * buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, META);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

static guint
count_of (const GstStructure * labels)
{
  const GValue *names = gst_structure_get_value (labels, "labels");
  const GValue *scores = gst_structure_get_value (labels, "scores");

  assert_equals_int (gst_value_array_get_size (names),
      gst_value_array_get_size (scores));
  return gst_value_array_get_size (names);
}

static const gchar *
label_at (const GstStructure * labels, guint i)
{
  return g_value_get_string (gst_value_array_get_value (gst_structure_get_value
          (labels, "labels"), i));
}

static gdouble
score_at (const GstStructure * labels, guint i)
{
  return g_value_get_double (gst_value_array_get_value (gst_structure_get_value
          (labels, "scores"), i));
}

static guint64
stat_of (GstHarness * h, const gchar * field)
{
  GstElement *element = gst_harness_find_element (h, "alitraclassify");
  GstStructure *stats = NULL;
  guint64 value = G_MAXUINT64;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value));
  gst_structure_free (stats);
  gst_object_unref (element);
  return value;
}

/* What the library says of the same packets. */
typedef struct
{
  AlitraModel *model;
  AlitraTransformer *transformer;
  AlitraDetokenizer *detokenizer;
  AlitraClassifier *classifier;
  gfloat scores[LABELS];
} Truth;

static Truth
truth_new (void)
{
  gchar *model = test_golden_path ("allocator.safetensors");
  gchar *transformer = classifier_file ();
  Truth truth = { alitra_model_load (model, NULL),
    alitra_transformer_load (transformer, NULL)
  };

  truth.detokenizer = alitra_detokenizer_new (truth.model, 1);
  truth.classifier = alitra_classifier_new (truth.transformer, truth.model, 1,
      NULL);
  fail_unless (truth.classifier != NULL);
  g_free (model);
  drop_file (transformer);
  return truth;
}

static void
truth_clear (Truth * truth)
{
  alitra_classifier_free (truth->classifier);
  alitra_detokenizer_free (truth->detokenizer);
  alitra_transformer_unref (truth->transformer);
  alitra_model_unref (truth->model);
}

static void
truth_next (Truth * truth, GstBuffer * packet, guint max_cells)
{
  const AlitraMemory *memory;
  GstMapInfo map;

  fail_unless (gst_buffer_map (packet, &map, GST_MAP_READ));
  fail_unless (alitra_detokenizer_decode (truth->detokenizer, map.data,
          map.size, NULL));
  gst_buffer_unmap (packet, &map);
  memory = alitra_detokenizer_get_memory (truth->detokenizer);
  fail_unless (alitra_classifier_run (truth->classifier, &memory, 1, max_cells,
          truth->scores, NULL));
}

/* The labels must be the `top` best ones of the truth, best first. */
static void
check_labels (const GstStructure * labels, const Truth * truth, guint top)
{
  guint i, k;

  fail_unless (labels != NULL);
  assert_equals_int (count_of (labels), top);
  for (i = 0; i < top; i++) {
    guint better = 0;

    for (k = 0; k < LABELS; k++)
      better += truth->scores[k] > score_at (labels, i);
    assert_equals_int (better, i);
    for (k = 0; k < LABELS; k++)
      if (g_str_equal (label_at (labels, i),
              alitra_transformer_get_label (truth->transformer, k)))
        break;
    fail_unless (k < LABELS);
    assert_equals_float (score_at (labels, i), truth->scores[k]);
  }
}

GST_START_TEST (test_labels)
{
  GPtrArray *packets = packets_of (6, 3, FALSE);
  GstHarness *h = start ("top-k", 4, NULL);
  GstBus *bus = test_watch (h);
  Truth truth = truth_new ();
  guint n;

  for (n = 0; n < packets->len; n++) {
    GstBuffer *out = push (h, packets, n);
    GstMessage *message;
    const GstStructure *said;
    guint64 timestamp;

    truth_next (&truth, packets->pdata[n], 256);
    check_labels (labels_of (out), &truth, 4);
    message = test_wait_for (bus, GST_MESSAGE_ELEMENT);
    said = gst_message_get_structure (message);
    fail_unless (gst_structure_has_name (said, "alitra-labels"));
    check_labels (said, &truth, 4);
    fail_unless (gst_structure_get_uint64 (said, "timestamp", &timestamp));
    assert_equals_uint64 (timestamp, GST_BUFFER_PTS (out));
    gst_message_unref (message);
    gst_buffer_unref (out);
  }
  assert_equals_uint64 (stat_of (h, "frames"), 6);
  assert_equals_uint64 (stat_of (h, "classified"), 6);
  fail_unless (stat_of (h, "time-ns") > 0);
  truth_clear (&truth);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_max_cells)
{
  GPtrArray *packets = packets_of (1, 1, FALSE);
  GstHarness *h = start ("top-k", LABELS, "max-cells", 5, NULL);
  Truth few = truth_new (), all = truth_new ();
  GstBuffer *out = push (h, packets, 0);

  truth_next (&few, packets->pdata[0], 5);
  truth_next (&all, packets->pdata[0], 0);
  check_labels (labels_of (out), &few, LABELS);
  fail_unless (memcmp (few.scores, all.scores, sizeof (all.scores)) != 0);
  gst_buffer_unref (out);
  truth_clear (&few);
  truth_clear (&all);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

static void
check_turns (GstHarness * h, GPtrArray * packets, const gchar * turns)
{
  guint n;

  for (n = 0; turns[n]; n++) {
    GstBuffer *out = push (h, packets, n);

    fail_unless ((labels_of (out) != NULL) == (turns[n] == 'x'), "frame %u", n);
    gst_buffer_unref (out);
  }
}

GST_START_TEST (test_interval)
{
  GPtrArray *packets = packets_of (7, 10, FALSE);
  GstHarness *h = start ("interval", 3, NULL);

  check_turns (h, packets, "x--x--x");
  assert_equals_uint64 (stat_of (h, "classified"), 3);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

/* Nothing changes up to the next key packet, which brings all tokens anew. */
GST_START_TEST (test_min_change)
{
  GPtrArray *packets = packets_of (6, 4, TRUE);
  GstHarness *h = start ("min-change", .5, NULL);

  check_turns (h, packets, "x---x-");
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_threshold)
{
  GPtrArray *packets = packets_of (3, 10, FALSE);
  GstHarness *h = start ("threshold", 1., "top-k", LABELS, NULL);
  Truth truth = truth_new ();
  GstBuffer *out = push (h, packets, 0);
  guint sure = 0, k;

  assert_equals_int (count_of (labels_of (out)), 0);
  gst_buffer_unref (out);
  truth_next (&truth, packets->pdata[0], 256);
  truth_next (&truth, packets->pdata[1], 256);
  for (k = 0; k < LABELS; k++)
    sure += truth.scores[k] >= .1;
  g_object_set (h->element, "threshold", .1, NULL);
  out = push (h, packets, 1);
  check_labels (labels_of (out), &truth, sure);
  gst_buffer_unref (out);
  truth_clear (&truth);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_no_messages)
{
  GPtrArray *packets = packets_of (2, 10, FALSE);
  GstHarness *h = start ("post-messages", FALSE, NULL);
  GstBus *bus = test_watch (h);

  check_turns (h, packets, "xx");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT) == NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

static guint
key_requests (GstHarness * h)
{
  guint requests = 0;
  GstEvent *event;

  while ((event = gst_harness_try_pull_upstream_event (h))) {
    requests += gst_video_event_is_force_key_unit (event);
    gst_event_unref (event);
  }
  return requests;
}

/* What was there before the loss still says something. A stream that begins with a delta packet says nothing before its
 * first key packet, which is asked for. */
GST_START_TEST (test_loss)
{
  GPtrArray *packets = packets_of (8, 5, FALSE);
  GstHarness *h = start (NULL);
  guint n;

  for (n = 0; n < 8; n += 2) {
    GstBuffer *out = push (h, packets, n);

    fail_unless (labels_of (out) != NULL);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
  h = start (NULL);
  for (n = 1; n < 8; n++) {
    GstBuffer *out = push (h, packets, n);

    fail_unless ((labels_of (out) != NULL) == (n >= 5));
    gst_buffer_unref (out);
  }
  assert_equals_int (key_requests (h), 1);
  assert_equals_uint64 (stat_of (h, "unusable"), 4);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_damage)
{
  GPtrArray *packets = packets_of (4, 2, FALSE);
  GstHarness *h = start (NULL);
  GstBuffer *noise = gst_buffer_new_allocate (NULL, 100, NULL);

  gst_buffer_memset (noise, 0, 0x5a, 100);
  gst_buffer_unref (packets->pdata[1]);
  packets->pdata[1] = noise;
  check_turns (h, packets, "x-xx");
  assert_equals_uint64 (stat_of (h, "errors"), 1);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GPtrArray *packets = packets_of (4, 10, FALSE);
  GstHarness *h = start (NULL);

  check_turns (h, packets, "xx");
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&(GstSegment) {
              .rate = 1,.applied_rate = 1,.format = GST_FORMAT_TIME,.stop =
                GST_CLOCK_TIME_NONE,.duration = GST_CLOCK_TIME_NONE}
          )));
  {
    GstBuffer *out = push (h, packets, 2);

    fail_unless (labels_of (out) == NULL);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

static void
expect_no_start (const gchar * model, const gchar * token_model,
    GQuark domain, gint code, const gchar * words)
{
  GstElement *element = gst_element_factory_make ("alitraclassify", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  g_object_set (element, "model", model, "token-model", token_model, NULL);
  assert_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  test_expect_error (bus, domain, code, words);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_START_TEST (test_bad_files)
{
  gchar *transformer = classifier_file ();
  gchar *model = test_golden_path ("allocator.safetensors");
  gchar *other = test_golden_path ("model.safetensors");

  expect_no_start ("/nowhere/x", model, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NOT_FOUND, "No classifier found");
  expect_no_start (transformer, "/nowhere/x", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NOT_FOUND, "No token model found");
  expect_no_start (model, model, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "is it a transformer?");
  expect_no_start (transformer, transformer, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "The token model cannot be used");
  expect_no_start (transformer, other, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "reads tokens of the model");
  drop_file (transformer);
  g_free (model);
  g_free (other);
}

GST_END_TEST;

GST_START_TEST (test_wrong_stream)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 1);
  GstHarness *h = start (NULL);
  GstBus *bus = test_watch (h);

  assert_equals_int (gst_harness_push (h, gst_buffer_ref (packets->pdata[0])),
      GST_FLOW_ERROR);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "token-model");
  gst_object_unref (bus);
  gst_harness_teardown (h);
  h = start (NULL);
  bus = test_watch (h);
  gst_harness_set_src_caps_str (h, TOKEN_CAPS
      ", model-id = (string) some-other-1234abcd");
  assert_equals_int (gst_harness_push (h, gst_buffer_ref (packets->pdata[0])),
      GST_FLOW_NOT_NEGOTIATED);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "some-other-1234abcd");
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_state_cycles)
{
  GPtrArray *packets = packets_of (2, 1, FALSE);
  GstHarness *h = start (NULL);
  gchar *file = classifier_file ();
  guint cycle;

  for (cycle = 0; cycle < 3; cycle++) {
    check_turns (h, packets, "xx");
    assert_equals_uint64 (stat_of (h, "frames"), 2);
    gst_element_set_state (h->element, GST_STATE_NULL);
    g_object_set (h->element, "model", file, NULL);
    gst_element_set_state (h->element, GST_STATE_PLAYING);
    gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  }
  drop_file (file);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;

GST_START_TEST (test_fixed_properties)
{
  GstHarness *h = start (NULL);
  guint threads, top_k;

  g_object_set (h->element, "threads", 7, "top-k", 5, NULL);
  g_object_get (h->element, "threads", &threads, "top-k", &top_k, NULL);
  assert_equals_int (threads, 1);
  assert_equals_int (top_k, 5);
  gst_harness_teardown (h);
}

GST_END_TEST;

#ifdef HAVE_GST_ANALYTICS
GST_START_TEST (test_analytics_meta)
{
  GPtrArray *packets = packets_of (1, 1, FALSE);
  GstHarness *h = start ("top-k", 2, NULL);
  GstBuffer *out = push (h, packets, 0);
  const GstStructure *labels = labels_of (out);
  GstAnalyticsRelationMeta *relations =
      gst_buffer_get_analytics_relation_meta (out);
  GstAnalyticsClsMtd mtd;
  guint i;

  fail_unless (relations != NULL);
  fail_unless (gst_analytics_relation_meta_get_cls_mtd (relations, 0, &mtd));
  assert_equals_int (gst_analytics_cls_mtd_get_length (&mtd), 2);
  for (i = 0; i < 2; i++) {
    assert_equals_string (g_quark_to_string (gst_analytics_cls_mtd_get_quark
            (&mtd, i)), label_at (labels, i));
    assert_equals_float (gst_analytics_cls_mtd_get_level (&mtd, i),
        score_at (labels, i));
  }
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_END_TEST;
#endif

static Suite *
alitraclassify_suite (void)
{
  Suite *suite = suite_create ("alitraclassify");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_labels);
  tcase_add_test (tc, test_max_cells);
  tcase_add_test (tc, test_interval);
  tcase_add_test (tc, test_min_change);
  tcase_add_test (tc, test_threshold);
  tcase_add_test (tc, test_no_messages);
  tcase_add_test (tc, test_loss);
  tcase_add_test (tc, test_damage);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_bad_files);
  tcase_add_test (tc, test_wrong_stream);
  tcase_add_test (tc, test_state_cycles);
  tcase_add_test (tc, test_fixed_properties);
#ifdef HAVE_GST_ANALYTICS
  tcase_add_test (tc, test_analytics_meta);
#endif
  return suite;
}

GST_CHECK_MAIN (alitraclassify);
