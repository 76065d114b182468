/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The transformer: each kernel against plain loops, the whole against what PyTorch computes
 * (training/golden_classifier.py writes the vectors), files that are damaged, and classifiers over real memories. */
#define _GNU_SOURCE             /* memmem */
#include <alitra/classifier.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "attention.h"
#include "cover.h"
#include "drawing.h"
#include "floats.h"
#include "goldentransformer.h"
#include "memory.h"
#include "transformer.h"

static const char *const all_loops[] = { "plain", "avx2", "avx512" };

static AlitraTransformer *
golden_transformer (void)
{
  g_autoptr (GBytes) bytes = test_golden_transformer ();
  GError *error = NULL;
  AlitraTransformer *transformer = alitra_transformer_load_bytes (bytes,
      &error);

  g_assert_no_error (error);
  return transformer;
}

static AlitraModel *
golden_model (void)
{
  g_autofree char *file = test_golden_path ("allocator.safetensors");
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (file, &error);

  g_assert_no_error (error);
  return model;
}

static float *
random_floats (gsize count, double most)
{
  float *floats = alitra_floats_new (count);

  for (gsize i = 0; i < count; i++)
    floats[i] = g_test_rand_double_range (-most, most);
  return floats;
}

static gboolean
set_loops (gconstpointer name)
{
  if (alitra_matrix_set_loops (name))
    return TRUE;
  g_test_skip ("this machine cannot run them");
  return FALSE;
}

/* --- kernels ---------------------------------------------------------------------------------------------------- */

static void
test_softmax (gconstpointer loops)
{
  static const guint sizes[] = { 1, 3, 16, 37, 200 };

  if (!set_loops (loops))
    return;
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint n = sizes[s];
    float *in = random_floats (n, 40), *out = alitra_floats_new (n + 1), sum;
    double exact = 0;

    in[0] = -100;
    in[n / 2] = 90;             /* the largest; some are too far below it */
    memcpy (out, in, n * sizeof (float));
    out[n] = 7;
    sum = alitra_matrix_softmax (out, n);
    for (guint i = 0; i < n; i++)
      exact += in[i] - 90.f < -87 ? 0 : exp (in[i] - 90.f);
    g_assert_cmpfloat (fabs (sum - exact), <=, 1e-5 * exact);
    for (guint i = 0; i < n; i++) {
      const double want = in[i] - 90.f < -87 ? 0 : exp (in[i] - 90.f) / exact;

      g_assert_cmpfloat (fabs (out[i] - want), <=, 1e-6 * want + FLT_MIN);
    }
    g_assert_cmpfloat (out[n], ==, 7);
    out[n / 2] = NAN;
    g_assert_false (isfinite (alitra_matrix_softmax (out, n)));
    alitra_floats_free (in);
    alitra_floats_free (out);
  }
}

static void
test_turn_panel (gconstpointer loops)
{
  static const guint sizes[][2] =
      { {1, 1}, {7, 12}, {16, 32}, {32, 19}, {31, 48} };

  if (!set_loops (loops))
    return;
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint rows = sizes[s][0], inputs = sizes[s][1], stride = inputs + 3;
    float *in = random_floats (rows * stride, 40);
    const guint whole = alitra_matrix_whole_vectors (rows);
    const gsize numbers = (gsize) inputs * ALITRA_PANEL + 1;
    float *before = random_floats (numbers, 40);
    float *panel = alitra_floats_new (numbers);

    memcpy (panel, before, numbers * sizeof (float));
    alitra_matrix_turn_panel (in, stride, rows, inputs, .3f, panel);
    for (gsize i = 0; i < numbers; i++) {
      const gsize k = i / ALITRA_PANEL, r = i % ALITRA_PANEL;

      g_assert_cmpfloat (panel[i], ==,
          k == inputs || r >= whole ? before[i] : r < rows ? in[r * stride +
              k] * .3f : 0.f);
    }
    alitra_floats_free (in);
    alitra_floats_free (before);
    alitra_floats_free (panel);
  }
}

