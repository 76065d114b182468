/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with ALITRA_PIXEL_LOOPS as name of the table and ALITRA_LANES floats in a vector
 * register.  Every sample of a row goes through the same vector operations, wherever it is: the last ones of a row through
 * a vector of their own. */
#include "pixel-loops.h"

#include <string.h>
#ifdef ALITRA_HAVE_X86
#include <immintrin.h>
#endif

#define FULL 16
#define HALF 8
#define QUARTER 4

/* A row of a block; the compiler cuts it into registers. */
typedef float Full
    __attribute__((vector_size (4 * FULL), aligned (4), may_alias));
typedef float Half
    __attribute__((vector_size (4 * HALF), aligned (4), may_alias));
typedef float Quarter __attribute__((vector_size (16), aligned (4), may_alias));
typedef gint32 FullBits __attribute__((vector_size (4 * FULL)));
typedef gint32 HalfBits __attribute__((vector_size (4 * HALF)));

/* A register of samples anywhere. */
typedef float Vector
    __attribute__((vector_size (4 * ALITRA_LANES), aligned (4), may_alias));
typedef gint32 Index __attribute__((vector_size (4 * ALITRA_LANES)));

/* Rows of a picture lie far apart: the processor does not see by itself that the next cell will be asked for. */
#define AHEAD 4

/* Tree of additions: a fixed order, and not one long chain. */
static inline float
total_quarter (Quarter v)
{
  return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline float
total_half (Half v)
{
  Quarter parts[2];

  memcpy (parts, &v, sizeof (v));
  return total_quarter (parts[0] + parts[1]);
}

static inline float
total_full (Full v)
{
  Half parts[2];

  memcpy (parts, &v, sizeof (v));
  return total_half (parts[0] + parts[1]);
}

static const float columns_full[FULL] = { -7.5f, -6.5f, -5.5f, -4.5f, -3.5f,
  -2.5f, -1.5f, -.5f, .5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f, 7.5f
};

static const float columns_half[HALF] = { -3.5f, -2.5f, -1.5f, -.5f, .5f, 1.5f,
  2.5f, 3.5f
};

#define DEFINE(Row, Bits, N, name) \
static inline void \
take_##name (const float *block, const float *less, gsize stride, float *to) \
{ \
  for (guint y = 0; y < N; y++) \
    *(Row *) (to + y * N) = *(const Row *) (block + y * stride) - *(const Row *) (less + y * stride); \
} \
\
static inline void \
copy_##name (const float *block, gsize stride, float *to) \
{ \
  for (guint y = 0; y < N; y++) \
    *(Row *) (to + y * N) = *(const Row *) (block + y * stride); \
} \
\
static inline void \
measure_##name (const float *block, gsize stride, AlitraMoments *m) \
{ \
  Row sum = { 0 }, slope = { 0 }, square = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row v = *(const Row *) (block + y * stride); \
\
    __builtin_prefetch (block + y * stride + AHEAD * N); \
    sum += v; \
    slope += v * (y - (N - 1) / 2.f); \
    square += v * v; \
  } \
  m->sum = total_##name (sum); \
  m->across = total_##name (sum * *(const Row *) columns_##name); \
  m->down = total_##name (slope); \
  m->squares = total_##name (square); \
} \
\
static inline void \
compare_##name (const float *want, gsize want_stride, const float *have, gsize have_stride, \
    const AlitraSlope *plane, float *of_have, float *of_plane) \
{ \
  const Row across = *(const Row *) columns_##name * plane->dx + plane->mean; \
  Row before = { 0 }, after = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row wanted = *(const Row *) (want + y * want_stride); \
    const Row d = *(const Row *) (have + y * have_stride) - wanted; \
    const Row e = across + plane->dy * (y - (N - 1) / 2.f) - wanted; \
\
    __builtin_prefetch (want + y * want_stride + AHEAD * N); \
    before += d * d; \
    after += e * e; \
  } \
  *of_have = total_##name (before); \
  *of_plane = total_##name (after); \
} \
\
/* The plane that fits a block best, by least squares. */ \
static inline AlitraSlope \
fit_##name (const float *block, gsize stride) \
{ \
  const float across = N * (N * (N * N - 1.f) / 12.f); \
  Row sum = { 0 }, slope = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row v = *(const Row *) (block + y * stride); \
\
    __builtin_prefetch (block + y * stride + AHEAD * N); \
    sum += v; \
    slope += v * (y - (N - 1) / 2.f); \
  } \
  return (AlitraSlope) { total_##name (sum) / (N * N), \
    total_##name (sum * *(const Row *) columns_##name) / across, total_##name (slope) / across }; \
} \
\
/* As compare_##name(), take_##name() and the sums of measure_##name(); without a plane, but for what it leaves */ \
static inline void \
look_##name (const float *want, gsize want_stride, const float *have, gsize have_stride, \
    const AlitraSlope *plane, float *left, AlitraCellLook *look) \
{ \
  Row before = { 0 }, after = { 0 }, sum = { 0 }, square = { 0 }, across = { 0 }; \
\
  if (plane) \
    across = *(const Row *) columns_##name * plane->dx + plane->mean; \
  for (guint y = 0; y < N; y++) { \
    const Row wanted = *(const Row *) (want + y * want_stride); \
    const Row had = *(const Row *) (have + y * have_stride); \
    const Row d = had - wanted; \
\
    __builtin_prefetch (want + y * want_stride + AHEAD * N); \
    *(Row *) (left + y * N) = wanted - had; \
    sum += wanted; \
    square += wanted * wanted; \
    before += d * d; \
    if (plane) { \
      const Row e = across + plane->dy * (y - (N - 1) / 2.f) - wanted; \
\
      after += e * e; \
    } \
  } \
  look->sum = total_##name (sum); \
  look->squares = total_##name (square); \
  look->before = total_##name (before); \
  look->after = plane ? total_##name (after) : 0.f; \
} \
\
/* The second half of compare_##name(), with the plane that fits best. */ \
static inline float \
fitted_##name (const float *want, gsize want_stride, const float *have, gsize have_stride) \
{ \
  const AlitraSlope plane = fit_##name (have, have_stride); \
  const Row across = *(const Row *) columns_##name * plane.dx + plane.mean; \
  Row after = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row e = across + plane.dy * (y - (N - 1) / 2.f) - *(const Row *) (want + y * want_stride); \
\
    after += e * e; \
  } \
  return total_##name (after); \
} \
\
static inline float \
difference_##name (const float *a, gsize a_stride, const float *b, gsize b_stride) \
{ \
  Row sum = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row d = *(const Row *) (a + y * a_stride) - *(const Row *) (b + y * b_stride); \
\
    sum += (Row) ((Bits) d & 0x7fffffff); \
  } \
  return total_##name (sum); \
}

