/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_ERROR_H
#define ALITRA_ERROR_H

#include <alitra/export.h>

G_BEGIN_DECLS

/**
 * AlitraError:
 * @ALITRA_ERROR_ARGUMENT: a setting or size is outside what the library can do
 * @ALITRA_ERROR_MODEL_NOT_FOUND: no model file at that place
 * @ALITRA_ERROR_MODEL_INVALID: the model file is damaged, foreign or of another version
 * @ALITRA_ERROR_MODEL_MISMATCH: the packet was made with another model
 * @ALITRA_ERROR_PACKET_INVALID: the packet is damaged or not a token packet
 * @ALITRA_ERROR_NEEDS_KEY: a delta packet without the memory that it changes; wait for a key packet
 * @ALITRA_ERROR_TOO_LATE: a delta packet that comes after packets that were behind it, or a second time; drop it
 * @ALITRA_ERROR_NO_MEMORY: a picture of this size does not fit into the memory that is left
 *
 * What can go wrong in libalitra. Messages say what was expected, what was got, and how to mend it.
 */
typedef enum
{
  ALITRA_ERROR_ARGUMENT,
  ALITRA_ERROR_MODEL_NOT_FOUND,
  ALITRA_ERROR_MODEL_INVALID,
  ALITRA_ERROR_MODEL_MISMATCH,
  ALITRA_ERROR_PACKET_INVALID,
  ALITRA_ERROR_NEEDS_KEY,
  ALITRA_ERROR_TOO_LATE,
  ALITRA_ERROR_NO_MEMORY
} AlitraError;

/**
 * ALITRA_ERROR:
 *
 * The domain of the errors of libalitra; codes are those of #AlitraError.
 */
#define ALITRA_ERROR (alitra_error_quark ())

/**
 * alitra_error_quark:
 *
 * Asks for the domain of the errors of libalitra, as g_error_matches() wants it. Any thread may call it.
 *
 * Returns: the domain
 */
ALITRA_API GQuark alitra_error_quark (void);

G_END_DECLS

#endif
