/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_CONCEAL_H
#define ALITRA_SRC_CONCEAL_H

#include "memory.h"

G_BEGIN_DECLS

/* Cells of the coarsest level that are lost and hold nothing, from which there would be a hole in the picture, take the
 * first tokens of the nearest cell above or below that holds some. What finer cells lost needs nothing: there the
 * parents show. `update` is about to be applied to `before`. */
void alitra_conceal_holes (const AlitraMemory * before, AlitraUpdate * update);

G_END_DECLS

#endif
