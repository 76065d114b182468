/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tokens' encoder and decoder beside other encoders of GStreamer, on the same raw frames in one run. */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchrun.h"

#define MOST_ROUNDS 99

typedef struct
{
  gchar **models, *sizes, *moving, *steady, *json, *threads;
  gint frames, rounds;
  gdouble tokens;               /* a patch */
} Options;

/* Something that is measured on each scene. */
typedef struct
{
  gchar *name, *element, *decoder;
  guint threads;
} Subject;

typedef struct
{
  const Subject *subject;
  RunResult run[MOST_ROUNDS];
  RunResult median;
  gchar *problem;
} Row;

/* ---- what is measured ---- */

static void
subject_free (gpointer data)
{
  Subject *subject = data;

  g_free (subject->name);
  g_free (subject->element);
  g_free (subject->decoder);
  g_free (subject);
}

static Subject *
subject_new (gchar * name, gchar * element, gchar * decoder, guint threads)
{
  Subject *subject = g_new0 (Subject, 1);

  subject->name = name;
  subject->element = element;
  subject->decoder = decoder;
  subject->threads = threads;
  return subject;
}

static void
add_model (GPtrArray * subjects, const gchar * model, guint threads,
    guint tokens)
{
  g_autofree gchar *file = g_path_get_basename (model);
  gchar *dot = strstr (file, ".safetensors");
  guint reuse;

  if (dot)
    *dot = '\0';
  for (reuse = 0; reuse < 2; reuse++) {
    const gchar *name = *file ? file : "(installed)";
    const gchar *how = reuse ? "" : ", no reuse";
    g_autofree gchar *encoder = g_strdup_printf ("alitraenc model=\"%s\" "
        "threads=%u target-tokens=%u temporal-reuse=%s", model, threads,
        tokens, reuse ? "true" : "false");

    g_ptr_array_add (subjects, subject_new (g_strdup_printf ("alitraenc %s%s",
                name, how), g_strdup (encoder), NULL, threads));
    g_ptr_array_add (subjects, subject_new (g_strdup_printf ("alitradec %s%s",
                name, how), g_steal_pointer (&encoder),
            g_strdup_printf ("alitradec model=\"%s\" threads=%u", model,
                threads), threads));
  }
}

static GPtrArray *
make_subjects (const Options * options, guint threads, guint width,
    guint height)
{
  static const gchar *const installed[] = { "", NULL };
  const gchar *const *models = options->models
      ? (const gchar * const *) options->models : installed;
  const guint patches = ((width + 15) / 16) * ((height + 15) / 16);
  GPtrArray *subjects = g_ptr_array_new_with_free_func (subject_free);
  guint i;

  g_ptr_array_add (subjects, subject_new (g_strdup ("x264enc ultrafast"),
          g_strdup_printf ("x264enc speed-preset=ultrafast tune=zerolatency "
              "threads=%u", threads), NULL, threads));
  for (i = 0; models[i]; i++)
    add_model (subjects, models[i], threads,
        MAX (1, patches * options->tokens));
  g_ptr_array_add (subjects, subject_new (g_strdup ("jpegenc"),
          g_strdup ("jpegenc"), NULL, threads));
  g_ptr_array_add (subjects, subject_new (g_strdup ("vp8enc real time"),
          g_strdup_printf ("vp8enc deadline=1 cpu-used=16 threads=%u "
              "end-usage=cbr target-bitrate=2048000", threads), NULL, threads));
  return subjects;
}

/* ---- medians ---- */

