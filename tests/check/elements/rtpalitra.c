/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Token packets over RTP: there and back, whole and with all that a network does to them. */
#include <alitra/packet.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <gst/sdp/gstsdpmessage.h>
#include <string.h>
#include <zlib.h>

#include "pictures.h"

/* Several slices, and layers in key frames. */
#define WIDTH 320
#define HEIGHT 192
#define MODEL "alitra-test-12345678"
#define TOKEN_CAPS "video/x-alitra, version = (int) 1, " \
    "stream-format = (string) packet, alignment = (string) frame, " \
    "model-id = (string) " MODEL
#define RTP_CAPS "application/x-rtp, media = (string) video, " \
    "clock-rate = (int) 90000, encoding-name = (string) X-ALITRA, " \
    "payload = (int) 96"
#define RTP_HEADER 12
#define CONFIG_FIELD 29

typedef struct
{
  const gchar *mode;
  guint mtu;
  guint seqnum;
  guint config_interval;
} Sender;

static const Sender usual = { "zero-latency", 200, 0, 0 };

static GstHarness *
start_pay (const Sender * sender)
{
  GstElement *element = gst_element_factory_make ("rtpalitrapay", NULL);
  GstHarness *h;

  gst_util_set_object_arg (G_OBJECT (element), "aggregate-mode", sender->mode);
  g_object_set (element, "mtu", sender->mtu, "seqnum-offset", sender->seqnum,
      "timestamp-offset", 0, "ssrc", 7, "config-interval",
      sender->config_interval, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (h, TOKEN_CAPS);
  return h;
}

static GstHarness *
start_depay (gboolean wait, gboolean request)
{
  GstHarness *h = test_harness ("rtpalitradepay", "wait-for-keyframe", wait,
      "request-keyframe", request, NULL);

  gst_harness_set_src_caps_str (h, RTP_CAPS);
  return h;
}

static GstHarness *
start_decoder (void)
{
  GstHarness *h = test_harness ("alitradec", "threads", 1, NULL);

  gst_harness_set_src_caps_str (h, "video/x-alitra, version = (int) 1, "
      "stream-format = (string) packet, alignment = (string) frame");
  return h;
}

static GPtrArray *
pull_all (GstHarness * h)
{
  GPtrArray *all =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)))
    g_ptr_array_add (all, buffer);
  return all;
}

/* (transfer full): the RTP packets of all frames. */
static GPtrArray *
send_all (GPtrArray * frames, const Sender * sender)
{
  GstHarness *h = start_pay (sender);
  GPtrArray *packets;
  guint n;

  for (n = 0; n < frames->len; n++)
    assert_equals_int (gst_harness_push (h,
            gst_buffer_ref (frames->pdata[n])), GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  packets = pull_all (h);
  gst_harness_teardown (h);
  return packets;
}

static void check_one_loss (GPtrArray * frames, GPtrArray * packets,
    guint lost, GstHarness * decoder);

static void
push_packet (GstHarness * h, GstBuffer * packet)
{
  assert_equals_int (gst_harness_push (h, gst_buffer_copy (packet)),
      GST_FLOW_OK);
}

static void
read_layout (GstBuffer * buffer, AlitraPacketLayout * layout)
{
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  fail_unless (alitra_packet_read_layout (map.data, map.size,
          layout) == ALITRA_PACKET_OK);
  assert_equals_int (layout->info.size, map.size);
  gst_buffer_unmap (buffer, &map);
}

/* Adds the packet to @bytes without the chunks that are marked. */
static void
leave_out (GstBuffer * frame, const guint8 * lost, GByteArray * bytes)
{
  AlitraPacketLayout layout;
  GstMapInfo map;
  guint i;

  read_layout (frame, &layout);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  fail_unless (alitra_packet_mark_lost (map.data, map.size, lost, bytes, NULL));
  for (i = 0; i < layout.info.layers * layout.info.slices; i++)
    if (!lost[i])
      g_byte_array_append (bytes, map.data + layout.chunk[i],
          layout.chunk[i + 1] - layout.chunk[i]);
  gst_buffer_unmap (frame, &map);
}

#define ALL_LOST G_MAXUINT

/* What came must be a frame that was sent, without the chunks that it says are lost, or say that nothing of it came.
 * Returns which one; *lost is how many chunks are. */
static guint
identify (GstBuffer * buffer, GPtrArray * frames, guint * lost)
{
  GByteArray *expected = g_byte_array_new ();
  AlitraPacketLayout came, sent;
  AlitraPacketInfo info = { 0, };
  guint n;

  read_layout (buffer, &came);
  n = came.info.frame_number;
  fail_unless (n < frames->len);
  read_layout (frames->pdata[n], &sent);
  *lost = came.info.lost - sent.info.lost;
  if (came.info.lost == came.info.slices && !came.info.key
      && came.info.pts == ALITRA_PACKET_NO_PTS && came.info.checksum == 0) {
    info = sent.info;
    info.pts = ALITRA_PACKET_NO_PTS;
    alitra_packet_write_lost (&info, expected);
    *lost = ALL_LOST;
  } else {
    leave_out (frames->pdata[n], came.lost, expected);
  }
  assert_equals_int (gst_buffer_get_size (buffer), expected->len);
  fail_unless (gst_buffer_memcmp (buffer, 0, expected->data,
          expected->len) == 0, "frame %u", n);
  g_byte_array_unref (expected);

  fail_unless (ABS (GST_CLOCK_DIFF (GST_BUFFER_PTS (buffer),
              n * TEST_FRAME_DURATION)) <= 1);
  assert_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_DELTA_UNIT), !came.info.key);
  assert_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_CORRUPTED), came.info.lost > 0);
  fail_if (GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_DROPPABLE |
          GST_BUFFER_FLAG_NON_DROPPABLE));
  return n;
}

static void
expect_all (GstHarness * h, GPtrArray * frames)
{
  guint n, missing;

  for (n = 0; n < frames->len; n++) {
    GstBuffer *buffer = gst_harness_try_pull (h);

    fail_unless (buffer != NULL, "frame %u is missing", n);
    assert_equals_int (identify (buffer, frames, &missing), n);
    assert_equals_int (missing, 0);
    gst_buffer_unref (buffer);
  }
  fail_unless (gst_harness_try_pull (h) == NULL);
}

