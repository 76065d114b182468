/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long each numeric stage takes on one drawn 1280x720 frame, at which rate, and which share that is of what this
 * machine's cores do in the same run: large square products of OpenBLAS, and copying of memory that no cache holds:
 *   OPENBLAS_NUM_THREADS=1 bench-stages MODEL [threads [width height [JSON]]]
 * Depths are drawn too: a third of the cells of each level is empty, the others hold one or two tokens.  Bytes are those
 * that a stage has to read and write once; what it keeps in caches in between does not count. */
#ifdef HAVE_OPENBLAS
#include <cblas.h>
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis.h"
#include "floats.h"
#include "picture.h"
#include "quantizer.h"
#include "synthesis.h"

/* Runs of a stage; the median counts. */
#define RUNS 15
/* Side of the square products, and bytes that are copied. */
#define SIDE 1024
#define COPIED (64 << 20)
/* Bytes of the samples of a cell. */
#define CELL_BYTES (ALITRA_CELL_SAMPLES * sizeof (float))

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
  guint level, halved;
  float *square[3];
  guint8 *copy[2];
  double gflops, gbytes;        /* a second, of the cores that are used; 0: not known */
  FILE *json;
  guint written;                /* stages in the JSON */
} Bench;

typedef void (*Stage) (Bench * b);

