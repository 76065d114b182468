/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <packetheader.h>
#include <string.h>

#include "tokenstream.h"

/* A libFuzzer target: a byte stream of token packets as it comes from a network. The first byte says whether damaged
 * checks are set right first, so that what lies behind them is reached, and with which vocabulary to read. */

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);
AlitraVocabulary fuzz_packet_vocabulary (guint number);

/* Larger pictures are only read as headers, to keep single runs fast. */
#define MAX_PIXELS (512 * 512)

typedef struct
{
  AlitraVocabulary vocabulary;
  AlitraPacketCoder *coder;
  AlitraMemory *memory;
  AlitraUpdate *update, *again;
  GByteArray *packet;
} Reader;

/* What the library says of itself must hold: g_assert is off in some builds, a fuzzer needs it always. */
static void
demand (gboolean holds, const gchar * what)
{
  if (!holds)
    g_error ("%s", what);
}

static void
forget (Reader * reader)
{
  g_clear_pointer (&reader->memory, alitra_memory_free);
  g_clear_pointer (&reader->update, alitra_update_free);
  g_clear_pointer (&reader->again, alitra_update_free);
}

/* FALSE: nothing to read the packet into. */
static gboolean
prepare (Reader * reader, const AlitraPacketHeader * header)
{
  const AlitraStreamInfo *stream = &header->info.stream;

  if (!header->info.key)
    return reader->memory != NULL;
  forget (reader);
  if (stream->width * stream->height > MAX_PIXELS)
    return FALSE;
  reader->memory =
      alitra_memory_new (stream->width, stream->height, header->max_depth);
  reader->update = alitra_update_new (reader->memory);
  reader->again = alitra_update_new (reader->memory);
  return TRUE;
}

static void
demand_lawful (const Reader * reader)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &reader->memory->level[l];

    for (guint i = 0; i < level->columns * level->rows; i++) {
      demand (level->depth[i] <= level->max_depth,
          "a cell is deeper than its level allows");
      demand (test_cell_is_lawful (&reader->vocabulary, l,
              level->tokens + (gsize) i * level->max_depth, level->depth[i]),
          "a cell holds tokens that the vocabulary does not have");
      demand (level->sound[i] <= level->depth[i],
          "more of a cell is sound than it holds");
      demand (level->valid[i] == ALITRA_CELL_LOST
          || level->sound[i] == level->depth[i],
          "a cell is valid of which only a part is sound");
    }
  }
}

/* What was read can be written, and reads the same again. */
static void
demand_round_trip (Reader * reader, const AlitraPacketInfo * info)
{
  AlitraPacketInfo written;

  alitra_packet_write (reader->coder, info, reader->memory, reader->update,
      reader->packet);
  demand (alitra_packet_read_info (reader->packet->data, reader->packet->len,
          &written) == ALITRA_PACKET_OK,
      "a written packet has no sound header");
  demand (alitra_packet_read (reader->coder, reader->packet->data,
          reader->packet->len, &written, reader->memory, reader->again, NULL),
      "a written packet cannot be read");
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &reader->memory->level[l];
    const AlitraUpdateLevel *a = &reader->update->level[l], *b =
        &reader->again->level[l];

    for (guint i = 0; i < level->columns * level->rows; i++) {
      gsize at = (gsize) i * level->max_depth + a->keep[i];
      gsize size = 2 * (a->depth[i] - a->keep[i]);

      demand (a->keep[i] == b->keep[i]
          && a->depth[i] == b->depth[i], "depths differ when read again");
      /* A level whose cells hold none has no tokens to point at. */
      demand (size == 0 || memcmp (a->tokens + at, b->tokens + at, size) == 0,
          "tokens differ when read again");
    }
  }
}

