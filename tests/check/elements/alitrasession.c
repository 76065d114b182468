/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/packet.h>
#include <math.h>
#include "pictures.h"

/* Clips in which something happens, from raw pictures through alitraenc and alitradec to pictures: after every frame the
 * decoder must hold what the encoder holds.  Packets carry a checksum of it, and the decoder counts as lost what does
 * not agree; the last test shows that it would. */

#define WIDTH 128
#define HEIGHT 96
#define FRAMES 30

typedef struct
{
  const gchar *name;
  /* Luma of a pixel in a frame, before it is cut to 0..255. */
    gdouble (*luma) (gdouble x, gdouble y, guint frame, GRand * rand);
} Clip;

static gdouble
ground (gdouble x, gdouble y)
{
  return 110 + 45 * sin (x / 9) * cos (y / 13) + 20 * sin ((x + 2 * y) / 3.5);
}

static gdouble
still (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y);
}

/* One grey level every ten frames. */
static gdouble
slow_fade (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + frame / 10;
}

static gdouble
slow_pan (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x + .1 * frame, y);
}

static gdouble
blink (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + (frame / 3 % 2 && hypot (x - 60, y - 50) < 14 ? 90 :
      0);
}

static gdouble
cut (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return frame < FRAMES / 2 ? ground (x, y) :
      fmod (x * 3 + y * y / 40, 64) * 3.5;
}

static gdouble
flash (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + (frame == 11 ? 110 : 0);
}

/* The camera finds its exposure. */
static gdouble
exposure (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) * (frame < 5 ? 1 : 1 + .3 * (1 - exp (-(frame -
                  5.) / 6)));
}

static gdouble
gaussian (GRand * rand)
{
  gdouble sum = -6;
  guint i;

  for (i = 0; i < 12; i++)
    sum += g_rand_double (rand);
  return sum;
}

static gdouble
noise_2 (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + 2 * gaussian (rand);
}

static gdouble
noise_5 (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + 5 * gaussian (rand);
}

static gdouble
noise_10 (gdouble x, gdouble y, guint frame, GRand * rand)
{
  return ground (x, y) + 10 * gaussian (rand);
}

static const Clip clips[] = {
  {"still", still}, {"slow fade", slow_fade}, {"slow pan", slow_pan},
  {"blink", blink}, {"cut", cut}, {"flash", flash}, {"exposure", exposure},
  {"noise of 2", noise_2}, {"noise of 5", noise_5}, {"noise of 10", noise_10}
};

static GstBuffer *
draw (const Clip * clip, guint frame, GRand * rand)
{
  GstBuffer *picture =
      gst_buffer_new_allocate (NULL, WIDTH * HEIGHT * 3 / 2, NULL);
  GstMapInfo map;
  guint x, y;

  gst_buffer_memset (picture, 0, 128, -1);
  gst_buffer_map (picture, &map, GST_MAP_WRITE);
  for (y = 0; y < HEIGHT; y++)
    for (x = 0; x < WIDTH; x++)
      map.data[y * WIDTH + x] =
          CLAMP (clip->luma (x, y, frame, rand) + .5, 0, 255);
  gst_buffer_unmap (picture, &map);
  GST_BUFFER_PTS (picture) = frame * TEST_FRAME_DURATION;
  GST_BUFFER_DURATION (picture) = TEST_FRAME_DURATION;
  return picture;
}

static guint64
sum_of (GstHarness * h, const gchar * field)
{
  GstStructure *stats;
  guint64 value = 0;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value), "no %s", field);
  gst_structure_free (stats);
  return value;
}

