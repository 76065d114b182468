/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_AGGREGATE_H
#define GST_RTP_ALITRA_AGGREGATE_H

#include "gstrtpalitra.h"

G_BEGIN_DECLS

/* Small frames that wait for each other, to share an RTP packet. */
typedef struct
{
  GByteArray *bytes;            /* behind the payload header; empty: no frame waits */
  GstRtpAlitraHeader header;
  GstClockTime pts, dts;        /* of the first frame */
} GstRtpAlitraAggregate;

void gst_rtp_alitra_aggregate_init (GstRtpAlitraAggregate * aggregate);
void gst_rtp_alitra_aggregate_clear (GstRtpAlitraAggregate * aggregate);
void gst_rtp_alitra_aggregate_forget (GstRtpAlitraAggregate * aggregate);

/* Whether a frame can be in an RTP packet with others at all. room: bytes of the packet. */
gboolean gst_rtp_alitra_aggregate_takes (GstBuffer * frame, gsize room);
/* Whether it can be in that of the frames that wait, if those wait for `limit` at most; TRUE if none does. */
gboolean gst_rtp_alitra_aggregate_fits (const GstRtpAlitraAggregate * aggregate, const AlitraPacketInfo * info,
    GstBuffer * frame, gsize room, GstClockTime limit);
void gst_rtp_alitra_aggregate_add (GstRtpAlitraAggregate * aggregate, const AlitraPacketInfo * info,
    GstBuffer * frame);

G_END_DECLS

#endif
