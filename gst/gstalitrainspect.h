/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_INSPECT_H
#define GST_ALITRA_INSPECT_H

#include <alitra/alitra.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* What describes the patch at a pixel (docs/elements/alitraenc.md, "inspect-patch"). (transfer full) (nullable): NULL
 * outside a picture of width x height. */
GstStructure *gst_alitra_inspect_patch (AlitraTokenizer * tokenizer, guint width, guint height, guint x, guint y);

G_END_DECLS

#endif
