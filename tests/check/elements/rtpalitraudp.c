/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Live streams over real sockets of this machine, on which packets get lost, doubled and out of order. */
#include <string.h>

#include "pictures.h"

#define WIDTH 320
#define HEIGHT 192
#define FRAMES 50
#define RTP_CAPS "application/x-rtp, media = (string) video, " \
    "clock-rate = (int) 90000, encoding-name = (string) X-ALITRA, " \
    "payload = (int) 96"

/* THE NETWORK */

/* Packets are shuffled in blocks of this many. */
#define MOST_SHUFFLED 8

typedef struct
{
  gdouble loss;                 /* share of the packets, or of the bursts that begin at any packet */
  guint burst;                  /* packets that are lost together */
  gdouble twice;                /* share of the packets that come twice */
  guint shuffle;                /* packets of a block, 0 or 1: in order */
  GstClockTime until;           /* from then on nothing happens to packets */

  GRand *random;
  guint to_lose;
  GstBuffer *block[MOST_SHUFFLED];
  guint waiting;
} Network;

static gboolean
is_lost (Network * network)
{
  if (network->to_lose == 0 && g_rand_double (network->random) < network->loss)
    network->to_lose = network->burst;
  if (network->to_lose == 0)
    return FALSE;
  network->to_lose--;
  return TRUE;
}

static void
deliver_block (Network * network, GstBufferList * out)
{
  while (network->waiting > 0) {
    guint i = g_rand_int_range (network->random, 0, network->waiting);

    gst_buffer_list_add (out, network->block[i]);
    network->block[i] = network->block[--network->waiting];
  }
}

static void
deliver (Network * network, GstBuffer * packet, GstBufferList * out)
{
  if (network->shuffle <= 1 || GST_BUFFER_PTS (packet) >= network->until) {
    deliver_block (network, out);
    gst_buffer_list_add (out, gst_buffer_ref (packet));
    return;
  }
  network->block[network->waiting++] = gst_buffer_ref (packet);
  if (network->waiting == network->shuffle)
    deliver_block (network, out);
}

static GstPadProbeReturn
pass_network (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Network *network = data;
  GstBufferList *in = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
  GstBufferList *out = gst_buffer_list_new ();
  guint i;

  for (i = 0; i < gst_buffer_list_length (in); i++) {
    GstBuffer *packet = gst_buffer_list_get (in, i);

    if (GST_BUFFER_PTS (packet) < network->until) {
      if (is_lost (network))
        continue;
      if (g_rand_double (network->random) < network->twice)
        deliver (network, packet, out);
    }
    deliver (network, packet, out);
  }
  gst_buffer_list_unref (in);
  GST_PAD_PROBE_INFO_DATA (info) = out;
  return gst_buffer_list_length (out) > 0 ? GST_PAD_PROBE_OK :
      GST_PAD_PROBE_DROP;
}

static void
open_network (Network * network, GstElement * sink)
{
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  network->random = g_rand_new_with_seed (11);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER_LIST, pass_network,
      network, NULL);
  gst_object_unref (pad);
}

static void
close_network (Network * network)
{
  while (network->waiting > 0)
    gst_buffer_unref (network->block[--network->waiting]);
  g_rand_free (network->random);
}

/* THE RECEIVER'S EYE */

typedef struct
{
  GMutex lock;
  guint pictures, concealed, wrong_size;
  gboolean last_concealed;
} Watched;

static void
on_picture (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Watched *watched = data;

  g_mutex_lock (&watched->lock);
  watched->pictures++;
  watched->last_concealed =
      GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED);
  watched->concealed += watched->last_concealed;
  watched->wrong_size += gst_buffer_get_size (buffer) != WIDTH * HEIGHT * 3 / 2;
  g_mutex_unlock (&watched->lock);
}

static guint
count_pictures (Watched * watched)
{
  guint pictures;

  g_mutex_lock (&watched->lock);
  pictures = watched->pictures;
  g_mutex_unlock (&watched->lock);
  return pictures;
}

