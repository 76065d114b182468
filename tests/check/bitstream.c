/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <idtable.h>
#include <math.h>
#include <packetheader.h>
#include <rangecoder.h>
#include <string.h>

#include "tokenstream.h"

/* Token packets: what goes in comes out, whole, trimmed and damaged. */

typedef struct
{
  AlitraMemory *memory;
  AlitraUpdate *update;
  AlitraPacketCoder *coder;
} Receiver;

static guint
level_cells (const AlitraMemoryLevel * level)
{
  return level->columns * level->rows;
}

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

static gboolean
receiver_read (Receiver * receiver, const guint8 * data, gsize size,
    GError ** error)
{
  AlitraPacketInfo info;

  if (alitra_packet_read_info (data, size, &info) != ALITRA_PACKET_OK) {
    g_set_error_literal (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "no header");
    return FALSE;
  }
  return alitra_packet_read (receiver->coder, data, size, &info,
      receiver->memory, receiver->update, error);
}

/* Makes the receiver hold what the sender held before its last packet. */
static void
receiver_follow (Receiver * receiver, const TestSender * sender)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *from = &sender->before->level[l];
    AlitraMemoryLevel *to = &receiver->memory->level[l];

    memcpy (to->depth, from->depth, level_cells (from));
    memcpy (to->sound, from->depth, level_cells (from));
    memset (to->valid, ALITRA_CELL_WHOLE, level_cells (from));
    memcpy (to->tokens, from->tokens,
        2 * (gsize) level_cells (from) * from->max_depth);
  }
}

static void
receiver_take (Receiver * receiver, const GByteArray * packet)
{
  GError *error = NULL;

  receiver_read (receiver, packet->data, packet->len, &error);
  g_assert_no_error (error);
  alitra_memory_apply (receiver->memory, receiver->update);
}

static void
assert_same_memory (const AlitraMemory * a, const AlitraMemory * b)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *x = &a->level[l], *y = &b->level[l];
    guint cells = level_cells (x);

    g_assert_cmpmem (x->depth, cells, y->depth, cells);
    g_assert_cmpmem (x->kept, cells, y->kept, cells);
    g_assert_cmpmem (x->age, 2 * cells, y->age, 2 * cells);
    for (guint i = 0; i < cells; i++) {
      gsize at = (gsize) i * x->max_depth;

      g_assert_cmpint (x->valid[i] == ALITRA_CELL_LOST, ==,
          y->valid[i] == ALITRA_CELL_LOST);
      g_assert_cmpmem (x->tokens + at, 2 * x->depth[i], y->tokens + at,
          2 * y->depth[i]);
    }
  }
}

static guint
count_new (const AlitraUpdate * update, const AlitraMemory * memory)
{
  guint count = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    for (guint i = 0; i < level_cells (&memory->level[l]); i++)
      count += update->level[l].depth[i] - update->level[l].keep[i];
  }
  return count;
}

static guint
count_smooth (const TestSender * sender)
{
  guint count = 0;

  for (guint l = 0; l < 2 && sender->vocabulary.smooth; l++) {
    const AlitraMemoryLevel *level = &sender->memory->level[l];

    for (guint i = 0; i < level_cells (level); i++)
      count += level->depth[i] == 1
          && level->tokens[(gsize) i * level->max_depth] ==
          sender->vocabulary.codes[l];
  }
  return count;
}

/* A run of random bits (n 0) and uniform numbers. */
#define CONTEXTS 5
typedef struct
{
  guint symbols;
  guint value[2000], n[2000];
  gint start[CONTEXTS];
} Run;

static void
draw_run (Run * run, GRand * random)
{
  gdouble ones = g_rand_double_range (random, -0.2, 1.2);

  run->symbols =
      g_rand_int_range (random, 0, g_rand_int_range (random, 0,
          10) ? 20 : 2000);
  for (guint i = 0; i < CONTEXTS; i++)
    run->start[i] = g_rand_int_range (random, -60, 61);
  for (guint i = 0; i < run->symbols; i++) {
    gdouble x = g_rand_double (random);

    run->n[i] =
        g_rand_boolean (random) ? 0 : g_rand_int_range (random, 1,
        g_rand_boolean (random) ? 65537 : 20);
    if (run->n[i] == 0)
      run->value[i] = x < ones;
    else
      run->value[i] =
          ones < 0 ? 0 : ones > 1 ? run->n[i] - 1 : (guint) (x * run->n[i]);
  }
}

static void
start_run (const Run * run, AlitraContext * contexts)
{
  for (guint i = 0; i < CONTEXTS; i++)
    alitra_context_init (&contexts[i], run->start[i]);
}

/* Returns the entropy in bytes under the probabilities that the contexts learned. */
static gdouble
encode_run (const Run * run, GByteArray * out)
{
  AlitraContext contexts[CONTEXTS];
  AlitraRangeEncoder encoder;
  gdouble bits = 0;

  start_run (run, contexts);
  alitra_range_encoder_start (&encoder, out);
  for (guint i = 0; i < run->symbols; i++) {
    AlitraContext *context = &contexts[i % CONTEXTS];
    gdouble p = ((context->fast + context->slow) / 2) / 65536.;

    bits += run->n[i] ? log2 (run->n[i]) : -log2 (run->value[i] ? p : 1 - p);
    if (run->n[i] == 0)
      alitra_range_encode_bit (&encoder, context, run->value[i]);
    else
      alitra_range_encode_uniform (&encoder, run->value[i], run->n[i]);
  }
  alitra_range_encoder_finish (&encoder);
  return bits / 8;
}

static void
decode_run (const Run * run, const guint8 * data, gsize size)
{
  AlitraContext contexts[CONTEXTS];
  AlitraRangeDecoder decoder;

  start_run (run, contexts);
  alitra_range_decoder_start (&decoder, data, size);
  for (guint i = 0; i < run->symbols; i++) {
    guint value = run->n[i] == 0 ? (guint) alitra_range_decode_bit (&decoder,
        &contexts[i % CONTEXTS])
        : alitra_range_decode_uniform (&decoder, run->n[i]);

    g_assert_cmpuint (value, ==, run->value[i]);
  }
  g_assert_true (alitra_range_decoder_finish (&decoder));
}

