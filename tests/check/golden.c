/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Analysis, quantizer and synthesis against what the Python model computes (training/golden.py writes the vectors). */
#include <math.h>
#include <string.h>

#include "analysis.h"
#include "floats.h"
#include "matrix.h"
#include "picture.h"
#include "quantizer.h"
#include "synthesis.h"
#include "wholeplanes.h"

/* Everything of one level. */
typedef struct
{
  AlitraGrid grid;
  guint cells, most;
  guint8 *depth;
  guint16 *tokens;              /* of the vector */
  AlitraPlanes expected;        /* picture so far, of the vector */
  AlitraPlanes source, own, picture, base;
  float *residuals, *sums;
  guint16 *found;               /* tokens that the library finds */
  guint32 *list;
  AlitraAnalysis *analysis;
  AlitraQuantizer *quantizer;
  AlitraSynthesis *synthesis;
} Level;

typedef struct
{
  AlitraModel *model;
  AlitraWorkers *workers;
  guint width, height;
  guint8 *rgb, *i420;
  Level level[ALITRA_LEVELS];
} Vector;

static const char *const names[] = { "even", "odd" };
static const char *const all_loops[] = { "plain", "avx2", "avx512" };

static char *
golden_file (const char *name)
{
  const char *other = g_getenv ("ALITRA_GOLDEN");

  return g_build_filename (other ? other : g_getenv ("ALITRA_TEST_GOLDEN"),
      name, NULL);
}

static AlitraModel *
load_model (void)
{
  g_autofree char *file = golden_file ("model.safetensors");
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (file, &error);

  g_assert_no_error (error);
  return model;
}

/* The next `size` bytes of a file. */
static const guint8 *
take (const guint8 ** at, const guint8 * end, gsize size)
{
  const guint8 *here = *at;

  g_assert_cmpuint (size, <=, end - here);
  *at += size;
  return here;
}

static guint32
take_number (const guint8 ** at, const guint8 * end)
{
  const guint8 *p = take (at, end, 4);

  return p[0] | p[1] << 8 | p[2] << 16 | (guint32) p[3] << 24;
}

static float
half (const guint8 * p)
{
  const guint bits = p[0] | p[1] << 8;
  const gint exponent = bits >> 10 & 31;
  const float value =
      ldexpf ((bits & 1023) + (exponent ? 1024 : 0), MAX (exponent, 1) - 25);

  return bits & 0x8000 ? -value : value;
}

static void
take_halves (const guint8 ** at, const guint8 * end, float *to, gsize stride,
    guint width, guint height)
{
  for (guint y = 0; y < height; y++) {
    const guint8 *p = take (at, end, 2 * width);

    for (guint x = 0; x < width; x++)
      to[y * stride + x] = half (p + 2 * x);
  }
}

static void
read_level (Vector * v, guint index, const guint8 ** at, const guint8 * end)
{
  Level *level = &v->level[index];
  const AlitraGrid grid = alitra_grid_of (v->width, v->height, index);

  level->grid.columns = take_number (at, end);
  level->grid.rows = take_number (at, end);
  level->most = take_number (at, end);
  g_assert_cmpuint (level->grid.columns, ==, grid.columns);
  g_assert_cmpuint (level->grid.rows, ==, grid.rows);
  g_assert_cmpuint (level->most, ==, alitra_model_get_max_depth (v->model,
          index));
  level->cells = grid.columns * grid.rows;
  level->depth = g_memdup2 (take (at, end, level->cells), level->cells);
  level->tokens = g_new (guint16, level->cells * level->most);
  for (guint i = 0; i < level->cells * level->most; i++) {
    const guint8 *p = take (at, end, 2);

    level->tokens[i] = p[0] | p[1] << 8;
  }
  alitra_planes_init (&level->expected, grid);
  take_halves (at, end, level->expected.luma, level->expected.luma_stride,
      grid.columns * 16, grid.rows * 16);
  for (guint i = 0; i < 2; i++)
    take_halves (at, end, level->expected.chroma[i],
        level->expected.chroma_stride, grid.columns * 8, grid.rows * 8);
}

