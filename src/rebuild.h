/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_REBUILD_H
#define ALITRA_SRC_REBUILD_H

#include "memory.h"
#include "model.h"
#include "packet.h"
#include "picture.h"
#include "workers.h"

G_BEGIN_DECLS

/* Token memory -> pictures, level by level from coarse to fine, redoing only what changed.  The tokenizer looks at its
 * own coarse pictures through it, the detokenizer shows the finest: both see the same. */
typedef struct _AlitraRebuild AlitraRebuild;

/* finest: the last level that will be painted; of the one after it alitra_rebuild_get_base_row() says what it starts from. */
AlitraRebuild *alitra_rebuild_new (AlitraModel * model, guint width, guint height, guint finest,
    AlitraWorkers * workers);
void alitra_rebuild_free (AlitraRebuild * rebuild);

/* The next run of each level does everything again. */
void alitra_rebuild_reset (AlitraRebuild * rebuild);

/* Pictures hang on the tokens alone, bit for bit. Otherwise, as at first, a cell does not follow each change of its neighbours
 * (alitra_synthesis_set_least()). The next run of each level does everything again. */
void alitra_rebuild_set_exact (AlitraRebuild * rebuild, gboolean exact);

/* Where nearly all changes from frame to frame: what hardly changed is passed on to finer levels as well, which is cheaper
 * than to find it.  Not where the finest level is painted. */
void alitra_rebuild_forget (AlitraRebuild * rebuild, gboolean forgets);

/* Runs level `level`: paints it, but for the finest, of which only what tokens paint is noted; coarser levels have been painted for the same frame.
 * tokens, depth: of the level's cells, rows of max_depth ids.  changed: cells whose tokens or depth are not what they
 * were when the level was last painted. */
void alitra_rebuild_level (AlitraRebuild * rebuild, guint level, const guint16 * tokens, const guint8 * depth,
    const guint8 * changed);

/* Cells of the finest level that the filters over borders (deblock.h) and over grain (bilateral.h) make others than before
 * the last run. */
const guint8 *alitra_rebuild_get_touched (AlitraRebuild * rebuild);

/* The finest picture has no planes: it is drawn row of cells by row of cells, by whoever shows it.  Draws the cells of the
 * mask (of the whole grid) of a row, before any filter; all levels have been run for the frame. */
void alitra_rebuild_draw_row (AlitraRebuild * rebuild, guint row, const guint8 * mask, AlitraPlanes * to);

/* What a level starts from: the coarser picture at twice the size.  NULL for the coarsest level, which starts from
 * nothing, and for one that is not painted.  Valid once the coarser level is painted. */
const AlitraPlanes *alitra_rebuild_get_base (AlitraRebuild * rebuild, guint level);

/* The same of a level that is not painted, one row of cells: those of the mask (of the whole grid). */
void alitra_rebuild_get_base_row (AlitraRebuild * rebuild, guint level, guint row, const guint8 * mask,
    AlitraPlanes * base);

/* What that is made from: the coarser picture at its own size. */
const AlitraPlanes *alitra_rebuild_get_coarse (AlitraRebuild * rebuild, guint level);

/* Cells of the base that the last run of the coarser level painted again. */
const guint8 *alitra_rebuild_get_base_painted (AlitraRebuild * rebuild, guint level);

G_END_DECLS

#endif
