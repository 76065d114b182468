/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitralegend.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

/* Smaller pictures would be hidden by their legend. */
#define MIN_WIDTH 160
#define MIN_HEIGHT 90
/* Age at the end of the scale: from here on the colour does not change. */
#define OLDEST 256
#define STATES (ALITRA_PATCH_FRESH + 1)

/* Everything that the box shows; it is drawn anew only when something of it changes. */
typedef struct
{
  guint width, height;          /* of the picture */
  AlitraOverlayStyle style;
  gfloat densest;
  gchar cost[96];
  gchar state[STATES][32];      /* what became of the patches */
} Content;

struct _GstAlitraLegend
{
  Content shown;
  gint widest;                  /* so far: the box does not dance with its numbers */
  GstVideoOverlayRectangle *box;
};

typedef struct
{
  gint font, pad, bar;          /* pixels */
  gint text_width, text_height;
  gint width, height;
  gboolean states;              /* there is room for them */
} Layout;

GstAlitraLegend *
gst_alitra_legend_new (void)
{
  return g_new0 (GstAlitraLegend, 1);
}

void
gst_alitra_legend_free (GstAlitraLegend * legend)
{
  if (legend->box)
    gst_video_overlay_rectangle_unref (legend->box);
  g_free (legend);
}

/* WORDS */

static guint
percent (guint part, guint whole)
{
  return whole ? (guint) (100.0 * part / whole + 0.5) : 0;
}

static void
write_state (Content * content, AlitraPatchState state, const gchar * word,
    guint patches, guint all)
{
  g_snprintf (content->state[state], sizeof (content->state[state]),
      "%s %u %%", word, percent (patches, all));
}

static void
write_words (const AlitraFrameStats * stats, Content * content)
{
  g_snprintf (content->cost, sizeof (content->cost),
      "%s%u tokens, %u %% kept, %.1f kbit", stats->key ? "key: " : "",
      stats->tokens, percent (stats->kept_tokens, stats->tokens),
      stats->bits / 1000.0);
  write_state (content, ALITRA_PATCH_FRESH, "fresh", stats->fresh_patches,
      stats->patches);
  write_state (content, ALITRA_PATCH_SHARPENED, "sharpened",
      stats->sharpened_patches, stats->patches);
  write_state (content, ALITRA_PATCH_KEPT, "kept", stats->kept_patches,
      stats->patches);
}