static Vector *
vector_new (AlitraModel * model, const char *name, guint threads)
{
  Vector *v = g_new0 (Vector, 1);
  g_autofree char *base = g_strconcat (name, ".bin", NULL), *file =
      golden_file (base), *data = NULL;
  const guint8 *at, *end;
  GError *error = NULL;
  gsize size;

  g_file_get_contents (file, &data, &size, &error);
  g_assert_no_error (error);
  at = (const guint8 *) data;
  end = at + size;
  v->model = alitra_model_ref (model);
  v->workers = alitra_workers_new (threads);
  v->width = take_number (&at, end);
  v->height = take_number (&at, end);
  v->rgb =
      g_memdup2 (take (&at, end, v->width * v->height * 3),
      v->width * v->height * 3);
  for (gint i = ALITRA_LEVELS - 1; i >= 0; i--) {
    Level *level = &v->level[i];

    read_level (v, i, &at, end);
    alitra_planes_init (&level->source, level->grid);
    alitra_planes_init (&level->own, level->grid);
    alitra_planes_init (&level->picture, level->grid);
    alitra_planes_init (&level->base, level->grid);
    level->residuals = alitra_floats_new (level->cells * model->dim);
    level->sums = alitra_floats_new (level->cells * model->dim);
    level->found = g_new0 (guint16, level->cells * level->most);
    level->list = g_new (guint32, level->cells);
    level->analysis = alitra_analysis_new (model, i, level->grid, v->workers);
    level->quantizer = alitra_quantizer_new (model, i, v->workers);
    level->synthesis = alitra_synthesis_new (model, i, level->grid, v->workers);
  }
  size =
      v->width * v->height + 2 * ((v->width + 1) / 2) * ((v->height + 1) / 2);
  v->i420 = g_memdup2 (take (&at, end, size), size);
  g_assert_true (at == end);
  return v;
}

static void
vector_free (Vector * v)
{
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    Level *level = &v->level[i];

    alitra_analysis_free (level->analysis);
    alitra_quantizer_free (level->quantizer);
    alitra_synthesis_free (level->synthesis);
    alitra_planes_clear (&level->expected);
    alitra_planes_clear (&level->source);
    alitra_planes_clear (&level->own);
    alitra_planes_clear (&level->picture);
    alitra_planes_clear (&level->base);
    alitra_floats_free (level->residuals);
    alitra_floats_free (level->sums);
    g_free (level->depth);
    g_free (level->tokens);
    g_free (level->found);
    g_free (level->list);
  }
  alitra_workers_free (v->workers);
  alitra_model_unref (v->model);
  g_free (v->rgb);
  g_free (v->i420);
  g_free (v);
}

static guint
list_all (Level * level)
{
  for (guint i = 0; i < level->cells; i++)
    level->list[i] = i;
  return level->cells;
}

/* Tokens -> picture, level by level. */
static void
rebuild (Vector * v, guint index, const guint16 * tokens)
{
  Level *level = &v->level[index];

  alitra_quantizer_sum (level->quantizer, list_all (level), level->list,
      level->depth, tokens, level->most, level->sums);
  alitra_synthesis_run (level->synthesis, level->sums, level->depth, NULL);
  alitra_synthesis_add (level->synthesis, NULL, NULL, &level->own);
  /* The base of the coarsest level is zero. */
  if (index < ALITRA_LEVELS - 1)
    alitra_planes_upsample (&level->base, &v->level[index + 1].picture, NULL,
        v->workers);
  alitra_synthesis_add (level->synthesis, &level->base, NULL, &level->picture);
}

static float
worst_of (const float *a, const float *b, gsize stride, guint width,
    guint height)
{
  float worst = 0;

  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++)
      worst = MAX (worst, fabsf (a[y * stride + x] - b[y * stride + x]));
  }
  return worst;
}

