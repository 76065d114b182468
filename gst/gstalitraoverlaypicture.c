/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitraoverlaypicture.h"

#include "gstalitralegend.h"

struct _GstAlitraOverlayPicture
{
  guint width, height;
  GstBufferPool *pool;          /* pictures may still be on their way through a sink */
  GstAlitraLegend *legend;
};

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

GstAlitraOverlayPicture *
gst_alitra_overlay_picture_new (guint width, guint height)
{
  GstBufferPool *pool = make_pool (width, height);
  GstAlitraOverlayPicture *picture;

  if (pool == NULL)
    return NULL;
  picture = g_new0 (GstAlitraOverlayPicture, 1);
  picture->width = width;
  picture->height = height;
  picture->pool = pool;
  picture->legend = gst_alitra_legend_new ();
  return picture;
}

void
gst_alitra_overlay_picture_free (GstAlitraOverlayPicture * picture)
{
  gst_buffer_pool_set_active (picture->pool, FALSE);
  gst_object_unref (picture->pool);
  gst_alitra_legend_free (picture->legend);
  g_free (picture);
}

static GstVideoOverlayRectangle *
draw_density (GstAlitraOverlayPicture * picture, const AlitraMemory * memory,
    const GstAlitraOverlayLook * look)
{
  GstVideoOverlayRectangle *rectangle = NULL;
  GstBuffer *pixels;
  GstVideoMeta *meta;
  GstMapInfo map;
  gpointer data;
  gint stride;

  if (gst_buffer_pool_acquire_buffer (picture->pool, &pixels,
          NULL) != GST_FLOW_OK)
    return NULL;
  meta = gst_buffer_get_video_meta (pixels);
  if (gst_video_meta_map (meta, 0, &map, &data, &stride, GST_MAP_WRITE)) {
    alitra_overlay_draw (memory, look->style, look->alpha, data, stride,
        picture->width, picture->height);
    gst_video_meta_unmap (meta, 0, &map);
    rectangle = gst_video_overlay_rectangle_new_raw (pixels, 0, 0,
        picture->width, picture->height, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
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
  GstVideoOverlayComposition *composition;

  if (density == NULL)
    return NULL;
  composition = gst_video_overlay_composition_new (density);
  gst_video_overlay_rectangle_unref (density);
  if (look->legend) {
    GstVideoOverlayRectangle *legend = gst_alitra_legend_draw (picture->legend,
        stats, look->densest, picture->width, picture->height);

    if (legend)
      gst_video_overlay_composition_add_rectangle (composition, legend);
  }
  return composition;
}
