/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products, searches and threads against plain loops in double precision, for every instruction set that the machine
 * has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "byte-loops.h"
#include "matrix.h"
#include "floats.h"
#include "pixel-loops.h"
#include "workers.h"

static const char *const all_loops[] = { "plain", "avx2", "avx512" };

typedef struct
{
  guint rows, outputs, inputs;
  float *weights, *in;
  gsize in_stride, out_stride;
} Problem;

static float *
random_floats (gsize count)
{
  float *floats = alitra_floats_new (count);

  for (gsize i = 0; i < count; i++)
    floats[i] = g_test_rand_double_range (-1, 1);
  return floats;
}

static Problem
problem_new (guint rows, guint outputs, guint inputs)
{
  const gsize in_stride = inputs + g_test_rand_int_range (0, 9);

  return (Problem) {
    rows, outputs, inputs, random_floats ((gsize) outputs * inputs),
        random_floats (rows * in_stride), in_stride,
        outputs + g_test_rand_int_range (0, 9)
  };
}

static void
problem_clear (Problem * p)
{
  alitra_floats_free (p->weights);
  alitra_floats_free (p->in);
}

static double
exact (const Problem * p, guint row, guint output)
{
  double sum = 0;

  for (guint k = 0; k < p->inputs; k++)
    sum +=
        (double) p->in[row * p->in_stride +
        k] * p->weights[(gsize) output * p->inputs + k];
  return sum;
}

static void
check_multiply (const Problem * p, AlitraEnd end, float factor)
{
  const gsize size = p->rows * p->out_stride;
  float *before = random_floats (size), *out = alitra_floats_new (size);
  AlitraMatrix matrix;

  memcpy (out, before, size * sizeof (float));
  alitra_matrix_init (&matrix, p->outputs, p->inputs, p->weights, factor);
  alitra_matrix_multiply (&matrix, p->rows, p->in, p->in_stride, out,
      p->out_stride, end);
  for (guint r = 0; r < p->rows; r++) {
    for (guint o = 0; o < p->out_stride; o++) {
      const gsize i = r * p->out_stride + o;
      double want;

      if (o >= p->outputs) {    /* between the rows nothing is touched */
        g_assert_cmpfloat (out[i], ==, before[i]);
        continue;
      }
      want = factor * exact (p, r, o);
      want =
          end == ALITRA_END_ADD ? before[i] + want : end ==
          ALITRA_END_POSITIVE ? MAX (want, 0) : want;
      g_assert_cmpfloat (fabs (out[i] - want), <, 1e-6 * (10 + p->inputs));
    }
  }
  alitra_matrix_clear (&matrix);
  alitra_floats_free (before);
  alitra_floats_free (out);
}

static void
test_multiply (gconstpointer loops)
{
  static const guint shapes[][3] =
      { {1, 1, 1}, {5, 7, 3}, {13, 96, 384}, {29, 33, 17}, {100, 24, 96}, {12,
      864, 96},
  {23, 31, 1}, {7, 65, 40}, {1, 96, 24}, {2, 213, 31}, {16, 16, 32}, {3, 25, 8}
  };

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  g_assert_cmpstr (alitra_matrix_get_loops (), ==, loops);
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    Problem p = problem_new (shapes[i][0], shapes[i][1], shapes[i][2]);

    check_multiply (&p, ALITRA_END_STORE, 1);
    check_multiply (&p, ALITRA_END_STORE, 4);
    check_multiply (&p, ALITRA_END_POSITIVE, 1);
    check_multiply (&p, ALITRA_END_ADD, 1);
    problem_clear (&p);
  }
}

/* Rows, so many at a time, have the bits of `all`. */
static void
check_bits (const AlitraMatrix * matrix, const Problem * p, guint at_once,
    const float *all)
{
  float *out = alitra_floats_new ((gsize) at_once * p->outputs);

  for (guint first = 0; first < p->rows; first += at_once) {
    const guint rows = MIN (p->rows - first, at_once);

    alitra_matrix_multiply (matrix, rows, p->in + first * p->in_stride,
        p->in_stride, out, p->outputs, ALITRA_END_STORE);
    for (guint r = 0; r < rows; r++)
      g_assert_cmpmem (out + r * p->outputs, p->outputs * sizeof (float),
          all + (first + r) * p->out_stride, p->outputs * sizeof (float));
  }
  alitra_floats_free (out);
}

