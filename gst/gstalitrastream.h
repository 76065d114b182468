/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_STREAM_H
#define GST_ALITRA_STREAM_H

#include <alitra/alitra.h>
#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* Version of the token stream, as caps and packets carry it. */
#define GST_ALITRA_STREAM_VERSION 1

/* What an encoder makes; fields that describe the picture may follow. */
#define GST_ALITRA_ENCODED_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) { packet, byte-stream }, alignment = (string) frame"
/* What a decoder and everything else that wants whole packets takes. */
#define GST_ALITRA_PACKET_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame"

/* The raw formats that libalitra reads without a converter, in order of preference. */
#define GST_ALITRA_RAW_FORMATS "{ I420, YV12, NV12, GRAY8, YUY2, RGB, BGR, RGBx, BGRx, RGBA, BGRA }"
#define GST_ALITRA_RAW_CAPS "video/x-raw, format = (string) " GST_ALITRA_RAW_FORMATS ", " \
    "width = (int) [ 1, 8192 ], height = (int) [ 1, 8192 ], framerate = (fraction) [ 0/1, 2147483647/1 ]"

/* What the packets of a stream say about pictures of @video: RGB turns into full-range BT.601 Y'CbCr. */
void gst_alitra_stream_from_video_info (AlitraStreamInfo * stream, const GstVideoInfo * video);

/* Colours of the decoded pictures of a stream. */
void gst_alitra_stream_get_colorimetry (const AlitraStreamInfo * stream, GstVideoColorimetry * colorimetry);

/* Colours of a stream from those of decoded pictures as caps name them; NULL: unknown. */
void gst_alitra_stream_set_colorimetry (AlitraStreamInfo * stream, const gchar * name);

/* Borrows the planes of a mapped frame; FALSE: not one of GST_ALITRA_RAW_FORMATS. */
gboolean gst_alitra_frame_from_video_frame (AlitraFrame * frame, GstVideoFrame * video);

/* (transfer full): caps of a stream without the fields that describe the picture. */
GstCaps *gst_alitra_caps_new (const gchar * stream_format, const gchar * model_id);

/* Names the model in caps: the id that they have stays when it ends in the number; else it becomes the number alone. */
void gst_alitra_caps_set_model (GstCaps * caps, guint32 model);

/* Adds the fields that describe the picture. */
void gst_alitra_caps_set_picture (GstCaps * caps, const AlitraStreamInfo * stream);

/* The model's number at the end of a model id ("alitra-base-1-1f3a09c2", or the number alone); FALSE: there is none. */
gboolean gst_alitra_model_id_get_number (const gchar * model_id, guint32 * number);

/* Posts what went wrong with loading a model file, and how to mend it, as an error of @element. */
void gst_alitra_post_model_error (GstElement * element, const gchar * path, const GError * error);

G_END_DECLS

#endif
