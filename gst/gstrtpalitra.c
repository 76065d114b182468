/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstrtpalitra.h"

#include <string.h>

#define VERSION_BITS (1 << 6)
#define VERSION_MASK (3 << 6)
#define KEY_BIT (1 << 5)
#define START_BIT (1 << 4)
#define END_BIT (1 << 3)
#define HEADER_BIT (1 << 2)
#define FRAGMENT_BIT (1 << 1)
#define CONFIG_BIT (1 << 0)
/* In the second byte, after four bits of layer. */
#define AGGREGATE_BIT (1 << 3)
#define REPEAT_BIT (1 << 2)
#define SLICES_BIT (1 << 1)

static guint
header_size (const GstRtpAlitraHeader * header)
{
  if (header->aggregate)
    return GST_RTP_ALITRA_AGGREGATE_HEADER;
  return header->fragment ? GST_RTP_ALITRA_FRAGMENT_HEADER :
      GST_RTP_ALITRA_HEADER;
}

guint
gst_rtp_alitra_header_read (GstRtpAlitraHeader * header, const guint8 * data,
    gsize size)
{
  memset (header, 0, sizeof (*header));
  if (size < GST_RTP_ALITRA_AGGREGATE_HEADER
      || (data[0] & VERSION_MASK) != VERSION_BITS)
    return 0;
  header->key = (data[0] & KEY_BIT) != 0;
  header->start = (data[0] & START_BIT) != 0;
  header->end = (data[0] & END_BIT) != 0;
  header->header = (data[0] & HEADER_BIT) != 0;
  header->fragment = (data[0] & FRAGMENT_BIT) != 0;
  header->config = (data[0] & CONFIG_BIT) != 0;
  header->layer = data[1] >> 4;
  header->aggregate = (data[1] & AGGREGATE_BIT) != 0;
  header->repeat = !header->aggregate && (data[1] & REPEAT_BIT) != 0;
  header->slices = !header->aggregate && !header->fragment
      && (data[1] & SLICES_BIT) != 0;
  header->number = GST_READ_UINT16_BE (data + 2);
  if (size <= header_size (header))
    return 0;
  if (!header->aggregate)
    header->chunk = GST_READ_UINT16_BE (data + 4);
  if (!header->aggregate && header->fragment)
    header->offset = GST_READ_UINT24_BE (data + 6);
  return header_size (header);
}

guint
gst_rtp_alitra_header_write (const GstRtpAlitraHeader * header, guint8 * data)
{
  data[0] = VERSION_BITS | (header->key ? KEY_BIT : 0)
      | (header->start ? START_BIT : 0) | (header->end ? END_BIT : 0)
      | (header->header ? HEADER_BIT : 0)
      | (header->fragment ? FRAGMENT_BIT : 0)
      | (header->config ? CONFIG_BIT : 0);
  data[1] = header->layer << 4 | (header->aggregate ? AGGREGATE_BIT : 0)
      | (header->repeat ? REPEAT_BIT : 0) | (header->slices ? SLICES_BIT : 0);
  GST_WRITE_UINT16_BE (data + 2, header->number);
  if (!header->aggregate)
    GST_WRITE_UINT16_BE (data + 4, header->chunk);
  if (!header->aggregate && header->fragment)
    GST_WRITE_UINT24_BE (data + 6, header->offset);
  return header_size (header);
}

static gboolean
in_bounds (const AlitraStreamInfo * stream)
{
  return stream->width >= 1 && stream->width <= ALITRA_MAX_SIZE
      && stream->height >= 1 && stream->height <= ALITRA_MAX_SIZE
      && stream->fps_n <= G_MAXINT32
      && stream->fps_d >= 1 && stream->fps_d <= G_MAXINT32
      && stream->par_n >= 1 && stream->par_n <= G_MAXINT32
      && stream->par_d >= 1 && stream->par_d <= G_MAXINT32
      && stream->colour[0] <= 1;
}

gboolean
gst_rtp_alitra_config_read (const guint8 * data, gsize size,
    AlitraStreamInfo * stream, guint32 * model)
{
  if (size < GST_RTP_ALITRA_CONFIG_SIZE)
    return FALSE;
  *model = GST_READ_UINT32_BE (data);
  memset (stream, 0, sizeof (*stream));
  stream->width = GST_READ_UINT16_BE (data + 4);
  stream->height = GST_READ_UINT16_BE (data + 6);
  stream->fps_n = GST_READ_UINT32_BE (data + 8);
  stream->fps_d = GST_READ_UINT32_BE (data + 12);
  stream->par_n = GST_READ_UINT32_BE (data + 16);
  stream->par_d = GST_READ_UINT32_BE (data + 20);
  memcpy (stream->colour, data + 24, sizeof (stream->colour));
  return in_bounds (stream);
}

void
gst_rtp_alitra_config_write (guint8 data[GST_RTP_ALITRA_CONFIG_SIZE],
    const AlitraStreamInfo * stream, guint32 model)
{
  GST_WRITE_UINT32_BE (data, model);
  GST_WRITE_UINT16_BE (data + 4, stream->width);
  GST_WRITE_UINT16_BE (data + 6, stream->height);
  GST_WRITE_UINT32_BE (data + 8, stream->fps_n);
  GST_WRITE_UINT32_BE (data + 12, stream->fps_d);
  GST_WRITE_UINT32_BE (data + 16, stream->par_n);
  GST_WRITE_UINT32_BE (data + 20, stream->par_d);
  memcpy (data + 24, stream->colour, sizeof (stream->colour));
}
