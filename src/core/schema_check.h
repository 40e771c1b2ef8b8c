/* schema_check.h - is one value what its field says? Each records its fault by req_error() and returns false. Inside
 * core only. */
#ifndef CORE_SCHEMA_CHECK_H
#define CORE_SCHEMA_CHECK_H

#include "core/req.h"
#include "core/schema.h"

/* Text fields without a maximum of their own are held to this many code points. */
#define SCHEMA_TEXT_MAX 10000

/* `unit` names what is counted ("items"); NULL for the value itself. */
bool schema_check_bounds(struct req *rq, const struct field *f, int64_t n, struct str pointer, const char *unit);
bool schema_check_number(struct req *rq, const struct field *f, double v, struct str pointer);
/* Any type that is written as text: length, then format. */
bool schema_check_text(struct req *rq, const struct field *f, struct str text, struct str pointer);
/* Checks and puts it where the field's type wants it: struct str, struct uuid or int64_t. */
void schema_store_text(struct req *rq, const struct field *f, struct str text, struct str pointer, char *to);

#endif
