/* shim.h - the four memory functions, the only outside names this room may use.
 *
 * A hosted build takes them from the C library; a freestanding one (WebAssembly) supplies them itself. Compilers emit calls
 * to them on their own, so they have to exist anyway. A zero length is allowed with a NULL pointer only through mem_copy()
 * and mem_same(), because the plain functions call that undefined. */
#ifndef BASE_SHIM_H
#define BASE_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

static inline void mem_copy(void *to, const void *from, size_t n)
{
	if (n > 0)
		memcpy(to, from, n);
}

static inline bool mem_same(const void *a, const void *b, size_t n)
{
	return n == 0 || memcmp(a, b, n) == 0;
}

#endif
