/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packetheader.h"

#include <string.h>
#include <zlib.h>

#define VERSION 2
#define FLAG_KEY 1
#define FLAG_PTS 2
#define FLAG_CHECKSUM 4
#define FLAGS (FLAG_KEY | FLAG_PTS | FLAG_CHECKSUM)

#define FIXED_SIZE 16           /* up to the model number */
#define CHECKSUM_SIZE 4         /* of the memory */
#define CRC_SIZE 4
/* of varints at most */
#define SIDE_BYTES 2
#define RATE_BYTES 5
#define TOKENS_BYTES 4
#define CHUNK_BYTES 3

static const gchar magic[4] = { 'A', 'L', 'T', 'K' };

/* Takes bytes from the front; behind the end it gives zeros and remembers. */
typedef struct
{
  const guint8 *data;
  gsize size, at;
  gboolean bad;
} Reader;

static guint64
get (Reader * reader, guint bytes)
{
  guint64 value = 0;

  if (reader->size - reader->at < bytes) {
    reader->bad = TRUE;
    reader->at = reader->size;
    return 0;
  }
  for (guint i = 0; i < bytes; i++)
    value |= (guint64) reader->data[reader->at++] << (8 * i);
  return value;
}

static guint32
get_varint (Reader * reader, guint max_bytes)
{
  guint64 value = 0;

  for (guint i = 0; i < max_bytes; i++) {
    guint8 byte = get (reader, 1);

    value |= (guint64) (byte & 0x7F) << (7 * i);
    if (!(byte & 0x80)) {
      if ((i > 0 && byte == 0) || value > G_MAXUINT32)
        reader->bad = TRUE;
      return value;
    }
  }
  reader->bad = TRUE;
  return 0;
}

static void
put (GByteArray * out, guint64 value, guint bytes)
{
  guint8 le[8];

  for (guint i = 0; i < bytes; i++)
    le[i] = value >> (8 * i);
  g_byte_array_append (out, le, bytes);
}

static void
put_varint (GByteArray * out, guint32 value)
{
  for (; value > 0x7F; value >>= 7)
    put (out, 0x80 | (value & 0x7F), 1);
  put (out, value, 1);
}

static gboolean
read_stream (AlitraPacketHeader * header, Reader * reader)
{
  AlitraStreamInfo *stream = &header->info.stream;

  stream->width = get_varint (reader, SIDE_BYTES);
  stream->height = get_varint (reader, SIDE_BYTES);
  stream->fps_n = get_varint (reader, RATE_BYTES);
  stream->fps_d = get_varint (reader, RATE_BYTES);
  stream->par_n = get_varint (reader, RATE_BYTES);
  stream->par_d = get_varint (reader, RATE_BYTES);
  for (guint i = 0; i < G_N_ELEMENTS (stream->colour); i++)
    stream->colour[i] = get (reader, 1);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    header->max_depth[l] = get (reader, 1);
    if (header->max_depth[l] > ALITRA_MAX_DEPTH)
      return FALSE;
  }
  return stream->width >= 1 && stream->width <= ALITRA_MAX_SIZE
      && stream->height >= 1 && stream->height <= ALITRA_MAX_SIZE
      && stream->fps_n <= G_MAXINT32 && stream->fps_d >= 1
      && stream->fps_d <= G_MAXINT32 && stream->par_n >= 1
      && stream->par_n <= G_MAXINT32 && stream->par_d >= 1
      && stream->par_d <= G_MAXINT32 && stream->colour[0] <= 1;
}

static void
write_stream (const AlitraPacketHeader * header, GByteArray * out)
{
  const AlitraStreamInfo *stream = &header->info.stream;

  put_varint (out, stream->width);
  put_varint (out, stream->height);
  put_varint (out, stream->fps_n);
  put_varint (out, stream->fps_d);
  put_varint (out, stream->par_n);
  put_varint (out, stream->par_d);
  g_byte_array_append (out, stream->colour, G_N_ELEMENTS (stream->colour));
  for (guint l = 0; l < ALITRA_LEVELS; l++)
    put (out, header->max_depth[l], 1);
}

