/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/overlay.h>
#include <math.h>
#include <string.h>

#include "tokenstream.h"

#define GUARD 0xA5

typedef struct
{
  guint width, height;
  gint stride;
  guint8 *bgra;
} Picture;

/* Rows are wider than the picture, so that what is written beside it is seen. */
static Picture
draw (const AlitraMemory * memory, AlitraOverlayStyle style, gdouble alpha,
    guint width, guint height)
{
  Picture picture = { width, height, 4 * width + 12, NULL };

  picture.bgra = g_malloc (picture.stride * height);
  memset (picture.bgra, GUARD, picture.stride * height);
  alitra_overlay_draw (memory, style, alpha, picture.bgra, picture.stride,
      width, height);
  for (guint y = 0; y < height; y++) {
    for (guint i = 4 * width; i < picture.stride; i++)
      g_assert_cmpuint (picture.bgra[y * picture.stride + i], ==, GUARD);
  }
  return picture;
}

static const guint8 *
at (const Picture * picture, guint x, guint y)
{
  return picture->bgra + y * picture->stride + 4 * x;
}

static gint
saturation (const guint8 * pixel)
{
  return MAX (pixel[0], MAX (pixel[1], pixel[2])) - MIN (pixel[0],
      MIN (pixel[1], pixel[2]));
}

/* A memory of 128x128 with tokens of its own in the patch at 1,1 and for the 64-cell at the lower right. */
static AlitraMemory *
small_memory (gboolean kept)
{
  const guint max_depth[ALITRA_LEVELS] = { 8, 8, 8 };
  AlitraMemory *memory = alitra_memory_new (128, 128, max_depth);
  AlitraUpdate *update = alitra_update_new (memory);

  update->level[0].depth[9] = 8;
  update->level[2].depth[3] = 2;
  alitra_memory_apply (memory, update);
  if (kept) {
    update->level[0].keep[9] = 8;
    update->level[2].keep[3] = 2;
    alitra_memory_apply (memory, update);
  }
  alitra_update_free (update);
  return memory;
}

static gdouble
linear (guint8 x)
{
  return x <= 10 ? x / 255. / 12.92 : pow ((x / 255. + 0.055) / 1.055, 2.4);
}

static gdouble
luminance_of (const guint8 * rgb)
{
  return 0.2126 * linear (rgb[0]) + 0.7152 * linear (rgb[1]) +
      0.0722 * linear (rgb[2]);
}

/* Denser is always lighter to the eye, and older darker. */
static void
test_colours (void)
{
  gdouble luminance = -1;

  for (gfloat density = 0; density <= 12; density += 0.125f) {
    guint8 rgb[4];
    gdouble next;

    alitra_overlay_colour (density, FALSE, rgb);
    next = luminance_of (rgb);
    g_assert_cmpfloat (next, >, luminance);
    luminance = next;
  }
  for (gfloat density = -1e9; density < 2e9; density += 1e9) {
    guint8 rgba[4];

    alitra_overlay_colour (density, TRUE, rgba);
  }
  luminance = 2;
  for (guint age = 0; age <= 256; age += 1 + age / 4) {
    guint8 rgb[4];
    gdouble next;

    alitra_overlay_age_colour (age, rgb);
    next = luminance_of (rgb);
    g_assert_cmpfloat (next, <, luminance);
    luminance = next;
  }
}

static void
test_heatmap (void)
{
  AlitraMemory *fresh = small_memory (FALSE), *kept = small_memory (TRUE);
  Picture a = draw (fresh, ALITRA_OVERLAY_HEATMAP, 0.5, 120, 110);
  Picture b = draw (kept, ALITRA_OVERLAY_HEATMAP, 0.5, 120, 110);
  guint8 rgb[4];

  g_assert_cmpuint (at (&a, 0, 0)[3], ==, 0);
  alitra_overlay_colour (8, FALSE, rgb);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (at (&a, 16, 31)[i], ==, rgb[2 - i]);
  g_assert_cmpmem (at (&a, 16, 16), 4, at (&a, 31, 31), 4);
  g_assert_cmpuint (at (&a, 15, 16)[3], ==, 0);
  g_assert_cmpuint (at (&a, 16, 32)[3], ==, 0);
  g_assert_cmpuint (at (&a, 20, 20)[3], >, at (&a, 119, 109)[3]);
  g_assert_cmpuint (at (&a, 119, 109)[3], >, 0);
  g_assert_cmpuint (at (&b, 20, 20)[3], >, 0);
  g_assert_cmpuint (at (&b, 20, 20)[3], <, at (&a, 20, 20)[3]);
  g_assert_cmpint (saturation (at (&b, 20, 20)), <, saturation (at (&a, 20,
              20)));
  g_free (a.bgra);
  g_free (b.bgra);
  alitra_memory_free (fresh);
  alitra_memory_free (kept);
}

/* A memory of one 64-cell: tokens were replaced in the patch at 0,0, added at 1,0, stayed at 2,0, and the one at 3,0 has
 * none. */
