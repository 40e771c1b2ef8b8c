/* diag_test.c - docs/diagnostics.md is what the rows say, and every row says how to mend what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/limits.h"
#include "engine/diag.h"

static void test_printed(void **state)
{
	static char kept[256 * KB];
	FILE *f = fopen(ENGINE_CORPUS "/../../../docs/diagnostics.md", "rb");
	struct arena a;
	struct str page;
	struct buf b;
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(kept, 1, sizeof(kept), f);
	fclose(f);
	arena_init(&a, &arena_malloc, 4 * MB);
	buf_init(&b, &a, MB);
	diagnostics_print(&b);
	assert_int_equal(buf_done(&b, &page), OK);
	if (!str_eq(page, str_make(kept, n)))
		print_error("docs/diagnostics.md is behind: collect print diagnostics > docs/diagnostics.md\n");
	assert_true(str_eq(page, str_make(kept, n)));
	arena_free(&a);
}

/* A code says how grave it is. Two sentences at least: what is wrong, and what to do. Those whose text comes from elsewhere are "%1". */
static void test_mending(void **state)
{
	static const struct {
		const char *code, *severity, *text;
	} rows[] = {
#define DIAG(name, code, severity, text) {code, #severity, text},
#include "engine/diagnostics.def"
#undef DIAG
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str text = str_from(rows[i].text);

		assert_int_equal(rows[i].code[0], rows[i].severity[0]);
		assert_int_equal(strlen(rows[i].code), 5);
		if (str_eq(text, S("%1")) || str_starts(str_from(rows[i].code), S("W090")))
			continue;
		if (!str_find(text, S(". "), NULL) || !str_ends(text, S(".")))
			print_error("%s does not say how to mend it: %s\n", rows[i].code, rows[i].text);
		assert_true(str_find(text, S(". "), NULL) && str_ends(text, S(".")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_printed), cmocka_unit_test(test_mending)};

	return cmocka_run_group_tests_name("diagnostics", tests, NULL, NULL);
}
