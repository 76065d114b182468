/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "selftest.h"

#include <math.h>
#include <string.h>

#include "rawvideo.h"

#define WIDTH 320
#define HEIGHT 240
#define FRAMES 8
#define FEW_TOKENS 150
#define MANY_TOKENS 900

/* A stream from frames to packets and back to frames. */
typedef struct
{
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  AlitraSettings settings;
  AlitraFrameStats stats;
  RawPicture source, rebuilt;
  GByteArray *packet;
} Loop;

/* What a run over the scene came to. */
typedef struct
{
  GChecksum *packets;           /* of all bytes */
  gboolean alike;               /* memories of both ends after each packet */
  gdouble psnr;                 /* of luma, of the last frame */
  guint most_tokens;            /* of a frame */
} Run;

/* ---- the scene ---- */

/* A slope, a disc with rings that moves over it, and a corner of noise: calm, busy, moving and still. */
static guint
luma_at (guint x, guint y, guint width, guint height, guint time)
{
  const gdouble dx = x - width * (.3 + .01 * time);
  const gdouble dy = y - height * .45;
  const gdouble radius = sqrt (dx * dx + dy * dy);

  if (radius < height * .25)
    return 126. + 80. * cos (radius * 24. / height + .1 * time);
  if (x > width * 3 / 4 && y > height * 3 / 4)
    return 60 + ((x / 2 * 2654435761u ^ y / 2 * 40503u) >> 13 & 127);
  return 40 + 120 * (x + y) / (width + height);
}

static void
draw_scene (RawPicture * picture, guint time)
{
  AlitraFrame *frame = &picture->frame;

  for (guint y = 0; y < frame->height; y++) {
    for (guint x = 0; x < frame->width; x++)
      frame->data[0][y * frame->stride[0] + x] =
          luma_at (x, y, frame->width, frame->height, time);
  }
  for (guint y = 0; y < (frame->height + 1) / 2; y++) {
    for (guint x = 0; x < (frame->width + 1) / 2; x++) {
      frame->data[1][y * frame->stride[1] + x] = 108 + 40 * x / frame->width;
      frame->data[2][y * frame->stride[2] + x] = 148 - 40 * y / frame->height;
    }
  }
}

/* ---- one stream ---- */

static gboolean
loop_init (Loop * loop, AlitraModel * model, guint width, guint height,
    guint threads, guint tokens, GError ** error)
{
  const AlitraStreamInfo info = { width, height, 25, 1, 1, 1, {0, 6, 6, 6} };

  memset (loop, 0, sizeof (*loop));
  raw_picture_init (&loop->source, ALITRA_PIXEL_I420, width, height, FALSE);
  raw_picture_init (&loop->rebuilt, ALITRA_PIXEL_I420, width, height, FALSE);
  loop->packet = g_byte_array_new ();
  alitra_settings_init (&loop->settings);
  loop->settings.target_tokens = tokens;
  loop->detokenizer = alitra_detokenizer_new (model, threads);
  loop->tokenizer = alitra_tokenizer_new (model, &info, threads, error);
  return loop->tokenizer != NULL;
}

static void
loop_clear (Loop * loop)
{
  alitra_tokenizer_free (loop->tokenizer);
  alitra_detokenizer_free (loop->detokenizer);
  raw_picture_clear (&loop->source);
  raw_picture_clear (&loop->rebuilt);
  g_byte_array_unref (loop->packet);
}

static gboolean
loop_encode (Loop * loop, GError ** error)
{
  return alitra_tokenizer_encode (loop->tokenizer, &loop->source.frame,
      &loop->settings, FALSE, ALITRA_PACKET_NO_PTS, loop->packet, &loop->stats,
      error);
}

static gboolean
loop_decode (Loop * loop, GError ** error)
{
  return alitra_detokenizer_decode (loop->detokenizer, loop->packet->data,
      loop->packet->len, error)
      && alitra_detokenizer_render (loop->detokenizer, 0, &loop->rebuilt.frame,
      error);
}

static gboolean
loop_is_alike (const Loop * loop)
{
  return alitra_memory_get_checksum (alitra_tokenizer_get_memory
      (loop->tokenizer)) ==
      alitra_memory_get_checksum (alitra_detokenizer_get_memory
      (loop->detokenizer));
}

/* ---- promises ---- */

static gboolean
run_scene (AlitraModel * model, guint threads, guint tokens, Run * run,
    GError ** error)
{
  Loop loop;
  gboolean done = loop_init (&loop, model, WIDTH, HEIGHT, threads, tokens,
      error);

  run->packets = g_checksum_new (G_CHECKSUM_SHA256);
  run->alike = TRUE;
  run->most_tokens = 0;
  for (guint time = 0; done && time < FRAMES; time++) {
    draw_scene (&loop.source, time);
    done = loop_encode (&loop, error) && loop_decode (&loop, error);
    g_checksum_update (run->packets, loop.packet->data, loop.packet->len);
    run->alike = run->alike && loop_is_alike (&loop);
    run->most_tokens = MAX (run->most_tokens, loop.stats.tokens);
  }
  run->psnr = done ? raw_picture_psnr (&loop.source, &loop.rebuilt) : 0.;
  loop_clear (&loop);
  return done;
}

