/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pause.h"

/* More than so much new, and looking does not pay.  Clips in which all of the picture moves have .8 or more on average,
 * others .7 at most in their worst frames (tools/temporal.py). */
#define VAIN .72
/* Half of what a frame says counts, because every other frame looks for less; a new scene may be of either kind. */
#define STEP .5
#define UNKNOWN .5
/* About a second.  Looking in vain takes an eighth more time, so that once in so many frames is hardly noticed. */
#define FRAMES 24

void
alitra_pause_reset (AlitraPause * pause)
{
  pause->fresh = UNKNOWN;
  pause->left = 0;
}

void
alitra_pause_follow (AlitraPause * pause, gsize new_tokens, gsize tokens)
{
  if (tokens == 0)
    return;
  pause->fresh += STEP * ((gdouble) new_tokens / tokens - pause->fresh);
  if (pause->fresh > VAIN)
    pause->left = FRAMES;
}

void
alitra_pause_pass (AlitraPause * pause, gboolean moved)
{
  pause->left = moved && pause->left > 0 ? pause->left - 1 : 0;
}
