/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-rtpalitrapay
 * @title: rtpalitrapay
 *
 * Puts packets of tokens into RTP packets, so that the loss of one costs the regions and layers that it held: what one
 * layer says of one row of cells stays together wherever it fits. Coarse layers come first and are marked as the ones
 * to protect.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! alitraenc ! rtpalitrapay ! udpsink host=127.0.0.1 port=5004
 * ]| Send tokens to another program on this machine.
 */
#include "gstrtpalitrapay.h"

#include <gst/rtp/gstrtpbuffer.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrastream.h"
#include "gstrtpalitraaggregate.h"
#include "gstrtpalitracut.h"

GST_DEBUG_CATEGORY_STATIC (gst_rtp_alitra_pay_debug);
#define GST_CAT_DEFAULT gst_rtp_alitra_pay_debug

typedef enum
{
  AGGREGATE_NONE,
  AGGREGATE_ZERO_LATENCY,
  AGGREGATE_MAX
} AggregateMode;

typedef enum
{
  GROUP_SLICES,
  GROUP_LAYERS
} GroupBy;

enum
{
  PROP_0,
  PROP_CONFIG_INTERVAL,
  PROP_AGGREGATE_MODE,
  PROP_REPEAT_HEADER,
  PROP_GROUP_BY
};

#define DEFAULT_CONFIG_INTERVAL 1
#define DEFAULT_AGGREGATE_MODE AGGREGATE_ZERO_LATENCY
#define DEFAULT_REPEAT_HEADER TRUE
#define DEFAULT_GROUP_BY GROUP_SLICES

/* A header is repeated where it takes at most this share of an RTP packet. */
#define REPEAT_SHARE 4

/* How long frames wait for each other when max-ptime does not say it; and at most, as the time has 16 bits. */
#define DEFAULT_HOLD (100 * GST_MSECOND)
#define MAX_HOLD (500 * GST_MSECOND)

#define CONFIG_FIELD (1 + GST_RTP_ALITRA_CONFIG_SIZE)

struct _GstRtpAlitraPay
{
  GstRTPBasePayload parent;

  /* Properties; object lock. */
  guint config_interval;
  AggregateMode aggregate_mode;
  gboolean repeat_header;
  GroupBy group_by;

  /* Streaming thread. */
  gchar *model_id;              /* that the input's caps name */
  gboolean caps_current;
  AlitraStreamInfo stream;      /* of the last key frame; width 0: none yet */
  guint32 model;
  GstClockTime config_time;     /* of the frame that carried the last config */
  AlitraPacketLayout layout;    /* of the frame that is being sent */
  GByteArray *repeat;           /* its header, as RTP packets repeat it; empty: they do not */
  GByteArray *bytes;            /* what an RTP packet of whole slices holds */

  /* Frames that wait for others, with aggregate-mode=max. */
  GstRtpAlitraAggregate held;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp, media = (string) video, "
        "payload = (int) " GST_RTP_PAYLOAD_DYNAMIC_STRING ", "
        "clock-rate = (int) 90000, encoding-name = (string) "
        GST_RTP_ALITRA_ENCODING ", version = (string) "
        GST_RTP_ALITRA_VERSION));

#define gst_rtp_alitra_pay_parent_class parent_class
G_DEFINE_TYPE (GstRtpAlitraPay, gst_rtp_alitra_pay, GST_TYPE_RTP_BASE_PAYLOAD);
GST_ELEMENT_REGISTER_DEFINE (rtpalitrapay, "rtpalitrapay", GST_RANK_SECONDARY,
    GST_TYPE_RTP_ALITRA_PAY);

#define TYPE_AGGREGATE_MODE (aggregate_mode_get_type ())
static GType
aggregate_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {AGGREGATE_NONE, "One chunk in an RTP packet", "none"},
    {AGGREGATE_ZERO_LATENCY, "As many chunks of a frame as fit",
        "zero-latency"},
    {AGGREGATE_MAX, "As many frames as fit (adds delay, see max-ptime)", "max"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstRtpAlitraAggregateMode", values));
  return type;
}

#define TYPE_GROUP_BY (group_by_get_type ())
static GType
group_by_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GROUP_SLICES, "All layers of a slice together: a loss costs its region",
        "slices"},
    {GROUP_LAYERS, "The first layer apart: the RTP packets to protect",
        "layers"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstRtpAlitraGroupBy", values));
  return type;
}

