/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-alitraparse
 * @title: alitraparse
 *
 * Finds the packets in a stream of tokens, from a file or a byte stream, and says what they are. Damage and foreign
 * bytes between packets are skipped. Files can be searched: a seek goes to the key frame before the place asked for.
 * With #GstAlitraParse:index recordings get an index at their end, so that seeking in long ones takes few reads.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=test.alitra ! alitraparse ! alitradec ! videoconvert ! autovideosink
 * ]| Play a file of tokens, as playbin does it by itself.
 */
#include "gstalitraparse.h"

#include <alitra/packet.h>
#include <string.h>

#include "gstalitraelements.h"
#include "gstalitrafileindex.h"
#include "gstalitrastream.h"

GST_DEBUG_CATEGORY_STATIC (gst_alitra_parse_debug);
#define GST_CAT_DEFAULT gst_alitra_parse_debug

/* Fewer bytes are not worth a look. */
#define MIN_LOOK 16

enum
{
  PROP_0,
  PROP_INDEX
};

struct _GstAlitraParse
{
  GstBaseParse parent;

  /* Streaming thread. */
  AlitraStreamInfo stream;      /* of the last key packet; width 0: none yet */
  guint32 model;
  gboolean caps_current;
  gboolean time_upstream;       /* upstream knows the time of its buffers */
  gboolean has_duration;
  gboolean has_tags;
  GstAlitraIndex written;       /* of what went downstream since the start, or the last flush */

