/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_FIELDS_H
#define GST_ALITRA_FIELDS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* A property that is a field of its element, of the C type that goes with the type of the property; strings belong to the
 * element. In tables of them the id 0 comes last. */
typedef struct
{
  guint id;
  gsize offset;
} GstAlitraField;

#define GST_ALITRA_FIELD(id, type, field) {id, G_STRUCT_OFFSET (type, field)}

/* Sets the property under the object lock. Under way only what GST_PARAM_MUTABLE_PLAYING promises may change: FALSE if this
 * did not, after a warning in @category. */
gboolean gst_alitra_fields_set (const GstAlitraField * fields, GObject * object, guint id, const GValue * value,
    GParamSpec * pspec, GstDebugCategory * category);

/* Reads the property under the object lock. */
void gst_alitra_fields_get (const GstAlitraField * fields, GObject * object, guint id, GValue * value,
    GParamSpec * pspec);

G_END_DECLS

#endif
