/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitratrim
 * @title: alitratrim
 *
 * Cuts each packet of tokens to a budget by leaving out its last quality layers. Nothing is decoded, so one encoding
 * can serve many receivers. The budgets can change at any time, and with #GstAlitraTrim:rate-control the element finds a
 * bit rate by itself that the network and the receiver can take.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc ! alitraenc ! alitratrim max-tokens=200 ! alitradec ! videoconvert ! autovideosink
 * ]| See what 200 new tokens a frame are worth.
 */
#include "gstalitratrim.h"

#include <alitra/packet.h>
#include <string.h>

#include "gstalitracongestion.h"
#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_trim_debug);
#define GST_CAT_DEFAULT gst_alitra_trim_debug

enum
{
  PROP_0,
  PROP_MAX_TOKENS,
  PROP_MAX_BYTES,
  PROP_MAX_LAYERS,
  PROP_MAX_BITRATE,
  PROP_MIN_BITRATE,
  PROP_RATE_CONTROL,
  PROP_STATS
};

enum
{
  SIGNAL_RECEIVER_REPORT,
  LAST_SIGNAL
};

static guint signals[LAST_SIGNAL];

typedef enum
{
  RATE_CONTROL_NONE,
  RATE_CONTROL_CONGESTION
} RateControl;

#define DEFAULT_MIN_BITRATE 8   /* kbit/s */

/* With max-bitrate: what was not spent can be spent later, within this time. */
#define SAVING_TIME GST_SECOND

/* What a packet may be at most; 0: no limit. */
typedef struct
{
  guint tokens, bytes, layers;
} Budget;

typedef struct
{
  guint64 frames, trimmed, over_budget, unreadable;
  guint64 tokens_in, tokens_out, bits_in, bits_out;
} Totals;

struct _GstAlitraTrim
{
  GstBaseTransform parent;

  /* Properties and what they report; object lock. */
  Budget budget;
  guint max_bitrate, min_bitrate;       /* kbit/s */
  RateControl rate_control;
  GstAlitraCongestion congestion;
  Totals totals;

  /* Streaming thread. */
  AlitraPacketLayout layout;
  GByteArray *packet;
  gint64 savings;               /* bits that may be spent */
  GstClockTime savings_time;    /* of the packet for which that was worked out */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

#define gst_alitra_trim_parent_class parent_class
G_DEFINE_TYPE (GstAlitraTrim, gst_alitra_trim, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (alitratrim, "alitratrim", GST_RANK_NONE,
    GST_TYPE_ALITRA_TRIM);

#define RATE_CONTROL_TYPE (rate_control_get_type ())

static GType
rate_control_get_type (void)
{
  static const GEnumValue values[] = {
    {RATE_CONTROL_NONE, "Only the budgets count", "none"},
    {RATE_CONTROL_CONGESTION,
          "Less when packets get lost or come too late, more when they do not",
        "congestion"},
    {0, NULL, NULL}
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAlitraTrimRateControl", values));
  return type;
}

/* PROPERTIES */

/* Bits a second below which congestion does not push the rate; 0 would never rise again. Object lock. */
static gdouble
least_of (const GstAlitraTrim * self)
{
  return MAX (self->min_bitrate, 1) * 1000.;
}

/* Bits a second that the packets may have; 0: as many as they like. Object lock. */
static guint
get_bitrate (const GstAlitraTrim * self)
{
  const guint most = self->max_bitrate * 1000;
  gdouble rate = self->congestion.rate;

  if (self->rate_control != RATE_CONTROL_CONGESTION || rate <= 0.)
    return most;
  rate = MAX (rate, least_of (self));
  return most > 0 ? MIN (rate, most) : MIN (rate, G_MAXINT);
}

static GstStructure *
make_stats (GstAlitraTrim * self)
{
  const Totals *sum = &self->totals;

  return gst_structure_new ("alitra-stats",
      "frames", G_TYPE_UINT64, sum->frames,
      "trimmed", G_TYPE_UINT64, sum->trimmed,
      "over-budget", G_TYPE_UINT64, sum->over_budget,
      "unreadable", G_TYPE_UINT64, sum->unreadable,
      "tokens-in", G_TYPE_UINT64, sum->tokens_in,
      "tokens-out", G_TYPE_UINT64, sum->tokens_out,
      "bits-in", G_TYPE_UINT64, sum->bits_in,
      "bits-out", G_TYPE_UINT64, sum->bits_out,
      "bitrate", G_TYPE_UINT, (guint) (self->congestion.sent / 1000. + .5),
      "allowed-bitrate", G_TYPE_UINT, get_bitrate (self) / 1000, NULL);
}

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_MAX_TOKENS, GstAlitraTrim, budget.tokens),
  GST_ALITRA_FIELD (PROP_MAX_BYTES, GstAlitraTrim, budget.bytes),
  GST_ALITRA_FIELD (PROP_MAX_LAYERS, GstAlitraTrim, budget.layers),
  GST_ALITRA_FIELD (PROP_MAX_BITRATE, GstAlitraTrim, max_bitrate),
  GST_ALITRA_FIELD (PROP_MIN_BITRATE, GstAlitraTrim, min_bitrate),
  GST_ALITRA_FIELD (PROP_RATE_CONTROL, GstAlitraTrim, rate_control),
  {0}
};

static void
gst_alitra_trim_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstAlitraTrim *self = GST_ALITRA_TRIM (object);

