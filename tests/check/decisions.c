/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Allocator, flat cells and border filter against what Python computes (training/golden_allocator.py writes the
 * vectors). */
#include <math.h>
#include <string.h>

#include "allocator.h"
#include "bilateral.h"
#include "deblock.h"
#include "flat.h"
#include "wholeplanes.h"

#define ERROR 1e-4f

typedef struct
{
  char *data;
  const guint8 *at, *end;
} Vector;

static char *
golden_file (const char *name)
{
  return g_build_filename (g_getenv ("ALITRA_TEST_GOLDEN"), name, NULL);
}

static Vector
open_vector (const char *name)
{
  g_autofree char *file = golden_file (name);
  GError *error = NULL;
  Vector v;
  gsize size;

  g_file_get_contents (file, &v.data, &size, &error);
  g_assert_no_error (error);
  v.at = (const guint8 *) v.data;
  v.end = v.at + size;
  return v;
}

static const guint8 *
take (Vector * v, gsize size)
{
  const guint8 *here = v->at;

  g_assert_cmpuint (size, <=, v->end - v->at);
  v->at += size;
  return here;
}

static guint32
take_number (Vector * v)
{
  const guint8 *p = take (v, 4);

  return p[0] | p[1] << 8 | p[2] << 16 | (guint32) p[3] << 24;
}

static float
take_float (Vector * v)
{
  guint32 bits = take_number (v);
  float value;

  memcpy (&value, &bits, 4);
  return value;
}

static float
take_half (Vector * v)
{
  const guint8 *p = take (v, 2);
  const guint bits = p[0] | p[1] << 8, exponent = bits >> 10 & 31;
  const float value =
      ldexpf ((bits & 1023) + (exponent ? 1024 : 0), (gint) MAX (exponent,
          1) - 25);

  return bits & 0x8000 ? -value : value;
}

static float *
take_floats (Vector * v, guint n)
{
  float *values = g_new (float, n);

  for (guint i = 0; i < n; i++)
    values[i] = take_float (v);
  return values;
}

static void
take_planes (Vector * v, AlitraPlanes * planes, float (*one) (Vector *))
{
  for (guint c = 0; c < 3; c++) {
    const guint cell = c ? 8 : 16;

    for (guint y = 0; y < planes->grid.rows * cell; y++) {
      float *row =
          c ? planes->chroma[c - 1] + y * planes->chroma_stride : planes->luma +
          y * planes->luma_stride;

      for (guint x = 0; x < planes->grid.columns * cell; x++)
        row[x] = one (v);
    }
  }
}

static float
worst_difference (const AlitraPlanes * a, const AlitraPlanes * b)
{
  float worst = 0;

  for (guint c = 0; c < 3; c++) {
    const guint cell = c ? 8 : 16;
    const gsize stride = c ? a->chroma_stride : a->luma_stride;
    const float *p = c ? a->chroma[c - 1] : a->luma, *q =
        c ? b->chroma[c - 1] : b->luma;

    for (guint y = 0; y < a->grid.rows * cell; y++) {
      for (guint x = 0; x < a->grid.columns * cell; x++)
        worst = MAX (worst, fabsf (p[y * stride + x] - q[y * stride + x]));
    }
  }
  return worst;
}

static AlitraModel *
load_model (void)
{
  g_autofree char *file = golden_file ("allocator.safetensors");
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (file, &error);

  g_assert_no_error (error);
  return model;
}

/* One step of one level. -> how far gains are off at most */
static float
check_step (Vector * v, AlitraAllocator * allocator, guint level, guint step)
{
  const guint n = take_number (v);
  g_autofree guint32 *cells = g_new (guint32, n);
  g_autofree float *gains = g_new (float, n), *expected = NULL;
  AlitraCellEnergies energies;
  float worst = 0;

  for (guint i = 0; i < n; i++)
    cells[i] = take_number (v);
  energies.whole = take_floats (v, n);
  energies.head = take_floats (v, n);
  energies.seen = take_floats (v, n);
  energies.start = take_floats (v, n);
  energies.last = take_floats (v, n);
  expected = take_floats (v, n);
  if (step == 0)
    alitra_allocator_begin (allocator, level, n, cells, FALSE);
  alitra_allocator_predict (allocator, level, step, n, cells, &energies, gains);
  for (guint i = 0; i < n; i++)
    worst = MAX (worst, fabsf (gains[i] - expected[i]));
  g_free (energies.whole);
  g_free (energies.head);
  g_free (energies.seen);
  g_free (energies.start);
  g_free (energies.last);
  return worst;
}

