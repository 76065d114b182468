/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_EXPORT_H
#define ALITRA_EXPORT_H

#include <glib.h>
#include <glib-object.h>

/* Only what is marked ALITRA_API leaves the shared library. */
#if defined(__GNUC__)
#define ALITRA_API __attribute__ ((visibility ("default"))) extern
#else
#define ALITRA_API extern
#endif

#endif
