/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "band.h"

#include <string.h>

#include "floats.h"
#include "matrix.h"
#include "pixel-loops.h"

#define HALF (ALITRA_CELL / 2)
/* Floats before and behind the samples of a line: more than the reach, and a whole line of the cache. */
#define PAD 16

static gsize
stride_of (const AlitraBand * band, guint n)
{
  return (((gsize) band->grid.columns * n + PAD - 1) & ~(gsize) (PAD - 1))
      + 2 * PAD;
}

void
alitra_band_init (AlitraBand * band, AlitraGrid grid)
{
  gsize luma, chroma, size;
  guint i;

  memset (band, 0, sizeof (*band));
  band->grid = grid;
  luma = stride_of (band, ALITRA_CELL);
  chroma = stride_of (band, HALF);
  size = ALITRA_CELL * luma + 2 * HALF * chroma;
  band->room =
      alitra_floats_new (G_N_ELEMENTS (band->slot) * size + ALITRA_SLACK);
  band->beyond =
      alitra_floats_new (2 * ALITRA_BAND_REACH * luma + ALITRA_SLACK);
  for (i = 0; i < G_N_ELEMENTS (band->slot); i++) {
    AlitraPlanes *slot = &band->slot[i];

    slot->grid = (AlitraGrid) {
    grid.columns, 1};
    slot->luma_stride = luma;
    slot->chroma_stride = chroma;
    slot->luma = band->room + i * size + PAD;
    slot->chroma[0] = slot->luma + ALITRA_CELL * luma;
    slot->chroma[1] = slot->chroma[0] + HALF * chroma;
  }
}

void
alitra_band_clear (AlitraBand * band)
{
  alitra_floats_free (band->room);
  alitra_floats_free (band->beyond);
}

static const AlitraPlanes *
slot_of (const AlitraBand * band, guint row)
{
  return &band->slot[row % G_N_ELEMENTS (band->slot)];
}

void
alitra_band_view (const AlitraBand * band, guint row, AlitraPlanes * view)
{
  alitra_planes_view (view, slot_of (band, row), band->grid, row);
}

void
alitra_band_get_lines (AlitraBand * band, guint plane, guint row,
    AlitraBandLines * lines)
{
  const gint n = plane ? HALF : ALITRA_CELL;
  const gint height = band->grid.rows * n;
  const gsize stride = plane ? band->slot[0].chroma_stride
      : band->slot[0].luma_stride;
  gint y;

  lines->line = lines->lines + ALITRA_BAND_REACH;
  for (y = -ALITRA_BAND_REACH; y < n + ALITRA_BAND_REACH; y++) {
    const gint at = (gint) row * n + y;

    if (at < 0 || at >= height) {
      const gint away = at < 0 ? -at - 1 : ALITRA_BAND_REACH + at - height;

      lines->line[y] = band->beyond + away * stride + PAD;
    } else {
      const AlitraPlanes *slot = slot_of (band, at / n);

      lines->line[y] = (plane ? slot->chroma[plane - 1] : slot->luma)
          + at % n * stride;
    }
  }
}

static void
turn_line (gfloat * to, const gfloat * last, const gfloat * inside, guint first,
    guint end)
{
  guint x;

  for (x = first; x < end; x++)
    to[x] = 2.f * last[x] - inside[x];
}

void
alitra_band_extend (AlitraBand * band, guint plane, guint row,
    const AlitraBandLines * lines, guint reach, guint first, guint end)
{
  const gint n = plane ? HALF : ALITRA_CELL, away = reach;
  const guint width = band->grid.columns * n;
  gint y, k;

  for (k = 1; k <= away && row == 0; k++)
    turn_line (lines->line[-k], lines->line[0], lines->line[k], first, end);
  for (k = 1; k <= away && row + 1 == band->grid.rows; k++)
    turn_line (lines->line[n - 1 + k], lines->line[n - 1],
        lines->line[n - 1 - k], first, end);
  for (y = 0; y < n; y++) {
    gfloat *line = lines->line[y], *last = line + width - 1;

    for (k = 1; k <= away && first == 0; k++)
      line[-k] = 2.f * line[0] - line[k];
    for (k = 1; k <= away && end == width; k++)
      last[k] = 2.f * last[0] - last[-k];
  }
}
