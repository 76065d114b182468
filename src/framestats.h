/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_FRAMESTATS_H
#define ALITRA_SRC_FRAMESTATS_H

#include <alitra/tokenizer.h>

#include "memory.h"

G_BEGIN_DECLS

/* Fills in what the memory says of its last packet: tokens and patches. */
void alitra_frame_stats_count (AlitraFrameStats * stats, const AlitraMemory * memory);

G_END_DECLS

#endif
