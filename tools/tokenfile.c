/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tokenfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rawvideo.h"

#define PIECE 65536

struct _TokenFile
{
  FILE *file;
  gchar *path;
  GByteArray *bytes;            /* read and not yet returned, and the packet that was */
  gsize returned;               /* of them, bytes of the packet that was returned */
  guint64 offset;               /* of the first of them in the file */
  gboolean ended;
};

TokenFile *
token_file_open (const gchar * path, GError ** error)
{
  TokenFile *self;
  FILE *file = raw_open (path, "rb", stdin, error);

  if (!file)
    return NULL;
  self = g_new0 (TokenFile, 1);
  self->file = file;
  self->path = g_strdup (path);
  self->bytes = g_byte_array_new ();
  return self;
}

void
token_file_close (TokenFile * self)
{
  if (!self)
    return;
  if (self->file != stdin)
    fclose (self->file);
  g_byte_array_unref (self->bytes);
  g_free (self->path);
  g_free (self);
}

guint64
token_file_get_offset (const TokenFile * self)
{
  return self->offset;
}

static gboolean
read_piece (TokenFile * self, GError ** error)
{
  const guint had = self->bytes->len;
  gsize got;

  g_byte_array_set_size (self->bytes, had + PIECE);
  errno = 0;
  got = fread (self->bytes->data + had, 1, PIECE, self->file);
  g_byte_array_set_size (self->bytes, had + got);
  self->ended = got < PIECE;
  if (!ferror (self->file))
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
      "%s cannot be read beyond byte %" G_GUINT64_FORMAT ": %s", self->path,
      self->offset + had + got, g_strerror (errno));
  return FALSE;
}

static gboolean
fill_to (TokenFile * self, gsize size, GError ** error)
{
  while (self->bytes->len < size && !self->ended) {
    if (!read_piece (self, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
fail_damaged (TokenFile * self, const gchar * problem, GError ** error)
{
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
      "%s is damaged at byte %" G_GUINT64_FORMAT ": %s", self->path,
      self->offset, problem);
  return FALSE;
}

static gboolean
fail_foreign (TokenFile * self, GError ** error)
{
  gsize next = alitra_packet_find (self->bytes->data, self->bytes->len, 1);
  g_autofree gchar *problem = NULL;

  if (self->offset == 0 && (self->bytes->len < 4
          || memcmp (self->bytes->data, "ALTK", 4) != 0)) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "Expected a file of token packets, which begins with \"ALTK\": %s "
        "does not; make one with alitraenc ! filesink", self->path);
    return FALSE;
  }
  problem = next + 4 <= self->bytes->len ?
      g_strdup_printf ("expected a packet, got other bytes; the next packet "
      "may begin %" G_GSIZE_FORMAT " bytes later", next) :
      g_strdup ("expected a packet, got other bytes");
  return fail_damaged (self, problem, error);
}

static gboolean
fail_short (TokenFile * self, gsize size, GError ** error)
{
  g_autofree gchar *problem =
      g_strdup_printf ("the file ends inside a packet; expected %"
      G_GSIZE_FORMAT " bytes, got %u. What is before it can be used", size,
      self->bytes->len);

  return fail_damaged (self, problem, error);
}

gboolean
token_file_next (TokenFile * self, const guint8 ** data,
    AlitraPacketLayout * layout, GError ** error)
{
  self->offset += self->returned;
  g_byte_array_remove_range (self->bytes, 0, self->returned);
  self->returned = 0;

  if (!fill_to (self, ALITRA_PACKET_MAX_HEADER, error))
    return FALSE;
  if (self->bytes->len == 0)
    return self->offset == 0 ? fail_foreign (self, error) : FALSE;
  switch (alitra_packet_read_layout (self->bytes->data, self->bytes->len,
          layout)) {
    case ALITRA_PACKET_OK:
      break;
    case ALITRA_PACKET_NEED_MORE:
      return fail_damaged (self, "the file ends inside the header of a packet",
          error);
    default:
      return fail_foreign (self, error);
  }
  if (!fill_to (self, layout->info.size, error))
    return FALSE;
  if (self->bytes->len < layout->info.size)
    return fail_short (self, layout->info.size, error);
  *data = self->bytes->data;
  self->returned = layout->info.size;
  return TRUE;
}
