/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/overlay.h>

#include <math.h>
#include <string.h>

#include "memory.h"

/* The density picture. Densities are counted in sixteenths of a token, so that all that is done for each pixel is
 * done with integers and tables. */

#define PATCH 16
#define UNIT 16
#define MAX_DENSITY (ALITRA_MAX_DEPTH * (16 + 4 + 1))
/* Tokens a patch from which on the colours do not change. */
#define SATURATION 12
#define CONTOURS 7
/* Packets after which a patch that stays as it is looks no older. */
#define OLDEST 256
/* Stripes over lost patches: so many pixels of each so many. */
#define STRIPE 2
#define STRIPES 8
/* Lines around sharpened patches, pixels. */
#define FRAME 2

typedef struct
{
  guint8 b, g, r, a;
} Pixel;

/* Colour of a density; a: how opaque it is, in 255ths of the densest. */
typedef struct
{
  Pixel fresh[MAX_DENSITY + 1];
  Pixel calm[MAX_DENSITY + 1];
  guint8 band[MAX_DENSITY + 1]; /* contours that lie at or below the density */
  Pixel age[OLDEST + 1];
} Palette;

static const guint16 contour[CONTOURS] = { 4, 8, 16, 32, 64, 128, 256 };

/* Colours */

static gdouble
srgb_curve (gdouble linear)
{
  linear = CLAMP (linear, 0, 1);
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow (linear,
      1 / 2.4) - 0.055;
}

static gdouble
lab_curve (gdouble t)
{
  return t > 6 / 29. ? t * t * t : 3 * (6 / 29.) * (6 / 29.) * (t - 4 / 29.);
}

static guint8
to_byte (gdouble x)
{
  return (guint8) (255 * CLAMP (x, 0, 1) + 0.5);
}

/* CIE L*, chroma and hue (degrees), white point D65, to sRGB. */
static Pixel
colour_of_lch (gdouble lightness, gdouble chroma, gdouble hue)
{
  gdouble fy = (lightness + 16) / 116;
  gdouble x = 0.95047 * lab_curve (fy + chroma * cos (hue * G_PI / 180) / 500);
  gdouble y = lab_curve (fy);
  gdouble z = 1.08883 * lab_curve (fy - chroma * sin (hue * G_PI / 180) / 200);
  Pixel pixel;

  pixel.r = to_byte (srgb_curve (3.2406 * x - 1.5372 * y - 0.4986 * z));
  pixel.g = to_byte (srgb_curve (-0.9689 * x + 1.8758 * y + 0.0415 * z));
  pixel.b = to_byte (srgb_curve (0.0557 * x - 0.2040 * y + 1.0570 * z));
  pixel.a = 255;
  return pixel;
}

/* Violet, red, orange, yellow, with lightness growing evenly: what Smith and van der Walt's viridis and inferno
 * showed to read best; the path through the colours is our own. */
static Pixel
heat (gdouble t)
{
  Pixel pixel = colour_of_lch (15 + 80 * t, 28 + 32 * sin (G_PI * t) + 22 * t,
      300 + 155 * t);

  pixel.a = 90 + 165 * t;
  return pixel;
}

static guint8
towards_grey (guint8 x, guint grey)
{
  return (x + 2 * grey) / 3;
}

static Pixel
calmed (Pixel pixel)
{
  guint grey = (54 * pixel.r + 183 * pixel.g + 19 * pixel.b) >> 8;

  pixel.r = towards_grey (pixel.r, grey);
  pixel.g = towards_grey (pixel.g, grey);
  pixel.b = towards_grey (pixel.b, grey);
  pixel.a = pixel.a * 3 / 4;
  return pixel;
}

/* New is light and opaque, old is dark and lets the picture through; half of the scale is for the first 15 packets. */
static Pixel
colour_of_age (guint age)
{
  gdouble t = 1 - log2 (1 + age) / log2 (1 + OLDEST);
  Pixel pixel = heat (t);

  pixel.a = 20 + 220 * t;
  return pixel;
}

static void
fill_palette (Palette * palette)
{
  for (guint density = 1; density <= MAX_DENSITY; density++) {
    gdouble t = log2 (1 + density / (gdouble) UNIT) / log2 (1 + SATURATION);
    guint band = 0;

    palette->fresh[density] = heat (MIN (t, 1));
    palette->calm[density] = calmed (palette->fresh[density]);
    while (band < CONTOURS && contour[band] <= density)
      band++;
    palette->band[density] = band;
  }
  palette->fresh[0] = palette->calm[0] = heat (0);
  palette->fresh[0].a = palette->calm[0].a = 0;
  for (guint age = 0; age <= OLDEST; age++)
    palette->age[age] = colour_of_age (age);
}