static void
test_range_coder (void)
{
  GRand *random = g_rand_new_with_seed (1);
  GByteArray *out = g_byte_array_new ();
  Run *run = g_new0 (Run, 1);

  for (guint i = 0; i < 5000; i++) {
    const guint before = 3;
    gdouble entropy;

    draw_run (run, random);
    g_byte_array_set_size (out, before);
    entropy = encode_run (run, out);
    /* At most two bytes more than the entropy, and what the rounding of `range / n` costs. */
    g_assert_cmpfloat (out->len - before, <=, entropy * 1.003 + 2);
    decode_run (run, out->data + before, out->len - before);
  }
  g_free (run);
  g_byte_array_unref (out);
  g_rand_free (random);
}

/* Tables of how likely ids are. */

static void
test_id_table_numbers (void)
{
  static const gfloat bad_rows[] = { -129, 128, .5f, NAN, INFINITY };
  static const gfloat bad_weights[] = { 0, 256, 1.5f, NAN, -1 };
  gfloat rows[ALITRA_ID_ROWS * ALITRA_ID_CLASSES] = { 0 }, weights[40];
  AlitraIdTable *table;

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    weights[i] = 1;
  for (guint i = 0; i < G_N_ELEMENTS (bad_rows); i++) {
    rows[G_N_ELEMENTS (rows) - 1] = bad_rows[i];
    g_assert_null (alitra_id_table_new (40, rows, weights));
  }
  rows[G_N_ELEMENTS (rows) - 1] = -128;
  for (guint i = 0; i < G_N_ELEMENTS (bad_weights); i++) {
    weights[39] = bad_weights[i];
    g_assert_null (alitra_id_table_new (40, rows, weights));
  }
  weights[39] = ALITRA_ID_MOST_WEIGHT;
  table = alitra_id_table_new (40, rows, weights);
  g_assert_nonnull (table);
  g_assert_cmpuint (alitra_id_table_class (table, 39), <, ALITRA_ID_CLASSES);
  alitra_id_table_free (table);
}

/* Each id comes back, and what is said to be likely takes fewer bytes. */
static void
test_id_table_round_trip (void)
{
  static const guint codes[] = { 1, 5, 31, 32, 33, 1000, 4096, 65000 };
  GRand *random = g_rand_new_with_seed (12);

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++) {
    const guint n = codes[i];
    g_autofree gfloat *rows =
        g_new (gfloat, ALITRA_ID_ROWS * ALITRA_ID_CLASSES);
    g_autofree gfloat *weights = g_new (gfloat, n);
    GByteArray *out = g_byte_array_new ();
    guint8 near[200][ALITRA_ID_NEAR];
    guint ids[200];
    AlitraRangeEncoder encoder;
    AlitraRangeDecoder decoder;
    AlitraIdTable *table;

    for (guint k = 0; k < ALITRA_ID_ROWS * ALITRA_ID_CLASSES; k++)
      rows[k] = g_rand_int_range (random, -40, 41);
    for (guint k = 0; k < n; k++)
      weights[k] = g_rand_int_range (random, 1, ALITRA_ID_MOST_WEIGHT + 1);
    table = alitra_id_table_new (n, rows, weights);
    alitra_range_encoder_start (&encoder, out);
    for (guint k = 0; k < G_N_ELEMENTS (ids); k++) {
      ids[k] = g_rand_int_range (random, 0, n);
      for (guint j = 0; j < ALITRA_ID_NEAR; j++)
        near[k][j] = g_rand_int_range (random, 0, ALITRA_ID_KNOWN);
      alitra_id_table_encode (table, near[k], ids[k], &encoder);
    }
    alitra_range_encoder_finish (&encoder);
    alitra_range_decoder_start (&decoder, out->data, out->len);
    for (guint k = 0; k < G_N_ELEMENTS (ids); k++)
      g_assert_cmpuint (alitra_id_table_decode (table, near[k], &decoder), ==,
          ids[k]);
    g_assert_true (alitra_range_decoder_finish (&decoder));
    alitra_id_table_free (table);
    g_byte_array_unref (out);
  }
  g_rand_free (random);
}

static gsize
size_of_run (const AlitraIdTable * table, guint id)
{
  static const guint8 near[ALITRA_ID_NEAR] =
      { 3, ALITRA_ID_NONE, ALITRA_ID_UNKNOWN };
  GByteArray *out = g_byte_array_new ();
  AlitraRangeEncoder encoder;
  gsize size;

  alitra_range_encoder_start (&encoder, out);
  for (guint i = 0; i < 64; i++)
    alitra_id_table_encode (table, near, id, &encoder);
  alitra_range_encoder_finish (&encoder);
  size = out->len;
  g_byte_array_unref (out);
  return size;
}

static void
test_id_table_shares (void)
{
  gfloat rows[ALITRA_ID_ROWS * ALITRA_ID_CLASSES] = { 0 }, weights[1024];
  AlitraIdTable *table;

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    weights[i] = 1 + i % 2;
  /* Class 7 is 16 times as likely as others if class 3 is at the left. */
  rows[(1 + 3) * ALITRA_ID_CLASSES + 7] = 32;
  table = alitra_id_table_new (G_N_ELEMENTS (weights), rows, weights);
  /* 16 of 47 shares of the class; 1 or 2 of 48 of the code: 64 times 1.55 and 5.58 or 4.58 bits. */
  g_assert_cmpuint (size_of_run (table, 7 * 32), >=, 57);
  g_assert_cmpuint (size_of_run (table, 7 * 32), <=, 58);
  g_assert_cmpuint (size_of_run (table, 7 * 32 + 1), >=, 49);
  g_assert_cmpuint (size_of_run (table, 7 * 32 + 1), <=, 50);
  /* 1 of 47: 5.55 bits. */
  g_assert_cmpuint (size_of_run (table, 8 * 32), >=, 89);
  g_assert_cmpuint (size_of_run (table, 8 * 32), <=, 90);
  alitra_id_table_free (table);
}

/* Keeps key packets and deltas of all kinds coming. */
static void
next_packet (TestSender * sender, guint frame)
{
  static const gdouble activity[] = { 0.02, 0, 0.3, 0.001, 1, 0.05 };

  test_sender_next (sender, frame % 50 == 0,
      frame % 50 == 0 ? 0.7 : activity[frame % G_N_ELEMENTS (activity)]);
}

