/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/alitra.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_GST_TENSOR_META
#include <gst/analytics/analytics.h>
#endif

#include "modelfile.h"
#include "pictures.h"
#include "tensorreader.h"

#define WIDTH 96
#define HEIGHT 80
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame, " \
    "framerate = (fraction) 25/1"
#define FLAT_COARSE (24 * 20 * 20)
#define FLAT_FINE (9 * 11 * 11)

/* What a frame must list: the tokens of a detokenizer's memory, walked through cell by cell. */
typedef struct
{
  AlitraModel *model;
  AlitraDetokenizer *detokenizer;
  GArray *row;                  /* TestRow */
} Truth;

static Truth *
truth_new (void)
{
  Truth *truth = g_new0 (Truth, 1);

  truth->model = alitra_model_load (NULL, NULL);
  fail_unless (truth->model != NULL);
  truth->detokenizer = alitra_detokenizer_new (truth->model, 1);
  truth->row = g_array_new (FALSE, FALSE, sizeof (TestRow));
  return truth;
}

static void
truth_free (Truth * truth)
{
  g_array_unref (truth->row);
  alitra_detokenizer_free (truth->detokenizer);
  alitra_model_unref (truth->model);
  g_free (truth);
}

static void
truth_add_cell (Truth * truth, guint level, guint x, guint y, gboolean only_new)
{
  static const guint side[] = { 1, 2, 4 };
  AlitraCell cell;
  guint t;

  alitra_memory_get_cell (alitra_detokenizer_get_memory (truth->detokenizer),
      level, x, y, &cell);
  for (t = only_new ? cell.kept : 0; t < cell.depth; t++) {
    TestRow row = { cell.tokens[t], 1, level, x * side[level],
      y * side[level], side[level], t, cell.age, NULL
    };

    g_array_append_val (truth->row, row);
  }
}

static void
truth_next (Truth * truth, GstBuffer * packet, gboolean only_new)
{
  GstMapInfo map;
  guint level, x, y;

  fail_unless (gst_buffer_map (packet, &map, GST_MAP_READ));
  fail_unless (alitra_detokenizer_decode (truth->detokenizer, map.data,
          map.size, NULL));
  gst_buffer_unmap (packet, &map);
  g_array_set_size (truth->row, 0);
  for (level = 3; level-- > 0;) {
    guint columns, rows;

    alitra_memory_get_grid (alitra_detokenizer_get_memory (truth->detokenizer),
        level, &columns, &rows);
    for (y = 0; y < rows; y++)
      for (x = 0; x < columns; x++)
        truth_add_cell (truth, level, x, y, only_new);
  }
}

static void
compare (const Truth * truth, const TestTensors * tensors, guint most)
{
  guint i;

  assert_equals_int (tensors->count, MIN (truth->row->len, most));
  for (i = 0; i < tensors->count; i++) {
    TestRow is = test_tensors_row (tensors, i);
    TestRow must = g_array_index (truth->row, TestRow, i);

    fail_unless (is.id == must.id && is.level == must.level && is.x == must.x
        && is.y == must.y && is.side == must.side && is.depth == must.depth
        && is.age == must.age,
        "row %u: id %d level %u at %d, %d side %d depth %u age %d", i, is.id,
        is.level, is.x, is.y, is.side, is.depth, is.age);
  }
}

static GstHarness *
start (GstHarness * h)
{
  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  return h;
}

static GstBuffer *
packet (GPtrArray * packets, guint n)
{
  return gst_buffer_ref (packets->pdata[n]);
}

static TestTensors *
read_buffer (GstHarness * h, GstBuffer * buffer)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  TestTensors *tensors = test_tensors_read (caps, buffer);

  gst_caps_unref (caps);
  return tensors;
}

static TestTensors *
push_and_read (GstHarness * h, GPtrArray * packets, guint n)
{
  GstBuffer *buffer = gst_harness_push_and_pull (h, packet (packets, n));
  TestTensors *tensors;

  fail_unless (buffer != NULL);
  assert_equals_uint64 (GST_BUFFER_PTS (buffer),
      GST_BUFFER_PTS ((GstBuffer *) packets->pdata[n]));
  assert_equals_uint64 (GST_BUFFER_DURATION (buffer), TEST_FRAME_DURATION);
  tensors = read_buffer (h, buffer);
  gst_buffer_unref (buffer);
  return tensors;
}

