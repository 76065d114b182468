/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Says what a file of tokens holds, and writes pictures of where its tokens are. */
#include <locale.h>
#include <string.h>

#include "tokenfile.h"
#include "tokenpicture.h"
#include "tokenreport.h"

typedef struct
{
  gchar *model, *density, *picture, *style_name;
  gchar **files;
  gint frame;
  gboolean json, frames, version;
  /* read from the strings */
  AlitraOverlayStyle style;
} Options;

/* A file on its way through. */
typedef struct
{
  const Options *options;
  AlitraModel *model;           /* (nullable): fits the file */
  AlitraDetokenizer *detokenizer;
  TokenStats stats;
} Reading;

/* ---- options ---- */

static void
options_clear (Options * options)
{
  g_free (options->model);
  g_free (options->density);
  g_free (options->picture);
  g_free (options->style_name);
  g_strfreev (options->files);
}

static gboolean
read_style (Options * options, GError ** error)
{
  static const gchar *const names[] = { "heatmap", "grid", "contours" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (!options->style_name || strcmp (options->style_name, names[i]) == 0) {
      options->style = (AlitraOverlayStyle) i;
      return TRUE;
    }
  }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected heatmap, grid or contours for --style, got \"%s\"",
      options->style_name);
  return FALSE;
}

static gboolean
check_options (Options * options, GError ** error)
{
  const guint files = options->files ? g_strv_length (options->files) : 0;

  if (options->version)
    return TRUE;
  if (files != 1) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
        "Expected one file of tokens, got %u: alitra-info FILE", files);
    return FALSE;
  }
  if (options->frame < 0) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "Expected 1 for the first frame, and so on, or 0 for the last one, for "
        "--frame; got %d", options->frame);
    return FALSE;
  }
  return read_style (options, error);
}

static gboolean
options_parse (Options * options, int *argc, char ***argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
        "Print JSON instead of text", NULL},
    {"frames", 'f', 0, G_OPTION_ARG_NONE, &options->frames,
        "List the frames one by one as well", NULL},
    {"density", 'd', 0, G_OPTION_ARG_FILENAME, &options->density,
        "Write a picture of where the tokens of a frame are", "PNG"},
    {"picture", 'p', 0, G_OPTION_ARG_FILENAME, &options->picture,
        "Write the frame as it is rebuilt from its tokens", "PNG"},
    {"frame", 'n', 0, G_OPTION_ARG_INT, &options->frame,
        "The frame of --density and --picture: 1 is the first; default: the "
          "last", "N"},
    {"style", 's', 0, G_OPTION_ARG_STRING, &options->style_name,
        "Of --density: heatmap (default), grid or contours", "STYLE"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
        "Weights; default: the installed model, or ALITRA_MODEL_PATH", "FILE"},
    {"version", 0, 0, G_OPTION_ARG_NONE, &options->version,
        "Print the version", NULL},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->files,
        NULL, "FILE"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- what a file of tokens holds");
  g_option_context_set_summary (context,
      "Reads a .alitra file (\"-\": standard input) and prints frames, keys, "
      "sizes, bits by\npart and, with the model that made it, tokens by depth "
      "and level.");
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error)
      && check_options (options, error);
}

/* ---- reading ---- */

static gboolean
wants_pictures (const Options * options)
{
  return options->density || options->picture;
}

/* Without the model there is still much to say, but no picture. */
static gboolean
find_model (Reading * reading, guint32 number, GError ** error)
{
  const Options *options = reading->options;
  g_autoptr (GError) problem = NULL;
  g_autoptr (AlitraModel) model = NULL;

  model = alitra_model_load (options->model, &problem);
  if (model && alitra_model_get_number (model) != number)
    g_set_error (&problem, ALITRA_ERROR, ALITRA_ERROR_MODEL_MISMATCH,
        "The tokens were made with model %08x, but here is %s: name the right "
        "file with --model", number, alitra_model_get_id (model));
  if (!problem) {
    reading->detokenizer = alitra_detokenizer_new (model, 0);
    reading->model = g_steal_pointer (&model);
    return TRUE;
  }
  if (wants_pictures (options) || options->model) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  return TRUE;
}

static gboolean
write_pictures (Reading * reading, GError ** error)
{
  const Options *options = reading->options;

  if (options->picture && !token_picture_write (reading->detokenizer,
          options->picture, error))
    return FALSE;
  return !options->density
      || token_picture_write_density (reading->detokenizer, options->style,
      options->density, error);
}

