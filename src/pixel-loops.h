/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PIXEL_LOOPS_H
#define ALITRA_SRC_PIXEL_LOOPS_H

#include <glib.h>

G_BEGIN_DECLS

/* Loops over the samples of cells, compiled once for each instruction set (pixel-loops.c), for what ORC cannot express.
 * Blocks are n x n floats, n 16 or 8. */
typedef struct _AlitraPixelLoops
{
  /* to: the rows of a block one after the other, less those of `less` if that is not NULL */
  void (*take_block) (const float *block, const float *less, gsize stride, guint n, float *to);
  /* sums of the samples of a block, of samples times row (counted from the middle), and of squares, for each column */
  void (*sum_columns) (const float *block, gsize stride, guint n, float *sums, float *slanted, float *squares);
  /* squared errors of `have`, and of a plane, against `want`, for each column; the plane: middle + across[x] + dy * row */
  void (*compare_plane) (const float *want, gsize want_stride, const float *have, gsize have_stride, guint n,
      float middle, const float *across, float dy, float *of_have, float *of_plane);
} AlitraPixelLoops;

extern const AlitraPixelLoops alitra_pixel_loops_plain;
#ifdef ALITRA_HAVE_X86
extern const AlitraPixelLoops alitra_pixel_loops_avx2;
extern const AlitraPixelLoops alitra_pixel_loops_avx512;
#endif

G_END_DECLS

#endif