static void
check_allocator (guint threads, gboolean again)
{
  g_autoptr (AlitraModel) model = load_model ();
  AlitraWorkers *workers = alitra_workers_new (threads);
  Vector v = open_vector ("allocator.bin");
  const guint columns = take_number (&v), rows = take_number (&v);
  AlitraAllocator *allocator =
      alitra_allocator_new (model, columns, rows, workers, NULL);
  float worst = 0;

  g_assert_nonnull (allocator);
  for (guint round = 0; round <= again; round++) {
    v.at = (const guint8 *) v.data + 8;
    if (round > 0)
      alitra_allocator_reset (allocator);
    for (gint level = ALITRA_LEVELS - 1; level >= 0; level--) {
      const guint n = (columns << (2 - level)) * (rows << (2 - level));
      g_autofree guint32 *all = g_new (guint32, n);
      g_autofree float *left = NULL;
      const guint8 *depth;

      for (guint step = 0; step < 3; step++) {
        float differs = check_step (&v, allocator, level, step);

        worst = MAX (worst, differs);
      }
      depth = take (&v, n);
      left = take_floats (&v, n);
      for (guint i = 0; i < n; i++)
        all[i] = i;
      alitra_allocator_settle (allocator, level, n, all, depth, left);
    }
    g_assert_true (v.at == v.end);
  }
  g_test_message ("gains differ by at most %g", worst);
  g_assert_cmpfloat (worst, <, ERROR);
  alitra_allocator_free (allocator);
  alitra_workers_free (workers);
  g_free (v.data);
}

static void
test_allocator (void)
{
  check_allocator (1, FALSE);
  check_allocator (2, TRUE);
}

static void
check_flat (Vector * v, AlitraModel * model)
{
  const guint width = take_number (v), height = take_number (v);
  const AlitraGrid grid = alitra_grid_of (width, height, ALITRA_LEVELS - 1);
  const guint cells = grid.columns * grid.rows;
  AlitraFlatGrid *flat =
      alitra_flat_grid_new (width, height, model->chroma_gain);
  AlitraFlatGrid *receiver =
      alitra_flat_grid_new (width, height, model->chroma_gain);
  g_autofree guint8 *all = g_malloc (cells);
  AlitraWorkers *workers = alitra_workers_new (2);
  AlitraPlanes planes, painted, blended;
  guint found = 0;
  float worst;

  alitra_planes_init (&planes, grid);
  alitra_planes_init (&painted, grid);
  alitra_planes_init (&blended, grid);
  memset (all, 1, cells);
  take_planes (v, &planes, take_half);
  alitra_flat_grid_detect (flat, &planes, all, workers);
  alitra_workers_free (workers);
  for (guint i = 0; i < cells; i++) {
    g_assert_cmpint (flat->flat[i], ==, *take (v, 1));
    found += flat->flat[i];
  }
  g_assert_cmpuint (found, >, 0);
  for (guint i = 0; i < cells; i++)
    g_assert_cmpuint (take_number (v), ==, flat->flat[i] ? flat->coarse[i] : 0);
  for (guint i = 0; i < cells; i++)
    g_assert_cmpuint (take_number (v), ==, flat->flat[i] ? flat->fine[i] : 0);
  take_planes (v, &painted, take_half);
  take_planes (v, &blended, take_float);
  for (guint i = 0; i < cells; i++) {
    receiver->flat[i] = flat->flat[i];
    if (flat->flat[i])
      alitra_flat_colour (flat->coarse[i], flat->fine[i],
          receiver->colour + 3 * i);
  }
  alitra_flat_grid_slopes (receiver);
  alitra_flat_grid_blend (receiver, &painted, all);
  worst = worst_difference (&painted, &blended);
  g_test_message
      ("%ux%u: %u of %u cells are flat; samples differ by at most %g", width,
      height, found, cells, worst);
  g_assert_cmpfloat (worst, <, 1e-5f);
  alitra_planes_clear (&planes);
  alitra_planes_clear (&painted);
  alitra_planes_clear (&blended);
  alitra_flat_grid_free (flat);
  alitra_flat_grid_free (receiver);
}

static void
test_flat (void)
{
  g_autoptr (AlitraModel) model = load_model ();
  Vector v = open_vector ("flat.bin");

  while (v.at < v.end)
    check_flat (&v, model);
  g_free (v.data);
}

/* A filter of the finest level. */
typedef void (*Filter) (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * depth, const guint8 * mask, AlitraWorkers * workers);

static void
filter_borders (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * depth, const guint8 * mask, AlitraWorkers * workers)
{
  alitra_deblock (to, from, 0, depth, mask, workers);
}

/* Each cell by itself gets the same bits as among all, and no other cell is written. */
static void
check_single_cells (Filter filter, const AlitraPlanes * whole,
    const AlitraPlanes * from, const guint8 * depth, AlitraWorkers * workers)
{
  const AlitraGrid grid = from->grid;
  const guint cells = grid.columns * grid.rows;
  g_autofree guint8 *mask = g_malloc0 (cells);
  float got[ALITRA_CELL_SAMPLES], want[ALITRA_CELL_SAMPLES];
  AlitraPlanes to;

  g_assert_cmpuint (cells, >, 2);
  for (guint cell = 0; cell < cells; cell++) {
    alitra_planes_init (&to, grid);
    mask[cell] = 1;
    filter (&to, from, depth, mask, workers);
    mask[cell] = 0;
    for (guint i = 0; i < cells; i++) {
      alitra_planes_get_cell (&to, i % grid.columns, i / grid.columns, got);
      alitra_planes_get_cell (whole, i % grid.columns, i / grid.columns, want);
      if (i != cell)
        memset (want, 0, sizeof want);
      g_assert_cmpmem (got, sizeof got, want, sizeof want);
    }
    alitra_planes_clear (&to);
  }
}

