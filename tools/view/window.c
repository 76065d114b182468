/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "patch.h"
#include "picture.h"
#include "pipeline.h"
#include "plot.h"

#define WIDTH 1180
#define HEIGHT 720
#define SPACE 10
/* Tokens a patch at the right end of the slider, and where it starts. */
#define MOST_TOKENS 2.
#define FIRST_TOKENS .4
/* The patch is described anew at most so often, in microseconds: faster than that nobody reads. */
#define PATCH_INTERVAL 100000

struct _ViewWindow
{
  ViewPipeline *pipeline;
  GtkWidget *window, *bar, *bar_label, *entry, *play, *status;
  GtkWidget *by_tokens, *tokens, *by_quality, *quality, *reuse, *allocation;
  GtkWidget *style, *opacity;
  ViewPlot *plot;
  ViewPatch *patch;
  ViewPicture *original, *rebuilt;
  guint64 frames;
  guint patches;                /* of the video; 0: unknown */
  gdouble price;
  gboolean chosen;              /* a patch is */
  guint x, y;
  gint64 described;
  /* of the last frame, for scripts */
  guint last_tokens, last_kept, last_new;
  guint64 last_bits;
};

/* ---- what the pipeline says ---- */

static void
set_tokens_range (ViewWindow * self, guint patches)
{
  GtkAdjustment *adjustment = gtk_range_get_adjustment (GTK_RANGE
      (self->tokens));

  if (patches == self->patches)
    return;
  gtk_adjustment_set_upper (adjustment, MAX (MOST_TOKENS * patches, 20.));
  if (self->patches == 0)
    gtk_adjustment_set_value (adjustment, FIRST_TOKENS * patches);
  self->patches = patches;
}

static void
show_status (ViewWindow * self, gboolean key, guint64 time)
{
  const guint tokens = self->last_tokens;
  g_autofree gchar *text = g_strdup_printf ("frame %" G_GUINT64_FORMAT
      "%s: %u tokens (%.2f a patch), %.0f %% kept, %u new, %.1f kbit, encoded "
      "in %.1f ms", self->frames, key ? " (key)" : "", tokens,
      (gdouble) tokens / MAX (self->patches, 1),
      100. * self->last_kept / MAX (tokens, 1), self->last_new,
      self->last_bits / 1000., time / 1e6);

  gtk_label_set_text (GTK_LABEL (self->status), text);
}

static void
describe_patch (ViewWindow * self)
{
  GstStructure *patch = view_pipeline_inspect (self->pipeline, self->x,
      self->y);

  view_patch_show (self->patch, patch, self->price);
  gst_clear_structure (&patch);
}

static void
handle_frame (const GstStructure * stats, gpointer data)
{
  ViewWindow *self = data;
  guint patches = 0;
  guint64 time = 0;
  gboolean key = FALSE;

  gst_structure_get (stats, "tokens", G_TYPE_UINT, &self->last_tokens,
      "kept-tokens", G_TYPE_UINT, &self->last_kept, "new-tokens", G_TYPE_UINT,
      &self->last_new, "bits", G_TYPE_UINT64, &self->last_bits, "patches",
      G_TYPE_UINT, &patches, "price", G_TYPE_DOUBLE, &self->price, "key",
      G_TYPE_BOOLEAN, &key, "encode-time-ns", G_TYPE_UINT64, &time, NULL);
  self->frames++;
  set_tokens_range (self, patches);
  view_plot_add (self->plot, self->last_kept, self->last_new, self->last_bits);
  show_status (self, key, time);
  if (self->chosen
      && g_get_monotonic_time () - self->described > PATCH_INTERVAL) {
    describe_patch (self);
    self->described = g_get_monotonic_time ();
  }
}

static void
handle_problem (const gchar * text, gpointer data)
{
  ViewWindow *self = data;

  gtk_label_set_text (GTK_LABEL (self->bar_label), text);
  gtk_info_bar_set_revealed (GTK_INFO_BAR (self->bar), TRUE);
  gtk_widget_show (self->bar);
}

