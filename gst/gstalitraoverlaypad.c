/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitraoverlaypad.h"

GST_DEBUG_CATEGORY_EXTERN (gst_alitra_enc_debug);
#define GST_CAT_DEFAULT gst_alitra_enc_debug

void
gst_alitra_overlay_init (GstAlitraOverlay * overlay, GstVideoEncoder * encoder)
{
  overlay->encoder = encoder;
  g_mutex_init (&overlay->lock);
  overlay->combiner = gst_flow_combiner_new ();
  gst_flow_combiner_add_pad (overlay->combiner,
      GST_VIDEO_ENCODER_SRC_PAD (encoder));
  gst_video_info_init (&overlay->info);
}

static void
drop_pool (GstAlitraOverlay * overlay)
{
  if (overlay->pool == NULL)
    return;
  gst_buffer_pool_set_active (overlay->pool, FALSE);
  gst_clear_object (&overlay->pool);
}

static void
drop_picture (GstAlitraOverlay * overlay)
{
  g_clear_pointer (&overlay->picture, gst_alitra_overlay_picture_free);
}

void
gst_alitra_overlay_reset (GstAlitraOverlay * overlay)
{
  drop_pool (overlay);
  drop_picture (overlay);
  overlay->attach = FALSE;
  gst_video_info_init (&overlay->info);
  g_atomic_int_set (&overlay->events_pending, TRUE);
  g_mutex_lock (&overlay->lock);
  gst_flow_combiner_reset (overlay->combiner);
  g_mutex_unlock (&overlay->lock);
}

void
gst_alitra_overlay_clear (GstAlitraOverlay * overlay)
{
  drop_pool (overlay);
  drop_picture (overlay);
  gst_flow_combiner_free (overlay->combiner);
  g_mutex_clear (&overlay->lock);
}

/* PAD */