static float
planes_differ (const AlitraPlanes * a, const AlitraPlanes * b)
{
  const guint w = a->grid.columns * 16, h = a->grid.rows * 16;
  float worst = worst_of (a->luma, b->luma, a->luma_stride, w, h);

  for (guint i = 0; i < 2; i++)
    worst =
        MAX (worst, worst_of (a->chroma[i], b->chroma[i], a->chroma_stride,
            w / 2, h / 2));
  return worst;
}

static AlitraFrame
i420_frame (guint8 * data, guint width, guint height)
{
  const guint half_width = (width + 1) / 2, half_height = (height + 1) / 2;

  return (AlitraFrame) {
    ALITRA_PIXEL_I420, TRUE, width, height, {
    data, data + width * height,
          data + width * height + half_width * half_height}
    , {
    width, half_width, half_width}
  };
}

/* Half floats keep eleven bits: of values up to 2, errors up to 2^-11. */
#define HALF_ERROR (1 / 2048.f)

static void
check_decode (const char *name)
{
  g_autoptr (AlitraModel) model = load_model ();
  Vector *v = vector_new (model, name, 1);
  const gsize size =
      v->width * v->height + 2 * ((v->width + 1) / 2) * ((v->height + 1) / 2);
  g_autofree guint8 *bytes = g_malloc0 (size);
  const AlitraFrame frame = i420_frame (bytes, v->width, v->height);
  guint exact = 0;

  for (gint i = ALITRA_LEVELS - 1; i >= 0; i--) {
    float worst;

    rebuild (v, i, v->level[i].tokens);
    worst = planes_differ (&v->level[i].picture, &v->level[i].expected);
    g_test_message ("level %d: samples differ by at most %g", i, worst);
    g_assert_cmpfloat (worst, <, HALF_ERROR);
  }
  g_assert_true (alitra_picture_to_frame (&v->level[0].picture,
          model->chroma_gain, &frame, NULL, v->workers, NULL));
  for (gsize i = 0; i < size; i++) {
    g_assert_cmpint (ABS (bytes[i] - v->i420[i]), <=, 1);
    exact += bytes[i] == v->i420[i];
  }
  g_test_message ("%u of %" G_GSIZE_FORMAT " bytes are exactly equal", exact,
      size);
  g_assert_cmpuint (exact, >=, size * 999 / 1000);
  vector_free (v);
}

static void
test_decode (gconstpointer loops)
{
  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    check_decode (names[i]);
}

/* The token loop of one level with the vector's depths. */
static void
encode_level (Vector * v, guint index)
{
  Level *level = &v->level[index];
  g_autofree guint16 *ids = g_new (guint16, level->cells);
  g_autofree float *gains = g_new (float, level->cells), *before =
      g_new (float, level->cells);
  g_autofree float *after = g_new (float, level->cells), *head =
      g_new (float, level->cells);
  g_autofree float *seen = g_new (float, level->cells), *whole =
      g_new (float, level->cells);

  test_analysis_run (level->analysis, &level->source, NULL, level->residuals);
  for (guint step = 0; step < level->most; step++) {
    guint count = 0;

    for (guint i = 0; i < level->cells; i++) {
      if (level->depth[i] > step)
        level->list[count++] = i;
    }
    alitra_quantizer_look (level->quantizer, step, count, level->list,
        level->residuals, before, head, seen);
    memcpy (whole, before, count * sizeof (float));
    alitra_quantizer_step (level->quantizer, step, count, level->list,
        level->residuals, ids, gains, whole);
    alitra_quantizer_look (level->quantizer, step, count, level->list,
        level->residuals, after, NULL, NULL);
    g_assert_cmpmem (whole, count * sizeof (float), after,
        count * sizeof (float));
    for (guint i = 0; i < count; i++) {
      level->found[level->list[i] * level->most + step] = ids[i];
      g_assert_cmpfloat (fabsf (before[i] - after[i] - gains[i]), <=,
          1e-5f + 1e-4f * before[i]);
      g_assert_cmpfloat (head[i], <=, before[i] * 1.0001f);
      g_assert_cmpfloat (seen[i], >=, 0);
    }
  }
}

