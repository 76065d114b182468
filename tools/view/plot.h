/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_PLOT_H
#define ALITRA_VIEW_PLOT_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Tokens and bits of the last frames, drawn as they come. */
#define VIEW_TYPE_PLOT (view_plot_get_type ())
G_DECLARE_FINAL_TYPE (ViewPlot, view_plot, VIEW, PLOT, GtkDrawingArea)

GtkWidget *view_plot_new (void);
void view_plot_add (ViewPlot * plot, guint kept_tokens, guint new_tokens, guint64 bits);
void view_plot_clear (ViewPlot * plot);

G_END_DECLS

#endif
