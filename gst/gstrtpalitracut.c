/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstrtpalitracut.h"

#include <string.h>

/* Units are what is kept together: the header of the token packet is the first, then come the chunks. */
static guint
count_units (const AlitraPacketLayout * layout)
{
  return 1 + layout->info.layers * layout->info.slices;
}

static gsize
unit_end (const AlitraPacketLayout * layout, guint unit)
{
  return layout->chunk[unit];
}

/* The header and the first layer: the frame cannot be read without them. */
static gboolean
unit_is_protected (const AlitraPacketLayout * layout, guint unit)
{
  return unit == 0 || (unit - 1) / layout->info.slices == 0;
}

/* How far whole units go that fit into @room and may travel together. */
static gsize
whole_units_end (const AlitraPacketLayout * layout, guint first, gsize begin,
    gsize room, gboolean alone)
{
  gboolean frame_fits = layout->info.size - begin <= room && begin == 0;
  gboolean is_protected = unit_is_protected (layout, first);
  gsize end = begin;
  guint unit;

  for (unit = first; unit < count_units (layout); unit++) {
    gsize next = unit_end (layout, unit);

    if (next == end)
      continue;
    if (next - begin > room)
      break;
    if (end > begin && (alone || (!frame_fits
                && unit_is_protected (layout, unit) != is_protected)))
      break;
    end = next;
  }
  return end;
}

/* The first unit that has bytes at or after @at. */
static guint
unit_at (const AlitraPacketLayout * layout, guint unit, gsize at)
{
  while (unit + 1 < count_units (layout) && unit_end (layout, unit) <= at)
    unit++;
  return unit;
}

static void
describe (const AlitraPacketLayout * layout, guint unit,
    GstRtpAlitraPiece * piece)
{
  GstRtpAlitraHeader *header = &piece->header;
  guint chunk_unit = MAX (unit, 1);
  gsize unit_begin = unit > 0 ? unit_end (layout, unit - 1) : 0;

  header->key = layout->info.key;
  header->number = layout->info.frame_number & 0xffff;
  header->start = piece->begin == 0;
  header->end = piece->end == layout->info.size;
  header->header = unit == 0;
  header->offset = piece->begin - unit_begin;
  if (unit == 0)
    chunk_unit = unit_at (layout, 1, layout->info.header_size);
  if (piece->end > unit_end (layout, chunk_unit - 1)) {
    header->chunk = chunk_unit - 1;
    header->layer = header->chunk / layout->info.slices;
  }
  piece->is_protected = unit_is_protected (layout, unit);
}

void
gst_rtp_alitra_cut_next (const AlitraPacketLayout * layout, gsize room,
    gsize repeat, gboolean alone, GstRtpAlitraPiece * piece)
{
  const gsize begin = piece->end;
  const guint unit = unit_at (layout, piece->unit, begin);
  gboolean unit_begins = begin == (unit > 0 ? unit_end (layout, unit - 1) : 0);

  memset (piece, 0, sizeof (*piece));
  piece->unit = unit;
  if (unit > 0 && repeat > 0) {
    piece->header.repeat = TRUE;
    room -= repeat;
  }
  piece->begin = piece->end = begin;
  if (unit_begins && room > GST_RTP_ALITRA_HEADER)
    piece->end = whole_units_end (layout, unit, begin,
        room - GST_RTP_ALITRA_HEADER, alone);
  if (piece->end == begin) {
    room -= GST_RTP_ALITRA_FRAGMENT_HEADER;
    piece->end = MIN (unit_end (layout, unit), begin + room);
    piece->header.fragment = TRUE;
  }
  describe (layout, unit, piece);
}

gsize
gst_rtp_alitra_cut_slice_size (const AlitraPacketLayout * layout, guint slice)
{
  gsize size = 0;
  guint layer;

  for (layer = 0; layer < layout->info.layers; layer++) {
    guint chunk = layer * layout->info.slices + slice;

    size += layout->chunk[chunk + 1] - layout->chunk[chunk];
  }
  return size;
}

gboolean
gst_rtp_alitra_cut_fits_slices (const AlitraPacketLayout * layout, gsize room,
    gsize repeat)
{
  guint slice;

  for (slice = 0; slice < layout->info.slices; slice++)
    if (GST_RTP_ALITRA_HEADER + repeat
        + gst_rtp_alitra_cut_slice_size (layout, slice) > room)
      return FALSE;
  return TRUE;
}

void
gst_rtp_alitra_cut_append_slice (const AlitraPacketLayout * layout,
    const guint8 * packet, guint slice, GByteArray * to)
{
  guint layer;

  for (layer = 0; layer < layout->info.layers; layer++) {
    guint chunk = layer * layout->info.slices + slice;

    g_byte_array_append (to, packet + layout->chunk[chunk],
        layout->chunk[chunk + 1] - layout->chunk[chunk]);
  }
}
