#include "base/limits.h"
#include "base/num.h"
#include "base/num_big.h"
#include "base/num_scan.h"
#include "base/shim.h"

#define EXPONENT_CLIP 100000 /* beyond any double, and far from overflowing an int */

static bool is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const char *take_digits(const char *p, const char *end, struct decimal *d)
{
	for (; is_digit(p, end); p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (d->count == 0 && digit == 0)
			continue;
		if (d->count < DECIMAL_HEAD_DIGITS)
			d->head = d->head * 10 + digit;
		d->count++;
	}
	return p;
}

static const char *take_exponent(const char *p, const char *end, struct decimal *d)
{
	bool negative = false;
	int32_t exponent = 0;

	if (p < end && (*p == '+' || *p == '-'))
		negative = *p++ == '-';
	d->ok = is_digit(p, end);
	for (; is_digit(p, end); p++)
		if (exponent < EXPONENT_CLIP)
			exponent = exponent * 10 + (*p - '0');
	d->exponent += negative ? -exponent : exponent;
	return p;
}

const char *num_scan(const char *p, const char *end, struct decimal *d)
{
	*d = (struct decimal){.whole = true};
	if (p < end && *p == '-') {
		d->negative = true;
		p++;
	}
	if (!is_digit(p, end))
		return p;
	d->first = p;
	if (*p == '0' && is_digit(p + 1, end))
		return p + 1;
	p = take_digits(p, end, d);
	d->last = p;
	if (p < end && *p == '.') {
		const char *point = p++;

		d->whole = false;
		if (!is_digit(p, end))
			return p;
		p = take_digits(p, end, d);
		d->last = p;
		d->exponent = -(int32_t)(p - point - 1);
	}
	d->ok = true;
	if (p < end && (*p == 'e' || *p == 'E')) {
		d->whole = false;
		p = take_exponent(p + 1, end, d);
	}
	return p;
}

bool decimal_int(const struct decimal *d, int64_t *out)
{
	if (!d->whole || d->count > DECIMAL_HEAD_DIGITS || d->head > (uint64_t)INT64_MAX + d->negative)
		return false;
	*out = d->negative ? (int64_t)(0 - d->head) : (int64_t)d->head;
	return true;
}

/* top * 2^exponent, top's highest bit set, and a little more when `rest`: the nearest double, ties to even. */
static bool assemble(uint64_t top, int exponent, bool rest, double *out)
{
	int high = exponent + 63;			     /* the value lies in [2^high, 2^(high+1)) */
	int drop = high >= -1022 ? 11 : 11 + (-1022 - high); /* bits that do not fit the mantissa */
	uint64_t bits, lost, half;

	if (high > 1023)
		return false;
	if (drop > 64) {
		*out = 0;
		return true;
	}
	bits = drop < 64 ? top >> drop : 0;
	half = (uint64_t)1 << (drop - 1);
	lost = drop < 64 ? top & ((half << 1) - 1) : top;
	if (lost > half || (lost == half && (rest || (bits & 1))))
		bits++;
	/* The mantissa's own highest bit counts one up in the exponent field, and so does a carry out of rounding. */
	if (high >= -1022)
		bits += (uint64_t)(high + 1022) << 52;
	if (bits >= 0x7ff0000000000000u)
		return false;
	memcpy(out, &bits, 8);
	return true;
}

static void all_digits(const struct decimal *d, struct big *b)
{
	big_set(b, 0);
	for (const char *p = d->first; p < d->last; p++)
		if (*p != '.')
			big_mul_add(b, 10, (uint32_t)(*p - '0'));
}

static bool read_exactly(const struct decimal *d, double *out)
{
	struct big top, below;
	bool rest;
	uint64_t head;
	int shift, bits;

	all_digits(d, &top);
	if (d->exponent >= 0) {
		big_mul_pow5(&top, (unsigned)d->exponent);
		head = big_top64(&top, &rest);
		return assemble(head, big_bits(&top) - 64 + d->exponent, rest, out);
	}
	/* A quotient of 65 or 66 bits, in three words. */
	big_set(&below, 1);
	big_mul_pow5(&below, (unsigned)-d->exponent);
	shift = 65 + big_bits(&below) - big_bits(&top);
	if (shift >= 0)
		big_shift(&top, (unsigned)shift);
	else
		big_shift(&below, (unsigned)-shift);
	bits = 64 + (32 - big_bits(&below) % 32) % 32;
	big_shift(&below, (unsigned)bits);
	big_shift(&top, (unsigned)bits - 64);
	{
		struct big quotient = {.n = 3};

		for (int i = 2; i >= 0; i--) {
			quotient.word[i] = big_div(&top, &below);
			big_shift(&top, 32);
		}
		if (quotient.word[2] == 0)
			quotient.n = 2;
		head = big_top64(&quotient, &rest);
		return assemble(head, big_bits(&quotient) - 64 - shift + d->exponent, rest || top.n > 0, out);
	}
}

/* Mantissa and power of ten are both exact doubles, so one operation rounds once (Clinger 1990). */
static bool read_fast(const struct decimal *d, double *out)
{
	static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	    1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (d->count > DECIMAL_HEAD_DIGITS || d->head > (uint64_t)1 << 53 || d->exponent > 22 || d->exponent < -22)
		return false;
	*out = (double)d->head;
	*out = d->exponent < 0 ? *out / ten[-d->exponent] : *out * ten[d->exponent];
	return true;
}

bool decimal_num(const struct decimal *d, double *out)
{
	int32_t size = (int32_t)d->count + d->exponent; /* the value lies in [10^(size-1), 10^size) */
	double v = 0;

	if (d->count == 0 || size < -323) {
		v = 0;
	} else if (size > 309) {
		return false;
	} else if (!read_fast(d, &v) && !read_exactly(d, &v)) {
		return false;
	}
	*out = d->negative ? -v : v;
	return true;
}

bool num_read(struct str s, double *out)
{
	struct decimal d;

	if (s.n == 0 || s.n > JSON_NUMBER_MAX_CHARS)
		return false;
	if (num_scan(s.p, s.p + s.n, &d) != s.p + s.n || !d.ok)
		return false;
	return decimal_num(&d, out);
}
