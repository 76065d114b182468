/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw pictures -> their tokens, each picture by itself and at several budgets: what training/ learns from.
 *
 * For each picture and budget: u32 count, then for each token u16 id, u8 level, u8 depth, u16 column, u16 row (of the
 * cell's upper left corner, in units of 16 luma samples); all little endian. */
#include <stdlib.h>
#include <string.h>

#include "rawvideo.h"

#define MAX_BUDGETS 16

typedef struct
{
  gchar *input, *output, *model, *allocation, *objective, *budgets, *format;
  gint width, height;
  gint64 budget[MAX_BUDGETS];
  guint count;                  /* of budgets */
  AlitraPixelFormat pixel_format;
  AlitraSettings settings;
} Options;

typedef struct
{
  guint room;
  AlitraTokenTable table;
  guint8 *bytes;
} Rows;

static gboolean
parse_budgets (Options * options, GError ** error)
{
  g_auto (GStrv) words = g_strsplit (options->budgets ? options->budgets : "",
      ",", MAX_BUDGETS + 1);

  for (guint i = 0; words[i]; i++) {
    if (i == MAX_BUDGETS
        || !g_ascii_string_to_signed (words[i], 10, 1, 1 << 20,
            &options->budget[i], NULL)) {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
          "Expected 1 to %d numbers of tokens for --tokens, as in 16,64; got "
          "\"%s\"", MAX_BUDGETS, options->budgets);
      return FALSE;
    }
    options->count++;
  }
  if (options->count == 0)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "Expected --tokens with one number or more, as in 16,64");
  return options->count > 0;
}

static gboolean
parse_word (const gchar * option, const gchar * word,
    const gchar * const *words, gint * picked, GError ** error)
{
  for (*picked = 0; words[*picked]; (*picked)++)
    if (strcmp (words[*picked], word) == 0)
      return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected %s and so on for --%s, got \"%s\"", words[0], option, word);
  return FALSE;
}

static gboolean
check_options (Options * options, GError ** error)
{
  static const gchar *const allocations[] =
      { "learned", "uniform", "complexity", NULL };
  static const gchar *const objectives[] = { "picture", "recognition", NULL };
  static const gchar *const formats[] = { "RGB", "I420", NULL };
  gint allocation, objective, format;

  if (options->width < 1 || options->width > ALITRA_MAX_SIZE
      || options->height < 1 || options->height > ALITRA_MAX_SIZE) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "Expected --width and --height of 1 to %d, got %d and %d",
        ALITRA_MAX_SIZE, options->width, options->height);
    return FALSE;
  }
  if (!parse_budgets (options, error)
      || !parse_word ("allocation",
          options->allocation ? options->allocation : allocations[0],
          allocations, &allocation, error)
      || !parse_word ("objective",
          options->objective ? options->objective : objectives[0], objectives,
          &objective, error)
      || !parse_word ("format", options->format ? options->format : formats[0],
          formats, &format, error))
    return FALSE;
  options->settings.allocation = allocation;
  options->settings.objective = objective;
  options->settings.exact_length = TRUE;
  options->pixel_format = format == 0 ? ALITRA_PIXEL_RGB : ALITRA_PIXEL_I420;
  return TRUE;
}

static gboolean
parse_options (Options * options, int *argc, char ***argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"input", 'i', 0, G_OPTION_ARG_FILENAME, &options->input,
        "Raw pictures, without padding; default: standard input", "FILE"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
        "The tokens; default: standard output", "FILE"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &options->format,
        "RGB (default) or I420, both of full range", "FORMAT"},
    {"width", 0, 0, G_OPTION_ARG_INT, &options->width, "Pixels in a row", "N"},
    {"height", 0, 0, G_OPTION_ARG_INT, &options->height, "Rows", "N"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
        "Weights; default: the installed model, or ALITRA_MODEL_PATH", "FILE"},
    {"tokens", 't', 0, G_OPTION_ARG_STRING, &options->budgets,
          "Tokens of each picture, exactly; several: one after the other",
        "N,N,..."},
    {"allocation", 'a', 0, G_OPTION_ARG_STRING, &options->allocation,
        "learned (default), uniform or complexity", "WHO"},
    {"objective", 'j', 0, G_OPTION_ARG_STRING, &options->objective,
        "What tokens should help: picture (default) or recognition", "WHAT"},
    {NULL}
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("- raw pictures to tables of tokens");

  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error)
      && check_options (options, error);
}

