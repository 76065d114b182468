/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The model reader, above all on files that are not what they should be. */
#include <glib/gstdio.h>
#include <string.h>

#include "digest.h"
#include "model.h"

static GBytes *
whole_file (void)
{
  g_autofree char *file =
      g_build_filename (g_getenv ("ALITRA_TEST_GOLDEN"), "model.safetensors",
      NULL);
  GError *error = NULL;
  char *data;
  gsize size;

  g_file_get_contents (file, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}

static void
assert_invalid (GBytes * bytes, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (alitra_model_load_bytes (bytes, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID);
  if (says && !strstr (error->message, says))
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

/* The file with its header changed by replacing one text with another. */
static GBytes *
edited (const char *from, const char *to)
{
  g_autoptr (GBytes) bytes = whole_file ();
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  const gsize size = g_bytes_get_size (bytes), length =
      data[0] | data[1] << 8 | data[2] << 16;
  g_autofree char *header = g_strndup ((const char *) data + 8, length);
  GString *text = g_string_new (header);
  GByteArray *out = g_byte_array_new ();
  guint8 prefix[8] = { 0 };

  g_assert_cmpuint (g_string_replace (text, from, to, 1), ==, 1);
  for (guint i = 0; i < 4; i++)
    prefix[i] = text->len >> (8 * i);
  g_byte_array_append (out, prefix, 8);
  g_byte_array_append (out, (const guint8 *) text->str, text->len);
  g_byte_array_append (out, data + 8 + length, size - 8 - length);
  g_string_free (text, TRUE);
  return g_byte_array_free_to_bytes (out);
}

static void
test_load (void)
{
  g_autoptr (GBytes) bytes = whole_file ();
  GError *error = NULL;
  AlitraModel *model = alitra_model_load_bytes (bytes, &error);
  g_autofree char *sum =
      g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  g_autofree char *number = NULL, *id = NULL;
  const guint size[2] = { 9, 24 };

  g_assert_no_error (error);
  number = g_strdup_printf ("%08x", alitra_model_get_number (model));
  id = g_strconcat ("alitra-small-test-", number, NULL);
  g_assert_true (g_str_has_prefix (sum, number));
  g_assert_cmpstr (alitra_model_get_id (model), ==, id);
  g_assert_cmpuint (alitra_model_get_max_depth (model, 0), ==, 10);
  g_assert_cmpuint (alitra_model_get_max_depth (model, 2), ==, 8);
  g_assert_cmpuint (alitra_model_get_codes (model, 1), ==, 64);
  g_assert_true (alitra_model_has_tensor (model,
          "levels.1.synthesis.0.spread"));
  g_assert_false (alitra_model_has_tensor (model,
          "levels.3.synthesis.0.spread"));
  g_assert_nonnull (alitra_model_get_tensor (model,
          "levels.1.synthesis.0.spread", 2, size, NULL));
  g_assert_null (alitra_model_get_tensor (model, "levels.1.synthesis.0.spread",
          1, size, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID);
  g_clear_error (&error);
  g_assert_true (alitra_model_ref (model) == model);
  alitra_model_unref (model);
  g_assert_cmpstr (alitra_model_get_id (model), ==, id);
  alitra_model_unref (model);
}

static void
test_cut (void)
{
  g_autoptr (GBytes) bytes = whole_file ();
  const gsize size = g_bytes_get_size (bytes);

  for (gsize n = 0; n < size; n += n < 64 ? 1 : 1 + size / 97) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (bytes, 0, n);

    assert_invalid (part, NULL);
  }
}

static void
test_edited (void)
{
  static const char *const edits[][3] = {
    {"\\\"format\\\": 1", "\\\"format\\\": 2", "format"},
    {"\\\"cell\\\": 16", "\\\"cell\\\": 17", "cell"},
    {"\\\"dim\\\": 24", "\\\"dim\\\": 32", "should be"},
    {"\\\"dim\\\": 24", "\\\"dim\\\": 1e300", "dim"},
    {"\\\"dim\\\": 24", "\\\"dim\\\": \\\"x\\\"", "dim"},
    {"\\\"dim\\\": 24", "\\\"dim\\\": {}", "dim"},
    {"\\\"dim\\\": 24", "\\\"dim\\\": 24.5", "whole"},
    {"\\\"depth\\\": [10", "\\\"depth\\\": [0", "depth"},
    {"\\\"depth\\\": [10", "\\\"depth\\\": [33", "depth"},
    {"\\\"depth\\\": [10", "\\\"depth\\\": [11", "missing"},
    {"\\\"depth\\\": [10", "\\\"depth\\\": [10, 10", "depth"},
    {"\\\"codes\\\": [80", "\\\"codes\\\": [81", "should be 81x10, got 80x10"},
    {"\\\"blocks\\\": [1", "\\\"blocks\\\": [5", "blocks"},
    {"\\\"scale\\\": 4.0", "\\\"scale\\\": 0", "scale"},
    {"\\\"scale\\\": 4.0", "\\\"scale\\\": null", "scale"},
    {"alitra-small-test", "alitra small test", "name"},
    {"alitra-small-test", "", "name"},
    {"\"alitra\":", "\"other\":", "another program"},
    {"\"__metadata__\":{", "\"__metadata__\":[{", "JSON"},
    {"\"F16\"", "\"I16\"", "F16"},
    {"\"F16\"", "\"F32\"", "does not fit"},
    {"\"F16\"", "16", "F16"},
    {"\"shape\":[24,384]", "\"shape\":[24,383]", "does not fit"},
    {"\"shape\":[24,384]", "\"shape\":[384,24]", "got 384x24"},
    {"\"shape\":[24,384]", "\"shape\":[-24,-384]", "does not fit"},
    {"\"shape\":[24,384]", "\"shape\":[4294967296,4294967296]", "does not fit"},
    {"\"shape\":[24,384]", "\"shape\":[1,1,1,24,384]", "does not fit"},
    {"\"shape\":[24,384]", "\"shape\":7", "does not fit"},
    {"\"data_offsets\":[0,", "\"data_offsets\":[2,", "does not fit"},
    {"\"data_offsets\":[0,", "\"data_offsets\":[-2,", "outside"},
    {"\"data_offsets\":[0,", "\"data_offsets\":[99999999999999999999,",
        "outside"},
    {"\"data_offsets\":[0,", "\"data_offsets\":[0,0,", "outside"},
    {"\"data_offsets\":[0,", "\"data_offsets\":{\"a\":0},\"b\":[", "outside"},
    {"levels.0.embed.weight", "levels.0.embed.wait", "missing"},
    {"centres\":{\"dtype\":\"F16\",\"shape\":[3,10]",
        "centres\":{\"dtype\":\"F16\",\"shape\":[10,3]", "got 10x3"},
    {"\\\"probes\\\": [2", "\\\"probes\\\": [0", "probes"},
    {"\\\"probes\\\": [2", "\\\"probes\\\": [2.5", "whole"},
    {"\\\"probes\\\": [2", "\\\"probes\\\": [2, 2", "probes"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (edits); i++) {
    g_autoptr (GBytes) bytes = edited (edits[i][0], edits[i][1]);

    assert_invalid (bytes, edits[i][2]);
  }
}

/* Files from before the codes were sorted, and searches wider than the codes, are searched from end to end. */
static void
test_unsorted (void)
{
  static const char *const edits[][2] = {
    {"levels.0.steps.0.centres", "levels.0.steps.0.other"},
    {"\\\"probes\\\"", "\\\"other\\\""},
    {"\\\"probes\\\": [2", "\\\"probes\\\": [60000"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (edits); i++) {
    g_autoptr (GBytes) bytes = edited (edits[i][0], edits[i][1]);
    g_autoptr (AlitraModel) model = NULL;
    GError *error = NULL;

    model = alitra_model_load_bytes (bytes, &error);
    g_assert_no_error (error);
    g_assert_true (model->level[0].probes == 0
        || model->level[0].probes >= 3
        || model->level[0].step[0].centres.count == 0);
    g_assert_cmpuint (model->level[0].step[1].centres.count, ==, 3);
  }
}

/* Tensors that share bytes would let a small file ask for much memory. */
static void
test_overlap (void)
{
  GString *many = g_string_new (NULL);
  g_autoptr (GBytes) bytes = NULL;

  for (guint i = 0; i < 200; i++)
    g_string_append_printf (many,
        "\"copy%u\":{\"dtype\":\"F16\",\"shape\":[1000],\"data_offsets\":[0,2000]},",
        i);
  g_string_append (many, "\"levels.0.embed.weight\"");
  bytes = edited ("\"levels.0.embed.weight\"", many->str);
  assert_invalid (bytes, "overlap");
  g_string_free (many, TRUE);
}

static void
test_deep (void)
{
  const gsize depth = 900000;
  guint8 *data = g_malloc0 (depth + 8);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, depth + 8);

  memset (data + 8, '[', depth);
  for (guint i = 0; i < 4; i++)
    data[i] = depth >> (8 * i);
  assert_invalid (bytes, "deep");
}

static void
test_not_finite (void)
{
  static const guint8 bad[][2] = { {0x00, 0x7c}, {0x00, 0xfc}, {0x01, 0x7e} };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GBytes) bytes = whole_file (), changed = NULL;
    const gsize size = g_bytes_get_size (bytes);
    guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);

    memcpy (data + size - 1000, bad[i], 2);
    changed = g_bytes_new_take (data, size);
    assert_invalid (changed, "finite");
  }
}

/* Any byte of the header may be anything: an error or a model, never a crash. */
static void
test_noise (void)
{
  g_autoptr (GBytes) bytes = whole_file ();
  const gsize size = g_bytes_get_size (bytes);
  guint accepted = 0;

  for (guint round = 0; round < 400; round++) {
    guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
    g_autoptr (GBytes) changed = NULL;
    g_autoptr (AlitraModel) model = NULL;
    const gsize length = data[0] | data[1] << 8;

    for (gint n = g_test_rand_int_range (1, 4); n > 0; n--)
      data[g_test_rand_int_range (0, 8 + length)] =
          g_test_rand_int_range (0, 256);
    changed = g_bytes_new_take (data, size);
    model = alitra_model_load_bytes (changed, NULL);
    accepted += model != NULL;
  }
  g_assert_cmpuint (accepted, <, 400);
}

static void
test_places (void)
{
  const char *golden = g_getenv ("ALITRA_TEST_GOLDEN");
  g_autofree char *folder = g_dir_make_tmp ("alitra-XXXXXX", NULL);
  g_autofree char *file =
      g_build_filename (folder, "alitra-base.safetensors", NULL);
  g_autofree char *path =
      g_strdup_printf ("/nowhere%c%s", G_SEARCHPATH_SEPARATOR, folder);
  g_autoptr (GBytes) bytes = whole_file ();
  g_autoptr (AlitraModel) model = NULL;
  GError *error = NULL;

  g_assert_null (alitra_model_load (file, &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, file));
  g_clear_error (&error);
  g_assert_null (alitra_model_load (golden, &error));   /* a folder */
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND);
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (file, g_bytes_get_data (bytes, NULL),
          g_bytes_get_size (bytes), NULL));
  g_setenv ("ALITRA_MODEL_PATH", path, TRUE);
  model = alitra_model_load ("", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (alitra_model_get_id (model),
          "alitra-small-test-"));
  g_unsetenv ("ALITRA_MODEL_PATH");
  g_unlink (file);
  g_rmdir (folder);
}

