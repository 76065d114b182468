/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BILATERAL_H
#define ALITRA_SRC_BILATERAL_H

#include "band.h"

G_BEGIN_DECLS

/* The light bilateral filter over the picture that is shown.  The nearest of some thousand codes is never quite even where
 * the picture is, and what several of them leave looks like grain, or like a tint that changes from cell to cell.  A sample
 * moves towards others on its row and column, towards each of them the less the more it differs: edges stay, and so do
 * straight ramps.  Luma looks two samples far, and only in cells that hold tokens; chroma six. */

/* Takes filtered samples x to x + count - 1 of line y of a plane (0: luma, 1: Cb, 2: Cr) of the picture. */
typedef void (*AlitraTakeLine) (gpointer data, guint plane, guint x, guint y, const gfloat * samples, guint count);

/* Filters the cells of `mask` in a row that lies in the band, as do the rows beside it; the band stays as it is.
 * depth, mask: a byte for each cell of the whole grid: tokens; whether the cell is wanted. */
void alitra_bilateral_row (AlitraBand * band, guint row, const guint8 * depth, const guint8 * mask,
    AlitraTakeLine take, gpointer data);

G_END_DECLS

#endif
