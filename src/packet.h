/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PACKET_H
#define ALITRA_SRC_PACKET_H

#include <alitra/packet.h>

#include "memory.h"

G_BEGIN_DECLS

/* What both ends know of a stream's vocabulary. */
typedef struct
{
  guint codes[ALITRA_LEVELS];   /* ids below are learned codes */
  guint flat_coarse;            /* level 2: ids codes .. codes+flat_coarse-1 are coarse flat colours */
  guint flat_fine;              /* level 2: the next flat_fine ids are fine flat colours */
} AlitraVocabulary;

typedef struct _AlitraPacketCoder AlitraPacketCoder;    /* scratch space; one for each stream end */

AlitraPacketCoder *alitra_packet_coder_new (const AlitraVocabulary * vocabulary);
void alitra_packet_coder_free (AlitraPacketCoder * coder);

/* Writes what `update` does to `before`. Of `info`, key, frame_number, pts, model, checksum and stream are read. */
void alitra_packet_write (AlitraPacketCoder * coder, const AlitraPacketInfo * info, const AlitraMemory * before,
    const AlitraUpdate * update, GByteArray * out);

/* Reads a whole packet into `update`; neither memory nor update are trusted with bad bytes: on FALSE only `update` is
 * spoilt. `before` is what the receiver holds (for a key packet only its grids are looked at). */
gboolean alitra_packet_read (AlitraPacketCoder * coder, const guint8 * data, gsize size, const AlitraPacketInfo * info,
    const AlitraMemory * before, AlitraUpdate * update, GError ** error);

G_END_DECLS

#endif
