/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TESTS_DRAWING_H
#define ALITRA_TESTS_DRAWING_H

/* Pictures drawn by formula, and a sender with its receiver, for tests of the whole way. */

#include <alitra/alitra.h>

typedef struct
{
  AlitraFrame frame;
  guint8 *data;
  gsize size;
} TestPicture;

/* Memory for a picture of any format: rows are `padding` bytes longer than they need be; upside down: strides are
 * negative.  The samples are grey. */
TestPicture *test_picture_new (AlitraPixelFormat format, guint width, guint height, guint padding,
    gboolean upside_down);
void test_picture_free (TestPicture * picture);

/* A textured ground with a bright square and a dark disc that move with `time`; I420 only. */
void test_picture_draw_scene (TestPicture * picture, guint time);
/* Another place, with nothing in common. */
void test_picture_draw_other_scene (TestPicture * picture);
/* Every sample of every plane the same. */
void test_picture_fill (TestPicture * picture, guint8 y, guint8 cb, guint8 cr);
void test_picture_square (TestPicture * picture, guint x, guint y, guint side, guint8 value);

gdouble test_picture_psnr_luma (const TestPicture * a, const TestPicture * b);

/* The model that the tests run with. */
AlitraModel *test_model (void);

/* A sender and a receiver of one stream; I420, full range. */
typedef struct
{
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  GByteArray *packet;           /* of the last frame */
  AlitraFrameStats stats;
  TestPicture *shown;           /* what the receiver shows */
} TestStream;

TestStream *test_stream_new (AlitraModel * model, guint width, guint height, guint threads);
void test_stream_free (TestStream * stream);
/* One frame through both; their memories must be equal and the statistics true. */
void test_stream_frame (TestStream * stream, const TestPicture * picture, const AlitraSettings * settings,
    gboolean force_key);

#endif
