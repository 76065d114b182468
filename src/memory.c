/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"

#include <string.h>
#include <zlib.h>

/* Pixels of a cell of the coarsest level. */
#define COARSEST 64

static guint
level_cells (const AlitraMemoryLevel * level)
{
  return level->columns * level->rows;
}

static void
level_init (AlitraMemoryLevel * level, guint columns, guint rows,
    guint max_depth)
{
  gsize cells = (gsize) columns * rows;

  level->columns = columns;
  level->rows = rows;
  level->max_depth = max_depth;
  level->depth = g_new0 (guint8, cells);
  level->kept = g_new0 (guint8, cells);
  level->held = g_new0 (guint8, cells);
  level->valid = g_new0 (guint8, cells);
  level->sound = g_new0 (guint8, cells);
  level->lost = g_new0 (guint16, cells);
  level->age = g_new0 (guint16, cells);
  level->tokens = g_new0 (guint16, cells * max_depth);
}

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraMemory, alitra_memory, alitra_memory_copy, alitra_memory_free)
/* *INDENT-ON* */

AlitraMemory *
alitra_memory_new (guint width, guint height,
    const guint max_depth[ALITRA_LEVELS])
{
  AlitraMemory *memory;
  guint columns = (width + COARSEST - 1) / COARSEST;
  guint rows = (height + COARSEST - 1) / COARSEST;

  g_return_val_if_fail (width >= 1 && width <= ALITRA_MAX_SIZE, NULL);
  g_return_val_if_fail (height >= 1 && height <= ALITRA_MAX_SIZE, NULL);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    g_return_val_if_fail (max_depth[l] <= ALITRA_MAX_DEPTH, NULL);

  memory = g_new0 (AlitraMemory, 1);
  memory->width = width;
  memory->height = height;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    guint children = 1 << (ALITRA_LEVELS - 1 - l);
    level_init (&memory->level[l], columns * children, rows * children,
        max_depth[l]);
  }
  alitra_memory_clear (memory);
  return memory;
}

void
alitra_memory_free (AlitraMemory * memory)
{
  if (!memory)
    return;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraMemoryLevel *level = &memory->level[l];

    g_free (level->depth);
    g_free (level->kept);
    g_free (level->held);
    g_free (level->valid);
    g_free (level->sound);
    g_free (level->lost);
    g_free (level->age);
    g_free (level->tokens);
  }
  g_free (memory);
}

static void
level_copy (AlitraMemoryLevel * to, const AlitraMemoryLevel * from)
{
  const gsize cells = (gsize) from->columns * from->rows;

  level_init (to, from->columns, from->rows, from->max_depth);
  memcpy (to->depth, from->depth, cells);
  memcpy (to->kept, from->kept, cells);
  memcpy (to->held, from->held, cells);
  memcpy (to->valid, from->valid, cells);
  memcpy (to->sound, from->sound, cells);
  memcpy (to->lost, from->lost, cells * sizeof (guint16));
  memcpy (to->age, from->age, cells * sizeof (guint16));
  memcpy (to->tokens, from->tokens, cells * from->max_depth * sizeof (guint16));
}

AlitraMemory *
alitra_memory_copy (const AlitraMemory * memory)
{
  AlitraMemory *copy;

  g_return_val_if_fail (memory, NULL);

  copy = g_memdup2 (memory, sizeof *memory);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    level_copy (&copy->level[l], &memory->level[l]);
  return copy;
}

void
alitra_memory_clear (AlitraMemory * memory)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraMemoryLevel *level = &memory->level[l];
    guint cells = level_cells (level);

    memset (level->depth, 0, cells);
    memset (level->kept, 0, cells);
    memset (level->held, 0, cells);
    memset (level->valid, ALITRA_CELL_WHOLE, cells);
    memset (level->sound, 0, cells);
    memset (level->lost, 0, cells * sizeof (guint16));
    memset (level->age, 0, cells * sizeof (guint16));
  }
}