/* No end comes over the network: waits until nothing comes any more, at most for five seconds. */
static void
wait_for_silence (Watched * watched)
{
  guint before, i = 0;

  do {
    before = count_pictures (watched);
    g_usleep (G_USEC_PER_SEC / 2);
  } while (count_pictures (watched) != before && ++i < 10);
}

/* PIPELINES */

static GstElement *
element_of (GstElement * pipeline, const gchar * name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);

  fail_unless (element != NULL, "no %s", name);
  /* The pipeline keeps it. */
  gst_object_unref (element);
  return element;
}

static GstElement *
launch (const gchar * description)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  fail_unless (error == NULL, "%s", error ? error->message : "");
  return pipeline;
}

static gint
port_of (GstElement * pipeline, const gchar * name)
{
  gint port;

  g_object_get (element_of (pipeline, name), "port", &port, NULL);
  return port;
}

static void
expect_no_error (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
  gst_object_unref (bus);
}

static void
play_to_end (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

static void
stop (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

#define CAMERA "videotestsrc is-live=true pattern=ball num-buffers=%d " \
    "! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1 " \
    "! alitraenc name=encoder threads=1 key-int-max=%d ! rtpalitrapay mtu=200 "

/* One way: the sender never hears of losses. */
static void
stream (Network * network, Watched * watched)
{
  GstElement *receiver = launch ("udpsrc name=source address=127.0.0.1 port=0 "
      "buffer-size=1000000 caps=\"" RTP_CAPS "\" ! rtpjitterbuffer latency=500 "
      "! rtpalitradepay ! alitradec threads=1 "
      "! fakesink name=eye signal-handoffs=true sync=false");
  GstElement *sender;
  gchar *description;

  memset (watched, 0, sizeof (*watched));
  g_signal_connect (element_of (receiver, "eye"), "handoff",
      G_CALLBACK (on_picture), watched);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  description = g_strdup_printf (CAMERA "! udpsink name=network "
      "host=127.0.0.1 port=%d sync=false", FRAMES, WIDTH, HEIGHT, 8,
      port_of (receiver, "source"));
  sender = launch (description);
  g_free (description);
  open_network (network, element_of (sender, "network"));

  play_to_end (sender);
  wait_for_silence (watched);
  expect_no_error (receiver);
  stop (sender);
  stop (receiver);
  close_network (network);
}

typedef struct
{
  const gchar *name;
  Network network;
  guint least;                  /* pictures that must come, concealed ones included */
  gboolean harmless;            /* all of them are whole */
} Case;

static void
check_case (const Case * c)
{
  Network network = c->network;
  Watched watched;

  stream (&network, &watched);
  g_print ("%s: %u of %u frames shown, %u of them concealed\n", c->name,
      watched.pictures, FRAMES, watched.concealed);
  fail_unless (watched.pictures >= c->least && watched.pictures <= FRAMES,
      "%s: %u pictures", c->name, watched.pictures);
  assert_equals_int (watched.wrong_size, 0);
  if (c->harmless) {
    assert_equals_int (watched.concealed, 0);
  }
  /* When packets come through again, so does the picture. */
  fail_if (watched.last_concealed, "%s: the last picture is not whole",
      c->name);
}

/* For the first three fifths of the time. */
#define BAD_TIME (FRAMES * 3 / 5 * TEST_FRAME_DURATION)

GST_START_TEST (test_order)
{
  static const Case cases[] = {
    {"sound", {0, 1, 0, 0, BAD_TIME}, FRAMES, TRUE},
    {"shuffled and doubled", {0, 1, 0.2, 8, BAD_TIME}, FRAMES, TRUE}
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i]);
}

GST_END_TEST;

GST_START_TEST (test_loss)
{
  static const Case cases[] = {
    {"1 % loss", {0.01, 1, 0, 0, BAD_TIME}, FRAMES * 4 / 5, FALSE},
    {"5 % loss", {0.05, 1, 0, 0, BAD_TIME}, FRAMES * 3 / 5, FALSE},
    {"20 % loss", {0.2, 1, 0, 0, BAD_TIME}, FRAMES * 2 / 5, FALSE},
    {"50 % loss", {0.5, 1, 0, 0, BAD_TIME}, FRAMES * 2 / 5 - 8, FALSE},
    {"bursts", {0.02, 10, 0, 0, BAD_TIME}, FRAMES * 2 / 5, FALSE},
    {"all at once", {0.05, 2, 0.1, 8, BAD_TIME}, FRAMES * 2 / 5, FALSE}
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i]);
}

