/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BILATERAL_H
#define ALITRA_SRC_BILATERAL_H

#include "planes.h"

G_BEGIN_DECLS

/* The light bilateral filter over the picture that is shown.  The nearest of some thousand codes is never quite even where
 * the picture is, and what several of them leave looks like grain, or like a tint that changes from cell to cell.  A sample
 * moves towards others on its row and column, towards each of them the less the more it differs: edges stay, and so do
 * straight ramps.  Luma looks two samples far, and only in cells that hold tokens; chroma six.
 *
 * to, from: planes of the finest level, two different ones.  depth: tokens of each cell.  mask: a byte for each cell, what is
 * not zero is written; NULL: all.  What a cell becomes depends on its eight neighbours at most, and on eight samples of
 * these in chroma. */
void alitra_bilateral (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * depth, const guint8 * mask,
    AlitraWorkers * workers);

G_END_DECLS

#endif