static void
handle_click (guint x, guint y, gpointer data)
{
  ViewWindow *self = data;

  self->chosen = TRUE;
  self->x = x;
  self->y = y;
  view_picture_mark (self->original, x, y);
  view_picture_mark (self->rebuilt, x, y);
  describe_patch (self);
}

/* ---- what the user wants ---- */

static void
apply_budget (ViewWindow * self)
{
  const gboolean by_tokens =
      gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->by_tokens));
  const guint tokens = gtk_range_get_value (GTK_RANGE (self->tokens));

  gtk_widget_set_sensitive (self->tokens, by_tokens);
  gtk_widget_set_sensitive (self->quality, !by_tokens);
  g_object_set (view_pipeline_get_encoder (self->pipeline), "target-tokens",
      by_tokens ? MAX (tokens, 1) : 0, "quality",
      gtk_range_get_value (GTK_RANGE (self->quality)), NULL);
}

static void
apply_look (ViewWindow * self)
{
  GstElement *encoder = view_pipeline_get_encoder (self->pipeline);

  gst_util_set_object_arg (G_OBJECT (encoder), "overlay-style",
      gtk_combo_box_get_active_id (GTK_COMBO_BOX (self->style)));
  g_object_set (encoder, "overlay-alpha",
      gtk_range_get_value (GTK_RANGE (self->opacity)), NULL);
}

static void
apply_reuse (GObject * reuse, GParamSpec * spec, gpointer data)
{
  ViewWindow *self = data;

  g_object_set (view_pipeline_get_encoder (self->pipeline), "temporal-reuse",
      gtk_switch_get_active (GTK_SWITCH (reuse)), NULL);
}

static void
apply_allocation (GtkComboBox * combo, gpointer data)
{
  ViewWindow *self = data;

  view_pipeline_set_allocation (self->pipeline,
      gtk_combo_box_get_active_id (combo));
}

static void
apply_play (GtkToggleButton * play, gpointer data)
{
  ViewWindow *self = data;

  view_pipeline_set_playing (self->pipeline,
      gtk_toggle_button_get_active (play));
}

static void
choose_file (GtkButton * button, gpointer data)
{
  ViewWindow *self = data;
  GtkWidget *dialog = gtk_file_chooser_dialog_new ("Open a video",
      GTK_WINDOW (self->window), GTK_FILE_CHOOSER_ACTION_OPEN, "Cancel",
      GTK_RESPONSE_CANCEL, "Open", GTK_RESPONSE_ACCEPT, NULL);

  if (gtk_dialog_run (GTK_DIALOG (dialog)) == GTK_RESPONSE_ACCEPT) {
    g_autofree gchar *path =
        gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (dialog));

    view_window_open (self, path);
  }
  gtk_widget_destroy (dialog);
}

static void
open_entry (GtkEntry * entry, gpointer data)
{
  view_window_open (data, gtk_entry_get_text (entry));
}

/* ---- the window ---- */

static GtkWidget *
make_header (ViewWindow * self)
{
  GtkWidget *header = gtk_header_bar_new ();
  GtkWidget *open = gtk_button_new_with_label ("Open a file");

  self->play = gtk_toggle_button_new_with_label ("Play");
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->play), TRUE);
  self->entry = gtk_entry_new ();
  gtk_entry_set_width_chars (GTK_ENTRY (self->entry), 36);
  gtk_widget_set_tooltip_text (self->entry,
      "A file, a URI, /dev/video0 or test");
  gtk_header_bar_set_title (GTK_HEADER_BAR (header), "alitra-view");
  gtk_header_bar_set_show_close_button (GTK_HEADER_BAR (header), TRUE);
  gtk_header_bar_pack_start (GTK_HEADER_BAR (header), open);
  gtk_header_bar_pack_start (GTK_HEADER_BAR (header), self->entry);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (header), self->play);
  g_signal_connect (open, "clicked", G_CALLBACK (choose_file), self);
  g_signal_connect (self->entry, "activate", G_CALLBACK (open_entry), self);
  g_signal_connect (self->play, "toggled", G_CALLBACK (apply_play), self);
  return header;
}

