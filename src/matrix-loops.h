/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_MATRIX_LOOPS_H
#define ALITRA_SRC_MATRIX_LOOPS_H

#include "byte-loops.h"
#include "matrix.h"
#include "pixel-loops.h"

G_BEGIN_DECLS

/* The loops behind matrix.h, compiled once for each instruction set. */
typedef struct
{
  const char *name;
  void (*multiply) (const AlitraMatrix * matrix, guint rows, const float *in, gsize in_stride, float *out,
      gsize out_stride, AlitraEnd end);
  void (*nearest) (const AlitraMatrix * codes, guint rows, const float *in, gsize in_stride, guint16 * ids);
  void (*nearest_of_panels) (const AlitraMatrix * codes, const AlitraCentres * centres, guint probes, guint rows,
      const float *in, gsize in_stride, guint16 * ids);
  void (*spread) (const float *const rows[9], const float *taps, guint count, float *out);
  float (*energy) (const float *in, guint n);
  void (*energies) (const float *in, gsize stride, guint n, guint rows, float *out);
  void (*turn_panel) (const float *in, gsize in_stride, guint rows, guint inputs, float factor, float *panel);
  float (*softmax) (float *numbers, guint n);
  void (*layer_norm) (const float *in, guint n, float epsilon, const float *gain, const float *bias, float *out);
  void (*gelu) (float *numbers, guint n);
  /* per cell, sums: 4 x n of an update gate, a reset gate, a candidate and what the reset gate multiplies; said: 3 x n,
   * added to the first three; -> next hidden state, n a multiple of 16, and its product with `read` */
  void (*gates) (guint count, const float *sums, const float *const *said, const float *const *hidden, const float *read,
      guint n, float *const *next, float *products);
  gboolean (*halves) (const guint8 * from, gsize n, float *to);
  /* those of the same instruction set */
  const AlitraPixelLoops *pixels;
  const AlitraByteLoops *bytes;
} AlitraLoops;

extern const AlitraLoops alitra_loops_plain;
#ifdef ALITRA_HAVE_X86
extern const AlitraLoops alitra_loops_avx2;
extern const AlitraLoops alitra_loops_avx512;
#endif

/* For measurements: the loops in use, and others instead of them.  Not thread safe. */
const AlitraLoops *alitra_matrix_get_table (void);
void alitra_matrix_use_table (const AlitraLoops * loops);

G_END_DECLS

#endif