static guint
key_requests (GstHarness * h)
{
  GstEvent *event;
  guint n = 0;

  while ((event = gst_harness_try_pull_upstream_event (h))) {
    n += gst_video_event_is_force_key_unit (event);
    gst_event_unref (event);
  }
  return n;
}

/* THERE AND BACK */

/* The marks that queues, error correction and receivers look at. */
static void
check_marks (GPtrArray * packets, GPtrArray * frames, guint mtu)
{
  guint i, frame = 0, seqnum = 0;
  gboolean begins = TRUE;

  for (i = 0; i < packets->len; i++) {
    GstBuffer *packet = packets->pdata[i];
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    AlitraPacketLayout layout;
    gboolean marker;
    guint8 *payload;

    read_layout (frames->pdata[frame], &layout);
    fail_unless (gst_buffer_get_size (packet) <= mtu);
    fail_unless (gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp));
    marker = gst_rtp_buffer_get_marker (&rtp);
    payload = gst_rtp_buffer_get_payload (&rtp);
    if (i > 0)
      assert_equals_int (gst_rtp_buffer_get_seq (&rtp), (seqnum + 1) & 0xffff);
    seqnum = gst_rtp_buffer_get_seq (&rtp);
    assert_equals_int (gst_rtp_buffer_get_timestamp (&rtp),
        frame * 90000 / TEST_FPS);
    assert_equals_uint64 (GST_BUFFER_PTS (packet), frame * TEST_FRAME_DURATION);

    /* Version 1, K, S, E and the frame number. */
    assert_equals_int (payload[0] >> 6, 1);
    assert_equals_int (payload[0] >> 5 & 1, layout.info.key);
    assert_equals_int (payload[0] >> 4 & 1, begins);
    assert_equals_int (payload[0] >> 3 & 1, marker);
    assert_equals_int (GST_READ_UINT16_BE (payload + 2), frame);

    assert_equals_int (GST_BUFFER_FLAG_IS_SET (packet,
            GST_BUFFER_FLAG_MARKER), marker);
    assert_equals_int (GST_BUFFER_FLAG_IS_SET (packet,
            GST_BUFFER_FLAG_DELTA_UNIT), !(layout.info.key && begins));
    fail_if (begins && !GST_BUFFER_FLAG_IS_SET (packet,
            GST_BUFFER_FLAG_NON_DROPPABLE));
    /* Only the header and the first layer are protected, unless all the frame is in one packet. */
    if (!(begins && marker))
      assert_equals_int (GST_BUFFER_FLAG_IS_SET (packet,
              GST_BUFFER_FLAG_NON_DROPPABLE),
          begins || (payload[0] & 4) || payload[1] >> 4 == 0);
    assert_equals_int (GST_BUFFER_FLAG_IS_SET (packet,
            GST_BUFFER_FLAG_DROPPABLE), !GST_BUFFER_FLAG_IS_SET (packet,
            GST_BUFFER_FLAG_NON_DROPPABLE));
    gst_rtp_buffer_unmap (&rtp);
    begins = marker;
    frame += marker;
  }
  assert_equals_int (frame, frames->len);
}

static void
check_round_trip (GPtrArray * frames, const Sender * sender)
{
  GPtrArray *packets = send_all (frames, sender);
  GstHarness *h = start_depay (TRUE, TRUE);
  guint i;

  if (strcmp (sender->mode, "max") != 0)
    check_marks (packets, frames, sender->mtu);
  for (i = 0; i < packets->len; i++)
    push_packet (h, packets->pdata[i]);
  expect_all (h, frames);
  assert_equals_int (key_requests (h), 0);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
}

