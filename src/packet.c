/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <string.h>
#include <zlib.h>

#include "packetcells.h"
#include "packetheader.h"

#define COARSEST (ALITRA_LEVELS - 1)
#define CHECK_SIZE 2
/* Bytes of a slice that there is room for at first. */
#define SLICE_SIZE 4096

/* What is written of one slice: its chunks in all layers, one after the other. */
typedef struct
{
  GByteArray *body;
  gsize taken;                  /* bytes that are in the packet already */
  guint tokens[ALITRA_PACKET_MAX_LAYERS];
} Slice;

struct _AlitraPacketCoder
{
  AlitraPacketHeader header;
  AlitraPacketCells cells;
  AlitraWorkers *workers;       /* NULL: slices are written one after the other */
  AlitraPacketCells *writing;   /* for each worker */
  Slice slice[ALITRA_PACKET_MAX_SLICES];
  gsize allocated[ALITRA_LEVELS];       /* cells that the grids have room for */
  guint damaged;                /* slices of the last packet that was read */
};

AlitraPacketCoder *
alitra_packet_coder_new (const AlitraVocabulary * vocabulary)
{
  AlitraPacketCoder *coder;

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    g_return_val_if_fail (vocabulary->codes[l] >= 1
        && vocabulary->codes[l] + (l < COARSEST ? vocabulary->smooth : 0) <=
        65536, NULL);
  g_return_val_if_fail (vocabulary->smooth <= 1, NULL);
  g_return_val_if_fail (vocabulary->flat_coarse <= 65536
      && vocabulary->flat_fine <= 65536, NULL);
  g_return_val_if_fail (vocabulary->codes[COARSEST] + vocabulary->flat_coarse +
      vocabulary->flat_fine <= 65536, NULL);

  coder = g_new0 (AlitraPacketCoder, 1);
  coder->cells.vocabulary = *vocabulary;
  coder->writing = g_new0 (AlitraPacketCells, 1);
  return coder;
}

void
alitra_packet_coder_use_workers (AlitraPacketCoder * coder,
    AlitraWorkers * workers)
{
  coder->workers = workers;
  g_free (coder->writing);
  coder->writing =
      g_new0 (AlitraPacketCells, alitra_workers_get_threads (workers));
}

static void
free_grids (AlitraPacketCoder * coder)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraPacketGrid *grid = &coder->cells.grid[l];

    g_clear_pointer (&grid->changed, g_free);
    g_clear_pointer (&grid->keep, g_free);
    g_clear_pointer (&grid->reached, g_free);
    coder->allocated[l] = 0;
  }
}

void
alitra_packet_coder_free (AlitraPacketCoder * coder)
{
  if (!coder)
    return;
  free_grids (coder);
  for (guint i = 0; i < ALITRA_PACKET_MAX_SLICES; i++)
    g_clear_pointer (&coder->slice[i].body, g_byte_array_unref);
  g_free (coder->writing);
  g_free (coder);
}

static void
fit_grids (AlitraPacketCoder * coder, const AlitraMemory * memory,
    const AlitraUpdate * update)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &memory->level[l];
    AlitraPacketGrid *grid = &coder->cells.grid[l];
    gsize count = (gsize) level->columns * level->rows;

    if (count > coder->allocated[l]) {
      grid->changed = g_realloc (grid->changed, count);
      grid->keep = g_realloc (grid->keep, count);
      grid->reached = g_realloc (grid->reached, count);
      coder->allocated[l] = count;
    }
    grid->columns = level->columns;
    grid->rows = level->rows;
    grid->max_depth = level->max_depth;
    grid->tokens = update->level[l].tokens;
  }
}

/* How many layers before this one bring tokens of the level. */
static guint
layers_before (const AlitraPacketHeader * header, guint layer, guint level)
{
  guint count = 0;

  for (guint i = 0; i < layer; i++)
    count += header->levels[i] >> level & 1;
  return count;
}

