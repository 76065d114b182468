/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw frames -> tokens -> raw frames, with one line of JSON for each frame: what evaluations are made of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rawvideo.h"

typedef struct
{
  gchar *input, *output, *tokens_out, *density_out, *model;
  gchar *format, *range, *allocation;
  gint width, height, frames, threads;
  gint tokens, max_new, max_depth, key_interval, refresh, layers;
  gdouble quality, reuse_threshold;
  gboolean exact, no_reuse, per_frame_key, scalable;
  /* read from the strings */
  AlitraPixelFormat pixel_format;
  gboolean full_range;
  AlitraSettings settings;
} Options;

/* The stream as it is being made, and what comes back of it. */
typedef struct
{
  const Options *options;
  AlitraModel *model;
  AlitraStreamInfo info;
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  RawPicture source, rebuilt;
  GByteArray *packet, *trimmed;
  guint8 *density;              /* BGRA */
  FILE *input, *output, *tokens_out, *density_out;
} Trip;

typedef struct
{
  gint64 encode_ns, decode_ns;
  gint64 encode_cpu_ns;         /* of all threads: other work on the machine does not show */
} Times;

/* What the receiver was given, and what it holds then. */
typedef struct
{
  guint layers;                 /* of the packet, before it was trimmed */
  guint64 bits, tokens;
} Received;

/* ---- options ---- */

static void
options_init (Options * options)
{
  memset (options, 0, sizeof (*options));
  alitra_settings_init (&options->settings);
  options->threads = 1;
  options->quality = options->settings.quality;
  options->reuse_threshold = options->settings.reuse_threshold;
  options->key_interval = options->settings.key_interval;
}

static void
options_clear (Options * options)
{
  g_free (options->input);
  g_free (options->output);
  g_free (options->tokens_out);
  g_free (options->density_out);
  g_free (options->model);
  g_free (options->format);
  g_free (options->range);
  g_free (options->allocation);
}

/* Place of `text` among the words, which end with NULL; the first one where there is no text. */
static gboolean
pick_word (const gchar * option, const gchar * text, const gchar * const *words,
    gint * picked, GError ** error)
{
  g_autofree gchar *all = NULL;
  gint i;

  *picked = 0;
  if (!text)
    return TRUE;
  for (i = 0; words[i]; i++)
    if (strcmp (words[i], text) == 0) {
      *picked = i;
      return TRUE;
    }
  all = g_strjoinv (", ", (gchar **) words);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected one of %s for --%s, got \"%s\"", all, option, text);
  return FALSE;
}

static gboolean
check_number (const gchar * option, gdouble value, gdouble least, gdouble most,
    GError ** error)
{
  if (value >= least && value <= most)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected %.0f to %.0f for --%s, got %g", least, most, option, value);
  return FALSE;
}

static gboolean
check_numbers (const Options * options, GError ** error)
{
  return check_number ("width", options->width, 1, ALITRA_MAX_SIZE, error)
      && check_number ("height", options->height, 1, ALITRA_MAX_SIZE, error)
      && check_number ("frames", options->frames, 0, G_MAXINT, error)
      && check_number ("threads", options->threads, 0, 256, error)
      && check_number ("tokens", options->tokens, 0, G_MAXINT, error)
      && check_number ("max-new", options->max_new, 0, G_MAXINT, error)
      && check_number ("max-depth", options->max_depth, 0, ALITRA_MAX_DEPTH,
      error)
      && check_number ("layers", options->layers, 0,
      ALITRA_PACKET_MAX_LAYERS, error)
      && check_number ("key-int", options->key_interval, 0, G_MAXINT, error)
      && check_number ("refresh", options->refresh, 0, G_MAXINT, error)
      && check_number ("quality", options->quality, 0, 100, error)
      && check_number ("reuse-threshold", options->reuse_threshold, 0, 255,
      error);
}

