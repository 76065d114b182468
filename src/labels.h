/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LABELS_H
#define ALITRA_SRC_LABELS_H

#include "weights.h"

G_BEGIN_DECLS

/* What every transformer's file says of itself. */

/* Setting "labels": a list of 2 to 1000 words, added to `labels`. */
gboolean alitra_labels_read (JsonObject * settings, GPtrArray * labels, GError ** error);
/* Setting "model": the number of the model whose tokens it is for. */
gboolean alitra_labels_read_model (JsonObject * settings, guint32 * model, GError ** error);

G_END_DECLS

#endif