static void
check_filter (const char *name, Filter filter)
{
  AlitraWorkers *workers = alitra_workers_new (2);
  Vector v = open_vector (name);
  const AlitraGrid grid = { take_number (&v), take_number (&v) };
  const guint8 *depth = take (&v, grid.columns * grid.rows);
  AlitraPlanes from, to, expected;
  float worst;

  alitra_planes_init (&from, grid);
  alitra_planes_init (&to, grid);
  alitra_planes_init (&expected, grid);
  take_planes (&v, &from, take_half);
  take_planes (&v, &expected, take_float);
  g_assert_true (v.at == v.end);
  filter (&to, &from, depth, NULL, workers);
  worst = worst_difference (&to, &expected);
  g_test_message ("samples differ by at most %g", worst);
  g_assert_cmpfloat (worst, <, 1e-5f);
  g_assert_cmpfloat (worst_difference (&to, &from), >, .01f);
  check_single_cells (filter, &to, &from, depth, workers);
  alitra_planes_clear (&from);
  alitra_planes_clear (&to);
  alitra_planes_clear (&expected);
  alitra_workers_free (workers);
  g_free (v.data);
}

static void
test_deblock (void)
{
  check_filter ("deblock.bin", filter_borders);
}

static void
put_line (gpointer data, guint plane, guint x, guint y,
    const gfloat * samples, guint count)
{
  AlitraPlanes *to = data;

  memcpy (plane ? to->chroma[plane - 1] + y * to->chroma_stride + x
      : to->luma + y * to->luma_stride + x, samples, count * sizeof (gfloat));
}

static void
copy_cells (AlitraPlanes * to, const AlitraPlanes * from, guint row)
{
  gfloat samples[ALITRA_CELL_SAMPLES];

  for (guint x = 0; x < from->grid.columns; x++) {
    alitra_planes_get_cell (from, x, row, samples);
    test_planes_set_cell (to, x, row, samples);
  }
}

/* Row by row, each when the one below it is there. */
static void
filter_grain (AlitraPlanes * to, const AlitraPlanes * from,
    const guint8 * depth, const guint8 * mask, AlitraWorkers * workers)
{
  const guint rows = from->grid.rows;
  g_autofree guint8 *all = g_malloc (from->grid.columns * rows);
  AlitraPlanes view;
  AlitraBand band;

  memset (all, 1, from->grid.columns * rows);
  alitra_band_init (&band, from->grid);
  for (guint row = 0; row <= rows; row++) {
    if (row < rows) {
      alitra_band_view (&band, row, &view);
      copy_cells (&view, from, row);
    }
    if (row > 0)
      alitra_bilateral_row (&band, row - 1, depth, mask ? mask : all, put_line,
          to);
  }
  alitra_band_clear (&band);
}

static void
test_bilateral (void)
{
  check_filter ("bilateral.bin", filter_grain);
}

/* In a band borders get the same bits as in planes. */
static void
test_deblock_in_band (void)
{
  AlitraWorkers *workers = alitra_workers_new (2);
  Vector v = open_vector ("deblock.bin");
  const AlitraGrid grid = { take_number (&v), take_number (&v) };
  const guint8 *depth = take (&v, grid.columns * grid.rows);
  g_autofree guint8 *all = g_malloc (grid.columns * grid.rows);
  AlitraPlanes from, to, view;
  gfloat got[ALITRA_CELL_SAMPLES], want[ALITRA_CELL_SAMPLES];
  AlitraBand band;

  memset (all, 1, grid.columns * grid.rows);
  alitra_planes_init (&from, grid);
  alitra_planes_init (&to, grid);
  take_planes (&v, &from, take_half);
  alitra_deblock (&to, &from, 0, depth, NULL, workers);
  alitra_band_init (&band, grid);
  for (guint row = 0; row <= grid.rows; row++) {
    if (row < grid.rows) {
      alitra_band_view (&band, row, &view);
      copy_cells (&view, &from, row);
      alitra_deblock_across (&band, row, 0, depth, all);
      if (row > 0)
        alitra_deblock_down (&band, row, 0, depth, all);
    }
    for (guint x = 0; row > 0 && x < grid.columns; x++) {
      alitra_band_view (&band, row - 1, &view);
      alitra_planes_get_cell (&view, x, row - 1, got);
      alitra_planes_get_cell (&to, x, row - 1, want);
      g_assert_cmpmem (got, sizeof got, want, sizeof want);
    }
  }
  alitra_band_clear (&band);
  alitra_planes_clear (&from);
  alitra_planes_clear (&to);
  alitra_workers_free (workers);
  g_free (v.data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/decisions/allocator", test_allocator);
  g_test_add_func ("/decisions/flat", test_flat);
  g_test_add_func ("/decisions/deblock", test_deblock);
  g_test_add_func ("/decisions/deblock-in-band", test_deblock_in_band);
  g_test_add_func ("/decisions/bilateral", test_bilateral);
  return g_test_run ();
}
