/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitratensorlayout.h"

#include <string.h>

/* What NNStreamer calls its types, and their numbers in headers. */
typedef struct
{
  const gchar *name;
  guint32 number;
  gsize size;
} Type;

static const Type int32_type = { "int32", 0, 4 };
static const Type int16_type = { "int16", 2, 2 };
static const Type uint8_type = { "uint8", 5, 1 };
static const Type float32_type = { "float32", 7, 4 };

typedef struct
{
  const gchar *name;
  const Type *type;
  guint columns;                /* numbers of a row; 0: as many as a vector has */
} Tensor;

static const Tensor tensors[GST_ALITRA_TENSORS] = {
  {"ids", &int32_type, 1},
  {"mask", &uint8_type, 1},
  {"levels", &uint8_type, 1},
  {"positions", &int16_type, 3},
  {"depths", &uint8_type, 1},
  {"ages", &int32_type, 1},
  {"count", &int32_type, 1},
  {"vectors", &float32_type, 0},
};

/* Words of a header, 32 bits each, in the byte order of the machine. */
enum
{
  WORD_MAGIC = 0,
  WORD_VERSION = 1,
  WORD_TYPE = 2,
  WORD_DIMENSIONS = 3,          /* sixteen; 0 ends them */
  WORD_FORMAT = 19,
  WORD_MEDIA = 20,
  WORDS = GST_ALITRA_TENSOR_HEADER / 4
};

#define MAGIC 0xFEEDCCEDu
#define VERSION_1_0 0xDE001000u
#define FORMAT_FLEXIBLE 1
#define MEDIA_TENSOR 4

/* NNStreamer before 2.4 always wrote so many dimensions. */
#define OLD_RANK 4

guint
gst_alitra_tensor_layout_get_count (const GstAlitraTensorLayout * layout)
{
  return layout->vector_size > 0 ? GST_ALITRA_TENSORS :
      GST_ALITRA_TENSOR_VECTORS;
}

gsize
gst_alitra_tensor_layout_get_offset (const GstAlitraTensorLayout * layout)
{
  return layout->flexible ? GST_ALITRA_TENSOR_HEADER : 0;
}

static guint
columns_of (const GstAlitraTensorLayout * layout, GstAlitraTensorRole role)
{
  return tensors[role].columns ? tensors[role].columns : layout->vector_size;
}

gsize
gst_alitra_tensor_layout_get_row_size (const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role)
{
  return columns_of (layout, role) * tensors[role].type->size;
}

gsize
gst_alitra_tensor_layout_get_size (const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role, guint rows)
{
  return gst_alitra_tensor_layout_get_offset (layout)
      + (role == GST_ALITRA_TENSOR_COUNT ? 1 : (gsize) rows)
      * gst_alitra_tensor_layout_get_row_size (layout, role);
}

guint
gst_alitra_tensor_layout_get_dimensions (const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role, guint rows, guint32 dimensions[2])
{
  guint rank = 0;

  if (role == GST_ALITRA_TENSOR_COUNT)
    rows = 1;
  if (tensors[role].columns != 1)
    dimensions[rank++] = columns_of (layout, role);
  dimensions[rank++] = rows;
  return rank;
}

void
gst_alitra_tensor_layout_write_header (const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role, guint rows,
    guint8 header[GST_ALITRA_TENSOR_HEADER])
{
  guint32 words[WORDS] = { 0 };

  words[WORD_MAGIC] = MAGIC;
  words[WORD_VERSION] = VERSION_1_0;
  words[WORD_TYPE] = tensors[role].type->number;
  gst_alitra_tensor_layout_get_dimensions (layout, role, rows,
      words + WORD_DIMENSIONS);
  words[WORD_FORMAT] = FORMAT_FLEXIBLE;
  words[WORD_MEDIA] = MEDIA_TENSOR;
  memcpy (header, words, sizeof (words));
}

static void
append_dimensions (GString * to, const GstAlitraTensorLayout * layout,
    GstAlitraTensorRole role, gboolean filled_up)
{
  guint32 dimensions[2];
  guint rank = gst_alitra_tensor_layout_get_dimensions (layout, role,
      layout->max_tokens, dimensions);
  guint i;

  for (i = 0; i < rank; i++)
    g_string_append_printf (to, "%s%u", i ? ":" : "", dimensions[i]);
  for (; filled_up && i < OLD_RANK; i++)
    g_string_append (to, ":1");
}

static void
set_static_fields (GstStructure * structure,
    const GstAlitraTensorLayout * layout, gboolean dimensions_known,
    gboolean filled_up)
{
  guint n = gst_alitra_tensor_layout_get_count (layout), i;
  GString *dimensions = g_string_new (NULL), *types = g_string_new (NULL);

  for (i = 0; i < n; i++) {
    g_string_append_printf (types, "%s%s", i ? "," : "", tensors[i].type->name);
    if (i > 0)
      g_string_append_c (dimensions, ',');
    append_dimensions (dimensions, layout, i, filled_up);
  }
  gst_structure_set (structure, "num_tensors", G_TYPE_INT, (gint) n,
      "types", G_TYPE_STRING, types->str, NULL);
  if (dimensions_known)
    gst_structure_set (structure, "dimensions", G_TYPE_STRING, dimensions->str,
        NULL);
  g_string_free (dimensions, TRUE);
  g_string_free (types, TRUE);
}

static GstStructure *
new_structure (const gchar * format)
{
  return gst_structure_new ("other/tensors", "format", G_TYPE_STRING, format,
      NULL);
}

GstCaps *
gst_alitra_tensor_layout_get_caps (const GstAlitraTensorLayout * layout,
    gboolean dimensions_known)
{
  GstCaps *caps = gst_caps_new_empty ();
  gint filled_up;

  if (layout->flexible) {
    gst_caps_append_structure (caps, new_structure ("flexible"));
    return caps;
  }
  for (filled_up = 0; filled_up <= dimensions_known; filled_up++) {
    GstStructure *structure = new_structure ("static");

    set_static_fields (structure, layout, dimensions_known, filled_up);
    gst_caps_append_structure (caps, structure);
  }
  return caps;
}

const gchar *
gst_alitra_tensor_role_get_name (GstAlitraTensorRole role)
{
  return tensors[role].name;
}
