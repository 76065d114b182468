/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_BENCH_SCENE_H
#define ALITRA_BENCH_SCENE_H

#include <glib.h>

G_BEGIN_DECLS

/* Raw I420 frames of even width and height in a file of their own, for measurements that must not pay for making them. */
typedef struct
{
  gchar *path;                  /* removed by scene_clear() */
  guint width, height, frames;
} Scene;

/* Everything moves: a crowd of discs of all sizes and colours that the camera pans over. */
gboolean scene_draw_moving (Scene * scene, guint width, guint height, guint frames, GError ** error);
/* The first frame of `moving` with the noise of a sensor, and a tenth of it moving. */
gboolean scene_draw_static (Scene * scene, const Scene * moving, GError ** error);
/* The first frame of another scene, over and over. */
gboolean scene_repeat (Scene * scene, const Scene * other, GError ** error);
/* The first `frames` frames of a video file, scaled; it must hold them. */
gboolean scene_read_clip (Scene * scene, const gchar * clip, guint width, guint height, guint frames, GError ** error);
void scene_clear (Scene * scene);

gsize scene_frame_size (const Scene * scene);

G_END_DECLS

#endif
