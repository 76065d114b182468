/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_SHOW_H
#define ALITRA_SRC_SHOW_H

#include <alitra/frame.h>

#include "rebuild.h"

G_BEGIN_DECLS

/* The picture that is shown: the finest level drawn, its cell borders softened, the grain of tokens evened out, and written as
 * bytes, row of cells by row of cells while it lies in the cache, and only where something changed. */
typedef struct _AlitraShow AlitraShow;

/* Keeps the model and the workers only as pointers. */
AlitraShow *alitra_show_new (AlitraModel * model, guint width, guint height, AlitraWorkers * workers);
void alitra_show_free (AlitraShow * show);

/* rebuild: all of its levels have been run since the last call.  depth: tokens of each cell of the finest level.
 * frame: for which alitra_picture_check_target() is true. */
gboolean alitra_show_draw (AlitraShow * show, AlitraRebuild * rebuild, const guint8 * depth, const AlitraFrame * frame,
    GError ** error);

G_END_DECLS

#endif
