#include "base/test.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void aligned_and_zeroed(void **state)
{
	struct counting c;
	struct arena a;

	(void)state;
	counting_init(&c, 0);
	arena_init(&a, &c.source, 4 * MB);
	for (size_t n = 0; n < 3000; n += 7) {
		char *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(is_zero(p, n));
		memset(p, 0xff, n);
	}
	assert_int_equal(a.used_bytes, c.bytes);
	arena_free(&a);
	assert_int_equal(c.open, 0);
	assert_int_equal(a.used_bytes, 0);
}

static void refuses_and_goes_on(void **state)
{
	struct counting c;
	struct arena a;

	(void)state;
	counting_init(&c, 0);
	arena_init(&a, &c.source, 64 * KB);
	assert_null(arena_alloc(&a, 64 * KB));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 20));
	assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 4));
	assert_int_equal(c.open, 0);
	assert_non_null(arena_alloc(&a, 60 * KB));
	assert_non_null(arena_alloc(&a, 1 * KB));
	assert_null(arena_alloc(&a, 8 * KB));
	assert_non_null(arena_alloc(&a, 16));
	assert_true(c.bytes <= 64 * KB);
	arena_free(&a);

	counting_init(&c, 2);
	arena_init(&a, &c.source, 1 * MB);
	assert_non_null(arena_alloc(&a, 16000));
	assert_null(arena_alloc(&a, 16000));
	assert_non_null(arena_alloc(&a, 100));
	arena_free(&a);
	assert_int_equal(c.open, 0);
}

static void grows(void **state)
{
	struct counting c;
	struct arena a;
	char *p, *q, *other;

	(void)state;
	counting_init(&c, 0);
	arena_init(&a, &c.source, 4 * MB);
	p = arena_alloc(&a, 10);
	memcpy(p, "0123456789", 10);
	q = arena_grow(&a, p, 10, 5000);
	assert_ptr_equal(p, q);
	assert_memory_equal(q, "0123456789", 10);
	assert_true(is_zero(q + 10, 4990));
	assert_ptr_equal(arena_grow(&a, q, 5000, 100), q);
	other = arena_alloc(&a, 1);
	p = arena_grow(&a, q, 5000, 6000);
	assert_ptr_not_equal(p, q);
	assert_memory_equal(p, "0123456789", 10);
	assert_true(is_zero(p + 10, 5990));
	assert_int_equal(*other, 0);
	p = arena_grow(&a, NULL, 0, 100);
	assert_true(p && is_zero(p, 100));
	assert_null(arena_grow(&a, p, 100, SIZE_MAX));
	assert_null(arena_grow(&a, p, 100, 8 * MB));
	assert_true(is_zero(p, 100));
	arena_free(&a);
	assert_int_equal(c.open, 0);
}

/* A buffer that doubles alone in its block must not keep every former self. */
static void a_growing_buffer_gives_back(void **state)
{
	struct counting c;
	struct arena a;
	size_t n = 32 * KB;
	char *p;

	(void)state;
	counting_init(&c, 0);
	arena_init(&a, &c.source, 16 * MB);
	assert_non_null(arena_alloc(&a, 100));
	p = arena_alloc(&a, n);
	for (; n < 4 * MB; n *= 2) {
		p[n - 1] = 'x';
		p = arena_grow(&a, p, n, n * 2);
		assert_non_null(p);
		assert_int_equal(p[n - 1], 'x');
	}
	assert_true(c.bytes < 5 * MB);
	assert_int_equal(c.open, 2);
	arena_free(&a);
	assert_int_equal(c.open, 0);
}

static void reset_keeps_a_small_block(void **state)
{
	struct counting c;
	struct arena a;
	char *p;

	(void)state;
	counting_init(&c, 0);
	arena_init(&a, &c.source, 16 * MB);
	for (int i = 0; i < 20; i++)
		arena_alloc(&a, 1000);
	arena_reset(&a);
	assert_int_equal(c.open, 1);
	assert_int_equal(a.used_bytes, c.bytes);
	p = arena_alloc(&a, 1000);
	assert_true(is_zero(p, 1000));
	assert_int_equal(c.open, 1);
	arena_alloc(&a, ARENA_KEEP_BYTES);
	arena_reset(&a);
	assert_int_equal(c.open, 0);
	arena_reset(&a);
	assert_non_null(arena_copy(&a, "abc", 3));
	arena_free(&a);
	arena_free(&a);
	assert_int_equal(c.open, 0);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static void the_sanitizer_sees_the_ends(void **state)
{
	struct arena a;
	char *p, *q;

	(void)state;
	arena_init(&a, &arena_malloc, 1 * MB);
	p = arena_alloc(&a, 32);
	q = arena_alloc(&a, 5);
	assert_false(__asan_address_is_poisoned(p + 31));
	assert_true(__asan_address_is_poisoned(p + 32));
	assert_false(__asan_address_is_poisoned(q + 4));
	assert_true(__asan_address_is_poisoned(q + 5));
	assert_ptr_not_equal(arena_grow(&a, p, 32, 64), p);
	assert_true(__asan_address_is_poisoned(p));
	arena_reset(&a);
	assert_true(__asan_address_is_poisoned(q));
	arena_free(&a);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(the_sanitizer_sees_the_ends),
#endif
		cmocka_unit_test(aligned_and_zeroed),
		cmocka_unit_test(refuses_and_goes_on),
		cmocka_unit_test(grows),
		cmocka_unit_test(a_growing_buffer_gives_back),
		cmocka_unit_test(reset_keeps_a_small_block),
	};

	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
