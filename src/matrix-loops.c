/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with
 *   ALITRA_LANES  floats in a vector register (4, 8 or 16)
 *   ALITRA_WIDE   whether there are 32 registers (12 rows at a time) or 16 (6 rows)
 *   ALITRA_LOOPS  name of the table
 * A tile of rows times two vectors of columns is summed in registers; the inputs of a row are broadcast. */
#include <string.h>

#include "matrix-loops.h"

#define VECTORS 2
#define COLUMNS (VECTORS * ALITRA_LANES)
/* Panels of codes that stay in the first-level cache while a group of rows is searched. */
#define GROUP 48

typedef float Vector __attribute__((vector_size (4 * ALITRA_LANES)));
typedef gint32 Index __attribute__((vector_size (4 * ALITRA_LANES)));
/* the same in memory, where it may be an array of floats: at an aligned address, and at any */
typedef float Aligned
    __attribute__((vector_size (4 * ALITRA_LANES), may_alias));
typedef float Loose
    __attribute__((vector_size (4 * ALITRA_LANES), aligned (4), may_alias));

#define EACH_1(M) M (0)
#define EACH_2(M) EACH_1 (M) M (1)
#define EACH_3(M) EACH_2 (M) M (2)
#define EACH_6(M) EACH_3 (M) M (3) M (4) M (5)
#define EACH_12(M) EACH_6 (M) M (6) M (7) M (8) M (9) M (10) M (11)

static inline Vector
splat (float x)
{
  return x - (Vector) {
  0};
}

/* The sums of R rows and COLUMNS columns: weights are ALITRA_PANEL floats an input, `start` COLUMNS floats. */
#define DECLARE(r) Vector low##r = start_low, high##r = start_high; const float *row##r = in + r * in_stride;
#define ADVANCE(r) { Vector x = splat (row##r[k]); low##r += x * a; high##r += x * b; }
#define SUM(EACH) \
  const Vector start_low = *(const Aligned *) start, start_high = *(const Aligned *) (start + ALITRA_LANES); \
  EACH (DECLARE) \
  for (guint k = 0; k < inputs; k++) { \
    const Vector a = *(const Aligned *) (weights + (gsize) k * ALITRA_PANEL); \
    const Vector b = *(const Aligned *) (weights + (gsize) k * ALITRA_PANEL + ALITRA_LANES); \
    EACH (ADVANCE) \
  }

static inline Vector
positive (Vector x)
{
  return (Vector) ((Index) x & (Index) (x > (Vector) {
          0}
      ));
}

static inline void
finish (Vector low, Vector high, float *out, AlitraEnd end)
{
  Loose *to = (Loose *) out, *next = (Loose *) (out + ALITRA_LANES);

  if (end == ALITRA_END_POSITIVE) {
    low = positive (low);
    high = positive (high);
  } else if (end == ALITRA_END_ADD) {
    low += *to;
    high += *next;
  }
  *to = low;
  *next = high;
}