/* A packet without the memory that it changes is no damage: the file may begin in the middle of a stream. */
static gboolean
decode (Reading * reading, const guint8 * data,
    const AlitraPacketLayout * layout, guint64 offset, GError ** error)
{
  GError *problem = NULL;
  AlitraLoss loss;

  if (alitra_detokenizer_decode (reading->detokenizer, data,
          layout->info.size, &problem)) {
    alitra_detokenizer_get_loss (reading->detokenizer, &loss);
    if (loss.damaged > 0) {
      g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
          "Frame %" G_GUINT64_FORMAT ", at byte %" G_GUINT64_FORMAT ": expected "
          "sound tokens, but %u of its %u slices are damaged; get the file anew",
          reading->stats.frames, offset, loss.damaged, layout->info.slices);
      return FALSE;
    }
    token_stats_add_memory (&reading->stats, layout,
        alitra_detokenizer_get_memory (reading->detokenizer),
        alitra_detokenizer_get_stream (reading->detokenizer), reading->model);
    return TRUE;
  }
  if (g_error_matches (problem, ALITRA_ERROR, ALITRA_ERROR_NEEDS_KEY)) {
    g_error_free (problem);
    return TRUE;
  }
  g_propagate_prefixed_error (error, problem,
      "Frame %" G_GUINT64_FORMAT ", at byte %" G_GUINT64_FORMAT ": ",
      reading->stats.frames, offset);
  return FALSE;
}

static gboolean
read_packet (Reading * reading, const guint8 * data,
    const AlitraPacketLayout * layout, guint64 offset, GError ** error)
{
  if (reading->stats.frames == 0
      && !find_model (reading, layout->info.model, error))
    return FALSE;
  token_stats_add_packet (&reading->stats, offset, layout);
  if (!reading->detokenizer)
    return TRUE;
  if (!decode (reading, data, layout, offset, error))
    return FALSE;
  return reading->stats.frames != reading->options->frame
      || write_pictures (reading, error);
}

static gboolean
check_pictures (Reading * reading, GError ** error)
{
  const Options *options = reading->options;

  if (!wants_pictures (options))
    return TRUE;
  if (options->frame > 0 && reading->stats.frames >= options->frame)
    return TRUE;
  if (options->frame == 0 && reading->stats.decoded > 0)
    return write_pictures (reading, error);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected a frame that the file holds for --frame, got %d of %"
      G_GUINT64_FORMAT, options->frame, reading->stats.frames);
  return FALSE;
}

static gboolean
read_file (Reading * reading, GError ** error)
{
  g_autoptr (TokenFile) file = token_file_open (reading->options->files[0],
      error);
  g_autofree AlitraPacketLayout *layout = g_new (AlitraPacketLayout, 1);
  GError *problem = NULL;
  const guint8 *data;

  if (!file)
    return FALSE;
  while (token_file_next (file, &data, layout, &problem)) {
    if (!read_packet (reading, data, layout, token_file_get_offset (file),
            error))
      return FALSE;
  }
  if (!problem)
    return check_pictures (reading, error);
  g_propagate_error (error, problem);
  return FALSE;
}

static void
print_report (const Reading * reading, const GError * problem)
{
  const TokenReport report = { reading->options->files[0],
    reading->model ? alitra_model_get_id (reading->model) : NULL,
    problem ? problem->message : NULL, reading->options->frames
  };

  if (reading->options->json)
    token_report_print_json (&report, &reading->stats);
  else if (!problem || reading->stats.frames > 0)
    token_report_print_text (&report, &reading->stats);
}

static gboolean
run (const Options * options, GError ** error)
{
  Reading reading = { options, };
  g_autoptr (GError) problem = NULL;
  gboolean done;

  token_stats_init (&reading.stats);
  done = read_file (&reading, &problem);
  print_report (&reading, problem);
  alitra_detokenizer_free (reading.detokenizer);
  g_clear_pointer (&reading.model, alitra_model_unref);
  token_stats_clear (&reading.stats);
  if (problem)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done;
}

int
main (int argc, char **argv)
{
  Options options = { NULL, };
  g_autoptr (GError) error = NULL;
  gboolean done;

  setlocale (LC_ALL, "");
  done = options_parse (&options, &argc, &argv, &error);
  if (done && options.version)
    g_print ("alitra-info %s\n", ALITRA_VERSION_STRING);
  else if (done)
    done = run (&options, &error);
  if (!done)
    g_printerr ("alitra-info: %s\n", error->message);
  options_clear (&options);
  return done ? 0 : 1;
}
