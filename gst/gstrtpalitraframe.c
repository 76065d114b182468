/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstrtpalitraframe.h"

#include <string.h>

/* No frame comes in more RTP packets than this. */
#define MOST_PIECES (1 << 16)

/* A run of bytes of the token packet, as one RTP packet brought it. */
typedef struct
{
  gboolean slices;              /* whole slices from `chunk` on, behind the header if there is one */
  gboolean header;              /* counted from the first byte of the token packet */
  guint16 chunk;                /* else from the first byte of this chunk */
  guint32 offset;
  gsize begin, end;             /* in the token packet, once its header is known */
  GstBuffer *bytes;
} Piece;

void
gst_rtp_alitra_frame_init (GstRtpAlitraFrame * self)
{
  memset (self, 0, sizeof (*self));
  self->pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
  self->header = g_byte_array_new ();
  self->packet = g_byte_array_new ();
}

void
gst_rtp_alitra_frame_clear (GstRtpAlitraFrame * self)
{
  gst_rtp_alitra_frame_forget (self);
  g_array_unref (self->pieces);
  g_byte_array_unref (self->header);
  g_byte_array_unref (self->packet);
}

void
gst_rtp_alitra_frame_forget (GstRtpAlitraFrame * self)
{
  guint i;

  for (i = 0; i < self->pieces->len; i++)
    gst_buffer_unref (g_array_index (self->pieces, Piece, i).bytes);
  g_array_set_size (self->pieces, 0);
  g_byte_array_set_size (self->header, 0);
  self->size = 0;
}

void
gst_rtp_alitra_frame_begin (GstRtpAlitraFrame * self, guint16 number)
{
  gst_rtp_alitra_frame_forget (self);
  self->number = number;
}

void
gst_rtp_alitra_frame_add_header (GstRtpAlitraFrame * self, const guint8 * data,
    gsize size)
{
  if (self->header->len == 0)
    g_byte_array_append (self->header, data, size);
}

void
gst_rtp_alitra_frame_add (GstRtpAlitraFrame * self,
    const GstRtpAlitraHeader * header, GstBuffer * bytes)
{
  const gsize size = gst_buffer_get_size (bytes);
  const Piece piece = { header->slices, header->header, header->chunk,
    header->offset, 0, 0, bytes
  };

  if (self->size + size > ALITRA_PACKET_MAX_SIZE
      || self->pieces->len == MOST_PIECES) {
    gst_buffer_unref (bytes);
    return;
  }
  self->size += size;
  g_array_append_val (self->pieces, piece);
}

/* Puts the header together from the first bytes of the frame, if nothing repeated it. */
static void
collect_header (GstRtpAlitraFrame * self)
{
  guint i;

  for (i = 0; i < self->pieces->len
      && self->header->len < ALITRA_PACKET_MAX_HEADER; i++) {
    const Piece *piece = &g_array_index (self->pieces, Piece, i);
    guint have = self->header->len;
    gsize size = MIN (gst_buffer_get_size (piece->bytes),
        ALITRA_PACKET_MAX_HEADER - have);

    if (!piece->header || piece->offset != have)
      break;
    g_byte_array_set_size (self->header, have + size);
    gst_buffer_extract (piece->bytes, 0, self->header->data + have, size);
  }
}

static gboolean
read_header (GstRtpAlitraFrame * self)
{
  if (self->header->len == 0)
    collect_header (self);
  return alitra_packet_read_layout (self->header->data, self->header->len,
      &self->layout) == ALITRA_PACKET_OK
      && (self->layout.info.frame_number & 0xffff) == self->number;
}

/* Adds the run of the next @size bytes of @from, as far as they are there. */
static void
split_off (GArray * pieces, const Piece * from, gboolean header, guint chunk,
    gsize * at, gsize size)
{
  Piece piece = { FALSE, header, chunk, };

  if (size > 0 && size <= gst_buffer_get_size (from->bytes) - *at
      && pieces->len < MOST_PIECES) {
    piece.bytes = gst_buffer_copy_region (from->bytes, GST_BUFFER_COPY_MEMORY,
        *at, size);
    g_array_append_val (pieces, piece);
  }
  *at = MIN (*at + size, gst_buffer_get_size (from->bytes));
}