/* PROPERTIES */

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_CONFIG_INTERVAL, GstRtpAlitraPay, config_interval),
  GST_ALITRA_FIELD (PROP_AGGREGATE_MODE, GstRtpAlitraPay, aggregate_mode),
  GST_ALITRA_FIELD (PROP_REPEAT_HEADER, GstRtpAlitraPay, repeat_header),
  GST_ALITRA_FIELD (PROP_GROUP_BY, GstRtpAlitraPay, group_by),
  {0}
};

static void
gst_rtp_alitra_pay_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_rtp_alitra_pay_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

static AggregateMode
get_mode (GstRtpAlitraPay * self)
{
  AggregateMode mode;

  GST_OBJECT_LOCK (self);
  mode = self->aggregate_mode;
  GST_OBJECT_UNLOCK (self);
  return mode;
}

/* CAPS */

static gboolean
send_caps (GstRtpAlitraPay * self)
{
  guint8 config[GST_RTP_ALITRA_CONFIG_SIZE];
  gchar number[9], *text = NULL;
  const gchar *id = self->model_id;
  guint32 named;
  gboolean ok;

  if (!gst_alitra_model_id_get_number (id, &named) || named != self->model) {
    g_snprintf (number, sizeof (number), "%08x", self->model);
    id = number;
  }
  if (self->stream.width > 0) {
    gst_rtp_alitra_config_write (config, &self->stream, self->model);
    text = g_base64_encode (config, sizeof (config));
  }
  ok = gst_rtp_base_payload_set_outcaps (GST_RTP_BASE_PAYLOAD (self),
      "version", G_TYPE_STRING, GST_RTP_ALITRA_VERSION,
      "model-id", G_TYPE_STRING, id,
      text ? "config" : NULL, G_TYPE_STRING, text, NULL);
  g_free (text);
  return ok;
}

/* The packets say what the stream is, so the caps wait for one. */
static gboolean
update_caps (GstRtpAlitraPay * self)
{
  const AlitraPacketInfo *info = &self->layout.info;

  if (self->model != info->model)
    self->caps_current = FALSE;
  self->model = info->model;
  if (info->key && memcmp (&self->stream, &info->stream,
          sizeof (info->stream)) != 0) {
    self->stream = info->stream;
    self->config_time = GST_CLOCK_TIME_NONE;
    self->caps_current = FALSE;
  }
  if (!self->caps_current)
    self->caps_current = send_caps (self);
  return self->caps_current;
}

static GstFlowReturn send_held (GstRtpAlitraPay * self);

static gboolean
gst_rtp_alitra_pay_set_caps (GstRTPBasePayload * payload, GstCaps * caps)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (payload);

  send_held (self);
  g_free (self->model_id);
  self->model_id =
      g_strdup (gst_structure_get_string (gst_caps_get_structure (caps, 0),
          "model-id"));
  memset (&self->stream, 0, sizeof (self->stream));
  self->config_time = GST_CLOCK_TIME_NONE;
  self->caps_current = FALSE;
  gst_rtp_base_payload_set_options (payload, "video", TRUE,
      GST_RTP_ALITRA_ENCODING, GST_RTP_ALITRA_CLOCK_RATE);
  return TRUE;
}

/* ONE FRAME */

static guint
payload_room (GstRtpAlitraPay * self)
{
  return gst_rtp_buffer_calc_payload_len (GST_RTP_BASE_PAYLOAD_MTU (self), 0,
      0);
}

static void
set_flags (GstBuffer * buffer, const GstRtpAlitraHeader * header,
    gboolean is_protected)
{
  if (!header->key || !header->start)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (header->end)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_MARKER);
  GST_BUFFER_FLAG_SET (buffer, is_protected ? GST_BUFFER_FLAG_NON_DROPPABLE :
      GST_BUFFER_FLAG_DROPPABLE);
}

