/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "idtable.h"

#include <math.h>

/* Steps of an eighth of an octave from the likeliest class to the least likely one that is told apart. */
#define STEPS 88

/* max (1, 2048 * 2^(-d / 8)), rounded, for d = 0 .. STEPS: section 4 of docs/token-stream.md */
static const guint16 share_of[STEPS + 1] = {
  2048, 1878, 1722, 1579, 1448, 1328, 1218, 1117, 1024, 939, 861, 790,
  724, 664, 609, 558, 512, 470, 431, 395, 362, 332, 304, 279,
  256, 235, 215, 197, 181, 166, 152, 140, 128, 117, 108, 99,
  91, 83, 76, 70, 64, 59, 54, 49, 45, 41, 38, 35,
  32, 29, 27, 25, 23, 21, 19, 17, 16, 15, 13, 12,
  11, 10, 10, 9, 8, 7, 7, 6, 6, 5, 5, 4,
  4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2,
  1, 1, 1, 1, 1
};

/* Shares of the classes: class k has those from before[k] to before[k + 1] of all. */
typedef struct
{
  guint32 before[ALITRA_ID_CLASSES + 1];
} Shares;

static gboolean
take_numbers (const float *from, gsize n, gint least, gint most, gint * to)
{
  for (gsize i = 0; i < n; i++) {
    if (!(from[i] >= least && from[i] <= most) || from[i] != floorf (from[i]))
      return FALSE;
    to[i] = from[i];
  }
  return TRUE;
}

AlitraIdTable *
alitra_id_table_new (guint codes, const float *rows, const float *weights)
{
  AlitraIdTable *table = g_new0 (AlitraIdTable, 1);

  table->codes = codes;
  table->width = (codes + ALITRA_ID_CLASSES - 1) / ALITRA_ID_CLASSES;
  table->before = g_new0 (guint32, codes + 1);
  for (guint r = 0; r < ALITRA_ID_ROWS; r++) {
    gint row[ALITRA_ID_CLASSES];

    if (!take_numbers (rows + r * ALITRA_ID_CLASSES, ALITRA_ID_CLASSES,
            G_MININT8, G_MAXINT8, row))
      goto fail;
    for (guint k = 0; k < ALITRA_ID_CLASSES; k++)
      table->row[r][k] = row[k];
  }
  for (guint i = 0; i < codes; i++) {
    gint weight;

    if (!take_numbers (weights + i, 1, 1, ALITRA_ID_MOST_WEIGHT, &weight))
      goto fail;
    table->before[i + 1] = table->before[i] + weight;
  }
  return table;

fail:
  alitra_id_table_free (table);
  return NULL;
}

void
alitra_id_table_free (AlitraIdTable * table)
{
  if (!table)
    return;
  g_free (table->before);
  g_free (table);
}

static inline guint
first_of_class (const AlitraIdTable * table, guint class)
{
  return MIN (class * table->width, table->codes);
}

static void
find_shares (const AlitraIdTable * table, const guint8 near[ALITRA_ID_NEAR],
    Shares * shares)
{
  const guint classes = (table->codes + table->width - 1) / table->width;
  const gint8 *row[1 + ALITRA_ID_NEAR];
  gint16 sum[ALITRA_ID_CLASSES], most = G_MININT16;

  row[0] = table->row[0];
  for (guint n = 0; n < ALITRA_ID_NEAR; n++)
    row[1 + n] = table->row[1 + n * ALITRA_ID_KNOWN + near[n]];
  for (guint k = 0; k < ALITRA_ID_CLASSES; k++)
    sum[k] = row[0][k] + row[1][k] + row[2][k] + row[3][k];
  for (guint k = 0; k < classes; k++)
    most = MAX (most, sum[k]);
  shares->before[0] = 0;
  for (guint k = 0; k < classes; k++)
    shares->before[k + 1] = shares->before[k]
        + share_of[MIN (most - sum[k], STEPS)];
  for (guint k = classes; k < ALITRA_ID_CLASSES; k++)
    shares->before[k + 1] = shares->before[k];
}

/* Index of the last of n + 1 rising numbers that is not above `value`: at least the first is not, and the last one is. */
static guint
find_last (const guint32 * numbers, guint n, guint32 value)
{
  guint low = 0, high = n;

  while (high - low > 1) {
    const guint middle = (low + high) / 2;

    if (numbers[middle] <= value)
      low = middle;
    else
      high = middle;
  }
  return low;
}

void
alitra_id_table_encode (const AlitraIdTable * table,
    const guint8 near[ALITRA_ID_NEAR], guint id, AlitraRangeEncoder * encoder)
{
  const guint class = alitra_id_table_class (table, id);
  const guint first = first_of_class (table, class);
  const guint end = first_of_class (table, class + 1);
  const guint32 *before = table->before;
  Shares shares;

  find_shares (table, near, &shares);
  alitra_range_encode_share (encoder, shares.before[class],
      shares.before[class + 1] - shares.before[class],
      shares.before[ALITRA_ID_CLASSES]);
  alitra_range_encode_share (encoder, before[id] - before[first],
      before[id + 1] - before[id], before[end] - before[first]);
}

guint
alitra_id_table_decode (const AlitraIdTable * table,
    const guint8 near[ALITRA_ID_NEAR], AlitraRangeDecoder * decoder)
{
  const guint32 *before = table->before;
  guint class, first, end, id;
  Shares shares;

  find_shares (table, near, &shares);
  class = find_last (shares.before, ALITRA_ID_CLASSES,
      alitra_range_decode_share (decoder, shares.before[ALITRA_ID_CLASSES]));
  alitra_range_decoder_take (decoder, shares.before[class],
      shares.before[class + 1] - shares.before[class]);
  first = first_of_class (table, class);
  end = first_of_class (table, class + 1);
  id = first + find_last (before + first, end - first, before[first]
      + alitra_range_decode_share (decoder, before[end] - before[first]));
  alitra_range_decoder_take (decoder, before[id] - before[first],
      before[id + 1] - before[id]);
  return id;
}
