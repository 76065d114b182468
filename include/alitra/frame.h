/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_FRAME_H
#define ALITRA_FRAME_H

#include <alitra/error.h>

G_BEGIN_DECLS

/**
 * ALITRA_MAX_SIZE:
 *
 * Largest width and height of a picture, in luma samples.
 */
#define ALITRA_MAX_SIZE 8192
/**
 * ALITRA_LEVELS:
 *
 * Levels of the pyramid: level 0 has cells of 16 luma samples a side, level 1 of 32, level 2 of 64.
 */
#define ALITRA_LEVELS 3
/**
 * ALITRA_MAX_DEPTH:
 *
 * Upper bound of tokens in one cell, at any level, for any model.
 */
#define ALITRA_MAX_DEPTH 32

/**
 * AlitraPixelFormat:
 * @ALITRA_PIXEL_I420: planes Y', Cb, Cr; chroma of half the width and height, rounded up
 * @ALITRA_PIXEL_YV12: planes Y', Cr, Cb; chroma of half the width and height, rounded up
 * @ALITRA_PIXEL_NV12: plane Y', then one plane of Cb and Cr in turns, of half the height, rounded up
 * @ALITRA_PIXEL_GRAY8: one plane, Y' alone
 * @ALITRA_PIXEL_YUY2: one plane, four bytes for two pixels: Y', Cb, Y', Cr
 * @ALITRA_PIXEL_RGB: one plane, three bytes a pixel: red, green, blue
 * @ALITRA_PIXEL_BGR: one plane, three bytes a pixel: blue, green, red
 * @ALITRA_PIXEL_RGBX: one plane, four bytes a pixel: red, green, blue, and one that is ignored
 * @ALITRA_PIXEL_BGRX: one plane, four bytes a pixel: blue, green, red, and one that is ignored
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
 * A picture by its planes and strides. Programs in C fill in one that looks at samples which somebody else owns: it is
 * a view then, and those samples must stay where they are as long as the view is in use. alitra_frame_new() and
 * alitra_frame_copy() make frames that hold their samples themselves, to be freed with alitra_frame_free(). Chroma
 * planes of the 4:2:0 formats have (width+1)/2 columns and (height+1)/2 rows.
 *
 * Threads: a record without any lock; different frames may be used in different threads.
 */
typedef struct
{
  AlitraPixelFormat format;
  gboolean full_range;
  guint width, height;
  guint8 *data[3];
  gint stride[3];
} AlitraFrame;

#define ALITRA_TYPE_FRAME (alitra_frame_get_type ())
ALITRA_API GType alitra_frame_get_type (void);

/**
 * alitra_frame_new:
 * @format: layout of the samples
 * @full_range: %TRUE: luma 0..255; %FALSE: luma 16..235, chroma 16..240
 * @width: luma samples in a row, 1..%ALITRA_MAX_SIZE
 * @height: rows, 1..%ALITRA_MAX_SIZE
 * @error: return location for a #GError, or %NULL
 *
 * Makes a frame that holds its samples itself, all zero. Rows and planes follow each other without gaps, so that
 * data[0] is where all the bytes of the picture begin.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a format or a size that the library does not have, %ALITRA_ERROR_NO_MEMORY when
 * the samples do not fit into the memory that is left.
 *
 * Returns: (transfer full): the frame; free it with alitra_frame_free(); %NULL with @error set
 */
ALITRA_API AlitraFrame *alitra_frame_new (AlitraPixelFormat format, gboolean full_range, guint width, guint height,
    GError ** error);

/**
 * alitra_frame_copy:
 * @frame: a frame whose planes are set, or one without any
 *
 * Copies a frame with its samples, as alitra_frame_new() lays them out; whatever the strides of @frame, no gaps are
 * copied. A frame without planes gives one without planes.
 *
 * Returns: (transfer full): a frame that holds its samples itself; free it with alitra_frame_free()
 */
ALITRA_API AlitraFrame *alitra_frame_copy (const AlitraFrame * frame);

/**
 * alitra_frame_free:
 * @frame: (transfer full) (nullable): from alitra_frame_new() or alitra_frame_copy(), or %NULL
 *
 * Frees a frame and the samples that it holds itself.
 */