/* A row has the same bits alone and among others, and of half floats as of floats. */
static void
test_alone (gconstpointer loops)
{
  Problem p;
  AlitraMatrix matrix;
  float *all;

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  p = problem_new (41, 213, 96);
  for (gsize i = 0; i < (gsize) p.outputs * p.inputs; i++)
    p.weights[i] = rintf (p.weights[i] * 256) / 256;
  all = alitra_floats_new ((gsize) p.rows * p.out_stride);
  alitra_matrix_init (&matrix, p.outputs, p.inputs, p.weights, 1);
  alitra_matrix_multiply (&matrix, p.rows, p.in, p.in_stride, all,
      p.out_stride, ALITRA_END_STORE);
  for (guint pass = 0; pass < 2; pass++) {
    if (pass == 1)
      g_assert_true (alitra_matrix_halve (&matrix));
    for (guint at_once = 1; at_once <= 12; at_once++)
      check_bits (&matrix, &p, at_once, all);
  }
  alitra_matrix_clear (&matrix);
  alitra_floats_free (all);
  problem_clear (&p);
}

static double
distance (const Problem * p, guint row, guint code)
{
  double sum = 0;

  for (guint k = 0; k < p->inputs; k++) {
    const double d =
        (double) p->in[row * p->in_stride + k] -
        p->weights[(gsize) code * p->inputs + k];

    sum += d * d;
  }
  return sum;
}

static void
check_nearest (const Problem * p)
{
  g_autofree guint16 *ids = g_new (guint16, p->rows);
  AlitraMatrix codes;

  alitra_matrix_init_codes (&codes, p->outputs, p->inputs, p->weights);
  alitra_matrix_nearest (&codes, p->rows, p->in, p->in_stride, ids);
  for (guint r = 0; r < p->rows; r++) {
    double best = G_MAXDOUBLE;

    for (guint c = 0; c < p->outputs; c++)
      best = MIN (best, distance (p, r, c));
    g_assert_cmpuint (ids[r], <, p->outputs);
    /* rounding may choose between codes that are all but equally far */
    g_assert_cmpfloat (distance (p, r, ids[r]), <=, best + 1e-5);
  }
  alitra_matrix_clear (&codes);
}

static void
test_nearest (gconstpointer loops)
{
  static const guint shapes[][3] =
      { {1, 2, 1}, {7, 5, 24}, {97, 4096, 24}, {50, 2047, 24}, {11, 33, 10} };

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    Problem p = problem_new (shapes[i][0], shapes[i][1], shapes[i][2]);

    check_nearest (&p);
    problem_clear (&p);
  }
}

/* Of equal codes the lowest; numbers that are none do no harm. */
static void
test_ties (gconstpointer loops)
{
  const guint count = 700;
  AlitraMatrix codes;
  float in[3 * 2] = { .5, .25, NAN, 1, INFINITY, -1 };
  guint16 ids[3];

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint first = 0; first < 65; first += 13) {
    float *weights = random_floats (count * 2);

    for (guint copy = first; copy < count; copy += 97) {
      weights[2 * copy] = .5;
      weights[2 * copy + 1] = .25;
    }
    alitra_matrix_init_codes (&codes, count, 2, weights);
    alitra_matrix_nearest (&codes, 3, in, 2, ids);
    g_assert_cmpuint (ids[0], ==, first);
    g_assert_cmpuint (ids[1], <, count);
    g_assert_cmpuint (ids[2], <, count);
    alitra_matrix_clear (&codes);
    alitra_floats_free (weights);
  }
}

/* Small whole numbers, so that every sum is exact and many are equal. */
static float *
whole_floats (gsize count)
{
  float *floats = alitra_floats_new (count);

  for (gsize i = 0; i < count; i++)
    floats[i] = g_test_rand_int_range (-3, 4);
  return floats;
}

static gint
nearness (const float *in, const float *code, guint inputs)
{
  gint twice = 0;

  for (guint k = 0; k < inputs; k++)
    twice += (gint) (2 * in[k] * code[k] - code[k] * code[k]);
  return twice;
}

static gint
compare_falling (gconstpointer a, gconstpointer b)
{
  return *(const gint *) b - *(const gint *) a;
}

/* The lowest of the nearest codes in the panels whose centres are as near as the one on rank `probes`. */
static guint
nearest_by_hand (const float *in, const float *weights, guint codes,
    const float *centres, guint panels, guint probes, guint inputs)
{
  gint of_panel[ALITRA_MAX_CENTRES], ranked[ALITRA_MAX_CENTRES], best =
      G_MININT;
  guint found = 0;

  for (guint p = 0; p < panels; p++)
    of_panel[p] = nearness (in, centres + p * inputs, inputs);
  memcpy (ranked, of_panel, sizeof ranked);
  qsort (ranked, panels, sizeof *ranked, compare_falling);
  for (guint c = 0; c < codes; c++) {
    const gint near = nearness (in, weights + c * inputs, inputs);

    if (of_panel[c / ALITRA_PANEL] >= ranked[probes - 1] && near > best) {
      best = near;
      found = c;
    }
  }
  return found;
}

