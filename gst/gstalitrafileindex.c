/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrafileindex.h"

/* A piece that is searched for a packet: large enough that a search through damage does not crawl. */
#define PIECE (64 * 1024)
/* What is read of a packet at first; headers are seldom longer. */
#define GLANCE 512

gboolean
gst_alitra_file_open (GstAlitraFile * file, GstPad * pad)
{
  gint64 size;

  if (!gst_pad_peer_query_duration (pad, GST_FORMAT_BYTES, &size) || size <= 0)
    return FALSE;
  file->pad = pad;
  file->size = size;
  return TRUE;
}

static GstBuffer *
pull (const GstAlitraFile * file, guint64 offset, guint64 size,
    GstMapInfo * map)
{
  GstBuffer *buffer = NULL;

  if (offset >= file->size)
    return NULL;
  size = MIN (size, file->size - offset);
  if (gst_pad_pull_range (file->pad, offset, (guint) size,
          &buffer) != GST_FLOW_OK)
    return NULL;
  if (!gst_buffer_map (buffer, map, GST_MAP_READ)) {
    gst_buffer_unref (buffer);
    return NULL;
  }
  return buffer;
}

static void
drop (GstBuffer * buffer, GstMapInfo * map)
{
  gst_buffer_unmap (buffer, map);
  gst_buffer_unref (buffer);
}

/* Is there a whole packet right here? */
static gboolean
read_at (const GstAlitraFile * file, guint64 offset, AlitraPacketInfo * info)
{
  AlitraPacketStatus status = ALITRA_PACKET_BAD;
  guint size = GLANCE;

  do {
    GstMapInfo map;
    GstBuffer *buffer = pull (file, offset, size, &map);

    if (buffer == NULL)
      return FALSE;
    status = alitra_packet_read_info (map.data, map.size, info);
    drop (buffer, &map);
    size = size == GLANCE ? ALITRA_PACKET_MAX_HEADER : 0;
  } while (status == ALITRA_PACKET_NEED_MORE && size > 0);
  return status == ALITRA_PACKET_OK && info->size <= file->size - offset;
}

/* Searches one piece; on FALSE *from is where to go on. */
static gboolean
search_piece (const GstAlitraFile * file, guint64 * from, guint64 end,
    GstAlitraFilePacket * packet)
{
  GstMapInfo map;
  GstBuffer *buffer = pull (file, *from, PIECE, &map);
  gsize at = 0;
  gboolean found = FALSE;

  if (buffer == NULL) {
    *from = end;
    return FALSE;
  }
  while ((at = alitra_packet_find (map.data, map.size, at)) < map.size
      && *from + at < end) {
    packet->offset = *from + at;
    found = read_at (file, packet->offset, &packet->info);
    if (found)
      break;
    at++;
  }
  *from += MAX (at, 1);
  drop (buffer, &map);
  return found;
}

gboolean
gst_alitra_file_next (const GstAlitraFile * file, guint64 from, guint64 end,
    GstAlitraFilePacket * packet)
{
  end = MIN (end, file->size);
  if (from >= end)
    return FALSE;
  packet->offset = from;
  if (read_at (file, from, &packet->info))
    return TRUE;
  while (from < end)
    if (search_piece (file, &from, end, packet))
      return TRUE;
  return FALSE;
}

static gboolean
next_after (const GstAlitraFile * file, const GstAlitraFilePacket * packet,
    guint64 end, GstAlitraFilePacket * next)
{
  return gst_alitra_file_next (file, packet->offset + packet->info.size, end,
      next);
}

static gboolean
next_key (const GstAlitraFile * file, guint64 from, guint64 end,
    GstAlitraFilePacket * key)
{
  while (gst_alitra_file_next (file, from, end, key)) {
    if (key->info.key && key->info.pts != ALITRA_PACKET_NO_PTS)
      return TRUE;
    from = key->offset + key->info.size;
  }
  return FALSE;
}