GST_END_TEST;

/* Both ways, as with rtspsrc or webrtcbin: only the first frame is a key frame, but the receiver asks for others by RTCP
 * when it needs them. */
static GstElement *
start_asking_receiver (Watched * watched)
{
  GstElement *receiver = launch ("rtpbin name=bin latency=200 rtp-profile=avpf "
      "udpsrc name=source address=127.0.0.1 port=0 buffer-size=1000000 caps=\""
      RTP_CAPS ", rtcp-fb-nack-pli = (boolean) true\" ! bin.recv_rtp_sink_0 "
      "udpsrc name=reports address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0 "
      "bin.send_rtcp_src_0 ! udpsink name=answers host=127.0.0.1 sync=false "
      "async=false "
      "bin. ! rtpalitradepay request-keyframe=true ! alitradec threads=1 "
      "! fakesink name=eye signal-handoffs=true sync=false async=false");

  g_signal_connect (element_of (receiver, "eye"), "handoff",
      G_CALLBACK (on_picture), watched);
  gst_element_set_state (receiver, GST_STATE_PAUSED);
  return receiver;
}

static GstElement *
start_asked_sender (GstElement * receiver, Network * network)
{
  gchar *description = g_strdup_printf ("rtpbin name=bin rtp-profile=avpf "
      CAMERA "! bin.send_rtp_sink_0 "
      "bin.send_rtp_src_0 ! udpsink name=network host=127.0.0.1 port=%d "
      "sync=false async=false "
      "bin.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=%d sync=false "
      "async=false "
      "udpsrc name=answers address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0",
      FRAMES, WIDTH, HEIGHT, 0, port_of (receiver, "source"),
      port_of (receiver, "reports"));
  GstElement *sender = launch (description);

  g_free (description);
  open_network (network, element_of (sender, "network"));
  gst_element_set_state (sender, GST_STATE_PAUSED);
  return sender;
}

GST_START_TEST (test_asking)
{
  Network network = { 0.05, 1, 0, 0, BAD_TIME };
  Watched watched = { 0, };
  GstElement *receiver = start_asking_receiver (&watched), *sender;
  GstStructure *stats;
  guint64 keys;
  guint i;

  sender = start_asked_sender (receiver, &network);
  g_object_set (element_of (receiver, "answers"), "port",
      port_of (sender, "answers"), NULL);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  gst_element_set_state (sender, GST_STATE_PLAYING);
  /* The socket that waits for reports never ends, so neither does the pipeline. */
  for (i = 0; i < 100 && count_pictures (&watched) == 0; i++)
    g_usleep (G_USEC_PER_SEC / 20);
  wait_for_silence (&watched);
  expect_no_error (receiver);
  expect_no_error (sender);
  g_object_get (element_of (sender, "encoder"), "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "key-frames", &keys));
  gst_structure_free (stats);
  stop (sender);
  stop (receiver);
  close_network (&network);

  g_print ("asking: %u of %u frames shown, %u of them concealed; %"
      G_GUINT64_FORMAT " key frames\n", watched.pictures, FRAMES,
      watched.concealed, keys);
  fail_unless (keys > 1);
  assert_equals_int (watched.wrong_size, 0);
  fail_unless (watched.pictures >= FRAMES * 3 / 5);
  fail_if (watched.last_concealed);
}

GST_END_TEST;

static Suite *
rtpalitraudp_suite (void)
{
  Suite *suite = suite_create ("rtpalitraudp");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_loss);
  tcase_add_test (tc, test_asking);
  return suite;
}

GST_CHECK_MAIN (rtpalitraudp);
