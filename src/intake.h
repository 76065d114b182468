/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_INTAKE_H
#define ALITRA_SRC_INTAKE_H

#include "noise.h"

G_BEGIN_DECLS

/* A frame comes in: what changed is found in its bytes, and only that becomes planes.  The planes of all levels hold what
 * was last tokenised where nothing changed.  Those of level 0 would be by far the largest: they are made row by row when
 * they are needed, of the bytes of the frame and of what was last tokenised. */
typedef struct
{
  AlitraPlanes source[ALITRA_LEVELS];   /* of levels 1 and 2; of level 0 only the grid */
  guint8 *changed[ALITRA_LEVELS];       /* cells in which a patch changed */
  AlitraNoise noise;
  gdouble difference;           /* mean size in luma, grey levels, against what was last tokenised */
  /*< private > */
  AlitraReference reference;
  const AlitraFrame *frame;     /* between alitra_intake_look() and alitra_intake_remember() */
  gboolean compares;            /* of the frame */
  AlitraFrame bytes;            /* the frame, or a copy of it as I420 */
  AlitraPlanes copy;            /* of frames that cannot be compared as they are */
  AlitraPlanes kept;            /* level 0 of those, which has more than their bytes as I420 say */
  AlitraPlanes *strip;          /* for each worker: a row of cells of level 0 */
  guint strips;
  guint8 *copy_bytes;
  gfloat gain[2];
} AlitraIntake;

void alitra_intake_init (AlitraIntake * intake, guint width, guint height, const gfloat gain[2],
    AlitraWorkers * workers);
void alitra_intake_clear (AlitraIntake * intake);

/* Finds what differs by more than `threshold` grey levels and noise from what was last tokenised.  Without `compare` all
 * counts as changed, by G_MAXDOUBLE, and this frame is not remembered. */
gboolean alitra_intake_look (AlitraIntake * intake, const AlitraFrame * frame, gboolean compare, gfloat threshold,
    AlitraWorkers * workers, GError ** error);

/* Everything counts as changed. */
void alitra_intake_take_all (AlitraIntake * intake);

gboolean alitra_intake_is_unchanged (const AlitraIntake * intake);

/* Planes of what changed. */
void alitra_intake_load (AlitraIntake * intake, AlitraWorkers * workers);

/* Samples of level 0 of the cells of a row that are set in `mask` (of the grid); valid until the next call of the same
 * worker.  After alitra_intake_load(). */
void alitra_intake_read_row (AlitraIntake * intake, guint row, const guint8 * mask, guint worker, AlitraPlanes * view);

/* The frame has been tokenised. */
void alitra_intake_remember (AlitraIntake * intake, AlitraWorkers * workers);

G_END_DECLS

#endif
