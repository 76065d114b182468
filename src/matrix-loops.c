/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with
 *   ALITRA_LANES  floats in a vector register (4, 8 or 16)
 *   ALITRA_WIDE   whether there are 32 registers (12 rows at a time) or 16 (6 rows)
 *   ALITRA_LOOPS  name of the table
 * A tile of rows times two vectors of columns is summed in registers; the inputs of a row are broadcast. */
#include <math.h>
#include <string.h>
#ifdef ALITRA_HAVE_X86
#include <immintrin.h>
#endif

#include "matrix-loops.h"

#define VECTORS 2
#define COLUMNS (VECTORS * ALITRA_LANES)
/* Vectors of columns that are summed side by side for so few rows that their sums would wait for each other. */
#define SIDE_BY_SIDE 6
#define FEW 2
#define EACH_FEW(M) M (1) M (2)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Panels of codes that stay in the first-level cache while a group of rows is searched. */
#define GROUP 48
/* Times ALITRA_PANEL: rows that are searched together by panels. */
#define BLOCKS 3
/* Half floats from the one that is read to the one that is asked for: matrices of half floats lie too far away for most calls,
 * which bring few rows, and what comes from there has to be under way while others are multiplied. */
#define AHEAD (64 * ALITRA_PANEL)
/* Halvings after which the numbers of a column count as equal. */
#define MOST_ROUNDS 200

typedef float Vector __attribute__((vector_size (4 * ALITRA_LANES)));
typedef gint32 Index __attribute__((vector_size (4 * ALITRA_LANES)));
/* the same in memory, where it may be an array of floats: at an aligned address, and at any */
typedef float Aligned
    __attribute__((vector_size (4 * ALITRA_LANES), may_alias));
typedef float Loose
    __attribute__((vector_size (4 * ALITRA_LANES), aligned (4), may_alias));

#if ALITRA_LANES == 16
static const Index lanes =
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#elif ALITRA_LANES == 8
static const Index lanes = { 0, 1, 2, 3, 4, 5, 6, 7 };
#else
static const Index lanes = { 0, 1, 2, 3 };
#endif

/* In whole numbers, so that the host's treatment of denormal floats does not matter. */
static inline float
float_of_half (guint16 half)
{
  const guint32 size = half & 0x7fff;
  const float fraction = (float) (gint32) size * 0x1p-24f;
  guint32 bits, small;
  float number;

  memcpy (&small, &fraction, sizeof small);
  bits = size < 1 << 10 ? small : (size << 13) + (112 << 23);
  bits |= (guint32) (half & 0x8000) << 16;
  memcpy (&number, &bits, sizeof number);
  return number;
}

/* As many half floats as a vector has lanes, as floats. */
static inline Vector
read_halves (const guint16 * from)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  return (Vector) _mm512_cvtph_ps (_mm256_loadu_si256 ((const __m256i *) from));
#elif defined (__F16C__) && ALITRA_LANES == 8
  return (Vector) _mm256_cvtph_ps (_mm_loadu_si128 ((const __m128i *) from));
#else
  Vector floats;

  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    floats[lane] = float_of_half (from[lane]);
  return floats;
#endif
}

#define EACH_1(M) M (0)
#define EACH_2(M) EACH_1 (M) M (1)
#define EACH_3(M) EACH_2 (M) M (2)
#define EACH_4(M) EACH_3 (M) M (3)
#define EACH_6(M) EACH_4 (M) M (4) M (5)
#define EACH_8(M) EACH_6 (M) M (6) M (7)
#define EACH_12(M) EACH_6 (M) M (6) M (7) M (8) M (9) M (10) M (11)

static inline Vector
splat (float x)
{
  return x - (Vector) {
  0};
}

