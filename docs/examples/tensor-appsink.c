/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens of each frame in C:
 *
 *   tensor-appsink ["videotestsrc num-buffers=30 ! alitraenc target-tokens=500"]
 *
 * Takes the first half of a pipeline, which must end in video/x-alitra packets, and prints a line for each frame.
 * docs/tensors.md has the layout.
 *
 *   cc tensor-appsink.c $(pkg-config --cflags --libs gstreamer-1.0 gstreamer-app-1.0) -o tensor-appsink
 */
#include <gst/app/app.h>
#include <gst/gst.h>

#define SOURCE "videotestsrc num-buffers=30 ! alitraenc target-tokens=500"

/* The tensors of a buffer, by their places in it. */
enum
{
  IDS, MASK, LEVELS, POSITIONS, DEPTHS, AGES, COUNT, TENSORS
};

/* Squares of 16 pixels that a picture of 8192x8192 has in a row. */
#define MAX_SQUARES 512

static void
add_density (gdouble * density, const gint16 * position)
{
  gint side = position[2], x, y;

  for (y = position[1]; y < position[1] + side; y++)
    for (x = position[0]; x < position[0] + side; x++)
      density[y * MAX_SQUARES + x] += 1. / (side * side);
}

static guint
densest (const gdouble * density)
{
  guint best = 0, i;

  for (i = 0; i < MAX_SQUARES * MAX_SQUARES; i++)
    if (density[i] > density[best])
      best = i;
  return best;
}

static void
describe (guint number, const GstMapInfo * tensors)
{
  const gint32 *ids = (const gint32 *) tensors[IDS].data;
  const guint8 *levels = tensors[LEVELS].data;
  const gint16 *positions = (const gint16 *) tensors[POSITIONS].data;
  const guint8 *depths = tensors[DEPTHS].data;
  const gint32 *ages = (const gint32 *) tensors[AGES].data;
  const gint32 count = *(const gint32 *) tensors[COUNT].data;
  gdouble *density = g_new0 (gdouble, MAX_SQUARES * MAX_SQUARES);
  guint at_level[3] = { 0 }, deepest = 0, unchanged = 0, best;
  gint64 sum = 0;
  gint i;

  /* Rows 0 .. count-1 are tokens, the rest is padding: no need to look at the mask. */
  for (i = 0; i < count; i++) {
    sum += ids[i];
    at_level[levels[i]]++;
    deepest = MAX (deepest, depths[i] + 1u);
    unchanged += ages[i] > 0;
    add_density (density, positions + 3 * i);
  }
  best = densest (density);
  g_print ("frame %u: %d tokens, %u + %u + %u at levels 2 1 0, deepest %u, "
      "unchanged %u, densest at %u,%u, ids sum to %" G_GINT64_FORMAT "\n",
      number, count, at_level[2], at_level[1], at_level[0], deepest, unchanged,
      best % MAX_SQUARES * 16, best / MAX_SQUARES * 16, sum);
  g_free (density);
}

static gboolean
handle (guint number, GstBuffer * buffer)
{
  GstMapInfo tensors[TENSORS];
  guint n = gst_buffer_n_memory (buffer), i;

  if (n < TENSORS)
    return FALSE;
  /* One by one: mapping the whole buffer would copy all memories into one. */
  for (i = 0; i < TENSORS; i++)
    if (!gst_memory_map (gst_buffer_peek_memory (buffer, i), &tensors[i],
            GST_MAP_READ))
      return FALSE;
  describe (number, tensors);
  for (i = 0; i < TENSORS; i++)
    gst_memory_unmap (tensors[i].memory, &tensors[i]);
  return TRUE;
}

/* Prints an error that the pipeline has posted, if there is one. */
static gboolean
has_failed (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  gst_object_unref (bus);
  if (message == NULL)
    return FALSE;
  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  g_error_free (error);
  gst_message_unref (message);
  return TRUE;
}

/* Handles all frames up to the end of the stream. */
static gboolean
run (GstElement * pipeline, GstAppSink * sink)
{
  gboolean fine = TRUE;
  guint number = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (fine && !gst_app_sink_is_eos (sink)) {
    GstSample *sample = gst_app_sink_try_pull_sample (sink, GST_SECOND / 10);

    if (sample) {
      fine = handle (number++, gst_sample_get_buffer (sample));
      gst_sample_unref (sample);
    }
    fine = fine && !has_failed (pipeline);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return fine;
}

int
main (int argc, char **argv)
{
  GstElement *pipeline, *sink;
  GError *error = NULL;
  gboolean fine;
  gchar *line;

  gst_init (&argc, &argv);
  line = g_strdup_printf ("%s ! alitratensor format=static ! "
      "appsink name=sink sync=false", argc > 1 ? argv[1] : SOURCE);
  pipeline = gst_parse_launch (line, &error);
  g_free (line);
  if (pipeline == NULL) {
    g_printerr ("%s\n", error->message);
    g_error_free (error);
    return 1;
  }
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  fine = run (pipeline, GST_APP_SINK (sink));
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return fine ? 0 : 1;
}
