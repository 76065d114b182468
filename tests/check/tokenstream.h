/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TESTS_TOKENSTREAM_H
#define ALITRA_TESTS_TOKENSTREAM_H

/* Random streams of token packets for tests: a sender that changes its memory as a tokenizer may. */

#include <packet.h>

typedef struct
{
  AlitraVocabulary vocabulary;  /* its tables are the sender's */
  AlitraStreamInfo stream;
  AlitraMemory *memory;         /* as after the last packet */
  AlitraMemory *before;         /* as before it */
  AlitraUpdate *update;
  AlitraPacketCoder *coder;
  GByteArray *packet;
  guint32 frame_number;
  GRand *random;
} TestSender;

/* Tables of how likely ids are, drawn at random, for the first `steps` of each level. */
void test_tables_new (AlitraVocabulary * vocabulary, const guint steps[ALITRA_LEVELS], GRand * random);
void test_tables_free (AlitraVocabulary * vocabulary);

/* The depth limits of the levels and the vocabulary are drawn from `random`, which the sender takes over. */
TestSender *test_sender_new (guint width, guint height, GRand * random);
void test_sender_free (TestSender * sender);
/* Makes the next packet; `activity` is the share of cells that change, 0 .. 1. */
void test_sender_next (TestSender * sender, gboolean key, gdouble activity);

/* TRUE if the tokens of the cell keep to the vocabulary. */
gboolean test_cell_is_lawful (const AlitraVocabulary * vocabulary, guint level, const guint16 * tokens, guint depth);

/* The packet without the chunks that are lost: `lost` has one entry a chunk. */
void test_lose_chunks (const GByteArray * packet, const guint8 * lost, GByteArray * out);

/* Sets all checksums inside the packet right, so that damage reaches what lies behind them. */
void test_repair_packet (guint8 * data, gsize size);

#endif
