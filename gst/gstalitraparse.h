/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_PARSE_H
#define GST_ALITRA_PARSE_H

#include <gst/base/gstbaseparse.h>

G_BEGIN_DECLS

#define GST_TYPE_ALITRA_PARSE (gst_alitra_parse_get_type ())
G_DECLARE_FINAL_TYPE (GstAlitraParse, gst_alitra_parse, GST, ALITRA_PARSE, GstBaseParse)

G_END_DECLS

#endif
