#include "base/arena.h"
#include "base/shim.h"
#include "base/str.h"

#define BUF_FIRST_BYTES 256

struct str str_make(const char *p, size_t n)
{
	return (struct str){p, n};
}

struct str str_from(const char *cstr)
{
	size_t n = 0;

	if (!cstr)
		return S("");
	while (cstr[n])
		n++;
	return str_make(cstr, n);
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && mem_same(a.p, b.p, a.n);
}

static unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : (unsigned char)c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && mem_same(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || mem_same(s.p + (s.n - suffix.n), suffix.p, suffix.n));
}

/* Where the greatest suffix of s begins, in the order of bytes or the opposite one, and how often it repeats within itself. */
static size_t greatest_suffix(struct str s, bool opposite, size_t *period)
{
	size_t best = 0, other = 1, same = 0;

	*period = 1;
	while (other + same < s.n) {
		unsigned char x = (unsigned char)s.p[best + same], y = (unsigned char)s.p[other + same];

		if (x == y) {
			same++;
			if (same == *period) {
				other += same;
				same = 0;
			}
		} else if ((x > y) != opposite) {
			other += same + 1;
			same = 0;
			*period = other - best;
		} else {
			best = other++;
			same = 0;
			*period = 1;
		}
	}
	return best;
}

/* The two-way search of Crochemore and Perrin: the part is cut where its two halves tell most apart, the right half is compared
 * first, and a mismatch there moves on by what did match. So it never looks back: linear, without memory of its own. */
static bool find_two_way(struct str s, struct str part, size_t *at)
{
	size_t period, other_period, cut = greatest_suffix(part, false, &period);
	size_t other = greatest_suffix(part, true, &other_period), known = 0;
	bool repeats;

	if (other > cut) {
		cut = other;
		period = other_period;
	}
	repeats = cut + period <= part.n && mem_same(part.p, part.p + period, cut);
	if (!repeats)
		period = 1 + (cut > part.n - cut ? cut : part.n - cut);
	for (size_t i = 0; i <= s.n - part.n;) {
		size_t k = known > cut ? known : cut;

		while (k < part.n && part.p[k] == s.p[i + k])
			k++;
		if (k < part.n) {
			i += k - cut + 1;
			known = 0;
			continue;
		}
		for (k = cut; k > known && part.p[k - 1] == s.p[i + k - 1];)
			k--;
		if (k <= known) {
			*at = i;
			return true;
		}
		i += period;
		known = repeats ? part.n - period : 0;
	}
	return false;
}

#define FIND_SHORT 8 /* up to here trying every place is as good */

bool str_find(struct str s, struct str part, size_t *at)
{
	size_t found = 0;

	if (part.n > s.n)
		return false;
	if (part.n > FIND_SHORT) {
		if (!find_two_way(s, part, &found))
			return false;
	} else {
		while (found <= s.n - part.n && part.n > 0 &&
		       (s.p[found] != part.p[0] || !mem_same(s.p + found, part.p, part.n)))
			found++;
		if (found > s.n - part.n)
			return false;
	}
	if (at)
		*at = found;
	return true;
}

bool str_find_char(struct str s, char c, size_t *at)
{
	return str_find(s, str_make(&c, 1), at);
}

struct str str_sub(struct str s, size_t from, size_t n)
{
	if (from >= s.n)
		return str_make(s.n > 0 ? s.p + s.n : s.p, 0);
	return str_make(s.p + from, n < s.n - from ? n : s.n - from);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

struct str str_cut(struct str *rest, char sep, bool *more)
{
	struct str all = *rest;
	size_t at;
	bool found = str_find_char(all, sep, &at);

	if (more)
		*more = found;
	if (!found) {
		*rest = str_sub(all, all.n, 0);
		return all;
	}
	*rest = str_sub(all, at + 1, all.n);
	return str_sub(all, 0, at);
}

struct str str_dup(struct arena *a, struct str s)
{
	char *p = s.n > 0 ? arena_copy(a, s.p, s.n) : NULL;

	if (s.n == 0)
		return S("");
	return str_make(p, p ? s.n : 0);
}

char *str_cstr(struct arena *a, struct str s)
{
	char *p;

	if (str_find_char(s, '\0', NULL) || s.n == SIZE_MAX)
		return NULL;
	p = arena_alloc(a, s.n + 1);
	if (p)
		mem_copy(p, s.p, s.n);
	return p;
}

bool str_to_int(struct str s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t limit = (uint64_t)INT64_MAX + negative, v = 0;

	if (s.n == (size_t)negative)
		return false;
	for (size_t i = negative; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (limit - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

void buf_init(struct buf *b, struct arena *a, size_t max_bytes)
{
	*b = (struct buf){.arena = a, .max = max_bytes};
}

/* Doubles, so that adding byte by byte stays linear. */
static bool buf_grow(struct buf *b, size_t n)
{
	size_t cap;
	char *p;

	if (b->failed)
		return false;
	if (n > b->max - b->n) {
		b->failed = ERR_LIMIT;
		return false;
	}
	cap = b->cap <= b->max / 2 ? b->cap * 2 : b->max;
	if (cap < BUF_FIRST_BYTES)
		cap = b->max < BUF_FIRST_BYTES ? b->max : BUF_FIRST_BYTES;
	if (cap < b->n + n)
		cap = b->n + n;
	p = arena_grow(b->arena, b->p, b->cap, cap);
	if (!p && cap > b->n + n) {
		cap = b->n + n;
		p = arena_grow(b->arena, b->p, b->cap, cap);
	}
	if (!p) {
		b->failed = ERR_MEMORY;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

static inline bool has_room(struct buf *b, size_t n)
{
	/* an empty buffer asked for nothing needs an address too: NULL means refused */
	return !b->failed && ((n <= b->cap - b->n && b->p) || buf_grow(b, n));
}

char *buf_room(struct buf *b, size_t n)
{
	return has_room(b, n) ? b->p + b->n : NULL;
}

void buf_add(struct buf *b, struct str s)
{
	if (s.n == 0 || !has_room(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void buf_char(struct buf *b, char c)
{
	if (has_room(b, 1))
		b->p[b->n++] = c;
}

void buf_int(struct buf *b, int64_t v)
{
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (v < 0)
		text[--at] = '-';
	buf_add(b, str_make(text + at, sizeof(text) - at));
}

void buf_uint_hex(struct buf *b, uint64_t v, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";
	unsigned need = 1;

	while (need < 16 && v >> (need * 4) != 0)
		need++;
	for (unsigned i = digits > need ? digits : need; i > 0; i--)
		buf_char(b, i > 16 ? '0' : hex[v >> ((i - 1) * 4) & 15]);
}

void buf_fill(struct buf *b, char c, size_t n)
{
	char *to = n > 0 ? buf_room(b, n) : NULL;

	if (!to)
		return;
	memset(to, c, n);
	b->n += n;
}

enum err buf_done(const struct buf *b, struct str *out)
{
	if (b->failed)
		return b->failed;
	*out = b->p ? str_make(b->p, b->n) : S("");
	return OK;
}
