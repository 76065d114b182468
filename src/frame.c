/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures by their planes and strides. A frame that holds its samples itself is one block: the record, then the
 * samples, so that views and such frames are the same type. */
#include "frame.h"

#include <string.h>

/* Samples begin here in such a block: where vector instructions like them. */
#define HEAD ((sizeof (AlitraFrame) + 63) / 64 * 64)

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraFrame, alitra_frame, alitra_frame_copy, alitra_frame_free)
/* *INDENT-ON* */

gboolean
alitra_frame_get_plane_size (const AlitraFrame * frame, guint plane,
    guint * row_bytes, guint * rows)
{
  guint width, height, half_width, half_height;
  guint bytes = 0, lines = 0;

  g_return_val_if_fail (frame, FALSE);

  width = frame->width;
  height = lines = frame->height;
  half_width = width / 2 + width % 2;
  half_height = height / 2 + height % 2;
  switch (frame->format) {
    case ALITRA_PIXEL_I420:
    case ALITRA_PIXEL_YV12:
      bytes = plane == 0 ? width : plane < 3 ? half_width : 0;
      lines = plane == 0 ? height : half_height;
      break;
    case ALITRA_PIXEL_NV12:
      bytes = plane == 0 ? width : plane < 2 ? 2 * half_width : 0;
      lines = plane == 0 ? height : half_height;
      break;
    case ALITRA_PIXEL_GRAY8:
      bytes = plane == 0 ? width : 0;
      break;
    case ALITRA_PIXEL_YUY2:
      bytes = plane == 0 ? 4 * half_width : 0;
      break;
    case ALITRA_PIXEL_RGB:
    case ALITRA_PIXEL_BGR:
      bytes = plane == 0 ? 3 * width : 0;
      break;
    case ALITRA_PIXEL_RGBX:
    case ALITRA_PIXEL_BGRX:
      bytes = plane == 0 ? 4 * width : 0;
      break;
  }
  if (row_bytes)
    *row_bytes = bytes;
  if (rows)
    *rows = bytes ? lines : 0;
  return bytes > 0;
}

static gboolean
check_shape (const AlitraFrame * frame, GError ** error)
{
  if ((guint) frame->format > ALITRA_PIXEL_BGRX) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "A frame should have one of the formats of AlitraPixelFormat, got number %d; convert it",
        frame->format);
    return FALSE;
  }
  if (frame->width < 1 || frame->width > ALITRA_MAX_SIZE || frame->height < 1
      || frame->height > ALITRA_MAX_SIZE) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "A frame should be 1x1 to %dx%d, got %ux%u; scale it", ALITRA_MAX_SIZE,
        ALITRA_MAX_SIZE, frame->width, frame->height);
    return FALSE;
  }
  return TRUE;
}

gboolean
alitra_frame_check (const AlitraFrame * frame, GError ** error)
{
  guint bytes, rows;

  if (!check_shape (frame, error))
    return FALSE;
  for (guint plane = 0;
      plane < 3 && alitra_frame_get_plane_size (frame, plane, &bytes, &rows);
      plane++) {
    if (!frame->data[plane]) {
      g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
          "A frame should have all planes of its format, got none for plane %u; set data[%u]",
          plane, plane);
      return FALSE;
    }
    if (rows > 1 && ABS ((gint64) frame->stride[plane]) < bytes) {
      g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
          "Rows of plane %u should be at least %u bytes apart, got %d; set stride[%u]",
          plane, bytes, frame->stride[plane], plane);
      return FALSE;
    }
  }
  return TRUE;
}

static gsize
packed_size (const AlitraFrame * frame)
{
  guint bytes, rows;
  gsize size = 0;

  for (guint plane = 0;
      plane < 3 && alitra_frame_get_plane_size (frame, plane, &bytes, &rows);
      plane++)
    size += (gsize) bytes *rows;
  return size;
}

/* The record of a block, and behind it planes without gaps. */
static void
point_behind (AlitraFrame * frame)
{
  guint8 *at = (guint8 *) frame + HEAD;
  guint bytes, rows;

  for (guint plane = 0;
      plane < 3 && alitra_frame_get_plane_size (frame, plane, &bytes, &rows);
      plane++) {
    frame->data[plane] = at;
    frame->stride[plane] = bytes;
    at += (gsize) bytes *rows;
  }
}

