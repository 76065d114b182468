/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensorreader.h"

#include <gst/check/gstcheck.h>
#include <string.h>

#define TENSORS 8
#define HEADER 128

/* One tensor: its bytes behind the header, if any, and its NumPy shape. */
typedef struct
{
  guint8 *bytes;
  gsize size;
  gchar *type;
  guint rank;
  guint64 shape[4];
} Array;

static gsize
size_of_type (const gchar * type)
{
  if (g_str_equal (type, "int32") || g_str_equal (type, "float32"))
    return 4;
  return g_str_equal (type, "int16") ? 2 : 1;
}

/* "3:4096" or "3:4096:1:1" is the shape [4096, 3]. */
static void
parse_dimensions (const gchar * text, Array * array)
{
  gchar **sizes = g_strsplit (text, ":", -1);
  guint n = g_strv_length (sizes), i;

  fail_unless (n >= 1 && n <= 4, "\"%s\"", text);
  while (n > 1 && g_str_equal (sizes[n - 1], "1"))
    n--;
  array->rank = n;
  for (i = 0; i < n; i++)
    array->shape[i] = g_ascii_strtoull (sizes[n - 1 - i], NULL, 10);
  g_strfreev (sizes);
}

static guint
read_static (const GstStructure * caps, Array * arrays)
{
  gchar **dimensions, **types;
  gint count, i;

  fail_unless (gst_structure_get_int (caps, "num_tensors", &count));
  dimensions = g_strsplit (gst_structure_get_string (caps, "dimensions"), ",",
      -1);
  types = g_strsplit (gst_structure_get_string (caps, "types"), ",", -1);
  fail_unless (count == 7 || count == 8);
  assert_equals_int (g_strv_length (dimensions), count);
  assert_equals_int (g_strv_length (types), count);
  for (i = 0; i < count; i++) {
    parse_dimensions (dimensions[i], &arrays[i]);
    arrays[i].type = g_strdup (types[i]);
  }
  g_strfreev (dimensions);
  g_strfreev (types);
  return count;
}

static guint32
word (const guint8 * bytes, guint offset)
{
  guint32 value;

  memcpy (&value, bytes + offset, 4);
  return value;
}

/* Takes the header off the front of the bytes. */
static void
read_header (Array * array)
{
  guint32 type = word (array->bytes, 8);
  guint rank = 0, i;

  fail_unless (array->size >= HEADER);
  assert_equals_uint64 (word (array->bytes, 0), 0xFEEDCCED);
  assert_equals_uint64 (word (array->bytes, 4), 0xDE001000);
  array->type = g_strdup (type == 0 ? "int32" : type == 2 ? "int16" : type == 5
      ? "uint8" : type == 7 ? "float32" : "unknown");
  while (rank < 4 && word (array->bytes, 12 + 4 * rank) > 0)
    rank++;
  fail_unless (rank >= 1 && rank <= 2);
  array->rank = rank;
  for (i = 0; i < rank; i++)
    array->shape[i] = word (array->bytes, 12 + 4 * (rank - 1 - i));
  for (i = rank; i < 16; i++)
    assert_equals_int (word (array->bytes, 12 + 4 * i), 0);
  assert_equals_int (word (array->bytes, 76), 1);
  assert_equals_int (word (array->bytes, 80), 4);
  for (i = 84; i < HEADER; i += 4)
    assert_equals_int (word (array->bytes, i), 0);
  array->size -= HEADER;
  memmove (array->bytes, array->bytes + HEADER, array->size);
}

static void
check_array (const Array * array, const gchar * type, guint rank, guint64 rows,
    guint64 columns)
{
  fail_unless_equals_string (array->type, type);
  assert_equals_int (array->rank, rank);
  assert_equals_uint64 (array->shape[0], rows);
  if (rank == 2)
    assert_equals_uint64 (array->shape[1], columns);
  assert_equals_uint64 (array->size,
      rows * (rank == 2 ? columns : 1) * size_of_type (type));
}

