/* export.h - answers handed on as files. First: CSV (RFC 4180, UTF-8 with BOM on request, streamed, formula-safe). */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "core/router.h"

extern const struct route export_routes[];        /* GET /api/v1/surveys/{id}/responses.csv */

/* One CSV field: quoted when it must be; a leading = + - @ TAB CR (or their full-width forms) of text is neutralised
 * by a leading apostrophe. Numbers (is_number) are left alone. */
void csv_field(struct buf *b, struct str text, bool is_number);

#endif
