/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenstats.h"

#include <math.h>
#include <string.h>

/* Bytes of the check at the start of each chunk that is not empty (docs/token-stream.md, section 3). */
#define CHECK_BYTES 2

void
token_stats_init (TokenStats * stats)
{
  memset (stats, 0, sizeof (*stats));
  stats->first_pts = stats->last_pts = ALITRA_PACKET_NO_PTS;
  stats->each = g_array_new (FALSE, TRUE, sizeof (FrameTokens));
}

void
token_stats_clear (TokenStats * stats)
{
  g_array_unref (stats->each);
}

static void
add_time (TokenStats * stats, guint64 pts)
{
  if (pts == ALITRA_PACKET_NO_PTS)
    return;
  if (stats->first_pts == ALITRA_PACKET_NO_PTS)
    stats->first_pts = stats->last_pts = pts;
  stats->first_pts = MIN (stats->first_pts, pts);
  stats->last_pts = MAX (stats->last_pts, pts);
}

/* Bits of what the chunks of a packet say, their checks left out. */
static guint64
count_chunks (const AlitraPacketLayout * layout, guint64 * check_bits)
{
  guint64 all = 0;

  for (guint i = 0; i < layout->info.layers * layout->info.slices; i++) {
    const gsize size = layout->chunk[i + 1] - layout->chunk[i];

    if (size < CHECK_BYTES)
      continue;
    *check_bits += 8 * CHECK_BYTES;
    all += 8 * (size - CHECK_BYTES);
  }
  return all;
}

void
token_stats_add_packet (TokenStats * stats, guint64 offset,
    const AlitraPacketLayout * layout)
{
  const AlitraPacketInfo *info = &layout->info;
  const FrameTokens frame = { offset, (guint64) info->size * 8, info->pts,
    info->frame_number, info->tokens, 0, info->key, FALSE
  };

  if (stats->frames == 0)
    stats->model = info->model;
  stats->frames++;
  stats->key_frames += info->key != 0;
  if (info->key && stats->stream.width == 0)
    stats->stream = info->stream;
  add_time (stats, info->pts);
  stats->new_tokens += info->tokens;
  stats->header_bits += 8 * info->header_size;
  stats->cell_bits += count_chunks (layout, &stats->check_bits);
  g_array_append_val (stats->each, frame);
}

/* What the ids of learned codes that are new would take if all were as likely. */
static gdouble
plain_bits_of_ids (const AlitraCell * cell, guint codes)
{
  guint learned = 0;

  for (guint t = cell->kept; t < cell->depth; t++)
    learned += cell->tokens[t] < codes;
  return learned * log2 (codes);
}

static void
add_cell (TokenStats * stats, guint level, const AlitraCell * cell, guint codes)
{
  LevelTokens *sum = &stats->level[level];

  sum->cells++;
  sum->cells_at[MIN (cell->depth, ALITRA_MAX_DEPTH)]++;
  sum->tokens += cell->depth;
  sum->kept_tokens += cell->kept;
  sum->new_tokens += cell->depth - cell->kept;
  stats->plain_id_bits += plain_bits_of_ids (cell, codes);
}

void
token_stats_add_memory (TokenStats * stats, const AlitraPacketLayout * layout,
    const AlitraMemory * memory, const AlitraStreamInfo * stream,
    AlitraModel * model)
{
  guint64 check_bits = 0;
  FrameTokens *frame = &g_array_index (stats->each, FrameTokens,
      stats->each->len - 1);

  frame->decoded = TRUE;
  stats->decoded++;
  stats->decoded_cell_bits += count_chunks (layout, &check_bits);
  for (guint level = 0; level < ALITRA_LEVELS; level++) {
    const guint codes = alitra_model_get_codes (model, level);
    const guint side = 16 << level;
    guint columns, rows;

    alitra_memory_get_grid (memory, level, &columns, &rows);
    columns = MIN (columns, (stream->width + side - 1) / side);
    rows = MIN (rows, (stream->height + side - 1) / side);
    for (guint row = 0; row < rows; row++) {
      for (guint column = 0; column < columns; column++) {
        AlitraCell cell;

        alitra_memory_get_cell (memory, level, column, row, &cell);
        frame->tokens += cell.depth;
        add_cell (stats, level, &cell, codes);
      }
    }
  }
}

gdouble
token_stats_get_duration (const TokenStats * stats)
{
  const AlitraStreamInfo *stream = &stats->stream;
  gdouble frame = stream->width && stream->fps_n ?
      (gdouble) stream->fps_d / stream->fps_n : 0.;

  if (stats->first_pts == ALITRA_PACKET_NO_PTS)
    return stats->frames * frame;
  return (stats->last_pts - stats->first_pts) / 1e9 + frame;
}

guint64
token_stats_get_bits (const TokenStats * stats)
{
  return stats->header_bits + stats->check_bits + stats->cell_bits;
}
