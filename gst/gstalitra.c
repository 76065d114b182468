/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:plugin-alitra
 *
 * Live video as adaptive-length tokens: encoder, decoder, parser and typefinder for `video/x-alitra`, a trimmer, tensors,
 * a classifier, a generator, and payloader and depayloader for RTP.
 */
#include "gstalitraelements.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  gboolean ok = FALSE;

  ok |= GST_ELEMENT_REGISTER (alitraenc, plugin);
  ok |= GST_ELEMENT_REGISTER (alitradec, plugin);
  ok |= GST_ELEMENT_REGISTER (alitraparse, plugin);
  ok |= GST_ELEMENT_REGISTER (alitratrim, plugin);
  ok |= GST_ELEMENT_REGISTER (rtpalitrapay, plugin);
  ok |= GST_ELEMENT_REGISTER (rtpalitradepay, plugin);
  ok |= GST_ELEMENT_REGISTER (alitratensor, plugin);
  ok |= GST_ELEMENT_REGISTER (alitraclassify, plugin);
  ok |= GST_ELEMENT_REGISTER (alitragensrc, plugin);
  ok |= GST_TYPE_FIND_REGISTER (alitra, plugin);
  return ok;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, alitra,
    "Adaptive-length video tokens", plugin_init, VERSION, "LGPL", PACKAGE,
    "Unknown package origin")
