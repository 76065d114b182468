/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_TENSOR_META_H
#define GST_ALITRA_TENSOR_META_H

#include <gst/gst.h>

#include "gstalitratensorlayout.h"

G_BEGIN_DECLS

/* Describes the tensors of a buffer, whose memories have their final sizes, to GStreamer's own analytics elements
 * (GstTensorMeta, since GStreamer 1.26). Does nothing where GStreamer has no such thing. */
void gst_alitra_tensor_meta_add (GstBuffer * buffer, const GstAlitraTensorLayout * layout, guint rows);

G_END_DECLS

#endif