static void
demand_trims (Reader * reader, const AlitraPacketInfo * info,
    const guint8 * data, gsize size)
{
  for (guint layers = 1; layers <= info->layers; layers++) {
    AlitraPacketInfo trimmed;

    demand (alitra_packet_trim (data, size, layers, reader->packet, NULL),
        "a sound packet cannot be trimmed");
    demand (alitra_packet_read_info (reader->packet->data, reader->packet->len,
            &trimmed) == ALITRA_PACKET_OK
        && trimmed.layers == layers, "a trimmed packet has no sound header");
  }
}

/* Without some of its chunks it reads as well, and costs no cell more than it says. */
static void
demand_loss (Reader * reader, const AlitraPacketInfo * info,
    const guint8 * data, gsize size)
{
  const GByteArray whole = { (guint8 *) data, size };
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
  AlitraPacketInfo left;

  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    lost[i] = data[i % size] >> (i % 7) & 1;
  test_lose_chunks (&whole, lost, reader->packet);
  demand (alitra_packet_read_info (reader->packet->data, reader->packet->len,
          &left) == ALITRA_PACKET_OK && left.lost >= info->lost,
      "a packet with losses has no sound header");
  demand (alitra_packet_read (reader->coder, reader->packet->data,
          reader->packet->len, &left, reader->memory, reader->update, NULL)
      || left.lost == 0, "a packet with losses cannot be read");
}

static void
read_packet (Reader * reader, const AlitraPacketHeader * header,
    const guint8 * data, gsize size)
{
  if (header->info.size == size)
    demand_trims (reader, &header->info, data, size);
  if (!prepare (reader, header))
    return;
  if (header->info.size == size && header->info.slices
      == reader->memory->level[ALITRA_LEVELS - 1].rows)
    demand_loss (reader, &header->info, data, size);
  if (alitra_packet_read (reader->coder, data, size, &header->info,
          reader->memory, reader->update, NULL)) {
    if (header->info.lost == 0
        && alitra_packet_coder_get_damaged (reader->coder) == 0)
      demand_round_trip (reader, &header->info);
    alitra_memory_apply (reader->memory, reader->update);
    demand_lawful (reader);
  }
}

/* The second one has tables of likely ids, made once. */
AlitraVocabulary
fuzz_packet_vocabulary (guint number)
{
  static const guint steps[ALITRA_LEVELS] =
      { ALITRA_MAX_DEPTH, ALITRA_MAX_DEPTH, ALITRA_MAX_DEPTH };
  static AlitraVocabulary vocabularies[4] = {
    {{1024, 1024, 1024}, 512, 343, 1}, {{1024, 512, 300}, 0, 0, 0},
    {{1, 2, 3}, 1, 1, 1}, {{65536, 65536, 65000}, 100, 0, 0},
  };

  if (!vocabularies[1].ids[0][0]) {
    GRand *random = g_rand_new_with_seed (77);

    test_tables_new (&vocabularies[1], steps, random);
    g_rand_free (random);
  }
  return vocabularies[number];
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  g_autofree guint8 *stream = NULL;
  Reader reader = { 0, };
  gsize at = 0;

  if (size < 1)
    return 0;
  reader.vocabulary = fuzz_packet_vocabulary (data[0] >> 1 & 3);
  reader.coder = alitra_packet_coder_new (&reader.vocabulary);
  reader.packet = g_byte_array_new ();
  stream = g_memdup2 (data + 1, size - 1);
  size--;

  while ((at = alitra_packet_find (stream, size, at)) < size) {
    AlitraPacketHeader header;

    if (data[0] & 1)
      test_repair_packet (stream + at, size - at);
    if (alitra_packet_header_read (&header, stream + at, size - at,
            NULL) == ALITRA_PACKET_OK) {
      gsize packet_size = MIN (header.info.size, size - at);

      read_packet (&reader, &header, stream + at, packet_size);
      at += packet_size;
    } else {
      at++;
    }
  }
  forget (&reader);
  alitra_packet_coder_free (reader.coder);
  g_byte_array_unref (reader.packet);
  return 0;
}
