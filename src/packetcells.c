/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packetcells.h"

#include "idtable.h"

#define COARSEST (ALITRA_LEVELS - 1)

/* Where contexts start, in eighths of log odds; part of the format (section 4 of docs/token-stream.md). Levels are
 * 0, 1, 2. */

static const gint8 changed_start[ALITRA_LEVELS][3][2] = {
  {{-29, -7}, {-11, 3}, {0, 10}},
  {{-29, -5}, {-11, 6}, {-3, 16}},
  {{-11, -11}, {10, 10}, {12, 12}},
};

static const gint8 keep_start[ALITRA_LEVELS][4] = {
  {-27, -3, 2, 2},
  {-19, -1, 3, 5},
  {5, 2, 0, 2},
};

static const gint8 keep_neighbours[3] = { -1, -7, 1 };

static const gint8 more_start[ALITRA_LEVELS][3][ALITRA_PACKET_MORE] = {
  {{-15, -17, -6, -10, 0, 0, 0, 0},
      {-24, -19, -11, -20, -16, -12, -12, -12},
      {-6, 0, 6, 13, -12, -2, -4, 1}},
  {{-8, -14, -4, -15, -13, 1, 2, 3},
      {-6, -5, 2, -5, 2, 5, 5, 5},
      {-3, 2, 7, 6, -10, 0, -9, -2}},
  {{38, 5, 3, 2, 7, -3, 1, 5},
      {23, 9, 8, 8, 10, 11, 11, 11},
      {2, 0, 5, 13, 2, -6, -3, 3}}
};

static const gint8 more_neighbours[ALITRA_LEVELS][5] = {
  {-4, -2, 5, 8, 12},
  {-6, -4, 0, 4, 7},
  {-8, -3, 1, 6, 10}
};

static const gint8 more_parent[ALITRA_LEVELS][4] = {
  {5, 1, 5, 8},
  {1, -6, 0, 7},
  {3, -4, 0, 7}
};

static const gint8 more_flat_start = 27;
static const gint8 flat_start[2] = { -26, -32 };

static const gint8 smooth_start[ALITRA_LEVELS - 1][3] = {
  {-27, -10, -8},
  {-27, -6, -10},
};

/* A cell and the two neighbours that were coded before it, as indices of its level; -1: not in this slice. */
typedef struct
{
  guint level;
  gint cell, left, above, parent;
} Place;

static void
start_map (AlitraPacketCells * cells)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    for (guint n = 0; n < 3; n++) {
      for (guint p = 0; p < 2; p++)
        alitra_context_init (&cells->changed[l][n][p], changed_start[l][n][p]);
      for (guint k = 0; k < 4; k++)
        alitra_context_init (&cells->keep[l][k][n],
            keep_start[l][k] + keep_neighbours[n]);
    }
  }
}

static void
start_level (AlitraPacketCells * cells, guint level, AlitraPacketLayerMode mode)
{
  cells->mode = mode;
  for (guint u = 0; u < ALITRA_PACKET_MORE; u++) {
    for (guint a = 0; a < 5; a++) {
      for (guint b = 0; b < 4; b++)
        alitra_context_init (&cells->more[u][a][b],
            more_start[level][mode][u] + more_neighbours[level][a]
            + more_parent[level][b]);
    }
  }
  alitra_context_init (&cells->more_flat, more_flat_start);
  for (guint i = 0; i < 2; i++)
    alitra_context_init (&cells->flat[i], flat_start[i]);
  for (guint n = 0; n < 3 && level < COARSEST; n++)
    alitra_context_init (&cells->smooth[n], smooth_start[level][n]);
}

/* Writing: writes and returns `bit`. Reading: returns what was read. */
static inline gboolean
code_bit (AlitraPacketCells * cells, AlitraContext * context, gboolean bit)
{
  if (cells->reading)
    return alitra_range_decode_bit (&cells->decoder, context);
  alitra_range_encode_bit (&cells->encoder, context, bit);
  return bit;
}

static inline guint
code_uniform (AlitraPacketCells * cells, guint value, guint n)
{
  if (cells->reading)
    return alitra_range_decode_uniform (&cells->decoder, n);
  alitra_range_encode_uniform (&cells->encoder, value, n);
  return value;
}

