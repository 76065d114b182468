/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TESTS_RESIDENT_H
#define ALITRA_TESTS_RESIDENT_H

#include <glib.h>
#include <stdio.h>

/* Memory of the process that no file backs; -1: this system does not say. */
static inline glong
test_resident_kb (void)
{
  FILE *file = fopen ("/proc/self/status", "r");
  char line[256];
  glong kb = -1;

  while (file && kb < 0 && fgets (line, sizeof line, file))
    sscanf (line, "RssAnon: %ld", &kb);
  if (file)
    fclose (file);
  return kb;
}

#endif
