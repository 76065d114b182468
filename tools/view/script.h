/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_VIEW_SCRIPT_H
#define ALITRA_VIEW_SCRIPT_H

#include "window.h"

G_BEGIN_DECLS

/* Works the window as a hand would, from a file of one command a line:
 *   frames N          waits for N more frames
 *   wait SECONDS
 *   problem           waits until the window says that something went wrong
 *   set CONTROL VALUE tokens, quality, reuse, play, opacity, allocation, overlay or open
 *   click X Y         on that pixel of the video
 *   print             what the window shows, as a line of JSON
 *   screenshot FILE
 * At its end the program quits. */
typedef struct _ViewScript ViewScript;

ViewScript *view_script_new (const gchar * path, ViewWindow * window, GError ** error);
void view_script_free (ViewScript * script);

/* Runs in the main loop; what goes wrong ends it. */
void view_script_start (ViewScript * script);

/* (transfer none) (nullable): what went wrong. */
const GError *view_script_get_error (const ViewScript * script);

G_END_DECLS

#endif