static inline gboolean
is_sound (const AlitraPacketCells * cells)
{
  return !cells->reading || alitra_range_decoder_is_sound (&cells->decoder);
}

static inline Place
place_of (const AlitraPacketCells * cells, guint level, guint first_row,
    guint row, guint column)
{
  const AlitraPacketGrid *grid = &cells->grid[level];
  Place place;

  place.level = level;
  place.cell = row * grid->columns + column;
  place.left = column > 0 ? place.cell - 1 : -1;
  place.above = row > first_row ? place.cell - (gint) grid->columns : -1;
  place.parent = -1;
  if (level + 1 < ALITRA_LEVELS)
    place.parent = (row / 2) * cells->grid[level + 1].columns + column / 2;
  return place;
}

/* The map: what the cells of the slice keep. */

static void
code_changed (AlitraPacketCells * cells, const Place * place)
{
  AlitraPacketGrid *grid = &cells->grid[place->level];
  guint neighbours = 0;
  gboolean parent = FALSE;

  if (place->left >= 0)
    neighbours += grid->changed[place->left];
  if (place->above >= 0)
    neighbours += grid->changed[place->above];
  if (place->parent >= 0)
    parent = cells->grid[place->level + 1].changed[place->parent];
  grid->changed[place->cell] =
      code_bit (cells, &cells->changed[place->level][neighbours][parent],
      grid->changed[place->cell]);
}

/* 0: not changed, 1: keeps no more than k, 2: keeps more. */
static inline guint
keeps_more (const AlitraPacketGrid * grid, gint cell, guint k)
{
  if (cell < 0 || !grid->changed[cell])
    return 0;
  return grid->keep[cell] > k ? 2 : 1;
}

static void
code_keep (AlitraPacketCells * cells, const Place * place)
{
  AlitraPacketGrid *grid = &cells->grid[place->level];
  guint keep = 0;

  while (keep < grid->max_depth) {
    guint left = keeps_more (grid, place->left, keep);
    guint above = keeps_more (grid, place->above, keep);
    AlitraContext *context =
        &cells->keep[place->level][MIN (keep, 3)][MAX (left, above)];

    if (!code_bit (cells, context, keep < grid->keep[place->cell]))
      break;
    keep++;
  }
  grid->keep[place->cell] = grid->reached[place->cell] = keep;
}

static gboolean
code_map (AlitraPacketCells * cells, guint slice)
{
  for (guint l = ALITRA_LEVELS; l-- > 0;) {
    guint rows = 1 << (COARSEST - l);

    for (guint row = slice * rows; row < (slice + 1) * rows; row++) {
      for (guint column = 0; column < cells->grid[l].columns; column++) {
        Place place = place_of (cells, l, slice * rows, row, column);

        code_changed (cells, &place);
        if (cells->grid[l].changed[place.cell])
          code_keep (cells, &place);
      }
      if (!is_sound (cells))
        return FALSE;
    }
  }
  return TRUE;
}

/* The tokens of a level. */

typedef enum
{
  BEFORE_NONE,                  /* this is the first token of the cell */
  BEFORE_KEPT,                  /* not in this packet */
  BEFORE_LEARNED,
  BEFORE_SMOOTH,
  BEFORE_COARSE,
  BEFORE_FINE
} Before;

static inline Before
token_before (const AlitraPacketCells * cells, const Place * place)
{
  const AlitraPacketGrid *grid = &cells->grid[place->level];
  const AlitraVocabulary *vocabulary = &cells->vocabulary;
  guint depth = grid->reached[place->cell];
  guint codes = vocabulary->codes[place->level];
  guint id;

  if (depth == 0)
    return BEFORE_NONE;
  if (depth == grid->keep[place->cell])
    return BEFORE_KEPT;
  id = grid->tokens[place->cell * grid->max_depth + depth - 1];
  if (id < codes)
    return BEFORE_LEARNED;
  if (place->level < COARSEST)
    return BEFORE_SMOOTH;
  return id < codes + vocabulary->flat_coarse ? BEFORE_COARSE : BEFORE_FINE;
}

