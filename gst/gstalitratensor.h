/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_TENSOR_H
#define GST_ALITRA_TENSOR_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_TENSOR (gst_alitra_tensor_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraTensor, gst_alitra_tensor, GST, ALITRA_TENSOR, GstBaseTransform)

G_END_DECLS

#endif