/* The sums of R rows and COLUMNS columns: weights are ALITRA_PANEL floats an input, `start` COLUMNS floats. */
#define READ_FLOATS(at) (*(const Aligned *) (at))
#define STAY(at)
#define ASK(at) __builtin_prefetch ((at) + AHEAD);
#define DECLARE(r) Vector low##r = start_low, high##r = start_high; const float *row##r = in + r * in_stride;
#define ADVANCE(r) { Vector x = splat (row##r[k]); low##r += x * a; high##r += x * b; }
#define SUM(BEGIN, EACH, READ, FETCH) \
  const Vector start_low = *(const Aligned *) start, start_high = *(const Aligned *) (start + ALITRA_LANES); \
  EACH (BEGIN) \
  for (guint k = 0; k < inputs; k++) { \
    const Vector a = READ (weights + (gsize) k * ALITRA_PANEL); \
    const Vector b = READ (weights + (gsize) k * ALITRA_PANEL + ALITRA_LANES); \
    FETCH (weights + (gsize) k * ALITRA_PANEL) \
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
finish (Vector sum, float *out, AlitraEnd end)
{
  Loose *to = (Loose *) out;

  if (end == ALITRA_END_POSITIVE)
    sum = positive (sum);
  else if (end == ALITRA_END_ADD)
    sum += *to;
  *to = sum;
}

#define FINISH(r) finish (low##r, out + r * out_stride, end); finish (high##r, out + r * out_stride + ALITRA_LANES, end);
#define DEFINE_PRODUCT_OF(NAME, TYPE, R, READ, FETCH) \
static void \
NAME##_##R (const TYPE *weights, const float *start, guint inputs, const float *in, gsize in_stride, float *out, \
    gsize out_stride, AlitraEnd end) \
{ \
  SUM (DECLARE, EACH_##R, READ, FETCH) \
  EACH_##R (FINISH) \
}
#define DEFINE_PRODUCT(R) \
DEFINE_PRODUCT_OF (product, float, R, READ_FLOATS, STAY) \
DEFINE_PRODUCT_OF (product_halves, guint16, R, read_halves, ASK)

/* a where the mask is set, else b */
static inline Vector
either (Index mask, Vector a, Vector b)
{
  return (Vector) ((mask & (Index) a) | (~mask & (Index) b));
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
  SUM (DECLARE, EACH_##R, READ_FLOATS, STAY) \
  EACH_##R (KEEP) \
}

/* The same for rows that lie anywhere. */
#define DECLARE_PICKED(r) Vector low##r = start_low, high##r = start_high; \
  const float *row##r = in + which[r] * in_stride;
#define KEEP_PICKED(r) better (low##r, number, best + which[r], where + which[r]); \
  better (high##r, number + 1, best + which[r], where + which[r]);
#define DEFINE_PICK_OF(NAME, TYPE, R, READ) \
static void \
NAME##_##R (const TYPE *weights, const float *start, guint inputs, const float *in, gsize in_stride, \
    const guint8 * which, gint32 number, Vector * best, Index * where) \
{ \
  SUM (DECLARE_PICKED, EACH_##R, READ, STAY) \
  EACH_##R (KEEP_PICKED) \
}
#define DEFINE_PICK(R) \
DEFINE_PICK_OF (pick, float, R, READ_FLOATS) \
DEFINE_PICK_OF (pick_halves, guint16, R, read_halves)

/* Numbers of rows that there are loops for. */
#if ALITRA_WIDE
#define MOST 12
#define EACH_ROWS(M) M (1) M (2) M (3) M (4) M (6) M (8) M (12)
#define EACH_PICK(M) M (3) M (6) M (12)
#else
#define MOST 6
#define EACH_ROWS(M) M (1) M (2) M (3) M (4) M (6)
#define EACH_PICK(M) M (3) M (6)
#endif

/* *INDENT-OFF* */
EACH_ROWS (DEFINE_PRODUCT)
EACH_ROWS (DEFINE_SEARCH)
EACH_PICK (DEFINE_PICK)
/* *INDENT-ON* */

/* Rows that are done at once, of so many that are left: where few are left of many, none alone, since its sums would wait
 * for each other. */
static inline guint
next_rows (guint left)
{
  if (MOST == 12 && (left == 8 || left == 11 || left == 16))
    return 8;
  if (MOST == 12 && left >= 12)
    return 12;
  return left == 7 || left == 4 ? 4 : left >= 6 ? 6 : MIN (left, 3);
}

/* Some rows of a product: the columns from `column` on. */
typedef struct
{
  const AlitraMatrix *matrix;
  guint column;
  const float *in;
  gsize in_stride;
  float *out;
  gsize out_stride;
  AlitraEnd end;
} Part;

/* Where a column begins among the weights. */
static inline gsize
place_of (const AlitraMatrix * matrix, guint column)
{
  return column / ALITRA_PANEL * (gsize) matrix->inputs * ALITRA_PANEL
      + column % ALITRA_PANEL;
}

static void
sum_pair (guint rows, const Part * part)
{
  const AlitraMatrix *matrix = part->matrix;
  const gsize at = place_of (matrix, part->column);
  const float *start = matrix->start + part->column;

#define PRODUCT(R) \
  case R: \
    if (matrix->halves) \
      product_halves_##R (matrix->halves + at, start, matrix->inputs, part->in, part->in_stride, part->out, \
          part->out_stride, part->end); \
    else \
      product_##R (matrix->data + at, start, matrix->inputs, part->in, part->in_stride, part->out, part->out_stride, \
          part->end); \
    break;

  switch (rows) {
      EACH_ROWS (PRODUCT)
  }
}

/* Another number of vectors than a pair. `rows`, `vectors` and `halves` are constants where this is called: all sums are in
 * registers. */
ALWAYS_INLINE void
sum_vectors (guint rows, guint vectors, gboolean halves, const Part * part)
{
  const AlitraMatrix *matrix = part->matrix;
  const gsize inputs = matrix->inputs, out_stride = part->out_stride;
  const AlitraEnd end = part->end;
  float *out = part->out;
  const float *row[MOST];
  Vector sums[MOST][SIDE_BY_SIDE];
  gsize at[SIDE_BY_SIDE];

#pragma GCC unroll 12
  for (guint r = 0; r < rows; r++)
    row[r] = part->in + r * part->in_stride;
#pragma GCC unroll 6
  for (guint v = 0; v < vectors; v++) {
    const guint column = part->column + v * ALITRA_LANES;

    at[v] = place_of (matrix, column);
#pragma GCC unroll 12
    for (guint r = 0; r < rows; r++)
      sums[r][v] = *(const Aligned *) (matrix->start + column);
  }
  for (gsize k = 0; k < inputs; k++) {
#pragma GCC unroll 6
    for (guint v = 0; v < vectors; v++) {
      const gsize here = at[v] + k * ALITRA_PANEL;
      const Vector weights = halves ? read_halves (matrix->halves + here)
          : (Vector) * (const Aligned *) (matrix->data + here);

#pragma GCC unroll 12
      for (guint r = 0; r < rows; r++)
        sums[r][v] += splat (row[r][k]) * weights;
    }
  }
#pragma GCC unroll 12
  for (guint r = 0; r < rows; r++)
#pragma GCC unroll 6
    for (guint v = 0; v < vectors; v++)
      finish (sums[r][v], out + r * out_stride + v * ALITRA_LANES, end);
}

#define SUM_VECTORS(R) \
  case R: \
    if (part->matrix->halves) \
      sum_vectors (R, vectors, TRUE, part); \
    else \
      sum_vectors (R, vectors, FALSE, part); \
    break;

static void
sum_side_by_side (guint rows, const Part * part)
{
  const guint vectors = SIDE_BY_SIDE;

  switch (rows) {
      EACH_FEW (SUM_VECTORS)
  }
}

static void
sum_vector (guint rows, const Part * part)
{
  const guint vectors = 1;

  switch (rows) {
      EACH_ROWS (SUM_VECTORS)
  }
}

/* The columns at the end of a matrix that do not fill vectors. */
static void
sum_rest (guint rows, guint columns, const Part * part)
{
  float whole[MOST * COLUMNS];
  Part rest = *part;

  rest.out = whole;
  rest.out_stride = COLUMNS;
  for (guint r = 0; part->end == ALITRA_END_ADD && r < rows; r++) {
    memcpy (whole + r * COLUMNS, part->out + r * part->out_stride,
        columns * sizeof (float));
    memset (whole + r * COLUMNS + columns, 0,
        (COLUMNS - columns) * sizeof (float));
  }
  if (columns > ALITRA_LANES)
    sum_pair (rows, &rest);
  else
    sum_vector (rows, &rest);
  for (guint r = 0; r < rows; r++)
    memcpy (part->out + r * part->out_stride, whole + r * COLUMNS,
        columns * sizeof (float));
}

/* How many of the columns that are left are done at once. */
static inline guint
next_columns (guint rows, guint left)
{
  if (rows <= FEW && left >= SIDE_BY_SIDE * ALITRA_LANES)
    return SIDE_BY_SIDE * ALITRA_LANES;
  return MIN (left, COLUMNS);
}

static inline void
sum_columns (guint rows, guint columns, const Part * part)
{
  if (columns == COLUMNS)
    sum_pair (rows, part);
  else if (columns == SIDE_BY_SIDE * ALITRA_LANES)
    sum_side_by_side (rows, part);
  else if (columns == ALITRA_LANES)
    sum_vector (rows, part);
  else
    sum_rest (rows, columns, part);
}

static void
multiply (const AlitraMatrix * matrix, guint rows, const float *in,
    gsize in_stride, float *out, gsize out_stride, AlitraEnd end)
{
  Part part = { matrix, 0, in, in_stride, out, out_stride, end };

  for (guint columns; part.column < matrix->outputs; part.column += columns) {
    columns = next_columns (rows, matrix->outputs - part.column);
    for (guint r = 0, n; r < rows; r += n) {
      n = next_rows (rows - r);
      part.in = in + r * in_stride;
      part.out = out + r * out_stride + part.column;
      sum_columns (n, columns, &part);
    }
  }
}

static inline void
search (guint rows, const float *weights, const float *start, guint inputs,
    const float *in, gsize in_stride, gint32 number, Vector * best,
    Index * where)
{
#define SEARCH(R) \
  case R: \
    search_##R (weights, start, inputs, in, in_stride, number, best, where); \
    break;

  switch (rows) {
      EACH_ROWS (SEARCH)
  }
}

/* Columns `at` and on of a panel. */
static inline void
pick (guint rows, const AlitraMatrix * codes, gsize at, const float *start,
    const float *in, gsize in_stride, const guint8 * which, gint32 number,
    Vector * best, Index * where)
{
#define PICK(R) \
  case R: \
    if (codes->halves) \
      pick_halves_##R (codes->halves + at, start, codes->inputs, in, in_stride, which, number, best, where); \
    else \
      pick_##R (codes->data + at, start, codes->inputs, in, in_stride, which, number, best, where); \
    break;

  switch (rows) {
      EACH_PICK (PICK)
  }
}

/* Rows become columns: blocks of half the size change places, then those in them. */
#define TURN_BLOCKS(h) \
  for (guint i = 0; i < ALITRA_LANES; i++) { \
    const Vector a = rows[i], b = rows[(i + h) % ALITRA_LANES]; \
    const Index behind = (lanes & h) != 0; \
\
    if (i & h) \
      continue; \
    rows[i] = __builtin_shuffle (a, b, lanes + (behind & (ALITRA_LANES - h))); \
    rows[i + h] = __builtin_shuffle (a, b, lanes + h + (behind & (ALITRA_LANES - h))); \
  }

static inline void
turn (Vector rows[ALITRA_LANES])
{
#if ALITRA_LANES == 16
  TURN_BLOCKS (8)
#endif
#if ALITRA_LANES >= 8
      TURN_BLOCKS (4)
#endif
      TURN_BLOCKS (2)
      TURN_BLOCKS (1)
}

/* The `n` numbers at the end of a row that fill no vector, and zeros. */
static inline Vector
read_rest (const float *in, guint n)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  return (Vector) _mm512_maskz_loadu_ps ((1u << n) - 1, in);
#else
  float all[ALITRA_LANES] = { 0 };

  memcpy (all, in, n * sizeof (float));
  return *(const Loose *) all;
#endif
}

