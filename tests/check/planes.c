/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of every format and size <-> planes, the pyramid and its masks, against plain loops in double precision. */
#include <math.h>
#include <string.h>

#include "picture.h"
#include "wholeplanes.h"

static const float gain[2] = { 2.085f, 1.818f };
static const guint sizes[][2] =
    { {1, 1}, {2, 1}, {1, 3}, {64, 64}, {65, 63}, {131, 70}, {640, 34}, {1030,
    66}
};

/* A frame with rows further apart than they need be, in memory of exactly the size that it may touch. */
typedef struct
{
  AlitraFrame frame;
  guint8 *memory[3];
} Picture;

static guint
planes_of (AlitraPixelFormat format)
{
  return format == ALITRA_PIXEL_I420
      || format == ALITRA_PIXEL_YV12 ? 3 : format == ALITRA_PIXEL_NV12 ? 2 : 1;
}

static guint
bytes_in_row (AlitraPixelFormat format, guint plane, guint width)
{
  switch (format) {
    case ALITRA_PIXEL_YUY2:
      return (width + 1) / 2 * 4;
    case ALITRA_PIXEL_RGB:
    case ALITRA_PIXEL_BGR:
      return width * 3;
    case ALITRA_PIXEL_RGBX:
    case ALITRA_PIXEL_BGRX:
      return width * 4;
    case ALITRA_PIXEL_NV12:
      return plane ? (width + 1) / 2 * 2 : width;
    default:
      return plane ? (width + 1) / 2 : width;
  }
}

static void
picture_init (Picture * p, AlitraPixelFormat format, gboolean full, guint width,
    guint height, gboolean upside_down)
{
  memset (p, 0, sizeof *p);
  p->frame.format = format;
  p->frame.full_range = full;
  p->frame.width = width;
  p->frame.height = height;
  for (guint i = 0; i < planes_of (format); i++) {
    const guint rows = i ? (height + 1) / 2 : height, row =
        bytes_in_row (format, i, width);
    const guint stride = row + g_test_rand_int_range (0, 20);
    const gsize size = (gsize) (rows - 1) * stride + row;

    p->memory[i] = g_malloc (size);
    for (gsize n = 0; n < size; n++)
      p->memory[i][n] = g_test_rand_int_range (0, 256);
    p->frame.data[i] =
        upside_down ? p->memory[i] + (gsize) (rows - 1) * stride : p->memory[i];
    p->frame.stride[i] = upside_down ? -(gint) stride : (gint) stride;
  }
}

static void
picture_clear (Picture * p)
{
  for (guint i = 0; i < 3; i++)
    g_free (p->memory[i]);
}

static guint8
byte_at (const AlitraFrame * f, guint plane, guint x, guint y)
{
  return f->data[plane][(gssize) y * f->stride[plane] + x];
}

static double
rgb_at (const AlitraFrame * f, guint x, guint y, guint colour)
{
  const gboolean blue_first = f->format == ALITRA_PIXEL_BGR
      || f->format == ALITRA_PIXEL_BGRX;
  const guint pixel = f->format == ALITRA_PIXEL_RGB
      || f->format == ALITRA_PIXEL_BGR ? 3 : 4;

  return byte_at (f, 0, x * pixel + (blue_first ? 2 - colour : colour),
      y) / 255.;
}

static double
luma_at (const AlitraFrame * f, guint x, guint y)
{
  double luma;

  if (f->format >= ALITRA_PIXEL_RGB)
    return .299 * rgb_at (f, x, y, 0) + .587 * rgb_at (f, x, y,
        1) + .114 * rgb_at (f, x, y, 2) - .5;
  luma = byte_at (f, 0, f->format == ALITRA_PIXEL_YUY2 ? 2 * x : x, y);
  return (f->full_range ? luma / 255 : (luma - 16) / 219) - .5;
}

static double
chroma_byte (const AlitraFrame * f, guint component, guint x, guint y)
{
  switch (f->format) {
    case ALITRA_PIXEL_I420:
      return byte_at (f, 1 + component, x, y);
    case ALITRA_PIXEL_YV12:
      return byte_at (f, 2 - component, x, y);
    case ALITRA_PIXEL_NV12:
      return byte_at (f, 1, 2 * x + component, y);
    default:
      return .5 * byte_at (f, 0, 4 * x + 1 + 2 * component, 2 * y)
          + .5 * byte_at (f, 0, 4 * x + 1 + 2 * component, MIN (2 * y + 1,
              f->height - 1));
  }
}