/* Pushes a packet; the number of buffers that come out, which are dropped. */
static guint
push (GstHarness * h, GstBuffer * buffer)
{
  GstBuffer *out;
  guint n = 0;

  gst_harness_push (h, buffer);
  while ((out = gst_harness_try_pull (h))) {
    gst_buffer_unref (out);
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

static const gchar *
caps_string (GstHarness * h, const gchar * field)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  const gchar *value = g_intern_string (gst_structure_get_string
      (gst_caps_get_structure (caps, 0), field));

  gst_caps_unref (caps);
  return value;
}

static GstHarness *
harness_of (const gchar * format, const gchar * mode, guint max_tokens)
{
  GstElement *element = gst_element_factory_make ("alitratensor", NULL);
  GstHarness *h;

  gst_util_set_object_arg (G_OBJECT (element), "format", format);
  gst_util_set_object_arg (G_OBJECT (element), "mode", mode);
  g_object_set (element, "max-tokens", max_tokens, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  return start (h);
}

/* LAYOUT */

static void
check_stream (const gchar * format, const gchar * mode, guint width,
    guint height, guint max_tokens)
{
  GPtrArray *packets = test_packets (width, height, 6, 4);
  GstHarness *h = harness_of (format, mode, max_tokens);
  gboolean only_new = g_str_equal (mode, "delta");
  gboolean flexible = g_str_equal (format, "flexible");
  Truth *truth = truth_new ();
  guint n;

  for (n = 0; n < 6; n++) {
    TestTensors *tensors = push_and_read (h, packets, n);

    truth_next (truth, packets->pdata[n], only_new);
    assert_equals_int (tensors->rows, flexible ? CLAMP (truth->row->len, 1,
            max_tokens) : max_tokens);
    compare (truth, tensors, max_tokens);
    test_tensors_free (tensors);
  }
  truth_free (truth);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

static void
check_sizes (const gchar * format, const gchar * mode)
{
  check_stream (format, mode, 1, 1, 50);
  check_stream (format, mode, 17, 33, 1000);
  check_stream (format, mode, WIDTH, HEIGHT, 4096);
  check_stream (format, mode, 200, 130, 20000);
  check_stream (format, mode, 200, 130, 30);
}

GST_START_TEST (test_static)
{
  check_sizes ("static", "full");
}

GST_END_TEST;

GST_START_TEST (test_static_delta)
{
  check_sizes ("static", "delta");
}

GST_END_TEST;

GST_START_TEST (test_flexible)
{
  check_sizes ("flexible", "full");
}

GST_END_TEST;

GST_START_TEST (test_flexible_delta)
{
  check_sizes ("flexible", "delta");
}

GST_END_TEST;

/* The widest picture: positions need more than a byte. */
GST_START_TEST (test_wide)
{
  check_stream ("static", "full", 8192, 20, 20000);
}

GST_END_TEST;

static GPtrArray *
packets_of_one_picture (guint count)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *enc = test_harness ("alitraenc", "threads", 1, NULL);
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  guint n;

  gst_harness_set_src_caps_str (enc, caps);
  for (n = 0; n < count; n++) {
    GstBuffer *picture = test_picture ("I420", WIDTH, HEIGHT, 0);

    GST_BUFFER_PTS (picture) = n * TEST_FRAME_DURATION;
    g_ptr_array_add (packets, gst_harness_push_and_pull (enc, picture));
  }
  g_free (caps);
  gst_harness_teardown (enc);
  return packets;
}

/* Nothing moves: nothing is new, and tokens age. */
GST_START_TEST (test_still)
{
  GPtrArray *packets = packets_of_one_picture (20);
  GstHarness *delta = harness_of ("flexible", "delta", 4096);
  GstHarness *full = harness_of ("flexible", "full", 4096);
  guint n;

  for (n = 0; n < 20; n++) {
    TestTensors *fresh = push_and_read (delta, packets, n);
    TestTensors *all = push_and_read (full, packets, n);

    if (n == 0)
      assert_equals_int (fresh->count, all->count);
    fail_unless (all->count > 0);
    if (n == 19) {
      assert_equals_int (fresh->count, 0);
      assert_equals_int (fresh->rows, 1);
      fail_unless (test_tensors_row (all, 0).age > 0);
    }
    test_tensors_free (fresh);
    test_tensors_free (all);
  }
  g_ptr_array_unref (packets);
  gst_harness_teardown (delta);
  gst_harness_teardown (full);
}

GST_END_TEST;

GST_START_TEST (test_mode_while_playing)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 3, 0);
  GstHarness *h = harness_of ("static", "full", 4096);
  Truth *truth = truth_new ();
  guint n;

  for (n = 0; n < 3; n++) {
    TestTensors *tensors;

    gst_util_set_object_arg (G_OBJECT (h->element), "mode",
        n == 1 ? "delta" : "full");
    tensors = push_and_read (h, packets, n);
    truth_next (truth, packets->pdata[n], n == 1);
    compare (truth, tensors, 4096);
    test_tensors_free (tensors);
  }
  truth_free (truth);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_delta_unit_flag)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 2, 0);
  GstHarness *full = harness_of ("static", "full", 100);
  GstHarness *delta = harness_of ("static", "delta", 100);
  guint n;

  for (n = 0; n < 2; n++) {
    GstBuffer *a = gst_harness_push_and_pull (full, packet (packets, n));
    GstBuffer *b = gst_harness_push_and_pull (delta, packet (packets, n));

    fail_if (GST_BUFFER_FLAG_IS_SET (a, GST_BUFFER_FLAG_DELTA_UNIT));
    assert_equals_int (GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DELTA_UNIT),
        n == 1);
    gst_buffer_unref (a);
    gst_buffer_unref (b);
  }
  g_ptr_array_unref (packets);
  gst_harness_teardown (full);
  gst_harness_teardown (delta);
}

