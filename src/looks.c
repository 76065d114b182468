/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "looks.h"

#include <alitra/tensor.h>
#include <string.h>

#include "cover.h"
#include "floats.h"
#include "memory.h"

#define PATCH 16.f
#define COARSEST (ALITRA_LEVELS - 1)

/* The grid of one level, for the frame of the call. */
typedef struct
{
  guint columns, rows;
  gsize room;                   /* cells that there is room for */
  guint8 *needed;               /* cells that are chosen, and those above them */
  float *look;                  /* cells x size, of those that are needed */
  float *sum;                   /* of the tokens of those of them that hold some */
} Level;

struct _AlitraLooks
{
  AlitraTransformer *transformer;
  AlitraTokenVectors *vectors;
  guint size;                   /* numbers of a vector */
  Level level[ALITRA_LEVELS];
  AlitraTokenTable table;       /* tokens of the frame */
  AlitraCover *cover;
  GArray *chosen;               /* of AlitraCovering */
  guint32 at[ALITRA_TILE];      /* cells of a level that are worked on together */
  float *in, *out;              /* and ALITRA_TILE vectors each */
};

AlitraLooks *
alitra_looks_new (AlitraTransformer * transformer, AlitraModel * model)
{
  AlitraLooks *self = g_new0 (AlitraLooks, 1);

  self->transformer = alitra_transformer_ref (transformer);
  self->vectors = alitra_token_vectors_new (model);
  self->size = alitra_token_vectors_get_size (self->vectors);
  self->cover = alitra_cover_new ();
  self->chosen = g_array_new (FALSE, FALSE, sizeof (AlitraCovering));
  self->in = alitra_floats_new ((gsize) ALITRA_TILE * self->size);
  self->out = alitra_floats_new ((gsize) ALITRA_TILE * self->size);
  return self;
}

void
alitra_looks_free (AlitraLooks * self)
{
  if (!self)
    return;
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    g_free (self->level[i].needed);
    alitra_floats_free (self->level[i].look);
    alitra_floats_free (self->level[i].sum);
  }
  g_free (self->table.ids);
  g_free (self->table.levels);
  g_free (self->table.positions);
  g_free (self->table.depths);
  g_free (self->table.ages);
  alitra_cover_free (self->cover);
  g_array_unref (self->chosen);
  alitra_floats_free (self->in);
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
    if (cells > level->room) {
      alitra_floats_free (level->look);
      alitra_floats_free (level->sum);
      level->look = alitra_floats_new (cells * self->size);
      level->sum = alitra_floats_new (cells * self->size);
      level->needed = g_renew (guint8, level->needed, cells);
      level->room = cells;
    }
    memset (level->needed, 0, cells);
  }
}

/* A cell, and those above it, from which its look is made. */
static void
need (AlitraLooks * self, guint index, guint cell)
{
  for (; index < ALITRA_LEVELS; index++) {
    Level *level = &self->level[index];

    if (level->needed[cell])
      return;
    level->needed[cell] = TRUE;
    cell = alitra_memory_cell_above (cell, level->columns);
  }
}

