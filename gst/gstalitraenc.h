/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_ENC_H
#define GST_ALITRA_ENC_H

#include <gst/video/gstvideoencoder.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_ENC (gst_alitra_enc_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraEnc, gst_alitra_enc, GST, ALITRA_ENC, GstVideoEncoder)

G_END_DECLS

#endif
