/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_SMOOTH_H
#define ALITRA_SRC_SMOOTH_H

#include "picture.h"

G_BEGIN_DECLS

/* The smooth token (docs/model.md, "Smooth cells"): a 32- or 16-cell that holds it shows the plane that fits best what
 * was painted there.  One token cleans the texture that a coarser code left in a calm place. */

/* Lays the planes over the cells of `smooth` that are in `mask`, fading towards neighbours that are not smooth. */
void alitra_smooth_blend (AlitraPlanes * picture, const guint8 * smooth, const guint8 * mask, AlitraWorkers * workers);

/* One row of cells of the same. */
void alitra_smooth_blend_row (AlitraPlanes * picture, const guint8 * smooth, const guint8 * mask, guint row);

G_END_DECLS

#endif