/* Every number of bytes around blocks, and many, from odd addresses; and what the standard gives for "abc". */
static void
test_digest (void)
{
  static const guint8 abc[8] =
      { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
  g_autofree guint8 *data = g_malloc (100001);
  guint8 got[ALITRA_DIGEST_SIZE], want[ALITRA_DIGEST_SIZE];

  alitra_digest ((const guint8 *) "abc", 3, got);
  g_assert_cmpmem (got, 8, abc, 8);
  for (guint i = 0; i < 100001; i++)
    data[i] = g_test_rand_int_range (0, 256);
  for (guint size = 0; size <= 300; size++) {
    alitra_digest (data + size % 7, size, got);
    alitra_digest_plain (data + size % 7, size, want);
    g_assert_cmpmem (got, sizeof got, want, sizeof want);
  }
  alitra_digest (data, 100001, got);
  alitra_digest_plain (data, 100001, want);
  g_assert_cmpmem (got, sizeof got, want, sizeof want);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/digest", test_digest);
  g_test_add_func ("/model/load", test_load);
  g_test_add_func ("/model/cut", test_cut);
  g_test_add_func ("/model/edited", test_edited);
  g_test_add_func ("/model/unsorted", test_unsorted);
  g_test_add_func ("/model/overlap", test_overlap);
  g_test_add_func ("/model/deep", test_deep);
  g_test_add_func ("/model/not-finite", test_not_finite);
  g_test_add_func ("/model/noise", test_noise);
  g_test_add_func ("/model/places", test_places);
  return g_test_run ();
}
