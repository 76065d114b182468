/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "benchscene.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Samples that the camera moves in a frame. */
#define PAN_X 6
#define PAN_Y 2
#define NOISE 1.5               /* standard deviation, grey levels */

gsize
scene_frame_size (const Scene * scene)
{
  return (gsize) scene->width * scene->height * 3 / 2;
}

void
scene_clear (Scene * scene)
{
  if (scene->path)
    g_unlink (scene->path);
  g_clear_pointer (&scene->path, g_free);
}

static FILE *
scene_open (Scene * scene, guint width, guint height, guint frames,
    GError ** error)
{
  gint fd = g_file_open_tmp ("alitra-bench-XXXXXX.yuv", &scene->path, error);

  scene->width = width;
  scene->height = height;
  scene->frames = frames;
  return fd < 0 ? NULL : fdopen (fd, "wb");
}

static void
no_room (GError ** error)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
      "Raw frames cannot be written to %s: %s. Give TMPDIR a folder with room",
      g_get_tmp_dir (), g_strerror (errno));
}

static gboolean
write_frame (FILE * file, const guint8 * frame, gsize size, GError ** error)
{
  if (fwrite (frame, 1, size, file) == size)
    return TRUE;
  no_room (error);
  return FALSE;
}

static gboolean
finish (FILE * file, gboolean fine, GError ** error)
{
  if (fclose (file) == 0 || !fine)
    return fine;
  no_room (error);
  return FALSE;
}

/* A disc in a picture of three planes at full size. */
static void
draw_disc (guint8 * world, guint width, guint height, gdouble x, gdouble y,
    gdouble radius, const guint8 colour[3], gdouble shade)
{
  const gsize plane = (gsize) width * height;
  const gint top = MAX (0, floor (y - radius)), bottom =
      MIN (height - 1., ceil (y + radius));
  gint i, j, c;

  for (j = top; j <= bottom; j++) {
    const gdouble half = sqrt (MAX (0., radius * radius - (j - y) * (j - y)));
    const gint from = MAX (0, ceil (x - half)), to =
        MIN (width - 1., floor (x + half));

    for (i = from; i <= to; i++) {
      const gdouble light = 1. + shade * ((i - x) + (j - y)) / radius;

      for (c = 0; c < 3; c++)
        world[c * plane + (gsize) j * width + i] =
            c ? colour[c] : CLAMP (colour[0] * light, 16., 235.);
    }
  }
}

/* Discs one over the other whose sizes follow a power law: edges and areas as photographs have them, and a fine grain. */
static guint8 *
draw_world (guint width, guint height, GRand * rand)
{
  const gsize plane = (gsize) width * height;
  const guint discs = 2000 * (width / (gdouble) height);
  guint8 *world = g_malloc (3 * plane);
  gsize i;
  guint n;

  memset (world, 128, 3 * plane);
  for (n = 0; n < discs; n++) {
    const gdouble radius =
        MIN (.012 / sqrt (g_rand_double_range (rand, 1e-4, 1.)), .5) * height;
    const guint8 colour[3] = { g_rand_int_range (rand, 30, 226),
      g_rand_int_range (rand, 98, 159), g_rand_int_range (rand, 98, 159)
    };
    const gdouble x = g_rand_double_range (rand, 0., width);
    const gdouble y = g_rand_double_range (rand, 0., height);

    draw_disc (world, width, height, x, y, radius, colour,
        g_rand_double_range (rand, -.25, .25));
  }
  for (i = 0; i < plane; i++)
    world[i] = CLAMP (world[i] + g_rand_int_range (rand, -3, 4), 16, 235);
  return world;
}

/* What the camera sees at a place of the world. */
static void
look (const guint8 * world, guint world_width, guint world_height, guint left,
    guint top, guint width, guint height, guint8 * frame)
{
  const gsize plane = (gsize) world_width * world_height;
  guint y, x, c;

  for (y = 0; y < height; y++)
    memcpy (frame + (gsize) y * width,
        world + (gsize) (top + y) * world_width + left, width);
  frame += (gsize) width *height;
  for (c = 1; c < 3; c++)
    for (y = 0; y < height / 2; y++)
      for (x = 0; x < width / 2; x++)
        *frame++ =
            world[c * plane + (gsize) (top + 2 * y) * world_width + left +
            2 * x];
}

gboolean
scene_draw_moving (Scene * scene, guint width, guint height, guint frames,
    GError ** error)
{
  const guint world_width = width + PAN_X * frames, world_height =
      height + PAN_Y * frames;
  FILE *file = scene_open (scene, width, height, frames, error);
  GRand *rand = g_rand_new_with_seed (1);
  guint8 *world, *frame = g_malloc (scene_frame_size (scene));
  gboolean fine = TRUE;
  guint i;

  world = draw_world (world_width, world_height, rand);
  for (i = 0; file && fine && i < frames; i++) {
    look (world, world_width, world_height, PAN_X * i, PAN_Y * i, width,
        height, frame);
    fine = write_frame (file, frame, scene_frame_size (scene), error);
  }
  g_rand_free (rand);
  g_free (world);
  g_free (frame);
  return file && finish (file, fine, error);
}

