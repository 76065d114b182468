/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reference.h"

#include <string.h>

#include "byte-loops.h"
#include "floats.h"
#include "matrix.h"

#define BLOCK ALITRA_BLOCK      /* chroma of a patch is one, luma four */

/* How the bytes of a plane belong to patches. */
typedef struct
{
  guint index;                  /* of the plane */
  guint rows;                   /* of a patch: one or two blocks */
  guint bytes;                  /* in a row of a patch */
  guint step;                   /* 2: samples of two components take turns */
  guint width, height;          /* bytes of a row, rows of the plane */
} Layout;

/* What a row of patches differs by in one component, for each block's width of samples. */
typedef struct
{
  guint32 *sizes;
  gint32 *lean[2];              /* of the upper and of the lower blocks */
} Columns;

typedef struct
{
  AlitraReference *reference;
  const AlitraFrame *frame;
  AlitraTolerance tolerance;    /* in steps of the frame's bytes */
  guint8 *changed;
  const guint8 *mask;
} Job;

gboolean
alitra_reference_takes (AlitraPixelFormat format)
{
  return format <= ALITRA_PIXEL_GRAY8;
}

static guint
planes_of (AlitraPixelFormat format)
{
  return format == ALITRA_PIXEL_GRAY8 ? 1 : format == ALITRA_PIXEL_NV12 ? 2 : 3;
}

static Layout
layout_of (const AlitraFrame * frame, guint index)
{
  const guint pair = frame->format == ALITRA_PIXEL_NV12 ? 2 : 1;
  const guint chroma_width = (frame->width + 1) / 2;
  Layout layout = { index, 2 * BLOCK, 2 * BLOCK, 1, frame->width,
    frame->height
  };

  if (index > 0)
    layout = (Layout) {
    index, BLOCK, BLOCK * pair, pair, chroma_width * pair,
        (frame->height + 1) / 2};
  return layout;
}

static inline guint8 *
byte_at (const AlitraFrame * frame, guint plane, guint x, guint y)
{
  return frame->data[plane] + (gssize) y *frame->stride[plane] + x;
}

void
alitra_reference_init (AlitraReference * reference, guint width, guint height,
    AlitraWorkers * workers)
{
  const guint threads = alitra_workers_get_threads (workers);
  const gsize stride = (width + 63) & ~(gsize) 63;

  memset (reference, 0, sizeof (*reference));
  reference->frame.width = width;
  reference->frame.height = height;
  reference->grid = alitra_grid_of (width, height, 0);
  reference->size = stride * (height + 2 * ((gsize) (height + 1) / 2));
  reference->data = alitra_bytes_new (reference->size);
  reference->pitch = stride;
  reference->sizes = g_new0 (guint32, threads * stride / BLOCK);
  reference->lean = g_new0 (gint32, 2 * threads * stride / BLOCK);
  reference->room = g_malloc (2 * threads * stride);
  reference->sum = g_new0 (guint64, reference->grid.rows);
}

void
alitra_reference_clear (AlitraReference * reference)
{
  alitra_bytes_free (reference->data);
  g_free (reference->sizes);
  g_free (reference->lean);
  g_free (reference->room);
  g_free (reference->sum);
  memset (reference, 0, sizeof (*reference));
}

static gboolean
is_comparable (const AlitraReference * reference, const AlitraFrame * frame)
{
  return reference->known && reference->frame.format == frame->format
      && reference->frame.full_range == frame->full_range;
}

static void
take_format (AlitraReference * reference, const AlitraFrame * frame)
{
  AlitraFrame *own = &reference->frame;
  guint8 *at = reference->data;

  own->format = frame->format;
  own->full_range = frame->full_range;
  for (guint p = 0; p < planes_of (frame->format); p++) {
    own->data[p] = at;
    own->stride[p] = reference->pitch;
    at += reference->pitch * layout_of (frame, p).height;
  }
}

/* One of two components that take turns in a row, without the other; all of it if there is one alone. */
static const guint8 *
pick_component (const guint8 * bytes, const Layout * l, guint component,
    guint8 * room)
{
  const guint count = l->width / l->step;

  if (l->step == 1)
    return bytes;
  for (guint i = 0; i < count; i++)
    room[i] = bytes[2 * i + component];
  return room;
}

/* Adds up a row of patches of one component of one plane. */
static void
add_columns (const Job * job, const Layout * l, guint patches, guint component,
    guint8 * room, Columns * to)
{
  const AlitraByteLoops *loops = alitra_matrix_get_byte_loops ();
  const guint top = patches * l->rows, count = l->width / l->step;
  const guint bottom = MIN (top + l->rows, l->height);
  const gsize blocks = (count + BLOCK - 1) / BLOCK;

  memset (to->sizes, 0, blocks * sizeof (*to->sizes));
  for (guint half = 0; half * BLOCK < l->rows; half++)
    memset (to->lean[half], 0, blocks * sizeof (*to->lean[half]));
  for (guint y = top; y < bottom; y++)
    loops->compare (pick_component (byte_at (job->frame, l->index, 0, y), l,
            component, room), pick_component (byte_at (&job->reference->frame,
                l->index, 0, y), l, component, room + l->width), count,
        to->sizes, to->lean[(y - top) / BLOCK]);
}