GST_START_TEST (test_round_trips)
{
  static const gchar *modes[] = { "none", "zero-latency", "max" };
  static const guint mtus[] = { 28, 60, 61, 200, 576, 1400, 9000, 100000 };
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 6, 4);
  guint i, j, interval;

  for (i = 0; i < G_N_ELEMENTS (modes); i++)
    for (j = 0; j < G_N_ELEMENTS (mtus); j++)
      for (interval = 0; interval < 2; interval++) {
        /* Sequence numbers wrap on the way. */
        const Sender sender = { modes[i], mtus[j], 65530, interval };

        check_round_trip (frames, &sender);
      }
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* Frames of every kind of size: those that just fit travel in one RTP packet, one byte more makes it two. */
GST_START_TEST (test_sizes_around_mtu)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 5, 0);
  guint n, interval;
  gint more;

  for (n = 0; n < frames->len; n++) {
    GstBuffer *frame = frames->pdata[n];

    for (interval = 0; interval < 2; interval++)
      for (more = -1; more <= 1; more++) {
        GPtrArray *one =
            g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
        guint config = interval && n == 0 ? CONFIG_FIELD : 0;
        Sender sender = { "zero-latency", RTP_HEADER + 6 + config +
              gst_buffer_get_size (frame) - more, 0, interval
        };
        GPtrArray *packets;

        g_ptr_array_add (one, gst_buffer_ref (frame));
        packets = send_all (one, &sender);
        if (more > 0) {
          fail_unless (packets->len >= 2);
        } else {
          assert_equals_int (packets->len, 1);
        }
        g_ptr_array_unref (packets);
        g_ptr_array_unref (one);
        check_round_trip (frames, &sender);
      }
  }
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* One chunk in each RTP packet, and no chunk in two where it fits. */
GST_START_TEST (test_chunks_stay_whole)
{
  const Sender sender = { "none", 1400, 0, 0 };
  GPtrArray *frames = test_packets_with (WIDTH, HEIGHT, 1, 0, TRUE);
  GPtrArray *packets = send_all (frames, &sender);
  AlitraPacketLayout layout;
  guint chunk, i = 1;

  read_layout (frames->pdata[0], &layout);
  fail_unless (layout.info.slices == 3 && layout.info.layers > 1);
  for (chunk = 0; chunk < layout.info.layers * layout.info.slices; chunk++) {
    gsize size = layout.chunk[chunk + 1] - layout.chunk[chunk];
    guint8 header[6];

    if (size == 0)
      continue;
    fail_unless (i < packets->len);
    gst_buffer_extract (packets->pdata[i], RTP_HEADER, header, 6);
    assert_equals_int (GST_READ_UINT16_BE (header + 4), chunk);
    assert_equals_int (header[1] >> 4, chunk / layout.info.slices);
    assert_equals_int (gst_buffer_get_size (packets->pdata[i]),
        RTP_HEADER + 6 + 2 + layout.info.header_size + size);
    i++;
  }
  assert_equals_int (i, packets->len);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* Frames whose slices have sizes of our choice: what is in them is nobody's business on the way. */

#define MOST_SLICES 8
/* Of a slice that did not arrive where the frame was made. */
#define LOST_SLICE 1

static void
put_le (GByteArray * bytes, guint64 value, guint n)
{
  guint8 byte;
  guint i;

  for (i = 0; i < n; i++) {
    byte = value >> (8 * i);
    g_byte_array_append (bytes, &byte, 1);
  }
}

static void
put_varint (GByteArray * bytes, guint value)
{
  for (; value > 127; value >>= 7)
    put_le (bytes, 128 | (value & 127), 1);
  put_le (bytes, value, 1);
}

/* docs/token-stream.md, section 2: a key frame of one layer. */
static GstBuffer *
made_frame (const guint * sizes, guint slices, guint number)
{
  GByteArray *bytes = g_byte_array_new ();
  GstBuffer *frame;
  guint i, j, body = 0, header_size;
  guint8 present = 0;

  g_byte_array_append (bytes, (const guint8 *) "ALTK\002\001", 6);
  put_le (bytes, 0, 2);
  put_le (bytes, number, 4);
  put_le (bytes, 0x12345678, 4);
  put_varint (bytes, 64);
  put_varint (bytes, 64 * slices);
  put_varint (bytes, 25);
  for (i = 0; i < 3; i++)
    put_varint (bytes, 1);
  put_le (bytes, 0x02020201, 4);
  put_le (bytes, 0x080808, 3);
  put_le (bytes, slices, 1);
  put_le (bytes, 1, 1);
  put_le (bytes, 1 << 2, 1);
  put_varint (bytes, 100);
  for (i = 0; i < slices; i++) {
    present |= (sizes[i] > 0) << i;
    body += sizes[i] > LOST_SLICE ? sizes[i] : 0;
  }
  put_le (bytes, present, 1);
  for (i = 0; i < slices; i++)
    if (sizes[i] > 0)
      put_varint (bytes, sizes[i]);
  header_size = bytes->len + 4;
  GST_WRITE_UINT16_LE (bytes->data + 6, header_size);
  put_le (bytes, crc32 (0, bytes->data, bytes->len), 4);
  for (i = 0; i < slices; i++)
    for (j = 0; sizes[i] > LOST_SLICE && j < sizes[i]; j++)
      put_le (bytes, 31 * i + j, 1);
  frame = gst_buffer_new_memdup (bytes->data, bytes->len);
  g_byte_array_unref (bytes);
  GST_BUFFER_PTS (frame) = number * TEST_FRAME_DURATION;
  return frame;
}

/* What is behind the headers of an RTP packet with a slice, or a header, that just fits. */
#define SLICE_MTU 300
#define SLICE_ROOM (SLICE_MTU - RTP_HEADER - 6)
#define HUGE_SLICE ((1 << 21) - 1)

/* Bytes of token packets in the RTP packet, and whether they are a part of one slice or header. */
static guint
bytes_in (GstBuffer * packet, gboolean * fragment)
{
  guint8 header[6];
  guint size = gst_buffer_get_size (packet) - RTP_HEADER - 6;

  gst_buffer_extract (packet, RTP_HEADER, header, 6);
  *fragment = (header[0] & 2) != 0;
  if (header[1] & 4) {
    gst_buffer_extract (packet, RTP_HEADER + 6, header, 2);
    size -= 2 + GST_READ_UINT16_BE (header);
  }
  return size - (*fragment ? 3 : 0);
}

/* There and back; slices that fit are in one piece; and the loss of any RTP packet costs the slices that it held. */
static void
check_slices (const guint * sizes, guint slices, const gchar * mode,
    gboolean repeat)
{
  const Sender sender = { mode, SLICE_MTU, 65530, 0 };
  GstHarness *h = start_pay (&sender), *back = start_depay (FALSE, FALSE);
  GPtrArray *frames =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GPtrArray *packets;
  guint i, most = 0;
  gboolean fragment;

  for (i = 0; i < slices; i++)
    most = MAX (most, sizes[i]);
  for (i = 0; i < 2; i++)
    g_ptr_array_add (frames, made_frame (sizes, slices, i));
  g_object_set (h->element, "repeat-header", repeat, NULL);
  for (i = 0; i < 2; i++)
    gst_harness_push (h, gst_buffer_ref (frames->pdata[i]));
  gst_harness_push_event (h, gst_event_new_eos ());
  packets = pull_all (h);
  for (i = 0; i < packets->len; i++) {
    fail_unless (gst_buffer_get_size (packets->pdata[i]) <= SLICE_MTU);
    bytes_in (packets->pdata[i], &fragment);
    if (most <= SLICE_ROOM - (repeat ? 100 : 0))
      fail_if (fragment);
    push_packet (back, packets->pdata[i]);
  }
  expect_all (back, frames);
  gst_harness_teardown (h);
  gst_harness_teardown (back);
  for (i = 0; i < packets->len && packets->len < 40; i++)
    check_one_loss (frames, packets, i, NULL);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_START_TEST (test_slices)
{
  static const struct
  {
    guint slices;
    guint size[MOST_SLICES];
  } cases[] = {
    {1, {0}}, {1, {LOST_SLICE}}, {1, {2}},
    {1, {SLICE_ROOM - 1}}, {1, {SLICE_ROOM}}, {1, {SLICE_ROOM + 1}},
    {1, {SLICE_MTU - 1}}, {1, {SLICE_MTU}}, {1, {SLICE_MTU + 1}},
    {1, {10 * SLICE_MTU}}, {1, {HUGE_SLICE}},
    {3, {0, 0, 0}}, {3, {0, 5, 0}}, {3, {5, LOST_SLICE, 5}},
    {4, {SLICE_ROOM - 1, SLICE_ROOM, SLICE_ROOM + 1, 2}},
    {8, {SLICE_MTU - 1, SLICE_MTU, SLICE_MTU + 1, 0, 3 * SLICE_MTU, LOST_SLICE,
            2, 140}}
  };
  static const gchar *modes[] = { "none", "zero-latency", "max" };
  guint i, j, repeat;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    for (j = 0; j < G_N_ELEMENTS (modes); j++)
      for (repeat = 0; repeat < 2; repeat++)
        check_slices (cases[i].size, cases[i].slices, modes[j], repeat);
}

GST_END_TEST;

/* Small frames share RTP packets, for as long as max-ptime allows, and the latency says so. */
GST_START_TEST (test_aggregates)
{
  const Sender sender = { "max", 1400, 0, 0 };
  GPtrArray *frames = test_packets (64, 64, 30, 0);
  GstHarness *h = start_pay (&sender), *back = start_depay (FALSE, FALSE);
  GPtrArray *packets;
  guint n, i;

  g_object_set (h->element, "max-ptime", (gint64) 4 * TEST_FRAME_DURATION,
      NULL);
  for (n = 0; n < frames->len; n++) {
    gst_harness_push (h, gst_buffer_ref (frames->pdata[n]));
    /* The oldest one that is held is never older than that. */
    fail_unless (gst_harness_buffers_received (h) >= n / 5);
  }
  assert_equals_uint64 (gst_harness_query_latency (h), 4 * TEST_FRAME_DURATION);
  gst_harness_push_event (h, gst_event_new_eos ());
  packets = pull_all (h);
  fail_unless (packets->len <= 10, "%u packets", packets->len);
  for (i = 0; i < packets->len; i++) {
    fail_unless (gst_buffer_get_size (packets->pdata[i]) <= 1400);
    push_packet (back, packets->pdata[i]);
  }
  expect_all (back, frames);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
  gst_harness_teardown (back);
}

GST_END_TEST;

GST_START_TEST (test_pay_refuses_garbage)
{
  GstHarness *h = start_pay (&usual);
  GstBus *bus = test_watch (h);
  GstMessage *message;

  assert_equals_int (gst_harness_push (h, gst_buffer_new_memdup ("ALTK no", 7)),
      GST_FLOW_OK);
  assert_equals_int (gst_harness_push (h, gst_buffer_new ()), GST_FLOW_OK);
  message = test_wait_for (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_unref (message);
  assert_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* LOSSES */

static guint
frame_of (GstBuffer * packet)
{
  guint8 header[4];

  gst_buffer_extract (packet, RTP_HEADER, header, 4);
  return GST_READ_UINT16_BE (header + 2);
}

static gboolean
is_key_frame (GPtrArray * frames, guint n)
{
  return !GST_BUFFER_FLAG_IS_SET ((GstBuffer *) frames->pdata[n],
      GST_BUFFER_FLAG_DELTA_UNIT);
}

/* Of an RTP packet of whole slices: the chunks that lie from byte @at of the payload on. */
static guint
chunks_of_slices (const AlitraPacketLayout * layout, const guint8 * payload,
    gsize at, gsize size)
{
  guint slice = GST_READ_UINT16_BE (payload + 4), layer, n = 0;

  if (payload[0] & 4)
    at += layout->info.header_size;
  for (; slice < layout->info.slices && at < size; slice++)
    for (layer = 0; layer < layout->info.layers; layer++) {
      guint chunk = layer * layout->info.slices + slice;
      gsize bytes = layout->chunk[chunk + 1] - layout->chunk[chunk];

      n += bytes > 0;
      at += bytes;
    }
  assert_equals_int (at, size);
  return n;
}

/* Chunks of the frame that have bytes in the RTP packet. */
static guint
chunks_in (GstBuffer * frame, GstBuffer * packet)
{
  AlitraPacketLayout layout;
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  const guint8 *payload;
  gsize size, first = 6, begin, end;
  guint i, n = 0;

  read_layout (frame, &layout);
  gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp);
  payload = gst_rtp_buffer_get_payload (&rtp);
  size = gst_rtp_buffer_get_payload_len (&rtp);
  begin = payload[0] & 4 ? 0 : layout.chunk[GST_READ_UINT16_BE (payload + 4)];
  if (payload[0] & 2) {
    begin += GST_READ_UINT24_BE (payload + 6);
    first += 3;
  }
  if (payload[0] & 1)
    first += 1 + payload[first];
  if (payload[1] & 4)
    first += 2 + GST_READ_UINT16_BE (payload + first);
  end = begin + size - first;
  if (payload[1] & 2)
    n = chunks_of_slices (&layout, payload, first, size);
  for (i = 0; !(payload[1] & 2)
      && i < layout.info.layers * layout.info.slices; i++)
    n += layout.chunk[i + 1] > begin && layout.chunk[i] < end
        && layout.chunk[i + 1] > layout.chunk[i];
  gst_rtp_buffer_unmap (&rtp);
  return n;
}

static gboolean
packet_has (GstBuffer * packet, guint byte, guint8 bit)
{
  guint8 header[2];

  gst_buffer_extract (packet, RTP_HEADER, header, 2);
  return (header[byte] & bit) != 0;
}

/* Whether the frame's header is in no other RTP packet than the lost one. */
static gboolean
takes_header (GPtrArray * packets, guint lost)
{
  guint i, hit = frame_of (packets->pdata[lost]);

  if (!packet_has (packets->pdata[lost], 0, 4))
    return FALSE;
  for (i = 0; i < packets->len; i++)
    if (i != lost && frame_of (packets->pdata[i]) == hit
        && packet_has (packets->pdata[i], 1, 4))
      return FALSE;
  return TRUE;
}

/* Whether no other RTP packet is of the frame. */
static gboolean
is_alone (GPtrArray * packets, guint lost)
{
  guint i, hit = frame_of (packets->pdata[lost]), n = 0;

  for (i = 0; i < packets->len; i++)
    n += frame_of (packets->pdata[i]) == hit;
  return n == 1;
}

/* Every frame comes, without what the lost RTP packet held and nothing else, and decodes. */
static void
check_one_loss (GPtrArray * frames, GPtrArray * packets, guint lost,
    GstHarness * decoder)
{
  GstHarness *h = start_depay (FALSE, FALSE);
  guint hit = frame_of (packets->pdata[lost]), i, missing;
  gboolean all = takes_header (packets, lost);
  /* Nothing is known yet that could stand for it. */
  guint begin = all && hit == 0, held = chunks_in (frames->pdata[hit],
      packets->pdata[lost]);
  GPtrArray *came, *pictures;

  for (i = 0; i < packets->len; i++)
    if (i != lost)
      push_packet (h, packets->pdata[i]);
  gst_harness_push_event (h, gst_event_new_eos ());
  came = pull_all (h);
  for (i = 0; i < came->len; i++) {
    assert_equals_int (identify (came->pdata[i], frames, &missing), begin + i);
    assert_equals_int (missing, begin + i != hit ? 0 : all ? ALL_LOST : held);
    if (decoder)
      gst_harness_push (decoder, gst_buffer_ref (came->pdata[i]));
  }
  /* And nothing follows that would tell of a last frame that did not come. */
  begin += hit + 1 == frames->len && is_alone (packets, lost);
  assert_equals_int (came->len, frames->len - begin);
  if (decoder) {
    pictures = pull_all (decoder);
    if (!begin)
      assert_equals_int (pictures->len, frames->len);
    g_ptr_array_unref (pictures);
  }
  g_ptr_array_unref (came);
  gst_harness_teardown (h);
}

static guint64
errors_of (GstHarness * decoder)
{
  GstStructure *stats;
  guint64 errors;

  g_object_get (decoder->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "errors", &errors));
  gst_structure_free (stats);
  return errors;
}

static void
check_any_loss (GPtrArray * frames, const Sender * sender)
{
  GPtrArray *packets = send_all (frames, sender);
  GstHarness *decoder = start_decoder ();
  guint lost;

  for (lost = 0; lost < packets->len; lost++)
    check_one_loss (frames, packets, lost, decoder);
  assert_equals_uint64 (errors_of (decoder), 0);
  gst_harness_teardown (decoder);
  g_ptr_array_unref (packets);
}

GST_START_TEST (test_any_loss)
{
  static const Sender senders[] = {
    {"zero-latency", 60, 0, 0}, {"zero-latency", 200, 0, 1},
    {"zero-latency", 500, 0, 0}, {"none", 500, 0, 0}, {"none", 1400, 0, 1}
  };
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 4, 3);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (senders); i++)
    check_any_loss (frames, &senders[i]);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* Bytes of all layers of the largest slice. */
static gsize
largest_slice (GstBuffer * frame)
{
  AlitraPacketLayout layout;
  guint slice, layer;
  gsize most = 0;

  read_layout (frame, &layout);
  for (slice = 0; slice < layout.info.slices; slice++) {
    gsize size = 0;

    for (layer = 0; layer < layout.info.layers; layer++)
      size += layout.chunk[layer * layout.info.slices + slice + 1]
          - layout.chunk[layer * layout.info.slices + slice];
    most = MAX (most, size);
  }
  return most;
}

/* Of the first frame, a key frame, each slice just fits into an RTP packet. */
static guint
mtu_of_slices (GstBuffer * frame)
{
  AlitraPacketLayout layout;

  read_layout (frame, &layout);
  fail_unless (layout.info.layers > 1 && layout.info.slices > 1);
  return RTP_HEADER + MAX (6 + 2 + layout.info.header_size +
      largest_slice (frame), 4 * (2 + layout.info.header_size));
}

/* An RTP packet has all layers of its slices, so that no other is worth less without it. */
GST_START_TEST (test_whole_slices)
{
  GPtrArray *frames = test_packets_with (WIDTH, HEIGHT, 4, 3, TRUE);
  const Sender sender =
      { "zero-latency", mtu_of_slices (frames->pdata[0]), 0, 0 };
  GPtrArray *packets = send_all (frames, &sender);
  guint i, slices = 0;

  for (i = 0; i < packets->len; i++) {
    if (!packet_has (packets->pdata[i], 1, 2))
      continue;
    slices++;
    fail_unless (gst_buffer_get_size (packets->pdata[i]) <= sender.mtu);
    fail_unless (GST_BUFFER_FLAG_IS_SET (packets->pdata[i],
            GST_BUFFER_FLAG_NON_DROPPABLE));
  }
  fail_unless (slices >= 2, "%u of %u RTP packets have whole slices", slices,
      packets->len);
  check_round_trip (frames, &sender);
  check_any_loss (frames, &sender);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* Those who protect the first layer more than others have it apart. */
GST_START_TEST (test_group_by_layers)
{
  GPtrArray *frames = test_packets_with (WIDTH, HEIGHT, 1, 0, TRUE), *packets;
  const Sender sender =
      { "zero-latency", mtu_of_slices (frames->pdata[0]), 0, 0 };
  GstHarness *h = start_pay (&sender);
  guint i, droppable = 0;

  gst_util_set_object_arg (G_OBJECT (h->element), "group-by", "layers");
  gst_harness_push (h, gst_buffer_ref (frames->pdata[0]));
  packets = pull_all (h);
  for (i = 0; i < packets->len; i++) {
    fail_if (packet_has (packets->pdata[i], 1, 2));
    droppable += GST_BUFFER_FLAG_IS_SET (packets->pdata[i],
        GST_BUFFER_FLAG_DROPPABLE);
  }
  check_marks (packets, frames, sender.mtu);
  fail_unless (droppable > 0);
  gst_harness_teardown (h);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* Any half of the packets: what comes is what was sent or says that it did not come, one for each frame. */
GST_START_TEST (test_heavy_loss)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 40, 9);
  const Sender sender = { "zero-latency", 400, 65500, 1 };
  GPtrArray *packets = send_all (frames, &sender);
  GRand *random = g_rand_new_with_seed (6);
  GstHarness *decoder = start_decoder ();
  guint round, i, missing;

  for (round = 0; round < 20; round++) {
    GstHarness *h = start_depay (FALSE, FALSE);
    GPtrArray *came, *pictures;
    guint begin, last = 0;

    for (i = 0; i < packets->len; i++)
      if (i == 0 || g_rand_boolean (random)) {
        last = frame_of (packets->pdata[i]);
        push_packet (h, packets->pdata[i]);
      }
    gst_harness_push_event (h, gst_event_new_eos ());
    came = pull_all (h);
    fail_unless (came->len > 0);
    begin = identify (came->pdata[0], frames, &missing);
    for (i = 0; i < came->len; i++) {
      assert_equals_int (identify (came->pdata[i], frames, &missing),
          begin + i);
      gst_harness_push (decoder, gst_buffer_ref (came->pdata[i]));
    }
    assert_equals_int (begin, 0);
    assert_equals_int (came->len, last + 1);
    pictures = pull_all (decoder);
    assert_equals_int (pictures->len, came->len);
    g_ptr_array_unref (pictures);
    g_ptr_array_unref (came);
    gst_harness_teardown (h);
  }
  gst_harness_teardown (decoder);
  g_rand_free (random);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* After a break that is too long to fill the stream goes on, marked, and a key frame is asked for. */
GST_START_TEST (test_break)
{
  GPtrArray *frames = test_packets (64, 64, 300, 0);
  GPtrArray *packets = send_all (frames, &usual);
  GstHarness *h = start_depay (FALSE, TRUE);
  GPtrArray *came;
  guint i, missing;

  for (i = 0; i < packets->len; i++)
    if (frame_of (packets->pdata[i]) == 0
        || frame_of (packets->pdata[i]) >= 270)
      push_packet (h, packets->pdata[i]);
  came = pull_all (h);
  assert_equals_int (came->len, 31);
  for (i = 0; i < came->len; i++) {
    assert_equals_int (identify (came->pdata[i], frames, &missing),
        i > 0 ? 269 + i : 0);
    assert_equals_int (missing, 0);
  }
  fail_unless (GST_BUFFER_IS_DISCONT ((GstBuffer *) came->pdata[1]));
  fail_if (GST_BUFFER_IS_DISCONT ((GstBuffer *) came->pdata[2]));
  fail_unless (key_requests (h) >= 1);
  g_ptr_array_unref (came);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* request-keyframe asks when something of the first layer is lost, and again while no key frame comes. */
GST_START_TEST (test_request_keyframe)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 40, 0);
  GPtrArray *packets = send_all (frames, &usual);
  guint request, i;

  for (request = 0; request < 2; request++) {
    GstHarness *h = start_depay (FALSE, request);
    guint asked = 0;

    key_requests (h);
    for (i = 0; i < packets->len; i++) {
      if (frame_of (packets->pdata[i]) == 5)
        continue;
      push_packet (h, packets->pdata[i]);
      asked += key_requests (h);
      if (frame_of (packets->pdata[i]) < 5)
        assert_equals_int (asked, 0);
    }
    /* For frame 5, and 15 and 30 frames later. */
    assert_equals_int (asked, request ? 3 : 0);
    gst_harness_teardown (h);
  }
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* With wait-for-keyframe nothing comes from a lost frame to the next key frame, which is marked. */
GST_START_TEST (test_wait_for_keyframe)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 9, 4);
  GPtrArray *packets = send_all (frames, &usual), *came;
  GstHarness *h = start_depay (TRUE, FALSE);
  static const guint expected[] = { 0, 4, 5, 6, 7, 8 };
  guint i, missing;

  for (i = 0; i < packets->len; i++)
    if (frame_of (packets->pdata[i]) != 1)
      push_packet (h, packets->pdata[i]);
  came = pull_all (h);
  assert_equals_int (came->len, G_N_ELEMENTS (expected));
  for (i = 0; i < came->len; i++)
    assert_equals_int (identify (came->pdata[i], frames, &missing),
        expected[i]);
  fail_unless (GST_BUFFER_IS_DISCONT ((GstBuffer *) came->pdata[1]));
  fail_if (GST_BUFFER_IS_DISCONT ((GstBuffer *) came->pdata[2]));
  assert_equals_int (key_requests (h), 0);
  g_ptr_array_unref (came);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Who comes late, at any packet, gets whole frames only, from the next key frame on. */
GST_START_TEST (test_late_join)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 6, 3);
  GPtrArray *packets = send_all (frames, &usual);
  guint from, i, missing;

  for (from = 0; from < packets->len; from++) {
    GstHarness *h = start_depay (TRUE, TRUE);
    GPtrArray *came;
    guint next = 0;
    guint8 header;

    gst_buffer_extract (packets->pdata[from], RTP_HEADER, &header, 1);
    while (next < frames->len && (!is_key_frame (frames, next)
            || next < frame_of (packets->pdata[from])
            || (next == frame_of (packets->pdata[from])
                && !(header & 0x10))))
      next++;
    for (i = from; i < packets->len; i++)
      push_packet (h, packets->pdata[i]);
    came = pull_all (h);
    assert_equals_int (came->len, frames->len - next);
    for (i = 0; i < came->len; i++) {
      assert_equals_int (identify (came->pdata[i], frames, &missing), next + i);
      assert_equals_int (missing, 0);
    }
    if (from > 0 && next > frame_of (packets->pdata[from]))
      fail_unless (key_requests (h) >= 1);
    g_ptr_array_unref (came);
    gst_harness_teardown (h);
  }
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

