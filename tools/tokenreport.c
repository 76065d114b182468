/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenreport.h"

#include <json-glib/json-glib.h>

static gdouble
share (gdouble part, gdouble whole)
{
  return whole > 0. ? 100. * part / whole : 0.;
}

static gdouble
mean (guint64 sum, guint64 n)
{
  return n > 0 ? (gdouble) sum / n : 0.;
}

static gdouble
rate_of (const TokenStats * stats)
{
  const gdouble duration = token_stats_get_duration (stats);

  return duration > 0. ? token_stats_get_bits (stats) / duration : 0.;
}

static guint
deepest (const LevelTokens * level)
{
  guint depth = ALITRA_MAX_DEPTH;

  while (depth > 0 && level->cells_at[depth] == 0)
    depth--;
  return depth;
}

/* ---- text ---- */

static void
print_stream (const TokenReport * report, const TokenStats * stats)
{
  const AlitraStreamInfo *stream = &stats->stream;
  const guint64 bits = token_stats_get_bits (stats);

  g_print ("%s: %" G_GUINT64_FORMAT " bytes of tokens\n", report->path,
      bits / 8);
  if (stats->frames == 0)
    return;
  if (stream->width > 0)
    g_print ("  picture    %ux%u, %.4g frames a second, pixels %u:%u, %s range"
        "\n", stream->width, stream->height,
        (gdouble) stream->fps_n / stream->fps_d, stream->par_n, stream->par_d,
        stream->colour[0] == 1 ? "full" : "limited");
  else
    g_print ("  picture    unknown: there is no key frame\n");
  g_print ("  duration   %.3f s, %.1f kbit/s\n",
      token_stats_get_duration (stats), rate_of (stats) / 1000.);
  g_print ("  frames     %" G_GUINT64_FORMAT ", of them %" G_GUINT64_FORMAT
      " key frames\n", stats->frames, stats->key_frames);
  g_print ("  model      %08x%s%s\n", stats->model,
      report->model_id ? ", here as " : ", not here: cells cannot be counted",
      report->model_id ? report->model_id : "");
}

static void
print_bits (const TokenStats * stats)
{
  const gdouble bits = token_stats_get_bits (stats);

  g_print ("  bits       %.0f; a frame has %.0f\n", bits,
      mean (bits, stats->frames));
  g_print ("    %-24s %6.1f %%\n", "headers", share (stats->header_bits, bits));
  g_print ("    %-24s %6.1f %%\n", "checks", share (stats->check_bits, bits));
  g_print ("    %-24s %6.1f %%\n", "cells", share (stats->cell_bits, bits));
  if (stats->decoded_cell_bits > 0)
    g_print ("    as plain numbers, ids of learned codes alone would take "
        "%.1f %% of what the cells take\n",
        share (stats->plain_id_bits, stats->decoded_cell_bits));
}

static void
print_new_tokens (const TokenStats * stats)
{
  g_print ("  new tokens %" G_GUINT64_FORMAT "; a frame brings %.1f",
      stats->new_tokens, mean (stats->new_tokens, stats->frames));
  for (gint level = ALITRA_LEVELS - 1; level >= 0 && stats->decoded > 0;
      level--)
    g_print ("%c %.1f in %d-cells", level == ALITRA_LEVELS - 1 ? ':' : ',',
        mean (stats->level[level].new_tokens, stats->decoded), 16 << level);
  g_print ("\n");
}

static void
print_cells (const TokenStats * stats)
{
  guint64 tokens = 0, kept = 0;
  guint most = 0;

  for (guint level = 0; level < ALITRA_LEVELS; level++) {
    tokens += stats->level[level].tokens;
    kept += stats->level[level].kept_tokens;
    most = MAX (most, deepest (&stats->level[level]));
  }
  g_print ("  tokens     a frame is described by %.1f, of them %.1f %% kept "
      "(%" G_GUINT64_FORMAT " frames decoded)\n", mean (tokens, stats->decoded),
      share (kept, tokens), stats->decoded);
  g_print ("    cells with so many tokens:\n    depth    64-cells   32-cells   "
      "16-cells\n");
  for (guint depth = 0; depth <= most; depth++) {
    g_print ("    %5u", depth);
    for (gint level = ALITRA_LEVELS - 1; level >= 0; level--)
      g_print ("   %6.1f %%", share (stats->level[level].cells_at[depth],
              stats->level[level].cells));
    g_print ("\n");
  }
  g_print ("    mean ");
  for (gint level = ALITRA_LEVELS - 1; level >= 0; level--)
    g_print ("   %8.3f", mean (stats->level[level].tokens,
            stats->level[level].cells));
  g_print ("\n");
}

static void
print_frames (const TokenStats * stats)
{
  g_print ("  frame        number  time (s)    bits      new   tokens  byte\n");
  for (guint i = 0; i < stats->each->len; i++) {
    const FrameTokens *frame = &g_array_index (stats->each, FrameTokens, i);
    g_autofree gchar *time = frame->pts == ALITRA_PACKET_NO_PTS ?
        g_strdup ("-") : g_strdup_printf ("%.3f", frame->pts / 1e9);
    g_autofree gchar *tokens = frame->decoded ?
        g_strdup_printf ("%u", frame->tokens) : g_strdup ("-");

    g_print ("  %-5u %-5s %7u %9s %7" G_GUINT64_FORMAT " %8u %8s  %"
        G_GUINT64_FORMAT "\n", i + 1, frame->key ? "key" : "", frame->number,
        time, frame->bits, frame->new_tokens, tokens, frame->offset);
  }
}

