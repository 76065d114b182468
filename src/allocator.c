/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allocator.h"

#include <math.h>
#include <string.h>

#include "floats.h"

/* Sizes of the model's module; a file with others is refused. */
#define HIDDEN 16
#define OWN 6
#define GATES (3 * HIDDEN)      /* update, reset, candidate */
#define NODE (OWN + HIDDEN)     /* what neighbours see of a cell */
#define INNER (9 * NODE)
#define FEATURES (9 * OWN)
/* The candidate's share of the hidden states is kept apart, because the reset gate multiplies it. */
#define OUTER (4 * HIDDEN)
#define PARENT (HIDDEN + 2)
/* Cells a product: small enough for the cache, and fixed, so that results do not depend on the number of threads. */
#define TILE 64
/* Cells that are worth sharing with another thread. */
#define SHARED 128
#define FLOOR 1e-4f
#define LOWEST_GAIN -16.f
#define HIGHEST_GAIN 12.f

/* Tensors of one level, as trained. */
typedef struct
{
  const gfloat *own;            /* GATES x OWN x 3 x 3 */
  const gfloat *state;          /* GATES x HIDDEN x 3 x 3 */
  const gfloat *parent;         /* GATES x PARENT */
  const gfloat *bias;           /* GATES */
  const gfloat *read;           /* HIDDEN */
  const gfloat *skip;           /* OWN */
  const gfloat *offset;         /* 1 */
} Weights;

typedef struct
{
  guint columns, rows;
  Weights weights;
  AlitraMatrix window;          /* all gates of a 3x3 window of nodes */
  AlitraMatrix first;           /* the same of windows in which no cell has a state yet: features only */
  AlitraMatrix parent;          /* weights.parent, for the children of a cell of the coarser grid; starts with the bias */
  gsize pitch;                  /* nodes from row to row, a border of one included */
  gfloat *node;                 /* (rows + 2) * pitch nodes of NODE numbers; the border stays zero */
  guint8 *awake;                /* per node: it may have a state other than zero */
  gfloat *told;                 /* per cell, PARENT numbers for the children */
  gfloat *heard;                /* per cell, GATES numbers: bias and what the cell says to its children */
  gfloat *said;                 /* per cell, GATES numbers: bias and what the parent says */
  gfloat *next;                 /* per cell, HIDDEN numbers on their way */
} Grid;

struct _AlitraAllocator
{
  AlitraModel *model;
  AlitraWorkers *workers;
  gfloat *windows;              /* TILE windows for each worker */
  Grid grid[ALITRA_LEVELS];
};

typedef struct
{
  AlitraAllocator *self;
  guint level, n;
  const guint32 *cells;
  gfloat *log_gain;
  guint tile;                   /* cells that are done together */
} Prediction;

static inline gfloat
log_energy (gfloat energy)
{
  return log2f (energy + FLOOR) * .25f;
}

/* Where a cell stands among the nodes. */
static inline gsize
place_of (const Grid * grid, guint32 cell)
{
  guint x = cell % grid->columns, y = cell / grid->columns;

  return (y + 1) * grid->pitch + x + 1;
}

static inline gfloat *
node_of (const Grid * grid, guint32 cell)
{
  return grid->node + place_of (grid, cell) * NODE;
}

/* Weights of the features (GATES x OWN x 3 x 3) and of the states (GATES x HIDDEN x 3 x 3) as one matrix whose columns
 * are the nodes of the 3x3 window, node by node; and of the features alone, in the same order. */
static void
join_weights (const Weights * w, AlitraMatrix * window, AlitraMatrix * first)
{
  gfloat *joined = g_new0 (gfloat, OUTER * INNER);
  gfloat *features = g_new0 (gfloat, OUTER * FEATURES);
  guint o, c, k;

  for (o = 0; o < GATES; o++)
    for (k = 0; k < 9; k++) {
      gfloat *own = joined + o * INNER + k * NODE;
      gfloat *state = joined + (o < 2 * HIDDEN ? o : o + HIDDEN) * INNER
          + k * NODE + OWN;

      for (c = 0; c < OWN; c++)
        own[c] = features[o * FEATURES + k * OWN + c] =
            w->own[(o * OWN + c) * 9 + k];
      for (c = 0; c < HIDDEN; c++)
        state[c] = w->state[(o * HIDDEN + c) * 9 + k];
    }
  alitra_matrix_init (window, OUTER, INNER, joined, 1.f);
  alitra_matrix_init (first, OUTER, FEATURES, features, 1.f);
  g_free (features);
  g_free (joined);
}

