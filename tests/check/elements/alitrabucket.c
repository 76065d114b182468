/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include "../../../gst/gstalitrabucket.h"

#define RATE 5000
#define INTERVAL (GST_SECOND / 25)
#define SHARE (RATE / 25)       /* what drips in during a frame */
#define DEPTH (RATE / 2)

static GstAlitraBucket bucket;

static guint
fill_at (GstClockTime time, gboolean key)
{
  return gst_alitra_bucket_fill (&bucket, RATE, time, INTERVAL, key);
}

static guint
take_all (GstClockTime time, gboolean key)
{
  guint tokens = fill_at (time, key);

  gst_alitra_bucket_take (&bucket, tokens);
  return tokens;
}

GST_START_TEST (test_starts_full_then_drips)
{
  guint n;

  gst_alitra_bucket_reset (&bucket);
  assert_equals_int (take_all (0, FALSE), DEPTH);
  for (n = 1; n < 100; n++)
    assert_equals_int (take_all (n * INTERVAL, FALSE), SHARE);
}

GST_END_TEST;

GST_START_TEST (test_saves_for_half_a_second)
{
  GstClockTime time = 0;

  gst_alitra_bucket_reset (&bucket);
  take_all (time, FALSE);
  assert_equals_int (fill_at (time += 5 * INTERVAL, FALSE), 5 * SHARE);
  assert_equals_int (fill_at (time += GST_SECOND, FALSE), DEPTH);
  assert_equals_int (fill_at (time += 3600 * GST_SECOND, FALSE), DEPTH);
}

GST_END_TEST;

GST_START_TEST (test_key_frames_borrow)
{
  GstClockTime time = 0;
  guint paid = 0;

  gst_alitra_bucket_reset (&bucket);
  assert_equals_int (take_all (time, TRUE), DEPTH + DEPTH / 2);
  /* Nothing more until it is paid back, and at once another key frame gets only what dripped in. */
  assert_equals_int (take_all (time += INTERVAL, FALSE), 0);
  assert_equals_int (take_all (time += INTERVAL, TRUE), 2 * SHARE);
  while (take_all (time += INTERVAL, FALSE) == 0)
    paid += SHARE;
  fail_unless (paid <= DEPTH / 2 && paid + SHARE >= DEPTH / 2);
  assert_equals_int (take_all (time += INTERVAL, FALSE), SHARE);
}

GST_END_TEST;

/* Whatever frames want, and whenever they come: no stretch brings more than the rate and three quarters of a second. */
GST_START_TEST (test_bounded)
{
  guint64 at[400];              /* when, in ns */
  guint64 sum[401] = { 0, };    /* tokens before frame n */
  GstClockTime time = 0;
  GRand *rand = g_rand_new_with_seed (7);
  guint n, from;

  gst_alitra_bucket_reset (&bucket);
  for (n = 0; n < G_N_ELEMENTS (at); n++) {
    gboolean key = g_rand_int_range (rand, 0, 10) == 0;
    guint most = fill_at (time, key), tokens;

    tokens = MIN (most, (guint) g_rand_int_range (rand, 0, 4 * SHARE));
    gst_alitra_bucket_take (&bucket, key ? most : tokens);
    at[n] = time;
    sum[n + 1] = sum[n] + (key ? most : tokens);
    time += g_rand_int_range (rand, 1, 3 * INTERVAL);
  }
  for (from = 0; from < G_N_ELEMENTS (at); from++)
    for (n = from; n < G_N_ELEMENTS (at); n++)
      fail_unless (sum[n + 1] - sum[from] <=
          RATE * ((at[n] - at[from]) / 1e9 + .75) + 1);
  g_rand_free (rand);
}

GST_END_TEST;

/* The rate is not only kept, it is reached: frames that want all get all that drips in. */
GST_START_TEST (test_starves_nobody)
{
  static const guint rates[] = { 1, 7, 24, 26, 1000, GST_ALITRA_BUCKET_MAX_RATE
  };
  guint i, n;

  for (i = 0; i < G_N_ELEMENTS (rates); i++) {
    guint64 sum = 0;

    gst_alitra_bucket_reset (&bucket);
    gst_alitra_bucket_take (&bucket, gst_alitra_bucket_fill (&bucket, rates[i],
            0, INTERVAL, FALSE));
    for (n = 1; n <= 1000; n++) {
      guint tokens = gst_alitra_bucket_fill (&bucket, rates[i], n * INTERVAL,
          INTERVAL, FALSE);

      gst_alitra_bucket_take (&bucket, tokens);
      sum += tokens;
    }
    fail_unless (sum <= (guint64) rates[i] * 40
        && sum + 1 >= (guint64) rates[i] * 40, "%" G_GUINT64_FORMAT
        " tokens in 40 s at a rate of %u", sum, rates[i]);
  }
}

GST_END_TEST;

/* Without times, and with times that stand still or run backwards, frames count as one interval each. */
GST_START_TEST (test_no_times)
{
  guint n;

  gst_alitra_bucket_reset (&bucket);
  take_all (GST_CLOCK_TIME_NONE, FALSE);
  for (n = 0; n < 5; n++)
    assert_equals_int (take_all (GST_CLOCK_TIME_NONE, FALSE), SHARE);
  take_all (GST_SECOND, FALSE);
  assert_equals_int (take_all (GST_SECOND, FALSE), SHARE);
  assert_equals_int (take_all (0, FALSE), SHARE);
  /* An interval that nobody knows, and one that is absurd. */
  gst_alitra_bucket_fill (&bucket, RATE, GST_CLOCK_TIME_NONE,
      GST_CLOCK_TIME_NONE, FALSE);
  gst_alitra_bucket_fill (&bucket, G_MAXUINT, GST_CLOCK_TIME_NONE,
      G_MAXUINT64 - 1, TRUE);
}

GST_END_TEST;

/* Frames that are longer than the bucket is deep get what drips in during one. */
GST_START_TEST (test_slow_frames)
{
  guint n;

  gst_alitra_bucket_reset (&bucket);
  for (n = 0; n < 5; n++) {
    assert_equals_int (gst_alitra_bucket_fill (&bucket, RATE,
            n * 4 * GST_SECOND, 4 * GST_SECOND, FALSE), 4 * RATE);
    gst_alitra_bucket_take (&bucket, 4 * RATE);
  }
}

GST_END_TEST;

/* The rate may change under way; what was saved at a higher one is not kept. */
GST_START_TEST (test_rate_changes)
{
  gst_alitra_bucket_reset (&bucket);
  fill_at (0, FALSE);
  assert_equals_int (gst_alitra_bucket_fill (&bucket, RATE / 10, INTERVAL,
          INTERVAL, FALSE), DEPTH / 10);
}

GST_END_TEST;

static Suite *
alitrabucket_suite (void)
{
  Suite *suite = suite_create ("alitrabucket");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_starts_full_then_drips);
  tcase_add_test (tc, test_saves_for_half_a_second);
  tcase_add_test (tc, test_key_frames_borrow);
  tcase_add_test (tc, test_bounded);
  tcase_add_test (tc, test_starves_nobody);
  tcase_add_test (tc, test_no_times);
  tcase_add_test (tc, test_slow_frames);
  tcase_add_test (tc, test_rate_changes);
  return suite;
}

GST_CHECK_MAIN (alitrabucket);
