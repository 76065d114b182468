/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_OVERLAY_H
#define ALITRA_OVERLAY_H

#include <alitra/memory.h>

G_BEGIN_DECLS

/**
 * AlitraOverlayStyle:
 * @ALITRA_OVERLAY_HEATMAP: a translucent colour for each patch (perceptual colour map)
 * @ALITRA_OVERLAY_GRID: cells drawn as squares of their level, brighter where deeper
 * @ALITRA_OVERLAY_CONTOURS: lines of equal density
 */
typedef enum
{
  ALITRA_OVERLAY_HEATMAP,
  ALITRA_OVERLAY_GRID,
  ALITRA_OVERLAY_CONTOURS
} AlitraOverlayStyle;

/**
 * alitra_overlay_draw:
 * @memory: what to show
 * @style: how
 * @alpha: 0..1, opacity of the densest fresh patch; patches whose tokens were all kept are drawn calmer
 * @bgra: (out): width x height pixels, bytes blue, green, red, alpha, not premultiplied
 * @stride: bytes from row to row
 *
 * Draws the density picture at the size of the stream.
 */
ALITRA_API void alitra_overlay_draw (const AlitraMemory * memory, AlitraOverlayStyle style, gdouble alpha,
    guint8 * bgra, gint stride, guint width, guint height);

/* The colour (red, green, blue) of the heat map for a density, for legends. */
ALITRA_API void alitra_overlay_colour (gfloat density, guint8 rgb[3]);

G_END_DECLS

#endif
