/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long each numeric stage takes on one drawn 1280x720 frame, and at which rate:
 *   bench-stages MODEL [threads [width height]]
 * Depths are drawn too: a third of the cells of each level is empty, the others hold one or two tokens. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis.h"
#include "picture.h"
#include "quantizer.h"
#include "synthesis.h"

/* Runs of a stage; the median counts. */
#define RUNS 15

typedef struct
{
  AlitraModel *model;
  AlitraWorkers *workers;
  AlitraFrame frame;
  AlitraPlanes source[ALITRA_LEVELS], own[ALITRA_LEVELS], base[ALITRA_LEVELS];
  AlitraAnalysis *analysis[ALITRA_LEVELS];
  AlitraQuantizer *quantizer[ALITRA_LEVELS];
  AlitraSynthesis *synthesis[ALITRA_LEVELS];
  float *latents[ALITRA_LEVELS], *sums[ALITRA_LEVELS];
  guint32 *list[ALITRA_LEVELS];
  guint16 *ids[ALITRA_LEVELS];
  guint8 *depth[ALITRA_LEVELS], *full[ALITRA_LEVELS], *few[ALITRA_LEVELS];
  guint cells[ALITRA_LEVELS];
  guint level;
} Bench;

typedef void (*Stage) (Bench * b);

static int
by_size (const void *a, const void *b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

static void
measure (Bench * b, const char *name, double flops, Stage stage)
{
  gint64 took[RUNS];

  stage (b);
  for (guint i = 0; i < RUNS; i++) {
    const gint64 begin = g_get_monotonic_time ();

    stage (b);
    took[i] = g_get_monotonic_time () - begin;
  }
  qsort (took, RUNS, sizeof took[0], by_size);
  printf ("%-34s %8.3f ms", name, took[RUNS / 2] / 1e3);
  if (flops > 0)
    printf ("  %7.1f GFLOP/s", flops / took[RUNS / 2] / 1e3);
  printf ("\n");
}

static void
read_frame (Bench * b)
{
  alitra_picture_from_frame (&b->frame, b->model->chroma_gain, &b->source[0],
      NULL, b->workers, NULL);
}

static void
write_frame (Bench * b)
{
  alitra_picture_to_frame (&b->source[0], b->model->chroma_gain, &b->frame,
      NULL, b->workers, NULL);
}

static void
halve (Bench * b)
{
  for (guint i = 1; i < ALITRA_LEVELS; i++)
    alitra_planes_halve (&b->source[i], &b->source[i - 1], NULL, b->workers);
}

static void
upsample (Bench * b)
{
  for (guint i = ALITRA_LEVELS - 1; i > 0; i--)
    alitra_planes_upsample (&b->base[i - 1], &b->base[i], NULL, b->workers);
}

static void
add (Bench * b)
{
  for (guint i = 0; i < ALITRA_LEVELS - 1; i++)
    alitra_planes_add (&b->base[i], &b->base[i], &b->own[i], NULL, b->workers);
}

static void
analyse (Bench * b)
{
  alitra_analysis_run (b->analysis[b->level], &b->source[b->level], NULL,
      b->latents[b->level]);
}

static void
quantise (Bench * b)
{
  alitra_quantizer_step (b->quantizer[b->level], 0, b->cells[b->level],
      b->list[b->level], b->latents[b->level], b->ids[b->level], NULL);
}

static void
look (Bench * b)
{
  float *whole = b->sums[b->level];     /* room enough, and not read before it is written again */

  alitra_quantizer_look (b->quantizer[b->level], 0, b->cells[b->level],
      b->list[b->level], b->latents[b->level], whole, NULL,
      whole + b->cells[b->level]);
}

static void
sum (Bench * b)
{
  alitra_quantizer_sum (b->quantizer[b->level], b->cells[b->level],
      b->list[b->level], b->depth[b->level], b->ids[b->level], 1,
      b->sums[b->level]);
}

static void
paint_all (Bench * b)
{
  alitra_synthesis_run (b->synthesis[b->level], b->sums[b->level],
      b->full[b->level], NULL, &b->own[b->level]);
}

static void
paint_drawn (Bench * b)
{
  alitra_synthesis_run (b->synthesis[b->level], b->sums[b->level],
      b->depth[b->level], NULL, &b->own[b->level]);
}

static void
paint_few (Bench * b)
{
  alitra_synthesis_run (b->synthesis[b->level], b->sums[b->level],
      b->full[b->level], b->few[b->level], &b->own[b->level]);
}

static void
draw_frame (AlitraFrame * frame, guint width, guint height)
{
  const guint half_width = (width + 1) / 2, half_height = (height + 1) / 2;
  guint8 *data = g_malloc (width * height + 2 * half_width * half_height);

  *frame = (AlitraFrame) {
    ALITRA_PIXEL_I420, FALSE, width, height, {
    data, data + width * height,
          data + width * height + half_width * half_height}, {
    width, half_width, half_width}
  };
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++)
      data[y * width + x] =
          120 + 60 * sin (x * .013) * cos (y * .021) + (x * y / 640 % 2) * 20;
  }
  for (guint i = 0; i < 2 * half_width * half_height; i++)
    data[width * height + i] = 128 + 40 * sin (i * .0007);
}