  if (gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT)
      && id == PROP_RATE_CONTROL) {
    GST_OBJECT_LOCK (self);
    gst_alitra_congestion_init (&self->congestion);
    GST_OBJECT_UNLOCK (self);
  }
}

static void
gst_alitra_trim_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  if (id == PROP_STATS) {
    GST_OBJECT_LOCK (object);
    g_value_take_boxed (value, make_stats (GST_ALITRA_TRIM (object)));
    GST_OBJECT_UNLOCK (object);
    return;
  }
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* FRAMES */

static gboolean
fits (guint64 value, guint limit)
{
  return limit == 0 || value <= limit;
}

/* The most layers that the budget allows. The first always stays: it says what the receiver must forget. */
static guint
choose_layers (const AlitraPacketLayout * layout, const Budget * budget)
{
  guint layers = 0;
  guint64 tokens = 0;

  while (layers < layout->info.layers) {
    tokens += layout->tokens[layers];
    if (!fits (tokens, budget->tokens)
        || !fits (layout->trimmed_size[layers], budget->bytes)
        || !fits (layers + 1, budget->layers))
      break;
    layers++;
  }
  return layers;
}

/* Object lock. */
static void
count (GstAlitraTrim * self, guint layers, gboolean over_budget)
{
  const AlitraPacketLayout *layout = &self->layout;
  Totals *sum = &self->totals;
  guint i;

  sum->trimmed += layers < layout->info.layers ? 1 : 0;
  sum->over_budget += over_budget ? 1 : 0;
  sum->tokens_in += layout->info.tokens;
  sum->bits_in += 8 * (guint64) layout->info.size;
  for (i = 0; i < layers; i++)
    sum->tokens_out += layout->tokens[i];
  sum->bits_out += 8 * (guint64) layout->trimmed_size[layers - 1];
}

/* What was earned since the last packet, at most what can be saved; a time that jumps begins with full savings. */
static void
earn (GstAlitraTrim * self, guint bitrate, GstClockTime time)
{
  gint64 most = gst_util_uint64_scale (bitrate, SAVING_TIME, GST_SECOND);

  if (GST_CLOCK_TIME_IS_VALID (self->savings_time)
      && time >= self->savings_time && time - self->savings_time < SAVING_TIME) {
    self->savings += gst_util_uint64_scale (bitrate,
        time - self->savings_time, GST_SECOND);
    self->savings = CLAMP (self->savings, -most, most);
  } else {
    self->savings = most;
  }
  self->savings_time = time;
}

/* What this packet may be. Object lock. */
static Budget
make_budget (GstAlitraTrim * self, GstClockTime time)
{
  const guint bitrate = get_bitrate (self);
  Budget budget = self->budget;
  guint affordable;

  if (bitrate == 0 || !GST_CLOCK_TIME_IS_VALID (time)) {
    self->savings_time = GST_CLOCK_TIME_NONE;
    return budget;
  }
  earn (self, bitrate, time);
  affordable = CLAMP (self->savings / 8, 1, G_MAXUINT);
  if (budget.bytes == 0 || affordable < budget.bytes)
    budget.bytes = affordable;
  return budget;
}

