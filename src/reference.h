/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_REFERENCE_H
#define ALITRA_SRC_REFERENCE_H

#include "picture.h"

G_BEGIN_DECLS

/* The bytes of each patch of the frame as they were when it was last tokenised.  Comparing with the frame before instead
 * would let a slow fade drift without bound. */
typedef struct
{
  AlitraFrame frame;            /* of the format of the last frame; owns its bytes */
  AlitraGrid grid;              /* cells of level 0, those behind the frame's end included */
  gboolean known;               /* something has been remembered */
  guint8 *data;
  gsize size;
  guint32 *sizes;               /* scratch for each worker: a row of sums of differences, and two with their signs */
  gint32 *lean;
  guint8 *room;                 /* likewise: two rows of bytes */
  gsize pitch;
  guint64 *sum;                 /* scratch for each row of patches: of all differences of luma */
} AlitraReference;

/* Differences, in grey levels of 0..255, up to which a patch is what it was: mean of their sizes in luma and in each
 * chroma plane; and mean, over blocks of 8x8 samples, of the size of the block's mean difference.  The second stays small
 * where noise makes the first large. */
typedef struct
{
  gfloat luma, luma_blocks;
  gfloat chroma, chroma_blocks;
} AlitraTolerance;

void alitra_reference_init (AlitraReference * reference, guint width, guint height, AlitraWorkers * workers);
void alitra_reference_clear (AlitraReference * reference);

/* FALSE: frames in which samples of luma and chroma take turns cannot be compared; convert them to I420. */
gboolean alitra_reference_takes (AlitraPixelFormat format);

/* changed: per cell of level 0, set to 1 where the frame differs by more than the tolerance, else to 0; cells behind the
 * frame's end as those next to them.  All are 1 if nothing of that format is known.
 * Returns: mean absolute difference of luma over the whole frame, in grey levels; G_MAXDOUBLE if nothing is known. */
gdouble alitra_reference_compare (AlitraReference * reference, const AlitraFrame * frame,
    const AlitraTolerance * tolerance, guint8 * changed, AlitraWorkers * workers);

/* Remembers the patches of the mask (NULL: all) as they are now. */
void alitra_reference_remember (AlitraReference * reference, const AlitraFrame * frame, const guint8 * mask,
    AlitraWorkers * workers);
/* Nothing is known any more. */
void alitra_reference_forget (AlitraReference * reference);

G_END_DECLS

#endif
