/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_BUCKET_H
#define GST_ALITRA_BUCKET_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Tokens a second; more would let sums overflow. */
#define GST_ALITRA_BUCKET_MAX_RATE 100000000

/* How many new tokens each frame may bring so that a link of so many tokens a second is never overrun: a leaky bucket.
 *
 * Tokens drip into it at the rate; a frame takes out what it sends.  It holds half a second's worth, or what drips in
 * during one frame where that is more, and starts full: what a still scene leaves unused serves the next cut.  A key
 * frame may borrow as much again as half of what the bucket holds, and later frames pay it back.  So in any stretch of
 * T seconds, however it lies, frames bring at most rate * (T + 0.75) tokens (where no frame is longer than half a
 * second), and a link of that rate is never more than 0.75 seconds behind. */
typedef struct
{
  GstClockTime time;            /* when it was last filled */
  gint64 level;                 /* tokens, times GST_SECOND; below 0: borrowed */
} GstAlitraBucket;

/* Full again, as at the start of a stream. */
void gst_alitra_bucket_reset (GstAlitraBucket * bucket);

/* Lets drip in what came until the frame at @time; where that says nothing, or no later time than the frame before, for
 * one @interval from frame to frame.
 * Returns: tokens that the frame may bring; 0: none, and a key frame may always bring one */
guint gst_alitra_bucket_fill (GstAlitraBucket * bucket, guint rate, GstClockTime time, GstClockTime interval,
    gboolean key);

/* Takes out what the frame brought. */
void gst_alitra_bucket_take (GstAlitraBucket * bucket, guint tokens);

G_END_DECLS

#endif
