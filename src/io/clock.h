/* clock.h - time and randomness from the kernel: the only place that asks for either. Thread-safe. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>
#include "base/uuid.h"

int64_t clock_now_ms(void);              /* wall clock, milliseconds since 1970 UTC */
int64_t clock_mono_ns(void);             /* monotonic; for durations and deadlines */
int64_t clock_coarse_ms(void);           /* the same clock, up to 10 ms behind and much cheaper: for deadlines of seconds */
void random_bytes(void *p, size_t n);    /* getrandom(2) each time: keys, nonces, secrets; aborts when the kernel has none */
/* Of bytes that each thread keeps in store, so a process that forks and goes on would repeat them: for numbers that are unique, but no secrets. */
uint64_t random_u64(void);
struct uuid uuid_new(void);              /* version 7, now */

#endif
