/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads a .safetensors file: eight bytes with the length of a JSON header, the header, the numbers. Nothing in the
 * file is trusted. */
#include "weights.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "digest.h"
#include "floats.h"
#include "matrix.h"

#define MAX_FILE ((gsize) 512 << 20)
#define MAX_HEADER ((gsize) 1 << 20)
/* JSON deeper than this would let the parser's recursion eat the stack. */
#define MAX_NESTING 16
/* Numbers that a setting can be a list of. */
#define MAX_NUMBERS 8

static void
tensor_free (gpointer data)
{
  AlitraTensor *tensor = data;

  alitra_floats_free (tensor->data);
  g_free (tensor);
}

void
alitra_weights_invalid (GError ** error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_INVALID,
      "The model file cannot be used: %s. Take a whole file as the scripts of training/ of this version write it",
      message);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static gboolean
nests_too_deep (const char *text, gsize size)
{
  gboolean quoted = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < size; i++) {
    if (quoted) {
      if (text[i] == '\\')
        i++;
      else if (text[i] == '"')
        quoted = FALSE;
    } else if (text[i] == '"') {
      quoted = TRUE;
    } else if (text[i] == '[' || text[i] == '{') {
      if (++depth > MAX_NESTING)
        return TRUE;
    } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
      depth--;
    }
  }
  return FALSE;
}

static JsonObject *
parse_object (const char *text, gsize size, const char *what, GError ** error)
{
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) problem = NULL;
  JsonNode *root;

  if (nests_too_deep (text, size)) {
    alitra_weights_invalid (error, "%s nests deeper than %d", what,
        MAX_NESTING);
    return NULL;
  }
  parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, text, size, &problem)) {
    alitra_weights_invalid (error, "%s is not JSON (%s)", what,
        problem->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    alitra_weights_invalid (error, "%s is not a JSON object", what);
    return NULL;
  }
  return json_object_ref (json_node_get_object (root));
}

static gboolean
node_to_double (JsonNode * node, double *value)
{
  if (!node || !JSON_NODE_HOLDS_VALUE (node))
    return FALSE;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    *value = json_node_get_int (node);
  else if (json_node_get_value_type (node) == G_TYPE_DOUBLE)
    *value = json_node_get_double (node);
  else
    return FALSE;
  return isfinite (*value);
}

/* A whole number of 0..2^53, which is all that a double holds exactly. */
static gboolean
node_to_whole (JsonNode * node, guint64 * value)
{
  double v;

  if (!node_to_double (node, &v) || v < 0 || v > 9007199254740992.
      || v != floor (v))
    return FALSE;
  *value = v;
  return TRUE;
}

/* `count` numbers low..high: of an array, or for count 1 a number by itself. */
gboolean
alitra_weights_read_numbers (JsonObject * object, const char *name, guint count,
    double low, double high, double *values, GError ** error)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array = node
      && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  gboolean fits = array ? json_array_get_length (array) == count : count == 1;

  for (guint i = 0; fits && i < count; i++)
    fits =
        node_to_double (array ? json_array_get_element (array, i) : node,
        &values[i])
        && values[i] >= low && values[i] <= high;
  if (!fits)
    alitra_weights_invalid (error,
        "setting \"%s\" should be %u number(s) of %g to %g", name, count, low,
        high);
  return fits;
}

gboolean
alitra_weights_read_counts (JsonObject * object, const char *name, guint count,
    guint low, guint high, guint * values, GError ** error)
{
  double numbers[MAX_NUMBERS];

  g_assert (count <= MAX_NUMBERS);
  if (!alitra_weights_read_numbers (object, name, count, low, high, numbers,
          error))
    return FALSE;
  for (guint i = 0; i < count; i++) {
    if (numbers[i] != floor (numbers[i])) {
      alitra_weights_invalid (error, "setting \"%s\" should be whole, got %g",
          name, numbers[i]);
      return FALSE;
    }
    values[i] = numbers[i];
  }
  return TRUE;
}