#define REFRESH 8

/* Who comes late to a stream without key frames, but with rolling refresh, and knows the format from the session
 * description: pictures come from the first frame on, marked, and are whole after one refresh. */
GST_START_TEST (test_late_join_refresh)
{
  GstHarness *enc = test_harness ("alitraenc", "key-int-max", 0, "refresh",
      REFRESH, "threads", 1, NULL);
  GstHarness *pay = start_pay (&usual);
  GstHarness *h =
      gst_harness_new_parse ("rtpalitradepay ! alitradec threads=1");
  gchar *raw = test_caps ("I420", WIDTH, HEIGHT);
  GPtrArray *packets, *pictures;
  GstCaps *caps;
  guint n, i;

  gst_harness_set_src_caps_str (enc, raw);
  gst_harness_set_src_caps_str (pay, "video/x-alitra, version = (int) 1, "
      "stream-format = (string) packet, alignment = (string) frame");
  for (n = 0; n < 5 + 2 * REFRESH; n++)
    gst_harness_push (pay, gst_harness_push_and_pull (enc,
            test_picture ("I420", WIDTH, HEIGHT, n)));
  packets = pull_all (pay);
  caps = gst_pad_get_current_caps (pay->sinkpad);
  fail_unless (gst_structure_has_field (gst_caps_get_structure (caps, 0),
          "config"));
  gst_harness_set_src_caps (h, caps);
  for (i = 0; i < packets->len; i++)
    if (frame_of (packets->pdata[i]) >= 5)
      push_packet (h, packets->pdata[i]);
  pictures = pull_all (h);
  assert_equals_int (pictures->len, 2 * REFRESH);
  for (n = 0; n < pictures->len; n++) {
    gboolean marked = GST_BUFFER_FLAG_IS_SET ((GstBuffer *) pictures->pdata[n],
        GST_BUFFER_FLAG_CORRUPTED);

    if (n == 0)
      fail_unless (marked);
    if (n >= REFRESH)
      fail_if (marked, "frame %u after %u of refresh is not whole", n, REFRESH);
  }
  /* The decoder asked once, when it came. */
  assert_equals_int (key_requests (h), 1);
  g_free (raw);
  g_ptr_array_unref (pictures);
  g_ptr_array_unref (packets);
  gst_harness_teardown (enc);
  gst_harness_teardown (pay);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_duplicates)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 4, 2);
  GPtrArray *packets = send_all (frames, &usual);
  GstHarness *h = start_depay (FALSE, TRUE);
  guint i;

  for (i = 0; i < packets->len; i++) {
    push_packet (h, packets->pdata[i]);
    push_packet (h, packets->pdata[i]);
    push_packet (h, packets->pdata[i / 2]);
  }
  expect_all (h, frames);
  assert_equals_int (key_requests (h), 0);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Packets up to eight places from where they should be: the jitter buffer puts them right. */