/* Returns how many smooth tokens came by, counted in each frame. */
static guint
check_chain (guint width, guint height, guint frames, guint32 seed)
{
  TestSender *sender =
      test_sender_new (width, height, g_rand_new_with_seed (seed));
  Receiver receiver = receiver_new (sender);
  guint smooth = 0;

  for (guint frame = 0; frame < frames; frame++) {
    AlitraPacketInfo info;

    next_packet (sender, frame);
    g_assert_cmpint (alitra_packet_read_info (sender->packet->data,
            sender->packet->len, &info), ==, ALITRA_PACKET_OK);
    g_assert_cmpuint (info.size, ==, sender->packet->len);
    g_assert_cmpuint (info.header_size, <=, ALITRA_PACKET_MAX_HEADER);
    g_assert_cmpuint (info.frame_number, ==, frame);
    g_assert_cmpint (info.key, ==, frame % 50 == 0);
    g_assert_cmpuint (info.model, ==, 0x1F3A09C2);
    g_assert_cmpuint (info.slices, ==, (height + 63) / 64);
    g_assert_cmpuint (info.tokens, ==, count_new (sender->update,
            sender->memory));
    if (info.key)
      g_assert_cmpmem (&info.stream, sizeof info.stream, &sender->stream,
          sizeof sender->stream);

    receiver_take (&receiver, sender->packet);
    assert_same_memory (receiver.memory, sender->memory);
    g_assert_cmpuint (alitra_memory_get_checksum (receiver.memory), ==,
        info.checksum);
    smooth += count_smooth (sender);
  }
  receiver_clear (&receiver);
  test_sender_free (sender);
  return smooth;
}

static void
test_chains (void)
{
  static const guint sizes[][2] =
      { {1, 1}, {16, 16}, {64, 64}, {65, 64}, {64, 65}, {177, 143}, {320, 180},
  {640, 360}, {33, 1000}, {1000, 17}
  };
  guint smooth = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint seed = 0; seed < 3; seed++)
      smooth += check_chain (sizes[i][0], sizes[i][1], 200, 100 * i + seed);
  }
  g_assert_cmpuint (smooth, >, 10000);
  check_chain (1920, 1080, 12, 7);
  check_chain (8192, 64, 6, 8);
  check_chain (64, 8192, 6, 9);
  check_chain (8192, 8192, 2, 10);
}

/* The same packet, whatever the coder did before. */
static void
test_same_bytes (void)
{
  TestSender *a = test_sender_new (200, 200, g_rand_new_with_seed (5));
  TestSender *b = test_sender_new (200, 200, g_rand_new_with_seed (5));
  TestSender *other = test_sender_new (1000, 500, g_rand_new_with_seed (6));
  AlitraPacketCoder *own = b->coder;

  for (guint frame = 0; frame < 60; frame++) {
    next_packet (a, frame);
    next_packet (other, frame);
    b->coder = alitra_packet_coder_new (&b->vocabulary);
    next_packet (b, frame);
    alitra_packet_coder_free (b->coder);
    g_assert_cmpmem (a->packet->data, a->packet->len, b->packet->data,
        b->packet->len);
  }
  b->coder = own;
  test_sender_free (a);
  test_sender_free (b);
  test_sender_free (other);
}

/* Depth that the first `layers` layers of the packet leave in a cell. */
static guint
depth_after (const TestSender * sender, guint level, guint cell, guint layers)
{
  const AlitraUpdate *update = sender->update;
  const AlitraUpdateLevel *l = &update->level[level];
  guint had = 0, all = 0;

  for (guint i = 0; i < update->layers; i++) {
    guint has = update->levels[i] >> level & 1;

    all += has;
    had += i < layers ? has : 0;
  }
  if (had == all)
    return l->depth[cell];
  return had == 0 ? l->keep[cell] : l->cut[had - 1][cell];
}

static void
assert_trimmed (const TestSender * sender, const Receiver * receiver,
    guint layers)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *x = &receiver->memory->level[l], *y =
        &sender->memory->level[l];

    for (guint i = 0; i < level_cells (x); i++) {
      gsize at = (gsize) i * x->max_depth;

      g_assert_cmpuint (x->depth[i], ==, depth_after (sender, l, i, layers));
      g_assert_cmpmem (x->tokens + at, 2 * x->depth[i], y->tokens + at,
          2 * x->depth[i]);
    }
  }
}

static void
check_trims (const TestSender * sender, GByteArray * trimmed)
{
  AlitraPacketInfo whole, info;
  guint tokens = 0;

  alitra_packet_read_info (sender->packet->data, sender->packet->len, &whole);
  for (guint layers = 1; layers <= whole.layers; layers++) {
    Receiver receiver = receiver_new (sender);
    GError *error = NULL;

    g_assert_true (alitra_packet_trim (sender->packet->data,
            sender->packet->len, layers, trimmed, &error));
    g_assert_no_error (error);
    g_assert_cmpint (alitra_packet_read_info (trimmed->data, trimmed->len,
            &info), ==, ALITRA_PACKET_OK);
    g_assert_cmpuint (info.layers, ==, layers);
    g_assert_cmpuint (info.tokens, >=, tokens);
    g_assert_cmpuint (info.pts, ==, whole.pts);
    g_assert_cmpuint (info.checksum, ==,
        layers == whole.layers ? whole.checksum : 0);
    tokens = info.tokens;

    /* The receiver held all that the sender held until this packet. */
    g_assert_true (alitra_packet_read (receiver.coder, trimmed->data,
            trimmed->len, &info, sender->before, receiver.update, &error));
    receiver_follow (&receiver, sender);
    alitra_memory_apply (receiver.memory, receiver.update);
    assert_trimmed (sender, &receiver, layers);
    receiver_clear (&receiver);
  }
  g_assert_cmpuint (tokens, ==, whole.tokens);
}

static void
test_trim (void)
{
  static const guint sizes[][2] = { {1, 1}, {100, 200}, {640, 360} };
  GByteArray *trimmed = g_byte_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint seed = 0; seed < 4; seed++) {
      TestSender *sender = test_sender_new (sizes[i][0], sizes[i][1],
          g_rand_new_with_seed (40 + seed));

      for (guint frame = 0; frame < 8; frame++) {
        next_packet (sender, frame);
        check_trims (sender, trimmed);
      }
      test_sender_free (sender);
    }
  }
  g_byte_array_unref (trimmed);
}

