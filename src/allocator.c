/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allocator.h"

#include <math.h>
#include <string.h>

/* Sizes of the model's module; a file with others is refused. */
#define HIDDEN 16
#define OWN 6
#define GATES (3 * HIDDEN)      /* update, reset, candidate */
#define NODE (OWN + HIDDEN)     /* what neighbours see of a cell */
#define INNER (9 * NODE)
/* The candidate's share of the hidden states is kept apart, because the reset gate multiplies it. */
#define OUTER (4 * HIDDEN)
#define PARENT (HIDDEN + 2)
/* Cells a product: small enough for the cache, and fixed, so that results do not depend on the number of threads. */
#define TILE 64
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
  gfloat parent[PARENT * GATES];        /* weights.parent, one number of the parent after the other */
  gsize pitch;                  /* nodes from row to row, a border of one included */
  gfloat *node;                 /* (rows + 2) * pitch nodes of NODE numbers; the border stays zero */
  gfloat *told;                 /* per cell, PARENT numbers for the children */
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
} Prediction;

static inline gfloat
log_energy (gfloat energy)
{
  return log2f (energy + FLOOR) * .25f;
}

static inline gfloat *
node_of (const Grid * grid, guint32 cell)
{
  guint x = cell % grid->columns, y = cell / grid->columns;

  return grid->node + ((y + 1) * grid->pitch + x + 1) * NODE;
}

/* Weights of the features (GATES x OWN x 3 x 3) and of the states (GATES x HIDDEN x 3 x 3) as one matrix whose columns
 * are the nodes of the 3x3 window, node by node. */
static void
join_weights (const Weights * w, AlitraMatrix * window)
{
  gfloat *joined = g_new0 (gfloat, OUTER * INNER);
  guint o, c, k;

  for (o = 0; o < GATES; o++)
    for (k = 0; k < 9; k++) {
      gfloat *own = joined + o * INNER + k * NODE;
      gfloat *state = joined + (o < 2 * HIDDEN ? o : o + HIDDEN) * INNER
          + k * NODE + OWN;

      for (c = 0; c < OWN; c++)
        own[c] = w->own[(o * OWN + c) * 9 + k];
      for (c = 0; c < HIDDEN; c++)
        state[c] = w->state[(o * HIDDEN + c) * 9 + k];
    }
  alitra_matrix_init (window, OUTER, INNER, joined, 1.f);
  g_free (joined);
}

static void
turn_parent_weights (Grid * grid)
{
  guint o, c;

  for (o = 0; o < GATES; o++)
    for (c = 0; c < PARENT; c++)
      grid->parent[c * GATES + o] = grid->weights.parent[o * PARENT + c];
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
    grid->node = g_new0 (gfloat, (grid->rows + 2) * grid->pitch * NODE);
    grid->told = g_new0 (gfloat, cells * PARENT);
    grid->said = g_new0 (gfloat, cells * GATES);
    grid->next = g_new0 (gfloat, cells * HIDDEN);
    if (!find_weights (model, i, &grid->weights, error)) {
      alitra_allocator_free (self);
      return NULL;
    }
    join_weights (&grid->weights, &grid->window);
    turn_parent_weights (grid);
  }
  return self;
}

void
alitra_allocator_free (AlitraAllocator * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    g_free (self->grid[i].node);
    g_free (self->grid[i].told);
    g_free (self->grid[i].said);
    g_free (self->grid[i].next);
    alitra_matrix_clear (&self->grid[i].window);
  }
  alitra_floats_free (self->windows);
  g_free (self);
}

void
alitra_allocator_reset (AlitraAllocator * self)
{
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    Grid *grid = &self->grid[i];

    memset (grid->node, 0,
        (grid->rows + 2) * grid->pitch * NODE * sizeof (gfloat));
    memset (grid->told, 0,
        (gsize) grid->columns * grid->rows * PARENT * sizeof (gfloat));
  }
}

/* What a cell's parent says to each gate, and the bias. */
static void
listen_to_parent (AlitraAllocator * self, guint level, guint32 cell)
{
  const Grid *grid = &self->grid[level];
  const Weights *w = &grid->weights;
  gfloat *said = grid->said + (gsize) cell * GATES;
  guint o, c;

  memcpy (said, w->bias, GATES * sizeof (gfloat));
  if (level + 1 < ALITRA_LEVELS) {
    const Grid *coarse = &self->grid[level + 1];
    guint x = cell % grid->columns, y = cell / grid->columns;
    const gfloat *told = coarse->told
        + ((gsize) (y / 2) * coarse->columns + x / 2) * PARENT;

    for (c = 0; c < PARENT; c++)
      for (o = 0; o < GATES; o++)
        said[o] += grid->parent[c * GATES + o] * told[c];
  }
}

