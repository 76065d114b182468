/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PACKET_H
#define ALITRA_SRC_PACKET_H

#include <alitra/packet.h>

#include "memory.h"
#include "vocabulary.h"
#include "workers.h"

G_BEGIN_DECLS

typedef struct _AlitraPacketCoder AlitraPacketCoder;    /* scratch space; one for each stream end */

AlitraPacketCoder *alitra_packet_coder_new (const AlitraVocabulary * vocabulary);
void alitra_packet_coder_free (AlitraPacketCoder * coder);
/* Slices are written by these threads, who stay the caller's; the bytes are the same. */
void alitra_packet_coder_use_workers (AlitraPacketCoder * coder, AlitraWorkers * workers);

/* Writes what `update` does to `before`. Of `info`, key, frame_number, pts, model, checksum (0: none) and stream are
 * read. A key packet keeps nothing: all `keep` are 0. Tokens follow the rule of flat colours: a coarse one only as the
 * first token of a cell of level 2, behind it a fine one or nothing, behind that nothing; and that of the smooth token:
 * only as the first and last token of a cell of level 0 or 1, one that `before` holds and the cell keeps included. */
void alitra_packet_write (AlitraPacketCoder * coder, const AlitraPacketInfo * info, const AlitraMemory * before,
    const AlitraUpdate * update, GByteArray * out);

/* Reads a whole packet into `update`, ready for alitra_memory_apply (); on FALSE only `update` is spoilt. `info` is
 * what alitra_packet_read_info () said. `before` is what the receiver holds; it may hold less than the sender after
 * trimmed packets, and something else in cells that are lost. `update` has the grids of `before`. A chunk that is lost
 * or damaged is no error: it costs the cells of its slice that it could have changed; they keep what they hold, as far as
 * it is not known to be wrong, and are lost. */
gboolean alitra_packet_read (AlitraPacketCoder * coder, const guint8 * data, gsize size, const AlitraPacketInfo * info,
    const AlitraMemory * before, AlitraUpdate * update, GError ** error);

/* Slices of the last packet read in which a chunk was there, but damaged. */
guint alitra_packet_coder_get_damaged (const AlitraPacketCoder * coder);

G_END_DECLS

#endif
