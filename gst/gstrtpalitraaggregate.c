/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstrtpalitraaggregate.h"

#include <string.h>

void
gst_rtp_alitra_aggregate_init (GstRtpAlitraAggregate * self)
{
  memset (self, 0, sizeof (*self));
  self->bytes = g_byte_array_new ();
}

void
gst_rtp_alitra_aggregate_clear (GstRtpAlitraAggregate * self)
{
  g_byte_array_unref (self->bytes);
}

void
gst_rtp_alitra_aggregate_forget (GstRtpAlitraAggregate * self)
{
  g_byte_array_set_size (self->bytes, 0);
}

gboolean
gst_rtp_alitra_aggregate_takes (GstBuffer * frame, gsize room)
{
  const gsize size = gst_buffer_get_size (frame);

  return size <= G_MAXUINT16 && GST_RTP_ALITRA_AGGREGATE_HEADER
      + GST_RTP_ALITRA_RECORD_HEADER + size <= room;
}

gboolean
gst_rtp_alitra_aggregate_fits (const GstRtpAlitraAggregate * self,
    const AlitraPacketInfo * info, GstBuffer * frame, gsize room,
    GstClockTime limit)
{
  const GstClockTime pts = GST_BUFFER_PTS (frame);

  return self->bytes->len == 0 || (!info->key
      && !GST_BUFFER_IS_DISCONT (frame) && pts >= self->pts
      && pts - self->pts <= limit
      && GST_RTP_ALITRA_AGGREGATE_HEADER + self->bytes->len
      + GST_RTP_ALITRA_RECORD_HEADER + info->size <= room);
}

static void
begin (GstRtpAlitraAggregate * self, const AlitraPacketInfo * info,
    GstBuffer * frame)
{
  GstRtpAlitraHeader *header = &self->header;

  memset (header, 0, sizeof (*header));
  header->key = info->key;
  header->start = header->end = header->header = header->aggregate = TRUE;
  header->number = info->frame_number & 0xffff;
  self->pts = GST_BUFFER_PTS (frame);
  self->dts = GST_BUFFER_DTS (frame);
}

void
gst_rtp_alitra_aggregate_add (GstRtpAlitraAggregate * self,
    const AlitraPacketInfo * info, GstBuffer * frame)
{
  guint8 record[GST_RTP_ALITRA_RECORD_HEADER];
  const guint start = self->bytes->len;
  const gsize size = info->size;

  if (start == 0)
    begin (self, info, frame);
  GST_WRITE_UINT16_BE (record, size);
  GST_WRITE_UINT16_BE (record + 2,
      gst_util_uint64_scale_round (GST_BUFFER_PTS (frame) - self->pts,
          GST_RTP_ALITRA_CLOCK_RATE, GST_SECOND));
  g_byte_array_append (self->bytes, record, sizeof (record));
  g_byte_array_set_size (self->bytes, start + sizeof (record) + size);
  gst_buffer_extract (frame, 0, self->bytes->data + start + sizeof (record),
      size);
}
