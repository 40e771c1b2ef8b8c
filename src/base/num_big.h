/* num_big.h - exact decimal arithmetic behind num.c: natural numbers of at most 1,280 bits. Private to num*.c.
 *
 * Reading a double exactly needs 64 decimal digits (213 bits) against 5^405 (941 bits), writing one 5^324 with a mantissa
 * and a few bits of room; BIG_WORDS covers both with 128 bits to spare. Overflow is a bug and is not checked. */
#ifndef BASE_NUM_BIG_H
#define BASE_NUM_BIG_H

#include <stdbool.h>
#include <stdint.h>

#define BIG_WORDS 44

struct big {
	uint32_t word[BIG_WORDS];    /* least first */
	int n;                       /* words in use; 0 for zero */
};

void big_set(struct big *b, uint64_t v);
void big_mul_add(struct big *b, uint32_t factor, uint32_t add);
void big_mul_pow5(struct big *b, unsigned exponent);
void big_shift(struct big *b, unsigned bits);            /* to the left */
int big_bits(const struct big *b);                       /* position of the highest bit; 0 for zero */
int big_cmp(const struct big *a, const struct big *b);
void big_add(struct big *a, const struct big *b);
void big_sub(struct big *a, const struct big *b);        /* a >= b */
/* The quotient has to fit 32 bits; `a` becomes the remainder. */
uint32_t big_div(struct big *a, const struct big *b);
/* The topmost 64 bits with the highest one set (b > 0); *rest says whether lower bits were left behind. */
uint64_t big_top64(const struct big *b, bool *rest);

#endif
