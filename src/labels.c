/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "labels.h"

#include <string.h>

#define MAX_LABELS 1000
#define MAX_LABEL 100

gboolean
alitra_labels_read (JsonObject * settings, GPtrArray * labels, GError ** error)
{
  JsonNode *node = json_object_get_member (settings, "labels");
  JsonArray *array = node
      && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const guint count = array ? json_array_get_length (array) : 0;

  if (count < 2 || count > MAX_LABELS) {
    alitra_weights_invalid (error,
        "setting \"labels\" should be a list of 2 to %d words, got %u",
        MAX_LABELS, count);
    return FALSE;
  }
  for (guint i = 0; i < count; i++) {
    JsonNode *item = json_array_get_element (array, i);
    const char *label = JSON_NODE_HOLDS_VALUE (item) ?
        json_node_get_string (item) : NULL;

    if (!label || !*label || strlen (label) > MAX_LABEL
        || !g_utf8_validate (label, -1, NULL)) {
      alitra_weights_invalid (error,
          "label %u should be a word of 1 to %d bytes of UTF-8", i, MAX_LABEL);
      return FALSE;
    }
    g_ptr_array_add (labels, g_strdup (label));
  }
  return TRUE;
}

/* The number of the model whose tokens are read: eight hexadecimal digits. */
gboolean
alitra_labels_read_model (JsonObject * settings, guint32 * model,
    GError ** error)
{
  const char *text = alitra_weights_get_string (settings, "model");
  guint64 number;

  if (!text || strlen (text) != 8
      || !g_ascii_string_to_unsigned (text, 16, 0, G_MAXUINT32, &number,
          NULL)) {
    alitra_weights_invalid (error,
        "setting \"model\" should be the number of the model whose tokens it reads, eight hexadecimal digits; "
        "is it a transformer?");
    return FALSE;
  }
  *model = number;
  return TRUE;
}
