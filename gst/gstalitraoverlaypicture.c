/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitraoverlaypicture.h"

#include "gstalitrablend.h"
#include "gstalitralegend.h"

struct _GstAlitraOverlayPicture
{
  GstVideoInfo info;
  GstBufferPool *pool;          /* to attach: pictures may still be on their way through a sink */
  guint8 *scratch;              /* to blend */
  GstAlitraBlend *blend;
  GstAlitraLegend *legend;
};

GstAlitraOverlayPicture *
gst_alitra_overlay_picture_new (const GstVideoInfo * info)
{
  GstAlitraOverlayPicture *picture = g_new0 (GstAlitraOverlayPicture, 1);

  picture->info = *info;
  picture->legend = gst_alitra_legend_new ();
  return picture;
}

void
gst_alitra_overlay_picture_free (GstAlitraOverlayPicture * picture)
{
  if (picture->pool) {
    gst_buffer_pool_set_active (picture->pool, FALSE);
    gst_object_unref (picture->pool);
  }
  g_clear_pointer (&picture->blend, gst_alitra_blend_free);
  g_free (picture->scratch);
  gst_alitra_legend_free (picture->legend);
  g_free (picture);
}

static GstVideoOverlayRectangle *
draw_legend (GstAlitraOverlayPicture * picture, const AlitraFrameStats * stats,
    const GstAlitraOverlayLook * look)
{
  if (!look->legend)
    return NULL;
  return gst_alitra_legend_draw (picture->legend, stats, look->style,
      look->densest, picture->info.width, picture->info.height);
}

/* TO ATTACH */

static GstBufferPool *
make_pool (guint width, guint height)
{
  GstBufferPool *pool = gst_video_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstVideoInfo info;
  GstCaps *caps;

  gst_video_info_set_format (&info, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
      width, height);
  caps = gst_video_info_to_caps (&info);
  gst_buffer_pool_config_set_params (config, caps, GST_VIDEO_INFO_SIZE (&info),
      0, 0);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_caps_unref (caps);
  if (!gst_buffer_pool_set_config (pool, config)
      || !gst_buffer_pool_set_active (pool, TRUE)) {
    gst_object_unref (pool);
    return NULL;
  }
  return pool;
}

static GstBuffer *
acquire_pixels (GstAlitraOverlayPicture * picture)
{
  GstBuffer *pixels;

  if (picture->pool == NULL)
    picture->pool = make_pool (picture->info.width, picture->info.height);
  if (picture->pool == NULL
      || gst_buffer_pool_acquire_buffer (picture->pool, &pixels,
          NULL) != GST_FLOW_OK)
    return NULL;
  return pixels;
}

static GstVideoOverlayRectangle *
draw_density (GstAlitraOverlayPicture * picture, const AlitraMemory * memory,
    const GstAlitraOverlayLook * look)
{
  GstBuffer *pixels = acquire_pixels (picture);
  GstVideoOverlayRectangle *rectangle = NULL;
  GstVideoMeta *meta;
  GstMapInfo map;
  gpointer data;
  gint stride;

  if (pixels == NULL)
    return NULL;
  meta = gst_buffer_get_video_meta (pixels);
  if (gst_video_meta_map (meta, 0, &map, &data, &stride, GST_MAP_WRITE)) {
    alitra_overlay_draw (memory, look->style, look->alpha, data, stride,
        picture->info.width, picture->info.height);
    gst_video_meta_unmap (meta, 0, &map);
    rectangle = gst_video_overlay_rectangle_new_raw (pixels, 0, 0,
        picture->info.width, picture->info.height,
        GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  }
  gst_buffer_unref (pixels);
  return rectangle;
}

GstVideoOverlayComposition *
gst_alitra_overlay_picture_draw (GstAlitraOverlayPicture * picture,
    const AlitraMemory * memory, const AlitraFrameStats * stats,
    const GstAlitraOverlayLook * look)
{
  GstVideoOverlayRectangle *density = draw_density (picture, memory, look);
  GstVideoOverlayRectangle *legend = draw_legend (picture, stats, look);
  GstVideoOverlayComposition *composition;

  if (density == NULL)
    return NULL;
  composition = gst_video_overlay_composition_new (density);
  gst_video_overlay_rectangle_unref (density);
  if (legend)
    gst_video_overlay_composition_add_rectangle (composition, legend);
  return composition;
}

/* TO BLEND */

gboolean
gst_alitra_overlay_picture_blend (GstAlitraOverlayPicture * picture,
    const AlitraMemory * memory, const AlitraFrameStats * stats,
    const GstAlitraOverlayLook * look, GstVideoFrame * frame)
{
  const guint width = picture->info.width, height = picture->info.height;
  GstVideoOverlayRectangle *legend = draw_legend (picture, stats, look);

  if (picture->scratch == NULL)
    picture->scratch = g_try_malloc ((gsize) 4 * width * height);
  if (picture->scratch == NULL)
    return FALSE;
  if (picture->blend == NULL)
    picture->blend = gst_alitra_blend_new (&picture->info);
  alitra_overlay_draw (memory, look->style, look->alpha, picture->scratch,
      4 * width, width, height);
  gst_alitra_blend_over (picture->blend, picture->scratch, 4 * width, frame);
  if (legend) {
    GstVideoOverlayComposition *box =
        gst_video_overlay_composition_new (legend);

    gst_video_overlay_composition_blend (box, frame);
    gst_video_overlay_composition_unref (box);
  }
  return TRUE;
}
