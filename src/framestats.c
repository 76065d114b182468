/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framestats.h"

static void
count_tokens (AlitraFrameStats * stats, const AlitraMemory * memory)
{
  guint index;
  gsize i;

  stats->tokens = stats->kept_tokens = 0;
  for (index = 0; index < ALITRA_LEVELS; index++) {
    const AlitraMemoryLevel *level = &memory->level[index];
    gsize cells = (gsize) level->columns * level->rows;

    stats->level_tokens[index] = 0;
    for (i = 0; i < cells; i++) {
      stats->level_tokens[index] += level->depth[i];
      stats->kept_tokens += level->kept[i];
    }
    stats->tokens += stats->level_tokens[index];
  }
  stats->new_tokens = stats->tokens - stats->kept_tokens;
}

static void
count_patches (AlitraFrameStats * stats, const AlitraMemory * memory)
{
  const guint columns = (memory->width + 15) / 16, rows =
      (memory->height + 15) / 16;
  guint count[ALITRA_PATCH_FRESH + 1] = { 0 }, x, y;

  stats->patches = columns * rows;
  for (y = 0; y < rows; y++)
    for (x = 0; x < columns; x++)
      count[alitra_memory_patch_state (memory, x, y)]++;
  stats->kept_patches = count[ALITRA_PATCH_KEPT];
  stats->sharpened_patches = count[ALITRA_PATCH_SHARPENED];
  stats->fresh_patches = count[ALITRA_PATCH_FRESH];
}

void
alitra_frame_stats_count (AlitraFrameStats * stats, const AlitraMemory * memory)
{
  count_tokens (stats, memory);
  count_patches (stats, memory);
}
