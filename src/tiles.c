/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Level by level from coarse to fine, and in each level in a few steps: the transformer looks at all cells down to that
 * level, known ones and unknown ones; some of the unknown ones are drawn, each by itself: how deep it is, then its tokens
 * one after the other. Every cell has random numbers of its own, so it does not matter which thread draws it. */
#include "tiles.h"

#include <alitra/tensor.h>
#include <math.h>
#include <string.h>

#include "attention.h"
#include "floats.h"
#include "random.h"

#define COARSEST (ALITRA_LEVELS - 1)
/* Tokens for which the first of the budget's numbers is 0; half the numbers that the last takes. */
#define USUAL_TOKENS 64.f
#define MIDDLE_LEFT 5.f
/* Below this temperature the likeliest is taken. */
#define COLD .01f
/* What random numbers are for, besides cells. */
#define FOR_ORDER 1000
#define FOR_KEEPING 2000

/* A cell that is drawn in this step. */
typedef struct
{
  guint tile, cell;
  gint depth;
} Draw;

struct _AlitraTiles
{
  const AlitraGeneratorModel *weights;
  AlitraWorkers *workers;
  AlitraTokenVectors *vectors;
  AlitraBlocksRoom *room;
  guint count;
  AlitraTile *tile;
  float *sums;                  /* count x cells x vectors: of known cells */
  guint *left;                  /* tokens that each tile may still get */
  Draw *draws;
  guint *order;                 /* count x 64: unknown cells of the level, in the order in which they are drawn */
  guint *unknown;               /* of each tile, how many of them */
  guint *starts;
  gsize scratch_size;
  float *scratch;               /* a worker's each */
  /* Of the call. */
  const AlitraGeneration *generation;
  guint level, views;           /* views: 2 if each tile is also looked at without its label */
  float *x;                     /* what the transformer says: views x tiles x cells down to the level x dim */
  gint broken;
};

guint
alitra_tiles_first (guint level)
{
  static const guint first[] = { 4 + 16, 4, 0 };

  return first[level];
}

guint
alitra_tiles_columns (guint level)
{
  return 8 >> level;
}

static guint
cells_of (guint level)
{
  return alitra_tiles_columns (level) * alitra_tiles_columns (level);
}

/* Cells of this level and above. */
static guint
cells_down_to (guint level)
{
  return alitra_tiles_first (level) + cells_of (level);
}

static guint
level_of (guint cell)
{
  guint level = 0;

  while (cell < alitra_tiles_first (level))
    level++;
  return level;
}

/* The cell above, and which quarter of it this one is. */
static guint
parent_of (guint cell, guint level, guint * quarter)
{
  const guint columns = alitra_tiles_columns (level);
  const guint i = cell - alitra_tiles_first (level);
  const guint row = i / columns, column = i % columns;

  *quarter = 2 * (row & 1) + (column & 1);
  return alitra_tiles_first (level + 1) + (row >> 1) * (columns >> 1)
      + (column >> 1);
}

static guint
most_codes (const AlitraGeneratorModel * weights)
{
  guint most = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    most = MAX (most, weights->level[l].codes);
  return most;
}

AlitraTiles *
alitra_tiles_new (const AlitraGeneratorModel * weights, AlitraModel * model,
    AlitraWorkers * workers, guint count)
{
  AlitraTiles *self = g_new0 (AlitraTiles, 1);
  const guint threads = alitra_workers_get_threads (workers);

  self->weights = weights;
  self->workers = workers;
  self->vectors = alitra_token_vectors_new (model);
  self->room = alitra_blocks_room_new (&weights->blocks, workers);
  self->count = count;
  self->tile = g_new0 (AlitraTile, count);
  self->sums =
      alitra_floats_new ((gsize) count * ALITRA_TILE_CELLS * weights->vectors);
  self->left = g_new0 (guint, count);
  self->draws = g_new0 (Draw, (gsize) count * cells_of (0));
  self->order = g_new0 (guint, (gsize) count * cells_of (0));
  self->unknown = g_new0 (guint, count);
  self->starts = g_new0 (guint, 2 * count + 1);
  /* A cell as the transformer sees it, two rows of the head, a question, two rows of scores; each on a line of its own. */
  self->scratch_size = (weights->blocks.dim + 2 * weights->head
      + weights->narrow + weights->features + 1
      + 2 * (most_codes (weights) + 1) + 6 * 16) / 16 * 16;
  self->scratch = alitra_floats_new (threads * self->scratch_size);
  alitra_tiles_forget (self, 0, 0);
  return self;
}

void
alitra_tiles_free (AlitraTiles * self)
{
  if (!self)
    return;
  alitra_token_vectors_unref (self->vectors);
  alitra_blocks_room_free (self->room);
  g_free (self->tile);
  alitra_floats_free (self->sums);
  g_free (self->left);
  g_free (self->draws);
  g_free (self->order);
  g_free (self->unknown);
  g_free (self->starts);
  alitra_floats_free (self->scratch);
  g_free (self);
}

