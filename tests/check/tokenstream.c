/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenstream.h"

#include <idtable.h>
#include <packetheader.h>
#include <string.h>
#include <zlib.h>

static guint
draw (TestSender * sender, guint first, guint last)
{
  return g_rand_int_range (sender->random, first, last + 1);
}

static AlitraIdTable *
draw_table (guint codes, GRand * random)
{
  g_autofree gfloat *rows = g_new (gfloat, ALITRA_ID_ROWS * ALITRA_ID_CLASSES);
  g_autofree gfloat *weights = g_new (gfloat, codes);
  AlitraIdTable *table;

  for (guint i = 0; i < ALITRA_ID_ROWS * ALITRA_ID_CLASSES; i++)
    rows[i] = g_rand_int_range (random, 0, 8) ?
        g_rand_int_range (random, -16, 17)
        : g_rand_int_range (random, G_MININT8, G_MAXINT8 + 1);
  for (guint i = 0; i < codes; i++)
    weights[i] = 1 + g_rand_int (random) % ALITRA_ID_MOST_WEIGHT;
  table = alitra_id_table_new (codes, rows, weights);
  g_assert_nonnull (table);
  return table;
}

void
test_tables_new (AlitraVocabulary * vocabulary,
    const guint steps[ALITRA_LEVELS], GRand * random)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint t = 0; t < steps[l]; t++)
      vocabulary->ids[l][t] = draw_table (vocabulary->codes[l], random);
}

void
test_tables_free (AlitraVocabulary * vocabulary)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint t = 0; t < ALITRA_MAX_DEPTH; t++) {
      alitra_id_table_free ((AlitraIdTable *) vocabulary->ids[l][t]);
      vocabulary->ids[l][t] = NULL;
    }
}

TestSender *
test_sender_new (guint width, guint height, GRand * random)
{
  TestSender *sender = g_new0 (TestSender, 1);
  guint max_depth[ALITRA_LEVELS], steps[ALITRA_LEVELS];

  sender->random = random;
  sender->stream = (AlitraStreamInfo) {
    width, height, 25, 1, 1, 1, {
    0, 1, 1, 1}
  };
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    max_depth[l] = draw (sender, 1, draw (sender, 0, 3) ? 8 : ALITRA_MAX_DEPTH);
    sender->vocabulary.codes[l] =
        draw (sender, 0, 3) ? 1024 : draw (sender, 1, 50000);
  }
  sender->vocabulary.flat_coarse = draw (sender, 0, 3) ? 512 : 0;
  sender->vocabulary.flat_fine = sender->vocabulary.flat_coarse
      && draw (sender, 0, 3) ? 343 : 0;
  sender->vocabulary.smooth = draw (sender, 0, 3) ? 1 : 0;
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    steps[l] = draw (sender, 0, MIN (max_depth[l], 3));
  test_tables_new (&sender->vocabulary, steps, random);
  sender->memory = alitra_memory_new (width, height, max_depth);
  sender->before = alitra_memory_new (width, height, max_depth);
  sender->update = alitra_update_new (sender->memory);
  sender->coder = alitra_packet_coder_new (&sender->vocabulary);
  sender->packet = g_byte_array_new ();
  return sender;
}

void
test_sender_free (TestSender * sender)
{
  alitra_memory_free (sender->memory);
  alitra_memory_free (sender->before);
  alitra_update_free (sender->update);
  alitra_packet_coder_free (sender->coder);
  test_tables_free (&sender->vocabulary);
  g_byte_array_unref (sender->packet);
  g_rand_free (sender->random);
  g_free (sender);
}

/* A few tokens are likelier than many. */
static guint
draw_depth (TestSender * sender, guint keep, guint max_depth)
{
  guint depth = keep;

  while (depth < max_depth && draw (sender, 0, 2))
    depth++;
  return depth;
}

/* Returns the depth that the rules of flat colours and of the smooth token leave. */
static guint
draw_tokens (TestSender * sender, guint level, guint16 * tokens, guint keep,
    guint depth)
{
  const AlitraVocabulary *vocabulary = &sender->vocabulary;
  guint codes = vocabulary->codes[level];

  for (guint d = 0; d < depth; d++) {
    gboolean after_flat = level == 2 && d > 0 && tokens[d - 1] >= codes;

    if (level < 2 && d == 1 && tokens[0] >= codes)
      return 1;
    if (after_flat && (d > 1 || vocabulary->flat_fine == 0))
      return d;
    if (d < keep)
      continue;
    if (after_flat)
      tokens[d] =
          codes + vocabulary->flat_coarse + draw (sender, 0,
          vocabulary->flat_fine - 1);
    else if (level == 2 && d == 0 && vocabulary->flat_coarse
        && draw (sender, 0, 1))
      tokens[d] = codes + draw (sender, 0, vocabulary->flat_coarse - 1);
    else if (level < 2 && d == 0 && vocabulary->smooth && !draw (sender, 0, 3))
      tokens[d] = codes;
    else
      tokens[d] = draw (sender, 0, codes - 1);
  }
  return depth;
}

static void
draw_cell (TestSender * sender, guint level, guint cell, gboolean key,
    gdouble activity)
{
  const AlitraMemoryLevel *held = &sender->memory->level[level];
  AlitraUpdateLevel *update = &sender->update->level[level];
  gsize at = (gsize) cell * held->max_depth;
  guint keep = key ? 0 : held->depth[cell];
  guint depth = keep;

  if (g_rand_double (sender->random) < activity) {
    if (!key && draw (sender, 0, 2))
      keep = draw (sender, 0, held->depth[cell]);
    memcpy (update->tokens + at, held->tokens + at, keep * sizeof (guint16));
    depth =
        draw_tokens (sender, level, update->tokens + at, keep,
        draw_depth (sender, keep, held->max_depth));
  }
  update->keep[cell] = keep;
  update->depth[cell] = depth;
  for (guint i = 0; i < G_N_ELEMENTS (update->cut); i++) {
    guint least = i > 0 ? update->cut[i - 1][cell] : keep;

    update->cut[i][cell] = draw (sender, least, depth);
  }
}