/* An RTP packet with room for @size bytes behind the payload header. */
static GstBuffer *
new_packet (GstRtpAlitraPay * self, const GstRtpAlitraHeader * header,
    const guint8 * bytes, guint size)
{
  guint8 start[GST_RTP_ALITRA_FRAGMENT_HEADER];
  guint start_size = gst_rtp_alitra_header_write (header, start);
  GstBuffer *buffer =
      gst_rtp_base_payload_allocate_output_buffer (GST_RTP_BASE_PAYLOAD (self),
      start_size + size, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint8 *payload;

  gst_rtp_buffer_map (buffer, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_marker (&rtp, header->end);
  payload = gst_rtp_buffer_get_payload (&rtp);
  memcpy (payload, start, start_size);
  if (size > 0)
    memcpy (payload + start_size, bytes, size);
  gst_rtp_buffer_unmap (&rtp);
  return buffer;
}

static GstBuffer *
make_packet (GstRtpAlitraPay * self, GstBuffer * frame,
    const GstRtpAlitraPiece * piece)
{
  guint8 config[CONFIG_FIELD];
  const guint8 *first = NULL;
  guint first_size = 0;
  GstBuffer *buffer;

  if (piece->header.config) {
    config[0] = GST_RTP_ALITRA_CONFIG_SIZE;
    gst_rtp_alitra_config_write (config + 1, &self->stream, self->model);
    first = config;
    first_size = CONFIG_FIELD;
  } else if (piece->header.repeat) {
    first = self->repeat->data;
    first_size = self->repeat->len;
  }
  buffer = new_packet (self, &piece->header, first, first_size);
  set_flags (buffer, &piece->header, piece->is_protected);
  gst_buffer_copy_into (buffer, frame,
      GST_BUFFER_COPY_MEMORY, piece->begin, piece->end - piece->begin);
  /* Pieces have the frame's time, whatever part of it they are. */
  GST_BUFFER_PTS (buffer) = GST_BUFFER_PTS (frame);
  GST_BUFFER_DTS (buffer) = GST_BUFFER_DTS (frame);
  GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_NONE;
  if (piece->header.start && GST_BUFFER_IS_DISCONT (frame))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  return buffer;
}

static gboolean
config_is_due (GstRtpAlitraPay * self, GstClockTime time)
{
  GstClockTime interval;

  GST_OBJECT_LOCK (self);
  interval = self->config_interval * GST_SECOND;
  GST_OBJECT_UNLOCK (self);
  if (interval == 0 || self->stream.width == 0
      || payload_room (self) <= GST_RTP_ALITRA_FRAGMENT_HEADER + CONFIG_FIELD)
    return FALSE;
  return !GST_CLOCK_TIME_IS_VALID (self->config_time)
      || !GST_CLOCK_TIME_IS_VALID (time) || time < self->config_time
      || time - self->config_time >= interval;
}

/* What the RTP packets behind that with the header say of it, so that its loss costs no more than what it holds. */
static void
prepare_repeat (GstRtpAlitraPay * self, GstBuffer * frame)
{
  gsize size = self->layout.info.header_size;
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = self->repeat_header;
  GST_OBJECT_UNLOCK (self);
  g_byte_array_set_size (self->repeat, 0);
  if (!wanted
      || (size + GST_RTP_ALITRA_REPEAT_HEADER) * REPEAT_SHARE >
      payload_room (self))
    return;
  g_byte_array_set_size (self->repeat, GST_RTP_ALITRA_REPEAT_HEADER + size);
  GST_WRITE_UINT16_BE (self->repeat->data, size);
  gst_buffer_extract (frame, 0, self->repeat->data +
      GST_RTP_ALITRA_REPEAT_HEADER, size);
}

/* WHOLE SLICES */

/* Where the frame takes several RTP packets and each slice fits into one: what is lost with one is then lost with all
 * that builds on it, and nothing else is. */
static gboolean
can_group_slices (GstRtpAlitraPay * self, AggregateMode mode, guint config)
{
  const AlitraPacketLayout *layout = &self->layout;
  const gsize room = payload_room (self);
  const gsize taken = GST_RTP_ALITRA_HEADER + config;
  GroupBy group_by;

  GST_OBJECT_LOCK (self);
  group_by = self->group_by;
  GST_OBJECT_UNLOCK (self);
  return group_by == GROUP_SLICES && mode != AGGREGATE_NONE
      && self->repeat->len > 0 && taken + layout->info.size > room
      && taken + layout->info.header_size <= room
      && gst_rtp_alitra_cut_fits_slices (layout, room, self->repeat->len);
}

static void
append_config (GstRtpAlitraPay * self)
{
  guint8 config[CONFIG_FIELD];

  config[0] = GST_RTP_ALITRA_CONFIG_SIZE;
  gst_rtp_alitra_config_write (config + 1, &self->stream, self->model);
  g_byte_array_append (self->bytes, config, sizeof (config));
}

/* One RTP packet, from slice @first on. Returns: the slice behind it. */
static guint
add_slices (GstRtpAlitraPay * self, GstBufferList * list, GstBuffer * frame,
    const guint8 * data, guint first, gboolean start, guint config)
{
  const AlitraPacketLayout *layout = &self->layout;
  const gsize room = payload_room (self) - GST_RTP_ALITRA_HEADER;
  GstRtpAlitraHeader header = { layout->info.key, start, };
  guint slice = first;
  GstBuffer *buffer;

  g_byte_array_set_size (self->bytes, 0);
  if (config > 0)
    append_config (self);
  if (start)
    g_byte_array_append (self->bytes, data, layout->info.header_size);
  else
    g_byte_array_append (self->bytes, self->repeat->data, self->repeat->len);
  while (slice < layout->info.slices
      && self->bytes->len + gst_rtp_alitra_cut_slice_size (layout,
          slice) <= room)
    gst_rtp_alitra_cut_append_slice (layout, data, slice++, self->bytes);

  header.end = slice == layout->info.slices;
  header.header = start;
  header.config = config > 0;
  header.repeat = !start;
  header.slices = TRUE;
  header.number = layout->info.frame_number & 0xffff;
  header.chunk = first;
  buffer = new_packet (self, &header, self->bytes->data, self->bytes->len);
  set_flags (buffer, &header, TRUE);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_PTS (frame);
  GST_BUFFER_DTS (buffer) = GST_BUFFER_DTS (frame);
  if (start && GST_BUFFER_IS_DISCONT (frame))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  gst_buffer_list_add (list, buffer);
  return slice;
}

/* Slices of which nothing is said have no bytes, and need no RTP packet. */
static void
add_all_slices (GstRtpAlitraPay * self, GstBufferList * list,
    GstBuffer * frame, guint config)
{
  gboolean start = TRUE;
  guint slice = 0;
  GstMapInfo map;

  if (!gst_buffer_map (frame, &map, GST_MAP_READ))
    return;
  while (slice < self->layout.info.slices) {
    slice = add_slices (self, list, frame, map.data, slice, start,
        start ? config : 0);
    start = FALSE;
  }
  gst_buffer_unmap (frame, &map);
}

static void
add_pieces (GstRtpAlitraPay * self, GstBufferList * list, GstBuffer * frame,
    AggregateMode mode, guint config)
{
  GstRtpAlitraPiece piece = { 0 };

  while (piece.end < self->layout.info.size) {
    const gboolean first = piece.end == 0;

    gst_rtp_alitra_cut_next (&self->layout, payload_room (self) - (first ?
            config : 0), self->repeat->len, mode == AGGREGATE_NONE, &piece);
    piece.header.config = first && config > 0;
    gst_buffer_list_add (list, make_packet (self, frame, &piece));
  }
}

static GstFlowReturn
send_frame (GstRtpAlitraPay * self, GstBuffer * frame, AggregateMode mode)
{
  GstBufferList *list = gst_buffer_list_new ();
  guint config = 0;

  if (config_is_due (self, GST_BUFFER_PTS (frame))) {
    config = CONFIG_FIELD;
    self->config_time = GST_BUFFER_PTS (frame);
  }
  prepare_repeat (self, frame);
  if (can_group_slices (self, mode, config))
    add_all_slices (self, list, frame, config);
  else
    add_pieces (self, list, frame, mode, config);
  return gst_rtp_base_payload_push_list (GST_RTP_BASE_PAYLOAD (self), list);
}

/* FRAMES TOGETHER */

static GstClockTime
hold_limit (GstRtpAlitraPay * self)
{
  gint64 ptime = GST_RTP_BASE_PAYLOAD (self)->max_ptime;

  return ptime >= 0 ? MIN (ptime, MAX_HOLD) : DEFAULT_HOLD;
}

static GstFlowReturn
send_held (GstRtpAlitraPay * self)
{
  GstRtpAlitraAggregate *held = &self->held;
  GstBuffer *buffer;

  if (held->bytes->len == 0)
    return GST_FLOW_OK;
  buffer = new_packet (self, &held->header, held->bytes->data,
      held->bytes->len);
  set_flags (buffer, &held->header, TRUE);
  GST_BUFFER_PTS (buffer) = held->pts;
  GST_BUFFER_DTS (buffer) = held->dts;
  gst_rtp_alitra_aggregate_forget (held);
  return gst_rtp_base_payload_push (GST_RTP_BASE_PAYLOAD (self), buffer);
}

/* Whether frames that follow could share an RTP packet with this one. */
static gboolean
can_hold (GstRtpAlitraPay * self, GstBuffer * frame)
{
  return GST_BUFFER_PTS_IS_VALID (frame)
      && !config_is_due (self, GST_BUFFER_PTS (frame))
      && gst_rtp_alitra_aggregate_takes (frame, payload_room (self));
}

/* Sends when waiting for one more frame would take too long. */
static GstFlowReturn
hold (GstRtpAlitraPay * self, GstBuffer * frame)
{
  GstRtpAlitraAggregate *held = &self->held;
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime end = GST_BUFFER_PTS (frame);

  if (!gst_rtp_alitra_aggregate_fits (held, &self->layout.info, frame,
          payload_room (self), hold_limit (self)))
    flow = send_held (self);
  gst_rtp_alitra_aggregate_add (held, &self->layout.info, frame);
  if (GST_BUFFER_DURATION_IS_VALID (frame))
    end += GST_BUFFER_DURATION (frame);
  if (flow == GST_FLOW_OK && end - held->pts > hold_limit (self))
    flow = send_held (self);
  return flow;
}

/* FRAMES */

static gboolean
read_frame (GstRtpAlitraPay * self, GstBuffer * frame)
{
  GstMapInfo map;
  gboolean ok;

  if (!gst_buffer_map (frame, &map, GST_MAP_READ))
    return FALSE;
  ok = alitra_packet_read_layout (map.data, map.size,
      &self->layout) == ALITRA_PACKET_OK && self->layout.info.size == map.size;
  gst_buffer_unmap (frame, &map);
  return ok;
}

static GstFlowReturn
gst_rtp_alitra_pay_handle_buffer (GstRTPBasePayload * payload,
    GstBuffer * frame)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (payload);
  AggregateMode mode = get_mode (self);
  GstFlowReturn flow;

  if (!read_frame (self, frame))
    goto unreadable;
  if (self->held.bytes->len > 0 && (self->layout.info.key
          || mode != AGGREGATE_MAX || !can_hold (self, frame))) {
    flow = send_held (self);
    if (flow != GST_FLOW_OK)
      goto done;
  }
  if (!update_caps (self))
    goto not_negotiated;
  if (mode == AGGREGATE_MAX && can_hold (self, frame))
    flow = hold (self, frame);
  else
    flow = send_frame (self, frame, mode);

done:
  gst_buffer_unref (frame);
  return flow;

unreadable:
  {
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("Expected one whole token packet, got %" G_GSIZE_FORMAT " bytes that "
            "are none; put alitraparse before rtpalitrapay",
            gst_buffer_get_size (frame)), (NULL));
    gst_buffer_unref (frame);
    return GST_FLOW_OK;
  }
not_negotiated:
  {
    gst_buffer_unref (frame);
    return GST_PAD_IS_FLUSHING (GST_RTP_BASE_PAYLOAD_SRCPAD (payload)) ?
        GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
}

/* EVENTS, QUERIES, STATES */

static gboolean
gst_rtp_alitra_pay_sink_event (GstRTPBasePayload * payload, GstEvent * event)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (payload);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT:
    case GST_EVENT_GAP:
      send_held (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_rtp_alitra_aggregate_forget (&self->held);
      self->config_time = GST_CLOCK_TIME_NONE;
      break;
    default:
      break;
  }
  return GST_RTP_BASE_PAYLOAD_CLASS (parent_class)->sink_event (payload, event);
}