static double
chroma_at (const AlitraFrame * f, guint component, guint x, guint y)
{
  double sum = 0;

  if (f->format == ALITRA_PIXEL_GRAY8)
    return 0;
  if (f->format < ALITRA_PIXEL_RGB)
    return (chroma_byte (f, component, x,
            y) - 128) / (f->full_range ? 255 : 224) * gain[component];
  for (guint i = 0; i < 4; i++) {
    const guint px = MIN (2 * x + i % 2, f->width - 1), py =
        MIN (2 * y + i / 2, f->height - 1);

    sum +=
        component == 0 ? (rgb_at (f, px, py, 2) - .5 - luma_at (f, px,
            py)) / 1.772 : (rgb_at (f, px, py, 0) - .5 - luma_at (f, px,
            py)) / 1.402;
  }
  return sum / 4 * gain[component];
}

static void
check_planes (const AlitraFrame * f, const AlitraPlanes * planes)
{
  const guint width = planes->grid.columns * 16, height =
      planes->grid.rows * 16;

  g_assert_cmpuint (width, ==, (f->width + 63) / 64 * 64);
  g_assert_cmpuint (height, ==, (f->height + 63) / 64 * 64);
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++)
      g_assert_cmpfloat (fabs (planes->luma[y * planes->luma_stride + x]
              - luma_at (f, MIN (x, f->width - 1), MIN (y, f->height - 1))), <,
          1e-6);
  }
  for (guint i = 0; i < 2; i++) {
    for (guint y = 0; y < height / 2; y++) {
      for (guint x = 0; x < width / 2; x++)
        g_assert_cmpfloat (fabs (planes->chroma[i][y * planes->chroma_stride +
                    x]
                - chroma_at (f, i, MIN (x, (f->width - 1) / 2), MIN (y,
                        (f->height - 1) / 2))), <, 2e-6);
    }
  }
}

static void
test_from_frame (void)
{
  AlitraWorkers *workers = alitra_workers_new (3);

  for (AlitraPixelFormat format = ALITRA_PIXEL_I420;
      format <= ALITRA_PIXEL_BGRX; format++) {
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
      AlitraPlanes planes;
      Picture p;
      GError *error = NULL;

      picture_init (&p, format, (i + format) % 2, sizes[i][0], sizes[i][1],
          i % 3 == 2);
      alitra_planes_init (&planes, alitra_grid_of (sizes[i][0], sizes[i][1],
              0));
      alitra_picture_from_frame (&p.frame, gain, &planes, NULL, workers,
          &error);
      g_assert_no_error (error);
      check_planes (&p.frame, &planes);
      alitra_planes_clear (&planes);
      picture_clear (&p);
    }
  }
  alitra_workers_free (workers);
}

/* Bytes -> planes -> bytes changes nothing, in either range. */
static void
test_round_trip (void)
{
  AlitraWorkers *workers = alitra_workers_new (2);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sizes); i++) {
    const guint width = sizes[i / 2][0], height = sizes[i / 2][1];
    const AlitraPixelFormat format =
        i % 3 == 0 ? ALITRA_PIXEL_GRAY8 : ALITRA_PIXEL_I420;
    AlitraPlanes planes;
    Picture p, q;

    picture_init (&p, format, i % 2, width, height, FALSE);
    picture_init (&q, format, i % 2, width, height, TRUE);
    alitra_planes_init (&planes, alitra_grid_of (width, height, 0));
    g_assert_true (alitra_picture_from_frame (&p.frame, gain, &planes, NULL,
            workers, NULL));
    g_assert_true (alitra_picture_to_frame (&planes, gain, &q.frame, NULL,
            workers, NULL));
    for (guint plane = 0; plane < planes_of (format); plane++) {
      for (guint y = 0; y < (plane ? (height + 1) / 2 : height); y++) {
        for (guint x = 0; x < bytes_in_row (format, plane, width); x++)
          g_assert_cmpuint (byte_at (&p.frame, plane, x, y), ==,
              byte_at (&q.frame, plane, x, y));
      }
    }
    alitra_planes_clear (&planes);
    picture_clear (&p);
    picture_clear (&q);
  }
  alitra_workers_free (workers);
}

