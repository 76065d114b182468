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
  gdouble sent, wanted;         /* bit/s that were sent lately, and that there were to send */
  gdouble threshold;            /* bit/s up to which the rate rises fast */
  gboolean falling;             /* it has not risen since it fell */
  GstClockTime last;            /* of the last packet */
  GstClockTime raised;          /* up to when the rate has risen */
  GstClockTime moved;           /* when lateness last moved the rate */
} GstAlitraCongestion;

void gst_alitra_congestion_init (GstAlitraCongestion * self);

/* A packet went out, with so many of the bits that it had. */
void gst_alitra_congestion_sent (GstAlitraCongestion * self, GstClockTime time, guint64 bits, guint64 wanted);

/* A receiver or the network reports which part of the packets got lost, 0 .. 1; least: bit/s below which the rate
 * does not fall. */
void gst_alitra_congestion_loss (GstAlitraCongestion * self, gdouble lost, gdouble least);

/* A sink says whether it got its last buffer too late. */
void gst_alitra_congestion_late (GstAlitraCongestion * self, gboolean late, gdouble least);

/* What such a report looks like in GStreamer: statistics of an RTPSource, feedback of transport-wide congestion control.
 * Returns: FALSE: nothing in it says what was lost. */
gboolean gst_alitra_congestion_parse (const GstStructure * report, gdouble * lost);

G_END_DECLS

#endif
