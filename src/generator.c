/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tiles that were drawn become frames of a stream. */
#include <alitra/generator.h>

#include <math.h>
#include <string.h>

#include "flat.h"
#include "packet.h"
#include "packetheader.h"
#include "tiles.h"

#define DEFAULT_FILE "alitra-generate.safetensors"
#define MOST_TEMPERATURE 100.
#define MOST_GUIDANCE 100.

G_STATIC_ASSERT (ALITRA_GENERATOR_TILE == ALITRA_TILE_SIZE);

struct _AlitraGenerator
{
  gint references;
  AlitraModel *model;
  AlitraGeneratorModel *weights;
  AlitraWorkers *workers;
  AlitraPacketCoder *coder;
  /* Of the stream. */
  AlitraStreamInfo stream;
  guint columns, rows;          /* tiles */
  AlitraTiles *tiles;
  AlitraMemory *memory, *before;
  AlitraUpdate *update;
  guint32 frame_number;
  gboolean begun;               /* there is a frame to keep cells of */
};

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraGenerator, alitra_generator, alitra_generator_ref, alitra_generator_unref)
/* *INDENT-ON* */

AlitraGenerator *
alitra_generator_new_from_bytes (GBytes * bytes, AlitraModel * model,
    guint threads, GError ** error)
{
  AlitraGeneratorModel *weights;
  AlitraGenerator *self;
  AlitraVocabulary vocabulary;

  g_return_val_if_fail (bytes && model, NULL);

  weights = alitra_generator_model_load (bytes, model, error);
  if (!weights)
    return NULL;
  self = g_new0 (AlitraGenerator, 1);
  self->references = 1;
  self->model = alitra_model_ref (model);
  self->weights = weights;
  self->workers = alitra_workers_new (threads);
  alitra_flat_get_vocabulary (model, &vocabulary);
  self->coder = alitra_packet_coder_new (&vocabulary);
  return self;
}

AlitraGenerator *
alitra_generator_new (const gchar * path, AlitraModel * model, guint threads,
    GError ** error)
{
  g_autofree char *file = NULL;
  g_autoptr (GBytes) bytes = NULL;
  AlitraGenerator *self = NULL;

  g_return_val_if_fail (model, NULL);

  bytes = alitra_weights_read_file (path, DEFAULT_FILE, &file, error);
  if (bytes)
    self = alitra_generator_new_from_bytes (bytes, model, threads, error);
  if (bytes && !self)
    g_prefix_error (error, "%s: ", file);
  return self;
}

AlitraGenerator *
alitra_generator_ref (AlitraGenerator * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

static void
end_stream (AlitraGenerator * self)
{
  g_clear_pointer (&self->tiles, alitra_tiles_free);
  g_clear_pointer (&self->memory, alitra_memory_free);
  g_clear_pointer (&self->before, alitra_memory_free);
  g_clear_pointer (&self->update, alitra_update_free);
}

void
alitra_generator_unref (AlitraGenerator * self)
{
  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  end_stream (self);
  alitra_packet_coder_free (self->coder);
  alitra_workers_free (self->workers);
  alitra_generator_model_free (self->weights);
  alitra_model_unref (self->model);
  g_free (self);
}

const gchar *
alitra_generator_get_id (AlitraGenerator * self)
{
  g_return_val_if_fail (self, NULL);
  return self->weights->id;
}

guint
alitra_generator_get_count (AlitraGenerator * self)
{
  g_return_val_if_fail (self, 0);
  return self->weights->labels->len;
}

const gchar *
alitra_generator_get_label (AlitraGenerator * self, guint index)
{
  g_return_val_if_fail (self && index < self->weights->labels->len, NULL);
  return g_ptr_array_index (self->weights->labels, index);
}

gint
alitra_generator_find_label (AlitraGenerator * self, const gchar * label)
{
  g_return_val_if_fail (self && label, -1);

  for (guint i = 0; i < self->weights->labels->len; i++) {
    if (g_ascii_strcasecmp (g_ptr_array_index (self->weights->labels, i),
            label) == 0)
      return i;
  }
  return -1;
}

void
alitra_generator_get_tokens (AlitraGenerator * self, guint * least,
    guint * most)
{
  g_return_if_fail (self);
  if (least)
    *least = self->weights->tokens[0];
  if (most)
    *most = self->weights->tokens[1];
}

static gboolean
is_tiled (guint size)
{
  return size >= ALITRA_TILE_SIZE && size <= ALITRA_GENERATOR_MAX_SIZE
      && size % ALITRA_TILE_SIZE == 0;
}

static gboolean
check_stream (const AlitraStreamInfo * info, GError ** error)
{
  if (!is_tiled (info->width) || !is_tiled (info->height)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a width and a height that are multiples of %u up to %u, got %ux%u: scale the decoded frames instead",
        ALITRA_TILE_SIZE, ALITRA_GENERATOR_MAX_SIZE, info->width, info->height);
    return FALSE;
  }
  return alitra_packet_check_rates (info, error);
}

/* One quality layer for each level: coarse ones alone are a picture. */
static void
set_layers (AlitraUpdate * update)
{
  update->layers = ALITRA_LEVELS;
  for (guint i = 0; i < ALITRA_LEVELS; i++)
    update->levels[i] = 1 << (ALITRA_LEVELS - 1 - i);
}

