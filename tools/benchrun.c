/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A run has a process of its own, so that its threads, its CPU time and its memory are nobody else's. */
#define _GNU_SOURCE
#include "benchrun.h"

#include <gst/app/app.h>
#include <gst/video/video.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHILD "--measure-one"
/* Frames before the clock starts: caches, clocks and rate control have settled. */
#define WARM_UP 5

typedef struct
{
  GstElement *pipeline;
  GstAppSrc *source;
  GstAppSink *sink;
} Line;

typedef struct
{
  gdouble wall, cpu;
} Moment;

static Moment
now (void)
{
  struct timespec t;
  Moment moment = { g_get_monotonic_time () * 1e-6, 0. };

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  moment.cpu = t.tv_sec + t.tv_nsec * 1e-9;
  return moment;
}

/* The first processors of those that this process may use; threads that start later inherit that. */
static void
restrict_to (guint threads)
{
  cpu_set_t may, only;
  gint i;

  if (sched_getaffinity (0, sizeof (may), &may) != 0)
    return;
  CPU_ZERO (&only);
  for (i = CPU_SETSIZE - 1; i >= 0 && threads > 0; i--) {
    if (CPU_ISSET (i, &may)) {
      CPU_SET (i, &only);
      threads--;
    }
  }
  sched_setaffinity (0, sizeof (only), &only);
}

static gboolean
line_init (Line * line, const gchar * element, GstCaps * caps, GError ** error)
{
  g_autofree gchar *text =
      g_strdup_printf
      ("appsrc name=source format=time block=true max-buffers=2 "
      "! %s ! appsink name=sink sync=false max-buffers=4", element);

  line->pipeline =
      gst_parse_launch_full (text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (!line->pipeline)
    return FALSE;
  line->source = GST_APP_SRC (gst_bin_get_by_name (GST_BIN (line->pipeline),
          "source"));
  line->sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (line->pipeline),
          "sink"));
  gst_app_src_set_caps (line->source, caps);
  gst_element_set_state (line->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
line_clear (Line * line)
{
  if (!line->pipeline)
    return;
  gst_element_set_state (line->pipeline, GST_STATE_NULL);
  gst_object_unref (line->source);
  gst_object_unref (line->sink);
  gst_object_unref (line->pipeline);
}

/* What went wrong in the pipeline. */
static void
take_problem (const Line * line, GError ** error)
{
  GstBus *bus = gst_element_get_bus (line->pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, GST_SECOND,
      GST_MESSAGE_ERROR);

  if (message) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
        "The pipeline ended before its last frame");
  }
  gst_object_unref (bus);
}

typedef struct
{
  Line *line;
  GPtrArray *buffers;
} Feed;

static gpointer
push_all (gpointer data)
{
  const Feed *feed = data;
  guint i;

  for (i = 0; i < feed->buffers->len; i++)
    if (gst_app_src_push_buffer (feed->line->source,
            gst_buffer_ref (g_ptr_array_index (feed->buffers, i)))
        != GST_FLOW_OK)
      break;
  gst_app_src_end_of_stream (feed->line->source);
  return NULL;
}

/* Sends all buffers through; `out` (may be NULL) takes what comes of them, `caps` its type. */
static gboolean
run_line (Line * line, GPtrArray * buffers, GPtrArray * out, GstCaps ** caps,
    RunResult * result, GError ** error)
{
  Feed feed = { line, buffers };
  GThread *thread = g_thread_new ("feed", push_all, &feed);
  Moment begin = now (), end = begin;
  GstSample *sample;
  guint64 bytes = 0;
  guint n = 0;

  while ((sample = gst_app_sink_pull_sample (line->sink))) {
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    end = now ();
    if (++n == WARM_UP)
      begin = end;
    bytes += gst_buffer_get_size (buffer);
    if (out)
      g_ptr_array_add (out, gst_buffer_ref (buffer));
    if (caps && !*caps)
      *caps = gst_caps_ref (gst_sample_get_caps (sample));
    gst_sample_unref (sample);
  }
  g_thread_join (thread);
  if (n < buffers->len || n <= WARM_UP) {
    take_problem (line, error);
    return FALSE;
  }
  result->fps = (n - WARM_UP) / (end.wall - begin.wall);
  result->cpu_ms = 1e3 * (end.cpu - begin.cpu) / (n - WARM_UP);
  result->bytes = (gdouble) bytes / n;
  return TRUE;
}

/* The most that was resident, less what is resident of files now: all frames of the scene. */
static gdouble
get_memory (void)
{
  g_autofree gchar *text = NULL;
  gdouble most = 0., files = 0.;
  const gchar *line;

  if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL))
    return 0.;
  if ((line = strstr (text, "VmHWM:")))
    most = g_ascii_strtod (line + 6, NULL);
  if ((line = strstr (text, "RssFile:")))
    files = g_ascii_strtod (line + 8, NULL);
  return (most - files) / 1024.;
}

static GPtrArray *
map_frames (const Scene * scene, GMappedFile ** map, GError ** error)
{
  const gsize size = scene_frame_size (scene);
  GPtrArray *frames;
  volatile gchar touched = 0;
  gchar *data;
  gsize at;
  guint i;

  *map = g_mapped_file_new (scene->path, FALSE, error);
  if (!*map)
    return NULL;
  frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  data = g_mapped_file_get_contents (*map);
  for (at = 0; at < size * scene->frames; at += 4096)
    touched += data[at];
  for (i = 0; i < scene->frames; i++) {
    GstBuffer *buffer =
        gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, data + i * size,
        size, 0, size, NULL, NULL);

    GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, GST_SECOND, 30);
    GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
    g_ptr_array_add (frames, buffer);
  }
  return frames;
}