  /* Object lock: seeks come from the application's thread. */
  guint64 base_pts;             /* the packet time that is stream time 0; GST_CLOCK_TIME_NONE: not known yet */
  gboolean index;               /* property */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-alitra"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_ALITRA_PACKET_CAPS ", parsed = (boolean) true"));

#define gst_alitra_parse_parent_class parent_class
G_DEFINE_TYPE (GstAlitraParse, gst_alitra_parse, GST_TYPE_BASE_PARSE);
GST_ELEMENT_REGISTER_DEFINE (alitraparse, "alitraparse", GST_RANK_PRIMARY + 1,
    GST_TYPE_ALITRA_PARSE);

static guint64
get_base (GstAlitraParse * self)
{
  guint64 base;

  GST_OBJECT_LOCK (self);
  base = self->base_pts;
  GST_OBJECT_UNLOCK (self);
  return base;
}

static void
set_base (GstAlitraParse * self, guint64 base)
{
  GST_OBJECT_LOCK (self);
  self->base_pts = base;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
is_pulling (GstAlitraParse * self)
{
  return GST_PAD_MODE (GST_BASE_PARSE_SINK_PAD (self)) == GST_PAD_MODE_PULL;
}

static gboolean
gst_alitra_parse_start (GstBaseParse * parse)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (parse);

  memset (&self->stream, 0, sizeof (self->stream));
  self->model = 0;
  self->caps_current = FALSE;
  self->time_upstream = FALSE;
  self->has_duration = FALSE;
  self->has_tags = FALSE;
  gst_alitra_index_clear (&self->written);
  gst_alitra_index_init (&self->written);
  set_base (self, GST_CLOCK_TIME_NONE);
  gst_base_parse_set_min_frame_size (parse, MIN_LOOK);
  return TRUE;
}

/* CAPS */

static GstCaps *
make_caps (GstAlitraParse * self, guint32 model)
{
  GstCaps *caps = gst_pad_get_current_caps (GST_BASE_PARSE_SINK_PAD (self));

  if (caps)
    caps = gst_caps_make_writable (caps);
  else
    caps = gst_caps_new_empty_simple ("video/x-alitra");
  gst_caps_set_simple (caps,
      "version", G_TYPE_INT, GST_ALITRA_STREAM_VERSION,
      "stream-format", G_TYPE_STRING, "packet",
      "alignment", G_TYPE_STRING, "frame",
      "parsed", G_TYPE_BOOLEAN, TRUE, NULL);
  gst_alitra_caps_set_model (caps, model);
  if (self->stream.width > 0)
    gst_alitra_caps_set_picture (caps, &self->stream);
  return caps;
}

static void
update_caps (GstAlitraParse * self, const AlitraPacketInfo * info)
{
  GstBaseParse *parse = GST_BASE_PARSE (self);
  GstCaps *caps;

  if (info->key && memcmp (&self->stream, &info->stream,
          sizeof (info->stream)) != 0) {
    self->stream = info->stream;
    self->caps_current = FALSE;
    gst_base_parse_set_frame_rate (parse, info->stream.fps_n,
        info->stream.fps_d, 0, 0);
  }
  if (self->model != info->model) {
    self->model = info->model;
    self->caps_current = FALSE;
  }
  if (self->caps_current)
    return;
  caps = make_caps (self, info->model);
  gst_pad_set_caps (GST_BASE_PARSE_SRC_PAD (self), caps);
  gst_caps_unref (caps);
  self->caps_current = TRUE;
}

static gboolean
gst_alitra_parse_set_sink_caps (GstBaseParse * parse, GstCaps * caps)
{
  GST_ALITRA_PARSE (parse)->caps_current = FALSE;
  return TRUE;
}

/* TIME */

/* A file starts at 0, whatever its first packet's clock said. */
static void
find_base (GstAlitraParse * self, const AlitraPacketInfo * info)
{
  GstAlitraFile file;
  GstAlitraFilePacket first;

  if (get_base (self) != GST_CLOCK_TIME_NONE)
    return;
  if (is_pulling (self)
      && gst_alitra_file_open (&file, GST_BASE_PARSE_SINK_PAD (self))
      && gst_alitra_file_next (&file, 0, file.size, &first)
      && first.info.pts != ALITRA_PACKET_NO_PTS)
    set_base (self, first.info.pts);
  else if (info->pts != ALITRA_PACKET_NO_PTS)
    set_base (self, info->pts);
}

static GstClockTime
packet_time (GstAlitraParse * self, const AlitraPacketInfo * info)
{
  guint64 base = get_base (self);

  if (base == GST_CLOCK_TIME_NONE || info->pts == ALITRA_PACKET_NO_PTS
      || info->pts < base)
    return GST_CLOCK_TIME_NONE;
  return info->pts - base;
}

/* The time of the last packet, from the index or from the packet itself. */
static gboolean
find_last (const GstAlitraFile * file, AlitraPacketInfo * info)
{
  GstAlitraFilePacket last;
  GstAlitraIndex index;
  gboolean found = gst_alitra_file_read_index (file, &index);

  if (found) {
    info->pts = index.last_pts;
  } else {
    found = gst_alitra_file_last (file, &last);
    if (found)
      *info = last.info;
  }
  gst_alitra_index_clear (&index);
  return found;
}

/* The last packet says how long the file is. */
static void
find_duration (GstAlitraParse * self)
{
  GstAlitraFile file;
  AlitraPacketInfo last;
  GstClockTime end;

  if (self->has_duration || !is_pulling (self))
    return;
  self->has_duration = TRUE;
  if (!gst_alitra_file_open (&file, GST_BASE_PARSE_SINK_PAD (self))
      || !find_last (&file, &last))
    return;
  end = packet_time (self, &last);
  if (!GST_CLOCK_TIME_IS_VALID (end))
    return;
  if (self->stream.fps_n > 0)
    end += gst_util_uint64_scale (GST_SECOND, self->stream.fps_d,
        self->stream.fps_n);
  gst_base_parse_set_duration (GST_BASE_PARSE (self), GST_FORMAT_TIME, end, 0);
}

/* FRAMES */

/* Bytes were lost out of this packet when another one begins before its end, and none at its end. */
static gsize
find_next_inside (const guint8 * data, gsize size, gsize packet_size)
{
  AlitraPacketInfo info;
  gsize at = 0;

  if (size <= packet_size
      || alitra_packet_find (data, size, packet_size) == packet_size)
    return 0;
  while ((at = alitra_packet_find (data, packet_size, at + 1)) < packet_size)
    if (alitra_packet_read_info (data + at, size - at, &info) ==
        ALITRA_PACKET_OK)
      return at;
  return 0;
}

typedef enum
{
  LOOK_PACKET,                  /* a whole packet */
  LOOK_WAIT,                    /* more bytes are needed: *bytes, or 0 where nobody knows */
  LOOK_SKIP                     /* *bytes are no packet */
} Look;

static Look
look (const guint8 * data, gsize size, gboolean draining,
    AlitraPacketInfo * info, gsize * bytes)
{
  AlitraPacketStatus status = alitra_packet_read_info (data, size, info);
  gsize inside;

  if (status == ALITRA_PACKET_OK && info->size <= ALITRA_PACKET_MAX_SIZE) {
    inside = find_next_inside (data, size, info->size);
    if (inside > 0) {
      *bytes = inside;
      return LOOK_SKIP;
    }
    *bytes = info->size;
    if (info->size <= size)
      return LOOK_PACKET;
    if (!draining)
      return LOOK_WAIT;
  } else if (status == ALITRA_PACKET_NEED_MORE && !draining
      && size < ALITRA_PACKET_MAX_HEADER) {
    *bytes = 0;
    return LOOK_WAIT;
  }
  *bytes = alitra_packet_find (data, size, 1);
  return LOOK_SKIP;
}

static GstFlowReturn
finish (GstAlitraParse * self, GstBaseParseFrame * frame,
    const AlitraPacketInfo * info)
{
  GstBaseParse *parse = GST_BASE_PARSE (self);

  update_caps (self, info);
  if (info->key)
    GST_BUFFER_FLAG_UNSET (frame->buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  else
    GST_BUFFER_FLAG_SET (frame->buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!self->time_upstream) {
    GstClockTime time;

    find_base (self, info);
    find_duration (self);
    time = packet_time (self, info);
    if (GST_CLOCK_TIME_IS_VALID (time)) {
      GST_BUFFER_PTS (frame->buffer) = time;
      GST_BUFFER_DTS (frame->buffer) = time;
    }
  }
  gst_alitra_index_add (&self->written, info);
  gst_base_parse_set_min_frame_size (parse, MIN_LOOK);
  return gst_base_parse_finish_frame (parse, frame, info->size);
}

static GstFlowReturn
gst_alitra_parse_handle_frame (GstBaseParse * parse, GstBaseParseFrame * frame,
    gint * skip)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (parse);
  AlitraPacketInfo info;
  GstMapInfo map;
  gsize bytes;
  Look seen;

  if (!gst_buffer_map (frame->buffer, &map, GST_MAP_READ))
    goto no_map;
  seen = look (map.data, map.size, GST_BASE_PARSE_DRAINING (parse), &info,
      &bytes);
  gst_buffer_unmap (frame->buffer, &map);

  switch (seen) {
    case LOOK_PACKET:
      return finish (self, frame, &info);
    case LOOK_WAIT:
      gst_base_parse_set_min_frame_size (parse, MAX (bytes, MIN_LOOK));
      break;
    case LOOK_SKIP:
      GST_DEBUG_OBJECT (self, "skipping %" G_GSIZE_FORMAT " bytes", bytes);
      gst_base_parse_set_min_frame_size (parse, MIN_LOOK);
      *skip = (gint) bytes;
      break;
  }
  return GST_FLOW_OK;

no_map:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, READ,
        ("A buffer of the input cannot be read"), (NULL));
    return GST_FLOW_ERROR;
  }
}

