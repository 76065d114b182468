/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "matrix.h"

#include <alitra/version.h>
#include <string.h>

#include "floats.h"
#include "matrix-loops.h"

static const AlitraLoops *chosen_loops;

static gboolean
can_run (const AlitraLoops * loops)
{
#ifdef ALITRA_HAVE_X86
  if (loops == &alitra_loops_avx512)
    return __builtin_cpu_supports ("avx512f")
        && __builtin_cpu_supports ("avx512dq")
        && __builtin_cpu_supports ("avx512vl")
        && __builtin_cpu_supports ("fma");
  if (loops == &alitra_loops_avx2)
    return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma")
        && __builtin_cpu_supports ("f16c");
#endif
  return TRUE;
}

static const AlitraLoops *const all_loops[] = {
#ifdef ALITRA_HAVE_X86
  &alitra_loops_avx512, &alitra_loops_avx2,
#endif
  &alitra_loops_plain
};

static const AlitraLoops *
get_loops (void)
{
  const AlitraLoops *loops = g_atomic_pointer_get (&chosen_loops);

  if (G_LIKELY (loops))
    return loops;
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    if (can_run (all_loops[i])) {
      g_atomic_pointer_set (&chosen_loops, (gpointer) all_loops[i]);
      return all_loops[i];
    }
  }
  g_assert_not_reached ();
}

const char *
alitra_matrix_get_loops (void)
{
  return get_loops ()->name;
}

const gchar *
alitra_get_instruction_set (void)
{
  return alitra_matrix_get_loops ();
}

gboolean
alitra_matrix_set_loops (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (all_loops); i++) {
    if (strcmp (name, all_loops[i]->name) == 0 && can_run (all_loops[i])) {
      g_atomic_pointer_set (&chosen_loops, (gpointer) all_loops[i]);
      return TRUE;
    }
  }
  return FALSE;
}

void
alitra_matrix_init (AlitraMatrix * matrix, guint outputs, guint inputs,
    const float *weights, float factor)
{
  matrix->outputs = outputs;
  matrix->inputs = inputs;
  matrix->halves = NULL;
  matrix->panels = (outputs + ALITRA_PANEL - 1) / ALITRA_PANEL;
  matrix->data =
      alitra_floats_new ((gsize) matrix->panels * inputs * ALITRA_PANEL);
  matrix->start = alitra_floats_new ((gsize) matrix->panels * ALITRA_PANEL);
  for (gsize o = 0; o < outputs; o++) {
    float *column =
        matrix->data + o / ALITRA_PANEL * inputs * ALITRA_PANEL +
        o % ALITRA_PANEL;

    for (gsize k = 0; k < inputs; k++)
      column[k * ALITRA_PANEL] = weights[o * inputs + k] * factor;
  }
}

static float
half_length (const float *vector, guint n)
{
  float sum = 0;

  for (guint k = 0; k < n; k++)
    sum += vector[k] * vector[k];
  return .5f * sum;
}

void
alitra_matrix_init_codes (AlitraMatrix * matrix, guint codes, guint inputs,
    const float *weights)
{
  alitra_matrix_init (matrix, codes, inputs, weights, 1);
  for (gsize o = 0; o < codes; o++)
    matrix->start[o] = -half_length (weights + o * inputs, inputs);
  /* what fills up the last panel is never the nearest */
  for (gsize o = codes; o < (gsize) matrix->panels * ALITRA_PANEL; o++)
    matrix->start[o] = -G_MAXFLOAT;
}

/* FALSE: the number is not exactly a half float. */
static gboolean
half_of (float number, guint16 * half)
{
  guint32 bits, size, lost;
  gint exponent;

  memcpy (&bits, &number, sizeof (bits));
  *half = bits >> 16 & 0x8000;
  size = bits & 0x7fffffff;
  exponent = (gint) (size >> 23) - 127;
  if (size == 0)
    return TRUE;
  if (exponent > 15 || exponent < -24)
    return FALSE;
  if (exponent >= -14) {
    lost = size & 0x1fff;
    *half |= (size - (112u << 23)) >> 13;
  } else {
    const guint shift = 13 - 14 - exponent;
    const guint32 whole = (size & 0x7fffff) | 1u << 23;

    lost = whole & ((1u << shift) - 1);
    *half |= whole >> shift;
  }
  return lost == 0;
}