AlitraTile *
alitra_tiles_get (AlitraTiles * self, guint index)
{
  return &self->tile[index];
}

static float *
sum_of (AlitraTiles * self, guint tile, guint cell)
{
  return self->sums + ((gsize) tile * ALITRA_TILE_CELLS + cell)
      * self->weights->vectors;
}

static void
forget_cell (AlitraTiles * self, guint tile, guint cell)
{
  self->tile[tile].depth[cell] = -1;
  memset (sum_of (self, tile, cell), 0,
      self->weights->vectors * sizeof (float));
}

void
alitra_tiles_forget (AlitraTiles * self, guint64 seed, double keep)
{
  const guint middle = alitra_tiles_first (1), fine = alitra_tiles_first (0);

  for (guint t = 0; t < self->count; t++) {
    AlitraRandom random = alitra_random_start (seed, t, FOR_KEEPING);
    gboolean away[16];
    guint quarter;

    for (guint i = 0; i < G_N_ELEMENTS (away); i++)
      away[i] = alitra_random_unit (&random) >= keep;
    for (guint cell = 0; cell < ALITRA_TILE_CELLS; cell++) {
      if (keep <= 0
          || (cell >= fine && away[parent_of (cell, 0, &quarter) - middle])
          || (cell >= middle && cell < fine && away[cell - middle]))
        forget_cell (self, t, cell);
    }
  }
}

void
alitra_tiles_put (AlitraTiles * self, guint tile, guint cell, guint turn,
    guint16 token)
{
  const AlitraGeneratorModel *w = self->weights;
  gint32 id = token, age = 0;
  gint16 position[3] = { 0 };
  guint8 level = level_of (cell), depth = turn;
  AlitraTokenTable table = { 1, &id, &level, position, &depth, &age };
  float vector[512];            /* more numbers no generator reads */
  float *sum = sum_of (self, tile, cell);

  self->tile[tile].tokens[cell][turn] = token;
  alitra_token_vectors_fill (self->vectors, &table, 1, vector);
  for (guint k = 0; k < w->vectors; k++)
    sum[k] += vector[k];
}

/* LOOKING */

static guint
known_tokens (const AlitraTile * tile)
{
  guint tokens = 0;

  for (guint i = 0; i < ALITRA_TILE_CELLS; i++)
    tokens += MAX (tile->depth[i], 0);
  return tokens;
}

void
alitra_tiles_begin (AlitraTiles * self, const AlitraGeneration * generation)
{
  self->generation = generation;
  self->views = generation->guidance != 0 && generation->label >= 0 ? 2 : 1;
  self->broken = FALSE;
  for (guint t = 0; t < self->count; t++) {
    const guint known = known_tokens (&self->tile[t]);

    self->left[t] = generation->tokens - MIN (known, generation->tokens);
  }
}

/* What label and budget add to all cells of a tile. */
static void
fill_wish (AlitraTiles * self, guint tile, guint view, float *wish)
{
  const AlitraGeneratorModel *w = self->weights;
  const guint dim = w->blocks.dim;
  const float tokens = self->generation->tokens, left = self->left[tile];
  const float numbers[ALITRA_BUDGET_NUMBERS] =
      { log2f (tokens / USUAL_TOKENS), left / tokens,
    log2f (1 + left) - MIDDLE_LEFT
  };
  const gboolean any = view > 0 || self->generation->label < 0;
  const float *label = w->label
      + (gsize) (any ? w->labels->len : (guint) self->generation->label) * dim;

  for (guint k = 0; k < dim; k++) {
    const float *budget = w->budget + (gsize) k * ALITRA_BUDGET_NUMBERS;

    wish[k] = label[k];
    for (guint i = 0; i < ALITRA_BUDGET_NUMBERS; i++)
      wish[k] += budget[i] * numbers[i];
  }
}

/* A piece is one view of one tile. */
static void
embed (gpointer data, guint piece, guint worker)
{
  AlitraTiles *self = data;
  const AlitraGeneratorModel *w = self->weights;
  const guint dim = w->blocks.dim, tile = piece / self->views;
  float *x = self->x + (gsize) self->starts[piece] * dim;
  float *wish = self->scratch + worker * self->scratch_size;

  fill_wish (self, tile, piece % self->views, wish);
  for (guint l = ALITRA_LEVELS; l-- > self->level;)
    alitra_matrix_multiply (&w->level[l].into, cells_of (l), sum_of (self,
            tile, alitra_tiles_first (l)), w->vectors,
        x + (gsize) alitra_tiles_first (l) * dim, dim, ALITRA_END_STORE);
  for (guint i = 0; i < cells_down_to (self->level); i++, x += dim) {
    const float *place = w->place + (gsize) i * dim;
    const float *state =
        w->state + (gsize) (self->tile[tile].depth[i] + 1) * dim;
    const guint level = level_of (i);

    if (level < COARSEST) {
      guint quarter, parent = parent_of (i, level, &quarter);

      alitra_matrix_multiply (&w->level[level].above[quarter], 1, sum_of (self,
              tile, parent), w->vectors, x, dim, ALITRA_END_ADD);
    }
    for (guint k = 0; k < dim; k++)
      x[k] += place[k] + state[k] + wish[k];
  }
}

