/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_RTP_ALITRA_DEPAY_H
#define GST_RTP_ALITRA_DEPAY_H

#include <gst/rtp/gstrtpbasedepayload.h>

G_BEGIN_DECLS

#define GST_TYPE_RTP_ALITRA_DEPAY (gst_rtp_alitra_depay_get_type ())
G_DECLARE_FINAL_TYPE (GstRtpAlitraDepay, gst_rtp_alitra_depay, GST, RTP_ALITRA_DEPAY, GstRTPBaseDepayload)

G_END_DECLS

#endif
