/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrastream.h"

#include <string.h>

/* Code points of ISO/IEC 23001-8. */
#define ISO_UNKNOWN 2
#define ISO_MATRIX_BT601 6

static void
set_colours (AlitraStreamInfo * stream, const GstVideoColorimetry * colour)
{
  stream->colour[0] = colour->range == GST_VIDEO_COLOR_RANGE_0_255;
  stream->colour[1] = gst_video_color_matrix_to_iso (colour->matrix);
  stream->colour[2] = gst_video_transfer_function_to_iso (colour->transfer);
  stream->colour[3] = gst_video_color_primaries_to_iso (colour->primaries);
}

void
gst_alitra_stream_set_colorimetry (AlitraStreamInfo * stream,
    const gchar * name)
{
  GstVideoColorimetry colour = { GST_VIDEO_COLOR_RANGE_UNKNOWN, };

  if (name)
    gst_video_colorimetry_from_string (&colour, name);
  set_colours (stream, &colour);
}

void
gst_alitra_stream_from_video_info (AlitraStreamInfo * stream,
    const GstVideoInfo * video)
{
  memset (stream, 0, sizeof (*stream));
  stream->width = GST_VIDEO_INFO_WIDTH (video);
  stream->height = GST_VIDEO_INFO_HEIGHT (video);
  stream->fps_n = MAX (0, GST_VIDEO_INFO_FPS_N (video));
  stream->fps_d = MAX (1, GST_VIDEO_INFO_FPS_D (video));
  stream->par_n = MAX (1, GST_VIDEO_INFO_PAR_N (video));
  stream->par_d = MAX (1, GST_VIDEO_INFO_PAR_D (video));
  set_colours (stream, &video->colorimetry);
  if (GST_VIDEO_INFO_IS_RGB (video)) {
    stream->colour[0] = 1;
    stream->colour[1] = ISO_MATRIX_BT601;
  }
}

void
gst_alitra_stream_get_colorimetry (const AlitraStreamInfo * stream,
    GstVideoColorimetry * colorimetry)
{
  colorimetry->range = stream->colour[0] ? GST_VIDEO_COLOR_RANGE_0_255 :
      GST_VIDEO_COLOR_RANGE_16_235;
  colorimetry->matrix = gst_video_color_matrix_from_iso (stream->colour[1]);
  /* Tokens hold Y'CbCr, whatever a foreign packet claims. */
  if (colorimetry->matrix == GST_VIDEO_COLOR_MATRIX_RGB)
    colorimetry->matrix = GST_VIDEO_COLOR_MATRIX_UNKNOWN;
  colorimetry->transfer =
      gst_video_transfer_function_from_iso (stream->colour[2]);
  colorimetry->primaries =
      gst_video_color_primaries_from_iso (stream->colour[3]);
}

static gboolean
pixel_format_from_video (GstVideoFormat video, AlitraPixelFormat * format)
{
  switch (video) {
    case GST_VIDEO_FORMAT_I420:
      *format = ALITRA_PIXEL_I420;
      return TRUE;
    case GST_VIDEO_FORMAT_YV12:
      *format = ALITRA_PIXEL_YV12;
      return TRUE;
    case GST_VIDEO_FORMAT_NV12:
      *format = ALITRA_PIXEL_NV12;
      return TRUE;
    case GST_VIDEO_FORMAT_GRAY8:
      *format = ALITRA_PIXEL_GRAY8;
      return TRUE;
    case GST_VIDEO_FORMAT_YUY2:
      *format = ALITRA_PIXEL_YUY2;
      return TRUE;
    case GST_VIDEO_FORMAT_RGB:
      *format = ALITRA_PIXEL_RGB;
      return TRUE;
    case GST_VIDEO_FORMAT_BGR:
      *format = ALITRA_PIXEL_BGR;
      return TRUE;
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_RGBA:
      *format = ALITRA_PIXEL_RGBX;
      return TRUE;
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_BGRA:
      *format = ALITRA_PIXEL_BGRX;
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_alitra_frame_from_video_frame (AlitraFrame * frame, GstVideoFrame * video)
{
  guint plane;

  memset (frame, 0, sizeof (*frame));
  if (!pixel_format_from_video (GST_VIDEO_FRAME_FORMAT (video), &frame->format))
    return FALSE;
  frame->full_range = GST_VIDEO_INFO_IS_RGB (&video->info) ||
      video->info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  frame->width = GST_VIDEO_FRAME_WIDTH (video);
  frame->height = GST_VIDEO_FRAME_HEIGHT (video);
  for (plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (video); plane++) {
    frame->data[plane] = GST_VIDEO_FRAME_PLANE_DATA (video, plane);
    frame->stride[plane] = GST_VIDEO_FRAME_PLANE_STRIDE (video, plane);
  }
  return TRUE;
}

GstCaps *
gst_alitra_caps_new (const gchar * stream_format, const gchar * model_id)
{
  return gst_caps_new_simple ("video/x-alitra",
      "version", G_TYPE_INT, GST_ALITRA_STREAM_VERSION,
      "stream-format", G_TYPE_STRING, stream_format,
      "alignment", G_TYPE_STRING, "frame",
      "model-id", G_TYPE_STRING, model_id, NULL);
}

void
gst_alitra_caps_set_model (GstCaps * caps, guint32 model)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  guint32 number;
  gchar digits[9];

  if (gst_alitra_model_id_get_number (gst_structure_get_string (structure,
              "model-id"), &number) && number == model)
    return;
  g_snprintf (digits, sizeof (digits), "%08x", model);
  gst_caps_set_simple (caps, "model-id", G_TYPE_STRING, digits, NULL);
}

void
gst_alitra_caps_set_picture (GstCaps * caps, const AlitraStreamInfo * stream)
{
  GstVideoColorimetry colorimetry;
  gchar *name;

  gst_caps_set_simple (caps,
      "width", G_TYPE_INT, (gint) stream->width,
      "height", G_TYPE_INT, (gint) stream->height,
      "pixel-aspect-ratio", GST_TYPE_FRACTION, (gint) stream->par_n,
      (gint) stream->par_d, NULL);
  if (stream->fps_n > 0
      || !gst_structure_has_field (gst_caps_get_structure (caps, 0),
          "framerate"))
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION,
        (gint) stream->fps_n, (gint) stream->fps_d, NULL);
  gst_alitra_stream_get_colorimetry (stream, &colorimetry);
  name = gst_video_colorimetry_to_string (&colorimetry);
  if (name)
    gst_caps_set_simple (caps, "colorimetry", G_TYPE_STRING, name, NULL);
  g_free (name);
}

gboolean
gst_alitra_model_id_get_number (const gchar * model_id, guint32 * number)
{
  const gchar *digits, *end;
  guint64 value;

  if (model_id == NULL)
    return FALSE;
  digits = strrchr (model_id, '-');
  digits = digits ? digits + 1 : model_id;
  if (strlen (digits) != 8)
    return FALSE;
  for (end = digits; *end; end++)
    if (!g_ascii_isxdigit (*end))
      return FALSE;
  value = g_ascii_strtoull (digits, NULL, 16);
  *number = (guint32) value;
  return TRUE;
}

void
gst_alitra_post_model_error (GstElement * element, const gchar * path,
    const GError * error)
{
  const gchar *name = path && *path ? path : "(the installed default)";

  if (g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND))
    GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND,
        ("No token model found: %s", error->message),
        ("model=%s; set the property \"model\" to a .safetensors file of "
            "gst-alitra, or ALITRA_MODEL_PATH to the folder that holds one",
            name));
  else
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("The token model cannot be used: %s", error->message),
        ("model=%s", name));
}
