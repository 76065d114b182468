/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Live streams over real sockets of this machine, on which packets get lost, doubled and out of order. */
#include <math.h>
#include <string.h>

#include "pictures.h"
#include "playing.h"

#define WIDTH 320
#define HEIGHT 192
#define FRAMES 50
/* The encoder sends all cells anew within so many frames. */
#define REFRESH 10
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame"
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
  GstClockTime from, until;     /* before and after nothing happens to packets */

  GRand *random;
  guint to_lose;
  GstBuffer *block[MOST_SHUFFLED];
  guint waiting;
} Network;

static gboolean
is_bad_time (const Network * network, GstBuffer * packet)
{
  return GST_BUFFER_PTS (packet) >= network->from
      && GST_BUFFER_PTS (packet) < network->until;
}

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
  if (network->shuffle <= 1 || !is_bad_time (network, packet)) {
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

    if (is_bad_time (network, packet)) {
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

/* WHAT IS SENT */

static GPtrArray *
start_buffers (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
}

/* (transfer full): packets of which only the first is a key packet. */
static GPtrArray *
make_tokens (void)
{
  GstHarness *h = test_harness ("alitraenc", "key-int-max", 0, "refresh",
      REFRESH, "threads", 1, NULL);
  gchar *caps = test_caps ("I420", WIDTH, HEIGHT);
  GPtrArray *tokens = start_buffers ();
  guint n;

  gst_harness_set_src_caps_str (h, caps);
  for (n = 0; n < FRAMES; n++) {
    g_ptr_array_add (tokens, gst_harness_push_and_pull (h,
            test_picture ("I420", WIDTH, HEIGHT, n)));
    assert_equals_int (GST_BUFFER_FLAG_IS_SET ((GstBuffer *) tokens->pdata[n],
            GST_BUFFER_FLAG_DELTA_UNIT), n > 0);
  }
  g_free (caps);
  gst_harness_teardown (h);
  return tokens;
}

/* (transfer full): what they show when nothing is lost. */
static GPtrArray *
show_tokens (GPtrArray * tokens)
{
  GstHarness *h = test_harness ("alitradec", "threads", 1, "exact", TRUE, NULL);
  GPtrArray *pictures = start_buffers ();
  guint n;

  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  for (n = 0; n < tokens->len; n++)
    g_ptr_array_add (pictures, gst_harness_push_and_pull (h,
            gst_buffer_ref (tokens->pdata[n])));
  gst_harness_teardown (h);
  return pictures;
}

/* THE RECEIVER'S EYE */

typedef struct
{
  GMutex lock;
  GPtrArray *right;             /* the pictures without loss; NULL: not known */
  guint pictures, concealed, wrong_size, not_next;
  guint wrong;                  /* not flagged, but not right */
  gboolean last_concealed;
  GstClockTime last_pts;
} Watched;

static void
on_picture (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Watched *watched = data;

  g_mutex_lock (&watched->lock);
  watched->last_concealed =
      GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED);
  if (watched->right && !watched->last_concealed
      && watched->pictures < watched->right->len)
    watched->wrong += !test_same_bytes (buffer,
        watched->right->pdata[watched->pictures]);
  watched->pictures++;
  watched->concealed += watched->last_concealed;
  /* One frame after the other, a frame's duration apart, but for what jitter of the clock makes of it. */
  watched->not_next += watched->pictures > 1
      && GST_BUFFER_PTS (buffer) <= watched->last_pts;
  watched->last_pts = GST_BUFFER_PTS (buffer);
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

/* No end comes over the network: waits until all pictures are there, at most for a minute. */
static void
wait_for_pictures (Watched * watched)
{
  guint i;

  for (i = 0; i < 1200 && count_pictures (watched) < FRAMES; i++)
    g_usleep (G_USEC_PER_SEC / 20);
  /* No more must come. */
  g_usleep (G_USEC_PER_SEC / 5);
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

/* The sender plays them in time. */
static void
play_tokens (GstElement * sender, GPtrArray * tokens)
{
  GstElement *source = element_of (sender, "tokens");
  GstFlowReturn flow;
  guint n;

  for (n = 0; n < tokens->len; n++) {
    GstBuffer *copy = gst_buffer_copy (tokens->pdata[n]);

    g_signal_emit_by_name (source, "push-buffer", copy, &flow);
    gst_buffer_unref (copy);
  }
  g_signal_emit_by_name (source, "end-of-stream", &flow);
  test_play_to_end (sender, 120);
}

/* One way: the sender never hears of losses. The jitter buffer goes by the times in the packets, as the machine that runs
 * the test may stand still for a while. */
static void
stream (Network * network, GPtrArray * tokens, Watched * watched)
{
  GstElement *receiver = launch ("udpsrc name=source address=127.0.0.1 port=0 "
      "buffer-size=1000000 caps=\"" RTP_CAPS "\" "
      "! rtpjitterbuffer latency=1500 mode=none "
      "! rtpalitradepay ! alitradec exact=true threads=1 qos=false "
      "! fakesink name=eye signal-handoffs=true sync=false");
  GstElement *sender;
  gchar *description;

  g_signal_connect (element_of (receiver, "eye"), "handoff",
      G_CALLBACK (on_picture), watched);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  description = g_strdup_printf ("appsrc name=tokens format=time caps=\""
      TOKEN_CAPS "\" ! rtpalitrapay mtu=200 ! udpsink name=network "
      "host=127.0.0.1 port=%d", port_of (receiver, "source"));
  sender = launch (description);
  g_free (description);
  open_network (network, element_of (sender, "network"));

  play_tokens (sender, tokens);
  wait_for_pictures (watched);
  test_expect_no_error (receiver);
  test_stop (sender);
  test_stop (receiver);
  close_network (network);
}

typedef struct
{
  const gchar *name;
  Network network;
  gboolean harmless;            /* all pictures are whole */
} Case;

/* For the first three fifths of the time. */
#define BAD_TIME (FRAMES * 3 / 5 * TEST_FRAME_DURATION)

static void
check_case (const Case * c, GPtrArray * tokens, GPtrArray * right)
{
  Network network = c->network;
  Watched watched = {.right = right, };

  stream (&network, tokens, &watched);
  g_print ("%s: %u of %u frames shown, %u of them concealed\n", c->name,
      watched.pictures, FRAMES, watched.concealed);
  assert_equals_int (watched.wrong_size, 0);
  assert_equals_int (watched.not_next, 0);
  /* A picture for each frame, whatever got lost, and none that is wrong passes for good. */
  assert_equals_int (watched.pictures, FRAMES);
  assert_equals_int (watched.wrong, 0);
  if (c->harmless) {
    assert_equals_int (watched.concealed, 0);
  } else {
    /* It was whole again within the time of a refresh. */
    fail_unless (watched.concealed > 0
        && watched.concealed <= FRAMES * 3 / 5 + REFRESH,
        "%s: %u pictures are concealed", c->name, watched.concealed);
    fail_if (watched.last_concealed, "%s: the last picture is not whole",
        c->name);
  }
}

static void
check_cases (const Case * cases, guint n)
{
  GPtrArray *tokens = make_tokens (), *right = show_tokens (tokens);
  guint i;

  for (i = 0; i < n; i++)
    check_case (&cases[i], tokens, right);
  g_ptr_array_unref (tokens);
  g_ptr_array_unref (right);
}

/* The first frame comes through. */
#define FIRST TEST_FRAME_DURATION

GST_START_TEST (test_order)
{
  static const Case cases[] = {
    {"sound", {0, 1, 0, 0, 0, BAD_TIME}, TRUE},
    {"shuffled and doubled", {0, 1, 0.2, 8, FIRST, BAD_TIME}, TRUE}
  };

  check_cases (cases, G_N_ELEMENTS (cases));
}

GST_END_TEST;

GST_START_TEST (test_loss)
{
  static const Case cases[] = {
    {"1 % loss", {0.01, 1, 0, 0, FIRST, BAD_TIME}, FALSE},
    {"5 % loss", {0.05, 1, 0, 0, FIRST, BAD_TIME}, FALSE},
    {"20 % loss", {0.2, 1, 0, 0, FIRST, BAD_TIME}, FALSE},
    {"50 % loss", {0.5, 1, 0, 0, FIRST, BAD_TIME}, FALSE},
    {"bursts", {0.02, 10, 0, 0, FIRST, BAD_TIME}, FALSE},
    {"all at once", {0.05, 2, 0.1, 8, FIRST, BAD_TIME}, FALSE}
  };

  check_cases (cases, G_N_ELEMENTS (cases));
}

GST_END_TEST;

#define CAMERA "videotestsrc is-live=true pattern=ball num-buffers=50 " \
    "! video/x-raw,format=I420,width=320,height=192,framerate=25/1 " \
    "! alitraenc name=encoder threads=1 key-int-max=0 ! rtpalitrapay mtu=200 "
G_STATIC_ASSERT (FRAMES == 50 && WIDTH == 320 && HEIGHT == 192);

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

/* Of what the camera sees; it also hears what the receiver reports. */
static GstElement *
start_asked_sender (GstElement * receiver, const gchar * camera)
{
  gchar *description = g_strdup_printf ("rtpbin name=bin rtp-profile=avpf "
      "%s ! bin.send_rtp_sink_0 bin.send_rtp_src_0 "
      "! udpsink name=network host=127.0.0.1 port=%d sync=false async=false "
      "bin.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=%d sync=false "
      "async=false "
      "udpsrc name=answers address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0",
      camera, port_of (receiver, "source"), port_of (receiver, "reports"));
  GstElement *sender = launch (description);

  g_free (description);
  gst_element_set_state (sender, GST_STATE_PAUSED);
  g_object_set (element_of (receiver, "answers"), "port",
      port_of (sender, "answers"), NULL);
  return sender;
}

GST_START_TEST (test_asking)
{
  Network network = { 0.05, 1, 0, 0, FIRST, BAD_TIME };
  Watched watched = { 0, };
  GstElement *receiver = start_asking_receiver (&watched), *sender;
  GstStructure *stats;
  guint64 keys;

  sender = start_asked_sender (receiver, CAMERA);
  open_network (&network, element_of (sender, "network"));
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  gst_element_set_state (sender, GST_STATE_PLAYING);
  /* The socket that waits for reports never ends, so neither does the pipeline. */
  wait_for_pictures (&watched);
  test_expect_no_error (receiver);
  test_expect_no_error (sender);
  g_object_get (element_of (sender, "encoder"), "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "key-frames", &keys));
  gst_structure_free (stats);
  test_stop (sender);
  test_stop (receiver);
  close_network (&network);

  g_print ("asking: %u of %u frames shown, %u of them concealed; %"
      G_GUINT64_FORMAT " key frames\n", watched.pictures, FRAMES,
      watched.concealed, keys);
  fail_unless (keys > 1);
  assert_equals_int (watched.wrong_size, 0);
  assert_equals_int (watched.not_next, 0);
  /* Nothing follows that would tell of last frames that came too late for a short jitter buffer. */
  fail_unless (watched.pictures >= FRAMES - 5 && watched.pictures <= FRAMES);
  fail_if (watched.last_concealed);
}

GST_END_TEST;

/* What RTCP reports of a network that loses packets moves the rate of a trimmer. */

/* kbit/s */
#define LEAST_RATE 20
#define SNOW "videotestsrc is-live=true pattern=snow " \
    "! video/x-raw,format=I420,width=192,height=128,framerate=25/1 " \
    "! alitraenc name=encoder threads=1 scalable=true quality=60 " \
    "! alitratrim name=trim rate-control=congestion min-bitrate=" \
    G_STRINGIFY (LEAST_RATE) " ! rtpalitrapay mtu=200 "

typedef struct
{
  gint loses;                   /* atomic: every second packet */
  guint packets;
} Link;

static GstPadProbeReturn
pass_link (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Link *link = data;
  GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
  guint i = 0;

  list = gst_buffer_list_make_writable (list);
  while (i < gst_buffer_list_length (list))
    if (link->packets++ % 2 && g_atomic_int_get (&link->loses))
      gst_buffer_list_remove (list, i, 1);
    else
      i++;
  GST_PAD_PROBE_INFO_DATA (info) = list;
  return i > 0 ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* Frames from one report that counts to the next: a fifth of a second, in which the rate rises by RISE where it doubles
 * every second. */
#define STEP 5
#define RISE 1.149

typedef struct
{
  GstElement *trim;
  guint64 frames;               /* sent before the last report that counts */
  gint steps;                   /* atomic: reports that count */
} Reports;

static guint64
count_sent (GstElement * trim)
{
  GstStructure *stats;
  guint64 frames;

  g_object_get (trim, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "frames", &frames));
  gst_structure_free (stats);
  return frames;
}

static void
on_report (GObject * session, GObject * source, Reports * reports)
{
  const guint64 frames = count_sent (reports->trim);
  GstStructure *stats;

  g_object_get (source, "stats", &stats, NULL);
  g_signal_emit_by_name (reports->trim, "receiver-report", stats);
  gst_structure_free (stats);
  if (frames >= reports->frames + STEP) {
    reports->frames = frames;
    g_atomic_int_inc (&reports->steps);
  }
}

/* The session of the bin reports often, so that the test need not wait long. */
static GObject *
session_of (GstElement * pipeline)
{
  GObject *session;

  g_signal_emit_by_name (element_of (pipeline, "bin"), "get-internal-session",
      0, &session);
  fail_unless (session != NULL);
  g_object_set (session, "rtcp-min-interval",
      (guint64) 500 * GST_MSECOND, NULL);
  return session;
}

static guint
allowed_rate (GstElement * sender)
{
  GstStructure *stats;
  guint rate;

  g_object_get (element_of (sender, "trim"), "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint (stats, "allowed-bitrate", &rate));
  gst_structure_free (stats);
  return rate;
}

/* Waits until the rate is between the two, at most for a minute. */
static guint
wait_for_rate (GstElement * sender, guint least, guint most)
{
  guint i, rate = 0;

  for (i = 0; i < 1200; i++) {
    rate = allowed_rate (sender);
    fail_unless (rate == 0 || rate >= LEAST_RATE, "%u kbit/s", rate);
    if (rate >= least && rate <= most)
      break;
    g_usleep (G_USEC_PER_SEC / 20);
  }
  fail_unless (i < 1200, "%u kbit/s are allowed, not %u to %u", rate, least,
      most);
  return rate;
}

GST_START_TEST (test_congestion)
{
  Link link = { FALSE, 0 };
  Watched watched = { 0, };
  Reports reports = { NULL, };
  GstElement *receiver = start_asking_receiver (&watched), *sender;
  GObject *sends, *receives;
  guint before, fallen, after, shown, steps, most;
  GstPad *pad;

  sender = start_asked_sender (receiver, SNOW);
  pad = gst_element_get_static_pad (element_of (sender, "network"), "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER_LIST, pass_link, &link,
      NULL);
  gst_object_unref (pad);
  sends = session_of (sender);
  receives = session_of (receiver);
  reports.trim = element_of (sender, "trim");
  g_signal_connect (sends, "on-ssrc-active", G_CALLBACK (on_report), &reports);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  gst_element_set_state (sender, GST_STATE_PLAYING);

  /* All is well, and nothing limits the rate. */
  wait_for_pictures (&watched);
  assert_equals_int (allowed_rate (sender), 0);
  g_atomic_int_set (&link.loses, TRUE);
  before = wait_for_rate (sender, LEAST_RATE, G_MAXUINT);
  fallen = wait_for_rate (sender, LEAST_RATE, LEAST_RATE);
  g_atomic_int_set (&link.loses, FALSE);
  g_atomic_int_set (&reports.steps, 0);
  after = wait_for_rate (sender, before / 2, G_MAXUINT);
  steps = g_atomic_int_get (&reports.steps);
  shown = count_pictures (&watched);
  test_expect_no_error (receiver);
  test_expect_no_error (sender);
  test_stop (sender);
  test_stop (receiver);
  g_object_unref (sends);
  g_object_unref (receives);
  /* The first two may still tell of the loss. */
  most = 2 + ceil (log (before / 2. / LEAST_RATE) / log (RISE));
  g_print ("congestion: %u kbit/s, then %u, then %u again after %u reports, "
      "%u at most; %u pictures\n", before, fallen, after, steps, most, shown);
  fail_unless (before > 6 * LEAST_RATE);
  fail_unless (steps <= most);
}

GST_END_TEST;

/* Error correction for the protected packets alone. */

typedef struct
{
  guint protected, others, lost, corrections;
} Protection;

#define CORRECTION 100

static void
count_packet (Protection * protection, GstBuffer * packet)
{
  guint8 type;

  gst_buffer_extract (packet, 1, &type, 1);
  if ((type & 127) == CORRECTION)
    protection->corrections++;
  else if (GST_BUFFER_FLAG_IS_SET (packet, GST_BUFFER_FLAG_NON_DROPPABLE))
    protection->protected++;
  else
    protection->others++;
}

/* Every fifth of the protected packets gets lost. */
static GstPadProbeReturn
lose_protected (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Protection *protection = data;
  GstBuffer *packet = GST_PAD_PROBE_INFO_BUFFER (info);
  guint before = protection->protected;

  count_packet (protection, packet);
  if (protection->protected == before || protection->protected % 5 != 3)
    return GST_PAD_PROBE_OK;
  protection->lost++;
  return GST_PAD_PROBE_DROP;
}

static GstCaps *
caps_of_type (GstElement * buffer, guint type, gpointer data)
{
  return gst_caps_from_string (type == CORRECTION ? "application/x-rtp, "
      "media = (string) video, clock-rate = (int) 90000, "
      "encoding-name = (string) ULPFEC, payload = (int) 100, ssrc = (uint) 7" :
      RTP_CAPS ", ssrc = (uint) 7");
}

GST_START_TEST (test_protection)
{
  GPtrArray *tokens = make_tokens (), *right = show_tokens (tokens);
  Watched watched = {.right = right, };
  Protection protection = { 0, };
  GstElement *receiver = launch ("udpsrc name=source address=127.0.0.1 port=0 "
      "buffer-size=1000000 caps=\"" RTP_CAPS ", ssrc = (uint) 7\" "
      "! rtpstorage name=storage size-time=3000000000 "
      "! rtpjitterbuffer name=jitter latency=1500 mode=none do-lost=true "
      "! rtpulpfecdec name=correction pt=100 "
      "! rtpalitradepay ! alitradec exact=true threads=1 qos=false "
      "! fakesink name=eye signal-handoffs=true sync=false");
  GObject *storage;
  GstElement *sender;
  gchar *description;
  GstPad *pad;

  g_object_get (element_of (receiver, "storage"), "internal-storage", &storage,
      NULL);
  g_object_set (element_of (receiver, "correction"), "storage", storage, NULL);
  g_object_unref (storage);
  g_signal_connect (element_of (receiver, "jitter"), "request-pt-map",
      G_CALLBACK (caps_of_type), NULL);
  g_signal_connect (element_of (receiver, "eye"), "handoff",
      G_CALLBACK (on_picture), &watched);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  description = g_strdup_printf ("appsrc name=tokens format=time caps=\""
      TOKEN_CAPS "\" ! rtpalitrapay mtu=200 ssrc=7 ! identity "
      "! rtpulpfecenc pt=100 percentage=0 percentage-important=100 "
      "! identity name=network ! udpsink host=127.0.0.1 port=%d",
      port_of (receiver, "source"));
  sender = launch (description);
  g_free (description);
  pad = gst_element_get_static_pad (element_of (sender, "network"), "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, lose_protected,
      &protection, NULL);
  gst_object_unref (pad);

  play_tokens (sender, tokens);
  wait_for_pictures (&watched);
  test_expect_no_error (receiver);
  test_stop (sender);
  test_stop (receiver);
  g_print ("protection: %u protected, %u of them lost, %u others, %u "
      "corrections; %u of %u frames shown, %u of them concealed\n",
      protection.protected, protection.lost, protection.others,
      protection.corrections, watched.pictures, FRAMES, watched.concealed);
  fail_unless (protection.lost > 0 && protection.others > 0);
  fail_unless (protection.corrections > 0
      && protection.corrections <= protection.protected);
  assert_equals_int (watched.pictures, FRAMES);
  assert_equals_int (watched.concealed, 0);
  assert_equals_int (watched.wrong, 0);
  g_ptr_array_unref (tokens);
  g_ptr_array_unref (right);
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
  tcase_add_test (tc, test_congestion);
  tcase_add_test (tc, test_protection);
  return suite;
}

GST_CHECK_MAIN (rtpalitraudp);