#define FINISH(r) finish (low##r, high##r, out + r * out_stride, end);
#define DEFINE_PRODUCT(R) \
static void \
product_##R (const float *weights, const float *start, guint inputs, const float *in, gsize in_stride, float *out, \
    gsize out_stride, AlitraEnd end) \
{ \
  SUM (EACH_##R) \
  EACH_##R (FINISH) \
}

/* Keeps, lane by lane, the best sum so far and the number of the vector that it was in. */
static inline void
better (Vector value, gint32 number, Vector * best, Index * where)
{
  const Index is = (Index) (value > *best);

  *best = (Vector) ((is & (Index) value) | (~is & (Index) * best));
  *where = (is & ((Index) {
          0} +number)) | (~is & *where);
}

#define KEEP(r) { Vector v = best[r]; Index w = where[r]; \
  better (low##r, number, &v, &w); better (high##r, number + 1, &v, &w); best[r] = v; where[r] = w; }
#define DEFINE_SEARCH(R) \
static void \
search_##R (const float *weights, const float *start, guint inputs, const float *in, gsize in_stride, gint32 number, \
    Vector * best, Index * where) \
{ \
  SUM (EACH_##R) \
  EACH_##R (KEEP) \
}

DEFINE_PRODUCT (1)
    DEFINE_PRODUCT (3)
    DEFINE_SEARCH (1)
    DEFINE_SEARCH (3)
#if ALITRA_WIDE
#define MOST 12
    DEFINE_PRODUCT (6)
    DEFINE_PRODUCT (12)
    DEFINE_SEARCH (6)
    DEFINE_SEARCH (12)
#else
#define MOST 6
    DEFINE_PRODUCT (6)
    DEFINE_SEARCH (6)
#endif
     static inline guint next_rows (guint left)
{
  if (MOST == 12 && left >= 12)
    return 12;
  return left >= 6 ? 6 : left >= 3 ? 3 : 1;
}

static inline void
product (guint rows, const float *weights, const float *start, guint inputs,
    const float *in, gsize in_stride, float *out, gsize out_stride,
    AlitraEnd end)
{
  switch (rows) {
#if ALITRA_WIDE
    case 12:
      product_12 (weights, start, inputs, in, in_stride, out, out_stride, end);
      break;
#endif
    case 6:
      product_6 (weights, start, inputs, in, in_stride, out, out_stride, end);
      break;
    case 3:
      product_3 (weights, start, inputs, in, in_stride, out, out_stride, end);
      break;
    default:
      product_1 (weights, start, inputs, in, in_stride, out, out_stride, end);
      break;
  }
}

/* The columns at the end of a matrix that do not fill a vector pair. */
static void
product_partial (guint rows, const float *weights, const float *start,
    guint inputs, const float *in, gsize in_stride, float *out,
    gsize out_stride, AlitraEnd end, guint columns)
{
  float whole[MOST * COLUMNS];

  for (guint r = 0; end == ALITRA_END_ADD && r < rows; r++) {
    memcpy (whole + r * COLUMNS, out + r * out_stride,
        columns * sizeof (float));
    memset (whole + r * COLUMNS + columns, 0,
        (COLUMNS - columns) * sizeof (float));
  }
  product (rows, weights, start, inputs, in, in_stride, whole, COLUMNS, end);
  for (guint r = 0; r < rows; r++)
    memcpy (out + r * out_stride, whole + r * COLUMNS,
        columns * sizeof (float));
}

static void
multiply (const AlitraMatrix * matrix, guint rows, const float *in,
    gsize in_stride, float *out, gsize out_stride, AlitraEnd end)
{
  for (guint column = 0; column < matrix->outputs; column += COLUMNS) {
    const gsize panel = column / ALITRA_PANEL, inside = column % ALITRA_PANEL;
    const float *weights =
        matrix->data + panel * matrix->inputs * ALITRA_PANEL + inside;
    const float *start = matrix->start + column;
    const guint columns = MIN (matrix->outputs - column, COLUMNS);
    guint r = 0;

    while (r < rows) {
      const guint n = next_rows (rows - r);
      const float *from = in + r * in_stride;
      float *to = out + r * out_stride + column;

      if (columns == COLUMNS)
        product (n, weights, start, matrix->inputs, from, in_stride, to,
            out_stride, end);
      else
        product_partial (n, weights, start, matrix->inputs, from, in_stride, to,
            out_stride, end, columns);
      r += n;
    }
  }
}

/* The same with what fills up the last panel: out_stride is at least as long. */
static void
multiply_whole (const AlitraMatrix * matrix, guint rows, const float *in,
    gsize in_stride, float *out, gsize out_stride)
{
  AlitraMatrix whole = *matrix;

  whole.outputs = matrix->panels * ALITRA_PANEL;
  multiply (&whole, rows, in, in_stride, out, out_stride, ALITRA_END_STORE);
}

static inline void
search (guint rows, const float *weights, const float *start, guint inputs,
    const float *in, gsize in_stride, gint32 number, Vector * best,
    Index * where)
{
  switch (rows) {
#if ALITRA_WIDE
    case 12:
      search_12 (weights, start, inputs, in, in_stride, number, best, where);
      break;
#endif
    case 6:
      search_6 (weights, start, inputs, in, in_stride, number, best, where);
      break;
    case 3:
      search_3 (weights, start, inputs, in, in_stride, number, best, where);
      break;
    default:
      search_1 (weights, start, inputs, in, in_stride, number, best, where);
      break;
  }
}

/* The best of the lanes; of equals, the lowest code. Vectors are numbered in the order of the codes. */
static guint16
best_of_lanes (Vector best, Index where)
{
  float value = best[0];
  guint id = (guint) where[0] * ALITRA_LANES;

  for (guint i = 1; i < ALITRA_LANES; i++) {
    const guint other = (guint) where[i] * ALITRA_LANES + i;

    if (best[i] > value || (best[i] == value && other < id)) {
      value = best[i];
      id = other;
    }
  }
  return id;
}

static void
start_search (guint rows, Vector * best, Index * where)
{
  for (guint r = 0; r < rows; r++) {
    best[r] = splat (-G_MAXFLOAT);
    where[r] = (Index) {
    0};
  }
}

static void
nearest (const AlitraMatrix * codes, guint rows, const float *in,
    gsize in_stride, guint16 * ids)
{
  Vector best[GROUP];
  Index where[GROUP];

  for (guint group = 0; group < rows; group += GROUP) {
    const guint members = MIN (rows - group, GROUP);

    start_search (members, best, where);
    for (guint column = 0; column < codes->outputs; column += COLUMNS) {
      const gsize panel = column / ALITRA_PANEL, inside = column % ALITRA_PANEL;
      const float *weights =
          codes->data + panel * codes->inputs * ALITRA_PANEL + inside;

      for (guint r = 0, n; r < members; r += n) {
        n = next_rows (members - r);
        search (n, weights, codes->start + column, codes->inputs,
            in + (group + r) * in_stride, in_stride, column / ALITRA_LANES,
            best + r, where + r);
      }
    }
    for (guint r = 0; r < members; r++)
      ids[group + r] = best_of_lanes (best[r], where[r]);
  }
}

/* How many of the numbers are at least `limit`. */
static guint
count_from (const float *numbers, guint vectors, float limit)
{
  const Vector least = splat (limit);
  Index count = { 0 };
  guint sum = 0;

  for (guint i = 0; i < vectors; i++)
    count -= (Index) (*(const Loose *) (numbers + i * ALITRA_LANES) >= least);
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sum += count[lane];
  return sum;
}

/* A limit that the `wanted` largest of the numbers reach, and no others unless some are equal.  What fills up the last
 * vector is -G_MAXFLOAT. */
static float
find_limit (const float *numbers, guint vectors, guint wanted)
{
  float low = G_MAXFLOAT, high = -G_MAXFLOAT, middle;

  for (guint i = 0; i < vectors * ALITRA_LANES; i++) {
    high = numbers[i] > high ? numbers[i] : high;
    low = numbers[i] < low && numbers[i] > -G_MAXFLOAT ? numbers[i] : low;
  }
  while (middle = low + .5f * (high - low), middle > low && middle < high) {
    const guint count = count_from (numbers, vectors, middle);

    if (count == wanted)
      return middle;
    if (count > wanted)
      low = middle;
    else
      high = middle;
  }
  return count_from (numbers, vectors, high) >= wanted ? high : low;
}

/* The same columns of two panels, the lower one first. */
static inline void
search_two (const float *first, const float *second, const float *start_first,
    const float *start_second, guint inputs, const float *in, gint32 number,
    gint32 next, Vector * best, Index * where)
{
  Vector a = *(const Aligned *) start_first;
  Vector b = *(const Aligned *) (start_first + ALITRA_LANES);
  Vector c = *(const Aligned *) start_second;
  Vector d = *(const Aligned *) (start_second + ALITRA_LANES);

  for (guint k = 0; k < inputs; k++) {
    const Vector x = splat (in[k]);
    const gsize at = (gsize) k * ALITRA_PANEL;

    a += x * *(const Aligned *) (first + at);
    b += x * *(const Aligned *) (first + at + ALITRA_LANES);
    c += x * *(const Aligned *) (second + at);
    d += x * *(const Aligned *) (second + at + ALITRA_LANES);
  }
  better (a, number, best, where);
  better (b, number + 1, best, where);
  better (c, next, best, where);
  better (d, next + 1, best, where);
}

/* Looks through some panels, which are in rising order. */
static guint16
search_panels (const AlitraMatrix * codes, const guint16 * panels, guint count,
    const float *in)
{
  const gsize size = (gsize) codes->inputs * ALITRA_PANEL;
  Vector best;
  Index where;

  start_search (1, &best, &where);
  for (guint i = 0; i < count; i += 2) {
    const guint p = panels[i], q = panels[MIN (i + 1, count - 1)];

    for (guint column = 0; column < ALITRA_PANEL; column += COLUMNS)
      search_two (codes->data + p * size + column,
          codes->data + q * size + column,
          codes->start + p * ALITRA_PANEL + column,
          codes->start + q * ALITRA_PANEL + column, codes->inputs, in,
          (p * ALITRA_PANEL + column) / ALITRA_LANES,
          (q * ALITRA_PANEL + column) / ALITRA_LANES, &best, &where);
  }
  return best_of_lanes (best, where);
}

static void
nearest_of_panels (const AlitraMatrix * codes, const AlitraMatrix * centres,
    guint probes, guint rows, const float *in, gsize in_stride, guint16 * ids)
{
  const guint stride = centres->panels * ALITRA_PANEL;
  float scores[MOST * ALITRA_MAX_CENTRES];
  guint16 panels[ALITRA_MAX_CENTRES + 1];

  for (guint r = 0; r < rows; r++) {
    const float *score = scores + r % MOST * stride;
    const float *from = in + r * in_stride;
    guint count = 0;
    float limit;

    if (r % MOST == 0)
      multiply_whole (centres, MIN (rows - r, MOST), from, in_stride, scores,
          stride);
    limit = find_limit (score, stride / ALITRA_LANES, probes);
    for (guint p = 0; p < centres->outputs; p++) {
      panels[count] = p;
      count += score[p] >= limit;
    }
    ids[r] = search_panels (codes, panels, count, from);
  }
}

static void
spread (const float *const rows[9], const float *taps, guint count, float *out)
{
  guint c = 0;

  for (; c + ALITRA_LANES <= count; c += ALITRA_LANES) {
    Vector sum = *(const Loose *) (rows[0] + c) * *(const Loose *) (taps + c);

    for (guint i = 1; i < 9; i++)
      sum +=
          *(const Loose *) (rows[i] + c) * *(const Loose *) (taps +
          (gsize) i * count + c);
    *(Loose *) (out + c) = sum;
  }
  for (; c < count; c++) {
    float sum = rows[0][c] * taps[c];

    for (guint i = 1; i < 9; i++)
      sum += rows[i][c] * taps[(gsize) i * count + c];
    out[c] = sum;
  }
}

static float
energy (const float *in, guint n)
{
  Vector sums = { 0 };
  float sum = 0;
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES) {
    const Vector x = *(const Loose *) (in + i);

    sums += x * x;
  }
  for (; i < n; i++)
    sum += in[i] * in[i];
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sum += sums[lane];
  return sum;
}

/* e to the power of x, good to 2e-7 of itself, and 0 below -87: x = whole * log 2 + rest, and a polynomial in the rest. */
static inline Vector
exponent (Vector x)
{
  const float round = 12582912.f;       /* adding it leaves whole numbers in the low bits */
  const Index low = (Index) (x < splat (-87.f));
  const Index high = (Index) (x > splat (88.f));
  Vector whole, rest, power;

  x = (Vector) ((low & (Index) splat (-87.f)) | (high & (Index) splat (88.f))
      | (~low & ~high & (Index) x));
  whole = x * 1.44269504f + round;
  rest = whole - round;
  power = (Vector) (((Index) whole - (Index) splat (round) + 127) << 23);
  rest = x - rest * .693359375f - rest * -2.12194440e-4f;
  rest = ((((((splat (1.9875691e-4f) * rest + 1.3981999e-3f) * rest
                      + 8.3334519e-3f) * rest + 4.1665796e-2f) * rest
              + 1.6666665e-1f) * rest + .5f) * rest * rest) + rest + 1.f;
  return (Vector) (~low & (Index) (rest * power));
}

/* Half of x times one plus the error function of x over the root of two (Abramowitz and Stegun, 7.1.26: within 2e-7). */
static inline Vector
gelu_of (Vector x)
{
  const Index negative = (Index) (x < (Vector) {
        0
      });
  const Vector size = (Vector) ((Index) x & ~(Index) splat (-0.f));
  const Vector z = size * .70710678f;
  const Vector t = 1.f / (z * .3275911f + 1.f);
  const Vector tail = ((((t * 1.061405429f - 1.453152027f) * t
              + 1.421413741f) * t - .284496736f) * t
      + .254829592f) * t * exponent (-z * z);
  const Vector half = size * .5f;

  /* x times a half of (1 + erf): for negative x what is left of the tail. */
  return (Vector) ((negative & (Index) (-half * tail)) | (~negative
          & (Index) (size - half * tail)));
}

/* Numbers beyond the last whole vector go through a vector of their own. */
static float
exponents (float *numbers, guint n, float less)
{
  Vector sums = { 0 };
  float sum = 0, last[ALITRA_LANES] = { 0 };
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES) {
    const Vector x = exponent (*(const Loose *) (numbers + i) - less);

    *(Loose *) (numbers + i) = x;
    sums += x;
  }
  if (i < n) {
    memcpy (last, numbers + i, (n - i) * sizeof (float));
    *(Loose *) last = exponent (*(const Loose *) last - less);
    memcpy (numbers + i, last, (n - i) * sizeof (float));
    for (guint lane = 0; lane < n - i; lane++)
      sum += last[lane];
  }
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sum += sums[lane];
  return sum;
}

static void
gelu (float *numbers, guint n)
{
  float last[ALITRA_LANES] = { 0 };
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES)
    *(Loose *) (numbers + i) = gelu_of (*(const Loose *) (numbers + i));
  if (i < n) {
    memcpy (last, numbers + i, (n - i) * sizeof (float));
    *(Loose *) last = gelu_of (*(const Loose *) last);
    memcpy (numbers + i, last, (n - i) * sizeof (float));
  }
}

const AlitraLoops ALITRA_LOOPS =
    { ALITRA_LOOPS_NAME, multiply, nearest, nearest_of_panels, spread, energy,
  exponents, gelu
};
