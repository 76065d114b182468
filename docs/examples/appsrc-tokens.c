/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of a program of its own into a pipeline, packets of tokens out of it:
 *
 *   appsrc-tokens [FRAMES] [FILM.alitra]
 *
 * Draws a square that moves, and prints a line for each packet; with a second argument they are written to a file, to
 * be played with gst-play-1.0.
 *
 *   cc appsrc-tokens.c $(pkg-config --cflags --libs gstreamer-app-1.0 gstreamer-video-1.0) -o appsrc-tokens
 */
#include <gst/app/app.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 320
#define HEIGHT 240
#define RATE 25
#define SIDE 48

/* max-buffers: push_frame() waits while the encoder is busy, so that pictures do not pile up. */
#define PIPELINE \
  "appsrc name=in format=time is-live=false block=true max-bytes=0 max-buffers=4 " \
  "! alitraenc target-tokens=200 ! appsink name=out sync=false max-buffers=4"

/* Grey that grows to the right, and a white square. */
static void
draw (GstVideoFrame * frame, guint number)
{
  const guint left = number * 4 % (WIDTH - SIDE), top = HEIGHT / 3;
  const gint stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  guint8 *luma = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  guint x, y, plane;

  for (y = 0; y < HEIGHT; y++)
    for (x = 0; x < WIDTH; x++)
      luma[y * stride + x] = x - left < SIDE && y - top < SIDE ? 235 :
          40 + 160 * x / WIDTH;
  for (plane = 1; plane < 3; plane++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (frame, plane), 128,
        GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
        * GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane));
}

static GstFlowReturn
push_frame (GstAppSrc * source, const GstVideoInfo * info, guint number)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstVideoFrame frame;

  GST_BUFFER_PTS (buffer) =
      gst_util_uint64_scale (number, GST_SECOND, (guint64) RATE);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / RATE;
  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  draw (&frame, number);
  gst_video_frame_unmap (&frame);
  return gst_app_src_push_buffer (source, buffer);      /* takes the buffer */
}

/* The program's own thread makes pictures while main() takes packets. */
static gpointer
feed (gpointer data)
{
  GstAppSrc *source = data;
  const guint frames =
      GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (source), "frames"));
  GstVideoInfo info;
  GstCaps *caps;
  guint i;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT);
  info.fps_n = RATE;
  info.fps_d = 1;
  caps = gst_video_info_to_caps (&info);
  gst_app_src_set_caps (source, caps);
  gst_caps_unref (caps);
  for (i = 0; i < frames && push_frame (source, &info, i) == GST_FLOW_OK; i++);
  gst_app_src_end_of_stream (source);
  return NULL;
}

/* Returns: packets taken. */
static guint
take_packets (GstAppSink * sink, FILE * file)
{
  GstSample *sample;
  guint packets = 0;

  while ((sample = gst_app_sink_pull_sample (sink))) {
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    GstMapInfo map;

    if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
      g_print ("packet %u at %" GST_TIME_FORMAT ": %" G_GSIZE_FORMAT
          " bytes%s\n", packets++, GST_TIME_ARGS (GST_BUFFER_PTS (buffer)),
          map.size, GST_BUFFER_FLAG_IS_SET (buffer,
              GST_BUFFER_FLAG_DELTA_UNIT) ? "" : ", key");
      if (file)
        fwrite (map.data, map.size, 1, file);
      gst_buffer_unmap (buffer, &map);
    }
    gst_sample_unref (sample);
  }
  return packets;
}

/* Why there are no packets any more: the end, or an error. */
static gboolean
ended_well (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  gst_object_unref (bus);
  if (!message)
    return TRUE;
  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  g_error_free (error);
  gst_message_unref (message);
  return FALSE;
}

int
main (int argc, char **argv)
{
  const guint frames = argc > 1 ? strtoul (argv[1], NULL, 10) : 25;
  FILE *file = argc > 2 ? fopen (argv[2], "wb") : NULL;
  GstElement *pipeline, *in, *out;
  GError *error = NULL;
  gboolean fine;
  GThread *feeder;

  gst_init (&argc, &argv);
  pipeline = gst_parse_launch (PIPELINE, &error);
  if (error || (argc > 2 && !file)) {
    g_printerr ("%s\n", error ? error->message : "The file cannot be written");
    return 1;
  }
  in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_object_set_data (G_OBJECT (in), "frames", GUINT_TO_POINTER (frames));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  feeder = g_thread_new ("pictures", feed, in);
  fine = take_packets (GST_APP_SINK (out), file) == frames;
  fine = ended_well (pipeline) && fine;
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_thread_join (feeder);
  gst_object_unref (in);
  gst_object_unref (out);
  gst_object_unref (pipeline);
  if (file)
    fine = fclose (file) == 0 && fine;
  return fine ? 0 : 1;
}