static gint
by_size (gconstpointer a, gconstpointer b)
{
  const gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

static gdouble
median_of (const Row * row, guint rounds, gsize offset)
{
  gdouble all[MOST_ROUNDS];
  guint i;

  for (i = 0; i < rounds; i++)
    all[i] = *(const gdouble *) ((const guint8 *) &row->run[i] + offset);
  qsort (all, rounds, sizeof (gdouble), by_size);
  return rounds % 2 ? all[rounds / 2] : (all[rounds / 2 - 1]
      + all[rounds / 2]) / 2.;
}

static void
take_medians (Row * row, guint rounds)
{
  row->median.fps = median_of (row, rounds, G_STRUCT_OFFSET (RunResult, fps));
  row->median.cpu_ms =
      median_of (row, rounds, G_STRUCT_OFFSET (RunResult, cpu_ms));
  row->median.bytes =
      median_of (row, rounds, G_STRUCT_OFFSET (RunResult, bytes));
  row->median.memory_mb =
      median_of (row, rounds, G_STRUCT_OFFSET (RunResult, memory_mb));
  row->median.changed = row->run[0].changed;
}

/* ---- one scene ---- */

/* All subjects in turn, round by round, so that whatever else the machine does meets all of them. */
static void
measure_rows (const Scene * scene, GPtrArray * subjects, Row * rows,
    guint rounds)
{
  guint round, i;

  for (round = 0; round < rounds; round++)
    for (i = 0; i < subjects->len; i++) {
      GError *error = NULL;
      const Subject *subject = rows[i].subject =
          g_ptr_array_index (subjects, i);

      if (rows[i].problem)
        continue;
      if (!run_measure (scene, subject->element, subject->decoder,
              subject->threads, &rows[i].run[round], &error)) {
        rows[i].problem = g_strdup (error->message);
        g_error_free (error);
      }
    }
  for (i = 0; i < subjects->len; i++)
    if (!rows[i].problem)
      take_medians (&rows[i], rounds);
}

static void
print_rows (const Row * rows, guint n)
{
  const gboolean compared = !rows[0].problem;
  guint i;

  printf ("%-36s %8s %8s %9s %8s %8s %8s %8s\n", "", "frames/s", "CPU ms",
      "bytes", "MB held", "of x264", "by CPU", "changed");
  for (i = 0; i < n; i++) {
    const RunResult *median = &rows[i].median;

    if (rows[i].problem) {
      printf ("%-36s not measured: %s\n", rows[i].subject->name,
          rows[i].problem);
      continue;
    }
    printf ("%-36s %8.1f %8.2f %9.0f %8.0f", rows[i].subject->name,
        median->fps, median->cpu_ms, median->bytes, median->memory_mb);
    if (compared)
      printf (" %8.2f %8.2f", median->fps / rows[0].median.fps,
          rows[0].median.cpu_ms / median->cpu_ms);
    if (median->changed >= 0.)
      printf (" %6.1f %%", 100. * median->changed);
    printf ("\n");
  }
  printf ("\n");
  fflush (stdout);
}

static void
append_json (GString * json, const Scene * scene, const gchar * motion,
    guint threads, const Row * rows, guint n)
{
  guint i;

  for (i = 0; i < n; i++) {
    const RunResult *median = &rows[i].median;
    gchar number[5][G_ASCII_DTOSTR_BUF_SIZE];

    if (rows[i].problem)
      continue;
    g_ascii_formatd (number[0], sizeof (number[0]), "%.3f", median->fps);
    g_ascii_formatd (number[1], sizeof (number[1]), "%.4f", median->cpu_ms);
    g_ascii_formatd (number[2], sizeof (number[2]), "%.1f", median->bytes);
    g_ascii_formatd (number[3], sizeof (number[3]), "%.2f", median->memory_mb);
    g_ascii_formatd (number[4], sizeof (number[4]), "%.4f", median->changed);
    g_string_append_printf (json,
        "%s\n  {\"what\": \"%s\", \"scene\": \"%s\", \"width\": %u, "
        "\"height\": %u, \"threads\": %u, \"fps\": %s, \"cpu_ms\": %s, "
        "\"bytes\": %s, \"memory_mb\": %s, \"changed\": %s}",
        json->len > 1 ? "," : "", rows[i].subject->name, motion, scene->width,
        scene->height, threads, number[0], number[1], number[2], number[3],
        number[4]);
  }
}

static void
bench_scene (const Options * options, const Scene * scene,
    const gchar * motion, guint threads, GString * json)
{
  GPtrArray *subjects = make_subjects (options, threads, scene->width,
      scene->height);
  Row *rows = g_new0 (Row, subjects->len);
  guint i;

  printf ("%ux%u, %s, %u thread(s), %.2f tokens a patch, medians of %d runs of "
      "%u frames\n", scene->width, scene->height, motion, threads,
      options->tokens, options->rounds, scene->frames);
  measure_rows (scene, subjects, rows, options->rounds);
  print_rows (rows, subjects->len);
  append_json (json, scene, motion, threads, rows, subjects->len);
  for (i = 0; i < subjects->len; i++)
    g_free (rows[i].problem);
  g_free (rows);
  g_ptr_array_unref (subjects);
}

/* ---- all of it ---- */

static gboolean
make_scenes (const Options * options, guint width, guint height,
    Scene * moving, Scene * steady, GError ** error)
{
  if (!(options->moving ? scene_read_clip (moving, options->moving, width,
              height, options->frames, error)
          : scene_draw_moving (moving, width, height, options->frames, error)))
    return FALSE;
  return options->steady ? scene_read_clip (steady, options->steady, width,
      height, options->frames, error)
      : scene_draw_static (steady, moving, error);
}

static gboolean
bench_size (const Options * options, guint height, GString * json,
    GError ** error)
{
  const guint width = (height * 16 / 9 + 1) & ~1u;
  g_auto (GStrv) threads = g_strsplit (options->threads, ",", -1);
  Scene moving = { NULL }, steady = { NULL }, still = { NULL };
  gboolean fine = make_scenes (options, width, height, &moving, &steady,
      error) && scene_repeat (&still, &steady, error);
  guint i;

  for (i = 0; fine && threads[i]; i++) {
    const guint count = CLAMP (atoi (threads[i]), 1, 64);

    bench_scene (options, &moving, "moving", count, json);
    bench_scene (options, &steady, "static", count, json);
    bench_scene (options, &still, "unchanging", count, json);
  }
  scene_clear (&moving);
  scene_clear (&steady);
  scene_clear (&still);
  return fine;
}

static gboolean
bench_all (const Options * options, GError ** error)
{
  g_auto (GStrv) sizes = g_strsplit (options->sizes, ",", -1);
  GString *json = g_string_new ("[");
  gboolean fine = TRUE;
  guint i;

  for (i = 0; fine && sizes[i]; i++) {
    const gint height = atoi (sizes[i]);

    if (height < 16 || height > 4320) {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
          "--sizes takes heights of 16 to 4320, as in 360,720,1080, got %s",
          sizes[i]);
      fine = FALSE;
    } else {
      fine = bench_size (options, height & ~1, json, error);
    }
  }
  g_string_append (json, "\n]\n");
  if (fine && options->json)
    fine = g_file_set_contents (options->json, json->str, json->len, error);
  g_string_free (json, TRUE);
  return fine;
}

