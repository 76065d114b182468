/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-rtpalitradepay
 * @title: rtpalitradepay
 *
 * Takes packets of tokens out of RTP packets. What RTP packets that are missing held is marked as lost in the packet of
 * tokens; a frame of which nothing came becomes a packet that says so. So each frame of the sender gives one, and what is
 * lost costs its own region only.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 udpsrc port=5004 caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=X-ALITRA" ! rtpjitterbuffer ! rtpalitradepay ! alitradec ! videoconvert ! autovideosink
 * ]| Watch what rtpalitrapay sends to this port.
 */
#include "gstrtpalitradepay.h"

#include <gst/rtp/gstrtpbuffer.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafields.h"
#include "gstalitrareceiver.h"
#include "gstalitrastream.h"
#include "gstrtpalitraframe.h"

GST_DEBUG_CATEGORY_STATIC (gst_rtp_alitra_depay_debug);
#define GST_CAT_DEFAULT gst_rtp_alitra_depay_debug

enum
{
  PROP_0,
  PROP_WAIT_FOR_KEYFRAME,
  PROP_REQUEST_KEYFRAME
};

#define DEFAULT_WAIT_FOR_KEYFRAME FALSE
#define DEFAULT_REQUEST_KEYFRAME FALSE

/* No more frames than this are made up for missing ones in a row: a longer gap is a break. */
#define MOST_MISSING 250

/* What RTP packets are marked with, and the frames that share their memory would be too. */
#define RTP_PACKET_FLAGS (GST_BUFFER_FLAG_DELTA_UNIT | \
    GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER | \
    GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_NON_DROPPABLE)

struct _GstRtpAlitraDepay
{
  GstRTPBaseDepayload parent;

  /* Properties; object lock. */
  gboolean wait_for_keyframe;
  gboolean request_keyframe;

  /* Streaming thread. */
  gchar *model_id;              /* that the input's caps name */
  AlitraStreamInfo stream;      /* that the output caps describe; width 0: unknown */
  guint32 model;
  gboolean caps_current;

  /* The frame that is being put together. */
  gboolean open;
  guint32 rtp_time;
  GstClockTime pts, dts;
  GstRtpAlitraFrame frame;

  /* The frames that went on. */
  gboolean follows;             /* there was one */
  guint32 last_number;
  GstClockTime last_pts, last_dts;
  gboolean needs_key;           /* something is lost that a key frame would mend */
  guint waiting;                /* frames since then */
  gboolean discont;
  GByteArray *packet;           /* scratch */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp, media = (string) video, "
        "clock-rate = (int) 90000, encoding-name = (string) "
        GST_RTP_ALITRA_ENCODING));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS));

#define gst_rtp_alitra_depay_parent_class parent_class
G_DEFINE_TYPE (GstRtpAlitraDepay, gst_rtp_alitra_depay,
    GST_TYPE_RTP_BASE_DEPAYLOAD);
GST_ELEMENT_REGISTER_DEFINE (rtpalitradepay, "rtpalitradepay",
    GST_RANK_SECONDARY, GST_TYPE_RTP_ALITRA_DEPAY);

/* PROPERTIES */

static const GstAlitraField fields[] = {
  GST_ALITRA_FIELD (PROP_WAIT_FOR_KEYFRAME, GstRtpAlitraDepay,
      wait_for_keyframe),
  GST_ALITRA_FIELD (PROP_REQUEST_KEYFRAME, GstRtpAlitraDepay, request_keyframe),
  {0}
};

static void
gst_rtp_alitra_depay_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  gst_alitra_fields_set (fields, object, id, value, pspec, GST_CAT_DEFAULT);
}

static void
gst_rtp_alitra_depay_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  gst_alitra_fields_get (fields, object, id, value, pspec);
}

/* CAPS */

static void
send_caps (GstRtpAlitraDepay * self)
{
  GstCaps *caps = gst_alitra_caps_new ("packet", self->model_id);

  gst_alitra_caps_set_model (caps, self->model);
  if (self->stream.width > 0)
    gst_alitra_caps_set_picture (caps, &self->stream);
  gst_pad_set_caps (GST_RTP_BASE_DEPAYLOAD_SRCPAD (self), caps);
  gst_caps_unref (caps);
  self->caps_current = TRUE;
}

