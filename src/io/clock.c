#include "io/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define SPARE_BYTES 256 /* ids and seeds of some dozen requests */

int64_t clock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_coarse_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void random_bytes(void *p, size_t n)
{
	unsigned char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort(); /* ids and tokens that could be guessed are worse than no server */
		}
		at += got;
		n -= (size_t)got;
	}
}

/* From what the kernel gave this thread in one call, each byte once: a call for every number would take longer than what the number is for. */
static void random_spare(void *p, size_t n)
{
	static _Thread_local struct {
		unsigned char b[SPARE_BYTES];
		size_t n;
	} spare;

	if (spare.n < n) {
		random_bytes(spare.b, sizeof spare.b);
		spare.n = sizeof spare.b;
	}
	spare.n -= n;
	memcpy(p, spare.b + spare.n, n);
	memset(spare.b + spare.n, 0, n);
}

uint64_t random_u64(void)
{
	uint64_t v;

	random_spare(&v, sizeof v);
	return v;
}

struct uuid uuid_new(void)
{
	unsigned char random[10];

	random_spare(random, sizeof random);
	return uuid_v7(clock_now_ms(), random);
}
