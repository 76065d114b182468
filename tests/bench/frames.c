/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole frames of a raw I420 clip through the tokenizer and back, in one process: how long they take, which part of that is
 * products and at which rate, what a second thread gives, and how long the first token takes.  Prints one line of JSON:
 *
 *     OPENBLAS_NUM_THREADS=1 bench-frames MODEL CLIP.yuv WIDTH HEIGHT FRAMES [reuse]
 *
 * 0.4 tokens a patch; without `reuse` all cells of each frame are tokenised.  Times of one thread are CPU time.  The clip is
 * encoded some times, with one thread and with two in turn: what these take are medians of the rounds. */
#ifdef HAVE_OPENBLAS
#include <cblas.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <alitra/alitra.h>

#include "floats.h"
#include "matrix-loops.h"

#define SIDE 1024
#define ROUNDS 5
#define TOKENS .4

static double
now (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static int
by_size (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median_of (double *numbers, guint n)
{
  qsort (numbers, n, sizeof (double), by_size);
  return n > 0 ? numbers[n / 2] : 0;
}

/* ---- products, with a clock around each ---- */

static const AlitraLoops *plain_table;
static double product_ms, product_operations;
static guint product_calls;

static void
end_product (double begin, double operations)
{
  product_ms += now (CLOCK_THREAD_CPUTIME_ID) - begin;
  product_operations += operations;
  product_calls++;
}

static void
timed_multiply (const AlitraMatrix * matrix, guint rows, const float *in,
    gsize in_stride, float *out, gsize out_stride, AlitraEnd end)
{
  const double begin = now (CLOCK_THREAD_CPUTIME_ID);

  plain_table->multiply (matrix, rows, in, in_stride, out, out_stride, end);
  end_product (begin, 2. * rows * matrix->inputs * matrix->outputs);
}

static void
timed_nearest (const AlitraMatrix * codes, guint rows, const float *in,
    gsize in_stride, guint16 * ids)
{
  const double begin = now (CLOCK_THREAD_CPUTIME_ID);

  plain_table->nearest (codes, rows, in, in_stride, ids);
  end_product (begin, 2. * rows * codes->inputs * codes->outputs);
}

static void
timed_nearest_of_panels (const AlitraMatrix * codes,
    const AlitraCentres * centres, guint probes, guint rows, const float *in,
    gsize in_stride, guint16 * ids)
{
  const double begin = now (CLOCK_THREAD_CPUTIME_ID);

  plain_table->nearest_of_panels (codes, centres, probes, rows, in, in_stride,
      ids);
  end_product (begin, 2. * rows * codes->inputs * (centres->count
          + probes * ALITRA_PANEL));
}

/* Milliseconds that a pair of looks at the clock takes by itself. */
static double
cost_of_clock (void)
{
  const double begin = now (CLOCK_THREAD_CPUTIME_ID);
  guint i;

  for (i = 0; i < 1000; i++)
    now (CLOCK_THREAD_CPUTIME_ID);
  return (now (CLOCK_THREAD_CPUTIME_ID) - begin) / 1000;
}

static void
take_clocks (AlitraLoops * table)
{
  plain_table = alitra_matrix_get_table ();
  *table = *plain_table;
  table->multiply = timed_multiply;
  table->nearest = timed_nearest;
  table->nearest_of_panels = timed_nearest_of_panels;
  alitra_matrix_use_table (table);
}

/* GFLOP/s of OpenBLAS on large square matrices; 0: built without it. */
static double
measure_sgemm (void)
{
#ifdef HAVE_OPENBLAS
  float *m[3];
  double took[ROUNDS];

  for (guint i = 0; i < 3; i++) {
    m[i] = alitra_floats_new (SIDE * SIDE);
    for (guint k = 0; k < SIDE * SIDE; k++)
      m[i][k] = k % 7 * .1f;
  }
  for (guint i = 0; i <= ROUNDS; i++) {
    const double begin = now (CLOCK_THREAD_CPUTIME_ID);

    cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE,
        1.f, m[0], SIDE, m[1], SIDE, 0.f, m[2], SIDE);
    if (i > 0)
      took[i - 1] = now (CLOCK_THREAD_CPUTIME_ID) - begin;
  }
  for (guint i = 0; i < 3; i++)
    alitra_floats_free (m[i]);
  return 2e-6 * SIDE * SIDE * SIDE / median_of (took, ROUNDS);
#else
  return 0;
#endif
}

/* ---- frames ---- */

typedef struct
{
  AlitraModel *model;
  const guint8 *bytes;
  guint width, height, frames;
  gboolean reuse;
} Clip;

typedef struct
{
  double encode_cpu, decode_cpu, encode_wall, decode_wall;      /* medians, ms a frame, the first one not counted */
  double first_cpu, active;     /* first frame, its tokenizer included; part of the patches that changed */
  guint32 sum;                  /* of all packets */
} Result;

static AlitraFrame
frame_at (const Clip * clip, guint8 * bytes)
{
  const gsize luma = (gsize) clip->width * clip->height;

  return (AlitraFrame) {
    ALITRA_PIXEL_I420, FALSE, clip->width, clip->height, {
    bytes, bytes + luma, bytes + luma * 5 / 4}
    , {
    clip->width, clip->width / 2, clip->width / 2}
  };
}

static gboolean
run_clip (const Clip * clip, guint threads, Result * result, GError ** error)
{
  const gsize size = (gsize) clip->width * clip->height * 3 / 2;
  const double begin = now (CLOCK_PROCESS_CPUTIME_ID);
  const guint columns = (clip->width + 15) / 16, rows =
      (clip->height + 15) / 16;
  g_autoptr (AlitraTokenizer) tokenizer = NULL;
  g_autoptr (AlitraDetokenizer) detokenizer =
      alitra_detokenizer_new (clip->model, threads);
  g_autofree guint8 *room = g_malloc (size);
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  const AlitraFrame shown = frame_at (clip, room);
  double *times = g_new (double, 4 * clip->frames);
  AlitraSettings settings;
  AlitraStreamInfo info;
  gboolean fine;

  memset (result, 0, sizeof (*result));
  alitra_settings_init (&settings);
  settings.target_tokens = TOKENS * columns * rows;
  settings.temporal_reuse = clip->reuse;
  alitra_stream_info_init (&info, clip->width, clip->height);
  tokenizer = alitra_tokenizer_new (clip->model, &info, threads, error);
  fine = tokenizer != NULL;
  for (guint i = 0; fine && i < clip->frames; i++) {
    const AlitraFrame frame =
        frame_at (clip, (guint8 *) clip->bytes + i * size);
    const double cpu = now (CLOCK_PROCESS_CPUTIME_ID);
    const double wall = now (CLOCK_MONOTONIC);
    double cpu_between, wall_between;
    AlitraFrameStats stats;

    fine = alitra_tokenizer_encode (tokenizer, &frame, &settings, FALSE,
        ALITRA_PACKET_NO_PTS, packet, &stats, error);
    cpu_between = now (CLOCK_PROCESS_CPUTIME_ID);
    wall_between = now (CLOCK_MONOTONIC);
    if (i == 0) {
      result->first_cpu = cpu_between - begin;
      /* prices settle on the first frame: it is encoded several times, which counts in no mean */
      product_ms = product_operations = product_calls = 0;
    }
    for (guint k = 0; k < packet->len; k++)
      result->sum = result->sum * 31 + packet->data[k];
    fine = fine && alitra_detokenizer_decode (detokenizer, packet->data,
        packet->len, error)
        && alitra_detokenizer_render (detokenizer, 0, &shown, error);
    if (i == 0)
      continue;
    result->active += (double) stats.active_patches / stats.patches
        / (clip->frames - 1);
    times[i - 1] = cpu_between - cpu;
    times[clip->frames + i - 1] = wall_between - wall;
    times[2 * clip->frames + i - 1] = now (CLOCK_PROCESS_CPUTIME_ID)
        - cpu_between;
    times[3 * clip->frames + i - 1] = now (CLOCK_MONOTONIC) - wall_between;
  }
  result->encode_cpu = median_of (times, clip->frames - 1);
  result->encode_wall = median_of (times + clip->frames, clip->frames - 1);
  result->decode_cpu = median_of (times + 2 * clip->frames, clip->frames - 1);
  result->decode_wall = median_of (times + 3 * clip->frames, clip->frames - 1);
  g_free (times);
  return fine;
}

/* What two threads gain, of the encoder and of the decoder, round by round. */
static gboolean
run_rounds (const Clip * clip, Result one[ROUNDS], Result two[ROUNDS],
    double ratio[2][ROUNDS], GError ** error)
{
  for (guint i = 0; i < ROUNDS; i++) {
    if (!run_clip (clip, 1, &one[i], error)
        || !run_clip (clip, 2, &two[i], error))
      return FALSE;
    ratio[0][i] = one[i].encode_wall / two[i].encode_wall;
    ratio[1][i] = one[i].decode_wall / two[i].decode_wall;
  }
  return TRUE;
}

static double
median_of_field (const Result rounds[ROUNDS], gsize offset)
{
  double all[ROUNDS];

  for (guint i = 0; i < ROUNDS; i++)
    all[i] = *(const double *) ((const guint8 *) &rounds[i] + offset);
  return median_of (all, ROUNDS);
}

#define MEDIAN(rounds, field) \
  median_of_field (rounds, G_STRUCT_OFFSET (Result, field))

/* The tokenizer alone, with clocks: mean milliseconds and operations of products a frame. */
static gboolean
measure_products (const Clip * clip, double *ms, double *operations,
    GError ** error)
{
  const gsize size = (gsize) clip->width * clip->height * 3 / 2;
  const double clock = cost_of_clock ();
  g_autoptr (AlitraTokenizer) tokenizer = NULL;
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  AlitraSettings settings;
  AlitraStreamInfo info;
  AlitraLoops table;
  gboolean fine;

  alitra_settings_init (&settings);
  settings.target_tokens = TOKENS * ((clip->width + 15) / 16)
      * ((clip->height + 15) / 16);
  settings.temporal_reuse = clip->reuse;
  alitra_stream_info_init (&info, clip->width, clip->height);
  tokenizer = alitra_tokenizer_new (clip->model, &info, 1, error);
  fine = tokenizer != NULL;
  take_clocks (&table);
  for (guint i = 0; fine && i < clip->frames; i++) {
    const AlitraFrame frame =
        frame_at (clip, (guint8 *) clip->bytes + i * size);

    fine = alitra_tokenizer_encode (tokenizer, &frame, &settings, FALSE,
        ALITRA_PACKET_NO_PTS, packet, NULL, error);
    if (i == 0)
      product_ms = product_operations = product_calls = 0;
  }
  alitra_matrix_use_table (plain_table);
  *ms = (product_ms - product_calls * clock) / (clip->frames - 1);
  *operations = product_operations / (clip->frames - 1);
  return fine;
}

static void
print_number (const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  printf ("%s\"%s\": %s", strcmp (name, "load_ms") ? ", " : "{", name,
      g_ascii_formatd (text, sizeof text, "%.4g", value));
}

int
main (int argc, char **argv)
{
  const double begin = now (CLOCK_PROCESS_CPUTIME_ID);
  double load, ms, operations, sgemm;
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = NULL;
  g_autofree gchar *bytes = NULL;
  double ratio[2][ROUNDS];
  Result one[ROUNDS], two[ROUNDS], four;
  gboolean same;
  Clip clip;
  gsize size;

  if (argc < 6) {
    fprintf (stderr, "usage: %s MODEL CLIP.yuv WIDTH HEIGHT FRAMES [reuse]\n",
        argv[0]);
    return 2;
  }
  model = alitra_model_load (argv[1], &error);
  load = now (CLOCK_PROCESS_CPUTIME_ID) - begin;
  if (!model || !g_file_get_contents (argv[2], &bytes, &size, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  clip = (Clip) {
  model, (const guint8 *) bytes, atoi (argv[3]), atoi (argv[4]),
        atoi (argv[5]), argc > 6};
  if (clip.width < 16 || clip.height < 16 || clip.width % 2 || clip.height % 2
      || clip.frames < 3
      || size < (gsize) clip.width * clip.height * 3 / 2 * clip.frames) {
    fprintf (stderr, "Expected an even width and height and at least 3 frames "
        "of them, got %" G_GSIZE_FORMAT " bytes\n", size);
    return 1;
  }
  if (!run_rounds (&clip, one, two, ratio, &error)
      || !run_clip (&clip, 4, &four, &error)
      || !measure_products (&clip, &ms, &operations, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  sgemm = measure_sgemm ();
  print_number ("load_ms", load);
  print_number ("start_ms", load + MEDIAN (one, first_cpu));
  print_number ("encode_ms", MEDIAN (one, encode_cpu));
  print_number ("decode_ms", MEDIAN (one, decode_cpu));
  print_number ("products_ms", ms);
  print_number ("rest_ms", MEDIAN (one, encode_cpu) - ms);
  print_number ("products_gflops", operations / ms / 1e6);
  print_number ("sgemm_gflops", sgemm);
  print_number ("of_sgemm", sgemm > 0 ? operations / ms / 1e6 / sgemm : 0);
  print_number ("two_threads", median_of (ratio[0], ROUNDS));
  print_number ("two_threads_decode", median_of (ratio[1], ROUNDS));
  print_number ("two_threads_cpu", MEDIAN (two, encode_cpu)
      / MEDIAN (one, encode_cpu));
  print_number ("active", one->active);
  same = one->sum == two->sum && one->sum == four.sum;
  printf (", \"same_bytes\": %s}\n", same ? "true" : "false");
  return same ? 0 : 1;
}