void
alitra_allocator_begin (AlitraAllocator * self, guint level, guint n,
    const guint32 * cells, gboolean carry)
{
  const gsize size = (carry ? OWN : NODE) * sizeof (gfloat);
  guint i;

  for (i = 0; i < n; i++) {
    memset (node_of (&self->grid[level], cells[i]), 0, size);
    listen_to_parent (self, level, cells[i]);
  }
}

static void
see_features (Grid * grid, guint step, guint n, const guint32 * cells,
    const AlitraCellEnergies * energies)
{
  guint i;

  for (i = 0; i < n; i++) {
    gfloat *own = node_of (grid, cells[i]);

    own[0] = log_energy (energies->whole[i]);
    own[1] = log_energy (energies->seen[i]);
    own[2] = log_energy (MAX (energies->last[i], 0.f));
    own[3] = step * .125f;
    own[4] = log_energy (energies->head[i]);
    own[5] = log_energy (energies->start[i]);
  }
}

/* One cell: gate sums -> next hidden state and the gain that it predicts. */
static gfloat
step_cell (const Weights * w, const gfloat * node,
    const gfloat * said, const gfloat * sum, gfloat * next)
{
  const gfloat *own = node, *hidden = node + OWN;
  gfloat gain = w->offset[0];
  guint i;

  gain += alitra_matrix_gates (sum, said, hidden, w->read, HIDDEN, next);
  for (i = 0; i < OWN; i++)
    gain += w->skip[i] * own[i];
  return CLAMP (gain, LOWEST_GAIN, HIGHEST_GAIN);
}

static void
predict_tile (gpointer data, guint tile, guint worker)
{
  const Prediction *p = data;
  Grid *grid = &p->self->grid[p->level];
  const Weights *w = &grid->weights;
  guint first = tile * TILE, n = MIN (TILE, p->n - first), i, row;
  gfloat *window = p->self->windows + (gsize) worker * TILE * INNER;
  gfloat sums[TILE * OUTER];

  if (n == 0)
    return;
  for (i = 0; i < n; i++) {
    const gfloat *node = node_of (grid, p->cells[first + i]);

    for (row = 0; row < 3; row++)
      memcpy (window + i * INNER + row * 3 * NODE,
          node + (((gssize) row - 1) * (gssize) grid->pitch - 1) * NODE,
          3 * NODE * sizeof (gfloat));
  }
  alitra_matrix_multiply (&grid->window, n, window, INNER, sums, OUTER,
      ALITRA_END_STORE);
  for (i = 0; i < n; i++) {
    guint32 cell = p->cells[first + i];

    p->log_gain[first + i] = step_cell (w, node_of (grid, cell),
        grid->said + (gsize) cell * GATES, sums + i * OUTER,
        grid->next + (gsize) cell * HIDDEN);
  }
}

void
alitra_allocator_predict (AlitraAllocator * self, guint level, guint step,
    guint n, const guint32 * cells, const AlitraCellEnergies * energies,
    gfloat * log_gain)
{
  Grid *grid = &self->grid[level];
  Prediction prediction = { self, level, n, cells, log_gain };
  guint i;

  see_features (grid, step, n, cells, energies);
  alitra_workers_run (self->workers, (n + TILE - 1) / TILE, predict_tile,
      &prediction);
  /* All cells step together: nobody sees a neighbour's new state before his own is made. */
  for (i = 0; i < n; i++)
    memcpy (node_of (grid, cells[i]) + OWN,
        grid->next + (gsize) cells[i] * HIDDEN, HIDDEN * sizeof (gfloat));
}

void
alitra_allocator_settle (AlitraAllocator * self, guint level, guint n,
    const guint32 * cells, const guint8 * depth, const gfloat * left)
{
  const Grid *grid = &self->grid[level];
  guint i;

  for (i = 0; i < n; i++) {
    gfloat *told = grid->told + (gsize) cells[i] * PARENT;

    memcpy (told, node_of (grid, cells[i]) + OWN, HIDDEN * sizeof (gfloat));
    told[HIDDEN] = depth[cells[i]] * .125f;
    told[HIDDEN + 1] = log_energy (left[i]);
  }
}