static void
update_model (GstRtpAlitraDepay * self, guint32 model)
{
  if (self->model != model)
    self->caps_current = FALSE;
  self->model = model;
}

static void
update_stream (GstRtpAlitraDepay * self, const AlitraStreamInfo * stream)
{
  if (memcmp (&self->stream, stream, sizeof (*stream)) == 0)
    return;
  self->stream = *stream;
  self->caps_current = FALSE;
}

static void
take_config (GstRtpAlitraDepay * self, const guint8 * data, gsize size)
{
  AlitraStreamInfo stream;
  guint32 model;

  if (!gst_rtp_alitra_config_read (data, size, &stream, &model)) {
    GST_DEBUG_OBJECT (self, "ignoring a config that is out of bounds");
    return;
  }
  update_model (self, model);
  update_stream (self, &stream);
}

static gboolean
gst_rtp_alitra_depay_set_caps (GstRTPBaseDepayload * depayload, GstCaps * caps)
{
  GstRtpAlitraDepay *self = GST_RTP_ALITRA_DEPAY (depayload);
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const gchar *version = gst_structure_get_string (structure, "version");
  const gchar *config = gst_structure_get_string (structure, "config");

  if (version && strcmp (version, GST_RTP_ALITRA_VERSION) != 0)
    goto other_version;
  depayload->clock_rate = GST_RTP_ALITRA_CLOCK_RATE;
  g_free (self->model_id);
  self->model_id = g_strdup (gst_structure_get_string (structure, "model-id"));
  gst_alitra_model_id_get_number (self->model_id, &self->model);
  self->caps_current = FALSE;
  if (config) {
    gsize size;
    guint8 *data = g_base64_decode (config, &size);

    take_config (self, data, size);
    g_free (data);
  }
  if (self->stream.width > 0)
    send_caps (self);
  return TRUE;

other_version:
  {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("Expected version " GST_RTP_ALITRA_VERSION " of X-ALITRA, got \"%s\"; "
            "sender and receiver need gst-alitra of the same version",
            version), (NULL));
    return FALSE;
  }
}

/* KEY FRAMES */

/* A key frame would mend something: asks for one if that is wanted. */
static void
miss_key (GstRtpAlitraDepay * self)
{
  gboolean wanted;

  self->needs_key = TRUE;
  GST_OBJECT_LOCK (self);
  wanted = self->request_keyframe;
  GST_OBJECT_UNLOCK (self);
  if (gst_alitra_key_is_due (&self->waiting) && wanted)
    gst_alitra_ask_for_key (GST_RTP_BASE_DEPAYLOAD_SINKPAD (self), TRUE);
}

/* Whether a frame may pass. @vital: something of its first layer is lost. */
static gboolean
may_pass (GstRtpAlitraDepay * self, gboolean key, gboolean vital)
{
  gboolean wait;

  if (key && !vital) {
    self->needs_key = FALSE;
    self->waiting = 0;
    return TRUE;
  }
  if (!self->needs_key && !vital)
    return TRUE;
  miss_key (self);
  GST_OBJECT_LOCK (self);
  wait = self->wait_for_keyframe;
  GST_OBJECT_UNLOCK (self);
  return !wait;
}

/* TOKEN PACKETS */

/* Takes a buffer that holds one whole token packet. */
static void
send_packet (GstRtpAlitraDepay * self, GstBuffer * buffer,
    const AlitraPacketInfo * info, gboolean vital, GstClockTime pts,
    GstClockTime dts)
{
  self->follows = TRUE;
  self->last_number = info->frame_number;
  self->last_pts = pts;
  self->last_dts = dts;
  if (!may_pass (self, info->key, vital)) {
    self->discont = TRUE;
    gst_buffer_unref (buffer);
    return;
  }
  update_model (self, info->model);
  if (info->key)
    update_stream (self, &info->stream);
  if (!self->caps_current)
    send_caps (self);

  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DTS (buffer) = dts;
  GST_BUFFER_FLAG_UNSET (buffer, RTP_PACKET_FLAGS);
  if (!info->key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (info->lost > 0)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_CORRUPTED);
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  gst_rtp_base_depayload_push (GST_RTP_BASE_DEPAYLOAD (self), buffer);
}

