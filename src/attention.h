/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_ATTENTION_H
#define ALITRA_SRC_ATTENTION_H

#include <glib.h>

G_BEGIN_DECLS

/* One head of self-attention over one sequence, and the normalisation of layers. */

/* Floats of scratch for a sequence of at most `rows` with heads of `size` numbers; the scratch must be aligned as
 * alitra_floats_new() does. */
gsize alitra_attention_scratch (guint rows, guint size);

/* out[i] = sum over j of softmax_j (query[i] . key[j] / root of size) value[j]. Query, key and value of row i begin at
 * i * stride; those of `out` at i * out_stride. */
void alitra_attention_run (guint rows, guint size, const float *query, const float *key, const float *value,
    gsize stride, float *out, gsize out_stride, float *scratch);

/* out = (in - mean) / root of (variance + 1e-5) * gain + bias, row by row of `size` numbers. */
void alitra_layer_norm (guint rows, guint size, const float *in, const float *gain, const float *bias, float *out);

G_END_DECLS

#endif
