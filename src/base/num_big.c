#include "base/num_big.h"
#include "base/shim.h"

void big_set(struct big *b, uint64_t v)
{
	b->word[0] = (uint32_t)v;
	b->word[1] = (uint32_t)(v >> 32);
	b->n = v >> 32 ? 2 : v != 0;
}

void big_mul_add(struct big *b, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (int i = 0; i < b->n; i++) {
		carry += (uint64_t)b->word[i] * factor;
		b->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry > 0)
		b->word[b->n++] = (uint32_t)carry;
}

void big_mul_pow5(struct big *b, unsigned exponent)
{
	static const uint32_t small[13] = {
	    1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625};

	for (; exponent >= 13; exponent -= 13)
		big_mul_add(b, 1220703125, 0);
	if (exponent > 0)
		big_mul_add(b, small[exponent], 0);
}

void big_shift(struct big *b, unsigned bits)
{
	int words = (int)(bits / 32);

	bits %= 32;
	if (b->n == 0)
		return;
	if (words > 0) {
		memmove(b->word + words, b->word, (size_t)b->n * sizeof(b->word[0]));
		memset(b->word, 0, (size_t)words * sizeof(b->word[0]));
		b->n += words;
	}
	if (bits > 0) {
		uint32_t carry = 0;

		for (int i = words; i < b->n; i++) {
			uint32_t w = b->word[i];

			b->word[i] = w << bits | carry;
			carry = w >> (32 - bits);
		}
		if (carry > 0)
			b->word[b->n++] = carry;
	}
}

int big_bits(const struct big *b)
{
	return b->n == 0 ? 0 : b->n * 32 - __builtin_clz(b->word[b->n - 1]);
}

int big_cmp(const struct big *a, const struct big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (int i = a->n - 1; i >= 0; i--)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

void big_add(struct big *a, const struct big *b)
{
	uint64_t carry = 0;

	while (a->n < b->n)
		a->word[a->n++] = 0;
	for (int i = 0; i < a->n; i++) {
		carry += (uint64_t)a->word[i] + (i < b->n ? b->word[i] : 0);
		a->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry > 0)
		a->word[a->n++] = (uint32_t)carry;
}

static void trim(struct big *b)
{
	while (b->n > 0 && b->word[b->n - 1] == 0)
		b->n--;
}

/* Knuth's algorithm D for one quotient word: the guess from the topmost words is at most two too large. */
uint32_t big_div(struct big *a, const struct big *b)
{
	int n = b->n;
	uint64_t guess, carry = 0, borrow = 0;
	int64_t left;

	if (a->n < n)
		return 0;
	left = a->n > n ? a->word[n] : 0;
	guess = ((uint64_t)left << 32 | a->word[n - 1]) / b->word[n - 1];
	if (guess > UINT32_MAX)
		guess = UINT32_MAX;
	for (int i = 0; i < n; i++) {
		uint64_t diff;

		carry += guess * b->word[i];
		diff = (uint64_t)a->word[i] - (uint32_t)carry - borrow;
		a->word[i] = (uint32_t)diff;
		borrow = diff >> 63;
		carry >>= 32;
	}
	left -= (int64_t)(carry + borrow);
	while (left < 0) {
		carry = 0;
		for (int i = 0; i < n; i++) {
			carry += (uint64_t)a->word[i] + b->word[i];
			a->word[i] = (uint32_t)carry;
			carry >>= 32;
		}
		left += (int64_t)carry;
		guess--;
	}
	a->n = n;
	trim(a);
	return (uint32_t)guess;
}

uint64_t big_top64(const struct big *b, bool *rest)
{
	int top = b->n - 1, turn = __builtin_clz(b->word[top]);
	uint64_t high = (uint64_t)b->word[top] << 32 | (top > 0 ? b->word[top - 1] : 0);
	uint32_t next = top > 1 ? b->word[top - 2] : 0;
	bool more = false;

	if (turn > 0) {
		high = high << turn | next >> (32 - turn);
		next <<= turn;
	}
	for (int i = top - 3; i >= 0 && !more; i--)
		more = b->word[i] != 0;
	*rest = more || next != 0;
	return high;
}
