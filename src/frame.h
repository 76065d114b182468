/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_FRAME_H
#define ALITRA_SRC_FRAME_H

#include <alitra/frame.h>

G_BEGIN_DECLS

/* Whether all that the frame says of itself can be: format, size, planes that are there, strides that hold a row. */
gboolean alitra_frame_check (const AlitraFrame * frame, GError ** error);

G_END_DECLS

#endif