DEFINE (Full, FullBits, FULL, full)
    DEFINE (Half, HalfBits, HALF, half)
     static void
         take_block (const float *block, const float *less, gsize stride,
    guint n, float *to)
{
  if (!less && n == FULL)
    copy_full (block, stride, to);
  else if (!less)
    copy_half (block, stride, to);
  else if (n == FULL)
    take_full (block, less, stride, to);
  else
    take_half (block, less, stride, to);
}

static void
measure (const float *block, gsize stride, guint n, AlitraMoments * moments)
{
  if (n == FULL)
    measure_full (block, stride, moments);
  else
    measure_half (block, stride, moments);
}

static void
compare_plane (const float *want, gsize want_stride, const float *have,
    gsize have_stride, guint n, const AlitraSlope * plane, float *of_have,
    float *of_plane)
{
  if (n == FULL)
    compare_full (want, want_stride, have, have_stride, plane, of_have,
        of_plane);
  else
    compare_half (want, want_stride, have, have_stride, plane, of_have,
        of_plane);
}

/* `plane`: three, or none */
static inline void
look_at_cell (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted,
    const AlitraSlope * plane, float *left, AlitraCellLook * look)
{
  AlitraCellLook part;

  look_full (cell->block[0], cell->stride[0], painted->block[0],
      painted->stride[0], plane, left, look);
  for (guint i = 1; i < 3; i++) {
    look_half (cell->block[i], cell->stride[1], painted->block[i],
        painted->stride[1], plane ? plane + i : NULL,
        left + FULL * FULL + (i - 1) * HALF * HALF, &part);
    look->before += part.before;
    look->after += part.after;
  }
}

