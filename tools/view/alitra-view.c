/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shows a video, where its tokens go, and what is rebuilt of them, live. */
#include <alitra/version.h>
#include <gst/gst.h>
#include <gtk/gtk.h>

#include "script.h"
#include "window.h"

typedef struct
{
  gchar **sources;
  gchar *script;
  gboolean version;
} Options;

static gboolean
options_parse (Options * options, int *argc, char ***argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"script", 's', 0, G_OPTION_ARG_FILENAME, &options->script,
        "Work the window from a file (see the manual page), then quit", "FILE"},
    {"version", 0, 0, G_OPTION_ARG_NONE, &options->version,
        "Print the version", NULL},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->sources,
        NULL, "FILE, URI, CAMERA or test"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- where the tokens of a video go");
  g_option_context_set_summary (context,
      "Shows a video with its token density, and what is rebuilt of the "
      "tokens, side by side.\nWithout a source: the first camera, or a made-up "
      "scene.");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  g_option_context_add_group (context, gtk_get_option_group (FALSE));
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!options->sources || !options->sources[1])
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
      "Expected one file, URI or camera, got several");
  return FALSE;
}

static const gchar *
source_of (const Options * options)
{
  if (options->sources && options->sources[0])
    return options->sources[0];
  return g_file_test ("/dev/video0", G_FILE_TEST_EXISTS) ? "/dev/video0" :
      "test";
}

static gboolean
run_window (const Options * options, ViewWindow * window, GError ** error)
{
  ViewScript *script = NULL;

  if (options->script) {
    script = view_script_new (options->script, window, error);
    if (!script)
      return FALSE;
    view_script_start (script);
  }
  view_window_open (window, source_of (options));
  gtk_main ();
  if (script && view_script_get_error (script) && error)
    *error = g_error_copy (view_script_get_error (script));
  view_script_free (script);
  return !error || !*error;
}

static gboolean
run (const Options * options, GError ** error)
{
  ViewWindow *window;
  gboolean done;

  if (!gtk_init_check (NULL, NULL)) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
        "Expected a screen, found none: is DISPLAY or WAYLAND_DISPLAY set?");
    return FALSE;
  }
  window = view_window_new (error);
  done = window && run_window (options, window, error);
  view_window_free (window);
  return done;
}

int
main (int argc, char **argv)
{
  Options options = { NULL, };
  GError *error = NULL;
  gboolean done;

  done = options_parse (&options, &argc, &argv, &error);
  if (done && options.version)
    g_print ("alitra-view %s\n", ALITRA_VERSION_STRING);
  else if (done)
    done = run (&options, &error);
  if (!done)
    g_printerr ("alitra-view: %s\n", error->message);
  g_clear_error (&error);
  g_strfreev (options.sources);
  g_free (options.script);
  return done ? 0 : 1;
}
