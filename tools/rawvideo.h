/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_RAWVIDEO_H
#define ALITRA_TOOLS_RAWVIDEO_H

#include <alitra/alitra.h>
#include <stdio.h>

G_BEGIN_DECLS

/* One raw frame without padding, as it lies in files of raw video. */
typedef struct
{
  AlitraFrame frame;
  guint8 *bytes;
  gsize size;
} RawPicture;

void raw_picture_init (RawPicture * picture, AlitraPixelFormat format, guint width, guint height, gboolean full_range);
void raw_picture_clear (RawPicture * picture);

/* FALSE without an error: the file ended between two frames. */
gboolean raw_picture_read (RawPicture * picture, FILE * file, GError ** error);
gboolean raw_write (FILE * file, const void *bytes, gsize size, const gchar * what, GError ** error);

/* "-" is `standard`. */
FILE *raw_open (const gchar * path, const gchar * mode, FILE * standard, GError ** error);

/* Peak signal to noise ratio of luma in dB, infinite for equal pictures; luma of RGB is BT.601's. Both have the same
 * size, and the same range unless `source` is RGB. */
gdouble raw_picture_psnr (const RawPicture * source, const RawPicture * rebuilt);

G_END_DECLS

#endif
