/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The generator: what it thinks of cells against what PyTorch computes (training/golden_generator.py writes the vectors),
 * whether it draws as it thinks, the frames that come of it, and files that are damaged. */
#define _GNU_SOURCE             /* memmem */
#include <alitra/detokenizer.h>
#include <alitra/generator.h>
#include <math.h>
#include <string.h>

#include "matrix.h"
#include "floats.h"
#include "goldentransformer.h"
#include "tiles.h"

static const char *const all_loops[] = { "plain", "avx2", "avx512" };

static AlitraModel *
golden_model (void)
{
  g_autofree char *file = test_golden_path ("allocator.safetensors");
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (file, &error);

  g_assert_no_error (error);
  return model;
}

static gboolean
set_loops (gconstpointer name)
{
  if (alitra_matrix_set_loops (name))
    return TRUE;
  g_test_skip ("this machine cannot run them");
  return FALSE;
}

/* --- what it thinks --------------------------------------------------------------------------------------------- */

typedef struct
{
  AlitraModel *model;
  AlitraGeneratorModel *weights;
  AlitraWorkers *workers;
  AlitraTiles *tiles;
} Inside;

static Inside
inside_new (guint tiles)
{
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  GError *error = NULL;
  Inside inside = { golden_model () };

  inside.weights = alitra_generator_model_load (bytes, inside.model, &error);
  g_assert_no_error (error);
  inside.workers = alitra_workers_new (2);
  inside.tiles = alitra_tiles_new (inside.weights, inside.model,
      inside.workers, tiles);
  return inside;
}

static void
inside_clear (Inside * inside)
{
  alitra_tiles_free (inside->tiles);
  alitra_workers_free (inside->workers);
  alitra_generator_model_free (inside->weights);
  alitra_model_unref (inside->model);
}

static void
take (const guint8 ** at, gpointer to, gsize size)
{
  memcpy (to, *at, size);
  *at += size;
}

static guint
take_number (const guint8 ** at)
{
  guint32 number;

  take (at, &number, 4);
  return GUINT32_FROM_LE (number);
}

static void
put_tokens (AlitraTiles * tiles, guint cell, guint count, const guint8 ** at)
{
  for (guint i = 0; i < count; i++) {
    guint16 token;

    take (at, &token, 2);
    alitra_tiles_put (tiles, 0, cell, i, GUINT16_FROM_LE (token));
  }
}

static void
check_floats (const float *got, guint count, const guint8 ** at)
{
  for (guint i = 0; i < count; i++) {
    union
    {
      guint32 bits;
      float number;
    } want = { take_number (at) };

    g_assert_cmpfloat (fabsf (got[i] - want.number), <, 5e-4);
  }
}

/* Scores of the ids of one token; the cell is unknown again afterwards. */
static void
check_question (Inside * inside, guint level, const guint8 ** at)
{
  const guint codes = inside->weights->level[level].codes;
  const guint cell = take_number (at), turn = take_number (at);
  const guint depth = take_number (at);
  float *scores = alitra_floats_new (codes + 1);
  AlitraTile *tile = alitra_tiles_get (inside->tiles, 0);
  AlitraTile others = *tile;

  put_tokens (inside->tiles, cell, turn, at);
  alitra_tiles_token_scores (inside->tiles, 0, cell, turn, depth, 1, scores);
  check_floats (scores, codes + 1, at);
  /* Forgets one cell only: all known ones are put again. */
  alitra_tiles_forget (inside->tiles, 0, 0);
  for (guint i = 0; i < ALITRA_TILE_CELLS; i++)
    for (gint t = 0; t < others.depth[i]; t++)
      alitra_tiles_put (inside->tiles, 0, i, t, others.tokens[i][t]);
  memcpy (tile->depth, others.depth, sizeof (others.depth));
  alitra_floats_free (scores);
}