/* Where the parts lie, and how long a shorter packet will be, is known before it is cut. */
static void
check_layout (const TestSender * sender, GByteArray * trimmed)
{
  const guint8 *data = sender->packet->data;
  gsize size = sender->packet->len, at;
  guint tokens = 0, chunk = 0;
  AlitraPacketLayout layout;
  AlitraPacketHeader header;

  g_assert_cmpint (alitra_packet_header_read (&header, data, size, NULL), ==,
      ALITRA_PACKET_OK);
  at = header.info.header_size;
  g_assert_cmpint (alitra_packet_read_layout (data, at, &layout), ==,
      ALITRA_PACKET_OK);
  g_assert_cmpuint (layout.info.size, ==, size);
  for (guint layer = 0; layer < layout.info.layers; layer++) {
    g_assert_true (alitra_packet_trim (data, size, layer + 1, trimmed, NULL));
    g_assert_cmpuint (layout.trimmed_size[layer], ==, trimmed->len);
    g_assert_cmpuint (layout.levels[layer], ==, sender->update->levels[layer]);
    tokens += layout.tokens[layer];
    for (guint slice = 0; slice < layout.info.slices; slice++, chunk++) {
      g_assert_cmpuint (layout.chunk[chunk], ==, at);
      at += header.chunk_size[chunk];
      g_assert_cmpuint (layout.chunk[chunk + 1], ==, at);
    }
  }
  g_assert_cmpuint (tokens, ==, layout.info.tokens);
  g_assert_cmpuint (at, ==, size);
  g_assert_cmpint (alitra_packet_read_layout (data,
          header.info.header_size - 1, &layout), ==, ALITRA_PACKET_NEED_MORE);
}

/* The end of a packet was lost, at every place: what is left is what trimming leaves, or nothing. */
static void
check_salvage (const TestSender * sender, GByteArray * salvaged,
    GByteArray * trimmed)
{
  const guint8 *data = sender->packet->data;
  gsize size = sender->packet->len;
  AlitraPacketLayout layout;

  alitra_packet_read_layout (data, size, &layout);
  for (gsize have = 0; have <= size; have++) {
    /* Its own memory, so that a reader of what is not there is seen. */
    guint8 *first = g_memdup2 (data, have);
    GError *error = NULL;
    guint layers = 0;

    while (layers < layout.info.layers
        && layout.chunk[(layers + 1) * layout.info.slices] <= have)
      layers++;
    if (have < layout.info.header_size || layers == 0) {
      g_assert_false (alitra_packet_salvage (first, have, salvaged, &error));
      g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID);
      g_error_free (error);
    } else {
      g_assert_true (alitra_packet_salvage (first, have, salvaged, &error));
      g_assert_no_error (error);
      alitra_packet_trim (data, size, layers, trimmed, NULL);
      g_assert_cmpmem (salvaged->data, salvaged->len, trimmed->data,
          trimmed->len);
    }
    g_free (first);
  }
}

static void
test_parts (void)
{
  static const guint sizes[][2] = { {1, 1}, {100, 200}, {320, 180} };
  GByteArray *salvaged = g_byte_array_new (), *trimmed = g_byte_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    TestSender *sender = test_sender_new (sizes[i][0], sizes[i][1],
        g_rand_new_with_seed (70 + i));

    for (guint frame = 0; frame < 6; frame++) {
      next_packet (sender, frame);
      check_layout (sender, trimmed);
      check_salvage (sender, salvaged, trimmed);
    }
    test_sender_free (sender);
  }
  g_byte_array_unref (salvaged);
  g_byte_array_unref (trimmed);
}

static void
assert_prefix (const AlitraMemory * part, const AlitraMemory * whole)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *x = &part->level[l], *y = &whole->level[l];

    for (guint i = 0; i < level_cells (x); i++) {
      gsize at = (gsize) i * x->max_depth;

      g_assert_cmpuint (x->depth[i], <=, y->depth[i]);
      g_assert_cmpmem (x->tokens + at, 2 * x->depth[i], y->tokens + at,
          2 * x->depth[i]);
    }
  }
}

/* A stream that is trimmed now more, now less: the receiver holds less than the sender, but never anything else, and
 * the next whole key packet makes them one again. */
static void
test_trimmed_chain (void)
{
  GRand *random = g_rand_new_with_seed (11);
  GByteArray *trimmed = g_byte_array_new ();

  for (guint seed = 0; seed < 5; seed++) {
    TestSender *sender =
        test_sender_new (300, 200, g_rand_new_with_seed (60 + seed));
    Receiver receiver = receiver_new (sender);

    for (guint frame = 0; frame < 200; frame++) {
      guint layers = frame == 150 ? 12 : g_rand_int_range (random, 1, 12);

      next_packet (sender, frame);
      g_assert_true (alitra_packet_trim (sender->packet->data,
              sender->packet->len, layers, trimmed, NULL));
      receiver_take (&receiver, trimmed);
      assert_prefix (receiver.memory, sender->memory);
      if (frame == 150)
        g_assert_cmpuint (alitra_memory_get_checksum (receiver.memory), ==,
            alitra_memory_get_checksum (sender->memory));
    }
    receiver_clear (&receiver);
    test_sender_free (sender);
  }
  g_byte_array_unref (trimmed);
  g_rand_free (random);
}

/* What the receiver takes for the sender's is the sender's. Returns the number of cells that are lost. */
static guint
check_known (const AlitraMemory * receiver, const AlitraMemory * sender)
{
  guint lost = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *x = &receiver->level[l], *y = &sender->level[l];

    for (guint i = 0; i < level_cells (x); i++) {
      gsize at = (gsize) i * x->max_depth;

      g_assert_cmpuint (x->sound[i], <=, x->depth[i]);
      g_assert_cmpuint (x->sound[i], <=, y->depth[i]);
      g_assert_cmpmem (x->tokens + at, 2 * x->sound[i], y->tokens + at,
          2 * x->sound[i]);
      if (x->valid[i] == ALITRA_CELL_WHOLE)
        g_assert_cmpuint (x->sound[i], ==, y->depth[i]);
      if (x->valid[i] == ALITRA_CELL_LOST)
        lost++;
      else
        g_assert_cmpuint (x->sound[i], ==, x->depth[i]);
      g_assert_cmpint (x->lost[i] > 0, ==, x->valid[i] == ALITRA_CELL_LOST);
    }
  }
  return lost;
}

static void
check_lawful (const AlitraVocabulary * vocabulary, const AlitraMemory * memory)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    for (guint i = 0; i < level_cells (level); i++) {
      g_assert_cmpuint (level->depth[i], <=, level->max_depth);
      g_assert_true (test_cell_is_lawful (vocabulary, l,
              level->tokens + (gsize) i * level->max_depth, level->depth[i]));
    }
  }
}

