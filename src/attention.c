/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"

#include <math.h>
#include <string.h>

#include "matrix.h"

#define EPSILON 1e-5f

static guint
panels_of (guint outputs)
{
  return (outputs + ALITRA_PANEL - 1) / ALITRA_PANEL;
}

static gsize
whole_panels (guint outputs)
{
  return (gsize) panels_of (outputs) * ALITRA_PANEL;
}

/* What the parts of the scratch take, each a whole number of panels: keys, values, where the sums of both start, scores. */
gsize
alitra_attention_scratch (guint rows, guint size)
{
  return whole_panels (rows) * size + whole_panels (size) * rows
      + whole_panels (rows) + whole_panels (size)
      + ALITRA_TILE * whole_panels (rows);
}

/* Keys as a matrix of `size` inputs, times `factor`. Its outputs are whole vectors, which are written, and weighed, faster:
 * beyond the last row they are so low that a softmax makes nothing of them. */
static AlitraMatrix
pack_keys (guint rows, guint size, const float *key, gsize stride,
    float factor, float *data, float *start)
{
  const guint outputs = alitra_matrix_whole_vectors (rows);

  for (guint i = 0; i < outputs; i++)
    start[i] = i < rows ? 0.f : -G_MAXFLOAT;
  for (guint first = 0; first < rows; first += ALITRA_PANEL)
    alitra_matrix_turn_panel (key + (gsize) first * stride, stride,
        MIN (rows - first, ALITRA_PANEL), size, factor,
        data + (gsize) first * size);
  return (AlitraMatrix) {
  outputs, size, panels_of (rows), data, start};
}

/* `count` outputs of one input, and zeros: mostly a whole panel, which takes no loop. */
static inline void
copy_to_panel (guint count, const float *from, float *to)
{
  if (G_LIKELY (count == ALITRA_PANEL)) {
    memcpy (to, from, ALITRA_PANEL * sizeof (float));
    return;
  }
  memcpy (to, from, count * sizeof (float));
  memset (to + count, 0, (ALITRA_PANEL - count) * sizeof (float));
}

/* Values as a matrix of `size` outputs and `rows` inputs. */
static AlitraMatrix
pack_values (guint rows, guint size, const float *value, gsize stride,
    float *data, float *start)
{
  const gsize whole = whole_panels (size);

  memset (start, 0, whole * sizeof (float));
  for (gsize o = 0; o < whole; o += ALITRA_PANEL)
    for (gsize i = 0; i < rows; i++)
      copy_to_panel (MIN (size - o, ALITRA_PANEL), value + i * stride + o,
          data + o * rows + i * ALITRA_PANEL);
  return (AlitraMatrix) {
  size, rows, panels_of (size), data, start};
}

void
alitra_attention_run (guint rows, guint size, const float *query,
    const float *key, const float *value, gsize stride, float *out,
    gsize out_stride, float *scratch)
{
  const gsize columns = whole_panels (rows);
  const guint weighed = alitra_matrix_whole_vectors (rows);
  float *keys = scratch, *values = keys + columns * size;
  float *key_start = values + whole_panels (size) * rows;
  float *value_start = key_start + columns;
  float *scores = value_start + whole_panels (size);
  const AlitraMatrix key_matrix = pack_keys (rows, size, key, stride,
      1.f / sqrtf (size), keys, key_start);
  const AlitraMatrix value_matrix = pack_values (rows, size, value, stride,
      values, value_start);

  for (guint first = 0; first < rows; first += ALITRA_TILE) {
    const guint count = MIN (rows - first, ALITRA_TILE);

    alitra_matrix_multiply (&key_matrix, count, query + first * stride, stride,
        scores, columns, ALITRA_END_STORE);
    for (guint i = 0; i < count; i++)
      alitra_matrix_softmax (scores + i * columns, weighed);
    alitra_matrix_multiply (&value_matrix, count, scores, columns,
        out + first * out_stride, out_stride, ALITRA_END_STORE);
  }
}

void
alitra_layer_norm (guint rows, guint size, const float *in, const float *gain,
    const float *bias, float *out)
{
  for (guint r = 0; r < rows; r++, in += size, out += size)
    alitra_matrix_layer_norm (in, size, EPSILON, gain, bias, out);
}