static AlitraPacketLayer
find_layer (const AlitraPacketHeader * header, guint layer)
{
  const AlitraPacketLayerMode first =
      header->info.key ? ALITRA_PACKET_LAYER_KEY : ALITRA_PACKET_LAYER_DELTA;
  AlitraPacketLayer found =
      { layer == 0 && !header->info.key, header->levels[layer], };

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    found.mode[l] = layers_before (header, layer, l) > 0
        ? ALITRA_PACKET_LAYER_FURTHER : first;
  return found;
}

/* Rows of a slice in a level, as a range of its cells. */
static void
slice_cells (const AlitraPacketGrid * grid, guint level, guint slice,
    guint * first, guint * end)
{
  guint rows = 1 << (COARSEST - level);

  *first = slice * rows * grid->columns;
  *end = *first + rows * grid->columns;
}

static guint
chunk_check (guint32 frame_number, guint layer, guint slice,
    const guint8 * payload, gsize size)
{
  const guint8 place[6] =
      { frame_number, frame_number >> 8, frame_number >> 16, frame_number >> 24,
    layer, slice
  };

  return crc32 (crc32 (0, place, sizeof place), payload, size) & 0xFFFF;
}

/* Writing */

/* Whether the cell holds the smooth token, behind which none can come. */
static gboolean
is_smooth (const AlitraPacketCoder * coder, const AlitraMemory * memory,
    guint level, guint cell)
{
  const AlitraMemoryLevel *held = &memory->level[level];

  return held->depth[cell] > 0
      && alitra_vocabulary_is_smooth (&coder->cells.vocabulary, level,
      held->tokens[(gsize) cell * held->max_depth]);
}

static void
prepare_level (AlitraPacketCoder * coder, guint l, guint slice,
    const AlitraMemory * memory, const AlitraUpdateLevel * update)
{
  const gboolean key = coder->header.info.key;
  AlitraPacketGrid *grid = &coder->cells.grid[l];
  const AlitraMemoryLevel *before = &memory->level[l];
  guint i, end;

  slice_cells (grid, l, slice, &i, &end);
  for (; i < end; i++) {
    guint keep = update->keep[i];

    g_assert (keep <= update->depth[i] && update->depth[i] <= grid->max_depth);
    g_assert (key || update->anew[i] ? keep == 0 : keep <= before->depth[i]);
    g_assert (keep == 0 || update->depth[i] == 1
        || !is_smooth (coder, memory, l, i));
    grid->changed[i] = key || update->anew[i] || keep < before->depth[i]
        || update->depth[i] > keep;
    grid->keep[i] = grid->reached[i] = keep;
  }
}

static gboolean
map_says_something (const AlitraPacketCells * cells, guint slice)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraPacketGrid *grid = &cells->grid[l];
    guint first, end;

    slice_cells (grid, l, slice, &first, &end);
    if (memchr (grid->changed + first, TRUE, end - first))
      return TRUE;
  }
  return FALSE;
}

static gboolean
level_says_something (const AlitraPacketCells * cells, guint level, guint slice)
{
  const AlitraPacketGrid *grid = &cells->grid[level];
  guint first, end;

  slice_cells (grid, level, slice, &first, &end);
  for (guint i = first; i < end; i++) {
    if (grid->target[i] > grid->reached[i])
      return TRUE;
  }
  return FALSE;
}

static gboolean
chunk_says_something (const AlitraPacketCells * cells,
    const AlitraPacketLayer * layer, guint slice)
{
  if (layer->map)
    return map_says_something (cells, slice);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    if ((layer->levels >> l & 1) && level_says_something (cells, l, slice))
      return TRUE;
  }
  return FALSE;
}

static guint
write_chunk (const AlitraPacketCoder * coder, AlitraPacketCells * cells,
    guint number, const AlitraPacketLayer * layer, guint slice)
{
  GByteArray *body = coder->slice[slice].body;
  guint start = body->len;
  guint check;

  g_byte_array_set_size (body, start + CHECK_SIZE);
  alitra_packet_cells_write (cells, slice, layer, body);
  check =
      chunk_check (coder->header.info.frame_number, number, slice,
      body->data + start + CHECK_SIZE, body->len - start - CHECK_SIZE);
  body->data[start] = check & 0xFF;
  body->data[start + 1] = check >> 8;
  return body->len - start;
}

