/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with ALITRA_PIXEL_LOOPS as name of the table. Plain loops of fixed length: the
 * compiler makes vectors of them. */
#include "pixel-loops.h"

#define FULL 16
#define HALF 8

/* A row of a block; the compiler cuts it into registers. */
typedef float Full
    __attribute__((vector_size (4 * FULL), aligned (4), may_alias));
typedef float Half
    __attribute__((vector_size (4 * HALF), aligned (4), may_alias));

/* Rows of a picture lie far apart: the processor does not see by itself that the next cell will be asked for. */
#define AHEAD 4

#define DEFINE(Row, N, name) \
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
sum_##name (const float *block, gsize stride, float *sums, float *slanted, float *squares) \
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
  *(Row *) sums = sum; \
  *(Row *) slanted = slope; \
  *(Row *) squares = square; \
} \
\
static inline void \
compare_##name (const float *want, gsize want_stride, const float *have, gsize have_stride, float middle, \
    const float *across, float dy, float *of_have, float *of_plane) \
{ \
  const Row slope = *(const Row *) across + middle; \
  Row before = { 0 }, after = { 0 }; \
\
  for (guint y = 0; y < N; y++) { \
    const Row wanted = *(const Row *) (want + y * want_stride); \
    const Row d = *(const Row *) (have + y * have_stride) - wanted; \
    const Row e = slope + dy * (y - (N - 1) / 2.f) - wanted; \
\
    __builtin_prefetch (want + y * want_stride + AHEAD * N); \
    before += d * d; \
    after += e * e; \
  } \
  *(Row *) of_have = before; \
  *(Row *) of_plane = after; \
}

DEFINE (Full, FULL, full)
    DEFINE (Half, HALF, half)
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
sum_columns (const float *block, gsize stride, guint n, float *sums,
    float *slanted, float *squares)
{
  if (n == FULL)
    sum_full (block, stride, sums, slanted, squares);
  else
    sum_half (block, stride, sums, slanted, squares);
}

static void
compare_plane (const float *want, gsize want_stride, const float *have,
    gsize have_stride, guint n, float middle, const float *across, float dy,
    float *of_have, float *of_plane)
{
  if (n == FULL)
    compare_full (want, want_stride, have, have_stride, middle, across, dy,
        of_have, of_plane);
  else
    compare_half (want, want_stride, have, have_stride, middle, across, dy,
        of_have, of_plane);
}

const AlitraPixelLoops ALITRA_PIXEL_LOOPS =
    { take_block, sum_columns, compare_plane };
