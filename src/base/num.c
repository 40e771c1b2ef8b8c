#include "base/num.h"
#include "base/num_big.h"
#include "base/shim.h"

/* Shortest digits d1 d2 ... dn and the place of the point: the value is 0.d1d2...dn * 10^point. */
struct digits {
	char d[20];
	int n, point;
};

static void digits_of(struct digits *out, uint64_t v, int exponent)
{
	char text[20];
	int at = 20;

	while (v > 0) {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	}
	out->n = 20 - at;
	out->point = out->n + exponent;
	memcpy(out->d, text + at, (size_t)out->n);
	while (out->n > 1 && out->d[out->n - 1] == '0')
		out->n--;
}

/* Whole numbers, and what has so few decimals that v * 10^k is a whole number below 2^50: there at most one such number
 * reads back as v, the division shows that it does, and the smallest k gives the fewest digits. */
static bool digits_fast(double v, struct digits *out)
{
	double ten = 1;

	if (v < 9007199254740992.0 && (double)(uint64_t)v == v) {
		digits_of(out, (uint64_t)v, 0);
		return true;
	}
	for (int k = 1; k <= 22; k++) {
		double scaled;
		uint64_t whole;

		ten *= 10;
		scaled = v * ten;
		if (!(scaled < 1125899906842624.0))
			return false;
		whole = (uint64_t)(scaled + 0.5);
		if (whole > 0 && (double)whole / ten == v) {
			digits_of(out, whole, -k);
			return true;
		}
	}
	return false;
}

/* The value is rest / unit * 10^(point), the gaps to the neighbouring doubles are halved in up and down, same scale. */
struct shortest {
	struct big rest, unit, up, down;
	bool even; /* a tie at the border reads back as this value */
	int point;
};

static void scale(struct shortest *s, uint64_t mantissa, int exponent)
{
	bool lopsided = mantissa == (uint64_t)1 << 52 && exponent > -1074;
	int high = exponent + 63 - __builtin_clzll(mantissa);
	int rest2, unit2, common;

	/* floor(high * log10(2)) + 1 is the place of the point or one too small */
	s->point = (high * 78913 >> 18) + 1;
	s->even = !(mantissa & 1);
	rest2 = (exponent > 0 ? exponent : 0) + 1 + lopsided + (s->point < 0 ? -s->point : 0);
	unit2 = (exponent < 0 ? -exponent : 0) + 1 + lopsided + (s->point > 0 ? s->point : 0);
	big_set(&s->rest, mantissa);
	big_set(&s->unit, 1);
	big_set(&s->down, 1);
	big_mul_pow5(&s->unit, s->point > 0 ? (unsigned)s->point : 0);
	big_mul_pow5(&s->rest, s->point < 0 ? (unsigned)-s->point : 0);
	big_mul_pow5(&s->down, s->point < 0 ? (unsigned)-s->point : 0);
	common = rest2 - 1 - lopsided < unit2 ? rest2 - 1 - lopsided : unit2;
	/* big_div wants the unit's highest word full */
	common -= (32 - (big_bits(&s->unit) + unit2 - common) % 32) % 32;
	big_shift(&s->unit, (unsigned)(unit2 - common));
	big_shift(&s->rest, (unsigned)(rest2 - common));
	big_shift(&s->down, (unsigned)(rest2 - 1 - lopsided - common));
	s->up = s->down;
	if (lopsided)
		big_shift(&s->up, 1);
}

static bool reaches(const struct shortest *s)
{
	struct big sum = s->rest;
	int order;

	big_add(&sum, &s->up);
	order = big_cmp(&sum, &s->unit);
	return s->even ? order >= 0 : order > 0;
}

static void times_ten(struct shortest *s)
{
	big_mul_add(&s->rest, 10, 0);
	big_mul_add(&s->up, 10, 0);
	big_mul_add(&s->down, 10, 0);
}

/* Steele and White's free-format algorithm in exact arithmetic: digits until what is left is within half a gap. */
static void digits_exactly(uint64_t mantissa, int exponent, struct digits *out)
{
	struct shortest s;
	bool low, high;

	scale(&s, mantissa, exponent);
	if (reaches(&s))
		s.point++;
	else
		times_ten(&s);
	out->point = s.point;
	out->n = 0;
	for (;;) {
		uint32_t digit = big_div(&s.rest, &s.unit);
		int order = big_cmp(&s.rest, &s.down);

		low = s.even ? order <= 0 : order < 0;
		high = reaches(&s);
		if (low && high) {
			big_shift(&s.rest, 1);
			order = big_cmp(&s.rest, &s.unit);
			high = order > 0 || (order == 0 && (digit & 1));
		}
		out->d[out->n++] = (char)('0' + digit + high);
		if (low || high)
			return;
		times_ten(&s);
	}
}

static size_t put(char *out, const char *from, int n)
{
	memcpy(out, from, (size_t)n);
	return (size_t)n;
}

static size_t zeros(char *out, int n)
{
	memset(out, '0', (size_t)n);
	return (size_t)n;
}

static size_t exponent_text(char *out, int e)
{
	size_t n = 0;

	out[n++] = 'e';
	out[n++] = e < 0 ? '-' : '+';
	if (e < 0)
		e = -e;
	if (e >= 100)
		out[n++] = (char)('0' + e / 100);
	if (e >= 10)
		out[n++] = (char)('0' + e / 10 % 10);
	out[n++] = (char)('0' + e % 10);
	return n;
}

/* ECMA-262, Number::toString, steps 6 to 12 */
static size_t layout(const struct digits *g, char *out)
{
	size_t n = 0;

	if (g->point > 21 || g->point <= -6) {
		n += put(out, g->d, 1);
		if (g->n > 1) {
			out[n++] = '.';
			n += put(out + n, g->d + 1, g->n - 1);
		}
		return n + exponent_text(out + n, g->point - 1);
	}
	if (g->point <= 0) {
		out[n++] = '0';
		out[n++] = '.';
		n += zeros(out + n, -g->point);
		return n + put(out + n, g->d, g->n);
	}
	if (g->n <= g->point) {
		n += put(out, g->d, g->n);
		return n + zeros(out + n, g->point - g->n);
	}
	n += put(out, g->d, g->point);
	out[n++] = '.';
	return n + put(out + n, g->d + g->point, g->n - g->point);
}

size_t num_text(double v, char out[NUM_TEXT_MAX])
{
	struct digits g;
	uint64_t bits, mantissa;
	int exponent;
	size_t n = 0;

	if (v == 0) {
		out[0] = '0';
		return 1;
	}
	memcpy(&bits, &v, 8);
	if (bits >> 63)
		out[n++] = '-';
	bits &= ~((uint64_t)1 << 63);
	memcpy(&v, &bits, 8);
	if (!digits_fast(v, &g)) {
		exponent = (int)(bits >> 52);
		mantissa = bits & (((uint64_t)1 << 52) - 1);
		if (exponent > 0)
			mantissa |= (uint64_t)1 << 52;
		digits_exactly(mantissa, (exponent > 0 ? exponent : 1) - 1075, &g);
	}
	return n + layout(&g, out + n);
}

void num_put(struct buf *b, double v)
{
	char text[NUM_TEXT_MAX];

	buf_add(b, str_make(text, num_text(v, text)));
}