static int
by_size (const void *a, const void *b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

/* Nanoseconds: of one thread those that it ran, so that other work on the machine shows less; of more those that passed. */
static gint64
now (Bench * b)
{
  struct timespec time;

  clock_gettime (alitra_workers_get_threads (b->workers) > 1
      ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * G_GINT64_CONSTANT (1000000000) + time.tv_nsec;
}

/* Median milliseconds. */
static double
median_of (Bench * b, Stage stage)
{
  gint64 took[RUNS];

  stage (b);
  for (guint i = 0; i < RUNS; i++) {
    const gint64 begin = now (b);

    stage (b);
    took[i] = now (b) - begin;
  }
  qsort (took, RUNS, sizeof took[0], by_size);
  return MAX (took[RUNS / 2], 1) / 1e6;
}

/* JSON has no other names for numbers, whatever the locale. */
static void
write_number (Bench * b, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  fprintf (b->json, ", \"%s\": %s", name,
      g_ascii_formatd (text, sizeof text, "%.6g", value));
}

static void
write_stage (Bench * b, const char *name, double ms, double flops, double bytes)
{
  fprintf (b->json, "%s\n    {\"stage\": \"%s\"", b->written++ ? "," : "",
      name);
  if (b->level < ALITRA_LEVELS)
    write_number (b, "level", b->level);
  write_number (b, "ms", ms);
  write_number (b, "operations", flops);
  write_number (b, "bytes", bytes);
  if (b->gflops > 0)
    write_number (b, "of_sgemm", flops / ms / 1e6 / b->gflops);
  write_number (b, "of_copy", bytes / ms / 1e6 / b->gbytes);
  fprintf (b->json, "}");
}

/* flops, bytes: of one run. */
static void
measure (Bench * b, const char *name, double flops, double bytes, Stage stage)
{
  const double ms = median_of (b, stage), gflops = flops / ms / 1e6, gbytes =
      bytes / ms / 1e6;

  printf ("%s%-30s %8.3f ms  %7.1f MFLOP  %6.2f MB  %6.1f GFLOP/s",
      b->level < ALITRA_LEVELS ? "  " : "", name, ms, flops / 1e6, bytes / 1e6,
      gflops);
  if (b->gflops > 0)
    printf (" %4.0f %%", 100 * gflops / b->gflops);
  printf ("  %5.1f GB/s %4.0f %%\n", gbytes, 100 * gbytes / b->gbytes);
  if (b->json)
    write_stage (b, name, ms, flops, bytes);
}

#ifdef HAVE_OPENBLAS
static void
multiply_squares (Bench * b)
{
  cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE,
      1.f, b->square[0], SIDE, b->square[1], SIDE, 0.f, b->square[2], SIDE);
}
#endif

static void
copy_bytes (Bench * b)
{
  memcpy (b->copy[1], b->copy[0], COPIED);
}

/* What one core can do; `threads` cores can do as many times that. */
static void
measure_machine (Bench * b, guint threads)
{
  for (guint i = 0; i < 2; i++) {
    b->copy[i] = g_malloc (COPIED);
    memset (b->copy[i], i, COPIED);
  }
  b->gbytes = threads * 2. * COPIED / median_of (b, copy_bytes) / 1e6;
#ifdef HAVE_OPENBLAS
  for (guint i = 0; i < 3; i++) {
    b->square[i] = alitra_floats_new (SIDE * SIDE);
    for (guint k = 0; k < SIDE * SIDE; k++)
      b->square[i][k] = k % 7 * .1f;
  }
  b->gflops =
      threads * 2. * SIDE * SIDE * SIDE / median_of (b, multiply_squares) / 1e6;
#endif
  for (guint i = 0; i < 2; i++)
    g_free (b->copy[i]);
  for (guint i = 0; i < 3; i++)
    alitra_floats_free (b->square[i]);
  printf ("%u core(s): sgemm of %ux%u %.1f GFLOP/s%s, copies %.1f GB/s read "
      "and written\n", threads, SIDE, SIDE, b->gflops,
      b->gflops > 0 ? "" : " (built without OpenBLAS)", b->gbytes);
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
halve_row (gpointer data, guint row, guint worker)
{
  Bench *b = data;
  AlitraPlanes *to = &b->source[b->halved];

  alitra_planes_halve_run (to, to - 1, 2 * row, 0, 2 * to->grid.columns);
  alitra_planes_halve_run (to, to - 1, 2 * row + 1, 0, 2 * to->grid.columns);
}

static void
halve (Bench * b)
{
  for (b->halved = 1; b->halved < ALITRA_LEVELS; b->halved++)
    alitra_workers_run (b->workers, b->source[b->halved].grid.rows, halve_row,
        b);
}

static void
upsample (Bench * b)
{
  for (guint i = ALITRA_LEVELS - 1; i > 0; i--)
    alitra_planes_upsample (&b->base[i - 1], &b->base[i], NULL, b->workers);
}

static void
analyse_row (gpointer data, guint row, guint worker)
{
  Bench *b = data;
  const AlitraAnalysisView view = { &b->source[b->level] };

  alitra_analysis_do_row (b->analysis[b->level], &view, row, worker);
}

static void
analyse (Bench * b)
{
  alitra_analysis_begin (b->analysis[b->level], 0, 0, NULL,
      b->latents[b->level]);
  alitra_workers_run (b->workers, b->source[b->level].grid.rows, analyse_row,
      b);
}

static void
quantise (Bench * b)
{
  float *gains = b->sums[b->level];     /* room enough, and not read before it is written again */

  alitra_quantizer_step (b->quantizer[b->level], 0, b->cells[b->level],
      b->list[b->level], b->latents[b->level], b->ids[b->level], gains,
      gains + b->cells[b->level]);
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
paint (Bench * b, const guint8 * depth, const guint8 * changed)
{
  const guint8 *written = alitra_synthesis_run (b->synthesis[b->level],
      b->sums[b->level], depth, changed);

  alitra_synthesis_add (b->synthesis[b->level], NULL, written,
      &b->own[b->level]);
}

static void
paint_all (Bench * b)
{
  paint (b, b->full[b->level], NULL);
}

static void
paint_drawn (Bench * b)
{
  paint (b, b->depth[b->level], NULL);
}

static void
paint_few (Bench * b)
{
  paint (b, b->full[b->level], b->few[b->level]);
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

/* Pixels in and out, and planes of all levels. */
static void
measure_planes (Bench * b)
{
  const double frame = b->frame.width * b->frame.height * 1.5;
  const guint *cells = b->cells;
  const double all = (double) cells[0] + 2 * cells[1] + cells[2];

  b->level = ALITRA_LEVELS;
  measure (b, "bytes to planes", 0, frame + cells[0] * CELL_BYTES, read_frame);
  /* three additions and a product for each sample that comes out */
  measure (b, "halve twice",
      4. * (cells[1] + cells[2]) * ALITRA_CELL_SAMPLES, all * CELL_BYTES,
      halve);
  measure (b, "upsample twice", 0, all * CELL_BYTES, upsample);
  measure (b, "planes to bytes", 0, frame + cells[0] * CELL_BYTES, write_frame);
}

static void
measure_level (Bench * b)
{
  const AlitraModelLevel *level = &b->model->level[b->level];
  const double cells = b->cells[b->level], dim = b->model->dim, hidden =
      b->model->hidden, narrow = b->model->narrow;
  const double mix = 2 * (2 * dim * hidden + 9 * dim), token =
      2 * dim * narrow, latents = cells * dim * sizeof (float);
  const guint panels = level->step[0].centres.count;
  const double looked_at = level->probes && level->probes < panels
      ? panels + level->probes * ALITRA_PANEL : level->codes;
  /* each block reads and writes the latents */
  const double painting = 2 * level->blocks * latents + latents
      + cells * CELL_BYTES;

  printf ("level %u, %u cells\n", b->level, b->cells[b->level]);
  measure (b, "analysis", cells * 2 * ALITRA_CELL_SAMPLES * dim,
      cells * CELL_BYTES + latents, analyse);
  measure (b, "look at what a step sees", cells * token,
      latents + 2 * cells * sizeof (float), look);
  measure (b, "one token for every cell",
      cells * (2 * token + 2 * narrow * looked_at),
      2 * latents + level->codes * narrow * sizeof (float), quantise);
  measure (b, "sums of one token a cell", cells * token * 2 / 3,
      latents + cells * narrow * sizeof (float), sum);
  measure (b, "synthesis, every cell full",
      cells * (level->blocks * mix + 2 * dim * ALITRA_WINDOW_SAMPLES),
      painting, paint_all);
  measure (b, "synthesis, a third empty", 0, painting, paint_drawn);
  paint_all (b);
  measure (b, "synthesis, a twentieth redone", 0, painting / 20, paint_few);
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
    fprintf (stderr, "usage: %s MODEL [threads [width height [JSON]]]\n",
        argv[0]);
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
  measure_machine (&b, alitra_workers_get_threads (b.workers));
  if (argc > 5) {
    b.json = fopen (argv[5], "w");
    if (!b.json) {
      fprintf (stderr, "%s cannot be written\n", argv[5]);
      return 1;
    }
    fprintf (b.json, "{\"model\": \"%s\", \"loops\": \"%s\"",
        alitra_model_get_id (b.model), alitra_matrix_get_loops ());
    write_number (&b, "width", width);
    write_number (&b, "height", height);
    write_number (&b, "threads", alitra_workers_get_threads (b.workers));
    write_number (&b, "sgemm_gflops", b.gflops);
    write_number (&b, "copy_gbytes", b.gbytes);
    fprintf (b.json, ",\n  \"stages\": [");
  }
  measure_planes (&b);
  for (b.level = ALITRA_LEVELS; b.level-- > 0;)
    measure_level (&b);
  if (b.json) {
    fprintf (b.json, "\n  ]}\n");
    fclose (b.json);
  }
  return 0;
}
