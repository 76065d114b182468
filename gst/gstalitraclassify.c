/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitraclassify
 * @title: alitraclassify
 *
 * Says what a stream of adaptive-length video tokens shows: a transformer looks at the tokens of each frame, of every
 * so many, or of those in which enough changed. No picture is rebuilt. The tokens pass through; the labels travel with
 * them as a meta, and are posted as an element message.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m filesrc location=clip.mp4 ! decodebin ! videoconvert ! videoscale ! video/x-raw,width=128,height=128 ! alitraenc target-tokens=64 objective=recognition ! alitraclassify interval=10 ! fakesink
 * ]| Post every tenth frame's three likeliest labels.
 */
#include "gstalitraclassify.h"

#include <alitra/alitra.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitralabels.h"
#include "gstalitrareceiver.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_classify_debug);
#define GST_CAT_DEFAULT gst_alitra_classify_debug

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_TOKEN_MODEL,
  PROP_TOP_K,
  PROP_THRESHOLD,
  PROP_INTERVAL,
  PROP_MIN_CHANGE,
  PROP_MAX_CELLS,
  PROP_THREADS,
  PROP_POST_MESSAGES,
  PROP_STATS
};

#define DEFAULT_TOP_K 3
#define DEFAULT_THRESHOLD 0.
#define DEFAULT_INTERVAL 1
#define DEFAULT_MIN_CHANGE 0.
#define DEFAULT_MAX_CELLS 256
#define DEFAULT_THREADS 1
#define DEFAULT_POST_MESSAGES TRUE

/* Packets that cells may be lost before a key packet is asked for. */
#define PATIENCE 30

typedef struct
{
  guint top_k;
  gdouble threshold;
  guint interval;
  gdouble min_change;
  guint max_cells;
  gboolean post_messages;
} Settings;

typedef struct
{
  guint64 frames, classified;
  guint64 unusable, errors;
  guint64 time_ns;
} Totals;

struct _GstAlitraClassify
{
  GstBaseTransform parent;

  /* Properties and what they report; object lock. */
  gchar *model_path, *token_model_path;
  Settings settings;
  guint threads;
  Totals totals;

  /* Streaming thread. */
  GstAlitraReceiver receiver;
  AlitraTransformer *transformer;
  AlitraClassifier *classifier;
  gfloat *scores;               /* of all labels */
  GstAlitraLabels found;        /* room for all labels */
  guint since;                  /* frames since the last classified one; 0: none was */
  guint64 brought;              /* tokens that came new since then */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

#define gst_alitra_classify_parent_class parent_class
G_DEFINE_TYPE (GstAlitraClassify, gst_alitra_classify, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (alitraclassify, "alitraclassify", GST_RANK_NONE,
    GST_TYPE_ALITRA_CLASSIFY);

/* PROPERTIES */

static GstStructure *
make_stats (GstAlitraClassify * self)
{
  const Totals *sum = &self->totals;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "classified", G_TYPE_UINT64, sum->classified,
      "unusable", G_TYPE_UINT64, sum->unusable,
      "errors", G_TYPE_UINT64, sum->errors,
      "time-ns", G_TYPE_UINT64, sum->time_ns, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MODEL, GstAlitraClassify, model_path),
  GST_ALITRA_FIELD (PROP_TOKEN_MODEL, GstAlitraClassify, token_model_path),
  GST_ALITRA_FIELD (PROP_TOP_K, GstAlitraClassify, settings.top_k),
  GST_ALITRA_FIELD (PROP_THRESHOLD, GstAlitraClassify, settings.threshold),
  GST_ALITRA_FIELD (PROP_INTERVAL, GstAlitraClassify, settings.interval),
  GST_ALITRA_FIELD (PROP_MIN_CHANGE, GstAlitraClassify, settings.min_change),
  GST_ALITRA_FIELD (PROP_MAX_CELLS, GstAlitraClassify, settings.max_cells),
  GST_ALITRA_FIELD (PROP_THREADS, GstAlitraClassify, threads),
  GST_ALITRA_FIELD (PROP_POST_MESSAGES, GstAlitraClassify,
      settings.post_messages),
  {0}
};

static void
gst_alitra_classify_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_alitra_classify_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_CLASSIFY (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* START AND STOP */

static void
forget_stream (GstAlitraClassify * self)
{
  self->since = 0;
  self->brought = 0;
}

static void
post_classifier_error (GstAlitraClassify * self, const gchar * path,
    const GError * error)
{
  const gchar *name = path && *path ? path : "(the installed default)";

  if (g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND))
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("No classifier found: %s", error->message),
        ("model=%s; set the property \"model\" to a classifier of gst-alitra",
            name));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("The classifier cannot be used: %s", error->message),
        ("model=%s", name));
}