GST_START_TEST (test_reordered)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 8, 4);
  GPtrArray *packets = send_all (frames, &usual);
  GstHarness *h =
      gst_harness_new_parse ("rtpjitterbuffer latency=1000 ! rtpalitradepay "
      "wait-for-keyframe=true");
  GRand *random = g_rand_new_with_seed (8);
  guint i, n, missing;

  /* Time stands still: nothing comes because a timer ran out. */
  gst_harness_use_testclock (h);
  gst_harness_set_src_caps_str (h, RTP_CAPS ", seqnum-base = (uint) 0");
  for (i = 0; i + 8 < packets->len; i++) {
    guint other = i + g_rand_int_range (random, 0, 8);
    gpointer packet = packets->pdata[i];

    /* The first one says where the numbers begin. */
    if (i == 0)
      continue;
    packets->pdata[i] = packets->pdata[other];
    packets->pdata[other] = packet;
  }
  for (i = 0; i < packets->len; i++)
    push_packet (h, packets->pdata[i]);
  for (n = 0; n < frames->len; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless (buffer != NULL, "frame %u is missing", n);
    GST_BUFFER_PTS (buffer) = n * TEST_FRAME_DURATION;
    assert_equals_int (identify (buffer, frames, &missing), n);
    assert_equals_int (missing, 0);
    gst_buffer_unref (buffer);
  }
  g_rand_free (random);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* DAMAGE */

