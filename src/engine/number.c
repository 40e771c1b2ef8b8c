/* number.c - the few functions of a mathematical library that expressions need. */
#include "engine/number.h"
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

double number_round(double v, int decimals)
{
	double scale = 1, scaled, up;

	for (int i = 0; i < decimals && i < 15; i++)
		scale *= 10;
	scaled = (v < 0 ? -v : v) * scale;
	if (!(scaled < 9007199254740992.0))
		return v;
	/* 1.005 * 100 is 100.49999999999999: a hair below a half counts as the half that was written */
	up = number_floor(scaled + 0.5 + scaled * 1e-16);
	return (v < 0 ? -up : up) / scale;
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

static double whole_power(double base, double n)
{
	double result = 1;

	for (uint64_t left = (uint64_t)n; left; left >>= 1) {
		if (left & 1)
			result *= base;
		base *= base;
	}
	return result;
}

bool number_pow(double base, double exponent, double *out)
{
	double size = exponent < 0 ? -exponent : exponent;

	if (size == number_trunc(size) && size < 4294967296.0)
		*out = whole_power(base, size);
	else if (base < 0)
		return false;
	else if (base == 0)
		*out = 0;
	else if (size == 0.5)
		*out = number_sqrt(base);
	else if (size * (natural_log(base) < 0 ? -natural_log(base) : natural_log(base)) > 709)
		return false;
	else
		*out = exponential(size * natural_log(base));
	if (exponent < 0)
		*out = 1 / *out;
	return number_finite(*out);
}