static void
turn_panel (const float *in, gsize in_stride, guint rows, guint inputs,
    float factor, float *panel)
{
  const guint whole = alitra_matrix_whole_vectors (rows);

  for (guint r = 0; r < whole; r += ALITRA_LANES)
    for (guint k = 0; k < inputs; k += ALITRA_LANES) {
      const guint count = MIN (inputs - k, ALITRA_LANES);
      Vector block[ALITRA_LANES];

      for (guint i = 0; i < ALITRA_LANES; i++) {
        const gsize from = (r + i) * in_stride + k;

        block[i] = splat (0);
        if (r + i < rows)
          block[i] = factor * (count == ALITRA_LANES ?
              (Vector) * (const Loose *) (in + from) : read_rest (in + from,
                  count));
      }
      turn (block);
      for (guint i = 0; i < count; i++)
        *(Loose *) (panel + (k + i) * ALITRA_PANEL + r) = block[i];
    }
}

/* For each row the sum of its lanes, from the first to the last, added to `sums` one by one as energy() does. */
static inline Vector
add_lanes (Vector sums, Vector rows[ALITRA_LANES])
{
  turn (rows);
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sums += rows[lane];
  return sums;
}

/* The best of the lanes; of equals, the lowest code. Vectors are numbered in the order of the codes. */
static guint16
best_of_lanes (Vector best, Index where)
{
  const Index ids = where * ALITRA_LANES + lanes;
  Vector most = best;
  Index lowest;

  for (guint half = ALITRA_LANES / 2; half > 0; half /= 2) {
    const Vector other = __builtin_shuffle (most, lanes ^ (gint32) half);

    most = either ((Index) (other > most), other, most);
  }
  lowest = (Index) either ((Index) (best == most), (Vector) ids,
      (Vector) ((Index) {
          0} +G_MAXINT32));
  for (guint half = ALITRA_LANES / 2; half > 0; half /= 2) {
    const Index other = __builtin_shuffle (lowest, lanes ^ (gint32) half);
    const Index is = other < lowest;

    lowest = (is & other) | (~is & lowest);
  }
  return lowest[0];
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

/* A bit for each lane that is set. */
static inline guint32
bits_of (Index mask)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  return _mm512_test_epi32_mask ((__m512i) mask, (__m512i) mask);
#elif defined (__AVX2__) && ALITRA_LANES == 8
  return _mm256_movemask_ps ((__m256) mask);
#else
  guint32 bits = 0;

  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    bits |= (guint32) (mask[lane] & 1) << lane;
  return bits;
#endif
}

