/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitragensrc
 * @title: alitragensrc
 *
 * Makes frames of adaptive-length video tokens out of nothing: a transformer decides for each cell how many tokens it
 * gets, and which. What it makes is a stream like any other; alitradec shows it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 alitragensrc label=parachute num-buffers=20 ! alitradec ! videoconvert ! autovideosink
 * ]| Show twenty pictures, five a second.
 */
#include "gstalitragensrc.h"

#include <alitra/alitra.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_gen_src_debug);
#define GST_CAT_DEFAULT gst_alitra_gen_src_debug

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_TOKEN_MODEL,
  PROP_LABEL,
  PROP_SEED,
  PROP_TOKENS,
  PROP_STEPS,
  PROP_TEMPERATURE,
  PROP_GUIDANCE,
  PROP_KEEP,
  PROP_THREADS,
  PROP_IS_LIVE,
  PROP_STATS
};

#define DEFAULT_SEED 0
#define DEFAULT_TOKENS 0
#define DEFAULT_STEPS 8
#define DEFAULT_TEMPERATURE 1.
#define DEFAULT_GUIDANCE 0.
#define DEFAULT_KEEP 0.
#define DEFAULT_THREADS 1
#define DEFAULT_IS_LIVE FALSE
#define DEFAULT_FRAMERATE 5

#define SIZES "(int) [ 128, 1024, 128 ]"

typedef struct
{
  guint64 frames, tokens, bytes, time_ns;
} Totals;

struct _GstAlitraGenSrc
{
  GstPushSrc parent;

  /* Properties and what they report; object lock. */
  gchar *model_path, *token_model_path, *label;
  AlitraGeneration generation;  /* without the label */
  guint threads;
  Totals totals;

  /* Streaming thread. */
  AlitraModel *model;
  AlitraGenerator *generator;
  AlitraStreamInfo stream;
  GByteArray *packet;
  guint64 frame;
  guint64 base_frame;           /* frames of earlier caps, and how long they were */
  GstClockTime base_time;
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS ", width = " SIZES
        ", height = " SIZES ", framerate = (fraction) [ 0/1, 2147483647/1 ]"));

#define gst_alitra_gen_src_parent_class parent_class
G_DEFINE_TYPE (GstAlitraGenSrc, gst_alitra_gen_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (alitragensrc, "alitragensrc", GST_RANK_NONE,
    GST_TYPE_ALITRA_GEN_SRC);

/* PROPERTIES */

static GstStructure *
make_stats (GstAlitraGenSrc * self)
{
  const Totals *sum = &self->totals;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "tokens", G_TYPE_UINT64, sum->tokens,
      "bytes", G_TYPE_UINT64, sum->bytes,
      "time-ns", G_TYPE_UINT64, sum->time_ns, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MODEL, GstAlitraGenSrc, model_path),
  GST_ALITRA_FIELD (PROP_TOKEN_MODEL, GstAlitraGenSrc, token_model_path),
  GST_ALITRA_FIELD (PROP_LABEL, GstAlitraGenSrc, label),
  GST_ALITRA_FIELD (PROP_SEED, GstAlitraGenSrc, generation.seed),
  GST_ALITRA_FIELD (PROP_TOKENS, GstAlitraGenSrc, generation.tokens),
  GST_ALITRA_FIELD (PROP_STEPS, GstAlitraGenSrc, generation.steps),
  GST_ALITRA_FIELD (PROP_TEMPERATURE, GstAlitraGenSrc, generation.temperature),
  GST_ALITRA_FIELD (PROP_GUIDANCE, GstAlitraGenSrc, generation.guidance),
  GST_ALITRA_FIELD (PROP_KEEP, GstAlitraGenSrc, generation.keep),
  GST_ALITRA_FIELD (PROP_THREADS, GstAlitraGenSrc, threads),
  {0}
};

static void
gst_alitra_gen_src_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  if (id == PROP_IS_LIVE)
    gst_base_src_set_live (GST_BASE_SRC (object), g_value_get_boolean (value));
  else
    gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_alitra_gen_src_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_IS_LIVE) {
    g_value_set_boolean (value, gst_base_src_is_live (GST_BASE_SRC (object)));
    return;
  }
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_GEN_SRC (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* FILES */

static void
post_generator_error (GstAlitraGenSrc * self, const gchar * path,
    const GError * error)
{
  const gchar *name = path && *path ? path : "(the installed default)";

  if (g_error_matches (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND))
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("No generator found: %s", error->message),
        ("model=%s; set the property \"model\" to a generator of gst-alitra",
            name));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("The generator cannot be used: %s", error->message),
        ("model=%s", name));
}