/* PSNR of the last frame against nothing but its mean. */
static gdouble
psnr_of_grey (void)
{
  RawPicture source, grey;
  const gsize pixels = WIDTH * HEIGHT;
  gdouble sum = 0., psnr;

  raw_picture_init (&source, ALITRA_PIXEL_I420, WIDTH, HEIGHT, FALSE);
  raw_picture_init (&grey, ALITRA_PIXEL_I420, WIDTH, HEIGHT, FALSE);
  draw_scene (&source, FRAMES - 1);
  for (gsize i = 0; i < pixels; i++)
    sum += source.bytes[i];
  memset (grey.bytes, sum / pixels + .5, pixels);
  psnr = raw_picture_psnr (&source, &grey);
  raw_picture_clear (&source);
  raw_picture_clear (&grey);
  return psnr;
}

/* A packet with one wrong bit must not be taken for a sound one. */
static gboolean
notices_damage (AlitraModel * model, GError ** error)
{
  Loop loop;
  gboolean done = loop_init (&loop, model, WIDTH, HEIGHT, 1, FEW_TOKENS, error);
  gboolean noticed = FALSE;
  AlitraLoss loss;

  if (done) {
    draw_scene (&loop.source, 0);
    done = loop_encode (&loop, error);
  }
  if (done) {
    loop.packet->data[loop.packet->len / 2] ^= 16;
    noticed = !alitra_detokenizer_decode (loop.detokenizer, loop.packet->data,
        loop.packet->len, NULL);
    alitra_detokenizer_get_loss (loop.detokenizer, &loss);
    noticed = noticed || loss.cells > 0;
  }
  loop_clear (&loop);
  return noticed;
}

static void
result_free (gpointer data)
{
  SelfTestResult *result = data;

  g_free (result->details);
  g_free (result);
}

static void
G_GNUC_PRINTF (4, 5)
add (GPtrArray * results, const gchar * promise, gboolean kept,
    const gchar * format, ...)
{
  SelfTestResult *result = g_new0 (SelfTestResult, 1);
  va_list args;

  va_start (args, format);
  result->promise = promise;
  result->kept = kept;
  result->details = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (results, result);
}

static void
compare (GPtrArray * results, const Run * one, const Run * all,
    const Run * many)
{
  const gdouble grey = psnr_of_grey ();

  add (results, "both ends hold the same tokens", one->alike && all->alike
      && many->alike, "%d frames, three times", FRAMES);
  add (results, "any number of threads gives the same bytes",
      strcmp (g_checksum_get_string (one->packets),
          g_checksum_get_string (all->packets)) == 0, "SHA-256 %.12s, %.12s",
      g_checksum_get_string (one->packets),
      g_checksum_get_string (all->packets));
  add (results, "frames keep to their budget", one->most_tokens <= FEW_TOKENS
      && many->most_tokens <= MANY_TOKENS, "%u of %d and %u of %d tokens",
      one->most_tokens, FEW_TOKENS, many->most_tokens, MANY_TOKENS);
  add (results, "tokens describe the picture", one->psnr > grey + 3.,
      "PSNR %.1f dB with %u tokens, %.1f dB with none", one->psnr,
      one->most_tokens, grey);
  add (results, "more tokens describe it better", many->psnr > one->psnr + 1.,
      "PSNR %.1f dB with %u tokens", many->psnr, many->most_tokens);
}

GPtrArray *
self_test_promises (AlitraModel * model)
{
  GPtrArray *results = g_ptr_array_new_with_free_func (result_free);
  g_autoptr (GError) error = NULL;
  Run one = { NULL, }, all = { NULL, }, many = { NULL, };

  if (run_scene (model, 1, FEW_TOKENS, &one, &error)
      && run_scene (model, 0, FEW_TOKENS, &all, &error)
      && run_scene (model, 0, MANY_TOKENS, &many, &error))
    compare (results, &one, &all, &many);
  if (!error)
    add (results, "damage is noticed", notices_damage (model, &error),
        "one wrong bit");
  if (error)
    add (results, "a scene goes there and back", FALSE, "%s", error->message);
  g_clear_pointer (&one.packets, g_checksum_free);
  g_clear_pointer (&all.packets, g_checksum_free);
  g_clear_pointer (&many.packets, g_checksum_free);
  return results;
}

/* ---- speed ---- */

gboolean
self_test_speed (AlitraModel * model, gdouble seconds, SelfTestSpeed * speed,
    GError ** error)
{
  const guint patches =
      ((speed->width + 15) / 16) * ((speed->height + 15) / 16);
  const gint64 end = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  gint64 encode = 0, decode = 0, at;
  Loop loop;
  gboolean done = loop_init (&loop, model, speed->width, speed->height,
      speed->threads, MAX (patches * 2 / 5, 1), error);
  guint time = 0;

  /* The first frame searches for its price and has nothing to keep. */
  for (; done && (time < 2 || g_get_monotonic_time () < end); time++) {
    draw_scene (&loop.source, time);
    at = g_get_monotonic_time ();
    done = loop_encode (&loop, error);
    encode += time > 0 ? g_get_monotonic_time () - at : 0;
    at = g_get_monotonic_time ();
    done = done && loop_decode (&loop, error);
    decode += time > 0 ? g_get_monotonic_time () - at : 0;
  }
  loop_clear (&loop);
  if (!done)
    return FALSE;
  speed->frames = time - 1;
  speed->encode = encode / (gdouble) G_USEC_PER_SEC / speed->frames;
  speed->decode = decode / (gdouble) G_USEC_PER_SEC / speed->frames;
  return TRUE;
}