/* A number for each column that `wanted` of its numbers reach, and no others unless some are equal: bisection between the
 * smallest and the largest, in all columns at once. */
static Vector
find_limits (const float *numbers, guint rows, guint wanted)
{
  Vector low = splat (G_MAXFLOAT), high = splat (-G_MAXFLOAT), middle;
  Index going = ~(Index) {
    0
  };

  for (guint i = 0; i < rows; i++) {
    const Vector x = *(const Aligned *) (numbers + i * ALITRA_PANEL);

    low = either ((Index) (x < low), x, low);
    high = either ((Index) (x > high), x, high);
  }
  middle = high;
  for (guint round = 0; round < MOST_ROUNDS; round++) {
    Index count = { 0 }, reached;

    for (guint i = 0; i < rows; i++)
      count -=
          (Index) (*(const Aligned *) (numbers + i * ALITRA_PANEL) >= middle);
    reached = count >= (Index) {
    0} +(gint32) wanted;
    low = either (reached, middle, low);
    high = either (reached, high, middle);
    middle = low + .5f * (high - low);
    /* a column that is done stays so: what it reached is its low, and can only come closer to the numbers above */
    going &= (Index) (middle > low) & (Index) (middle < high)
        & (count != (Index) {
        0} +(gint32) wanted);
    if (bits_of (going) == 0)
      break;
  }
  return low;
}

