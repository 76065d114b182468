/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitratensor
 * @title: alitratensor
 *
 * Lists the adaptive-length video tokens of each frame in tensors: ids, places and, if wanted, vectors, for a
 * transformer or anything else that reads arrays. The tensors are those of NNStreamer (`other/tensors`), and
 * GStreamer's own (GstTensorMeta) where it has them.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! alitraenc ! alitratensor ! filesink location=tokens.bin
 * ]| Write the tokens of each frame as plain arrays.
 */
#include "gstalitratensor.h"

#include <alitra/alitra.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrareceiver.h"
#include "gstalitrastream.h"
#include "gstalitratensorlayout.h"
#include "gstalitratensormeta.h"
#include "gstalitratensorpool.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_tensor_debug);
#define GST_CAT_DEFAULT gst_alitra_tensor_debug

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_MAX_TOKENS,
  PROP_FORMAT,
  PROP_MODE,
  PROP_VECTORS,
  PROP_MAX_ERRORS,
  PROP_CONCEAL,
  PROP_HEAL_FRAMES,
  PROP_STATS
};

typedef enum
{
  FORMAT_AUTO,
  FORMAT_STATIC,
  FORMAT_FLEXIBLE
} Format;

typedef enum
{
  MODE_FULL,
  MODE_DELTA
} Mode;

#define MAX_MAX_TOKENS (1 << 20)
#define DEFAULT_MAX_TOKENS 4096
#define DEFAULT_FORMAT FORMAT_AUTO
#define DEFAULT_MODE MODE_FULL
#define DEFAULT_VECTORS FALSE
#define DEFAULT_MAX_ERRORS 10
#define DEFAULT_CONCEAL TRUE
#define DEFAULT_HEAL_FRAMES 30

typedef struct
{
  guint64 frames, key_frames;
  guint64 tokens, left_out;
  guint64 concealed, dropped, errors;
} Totals;

struct _GstAlitraTensor
{
  GstBaseTransform parent;

  /* Properties and what they report; object lock. */
  gchar *model_path;
  guint max_tokens;
  Format format;
  Mode mode;
  gboolean want_vectors;
  gint max_errors;
  gboolean conceal;
  guint heal_frames;
  Totals totals;
  guint vector_size;            /* of the loaded model, when vectors are wanted; 0: not known */