/* What a patch differs by in one component is more than the tolerance. */
static gboolean
patch_changed (const Job * job, const Layout * l, guint patches, guint column,
    const Columns * columns, guint64 * sum)
{
  const AlitraTolerance *t = &job->tolerance;
  const gfloat most = l->index ? t->chroma : t->luma;
  const gfloat most_blocks = l->index ? t->chroma_blocks : t->luma_blocks;
  const guint side = l->bytes / l->step, count = l->width / l->step;
  const guint x = column * side, wide = MIN (side, count - x);
  const guint rows = MIN (l->rows, l->height - patches * l->rows);
  const gfloat samples = rows * wide;
  guint size = 0, blocks = 0;

  for (guint at = x / BLOCK; at * BLOCK < x + wide; at++) {
    size += columns->sizes[at];
    for (guint half = 0; half * BLOCK < l->rows; half++)
      blocks += ABS (columns->lean[half][at]);
  }
  *sum += size;
  return size > most * samples || blocks > most_blocks * samples;
}

/* A row of patches of one plane. */
static guint64
compare_plane (const Job * job, const Layout * l, guint row, guint worker,
    guint8 * changed)
{
  AlitraReference *reference = job->reference;
  const guint columns = (job->frame->width + 15) / 16;
  const gsize blocks = reference->pitch / BLOCK;
  Columns c = { reference->sizes + worker * blocks, {reference->lean
          + 2 * worker * blocks, reference->lean + (2 * worker + 1) * blocks}
  };
  guint64 sum = 0;

  for (guint component = 0; component < l->step; component++) {
    add_columns (job, l, row, component, reference->room
        + 2 * worker * reference->pitch, &c);
    for (guint x = 0; x < columns; x++)
      changed[x] |= patch_changed (job, l, row, x, &c, &sum);
  }
  return sum;
}

static void
compare_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  AlitraReference *reference = job->reference;
  const guint columns = (job->frame->width + 15) / 16;
  const guint last = (job->frame->height + 15) / 16 - 1;
  guint8 *changed = job->changed + (gsize) row * reference->grid.columns;

  memset (changed, 0, reference->grid.columns);
  reference->sum[row] = 0;
  if (row > last)
    return;
  for (guint p = 0; p < planes_of (job->frame->format); p++) {
    const Layout layout = layout_of (job->frame, p);
    guint64 sum;

    if (row * layout.rows >= layout.height)
      continue;
    sum = compare_plane (job, &layout, row, worker, changed);
    if (p == 0)
      reference->sum[row] = sum;
  }
  for (guint x = columns; x < reference->grid.columns; x++)
    changed[x] = changed[columns - 1];
}

gdouble
alitra_reference_compare (AlitraReference * reference,
    const AlitraFrame * frame, const AlitraTolerance * tolerance,
    guint8 * changed, AlitraWorkers * workers)
{
  const gsize columns = reference->grid.columns;
  const guint last = (frame->height + 15) / 16 - 1;
  const gfloat luma = frame->full_range ? 1.f : 219.f / 255.f;
  const gfloat chroma = frame->full_range ? 1.f : 224.f / 255.f;
  Job job = { reference, frame, {tolerance->luma * luma,
          tolerance->luma_blocks * luma, tolerance->chroma * chroma,
      tolerance->chroma_blocks * chroma}, changed, NULL
  };
  guint64 sum = 0;

  if (!is_comparable (reference, frame)) {
    memset (changed, 1, columns * reference->grid.rows);
    return G_MAXDOUBLE;
  }
  alitra_workers_run (workers, reference->grid.rows, compare_row, &job);
  for (guint row = last + 1; row < reference->grid.rows; row++)
    memcpy (changed + row * columns, changed + last * columns, columns);
  for (guint row = 0; row <= last; row++)
    sum += reference->sum[row];
  return sum / luma / ((gdouble) frame->width * frame->height);
}

static void
remember_row (gpointer data, guint row, guint worker)
{
  const Job *job = data;
  AlitraReference *reference = job->reference;
  const gsize columns = reference->grid.columns;
  const guint8 *mask = job->mask ? job->mask + row * columns : NULL;

  for (guint p = 0; p < planes_of (job->frame->format); p++) {
    const Layout l = layout_of (job->frame, p);
    guint first = 0;

    while (first * l.bytes < l.width) {
      guint end = first;

      while (end * l.bytes < l.width && (!mask || mask[end]))
        end++;
      for (guint y = row * l.rows; y < MIN ((row + 1) * l.rows, l.height)
          && end > first; y++)
        memcpy (byte_at (&reference->frame, p, first * l.bytes, y),
            byte_at (job->frame, p, first * l.bytes, y),
            MIN (end * l.bytes, l.width) - first * l.bytes);
      first = end + 1;
    }
  }
}

void
alitra_reference_remember (AlitraReference * reference,
    const AlitraFrame * frame, const guint8 * mask, AlitraWorkers * workers)
{
  Job job = { reference, frame, {0.f}, NULL, mask };

  if (!is_comparable (reference, frame)) {
    take_format (reference, frame);
    reference->known = TRUE;
    job.mask = NULL;
  }
  alitra_workers_run (workers, reference->grid.rows, remember_row, &job);
}

void
alitra_reference_forget (AlitraReference * reference)
{
  reference->known = FALSE;
}