static void
join_parent_weights (const Weights * w, AlitraMatrix * parent)
{
  alitra_matrix_init (parent, GATES, PARENT, w->parent, 1.f);
  memcpy (parent->start, w->bias, GATES * sizeof (gfloat));
}

static gboolean
find_weights (AlitraModel * model, guint level, Weights * w, GError ** error)
{
  const struct
  {
    const gchar *name;
    guint rank, size[4];
    const gfloat **place;
  } tensor[] = {
    {"own", 4, {GATES, OWN, 3, 3}, &w->own},
    {"state", 4, {GATES, HIDDEN, 3, 3}, &w->state},
    {"parent", 2, {GATES, PARENT}, &w->parent},
    {"bias", 1, {GATES}, &w->bias},
    {"read", 1, {HIDDEN}, &w->read},
    {"skip", 1, {OWN}, &w->skip},
    {"offset", 1, {1}, &w->offset}
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (tensor); i++) {
    gchar name[64];

    g_snprintf (name, sizeof (name), "allocator.grids.%u.%s", level,
        tensor[i].name);
    *tensor[i].place = alitra_model_get_tensor (model, name, tensor[i].rank,
        tensor[i].size, error);
    if (!*tensor[i].place)
      return FALSE;
  }
  return TRUE;
}

AlitraAllocator *
alitra_allocator_new (AlitraModel * model, guint columns, guint rows,
    AlitraWorkers * workers, GError ** error)
{
  AlitraAllocator *self = g_new0 (AlitraAllocator, 1);
  guint i;

  self->model = model;
  self->workers = workers;
  self->windows = alitra_floats_new ((gsize) TILE * INNER
      * alitra_workers_get_threads (workers));
  for (i = 0; i < ALITRA_LEVELS; i++) {
    Grid *grid = &self->grid[i];
    gsize cells;

    grid->columns = columns * (4 >> i);
    grid->rows = rows * (4 >> i);
    grid->pitch = grid->columns + 2;
    cells = (gsize) grid->columns * grid->rows;
    grid->node = alitra_floats_new ((grid->rows + 2) * grid->pitch * NODE);
    grid->awake = g_new0 (guint8, (grid->rows + 2) * grid->pitch);
    grid->told = alitra_floats_new (cells * PARENT);
    grid->heard = i > 0 ? alitra_floats_new (cells * GATES) : NULL;
    grid->said = alitra_floats_new (cells * GATES);
    grid->next = alitra_floats_new (cells * HIDDEN);
    if (!find_weights (model, i, &grid->weights, error)) {
      alitra_allocator_free (self);
      return NULL;
    }
    join_weights (&grid->weights, &grid->window, &grid->first);
    join_parent_weights (&grid->weights, &grid->parent);
  }
  alitra_allocator_reset (self);
  return self;
}

void
alitra_allocator_free (AlitraAllocator * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    alitra_floats_free (self->grid[i].node);
    g_free (self->grid[i].awake);
    alitra_floats_free (self->grid[i].told);
    alitra_floats_free (self->grid[i].heard);
    alitra_floats_free (self->grid[i].said);
    alitra_floats_free (self->grid[i].next);
    alitra_matrix_clear (&self->grid[i].window);
    alitra_matrix_clear (&self->grid[i].first);
    alitra_matrix_clear (&self->grid[i].parent);
  }
  alitra_floats_free (self->windows);
  g_free (self);
}

/* Children of cells that said nothing yet hear the bias alone. */
static void
forget_what_was_heard (AlitraAllocator * self, guint level)
{
  const Grid *grid = &self->grid[level];
  const gsize cells = (gsize) grid->columns * grid->rows;
  gsize i;

  for (i = 0; grid->heard && i < cells; i++)
    memcpy (grid->heard + i * GATES, self->grid[level - 1].weights.bias,
        GATES * sizeof (gfloat));
}

void
alitra_allocator_reset (AlitraAllocator * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    Grid *grid = &self->grid[i];

    memset (grid->node, 0,
        (grid->rows + 2) * grid->pitch * NODE * sizeof (gfloat));
    memset (grid->awake, 0, (grid->rows + 2) * grid->pitch);
    memset (grid->told, 0,
        (gsize) grid->columns * grid->rows * PARENT * sizeof (gfloat));
    forget_what_was_heard (self, i);
  }
}