static gboolean
load (GstAlitraGenSrc * self, const gchar * path, const gchar * token_path,
    guint threads)
{
  GError *error = NULL;

  self->model = alitra_model_load (token_path, &error);
  if (self->model == NULL) {
    gst_alitra_post_model_error (GST_ELEMENT (self), token_path, error);
    g_clear_error (&error);
    return FALSE;
  }
  self->generator = alitra_generator_new (path, self->model, threads, &error);
  if (self->generator == NULL) {
    post_generator_error (self, path, error);
    g_clear_error (&error);
    return FALSE;
  }
  return TRUE;
}

/* WISHES */

static gchar *
list_labels (GstAlitraGenSrc * self)
{
  GString *labels = g_string_new (NULL);
  guint i;

  for (i = 0; i < alitra_generator_get_count (self->generator); i++)
    g_string_append_printf (labels, "%s%s", i ? ", " : "",
        alitra_generator_get_label (self->generator, i));
  return g_string_free (labels, FALSE);
}

/* What the next frame shall be; FALSE: there is no such label. */
static gboolean
take_wish (GstAlitraGenSrc * self, AlitraGeneration * wish)
{
  gchar *label, *labels;

  GST_OBJECT_LOCK (self);
  *wish = self->generation;
  label = g_strdup (self->label);
  GST_OBJECT_UNLOCK (self);

  wish->seed += self->frame;
  wish->label = -1;
  if (label && *label)
    wish->label = alitra_generator_find_label (self->generator, label);
  if (!label || !*label || wish->label >= 0) {
    g_free (label);
    return TRUE;
  }
  labels = list_labels (self);
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
      ("The generator %s knows no \"%s\": set \"label\" to one of %s, or leave "
          "it empty for anything", alitra_generator_get_id (self->generator),
          label, labels), (NULL));
  g_free (labels);
  g_free (label);
  return FALSE;
}

/* START AND STOP */

static gboolean
gst_alitra_gen_src_stop (GstBaseSrc * base)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (base);

  g_clear_pointer (&self->generator, alitra_generator_unref);
  g_clear_pointer (&self->model, alitra_model_unref);
  return TRUE;
}

static gboolean
gst_alitra_gen_src_start (GstBaseSrc * base)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (base);
  gchar *path, *token_path;
  AlitraGeneration wish;
  gboolean loaded;
  guint threads;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  token_path = g_strdup (self->token_model_path);
  threads = self->threads;
  memset (&self->totals, 0, sizeof (self->totals));
  GST_OBJECT_UNLOCK (self);

  self->frame = self->base_frame = 0;
  self->base_time = 0;
  memset (&self->stream, 0, sizeof (self->stream));
  /* A label that is not known shall not wait for the first frame. */
  loaded = load (self, path, token_path, threads) && take_wish (self, &wish);
  g_free (path);
  g_free (token_path);
  if (!loaded)
    gst_alitra_gen_src_stop (base);
  return loaded;
}

/* CAPS */

/* What a stream of that size is: the pictures that it was learned from were RGB. */
static void
describe (AlitraStreamInfo * stream, gint width, gint height, gint fps_n,
    gint fps_d)
{
  GstVideoInfo video;

  gst_video_info_set_format (&video, GST_VIDEO_FORMAT_RGB, width, height);
  GST_VIDEO_INFO_FPS_N (&video) = fps_n;
  GST_VIDEO_INFO_FPS_D (&video) = fps_d;
  gst_alitra_stream_from_video_info (stream, &video);
}

static GstCaps *
gst_alitra_gen_src_get_caps (GstBaseSrc * base, GstCaps * filter)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (base);
  GstCaps *caps = gst_pad_get_pad_template_caps (base->srcpad);
  AlitraStreamInfo stream;
  GstCaps *own;

  if (self->model) {
    own = gst_alitra_caps_new ("packet", alitra_model_get_id (self->model));
    describe (&stream, ALITRA_GENERATOR_TILE, ALITRA_GENERATOR_TILE, 1, 1);
    gst_alitra_caps_set_picture (own, &stream);
    /* Those of the template are wider. */
    gst_structure_remove_fields (gst_caps_get_structure (own, 0), "width",
        "height", "framerate", NULL);
    gst_caps_take (&caps, gst_caps_intersect (own, caps));
    gst_caps_unref (own);
  }
  if (filter)
    gst_caps_take (&caps, gst_caps_intersect_full (filter, caps,
            GST_CAPS_INTERSECT_FIRST));
  return caps;
}