static void
check_case (Inside * inside, guint level, const guint8 ** at)
{
  const guint first = alitra_tiles_first (level);
  const guint end = first + alitra_tiles_columns (level)
      * alitra_tiles_columns (level);
  AlitraTile *tile = alitra_tiles_get (inside->tiles, 0);
  AlitraGeneration generation;
  guint questions;

  alitra_generation_init (&generation);
  generation.label = (gint32) take_number (at);
  generation.tokens = take_number (at);
  alitra_tiles_forget (inside->tiles, 0, 0);
  take (at, tile->depth, sizeof (tile->depth));
  for (guint i = 0; i < ALITRA_TILE_CELLS; i++)
    put_tokens (inside->tiles, i, MAX (tile->depth[i], 0), at);
  alitra_tiles_begin (inside->tiles, &generation);
  alitra_tiles_look (inside->tiles, level);
  for (guint i = first; i < end; i++) {
    float scores[ALITRA_MAX_DEPTH + 1];

    alitra_tiles_depth_scores (inside->tiles, 0, i, 0, scores);
    check_floats (scores, inside->weights->level[level].depth + 1, at);
  }
  questions = take_number (at);
  g_assert_cmpuint (questions, >, 0);
  for (guint i = 0; i < questions; i++)
    check_question (inside, level, at);
}

static void
test_golden (gconstpointer loops)
{
  g_autoptr (GBytes) bytes = test_golden_bytes ("generator.bin");
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size), *at = data;
  Inside inside;

  if (!set_loops (loops))
    return;
  inside = inside_new (1);
  for (guint l = ALITRA_LEVELS; l-- > 0;)
    check_case (&inside, l, &at);
  g_assert_cmpuint (at - data, ==, size);
  inside_clear (&inside);
}

