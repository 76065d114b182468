/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_CUT_H
#define GST_RTP_ALITRA_CUT_H

#include "gstrtpalitra.h"

G_BEGIN_DECLS

/* How a token packet is cut into what RTP packets hold. */

/* A run of bytes of the token packet. Begin with all zero. */
typedef struct
{
  gsize begin, end;
  GstRtpAlitraHeader header;
  gboolean is_protected;        /* the frame cannot be read without it */
  /*< private > */
  guint unit;                   /* that it begins in */
} GstRtpAlitraPiece;

/* From the piece to the one behind it. room: bytes of the RTP packet, of which those behind the frame's header need `repeat`
 * to say it again; alone: chunks do not share an RTP packet. */
void gst_rtp_alitra_cut_next (const AlitraPacketLayout * layout, gsize room, gsize repeat, gboolean alone,
    GstRtpAlitraPiece * piece);

/* Bytes of all layers of a slice. */
gsize gst_rtp_alitra_cut_slice_size (const AlitraPacketLayout * layout, guint slice);
/* Whether each slice fits into one RTP packet. */
gboolean gst_rtp_alitra_cut_fits_slices (const AlitraPacketLayout * layout, gsize room, gsize repeat);
void gst_rtp_alitra_cut_append_slice (const AlitraPacketLayout * layout, const guint8 * packet, guint slice,
    GByteArray * to);

G_END_DECLS

#endif
