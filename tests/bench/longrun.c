/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A small clip again and again: memory must stay flat, and the last loop must be as the second, token for token.
 *
 * usage: longrun FRAMES [LOOP [WIDTH HEIGHT [FILE]]]
 * FILE holds LOOP raw I420 frames without padding; without it they are drawn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check/drawing.h"

/* Kilobytes that the process may grow by after the second loop: what an allocator may keep for itself. */
#define SLACK_KB 1024

typedef struct
{
  guint64 tokens, new_tokens, bits;
  gdouble psnr;                 /* sum of the frames' */
  glong resident;               /* kB when the loop ended */
} Loop;

static glong
resident_kb (void)
{
  glong pages = 0;
  FILE *file = fopen ("/proc/self/statm", "r");

  if (!file)
    return 0;
  if (fscanf (file, "%*s %ld", &pages) != 1)
    pages = 0;
  fclose (file);
  return pages * 4;
}

static void
read_frames (TestPicture ** frames, guint n, const gchar * path)
{
  FILE *file = fopen (path, "rb");

  for (guint i = 0; file && i < n; i++)
    if (fread (frames[i]->data, 1, frames[i]->size, file) != frames[i]->size) {
      fprintf (stderr, "Expected %u frames of %" G_GSIZE_FORMAT
          " bytes in %s, got fewer\n", n, frames[i]->size, path);
      exit (EXIT_FAILURE);
    }
  if (!file) {
    fprintf (stderr, "%s cannot be read\n", path);
    exit (EXIT_FAILURE);
  }
  fclose (file);
}

/* The scene moves there and back, so that a loop is no cut, and stands still for half of the time. */
static TestPicture **
make_frames (guint n, guint width, guint height, const gchar * path)
{
  TestPicture **frames = g_new0 (TestPicture *, n);

  for (guint i = 0; i < n; i++) {
    frames[i] = test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
    if (!path)
      test_picture_draw_scene (frames[i], i < n / 4 ? i : i < n / 2 ?
          n / 2 - i : 0);
  }
  if (path)
    read_frames (frames, n, path);
  return frames;
}

static Loop
run_loop (TestStream * stream, TestPicture ** frames, guint n,
    const AlitraSettings * settings)
{
  Loop loop = { 0 };

  for (guint i = 0; i < n; i++) {
    test_stream_frame (stream, frames[i], settings, FALSE);
    loop.tokens += stream->stats.tokens;
    loop.new_tokens += stream->stats.new_tokens;
    loop.bits += stream->stats.bits;
    loop.psnr += test_picture_psnr_luma (frames[i], stream->shown);
  }
  loop.resident = resident_kb ();
  return loop;
}

static void
print_loop (const gchar * which, const Loop * loop, guint frames)
{
  printf ("%-8s %9" G_GUINT64_FORMAT " tokens, %8" G_GUINT64_FORMAT " new, "
      "%9" G_GUINT64_FORMAT " bits, PSNR-Y %.4f dB, resident %ld kB\n", which,
      loop->tokens, loop->new_tokens, loop->bits, loop->psnr / frames,
      loop->resident);
  fflush (stdout);
}

static gboolean
same (const Loop * a, const Loop * b)
{
  return a->tokens == b->tokens && a->new_tokens == b->new_tokens
      && a->bits == b->bits && a->psnr == b->psnr;
}

static guint
argument (int argc, char **argv, int at, guint otherwise)
{
  return argc > at ? (guint) strtoul (argv[at], NULL, 10) : otherwise;
}

int
main (int argc, char **argv)
{
  const guint frames = argument (argc, argv, 1, 0);
  const guint length = argument (argc, argv, 2, 100);
  const guint width = argument (argc, argv, 3, 176);
  const guint height = argument (argc, argv, 4, 144);
  const guint loops = length ? frames / length : 0;
  AlitraModel *model;
  AlitraSettings settings;
  TestPicture **clip;
  TestStream *stream;
  Loop second = { 0 }, last = { 0 };
  gboolean flat, equal;

  if (loops < 3 || width < 1 || height < 1) {
    fprintf (stderr, "usage: longrun FRAMES [LOOP [WIDTH HEIGHT [FILE]]], "
        "at least three loops\n");
    return EXIT_FAILURE;
  }
  model = test_model ();
  alitra_settings_init (&settings);
  settings.key_interval = length;
  stream = test_stream_new (model, width, height, 1);
  clip = make_frames (length, width, height, argc > 5 ? argv[5] : NULL);
  for (guint i = 0; i < loops; i++) {
    last = run_loop (stream, clip, length, &settings);
    if (i == 1)
      second = last;
    if (i < 3 || i % 20 == 0)
      print_loop (i == 1 ? "second" : "", &last, length);
  }
  print_loop ("last", &last, length);
  flat = last.resident <= second.resident + SLACK_KB;
  equal = same (&last, &second);
  printf ("%s: %u frames: %+ld kB since the second loop, at most %d\n",
      flat ? "reached" : "MISSED", loops * length,
      last.resident - second.resident, SLACK_KB);
  printf ("%s: the last loop %s the second\n", equal ? "reached" : "MISSED",
      equal ? "equals" : "differs from");
  for (guint i = 0; i < length; i++)
    test_picture_free (clip[i]);
  g_free (clip);
  test_stream_free (stream);
  alitra_model_unref (model);
  return flat && equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