static void
compare_cell (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted,
    float *left, AlitraCellLook * look)
{
  /* none of these waits for another */
  const AlitraSlope plane[3] = {
    fit_full (painted->block[0], painted->stride[0]),
    fit_half (painted->block[1], painted->stride[1]),
    fit_half (painted->block[2], painted->stride[1])
  };

  look_at_cell (cell, painted, plane, left, look);
}

static void
glance_at_cell (const AlitraCellBlocks * cell,
    const AlitraCellBlocks * painted, float *left, AlitraCellLook * look)
{
  look_at_cell (cell, painted, NULL, left, look);
}

static float
fit_cell (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted)
{
  float after = fitted_full (cell->block[0], cell->stride[0],
      painted->block[0], painted->stride[0]);

  for (guint i = 1; i < 3; i++)
    after += fitted_half (cell->block[i], cell->stride[1], painted->block[i],
        painted->stride[1]);
  return after;
}

typedef float Quarter __attribute__((vector_size (16), aligned (4), may_alias));
typedef gint32 QuarterBits __attribute__((vector_size (16)));

static float
difference_quarter (const float *a, gsize a_stride, const float *b,
    gsize b_stride)
{
  Quarter sum = { 0 };

  for (guint y = 0; y < QUARTER; y++) {
    const Quarter d = *(const Quarter *) (a + y * a_stride)
        - *(const Quarter *) (b + y * b_stride);

    sum += (Quarter) ((QuarterBits) d & 0x7fffffff);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static float
difference (const float *a, gsize a_stride, const float *b, gsize b_stride,
    guint n)
{
  return n == FULL ? difference_full (a, a_stride, b, b_stride)
      : n == HALF ? difference_half (a, a_stride, b, b_stride)
      : difference_quarter (a, a_stride, b, b_stride);
}

/* --- borders -------------------------------------------------------------------------------------------------------- */

#define SIDE 4                  /* samples on each side of a border that change */

/* Of eight lines at once: what is to be spread; near[0..2] lie before the border, the next one to it last, near[3..5]
 * behind it. */
static inline Half
step_of (const Half near[6], const AlitraSoftening * how, float strength)
{
  const Half slope = ((near[2] - near[1]) + (near[1] - near[0])
      + (near[4] - near[3]) + (near[5] - near[4])) * .25f;
  const Half d = near[3] - near[2] - slope;
  const Half size = (Half) ((HalfBits) d & 0x7fffffff);

  return d * (how->limit / (size + how->limit) * strength);
}

/* Eight lines of eight numbers, turned into eight columns. */
static inline void
turn (const Half lines[8], Half columns[8])
{
  Half a[8], b[8];

  for (guint i = 0; i < 8; i += 2) {
    a[i] = __builtin_shuffle (lines[i], lines[i + 1], (HalfBits) {
        0, 8, 2, 10, 4, 12, 6, 14}
    );
    a[i + 1] = __builtin_shuffle (lines[i], lines[i + 1], (HalfBits) {
        1, 9, 3, 11, 5, 13, 7, 15}
    );
  }
  for (guint i = 0; i < 8; i++) {
    const guint k = i / 4 * 4 + i % 2;

    b[i] = i % 4 < 2 ? __builtin_shuffle (a[k], a[k + 2], (HalfBits) {
        0, 1, 8, 9, 4, 5, 12, 13}) : __builtin_shuffle (a[k], a[k + 2],
        (HalfBits) {
        2, 3, 10, 11, 6, 7, 14, 15});
  }
  for (guint i = 0; i < 4; i++) {
    columns[i] = __builtin_shuffle (b[i], b[i + 4], (HalfBits) {
        0, 1, 2, 3, 8, 9, 10, 11}
    );
    columns[i + 4] = __builtin_shuffle (b[i], b[i + 4], (HalfBits) {
        4, 5, 6, 7, 12, 13, 14, 15}
    );
  }
}

/* At most eight lines. */
static inline void
soften_lines (float *p, gsize stride, guint lines, const AlitraSoftening * how,
    float strength)
{
  const float *w = how->weights;
  const Half weights = { w[3], w[2], w[1], w[0], -w[0], -w[1], -w[2], -w[3] };
  Half line[HALF] = { 0 }, columns[HALF], d;

  for (guint i = 0; i < lines; i++)
    line[i] = *(const Half *) (p + i * stride - SIDE);
  turn (line, columns);
  d = step_of (columns + 1, how, strength);
  for (guint i = 0; i < lines; i++)
    *(Half *) (p + i * stride - SIDE) = line[i] + d[i] * weights;
}

static void
soften_across (float *p, gsize stride, guint count,
    const AlitraSoftening * how, float strength)
{
  guint y = 0;

  for (; y + HALF <= count; y += HALF)
    soften_lines (p + y * stride, stride, HALF, how, strength);
  if (y < count)
    soften_lines (p + y * stride, stride, count - y, how, strength);
}

/* Eight columns. */
static inline void
soften_eight (float *before, float *behind, gssize stride,
    const AlitraSoftening * how, float strength)
{
  Half near[6], d;

  for (gssize k = 0; k < 3; k++) {
    near[2 - k] = *(const Half *) (before - k * stride);
    near[3 + k] = *(const Half *) (behind + k * stride);
  }
  d = step_of (near, how, strength);
  for (gssize k = 0; k < SIDE; k++) {
    *(Half *) (before - k * stride) += d * how->weights[k];
    *(Half *) (behind + k * stride) -= d * how->weights[k];
  }
}

static void
soften_down (float *before, float *behind, gsize stride, guint count,
    const AlitraSoftening * how, float strength)
{
  for (guint x = 0; x < count; x += HALF)
    soften_eight (before + x, behind + x, stride, how, strength);
}

/* --- rows ----------------------------------------------------------------------------------------------------------- */

static inline Vector
load (const float *from)
{
  return *(const Vector *) from;
}

/* Some numbers, and zeros behind them. */
static inline Vector
load_some (const float *from, guint count)
{
#if ALITRA_LANES == 16
  return (Vector) _mm512_maskz_loadu_ps ((1u << count) - 1, from);
#else
  float all[ALITRA_LANES] = { 0 };

  memcpy (all, from, count * sizeof (float));
  return *(const Vector *) all;
#endif
}

static inline void
store_some (float *to, Vector v, guint count)
{
#if ALITRA_LANES == 16
  _mm512_mask_storeu_ps (to, (1u << count) - 1, (__m512) v);
#else
  memcpy (to, &v, count * sizeof (float));
#endif
}

/* Every other number of two registers. */
#if ALITRA_LANES == 16
#define EVEN(a, b) __builtin_shuffle (a, b, (Index) { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 })
#define ODD(a, b) __builtin_shuffle (a, b, (Index) { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31 })
#define LOW(a, b) __builtin_shuffle (a, b, (Index) { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23 })
#define HIGH(a, b) __builtin_shuffle (a, b, (Index) { 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 })
#elif ALITRA_LANES == 8
#define EVEN(a, b) __builtin_shuffle (a, b, (Index) { 0, 2, 4, 6, 8, 10, 12, 14 })
#define ODD(a, b) __builtin_shuffle (a, b, (Index) { 1, 3, 5, 7, 9, 11, 13, 15 })
#define LOW(a, b) __builtin_shuffle (a, b, (Index) { 0, 8, 1, 9, 2, 10, 3, 11 })
#define HIGH(a, b) __builtin_shuffle (a, b, (Index) { 4, 12, 5, 13, 6, 14, 7, 15 })
#else
#define EVEN(a, b) __builtin_shuffle (a, b, (Index) { 0, 2, 4, 6 })
#define ODD(a, b) __builtin_shuffle (a, b, (Index) { 1, 3, 5, 7 })
#define LOW(a, b) __builtin_shuffle (a, b, (Index) { 0, 4, 1, 5 })
#define HIGH(a, b) __builtin_shuffle (a, b, (Index) { 2, 6, 3, 7 })
#endif

static inline Vector
mean_of_four (Vector a, Vector b, Vector c, Vector d)
{
  return ((EVEN (a, b) + ODD (a, b)) + (EVEN (c, d) + ODD (c, d))) * .25f;
}

static void
halve (float *to, const float *a, const float *b, guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES, a += 2 * ALITRA_LANES,
      b += 2 * ALITRA_LANES)
    *(Vector *) (to + i) = mean_of_four (load (a), load (a + ALITRA_LANES),
        load (b), load (b + ALITRA_LANES));
  if (i < count) {
    const guint rest = count - i, low = MIN (2 * rest, ALITRA_LANES);
    const guint high = 2 * rest - low;

    store_some (to + i, mean_of_four (load_some (a, low), load_some (a + low,
                high), load_some (b, low), load_some (b + low, high)), rest);
  }
}

static void
filter_down (float *to, const float *const rows[4], const float taps[4],
    guint count)
{
  /* in registers: for all that the compiler knows, `to` may be any of them */
  const float *const a = rows[0], *const b = rows[1];
  const float *const c = rows[2], *const d = rows[3];
  const float of_a = taps[0], of_b = taps[1], of_c = taps[2], of_d = taps[3];

  for (guint i = 0; i < count; i += ALITRA_LANES) {
    Vector sum = load (a + i) * of_a;

    sum += load (b + i) * of_b;
    sum += load (c + i) * of_c;
    sum += load (d + i) * of_d;
    *(Vector *) (to + i) = sum;
  }
}

static void
filter_twice (float *to, const float *from, const float taps[4], guint count)
{
  const float first = taps[0], second = taps[1], third = taps[2], last =
      taps[3];

  for (guint i = 0; i < count; i += ALITRA_LANES) {
    const Vector a = load (from + i), b = load (from + i + 1);
    const Vector c = load (from + i + 2), d = load (from + i + 3);
    const Vector e = load (from + i + 4);
    Vector left = a * last, right = b * first, both[2];

    left += b * third;
    right += c * second;
    left += c * second;
    right += d * third;
    left += d * first;
    right += e * last;
    both[0] = LOW (left, right);
    both[1] = HIGH (left, right);
    if (i + ALITRA_LANES <= count) {
      *(Vector *) (to + 2 * i) = both[0];
      *(Vector *) (to + 2 * i + ALITRA_LANES) = both[1];
    } else {
      memcpy (to + 2 * i, both, 2 * (count - i) * sizeof (float));
    }
  }
}

static void
accumulate (float *to, const float *from, guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES)
    *(Vector *) (to + i) += load (from + i);
  for (; i < count; i++)
    to[i] += from[i];
}

