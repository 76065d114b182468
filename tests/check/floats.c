/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arrays in slabs: zeroed, aligned, apart from each other, and given back, in whatever order they go. */
#include "floats.h"
#include "resident.h"

#define ARRAYS 48
#define LARGE (24 << 20)        /* bytes: three of them need more than one slab */

static void
fill (float *array, gsize count, float value)
{
  for (gsize k = 0; k < count; k++)
    array[k] = value;
}

static gboolean
holds (const float *array, gsize count, float value)
{
  for (gsize k = 0; k < count; k++)
    if (array[k] != value)
      return FALSE;
  return TRUE;
}

static void
check_new (const float *array, gsize count)
{
  g_assert_cmpuint ((guintptr) array % 64, ==, 0);
  g_assert_true (holds (array, count, 0.f));
}

static void
test_arrays (void)
{
  float *array[ARRAYS] = { NULL };
  gsize count[ARRAYS];
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint round = 0; round < 6 * ARRAYS; round++) {
    const guint i = g_rand_int_range (rand, 0, ARRAYS);

    if (array[i]) {
      g_assert_true (holds (array[i], count[i], i + 1));
      alitra_floats_free (array[i]);
      array[i] = NULL;
      continue;
    }
    count[i] = (gsize) 1 << g_rand_int_range (rand, 0, 20);
    count[i] += g_rand_int_range (rand, 0, 5);
    array[i] = round % 7 ? alitra_floats_new (count[i])
        : alitra_floats_new_sparse (count[i]);
    check_new (array[i], count[i]);
    fill (array[i], count[i], i + 1);
  }
  for (guint i = 0; i < ARRAYS; i++) {
    g_assert_true (!array[i] || holds (array[i], count[i], i + 1));
    alitra_floats_free (array[i]);
  }
}

static void
test_bytes (void)
{
  guint8 *none = alitra_bytes_new (0), *some = alitra_bytes_new (100001);

  g_assert_nonnull (none);
  g_assert_cmpuint (some[0] | some[100000], ==, 0);
  alitra_bytes_free (none);
  alitra_bytes_free (some);
  alitra_bytes_free (NULL);
  alitra_floats_free (NULL);
}

/* One small array keeps its slab: the large ones beside it must not stay resident. */
static void
test_memory (void)
{
  float *pin[40];
  glong before;

  if (test_resident_kb () < 0) {
    g_test_skip ("this system does not say how much memory a process holds");
    return;
  }
#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the sanitizer keeps what is freed");
  return;
#endif
  before = test_resident_kb ();
  for (guint i = 0; i < G_N_ELEMENTS (pin); i++) {
    const gsize size = i % 2 ? LARGE : LARGE / 4;
    float *large = alitra_floats_new (size / sizeof (float));

    fill (large, size / sizeof (float), 1.f);
    pin[i] = alitra_floats_new (16 << 10);
    pin[i][0] = 1.f;
    alitra_floats_free (large);
  }
  g_assert_cmpint (test_resident_kb (), <, before + 4 * (LARGE >> 10));
  for (guint i = 0; i < G_N_ELEMENTS (pin); i++) {
    g_assert_cmpfloat (pin[i][0], ==, 1.f);
    alitra_floats_free (pin[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/floats/arrays", test_arrays);
  g_test_add_func ("/floats/bytes", test_bytes);
  g_test_add_func ("/floats/memory", test_memory);
  return g_test_run ();
}
