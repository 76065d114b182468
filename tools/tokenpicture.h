/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_TOKENPICTURE_H
#define ALITRA_TOOLS_TOKENPICTURE_H

#include <alitra/alitra.h>

G_BEGIN_DECLS

/* Writes the picture that the detokenizer holds as PNG. */
gboolean token_picture_write (AlitraDetokenizer * detokenizer, const gchar * path, GError ** error);

/* Writes where its tokens are, over the picture in dim grey, as PNG. */
gboolean token_picture_write_density (AlitraDetokenizer * detokenizer, AlitraOverlayStyle style, const gchar * path,
    GError ** error);

G_END_DECLS

#endif