/* What a cell's parent says to each gate, and the bias. */
static void
listen_to_parent (AlitraAllocator * self, guint level, guint32 cell)
{
  const Grid *grid = &self->grid[level];
  const gfloat *heard = grid->weights.bias;

  if (level + 1 < ALITRA_LEVELS) {
    const Grid *coarse = &self->grid[level + 1];
    guint x = cell % grid->columns, y = cell / grid->columns;

    heard = coarse->heard + ((gsize) (y / 2) * coarse->columns + x / 2) * GATES;
  }
  memcpy (grid->said + (gsize) cell * GATES, heard, GATES * sizeof (gfloat));
}

/* Some cells at a step or before the first. */
typedef struct
{
  AlitraAllocator *allocator;
  guint level, step;
  const guint32 *cells;
  gboolean carry;
  const AlitraCellEnergies *energies;
} Some;

static void
begin_part (gpointer data, guint first, guint end)
{
  const Some *some = data;
  const gsize size = (some->carry ? OWN : NODE) * sizeof (gfloat);
  const Grid *grid = &some->allocator->grid[some->level];
  guint i;

  for (i = first; i < end; i++) {
    const gsize at = place_of (grid, some->cells[i]);

    memset (grid->node + at * NODE, 0, size);
    if (!some->carry)
      grid->awake[at] = FALSE;
    listen_to_parent (some->allocator, some->level, some->cells[i]);
  }
}

void
alitra_allocator_begin (AlitraAllocator * self, guint level, guint n,
    const guint32 * cells, gboolean carry)
{
  Some some = { self, level, 0, cells, carry, NULL };

  alitra_workers_share (self->workers, n, SHARED, begin_part, &some);
}

/* Logarithms are what this costs: equal energies have the same. */
static void
see_part (gpointer data, guint first, guint end)
{
  const Some *some = data;
  const Grid *grid = &some->allocator->grid[some->level];
  const AlitraCellEnergies *energies = some->energies;
  const gfloat of_nothing = log_energy (0.f);
  guint i;

  for (i = first; i < end; i++) {
    gfloat *own = node_of (grid, some->cells[i]);

    own[0] = log_energy (energies->whole[i]);
    own[1] = log_energy (energies->seen[i]);
    own[2] = energies->last[i] > 0.f ? log_energy (energies->last[i])
        : of_nothing;
    own[3] = some->step * .125f;
    own[4] = log_energy (energies->head[i]);
    own[5] = energies->start[i] == energies->whole[i] ? own[0]
        : log_energy (energies->start[i]);
  }
}

/* All cells step together: nobody sees a neighbour's new state before his own is made. */
static void
step_part (gpointer data, guint first, guint end)
{
  const Some *some = data;
  const Grid *grid = &some->allocator->grid[some->level];
  guint i;

  for (i = first; i < end; i++) {
    const gsize at = place_of (grid, some->cells[i]);

    memcpy (grid->node + at * NODE + OWN,
        grid->next + (gsize) some->cells[i] * HIDDEN, HIDDEN * sizeof (gfloat));
    grid->awake[at] = TRUE;
  }
}

/* The gain that a cell's features and what its state says together predict. */
static gfloat
gain_of (const Weights * w, const gfloat * own, gfloat of_state)
{
  gfloat gain = w->offset[0];
  guint i;

  gain += of_state;
  for (i = 0; i < OWN; i++)
    gain += w->skip[i] * own[i];
  return CLAMP (gain, LOWEST_GAIN, HIGHEST_GAIN);
}

/* No cell that these see has a state other than zero. */
static gboolean
all_sleep (const Grid * grid, guint n, const guint32 * cells)
{
  guint8 any = 0;
  guint i;

  for (i = 0; i < n; i++) {
    const guint8 *awake = grid->awake + place_of (grid, cells[i]);
    const guint8 *above = awake - grid->pitch, *below = awake + grid->pitch;

    any |= above[-1] | above[0] | above[1] | awake[-1] | awake[0] | awake[1]
        | below[-1] | below[0] | below[1];
  }
  return !any;
}

