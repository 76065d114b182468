/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with ALITRA_BYTE_LOOPS as name of the table. */
#include "byte-loops.h"

#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

/* Rows mostly lie one behind the other: bytes that are asked for early enough are there when their turn comes. */
#define AHEAD 2048

/* Up to eight bytes. */
static inline void
compare_bytes (const guint8 * a, const guint8 * b, guint count, guint32 * size,
    gint32 * lean)
{
  for (guint i = 0; i < count; i++) {
    const gint d = a[i] - b[i];

    *size += ABS (d);
    *lean += d;
  }
}

#ifdef __AVX2__
/* The lower halves of four long numbers. */
static inline __m128i
narrow (__m256i v)
{
  return _mm256_castsi256_si128 (_mm256_permutevar8x32_epi32 (v,
          _mm256_setr_epi32 (0, 2, 4, 6, 0, 2, 4, 6)));
}

/* 32 bytes: the processor adds up eight at a time. */
static inline void
compare_register (const guint8 * a, const guint8 * b, guint32 * sizes,
    gint32 * lean)
{
  const __m256i x = _mm256_loadu_si256 ((const __m256i *) a);
  const __m256i y = _mm256_loadu_si256 ((const __m256i *) b);
  const __m256i zero = _mm256_setzero_si256 ();
  __m128i *const size = (__m128i *) sizes, *const sum = (__m128i *) lean;

  _mm_storeu_si128 (size, _mm_add_epi32 (_mm_loadu_si128 (size),
          narrow (_mm256_sad_epu8 (x, y))));
  _mm_storeu_si128 (sum, _mm_add_epi32 (_mm_loadu_si128 (sum),
          narrow (_mm256_sub_epi64 (_mm256_sad_epu8 (x, zero),
                  _mm256_sad_epu8 (y, zero)))));
}
#endif

static void
compare (const guint8 * a, const guint8 * b, guint count, guint32 * sizes,
    gint32 * lean)
{
  guint i = 0;

#ifdef __AVX2__
  for (; i + 32 <= count; i += 32) {
    if (i % 64 == 0) {
      __builtin_prefetch (a + i + AHEAD);
      __builtin_prefetch (b + i + AHEAD);
    }
    compare_register (a + i, b + i, sizes + i / ALITRA_BLOCK, lean
        + i / ALITRA_BLOCK);
  }
#endif
  for (; i < count; i += ALITRA_BLOCK)
    compare_bytes (a + i, b + i, MIN (count - i, ALITRA_BLOCK), sizes
        + i / ALITRA_BLOCK, lean + i / ALITRA_BLOCK);
}

typedef gint16 Differences __attribute__((vector_size (32)));
typedef guint8 Row __attribute__((vector_size (16), aligned (1), may_alias));

/* 16 bytes of each: two rows of small blocks, or one of large ones. */
static inline Differences
subtract (const guint8 * a, const guint8 * b)
{
  return __builtin_convertvector (*(const Row *) a, Differences)
      - __builtin_convertvector (*(const Row *) b, Differences);
}

static inline Differences
sizes_of (Differences d)
{
  const Differences negative = d < 0;

  return (d ^ negative) - negative;
}

/* Of 16 numbers each less the one behind it; every second counts. */
static inline Differences
less_next (Differences d)
{
  return d - __builtin_shuffle (d, (Differences) {
      1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15}
  );
}

static guint
add_up (Differences sums)
{
  guint sum = 0;

  for (guint i = 0; i < 16; i += 2)
    sum += sums[i];
  return sum;
}

static guint
detail (const guint8 * a, const guint8 * b, guint n)
{
  Differences sums = { 0 };

  if (n == 16) {
    for (guint y = 0; y < 16; y += 2)
      sums += sizes_of (less_next (subtract (a + 16 * y, b + 16 * y)
              - subtract (a + 16 * y + 16, b + 16 * y + 16)));
    return add_up (sums);
  }
  for (guint y = 0; y < 8; y += 2) {
    const Differences both = subtract (a + 8 * y, b + 8 * y);
    const Differences lower = __builtin_shuffle (both, (Differences) {
          8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15
        });

    /* the upper half of the differences is zero */
    sums += sizes_of (less_next (both - lower));
  }
  return add_up (sums);
}

const AlitraByteLoops ALITRA_BYTE_LOOPS = { compare, detail };
