/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * alitraenc's action signal "inspect-patch" says what a receiver of the packets holds. */
#include <alitra/alitra.h>
#include "pictures.h"

#define WIDTH 200
#define HEIGHT 120

static GstStructure *
inspect (GstElement * encoder, guint x, guint y)
{
  GstStructure *patch = NULL;

  g_signal_emit_by_name (encoder, "inspect-patch", x, y, &patch);
  return patch;
}

static guint
get_uint (const GstStructure * patch, const gchar * what, guint side)
{
  gchar *name = g_strdup_printf ("%s-%u", what, side);
  guint value = 0;

  fail_unless (gst_structure_get_uint (patch, name, &value), "no %s", name);
  g_free (name);
  return value;
}

static void
check_cell (const GstStructure * patch, guint side, const AlitraCell * cell)
{
  gchar *name = g_strdup_printf ("tokens-%u", side);
  const GValue *tokens = gst_structure_get_value (patch, name);

  assert_equals_int (get_uint (patch, "depth", side), cell->depth);
  assert_equals_int (get_uint (patch, "kept", side), cell->kept);
  assert_equals_int (get_uint (patch, "age", side), cell->age);
  assert_equals_int (gst_value_array_get_size (tokens), cell->depth);
  for (guint t = 0; t < cell->depth; t++)
    assert_equals_int (g_value_get_uint (gst_value_array_get_value (tokens, t)),
        cell->tokens[t]);
  g_free (name);
}

/* Compares a patch with the receiver's memory; adds how many of its cells have a predicted gain. */
static void
check_patch (GstElement * encoder, const AlitraMemory * memory, guint x,
    guint y, guint * gains)
{
  static const gchar *const names[] = { "gain-16", "gain-32", "gain-64" };
  GstStructure *patch = inspect (encoder, x, y);
  gdouble density = 0, gain;

  fail_unless (patch != NULL, "nothing is at %u, %u", x, y);
  assert_equals_int (g_value_get_uint (gst_structure_get_value (patch, "x")),
      x / 16 * 16);
  assert_equals_int (g_value_get_uint (gst_structure_get_value (patch, "y")),
      y / 16 * 16);
  fail_unless (gst_structure_get_double (patch, "density", &density));
  assert_equals_float (density, alitra_memory_get_density (memory, x / 16,
          y / 16));
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraCell cell;

    alitra_memory_get_cell (memory, l, x / (16 << l), y / (16 << l), &cell);
    check_cell (patch, 16 << l, &cell);
    if (gst_structure_get_double (patch, names[l], &gain)) {
      fail_unless (gain > 0);
      (*gains)++;
    }
  }
  gst_structure_free (patch);
}

GST_START_TEST (test_patches)
{
  GstHarness *h = test_harness ("alitraenc", "quality", 60., NULL);
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  AlitraModel *model = alitra_model_load (NULL, NULL);
  AlitraDetokenizer *receiver = alitra_detokenizer_new (model, 1);
  guint n, x, y, gains = 0;

  fail_unless (inspect (h->element, 0, 0) == NULL);
  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < 3; n++) {
    GstBuffer *packet = gst_harness_push_and_pull (h, test_picture ("I420",
            WIDTH, HEIGHT, n));
    GstMapInfo map;

    fail_unless (gst_buffer_map (packet, &map, GST_MAP_READ));
    fail_unless (alitra_detokenizer_decode (receiver, map.data, map.size,
            NULL));
    gst_buffer_unmap (packet, &map);
    gst_buffer_unref (packet);
    for (y = 3; y < HEIGHT; y += 16) {
      for (x = 7; x < WIDTH; x += 16)
        check_patch (h->element, alitra_detokenizer_get_memory (receiver), x, y,
            &gains);
    }
  }
  fail_unless (gains > 0, "no cell says what it would gain");
  fail_unless (inspect (h->element, WIDTH, 0) == NULL);
  fail_unless (inspect (h->element, 0, HEIGHT) == NULL);
  fail_unless (inspect (h->element, G_MAXUINT, G_MAXUINT) == NULL);
  alitra_detokenizer_free (receiver);
  alitra_model_unref (model);
  g_free (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

static gpointer
click_on_and_on (gpointer data)
{
  GstHarness *h = data;
  guint n;

  for (n = 0; n < 2000; n++) {
    GstStructure *patch = inspect (h->element, n % WIDTH, n % HEIGHT);

    gst_clear_structure (&patch);
  }
  return NULL;
}

/* Another thread may ask while frames are encoded, and while the size changes. */
GST_START_TEST (test_threads)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, NULL);
  GThread *thread = g_thread_new ("clicks", click_on_and_on, h);
  guint n;

  for (n = 0; n < 12; n++) {
    const guint width = n < 6 ? WIDTH : 64;

    if (n % 6 == 0) {
      gchar *caps = test_caps ("I420", width, HEIGHT);

      gst_harness_set_src_caps_str (h, caps);
      g_free (caps);
    }
    gst_buffer_unref (gst_harness_push_and_pull (h, test_picture ("I420",
                width, HEIGHT, n)));
  }
  g_thread_join (thread);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
alitrainspect_suite (void)
{
  Suite *s = suite_create ("alitrainspect");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_patches);
  tcase_add_test (tc, test_threads);
  return s;
}

GST_CHECK_MAIN (alitrainspect);
