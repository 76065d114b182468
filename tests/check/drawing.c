/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drawing.h"

#include <math.h>
#include <string.h>

/* Bytes of a row and number of rows of each plane. */
static guint
layout_of (AlitraPixelFormat format, guint width, guint height, guint bytes[3],
    guint rows[3])
{
  const guint half = (width + 1) / 2, half_rows = (height + 1) / 2;

  bytes[0] = width;
  rows[0] = height;
  bytes[1] = bytes[2] = half;
  rows[1] = rows[2] = half_rows;
  switch (format) {
    case ALITRA_PIXEL_I420:
    case ALITRA_PIXEL_YV12:
      return 3;
    case ALITRA_PIXEL_NV12:
      bytes[1] = 2 * half;
      return 2;
    case ALITRA_PIXEL_YUY2:
      bytes[0] = 4 * half;
      return 1;
    case ALITRA_PIXEL_RGB:
    case ALITRA_PIXEL_BGR:
      bytes[0] = 3 * width;
      return 1;
    case ALITRA_PIXEL_RGBX:
    case ALITRA_PIXEL_BGRX:
      bytes[0] = 4 * width;
      return 1;
    default:
      return 1;
  }
}

TestPicture *
test_picture_new (AlitraPixelFormat format, guint width, guint height,
    guint padding, gboolean upside_down)
{
  TestPicture *picture = g_new0 (TestPicture, 1);
  guint bytes[3], rows[3], planes =
      layout_of (format, width, height, bytes, rows);
  gsize begin[3], size = 0;

  for (guint i = 0; i < planes; i++) {
    begin[i] = size;
    size += (gsize) (bytes[i] + padding) * (rows[i] - 1) + bytes[i];
  }
  picture->size = size;
  picture->data = g_malloc (size);
  memset (picture->data, 128, size);
  picture->frame = (AlitraFrame) {
  format, TRUE, width, height};
  for (guint i = 0; i < planes; i++) {
    const gint stride = bytes[i] + padding;

    picture->frame.data[i] =
        picture->data + begin[i] + (upside_down ? (gsize) stride * (rows[i] -
            1) : 0);
    picture->frame.stride[i] = upside_down ? -stride : stride;
  }
  return picture;
}

void
test_picture_free (TestPicture * picture)
{
  g_free (picture->data);
  g_free (picture);
}

static guint
hash (guint x, guint y, guint seed)
{
  guint h = x * 374761393u + y * 668265263u + seed * 2246822519u;

  h = (h ^ h >> 13) * 1274126177u;
  return h ^ h >> 16;
}

static gfloat
corner (guint x, guint y, guint seed)
{
  return (hash (x, y, seed) & 1023) / 1023.f;
}

/* Noise with a grain of `size` samples, 0..1. */
static gfloat
noise (guint x, guint y, guint size, guint seed)
{
  const guint i = x / size, j = y / size;
  const gfloat u = x % size / (gfloat) size, v = y % size / (gfloat) size;

  return (corner (i, j, seed) * (1 - u) + corner (i + 1, j, seed) * u) * (1 - v)
      + (corner (i, j + 1, seed) * (1 - u) + corner (i + 1, j + 1,
          seed) * u) * v;
}

static guint8
byte_of (gfloat value)
{
  return CLAMP (value, 0.f, 255.f) + .5f;
}

static guint8
scene_luma (guint x, guint y, guint width, guint height, guint time)
{
  const gint cx = (7 * time + width / 4) % width, cy =
      (3 * time + height / 3) % height, r = MAX (height / 6, 2);
  const gint sx = (width / 2 + 5 * time) % width, side = MAX (height / 5, 2);

  if (((gint) x - cx) * ((gint) x - cx) + ((gint) y - cy) * ((gint) y - cy) <
      r * r)
    return 30;
  if (x >= sx && x < sx + side && y >= height / 2 && y < height / 2 + side)
    return 225;
  if (y < height / 3)           /* sky */
    return 150 + 60 * y / MAX (height / 3, 1);
  return byte_of (60 + 90 * noise (x, y, 24, 1) + 50 * noise (x, y, 5, 2));
}

void
test_picture_draw_scene (TestPicture * picture, guint time)
{
  const AlitraFrame *frame = &picture->frame;

  for (guint y = 0; y < frame->height; y++) {
    for (guint x = 0; x < frame->width; x++)
      frame->data[0][(gssize) y * frame->stride[0] + x] =
          scene_luma (x, y, frame->width, frame->height, time);
  }
  for (guint i = 1; i < 3; i++) {
    for (guint y = 0; y < (frame->height + 1) / 2; y++) {
      for (guint x = 0; x < (frame->width + 1) / 2; x++)
        frame->data[i][(gssize) y * frame->stride[i] + x] =
            byte_of (100 + 50 * noise (x, y, 31, 2 + i));
    }
  }
}

