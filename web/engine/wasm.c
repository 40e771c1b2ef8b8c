/* wasm.c - calls.h for WebAssembly: a heap on memory.grow, the memory functions of base/shim.h, and four exports.
 *
 * engine.ts is the one user: it asks for room, writes the input, calls, reads the reply. The instance of the module is what
 * elsewhere is the struct of the caller, so the two statics below are not shared by anyone. */
#include "calls.h"
#include "base/shim.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define WASM_PAGE_BYTES 65536u

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	__builtin_memcpy(to, from, n); /* one instruction here: memory.copy */
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	__builtin_memmove(to, from, n);
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	__builtin_memset(to, byte, n);
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

/* ---- heap: free stretches in order of address, joined when they touch ---- */

struct hole {
	size_t bytes;
	struct hole *next;
};

struct heap {
	struct hole *holes;
	bool begun;
};

extern char __heap_base; /* set by the linker: behind the stack and all data */

static size_t rounded(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static bool touch(const struct hole *before, const struct hole *after)
{
	return before && after && (const char *)before + before->bytes == (const char *)after;
}

static void heap_put(void *ctx, void *block, size_t bytes)
{
	struct heap *h = ctx;
	struct hole *freed = block, *before = NULL, *after = h->holes;

	while (after && after < freed) {
		before = after;
		after = after->next;
	}
	*freed = (struct hole){rounded(bytes), after};
	if (before)
		before->next = freed;
	else
		h->holes = freed;
	if (touch(freed, after)) {
		freed->bytes += after->bytes;
		freed->next = after->next;
	}
	if (touch(before, freed)) {
		before->bytes += freed->bytes;
		before->next = freed->next;
	}
}

/* More memory, at most what the module's memory was declared with; the host may refuse earlier. */
static bool heap_grow(struct heap *h, size_t bytes)
{
	size_t end = __builtin_wasm_memory_size(0) * WASM_PAGE_BYTES, pages;
	char *from;

	if (!h->begun) { /* what is left of the pages the module starts with */
		from = (char *)rounded((size_t)&__heap_base);
		h->begun = true;
		if ((size_t)from + 16 <= end)
			heap_put(h, from, end - (size_t)from);
		return true;
	}
	for (struct hole *x = h->holes; x; x = x->next)
		if ((size_t)x + x->bytes == end)
			bytes -= x->bytes;
	pages = (bytes + WASM_PAGE_BYTES - 1) / WASM_PAGE_BYTES;
	if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1)
		return false;
	heap_put(h, (char *)end, pages * WASM_PAGE_BYTES);
	return true;
}

static void *heap_get(void *ctx, size_t bytes)
{
	struct heap *h = ctx;

	bytes = rounded(bytes);
	do {
		for (struct hole **at = &h->holes; *at; at = &(*at)->next) {
			struct hole *x = *at;

			if (x->bytes < bytes)
				continue;
			*at = x->next;
			if (x->bytes > bytes)
				heap_put(h, (char *)x + bytes, x->bytes - bytes);
			return x;
		}
	} while (heap_grow(h, bytes));
	return NULL;
}

/* ---- exports ---- */

static struct heap heap;
static const struct arena_source wasm_source = {heap_get, heap_put, &heap};
static struct calls calls;
static struct reply last;

/* Room for the next call's input; 0 when there is no memory. */
EXPORT(input) char *wasm_input(size_t n)
{
	if (!calls.source)
		calls_init(&calls, &wasm_source);
	return calls_input(&calls, n);
}

/* An enum call_status. */
EXPORT(call) uint32_t wasm_call(uint32_t call, uint32_t program, const char *in, size_t n)
{
	return calls_do(&calls, call, program, str_make(in, n), &last);
}

/* Four words: text, its length, bytes, their length. */
EXPORT(reply) const struct reply *wasm_reply(void)
{
	return &last;
}
