/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cover.h"

#include <string.h>

#define COARSEST (ALITRA_LEVELS - 1)
/* Up to so many cells do not overlap. Among more, mostly fine ones, the coarse ones have to stay: at 512x512 the classifier of
 * models/ is right 6 and 13 of 100 times less without them at 512 and 1024 cells, but 1.5 more at 256. */
#define MOST_APART 256

/* The grid of one level, for the frame of the call. */
typedef struct
{
  guint columns, rows;
  guint room;                   /* cells that there is room for */
  guint32 *below;               /* tokens that the cells below each cell hold */
  guint8 *quartered;
} Level;

/* A cell that competes with others. */
typedef struct
{
  AlitraCovering covering;
  guint32 tokens;
} Candidate;

struct _AlitraCover
{
  Level level[ALITRA_LEVELS];
  GArray *candidates, *sorted;  /* of Candidate */
  GArray *starts;               /* guint: of each number of tokens, where those that have it begin */
};

AlitraCover *
alitra_cover_new (void)
{
  AlitraCover *self = g_new0 (AlitraCover, 1);

  self->candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  self->sorted = g_array_new (FALSE, FALSE, sizeof (Candidate));
  self->starts = g_array_new (FALSE, TRUE, sizeof (guint));
  return self;
}

void
alitra_cover_free (AlitraCover * self)
{
  if (!self)
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    g_free (self->level[i].below);
    g_free (self->level[i].quartered);
  }
  g_array_unref (self->candidates);
  g_array_unref (self->sorted);
  g_array_unref (self->starts);
  g_free (self);
}

static guint
cells_of (const Level * level)
{
  return level->columns * level->rows;
}

static void
fit_frame (AlitraCover * self, const AlitraMemory * memory)
{
  guint most = 0, candidates = 0;

  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    Level *level = &self->level[i];
    guint cells;

    level->columns = memory->level[i].columns;
    level->rows = memory->level[i].rows;
    cells = cells_of (level);
    if (cells > level->room) {
      level->below = g_renew (guint32, level->below, cells);
      level->quartered = g_renew (guint8, level->quartered, cells);
      level->room = cells;
    }
    memset (level->below, 0, cells * sizeof (guint32));
    memset (level->quartered, 0, cells);
    /* a cell has four below it, and sixteen below these */
    most += memory->level[i].max_depth << 2 * (COARSEST - i);
    candidates += i > 0 ? cells : 0;
  }
  /* arrays keep their room when they get shorter: frames of the same size need no more */
  g_array_set_size (self->candidates, candidates);
  g_array_set_size (self->sorted, candidates);
  g_array_set_size (self->starts, most + 2);
}

/* The cell of the next coarser level that a cell is a quarter of. */
static guint
cell_above (const AlitraCover * self, AlitraCovering of)
{
  const guint columns = self->level[of.level].columns;

  return of.cell / columns / 2 * self->level[of.level + 1].columns
      + of.cell % columns / 2;
}

static void
count_below (AlitraCover * self, const AlitraMemory * memory)
{
  AlitraCovering of;

  for (of.level = 0; of.level < COARSEST; of.level++)
    for (of.cell = 0; of.cell < cells_of (&self->level[of.level]); of.cell++)
      self->level[of.level + 1].below[cell_above (self, of)] +=
          self->level[of.level].below[of.cell]
          + memory->level[of.level].depth[of.cell];
}

static void
add_all (const AlitraCover * self, GArray * cells)
{
  for (guint i = ALITRA_LEVELS; i-- > 0;)
    for (guint cell = 0; cell < cells_of (&self->level[i]); cell++) {
      const AlitraCovering covering = { i, cell };

      g_array_append_val (cells, covering);
    }
}