static void
add (float *to, const float *a, const float *b, guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES)
    *(Vector *) (to + i) = load (a + i) + load (b + i);
  for (; i < count; i++)
    to[i] = a[i] + b[i];
}

static void
add_sum (float *to, const float *a, const float *b, const float *c, guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES)
    *(Vector *) (to + i) = load (a + i) + (load (b + i) + load (c + i));
  for (; i < count; i++)
    to[i] = a[i] + (b[i] + c[i]);
}

static inline Vector
positive (Vector v)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  return (Vector) _mm512_max_ps ((__m512) v, _mm512_setzero_ps ());
#elif defined (__AVX2__) && ALITRA_LANES == 8
  return (Vector) _mm256_max_ps ((__m256) v, _mm256_setzero_ps ());
#else
  return (Vector) ((Index) v & (Index) (v > 0.f));
#endif
}

/* A sample's neighbour: the less it counts, from `weight` on, the more it differs. */
static inline void
draw_to (Vector there, Vector here, float fall, float weight, Vector * sum,
    Vector * weights)
{
  const Vector d = there - here;
  const Vector w = positive (weight - d * d * fall);

  *sum += w * d;
  *weights += w;
}

static void
even_line (float *to, const float *const *lines, guint x,
    const AlitraTaps * taps, guint count)
{
  const float fall = 1.f / (taps->limit * taps->limit);

  for (guint i = 0; i < count; i += ALITRA_LANES) {
    const float *p = lines[0] + x + i;
    const Vector here = load (p);
    Vector sum = { 0 }, weights = { 0 };

    for (guint t = 0; t < taps->count; t++) {
      const gssize away = taps->distance[t];
      const float weight = taps->weight[t], f = fall * weight;

      draw_to (load (p - away), here, f, weight, &sum, &weights);
      draw_to (load (p + away), here, f, weight, &sum, &weights);
      draw_to (load (lines[-away] + x + i), here, f, weight, &sum, &weights);
      draw_to (load (lines[away] + x + i), here, f, weight, &sum, &weights);
    }
    *(Vector *) (to + i) = here + sum / (weights + 1.f);
  }
}