static void
send_tags (GstAlitraParse * self)
{
  GstTagList *tags;

  if (self->has_tags)
    return;
  self->has_tags = TRUE;
  tags = gst_tag_list_new (GST_TAG_VIDEO_CODEC, "Alitra tokens", NULL);
  gst_base_parse_merge_tags (GST_BASE_PARSE (self), tags,
      GST_TAG_MERGE_REPLACE);
  gst_tag_list_unref (tags);
}

static GstFlowReturn
gst_alitra_parse_pre_push_frame (GstBaseParse * parse,
    GstBaseParseFrame * frame)
{
  send_tags (GST_ALITRA_PARSE (parse));
  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_CLIP;
  return GST_FLOW_OK;
}

/* EVENTS */

static gboolean
gst_alitra_parse_sink_event (GstBaseParse * parse, GstEvent * event)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (parse);
  const GstSegment *segment;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      set_base (self, GST_CLOCK_TIME_NONE);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      self->time_upstream = segment->format == GST_FORMAT_TIME;
      break;
    default:
      break;
  }
  return GST_BASE_PARSE_CLASS (parent_class)->sink_event (parse, event);
}

/* The key packet before a time, and if there is none, or for both, the one after it.  Without an index the file is
 * searched by halving. */
static void
find_keys (const GstAlitraFile * file, guint64 pts, gboolean both,
    GstAlitraFilePacket * before, gboolean * has_before,
    GstAlitraFilePacket * after, gboolean * has_after)
{
  GstAlitraIndex index;

  if (!gst_alitra_file_read_index (file, &index)
      || !gst_alitra_file_look_up (file, &index, pts, before, has_before,
          after, has_after)) {
    *has_before = gst_alitra_file_key_before (file, pts, before);
    *has_after = (both || !*has_before)
        && gst_alitra_file_key_after (file, pts, after);
  }
  gst_alitra_index_clear (&index);
}

/* The key packet from which to decode for a seek to @time. */
static gboolean
find_key (const GstAlitraFile * file, guint64 pts, GstSeekFlags flags,
    GstAlitraFilePacket * key)
{
  const gboolean both = (flags & GST_SEEK_FLAG_KEY_UNIT)
      && (flags & GST_SEEK_FLAG_SNAP_AFTER);
  GstAlitraFilePacket after;
  gboolean has_before, has_after;

  find_keys (file, pts, both, key, &has_before, &after, &has_after);
  if (has_before && !both)
    return TRUE;
  if (!has_after)
    return has_before;
  if (has_before && (flags & GST_SEEK_FLAG_SNAP_BEFORE)
      && pts - key->info.pts <= after.info.pts - pts)
    return TRUE;
  *key = after;
  return TRUE;
}

