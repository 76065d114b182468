/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_SELFTEST_H
#define ALITRA_TOOLS_SELFTEST_H

#include <alitra/alitra.h>

G_BEGIN_DECLS

/* What the self-test found of one promise. */
typedef struct
{
  const gchar *promise;
  gboolean kept;
  gchar *details;               /* figures, or what went wrong */
} SelfTestResult;

/* Encodes and decodes a made-up scene. (transfer full) (element-type SelfTestResult): one entry a promise. */
GPtrArray *self_test_promises (AlitraModel * model);

typedef struct
{
  guint width, height, threads; /* threads as in alitra_tokenizer_new() */
  guint frames;                 /* that were measured, at least 1 */
  gdouble encode, decode;       /* seconds a frame, mean */
} SelfTestSpeed;

/* Measures for about so many seconds; FALSE with an error where self_test_promises() would fail too. */
gboolean self_test_speed (AlitraModel * model, gdouble seconds, SelfTestSpeed * speed, GError ** error);

G_END_DECLS

#endif
