/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrafields.h"

/* NULL: the property is none of the fields. */
static gpointer
find (const GstAlitraField * fields, GObject * object, guint id)
{
  while (fields->id != 0 && fields->id != id)
    fields++;
  return fields->id != 0 ? G_STRUCT_MEMBER_P (object, fields->offset) : NULL;
}

static void
set (gpointer field, const GValue * value)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      break;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      break;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      break;
    case G_TYPE_UINT64:
      *(guint64 *) field = g_value_get_uint64 (value);
      break;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      break;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      break;
    case G_TYPE_STRING:
      g_free (*(gchar **) field);
      *(gchar **) field = g_value_dup_string (value);
      break;
    default:
      g_assert_not_reached ();
  }
}

static void
get (gconstpointer field, GValue * value)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(const gboolean *) field);
      break;
    case G_TYPE_INT:
      g_value_set_int (value, *(const gint *) field);
      break;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(const guint *) field);
      break;
    case G_TYPE_UINT64:
      g_value_set_uint64 (value, *(const guint64 *) field);
      break;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(const gdouble *) field);
      break;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(const gint *) field);
      break;
    case G_TYPE_STRING:
      g_value_set_string (value, *(gchar * const *) field);
      break;
    default:
      g_assert_not_reached ();
  }
}

gboolean
gst_alitra_fields_set (const GstAlitraField * fields, GObject * object,
    guint id, const GValue * value, GParamSpec * pspec,
    GstDebugCategory * category)
{
  gpointer field = find (fields, object, id);
  gboolean may;

  if (!field) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return FALSE;
  }
  GST_OBJECT_LOCK (object);
  may = GST_STATE (object) <= GST_STATE_READY
      || (pspec->flags & GST_PARAM_MUTABLE_PLAYING) != 0;
  if (may)
    set (field, value);
  GST_OBJECT_UNLOCK (object);
  if (!may)
    GST_CAT_WARNING_OBJECT (category, object,
        "\"%s\" cannot change while playing: set the element to READY first",
        pspec->name);
  return may;
}

void
gst_alitra_fields_get (const GstAlitraField * fields, GObject * object,
    guint id, GValue * value, GParamSpec * pspec)
{
  gconstpointer field = find (fields, object, id);

  if (!field) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (object);
  get (field, value);
  GST_OBJECT_UNLOCK (object);
}
