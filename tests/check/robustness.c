/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any frame, any damage: an error or the right answer, and the next key packet mends all. */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "tokenstream.h"

/* ---- frames ---- */

static const guint sizes[][2] =
    { {1, 1}, {2, 2}, {17, 33}, {63, 65}, {64, 64}, {1, 200}, {130, 3} };

/* The same grey whatever the layout; decoded it must be that grey. */
static void
check_format (AlitraModel * model, AlitraPixelFormat format, guint width,
    guint height, guint padding, gboolean upside_down)
{
  TestStream *stream = test_stream_new (model, width, height, 1);
  TestPicture *picture =
      test_picture_new (format, width, height, padding, upside_down);
  AlitraSettings settings;

  alitra_settings_init (&settings);
  for (guint i = 0; i < 2; i++) {
    test_stream_frame (stream, picture, &settings, FALSE);
    for (gsize k = 0; k < stream->shown->size; k++)
      g_assert_cmpint (ABS (stream->shown->data[k] - 128), <=, 2);
  }
  test_picture_free (picture);
  test_stream_free (stream);
}

static void
test_formats (void)
{
  g_autoptr (AlitraModel) model = test_model ();

  for (guint format = ALITRA_PIXEL_I420; format <= ALITRA_PIXEL_BGRX; format++) {
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
      check_format (model, format, sizes[s][0], sizes[s][1], 0, FALSE);
      check_format (model, format, sizes[s][0], sizes[s][1], 5, FALSE);
      check_format (model, format, sizes[s][0], sizes[s][1], 3, TRUE);
    }
  }
}

/* Strides are only another way to lie in memory: the packet is the same. */
static void
test_strides (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  AlitraSettings settings;

  alitra_settings_init (&settings);
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint width = sizes[s][0], height = sizes[s][1];
    TestStream *plain = test_stream_new (model, width, height, 1), *odd =
        test_stream_new (model, width, height, 1);
    TestPicture *a =
        test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
    TestPicture *b =
        test_picture_new (ALITRA_PIXEL_I420, width, height, 7, TRUE);

    test_picture_draw_scene (a, 3);
    test_picture_draw_scene (b, 3);
    test_stream_frame (plain, a, &settings, FALSE);
    test_stream_frame (odd, b, &settings, FALSE);
    g_assert_cmpmem (plain->packet->data, plain->packet->len, odd->packet->data,
        odd->packet->len);
    /* a receiver that writes into such a frame */
    g_assert_true (alitra_detokenizer_render (odd->detokenizer, 0, &b->frame,
            NULL));
    for (guint y = 0; y < height; y++)
      g_assert_cmpmem (b->frame.data[0] + (gssize) y * b->frame.stride[0],
          width, plain->shown->data + y * width, width);
    test_picture_free (a);
    test_picture_free (b);
    test_stream_free (plain);
    test_stream_free (odd);
  }
}

static void
check_large (guint width, guint height)
{
  g_autoptr (AlitraModel) model = test_model ();
  TestStream *stream = test_stream_new (model, width, height, 2);
  TestPicture *picture =
      test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
  AlitraSettings settings;

  alitra_settings_init (&settings);
  settings.quality = 20;
  test_picture_draw_scene (picture, 1);
  test_stream_frame (stream, picture, &settings, FALSE);
  g_assert_cmpuint (stream->stats.tokens, >, 0);
  g_assert_cmpfloat (test_picture_psnr_luma (picture, stream->shown), >, 15);
  test_picture_free (picture);
  test_stream_free (stream);
}

static void
test_large (void)
{
  check_large (1920, 1080);
  check_large (3840, 2160);
}

