/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_TENSOR_LAYOUT_H
#define GST_ALITRA_TENSOR_LAYOUT_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* How tokens lie in `other/tensors` (docs/tensors.md). */

/* The tensors of a buffer, in their order. */
typedef enum
{
  GST_ALITRA_TENSOR_IDS,
  GST_ALITRA_TENSOR_MASK,
  GST_ALITRA_TENSOR_LEVELS,
  GST_ALITRA_TENSOR_POSITIONS,
  GST_ALITRA_TENSOR_DEPTHS,
  GST_ALITRA_TENSOR_AGES,
  GST_ALITRA_TENSOR_COUNT,
  GST_ALITRA_TENSOR_VECTORS,    /* only when asked for */
  GST_ALITRA_TENSORS
} GstAlitraTensorRole;

/* Before each tensor of a flexible stream. */
#define GST_ALITRA_TENSOR_HEADER 128

typedef struct
{
  gboolean flexible;            /* a header before each tensor, and as many rows as there are tokens */
  guint max_tokens;
  guint vector_size;            /* numbers of a token vector, 0: no vectors */
} GstAlitraTensorLayout;

guint gst_alitra_tensor_layout_get_count (const GstAlitraTensorLayout * layout);

/* Bytes before the first number of each tensor. */
gsize gst_alitra_tensor_layout_get_offset (const GstAlitraTensorLayout * layout);

/* Bytes of one row of a tensor, and of the whole of it with the header. */
gsize gst_alitra_tensor_layout_get_row_size (const GstAlitraTensorLayout * layout, GstAlitraTensorRole role);
gsize gst_alitra_tensor_layout_get_size (const GstAlitraTensorLayout * layout, GstAlitraTensorRole role, guint rows);

/* Sizes of the dimensions as NNStreamer counts them, the fastest first; returns how many (1 or 2). */
guint gst_alitra_tensor_layout_get_dimensions (const GstAlitraTensorLayout * layout, GstAlitraTensorRole role,
    guint rows, guint32 dimensions[2]);

/* The header of a tensor of a flexible stream. */
void gst_alitra_tensor_layout_write_header (const GstAlitraTensorLayout * layout, GstAlitraTensorRole role,
    guint rows, guint8 header[GST_ALITRA_TENSOR_HEADER]);

/* (transfer full): all that the layout can be called, without the frame rate, in order of preference. Static layouts
 * have two names: dimensions are written as they are, or, for NNStreamer before 2.4, filled up to four with ones.
 * @dimensions_known: FALSE: the model, and so the size of the vectors, is not known yet. */
GstCaps *gst_alitra_tensor_layout_get_caps (const GstAlitraTensorLayout * layout, gboolean dimensions_known);

/* What a tensor is called in documents and metadata. */
const gchar *gst_alitra_tensor_role_get_name (GstAlitraTensorRole role);

G_END_DECLS

#endif
