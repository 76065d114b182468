/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The library's own products beside OpenBLAS on the shapes of the model, one thread each, in turn:
 *
 *     OPENBLAS_NUM_THREADS=1 bench-products [rows]
 *
 * docs/performance.md says why the library has its own. */
#include <cblas.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "floats.h"
#include "matrix.h"

#define ROUNDS 9

static const struct
{
  const gchar *what;
  guint inputs, outputs;
} shapes[] = {
  {"analysis", 384, 96},
  {"mix, grow", 96, 192},
  {"mix, shrink", 192, 96},
  {"paint", 96, 864},
  {"projection", 96, 24},
  {"allocator", 198, 64},
  {"code search", 24, 4096}
};

typedef struct
{
  guint rows, inputs, outputs;
  float *in, *weights, *out;
  AlitraMatrix matrix;
} Product;

static gint
by_size (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

/* Median GFLOP/s over the rounds. */
static gdouble
median_rate (const Product * p, gdouble * seconds)
{
  qsort (seconds, ROUNDS, sizeof (gdouble), by_size);
  return 2e-9 * p->rows * p->inputs * p->outputs / seconds[ROUNDS / 2];
}

static gdouble
run_ours (const Product * p)
{
  gint64 begin = g_get_monotonic_time ();
  guint row;

  for (row = 0; row < p->rows; row += ALITRA_TILE)
    alitra_matrix_multiply (&p->matrix, MIN (ALITRA_TILE, p->rows - row),
        p->in + (gsize) row * p->inputs, p->inputs,
        p->out + (gsize) row * p->outputs, p->outputs, ALITRA_END_STORE);
  return (g_get_monotonic_time () - begin) * 1e-6;
}

static gdouble
run_blas (const Product * p)
{
  gint64 begin = g_get_monotonic_time ();

  cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasTrans, p->rows, p->outputs,
      p->inputs, 1.f, p->in, p->inputs, p->weights, p->inputs, 0.f, p->out,
      p->outputs);
  return (g_get_monotonic_time () - begin) * 1e-6;
}

static float *
random_floats (gsize n, GRand * rand)
{
  float *floats = alitra_floats_new (n);
  gsize i;

  for (i = 0; i < n; i++)
    floats[i] = g_rand_double_range (rand, -1., 1.);
  return floats;
}

static void
compare (const gchar * what, guint rows, guint inputs, guint outputs,
    GRand * rand)
{
  Product p = { rows, inputs, outputs };
  gdouble ours[ROUNDS], blas[ROUNDS], a, b;
  guint i;

  p.in = random_floats ((gsize) rows * inputs, rand);
  p.weights = random_floats ((gsize) outputs * inputs, rand);
  p.out = alitra_floats_new ((gsize) rows * outputs);
  alitra_matrix_init (&p.matrix, outputs, inputs, p.weights, 1.f);
  run_ours (&p);
  run_blas (&p);
  for (i = 0; i < ROUNDS; i++) {
    ours[i] = run_ours (&p);
    blas[i] = run_blas (&p);
  }
  a = median_rate (&p, ours);
  b = median_rate (&p, blas);
  printf ("%-12s %4u -> %-4u  %6.1f  %6.1f  %5.2f\n", what, inputs, outputs,
      a, b, a / b);
  alitra_matrix_clear (&p.matrix);
  alitra_floats_free (p.in);
  alitra_floats_free (p.weights);
  alitra_floats_free (p.out);
}

int
main (int argc, char **argv)
{
  const gint asked = argc > 1 ? atoi (argv[1]) : 3840;
  const guint rows = CLAMP (asked, 1, 1 << 20);
  GRand *rand = g_rand_new_with_seed (1);
  guint i;

  printf ("%u rows, loops for %s, GFLOP/s (median of %d)\n", rows,
      alitra_matrix_get_loops (), ROUNDS);
  printf ("%-12s %12s  %6s  %6s  %5s\n", "", "", "ours", "blas", "ratio");
  for (i = 0; i < G_N_ELEMENTS (shapes); i++)
    compare (shapes[i].what, rows, shapes[i].inputs, shapes[i].outputs, rand);
  compare ("square", 1024, 1024, 1024, rand);
  g_rand_free (rand);
  return 0;
}