static GtkWidget *
make_bar (ViewWindow * self)
{
  self->bar = gtk_info_bar_new ();
  self->bar_label = gtk_label_new ("");
  gtk_label_set_line_wrap (GTK_LABEL (self->bar_label), TRUE);
  gtk_label_set_xalign (GTK_LABEL (self->bar_label), 0.);
  gtk_info_bar_set_message_type (GTK_INFO_BAR (self->bar), GTK_MESSAGE_ERROR);
  gtk_container_add (GTK_CONTAINER (gtk_info_bar_get_content_area (GTK_INFO_BAR
              (self->bar))), self->bar_label);
  gtk_widget_show (self->bar_label);
  gtk_widget_set_no_show_all (self->bar, TRUE);
  return self->bar;
}

static GtkWidget *
make_picture (GtkWidget * video, const gchar * text)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 4);
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0.);
  gtk_widget_set_size_request (video, 320, 180);
  gtk_box_pack_start (GTK_BOX (box), label, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), video, TRUE, TRUE, 0);
  return box;
}

static GtkWidget *
make_pictures (ViewWindow * self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE);
  GtkWidget *original = view_pipeline_get_original (self->pipeline);
  GtkWidget *rebuilt = view_pipeline_get_rebuilt (self->pipeline);

  gtk_box_set_homogeneous (GTK_BOX (box), TRUE);
  gtk_box_pack_start (GTK_BOX (box), make_picture (original,
          "Original, and where the tokens go"), TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), make_picture (rebuilt,
          "Rebuilt from the tokens"), TRUE, TRUE, 0);
  self->original = view_picture_attach (original, self->pipeline, handle_click,
      self);
  self->rebuilt = view_picture_attach (rebuilt, self->pipeline, handle_click,
      self);
  return box;
}

static GtkWidget *
make_scale (gdouble least, gdouble most, gdouble step, gint digits,
    gdouble value)
{
  GtkWidget *scale = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL,
      least, most, step);

  gtk_scale_set_digits (GTK_SCALE (scale), digits);
  gtk_scale_set_value_pos (GTK_SCALE (scale), GTK_POS_RIGHT);
  gtk_range_set_value (GTK_RANGE (scale), value);
  gtk_widget_set_size_request (scale, 260, -1);
  return scale;
}

static GtkWidget *
make_combo (const gchar * const *words)
{
  GtkWidget *combo = gtk_combo_box_text_new ();

  for (; *words; words++)
    gtk_combo_box_text_append (GTK_COMBO_BOX_TEXT (combo), *words, *words);
  gtk_combo_box_set_active (GTK_COMBO_BOX (combo), 0);
  return combo;
}

static void
add_control (GtkWidget * grid, gint row, const gchar * text,
    GtkWidget * control)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0.);
  gtk_grid_attach (GTK_GRID (grid), label, 0, row, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), control, 1, row, 1, 1);
}

static void
make_budget (ViewWindow * self, GtkWidget * grid)
{
  self->by_tokens = gtk_radio_button_new_with_label (NULL, "Tokens a frame");
  self->by_quality =
      gtk_radio_button_new_with_label_from_widget (GTK_RADIO_BUTTON
      (self->by_tokens), "Quality");
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->by_quality), TRUE);
  self->tokens = make_scale (10., 2000., 1., 0, 500.);
  self->quality = make_scale (0., 100., 1., 0, 50.);
  gtk_grid_attach (GTK_GRID (grid), self->by_tokens, 0, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), self->tokens, 1, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), self->by_quality, 0, 1, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), self->quality, 1, 1, 1, 1);
  g_signal_connect_swapped (self->by_tokens, "toggled",
      G_CALLBACK (apply_budget), self);
  g_signal_connect_swapped (self->tokens, "value-changed",
      G_CALLBACK (apply_budget), self);
  g_signal_connect_swapped (self->quality, "value-changed",
      G_CALLBACK (apply_budget), self);
}