static void
bench_init (Bench * b, guint width, guint height)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  draw_frame (&b->frame, width, height);
  for (guint i = 0; i < ALITRA_LEVELS; i++) {
    const AlitraGrid grid = alitra_grid_of (width, height, i);
    const guint cells = b->cells[i] = grid.columns * grid.rows;

    alitra_planes_init (&b->source[i], grid);
    alitra_planes_init (&b->own[i], grid);
    alitra_planes_init (&b->base[i], grid);
    b->analysis[i] = alitra_analysis_new (b->model, i, grid, b->workers);
    b->quantizer[i] = alitra_quantizer_new (b->model, i, b->workers);
    b->synthesis[i] = alitra_synthesis_new (b->model, i, grid, b->workers);
    b->latents[i] = alitra_floats_new ((gsize) cells * b->model->dim);
    b->sums[i] = alitra_floats_new ((gsize) cells * b->model->dim);
    b->list[i] = g_new (guint32, cells);
    b->ids[i] = g_new0 (guint16, cells);
    b->depth[i] = g_malloc (cells);
    b->full[i] = g_malloc (cells);
    b->few[i] = g_malloc (cells);
    for (guint n = 0; n < cells; n++) {
      const guint x = n % grid.columns, y = n / grid.columns;

      b->list[i][n] = n;
      b->depth[i][n] = g_rand_int_range (rand, 0, 3);
      b->full[i][n] = 1;
      /* one patch of a twentieth of the picture, as something that moves makes */
      b->few[i][n] = x * 5 >= grid.columns && x * 20 < grid.columns * 9
          && y * 4 >= grid.rows && y * 20 < grid.rows * 9;
    }
  }
}

int
main (int argc, char **argv)
{
  Bench b = { 0 };
  GError *error = NULL;
  const guint width = argc > 4 ? atoi (argv[3]) : 1280, height =
      argc > 4 ? atoi (argv[4]) : 720;
  const gint64 begin = g_get_monotonic_time ();

  if (argc < 2 || width < 1 || width > ALITRA_MAX_SIZE || height < 1
      || height > ALITRA_MAX_SIZE) {
    fprintf (stderr, "usage: %s MODEL [threads [width height]]\n", argv[0]);
    return 2;
  }
  b.model = alitra_model_load (argv[1], &error);
  if (!b.model) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  b.workers = alitra_workers_new (argc > 2 ? atoi (argv[2]) : 1);
  bench_init (&b, width, height);
  printf ("%s, %ux%u, %s loops, %u thread(s); the model loads in %.0f ms\n",
      alitra_model_get_id (b.model), width, height, alitra_matrix_get_loops (),
      alitra_workers_get_threads (b.workers),
      (g_get_monotonic_time () - begin) / 1e3);
  measure (&b, "bytes to planes", 0, read_frame);
  measure (&b, "halve twice", 0, halve);
  measure (&b, "upsample twice", 0, upsample);
  measure (&b, "add two levels", 0, add);
  measure (&b, "planes to bytes", 0, write_frame);
  for (b.level = ALITRA_LEVELS; b.level-- > 0;) {
    const AlitraModelLevel *level = &b.model->level[b.level];
    const double cells = b.cells[b.level], dim = b.model->dim, hidden =
        b.model->hidden, narrow = b.model->narrow;
    const double mix = 2 * (2 * dim * hidden + 9 * dim), token =
        2 * dim * narrow;
    const guint panels = level->step[0].centres.count;
    const double looked_at = level->probes && level->probes < panels
        ? panels + level->probes * ALITRA_PANEL : level->codes;

    printf ("level %u, %u cells\n", b.level, b.cells[b.level]);
    measure (&b, "  analysis", cells * 2 * ALITRA_CELL_SAMPLES * dim,
        analyse);
    measure (&b, "  look at what a step sees", cells * token, look);
    measure (&b, "  one token for every cell",
        cells * (2 * token + 2 * narrow * looked_at), quantise);
    measure (&b, "  sums of one token a cell", 0, sum);
    measure (&b, "  synthesis, every cell full",
        cells * (level->blocks * mix + 2 * dim * ALITRA_WINDOW_SAMPLES),
        paint_all);
    measure (&b, "  synthesis, a third empty", 0, paint_drawn);
    paint_all (&b);
    measure (&b, "  synthesis, a twentieth redone", 0, paint_few);
  }
  return 0;
}