gboolean
gst_alitra_file_last (const GstAlitraFile * file, GstAlitraFilePacket * packet)
{
  guint64 back, end = file->size;

  /* The last packet may be large: look ever further back. */
  for (back = PIECE; end > 0; back *= 4) {
    guint64 begin = end > back ? end - back : 0;
    GstAlitraFilePacket next;
    gboolean found = FALSE, more;

    for (more = gst_alitra_file_next (file, begin, end, &next); more;
        more = next_after (file, &next, end, &next)) {
      if (next.info.pts != ALITRA_PACKET_NO_PTS) {
        *packet = next;
        found = TRUE;
      }
    }
    if (found)
      return TRUE;
    if (begin == 0 || back > 2 * (guint64) ALITRA_PACKET_MAX_SIZE)
      return FALSE;
  }
  return FALSE;
}

gboolean
gst_alitra_file_key_before (const GstAlitraFile * file, guint64 pts,
    GstAlitraFilePacket * key)
{
  guint64 low, high = file->size;
  GstAlitraFilePacket middle;

  if (!next_key (file, 0, high, key) || key->info.pts > pts)
    return FALSE;
  /* The key packet wanted is *key or begins in low..high. */
  low = key->offset + key->info.size;
  while (high > low && high - low > PIECE) {
    guint64 half = low + (high - low) / 2;

    if (next_key (file, half, high, &middle) && middle.info.pts <= pts) {
      *key = middle;
      low = middle.offset + middle.info.size;
    } else {
      high = half;
    }
  }
  while (next_key (file, low, high, &middle) && middle.info.pts <= pts) {
    *key = middle;
    low = middle.offset + middle.info.size;
  }
  return TRUE;
}

gboolean
gst_alitra_file_key_after (const GstAlitraFile * file, guint64 pts,
    GstAlitraFilePacket * key)
{
  GstAlitraFilePacket before;
  guint64 from = 0;

  if (gst_alitra_file_key_before (file, pts, &before))
    from = before.offset;
  while (next_key (file, from, file->size, key)) {
    if (key->info.pts >= pts)
      return TRUE;
    from = key->offset + key->info.size;
  }
  return FALSE;
}

gboolean
gst_alitra_file_read_index (const GstAlitraFile * file, GstAlitraIndex * index)
{
  GstMapInfo map;
  GstBuffer *buffer;
  guint64 size = 0;
  gboolean sound = FALSE;

  gst_alitra_index_init (index);
  if (file->size < GST_ALITRA_INDEX_TAIL)
    return FALSE;
  buffer = pull (file, file->size - GST_ALITRA_INDEX_TAIL,
      GST_ALITRA_INDEX_TAIL, &map);
  if (buffer) {
    if (map.size == GST_ALITRA_INDEX_TAIL)
      size = gst_alitra_index_get_size (map.data);
    drop (buffer, &map);
  }
  if (size == 0 || size > file->size)
    return FALSE;
  buffer = pull (file, file->size - size, size, &map);
  if (buffer) {
    /* Something else may stand before the recording: its packets are not in the index. */
    sound = gst_alitra_index_read (index, map.data, map.size)
        && index->span == file->size - size;
    drop (buffer, &map);
  }
  if (!sound)
    g_array_set_size (index->entries, 0);
  return sound && index->entries->len > 0;
}

/* The packet that an entry points at. */
static gboolean
read_entry (const GstAlitraFile * file, const GstAlitraIndex * index,
    gint number, GstAlitraFilePacket * key, gboolean * found)
{
  const GstAlitraIndexEntry *entry;

  *found = number >= 0 && number < (gint) index->entries->len;
  if (!*found)
    return TRUE;
  entry = &g_array_index (index->entries, GstAlitraIndexEntry, number);
  key->offset = entry->offset;
  return read_at (file, entry->offset, &key->info) && key->info.key
      && key->info.pts == entry->pts;
}

gboolean
gst_alitra_file_look_up (const GstAlitraFile * file,
    const GstAlitraIndex * index, guint64 pts, GstAlitraFilePacket * before,
    gboolean * has_before, GstAlitraFilePacket * after, gboolean * has_after)
{
  const gint number = gst_alitra_index_find (index, pts);

  if (!read_entry (file, index, number, before, has_before))
    return FALSE;
  if (*has_before && before->info.pts == pts) {
    *after = *before;
    *has_after = TRUE;
    return TRUE;
  }
  return read_entry (file, index, number + 1, after, has_after);
}
