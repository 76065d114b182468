/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitratensorpool.h"

/* What array libraries like best. */
#define ALIGN_MASK 63

struct _GstAlitraTensorPool
{
  GstBufferPool parent;
  guint memories;
  gsize size[GST_ALITRA_TENSORS];
};

#define gst_alitra_tensor_pool_parent_class parent_class
G_DEFINE_TYPE (GstAlitraTensorPool, gst_alitra_tensor_pool,
    GST_TYPE_BUFFER_POOL);

static GstFlowReturn
gst_alitra_tensor_pool_alloc_buffer (GstBufferPool * pool, GstBuffer ** buffer,
    GstBufferPoolAcquireParams * params)
{
  GstAlitraTensorPool *self = GST_ALITRA_TENSOR_POOL (pool);
  GstAllocationParams allocation;
  GstBuffer *made = gst_buffer_new ();
  guint i;

  gst_allocation_params_init (&allocation);
  allocation.align = ALIGN_MASK;
  for (i = 0; i < self->memories; i++) {
    GstMemory *memory = gst_allocator_alloc (NULL, self->size[i], &allocation);

    if (memory == NULL) {
      gst_buffer_unref (made);
      return GST_FLOW_ERROR;
    }
    gst_buffer_append_memory (made, memory);
  }
  *buffer = made;
  return GST_FLOW_OK;
}

static gboolean
remove_meta (GstBuffer * buffer, GstMeta ** meta, gpointer data)
{
  if (!GST_META_FLAG_IS_SET (*meta, GST_META_FLAG_POOLED)) {
    GST_META_FLAG_UNSET (*meta, GST_META_FLAG_LOCKED);
    *meta = NULL;
  }
  return TRUE;
}

static void
gst_alitra_tensor_pool_reset_buffer (GstBufferPool * pool, GstBuffer * buffer)
{
  GstAlitraTensorPool *self = GST_ALITRA_TENSOR_POOL (pool);
  guint i;

  /* GstTensorMeta shares the memories, and what is shared cannot change its size. */
  gst_buffer_foreach_meta (buffer, remove_meta, NULL);
  /* A buffer whose memories were exchanged is thrown away by the parent class. */
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_TAG_MEMORY)
      && gst_buffer_n_memory (buffer) == self->memories)
    for (i = 0; i < self->memories; i++) {
      GstMemory *memory = gst_buffer_peek_memory (buffer, i);
      gsize offset, room;

      gst_memory_get_sizes (memory, &offset, &room);
      if (room >= self->size[i] && gst_memory_is_writable (memory))
        gst_memory_resize (memory, -(gssize) offset, self->size[i]);
    }
  GST_BUFFER_POOL_CLASS (parent_class)->reset_buffer (pool, buffer);
}

GstBufferPool *
gst_alitra_tensor_pool_new (const GstAlitraTensorLayout * layout,
    GstCaps * caps)
{
  GstAlitraTensorPool *self;
  GstStructure *config;
  guint64 total = 0;
  guint i;

  self = g_object_new (GST_TYPE_ALITRA_TENSOR_POOL, NULL);
  g_object_ref_sink (self);
  self->memories = gst_alitra_tensor_layout_get_count (layout);
  for (i = 0; i < self->memories; i++) {
    self->size[i] = gst_alitra_tensor_layout_get_size (layout, i,
        layout->max_tokens);
    total += self->size[i];
  }
  config = gst_buffer_pool_get_config (GST_BUFFER_POOL (self));
  gst_buffer_pool_config_set_params (config, caps, total, 0, 0);
  if (total > G_MAXUINT
      || !gst_buffer_pool_set_config (GST_BUFFER_POOL (self), config)) {
    gst_object_unref (self);
    return NULL;
  }
  return GST_BUFFER_POOL (self);
}

static void
gst_alitra_tensor_pool_init (GstAlitraTensorPool * self)
{
}

static void
gst_alitra_tensor_pool_class_init (GstAlitraTensorPoolClass * klass)
{
  GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS (klass);

  pool_class->alloc_buffer =
      GST_DEBUG_FUNCPTR (gst_alitra_tensor_pool_alloc_buffer);
  pool_class->reset_buffer =
      GST_DEBUG_FUNCPTR (gst_alitra_tensor_pool_reset_buffer);
}
