/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The public functions used wrongly: NULL, wrong order, wrong sizes, no memory. What the documents forbid is refused
 * with a critical warning and changes nothing; what they allow works; what data can cause is an error. */
#include <alitra/alitra.h>

#include <math.h>
#include <string.h>
#include <sys/resource.h>

/* Runs a statement that must be refused with one critical warning. */
#define REFUSED(statement) \
  G_STMT_START { \
    g_test_expect_message ("alitra", G_LOG_LEVEL_CRITICAL, "*assertion*failed*"); \
    statement; \
    g_test_assert_expected_messages (); \
  } G_STMT_END

#define WIDTH 80
#define HEIGHT 70

typedef struct
{
  AlitraModel *model;
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  AlitraFrame *frame;
  GByteArray *packet;
} Fixture;

static void
set_up (Fixture * f, gconstpointer unused)
{
  AlitraStreamInfo info;
  GError *error = NULL;

  alitra_stream_info_init (&info, WIDTH, HEIGHT);
  f->model = alitra_model_load (NULL, &error);
  g_assert_no_error (error);
  f->tokenizer = alitra_tokenizer_new (f->model, &info, 1, &error);
  g_assert_no_error (error);
  f->detokenizer = alitra_detokenizer_new (f->model, 1);
  f->frame = alitra_frame_new (ALITRA_PIXEL_I420, FALSE, WIDTH, HEIGHT, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    f->frame->data[0][i] = i % WIDTH * 2 + 20;
  f->packet = g_byte_array_new ();
}

static void
tear_down (Fixture * f, gconstpointer unused)
{
  alitra_tokenizer_unref (f->tokenizer);
  alitra_detokenizer_unref (f->detokenizer);
  alitra_frame_free (f->frame);
  alitra_model_unref (f->model);
  g_byte_array_unref (f->packet);
}

static void
encode (Fixture * f)
{
  GError *error = NULL;

  g_assert_true (alitra_tokenizer_encode (f->tokenizer, f->frame, NULL, FALSE,
          ALITRA_PACKET_NO_PTS, f->packet, NULL, &error));
  g_assert_no_error (error);
}

/* The stream goes on as if nothing had been. */
static void
assert_unharmed (Fixture * f)
{
  GError *error = NULL;

  encode (f);
  g_assert_true (alitra_detokenizer_decode (f->detokenizer, f->packet->data,
          f->packet->len, &error));
  g_assert_no_error (error);
  g_assert_true (alitra_detokenizer_render (f->detokenizer, 0, f->frame,
          &error));
  g_assert_no_error (error);
}

static void
assert_error (gboolean result, GError ** error, gint code)
{
  g_assert_false (result);
  g_assert_error (*error, ALITRA_ERROR, code);
  /* what was expected or is wrong, what to do */
  g_assert_cmpuint (strlen ((*error)->message), >, 20);
  g_clear_error (error);
}

static void
test_null_allowed (Fixture * f, gconstpointer unused)
{
  guint columns;

  alitra_model_unref (NULL);
  alitra_tokenizer_unref (NULL);
  alitra_tokenizer_free (NULL);
  alitra_detokenizer_unref (NULL);
  alitra_detokenizer_free (NULL);
  alitra_memory_free (NULL);
  alitra_frame_free (NULL);
  alitra_settings_free (NULL);
  alitra_stream_info_free (NULL);
  alitra_token_table_free (NULL);
  alitra_token_vectors_unref (NULL);
  alitra_token_vectors_free (NULL);
  alitra_transformer_unref (NULL);
  alitra_classifier_unref (NULL);
  alitra_classifier_free (NULL);
  alitra_generator_unref (NULL);
  alitra_generation_free (NULL);
  alitra_version (NULL, NULL, NULL);
  /* errors that nobody wants to hear of */
  g_assert_null (alitra_model_load ("/nowhere/at/all", NULL));
  g_assert_null (alitra_frame_new (99, FALSE, 1, 1, NULL));
  g_assert_false (alitra_detokenizer_decode (f->detokenizer, NULL, 0, NULL));
  g_assert_false (alitra_detokenizer_render (f->detokenizer, 0, f->frame,
          NULL));
  /* no bytes at all */
  g_assert_cmpint (alitra_packet_read_info (NULL, 0, NULL), ==,
      ALITRA_PACKET_NEED_MORE);
  g_assert_cmpuint (alitra_packet_find (NULL, 0, 0), ==, 0);
  g_assert_false (alitra_packet_trim (NULL, 0, 1, f->packet, NULL));
  g_assert_false (alitra_packet_salvage (NULL, 0, f->packet, NULL));
  encode (f);
  alitra_memory_get_grid (alitra_tokenizer_get_memory (f->tokenizer), 0,
      &columns, NULL);
  g_assert_cmpuint (columns, ==, 8);
  alitra_memory_get_size (alitra_tokenizer_get_memory (f->tokenizer), NULL,
      NULL);
}

static void
test_null_forbidden (Fixture * f, gconstpointer unused)
{
  const AlitraMemory *memory = alitra_tokenizer_get_memory (f->tokenizer);
  AlitraStreamInfo info;
  GError *error = NULL;
  guint8 bgra[4];

  alitra_stream_info_init (&info, WIDTH, HEIGHT);
  REFUSED (alitra_model_load_bytes (NULL, &error));
  REFUSED (alitra_model_ref (NULL));
  REFUSED (alitra_model_get_id (NULL));
  REFUSED (alitra_model_get_path (NULL));
  REFUSED (alitra_model_get_number (NULL));
  REFUSED (alitra_model_get_max_depth (NULL, 0));
  REFUSED (alitra_model_get_codes (NULL, 0));
  REFUSED (alitra_tokenizer_new (NULL, &info, 1, &error));
  REFUSED (alitra_tokenizer_new (f->model, NULL, 1, &error));
  REFUSED (alitra_tokenizer_ref (NULL));
  REFUSED (alitra_tokenizer_get_memory (NULL));
  REFUSED (alitra_tokenizer_encode (NULL, f->frame, NULL, FALSE, 0, f->packet,
          NULL, &error));
  REFUSED (alitra_tokenizer_encode (f->tokenizer, NULL, NULL, FALSE, 0,
          f->packet, NULL, &error));
  REFUSED (alitra_tokenizer_encode (f->tokenizer, f->frame, NULL, FALSE, 0,
          NULL, NULL, &error));
  REFUSED (alitra_detokenizer_new (NULL, 1));
  REFUSED (alitra_detokenizer_ref (NULL));
  REFUSED (alitra_detokenizer_reset (NULL));
  REFUSED (alitra_detokenizer_decode (NULL, f->packet->data, 0, &error));
  REFUSED (alitra_detokenizer_decode (f->detokenizer, NULL, 5, &error));
  REFUSED (alitra_detokenizer_get_stream (NULL));
  REFUSED (alitra_detokenizer_get_memory (NULL));
  REFUSED (alitra_detokenizer_render (NULL, 0, f->frame, &error));
  REFUSED (alitra_detokenizer_render (f->detokenizer, 0, NULL, &error));
  REFUSED (alitra_packet_read_info (NULL, 5, NULL));
  REFUSED (alitra_packet_read_layout (NULL, 0, NULL));
  REFUSED (alitra_packet_find (NULL, 5, 0));
  REFUSED (alitra_packet_trim (NULL, 5, 1, f->packet, &error));
  REFUSED (alitra_packet_trim (NULL, 0, 1, NULL, &error));
  REFUSED (alitra_packet_trim (NULL, 0, 0, f->packet, &error));
  REFUSED (alitra_packet_salvage (NULL, 0, NULL, &error));
  REFUSED (alitra_packet_trim_bytes (NULL, 1, &error));
  REFUSED (alitra_packet_salvage_bytes (NULL, &error));
  REFUSED (alitra_memory_copy (NULL));
  REFUSED (alitra_memory_get_checksum (NULL));
  REFUSED (alitra_memory_get_density (NULL, 0, 0));
  REFUSED (alitra_memory_get_tokens (memory, 0, 0, 0, NULL));
  REFUSED (alitra_memory_get_cell (memory, 0, 0, 0, NULL));
  REFUSED (alitra_overlay_draw (NULL, 0, .5, bgra, 4, 1, 1));
  REFUSED (alitra_overlay_draw (memory, 0, .5, NULL, 4, 1, 1));
  REFUSED (alitra_overlay_draw_bytes (NULL, 0, .5));
  REFUSED (alitra_overlay_colour (1, FALSE, NULL));
  REFUSED (alitra_overlay_age_colour (1, NULL));
  REFUSED (alitra_settings_init (NULL));
  REFUSED (alitra_settings_copy (NULL));
  REFUSED (alitra_stream_info_init (NULL, 1, 1));
  REFUSED (alitra_stream_info_copy (NULL));
  REFUSED (alitra_frame_copy (NULL));
  REFUSED (alitra_frame_get_plane (NULL, 0, &error));
  REFUSED (alitra_frame_set_plane (f->frame, 0, NULL, 0, &error));
  REFUSED (alitra_token_table_copy (NULL));
  REFUSED (alitra_token_table_fill (NULL, memory, ALITRA_TOKENS_ALL));
  REFUSED (alitra_token_vectors_new (NULL));
  REFUSED (alitra_token_vectors_get_size (NULL));
  REFUSED (alitra_token_vectors_fill (NULL, NULL, 0, NULL));
  REFUSED (alitra_classifier_new (NULL, f->model, 1, &error));
  REFUSED (alitra_transformer_get_id (NULL));
  REFUSED (alitra_generator_new (NULL, NULL, 1, &error));
  REFUSED (alitra_generator_new_from_bytes (NULL, f->model, 1, &error));
  REFUSED (alitra_generator_run_bytes (NULL, NULL, 0, &error));
  REFUSED (alitra_generator_get_memory (NULL));
  REFUSED (alitra_generation_init (NULL));
  REFUSED (alitra_generation_copy (NULL));
  /* what is refused is no error that a program could handle */
  g_assert_no_error (error);
  assert_unharmed (f);
}

static void
test_wrong_order (Fixture * f, gconstpointer unused)
{
  GError *error = NULL;

  assert_error (alitra_detokenizer_render (f->detokenizer, 0, f->frame, &error),
      &error, ALITRA_ERROR_NEEDS_KEY);
  g_assert_null (alitra_detokenizer_get_stream (f->detokenizer));
  g_assert_null (alitra_detokenizer_get_memory (f->detokenizer));
  g_assert_null (alitra_detokenizer_dup_stream (f->detokenizer));
  g_assert_null (alitra_detokenizer_dup_memory (f->detokenizer));
  alitra_detokenizer_reset (f->detokenizer);
  encode (f);
  encode (f);                   /* the key packet is gone */
  assert_error (alitra_detokenizer_decode (f->detokenizer, f->packet->data,
          f->packet->len, &error), &error, ALITRA_ERROR_NEEDS_KEY);
  g_assert_true (alitra_tokenizer_encode (f->tokenizer, f->frame, NULL, TRUE,
          0, f->packet, NULL, &error));
  g_assert_true (alitra_detokenizer_decode (f->detokenizer, f->packet->data,
          f->packet->len, &error));
  assert_unharmed (f);
}

static void
test_wrong_sizes (Fixture * f, gconstpointer unused)
{
  const AlitraMemory *memory;
  AlitraFrame view = *f->frame;
  GError *error = NULL;
  guint8 pixels[16];
  guint bytes, rows;

  assert_unharmed (f);
  memory = alitra_tokenizer_get_memory (f->tokenizer);
  view.width--;
  assert_error (alitra_tokenizer_encode (f->tokenizer, &view, NULL, FALSE, 0,
          f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  view = *f->frame;
  view.format = 1000;
  assert_error (alitra_tokenizer_encode (f->tokenizer, &view, NULL, FALSE, 0,
          f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  view = *f->frame;
  view.data[1] = NULL;
  assert_error (alitra_tokenizer_encode (f->tokenizer, &view, NULL, FALSE, 0,
          f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  view = *f->frame;
  view.stride[0] = WIDTH - 1;
  assert_error (alitra_tokenizer_encode (f->tokenizer, &view, NULL, FALSE, 0,
          f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  view.stride[0] = G_MININT;
  view.data[0] = NULL;
  assert_error (alitra_tokenizer_encode (f->tokenizer, &view, NULL, FALSE, 0,
          f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  REFUSED (alitra_memory_get_grid (memory, ALITRA_LEVELS, &bytes, &rows));
  REFUSED (alitra_memory_get_density (memory, 8, 0));
  REFUSED (alitra_memory_get_density (memory, 0, G_MAXUINT));
  REFUSED (alitra_memory_get_tokens (memory, 2, 2, 0, &bytes));
  REFUSED (alitra_model_get_max_depth (f->model, ALITRA_LEVELS));
  REFUSED (alitra_overlay_draw (memory, 0, .5, pixels, 3, 1, 1));
  REFUSED (alitra_overlay_draw (memory, 0, .5, pixels, 4, 0, 1));
  g_assert_false (alitra_frame_get_plane_size (f->frame, 3, &bytes, &rows));
  g_assert_cmpuint (bytes + rows, ==, 0);
  g_assert_false (alitra_frame_get_plane_size (f->frame, G_MAXUINT, NULL,
          NULL));
  assert_unharmed (f);
}

static void
test_wrong_frames (void)
{
  static const guint sizes[][2] =
      { {0, 1}, {1, 0}, {8193, 1}, {1, 8193}, {G_MAXUINT, G_MAXUINT} };
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    assert_error (alitra_frame_new (ALITRA_PIXEL_BGRX, FALSE, sizes[i][0],
            sizes[i][1], &error) != NULL, &error, ALITRA_ERROR_ARGUMENT);
  for (guint format = ALITRA_PIXEL_I420; format <= ALITRA_PIXEL_BGRX; format++) {
    g_autoptr (AlitraFrame) frame =
        alitra_frame_new (format, FALSE, 5, 3, &error);
    guint bytes, rows, planes = 0;

    for (; alitra_frame_get_plane_size (frame, planes, &bytes, &rows); planes++) {
      const gsize size = bytes * rows;
      g_autoptr (GBytes) samples = g_bytes_new_take (g_malloc0 (size), size);
      g_autoptr (GBytes) few = g_bytes_new_from_bytes (samples, 0, size - 1);

      g_assert_true (alitra_frame_set_plane (frame, planes, samples, 0,
              &error));
      assert_error (alitra_frame_set_plane (frame, planes, few, 0, &error),
          &error, ALITRA_ERROR_ARGUMENT);
      assert_error (alitra_frame_set_plane (frame, planes, samples, bytes - 1,
              &error), &error, ALITRA_ERROR_ARGUMENT);
      assert_error (alitra_frame_set_plane (frame, planes, samples,
              G_MAXSIZE, &error), &error, ALITRA_ERROR_ARGUMENT);
    }
    g_assert_cmpuint (planes, >=, 1);
    assert_error (alitra_frame_get_plane (frame, planes, &error) != NULL,
        &error, ALITRA_ERROR_ARGUMENT);
  }
}

static void
test_wrong_settings (Fixture * f, gconstpointer unused)
{
  g_autoptr (AlitraSettings) settings = alitra_settings_new ();
  AlitraStreamInfo info;
  GError *error = NULL;

  settings->quality = NAN;
  assert_error (alitra_tokenizer_encode (f->tokenizer, f->frame, settings,
          FALSE, 0, f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  alitra_settings_init (settings);
  settings->allocation = 77;
  assert_error (alitra_tokenizer_encode (f->tokenizer, f->frame, settings,
          FALSE, 0, f->packet, NULL, &error), &error, ALITRA_ERROR_ARGUMENT);
  /* absurd, but numbers */
  alitra_settings_init (settings);
  settings->quality = -1e30;
  settings->max_depth = G_MAXUINT;
  settings->reuse_threshold = 1e30;
  g_assert_true (alitra_tokenizer_encode (f->tokenizer, f->frame, settings,
          TRUE, G_MAXUINT64, f->packet, NULL, &error));
  alitra_settings_init (settings);
  settings->target_tokens = G_MAXUINT;
  g_assert_true (alitra_tokenizer_encode (f->tokenizer, f->frame, settings,
          TRUE, 0, f->packet, NULL, &error));
  memset (&info, 0, sizeof info);
  assert_error (alitra_tokenizer_new (f->model, &info, 1, &error) != NULL,
      &error, ALITRA_ERROR_ARGUMENT);
  /* so many threads nobody has */
  alitra_stream_info_init (&info, WIDTH, HEIGHT);
  alitra_tokenizer_unref (alitra_tokenizer_new (f->model, &info, G_MAXUINT,
          &error));
  g_assert_no_error (error);
  alitra_detokenizer_decode (f->detokenizer, f->packet->data, f->packet->len,
      &error);
  g_assert_no_error (error);
  assert_unharmed (f);
}

/* Copies do not depend on what they are copies of. */
static void
test_copies (Fixture * f, gconstpointer unused)
{
  AlitraFrame view = *f->frame;
  AlitraMemory *memory;
  AlitraFrame *copy;
  guint32 checksum;
  AlitraTokenTable *table, *same;
  guint count;

  encode (f);
  memory = alitra_tokenizer_dup_memory (f->tokenizer);
  checksum = alitra_memory_get_checksum (memory);
  /* a view upside down is the same picture in other places */
  view.data[0] += (HEIGHT - 1) * view.stride[0];
  view.stride[0] = -view.stride[0];
  copy = alitra_frame_copy (&view);
  g_assert_cmpmem (copy->data[0], WIDTH, view.data[0], WIDTH);
  g_assert_cmpint (copy->stride[0], ==, WIDTH);
  memset (f->frame->data[0], 200, WIDTH * HEIGHT);
  g_assert_cmpint (copy->data[0][0], !=, 200);
  encode (f);
  g_assert_cmphex (alitra_memory_get_checksum (memory), ==, checksum);
  g_assert_cmphex (alitra_memory_get_checksum (alitra_tokenizer_get_memory
          (f->tokenizer)), !=, checksum);
  count = alitra_token_table_fill (&(AlitraTokenTable) {
      0}, memory, ALITRA_TOKENS_ALL);
  table = alitra_token_table_new (count);
  g_assert_cmpuint (alitra_token_table_fill (table, memory, ALITRA_TOKENS_ALL),
      ==, count);
  same = alitra_token_table_copy (table);
  g_assert_cmpmem (same->ids, 4 * count, table->ids, 4 * count);
  g_assert_cmpmem (same->depths, count, table->depths, count);
  REFUSED (alitra_token_table_get_column (table, ALITRA_TOKEN_COLUMN_IDS,
          count + 1));
  REFUSED (alitra_token_table_get_column (table, 55, count));
  alitra_token_table_free (table);
  alitra_token_table_free (same);
  alitra_memory_free (memory);
  alitra_frame_free (copy);
  /* a frame without planes stays one */
  memset (view.data, 0, sizeof view.data);
  copy = alitra_frame_copy (&view);
  g_assert_null (copy->data[0]);
  alitra_frame_free (copy);
}

/* References keep things alive. */
static void
test_references (Fixture * f, gconstpointer unused)
{
  AlitraTokenizer *tokenizer = alitra_tokenizer_ref (f->tokenizer);
  AlitraDetokenizer *detokenizer = g_boxed_copy (ALITRA_TYPE_DETOKENIZER,
      f->detokenizer);

  g_assert_true (tokenizer == f->tokenizer);
  g_assert_true (detokenizer == f->detokenizer);
  alitra_tokenizer_unref (tokenizer);
  g_boxed_free (ALITRA_TYPE_DETOKENIZER, detokenizer);
  assert_unharmed (f);
}

static void
test_names (void)
{
  g_assert_cmpstr (g_quark_to_string (ALITRA_ERROR), ==, "alitra-error-quark");
  g_assert_cmpstr (g_type_name (ALITRA_TYPE_TOKENIZER), ==, "AlitraTokenizer");
  g_assert_cmpstr (g_type_name (ALITRA_TYPE_FRAME), ==, "AlitraFrame");
}

/* Programs that were compiled against an earlier version hand over records of these sizes. A field that is new takes
 * its room from `reserved`. */
static void
test_sizes (void)
{
  if (sizeof (gpointer) != 8) {
    g_test_skip ("the sizes are those of 64 bits");
    return;
  }
  g_assert_cmpuint (sizeof (AlitraSettings), ==, 256);
  g_assert_cmpuint (sizeof (AlitraFrameStats), ==, 192);
  g_assert_cmpuint (sizeof (AlitraPacketInfo), ==, 160);
  g_assert_cmpuint (sizeof (AlitraLoss), ==, 64);
  g_assert_cmpuint (sizeof (AlitraFrame), ==, 56);
  g_assert_cmpuint (sizeof (AlitraStreamInfo), ==, 28);
  g_assert_cmpuint (sizeof (AlitraTokenTable), ==, 48);
}

/* ---- no memory ---- */

/* In a process of its own, which may have only a little more memory than it has now. */
static void
limit_memory (gsize more)
{
  struct rlimit limit;
  g_autofree gchar *status = NULL;
  const gchar *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL,
          NULL));
  line = strstr (status, "VmSize:");
  g_assert_nonnull (line);
  limit.rlim_cur = limit.rlim_max =
      g_ascii_strtoull (line + 7, NULL, 10) * 1024 + more;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
}

static void
test_no_memory (Fixture * f, gconstpointer unused)
{
  GError *error = NULL;

  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    return;
  }
  assert_unharmed (f);
  limit_memory (32 << 20);
  assert_error (alitra_frame_new (ALITRA_PIXEL_BGRX, TRUE, 8192, 8192,
          &error) != NULL, &error, ALITRA_ERROR_NO_MEMORY);
  assert_unharmed (f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) \
  g_test_add ("/abuse/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("null-allowed", test_null_allowed);
  ADD ("null-forbidden", test_null_forbidden);
  ADD ("wrong-order", test_wrong_order);
  ADD ("wrong-sizes", test_wrong_sizes);
  ADD ("wrong-settings", test_wrong_settings);
  ADD ("copies", test_copies);
  ADD ("references", test_references);
  ADD ("no-memory", test_no_memory);
  g_test_add_func ("/abuse/wrong-frames", test_wrong_frames);
  g_test_add_func ("/abuse/names", test_names);
  g_test_add_func ("/abuse/sizes", test_sizes);
  return g_test_run ();
}