static gboolean
gst_rtp_alitra_pay_src_query (GstPad * pad, GstObject * parent,
    GstQuery * query)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (parent);
  gboolean ok = gst_pad_query_default (pad, parent, query);

  if (ok && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY
      && get_mode (self) == AGGREGATE_MAX) {
    GstClockTime min, max;
    gboolean live;

    gst_query_parse_latency (query, &live, &min, &max);
    min += hold_limit (self);
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += hold_limit (self);
    gst_query_set_latency (query, live, min, max);
  }
  return ok;
}

static GstStateChangeReturn
gst_rtp_alitra_pay_change_state (GstElement * element,
    GstStateChange transition)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (element);
  GstStateChangeReturn result =
      GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    gst_rtp_alitra_aggregate_forget (&self->held);
    memset (&self->stream, 0, sizeof (self->stream));
    self->caps_current = FALSE;
    self->config_time = GST_CLOCK_TIME_NONE;
  }
  return result;
}

/* OBJECT */

static void
gst_rtp_alitra_pay_finalize (GObject * object)
{
  GstRtpAlitraPay *self = GST_RTP_ALITRA_PAY (object);

  g_free (self->model_id);
  gst_rtp_alitra_aggregate_clear (&self->held);
  g_byte_array_unref (self->repeat);
  g_byte_array_unref (self->bytes);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_rtp_alitra_pay_init (GstRtpAlitraPay * self)
{
  self->config_interval = DEFAULT_CONFIG_INTERVAL;
  self->aggregate_mode = DEFAULT_AGGREGATE_MODE;
  self->repeat_header = DEFAULT_REPEAT_HEADER;
  self->group_by = DEFAULT_GROUP_BY;
  self->config_time = GST_CLOCK_TIME_NONE;
  gst_rtp_alitra_aggregate_init (&self->held);
  self->repeat = g_byte_array_new ();
  self->bytes = g_byte_array_new ();
  gst_pad_set_query_function (GST_RTP_BASE_PAYLOAD_SRCPAD (self),
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_pay_src_query));
}

