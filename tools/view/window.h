/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_WINDOW_H
#define ALITRA_VIEW_WINDOW_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* The viewer's window: two pictures, controls, plot and patch. */
typedef struct _ViewWindow ViewWindow;

ViewWindow *view_window_new (GError ** error);
void view_window_free (ViewWindow * window);

/* Plays a file, a URI, a camera or "test"; what cannot be opened is said in the window. */
void view_window_open (ViewWindow * window, const gchar * what);

/* For scripts: what a hand would do. */
gboolean view_window_set (ViewWindow * window, const gchar * control, const gchar * value, GError ** error);
gboolean view_window_click (ViewWindow * window, gdouble x, gdouble y, GError ** error);
gboolean view_window_screenshot (ViewWindow * window, const gchar * path, GError ** error);

/* Frames since the start. */
guint64 view_window_get_frames (ViewWindow * window);
gboolean view_window_has_problem (ViewWindow * window);
/* (transfer full): what the window shows, as JSON in one line. */
gchar *view_window_describe (ViewWindow * window);

G_END_DECLS

#endif
