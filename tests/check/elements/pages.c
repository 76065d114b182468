/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The page of each element in docs/elements names all its properties, pads, signals, fields of its statistics, and says
 * in its table which properties can change while playing. */
#include <gst/check/gstcheck.h>
#include <string.h>

static gchar *
read_page (const gchar * element)
{
  gchar *file = g_strconcat (element, ".md", NULL);
  gchar *path = g_build_filename (g_getenv ("ALITRA_TEST_PAGES"), file, NULL);
  gchar *text = NULL;
  GError *error = NULL;

  fail_unless (g_file_get_contents (path, &text, NULL, &error), "%s",
      error ? error->message : "");
  g_free (path);
  g_free (file);
  return text;
}

static gboolean
has (const gchar * page, const gchar * format, const gchar * name)
{
  gchar *words = g_strdup_printf (format, name);
  gboolean found = strstr (page, words) != NULL;

  g_free (words);
  return found;
}

static void
check_property (const gchar * element, const gchar * page,
    const GParamSpec * spec)
{
  const gboolean live = spec->flags & GST_PARAM_MUTABLE_PLAYING;

  fail_unless (has (page, "| `%s`", spec->name),
      "%s: the page lacks the property %s", element, spec->name);
  if (spec->flags & G_PARAM_WRITABLE)
    fail_unless (has (page, live ? "| `%s` * |" : "| `%s` |", spec->name),
        "%s: %s can%s change while playing, the page says otherwise", element,
        spec->name, live ? "" : "not");
}

static void
check_properties (GstElement * element, const gchar * name, const gchar * page)
{
  guint n, i;
  GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (i = 0; i < n; i++) {
    if (specs[i]->owner_type == G_OBJECT_TYPE (element))
      check_property (name, page, specs[i]);
  }
  g_free (specs);
}

static void
check_signals (GstElement * element, const gchar * name, const gchar * page)
{
  guint n, i;
  guint *ids = g_signal_list_ids (G_OBJECT_TYPE (element), &n);

  for (i = 0; i < n; i++)
    fail_unless (has (page, "`%s`", g_signal_name (ids[i])),
        "%s: the page lacks the signal %s", name, g_signal_name (ids[i]));
  g_free (ids);
}

static void
check_pads (GstElement * element, const gchar * name, const gchar * page)
{
  GList *item =
      gst_element_class_get_pad_template_list (GST_ELEMENT_GET_CLASS (element));

  for (; item; item = item->next)
    fail_unless (has (page, "`%s`", GST_PAD_TEMPLATE_NAME_TEMPLATE
            (item->data)), "%s: the page lacks the pad %s", name,
        GST_PAD_TEMPLATE_NAME_TEMPLATE (item->data));
}

static void
check_stats (GstElement * element, const gchar * name, const gchar * page)
{
  GstStructure *stats = NULL;
  gint i;

  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats"))
    return;
  g_object_get (element, "stats", &stats, NULL);
  for (i = 0; stats && i < gst_structure_n_fields (stats); i++) {
    const gchar *field = gst_structure_nth_field_name (stats, i);

    /* Payloaders have fields of their base class. */
    if (!strstr (name, "rtp"))
      fail_unless (has (page, "`%s`", field),
          "%s: the page lacks %s of stats", name, field);
  }
  gst_clear_structure (&stats);
}

static void
check_element (GstElementFactory * factory)
{
  const gchar *name = GST_OBJECT_NAME (factory);
  GstElement *element = gst_element_factory_create (factory, NULL);
  gchar *page = read_page (name);

  fail_unless (has (page, "# %s\n", name), "%s: no heading", name);
  fail_unless (has (page, "%s", gst_element_factory_get_metadata (factory,
              GST_ELEMENT_METADATA_KLASS)), "%s: the page lacks the class %s",
      name, gst_element_factory_get_metadata (factory,
          GST_ELEMENT_METADATA_KLASS));
  fail_unless (has (page, "gst-launch-1.0%s", ""), "%s: no example", name);
  check_properties (element, name, page);
  check_signals (element, name, page);
  check_pads (element, name, page);
  check_stats (element, name, page);
  g_free (page);
  gst_object_unref (element);
}

GST_START_TEST (test_pages)
{
  GList *features =
      gst_registry_get_feature_list_by_plugin (gst_registry_get (),
      "alitra");
  GList *item;
  guint elements = 0;

  for (item = features; item; item = item->next) {
    if (!GST_IS_ELEMENT_FACTORY (item->data))
      continue;
    check_element (item->data);
    elements++;
  }
  fail_unless (elements >= 7);
  gst_plugin_feature_list_free (features);
}

GST_END_TEST;

static Suite *
pages_suite (void)
{
  Suite *s = suite_create ("pages");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pages);
  return s;
}

GST_CHECK_MAIN (pages);