/* Over many pictures the first cell is as deep as often as its scores say. */
static void
test_chances (void)
{
  enum
  { TILES = 64, ROUNDS = 60 };
  Inside inside = inside_new (TILES);
  const guint count = inside.weights->level[2].depth + 1;
  float chances[ALITRA_MAX_DEPTH + 1];
  guint found[ALITRA_MAX_DEPTH + 1] = { 0 };
  AlitraGeneration generation;

  alitra_generation_init (&generation);
  generation.tokens = 90;
  generation.steps = 1;
  alitra_tiles_begin (inside.tiles, &generation);
  alitra_tiles_look (inside.tiles, 2);
  alitra_tiles_depth_scores (inside.tiles, 0, 0, 0, chances);
  alitra_matrix_softmax (chances, count);
  for (guint round = 0; round < ROUNDS; round++) {
    generation.seed = round;
    alitra_tiles_forget (inside.tiles, 0, 0);
    g_assert_true (alitra_tiles_draw (inside.tiles, &generation));
    for (guint t = 0; t < TILES; t++)
      found[alitra_tiles_get (inside.tiles, t)->depth[0]]++;
  }
  for (guint i = 0; i < count; i++) {
    const double n = TILES * ROUNDS, spread = sqrt (n * chances[i]
        * (1 - chances[i]));

    g_assert_cmpfloat (fabs (found[i] - n * chances[i]), <=, 5 * spread + 1);
  }
  inside_clear (&inside);
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static AlitraGenerator *
generator_new (guint width, guint height, guint threads)
{
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  g_autoptr (AlitraModel) model = golden_model ();
  AlitraStreamInfo info;
  GError *error = NULL;
  AlitraGenerator *generator = alitra_generator_new_from_bytes (bytes, model,
      threads, &error);

  g_assert_no_error (error);
  alitra_stream_info_init (&info, width, height);
  g_assert_true (alitra_generator_set_stream (generator, &info, NULL));
  return generator;
}

static GBytes *
generate (AlitraGenerator * generator, const AlitraGeneration * generation)
{
  GError *error = NULL;
  GBytes *packet = alitra_generator_run_bytes (generator, generation,
      ALITRA_PACKET_NO_PTS, &error);

  g_assert_no_error (error);
  return packet;
}

static guint
tokens_of (const AlitraMemory * memory, guint level)
{
  guint columns, rows, tokens = 0;

  alitra_memory_get_grid (memory, level, &columns, &rows);
  for (guint row = 0; row < rows; row++)
    for (guint column = 0; column < columns; column++) {
      AlitraCell cell;

      alitra_memory_get_cell (memory, level, column, row, &cell);
      tokens += cell.depth;
    }
  return tokens;
}

/* The same picture alone, among others, and with any number of threads and any loops; another seed, label, temperature or
 * number of steps gives another one. */
static void
test_same_seed (void)
{
  g_autoptr (AlitraGenerator) one = generator_new (128, 128, 1);
  g_autoptr (AlitraGenerator) three = generator_new (128, 128, 3);
  g_autoptr (AlitraGeneration) generation = alitra_generation_new ();
  g_autoptr (GBytes) first = NULL;

  generation->label = 2;
  generation->seed = 12345;
  generation->guidance = 1.5;
  first = generate (one, generation);
  alitra_generator_set_stream (one, &(AlitraStreamInfo) {
        128, 128, 0, 1, 1, 1, {
        0, 2, 2, 2}
      }, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    g_autoptr (AlitraGenerator) other = NULL;
    g_autoptr (GBytes) again = NULL;

    if (!alitra_matrix_set_loops (all_loops[i]))
      continue;
    other = generator_new (128, 128, 2);
    again = generate (other, generation);
    g_assert_true (g_bytes_equal (first, again));
  }
  for (guint i = 0; i < 5; i++) {
    g_autoptr (AlitraGeneration) changed = alitra_generation_copy (generation);
    g_autoptr (GBytes) again = NULL;

    changed->seed += i == 1;
    changed->label -= i == 2;
    changed->temperature = i == 3 ? .3 : 1;
    changed->steps = i == 4 ? 1 : 8;
    again = generate (three, changed);
    alitra_generator_set_stream (three, &(AlitraStreamInfo) {
          128, 128, 0, 1, 1, 1, {
          0, 2, 2, 2}
        }
        , NULL);
    g_assert_true (g_bytes_equal (first, again) == (i == 0));
  }
}

static void
test_tiles (void)
{
  g_autoptr (AlitraGenerator) small = generator_new (128, 128, 1);
  g_autoptr (AlitraGenerator) large = generator_new (384, 256, 2);
  g_autoptr (AlitraGeneration) generation = alitra_generation_new ();
  g_autoptr (GBytes) packet = generate (small, generation);
  g_autoptr (GBytes) other = generate (large, generation);
  const AlitraMemory *a = alitra_generator_get_memory (small);
  const AlitraMemory *b = alitra_generator_get_memory (large);
  gboolean differs = FALSE;

  for (guint row = 0; row < 8; row++)
    for (guint column = 0; column < 8; column++) {
      AlitraCell one, same, next;

      alitra_memory_get_cell (a, 0, column, row, &one);
      alitra_memory_get_cell (b, 0, column, row, &same);
      alitra_memory_get_cell (b, 0, column + 8, row + 8, &next);
      g_assert_cmpmem (one.tokens, one.depth * 2, same.tokens, same.depth * 2);
      differs |= next.depth != one.depth;
    }
  g_assert_true (differs);
}

/* What it makes can be decoded and shown, and holds no more tokens than it may. */
static void
test_decodes (void)
{
  g_autoptr (AlitraGenerator) generator = generator_new (256, 128, 2);
  g_autoptr (AlitraModel) model = golden_model ();
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 1);
  g_autoptr (AlitraGeneration) generation = alitra_generation_new ();
  g_autoptr (AlitraFrame) frame = alitra_frame_new (ALITRA_PIXEL_I420, FALSE,
      256, 128, NULL);
  GError *error = NULL;

  for (guint i = 0; i < 20; i++) {
    const guint budgets[] = { 24, 60, 90, 0 };
    const guint budget = budgets[i % 4] ? budgets[i % 4] : 90;
    g_autoptr (GBytes) packet = NULL;
    const AlitraMemory *made, *read;
    AlitraPacketInfo info;
    AlitraLoss loss;
    gsize size;
    const guint8 *data;

    generation->seed = i;
    generation->label = (gint) (i % 6) - 1;
    generation->tokens = budgets[i % 4];
    generation->steps = 1 + i % 3 * 40;
    generation->temperature = i % 5 * .5;
    generation->keep = i % 7 == 3 ? .6 : 0;
    packet = generate (generator, generation);
    data = g_bytes_get_data (packet, &size);
    g_assert_cmpint (alitra_packet_read_info (data, size, &info), ==,
        ALITRA_PACKET_OK);
    g_assert_cmpint (info.key, ==, generation->keep == 0);
    g_assert_cmpuint (info.frame_number, ==, i);
    g_assert_true (alitra_detokenizer_decode (detokenizer, data, size, &error));
    g_assert_no_error (error);
    alitra_detokenizer_get_loss (detokenizer, &loss);
    g_assert_cmpuint (loss.cells, ==, 0);
    made = alitra_generator_get_memory (generator);
    read = alitra_detokenizer_get_memory (detokenizer);
    g_assert_cmpuint (alitra_memory_get_checksum (made), ==,
        alitra_memory_get_checksum (read));
    if (generation->keep == 0)
      g_assert_cmpuint (tokens_of (made, 0) + tokens_of (made,
              1) + tokens_of (made, 2), <=, 2 * budget);
    g_assert_true (alitra_detokenizer_render (detokenizer, 0, frame, &error));
    g_assert_no_error (error);
  }
}

