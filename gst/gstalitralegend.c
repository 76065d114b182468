/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitralegend.h"

#include <alitra/overlay.h>
#include <pango/pangocairo.h>
#include <string.h>

/* Smaller pictures would be hidden by their legend. */
#define MIN_WIDTH 160
#define MIN_HEIGHT 90

struct _GstAlitraLegend
{
  /* What is drawn at the moment. */
  gchar text[96];
  guint width, height;
  gfloat densest;
  GstVideoOverlayRectangle *box;
};

typedef struct
{
  gint font, pad, bar;          /* pixels */
  gint text_width, text_height;
  gint width, height;
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

static void
write_text (const AlitraFrameStats * stats, gchar * text, gsize size)
{
  guint kept = 0;

  if (stats->tokens > 0)
    kept = (guint) (100.0 * stats->kept_tokens / stats->tokens + 0.5);
  g_snprintf (text, size, "%s%u tokens, %u %% kept, %.1f kbit",
      stats->key ? "key: " : "", stats->tokens, kept, stats->bits / 1000.0);
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

static void
measure (Layout * layout, const gchar * text, guint picture_height)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, 1, 1);
  cairo_t *cairo = cairo_create (surface);
  PangoLayout *words;

  layout->font = CLAMP (picture_height / 30, 10, 64);
  layout->pad = layout->font / 2;
  layout->bar = layout->font / 2;
  words = make_layout (cairo, text, layout->font);
  pango_layout_get_pixel_size (words, &layout->text_width,
      &layout->text_height);
  layout->width = layout->text_width + 2 * layout->pad;
  layout->height = 2 * layout->text_height + layout->bar + 2 * layout->pad;
  g_object_unref (words);
  cairo_destroy (cairo);
  cairo_surface_destroy (surface);
}

static void
draw_text (cairo_t * cairo, const Layout * layout, const gchar * text,
    gdouble y, gboolean right)
{
  PangoLayout *words = make_layout (cairo, text, layout->font);
  gint width = 0;

  if (right)
    pango_layout_get_pixel_size (words, &width, NULL);
  cairo_set_source_rgb (cairo, 1.0, 1.0, 1.0);
  cairo_move_to (cairo,
      right ? layout->width - layout->pad - width : layout->pad, y);
  pango_cairo_show_layout (cairo, words);
  g_object_unref (words);
}

static void
draw_scale (cairo_t * cairo, const Layout * layout, gfloat densest, gdouble y)
{
  gint x;

  for (x = 0; x < layout->text_width; x++) {
    guint8 rgb[3];

    alitra_overlay_colour (densest * x / MAX (1, layout->text_width - 1), rgb);
    cairo_set_source_rgb (cairo, rgb[0] / 255.0, rgb[1] / 255.0,
        rgb[2] / 255.0);
    cairo_rectangle (cairo, layout->pad + x, y, 1, layout->bar);
    cairo_fill (cairo);
  }
}

static void
paint (cairo_t * cairo, const Layout * layout, const gchar * text,
    gfloat densest)
{
  gdouble y = layout->pad;
  gchar most[32];

  cairo_set_source_rgba (cairo, 0.0, 0.0, 0.0, 0.6);
  cairo_paint (cairo);
  draw_text (cairo, layout, text, y, FALSE);
  y += layout->text_height;
  draw_scale (cairo, layout, densest, y);
  y += layout->bar;
  draw_text (cairo, layout, "0", y, FALSE);
  g_snprintf (most, sizeof (most), "%.0f a patch", densest);
  draw_text (cairo, layout, most, y, TRUE);
}

static GstVideoOverlayRectangle *
draw_box (const gchar * text, gfloat densest, guint picture_width,
    guint picture_height)
{
  GstVideoOverlayRectangle *box = NULL;
  Layout layout;
  cairo_surface_t *surface;
  cairo_t *cairo;
  GstBuffer *pixels;
  GstMapInfo map;
  gint stride, margin;

  measure (&layout, text, picture_height);
  margin = layout.pad;
  if (layout.width + margin > picture_width
      || layout.height + margin > picture_height)
    return NULL;
  stride = cairo_format_stride_for_width (CAIRO_FORMAT_ARGB32, layout.width);
  pixels = gst_buffer_new_allocate (NULL, (gsize) stride * layout.height, NULL);
  if (!gst_buffer_map (pixels, &map, GST_MAP_READWRITE)) {
    gst_buffer_unref (pixels);
    return NULL;
  }
  memset (map.data, 0, map.size);
  surface = cairo_image_surface_create_for_data (map.data, CAIRO_FORMAT_ARGB32,
      layout.width, layout.height, stride);
  cairo = cairo_create (surface);
  paint (cairo, &layout, text, densest);
  cairo_destroy (cairo);
  cairo_surface_destroy (surface);
  gst_buffer_unmap (pixels, &map);

  /* cairo rows are four bytes a pixel without padding, as the default layout of the overlay format. */
  gst_buffer_add_video_meta (pixels, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, layout.width, layout.height);
  box = gst_video_overlay_rectangle_new_raw (pixels, margin, margin,
      layout.width, layout.height,
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  gst_buffer_unref (pixels);
  return box;
}

GstVideoOverlayRectangle *
gst_alitra_legend_draw (GstAlitraLegend * legend,
    const AlitraFrameStats * stats, gfloat densest, guint width, guint height)
{
  gchar text[sizeof (legend->text)];

  if (width < MIN_WIDTH || height < MIN_HEIGHT)
    return NULL;
  write_text (stats, text, sizeof (text));
  if (legend->width == width && legend->height == height
      && legend->densest == densest && strcmp (legend->text, text) == 0)
    return legend->box;

  if (legend->box)
    gst_video_overlay_rectangle_unref (legend->box);
  legend->box = draw_box (text, densest, width, height);
  legend->width = width;
  legend->height = height;
  legend->densest = densest;
  memcpy (legend->text, text, sizeof (text));
  return legend->box;
}