static gboolean
answer_latency (GstVideoEncoder * encoder, GstQuery * query)
{
  GstClockTime min, max, own_min, own_max;
  gboolean live;

  if (!gst_pad_peer_query (GST_VIDEO_ENCODER_SINK_PAD (encoder), query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  gst_video_encoder_get_latency (encoder, &own_min, &own_max);
  min += own_min;
  if (max == GST_CLOCK_TIME_NONE || own_max == GST_CLOCK_TIME_NONE)
    max = GST_CLOCK_TIME_NONE;
  else
    max += own_max;
  gst_query_set_latency (query, live, min, max);
  return TRUE;
}

/* The overlay has the size and format of the pictures that come in. */
static gboolean
answer_caps (GstVideoEncoder * encoder, GstPad * pad, GstQuery * query)
{
  GstCaps *caps =
      gst_pad_get_current_caps (GST_VIDEO_ENCODER_SINK_PAD (encoder));
  GstCaps *filter;

  if (caps == NULL)
    caps = gst_pad_get_pad_template_caps (pad);
  gst_query_parse_caps (query, &filter);
  if (filter) {
    GstCaps *filtered =
        gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (caps);
    caps = filtered;
  }
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
  return TRUE;
}

static gboolean
overlay_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return answer_latency (encoder, query);
    case GST_QUERY_CAPS:
      return answer_caps (encoder, pad, query);
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

GstPad *
gst_alitra_overlay_request_pad (GstAlitraOverlay * overlay,
    GstPadTemplate * templ, const gchar * name)
{
  GstPad *pad;

  g_mutex_lock (&overlay->lock);
  if (overlay->pad) {
    g_mutex_unlock (&overlay->lock);
    GST_WARNING_OBJECT (overlay->encoder, "there is an overlay pad already");
    return NULL;
  }
  pad = gst_pad_new_from_template (templ, "overlay");
  gst_pad_set_query_function (pad, GST_DEBUG_FUNCPTR (overlay_query));
  overlay->pad = gst_object_ref (pad);
  gst_flow_combiner_add_pad (overlay->combiner, pad);
  g_atomic_int_set (&overlay->events_pending, TRUE);
  g_mutex_unlock (&overlay->lock);

  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (GST_ELEMENT (overlay->encoder), pad);
  return pad;
}

void
gst_alitra_overlay_release_pad (GstAlitraOverlay * overlay, GstPad * pad)
{
  g_mutex_lock (&overlay->lock);
  if (overlay->pad != pad) {
    g_mutex_unlock (&overlay->lock);
    return;
  }
  overlay->pad = NULL;
  gst_flow_combiner_remove_pad (overlay->combiner, pad);
  g_mutex_unlock (&overlay->lock);

  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (GST_ELEMENT (overlay->encoder), pad);
  gst_object_unref (pad);
}

static GstPad *
get_pad (GstAlitraOverlay * overlay)
{
  GstPad *pad;

  g_mutex_lock (&overlay->lock);
  pad = overlay->pad ? gst_object_ref (overlay->pad) : NULL;
  g_mutex_unlock (&overlay->lock);
  return pad;
}

GstPad *
gst_alitra_overlay_get_linked_pad (GstAlitraOverlay * overlay)
{
  GstPad *pad = get_pad (overlay);

  if (pad && !gst_pad_is_linked (pad))
    gst_clear_object (&pad);
  return pad;
}

GstFlowReturn
gst_alitra_overlay_combine (GstAlitraOverlay * overlay, GstFlowReturn main_flow,
    GstPad * pad, GstFlowReturn overlay_flow)
{
  GstPad *main_pad = GST_VIDEO_ENCODER_SRC_PAD (overlay->encoder);
  GstFlowReturn flow;

  g_mutex_lock (&overlay->lock);
  flow = gst_flow_combiner_update_pad_flow (overlay->combiner, main_pad,
      main_flow);
  if (overlay->pad) {
    /* A pad that is there but not linked must not keep a dead stream alive. */
    if (pad != overlay->pad)
      overlay_flow = GST_FLOW_NOT_LINKED;
    flow = gst_flow_combiner_update_pad_flow (overlay->combiner, overlay->pad,
        overlay_flow);
  }
  g_mutex_unlock (&overlay->lock);
  return flow;
}

/* NEGOTIATION */

void
gst_alitra_overlay_set_info (GstAlitraOverlay * overlay,
    const GstVideoInfo * info)
{
  overlay->info = *info;
  drop_picture (overlay);
  g_atomic_int_set (&overlay->events_pending, TRUE);
}

static GstBufferPool *
configure_pool (GstBufferPool * pool, GstCaps * caps, guint size, guint min,
    guint max, gboolean video_meta)
{
  GstStructure *config = gst_buffer_pool_get_config (pool);

  gst_buffer_pool_config_set_params (config, caps, size, min, max);
  if (video_meta)
    gst_buffer_pool_config_add_option (config,
        GST_BUFFER_POOL_OPTION_VIDEO_META);
  if (gst_buffer_pool_set_config (pool, config)
      && gst_buffer_pool_set_active (pool, TRUE))
    return pool;
  gst_object_unref (pool);
  return NULL;
}

/* Takes the pool that downstream offers, or makes one. */
static gboolean
make_pool (GstAlitraOverlay * overlay, GstCaps * caps, GstQuery * query)
{
  gboolean video_meta =
      gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  guint size = GST_VIDEO_INFO_SIZE (&overlay->info), min = 0, max = 0;
  GstBufferPool *pool = NULL;

  drop_pool (overlay);
  if (gst_query_get_n_allocation_pools (query) > 0) {
    guint offered;

    gst_query_parse_nth_allocation_pool (query, 0, &pool, &offered, &min, &max);
    size = MAX (size, offered);
  }
  if (pool)
    pool = configure_pool (pool, caps, size, min, max, video_meta);
  if (pool == NULL)
    pool = configure_pool (gst_video_buffer_pool_new (), caps, size, min, 0,
        video_meta);
  overlay->pool = pool;
  return pool != NULL;
}

static GstQuery *
query_allocation (GstPad * pad, GstCaps * caps)
{
  GstQuery *query = gst_query_new_allocation (caps, TRUE);

  if (!gst_pad_peer_query (pad, query))
    GST_DEBUG_OBJECT (pad, "downstream has no wishes about buffers");
  return query;
}

static void
push_caps (GstPad * pad, GstCaps * caps)
{
  GstCaps *current = gst_pad_get_current_caps (pad);

  if (current == NULL || !gst_caps_is_equal (current, caps))
    gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_clear_caps (&current);
}

static GstCaps *
with_composition (GstCaps * caps)
{
  GstCaps *copy = gst_caps_copy (caps);

  gst_caps_set_features_simple (copy,
      gst_caps_features_new
      (GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION, NULL));
  return copy;
}

/* A sink that blends overlays by itself does it in its own time and resolution. */
static gboolean
negotiate_attach (GstAlitraOverlay * overlay, GstPad * pad, GstCaps * caps)
{
  GstCaps *attach_caps = with_composition (caps);
  gboolean attach = FALSE;

  if (gst_pad_peer_query_accept_caps (pad, attach_caps)) {
    GstQuery *query = query_allocation (pad, attach_caps);

    attach = gst_query_find_allocation_meta (query,
        GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL)
        && gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE,
        NULL);
    gst_query_unref (query);
  }
  if (attach)
    push_caps (pad, attach_caps);
  gst_caps_unref (attach_caps);
  return attach;
}

static gboolean
negotiate (GstAlitraOverlay * overlay, GstPad * pad, GstCaps * caps)
{
  GstQuery *query;
  gboolean ok;

  overlay->attach = negotiate_attach (overlay, pad, caps);
  if (overlay->attach) {
    drop_pool (overlay);
    return TRUE;
  }
  if (!gst_pad_peer_query_accept_caps (pad, caps))
    goto refused;
  push_caps (pad, caps);
  query = query_allocation (pad, caps);
  ok = make_pool (overlay, caps, query);
  gst_query_unref (query);
  return ok;

refused:
  {
    if (GST_PAD_IS_FLUSHING (pad))
      return FALSE;
    GST_ELEMENT_ERROR (overlay->encoder, CORE, NEGOTIATION,
        ("What follows the overlay pad does not take the pictures that the "
            "encoder gets; put a videoconvert between them"),
        ("the overlay has caps %" GST_PTR_FORMAT, caps));
    return FALSE;
  }
}

static gboolean
negotiate_current_caps (GstAlitraOverlay * overlay, GstPad * pad)
{
  GstCaps *caps = gst_pad_get_current_caps
      (GST_VIDEO_ENCODER_SINK_PAD (overlay->encoder));
  gboolean ok = caps && negotiate (overlay, pad, caps);

  gst_clear_caps (&caps);
  return ok;
}

/* EVENTS */

typedef struct
{
  GstAlitraOverlay *overlay;
  GstPad *pad;
  gboolean ok;
} Sticky;

static GstEvent *
own_stream_start (GstAlitraOverlay * overlay, GstPad * pad, GstEvent * event)
{
  GstEvent *own;
  GstStreamFlags flags;
  guint group;
  gchar *id = gst_pad_create_stream_id (pad, GST_ELEMENT (overlay->encoder),
      "overlay");

  own = gst_event_new_stream_start (id);
  g_free (id);
  gst_event_set_seqnum (own, gst_event_get_seqnum (event));
  if (gst_event_parse_group_id (event, &group))
    gst_event_set_group_id (own, group);
  gst_event_parse_stream_flags (event, &flags);
  gst_event_set_stream_flags (own, flags);
  return own;
}

/* A tag that comes late is no reason to start the stream again. */
static gboolean
sent_already (GstPad * pad, GstEvent * event)
{
  gboolean sent = FALSE;
  GstEvent *old;
  guint i;

  for (i = 0; !sent && (old = gst_pad_get_sticky_event (pad,
              GST_EVENT_TYPE (event), i)); i++) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
      sent = gst_event_get_seqnum (old) == gst_event_get_seqnum (event);
    else
      sent = old == event;
    gst_event_unref (old);
  }
  return sent;
}