static void
choose (AlitraLooks * self, const AlitraMemory * memory, guint most)
{
  g_array_set_size (self->chosen, 0);
  alitra_cover_choose (self->cover, memory, most, self->chosen);
  for (guint i = 0; i < self->chosen->len; i++) {
    const AlitraCovering chosen =
        g_array_index (self->chosen, AlitraCovering, i);

    need (self, chosen.level, chosen.cell);
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

    alitra_token_vectors_fill (self->vectors, &part, count, self->in);
    for (guint i = 0; i < count; i++) {
      const Level *level = &self->level[part.levels[i]];
      const gint16 *place = part.positions + 3 * (gsize) i;
      const float *vector = self->in + (gsize) i * size;
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

/* `in` through a matrix: what the cells above show in the first `count` cells of `at`, all the same quarter of theirs. */
static void
look_from_above (AlitraLooks * self, guint index, guint quarter, guint count)
{
  const Level *level = &self->level[index], *above = level + 1;
  const gsize size = self->size;

  for (guint i = 0; i < count; i++)
    memcpy (self->in + i * size, above->look
        + alitra_memory_cell_above (self->at[i], level->columns) * size,
        size * sizeof (float));
  alitra_matrix_multiply (&self->transformer->quarters[quarter], count,
      self->in, size, self->out, size, ALITRA_END_STORE);
  for (guint i = 0; i < count; i++)
    memcpy (level->look + self->at[i] * size, self->out + i * size,
        size * sizeof (float));
}

static void
look_at_quarters (AlitraLooks * self, guint index)
{
  const Level *level = &self->level[index];

  for (guint quarter = 0; quarter < 4; quarter++) {
    guint count = 0;

    for (guint row = quarter / 2; row < level->rows; row += 2)
      for (guint column = quarter % 2; column < level->columns; column += 2) {
        const guint cell = row * level->columns + column;

        if (!level->needed[cell])
          continue;
        self->at[count++] = cell;
        if (count == ALITRA_TILE) {
          look_from_above (self, index, quarter, count);
          count = 0;
        }
      }
    if (count > 0)
      look_from_above (self, index, quarter, count);
  }
}

/* What their own tokens add to the first `count` cells of `at`. */
static void
look_at_own (AlitraLooks * self, guint index, guint count)
{
  const Level *level = &self->level[index];
  const gsize size = self->size;

  for (guint i = 0; i < count; i++)
    memcpy (self->in + i * size, level->sum + self->at[i] * size,
        size * sizeof (float));
  alitra_matrix_multiply (&self->transformer->own[index], count, self->in,
      size, self->out, size, ALITRA_END_STORE);
  for (guint i = 0; i < count; i++)
    for (guint k = 0; k < size; k++)
      level->look[self->at[i] * size + k] += self->out[i * size + k];
}

static void
look_at_tokens (AlitraLooks * self, guint index, const guint8 * depth)
{
  const Level *level = &self->level[index];
  guint count = 0;

  for (guint cell = 0; cell < level->columns * level->rows; cell++) {
    if (!level->needed[cell] || depth[cell] == 0)
      continue;
    self->at[count++] = cell;
    if (count == ALITRA_TILE) {
      look_at_own (self, index, count);
      count = 0;
    }
  }
  if (count > 0)
    look_at_own (self, index, count);
}

static void
look (AlitraLooks * self, const AlitraMemory * memory)
{
  for (guint i = ALITRA_LEVELS; i-- > 0;) {
    const Level *level = &self->level[i];

    if (i == COARSEST)
      memset (level->look, 0, (gsize) level->columns * level->rows
          * self->size * sizeof (float));
    else
      look_at_quarters (self, i);
    look_at_tokens (self, i, memory->level[i].depth);
  }
}

static void
append (AlitraLooks * self, const AlitraMemory * memory, AlitraCovering chosen,
    GArray * inputs, GArray * vectors)
{
  const Level *level = &self->level[chosen.level];
  const float side = PATCH * (1 << chosen.level);
  const AlitraTransformerInput input = { chosen.level,
    memory->level[chosen.level].depth[chosen.cell],
    (chosen.cell % level->columns + .5f) * side / memory->width,
    (chosen.cell / level->columns + .5f) * side / memory->height
  };

  g_array_append_val (inputs, input);
  g_array_append_vals (vectors, level->look + (gsize) chosen.cell * self->size,
      self->size);
}

void
alitra_looks_add (AlitraLooks * self, const AlitraMemory * memory, guint most,
    GArray * inputs, GArray * vectors)
{
  const guint tokens = list_tokens (&self->table, memory);

  if (tokens == 0)
    return;
  fit_frame (self, memory);
  choose (self, memory, most);
  add_up (self, tokens);
  look (self, memory);
  for (guint i = 0; i < self->chosen->len; i++)
    append (self, memory, g_array_index (self->chosen, AlitraCovering, i),
        inputs, vectors);
}
