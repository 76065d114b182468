/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/detokenizer.h>

#include <string.h>

#include "conceal.h"
#include "flat.h"
#include "frame.h"
#include "memory.h"
#include "packet.h"
#include "picture.h"
#include "rebuild.h"
#include "show.h"
#include "workers.h"

#define COARSEST (ALITRA_LEVELS - 1)

/* Everything that has the size of the stream; made when a key packet says what it is.  What pictures need, which is much
 * more, waits for the first picture: a few bytes that claim to be a large one must not cost that. */
typedef struct
{
  AlitraStreamInfo info;
  AlitraMemory *memory;
  AlitraUpdate *update;
  AlitraRebuild *rebuild;       /* NULL before the first picture */
  AlitraShow *show;             /* likewise */
  guint8 *changed[ALITRA_LEVELS];       /* since the last picture */
  guint8 *shown[ALITRA_LEVELS]; /* depth of each cell in the last picture */
} Stream;

struct _AlitraDetokenizer
{
  gint references;
  AlitraModel *model;
  AlitraWorkers *workers;
  AlitraPacketCoder *coder;
  Stream *stream;
  gboolean open;                /* delta packets can be applied */
  gboolean exact;
  gboolean follows;             /* packet last_number was applied, so that what the next one changes is here */
  guint32 last_number;
  AlitraLoss loss;              /* of the last packet */
};

/* A delta packet that comes so few packets too late is not applied; one from longer ago is of another sender. */
#define LATEST 64

static gsize
cells_of (const Stream * stream, guint level)
{
  const AlitraMemoryLevel *l = &stream->memory->level[level];

  return (gsize) l->columns * l->rows;
}

static Stream *
stream_new (AlitraDetokenizer * self, const AlitraStreamInfo * info)
{
  Stream *stream = g_new0 (Stream, 1);
  guint max_depth[ALITRA_LEVELS], i;

  for (i = 0; i < ALITRA_LEVELS; i++)
    max_depth[i] = self->model->level[i].depth;
  stream->info = *info;
  stream->memory = alitra_memory_new (info->width, info->height, max_depth);
  stream->update = alitra_update_new (stream->memory);
  for (i = 0; i < ALITRA_LEVELS; i++) {
    stream->changed[i] = g_malloc (cells_of (stream, i));
    memset (stream->changed[i], 1, cells_of (stream, i));
    stream->shown[i] = g_malloc0 (cells_of (stream, i));
  }
  return stream;
}

static void
stream_free (Stream * stream)
{
  guint i;

  if (!stream)
    return;
  for (i = 0; i < ALITRA_LEVELS; i++) {
    g_free (stream->changed[i]);
    g_free (stream->shown[i]);
  }
  if (stream->rebuild) {
    alitra_show_free (stream->show);
    alitra_rebuild_free (stream->rebuild);
  }
  alitra_update_free (stream->update);
  alitra_memory_free (stream->memory);
  g_free (stream);
}

static void
prepare_pictures (AlitraDetokenizer * self, Stream * stream)
{
  const AlitraStreamInfo *info = &stream->info;

  if (stream->rebuild)
    return;
  stream->rebuild = alitra_rebuild_new (self->model, info->width,
      info->height, 0, self->workers);
  alitra_rebuild_set_exact (stream->rebuild, self->exact);
  stream->show = alitra_show_new (self->model, info->width, info->height,
      self->workers);
}

/* *INDENT-OFF* */
G_DEFINE_BOXED_TYPE (AlitraDetokenizer, alitra_detokenizer, alitra_detokenizer_ref, alitra_detokenizer_unref)
/* *INDENT-ON* */

AlitraDetokenizer *
alitra_detokenizer_new (AlitraModel * model, guint threads)
{
  AlitraDetokenizer *self;
  AlitraVocabulary vocabulary;

  g_return_val_if_fail (model, NULL);

  self = g_new0 (AlitraDetokenizer, 1);
  self->references = 1;
  self->model = alitra_model_ref (model);
  self->workers = alitra_workers_new (threads);
  alitra_flat_get_vocabulary (model, &vocabulary);
  self->coder = alitra_packet_coder_new (&vocabulary);
  return self;
}

AlitraDetokenizer *
alitra_detokenizer_ref (AlitraDetokenizer * self)
{
  g_return_val_if_fail (self, NULL);
  g_atomic_int_inc (&self->references);
  return self;
}

void
alitra_detokenizer_free (AlitraDetokenizer * self)
{
  alitra_detokenizer_unref (self);
}