/* --- bytes ---------------------------------------------------------------------------------------------------------- */

/* Rows of a frame mostly lie one behind the other, in memory that no cache holds yet. */
#define BYTES_AHEAD 2048

/* A register of bytes, as floats: compilers would take them one by one. */
static inline Vector
widen (const guint8 * from)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  return (Vector) _mm512_cvtepi32_ps (_mm512_cvtepu8_epi32 (_mm_loadu_si128 (
              (const __m128i *) from)));
#elif defined (__AVX2__) && ALITRA_LANES == 8
  return (Vector) _mm256_cvtepi32_ps (_mm256_cvtepu8_epi32 (_mm_loadl_epi64 (
              (const __m128i *) from)));
#else
  Vector v;

  for (guint i = 0; i < ALITRA_LANES; i++)
    v[i] = from[i];
  return v;
#endif
}

/* The other way, rounded down; 0 to 255. */
static inline void
narrow (guint8 * to, Vector v)
{
#if defined (__AVX512F__) && ALITRA_LANES == 16
  _mm_storeu_si128 ((__m128i *) to,
      _mm512_cvtepi32_epi8 (_mm512_cvttps_epi32 ((__m512) v)));
#elif defined (__AVX2__) && ALITRA_LANES == 8
  const __m256i whole = _mm256_cvttps_epi32 ((__m256) v);
  const __m128i words = _mm_packs_epi32 (_mm256_castsi256_si128 (whole),
      _mm256_extracti128_si256 (whole, 1));

  _mm_storel_epi64 ((__m128i *) to, _mm_packus_epi16 (words, words));
#else
  for (guint i = 0; i < ALITRA_LANES; i++)
    to[i] = (guint8) v[i];
#endif
}

