/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitradec
 * @title: alitradec
 *
 * Rebuilds pictures from adaptive-length video tokens. decodebin and playbin find it by themselves. What gets lost on
 * the way costs its own region: it is concealed, marked on the buffer, and heals by the encoder's rolling refresh or by a
 * key frame that the decoder asks for.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! alitraenc ! alitradec ! videoconvert ! autovideosink
 * ]| See what the tokens keep of a picture.
 */
#include "gstalitradec.h"

#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitralostmeta.h"
#include "gstalitrareceiver.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_dec_debug);
#define GST_CAT_DEFAULT gst_alitra_dec_debug

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_MAX_DEPTH,
  PROP_CONCEAL,
  PROP_HEAL_FRAMES,
  PROP_EXACT,
  PROP_THREADS,
  PROP_STATS
};

#define DEFAULT_MAX_DEPTH 0
#define DEFAULT_CONCEAL TRUE
#define DEFAULT_HEAL_FRAMES 30
#define DEFAULT_THREADS 0

typedef struct
{
  guint64 frames, key_frames;
  guint64 new_tokens, bits;
  guint64 concealed, lost_frames, dropped, errors;
  GstClockTime decode_time;
} Totals;

struct _GstAlitraDec
{
  GstVideoDecoder parent;

  /* Properties and what they report; object lock. */
  gchar *model_path;
  guint max_depth;
  gboolean conceal;
  guint heal_frames;
  gboolean exact;
  guint threads;
  Totals totals;

  /* Streaming thread. */
  GstAlitraReceiver receiver;
  GstVideoCodecState *input_state;
  AlitraStreamInfo stream;      /* that the output caps describe; width 0: none yet */
  gboolean has_picture;         /* the memory describes something that was shown */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) I420, "
        "width = (int) [ 1, 8192 ], height = (int) [ 1, 8192 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

#define gst_alitra_dec_parent_class parent_class
G_DEFINE_TYPE (GstAlitraDec, gst_alitra_dec, GST_TYPE_VIDEO_DECODER);
GST_ELEMENT_REGISTER_DEFINE (alitradec, "alitradec", GST_RANK_PRIMARY,
    GST_TYPE_ALITRA_DEC);

/* PROPERTIES */

static GstStructure *
make_stats (GstAlitraDec * self)
{
  const Totals *sum = &self->totals;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "key-frames", G_TYPE_UINT64, sum->key_frames,
      "new-tokens", G_TYPE_UINT64, sum->new_tokens,
      "bits", G_TYPE_UINT64, sum->bits,
      "concealed", G_TYPE_UINT64, sum->concealed,
      "lost-frames", G_TYPE_UINT64, sum->lost_frames,
      "dropped", G_TYPE_UINT64, sum->dropped,
      "errors", G_TYPE_UINT64, sum->errors,
      "decode-time-ns", G_TYPE_UINT64, sum->decode_time, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MODEL, GstAlitraDec, model_path),
  GST_ALITRA_FIELD (PROP_MAX_DEPTH, GstAlitraDec, max_depth),
  GST_ALITRA_FIELD (PROP_CONCEAL, GstAlitraDec, conceal),
  GST_ALITRA_FIELD (PROP_HEAL_FRAMES, GstAlitraDec, heal_frames),
  GST_ALITRA_FIELD (PROP_EXACT, GstAlitraDec, exact),
  GST_ALITRA_FIELD (PROP_THREADS, GstAlitraDec, threads),
  {0}
};

