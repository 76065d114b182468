/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ALITRA_ELEMENTS_H
#define GST_ALITRA_ELEMENTS_H

#include <gst/gst.h>

G_BEGIN_DECLS

GST_ELEMENT_REGISTER_DECLARE (alitraenc);
GST_ELEMENT_REGISTER_DECLARE (alitradec);
GST_ELEMENT_REGISTER_DECLARE (alitraparse);
GST_ELEMENT_REGISTER_DECLARE (alitratrim);
GST_ELEMENT_REGISTER_DECLARE (rtpalitrapay);
GST_ELEMENT_REGISTER_DECLARE (rtpalitradepay);
GST_ELEMENT_REGISTER_DECLARE (alitratensor);
GST_ELEMENT_REGISTER_DECLARE (alitraclassify);
GST_ELEMENT_REGISTER_DECLARE (alitragensrc);
GST_TYPE_FIND_REGISTER_DECLARE (alitra);

G_END_DECLS

#endif
