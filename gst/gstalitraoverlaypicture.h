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

/* Makes the density picture of a frame, and the legend, into something to blend or to attach. */
typedef struct _GstAlitraOverlayPicture GstAlitraOverlayPicture;

/* (nullable): NULL when there is no memory for pictures of that size. */
GstAlitraOverlayPicture *gst_alitra_overlay_picture_new (guint width, guint height);
void gst_alitra_overlay_picture_free (GstAlitraOverlayPicture * picture);

/* (transfer full) (nullable) */
GstVideoOverlayComposition *gst_alitra_overlay_picture_draw (GstAlitraOverlayPicture * picture,
    const AlitraMemory * memory, const AlitraFrameStats * stats, const GstAlitraOverlayLook * look);

G_END_DECLS

#endif