static void
gst_alitra_dec_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_alitra_dec_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_DEC (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* START AND STOP */

static gboolean
gst_alitra_dec_start (GstVideoDecoder * decoder)
{
  GstAlitraDec *self = GST_ALITRA_DEC (decoder);
  guint threads;
  gboolean ok;
  gchar *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  threads = self->threads;
  memset (&self->totals, 0, sizeof (self->totals));
  GST_OBJECT_UNLOCK (self);

  memset (&self->stream, 0, sizeof (self->stream));
  self->has_picture = FALSE;
  ok = gst_alitra_receiver_start (&self->receiver, GST_ELEMENT (self), path,
      threads);
  g_free (path);
  return ok;
}

static gboolean
gst_alitra_dec_stop (GstVideoDecoder * decoder)
{
  GstAlitraDec *self = GST_ALITRA_DEC (decoder);

  gst_alitra_receiver_stop (&self->receiver);
  g_clear_pointer (&self->input_state, gst_video_codec_state_unref);
  return TRUE;
}

static gboolean
gst_alitra_dec_flush (GstVideoDecoder * decoder)
{
  GstAlitraDec *self = GST_ALITRA_DEC (decoder);

  gst_alitra_receiver_flush (&self->receiver);
  self->has_picture = FALSE;
  return TRUE;
}

/* NEGOTIATION */

static gboolean
gst_alitra_dec_set_format (GstVideoDecoder * decoder,
    GstVideoCodecState * state)
{
  GstAlitraDec *self = GST_ALITRA_DEC (decoder);

  if (!gst_alitra_receiver_set_caps (&self->receiver, GST_ELEMENT (self),
          state->caps))
    return FALSE;
  g_clear_pointer (&self->input_state, gst_video_codec_state_unref);
  self->input_state = gst_video_codec_state_ref (state);
  /* The packets say how large the pictures are; new caps may carry a new frame rate. */
  memset (&self->stream, 0, sizeof (self->stream));
  return TRUE;
}

static gboolean
set_output (GstAlitraDec * self, const AlitraStreamInfo * stream)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);
  GstVideoCodecState *state;
  GstVideoInfo *info;

  if (memcmp (&self->stream, stream, sizeof (*stream)) == 0)
    return TRUE;
  state = gst_video_decoder_set_output_state (decoder, GST_VIDEO_FORMAT_I420,
      stream->width, stream->height, self->input_state);
  if (state == NULL)
    return FALSE;
  info = &state->info;
  gst_alitra_stream_get_colorimetry (stream, &info->colorimetry);
  if (stream->fps_n > 0) {
    GST_VIDEO_INFO_FPS_N (info) = stream->fps_n;
    GST_VIDEO_INFO_FPS_D (info) = stream->fps_d;
  }
  GST_VIDEO_INFO_PAR_N (info) = stream->par_n;
  GST_VIDEO_INFO_PAR_D (info) = stream->par_d;
  gst_video_codec_state_unref (state);
  if (!gst_video_decoder_negotiate (decoder))
    return FALSE;
  self->stream = *stream;
  return TRUE;
}

static gboolean
gst_alitra_dec_decide_allocation (GstVideoDecoder * decoder, GstQuery * query)
{
  GstBufferPool *pool;
  GstStructure *config;

  if (!GST_VIDEO_DECODER_CLASS (parent_class)->decide_allocation (decoder,
          query))
    return FALSE;
  gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, NULL, NULL);
  if (pool == NULL)
    return TRUE;
  if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL)) {
    config = gst_buffer_pool_get_config (pool);
    gst_buffer_pool_config_add_option (config,
        GST_BUFFER_POOL_OPTION_VIDEO_META);
    gst_buffer_pool_set_config (pool, config);
  }
  gst_object_unref (pool);
  return TRUE;
}

/* FRAMES */

static gboolean
paint (GstAlitraDec * self, GstVideoCodecFrame * frame, GError ** error)
{
  GstVideoCodecState *state =
      gst_video_decoder_get_output_state (GST_VIDEO_DECODER (self));
  GstVideoFrame video;
  AlitraFrame picture;
  guint max_depth;
  gboolean exact, ok = FALSE;

  GST_OBJECT_LOCK (self);
  max_depth = self->max_depth;
  exact = self->exact;
  GST_OBJECT_UNLOCK (self);
  alitra_detokenizer_set_exact (self->receiver.detokenizer, exact);
  if (gst_video_frame_map (&video, &state->info, frame->output_buffer,
          GST_MAP_WRITE)) {
    ok = gst_alitra_frame_from_video_frame (&picture, &video)
        && alitra_detokenizer_render (self->receiver.detokenizer, max_depth,
        &picture, error);
    gst_video_frame_unmap (&video);
  } else {
    g_set_error_literal (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "the output buffer cannot be written");
  }
  gst_video_codec_state_unref (state);
  return ok;
}

/* Regions that the memory does not know are marked. */
static void
mark_lost (GstAlitraDec * self, GstVideoCodecFrame * frame, gboolean whole)
{
  const AlitraStreamInfo *stream =
      alitra_detokenizer_get_stream (self->receiver.detokenizer);

  if (!whole && self->receiver.loss.cells == 0)
    return;
  GST_VIDEO_CODEC_FRAME_FLAG_SET (frame, GST_VIDEO_CODEC_FRAME_FLAG_CORRUPTED);
  gst_alitra_buffer_mark_lost (frame->output_buffer,
      whole ? NULL : alitra_detokenizer_get_memory (self->receiver.detokenizer),
      stream->width, stream->height);
}