static GstCaps *
raw_caps (const Scene * scene)
{
  GstVideoInfo info;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, scene->width,
      scene->height);
  GST_VIDEO_INFO_FPS_N (&info) = 30;
  GST_VIDEO_INFO_FPS_D (&info) = 1;
  return gst_video_info_to_caps (&info);
}

/* What alitraenc counted. */
static gdouble
changed_of (const Line * line)
{
  GstIterator *elements = gst_bin_iterate_elements (GST_BIN (line->pipeline));
  GValue item = G_VALUE_INIT;
  gdouble changed = -1.;

  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GObject *element = g_value_get_object (&item);
    GstStructure *stats = NULL;
    guint64 patches, active;

    if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats")
        && !GST_IS_APP_SINK (element))
      g_object_get (element, "stats", &stats, NULL);
    if (stats && gst_structure_get_uint64 (stats, "patches", &patches)
        && gst_structure_get_uint64 (stats, "active-patches", &active)
        && patches > 0)
      changed = (gdouble) active / patches;
    g_clear_pointer (&stats, gst_structure_free);
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (elements);
  return changed;
}

static gboolean
measure_decoder (const gchar * decoder, GPtrArray * packets, GstCaps * caps,
    RunResult * result, GError ** error)
{
  Line line = { NULL };
  const gboolean fine = line_init (&line, decoder, caps, error)
      && run_line (&line, packets, NULL, NULL, result, error);

  line_clear (&line);
  return fine;
}

static gboolean
measure (const Scene * scene, const gchar * element, const gchar * decoder,
    RunResult * result, GError ** error)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GMappedFile *map = NULL;
  GPtrArray *frames = map_frames (scene, &map, error);
  GstCaps *caps = raw_caps (scene), *coded = NULL;
  Line line = { NULL };
  gboolean fine = frames && line_init (&line, element, caps, error)
      && run_line (&line, frames, decoder ? packets : NULL, &coded, result,
      error);

  result->changed = fine ? changed_of (&line) : -1.;
  line_clear (&line);
  if (fine && decoder)
    fine = measure_decoder (decoder, packets, coded, result, error);
  result->memory_mb = get_memory ();
  g_clear_pointer (&frames, g_ptr_array_unref);
  g_ptr_array_unref (packets);
  gst_caps_unref (caps);
  gst_clear_caps (&coded);
  g_clear_pointer (&map, g_mapped_file_unref);
  return fine;
}

/* CHILD PATH WIDTH HEIGHT FRAMES THREADS ELEMENT [DECODER] */
gboolean
run_is_child (gint argc, gchar ** argv, gint * status)
{
  g_autoptr (GError) error = NULL;
  RunResult result = { 0 };
  Scene scene;

  if (argc < 8 || strcmp (argv[1], CHILD) != 0)
    return FALSE;
  restrict_to (atoi (argv[6]));
  gst_init (NULL, NULL);
  scene = (Scene) {
  argv[2], atoi (argv[3]), atoi (argv[4]), atoi (argv[5])};
  *status = 1;
  if (measure (&scene, argv[7], argc > 8 ? argv[8] : NULL, &result, &error)) {
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];
    const gdouble all[] = { result.fps, result.cpu_ms, result.bytes,
      result.memory_mb, result.changed
    };
    guint i;

    for (i = 0; i < G_N_ELEMENTS (all); i++)
      printf ("%s\n", g_ascii_dtostr (number, sizeof (number), all[i]));
    *status = 0;
  } else {
    fprintf (stderr, "%s\n", error->message);
  }
  return TRUE;
}

gboolean
run_measure (const Scene * scene, const gchar * element, const gchar * decoder,
    guint threads, RunResult * result, GError ** error)
{
  g_autofree gchar *self = g_file_read_link ("/proc/self/exe", error);
  g_autofree gchar *width = g_strdup_printf ("%u", scene->width);
  g_autofree gchar *height = g_strdup_printf ("%u", scene->height);
  g_autofree gchar *frames = g_strdup_printf ("%u", scene->frames);
  g_autofree gchar *processors = g_strdup_printf ("%u", threads);
  g_autofree gchar *out = NULL, *problem = NULL;
  g_auto (GStrv) lines = NULL;
  const gchar *command[] = { self, CHILD, scene->path, width, height, frames,
    processors, element, decoder, NULL
  };
  gint status;

  if (!self || !g_spawn_sync (NULL, (gchar **) command, NULL,
          G_SPAWN_DEFAULT, NULL, NULL, &out, &problem, &status, error))
    return FALSE;
  if (!g_spawn_check_wait_status (status, NULL)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "%s: %s",
        decoder ? decoder : element, g_strstrip (problem));
    return FALSE;
  }
  lines = g_strsplit (out, "\n", 6);
  if (g_strv_length (lines) < 5) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
        "%s said nothing", element);
    return FALSE;
  }
  result->fps = g_ascii_strtod (lines[0], NULL);
  result->cpu_ms = g_ascii_strtod (lines[1], NULL);
  result->bytes = g_ascii_strtod (lines[2], NULL);
  result->memory_mb = g_ascii_strtod (lines[3], NULL);
  result->changed = g_ascii_strtod (lines[4], NULL);
  return TRUE;
}