static void
test_wrong_sizes (void)
{
  static const guint wrong[][2] =
      { {0, 5}, {5, 0}, {8193, 16}, {16, 8193}, {G_MAXUINT, G_MAXUINT} };
  g_autoptr (AlitraModel) model = test_model ();
  AlitraStreamInfo info = { 16, 16, 25, 1, 1, 1, {1, 2, 2, 2} };
  TestStream *stream = test_stream_new (model, 100, 80, 1);
  AlitraSettings settings;
  GError *error = NULL;

  alitra_settings_init (&settings);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    info.width = wrong[i][0];
    info.height = wrong[i][1];
    g_assert_null (alitra_tokenizer_new (model, &info, 1, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
    g_clear_error (&error);
  }
  info = (AlitraStreamInfo) {
  16, 16, 25, 0, 1, 1};
  g_assert_null (alitra_tokenizer_new (model, &info, 1, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  for (guint i = 0; i < 2; i++) {
    TestPicture *picture =
        test_picture_new (ALITRA_PIXEL_I420, 100 - i, 79 + i, 0, FALSE);
    TestPicture *right =
        test_picture_new (ALITRA_PIXEL_I420, 100, 80, 0, FALSE);

    g_assert_false (alitra_tokenizer_encode (stream->tokenizer, &picture->frame,
            &settings, FALSE, 0, stream->packet, NULL, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
    g_clear_error (&error);
    picture->frame.format = 99;
    g_assert_false (alitra_tokenizer_encode (stream->tokenizer, &picture->frame,
            &settings, FALSE, 0, stream->packet, NULL, &error));
    g_clear_error (&error);
    test_stream_frame (stream, right, &settings, FALSE);        /* no harm done */
    g_assert_false (alitra_detokenizer_render (stream->detokenizer, 0,
            &picture->frame, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
    g_clear_error (&error);
    test_picture_free (picture);
    test_picture_free (right);
  }
  test_stream_free (stream);
}

static void
test_no_picture_yet (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 1);
  TestPicture *picture = test_picture_new (ALITRA_PIXEL_I420, 10, 10, 0, FALSE);
  GError *error = NULL;

  g_assert_false (alitra_detokenizer_render (detokenizer, 0, &picture->frame,
          &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY);
  g_clear_error (&error);
  g_assert_null (alitra_detokenizer_get_memory (detokenizer));
  g_assert_null (alitra_detokenizer_get_stream (detokenizer));
  test_picture_free (picture);
}

/* ---- packets ---- */

#define FRAMES 8
#define KEY 5                   /* number of the second key packet */

/* The packets of a short stream. */
static void
make_packets (AlitraModel * model, guint width, guint height, guint scene,
    GBytes * packets[FRAMES])
{
  TestStream *stream = test_stream_new (model, width, height, 1);
  TestPicture *picture =
      test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
  AlitraSettings settings;

  alitra_settings_init (&settings);
  settings.quality = 60;
  for (guint i = 0; i < FRAMES; i++) {
    test_picture_draw_scene (picture, scene + 2 * i);
    test_stream_frame (stream, picture, &settings, i == KEY);
    packets[i] = g_bytes_new (stream->packet->data, stream->packet->len);
  }
  test_picture_free (picture);
  test_stream_free (stream);
}

static void
free_packets (GBytes * packets[FRAMES])
{
  for (guint i = 0; i < FRAMES; i++)
    g_bytes_unref (packets[i]);
}

static gboolean
decode (AlitraDetokenizer * detokenizer, GBytes * packet, GError ** error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (packet, &size);

  return alitra_detokenizer_decode (detokenizer, data, size, error);
}

static void
assert_needs_key (AlitraDetokenizer * detokenizer, GBytes * packet)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (decode (detokenizer, packet, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY);
}

static void
assert_too_late (AlitraDetokenizer * detokenizer, GBytes * packet)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (decode (detokenizer, packet, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_TOO_LATE);
}

static AlitraLoss
loss_of (AlitraDetokenizer * detokenizer)
{
  AlitraLoss loss;

  alitra_detokenizer_get_loss (detokenizer, &loss);
  return loss;
}

static void
test_lost_packet (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 1);
  GBytes *packets[FRAMES];

  make_packets (model, 150, 100, 0, packets);
  assert_needs_key (detokenizer, packets[1]);
  g_assert_true (decode (detokenizer, packets[0], NULL));
  g_assert_cmpuint (loss_of (detokenizer).cells, ==, 0);
  g_assert_true (decode (detokenizer, packets[2], NULL));
  g_assert_cmpuint (loss_of (detokenizer).gap, ==, 1);
  g_assert_cmpuint (loss_of (detokenizer).cells, >, 0);
  assert_too_late (detokenizer, packets[1]);
  assert_too_late (detokenizer, packets[2]);
  g_assert_true (decode (detokenizer, packets[3], NULL));
  g_assert_cmpuint (loss_of (detokenizer).gap, ==, 0);
  g_assert_cmpuint (loss_of (detokenizer).cells, >, 0);
  g_assert_cmpuint (loss_of (detokenizer).longest, >, 1);
  alitra_detokenizer_reset (detokenizer);
  assert_needs_key (detokenizer, packets[4]);
  g_assert_true (decode (detokenizer, packets[KEY], NULL));
  g_assert_cmpuint (loss_of (detokenizer).cells, ==, 0);
  g_assert_true (decode (detokenizer, packets[KEY + 1], NULL));
  g_assert_cmpuint (loss_of (detokenizer).cells, ==, 0);
  free_packets (packets);
}

/* Who comes late and knows the size begins with cells that are all lost, and shows no hole where a neighbour came. */
static void
test_join (void)
{
  const AlitraStreamInfo info = { 150, 100, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autoptr (AlitraModel) model = test_model ();
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 1);
  g_autoptr (GByteArray) left = g_byte_array_new ();
  guint8 lost[ALITRA_PACKET_MAX_CHUNKS] = { 0, };
  const AlitraMemory *memory;
  GBytes *packets[FRAMES];
  AlitraPacketLayout layout;
  AlitraPacketInfo other = { 0, };
  GByteArray key;
  AlitraCell cell, above;
  guint cells;

  make_packets (model, 150, 100, 0, packets);
  alitra_detokenizer_join (detokenizer, &info);
  g_assert_true (decode (detokenizer, packets[2], NULL));
  cells = loss_of (detokenizer).cells;
  g_assert_cmpuint (cells, >, 0);
  /* A slice of a key packet is lost: the one above lends it its colours. */
  key.data = (guint8 *) g_bytes_get_data (packets[KEY], NULL);
  key.len = g_bytes_get_size (packets[KEY]);
  alitra_packet_read_layout (key.data, key.len, &layout);
  for (guint layer = 0; layer < layout.info.layers; layer++)
    lost[layer * layout.info.slices + 1] = TRUE;
  test_lose_chunks (&key, lost, left);
  alitra_detokenizer_join (detokenizer, &info);
  memory = alitra_detokenizer_get_memory (detokenizer);
  g_assert_true (alitra_detokenizer_decode (detokenizer, left->data, left->len,
          NULL));
  g_assert_cmpuint (loss_of (detokenizer).chunks, >, 0);
  g_assert_cmpuint (loss_of (detokenizer).cells, <, cells);
  for (guint column = 0; column < 3; column++) {
    alitra_memory_get_cell (memory, 2, column, 0, &above);
    alitra_memory_get_cell (memory, 2, column, 1, &cell);
    g_assert_true (above.valid);
    g_assert_false (cell.valid);
    g_assert_cmpuint (cell.depth, ==, MIN (above.depth, 2));
    g_assert_cmpuint (cell.tokens[0], ==, above.tokens[0]);
  }
  g_assert_true (alitra_memory_patch_is_valid (memory, 0, 3));
  g_assert_false (alitra_memory_patch_is_valid (memory, 0, 4));

  /* Another size cannot be meant. */
  other.slices = 7;
  other.frame_number = KEY + 1;
  other.model = alitra_model_get_number (model);
  alitra_packet_write_lost (&other, left);
  g_assert_false (alitra_detokenizer_decode (detokenizer, left->data, left->len,
          NULL));
  g_assert_true (decode (detokenizer, packets[KEY + 1], NULL));
  free_packets (packets);
}

/* A packet that follows by its number but belongs to another stream is found out by the memory's checksum. */
static void
test_foreign_packet (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  GBytes *own[FRAMES], *foreign[FRAMES];
  guint found = 0;

  make_packets (model, 150, 100, 0, own);
  make_packets (model, 150, 100, 30, foreign);
  for (guint i = 1; i < KEY; i++) {
    g_autoptr (AlitraDetokenizer) detokenizer =
        alitra_detokenizer_new (model, 1);
    g_autoptr (GError) error = NULL;

    for (guint k = 0; k < i; k++)
      g_assert_true (decode (detokenizer, own[k], NULL));
    /* What contradicts the memory is lost; what does not is found out. */
    g_assert_true (decode (detokenizer, foreign[i], &error));
    found += loss_of (detokenizer).mismatch;
    g_assert_cmpuint (loss_of (detokenizer).cells, >, 0);
    g_assert_true (decode (detokenizer, own[KEY], NULL));
    g_assert_true (decode (detokenizer, own[KEY + 1], NULL));
    g_assert_cmpuint (loss_of (detokenizer).cells, ==, 0);
  }
  g_test_message ("%u of %u by their checksum", found, KEY - 1);
  g_assert_cmpuint (found, >, 0);
  free_packets (own);
  free_packets (foreign);
}

/* Trimmed packets carry no checksum; nothing is compared before all cells that they changed were made anew. */
static void
test_trimmed_packets (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 1);
  g_autoptr (GByteArray) trimmed = g_byte_array_new ();
  GBytes *packets[FRAMES];
  GError *error = NULL;

  make_packets (model, 220, 180, 0, packets);
  for (guint i = 0; i < FRAMES; i++) {
    gsize size;
    const guint8 *data = g_bytes_get_data (packets[i], &size);

    g_assert_true (alitra_packet_trim (data, size, 1, trimmed, &error));
    g_assert_no_error (error);
    if (i == 0 || i == 2) {
      alitra_detokenizer_decode (detokenizer, trimmed->data, trimmed->len,
          &error);
    } else {
      decode (detokenizer, packets[i], &error);
    }
    g_assert_no_error (error);
  }
  free_packets (packets);
}

static void
test_damaged_packets (void)
{
  g_autoptr (AlitraModel) model = test_model ();
  GRand *random = g_rand_new_with_seed (17);
  GBytes *packets[FRAMES], *wide[FRAMES];
  guint noticed = 0, rounds = 0;

  make_packets (model, 150, 100, 0, packets);
  make_packets (model, 90, 300, 0, wide);
  for (guint round = 0; round < 400; round++) {
    g_autoptr (AlitraDetokenizer) detokenizer =
        alitra_detokenizer_new (model, 1);
    const guint victim = g_rand_int_range (random, 0, KEY);
    g_autofree guint8 *copy = NULL;
    guint32 before = 0;
    gsize size;

    for (guint i = 0; i < victim; i++)
      g_assert_true (decode (detokenizer, packets[i], NULL));
    copy =
        g_memdup2 (g_bytes_get_data (packets[victim], &size),
        g_bytes_get_size (packets[victim]));
    size = g_bytes_get_size (packets[victim]);
    if (round % 2)
      size = g_rand_int_range (random, 0, size);
    else
      for (guint n = g_rand_int_range (random, 1, 4); n > 0; n--)
        copy[g_rand_int_range (random, 0, size)] ^=
            1 << g_rand_int_range (random, 0, 8);
    if (victim > 0)
      before =
          alitra_memory_get_checksum (alitra_detokenizer_get_memory
          (detokenizer));
    rounds++;
    if (!alitra_detokenizer_decode (detokenizer, copy, size, NULL)) {
      noticed++;
      if (victim > 0)
        g_assert_cmphex (alitra_memory_get_checksum
            (alitra_detokenizer_get_memory (detokenizer)), ==, before);
    } else {
      noticed += loss_of (detokenizer).cells > 0;
    }
    if (round % 5 == 0)         /* and a stream of another size */
      g_assert_true (decode (detokenizer, wide[0], NULL));
    g_assert_true (decode (detokenizer, packets[KEY], NULL));
    g_assert_true (decode (detokenizer, packets[KEY + 1], NULL));
  }
  /* a flipped bit may be in what nobody checks, like the time; nearly all are not */
  g_assert_cmpuint (noticed, >=, rounds * 95 / 100);
  free_packets (packets);
  free_packets (wide);
  g_rand_free (random);
}

/* ---- models ---- */

static GBytes *
model_file (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("ALITRA_TEST_GOLDEN"),
      "allocator.safetensors", NULL);
  GError *error = NULL;
  char *data;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}

/* Whatever loads must work: a frame goes through it, or the tokenizer says why not. */
static gboolean
use_model (GBytes * bytes)
{
  const AlitraStreamInfo info = { 70, 50, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load_bytes (bytes, &error);
  g_autoptr (AlitraTokenizer) tokenizer = NULL;
  AlitraSettings settings;
  TestPicture *picture;
  TestStream *stream;

  g_assert_true ((model == NULL) == (error != NULL));
  if (!model)
    return FALSE;
  tokenizer = alitra_tokenizer_new (model, &info, 1, &error);
  g_assert_true ((tokenizer == NULL) == (error != NULL));
  if (!tokenizer)
    return FALSE;
  stream = test_stream_new (model, 70, 50, 1);
  picture = test_picture_new (ALITRA_PIXEL_I420, 70, 50, 0, FALSE);
  alitra_settings_init (&settings);
  for (guint i = 0; i < 3; i++) {
    settings.target_tokens = i == 2 ? 30 : 0;
    test_picture_draw_scene (picture, 3 * i);
    test_stream_frame (stream, picture, &settings, FALSE);
  }
  test_picture_free (picture);
  test_stream_free (stream);
  return TRUE;
}

static gsize
header_size (GBytes * bytes)
{
  const guint8 *data = g_bytes_get_data (bytes, NULL);

  return 8 + (data[0] | data[1] << 8 | data[2] << 16 | (gsize) data[3] << 24);
}

static void
test_cut_models (void)
{
  g_autoptr (GBytes) whole = model_file ();
  const gsize size = g_bytes_get_size (whole);

  g_assert_true (use_model (whole));
  for (guint i = 0; i < 64; i++) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (whole, 0, size * i / 64);

    g_assert_false (use_model (part));
  }
}

static void
test_damaged_models (void)
{
  g_autoptr (GBytes) whole = model_file ();
  GRand *random = g_rand_new_with_seed (29);
  const gsize header = header_size (whole);
  guint used = 0;

  for (guint round = 0; round < 600; round++) {
    gsize size;
    guint8 *copy =
        g_memdup2 (g_bytes_get_data (whole, NULL), g_bytes_get_size (whole));
    g_autoptr (GBytes) bytes =
        g_bytes_new_take (copy, g_bytes_get_size (whole));

    size = round % 2 ? header : g_bytes_get_size (whole);
    for (guint n = g_rand_int_range (random, 1, 5); n > 0; n--)
      copy[g_rand_int_range (random, 0, size)] =
          g_rand_int_range (random, 0, 256);
    used += use_model (bytes);
  }
  g_test_message ("%u damaged models could be used", used);
  g_assert_cmpuint (used, <, 600);
  g_rand_free (random);
}

/* Weights that are no numbers, at any place, are refused; the largest that are numbers must not break anything. */
static void
test_wild_weights (void)
{
  static const guint16 halves[] = { 0x7c00, 0xfc00, 0x7e01, 0x7bff, 0xfbff };
  g_autoptr (GBytes) whole = model_file ();
  const gsize size = g_bytes_get_size (whole), header = header_size (whole);

  for (guint i = 0; i < G_N_ELEMENTS (halves); i++) {
    for (guint place = 0; place < 24; place++) {
      guint8 *copy = g_memdup2 (g_bytes_get_data (whole, NULL), size);
      g_autoptr (GBytes) bytes = g_bytes_new_take (copy, size);
      const gsize at =
          header + ((size - header - 64) * place / 24 & ~(gsize) 63);

      for (guint k = 0; k < 16; k++) {
        copy[at + 2 * k] = halves[i] & 255;
        copy[at + 2 * k + 1] = halves[i] >> 8;
      }
      use_model (bytes);
    }
  }
}

static void
test_lengths (void)
{
  static const guint64 lengths[] =
      { 0, 1, 7, 1 << 20, G_MAXUINT32, (guint64) 1 << 40, G_MAXINT64,
    G_MAXUINT64
  };
  g_autoptr (GBytes) whole = model_file ();
  const gsize size = g_bytes_get_size (whole);

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    guint8 *copy = g_memdup2 (g_bytes_get_data (whole, NULL), size);
    g_autoptr (GBytes) bytes = g_bytes_new_take (copy, size);

    for (guint k = 0; k < 8; k++)
      copy[k] = lengths[i] >> (8 * k);
    g_assert_false (use_model (bytes));
  }
}

/* A model without an allocator, or with parts of another size: pictures can be made of its tokens, but none found. */
static void
test_missing_allocator (void)
{
  static const char *const names[] =
      { "allocator.grids.0.own", "allocator.grids.1.state",
    "allocator.grids.2.offset",
    "allocator.grids.2.parent"
  };
  g_autoptr (GBytes) whole = model_file ();
  const gsize size = g_bytes_get_size (whole), header = header_size (whole);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    guint8 *copy = g_memdup2 (g_bytes_get_data (whole, NULL), size);
    g_autoptr (GBytes) bytes = g_bytes_new_take (copy, size);
    char *name = g_strstr_len ((char *) copy + 8, header - 8, names[i]);
    const AlitraStreamInfo info = { 70, 50, 25, 1, 1, 1, {1, 2, 2, 2} };
    g_autoptr (AlitraModel) model = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_nonnull (name);
    name[0] = 'x';
    model = alitra_model_load_bytes (bytes, &error);
    g_assert_no_error (error);
    g_assert_null (alitra_tokenizer_new (model, &info, 1, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/robustness/formats", test_formats);
  g_test_add_func ("/robustness/strides", test_strides);
  g_test_add_func ("/robustness/large", test_large);
  g_test_add_func ("/robustness/wrong-sizes", test_wrong_sizes);
  g_test_add_func ("/robustness/no-picture-yet", test_no_picture_yet);
  g_test_add_func ("/robustness/lost-packet", test_lost_packet);
  g_test_add_func ("/robustness/join", test_join);
  g_test_add_func ("/robustness/foreign-packet", test_foreign_packet);
  g_test_add_func ("/robustness/trimmed-packets", test_trimmed_packets);
  g_test_add_func ("/robustness/damaged-packets", test_damaged_packets);
  g_test_add_func ("/robustness/cut-models", test_cut_models);
  g_test_add_func ("/robustness/damaged-models", test_damaged_models);
  g_test_add_func ("/robustness/wild-weights", test_wild_weights);
  g_test_add_func ("/robustness/lengths", test_lengths);
  g_test_add_func ("/robustness/missing-allocator", test_missing_allocator);
  return g_test_run ();
}