static gboolean
send_sticky (GstPad * sinkpad, GstEvent ** event, gpointer user_data)
{
  Sticky *sticky = user_data;

  if (sent_already (sticky->pad, *event))
    return TRUE;
  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_STREAM_START:
      gst_pad_push_event (sticky->pad, own_stream_start (sticky->overlay,
              sticky->pad, *event));
      break;
    case GST_EVENT_CAPS:{
      GstCaps *caps;

      gst_event_parse_caps (*event, &caps);
      sticky->ok = negotiate (sticky->overlay, sticky->pad, caps);
      break;
    }
    case GST_EVENT_EOS:
      break;
    default:
      gst_pad_push_event (sticky->pad, gst_event_ref (*event));
      break;
  }
  return sticky->ok;
}

/* A pad that was requested while events went to the one before it has not even the first. */
static gboolean
is_new (GstPad * pad)
{
  GstEvent *start = gst_pad_get_sticky_event (pad, GST_EVENT_STREAM_START, 0);
  gboolean none = start == NULL;

  gst_clear_event (&start);
  return none;
}

/* Everything that downstream of the overlay has to know before the next buffer. */
static gboolean
send_events (GstAlitraOverlay * overlay, GstPad * pad)
{
  gboolean pending =
      g_atomic_int_compare_and_exchange (&overlay->events_pending, TRUE, FALSE);

  if (pending || is_new (pad)) {
    Sticky sticky = { overlay, pad, TRUE };

    gst_pad_check_reconfigure (pad);
    gst_pad_sticky_events_foreach (GST_VIDEO_ENCODER_SINK_PAD
        (overlay->encoder), send_sticky, &sticky);
    if (!sticky.ok)
      g_atomic_int_set (&overlay->events_pending, TRUE);
    return sticky.ok;
  }
  if (gst_pad_check_reconfigure (pad)) {
    if (!negotiate_current_caps (overlay, pad)) {
      gst_pad_mark_reconfigure (pad);
      return FALSE;
    }
  }
  return TRUE;
}

