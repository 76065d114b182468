/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>

#include "tokenstream.h"

/* Random streams, read again by a reader that was written from the specification (read_tokens.py). */

static const gchar *python, *reader;

static gboolean
run_reader (const gchar * path, const AlitraVocabulary * vocabulary)
{
  g_autofree gchar *line =
      g_strdup_printf ("%s %s %s %u %u %u %u %u %u", python, reader, path,
      vocabulary->codes[0],
      vocabulary->codes[1], vocabulary->codes[2], vocabulary->flat_coarse,
      vocabulary->flat_fine, vocabulary->smooth);
  g_autofree gchar *out = NULL, *problems = NULL;
  g_autoptr (GError) error = NULL;
  gint status;

  g_spawn_command_line_sync (line, &out, &problems, &status, &error);
  g_assert_no_error (error);
  g_test_message ("%s%s", out, problems);
  return status == 0;
}

static GByteArray *
make_stream (TestSender * sender)
{
  static const gdouble activity[] = { 0.1, 0, 0.4, 0.01, 1 };
  GByteArray *stream = g_byte_array_new ();

  for (guint frame = 0; frame < 25; frame++) {
    test_sender_next (sender, frame % 12 == 0,
        frame % 12 == 0 ? 0.8 : activity[frame % G_N_ELEMENTS (activity)]);
    g_byte_array_append (stream, sender->packet->data, sender->packet->len);
  }
  return stream;
}

static void
test_second_reader (void)
{
  static const guint sizes[][2] = { {1, 1}, {130, 70}, {60, 200}, {320, 180} };
  g_autofree gchar *path = NULL;
  g_autoptr (GError) error = NULL;
  gint file = g_file_open_tmp ("alitra-XXXXXX.alitra", &path, &error);

  g_assert_no_error (error);
  g_close (file, NULL);
  for (guint i = 0; i < 12; i++) {
    const guint *size = sizes[i % G_N_ELEMENTS (sizes)];
    TestSender *sender =
        test_sender_new (size[0], size[1], g_rand_new_with_seed (300 + i));
    GByteArray *stream = make_stream (sender);

    g_assert_true (g_file_set_contents (path, (gchar *) stream->data,
            stream->len, NULL));
    g_assert_true (run_reader (path, &sender->vocabulary));

    /* It would see damage. */
    stream->data[stream->len - 1] ^= 1;
    g_assert_true (g_file_set_contents (path, (gchar *) stream->data,
            stream->len, NULL));
    g_assert_false (run_reader (path, &sender->vocabulary));
    g_byte_array_unref (stream);
    test_sender_free (sender);
  }
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  python = g_getenv ("ALITRA_TEST_PYTHON");
  reader = g_getenv ("ALITRA_TEST_READER");
  if (!python || !reader) {
    g_printerr
        ("ALITRA_TEST_PYTHON and ALITRA_TEST_READER are not set: run this with meson test\n");
    return 77;
  }
  g_test_add_func ("/specification/second-reader", test_second_reader);
  return g_test_run ();
}
