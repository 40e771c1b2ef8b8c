#include "core/flight.h"

#include <time.h>
#include "io/clock.h"

#define NS_PER_S 1000000000LL

void flights_init(struct flights *f)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* a clock that is set back must not prolong a wait */
	pthread_cond_init(&f->landed, &attr);
	pthread_condattr_destroy(&attr);
	f->n = 0;
}

void flights_destroy(struct flights *f)
{
	pthread_cond_destroy(&f->landed);
	pthread_mutex_destroy(&f->lock);
}

/* The lock is held. */
static size_t place_of(const struct flights *f, uint64_t hash)
{
	size_t i = 0;

	while (i < f->n && f->hashes[i] != hash)
		i++;
	return i;
}

static void wait_for(struct flights *f, uint64_t hash)
{
	int64_t end = clock_mono_ns() + FLIGHT_WAIT_MS * (NS_PER_S / 1000);
	const struct timespec until = {end / NS_PER_S, end % NS_PER_S};

	while (place_of(f, hash) < f->n && !pthread_cond_timedwait(&f->landed, &f->lock, &until))
		;
}

enum flight flight_take(struct flights *f, uint64_t hash)
{
	enum flight how = FLIGHT_ALONE;

	pthread_mutex_lock(&f->lock);
	if (place_of(f, hash) < f->n) {
		wait_for(f, hash);
		how = FLIGHT_WAITED;
	} else if (f->n < FLIGHTS_MAX) {
		f->hashes[f->n++] = hash;
		how = FLIGHT_OWN;
	}
	pthread_mutex_unlock(&f->lock);
	return how;
}

void flight_land(struct flights *f, uint64_t hash, enum flight how)
{
	if (how != FLIGHT_OWN)
		return;
	pthread_mutex_lock(&f->lock);
	f->hashes[place_of(f, hash)] = f->hashes[f->n - 1];
	f->n--;
	pthread_cond_broadcast(&f->landed);
	pthread_mutex_unlock(&f->lock);
}