const char *
alitra_weights_get_string (JsonObject * object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node
      && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

/* --- tensors ---------------------------------------------------------------------------------------------------- */

static gboolean
from_floats (const guint8 * from, gsize count, float *to)
{
  gboolean finite = TRUE;

  for (gsize i = 0; i < count; i++) {
    guint32 bits;

    memcpy (&bits, from + 4 * i, sizeof bits);
    bits = GUINT32_FROM_LE (bits);
    memcpy (&to[i], &bits, sizeof bits);
    finite &= isfinite (to[i]) != 0;
  }
  return finite;
}

static gboolean
read_shape (JsonNode * node, gsize limit, AlitraTensor * tensor, gsize * count)
{
  JsonArray *array = node
      && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (!array || json_array_get_length (array) > G_N_ELEMENTS (tensor->size))
    return FALSE;
  tensor->rank = json_array_get_length (array);
  *count = 1;
  for (guint i = 0; i < G_N_ELEMENTS (tensor->size); i++) {
    guint64 size = 1;

    if (i < tensor->rank
        && (!node_to_whole (json_array_get_element (array, i), &size)
            || size == 0 || size > limit / *count))
      return FALSE;
    tensor->size[i] = size;
    *count *= size;
  }
  return TRUE;
}

static AlitraTensor *
read_tensor (const char *name, JsonNode * node, const guint8 * data, gsize size,
    GError ** error)
{
  JsonObject *object =
      JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *places =
      object ? json_object_get_member (object, "data_offsets") : NULL;
  JsonArray *place = places
      && JSON_NODE_HOLDS_ARRAY (places) ? json_node_get_array (places) : NULL;
  const char *type =
      object ? alitra_weights_get_string (object, "dtype") : NULL;
  const gboolean halves = g_strcmp0 (type, "F16") == 0;
  g_autofree AlitraTensor *tensor = g_new0 (AlitraTensor, 1);
  guint64 begin, end;
  gsize count;

  if (!halves && g_strcmp0 (type, "F32") != 0) {
    alitra_weights_invalid (error,
        "tensor %s should be of type F16 or F32, got %s", name,
        type ? type : "none");
    return NULL;
  }
  if (!place || json_array_get_length (place) != 2
      || !node_to_whole (json_array_get_element (place, 0), &begin)
      || !node_to_whole (json_array_get_element (place, 1), &end) || begin > end
      || end > size) {
    alitra_weights_invalid (error,
        "tensor %s lies outside the file's %" G_GSIZE_FORMAT " bytes of data",
        name, size);
    return NULL;
  }
  if (!read_shape (json_object_get_member (object, "shape"), size, tensor,
          &count)
      || (end - begin) != (guint64) count * (halves ? 2 : 4)) {
    alitra_weights_invalid (error,
        "the shape of tensor %s does not fit its %" G_GUINT64_FORMAT " bytes",
        name, end - begin);
    return NULL;
  }
  tensor->data = alitra_floats_new (count);
  if (!(halves ? alitra_matrix_from_halves : from_floats) (data + begin, count,
          tensor->data)) {
    alitra_floats_free (tensor->data);
    alitra_weights_invalid (error,
        "tensor %s holds numbers that are not finite", name);
    return NULL;
  }
  return g_steal_pointer (&tensor);
}

/* Tensors may not share bytes: their sizes together must not exceed the file's, or a small file could ask for any
 * amount of memory. */
static gboolean
read_tensors (AlitraWeights * weights, JsonObject * header, const guint8 * data,
    gsize size, GError ** error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  gsize floats = 0;

  json_object_iter_init (&iter, header);
  while (json_object_iter_next (&iter, &name, &node)) {
    AlitraTensor *tensor;

    if (strcmp (name, "__metadata__") == 0)
      continue;
    tensor = read_tensor (name, node, data, size, error);
    if (!tensor)
      return FALSE;
    floats +=
        (gsize) tensor->size[0] * tensor->size[1] * tensor->size[2] *
        tensor->size[3];
    g_hash_table_insert (weights->tensors, g_strdup (name), tensor);
    if (floats > size / 2) {
      alitra_weights_invalid (error, "its tensors overlap");
      return FALSE;
    }
  }
  return TRUE;
}

static char *
shape_to_string (guint rank, const guint * size)
{
  GString *s = g_string_new (NULL);

  for (guint i = 0; i < rank; i++)
    g_string_append_printf (s, "%s%u", i ? "x" : "", size[i]);
  return g_string_free (s, FALSE);
}

gboolean
alitra_weights_has_tensor (AlitraWeights * weights, const gchar * name)
{
  return g_hash_table_contains (weights->tensors, name);
}

const float *
alitra_weights_get_tensor (AlitraWeights * weights, const gchar * name,
    guint rank, const guint * size, GError ** error)
{
  const AlitraTensor *tensor = g_hash_table_lookup (weights->tensors, name);

  if (!tensor) {
    alitra_weights_invalid (error, "tensor %s is missing", name);
    return NULL;
  }
  if (tensor->rank != rank
      || memcmp (tensor->size, size, rank * sizeof (guint)) != 0) {
    g_autofree char *want = shape_to_string (rank, size), *got =
        shape_to_string (tensor->rank, tensor->size);

    alitra_weights_invalid (error, "tensor %s should be %s, got %s", name, want,
        got);
    return NULL;
  }
  return tensor->data;
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

gboolean
alitra_weights_name_is_plain (const char *name)
{
  const gsize length = name ? strlen (name) : 0;

  for (gsize i = 0; i < length; i++) {
    if (!g_ascii_isalnum (name[i]) && !strchr ("._-", name[i]))
      return FALSE;
  }
  return length >= 1 && length <= 64;
}

/* The header of the file, and where the numbers begin. */
static JsonObject *
read_header (const guint8 * data, gsize size, gsize * begin, GError ** error)
{
  guint64 length = 0;

  if (size < 8) {
    alitra_weights_invalid (error,
        "a .safetensors file has at least 8 bytes, got %" G_GSIZE_FORMAT, size);
    return NULL;
  }
  for (guint i = 0; i < 8; i++)
    length |= (guint64) data[i] << (8 * i);
  if (length > MIN (size - 8, MAX_HEADER)) {
    alitra_weights_invalid (error,
        "its header should end within %" G_GSIZE_FORMAT " bytes, got %"
        G_GUINT64_FORMAT " (cut short, or not a .safetensors file)",
        MIN (size - 8, MAX_HEADER), length);
    return NULL;
  }
  *begin = 8 + length;
  return parse_object ((const char *) data + 8, length, "its header", error);
}

static gboolean
read_metadata (AlitraWeights * weights, JsonObject * header, GError ** error)
{
  JsonNode *node = json_object_get_member (header, "__metadata__");
  const char *settings = node
      && JSON_NODE_HOLDS_OBJECT (node) ?
      alitra_weights_get_string (json_node_get_object (node), "alitra")
      : NULL;

  if (!settings) {
    alitra_weights_invalid (error,
        "its metadata lack \"alitra\": it is another program's model");
    return FALSE;
  }
  weights->settings =
      parse_object (settings, strlen (settings), "\"alitra\" in its metadata",
      error);
  return weights->settings != NULL;
}

static guint32
first_bits (const guint8 * data, gsize size)
{
  guint8 digest[ALITRA_DIGEST_SIZE];

  alitra_digest (data, size, digest);
  return (guint32) digest[0] << 24 | digest[1] << 16 | digest[2] << 8 |
      digest[3];
}

gboolean
alitra_weights_load (AlitraWeights * weights, const guint8 * data, gsize size,
    GError ** error)
{
  JsonObject *header;
  gsize begin = 0;
  gboolean fine;

  memset (weights, 0, sizeof (*weights));
  weights->tensors =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, tensor_free);
  header = read_header (data, size, &begin, error);
  if (!header) {
    alitra_weights_clear (weights);
    return FALSE;
  }
  fine = read_metadata (weights, header, error)
      && read_tensors (weights, header, data + begin, size - begin, error);
  json_object_unref (header);
  if (fine)
    weights->number = first_bits (data, size);
  else
    alitra_weights_clear (weights);
  return fine;
}

static char *
find_file (const char *name)
{
  const char *path = g_getenv ("ALITRA_MODEL_PATH");
  g_auto (GStrv) folders =
      g_strsplit (path ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);

  for (guint i = 0; folders[i]; i++) {
    char *file = g_build_filename (folders[i], name, NULL);

    if (*folders[i] && g_file_test (file, G_FILE_TEST_IS_REGULAR))
      return file;
    g_free (file);
  }
  return g_build_filename (ALITRA_MODEL_DIR, name, NULL);
}

GBytes *
alitra_weights_read_file (const char *path, const char *standard, char **used,
    GError ** error)
{
  g_autofree char *file = path && *path ? g_strdup (path) :
      find_file (standard);
  g_autoptr (GError) problem = NULL;
  char *data = NULL;
  GStatBuf status;
  gsize size;

  if (g_stat (file, &status) != 0 || !S_ISREG (status.st_mode)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND,
        "There is no model file %s. Give the path of a "
        ".safetensors file, or set ALITRA_MODEL_PATH to the folder that holds "
        "%s", file, standard);
    return NULL;
  }
  if ((guint64) status.st_size > MAX_FILE) {
    alitra_weights_invalid (error,
        "%s should have at most %" G_GSIZE_FORMAT " bytes, got %"
        G_GUINT64_FORMAT, file, MAX_FILE, (guint64) status.st_size);
    return NULL;
  }
  if (!g_file_get_contents (file, &data, &size, &problem)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_MODEL_NOT_FOUND,
        "The model file cannot be read: %s", problem->message);
    return NULL;
  }
  *used = g_steal_pointer (&file);
  return g_bytes_new_take (data, size);
}

void
alitra_weights_forget (AlitraWeights * weights, const gchar * name)
{
  g_hash_table_remove (weights->tensors, name);
}

void
alitra_weights_clear (AlitraWeights * weights)
{
  g_clear_pointer (&weights->tensors, g_hash_table_unref);
  g_clear_pointer (&weights->settings, json_object_unref);
}
