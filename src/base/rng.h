/* rng.h - the interview's own random numbers: same seed, same draws, on every machine and in the browser. Freestanding.
 * PCG32 (XSH-RR), a generator per purpose, so that adding a question does not reshuffle another. Never for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/str.h"

struct rng { uint64_t state, stream; };
void rng_init(struct rng *r, uint64_t seed, uint64_t stream);
/* One of many generators of one seed. Streams that begin in one state stay shifts of each other, so that what they draw is related; here the
 * purpose picks the state too. `purpose` is a hash. */
void rng_init_purpose(struct rng *r, uint64_t seed, uint64_t purpose);
uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);          /* unbiased, 0 <= x < n; n > 0 */
void rng_shuffle(struct rng *r, uint16_t *items, size_t n);   /* Fisher-Yates */

#endif
