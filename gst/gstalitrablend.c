/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitrablend.h"

#include <string.h>

/* Samples from `start` to `end` of a row that get the same colour. */
typedef struct
{
  guint start, end;
  guint alpha;                  /* 0 .. 256 */
  guint8 value[3];              /* of the components of the picture */
} Run;

struct _GstAlitraBlend
{
  GstVideoInfo info;
  gdouble matrix[3][4];         /* component of the picture from red, green, blue of 0..255, and 1 */
  guint32 *pixels;              /* the row that is looked at, as coarse as the component */
  Run *runs;
  guint n_runs;
  guint32 colour;               /* the last one that was converted; 0, invisible, never is */
  guint8 value[3];
};

static void
set_row (gdouble row[4], gdouble r, gdouble g, gdouble b, gdouble offset)
{
  row[0] = r;
  row[1] = g;
  row[2] = b;
  row[3] = offset;
}

static void
make_matrix (GstAlitraBlend * blend)
{
  const GstVideoColorimetry *colour = &blend->info.colorimetry;
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
  gdouble kr = .299, kb = .114, kg, y, u, v;

  if (GST_VIDEO_INFO_IS_RGB (&blend->info)) {
    set_row (blend->matrix[0], 1, 0, 0, 0);
    set_row (blend->matrix[1], 0, 1, 0, 0);
    set_row (blend->matrix[2], 0, 0, 1, 0);
    return;
  }
  gst_video_color_matrix_get_Kr_Kb (colour->matrix, &kr, &kb);
  gst_video_color_range_offsets (colour->range, blend->info.finfo, offset,
      scale);
  kg = 1 - kr - kb;
  y = scale[0] / 255.;
  set_row (blend->matrix[0], y * kr, y * kg, y * kb, offset[0]);
  if (GST_VIDEO_INFO_N_COMPONENTS (&blend->info) < 3)
    return;
  u = scale[1] / 255. / (2 * (1 - kb));
  v = scale[2] / 255. / (2 * (1 - kr));
  set_row (blend->matrix[1], -u * kr, -u * kg, u * (1 - kb), offset[1]);
  set_row (blend->matrix[2], v * (1 - kr), -v * kg, -v * kb, offset[2]);
}

GstAlitraBlend *
gst_alitra_blend_new (const GstVideoInfo * info)
{
  GstAlitraBlend *blend = g_new0 (GstAlitraBlend, 1);

  blend->info = *info;
  make_matrix (blend);
  blend->pixels = g_new0 (guint32, GST_VIDEO_INFO_WIDTH (info));
  blend->runs = g_new0 (Run, GST_VIDEO_INFO_WIDTH (info));
  return blend;
}

void
gst_alitra_blend_free (GstAlitraBlend * blend)
{
  g_free (blend->pixels);
  g_free (blend->runs);
  g_free (blend);
}

/* RUNS */

static guint
alpha_of (guint32 pixel)
{
  return GUINT32_FROM_LE (pixel) >> 24;
}

static void
convert (GstAlitraBlend * blend, guint32 pixel)
{
  guint32 p = GUINT32_FROM_LE (pixel);
  gdouble r = p >> 16 & 255, g = p >> 8 & 255, b = p & 255;
  guint i;

  if (blend->colour == pixel)
    return;
  blend->colour = pixel;
  for (i = 0; i < 3; i++) {
    const gdouble *row = blend->matrix[i];
    gdouble value = row[0] * r + row[1] * g + row[2] * b + row[3] + .5;

    blend->value[i] = CLAMP (value, 0., 255.);
  }
}

/* Runs of the same colour that are to be seen at all. */
static void
find_runs (GstAlitraBlend * blend, const guint32 * pixels, guint width)
{
  guint x = 0;

  blend->n_runs = 0;
  while (x < width) {
    const guint32 pixel = pixels[x];
    Run *run = &blend->runs[blend->n_runs];

    run->start = x;
    while (++x < width && pixels[x] == pixel);
    if (alpha_of (pixel) == 0)
      continue;
    convert (blend, pixel);
    run->end = x;
    run->alpha = alpha_of (pixel) + (alpha_of (pixel) >> 7);
    memcpy (run->value, blend->value, sizeof (run->value));
    blend->n_runs++;
  }
}

/* BLENDING */

static void
blend_samples (guint8 * to, guint count, guint alpha, guint value)
{
  const guint rest = 256 - alpha, add = alpha * value + 128;
  guint i;

  for (i = 0; i < count; i++)
    to[i] = (to[i] * rest + add) >> 8;
}

