/* flight.h - of those who want the same at the same moment one fetches it, and the others wait for him.
 *
 *     enum flight how = flight_take(&c->flights, hash);       waits while somebody else is at it
 *     ... look whether it is there now, else fetch it ...
 *     flight_land(&c->flights, hash, how);
 *
 * Nobody waits for longer than FLIGHT_WAIT_MS: who fetches may hang, or may himself wait for something that a waiting one holds. Who waited and finds nothing fetches by
 * himself, all of them at once: what cannot be kept must not be fetched one after the other. Things are told apart by their hash: two with the
 * same wait for each other once, for nothing. Thread-safe. Private to core. */
#ifndef CORE_FLIGHT_H
#define CORE_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"

struct flights {
	pthread_mutex_t lock;
	pthread_cond_t landed;
	uint64_t hashes[FLIGHTS_MAX];
	size_t n;
};

enum flight { FLIGHT_OWN, FLIGHT_WAITED, FLIGHT_ALONE };   /* ALONE: more than FLIGHTS_MAX are under way */

void flights_init(struct flights *f);
void flights_destroy(struct flights *f);
enum flight flight_take(struct flights *f, uint64_t hash);
void flight_land(struct flights *f, uint64_t hash, enum flight how);

#endif
