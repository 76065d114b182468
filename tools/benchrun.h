/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_BENCH_RUN_H
#define ALITRA_BENCH_RUN_H

#include "benchscene.h"

G_BEGIN_DECLS

/* What one element made of the frames of a scene. */
typedef struct
{
  gdouble fps;                  /* frames per second of wall time, the first ones not counted */
  gdouble cpu_ms;               /* CPU time a frame, all threads */
  gdouble bytes;                /* a frame that comes out */
  gdouble memory_mb;            /* most that the process held, less what it maps of files */
  gdouble changed;              /* part of the patches that were tokenised; -1: the element does not say */
} RunResult;

/* Runs `element` (as in gst-launch-1.0) over the frames of a scene in a process of its own that may use `threads`
 * processors.  decoder: NULL, or an element that is measured instead, on what `element` made before. */
gboolean run_measure (const Scene * scene, const gchar * element, const gchar * decoder, guint threads,
    RunResult * result, GError ** error);

/* The process of its own: called first thing in main(); TRUE: this is it, and `status` is what it exits with. */
gboolean run_is_child (gint argc, gchar ** argv, gint * status);

G_END_DECLS

#endif
