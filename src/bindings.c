/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What programs in C do with room of their own, for languages that would rather be given new objects. */
#include <alitra/detokenizer.h>
#include <alitra/generator.h>
#include <alitra/overlay.h>
#include <alitra/packet.h>
#include <alitra/tensor.h>
#include <alitra/tokenizer.h>

GBytes *
alitra_tokenizer_encode_bytes (AlitraTokenizer * tokenizer,
    const AlitraFrame * frame, const AlitraSettings * settings,
    gboolean force_key, guint64 pts, AlitraFrameStats * stats, GError ** error)
{
  GByteArray *packet = g_byte_array_new ();

  if (alitra_tokenizer_encode (tokenizer, frame, settings, force_key, pts,
          packet, stats, error))
    return g_byte_array_free_to_bytes (packet);
  g_byte_array_unref (packet);
  return NULL;
}

AlitraMemory *
alitra_tokenizer_dup_memory (AlitraTokenizer * tokenizer)
{
  const AlitraMemory *memory = alitra_tokenizer_get_memory (tokenizer);

  return memory ? alitra_memory_copy (memory) : NULL;
}

AlitraMemory *
alitra_detokenizer_dup_memory (AlitraDetokenizer * detokenizer)
{
  const AlitraMemory *memory = alitra_detokenizer_get_memory (detokenizer);

  return memory ? alitra_memory_copy (memory) : NULL;
}

AlitraStreamInfo *
alitra_detokenizer_dup_stream (AlitraDetokenizer * detokenizer)
{
  const AlitraStreamInfo *info = alitra_detokenizer_get_stream (detokenizer);

  return info ? alitra_stream_info_copy (info) : NULL;
}

GBytes *
alitra_packet_trim_bytes (GBytes * packet, guint layers, GError ** error)
{
  GByteArray *out;
  const guint8 *data;
  gsize size;

  g_return_val_if_fail (packet, NULL);

  data = g_bytes_get_data (packet, &size);
  out = g_byte_array_new ();
  if (alitra_packet_trim (data, size, layers, out, error))
    return g_byte_array_free_to_bytes (out);
  g_byte_array_unref (out);
  return NULL;
}

GBytes *
alitra_packet_salvage_bytes (GBytes * start, GError ** error)
{
  GByteArray *out;
  const guint8 *data;
  gsize size;

  g_return_val_if_fail (start, NULL);

  data = g_bytes_get_data (start, &size);
  out = g_byte_array_new ();
  if (alitra_packet_salvage (data, size, out, error))
    return g_byte_array_free_to_bytes (out);
  g_byte_array_unref (out);
  return NULL;
}

GBytes *
alitra_overlay_draw_bytes (const AlitraMemory * memory,
    AlitraOverlayStyle style, gdouble alpha)
{
  guint width, height;
  guint8 *bgra;

  g_return_val_if_fail (memory, NULL);

  alitra_memory_get_size (memory, &width, &height);
  bgra = g_malloc ((gsize) width * height * 4);
  alitra_overlay_draw (memory, style, alpha, bgra, width * 4, width, height);
  return g_bytes_new_take (bgra, (gsize) width * height * 4);
}

GBytes *
alitra_token_table_get_column (const AlitraTokenTable * table,
    AlitraTokenColumn column, guint count)
{
  g_return_val_if_fail (table && count <= table->capacity, NULL);
  g_return_val_if_fail (column <= ALITRA_TOKEN_COLUMN_AGES, NULL);

  switch (column) {
    case ALITRA_TOKEN_COLUMN_IDS:
      return g_bytes_new (table->ids, count * sizeof *table->ids);
    case ALITRA_TOKEN_COLUMN_LEVELS:
      return g_bytes_new (table->levels, count);
    case ALITRA_TOKEN_COLUMN_POSITIONS:
      return g_bytes_new (table->positions,
          3 * (gsize) count * sizeof *table->positions);
    case ALITRA_TOKEN_COLUMN_DEPTHS:
      return g_bytes_new (table->depths, count);
    case ALITRA_TOKEN_COLUMN_AGES:
      return g_bytes_new (table->ages, count * sizeof *table->ages);
  }
  return NULL;
}

GBytes *
alitra_token_vectors_fill_bytes (const AlitraTokenVectors * vectors,
    const AlitraTokenTable * table, guint count)
{
  gsize size;
  gfloat *out;

  g_return_val_if_fail (vectors && table && count <= table->capacity, NULL);

  size = (gsize) count *alitra_token_vectors_get_size (vectors) * sizeof *out;
  out = g_malloc0 (size);
  alitra_token_vectors_fill (vectors, table, count, out);
  return g_bytes_new_take (out, size);
}

GBytes *
alitra_generator_run_bytes (AlitraGenerator * generator,
    const AlitraGeneration * generation, guint64 pts, GError ** error)
{
  GByteArray *packet = g_byte_array_new ();

  if (alitra_generator_run (generator, generation, pts, packet, error))
    return g_byte_array_free_to_bytes (packet);
  g_byte_array_unref (packet);
  return NULL;
}

AlitraMemory *
alitra_generator_dup_memory (AlitraGenerator * generator)
{
  const AlitraMemory *memory = alitra_generator_get_memory (generator);

  return memory ? alitra_memory_copy (memory) : NULL;
}
