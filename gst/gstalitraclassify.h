/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_CLASSIFY_H
#define GST_ALITRA_CLASSIFY_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_CLASSIFY (gst_alitra_classify_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraClassify, gst_alitra_classify, GST, ALITRA_CLASSIFY, GstBaseTransform)

G_END_DECLS

#endif
