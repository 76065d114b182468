/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Says what is installed and what of the machine is used, and tests it for about five seconds. */
#include <locale.h>
#include <string.h>

#include <orc/orc.h>
#ifdef HAVE_GST
#include <gst/gst.h>
#endif

#include "selftest.h"

typedef struct
{
  gchar *model;
  gdouble seconds;
  gboolean version;
} Options;

static void
say (const gchar * what, const gchar * format, ...)
G_GNUC_PRINTF (2, 3);

     static void say (const gchar * what, const gchar * format, ...)
{
  g_autofree gchar *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_print ("  %-14s %s\n", what, text);
}

/* ---- what there is ---- */

#ifdef HAVE_GST
static void
print_plugin (void)
{
  g_autofree gchar *version = gst_version_string ();
  GstPlugin *plugin;

  say ("GStreamer", "%s", version + strlen ("GStreamer "));
  plugin = gst_registry_find_plugin (gst_registry_get (), "alitra");
  if (!plugin) {
    say ("plugin", "not found: set GST_PLUGIN_PATH to the folder of "
        "libgstalitra.so");
    return;
  }
  say ("plugin", "%s, %s", gst_plugin_get_version (plugin),
      gst_plugin_get_filename (plugin));
  gst_object_unref (plugin);
}
#endif

static void
print_versions (void)
{
  guint major, minor, micro;

  alitra_version (&major, &minor, &micro);
  g_print ("versions\n");
  say ("libalitra", "%u.%u.%u; this program was made for %s", major, minor,
      micro, ALITRA_VERSION_STRING);
  say ("GLib", "%u.%u.%u", glib_major_version, glib_minor_version,
      glib_micro_version);
  say ("ORC", "%s", orc_version_string ());
#ifdef HAVE_GST
  print_plugin ();
#endif
}

static void
print_model (AlitraModel * model)
{
  g_print ("model\n");
  say ("name", "%s", alitra_model_get_id (model));
  say ("file", "%s", alitra_model_get_path (model));
  for (gint level = ALITRA_LEVELS - 1; level >= 0; level--) {
    g_autofree gchar *cells = g_strdup_printf ("%d-cells", 16 << level);

    say (cells, "at most %u tokens of %u codes",
        alitra_model_get_max_depth (model, level),
        alitra_model_get_codes (model, level));
  }
}

/* (transfer full): what the kernel says of the processor, where it has such a line. */
static gchar *
name_of_processor (void)
{
  g_autofree gchar *text = NULL;
  const gchar *line;

  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    return g_strdup ("unknown");
  line = strstr (text, "model name");
  line = line ? strchr (line, ':') : NULL;
  if (!line)
    return g_strdup ("unknown");
  return g_strstrip (g_strndup (line + 1, strcspn (line + 1, "\n")));
}

static gchar *
features_of_processor (void)
{
  GString *features = g_string_new (NULL);

#if defined (__x86_64__) || defined (__i386__)
#define FEATURE(name) \
  if (__builtin_cpu_supports (name)) \
    g_string_append (features, " " name)
  FEATURE ("sse2");
  FEATURE ("sse4.1");
  FEATURE ("avx");
  FEATURE ("avx2");
  FEATURE ("fma");
  FEATURE ("avx512f");
  FEATURE ("avx512dq");
  FEATURE ("avx512vl");
#undef FEATURE
#elif defined (__aarch64__)
  g_string_append (features, " neon");
#endif
  return g_string_free (features, FALSE);
}

static void
print_orc (void)
{
  g_autoptr (GString) flags = g_string_new (NULL);
  OrcTarget *target;

  orc_init ();
  target = orc_target_get_default ();
  if (!target || g_strcmp0 (g_getenv ("ORC_CODE"), "backup") == 0) {
    say ("pixel loops", "plain C: ORC compiles nothing here");
    return;
  }
  for (guint bit = 0; bit < 32; bit++) {
    if (orc_target_get_default_flags (target) & (1u << bit))
      g_string_append_printf (flags, " %s",
          orc_target_get_flag_name (target, bit));
  }
  say ("pixel loops", "compiled by ORC for %s:%s", orc_target_get_name (target),
      flags->str);
}

