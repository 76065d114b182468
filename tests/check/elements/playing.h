/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_CHECK_ELEMENTS_PLAYING_H
#define TESTS_CHECK_ELEMENTS_PLAYING_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Fails the test if an error lies on the bus. */
void test_expect_no_error (GstElement * pipeline);

/* Sets it playing and fails the test unless it ends without an error within so many seconds. */
void test_play_to_end (GstElement * pipeline, guint seconds);

/* To NULL, and drops the reference. */
void test_stop (GstElement * pipeline);

G_END_DECLS

#endif
