/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "quantizer.h"

#include <string.h>

#include "floats.h"
#include "kernels.h"

/* Numbers of a latent that alitra_quantizer_look() calls its head. */
#define HEAD 8

struct _AlitraQuantizer
{
  AlitraModel *model;
  const AlitraModelLevel *level;
  AlitraWorkers *workers;
  float *scratch;               /* scratch_size floats for each worker */
  gsize scratch_size;
};

/* One call, cut into tiles of at most ALITRA_TILE cells. */
typedef struct
{
  AlitraQuantizer *quantizer;
  const AlitraStep *step;
  guint count;
  const guint32 *cells;
  float *latents;
  guint16 *ids;
  float *gains, *whole, *head, *seen;
  const guint8 *depth;
  const guint16 *tokens;
  guint max_depth;
  guint tile;
  const float *least;
} Call;

/* Scratch space of a tile. */
typedef struct
{
  guint count;
  const guint32 *cells;
  float *latents;               /* count x dim */
  float *vectors;               /* count x dim */
  float *narrow;                /* count x narrow */
} Tile;

AlitraQuantizer *
alitra_quantizer_new (AlitraModel * model, guint level, AlitraWorkers * workers)
{
  AlitraQuantizer *quantizer = g_new0 (AlitraQuantizer, 1);

  quantizer->model = model;
  quantizer->level = &model->level[level];
  quantizer->workers = workers;
  quantizer->scratch_size =
      (gsize) ALITRA_TILE *(2 * model->dim + model->narrow);
  quantizer->scratch =
      alitra_floats_new (quantizer->scratch_size *
      alitra_workers_get_threads (workers));
  return quantizer;
}

void
alitra_quantizer_free (AlitraQuantizer * quantizer)
{
  if (!quantizer)
    return;
  alitra_floats_free (quantizer->scratch);
  g_free (quantizer);
}

static Tile
get_tile (const Call * call, guint number, guint worker)
{
  const AlitraQuantizer *quantizer = call->quantizer;
  const gsize dims = (gsize) ALITRA_TILE * quantizer->model->dim;
  float *scratch = quantizer->scratch + worker * quantizer->scratch_size;
  const guint first = number * call->tile;

  return (Tile) {
  MIN (call->count - first, call->tile), call->cells + first, scratch,
        scratch + dims, scratch + 2 * dims};
}

static void
run (Call * call, AlitraPiece piece)
{
  AlitraWorkers *workers = call->quantizer->workers;

  call->tile = alitra_workers_get_tile (workers, call->count, ALITRA_TILE);
  alitra_workers_run (workers, (call->count + call->tile - 1) / call->tile,
      piece, call);
}

static inline float *
latent_of (const Call * call, guint32 cell)
{
  return call->latents + (gsize) cell *call->quantizer->model->dim;
}

static void
gather (const Call * call, const Tile * tile)
{
  const guint dim = call->quantizer->model->dim;

  for (guint i = 0; i < tile->count; i++)
    memcpy (tile->latents + (gsize) i * dim, latent_of (call, tile->cells[i]),
        dim * sizeof (float));
}

/* Energies of the first `n` of the `stride` numbers of each row. */
static void
get_energies (const AlitraModel * model, const float *rows, guint stride,
    guint n, guint count, float *energies)
{
  alitra_matrix_energies (rows, stride, n, count, energies);
  for (guint i = 0; i < count; i++)
    energies[i] /= model->scale * model->scale;
}

/* Takes the tile's token vectors off its residuals. left: what remains of each. */
static void
take_vectors (const Call * call, const Tile * tile, float *left)
{
  const guint dim = call->quantizer->model->dim;

  alitra_orc_take (tile->latents, tile->vectors, tile->count * dim);
  for (guint i = 0; i < tile->count; i++)
    memcpy (latent_of (call, tile->cells[i]), tile->latents + (gsize) i * dim,
        dim * sizeof (float));
  get_energies (call->quantizer->model, tile->latents, dim, dim, tile->count,
      left);
}

/* Codes of the tile's tokens -> their vectors. */
static void
expand (const Call * call, const Tile * tile, const guint16 * ids)
{
  const guint dim = call->quantizer->model->dim, narrow =
      call->quantizer->model->narrow;

  for (guint i = 0; i < tile->count; i++)
    memcpy (tile->narrow + (gsize) i * narrow,
        call->step->codes + (gsize) ids[i] * narrow, narrow * sizeof (float));
  alitra_matrix_multiply (&call->step->back, tile->count, tile->narrow, narrow,
      tile->vectors, dim, ALITRA_END_STORE);
}

static void
search_tile (const Call * call, const Tile * tile, guint16 * ids)
{
  const AlitraStep *step = call->step;
  const AlitraModelLevel *level = call->quantizer->level;
  const guint narrow = call->quantizer->model->narrow;

  if (alitra_step_has_panels (level, step))
    alitra_matrix_nearest_of_panels (&step->search, &step->centres,
        level->probes, tile->count, tile->narrow, narrow, ids);
  else
    alitra_matrix_nearest (&step->search, tile->count, tile->narrow, narrow,
        ids);
}

static void
step_tile (gpointer data, guint number, guint worker)
{
  const Call *call = data;
  const Tile tile = get_tile (call, number, worker);
  const guint dim = call->quantizer->model->dim, narrow =
      call->quantizer->model->narrow;
  guint16 *ids = call->ids + number * call->tile;
  float *whole = call->whole + number * call->tile, *gains = call->gains
      + number * call->tile;

  gather (call, &tile);
  alitra_matrix_multiply (&call->step->into, tile.count, tile.latents, dim,
      tile.narrow, narrow, ALITRA_END_STORE);
  search_tile (call, &tile, ids);
  expand (call, &tile, ids);
  memcpy (gains, whole, tile.count * sizeof (float));
  take_vectors (call, &tile, whole);
  for (guint i = 0; i < tile.count; i++)
    gains[i] -= whole[i];
}

