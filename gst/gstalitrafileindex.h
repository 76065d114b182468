/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_FILE_INDEX_H
#define GST_ALITRA_FILE_INDEX_H

#include <alitra/packet.h>
#include <gst/gst.h>

#include "gstalitraindex.h"

G_BEGIN_DECLS

/* Finds packets in a file that can be read at any place, through the peer of a pad in pull mode. */
typedef struct
{
  GstPad *pad;                  /* sink pad; not owned */
  guint64 size;                 /* bytes of the file */
} GstAlitraFile;

/* A packet and where it begins. */
typedef struct
{
  guint64 offset;
  AlitraPacketInfo info;
} GstAlitraFilePacket;

/* The index at the end of the file; FALSE: there is none that is sound and covers the whole file, and @index is empty.
 * Clear it either way. */
gboolean gst_alitra_file_read_index (const GstAlitraFile * file, GstAlitraIndex * index);

/* Finds key packets as the functions below do, but through an index.  FALSE: there is none, or it says what is not so. */
gboolean gst_alitra_file_look_up (const GstAlitraFile * file, const GstAlitraIndex * index, guint64 pts,
    GstAlitraFilePacket * before, gboolean * has_before, GstAlitraFilePacket * after, gboolean * has_after);

/* FALSE: upstream does not know its size, so nothing can be looked up. */
gboolean gst_alitra_file_open (GstAlitraFile * file, GstPad * pad);

/* The first packet at or after @from and before @end. */
gboolean gst_alitra_file_next (const GstAlitraFile * file, guint64 from, guint64 end, GstAlitraFilePacket * packet);

/* The last packet that says its time. */
gboolean gst_alitra_file_last (const GstAlitraFile * file, GstAlitraFilePacket * packet);

/* The last key packet whose time is at most @pts; FALSE: there is none. */
gboolean gst_alitra_file_key_before (const GstAlitraFile * file, guint64 pts, GstAlitraFilePacket * key);

/* The first key packet whose time is at least @pts; FALSE: there is none. */
gboolean gst_alitra_file_key_after (const GstAlitraFile * file, guint64 pts, GstAlitraFilePacket * key);

G_END_DECLS

#endif