/* Shows what the memory describes; `stale`: it is not the frame's. */
static GstFlowReturn
show (GstAlitraDec * self, GstVideoCodecFrame * frame, gboolean stale)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);
  GError *error = NULL;
  GstFlowReturn flow;

  flow = gst_video_decoder_allocate_output_frame (decoder, frame);
  if (flow != GST_FLOW_OK) {
    gst_video_decoder_release_frame (decoder, frame);
    return flow;
  }
  if (!paint (self, frame, &error))
    goto failed;
  mark_lost (self, frame, stale);
  return gst_video_decoder_finish_frame (decoder, frame);

failed:
  {
    GST_ELEMENT_ERROR (self, LIBRARY, FAILED,
        ("A picture could not be rebuilt: %s", error->message), (NULL));
    g_clear_error (&error);
    gst_video_decoder_release_frame (decoder, frame);
    return GST_FLOW_ERROR;
  }
}

/* Whether the picture that the memory describes is to be shown. */
static gboolean
may_show (GstAlitraDec * self, gboolean concealed)
{
  gboolean show;

  GST_OBJECT_LOCK (self);
  show = !concealed || self->conceal;
  if (!show)
    self->totals.dropped++;
  else if (concealed)
    self->totals.concealed++;
  GST_OBJECT_UNLOCK (self);
  return show;
}

/* The packet is of no use: shows the last picture once more, or nothing. */
static GstFlowReturn
bridge (GstAlitraDec * self, GstVideoCodecFrame * frame)
{
  if (!self->has_picture || self->stream.width == 0) {
    GST_OBJECT_LOCK (self);
    self->totals.dropped++;
    GST_OBJECT_UNLOCK (self);
  } else if (may_show (self, TRUE)) {
    return show (self, frame, TRUE);
  }
  return gst_video_decoder_drop_frame (GST_VIDEO_DECODER (self), frame);
}

