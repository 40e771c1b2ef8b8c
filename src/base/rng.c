#include "base/rng.h"

#include "base/hash.h"

/* PCG32 XSH-RR 64/32 (O'Neill 2014): `stream` holds the odd increment that picks the sequence. */
#define PCG_MULTIPLIER 6364136223846793005u

uint32_t rng_next(struct rng *r)
{
	uint64_t old = r->state;
	uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27);
	uint32_t turn = (uint32_t)(old >> 59);

	r->state = old * PCG_MULTIPLIER + r->stream;
	return mixed >> turn | mixed << (-turn & 31);
}

void rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
	r->state = 0;
	r->stream = stream << 1 | 1;
	rng_next(r);
	r->state += seed;
	rng_next(r);
}

void rng_init_purpose(struct rng *r, uint64_t seed, uint64_t purpose)
{
	rng_init(r, hash64(S(""), seed ^ purpose), purpose);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint32_t draw, reject;

	if (n < 2)
		return 0;
	/* 2^32 mod n draws are one too many for an even spread: throw the lowest away. */
	reject = (0 - n) % n;
	do {
		draw = rng_next(r);
	} while (draw < reject);
	return draw % n;
}

void rng_shuffle(struct rng *r, uint16_t *items, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		uint32_t j = rng_below(r, (uint32_t)i);
		uint16_t swap = items[i - 1];

		items[i - 1] = items[j];
		items[j] = swap;
	}
}