static GtkWidget *
make_controls (ViewWindow * self)
{
  static const gchar *const allocations[] = { "learned", "uniform",
    "complexity", NULL
  };
  static const gchar *const styles[] = { "heatmap", "grid", "contours", NULL };
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_row_spacing (GTK_GRID (grid), 5);
  gtk_grid_set_column_spacing (GTK_GRID (grid), SPACE);
  make_budget (self, grid);
  self->reuse = gtk_switch_new ();
  gtk_widget_set_halign (self->reuse, GTK_ALIGN_START);
  gtk_switch_set_active (GTK_SWITCH (self->reuse), TRUE);
  self->allocation = make_combo (allocations);
  self->style = make_combo (styles);
  self->opacity = make_scale (0., 1., .05, 2, .6);
  add_control (grid, 2, "Keep tokens of what stays", self->reuse);
  add_control (grid, 3, "Who decides", self->allocation);
  add_control (grid, 4, "Overlay", self->style);
  add_control (grid, 5, "Opacity", self->opacity);
  g_signal_connect (self->reuse, "notify::active", G_CALLBACK (apply_reuse),
      self);
  g_signal_connect (self->allocation, "changed", G_CALLBACK (apply_allocation),
      self);
  g_signal_connect_swapped (self->style, "changed", G_CALLBACK (apply_look),
      self);
  g_signal_connect_swapped (self->opacity, "value-changed",
      G_CALLBACK (apply_look), self);
  return grid;
}

static GtkWidget *
make_lower (ViewWindow * self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 2 * SPACE);
  GtkWidget *right = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACE);

  self->plot = VIEW_PLOT (view_plot_new ());
  self->patch = VIEW_PATCH (view_patch_new ());
  gtk_box_pack_start (GTK_BOX (right), GTK_WIDGET (self->plot), TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (right), GTK_WIDGET (self->patch), FALSE, FALSE,
      0);
  gtk_box_pack_start (GTK_BOX (box), make_controls (self), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), right, TRUE, TRUE, 0);
  return box;
}

static void
make_window (ViewWindow * self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACE);

  self->window = gtk_window_new (GTK_WINDOW_TOPLEVEL);
  gtk_window_set_default_size (GTK_WINDOW (self->window), WIDTH, HEIGHT);
  gtk_window_set_titlebar (GTK_WINDOW (self->window), make_header (self));
  gtk_container_set_border_width (GTK_CONTAINER (box), SPACE);
  self->status = gtk_label_new ("");
  gtk_label_set_xalign (GTK_LABEL (self->status), 0.);
  gtk_box_pack_start (GTK_BOX (box), make_bar (self), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), make_pictures (self), TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), self->status, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), make_lower (self), FALSE, FALSE, 0);
  gtk_container_add (GTK_CONTAINER (self->window), box);
  g_signal_connect (self->window, "destroy", G_CALLBACK (gtk_main_quit), NULL);
}

ViewWindow *
view_window_new (GError ** error)
{
  ViewWindow *self = g_new0 (ViewWindow, 1);
  const ViewListener listener = { handle_frame, handle_problem, self };

  self->pipeline = view_pipeline_new (&listener, error);
  if (!self->pipeline) {
    g_free (self);
    return NULL;
  }
  make_window (self);
  apply_budget (self);
  apply_look (self);
  gtk_widget_show_all (self->window);
  return self;
}

void
view_window_free (ViewWindow * self)
{
  if (!self)
    return;
  view_pipeline_free (self->pipeline);
  g_free (self);
}

void
view_window_open (ViewWindow * self, const gchar * what)
{
  g_autoptr (GError) error = NULL;

  gtk_widget_hide (self->bar);
  gtk_entry_set_text (GTK_ENTRY (self->entry), what);
  self->chosen = FALSE;
  view_picture_unmark (self->original);
  view_picture_unmark (self->rebuilt);
  view_patch_show (self->patch, NULL, 0.);
  view_plot_clear (self->plot);
  if (!view_pipeline_open (self->pipeline, what, &error))
    handle_problem (error->message, self);
}

/* ---- for scripts ---- */

