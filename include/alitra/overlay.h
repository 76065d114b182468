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
 * @ALITRA_OVERLAY_AGE: a translucent colour for each patch: for how many packets it has stayed as it is
 *
 * What the last packet did to a patch (#AlitraPatchState) can be told in the styles that show density. Heat map: fresh
 * patches are bright, kept ones greyish and faint, sharpened ones the same in a bright frame. Grid: filled, faint lines,
 * bright lines. Contours: full, faint, dashed. In all styles cyan stripes lie over patches that are not valid
 * (alitra_memory_patch_is_valid()): there the density is a guess.
 */
typedef enum
{
  ALITRA_OVERLAY_HEATMAP,
  ALITRA_OVERLAY_GRID,
  ALITRA_OVERLAY_CONTOURS,
  ALITRA_OVERLAY_AGE
} AlitraOverlayStyle;

/**
 * alitra_overlay_draw: (skip)
 * @memory: what to show
 * @style: how
 * @alpha: 0..1, opacity of the densest fresh patch, or of the newest one
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
 * @kept: the colour of a patch that the last packet left as it was
 * @rgba: (out caller-allocates) (array fixed-size=4): red, green, blue, 0..255, and opacity at an alpha of 1
 *
 * Tells the colour that the heat map has for a density, for legends. Any thread may call it.
 */
ALITRA_API void alitra_overlay_colour (gfloat density, gboolean kept, guint8 rgba[4]);

/**
 * alitra_overlay_age_colour:
 * @age: packets for which a patch has stayed as it is
 * @rgba: (out caller-allocates) (array fixed-size=4): red, green, blue, 0..255, and opacity at an alpha of 1
 *
 * Tells the colour that %ALITRA_OVERLAY_AGE has for an age, for legends; from 256 on it does not change. Any thread may
 * call it.
 */
ALITRA_API void alitra_overlay_age_colour (guint age, guint8 rgba[4]);

G_END_DECLS

#endif
