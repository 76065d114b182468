/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitratensormeta.h"

#ifdef HAVE_GST_TENSOR_META

#include <gst/analytics/analytics.h>

static const GstTensorDataType data_types[GST_ALITRA_TENSORS] = {
  [GST_ALITRA_TENSOR_IDS] = GST_TENSOR_DATA_TYPE_INT32,
  [GST_ALITRA_TENSOR_MASK] = GST_TENSOR_DATA_TYPE_UINT8,
  [GST_ALITRA_TENSOR_LEVELS] = GST_TENSOR_DATA_TYPE_UINT8,
  [GST_ALITRA_TENSOR_POSITIONS] = GST_TENSOR_DATA_TYPE_INT16,
  [GST_ALITRA_TENSOR_DEPTHS] = GST_TENSOR_DATA_TYPE_UINT8,
  [GST_ALITRA_TENSOR_AGES] = GST_TENSOR_DATA_TYPE_INT32,
  [GST_ALITRA_TENSOR_COUNT] = GST_TENSOR_DATA_TYPE_INT32,
  [GST_ALITRA_TENSOR_VECTORS] = GST_TENSOR_DATA_TYPE_FLOAT32,
};

static GQuark
id_of (GstAlitraTensorRole role)
{
  static GQuark ids[GST_ALITRA_TENSORS];
  static gsize made = 0;

  if (g_once_init_enter (&made)) {
    guint i;

    for (i = 0; i < GST_ALITRA_TENSORS; i++) {
      gchar *name = g_strdup_printf ("alitra-%s-v1",
          gst_alitra_tensor_role_get_name (i));

      ids[i] = g_quark_from_string (name);
      g_free (name);
    }
    g_once_init_leave (&made, 1);
  }
  return ids[role];
}

/* The numbers of a tensor, shared with the buffer's memory. */
static GstTensor *
make_tensor (GstBuffer * buffer, const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role, guint rows)
{
  GstBuffer *data = gst_buffer_new ();
  gsize dims[2];
  guint32 fastest_first[2];
  guint rank, i;

  gst_buffer_append_memory (data,
      gst_memory_share (gst_buffer_peek_memory (buffer, role),
          gst_alitra_tensor_layout_get_offset (layout), -1));
  rank = gst_alitra_tensor_layout_get_dimensions (layout, role, rows,
      fastest_first);
  for (i = 0; i < rank; i++)
    dims[i] = fastest_first[rank - 1 - i];
  return gst_tensor_new_simple (id_of (role), data_types[role], data,
      GST_TENSOR_DIM_ORDER_ROW_MAJOR, rank, dims);
}

void
gst_alitra_tensor_meta_add (GstBuffer * buffer,
    const GstAlitraTensorLayout * layout, guint rows)
{
  guint n = gst_alitra_tensor_layout_get_count (layout), i;
  GstTensor **tensors = g_new (GstTensor *, n);

  for (i = 0; i < n; i++)
    tensors[i] = make_tensor (buffer, layout, i, rows);
  gst_tensor_meta_set (gst_buffer_add_tensor_meta (buffer), n, tensors);
}

#else

void
gst_alitra_tensor_meta_add (GstBuffer * buffer,
    const GstAlitraTensorLayout * layout, guint rows)
{
}

#endif
