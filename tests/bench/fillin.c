/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of which tokens are lost, as a decoder conceals them and as a generator fills them in; tools/concealing.py
 * compares them:
 *   bench-fillin MODEL GENERATOR TOKENS LOST LABEL STEPS TEMPERATURE GUIDANCE [before] < PICTURES > PICTURES
 * Pictures are 128x128, I420, full range. LOST: "lower": all of the lower half, which is a row of 64-cells and so what
 * one RTP packet holds; "fine": its cells of 32 and 16 pixels; "finest": its cells of 16 pixels. LABEL: -1: not known.
 * Of each picture come three: whole, concealed, filled in. With "before" pictures come in pairs, the second of which
 * loses: it is encoded as what changed, and concealed by what the first one held. */
#include <alitra/alitra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conceal.h"
#include "flat.h"
#include "packet.h"
#include "tiles.h"

#define SIZE ALITRA_TILE_SIZE

typedef struct
{
  AlitraModel *model;
  AlitraGeneratorModel *weights;
  AlitraWorkers *workers;
  AlitraTiles *tiles;
  AlitraPacketCoder *coder;
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  AlitraSettings settings;
  AlitraGeneration generation;
  AlitraStreamInfo info;
  AlitraMemory *none;           /* holds nothing */
  AlitraUpdate *update;
  AlitraFrame *frame;
  GByteArray *packet;
  guint lost_levels;            /* so many, finest first */
  gboolean pairs;
} Bench;

static void
check (gboolean fine, GError * error)
{
  if (fine)
    return;
  fprintf (stderr, "%s\n", error->message);
  exit (1);
}

/* Lost cells of a level lie in its lower half. */
static gboolean
is_lost (const Bench * b, guint level, guint cell)
{
  const guint columns = alitra_tiles_columns (level);

  return level < b->lost_levels && cell / columns >= columns / 2;
}

static gboolean
read_picture (Bench * b)
{
  gsize got = 0;

  for (guint i = 0; i < 3; i++)
    for (guint y = 0; y < (i ? SIZE / 2 : SIZE); y++)
      got += fread (b->frame->data[i] + (gssize) y * b->frame->stride[i], 1,
          i ? SIZE / 2 : SIZE, stdin);
  return got == SIZE * SIZE * 3 / 2;
}

static void
write_picture (Bench * b)
{
  for (guint i = 0; i < 3; i++)
    for (guint y = 0; y < (i ? SIZE / 2 : SIZE); y++)
      fwrite (b->frame->data[i] + (gssize) y * b->frame->stride[i], 1,
          i ? SIZE / 2 : SIZE, stdout);
}

/* The update as a key packet, decoded and written. */
static void
show (Bench * b)
{
  AlitraPacketInfo info = { 0 };
  GError *error = NULL;

  info.key = TRUE;
  info.pts = ALITRA_PACKET_NO_PTS;
  info.model = alitra_model_get_number (b->model);
  info.stream = b->info;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &b->none->level[l];
    AlitraUpdateLevel *update = &b->update->level[l];

    memset (update->keep, 0, level->columns * level->rows);
    memset (update->valid, ALITRA_CELL_WHOLE, level->columns * level->rows);
  }
  alitra_packet_write (b->coder, &info, b->none, b->update, b->packet);
  check (alitra_detokenizer_decode (b->detokenizer, b->packet->data,
          b->packet->len, &error), error);
  check (alitra_detokenizer_render (b->detokenizer, 0, b->frame, &error),
      error);
  write_picture (b);
}

/* What `sent` says of all cells, but of lost ones what `before` held. */
static void
receive (Bench * b, const AlitraMemory * sent, const AlitraMemory * before,
    gboolean lossy)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const guint cells = alitra_tiles_columns (l) * alitra_tiles_columns (l);
    AlitraUpdateLevel *update = &b->update->level[l];

    for (guint i = 0; i < cells; i++) {
      const gboolean lost = lossy && is_lost (b, l, i);
      const AlitraMemoryLevel *level =
          lost ? &before->level[l] : &sent->level[l];
      const gsize at = (gsize) i * level->max_depth;

      update->keep[i] = update->sound[i] = 0;
      update->valid[i] = lost ? ALITRA_CELL_LOST : ALITRA_CELL_WHOLE;
      update->depth[i] = level->depth[i];
      memcpy (update->tokens + at, level->tokens + at,
          level->depth[i] * sizeof (guint16));
    }
  }
}

static void
know (Bench * b, guint level, guint index, const AlitraMemoryLevel * sent)
{
  const guint cell = alitra_tiles_first (level) + index;
  const guint16 *tokens = sent->tokens + (gsize) index * sent->max_depth;

  for (guint turn = 0; turn < sent->depth[index]; turn++)
    alitra_tiles_put (b->tiles, 0, cell, turn, tokens[turn]);
  alitra_tiles_get (b->tiles, 0)->depth[cell] = sent->depth[index];
}

