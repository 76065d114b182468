/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_RECEIVER_H
#define GST_ALITRA_RECEIVER_H

#include <alitra/alitra.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* The end of a stream, for elements that take packets: buffers go into a memory of tokens, and when a key packet should
 * be asked for is known. */
typedef struct
{
  AlitraModel *model;
  AlitraDetokenizer *detokenizer;       /* NULL: not started */
  const gchar *property;        /* that names the model file, for errors */
  gchar *model_id;              /* that the caps name */
  AlitraStreamInfo caps_stream; /* that the caps describe; width 0: they do not say it */
  guint waiting;                /* packets since a key packet is missing */
  gboolean joined;              /* with the last packet, in the middle of the stream */

  AlitraPacketInfo info;        /* of the last packet */
  AlitraLoss loss;              /* after the last packet that was applied */
} GstAlitraReceiver;

typedef enum
{
  GST_ALITRA_RECEIVED,          /* the packet is in the memory, as far as it came */
  GST_ALITRA_USELESS,           /* it changes a memory that is not here, or comes too late */
  GST_ALITRA_DAMAGED,           /* it is no packet */
  GST_ALITRA_WRONG_MODEL        /* an error was posted */
} GstAlitraReceived;

/* Loads the model; FALSE: an error of @element was posted. The property that names the file is "model", unless
 * `property` is set to another afterwards. */
gboolean gst_alitra_receiver_start (GstAlitraReceiver * self, GstElement * element, const gchar * model_path,
    guint threads);
void gst_alitra_receiver_stop (GstAlitraReceiver * self);
/* After a flush: what comes next need not follow. */
void gst_alitra_receiver_flush (GstAlitraReceiver * self);

/* FALSE: the caps name another model; an error of @element was posted. */
gboolean gst_alitra_receiver_set_caps (GstAlitraReceiver * self, GstElement * element, GstCaps * caps);

/* @patience: packets that cells may be lost before a key packet is asked for.
 * @ask: (out): whether to ask for one now
 * @error: (out): set unless GST_ALITRA_RECEIVED or GST_ALITRA_WRONG_MODEL */
GstAlitraReceived gst_alitra_receiver_take (GstAlitraReceiver * self, GstElement * element, GstBuffer * buffer,
    guint patience, gboolean * ask, GError ** error);

/* Counts one more packet for which a key packet is missing; TRUE: ask for it now. */
gboolean gst_alitra_key_is_due (guint * waiting);

/* Asks whoever sends to @sink for a key packet. all_headers: and for what only the beginning of a stream says. */
void gst_alitra_ask_for_key (GstPad * sink, gboolean all_headers);

G_END_DECLS

#endif
