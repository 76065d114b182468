/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitraenc
 * @title: alitraenc
 *
 * Turns live video into adaptive-length tokens: a few for a stretch of clear sky, many for the corner of a shop front,
 * none for what did not change. One frame in, one packet out, without delay.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! alitraenc target-tokens=1000 ! filesink location=test.alitra
 * ]| 1000 tokens a frame into a file that `gst-play-1.0` plays.
 * |[
 * gst-launch-1.0 videotestsrc ! alitraenc name=enc ! queue ! fakesink enc.overlay ! queue ! videoconvert ! autovideosink
 * ]| Watch where the tokens go. As behind a tee, each pad needs its own queue.
 */
#include "gstalitraenc.h"

#include <alitra/alitra.h>
#include <string.h>

#include "gstalitrabucket.h"
#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrainspect.h"
#include "gstalitraoverlaypad.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY (gst_alitra_enc_debug);
#define GST_CAT_DEFAULT gst_alitra_enc_debug

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_TARGET_TOKENS,
  PROP_TARGET_RATE,
  PROP_QUALITY,
  PROP_EXACT_LENGTH,
  PROP_MAX_DEPTH,
  PROP_ALLOCATION,
  PROP_OBJECTIVE,
  PROP_TEMPORAL_REUSE,
  PROP_REUSE_THRESHOLD,
  PROP_KEY_INT_MAX,
  PROP_REFRESH,
  PROP_SCALABLE,
  PROP_THREADS,
  PROP_OVERLAY_ALPHA,
  PROP_OVERLAY_STYLE,
  PROP_OVERLAY_LEGEND,
  PROP_POST_MESSAGES,
  PROP_STATS
};

#define DEFAULT_TARGET_RATE 0
#define DEFAULT_THREADS 0
#define DEFAULT_OVERLAY_ALPHA 0.6
#define DEFAULT_OVERLAY_STYLE ALITRA_OVERLAY_HEATMAP
#define DEFAULT_OVERLAY_LEGEND TRUE
#define DEFAULT_POST_MESSAGES FALSE

/* A frame cannot hold more: the tokens of all cells of all levels of the largest picture, at the greatest depth. */
#define MAX_TARGET_TOKENS G_MAXINT

typedef struct
{
  guint64 frames, key_frames;
  guint64 tokens, kept_tokens, new_tokens, bits;
  guint64 patches, active_patches;
  guint64 held_frames, late_frames;
  GstClockTime encode_time;
} Totals;

struct _GstAlitraEnc
{
  GstVideoEncoder parent;

  /* Properties and what they report; object lock. */
  gchar *model_path;
  AlitraSettings settings;
  guint target_rate;
  guint threads;
  GstAlitraOverlayLook look;
  gboolean post_messages;
  Totals totals;
  AlitraFrameStats last;
  GstClockTime last_encode_time;

  GMutex tokenizer_lock;        /* held while the tokenizer works or goes: whoever inspects it waits for that alone */

  /* Streaming thread. */
  AlitraModel *model;
  AlitraTokenizer *tokenizer;
  GstVideoInfo info;
  GByteArray *packet;
  guint since_key;              /* frames, the key frame among them; 0: the next one must be a key frame */
  GstAlitraBucket bucket;
  gboolean events_wait;         /* sticky events came since the last packet went out */
  GstClockTime looked_at;       /* running time of the last frame that was not held */
  GstAlitraOverlay overlay;
  GQueue held;                  /* finished frames that wait while the pipeline prerolls, see must_hold() */
  gint told_qos;                /* atomic: downstream said how late it is since the start or a flush; the base class goes on
                                 * believing what it heard before a flush */
  gint sink_needs_packet;       /* atomic: no packet was pushed since PAUSED was reached or a flush */
};

/* So many packets wait at most. */
#define MOST_HELD 1024

/* A picture that stands still because downstream is late moves at least so often. */
#define LONGEST_HOLD GST_SECOND

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_RAW_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_ENCODED_CAPS));