static void
random_planes (AlitraPlanes * planes, AlitraGrid grid, float span)
{
  alitra_planes_init (planes, grid);
  for (gsize i = 0; i < planes->luma_stride * grid.rows * 16; i++)
    planes->luma[i] = g_test_rand_double_range (-span, span);
  for (guint c = 0; c < 2; c++) {
    for (gsize i = 0; i < planes->chroma_stride * grid.rows * 8; i++)
      planes->chroma[c][i] = g_test_rand_double_range (-span, span);
  }
}

/* Samples far outside the range end at its ends, and a mask keeps other cells' bytes. */
static void
test_to_frame (void)
{
  const guint width = 131, height = 70;
  AlitraWorkers *workers = alitra_workers_new (2);
  AlitraPlanes planes;
  Picture p, before;
  guint8 mask[12 * 8];

  random_planes (&planes, alitra_grid_of (width, height, 0), 3);
  picture_init (&p, ALITRA_PIXEL_I420, TRUE, width, height, FALSE);
  before = p;
  for (guint i = 0; i < 3; i++)
    before.memory[i] = before.frame.data[i] =
        g_memdup2 (p.memory[i],
        p.frame.stride[i] * ((i ? (height + 1) / 2 : height) - 1)
        + bytes_in_row (ALITRA_PIXEL_I420, i, width));
  for (guint i = 0; i < sizeof mask; i++)
    mask[i] = i % 5 != 0;
  g_assert_true (alitra_picture_to_frame (&planes, gain, &p.frame, mask,
          workers, NULL));
  for (guint plane = 0; plane < 3; plane++) {
    const guint cell = plane ? 8 : 16;

    for (guint y = 0; y < (plane ? (height + 1) / 2 : height); y++) {
      for (guint x = 0; x < bytes_in_row (ALITRA_PIXEL_I420, plane, width); x++) {
        const double value =
            plane ? planes.chroma[plane - 1][y * planes.chroma_stride +
            x] / gain[plane - 1] * 255 +
            128 : (planes.luma[y * planes.luma_stride + x] + .5) * 255;
        const guint8 byte = byte_at (&p.frame, plane, x, y);

        if (!mask[y / cell * 12 + x / cell])
          g_assert_cmpuint (byte, ==, byte_at (&before.frame, plane, x, y));
        else
          g_assert_cmpfloat (fabs (byte - CLAMP (value, 0, 255)), <=, .501);
      }
    }
  }
  alitra_planes_clear (&planes);
  picture_clear (&p);
  picture_clear (&before);
  alitra_workers_free (workers);
}

