/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "looks.h"

#include <alitra/tensor.h>
#include <string.h>

#include "memory.h"

#define PATCH 16.f
#define COARSEST (ALITRA_LEVELS - 1)

/* The grid of one level, for the frame of the call. */
typedef struct
{
  guint columns, rows;
  gsize room;                   /* cells that there is room for */
  float *look;                  /* cells x size */
  float *sum;                   /* of the tokens of each cell that holds some; the others' are not written */
} Level;

struct _AlitraLooks
{
  AlitraTransformer *transformer;
  AlitraTokenVectors *vectors;
  guint size;                   /* numbers of a vector */
  Level level[ALITRA_LEVELS];
  AlitraTokenTable table;       /* tokens of the frame */
  float *chunk, *out;           /* ALITRA_TILE vectors each */
};

AlitraLooks *
alitra_looks_new (AlitraTransformer * transformer, AlitraModel * model)
{
  AlitraLooks *self = g_new0 (AlitraLooks, 1);

  self->transformer = alitra_transformer_ref (transformer);
  self->vectors = alitra_token_vectors_new (model);
  self->size = alitra_token_vectors_get_size (self->vectors);
  self->chunk = alitra_floats_new ((gsize) ALITRA_TILE * self->size);
  self->out = alitra_floats_new ((gsize) ALITRA_TILE * self->size);
  return self;
}

void
alitra_looks_free (AlitraLooks * self)
{
  if (!self)
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    alitra_floats_free (self->level[i].look);
    alitra_floats_free (self->level[i].sum);
  }
  g_free (self->table.ids);
  g_free (self->table.levels);
  g_free (self->table.positions);
  g_free (self->table.depths);
  g_free (self->table.ages);
  alitra_floats_free (self->chunk);
  alitra_floats_free (self->out);
  alitra_token_vectors_unref (self->vectors);
  alitra_transformer_unref (self->transformer);
  g_free (self);
}

static guint
list_tokens (AlitraTokenTable * table, const AlitraMemory * memory)
{
  const guint count = alitra_token_table_fill (table, memory,
      ALITRA_TOKENS_ALL);

  if (count <= table->capacity)
    return count;
  table->capacity = count;
  table->ids = g_renew (gint32, table->ids, count);
  table->levels = g_renew (guint8, table->levels, count);
  table->positions = g_renew (gint16, table->positions, 3 * (gsize) count);
  table->depths = g_renew (guint8, table->depths, count);
  table->ages = g_renew (gint32, table->ages, count);
  return alitra_token_table_fill (table, memory, ALITRA_TOKENS_ALL);
}

static void
fit_frame (AlitraLooks * self, const AlitraMemory * memory)
{
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    const AlitraMemoryLevel *from = &memory->level[i];
    const gsize cells = (gsize) from->columns * from->rows;
    Level *level = &self->level[i];

    level->columns = from->columns;
    level->rows = from->rows;
    if (cells <= level->room)
      continue;
    alitra_floats_free (level->look);
    alitra_floats_free (level->sum);
    level->look = alitra_floats_new (cells * self->size);
    level->sum = alitra_floats_new (cells * self->size);
    level->room = cells;
  }
}

/* The vectors of the first `tokens` rows of the table, added up cell by cell. */
static void
add_up (AlitraLooks * self, guint tokens)
{
  const AlitraTokenTable *table = &self->table;
  const guint size = self->size;

  for (guint first = 0; first < tokens; first += ALITRA_TILE) {
    const guint count = MIN (tokens - first, ALITRA_TILE);
    const AlitraTokenTable part = { count, table->ids + first,
      table->levels + first, table->positions + 3 * (gsize) first,
      table->depths + first, table->ages + first
    };

    alitra_token_vectors_fill (self->vectors, &part, count, self->chunk);
    for (guint i = 0; i < count; i++) {
      const Level *level = &self->level[part.levels[i]];
      const gint16 *place = part.positions + 3 * (gsize) i;
      const float *vector = self->chunk + (gsize) i * size;
      float *sum = level->sum + ((gsize) (place[1] / place[2]) * level->columns
          + place[0] / place[2]) * size;

      if (part.depths[i] == 0) {
        memcpy (sum, vector, size * sizeof (float));
        continue;
      }
      for (guint k = 0; k < size; k++)
        sum[k] += vector[k];
    }
  }
}