static AlitraMemory *
memory_of_states (void)
{
  const guint max_depth[ALITRA_LEVELS] = { 8, 8, 8 };
  AlitraMemory *memory = alitra_memory_new (64, 64, max_depth);
  AlitraUpdate *update = alitra_update_new (memory);

  for (guint i = 0; i < 3; i++)
    update->level[0].depth[i] = 4;
  alitra_memory_apply (memory, update);
  for (guint i = 0; i < 3; i++)
    update->level[0].keep[i] = 4;
  for (guint i = 0; i < 10; i++)
    alitra_memory_apply (memory, update);
  update->level[0].keep[0] = 1;
  update->level[0].depth[1] = 5;
  alitra_memory_apply (memory, update);
  alitra_update_free (update);
  return memory;
}

static void
test_states (void)
{
  AlitraMemory *memory = memory_of_states ();
  Picture a = draw (memory, ALITRA_OVERLAY_HEATMAP, 1, 64, 64);
  guint8 fresh[4], kept[4], sharpened[4], frame[4];

  alitra_overlay_colour (4, FALSE, fresh);
  alitra_overlay_colour (4, TRUE, kept);
  alitra_overlay_colour (5, TRUE, sharpened);
  alitra_overlay_colour (5, FALSE, frame);
  for (guint i = 0; i < 4; i++) {
    const guint from = i < 3 ? 2 - i : 3;       /* blue comes first */

    g_assert_cmpuint (at (&a, 0, 0)[i], ==, fresh[from]);
    g_assert_cmpuint (at (&a, 8, 8)[i], ==, fresh[from]);
    g_assert_cmpuint (at (&a, 24, 8)[i], ==, sharpened[from]);
    g_assert_cmpuint (at (&a, 16, 8)[i], ==, frame[from]);
    g_assert_cmpuint (at (&a, 24, 15)[i], ==, frame[from]);
    g_assert_cmpuint (at (&a, 40, 8)[i], ==, kept[from]);
    g_assert_cmpuint (at (&a, 32, 0)[i], ==, kept[from]);
  }
  g_assert_cmpuint (at (&a, 56, 8)[3], ==, 0);
  g_free (a.bgra);
  a = draw (memory, ALITRA_OVERLAY_GRID, 1, 64, 64);
  g_assert_cmpuint (at (&a, 8, 8)[3], >, 0);
  g_assert_cmpuint (at (&a, 24, 8)[3], ==, 0);
  g_assert_cmpuint (at (&a, 40, 8)[3], ==, 0);
  g_assert_cmpuint (at (&a, 16, 8)[3], >, at (&a, 32, 8)[3]);
  g_assert_cmpuint (at (&a, 32, 8)[3], >, 0);
  g_free (a.bgra);
  alitra_memory_free (memory);
}

static void
test_age (void)
{
  AlitraMemory *memory = memory_of_states ();
  Picture a = draw (memory, ALITRA_OVERLAY_AGE, 1, 64, 64);

  for (guint column = 0; column < 4; column++) {
    const guint ages[] = { 0, 0, 11, 12 };
    guint8 rgba[4];

    g_assert_cmpuint (alitra_memory_get_patch_age (memory, column, 0), ==,
        ages[column]);
    alitra_overlay_age_colour (ages[column], rgba);
    for (guint i = 0; i < 4; i++)
      g_assert_cmpuint (at (&a, 16 * column + 15, 15)[i], ==,
          rgba[i < 3 ? 2 - i : 3]);
  }
  g_free (a.bgra);
  alitra_memory_free (memory);
}

static gboolean
is_striped (const Picture * picture, guint column, guint row)
{
  guint stripes = 0;

  for (guint y = 16 * row; y < 16 * row + 16; y++) {
    for (guint x = 16 * column; x < 16 * column + 16; x++) {
      const guint8 *pixel = at (picture, x, y);

      stripes += pixel[0] == 255 && pixel[1] == 220 && pixel[2] == 0;
    }
  }
  g_assert_true (stripes == 0 || stripes == 16 * 16 / 4);
  return stripes > 0;
}

/* Lost patches are striped in every style: those of which a cell is lost, at any level. */
static void
test_lost (void)
{
  AlitraMemory *memory = small_memory (FALSE);

  memory->level[0].valid[2] = ALITRA_CELL_LOST;
  memory->level[2].valid[3] = ALITRA_CELL_LOST;
  for (guint style = 0; style <= ALITRA_OVERLAY_AGE; style++) {
    Picture picture = draw (memory, style, 1, 128, 128);

    for (guint row = 0; row < 8; row++) {
      for (guint column = 0; column < 8; column++)
        g_assert_cmpint (is_striped (&picture, column, row), ==,
            (row >= 4 && column >= 4) || (row == 0 && column == 2));
    }
    g_free (picture.bgra);
  }
  alitra_memory_free (memory);
}