/* Sums of all gates over the windows of some cells.  Where all states are zero the features alone give the same sums. */
static void
sum_windows (const Grid * grid, guint n, const guint32 * cells,
    gfloat * window, gfloat * sums)
{
  const gboolean asleep = all_sleep (grid, n, cells);
  guint i, k;

  for (i = 0; i < n; i++) {
    const gfloat *node = node_of (grid, cells[i]);

    for (k = 0; k < 9; k++) {
      /* nodes of a row are neighbours in memory too */
      const gfloat *near = node
          + (((gssize) (k / 3) - 1) * (gssize) grid->pitch + (k % 3) - 1)
          * NODE;

      if (asleep)
        memcpy (window + i * FEATURES + k * OWN, near, OWN * sizeof (gfloat));
      else if (k % 3 == 0)
        memcpy (window + i * INNER + k * NODE, near,
            3 * NODE * sizeof (gfloat));
    }
  }
  if (asleep)
    alitra_matrix_multiply (&grid->first, n, window, FEATURES, sums, OUTER,
        ALITRA_END_STORE);
  else
    alitra_matrix_multiply (&grid->window, n, window, INNER, sums, OUTER,
        ALITRA_END_STORE);
}

static void
predict_tile (gpointer data, guint tile, guint worker)
{
  const Prediction *p = data;
  Grid *grid = &p->self->grid[p->level];
  const Weights *w = &grid->weights;
  guint first = tile * p->tile, n = MIN (p->tile, p->n - first), i;
  const gfloat *said[TILE], *hidden[TILE];
  gfloat sums[TILE * OUTER], of_state[TILE], *next[TILE];

  if (n == 0)
    return;
  sum_windows (grid, n, p->cells + first,
      p->self->windows + (gsize) worker * TILE * INNER, sums);
  for (i = 0; i < n; i++) {
    const gsize cell = p->cells[first + i];

    said[i] = grid->said + cell * GATES;
    hidden[i] = node_of (grid, cell) + OWN;
    next[i] = grid->next + cell * HIDDEN;
  }
  alitra_matrix_gates (n, sums, said, hidden, w->read, HIDDEN, next, of_state);
  for (i = 0; i < n; i++)
    p->log_gain[first + i] = gain_of (w, hidden[i] - OWN, of_state[i]);
}

void
alitra_allocator_predict (AlitraAllocator * self, guint level, guint step,
    guint n, const guint32 * cells, const AlitraCellEnergies * energies,
    gfloat * log_gain)
{
  Prediction prediction = { self, level, n, cells, log_gain,
    alitra_workers_get_tile (self->workers, n, TILE)
  };
  Some some = { self, level, step, cells, FALSE, energies };

  alitra_workers_share (self->workers, n, SHARED, see_part, &some);
  alitra_workers_run (self->workers, (n + prediction.tile - 1)
      / prediction.tile, predict_tile, &prediction);
  alitra_workers_share (self->workers, n, SHARED, step_part, &some);
}

typedef struct
{
  const AlitraAllocator *allocator;
  guint level;
  const guint32 *cells;
  const guint8 *depth;
  const gfloat *left;
} Settling;

/* What some cells say to their children. */
static void
tell_children (const Settling * job, guint first, guint end)
{
  const Grid *grid = &job->allocator->grid[job->level];
  const guint32 *cells = job->cells;
  gfloat told[TILE * PARENT], heard[TILE * GATES];
  guint i;

  for (; first < end; first += TILE) {
    const guint count = MIN (end - first, TILE);

    for (i = 0; i < count; i++)
      memcpy (told + i * PARENT, grid->told
          + (gsize) cells[first + i] * PARENT, PARENT * sizeof (gfloat));
    alitra_matrix_multiply (&job->allocator->grid[job->level - 1].parent,
        count, told, PARENT, heard, GATES, ALITRA_END_STORE);
    for (i = 0; i < count; i++)
      memcpy (grid->heard + (gsize) cells[first + i] * GATES, heard
          + i * GATES, GATES * sizeof (gfloat));
  }
}

static void
settle_part (gpointer data, guint first, guint end)
{
  const Settling *job = data;
  const Grid *grid = &job->allocator->grid[job->level];
  guint i;

  for (i = first; i < end; i++) {
    const guint32 cell = job->cells[i];
    gfloat *told = grid->told + (gsize) cell * PARENT;

    memcpy (told, node_of (grid, cell) + OWN, HIDDEN * sizeof (gfloat));
    told[HIDDEN] = job->depth[cell] * .125f;
    told[HIDDEN + 1] = log_energy (job->left[i]);
  }
  if (job->level > 0)
    tell_children (job, first, end);
}

void
alitra_allocator_settle (AlitraAllocator * self, guint level, guint n,
    const guint32 * cells, const guint8 * depth, const gfloat * left)
{
  Settling job = { self, level, cells, depth, left };

  alitra_workers_share (self->workers, n, SHARED, settle_part, &job);
}
