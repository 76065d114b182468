/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_PACKET_H
#define ALITRA_PACKET_H

#include <alitra/error.h>
#include <alitra/frame.h>

G_BEGIN_DECLS

/**
 * ALITRA_PACKET_MAX_HEADER:
 *
 * Bytes of a header at most; a parser needs no more to call alitra_packet_read_info().
 */
#define ALITRA_PACKET_MAX_HEADER 8192
/**
 * ALITRA_PACKET_MAX_SIZE:
 *
 * Bytes of a packet at most: a parser skips anything that says it is longer.
 */
#define ALITRA_PACKET_MAX_SIZE (64u << 20)
/**
 * ALITRA_PACKET_NO_PTS: (value 18446744073709551615) (type guint64)
 *
 * The time of a packet that carries none.
 */
#define ALITRA_PACKET_NO_PTS ((guint64) -1)
/**
 * ALITRA_PACKET_MAX_LAYERS:
 *
 * Quality layers of a packet at most.
 */
#define ALITRA_PACKET_MAX_LAYERS 12
/**
 * ALITRA_PACKET_MAX_CHUNKS: (value 1536)
 *
 * Chunks of a packet at most: a chunk is what one layer says of one slice.
 */
#define ALITRA_PACKET_MAX_CHUNKS (ALITRA_PACKET_MAX_LAYERS * 128)

/**
 * AlitraPacketInfo:
 * @key: needs no memory
 * @frame_number: counts packets from the start of the stream, modulo 2^32
 * @pts: nanoseconds, or %ALITRA_PACKET_NO_PTS
 * @model: number of the model, as alitra_model_get_number()
 * @checksum: of the memory after this packet, all layers applied; 0: absent
 * @header_size: bytes before the first chunk
 * @size: bytes of the whole packet
 * @layers: quality layers in the packet
 * @slices: rows of 64-cells
 * @tokens: new tokens in the packet, those of lost chunks included
 * @lost: chunks that did not arrive: somebody on the way marked them with alitra_packet_mark_lost()
 * @stream: key packets only: what the stream is; otherwise zero
 *
 * What the header of a packet says (docs/token-stream.md).
 */
typedef struct
{
  gboolean key;
  guint32 frame_number;
  guint64 pts;
  guint32 model;
  guint32 checksum;
  gsize header_size;
  gsize size;
  guint layers, slices;
  guint tokens;
  guint lost;
  AlitraStreamInfo stream;
  /*< private > */
  gpointer reserved[9];
} AlitraPacketInfo;

#define ALITRA_TYPE_PACKET_INFO (alitra_packet_info_get_type ())
ALITRA_API GType alitra_packet_info_get_type (void);

/**
 * AlitraPacketStatus:
 * @ALITRA_PACKET_OK: the header is whole and sound
 * @ALITRA_PACKET_NEED_MORE: the first bytes fit, more are needed to say
 * @ALITRA_PACKET_BAD: not a packet: skip with alitra_packet_find()
 *
 * What the first bytes of something say about its being a packet.
 */
typedef enum
{
  ALITRA_PACKET_OK,
  ALITRA_PACKET_NEED_MORE,
  ALITRA_PACKET_BAD
} AlitraPacketStatus;

/**
 * alitra_packet_read_info:
 * @data: (array length=size): bytes that begin with a packet
 * @size: bytes at @data; the header is enough
 * @info: (out caller-allocates) (optional): filled in when %ALITRA_PACKET_OK
 *
 * Reads and checks (magic, version, bounds, checksum of the header) a packet's header. Never reads past @size. Any
 * thread may call it.
 *
 * Returns: whether there is a packet
 */
ALITRA_API AlitraPacketStatus alitra_packet_read_info (const guint8 * data, gsize size, AlitraPacketInfo * info);

/**
 * alitra_packet_find:
 * @data: (array length=size): any bytes
 * @size: bytes at @data
 * @from: offset in bytes to begin at
 *
 * Looks for the next packet in bytes of which some are damaged or foreign. Any thread may call it.
 *
 * Returns: offset of the next place at or after @from where a packet may begin (its first bytes may be cut by the end
 *   of @data), or @size
 */
ALITRA_API gsize alitra_packet_find (const guint8 * data, gsize size, gsize from);

/**
 * AlitraPacketLayout:
 * @info: what alitra_packet_read_info() says
 * @levels: of each layer, the levels that it brings tokens for: bit 0: 16-cells, bit 1: 32-cells, bit 2: 64-cells
 * @tokens: of each layer, the new tokens
 * @trimmed_size: of each layer, bytes of the packet that alitra_packet_trim() makes when this is the last layer it keeps
 * @chunk: chunk number layer * slices + slice is the bytes @chunk[number] .. @chunk[number + 1] - 1 of the packet, none
 *   if it is empty or lost; there are layers * slices of them
 * @lost: of each chunk, whether it did not arrive
 *
 * Where everything in a packet lies, to cut it or to send it in pieces.
 */
