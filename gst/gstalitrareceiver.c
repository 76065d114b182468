/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrareceiver.h"

#include <gst/video/video.h>
#include <string.h>

#include "gstalitrastream.h"

/* Requests may get lost as packets do: ask again each time that so many packets were of no use. */
#define ASK_AGAIN 15

gboolean
gst_alitra_key_is_due (guint * waiting)
{
  return (*waiting)++ % ASK_AGAIN == 0;
}

void
gst_alitra_ask_for_key (GstPad * sink, gboolean all_headers)
{
  gst_pad_push_event (sink,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
          all_headers, 0));
}

gboolean
gst_alitra_receiver_start (GstAlitraReceiver * self, GstElement * element,
    const gchar * model_path, guint threads)
{
  GError *error = NULL;

  memset (self, 0, sizeof (*self));
  self->property = "model";
  self->model = alitra_model_load (model_path, &error);
  if (self->model == NULL) {
    gst_alitra_post_model_error (element, model_path, error);
    g_clear_error (&error);
    return FALSE;
  }
  self->detokenizer = alitra_detokenizer_new (self->model, threads);
  return TRUE;
}

void
gst_alitra_receiver_stop (GstAlitraReceiver * self)
{
  g_clear_pointer (&self->detokenizer, alitra_detokenizer_free);
  g_clear_pointer (&self->model, alitra_model_unref);
  g_clear_pointer (&self->model_id, g_free);
}

void
gst_alitra_receiver_flush (GstAlitraReceiver * self)
{
  if (self->detokenizer)
    alitra_detokenizer_reset (self->detokenizer);
  self->waiting = 0;
  memset (&self->loss, 0, sizeof (self->loss));
}

static void
post_wrong_model (GstAlitraReceiver * self, GstElement * element,
    const gchar * theirs)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const gchar *name = factory ? GST_OBJECT_NAME (factory) : "the element";

  GST_ELEMENT_ERROR (element, STREAM, WRONG_TYPE,
      ("The tokens were made with model %s, but %s has model %s; set its "
          "property \"%s\" to the file of the model that made them",
          theirs, name, alitra_model_get_id (self->model), self->property),
      (NULL));
}

/* What the caps say of the pictures; the colours are those that the caps of pictures get, and tokens do not depend on
 * them. */
static void
read_picture (GstAlitraReceiver * self, const GstStructure * structure)
{
  AlitraStreamInfo *stream = &self->caps_stream;
  gint width, height, n, d;

  memset (stream, 0, sizeof (*stream));
  if (!gst_structure_get_int (structure, "width", &width)
      || !gst_structure_get_int (structure, "height", &height)
      || width < 1 || width > ALITRA_MAX_SIZE
      || height < 1 || height > ALITRA_MAX_SIZE)
    return;
  stream->width = width;
  stream->height = height;
  stream->fps_d = stream->par_n = stream->par_d = 1;
  if (gst_structure_get_fraction (structure, "framerate", &n, &d) && n >= 0) {
    stream->fps_n = n;
    stream->fps_d = d;
  }
  if (gst_structure_get_fraction (structure, "pixel-aspect-ratio", &n, &d)
      && n > 0) {
    stream->par_n = n;
    stream->par_d = d;
  }
  gst_alitra_stream_set_colorimetry (stream,
      gst_structure_get_string (structure, "colorimetry"));
}

gboolean
gst_alitra_receiver_set_caps (GstAlitraReceiver * self, GstElement * element,
    GstCaps * caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const gchar *id = gst_structure_get_string (structure, "model-id");
  const AlitraStreamInfo *held;
  guint32 number;

  if (gst_alitra_model_id_get_number (id, &number)
      && number != alitra_model_get_number (self->model)) {
    post_wrong_model (self, element, id);
    return FALSE;
  }
  g_free (self->model_id);
  self->model_id = g_strdup (id);
  read_picture (self, structure);
  /* The key packet of another picture may be lost. */
  held = alitra_detokenizer_get_stream (self->detokenizer);
  if (held && self->caps_stream.width > 0
      && (held->width != self->caps_stream.width
          || held->height != self->caps_stream.height))
    alitra_detokenizer_reset (self->detokenizer);
  return TRUE;
}

static GstAlitraReceived
fail_on_wrong_model (GstAlitraReceiver * self, GstElement * element)
{
  const gchar *id = self->model_id;
  gchar number[9];
  guint32 in_caps;

  g_snprintf (number, sizeof (number), "%08x", self->info.model);
  if (!gst_alitra_model_id_get_number (id, &in_caps)
      || in_caps != self->info.model)
    id = number;
  post_wrong_model (self, element, id);
  return GST_ALITRA_WRONG_MODEL;
}

static gboolean
decode (GstAlitraReceiver * self, const GstMapInfo * map, GError ** error)
{
  GError *problem = NULL;

  if (alitra_detokenizer_decode (self->detokenizer, map->data, map->size,
          &problem))
    return TRUE;
  /* In the middle of a stream whose size the caps say: rolling refresh makes all cells anew. */
  if (g_error_matches (problem, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY)
      && self->caps_stream.width > 0
      && self->info.slices == (self->caps_stream.height + 63) / 64) {
    g_clear_error (&problem);
    alitra_detokenizer_join (self->detokenizer, &self->caps_stream);
    if (alitra_detokenizer_decode (self->detokenizer, map->data, map->size,
            &problem)) {
      self->joined = TRUE;
      return TRUE;
    }
  }
  g_propagate_error (error, problem);
  return FALSE;
}

static GstAlitraReceived
judge (GstAlitraReceiver * self, GstElement * element, const GError * error)
{
  if (g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH))
    return fail_on_wrong_model (self, element);
  if (g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY)
      || g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_TOO_LATE))
    return GST_ALITRA_USELESS;
  return GST_ALITRA_DAMAGED;
}

/* Whether the stream goes on with a key packet only, or is waited for too long to heal. */
static gboolean
needs_key (GstAlitraReceiver * self, const GError * error, guint patience)
{
  if (error)
    return g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY)
        || g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID);
  if (self->joined || self->loss.longest > patience)
    return TRUE;
  self->waiting = 0;
  return FALSE;
}

GstAlitraReceived
gst_alitra_receiver_take (GstAlitraReceiver * self, GstElement * element,
    GstBuffer * buffer, guint patience, gboolean * ask, GError ** error)
{
  GstAlitraReceived received = GST_ALITRA_RECEIVED;
  GError *problem = NULL;
  GstMapInfo map;

  *ask = self->joined = FALSE;
  memset (&self->info, 0, sizeof (self->info));
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_set_error_literal (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "its buffer cannot be read");
    return GST_ALITRA_DAMAGED;
  }
  alitra_packet_read_info (map.data, map.size, &self->info);
  if (!decode (self, &map, &problem))
    received = judge (self, element, problem);
  gst_buffer_unmap (buffer, &map);
  alitra_detokenizer_get_loss (self->detokenizer, &self->loss);
  *ask = needs_key (self, problem, patience)
      && gst_alitra_key_is_due (&self->waiting);
  if (received == GST_ALITRA_WRONG_MODEL)
    g_clear_error (&problem);
  else if (problem)
    g_propagate_error (error, problem);
  return received;
}
