/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE             /* memmem */
#include "goldentransformer.h"

#include <alitra/model.h>
#include <string.h>

gchar *
test_golden_path (const gchar * name)
{
  return g_build_filename (g_getenv ("ALITRA_TEST_GOLDEN"), name, NULL);
}

GBytes *
test_golden_bytes (const gchar * name)
{
  g_autofree gchar *path = test_golden_path (name);
  gchar *data;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, NULL))
    g_error ("%s cannot be read", path);
  return g_bytes_new_take (data, size);
}

GBytes *
test_golden_bound (const gchar * name)
{
  static const gchar setting[] = "\\\"model\\\": \\\"";
  g_autoptr (GBytes) model_bytes = test_golden_bytes ("allocator.safetensors");
  g_autoptr (AlitraModel) model = alitra_model_load_bytes (model_bytes, NULL);
  g_autoptr (GBytes) bytes = test_golden_bytes (name);
  gsize size;
  gchar *data = g_bytes_unref_to_data (g_steal_pointer (&bytes), &size);
  gchar *at = memmem (data, size, setting, strlen (setting)), number[9];

  g_assert_nonnull (model);
  g_assert_nonnull (at);
  g_snprintf (number, sizeof (number), "%08x", alitra_model_get_number (model));
  memcpy (at + strlen (setting), number, 8);
  return g_bytes_new_take (data, size);
}

GBytes *
test_golden_transformer (void)
{
  return test_golden_bound ("transformer.safetensors");
}