/* Whatever comes out is a token packet by its header, and does not upset the decoder. */
static void
decode_what_came (GstHarness * h, GstHarness * decoder)
{
  GPtrArray *came = pull_all (h), *pictures;
  AlitraPacketLayout layout;
  guint i;

  for (i = 0; i < came->len; i++) {
    read_layout (came->pdata[i], &layout);
    gst_harness_push (decoder, gst_buffer_ref (came->pdata[i]));
  }
  pictures = pull_all (decoder);
  g_ptr_array_unref (pictures);
  g_ptr_array_unref (came);
}

static void
check_flips (const gchar * mode, gboolean slices, guint seed)
{
  GPtrArray *frames = test_packets_with (WIDTH, HEIGHT, 6, 2, slices);
  Sender sender =
      { mode, slices ? mtu_of_slices (frames->pdata[0]) : 300, 0, !slices };
  GPtrArray *packets = send_all (frames, &sender);
  GstHarness *h = start_depay (FALSE, FALSE), *decoder = start_decoder ();
  GRand *random = g_rand_new_with_seed (seed);
  guint round, i;

  g_object_set (decoder->element, "max-errors", -1, NULL);
  for (round = 0; round < 20; round++)
    for (i = 0; i < packets->len; i++) {
      GstBuffer *packet = gst_buffer_copy_deep (packets->pdata[i]);
      gsize size = gst_buffer_get_size (packet);
      gsize at = g_rand_int_range (random, 0, 3) ? g_rand_int_range (random,
          RTP_HEADER, size) : RTP_HEADER + g_rand_int_range (random, 0, 6);
      GstMapInfo map;

      gst_buffer_map (packet, &map, GST_MAP_READWRITE);
      map.data[MIN (at, size - 1)] ^= 1 << g_rand_int_range (random, 0, 8);
      /* The rounds follow each other. */
      GST_WRITE_UINT16_BE (map.data + 2, round * packets->len + i);
      gst_buffer_unmap (packet, &map);
      if (!g_rand_int_range (random, 0, 8))
        gst_buffer_set_size (packet, g_rand_int_range (random, RTP_HEADER,
                size));
      assert_equals_int (gst_harness_push (h, packet), GST_FLOW_OK);
      decode_what_came (h, decoder);
    }
  gst_harness_push_event (h, gst_event_new_eos ());
  decode_what_came (h, decoder);
  g_rand_free (random);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
  gst_harness_teardown (decoder);
}

