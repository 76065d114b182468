/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cover.h"

#include <string.h>

#define COARSEST (ALITRA_LEVELS - 1)
/* Up to so many cells do not overlap. Among more, mostly fine ones, the coarse ones have to stay: at 512x512 the classifier of
 * models/ is right 6 and 13 of 100 times less without them at 512 and 1024 cells, but 1.5 more at 256. */
#define MOST_APART 256

/* What became of a cell. */
enum
{
  WHOLE, QUARTERED, BOTH        /* BOTH: quartered, and there is a place left for it beside its quarters */
};

/* Of the cells of one level. */
typedef struct
{
  guint room;                   /* cells that there is room for */
  guint32 *below;               /* tokens that the cells below each cell hold */
  guint8 *state;
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
    g_free (self->level[i].state);
  }
  g_array_unref (self->candidates);
  g_array_unref (self->sorted);
  g_array_unref (self->starts);
  g_free (self);
}

static guint
cells_of (const AlitraMemory * memory, guint level)
{
  return memory->level[level].columns * memory->level[level].rows;
}

static void
fit_frame (AlitraCover * self, const AlitraMemory * memory)
{
  guint most = 0, candidates = 0;

  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    const guint cells = cells_of (memory, i);
    Level *level = &self->level[i];

    if (cells > level->room) {
      level->below = g_renew (guint32, level->below, cells);
      level->state = g_renew (guint8, level->state, cells);
      level->room = cells;
    }
    memset (level->below, 0, cells * sizeof (guint32));
    memset (level->state, 0, cells);
    /* a cell has four below it, and sixteen below these */
    most += memory->level[i].max_depth << 2 * (COARSEST - i);
    candidates += i > 0 ? cells : 0;
  }
  /* arrays keep their room when they get shorter: frames of the same size need no more */
  g_array_set_size (self->candidates, candidates);
  g_array_set_size (self->sorted, candidates);
  g_array_set_size (self->starts, most + 2);
}

static void
count_below (AlitraCover * self, const AlitraMemory * memory)
{
  for (guint i = 0; i < COARSEST; i++) {
    const AlitraMemoryLevel *from = &memory->level[i];

    for (guint cell = 0; cell < cells_of (memory, i); cell++)
      self->level[i + 1].below[alitra_memory_cell_above (cell,
              from->columns)] += self->level[i].below[cell] + from->depth[cell];
  }
}

static void
add_all (const AlitraMemory * memory, GArray * cells)
{
  for (guint i = ALITRA_LEVELS; i-- > 0;)
    for (guint cell = 0; cell < cells_of (memory, i); cell++) {
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
list_candidates (AlitraCover * self, const AlitraMemory * memory, guint level)
{
  for (guint cell = 0; cell < cells_of (memory, level); cell++) {
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
  list_candidates (self, memory, COARSEST);
  for (guint i = 0; i < self->candidates->len; i++)
    g_array_index (self->candidates, Candidate, i).tokens +=
        memory->level[COARSEST].depth[i];
  sort_candidates (self);
  for (guint i = 0; i < most; i++)
    g_array_append_val (cells, g_array_index (self->sorted, Candidate,
            i).covering);
}

/* There is such a cell: a coarsest one, or a quarter of one that was quartered. */
static gboolean
is_part (const AlitraCover * self, const AlitraMemory * memory,
    AlitraCovering of)
{
  return of.level == COARSEST
      || self->level[of.level + 1].state[alitra_memory_cell_above (of.cell,
          memory->level[of.level].columns)] != WHOLE;
}

/* So many cells become their quarters, and so many of these, the first ones, stay beside them.  A cell has no more tokens below
 * it than the one above, which comes first of equals: so it is quartered later, if at all. */
static void
quarter (AlitraCover * self, const AlitraMemory * memory, guint times,
    guint kept)
{
  g_array_set_size (self->candidates, 0);
  for (guint i = COARSEST; i > 0; i--)
    list_candidates (self, memory, i);
  sort_candidates (self);
  for (guint i = 0; i < self->sorted->len && times > 0; i++) {
    const AlitraCovering of =
        g_array_index (self->sorted, Candidate, i).covering;

    if (!is_part (self, memory, of))
      continue;
    self->level[of.level].state[of.cell] = kept > 0 ? BOTH : QUARTERED;
    kept -= kept > 0;
    times--;
  }
}

static void
add_parts (const AlitraCover * self, const AlitraMemory * memory,
    GArray * cells)
{
  AlitraCovering of;

  for (of.level = ALITRA_LEVELS; of.level-- > 0;)
    for (of.cell = 0; of.cell < cells_of (memory, of.level); of.cell++)
      if (is_part (self, memory, of)
          && self->level[of.level].state[of.cell] != QUARTERED)
        g_array_append_val (cells, of);
}

void
alitra_cover_choose (AlitraCover * self, const AlitraMemory * memory,
    guint most, GArray * cells)
{
  const guint coarsest = cells_of (memory, COARSEST);
  guint all = 0, left, times;

  fit_frame (self, memory);
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    all += cells_of (memory, i);
  if (all <= most) {
    add_all (memory, cells);
    return;
  }
  count_below (self, memory);
  if (coarsest > most) {
    add_some_of_coarsest (self, memory, most, cells);
    return;
  }
  left = most - coarsest;
  times = left / (most > MOST_APART ? 4 : 3);
  times = MIN (times, all - cells_of (memory, 0));
  quarter (self, memory, times, left - 3 * times);
  add_parts (self, memory, cells);
}
