/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstalitralostmeta.h"

#include <gst/video/video.h>

#define PATCH 16
/* No more rectangles than this: what is left becomes one that holds all of it. */
#define MOST_REGIONS 64

typedef struct
{
  guint x, y, width, height;    /* in patches */
} Region;

/* The first run of lost patches of the row at or behind `from`; FALSE: there is none. */
static gboolean
find_run (const AlitraMemory * memory, guint columns, guint row, guint from,
    Region * run)
{
  guint end;

  while (from < columns && alitra_memory_patch_is_valid (memory, from, row))
    from++;
  if (from == columns)
    return FALSE;
  end = from + 1;
  while (end < columns && !alitra_memory_patch_is_valid (memory, end, row))
    end++;
  *run = (Region) {
  from, row, end - from, 1};
  return TRUE;
}

/* Whether a region ends just above the run and is as wide; it then grows. */
static gboolean
grow (Region * regions, guint n, const Region * run)
{
  for (guint i = n; i-- > 0;) {
    Region *above = &regions[i];

    if (above->x == run->x && above->width == run->width
        && above->y + above->height == run->y) {
      above->height++;
      return TRUE;
    }
  }
  return FALSE;
}

static void
enclose (Region * region, const Region * run)
{
  guint right = MAX (region->x + region->width, run->x + run->width);
  guint bottom = MAX (region->y + region->height, run->y + run->height);

  region->x = MIN (region->x, run->x);
  region->y = MIN (region->y, run->y);
  region->width = right - region->x;
  region->height = bottom - region->y;
}

static guint
find_regions (const AlitraMemory * memory, guint columns, guint rows,
    Region * regions)
{
  guint n = 0;

  for (guint row = 0; row < rows; row++) {
    Region run = { 0, };

    while (find_run (memory, columns, row, run.x + run.width, &run)) {
      if (grow (regions, n, &run))
        continue;
      if (n < MOST_REGIONS)
        regions[n++] = run;
      else
        enclose (&regions[n - 1], &run);
    }
  }
  return n;
}

void
gst_alitra_buffer_mark_lost (GstBuffer * buffer, const AlitraMemory * memory,
    guint width, guint height)
{
  Region regions[MOST_REGIONS];
  guint columns = (width + PATCH - 1) / PATCH;
  guint rows = (height + PATCH - 1) / PATCH, n = 1;

  regions[0] = (Region) {
  0, 0, columns, rows};
  if (memory)
    n = find_regions (memory, columns, rows, regions);

  for (guint i = 0; i < n; i++) {
    guint x = regions[i].x * PATCH, y = regions[i].y * PATCH;

    gst_buffer_add_video_region_of_interest_meta (buffer,
        GST_ALITRA_LOST_REGION, x, y, MIN (regions[i].width * PATCH, width - x),
        MIN (regions[i].height * PATCH, height - y));
  }
}