GST_START_TEST (test_bit_flips)
{
  check_flips ("zero-latency", FALSE, 1);
  check_flips ("none", FALSE, 2);
  check_flips ("max", FALSE, 3);
  check_flips ("zero-latency", TRUE, 4);
}

GST_END_TEST;

static GstBuffer *
random_packet (GRand * random, guint seqnum)
{
  guint size = g_rand_int_range (random, 0, 60), i;
  GstBuffer *packet = gst_rtp_buffer_new_allocate (size, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint8 *payload;

  gst_rtp_buffer_map (packet, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_seq (&rtp, seqnum);
  gst_rtp_buffer_set_payload_type (&rtp, 96);
  gst_rtp_buffer_set_timestamp (&rtp, seqnum / 4 * 3600);
  payload = gst_rtp_buffer_get_payload (&rtp);
  for (i = 0; i < size; i++)
    payload[i] = g_rand_int (random);
  /* Mostly the right version, and the start of a token packet. */
  if (size > 0 && g_rand_int_range (random, 0, 8))
    payload[0] = 0x40 | (payload[0] & 0x3f);
  if (size > 10 && g_rand_int_range (random, 0, 2))
    memcpy (payload + 6, "ALTK\002", 5);
  gst_rtp_buffer_unmap (&rtp);
  return packet;
}

/* Noise, then a whole stream: the stream comes through. */
GST_START_TEST (test_noise)
{
  const Sender sender = { "zero-latency", 200, 10000, 0 };
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 3, 0);
  GPtrArray *packets = send_all (frames, &sender);
  GstHarness *h = start_depay (TRUE, TRUE), *decoder = start_decoder ();
  GRand *random = g_rand_new_with_seed (4);
  guint i;

  for (i = 0; i < 9000; i++) {
    assert_equals_int (gst_harness_push (h, random_packet (random, i)),
        GST_FLOW_OK);
    decode_what_came (h, decoder);
  }
  for (i = 0; i < packets->len; i++)
    push_packet (h, packets->pdata[i]);
  expect_all (h, frames);
  g_rand_free (random);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
  gst_harness_teardown (decoder);
}

GST_END_TEST;

/* CAPS */

static void
expect_size (GstPad * pad, gint width, gint height)
{
  GstCaps *caps = gst_pad_get_current_caps (pad);
  GstStructure *s;
  gint value;

  fail_unless (caps != NULL);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (s, "width", &value));
  assert_equals_int (value, width);
  fail_unless (gst_structure_get_int (s, "height", &value));
  assert_equals_int (value, height);
  gst_caps_unref (caps);
}