/* Codes in panels with centres. */
typedef struct
{
  guint panels;
  float *weights, *middles;
  AlitraMatrix codes;
  AlitraCentres centres;
} Book;

/* Takes both arrays; middles: inputs for each panel. */
static Book
book_new (guint count, guint inputs, float *weights, float *middles)
{
  Book book = { (count + ALITRA_PANEL - 1) / ALITRA_PANEL, weights, middles };

  alitra_matrix_init_codes (&book.codes, count, inputs, weights);
  alitra_centres_init (&book.centres, book.panels, inputs, middles);
  return book;
}

static void
book_clear (Book * book)
{
  alitra_matrix_clear (&book->codes);
  alitra_centres_clear (&book->centres);
  alitra_floats_free (book->weights);
  alitra_floats_free (book->middles);
}

static void
test_panels (gconstpointer loops)
{
  static const guint shapes[][4] = { {1, 33, 3, 1}, {29, 80, 10, 2},
  {97, 4096, 24, 24}, {50, 2047, 24, 7}, {13, 8192, 5, 1}, {25, 640, 24, 20}
  };

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const guint rows = shapes[i][0], count = shapes[i][1], inputs =
        shapes[i][2], probes = shapes[i][3];
    const guint panels = (count + ALITRA_PANEL - 1) / ALITRA_PANEL;
    float *in = whole_floats (rows * inputs);
    g_autofree guint16 *ids = g_new (guint16, rows);
    Book book = book_new (count, inputs, whole_floats (count * inputs),
        whole_floats (panels * inputs));

    alitra_matrix_nearest_of_panels (&book.codes, &book.centres, probes, rows,
        in, inputs, ids);
    for (guint r = 0; r < rows; r++)
      g_assert_cmpuint (ids[r], ==, nearest_by_hand (in + r * inputs,
              book.weights, count, book.middles, panels, probes, inputs));
    in[0] = NAN;
    in[inputs - 1] = -INFINITY;
    alitra_matrix_nearest_of_panels (&book.codes, &book.centres, probes, 1, in,
        inputs, ids);
    g_assert_cmpuint (ids[0], <, count);
    book_clear (&book);
    alitra_floats_free (in);
  }
}

/* Codes that are half floats, of any size down to the smallest, are found as if they were floats. */
static void
test_halves_of_codes (gconstpointer loops)
{
  const guint rows = 70, count = 2048, inputs = 24, panels =
      count / ALITRA_PANEL;
  g_autofree guint8 *bytes = g_malloc (2 * count * inputs);
  float *in, *weights;
  guint16 ids[2][70];
  Book book;

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  in = random_floats (rows * inputs);
  weights = alitra_floats_new (count * inputs);
  for (guint i = 0; i < count * inputs; i++) {
    /* a third each: of any exponent below one, zeros and what lies just above them */
    const guint exponent = i % 3 ? 0 : g_test_rand_int_range (0, 15);
    const guint fraction = i % 3 == 1 ? 0 : g_test_rand_int_range (0, 1024);
    const guint half = g_test_rand_bit () << 15 | exponent << 10 | fraction;

    bytes[2 * i] = half & 0xff;
    bytes[2 * i + 1] = half >> 8;
  }
  g_assert_true (alitra_matrix_from_halves (bytes, count * inputs, weights));
  book = book_new (count, inputs, weights, random_floats (panels * inputs));
  for (guint pass = 0; pass < 2; pass++) {
    alitra_matrix_nearest_of_panels (&book.codes, &book.centres, 16, rows, in,
        inputs, ids[pass]);
    g_assert_true (pass == 1 || alitra_matrix_halve (&book.codes));
  }
  g_assert_cmpmem (ids[0], sizeof ids[0], ids[1], sizeof ids[1]);
  book_clear (&book);
  alitra_floats_free (in);
}

/* What is not exactly a half float stays a float. */
static void
test_no_halves (void)
{
  static const float others[] = { 1 + 0x1p-11, 65536, 0x1p-25, 0x1.8p-24, NAN,
    INFINITY
  };
  float weights[2 * 33] = { 1, -0x1p-24, 65504, 0x1.ff8p-15 };

  for (guint i = 0; i <= G_N_ELEMENTS (others); i++) {
    const gboolean all = i == G_N_ELEMENTS (others);
    AlitraMatrix codes;

    weights[65] = all ? 0x1p-14 : others[i];
    alitra_matrix_init_codes (&codes, 33, 2, weights);
    g_assert_cmpint (alitra_matrix_halve (&codes), ==, all);
    g_assert_cmpint (codes.data != NULL, ==, !all);
    g_assert_cmpint (codes.halves != NULL, ==, all);
    alitra_matrix_clear (&codes);
  }
}