typedef struct
{
  AlitraPacketInfo info;
  guint levels[ALITRA_PACKET_MAX_LAYERS];
  guint tokens[ALITRA_PACKET_MAX_LAYERS];
  gsize trimmed_size[ALITRA_PACKET_MAX_LAYERS];
  gsize chunk[ALITRA_PACKET_MAX_CHUNKS + 1];
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
} AlitraPacketLayout;

#define ALITRA_TYPE_PACKET_LAYOUT (alitra_packet_layout_get_type ())
ALITRA_API GType alitra_packet_layout_get_type (void);

/**
 * alitra_packet_read_layout:
 * @data: (array length=size): bytes that begin with a packet
 * @size: bytes at @data; the header is enough
 * @layout: (out caller-allocates): filled in when %ALITRA_PACKET_OK
 *
 * As alitra_packet_read_info(), and says where the parts lie. They may lie behind @size.
 *
 * Returns: whether there is a packet
 */
ALITRA_API AlitraPacketStatus alitra_packet_read_layout (const guint8 * data, gsize size,
    AlitraPacketLayout * layout);

/**
 * alitra_packet_trim: (skip)
 * @data: (array length=size): a whole packet
 * @size: bytes at @data
 * @layers: layers to keep, at least 1; more than the packet has: all
 * @out: a byte array that is emptied and then filled with the shorter packet
 * @error: return location for a #GError, or %NULL
 *
 * Cuts a packet behind its first @layers layers, without decoding. The checksum of the memory is marked absent. Any
 * thread may call it.
 *
 * Errors: %ALITRA_ERROR_PACKET_INVALID for anything that is not one whole packet.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_packet_trim (const guint8 * data, gsize size, guint layers, GByteArray * out,
    GError ** error);

/**
 * alitra_packet_trim_bytes: (rename-to alitra_packet_trim)
 * @packet: a whole packet
 * @layers: layers to keep, at least 1; more than the packet has: all
 * @error: return location for a #GError, or %NULL
 *
 * As alitra_packet_trim(), for languages other than C.
 *
 * Errors: %ALITRA_ERROR_PACKET_INVALID for anything that is not one whole packet.
 *
 * Returns: (transfer full): the shorter packet; %NULL with @error set
 */
ALITRA_API GBytes *alitra_packet_trim_bytes (GBytes * packet, guint layers, GError ** error);

/**
 * alitra_packet_salvage: (skip)
 * @data: (array length=size): the first bytes of a packet whose end was lost
 * @size: bytes at @data
 * @out: a byte array that is emptied and then filled with a whole packet
 * @error: return location for a #GError, or %NULL
 *
 * Makes a packet of the layers that are whole, as alitra_packet_trim() does. Any thread may call it.
 *
 * Errors: %ALITRA_ERROR_PACKET_INVALID if not even the first layer is whole.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_packet_salvage (const guint8 * data, gsize size, GByteArray * out, GError ** error);

/**
 * alitra_packet_mark_lost: (skip)
 * @data: (array length=size): the header of a packet; what follows it is not looked at
 * @size: bytes at @data
 * @lost: of each chunk, layer * slices of them, whether it did not arrive; empty ones stay empty
 * @out: a byte array that is emptied and then filled with a header
 * @error: return location for a #GError, or %NULL
 *
 * Makes the header of the packet that is left when chunks got lost: the header in @out, then the other chunks in their
 * order. A decoder applies what came and knows which cells it no longer knows. Any
 * thread may call it.
 *
 * Errors: %ALITRA_ERROR_PACKET_INVALID for anything that does not begin with a packet's header.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_packet_mark_lost (const guint8 * data, gsize size, const guint8 * lost, GByteArray * out,
    GError ** error);

/**
 * alitra_packet_write_lost: (skip)
 * @info: frame_number, pts, model and slices are read
 * @out: a byte array that is emptied and then filled with a whole packet
 *
 * Makes a packet that stands for a frame of which nothing arrived, so that the frames behind it follow each other, and
 * a decoder shows a picture for it. Any thread may call it.
 */
ALITRA_API void alitra_packet_write_lost (const AlitraPacketInfo * info, GByteArray * out);

/**
 * alitra_packet_salvage_bytes: (rename-to alitra_packet_salvage)
 * @start: the first bytes of a packet whose end was lost
 * @error: return location for a #GError, or %NULL
 *
 * As alitra_packet_salvage(), for languages other than C.
 *
 * Errors: %ALITRA_ERROR_PACKET_INVALID if not even the first layer is whole.
 *
 * Returns: (transfer full): a whole packet; %NULL with @error set
 */
ALITRA_API GBytes *alitra_packet_salvage_bytes (GBytes * start, GError ** error);

G_END_DECLS

#endif