/* FALSE: the packet stays as it is. */
static gboolean
trim (GstAlitraTrim * self, const guint8 * data, gsize size, GstClockTime time)
{
  AlitraPacketLayout *layout = &self->layout;
  gboolean readable = alitra_packet_read_layout (data, size,
      layout) == ALITRA_PACKET_OK && layout->info.size == size;
  guint layers = 0;

  GST_OBJECT_LOCK (self);
  self->totals.frames++;
  if (readable) {
    Budget budget = make_budget (self, time);
    guint within = choose_layers (layout, &budget);

    layers = MAX (within, 1);
    self->savings -= 8 * (gint64) layout->trimmed_size[layers - 1];
    count (self, layers, within == 0);
    gst_alitra_congestion_sent (&self->congestion, time,
        8 * (guint64) layout->trimmed_size[layers - 1],
        8 * (guint64) layout->info.size);
  } else {
    self->totals.unreadable++;
  }
  GST_OBJECT_UNLOCK (self);

  if (!readable)
    GST_WARNING_OBJECT (self, "Expected one whole token packet, got %"
        G_GSIZE_FORMAT " bytes that are none; they go on as they are", size);
  return readable && layers < layout->info.layers
      && alitra_packet_trim (data, size, layers, self->packet, NULL);
}

static GstFlowReturn
gst_alitra_trim_prepare_output_buffer (GstBaseTransform * transform,
    GstBuffer * input, GstBuffer ** output)
{
  GstAlitraTrim *self = GST_ALITRA_TRIM (transform);
  GstMapInfo map;
  gboolean shorter;

  if (!gst_buffer_map (input, &map, GST_MAP_READ))
    goto no_map;
  shorter = trim (self, map.data, map.size, GST_BUFFER_PTS (input));
  gst_buffer_unmap (input, &map);

  *output = input;
  if (shorter) {
    *output = gst_buffer_new_memdup (self->packet->data, self->packet->len);
    gst_buffer_copy_into (*output, input,
        GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
        GST_BUFFER_COPY_META, 0, -1);
  }
  return GST_FLOW_OK;

no_map:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, READ,
        ("A buffer of the input cannot be read"), (NULL));
    return GST_FLOW_ERROR;
  }
}

/* The output was made when it was prepared: only then is its size known. */
static GstFlowReturn
gst_alitra_trim_transform (GstBaseTransform * transform, GstBuffer * input,
    GstBuffer * output)
{
  return GST_FLOW_OK;
}

static gboolean
gst_alitra_trim_start (GstBaseTransform * transform)
{
  GstAlitraTrim *self = GST_ALITRA_TRIM (transform);

  GST_OBJECT_LOCK (self);
  memset (&self->totals, 0, sizeof (self->totals));
  gst_alitra_congestion_init (&self->congestion);
  GST_OBJECT_UNLOCK (self);
  self->savings = 0;
  self->savings_time = GST_CLOCK_TIME_NONE;
  return TRUE;
}

/* CONGESTION */

static void
take_report (GstAlitraTrim * self, const GstStructure * report)
{
  gdouble lost;

  if (!gst_alitra_congestion_parse (report, &lost))
    return;
  GST_OBJECT_LOCK (self);
  gst_alitra_congestion_loss (&self->congestion, lost, least_of (self));
  GST_DEBUG_OBJECT (self, "%.1f %% lost: %u bit/s from now on", 100. * lost,
      get_bitrate (self));
  GST_OBJECT_UNLOCK (self);
}

static void
gst_alitra_trim_receiver_report (GstAlitraTrim * self,
    const GstStructure * report)
{
  if (report)
    take_report (self, report);
}

static gboolean
gst_alitra_trim_src_event (GstBaseTransform * transform, GstEvent * event)
{
  GstAlitraTrim *self = GST_ALITRA_TRIM (transform);
  const GstStructure *structure = gst_event_get_structure (event);
  GstClockTimeDiff difference;
  GstQOSType type;

  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    gst_event_parse_qos (event, &type, NULL, &difference, NULL);
    GST_OBJECT_LOCK (self);
    if (type != GST_QOS_TYPE_THROTTLE)
      gst_alitra_congestion_late (&self->congestion, difference > 0,
          least_of (self));
    GST_OBJECT_UNLOCK (self);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM && structure
      && gst_structure_has_name (structure, "RTPTWCCPackets")) {
    take_report (self, structure);
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (transform, event);
}