static void
repeat_tile (gpointer data, guint number, guint worker)
{
  const Call *call = data;
  const Tile tile = get_tile (call, number, worker);
  const guint step = call->step - call->quantizer->level->step;
  const guint dim = call->quantizer->model->dim;
  const float *least = call->least + number * call->tile;
  float *whole = call->whole + number * call->tile, left[ALITRA_TILE];
  guint16 ids[ALITRA_TILE] = { 0 };

  gather (call, &tile);
  for (guint i = 0; i < tile.count; i++)
    ids[i] = call->tokens[(gsize) tile.cells[i] * call->max_depth + step];
  expand (call, &tile, ids);
  alitra_orc_take (tile.latents, tile.vectors, tile.count * dim);
  get_energies (call->quantizer->model, tile.latents, dim, dim, tile.count,
      left);
  for (guint i = 0; i < tile.count; i++) {
    if (left[i] + least[i] < whole[i])
      memcpy (latent_of (call, tile.cells[i]), tile.latents + (gsize) i * dim,
          dim * sizeof (float));
    whole[i] = left[i];
  }
}

void
alitra_quantizer_step (AlitraQuantizer * quantizer, guint step, guint count,
    const guint32 * cells, float *residuals, guint16 * ids, float *gains,
    float *whole)
{
  Call call =
      { quantizer, &quantizer->level->step[step], count, cells, residuals, ids,
    gains, whole
  };

  g_return_if_fail (step < quantizer->level->depth);
  run (&call, step_tile);
}

void
alitra_quantizer_repeat (AlitraQuantizer * quantizer, guint step, guint count,
    const guint32 * cells, const guint16 * tokens, guint max_depth,
    const float *least, float *residuals, float *whole)
{
  Call call = { quantizer, &quantizer->level->step[step], count, cells,
    residuals, NULL, NULL, whole, NULL, NULL, NULL, tokens, max_depth, 0,
    least
  };

  g_return_if_fail (step < quantizer->level->depth);
  run (&call, repeat_tile);
}

static void
look_tile (gpointer data, guint number, guint worker)
{
  const Call *call = data;
  const AlitraModel *model = call->quantizer->model;
  const Tile tile = get_tile (call, number, worker);
  const guint first = number * call->tile;

  gather (call, &tile);
  if (call->whole)
    get_energies (model, tile.latents, model->dim, model->dim, tile.count,
        call->whole + first);
  if (call->head)
    get_energies (model, tile.latents, model->dim, HEAD, tile.count,
        call->head + first);
  if (!call->seen)
    return;
  alitra_matrix_multiply (&call->step->into, tile.count, tile.latents,
      model->dim, tile.narrow, model->narrow, ALITRA_END_STORE);
  get_energies (model, tile.narrow, model->narrow, model->narrow, tile.count,
      call->seen + first);
}

void
alitra_quantizer_look (AlitraQuantizer * quantizer, guint step, guint count,
    const guint32 * cells, const float *residuals, float *whole, float *head,
    float *seen)
{
  Call call = { quantizer, &quantizer->level->step[step], count, cells,
    (float *) residuals, NULL, NULL, whole, head,
    seen
  };

  g_return_if_fail (step < quantizer->level->depth);
  run (&call, look_tile);
}

/* Adds token number `step` of those cells of the tile that have one. */
static gboolean
add_token (const Call * call, const Tile * tile, guint step)
{
  const AlitraModelLevel *level = call->quantizer->level;
  const guint dim = call->quantizer->model->dim, narrow =
      call->quantizer->model->narrow;
  guint which[ALITRA_TILE], count = 0;
  gboolean more = FALSE;

  for (guint i = 0; i < tile->count; i++) {
    const guint32 cell = tile->cells[i];
    guint16 id;

    if (call->depth[cell] <= step)
      continue;
    more = TRUE;
    id = call->tokens[(gsize) cell * call->max_depth + step];
    if (id >= level->codes)
      continue;
    memcpy (tile->narrow + (gsize) count * narrow, level->step[step].codes
        + (gsize) id * narrow, narrow * sizeof (float));
    which[count++] = i;
  }
  alitra_matrix_multiply (&level->step[step].back, count, tile->narrow, narrow,
      tile->vectors, dim, ALITRA_END_STORE);
  for (guint j = 0; j < count; j++) {
    alitra_orc_accumulate (tile->latents + (gsize) which[j] * dim,
        tile->vectors + (gsize) j * dim, dim);
  }
  return more;
}

static void
sum_tile (gpointer data, guint number, guint worker)
{
  const Call *call = data;
  const Tile tile = get_tile (call, number, worker);
  const guint dim = call->quantizer->model->dim, most =
      MIN (call->max_depth, call->quantizer->level->depth);

  memset (tile.latents, 0, (gsize) tile.count * dim * sizeof (float));
  for (guint step = 0; step < most && add_token (call, &tile, step); step++);
  for (guint i = 0; i < tile.count; i++)
    memcpy (latent_of (call, tile.cells[i]), tile.latents + (gsize) i * dim,
        dim * sizeof (float));
}

void
alitra_quantizer_sum (AlitraQuantizer * quantizer, guint count,
    const guint32 * cells, const guint8 * depth, const guint16 * tokens,
    guint max_depth, float *sums)
{
  Call call =
      { quantizer, NULL, count, cells, sums, NULL, NULL, NULL, NULL, NULL,
    depth, tokens, max_depth
  };

  run (&call, sum_tile);
}
