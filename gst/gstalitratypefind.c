/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Recognises files of token packets by the header of the first one, whose checksum leaves no doubt. */
#include <alitra/packet.h>
#include <gst/gst.h>

#include "gstalitraelements.h"
#include "gstalitrastream.h"

static GstStaticCaps typefind_caps = GST_STATIC_CAPS ("video/x-alitra");

static void
suggest (GstTypeFind * find, GstTypeFindProbability probability)
{
  gst_type_find_suggest_simple (find, probability, "video/x-alitra",
      "version", G_TYPE_INT, GST_ALITRA_STREAM_VERSION,
      "stream-format", G_TYPE_STRING, "byte-stream", NULL);
}

/* Some who ask do not say how much there is: grow in steps that miss little. */
static guint
larger (guint size)
{
  return size + (size < 512 ? 16 : size / 4);
}

static void
gst_alitra_type_find (GstTypeFind * find, gpointer user_data)
{
  gboolean begins_well = FALSE;
  guint size;

  for (size = 16; size <= ALITRA_PACKET_MAX_HEADER; size = larger (size)) {
    const guint8 *data = gst_type_find_peek (find, 0, size);
    AlitraPacketInfo info;

    if (data == NULL)
      break;
    switch (alitra_packet_read_info (data, size, &info)) {
      case ALITRA_PACKET_OK:
        suggest (find, GST_TYPE_FIND_MAXIMUM);
        return;
      case ALITRA_PACKET_BAD:
        return;
      case ALITRA_PACKET_NEED_MORE:
        begins_well = TRUE;
        break;
    }
  }
  /* The magic and more, but the header is cut: nothing else looks like it. */
  if (begins_well)
    suggest (find, GST_TYPE_FIND_LIKELY);
}

GST_TYPE_FIND_REGISTER_DEFINE (alitra, "video/x-alitra", GST_RANK_PRIMARY,
    gst_alitra_type_find, "alitra", gst_static_caps_get (&typefind_caps), NULL,
    NULL);
