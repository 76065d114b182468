/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same weights serve every size, and screens: what a token a patch must show, whatever the picture. */
#include "drawing.h"

#include <math.h>
#include <stdlib.h>

#define PATCH 16

/* A plane of I420. */
typedef struct
{
  const guint8 *data;
  gint stride;
  guint width, height;
} Plane;

static Plane
plane_of (const TestPicture * picture, guint channel)
{
  const AlitraFrame *f = &picture->frame;
  const guint shrink = channel == 0 ? 0 : 1;

  return (Plane) {
  f->data[channel], f->stride[channel], (f->width + shrink) >> shrink,
        (f->height + shrink) >> shrink};
}

static gdouble
mean_of (const Plane * p, guint left, guint top, guint side)
{
  gdouble sum = 0;
  guint count = 0;

  for (guint y = top; y < MIN (top + side, p->height); y++)
    for (guint x = left; x < MIN (left + side, p->width); x++, count++)
      sum += p->data[(gssize) y * p->stride + x];
  return sum / count;
}

/* Of a thumbnail with a pixel for each patch. */
static gdouble
psnr_of_means (const TestPicture * picture)
{
  const Plane p = plane_of (picture, 0);
  gdouble error = 0;

  for (guint top = 0; top < p.height; top += PATCH)
    for (guint left = 0; left < p.width; left += PATCH) {
      const gdouble mean = mean_of (&p, left, top, PATCH);

      for (guint y = top; y < MIN (top + PATCH, p.height); y++)
        for (guint x = left; x < MIN (left + PATCH, p.width); x++)
          error += pow (p.data[(gssize) y * p.stride + x] - mean, 2);
    }
  return 10 * log10 (255. * 255. * p.width * p.height / error);
}

/* Mean luma step across the borders of patches over the mean step elsewhere. */
static gdouble
edge_steps (const TestPicture * picture)
{
  const Plane p = plane_of (picture, 0);
  gdouble sum[2] = { 0 };
  guint count[2] = { 0 };

  for (guint y = 0; y < p.height; y++)
    for (guint x = 0; x < p.width; x++) {
      const guint8 *s = p.data + (gssize) y * p.stride + x;

      if (x > 0) {
        sum[x % PATCH == 0] += abs (s[0] - s[-1]);
        count[x % PATCH == 0]++;
      }
      if (y > 0) {
        sum[y % PATCH == 0] += abs (s[0] - s[-(gssize) p.stride]);
        count[y % PATCH == 0]++;
      }
    }
  return sum[1] / count[1] / (sum[0] / count[0]);
}

/* The mean of each plane stays; where a picture is a few cells only, it is as exact as these are. */
static void
check_colours (const TestPicture * picture, const TestPicture * shown)
{
  const guint pixels = picture->frame.width * picture->frame.height;
  const gdouble most = pixels < 640 * 360 ? 5. : 1.5;

  for (guint c = 0; c < 3; c++) {
    const Plane a = plane_of (picture, c), b = plane_of (shown, c);
    const guint side = MAX (a.width, a.height);

    g_assert_cmpfloat (fabs (mean_of (&a, 0, 0, side) - mean_of (&b, 0, 0,
                side)), <, most);
  }
}

/* A picture at so many tokens a patch -> how far it is above the thumbnail, dB. */
static gdouble
show (AlitraModel * model, const TestPicture * picture, gdouble tokens,
    TestStream ** stream)
{
  const guint width = picture->frame.width, height = picture->frame.height;
  AlitraSettings settings;
  gdouble psnr;

  alitra_settings_init (&settings);
  settings.target_tokens = tokens * ((width + PATCH - 1) / PATCH)
      * ((height + PATCH - 1) / PATCH);
  *stream = test_stream_new (model, width, height, 2);
  test_stream_frame (*stream, picture, &settings, FALSE);
  psnr = test_picture_psnr_luma (picture, (*stream)->shown);
  g_test_message ("%ux%u: %u tokens, %.2f dB, means of patches %.2f dB", width,
      height, (*stream)->stats.tokens, psnr, psnr_of_means (picture));
  g_assert_cmpuint ((*stream)->stats.tokens, <=, settings.target_tokens);
  check_colours (picture, (*stream)->shown);
  return psnr - psnr_of_means (picture);
}

static void
test_sizes (gconstpointer file)
{
  static const guint sizes[][2] = { {64, 64}, {65, 97}, {176, 144}, {640, 360},
  {1280, 720}, {1080, 1920}, {3840, 2160}
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load (file, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    TestPicture *picture = test_picture_new (ALITRA_PIXEL_I420, sizes[i][0],
        sizes[i][1], 0, FALSE);
    TestStream *stream;

    test_picture_draw_scene (picture, 1);
    g_assert_cmpfloat (show (model, picture, 1, &stream), >, 1);
    g_assert_cmpfloat (edge_steps (stream->shown), <,
        1.25 * edge_steps (picture));
    test_stream_free (stream);
    test_picture_free (picture);
  }
}

/* Lines of small print, and an empty part below them. */
static void
draw_print (TestPicture * picture)
{
  const Plane p = plane_of (picture, 0);

  test_picture_fill (picture, 250, 128, 128);
  for (guint y = 8; y < p.height / 2; y++)
    for (guint x = 8; x + 8 < p.width; x++) {
      const guint letter = (x / 8 * 7 + y / 16 * 13) % 29, bit = x % 8 / 2
          + y % 16 / 3 * 3;

      if (y % 16 < 11 && x % 8 < 6 && letter < 24
          && (0x5b6d >> (letter + bit) % 15 & 1))
        picture->frame.data[0][(gssize) y * p.stride + x] = 20;
    }
}

static void
test_screen (gconstpointer file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load (file, &error);
  TestPicture *picture = test_picture_new (ALITRA_PIXEL_I420, 640, 384, 0,
      FALSE);
  TestStream *stream;
  Plane shown;

  g_assert_no_error (error);
  draw_print (picture);
  g_assert_cmpfloat (show (model, picture, 4, &stream), >, 3);
  /* what is plain stays so, a cell away from print */
  shown = plane_of (stream->shown, 0);
  for (guint y = shown.height / 2 + 64; y < shown.height; y++)
    for (guint x = 0; x < shown.width; x++)
      g_assert_cmpint (abs (shown.data[(gssize) y * shown.stride + x] - 250),
          <=, 2);
  test_stream_free (stream);
  test_picture_free (picture);
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "alitra-base", "alitra-fast" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = g_strconcat (names[i], ".safetensors", NULL);
    char *file = g_build_filename (g_getenv ("ALITRA_MODEL_PATH"), name, NULL);
    g_autofree char *sizes = g_strconcat ("/sizes/", names[i], NULL);
    g_autofree char *screen = g_strconcat ("/screen/", names[i], NULL);

    g_test_add_data_func (sizes, file, test_sizes);
    g_test_add_data_func_full (screen, file, test_screen, g_free);
  }
  return g_test_run ();
}
