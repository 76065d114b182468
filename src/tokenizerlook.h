/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TOKENIZERLOOK_H
#define ALITRA_SRC_TOKENIZERLOOK_H

#include "tokenizerparts.h"

G_BEGIN_DECLS

/* Which cells of a level a frame has to tokenise, and what they look like. */

/* How many slices are a sample of the picture, which tells the price of a first frame; 0: it is small enough as a whole. */
guint alitra_tokenizer_count_sample (const AlitraTokenizer * tokenizer);

/* Cells of a level whose source changed, or whose coarser levels say something else than when it was tokenised; at the
 * finest level the latter are found by alitra_tokenizer_analyse(), row by row. */
void alitra_tokenizer_find_active (AlitraTokenizer * tokenizer, guint index, const Frame * frame);

/* Latents of the active cells; for the learned allocation also how much more their gains count, and what the smooth token
 * would do to them.  stop: log2 gain; cells of the finest level in which no token can gain that are idle, and have none of
 * this.  -G_MAXFLOAT: all cells have. */
void alitra_tokenizer_analyse (AlitraTokenizer * tokenizer, guint index, const Frame * frame, gboolean learned,
    gfloat stop);
/* The same of idle cells of which a token may gain more than a lower stop, after which they are not; they are those of the level's
 * mask. */
void alitra_tokenizer_analyse_idle (AlitraTokenizer * tokenizer, const Frame * frame, gfloat stop);

G_END_DECLS

#endif