static gboolean
read_words (Options * options, GError ** error)
{
  static const gchar *const formats[] = { "I420", "RGB", NULL };
  static const gchar *const ranges[] = { "limited", "full", NULL };
  static const gchar *const allocations[] = { "learned", "uniform",
    "complexity", NULL
  };
  gint format, range, allocation;

  if (!pick_word ("format", options->format, formats, &format, error)
      || !pick_word ("range", options->range, ranges, &range, error)
      || !pick_word ("allocation", options->allocation, allocations,
          &allocation, error))
    return FALSE;
  options->pixel_format = format ? ALITRA_PIXEL_RGB : ALITRA_PIXEL_I420;
  options->full_range = options->range ? range == 1 : format == 1;
  options->settings.allocation = (AlitraAllocation) allocation;
  return TRUE;
}

static void
fill_settings (Options * options)
{
  AlitraSettings *settings = &options->settings;

  settings->target_tokens = options->tokens;
  settings->quality = options->quality;
  settings->exact_length = options->exact;
  settings->max_depth = options->max_depth;
  settings->temporal_reuse = !options->no_reuse;
  settings->reuse_threshold = options->reuse_threshold;
  settings->max_new_tokens = options->max_new;
  settings->refresh_interval = options->refresh;
  settings->scalable = options->scalable;
  settings->key_interval = options->key_interval;
}

static gboolean
options_parse (Options * options, int *argc, char ***argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"input", 'i', 0, G_OPTION_ARG_FILENAME, &options->input,
        "Raw frames, without padding; default: standard input", "FILE"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &options->format,
        "Format of the input: I420 (default) or RGB", "FORMAT"},
    {"width", 0, 0, G_OPTION_ARG_INT, &options->width, "Pixels in a row",
        "N"},
    {"height", 0, 0, G_OPTION_ARG_INT, &options->height, "Rows", "N"},
    {"range", 0, 0, G_OPTION_ARG_STRING, &options->range,
        "Range of the Y'CbCr samples, in and out: limited (default of I420) "
          "or full (default of RGB)", "RANGE"},
    {"frames", 'n', 0, G_OPTION_ARG_INT, &options->frames,
        "Stop after so many frames; 0: at the end of the input", "N"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
        "Write the rebuilt frames, I420", "FILE"},
    {"tokens-out", 0, 0, G_OPTION_ARG_FILENAME, &options->tokens_out,
        "Write the stream of token packets", "FILE"},
    {"density-out", 0, 0, G_OPTION_ARG_FILENAME, &options->density_out,
        "Write the density pictures, BGRA", "FILE"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
        "Weights; default: the installed model, or ALITRA_MODEL_PATH", "FILE"},
    {"tokens", 't', 0, G_OPTION_ARG_INT, &options->tokens,
        "Tokens of each frame; 0: --quality decides", "N"},
    {"exact", 'e', 0, G_OPTION_ARG_NONE, &options->exact,
        "Spend exactly --tokens", NULL},
    {"quality", 'q', 0, G_OPTION_ARG_DOUBLE, &options->quality,
        "0 to 100, default 50", "Q"},
    {"max-new", 0, 0, G_OPTION_ARG_INT, &options->max_new,
        "New tokens that each packet may bring; 0: no limit", "N"},
    {"max-depth", 0, 0, G_OPTION_ARG_INT, &options->max_depth,
        "Tokens of a cell at most; 0: what the model can", "N"},
    {"allocation", 'a', 0, G_OPTION_ARG_STRING, &options->allocation,
        "learned (default), uniform or complexity", "WHO"},
    {"no-reuse", 0, 0, G_OPTION_ARG_NONE, &options->no_reuse,
        "Do not keep tokens from frame to frame", NULL},
    {"reuse-threshold", 0, 0, G_OPTION_ARG_DOUBLE, &options->reuse_threshold,
        "Grey levels up to which a patch is unchanged, default 2.5", "X"},
    {"key-int", 0, 0, G_OPTION_ARG_INT, &options->key_interval,
        "Frames from key frame to key frame at most; 0: only the first; "
          "default 250", "N"},
    {"scalable", 0, 0, G_OPTION_ARG_NONE, &options->scalable,
        "Encode so that packets can be cut", NULL},
    {"refresh", 0, 0, G_OPTION_ARG_INT, &options->refresh,
        "Frames within which every cell is sent anew; 0 (default): off", "N"},
    {"per-frame-key", 0, 0, G_OPTION_ARG_NONE, &options->per_frame_key,
          "Each frame is a picture of its own, with a tokenizer of its own",
        NULL},
    {"layers", 0, 0, G_OPTION_ARG_INT, &options->layers,
          "Quality layers of each packet that the receiver is given; 0: all",
        "N"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &options->threads,
        "Default 1; 0: as many as there are cores", "N"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- raw frames to tokens and back");
  g_option_context_set_summary (context,
      "Prints one JSON object a frame: tokens, bits of the packet with all "
      "side information,\ntimes in nanoseconds and PSNR of luma in dB.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
        "Expected options only, got \"%s\": name files with --input and "
        "--output", (*argv)[1]);
    return FALSE;
  }
  if (!check_numbers (options, error) || !read_words (options, error))
    return FALSE;
  fill_settings (options);
  return TRUE;
}

