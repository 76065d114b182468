/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitracongestion.h"

#include <math.h>

/* Loss as a measure of congestion, as in Google's congestion control (draft-ietf-rmcat-gcc-02, section 6): above the one
 * the rate falls by half of what was lost, below the other it rises, by so much a second (section 5.5). */
#define MUCH_LOSS .1
#define LITTLE_LOSS .02
#define RISE 1.08
/* Far below what was sent when the trouble began it doubles every second instead, as TCP does below its slow start
 * threshold (RFC 5681, section 3.1): trouble that is over must not cost minutes. */
#define FAST_RISE 2.
#define THRESHOLD .5
/* Reports count for so much time at most: what a network carries is not known for longer. */
#define LONGEST_RISE (5 * GST_SECOND)
#define LONGEST_FAST_RISE GST_SECOND
/* Lateness says less than loss, and sinks say it with every buffer. */
#define FALL_LATE .85
#define LATE_INTERVAL (GST_SECOND / 2)
/* A rate so far above what there is to send limits nothing. */
#define FREE 2.
#define MEMORY (GST_SECOND / 2) /* of the measured rates */

void
gst_alitra_congestion_init (GstAlitraCongestion * self)
{
  self->rate = self->sent = self->wanted = self->threshold = 0.;
  self->falling = FALSE;
  self->last = self->moved = self->raised = GST_CLOCK_TIME_NONE;
}

void
gst_alitra_congestion_sent (GstAlitraCongestion * self, GstClockTime time,
    guint64 bits, guint64 wanted)
{
  GstClockTime since;
  gdouble part;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  if (!GST_CLOCK_TIME_IS_VALID (self->last) || time <= self->last
      || time - self->last > 4 * MEMORY) {
    self->last = self->raised = time;
    return;
  }
  since = time - self->last;
  part = MIN ((gdouble) since / MEMORY, 1.);
  self->sent += part * ((gdouble) bits * GST_SECOND / since - self->sent);
  self->wanted += part * ((gdouble) wanted * GST_SECOND / since - self->wanted);
  self->last = time;
}

static void
fall (GstAlitraCongestion * self, gdouble factor, gdouble least)
{
  const gdouble from = self->rate > 0. ? MIN (self->rate, self->sent)
      : self->sent;

  if (from <= 0.)
    return;
  /* What is lost while it falls says nothing about how far it may rise again. */
  if (!self->falling)
    self->threshold = THRESHOLD * from;
  self->falling = TRUE;
  self->raised = self->last;
  self->rate = MAX (from * factor, least);
}

/* Time that the rate may have risen in. */
static GstClockTime
take_time (GstAlitraCongestion * self)
{
  const GstClockTime from = self->raised;

  self->raised = self->last;
  return GST_CLOCK_TIME_IS_VALID (from) && self->last > from
      ? self->last - from : 0;
}

/* It rises while the network carries what is sent, however little that is: a layer that does not fit is not sent, and
 * would never be if the rate waited for it. */
static void
rise (GstAlitraCongestion * self)
{
  const GstClockTime time = take_time (self);
  const gdouble from = self->rate;
  const gdouble fast = pow (FAST_RISE,
      (gdouble) MIN (time, LONGEST_FAST_RISE) / GST_SECOND);
  const gdouble slow =
      pow (RISE, (gdouble) MIN (time, LONGEST_RISE) / GST_SECOND);

  self->falling = FALSE;
  if (from <= 0.)
    return;
  self->rate = MAX (from * slow, MIN (from * fast, self->threshold));
  self->rate = MIN (self->rate, MAX (FREE * self->wanted, from));
}

void
gst_alitra_congestion_loss (GstAlitraCongestion * self, gdouble lost,
    gdouble least)
{
  if (lost > MUCH_LOSS)
    fall (self, 1. - .5 * MIN (lost, 1.), least);
  else if (lost < LITTLE_LOSS)
    rise (self);
}

void
gst_alitra_congestion_late (GstAlitraCongestion * self, gboolean late,
    gdouble least)
{
  if (GST_CLOCK_TIME_IS_VALID (self->moved)
      && GST_CLOCK_TIME_IS_VALID (self->last) && self->last >= self->moved
      && self->last - self->moved < LATE_INTERVAL)
    return;
  self->moved = self->last;
  if (late)
    fall (self, FALL_LATE, least);
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