static gboolean
set_combo (GtkWidget * combo, const gchar * id, GError ** error)
{
  if (gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), id))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "There is no choice \"%s\"", id);
  return FALSE;
}

static void
set_budget (GtkWidget * mode, GtkWidget * scale, const gchar * value)
{
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (mode), TRUE);
  gtk_range_set_value (GTK_RANGE (scale), g_ascii_strtod (value, NULL));
}

gboolean
view_window_set (ViewWindow * self, const gchar * control,
    const gchar * value, GError ** error)
{
  if (strcmp (control, "tokens") == 0)
    set_budget (self->by_tokens, self->tokens, value);
  else if (strcmp (control, "quality") == 0)
    set_budget (self->by_quality, self->quality, value);
  else if (strcmp (control, "reuse") == 0)
    gtk_switch_set_active (GTK_SWITCH (self->reuse), strcmp (value, "on") == 0);
  else if (strcmp (control, "play") == 0)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->play),
        strcmp (value, "on") == 0);
  else if (strcmp (control, "opacity") == 0)
    gtk_range_set_value (GTK_RANGE (self->opacity), g_ascii_strtod (value,
            NULL));
  else if (strcmp (control, "allocation") == 0)
    return set_combo (self->allocation, value, error);
  else if (strcmp (control, "overlay") == 0)
    return set_combo (self->style, value, error);
  else if (strcmp (control, "open") == 0)
    view_window_open (self, value);
  else {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "There is no control \"%s\"", control);
    return FALSE;
  }
  return TRUE;
}

/* An event as the mouse would make it, so that all of its way is tested. */
static void
press (GtkWidget * widget, gdouble x, gdouble y)
{
  GdkEvent *event = gdk_event_new (GDK_BUTTON_PRESS);
  GdkSeat *seat =
      gdk_display_get_default_seat (gtk_widget_get_display (widget));

  event->button.window = g_object_ref (gtk_widget_get_window (widget));
  event->button.x = x;
  event->button.y = y;
  event->button.button = 1;
  gdk_event_set_device (event, gdk_seat_get_pointer (seat));
  gtk_widget_event (widget, event);
  gdk_event_free (event);
}

gboolean
view_window_click (ViewWindow * self, gdouble x, gdouble y, GError ** error)
{
  gdouble widget_x, widget_y;

  if (view_picture_to_widget (self->original, x, y, &widget_x, &widget_y)) {
    press (view_pipeline_get_original (self->pipeline), widget_x, widget_y);
    return TRUE;
  }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
      "Nothing is shown that could be clicked on");
  return FALSE;
}

gboolean
view_window_screenshot (ViewWindow * self, const gchar * path, GError ** error)
{
  GdkWindow *window = gtk_widget_get_window (self->window);
  g_autoptr (GdkPixbuf) pixels = gdk_pixbuf_get_from_window (window, 0, 0,
      gdk_window_get_width (window), gdk_window_get_height (window));

  return gdk_pixbuf_save (pixels, path, "png", error, NULL);
}

guint64
view_window_get_frames (ViewWindow * self)
{
  return self->frames;
}

gboolean
view_window_has_problem (ViewWindow * self)
{
  return gtk_widget_get_visible (self->bar);
}

static void
add_int (JsonBuilder * builder, const gchar * name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_text (JsonBuilder * builder, const gchar * name, const gchar * value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

gchar *
view_window_describe (ViewWindow * self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree gchar *patch = view_patch_get_text (self->patch);
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  add_int (builder, "frames", self->frames);
  add_int (builder, "tokens", self->last_tokens);
  add_int (builder, "kept", self->last_kept);
  add_int (builder, "new", self->last_new);
  add_int (builder, "bits", self->last_bits);
  add_int (builder, "patches", self->patches);
  add_text (builder, "status", gtk_label_get_text (GTK_LABEL (self->status)));
  add_text (builder, "patch", patch);
  add_text (builder, "problem", view_window_has_problem (self) ?
      gtk_label_get_text (GTK_LABEL (self->bar_label)) : "");
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}
