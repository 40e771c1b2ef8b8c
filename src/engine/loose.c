/* loose.c - JavaScript's conversions, and what SurveyJS takes for a number. */
#include "engine/loose.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/shim.h"
#include "base/utf8.h"

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

struct str loose_trim(struct str s)
{
	size_t from = 0, to = 0;

	for (size_t at = 0, next; at < s.n; at = next) {
		next = at;
		if (is_space(utf8_next(s, &next)))
			from = to ? from : next;
		else
			to = next;
	}
	return to ? str_sub(s, from, to - from) : S("");
}

/* ---- conversions ---- */

/* The digits after 0x, 0b or 0o; NaN when there are none, or `whole` and something follows. */
static double radix_number(struct str s, bool whole)
{
	uint32_t base = s.p[1] == 'b' ? 2 : s.p[1] == 'o' ? 8 : 16;
	double v = NOT_A_NUMBER;

	for (size_t i = 2; i < s.n; i++) {
		uint32_t c = (unsigned char)s.p[i], digit = c - '0';

		if (digit > 9)
			digit = (c | 32) >= 'a' && (c | 32) <= 'z' ? (c | 32) - 'a' + 10 : 99;
		if (digit >= base)
			return whole ? NOT_A_NUMBER : v;
		v = (is_nan(v) ? 0 : v) * base + digit;
	}
	return v;
}

/* 1e400: what is in front of the exponent is a number, the exponent is digits. */
static bool beyond(struct str s, double *v)
{
	bool cut;
	struct str whole = s, front = str_cut(&whole, s.n && str_find_char(s, 'E', NULL) ? 'E' : 'e', &cut);
	size_t i = whole.n && whole.p[0] == '+';

	if (!cut || i == whole.n || !num_read(front, v))
		return false;
	for (; i < whole.n; i++)
		if (whole.p[i] < '0' || whole.p[i] > '9')
			return false;
	*v = __builtin_inf();
	return true;
}

/* A text as Number() reads it, blanks gone: JSON's numbers and 007, .5, 5., +5. */
static double decimal_number(struct str s)
{
	char text[66];
	size_t n = 0, i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	bool minus = i && s.p[0] == '-', digits = false;
	double v;

	for (; i + 1 < s.n && s.p[i] == '0' && s.p[i + 1] >= '0' && s.p[i + 1] <= '9';)
		i++;
	if (str_eq(str_sub(s, i, s.n), S("Infinity")))
		return minus ? -__builtin_inf() : __builtin_inf();
	if (i < s.n && s.p[i] == '.')
		text[n++] = '0';
	for (; i < s.n && n < 64; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		digits |= digit;
		if (s.p[i] == '.' && !(i + 1 < s.n && s.p[i + 1] >= '0' && s.p[i + 1] <= '9')) {
			if (!digits || (i + 1 < s.n && (s.p[i + 1] | 32) != 'e'))
				return NOT_A_NUMBER;
			continue;
		}
		text[n++] = s.p[i];
	}
	if (i < s.n || (!num_read(str_make(text, n), &v) && !beyond(str_make(text, n), &v)))
		return NOT_A_NUMBER;
	return minus ? -v : v;
}

static double text_number(struct str s)
{
	s = loose_trim(s);
	if (!s.n)
		return 0;
	if (s.n > 2 && s.p[0] == '0' && str_find_char(S("xXbBoO"), s.p[1], NULL))
		return radix_number(s, true);
	return decimal_number(s);
}

bool loose_truthy(const struct value *v)
{
	switch (v->kind) {
	case V_EMPTY:
		return false;
	case V_BOOL:
		return v->b;
	case V_NUM:
		return v->num != 0 && !is_nan(v->num);
	case V_TEXT:
		return v->s.n > 0;
	default:
		return true;
	}
}

double loose_number(struct run *r, const struct value *v)
{
	switch (v->kind) {
	case V_EMPTY:
		return v->count ? NOT_A_NUMBER : 0;
	case V_BOOL:
		return v->b;
	case V_NUM:
		return v->num;
	case V_TEXT:
		return text_number(v->s);
	case V_LIST:
		return text_number(loose_text(r, v));
	case V_DATETIME:
		return v->t == LOOSE_NO_DATE ? NOT_A_NUMBER : (double)v->t;
	default:
		return NOT_A_NUMBER;
	}
}

void loose_show(struct run *r, struct buf *b, const struct value *v)
{
	if (!run_burn(r, 1))
		return;
	if (v->kind == V_DATETIME) {
		loose_date_show(b, v->t);
	} else if (v->kind == V_RECORD) {
		buf_add(b, S("[object Object]"));
	} else if (v->kind == V_NUM && !number_finite(v->num)) {
		buf_add(b, is_nan(v->num) ? S("NaN") : v->num < 0 ? S("-Infinity") : S("Infinity"));
	} else if (v->kind != V_LIST) {
		value_show(b, v);
	} else {
		for (uint32_t i = 0; i < v->count; i++) {
			if (i)
				buf_char(b, ',');
			loose_show(r, b, &v->items[i]);
		}
	}
}

struct str loose_done(struct run *r, const struct buf *b)
{
	struct str out = S("");
	enum err e = buf_done(b, &out);

	if (e && !r->failed)
		r->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
	run_burn(r, (uint32_t)(out.n / 16));
	return out;
}

struct str loose_text(struct run *r, const struct value *v)
{
	struct buf b;

	if (v->kind == V_TEXT)
		return v->s;
	if (v->kind == V_EMPTY)
		return v->count ? S("undefined") : S("null");
	buf_init(&b, r->a, VALUE_TEXT_MAX_BYTES);
	loose_show(r, &b, v);
	return loose_done(r, &b);
}