GST_END_TEST;

/* Tokens that do not fit are the last ones, and it is said once. */
GST_START_TEST (test_left_out)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 3, 1);
  GstHarness *h = harness_of ("static", "full", 5);
  GstBus *bus = test_watch (h);
  Truth *truth = truth_new ();
  guint64 left_out = 0;
  GstMessage *message;
  GError *warning = NULL;
  guint n;

  for (n = 0; n < 3; n++) {
    TestTensors *tensors = push_and_read (h, packets, n);

    truth_next (truth, packets->pdata[n], FALSE);
    fail_unless (truth->row->len > 5);
    left_out += truth->row->len - 5;
    compare (truth, tensors, 5);
    test_tensors_free (tensors);
  }
  assert_equals_uint64 (stat_of (h, "left-out"), left_out);
  assert_equals_uint64 (stat_of (h, "tokens"), 15);
  assert_equals_uint64 (stat_of (h, "frames"), 3);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &warning, NULL);
  fail_unless (strstr (warning->message, "max-tokens") != NULL);
  g_error_free (warning);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  truth_free (truth);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* VECTORS */

/* What a vector must be, by the model file and docs/tensors.md. */
typedef struct
{
  TestModelFile *file;
  guint size;
  gdouble *expected;
  guint learned, coarse, fine, smooth;  /* kinds of tokens that were met */
} Vectors;

static void
learned_vector (Vectors * v, const TestRow * row)
{
  gchar *name = g_strdup_printf ("levels.%u.steps.%u.back", row->level,
      row->depth);
  guint rows, narrow, codes, i, k;
  const gdouble *back = test_model_file_get (v->file, name, &rows, &narrow);
  const gdouble *code;

  assert_equals_int (rows, v->size);
  g_free (name);
  name = g_strdup_printf ("levels.%u.steps.%u.codes", row->level, row->depth);
  code = test_model_file_get (v->file, name, &codes, &rows)
      + (gsize) row->id * narrow;
  assert_equals_int (rows, narrow);
  g_free (name);
  for (i = 0; i < v->size; i++)
    for (k = 0; k < narrow; k++)
      v->expected[i] += back[i * narrow + k] * code[k];
  v->learned++;
}

/* Y', Cb, Cr of a flat colour token. */
static void
flat_colour (guint n, gdouble colour[3])
{
  static const guint K[] = { 24, 20, 20 }, J[] = { 9, 11, 11 };
  gboolean fine = n >= FLAT_COARSE;
  gint c;

  n -= fine ? FLAT_COARSE : 0;
  for (c = 2; c >= 0; c--) {
    guint steps = fine ? J[c] : K[c];
    guint step = n % steps;

    n /= steps;
    colour[c] = fine ? (step + .5 - J[c] / 2.) / (J[c] * K[c])
        : (step + .5) / K[c] - .5;
  }
}

static void
flat_vector (Vectors * v, guint n)
{
  gdouble scale = test_model_file_setting (v->file, "scale", 0);
  guint rows, samples, i, k;
  const gdouble *embed = test_model_file_get (v->file, "levels.2.embed.weight",
      &rows, &samples);
  gdouble colour[3];

  assert_equals_int (samples, 384);
  flat_colour (n, colour);
  for (k = 0; k < 2; k++)
    colour[1 + k] *= test_model_file_setting (v->file, "chroma_gain", k);
  for (i = 0; i < v->size; i++)
    for (k = 0; k < samples; k++)
      v->expected[i] += scale * embed[i * samples + k]
          * colour[k < 256 ? 0 : k < 320 ? 1 : 2];
  if (n < FLAT_COARSE)
    v->coarse++;
  else
    v->fine++;
}

static void
check_vector (Vectors * v, const TestRow * row)
{
  guint codes = test_model_file_setting (v->file, "codes", row->level);
  gdouble error = 0, energy = 0;
  guint i;

  memset (v->expected, 0, v->size * sizeof (gdouble));
  if (row->id < codes)
    learned_vector (v, row);
  else if (row->level == 2)
    flat_vector (v, row->id - codes);
  else
    v->smooth++;
  for (i = 0; i < v->size; i++) {
    error += pow (row->vector[i] - v->expected[i], 2);
    energy += pow (v->expected[i], 2);
  }
  fail_unless (error <= 1e-9 * energy + 1e-12,
      "level %u depth %u id %d is off by %g of %g", row->level, row->depth,
      row->id, sqrt (error), sqrt (energy));
}