/* Those with the most tokens first, and of equals in the order in which they were listed. */
static void
sort_candidates (AlitraCover * self)
{
  const Candidate *all = (const Candidate *) self->candidates->data;
  const guint count = self->candidates->len;
  guint most = 0, *starts;

  for (guint i = 0; i < count; i++)
    most = MAX (most, all[i].tokens);
  g_array_set_size (self->starts, 0);
  g_array_set_size (self->starts, most + 2);
  starts = (guint *) self->starts->data;
  for (guint i = 0; i < count; i++)
    starts[most - all[i].tokens + 1]++;
  for (guint i = 1; i < self->starts->len; i++)
    starts[i] += starts[i - 1];
  g_array_set_size (self->sorted, count);
  for (guint i = 0; i < count; i++)
    g_array_index (self->sorted, Candidate,
        starts[most - all[i].tokens]++) = all[i];
}

static void
list_candidates (AlitraCover * self, guint level)
{
  for (guint cell = 0; cell < cells_of (&self->level[level]); cell++) {
    const Candidate candidate = { {level, cell},
    self->level[level].below[cell]
    };

    g_array_append_val (self->candidates, candidate);
  }
}

/* Where not even the coarsest cells fit: those with the most tokens, their own counted too. */
static void
add_some_of_coarsest (AlitraCover * self, const AlitraMemory * memory,
    guint most, GArray * cells)
{
  g_array_set_size (self->candidates, 0);
  list_candidates (self, COARSEST);
  for (guint i = 0; i < self->candidates->len; i++)
    g_array_index (self->candidates, Candidate, i).tokens +=
        memory->level[COARSEST].depth[i];
  sort_candidates (self);
  for (guint i = 0; i < most; i++)
    g_array_append_val (cells, g_array_index (self->sorted, Candidate,
            i).covering);
}

static guint
count_quarters (const AlitraCover * self, AlitraCovering of)
{
  const Level *level = &self->level[of.level], *finer = level - 1;
  const guint row = of.cell / level->columns;
  const guint column = of.cell % level->columns;

  return MIN (finer->rows - 2 * row, 2) * MIN (finer->columns - 2 * column, 2);
}

/* There is such a cell: a coarsest one, or a quarter of one that was quartered. */
static gboolean
is_part (const AlitraCover * self, AlitraCovering of)
{
  return of.level == COARSEST
      || self->level[of.level + 1].quartered[cell_above (self, of)];
}

/* A cell has no more tokens below it than the one above, which comes first of equals: so it is quartered later, if at all.
 * Where cells are apart, a cell's quarters take its place. */
static void
quarter (AlitraCover * self, guint room, gboolean apart)
{
  g_array_set_size (self->candidates, 0);
  for (guint i = COARSEST; i > 0; i--)
    list_candidates (self, i);
  sort_candidates (self);
  for (guint i = 0; i < self->sorted->len; i++) {
    const AlitraCovering of =
        g_array_index (self->sorted, Candidate, i).covering;
    const guint more = count_quarters (self, of) - (apart ? 1 : 0);

    if (more > room || !is_part (self, of))
      continue;
    self->level[of.level].quartered[of.cell] = TRUE;
    room -= more;
  }
}

static void
add_parts (const AlitraCover * self, gboolean apart, GArray * cells)
{
  AlitraCovering of;

  for (of.level = ALITRA_LEVELS; of.level-- > 0;)
    for (of.cell = 0; of.cell < cells_of (&self->level[of.level]); of.cell++)
      if (is_part (self, of)
          && !(apart && self->level[of.level].quartered[of.cell]))
        g_array_append_val (cells, of);
}

void
alitra_cover_choose (AlitraCover * self, const AlitraMemory * memory,
    guint most, GArray * cells)
{
  const Level *level = self->level;
  guint all = 0;

  fit_frame (self, memory);
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    all += cells_of (&level[i]);
  if (all <= most) {
    add_all (self, cells);
    return;
  }
  count_below (self, memory);
  if (cells_of (&level[COARSEST]) > most) {
    add_some_of_coarsest (self, memory, most, cells);
    return;
  }
  quarter (self, most - cells_of (&level[COARSEST]), most <= MOST_APART);
  add_parts (self, most <= MOST_APART, cells);
}
