/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "patch.h"

#define LEVELS 3
#define NO_PATCH "Click on a picture to see what describes that place."

enum
{
  COLUMN_CELL,
  COLUMN_DEPTH,
  COLUMN_KEPT,
  COLUMN_AGE,
  COLUMN_GAIN,
  COLUMN_TOKENS,
  COLUMNS
};

static const gchar *const titles[COLUMNS] = { "cell", "tokens", "kept", "age",
  "gain of one more", "ids"
};

struct _ViewPatch
{
  GtkGrid parent;
  GtkLabel *heading;
  GtkLabel *label[LEVELS][COLUMNS];     /* 64-cells first */
  GtkLabel *price;
};

G_DEFINE_TYPE (ViewPatch, view_patch, GTK_TYPE_GRID);

static GtkLabel *
add_label (ViewPatch * self, gint column, gint row, gint columns,
    const gchar * text)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), column == COLUMN_CELL
      || column == COLUMN_TOKENS ? 0. : 1.);
  gtk_grid_attach (GTK_GRID (self), label, column, row, columns, 1);
  return GTK_LABEL (label);
}

static GtkLabel *
add_title (ViewPatch * self, gint column)
{
  GtkLabel *label = add_label (self, column, 1, 1, titles[column]);

  gtk_style_context_add_class (gtk_widget_get_style_context (GTK_WIDGET
          (label)), "dim-label");
  return label;
}

static void
view_patch_init (ViewPatch * self)
{
  gtk_grid_set_column_spacing (GTK_GRID (self), 14);
  gtk_grid_set_row_spacing (GTK_GRID (self), 5);
  self->heading = add_label (self, 0, 0, COLUMNS, NO_PATCH);
  gtk_label_set_xalign (self->heading, 0.);
  for (gint column = 0; column < COLUMNS; column++) {
    add_title (self, column);
    for (gint row = 0; row < LEVELS; row++)
      self->label[row][column] = add_label (self, column, 2 + row, 1, "");
  }
  for (gint row = 0; row < LEVELS; row++) {
    GtkLabel *ids = self->label[row][COLUMN_TOKENS];

    gtk_label_set_ellipsize (ids, PANGO_ELLIPSIZE_END);
    gtk_widget_set_hexpand (GTK_WIDGET (ids), TRUE);
    gtk_label_set_width_chars (ids, 18);
  }
  self->price = add_label (self, 0, 2 + LEVELS, COLUMNS, "");
  gtk_label_set_xalign (self->price, 0.);
}

static void
view_patch_class_init (ViewPatchClass * klass)
{
}

GtkWidget *
view_patch_new (void)
{
  return g_object_new (VIEW_TYPE_PATCH, NULL);
}

static guint
get_uint (const GstStructure * patch, const gchar * what, guint side)
{
  g_autofree gchar *name = g_strdup_printf ("%s-%u", what, side);
  guint value = 0;

  gst_structure_get_uint (patch, name, &value);
  return value;
}

static gchar *
ids_of (const GstStructure * patch, guint side)
{
  g_autofree gchar *name = g_strdup_printf ("tokens-%u", side);
  const GValue *tokens = gst_structure_get_value (patch, name);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < gst_value_array_get_size (tokens); i++)
    g_string_append_printf (text, "%s%u", i ? " " : "",
        g_value_get_uint (gst_value_array_get_value (tokens, i)));
  return g_string_free (text, FALSE);
}

static gchar *
gain_of (const GstStructure * patch, guint side)
{
  g_autofree gchar *name = g_strdup_printf ("gain-%u", side);
  gdouble gain;

  return gst_structure_get_double (patch, name, &gain) ?
      g_strdup_printf ("%.3g", gain) : g_strdup ("-");
}

static void
set_number (GtkLabel * label, guint number)
{
  g_autofree gchar *text = g_strdup_printf ("%u", number);

  gtk_label_set_text (label, text);
}

static void
show_cell (ViewPatch * self, guint row, const GstStructure * patch)
{
  const guint side = 64u >> row;
  g_autofree gchar *cell = g_strdup_printf ("%ux%u", side, side);
  g_autofree gchar *gain = gain_of (patch, side);
  g_autofree gchar *ids = ids_of (patch, side);
  GtkLabel **label = self->label[row];

  gtk_label_set_text (label[COLUMN_CELL], cell);
  set_number (label[COLUMN_DEPTH], get_uint (patch, "depth", side));
  set_number (label[COLUMN_KEPT], get_uint (patch, "kept", side));
  set_number (label[COLUMN_AGE], get_uint (patch, "age", side));
  gtk_label_set_text (label[COLUMN_GAIN], gain);
  gtk_label_set_text (label[COLUMN_TOKENS], ids);
}

void
view_patch_show (ViewPatch * self, const GstStructure * patch, gdouble price)
{
  g_autofree gchar *heading = NULL, *cost = NULL;
  guint x = 0, y = 0, age = 0;
  gdouble density = 0.;

  if (!patch) {
    gtk_label_set_text (self->heading, NO_PATCH);
    return;
  }
  gst_structure_get (patch, "x", G_TYPE_UINT, &x, "y", G_TYPE_UINT, &y,
      "age", G_TYPE_UINT, &age, "density", G_TYPE_DOUBLE, &density, NULL);
  heading = g_strdup_printf ("<b>Patch at %u, %u</b>: density %.2f, %s, "
      "%u frames old", x, y, density, gst_structure_get_string (patch, "state"),
      age);
  gtk_label_set_markup (self->heading, heading);
  for (guint row = 0; row < LEVELS; row++)
    show_cell (self, row, patch);
  cost = price > 0. ? g_strdup_printf ("A token costs %.3g: cells get tokens "
      "until one more gains less.", price) : g_strdup ("");
  gtk_label_set_text (self->price, cost);
}

gchar *
view_patch_get_text (ViewPatch * self)
{
  GString *text = g_string_new (gtk_label_get_text (self->heading));

  for (guint row = 0; row < LEVELS; row++) {
    for (guint column = 0; column < COLUMNS; column++)
      g_string_append_printf (text, "|%s",
          gtk_label_get_text (self->label[row][column]));
  }
  return g_string_free (text, FALSE);
}