/* The base class seeks exactly to what its index knows: tell it the right key packet beforehand. */
static GstEvent *
prepare_seek (GstAlitraParse * self, GstEvent * event)
{
  GstAlitraFile file;
  GstAlitraFilePacket key;
  GstEvent *prepared;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  guint64 base = get_base (self);
  gint64 start, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME || start_type != GST_SEEK_TYPE_SET || rate < 0
      || start < 0 || base == GST_CLOCK_TIME_NONE
      || !gst_alitra_file_open (&file, GST_BASE_PARSE_SINK_PAD (self))
      || !find_key (&file, base + start, flags, &key) || key.info.pts < base)
    return event;

  gst_base_parse_add_index_entry (GST_BASE_PARSE (self), key.offset,
      key.info.pts - base, TRUE, TRUE);
  if ((flags & GST_SEEK_FLAG_KEY_UNIT) || key.info.pts - base > start)
    start = key.info.pts - base;
  prepared = gst_event_new_seek (rate, format, flags | GST_SEEK_FLAG_ACCURATE,
      start_type, start, stop_type, stop);
  gst_event_set_seqnum (prepared, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return prepared;
}

static gboolean
gst_alitra_parse_src_event (GstBaseParse * parse, GstEvent * event)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (parse);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK && is_pulling (self))
    event = prepare_seek (self, event);
  return GST_BASE_PARSE_CLASS (parent_class)->src_event (parse, event);
}

/* A recording ends: its index goes behind its last packet. */
static GstPadProbeReturn
on_end (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstAlitraParse *self = data;
  GstBuffer *buffer;
  GstPad *peer;
  gboolean wanted;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  GST_OBJECT_LOCK (self);
  wanted = self->index;
  GST_OBJECT_UNLOCK (self);
  if (!wanted || self->written.span == 0)
    return GST_PAD_PROBE_OK;
  /* The pad itself takes nothing any more once the event is on it; what is behind it has not seen the event yet. */
  peer = gst_pad_get_peer (pad);
  if (peer == NULL)
    return GST_PAD_PROBE_OK;
  buffer = gst_alitra_index_write (&self->written);
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_HEADER);
  gst_pad_chain (peer, buffer);
  gst_object_unref (peer);
  gst_alitra_index_clear (&self->written);
  gst_alitra_index_init (&self->written);
  return GST_PAD_PROBE_OK;
}

/* OBJECT */

static void
gst_alitra_parse_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (object);

  if (id != PROP_INDEX) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  self->index = g_value_get_boolean (value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_alitra_parse_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstAlitraParse *self = GST_ALITRA_PARSE (object);

  if (id != PROP_INDEX) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_value_set_boolean (value, self->index);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_alitra_parse_finalize (GObject * object)
{
  gst_alitra_index_clear (&GST_ALITRA_PARSE (object)->written);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_alitra_parse_init (GstAlitraParse * self)
{
  self->base_pts = GST_CLOCK_TIME_NONE;
  gst_alitra_index_init (&self->written);
  gst_pad_add_probe (GST_BASE_PARSE_SRC_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_end, self, NULL);
  GST_PAD_SET_ACCEPT_INTERSECT (GST_BASE_PARSE_SINK_PAD (self));
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_BASE_PARSE_SINK_PAD (self));
}

static void
gst_alitra_parse_class_init (GstAlitraParseClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseParseClass *parse_class = GST_BASE_PARSE_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_alitra_parse_debug, "alitraparse", 0,
      "Alitra token parser");

  object_class->set_property = gst_alitra_parse_set_property;
  object_class->get_property = gst_alitra_parse_get_property;
  object_class->finalize = gst_alitra_parse_finalize;
  g_object_class_install_property (object_class, PROP_INDEX,
      g_param_spec_boolean ("index", "Index",
          "Put an index of the key frames behind the last packet, for "
          "filesink: seeking in long recordings takes few reads then. A "
          "decoder does not want it.", FALSE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Alitra token parser", "Codec/Parser/Video",
      "Finds the packets in a stream of adaptive-length video tokens",
      "The gst-alitra authors");

  parse_class->start = GST_DEBUG_FUNCPTR (gst_alitra_parse_start);
  parse_class->set_sink_caps =
      GST_DEBUG_FUNCPTR (gst_alitra_parse_set_sink_caps);
  parse_class->handle_frame = GST_DEBUG_FUNCPTR (gst_alitra_parse_handle_frame);
  parse_class->pre_push_frame =
      GST_DEBUG_FUNCPTR (gst_alitra_parse_pre_push_frame);
  parse_class->sink_event = GST_DEBUG_FUNCPTR (gst_alitra_parse_sink_event);
  parse_class->src_event = GST_DEBUG_FUNCPTR (gst_alitra_parse_src_event);
}
