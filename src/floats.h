/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_FLOATS_H
#define ALITRA_SRC_FLOATS_H

#include <glib.h>

G_BEGIN_DECLS

/* 64-byte aligned, zeroed. */
float *alitra_floats_new (gsize count);
/* The same where only a part is ever touched, here and there: not in large pages, each of which the system would clear whole. */
float *alitra_floats_new_sparse (gsize count);
void alitra_floats_free (float * floats);

/* Likewise. */
guint8 *alitra_bytes_new (gsize count);
void alitra_bytes_free (guint8 * bytes);

G_END_DECLS

#endif
