/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline.h"

#include <gst/video/video.h>
#include <string.h>

/* Behind a tee each branch needs a queue of its own; tokens are small, so theirs has room. */
#define WAY "videoconvert name=in ! queue max-size-buffers=3 ! alitraenc " \
  "name=encoder post-messages=true qos=true overlay-legend=false " \
  "encoder.overlay ! queue ! videoconvert ! gtksink name=original " \
  "encoder.src ! queue ! alitradec ! videoconvert ! gtksink name=rebuilt"

/* Calm colours, a ball that moves over them, and in a corner rings that never stand still. */
#define RAW "video/x-raw,framerate=25/1,"
#define SCENE "videotestsrc is-live=true pattern=smpte75 " \
  "! " RAW "width=640,height=360 ! queue ! mix. " \
  "videotestsrc is-live=true pattern=ball " \
  "! " RAW "width=200,height=150 ! queue ! mix. " \
  "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 " \
  "! " RAW "width=128,height=128 ! queue ! mix. " \
  "compositor name=mix background=black " \
  "sink_1::xpos=240 sink_1::ypos=30 sink_2::xpos=496 sink_2::ypos=216 " \
  "! " RAW "width=640,height=360 ! identity"

struct _ViewPipeline
{
  ViewListener listener;
  GstElement *pipeline, *in, *encoder, *source;
  GtkWidget *original, *rebuilt;
  guint watch;
  gboolean playing;
  gint64 resume;                /* time to go on at once the pipeline is ready again; -1: none */
};

/* ---- messages ---- */

static void
seek (ViewPipeline * self, gint64 time)
{
  gst_element_seek_simple (self->pipeline, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, time);
}

static void
handle_error (ViewPipeline * self, GstMessage * message)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  self->listener.problem (error->message, self->listener.data);
}

static gboolean
handle_message (GstBus * bus, GstMessage * message, gpointer data)
{
  ViewPipeline *self = data;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name (message, "alitra-frame-stats"))
        self->listener.frame (gst_message_get_structure (message),
            self->listener.data);
      break;
    case GST_MESSAGE_ERROR:
      handle_error (self, message);
      break;
    case GST_MESSAGE_EOS:
      seek (self, 0);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (self->pipeline));
      break;
    case GST_MESSAGE_ASYNC_DONE:
      if (self->resume >= 0) {
        seek (self, self->resume);
        self->resume = -1;
      }
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* ---- start and end ---- */

static GtkWidget *
widget_of (ViewPipeline * self, const gchar * name)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (self->pipeline),
      name);
  GtkWidget *widget = NULL;

  g_object_get (sink, "widget", &widget, NULL);
  return widget;
}

ViewPipeline *
view_pipeline_new (const ViewListener * listener, GError ** error)
{
  GstElement *pipeline = gst_parse_launch_full (WAY, NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error);
  g_autoptr (GstBus) bus = NULL;
  ViewPipeline *self;

  if (!pipeline) {
    g_prefix_error (error, "Expected alitraenc, alitradec and gtksink (Debian: "
        "gstreamer1.0-gtk3), is GST_PLUGIN_PATH set? ");
    return NULL;
  }
  self = g_new0 (ViewPipeline, 1);
  self->listener = *listener;
  self->pipeline = pipeline;
  self->in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  self->encoder = gst_bin_get_by_name (GST_BIN (pipeline), "encoder");
  self->original = widget_of (self, "original");
  self->rebuilt = widget_of (self, "rebuilt");
  self->playing = TRUE;
  self->resume = -1;
  bus = gst_element_get_bus (pipeline);
  self->watch = gst_bus_add_watch (bus, handle_message, self);
  return self;
}

void
view_pipeline_free (ViewPipeline * self)
{
  if (!self)
    return;
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  g_source_remove (self->watch);
  g_object_unref (self->original);
  g_object_unref (self->rebuilt);
  gst_object_unref (self->in);
  gst_object_unref (self->encoder);
  gst_object_unref (self->pipeline);
  g_free (self);
}

/* ---- sources ---- */