  /* Streaming thread. */
  GstAlitraReceiver receiver;
  AlitraTokenVectors *vectors;  /* NULL: not wanted */
  GstAlitraTensorLayout layout;
  gint errors_in_a_row;
  gboolean warned;              /* that tokens are left out */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("other/tensors, format = (string) static, "
        "num_tensors = (int) [ 7, 8 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]; "
        "other/tensors, format = (string) flexible, "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

#define gst_alitra_tensor_parent_class parent_class
G_DEFINE_TYPE (GstAlitraTensor, gst_alitra_tensor, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (alitratensor, "alitratensor", GST_RANK_NONE,
    GST_TYPE_ALITRA_TENSOR);

#define GST_TYPE_ALITRA_TENSOR_FORMAT (gst_alitra_tensor_format_get_type ())
static GType
gst_alitra_tensor_format_get_type (void)
{
  static const GEnumValue values[] = {
    {FORMAT_AUTO, "Static, unless downstream takes only flexible tensors",
        "auto"},
    {FORMAT_STATIC, "Always the same size, filled up with zeros", "static"},
    {FORMAT_FLEXIBLE, "As many rows as there are tokens, behind a header",
        "flexible"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraTensorFormat", values));
  return type;
}

#define GST_TYPE_ALITRA_TENSOR_MODE (gst_alitra_tensor_mode_get_type ())
static GType
gst_alitra_tensor_mode_get_type (void)
{
  static const GEnumValue values[] = {
    {MODE_FULL, "All tokens that describe the frame", "full"},
    {MODE_DELTA, "Only the tokens that are new in the frame", "delta"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraTensorMode", values));
  return type;
}

/* PROPERTIES */

static GstStructure *
make_stats (GstAlitraTensor * self)
{
  const Totals *sum = &self->totals;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "key-frames", G_TYPE_UINT64, sum->key_frames,
      "tokens", G_TYPE_UINT64, sum->tokens,
      "left-out", G_TYPE_UINT64, sum->left_out,
      "concealed", G_TYPE_UINT64, sum->concealed,
      "dropped", G_TYPE_UINT64, sum->dropped,
      "errors", G_TYPE_UINT64, sum->errors, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MODEL, GstAlitraTensor, model_path),
  GST_ALITRA_FIELD (PROP_MAX_TOKENS, GstAlitraTensor, max_tokens),
  GST_ALITRA_FIELD (PROP_FORMAT, GstAlitraTensor, format),
  GST_ALITRA_FIELD (PROP_MODE, GstAlitraTensor, mode),
  GST_ALITRA_FIELD (PROP_VECTORS, GstAlitraTensor, want_vectors),
  GST_ALITRA_FIELD (PROP_MAX_ERRORS, GstAlitraTensor, max_errors),
  GST_ALITRA_FIELD (PROP_CONCEAL, GstAlitraTensor, conceal),
  GST_ALITRA_FIELD (PROP_HEAL_FRAMES, GstAlitraTensor, heal_frames),
  {0}
};

static void
gst_alitra_tensor_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_alitra_tensor_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_TENSOR (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* START AND STOP */

static gboolean
gst_alitra_tensor_start (GstBaseTransform * base)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  gboolean want_vectors, ok;
  gchar *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  want_vectors = self->want_vectors;
  memset (&self->totals, 0, sizeof (self->totals));
  GST_OBJECT_UNLOCK (self);

  self->errors_in_a_row = 0;
  self->warned = FALSE;
  /* Nothing is painted: there is no work to share. */
  ok = gst_alitra_receiver_start (&self->receiver, GST_ELEMENT (self), path, 1);
  g_free (path);
  if (!ok)
    return FALSE;
  if (want_vectors) {
    self->vectors = alitra_token_vectors_new (self->receiver.model);
    GST_OBJECT_LOCK (self);
    self->vector_size = alitra_token_vectors_get_size (self->vectors);
    GST_OBJECT_UNLOCK (self);
  }
  return TRUE;
}

static gboolean
gst_alitra_tensor_stop (GstBaseTransform * base)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);

  GST_OBJECT_LOCK (self);
  self->vector_size = 0;
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->vectors, alitra_token_vectors_free);
  gst_alitra_receiver_stop (&self->receiver);
  return TRUE;
}

static gboolean
gst_alitra_tensor_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP) {
    gst_alitra_receiver_flush (&self->receiver);
    self->errors_in_a_row = 0;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (base, event);
}

/* NEGOTIATION */

/* All that the element can send, without a frame rate, best first. */
static GstCaps *
possible_caps (GstAlitraTensor * self)
{
  GstAlitraTensorLayout layout;
  GstCaps *caps = gst_caps_new_empty ();
  gboolean known;
  Format format;

  GST_OBJECT_LOCK (self);
  format = self->format;
  known = !self->want_vectors || self->vector_size > 0;
  layout.max_tokens = self->max_tokens;
  /* Any size will do to count the tensors. */
  layout.vector_size = known ? self->vector_size : 1;
  GST_OBJECT_UNLOCK (self);

  if (format != FORMAT_FLEXIBLE) {
    layout.flexible = FALSE;
    gst_caps_append (caps, gst_alitra_tensor_layout_get_caps (&layout, known));
  }
  if (format != FORMAT_STATIC) {
    layout.flexible = TRUE;
    gst_caps_append (caps, gst_alitra_tensor_layout_get_caps (&layout, known));
  }
  return caps;
}

static void
copy_framerate (GstStructure * to, const GstStructure * from)
{
  const GValue *framerate = gst_structure_get_value (from, "framerate");

  if (framerate)
    gst_structure_set_value (to, "framerate", framerate);
}

static GstCaps *
tensors_of_packets (GstAlitraTensor * self, GstCaps * packets)
{
  GstCaps *possible = possible_caps (self), *caps = gst_caps_new_empty ();
  guint i, j;

  for (i = 0; i < gst_caps_get_size (possible); i++)
    for (j = 0; j < gst_caps_get_size (packets); j++) {
      GstStructure *one =
          gst_structure_copy (gst_caps_get_structure (possible, i));

      copy_framerate (one, gst_caps_get_structure (packets, j));
      caps = gst_caps_merge_structure (caps, one);
    }
  gst_caps_unref (possible);
  return caps;
}

static GstCaps *
packets_of_tensors (GstAlitraTensor * self, GstCaps * tensors)
{
  GstCaps *possible = possible_caps (self), *caps = gst_caps_new_empty ();
  GstCaps *fitting = gst_caps_intersect (tensors, possible);
  guint i;

  for (i = 0; i < gst_caps_get_size (fitting); i++) {
    GstStructure *one = gst_structure_from_string (GST_ALITRA_PACKET_CAPS,
        NULL);

    copy_framerate (one, gst_caps_get_structure (fitting, i));
    caps = gst_caps_merge_structure (caps, one);
  }
  gst_caps_unref (fitting);
  gst_caps_unref (possible);
  return caps;
}

static GstCaps *
gst_alitra_tensor_transform_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  GstCaps *others = direction == GST_PAD_SINK ?
      tensors_of_packets (self, caps) : packets_of_tensors (self, caps);
  GstCaps *filtered;

  if (filter == NULL)
    return others;
  filtered = gst_caps_intersect_full (filter, others, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (others);
  return filtered;
}

static GstCaps *
gst_alitra_tensor_fixate_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * others)
{
  others = gst_caps_make_writable (gst_caps_truncate (others));
  /* NNStreamer wants a frame rate in any case; 0/1: not known. */
  if (direction == GST_PAD_SINK && !gst_caps_is_empty (others)
      && !gst_structure_has_field (gst_caps_get_structure (others, 0),
          "framerate"))
    gst_caps_set_simple (others, "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->fixate_caps (base, direction,
      caps, others);
}

static gboolean
gst_alitra_tensor_set_caps (GstBaseTransform * base, GstCaps * in,
    GstCaps * out)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  const gchar *format =
      gst_structure_get_string (gst_caps_get_structure (out, 0), "format");