static void
check_vectors (GstHarness * h, Vectors * v, GPtrArray * packets)
{
  guint n, i;

  for (n = 0; n < packets->len; n++) {
    TestTensors *tensors = push_and_read (h, packets, n);

    assert_equals_int (tensors->vector_size, v->size);
    for (i = 0; i < tensors->count; i++)
      check_vector (v, &test_tensors_row (tensors, i));
    test_tensors_free (tensors);
  }
  g_ptr_array_unref (packets);
}

/* A grey wall that gets slowly brighter to one side, with a patch of noise. */
static GPtrArray *
packets_of_wall (void)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *enc = test_harness ("alitraenc", "threads", 1, "quality", 60.0,
      NULL);
  gchar *caps = test_caps ("I420", 320, 192);
  GRand *random = g_rand_new_with_seed (3);
  GstBuffer *picture = test_picture ("I420", 320, 192, 0);
  GstMapInfo map;
  guint x, y;

  fail_unless (gst_buffer_map (picture, &map, GST_MAP_WRITE));
  memset (map.data, 128, map.size);
  for (y = 0; y < 192; y++)
    for (x = 0; x < 320; x++)
      map.data[y * 320 + x] = 90 + x / 16
          + (x >= 200 && x < 240 && y >= 70 && y < 110 ?
          g_rand_int_range (random, 0, 100) : 0);
  gst_buffer_unmap (picture, &map);
  gst_harness_set_src_caps_str (enc, caps);
  g_ptr_array_add (packets, gst_harness_push_and_pull (enc, picture));
  g_free (caps);
  g_rand_free (random);
  gst_harness_teardown (enc);
  return packets;
}

GST_START_TEST (test_vectors)
{
  static const gchar *formats[] = { "static", "flexible" };
  Vectors v = { test_model_file_open () };
  guint i;

  v.size = test_model_file_setting (v.file, "dim", 0);
  v.expected = g_new (gdouble, v.size);
  for (i = 0; i < 2; i++) {
    GstElement *element = gst_element_factory_make ("alitratensor", NULL);
    GstHarness *h;

    g_object_set (element, "vectors", TRUE, NULL);
    gst_util_set_object_arg (G_OBJECT (element), "format", formats[i]);
    h = start (gst_harness_new_with_element (element, "sink", "src"));
    gst_object_unref (element);
    check_vectors (h, &v, test_packets (200, 130, 3, 0));
    check_vectors (h, &v, packets_of_wall ());
    fail_unless_equals_string (caps_string (h, "format"), formats[i]);
    gst_harness_teardown (h);
  }
  GST_INFO ("%u learned, %u coarse, %u fine, %u smooth", v.learned, v.coarse,
      v.fine, v.smooth);
  fail_unless (v.learned > 0 && v.coarse > 0 && v.fine > 0 && v.smooth > 0,
      "%u learned, %u coarse, %u fine, %u smooth", v.learned, v.coarse,
      v.fine, v.smooth);
  g_free (v.expected);
  test_model_file_close (v.file);
}

GST_END_TEST;

/* NEGOTIATION */

GST_START_TEST (test_caps_words)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = harness_of ("auto", "full", 4096);
  GstCaps *caps, *expected;

  assert_equals_int (push (h, packet (packets, 0)), 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string ("other/tensors, format=(string)static, "
      "num_tensors=(int)7, "
      "dimensions=(string)\"4096,4096,4096,3:4096,4096,4096,1\", "
      "types=(string)\"int32,uint8,uint8,int16,uint8,int32,int32\", "
      "framerate=(fraction)25/1");
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Downstream's caps choose. */
static void
check_choice (const gchar * downstream, const gchar * format,
    const gchar * dimensions)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = test_harness ("alitratensor", "max-tokens", 100, NULL);
  TestTensors *tensors;

  gst_harness_set_sink_caps_str (h, downstream);
  start (h);
  tensors = push_and_read (h, packets, 0);
  fail_unless_equals_string (caps_string (h, "format"), format);
  fail_unless_equals_string (caps_string (h, "dimensions"), dimensions);
  test_tensors_free (tensors);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_START_TEST (test_downstream_chooses)
{
  check_choice ("other/tensors, format=(string)flexible", "flexible", NULL);
  check_choice ("other/tensors, format=(string){ flexible, static }",
      "static", "100,100,100,3:100,100,100,1");
  check_choice ("other/tensors, format=(string)static, "
      "num_tensors=(int)[1, 16], framerate=(fraction)[0/1, 100/1]", "static",
      "100,100,100,3:100,100,100,1");
  check_choice ("other/tensors, format=(string)static, dimensions=(string)"
      "\"100:1:1:1,100:1:1:1,100:1:1:1,3:100:1:1,100:1:1:1,100:1:1:1,"
      "1:1:1:1\"", "static",
      "100:1:1:1,100:1:1:1,100:1:1:1,3:100:1:1,100:1:1:1,100:1:1:1,1:1:1:1");
}

GST_END_TEST;

static GstFlowReturn
push_first (GstHarness * h)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstFlowReturn flow = gst_harness_push (h, packet (packets, 0));

  g_ptr_array_unref (packets);
  return flow;
}