static GstHarness *
new_encoder (void)
{
  GstHarness *h = test_harness ("alitraenc", "threads", 1, NULL);
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

static GstHarness *
new_decoder (GstHarness * encoder)
{
  GstHarness *h = test_harness ("alitradec", "threads", 1, NULL);
  GstCaps *caps = gst_pad_get_current_caps (encoder->sinkpad);

  gst_harness_set_src_caps (h, caps);
  return h;
}

static void
check_clip (const Clip * clip, const gchar * property, guint value)
{
  GstHarness *encoder = new_encoder (), *decoder = NULL;
  GRand *rand = g_rand_new_with_seed (3);
  guint n;

  if (property)
    g_object_set (encoder->element, property, value, NULL);
  for (n = 0; n < FRAMES; n++) {
    GstBuffer *packet =
        gst_harness_push_and_pull (encoder, draw (clip, n, rand));
    GstBuffer *picture;

    fail_unless (packet != NULL);
    if (decoder == NULL)
      decoder = new_decoder (encoder);
    picture = gst_harness_push_and_pull (decoder, packet);
    fail_unless (picture != NULL);
    fail_if (GST_BUFFER_FLAG_IS_SET (picture, GST_BUFFER_FLAG_CORRUPTED),
        "%s: frame %u", clip->name, n);
    gst_buffer_unref (picture);
  }
  assert_equals_uint64 (sum_of (decoder, "frames"), FRAMES);
  assert_equals_uint64 (sum_of (decoder, "lost-frames"), 0);
  assert_equals_uint64 (sum_of (decoder, "errors"), 0);
  assert_equals_uint64 (sum_of (decoder, "new-tokens"), sum_of (encoder,
          "new-tokens"));
  /* Only another scene needs a key frame. */
  if (property == NULL && clip->luma != flash)
    assert_equals_uint64 (sum_of (encoder, "key-frames"),
        clip->luma == cut ? 2 : 1);
  g_rand_free (rand);
  gst_harness_teardown (encoder);
  gst_harness_teardown (decoder);
}

GST_START_TEST (test_clips)
{
  check_clip (&clips[__i__], NULL, 0);
}

GST_END_TEST;

GST_START_TEST (test_clips_with_refresh)
{
  check_clip (&clips[__i__], "refresh", 7);
}

GST_END_TEST;

GST_START_TEST (test_clips_at_a_rate)
{
  check_clip (&clips[__i__], "target-rate", 700);
}

GST_END_TEST;

/* What stands still costs next to nothing, noise of two grey levels included. */
GST_START_TEST (test_still_costs_nothing)
{
  static const guint which[] = { 0, 7 };
  guint i, n;

  for (i = 0; i < G_N_ELEMENTS (which); i++) {
    GstHarness *h = new_encoder ();
    GRand *rand = g_rand_new_with_seed (5);
    guint64 first;

    gst_buffer_unref (gst_harness_push_and_pull (h, draw (&clips[which[i]], 0,
                rand)));
    first = sum_of (h, "new-tokens");
    for (n = 1; n < FRAMES; n++)
      gst_buffer_unref (gst_harness_push_and_pull (h, draw (&clips[which[i]],
                  n, rand)));
    fail_unless (sum_of (h, "new-tokens") - first <= first / 5,
        "%s: %" G_GUINT64_FORMAT " tokens, then %" G_GUINT64_FORMAT " in %u "
        "frames", clips[which[i]].name, first,
        sum_of (h, "new-tokens") - first, FRAMES - 1);
    g_rand_free (rand);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* The packet of a frame that was held changes nothing, but says what the sender holds.  Given to a decoder that holds
 * something else it must be noticed. */
GST_START_TEST (test_difference_is_seen)
{
  GstHarness *one = new_encoder (), *other = new_encoder (), *decoder;
  GRand *rand = g_rand_new_with_seed (1);
  GstBuffer *picture, *packet;

  packet = gst_harness_push_and_pull (one, draw (&clips[0], 0, rand));
  decoder = new_decoder (one);
  gst_buffer_unref (gst_harness_push_and_pull (decoder, packet));
  picture = draw (&clips[0], 1, rand);
  GST_BUFFER_FLAG_SET (picture, GST_BUFFER_FLAG_GAP);
  packet = gst_harness_push_and_pull (one, picture);
  gst_buffer_unref (gst_harness_push_and_pull (decoder, packet));
  assert_equals_uint64 (sum_of (decoder, "lost-frames"), 0);

  gst_buffer_unref (gst_harness_push_and_pull (other, draw (&clips[4],
              FRAMES - 1, rand)));
  for (guint n = 1; n < 3; n++) {
    picture = draw (&clips[4], n, rand);
    GST_BUFFER_FLAG_SET (picture, GST_BUFFER_FLAG_GAP);
    packet = gst_harness_push_and_pull (other, picture);
    if (n == 1)
      gst_buffer_unref (packet);
  }
  picture = gst_harness_push_and_pull (decoder, packet);
  fail_unless (GST_BUFFER_FLAG_IS_SET (picture, GST_BUFFER_FLAG_CORRUPTED));
  fail_unless (sum_of (decoder, "concealed") > 0);
  gst_buffer_unref (picture);
  g_rand_free (rand);
  gst_harness_teardown (one);
  gst_harness_teardown (other);
  gst_harness_teardown (decoder);
}

GST_END_TEST;

static Suite *
alitrasession_suite (void)
{
  Suite *suite = suite_create ("alitrasession");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_loop_test (tc, test_clips, 0, G_N_ELEMENTS (clips));
  tcase_add_loop_test (tc, test_clips_with_refresh, 0, G_N_ELEMENTS (clips));
  tcase_add_loop_test (tc, test_clips_at_a_rate, 0, G_N_ELEMENTS (clips));
  tcase_add_test (tc, test_still_costs_nothing);
  tcase_add_test (tc, test_difference_is_seen);
  return suite;
}

GST_CHECK_MAIN (alitrasession);