static void
print_machine (void)
{
  g_autofree gchar *name = name_of_processor ();
  g_autofree gchar *features = features_of_processor ();

  g_print ("machine\n");
  say ("processor", "%s, %u threads", name, g_get_num_processors ());
  say ("can", "%s", *features ? features + 1 : "nothing that is used");
  say ("products", "the library's own, for %s", alitra_get_instruction_set ());
  print_orc ();
}

/* ---- what it does ---- */

static gboolean
print_promises (AlitraModel * model)
{
  g_autoptr (GPtrArray) results = self_test_promises (model);
  gboolean kept = TRUE;

  g_print ("self-test\n");
  for (guint i = 0; i < results->len; i++) {
    const SelfTestResult *result = g_ptr_array_index (results, i);

    kept = kept && result->kept;
    g_print ("  %-6s %s: %s\n", result->kept ? "ok" : "FAILED",
        result->promise, result->details);
  }
  return kept;
}

static gboolean
print_speed (AlitraModel * model, gdouble seconds, GError ** error)
{
  static const guint threads[] = { 1, 0 };

  g_print ("speed\n");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
    SelfTestSpeed speed = { 1280, 720, threads[i] };

    if (!self_test_speed (model, seconds / G_N_ELEMENTS (threads), &speed,
            error))
      return FALSE;
    say (threads[i] ? "one thread" : "all threads",
        "1280x720, 0.4 tokens a patch: %.1f ms to encode, %.1f ms to decode "
        "(mean of %u frames)", 1000. * speed.encode, 1000. * speed.decode,
        speed.frames);
  }
  return TRUE;
}

static gboolean
check (const Options * options, GError ** error)
{
  const gint64 start = g_get_monotonic_time ();
  g_autoptr (AlitraModel) model = NULL;
  gboolean kept;
  gdouble left;

  print_versions ();
  print_machine ();
  model = alitra_model_load (options->model, error);
  if (!model)
    return FALSE;
  print_model (model);
  kept = print_promises (model);
  left = options->seconds
      - (g_get_monotonic_time () - start) / (gdouble) G_USEC_PER_SEC;
  if (kept && !print_speed (model, MAX (left, 0.), error))
    return FALSE;
  if (!kept)
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "A promise of the library is broken on this machine: please report it "
        "with all of the above");
  return kept;
}

/* ---- options ---- */

static gboolean
options_parse (Options * options, int *argc, char ***argv, GError ** error)
{
  const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
        "Weights; default: the installed model, or ALITRA_MODEL_PATH", "FILE"},
    {"seconds", 's', 0, G_OPTION_ARG_DOUBLE, &options->seconds,
        "Test for about so long, default 5", "N"},
    {"version", 0, 0, G_OPTION_ARG_NONE, &options->version,
        "Print the version", NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- is all there, and does it work?");
  g_option_context_set_summary (context,
      "Prints versions, the model that is found, what of the processor is "
      "used, and the\nresults of a short self-test. Exit status 0: all is "
      "well.");
  g_option_context_add_main_entries (context, entries, NULL);
#ifdef HAVE_GST
  g_option_context_add_group (context, gst_init_get_option_group ());
#endif
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc == 1 && options->seconds >= 0. && options->seconds <= 3600.)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "Expected options only, and 0 to 3600 for --seconds");
  return FALSE;
}

int
main (int argc, char **argv)
{
  Options options = { NULL, 5., FALSE };
  g_autoptr (GError) error = NULL;
  gboolean done;

  setlocale (LC_ALL, "");
  done = options_parse (&options, &argc, &argv, &error);
  if (done && options.version)
    g_print ("alitra-check %s\n", ALITRA_VERSION_STRING);
  else if (done)
    done = check (&options, &error);
  if (!done)
    g_printerr ("alitra-check: %s\n", error->message);
  else if (!options.version)
    g_print ("all is well\n");
  g_free (options.model);
  return done ? 0 : 1;
}