/* Floats at the very end of memory that may be read. */
static float *
map_floats (gsize count, gsize * mapped)
{
  const gsize page = sysconf (_SC_PAGESIZE), size = count * sizeof (float);
  guint8 *bytes;

  *mapped = (size + page - 1) / page * page + page;
  bytes = mmap (NULL, *mapped, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert_true (bytes != MAP_FAILED);
  g_assert_no_errno (mprotect (bytes + *mapped - page, page, PROT_NONE));
  return (float *) (bytes + *mapped - page - size);
}

/* Rows that fill no vector of them are looked for alone: nothing behind them is read. */
static void
test_panels_of_few_rows (gconstpointer loops)
{
  const guint count = 640, inputs = 24, panels = count / ALITRA_PANEL;
  Book book;

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  book = book_new (count, inputs, whole_floats (count * inputs),
      whole_floats (panels * inputs));
  for (guint rows = 1; rows < 20; rows++) {
    gsize mapped;
    float *in = map_floats (rows * inputs, &mapped);
    guint16 ids[20];

    for (guint i = 0; i < rows * inputs; i++)
      in[i] = g_test_rand_int_range (-3, 4);
    alitra_matrix_nearest_of_panels (&book.codes, &book.centres, 3, rows, in,
        inputs, ids);
    for (guint r = 0; r < rows; r++)
      g_assert_cmpuint (ids[r], ==, nearest_by_hand (in + r * inputs,
              book.weights, count, book.middles, panels, 3, inputs));
    munmap ((guint8 *) (in + rows * inputs) + sysconf (_SC_PAGESIZE) - mapped,
        mapped);
  }
  book_clear (&book);
}

/* Rows have the same bits alone and together; 9 rows of n numbers. */
static void
check_energies (const float *in, guint n)
{
  for (guint rows = 1; rows <= 9; rows += 4) {
    for (guint part = 1; part <= n; part += 7) {
      float got[9];

      alitra_matrix_energies (in, n, part, rows, got);
      for (guint r = 0; r < rows; r++)
        g_assert_cmpfloat (got[r], ==, alitra_matrix_energy (in + r * n, part));
    }
  }
}

static void
test_spread (gconstpointer loops)
{
  static const guint counts[] = { 1, 24, 96, 101 };

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint n = 0; n < G_N_ELEMENTS (counts); n++) {
    const guint count = counts[n];
    float *taps = random_floats (9 * count), *in =
        random_floats (9 * count), *out = alitra_floats_new (count);
    const float *rows[9];
    double energy = 0;

    for (guint i = 0; i < 9; i++)
      rows[i] = in + (8 - i) * count;
    alitra_matrix_spread (rows, taps, count, out);
    for (guint c = 0; c < count; c++) {
      double want = 0;

      for (guint i = 0; i < 9; i++)
        want += (double) rows[i][c] * taps[i * count + c];
      g_assert_cmpfloat (fabs (out[c] - want), <, 1e-5);
      energy += (double) in[c] * in[c];
    }
    g_assert_cmpfloat (fabs (alitra_matrix_energy (in, count) - energy), <,
        1e-6 * count);
    check_energies (in, count);
    alitra_floats_free (taps);
    alitra_floats_free (in);
    alitra_floats_free (out);
  }
}

static double
logistic (double x)
{
  return 1 / (1 + exp (-x));
}

#define UNITS 37                /* more than two vectors of any loops */

/* What one unit comes to, in double precision. */
static double
step_unit (const float *sums, const float *said, const float *hidden,
    const float *read, guint n, float *next)
{
  double product = 0;

  for (guint i = 0; i < n; i++) {
    const double update = logistic ((double) sums[i] + said[i]);
    const double reset = logistic ((double) sums[n + i] + said[n + i]);
    const double fresh = tanh ((double) sums[2 * n + i] + said[2 * n + i]
        + reset * sums[3 * n + i]);

    next[i] = hidden[i] + update * (fresh - hidden[i]);
    product += next[i] * read[i];
  }
  return product;
}

static void
check_units (guint n)
{
  float *sums = random_floats (UNITS * 4 * n), *heard =
      random_floats (UNITS * 3 * n);
  float *states = random_floats (UNITS * n), *read = random_floats (n);
  float *got = alitra_floats_new (UNITS * n), *want = alitra_floats_new (n);
  const float *said[UNITS], *hidden[UNITS];
  float *next[UNITS], products[UNITS];

  sums[3] = 200;                /* gates that are wide open, and shut */
  sums[n + 5] = -200;
  for (guint u = 0; u < UNITS; u++) {
    said[u] = heard + u * 3 * n;
    hidden[u] = states + u * n;
    next[u] = got + u * n;
  }
  alitra_matrix_gates (UNITS, sums, said, hidden, read, n, next, products);
  for (guint u = 0; u < UNITS; u++) {
    const double product = step_unit (sums + u * 4 * n, said[u], hidden[u],
        read, n, want);
    float *const alone = want;
    float alone_product;

    for (guint i = 0; i < n; i++)
      g_assert_cmpfloat (fabs (next[u][i] - want[i]), <, 2e-6);
    g_assert_cmpfloat (fabs (products[u] - product), <, 2e-5);
    alitra_matrix_gates (1, sums + u * 4 * n, &said[u], &hidden[u], read, n,
        &alone, &alone_product);
    g_assert_cmpmem (alone, n * sizeof (float), next[u], n * sizeof (float));
    g_assert_cmpfloat (alone_product, ==, products[u]);
  }
  alitra_floats_free (sums);
  alitra_floats_free (heard);
  alitra_floats_free (states);
  alitra_floats_free (read);
  alitra_floats_free (got);
  alitra_floats_free (want);
}

