/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"

#include <math.h>

#define LEVELS 3

struct _ViewPicture
{
  GtkWidget *widget;
  ViewPipeline *pipeline;
  ViewClicked clicked;
  gpointer data;
  gboolean marked;
  guint x, y;
};

/* The video fills the widget as far as its shape allows, in the middle. */
typedef struct
{
  guint width, height;          /* of the video */
  gdouble x, y, scale_x, scale_y;       /* of its pixels in the widget */
} Place;

static gboolean
find_place (const ViewPicture * self, Place * place)
{
  const gdouble width = gtk_widget_get_allocated_width (self->widget);
  const gdouble height = gtk_widget_get_allocated_height (self->widget);
  gdouble aspect, scale;

  if (!view_pipeline_get_size (self->pipeline, &place->width, &place->height,
          &aspect))
    return FALSE;
  scale = MIN (width / (place->width * aspect), height / place->height);
  place->scale_x = scale * aspect;
  place->scale_y = scale;
  place->x = (width - place->width * place->scale_x) / 2.;
  place->y = (height - place->height * place->scale_y) / 2.;
  return scale > 0.;
}

static gboolean
handle_click (GtkWidget * widget, GdkEventButton * event, gpointer data)
{
  ViewPicture *self = data;
  Place place;
  gdouble x, y;

  if (event->type != GDK_BUTTON_PRESS || event->button != 1
      || !find_place (self, &place))
    return GDK_EVENT_PROPAGATE;
  x = floor ((event->x - place.x) / place.scale_x);
  y = floor ((event->y - place.y) / place.scale_y);
  if (x >= 0. && y >= 0. && x < place.width && y < place.height)
    self->clicked (x, y, self->data);
  return GDK_EVENT_PROPAGATE;
}

static void
draw_cell (cairo_t * cr, const Place * place, guint x, guint y, guint side)
{
  const gdouble left = x / side * side, top = y / side * side;
  const gdouble right = MIN (left + side, place->width);
  const gdouble bottom = MIN (top + side, place->height);

  cairo_new_path (cr);          /* the sink leaves its own behind */
  cairo_rectangle (cr, round (place->x + left * place->scale_x) + .5,
      round (place->y + top * place->scale_y) + .5,
      round ((right - left) * place->scale_x) - 1.,
      round ((bottom - top) * place->scale_y) - 1.);
  cairo_set_line_width (cr, 3.);
  cairo_set_source_rgba (cr, 0., 0., 0., .7);
  cairo_stroke_preserve (cr);
  cairo_set_line_width (cr, 1.);
  cairo_set_source_rgb (cr, 1., 1., 1.);
  cairo_stroke (cr);
}

/* After the sink has drawn its frame. */
static gboolean
draw_mark (GtkWidget * widget, cairo_t * cr, gpointer data)
{
  ViewPicture *self = data;
  Place place;

  if (!self->marked || !find_place (self, &place) || self->x >= place.width
      || self->y >= place.height)
    return FALSE;
  for (gint level = LEVELS - 1; level >= 0; level--)
    draw_cell (cr, &place, self->x, self->y, 16u << level);
  return FALSE;
}

ViewPicture *
view_picture_attach (GtkWidget * widget, ViewPipeline * pipeline,
    ViewClicked clicked, gpointer data)
{
  ViewPicture *self = g_new0 (ViewPicture, 1);

  self->widget = widget;
  self->pipeline = pipeline;
  self->clicked = clicked;
  self->data = data;
  gtk_widget_add_events (widget, GDK_BUTTON_PRESS_MASK);
  g_signal_connect (widget, "button-press-event", G_CALLBACK (handle_click),
      self);
  g_signal_connect_after (widget, "draw", G_CALLBACK (draw_mark), self);
  g_object_set_data_full (G_OBJECT (widget), "alitra-picture", self, g_free);
  return self;
}

void
view_picture_mark (ViewPicture * self, guint x, guint y)
{
  self->marked = TRUE;
  self->x = x;
  self->y = y;
  gtk_widget_queue_draw (self->widget);
}

void
view_picture_unmark (ViewPicture * self)
{
  self->marked = FALSE;
  gtk_widget_queue_draw (self->widget);
}

gboolean
view_picture_to_widget (ViewPicture * self, gdouble x, gdouble y,
    gdouble * widget_x, gdouble * widget_y)
{
  Place place;

  if (!find_place (self, &place))
    return FALSE;
  *widget_x = place.x + x * place.scale_x;
  *widget_y = place.y + y * place.scale_y;
  return TRUE;
}
