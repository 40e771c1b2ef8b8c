/* rng.h - the interview's own random numbers: same seed, same draws, on every machine and in the browser. Freestanding.
 * PCG32 (XSH-RR), a stream per purpose, so that adding a question does not reshuffle another. Never for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/str.h"

struct rng { uint64_t state, stream; };
void rng_init(struct rng *r, uint64_t seed, uint64_t stream);
uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);          /* unbiased, 0 <= x < n; n > 0 */
void rng_shuffle(struct rng *r, uint16_t *items, size_t n);   /* Fisher-Yates */

#endif
