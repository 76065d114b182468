/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TEST_PICTURES_H
#define TEST_PICTURES_H

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

/* Raw pictures and packets for the tests of the elements. */

#define TEST_FPS 25
#define TEST_FRAME_DURATION (GST_SECOND / TEST_FPS)

/* "video/x-raw, …" of a format and size, 25 frames a second. */
gchar *test_caps (const gchar * format, guint width, guint height);

/* Picture number @n of a moving scene: the same scene in every format of the same family. */
GstBuffer *test_picture (const gchar * format, guint width, guint height, guint n);

/* The same picture in a buffer whose planes begin and end at odd places; a GstVideoMeta says where. */
GstBuffer *test_picture_odd (const gchar * format, guint width, guint height, guint n);

/* A harness around an element whose properties are set before it starts. */
GstHarness *test_harness (const gchar * factory, const gchar * first_property, ...) G_GNUC_NULL_TERMINATED;

/* (transfer full): @count packets of the scene, key frames every @key_interval. */
GPtrArray *test_packets (guint width, guint height, guint count, guint key_interval);
/* The same, made to be cut if @scalable. */
GPtrArray *test_packets_with (guint width, guint height, guint count, guint key_interval, gboolean scalable);

/* Does the buffer hold these bytes? */
gboolean test_same_bytes (GstBuffer * a, GstBuffer * b);

/* (transfer full): all bytes of the buffers, one after the other. */
GByteArray *test_join (GPtrArray * packets);

/* The next message of the type on the bus of the element within five seconds. */
GstMessage *test_wait_for (GstBus * bus, GstMessageType type);

/* (transfer full): a bus that the messages of the harness's element go to. */
GstBus *test_watch (GstHarness * harness);

/* The next message must be an error of that domain and code whose text has @words; drops it. */
void test_expect_error (GstBus * bus, GQuark domain, gint code, const gchar * words);

#endif