/* ---- the trip ---- */

static gboolean
open_optional (const gchar * path, FILE ** file, GError ** error)
{
  return !path || (*file = raw_open (path, "wb", stdout, error)) != NULL;
}

/* Pictures or packets on standard output must not be mixed with the lines of JSON, which then go to the errors. */
static FILE *
report_file (const Options * options)
{
  const gchar *paths[] = { options->output, options->tokens_out,
    options->density_out
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (paths); i++)
    if (g_strcmp0 (paths[i], "-") == 0)
      return stderr;
  return stdout;
}

static gboolean
trip_init (Trip * trip, const Options * options, GError ** error)
{
  const AlitraStreamInfo info = { options->width, options->height, 0, 1, 1, 1,
    {options->full_range, 6, 2, 2}
  };

  memset (trip, 0, sizeof (*trip));
  trip->options = options;
  trip->info = info;
  trip->packet = g_byte_array_new ();
  trip->trimmed = g_byte_array_new ();
  trip->model = alitra_model_load (options->model, error);
  if (!trip->model)
    return FALSE;
  raw_picture_init (&trip->source, options->pixel_format, options->width,
      options->height, options->full_range
      || options->pixel_format == ALITRA_PIXEL_RGB);
  raw_picture_init (&trip->rebuilt, ALITRA_PIXEL_I420, options->width,
      options->height, options->full_range);
  if (options->density_out)
    trip->density = g_malloc ((gsize) 4 * options->width * options->height);
  trip->input = raw_open (options->input ? options->input : "-", "rb", stdin,
      error);
  return trip->input && open_optional (options->output, &trip->output, error)
      && open_optional (options->tokens_out, &trip->tokens_out, error)
      && open_optional (options->density_out, &trip->density_out, error);
}

static gboolean
close_file (FILE * file, GError ** error)
{
  if (!file || (file == stdout ? fflush (file) : fclose (file)) == 0)
    return TRUE;
  if (error && !*error)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
        "A file cannot be written to its end: is the disk full?");
  return FALSE;
}

static gboolean
trip_clear (Trip * trip, GError ** error)
{
  gboolean written = close_file (trip->output, error);

  written &= close_file (trip->tokens_out, error);
  written &= close_file (trip->density_out, error);
  if (trip->input && trip->input != stdin)
    fclose (trip->input);
  alitra_tokenizer_free (trip->tokenizer);
  alitra_detokenizer_free (trip->detokenizer);
  g_clear_pointer (&trip->model, alitra_model_unref);
  g_byte_array_unref (trip->packet);
  g_byte_array_unref (trip->trimmed);
  raw_picture_clear (&trip->source);
  raw_picture_clear (&trip->rebuilt);
  g_free (trip->density);
  return written;
}