/* Where the cells of each level that the layer brings will stand behind it. */
static void
aim (const AlitraPacketHeader * header, AlitraPacketCells * cells,
    const AlitraUpdate * update, guint number)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraUpdateLevel *level = &update->level[l];
    guint within = layers_before (header, number, l);
    gboolean last =
        within + 1 == layers_before (header, header->info.layers, l);

    if (header->levels[number] >> l & 1)
      cells->grid[l].target = last ? level->depth : level->cut[within];
  }
}

typedef struct
{
  AlitraPacketCoder *coder;
  const AlitraMemory *before;
  const AlitraUpdate *update;
} Writing;

/* A slice knows nothing of the others. */
static void
write_slice (gpointer data, guint number, guint worker)
{
  const Writing *job = data;
  AlitraPacketCoder *coder = job->coder;
  AlitraPacketHeader *header = &coder->header;
  AlitraPacketCells *cells = &coder->writing[worker];
  Slice *slice = &coder->slice[number];

  *cells = coder->cells;
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    prepare_level (coder, l, number, job->before, &job->update->level[l]);
  g_byte_array_set_size (slice->body, 0);
  slice->taken = 0;
  for (guint i = 0; i < header->info.layers; i++) {
    const AlitraPacketLayer layer = find_layer (header, i);
    guint size = 0;

    slice->tokens[i] = 0;
    aim (header, cells, job->update, i);
    if (chunk_says_something (cells, &layer, number)) {
      size = write_chunk (coder, cells, i, &layer, number);
      slice->tokens[i] = cells->tokens;
    }
    header->chunk_size[i * header->info.slices + number] = size;
  }
}

static void
write_slices (AlitraPacketCoder * coder, const AlitraMemory * before,
    const AlitraUpdate * update)
{
  AlitraPacketHeader *header = &coder->header;
  const guint slices = header->info.slices;
  Writing job = { coder, before, update };

  for (guint i = 0; i < slices; i++)
    if (!coder->slice[i].body)
      coder->slice[i].body = g_byte_array_sized_new (SLICE_SIZE);
  if (coder->workers)
    alitra_workers_run (coder->workers, slices, write_slice, &job);
  else
    for (guint i = 0; i < slices; i++)
      write_slice (&job, i, 0);
  for (guint layer = 0; layer < header->info.layers; layer++) {
    header->tokens[layer] = 0;
    for (guint i = 0; i < slices; i++)
      header->tokens[layer] += coder->slice[i].tokens[layer];
  }
}

/* Layer by layer. */
static void
append_chunks (AlitraPacketCoder * coder, GByteArray * out)
{
  const AlitraPacketHeader *header = &coder->header;
  const guint slices = header->info.slices;

  for (guint i = 0; i < header->info.layers * slices; i++) {
    Slice *slice = &coder->slice[i % slices];

    g_byte_array_append (out, slice->body->data + slice->taken,
        header->chunk_size[i]);
    slice->taken += header->chunk_size[i];
  }
}

/* Layers at the end that say nothing need not be there. */
static void
leave_out_empty_layers (AlitraPacketHeader * header)
{
  for (; header->info.layers > 1; header->info.layers--) {
    const guint32 *size =
        &header->chunk_size[(header->info.layers - 1) * header->info.slices];

    for (guint slice = 0; slice < header->info.slices; slice++) {
      if (size[slice] > 0)
        return;
    }
  }
}

static void
take_layers (AlitraPacketHeader * header, const AlitraUpdate * update)
{
  g_assert (update->layers >= 1 && update->layers <= ALITRA_PACKET_MAX_LAYERS);
  header->info.layers = update->layers;
  memcpy (header->levels, update->levels, sizeof header->levels);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    guint layers = layers_before (header, update->layers, l);

    g_assert (layers >= 1 && layers <= ALITRA_PACKET_MAX_LEVEL_LAYERS);
  }
}