void
alitra_tiles_look (AlitraTiles * self, guint level)
{
  const guint sequences = self->count * self->views;

  self->level = level;
  for (guint s = 0; s <= sequences; s++)
    self->starts[s] = s * cells_down_to (level);
  self->x = alitra_blocks_room_get_rows (self->room, sequences, self->starts);
  alitra_workers_run (self->workers, sequences, embed, self);
  alitra_blocks_room_run (self->room, sequences, self->starts);
}

static float *
take_scratch (AlitraTiles * self, guint worker, guint * at, guint size)
{
  float *start = self->scratch + worker * self->scratch_size + *at;

  *at += (size + 15) / 16 * 16;
  return start;
}

static void
get_said (AlitraTiles * self, guint tile, guint cell, guint view, float *said)
{
  const AlitraGeneratorModel *w = self->weights;
  const guint row = self->starts[tile * self->views + view] + cell;

  alitra_layer_norm (1, w->blocks.dim, self->x + (gsize) row * w->blocks.dim,
      w->gain, w->bias, said);
}

/* Away from what the picture would be without its label. */
static void
guide (const AlitraTiles * self, float *scores, const float *without, guint n)
{
  const float guidance = self->generation->guidance;

  for (guint i = 0; i < n; i++)
    scores[i] += guidance * (scores[i] - without[i]);
}

void
alitra_tiles_depth_scores (AlitraTiles * self, guint tile, guint cell,
    guint worker, float *scores)
{
  const AlitraGeneratorLevel *level = &self->weights->level[level_of (cell)];
  const guint dim = self->weights->blocks.dim, count = level->depth + 1;
  guint at = 0;
  float *said = take_scratch (self, worker, &at, dim);
  float without[ALITRA_MAX_DEPTH + 1];

  for (guint view = 0; view < self->views; view++) {
    get_said (self, tile, cell, view, said);
    alitra_matrix_multiply (&level->deep, 1, said, dim,
        view ? without : scores, count, ALITRA_END_STORE);
  }
  if (self->views > 1)
    guide (self, scores, without, count);
}

void
alitra_tiles_token_scores (AlitraTiles * self, guint tile, guint cell,
    guint turn, guint depth, guint worker, float *scores)
{
  const AlitraGeneratorModel *w = self->weights;
  const AlitraGeneratorLevel *level = &w->level[level_of (cell)];
  const AlitraGeneratorStep *step = &level->step[turn];
  const float *whole = level->whole + (gsize) depth * w->head;
  const guint size = w->narrow + w->features, codes = level->codes;
  guint at = 0;
  float *said = take_scratch (self, worker, &at, w->blocks.dim);
  float *held = take_scratch (self, worker, &at, w->head);
  float *head = take_scratch (self, worker, &at, w->head);
  float *question = take_scratch (self, worker, &at, size + 1);
  float *without = take_scratch (self, worker, &at, codes + 1);

  alitra_matrix_multiply (&level->held, 1, sum_of (self, tile, cell),
      w->vectors, held, w->head, ALITRA_END_STORE);
  for (guint view = 0; view < self->views; view++) {
    float *out = view ? without : scores;

    get_said (self, tile, cell, view, said);
    alitra_matrix_multiply (&level->cell, 1, said, w->blocks.dim, head,
        w->head, ALITRA_END_STORE);
    for (guint k = 0; k < w->head; k++)
      head[k] += held[k] + step->turn[k] + whole[k];
    alitra_matrix_gelu (head, w->head);
    alitra_matrix_multiply (&level->ask, 1, head, w->head, question, size + 1,
        ALITRA_END_STORE);
    alitra_matrix_multiply (&step->scores, 1, question, size, out, codes,
        ALITRA_END_STORE);
    out[codes] = question[size];
  }
  if (self->views > 1)
    guide (self, scores, without, codes + 1);
}

/* DRAWING */

