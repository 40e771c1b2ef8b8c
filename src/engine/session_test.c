/* session_test.c - sessions against runs from the beginning, their memory, their bytes, and allocations that fail. That a session
 * agrees with a run after every event is shown on many more surveys by tests/engine/session.mjs. */
#include "base/hash.h"
#include "base/rng.h"
#include "base/test.h"
#include "engine/engine.h"

#define MUTATIONS 5000
#define LONG_QUESTIONS 500

static const char hopper[] =
    "{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"languages\":[\"en\",\"vi\"],\"settings\":{\"show_"
    "back\":true},"
    "\"calculated\":[{\"name\":\"twice\",\"type\":\"number\",\"expression\":\"{a} * 2\",\"export\":true}],\"pages\":["
    "{\"name\":\"p1\",\"questions\":[{\"type\":\"number\",\"name\":\"a\",\"title\":\"A\",\"required\":true,\"max\":9},"
    "{\"type\":\"text\",\"name\":\"why\",\"title\":\"Why {a}?\",\"visible_if\":\"{twice} > 6\",\"required\":true}]},"
    "{\"name\":\"p2\",\"visible_if\":\"{a} != "
    "2\",\"questions\":[{\"type\":\"multi\",\"name\":\"m\",\"title\":\"M\",\"order\":\"random\","
    "\"choices\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"},{\"value\":\"z\",\"label\":\"Z\"}"
    "]}]},"
    "{\"name\":\"p3\",\"questions\":[{\"type\":\"single\",\"name\":\"s\",\"title\":\"S\",\"choices_from\":\"m\"},"
    "{\"type\":\"boolean\",\"name\":\"b\",\"title\":\"B\"}]}],"
    "\"rules\":[{\"when\":\"{a} = 0\",\"do\":\"end\",\"outcome\":\"screened_out\"}],"
    "\"outcomes\":{\"screened_out\":{\"html\":\"No\"}}}}";

static struct program *load(struct arena *a, struct str text)
{
	struct compiled c;
	struct program *p = NULL;
	const char *why;

	assert_int_equal(engine_compile_text(a, text, 0, &c), OK);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	assert_int_equal(program_depend(a, p), OK);
	return p;
}

static struct interview start_of(const struct program *p)
{
	return (struct interview){.program = p, .seed = 11, .now_ms = 1795000000000, .language = S("en")};
}

static struct session *begin(const struct program *p)
{
	struct interview start = start_of(p);
	struct session *s = NULL;

	assert_int_equal(session_begin(&arena_malloc, &start, &s), OK);
	return s;
}

static void answer(struct session *s, const char *name, struct json value)
{
	assert_int_equal(session_answer(s, str_from(name), &value), OK);
}

static bool moves(struct session *s, int by)
{
	bool moved = false;

	assert_int_equal(session_move(s, by, &moved), OK);
	return moved;
}

static bool shows(struct session *s, const char *name)
{
	bool shown = false;

	assert_int_equal(session_shows(s, str_from(name), &shown), OK);
	return shown;
}

static struct json num(int64_t v)
{
	return (struct json){.type = JSON_INT, .i = v};
}

static struct json text(const char *s)
{
	return (struct json){.type = JSON_STR, .s = str_from(s)};
}

static void test_way(void **state)
{
	struct json chosen[] = {text("y"), text("z")};
	struct session *s = begin(load(*state, str_from(hopper)));
	struct verdict v;

	assert_int_equal(session_page(s), 0);
	assert_false(moves(s, 1)); /* a is required */
	assert_false(moves(s, -1));
	assert_false(shows(s, "why"));
	answer(s, "a", num(4));
	assert_true(shows(s, "why"));
	assert_false(moves(s, 1)); /* now `why` is asked and required */
	answer(s, "why", text("because"));
	assert_true(moves(s, 1));
	assert_int_equal(session_page(s), 1);
	answer(s, "m", (struct json){.type = JSON_ARRAY, .count = 2, .items = chosen});
	assert_true(moves(s, 1));
	answer(s, "s", text("z"));
	assert_int_equal(session_verdict(s, RUN_PAGE, *state, &v), OK);
	assert_str(v.answers, "{\"a\":4,\"why\":\"because\",\"m\":[\"y\",\"z\"],\"s\":\"z\",\"twice\":8}");
	/* back to the first page: the second is passed over, what hung on it is gone, and comes back with it */
	assert_true(moves(s, -1) && moves(s, -1));
	answer(s, "a", num(2));
	assert_int_equal(session_verdict(s, RUN_PAGE, *state, &v), OK);
	assert_str(v.answers, "{\"a\":2,\"twice\":4}");
	assert_int_equal(v.next_page, 2);
	answer(s, "a", num(3));
	assert_int_equal(session_verdict(s, RUN_PAGE, *state, &v), OK);
	assert_str(v.answers, "{\"a\":3,\"m\":[\"y\",\"z\"],\"s\":\"z\",\"twice\":6}");
	answer(s, "a", num(0));
	assert_true(moves(s, 1) && session_over(s));
	assert_str(session_outcome(s), "screened_out");
	assert_int_equal(session_answer(s, S("a"), NULL), ERR_CONFLICT);
	session_end(s);
}

static void test_refusals(void **state)
{
	struct session *s = begin(load(*state, str_from(hopper)));
	struct json v = num(1);
	bool shown;

	assert_int_equal(session_shows(s, S("nobody"), &shown), ERR_NOT_FOUND);
	assert_int_equal(session_shows(s, S("a_other"), &shown), ERR_NOT_FOUND);
	assert_int_equal(session_answer(s, S("nobody"), &v), ERR_NOT_FOUND);
	assert_int_equal(session_answer(s, S("a_other"), &v), ERR_NOT_FOUND);
	assert_int_equal(session_language(s, S("fr")), ERR_NOT_FOUND);
	assert_int_equal(session_language(s, S("vi")), OK);
	session_end(s);
}

/* The hash of one interview is written down here: it must never change. */
static void test_hash(void **state)
{
	struct program *p = load(*state, str_from(hopper));
	unsigned char hash[32];
	struct replay_fault why;
	struct str got = S("");
	struct buf b;

	assert_int_equal(
	    interview_replay(&arena_malloc, p,
		S("{\"seed\":\"00000000000000ff\",\"now_ms\":1795000000000,\"events\":[{\"answer\":\"a\",\"value\":4},"
		  "{\"answer\":\"why\",\"value\":\"\\u0110\\u00e0 "
		  "N\\u1eb5ng\"},{\"page\":\"next\"},{\"answer\":\"m\",\"value\":[\"z\",\"x\"]}]}"),
		REPLAY_CHECK, hash, &why),
	    OK);
	buf_init(&b, *state, 64);
	hex_put(&b, hash, 32);
	assert_int_equal(buf_done(&b, &got), OK);
	assert_str(got, "e512d0441f7d724a92387161490c23c6d82a9d5e90ed158fbdd28ae4e5c0998d");
}

static void test_lines(void **state)
{
	static const struct {
		const char *line, *what;
		uint32_t event;
	} bad[] = {
	    {"[]", "a line has seed, now_ms and events, and may have language, parameters, full, filled and drawn", 0},
	    {"{\"seed\":-1,\"now_ms\":0,\"events\":[]}", "a seed is a whole number from 0, or 16 hexadecimal digits",
		0},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[],\"x\":1}",
		"a line has seed, now_ms and events, and may have language, parameters, full, filled and drawn", 0},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[{\"page\":\"next\"},{\"page\":\"up\"}]}",
		"a page is \"next\" or \"back\"", 2},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[{\"answer\":\"q\",\"value\":1}]}",
		"there is no question of this name", 1},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[{\"answer\":\"a\"}]}", "an answer needs a name and a value", 1},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[{\"language\":\"fr\"}]}", "the survey does not have this language",
		1},
	    {"{\"seed\":1,\"now_ms\":0,\"events\":[7]}", "an event is an answer, a page or a language", 1}};
	struct program *p = load(*state, str_from(hopper));
	unsigned char hash[32];
	struct replay_fault why;

	for (size_t i = 0; i < countof(bad); i++) {
		assert_int_equal(interview_replay(&arena_malloc, p, str_from(bad[i].line), 0, hash, &why), ERR_INVALID);
		assert_string_equal(why.what, bad[i].what);
		assert_int_equal(why.event, bad[i].event);
	}
}

static void test_bytes(void **state)
{
	struct program *p = load(*state, str_from(hopper));
	struct session *s = begin(p), *again;
	unsigned char before[32], after[32];
	struct str bytes;
	struct rng rng;
	size_t taken = 0;

	answer(s, "a", num(5));
	answer(s, "why", text("so"));
	assert_true(moves(s, 1));
	assert_int_equal(session_hash(s, before), OK);
	assert_int_equal(session_write(s, *state, &bytes), OK);
	session_end(s);
	assert_int_equal(session_read(&arena_malloc, p, bytes, &again), OK);
	assert_int_equal(session_page(again), 1);
	assert_int_equal(session_hash(again, after), OK);
	assert_memory_equal(before, after, 32);
	session_end(again);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(session_read(&arena_malloc, p, str_make(bytes.p, n), &again), ERR_INVALID);
	rng_init(&rng, 3, 1);
	for (int i = 0; i < MUTATIONS; i++) {
		struct str copy = exact_copy(bytes);

		for (uint32_t k = 1 + rng_below(&rng, 3); k > 0; k--)
			((char *)(uintptr_t)copy.p)[rng_below(&rng, (uint32_t)copy.n)] = (char)rng_below(&rng, 128);
		if (session_read(&arena_malloc, p, copy, &again) == OK) {
			taken++;
			assert_int_equal(session_hash(again, after), OK);
			session_end(again);
		}
		free((void *)(uintptr_t)copy.p);
	}
	/* what is left are other answers, another seed or time: as good a state as the first */
	assert_true(taken < MUTATIONS / 2);
	/* another survey's state */
	assert_int_equal(
	    session_read(&arena_malloc,
		load(
		    *state, S("{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"pages\":[{\"name\":\"p1\","
			      "\"questions\":[{\"type\":\"number\",\"name\":\"a\",\"title\":\"A\"}]}]}}")),
		bytes, &again),
	    ERR_INVALID);
}

/* Ten questions a page; every tenth hangs on the first of its page. */
static struct str long_survey(struct arena *a)
{
	struct buf b;

	buf_init(&b, a, 8 * MB);
	buf_add(&b, S("{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"settings\":{\"show_back\":true},"
		      "\"pages\":["));
	for (int i = 0; i < LONG_QUESTIONS; i++) {
		char name[200];
		int first = i / 10 * 10;

		if (i % 10 == 0) {
			snprintf(name, sizeof(name), "%s{\"name\":\"p%d\",\"questions\":[", i ? "]}," : "", i / 10);
			buf_add(&b, str_from(name));
		}
		snprintf(name, sizeof(name), "%s{\"type\":\"single\",\"name\":\"q%d\",\"title\":\"Question %d\",",
		    i % 10 ? "," : "", i, i);
		buf_add(&b, str_from(name));
		if (i % 10 == 9) {
			snprintf(name, sizeof(name), "\"visible_if\":\"{q%d} > 2\",", first);
			buf_add(&b, str_from(name));
		}
		buf_add(&b, S("\"choices\":["));
		for (int k = 1; k <= 8; k++) {
			snprintf(
			    name, sizeof(name), "%s{\"value\":%d,\"label\":\"Choice %d\"}", k > 1 ? "," : "", k, k);
			buf_add(&b, str_from(name));
		}
		buf_add(&b, S("]}"));
	}
	buf_add(&b, S("]}]}}"));
	return str_make(b.p, b.n);
}

static void test_long(void **state)
{
	struct program *p = load(*state, long_survey(*state));
	struct session *s = begin(p);
	struct verdict kept, afresh;
	struct interview in;
	size_t most = 0;
	struct rng rng;
	char name[16];

	rng_init(&rng, 9, 9);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "q%u", rng_below(&rng, LONG_QUESTIONS));
		answer(s, name, num(1 + rng_below(&rng, 8)));
		if (i % 7 == 0)
			moves(s, rng_below(&rng, 3) ? 1 : -1);
		if (session_over(s))
			break;
		most = session_bytes(s) > most ? session_bytes(s) : most;
	}
	print_message("500 questions: at most %zu bytes\n", most);
	assert_true(most < 2 * MB);
	assert_int_equal(session_verdict(s, RUN_PAGE, *state, &kept), OK);
	assert_int_equal(session_interview(s, *state, &in), OK);
	assert_int_equal(interview_run(&in, RUN_PAGE, session_page(s), *state, &afresh), OK);
	assert_true(str_eq(kept.answers, afresh.answers) && kept.error_count == afresh.error_count);
	session_end(s);
}

/* Everything once, from a source that gives out after so many requests. */
static bool everything(const struct program *p, struct counting *c)
{
	unsigned char hash[32];
	struct replay_fault why;

	return interview_replay(&c->source, p,
		   S("{\"seed\":1,\"now_ms\":1795000000000,\"events\":[{\"answer\":\"a\",\"value\":4},{\"answer\":"
		     "\"why\",\"value\":\"x\"},"
		     "{\"page\":\"next\"},{\"answer\":\"m\",\"value\":[\"x\",\"y\"]},{\"language\":\"vi\"},{\"page\":"
		     "\"next\"},{\"page\":\"back\"}]}"),
		   REPLAY_CHECK, hash, &why) == OK;
}

static void test_memory(void **state)
{
	struct program *p = load(*state, str_from(hopper));
	struct counting c;
	unsigned n = 1;
	bool whole = false;

	for (; !whole && n < 5000; n++) {
		counting_init(&c, n);
		whole = everything(p, &c);
		assert_int_equal(c.open, 0);
	}
	assert_true(whole && n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {with_arena(test_way), with_arena(test_refusals), with_arena(test_hash),
	    with_arena(test_lines), with_arena(test_bytes), with_arena(test_long), with_arena(test_memory)};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