/* Copies a part of the frame that is a tenth of it to where it moved, with its chroma. */
static void
move_part (const guint8 * from, guint8 * to, guint width, guint height,
    guint step)
{
  const guint w = width / 4 & ~1u, h = height * 2 / 5 & ~1u;
  const guint x = width / 8 & ~1u, y = height / 4 & ~1u;
  const guint left = MIN (x + 4 * step, width - w) & ~1u;
  guint c, j;

  for (c = 0; c < 3; c++) {
    const guint half = c ? 2 : 1;
    const gsize plane = c == 0 ? 0 : (gsize) width * height
        + (c - 1) * (gsize) (width / 2) * (height / 2);

    for (j = 0; j < h / half; j++) {
      const gsize row = plane + (gsize) (y / half + j) * (width / half);

      memcpy (to + row + left / half, from + row + x / half, w / half);
    }
  }
}

static gdouble
normal (GRand * rand)
{
  gdouble sum = 0.;
  guint i;

  for (i = 0; i < 4; i++)
    sum += g_rand_double_range (rand, -1., 1.);
  return sum * .866;            /* four of a variance of a third each */
}

gboolean
scene_draw_static (Scene * scene, const Scene * moving, GError ** error)
{
  const gsize size = scene_frame_size (moving);
  const gsize luma = (gsize) moving->width * moving->height;
  GRand *rand = g_rand_new_with_seed (2);
  guint8 *first = NULL, *frame = g_malloc (size);
  gint8 *noise = g_malloc (1 << 20);
  gsize length, i;
  gboolean fine;
  FILE *file;
  guint n;

  for (i = 0; i < 1 << 20; i++)
    noise[i] = round (NOISE * normal (rand));
  fine = g_file_get_contents (moving->path, (gchar **) & first, &length, error);
  file = fine ? scene_open (scene, moving->width, moving->height,
      moving->frames, error) : NULL;
  for (n = 0; file && fine && n < scene->frames; n++) {
    const guint32 start = g_rand_int (rand);

    memcpy (frame, first, size);
    move_part (first, frame, scene->width, scene->height, n);
    for (i = 0; i < luma; i++)
      frame[i] = CLAMP (frame[i] + noise[(start + i * 7) & 0xfffff], 0, 255);
    fine = write_frame (file, frame, size, error);
  }
  g_rand_free (rand);
  g_free (first);
  g_free (frame);
  g_free (noise);
  return file && finish (file, fine, error);
}

gboolean
scene_repeat (Scene * scene, const Scene * other, GError ** error)
{
  const gsize size = scene_frame_size (other);
  guint8 *first = NULL;
  gsize length;
  gboolean fine = g_file_get_contents (other->path, (gchar **) & first, &length,
      error);
  FILE *file = fine ? scene_open (scene, other->width, other->height,
      other->frames, error) : NULL;
  guint n;

  for (n = 0; file && fine && n < scene->frames; n++)
    fine = write_frame (file, first, size, error);
  g_free (first);
  return file && finish (file, fine, error);
}

static gboolean
play_to_end (GstElement * pipeline, GError ** error)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  gst_message_unref (message);
  gst_object_unref (bus);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return !*error;
}

gboolean
scene_read_clip (Scene * scene, const gchar * clip, guint width, guint height,
    guint frames, GError ** error)
{
  FILE *file = scene_open (scene, width, height, frames, error);
  GstElement *pipeline, *source, *sink;
  GError *problem = NULL;
  g_autofree gchar *text = NULL;
  GStatBuf status;

  if (!file)
    return FALSE;
  fclose (file);
  text = g_strdup_printf ("filesrc name=source ! decodebin ! videoconvert "
      "! videoscale add-borders=false ! video/x-raw,format=I420,width=%u,"
      "height=%u,pixel-aspect-ratio=1/1 ! identity eos-after=%u "
      "! filesink name=sink", width, height, frames + 1);
  pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return FALSE;
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (source, "location", clip, NULL);
  g_object_set (sink, "location", scene->path, NULL);
  gst_object_unref (source);
  gst_object_unref (sink);
  play_to_end (pipeline, &problem);
  gst_object_unref (pipeline);
  if (problem) {
    g_propagate_prefixed_error (error, problem, "%s: ", clip);
    return FALSE;
  }
  if (g_stat (scene->path, &status) != 0
      || status.st_size < (gint64) scene_frame_size (scene) * frames) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
        "%s should have at least %u frames, got %u: ask for fewer with --frames",
        clip, frames,
        (guint) (MAX (status.st_size, 0) / scene_frame_size (scene)));
    return FALSE;
  }
  return TRUE;
}