struct value loose_joined(struct run *r, struct str a, struct str b)
{
	struct buf out;

	buf_init(&out, r->a, VALUE_TEXT_MAX_BYTES);
	buf_add(&out, a);
	buf_add(&out, b);
	return value_text(loose_done(r, &out));
}

static bool is_texty(const struct value *v)
{
	return v->kind == V_TEXT || v->kind == V_LIST || v->kind == V_RECORD;
}

struct value loose_add(struct run *r, const struct value *a, const struct value *b)
{
	if (is_texty(a) || is_texty(b) || a->kind == V_DATETIME || b->kind == V_DATETIME)
		return loose_joined(r, loose_text(r, a), loose_text(r, b));
	return value_num(loose_number(r, a) + loose_number(r, b));
}

/* By units of UTF-16: what needs two of them comes before U+E000. */
int loose_text_cmp(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];

		if (x != y) {
			x += x == 0xee || x == 0xef ? 16 : 0;
			y += y == 0xee || y == 0xef ? 16 : 0;
			return x < y ? -1 : 1;
		}
	}
	return (a.n > b.n) - (a.n < b.n);
}

int loose_order(struct run *r, const struct value *a, const struct value *b)
{
	double x, y;

	if (is_texty(a) && is_texty(b))
		return loose_text_cmp(loose_text(r, a), loose_text(r, b));
	x = loose_number(r, a);
	y = loose_number(r, b);
	return is_nan(x) || is_nan(y) ? 2 : (x > y) - (x < y);
}

uint32_t loose_units(struct str s)
{
	uint32_t n = 0;

	for (size_t at = 0; at < s.n;)
		n += utf8_next(s, &at) > 0xffff ? 2 : 1;
	return n;
}

/* ---- SurveyJS ---- */

const struct value *loose_arg(const struct loose_call *c, uint32_t i)
{
	return i < c->count ? &c->args[i] : &loose_undefined;
}

bool loose_is_empty(const struct value *v)
{
	if (v->kind == V_NUM)
		return is_nan(v->num);
	for (uint32_t i = 0; v->kind == V_RECORD && i < v->count; i++)
		if (!loose_is_empty(&v->fields[i].value))
			return false;
	return v->kind == V_RECORD || value_is_empty(v);
}

static double read_text(struct run *r, struct str s)
{
	bool digits = true;
	size_t comma;
	double v;
	char *p;

	s = loose_trim(s);
	if (str_starts(s, S("0x")))
		return s.n > 32 ? NOT_A_NUMBER : radix_number(s, false);
	for (size_t i = 0; i < s.n; i++)
		digits &= s.p[i] >= '0' && s.p[i] <= '9';
	if (!s.n || (digits && s.n > 15) || s.n > 64)
		return NOT_A_NUMBER;
	if (str_find_char(s, ',', &comma) && (p = run_alloc(r, s.n, 1))) {
		mem_copy(p, s.p, s.n);
		p[comma] = '.';
		s.p = p;
	}
	v = text_number(s);
	if (s.n > 1 && s.p[0] == '0' && ((s.p[1] | 32) == 'b' || (s.p[1] | 32) == 'o' || s.p[1] == 'X'))
		v = is_nan(v) ? v : 0;
	return number_finite(v) ? v : NOT_A_NUMBER;
}

double loose_read(struct run *r, const struct value *v)
{
	struct str s;
	double d;

	if (v->kind == V_NUM)
		return number_finite(v->num) ? v->num : NOT_A_NUMBER;
	if (v->kind == V_TEXT)
		return read_text(r, v->s);
	if (v->kind != V_LIST)
		return NOT_A_NUMBER;
	s = loose_text(r, v);
	d = loose_trim(s).n ? text_number(s) : NOT_A_NUMBER;
	return number_finite(d) ? d : NOT_A_NUMBER;
}

struct value loose_corrected(struct run *r, const struct value *v)
{
	struct str s = v->s;
	double d;

	if (v->kind == V_DATE || v->kind == V_TIME || v->kind == V_DATETIME)
		return value_text(run_show(r, v));
	if (v->kind != V_TEXT || !s.n)
		return *v;
	if (str_eq_nocase(s, S("true")) || str_eq_nocase(s, S("false")))
		return value_bool(s.n == 4);
	if (s.n > 1 && (s.p[0] == '\'' || s.p[0] == '"') && (s.p[s.n - 1] == '\'' || s.p[s.n - 1] == '"'))
		return value_text(str_sub(s, 1, s.n - 2));
	d = read_text(r, s);
	if (is_nan(d) || (s.p[0] == '0' && s.n > 1 && !str_starts(s, S("0x")) && s.p[1] != '.' && s.p[1] != ','))
		return *v;
	return value_num(d);
}

int loose_decimals_of(struct run *r, const struct value *v)
{
	double d = loose_read(r, v);
	struct str s, rest;
	bool more;

	/* Math.floor of anything but a number is not it */
	if (is_nan(d) || (v->kind == V_NUM && number_floor(d) == d))
		return 0;
	rest = loose_text(r, v);
	str_cut(&rest, '.', &more);
	s = str_cut(&rest, '.', NULL);
	return more ? (int)s.n : 0;
}

/* v with the decimals that its parts had. */
struct value loose_cleaned(double v, int digits)
{
	return value_num(digits && number_finite(v) ? number_decimals(v, digits) : v);
}

struct value loose_sum(struct run *r, const struct value *a, const struct value *b)
{
	struct value sum = loose_add(r, a, b);
	int x = loose_decimals_of(r, a), y = loose_decimals_of(r, b);

	return sum.kind == V_NUM ? loose_cleaned(sum.num, x > y ? x : y) : sum;
}
