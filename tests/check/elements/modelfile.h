/* gst-alitra: adaptive-length video tokens for GStreamer
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TEST_MODEL_FILE_H
#define TEST_MODEL_FILE_H

#include <glib.h>

/* A second reader of model files, for checks that share no code with the library. */
typedef struct _TestModelFile TestModelFile;

/* The model that the tests run with. */
TestModelFile *test_model_file_open (void);
void test_model_file_close (TestModelFile * file);

/* A tensor of two dimensions as doubles, kept by the file; fails the test if there is none. */
const gdouble *test_model_file_get (TestModelFile * file, const gchar * name, guint * rows, guint * columns);
/* A number of the settings; @index counts in arrays. */
gdouble test_model_file_setting (TestModelFile * file, const gchar * name, guint index);

#endif
