/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PACKETHEADER_H
#define ALITRA_SRC_PACKETHEADER_H

#include <alitra/packet.h>

G_BEGIN_DECLS

#define ALITRA_PACKET_MAX_LEVEL_LAYERS 5        /* layers that bring tokens of the same level */
#define ALITRA_PACKET_MAX_SLICES 128

/* Size of a chunk that did not arrive: it has no bytes in the packet. */
#define ALITRA_PACKET_CHUNK_LOST 1

/* All that the header of a packet says (section 2 of docs/token-stream.md). */
typedef struct
{
  AlitraPacketInfo info;        /* checksum 0: none */
  guint max_depth[ALITRA_LEVELS];       /* key packets only */
  guint8 levels[ALITRA_PACKET_MAX_LAYERS];      /* of each layer, bit l: it brings tokens of level l */
  guint32 tokens[ALITRA_PACKET_MAX_LAYERS];
  guint32 chunk_size[ALITRA_PACKET_MAX_LAYERS * ALITRA_PACKET_MAX_SLICES];      /* layer * slices + slice; 0: empty */
} AlitraPacketHeader;

/* Bytes that a chunk of this size has in the packet. */
static inline guint32
alitra_packet_chunk_bytes (guint32 size)
{
  return size == ALITRA_PACKET_CHUNK_LOST ? 0 : size;
}

/* Whether frame rate and pixel aspect ratio fit into a header, and into caps. */
gboolean alitra_packet_check_rates (const AlitraStreamInfo * info, GError ** error);

/* As alitra_packet_read_info(); `problem`, if not NULL, is set to a few words when the packet is bad. */
AlitraPacketStatus alitra_packet_header_read (AlitraPacketHeader * header, const guint8 * data, gsize size,
    const gchar ** problem);

/* Empties `out` and writes the header; sets header_size, size, layers, tokens and lost of `header->info` from the
 * rest. */
void alitra_packet_header_write (AlitraPacketHeader * header, GByteArray * out);

G_END_DECLS

#endif
