/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_DEC_H
#define GST_ALITRA_DEC_H

#include <gst/video/gstvideodecoder.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_DEC (gst_alitra_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraDec, gst_alitra_dec, GST, ALITRA_DEC, GstVideoDecoder)

G_END_DECLS

#endif