static gboolean
load_classifier (GstAlitraClassify * self, const gchar * path, guint threads)
{
  GError *error = NULL;
  guint labels;

  self->transformer = alitra_transformer_load (path, &error);
  if (self->transformer)
    self->classifier = alitra_classifier_new (self->transformer,
        self->receiver.model, threads, &error);
  if (self->classifier == NULL) {
    post_classifier_error (self, path, error);
    g_clear_error (&error);
    return FALSE;
  }
  labels = alitra_transformer_get_count (self->transformer);
  self->scores = g_new (gfloat, labels);
  self->found.labels = g_new (const gchar *, labels);
  self->found.scores = g_new (gfloat, labels);
  return TRUE;
}

static gboolean
gst_alitra_classify_stop (GstBaseTransform * base)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (base);

  g_clear_pointer (&self->classifier, alitra_classifier_free);
  g_clear_pointer (&self->transformer, alitra_transformer_unref);
  gst_alitra_receiver_stop (&self->receiver);
  g_clear_pointer (&self->scores, g_free);
  g_clear_pointer (&self->found.labels, g_free);
  g_clear_pointer (&self->found.scores, g_free);
  return TRUE;
}

static gboolean
gst_alitra_classify_start (GstBaseTransform * base)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (base);
  gchar *path, *token_path;
  gboolean loaded;
  guint threads;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  token_path = g_strdup (self->token_model_path);
  threads = self->threads;
  memset (&self->totals, 0, sizeof (self->totals));
  GST_OBJECT_UNLOCK (self);

  forget_stream (self);
  /* Nothing is painted: there is no work to share. */
  loaded = gst_alitra_receiver_start (&self->receiver, GST_ELEMENT (self),
      token_path, 1);
  self->receiver.property = "token-model";
  loaded = loaded && load_classifier (self, path, threads);
  g_free (path);
  g_free (token_path);
  if (!loaded)
    gst_alitra_classify_stop (base);
  return loaded;
}

static gboolean
gst_alitra_classify_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (base);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP) {
    gst_alitra_receiver_flush (&self->receiver);
    forget_stream (self);
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (base, event);
}

static gboolean
gst_alitra_classify_set_caps (GstBaseTransform * base, GstCaps * in,
    GstCaps * out)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (base);

  return gst_alitra_receiver_set_caps (&self->receiver, GST_ELEMENT (self), in);
}

/* PACKETS */

/* A packet that says nothing here may say something downstream: it passes. */
static void
pass_over (GstAlitraClassify * self, const GError * error, gboolean damaged)
{
  if (damaged)
    GST_WARNING_OBJECT (self, "%s", error->message);
  else
    GST_DEBUG_OBJECT (self, "%s", error->message);
  GST_OBJECT_LOCK (self);
  self->totals.errors += damaged ? 1 : 0;
  self->totals.unusable += damaged ? 0 : 1;
  GST_OBJECT_UNLOCK (self);
}

/* applied: the memory is that of the frame, as far as it came. */
static GstFlowReturn
apply (GstAlitraClassify * self, GstBuffer * buffer, gboolean * applied)
{
  GError *error = NULL;
  gboolean ask;
  const GstAlitraReceived received =
      gst_alitra_receiver_take (&self->receiver, GST_ELEMENT (self), buffer,
      PATIENCE, &ask, &error);

  *applied = received == GST_ALITRA_RECEIVED;
  if (received == GST_ALITRA_WRONG_MODEL)
    return GST_FLOW_ERROR;
  if (*applied)
    self->brought += self->receiver.info.tokens;
  else
    pass_over (self, error, received == GST_ALITRA_DAMAGED);
  g_clear_error (&error);
  if (ask)
    gst_alitra_ask_for_key (GST_BASE_TRANSFORM_SINK_PAD (self), FALSE);
  return GST_FLOW_OK;
}

