/* value.h - what an expression works with, and what is stored as an answer. Room-internal.
 *
 * A value borrows its text, items and fields from the arena of the run or from the program. Empty is a value of its own;
 * an empty text and an empty list count as empty too (value_is_empty), so that "no answer" has one meaning everywhere. */
#ifndef ENGINE_VALUE_H
#define ENGINE_VALUE_H

#include "base/json.h"

enum value_kind { V_EMPTY, V_BOOL, V_NUM, V_TEXT, V_DATE, V_TIME, V_DATETIME, V_LIST, V_RECORD, VALUE_KINDS };

struct value {
	enum value_kind kind;
	uint32_t count; /* of a list or record */
	union {
		bool b;
		double num;
		struct str s;
		int64_t t; /* days, seconds of the day, or milliseconds */
		const struct value *items;
		const struct value_field *fields;
	};
};

struct value_field {
	struct str name;
	struct value value;
};

/* Days of 0001-01-01 and 9999-12-31. */
#define DATE_FIRST (-719162)
#define DATE_LAST 2932896
#define DAY_MS 86400000

/* Sets of kinds, as the type checker sees them. */
#define K(kind) (1u << (kind))
#define K_SCALAR (K(V_BOOL) | K(V_NUM) | K(V_TEXT) | K(V_DATE) | K(V_TIME) | K(V_DATETIME))
#define K_TIMES (K(V_DATE) | K(V_TIME) | K(V_DATETIME))
#define K_ANY (K_SCALAR | K(V_LIST) | K(V_RECORD))

static const struct value value_empty = {V_EMPTY};

static inline struct value value_num(double v)
{
	return (struct value){.kind = V_NUM, .num = v};
}
static inline struct value value_bool(bool v)
{
	return (struct value){.kind = V_BOOL, .b = v};
}
static inline struct value value_text(struct str s)
{
	return (struct value){.kind = V_TEXT, .s = s};
}
static inline struct value value_time(enum value_kind kind, int64_t t)
{
	return (struct value){.kind = kind, .t = t};
}

bool value_is_empty(const struct value *v);
bool value_is_true(const struct value *v); /* a boolean that is true; nothing else is */
/* Equal: same kind and same content; lists as sets; both empty. */
bool value_same(const struct value *a, const struct value *b);
/* <0, 0, >0 for two scalars of one kind (text by code point); false when they cannot be ordered. */
bool value_order(const struct value *a, const struct value *b, int *order);
/* A date and a datetime: they are compared by their day. */
bool value_days(const struct value *a, const struct value *b);
int64_t value_day(const struct value *v);
/* A date, a time, or both; one without a zone counts as UTC, as what a respondent types has none. */
bool moment_read(enum value_kind kind, struct str s, int64_t *t);
bool value_in(const struct value *item, const struct value *list);
const struct value *value_field(const struct value *record, struct str name); /* NULL when absent */
/* Text as a reader wants it: lists joined by ", ", true and false, ISO dates, a datetime as 2026-11-22 19:04, a file by its name. */
void value_show(struct buf *b, const struct value *v);
void value_json(struct json_out *w, const struct value *v);
/* From JSON: arrays become lists, objects records. ERR_MEMORY. */
enum err value_from_json(struct arena *a, const struct json *j, struct value *out);
const char *value_kind_name(enum value_kind kind); /* "number", "text" ... */

#endif
