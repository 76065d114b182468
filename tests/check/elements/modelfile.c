/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "modelfile.h"

#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

struct _TestModelFile
{
  gchar *bytes;
  gsize begin;                  /* of the numbers */
  JsonParser *header, *settings;
  GHashTable *tensors;
};

static JsonObject *
root_of (JsonParser * parser)
{
  return json_node_get_object (json_parser_get_root (parser));
}

TestModelFile *
test_model_file_open (void)
{
  TestModelFile *file = g_new0 (TestModelFile, 1);
  gchar *path = g_build_filename (g_getenv ("ALITRA_MODEL_PATH"),
      "alitra-base.safetensors", NULL);
  const gchar *settings;
  guint64 length;

  fail_unless (g_file_get_contents (path, &file->bytes, NULL, NULL));
  g_free (path);
  memcpy (&length, file->bytes, 8);
  length = GUINT64_FROM_LE (length);
  file->begin = 8 + length;
  file->header = json_parser_new ();
  fail_unless (json_parser_load_from_data (file->header, file->bytes + 8,
          length, NULL));
  settings = json_object_get_string_member (json_object_get_object_member
      (root_of (file->header), "__metadata__"), "alitra");
  file->settings = json_parser_new ();
  fail_unless (json_parser_load_from_data (file->settings, settings, -1, NULL));
  file->tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  return file;
}

void
test_model_file_close (TestModelFile * file)
{
  g_hash_table_unref (file->tensors);
  g_object_unref (file->header);
  g_object_unref (file->settings);
  g_free (file->bytes);
  g_free (file);
}

static gdouble
number_at (const gchar * bytes, gboolean half, gsize i)
{
  gfloat single;
  guint16 h;

  if (!half) {
    memcpy (&single, bytes + 4 * i, 4);
    return single;
  }
  memcpy (&h, bytes + 2 * i, 2);
  return (h >> 15 ? -1 : 1) * ((h >> 10 & 31) == 0 ? ldexp (h & 1023, -24) :
      ldexp (1024 + (h & 1023), (h >> 10 & 31) - 25));
}

const gdouble *
test_model_file_get (TestModelFile * file, const gchar * name, guint * rows,
    guint * columns)
{
  JsonObject *tensor = json_object_get_object_member (root_of (file->header),
      name);
  JsonArray *shape = json_object_get_array_member (tensor, "shape");
  const gchar *bytes = file->bytes + file->begin
      + json_array_get_int_element (json_object_get_array_member (tensor,
          "data_offsets"), 0);
  gboolean half = g_str_equal (json_object_get_string_member (tensor, "dtype"),
      "F16");
  gdouble *numbers = g_hash_table_lookup (file->tensors, name);
  gsize i, n;

  *rows = json_array_get_int_element (shape, 0);
  *columns = json_array_get_int_element (shape, 1);
  if (numbers)
    return numbers;
  n = (gsize) * rows * *columns;
  numbers = g_new (gdouble, n);
  for (i = 0; i < n; i++)
    numbers[i] = number_at (bytes, half, i);
  g_hash_table_insert (file->tensors, g_strdup (name), numbers);
  return numbers;
}

gdouble
test_model_file_setting (TestModelFile * file, const gchar * name, guint index)
{
  JsonNode *node = json_object_get_member (root_of (file->settings), name);

  if (JSON_NODE_HOLDS_ARRAY (node))
    return json_array_get_double_element (json_node_get_array (node), index);
  return json_node_get_double (node);
}
