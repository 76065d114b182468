/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TOKENIZERSURFACE_H
#define ALITRA_SRC_TOKENIZERSURFACE_H

#include "tokenizerparts.h"

G_BEGIN_DECLS

/* Cells that are one surface: they get their tokens without a search, and the token loop leaves them alone. */

/* Flat cells among the active ones of the coarsest level; `mask` is then the others. */
void alitra_tokenizer_tokenise_flat_cells (AlitraTokenizer * tokenizer);
/* Children of a flat cell hear a silent parent that left nothing over. */
void alitra_tokenizer_settle_flat_cells (AlitraTokenizer * tokenizer);

/* Gives the smooth token to active cells of a finer level that it helps most.  stop: log2 gain that a token must have. */
void alitra_tokenizer_tokenise_smooth_cells (AlitraTokenizer * tokenizer, guint index, gfloat stop);

G_END_DECLS

#endif
