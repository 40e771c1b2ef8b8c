#include "base/arena.h"
#include "base/hex.h"
#include "base/shim.h"
#include "base/utf8.h"

#define HIGH_BITS 0x8080808080808080u

/* Bytes of the well-formed sequence at p (n > 0 bytes are there), 0 when it is none: table 3-7 of the Unicode Standard. */
static unsigned sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	unsigned need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < need || p[1] < low || p[1] > high)
		return 0;
	for (unsigned i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

bool utf8_valid(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t at = 0;

	while (at < s.n) {
		uint64_t eight;
		unsigned step;

		if (s.n - at >= 8) {
			memcpy(&eight, p + at, 8);
			if (!(eight & HIGH_BITS)) {
				at += 8;
				continue;
			}
		}
		step = sequence(p + at, s.n - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

size_t utf8_length(struct str s)
{
	size_t length = 0, at = 0;

	while (at < s.n) {
		unsigned step = sequence((const unsigned char *)s.p + at, s.n - at);

		at += step > 0 ? step : 1;
		length++;
	}
	return length;
}

uint32_t utf8_next(struct str s, size_t *at)
{
	const unsigned char *p;
	unsigned step;

	if (*at >= s.n)
		return 0;
	p = (const unsigned char *)s.p + *at;
	step = sequence(p, s.n - *at);
	*at += step > 0 ? step : 1;
	switch (step) {
	case 1:
		return p[0];
	case 2:
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3:
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	case 4:
		return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	}
	return 0xfffd;
}

unsigned utf8_put(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

struct str utf8_clip(struct str s, size_t code_points)
{
	size_t at = 0;

	while (code_points-- > 0 && at < s.n)
		utf8_next(s, &at);
	return str_sub(s, 0, at);
}

enum err url_decode(struct arena *a, struct str s, bool form, struct str *out)
{
	char *to = arena_alloc(a, s.n);
	size_t n = 0;

	if (!to)
		return ERR_MEMORY;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			unsigned high = i + 1 < s.n ? hex_digit(s.p[i + 1]) : HEX_NONE;
			unsigned low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : HEX_NONE;

			if (high == HEX_NONE || low == HEX_NONE)
				return ERR_UNREADABLE;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c == '\0')
			return ERR_UNREADABLE;
		to[n++] = c;
	}
	if (!utf8_valid(str_make(to, n)))
		return ERR_UNREADABLE;
	*out = str_make(to, n);
	return OK;
}

static bool is_space(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

struct str utf8_trim(struct str s)
{
	size_t from = 0, at = 0, end = s.n;

	while (from < s.n && is_space(utf8_next(s, &at)))
		from = at;
	while (end > from) {
		for (at = end - 1; at > from && ((unsigned char)s.p[at] & 0xc0) == 0x80;)
			at--;
		if (!is_space(utf8_next(s, &(size_t){at})))
			break;
		end = at;
	}
	return str_sub(s, from, end - from);
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

void url_encode(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (is_unreserved(s.p[i]))
			buf_char(b, s.p[i]);
		else
			buf_add(b, str_make(escape, 3));
	}
}