/* Loses, damages or trims the packet, or leaves it as it is. */
static void
spoil (const GByteArray * packet, GRand * random, GByteArray * out)
{
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS];
  gdouble share = g_rand_double (random);
  AlitraPacketInfo info;

  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    lost[i] = g_rand_double (random) < share;
  alitra_packet_read_info (packet->data, packet->len, &info);
  switch (g_rand_int_range (random, 0, 5)) {
    case 0:
      test_lose_chunks (packet, lost, out);
      break;
    case 1:
      alitra_packet_trim (packet->data, packet->len, g_rand_int_range (random,
              1, 12), out, NULL);
      break;
    case 2:
      alitra_packet_write_lost (&info, out);
      break;
    default:
      g_byte_array_set_size (out, 0);
      g_byte_array_append (out, packet->data, packet->len);
      if (g_rand_boolean (random) && out->len > info.header_size)
        out->data[g_rand_int_range (random, info.header_size, out->len)] ^= 16;
      break;
  }
}

/* A stream of which parts get lost, damaged and cut: the receiver never takes for sound what is not, and the next whole
 * key packet makes all sound again. */
static void
test_losses (void)
{
  GRand *random = g_rand_new_with_seed (29);
  GByteArray *spoilt = g_byte_array_new ();
  guint most = 0;

  for (guint seed = 0; seed < 8; seed++) {
    TestSender *sender =
        test_sender_new (300, 200, g_rand_new_with_seed (90 + seed));
    Receiver receiver = receiver_new (sender);

    for (guint frame = 0; frame < 200; frame++) {
      gboolean key = frame % 40 == 0;

      test_sender_next (sender, key, key ? 0.8 : 0.3);
      if (frame == 160) {
        receiver_take (&receiver, sender->packet);
        g_assert_cmpuint (check_known (receiver.memory, sender->memory), ==, 0);
        g_assert_cmpuint (alitra_memory_get_checksum (receiver.memory), ==,
            alitra_memory_get_checksum (sender->memory));
        continue;
      }
      spoil (sender->packet, random, spoilt);
      receiver_take (&receiver, spoilt);
      most = MAX (most, check_known (receiver.memory, sender->memory));
      check_lawful (&sender->vocabulary, receiver.memory);
    }
    receiver_clear (&receiver);
    test_sender_free (sender);
  }
  g_assert_cmpuint (most, >, 0);
  g_byte_array_unref (spoilt);
  g_rand_free (random);
}

/* Counts cells that are lost inside and outside of the slice. */
static void
count_lost (const AlitraMemory * memory, guint slice, guint * inside,
    guint * outside)
{
  *inside = *outside = 0;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    for (guint i = 0; i < level_cells (level); i++) {
      gboolean here = i / level->columns >> (2 - l) == slice;

      *(here ? inside : outside) += level->valid[i] == ALITRA_CELL_LOST;
    }
  }
}

/* Every chunk in turn: what it costs lies in its slice, and where it is the map that is lost, is all of it. Damage costs
 * what loss costs. */
static void
check_one_chunk (TestSender * sender, guint chunk, gboolean damage)
{
  Receiver receiver = receiver_new (sender);
  GByteArray *spoilt = g_byte_array_new ();
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS] = { 0, };
  AlitraPacketLayout layout;
  guint slice, inside, outside, cells = 0;

  alitra_packet_read_layout (sender->packet->data, sender->packet->len,
      &layout);
  slice = chunk % layout.info.slices;
  receiver_follow (&receiver, sender);
  if (damage) {
    g_byte_array_append (spoilt, sender->packet->data, sender->packet->len);
    spoilt->data[layout.chunk[chunk]] ^= 1;
  } else {
    lost[chunk] = TRUE;
    test_lose_chunks (sender->packet, lost, spoilt);
  }
  receiver_take (&receiver, spoilt);
  g_assert_cmpuint (alitra_packet_coder_get_damaged (receiver.coder), ==,
      damage);
  check_known (receiver.memory, sender->memory);
  count_lost (receiver.memory, slice, &inside, &outside);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    cells += receiver.memory->level[l].columns << (2 - l);
  g_assert_cmpuint (outside, ==, 0);
  g_assert_cmpuint (inside, >, 0);
  if (chunk < layout.info.slices && !layout.info.key)
    g_assert_cmpuint (inside, ==, cells);
  g_byte_array_unref (spoilt);
  receiver_clear (&receiver);
}

static void
test_lost_chunk (void)
{
  TestSender *sender = test_sender_new (200, 300, g_rand_new_with_seed (7));
  AlitraPacketLayout layout;

  for (guint frame = 0; frame < 6; frame++) {
    test_sender_next (sender, frame % 3 == 0, 0.4);
    alitra_packet_read_layout (sender->packet->data, sender->packet->len,
        &layout);
    for (guint i = 0; i < layout.info.layers * layout.info.slices; i++) {
      if (layout.chunk[i + 1] == layout.chunk[i])
        continue;
      check_one_chunk (sender, i, FALSE);
      check_one_chunk (sender, i, TRUE);
    }
  }
  test_sender_free (sender);
}

/* What is read keeps to the rules, whatever it is; where nothing is, the memory is as it was. Returns whether all of it
 * was read, and no damage seen. */
static gboolean
check_damaged (const TestSender * sender, Receiver * receiver,
    const guint8 * data, gsize size)
{
  /* A copy of its own size, so that tools see a read behind the end. */
  g_autofree guint8 *bytes = g_memdup2 (data, size);
  guint32 checksum = alitra_memory_get_checksum (receiver->memory);
  g_autoptr (GError) error = NULL;
  gboolean read = receiver_read (receiver, bytes, size, &error);

  g_assert_cmpuint (alitra_memory_get_checksum (receiver->memory), ==,
      checksum);
  if (!read) {
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID);
    return FALSE;
  }
  alitra_memory_apply (receiver->memory, receiver->update);
  check_lawful (&sender->vocabulary, receiver->memory);
  return alitra_packet_coder_get_damaged (receiver->coder) == 0;
}