static void
test_grid (void)
{
  AlitraMemory *memory = small_memory (FALSE);
  Picture a = draw (memory, ALITRA_OVERLAY_GRID, 1, 120, 110);

  g_assert_cmpuint (at (&a, 0, 0)[3], ==, 0);
  /* The border of the 16-cell, and of the 64-cell as far as the picture goes. */
  g_assert_cmpuint (at (&a, 16, 20)[3], >, at (&a, 20, 20)[3]);
  g_assert_cmpmem (at (&a, 16, 20), 4, at (&a, 31, 20), 4);
  g_assert_cmpmem (at (&a, 16, 20), 4, at (&a, 25, 31), 4);
  g_assert_cmpuint (at (&a, 64, 100)[3], >, at (&a, 65, 100)[3]);
  g_assert_cmpmem (at (&a, 64, 100), 4, at (&a, 119, 90), 4);
  g_assert_cmpmem (at (&a, 64, 100), 4, at (&a, 90, 109), 4);
  g_assert_cmpmem (at (&a, 80, 80), 4, at (&a, 90, 90), 4);
  g_free (a.bgra);
  alitra_memory_free (memory);
}

static void
test_contours (void)
{
  AlitraMemory *memory = small_memory (FALSE);
  Picture a = draw (memory, ALITRA_OVERLAY_CONTOURS, 1, 120, 110);
  static const gfloat crossed[] = { 0.5, 1, 2, 4, 8 };
  guint crossings = 0;

  /* From the middle of a patch without tokens to that of one of density 8; 1/4 and 1/2 lie in the same pixel. */
  for (guint x = 8; x <= 24 && crossings < G_N_ELEMENTS (crossed); x++) {
    const guint8 *pixel = at (&a, x, 24);
    guint8 rgb[4];

    alitra_overlay_colour (crossed[crossings], FALSE, rgb);
    if (pixel[3] == 255 && pixel[0] == rgb[2] && pixel[1] == rgb[1]
        && pixel[2] == rgb[0])
      crossings++;
  }
  g_assert_cmpuint (crossings, ==, G_N_ELEMENTS (crossed));
  g_assert_cmpuint (at (&a, 100, 8)[3], ==, 0);
  g_assert_cmpuint (at (&a, 100, 100)[3], ==, 0);
  g_free (a.bgra);
  alitra_memory_free (memory);
}

/* Every pixel is written, at any size, also at one that is not the memory's. */
static void
test_sizes (void)
{
  static const guint sizes[][2] =
      { {1, 1}, {7, 9}, {8, 8}, {9, 7}, {16, 16}, {17, 40}, {24, 25},
  {65, 63}, {200, 136}, {641, 359}
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    guint width = sizes[i][0], height = sizes[i][1];
    TestSender *sender =
        test_sender_new (width, height, g_rand_new_with_seed (i));

    test_sender_next (sender, TRUE, 0.6);
    test_sender_next (sender, FALSE, 0.1);
    for (guint style = ALITRA_OVERLAY_HEATMAP; style <= ALITRA_OVERLAY_AGE;
        style++) {
      Picture a = draw (sender->memory, style, 0.7, width, height);
      Picture b = draw (sender->memory, style, 0, width + 100, height + 100);

      for (guint y = 0; y < height; y++) {
        for (guint x = 0; x < width; x++) {
          static const guint8 untouched[4] = { GUARD, GUARD, GUARD, GUARD };

          g_assert_true (memcmp (at (&a, x, y), untouched, 4) != 0);
          g_assert_cmpuint (at (&b, x, y)[3], ==, 0);
        }
      }
      g_free (a.bgra);
      g_free (b.bgra);
    }
    test_sender_free (sender);
  }
}

static void
test_speed (void)
{
  TestSender *sender = test_sender_new (1920, 1080, g_rand_new_with_seed (1));
  guint8 *bgra = g_malloc (4 * 1920 * 1080);

  test_sender_next (sender, TRUE, 0.6);
  for (guint style = ALITRA_OVERLAY_HEATMAP; style <= ALITRA_OVERLAY_AGE;
      style++) {
    gint64 start = g_get_monotonic_time ();

    for (guint i = 0; i < 5; i++)
      alitra_overlay_draw (sender->memory, style, 0.6, bgra, 4 * 1920, 1920,
          1080);
    g_test_message ("style %u: %.2f ms for 1920x1080", style,
        (g_get_monotonic_time () - start) / 5000.);
  }
  g_free (bgra);
  test_sender_free (sender);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/overlay/colours", test_colours);
  g_test_add_func ("/overlay/heatmap", test_heatmap);
  g_test_add_func ("/overlay/states", test_states);
  g_test_add_func ("/overlay/age", test_age);
  g_test_add_func ("/overlay/lost", test_lost);
  g_test_add_func ("/overlay/grid", test_grid);
  g_test_add_func ("/overlay/contours", test_contours);
  g_test_add_func ("/overlay/sizes", test_sizes);
  if (g_test_perf ())
    g_test_add_func ("/overlay/speed", test_speed);
  return g_test_run ();
}