static void
test_gates (gconstpointer loops)
{
  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  check_units (16);
  check_units (32);
}

/* One block of samples, of a picture with rows of `stride`, against sums by hand. */
static void
check_block (const AlitraPixelLoops * pixels, guint n, gsize stride)
{
  float *a = random_floats (stride * n), *b = random_floats (stride * n);
  float *to = alitra_floats_new (n * n);
  const AlitraSlope slope = { .25f, -.0625f, .125f };
  double sum = 0, across = 0, down = 0, squares = 0, have = 0, plane = 0, size =
      0;
  float of_have, of_plane;
  AlitraMoments m;

  pixels->take_block (a, b, stride, n, to);
  for (guint i = 0; i < n * n; i++)
    g_assert_cmpfloat (to[i], ==, a[i / n * stride + i % n] - b[i / n * stride +
            i % n]);
  pixels->take_block (a, NULL, stride, n, to);
  for (guint i = 0; i < n * n; i++)
    g_assert_cmpfloat (to[i], ==, a[i / n * stride + i % n]);
  for (guint i = 0; i < n * n; i++) {
    const double v = a[i / n * stride + i % n], w = b[i / n * stride + i % n];
    const double x = i % n - (n - 1) / 2., y = i / n - (n - 1) / 2.;
    const double surface = slope.mean + slope.dx * x + slope.dy * y;

    sum += v;
    across += v * x;
    down += v * y;
    squares += v * v;
    have += (w - v) * (w - v);
    plane += (surface - v) * (surface - v);
    size += fabs (v - w);
  }
  pixels->measure (a, stride, n, &m);
  pixels->compare_plane (a, stride, b, stride, n, &slope, &of_have, &of_plane);
  g_assert_cmpfloat (fabs (m.sum - sum), <, 1e-4);
  g_assert_cmpfloat (fabs (m.across - across), <, 1e-3);
  g_assert_cmpfloat (fabs (m.down - down), <, 1e-3);
  g_assert_cmpfloat (fabs (m.squares - squares), <, 1e-4);
  g_assert_cmpfloat (fabs (of_have - have), <, 1e-3);
  g_assert_cmpfloat (fabs (of_plane - plane), <, 1e-3);
  g_assert_cmpfloat (fabs (pixels->difference (a, stride, b, stride,
              n) - size), <, 1e-3);
  alitra_floats_free (a);
  alitra_floats_free (b);
  alitra_floats_free (to);
}

/* The plane that fits a block best. */
static AlitraSlope
fit_plane (const AlitraPixelLoops * pixels, const float *block, gsize stride,
    guint n)
{
  const float samples = n * n, across = samples * (samples - 1.f) / 12.f;
  AlitraMoments m;

  pixels->measure (block, stride, n, &m);
  return (AlitraSlope) {
  m.sum / samples, m.across / across, m.down / across};
}

/* All three blocks of a cell at once have the bits that each has by itself. */
static void
check_cell (const AlitraPixelLoops * pixels)
{
  const gsize stride[2] = { 48, 16 };
  float *samples[2][3], left[384 + ALITRA_SLACK], one[384 + ALITRA_SLACK];
  AlitraCellBlocks cells[2];
  AlitraCellLook look, glance, sums = { 0 };
  AlitraMoments luma;

  for (guint i = 0; i < 6; i++) {
    samples[i % 2][i / 2] = random_floats (16 * 48 + ALITRA_SLACK);
    cells[i % 2].block[i / 2] = samples[i % 2][i / 2];
    cells[i % 2].stride[MIN (i / 2, 1)] = stride[MIN (i / 2, 1)];
  }
  pixels->compare_cell (&cells[0], &cells[1], left, &look);
  for (guint i = 0; i < 3; i++) {
    const guint n = i ? 8 : 16, begin = i ? 192 + 64 * i : 0;
    const gsize pitch = stride[MIN (i, 1)];
    const AlitraSlope plane = fit_plane (pixels, samples[1][i], pitch, n);
    float before, after;

    pixels->compare_plane (samples[0][i], pitch, samples[1][i], pitch, n,
        &plane, &before, &after);
    sums.before += before;
    sums.after += after;
    pixels->take_block (samples[0][i], samples[1][i], pitch, n, one);
    g_assert_cmpmem (left + begin, n * n * sizeof (float), one,
        n * n * sizeof (float));
  }
  pixels->measure (samples[0][0], stride[0], 16, &luma);
  g_assert_cmpfloat (look.sum, ==, luma.sum);
  g_assert_cmpfloat (look.squares, ==, luma.squares);
  g_assert_cmpfloat (look.before, ==, sums.before);
  g_assert_cmpfloat (look.after, ==, sums.after);
  pixels->glance_at_cell (&cells[0], &cells[1], one, &glance);
  glance.after = pixels->fit_cell (&cells[0], &cells[1]);
  g_assert_cmpmem (&glance, sizeof (glance), &look, sizeof (look));
  g_assert_cmpmem (one, 384 * sizeof (float), left, 384 * sizeof (float));
  for (guint i = 0; i < 6; i++)
    alitra_floats_free (samples[i % 2][i / 2]);
}

