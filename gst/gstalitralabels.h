/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_LABELS_H
#define GST_ALITRA_LABELS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* What a frame shows: labels, the surest first, and how sure. The strings belong to somebody who lives longer. */
typedef struct
{
  guint count;
  const gchar **labels;
  gfloat *scores;
} GstAlitraLabels;

/* Name of the custom meta: gst_buffer_get_custom_meta (buffer, GST_ALITRA_LABELS_META) has a structure with the fields
 * "labels" (GST_TYPE_ARRAY of strings) and "scores" (GST_TYPE_ARRAY of doubles, 0..1). */
#define GST_ALITRA_LABELS_META "GstAlitraLabelsMeta"

/* Registers the custom meta; any number of times. */
void gst_alitra_labels_register (void);

/* Adds the fields "labels" and "scores". */
void gst_alitra_labels_to_structure (const GstAlitraLabels * labels, GstStructure * structure);

/* Describes the buffer: with the custom meta, and where GStreamer has it (1.24) with a GstAnalyticsClsMtd. */
void gst_alitra_labels_attach (const GstAlitraLabels * labels, GstBuffer * buffer);

G_END_DECLS

#endif
