/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TOKENIZERLEVELS_H
#define ALITRA_SRC_TOKENIZERLEVELS_H

#include "purse.h"
#include "tokenizerparts.h"

G_BEGIN_DECLS

/* Prices that new tokens, and those that the receiver holds, must be worth. */
typedef struct
{
  gdouble fresh, kept;
} Prices;

/* Encodes all levels, coarse to fine, at one price, or as the layout of a control says: what they would like, cut to what
 * the purse pays, is then in the update, and the picture is rebuilt but for its finest level. */
void alitra_tokenizer_encode_levels (AlitraTokenizer * tokenizer, const Frame * frame, const Prices * prices,
    const AlitraLayout * layout, AlitraPurse * purse);

G_END_DECLS

#endif