/* A border in a picture with rows of `stride`: sample by sample, and nothing else changes. */
static void
check_softening (const AlitraPixelLoops * pixels, guint count, gboolean down)
{
  const AlitraSoftening how = { {.5f, .42f, .34f, .2f}, .08f };
  const gsize stride = 32, step = down ? stride : 1, line = down ? 1 : stride;
  float *a = random_floats (32 * 40), *b = alitra_floats_new (32 * 40);
  float *p = a + 5 * stride + 5;

  memcpy (b, a, 32 * 40 * sizeof (float));
  for (guint i = 0; i < count; i++) {
    float *q = b + 5 * stride + 5 + i * line;
    const gssize s = step;
    const double slope = ((q[-s] - q[-2 * s]) + (q[-2 * s] - q[-3 * s])
        + (q[s] - q[0]) + (q[2 * s] - q[s])) / 4.;
    double d = q[0] - q[-s] - slope;

    d *= how.limit / (fabs (d) + how.limit) * .7;
    for (gssize k = 0; k < 4; k++) {
      q[-(k + 1) * s] += d * how.weights[k];
      q[k * s] -= d * how.weights[k];
    }
  }
  if (down)
    pixels->soften_down (p - stride, p, stride, count, &how, .7f);
  else
    pixels->soften_across (p, stride, count, &how, .7f);
  for (guint i = 0; i < 32 * 40; i++)
    g_assert_cmpfloat (fabs (a[i] - b[i]), <, 1e-6);
  alitra_floats_free (a);
  alitra_floats_free (b);
}

/* Samples of the middle line of 13, between others: each by hand. */
static void
check_even_line (const AlitraPixelLoops * pixels, guint count)
{
  static const AlitraTaps taps = { 3, {1, 2, 6}, {.8f, .4f, 1.f}, .5f };
  const gsize stride = 6 + 300 + 6 + ALITRA_SLACK;
  float *samples = random_floats (13 * stride);
  float *to = alitra_floats_new (300 + ALITRA_SLACK);
  const float *lines[13];

  for (guint y = 0; y < 13; y++)
    lines[y] = samples + y * stride;
  pixels->even_line (to, lines + 6, 6, &taps, count);
  for (guint x = 0; x < count; x++) {
    const float *here = lines[6] + 6 + x;
    double sum = 0, weights = 1;

    for (guint t = 0; t < taps.count; t++) {
      const gssize away = taps.distance[t], far = away * stride;
      const double near[] = { here[-away], here[away], here[-far], here[far] };

      for (guint k = 0; k < G_N_ELEMENTS (near); k++) {
        const double d = (near[k] - *here) / taps.limit;
        const double w = taps.weight[t] * MAX (1. - d * d, 0.);

        sum += w * (near[k] - *here);
        weights += w;
      }
    }
    g_assert_cmpfloat (fabs (to[x] - (*here + sum / weights)), <, 1e-5);
  }
  alitra_floats_free (samples);
  alitra_floats_free (to);
}

/* Rows of every length up to some registers: each sample by hand, nothing written behind the last, and the same bits as in
 * a long row. */