gboolean
alitra_matrix_halve (AlitraMatrix * matrix)
{
  const gsize count = (gsize) matrix->panels * matrix->inputs * ALITRA_PANEL;
  guint16 *halves;

  if (matrix->halves)
    return TRUE;
  halves = (guint16 *) alitra_floats_new ((count + 1) / 2);
  for (gsize i = 0; i < count; i++)
    if (!half_of (matrix->data[i], &halves[i])) {
      alitra_floats_free ((float *) halves);
      return FALSE;
    }
  matrix->halves = halves;
  g_clear_pointer (&matrix->data, alitra_floats_free);
  return TRUE;
}

void
alitra_centres_init (AlitraCentres * centres, guint count, guint inputs,
    const float *data)
{
  centres->count = count;
  centres->inputs = inputs;
  centres->data = alitra_floats_new ((gsize) count * (inputs + 1));
  for (gsize i = 0; i < count; i++) {
    float *centre = centres->data + i * (inputs + 1);

    centre[0] = -half_length (data + i * inputs, inputs);
    memcpy (centre + 1, data + i * inputs, inputs * sizeof (float));
  }
}

void
alitra_centres_clear (AlitraCentres * centres)
{
  g_clear_pointer (&centres->data, alitra_floats_free);
  centres->count = 0;
}

void
alitra_matrix_clear (AlitraMatrix * matrix)
{
  g_clear_pointer (&matrix->data, alitra_floats_free);
  alitra_floats_free ((float *) matrix->halves);
  matrix->halves = NULL;
  g_clear_pointer (&matrix->start, alitra_floats_free);
}

void
alitra_matrix_multiply (const AlitraMatrix * matrix, guint rows,
    const float *in, gsize in_stride, float *out, gsize out_stride,
    AlitraEnd end)
{
  get_loops ()->multiply (matrix, rows, in, in_stride, out, out_stride, end);
}

void
alitra_matrix_nearest (const AlitraMatrix * codes, guint rows, const float *in,
    gsize in_stride, guint16 * ids)
{
  g_return_if_fail (codes->data);
  get_loops ()->nearest (codes, rows, in, in_stride, ids);
}

void
alitra_matrix_nearest_of_panels (const AlitraMatrix * codes,
    const AlitraCentres * centres, guint probes, guint rows, const float *in,
    gsize in_stride, guint16 * ids)
{
  g_return_if_fail (centres->count == codes->panels
      && centres->inputs == codes->inputs && probes > 0
      && probes <= centres->count);
  get_loops ()->nearest_of_panels (codes, centres, probes, rows, in, in_stride,
      ids);
}

void
alitra_matrix_spread (const float *const rows[9], const float *taps,
    guint count, float *out)
{
  get_loops ()->spread (rows, taps, count, out);
}

float
alitra_matrix_energy (const float *in, guint n)
{
  return get_loops ()->energy (in, n);
}

void
alitra_matrix_energies (const float *in, gsize stride, guint n, guint rows,
    float *out)
{
  get_loops ()->energies (in, stride, n, rows, out);
}

void
alitra_matrix_turn_panel (const float *in, gsize in_stride, guint rows,
    guint inputs, float factor, float *panel)
{
  get_loops ()->turn_panel (in, in_stride, rows, inputs, factor, panel);
}

float
alitra_matrix_softmax (float *numbers, guint n)
{
  return get_loops ()->softmax (numbers, n);
}

void
alitra_matrix_layer_norm (const float *in, guint n, float epsilon,
    const float *gain, const float *bias, float *out)
{
  get_loops ()->layer_norm (in, n, epsilon, gain, bias, out);
}

void
alitra_matrix_gelu (float *numbers, guint n)
{
  get_loops ()->gelu (numbers, n);
}

void
alitra_matrix_gates (guint count, const float *sums, const float *const *said,
    const float *const *hidden, const float *read, guint n, float *const *next,
    float *products)
{
  get_loops ()->gates (count, sums, said, hidden, read, n, next, products);
}

gboolean
alitra_matrix_from_halves (const guint8 * from, gsize n, float *to)
{
  return get_loops ()->halves (from, n, to);
}

const AlitraPixelLoops *
alitra_matrix_get_pixel_loops (void)
{
  return get_loops ()->pixels;
}

const AlitraByteLoops *
alitra_matrix_get_byte_loops (void)
{
  return get_loops ()->bytes;
}

const AlitraLoops *
alitra_matrix_get_table (void)
{
  return get_loops ();
}

void
alitra_matrix_use_table (const AlitraLoops * loops)
{
  g_atomic_pointer_set (&chosen_loops, (gpointer) loops);
}