/* Columns of numbers: a one, then the inputs of a row each. */
static void
turn_rows (guint rows, const float *in, gsize in_stride, guint inputs,
    float *columns)
{
  memset (columns, 0, (inputs + 1) * ALITRA_PANEL * sizeof (float));
  for (guint r = 0; r < rows; r++)
    columns[r] = 1;
  for (guint r = 0; r < rows; r++)
    for (guint k = 0; k < inputs; k++)
      columns[(k + 1) * ALITRA_PANEL + r] = in[r * in_stride + k];
}

/* Up to ALITRA_PANEL rows: which of them look into each panel, as bits. */
static void
choose_panels (const AlitraCentres * centres, guint probes, guint rows,
    const float *in, gsize in_stride, guint32 * chosen)
{
  float columns[(ALITRA_MAX_SEARCHED + 1) * ALITRA_PANEL]
      __attribute__((aligned (64)));
  float scores[ALITRA_MAX_CENTRES * ALITRA_PANEL] __attribute__((aligned (64)));
  const float zero[ALITRA_PANEL] __attribute__((aligned (64))) = { 0 };
  const AlitraMatrix turned = { ALITRA_PANEL, centres->inputs + 1, 1, columns,
    (float *) zero
  };

  turn_rows (rows, in, in_stride, centres->inputs, columns);
  multiply (&turned, centres->count, centres->data, centres->inputs + 1,
      scores, ALITRA_PANEL, ALITRA_END_STORE);
  memset (chosen, 0, centres->count * sizeof (*chosen));
  for (guint first = 0; first < rows; first += ALITRA_LANES) {
    const Vector limits = find_limits (scores + first, centres->count, probes);
    /* lanes beyond the rows hold nothing that could be looked for */
    const guint32 lanes = (1u << MIN (rows - first, ALITRA_LANES)) - 1;

    for (guint p = 0; p < centres->count; p++)
      chosen[p] |= (bits_of ((Index) (*(const Aligned *) (scores
                      + p * ALITRA_PANEL + first) >= limits)) & lanes) << first;
  }
}