static gboolean
read_layers (AlitraPacketHeader * header, Reader * reader)
{
  guint within[ALITRA_LEVELS] = { 0, };
  guint layers = get (reader, 1), packed = 0;

  if (layers < 1 || layers > ALITRA_PACKET_MAX_LAYERS)
    return FALSE;
  for (guint i = 0; i < layers; i++, packed >>= 4) {
    if (i % 2 == 0)
      packed = get (reader, 1);
    header->levels[i] = packed & 15;
    if (header->levels[i] < 1 || header->levels[i] >> ALITRA_LEVELS)
      return FALSE;
    for (guint l = 0; l < ALITRA_LEVELS; l++)
      within[l] += header->levels[i] >> l & 1;
  }
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    if (within[l] > ALITRA_PACKET_MAX_LEVEL_LAYERS)
      return FALSE;
  }
  header->info.layers = layers;
  return packed == 0;
}

static void
write_layers (AlitraPacketHeader * header, GByteArray * out)
{
  guint layers = header->info.layers;

  put (out, layers, 1);
  for (guint i = 0; i < layers; i += 2)
    put (out, header->levels[i]
        | (i + 1 < layers ? header->levels[i + 1] << 4 : 0), 1);
}

static gboolean
read_table (AlitraPacketHeader * header, Reader * reader)
{
  guint chunks = header->info.layers * header->info.slices;
  guint bytes = (chunks + 7) / 8;
  const guint8 *present;

  header->info.tokens = 0;
  for (guint i = 0; i < header->info.layers; i++) {
    header->tokens[i] = get_varint (reader, TOKENS_BYTES);
    header->info.tokens += header->tokens[i];
  }

  if (reader->bad || reader->size - reader->at < bytes)
    return FALSE;
  present = reader->data + reader->at;
  reader->at += bytes;
  if (chunks % 8 && present[bytes - 1] >> (chunks % 8))
    return FALSE;

  header->info.size = header->info.header_size;
  header->info.lost = 0;
  for (guint i = 0; i < chunks; i++) {
    header->chunk_size[i] = 0;
    if (present[i >> 3] >> (i & 7) & 1) {
      header->chunk_size[i] = get_varint (reader, CHUNK_BYTES);
      if (header->chunk_size[i] == 0)
        return FALSE;
    }
    header->info.lost += header->chunk_size[i] == ALITRA_PACKET_CHUNK_LOST;
    header->info.size += alitra_packet_chunk_bytes (header->chunk_size[i]);
  }
  return TRUE;
}

static void
write_table (AlitraPacketHeader * header, GByteArray * out)
{
  guint chunks = header->info.layers * header->info.slices;

  header->info.tokens = 0;
  for (guint i = 0; i < header->info.layers; i++) {
    put_varint (out, header->tokens[i]);
    header->info.tokens += header->tokens[i];
  }
  for (guint first = 0; first < chunks; first += 8) {
    guint8 present = 0;

    for (guint i = first; i < MIN (first + 8, chunks); i++)
      present |= (header->chunk_size[i] > 0) << (i - first);
    put (out, present, 1);
  }
  header->info.lost = 0;
  for (guint i = 0; i < chunks; i++) {
    if (header->chunk_size[i] > 0)
      put_varint (out, header->chunk_size[i]);
    header->info.lost += header->chunk_size[i] == ALITRA_PACKET_CHUNK_LOST;
  }
}