static gboolean
read_options (Options * options, gint * argc, gchar *** argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"moving", 'm', 0, G_OPTION_ARG_FILENAME, &options->moving,
        "A video in which everything moves; default: a drawn one", "FILE"},
    {"static", 's', 0, G_OPTION_ARG_FILENAME, &options->steady,
          "A video of a camera that stands still; default: the first frame of the other, with noise and a part that moves",
        "FILE"},
    {"sizes", 0, 0, G_OPTION_ARG_STRING, &options->sizes,
        "Heights of the frames, 16:9; default 360,720,1080", "LIST"},
    {"threads", 0, 0, G_OPTION_ARG_STRING, &options->threads,
        "Processors that each may use; default 1,2", "LIST"},
    {"model", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->models,
          "Weights to measure, may be given again; default: the installed model",
        "FILE"},
    {"tokens", 't', 0, G_OPTION_ARG_DOUBLE, &options->tokens,
        "Tokens a patch of 16x16, default 0.4", "N"},
    {"frames", 'n', 0, G_OPTION_ARG_INT, &options->frames,
        "Frames of each run, default 40", "N"},
    {"rounds", 'r', 0, G_OPTION_ARG_INT, &options->rounds,
        "Runs of which the median counts, default 5", "N"},
    {"json", 'j', 0, G_OPTION_ARG_FILENAME, &options->json,
        "Write the medians as JSON too", "FILE"},
    {NULL}
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("- speed of the tokens beside other encoders");

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context,
      "Encodes and decodes the same raw frames with alitraenc, alitradec, x264enc, jpegenc and vp8enc, each in a "
      "process of its own with the same processors, and prints medians.");
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1 || options->frames < 8 || options->rounds < 1
      || options->rounds > MOST_ROUNDS || !(options->tokens > 0.)) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "Expected at least 8 frames, 1 to %d rounds, more than 0 tokens a patch and no further words: see --help",
        MOST_ROUNDS);
    return FALSE;
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  Options options = { NULL };
  GError *error = NULL;
  gint status;

  if (run_is_child (argc, argv, &status))
    return status;
  options.sizes = g_strdup ("360,720,1080");
  options.threads = g_strdup ("1,2");
  options.frames = 40;
  options.rounds = 5;
  options.tokens = .4;
  status = read_options (&options, &argc, &argv, &error)
      && bench_all (&options, &error) ? 0 : 1;
  if (error) {
    fprintf (stderr, "%s\n", error->message);
    g_error_free (error);
  }
  g_strfreev (options.models);
  g_free (options.sizes);
  g_free (options.threads);
  g_free (options.moving);
  g_free (options.steady);
  g_free (options.json);
  return status;
}
