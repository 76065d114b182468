/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_OVERLAY_PAD_H
#define GST_ALITRA_OVERLAY_PAD_H

#include <gst/base/gstflowcombiner.h>
#include <gst/video/gstvideoencoder.h>
#include <gst/video/video.h>

#include "gstalitraoverlaypicture.h"

G_BEGIN_DECLS

/* The second source pad of a video encoder, of which the base class knows nothing: its events, caps, buffers and its
 * share in the flow return. Costs nothing until somebody requests the pad. */
typedef struct
{
  GstVideoEncoder *encoder;     /* not owned: it owns us */

  GMutex lock;                  /* guards pad and combiner */
  GstPad *pad;
  GstFlowCombiner *combiner;

  gint events_pending;          /* atomic: sticky events changed since they were last sent on */

  /* Streaming thread only. */
  GstVideoInfo info;
  gboolean attach;              /* downstream blends by itself */
  GstBufferPool *pool;          /* frames to draw into, when it does not */
  GstAlitraOverlayPicture *picture;
} GstAlitraOverlay;

void gst_alitra_overlay_init (GstAlitraOverlay * overlay, GstVideoEncoder * encoder);
void gst_alitra_overlay_clear (GstAlitraOverlay * overlay);

/* Forgets the stream; a requested pad stays. */
void gst_alitra_overlay_reset (GstAlitraOverlay * overlay);

GstPad *gst_alitra_overlay_request_pad (GstAlitraOverlay * overlay, GstPadTemplate * templ, const gchar * name);
void gst_alitra_overlay_release_pad (GstAlitraOverlay * overlay, GstPad * pad);

/* What comes down the sink pad, before and after the base class has had it. */
void gst_alitra_overlay_event_before (GstAlitraOverlay * overlay, GstEvent * event);
void gst_alitra_overlay_event_after (GstAlitraOverlay * overlay, GstEvent * event);

void gst_alitra_overlay_set_info (GstAlitraOverlay * overlay, const GstVideoInfo * info);

/* (transfer full) (nullable): the pad when somebody listens to it; then gst_alitra_overlay_push() is worth calling. */
GstPad *gst_alitra_overlay_get_linked_pad (GstAlitraOverlay * overlay);

/* Draws over a copy of @frame and pushes it. */
GstFlowReturn gst_alitra_overlay_push (GstAlitraOverlay * overlay, GstPad * pad, GstBuffer * frame,
    const AlitraMemory * memory, const AlitraFrameStats * stats, const GstAlitraOverlayLook * look);

/* One flow return out of the encoder's own pad's and the overlay's (ignored when @pad is %NULL). */
GstFlowReturn gst_alitra_overlay_combine (GstAlitraOverlay * overlay, GstFlowReturn main_flow, GstPad * pad,
    GstFlowReturn overlay_flow);

G_END_DECLS

#endif
