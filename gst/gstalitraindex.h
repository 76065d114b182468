/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_INDEX_H
#define GST_ALITRA_INDEX_H

#include <alitra/packet.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* Bytes at the end of an index that say how long it is. */
#define GST_ALITRA_INDEX_TAIL 8

typedef struct
{
  guint64 offset, pts;
} GstAlitraIndexEntry;

/* Where the key packets of a recording lie (section 7 of docs/token-stream.md). */
typedef struct
{
  GArray *entries;              /* GstAlitraIndexEntry, offsets and times rising */
  guint64 span;                 /* bytes of packets */
  guint64 last_pts;             /* of all packets; ALITRA_PACKET_NO_PTS: none has a time */
} GstAlitraIndex;

void gst_alitra_index_init (GstAlitraIndex * index);
void gst_alitra_index_clear (GstAlitraIndex * index);
/* The next packet of the recording. */
void gst_alitra_index_add (GstAlitraIndex * index, const AlitraPacketInfo * info);
/* (transfer full): the bytes that go behind the last packet. */
GstBuffer *gst_alitra_index_write (const GstAlitraIndex * index);

/* Bytes of the index that ends in these GST_ALITRA_INDEX_TAIL bytes; 0: none does. */
guint64 gst_alitra_index_get_size (const guint8 * tail);
/* FALSE: it is damaged. */
gboolean gst_alitra_index_read (GstAlitraIndex * index, const guint8 * data, gsize size);

/* Number of the last entry whose time is at most @pts, -1: there is none. */
gint gst_alitra_index_find (const GstAlitraIndex * index, guint64 pts);

G_END_DECLS

#endif