GST_START_TEST (test_no_common_caps)
{
  static const gchar *downstream[] = {
    "other/tensors, format=(string)sparse",
    "other/tensors, format=(string)static, num_tensors=(int)3",
    "video/x-raw"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (downstream); i++) {
    GstHarness *h = gst_harness_new ("alitratensor");

    gst_harness_set_sink_caps_str (h, downstream[i]);
    start (h);
    assert_equals_int (push_first (h), GST_FLOW_NOT_NEGOTIATED);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* The property rules out what downstream would take. */
GST_START_TEST (test_property_against_downstream)
{
  GstElement *element = gst_element_factory_make ("alitratensor", NULL);
  GstHarness *h;

  gst_util_set_object_arg (G_OBJECT (element), "format", "static");
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_sink_caps_str (h, "other/tensors, format=(string)flexible");
  start (h);
  assert_equals_int (push_first (h), GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What upstream is asked for. */
static void
check_upstream (const gchar * downstream, const gchar * expected)
{
  GstHarness *h = gst_harness_new ("alitratensor");
  GstCaps *caps, *must = gst_caps_from_string (expected);

  gst_harness_set_sink_caps_str (h, downstream);
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  fail_unless (gst_caps_is_equal (caps, must), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_caps_unref (must);
  gst_harness_teardown (h);
}

GST_START_TEST (test_upstream_caps)
{
  check_upstream ("ANY", "video/x-alitra, version=(int)1, "
      "stream-format=(string)packet, alignment=(string)frame, "
      "framerate=(fraction)[0/1, 2147483647/1]");
  check_upstream ("other/tensors, format=(string)flexible, "
      "framerate=(fraction)10/1", "video/x-alitra, version=(int)1, "
      "stream-format=(string)packet, alignment=(string)frame, "
      "framerate=(fraction)10/1");
  check_upstream ("other/tensors, format=(string)sparse", "EMPTY");
}

GST_END_TEST;

static void
check_framerate (const gchar * input, gint rate, gint per)
{
  GstHarness *h = gst_harness_new ("alitratensor");
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  gint is_rate, is_per;
  GstCaps *caps;

  gst_harness_set_src_caps_str (h, input);
  assert_equals_int (push (h, packet (packets, 0)), 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
          "framerate", &is_rate, &is_per));
  assert_equals_int (is_rate, rate);
  assert_equals_int (is_per, per);
  gst_caps_unref (caps);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_START_TEST (test_framerate)
{
  check_framerate ("video/x-alitra, version=(int)1, "
      "stream-format=(string)packet, alignment=(string)frame", 0, 1);
  check_framerate ("video/x-alitra, version=(int)1, "
      "stream-format=(string)packet, alignment=(string)frame, "
      "framerate=(fraction)30000/1001", 30000, 1001);
}

GST_END_TEST;

/* No capsfilter anywhere, encoder and all; the vectors' size is only known when the model is loaded. */
static void
check_pipeline (const gchar * line)
{
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus;
  GstMessage *message;

  fail_unless (pipeline != NULL);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: %"
      GST_PTR_FORMAT, line, message);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_pipelines)
{
  check_pipeline ("videotestsrc num-buffers=4 ! alitraenc ! alitratensor ! "
      "fakesink");
  check_pipeline ("videotestsrc num-buffers=4 ! alitraenc ! alitratensor "
      "vectors=true ! fakesink");
  check_pipeline ("videotestsrc num-buffers=4 ! alitraenc ! alitratensor "
      "vectors=true ! other/tensors,format=static,framerate=5/1 ! fakesink");
  check_pipeline ("videotestsrc num-buffers=4 ! alitraenc ! alitraparse ! "
      "alitratensor ! other/tensors,format=flexible ! fakesink");
}

GST_END_TEST;

/* Another picture size changes nothing but the tokens; another frame rate changes the caps. */
GST_START_TEST (test_changes)
{
  static const guint sizes[][2] = { {64, 48}, {130, 70}, {17, 200} };
  GstHarness *h = harness_of ("static", "full", 2000);
  Truth *truth = truth_new ();
  guint i, n;

  for (i = 0; i < 3; i++) {
    GPtrArray *packets = test_packets (sizes[i][0], sizes[i][1], 2, 0);

    for (n = 0; n < 2; n++) {
      TestTensors *tensors = push_and_read (h, packets, n);

      truth_next (truth, packets->pdata[n], FALSE);
      compare (truth, tensors, 2000);
      test_tensors_free (tensors);
    }
    if (i == 1)
      gst_harness_set_src_caps_str (h, "video/x-alitra, version = (int) 1, "
          "stream-format = (string) packet, alignment = (string) frame, "
          "framerate = (fraction) 50/1, width = (int) 17");
    g_ptr_array_unref (packets);
  }
  {
    GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
    gint rate, per;

    fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0),
            "framerate", &rate, &per));
    assert_equals_int (rate, 50);
    gst_caps_unref (caps);
  }
  truth_free (truth);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* ERRORS */

GST_START_TEST (test_wrong_model_in_caps)
{
  GstHarness *h = gst_harness_new ("alitratensor");
  GstBus *bus = test_watch (h);

  gst_harness_set_src_caps_str (h,
      TOKEN_CAPS ", model-id = (string) other-model-2-0badc0de");
  fail_unless (push_first (h) != GST_FLOW_OK);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "other-model-2-0badc0de");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
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
  gst_buffer_unmap (copy, &map);
  return copy;
}

GST_START_TEST (test_wrong_model_in_packet)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *h = start (gst_harness_new ("alitratensor"));
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
  GstElement *element = gst_element_factory_make ("alitratensor", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  g_object_set (element, "model", path, "vectors", TRUE, NULL);
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

static GstBuffer *
noise (GRand * random, gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  gsize at;

  for (at = 0; at < size; at++)
    gst_buffer_memset (buffer, at, g_rand_int (random), 1);
  return buffer;
}

/* Something else that calls itself tokens ends in an error that says so. */
GST_START_TEST (test_foreign_stream)
{
  GstHarness *h = start (gst_harness_new ("alitratensor"));
  GstBus *bus = test_watch (h);
  GRand *random = g_rand_new_with_seed (5);
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  for (n = 0; n < 50 && flow == GST_FLOW_OK; n++)
    flow = gst_harness_push (h, noise (random, 100 + n));
  assert_equals_int (flow, GST_FLOW_ERROR);
  assert_equals_int (n, 11);
  assert_equals_int (gst_harness_buffers_in_queue (h), 0);
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
      "no stream of tokens");
  g_rand_free (random);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

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

/* Any bit may flip: no buffer of wrong tokens, and the stream goes on at the next key packet. */
GST_START_TEST (test_flipped_bits)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 6, 3);
  GstHarness *h = test_harness ("alitratensor", "max-errors", -1, NULL);
  GRand *random = g_rand_new_with_seed (7);
  guint round;

  start (h);
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
  fail_unless (stat_of (h, "errors") >= 190, "%" G_GUINT64_FORMAT " errors",
      stat_of (h, "errors"));
  g_rand_free (random);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A lost packet: frames come on, flagged until the next key packet; or not at all, and then the gap is marked. A key
 * packet is asked for once. */
static void
check_loss (gboolean conceal)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 12, 8);
  GstHarness *h = start (test_harness ("alitratensor", "conceal", conceal,
          "heal-frames", 0, NULL));
  guint n;

  key_requests (h);
  for (n = 0; n < 12; n++) {
    GstBuffer *buffer;

    if (n == 4)
      continue;
    gst_harness_push (h, packet (packets, n));
    buffer = gst_harness_try_pull (h);
    assert_equals_int (buffer != NULL, conceal || n < 4 || n >= 8);
    if (buffer)
      assert_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
              GST_BUFFER_FLAG_CORRUPTED), n > 4 && n < 8);
    if (buffer && n > 0)
      assert_equals_int (GST_BUFFER_IS_DISCONT (buffer), !conceal && n == 8);
    gst_clear_buffer (&buffer);
  }
  assert_equals_int (key_requests (h), 1);
  assert_equals_uint64 (stat_of (h, "concealed"), conceal ? 3 : 0);
  assert_equals_uint64 (stat_of (h, "dropped"), conceal ? 0 : 3);
  assert_equals_uint64 (stat_of (h, "errors"), 0);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_START_TEST (test_loss)
{
  check_loss (TRUE);
  check_loss (FALSE);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 6, 4);
  GstHarness *h = start (gst_harness_new ("alitratensor"));
  GstSegment segment;

  assert_equals_int (push (h, packet (packets, 0)), 1);
  assert_equals_int (push (h, packet (packets, 1)), 1);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  assert_equals_int (push (h, packet (packets, 2)), 0);
  assert_equals_int (push (h, packet (packets, 4)), 1);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* RUNNING */