void
gst_alitra_overlay_event_before (GstAlitraOverlay * overlay, GstEvent * event)
{
  GstPad *pad;

  /* Has to unblock a push that waits downstream of us before anybody takes the stream lock. */
  if (GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_START)
    return;
  pad = get_pad (overlay);
  if (pad == NULL)
    return;
  gst_pad_push_event (pad, gst_event_ref (event));
  gst_object_unref (pad);
}

static void
flush_stop (GstAlitraOverlay * overlay, GstPad * pad, GstEvent * event)
{
  gst_pad_push_event (pad, gst_event_ref (event));
  g_mutex_lock (&overlay->lock);
  gst_flow_combiner_reset (overlay->combiner);
  g_mutex_unlock (&overlay->lock);
  g_atomic_int_set (&overlay->events_pending, TRUE);
}

void
gst_alitra_overlay_event_after (GstAlitraOverlay * overlay, GstEvent * event)
{
  GstPad *pad = get_pad (overlay);

  if (pad == NULL)
    return;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
      flush_stop (overlay, pad, event);
      break;
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
      if (gst_pad_is_linked (pad)) {
        send_events (overlay, pad);
        gst_pad_push_event (pad, gst_event_ref (event));
      }
      break;
    default:
      if (GST_EVENT_IS_STICKY (event))
        g_atomic_int_set (&overlay->events_pending, TRUE);
      break;
  }
  gst_object_unref (pad);
}

/* BUFFERS */

static gboolean
copy_meta (GstBuffer * from, GstMeta ** meta, gpointer user_data)
{
  GstBuffer *to = user_data;
  const GstMetaInfo *info = (*meta)->info;
  GstMetaTransformCopy whole = { FALSE, 0, -1 };

  /* The layout in memory is the new buffer's own. */
  if (gst_meta_api_type_has_tag (info->api, _gst_meta_tag_memory)
      || info->api == GST_VIDEO_META_API_TYPE || info->transform_func == NULL)
    return TRUE;
  info->transform_func (to, *meta, from, _gst_meta_transform_copy, &whole);
  return TRUE;
}