static void
test_truncated (void)
{
  TestSender *sender = test_sender_new (200, 130, g_rand_new_with_seed (3));
  Receiver receiver = receiver_new (sender);

  for (guint frame = 0; frame < 6; frame++) {
    AlitraPacketInfo info;

    next_packet (sender, frame);
    alitra_packet_read_info (sender->packet->data, sender->packet->len, &info);
    for (gsize size = 0; size < sender->packet->len; size++) {
      AlitraPacketInfo part;
      g_autofree guint8 *bytes = g_memdup2 (sender->packet->data, size);

      g_assert_cmpint (alitra_packet_read_info (bytes, size, &part), ==,
          size < info.header_size ? ALITRA_PACKET_NEED_MORE : ALITRA_PACKET_OK);
      g_assert_false (check_damaged (sender, &receiver, bytes, size));
    }
    receiver_take (&receiver, sender->packet);
  }
  receiver_clear (&receiver);
  test_sender_free (sender);
}

static void
test_bit_flips (void)
{
  GRand *random = g_rand_new_with_seed (17);
  GByteArray *damaged = g_byte_array_new ();
  guint unseen = 0, deep = 0, smooth = 0;

  for (guint seed = 0; seed < 4; seed++) {
    TestSender *sender =
        test_sender_new (150, 150, g_rand_new_with_seed (80 + seed));
    Receiver receiver = receiver_new (sender);

    for (guint flip = 0; flip < 10000; flip++) {
      if (flip % 100 == 0)
        next_packet (sender, flip / 100);
      g_byte_array_set_size (damaged, 0);
      g_byte_array_append (damaged, sender->packet->data, sender->packet->len);
      for (guint bits = g_rand_int_range (random, 1, 4); bits > 0; bits--)
        damaged->data[g_rand_int_range (random, 0, damaged->len)] ^=
            1 << g_rand_int_range (random, 0, 8);
      receiver_follow (&receiver, sender);
      if (flip % 2 == 0) {
        unseen += check_damaged (sender, &receiver, damaged->data, damaged->len)
            && memcmp (damaged->data, sender->packet->data, damaged->len) != 0;
      } else {
        test_repair_packet (damaged->data, damaged->len);
        deep += check_damaged (sender, &receiver, damaged->data, damaged->len);
      }
    }
    smooth += count_smooth (sender);
    receiver_clear (&receiver);
    test_sender_free (sender);
  }
  g_assert_cmpuint (smooth, >, 0);
  /* A check of 16 bits misses one of 65536. */
  g_assert_cmpuint (unseen, <=, 5);
  /* Damage behind repaired checks was read, so the rules were put to the test. */
  g_assert_cmpuint (deep, >, 100);
  g_byte_array_unref (damaged);
  g_rand_free (random);
}

static void
test_random_bytes (void)
{
  GRand *random = g_rand_new_with_seed (19);
  TestSender *sender = test_sender_new (150, 150, g_rand_new_with_seed (2));
  Receiver receiver = receiver_new (sender);
  guint8 bytes[400];

  next_packet (sender, 0);
  for (guint i = 0; i < 20000; i++) {
    gsize size = g_rand_int_range (random, 0, sizeof bytes);
    gsize sound =
        MIN (g_rand_int_range (random, 0, 80), MIN (size, sender->packet->len));

    for (gsize j = 0; j < size; j++)
      bytes[j] = g_rand_int_range (random, 0, 256);
    memcpy (bytes, sender->packet->data, sound);
    if (i % 2)
      test_repair_packet (bytes, size);
    check_damaged (sender, &receiver, bytes, size);
  }
  receiver_clear (&receiver);
  test_sender_free (sender);
  g_rand_free (random);
}

/* The smooth token: cells are set by hand, both ends are made alike. */

#define SMOOTH_CODES 1024

static Receiver
smooth_end_new (void)
{
  const guint max_depth[ALITRA_LEVELS] = { 4, 4, 4 };
  const AlitraVocabulary vocabulary = { {SMOOTH_CODES, SMOOTH_CODES, 512},
  300, 100, 1
  };
  Receiver end;

  end.memory = alitra_memory_new (128, 128, max_depth);
  end.update = alitra_update_new (end.memory);
  end.coder = alitra_packet_coder_new (&vocabulary);
  return end;
}

/* All cells keep what they hold. */
static void
smooth_keep_all (Receiver * end)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &end->memory->level[l];
    AlitraUpdateLevel *update = &end->update->level[l];

    memcpy (update->keep, level->depth, level_cells (level));
    memcpy (update->depth, level->depth, level_cells (level));
  }
}

static void
smooth_set (Receiver * end, guint level, guint cell, guint keep, guint depth,
    guint16 token)
{
  AlitraUpdateLevel *update = &end->update->level[level];
  guint max_depth = end->memory->level[level].max_depth;

  update->keep[cell] = keep;
  update->depth[cell] = depth;
  for (guint d = keep; d < depth; d++)
    update->tokens[cell * max_depth + d] = token;
}

/* Writes the update and does it to the end that sends. */
static void
smooth_send (Receiver * end, gboolean key, guint32 frame, GByteArray * packet)
{
  AlitraPacketInfo info = { 0, };

  info.key = key;
  info.frame_number = frame;
  info.pts = ALITRA_PACKET_NO_PTS;
  info.stream = (AlitraStreamInfo) {
    128, 128, 25, 1, 1, 1, {
    0, 1, 1, 1}
  };
  alitra_packet_write (end->coder, &info, end->memory, end->update, packet);
  alitra_memory_apply (end->memory, end->update);
}

/* Every cell of the finer levels gets one token. */
static void
smooth_fill (Receiver * end, guint16 token, GByteArray * packet)
{
  smooth_keep_all (end);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    for (guint i = 0; i < level_cells (&end->memory->level[l]); i++)
      smooth_set (end, l, i, 0, l < 2, token);
  }
  smooth_send (end, TRUE, 0, packet);
}

static void
assert_cell (const Receiver * end, guint level, guint cell, guint depth,
    guint16 first)
{
  const AlitraMemoryLevel *held = &end->memory->level[level];

  g_assert_cmpuint (held->depth[cell], ==, depth);
  if (depth > 0)
    g_assert_cmpuint (held->tokens[cell * held->max_depth], ==, first);
}