static void
gst_rtp_alitra_pay_class_init (GstRtpAlitraPayClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBasePayloadClass *payload_class = GST_RTP_BASE_PAYLOAD_CLASS (klass);
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  GST_DEBUG_CATEGORY_INIT (gst_rtp_alitra_pay_debug, "rtpalitrapay", 0,
      "Alitra token RTP payloader");

  object_class->set_property = gst_rtp_alitra_pay_set_property;
  object_class->get_property = gst_rtp_alitra_pay_get_property;
  object_class->finalize = gst_rtp_alitra_pay_finalize;
  g_object_class_install_property (object_class, PROP_CONFIG_INTERVAL,
      g_param_spec_uint ("config-interval", "Config interval",
          "Seconds after which the format of the stream is sent again, beside "
          "the caps and the key frames, which always say it. 0: never.", 0,
          3600, DEFAULT_CONFIG_INTERVAL, live));
  g_object_class_install_property (object_class, PROP_AGGREGATE_MODE,
      g_param_spec_enum ("aggregate-mode", "Aggregate mode",
          "What may share an RTP packet.", TYPE_AGGREGATE_MODE,
          DEFAULT_AGGREGATE_MODE, live));
  g_object_class_install_property (object_class, PROP_REPEAT_HEADER,
      g_param_spec_boolean ("repeat-header", "Repeat header",
          "Where a frame takes several RTP packets, each has the frame's header, "
          "so that the loss of the first costs no more than what it holds.",
          DEFAULT_REPEAT_HEADER, live));
  g_object_class_install_property (object_class, PROP_GROUP_BY,
      g_param_spec_enum ("group-by", "Group by",
          "What stays together where a frame takes several RTP packets. "
          "Slices need repeat-header.", TYPE_GROUP_BY, DEFAULT_GROUP_BY, live));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token RTP payloader", "Codec/Payloader/Network/RTP",
      "Puts adaptive-length video tokens into RTP packets",
      "The gst-alitra authors");
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_pay_change_state);

  payload_class->set_caps = GST_DEBUG_FUNCPTR (gst_rtp_alitra_pay_set_caps);
  payload_class->handle_buffer =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_pay_handle_buffer);
  payload_class->sink_event = GST_DEBUG_FUNCPTR (gst_rtp_alitra_pay_sink_event);
  gst_type_mark_as_plugin_api (TYPE_AGGREGATE_MODE, 0);
  gst_type_mark_as_plugin_api (TYPE_GROUP_BY, 0);
}