static guint
read_arrays (GstCaps * caps, GstBuffer * buffer, Array * arrays)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const gchar *format = gst_structure_get_string (structure, "format");
  gint rate, per;
  guint n, i;

  fail_unless (gst_structure_has_name (structure, "other/tensors"));
  fail_unless (gst_structure_get_fraction (structure, "framerate", &rate,
          &per));
  n = gst_buffer_n_memory (buffer);
  fail_unless (n == 7 || n == 8, "%u memories", n);
  for (i = 0; i < n; i++) {
    GstMapInfo map;
    GstMemory *memory = gst_buffer_peek_memory (buffer, i);

    fail_unless (gst_memory_map (memory, &map, GST_MAP_READ));
    arrays[i].bytes = g_memdup2 (map.data, map.size);
    arrays[i].size = map.size;
    gst_memory_unmap (memory, &map);
  }
  if (g_str_equal (format, "static")) {
    assert_equals_int (read_static (structure, arrays), n);
  } else {
    fail_unless_equals_string (format, "flexible");
    assert_equals_int (gst_structure_n_fields (structure), 2);
    for (i = 0; i < n; i++)
      read_header (&arrays[i]);
  }
  return n;
}

static TestRow
get_row (const Array * arrays, guint i)
{
  gint16 position[3];
  TestRow row = { 0 };

  memcpy (&row.id, arrays[0].bytes + 4 * i, 4);
  row.mask = arrays[1].bytes[i];
  row.level = arrays[2].bytes[i];
  memcpy (position, arrays[3].bytes + 6 * i, 6);
  row.x = position[0];
  row.y = position[1];
  row.side = position[2];
  row.depth = arrays[4].bytes[i];
  memcpy (&row.age, arrays[5].bytes + 4 * i, 4);
  return row;
}

static void
check_padding (const TestTensors * tensors)
{
  guint i, k;

  for (i = 0; i < tensors->rows; i++) {
    TestRow row = test_tensors_row (tensors, i);

    assert_equals_int (row.mask, i < tensors->count);
    if (row.mask)
      continue;
    fail_unless (row.id == 0 && row.level == 0 && row.x == 0 && row.y == 0
        && row.side == 0 && row.depth == 0 && row.age == 0, "row %u", i);
    for (k = 0; k < tensors->vector_size; k++)
      fail_unless (row.vector[k] == 0);
  }
}

TestTensors *
test_tensors_read (GstCaps * caps, GstBuffer * buffer)
{
  TestTensors *tensors = g_new0 (TestTensors, 1);
  Array arrays[TENSORS] = { {NULL}
  };
  guint n = read_arrays (caps, buffer, arrays), i;
  gint32 count;

  tensors->rows = arrays[0].shape[0];
  check_array (&arrays[0], "int32", 1, tensors->rows, 1);
  check_array (&arrays[1], "uint8", 1, tensors->rows, 1);
  check_array (&arrays[2], "uint8", 1, tensors->rows, 1);
  check_array (&arrays[3], "int16", tensors->rows > 1 ? 2 : arrays[3].rank,
      arrays[3].rank == 2 ? tensors->rows : 3, 3);
  check_array (&arrays[4], "uint8", 1, tensors->rows, 1);
  check_array (&arrays[5], "int32", 1, tensors->rows, 1);
  check_array (&arrays[6], "int32", 1, 1, 1);
  memcpy (&count, arrays[6].bytes, 4);
  fail_unless (count >= 0 && count <= tensors->rows);
  tensors->count = count;
  if (n == 8) {
    tensors->vector_size = arrays[7].shape[1];
    check_array (&arrays[7], "float32", 2, tensors->rows, tensors->vector_size);
    tensors->vectors = g_memdup2 (arrays[7].bytes, arrays[7].size);
  }
  tensors->row = g_array_sized_new (FALSE, FALSE, sizeof (TestRow),
      tensors->rows);
  for (i = 0; i < tensors->rows; i++) {
    TestRow row = get_row (arrays, i);

    if (tensors->vectors)
      row.vector = tensors->vectors + (gsize) i *tensors->vector_size;
    g_array_append_val (tensors->row, row);
  }
  check_padding (tensors);
  for (i = 0; i < n; i++) {
    g_free (arrays[i].bytes);
    g_free (arrays[i].type);
  }
  return tensors;
}

void
test_tensors_free (TestTensors * tensors)
{
  g_array_unref (tensors->row);
  g_free (tensors->vectors);
  g_free (tensors);
}