/* Layers of all kinds, in any order, such that each level is in one to five of them. */
static void
draw_layers (TestSender * sender)
{
  AlitraUpdate *update = sender->update;
  guint left[ALITRA_LEVELS];

  update->layers = 0;
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    left[l] = draw (sender, 1, 5);
  while (left[0] + left[1] + left[2] > 0) {
    guint levels = 0;

    for (guint l = 0; l < ALITRA_LEVELS; l++) {
      /* The last layers must take what is left. */
      gboolean must = update->layers + left[l] >= ALITRA_PACKET_MAX_LAYERS;

      if (left[l] > 0 && (must || draw (sender, 0, 1))) {
        levels |= 1 << l;
        left[l]--;
      }
    }
    if (levels)
      update->levels[update->layers++] = levels;
  }
}

static void
copy_memory (AlitraMemory * to, const AlitraMemory * from)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    gsize cells = from->level[l].columns * from->level[l].rows;

    memcpy (to->level[l].depth, from->level[l].depth, cells);
    memcpy (to->level[l].kept, from->level[l].kept, cells);
    memcpy (to->level[l].valid, from->level[l].valid, cells);
    memcpy (to->level[l].sound, from->level[l].sound, cells);
    memcpy (to->level[l].lost, from->level[l].lost, cells * sizeof (guint16));
    memcpy (to->level[l].age, from->level[l].age, cells * sizeof (guint16));
    memcpy (to->level[l].tokens, from->level[l].tokens,
        cells * from->level[l].max_depth * sizeof (guint16));
  }
}

void
test_sender_next (TestSender * sender, gboolean key, gdouble activity)
{
  AlitraPacketInfo info = { 0, };

  copy_memory (sender->before, sender->memory);
  draw_layers (sender);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &sender->memory->level[l];

    for (guint cell = 0; cell < level->columns * level->rows; cell++)
      draw_cell (sender, l, cell, key, activity);
  }
  alitra_memory_apply (sender->memory, sender->update);

  info.key = key;
  info.frame_number = sender->frame_number++;
  info.pts =
      draw (sender, 0,
      3) ? info.frame_number *
      G_GUINT64_CONSTANT (40000000) : ALITRA_PACKET_NO_PTS;
  info.model = 0x1F3A09C2;
  info.checksum = alitra_memory_get_checksum (sender->memory);
  info.stream = sender->stream;
  alitra_packet_write (sender->coder, &info, sender->before, sender->update,
      sender->packet);
}

gboolean
test_cell_is_lawful (const AlitraVocabulary * vocabulary, guint level,
    const guint16 * tokens, guint depth)
{
  guint codes = vocabulary->codes[level];
  guint smooth_end = codes + (level < 2 ? vocabulary->smooth : 0);
  guint coarse_end = codes + vocabulary->flat_coarse;
  guint fine_end = coarse_end + vocabulary->flat_fine;

  for (guint d = 0; d < depth; d++) {
    if (level < 2) {
      if (tokens[d] >= (depth == 1 ? smooth_end : codes))
        return FALSE;
      continue;
    }
    if (tokens[d] >= fine_end)
      return FALSE;
    if (tokens[d] >= coarse_end && !(d == 1 && tokens[0] >= codes
            && tokens[0] < coarse_end))
      return FALSE;
    if (tokens[d] >= codes && tokens[d] < coarse_end && d != 0)
      return FALSE;
    if (tokens[d] < codes && d > 0 && tokens[0] >= codes)
      return FALSE;
  }
  return TRUE;
}

void
test_lose_chunks (const GByteArray * packet, const guint8 * lost,
    GByteArray * out)
{
  AlitraPacketLayout layout;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (alitra_packet_read_layout (packet->data, packet->len,
          &layout), ==, ALITRA_PACKET_OK);
  alitra_packet_mark_lost (packet->data, layout.info.header_size, lost, out,
      &error);
  g_assert_no_error (error);
  for (guint i = 0; i < layout.info.layers * layout.info.slices; i++) {
    if (!lost[i])
      g_byte_array_append (out, packet->data + layout.chunk[i],
          layout.chunk[i + 1] - layout.chunk[i]);
  }
}

void
test_repair_packet (guint8 * data, gsize size)
{
  AlitraPacketHeader header;
  guint header_size;
  guint8 *chunk;
  guint32 sum;

  if (size < 20)
    return;
  header_size = data[6] | data[7] << 8;
  if (header_size < 20 || header_size > size)
    return;
  sum = GUINT32_TO_LE (crc32 (0, data, header_size - 4));
  memcpy (data + header_size - 4, &sum, 4);
  if (alitra_packet_header_read (&header, data, size, NULL) != ALITRA_PACKET_OK
      || header.info.size > size)
    return;

  chunk = data + header_size;
  for (guint i = 0; i < header.info.layers * header.info.slices; i++) {
    guint8 place[6];

    if (header.chunk_size[i] < 2)
      continue;
    memcpy (place, data + 8, 4);
    place[4] = i / header.info.slices;
    place[5] = i % header.info.slices;
    sum = crc32 (crc32 (0, place, 6), chunk + 2, header.chunk_size[i] - 2);
    chunk[0] = sum & 0xFF;
    chunk[1] = sum >> 8 & 0xFF;
    chunk += header.chunk_size[i];
  }
}