static void
test_gelu (gconstpointer loops)
{
  float *in, *out;

  if (!set_loops (loops))
    return;
  in = random_floats (1003, 6);
  out = alitra_floats_new (1004);
  in[0] = 0;
  in[1] = 50;
  in[2] = -50;
  memcpy (out, in, 1003 * sizeof (float));
  out[1003] = 7;
  alitra_matrix_gelu (out, 1003);
  for (guint i = 0; i < 1003; i++)
    g_assert_cmpfloat (fabs (out[i] - .5 * in[i] * erfc (-in[i] * M_SQRT1_2)),
        <, 2e-6);
  g_assert_cmpfloat (out[1003], ==, 7);
  alitra_floats_free (in);
  alitra_floats_free (out);
}

static void
test_norm (gconstpointer loops)
{
  enum
  { ROWS = 5, SIZE = 43 };      /* whole vectors, and some */
  float *in, *gain, *bias, *out;

  if (!set_loops (loops))
    return;
  in = random_floats (ROWS * SIZE, 3);
  gain = random_floats (SIZE, 2);
  bias = random_floats (SIZE, 2);
  out = alitra_floats_new (ROWS * SIZE);
  alitra_layer_norm (ROWS, SIZE, in, gain, bias, out);
  for (guint r = 0; r < ROWS; r++) {
    double mean = 0, variance = 0;

    for (guint i = 0; i < SIZE; i++)
      mean += in[r * SIZE + i] / (double) SIZE;
    for (guint i = 0; i < SIZE; i++)
      variance += pow (in[r * SIZE + i] - mean, 2) / SIZE;
    for (guint i = 0; i < SIZE; i++)
      g_assert_cmpfloat (fabs (out[r * SIZE + i] - bias[i] - gain[i]
              * (in[r * SIZE + i] - mean) / sqrt (variance + 1e-5)), <, 1e-5);
  }
  alitra_floats_free (in);
  alitra_floats_free (gain);
  alitra_floats_free (bias);
  alitra_floats_free (out);
}

/* Row `i` of attention in double precision. */
static void
exact_attention (guint rows, guint size, const float *query, const float *key,
    const float *value, gsize stride, guint i, double *out)
{
  double sum = 0;

  memset (out, 0, size * sizeof (double));
  for (guint j = 0; j < rows; j++) {
    double score = 0;

    for (guint k = 0; k < size; k++)
      score += (double) query[i * stride + k] * key[j * stride + k];
    score = exp (score / sqrt (size));
    sum += score;
    for (guint k = 0; k < size; k++)
      out[k] += score * value[j * stride + k];
  }
  for (guint k = 0; k < size; k++)
    out[k] /= sum;
}

static void
check_attention (guint rows, guint size)
{
  const gsize stride = 3 * size + 5, out_stride = size + 3;
  float *in = random_floats (rows * stride, 2);
  float *out = alitra_floats_new (rows * out_stride);
  float *scratch = alitra_floats_new (alitra_attention_scratch (rows, size));
  double *want = g_new (double, size);

  alitra_attention_run (rows, size, in, in + size, in + 2 * size, stride, out,
      out_stride, scratch);
  for (guint i = 0; i < rows; i++) {
    exact_attention (rows, size, in, in + size, in + 2 * size, stride, i, want);
    for (guint k = 0; k < size; k++)
      g_assert_cmpfloat (fabs (out[i * out_stride + k] - want[k]), <, 1e-5);
    for (guint k = size; k < out_stride; k++)
      g_assert_cmpfloat (out[i * out_stride + k], ==, 0);
  }
  alitra_floats_free (in);
  alitra_floats_free (out);
  alitra_floats_free (scratch);
  g_free (want);
}

