/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PAUSE_H
#define ALITRA_SRC_PAUSE_H

#include <glib.h>

G_BEGIN_DECLS

/* Where all of the picture moves little can be kept, and to look for it takes longer than it spares: for some time frames
 * are then encoded as if there were no others. */
typedef struct
{
  gdouble fresh;                /* part of the tokens of a frame that are new, of the last frames that could keep some */
  guint left;                   /* frames that the pause still lasts */
} AlitraPause;

/* A new scene: nothing is known of it. */
void alitra_pause_reset (AlitraPause * pause);

/* A frame that could keep tokens has `tokens`, and had to get so many of them. */
void alitra_pause_follow (AlitraPause * pause, gsize new_tokens, gsize tokens);

/* A frame of the pause has passed.  moved: whether it differs from the one before; a picture that stands still ends the
 * pause at once. */
void alitra_pause_pass (AlitraPause * pause, gboolean moved);

G_END_DECLS

#endif