void
token_report_print_text (const TokenReport * report, const TokenStats * stats)
{
  print_stream (report, stats);
  if (stats->frames == 0)
    return;
  print_bits (stats);
  print_new_tokens (stats);
  if (stats->decoded > 0)
    print_cells (stats);
  if (report->frames)
    print_frames (stats);
}

/* ---- JSON ---- */

static void
add_int (JsonBuilder * builder, const gchar * name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_double (JsonBuilder * builder, const gchar * name, gdouble value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

static void
add_string (JsonBuilder * builder, const gchar * name, const gchar * value)
{
  json_builder_set_member_name (builder, name);
  if (value)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

static void
add_boolean (JsonBuilder * builder, const gchar * name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

static void
add_time (JsonBuilder * builder, const gchar * name, guint64 pts)
{
  json_builder_set_member_name (builder, name);
  if (pts == ALITRA_PACKET_NO_PTS)
    json_builder_add_null_value (builder);
  else
    json_builder_add_double_value (builder, pts / 1e9);
}

static void
begin (JsonBuilder * builder, const gchar * name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
}

static void
add_stream (JsonBuilder * builder, const AlitraStreamInfo * stream)
{
  static const gchar *const colour[] = { "range", "matrix", "transfer",
    "primaries"
  };

  begin (builder, "stream");
  add_int (builder, "width", stream->width);
  add_int (builder, "height", stream->height);
  add_int (builder, "fps_n", stream->fps_n);
  add_int (builder, "fps_d", stream->fps_d);
  add_int (builder, "par_n", stream->par_n);
  add_int (builder, "par_d", stream->par_d);
  for (guint i = 0; i < G_N_ELEMENTS (colour); i++)
    add_int (builder, colour[i], stream->colour[i]);
  json_builder_end_object (builder);
}

static void
add_bits (JsonBuilder * builder, const TokenStats * stats)
{
  begin (builder, "bits");
  add_int (builder, "all", token_stats_get_bits (stats));
  add_int (builder, "headers", stats->header_bits);
  add_int (builder, "checks", stats->check_bits);
  add_int (builder, "cells", stats->cell_bits);
  json_builder_end_object (builder);
}

static void
add_level (JsonBuilder * builder, const TokenStats * stats, guint level)
{
  const LevelTokens *sum = &stats->level[level];

  json_builder_begin_object (builder);
  add_int (builder, "cell", 16 << level);
  if (stats->decoded > 0) {
    add_int (builder, "new_tokens", sum->new_tokens);
    add_int (builder, "tokens", sum->tokens);
    add_int (builder, "kept_tokens", sum->kept_tokens);
    add_int (builder, "cells", sum->cells);
    json_builder_set_member_name (builder, "cells_by_depth");
    json_builder_begin_array (builder);
    for (guint depth = 0; depth <= deepest (sum); depth++)
      json_builder_add_int_value (builder, sum->cells_at[depth]);
    json_builder_end_array (builder);
  }
  json_builder_end_object (builder);
}

static void
add_frame (JsonBuilder * builder, const FrameTokens * frame)
{
  json_builder_begin_object (builder);
  add_int (builder, "number", frame->number);
  add_boolean (builder, "key", frame->key);
  add_time (builder, "time", frame->pts);
  add_int (builder, "bits", frame->bits);
  add_int (builder, "new_tokens", frame->new_tokens);
  if (frame->decoded)
    add_int (builder, "tokens", frame->tokens);
  add_int (builder, "byte", frame->offset);
  json_builder_end_object (builder);
}

static void
add_frames (JsonBuilder * builder, const TokenStats * stats)
{
  json_builder_set_member_name (builder, "each");
  json_builder_begin_array (builder);
  for (guint i = 0; i < stats->each->len; i++)
    add_frame (builder, &g_array_index (stats->each, FrameTokens, i));
  json_builder_end_array (builder);
}

static void
add_report (JsonBuilder * builder, const TokenReport * report,
    const TokenStats * stats)
{
  g_autofree gchar *model = g_strdup_printf ("%08x", stats->model);

  add_string (builder, "file", report->path);
  add_string (builder, "problem", report->problem);
  add_string (builder, "model", stats->frames ? model : NULL);
  add_string (builder, "model_id", report->model_id);
  add_int (builder, "frames", stats->frames);
  add_int (builder, "key_frames", stats->key_frames);
  add_int (builder, "decoded_frames", stats->decoded);
  if (stats->stream.width > 0)
    add_stream (builder, &stats->stream);
  add_time (builder, "first_time", stats->first_pts);
  add_time (builder, "last_time", stats->last_pts);
  add_double (builder, "duration", token_stats_get_duration (stats));
  add_double (builder, "bit_rate", rate_of (stats));
  add_int (builder, "new_tokens", stats->new_tokens);
  add_bits (builder, stats);
  if (stats->decoded > 0) {
    add_double (builder, "plain_id_bits", stats->plain_id_bits);
    add_int (builder, "decoded_cell_bits", stats->decoded_cell_bits);
  }
  json_builder_set_member_name (builder, "levels");
  json_builder_begin_array (builder);
  for (gint level = ALITRA_LEVELS - 1; level >= 0; level--)
    add_level (builder, stats, level);
  json_builder_end_array (builder);
  if (report->frames)
    add_frames (builder, stats);
}

void
token_report_print_json (const TokenReport * report, const TokenStats * stats)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *text = NULL;

  json_builder_begin_object (builder);
  add_report (builder, report, stats);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}
