/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_FADE_H
#define ALITRA_SRC_FADE_H

#include <glib.h>

G_BEGIN_DECLS

/* How much of a surface that fills a cell of n samples, ALITRA_CELL or fewer, shows along a row or column: less towards
 * neighbours before and behind that it gives way to. */
void alitra_fade (gfloat * weights, guint n, gboolean before, gboolean behind);

G_END_DECLS

#endif
