/* number.c - the few functions of a mathematical library that expressions need. */
#include "engine/number.h"
#include "base/num.h"
#include "base/shim.h"

bool number_finite(double v)
{
	return v - v == 0;
}

int64_t number_int(double v)
{
	const double most = 9007199254740992.0;

	return (int64_t)(v > most ? most : v < -most ? -most : v);
}

double number_trunc(double v)
{
	/* from 2^53 on there are no fractions */
	if (!(v < 9007199254740992.0 && v > -9007199254740992.0))
		return v;
	return (double)(int64_t)v;
}

double number_floor(double v)
{
	double t = number_trunc(v);

	return t > v ? t - 1 : t;
}

/* The shortest digits of v as a whole number times 10^*exponent; 0 <= v < 2^53, so there are 17 at the most. */
static uint64_t digits_of(double v, int *exponent)
{
	char text[NUM_TEXT_MAX];
	size_t n = num_text(v, text), i = 0;
	uint64_t digits = 0;
	bool point = false;
	int e = 0;

	*exponent = 0;
	for (; i < n && text[i] != 'e'; i++) {
		if (text[i] == '.') {
			point = true;
			continue;
		}
		digits = digits * 10 + (uint64_t)(text[i] - '0');
		*exponent -= point;
	}
	/* only small numbers have an exponent here: e-7 */
	for (i += 2; i < n; i++)
		e = e * 10 + text[i] - '0';
	*exponent -= e;
	return digits;
}

static double from_digits(uint64_t digits, int exponent)
{
	char text[NUM_TEXT_MAX];
	size_t at = sizeof(text);
	unsigned e = (unsigned)(exponent < 0 ? -exponent : exponent);
	double v = 0;

	do
		text[--at] = (char)('0' + e % 10);
	while (e /= 10);
	if (exponent < 0)
		text[--at] = '-';
	text[--at] = 'e';
	do
		text[--at] = (char)('0' + digits % 10);
	while (digits /= 10);
	num_read(str_make(text + at, sizeof(text) - at), &v);
	return v;
}

/* By the digits that would be shown, because those are what people mean: 1.005 is stored as 1.00499999999999989, and is a half. */
static double cut(double v, int decimals, bool nearest)
{
	double size = v < 0 ? -v : v, out;
	uint64_t digits, power = 1;
	int exponent, drop;

	if (!(size < 9007199254740992.0))
		return v;
	digits = digits_of(size, &exponent);
	drop = -exponent - decimals;
	if (drop <= 0)
		return v;
	for (int i = 0; i < drop && i < 19; i++)
		power *= 10;
	out = from_digits(digits / power + (nearest && digits % power >= power / 2), -decimals);
	return v < 0 ? -out : out;
}

double number_round(double v, int decimals)
{
	return cut(v, decimals, true);
}

double number_cut(double v, int decimals)
{
	return cut(v, decimals, false);
}

#define FIXED_WORDS 8

static uint32_t divide_by_ten(uint32_t *w)
{
	uint64_t rest = 0;

	for (int i = FIXED_WORDS; i-- > 0;) {
		rest = rest << 32 | w[i];
		w[i] = (uint32_t)(rest / 10);
		rest %= 10;
	}
	return (uint32_t)rest;
}