static void
encode (Vector * v)
{
  const AlitraFrame frame =
      { ALITRA_PIXEL_RGB, TRUE, v->width, v->height, {v->rgb}, {v->width * 3} };
  GError *error = NULL;

  alitra_picture_from_frame (&frame, v->model->chroma_gain, &v->level[0].source,
      NULL, v->workers, &error);
  g_assert_no_error (error);
  for (guint i = 1; i < ALITRA_LEVELS; i++)
    test_planes_halve (&v->level[i].source, &v->level[i - 1].source, NULL);
  for (gint i = ALITRA_LEVELS - 1; i >= 0; i--) {
    Level *level = &v->level[i];

    if (i < ALITRA_LEVELS - 1) {
      alitra_planes_upsample (&level->base, &v->level[i + 1].picture, NULL,
          v->workers);
      test_planes_subtract (&level->source, &level->base);
    }
    encode_level (v, i);
    /* go on from the vector's tokens: one that differs should count once */
    rebuild (v, i, level->tokens);
  }
}

static void
test_encode (gconstpointer loops)
{
  g_autoptr (AlitraModel) model = load_model ();
  guint same = 0, count = 0;

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint n = 0; n < G_N_ELEMENTS (names); n++) {
    Vector *v = vector_new (model, names[n], 1);

    encode (v);
    for (guint l = 0; l < ALITRA_LEVELS; l++) {
      const Level *level = &v->level[l];

      for (guint i = 0; i < level->cells; i++) {
        for (guint t = 0; t < level->depth[i]; t++, count++)
          same +=
              level->found[i * level->most + t] ==
              level->tokens[i * level->most + t];
      }
    }
    vector_free (v);
  }
  g_test_message ("%u of %u tokens are equal", same, count);
  g_assert_cmpuint (count, >, 500);
  g_assert_cmpuint (same, >=, count - count / 1000);
}

/* The same bits on any number of threads. */
static void
test_threads (void)
{
  g_autoptr (AlitraModel) model = load_model ();
  Vector *one = vector_new (model, "odd", 1);

  encode (one);
  for (guint threads = 2; threads <= 5; threads++) {
    Vector *many = vector_new (model, "odd", threads);

    encode (many);
    for (guint l = 0; l < ALITRA_LEVELS; l++) {
      const Level *a = &one->level[l], *b = &many->level[l];

      g_assert_cmpmem (a->found, a->cells * a->most * 2, b->found,
          b->cells * b->most * 2);
      g_assert_cmpmem (a->residuals, a->cells * model->dim * 4, b->residuals,
          b->cells * model->dim * 4);
      g_assert_cmpfloat (planes_differ (&a->picture, &b->picture), ==, 0);
    }
    vector_free (many);
  }
  vector_free (one);
}

/* Some cells analysed alone: the same latents, the others left alone. */
static void
test_active (void)
{
  g_autoptr (AlitraModel) model = load_model ();
  Vector *v = vector_new (model, "odd", 2);

  encode (v);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Level *level = &v->level[l];
    const gsize size = level->cells * model->dim;
    float *whole = alitra_floats_new (size), *part = alitra_floats_new (size);
    g_autofree guint8 *active = g_malloc0 (level->cells);
    AlitraAnalysis *fresh =
        alitra_analysis_new (model, l, level->grid, v->workers);

    for (guint i = 0; i < level->cells; i++)
      active[i] = i % 7 == 2 || i % 11 == 0;
    test_analysis_run (level->analysis, &level->source, NULL, whole);
    test_analysis_run (fresh, &level->source, active, part);
    for (gsize i = 0; i < size; i++)
      g_assert_cmpfloat (part[i], ==, active[i / model->dim] ? whole[i] : 0);
    alitra_analysis_free (fresh);
    alitra_floats_free (whole);
    alitra_floats_free (part);
  }
  vector_free (v);
}

