/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_PAY_H
#define GST_RTP_ALITRA_PAY_H

#include <gst/rtp/gstrtpbasepayload.h>

G_BEGIN_DECLS

#define GST_TYPE_RTP_ALITRA_PAY (gst_rtp_alitra_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstRtpAlitraPay, gst_rtp_alitra_pay, GST, RTP_ALITRA_PAY, GstRTPBasePayload)

G_END_DECLS

#endif