static GstCaps *
gst_alitra_gen_src_fixate (GstBaseSrc * base, GstCaps * caps)
{
  GstStructure *structure;

  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  structure = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (structure, "width",
      ALITRA_GENERATOR_TILE);
  gst_structure_fixate_field_nearest_int (structure, "height",
      ALITRA_GENERATOR_TILE);
  gst_structure_fixate_field_nearest_fraction (structure, "framerate",
      DEFAULT_FRAMERATE, 1);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (base, caps);
}

static gboolean
gst_alitra_gen_src_set_caps (GstBaseSrc * base, GstCaps * caps)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (base);
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const AlitraStreamInfo before = self->stream;
  gint width, height, fps_n, fps_d;
  GError *error = NULL;

  if (!gst_structure_get_int (structure, "width", &width)
      || !gst_structure_get_int (structure, "height", &height)
      || !gst_structure_get_fraction (structure, "framerate", &fps_n, &fps_d))
    return FALSE;
  if (before.fps_n > 0) {
    self->base_time += gst_util_uint64_scale (self->frame - self->base_frame,
        before.fps_d * GST_SECOND, before.fps_n);
    self->base_frame = self->frame;
  }
  describe (&self->stream, width, height, fps_n, fps_d);
  if (alitra_generator_set_stream (self->generator, &self->stream, &error))
    return TRUE;
  GST_WARNING_OBJECT (self, "%s", error->message);
  g_clear_error (&error);
  return FALSE;
}

/* FRAMES */

static guint
count_tokens (GstAlitraGenSrc * self)
{
  const AlitraTokenTable none = { 0 };

  return alitra_token_table_fill (&none,
      alitra_generator_get_memory (self->generator), ALITRA_TOKENS_ALL);
}

static GstClockTime
time_of (GstAlitraGenSrc * self, guint64 frame)
{
  return self->base_time + gst_util_uint64_scale (frame - self->base_frame,
      self->stream.fps_d * GST_SECOND, self->stream.fps_n);
}

static GstBuffer *
make_buffer (GstAlitraGenSrc * self, GstClockTime time, GstClockTime duration)
{
  const GByteArray *packet = self->packet;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, packet->len, NULL);
  AlitraPacketInfo info;

  gst_buffer_fill (buffer, 0, packet->data, packet->len);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = time;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_BUFFER_OFFSET (buffer) = self->frame;
  GST_BUFFER_OFFSET_END (buffer) = self->frame + 1;
  alitra_packet_read_info (packet->data, packet->len, &info);
  if (!info.key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

static GstFlowReturn
gst_alitra_gen_src_create (GstPushSrc * push, GstBuffer ** buffer)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (push);
  GstClockTime time = 0, duration = GST_CLOCK_TIME_NONE, work;
  AlitraGeneration wish;
  GError *error = NULL;

  if (self->stream.fps_n > 0) {
    time = time_of (self, self->frame);
    duration = time_of (self, self->frame + 1) - time;
  } else if (self->frame > 0) {
    return GST_FLOW_EOS;        /* a still picture */
  }
  if (!take_wish (self, &wish))
    return GST_FLOW_ERROR;
  work = gst_util_get_timestamp ();
  if (!alitra_generator_run (self->generator, &wish, time, self->packet,
          &error))
    goto refused;
  work = gst_util_get_timestamp () - work;
  *buffer = make_buffer (self, time, duration);
  self->frame++;
  GST_OBJECT_LOCK (self);
  self->totals.frames++;
  self->totals.tokens += count_tokens (self);
  self->totals.bytes += self->packet->len;
  self->totals.time_ns += work;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;

refused:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("No frame can be generated: %s", error->message), (NULL));
    g_clear_error (&error);
    return GST_FLOW_ERROR;
  }
}

/* A live source waits for the time of each buffer. */
static void
gst_alitra_gen_src_get_times (GstBaseSrc * base, GstBuffer * buffer,
    GstClockTime * start, GstClockTime * end)
{
  *start = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live (base) || !GST_BUFFER_PTS_IS_VALID (buffer))
    return;
  *start = GST_BUFFER_PTS (buffer);
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    *end = *start + GST_BUFFER_DURATION (buffer);
}

static gboolean
gst_alitra_gen_src_is_seekable (GstBaseSrc * base)
{
  return FALSE;
}

static gboolean
gst_alitra_gen_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (base);
  GstClockTime latency = 0;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (parent_class)->query (base, query);
  if (self->stream.fps_n > 0)
    latency = time_of (self, self->base_frame + 1) - self->base_time;
  gst_query_set_latency (query, gst_base_src_is_live (base), latency,
      GST_CLOCK_TIME_NONE);
  return TRUE;
}

/* OBJECT */