static void
test_attention (gconstpointer loops)
{
  if (!set_loops (loops))
    return;
  check_attention (1, 8);
  check_attention (16, 32);
  check_attention (33, 8);
  check_attention (40, 32);
  check_attention (200, 33);
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

typedef struct
{
  GBytes *bytes;
  guint sequences, labels;
  guint *starts;
  AlitraTransformerInput *inputs;
  float *looks, *scores;
} Golden;

static guint32
take_number (const guint8 ** at)
{
  const guint32 number = (*at)[0] | (*at)[1] << 8 | (*at)[2] << 16
      | (guint32) (*at)[3] << 24;

  *at += 4;
  return number;
}

static float
take_float (const guint8 ** at)
{
  const guint32 bits = take_number (at);
  float value;

  memcpy (&value, &bits, 4);
  return value;
}

static Golden
golden_new (guint vectors)
{
  g_autoptr (GBytes) bytes = test_golden_bytes ("transformer.bin");
  const guint8 *at = g_bytes_get_data (bytes, NULL);
  Golden golden = { 0 };
  guint rows;

  golden.sequences = take_number (&at);
  golden.labels = take_number (&at);
  golden.starts = g_new0 (guint, golden.sequences + 1);
  for (guint s = 0; s < golden.sequences; s++)
    golden.starts[s + 1] = golden.starts[s] + take_number (&at);
  rows = golden.starts[golden.sequences];
  golden.inputs = g_new0 (AlitraTransformerInput, rows);
  for (guint i = 0; i < rows; i++) {
    golden.inputs[i].level = *at++;
    golden.inputs[i].depth = *at++;
    golden.inputs[i].x = take_float (&at);
    golden.inputs[i].y = take_float (&at);
  }
  golden.looks = alitra_floats_new ((gsize) rows * vectors);
  for (guint i = 0; i < rows * vectors; i++)
    golden.looks[i] = take_float (&at);
  golden.scores = alitra_floats_new (golden.sequences * golden.labels);
  for (guint i = 0; i < golden.sequences * golden.labels; i++)
    golden.scores[i] = take_float (&at);
  return golden;
}

static void
golden_clear (Golden * golden)
{
  g_free (golden->starts);
  g_free (golden->inputs);
  alitra_floats_free (golden->looks);
  alitra_floats_free (golden->scores);
}

static void
test_golden (gconstpointer loops)
{
  g_autoptr (AlitraTransformer) transformer = NULL;
  AlitraWorkers *workers;
  AlitraTransformerRoom *room;
  float *scores;
  Golden golden;

  if (!set_loops (loops))
    return;
  transformer = golden_transformer ();
  golden = golden_new (transformer->vectors);
  g_assert_cmpuint (golden.labels, ==,
      alitra_transformer_get_count (transformer));
  workers = alitra_workers_new (2);
  room = alitra_transformer_room_new (transformer, workers);
  scores = alitra_floats_new (golden.sequences * golden.labels);
  alitra_transformer_run (room, golden.sequences, golden.starts, golden.inputs,
      golden.looks, scores);
  for (guint i = 0; i < golden.sequences * golden.labels; i++)
    g_assert_cmpfloat (fabsf (scores[i] - golden.scores[i]), <, 2e-4);
  alitra_transformer_room_free (room);
  alitra_workers_free (workers);
  alitra_floats_free (scores);
  golden_clear (&golden);
}

/* A sequence by itself gives the bits that it gives among others. */
static void
test_alone (void)
{
  g_autoptr (AlitraTransformer) transformer = golden_transformer ();
  Golden golden = golden_new (transformer->vectors);
  AlitraWorkers *workers = alitra_workers_new (1);
  AlitraTransformerRoom *room = alitra_transformer_room_new (transformer,
      workers);
  float *together = alitra_floats_new (golden.sequences * golden.labels);
  float *alone = alitra_floats_new (golden.labels);

  alitra_transformer_run (room, golden.sequences, golden.starts, golden.inputs,
      golden.looks, together);
  for (guint s = 0; s < golden.sequences; s++) {
    const guint first = golden.starts[s];
    const guint starts[2] = { 0, golden.starts[s + 1] - first };

    alitra_transformer_run (room, 1, starts, golden.inputs + first,
        golden.looks + (gsize) first * transformer->vectors, alone);
    g_assert_cmpmem (alone, golden.labels * sizeof (float),
        together + s * golden.labels, golden.labels * sizeof (float));
  }
  alitra_transformer_room_free (room);
  alitra_workers_free (workers);
  alitra_floats_free (together);
  alitra_floats_free (alone);
  golden_clear (&golden);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static void
test_properties (void)
{
  g_autoptr (AlitraTransformer) transformer = golden_transformer ();
  g_autoptr (AlitraModel) model = golden_model ();
  g_autoptr (AlitraTransformer) again = g_boxed_copy (ALITRA_TYPE_TRANSFORMER,
      transformer);

  g_assert_true (again == transformer);
  g_assert_true (g_str_has_prefix (alitra_transformer_get_id (transformer),
          "alitra-classify-test-"));
  g_assert_cmphex (alitra_transformer_get_model (transformer), ==,
      alitra_model_get_number (model));
  g_assert_cmpstr (alitra_transformer_get_label (transformer, 0), ==, "apple");
  g_assert_cmpstr (alitra_transformer_get_label (transformer, 6), ==, "grass");
}

/* The golden file with a piece of its header replaced by one of the same length. */
static GBytes *
edited (const char *piece, const char *other)
{
  g_autoptr (GBytes) bytes = test_golden_transformer ();
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
check_refused (GBytes * bytes, const char *word)
{
  GError *error = NULL;

  g_assert_null (alitra_transformer_load_bytes (bytes, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID);
  if (!strstr (error->message, word))
    g_error ("expected \"%s\" in: %s", word, error->message);
  g_error_free (error);
  g_bytes_unref (bytes);
}

static void
test_refused (void)
{
  check_refused (test_golden_bytes ("allocator.safetensors"),
      "is it a transformer");
  check_refused (edited ("\\\"heads\\\": 5", "\\\"heads\\\": 7"), "heads");
  check_refused (edited ("\\\"heads\\\": 5", "\\\"heads\\\": 0"), "heads");
  check_refused (edited ("\\\"dim\\\": 40", "\\\"dim\\\": 80"), "should be");
  check_refused (edited ("\\\"layers\\\": 2", "\\\"layers\\\": 3"),
      "blocks.2.norm1.weight is missing");
  check_refused (edited ("\\\"apple\\\"", "{       }"), "label 0");
  check_refused (edited ("\\\"apple\\\", \\\"boat\\\"",
          "\\\"apple or a boat\\\""), "should be 6x40, got 7x40");
  check_refused (edited ("\\\"format\\\": 2", "\\\"format\\\": 1"), "format");
  check_refused (edited ("\\\"waves\\\": 4", "\\\"waves\\\": 5"), "waves");
}

/* Whatever byte is wrong: an error or a transformer, never a crash. */
static void
test_damaged (void)
{
  g_autoptr (GBytes) bytes = test_golden_transformer ();
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (guint round = 0; round < 300; round++) {
    guint8 *copy = g_memdup2 (data, size);
    gsize length = g_test_rand_bit ()? size : g_test_rand_int_range (0, size);
    g_autoptr (GBytes) damaged = NULL;
    g_autoptr (AlitraTransformer) transformer = NULL;
    g_autoptr (GError) error = NULL;

    for (guint i = 0; i < 4; i++)
      copy[g_test_rand_int_range (0, i < 2 ? 5000 : (gint) size)] =
          g_test_rand_int_range (0, 256);
    damaged = g_bytes_new_take (copy, length);
    transformer = alitra_transformer_load_bytes (damaged, &error);
    g_assert_true (!transformer == (error != NULL));
  }
}

/* --- classifiers ------------------------------------------------------------------------------------------------ */

typedef struct
{
  AlitraModel *model;
  AlitraTransformer *transformer;
  AlitraTokenizer *tokenizer[2];
  const AlitraMemory *memory[2];
} Frames;

static Frames
frames_new (void)
{
  const guint sizes[2][2] = { {200, 130}, {333, 217} };
  Frames frames = { golden_model (), golden_transformer () };
  g_autoptr (GByteArray) packet = g_byte_array_new ();

  for (guint i = 0; i < 2; i++) {
    const guint width = sizes[i][0], height = sizes[i][1];
    const AlitraStreamInfo info = { width, height, 25, 1, 1, 1, {1, 2, 2, 2} };
    TestPicture *picture = test_picture_new (ALITRA_PIXEL_I420, width, height,
        0, FALSE);
    AlitraSettings settings;

    alitra_settings_init (&settings);
    settings.target_tokens = 100 + 80 * i;
    test_picture_draw_scene (picture, i);
    frames.tokenizer[i] = alitra_tokenizer_new (frames.model, &info, 1, NULL);
    g_assert_true (alitra_tokenizer_encode (frames.tokenizer[i],
            &picture->frame, &settings, TRUE, 0, packet, NULL, NULL));
    frames.memory[i] = alitra_tokenizer_get_memory (frames.tokenizer[i]);
    test_picture_free (picture);
  }
  return frames;
}

static void
frames_clear (Frames * frames)
{
  for (guint i = 0; i < 2; i++)
    alitra_tokenizer_free (frames->tokenizer[i]);
  alitra_transformer_unref (frames->transformer);
  alitra_model_unref (frames->model);
}

static AlitraClassifier *
classifier_new (const Frames * frames, guint threads)
{
  GError *error = NULL;
  AlitraClassifier *classifier =
      alitra_classifier_new (frames->transformer, frames->model, threads,
      &error);

  g_assert_no_error (error);
  return classifier;
}

static void
classify (AlitraClassifier * classifier, const AlitraMemory * const *memories,
    guint count, guint max_cells, gfloat * scores)
{
  GError *error = NULL;

  alitra_classifier_run (classifier, memories, count, max_cells, scores,
      &error);
  g_assert_no_error (error);
}

/* The same numbers for one frame and for many, on one thread and on more; they are parts of 1. */
static void
test_batch (void)
{
  enum
  { LABELS = 7 };
  Frames frames = frames_new ();
  AlitraClassifier *one = classifier_new (&frames, 1);
  AlitraClassifier *three = classifier_new (&frames, 3);
  gfloat alone[2 * LABELS], together[2 * LABELS];

  for (guint max_cells = 0; max_cells < 60; max_cells += 25) {
    for (guint i = 0; i < 2; i++)
      classify (one, &frames.memory[i], 1, max_cells, alone + i * LABELS);
    classify (three, frames.memory, 2, max_cells, together);
    g_assert_cmpmem (alone, sizeof (alone), together, sizeof (together));
    for (guint i = 0; i < 2; i++) {
      gfloat sum = 0;

      for (guint k = 0; k < LABELS; k++)
        sum += alone[i * LABELS + k];
      g_assert_cmpfloat (fabsf (sum - 1), <, 1e-5);
    }
  }
  alitra_classifier_free (one);
  alitra_classifier_free (three);
  frames_clear (&frames);
}

typedef struct
{
  AlitraTransformer *transformer;
  AlitraTokenVectors *vectors;
  const AlitraMemory *memory;
} Walk;

/* What the tokens of a cell and of those above it add up to. */
static guint
walk_up (const Walk * walk, guint level, guint column, guint row, float *look)
{
  const guint size = walk->transformer->vectors;
  float *part = alitra_floats_new (size), *sum = alitra_floats_new (size);
  AlitraCell cell;

  memset (look, 0, size * sizeof (float));
  if (level < ALITRA_LEVELS - 1) {
    walk_up (walk, level + 1, column / 2, row / 2, part);
    alitra_matrix_multiply (&walk->transformer->quarters[row % 2 * 2
            + column % 2], 1, part, size, look, size, ALITRA_END_STORE);
  }
  alitra_memory_get_cell (walk->memory, level, column, row, &cell);
  for (guint t = 0; t < cell.depth; t++) {
    gint32 id = cell.tokens[t];
    guint8 at_level = level, depth = t;
    const AlitraTokenTable table = { 1, &id, &at_level, NULL, &depth, NULL };

    alitra_token_vectors_fill (walk->vectors, &table, 1, part);
    for (guint k = 0; k < size; k++)
      sum[k] += part[k];
  }
  alitra_matrix_multiply (&walk->transformer->own[level], 1, sum, size, look,
      size, ALITRA_END_ADD);
  alitra_floats_free (part);
  alitra_floats_free (sum);
  return cell.depth;
}

static guint
tokens_below (const AlitraMemory * memory, guint level, guint column, guint row)
{
  guint tokens = 0;

  for (guint i = 0; level > 0 && i < 4; i++) {
    const guint x = 2 * column + i % 2, y = 2 * row + i / 2;
    AlitraCell cell;

    alitra_memory_get_cell (memory, level - 1, x, y, &cell);
    tokens += cell.depth + tokens_below (memory, level - 1, x, y);
  }
  return tokens;
}

/* A cell of the frame, and whether it stays whole. */
typedef struct
{
  guint level, column, row, below;
  gboolean whole;
} Cell;

static void
add_cell (GArray * cells, const AlitraMemory * memory, guint level,
    guint column, guint row)
{
  const Cell cell = { level, column, row, tokens_below (memory, level, column,
        row), level == 0
  };

  g_array_append_val (cells, cell);
}

static void
add_level (GArray * cells, const AlitraMemory * memory, guint level)
{
  guint columns, rows;

  alitra_memory_get_grid (memory, level, &columns, &rows);
  for (guint i = 0; i < columns * rows; i++)
    add_cell (cells, memory, level, i % columns, i / columns);
}

/* The one to be quartered next: with the most tokens below it, of equals the coarsest, then the first. */
static Cell *
next_cell (GArray * cells)
{
  Cell *next = NULL;

  for (guint i = 0; i < cells->len; i++) {
    Cell *cell = &g_array_index (cells, Cell, i);

    if (!cell->whole && (!next || cell->below > next->below
            || (cell->below == next->below && (cell->level > next->level
                    || (cell->level == next->level && (cell->row < next->row
                            || (cell->row == next->row
                                && cell->column < next->column)))))))
      next = cell;
  }
  return next;
}

/* One cell after the other becomes its quarters, and the first of them stay beside these: as many as there is room for. */
static void
quarter_some (GArray * cells, const AlitraMemory * memory, guint times,
    guint stay)
{
  Cell *next;

  for (guint n = 0; n < times && (next = next_cell (cells)) != NULL; n++) {
    const Cell cell = *next;

    for (guint i = 0; i < 4; i++)
      add_cell (cells, memory, cell.level - 1, 2 * cell.column + i % 2,
          2 * cell.row + i / 2);
    next = next_cell (cells);   /* the array may lie elsewhere now */
    g_assert_true (next->level == cell.level && next->row == cell.row
        && next->column == cell.column);
    next->whole = TRUE;
    if (n >= stay)
      g_array_remove_index (cells, next - (Cell *) cells->data);
  }
}

/* As many as there is room for: up to 256 cells as parts that do not overlap, but for those for which places are left; of more,
 * all that are quartered stay. */
static void
quarter_cells (GArray * cells, const AlitraMemory * memory, guint most)
{
  const guint coarsest = cells->len;
  guint times = 0, stay = 0;

  while (times < coarsest * 5   /* all that have quarters */
      && coarsest + (most > 256 ? 4 : 3) * (times + 1) <= most)
    times++;
  while (stay < times && coarsest + 3 * times + stay < most)
    stay++;
  quarter_some (cells, memory, times, stay);
}

/* The cells that stand for a frame; most = 0: all of them. */
static GArray *
find_cells (const AlitraMemory * memory, guint most)
{
  GArray *cells = g_array_new (FALSE, FALSE, sizeof (Cell));

  for (guint level = ALITRA_LEVELS; level-- > 0;) {
    add_level (cells, memory, level);
    if (most > 0)
      break;
  }
  if (most > 0)
    quarter_cells (cells, memory, most);
  return cells;
}

/* The inputs of a frame, found by walking through its cells one by one: with them the transformer must say the same. */
static void
walk_cells (const Walk * walk, guint most, GArray * inputs, GArray * looks)
{
  const AlitraMemory *memory = walk->memory;
  const guint size = walk->transformer->vectors;
  float *look = alitra_floats_new (size);
  GArray *cells = find_cells (memory, most);

  for (guint i = 0; i < cells->len; i++) {
    const Cell *cell = &g_array_index (cells, Cell, i);
    const AlitraTransformerInput input = { cell->level,
      walk_up (walk, cell->level, cell->column, cell->row, look),
      (cell->column + .5f) * (16 << cell->level) / memory->width,
      (cell->row + .5f) * (16 << cell->level) / memory->height
    };

    g_array_append_val (inputs, input);
    g_array_append_vals (looks, look, size);
  }
  g_array_unref (cells);
  alitra_floats_free (look);
}

/* Where there is room for no more than some of the coarsest cells, these have the most tokens in and below them. */
static void
test_few_cells (void)
{
  Frames frames = frames_new ();
  const AlitraMemory *memory = frames.memory[0];
  AlitraCover *cover = alitra_cover_new ();
  g_autoptr (GArray) chosen = g_array_new (FALSE, FALSE,
      sizeof (AlitraCovering));
  const guint level = ALITRA_LEVELS - 1;
  guint columns, rows, least = G_MAXUINT, more = 0;

  alitra_memory_get_grid (memory, level, &columns, &rows);
  alitra_cover_choose (cover, memory, 4, chosen);
  g_assert_cmpuint (chosen->len, ==, 4);
  g_assert_cmpuint (columns * rows, >, 4);
  for (guint i = 0; i < 4; i++) {
    const AlitraCovering *one = &g_array_index (chosen, AlitraCovering, i);
    AlitraCell cell;

    g_assert_cmpuint (one->level, ==, level);
    alitra_memory_get_cell (memory, level, one->cell % columns,
        one->cell / columns, &cell);
    least = MIN (least, cell.depth + tokens_below (memory, level,
            one->cell % columns, one->cell / columns));
  }
  for (guint i = 0; i < columns * rows; i++) {
    AlitraCell cell;

    alitra_memory_get_cell (memory, level, i % columns, i / columns, &cell);
    more += cell.depth + tokens_below (memory, level, i % columns,
        i / columns) > least;
  }
  g_assert_cmpuint (more, <, 4);
  alitra_cover_free (cover);
  frames_clear (&frames);
}

static void
test_inputs (void)
{
  enum
  { LABELS = 7 };
  Frames frames = frames_new ();
  AlitraClassifier *classifier = classifier_new (&frames, 1);
  AlitraWorkers *workers = alitra_workers_new (1);
  AlitraTransformerRoom *room = alitra_transformer_room_new
      (frames.transformer, workers);
  Walk walk = { frames.transformer, alitra_token_vectors_new (frames.model) };

  for (guint i = 0; i < 11; i++) {
    static const guint at_most[] = { 0, 25, 61, 100, 150, 300 };
    g_autoptr (GArray) inputs = g_array_new (FALSE, FALSE,
        sizeof (AlitraTransformerInput));
    g_autoptr (GArray) looks = g_array_new (FALSE, FALSE, sizeof (gfloat));
    const guint most = at_most[i / 2];
    guint starts[2] = { 0, 0 };
    gfloat scores[LABELS], exact[LABELS];
    double sum = 0;

    walk.memory = frames.memory[(i + 1) % 2];
    walk_cells (&walk, most, inputs, looks);
    g_assert_true (most == 0 || inputs->len <= most);
    starts[1] = inputs->len;
    alitra_transformer_run (room, 1, starts, (gpointer) inputs->data,
        (gpointer) looks->data, exact);
    classify (classifier, &walk.memory, 1, most, scores);
    for (guint k = 0; k < LABELS; k++)
      sum += exp (exact[k]);
    for (guint k = 0; k < LABELS; k++)
      g_assert_cmpfloat (fabs (scores[k] - exp (exact[k]) / sum), <, 1e-4);
  }
  alitra_token_vectors_unref (walk.vectors);
  alitra_transformer_room_free (room);
  alitra_workers_free (workers);
  alitra_classifier_free (classifier);
  frames_clear (&frames);
}

static void
test_empty (void)
{
  enum
  { LABELS = 7 };
  Frames frames = frames_new ();
  AlitraClassifier *classifier = classifier_new (&frames, 1);
  const guint depth[ALITRA_LEVELS] = { 4, 4, 4 };
  AlitraMemory *empty = alitra_memory_new (64, 64, depth);
  const AlitraMemory *memories[2] = { empty, frames.memory[0] };
  gfloat scores[2 * LABELS], alone[LABELS];

  classify (classifier, memories, 2, 0, scores);
  classify (classifier, &memories[1], 1, 0, alone);
  for (guint k = 0; k < LABELS; k++)
    g_assert_cmpfloat (fabsf (scores[k] - 1.f / LABELS), <, 1e-6);
  g_assert_cmpmem (scores + LABELS, sizeof (alone), alone, sizeof (alone));
  alitra_memory_free (empty);
  alitra_classifier_free (classifier);
  frames_clear (&frames);
}

/* Weights that are finite, and what comes of them is not. */
static void
test_overflow (void)
{
  const float large[] = { 1e30f, INFINITY, NAN };
  gfloat scores[7];

  for (guint i = 0; i < G_N_ELEMENTS (large); i++) {
    Frames frames = frames_new ();
    AlitraClassifier *classifier = classifier_new (&frames, 1);
    g_autoptr (GError) error = NULL;

    frames.transformer->head.start[3] = large[i];
    g_assert_cmpint (alitra_classifier_run (classifier, frames.memory, 1, 0,
            scores, &error), ==, i == 0);
    if (i > 0)
      g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID);
    else
      g_assert_cmpfloat (scores[3], ==, 1.f);
    alitra_classifier_free (classifier);
    frames_clear (&frames);
  }
}

static void
test_wrong_model (void)
{
  g_autoptr (AlitraTransformer) transformer = golden_transformer ();
  g_autofree char *file = test_golden_path ("model.safetensors");
  g_autoptr (AlitraModel) other = alitra_model_load (file, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (other);
  g_assert_null (alitra_classifier_new (transformer, other, 1, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH);
  g_assert_nonnull (strstr (error->message, alitra_model_get_id (other)));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    GTestDataFunc function;
  } with_loops[] =
      { {"softmax", test_softmax}, {"turn-panel", test_turn_panel}, {"gelu",
      test_gelu},
  {"norm", test_norm}, {"attention", test_attention}, {"golden", test_golden}
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (with_loops); i++)
    for (guint l = 0; l < G_N_ELEMENTS (all_loops); l++) {
      g_autofree char *path = g_strdup_printf ("/transformer/%s/%s",
          with_loops[i].name, all_loops[l]);

      g_test_add_data_func (path, all_loops[l], with_loops[i].function);
    }
  g_test_add_func ("/transformer/alone", test_alone);
  g_test_add_func ("/transformer/properties", test_properties);
  g_test_add_func ("/transformer/refused", test_refused);
  g_test_add_func ("/transformer/damaged", test_damaged);
  g_test_add_func ("/classifier/batch", test_batch);
  g_test_add_func ("/classifier/few-cells", test_few_cells);
  g_test_add_func ("/classifier/inputs", test_inputs);
  g_test_add_func ("/classifier/empty", test_empty);
  g_test_add_func ("/classifier/overflow", test_overflow);
  g_test_add_func ("/classifier/wrong-model", test_wrong_model);
  return g_test_run ();
}
