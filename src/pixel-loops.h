/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PIXEL_LOOPS_H
#define ALITRA_SRC_PIXEL_LOOPS_H

#include <glib.h>

G_BEGIN_DECLS

/* Numbers that rows of samples may be read beyond their end (never written): vectors are whole. */
#define ALITRA_SLACK 32

/* Sums over a block of samples; columns and rows count from the middle. */
typedef struct
{
  float sum, squares;
  float across, down;           /* of samples times column, and times row */
} AlitraMoments;

/* A plane over a block: value in the middle, and change from sample to sample. */
typedef struct
{
  float mean, dx, dy;
} AlitraSlope;

/* A cell of a picture: its luma, Cb and Cr blocks; strides of luma and of chroma. */
typedef struct
{
  const float *block[3];
  gsize stride[2];
} AlitraCellBlocks;

/* How a cell looks beside what was painted there: sums over its luma samples, and squared errors of what was painted, and of
 * the planes that fit that best, against all samples. */
typedef struct
{
  float sum, squares;
  float before, after;
} AlitraCellLook;

#define ALITRA_MAX_TAPS 4

/* Samples that one looks at: how far they are, in all four directions, what those weigh that do not differ, and the
 * difference from which on they weigh nothing. */
typedef struct
{
  guint count;
  guint distance[ALITRA_MAX_TAPS];
  float weight[ALITRA_MAX_TAPS];
  float limit;
} AlitraTaps;

/* A filter over a border: what the step across it is more than its surroundings explain is spread over four samples on each
 * side, by these weights from the border on, the less the further it is beyond the limit. */
typedef struct
{
  float weights[4];
  float limit;
} AlitraSoftening;

/* Loops over the samples of cells, compiled once for each instruction set (pixel-loops.c), for what ORC cannot express, or
 * is called for too few samples at a time.  Blocks are n x n floats, n 16 or 8; rows have any number of samples, and every
 * sample has the same bits in a row of any length. */
typedef struct _AlitraPixelLoops
{
  /* to: the rows of a block one after the other, less those of `less` if that is not NULL */
  void (*take_block) (const float *block, const float *less, gsize stride, guint n, float *to);
  void (*measure) (const float *block, gsize stride, guint n, AlitraMoments * moments);
  /* squared errors of `have`, and of a plane, against `want` */
  void (*compare_plane) (const float *want, gsize want_stride, const float *have, gsize have_stride, guint n,
      const AlitraSlope * plane, float *of_have, float *of_plane);
  /* take_block(), measure() and compare_plane() for all three blocks of a cell in one go, the same bits: `left` is what the
   * painted samples leave of those of the cell */
  void (*compare_cell) (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted, float *left, AlitraCellLook * look);
  /* the same in two parts: all but look->after, and that */
  void (*glance_at_cell) (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted, float *left, AlitraCellLook * look);
  float (*fit_cell) (const AlitraCellBlocks * cell, const AlitraCellBlocks * painted);
  /* sum of absolute differences; n may be 4 as well */
  float (*difference) (const float *a, gsize a_stride, const float *b, gsize b_stride, guint n);
  /* to: `count` samples of a line from x on, each moved towards those on its line and column that the taps name; lines[-k] and
   * lines[k]: the ones above and below; reads and writes up to ALITRA_SLACK numbers behind the last, and reads as many
   * samples around as the last tap is away */
  void (*even_line) (float *to, const float *const *lines, guint x, const AlitraTaps * taps, guint count);
  /* `count` lines across a border, and down across one; p: the first sample behind it of the first line; before, behind: the
   * last line before it and the first behind it, where others before and behind lie at the stride */
  void (*soften_across) (float *p, gsize stride, guint count, const AlitraSoftening * how, float strength);
  void (*soften_down) (float *before, float *behind, gsize stride, guint count, const AlitraSoftening * how, float strength);
  /* means of 2x2 samples of two rows; count: results */
  void (*halve) (float *to, const float *a, const float *b, guint count);
  /* a filter of four taps over four rows; reads and writes up to ALITRA_SLACK numbers behind the last */
  void (*filter_down) (float *to, const float *const rows[4], const float taps[4], guint count);
  /* the same along a row, for the two samples that one becomes, the second with the taps turned round; from: the row from
   * two samples before on; reads up to ALITRA_SLACK numbers behind the last */
  void (*filter_twice) (float *to, const float *from, const float taps[4], guint count);
  /* to += from */
  void (*accumulate) (float *to, const float *from, guint count);
  void (*add) (float *to, const float *a, const float *b, guint count);
  /* a + (b + c) */
  void (*add_sum) (float *to, const float *a, const float *b, const float *c, guint count);
  void (*from_bytes) (float *to, const guint8 *from, float scale, float offset, guint count);
  /* rounds down: offset should hold a half more; saturates at 0 and 255 */
  void (*to_bytes) (guint8 *to, const float *from, float scale, float offset, guint count);
} AlitraPixelLoops;

extern const AlitraPixelLoops alitra_pixel_loops_plain;
#ifdef ALITRA_HAVE_X86
extern const AlitraPixelLoops alitra_pixel_loops_avx2;
extern const AlitraPixelLoops alitra_pixel_loops_avx512;
#endif

G_END_DECLS

#endif