/* OBJECT */

static void
gst_alitra_trim_finalize (GObject * object)
{
  g_byte_array_unref (GST_ALITRA_TRIM (object)->packet);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_trim_init (GstAlitraTrim * self)
{
  self->packet = g_byte_array_new ();
  self->min_bitrate = DEFAULT_MIN_BITRATE;
  gst_alitra_congestion_init (&self->congestion);
}

static void
install_properties (GObjectClass * klass)
{
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_MAX_TOKENS,
      g_param_spec_uint ("max-tokens", "Maximum tokens",
          "New tokens that a packet may bring at most. The first layer always "
          "stays. 0: no limit.", 0, G_MAXUINT, 0, live));
  g_object_class_install_property (klass, PROP_MAX_BYTES,
      g_param_spec_uint ("max-bytes", "Maximum bytes",
          "Bytes that a packet may have at most, its header included. The "
          "first layer always stays. 0: no limit.", 0, G_MAXUINT, 0, live));
  g_object_class_install_property (klass, PROP_MAX_LAYERS,
      g_param_spec_uint ("max-layers", "Maximum layers",
          "Quality layers that a packet may have at most. 0: no limit.", 0,
          ALITRA_PACKET_MAX_LAYERS, 0, live));
  g_object_class_install_property (klass, PROP_MAX_BITRATE,
      g_param_spec_uint ("max-bitrate", "Maximum bit rate",
          "Bits that all packets may have at most, in kbit/s. What is not "
          "spent can be spent within a second. The first layer always stays. "
          "0: no limit.", 0, G_MAXINT / 1000, 0, live));
  g_object_class_install_property (klass, PROP_MIN_BITRATE,
      g_param_spec_uint ("min-bitrate", "Minimum bit rate",
          "With rate-control=congestion: kbit/s below which congestion does "
          "not push the rate.", 0, G_MAXINT / 1000, DEFAULT_MIN_BITRATE, live));
  g_object_class_install_property (klass, PROP_RATE_CONTROL,
      g_param_spec_enum ("rate-control", "Rate control",
          "What else limits the bit rate.", RATE_CONTROL_TYPE,
          RATE_CONTROL_NONE, live));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Sums since the element started: frames, trimmed (packets that "
          "became shorter), over-budget (of which the first layer alone was "
          "too much), unreadable, tokens-in, tokens-out, bits-in, bits-out; "
          "kbit/s: bitrate (lately), allowed-bitrate (0: no limit).",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_alitra_trim_class_init (GstAlitraTrimClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_trim_debug, "alitratrim", 0,
      "Alitra token trimmer");

  object_class->set_property = gst_alitra_trim_set_property;
  object_class->get_property = gst_alitra_trim_get_property;
  object_class->finalize = gst_alitra_trim_finalize;
  install_properties (object_class);

  /**
   * GstAlitraTrim::receiver-report:
   * @trim: the element
   * @report: what a receiver reports: the statistics of an RTPSource of rtpbin ("stats"), a structure RTPTWCCPackets, or
   *   any with a double "fraction-lost" of 0 .. 1
   *
   * With rate-control=congestion: call it whenever a report comes.
   */
  signals[SIGNAL_RECEIVER_REPORT] =
      g_signal_new_class_handler ("receiver-report",
      G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_alitra_trim_receiver_report), NULL, NULL, NULL,
      G_TYPE_NONE, 1, GST_TYPE_STRUCTURE);
  gst_type_mark_as_plugin_api (RATE_CONTROL_TYPE, 0);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token trimmer", "Filter/Video",
      "Cuts packets of video tokens to a budget without decoding them",
      "The gst-alitra authors");

  transform_class->start = GST_DEBUG_FUNCPTR (gst_alitra_trim_start);
  transform_class->src_event = GST_DEBUG_FUNCPTR (gst_alitra_trim_src_event);
  transform_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR (gst_alitra_trim_prepare_output_buffer);
  transform_class->transform = GST_DEBUG_FUNCPTR (gst_alitra_trim_transform);
}