/* One of n, as likely as its score says; the scores are spoilt. */
static guint
draw_one (AlitraTiles * self, float *scores, guint n, float unit)
{
  const float temperature = self->generation->temperature;
  guint best = 0, last = 0;
  float sum = 0;

  for (guint i = 1; i < n; i++) {
    if (scores[i] > scores[best])
      best = i;
  }
  if (temperature < COLD && isfinite (scores[best]))
    return best;
  for (guint i = 0; i < n; i++)
    scores[i] /= temperature;
  if (!isfinite (alitra_matrix_softmax (scores, n))) {
    g_atomic_int_set (&self->broken, TRUE);
    return best;
  }
  for (guint i = 0; i < n; i++) {
    sum += scores[i];
    if (scores[i] > 0)
      last = i;
    if (unit < sum)
      return i;
  }
  return last;
}

static AlitraRandom
random_of (const AlitraTiles * self, const Draw * draw, guint what)
{
  return alitra_random_start (self->generation->seed, draw->tile,
      2 * draw->cell + what);
}

static void
draw_depth (gpointer data, guint piece, guint worker)
{
  AlitraTiles *self = data;
  Draw *draw = &self->draws[piece];
  const guint most = self->weights->level[self->level].depth;
  AlitraRandom random = random_of (self, draw, 0);
  float scores[ALITRA_MAX_DEPTH + 1];

  alitra_tiles_depth_scores (self, draw->tile, draw->cell, worker, scores);
  draw->depth = draw_one (self, scores, MIN (most, self->left[draw->tile]) + 1,
      alitra_random_unit (&random));
}

/* The special token ends a cell: it is smooth. Flat colours are not drawn. */
static gboolean
may_be_special (guint level, guint turn, guint depth)
{
  return level < COARSEST && turn == 0 && depth == 1;
}

static void
draw_tokens (gpointer data, guint piece, guint worker)
{
  AlitraTiles *self = data;
  const Draw *draw = &self->draws[piece];
  const guint codes = self->weights->level[self->level].codes;
  float *scores = self->scratch + (worker + 1) * self->scratch_size
      - (codes + 16) / 16 * 16;
  AlitraRandom random = random_of (self, draw, 1);

  for (gint turn = 0; turn < draw->depth; turn++) {
    const guint count =
        codes + (may_be_special (self->level, turn, draw->depth) ? 1 : 0);

    alitra_tiles_token_scores (self, draw->tile, draw->cell, turn, draw->depth,
        worker, scores);
    alitra_tiles_put (self, draw->tile, draw->cell, turn, draw_one (self,
            scores, count, alitra_random_unit (&random)));
  }
  self->tile[draw->tile].depth[draw->cell] = draw->depth;
}

/* Unknown cells of the level in an order drawn at random. */
static void
shuffle (AlitraTiles * self, guint tile)
{
  AlitraRandom random = alitra_random_start (self->generation->seed, tile,
      FOR_ORDER + self->level);
  guint *order = self->order + (gsize) tile * cells_of (0), n = 0;
  const guint first = alitra_tiles_first (self->level);

  for (guint i = first; i < first + cells_of (self->level); i++) {
    if (self->tile[tile].depth[i] < 0)
      order[n++] = i;
  }
  self->unknown[tile] = n;
  for (guint i = n; i > 1; i--) {
    const guint other = alitra_random_below (&random, i), swap = order[i - 1];

    order[i - 1] = order[other];
    order[other] = swap;
  }
}

/* The cells whose turn it is; returns how many. */
static guint
list_draws (AlitraTiles * self, guint step, guint steps)
{
  guint n = 0;

  for (guint t = 0; t < self->count; t++) {
    const guint unknown = self->unknown[t];

    for (guint i = unknown * step / steps; i < unknown * (step + 1) / steps;
        i++)
      self->draws[n++] = (Draw) {
      t, self->order[(gsize) t * cells_of (0) + i], 0};
  }
  return n;
}

/* Cells of a step are drawn without knowing of each other: together they might be too deep. */
static void
pay (AlitraTiles * self, guint count)
{
  for (guint i = 0; i < count; i++) {
    Draw *draw = &self->draws[i];

    draw->depth = MIN (draw->depth, (gint) self->left[draw->tile]);
    self->left[draw->tile] -= draw->depth;
  }
}

static void
draw_level (AlitraTiles * self, guint level)
{
  guint most = 0, steps;

  self->level = level;
  for (guint t = 0; t < self->count; t++) {
    shuffle (self, t);
    most = MAX (most, self->unknown[t]);
  }
  steps = MIN (self->generation->steps, most);
  for (guint step = 0; step < steps; step++) {
    const guint count = list_draws (self, step, steps);

    alitra_tiles_look (self, level);
    alitra_workers_run (self->workers, count, draw_depth, self);
    pay (self, count);
    alitra_workers_run (self->workers, count, draw_tokens, self);
  }
}

gboolean
alitra_tiles_draw (AlitraTiles * self, const AlitraGeneration * generation)
{
  alitra_tiles_begin (self, generation);
  for (guint l = ALITRA_LEVELS; l-- > 0;)
    draw_level (self, l);
  return !self->broken;
}
