/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tokenizer sees of its own coarse pictures. */
#include <string.h>

#include <alitra/alitra.h>

#include "rebuild.h"

#define WIDTH 256
#define HEIGHT 192
#define COARSEST (ALITRA_LEVELS - 1)

/* Tokens of one level, the same for all cells. */
typedef struct
{
  guint16 *tokens;
  guint8 *depth, *changed;
} Tokens;

static Tokens
tokens_new (const AlitraModel * model, guint level, guint16 id, guint depth)
{
  const AlitraGrid grid = alitra_grid_of (WIDTH, HEIGHT, level);
  const gsize cells = (gsize) grid.columns * grid.rows;
  const guint max_depth = model->level[level].depth;
  Tokens t = { g_new0 (guint16, cells * max_depth), g_new0 (guint8, cells),
    g_new0 (guint8, cells)
  };

  for (gsize i = 0; i < cells; i++) {
    t.tokens[i * max_depth] = id;
    t.depth[i] = depth;
    t.changed[i] = TRUE;
  }
  return t;
}

static void
tokens_clear (Tokens * t)
{
  g_free (t->tokens);
  g_free (t->depth);
  g_free (t->changed);
}

/* Luma of what level 1 starts from once the coarsest level holds `id`. */
static void
paint (AlitraRebuild * rebuild, const AlitraModel * model, guint16 id,
    float *luma)
{
  Tokens t = tokens_new (model, COARSEST, id, 1);
  const AlitraPlanes *base;

  alitra_rebuild_level (rebuild, COARSEST, t.tokens, t.depth, t.changed);
  base = alitra_rebuild_get_base (rebuild, COARSEST - 1);
  g_assert_nonnull (base);
  for (guint y = 0; y < HEIGHT / 2; y++)
    memcpy (luma + y * WIDTH / 2, base->luma + y * base->luma_stride,
        WIDTH / 2 * sizeof (float));
  tokens_clear (&t);
}

/* What was painted while nothing was kept must not pass for what was passed on before. */
static void
test_forget (void)
{
  const gsize size = WIDTH / 2 * HEIGHT / 2 * sizeof (float);
  GError *error = NULL;
  AlitraModel *model = alitra_model_load (NULL, &error);
  AlitraWorkers *workers = alitra_workers_new (1);
  AlitraRebuild *rebuild;
  float *first = g_malloc (size), *other = g_malloc (size), *again =
      g_malloc (size);

  g_assert_no_error (error);
  rebuild = alitra_rebuild_new (model, WIDTH, HEIGHT, 1, workers);
  paint (rebuild, model, 1, first);
  alitra_rebuild_forget (rebuild, TRUE);
  paint (rebuild, model, 2, other);
  alitra_rebuild_forget (rebuild, FALSE);
  paint (rebuild, model, 1, again);
  g_assert_cmpint (memcmp (first, other, size), !=, 0);
  g_assert_cmpmem (first, size, again, size);
  alitra_rebuild_free (rebuild);
  alitra_workers_free (workers);
  alitra_model_unref (model);
  g_free (first);
  g_free (other);
  g_free (again);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rebuild/forget", test_forget);
  return g_test_run ();
}