static void
test_smooth_changes (void)
{
  Receiver sender = smooth_end_new (), receiver = smooth_end_new ();
  GByteArray *packet = g_byte_array_new ();
  guint learned_size;

  smooth_fill (&sender, 7, packet);
  receiver_take (&receiver, packet);
  learned_size = packet->len;
  smooth_fill (&sender, SMOOTH_CODES, packet);
  receiver_take (&receiver, packet);
  assert_same_memory (receiver.memory, sender.memory);
  /* 80 tokens of 10 bits are 100 bytes; bits of contexts take some of that. */
  g_assert_cmpuint (packet->len + 60, <, learned_size);

  for (guint l = 0; l < 2; l++) {
    smooth_keep_all (&sender);
    smooth_set (&sender, l, 0, 0, 3, 5);        /* smooth to learned */
    smooth_set (&sender, l, 1, 0, 1, SMOOTH_CODES);     /* smooth anew */
    smooth_set (&sender, l, 2, 0, 0, 0);        /* smooth to nothing */
    smooth_send (&sender, FALSE, 1 + 2 * l, packet);
    receiver_take (&receiver, packet);
    assert_same_memory (receiver.memory, sender.memory);
    assert_cell (&receiver, l, 0, 3, 5);
    assert_cell (&receiver, l, 1, 1, SMOOTH_CODES);
    assert_cell (&receiver, l, 2, 0, 0);
    assert_cell (&receiver, l, 3, 1, SMOOTH_CODES);     /* kept */

    smooth_keep_all (&sender);
    smooth_set (&sender, l, 0, 0, 1, SMOOTH_CODES);     /* learned to smooth */
    smooth_set (&sender, l, 2, 0, 1, SMOOTH_CODES);     /* nothing to smooth */
    smooth_send (&sender, FALSE, 2 + 2 * l, packet);
    receiver_take (&receiver, packet);
    assert_same_memory (receiver.memory, sender.memory);
    for (guint i = 0; i < 4; i++)
      assert_cell (&receiver, l, i, 1, SMOOTH_CODES);
  }
  receiver_clear (&sender);
  receiver_clear (&receiver);
  g_byte_array_unref (packet);
}

/* Gives the cell of the receiver one token, or none, whatever the sender holds there. */
static void
smooth_hold (Receiver * receiver, guint level, guint cell, guint depth,
    guint16 token)
{
  AlitraMemoryLevel *held = &receiver->memory->level[level];

  held->depth[cell] = held->sound[cell] = depth;
  held->valid[cell] = depth > 0 ? ALITRA_CELL_WHOLE : ALITRA_CELL_TRIMMED;
  held->tokens[cell * held->max_depth] = token;
}

/* More tokens behind a smooth one are damage, where the receiver holds the smooth one. */
static void
test_smooth_kept (void)
{
  for (guint l = 0; l < 2; l++) {
    for (guint keep = 1; keep < 3; keep++) {
      Receiver sender = smooth_end_new (), receiver = smooth_end_new ();
      GByteArray *packet = g_byte_array_new ();
      GError *error = NULL;

      smooth_keep_all (&sender);
      smooth_set (&sender, l, 2, 0, keep, 7);
      smooth_send (&sender, TRUE, 0, packet);
      receiver_take (&receiver, packet);
      smooth_keep_all (&sender);
      smooth_set (&sender, l, 2, keep, 3, 8);
      smooth_send (&sender, FALSE, 1, packet);

      smooth_hold (&receiver, l, 2, 1, SMOOTH_CODES);
      g_assert_true (receiver_read (&receiver, packet->data, packet->len,
              &error));
      g_assert_no_error (error);
      g_assert_cmpuint (alitra_packet_coder_get_damaged (receiver.coder), ==,
          1);

      smooth_hold (&receiver, l, 2, 0, 0);      /* as after a trimmed packet */
      receiver_take (&receiver, packet);
      assert_cell (&receiver, l, 2, 0, 0);

      smooth_hold (&receiver, l, 2, keep, 7);
      receiver_take (&receiver, packet);
      assert_cell (&receiver, l, 2, 3, 7);
      receiver_clear (&sender);
      receiver_clear (&receiver);
      g_byte_array_unref (packet);
    }
  }
}

