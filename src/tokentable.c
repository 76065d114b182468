/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/tensor.h>

#include <string.h>

#include "memory.h"

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraTokenTable, alitra_token_table, alitra_token_table_copy, alitra_token_table_free)
/* *INDENT-ON* */

/* One block: the record, then its arrays, those of wide numbers first. */
AlitraTokenTable *
alitra_token_table_new (guint capacity)
{
  const gsize n = capacity;
  AlitraTokenTable *table = g_malloc0 (sizeof *table
      + n * (2 * sizeof (gint32) + 3 * sizeof (gint16) + 2));

  table->capacity = capacity;
  table->ids = (gint32 *) (table + 1);
  table->ages = table->ids + n;
  table->positions = (gint16 *) (table->ages + n);
  table->levels = (guint8 *) (table->positions + 3 * n);
  table->depths = table->levels + n;
  return table;
}

AlitraTokenTable *
alitra_token_table_copy (const AlitraTokenTable * table)
{
  AlitraTokenTable *copy;
  gsize n;

  g_return_val_if_fail (table, NULL);

  n = table->capacity;
  copy = alitra_token_table_new (n);
  if (n == 0)
    return copy;
  memcpy (copy->ids, table->ids, n * sizeof *copy->ids);
  memcpy (copy->ages, table->ages, n * sizeof *copy->ages);
  memcpy (copy->positions, table->positions, 3 * n * sizeof *copy->positions);
  memcpy (copy->levels, table->levels, n);
  memcpy (copy->depths, table->depths, n);
  return copy;
}

void
alitra_token_table_free (AlitraTokenTable * table)
{
  g_free (table);
}

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