/* A copy to draw into: upstream may still hold and share the frame. */
static GstFlowReturn
copy_frame (GstAlitraOverlay * overlay, GstBuffer * frame, GstBuffer ** copy)
{
  GstVideoFrame from, to;
  GstFlowReturn flow;
  gboolean ok;

  flow = gst_buffer_pool_acquire_buffer (overlay->pool, copy, NULL);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!gst_video_frame_map (&from, &overlay->info, frame, GST_MAP_READ))
    goto failed;
  if (!gst_video_frame_map (&to, &overlay->info, *copy, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&from);
    goto failed;
  }
  ok = gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  if (!ok)
    goto failed;
  gst_buffer_copy_into (*copy, frame,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_buffer_foreach_meta (frame, copy_meta, *copy);
  return GST_FLOW_OK;

failed:
  {
    GST_ELEMENT_ERROR (overlay->encoder, STREAM, FAILED,
        ("The overlay cannot copy a picture"),
        ("a frame of %ux%u cannot be mapped", overlay->info.width,
            overlay->info.height));
    gst_clear_buffer (copy);
    return GST_FLOW_ERROR;
  }
}

/* What a frame is drawn from. */
typedef struct
{
  const AlitraMemory *memory;
  const AlitraFrameStats *stats;
  const GstAlitraOverlayLook *look;
} Content;

static GstFlowReturn
fail_for_memory (GstAlitraOverlay * overlay)
{
  GST_ELEMENT_ERROR (overlay->encoder, RESOURCE, NO_SPACE_LEFT,
      ("There is no memory for the overlay's pictures"),
      ("%ux%u pixels of four bytes", overlay->info.width,
          overlay->info.height));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
blend (GstAlitraOverlay * overlay, const Content * content, GstBuffer * buffer)
{
  GstVideoFrame frame;
  gboolean ok;

  if (!gst_video_frame_map (&frame, &overlay->info, buffer, GST_MAP_READWRITE))
    return GST_FLOW_ERROR;
  ok = gst_alitra_overlay_picture_blend (overlay->picture, content->memory,
      content->stats, content->look, &frame);
  gst_video_frame_unmap (&frame);
  return ok ? GST_FLOW_OK : fail_for_memory (overlay);
}

static GstFlowReturn
attach (GstAlitraOverlay * overlay, const Content * content, GstBuffer * frame,
    GstBuffer ** out)
{
  GstVideoOverlayComposition *composition =
      gst_alitra_overlay_picture_draw (overlay->picture, content->memory,
      content->stats, content->look);

  if (composition == NULL)
    return fail_for_memory (overlay);
  *out = gst_buffer_copy (frame);
  gst_buffer_add_video_overlay_composition_meta (*out, composition);
  gst_video_overlay_composition_unref (composition);
  return GST_FLOW_OK;
}

static GstFlowReturn
decorate (GstAlitraOverlay * overlay, const Content * content,
    GstBuffer * frame, GstBuffer ** out)
{
  GstFlowReturn flow;

  if (overlay->picture == NULL)
    overlay->picture = gst_alitra_overlay_picture_new (&overlay->info);
  if (overlay->attach)
    return attach (overlay, content, frame, out);
  flow = copy_frame (overlay, frame, out);
  if (flow == GST_FLOW_OK)
    flow = blend (overlay, content, *out);
  if (flow != GST_FLOW_OK)
    gst_clear_buffer (out);
  return flow;
}

GstFlowReturn
gst_alitra_overlay_push (GstAlitraOverlay * overlay, GstPad * pad,
    GstBuffer * frame, const AlitraMemory * memory,
    const AlitraFrameStats * stats, const GstAlitraOverlayLook * look)
{
  const Content content = { memory, stats, look };
  GstBuffer *out = NULL;
  GstFlowReturn flow;

  if (!send_events (overlay, pad))
    return GST_PAD_IS_FLUSHING (pad) ? GST_FLOW_FLUSHING :
        GST_FLOW_NOT_NEGOTIATED;
  flow = decorate (overlay, &content, frame, &out);
  return flow == GST_FLOW_OK ? gst_pad_push (pad, out) : flow;
}