gboolean
alitra_generator_set_stream (AlitraGenerator * self,
    const AlitraStreamInfo * info, GError ** error)
{
  guint depth[ALITRA_LEVELS];

  g_return_val_if_fail (self && info, FALSE);

  if (!check_stream (info, error))
    return FALSE;
  end_stream (self);
  self->stream = *info;
  self->columns = info->width / ALITRA_TILE_SIZE;
  self->rows = info->height / ALITRA_TILE_SIZE;
  self->tiles = alitra_tiles_new (self->weights, self->model, self->workers,
      self->columns * self->rows);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    depth[l] = self->model->level[l].depth;
  self->memory = alitra_memory_new (info->width, info->height, depth);
  self->before = alitra_memory_new (info->width, info->height, depth);
  self->update = alitra_update_new (self->memory);
  set_layers (self->update);
  self->frame_number = 0;
  self->begun = FALSE;
  return TRUE;
}

static gboolean
check_generation (const AlitraGenerator * self,
    const AlitraGeneration * generation, GError ** error)
{
  const guint *tokens = self->weights->tokens;

  if (generation->label < -1
      || generation->label >= (gint) self->weights->labels->len) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "The generator %s knows labels 0 to %u, and -1 for anything, got %d",
        self->weights->id, self->weights->labels->len - 1, generation->label);
    return FALSE;
  }
  if (generation->tokens > 0 && (generation->tokens < tokens[0]
          || generation->tokens > tokens[1])) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "The generator %s makes pictures of %u to %u tokens, and of %u for 0, got %u",
        self->weights->id, tokens[0], tokens[1], tokens[1], generation->tokens);
    return FALSE;
  }
  /* Written so that what is not a number fails. */
  if (generation->steps < 1 || !(generation->temperature >= 0
          && generation->temperature <= MOST_TEMPERATURE)
      || !(generation->guidance >= 0 && generation->guidance <= MOST_GUIDANCE)
      || !(generation->keep >= 0 && generation->keep <= 1)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected at least 1 step, a temperature of 0 to %g, guidance of 0 to %g and keep of 0 to 1, got %u, %g, %g and %g",
        MOST_TEMPERATURE, MOST_GUIDANCE, generation->steps,
        generation->temperature, generation->guidance, generation->keep);
    return FALSE;
  }
  return TRUE;
}

/* A cell of a tile to its place in the frame; one that holds what it held before is kept. */
static void
place_cell (AlitraGenerator * self, guint number, guint l, guint index,
    gboolean key)
{
  const AlitraTile *tile = alitra_tiles_get (self->tiles, number);
  const AlitraMemoryLevel *level = &self->before->level[l];
  AlitraUpdateLevel *update = &self->update->level[l];
  const guint columns = alitra_tiles_columns (l);
  const guint cell = alitra_tiles_first (l) + index;
  const guint row = number / self->columns * columns + index / columns;
  const guint column = number % self->columns * columns + index % columns;
  const gsize at = (gsize) row * level->columns + column;
  const guint depth = tile->depth[cell];
  const gsize size = depth * sizeof (guint16);
  guint16 *tokens = update->tokens + at * level->max_depth;

  update->keep[at] = !key && depth == level->depth[at]
      && memcmp (level->tokens + at * level->max_depth, tile->tokens[cell],
      size) == 0 ? depth : 0;
  update->depth[at] = depth;
  memcpy (tokens, tile->tokens[cell], size);
}

static void
write_packet (AlitraGenerator * self, gboolean key, guint64 pts,
    GByteArray * packet)
{
  AlitraPacketInfo info = { 0 };

  if (key) {
    alitra_memory_clear (self->memory);
    alitra_memory_clear (self->before);
  }
  alitra_memory_apply (self->memory, self->update);
  info.key = key;
  info.frame_number = self->frame_number;
  info.pts = pts;
  info.model = alitra_model_get_number (self->model);
  info.checksum = alitra_memory_get_checksum (self->memory);
  info.stream = self->stream;
  alitra_packet_write (self->coder, &info, self->before, self->update, packet);
  alitra_memory_apply (self->before, self->update);
}

gboolean
alitra_generator_run (AlitraGenerator * self,
    const AlitraGeneration * generation, guint64 pts, GByteArray * packet,
    GError ** error)
{
  AlitraGeneration wanted;
  gboolean key;

  g_return_val_if_fail (self && self->tiles && generation && packet, FALSE);

  if (!check_generation (self, generation, error))
    return FALSE;
  wanted = *generation;
  if (wanted.tokens == 0)
    wanted.tokens = self->weights->tokens[1];
  key = !self->begun || wanted.keep <= 0;
  self->begun = FALSE;
  alitra_tiles_forget (self->tiles, wanted.seed, key ? 0 : wanted.keep);
  if (!alitra_tiles_draw (self->tiles, &wanted)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID,
        "The numbers of the generator %s overflow: its file is damaged",
        self->weights->id);
    return FALSE;
  }
  for (guint t = 0; t < self->columns * self->rows; t++)
    for (guint l = 0; l < ALITRA_LEVELS; l++)
      for (guint i = 0; i < alitra_tiles_columns (l) * alitra_tiles_columns (l);
          i++)
        place_cell (self, t, l, i, key);
  write_packet (self, key, pts, packet);
  self->frame_number++;
  self->begun = TRUE;
  return TRUE;
}

const AlitraMemory *
alitra_generator_get_memory (AlitraGenerator * self)
{
  g_return_val_if_fail (self, NULL);
  return self->memory;
}
