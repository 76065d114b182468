/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PICTURE_H
#define ALITRA_SRC_PICTURE_H

#include <alitra/error.h>
#include <alitra/frame.h>

#include "planes.h"

G_BEGIN_DECLS

/* Frame -> planes of level 0. gain: of Cb and Cr, as in the model. mask: cells to convert, at least; those behind the
 * frame's end as those next to them; NULL: all. */
gboolean alitra_picture_from_frame (const AlitraFrame * frame, const float gain[2], AlitraPlanes * planes,
    const guint8 * mask, AlitraWorkers * workers, GError ** error);

/* Cells first..end-1 of a row of cells of a frame that has been checked, of a format other than RGB. */
void alitra_picture_read_run (const AlitraFrame * frame, const float gain[2], AlitraPlanes * planes, guint row,
    guint first, guint end);

/* Planes of level 0 -> the samples of an I420 or GRAY8 frame, which may be smaller than the planes by less than a
 * 64-cell. Only the cells of `mask` (NULL: all) are written. */
gboolean alitra_picture_to_frame (const AlitraPlanes * planes, const float gain[2], const AlitraFrame * frame,
    const guint8 * mask, AlitraWorkers * workers, GError ** error);

/* Whether samples can be written into a frame: it is I420 or GRAY8, and of the size of the grid. */
gboolean alitra_picture_check_target (const AlitraFrame * frame, AlitraGrid grid, GError ** error);

/* Samples x to x + count - 1 of line y of a plane (0: luma, 1: Cb, 2: Cr), as far as the frame goes, into a frame that has been
 * checked. */
void alitra_picture_write_line (const AlitraFrame * frame, const float gain[2], guint plane, guint x, guint y,
    const float *samples, guint count);

G_END_DECLS

#endif
