/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TESTS_GOLDEN_TRANSFORMER_H
#define ALITRA_TESTS_GOLDEN_TRANSFORMER_H

#include <glib.h>

/* (transfer full): path of a file of the folder of golden vectors. */
gchar *test_golden_path (const gchar * name);

/* (transfer full): the bytes of such a file. */
GBytes *test_golden_bytes (const gchar * name);

/* (transfer full): a file for the tokens of a model, made to fit the model allocator.safetensors: it names a model by the
 * checksum of its file, and either file may be drawn anew. */
GBytes *test_golden_bound (const gchar * name);

/* (transfer full): transformer.safetensors, made to fit. */
GBytes *test_golden_transformer (void);

#endif