/* w * factor + 2^bit */
static void multiply_add(uint32_t *w, uint32_t factor, int bit)
{
	uint64_t carry = 0;

	for (int i = 0; i < FIXED_WORDS; i++) {
		carry += (uint64_t)w[i] * factor + (i == bit / 32 && bit >= 0 ? (uint64_t)1 << bit % 32 : 0);
		w[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

/* v is m * 2^-shift: m * 10^decimals, a half of 2^shift on top, shifted; its digits with a point among them are read. */
double number_decimals(double v, int decimals)
{
	uint32_t w[FIXED_WORDS + 1] = {0};
	char text[64];
	size_t at = sizeof(text);
	uint64_t bits, m;
	double out;
	int shift;

	memcpy(&bits, &v, sizeof(bits));
	shift = 1075 - (int)(bits >> 52 & 2047);
	m = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
	if (shift <= 0 || decimals > 42)
		return v;
	if (shift > 32 * FIXED_WORDS - 32)
		return 0;
	w[0] = (uint32_t)m;
	w[1] = (uint32_t)(m >> 32);
	for (int i = 0; i < decimals; i++)
		multiply_add(w, 10, -1);
	multiply_add(w, 1, shift - 1);
	for (int i = 0; i < FIXED_WORDS; i++) {
		int from = i + shift / 32;
		uint64_t two = from < FIXED_WORDS ? w[from] | (uint64_t)w[from + 1] << 32 : 0;

		w[i] = (uint32_t)(two >> shift % 32);
	}
	for (int i = 0; i < 60; i++) {
		if (i == decimals && decimals)
			text[--at] = '.';
		text[--at] = (char)('0' + divide_by_ten(w));
	}
	while (text[at] == '0' && text[at + 1] != '.')
		at++;
	num_read(str_make(text + at, sizeof(text) - at), &out);
	return bits >> 63 ? -out : out;
}

/* Exact, by halving the divisor's distance: each subtraction has no rounding error. */
double number_mod(double a, double b)
{
	double rest = a < 0 ? -a : a, by = b < 0 ? -b : b, d = by;

	while (d <= rest / 2)
		d *= 2;
	for (; d >= by; d /= 2)
		if (rest >= d)
			rest -= d;
	return a < 0 ? -rest : rest;
}

/* x * x as the sum of two doubles, exactly: both halves of x have 26 bits, so their products are exact. */
static double square_error(double x, double square)
{
	double t = x * 134217729.0, high = t - (t - x), low = x - high;

	return ((high * high - square) + 2 * high * low) + low * low;
}

/* Newton from a guess by the exponent doubles the correct bits each time; at the end the last bit is set right. */
double number_sqrt(double v)
{
	uint64_t bits;
	double x, best;

	if (v <= 0)
		return 0;
	if (v > 1e150) /* scaled by a power of four, so that no square overflows */
		return number_sqrt(v / 1267650600228229401496703205376.0) * 1125899906842624.0;
	memcpy(&bits, &v, sizeof(bits));
	bits = (bits >> 1) + ((uint64_t)1023 << 51);
	memcpy(&x, &bits, sizeof(x));
	for (int i = 0; i < 6; i++)
		x = (x + v / x) / 2;
	/* what is left of v after x squared, split so that nothing is lost */
	best = x + ((v - x * x) - square_error(x, x * x)) / (2 * x);
	return best;
}

#define LN2_HIGH 0.693147180369123816490
#define LN2_LOW 1.90821492927058770002e-10

/* m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m-1)/(m+1)) by its series. */
static double natural_log(double v)
{
	double s, square, sum = 0;
	int e = 0;

	while (v >= 1.4142135623730951) {
		v /= 2;
		e++;
	}
	while (v < 0.70710678118654752) {
		v *= 2;
		e--;
	}
	s = (v - 1) / (v + 1);
	square = s * s;
	for (int k = 27; k >= 1; k -= 2)
		sum = sum * square + 1.0 / k;
	return e * LN2_HIGH + (e * LN2_LOW + 2 * s * sum);
}

static double exponential(double v)
{
	double k = number_floor(v / 0.693147180559945309417 + 0.5), rest = v - k * LN2_HIGH - k * LN2_LOW, sum = 1;

	for (int i = 18; i >= 1; i--)
		sum = 1 + sum * rest / i;
	for (; k > 0; k--)
		sum *= 2;
	for (; k < 0; k++)
		sum /= 2;
	return sum;
}

/* high + low, neither with bits of the other */
struct twofold {
	double high, low;
};

/* a * b to twice the bits: a product of many would otherwise gather the rounding of each. */
static struct twofold times(struct twofold a, struct twofold b)
{
	double high = a.high * b.high, t, x, y, low;

	if (!number_finite(high * 134217729.0) || !number_finite(a.high * 134217729.0) ||
	    !number_finite(b.high * 134217729.0))
		return (struct twofold){high, 0};
	t = a.high * 134217729.0;
	x = t - (t - a.high);
	t = b.high * 134217729.0;
	y = t - (t - b.high);
	low = ((x * y - high) + x * (b.high - y) + (a.high - x) * y) + (a.high - x) * (b.high - y);
	low += a.high * b.low + a.low * b.high;
	return (struct twofold){high + low, low - (high + low - high)};
}

static double whole_power(double base, double n)
{
	struct twofold result = {1, 0}, power = {base, 0};

	for (uint64_t left = (uint64_t)n; left; left >>= 1) {
		if (left & 1)
			result = times(result, power);
		if (left > 1)
			power = times(power, power);
	}
	return result.high;
}

bool number_pow(double base, double exponent, double *out)
{
	double size = exponent < 0 ? -exponent : exponent;

	if (!number_finite(base) || !number_finite(exponent))
		return false;
	if (size == number_trunc(size) && size < 4294967296.0)
		*out = whole_power(base, size);
	else if (base < 0)
		return false;
	else if (base == 0 || base == 1) /* whose logarithm bounds nothing */
		*out = base;
	else if (size == 0.5)
		*out = number_sqrt(base);
	else if (size >= 9e18 || size * (natural_log(base) < 0 ? -natural_log(base) : natural_log(base)) > 709)
		return false;
	else /* the whole part has no error to speak of, and the rest is small */
		*out = whole_power(base, number_trunc(size)) *
		       exponential((size - number_trunc(size)) * natural_log(base));
	if (exponent < 0)
		*out = 1 / *out;
	return number_finite(*out);
}
