/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_DETOKENIZER_H
#define ALITRA_DETOKENIZER_H

#include <alitra/memory.h>
#include <alitra/model.h>
#include <alitra/packet.h>

G_BEGIN_DECLS

/**
 * AlitraDetokenizer:
 *
 * Turns packets of one stream back into pictures. Not thread safe: one caller at a time.
 */
typedef struct _AlitraDetokenizer AlitraDetokenizer;

/**
 * alitra_detokenizer_new:
 * @model: weights; the detokenizer takes a reference
 * @threads: as in alitra_tokenizer_new()
 */
ALITRA_API AlitraDetokenizer *alitra_detokenizer_new (AlitraModel * model, guint threads);
ALITRA_API void alitra_detokenizer_free (AlitraDetokenizer * detokenizer);

/* Forgets all tokens: the next packet must be a key packet. */
ALITRA_API void alitra_detokenizer_reset (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_decode:
 * @data: (array length=size): one whole packet
 * @error: return location
 *
 * Applies a packet to the memory. On an error no token of the memory has changed: %ALITRA_ERROR_PACKET_INVALID for
 * bytes that are no packet, %ALITRA_ERROR_NEEDS_KEY for a delta packet that comes first, or for a picture of another
 * size, %ALITRA_ERROR_TOO_LATE for a delta packet from before the last one, %ALITRA_ERROR_MODEL_MISMATCH for another
 * model's.
 *
 * Loss is no error. Cells that lost chunks, damaged chunks or missing packets could have changed keep what they hold,
 * as far as it is not known to be wrong, and are not valid (alitra_memory_get_cell()) until a packet makes them anew.
 * While all cells are valid, the memory is compared with the checksum that the packet says; if they differ, all cells
 * are lost. alitra_detokenizer_get_loss() says how much that is.
 */
ALITRA_API gboolean alitra_detokenizer_decode (AlitraDetokenizer * detokenizer, const guint8 * data, gsize size,
    GError ** error);

/**
 * AlitraLoss:
 * @cells: cells of the memory that are not valid, all levels
 * @longest: packets since the oldest of them was lost; 0 if all are valid
 * @chunks: chunks of the last packet that did not arrive
 * @damaged: slices of the last packet that are damaged
 * @gap: packets that are missing between the last packet and the one before it
 * @mismatch: the last packet's checksum is not that of the memory: all cells are lost
 *
 * What a receiver does not know. A picture that is painted while @cells is not 0 is concealed in places.
 */
typedef struct
{
  guint cells;
  guint longest;
  guint chunks;
  guint damaged;
  guint gap;
  gboolean mismatch;
  /*< private > */
  gpointer reserved[4];
} AlitraLoss;

/**
 * alitra_detokenizer_get_loss:
 * @loss: (out caller-allocates): how things stand after the last packet that was applied
 */
ALITRA_API void alitra_detokenizer_get_loss (AlitraDetokenizer * detokenizer, AlitraLoss * loss);

/**
 * alitra_detokenizer_join:
 * @info: what the stream is, from caps or a session description; its model is that of the detokenizer
 *
 * Begins in the middle of a stream, without a key packet: all cells are lost until packets make them anew, as those of a
 * stream with rolling refresh do.
 */
ALITRA_API void alitra_detokenizer_join (AlitraDetokenizer * detokenizer, const AlitraStreamInfo * info);

/* (transfer none) (nullable): what the stream is, %NULL before the first key packet. */
ALITRA_API const AlitraStreamInfo *alitra_detokenizer_get_stream (AlitraDetokenizer * detokenizer);
ALITRA_API const AlitraMemory *alitra_detokenizer_get_memory (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_render:
 * @max_depth: show at most so many tokens of each cell; 0: all
 * @frame: I420 of the stream's size, range as the stream's; its planes are written
 * @error: return location
 *
 * Paints the picture that the memory describes. Only what changed since the last call is synthesised again.
 */
ALITRA_API gboolean alitra_detokenizer_render (AlitraDetokenizer * detokenizer, guint max_depth,
    const AlitraFrame * frame, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraDetokenizer, alitra_detokenizer_free)

G_END_DECLS

#endif
