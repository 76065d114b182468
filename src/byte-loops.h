/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BYTE_LOOPS_H
#define ALITRA_SRC_BYTE_LOOPS_H

#include <glib.h>

G_BEGIN_DECLS

/* Samples of a block's side. */
#define ALITRA_BLOCK 8

/* Loops over the bytes of frames, compiled once for each instruction set (byte-loops.c); whole numbers, so that all give
 * the same results. */
typedef struct _AlitraByteLoops
{
  /* Adds to each of (count + 7) / 8 sums what eight bytes of two rows differ by: the sizes of the differences, and the
   * differences themselves. */
  void (*compare) (const guint8 *a, const guint8 *b, guint count, guint32 *sizes, gint32 *lean);
  /* Sum of the sizes of the finest diagonal detail, a sample in each 2x2, of the difference of two blocks of n x n bytes
   * without gaps, n 16 or 8. */
  guint (*detail) (const guint8 *a, const guint8 *b, guint n);
} AlitraByteLoops;

extern const AlitraByteLoops alitra_byte_loops_plain;
#ifdef ALITRA_HAVE_X86
extern const AlitraByteLoops alitra_byte_loops_avx2;
extern const AlitraByteLoops alitra_byte_loops_avx512;
#endif

G_END_DECLS

#endif
