/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_NOISE_H
#define ALITRA_SRC_NOISE_H

#include "reference.h"
#include "workers.h"

G_BEGIN_DECLS

#define ALITRA_NOISE_PATCHES 240

/* How noisy the source is, from what some patches, spread over the picture, differ by from frame to frame.  Of the
 * difference only the finest diagonal detail counts: noise has as much of it as of everything else, things that move
 * have little.  Of the patches those count that differ least. */
typedef struct
{
  guint n;                      /* patches looked at */
  guint32 *place;               /* x and y of each */
  guint8 *luma;                 /* 16 x 16 bytes of each, of the frame before */
  guint8 *chroma[2];            /* 8 x 8 of each */
  guint frames;                 /* seen in a row, 2 at most */
  AlitraPixelFormat format;
  gfloat luma_sigma, chroma_sigma;      /* standard deviations, grey levels of 0..255 */
} AlitraNoise;

void alitra_noise_init (AlitraNoise * noise, guint width, guint height);
void alitra_noise_clear (AlitraNoise * noise);

/* The next frame is another scene. */
void alitra_noise_cut (AlitraNoise * noise);

void alitra_noise_update (AlitraNoise * noise, const AlitraFrame * frame, AlitraWorkers * workers);

/* How far patches may differ when `threshold` grey levels of real change are allowed.  Grows with the noise, so that
 * noise alone passes; on a clean source all are `threshold`. */
AlitraTolerance alitra_noise_tolerance (const AlitraNoise * noise, gfloat threshold);

G_END_DECLS

#endif
