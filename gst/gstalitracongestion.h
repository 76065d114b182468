/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_CONGESTION_H
#define GST_ALITRA_CONGESTION_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* A bit rate that falls when the network or the receiver does not keep up, and rises again when it does. */
typedef struct
{
  gdouble rate;                 /* bit/s that may be sent; 0: nothing says that there is a limit */
  gdouble sent;                 /* bit/s that were sent lately */
  GstClockTime last;            /* of the last packet */
  GstClockTime moved;           /* when lateness last moved the rate */
} GstAlitraCongestion;

void gst_alitra_congestion_init (GstAlitraCongestion * self);

/* A packet went out. */
void gst_alitra_congestion_sent (GstAlitraCongestion * self, GstClockTime time, guint64 bits);

/* A receiver or the network reports which part of the packets got lost, 0 .. 1. */
void gst_alitra_congestion_loss (GstAlitraCongestion * self, gdouble lost);

/* A sink says whether it got its last buffer too late. */
void gst_alitra_congestion_late (GstAlitraCongestion * self, gboolean late);

/* What such a report looks like in GStreamer: statistics of an RTPSource, feedback of transport-wide congestion control.
 * Returns: FALSE: nothing in it says what was lost. */
gboolean gst_alitra_congestion_parse (const GstStructure * report, gdouble * lost);

G_END_DECLS

#endif
