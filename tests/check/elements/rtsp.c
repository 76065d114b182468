/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tokens over RTSP on this machine: a client that knows nothing of them finds all elements by itself. */
#include <gst/rtsp-server/rtsp-server.h>

#include "pictures.h"

#define WIDTH 320
#define HEIGHT 192
#define WANTED 30

typedef struct
{
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  GstRTSPServer *server;
  guint source;
} Server;

static gpointer
serve (gpointer data)
{
  Server *server = data;

  g_main_context_push_thread_default (server->context);
  g_main_loop_run (server->loop);
  g_main_context_pop_thread_default (server->context);
  return NULL;
}

/* Returns: the port, which the system picks. */
static gint
start_server (Server * server)
{
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new ();
  GstRTSPMountPoints *mounts;
  gchar *launch = g_strdup_printf ("( videotestsrc is-live=true pattern=ball "
      "! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1 "
      "! alitraenc threads=1 key-int-max=10 ! rtpalitrapay name=pay0 pt=96 )",
      WIDTH, HEIGHT);

  server->context = g_main_context_new ();
  server->loop = g_main_loop_new (server->context, FALSE);
  server->server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (server->server, "127.0.0.1");
  gst_rtsp_server_set_service (server->server, "0");
  gst_rtsp_media_factory_set_launch (factory, launch);
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  mounts = gst_rtsp_server_get_mount_points (server->server);
  gst_rtsp_mount_points_add_factory (mounts, "/tokens", factory);
  g_object_unref (mounts);
  g_free (launch);
  server->source = gst_rtsp_server_attach (server->server, server->context);
  fail_unless (server->source != 0);
  server->thread = g_thread_new ("server", serve, server);
  return gst_rtsp_server_get_bound_port (server->server);
}

static GstRTSPFilterResult
drop_client (GstRTSPServer * server, GstRTSPClient * client, gpointer data)
{
  return GST_RTSP_FILTER_REMOVE;
}

static void
stop_server (Server * server)
{
  gst_rtsp_server_client_filter (server->server, drop_client, NULL);
  g_main_loop_quit (server->loop);
  g_thread_join (server->thread);
  g_source_destroy (g_main_context_find_source_by_id (server->context,
          server->source));
  g_object_unref (server->server);
  g_main_loop_unref (server->loop);
  g_main_context_unref (server->context);
}

typedef struct
{
  gint pictures, concealed, wrong_size;
} Watched;

static void
on_picture (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Watched *watched = data;

  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED))
    g_atomic_int_inc (&watched->concealed);
  if (gst_buffer_get_size (buffer) != WIDTH * HEIGHT * 3 / 2)
    g_atomic_int_inc (&watched->wrong_size);
  g_atomic_int_inc (&watched->pictures);
}

static void
on_pad (GstElement * decoder, GstPad * pad, gpointer data)
{
  GstPad *sink = gst_element_get_static_pad (data, "sink");

  assert_equals_int (gst_pad_link (pad, sink), GST_PAD_LINK_OK);
  gst_object_unref (sink);
}

/* Plays until enough pictures came, at most for twenty seconds. */
static void
watch (const gchar * uri, Watched * watched)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *decoder = gst_element_factory_make ("uridecodebin", NULL);
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint i;

  gst_bin_add_many (GST_BIN (pipeline), decoder, sink, NULL);
  g_object_set (decoder, "uri", uri, NULL);
  g_object_set (sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
  g_signal_connect (decoder, "pad-added", G_CALLBACK (on_pad), sink);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_picture), watched);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (i = 0; i < 400 && g_atomic_int_get (&watched->pictures) < WANTED; i++)
    g_usleep (G_USEC_PER_SEC / 20);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

static void
check (const gchar * scheme)
{
  Server server;
  Watched watched = { 0, };
  gchar *uri = g_strdup_printf ("%s://127.0.0.1:%d/tokens", scheme,
      start_server (&server));

  watch (uri, &watched);
  stop_server (&server);
  g_free (uri);
  fail_unless (watched.pictures >= WANTED, "%d pictures", watched.pictures);
  assert_equals_int (watched.concealed, 0);
  assert_equals_int (watched.wrong_size, 0);
}

GST_START_TEST (test_over_udp)
{
  check ("rtspu");
}

GST_END_TEST;

GST_START_TEST (test_over_tcp)
{
  check ("rtspt");
}

GST_END_TEST;

static Suite *
rtsp_suite (void)
{
  Suite *suite = suite_create ("rtsp");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_over_udp);
  tcase_add_test (tc, test_over_tcp);
  return suite;
}

GST_CHECK_MAIN (rtsp);
