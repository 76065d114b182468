/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Labels of raw pictures and what they cost, on one thread; training/measure_classifier.py makes tables of it:
 *   bench-classify MODEL CLASSIFIER WIDTH HEIGHT ALLOCATION TOKENS[,TOKENS...] BATCH CELLS <pictures.rgb
 * ALLOCATION: learned, recognition (learned, with that objective) or uniform; CELLS: all, tokens (no more cells are
 * looked at than there are tokens), or a number (so many a token).  One line for each picture and budget: number of the
 * label, tokens, cells that hold some, microseconds to make the tokens (by a tokenizer that has the budget's price from the picture before, as in a
 * stream), microseconds of the transformer, which looks at BATCH pictures at a time: of the processor's time, so that
 * other programs do not matter much. */
#include <alitra/alitra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BATCH 64

typedef struct
{
  AlitraModel *model;
  AlitraTransformer *transformer;
  AlitraClassifier *classifier;
  guint batch;
  gdouble cells;                /* that are looked at at most, a token; 0: all */
  AlitraTokenizer *tokenizer[MAX_BATCH];
  AlitraSettings settings;
  AlitraFrame frame;
  GByteArray *packet;
  gfloat *scores;
} Bench;

static gint64
cpu_time (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * G_GINT64_CONSTANT (1000000) + time.tv_nsec / 1000;
}

static guint
count_cells (const AlitraMemory * memory)
{
  guint cells = 0;

  for (guint level = 0; level < ALITRA_LEVELS; level++) {
    guint columns, rows;

    alitra_memory_get_grid (memory, level, &columns, &rows);
    for (guint i = 0; i < columns * rows; i++) {
      AlitraCell cell;

      alitra_memory_get_cell (memory, level, i % columns, i / columns, &cell);
      cells += cell.depth > 0;
    }
  }
  return cells;
}

typedef struct
{
  guint tokens;
  gint64 time;
} Made;

static Made
make_tokens (Bench * b, AlitraTokenizer * tokenizer)
{
  const gint64 start = cpu_time ();
  AlitraFrameStats stats;
  GError *error = NULL;

  if (!alitra_tokenizer_encode (tokenizer, &b->frame, &b->settings, TRUE,
          ALITRA_PACKET_NO_PTS, b->packet, &stats, &error))
    g_error ("%s", error->message);
  return (Made) {
  stats.tokens, cpu_time () - start};
}

static guint
best_of (const gfloat * scores, guint labels)
{
  guint best = 0;

  for (guint i = 1; i < labels; i++)
    if (scores[i] > scores[best])
      best = i;
  return best;
}

static void
classify (Bench * b, const Made * made, guint count)
{
  const guint labels = alitra_transformer_get_count (b->transformer);
  const AlitraMemory *memory[MAX_BATCH];
  GError *error = NULL;
  gint64 time;

  for (guint i = 0; i < count; i++)
    memory[i] = alitra_tokenizer_get_memory (b->tokenizer[i]);
  time = cpu_time ();
  if (!alitra_classifier_run (b->classifier, memory, count,
          b->cells * b->settings.target_tokens, b->scores, &error))
    g_error ("%s", error->message);
  time = cpu_time () - time;
  for (guint i = 0; i < count; i++)
    printf ("%u %u %u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
        best_of (b->scores + i * labels, labels), made[i].tokens,
        count_cells (memory[i]), made[i].time, time / count);
}

static void
all_pictures (Bench * b, GByteArray * pictures)
{
  const gsize size = (gsize) 3 * b->frame.width * b->frame.height;
  const AlitraStreamInfo info = { b->frame.width, b->frame.height, 0, 1, 1, 1,
    {1, 6, 2, 2}
  };
  Made made[MAX_BATCH];
  guint count = 0;

  for (guint i = 0; i < b->batch; i++)
    b->tokenizer[i] = alitra_tokenizer_new (b->model, &info, 1, NULL);
  for (gsize at = 0; at + size <= pictures->len; at += size) {
    b->frame.data[0] = pictures->data + at;
    made[count] = make_tokens (b, b->tokenizer[count]);
    if (++count == b->batch || at + 2 * size > pictures->len) {
      classify (b, made, count);
      count = 0;
    }
  }
  for (guint i = 0; i < b->batch; i++)
    alitra_tokenizer_free (b->tokenizer[i]);
}

static GByteArray *
read_all (FILE * file)
{
  GByteArray *all = g_byte_array_new ();
  guint8 part[65536];
  gsize n;

  while ((n = fread (part, 1, sizeof (part), file)) > 0)
    g_byte_array_append (all, part, n);
  return all;
}

int
main (int argc, char **argv)
{
  g_autoptr (GByteArray) pictures = NULL;
  g_auto (GStrv) budgets = NULL;
  GError *error = NULL;
  Bench b = { 0 };

  if (argc != 9) {
    g_printerr ("usage: %s MODEL CLASSIFIER WIDTH HEIGHT ALLOCATION "
        "TOKENS[,TOKENS...] BATCH CELLS <pictures.rgb\n", argv[0]);
    return 2;
  }
  b.batch = CLAMP (atoi (argv[7]), 1, MAX_BATCH);
  b.cells = strcmp (argv[8], "tokens") == 0 ? 1. : g_ascii_strtod (argv[8],
      NULL);
  b.model = alitra_model_load (argv[1], &error);
  if (b.model)
    b.transformer = alitra_transformer_load (argv[2], &error);
  if (b.transformer)
    b.classifier = alitra_classifier_new (b.transformer, b.model, 1, &error);
  b.frame.width = atoi (argv[3]);
  b.frame.height = atoi (argv[4]);
  if (!b.classifier || b.frame.width < 1 || b.frame.width > ALITRA_MAX_SIZE
      || b.frame.height < 1 || b.frame.height > ALITRA_MAX_SIZE) {
    g_printerr ("%s\n", error ? error->message : "no such size");
    return 1;
  }
  b.frame.format = ALITRA_PIXEL_RGB;
  b.frame.full_range = TRUE;
  b.frame.stride[0] = 3 * b.frame.width;
  alitra_settings_init (&b.settings);
  b.settings.exact_length = TRUE;
  b.settings.allocation = strcmp (argv[5], "uniform") == 0 ?
      ALITRA_ALLOCATION_UNIFORM : ALITRA_ALLOCATION_LEARNED;
  b.settings.objective = strcmp (argv[5], "recognition") == 0 ?
      ALITRA_OBJECTIVE_RECOGNITION : ALITRA_OBJECTIVE_PICTURE;
  b.packet = g_byte_array_new ();
  b.scores =
      g_new (gfloat, b.batch * alitra_transformer_get_count (b.transformer));
  pictures = read_all (stdin);
  budgets = g_strsplit (argv[6], ",", -1);
  for (guint i = 0; budgets[i]; i++) {
    b.settings.target_tokens = MAX (atoi (budgets[i]), 1);
    all_pictures (&b, pictures);
  }
  g_free (b.scores);
  g_byte_array_unref (b.packet);
  alitra_classifier_free (b.classifier);
  alitra_transformer_unref (b.transformer);
  alitra_model_unref (b.model);
  return 0;
}