static GstStaticPadTemplate overlay_template =
    GST_STATIC_PAD_TEMPLATE ("overlay", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_ALITRA_RAW_CAPS ";"
        "video/x-raw(meta:GstVideoOverlayComposition), format = (string) "
        GST_ALITRA_RAW_FORMATS ", width = (int) [ 1, 8192 ], "
        "height = (int) [ 1, 8192 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

#define gst_alitra_enc_parent_class parent_class
G_DEFINE_TYPE (GstAlitraEnc, gst_alitra_enc, GST_TYPE_VIDEO_ENCODER);
GST_ELEMENT_REGISTER_DEFINE (alitraenc, "alitraenc", GST_RANK_NONE,
    GST_TYPE_ALITRA_ENC);

#define GST_TYPE_ALITRA_ENC_ALLOCATION (gst_alitra_enc_allocation_get_type ())
static GType
gst_alitra_enc_allocation_get_type (void)
{
  static const GEnumValue values[] = {
    {ALITRA_ALLOCATION_LEARNED,
        "The recurrent module decides cell by cell", "learned"},
    {ALITRA_ALLOCATION_UNIFORM,
        "Control: the same depth for every cell of a level", "uniform"},
    {ALITRA_ALLOCATION_COMPLEXITY,
        "Control: in proportion to the variance of the cell", "complexity"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraEncAllocation", values));
  return type;
}

#define GST_TYPE_ALITRA_ENC_OBJECTIVE (gst_alitra_enc_objective_get_type ())
static GType
gst_alitra_enc_objective_get_type (void)
{
  static const GEnumValue values[] = {
    {ALITRA_OBJECTIVE_PICTURE,
        "The rebuilt picture, as people see it", "picture"},
    {ALITRA_OBJECTIVE_RECOGNITION,
        "What a transformer makes of the tokens", "recognition"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraEncObjective", values));
  return type;
}

#define GST_TYPE_ALITRA_ENC_OVERLAY_STYLE (gst_alitra_enc_overlay_style_get_type ())
static GType
gst_alitra_enc_overlay_style_get_type (void)
{
  static const GEnumValue values[] = {
    {ALITRA_OVERLAY_HEATMAP, "A translucent colour for each patch", "heatmap"},
    {ALITRA_OVERLAY_GRID,
        "Cells as squares of their level, brighter where deeper", "grid"},
    {ALITRA_OVERLAY_CONTOURS, "Lines of equal density", "contours"},
    {ALITRA_OVERLAY_AGE,
          "A translucent colour for each patch: how long it has been kept",
        "age"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraEncOverlayStyle", values));
  return type;
}

/* PROPERTIES */

static GstStructure *
make_stats (GstAlitraEnc * self)
{
  const Totals *sum = &self->totals;
  const AlitraFrameStats *last = &self->last;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "key-frames", G_TYPE_UINT64, sum->key_frames,
      "tokens", G_TYPE_UINT64, sum->tokens,
      "kept-tokens", G_TYPE_UINT64, sum->kept_tokens,
      "new-tokens", G_TYPE_UINT64, sum->new_tokens,
      "bits", G_TYPE_UINT64, sum->bits,
      "patches", G_TYPE_UINT64, sum->patches,
      "active-patches", G_TYPE_UINT64, sum->active_patches,
      "held-frames", G_TYPE_UINT64, sum->held_frames,
      "late-frames", G_TYPE_UINT64, sum->late_frames,
      "encode-time-ns", G_TYPE_UINT64, sum->encode_time,
      "last-key", G_TYPE_BOOLEAN, last->key,
      "last-tokens", G_TYPE_UINT, last->tokens,
      "last-kept-tokens", G_TYPE_UINT, last->kept_tokens,
      "last-new-tokens", G_TYPE_UINT, last->new_tokens,
      "last-tokens-16", G_TYPE_UINT, last->level_tokens[0],
      "last-tokens-32", G_TYPE_UINT, last->level_tokens[1],
      "last-tokens-64", G_TYPE_UINT, last->level_tokens[2],
      "last-bits", G_TYPE_UINT64, last->bits,
      "last-patches", G_TYPE_UINT, last->patches,
      "last-active-patches", G_TYPE_UINT, last->active_patches,
      "last-fresh-patches", G_TYPE_UINT, last->fresh_patches,
      "last-sharpened-patches", G_TYPE_UINT, last->sharpened_patches,
      "last-kept-patches", G_TYPE_UINT, last->kept_patches,
      "last-price", G_TYPE_DOUBLE, last->price,
      "last-noise", G_TYPE_DOUBLE, last->noise,
      "last-encode-time-ns", G_TYPE_UINT64, self->last_encode_time, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MODEL, GstAlitraEnc, model_path),
  GST_ALITRA_FIELD (PROP_TARGET_TOKENS, GstAlitraEnc, settings.target_tokens),
  GST_ALITRA_FIELD (PROP_TARGET_RATE, GstAlitraEnc, target_rate),
  GST_ALITRA_FIELD (PROP_QUALITY, GstAlitraEnc, settings.quality),
  GST_ALITRA_FIELD (PROP_EXACT_LENGTH, GstAlitraEnc, settings.exact_length),
  GST_ALITRA_FIELD (PROP_MAX_DEPTH, GstAlitraEnc, settings.max_depth),
  GST_ALITRA_FIELD (PROP_ALLOCATION, GstAlitraEnc, settings.allocation),
  GST_ALITRA_FIELD (PROP_OBJECTIVE, GstAlitraEnc, settings.objective),
  GST_ALITRA_FIELD (PROP_TEMPORAL_REUSE, GstAlitraEnc, settings.temporal_reuse),
  GST_ALITRA_FIELD (PROP_REUSE_THRESHOLD, GstAlitraEnc,
      settings.reuse_threshold),
  GST_ALITRA_FIELD (PROP_KEY_INT_MAX, GstAlitraEnc, settings.key_interval),
  GST_ALITRA_FIELD (PROP_SCALABLE, GstAlitraEnc, settings.scalable),
  GST_ALITRA_FIELD (PROP_REFRESH, GstAlitraEnc, settings.refresh_interval),
  GST_ALITRA_FIELD (PROP_THREADS, GstAlitraEnc, threads),
  GST_ALITRA_FIELD (PROP_OVERLAY_ALPHA, GstAlitraEnc, look.alpha),
  GST_ALITRA_FIELD (PROP_OVERLAY_STYLE, GstAlitraEnc, look.style),
  GST_ALITRA_FIELD (PROP_OVERLAY_LEGEND, GstAlitraEnc, look.legend),
  GST_ALITRA_FIELD (PROP_POST_MESSAGES, GstAlitraEnc, post_messages),
  {0}
};

static void
gst_alitra_enc_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_alitra_enc_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_ENC (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* START AND STOP */

/* The end of the colour scale: what a patch holds when its cells at all levels are as deep as the model allows. */
static gfloat
densest_patch (AlitraModel * model)
{
  gfloat density = 0, share = 1;
  guint level;

  for (level = 0; level < ALITRA_LEVELS; level++, share /= 4)
    density += share * alitra_model_get_max_depth (model, level);
  return density;
}

/* Whatever comes next has nothing to do with the frames before. */
static void
forget_past (GstAlitraEnc * self)
{
  self->since_key = 0;
  self->looked_at = GST_CLOCK_TIME_NONE;
  gst_alitra_bucket_reset (&self->bucket);
}

static gboolean
gst_alitra_enc_start (GstVideoEncoder * encoder)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);
  GError *error = NULL;
  gchar *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  memset (&self->totals, 0, sizeof (self->totals));
  memset (&self->last, 0, sizeof (self->last));
  self->last_encode_time = 0;
  GST_OBJECT_UNLOCK (self);

  self->model = alitra_model_load (path, &error);
  if (self->model == NULL) {
    gst_alitra_post_model_error (GST_ELEMENT (self), path, error);
    g_clear_error (&error);
    g_free (path);
    return FALSE;
  }
  g_free (path);
  GST_OBJECT_LOCK (self);
  self->look.densest = densest_patch (self->model);
  GST_OBJECT_UNLOCK (self);
  forget_past (self);
  self->events_wait = TRUE;
  gst_alitra_overlay_reset (&self->overlay);
  return TRUE;
}

static void
drop_held (GstAlitraEnc * self)
{
  GstVideoCodecFrame *frame;

  while ((frame = g_queue_pop_head (&self->held)))
    gst_video_codec_frame_unref (frame);
}

static void
set_tokenizer (GstAlitraEnc * self, AlitraTokenizer * tokenizer)
{
  g_mutex_lock (&self->tokenizer_lock);
  g_clear_pointer (&self->tokenizer, alitra_tokenizer_free);
  self->tokenizer = tokenizer;
  g_mutex_unlock (&self->tokenizer_lock);
}

static gboolean
gst_alitra_enc_stop (GstVideoEncoder * encoder)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);

  drop_held (self);
  set_tokenizer (self, NULL);
  g_clear_pointer (&self->model, alitra_model_unref);
  gst_video_info_init (&self->info);
  gst_alitra_overlay_reset (&self->overlay);
  return TRUE;
}

static gboolean
gst_alitra_enc_flush (GstVideoEncoder * encoder)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);

  drop_held (self);
  g_atomic_int_set (&self->sink_needs_packet, TRUE);
  g_atomic_int_set (&self->told_qos, FALSE);
  forget_past (self);
  return TRUE;
}

/* NEGOTIATION */

static GstCaps *
choose_caps (GstAlitraEnc * self)
{
  static const gchar *const formats[] = { "packet", "byte-stream" };
  const gchar *id = alitra_model_get_id (self->model);
  GstPad *src = GST_VIDEO_ENCODER_SRC_PAD (self);
  GstCaps *allowed = gst_pad_get_allowed_caps (src);
  GstCaps *chosen = NULL;
  guint i;

  for (i = 0; chosen == NULL && i < G_N_ELEMENTS (formats); i++) {
    chosen = gst_alitra_caps_new (formats[i], id);
    if (allowed && !gst_caps_can_intersect (allowed, chosen))
      gst_clear_caps (&chosen);
  }
  if (chosen == NULL)
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
        ("What follows does not take the tokens of model %s", id),
        ("downstream allows %" GST_PTR_FORMAT, allowed));
  gst_clear_caps (&allowed);
  return chosen;
}