/* Looks through one panel for `count` rows. */
static void
search_panel (const AlitraMatrix * codes, guint panel, const float *in,
    gsize in_stride, guint count, guint8 * which, Vector * best, Index * where)
{
  const gsize at = (gsize) panel * codes->inputs * ALITRA_PANEL;
  const float *start = codes->start + panel * ALITRA_PANEL;

  /* the last one fills up the last group: to look twice changes nothing */
  for (guint i = count; i < count + MOST; i++)
    which[i] = which[count - 1];
  for (guint column = 0; column < ALITRA_PANEL; column += COLUMNS) {
    const gint32 number = (panel * ALITRA_PANEL + column) / ALITRA_LANES;

    for (guint i = 0, n; i < count; i += n) {
      n = count - i > 6 ? MOST : count - i > 3 ? 6 : 3;
      pick (n, codes, at + column, start + column, in, in_stride, which + i,
          number, best, where);
    }
  }
}

static guint
list_bits (guint32 bits, guint first, guint8 * list)
{
  guint n = 0;

  for (; bits; bits &= bits - 1)
    list[n++] = first + __builtin_ctz (bits);
  return n;
}

/* Codes come from afar, as no cache holds those of all steps: a panel is asked for while the one before it is searched. */
static inline void
ask_for_panel (const AlitraMatrix * codes, guint panel)
{
  const gsize numbers = codes->inputs * ALITRA_PANEL;
  const gsize size =
      numbers * (codes->halves ? sizeof (guint16) : sizeof (float));
  const guint8 *bytes =
      (codes->halves ? (const guint8 *) codes->
      halves : (const guint8 *) codes->data) + panel * size;

  for (gsize i = 0; i < size; i += 64)
    __builtin_prefetch (bytes + i);
}