void
alitra_packet_write (AlitraPacketCoder * coder, const AlitraPacketInfo * info,
    const AlitraMemory * before, const AlitraUpdate * update, GByteArray * out)
{
  AlitraPacketHeader *header = &coder->header;

  fit_grids (coder, before, update);
  header->info = *info;
  header->info.slices = before->level[COARSEST].rows;
  take_layers (header, update);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    header->max_depth[l] = before->level[l].max_depth;
  write_slices (coder, before, update);
  leave_out_empty_layers (header);
  alitra_packet_header_write (header, out);
  append_chunks (coder, out);
}

/* Reading */

static void
clear_slice (AlitraPacketCoder * coder, guint slice)
{
  gboolean key = coder->header.info.key;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraPacketGrid *grid = &coder->cells.grid[l];
    guint first, end;

    slice_cells (grid, l, slice, &first, &end);
    memset (grid->changed + first, key, end - first);
    memset (grid->keep + first, 0, end - first);
    memset (grid->reached + first, 0, end - first);
  }
}

typedef enum
{
  CHUNK_READ,
  CHUNK_DAMAGED,                /* nothing of it was looked at */
  CHUNK_UNSOUND                 /* the check fits, but it breaks the rules; the cells of the slice are spoilt */
} ChunkReading;

static ChunkReading
read_chunk (AlitraPacketCoder * coder, guint layer, guint slice,
    const guint8 * data, gsize size)
{
  const AlitraPacketHeader *header = &coder->header;
  AlitraPacketLayer what = find_layer (header, layer);
  guint check = data[0] | data[1] << 8;

  if (check != chunk_check (header->info.frame_number, layer, slice,
          data + CHECK_SIZE, size - CHECK_SIZE))
    return CHUNK_DAMAGED;
  return alitra_packet_cells_read (&coder->cells, slice, &what,
      data + CHECK_SIZE, size - CHECK_SIZE) ? CHUNK_READ : CHUNK_UNSOUND;
}

/* Flat colours only follow each other: a new token must fit the one that a cell of the coarsest level keeps. */
static gboolean
flat_fits_kept (const AlitraVocabulary * vocabulary, const guint16 * held,
    guint keep, guint16 next)
{
  guint codes = vocabulary->codes[COARSEST];

  if (keep == 1)
    return (held[0] >= codes) == (next >= codes);
  return held[0] < codes;
}

/* Whether what the packet says of a changed cell can be true of what is held, if that is the sender's. */
static gboolean
fits_held (const AlitraPacketCoder * coder, const AlitraMemory * before,
    guint level, guint cell)
{
  const AlitraPacketGrid *grid = &coder->cells.grid[level];
  const AlitraMemoryLevel *held = &before->level[level];
  gsize at = (gsize) cell * grid->max_depth;
  guint keep = grid->keep[cell], reached = grid->reached[cell];

  if (keep == 0 || held->depth[cell] == 0)
    return TRUE;
  if (level < COARSEST)
    return reached <= 1 || !is_smooth (coder, before, level, cell);
  return reached == keep || keep > held->depth[cell]
      || flat_fits_kept (&coder->cells.vocabulary, held->tokens + at, keep,
      grid->tokens[at + keep]);
}

/* What of a slice could be read. */
typedef struct
{
  gboolean map;                 /* it is known what each cell keeps */
  guint layers;                 /* first layers of which nothing is lost */
} SliceReading;

/* FALSE: the sender cannot have meant this for what it holds. */
static gboolean
slice_fits_held (const AlitraPacketCoder * coder, const AlitraMemory * before,
    guint slice)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraPacketGrid *grid = &coder->cells.grid[l];
    const AlitraMemoryLevel *held = &before->level[l];
    guint first, end;

    slice_cells (grid, l, slice, &first, &end);
    for (guint i = first; i < end; i++) {
      if (!grid->changed[i])
        continue;
      if (held->valid[i] == ALITRA_CELL_WHOLE && grid->keep[i] > held->depth[i])
        return FALSE;
      if ((held->valid[i] != ALITRA_CELL_LOST
              || grid->keep[i] <= held->sound[i])
          && !fits_held (coder, before, l, i))
        return FALSE;
    }
  }
  return TRUE;
}