/* A stream that changes its size in the middle, without new caps at the receiver. */
GST_START_TEST (test_size_change)
{
  GPtrArray *small = test_packets (WIDTH, HEIGHT, 2, 0);
  GPtrArray *large = test_packets (400, 300, 2, 0);
  GstHarness *pay = start_pay (&usual), *h = start_depay (TRUE, FALSE);
  GPtrArray *streams[] = { small, large };
  guint i, n;

  for (i = 0; i < 2; i++) {
    GPtrArray *packets;

    gst_harness_set_src_caps_str (pay, i == 0 ? TOKEN_CAPS
        : TOKEN_CAPS ", width = (int) 400");
    for (n = 0; n < 2; n++)
      gst_harness_push (pay, gst_buffer_ref (streams[i]->pdata[n]));
    packets = pull_all (pay);
    for (n = 0; n < packets->len; n++)
      push_packet (h, packets->pdata[n]);
    expect_all (h, streams[i]);
    expect_size (h->sinkpad, i == 0 ? WIDTH : 400, i == 0 ? HEIGHT : 300);
    g_ptr_array_unref (packets);
  }
  g_ptr_array_unref (small);
  g_ptr_array_unref (large);
  gst_harness_teardown (pay);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The caps of the payloader survive a session description, and say the format before the first packet. */
GST_START_TEST (test_sdp)
{
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, 1, 0);
  GstHarness *pay = start_pay (&usual), *h;
  GstCaps *caps, *back;
  GstStructure *s;
  GstSDPMedia *media;
  AlitraPacketLayout layout;
  gchar *id, *text;

  /* The caps name the model that the packets are from. */
  read_layout (frames->pdata[0], &layout);
  id = g_strdup_printf ("alitra-test-%08x", layout.info.model);
  text = g_strdup_printf ("video/x-alitra, version = (int) 1, stream-format = "
      "(string) packet, alignment = (string) frame, model-id = (string) %s",
      id);
  gst_harness_set_src_caps_str (pay, text);
  gst_harness_push (pay, gst_buffer_ref (frames->pdata[0]));
  caps = gst_pad_get_current_caps (pay->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  assert_equals_string (gst_structure_get_string (s, "encoding-name"),
      "X-ALITRA");
  assert_equals_string (gst_structure_get_string (s, "model-id"), id);
  gst_sdp_media_new (&media);
  assert_equals_int (gst_sdp_media_set_media_from_caps (caps, media),
      GST_SDP_OK);
  back = gst_sdp_media_get_caps_from_media (media, 96);
  fail_unless (back != NULL);
  gst_structure_set_name (gst_caps_get_structure (back, 0),
      "application/x-rtp");

  h = gst_harness_new ("rtpalitradepay");
  gst_harness_set_src_caps (h, back);
  expect_size (h->sinkpad, WIDTH, HEIGHT);
  gst_caps_unref (caps);
  caps = gst_pad_get_current_caps (h->sinkpad);
  assert_equals_string (gst_structure_get_string (gst_caps_get_structure (caps,
              0), "model-id"), id);
  gst_caps_unref (caps);
  gst_sdp_media_free (media);
  g_free (id);
  g_free (text);
  g_ptr_array_unref (frames);
  gst_harness_teardown (pay);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A receiver without session description that comes between key frames learns the format from the next config. */
GST_START_TEST (test_config_in_band)
{
  const Sender sender = { "zero-latency", 1400, 0, 1 };
  GPtrArray *frames = test_packets (WIDTH, HEIGHT, TEST_FPS + 1, 0);
  GPtrArray *packets = send_all (frames, &sender);
  GstHarness *h = start_depay (FALSE, FALSE);
  guint i, configs = 0;

  for (i = 0; i < packets->len; i++) {
    guint8 header;

    gst_buffer_extract (packets->pdata[i], RTP_HEADER, &header, 1);
    configs += header & 1;
    if (frame_of (packets->pdata[i]) > 0)
      push_packet (h, packets->pdata[i]);
  }
  assert_equals_int (configs, 2);
  expect_size (h->sinkpad, WIDTH, HEIGHT);
  g_ptr_array_unref (packets);
  g_ptr_array_unref (frames);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_other_version)
{
  GstHarness *h = gst_harness_new ("rtpalitradepay");
  GstBus *bus = test_watch (h);

  gst_harness_set_src_caps_str (h, RTP_CAPS ", version = (string) 2");
  test_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "version");
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
rtpalitra_suite (void)
{
  Suite *suite = suite_create ("rtpalitra");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_round_trips);
  tcase_add_test (tc, test_sizes_around_mtu);
  tcase_add_test (tc, test_chunks_stay_whole);
  tcase_add_test (tc, test_slices);
  tcase_add_test (tc, test_aggregates);
  tcase_add_test (tc, test_pay_refuses_garbage);
  tcase_add_test (tc, test_any_loss);
  tcase_add_test (tc, test_whole_slices);
  tcase_add_test (tc, test_group_by_layers);
  tcase_add_test (tc, test_heavy_loss);
  tcase_add_test (tc, test_break);
  tcase_add_test (tc, test_request_keyframe);
  tcase_add_test (tc, test_wait_for_keyframe);
  tcase_add_test (tc, test_late_join);
  tcase_add_test (tc, test_late_join_refresh);
  tcase_add_test (tc, test_duplicates);
  tcase_add_test (tc, test_reordered);
  tcase_add_test (tc, test_bit_flips);
  tcase_add_test (tc, test_noise);
  tcase_add_test (tc, test_size_change);
  tcase_add_test (tc, test_sdp);
  tcase_add_test (tc, test_config_in_band);
  tcase_add_test (tc, test_other_version);
  return suite;
}

GST_CHECK_MAIN (rtpalitra);
