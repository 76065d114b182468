/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain pictures and even gradients must be nearly exact, and nearly free. */
#include <math.h>

#include "drawing.h"

/* Least fidelity, dB, and most tokens a 64-cell. */
#define FIDELITY 42.
#define TOKENS 2
#define PAIRS 30

typedef struct
{
  gdouble from[3], to[3];       /* red, green, blue, 0..255 */
  gdouble along, down;          /* which way it goes; both 0: plain */
} Gradient;

static void
colour_at (const Gradient * g, gdouble x, gdouble y, guint width, guint height,
    gdouble rgb[3])
{
  gdouble way =
      (g->along * x / width + g->down * y / height) / MAX (g->along + g->down,
      1.);

  for (guint c = 0; c < 3; c++)
    rgb[c] = g->from[c] + (g->to[c] - g->from[c]) * way;
}

static void
to_ycc (const gdouble rgb[3], gdouble ycc[3])
{
  ycc[0] = .299 * rgb[0] + .587 * rgb[1] + .114 * rgb[2];
  ycc[1] = 128 + (rgb[2] - ycc[0]) / 1.772;
  ycc[2] = 128 + (rgb[0] - ycc[0]) / 1.402;
}

/* The middle of a sample of plane `i`; chroma samples stand between two columns and rows, or on the last. */
static gdouble
middle (guint i, guint at, guint size)
{
  return i == 0 ? at + .5 : (2 * at + MIN (2 * at + 2, size)) / 2.;
}

static void
draw (TestPicture * picture, const Gradient * g)
{
  const AlitraFrame *frame = &picture->frame;

  for (guint i = 0; i < 3; i++) {
    const guint half = i > 0;

    for (guint y = 0; y < (frame->height + half) >> half; y++) {
      for (guint x = 0; x < (frame->width + half) >> half; x++) {
        gdouble rgb[3], ycc[3];

        colour_at (g, middle (i, x, frame->width), middle (i, y, frame->height),
            frame->width, frame->height, rgb);
        to_ycc (rgb, ycc);
        frame->data[i][y * frame->stride[i] + x] =
            CLAMP (floor (ycc[i] + .5), 0, 255);
      }
    }
  }
}

/* Chroma at a luma sample, between the samples around it. */
static gdouble
chroma_at (const AlitraFrame * frame, guint i, guint x, guint y)
{
  const gdouble u = CLAMP (x / 2. - .25, 0, (frame->width - 1) / 2), v =
      CLAMP (y / 2. - .25, 0, (frame->height - 1) / 2);
  const guint x0 = u, y0 = v, x1 = MIN (x0 + 1, (frame->width - 1) / 2), y1 =
      MIN (y0 + 1, (frame->height - 1) / 2);
  const guint8 *upper = frame->data[i] + y0 * frame->stride[i], *lower =
      frame->data[i] + y1 * frame->stride[i];
  const gdouble a = upper[x0] + (upper[x1] - upper[x0]) * (u - x0), b =
      lower[x0] + (lower[x1] - lower[x0]) * (u - x0);

  return a + (b - a) * (v - y0);
}

static gdouble
to_psnr (gdouble squares, gdouble n)
{
  return squares > 0 ? 10 * log10 (255. * 255. * n / squares) : 99;
}

/* Of what is shown against the ideal, in RGB and in luma. */
static void
measure (const TestPicture * picture, const Gradient * g, gdouble * rgb_psnr,
    gdouble * luma_psnr)
{
  const AlitraFrame *frame = &picture->frame;
  gdouble squares = 0, luma_squares = 0, n =
      (gdouble) frame->width * frame->height;

  for (guint y = 0; y < frame->height; y++) {
    for (guint x = 0; x < frame->width; x++) {
      const gdouble luma = frame->data[0][y * frame->stride[0] + x];
      const gdouble cb = chroma_at (frame, 1, x, y) - 128, cr =
          chroma_at (frame, 2, x, y) - 128;
      const gdouble got[3] =
          { luma + 1.402 * cr, luma - .344136 * cb - .714136 * cr,
        luma + 1.772 * cb
      };
      gdouble rgb[3], ycc[3];

      colour_at (g, x + .5, y + .5, frame->width, frame->height, rgb);
      to_ycc (rgb, ycc);
      luma_squares += (luma - ycc[0]) * (luma - ycc[0]);
      for (guint c = 0; c < 3; c++)
        squares += pow (CLAMP (got[c], 0, 255) - rgb[c], 2);
    }
  }
  *rgb_psnr = to_psnr (squares, 3 * n);
  *luma_psnr = to_psnr (luma_squares, n);
}

typedef struct
{
  guint width, height;
} Size;

/* -> FALSE, and says why, if the gradient is not exact enough or costs too much. */
static gboolean
holds (AlitraModel * model, const Size * size, const Gradient * g,
    const AlitraSettings * settings)
{
  TestStream *stream = test_stream_new (model, size->width, size->height, 1);
  TestPicture *picture =
      test_picture_new (ALITRA_PIXEL_I420, size->width, size->height, 0, FALSE);
  const guint most =
      ((size->width + 63) / 64) * ((size->height + 63) / 64) * TOKENS;
  gdouble rgb, luma;
  gboolean good;

  draw (picture, g);
  test_stream_frame (stream, picture, settings, FALSE);
  measure (stream->shown, g, &rgb, &luma);
  good = rgb >= FIDELITY && luma >= FIDELITY && stream->stats.tokens <= most;
  if (!good)
    g_test_message
        ("%ux%u: %.0f %.0f %.0f -> %.0f %.0f %.0f along %g down %g: %.1f dB RGB, %.1f dB luma, "
        "%u tokens (%u + %u + %u) of %u", size->width, size->height, g->from[0],
        g->from[1], g->from[2], g->to[0], g->to[1], g->to[2], g->along, g->down,
        rgb, luma, stream->stats.tokens, stream->stats.level_tokens[2],
        stream->stats.level_tokens[1], stream->stats.level_tokens[0], most);
  test_picture_free (picture);
  test_stream_free (stream);
  return good;
}

static void
test_gradients (gconstpointer data)
{
  static const gdouble ways[][2] = { {0, 0}, {1, 0}, {0, 1}, {1, 1}, {1, .3} };
  const Size *size = data;
  g_autoptr (AlitraModel) model = test_model ();
  GRand *random = g_rand_new_with_seed (41);
  AlitraSettings settings;
  guint bad = 0;

  alitra_settings_init (&settings);
  for (guint pair = 0; pair < PAIRS; pair++) {
    Gradient g;

    for (guint c = 0; c < 3; c++) {
      g.from[c] = g_rand_int_range (random, 0, 256);
      g.to[c] = g_rand_int_range (random, 0, 256);
    }
    for (guint way = 0; way < G_N_ELEMENTS (ways); way++) {
      g.along = ways[way][0];
      g.down = ways[way][1];
      bad += !holds (model, size, &g, &settings);
    }
  }
  g_assert_cmpuint (bad, ==, 0);
  g_rand_free (random);
}

int
main (int argc, char **argv)
{
  static const Size sizes[] = { {256, 256}, {320, 192}, {640, 360}, {100, 70} };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *name =
        g_strdup_printf ("/flat/gradients/%ux%u", sizes[i].width,
        sizes[i].height);

    g_test_add_data_func (name, &sizes[i], test_gradients);
  }
  return g_test_run ();
}
