/* export.h - answers handed on as files. First: CSV (RFC 4180, UTF-8 with BOM on request, streamed, formula-safe). */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "core/csv.h"
#include "core/router.h"

extern const struct route export_routes[]; /* GET /api/v1/surveys/{id}/responses.csv */

#endif