static inline gboolean
is_full (const AlitraPacketCells * cells, const Place * place, Before before)
{
  const AlitraPacketGrid *grid = &cells->grid[place->level];

  if (grid->reached[place->cell] >= grid->max_depth
      || before == BEFORE_FINE || before == BEFORE_SMOOTH)
    return TRUE;
  return before == BEFORE_COARSE && cells->vocabulary.flat_fine == 0;
}

static inline gint
neighbour_goes_on (const AlitraPacketGrid * grid, gint cell, guint depth)
{
  if (cell < 0 || !grid->changed[cell])
    return 0;
  return grid->reached[cell] > depth ? 1 : -1;
}

static inline guint
parent_class (const AlitraPacketCells * cells, const Place * place)
{
  const AlitraPacketGrid *parents;

  if (place->parent < 0)
    return 0;
  parents = &cells->grid[place->level + 1];
  if (!parents->changed[place->parent])
    return 0;
  if (parents->reached[place->parent] < 2)
    return 1;
  return parents->reached[place->parent] < 5 ? 2 : 3;
}

/* Where in a cell its next token would stand. In a further layer of a level it counts how deep the cell was, and whether it
 * has gone on in this one. */
static inline guint
place_of_next (const AlitraPacketCells * cells, guint depth, guint in_layer)
{
  if (cells->mode != ALITRA_PACKET_LAYER_FURTHER)
    return MIN (in_layer, ALITRA_PACKET_MORE - 1);
  return in_layer == 0 ? MIN (depth, 3) : 4 + MIN (depth - 1, 3);
}

static AlitraContext *
more_context (AlitraPacketCells * cells, const Place * place, Before before,
    guint in_layer)
{
  const AlitraPacketGrid *grid = &cells->grid[place->level];
  guint depth = grid->reached[place->cell];
  guint neighbours = 2, parent = parent_class (cells, place);

  if (before == BEFORE_COARSE)
    return &cells->more_flat;
  neighbours += neighbour_goes_on (grid, place->left, depth);
  neighbours += neighbour_goes_on (grid, place->above, depth);
  return &cells->more[place_of_next (cells, depth,
          in_layer)][neighbours][parent];
}

/* Whether the token is a flat colour: known, or one bit. */
static gboolean
code_flat (AlitraPacketCells * cells, Before before, gboolean flat)
{
  const AlitraVocabulary *vocabulary = &cells->vocabulary;

  if (before == BEFORE_NONE)
    return vocabulary->flat_coarse > 0
        && code_bit (cells, &cells->flat[0], flat);
  if (before == BEFORE_KEPT)
    return vocabulary->flat_fine > 0 && code_bit (cells, &cells->flat[1], flat);
  return before == BEFORE_COARSE;
}

/* Whether the packet has brought the cell a smooth token. */
static inline gboolean
became_smooth (const AlitraPacketCells * cells, guint level, gint cell)
{
  const AlitraPacketGrid *grid = &cells->grid[level];

  if (cell < 0 || !grid->changed[cell] || grid->keep[cell] > 0
      || grid->reached[cell] == 0)
    return FALSE;
  return alitra_vocabulary_is_smooth (&cells->vocabulary, level,
      grid->tokens[cell * grid->max_depth]);
}

/* Whether the first token of a cell is the smooth one. */
static gboolean
code_smooth (AlitraPacketCells * cells, const Place * place, gboolean smooth)
{
  guint neighbours;

  if (!cells->vocabulary.smooth)
    return FALSE;
  neighbours = became_smooth (cells, place->level, place->left)
      + became_smooth (cells, place->level, place->above);
  return code_bit (cells, &cells->smooth[neighbours], smooth);
}

/* What is known of token number `at` of a cell; -1: a cell outside of the slice. */
static inline guint8
class_at (const AlitraPacketCells * cells, const AlitraIdTable * table,
    guint level, gint cell, guint at)
{
  const AlitraPacketGrid *grid = &cells->grid[level];
  guint id;

  if (cell < 0 || !grid->changed[cell] || grid->keep[cell] > at)
    return ALITRA_ID_UNKNOWN;
  if (grid->reached[cell] <= at)
    return ALITRA_ID_NONE;
  id = grid->tokens[cell * grid->max_depth + at];
  return id < table->codes ? alitra_id_table_class (table, id) : ALITRA_ID_NONE;
}

