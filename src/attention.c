/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"

#include <math.h>
#include <string.h>

#include "matrix.h"

#define EPSILON 1e-5f
/* Sums that go on side by side: one chain of additions would wait for itself. */
#define CHAINS 8

static guint
panels_of (guint outputs)
{
  return (outputs + ALITRA_PANEL - 1) / ALITRA_PANEL;
}

/* What the parts of the scratch take, each a whole number of panels: keys, values, where sums start, scores. */
static gsize
keys_size (guint rows, guint size)
{
  return (gsize) panels_of (rows) * ALITRA_PANEL * size;
}

static gsize
values_size (guint rows, guint size)
{
  return (gsize) panels_of (size) * ALITRA_PANEL * rows;
}

static gsize
start_size (guint rows, guint size)
{
  return (gsize) panels_of (MAX (rows, size)) * ALITRA_PANEL;
}

gsize
alitra_attention_scratch (guint rows, guint size)
{
  return keys_size (rows, size) + values_size (rows, size)
      + start_size (rows, size)
  + (gsize) ALITRA_TILE *panels_of (rows) * ALITRA_PANEL;
}

/* Keys as a matrix of `rows` outputs and `size` inputs, times `factor`. */
static AlitraMatrix
pack_keys (guint rows, guint size, const float *key, gsize stride,
    float factor, float *data, float *start)
{
  float *to = data;

  for (guint first = 0; first < rows; first += ALITRA_PANEL) {
    const guint count = MIN (rows - first, ALITRA_PANEL);

    for (guint k = 0; k < size; k++, to += ALITRA_PANEL) {
      const float *from = key + (gsize) first * stride + k;

      for (guint i = 0; i < count; i++)
        to[i] = from[i * stride] * factor;
      memset (to + count, 0, (ALITRA_PANEL - count) * sizeof (float));
    }
  }
  return (AlitraMatrix) {
  rows, size, panels_of (rows), data, start};
}

/* Values as a matrix of `size` outputs and `rows` inputs. */
static AlitraMatrix
pack_values (guint rows, guint size, const float *value, gsize stride,
    float *data, float *start)
{
  const gsize whole = (gsize) panels_of (size) * ALITRA_PANEL;

  for (gsize o = 0; o < whole; o += ALITRA_PANEL)
    for (gsize i = 0; i < rows; i++) {
      float *to = data + (o * rows) + i * ALITRA_PANEL;

      for (gsize k = 0; k < ALITRA_PANEL; k++)
        to[k] = o + k < size ? value[i * stride + o + k] : 0.f;
    }
  return (AlitraMatrix) {
  size, rows, panels_of (size), data, start};
}

float
alitra_softmax (float *numbers, guint n)
{
  float most = numbers[0], sum, factor;

  for (guint i = 1; i < n; i++)
    most = MAX (most, numbers[i]);
  sum = alitra_matrix_exponents (numbers, n, most);
  factor = 1.f / sum;
  for (guint i = 0; i < n; i++)
    numbers[i] *= factor;
  return sum;
}

void
alitra_attention_run (guint rows, guint size, const float *query,
    const float *key, const float *value, gsize stride, float *out,
    gsize out_stride, float *scratch)
{
  float *keys = scratch, *values = keys + keys_size (rows, size);
  float *start = values + values_size (rows, size);
  float *scores = start + start_size (rows, size);
  const gsize score_stride = (gsize) panels_of (rows) * ALITRA_PANEL;
  AlitraMatrix key_matrix, value_matrix;

  for (gsize i = 0; i < start_size (rows, size); i++)
    start[i] = 0.f;
  key_matrix = pack_keys (rows, size, key, stride, 1.f / sqrtf (size), keys,
      start);
  value_matrix = pack_values (rows, size, value, stride, values, start);
  for (guint first = 0; first < rows; first += ALITRA_TILE) {
    const guint count = MIN (rows - first, ALITRA_TILE);

    alitra_matrix_multiply (&key_matrix, count, query + first * stride, stride,
        scores, score_stride, ALITRA_END_STORE);
    for (guint i = 0; i < count; i++)
      alitra_softmax (scores + i * score_stride, rows);
    alitra_matrix_multiply (&value_matrix, count, scores, score_stride,
        out + first * out_stride, out_stride, ALITRA_END_STORE);
  }
}

static float
sum_of (const float *in, guint n)
{
  float sums[CHAINS] = { 0 }, sum = 0;
  guint i = 0;

  for (; i + CHAINS <= n; i += CHAINS)
    for (guint c = 0; c < CHAINS; c++)
      sums[c] += in[i + c];
  for (; i < n; i++)
    sum += in[i];
  for (guint c = 0; c < CHAINS; c++)
    sum += sums[c];
  return sum;
}

void
alitra_layer_norm (guint rows, guint size, const float *in, const float *gain,
    const float *bias, float *out)
{
  for (guint r = 0; r < rows; r++, in += size, out += size) {
    const float mean = sum_of (in, size) / size;
    float factor;

    for (guint i = 0; i < size; i++)
      out[i] = in[i] - mean;
    factor = 1.f / sqrtf (alitra_matrix_energy (out, size) / size + EPSILON);
    for (guint i = 0; i < size; i++)
      out[i] = out[i] * factor * gain[i] + bias[i];
  }
}
