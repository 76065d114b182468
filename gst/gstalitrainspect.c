/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrainspect.h"

#define PATCH 16

static const gchar *
state_of (const AlitraMemory * memory, guint column, guint row)
{
  switch (alitra_memory_get_patch_state (memory, column, row)) {
    case ALITRA_PATCH_KEPT:
      return "kept";
    case ALITRA_PATCH_SHARPENED:
      return "sharpened";
    default:
      return "fresh";
  }
}

static void
set_uint (GstStructure * structure, const gchar * what, guint side, guint value)
{
  gchar *name = g_strdup_printf ("%s-%u", what, side);

  gst_structure_set (structure, name, G_TYPE_UINT, value, NULL);
  g_free (name);
}

static void
set_tokens (GstStructure * structure, guint side, const AlitraCell * cell)
{
  gchar *name = g_strdup_printf ("tokens-%u", side);
  GValue tokens = G_VALUE_INIT, token = G_VALUE_INIT;
  guint t;

  g_value_init (&tokens, GST_TYPE_ARRAY);
  g_value_init (&token, G_TYPE_UINT);
  for (t = 0; t < cell->depth; t++) {
    g_value_set_uint (&token, cell->tokens[t]);
    gst_value_array_append_value (&tokens, &token);
  }
  g_value_unset (&token);
  gst_structure_take_value (structure, name, &tokens);
  g_free (name);
}

static void
set_gain (GstStructure * structure, AlitraTokenizer * tokenizer, guint level,
    guint column, guint row)
{
  gdouble gain;
  gchar *name;

  if (!alitra_tokenizer_get_gain (tokenizer, level, column, row, &gain))
    return;
  name = g_strdup_printf ("gain-%u", PATCH << level);
  gst_structure_set (structure, name, G_TYPE_DOUBLE, gain, NULL);
  g_free (name);
}

GstStructure *
gst_alitra_inspect_patch (AlitraTokenizer * tokenizer, guint width,
    guint height, guint x, guint y)
{
  const AlitraMemory *memory = alitra_tokenizer_get_memory (tokenizer);
  const guint column = x / PATCH, row = y / PATCH;
  GstStructure *structure;
  guint level;

  if (x >= width || y >= height)
    return NULL;
  structure = gst_structure_new ("alitra-patch",
      "x", G_TYPE_UINT, column * PATCH, "y", G_TYPE_UINT, row * PATCH,
      "density", G_TYPE_DOUBLE,
      (gdouble) alitra_memory_get_density (memory, column, row),
      "state", G_TYPE_STRING, state_of (memory, column, row),
      "age", G_TYPE_UINT, alitra_memory_get_patch_age (memory, column, row),
      NULL);
  for (level = 0; level < ALITRA_LEVELS; level++) {
    const guint side = PATCH << level;
    AlitraCell cell;

    alitra_memory_get_cell (memory, level, column >> level, row >> level,
        &cell);
    set_uint (structure, "depth", side, cell.depth);
    set_uint (structure, "kept", side, cell.kept);
    set_uint (structure, "age", side, cell.age);
    set_tokens (structure, side, &cell);
    set_gain (structure, tokenizer, level, column >> level, row >> level);
  }
  return structure;
}