static const Palette *
get_palette (void)
{
  static Palette palette;
  static gsize ready = 0;

  if (g_once_init_enter (&ready)) {
    fill_palette (&palette);
    g_once_init_leave (&ready, 1);
  }
  return &palette;
}

static void
write_rgba (Pixel pixel, guint8 rgba[4])
{
  rgba[0] = pixel.r;
  rgba[1] = pixel.g;
  rgba[2] = pixel.b;
  rgba[3] = pixel.a;
}

void
alitra_overlay_colour (gfloat density, gboolean kept, guint8 rgba[4])
{
  const Palette *palette = get_palette ();
  guint index;

  g_return_if_fail (rgba);

  index = UNIT * CLAMP (density, 0, MAX_DENSITY / UNIT) + 0.5f;
  write_rgba (kept ? palette->calm[index] : palette->fresh[index], rgba);
}

void
alitra_overlay_age_colour (guint age, guint8 rgba[4])
{
  g_return_if_fail (rgba);

  write_rgba (get_palette ()->age[MIN (age, OLDEST)], rgba);
}

/* What is drawn */

typedef struct
{
  const AlitraMemory *memory;
  const Palette *palette;
  guint opacity;                /* of the densest, 0 .. 255 */
  guint8 *bgra;
  gint stride;
  guint width, height;
} Drawing;

static inline guint8 *
pixel_at (const Drawing * drawing, guint x, guint y)
{
  return drawing->bgra + (gssize) y *drawing->stride + 4 * (gsize) x;
}

static inline void
fill (guint8 * to, Pixel pixel, guint count)
{
  for (guint i = 0; i < count; i++)
    memcpy (to + 4 * i, &pixel, 4);
}

static inline Pixel
faded (const Drawing * drawing, Pixel pixel)
{
  pixel.a = pixel.a * drawing->opacity / 255;
  return pixel;
}

/* Index in its level of the cell over a patch; patches behind the grid take the last. */
static inline guint
cell_over (const AlitraMemory * memory, guint level, guint column, guint row)
{
  const AlitraMemoryLevel *grid = &memory->level[level];

  row = MIN (row >> level, grid->rows - 1);
  column = MIN (column >> level, grid->columns - 1);
  return row * grid->columns + column;
}

static inline guint
patch_density (const AlitraMemory * memory, guint column, guint row)
{
  guint density = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    guint cell = cell_over (memory, l, column, row);

    density += memory->level[l].depth[cell] * (UNIT >> (2 * l));
  }
  return density;
}

/* What the last packet did to a patch; patches behind the grid take the last. */
static inline AlitraPatchState
patch_state (const AlitraMemory * memory, guint column, guint row)
{
  return alitra_memory_get_patch_state (memory,
      MIN (column, memory->level[0].columns - 1), MIN (row,
          memory->level[0].rows - 1));
}

static inline guint
patch_age (const AlitraMemory * memory, guint column, guint row)
{
  return alitra_memory_get_patch_age (memory,
      MIN (column, memory->level[0].columns - 1), MIN (row,
          memory->level[0].rows - 1));
}

static inline Pixel
colour_for (const Drawing * drawing, guint density, gboolean calm)
{
  const Palette *palette = drawing->palette;

  return calm ? palette->calm[density] : palette->fresh[density];
}

/* A square of one colour for each patch, and the colour of a frame around it. */
typedef void (*PatchColours) (const Drawing * drawing, guint column, guint row,
    Pixel * inside, Pixel * frame);

/* What was sharpened is calm, as what was kept, in a frame as bright as what is fresh. */
static void
density_colours (const Drawing * drawing, guint column, guint row,
    Pixel * inside, Pixel * frame)
{
  guint density = patch_density (drawing->memory, column, row);
  AlitraPatchState state = patch_state (drawing->memory, column, row);

  *inside = colour_for (drawing, density, state != ALITRA_PATCH_FRESH);
  *frame = colour_for (drawing, density, state == ALITRA_PATCH_KEPT);
}

static void
age_colours (const Drawing * drawing, guint column, guint row, Pixel * inside,
    Pixel * frame)
{
  guint age = patch_age (drawing->memory, column, row);

  *inside = *frame = drawing->palette->age[MIN (age, OLDEST)];
}

static void
copy_row (const Drawing * drawing, guint from, guint to)
{
  memcpy (pixel_at (drawing, 0, to), pixel_at (drawing, 0, from),
      4 * (gsize) drawing->width);
}