  if (!gst_alitra_receiver_set_caps (&self->receiver, GST_ELEMENT (self), in))
    return FALSE;
  GST_OBJECT_LOCK (self);
  self->layout.flexible = g_strcmp0 (format, "flexible") == 0;
  self->layout.max_tokens = self->max_tokens;
  self->layout.vector_size = self->vector_size;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* Downstream's pools know nothing of buffers with several memories. */
static gboolean
gst_alitra_tensor_decide_allocation (GstBaseTransform * base, GstQuery * query)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  GstBufferPool *pool;
  GstStructure *config;
  GstCaps *caps;
  guint size;

  gst_query_parse_allocation (query, &caps, NULL);
  pool = gst_alitra_tensor_pool_new (&self->layout, caps);
  if (pool == NULL)
    goto too_large;
  while (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_remove_nth_allocation_pool (query, 0);
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_get_params (config, NULL, &size, NULL, NULL);
  gst_structure_free (config);
  gst_query_add_allocation_pool (query, pool, size, 0, 0);
  gst_object_unref (pool);
  return TRUE;

too_large:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("Tensors for %u tokens take more than 4 GiB; set \"max-tokens\" to "
            "less", self->layout.max_tokens), (NULL));
    return FALSE;
  }
}

/* PACKETS */

static GstFlowReturn
drop (GstAlitraTensor * self)
{
  GST_OBJECT_LOCK (self);
  self->totals.dropped++;
  GST_OBJECT_UNLOCK (self);
  return GST_BASE_TRANSFORM_FLOW_DROPPED;
}