void
alitra_detokenizer_unref (AlitraDetokenizer * self)
{
  if (!self || !g_atomic_int_dec_and_test (&self->references))
    return;
  stream_free (self->stream);
  alitra_packet_coder_free (self->coder);
  alitra_workers_free (self->workers);
  alitra_model_unref (self->model);
  g_free (self);
}

void
alitra_detokenizer_reset (AlitraDetokenizer * self)
{
  g_return_if_fail (self);
  self->open = FALSE;
}

void
alitra_detokenizer_set_exact (AlitraDetokenizer * self, gboolean exact)
{
  g_return_if_fail (self);

  exact = exact != FALSE;
  if (exact == self->exact)
    return;
  self->exact = exact;
  if (self->stream && self->stream->rebuild)
    alitra_rebuild_set_exact (self->stream->rebuild, exact);
}

void
alitra_detokenizer_join (AlitraDetokenizer * self,
    const AlitraStreamInfo * info)
{
  g_return_if_fail (self && info);
  g_return_if_fail (info->width >= 1 && info->width <= ALITRA_MAX_SIZE);
  g_return_if_fail (info->height >= 1 && info->height <= ALITRA_MAX_SIZE);

  stream_free (self->stream);
  self->stream = stream_new (self, info);
  alitra_memory_lose (self->stream->memory);
  self->open = TRUE;
  self->follows = FALSE;
}

const AlitraStreamInfo *
alitra_detokenizer_get_stream (AlitraDetokenizer * self)
{
  g_return_val_if_fail (self, NULL);
  return self->stream ? &self->stream->info : NULL;
}

const AlitraMemory *
alitra_detokenizer_get_memory (AlitraDetokenizer * self)
{
  g_return_val_if_fail (self, NULL);
  return self->stream ? self->stream->memory : NULL;
}

static gboolean
check_header (AlitraDetokenizer * self, const AlitraPacketInfo * info,
    AlitraPacketStatus status, gsize size, GError ** error)
{
  if (status != ALITRA_PACKET_OK || info->size != size) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "Expected one whole token packet, got %" G_GSIZE_FORMAT
        " bytes that are %s: put alitraparse before the decoder", size,
        status == ALITRA_PACKET_BAD ? "no packet"
        : status == ALITRA_PACKET_OK ? "not as long as the packet says"
        : "cut short");
    return FALSE;
  }
  if (info->model != self->model->number) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "Expected tokens of model %s, got tokens of model number %08x: load the model that the sender uses",
        self->model->id, info->model);
    return FALSE;
  }
  if (!info->key && (!self->open
          || info->slices != self->stream->memory->level[COARSEST].rows)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY,
        "Frame %u changes a memory that is not here%s: waiting for a key packet",
        info->frame_number,
        self->open ? " (it is of a picture of another size)" : "");
    return FALSE;
  }
  if (!info->key && self->follows
      && self->last_number - info->frame_number < LATEST) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_TOO_LATE,
        "Frame %u comes after frame %u: put rtpjitterbuffer before the decoder, or drop what comes late",
        info->frame_number, self->last_number);
    return FALSE;
  }
  return TRUE;
}

static gboolean
same_grid (const Stream * stream, const AlitraStreamInfo * info)
{
  return stream && stream->info.width == info->width
      && stream->info.height == info->height;
}

/* Cells whose tokens differ from what they were; cells that hold less or more are found when a picture is made. */
static void
note_changes (Stream * stream, gboolean key)
{
  guint level;
  gsize i;

  /* who begins here shows the same as who came before */
  if (key && stream->rebuild)
    alitra_rebuild_reset (stream->rebuild);
  for (level = 0; level < ALITRA_LEVELS; level++) {
    const AlitraMemoryLevel *old = &stream->memory->level[level];
    const AlitraUpdateLevel *update = &stream->update->level[level];

    for (i = 0; i < cells_of (stream, level); i++)
      if (key || update->depth[i] != update->keep[i]
          || update->depth[i] != old->depth[i])
        stream->changed[level][i] = 1;
  }
}

/* A key packet makes cells anew, but not those of which nothing came. */
static void
empty_cells (Stream * stream)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    AlitraMemoryLevel *level = &stream->memory->level[l];
    const AlitraUpdateLevel *update = &stream->update->level[l];

    for (gsize i = 0; i < cells_of (stream, l); i++) {
      if (update->keep[i] == 0 && (update->depth[i] > 0 || update->valid[i]))
        level->depth[i] = level->age[i] = 0;
    }
  }
}