static void
set_tags (GstAlitraEnc * self)
{
  GstTagList *tags = gst_tag_list_new (GST_TAG_VIDEO_CODEC, "Alitra tokens",
      GST_TAG_ENCODER, "alitraenc", GST_TAG_ENCODER_VERSION,
      ALITRA_VERSION_MAJOR, NULL);

  gst_video_encoder_merge_tags (GST_VIDEO_ENCODER (self), tags,
      GST_TAG_MERGE_REPLACE);
  gst_tag_list_unref (tags);
}

static gboolean
set_output (GstAlitraEnc * self, GstVideoCodecState * state,
    const AlitraStreamInfo * stream)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (self);
  GstCaps *caps = choose_caps (self);
  GstVideoCodecState *output;

  if (caps == NULL)
    return FALSE;
  output = gst_video_encoder_set_output_state (encoder, caps, state);
  /* The base class writes these into the caps; tokens of RGB pictures hold Y'CbCr. */
  gst_alitra_stream_get_colorimetry (stream, &output->info.colorimetry);
  gst_video_codec_state_unref (output);
  set_tags (self);
  gst_video_encoder_set_latency (encoder, 0, 0);
  return TRUE;
}

static gboolean
gst_alitra_enc_set_format (GstVideoEncoder * encoder,
    GstVideoCodecState * state)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);
  AlitraStreamInfo stream;
  GError *error = NULL;
  guint threads;

  if (GST_VIDEO_INFO_IS_INTERLACED (&state->info))
    goto interlaced;
  GST_OBJECT_LOCK (self);
  threads = self->threads;
  GST_OBJECT_UNLOCK (self);

  /* Another picture: the memory of the last one describes nothing of it. */
  set_tokenizer (self, NULL);
  gst_alitra_stream_from_video_info (&stream, &state->info);
  set_tokenizer (self,
      alitra_tokenizer_new (self->model, &stream, threads, &error));
  if (self->tokenizer == NULL)
    goto no_tokenizer;
  self->info = state->info;
  self->since_key = 0;
  gst_alitra_overlay_set_info (&self->overlay, &state->info);
  return set_output (self, state, &stream);

  /* ERRORS */
