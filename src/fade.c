/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fade.h"

#include "planes.h"

#define FADE 4                  /* luma samples over which a cell gives way to a neighbour */

void
alitra_fade (gfloat * weights, guint n, gboolean before, gboolean behind)
{
  const guint length = FADE * n / ALITRA_CELL;
  guint i;

  for (i = 0; i < n; i++) {
    weights[i] = before ? MIN ((i + .5f) / length, 1.f) : 1.f;
    if (behind)
      weights[i] *= MIN ((n - 1 - i + .5f) / length, 1.f);
  }
}
