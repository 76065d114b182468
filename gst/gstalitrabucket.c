/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrabucket.h"

#define DEPTH (GST_SECOND / 2)

/* Where neither frames nor caps say how long a frame is. */
#define DEFAULT_INTERVAL (GST_SECOND / 25)
/* Longer ones count as so much: their products with the highest rate must fit into 64 bits. */
#define LONGEST_INTERVAL (30 * GST_SECOND)

void
gst_alitra_bucket_reset (GstAlitraBucket * bucket)
{
  bucket->time = GST_CLOCK_TIME_NONE;
  bucket->level = G_MAXINT64;
}

/* What the bucket holds: at least one token, or none would ever get out at the lowest rates. */
static gint64
depth_of (guint rate, GstClockTime interval)
{
  return MAX (rate * (gint64) MAX (DEPTH, interval), (gint64) GST_SECOND);
}

static GstClockTime
sane_interval (GstClockTime interval)
{
  if (!GST_CLOCK_TIME_IS_VALID (interval) || interval == 0)
    return DEFAULT_INTERVAL;
  return MIN (interval, LONGEST_INTERVAL);
}

/* Time since the frame before. */
static GstClockTime
elapsed (const GstAlitraBucket * bucket, GstClockTime time,
    GstClockTime interval)
{
  if (!GST_CLOCK_TIME_IS_VALID (time) || !GST_CLOCK_TIME_IS_VALID (bucket->time)
      || time <= bucket->time)
    return interval;
  return MIN (time - bucket->time, LONGEST_INTERVAL);
}

guint
gst_alitra_bucket_fill (GstAlitraBucket * bucket, guint rate, GstClockTime time,
    GstClockTime interval, gboolean key)
{
  gint64 depth, most;

  rate = MIN (rate, GST_ALITRA_BUCKET_MAX_RATE);
  interval = sane_interval (interval);
  depth = depth_of (rate, interval);
  if (bucket->level < depth)
    bucket->level += rate * (gint64) elapsed (bucket, time, interval);
  bucket->level = MIN (bucket->level, depth);
  bucket->time = time;
  most = key ? MAX (bucket->level + depth / 2, (gint64) GST_SECOND)
      : MAX (bucket->level, 0);
  return MIN (most / (gint64) GST_SECOND, G_MAXUINT);
}

void
gst_alitra_bucket_take (GstAlitraBucket * bucket, guint tokens)
{
  bucket->level -= tokens * (gint64) GST_SECOND;
}