/* keep: 64-cells stay; so do 32-cells with all below them, about as many as was asked for. */
static void
test_keep (void)
{
  g_autoptr (AlitraGenerator) generator = generator_new (512, 512, 2);
  g_autoptr (AlitraGeneration) generation = alitra_generation_new ();
  g_autoptr (AlitraMemory) before = NULL;
  g_autoptr (GBytes) packet = generate (generator, generation);
  const AlitraMemory *after;
  guint same = 0, columns, rows;

  before = alitra_generator_dup_memory (generator);
  after = alitra_generator_get_memory (generator);
  generation->seed = 1;
  generation->keep = .75;
  g_clear_pointer (&packet, g_bytes_unref);
  packet = generate (generator, generation);
  alitra_memory_get_grid (after, 2, &columns, &rows);
  for (guint row = 0; row < rows; row++)
    for (guint column = 0; column < columns; column++) {
      AlitraCell a, b;

      alitra_memory_get_cell (before, 2, column, row, &a);
      alitra_memory_get_cell (after, 2, column, row, &b);
      g_assert_cmpmem (a.tokens, 2 * a.depth, b.tokens, 2 * b.depth);
      g_assert_cmpuint (b.kept, ==, b.depth);
    }
  alitra_memory_get_grid (after, 1, &columns, &rows);
  for (guint row = 0; row < rows; row++)
    for (guint column = 0; column < columns; column++) {
      gboolean kept = TRUE;

      for (guint i = 0; i < 4; i++) {
        AlitraCell a, b;

        alitra_memory_get_cell (before, 0, 2 * column + i % 2, 2 * row + i / 2,
            &a);
        alitra_memory_get_cell (after, 0, 2 * column + i % 2, 2 * row + i / 2,
            &b);
        kept &= a.depth == b.depth
            && memcmp (a.tokens, b.tokens, 2 * a.depth) == 0;
      }
      same += kept;
    }
  g_assert_cmpuint (same, <, columns * rows);
  g_assert_cmpfloat (same, >, .6 * columns * rows);

  /* All of it: a packet that says that nothing changed. */
  generation->keep = 1;
  g_clear_pointer (&packet, g_bytes_unref);
  packet = generate (generator, generation);
  g_assert_cmpuint (g_bytes_get_size (packet), <, 64);
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

static void
test_arguments (void)
{
  g_autoptr (AlitraGenerator) generator = generator_new (128, 128, 1);
  const guint sizes[][2] = { {0, 128}, {127, 128}, {128, 129}, {1152, 128} };
  g_autoptr (GByteArray) packet = g_byte_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GError) error = NULL;
    AlitraStreamInfo info;

    alitra_stream_info_init (&info, sizes[i][0], sizes[i][1]);
    g_assert_false (alitra_generator_set_stream (generator, &info, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  }
  for (guint i = 0; i < 10; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (AlitraGeneration) wrong = alitra_generation_new ();

    wrong->label = i == 0 ? 5 : i == 1 ? -2 : 0;
    wrong->tokens = i == 2 ? 23 : i == 3 ? 91 : 90;
    wrong->steps = i == 4 ? 0 : 3;
    wrong->temperature = i == 5 ? -1 : i == 6 ? NAN : 1;
    wrong->guidance = i == 7 ? INFINITY : 0;
    wrong->keep = i == 8 ? 1.5 : i == 9 ? NAN : 0;
    g_assert_false (alitra_generator_run (generator, wrong, 0, packet, &error));
    g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  }
}

static void
test_labels (void)
{
  g_autoptr (AlitraGenerator) generator = generator_new (128, 128, 1);
  guint least, most;

  g_assert_cmpuint (alitra_generator_get_count (generator), ==, 5);
  g_assert_cmpstr (alitra_generator_get_label (generator, 4), ==, "egg");
  g_assert_cmpint (alitra_generator_find_label (generator, "Boat"), ==, 1);
  g_assert_cmpint (alitra_generator_find_label (generator, "goat"), ==, -1);
  alitra_generator_get_tokens (generator, &least, &most);
  g_assert_cmpuint (least, ==, 24);
  g_assert_cmpuint (most, ==, 90);
  g_assert_true (g_str_has_prefix (alitra_generator_get_id (generator),
          "alitra-generate-test-"));
}

static void
check_refused (GBytes * bytes, AlitraError code, const char *word)
{
  g_autoptr (AlitraModel) model = golden_model ();
  GError *error = NULL;

  g_assert_null (alitra_generator_new_from_bytes (bytes, model, 1, &error));
  g_assert_error (error, ALITRA_ERROR, (gint) code);
  if (!strstr (error->message, word))
    g_error ("expected \"%s\" in: %s", word, error->message);
  g_error_free (error);
  g_bytes_unref (bytes);
}

/* The golden file with a piece of its header replaced by one of the same length. */
static GBytes *
edited (const char *piece, const char *other)
{
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  char *copy = g_memdup2 (data, size), *at;

  g_assert_cmpuint (strlen (piece), ==, strlen (other));
  at = memmem (copy, size, piece, strlen (piece));
  g_assert_nonnull (at);
  memcpy (at, other, strlen (other));
  return g_bytes_new_take (copy, size);
}

static void
test_refused (void)
{
  const AlitraError invalid = ALITRA_ERROR_MODEL_INVALID;

  check_refused (test_golden_bytes ("allocator.safetensors"), invalid, "size");
  check_refused (test_golden_transformer (), invalid, "size");
  check_refused (edited ("\\\"heads\\\": 3", "\\\"heads\\\": 7"), invalid,
      "heads");
  check_refused (edited ("\\\"dim\\\": 24", "\\\"dim\\\": 48"), invalid,
      "should be");
  check_refused (edited ("\\\"size\\\": 128", "\\\"size\\\": 256"), invalid,
      "size");
  check_refused (edited ("\\\"tokens\\\": [24", "\\\"tokens\\\": [94"),
      invalid, "least");
  check_refused (edited ("\\\"features\\\": 9", "\\\"features\\\": 8"),
      invalid, "should be");
  check_refused (edited ("\\\"apple\\\"", "{       }"), invalid, "label 0");
  /* As drawn, unbound: for a model with another number. */
  check_refused (edited ("\\\"model\\\": \\\"", "\\\"madel\\\": \\\""),
      invalid, "number of the model");
}

static void
test_other_model (void)
{
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  g_autofree char *file = test_golden_path ("model.safetensors");
  g_autoptr (AlitraModel) model = alitra_model_load (file, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (model);
  g_assert_null (alitra_generator_new_from_bytes (bytes, model, 1, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH);
}

/* Whatever byte is wrong: an error, or a generator that makes frames or says that its numbers overflow. */
static void
test_damaged (void)
{
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  g_autoptr (AlitraModel) model = golden_model ();
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  g_autoptr (AlitraGeneration) generation = alitra_generation_new ();
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  AlitraStreamInfo info;

  alitra_stream_info_init (&info, 128, 128);
  for (guint round = 0; round < 300; round++) {
    guint8 *copy = g_memdup2 (data, size);
    gsize length = g_test_rand_int_range (0, 8) ? size :
        (gsize) g_test_rand_int_range (0, size);
    g_autoptr (GBytes) damaged = NULL;
    g_autoptr (AlitraGenerator) generator = NULL;
    g_autoptr (GError) error = NULL;

    for (guint i = 0; i < 4; i++)
      copy[g_test_rand_int_range (0, i < 1 ? 5000 : (gint) size)] =
          g_test_rand_int_range (0, 256);
    damaged = g_bytes_new_take (copy, length);
    generator = alitra_generator_new_from_bytes (damaged, model, 1, &error);
    g_assert_true (!generator == (error != NULL));
    if (!generator)
      continue;
    g_assert_true (alitra_generator_set_stream (generator, &info, NULL));
    g_assert_true (alitra_generator_run (generator, generation, 0, packet,
            &error) == (error == NULL));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    g_autofree char *name = g_strdup_printf ("/generator/golden/%s",
        all_loops[i]);

    g_test_add_data_func (name, all_loops[i], test_golden);
  }
  g_test_add_func ("/generator/chances", test_chances);
  g_test_add_func ("/generator/same-seed", test_same_seed);
  g_test_add_func ("/generator/tiles", test_tiles);
  g_test_add_func ("/generator/decodes", test_decodes);
  g_test_add_func ("/generator/keep", test_keep);
  g_test_add_func ("/generator/arguments", test_arguments);
  g_test_add_func ("/generator/labels", test_labels);
  g_test_add_func ("/generator/refused", test_refused);
  g_test_add_func ("/generator/other-model", test_other_model);
  g_test_add_func ("/generator/damaged", test_damaged);
  return g_test_run ();
}
