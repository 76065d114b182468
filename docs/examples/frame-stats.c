/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What each frame costs, from the messages that alitraenc posts while it plays:
 *
 *   frame-stats ["videotestsrc num-buffers=50 ! alitraenc name=enc ! fakesink"]
 *
 * Takes a pipeline with an alitraenc called enc, and prints a line for each frame and the sums at the end.
 * docs/elements/alitraenc.md has the fields.
 *
 *   cc frame-stats.c $(pkg-config --cflags --libs gstreamer-1.0) -o frame-stats
 */
#include <gst/gst.h>

#define PIPELINE "videotestsrc num-buffers=50 ! alitraenc name=enc ! fakesink"

typedef struct
{
  GMainLoop *loop;
  guint frames;
  guint64 tokens, new_tokens, bits;
  gboolean failed;
} Listener;

static void
on_frame (Listener * listener, const GstStructure * stats)
{
  guint tokens = 0, fresh = 0, patches = 0, active = 0;
  GstClockTime time = 0;
  gboolean key = FALSE;
  guint64 bits = 0;

  gst_structure_get (stats, "running-time", G_TYPE_UINT64, &time,
      "key", G_TYPE_BOOLEAN, &key, "tokens", G_TYPE_UINT, &tokens,
      "new-tokens", G_TYPE_UINT, &fresh, "bits", G_TYPE_UINT64, &bits,
      "patches", G_TYPE_UINT, &patches, "active-patches", G_TYPE_UINT, &active,
      NULL);
  g_print ("%" GST_TIME_FORMAT " %s tokens %u, new %u, bits %" G_GUINT64_FORMAT
      ", changed %.0f %%\n", GST_TIME_ARGS (time), key ? "key  " : "delta",
      tokens, fresh, bits, 100. * active / MAX (patches, 1));
  listener->frames++;
  listener->tokens += tokens;
  listener->new_tokens += fresh;
  listener->bits += bits;
}

static void
on_error (Listener * listener, GstMessage * message)
{
  GError *error = NULL;

  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  g_error_free (error);
  listener->failed = TRUE;
}

/* Runs in the main loop, never in a thread of the pipeline: here a program may take its time. */
static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer data)
{
  const GstStructure *structure = gst_message_get_structure (message);
  Listener *listener = data;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_structure_has_name (structure, "alitra-frame-stats"))
        on_frame (listener, structure);
      break;
    case GST_MESSAGE_ERROR:
      on_error (listener, message);
      g_main_loop_quit (listener->loop);
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit (listener->loop);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
run (GstElement * pipeline)
{
  Listener listener = { g_main_loop_new (NULL, FALSE) };
  GstBus *bus = gst_element_get_bus (pipeline);
  guint watch = gst_bus_add_watch (bus, on_message, &listener);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (listener.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_print ("%u frames, %" G_GUINT64_FORMAT " tokens held, %" G_GUINT64_FORMAT
      " new, %" G_GUINT64_FORMAT " bits\n", listener.frames, listener.tokens,
      listener.new_tokens, listener.bits);
  g_source_remove (watch);
  gst_object_unref (bus);
  g_main_loop_unref (listener.loop);
  return !listener.failed;
}

int
main (int argc, char **argv)
{
  GstElement *pipeline, *encoder;
  GError *error = NULL;
  gboolean fine;

  gst_init (&argc, &argv);
  pipeline = gst_parse_launch (argc > 1 ? argv[1] : PIPELINE, &error);
  encoder = pipeline && GST_IS_BIN (pipeline) ?
      gst_bin_get_by_name (GST_BIN (pipeline), "enc") : NULL;
  if (error || !encoder) {
    g_printerr ("%s\n", error ? error->message :
        "Expected a pipeline with an alitraenc called enc: alitraenc name=enc");
    return 1;
  }
  g_object_set (encoder, "post-messages", TRUE, NULL);
  fine = run (pipeline);
  gst_object_unref (encoder);
  gst_object_unref (pipeline);
  return fine ? 0 : 1;
}
