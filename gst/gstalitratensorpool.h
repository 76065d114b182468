/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_TENSOR_POOL_H
#define GST_ALITRA_TENSOR_POOL_H

#include <gst/gst.h>

#include "gstalitratensorlayout.h"

G_BEGIN_DECLS

/* Buffers with one memory for each tensor, each as large as it can get. Whoever takes one may make its memories
 * shorter; they are whole again when the buffer comes back. */
#define GST_TYPE_ALITRA_TENSOR_POOL (gst_alitra_tensor_pool_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraTensorPool, gst_alitra_tensor_pool, GST, ALITRA_TENSOR_POOL, GstBufferPool)

/* (transfer full) (nullable): NULL: the buffers would be too large */
GstBufferPool *gst_alitra_tensor_pool_new (const GstAlitraTensorLayout * layout, GstCaps * caps);

G_END_DECLS

#endif
