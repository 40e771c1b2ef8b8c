/* str.h - borrowed strings and the growing buffer.
 *
 * A `struct str` is a pointer and a length; it owns nothing, need not end in NUL and may hold any bytes. The text lives in
 * an arena or in the program's own constants and must outlive the str. What copies says `_dup`. NUL-terminated strings
 * exist only at system calls: str_cstr().
 *
 *     struct str name = S("age");
 *     if (str_eq(name, S("age"))) ...
 *
 * `struct buf` grows inside an arena up to a maximum given at birth. It is sticky: after the first refusal (maximum or
 * arena exhausted) `failed` holds the error, further writes do nothing, and the caller checks once at the end with
 * buf_done(). Freestanding: no libc. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct arena;

struct str {
	const char *p;
	size_t n;
};

#define S(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define countof(a) (sizeof(a) / sizeof((a)[0]))
/* for printf-like logging of a str: printf("%.*s", STR_ARGS(s)) */
#define STR_ARGS(s) (int)(s).n, (s).p

struct str str_from(const char *cstr);                 /* borrows; NULL gives the empty str */
struct str str_make(const char *p, size_t n);
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);        /* ASCII letters only: header names, keywords */
int str_cmp(struct str a, struct str b);               /* by byte, then by length: <0, 0, >0 */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_find(struct str s, struct str part, size_t *at);  /* first occurrence; at may be NULL */
bool str_find_char(struct str s, char c, size_t *at);
struct str str_sub(struct str s, size_t from, size_t n);   /* clipped to s; never out of bounds */
struct str str_trim(struct str s);                     /* ASCII white space at both ends */
/* Cuts *rest at the first sep: returns what stood before it and moves *rest behind it; without one returns all and empties
 * *rest. `more` (may be NULL) says whether a separator was found. */
struct str str_cut(struct str *rest, char sep, bool *more);
struct str str_dup(struct arena *a, struct str s);     /* .p == NULL when the arena is exhausted and s.n > 0 */
char *str_cstr(struct arena *a, struct str s);         /* a copy ending in NUL; NULL when exhausted or s holds a NUL */
bool str_to_int(struct str s, int64_t *out);           /* whole text is -?[0-9]+ and fits; else false */

struct buf {
	struct arena *arena;
	char *p;
	size_t n, cap, max;
	enum err failed;
};

void buf_init(struct buf *b, struct arena *a, size_t max_bytes);
void buf_add(struct buf *b, struct str s);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v);
void buf_uint_hex(struct buf *b, uint64_t v, unsigned digits);  /* lower case, zero-padded to `digits` */
void buf_fill(struct buf *b, char c, size_t n);
/* Room for n more bytes, for the caller to write and then claim with b->n += k. NULL when refused. */
char *buf_room(struct buf *b, size_t n);
enum err buf_done(const struct buf *b, struct str *out);        /* b->failed, or OK and the text so far (borrowed) */

#endif
