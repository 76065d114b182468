/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "noise.h"

#include <math.h>
#include <string.h>

#include "byte-loops.h"
#include "matrix.h"

#define PATCH 16
/* Patches that are worth sharing with another thread. */
#define SHARED 64
#define HALF (PATCH / 2)
/* Of the patches, those counted: the quietest quarter decides. */
#define QUIET 4
/* More than any camera that is worth its tokens. */
#define MOST 16.f
/* Samples so near to black or white have lost their noise. */
#define DARK 20
#define BRIGHT 232
/* A detail is the sum of four differences of two noisy samples: its mean size over the deviation of one sample. */
#define DETAIL 2.2568f          /* sqrt (8) * sqrt (2 / pi) */
/* Part of the way to a higher estimate that is gone in a frame; lower ones are believed at once by half. */
#define RISE .15f
#define FALL .5f
/* Mean size of the difference of two samples with noise of deviation one, and how much it varies over a patch. */
#define MEAN_SIZE 1.1284f       /* 2 / sqrt (pi) */
#define LUMA_SPREAD .0533f
#define CHROMA_SPREAD .1066f
/* The same for the mean size of the means of 8x8 samples: four blocks of luma, one of chroma. */
#define MEAN_BLOCK .1411f
#define LUMA_BLOCK_SPREAD .0533f
#define CHROMA_BLOCK_SPREAD .1066f
/* Deviations above its mean at which noise passes for a change: of thousands of patches a frame, hardly one. */
#define GUARD 4.f

void
alitra_noise_init (AlitraNoise * noise, guint width, guint height)
{
  const guint columns = width / PATCH, rows = height / PATCH;
  const guint patches = columns * rows;
  guint i;

  memset (noise, 0, sizeof (*noise));
  noise->n = MIN (patches, ALITRA_NOISE_PATCHES);
  noise->place = g_new0 (guint32, 2 * noise->n);
  noise->luma = g_new0 (guint8, noise->n * PATCH * PATCH);
  for (i = 0; i < 2; i++)
    noise->chroma[i] = g_new0 (guint8, noise->n * HALF * HALF);
  for (i = 0; i < noise->n; i++) {
    guint patch = (guint64) i * patches / noise->n;

    noise->place[2 * i] = patch % columns * PATCH;
    noise->place[2 * i + 1] = patch / columns * PATCH;
  }
}

void
alitra_noise_clear (AlitraNoise * noise)
{
  g_free (noise->place);
  g_free (noise->luma);
  g_free (noise->chroma[0]);
  g_free (noise->chroma[1]);
  memset (noise, 0, sizeof (*noise));
}

void
alitra_noise_cut (AlitraNoise * noise)
{
  noise->frames = 0;
}

/* n x n samples, every step-th byte -> a block without gaps. */
static void
copy_block (guint8 * to, const guint8 * from, gint stride, guint step, guint n)
{
  guint x, y;

  for (y = 0; y < n; y++, from += stride) {
    if (step == 1)
      memcpy (to + y * n, from, n);
    else
      for (x = 0; x < n; x++)
        to[y * n + x] = from[x * step];
  }
}

/* Mean size of the finest diagonal detail of the difference of two blocks. */
static inline gfloat
detail_of (const guint8 * a, const guint8 * b, guint n)
{
  return alitra_matrix_get_byte_loops ()->detail (a, b, n) / (n * n / 4.f);
}

static gboolean
is_saturated (const guint8 * block)
{
  guint sum = 0, i;

  for (i = 0; i < PATCH * PATCH; i++)
    sum += block[i];
  return sum < DARK * PATCH * PATCH || sum > BRIGHT * PATCH * PATCH;
}

/* The number that would stand at `place` if they were in rising order. */
static gfloat
select_nth (gfloat * numbers, guint n, guint place)
{
  gint low = 0, high = (gint) n - 1;

  while (low < high) {
    const gfloat middle = numbers[(low + high) / 2];
    gint i = low, j = high;

    while (i <= j) {
      while (numbers[i] < middle)
        i++;
      while (numbers[j] > middle)
        j--;
      if (i <= j) {
        const gfloat t = numbers[i];

        numbers[i++] = numbers[j];
        numbers[j--] = t;
      }
    }
    if ((gint) place <= j)
      high = j;
    else if ((gint) place >= i)
      low = i;
    else
      break;
  }
  return numbers[place];
}

static void
follow (gfloat * sigma, gfloat * details, guint n, gfloat scale, gboolean first)
{
  gfloat now;

  if (n == 0)
    return;
  now = MIN (select_nth (details, n, n / QUIET) * scale / DETAIL, MOST);
  if (first)
    *sigma = now;
  else
    *sigma += (now - *sigma) * (now > *sigma ? RISE : FALL);
}

