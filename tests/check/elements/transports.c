/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Token streams through elements of others that carry any stream: each packet arrives whole, and none is missing. */
#include <glib/gstdio.h>

#include "pictures.h"
#include "playing.h"

#define WIDTH 96
#define HEIGHT 80
#define FRAMES 40
#define TOKEN_CAPS "video/x-alitra, version=(int)1, stream-format=(string)packet, alignment=(string)frame"

typedef struct
{
  GMutex lock;
  GPtrArray *packets;
} Arrived;

static void
on_packet (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Arrived *arrived = data;

  g_mutex_lock (&arrived->lock);
  /* A copy: shared memory goes back to its owner. */
  g_ptr_array_add (arrived->packets, gst_buffer_copy_deep (buffer));
  g_mutex_unlock (&arrived->lock);
}

static guint
count_packets (Arrived * arrived)
{
  guint count;

  g_mutex_lock (&arrived->lock);
  count = arrived->packets->len;
  g_mutex_unlock (&arrived->lock);
  return count;
}

static GstElement *
launch (const gchar * description)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  fail_unless (error == NULL, "%s: %s", description,
      error ? error->message : "");
  return pipeline;
}

static void
watch (GstElement * pipeline, const gchar * name, Arrived * arrived)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), name);

  g_mutex_init (&arrived->lock);
  arrived->packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_packet), arrived);
  gst_object_unref (sink);
}

static void
clear (Arrived * arrived)
{
  g_ptr_array_unref (arrived->packets);
  g_mutex_clear (&arrived->lock);
}

/* All that was sent arrived, byte for byte and in order. */
static void
compare (GPtrArray * sent, GPtrArray * arrived)
{
  guint i;

  assert_equals_int (arrived->len, sent->len);
  for (i = 0; i < sent->len; i++)
    fail_unless (test_same_bytes (arrived->pdata[i], sent->pdata[i]),
        "packet %u", i);
}

static gboolean
have (const gchar * const *elements)
{
  for (; *elements; elements++) {
    GstElementFactory *factory = gst_element_factory_find (*elements);

    if (!factory) {
      g_print ("not tested: there is no %s here\n", *elements);
      return FALSE;
    }
    gst_object_unref (factory);
  }
  return TRUE;
}

#define CAMERA "videotestsrc %s pattern=ball num-buffers=%d " \
    "! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1 " \
    "! alitraenc threads=1 key-int-max=10 " \
    "! identity name=sent signal-handoffs=true "

static void
on_sent (GstElement * identity, GstBuffer * buffer, gpointer data)
{
  on_packet (identity, buffer, NULL, data);
}

static GstElement *
start_sender (const gchar * carrier, gboolean live, Arrived * sent)
{
  gchar *description = g_strdup_printf (CAMERA "! %s", live ? "is-live=true" :
      "", FRAMES, WIDTH, HEIGHT, carrier);
  GstElement *pipeline = launch (description);
  GstElement *identity = gst_bin_get_by_name (GST_BIN (pipeline), "sent");

  g_mutex_init (&sent->lock);
  sent->packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  g_signal_connect (identity, "handoff", G_CALLBACK (on_sent), sent);
  gst_object_unref (identity);
  g_free (description);
  return pipeline;
}

/* Sender and receiver in one pipeline. */
static void
check_inside (const gchar * carrier)
{
  gchar *rest = g_strdup_printf ("%s ! fakesink name=eye signal-handoffs=true "
      "sync=false", carrier);
  Arrived sent, arrived;
  GstElement *pipeline = start_sender (rest, FALSE, &sent);

  watch (pipeline, "eye", &arrived);
  test_play_to_end (pipeline, 60);
  compare (sent.packets, arrived.packets);
  test_stop (pipeline);
  clear (&sent);
  clear (&arrived);
  g_free (rest);
}

/* Waits until nothing is missing, at most for twenty seconds. */
static void
wait_for_all (Arrived * sent, Arrived * arrived)
{
  guint i;

  for (i = 0; i < 400 && count_packets (arrived) < sent->packets->len; i++)
    g_usleep (G_USEC_PER_SEC / 20);
}