ALITRA_API void alitra_frame_free (AlitraFrame * frame);

/**
 * alitra_frame_get_plane_size:
 * @frame: a frame; format, width and height are looked at
 * @plane: number of the plane, 0..2
 * @row_bytes: (out) (optional): bytes of a row that are samples: the smallest stride
 * @rows: (out) (optional): rows
 *
 * Tells how large a plane of a picture is, for those who have to find room for it.
 *
 * Returns: %FALSE if the format has no such plane; both numbers are 0 then
 */
ALITRA_API gboolean alitra_frame_get_plane_size (const AlitraFrame * frame, guint plane, guint * row_bytes,
    guint * rows);

/**
 * alitra_frame_set_plane:
 * @frame: a frame that may be written, such as one from alitra_frame_new()
 * @plane: number of the plane, 0..2
 * @bytes: the samples, row by row
 * @stride: bytes from one row to the next in @bytes, at least the bytes of a row; 0: rows without gaps
 * @error: return location for a #GError, or %NULL
 *
 * Copies the samples of a plane into the frame, for languages that cannot set its pointers.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a plane that the format does not have, and for too few bytes.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_frame_set_plane (AlitraFrame * frame, guint plane, GBytes * bytes, gsize stride,
    GError ** error);

/**
 * alitra_frame_get_plane:
 * @frame: a frame whose planes are set
 * @plane: number of the plane, 0..2
 * @error: return location for a #GError, or %NULL
 *
 * Copies the samples of a plane out of the frame, for languages that cannot follow its pointers.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a plane that the format or the frame does not have.
 *
 * Returns: (transfer full): the samples, row by row without gaps; %NULL with @error set
 */
ALITRA_API GBytes *alitra_frame_get_plane (const AlitraFrame * frame, guint plane, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraFrame, alitra_frame_free)

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

#define ALITRA_TYPE_STREAM_INFO (alitra_stream_info_get_type ())
ALITRA_API GType alitra_stream_info_get_type (void);

/**
 * alitra_stream_info_init: (skip)
 * @info: to be filled in
 * @width: luma samples, 1..%ALITRA_MAX_SIZE
 * @height: luma samples, 1..%ALITRA_MAX_SIZE
 *
 * Describes a stream of that size whose frame rate is unknown, with square pixels, limited range and unknown colours.
 * The numbers are not checked here; alitra_tokenizer_new() does that.
 */
ALITRA_API void alitra_stream_info_init (AlitraStreamInfo * info, guint width, guint height);

/**
 * alitra_stream_info_new:
 * @width: luma samples, 1..%ALITRA_MAX_SIZE
 * @height: luma samples, 1..%ALITRA_MAX_SIZE
 *
 * Makes a description of a stream with the values of alitra_stream_info_init().
 *
 * Returns: (transfer full): the description; free it with alitra_stream_info_free()
 */
ALITRA_API AlitraStreamInfo *alitra_stream_info_new (guint width, guint height);

/**
 * alitra_stream_info_set_colour:
 * @info: a description of a stream
 * @range: 0: limited, 1: full, as AlitraFrame.full_range
 * @matrix: number of the matrix, ISO/IEC 23001-8; 2: unknown
 * @transfer: number of the transfer function, ISO/IEC 23001-8; 2: unknown
 * @primaries: number of the primaries, ISO/IEC 23001-8; 2: unknown
 *
 * Sets the four bytes of colour, for languages that cannot write arrays of a record.
 */
ALITRA_API void alitra_stream_info_set_colour (AlitraStreamInfo * info, guint8 range, guint8 matrix, guint8 transfer,
    guint8 primaries);

/**
 * alitra_stream_info_copy:
 * @info: a description of a stream
 *
 * Copies a description of a stream.
 *
 * Returns: (transfer full): the copy; free it with alitra_stream_info_free()
 */
ALITRA_API AlitraStreamInfo *alitra_stream_info_copy (const AlitraStreamInfo * info);

/**
 * alitra_stream_info_free:
 * @info: (transfer full) (nullable): from one of the functions that give one away, or %NULL
 *
 * Frees a description of a stream.
 */
ALITRA_API void alitra_stream_info_free (AlitraStreamInfo * info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraStreamInfo, alitra_stream_info_free)

G_END_DECLS

#endif
