/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <idtable.h>
#include <string.h>
#include <zlib.h>

#include "tokenstream.h"

/* Random streams, read again by a reader that was written from the specification (read_tokens.py). */

static const gchar *python, *reader;

/* -128 .. 255 as a half float, little endian. */
static void
put_half (GByteArray * out, gint number)
{
  guint size = ABS (number), exponent = 0, half = 0;

  if (size > 0) {
    while (size >> (exponent + 1))
      exponent++;
    half = (15 + exponent) << 10 | (size << (10 - exponent) & 0x3FF);
  }
  half |= number < 0 ? 0x8000 : 0;
  g_byte_array_append (out, (const guint8[2]) { half, half >> 8 }, 2);
}

/* Names a tensor of `n` half floats in the header of a .safetensors file. */
static void
name_tensor (GString * header, const gchar * name, guint level, guint step,
    gsize at, gsize n)
{
  g_string_append_printf (header, "%s\"levels.%u.steps.%u.%s\":"
      "{\"dtype\":\"F16\",\"shape\":[%" G_GSIZE_FORMAT
      "],\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT "]}",
      header->len > 1 ? "," : "", level, step, name, n, at, at + 2 * n);
}

/* The tables of a vocabulary as the reader finds them in a model file. */
static void
write_tables (const AlitraVocabulary * vocabulary, const gchar * path)
{
  GByteArray *body = g_byte_array_new (), *file = g_byte_array_new ();
  GString *header = g_string_new ("{");
  guint64 size;

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint t = 0; t < ALITRA_MAX_DEPTH; t++) {
      const AlitraIdTable *table = vocabulary->ids[l][t];

      if (!table)
        continue;
      name_tensor (header, "classes", l, t, body->len, sizeof table->row);
      for (guint i = 0; i < sizeof table->row; i++)
        put_half (body,
            table->row[i / ALITRA_ID_CLASSES][i % ALITRA_ID_CLASSES]);
      name_tensor (header, "weights", l, t, body->len, table->codes);
      for (guint i = 0; i < table->codes; i++)
        put_half (body, table->before[i + 1] - table->before[i]);
    }
  g_string_append_c (header, '}');
  size = GUINT64_TO_LE (header->len);
  g_byte_array_append (file, (const guint8 *) &size, sizeof size);
  g_byte_array_append (file, (const guint8 *) header->str, header->len);
  g_byte_array_append (file, body->data, body->len);
  g_assert_true (g_file_set_contents (path, (gchar *) file->data, file->len,
          NULL));
  g_string_free (header, TRUE);
  g_byte_array_unref (body);
  g_byte_array_unref (file);
}

/* `end`, if not NULL: what the reader must say last. */
static gboolean
run_reader (const gchar * path, const AlitraVocabulary * vocabulary,
    const gchar * end)
{
  g_autofree gchar *tables = g_strconcat (path, ".tables", NULL);
  g_autofree gchar *line =
      g_strdup_printf ("%s %s %s %u %u %u %u %u %u %s", python, reader, path,
      vocabulary->codes[0],
      vocabulary->codes[1], vocabulary->codes[2], vocabulary->flat_coarse,
      vocabulary->flat_fine, vocabulary->smooth, tables);
  g_autofree gchar *out = NULL, *problems = NULL;
  g_autoptr (GError) error = NULL;
  gint status;

  write_tables (vocabulary, tables);
  g_spawn_command_line_sync (line, &out, &problems, &status, &error);
  g_assert_no_error (error);
  g_unlink (tables);
  g_test_message ("%s%s", out, problems);
  if (status == 0 && end && !g_str_has_suffix (out, end))
    g_test_message ("expected at the end: %s", end);
  return status == 0 && (!end || g_str_has_suffix (out, end));
}

static GByteArray *
make_stream (TestSender * sender)
{
  static const gdouble activity[] = { 0.1, 0, 0.4, 0.01, 1 };
  GByteArray *stream = g_byte_array_new ();

  for (guint frame = 0; frame < 25; frame++) {
    test_sender_next (sender, frame % 12 == 0,
        frame % 12 == 0 ? 0.8 : activity[frame % G_N_ELEMENTS (activity)]);
    g_byte_array_append (stream, sender->packet->data, sender->packet->len);
  }
  return stream;
}

static void
test_second_reader (void)
{
  static const guint sizes[][2] = { {1, 1}, {130, 70}, {60, 200}, {320, 180} };
  g_autofree gchar *path = NULL;
  g_autoptr (GError) error = NULL;
  gint file = g_file_open_tmp ("alitra-XXXXXX.alitra", &path, &error);

  g_assert_no_error (error);
  g_close (file, NULL);
  for (guint i = 0; i < 12; i++) {
    const guint *size = sizes[i % G_N_ELEMENTS (sizes)];
    TestSender *sender =
        test_sender_new (size[0], size[1], g_rand_new_with_seed (300 + i));
    GByteArray *stream = make_stream (sender);

    g_assert_true (g_file_set_contents (path, (gchar *) stream->data,
            stream->len, NULL));
    g_assert_true (run_reader (path, &sender->vocabulary, NULL));

    /* It would see damage. */
    stream->data[stream->len - 1] ^= 1;
    g_assert_true (g_file_set_contents (path, (gchar *) stream->data,
            stream->len, NULL));
    g_assert_false (run_reader (path, &sender->vocabulary, NULL));
    g_byte_array_unref (stream);
    test_sender_free (sender);
  }
  g_unlink (path);
}