/* Sends a packet that stands for a frame of which nothing came. */
static void
send_lost (GstRtpAlitraDepay * self, guint32 number, GstClockTime pts,
    GstClockTime dts)
{
  AlitraPacketInfo info = { 0, };

  info.frame_number = number;
  info.pts = ALITRA_PACKET_NO_PTS;
  info.model = self->model;
  info.slices = (self->stream.height + 63) / 64;
  info.lost = info.slices;
  alitra_packet_write_lost (&info, self->packet);
  GST_DEBUG_OBJECT (self, "nothing came of frame %u", number);
  send_packet (self, gst_buffer_new_memdup (self->packet->data,
          self->packet->len), &info, TRUE, pts, dts);
}

/* The frame of the stream that has these lower bits of its number. */
static guint32
whole_number (GstRtpAlitraDepay * self, guint16 number)
{
  return self->last_number + (gint16) (number - (guint16) self->last_number);
}

static GstClockTime
between (GstClockTime from, GstClockTime to, guint part, guint parts)
{
  if (!GST_CLOCK_TIME_IS_VALID (from) || !GST_CLOCK_TIME_IS_VALID (to)
      || to <= from)
    return GST_CLOCK_TIME_NONE;
  return from + gst_util_uint64_scale_int (to - from, part, parts);
}

/* A frame begins: those between it and the last one are lost. */
static void
fill_gap (GstRtpAlitraDepay * self, guint16 number, GstClockTime pts,
    GstClockTime dts)
{
  guint16 missing = number - (guint16) self->last_number - 1;
  GstClockTime last_pts = self->last_pts, last_dts = self->last_dts;
  guint i;

  if (!self->follows || missing == 0)
    return;
  if (missing > MOST_MISSING || self->stream.width == 0
      || (GST_CLOCK_TIME_IS_VALID (pts) && pts <= last_pts)) {
    self->discont = TRUE;
    miss_key (self);
    return;
  }
  for (i = 1; i <= missing; i++)
    send_lost (self, self->last_number + 1, between (last_pts, pts, i,
            missing + 1), between (last_dts, dts, i, missing + 1));
}

/* FRAMES */

static void
forget_frame (GstRtpAlitraDepay * self)
{
  gst_rtp_alitra_frame_forget (&self->frame);
  self->open = FALSE;
}

/* Nothing more will come for the frame. */
static void
finish_frame (GstRtpAlitraDepay * self)
{
  gboolean vital = FALSE;
  GstBuffer *packet;

  if (!self->open)
    return;
  packet = gst_rtp_alitra_frame_put_together (&self->frame, &vital);
  if (self->frame.missing > 0)
    GST_DEBUG_OBJECT (self, "frame %u: %u of its chunks are lost",
        self->frame.layout.info.frame_number, self->frame.missing);
  if (packet) {
    send_packet (self, packet, &self->frame.layout.info, vital, self->pts,
        self->dts);
  } else if (self->follows && self->stream.width > 0) {
    send_lost (self, whole_number (self, self->frame.number), self->pts,
        self->dts);
  } else {
    self->discont = TRUE;
    miss_key (self);
  }
  forget_frame (self);
}

static void
begin_frame (GstRtpAlitraDepay * self, GstRTPBuffer * rtp, guint16 number)
{
  fill_gap (self, number, GST_BUFFER_PTS (rtp->buffer),
      GST_BUFFER_DTS (rtp->buffer));
  gst_rtp_alitra_frame_begin (&self->frame, number);
  self->open = TRUE;
  self->rtp_time = gst_rtp_buffer_get_timestamp (rtp);
  self->pts = GST_BUFFER_PTS (rtp->buffer);
  self->dts = GST_BUFFER_DTS (rtp->buffer);
}

/* RTP PACKETS */

/* Bytes of the config field, whose length byte comes first; 0: it runs over the end. */
static gsize
read_config (GstRtpAlitraDepay * self, const guint8 * data, gsize size)
{
  if (size < 1 || size - 1 <= data[0])
    return 0;
  take_config (self, data + 1, data[0]);
  return 1 + (gsize) data[0];
}

