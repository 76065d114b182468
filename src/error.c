/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/error.h>

G_DEFINE_QUARK (alitra - error - quark, alitra_error)