/* Chroma of patch i -> two blocks. */
static void
copy_chroma (const AlitraNoise * noise, const AlitraFrame * frame, guint i,
    guint8 * to[2])
{
  const gboolean pairs = frame->format == ALITRA_PIXEL_NV12;
  const guint x = noise->place[2 * i] / 2, y = noise->place[2 * i + 1] / 2;
  guint c;

  for (c = 0; c < 2; c++) {
    const guint plane = pairs ? 1 : 1 + c;

    copy_block (to[c], frame->data[plane] + (gssize) y * frame->stride[plane]
        + (pairs ? 2 * x + c : x), frame->stride[plane], pairs ? 2 : 1, HALF);
  }
}

typedef struct
{
  AlitraNoise *noise;
  const AlitraFrame *frame;
  gboolean known;               /* there is another frame of the format to compare with */
  gfloat luma[ALITRA_NOISE_PATCHES], chroma[ALITRA_NOISE_PATCHES];      /* luma below zero: says nothing */
} Look;

/* Patches lie far apart, in memory that no cache holds yet: the next one is asked for before its turn comes. */
static void
ask_for_patch (const AlitraNoise * noise, const AlitraFrame * frame, guint i)
{
  const guint8 *luma = frame->data[0] + (gssize) noise->place[2 * i + 1]
      * frame->stride[0] + noise->place[2 * i];
  guint y;

  for (y = 0; y < PATCH; y++)
    __builtin_prefetch (luma + (gssize) y * frame->stride[0]);
}

static void
look_at_part (gpointer data, guint first, guint end)
{
  Look *look = data;
  AlitraNoise *noise = look->noise;
  const AlitraFrame *frame = look->frame;
  const gboolean grey = frame->format == ALITRA_PIXEL_GRAY8;
  guint i, c;

  for (i = first; i < end; i++) {
    guint8 now[PATCH * PATCH], colour[2][HALF * HALF];
    guint8 *planes[2] = { colour[0], colour[1] };
    guint8 *before = noise->luma + i * PATCH * PATCH;

    if (i + 1 < end)
      ask_for_patch (noise, frame, i + 1);
    copy_block (now, frame->data[0] + (gssize) noise->place[2 * i + 1]
        * frame->stride[0] + noise->place[2 * i], frame->stride[0], 1, PATCH);
    if (!grey)
      copy_chroma (noise, frame, i, planes);
    look->luma[i] = -1.f;
    if (look->known && !is_saturated (now)) {
      look->luma[i] = detail_of (now, before, PATCH);
      look->chroma[i] = 0.f;
      for (c = 0; c < 2 && !grey; c++)
        look->chroma[i] += detail_of (colour[c], noise->chroma[c]
            + i * HALF * HALF, HALF) / 2.f;
    }
    memcpy (before, now, sizeof (now));
    for (c = 0; c < 2 && !grey; c++)
      memcpy (noise->chroma[c] + i * HALF * HALF, colour[c],
          sizeof (colour[c]));
  }
}

void
alitra_noise_update (AlitraNoise * noise, const AlitraFrame * frame,
    AlitraWorkers * workers)
{
  Look look = { noise, frame, noise->frames > 0
        && noise->format == frame->format
  };
  guint i, n = 0;

  alitra_workers_share (workers, noise->n, SHARED, look_at_part, &look);
  for (i = 0; i < noise->n; i++) {
    if (look.luma[i] < 0.f)
      continue;
    look.luma[n] = look.luma[i];
    look.chroma[n++] = look.chroma[i];
  }
  follow (&noise->luma_sigma, look.luma, n, frame->full_range ? 1.f
      : 255.f / 219.f, noise->frames < 2);
  follow (&noise->chroma_sigma, look.chroma, n, frame->full_range ? 1.f
      : 255.f / 224.f, noise->frames < 2);
  noise->format = frame->format;
  noise->frames = MIN (noise->frames + 1, 2);
}

/* Change and noise together make differences as the hypotenuse of the two. */
static gfloat
tolerate (gfloat threshold, gfloat sigma, gfloat mean, gfloat spread)
{
  return MAX (hypotf (threshold, mean * sigma),
      (mean + GUARD * spread) * sigma);
}

AlitraTolerance
alitra_noise_tolerance (const AlitraNoise * noise, gfloat threshold)
{
  const gfloat luma = noise->luma_sigma, chroma = noise->chroma_sigma;

  threshold = MAX (threshold, 0.f);
  return (AlitraTolerance) {
  tolerate (threshold, luma, MEAN_SIZE, LUMA_SPREAD),
        tolerate (threshold, luma, MEAN_BLOCK, LUMA_BLOCK_SPREAD),
        tolerate (threshold, chroma, MEAN_SIZE, CHROMA_SPREAD),
        tolerate (threshold, chroma, MEAN_BLOCK, CHROMA_BLOCK_SPREAD)};
}
