/* clock.h - time and randomness from the kernel: the only place that asks for either. Thread-safe. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>
#include "base/uuid.h"

int64_t clock_now_ms(void);              /* wall clock, milliseconds since 1970 UTC */
int64_t clock_mono_ns(void);             /* monotonic; for durations and deadlines */
void random_bytes(void *p, size_t n);    /* getrandom(2); aborts when the kernel has none */
uint64_t random_u64(void);
struct uuid uuid_new(void);              /* version 7, now */

#endif
