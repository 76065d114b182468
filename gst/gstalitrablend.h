/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_BLEND_H
#define GST_ALITRA_BLEND_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Lays a drawing of large patches of one colour over a picture, in the colours of the picture's own format: many times
 * faster than gst_video_blend(), which converts both pixel by pixel. */
typedef struct _GstAlitraBlend GstAlitraBlend;

/* For pictures of one kind: any format of 8 bits a component. */
GstAlitraBlend *gst_alitra_blend_new (const GstVideoInfo * info);
void gst_alitra_blend_free (GstAlitraBlend * blend);

/* @bgra: as large as the picture; blue, green, red, alpha, not premultiplied; @stride: bytes from row to row, a multiple
 * of four. */
void gst_alitra_blend_over (GstAlitraBlend * blend, const guint8 * bgra, gint stride, GstVideoFrame * frame);

G_END_DECLS

#endif
