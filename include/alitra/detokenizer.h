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
 * Applies a packet to the memory. On an error the memory is as it was before: %ALITRA_ERROR_PACKET_INVALID for
 * damage, %ALITRA_ERROR_NEEDS_KEY for a delta packet that does not follow the last one applied (a packet was lost)
 * or that comes first, %ALITRA_ERROR_MODEL_MISMATCH for another model's. One error leaves the packet applied: tokens
 * that do not have the checksum that the packet says are %ALITRA_ERROR_NEEDS_KEY, and so are all packets up to the next
 * key packet.
 */
ALITRA_API gboolean alitra_detokenizer_decode (AlitraDetokenizer * detokenizer, const guint8 * data, gsize size,
    GError ** error);

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