static void
blend_spread_samples (guint8 * to, guint step, guint count, guint alpha,
    guint value)
{
  const guint rest = 256 - alpha, add = alpha * value + 128;
  guint i;

  for (i = 0; i < count; i++)
    to[i * step] = (to[i * step] * rest + add) >> 8;
}

static void
blend_row (const GstAlitraBlend * blend, GstVideoFrame * frame, guint component,
    guint row)
{
  guint8 *to = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, component) +
      (gssize) row * GST_VIDEO_FRAME_COMP_STRIDE (frame, component);
  const guint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
  guint i;

  for (i = 0; i < blend->n_runs; i++) {
    const Run *run = &blend->runs[i];
    guint count = run->end - run->start;

    if (step == 1)
      blend_samples (to + run->start, count, run->alpha, run->value[component]);
    else
      blend_spread_samples (to + run->start * step, step, count, run->alpha,
          run->value[component]);
  }
}

/* A sample of a coarser component gets the most opaque of the pixels that it stands for: thin lines keep their
 * colour. */
static void
coarsen (GstAlitraBlend * blend, const guint32 * upper, const guint32 * lower,
    guint width, guint w_sub)
{
  guint x, i;

  for (x = 0; x << w_sub < width; x++) {
    guint32 best = upper[x << w_sub];

    for (i = x << w_sub; i < MIN ((x + 1) << w_sub, width); i++) {
      best = alpha_of (upper[i]) > alpha_of (best) ? upper[i] : best;
      best = alpha_of (lower[i]) > alpha_of (best) ? lower[i] : best;
    }
    blend->pixels[x] = best;
  }
}

static const guint32 *
row_at (const guint8 * bgra, gint stride, guint row)
{
  return (const guint32 *) (bgra + (gssize) row * stride);
}

static gboolean
same_as_above (const guint8 * bgra, gint stride, guint row, guint width)
{
  return row > 0 && memcmp (row_at (bgra, stride, row), row_at (bgra, stride,
          row - 1), 4 * (gsize) width) == 0;
}

/* Components of the full size share their runs, row by row. */
static void
blend_fine (GstAlitraBlend * blend, const guint8 * bgra, gint stride,
    GstVideoFrame * frame, const guint * components, guint n)
{
  const guint width = GST_VIDEO_FRAME_WIDTH (frame);
  guint y, i;

  for (y = 0; y < GST_VIDEO_FRAME_HEIGHT (frame); y++) {
    if (!same_as_above (bgra, stride, y, width))
      find_runs (blend, row_at (bgra, stride, y), width);
    for (i = 0; i < n; i++)
      blend_row (blend, frame, components[i], y);
  }
}

/* And so do those that are coarser. */
static void
blend_coarse (GstAlitraBlend * blend, const guint8 * bgra, gint stride,
    GstVideoFrame * frame, const guint * components, guint n)
{
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  const guint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB (finfo, components[0]);
  const guint h_sub = GST_VIDEO_FORMAT_INFO_H_SUB (finfo, components[0]);
  const guint width = GST_VIDEO_FRAME_WIDTH (frame);
  const guint last = GST_VIDEO_FRAME_HEIGHT (frame) - 1;
  gboolean plain = FALSE;       /* the rows that the runs were found in are the same */
  guint y, i;

  for (y = 0; y << h_sub <= last; y++) {
    const guint upper = y << h_sub, lower = MIN (upper + h_sub, last);
    const gboolean alike = lower == upper
        || same_as_above (bgra, stride, lower, width);

    if (!plain || !alike || !same_as_above (bgra, stride, upper, width)) {
      plain = alike;
      coarsen (blend, row_at (bgra, stride, upper), row_at (bgra, stride,
              lower), width, w_sub);
      find_runs (blend, blend->pixels, (width + (1 << w_sub) - 1) >> w_sub);
    }
    for (i = 0; i < n; i++)
      blend_row (blend, frame, components[i], y);
  }
}

void
gst_alitra_blend_over (GstAlitraBlend * blend, const guint8 * bgra, gint stride,
    GstVideoFrame * frame)
{
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  guint fine[3], coarse[3], n_fine = 0, n_coarse = 0, c;

  for (c = 0; c < MIN (GST_VIDEO_FORMAT_INFO_N_COMPONENTS (finfo), 3); c++) {
    if (GST_VIDEO_FORMAT_INFO_W_SUB (finfo, c)
        || GST_VIDEO_FORMAT_INFO_H_SUB (finfo, c))
      coarse[n_coarse++] = c;
    else
      fine[n_fine++] = c;
  }
  if (n_fine)
    blend_fine (blend, bgra, stride, frame, fine, n_fine);
  if (n_coarse)
    blend_coarse (blend, bgra, stride, frame, coarse, n_coarse);
}