static void
check_rows (const AlitraPixelLoops * pixels, guint count)
{
  static const float taps[4] = { -.07f, .87f, .23f, -.03f };
  float *rows[4], *to = random_floats (300), *all = random_floats (300);
  const float behind = to[2 * count], at_count = to[count];

  for (guint i = 0; i < 4; i++)
    rows[i] = random_floats (300);
  pixels->halve (all, rows[0], rows[1], 100);
  pixels->halve (to, rows[0], rows[1], count);
  for (guint i = 0; i < count; i++) {
    g_assert_cmpfloat (fabs (to[i] - (rows[0][2 * i] + rows[0][2 * i + 1]
                + rows[1][2 * i] + rows[1][2 * i + 1]) / 4.), <, 1e-6);
    g_assert_cmpfloat (to[i], ==, all[i]);
  }
  g_assert_cmpfloat (to[count], ==, at_count);
  pixels->filter_twice (all, rows[0], taps, 100);
  pixels->filter_twice (to, rows[0], taps, count);
  for (guint i = 0; i < 2 * count; i++) {
    const float *from = rows[0] + i / 2 + i % 2;
    double sum = 0;

    for (guint k = 0; k < 4; k++)
      sum += from[k] * taps[i % 2 ? k : 3 - k];
    g_assert_cmpfloat (fabs (to[i] - sum), <, 1e-6);
    g_assert_cmpfloat (to[i], ==, all[i]);
  }
  g_assert_cmpfloat (to[2 * count], ==, behind);
  pixels->filter_down (to, (const float *const *) rows, taps, count);
  for (guint i = 0; i < count; i++)
    g_assert_cmpfloat (fabs (to[i] - (rows[0][i] * taps[0] +
                rows[1][i] * taps[1]
                + rows[2][i] * taps[2] + rows[3][i] * taps[3])), <, 1e-6);
  memcpy (all, to, 300 * sizeof (float));
  pixels->accumulate (to, rows[2], count);
  pixels->add (rows[3], all, rows[2], count);
  for (guint i = 0; i < 300; i++) {
    g_assert_cmpfloat (to[i], ==, i < count ? all[i] + rows[2][i] : all[i]);
    if (i < count)
      g_assert_cmpfloat (rows[3][i], ==, to[i]);
  }
  memcpy (to, all, 300 * sizeof (float));
  pixels->add_sum (to, rows[0], rows[1], rows[2], count);
  for (guint i = 0; i < 300; i++)
    g_assert_cmpfloat (to[i], ==, i < count ? rows[0][i] + (rows[1][i]
            + rows[2][i]) : all[i]);
  for (guint i = 0; i < 4; i++)
    alitra_floats_free (rows[i]);
  alitra_floats_free (to);
  alitra_floats_free (all);
}

static void
check_bytes (const AlitraPixelLoops * pixels, const AlitraByteLoops * bytes,
    guint count)
{
  guint8 a[300], b[300], back[300];
  guint32 sizes[40] = { 0 }, want[40] = { 0 };
  gint32 lean[40] = { 0 }, wanted[40] = { 0 };
  float to[300];

  for (guint i = 0; i < 300; i++) {
    a[i] = g_test_rand_int_range (0, 256);
    b[i] = g_test_rand_int_range (0, 256);
    back[i] = 77;
    to[i] = 99;
  }
  pixels->from_bytes (to, a, 1 / 255.f, -.5f, count);
  for (guint i = 0; i < 300; i++)
    g_assert_cmpfloat (fabs (to[i] - (i < count ? a[i] / 255. - .5 : 99.)), <,
        1e-6);
  pixels->to_bytes (back, to, 255.f, 128.f, count);
  for (guint i = 0; i < 300; i++)
    g_assert_cmpuint (back[i], ==, i < count ? a[i] : 77);
  pixels->to_bytes (back, to, 1e9f, 128.f, count);
  for (guint i = 0; i < count; i++)
    g_assert_cmpuint (back[i], ==, a[i] < 128 ? 0 : 255);
  bytes->compare (a, b, count, sizes, lean);
  bytes->compare (b, a, count, sizes, lean);
  bytes->compare (a, b, count, sizes, lean);
  for (guint i = 0; i < count; i++) {
    want[i / 8] += 3 * ABS (a[i] - b[i]);
    wanted[i / 8] += a[i] - b[i];
  }
  for (guint i = 0; i < 40; i++) {
    g_assert_cmpuint (sizes[i], ==, want[i]);
    g_assert_cmpint (lean[i], ==, wanted[i]);
  }
}

static void
check_detail (const AlitraByteLoops * bytes, guint n)
{
  guint8 a[256], b[256];
  guint sum = 0;

  for (guint i = 0; i < 256; i++) {
    a[i] = g_test_rand_bit ()? 255 : 0;
    b[i] = g_test_rand_int_range (0, 256);
  }
  for (guint y = 0; y < n; y += 2)
    for (guint x = 0; x < n; x += 2) {
      const guint i = y * n + x;

      sum += ABS (a[i] - b[i] - (a[i + 1] - b[i + 1]) - (a[i + n] - b[i + n])
          + (a[i + n + 1] - b[i + n + 1]));
    }
  g_assert_cmpuint (bytes->detail (a, b, n), ==, sum);
}