/* The whole header is there; its first bytes were looked at. */
static const gchar *
read_whole (AlitraPacketHeader * header, const guint8 * data)
{
  AlitraPacketInfo *info = &header->info;
  Reader reader = { data, info->header_size - CRC_SIZE, FIXED_SIZE, FALSE };
  Reader crc = { data, info->header_size, info->header_size - CRC_SIZE, FALSE };
  guint flags = data[5];

  if (get (&crc, CRC_SIZE) != crc32 (0, data, reader.size))
    return "the checksum of the header does not fit";

  info->pts = flags & FLAG_PTS ? get (&reader, 8) : ALITRA_PACKET_NO_PTS;
  info->checksum = flags & FLAG_CHECKSUM ? get (&reader, 4) : 0;
  if (((flags & FLAG_PTS) && info->pts == ALITRA_PACKET_NO_PTS)
      || ((flags & FLAG_CHECKSUM) && info->checksum == 0))
    return "the time or the checksum of the memory is one that stands for none";
  if (info->key && !read_stream (header, &reader))
    return "the description of the stream is out of bounds";

  info->slices = get (&reader, 1);
  if (info->slices < 1 || info->slices > ALITRA_PACKET_MAX_SLICES)
    return "the number of slices is out of bounds";
  if (info->key && info->slices != (info->stream.height + 63) / 64)
    return "the number of slices does not fit the height";
  if (!read_layers (header, &reader))
    return "the layers are out of bounds";
  if (!read_table (header, &reader) || reader.bad || reader.at != reader.size)
    return "the table of chunks is damaged";
  if (info->size > ALITRA_PACKET_MAX_SIZE)
    return "the size of the packet is out of bounds";
  return NULL;
}

static AlitraPacketStatus
bad (const gchar ** problem, const gchar * words)
{
  if (problem)
    *problem = words;
  return ALITRA_PACKET_BAD;
}

AlitraPacketStatus
alitra_packet_header_read (AlitraPacketHeader * header, const guint8 * data,
    gsize size, const gchar ** problem)
{
  AlitraPacketInfo *info = &header->info;
  Reader reader = { data, MIN (size, FIXED_SIZE), 6, FALSE };
  const gchar *words;

  if (size > 0 && memcmp (data, magic, MIN (size, sizeof magic)) != 0)
    return bad (problem, "it does not begin with ALTK");
  if (size > 4 && data[4] != VERSION)
    return bad (problem, "its version is not 2");
  if (size > 5 && (data[5] & ~FLAGS) != 0)
    return bad (problem, "it has flags that this version does not know");
  if (size < FIXED_SIZE)
    return ALITRA_PACKET_NEED_MORE;

  memset (info, 0, sizeof *info);
  info->key = (data[5] & FLAG_KEY) != 0;
  info->header_size = get (&reader, 2);
  info->frame_number = get (&reader, 4);
  info->model = get (&reader, 4);
  if (info->header_size < FIXED_SIZE + CRC_SIZE
      || info->header_size > ALITRA_PACKET_MAX_HEADER)
    return bad (problem, "the size of the header is out of bounds");
  if (size < info->header_size)
    return ALITRA_PACKET_NEED_MORE;

  words = read_whole (header, data);
  return words ? bad (problem, words) : ALITRA_PACKET_OK;
}

static void
patch (GByteArray * out, guint at, guint32 value, guint bytes)
{
  for (guint i = 0; i < bytes; i++)
    out->data[at + i] = value >> (8 * i);
}

void
alitra_packet_header_write (AlitraPacketHeader * header, GByteArray * out)
{
  AlitraPacketInfo *info = &header->info;
  guint flags =
      (info->key ? FLAG_KEY : 0) | (info->pts !=
      ALITRA_PACKET_NO_PTS ? FLAG_PTS : 0)
      | (info->checksum ? FLAG_CHECKSUM : 0);

  g_byte_array_set_size (out, 0);
  g_byte_array_append (out, (const guint8 *) magic, sizeof magic);
  put (out, VERSION, 1);
  put (out, flags, 1);
  put (out, 0, 2);              /* the size of the header, known at the end */
  put (out, info->frame_number, 4);
  put (out, info->model, 4);
  if (flags & FLAG_PTS)
    put (out, info->pts, 8);
  if (flags & FLAG_CHECKSUM)
    put (out, info->checksum, 4);
  if (info->key)
    write_stream (header, out);
  put (out, info->slices, 1);
  write_layers (header, out);
  write_table (header, out);

  info->size = info->header_size = out->len + CRC_SIZE;
  for (guint i = 0; i < info->layers * info->slices; i++)
    info->size += alitra_packet_chunk_bytes (header->chunk_size[i]);
  patch (out, 6, info->header_size, 2);
  put (out, crc32 (0, out->data, out->len), CRC_SIZE);
}

