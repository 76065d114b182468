/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_LEGEND_H
#define GST_ALITRA_LEGEND_H

#include <alitra/overlay.h>
#include <alitra/tokenizer.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* The box that says in words what a frame cost, above a scale of the colours of the drawing and what became of how many
 * patches. */
typedef struct _GstAlitraLegend GstAlitraLegend;

GstAlitraLegend *gst_alitra_legend_new (void);
void gst_alitra_legend_free (GstAlitraLegend * legend);

/* The box for a picture of that size, drawn anew only when its words, the scale or the size change.
 * Returns: (transfer none) (nullable): NULL where the picture is too small to hold it */
GstVideoOverlayRectangle *gst_alitra_legend_draw (GstAlitraLegend * legend, const AlitraFrameStats * stats,
    AlitraOverlayStyle style, gfloat densest, guint width, guint height);

G_END_DECLS

#endif