interlaced:
  {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("alitraenc takes progressive video only; put a deinterlace element "
            "in front of it"),
        ("got interlace-mode=%s",
            gst_video_interlace_mode_to_string
            (GST_VIDEO_INFO_INTERLACE_MODE (&state->info))));
    return FALSE;
  }
no_tokenizer:
  {
    GST_ELEMENT_ERROR (self, LIBRARY, SETTINGS,
        ("This video cannot be tokenised: %s", error->message),
        ("caps %" GST_PTR_FORMAT, state->caps));
    g_clear_error (&error);
    return FALSE;
  }
}

static gboolean
gst_alitra_enc_propose_allocation (GstVideoEncoder * encoder, GstQuery * query)
{
  if (!GST_VIDEO_ENCODER_CLASS (parent_class)->propose_allocation (encoder,
          query))
    return FALSE;
  if (!gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

/* FRAMES */

static void
post_frame_stats (GstAlitraEnc * self, GstClockTime pts,
    const AlitraFrameStats * stats, GstClockTime encode_time)
{
  GstSegment *segment = &GST_VIDEO_ENCODER (self)->input_segment;
  GstStructure *structure = gst_structure_new ("alitra-frame-stats",
      "timestamp", G_TYPE_UINT64, pts,
      "stream-time", G_TYPE_UINT64,
      gst_segment_to_stream_time (segment, GST_FORMAT_TIME, pts),
      "running-time", G_TYPE_UINT64,
      gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts),
      "key", G_TYPE_BOOLEAN, stats->key,
      "tokens", G_TYPE_UINT, stats->tokens,
      "kept-tokens", G_TYPE_UINT, stats->kept_tokens,
      "new-tokens", G_TYPE_UINT, stats->new_tokens,
      "tokens-16", G_TYPE_UINT, stats->level_tokens[0],
      "tokens-32", G_TYPE_UINT, stats->level_tokens[1],
      "tokens-64", G_TYPE_UINT, stats->level_tokens[2],
      "bits", G_TYPE_UINT64, stats->bits,
      "patches", G_TYPE_UINT, stats->patches,
      "active-patches", G_TYPE_UINT, stats->active_patches,
      "fresh-patches", G_TYPE_UINT, stats->fresh_patches,
      "sharpened-patches", G_TYPE_UINT, stats->sharpened_patches,
      "kept-patches", G_TYPE_UINT, stats->kept_patches,
      "price", G_TYPE_DOUBLE, stats->price,
      "noise", G_TYPE_DOUBLE, stats->noise,
      "encode-time-ns", G_TYPE_UINT64, encode_time, NULL);

  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self), structure));
}

static GstClockTime
running_time_of (GstAlitraEnc * self, GstVideoCodecFrame * frame)
{
  return gst_segment_to_running_time (&GST_VIDEO_ENCODER (self)->input_segment,
      GST_FORMAT_TIME, frame->pts);
}

/* Downstream will not show the frame in time.  A picture that stands still for ever would help nobody either: as sinks
 * do, one in LONGEST_HOLD is done all the same. */
static gboolean
is_too_late (GstAlitraEnc * self, GstVideoCodecFrame * frame)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (self);
  GstClockTime now = running_time_of (self, frame);

  return gst_video_encoder_is_qos_enabled (encoder)
      && g_atomic_int_get (&self->told_qos)
      && gst_video_encoder_get_max_encode_time (encoder, frame) < 0
      && GST_CLOCK_TIME_IS_VALID (now)
      && GST_CLOCK_TIME_IS_VALID (self->looked_at)
      && now < self->looked_at + LONGEST_HOLD;
}

/* Says that we do less than we could. */
static void
post_qos (GstAlitraEnc * self, GstVideoCodecFrame * frame)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (self);
  GstSegment *segment = &encoder->input_segment;
  GstMessage *message = gst_message_new_qos (GST_OBJECT (self), FALSE,
      running_time_of (self, frame),
      gst_segment_to_stream_time (segment, GST_FORMAT_TIME, frame->pts),
      frame->pts, frame->duration);

  gst_message_set_qos_values (message,
      -gst_video_encoder_get_max_encode_time (encoder, frame), 1.0, 0);
  gst_element_post_message (GST_ELEMENT (self), message);
}

static GstClockTime
interval_of (GstAlitraEnc * self, GstVideoCodecFrame * frame)
{
  if (self->info.fps_n > 0)
    return gst_util_uint64_scale (GST_SECOND, self->info.fps_d,
        self->info.fps_n);
  return frame->duration;
}

/* What is to be done with a frame. */
typedef struct
{
  AlitraSettings settings;
  guint rate;                   /* new tokens a second, 0: no limit */
  gboolean key, late;
} Plan;

