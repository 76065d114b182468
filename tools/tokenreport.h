/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOOLS_TOKENREPORT_H
#define ALITRA_TOOLS_TOKENREPORT_H

#include "tokenstats.h"

G_BEGIN_DECLS

/* What a report says besides the counts. */
typedef struct
{
  const gchar *path;
  const gchar *model_id;        /* (nullable): the model that was found and fits */
  const gchar *problem;         /* (nullable): why the file was not read to its end */
  gboolean frames;              /* list the frames as well */
} TokenReport;

void token_report_print_text (const TokenReport * report, const TokenStats * stats);
void token_report_print_json (const TokenReport * report, const TokenStats * stats);

G_END_DECLS

#endif