/* Frames that come too late are left out, but their packets are not lost. */
GST_START_TEST (test_late_frames)
{
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 5, 0);
  GstHarness *h = test_harness ("alitratensor", "qos", TRUE, NULL);
  Truth *truth = truth_new ();
  TestTensors *tensors;
  guint n;

  start (h);
  assert_equals_int (push (h, packet (packets, 0)), 1);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          2.0, 10 * GST_SECOND, 0));
  assert_equals_int (push (h, packet (packets, 1)), 0);
  assert_equals_int (push (h, packet (packets, 2)), 0);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
          1.0, -10 * GST_SECOND, 10 * GST_SECOND));
  tensors = push_and_read (h, packets, 3);
  for (n = 0; n < 4; n++)
    truth_next (truth, packets->pdata[n], FALSE);
  compare (truth, tensors, 4096);
  assert_equals_uint64 (stat_of (h, "dropped"), 0);
  test_tensors_free (tensors);
  truth_free (truth);
  g_ptr_array_unref (packets);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint8 *
address_of (GstBuffer * buffer, guint memory)
{
  GstMapInfo map;

  fail_unless (gst_memory_map (gst_buffer_peek_memory (buffer, memory), &map,
          GST_MAP_READ));
  gst_memory_unmap (gst_buffer_peek_memory (buffer, memory), &map);
  return map.data;
}

