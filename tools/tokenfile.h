/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_TOKENFILE_H
#define ALITRA_TOOLS_TOKENFILE_H

#include <alitra/alitra.h>

G_BEGIN_DECLS

/* A .alitra file, or standard input, packet by packet. Holds one packet in memory, however long the file is. */
typedef struct _TokenFile TokenFile;

/* path: "-" is standard input. */
TokenFile *token_file_open (const gchar * path, GError ** error);
void token_file_close (TokenFile * file);

/* The next whole packet, good until the next call. FALSE without an error: the file ended where a packet did. */
gboolean token_file_next (TokenFile * file, const guint8 ** data, AlitraPacketLayout * layout, GError ** error);

/* Where the packet that the last call returned begins, in bytes; after a failure, where it failed. */
guint64 token_file_get_offset (const TokenFile * file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TokenFile, token_file_close)

G_END_DECLS

#endif
