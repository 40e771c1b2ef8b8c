/* Pictures of texts: what is made is read again by other programs in tests/system/qr.mjs, to which this hands them:
 *
 *     test_io_qr svg|png SCALE TEXT > picture */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/limits.h"
#include "base/test.h"
#include "io/qr.h"

static void begin(struct arena *a)
{
	arena_init(a, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
}

static struct str letters(struct arena *a, size_t n)
{
	struct buf b;
	struct str text;

	buf_init(&b, a, n);
	buf_fill(&b, 'x', n);
	assert_int_equal(buf_done(&b, &text), OK);
	return text;
}

static void test_sizes(void **state)
{
	static const struct {
		size_t bytes;
		int size;
	} cases[] = {{1, 21}, {14, 21}, {15, 25}, {26, 25}, {27, 29}, {QR_TEXT_MAX_BYTES, 169}};
	struct arena a;
	struct qr qr;

	(void)state;
	begin(&a);
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(qr_make(&a, letters(&a, cases[i].bytes), &qr), OK);
		assert_int_equal(qr.size, cases[i].size);
		for (int at = 0; at < qr.size * qr.size; at++)
			assert_in_range(qr.modules[at], 0, 1);
		/* the corners that scanners look for: all but the one below on the right */
		assert_int_equal(qr.modules[0], 1);
		assert_int_equal(qr.modules[qr.size - 1], 1);
		assert_int_equal(qr.modules[qr.size * (qr.size - 1)], 1);
	}
	arena_free(&a);
}

static void test_refused(void **state)
{
	struct str out;
	struct arena a;
	struct qr qr;

	(void)state;
	begin(&a);
	assert_int_equal(qr_make(&a, S(""), &qr), ERR_INVALID);
	assert_int_equal(qr_make(&a, letters(&a, QR_TEXT_MAX_BYTES + 1), &qr), ERR_LIMIT);
	assert_int_equal(qr_make(&a, S("https://example.com/s/abc"), &qr), OK);
	for (int i = 0; i < 3; i++) {
		static const int bad[] = {0, -1, QR_SCALE_MAX + 1};

		assert_int_equal(qr_svg(&a, &qr, bad[i], &out), ERR_LIMIT);
		assert_int_equal(qr_png(&a, &qr, bad[i], &out), ERR_LIMIT);
	}
	arena_free(&a);
	/* memory that ends, wherever it does */
	for (size_t max = ARENA_BLOCK_BYTES; max <= 8 * ARENA_BLOCK_BYTES; max += ARENA_BLOCK_BYTES) {
		enum err e;

		arena_init(&a, &arena_malloc, max);
		e = qr_make(&a, S("https://example.com/s/abc"), &qr);
		e = e ? e : qr_svg(&a, &qr, 4, &out);
		e = e ? e : qr_png(&a, &qr, QR_SCALE_MAX, &out);
		if (e != OK)
			assert_int_equal(e, ERR_MEMORY);
		arena_free(&a);
	}
}

/* The largest of both fit, and the same text gives the same bytes. */
static void test_largest(void **state)
{
	struct str svg, again, png;
	struct arena a;
	struct qr qr;

	(void)state;
	begin(&a);
	assert_int_equal(qr_make(&a, letters(&a, QR_TEXT_MAX_BYTES), &qr), OK);
	assert_int_equal(qr_svg(&a, &qr, QR_SCALE_MAX, &svg), OK);
	assert_int_equal(qr_svg(&a, &qr, QR_SCALE_MAX, &again), OK);
	assert_true(str_eq(svg, again));
	assert_true(str_starts(svg, S("<svg ")) && str_ends(svg, S("</svg>\n")));
	assert_int_equal(qr_png(&a, &qr, QR_SCALE_MAX, &png), OK);
	assert_true(png.n < QR_SVG_MAX_BYTES);
	arena_free(&a);
}

static int picture(char **argv)
{
	int64_t scale;
	struct arena a;
	struct str out;
	struct qr qr;
	enum err e;
	bool svg = str_eq(str_from(argv[1]), S("svg"));

	if (!str_to_int(str_from(argv[2]), &scale))
		return EINVAL;
	begin(&a);
	if (!(e = qr_make(&a, str_from(argv[3]), &qr)))
		e = svg ? qr_svg(&a, &qr, (int)scale, &out) : qr_png(&a, &qr, (int)scale, &out);
	if (!e && fwrite(out.p, 1, out.n, stdout) != out.n)
		e = ERR_IO;
	arena_free(&a);
	return e ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_largest),
	};

	if (argc == 4)
		return picture(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
