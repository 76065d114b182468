/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitracongestion.h"

/* Loss as a measure of congestion, as in Google's congestion control (draft-ietf-rmcat-gcc, section 6): above the one the
 * rate falls by half of what was lost, below the other it rises. */
#define MUCH_LOSS .1
#define LITTLE_LOSS .02
#define RISE 1.08
/* Lateness says less than loss, and sinks say it with every buffer. */
#define FALL_LATE .85
#define LATE_INTERVAL (GST_SECOND / 2)
/* A rate so far above what is sent limits nothing. */
#define FREE 2.
#define LEAST 1000.             /* bit/s */
#define MEMORY (GST_SECOND / 2) /* of the measured rate */

void
gst_alitra_congestion_init (GstAlitraCongestion * self)
{
  self->rate = self->sent = 0.;
  self->last = self->moved = GST_CLOCK_TIME_NONE;
}

void
gst_alitra_congestion_sent (GstAlitraCongestion * self, GstClockTime time,
    guint64 bits)
{
  GstClockTime since;
  gdouble part;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  if (!GST_CLOCK_TIME_IS_VALID (self->last) || time <= self->last
      || time - self->last > 4 * MEMORY) {
    self->last = time;
    return;
  }
  since = time - self->last;
  part = MIN ((gdouble) since / MEMORY, 1.);
  self->sent += part * ((gdouble) bits * GST_SECOND / since - self->sent);
  self->last = time;
}

static void
fall (GstAlitraCongestion * self, gdouble factor)
{
  const gdouble from = self->rate > 0. ? MIN (self->rate, self->sent)
      : self->sent;

  if (from > 0.)
    self->rate = MAX (from * factor, LEAST);
}

static void
rise (GstAlitraCongestion * self)
{
  if (self->rate <= 0.)
    return;
  self->rate *= RISE;
  /* Packets may be far smaller than the limit for a while: that says nothing about what the network can carry. */
  self->rate = MIN (self->rate, MAX (FREE * self->sent, self->rate / RISE));
}

void
gst_alitra_congestion_loss (GstAlitraCongestion * self, gdouble lost)
{
  if (lost > MUCH_LOSS)
    fall (self, 1. - .5 * MIN (lost, 1.));
  else if (lost < LITTLE_LOSS)
    rise (self);
}

void
gst_alitra_congestion_late (GstAlitraCongestion * self, gboolean late)
{
  if (GST_CLOCK_TIME_IS_VALID (self->moved)
      && GST_CLOCK_TIME_IS_VALID (self->last) && self->last >= self->moved
      && self->last - self->moved < LATE_INTERVAL)
    return;
  self->moved = self->last;
  if (late)
    fall (self, FALL_LATE);
  else
    rise (self);
}

static void
count_packet (const GValue * value, guint * all, guint * lost)
{
  const GstStructure *packet = GST_VALUE_HOLDS_STRUCTURE (value)
      ? gst_value_get_structure (value) : NULL;
  gboolean is_lost;

  if (!packet || !gst_structure_get_boolean (packet, "lost", &is_lost))
    return;
  (*all)++;
  *lost += is_lost ? 1 : 0;
}

/* Transport-wide congestion control: a structure for each packet, in an array whose type depends on GStreamer's version. */
static gboolean
parse_packets (const GValue * packets, gdouble * lost)
{
  guint all = 0, missing = 0, i;

  if (GST_VALUE_HOLDS_ARRAY (packets)) {
    for (i = 0; i < gst_value_array_get_size (packets); i++)
      count_packet (gst_value_array_get_value (packets, i), &all, &missing);
  } else if (g_type_is_a (G_VALUE_TYPE (packets),
          g_type_from_name ("GValueArray"))) {
    const GValueArray *array = g_value_get_boxed (packets);

    for (i = 0; array && i < array->n_values; i++)
      count_packet (&array->values[i], &all, &missing);
  }
  *lost = all > 0 ? (gdouble) missing / all : 0.;
  return all > 0;
}

gboolean
gst_alitra_congestion_parse (const GstStructure * report, gdouble * lost)
{
  const GValue *packets = gst_structure_get_value (report, "packets");
  gboolean has_report = TRUE;
  guint fraction;

  if (packets)
    return parse_packets (packets, lost);
  if (gst_structure_get_double (report, "fraction-lost", lost))
    return *lost >= 0. && *lost <= 1.;
  gst_structure_get_boolean (report, "have-rb", &has_report);
  if (!has_report
      || !gst_structure_get_uint (report, "rb-fractionlost", &fraction)
      || fraction > 255)
    return FALSE;
  *lost = fraction / 256.;
  return TRUE;
}
