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
 *
 * How the density picture is drawn.
 */
typedef enum
{
  ALITRA_OVERLAY_HEATMAP,
  ALITRA_OVERLAY_GRID,
  ALITRA_OVERLAY_CONTOURS
} AlitraOverlayStyle;

/**
 * alitra_overlay_draw: (skip)
 * @memory: what to show
 * @style: how
 * @alpha: 0..1, opacity of the densest fresh patch; patches whose tokens were all kept are drawn calmer
 * @bgra: room for @height rows of @width pixels, bytes blue, green, red, alpha, not premultiplied; all are written
 * @stride: bytes from row to row, at least 4 * @width; negative: upside down, @bgra is the top row
 * @width: pixels to draw in a row, at least 1: those of the stream
 * @height: rows to draw, at least 1: those of the stream
 *
 * Draws the density picture at the size of the stream.
 */
ALITRA_API void alitra_overlay_draw (const AlitraMemory * memory, AlitraOverlayStyle style, gdouble alpha,
    guint8 * bgra, gint stride, guint width, guint height);

/**
 * alitra_overlay_draw_bytes: (rename-to alitra_overlay_draw)
 * @memory: what to show
 * @style: how
 * @alpha: 0..1, opacity of the densest fresh patch
 *
 * As alitra_overlay_draw(), into bytes of its own, for languages other than C.
 *
 * Returns: (transfer full): pixels of the size that alitra_memory_get_size() says, rows without gaps, bytes blue, green,
 *   red, alpha, not premultiplied
 */
ALITRA_API GBytes *alitra_overlay_draw_bytes (const AlitraMemory * memory, AlitraOverlayStyle style, gdouble alpha);

/**
 * alitra_overlay_colour:
 * @density: of a patch, as alitra_memory_get_density() says
 * @rgb: (out caller-allocates) (array fixed-size=3): red, green, blue, 0..255
 *
 * Tells the colour that the heat map has for a density, for legends. Any thread may call it.
 */
ALITRA_API void alitra_overlay_colour (gfloat density, guint8 rgb[3]);

G_END_DECLS

#endif
