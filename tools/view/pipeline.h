/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_PIPELINE_H
#define ALITRA_VIEW_PIPELINE_H

#include <gst/gst.h>
#include <gtk/gtk.h>

G_BEGIN_DECLS

/* A video on its way to tokens and back: any source -> alitraenc, whose overlay and whose tokens, decoded, are shown in
 * two widgets. All calls from the thread of GTK. */
typedef struct _ViewPipeline ViewPipeline;

/* What the pipeline tells, in the thread of GTK. */
typedef struct
{
  void (*frame) (const GstStructure * stats, gpointer data);    /* alitra-frame-stats */
  void (*problem) (const gchar * text, gpointer data);
  gpointer data;
} ViewListener;

ViewPipeline *view_pipeline_new (const ViewListener * listener, GError ** error);
void view_pipeline_free (ViewPipeline * pipeline);

/* Plays a file, a URI, a camera ("/dev/video0") or the made-up scene ("test"), from its start. */
gboolean view_pipeline_open (ViewPipeline * pipeline, const gchar * what, GError ** error);
void view_pipeline_set_playing (ViewPipeline * pipeline, gboolean playing);

/* (transfer none) */
GtkWidget *view_pipeline_get_original (ViewPipeline * pipeline);
GtkWidget *view_pipeline_get_rebuilt (ViewPipeline * pipeline);
GstElement *view_pipeline_get_encoder (ViewPipeline * pipeline);

/* A property that cannot change while playing: stops, sets it and goes on where it was. */
void view_pipeline_set_allocation (ViewPipeline * pipeline, const gchar * allocation);

/* (transfer full) (nullable): the structure alitra-patch of that pixel. */
GstStructure *view_pipeline_inspect (ViewPipeline * pipeline, guint x, guint y);

/* Size and shape of the pixels of what is shown; FALSE: not known yet. */
gboolean view_pipeline_get_size (ViewPipeline * pipeline, guint * width, guint * height, gdouble * pixel_aspect);

G_END_DECLS

#endif
