/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TEST_TENSOR_READER_H
#define TEST_TENSOR_READER_H

#include <gst/gst.h>

/* A second reader of what alitratensor sends, written from docs/tensors.md; it shares no code with the element. */

/* A row of the tensors; @vector points into the buffer's copy, NULL: there are none. */
typedef struct
{
  gint id;
  guint mask, level;
  gint x, y, side;
  guint depth;
  gint age;
  const gfloat *vector;
} TestRow;

typedef struct
{
  guint rows;                   /* of the tensors, padding included */
  guint count;                  /* that the buffer says are tokens */
  guint vector_size;
  GArray *row;                  /* TestRow */
  gfloat *vectors;
} TestTensors;

/* Reads a buffer of these caps; fails the test on any byte that is not as the document says. */
TestTensors *test_tensors_read (GstCaps * caps, GstBuffer * buffer);
void test_tensors_free (TestTensors * tensors);

#define test_tensors_row(tensors, i) g_array_index ((tensors)->row, TestRow, i)

#endif
