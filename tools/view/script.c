/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "script.h"

#include <string.h>

#define TICK 20                 /* milliseconds */
#define PATIENCE (60 * G_USEC_PER_SEC)  /* for one command */

struct _ViewScript
{
  ViewWindow *window;
  gchar **lines;
  guint next;
  guint64 until_frame;
  gint64 until_time, begun;     /* monotonic */
  gboolean until_problem;
  guint source;
  GError *error;
};

ViewScript *
view_script_new (const gchar * path, ViewWindow * window, GError ** error)
{
  g_autofree gchar *text = NULL;
  ViewScript *self;

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  self = g_new0 (ViewScript, 1);
  self->window = window;
  self->lines = g_strsplit (g_strchomp (text), "\n", -1);
  return self;
}

void
view_script_free (ViewScript * self)
{
  if (!self)
    return;
  if (self->source)
    g_source_remove (self->source);
  g_strfreev (self->lines);
  g_clear_error (&self->error);
  g_free (self);
}

const GError *
view_script_get_error (const ViewScript * self)
{
  return self->error;
}

static gdouble
number (gchar ** words, guint i)
{
  return g_ascii_strtod (words[i], NULL);
}

static gboolean
print (ViewScript * self)
{
  g_autofree gchar *text = view_window_describe (self->window);

  g_print ("%s\n", text);
  return TRUE;
}

static gboolean
run_words (ViewScript * self, gchar ** words)
{
  const guint n = g_strv_length (words);
  GError **error = &self->error;

  if (n == 2 && strcmp (words[0], "frames") == 0) {
    self->until_frame = view_window_get_frames (self->window)
        + number (words, 1);
    return TRUE;
  }
  if (n == 2 && strcmp (words[0], "wait") == 0) {
    self->until_time = g_get_monotonic_time ()
        + number (words, 1) * G_USEC_PER_SEC;
    return TRUE;
  }
  if (n == 1 && strcmp (words[0], "problem") == 0)
    return self->until_problem = TRUE;
  if (n == 3 && strcmp (words[0], "set") == 0)
    return view_window_set (self->window, words[1], words[2], error);
  if (n == 3 && strcmp (words[0], "click") == 0)
    return view_window_click (self->window, number (words, 1),
        number (words, 2), error);
  if (n == 2 && strcmp (words[0], "screenshot") == 0)
    return view_window_screenshot (self->window, words[1], error);
  if (n == 1 && strcmp (words[0], "print") == 0)
    return print (self);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Line %u of the script is no command: %s", self->next,
      self->lines[self->next - 1]);
  return FALSE;
}

/* What a command waits for has not come yet. */
static gboolean
is_missing (ViewScript * self)
{
  if (self->until_problem && view_window_has_problem (self->window))
    self->until_problem = FALSE;
  return self->until_problem
      || view_window_get_frames (self->window) < self->until_frame;
}

static gboolean
must_wait (ViewScript * self)
{
  const gint64 now = g_get_monotonic_time ();

  if (!is_missing (self))
    return now < self->until_time;
  if (now - self->begun < PATIENCE)
    return TRUE;
  g_set_error (&self->error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
      "Line %u of the script waits for what does not come", self->next);
  return FALSE;
}

static gboolean
step (gpointer data)
{
  ViewScript *self = data;

  while (!must_wait (self)) {
    g_auto (GStrv) words = NULL;

    if (self->error || !self->lines[self->next]) {
      self->source = 0;
      gtk_main_quit ();
      return G_SOURCE_REMOVE;
    }
    words = g_strsplit (self->lines[self->next++], " ", 3);
    self->begun = g_get_monotonic_time ();
    run_words (self, words);
  }
  return G_SOURCE_CONTINUE;
}

void
view_script_start (ViewScript * self)
{
  self->begun = g_get_monotonic_time ();
  self->source = g_timeout_add (TICK, step, self);
}
