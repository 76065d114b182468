/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitraindex.h"

#include <string.h>
#include <zlib.h>

#define HEAD 28                 /* magic, version, entries, span, last time */
#define ENTRY 16
#define CRC 4
#define INDEX_VERSION 1
#define LEAST_SIZE (HEAD + CRC + GST_ALITRA_INDEX_TAIL)
/* An index of key packets that are half a second apart for a year is no larger. */
#define MOST_SIZE ((guint64) 1 << 30)

static const gchar head_magic[4] = { 'A', 'L', 'T', 'X' };
static const gchar tail_magic[4] = { 'X', 'T', 'L', 'A' };

void
gst_alitra_index_init (GstAlitraIndex * index)
{
  index->entries = g_array_new (FALSE, FALSE, sizeof (GstAlitraIndexEntry));
  index->span = 0;
  index->last_pts = ALITRA_PACKET_NO_PTS;
}

void
gst_alitra_index_clear (GstAlitraIndex * index)
{
  g_clear_pointer (&index->entries, g_array_unref);
}

static const GstAlitraIndexEntry *
entry_at (const GstAlitraIndex * index, guint i)
{
  return &g_array_index (index->entries, GstAlitraIndexEntry, i);
}

/* Times of a recording rise; where they do not, as where two recordings were joined, the entry is left out. */
void
gst_alitra_index_add (GstAlitraIndex * index, const AlitraPacketInfo * info)
{
  const GstAlitraIndexEntry entry = { index->span, info->pts };
  const guint n = index->entries->len;

  index->span += info->size;
  if (info->pts == ALITRA_PACKET_NO_PTS)
    return;
  if (info->key && (n == 0 || entry_at (index, n - 1)->pts < info->pts))
    g_array_append_val (index->entries, entry);
  if (index->last_pts == ALITRA_PACKET_NO_PTS || info->pts > index->last_pts)
    index->last_pts = info->pts;
}

GstBuffer *
gst_alitra_index_write (const GstAlitraIndex * index)
{
  const guint n = index->entries->len;
  const gsize size = LEAST_SIZE + (gsize) ENTRY * n;
  guint8 *data = g_malloc0 (size), *at = data + HEAD;
  guint i;

  memcpy (data, head_magic, sizeof (head_magic));
  data[4] = INDEX_VERSION;
  GST_WRITE_UINT32_LE (data + 8, n);
  GST_WRITE_UINT64_LE (data + 12, index->span);
  GST_WRITE_UINT64_LE (data + 20, index->last_pts);
  for (i = 0; i < n; i++, at += ENTRY) {
    GST_WRITE_UINT64_LE (at, entry_at (index, i)->offset);
    GST_WRITE_UINT64_LE (at + 8, entry_at (index, i)->pts);
  }
  GST_WRITE_UINT32_LE (at, crc32 (0, data, at - data));
  GST_WRITE_UINT32_LE (at + CRC, size);
  memcpy (at + CRC + 4, tail_magic, sizeof (tail_magic));
  return gst_buffer_new_wrapped (data, size);
}

guint64
gst_alitra_index_get_size (const guint8 * tail)
{
  const guint64 size = GST_READ_UINT32_LE (tail);

  return memcmp (tail + 4, tail_magic, sizeof (tail_magic)) == 0
      && size >= LEAST_SIZE && size <= MOST_SIZE ? size : 0;
}

static gboolean
read_entries (GstAlitraIndex * index, const guint8 * at, guint n)
{
  GstAlitraIndexEntry before = { 0, 0 };
  guint i;

  g_array_set_size (index->entries, 0);
  for (i = 0; i < n; i++, at += ENTRY) {
    const GstAlitraIndexEntry entry = { GST_READ_UINT64_LE (at),
      GST_READ_UINT64_LE (at + 8)
    };

    if (entry.offset >= index->span || (i > 0 && (entry.offset <= before.offset
                || entry.pts <= before.pts)))
      return FALSE;
    g_array_append_val (index->entries, entry);
    before = entry;
  }
  return TRUE;
}

gboolean
gst_alitra_index_read (GstAlitraIndex * index, const guint8 * data, gsize size)
{
  gsize body;
  guint n;

  if (size < LEAST_SIZE || memcmp (data, head_magic, sizeof (head_magic)) != 0
      || data[4] != INDEX_VERSION)
    return FALSE;
  body = size - CRC - GST_ALITRA_INDEX_TAIL;
  n = GST_READ_UINT32_LE (data + 8);
  if ((body - HEAD) / ENTRY != n || (body - HEAD) % ENTRY != 0
      || GST_READ_UINT32_LE (data + body) != crc32 (0, data, body))
    return FALSE;
  index->span = GST_READ_UINT64_LE (data + 12);
  index->last_pts = GST_READ_UINT64_LE (data + 20);
  return read_entries (index, data + HEAD, n);
}

gint
gst_alitra_index_find (const GstAlitraIndex * index, guint64 pts)
{
  guint low = 0, high = index->entries->len;

  while (low < high) {
    const guint middle = low + (high - low) / 2;

    if (entry_at (index, middle)->pts <= pts)
      low = middle + 1;
    else
      high = middle;
  }
  return (gint) low - 1;
}