/* Losses: both readers must know the same of each cell. */

typedef struct
{
  AlitraMemory *memory;
  AlitraUpdate *update;
  AlitraPacketCoder *coder;
} Receiver;

static Receiver
receiver_new (const TestSender * sender)
{
  Receiver receiver;
  guint max_depth[ALITRA_LEVELS];

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    max_depth[l] = sender->memory->level[l].max_depth;
  receiver.memory =
      alitra_memory_new (sender->stream.width, sender->stream.height,
      max_depth);
  receiver.update = alitra_update_new (receiver.memory);
  receiver.coder = alitra_packet_coder_new (&sender->vocabulary);
  return receiver;
}

static void
receiver_clear (Receiver * receiver)
{
  alitra_memory_free (receiver->memory);
  alitra_update_free (receiver->update);
  alitra_packet_coder_free (receiver->coder);
}

static void
receiver_take (Receiver * receiver, const GByteArray * packet)
{
  g_autoptr (GError) error = NULL;
  AlitraPacketInfo info;

  g_assert_cmpint (alitra_packet_read_info (packet->data, packet->len, &info),
      ==, ALITRA_PACKET_OK);
  alitra_packet_read (receiver->coder, packet->data, packet->len, &info,
      receiver->memory, receiver->update, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (alitra_packet_coder_get_damaged (receiver->coder), ==, 0);
  alitra_memory_apply (receiver->memory, receiver->update);
}

/* (transfer full): what the other reader has to say. */
static gchar *
say_known (const AlitraMemory * memory)
{
  guint states[3] = { 0, };
  guint32 crc = 0;

  for (guint l = ALITRA_LEVELS; l-- > 0;) {
    const AlitraMemoryLevel *level = &memory->level[l];

    for (guint i = 0; i < level->columns * level->rows; i++) {
      const guint16 *tokens = level->tokens + (gsize) i * level->max_depth;
      guint8 bytes[2 + 2 * ALITRA_MAX_DEPTH] =
          { level->valid[i], level->sound[i] };

      for (guint d = 0; d < level->sound[i]; d++) {
        bytes[2 + 2 * d] = tokens[d] & 0xFF;
        bytes[3 + 2 * d] = tokens[d] >> 8;
      }
      crc = crc32 (crc, bytes, 2 + 2 * level->sound[i]);
      states[level->valid[i]]++;
    }
  }
  return g_strdup_printf ("; %u whole, %u trimmed, %u lost, %08x\n",
      states[ALITRA_CELL_WHOLE], states[ALITRA_CELL_TRIMMED],
      states[ALITRA_CELL_LOST], crc);
}

/* What a network and those on the way leave of the packet. */
static void
spoil (const GByteArray * packet, GRand * random, GByteArray * left)
{
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
  AlitraPacketInfo info;

  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    lost[i] = g_rand_int_range (random, 0, 4) == 0;
  alitra_packet_read_info (packet->data, packet->len, &info);
  switch (g_rand_int_range (random, 0, 6)) {
    case 0:
    case 1:
      test_lose_chunks (packet, lost, left);
      break;
    case 2:
      alitra_packet_trim (packet->data, packet->len, g_rand_int_range (random,
              1, 6), left, NULL);
      break;
    case 3:
      alitra_packet_write_lost (&info, left);
      break;
    default:
      g_byte_array_set_size (left, 0);
      g_byte_array_append (left, packet->data, packet->len);
      break;
  }
}

static void
check_losses (guint seed, const gchar * path)
{
  GRand *random = g_rand_new_with_seed (seed);
  TestSender *sender =
      test_sender_new (200, 150, g_rand_new_with_seed (700 + seed));
  Receiver receiver = receiver_new (sender);
  GByteArray *stream = g_byte_array_new (), *left = g_byte_array_new ();
  g_autofree gchar *end = NULL;

  for (guint frame = 0; frame < 3 + seed; frame++) {
    gboolean key = frame % 9 == 0;

    test_sender_next (sender, key, key ? 0.8 : 0.4);
    if (frame == 0)
      receiver_take (&receiver, sender->packet);
    else
      spoil (sender->packet, random, left);
    if (frame > 0)
      receiver_take (&receiver, left);
    g_byte_array_append (stream, frame ? left->data : sender->packet->data,
        frame ? left->len : sender->packet->len);
  }
  end = say_known (receiver.memory);
  g_assert_true (g_file_set_contents (path, (gchar *) stream->data, stream->len,
          NULL));
  g_assert_true (run_reader (path, &sender->vocabulary, end));
  g_byte_array_unref (stream);
  g_byte_array_unref (left);
  receiver_clear (&receiver);
  test_sender_free (sender);
  g_rand_free (random);
}

static void
test_losses (void)
{
  g_autofree gchar *path = NULL;
  g_autoptr (GError) error = NULL;
  gint file = g_file_open_tmp ("alitra-XXXXXX.alitra", &path, &error);

  g_assert_no_error (error);
  g_close (file, NULL);
  for (guint seed = 0; seed < 20; seed++)
    check_losses (seed, path);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  python = g_getenv ("ALITRA_TEST_PYTHON");
  reader = g_getenv ("ALITRA_TEST_READER");
  if (!python || !reader) {
    g_printerr
        ("ALITRA_TEST_PYTHON and ALITRA_TEST_READER are not set: run this with meson test\n");
    return 77;
  }
  g_test_add_func ("/specification/second-reader", test_second_reader);
  g_test_add_func ("/specification/losses", test_losses);
  return g_test_run ();
}
