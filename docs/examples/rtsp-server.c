/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens of a camera, or of any other source, over RTSP:
 *
 *   rtsp-server [--address=127.0.0.1] [--port=8554] [--source="v4l2src ! videoconvert"]
 *   gst-play-1.0 rtsp://127.0.0.1:8554/tokens
 *
 * Clients need gst-alitra as well; they find depayloader, parser and decoder by themselves. All of them share one
 * encoder. With --address=0.0.0.0 the whole network can watch.
 *
 *   cc rtsp-server.c $(pkg-config --cflags --libs gstreamer-rtsp-server-1.0) -o rtsp-server
 */
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

/* Who comes between two key frames waits for the next: at 25 frames a second, two seconds at most. */
#define TOKENS "alitraenc key-int-max=50 ! rtpalitrapay name=pay0 pt=96"

typedef struct
{
  gchar *address, *source;
  gint port;
} Options;

static gboolean
read_options (Options * options, gint * argc, gchar *** argv)
{
  const GOptionEntry entries[] = {
    {"address", 0, 0, G_OPTION_ARG_STRING, &options->address,
        "Address to listen at (127.0.0.1: this machine only)", "ADDRESS"},
    {"port", 0, 0, G_OPTION_ARG_INT, &options->port, "Port (8554)", "PORT"},
    {"source", 0, 0, G_OPTION_ARG_STRING, &options->source,
        "Live pipeline that ends in raw video", "PIPELINE"},
    {NULL}
  };
  GOptionContext *context = g_option_context_new ("- tokens over RTSP");
  GError *error = NULL;
  gboolean ok;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  ok = g_option_context_parse (context, argc, argv, &error);
  if (!ok)
    g_printerr ("%s\n", error->message);
  g_clear_error (&error);
  g_option_context_free (context);
  return ok;
}

static void
mount (GstRTSPServer * server, const gchar * source)
{
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points (server);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new ();
  gchar *launch = g_strdup_printf ("( %s ! " TOKENS " )", source);

  gst_rtsp_media_factory_set_launch (factory, launch);
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  gst_rtsp_mount_points_add_factory (mounts, "/tokens", factory);
  g_object_unref (mounts);
  g_free (launch);
}

int
main (int argc, char **argv)
{
  Options options = { NULL, NULL, 8554 };
  const gchar *address;
  GstRTSPServer *server;
  GMainLoop *loop;
  gchar *service;

  if (!read_options (&options, &argc, &argv))
    return 1;
  address = options.address ? options.address : "127.0.0.1";
  server = gst_rtsp_server_new ();
  service = g_strdup_printf ("%d", options.port);
  gst_rtsp_server_set_address (server, address);
  gst_rtsp_server_set_service (server, service);
  mount (server, options.source ? options.source :
      "videotestsrc is-live=true pattern=ball "
      "! video/x-raw,width=640,height=360,framerate=25/1");
  if (gst_rtsp_server_attach (server, NULL) == 0) {
    g_printerr ("Nothing can listen at %s port %s: is it taken? Try another "
        "with --port\n", address, service);
    return 1;
  }
  g_print ("gst-play-1.0 rtsp://%s:%d/tokens\n", address,
      gst_rtsp_server_get_bound_port (server));
  g_free (service);
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  return 0;
}
