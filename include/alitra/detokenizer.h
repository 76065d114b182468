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
 * Turns packets of one stream back into pictures. Reference counted.
 *
 * Threads: one caller at a time, in any thread; only references may be taken and dropped while another thread uses it.
 */
typedef struct _AlitraDetokenizer AlitraDetokenizer;

#define ALITRA_TYPE_DETOKENIZER (alitra_detokenizer_get_type ())
ALITRA_API GType alitra_detokenizer_get_type (void);

/**
 * alitra_detokenizer_new:
 * @model: weights; the detokenizer takes a reference
 * @threads: threads to share the work with, the caller's included; 1: the caller's alone; 0: as many as the machine has
 *   cores
 *
 * Makes a detokenizer. It learns what the stream is from the first key packet, and from every later one.
 *
 * Returns: (transfer full): the detokenizer; drop it with alitra_detokenizer_unref()
 */
ALITRA_API AlitraDetokenizer *alitra_detokenizer_new (AlitraModel * model, guint threads);

/**
 * alitra_detokenizer_ref:
 * @detokenizer: a detokenizer
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @detokenizer; drop it with alitra_detokenizer_unref()
 */
ALITRA_API AlitraDetokenizer *alitra_detokenizer_ref (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_unref:
 * @detokenizer: (transfer full) (nullable): a detokenizer, or %NULL
 *
 * Drops a reference; the last one frees the detokenizer.
 */
ALITRA_API void alitra_detokenizer_unref (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_free: (skip)
 * @detokenizer: (transfer full) (nullable): a detokenizer, or %NULL
 *
 * Does what alitra_detokenizer_unref() does, for those who hold the only reference.
 */
ALITRA_API void alitra_detokenizer_free (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_reset:
 * @detokenizer: a detokenizer
 *
 * Says that what follows is not what was expected, after a seek for instance: the next packet must be a key packet.
 */
ALITRA_API void alitra_detokenizer_reset (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_set_exact:
 * @detokenizer: a detokenizer
 * @exact: pictures hang on nothing but the tokens
 *
 * A token changes all cells around its own a little, most of them by a twentieth of a grey level. With @exact every such change
 * is painted: a picture then is bit for bit what any other receiver of these tokens paints on the same machine, whatever
 * came before. Without, as at first, a cell follows its neighbours once they have changed it by 0.15 grey levels (root mean
 * square) since it was last painted, so that what it lacks does not add up; key packets paint everything. That saves a tenth to
 * a third of the time where little changes. The memory is the same either way.
 */
ALITRA_API void alitra_detokenizer_set_exact (AlitraDetokenizer * detokenizer, gboolean exact);

/**
 * alitra_detokenizer_decode:
 * @detokenizer: a detokenizer
 * @data: (array length=size): one whole packet
 * @size: bytes at @data
 * @error: return location for a #GError, or %NULL
 *
 * Applies a packet to the memory.
 *
 * Errors: on an error no token of the memory has changed. %ALITRA_ERROR_PACKET_INVALID for bytes that are no packet,
 * %ALITRA_ERROR_NEEDS_KEY for a delta packet that comes first, or for a picture of another size,
 * %ALITRA_ERROR_TOO_LATE for a delta packet from before the last one, %ALITRA_ERROR_MODEL_MISMATCH for another model's.
 *
 * Loss is no error. Cells that lost chunks, damaged chunks or missing packets could have changed keep what they hold,
 * as far as it is not known to be wrong, and are not valid (alitra_memory_get_cell()) until a packet makes them anew.
 * While all cells are valid, the memory is compared with the checksum that the packet says; if they differ, all cells
 * are lost. alitra_detokenizer_get_loss() says how much that is.
 *
 * Returns: %TRUE, or %FALSE with @error set
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
  gpointer reserved[5];
} AlitraLoss;

#define ALITRA_TYPE_LOSS (alitra_loss_get_type ())
ALITRA_API GType alitra_loss_get_type (void);

/**
 * alitra_detokenizer_get_loss:
 * @detokenizer: a detokenizer
 * @loss: (out caller-allocates): how things stand after the last packet that was applied
 *
 * Asks what the detokenizer does not know.
 */
ALITRA_API void alitra_detokenizer_get_loss (AlitraDetokenizer * detokenizer, AlitraLoss * loss);

/**
 * alitra_detokenizer_join:
 * @detokenizer: a detokenizer
 * @info: what the stream is, from caps or a session description; its model is that of the detokenizer
 *
 * Begins in the middle of a stream, without a key packet: all cells are lost until packets make them anew, as those of a
 * stream with rolling refresh do.
 */
ALITRA_API void alitra_detokenizer_join (AlitraDetokenizer * detokenizer, const AlitraStreamInfo * info);

/**
 * alitra_detokenizer_get_stream: (skip)
 * @detokenizer: a detokenizer
 *
 * Asks what the stream is.
 *
 * Returns: (transfer none) (nullable): what the last key packet said, valid until the next one; %NULL before the first
 */
ALITRA_API const AlitraStreamInfo *alitra_detokenizer_get_stream (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_dup_stream: (rename-to alitra_detokenizer_get_stream)
 * @detokenizer: a detokenizer
 *
 * Asks what the stream is, and keeps it: alitra_detokenizer_get_stream() for languages other than C.
 *
 * Returns: (transfer full) (nullable): what the last key packet said, to be freed with alitra_stream_info_free(); %NULL before
 *   the first
 */
ALITRA_API AlitraStreamInfo *alitra_detokenizer_dup_stream (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_get_memory: (skip)
 * @detokenizer: a detokenizer
 *
 * Asks for the tokens that the detokenizer holds, to draw or to export.
 *
 * Returns: (transfer none) (nullable): the memory after the last packet, valid and unchanged until the next one; %NULL
 *   before the first key packet
 */
ALITRA_API const AlitraMemory *alitra_detokenizer_get_memory (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_dup_memory: (rename-to alitra_detokenizer_get_memory)
 * @detokenizer: a detokenizer
 *
 * Copies the tokens that the detokenizer holds: alitra_detokenizer_get_memory() for languages other than C.
 *
 * Returns: (transfer full) (nullable): a copy of the memory after the last packet, to be freed with
 *   alitra_memory_free(); %NULL before the first key packet
 */
ALITRA_API AlitraMemory *alitra_detokenizer_dup_memory (AlitraDetokenizer * detokenizer);

/**
 * alitra_detokenizer_render:
 * @detokenizer: a detokenizer
 * @max_depth: show at most so many tokens of each cell; 0: all
 * @frame: (in): I420 or GRAY8 of the stream's size, range as the stream's; its planes are written
 * @error: return location for a #GError, or %NULL
 *
 * Paints the picture that the memory describes. Only what changed since the last call is synthesised again.
 *
 * Errors: %ALITRA_ERROR_NEEDS_KEY before the first key packet, %ALITRA_ERROR_ARGUMENT for a frame of another size or
 * of another format, or without planes.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_detokenizer_render (AlitraDetokenizer * detokenizer, guint max_depth,
    const AlitraFrame * frame, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraDetokenizer, alitra_detokenizer_unref)

G_END_DECLS

#endif
