/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/error.h>

/* *INDENT-OFF* (indent would put blanks into the name) */
G_DEFINE_QUARK (alitra-error-quark, alitra_error)
/* *INDENT-ON* */
