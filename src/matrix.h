/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_MATRIX_H
#define ALITRA_SRC_MATRIX_H

#include <glib.h>

G_BEGIN_DECLS

/* Products of rows of numbers with matrices that never change, and the loops over cells that go with them.
 *
 * Every number of a result is one chain of multiply-adds over the inputs in rising order, whatever the other rows of
 * the call are: a cell gets the same bits alone or among thousands, on one thread or many. The loops exist for
 * several instruction sets (matrix-loops.c); the best one of the machine is taken once and for all. */

/* Columns of a panel: matrices are stored as panels of so many outputs, interleaved. */
#define ALITRA_PANEL 32
/* Floats of the widest vectors; what there is a multiple of them of is whole vectors, whatever the instruction set. */
#define ALITRA_WIDEST 16
/* Rows that a call should bring at least, if there are so many; tiles of 48 to 192 rows stay in cache. */
#define ALITRA_TILE 96

/* Panels that can be searched by their centres first, and numbers of a code then. */
#define ALITRA_MAX_CENTRES 256
#define ALITRA_MAX_SEARCHED 128

typedef struct
{
  guint outputs, inputs;
  guint panels;
  float *data;                  /* panels x inputs x ALITRA_PANEL */
  float *start;                 /* panels x ALITRA_PANEL: what each sum starts with */
  guint16 *halves;              /* half floats in place of `data`, if that is NULL; see alitra_matrix_halve() */
} AlitraMatrix;

/* Centres of the panels of a matrix of codes. */
typedef struct
{
  guint count, inputs;
  float *data;                  /* for each: minus half its squared length, then the inputs */
} AlitraCentres;

/* What is done with a product. */
typedef enum
{
  ALITRA_END_STORE,
  ALITRA_END_POSITIVE,          /* negative numbers become zero */
  ALITRA_END_ADD                /* added to what is there */
} AlitraEnd;

/* weights: outputs x inputs, row by row, times `factor`. */
void alitra_matrix_init (AlitraMatrix * matrix, guint outputs, guint inputs, const float *weights, float factor);
/* For alitra_matrix_nearest(): each row is a code; sums start with minus half its squared length. */
void alitra_matrix_init_codes (AlitraMatrix * matrix, guint codes, guint inputs, const float *weights);
/* Numbers that are half floats, as those of a file mostly are, are kept as such: a product, and a search by panels, then give
 * the same bits and read half the memory, which is worth it for matrices that come from afar for few rows.
 * alitra_matrix_nearest() can look through them no more.  FALSE: some are not, and nothing has changed. */
gboolean alitra_matrix_halve (AlitraMatrix * matrix);
void alitra_matrix_clear (AlitraMatrix * matrix);
/* count: at most ALITRA_MAX_CENTRES; inputs: at most ALITRA_MAX_SEARCHED; centres: count x inputs. */
void alitra_centres_init (AlitraCentres * centres, guint count, guint inputs, const float *data);
void alitra_centres_clear (AlitraCentres * centres);

/* out[i][o] = sum of in[i][k] * weight[o][k]. Strides are floats from row to row; neither in nor out need padding. */
void alitra_matrix_multiply (const AlitraMatrix * matrix, guint rows, const float *in, gsize in_stride, float *out,
    gsize out_stride, AlitraEnd end);

/* ids[i]: the code next to row i, the lowest one of equals. At most 65536 codes. */
void alitra_matrix_nearest (const AlitraMatrix * codes, guint rows, const float *in, gsize in_stride, guint16 * ids);

/* The same among the codes of some panels only: the `probes` (1 or more) whose centres are nearest, and all that are just
 * as near as the last of them. */
void alitra_matrix_nearest_of_panels (const AlitraMatrix * codes, const AlitraCentres * centres, guint probes,
    guint rows, const float *in, gsize in_stride, guint16 * ids);

/* out[c] = sum over the nine rows of rows[i][c] * taps[i * count + c]. */
void alitra_matrix_spread (const float *const rows[9], const float *taps, guint count, float *out);

/* Sum of squares of n numbers. */
float alitra_matrix_energy (const float *in, guint n);
/* The same of some rows, `stride` floats apart, and the same bits. */
void alitra_matrix_energies (const float *in, gsize stride, guint n, guint rows, float *out);

/* n, or the next multiple of ALITRA_WIDEST. */
static inline guint
alitra_matrix_whole_vectors (guint n)
{
  return (n + ALITRA_WIDEST - 1) / ALITRA_WIDEST * ALITRA_WIDEST;
}

/* At most ALITRA_PANEL rows of numbers, times `factor`, as a panel of so many outputs; those beyond them are zero, up to a
 * multiple of ALITRA_WIDEST, and not written from there on. */
void alitra_matrix_turn_panel (const float *in, gsize in_stride, guint rows, guint inputs, float factor, float *panel);

/* n numbers, 1 or more, become parts of 1, in proportion to e to their power (below e to the power of -87 of the largest:
 * zero). Returns what these powers add up to once the largest number was taken off all: not finite if the numbers are not. */
float alitra_matrix_softmax (float *numbers, guint n);

/* out = (in - mean) / root of (variance + epsilon) * gain + bias, of n numbers. */
void alitra_matrix_layer_norm (const float *in, guint n, float epsilon, const float *gain, const float *bias, float *out);

/* Each number x becomes x times the part of a normal distribution that is below x. */
void alitra_matrix_gelu (float *numbers, guint n);

/* One step of `count` gated recurrent units of n numbers, a multiple of 16: of each, sums are 4 x n (update gate, reset gate,
 * candidate, what the reset gate multiplies), one unit's behind the other's; said[] 3 x n is added to the first three.
 * products[]: those of next[] with `read`.  A unit has the same bits alone or among others. */
void alitra_matrix_gates (guint count, const float *sums, const float *const *said, const float *const *hidden,
    const float *read, guint n, float *const *next, float *products);

/* n half floats of a file, little endian, at any address; FALSE: some are not finite. */
gboolean alitra_matrix_from_halves (const guint8 *from, gsize n, float *to);

/* The loops over samples, and over bytes, for the same instruction set. */
const struct _AlitraPixelLoops *alitra_matrix_get_pixel_loops (void);
const struct _AlitraByteLoops *alitra_matrix_get_byte_loops (void);

/* What the loops were compiled for: "avx512", "avx2" or "plain". */
const char *alitra_matrix_get_loops (void);
/* For tests and measurements: picks the loops by name; FALSE if the machine cannot run them. Not thread safe. */
gboolean alitra_matrix_set_loops (const char *name);

G_END_DECLS

#endif
