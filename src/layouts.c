/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layouts.h"

#include <math.h>
#include <string.h>

/* A number of a JSON array, or `otherwise` where there is none or another type. */
static gdouble
number_at (JsonArray * array, guint i, gdouble otherwise)
{
  JsonNode *node = i < json_array_get_length (array)
      ? json_array_get_element (array, i) : NULL;

  if (!node || !JSON_NODE_HOLDS_VALUE (node))
    return otherwise;
  return json_node_get_double (node);
}

static JsonArray *
array_of (const AlitraModel * model, const gchar * name)
{
  JsonNode *node = model->weights.settings
      ? json_object_get_member (model->weights.settings, name) : NULL;

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
      : NULL;
}

static gboolean
read_layout (const AlitraModel * model, JsonArray * array, AlitraLayout * out)
{
  guint level;

  out->tokens = 0;
  for (level = 0; level < ALITRA_LEVELS; level++) {
    gdouble depth = number_at (array, level, -1.);

    if (!(depth >= 0. && depth <= model->level[level].depth))
      return FALSE;
    out->depth[level] = depth;
    out->tokens += out->depth[level] << (2 * (ALITRA_LEVELS - 1 - level));
  }
  return TRUE;
}

/* The file lists depths of 16-, 32- and 64-cells, fewest tokens first; entries that do not fit the model are passed
 * over. */
void
alitra_layouts_init (AlitraLayouts * layouts, const AlitraModel * model)
{
  JsonArray *list = array_of (model, "layouts");
  guint i, n = list ? json_array_get_length (list) : 0;

  layouts->layout = g_new0 (AlitraLayout, n + 1);
  layouts->n = 0;
  for (i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element (list, i);

    if (JSON_NODE_HOLDS_ARRAY (node)
        && read_layout (model, json_node_get_array (node),
            &layouts->layout[layouts->n]))
      layouts->n++;
  }
  if (layouts->n == 0) {
    layouts->layout[0].depth[ALITRA_LEVELS - 1] = 1;
    layouts->layout[0].tokens = 1;
    layouts->n = 1;
  }
}

void
alitra_layouts_clear (AlitraLayouts * layouts)
{
  g_free (layouts->layout);
  memset (layouts, 0, sizeof (*layouts));
}

const AlitraLayout *
alitra_layouts_find (const AlitraLayouts * layouts, gdouble tokens)
{
  const AlitraLayout *best = &layouts->layout[0];
  guint i;

  for (i = 1; i < layouts->n; i++)
    if (layouts->layout[i].tokens <= tokens
        && layouts->layout[i].tokens > best->tokens)
      best = &layouts->layout[i];
  return best;
}

void
alitra_layout_rank (const gfloat * start, guint cells, guint max_depth,
    gfloat * gains)
{
  guint i, t;

  for (i = 0; i < cells; i++)
    for (t = 0; t < max_depth; t++)
      gains[(gsize) i * max_depth + t] =
          start ? log2f ((start[i] + 1e-6f) / (t + 1)) : -(gfloat) t;
}

/* The numbers of one setting, each within bounds or `otherwise`. */
static void
read_numbers (const AlitraModel * model, const gchar * name, gdouble least,
    gdouble most, gdouble otherwise, gdouble numbers[ALITRA_LEVELS])
{
  JsonArray *list = array_of (model, name);
  guint i;

  for (i = 0; i < ALITRA_LEVELS; i++) {
    gdouble n = list ? number_at (list, i, otherwise) : otherwise;

    numbers[i] = n >= least && n <= most ? n : otherwise;
  }
}

void
alitra_level_price_init (AlitraLevelPrice * level_price,
    const AlitraModel * model)
{
  read_numbers (model, "level_price", .01, 100., 1., level_price->least);
  read_numbers (model, "level_price_at_one", .01, 100., .01,
      level_price->at_one);
  read_numbers (model, "level_price_slope", -2., 0., 0., level_price->slope);
}

/* Of a stream that is cut: times the least. Found with tools/trimming.py. */
static const gdouble scalable_times[ALITRA_LEVELS] = { 1., 2.85, 8. };

gdouble
alitra_level_price_at (const AlitraLevelPrice * level_price, guint level,
    gdouble price, gboolean scalable)
{
  if (scalable)
    return level_price->least[level] * scalable_times[level];
  return MAX (level_price->least[level],
      level_price->at_one[level] * pow (price, level_price->slope[level]));
}