static void
test_rows (gconstpointer loops)
{
  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint count = 0; count <= 70; count++) {
    check_rows (alitra_matrix_get_pixel_loops (), count);
    check_even_line (alitra_matrix_get_pixel_loops (), count);
    check_bytes (alitra_matrix_get_pixel_loops (),
        alitra_matrix_get_byte_loops (), count);
    check_softening (alitra_matrix_get_pixel_loops (), MIN (count, 30), FALSE);
    check_softening (alitra_matrix_get_pixel_loops (), count % 24 / 8 * 8,
        TRUE);
    check_detail (alitra_matrix_get_byte_loops (), 16);
    check_detail (alitra_matrix_get_byte_loops (), 8);
  }
}

static void
test_blocks (gconstpointer loops)
{
  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint round = 0; round < 10; round++) {
    check_block (alitra_matrix_get_pixel_loops (), 16, 16 + 5 * round);
    check_block (alitra_matrix_get_pixel_loops (), 8, 8 + 3 * round);
    check_cell (alitra_matrix_get_pixel_loops ());
  }
}

static void
check_half (guint half, float got)
{
  const guint exponent = half >> 10 & 31, fraction = half & 1023;
  const float size = exponent ? ldexpf (fraction + 1024, (int) exponent - 25)
      : ldexpf (fraction, -24);

  g_assert_cmpfloat (got, ==, half & 0x8000 ? -size : size);
  g_assert_true (!signbit (got) == !(half & 0x8000));
}

/* All half floats there are, from an odd address. */
static void
test_halves (gconstpointer loops)
{
  const guint infinity = 31 << 10;
  guint8 bytes[2 * 0x10000 + 1];
  g_autofree float *to = g_new (float, 0x10000);

  if (!alitra_matrix_set_loops (loops)) {
    g_test_skip ("this machine cannot run them");
    return;
  }
  for (guint half = 0; half < 0x10000; half++) {
    bytes[1 + 2 * half] = half & 255;
    bytes[2 + 2 * half] = half >> 8;
  }
  for (guint sign = 0; sign <= 0x8000; sign += 0x8000) {
    g_assert_true (alitra_matrix_from_halves (bytes + 1 + 2 * sign, infinity,
            to));
    for (guint i = 0; i < infinity; i++)
      check_half (sign + i, to[i]);
    for (guint bad = infinity; bad < 0x8000; bad += 341)
      g_assert_false (alitra_matrix_from_halves (bytes + 1 + 2 * (sign + bad),
              1, to));
    g_assert_false (alitra_matrix_from_halves (bytes + 1 + 2 * sign,
            infinity + 1, to));
  }
}

#define PIECES 333

typedef struct
{
  gint done[PIECES];
  gint owner[64];               /* pieces under way with each worker's scratch */
  guint threads;
} Count;

static void
count_piece (gpointer data, guint piece, guint worker)
{
  Count *count = data;

  g_assert_cmpuint (worker, <, count->threads);
  g_assert_cmpint (g_atomic_int_add (&count->owner[worker], 1), ==, 0);
  g_atomic_int_inc (&count->done[piece]);
  g_atomic_int_add (&count->owner[worker], -1);
}

static void
test_workers (void)
{
  for (guint threads = 0; threads <= 5; threads++) {
    AlitraWorkers *workers = alitra_workers_new (threads);
    Count count = { {0}, {0}, alitra_workers_get_threads (workers) };

    if (threads)
      g_assert_cmpuint (count.threads, ==, threads);
    for (guint round = 1; round <= 200; round++) {
      const guint pieces = round % 4 == 0 ? round % 3 : PIECES;

      memset (count.done, 0, sizeof count.done);
      alitra_workers_run (workers, pieces, count_piece, &count);
      for (guint i = 0; i < PIECES; i++)
        g_assert_cmpint (count.done[i], ==, i < pieces);
    }
    alitra_workers_free (workers);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    static const struct
    {
      const char *name;
      GTestDataFunc func;
    } tests[] = {
      {"multiply", test_multiply}, {"alone", test_alone}, {"nearest",
          test_nearest}, {"ties", test_ties}, {"panels", test_panels},
      {"halves", test_halves}, {"gates",
          test_gates}, {"blocks", test_blocks}, {"rows", test_rows},
      {"spread", test_spread}, {"few-rows", test_panels_of_few_rows},
      {"halves-of-codes", test_halves_of_codes}
    };

    for (guint t = 0; t < G_N_ELEMENTS (tests); t++) {
      g_autofree char *path =
          g_strdup_printf ("/matrix/%s/%s", all_loops[i], tests[t].name);

      g_test_add_data_func (path, all_loops[i], tests[t].func);
    }
  }
  g_test_add_func ("/matrix/no-halves", test_no_halves);
  g_test_add_func ("/workers/pieces", test_workers);
  return g_test_run ();
}