static void
plan_frame (GstAlitraEnc * self, GstVideoCodecFrame * frame, Plan * plan)
{
  AlitraSettings *settings = &plan->settings;

  GST_OBJECT_LOCK (self);
  *settings = self->settings;
  plan->rate = self->target_rate;
  GST_OBJECT_UNLOCK (self);

  plan->late = FALSE;
  plan->key = self->since_key == 0
      || GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME (frame);
  if (!plan->key) {
    plan->late = is_too_late (self, frame);
    /* There is nothing in such a buffer that was ever seen. */
    settings->hold = plan->late
        || GST_BUFFER_FLAG_IS_SET (frame->input_buffer, GST_BUFFER_FLAG_GAP);
  }
  if (settings->refresh_interval > 0 || settings->hold)
    settings->key_interval = 0;
  plan->key |= settings->key_interval > 0
      && self->since_key >= settings->key_interval;
  if (plan->rate > 0) {
    settings->max_new_tokens = gst_alitra_bucket_fill (&self->bucket,
        plan->rate, frame->pts, interval_of (self, frame), plan->key);
    settings->hold |= settings->max_new_tokens == 0;
  }
}

static void
note_frame (GstAlitraEnc * self, GstVideoCodecFrame * frame, const Plan * plan,
    const AlitraFrameStats * stats)
{
  self->since_key = stats->key ? 1 : self->since_key + 1;
  if (plan->rate > 0)
    gst_alitra_bucket_take (&self->bucket, stats->new_tokens);
  if (!plan->late)
    self->looked_at = running_time_of (self, frame);
  else
    post_qos (self, frame);
}

static void
count (GstAlitraEnc * self, GstClockTime pts, const AlitraFrameStats * stats,
    const Plan * plan, GstClockTime encode_time)
{
  Totals *sum = &self->totals;
  gboolean post;

  GST_OBJECT_LOCK (self);
  sum->frames++;
  sum->key_frames += stats->key ? 1 : 0;
  sum->tokens += stats->tokens;
  sum->kept_tokens += stats->kept_tokens;
  sum->new_tokens += stats->new_tokens;
  sum->bits += stats->bits;
  sum->patches += stats->patches;
  sum->active_patches += stats->active_patches;
  sum->held_frames += plan->settings.hold && !stats->key;
  sum->late_frames += plan->late;
  sum->encode_time += encode_time;
  self->last = *stats;
  self->last_encode_time = encode_time;
  post = self->post_messages;
  GST_OBJECT_UNLOCK (self);
  if (post)
    post_frame_stats (self, pts, stats, encode_time);
}

/* Tokenises the picture into self->packet. */
static gboolean
encode (GstAlitraEnc * self, GstVideoCodecFrame * frame,
    AlitraFrameStats * stats)
{
  GstClockTime begin = gst_util_get_timestamp ();
  AlitraFrame picture;
  GstVideoFrame video;
  GError *error = NULL;
  gboolean ok;
  Plan plan;

  plan_frame (self, frame, &plan);
  if (!gst_video_frame_map (&video, &self->info, frame->input_buffer,
          GST_MAP_READ))
    goto no_map;
  g_mutex_lock (&self->tokenizer_lock);
  ok = gst_alitra_frame_from_video_frame (&picture, &video)
      && alitra_tokenizer_encode (self->tokenizer, &picture, &plan.settings,
      plan.key, GST_CLOCK_TIME_IS_VALID (frame->pts) ? frame->pts :
      ALITRA_PACKET_NO_PTS, self->packet, stats, &error);
  g_mutex_unlock (&self->tokenizer_lock);
  gst_video_frame_unmap (&video);
  if (!ok)
    goto failed;
  note_frame (self, frame, &plan, stats);
  count (self, frame->pts, stats, &plan, gst_util_get_timestamp () - begin);
  return TRUE;

  /* ERRORS */
no_map:
  {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("A frame of the input is smaller than its caps say"),
        ("expected %" G_GSIZE_FORMAT " bytes or a GstVideoMeta, got %"
            G_GSIZE_FORMAT " bytes", self->info.size,
            gst_buffer_get_size (frame->input_buffer)));
    return FALSE;
  }
failed:
  {
    GST_ELEMENT_ERROR (self, LIBRARY, ENCODE,
        ("A frame could not be tokenised: %s",
            error ? error->message : "unknown pixel format"), (NULL));
    g_clear_error (&error);
    return FALSE;
  }
}

static GstFlowReturn
push_held (GstAlitraEnc * self)
{
  GstVideoCodecFrame *frame;
  GstFlowReturn flow = GST_FLOW_OK;

  while ((frame = g_queue_pop_head (&self->held))) {
    GstFlowReturn one =
        gst_video_encoder_finish_frame (GST_VIDEO_ENCODER (self), frame);

    if (flow == GST_FLOW_OK)
      flow = one;
  }
  return flow;
}

/* While the pipeline prerolls, the sink of the tokens takes one packet and blocks, and what follows the overlay may need
 * many pictures before its sink has one (an encoder with look-ahead).  If packets were pushed all the same, the queue
 * behind `src` would fill up and both would wait for ever.  The packets are small: they wait here. */
static gboolean
must_hold (GstAlitraEnc * self, gboolean overlay)
{
  return overlay && GST_STATE (self) < GST_STATE_PLAYING
      && !g_atomic_int_get (&self->sink_needs_packet)
      && g_queue_get_length (&self->held) < MOST_HELD;
}

