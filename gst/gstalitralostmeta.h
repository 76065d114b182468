/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_LOST_META_H
#define GST_ALITRA_LOST_META_H

#include <alitra/memory.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* Region type of the GstVideoRegionOfInterestMeta that say where a picture is concealed (docs/elements/alitradec.md). */
#define GST_ALITRA_LOST_REGION "alitra-lost"

/* Adds a meta for each rectangle of the picture in which patches are not valid; without @memory for all of it. */
void gst_alitra_buffer_mark_lost (GstBuffer * buffer, const AlitraMemory * memory, guint width, guint height);

G_END_DECLS

#endif