void
alitra_memory_lose (AlitraMemory * memory)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraMemoryLevel *level = &memory->level[l];
    guint cells = level_cells (level);

    memset (level->valid, ALITRA_CELL_LOST, cells);
    memset (level->sound, 0, cells);
    for (guint cell = 0; cell < cells; cell++)
      level->lost[cell] = MAX (level->lost[cell], 1);
  }
}

AlitraUpdate *
alitra_update_new (const AlitraMemory * memory)
{
  AlitraUpdate *update = g_new0 (AlitraUpdate, 1);

  update->layers = 1;
  update->levels[0] = (1 << ALITRA_LEVELS) - 1;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *grid = &memory->level[l];
    AlitraUpdateLevel *level = &update->level[l];
    guint cells = level_cells (grid);

    level->keep = g_new0 (guint8, cells);
    level->depth = g_new0 (guint8, cells);
    level->valid = g_new0 (guint8, cells);
    memset (level->valid, ALITRA_CELL_WHOLE, cells);
    level->sound = g_new0 (guint8, cells);
    level->anew = g_new0 (guint8, cells);
    level->tokens = g_new0 (guint16, (gsize) cells * grid->max_depth);
    for (guint i = 0; i < G_N_ELEMENTS (level->cut); i++)
      level->cut[i] = g_new0 (guint8, cells);
  }
  return update;
}

void
alitra_update_free (AlitraUpdate * update)
{
  if (!update)
    return;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraUpdateLevel *level = &update->level[l];

    g_free (level->keep);
    g_free (level->depth);
    g_free (level->valid);
    g_free (level->sound);
    g_free (level->anew);
    g_free (level->tokens);
    for (guint i = 0; i < G_N_ELEMENTS (level->cut); i++)
      g_free (level->cut[i]);
  }
  g_free (update);
}

/* Cells that are worth sharing with another thread. */
#define SHARED 512

static void
apply_to_cell (AlitraMemoryLevel * level, const AlitraUpdateLevel * update,
    guint cell)
{
  guint keep = update->keep[cell], depth = update->depth[cell];
  gboolean same = keep == level->depth[cell] && depth == keep;

  level->held[cell] = level->depth[cell];
  if (same) {
    if (level->age[cell] < G_MAXUINT16)
      level->age[cell]++;
  } else {
    gsize first = (gsize) cell * level->max_depth + keep;

    memcpy (level->tokens + first, update->tokens + first,
        (depth - keep) * sizeof (guint16));
    level->depth[cell] = depth;
    level->age[cell] = 0;
  }
  level->kept[cell] = keep;
  level->valid[cell] = update->valid[cell];
  if (update->valid[cell]) {
    level->sound[cell] = depth;
    level->lost[cell] = 0;
  } else {
    level->sound[cell] = update->sound[cell];
    if (level->lost[cell] < G_MAXUINT16)
      level->lost[cell]++;
  }
}

typedef struct
{
  AlitraMemoryLevel *level;
  const AlitraUpdateLevel *update;
} Application;

static void
apply_to_part (gpointer data, guint first, guint end)
{
  const Application *job = data;

  for (guint cell = first; cell < end; cell++)
    apply_to_cell (job->level, job->update, cell);
}

void
alitra_memory_apply (AlitraMemory * memory, const AlitraUpdate * update)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Application job = { &memory->level[l], &update->level[l] };

    apply_to_part (&job, 0, level_cells (job.level));
  }
}

void
alitra_memory_apply_shared (AlitraMemory * memory,
    const AlitraUpdate * update, AlitraWorkers * workers)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    Application job = { &memory->level[l], &update->level[l] };

    alitra_workers_share (workers, level_cells (job.level), SHARED,
        apply_to_part, &job);
  }
}

void
alitra_memory_get_size (const AlitraMemory * memory, guint * width,
    guint * height)
{
  g_return_if_fail (memory);

  if (width)
    *width = memory->width;
  if (height)
    *height = memory->height;
}

void
alitra_memory_get_grid (const AlitraMemory * memory, guint level,
    guint * columns, guint * rows)
{
  g_return_if_fail (memory && level < ALITRA_LEVELS);

  if (columns)
    *columns = memory->level[level].columns;
  if (rows)
    *rows = memory->level[level].rows;
}