static void
count_error (GstAlitraTensor * self)
{
  GST_OBJECT_LOCK (self);
  self->totals.errors++;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
handle_damage (GstAlitraTensor * self, const GError * error)
{
  gint max_errors;

  count_error (self);
  GST_OBJECT_LOCK (self);
  max_errors = self->max_errors;
  GST_OBJECT_UNLOCK (self);
  GST_WARNING_OBJECT (self, "%s", error->message);
  self->errors_in_a_row++;
  if (max_errors < 0 || self->errors_in_a_row <= max_errors)
    return drop (self);
  GST_ELEMENT_ERROR (self, STREAM, DECODE,
      ("A token packet is damaged, or the input is no stream of tokens: %s",
          error->message), ("%d in a row", self->errors_in_a_row));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
apply (GstAlitraTensor * self, GstBuffer * buffer)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GError *error = NULL;
  gboolean ask, conceal;
  guint patience;

  GST_OBJECT_LOCK (self);
  conceal = self->conceal;
  patience = self->heal_frames;
  GST_OBJECT_UNLOCK (self);
  switch (gst_alitra_receiver_take (&self->receiver, GST_ELEMENT (self),
          buffer, patience, &ask, &error)) {
    case GST_ALITRA_RECEIVED:
      self->errors_in_a_row = 0;
      if (self->receiver.loss.damaged > 0 || self->receiver.loss.mismatch)
        count_error (self);
      if (self->receiver.loss.cells > 0 && !conceal)
        flow = drop (self);
      break;
    case GST_ALITRA_USELESS:
      GST_DEBUG_OBJECT (self, "%s", error->message);
      flow = drop (self);
      break;
    case GST_ALITRA_DAMAGED:
      flow = handle_damage (self, error);
      break;
    case GST_ALITRA_WRONG_MODEL:
      flow = GST_FLOW_ERROR;
      break;
  }
  g_clear_error (&error);
  if (ask)
    gst_alitra_ask_for_key (GST_BASE_TRANSFORM_SINK_PAD (self), FALSE);
  return flow;
}

/* Packets change the memory even when the base class then leaves the frame out because it comes too late. */
static GstFlowReturn
gst_alitra_tensor_submit_input_buffer (GstBaseTransform * base,
    gboolean is_discont, GstBuffer * input)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  GstFlowReturn flow = apply (self, input);

  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (input);
    return flow;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (base,
      is_discont, input);
}

/* TENSORS */

typedef struct
{
  GstAlitraTensorLayout layout;
  guint tensors;
  GstMapInfo map[GST_ALITRA_TENSORS];
} Mapped;

static void
unmap_tensors (Mapped * mapped, guint n)
{
  while (n-- > 0)
    gst_memory_unmap (mapped->map[n].memory, &mapped->map[n]);
}

static gboolean
map_tensors (GstAlitraTensor * self, GstBuffer * buffer, Mapped * mapped)
{
  guint i;

  mapped->layout = self->layout;
  mapped->tensors = gst_alitra_tensor_layout_get_count (&self->layout);
  for (i = 0; i < mapped->tensors; i++)
    if (!gst_memory_map (gst_buffer_peek_memory (buffer, i), &mapped->map[i],
            GST_MAP_WRITE)) {
      unmap_tensors (mapped, i);
      return FALSE;
    }
  return TRUE;
}

static gpointer
numbers_of (const Mapped * mapped, GstAlitraTensorRole role)
{
  return mapped->map[role].data
      + gst_alitra_tensor_layout_get_offset (&mapped->layout);
}

/* Rows that hold no token are zero. */
static void
clear_rows (const Mapped * mapped, guint from, guint to)
{
  guint i;

  for (i = 0; i < mapped->tensors; i++) {
    gsize row = gst_alitra_tensor_layout_get_row_size (&mapped->layout, i);

    if (i != GST_ALITRA_TENSOR_COUNT)
      memset ((guint8 *) numbers_of (mapped, i) + from * row, 0,
          (to - from) * row);
  }
}

/* Returns how many tokens there are; the first of them are written, as many as fit. */
static guint
write_tokens (GstAlitraTensor * self, const Mapped * mapped,
    AlitraTokenSelection selection)
{
  const AlitraTokenTable table = {
    .capacity = mapped->layout.max_tokens,
    .ids = numbers_of (mapped, GST_ALITRA_TENSOR_IDS),
    .levels = numbers_of (mapped, GST_ALITRA_TENSOR_LEVELS),
    .positions = numbers_of (mapped, GST_ALITRA_TENSOR_POSITIONS),
    .depths = numbers_of (mapped, GST_ALITRA_TENSOR_DEPTHS),
    .ages = numbers_of (mapped, GST_ALITRA_TENSOR_AGES),
  };
  guint total = alitra_token_table_fill (&table,
      alitra_detokenizer_get_memory (self->receiver.detokenizer), selection);
  guint count = MIN (total, table.capacity);

  memset (numbers_of (mapped, GST_ALITRA_TENSOR_MASK), 1, count);
  *(gint32 *) numbers_of (mapped, GST_ALITRA_TENSOR_COUNT) = count;
  if (self->vectors)
    alitra_token_vectors_fill (self->vectors, &table, count,
        numbers_of (mapped, GST_ALITRA_TENSOR_VECTORS));
  return total;
}

