/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_TRIM_H
#define GST_ALITRA_TRIM_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_TRIM (gst_alitra_trim_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraTrim, gst_alitra_trim, GST, ALITRA_TRIM, GstBaseTransform)

G_END_DECLS

#endif