static void
rows_reserve (Rows * rows, guint count)
{
  AlitraTokenTable *table = &rows->table;

  if (count <= rows->room)
    return;
  rows->room = count;
  table->capacity = count;
  table->ids = g_renew (gint32, table->ids, count);
  table->levels = g_renew (guint8, table->levels, count);
  table->positions = g_renew (gint16, table->positions, 3 * (gsize) count);
  table->depths = g_renew (guint8, table->depths, count);
  table->ages = g_renew (gint32, table->ages, count);
  rows->bytes = g_renew (guint8, rows->bytes, 4 + 8 * (gsize) count);
}

static void
rows_clear (Rows * rows)
{
  g_free (rows->table.ids);
  g_free (rows->table.levels);
  g_free (rows->table.positions);
  g_free (rows->table.depths);
  g_free (rows->table.ages);
  g_free (rows->bytes);
}

static guint8 *
put_16 (guint8 * to, guint value)
{
  to[0] = value;
  to[1] = value >> 8;
  return to + 2;
}

static gboolean
write_rows (Rows * rows, const AlitraMemory * memory, FILE * file,
    GError ** error)
{
  const guint count = alitra_token_table_fill (&rows->table, memory,
      ALITRA_TOKENS_ALL);
  const AlitraTokenTable *table = &rows->table;
  guint8 *to;

  if (count > rows->room) {
    rows_reserve (rows, count);
    return write_rows (rows, memory, file, error);
  }
  to = put_16 (rows->bytes, count);
  to = put_16 (to, count >> 16);
  for (guint i = 0; i < count; i++) {
    to = put_16 (to, table->ids[i]);
    *to++ = table->levels[i];
    *to++ = table->depths[i];
    to = put_16 (to, table->positions[3 * i]);
    to = put_16 (to, table->positions[3 * i + 1]);
  }
  return raw_write (file, rows->bytes, to - rows->bytes, "tokens", error);
}

/* A tokenizer of its own for each picture: tokens do not depend on the pictures before. */
static gboolean
tokenise (const Options * options, AlitraModel * model,
    const RawPicture * picture, GByteArray * packet, Rows * rows, FILE * file,
    GError ** error)
{
  const AlitraStreamInfo info = { options->width, options->height, 0, 1, 1, 1,
    {TRUE, 6, 2, 2}
  };

  for (guint i = 0; i < options->count; i++) {
    AlitraSettings settings = options->settings;
    g_autoptr (AlitraTokenizer) tokenizer = alitra_tokenizer_new (model, &info,
        1, error);

    settings.target_tokens = options->budget[i];
    if (!tokenizer || !alitra_tokenizer_encode (tokenizer, &picture->frame,
            &settings, TRUE, ALITRA_PACKET_NO_PTS, packet, NULL, error)
        || !write_rows (rows, alitra_tokenizer_get_memory (tokenizer), file,
            error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
run (const Options * options, FILE * input, FILE * output, GError ** error)
{
  g_autoptr (AlitraModel) model = alitra_model_load (options->model, error);
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  g_autoptr (GError) failure = NULL;
  RawPicture picture;
  Rows rows = { 0 };

  if (!model)
    return FALSE;
  raw_picture_init (&picture, options->pixel_format, options->width,
      options->height, TRUE);
  while (!failure && raw_picture_read (&picture, input, &failure))
    tokenise (options, model, &picture, packet, &rows, output, &failure);
  raw_picture_clear (&picture);
  rows_clear (&rows);
  if (!failure && fflush (output) != 0)
    g_set_error (&failure, G_FILE_ERROR, G_FILE_ERROR_FAILED,
        "The tokens cannot be written to their end: is the disk full?");
  if (failure)
    g_propagate_error (error, g_steal_pointer (&failure));
  return !(error && *error);
}

int
main (int argc, char **argv)
{
  Options options = { 0 };
  g_autoptr (GError) error = NULL;
  FILE *input = NULL, *output = NULL;
  gboolean done;

  alitra_settings_init (&options.settings);
  done = parse_options (&options, &argc, &argv, &error)
      && (input = raw_open (options.input ? options.input : "-", "rb", stdin,
          &error))
      && (output = raw_open (options.output ? options.output : "-", "wb",
          stdout, &error))
      && run (&options, input, output, &error);
  if (!done)
    g_printerr ("alitra-tokens: %s\n", error->message);
  if (input && input != stdin)
    fclose (input);
  if (output && output != stdout)
    fclose (output);
  g_free (options.input);
  g_free (options.output);
  g_free (options.model);
  g_free (options.allocation);
  g_free (options.objective);
  g_free (options.budgets);
  g_free (options.format);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