/* A tensor without rows cannot be told from one without dimensions: there is always one. */
static guint
rows_for (const GstAlitraTensorLayout * layout, guint count)
{
  return layout->flexible ? MAX (count, 1) : layout->max_tokens;
}

static void
write_headers (const Mapped * mapped, guint rows)
{
  guint i;

  if (!mapped->layout.flexible)
    return;
  for (i = 0; i < mapped->tensors; i++)
    gst_alitra_tensor_layout_write_header (&mapped->layout, i, rows,
        mapped->map[i].data);
}

static void
cut_to_size (GstAlitraTensor * self, GstBuffer * buffer, guint rows)
{
  guint n = gst_alitra_tensor_layout_get_count (&self->layout), i;

  for (i = 0; i < n; i++)
    gst_memory_resize (gst_buffer_peek_memory (buffer, i), 0,
        gst_alitra_tensor_layout_get_size (&self->layout, i, rows));
}

static void
warn_of_left_out (GstAlitraTensor * self, guint total)
{
  guint room = self->layout.max_tokens;

  if (self->warned)
    return;
  self->warned = TRUE;
  GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
      ("A frame has %u tokens, but max-tokens is %u: the finest %u are left "
          "out; set \"max-tokens\" to more, or \"target-tokens\" of alitraenc "
          "to at most %u", total, room, total - room, room), (NULL));
}

static void
count_frame (GstAlitraTensor * self, guint total)
{
  guint count = MIN (total, self->layout.max_tokens);
  Totals *sum = &self->totals;

  GST_OBJECT_LOCK (self);
  sum->frames++;
  sum->key_frames += self->receiver.info.key ? 1 : 0;
  sum->tokens += count;
  sum->concealed += self->receiver.loss.cells > 0;
  sum->left_out += total - count;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
gst_alitra_tensor_transform (GstBaseTransform * base, GstBuffer * in,
    GstBuffer * out)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (base);
  guint total, count, rows;
  Mapped mapped;
  Mode mode;

  GST_OBJECT_LOCK (self);
  mode = self->mode;
  GST_OBJECT_UNLOCK (self);
  if (!map_tensors (self, out, &mapped))
    goto no_map;
  total = write_tokens (self, &mapped, mode == MODE_DELTA ?
      ALITRA_TOKENS_NEW : ALITRA_TOKENS_ALL);
  count = MIN (total, self->layout.max_tokens);
  rows = rows_for (&self->layout, count);
  clear_rows (&mapped, count, rows);
  write_headers (&mapped, rows);
  unmap_tensors (&mapped, mapped.tensors);
  cut_to_size (self, out, rows);
  gst_alitra_tensor_meta_add (out, &self->layout, rows);

  if (mode == MODE_FULL || self->receiver.info.key)
    GST_BUFFER_FLAG_UNSET (out, GST_BUFFER_FLAG_DELTA_UNIT);
  else
    GST_BUFFER_FLAG_SET (out, GST_BUFFER_FLAG_DELTA_UNIT);
  if (self->receiver.loss.cells > 0)
    GST_BUFFER_FLAG_SET (out, GST_BUFFER_FLAG_CORRUPTED);
  else
    GST_BUFFER_FLAG_UNSET (out, GST_BUFFER_FLAG_CORRUPTED);
  count_frame (self, total);
  if (total > count)
    warn_of_left_out (self, total);
  return GST_FLOW_OK;

no_map:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE,
        ("A buffer for tensors cannot be written"), (NULL));
    return GST_FLOW_ERROR;
  }
}

/* OBJECT */

