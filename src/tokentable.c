/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/tensor.h>

#include "memory.h"

/* The tokens first..depth-1 of a cell, to row `at` and on; returns the next row. */
static guint
list_cell (const AlitraTokenTable * table, guint at, guint level,
    const AlitraMemoryLevel * from, guint cell, guint first)
{
  const guint16 *tokens = from->tokens + (gsize) cell * from->max_depth;
  const guint depth = from->depth[cell];
  const guint column = cell % from->columns, row = cell / from->columns;

  for (guint step = first; step < depth; step++, at++) {
    if (at >= table->capacity)
      return at + depth - step;
    table->ids[at] = tokens[step];
    table->levels[at] = level;
    table->positions[3 * (gsize) at] = column << level;
    table->positions[3 * (gsize) at + 1] = row << level;
    table->positions[3 * (gsize) at + 2] = 1 << level;
    table->depths[at] = step;
    table->ages[at] = from->age[cell];
  }
  return at;
}

guint
alitra_token_table_fill (const AlitraTokenTable * table,
    const AlitraMemory * memory, AlitraTokenSelection selection)
{
  guint at = 0;

  g_return_val_if_fail (table && memory, 0);

  for (guint l = ALITRA_LEVELS; l-- > 0;) {
    const AlitraMemoryLevel *level = &memory->level[l];

    for (guint cell = 0; cell < level->columns * level->rows; cell++) {
      guint first = selection == ALITRA_TOKENS_NEW ? level->kept[cell] : 0;

      if (first < level->depth[cell])
        at = list_cell (table, at, l, level, cell, first);
    }
  }
  return at;
}
