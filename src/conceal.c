/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conceal.h"

#define COARSEST (ALITRA_LEVELS - 1)

/* Tokens that say the colour and the coarse shape; further ones would repeat the neighbour's details. */
#define BORROWED 2

static gboolean
is_hole (const AlitraUpdateLevel * update, guint cell)
{
  return update->valid[cell] == ALITRA_CELL_LOST && update->depth[cell] == 0;
}

/* The nearest row, above before below, that holds tokens of its own in the column; -1: none. */
static gint
find_lender (const AlitraMemoryLevel * held, const AlitraUpdateLevel * update,
    const guint8 * borrowed, guint row, guint column)
{
  for (guint distance = 1; distance < held->rows; distance++) {
    for (guint side = 0; side < 2; side++) {
      gint other =
          side ? (gint) (row + distance) : (gint) row - (gint) distance;
      guint cell = other * held->columns + column;

      if (other >= 0 && other < (gint) held->rows && update->depth[cell] > 0
          && !borrowed[cell])
        return other;
    }
  }
  return -1;
}

static void
borrow (const AlitraMemoryLevel * held, AlitraUpdateLevel * update,
    guint lender, guint cell)
{
  const guint16 *old = held->tokens + (gsize) lender * held->max_depth;
  const guint16 *new = update->tokens + (gsize) lender * held->max_depth;
  guint16 *tokens = update->tokens + (gsize) cell * held->max_depth;
  guint depth = MIN (update->depth[lender], BORROWED);

  for (guint d = 0; d < depth; d++)
    tokens[d] = d < update->keep[lender] ? old[d] : new[d];
  update->keep[cell] = 0;
  update->depth[cell] = depth;
  update->sound[cell] = 0;
}

void
alitra_conceal_holes (const AlitraMemory * before, AlitraUpdate * update)
{
  const AlitraMemoryLevel *held = &before->level[COARSEST];
  AlitraUpdateLevel *level = &update->level[COARSEST];
  /* The coarsest grid is small. */
  guint8 borrowed[(ALITRA_MAX_SIZE / 64) * (ALITRA_MAX_SIZE / 64)];
  guint cells = held->columns * held->rows, holes = 0;

  for (guint cell = 0; cell < cells; cell++)
    holes += borrowed[cell] = is_hole (level, cell);
  for (guint cell = 0; cell < cells && holes > 0; cell++) {
    guint column = cell % held->columns;
    gint lender;

    if (!borrowed[cell])
      continue;
    lender = find_lender (held, level, borrowed, cell / held->columns, column);
    if (lender >= 0)
      borrow (held, level, lender * held->columns + column, cell);
  }
}