AlitraPacketStatus
alitra_packet_read_info (const guint8 * data, gsize size,
    AlitraPacketInfo * info)
{
  AlitraPacketHeader header;
  AlitraPacketStatus status;

  g_return_val_if_fail (data || size == 0, ALITRA_PACKET_BAD);

  status = alitra_packet_header_read (&header, data, size, NULL);
  if (status == ALITRA_PACKET_OK && info)
    *info = header.info;
  return status;
}

gsize
alitra_packet_find (const guint8 * data, gsize size, gsize from)
{
  g_return_val_if_fail (data || size == 0, size);

  while (from < size) {
    const guint8 *first = memchr (data + from, magic[0], size - from);
    gsize left;

    if (!first)
      return size;
    from = first - data;
    left = size - from;
    if (memcmp (first, magic, MIN (left, sizeof magic)) == 0 && (left <= 4
            || first[4] == VERSION))
      return from;
    from++;
  }
  return size;
}

static guint
varint_size (guint32 value)
{
  guint size = 1;

  for (; value > 0x7F; value >>= 7)
    size++;
  return size;
}

/* Bytes that the header has for the first layers: their levels, token counts, a bit for each chunk, sizes of chunks. */
static gsize
table_size (const AlitraPacketHeader * header, guint layers)
{
  guint chunks = layers * header->info.slices;
  gsize size = (layers + 1) / 2 + (chunks + 7) / 8;

  for (guint i = 0; i < layers; i++)
    size += varint_size (header->tokens[i]);
  for (guint i = 0; i < chunks; i++) {
    if (header->chunk_size[i] > 0)
      size += varint_size (header->chunk_size[i]);
  }
  return size;
}

static void
lay_out (const AlitraPacketHeader * header, AlitraPacketLayout * layout)
{
  guint layers = header->info.layers, slices = header->info.slices;
  gsize rest = header->info.header_size - table_size (header, layers);
  gsize at = header->info.header_size;

  layout->info = header->info;
  if (header->info.checksum)
    rest -= CHECKSUM_SIZE;
  for (guint layer = 0; layer < layers; layer++) {
    layout->levels[layer] = header->levels[layer];
    layout->tokens[layer] = header->tokens[layer];
    for (guint i = layer * slices; i < (layer + 1) * slices; i++) {
      layout->chunk[i] = at;
      layout->lost[i] = header->chunk_size[i] == ALITRA_PACKET_CHUNK_LOST;
      at += alitra_packet_chunk_bytes (header->chunk_size[i]);
    }
    layout->trimmed_size[layer] = rest + table_size (header, layer + 1)
        + at - header->info.header_size;
  }
  layout->chunk[layers * slices] = at;
  layout->trimmed_size[layers - 1] = header->info.size;
}

AlitraPacketStatus
alitra_packet_read_layout (const guint8 * data, gsize size,
    AlitraPacketLayout * layout)
{
  AlitraPacketHeader header;
  AlitraPacketStatus status;

  g_return_val_if_fail (data || size == 0, ALITRA_PACKET_BAD);
  g_return_val_if_fail (layout, ALITRA_PACKET_BAD);

  status = alitra_packet_header_read (&header, data, size, NULL);
  if (status == ALITRA_PACKET_OK)
    lay_out (&header, layout);
  return status;
}

static gboolean
read_header (AlitraPacketHeader * header, const guint8 * data, gsize size,
    GError ** error)
{
  const gchar *problem = "it ends inside its header";

  if (alitra_packet_header_read (header, data, size,
          &problem) == ALITRA_PACKET_OK)
    return TRUE;
  g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
      "Expected a token packet, but %s; put alitraparse before this, or skip to the next key packet",
      problem);
  return FALSE;
}

/* Spoils the header: its sizes become those of the shorter packet. */
static void
write_first_layers (AlitraPacketHeader * header, const guint8 * data,
    guint layers, GByteArray * out)
{
  gsize body = header->info.header_size;

  if (layers < header->info.layers) {
    header->info.layers = layers;
    header->info.checksum = 0;
    alitra_packet_header_write (header, out);
  } else {
    g_byte_array_set_size (out, 0);
    g_byte_array_append (out, data, body);
  }
  g_byte_array_append (out, data + body,
      header->info.size - header->info.header_size);
}

