/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_LOOKS_H
#define ALITRA_SRC_LOOKS_H

#include <alitra/memory.h>
#include <alitra/model.h>

#include "transformer.h"

G_BEGIN_DECLS

/* What the cells of a frame look like once it is decoded, as vectors that a transformer reads.
 *
 * A token says what the cells above leave over, so the tokens of a cell are put together with what the cell above shows
 * in that quarter, enlarged. This is linear and in the numbers of the coarsest level, whatever the level of the cell;
 * the matrices are the transformer's, training/alitra/looks.py makes them. */
typedef struct _AlitraLooks AlitraLooks;

AlitraLooks *alitra_looks_new (AlitraTransformer * transformer, AlitraModel * model);
void alitra_looks_free (AlitraLooks * looks);

/* Appends an AlitraTransformerInput to `inputs` and its vector to `vectors` (gfloat) for at most `most` cells of the
 * frame, those of cover.h. None if no cell holds a token. */
void alitra_looks_add (AlitraLooks * looks, const AlitraMemory * memory, guint most, GArray * inputs,
    GArray * vectors);

G_END_DECLS

#endif
