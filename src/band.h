/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BAND_H
#define ALITRA_SRC_BAND_H

#include "planes.h"

G_BEGIN_DECLS

/* Samples that can be looked at beyond a row of cells. */
#define ALITRA_BAND_REACH 6

/* Three rows of cells of a picture in the making: each takes the place of the one three rows before it, so that all that is
 * done to a row finds it in the cache. */
typedef struct
{
  AlitraGrid grid;              /* of the whole picture */
  AlitraPlanes slot[3];         /* a row of cells each, with room at both ends */
  gfloat *room;
  gfloat *beyond;               /* lines above and below the picture */
} AlitraBand;

/* A plane of three is luma, Cb, Cr; a line is a row of its samples.  Lines 0 to n-1 belong to the row of cells that was asked
 * for, those around it to the rows beside. */
typedef struct
{
  gfloat *lines[ALITRA_CELL + 2 * ALITRA_BAND_REACH];
  gfloat **line;                /* line[-ALITRA_BAND_REACH] on */
} AlitraBandLines;

void alitra_band_init (AlitraBand * band, AlitraGrid grid);
void alitra_band_clear (AlitraBand * band);

/* view: stands for the row of cells in a picture of the whole grid. */
void alitra_band_view (const AlitraBand * band, guint row, AlitraPlanes * view);

/* Lines of a row of cells and of the rows beside it, which are in the band.  Where the picture ends ramps go on: what it is
 * inside, turned round about the last sample.  Between samples first and end - 1 these are made, for those who look `reach`
 * samples far. */
void alitra_band_get_lines (AlitraBand * band, guint plane, guint row, AlitraBandLines * lines);
void alitra_band_extend (AlitraBand * band, guint plane, guint row, const AlitraBandLines * lines, guint reach,
    guint first, guint end);

G_END_DECLS

#endif