static gboolean
renew (Trip * trip, GError ** error)
{
  g_clear_pointer (&trip->tokenizer, alitra_tokenizer_free);
  g_clear_pointer (&trip->detokenizer, alitra_detokenizer_free);
  trip->tokenizer = alitra_tokenizer_new (trip->model, &trip->info,
      trip->options->threads, error);
  trip->detokenizer = alitra_detokenizer_new (trip->model,
      trip->options->threads);
  return trip->tokenizer != NULL;
}

static gint64
now_ns (clockid_t clock)
{
  struct timespec time;

  clock_gettime (clock, &time);
  return time.tv_sec * G_GINT64_CONSTANT (1000000000) + time.tv_nsec;
}

static gboolean
encode (Trip * trip, AlitraFrameStats * stats, Times * times, GError ** error)
{
  gint64 start = now_ns (CLOCK_MONOTONIC);
  gint64 cpu_start = now_ns (CLOCK_PROCESS_CPUTIME_ID);
  gboolean done = alitra_tokenizer_encode (trip->tokenizer,
      &trip->source.frame, &trip->options->settings, FALSE,
      ALITRA_PACKET_NO_PTS, trip->packet, stats, error);

  times->encode_cpu_ns = now_ns (CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
  times->encode_ns = now_ns (CLOCK_MONOTONIC) - start;
  return done;
}

/* The packet that the receiver is given. */
static GByteArray *
send (Trip * trip, Received * received, GError ** error)
{
  const guint layers = trip->options->layers;
  GByteArray *sent = trip->packet;
  AlitraPacketInfo info;

  if (alitra_packet_read_info (sent->data, sent->len,
          &info) != ALITRA_PACKET_OK) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "Expected the tokenizer to make packets, got something else: please "
        "report this with the input");
    return NULL;
  }
  if (layers > 0 && layers < info.layers) {
    if (!alitra_packet_trim (sent->data, sent->len, layers, trip->trimmed,
            error))
      return NULL;
    sent = trip->trimmed;
  }
  received->layers = info.layers;
  received->bits = (guint64) sent->len * 8;
  return sent;
}

static guint64
count_tokens (const AlitraMemory * memory)
{
  guint level, columns, rows, x, y;
  guint64 tokens = 0;
  AlitraCell cell;

  for (level = 0; level < ALITRA_LEVELS; level++) {
    alitra_memory_get_grid (memory, level, &columns, &rows);
    for (y = 0; y < rows; y++)
      for (x = 0; x < columns; x++) {
        alitra_memory_get_cell (memory, level, x, y, &cell);
        tokens += cell.depth;
      }
  }
  return tokens;
}

static gboolean
decode (Trip * trip, const GByteArray * packet, Times * times, GError ** error)
{
  gint64 start = now_ns (CLOCK_MONOTONIC);
  gboolean done = alitra_detokenizer_decode (trip->detokenizer,
      packet->data, packet->len, error)
      && alitra_detokenizer_render (trip->detokenizer, 0,
      &trip->rebuilt.frame, error);

  times->decode_ns = now_ns (CLOCK_MONOTONIC) - start;
  return done;
}

/* What the sender holds and what came out of its packets at the receiver, unless they were trimmed. */
static gboolean
check_memories (Trip * trip, GError ** error)
{
  guint32 sent, received;

  if (trip->options->layers > 0)
    return TRUE;
  sent = alitra_memory_get_checksum (alitra_tokenizer_get_memory
      (trip->tokenizer));
  received = alitra_memory_get_checksum (alitra_detokenizer_get_memory
      (trip->detokenizer));
  if (sent == received)
    return TRUE;
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
      "Expected the same tokens at both ends, got memories with the checksums "
      "%08x and %08x: please report this with the input", sent, received);
  return FALSE;
}