/* A frame that waits keeps metas and times of its input, but not the picture: upstream may need the buffer. */
static void
hold (GstAlitraEnc * self, GstVideoCodecFrame * frame)
{
  GstBuffer *empty = gst_buffer_new ();

  gst_buffer_copy_into (empty, frame->input_buffer, GST_BUFFER_COPY_METADATA,
      0, -1);
  gst_buffer_replace (&frame->input_buffer, empty);
  gst_buffer_unref (empty);
  g_queue_push_tail (&self->held, frame);
}

static GstFlowReturn
push_packet (GstAlitraEnc * self, GstVideoCodecFrame * frame, gboolean key,
    gboolean overlay)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (self);
  GstFlowReturn flow;

  frame->output_buffer =
      gst_video_encoder_allocate_output_buffer (encoder, self->packet->len);
  gst_buffer_fill (frame->output_buffer, 0, self->packet->data,
      self->packet->len);
  if (key)
    GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT (frame);
  if (must_hold (self, overlay)) {
    hold (self, frame);
    return GST_FLOW_OK;
  }
  g_atomic_int_set (&self->sink_needs_packet, FALSE);
  flow = push_held (self);
  if (flow != GST_FLOW_OK) {
    gst_video_codec_frame_unref (frame);
    return flow;
  }
  self->events_wait = FALSE;
  return gst_video_encoder_finish_frame (encoder, frame);
}

static gboolean
stops_all (GstFlowReturn flow)
{
  return flow != GST_FLOW_OK && flow != GST_FLOW_NOT_LINKED
      && flow != GST_FLOW_EOS;
}

static GstFlowReturn
push_both (GstAlitraEnc * self, GstVideoCodecFrame * frame,
    const AlitraFrameStats * stats)
{
  GstPad *pad = gst_alitra_overlay_get_linked_pad (&self->overlay);
  GstFlowReturn flow, overlay_flow = GST_FLOW_NOT_LINKED;
  GstBuffer *input = pad ? gst_buffer_ref (frame->input_buffer) : NULL;
  GstAlitraOverlayLook look;

  flow = push_packet (self, frame, stats->key, pad != NULL);
  if (pad && !stops_all (flow)) {
    GST_OBJECT_LOCK (self);
    look = self->look;
    GST_OBJECT_UNLOCK (self);
    overlay_flow = gst_alitra_overlay_push (&self->overlay, pad, input,
        alitra_tokenizer_get_memory (self->tokenizer), stats, &look);
  }
  if (!stops_all (flow))
    flow = gst_alitra_overlay_combine (&self->overlay, flow, pad, overlay_flow);
  gst_clear_buffer (&input);
  gst_clear_object (&pad);
  return flow;
}

static GstFlowReturn
gst_alitra_enc_handle_frame (GstVideoEncoder * encoder,
    GstVideoCodecFrame * frame)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);
  AlitraFrameStats stats;

  if (self->tokenizer == NULL)
    goto not_negotiated;
  if (!encode (self, frame, &stats)) {
    gst_video_codec_frame_unref (frame);
    return GST_FLOW_ERROR;
  }
  return push_both (self, frame, &stats);

not_negotiated:
  {
    gst_video_codec_frame_unref (frame);
    return GST_FLOW_NOT_NEGOTIATED;
  }
}

static GstFlowReturn
gst_alitra_enc_finish (GstVideoEncoder * encoder)
{
  return push_held (GST_ALITRA_ENC (encoder));
}

/* EVENTS AND PADS */

/* The base class keeps events until the next frame goes out, gaps too; but when that frame comes a gap is over, and
 * nobody needs to know any more.  So gaps go out at once, unless others wait that must go first. */
static gboolean
sink_event (GstAlitraEnc * self, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP && !self->events_wait
      && g_queue_is_empty (&self->held))
    return gst_pad_push_event (GST_VIDEO_ENCODER_SRC_PAD (self), event);
  if (GST_EVENT_IS_STICKY (event))
    self->events_wait = TRUE;
  return GST_VIDEO_ENCODER_CLASS (parent_class)->sink_event
      (GST_VIDEO_ENCODER (self), event);
}

static gboolean
gst_alitra_enc_sink_event (GstVideoEncoder * encoder, GstEvent * event)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (encoder);
  gboolean handled;

  gst_event_ref (event);
  gst_alitra_overlay_event_before (&self->overlay, event);
  handled = sink_event (self, event);
  gst_alitra_overlay_event_after (&self->overlay, event);
  gst_event_unref (event);
  return handled;
}

static gboolean
gst_alitra_enc_src_event (GstVideoEncoder * encoder, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
    g_atomic_int_set (&GST_ALITRA_ENC (encoder)->told_qos, TRUE);
  return GST_VIDEO_ENCODER_CLASS (parent_class)->src_event (encoder, event);
}

