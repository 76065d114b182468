/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_PATCH_H
#define ALITRA_VIEW_PATCH_H

#include <gst/gst.h>
#include <gtk/gtk.h>

G_BEGIN_DECLS

/* What describes the patch that was clicked on: one line for each size of cell. */
#define VIEW_TYPE_PATCH (view_patch_get_type ())
G_DECLARE_FINAL_TYPE (ViewPatch, view_patch, VIEW, PATCH, GtkGrid)

GtkWidget *view_patch_new (void);

/* patch: (nullable): the structure alitra-patch; price: of a token, in the last frame. */
void view_patch_show (ViewPatch * view, const GstStructure * patch, gdouble price);

/* (transfer full): all words that it shows. */
gchar *view_patch_get_text (ViewPatch * view);

G_END_DECLS

#endif