static SliceReading
nothing_of (AlitraPacketCoder * coder)
{
  coder->damaged++;
  return (SliceReading) {
  FALSE, 0};
}

/* Reads the chunks of a slice up to the first one that is lost or damaged: those behind it need it. Adds to `tokens`
 * what each layer brought. */
static SliceReading
read_slice (AlitraPacketCoder * coder, const guint8 * data,
    const gsize * layer_at, guint slice, const AlitraMemory * before,
    guint32 * tokens)
{
  const AlitraPacketHeader *header = &coder->header;
  SliceReading reading = { header->info.key, 0 };
  gboolean open = header->info.key;

  clear_slice (coder, slice);
  for (; reading.layers < header->info.layers; reading.layers++) {
    guint layer = reading.layers;
    const guint32 *sizes = header->chunk_size + layer * header->info.slices;
    gsize at = layer_at[layer];
    ChunkReading chunk;

    if (sizes[slice] == ALITRA_PACKET_CHUNK_LOST)
      break;
    reading.map = TRUE;
    if (sizes[slice] == 0)
      continue;
    if (!open && layer > 0)
      return nothing_of (coder);
    open = TRUE;
    for (guint s = 0; s < slice; s++)
      at += alitra_packet_chunk_bytes (sizes[s]);
    chunk = read_chunk (coder, layer, slice, data + at, sizes[slice]);
    if (chunk == CHUNK_UNSOUND)
      return nothing_of (coder);
    if (chunk == CHUNK_DAMAGED) {
      coder->damaged++;
      reading.map = header->info.key || layer > 0;
      break;
    }
    tokens[layer] += coder->cells.tokens;
  }
  if (reading.map && !header->info.key
      && !slice_fits_held (coder, before, slice))
    return nothing_of (coder);
  return reading;
}

/* Whether all that the packet says of the level in the slice was read. */
static gboolean
level_is_whole (const AlitraPacketHeader * header, guint level, guint slice,
    guint layers)
{
  for (guint layer = layers; layer < header->info.layers; layer++) {
    if ((header->levels[layer] >> level & 1)
        && header->chunk_size[layer * header->info.slices + slice] != 0)
      return FALSE;
  }
  return TRUE;
}

/* The cell stays as it is. */
static void
keep_cell (const AlitraMemoryLevel * held, guint cell, guint valid,
    guint sound, AlitraUpdateLevel * update)
{
  update->keep[cell] = update->depth[cell] = held->depth[cell];
  update->valid[cell] = valid;
  update->sound[cell] = sound;
}

/* What the packet does to a changed cell. Tokens behind a prefix that may not be the sender's are taken all the same:
 * what they add is right, and what they replace was wrong. */
static void
change_cell (const AlitraPacketCoder * coder, const AlitraMemory * before,
    guint level, guint cell, gboolean whole, AlitraUpdateLevel * update)
{
  const AlitraPacketGrid *grid = &coder->cells.grid[level];
  const AlitraMemoryLevel *held = &before->level[level];
  guint keep = grid->keep[cell];
  gboolean sound = coder->header.info.key || keep <= held->sound[cell];

  if (!sound && (keep > held->depth[cell]
          || !fits_held (coder, before, level, cell))) {
    keep_cell (held, cell, held->valid[cell], held->sound[cell], update);
    return;
  }
  update->keep[cell] = keep;
  update->depth[cell] = grid->reached[cell];
  update->sound[cell] = sound ? grid->reached[cell] : held->sound[cell];
  update->valid[cell] = ALITRA_CELL_LOST;
  if (sound && whole)
    update->valid[cell] =
        coder->header.info.checksum ? ALITRA_CELL_WHOLE : ALITRA_CELL_TRIMMED;
}

