/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_FLAT_H
#define ALITRA_SRC_FLAT_H

#include "model.h"
#include "packet.h"
#include "picture.h"

G_BEGIN_DECLS

/* Flat colours (docs/model.md, "Flat cells"): a 64-cell that is plain or shades evenly holds one or two tokens of an
 * exact colour lattice.  Its slopes are read off its flat neighbours, so that they cost nothing. */
#define ALITRA_FLAT_COARSE (24 * 20 * 20)
#define ALITRA_FLAT_FINE (9 * 11 * 11)

/* The ids that the model's streams can hold. */
void alitra_flat_get_vocabulary (const AlitraModel * model, AlitraVocabulary * vocabulary);

typedef struct
{
  guint columns, rows;
  gfloat last_column, last_row; /* how much of the last cells the picture covers, 0..1 */
  gfloat gain[2];
  guint8 *flat;                 /* per cell: it is flat */
  gfloat *colour;               /* per cell 3 numbers: luma - 0.5, Cb, Cr, without the chroma gain; in the middle of what
                                 * the picture covers of the cell */
  gfloat *slope_x, *slope_y;    /* per cell 3 numbers: change over one cell */
  guint *coarse, *fine;         /* per cell: the colour that alitra_flat_grid_detect() took, as two indices */
  /*< private > */
  guint8 *noted_flat;           /* as they were at alitra_flat_grid_note() */
  gfloat *noted;                /* colour, slope_x, slope_y */
} AlitraFlatGrid;

/* width, height: of the picture, luma samples.  gain: of Cb and Cr in the planes. */
AlitraFlatGrid *alitra_flat_grid_new (guint width, guint height, const gfloat gain[2]);
void alitra_flat_grid_free (AlitraFlatGrid * grid);

/* Nearest lattice colour of a cell's mean, as two indices. */
void alitra_flat_quantise (const gfloat mean[3], guint * coarse, guint * fine);

/* The other way; fine < 0: only the first token is there. */
void alitra_flat_colour (guint coarse, gint fine, gfloat colour[3]);

/* Sets slopes from `flat` and `colour`. */
void alitra_flat_grid_slopes (AlitraFlatGrid * grid);

/* Starts from all cells of `candidate` that are even being flat in their own nearest colour, and drops those that the
 * surface does not describe. */
void alitra_flat_grid_detect (AlitraFlatGrid * grid, const AlitraPlanes * quarter, const guint8 * candidate,
    AlitraWorkers * workers);

/* What a grid looked like: notes it, and sets `touched` for the cells that look different since then.  A painted cell
 * counts only if it was flat. */
void alitra_flat_grid_note (AlitraFlatGrid * grid);
void alitra_flat_grid_add_touched (const AlitraFlatGrid * grid, guint8 * touched);

/* Lays the flat cells of the mask over what the synthesis painted. */
void alitra_flat_grid_blend (const AlitraFlatGrid * grid, AlitraPlanes * painted, const guint8 * mask);

G_END_DECLS

#endif