static void
count_error (GstAlitraDec * self)
{
  GST_OBJECT_LOCK (self);
  self->totals.errors++;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
pass_over (GstAlitraDec * self, GstVideoCodecFrame * frame,
    GstAlitraReceived received, GError * error)
{
  GstFlowReturn flow = GST_FLOW_OK;

  if (received == GST_ALITRA_WRONG_MODEL)
    flow = GST_FLOW_ERROR;
  else if (received == GST_ALITRA_DAMAGED) {
    count_error (self);
    GST_VIDEO_DECODER_ERROR (self, 1, STREAM, DECODE,
        ("A token packet is damaged: %s", error->message), (NULL), flow);
  } else {
    GST_DEBUG_OBJECT (self, "%s", error->message);
  }
  g_clear_error (&error);
  if (flow != GST_FLOW_OK) {
    gst_video_decoder_release_frame (GST_VIDEO_DECODER (self), frame);
    return flow;
  }
  return bridge (self, frame);
}

static void
count (GstAlitraDec * self, GstClockTime decode_time)
{
  const AlitraPacketInfo *info = &self->receiver.info;
  const AlitraLoss *loss = &self->receiver.loss;
  Totals *sum = &self->totals;

  GST_OBJECT_LOCK (self);
  sum->frames++;
  sum->key_frames += info->key ? 1 : 0;
  sum->new_tokens += info->tokens;
  sum->bits += 8 * (guint64) info->size;
  sum->lost_frames += loss->chunks > 0 || loss->gap > 0;
  sum->errors += loss->damaged > 0 || loss->mismatch;
  sum->decode_time += decode_time;
  GST_OBJECT_UNLOCK (self);
}

static GstAlitraReceived
take (GstAlitraDec * self, GstVideoCodecFrame * frame, GError ** error)
{
  GstAlitraReceived received;
  guint patience;
  gboolean ask;

  GST_OBJECT_LOCK (self);
  patience = self->heal_frames;
  GST_OBJECT_UNLOCK (self);
  received = gst_alitra_receiver_take (&self->receiver, GST_ELEMENT (self),
      frame->input_buffer, patience, &ask, error);
  if (ask)
    gst_video_decoder_request_sync_point (GST_VIDEO_DECODER (self), frame, 0);
  return received;
}

static GstFlowReturn
gst_alitra_dec_handle_frame (GstVideoDecoder * decoder,
    GstVideoCodecFrame * frame)
{
  GstAlitraDec *self = GST_ALITRA_DEC (decoder);
  GstClockTime begin = gst_util_get_timestamp ();
  GstAlitraReceived received;
  GstFlowReturn flow;
  GError *error = NULL;

  received = take (self, frame, &error);
  if (received != GST_ALITRA_RECEIVED)
    return pass_over (self, frame, received, error);
  if (self->receiver.info.key)
    GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT (frame);
  if (!set_output (self,
          alitra_detokenizer_get_stream (self->receiver.detokenizer)))
    goto not_negotiated;
  self->has_picture = TRUE;

  /* The tokens are in the memory; a picture that comes too late need not be painted. */
  if (gst_video_decoder_get_max_decode_time (decoder, frame) < 0
      || !may_show (self, self->receiver.loss.cells > 0)) {
    count (self, gst_util_get_timestamp () - begin);
    return gst_video_decoder_drop_frame (decoder, frame);
  }
  flow = show (self, frame, FALSE);
  count (self, gst_util_get_timestamp () - begin);
  return flow;

not_negotiated:
  {
    gst_video_decoder_release_frame (decoder, frame);
    return GST_PAD_IS_FLUSHING (GST_VIDEO_DECODER_SRC_PAD (decoder)) ?
        GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
}

/* OBJECT */

static void
gst_alitra_dec_finalize (GObject * object)
{
  GstAlitraDec *self = GST_ALITRA_DEC (object);

  gst_alitra_dec_stop (GST_VIDEO_DECODER (self));
  g_free (self->model_path);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_dec_init (GstAlitraDec * self)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);

  self->max_depth = DEFAULT_MAX_DEPTH;
  self->conceal = DEFAULT_CONCEAL;
  self->heal_frames = DEFAULT_HEAL_FRAMES;
  self->threads = DEFAULT_THREADS;
  gst_video_decoder_set_packetized (decoder, TRUE);
  gst_video_decoder_set_needs_format (decoder, TRUE);
  /* The packets say themselves what they need, and the library checks it. */
  gst_video_decoder_set_needs_sync_point (decoder, FALSE);
  gst_video_decoder_set_use_default_pad_acceptcaps (decoder, TRUE);
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_VIDEO_DECODER_SINK_PAD (decoder));
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
  g_object_class_install_property (klass, PROP_MAX_DEPTH,
      g_param_spec_uint ("max-depth", "Maximum depth",
          "Tokens of each cell that are shown at most, coarse ones first. "
          "0: all that came.", 0, ALITRA_MAX_DEPTH, DEFAULT_MAX_DEPTH, live));
  g_object_class_install_property (klass, PROP_CONCEAL,
      g_param_spec_boolean ("conceal", "Conceal loss",
          "Show pictures of which parts are lost and concealed, flagged as "
          "corrupted. Otherwise show nothing until all is whole again.",
          DEFAULT_CONCEAL, live));
  g_object_class_install_property (klass, PROP_HEAL_FRAMES,
      g_param_spec_uint ("heal-frames", "Frames to heal",
          "Frames that a lost region may wait for the sender's rolling refresh "
          "before a key frame is asked for. 0: ask at once.", 0, 65534,
          DEFAULT_HEAL_FRAMES, live));
  g_object_class_install_property (klass, PROP_EXACT,
      g_param_spec_boolean ("exact", "Exact pictures",
          "Pictures that depend on nothing but the tokens, bit for bit. "
          "Otherwise a part that its neighbours change by less than 0.15 grey "
          "levels is not painted again, which is faster.", FALSE, live));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads that share the work on a frame. 0: as many as the machine "
          "has cores, 1: the streaming thread alone.", 0, 256,
          DEFAULT_THREADS, fixed));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started: frames, key-frames, new-tokens, "
          "bits, concealed (frames shown of which parts are lost), "
          "lost-frames (frames of which something did not arrive), dropped, "
          "errors (damaged packets), decode-time-ns.",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_alitra_dec_class_init (GstAlitraDecClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstVideoDecoderClass *decoder_class = GST_VIDEO_DECODER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_dec_debug, "alitradec", 0,
      "Alitra token decoder");

  object_class->set_property = gst_alitra_dec_set_property;
  object_class->get_property = gst_alitra_dec_get_property;
  object_class->finalize = gst_alitra_dec_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token decoder", "Codec/Decoder/Video",
      "Rebuilds pictures from adaptive-length video tokens",
      "The gst-alitra authors");

  decoder_class->start = GST_DEBUG_FUNCPTR (gst_alitra_dec_start);
  decoder_class->stop = GST_DEBUG_FUNCPTR (gst_alitra_dec_stop);
  decoder_class->flush = GST_DEBUG_FUNCPTR (gst_alitra_dec_flush);
  decoder_class->set_format = GST_DEBUG_FUNCPTR (gst_alitra_dec_set_format);
  decoder_class->handle_frame = GST_DEBUG_FUNCPTR (gst_alitra_dec_handle_frame);
  decoder_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_alitra_dec_decide_allocation);
}