/* The sender serves; the receiver, which came before the first packet, takes all. */
static void
check_server (const gchar * server, const gchar * client)
{
  Arrived sent, arrived;
  GstElement *sender = start_sender (server, TRUE, &sent), *receiver;
  gchar *description;

  gst_element_set_state (sender, GST_STATE_PAUSED);
  description = g_strdup_printf ("%s ! fakesink name=eye signal-handoffs=true "
      "enable-last-sample=false sync=false", client);
  receiver = launch (description);
  watch (receiver, "eye", &arrived);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC);
  test_play_to_end (sender, 60);
  wait_for_all (&sent, &arrived);
  test_expect_no_error (receiver);
  test_stop (receiver);
  test_stop (sender);
  compare (sent.packets, arrived.packets);
  clear (&sent);
  clear (&arrived);
  g_free (description);
}

GST_START_TEST (test_gdp)
{
  static const gchar *const needed[] = { "gdppay", "gdpdepay", NULL };

  if (have (needed))
    check_inside ("gdppay ! gdpdepay");
}

GST_END_TEST;

GST_START_TEST (test_rtpgst)
{
  static const gchar *const needed[] = { "rtpgstpay", "rtpgstdepay", NULL };

  if (have (needed))
    check_inside ("rtpgstpay mtu=300 ! rtpgstdepay");
}

GST_END_TEST;

static gint
port_of (GstElement * pipeline, const gchar * name, const gchar * property)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  gint port;

  g_object_get (element, property, &port, NULL);
  gst_object_unref (element);
  return port;
}

/* Bytes in any pieces: the parser puts the packets together. */
GST_START_TEST (test_tcp)
{
  static const gchar *const needed[] =
      { "tcpserversink", "tcpclientsrc", NULL };
  Arrived sent, arrived;
  GstElement *sender, *receiver;
  gchar *description;

  if (!have (needed))
    return;
  sender = start_sender ("tcpserversink name=server host=127.0.0.1 port=0 "
      "sync-method=next-keyframe", TRUE, &sent);
  gst_element_set_state (sender, GST_STATE_PAUSED);
  description = g_strdup_printf ("tcpclientsrc host=127.0.0.1 port=%d "
      "! alitraparse ! fakesink name=eye signal-handoffs=true sync=false",
      port_of (sender, "server", "current-port"));
  receiver = launch (description);
  watch (receiver, "eye", &arrived);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC);
  test_play_to_end (sender, 60);
  test_stop (sender);
  wait_for_all (&sent, &arrived);
  test_stop (receiver);
  compare (sent.packets, arrived.packets);
  clear (&sent);
  clear (&arrived);
  g_free (description);
}

GST_END_TEST;

GST_START_TEST (test_shm)
{
  static const gchar *const needed[] = { "shmsink", "shmsrc", NULL };
  gchar *folder, *path, *server, *client;

  if (!have (needed))
    return;
  folder = g_dir_make_tmp ("alitra-XXXXXX", NULL);
  path = g_build_filename (folder, "tokens", NULL);
  server = g_strdup_printf ("shmsink socket-path=%s wait-for-connection=true "
      "sync=false async=false", path);
  client = g_strdup_printf ("shmsrc socket-path=%s is-live=true ! " TOKEN_CAPS
      " ! alitraparse", path);
  check_server (server, client);
  g_remove (path);
  g_rmdir (folder);
  g_free (server);
  g_free (client);
  g_free (path);
  g_free (folder);
}

GST_END_TEST;

/* A port that was free a moment ago. */
static gint
free_port (void)
{
  GstElement *source = launch ("udpsrc name=source address=127.0.0.1 port=0 "
      "! fakesink");
  gint port;

  gst_element_set_state (source, GST_STATE_PAUSED);
  port = port_of (source, "source", "port");
  test_stop (source);
  return port;
}

GST_START_TEST (test_srt)
{
  static const gchar *const needed[] = { "srtsink", "srtsrc", NULL };
  gchar *server, *client;
  gint port;

  if (!have (needed))
    return;
  port = free_port ();
  server = g_strdup_printf ("alitraparse ! srtsink "
      "uri=srt://127.0.0.1:%d?mode=listener wait-for-connection=true "
      "latency=100 sync=false async=false", port);
  client = g_strdup_printf ("srtsrc uri=srt://127.0.0.1:%d?mode=caller "
      "latency=100 ! video/x-alitra,stream-format=(string)byte-stream "
      "! alitraparse", port);
  check_server (server, client);
  g_free (server);
  g_free (client);
}

GST_END_TEST;

static Suite *
transports_suite (void)
{
  Suite *suite = suite_create ("transports");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_gdp);
  tcase_add_test (tc, test_rtpgst);
  tcase_add_test (tc, test_tcp);
  tcase_add_test (tc, test_shm);
  tcase_add_test (tc, test_srt);
  return suite;
}

GST_CHECK_MAIN (transports);
