/* json.h - strict JSON: reader into an arena, writer into a buffer.
 *
 * The reader takes RFC 8259 and nothing else: UTF-8 validated, no duplicate keys (hashed, not quadratic), no lone
 * surrogates, no \u0000 (PostgreSQL's jsonb refuses it), limits on depth, keys and number length checked before memory is
 * taken. Integers that fit 64 bits stay exact; everything else is the nearest double. Positions are byte offsets so
 * that an error can name line and column.
 *
 *     struct json *doc; struct json_error why;
 *     if ((e = json_read(a, text, &json_limits_default, &doc, &why))) ...
 *     const struct json *title = json_get(doc, S("title"));
 *
 * The writer never produces invalid JSON by itself, escapes what must be escaped and "</" as "<\/" so that the text may
 * stand inside HTML. Like buf it is sticky; commas are its business. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_NUM, JSON_STR, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	uint32_t at;                 /* byte offset in the source text */
	uint32_t count;              /* of items or members */
	union {
		bool b;
		int64_t i;               /* JSON_INT */
		double num;              /* JSON_NUM */
		struct str s;            /* JSON_STR, unescaped */
		struct json *items;      /* JSON_ARRAY */
		struct json_member *members;  /* JSON_OBJECT, in the order written */
	};
};

struct json_member {
	struct str key;
	uint32_t at;                 /* byte offset of the key */
	struct json value;
};

struct json_limits {
	uint32_t depth;              /* nesting of arrays and objects; at most 63, which is what the writer can write */
	uint32_t keys;               /* members of one object */
	uint32_t values;             /* values in all */
	uint32_t number_chars;       /* at most 64, as num_read */
};
extern const struct json_limits json_limits_default;   /* 32, 25,000, 200,000, 64 */

struct json_error {
	uint32_t at, line, column;   /* line and column from 1, columns in code points */
	const char *what;            /* static sentence: "a comma or } was expected" */
	struct str pointer;          /* JSON pointer of the innermost value, in the arena; may be empty */
	bool duplicate;              /* a duplicate key, rather than broken grammar */
};

/* ERR_UNREADABLE with *why filled; ERR_MEMORY. A number beyond the largest double is unreadable. While it reads, the children
 * of open arrays and objects stand in a block of their own from the arena's source, given back before it returns.
 * `out` and its strings live in `a`; strings without escapes point into text. */
enum err json_read(struct arena *a, struct str text, const struct json_limits *limits, struct json **out, struct json_error *why);

const struct json *json_get(const struct json *object, struct str key);   /* NULL when absent or not an object */
bool json_is_num(const struct json *v);                                   /* JSON_INT or JSON_NUM */
double json_num(const struct json *v);                                    /* of either */
struct str json_str_or(const struct json *object, struct str key, struct str fallback);
bool json_same(const struct json *a, const struct json *b);               /* deep; member order does not matter; 1 == 1.0 */

/* Appends one RFC 6901 step to a pointer in the arena: json_pointer(a, S("/answers"), S("a/b")) -> "/answers/a~1b". */
struct str json_pointer(struct arena *a, struct str base, struct str key);
struct str json_pointer_index(struct arena *a, struct str base, size_t index);

struct json_out {
	struct buf *buf;
	uint64_t comma;              /* one bit per open level: an element was written here */
	unsigned depth;              /* at most 63 */
	bool after_key;
};
void json_out_init(struct json_out *w, struct buf *buf);
void json_open(struct json_out *w, char bracket);        /* '{' or '[' */
void json_close(struct json_out *w, char bracket);       /* '}' or ']' */
void json_key(struct json_out *w, struct str key);
void json_put_str(struct json_out *w, struct str s);
void json_put_int(struct json_out *w, int64_t v);
/* Text that reads back as the same value: all digits of a whole number that fits 64 bits, else the shortest (num_put). NaN and
 * infinities become null. */
void json_put_num(struct json_out *w, double v);
void json_put_bool(struct json_out *w, bool v);
void json_put_null(struct json_out *w);
void json_put_raw(struct json_out *w, struct str json);  /* one valid value, trusted */
void json_put(struct json_out *w, const struct json *v);
/* key and value in one call */
void json_field_str(struct json_out *w, struct str key, struct str s);
void json_field_int(struct json_out *w, struct str key, int64_t v);
void json_field_bool(struct json_out *w, struct str key, bool v);
void json_field_raw(struct json_out *w, struct str key, struct str json);
/* Canonical text of a value: members sorted by key bytes, no white space. What payload hashes are taken of. */
void json_put_canonical(struct json_out *w, const struct json *v);

#endif