/* What a sender must not do ends the program. */
static void
test_smooth_contract (void)
{
  static const guint16 tokens[][2] = { {SMOOTH_CODES, 7}, {7, SMOOTH_CODES} };

  if (g_test_subprocess ()) {
    Receiver sender = smooth_end_new ();
    GByteArray *packet = g_byte_array_new ();
    const guint16 *pair =
        tokens[g_strcmp0 (g_getenv ("ALITRA_TEST_SMOOTH"), "last") == 0];

    smooth_fill (&sender, pair[0], packet);
    smooth_keep_all (&sender);
    smooth_set (&sender, 0, 5, 1, 2, pair[1]);
    smooth_send (&sender, FALSE, 1, packet);
    return;
  }
  g_setenv ("ALITRA_TEST_SMOOTH", "first", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*is_smooth*");
  g_setenv ("ALITRA_TEST_SMOOTH", "last", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*value < n*");
  g_unsetenv ("ALITRA_TEST_SMOOTH");
}

static void
test_find (void)
{
  static const guint8 bytes[] = "..ALT.ALTK\2..ALTK\1AALTK\2ALTK";
  gsize size = sizeof bytes - 1;

  g_assert_cmpuint (alitra_packet_find (bytes, size, 0), ==, 6);
  g_assert_cmpuint (alitra_packet_find (bytes, size, 6), ==, 6);
  g_assert_cmpuint (alitra_packet_find (bytes, size, 7), ==, 19);
  g_assert_cmpuint (alitra_packet_find (bytes, size, 20), ==, 24);
  g_assert_cmpuint (alitra_packet_find (bytes, size, 25), ==, size);
  g_assert_cmpuint (alitra_packet_find (bytes, size, size), ==, size);
  g_assert_cmpuint (alitra_packet_find (bytes, 4, 0), ==, 2);
  g_assert_cmpuint (alitra_packet_find (NULL, 0, 0), ==, 0);
}

static void
test_other_stream (void)
{
  TestSender *a = test_sender_new (200, 200, g_rand_new_with_seed (5));
  TestSender *b = test_sender_new (200, 400, g_rand_new_with_seed (5));
  Receiver receiver = receiver_new (a);
  g_autoptr (GError) error = NULL;

  next_packet (b, 0);
  g_assert_false (receiver_read (&receiver, b->packet->data, b->packet->len,
          &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID);
  g_clear_error (&error);
  next_packet (b, 1);
  g_assert_false (receiver_read (&receiver, b->packet->data, b->packet->len,
          &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID);
  receiver_clear (&receiver);
  test_sender_free (a);
  test_sender_free (b);
}

/* What a camera that sees nothing new costs. */
static void
test_still (void)
{
  TestSender *sender = test_sender_new (640, 360, g_rand_new_with_seed (5));
  AlitraPacketInfo info;

  test_sender_next (sender, TRUE, 1);
  alitra_packet_read_info (sender->packet->data, sender->packet->len, &info);
  g_test_message ("640x360 key packet: %u bytes for %u tokens",
      sender->packet->len, info.tokens);
  for (guint i = 0; i < 10; i++) {
    test_sender_next (sender, FALSE, 0);
    g_test_message ("640x360 packet in which nothing changed: %u bytes",
        sender->packet->len);
    g_assert_cmpuint (sender->packet->len, <=, 41);
  }
  test_sender_next (sender, FALSE, 0.02);
  alitra_packet_read_info (sender->packet->data, sender->packet->len, &info);
  g_test_message ("640x360 with 2 %% of the cells changed: %u bytes (header %"
      G_GSIZE_FORMAT ") for %u tokens", sender->packet->len, info.header_size,
      info.tokens);
  test_sender_free (sender);
}

static void
test_speed (void)
{
  TestSender *sender = test_sender_new (1920, 1080, g_rand_new_with_seed (4));
  Receiver receiver = receiver_new (sender);
  const guint times = 50;
  AlitraPacketInfo info;
  gint64 start, written, read;

  for (guint frame = 0; frame < 2; frame++) {
    test_sender_next (sender, frame == 0, frame == 0 ? 0.6 : 0.1);
    alitra_packet_read_info (sender->packet->data, sender->packet->len, &info);
    start = g_get_monotonic_time ();
    for (guint i = 0; i < times; i++)
      alitra_packet_write (sender->coder, &info, sender->before, sender->update,
          sender->packet);
    written = g_get_monotonic_time ();
    for (guint i = 0; i < times; i++)
      g_assert_true (receiver_read (&receiver, sender->packet->data,
              sender->packet->len, NULL));
    read = g_get_monotonic_time ();
    g_test_message
        ("1920x1080, %u tokens, %u bytes: %.2f ms to write, %.2f ms to read",
        info.tokens, sender->packet->len, (written - start) / 1000. / times,
        (read - written) / 1000. / times);
    alitra_memory_apply (receiver.memory, receiver.update);
  }
  receiver_clear (&receiver);
  test_sender_free (sender);
}

static void
test_memory (void)
{
  const guint max_depth[ALITRA_LEVELS] = { 4, 4, 4 };
  AlitraMemory *memory = alitra_memory_new (65, 64, max_depth);
  AlitraUpdate *update = alitra_update_new (memory);
  AlitraCell cell;
  guint columns, rows;

  alitra_memory_get_grid (memory, 0, &columns, &rows);
  g_assert_cmpuint (columns, ==, 8);
  g_assert_cmpuint (rows, ==, 4);
  alitra_memory_get_grid (memory, 2, &columns, &rows);
  g_assert_cmpuint (columns, ==, 2);
  g_assert_cmpuint (rows, ==, 1);
  /* crc32 of 42 zero bytes */
  g_assert_cmpuint (alitra_memory_get_checksum (memory), ==, 0xE46F28FB);

  update->level[0].depth[9] = 3;
  update->level[1].depth[0] = 2;
  update->level[2].depth[0] = 1;
  update->level[0].tokens[9 * 4 + 2] = 77;
  alitra_memory_apply (memory, update);
  g_assert_cmpfloat (alitra_memory_get_density (memory, 1, 1), ==,
      3 + 2 / 4. + 1 / 16.);
  g_assert_cmpfloat (alitra_memory_get_density (memory, 2, 2), ==, 1 / 16.);
  g_assert_cmpfloat (alitra_memory_get_density (memory, 4, 0), ==, 0);
  alitra_memory_get_cell (memory, 0, 1, 1, &cell);
  g_assert_cmpuint (cell.depth, ==, 3);
  g_assert_cmpuint (cell.kept, ==, 0);
  g_assert_cmpuint (cell.age, ==, 0);
  g_assert_true (cell.valid);
  g_assert_cmpuint (cell.tokens[2], ==, 77);

  update->level[0].keep[9] = 3;
  for (guint i = 0; i < 70000; i++)
    alitra_memory_apply (memory, update);
  alitra_memory_get_cell (memory, 0, 1, 1, &cell);
  g_assert_cmpuint (cell.kept, ==, 3);
  g_assert_cmpuint (cell.age, ==, 65535);
  g_assert_cmpuint (cell.tokens[2], ==, 77);

  update->level[0].keep[9] = update->level[0].depth[9] = 1;
  alitra_memory_apply (memory, update);
  alitra_memory_get_cell (memory, 0, 1, 1, &cell);
  g_assert_cmpuint (cell.depth, ==, 1);
  g_assert_cmpuint (cell.age, ==, 0);

  alitra_update_free (update);
  alitra_memory_free (memory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bitstream/id-table/numbers", test_id_table_numbers);
  g_test_add_func ("/bitstream/id-table/round-trip", test_id_table_round_trip);
  g_test_add_func ("/bitstream/id-table/shares", test_id_table_shares);
  g_test_add_func ("/rangecoder/round-trip", test_range_coder);
  g_test_add_func ("/memory/apply", test_memory);
  g_test_add_func ("/packet/chains", test_chains);
  g_test_add_func ("/packet/same-bytes", test_same_bytes);
  g_test_add_func ("/packet/trim", test_trim);
  g_test_add_func ("/packet/parts", test_parts);
  g_test_add_func ("/packet/trimmed-chain", test_trimmed_chain);
  g_test_add_func ("/packet/losses", test_losses);
  g_test_add_func ("/packet/lost-chunk", test_lost_chunk);
  g_test_add_func ("/packet/truncated", test_truncated);
  g_test_add_func ("/packet/bit-flips", test_bit_flips);
  g_test_add_func ("/packet/random-bytes", test_random_bytes);
  g_test_add_func ("/packet/smooth/changes", test_smooth_changes);
  g_test_add_func ("/packet/smooth/kept", test_smooth_kept);
  g_test_add_func ("/packet/smooth/contract", test_smooth_contract);
  g_test_add_func ("/packet/find", test_find);
  g_test_add_func ("/packet/other-stream", test_other_stream);
  g_test_add_func ("/packet/still", test_still);
  if (g_test_perf ())
    g_test_add_func ("/packet/speed", test_speed);
  return g_test_run ();
}