/* Of a row of patches two rows of pixels are painted, one through the frames and one through the middle, and copied. */
static void
draw_patch_row (const Drawing * drawing, guint row, PatchColours colours)
{
  guint top = row * PATCH, height = MIN (PATCH, drawing->height - top);

  for (guint x = 0; x < drawing->width; x += PATCH) {
    guint count = MIN (PATCH, drawing->width - x);
    Pixel inside, frame;

    colours (drawing, x / PATCH, row, &inside, &frame);
    inside = faded (drawing, inside);
    frame = faded (drawing, frame);
    fill (pixel_at (drawing, x, top), frame, count);
    if (height <= FRAME)
      continue;
    fill (pixel_at (drawing, x, top + FRAME), frame, count);
    for (guint i = FRAME; i < MIN (count, PATCH - FRAME); i++)
      fill (pixel_at (drawing, x + i, top + FRAME), inside, 1);
  }
  for (guint y = 1; y < height; y++)
    if (y != FRAME)
      copy_row (drawing, y < FRAME || y >= PATCH - FRAME ? top : top + FRAME,
          top + y);
}

static void
draw_patches (const Drawing * drawing, PatchColours colours)
{
  for (guint row = 0; row * PATCH < drawing->height; row++)
    draw_patch_row (drawing, row, colours);
}

/* Grid: in each patch the part of the border of the finest cell over it that holds tokens.  Fresh ones are filled,
 * sharpened ones are bright lines, kept ones calm lines. */
static void
draw_grid_patch (const Drawing * drawing, guint column, guint row)
{
  const AlitraMemory *memory = drawing->memory;
  guint x = column * PATCH, y = row * PATCH;
  guint count = MIN (PATCH, drawing->width - x), level =
      0, size, left, top, right, bottom, depth;
  AlitraPatchState state = patch_state (memory, column, row);
  Pixel line, inside;

  while (level < ALITRA_LEVELS - 1
      && memory->level[level].depth[cell_over (memory, level, column,
              row)] == 0)
    level++;
  depth = memory->level[level].depth[cell_over (memory, level, column, row)];
  line = colour_for (drawing, depth * UNIT, state == ALITRA_PATCH_KEPT);
  line = faded (drawing, line);
  inside = line;
  inside.a = state == ALITRA_PATCH_FRESH ? line.a / 3 : 0;

  size = PATCH << level;
  left = x & ~(size - 1);
  top = y & ~(size - 1);
  right = MIN (left + size, drawing->width) - 1;
  bottom = MIN (top + size, drawing->height) - 1;
  for (guint at = y; at < MIN (y + PATCH, drawing->height); at++) {
    guint8 *to = pixel_at (drawing, x, at);

    fill (to, at == top || at == bottom ? line : inside, count);
    if (left == x)
      fill (to, line, 1);
    if (right < x + count)
      fill (to + 4 * (right - x), line, 1);
  }
}

static void
draw_grid (const Drawing * drawing)
{
  for (guint row = 0; row * PATCH < drawing->height; row++) {
    for (guint column = 0; column * PATCH < drawing->width; column++)
      draw_grid_patch (drawing, column, row);
  }
}

/* Contours: the density is interpolated between the middles of four patches; a line runs where two pixels lie in
 * different bands. */
typedef struct
{
  guint x, y, width, height;    /* where its pixels are */
  guint from_x, from_y;         /* of the first of them, from the middle of the upper left patch */
  guint columns[2], rows[2];
  gint density[2][2];           /* [lower][right] */
  AlitraPatchState state;       /* the freshest of the four */
} Tile;

/* Extent of the tile along one axis. The first tile and the last begin or end at the border of the picture, where the
 * patches of the border go on for ever. */
static void
tile_extent (guint index, guint size, guint * at, guint * length, guint * from,
    guint patches[2])
{
  guint last = (size - 1) / PATCH;

  *at = index == 0 ? 0 : index * PATCH - PATCH / 2;
  *from = index == 0 ? PATCH / 2 : 0;
  *length = MIN (PATCH - *from, size - *at);
  patches[0] = index == 0 ? 0 : index - 1;
  patches[1] = MIN (index, last);
}

static gboolean
tile_is_plain (const Drawing * drawing, const Tile * tile)
{
  const guint8 *band = drawing->palette->band;
  guint first = band[tile->density[0][0]];

  return band[tile->density[0][1]] == first
      && band[tile->density[1][0]] == first
      && band[tile->density[1][1]] == first;
}

/* Kept: faint; sharpened: dashed. */
static inline guint8
contour_opacity (const Drawing * drawing, const Tile * tile, guint column,
    guint row)
{
  guint along = tile->x + column + tile->y + row;

  if (tile->state == ALITRA_PATCH_FRESH
      || (tile->state == ALITRA_PATCH_SHARPENED && along / 4 % 2 == 0))
    return drawing->opacity;
  return drawing->opacity / 2;
}

