/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "tokenstream.h"

/* Drives the fuzz target without a fuzzer: sound streams, damaged in ways drawn from a fixed seed.
 * With a folder as its only argument it writes the sound streams there instead, as seeds for a fuzzer. */

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);
AlitraVocabulary fuzz_packet_vocabulary (guint number);

#define STREAMS 24
#define ROUNDS 6000

static GByteArray *
sound_stream (guint number)
{
  static const guint sizes[][2] =
      { {1, 1}, {64, 64}, {130, 70}, {60, 200}, {320, 180} };
  const guint *size = sizes[number % G_N_ELEMENTS (sizes)];
  TestSender *sender =
      test_sender_new (size[0], size[1], g_rand_new_with_seed (500 + number));
  GByteArray *stream = g_byte_array_new ();
  const gboolean tables = number / 2 % 2;
  guint8 options = number % 2 | tables << 1;

  alitra_packet_coder_free (sender->coder);
  test_tables_free (&sender->vocabulary);
  sender->vocabulary = fuzz_packet_vocabulary (tables);
  sender->coder = alitra_packet_coder_new (&sender->vocabulary);
  g_byte_array_append (stream, &options, 1);
  for (guint frame = 0; frame < 4; frame++) {
    test_sender_next (sender, frame == 0, frame == 0 ? 0.6 : 0.2);
    g_byte_array_append (stream, sender->packet->data, sender->packet->len);
  }
  memset (sender->vocabulary.ids, 0, sizeof sender->vocabulary.ids);    /* the target's */
  test_sender_free (sender);
  return stream;
}

/* Marks chunks of the first packet as lost, as a receiver of RTP does. */
static void
lose (GByteArray * stream, GRand * random)
{
  GByteArray packet = { stream->data + 1, stream->len - 1 };
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
  GByteArray *left;
  AlitraPacketInfo info;

  if (alitra_packet_read_info (packet.data, packet.len,
          &info) != ALITRA_PACKET_OK || info.size > packet.len)
    return;
  packet.len = info.size;
  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    lost[i] = g_rand_int_range (random, 0, 3) == 0;
  left = g_byte_array_new ();
  test_lose_chunks (&packet, lost, left);
  g_byte_array_remove_range (stream, 1, info.size);
  g_byte_array_prepend (left, stream->data, 1);
  g_byte_array_append (left, stream->data + 1, stream->len - 1);
  g_byte_array_set_size (stream, 0);
  g_byte_array_append (stream, left->data, left->len);
  g_byte_array_unref (left);
}

static void
damage (GByteArray * stream, const GByteArray * other, GRand * random)
{
  guint at = g_rand_int_range (random, 0, stream->len);
  guint count = g_rand_int_range (random, 1, 20);
  guint from;

  switch (g_rand_int_range (random, 0, 7)) {
    case 0:
      stream->data[at] ^= 1 << g_rand_int_range (random, 0, 8);
      break;
    case 1:
      stream->data[at] = g_rand_int_range (random, 0, 256);
      break;
    case 2:
      g_byte_array_remove_range (stream, at, MIN (count, stream->len - at));
      break;
    case 3:
      g_byte_array_set_size (stream, at + 1);
      break;
    case 4:
      g_byte_array_append (stream, other->data + 1, other->len - 1);
      break;
    case 5:
      from = g_rand_int_range (random, 0, other->len);
      count = MIN (count, MIN (stream->len - at, other->len - from));
      memcpy (stream->data + at, other->data + from, count);
      break;
    case 6:
      lose (stream, random);
      break;
  }
  if (stream->len == 0)
    g_byte_array_append (stream, other->data, 1);
}

static void
damage_all (GByteArray ** streams)
{
  GRand *random = g_rand_new_with_seed (23);
  GByteArray *bytes = g_byte_array_new ();

  for (guint i = 0; i < ROUNDS; i++) {
    const GByteArray *from = streams[i % STREAMS];

    g_byte_array_set_size (bytes, 0);
    g_byte_array_append (bytes, from->data, from->len);
    for (guint times = g_rand_int_range (random, 1, 6); times > 0; times--)
      damage (bytes, streams[g_rand_int_range (random, 0, STREAMS)], random);
    LLVMFuzzerTestOneInput (bytes->data, bytes->len);
  }
  g_byte_array_unref (bytes);
  g_rand_free (random);
}

static gboolean
write_seeds (GByteArray ** streams, const gchar * folder)
{
  gboolean written = g_mkdir_with_parents (folder, 0755) == 0;

  for (guint i = 0; i < STREAMS && written; i++) {
    g_autofree gchar *name = g_strdup_printf ("stream-%02u", i);
    g_autofree gchar *path = g_build_filename (folder, name, NULL);

    written =
        g_file_set_contents (path, (gchar *) streams[i]->data, streams[i]->len,
        NULL);
  }
  if (!written)
    g_printerr
        ("Expected a folder to write seeds to, got %s: is there room, and may it be written?\n",
        folder);
  return written;
}

int
main (int argc, char **argv)
{
  GByteArray *streams[STREAMS];
  gboolean done = TRUE;

  for (guint i = 0; i < STREAMS; i++)
    streams[i] = sound_stream (i);
  if (argc > 1) {
    done = write_seeds (streams, argv[1]);
  } else {
    for (guint i = 0; i < STREAMS; i++)
      LLVMFuzzerTestOneInput (streams[i]->data, streams[i]->len);
    damage_all (streams);
  }
  for (guint i = 0; i < STREAMS; i++)
    g_byte_array_unref (streams[i]);
  return done ? 0 : 1;
}