static void
change_some (GRand * rand, Level * level, guint codes, guint8 * changed)
{
  memset (changed, 0, level->cells);
  for (guint n = g_rand_int_range (rand, 0, 4); n > 0; n--) {
    const guint i = g_rand_int_range (rand, 0, level->cells);

    changed[i] = 1;
    level->depth[i] = g_rand_int_range (rand, 0, level->most + 1);
    for (guint t = 0; t < level->most; t++)
      level->tokens[i * level->most + t] = g_rand_int_range (rand, 0, codes);
  }
}

static guint
list_changed (Level * level, const guint8 * changed)
{
  guint count = 0;

  for (guint i = 0; i < level->cells; i++) {
    if (changed[i])
      level->list[count++] = i;
  }
  return count;
}

/* What was redone in part is what would be painted anew, and what was reported as left alone was. */
static void
test_redo (void)
{
  g_autoptr (AlitraModel) model = load_model ();
  GRand *rand = g_rand_new_with_seed (3);

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Vector *v = vector_new (model, "odd", 2);
    Level *level = &v->level[l];
    g_autofree guint8 *changed = g_malloc (level->cells);

    rebuild (v, l, level->tokens);
    for (guint round = 0; round < 30; round++) {
      AlitraSynthesis *fresh =
          alitra_synthesis_new (model, l, level->grid, v->workers);
      AlitraPlanes kept;
      const guint8 *written;
      float samples[2][ALITRA_CELL_SAMPLES];

      change_some (rand, level, alitra_model_get_codes (model, l), changed);
      alitra_quantizer_sum (level->quantizer, list_changed (level, changed),
          level->list, level->depth, level->tokens, level->most, level->sums);
      alitra_planes_init (&kept, level->grid);
      alitra_planes_copy (&kept, &level->own, NULL, v->workers);
      written =
          alitra_synthesis_run (level->synthesis, level->sums, level->depth,
          changed);
      g_assert_nonnull (written);
      alitra_synthesis_add (level->synthesis, NULL, NULL, &level->own);
      for (guint i = 0; i < level->cells; i++) {
        alitra_planes_get_cell (&kept, i % level->grid.columns,
            i / level->grid.columns, samples[0]);
        alitra_planes_get_cell (&level->own, i % level->grid.columns,
            i / level->grid.columns, samples[1]);
        if (!written[i])
          g_assert_cmpmem (samples[0], sizeof samples[0], samples[1],
              sizeof samples[1]);
      }
      g_assert_null (alitra_synthesis_run (fresh, level->sums, level->depth,
              NULL));
      alitra_synthesis_add (fresh, NULL, NULL, &level->picture);
      g_assert_cmpfloat (planes_differ (&level->own, &level->picture), ==, 0);
      alitra_synthesis_free (fresh);
      alitra_planes_clear (&kept);
    }
    vector_free (v);
  }
  g_rand_free (rand);
}

/* Grey levels by which the luma of cells differs, root mean square; the most of all cells. */
static gdouble
worst_cell (const AlitraPlanes * a, const AlitraPlanes * b)
{
  float samples[2][ALITRA_CELL_SAMPLES];
  gdouble worst = 0;

  for (guint i = 0; i < a->grid.columns * a->grid.rows; i++) {
    gdouble sum = 0;

    alitra_planes_get_cell (a, i % a->grid.columns, i / a->grid.columns,
        samples[0]);
    alitra_planes_get_cell (b, i % a->grid.columns, i / a->grid.columns,
        samples[1]);
    for (guint k = 0; k < ALITRA_CELL * ALITRA_CELL; k++)
      sum += pow (255 * (samples[0][k] - samples[1][k]), 2);
    worst = MAX (worst, sqrt (sum) / ALITRA_CELL);
  }
  return worst;
}

#define LEAST .15

