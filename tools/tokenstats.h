/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_TOKENSTATS_H
#define ALITRA_TOOLS_TOKENSTATS_H

#include <alitra/alitra.h>

G_BEGIN_DECLS

/* What the cells of one level hold, summed over the frames that were decoded. */
typedef struct
{
  guint64 cells;                /* that the picture reaches */
  guint64 cells_at[ALITRA_MAX_DEPTH + 1];       /* of them, by depth */
  guint64 tokens, kept_tokens, new_tokens;
} LevelTokens;

/* Of one frame. */
typedef struct
{
  guint64 offset;               /* of its packet in the file */
  guint64 bits, pts;
  guint32 number;
  guint new_tokens;             /* as the header says */
  guint tokens;                 /* that describe it; 0 if it was not decoded */
  gboolean key, decoded;
} FrameTokens;

/* What a file of tokens holds: what the headers say, and of the frames that could be decoded what the cells hold. */
typedef struct
{
  guint64 frames, key_frames, decoded;
  AlitraStreamInfo stream;      /* of the first key frame; width 0: there was none */
  guint32 model;                /* of the first packet */
  guint64 first_pts, last_pts;  /* ALITRA_PACKET_NO_PTS: no packet has a time */
  guint64 new_tokens;
  /* Bits: of headers, of the checks of chunks, and of what the chunks say of cells; together all of the file. */
  guint64 header_bits, check_bits, cell_bits;
  /* In the frames that were decoded: what the ids of learned codes that are new would take if all were as likely, and
   * cell_bits, which are all that these cells took. */
  gdouble plain_id_bits;
  guint64 decoded_cell_bits;
  LevelTokens level[ALITRA_LEVELS];
  GArray *each;                 /* of FrameTokens */
} TokenStats;

void token_stats_init (TokenStats * stats);
void token_stats_clear (TokenStats * stats);

/* Counts a packet by what its header says. */
void token_stats_add_packet (TokenStats * stats, guint64 offset, const AlitraPacketLayout * layout);

/* Counts what the packet that was just added did to the memory; stream: what the memory is of. */
void token_stats_add_memory (TokenStats * stats, const AlitraPacketLayout * layout, const AlitraMemory * memory,
    const AlitraStreamInfo * stream, AlitraModel * model);

/* Seconds: from the first time to the last and one frame more; without times by the frame rate; 0: unknown. */
gdouble token_stats_get_duration (const TokenStats * stats);
guint64 token_stats_get_bits (const TokenStats * stats);

G_END_DECLS

#endif
