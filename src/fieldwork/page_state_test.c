#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/limits.h"
#include "fieldwork/page_form.h"
#include "fieldwork/page_state.h"
#include "vault/vault.h"

struct fixture {
	struct arena a;
	struct vault *vault;
	struct page_state state;
};

static int set_up(void **state)
{
	static struct fixture f;
	static struct str shown[] = {{"nps", 3}, {"why_low", 7}};
	const char *why = "";
	struct json_error error;
	struct json *answers;

	arena_init(&f.a, &arena_malloc, 16 * MB);
	if (vault_open("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, &f.vault, &why))
		return -1;
	if (json_read(
		&f.a, S("{\"nps\":3,\"why_low\":\"a \\\"b\\\" \\u1ec7\"}"), &json_limits_default, &answers, &error))
		return -1;
	memset(&f.state.link_id, 7, sizeof(f.state.link_id));
	f.state.survey_version = 2;
	f.state.seed = UINT64_MAX - 5;
	f.state.started_ms = 1000000;
	f.state.language = S("vi");
	f.state.page = 1;
	f.state.answers = answers;
	f.state.consents[1] = answers;
	f.state.shown = shown;
	f.state.shown_count = 2;
	f.state.key = S("page-1");
	f.state.percent = 50;
	f.state.back = true;
	f.state.trapped = true;
	f.state.device_id = S("tablet");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	vault_close(f->vault);
	arena_free(&f->a);
	return 0;
}

static void comes_back_as_it_went(void **state)
{
	struct fixture *f = *state;
	struct page_state got;
	struct str token;

	assert_int_equal(page_state_seal(f->vault, &f->state, &f->a, &token), OK);
	assert_int_equal(page_state_open(f->vault, token, &f->state.link_id, 1000001, &f->a, &got), OK);
	assert_int_equal(got.survey_version, 2);
	assert_true(got.seed == f->state.seed);
	assert_int_equal(got.page, 1);
	assert_int_equal(got.percent, 50);
	assert_true(got.back);
	assert_true(got.trapped && !got.proved && !got.saved);
	assert_true(str_eq(got.device_id, S("tablet")));
	assert_true(str_eq(got.language, S("vi")));
	assert_true(str_eq(got.key, S("page-1")));
	assert_int_equal(got.shown_count, 2);
	assert_true(str_eq(got.shown[1], S("why_low")));
	assert_true(json_same(got.answers, f->state.answers));
	assert_null(got.parameters);
	assert_null(got.consents[0]);
	assert_true(json_same(got.consents[1], f->state.answers));
}

static void says_nothing_readable(void **state)
{
	struct fixture *f = *state;
	struct str token, raw;

	assert_int_equal(page_state_seal(f->vault, &f->state, &f->a, &token), OK);
	assert_int_equal(base64url_read(&f->a, token, &raw), OK);
	assert_false(str_find(raw, S("nps"), NULL));
	for (size_t i = 0; i < token.n; i++)
		assert_true((token.p[i] | 32) >= 'a' || (token.p[i] >= '0' && token.p[i] <= '9') || token.p[i] == '-' ||
			    token.p[i] == '_');
}

static void every_change_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct page_state got;
	struct str token;
	char *copy;

	assert_int_equal(page_state_seal(f->vault, &f->state, &f->a, &token), OK);
	for (size_t i = 0; i < token.n; i += 7) {
		copy = arena_copy(&f->a, token.p, token.n);
		assert_non_null(copy);
		copy[i] = copy[i] == 'x' ? 'y' : 'x';
		assert_int_equal(
		    page_state_open(f->vault, str_make(copy, token.n), &f->state.link_id, 1000001, &f->a, &got),
		    ERR_INVALID);
	}
	assert_int_equal(
	    page_state_open(f->vault, str_sub(token, 0, token.n - 1), &f->state.link_id, 1000001, &f->a, &got),
	    ERR_INVALID);
	assert_int_equal(page_state_open(f->vault, S(""), &f->state.link_id, 1000001, &f->a, &got), ERR_INVALID);
	assert_int_equal(page_state_open(f->vault, S("!!"), &f->state.link_id, 1000001, &f->a, &got), ERR_INVALID);
}

static void other_links_and_old_pages_are_refused(void **state)
{
	struct fixture *f = *state;
	struct uuid other = {{1}};
	struct page_state got;
	struct str token, foreign;

	assert_int_equal(page_state_seal(f->vault, &f->state, &f->a, &token), OK);
	assert_int_equal(page_state_open(f->vault, token, &other, 1000001, &f->a, &got), ERR_INVALID);
	assert_int_equal(
	    page_state_open(f->vault, token, &f->state.link_id, 1000000 + PAGE_STATE_MAX_AGE_MS, &f->a, &got), OK);
	assert_int_equal(
	    page_state_open(f->vault, token, &f->state.link_id, 1000001 + PAGE_STATE_MAX_AGE_MS, &f->a, &got),
	    ERR_INVALID);
	assert_int_equal(vault_token_seal(f->vault, S("another purpose"), S("{}"), &f->a, &foreign), OK);
	assert_int_equal(page_state_open(f->vault, foreign, &f->state.link_id, 1000001, &f->a, &got), ERR_INVALID);
}

static void broken_states_are_refused(void **state)
{
	static const char *const broken[] = {"", "[]", "{}", "null", "{\"link\":\"x\"}"};
	struct fixture *f = *state;
	struct page_state got;

	for (size_t i = 0; i < countof(broken); i++)
		assert_int_equal(page_state_read(str_from(broken[i]), &f->a, &got), ERR_INVALID);
}

static void forms_are_read(void **state)
{
	struct fixture *f = *state;
	struct form_field *fields;
	size_t n;

	assert_int_equal(form_read(S("a=1&b=x+y%21&a=2&&c&=z"), &f->a, &fields, &n), OK);
	assert_int_equal(n, 4);
	assert_true(str_eq(form_value(fields, n, S("a")), S("1")));
	assert_true(str_eq(form_value(fields, n, S("b")), S("x y!")));
	assert_true(str_eq(fields[2].value, S("2")));
	assert_int_equal(form_value(fields, n, S("c")).n, 0);
	assert_int_equal(form_read(S("a=%00"), &f->a, &fields, &n), ERR_UNREADABLE);
	assert_int_equal(form_read(S("a=%ff"), &f->a, &fields, &n), ERR_UNREADABLE);
	assert_int_equal(form_read(S("a=%4"), &f->a, &fields, &n), ERR_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_back_as_it_went),
	    cmocka_unit_test(says_nothing_readable),
	    cmocka_unit_test(every_change_is_noticed),
	    cmocka_unit_test(other_links_and_old_pages_are_refused),
	    cmocka_unit_test(broken_states_are_refused),
	    cmocka_unit_test(forms_are_read),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