/* Runs of chroma are often half a register long. */
#if ALITRA_LANES > HALF
static inline Half
widen_half (const guint8 * from)
{
  return (Half) _mm256_cvtepi32_ps (_mm256_cvtepu8_epi32 (_mm_loadl_epi64 (
              (const __m128i *) from)));
}
#endif

static void
from_bytes (float *to, const guint8 * from, float scale, float offset,
    guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES) {
    __builtin_prefetch (from + i + BYTES_AHEAD);
    *(Vector *) (to + i) = widen (from + i) * scale + offset;
  }
#if ALITRA_LANES > HALF
  if (i + HALF <= count) {
    *(Half *) (to + i) = widen_half (from + i) * scale + offset;
    i += HALF;
  }
#endif
  if (i < count) {
    guint8 rest[ALITRA_LANES] = { 0 };

    memcpy (rest, from + i, count - i);
    store_some (to + i, widen (rest) * scale + offset, count - i);
  }
}

/* a where the mask is set, else b */
static inline Vector
either (Index mask, Vector a, Vector b)
{
  return (Vector) ((mask & (Index) a) | (~mask & (Index) b));
}

static inline Vector
levels_of (Vector v, float scale, float offset)
{
  const Vector least = { 0 }, most = least + 255.f;

  v = v * scale + offset;
  v = either ((Index) (v > least), v, least);
  return either ((Index) (v < most), v, most);
}

static void
to_bytes (guint8 * to, const float *from, float scale, float offset,
    guint count)
{
  guint i = 0;

  for (; i + ALITRA_LANES <= count; i += ALITRA_LANES)
    narrow (to + i, levels_of (load (from + i), scale, offset));
  if (i < count) {
    guint8 rest[ALITRA_LANES];

    narrow (rest, levels_of (load_some (from + i, count - i), scale, offset));
    memcpy (to + i, rest, count - i);
  }
}

const AlitraPixelLoops ALITRA_PIXEL_LOOPS =
    { take_block, measure, compare_plane, compare_cell, glance_at_cell, fit_cell,
  difference, even_line,
  soften_across,
  soften_down, halve,
  filter_down, filter_twice, accumulate, add, add_sum, from_bytes, to_bytes
};