/* Returns whether all of the memory should be the sender's, and notes what is not. */
static gboolean
count_lost (const Stream * stream, AlitraLoss * loss)
{
  gboolean equal = TRUE;

  loss->cells = loss->longest = 0;
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const AlitraMemoryLevel *level = &stream->memory->level[l];

    for (gsize i = 0; i < cells_of (stream, l); i++) {
      equal = equal && level->valid[i] == ALITRA_CELL_WHOLE;
      loss->cells += level->valid[i] == ALITRA_CELL_LOST;
      loss->longest = MAX (loss->longest, level->lost[i]);
    }
  }
  return equal;
}

/* Packets of another stream can follow by their numbers, and damage can pass a check of 16 bits: only the memory itself
 * tells. */
static void
check_memory (AlitraDetokenizer * self, const AlitraPacketInfo * info)
{
  AlitraMemory *memory = self->stream->memory;

  if (!count_lost (self->stream, &self->loss) || info->checksum == 0
      || alitra_memory_get_checksum (memory) == info->checksum)
    return;
  alitra_memory_lose (memory);
  count_lost (self->stream, &self->loss);
  self->loss.mismatch = TRUE;
}

gboolean
alitra_detokenizer_decode (AlitraDetokenizer * self, const guint8 * data,
    gsize size, GError ** error)
{
  AlitraPacketInfo info = { 0 };
  AlitraPacketStatus status;
  AlitraLoss loss = { 0 };
  Stream *stream;

  g_return_val_if_fail (self && (data || size == 0), FALSE);

  status = alitra_packet_read_info (data, size, &info);
  stream = self->stream;
  if (!check_header (self, &info, status, size, error))
    return FALSE;
  if (info.key && !same_grid (stream, &info.stream))
    stream = stream_new (self, &info.stream);
  if (!info.key && self->follows && info.frame_number != self->last_number + 1) {
    loss.gap = info.frame_number - self->last_number - 1;
    alitra_memory_lose (stream->memory);
  }
  if (!alitra_packet_read (self->coder, data, size, &info, stream->memory,
          stream->update, error)) {
    if (stream != self->stream)
      stream_free (stream);
    return FALSE;
  }
  if (stream != self->stream) {
    stream_free (self->stream);
    self->stream = stream;
  }
  alitra_conceal_holes (stream->memory, stream->update);
  note_changes (stream, info.key);
  if (info.key) {
    empty_cells (stream);
    stream->info = info.stream;
  }
  alitra_memory_apply (stream->memory, stream->update);
  self->open = self->follows = TRUE;
  self->last_number = info.frame_number;
  loss.chunks = info.lost;
  loss.damaged = alitra_packet_coder_get_damaged (self->coder);
  self->loss = loss;
  check_memory (self, &info);
  return TRUE;
}

void
alitra_detokenizer_get_loss (AlitraDetokenizer * self, AlitraLoss * loss)
{
  g_return_if_fail (self && loss);

  *loss = self->loss;
}

/* Depth to show of each cell, and whether that is more or less than last time. */
static void
choose_depth (Stream * stream, guint level, guint max_depth)
{
  const guint8 *depth = stream->memory->level[level].depth;
  guint8 *shown = stream->shown[level];
  gsize i;

  for (i = 0; i < cells_of (stream, level); i++) {
    guint8 d = max_depth ? MIN (depth[i], max_depth) : depth[i];

    if (d != shown[i])
      stream->changed[level][i] = 1;
    shown[i] = d;
  }
}

gboolean
alitra_detokenizer_render (AlitraDetokenizer * self, guint max_depth,
    const AlitraFrame * frame, GError ** error)
{
  Stream *stream;
  gint level;

  g_return_val_if_fail (self && frame, FALSE);

  stream = self->stream;
  if (!stream) {
    g_set_error_literal (error, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY,
        "There is no picture before the first key packet");
    return FALSE;
  }
  if (frame->width != stream->info.width
      || frame->height != stream->info.height) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a frame of %ux%u, got %ux%u", stream->info.width,
        stream->info.height, frame->width, frame->height);
    return FALSE;
  }
  if (!alitra_picture_check_target (frame, alitra_grid_of (frame->width,
              frame->height, 0), error))
    return FALSE;
  prepare_pictures (self, stream);
  for (level = ALITRA_LEVELS - 1; level >= 0; level--) {
    choose_depth (stream, level, max_depth);
    alitra_rebuild_level (stream->rebuild, level,
        stream->memory->level[level].tokens, stream->shown[level],
        stream->changed[level]);
    memset (stream->changed[level], 0, cells_of (stream, level));
  }
  return alitra_show_draw (stream->show, stream->rebuild, stream->shown[0],
      frame, error);
}