/* Cells that do not follow each small change of their neighbours follow many of them: what they lack does not add up. */
static void
test_follow (void)
{
  g_autoptr (AlitraModel) model = load_model ();

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Vector *v = vector_new (model, "odd", 1);
    Level *level = &v->level[l];
    AlitraSynthesis *lazy =
        alitra_synthesis_new (model, l, level->grid, v->workers);
    g_autofree guint8 *changed = g_malloc0 (level->cells);
    gdouble worst = 0, way;
    AlitraPlanes begin;

    rebuild (v, l, level->tokens);
    alitra_planes_init (&begin, level->grid);
    alitra_planes_copy (&begin, &level->own, NULL, v->workers);
    alitra_synthesis_set_least (lazy, LEAST);
    alitra_synthesis_run (lazy, level->sums, level->depth, NULL);
    for (guint i = 0; i < level->cells; i += 2)
      changed[i] = level->depth[i] > 0;
    for (guint step = 0; step < 100; step++) {
      for (gsize i = 0; i < level->cells * model->dim; i++)
        level->sums[i] *= changed[i / model->dim] ? 1.02 : 1;
      alitra_synthesis_run (level->synthesis, level->sums, level->depth,
          changed);
      alitra_synthesis_run (lazy, level->sums, level->depth, changed);
      alitra_synthesis_add (level->synthesis, NULL, NULL, &level->own);
      alitra_synthesis_add (lazy, NULL, NULL, &level->picture);
      worst = MAX (worst, worst_cell (&level->own, &level->picture));
    }
    way = worst_cell (&level->own, &begin);
    g_test_message ("level %u: %.3f grey levels off on a way of %.1f", l, worst,
        way);
    g_assert_cmpfloat (way, >, 10);
    g_assert_cmpfloat (worst, >, 0);
    g_assert_cmpfloat (worst, <=, 2 * LEAST);
    alitra_synthesis_free (lazy);
    alitra_planes_clear (&begin);
    vector_free (v);
  }
}

/* Cells without tokens add nothing, whatever lies in their sums; ids that are no codes add nothing. */
static void
test_empty (void)
{
  g_autoptr (AlitraModel) model = load_model ();
  Vector *v = vector_new (model, "even", 1);

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Level *level = &v->level[l];

    rebuild (v, l, level->tokens);
    for (gsize i = 0; i < level->cells * model->dim; i++)
      level->sums[i] = 100;
    memset (level->depth, 0, level->cells);
    alitra_synthesis_run (level->synthesis, level->sums, level->depth, NULL);
    alitra_synthesis_add (level->synthesis, NULL, NULL, &level->own);
    alitra_planes_clear (&level->picture);
    alitra_planes_init (&level->picture, level->grid);
    g_assert_cmpfloat (planes_differ (&level->own, &level->picture), ==, 0);

    for (guint i = 0; i < level->cells * level->most; i++)
      level->tokens[i] = alitra_model_get_codes (model, l) + i % 300;
    memset (level->depth, level->most, level->cells);
    alitra_quantizer_sum (level->quantizer, list_all (level), level->list,
        level->depth, level->tokens, level->most, level->sums);
    for (gsize i = 0; i < level->cells * model->dim; i++)
      g_assert_cmpfloat (level->sums[i], ==, 0);
  }
  vector_free (v);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    g_autofree char *decode =
        g_strconcat ("/golden/decode/", all_loops[i], NULL);
    g_autofree char *encode =
        g_strconcat ("/golden/encode/", all_loops[i], NULL);

    g_test_add_data_func (decode, all_loops[i], test_decode);
    g_test_add_data_func (encode, all_loops[i], test_encode);
  }
  g_test_add_func ("/golden/threads", test_threads);
  g_test_add_func ("/golden/active", test_active);
  g_test_add_func ("/golden/redo", test_redo);
  g_test_add_func ("/golden/follow", test_follow);
  g_test_add_func ("/golden/empty", test_empty);
  return g_test_run ();
}
