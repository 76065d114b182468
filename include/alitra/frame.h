/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_FRAME_H
#define ALITRA_FRAME_H

#include <alitra/export.h>

G_BEGIN_DECLS

/* Largest width and height of a picture, in luma samples. */
#define ALITRA_MAX_SIZE 8192
/* Levels of the pyramid: level 0 has 16-cells, level 1 32-cells, level 2 64-cells. */
#define ALITRA_LEVELS 3
/* Upper bound of tokens in one cell, at any level, for any model. */
#define ALITRA_MAX_DEPTH 32

/**
 * AlitraPixelFormat:
 *
 * How the samples of an #AlitraFrame lie in memory; names and layouts as GstVideoFormat has them. In the formats
 * of four bytes a pixel the fourth component is ignored.
 */
typedef enum
{
  ALITRA_PIXEL_I420,
  ALITRA_PIXEL_YV12,
  ALITRA_PIXEL_NV12,
  ALITRA_PIXEL_GRAY8,
  ALITRA_PIXEL_YUY2,
  ALITRA_PIXEL_RGB,
  ALITRA_PIXEL_BGR,
  ALITRA_PIXEL_RGBX,
  ALITRA_PIXEL_BGRX
} AlitraPixelFormat;

/**
 * AlitraFrame:
 * @format: layout of the samples
 * @full_range: %TRUE: luma 0..255; %FALSE: luma 16..235, chroma 16..240. RGB is always full range
 * @width: luma samples in a row, 1..%ALITRA_MAX_SIZE
 * @height: rows, 1..%ALITRA_MAX_SIZE
 * @data: first byte of each plane, in the order of @format (YV12: luma, Cr, Cb as stored)
 * @stride: bytes from one row to the next of each plane; may be negative
 *
 * A view of a picture that somebody else owns. Chroma planes of the 4:2:0 formats have (width+1)/2 columns and
 * (height+1)/2 rows.
 */
typedef struct
{
  AlitraPixelFormat format;
  gboolean full_range;
  guint width, height;
  guint8 *data[3];
  gint stride[3];
} AlitraFrame;

/**
 * AlitraStreamInfo:
 * @width: luma samples, 1..%ALITRA_MAX_SIZE
 * @height: luma samples, 1..%ALITRA_MAX_SIZE
 * @fps_n: frames per second, numerator; 0: variable or unknown
 * @fps_d: denominator, at least 1
 * @par_n: pixel aspect ratio, numerator, at least 1
 * @par_d: denominator, at least 1
 * @colour: range (0 limited, 1 full), then matrix, transfer and primaries as ISO/IEC 23001-8 code points
 *   (2: unknown). The tokens hold the stream's own Y'CbCr; these four bytes only travel along.
 *
 * What stays the same from key frame to key frame; key packets carry it.
 */
typedef struct
{
  guint width, height;
  guint fps_n, fps_d;
  guint par_n, par_d;
  guint8 colour[4];
} AlitraStreamInfo;

G_END_DECLS

#endif