void
test_picture_draw_other_scene (TestPicture * picture)
{
  const AlitraFrame *frame = &picture->frame;

  for (guint i = 0; i < 3; i++) {
    const guint half = i > 0;

    for (guint y = 0; y < (frame->height + half) >> half; y++) {
      for (guint x = 0; x < (frame->width + half) >> half; x++)
        frame->data[i][(gssize) y * frame->stride[i] + x] =
            (x / 40 + y / 56) % 2 ? 20 + hash (x, y, 9) % 30 : 235;
    }
  }
}

void
test_picture_fill (TestPicture * picture, guint8 y, guint8 cb, guint8 cr)
{
  const AlitraFrame *frame = &picture->frame;
  const guint8 values[3] = { y, cb, cr };

  g_assert_true (frame->format == ALITRA_PIXEL_I420 && frame->stride[0] > 0);
  for (guint i = 0; i < 3; i++) {
    const guint half = i > 0;

    for (guint row = 0; row < (frame->height + half) >> half; row++)
      memset (frame->data[i] + row * frame->stride[i], values[i],
          (frame->width + half) >> half);
  }
}

void
test_picture_square (TestPicture * picture, guint x, guint y, guint side,
    guint8 value)
{
  const AlitraFrame *frame = &picture->frame;

  for (guint row = y; row < MIN (y + side, frame->height); row++)
    memset (frame->data[0] + row * frame->stride[0] + x, value, MIN (side,
            frame->width - x));
}

gdouble
test_picture_psnr_luma (const TestPicture * a, const TestPicture * b)
{
  const guint width = a->frame.width, height = a->frame.height;
  gdouble sum = 0;

  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      gint d =
          a->frame.data[0][y * a->frame.stride[0] + x] -
          b->frame.data[0][y * b->frame.stride[0] + x];

      sum += d * d;
    }
  }
  return sum > 0 ? 10 * log10 (255. * 255. * width * height / sum) : 99;
}

AlitraModel *
test_model (void)
{
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (NULL, &error);

  g_assert_no_error (error);
  return model;
}

TestStream *
test_stream_new (AlitraModel * model, guint width, guint height, guint threads)
{
  const AlitraStreamInfo info = { width, height, 25, 1, 1, 1, {1, 2, 2, 2} };
  TestStream *stream = g_new0 (TestStream, 1);
  GError *error = NULL;

  stream->tokenizer = alitra_tokenizer_new (model, &info, threads, &error);
  g_assert_no_error (error);
  stream->detokenizer = alitra_detokenizer_new (model, threads);
  stream->packet = g_byte_array_new ();
  stream->shown = test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
  return stream;
}

void
test_stream_free (TestStream * stream)
{
  alitra_tokenizer_free (stream->tokenizer);
  alitra_detokenizer_free (stream->detokenizer);
  g_byte_array_unref (stream->packet);
  test_picture_free (stream->shown);
  g_free (stream);
}

static void
check_stats (const TestStream * stream)
{
  const AlitraMemory *memory = alitra_tokenizer_get_memory (stream->tokenizer);
  const AlitraFrameStats *stats = &stream->stats;
  guint sum = 0, kept = 0;

  for (guint level = 0; level < ALITRA_LEVELS; level++) {
    guint columns, rows, tokens = 0;

    alitra_memory_get_grid (memory, level, &columns, &rows);
    for (guint i = 0; i < columns * rows; i++) {
      AlitraCell cell;

      alitra_memory_get_cell (memory, level, i % columns, i / columns, &cell);
      tokens += cell.depth;
      kept += cell.kept;
    }
    g_assert_cmpuint (stats->level_tokens[level], ==, tokens);
    sum += tokens;
  }
  g_assert_cmpuint (stats->tokens, ==, sum);
  g_assert_cmpuint (stats->kept_tokens, ==, kept);
  g_assert_cmpuint (stats->new_tokens, ==, sum - kept);
  g_assert_cmpuint (stats->bits, ==, 8 * stream->packet->len);
}

void
test_stream_frame (TestStream * stream, const TestPicture * picture,
    const AlitraSettings * settings, gboolean force_key)
{
  GError *error = NULL;

  alitra_tokenizer_encode (stream->tokenizer, &picture->frame, settings,
      force_key, ALITRA_PACKET_NO_PTS, stream->packet, &stream->stats, &error);
  g_assert_no_error (error);
  alitra_detokenizer_decode (stream->detokenizer, stream->packet->data,
      stream->packet->len, &error);
  g_assert_no_error (error);
  g_assert_cmphex (alitra_memory_get_checksum (alitra_tokenizer_get_memory
          (stream->tokenizer)), ==,
      alitra_memory_get_checksum (alitra_detokenizer_get_memory
          (stream->detokenizer)));
  check_stats (stream);
  alitra_detokenizer_render (stream->detokenizer, 0, &stream->shown->frame,
      &error);
  g_assert_no_error (error);
}
