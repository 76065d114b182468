/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_GEN_SRC_H
#define GST_ALITRA_GEN_SRC_H

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_GEN_SRC (gst_alitra_gen_src_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraGenSrc, gst_alitra_gen_src, GST, ALITRA_GEN_SRC, GstPushSrc)

G_END_DECLS

#endif
