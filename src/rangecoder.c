/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rangecoder.h"

/* Entropy coding as in section 4 of docs/token-stream.md: a range coder with carry, after LZMA's. */

#define TOP (1u << 24)
#define FAST_RATE 4
#define SLOW_RATE 7
#define LOOKAHEAD 4
#define LIMIT 48

/* 65536 / (1 + exp (-v / 8)), rounded, for v = 0 .. LIMIT */
static const guint16 logistic[LIMIT + 1] = {
  32768, 34813, 36843, 38841, 40793, 42687, 44511, 46254, 47911, 49474, 50941,
  52310,
  53581, 54754, 55834, 56822, 57724, 58544, 59287, 59959, 60565, 61109, 61598,
  62036,
  62428, 62778, 63090, 63368, 63615, 63835, 64030, 64203, 64357, 64494, 64614,
  64721,
  64816, 64900, 64974, 65039, 65097, 65149, 65194, 65234, 65269, 65300, 65328,
  65352,
  65374
};

void
alitra_context_init (AlitraContext * context, gint v)
{
  guint p =
      v >= 0 ? logistic[MIN (v, LIMIT)] : 65536 - logistic[MIN (-v, LIMIT)];

  context->fast = context->slow = p;
}

static inline guint
probability (const AlitraContext * context)
{
  return (context->fast + context->slow) >> 1;
}

static inline void
learn (AlitraContext * context, gboolean bit)
{
  if (bit) {
    context->fast += (65536 - context->fast) >> FAST_RATE;
    context->slow += (65536 - context->slow) >> SLOW_RATE;
  } else {
    context->fast -= context->fast >> FAST_RATE;
    context->slow -= context->slow >> SLOW_RATE;
  }
}

void
alitra_range_encoder_start (AlitraRangeEncoder * coder, GByteArray * out)
{
  coder->out = out;
  coder->start = out->len;
  coder->shifts = 0;
  coder->low = 0;
  coder->range = G_MAXUINT32;
  coder->held = 0;
  coder->held_count = 1;
  coder->leading = TRUE;
}

static void
shift_out (AlitraRangeEncoder * coder)
{
  guint carry = coder->low >> 32;

  if ((guint32) coder->low < 0xFF000000 || carry) {
    guint8 byte = coder->held + carry;

    for (; coder->held_count > 0; coder->held_count--) {
      /* The very first byte is always 0, so it is left out. */
      if (coder->leading)
        coder->leading = FALSE;
      else
        g_byte_array_append (coder->out, &byte, 1);
      byte = 0xFF + carry;
    }
    coder->held = coder->low >> 24;
  }
  coder->held_count++;
  coder->low = (coder->low & 0x00FFFFFF) << 8;
  coder->shifts++;
}

static inline void
normalise_encoder (AlitraRangeEncoder * coder)
{
  while (coder->range < TOP) {
    coder->range <<= 8;
    shift_out (coder);
  }
}

void
alitra_range_encode_bit (AlitraRangeEncoder * coder, AlitraContext * context,
    gboolean bit)
{
  guint32 bound = (coder->range >> 16) * probability (context);

  if (bit) {
    coder->range = bound;
  } else {
    coder->low += bound;
    coder->range -= bound;
  }
  learn (context, bit);
  normalise_encoder (coder);
}

void
alitra_range_encode_uniform (AlitraRangeEncoder * coder, guint value, guint n)
{
  g_assert (value < n && n <= 65536);

  alitra_range_encode_share (coder, value, 1, n);
}

void
alitra_range_encode_share (AlitraRangeEncoder * coder, guint32 before,
    guint32 share, guint32 total)
{
  coder->range /= total;
  coder->low += (guint64) before *coder->range;
  coder->range *= share;
  normalise_encoder (coder);
}

/* Of all numbers that lead the decoder the same way, the one with the most zeros at the end. */
static guint64
shortest (guint64 low, guint32 range)
{
  for (guint zeros = 32;; zeros--) {
    guint64 mask = (G_GUINT64_CONSTANT (1) << zeros) - 1;
    guint64 value = (low + mask) & ~mask;

    if (value < low + range)
      return value;
  }
}

void
alitra_range_encoder_finish (AlitraRangeEncoder * coder)
{
  gsize least = coder->start + coder->shifts;

  coder->low = shortest (coder->low, coder->range);
  for (guint i = 0; i <= LOOKAHEAD; i++)
    shift_out (coder);
  while (coder->out->len > least && coder->out->data[coder->out->len - 1] == 0)
    g_byte_array_set_size (coder->out, coder->out->len - 1);
}

static inline void
shift_in (AlitraRangeDecoder * coder)
{
  guint8 byte = coder->taken < coder->size ? coder->data[coder->taken] : 0;

  coder->code = coder->code << 8 | byte;
  coder->taken++;
}

void
alitra_range_decoder_start (AlitraRangeDecoder * coder, const guint8 * data,
    gsize size)
{
  coder->data = data;
  coder->size = size;
  coder->taken = 0;
  coder->range = G_MAXUINT32;
  coder->code = 0;
  coder->bad = FALSE;
  for (guint i = 0; i < LOOKAHEAD; i++)
    shift_in (coder);
}

static inline void
normalise_decoder (AlitraRangeDecoder * coder)
{
  while (coder->range < TOP) {
    coder->range <<= 8;
    shift_in (coder);
  }
}

gboolean
alitra_range_decode_bit (AlitraRangeDecoder * coder, AlitraContext * context)
{
  guint32 bound = (coder->range >> 16) * probability (context);
  gboolean bit = coder->code < bound;

  if (bit) {
    coder->range = bound;
  } else {
    coder->code -= bound;
    coder->range -= bound;
  }
  learn (context, bit);
  normalise_decoder (coder);
  return bit;
}

guint
alitra_range_decode_uniform (AlitraRangeDecoder * coder, guint n)
{
  const guint value = alitra_range_decode_share (coder, n);

  alitra_range_decoder_take (coder, value, 1);
  return value;
}

guint32
alitra_range_decode_share (AlitraRangeDecoder * coder, guint32 total)
{
  guint32 value;

  coder->range /= total;
  value = coder->code / coder->range;
  if (value >= total) {
    coder->bad = TRUE;
    value = total - 1;
  }
  return value;
}

void
alitra_range_decoder_take (AlitraRangeDecoder * coder, guint32 before,
    guint32 share)
{
  coder->code -= before * coder->range;
  coder->range *= share;
  normalise_decoder (coder);
}

gboolean
alitra_range_decoder_is_sound (const AlitraRangeDecoder * coder)
{
  return !coder->bad && coder->taken <= coder->size + LOOKAHEAD;
}

gboolean
alitra_range_decoder_finish (const AlitraRangeDecoder * coder)
{
  return alitra_range_decoder_is_sound (coder) && coder->size <= coder->taken;
}
