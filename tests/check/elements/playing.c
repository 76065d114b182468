/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pipelines that a test plays. */
#include "playing.h"

#include <gst/check/gstcheck.h>

void
test_expect_no_error (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
  gst_object_unref (bus);
}

void
test_play_to_end (GstElement * pipeline, guint seconds)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, seconds * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

void
test_stop (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}