/* Panel by panel, so that one stays in the first-level cache for all rows that look into it. */
static void
nearest_of_panels (const AlitraMatrix * codes, const AlitraCentres * centres,
    guint probes, guint rows, const float *in, gsize in_stride, guint16 * ids)
{
  guint32 chosen[BLOCKS][ALITRA_MAX_CENTRES];
  Vector best[BLOCKS * ALITRA_PANEL];
  Index where[BLOCKS * ALITRA_PANEL];
  guint8 which[BLOCKS * ALITRA_PANEL + MOST];

  for (guint first = 0; first < rows; first += BLOCKS * ALITRA_PANEL) {
    const guint members = MIN (rows - first, BLOCKS * ALITRA_PANEL);
    const guint blocks = (members + ALITRA_PANEL - 1) / ALITRA_PANEL;
    const float *from = in + first * in_stride;

    for (guint b = 0; b < blocks; b++)
      choose_panels (centres, probes, MIN (members - b * ALITRA_PANEL,
              ALITRA_PANEL), from + b * ALITRA_PANEL * in_stride, in_stride,
          chosen[b]);
    start_search (members, best, where);
    for (guint p = 0; p < centres->count; p++) {
      guint count = 0;

      for (guint b = 0; b < blocks; b++)
        count += list_bits (chosen[b][p], b * ALITRA_PANEL, which + count);
      if (count == 0)
        continue;
      if (p + 1 < centres->count)
        ask_for_panel (codes, p + 1);
      search_panel (codes, p, from, in_stride, count, which, best, where);
    }
    for (guint r = 0; r < members; r++)
      ids[first + r] = best_of_lanes (best[r], where[r]);
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

static inline Vector
squares_of_rest (const float *in, guint n)
{
  const Vector x = read_rest (in, n);

  return x * x;
}

static float
energy (const float *in, guint n)
{
  const guint whole = n / ALITRA_LANES * ALITRA_LANES;
  const Vector rest = squares_of_rest (in + whole, n - whole);
  Vector sums = { 0 };
  float sum = 0;

  for (guint i = 0; i < whole; i += ALITRA_LANES) {
    const Vector x = *(const Loose *) (in + i);

    sums += x * x;
  }
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sum += rest[lane];
  for (guint lane = 0; lane < ALITRA_LANES; lane++)
    sum += sums[lane];
  return sum;
}

/* energy() of up to ALITRA_LANES rows at once: the same additions in the same order. */
static inline void
energies_of_rows (const float *in, gsize stride, guint n, guint rows,
    float *out)
{
  Vector sums[ALITRA_LANES] = { {0} }, rest[ALITRA_LANES] = { {0} }, sum = {
    0
  };
  const guint whole = n / ALITRA_LANES * ALITRA_LANES;

  for (guint r = 0; r < rows; r++)
    for (guint i = 0; i < whole; i += ALITRA_LANES) {
      const Vector x = *(const Loose *) (in + r * stride + i);

      sums[r] += x * x;
    }
  if (whole < n) {
    for (guint r = 0; r < rows; r++)
      rest[r] = squares_of_rest (in + r * stride + whole, n - whole);
    sum = add_lanes (sum, rest);
  }
  if (whole > 0)
    sum = add_lanes (sum, sums);
  memcpy (out, &sum, rows * sizeof (float));
}

static void
energies (const float *in, gsize stride, guint n, guint rows, float *out)
{
  for (guint r = 0; r < rows; r += ALITRA_LANES)
    energies_of_rows (in + r * stride, stride, n, MIN (rows - r, ALITRA_LANES),
        out + r);
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

/* Lanes are added, and compared, by halves. */
#define OF_LANES(x, BOTH) \
  for (gint h = ALITRA_LANES / 2; h > 0; h /= 2) { \
    const Vector a = x, b = __builtin_shuffle (x, (lanes + h) & (ALITRA_LANES - 1)); \
\
    x = BOTH; \
  }

static inline float
sum_of_lanes (Vector x)
{
  OF_LANES (x, a + b);
  return x[0];
}

static inline float
most_of_lanes (Vector x)
{
  OF_LANES (x, either ((Index) (a > b), a, b));
  return x[0];
}

static inline float
largest (const float *numbers, guint n)
{
  float most = numbers[0];
  guint i = 0;

  if (n >= ALITRA_LANES) {
    Vector best = *(const Loose *) numbers;

    for (i = ALITRA_LANES; i + ALITRA_LANES <= n; i += ALITRA_LANES) {
      const Vector x = *(const Loose *) (numbers + i);

      best = either ((Index) (x > best), x, best);
    }
    most = most_of_lanes (best);
  }
  for (; i < n; i++)
    most = MAX (most, numbers[i]);
  return most;
}

/* Numbers beyond the last whole vector go through a vector of their own. */
static float
softmax (float *numbers, guint n)
{
  const float most = largest (numbers, n);
  Vector sums = { 0 };
  float sum = 0, factor, last[ALITRA_LANES] = { 0 };
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES) {
    const Vector x = exponent (*(const Loose *) (numbers + i) - most);

    *(Loose *) (numbers + i) = x;
    sums += x;
  }
  if (i < n) {
    memcpy (last, numbers + i, (n - i) * sizeof (float));
    *(Loose *) last = exponent (*(const Loose *) last - most);
    memcpy (numbers + i, last, (n - i) * sizeof (float));
    for (guint lane = 0; lane < n - i; lane++)
      sum += last[lane];
  }
  sum += sum_of_lanes (sums);
  factor = 1.f / sum;
  for (i = 0; i < n; i++)
    numbers[i] *= factor;
  return sum;
}

static inline float
sum_of (const float *in, guint n)
{
  Vector sums = { 0 };
  float sum = 0;
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES)
    sums += *(const Loose *) (in + i);
  for (; i < n; i++)
    sum += in[i];
  return sum + sum_of_lanes (sums);
}

static inline float
squares_from (const float *in, guint n, float middle)
{
  Vector sums = { 0 };
  float sum = 0;
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES) {
    const Vector x = *(const Loose *) (in + i) - middle;

    sums += x * x;
  }
  for (; i < n; i++)
    sum += (in[i] - middle) * (in[i] - middle);
  return sum + sum_of_lanes (sums);
}