/* What the cells above show in the cells of a level.  A quarter at a time: column and row are 0 or 1. */
static void
look_from_above (AlitraLooks * self, guint index, guint column, guint row)
{
  const Level *level = &self->level[index], *above = level + 1;
  const AlitraMatrix *quarter = &self->transformer->quarters[2 * row + column];
  const guint size = self->size;

  for (guint r = row; r < level->rows; r += 2)
    for (guint c = column, n; c < level->columns; c += 2 * n) {
      n = MIN ((level->columns - c + 1) / 2, ALITRA_TILE);
      alitra_matrix_multiply (quarter, n, above->look
          + ((gsize) (r / 2) * above->columns + c / 2) * size, size,
          level->look + ((gsize) r * level->columns + c) * size, 2 * size,
          ALITRA_END_STORE);
    }
}

/* What their own tokens add to the cells of a level. */
static void
look_at_tokens (AlitraLooks * self, guint index, const guint8 * depth)
{
  const Level *level = &self->level[index];
  const guint cells = level->columns * level->rows;

  for (guint i = 0, n; i < cells; i += n) {
    for (n = 0; n < ALITRA_TILE && i + n < cells && depth[i + n] > 0;)
      n++;
    if (n > 0)
      alitra_matrix_multiply (&self->transformer->own[index], n, level->sum
          + (gsize) i * self->size, self->size, level->look
          + (gsize) i * self->size, self->size, ALITRA_END_ADD);
    else
      n = 1;
  }
}

static void
look (AlitraLooks * self, const AlitraMemory * memory)
{
  for (guint i = ALITRA_LEVELS; i-- > 0;) {
    const Level *level = &self->level[i];

    if (i == COARSEST)
      memset (level->look, 0, (gsize) level->columns * level->rows
          * self->size * sizeof (float));
    for (guint quarter = 0; i < COARSEST && quarter < 4; quarter++)
      look_from_above (self, i, quarter % 2, quarter / 2);
    look_at_tokens (self, i, memory->level[i].depth);
  }
}

/* The cells that hold tokens, or the others; returns how many there may still be. */
static guint
list_cells (AlitraLooks * self, const AlitraMemory * memory, gboolean holding,
    guint most, GArray * inputs, GArray * vectors)
{
  for (guint i = ALITRA_LEVELS; i-- > 0;) {
    const Level *level = &self->level[i];
    const guint8 *depth = memory->level[i].depth;
    const float side = PATCH * (1 << i);

    for (guint cell = 0; cell < level->columns * level->rows; cell++) {
      const AlitraTransformerInput input = { i, depth[cell],
        (cell % level->columns + .5f) * side / memory->width,
        (cell / level->columns + .5f) * side / memory->height
      };

      if ((depth[cell] > 0) != holding)
        continue;
      if (most-- == 0)
        return 0;
      g_array_append_val (inputs, input);
      g_array_append_vals (vectors, level->look + (gsize) cell * self->size,
          self->size);
    }
  }
  return most;
}

void
alitra_looks_add (AlitraLooks * self, const AlitraMemory * memory, guint most,
    GArray * inputs, GArray * vectors)
{
  const guint tokens = list_tokens (&self->table, memory);

  if (tokens == 0)
    return;
  fit_frame (self, memory);
  add_up (self, tokens);
  look (self, memory);
  most = list_cells (self, memory, TRUE, most, inputs, vectors);
  list_cells (self, memory, FALSE, most, inputs, vectors);
}