/* What arrived is known, the rest is drawn. */
static void
fill_in (Bench * b, const AlitraMemory * sent)
{
  const AlitraTile *tile = alitra_tiles_get (b->tiles, 0);

  alitra_tiles_forget (b->tiles, 0, 0);
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint i = 0; i < alitra_tiles_columns (l) * alitra_tiles_columns (l);
        i++)
      if (!is_lost (b, l, i))
        know (b, l, i, &sent->level[l]);
  if (!alitra_tiles_draw (b->tiles, &b->generation)) {
    fprintf (stderr, "numbers overflow\n");
    exit (1);
  }
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint i = 0; i < alitra_tiles_columns (l) * alitra_tiles_columns (l);
        i++) {
      const guint cell = alitra_tiles_first (l) + i;
      AlitraUpdateLevel *update = &b->update->level[l];

      update->depth[i] = tile->depth[cell];
      memcpy (update->tokens + (gsize) i * sent->level[l].max_depth,
          tile->tokens[cell], tile->depth[cell] * sizeof (guint16));
    }
}

static void
encode (Bench * b, gboolean key)
{
  GError *error = NULL;

  check (alitra_tokenizer_encode (b->tokenizer, b->frame, &b->settings, key,
          ALITRA_PACKET_NO_PTS, b->packet, NULL, &error), error);
}

static void
run (Bench * b)
{
  AlitraMemory *before = b->none;

  while (read_picture (b)) {
    const AlitraMemory *sent;

    encode (b, TRUE);
    if (b->pairs) {
      before = alitra_memory_copy (alitra_tokenizer_get_memory (b->tokenizer));
      if (!read_picture (b))
        return;
      encode (b, FALSE);
    }
    sent = alitra_tokenizer_get_memory (b->tokenizer);
    receive (b, sent, before, FALSE);
    show (b);
    receive (b, sent, before, TRUE);
    alitra_conceal_holes (before, b->update);
    show (b);
    fill_in (b, sent);
    show (b);
    b->generation.seed++;
    if (b->pairs)
      alitra_memory_free (before);
  }
}

static void
load (Bench * b, const char *model, const char *generator)
{
  GError *error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  char *data;
  gsize size;

  b->model = alitra_model_load (model, &error);
  check (b->model != NULL, error);
  check (g_file_get_contents (generator, &data, &size, &error), error);
  bytes = g_bytes_new_take (data, size);
  b->weights = alitra_generator_model_load (bytes, b->model, &error);
  check (b->weights != NULL, error);
}

static void
prepare (Bench * b)
{
  guint depth[ALITRA_LEVELS];
  AlitraVocabulary vocabulary;
  GError *error = NULL;

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    depth[l] = b->model->level[l].depth;
  alitra_flat_get_vocabulary (b->model, &vocabulary);
  b->workers = alitra_workers_new (1);
  b->tiles = alitra_tiles_new (b->weights, b->model, b->workers, 1);
  b->coder = alitra_packet_coder_new (&vocabulary);
  alitra_stream_info_init (&b->info, SIZE, SIZE);
  b->tokenizer = alitra_tokenizer_new (b->model, &b->info, 1, &error);
  check (b->tokenizer != NULL, error);
  b->detokenizer = alitra_detokenizer_new (b->model, 1);
  b->none = alitra_memory_new (SIZE, SIZE, depth);
  b->update = alitra_update_new (b->none);
  b->frame = alitra_frame_new (ALITRA_PIXEL_I420, TRUE, SIZE, SIZE, &error);
  check (b->frame != NULL, error);
  b->packet = g_byte_array_new ();
}

static void
release (Bench * b)
{
  g_byte_array_unref (b->packet);
  alitra_frame_free (b->frame);
  alitra_update_free (b->update);
  alitra_memory_free (b->none);
  alitra_detokenizer_unref (b->detokenizer);
  alitra_tokenizer_unref (b->tokenizer);
  alitra_packet_coder_free (b->coder);
  alitra_tiles_free (b->tiles);
  alitra_workers_free (b->workers);
  alitra_generator_model_free (b->weights);
  alitra_model_unref (b->model);
}

/* How many levels are lost, finest first; 0: the word is not known. */
static guint
count_lost (const char *word)
{
  static const char *const words[] = { "finest", "fine", "lower" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (words[i], word) == 0)
      return i + 1;
  return 0;
}

int
main (int argc, char **argv)
{
  Bench b = { 0 };

  if (argc < 9 || !(b.lost_levels = count_lost (argv[4]))) {
    fprintf (stderr, "bench-fillin MODEL GENERATOR TOKENS lower|fine|finest "
        "LABEL STEPS TEMPERATURE GUIDANCE [before]\n");
    return 2;
  }
  load (&b, argv[1], argv[2]);
  alitra_settings_init (&b.settings);
  b.settings.target_tokens = atoi (argv[3]);
  b.settings.exact_length = TRUE;
  alitra_generation_init (&b.generation);
  b.generation.tokens = b.settings.target_tokens;
  b.generation.label = atoi (argv[5]);
  b.generation.steps = atoi (argv[6]);
  b.generation.temperature = g_ascii_strtod (argv[7], NULL);
  b.generation.guidance = g_ascii_strtod (argv[8], NULL);
  b.pairs = argc > 9;
  prepare (&b);
  run (&b);
  release (&b);
  return 0;
}
