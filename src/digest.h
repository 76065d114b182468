/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_DIGEST_H
#define ALITRA_SRC_DIGEST_H

#include <glib.h>

G_BEGIN_DECLS

#define ALITRA_DIGEST_SIZE 32

/* SHA-256 of some bytes.  Where the processor has instructions for it they are used: GLib's takes half of the time that a
 * model needs to load. */
void alitra_digest (const guint8 *data, gsize size, guint8 digest[ALITRA_DIGEST_SIZE]);

/* For tests: without them. */
void alitra_digest_plain (const guint8 *data, gsize size, guint8 digest[ALITRA_DIGEST_SIZE]);

G_END_DECLS

#endif