static void
layer_norm (const float *in, guint n, float epsilon, const float *gain,
    const float *bias, float *out)
{
  const float mean = sum_of (in, n) / n;
  const float factor = 1.f / sqrtf (squares_from (in, n, mean) / n + epsilon);
  guint i = 0;

  for (; i + ALITRA_LANES <= n; i += ALITRA_LANES)
    *(Loose *) (out + i) = (*(const Loose *) (in + i) - mean) * factor
        * *(const Loose *) (gain + i) + *(const Loose *) (bias + i);
  for (; i < n; i++)
    out[i] = (in[i] - mean) * factor * gain[i] + bias[i];
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

static inline Vector
sigmoid (Vector x)
{
  return 1.f / (1.f + exponent (-x));
}

/* One cell; returns the products of its next state with `read`, to be added up. */
static inline Vector
step_unit (const float *sums, const float *said, const float *hidden,
    const float *read, guint n, float *next)
{
  Vector products = { 0 };

  for (guint i = 0; i < n; i += ALITRA_LANES) {
    const Vector update =
        sigmoid (*(const Loose *) (sums + i) + *(const Loose *) (said + i));
    const Vector reset =
        sigmoid (*(const Loose *) (sums + n + i) + *(const Loose *) (said + n +
            i));
    const Vector fresh =
        2.f * sigmoid (2.f * (*(const Loose *) (sums + 2 * n + i)
            + *(const Loose *) (said + 2 * n + i)
            + reset * *(const Loose *) (sums + 3 * n + i))) - 1.f;
    const Vector before = *(const Loose *) (hidden + i);
    const Vector after = before + update * (fresh - before);

    *(Loose *) (next + i) = after;
    products += after * *(const Loose *) (read + i);
  }
  return products;
}

static void
gates (guint count, const float *sums, const float *const *said,
    const float *const *hidden, const float *read, guint n, float *const *next,
    float *products)
{
  for (guint first = 0; first < count; first += ALITRA_LANES) {
    const guint cells = MIN (count - first, ALITRA_LANES);
    Vector rows[ALITRA_LANES] = { {0} }, sum = { 0 };

    for (guint i = 0; i < cells; i++) {
      const guint at = first + i;

      rows[i] = step_unit (sums + (gsize) at * 4 * n, said[at], hidden[at],
          read, n, next[at]);
    }
    sum = add_lanes (sum, rows);
    memcpy (products + first, &sum, cells * sizeof (float));
  }
}

static gboolean
halves (const guint8 * from, gsize n, float *to)
{
  guint32 worst = 0;

  for (gsize i = 0; i < n; i++) {
    guint16 half;

    memcpy (&half, from + 2 * i, sizeof half);
    half = GUINT16_FROM_LE (half);
    worst = MAX (worst, half & 0x7fffu);
    to[i] = float_of_half (half);
  }
  return worst < 31 << 10;
}

const AlitraLoops ALITRA_LOOPS =
    { ALITRA_LOOPS_NAME, multiply, nearest, nearest_of_panels, spread, energy,
  energies, turn_panel, softmax, layer_norm, gelu, gates, halves,
  &ALITRA_PIXEL_LOOPS, &ALITRA_BYTE_LOOPS
};