static gboolean
has_planes (const AlitraFrame * frame)
{
  return alitra_frame_check (frame, NULL);
}

AlitraFrame *
alitra_frame_new (AlitraPixelFormat format, gboolean full_range, guint width,
    guint height, GError ** error)
{
  const AlitraFrame shape = { format, full_range, width, height };
  AlitraFrame *frame;
  gsize size;

  if (!check_shape (&shape, error))
    return NULL;
  size = packed_size (&shape);
  frame = g_try_malloc0 (HEAD + size);
  if (!frame) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_NO_MEMORY,
        "Expected %" G_GSIZE_FORMAT
        " bytes of memory for a frame of %ux%u, got none: close something, or scale it",
        size, width, height);
    return NULL;
  }
  *frame = shape;
  point_behind (frame);
  return frame;
}

static void
copy_rows (guint8 * to, gssize to_stride, const guint8 * from,
    gssize from_stride, gsize bytes, guint rows)
{
  for (guint y = 0; y < rows; y++)
    memcpy (to + to_stride * y, from + from_stride * y, bytes);
}

AlitraFrame *
alitra_frame_copy (const AlitraFrame * frame)
{
  AlitraFrame *copy;
  guint bytes, rows;

  g_return_val_if_fail (frame, NULL);

  if (!has_planes (frame)) {
    copy = g_memdup2 (frame, sizeof *frame);
    memset (copy->data, 0, sizeof copy->data);
    return copy;
  }
  copy = g_malloc (HEAD + packed_size (frame));
  *copy = (AlitraFrame) {
  frame->format, frame->full_range, frame->width, frame->height};
  point_behind (copy);
  for (guint plane = 0;
      plane < 3 && alitra_frame_get_plane_size (frame, plane, &bytes, &rows);
      plane++)
    copy_rows (copy->data[plane], copy->stride[plane], frame->data[plane],
        frame->stride[plane], bytes, rows);
  return copy;
}

void
alitra_frame_free (AlitraFrame * frame)
{
  g_free (frame);
}

static gboolean
check_plane (const AlitraFrame * frame, guint plane, guint * row_bytes,
    guint * rows, GError ** error)
{
  if (!alitra_frame_check (frame, error))
    return FALSE;
  if (alitra_frame_get_plane_size (frame, plane, row_bytes, rows) && plane < 3)
    return TRUE;
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
      "Expected a plane that format number %d has, got number %u: planes count from 0",
      frame->format, plane);
  return FALSE;
}

gboolean
alitra_frame_set_plane (AlitraFrame * frame, guint plane, GBytes * bytes,
    gsize stride, GError ** error)
{
  guint row_bytes, rows;
  const guint8 *from;
  gsize size;

  g_return_val_if_fail (frame && bytes, FALSE);

  if (!check_plane (frame, plane, &row_bytes, &rows, error))
    return FALSE;
  from = g_bytes_get_data (bytes, &size);
  if (stride == 0)
    stride = row_bytes;
  if (stride < row_bytes || size < row_bytes
      || (size - row_bytes) / stride < rows - 1) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected %u rows of %u bytes for plane %u, got %" G_GSIZE_FORMAT
        " bytes with a stride of %" G_GSIZE_FORMAT
        ": check format, size and stride", rows, row_bytes, plane, size,
        stride);
    return FALSE;
  }
  copy_rows (frame->data[plane], frame->stride[plane], from, stride, row_bytes,
      rows);
  return TRUE;
}

GBytes *
alitra_frame_get_plane (const AlitraFrame * frame, guint plane, GError ** error)
{
  guint row_bytes, rows;
  guint8 *bytes;

  g_return_val_if_fail (frame, NULL);

  if (!check_plane (frame, plane, &row_bytes, &rows, error))
    return NULL;
  bytes = g_malloc ((gsize) row_bytes * rows);
  copy_rows (bytes, row_bytes, frame->data[plane], frame->stride[plane],
      row_bytes, rows);
  return g_bytes_new_take (bytes, (gsize) row_bytes * rows);
}