/* The first video of a file is taken; sound and the rest are not. */
static void
link_video (GstElement * source, GstPad * pad, gpointer data)
{
  ViewPipeline *self = data;
  g_autoptr (GstPad) sink = gst_element_get_static_pad (self->in, "sink");
  g_autoptr (GstCaps) caps = gst_pad_query_caps (pad, NULL);

  if (gst_pad_is_linked (sink) || gst_caps_is_empty (caps)
      || !g_str_has_prefix (gst_structure_get_name (gst_caps_get_structure
              (caps, 0)), "video/"))
    return;
  gst_pad_link (pad, sink);
}

static gchar *
uri_of (const gchar * what, GError ** error)
{
  if (g_str_has_prefix (what, "/dev/"))
    return g_strconcat ("v4l2://", what, NULL);
  if (gst_uri_is_valid (what))
    return g_strdup (what);
  if (!g_file_test (what, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
        "Expected a file, a URI, a camera such as /dev/video0, or \"test\"; "
        "there is no file %s", what);
    return NULL;
  }
  return gst_filename_to_uri (what, error);
}

static GstElement *
make_source (ViewPipeline * self, const gchar * what, GError ** error)
{
  GstElement *source;
  g_autofree gchar *uri = NULL;

  if (strcmp (what, "test") == 0)
    return gst_parse_bin_from_description (SCENE, TRUE, error);
  uri = uri_of (what, error);
  if (!uri)
    return NULL;
  source = gst_element_factory_make ("uridecodebin", NULL);
  g_object_set (source, "uri", uri, NULL);
  g_signal_connect (source, "pad-added", G_CALLBACK (link_video), self);
  return source;
}

/* What the source before still had to say is of no interest. */
static void
forget_messages (ViewPipeline * self)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);

  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
}

static void
start (ViewPipeline * self)
{
  gst_element_set_state (self->pipeline,
      self->playing ? GST_STATE_PLAYING : GST_STATE_PAUSED);
}

gboolean
view_pipeline_open (ViewPipeline * self, const gchar * what, GError ** error)
{
  GstElement *source = make_source (self, what, error);

  if (!source)
    return FALSE;
  gst_element_set_state (self->pipeline, GST_STATE_READY);
  if (self->source) {
    gst_element_set_state (self->source, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (self->pipeline), self->source);
  }
  forget_messages (self);
  self->source = source;
  self->resume = -1;
  gst_bin_add (GST_BIN (self->pipeline), source);
  if (strcmp (what, "test") == 0)
    gst_element_link (source, self->in);
  start (self);
  return TRUE;
}

/* ---- while it plays ---- */

void
view_pipeline_set_playing (ViewPipeline * self, gboolean playing)
{
  self->playing = playing;
  if (self->source)
    start (self);
}

GtkWidget *
view_pipeline_get_original (ViewPipeline * self)
{
  return self->original;
}

GtkWidget *
view_pipeline_get_rebuilt (ViewPipeline * self)
{
  return self->rebuilt;
}

GstElement *
view_pipeline_get_encoder (ViewPipeline * self)
{
  return self->encoder;
}

void
view_pipeline_set_allocation (ViewPipeline * self, const gchar * allocation)
{
  gint64 time = -1;

  if (self->source
      && gst_element_query_position (self->pipeline, GST_FORMAT_TIME, &time))
    self->resume = time;
  gst_element_set_state (self->pipeline, GST_STATE_READY);
  gst_util_set_object_arg (G_OBJECT (self->encoder), "allocation", allocation);
  if (self->source)
    start (self);
}

GstStructure *
view_pipeline_inspect (ViewPipeline * self, guint x, guint y)
{
  GstStructure *patch = NULL;

  g_signal_emit_by_name (self->encoder, "inspect-patch", x, y, &patch);
  return patch;
}

gboolean
view_pipeline_get_size (ViewPipeline * self, guint * width, guint * height,
    gdouble * pixel_aspect)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (self->encoder, "sink");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstVideoInfo info;

  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  *width = GST_VIDEO_INFO_WIDTH (&info);
  *height = GST_VIDEO_INFO_HEIGHT (&info);
  *pixel_aspect = (gdouble) GST_VIDEO_INFO_PAR_N (&info)
      / GST_VIDEO_INFO_PAR_D (&info);
  return TRUE;
}
