/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_OVERLAY_PICTURE_H
#define GST_ALITRA_OVERLAY_PICTURE_H

#include <alitra/overlay.h>
#include <alitra/tokenizer.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* How the density is shown. */
typedef struct
{
  AlitraOverlayStyle style;
  gdouble alpha;
  gboolean legend;
  gfloat densest;               /* tokens of the densest patch that the model allows: the end of the colour scale */
} GstAlitraOverlayLook;

/* Makes the density picture of a frame, and the legend, to be attached to it or blended into it. */
typedef struct _GstAlitraOverlayPicture GstAlitraOverlayPicture;

/* For pictures of that kind. */
GstAlitraOverlayPicture *gst_alitra_overlay_picture_new (const GstVideoInfo * info);
void gst_alitra_overlay_picture_free (GstAlitraOverlayPicture * picture);

/* Something to attach.
 * Returns: (transfer full) (nullable): NULL when there is no memory for it */
GstVideoOverlayComposition *gst_alitra_overlay_picture_draw (GstAlitraOverlayPicture * picture,
    const AlitraMemory * memory, const AlitraFrameStats * stats, const GstAlitraOverlayLook * look);

/* The same, drawn into a frame.
 * Returns: FALSE when there is no memory for it */
gboolean gst_alitra_overlay_picture_blend (GstAlitraOverlayPicture * picture, const AlitraMemory * memory,
    const AlitraFrameStats * stats, const GstAlitraOverlayLook * look, GstVideoFrame * frame);

G_END_DECLS

#endif