static GstStateChangeReturn
gst_alitra_enc_change_state (GstElement * element, GstStateChange transition)
{
  /* Sinks that come to PAUSED, from either side, want one packet before they block. */
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED
      || transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    g_atomic_int_set (&GST_ALITRA_ENC (element)->sink_needs_packet, TRUE);
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static GstPad *
gst_alitra_enc_request_new_pad (GstElement * element, GstPadTemplate * templ,
    const gchar * name, const GstCaps * caps)
{
  return gst_alitra_overlay_request_pad (&GST_ALITRA_ENC (element)->overlay,
      templ, name);
}

static void
gst_alitra_enc_release_pad (GstElement * element, GstPad * pad)
{
  gst_alitra_overlay_release_pad (&GST_ALITRA_ENC (element)->overlay, pad);
}

/* SIGNALS */

static GstStructure *
gst_alitra_enc_inspect_patch (GstAlitraEnc * self, guint x, guint y)
{
  GstStructure *patch = NULL;

  g_mutex_lock (&self->tokenizer_lock);
  if (self->tokenizer)
    patch = gst_alitra_inspect_patch (self->tokenizer,
        GST_VIDEO_INFO_WIDTH (&self->info), GST_VIDEO_INFO_HEIGHT (&self->info),
        x, y);
  g_mutex_unlock (&self->tokenizer_lock);
  return patch;
}

/* OBJECT */

static void
gst_alitra_enc_finalize (GObject * object)
{
  GstAlitraEnc *self = GST_ALITRA_ENC (object);

  gst_alitra_overlay_clear (&self->overlay);
  g_clear_pointer (&self->tokenizer, alitra_tokenizer_free);
  g_clear_pointer (&self->model, alitra_model_unref);
  g_byte_array_unref (self->packet);
  g_mutex_clear (&self->tokenizer_lock);
  g_free (self->model_path);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_enc_init (GstAlitraEnc * self)
{
  g_queue_init (&self->held);
  g_mutex_init (&self->tokenizer_lock);
  alitra_settings_init (&self->settings);
  self->target_rate = DEFAULT_TARGET_RATE;
  self->threads = DEFAULT_THREADS;
  self->look.alpha = DEFAULT_OVERLAY_ALPHA;
  self->look.style = DEFAULT_OVERLAY_STYLE;
  self->look.legend = DEFAULT_OVERLAY_LEGEND;
  self->post_messages = DEFAULT_POST_MESSAGES;
  self->packet = g_byte_array_new ();
  gst_alitra_overlay_init (&self->overlay, GST_VIDEO_ENCODER (self));
}

static void
install_properties (GObjectClass * klass)
{
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;
  AlitraSettings settings;

  alitra_settings_init (&settings);

  g_object_class_install_property (klass, PROP_MODEL,
      g_param_spec_string ("model", "Model file",
          "The .safetensors file with the trained weights. Empty: the "
          "installed default model, or alitra-base.safetensors in a folder "
          "of the environment variable ALITRA_MODEL_PATH.", NULL, fixed));
  g_object_class_install_property (klass, PROP_TARGET_TOKENS,
      g_param_spec_uint ("target-tokens", "Target tokens",
          "Tokens that describe each frame, all levels together, whether new "
          "or kept from earlier frames. 0: as many as \"quality\" finds worth "
          "their price.", 0, MAX_TARGET_TOKENS, settings.target_tokens, live));
  g_object_class_install_property (klass, PROP_TARGET_RATE,
      g_param_spec_uint ("target-rate", "Target rate",
          "New tokens a second, for links: what a frame may not bring follows "
          "in later ones, and up to half a second's worth is saved for when "
          "much changes. 0: no limit.", 0, GST_ALITRA_BUCKET_MAX_RATE,
          DEFAULT_TARGET_RATE, live));
  g_object_class_install_property (klass, PROP_QUALITY,
      g_param_spec_double ("quality", "Quality",
          "Quality of each frame when \"target-tokens\" is 0: the distortion "
          "that a token must take off falls by half every 10. 0: fewest "
          "tokens, 100: most.", 0.0, 100.0, settings.quality, live));
  g_object_class_install_property (klass, PROP_EXACT_LENGTH,
      g_param_spec_boolean ("exact-length", "Exact length",
          "Spend exactly \"target-tokens\" on each frame even where they help "
          "little, so that frames can be batched. Does nothing when "
          "\"target-tokens\" is 0.", settings.exact_length, live));
  g_object_class_install_property (klass, PROP_MAX_DEPTH,
      g_param_spec_uint ("max-depth", "Maximum depth",
          "Tokens that one cell of any level may hold at most. 0: as many as "
          "the model has steps.", 0, ALITRA_MAX_DEPTH, settings.max_depth,
          fixed));
  g_object_class_install_property (klass, PROP_ALLOCATION,
      g_param_spec_enum ("allocation", "Allocation",
          "Who decides how many tokens a cell gets. The values other than "
          "learned are controls to measure against.",
          GST_TYPE_ALITRA_ENC_ALLOCATION, settings.allocation, fixed));
  g_object_class_install_property (klass, PROP_OBJECTIVE,
      g_param_spec_enum ("objective", "Objective",
          "What tokens should help: the rebuilt picture, or transformers such "
          "as alitraclassify. Matters when \"allocation\" is learned.",
          GST_TYPE_ALITRA_ENC_OBJECTIVE, settings.objective, live));
  g_object_class_install_property (klass, PROP_TEMPORAL_REUSE,
      g_param_spec_boolean ("temporal-reuse", "Temporal reuse",
          "Cells that did not change keep their tokens from frame to frame, "
          "which costs neither tokens nor time.", settings.temporal_reuse,
          live));
  g_object_class_install_property (klass, PROP_REUSE_THRESHOLD,
      g_param_spec_double ("reuse-threshold", "Reuse threshold",
          "Mean absolute difference, in grey levels of 0..255, up to which a "
          "patch of 16x16 pixels counts as unchanged against what was last "
          "tokenised. 0: any difference is a change.", 0.0, 255.0,
          settings.reuse_threshold, live));
  g_object_class_install_property (klass, PROP_KEY_INT_MAX,
      g_param_spec_uint ("key-int-max", "Maximum key frame interval",
          "Frames from one key frame to the next at most. 0: only the first "
          "frame, and frames for which a key unit is asked, are key frames.",
          0, G_MAXINT, settings.key_interval, fixed));
  g_object_class_install_property (klass, PROP_REFRESH,
      g_param_spec_uint ("refresh", "Refresh",
          "Frames within which every cell is sent anew, a few in each frame "
          "(rolling intra refresh), in place of the key frames that "
          "\"key-int-max\" would make. 0: off.",
          0, G_MAXINT, settings.refresh_interval, fixed));
  g_object_class_install_property (klass, PROP_SCALABLE,
      g_param_spec_boolean ("scalable", "Scalable",
          "Give coarse cells tokens whatever the price is, and every packet "
          "all layers, so that a stream that alitratrim cuts is nearly as good "
          "as one encoded with so many tokens. Whole streams are up to 0.3 dB "
          "worse for it, and small packets larger.", settings.scalable, fixed));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads that share the work on a frame; the packets do not depend "
          "on it. 0: as many as the machine has cores, 1: the streaming "
          "thread alone.", 0, 256, DEFAULT_THREADS, fixed));
  g_object_class_install_property (klass, PROP_OVERLAY_ALPHA,
      g_param_spec_double ("overlay-alpha", "Overlay opacity",
          "Opacity of the densest fresh patch on the pad \"overlay\". 0: "
          "invisible, 1: hides the picture.", 0.0, 1.0,
          DEFAULT_OVERLAY_ALPHA, live));
  g_object_class_install_property (klass, PROP_OVERLAY_STYLE,
      g_param_spec_enum ("overlay-style", "Overlay style",
          "How the pad \"overlay\" shows where the tokens are.",
          GST_TYPE_ALITRA_ENC_OVERLAY_STYLE, DEFAULT_OVERLAY_STYLE, live));
  g_object_class_install_property (klass, PROP_OVERLAY_LEGEND,
      g_param_spec_boolean ("overlay-legend", "Overlay legend",
          "Write the tokens of the frame, the share that was kept, the size "
          "of the packet and the scale of the colours on the pad \"overlay\". "
          "Pictures under 160x90 pixels have no room for it.",
          DEFAULT_OVERLAY_LEGEND, live));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Post an element message \"alitra-frame-stats\" on the bus for each "
          "frame, with its timestamps, tokens, bits and encoding time.",
          DEFAULT_POST_MESSAGES, live));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started (frames, key-frames, tokens, "
          "kept-tokens, new-tokens, bits, patches, active-patches, "
          "held-frames, late-frames, encode-time-ns), and the same of the last frame (last-key, "
          "last-tokens and so on).",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_alitra_enc_class_init (GstAlitraEncClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstVideoEncoderClass *encoder_class = GST_VIDEO_ENCODER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_enc_debug, "alitraenc", 0,
      "Alitra token encoder");

  object_class->set_property = gst_alitra_enc_set_property;
  object_class->get_property = gst_alitra_enc_get_property;
  object_class->finalize = gst_alitra_enc_finalize;
  install_properties (object_class);

  /**
   * GstAlitraEnc::inspect-patch:
   * @x: column of a pixel
   * @y: row of a pixel
   *
   * What describes the patch of 16x16 pixels at that place in the frame that was encoded last: position, density, age,
   * and for its cells of 16, 32 and 64 pixels depth, tokens, age and the predicted gain of one more token. May be
   * called from any thread.
   *
   * Returns: (transfer full) (nullable): the structure alitra-patch; %NULL before the first frame and outside of it
   */
  g_signal_new_class_handler ("inspect-patch", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_alitra_enc_inspect_patch), NULL, NULL, NULL,
      GST_TYPE_STRUCTURE, 2, G_TYPE_UINT, G_TYPE_UINT);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &overlay_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token encoder", "Codec/Encoder/Video",
      "Turns video into adaptive-length tokens, many where they help and few "
      "where they do not", "The gst-alitra authors");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_alitra_enc_change_state);
  element_class->request_new_pad =
      GST_DEBUG_FUNCPTR (gst_alitra_enc_request_new_pad);
  element_class->release_pad = GST_DEBUG_FUNCPTR (gst_alitra_enc_release_pad);

  encoder_class->start = GST_DEBUG_FUNCPTR (gst_alitra_enc_start);
  encoder_class->stop = GST_DEBUG_FUNCPTR (gst_alitra_enc_stop);
  encoder_class->flush = GST_DEBUG_FUNCPTR (gst_alitra_enc_flush);
  encoder_class->set_format = GST_DEBUG_FUNCPTR (gst_alitra_enc_set_format);
  encoder_class->finish = GST_DEBUG_FUNCPTR (gst_alitra_enc_finish);
  encoder_class->handle_frame = GST_DEBUG_FUNCPTR (gst_alitra_enc_handle_frame);
  encoder_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_alitra_enc_propose_allocation);
  encoder_class->sink_event = GST_DEBUG_FUNCPTR (gst_alitra_enc_sink_event);
  encoder_class->src_event = GST_DEBUG_FUNCPTR (gst_alitra_enc_src_event);

  gst_type_mark_as_plugin_api (GST_TYPE_ALITRA_ENC_ALLOCATION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_ALITRA_ENC_OBJECTIVE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_ALITRA_ENC_OVERLAY_STYLE, 0);
}