/* LABELS */

static guint
count_tokens (GstAlitraClassify * self)
{
  const AlitraTokenTable none = { 0 };

  return alitra_token_table_fill (&none,
      alitra_detokenizer_get_memory (self->receiver.detokenizer),
      ALITRA_TOKENS_ALL);
}

/* Is it this frame's turn? */
static gboolean
is_due (GstAlitraClassify * self, const Settings * settings, guint tokens)
{
  if (self->since == 0)
    return TRUE;
  return self->since >= settings->interval
      && self->brought >= settings->min_change * tokens;
}

/* The surest labels, best first; of equals the first. */
static void
pick_labels (GstAlitraClassify * self, const Settings * settings)
{
  const guint labels = alitra_transformer_get_count (self->transformer);
  GstAlitraLabels *found = &self->found;

  for (found->count = 0; found->count < MIN (settings->top_k, labels);
      found->count++) {
    guint best = 0, i;

    for (i = 1; i < labels; i++)
      if (self->scores[i] > self->scores[best])
        best = i;
    if (self->scores[best] < settings->threshold)
      return;
    found->labels[found->count] =
        alitra_transformer_get_label (self->transformer, best);
    found->scores[found->count] = self->scores[best];
    /* Not again. */
    self->scores[best] = -1.f;
  }
}

static void
post_labels (GstAlitraClassify * self, GstBuffer * buffer, guint tokens,
    GstClockTime time)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  const GstClockTime pts = GST_BUFFER_PTS (buffer);
  GstClockTime stream_time = GST_CLOCK_TIME_NONE, running = GST_CLOCK_TIME_NONE;
  GstStructure *structure;

  if (segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (pts)) {
    stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, pts);
    running = gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts);
  }
  structure = gst_structure_new ("alitra-labels",
      "timestamp", G_TYPE_UINT64, pts,
      "stream-time", G_TYPE_UINT64, stream_time,
      "running-time", G_TYPE_UINT64, running,
      "duration", G_TYPE_UINT64, GST_BUFFER_DURATION (buffer),
      "tokens", G_TYPE_UINT, tokens, "time-ns", G_TYPE_UINT64, time, NULL);
  gst_alitra_labels_to_structure (&self->found, structure);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self), structure));
}

static gboolean
classify (GstAlitraClassify * self, GstBuffer * buffer,
    const Settings * settings, guint tokens)
{
  const AlitraMemory *memory =
      alitra_detokenizer_get_memory (self->receiver.detokenizer);
  GstClockTime time = gst_util_get_timestamp ();
  GError *error = NULL;

  if (!alitra_classifier_run (self->classifier, &memory, 1,
          settings->max_cells, self->scores, &error))
    goto overflow;
  time = gst_util_get_timestamp () - time;
  pick_labels (self, settings);
  gst_alitra_labels_attach (&self->found, buffer);
  if (settings->post_messages)
    post_labels (self, buffer, tokens, time);
  self->since = 0;
  self->brought = 0;
  GST_OBJECT_LOCK (self);
  self->totals.classified++;
  self->totals.time_ns += time;
  GST_OBJECT_UNLOCK (self);
  return TRUE;

overflow:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("The classifier cannot be used: %s", error->message), (NULL));
    g_clear_error (&error);
    return FALSE;
  }
}

static GstFlowReturn
gst_alitra_classify_transform_ip (GstBaseTransform * base, GstBuffer * buffer)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (base);
  GstFlowReturn flow;
  Settings settings;
  gboolean applied;
  guint tokens;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  self->totals.frames++;
  GST_OBJECT_UNLOCK (self);
  flow = apply (self, buffer, &applied);
  if (!applied)
    return flow;
  tokens = count_tokens (self);
  if (is_due (self, &settings, tokens)
      && !classify (self, buffer, &settings, tokens))
    return GST_FLOW_ERROR;
  self->since++;
  return GST_FLOW_OK;
}