static guint
code_learned (AlitraPacketCells * cells, const Place * place, guint id)
{
  const guint level = place->level;
  const guint at = cells->grid[level].reached[place->cell];
  const AlitraIdTable *table = cells->vocabulary.ids[level][at];
  guint8 near[ALITRA_ID_NEAR];

  if (!table)
    return code_uniform (cells, id, cells->vocabulary.codes[level]);
  near[ALITRA_ID_LEFT] = class_at (cells, table, level, place->left, at);
  near[ALITRA_ID_ABOVE] = class_at (cells, table, level, place->above, at);
  near[ALITRA_ID_BEFORE] = at == 0 ? ALITRA_ID_UNKNOWN
      : class_at (cells, table, level, place->cell, at - 1);
  if (cells->reading)
    return alitra_id_table_decode (table, near, &cells->decoder);
  alitra_id_table_encode (table, near, id, &cells->encoder);
  return id;
}

static void
code_token (AlitraPacketCells * cells, const Place * place, Before before)
{
  AlitraPacketGrid *grid = &cells->grid[place->level];
  const AlitraVocabulary *vocabulary = &cells->vocabulary;
  guint depth = grid->reached[place->cell];
  guint16 *id = &grid->tokens[place->cell * grid->max_depth + depth];
  guint first, n = vocabulary->codes[place->level];

  if (place->level < COARSEST) {
    if (depth == 0 && code_smooth (cells, place, *id == n)) {
      *id = n;
      return;
    }
  } else if (depth < 2 && code_flat (cells, before, *id >= n)) {
    first = depth == 0 ? n : n + vocabulary->flat_coarse;
    n = depth == 0 ? vocabulary->flat_coarse : vocabulary->flat_fine;
    *id = first + code_uniform (cells, (guint) * id - first, n);
    return;
  }
  *id = code_learned (cells, place, *id);
}

static void
code_cell (AlitraPacketCells * cells, const Place * place)
{
  AlitraPacketGrid *grid = &cells->grid[place->level];
  guint8 *reached = &grid->reached[place->cell];
  guint target = cells->reading ? 0 : grid->target[place->cell];

  for (guint in_layer = 0;; in_layer++) {
    Before before = token_before (cells, place);

    if (is_full (cells, place, before)) {
      g_assert (cells->reading || target <= *reached);
      break;
    }
    if (!code_bit (cells, more_context (cells, place, before, in_layer),
            *reached < target))
      break;
    code_token (cells, place, before);
    (*reached)++;
    cells->tokens++;
  }
}

static gboolean
code_level (AlitraPacketCells * cells, guint slice, guint level)
{
  const AlitraPacketGrid *grid = &cells->grid[level];
  guint rows = 1 << (COARSEST - level);

  for (guint row = slice * rows; row < (slice + 1) * rows; row++) {
    for (guint column = 0; column < grid->columns; column++) {
      Place place = place_of (cells, level, slice * rows, row, column);

      if (grid->changed[place.cell])
        code_cell (cells, &place);
      if (!is_sound (cells))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
code_chunk (AlitraPacketCells * cells, guint slice,
    const AlitraPacketLayer * layer)
{
  if (layer->map) {
    start_map (cells);
    if (!code_map (cells, slice))
      return FALSE;
  }
  for (guint l = ALITRA_LEVELS; l-- > 0;) {
    if (!(layer->levels >> l & 1))
      continue;
    start_level (cells, l, layer->mode[l]);
    if (!code_level (cells, slice, l))
      return FALSE;
  }
  return TRUE;
}

void
alitra_packet_cells_write (AlitraPacketCells * cells, guint slice,
    const AlitraPacketLayer * layer, GByteArray * out)
{
  cells->reading = FALSE;
  cells->tokens = 0;
  alitra_range_encoder_start (&cells->encoder, out);
  code_chunk (cells, slice, layer);
  alitra_range_encoder_finish (&cells->encoder);
}

gboolean
alitra_packet_cells_read (AlitraPacketCells * cells, guint slice,
    const AlitraPacketLayer * layer, const guint8 * data, gsize size)
{
  cells->reading = TRUE;
  cells->tokens = 0;
  alitra_range_decoder_start (&cells->decoder, data, size);
  return code_chunk (cells, slice, layer)
      && alitra_range_decoder_finish (&cells->decoder);
}