static gboolean
write_files (Trip * trip, GError ** error)
{
  const AlitraFrame *frame = &trip->source.frame;

  if (trip->output && !raw_write (trip->output, trip->rebuilt.bytes,
          trip->rebuilt.size, "rebuilt frames", error))
    return FALSE;
  if (trip->tokens_out && !raw_write (trip->tokens_out, trip->packet->data,
          trip->packet->len, "token stream", error))
    return FALSE;
  if (!trip->density_out)
    return TRUE;
  alitra_overlay_draw (alitra_tokenizer_get_memory (trip->tokenizer),
      ALITRA_OVERLAY_HEATMAP, 1., trip->density, 4 * frame->width,
      frame->width, frame->height);
  return raw_write (trip->density_out, trip->density,
      (gsize) 4 * frame->width * frame->height, "density pictures", error);
}

static void
print_frame (FILE * file, guint number, const AlitraFrameStats * stats,
    const Received * received, const Times * times, gdouble psnr)
{
  gchar price[G_ASCII_DTOSTR_BUF_SIZE], quality[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (price, sizeof (price), "%.6g", stats->price);
  g_ascii_formatd (quality, sizeof (quality), "%.4f", psnr);
  fprintf (file, "{\"frame\": %u, \"key\": %s, \"tokens\": %u, \"kept\": %u, "
      "\"new\": %u, \"bits\": %" G_GUINT64_FORMAT ", \"patches\": %u, "
      "\"active_patches\": %u, \"level_tokens\": [%u, %u, %u], "
      "\"price\": %s, \"layers\": %u, \"received_bits\": %" G_GUINT64_FORMAT
      ", \"held\": %" G_GUINT64_FORMAT ", \"encode_ns\": %" G_GINT64_FORMAT ", "
      "\"encode_cpu_ns\": %" G_GINT64_FORMAT ", \"decode_ns\": %"
      G_GINT64_FORMAT ", " "\"psnr_y\": %s}\n", number,
      stats->key ? "true" : "false", stats->tokens, stats->kept_tokens,
      stats->new_tokens, stats->bits, stats->patches, stats->active_patches,
      stats->level_tokens[0], stats->level_tokens[1], stats->level_tokens[2],
      isfinite (stats->price) ? price : "null", received->layers,
      received->bits, received->tokens, times->encode_ns,
      times->encode_cpu_ns, times->decode_ns,
      isfinite (psnr) ? quality : "null");
}

/* FALSE without an error: there is no frame left. */
static gboolean
run_frame (Trip * trip, guint number, FILE * report, GError ** error)
{
  AlitraFrameStats stats;
  Received received;
  Times times;
  GByteArray *sent;

  if (!raw_picture_read (&trip->source, trip->input, error))
    return FALSE;
  if ((number == 0 || trip->options->per_frame_key) && !renew (trip, error))
    return FALSE;
  if (!encode (trip, &stats, &times, error)
      || !(sent = send (trip, &received, error))
      || !decode (trip, sent, &times, error) || !check_memories (trip, error)
      || !write_files (trip, error))
    return FALSE;
  received.tokens =
      count_tokens (alitra_detokenizer_get_memory (trip->detokenizer));
  print_frame (report, number, &stats, &received, &times,
      raw_picture_psnr (&trip->source, &trip->rebuilt));
  return TRUE;
}

static gboolean
run (const Options * options, GError ** error)
{
  FILE *report = report_file (options);
  Trip trip;
  GError *failure = NULL;
  guint number = 0;

  if (trip_init (&trip, options, &failure))
    while ((options->frames == 0 || number < (guint) options->frames)
        && run_frame (&trip, number, report, &failure))
      number++;
  trip_clear (&trip, &failure);
  if (!failure && number == 0)
    g_set_error (&failure, G_FILE_ERROR, G_FILE_ERROR_INVAL,
        "Expected at least one frame, got an empty input");
  if (!failure)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

int
main (int argc, char **argv)
{
  Options options;
  g_autoptr (GError) error = NULL;
  gboolean done;

  options_init (&options);
  done = options_parse (&options, &argc, &argv, &error)
      && run (&options, &error);
  if (!done)
    g_printerr ("alitra-roundtrip: %s\n", error->message);
  options_clear (&options);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
