/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_RANGECODER_H
#define ALITRA_SRC_RANGECODER_H

#include <glib.h>

G_BEGIN_DECLS

/* Probability of a 1, learned while coding: the mean of a fast and a slow estimate, in 65536ths. */
typedef struct
{
  guint16 fast, slow;
} AlitraContext;

typedef struct
{
  GByteArray *out;              /* bytes are appended */
  gsize start;                  /* where this run began in it */
  gsize shifts;                 /* bytes shifted out of `low` */
  guint64 low;
  guint32 range;
  guint8 held;                  /* byte that a carry may still change … */
  gsize held_count;             /* … counted with the 0xFF behind it */
  gboolean leading;             /* nothing was written yet */
} AlitraRangeEncoder;

typedef struct
{
  const guint8 *data;
  gsize size;
  gsize taken;                  /* bytes shifted in, counting the zeros read behind the end */
  guint32 range, code;
  gboolean bad;                 /* a number was out of its bounds */
} AlitraRangeDecoder;

/* The probability 1 / (1 + exp (-v / 8)); v is limited to -48 .. 48. */
void alitra_context_init (AlitraContext * context, gint v);

void alitra_range_encoder_start (AlitraRangeEncoder * coder, GByteArray * out);
void alitra_range_encode_bit (AlitraRangeEncoder * coder, AlitraContext * context, gboolean bit);
void alitra_range_encode_uniform (AlitraRangeEncoder * coder, guint value, guint n);
/* A symbol that has those of `total` shares, at most 2^24, that follow the first `before`. */
void alitra_range_encode_share (AlitraRangeEncoder * coder, guint32 before, guint32 share, guint32 total);
void alitra_range_encoder_finish (AlitraRangeEncoder * coder);

void alitra_range_decoder_start (AlitraRangeDecoder * coder, const guint8 * data, gsize size);
gboolean alitra_range_decode_bit (AlitraRangeDecoder * coder, AlitraContext * context);
guint alitra_range_decode_uniform (AlitraRangeDecoder * coder, guint n);
/* Which of `total` shares the next symbol has; alitra_range_decoder_take() with those of the symbol must follow. */
guint32 alitra_range_decode_share (AlitraRangeDecoder * coder, guint32 total);
void alitra_range_decoder_take (AlitraRangeDecoder * coder, guint32 before, guint32 share);
/* FALSE: more was read than any encoder writes, or a number was out of its bounds: no use going on. */
gboolean alitra_range_decoder_is_sound (const AlitraRangeDecoder * coder);
/* FALSE: the bytes were damaged, or there are some left over. */
gboolean alitra_range_decoder_finish (const AlitraRangeDecoder * coder);

G_END_DECLS

#endif