static void
take_aggregate (GstRtpAlitraDepay * self, GstRTPBuffer * rtp,
    const guint8 * data, gsize size)
{
  GstClockTime pts = GST_BUFFER_PTS (rtp->buffer);
  GstClockTime dts = GST_BUFFER_DTS (rtp->buffer);

  while (size > GST_RTP_ALITRA_RECORD_HEADER) {
    gsize bytes = GST_READ_UINT16_BE (data);
    GstClockTime later = gst_util_uint64_scale (GST_READ_UINT16_BE (data + 2),
        GST_SECOND, GST_RTP_ALITRA_CLOCK_RATE);
    GstClockTime record_pts = GST_CLOCK_TIME_IS_VALID (pts) ? pts + later : pts;
    GstClockTime record_dts = GST_CLOCK_TIME_IS_VALID (dts) ? dts + later : dts;
    AlitraPacketInfo info;

    data += GST_RTP_ALITRA_RECORD_HEADER;
    size -= GST_RTP_ALITRA_RECORD_HEADER;
    if (bytes > size || alitra_packet_read_info (data, bytes,
            &info) != ALITRA_PACKET_OK || info.size != bytes) {
      GST_DEBUG_OBJECT (self, "an aggregate is damaged");
      return;
    }
    fill_gap (self, info.frame_number & 0xffff, record_pts, record_dts);
    send_packet (self, gst_buffer_new_memdup (data, bytes), &info,
        info.lost > 0, record_pts, record_dts);
    data += bytes;
    size -= bytes;
  }
}

/* Bytes of the repeated header, whose length comes first; 0: it runs over the end. */
static gsize
read_repeat (GstRtpAlitraDepay * self, const guint8 * data, gsize size)
{
  gsize bytes;

  if (size < GST_RTP_ALITRA_REPEAT_HEADER)
    return 0;
  bytes = GST_READ_UINT16_BE (data);
  if (bytes == 0 || size - GST_RTP_ALITRA_REPEAT_HEADER <= bytes
      || bytes > ALITRA_PACKET_MAX_HEADER)
    return 0;
  gst_rtp_alitra_frame_add_header (&self->frame,
      data + GST_RTP_ALITRA_REPEAT_HEADER, bytes);
  return GST_RTP_ALITRA_REPEAT_HEADER + bytes;
}

/* Whether the RTP packet goes on with the frame that is open. */
static gboolean
continues_frame (GstRtpAlitraDepay * self, GstRTPBuffer * rtp,
    const GstRtpAlitraHeader * header)
{
  return self->open && !header->start && header->number == self->frame.number
      && gst_rtp_buffer_get_timestamp (rtp) == self->rtp_time;
}

static GstBuffer *
gst_rtp_alitra_depay_process (GstRTPBaseDepayload * depayload,
    GstRTPBuffer * rtp)
{
  GstRtpAlitraDepay *self = GST_RTP_ALITRA_DEPAY (depayload);
  const guint8 *data = gst_rtp_buffer_get_payload (rtp);
  gsize size = gst_rtp_buffer_get_payload_len (rtp), offset, more;
  GstRtpAlitraHeader header;

  offset = data ? gst_rtp_alitra_header_read (&header, data, size) : 0;
  if (offset == 0)
    goto unreadable;
  if (header.aggregate) {
    finish_frame (self);
    take_aggregate (self, rtp, data + offset, size - offset);
    return NULL;
  }
  if (header.config) {
    more = read_config (self, data + offset, size - offset);
    if (more == 0)
      goto unreadable;
    offset += more;
  }
  if (!continues_frame (self, rtp, &header)) {
    finish_frame (self);
    begin_frame (self, rtp, header.number);
  }
  if (header.repeat) {
    more = read_repeat (self, data + offset, size - offset);
    if (more == 0)
      goto unreadable;
    offset += more;
  }
  gst_rtp_alitra_frame_add (&self->frame, &header,
      gst_rtp_buffer_get_payload_subbuffer (rtp, offset, size - offset));
  if (header.end)
    finish_frame (self);
  return NULL;

unreadable:
  {
    GST_DEBUG_OBJECT (self, "dropping %" G_GSIZE_FORMAT " bytes that are no "
        "payload of version 1", size);
    return NULL;
  }
}

