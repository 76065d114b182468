/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_PICTURE_H
#define ALITRA_VIEW_PICTURE_H

#include "pipeline.h"

G_BEGIN_DECLS

/* Makes a picture of the pipeline answer to clicks, and marks the patch that was chosen. */
typedef struct _ViewPicture ViewPicture;

typedef void (*ViewClicked) (guint x, guint y, gpointer data);

/* Lives as long as the widget. (transfer none) */
ViewPicture *view_picture_attach (GtkWidget * widget, ViewPipeline * pipeline, ViewClicked clicked, gpointer data);

/* Marks the cells of 16, 32 and 64 pixels at that pixel. */
void view_picture_mark (ViewPicture * picture, guint x, guint y);
void view_picture_unmark (ViewPicture * picture);

/* Where a pixel of the video is in the widget; FALSE: nothing is shown yet. */
gboolean view_picture_to_widget (ViewPicture * picture, gdouble x, gdouble y, gdouble * widget_x, gdouble * widget_y);

G_END_DECLS

#endif