static PangoLayout *
make_layout (cairo_t * cairo, const gchar * text, gint font)
{
  PangoLayout *layout = pango_cairo_create_layout (cairo);
  PangoFontDescription *description = pango_font_description_new ();

  pango_font_description_set_family_static (description, "sans");
  pango_font_description_set_absolute_size (description, font * PANGO_SCALE);
  pango_layout_set_font_description (layout, description);
  pango_font_description_free (description);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

/* MEASURES */

static gint
swatch_width (const Layout * layout)
{
  return layout->font + layout->font / 3;
}

static gint
width_of (cairo_t * cairo, Layout * layout, const gchar * text)
{
  PangoLayout *words = make_layout (cairo, text, layout->font);
  gint width;

  pango_layout_get_pixel_size (words, &width, &layout->text_height);
  g_object_unref (words);
  return width;
}

static void
measure (cairo_t * cairo, const Content * content, gint widest, Layout * layout)
{
  gint states = 0;
  guint i;

  layout->font = CLAMP (content->height / 30, 10, 64);
  layout->pad = layout->font / 2;
  layout->bar = layout->font / 2;
  for (i = 0; i < STATES; i++)
    states += swatch_width (layout) + width_of (cairo, layout,
        content->state[i]) + (i > 0 ? layout->font : 0);
  layout->states = states + 3 * layout->pad <= content->width;
  layout->text_width = MAX (width_of (cairo, layout, content->cost), widest);
  layout->height = 2 * layout->text_height + layout->bar + 2 * layout->pad;
  if (layout->states) {
    layout->text_width = MAX (layout->text_width, states);
    layout->height += layout->text_height + layout->pad;
  }
  layout->width = layout->text_width + 2 * layout->pad;
}

/* DRAWING */

static gint
draw_text (cairo_t * cairo, const Layout * layout, const gchar * text,
    gdouble x, gdouble y, gboolean right)
{
  PangoLayout *words = make_layout (cairo, text, layout->font);
  gint width;

  pango_layout_get_pixel_size (words, &width, NULL);
  cairo_set_source_rgb (cairo, 1.0, 1.0, 1.0);
  cairo_move_to (cairo, right ? layout->width - layout->pad - width : x, y);
  pango_cairo_show_layout (cairo, words);
  g_object_unref (words);
  return width;
}

static void
set_colour (cairo_t * cairo, const guint8 rgba[4], gboolean opaque)
{
  cairo_set_source_rgba (cairo, rgba[0] / 255.0, rgba[1] / 255.0,
      rgba[2] / 255.0, opaque ? 1.0 : rgba[3] / 255.0);
}

static void
draw_scale (cairo_t * cairo, const Layout * layout, const Content * content,
    gdouble y)
{
  gint x;

  for (x = 0; x < layout->text_width; x++) {
    const gdouble part = x / (gdouble) MAX (1, layout->text_width - 1);
    guint8 rgba[4];

    if (content->style == ALITRA_OVERLAY_AGE)
      alitra_overlay_age_colour (exp2 (part * log2 (1 + OLDEST)) - .5, rgba);
    else
      alitra_overlay_colour (content->densest * part, FALSE, rgba);
    set_colour (cairo, rgba, TRUE);
    cairo_rectangle (cairo, layout->pad + x, y, 1, layout->bar);
    cairo_fill (cairo);
  }
}

static void
draw_ends (cairo_t * cairo, const Layout * layout, const Content * content,
    gdouble y)
{
  gchar most[32];

  if (content->style == ALITRA_OVERLAY_AGE) {
    g_snprintf (most, sizeof (most), "%d frames old", OLDEST);
    /* The scale is logarithmic: the root of its end lies in the middle. */
    draw_text (cairo, layout, "15", layout->pad + layout->text_width / 2, y,
        FALSE);
  } else {
    g_snprintf (most, sizeof (most), "%.0f tokens a patch", content->densest);
  }
  draw_text (cairo, layout, "0", layout->pad, y, FALSE);
  draw_text (cairo, layout, most, 0, y, TRUE);
}

/* A patch of middling density as the heat map draws it. */
static void
draw_swatch (cairo_t * cairo, const Layout * layout, AlitraPatchState state,
    gfloat densest, gdouble x, gdouble y)
{
  const gint side = layout->font, line = MAX (2, side / 8);
  guint8 inside[4], frame[4];

  alitra_overlay_colour (densest / 4, state != ALITRA_PATCH_FRESH, inside);
  alitra_overlay_colour (densest / 4, state == ALITRA_PATCH_KEPT, frame);
  set_colour (cairo, inside, FALSE);
  cairo_rectangle (cairo, x, y, side, side);
  cairo_fill (cairo);
  if (state != ALITRA_PATCH_SHARPENED)
    return;
  set_colour (cairo, frame, FALSE);
  cairo_set_line_width (cairo, line);
  cairo_rectangle (cairo, x + line / 2.0, y + line / 2.0, side - line,
      side - line);
  cairo_stroke (cairo);
}

static void
draw_states (cairo_t * cairo, const Layout * layout, const Content * content,
    gdouble y)
{
  gint x = layout->pad, state;

  for (state = ALITRA_PATCH_FRESH; state >= 0; state--) {
    if (content->style != ALITRA_OVERLAY_AGE)
      draw_swatch (cairo, layout, state, content->densest, x,
          y + (layout->text_height - layout->font) / 2);
    x += swatch_width (layout);
    x += draw_text (cairo, layout, content->state[state], x, y, FALSE);
    x += layout->font;
  }
}

static void
paint (cairo_t * cairo, const Layout * layout, const Content * content)
{
  gdouble y = layout->pad;

  cairo_set_source_rgba (cairo, 0.0, 0.0, 0.0, 0.6);
  cairo_paint (cairo);
  draw_text (cairo, layout, content->cost, layout->pad, y, FALSE);
  y += layout->text_height;
  if (layout->states) {
    draw_states (cairo, layout, content, y);
    y += layout->text_height + layout->pad;
  }
  draw_scale (cairo, layout, content, y);
  y += layout->bar;
  draw_ends (cairo, layout, content, y);
}

/* THE BOX */

static GstVideoOverlayRectangle *
draw_box (const Content * content, const Layout * layout)
{
  GstVideoOverlayRectangle *box = NULL;
  cairo_surface_t *surface;
  cairo_t *cairo;
  GstBuffer *pixels;
  GstMapInfo map;
  const gint margin = layout->pad;
  gint stride;

  if (layout->width + margin > content->width
      || layout->height + margin > content->height)
    return NULL;
  stride = cairo_format_stride_for_width (CAIRO_FORMAT_ARGB32, layout->width);
  pixels =
      gst_buffer_new_allocate (NULL, (gsize) stride * layout->height, NULL);
  if (!gst_buffer_map (pixels, &map, GST_MAP_READWRITE)) {
    gst_buffer_unref (pixels);
    return NULL;
  }
  memset (map.data, 0, map.size);
  surface = cairo_image_surface_create_for_data (map.data, CAIRO_FORMAT_ARGB32,
      layout->width, layout->height, stride);
  cairo = cairo_create (surface);
  paint (cairo, layout, content);
  cairo_destroy (cairo);
  cairo_surface_destroy (surface);
  gst_buffer_unmap (pixels, &map);

  /* cairo rows are four bytes a pixel without padding, as the default layout of the overlay format. */
  gst_buffer_add_video_meta (pixels, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, layout->width, layout->height);
  box = gst_video_overlay_rectangle_new_raw (pixels, margin, margin,
      layout->width, layout->height,
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  gst_buffer_unref (pixels);
  return box;
}

static void
redraw (GstAlitraLegend * legend)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, 1, 1);
  cairo_t *cairo = cairo_create (surface);
  Layout layout;

  if (legend->box)
    gst_video_overlay_rectangle_unref (legend->box);
  measure (cairo, &legend->shown, legend->widest, &layout);
  legend->widest = layout.text_width;
  legend->box = draw_box (&legend->shown, &layout);
  cairo_destroy (cairo);
  cairo_surface_destroy (surface);
}

GstVideoOverlayRectangle *
gst_alitra_legend_draw (GstAlitraLegend * legend,
    const AlitraFrameStats * stats, AlitraOverlayStyle style, gfloat densest,
    guint width, guint height)
{
  Content content;

  if (width < MIN_WIDTH || height < MIN_HEIGHT)
    return NULL;
  memset (&content, 0, sizeof (content));
  content.width = width;
  content.height = height;
  content.style = style;
  content.densest = densest;
  write_words (stats, &content);
  if (memcmp (&content, &legend->shown, sizeof (content)) != 0) {
    legend->shown = content;
    redraw (legend);
  }
  return legend->box;
}
