#include "base/arena.h"
#include "base/limits.h"
#include "base/shim.h"

#define ALIGN 16u
/* A long-lived or large arena takes larger blocks, so that 32 MB are not 2,000 calls to the source. */
#define BLOCK_LARGE_BYTES (256 * KB)

/* Under the address sanitizer what is not handed out is poisoned, and 16 bytes between two allocations never are: running
 * over the end is caught although the block is one to malloc. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZED)
#include <sanitizer/asan_interface.h>
#define hide(p, n) __asan_poison_memory_region((p), (n))
#define show(p, n) __asan_unpoison_memory_region((p), (n))
#define GAP ALIGN
#else
#define hide(p, n) ((void)0)
#define show(p, n) ((void)0)
#define GAP 0u
#endif

struct arena_block {
	_Alignas(16) struct arena_block *older;
	size_t bytes; /* with this header */
};

static char *block_data(struct arena_block *block)
{
	return (char *)(block + 1);
}

/* What an allocation takes from its block; less than n when it overflows. */
static size_t size_in_block(size_t n)
{
	return ((n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1)) + GAP;
}

void arena_init(struct arena *a, const struct arena_source *source, size_t max_bytes)
{
	*a = (struct arena){.source = source, .max_bytes = max_bytes};
}

/* ARENA_EACH: a block for every allocation, so that a test's source can fail any one of them. */
static size_t block_size(const struct arena *a, size_t need)
{
#ifdef ARENA_EACH
	(void)a;
	return need;
#else
	size_t usual = a->used_bytes / 2 < ARENA_BLOCK_BYTES ? ARENA_BLOCK_BYTES : a->used_bytes / 2;
	size_t left = a->max_bytes - a->used_bytes;

	if (usual > BLOCK_LARGE_BYTES)
		usual = BLOCK_LARGE_BYTES;
	if (usual > left)
		usual = left;
	return usual < need ? need : usual;
#endif
}

static struct arena_block *block_get(struct arena *a, size_t bytes)
{
	struct arena_block *block = a->source->get(a->source->ctx, bytes);

	if (!block)
		return NULL;
	block->bytes = bytes;
	a->used_bytes += bytes;
	return block;
}

static void block_put(struct arena *a, struct arena_block *block)
{
	a->used_bytes -= block->bytes;
	show(block, block->bytes);
	a->source->put(a->source->ctx, block, block->bytes);
}

static void block_enter(struct arena *a, struct arena_block *block)
{
	a->blocks = block;
	a->at = block ? block_data(block) : NULL;
	a->end = block ? (char *)block + block->bytes : NULL;
	a->last = NULL;
	if (block)
		hide(a->at, (size_t)(a->end - a->at));
}

/* `bytes` comes from size_in_block. A refusal changes nothing. */
static char *take_from_new_block(struct arena *a, size_t bytes)
{
	size_t left = a->max_bytes - a->used_bytes;
	struct arena_block *block;
	size_t need, want;

	if (left < sizeof(*block) || bytes > left - sizeof(*block))
		return NULL;
	need = bytes + sizeof(*block);
	want = block_size(a, need);
	block = block_get(a, want);
	if (!block && want > need)
		block = block_get(a, need);
	if (!block)
		return NULL;
	block->older = a->blocks;
	block_enter(a, block);
	a->last = a->at;
	a->at += bytes;
	return a->last;
}

static char *take(struct arena *a, size_t bytes)
{
	size_t size = size_in_block(bytes > 0 ? bytes : 1);

	if (size < bytes)
		return NULL;
	if (size > (size_t)(a->end - a->at)) {
		if (!take_from_new_block(a, size))
			return NULL;
	} else {
		a->last = a->at;
		a->at += size;
	}
	show(a->last, bytes);
	return a->last;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	char *p = take(a, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, n * size);
}

void *arena_copy(struct arena *a, const void *p, size_t bytes)
{
	char *copy = take(a, bytes);

	if (copy)
		mem_copy(copy, p, bytes);
	return copy;
}

/* The newest allocation stands alone in its block: the old block can go back, so that a buffer that doubles does not leave
 * all its former selves behind. */
static char *move_lone_block(struct arena *a, size_t old_bytes, size_t new_bytes)
{
	struct arena_block *old = a->blocks;
	char *from = a->last, *p;

	p = take_from_new_block(a, size_in_block(new_bytes));
	if (!p)
		return NULL;
	show(p, new_bytes);
	memcpy(p, from, old_bytes);
	a->blocks->older = old->older;
	block_put(a, old);
	return p;
}

void *arena_grow(struct arena *a, void *p, size_t old_bytes, size_t new_bytes)
{
	size_t size = size_in_block(new_bytes);
	bool newest = p && p == a->last;
	char *grown;

	if (new_bytes <= old_bytes && p)
		return p;
	if (size < new_bytes)
		return NULL;
	if (newest && size <= (size_t)(a->end - a->last)) {
		a->at = a->last + size;
		show(p, new_bytes);
		grown = p;
	} else if (newest && a->last == block_data(a->blocks)) {
		grown = move_lone_block(a, old_bytes, new_bytes);
	} else {
		grown = take(a, new_bytes);
		if (grown) {
			mem_copy(grown, p, old_bytes);
			hide(p, old_bytes);
		}
	}
	if (grown)
		memset(grown + old_bytes, 0, new_bytes - old_bytes);
	return grown;
}

static void put_older(struct arena *a, struct arena_block *block)
{
	while (block) {
		struct arena_block *older = block->older;

		block_put(a, block);
		block = older;
	}
}

void arena_reset(struct arena *a)
{
	struct arena_block *kept = a->blocks;

	if (!kept || kept->bytes > ARENA_KEEP_BYTES) {
		arena_free(a);
		return;
	}
	put_older(a, kept->older);
	kept->older = NULL;
	block_enter(a, kept);
}

void arena_free(struct arena *a)
{
	put_older(a, a->blocks);
	block_enter(a, NULL);
}
