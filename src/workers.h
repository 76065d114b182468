/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_WORKERS_H
#define ALITRA_SRC_WORKERS_H

#include <glib.h>

G_BEGIN_DECLS

/* Threads that share the pieces of one piece of work after another. Which thread does which piece is chance; pieces
 * write to places of their own, so results do not depend on the number of threads. */
typedef struct _AlitraWorkers AlitraWorkers;

/* One piece: `piece` counts from 0; `worker` (below alitra_workers_get_threads()) picks scratch space that no other
 * piece uses at the same time. */
typedef void (*AlitraPiece) (gpointer data, guint piece, guint worker);

/* threads: 0: as many as the machine has cores; 1: the caller's alone. Threads that cannot be started are done
 * without. */
AlitraWorkers *alitra_workers_new (guint threads);
void alitra_workers_free (AlitraWorkers * workers);
guint alitra_workers_get_threads (const AlitraWorkers * workers);

/* Does pieces 0..count-1, the caller's thread taking part, and returns when all are done. One caller at a time. */
void alitra_workers_run (AlitraWorkers * workers, guint count, AlitraPiece piece, gpointer data);

/* How many of `count` rows a product should take at a time: up to `most`, but so few that all threads have some, and whole
 * blocks of rows as products do them at once. */
guint alitra_workers_get_tile (const AlitraWorkers * workers, guint count, guint most);

/* Some of many small things: `first` to `end` - 1. */
typedef void (*AlitraShare) (gpointer data, guint first, guint end);

/* Does things 0..count-1 in parts of at least `least`, which should be worth some microseconds. */
void alitra_workers_share (AlitraWorkers * workers, guint count, guint least, AlitraShare part, gpointer data);

G_END_DECLS

#endif
