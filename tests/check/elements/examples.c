/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <stdio.h>
#include <string.h>

/* The examples of docs/examples read tokens by two ways that share nothing, and must say the same of each frame. */

#define FRAMES 5
#define TOKENS 180
#define SOURCE "videotestsrc num-buffers=5 pattern=ball ! alitraenc target-tokens=180 exact-length=true threads=1"
#define BAD_SOURCE "filesrc location=/nowhere/at-all.alitra ! alitraparse"

static const gchar *c_example, *numpy_example;

/* Exit status of a program; what it printed. */
static gint
run (const gchar * const *argv, gchar ** out)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *problems = NULL;
  gint status;

  g_spawn_sync (NULL, (gchar **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
      out, &problems, &status, &error);
  g_assert_no_error (error);
  if (problems && *problems)
    g_test_message ("%s", problems);
  return status;
}

static gint
run_c (const gchar * source, gchar ** out)
{
  const gchar *argv[] = { c_example, source, NULL };

  return run (argv, out);
}

/* A Python that has what the example needs. */
static const gchar *
find_python (void)
{
  static const gchar *const known[] = { "python3", "/usr/bin/python3" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (known); i++) {
    const gchar *argv[] = { known[i], "-c", "import gi, numpy; "
          "gi.require_version ('Gst', '1.0'); "
          "gi.require_version ('GstApp', '1.0')", NULL
    };
    g_autofree gchar *path = g_find_program_in_path (known[i]);

    if (path && run (argv, NULL) == 0)
      return known[i];
  }
  return NULL;
}

static gint
run_numpy (const gchar * python, const gchar * source, gchar ** out)
{
  const gchar *argv[] = { python, numpy_example, source, NULL };

  return run (argv, out);
}

static void
check_lines (const gchar * out)
{
  g_auto (GStrv) lines = g_strsplit (out, "\n", -1);
  guint n;

  g_assert_cmpuint (g_strv_length (lines), ==, FRAMES + 1);
  for (n = 0; n < FRAMES; n++) {
    g_autofree gchar *start =
        g_strdup_printf ("frame %u: %d tokens, ", n, TOKENS);
    guint at[3], deepest;

    g_assert_true (g_str_has_prefix (lines[n], start));
    g_assert_cmpint (sscanf (lines[n] + strlen (start),
            "%u + %u + %u at levels 2 1 0, deepest %u", &at[2], &at[1], &at[0],
            &deepest), ==, 4);
    g_assert_cmpuint (at[0] + at[1] + at[2], ==, TOKENS);
    g_assert_cmpuint (deepest, >, 0);
  }
}

static void
test_c (void)
{
  g_autofree gchar *out = NULL;

  g_assert_cmpint (run_c (SOURCE, &out), ==, 0);
  check_lines (out);
}

static void
test_c_error (void)
{
  g_assert_cmpint (run_c (BAD_SOURCE, NULL), !=, 0);
}

static void
test_numpy (void)
{
  g_autofree gchar *c = NULL, *numpy = NULL;
  const gchar *python = find_python ();

  if (!python) {
    g_test_skip ("No Python with python3-gi, GStreamer's typelibs "
        "(gir1.2-gst-plugins-base-1.0) and NumPy");
    return;
  }
  g_assert_cmpint (run_numpy (python, SOURCE, &numpy), ==, 0);
  check_lines (numpy);
  g_assert_cmpint (run_c (SOURCE, &c), ==, 0);
  g_assert_cmpstr (numpy, ==, c);
  g_assert_cmpint (run_numpy (python, BAD_SOURCE, NULL), !=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  c_example = g_getenv ("ALITRA_TEST_EXAMPLE_C");
  numpy_example = g_getenv ("ALITRA_TEST_EXAMPLE_NUMPY");
  g_assert_nonnull (c_example);
  g_assert_nonnull (numpy_example);
  g_test_add_func ("/examples/c", test_c);
  g_test_add_func ("/examples/c-error", test_c_error);
  g_test_add_func ("/examples/numpy", test_numpy);
  return g_test_run ();
}