static void
test_refused (void)
{
  AlitraWorkers *workers = alitra_workers_new (1);
  AlitraPlanes planes;
  Picture p;
  GError *error = NULL;

  alitra_planes_init (&planes, alitra_grid_of (64, 64, 0));
  picture_init (&p, ALITRA_PIXEL_I420, TRUE, 65, 64, FALSE);
  g_assert_false (alitra_picture_from_frame (&p.frame, gain, &planes, NULL,
          workers, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (alitra_picture_to_frame (&planes, gain, &p.frame, NULL,
          workers, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  p.frame.width = 64;
  p.frame.format = ALITRA_PIXEL_BGRX + 1;
  g_assert_false (alitra_picture_from_frame (&p.frame, gain, &planes, NULL,
          workers, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  p.frame.format = ALITRA_PIXEL_NV12;
  g_assert_false (alitra_picture_to_frame (&planes, gain, &p.frame, NULL,
          workers, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  p.frame.format = ALITRA_PIXEL_I420;
  p.frame.width = 0;
  g_assert_false (alitra_picture_from_frame (&p.frame, gain, &planes, NULL,
          workers, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  g_clear_error (&error);
  alitra_planes_clear (&planes);
  picture_clear (&p);
  alitra_workers_free (workers);
}

/* Sample of a plane (0: luma), the border repeated. */
static double
sample (const AlitraPlanes * planes, guint plane, gint x, gint y)
{
  const gint cell = plane ? 8 : 16;

  x = CLAMP (x, 0, (gint) planes->grid.columns * cell - 1);
  y = CLAMP (y, 0, (gint) planes->grid.rows * cell - 1);
  return plane ? planes->chroma[plane - 1][y * planes->chroma_stride +
      x] : planes->luma[y * planes->luma_stride + x];
}

typedef double (*Expected) (const AlitraPlanes * a, guint plane, gint x,
    gint y);

static double
expect_half (const AlitraPlanes * a, guint plane, gint x, gint y)
{
  return (sample (a, plane, 2 * x, 2 * y) + sample (a, plane, 2 * x + 1,
          2 * y) + sample (a, plane, 2 * x, 2 * y + 1)
      + sample (a, plane, 2 * x + 1, 2 * y + 1)) / 4;
}

static double
expect_twice (const AlitraPlanes * a, guint plane, gint x, gint y)
{
  static const double taps[2][5] =
      { {-.0234375, .2265625, .8671875, -.0703125, 0},
  {0, -.0703125, .8671875, .2265625, -.0234375}
  };
  double sum = 0;

  for (gint i = 0; i < 5; i++) {
    for (gint j = 0; j < 5; j++)
      sum +=
          taps[y % 2][i] * taps[x % 2][j] * sample (a, plane, x / 2 + j - 2,
          y / 2 + i - 2);
  }
  return sum;
}

/* `before`: what `to` held. */
static void
check_against (const AlitraPlanes * to, const AlitraPlanes * before,
    const guint8 * mask, Expected expected, const AlitraPlanes * a)
{
  for (guint plane = 0; plane < 3; plane++) {
    const guint cell = plane ? 8 : 16;

    for (guint y = 0; y < to->grid.rows * cell; y++) {
      for (guint x = 0; x < to->grid.columns * cell; x++) {
        const double got = sample (to, plane, x, y);

        if (mask && !mask[y / cell * to->grid.columns + x / cell])
          g_assert_cmpfloat (got, ==, sample (before, plane, x, y));
        else
          g_assert_cmpfloat (fabs (got - expected (a, plane, x, y)), <, 1e-6);
      }
    }
  }
}

static void
copy_planes (AlitraPlanes * to, const AlitraPlanes * from)
{
  float cell[ALITRA_CELL_SAMPLES];

  alitra_planes_init (to, from->grid);
  for (guint row = 0; row < from->grid.rows; row++) {
    for (guint column = 0; column < from->grid.columns; column++) {
      alitra_planes_get_cell (from, column, row, cell);
      test_planes_set_cell (to, column, row, cell);
    }
  }
}

static void
test_pyramid (void)
{
  AlitraWorkers *workers = alitra_workers_new (3);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const AlitraGrid fine = alitra_grid_of (sizes[i][0], sizes[i][1], 1);
    const AlitraGrid coarse = alitra_grid_of (sizes[i][0], sizes[i][1], 2);
    const guint cells = fine.columns * fine.rows;
    g_autofree guint8 *mask = g_malloc (cells);
    AlitraPlanes a, b, c, low;

    for (guint n = 0; n < cells; n++)
      mask[n] = g_test_rand_int_range (0, 3) > 0;
    random_planes (&a, fine, 1);
    random_planes (&b, fine, 1);
    random_planes (&low, coarse, 1);
    for (guint masked = 0; masked < 2; masked++) {
      const guint8 *use = masked ? mask : NULL;

      copy_planes (&c, &b);
      alitra_planes_upsample (&c, &low, use, workers);
      check_against (&c, &b, use, expect_twice, &low);
      alitra_planes_clear (&c);

      copy_planes (&c, &low);
      test_planes_halve (&c, &a, use);
      check_against (&c, &low, use, expect_half, &a);
      alitra_planes_clear (&c);
    }
    alitra_planes_clear (&a);
    alitra_planes_clear (&b);
    alitra_planes_clear (&low);
  }
  alitra_workers_free (workers);
}

/* What is left of a cell, by its words: beyond the picture the last samples inside count again. */
static void
test_left (void)
{
  const guint width = 83, height = 70;
  const AlitraGrid grid = alitra_grid_of (width, height, 0);
  AlitraPlanes a, b;
  float cell[ALITRA_CELL_SAMPLES];

  random_planes (&a, grid, 1);
  random_planes (&b, grid, 1);
  for (guint n = 0; n < grid.columns * grid.rows; n++) {
    const guint column = n % grid.columns, row = n / grid.columns;

    alitra_planes_get_cell_left (&a, &b, column, row, width, height, cell,
        NULL, FALSE);
    for (guint i = 0; i < ALITRA_CELL_SAMPLES; i++) {
      const guint plane = i < 256 ? 0 : i < 320 ? 1 : 2, side = plane ? 8 : 16;
      const guint j = plane ? (i - 256) % 64 : i;
      const guint x = MIN (column * side + j % side,
          (plane ? (width + 1) / 2 : width) - 1);
      const guint y = MIN (row * side + j / side,
          (plane ? (height + 1) / 2 : height) - 1);
      const gsize at = y * (plane ? a.chroma_stride : a.luma_stride) + x;
      const float *p = plane ? a.chroma[plane - 1] : a.luma;
      const float *q = plane ? b.chroma[plane - 1] : b.luma;

      g_assert_cmpfloat (cell[i], ==, p[at] - q[at]);
    }
  }
  alitra_planes_clear (&a);
  alitra_planes_clear (&b);
}

/* The masks say at least where samples change, and dilation is what its words say. */
static void
test_masks (void)
{
  const AlitraGrid fine = alitra_grid_of (260, 200, 1), coarse =
      alitra_grid_of (260, 200, 2);
  AlitraWorkers *workers = alitra_workers_new (1);

  for (guint round = 0; round < 20; round++) {
    const guint cells = coarse.columns * coarse.rows;
    g_autofree guint8 *from = g_malloc0 (cells), *wide = g_malloc (cells);
    g_autofree guint8 *to = g_malloc (fine.columns * fine.rows);
    AlitraPlanes low, before, after;
    float samples[ALITRA_CELL_SAMPLES];

    random_planes (&low, coarse, 1);
    alitra_planes_init (&before, fine);
    alitra_planes_upsample (&before, &low, NULL, workers);
    copy_planes (&after, &before);
    for (guint n = 0; n < 3; n++) {
      const guint cell = g_test_rand_int_range (0, cells);

      from[cell] = 1;
      for (guint i = 0; i < ALITRA_CELL_SAMPLES; i++)
        samples[i] = g_test_rand_double ();
      test_planes_set_cell (&low, cell % coarse.columns,
          cell / coarse.columns, samples);
    }
    alitra_mask_upsample (fine, to, from);
    alitra_planes_upsample (&after, &low, to, workers);
    check_against (&after, &before, to, expect_twice, &low);
    check_against (&after, &before, NULL, expect_twice, &low);
    alitra_mask_dilate (coarse, wide, from);
    for (gint row = 0; row < (gint) coarse.rows; row++) {
      for (gint column = 0; column < (gint) coarse.columns; column++) {
        gboolean near = FALSE;

        for (gint n = 0; n < (gint) cells; n++)
          near |= from[n] && ABS (n / (gint) coarse.columns - row) <= 1
              && ABS (n % (gint) coarse.columns - column) <= 1;
        g_assert_cmpint (wide[row * coarse.columns + column], ==, near);
      }
    }
    alitra_planes_clear (&low);
    alitra_planes_clear (&before);
    alitra_planes_clear (&after);
  }
  alitra_workers_free (workers);
}

/* ---- threads ---- */

static void
count_piece (gpointer data, guint piece, guint worker)
{
  guint *times = data;

  times[piece]++;
}

static void
count_part (gpointer data, guint first, guint end)
{
  guint *times = data;

  for (guint i = first; i < end; i++)
    times[i]++;
}

/* Every piece is done once before the round is over, whether the threads slept before it or not. */
static void
test_workers (void)
{
  for (guint threads = 1; threads <= 4; threads++) {
    AlitraWorkers *workers = alitra_workers_new (threads);

    for (guint round = 0; round < 3000; round++) {
      const guint count = round % 40;
      guint times[40] = { 0 };

      if (round % 500 == 0)
        g_usleep (2000);
      if (round % 3 == 0)
        alitra_workers_share (workers, count, 1 + round % 7, count_part, times);
      else
        alitra_workers_run (workers, count, count_piece, times);
      for (guint i = 0; i < 40; i++)
        g_assert_cmpuint (times[i], ==, i < count);
    }
    alitra_workers_free (workers);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/picture/from-frame", test_from_frame);
  g_test_add_func ("/picture/round-trip", test_round_trip);
  g_test_add_func ("/picture/to-frame", test_to_frame);
  g_test_add_func ("/picture/refused", test_refused);
  g_test_add_func ("/planes/pyramid", test_pyramid);
  g_test_add_func ("/planes/left", test_left);
  g_test_add_func ("/planes/masks", test_masks);
  g_test_add_func ("/planes/workers", test_workers);
  return g_test_run ();
}
