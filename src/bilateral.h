/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_BILATERAL_H
#define ALITRA_SRC_BILATERAL_H

#include "planes.h"

G_BEGIN_DECLS

/* Samples that a change of one of them reaches. */
#define ALITRA_BILATERAL_REACH 2

/* The light bilateral filter over what tokens painted: the nearest of some thousand codes is never quite even where the
 * picture is, and of several one on the other the faint errors look like grain.  A sample moves towards the four on each
 * axis that are at most two away, towards each of them the less the more it differs; edges stay.
 *
 * to, from: planes of the finest level, two different ones.  depth: tokens of each cell; one without any is copied.
 * mask: a byte for each cell, what is not zero is written; NULL: all. */
void alitra_bilateral (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * depth, const guint8 * mask,
    AlitraWorkers * workers);

G_END_DECLS

#endif
