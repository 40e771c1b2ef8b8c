#include "base/arena.h"
#include "base/hex.h"
#include "base/json_scan.h"
#include "base/shim.h"
#include "base/utf8.h"

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

enum err json_scan_failed(struct json_scan *s, const char *p, const char *what)
{
	struct json_error *why = s->why;

	why->at = (uint32_t)(p - s->text.p);
	why->line = why->column = 1;
	why->what = what;
	for (const char *c = s->text.p; WHY_IS_TOLD && c < p; c++) {
		if (*c == '\n') {
			why->line++;
			why->column = 1;
		} else if ((*c & 0xc0) != 0x80) {
			why->column++;
		}
	}
	return ERR_UNREADABLE;
}

/* Any byte of the eight that ends a plain run: a quote, a backslash, a control, or one that is not ASCII. A borrow may
 * report a byte above the first true one as well, never one too few; the caller looks at each. */
static uint64_t stops(uint64_t eight)
{
	uint64_t quote = eight ^ ONES * '"', backslash = eight ^ ONES * '\\';

	return (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | ((eight - ONES * 0x20) & ~eight) |
		   eight) &
	       HIGHS;
}

/* Moves over plain characters to a quote, backslash, control or the end. NULL at text that is not UTF-8 (s->p is there). */
static const char *plain_run(struct json_scan *s, const char *p)
{
	for (;;) {
		uint64_t eight;
		size_t at = 0;

		if (s->end - p >= 8) {
			memcpy(&eight, p, 8);
			if (!stops(eight)) {
				p += 8;
				continue;
			}
		}
		while (p < s->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80)
			p++;
		if (p == s->end || (unsigned char)*p < 0x80)
			return p;
		if (utf8_next(str_make(p, (size_t)(s->end - p)), &at) == 0xfffd && at == 1) {
			s->p = p;
			return NULL;
		}
		p += at;
	}
}

static enum err broken_end(struct json_scan *s, const char *p)
{
	if (p == s->end)
		return json_scan_fail(s, p, "the text ends inside a string");
	return json_scan_fail(s, p, "a control character in a string has to be escaped");
}

static bool hex4(const char *p, const char *end, uint32_t *out)
{
	uint32_t v = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned digit = hex_digit(p[i]);

		if (digit == HEX_NONE)
			return false;
		v = v << 4 | digit;
	}
	*out = v;
	return true;
}

/* At \u: writes the character at *to; surrogates come in pairs. */
static enum err unescape_hex(struct json_scan *s, const char **p, char **to)
{
	const char *at = *p;
	uint32_t c, low;

	if (!hex4(at + 2, s->end, &c))
		return json_scan_fail(s, at, "four hexadecimal digits were expected after \\u");
	at += 6;
	if (c == 0)
		return json_scan_fail(s, *p, "\\u0000 is not allowed");
	if (c >= 0xdc00 && c <= 0xdfff)
		return json_scan_fail(s, *p, "half of a surrogate pair is missing");
	if (c >= 0xd800 && c <= 0xdbff) {
		if (s->end - at < 6 || at[0] != '\\' || at[1] != 'u' || !hex4(at + 2, s->end, &low) || low < 0xdc00 ||
		    low > 0xdfff)
			return json_scan_fail(s, *p, "half of a surrogate pair is missing");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		at += 6;
	}
	*to += utf8_put(*to, c);
	*p = at;
	return OK;
}

static enum err unescape(struct json_scan *s, const char **p, char **to)
{
	char c = s->end - *p > 1 ? (*p)[1] : '\0';

	switch (c) {
	case '"':
	case '\\':
	case '/':
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	case 'u':
		return unescape_hex(s, p, to);
	default:
		return json_scan_fail(s, *p, "this escape does not exist");
	}
	*(*to)++ = c;
	*p += 2;
	return OK;
}

/* Where the string ends, by its quote alone: the most room its text can need. */
static const char *find_quote(const char *p, const char *end)
{
	while (p < end && *p != '"')
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	return p;
}

/* From the first backslash on. What stood before it is `head`. */
static enum err string_with_escapes(struct json_scan *s, struct arena *a, struct str head, struct str *out)
{
	const char *p = head.p + head.n, *run;
	char *start = arena_alloc(a, head.n + (size_t)(find_quote(p, s->end) - p)), *to = start;
	enum err e;

	if (!start)
		return ERR_MEMORY;
	mem_copy(to, head.p, head.n);
	to += head.n;
	while (p < s->end && *p != '"') {
		if (*p != '\\')
			return broken_end(s, p);
		if ((e = unescape(s, &p, &to)))
			return e;
		run = p;
		p = plain_run(s, p);
		if (!p)
			return json_scan_fail(s, s->p, "the text is not UTF-8");
		mem_copy(to, run, (size_t)(p - run));
		to += p - run;
	}
	if (p == s->end)
		return broken_end(s, p);
	s->p = p + 1;
	*out = str_make(start, (size_t)(to - start));
	return OK;
}

enum err json_scan_string(struct json_scan *s, struct arena *a, struct str *out)
{
	const char *from = s->p + 1, *p = plain_run(s, from);

	if (!p)
		return json_scan_fail(s, s->p, "the text is not UTF-8");
	if (p < s->end && *p == '"') {
		*out = str_make(from, (size_t)(p - from));
		s->p = p + 1;
		return OK;
	}
	if (p < s->end && *p == '\\')
		return string_with_escapes(s, a, str_make(from, (size_t)(p - from)), out);
	return broken_end(s, p);
}
