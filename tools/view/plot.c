/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plot.h"

#include <math.h>
#include <string.h>

#define FRAMES 240
#define LEFT 52
#define RIGHT 60
#define TOP 26
#define BOTTOM 10

typedef struct
{
  guint kept, fresh;
  guint64 bits;
} Frame;

struct _ViewPlot
{
  GtkDrawingArea parent;
  Frame frame[FRAMES];          /* the oldest first */
  guint n;
};

G_DEFINE_TYPE (ViewPlot, view_plot, GTK_TYPE_DRAWING_AREA);

typedef struct
{
  cairo_t *cr;
  gdouble x, y, width, height;  /* of the field */
  gdouble tokens, bits;         /* at its upper edge */
} Field;

static const gdouble paper[] = { 1., 1., 1. }, ink[] = { .2, .2, .25 };
static const gdouble lines[] = { .88, .88, .9 };
static const gdouble kept_colour[] = { .45, .33, .65 };
static const gdouble new_colour[] = { .96, .56, .2 };
static const gdouble bits_colour[] = { .1, .5, .45 };

static void
set_colour (cairo_t * cr, const gdouble colour[3])
{
  cairo_set_source_rgb (cr, colour[0], colour[1], colour[2]);
}

/* The next number of 1, 2, 5, 10, 20, … that is not smaller. */
static gdouble
round_up (gdouble value)
{
  static const gdouble steps[] = { 1., 2., 5., 10. };
  const gdouble power = pow (10., floor (log10 (MAX (value, 1.))));
  guint i = 0;

  while (i + 1 < G_N_ELEMENTS (steps) && steps[i] * power < value)
    i++;
  return steps[i] * power;
}

static void
find_scales (const ViewPlot * self, Field * field)
{
  gdouble tokens = 10., bits = 1000.;

  for (guint i = 0; i < self->n; i++) {
    tokens = MAX (tokens, self->frame[i].kept + self->frame[i].fresh);
    bits = MAX (bits, self->frame[i].bits);
  }
  field->tokens = round_up (tokens);
  field->bits = round_up (bits);
}

static void
write_text (cairo_t * cr, gdouble x, gdouble y, gboolean to_the_left,
    const gchar * text)
{
  cairo_text_extents_t extents;

  cairo_text_extents (cr, text, &extents);
  cairo_move_to (cr, to_the_left ? x - extents.x_advance : x, y);
  cairo_show_text (cr, text);
}

static void
draw_axes (const Field * field)
{
  cairo_t *cr = field->cr;

  cairo_set_line_width (cr, 1.);
  for (guint i = 0; i <= 2; i++) {
    const gdouble y = round (field->y + field->height * (1. - i / 2.)) + .5;
    g_autofree gchar *tokens = g_strdup_printf ("%g", field->tokens * i / 2.);
    g_autofree gchar *bits = g_strdup_printf ("%g k",
        field->bits * i / 2. / 1000.);

    set_colour (cr, lines);
    cairo_move_to (cr, field->x, y);
    cairo_line_to (cr, field->x + field->width, y);
    cairo_stroke (cr);
    set_colour (cr, ink);
    write_text (cr, field->x - 6., y + 4., TRUE, tokens);
    set_colour (cr, bits_colour);
    write_text (cr, field->x + field->width + 6., y + 4., FALSE, bits);
  }
}

static void
draw_column (const Field * field, guint at, gdouble from, gdouble to,
    const gdouble colour[3])
{
  const gdouble step = field->width / FRAMES;
  const gdouble scale = field->height / field->tokens;

  set_colour (field->cr, colour);
  cairo_rectangle (field->cr, field->x + at * step,
      field->y + field->height - to * scale, step + .3, (to - from) * scale);
  cairo_fill (field->cr);
}

static void
draw_tokens (const ViewPlot * self, const Field * field, guint first)
{
  for (guint i = 0; i < self->n; i++) {
    const Frame *frame = &self->frame[i];

    draw_column (field, first + i, 0., frame->kept, kept_colour);
    draw_column (field, first + i, frame->kept, frame->kept + frame->fresh,
        new_colour);
  }
}

static void
draw_bits (const ViewPlot * self, const Field * field, guint first)
{
  cairo_t *cr = field->cr;

  for (guint i = 0; i < self->n; i++)
    cairo_line_to (cr, field->x + (first + i + .5) * field->width / FRAMES,
        field->y + field->height * (1. - self->frame[i].bits / field->bits));
  cairo_set_line_width (cr, 3.5);
  set_colour (cr, paper);
  cairo_stroke_preserve (cr);
  cairo_set_line_width (cr, 1.5);
  set_colour (cr, bits_colour);
  cairo_stroke (cr);
}

static gdouble
draw_key (cairo_t * cr, gdouble x, const gdouble colour[3], const gchar * text)
{
  cairo_text_extents_t extents;

  set_colour (cr, colour);
  cairo_rectangle (cr, x, 9., 10., 10.);
  cairo_fill (cr);
  set_colour (cr, ink);
  cairo_text_extents (cr, text, &extents);
  write_text (cr, x + 15., 18., FALSE, text);
  return x + 15. + extents.x_advance + 18.;
}

static void
draw_keys (const Field * field)
{
  gdouble x = field->x;

  x = draw_key (field->cr, x, kept_colour, "kept tokens");
  x = draw_key (field->cr, x, new_colour, "new tokens");
  draw_key (field->cr, x, bits_colour, "bits a frame (right)");
}

static gboolean
view_plot_draw (GtkWidget * widget, cairo_t * cr)
{
  ViewPlot *self = VIEW_PLOT (widget);
  const gint width = gtk_widget_get_allocated_width (widget);
  const gint height = gtk_widget_get_allocated_height (widget);
  Field field = { cr, LEFT, TOP, width - LEFT - RIGHT, height - TOP - BOTTOM };

  set_colour (cr, paper);
  cairo_paint (cr);
  if (field.width < 1. || field.height < 1.)
    return FALSE;
  cairo_select_font_face (cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
      CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size (cr, 11.);
  find_scales (self, &field);
  draw_axes (&field);
  draw_tokens (self, &field, FRAMES - self->n);
  draw_bits (self, &field, FRAMES - self->n);
  draw_keys (&field);
  return FALSE;
}

static void
view_plot_class_init (ViewPlotClass * klass)
{
  GTK_WIDGET_CLASS (klass)->draw = view_plot_draw;
}

static void
view_plot_init (ViewPlot * self)
{
  gtk_widget_set_size_request (GTK_WIDGET (self), 360, 150);
}

GtkWidget *
view_plot_new (void)
{
  return g_object_new (VIEW_TYPE_PLOT, NULL);
}

void
view_plot_add (ViewPlot * self, guint kept_tokens, guint new_tokens,
    guint64 bits)
{
  const Frame frame = { kept_tokens, new_tokens, bits };

  if (self->n == FRAMES)
    memmove (self->frame, self->frame + 1, --self->n * sizeof (Frame));
  self->frame[self->n++] = frame;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
view_plot_clear (ViewPlot * self)
{
  self->n = 0;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