/* Takes a piece of whole slices apart into its chunks. */
static void
split_slices (const AlitraPacketLayout * layout, const Piece * piece,
    GArray * pieces)
{
  const guint slices = layout->info.slices;
  const gsize size = gst_buffer_get_size (piece->bytes);
  guint slice, layer;
  gsize at = 0;

  if (piece->header)
    split_off (pieces, piece, TRUE, 0, &at, layout->info.header_size);
  for (slice = piece->chunk; slice < slices && at < size; slice++)
    for (layer = 0; layer < layout->info.layers && at < size; layer++) {
      guint chunk = layer * slices + slice;

      split_off (pieces, piece, FALSE, chunk, &at,
          layout->chunk[chunk + 1] - layout->chunk[chunk]);
    }
}

static gint
compare_pieces (gconstpointer a, gconstpointer b)
{
  const Piece *x = a, *y = b;

  if (x->header != y->header)
    return x->header ? -1 : 1;
  if (!x->header && x->chunk != y->chunk)
    return x->chunk < y->chunk ? -1 : 1;
  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Whole slices come in an order of their own; from here on the pieces are in that of the token packet. */
static void
order_pieces (GstRtpAlitraFrame * self)
{
  gboolean any = FALSE;
  GArray *pieces;
  guint i;

  for (i = 0; i < self->pieces->len; i++)
    any = any || g_array_index (self->pieces, Piece, i).slices;
  if (!any)
    return;
  pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
  for (i = 0; i < self->pieces->len; i++) {
    Piece *piece = &g_array_index (self->pieces, Piece, i);

    if (piece->slices) {
      split_slices (&self->layout, piece, pieces);
      gst_buffer_unref (piece->bytes);
    } else {
      g_array_append_val (pieces, *piece);
    }
  }
  g_array_sort (pieces, compare_pieces);
  g_array_unref (self->pieces);
  self->pieces = pieces;
}

/* Finds where the pieces lie; those that cannot be there, or overlap, are left out. */
static void
place_pieces (GstRtpAlitraFrame * self)
{
  const AlitraPacketInfo *info = &self->layout.info;
  gsize at = 0;
  guint i;

  for (i = 0; i < self->pieces->len; i++) {
    Piece *piece = &g_array_index (self->pieces, Piece, i);
    gsize base = 0;

    if (!piece->header && piece->chunk < info->layers * info->slices)
      base = self->layout.chunk[piece->chunk];
    piece->begin = base + piece->offset;
    piece->end = piece->begin + gst_buffer_get_size (piece->bytes);
    if ((!piece->header && base == 0) || piece->begin < at
        || piece->end > info->size)
      piece->end = piece->begin = at;
    at = piece->end;
  }
}

/* Notes which chunks lie in bytes @begin to @end. */
static void
find_chunks (GstRtpAlitraFrame * self, gsize begin, gsize end, guint * chunk)
{
  guint chunks = self->layout.info.layers * self->layout.info.slices;
  const gsize *at = self->layout.chunk;

  for (; *chunk < chunks && at[*chunk + 1] <= end; (*chunk)++)
    if (at[*chunk] >= begin)
      self->lost[*chunk] = FALSE;
}

/* Returns how many chunks are lost, and whether one of the first layer is. */
static guint
find_lost (GstRtpAlitraFrame * self, gboolean * vital)
{
  const AlitraPacketInfo *info = &self->layout.info;
  gsize begin = 0, end = 0;
  guint chunks = info->layers * info->slices, chunk = 0, i, lost = 0;

  memset (self->lost, TRUE, sizeof (self->lost));
  for (i = 0; i < self->pieces->len; i++) {
    const Piece *piece = &g_array_index (self->pieces, Piece, i);

    if (piece->begin == piece->end)
      continue;
    if (piece->begin != end) {
      find_chunks (self, begin, end, &chunk);
      begin = piece->begin;
    }
    end = piece->end;
  }
  find_chunks (self, begin, end, &chunk);

  *vital = FALSE;
  for (i = 0; i < chunks; i++) {
    gboolean has_bytes = self->layout.chunk[i + 1] > self->layout.chunk[i];

    if (has_bytes && self->lost[i])
      lost++;
    else
      self->lost[i] = self->layout.lost[i];
    *vital = *vital || (i < info->slices && self->lost[i]);
  }
  return lost;
}

/* More pieces than a buffer has places for memory. */
static GstBuffer *
copy_pieces (GstRtpAlitraFrame * self)
{
  GstBuffer *all = gst_buffer_new_allocate (NULL, self->layout.info.size, NULL);
  GstMapInfo map;
  guint i;

  gst_buffer_map (all, &map, GST_MAP_WRITE);
  for (i = 0; i < self->pieces->len; i++) {
    const Piece *piece = &g_array_index (self->pieces, Piece, i);

    gst_buffer_extract (piece->bytes, 0, map.data + piece->begin,
        piece->end - piece->begin);
  }
  gst_buffer_unmap (all, &map);
  return all;
}

/* All of it came: the pieces one after another. */
static GstBuffer *
join_pieces (GstRtpAlitraFrame * self)
{
  GstBuffer *all = NULL;
  guint i;

  if (self->pieces->len > gst_buffer_get_max_memory ())
    return copy_pieces (self);
  for (i = 0; i < self->pieces->len; i++) {
    const Piece *piece = &g_array_index (self->pieces, Piece, i);

    if (piece->begin == piece->end)
      continue;
    all = all ? gst_buffer_append (all, gst_buffer_ref (piece->bytes))
        : gst_buffer_copy (piece->bytes);
  }
  return all;
}

/* Adds what the piece holds of chunks that are whole to the packet. */
static void
copy_chunks (GstRtpAlitraFrame * self, const Piece * piece, guint * chunk)
{
  guint chunks = self->layout.info.layers * self->layout.info.slices;
  const gsize *at = self->layout.chunk;

  while (*chunk < chunks && at[*chunk] < piece->end) {
    gsize begin = MAX (at[*chunk], piece->begin);
    gsize end = MIN (at[*chunk + 1], piece->end);

    if (!self->lost[*chunk] && begin < end) {
      guint have = self->packet->len;

      g_byte_array_set_size (self->packet, have + end - begin);
      gst_buffer_extract (piece->bytes, begin - piece->begin,
          self->packet->data + have, end - begin);
    }
    /* The next piece may hold the rest. */
    if (at[*chunk + 1] > piece->end)
      break;
    (*chunk)++;
  }
}

/* What came, with what did not marked as lost. */
static GstBuffer *
write_left (GstRtpAlitraFrame * self)
{
  guint i, chunk = 0;

  if (!alitra_packet_mark_lost (self->header->data, self->header->len,
          self->lost, self->packet, NULL))
    return NULL;
  for (i = 0; i < self->pieces->len; i++)
    copy_chunks (self, &g_array_index (self->pieces, Piece, i), &chunk);
  alitra_packet_read_layout (self->packet->data, self->packet->len,
      &self->layout);
  return gst_buffer_new_memdup (self->packet->data, self->packet->len);
}

/* Damaged RTP packets may be of the right size and in the wrong place. */
static gboolean
begins_with_header (GstRtpAlitraFrame * self, GstBuffer * buffer)
{
  return gst_buffer_memcmp (buffer, 0, self->header->data,
      self->layout.info.header_size) == 0;
}

GstBuffer *
gst_rtp_alitra_frame_put_together (GstRtpAlitraFrame * self, gboolean * vital)
{
  guint lost, i;
  gsize have = 0;

  self->missing = 0;
  if (!read_header (self))
    return NULL;
  order_pieces (self);
  place_pieces (self);
  for (i = 0; i < self->pieces->len; i++) {
    const Piece *piece = &g_array_index (self->pieces, Piece, i);

    have += piece->end - piece->begin;
  }
  lost = find_lost (self, vital);
  if (have == self->layout.info.size) {
    GstBuffer *joined = join_pieces (self);

    if (begins_with_header (self, joined))
      return joined;
    gst_buffer_unref (joined);
  }
  self->missing = lost;
  return write_left (self);
}