void
alitra_memory_get_cell (const AlitraMemory * memory, guint level, guint column,
    guint row, AlitraCell * cell)
{
  const AlitraMemoryLevel *from;
  guint i;

  g_return_if_fail (memory && level < ALITRA_LEVELS && cell);
  from = &memory->level[level];
  g_return_if_fail (column < from->columns && row < from->rows);

  i = row * from->columns + column;
  cell->depth = from->depth[i];
  cell->kept = from->kept[i];
  cell->held = from->held[i];
  cell->age = from->age[i];
  cell->valid = from->valid[i] != ALITRA_CELL_LOST;
  cell->tokens = from->tokens + (gsize) i *from->max_depth;
}

const guint16 *
alitra_memory_get_tokens (const AlitraMemory * memory, guint level,
    guint column, guint row, guint * count)
{
  AlitraCell cell = { 0 };

  g_return_val_if_fail (count, NULL);

  alitra_memory_get_cell (memory, level, column, row, &cell);
  *count = cell.depth;
  return cell.tokens;
}

gfloat
alitra_memory_get_density (const AlitraMemory * memory, guint column, guint row)
{
  gfloat density = 0, weight = 1;

  g_return_val_if_fail (memory, 0);
  g_return_val_if_fail (column < memory->level[0].columns
      && row < memory->level[0].rows, 0);

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    density +=
        weight * level->depth[(row >> l) * level->columns + (column >> l)];
    weight /= 4;
  }
  return density;
}

AlitraPatchState
alitra_memory_get_patch_state (const AlitraMemory * memory, guint column,
    guint row)
{
  g_return_val_if_fail (memory, ALITRA_PATCH_KEPT);
  g_return_val_if_fail (column < memory->level[0].columns
      && row < memory->level[0].rows, ALITRA_PATCH_KEPT);

  return alitra_memory_patch_state (memory, column, row);
}

guint
alitra_memory_get_patch_age (const AlitraMemory * memory, guint column,
    guint row)
{
  guint age = G_MAXUINT16;

  g_return_val_if_fail (memory, 0);
  g_return_val_if_fail (column < memory->level[0].columns
      && row < memory->level[0].rows, 0);

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    age = MIN (age, level->age[(row >> l) * level->columns + (column >> l)]);
  }
  return age;
}

gboolean
alitra_memory_patch_is_valid (const AlitraMemory * memory, guint column,
    guint row)
{
  g_return_val_if_fail (memory, FALSE);
  g_return_val_if_fail (column < memory->level[0].columns
      && row < memory->level[0].rows, FALSE);

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];

    if (level->valid[(row >> l) * level->columns + (column >> l)]
        == ALITRA_CELL_LOST)
      return FALSE;
  }
  return TRUE;
}

/* Bytes as docs/token-stream.md has them, whatever the byte order of the machine. */
static guint32
level_checksum (guint32 checksum, const AlitraMemoryLevel * level)
{
  guint8 bytes[4096];
  guint used = 0, cells = level_cells (level);

  for (guint cell = 0; cell < cells; cell++) {
    const guint16 *tokens = level->tokens + (gsize) cell * level->max_depth;
    guint depth = level->depth[cell];

    if (used + 1 + 2 * depth > sizeof bytes) {
      checksum = crc32 (checksum, bytes, used);
      used = 0;
    }
    bytes[used++] = depth;
    for (guint i = 0; i < depth; i++) {
      bytes[used++] = tokens[i] & 0xFF;
      bytes[used++] = tokens[i] >> 8;
    }
  }
  return crc32 (checksum, bytes, used);
}

guint32
alitra_memory_get_checksum (const AlitraMemory * memory)
{
  guint32 checksum = 0;

  g_return_val_if_fail (memory, 0);

  for (guint l = ALITRA_LEVELS; l-- > 0;)
    checksum = level_checksum (checksum, &memory->level[l]);
  return checksum;
}