/* The frames themselves tell which of them are missing, and take their place: nothing is a gap downstream. */
static gboolean
gst_rtp_alitra_depay_packet_lost (GstRTPBaseDepayload * depayload,
    GstEvent * event)
{
  return TRUE;
}

/* EVENTS AND STATES */

static void
forget_all (GstRtpAlitraDepay * self)
{
  forget_frame (self);
  self->follows = FALSE;
  self->needs_key = TRUE;
  self->waiting = 0;
  self->discont = FALSE;
}

static gboolean
gst_rtp_alitra_depay_handle_event (GstRTPBaseDepayload * depayload,
    GstEvent * event)
{
  GstRtpAlitraDepay *self = GST_RTP_ALITRA_DEPAY (depayload);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_EOS:
      finish_frame (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget_all (self);
      break;
    default:
      break;
  }
  return GST_RTP_BASE_DEPAYLOAD_CLASS (parent_class)->handle_event (depayload,
      event);
}

static GstStateChangeReturn
gst_rtp_alitra_depay_change_state (GstElement * element,
    GstStateChange transition)
{
  GstRtpAlitraDepay *self = GST_RTP_ALITRA_DEPAY (element);
  GstStateChangeReturn result =
      GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    forget_all (self);
    memset (&self->stream, 0, sizeof (self->stream));
    self->model = 0;
    self->caps_current = FALSE;
  }
  return result;
}

/* OBJECT */

static void
gst_rtp_alitra_depay_finalize (GObject * object)
{
  GstRtpAlitraDepay *self = GST_RTP_ALITRA_DEPAY (object);

  g_free (self->model_id);
  gst_rtp_alitra_frame_clear (&self->frame);
  g_byte_array_unref (self->packet);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_rtp_alitra_depay_init (GstRtpAlitraDepay * self)
{
  self->wait_for_keyframe = DEFAULT_WAIT_FOR_KEYFRAME;
  self->request_keyframe = DEFAULT_REQUEST_KEYFRAME;
  gst_rtp_alitra_frame_init (&self->frame);
  self->packet = g_byte_array_new ();
  self->needs_key = TRUE;
}

static void
gst_rtp_alitra_depay_class_init (GstRtpAlitraDepayClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBaseDepayloadClass *depayload_class =
      GST_RTP_BASE_DEPAYLOAD_CLASS (klass);
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  GST_DEBUG_CATEGORY_INIT (gst_rtp_alitra_depay_debug, "rtpalitradepay", 0,
      "Alitra token RTP depayloader");

  object_class->set_property = gst_rtp_alitra_depay_set_property;
  object_class->get_property = gst_rtp_alitra_depay_get_property;
  object_class->finalize = gst_rtp_alitra_depay_finalize;
  g_object_class_install_property (object_class, PROP_WAIT_FOR_KEYFRAME,
      g_param_spec_boolean ("wait-for-keyframe", "Wait for keyframe",
          "After a loss in the first layer of a frame, and at the start, let "
          "nothing pass until the next key frame.", DEFAULT_WAIT_FOR_KEYFRAME,
          live));
  g_object_class_install_property (object_class, PROP_REQUEST_KEYFRAME,
      g_param_spec_boolean ("request-keyframe", "Request keyframe",
          "After a loss in the first layer of a frame, and at the start, ask "
          "the sender for a key frame.", DEFAULT_REQUEST_KEYFRAME, live));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token RTP depayloader", "Codec/Depayloader/Network/RTP",
      "Takes adaptive-length video tokens out of RTP packets",
      "The gst-alitra authors");
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_depay_change_state);

  depayload_class->set_caps = GST_DEBUG_FUNCPTR (gst_rtp_alitra_depay_set_caps);
  depayload_class->process_rtp_packet =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_depay_process);
  depayload_class->packet_lost =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_depay_packet_lost);
  depayload_class->handle_event =
      GST_DEBUG_FUNCPTR (gst_rtp_alitra_depay_handle_event);
}
