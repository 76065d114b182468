/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How much memory a tokenizer and its model hold while a scene moves, cuts and stands still, and under a limit or not, and
 * how much a detokenizer and its model that follow it:
 *   memory [WIDTH HEIGHT [THREADS [LIMIT_MB [MODEL]]]]
 * What counts are the pages of the process that no file backs, less those that it had before. */
#include <stdio.h>
#include <stdlib.h>

#include "../check/drawing.h"
#include "../check/resident.h"

#define FRAMES 10

/* -1: it went wrong, and says why. */
static glong
most_of_encoder (AlitraModel * model, TestPicture ** frames, guint threads,
    const AlitraSettings * settings, GPtrArray * packets)
{
  const AlitraStreamInfo info =
      { frames[0]->frame.width, frames[0]->frame.height, 25, 1, 1, 1,
    {1, 2, 2, 2}
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraTokenizer) tokenizer =
      alitra_tokenizer_new (model, &info, threads, &error);
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  glong most = 0;

  for (guint i = 0; tokenizer && i < FRAMES; i++) {
    AlitraFrameStats stats;

    if (!alitra_tokenizer_encode (tokenizer, &frames[MIN (i,
                    FRAMES - 3)]->frame, settings, FALSE, ALITRA_PACKET_NO_PTS,
            packet, &stats, &error))
      break;
    most = MAX (most, test_resident_kb ());
    g_ptr_array_add (packets, g_bytes_new (packet->data, packet->len));
  }
  if (error)
    fprintf (stderr, "%s\n", error->message);
  return error ? -1 : most;
}

static glong
most_of_decoder (AlitraModel * model, const AlitraFrame * room, guint threads,
    GPtrArray * packets)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraDetokenizer) detokenizer =
      alitra_detokenizer_new (model, threads);
  glong most = 0;

  for (guint i = 0; !error && i < packets->len; i++) {
    gsize size;
    const guint8 *data =
        g_bytes_get_data (g_ptr_array_index (packets, i), &size);

    if (alitra_detokenizer_decode (detokenizer, data, size, &error))
      alitra_detokenizer_render (detokenizer, 0, room, &error);
    most = MAX (most, test_resident_kb ());
  }
  if (error)
    fprintf (stderr, "%s\n", error->message);
  return error ? -1 : most;
}

int
main (int argc, char **argv)
{
  const guint width = argc > 2 ? atoi (argv[1]) : 1920, height =
      argc > 2 ? atoi (argv[2]) : 1080, threads = argc > 3 ? atoi (argv[3]) : 2;
  const gdouble limit = argc > 4 ? atof (argv[4]) : 0;
  g_autoptr (AlitraModel) model = NULL;
  g_autoptr (GError) error = NULL;
  TestPicture *frames[FRAMES], *shown;
  AlitraSettings settings;
  gdouble most = 0;
  glong before;

  if (test_resident_kb () < 0) {
    printf ("this system does not say how much memory a process holds\n");
    return 77;
  }
  for (guint i = 0; i < FRAMES; i++) {
    frames[i] = test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
    test_picture_draw_scene (frames[i], i == 4 ? 40 : i);
  }
  shown = test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
  before = test_resident_kb ();
  model = alitra_model_load (argc > 5 ? argv[5] : NULL, &error);
  if (!model) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  alitra_settings_init (&settings);
  for (guint budget = 0; budget < 2; budget++) {
    g_autoptr (GPtrArray) packets =
        g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    glong kb[2];

    settings.target_tokens = budget * width * height / 256 * 2 / 5;
    kb[0] = most_of_encoder (model, frames, threads, &settings, packets);
    kb[1] = most_of_decoder (model, &shown->frame, threads, packets);
    if (kb[0] < 0 || kb[1] < 0)
      return 1;
    printf ("%ux%u, %u thread(s), %s: %.1f MB, to decode it %.1f MB\n", width,
        height, threads, budget ? "target-tokens" : "quality",
        (kb[0] - before) / 1024., (kb[1] - before) / 1024.);
    most = MAX (most, (MAX (kb[0], kb[1]) - before) / 1024.);
  }
  test_picture_free (shown);
  for (guint i = 0; i < FRAMES; i++)
    test_picture_free (frames[i]);
  return limit > 0 && most > limit;
}
