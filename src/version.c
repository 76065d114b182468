/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/version.h>

void
alitra_version (guint * major, guint * minor, guint * micro)
{
  if (major)
    *major = ALITRA_VERSION_MAJOR;
  if (minor)
    *minor = ALITRA_VERSION_MINOR;
  if (micro)
    *micro = ALITRA_VERSION_MICRO;
}
