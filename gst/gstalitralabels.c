/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitralabels.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

void
gst_alitra_labels_register (void)
{
  /* It describes the picture, whatever becomes of its format. */
  static const gchar *tags[] = { NULL };
  static gsize done = 0;

  if (g_once_init_enter (&done)) {
    if (gst_meta_get_info (GST_ALITRA_LABELS_META) == NULL)
      gst_meta_register_custom (GST_ALITRA_LABELS_META, tags, NULL, NULL, NULL);
    g_once_init_leave (&done, 1);
  }
}

void
gst_alitra_labels_to_structure (const GstAlitraLabels * labels,
    GstStructure * structure)
{
  GValue names = G_VALUE_INIT, scores = G_VALUE_INIT;
  guint i;

  gst_value_array_init (&names, labels->count);
  gst_value_array_init (&scores, labels->count);
  for (i = 0; i < labels->count; i++) {
    GValue name = G_VALUE_INIT, score = G_VALUE_INIT;

    g_value_init (&name, G_TYPE_STRING);
    g_value_set_string (&name, labels->labels[i]);
    gst_value_array_append_and_take_value (&names, &name);
    g_value_init (&score, G_TYPE_DOUBLE);
    g_value_set_double (&score, labels->scores[i]);
    gst_value_array_append_and_take_value (&scores, &score);
  }
  gst_structure_take_value (structure, "labels", &names);
  gst_structure_take_value (structure, "scores", &scores);
}

#ifdef HAVE_GST_ANALYTICS
static void
attach_analytics (const GstAlitraLabels * labels, GstBuffer * buffer)
{
  GstAnalyticsRelationMeta *relations =
      gst_buffer_get_analytics_relation_meta (buffer);
  GQuark *quarks = g_newa (GQuark, labels->count);
  GstAnalyticsClsMtd mtd;
  guint i;

  if (relations == NULL)
    relations = gst_buffer_add_analytics_relation_meta (buffer);
  for (i = 0; i < labels->count; i++)
    quarks[i] = g_quark_from_string (labels->labels[i]);
  gst_analytics_relation_meta_add_cls_mtd (relations, labels->count,
      labels->scores, quarks, &mtd);
}
#endif

void
gst_alitra_labels_attach (const GstAlitraLabels * labels, GstBuffer * buffer)
{
  GstCustomMeta *meta = gst_buffer_add_custom_meta (buffer,
      GST_ALITRA_LABELS_META);

  gst_alitra_labels_to_structure (labels, gst_custom_meta_get_structure (meta));
#ifdef HAVE_GST_ANALYTICS
  if (labels->count > 0)
    attach_analytics (labels, buffer);
#endif
}