static void
draw_contour_row (const Drawing * drawing, const Tile * tile, guint row)
{
  const guint8 *band = drawing->palette->band;
  guint8 *to = pixel_at (drawing, tile->x, tile->y + row);
  gint fy = tile->from_y + row;
  gint left[2], step[2], value[2];

  /* 0: this row of pixels, 1: the one below it */
  for (guint i = 0; i < 2; i++, fy++) {
    gint right = tile->density[0][1] * (PATCH - fy) + tile->density[1][1] * fy;

    left[i] = tile->density[0][0] * (PATCH - fy) + tile->density[1][0] * fy;
    step[i] = right - left[i];
    value[i] = left[i] * PATCH + step[i] * (gint) tile->from_x;
  }
  for (guint i = 0; i < tile->width; i++) {
    guint here = band[value[0] >> 8], beside =
        band[(value[0] + step[0]) >> 8], below = band[value[1] >> 8];
    guint highest = MAX (here, MAX (beside, below));
    Pixel pixel = { 0, };

    if (here != beside || here != below) {
      pixel = colour_for (drawing, contour[highest - 1],
          tile->state == ALITRA_PATCH_KEPT);
      pixel.a = contour_opacity (drawing, tile, i, row);
    }
    fill (to + 4 * i, pixel, 1);
    value[0] += step[0];
    value[1] += step[1];
  }
}

static void
draw_tile (const Drawing * drawing, guint column, guint row)
{
  Tile tile;

  tile_extent (column, drawing->width, &tile.x, &tile.width, &tile.from_x,
      tile.columns);
  tile_extent (row, drawing->height, &tile.y, &tile.height, &tile.from_y,
      tile.rows);
  tile.state = ALITRA_PATCH_KEPT;
  for (guint i = 0; i < 2; i++) {
    for (guint j = 0; j < 2; j++) {
      tile.density[i][j] =
          patch_density (drawing->memory, tile.columns[j], tile.rows[i]);
      tile.state = MAX (tile.state,
          patch_state (drawing->memory, tile.columns[j], tile.rows[i]));
    }
  }
  for (guint i = 0; i < tile.height; i++) {
    if (tile_is_plain (drawing, &tile))
      memset (pixel_at (drawing, tile.x, tile.y + i), 0, 4 * tile.width);
    else
      draw_contour_row (drawing, &tile, i);
  }
}

static void
draw_contours (const Drawing * drawing)
{
  const guint half = PATCH / 2;

  for (guint row = 0; row == 0 || row * PATCH - half < drawing->height; row++) {
    for (guint column = 0;
        column == 0 || column * PATCH - half < drawing->width; column++)
      draw_tile (drawing, column, row);
  }
}

/* Stripes of a colour that no density has. */
static void
draw_stripes (const Drawing * drawing, guint left, guint top)
{
  const Pixel stripe = { 255, 220, 0, drawing->opacity };
  guint right = MIN (left + PATCH, drawing->width);
  guint bottom = MIN (top + PATCH, drawing->height);

  for (guint y = top; y < bottom; y++) {
    for (guint x = left; x < right; x++) {
      if ((x + y) % STRIPES < STRIPE)
        fill (pixel_at (drawing, x, y), stripe, 1);
    }
  }
}

static void
draw_lost (const Drawing * drawing)
{
  const AlitraMemoryLevel *finest = &drawing->memory->level[0];

  for (guint top = 0; top < drawing->height; top += PATCH) {
    for (guint left = 0; left < drawing->width; left += PATCH) {
      if (!alitra_memory_patch_is_valid (drawing->memory, MIN (left / PATCH,
                  finest->columns - 1), MIN (top / PATCH, finest->rows - 1)))
        draw_stripes (drawing, left, top);
    }
  }
}

void
alitra_overlay_draw (const AlitraMemory * memory, AlitraOverlayStyle style,
    gdouble alpha, guint8 * bgra, gint stride, guint width, guint height)
{
  Drawing drawing = { memory, get_palette (), 0, bgra, stride, width, height };

  g_return_if_fail (memory && bgra && width > 0 && height > 0);
  g_return_if_fail (ABS ((gint64) stride) >= 4 * (gint64) width);

  drawing.opacity = 255 * CLAMP (alpha, 0, 1) + 0.5;
  switch (style) {
    case ALITRA_OVERLAY_GRID:
      draw_grid (&drawing);
      break;
    case ALITRA_OVERLAY_CONTOURS:
      draw_contours (&drawing);
      break;
    case ALITRA_OVERLAY_AGE:
      draw_patches (&drawing, age_colours);
      break;
    case ALITRA_OVERLAY_HEATMAP:
    default:
      draw_patches (&drawing, density_colours);
      break;
  }
  draw_lost (&drawing);
}
