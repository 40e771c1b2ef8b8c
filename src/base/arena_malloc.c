/* The one file of this room that knows the C library's heap. */
#include <stdlib.h>
#include "base/arena.h"

_Static_assert(_Alignof(max_align_t) >= 16, "malloc has to align to 16 bytes");

static void *heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void heap_put(void *ctx, void *block, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(block);
}

const struct arena_source arena_malloc = {heap_get, heap_put, NULL};