/* Was the memory of this buffer seen before? Its address alone does not tell. */
static gboolean
is_used_again (GstBuffer * buffer)
{
  GstMiniObject *memory = GST_MINI_OBJECT (gst_buffer_peek_memory (buffer, 0));
  GQuark mark = g_quark_from_static_string ("test-seen");
  gboolean seen = gst_mini_object_get_qdata (memory, mark) != NULL;

  gst_mini_object_set_qdata (memory, mark, GINT_TO_POINTER (1), NULL);
  return seen;
}

/* Memory is used again once a buffer is given back, in its full size, and not before. */
GST_START_TEST (test_pool)
{
  static const gchar *formats[] = { "static", "flexible" };
  guint f, n;

  for (f = 0; f < 2; f++) {
    GPtrArray *packets = test_packets (WIDTH, HEIGHT, 8, 2);
    GstHarness *h = harness_of (formats[f], "delta", 4096);
    Truth *truth = truth_new ();
    GstBuffer *held = gst_harness_push_and_pull (h, packet (packets, 0));
    GstBuffer *copy = gst_buffer_copy_deep (held);

    truth_next (truth, packets->pdata[0], TRUE);
    for (n = 1; n < 8; n++) {
      GstBuffer *buffer = gst_harness_push_and_pull (h, packet (packets, n));
      TestTensors *tensors = read_buffer (h, buffer);

      truth_next (truth, packets->pdata[n], TRUE);
      compare (truth, tensors, 4096);
      fail_if (address_of (buffer, 0) == address_of (held, 0));
      assert_equals_int ((guintptr) address_of (buffer, 3) & 63, 0);
      assert_equals_int (is_used_again (buffer), n > 1);
      test_tensors_free (tensors);
      gst_buffer_unref (buffer);
    }
    fail_unless (test_same_bytes (held, copy));
    gst_buffer_unref (held);
    gst_buffer_unref (copy);
    truth_free (truth);
    g_ptr_array_unref (packets);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

GST_START_TEST (test_fixed_properties)
{
  GstHarness *h = start (gst_harness_new ("alitratensor"));
  guint max_tokens;
  gboolean vectors;

  g_object_set (h->element, "max-tokens", 5, "vectors", TRUE, NULL);
  g_object_get (h->element, "max-tokens", &max_tokens, "vectors", &vectors,
      NULL);
  assert_equals_int (max_tokens, 4096);
  assert_equals_int (vectors, FALSE);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_latency_and_eos)
{
  GstHarness *h = start (gst_harness_new ("alitratensor"));

  gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
  assert_equals_int (push_first (h), GST_FLOW_OK);
  assert_equals_uint64 (gst_harness_query_latency (h), 20 * GST_MSECOND);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_state_cycles)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw, "
      "width=64, height=48 ! alitraenc ! alitratensor name=t ! fakesink", NULL);
  GstElement *tensor;
  guint i;

  fail_unless (pipeline != NULL);
  tensor = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  for (i = 0; i < 60; i++) {
    g_object_set (tensor, "vectors", i % 3 == 0, "max-tokens", 10 + i, NULL);
    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
        != GST_STATE_CHANGE_FAILURE);
    if (i % 5 == 0)
      fail_unless (gst_element_get_state (pipeline, NULL, NULL,
              5 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state (pipeline, i % 2 ? GST_STATE_NULL : GST_STATE_READY);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (tensor);
  gst_object_unref (pipeline);
}

GST_END_TEST;

#ifdef HAVE_GST_TENSOR_META

static void
check_tensor (GstBuffer * buffer, guint i, guint rows, gsize header)
{
  static const gchar *names[] = { "ids", "mask", "levels", "positions",
    "depths", "ages", "count", "vectors"
  };
  static const GstTensorDataType types[] = { GST_TENSOR_DATA_TYPE_INT32,
    GST_TENSOR_DATA_TYPE_UINT8, GST_TENSOR_DATA_TYPE_UINT8,
    GST_TENSOR_DATA_TYPE_INT16, GST_TENSOR_DATA_TYPE_UINT8,
    GST_TENSOR_DATA_TYPE_INT32, GST_TENSOR_DATA_TYPE_INT32,
    GST_TENSOR_DATA_TYPE_FLOAT32
  };
  const GstTensor *tensor = gst_buffer_get_tensor_meta (buffer)->tensors[i];
  gchar *id = g_strdup_printf ("alitra-%s-v1", names[i]);

  fail_unless_equals_string (g_quark_to_string (tensor->id), id);
  assert_equals_int (tensor->data_type, types[i]);
  assert_equals_int (tensor->dims_order, GST_TENSOR_DIM_ORDER_ROW_MAJOR);
  assert_equals_int (tensor->num_dims, i == 3 || i == 7 ? 2 : 1);
  assert_equals_uint64 (tensor->dims[0], i == 6 ? 1 : rows);
  if (i == 3 || i == 7)
    assert_equals_uint64 (tensor->dims[1], i == 3 ? 3 : 96);
  fail_unless (address_of (tensor->data, 0) == address_of (buffer, i) + header);
  g_free (id);
}

GST_START_TEST (test_tensor_meta)
{
  static const gchar *formats[] = { "static", "flexible" };
  GPtrArray *packets = test_packets (WIDTH, HEIGHT, 6, 0);
  guint f, n, i;

  for (f = 0; f < 2; f++) {
    GstElement *element = gst_element_factory_make ("alitratensor", NULL);
    GstHarness *h;

    g_object_set (element, "vectors", TRUE, NULL);
    gst_util_set_object_arg (G_OBJECT (element), "format", formats[f]);
    h = start (gst_harness_new_with_element (element, "sink", "src"));
    gst_object_unref (element);
    for (n = 0; n < 6; n++) {
      GstBuffer *buffer = gst_harness_push_and_pull (h, packet (packets, n));
      TestTensors *tensors = read_buffer (h, buffer);

      assert_equals_int (gst_buffer_get_tensor_meta (buffer)->num_tensors, 8);
      for (i = 0; i < 8; i++)
        check_tensor (buffer, i, tensors->rows, f == 0 ? 0 : 128);
      assert_equals_int (is_used_again (buffer), n > 0);
      test_tensors_free (tensors);
      gst_buffer_unref (buffer);
    }
    gst_harness_teardown (h);
  }
  g_ptr_array_unref (packets);
}

GST_END_TEST;

#endif

static Suite *
alitratensor_suite (void)
{
  Suite *suite = suite_create ("alitratensor");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_static);
  tcase_add_test (tc, test_static_delta);
  tcase_add_test (tc, test_flexible);
  tcase_add_test (tc, test_flexible_delta);
  tcase_add_test (tc, test_wide);
  tcase_add_test (tc, test_still);
  tcase_add_test (tc, test_mode_while_playing);
  tcase_add_test (tc, test_delta_unit_flag);
  tcase_add_test (tc, test_left_out);
  tcase_add_test (tc, test_vectors);
  tcase_add_test (tc, test_caps_words);
  tcase_add_test (tc, test_downstream_chooses);
  tcase_add_test (tc, test_no_common_caps);
  tcase_add_test (tc, test_property_against_downstream);
  tcase_add_test (tc, test_upstream_caps);
  tcase_add_test (tc, test_framerate);
  tcase_add_test (tc, test_pipelines);
  tcase_add_test (tc, test_changes);
  tcase_add_test (tc, test_wrong_model_in_caps);
  tcase_add_test (tc, test_wrong_model_in_packet);
  tcase_add_test (tc, test_bad_models);
  tcase_add_test (tc, test_foreign_stream);
  tcase_add_test (tc, test_flipped_bits);
  tcase_add_test (tc, test_loss);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_late_frames);
  tcase_add_test (tc, test_pool);
  tcase_add_test (tc, test_fixed_properties);
  tcase_add_test (tc, test_latency_and_eos);
  tcase_add_test (tc, test_state_cycles);
#ifdef HAVE_GST_TENSOR_META
  tcase_add_test (tc, test_tensor_meta);
#endif
  return suite;
}

GST_CHECK_MAIN (alitratensor);
