/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_FRAME_H
#define GST_RTP_ALITRA_FRAME_H

#include "gstrtpalitra.h"

G_BEGIN_DECLS

/* A token packet that is put together from what RTP packets brought of it; of what they did not bring it says that it is
 * lost. */
typedef struct
{
  guint16 number;               /* lower half of the frame number */
  AlitraPacketLayout layout;    /* of the packet that was put together last */
  guint missing;                /* chunks that did not come for it */
  /*< private > */
  GArray *pieces;
  gsize size;                   /* of all pieces */
  GByteArray *header;           /* of the token packet; empty: it did not come yet */
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
  GByteArray *packet;           /* scratch */
} GstRtpAlitraFrame;

void gst_rtp_alitra_frame_init (GstRtpAlitraFrame * frame);
void gst_rtp_alitra_frame_clear (GstRtpAlitraFrame * frame);
void gst_rtp_alitra_frame_forget (GstRtpAlitraFrame * frame);

void gst_rtp_alitra_frame_begin (GstRtpAlitraFrame * frame, guint16 number);
/* The header of the token packet, which some RTP packets repeat: at most ALITRA_PACKET_MAX_HEADER bytes. */
void gst_rtp_alitra_frame_add_header (GstRtpAlitraFrame * frame, const guint8 * data, gsize size);
/* bytes: (transfer full): what follows the payload header. */
void gst_rtp_alitra_frame_add (GstRtpAlitraFrame * frame, const GstRtpAlitraHeader * header, GstBuffer * bytes);

/* Returns: (transfer full) (nullable): the token packet, as far as it came; NULL: its header did not.
 * vital: something of its first layer is lost. */
GstBuffer *gst_rtp_alitra_frame_put_together (GstRtpAlitraFrame * frame, gboolean * vital);

G_END_DECLS

#endif