/* OBJECT */

static void
gst_alitra_classify_finalize (GObject * object)
{
  GstAlitraClassify *self = GST_ALITRA_CLASSIFY (object);

  gst_alitra_classify_stop (GST_BASE_TRANSFORM (self));
  g_free (self->model_path);
  g_free (self->token_model_path);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_classify_init (GstAlitraClassify * self)
{
  const Settings settings = { DEFAULT_TOP_K, DEFAULT_THRESHOLD,
    DEFAULT_INTERVAL, DEFAULT_MIN_CHANGE, DEFAULT_MAX_CELLS,
    DEFAULT_POST_MESSAGES
  };

  self->settings = settings;
  self->threads = DEFAULT_THREADS;
}

static void
install_model_properties (GObjectClass * klass)
{
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (klass, PROP_MODEL,
      g_param_spec_string ("model", "Classifier file",
          "The .safetensors file with the weights and the labels of the "
          "classifier. Empty: the installed default, or "
          "alitra-classify.safetensors in a folder of the environment "
          "variable ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_TOKEN_MODEL,
      g_param_spec_string ("token-model", "Token model file",
          "The .safetensors file with the weights that the stream was made "
          "with. Empty: the installed default model, or "
          "alitra-base.safetensors in a folder of the environment variable "
          "ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads that share the work of a frame. 0: as many as the machine "
          "has cores. The labels do not depend on it.", 0, 256,
          DEFAULT_THREADS, fixed));
}

static void
install_live_properties (GObjectClass * klass)
{
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_TOP_K,
      g_param_spec_uint ("top-k", "Labels at most",
          "Labels of a frame that are told, the surest first.", 1, 1000,
          DEFAULT_TOP_K, live));
  g_object_class_install_property (klass, PROP_THRESHOLD,
      g_param_spec_double ("threshold", "Threshold",
          "Labels with a lower score are not told.", 0., 1.,
          DEFAULT_THRESHOLD, live));
  g_object_class_install_property (klass, PROP_INTERVAL,
      g_param_spec_uint ("interval", "Interval",
          "Classify one of so many frames at most.", 1, G_MAXUINT,
          DEFAULT_INTERVAL, live));
  g_object_class_install_property (klass, PROP_MIN_CHANGE,
      g_param_spec_double ("min-change", "Least change",
          "Classify only when the tokens that came new since the last time are "
          "at least this part of all that describe the frame. 0: in any case.",
          0., 1., DEFAULT_MIN_CHANGE, live));
  g_object_class_install_property (klass, PROP_MAX_CELLS,
      g_param_spec_uint ("max-cells", "Maximum of cells",
          "Cells that the transformer looks at: if the frame has more, coarse "
          "ones, and where tokens are their quarters in place of them (beside "
          "them above 256). Bounds the time of a frame. 0: all.", 0,
          G_MAXUINT, DEFAULT_MAX_CELLS, live));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Post an element message \"alitra-labels\" for each frame that was "
          "classified.", DEFAULT_POST_MESSAGES, live));
}

static void
gst_alitra_classify_class_init (GstAlitraClassifyClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_classify_debug, "alitraclassify", 0,
      "Alitra token classifier");
  gst_alitra_labels_register ();

  object_class->set_property = gst_alitra_classify_set_property;
  object_class->get_property = gst_alitra_classify_get_property;
  object_class->finalize = gst_alitra_classify_finalize;
  install_model_properties (object_class);
  install_live_properties (object_class);
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started: frames, classified, unusable "
          "(packets without the memory that they change), errors (damaged "
          "packets), time-ns (of the classifications).", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token classifier", "Filter/Analyzer/Video",
      "Says what a stream of video tokens shows, and passes the tokens on",
      "The gst-alitra authors");

  base_class->start = GST_DEBUG_FUNCPTR (gst_alitra_classify_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_alitra_classify_stop);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_alitra_classify_sink_event);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_alitra_classify_set_caps);
  base_class->transform_ip =
      GST_DEBUG_FUNCPTR (gst_alitra_classify_transform_ip);
}