/* What the slice does to what this receiver holds, which may be less than what the sender holds. */
static void
settle_slice (const AlitraPacketCoder * coder, const AlitraMemory * before,
    guint slice, SliceReading reading, AlitraUpdate * update)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraPacketGrid *grid = &coder->cells.grid[l];
    const AlitraMemoryLevel *held = &before->level[l];
    gboolean whole = level_is_whole (&coder->header, l, slice, reading.layers);
    guint first, end;

    slice_cells (grid, l, slice, &first, &end);
    for (guint i = first; i < end; i++) {
      /* Nothing came of a cell that is made anew: what it held before is a better guess than a hole. In finer cells
       * the parent shows, which is better still. */
      gboolean hole = !whole && l == COARSEST && grid->keep[i] == 0
          && grid->reached[i] == 0;

      if (!reading.map || (grid->changed[i] && hole))
        keep_cell (held, i, ALITRA_CELL_LOST, 0, &update->level[l]);
      else if (grid->changed[i])
        change_cell (coder, before, l, i, whole, &update->level[l]);
      else
        keep_cell (held, i, held->valid[i], held->sound[i], &update->level[l]);
    }
  }
}

static gboolean
fail (GError ** error, const gchar * problem)
{
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
      "Expected a sound token packet, but %s; wait for the next key packet",
      problem);
  return FALSE;
}

static const gchar *
misfit (const AlitraPacketHeader * header, const AlitraMemory * memory)
{
  if (header->info.slices != memory->level[COARSEST].rows)
    return "it has other slices than the picture that the stream has";
  if (!header->info.key)
    return NULL;
  if (header->info.stream.width != memory->width
      || header->info.stream.height != memory->height)
    return "it has another size than the memory was made for";
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    if (header->max_depth[l] != memory->level[l].max_depth)
      return
          "its cells hold another number of tokens than the memory was made for";
  }
  return NULL;
}

static gboolean
read_slices (AlitraPacketCoder * coder, const guint8 * data,
    const AlitraMemory * before, AlitraUpdate * update)
{
  const AlitraPacketHeader *header = &coder->header;
  gsize layer_at[ALITRA_PACKET_MAX_LAYERS];
  guint32 tokens[ALITRA_PACKET_MAX_LAYERS] = { 0, };
  gsize at = header->info.header_size;

  for (guint layer = 0; layer < header->info.layers; layer++) {
    layer_at[layer] = at;
    for (guint slice = 0; slice < header->info.slices; slice++)
      at += alitra_packet_chunk_bytes (header->chunk_size[layer *
              header->info.slices + slice]);
  }
  coder->damaged = 0;
  for (guint slice = 0; slice < header->info.slices; slice++)
    settle_slice (coder, before, slice, read_slice (coder, data, layer_at,
            slice, before, tokens), update);
  if (coder->damaged > 0 || header->info.lost > 0)
    return TRUE;
  return memcmp (tokens, header->tokens,
      header->info.layers * sizeof tokens[0]) == 0;
}

gboolean
alitra_packet_read (AlitraPacketCoder * coder, const guint8 * data, gsize size,
    const AlitraPacketInfo * info, const AlitraMemory * before,
    AlitraUpdate * update, GError ** error)
{
  AlitraPacketHeader *header = &coder->header;
  const gchar *problem = "it ends inside its header";

  if (alitra_packet_header_read (header, data, size,
          &problem) != ALITRA_PACKET_OK)
    return fail (error, problem);
  if (header->info.size != size)
    return fail (error,
        size <
        header->info.size ? "its end is missing" : "more bytes follow it");
  problem = misfit (header, before);
  if (problem)
    return fail (error, problem);

  fit_grids (coder, before, update);
  if (!read_slices (coder, data, before, update))
    return fail (error, "it has other numbers of tokens than it says");
  return TRUE;
}

guint
alitra_packet_coder_get_damaged (const AlitraPacketCoder * coder)
{
  return coder->damaged;
}