static void
gst_alitra_tensor_finalize (GObject * object)
{
  GstAlitraTensor *self = GST_ALITRA_TENSOR (object);

  gst_alitra_tensor_stop (GST_BASE_TRANSFORM (self));
  g_free (self->model_path);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_tensor_init (GstAlitraTensor * self)
{
  self->max_tokens = DEFAULT_MAX_TOKENS;
  self->format = DEFAULT_FORMAT;
  self->mode = DEFAULT_MODE;
  self->want_vectors = DEFAULT_VECTORS;
  self->max_errors = DEFAULT_MAX_ERRORS;
  self->conceal = DEFAULT_CONCEAL;
  self->heal_frames = DEFAULT_HEAL_FRAMES;
}

static void
install_properties (GObjectClass * klass)
{
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_MODEL,
      g_param_spec_string ("model", "Model file",
          "The .safetensors file with the weights that the stream was made "
          "with. Empty: the installed default model, or "
          "alitra-base.safetensors in a folder of the environment variable "
          "ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_MAX_TOKENS,
      g_param_spec_uint ("max-tokens", "Maximum of tokens",
          "Rows of the tensors: tokens of a frame that are listed at most. Of "
          "frames with more the finest are left out.", 1, MAX_MAX_TOKENS,
          DEFAULT_MAX_TOKENS, fixed));
  g_object_class_install_property (klass, PROP_FORMAT,
      g_param_spec_enum ("format", "Format",
          "How the tensors lie in memory.", GST_TYPE_ALITRA_TENSOR_FORMAT,
          DEFAULT_FORMAT, fixed));
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode",
          "Which tokens of a frame are listed.", GST_TYPE_ALITRA_TENSOR_MODE,
          DEFAULT_MODE, live));
  g_object_class_install_property (klass, PROP_VECTORS,
      g_param_spec_boolean ("vectors", "Vectors",
          "Add a tensor with the vector of each token, as the model has it.",
          DEFAULT_VECTORS, fixed));
  g_object_class_install_property (klass, PROP_MAX_ERRORS,
      g_param_spec_int ("max-errors", "Maximum of errors",
          "Damaged packets in a row that are passed over before the stream "
          "ends with an error. -1: any number.", -1, G_MAXINT,
          DEFAULT_MAX_ERRORS, live));
  g_object_class_install_property (klass, PROP_CONCEAL,
      g_param_spec_boolean ("conceal", "Conceal loss",
          "List the tokens of frames of which parts are lost, flagged as "
          "corrupted: lost cells hold older tokens. Otherwise nothing comes "
          "until all is whole again.", DEFAULT_CONCEAL, live));
  g_object_class_install_property (klass, PROP_HEAL_FRAMES,
      g_param_spec_uint ("heal-frames", "Frames to heal",
          "Frames that a lost region may wait for the sender's rolling refresh "
          "before a key frame is asked for. 0: ask at once.", 0, 65534,
          DEFAULT_HEAL_FRAMES, live));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started: frames, key-frames, tokens "
          "(listed), left-out (tokens beyond max-tokens), concealed (frames "
          "of which some cells are lost), dropped (packets without the memory "
          "that they change), errors (damaged packets).",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_alitra_tensor_class_init (GstAlitraTensorClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_tensor_debug, "alitratensor", 0,
      "Alitra tokens to tensors");

  object_class->set_property = gst_alitra_tensor_set_property;
  object_class->get_property = gst_alitra_tensor_get_property;
  object_class->finalize = gst_alitra_tensor_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra tokens to tensors", "Converter",
      "Lists adaptive-length video tokens in tensors (NNStreamer's, and "
      "GStreamer's own)", "The gst-alitra authors");

  base_class->start = GST_DEBUG_FUNCPTR (gst_alitra_tensor_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_alitra_tensor_stop);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_alitra_tensor_sink_event);
  base_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_alitra_tensor_transform_caps);
  base_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_alitra_tensor_fixate_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_alitra_tensor_set_caps);
  base_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_alitra_tensor_decide_allocation);
  base_class->submit_input_buffer =
      GST_DEBUG_FUNCPTR (gst_alitra_tensor_submit_input_buffer);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_alitra_tensor_transform);

  gst_type_mark_as_plugin_api (GST_TYPE_ALITRA_TENSOR_FORMAT, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_ALITRA_TENSOR_MODE, 0);
}
