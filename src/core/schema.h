/* schema.h - a body or query described once: the 422 pointers, the OpenAPI schema and the TypeScript type come from these rows.
 *
 *     struct survey_new { struct str title; int64_t retention_days; };
 *     static const struct field survey_new_fields[] = {
 *         FIELD(struct survey_new, title,          FT_TEXT, REQUIRED, 1, 200, "What people see"),
 *         FIELD(struct survey_new, retention_days, FT_INT,  OPTIONAL, 1, 3650, "Days until answers are purged"),
 *     };
 *     const struct shape survey_new = SHAPE("SurveyNew", struct survey_new, survey_new_fields);
 *
 * What comes in is read into the struct; what goes out is only described (its JSON is made by SQL): use OUT(). For text the
 * bounds count code points, for numbers the value, for lists the items. Absent optional fields leave zeroes; which ones were
 * there is a bit per field in *present (a merge patch needs to know; `null` counts as present and leaves zeroes, and is refused
 * unless NULLABLE). */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include "base/json.h"
#include "base/uuid.h"

/* What lands in the struct: struct str for TEXT, DATE, EMAIL, URL, LANGUAGE and ENUM (checked, as written), int64_t for INT and for
 * TIME (milliseconds), double for NUM, bool, struct uuid; the others as told below. */
enum field_type { FT_TEXT, FT_INT, FT_NUM, FT_BOOL, FT_UUID, FT_TIME, FT_DATE, FT_EMAIL, FT_URL, FT_LANGUAGE, FT_ENUM,
	FT_JSON,        /* any value: const struct json * */
	FT_OBJECT,      /* with .shape: nested struct in place (in), or described (out); without .shape: free-form object, const struct json * */
	FT_LIST,        /* of .shape objects (out only), or of text when .shape is NULL (in: struct str_list) */
	FT_MAP };       /* object with free keys and text values; in: const struct json * */

#define REQUIRED 1u
#define OPTIONAL 2u
#define NULLABLE 4u

struct str_list { struct str *items; size_t n; };

struct shape;
struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	int64_t min, max;            /* 0, 0: no bound of its own (text is then held to 10,000 code points) */
	const char *about;           /* a sentence, for the API page */
	size_t offset;
	const struct shape *shape;
	const char *const *choices;  /* FT_ENUM: NULL-terminated */
};
struct shape {
	const char *name;            /* "SurveyNew": component name in OpenAPI */
	size_t size;
	const struct field *fields;
	size_t field_count;          /* at most 64 */
	bool open;                   /* other members are let through: a document that someone else judges */
};

#define FIELD(strct, member, ftype, fflags, lo, hi, text, ...) \
	{ .name = #member, .type = (ftype), .flags = (fflags), .min = (lo), .max = (hi), .about = (text), .offset = offsetof(strct, member), ##__VA_ARGS__ }
#define OUT(fname, ftype, fflags, text, ...) \
	{ .name = (fname), .type = (ftype), .flags = (fflags), .about = (text), ##__VA_ARGS__ }
#define SHAPE(sname, strct, rows) { .name = (sname), .size = sizeof(strct), .fields = (rows), .field_count = countof(rows) }
#define SHAPE_OUT(sname, rows) { .name = (sname), .size = 0, .fields = (rows), .field_count = countof(rows) }

struct req;
/* Reads `body` into `out` (shape->size bytes, zeroed). Every fault is recorded with req_error() under `pointer`; ERR_INVALID when
 * there was one. Unknown members are faults. */
enum err schema_read(struct req *rq, const struct shape *shape, const struct json *body, struct str pointer, void *out, uint64_t *present);
/* The same from a query string: text is converted to the field's type; unknown parameters are faults, pointer "/query/NAME". A list is
 * written with commas (include=links,counts); a map as NAME.KEY=value (answer.city=Hanoi). The parameters of ROUTE_LIST are left alone
 * when rq->route has that flag. `shape` may be NULL: then every parameter is unknown. */
enum err schema_read_query(struct req *rq, const struct shape *shape, struct str query, void *out, uint64_t *present);
bool schema_has(const struct shape *shape, uint64_t present, const char *name);
/* Appends the JSON Schema (2020-12, OpenAPI 3.1) of a shape. */
void schema_print(const struct shape *shape, struct json_out *w);
/* The schema of one field, e.g. of a parameter. Nested shapes are references to components. */
void schema_print_field(const struct field *field, bool out, struct json_out *w);

#endif
