/* num_big.h - exact decimal arithmetic behind num.c: natural numbers of at most 1,408 bits. Private to num*.c.
 *
 * Reading a double exactly needs 64 decimal digits (213 bits) against 5^387 (899 bits) and 96 bits of quotient, or a product
 * up to 2^1027; writing one needs 5^324 (753 bits) times a mantissa. Overflow is a bug and is not checked. */
#ifndef BASE_NUM_BIG_H
#define BASE_NUM_BIG_H

#include <stdbool.h>
#include <stdint.h>

#define BIG_WORDS 44

struct big {
	uint32_t word[BIG_WORDS]; /* least first */
	int n;			  /* words in use; 0 for zero */
};

void big_set(struct big *b, uint64_t v);
void big_mul_add(struct big *b, uint32_t factor, uint32_t add);
void big_mul_pow5(struct big *b, unsigned exponent);
void big_shift(struct big *b, unsigned bits); /* to the left */
int big_bits(const struct big *b);	      /* position of the highest bit; 0 for zero */
int big_cmp(const struct big *a, const struct big *b);
void big_add(struct big *a, const struct big *b);
/* b has the highest bit of its highest word set and a < b * 2^32; `a` becomes the remainder. */
uint32_t big_div(struct big *a, const struct big *b);
/* The topmost 64 bits with the highest one set (b > 0); *rest says whether lower bits were left behind. */
uint64_t big_top64(const struct big *b, bool *rest);

#endif