gboolean
alitra_packet_trim (const guint8 * data, gsize size, guint layers,
    GByteArray * out, GError ** error)
{
  AlitraPacketHeader header;

  g_return_val_if_fail (data || size == 0, FALSE);
  g_return_val_if_fail (layers >= 1 && out, FALSE);

  if (!read_header (&header, data, size, error))
    return FALSE;
  if (header.info.size != size) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "Expected a whole packet of %" G_GSIZE_FORMAT " bytes, got %"
        G_GSIZE_FORMAT
        "; put alitraparse before this to get one packet a buffer",
        header.info.size, size);
    return FALSE;
  }
  write_first_layers (&header, data, layers, out);
  return TRUE;
}

/* How many layers of the packet end within its first bytes. */
static guint
count_whole_layers (const AlitraPacketHeader * header, gsize size)
{
  gsize at = header->info.header_size;

  for (guint layer = 0; layer < header->info.layers; layer++) {
    const guint32 *chunks = &header->chunk_size[layer * header->info.slices];

    for (guint slice = 0; slice < header->info.slices; slice++)
      at += alitra_packet_chunk_bytes (chunks[slice]);
    if (at > size)
      return layer;
  }
  return header->info.layers;
}

gboolean
alitra_packet_salvage (const guint8 * data, gsize size, GByteArray * out,
    GError ** error)
{
  AlitraPacketHeader header;
  guint layers;

  g_return_val_if_fail (data || size == 0, FALSE);
  g_return_val_if_fail (out, FALSE);

  if (!read_header (&header, data, size, error))
    return FALSE;
  layers = count_whole_layers (&header, size);
  if (layers == 0) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_PACKET_INVALID,
        "Expected the first layer of a token packet, got %" G_GSIZE_FORMAT
        " of the packet's %" G_GSIZE_FORMAT
        " bytes; skip to the next key packet", size, header.info.size);
    return FALSE;
  }
  write_first_layers (&header, data, layers, out);
  return TRUE;
}

gboolean
alitra_packet_mark_lost (const guint8 * data, gsize size, const guint8 * lost,
    GByteArray * out, GError ** error)
{
  AlitraPacketHeader header;

  g_return_val_if_fail (data || size == 0, FALSE);
  g_return_val_if_fail (lost && out, FALSE);

  if (!read_header (&header, data, size, error))
    return FALSE;
  for (guint i = 0; i < header.info.layers * header.info.slices; i++) {
    if (header.chunk_size[i] > 0 && lost[i])
      header.chunk_size[i] = ALITRA_PACKET_CHUNK_LOST;
  }
  alitra_packet_header_write (&header, out);
  return TRUE;
}

void
alitra_packet_write_lost (const AlitraPacketInfo * info, GByteArray * out)
{
  AlitraPacketHeader header = { {0,}, };

  g_return_if_fail (info && out);
  g_return_if_fail (info->slices >= 1
      && info->slices <= ALITRA_PACKET_MAX_SLICES);

  header.info.frame_number = info->frame_number;
  header.info.pts = info->pts;
  header.info.model = info->model;
  header.info.slices = info->slices;
  header.info.layers = 1;
  header.levels[0] = (1 << ALITRA_LEVELS) - 1;
  for (guint i = 0; i < info->slices; i++)
    header.chunk_size[i] = ALITRA_PACKET_CHUNK_LOST;
  alitra_packet_header_write (&header, out);
}

gboolean
alitra_packet_check_rates (const AlitraStreamInfo * info, GError ** error)
{
  if (info->fps_n > G_MAXINT32 || info->fps_d < 1 || info->fps_d > G_MAXINT32
      || info->par_n < 1 || info->par_n > G_MAXINT32 || info->par_d < 1
      || info->par_d > G_MAXINT32) {
    g_set_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a frame rate and a pixel aspect ratio of 31-bit numbers, all but the rate's first at least 1, got %u/%u and %u/%u: 0/1 and 1/1 say unknown",
        info->fps_n, info->fps_d, info->par_n, info->par_d);
    return FALSE;
  }
  return TRUE;
}