static void
gst_alitra_gen_src_finalize (GObject * object)
{
  GstAlitraGenSrc *self = GST_ALITRA_GEN_SRC (object);

  gst_alitra_gen_src_stop (GST_BASE_SRC (self));
  g_byte_array_unref (self->packet);
  g_free (self->model_path);
  g_free (self->token_model_path);
  g_free (self->label);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_gen_src_init (GstAlitraGenSrc * self)
{
  alitra_generation_init (&self->generation);
  self->generation.seed = DEFAULT_SEED;
  self->generation.tokens = DEFAULT_TOKENS;
  self->generation.steps = DEFAULT_STEPS;
  self->generation.temperature = DEFAULT_TEMPERATURE;
  self->generation.guidance = DEFAULT_GUIDANCE;
  self->generation.keep = DEFAULT_KEEP;
  self->threads = DEFAULT_THREADS;
  self->packet = g_byte_array_new ();
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_live (GST_BASE_SRC (self), DEFAULT_IS_LIVE);
}

static void
install_fixed_properties (GObjectClass * klass)
{
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (klass, PROP_MODEL,
      g_param_spec_string ("model", "Generator file",
          "The .safetensors file with the weights and the labels of the "
          "generator. Empty: the installed default, or "
          "alitra-generate.safetensors in a folder of the environment "
          "variable ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_TOKEN_MODEL,
      g_param_spec_string ("token-model", "Token model file",
          "The .safetensors file with the weights whose tokens the generator "
          "makes. Empty: the installed default model, or "
          "alitra-base.safetensors in a folder of the environment variable "
          "ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads that share the work of a frame. 0: as many as the machine "
          "has cores. The frames do not depend on it.", 0, 256,
          DEFAULT_THREADS, fixed));
  g_object_class_install_property (klass, PROP_IS_LIVE,
      g_param_spec_boolean ("is-live", "Is live",
          "Make each frame when its time has come, as a camera does.",
          DEFAULT_IS_LIVE, fixed));
}

static void
install_live_properties (GObjectClass * klass)
{
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "What the frames shall show, by one of the generator's labels. "
          "Empty: anything.", NULL, live));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed",
          "The same seed and settings give the same frames. Each frame adds "
          "one to it.", 0, G_MAXUINT64, DEFAULT_SEED, live));
  g_object_class_install_property (klass, PROP_TOKENS,
      g_param_spec_uint ("tokens", "Tokens",
          "About so many tokens describe a picture of 128x128, and never "
          "more. 0: as many as the generator can.", 0, 4096, DEFAULT_TOKENS,
          live));
  g_object_class_install_property (klass, PROP_STEPS,
      g_param_spec_uint ("steps", "Steps",
          "In so many steps the cells of a level are drawn: more take more "
          "time and fit better to each other.", 1, 64, DEFAULT_STEPS, live));
  g_object_class_install_property (klass, PROP_TEMPERATURE,
      g_param_spec_double ("temperature", "Temperature",
          "1: tokens are drawn as often as the generator thinks right. Less: "
          "likelier ones. 0: always the likeliest.", 0., 100.,
          DEFAULT_TEMPERATURE, live));
  g_object_class_install_property (klass, PROP_GUIDANCE,
      g_param_spec_double ("guidance", "Guidance",
          "How much more the frames are drawn towards the label, at twice the "
          "time. 0: not more.", 0., 100., DEFAULT_GUIDANCE, live));
  g_object_class_install_property (klass, PROP_KEEP,
      g_param_spec_double ("keep", "Keep",
          "This part of the cells stays as it was in the frame before; the "
          "others are drawn anew. 0: each frame is a picture of its own.", 0.,
          1., DEFAULT_KEEP, live));
}

static void
gst_alitra_gen_src_class_init (GstAlitraGenSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GstPushSrcClass *push_class = GST_PUSH_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_gen_src_debug, "alitragensrc", 0,
      "Alitra token generator");

  object_class->set_property = gst_alitra_gen_src_set_property;
  object_class->get_property = gst_alitra_gen_src_get_property;
  object_class->finalize = gst_alitra_gen_src_finalize;
  install_fixed_properties (object_class);
  install_live_properties (object_class);
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started: frames, tokens (that describe "
          "them), bytes, time-ns (of the generator).", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token generator", "Source/Video",
      "Makes frames of adaptive-length video tokens out of nothing",
      "The gst-alitra authors");

  base_class->start = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_stop);
  base_class->get_caps = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_get_caps);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_set_caps);
  base_class->get_times = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_get_times);
  base_class->is_seekable = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_is_seekable);
  base_class->query = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_query);
  push_class->create = GST_DEBUG_FUNCPTR (gst_alitra_gen_src_create);
}
