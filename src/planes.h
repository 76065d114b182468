/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PLANES_H
#define ALITRA_SRC_PLANES_H

#include <glib.h>

#include "pixel-loops.h"
#include "workers.h"

G_BEGIN_DECLS

/* Luma samples of a cell's side at its own level. */
#define ALITRA_CELL 16
/* Numbers that describe a cell: luma, Cb, Cr. */
#define ALITRA_CELL_SAMPLES (ALITRA_CELL * ALITRA_CELL * 3 / 2)

/* Cells of one level of a picture. */
typedef struct
{
  guint columns, rows;
} AlitraGrid;

/* A picture at one level: luma minus a half, chroma around zero times its gain, samples 0..1 full range. Its size is
 * that of the grid, 16 luma samples a cell: what the frame lacks at the right and bottom is replicated. */
typedef struct
{
  AlitraGrid grid;
  gsize luma_stride, chroma_stride;     /* floats from row to row */
  float *luma;                  /* grid.rows * 16 rows of grid.columns * 16 */
  float *chroma[2];             /* Cb, Cr: half as wide, half as high */
} AlitraPlanes;

/* Cells of a level for a picture of that many luma samples; level 2 is (w+63)/64 x (h+63)/64. */
AlitraGrid alitra_grid_of (guint width, guint height, guint level);

void alitra_planes_init (AlitraPlanes * planes, AlitraGrid grid);
void alitra_planes_clear (AlitraPlanes * planes);

/* view: stands for rows `first` to `first` + strip->grid.rows - 1 of cells of a picture of the size of `whole`, whose
 * samples lie in `strip`, as wide; no other rows of it may be touched.  It owns nothing. */
void alitra_planes_view (AlitraPlanes * view, const AlitraPlanes * strip, AlitraGrid whole, guint first);

/* In what follows `mask` has a byte for each cell of the grid of `to`: only cells where it is not zero are written;
 * NULL: all. */

/* to: twice the size of `from` (a level down). */
void alitra_planes_upsample (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * mask,
    AlitraWorkers * workers);
/* One row of cells of the same. */
void alitra_planes_upsample_row (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * mask, guint row);
/* to: half the size of `from` (a level up); means of 2x2 samples. Of cells first..end-1 of a row of `from`. */
void alitra_planes_halve_run (AlitraPlanes * to, const AlitraPlanes * from, guint row, guint first, guint end);
void alitra_planes_copy (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * mask, AlitraWorkers * workers);

/* Cells of `to` (twice the grid of `from`) that alitra_planes_upsample() changes if those of `from` changed: the
 * children and one ring, since the filter reaches two samples. */
void alitra_mask_upsample (AlitraGrid to, guint8 * to_mask, const guint8 * from_mask);
/* Whether what lies below a cell of the level down differs between two pictures: the samples that alitra_planes_upsample()
 * makes the cell from, and so many samples around it of luma and of chroma. */
gboolean alitra_planes_differ_below (const AlitraPlanes * a, const AlitraPlanes * b, guint column, guint row,
    guint reach, guint reach_chroma);
/* The samples that alitra_planes_upsample_row() makes a cell from are on their way into the cache then. */
void alitra_planes_ask_for_below (const AlitraPlanes * planes, guint column, guint row);
/* Every cell that is set or has a neighbour (of eight) that is. */
void alitra_mask_dilate (AlitraGrid grid, guint8 * to, const guint8 * from);

/* The samples of one cell as a row of 384 floats, luma, Cb, Cr. */
void alitra_planes_get_cell (const AlitraPlanes * planes, guint column, guint row, float *samples);
/* How a cell looks beside which nothing was painted: the sums of its luma. */
void alitra_planes_look_at_cell (const AlitraPlanes * planes, guint column, guint row, AlitraCellLook * look);
/* The same of what is left when `less` is taken off.  Of the picture only the first width x height luma samples count:
 * beyond them the last ones are repeated, because nobody sees what is left there.  look: how the whole cell looks beside
 * `less`, NULL: not asked for; without `fits` all of that but look->after, which alitra_planes_fit_cell() says. */
void alitra_planes_get_cell_left (const AlitraPlanes * planes, const AlitraPlanes * less, guint column, guint row,
    guint width, guint height, float *samples, AlitraCellLook * look, gboolean fits);
/* Squared error of the planes that fit the blocks of a cell of `less` best. */
float alitra_planes_fit_cell (const AlitraPlanes * planes, const AlitraPlanes * less, guint column, guint row);

G_END_DECLS

#endif
