/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_H
#define GST_RTP_ALITRA_H

#include <alitra/packet.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* What docs/rtp-payload.md says of the bytes before those of the token packet. */

#define GST_RTP_ALITRA_ENCODING "X-ALITRA"
#define GST_RTP_ALITRA_CLOCK_RATE 90000
#define GST_RTP_ALITRA_VERSION "1"

#define GST_RTP_ALITRA_AGGREGATE_HEADER 4
#define GST_RTP_ALITRA_HEADER 6
#define GST_RTP_ALITRA_FRAGMENT_HEADER 9
/* Before each frame of an aggregate. */
#define GST_RTP_ALITRA_RECORD_HEADER 4
/* Before the header of the token packet where it is repeated. */
#define GST_RTP_ALITRA_REPEAT_HEADER 2
#define GST_RTP_ALITRA_CONFIG_SIZE 28

typedef struct
{
  gboolean key, start, end;
  gboolean header;              /* begins with bytes of the token packet's header */
  gboolean fragment, config, aggregate;
  gboolean repeat;              /* the header of the token packet follows once more */
  gboolean slices;              /* whole slices: the chunks of all layers of `chunk`, then of the slice after it .. */
  guint layer;
  guint16 number;               /* lower half of the frame number */
  guint16 chunk;
  guint32 offset;               /* fragments only */
} GstRtpAlitraHeader;

/* Returns: bytes of the payload header; 0: it is none that version 1 knows, or nothing follows it. */
guint gst_rtp_alitra_header_read (GstRtpAlitraHeader * header, const guint8 * data, gsize size);

/* Returns: bytes written, as many as the constants above say. */
guint gst_rtp_alitra_header_write (const GstRtpAlitraHeader * header, guint8 * data);

/* FALSE: too short or out of bounds. */
gboolean gst_rtp_alitra_config_read (const guint8 * data, gsize size, AlitraStreamInfo * stream, guint32 * model);

void gst_rtp_alitra_config_write (guint8 data[GST_RTP_ALITRA_CONFIG_SIZE], const AlitraStreamInfo * stream,
    guint32 model);

G_END_DECLS

#endif
