#include "base/json.h"
#include "base/num.h"
#include "base/test.h"

static struct json *read_ok(struct arena *a, struct str text)
{
	struct json_error why;
	struct json *doc = NULL;

	if (json_read(a, text, &json_limits_default, &doc, &why))
		fail_msg("%.*s: %s at %u", STR_ARGS(text), why.what, why.at);
	return doc;
}

static struct str written(struct arena *a, const struct json *v, bool canonical)
{
	struct buf b;
	struct json_out w;
	struct str out = S("");

	buf_init(&b, a, 16 * MB);
	json_out_init(&w, &b);
	if (canonical)
		json_put_canonical(&w, v);
	else
		json_put(&w, v);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static void reads_a_document(void **state)
{
	struct str text = S("{\"title\":\"Caf\\u00e9\", \"n\":[1,-2.5,true,null],\"plain\":\"abc\"}");
	struct json *doc = read_ok(*state, text);
	const struct json *n = json_get(doc, S("n")), *plain = json_get(doc, S("plain"));

	assert_int_equal(doc->type, JSON_OBJECT);
	assert_int_equal(doc->count, 3);
	assert_str(json_str_or(doc, S("title"), S("-")), "Caf\xc3\xa9");
	assert_str(json_str_or(doc, S("n"), S("-")), "-");
	assert_str(json_str_or(doc, S("no"), S("-")), "-");
	assert_null(json_get(doc, S("titl")));
	assert_null(json_get(n, S("title")));
	assert_null(json_get(NULL, S("title")));
	assert_int_equal(n->type, JSON_ARRAY);
	assert_int_equal(n->count, 4);
	assert_true(n->items[0].type == JSON_INT && n->items[0].i == 1);
	assert_true(n->items[1].type == JSON_NUM && n->items[1].num == -2.5);
	assert_true(n->items[2].type == JSON_BOOL && n->items[2].b);
	assert_int_equal(n->items[3].type, JSON_NULL);
	assert_true(
	    json_is_num(&n->items[0]) && json_is_num(&n->items[1]) && !json_is_num(&n->items[2]) && !json_is_num(NULL));
	assert_true(json_num(&n->items[0]) == 1 && json_num(&n->items[1]) == -2.5);
	/* positions, and strings without escapes borrowed from the text */
	assert_int_equal(doc->at, 0);
	assert_int_equal(doc->members[1].at, 22);
	assert_int_equal(n->at, 26);
	assert_int_equal(n->items[1].at, 29);
	assert_ptr_equal(plain->s.p, text.p + plain->at + 1);
}

static void keeps_integers_exact(void **state)
{
	struct json *doc = read_ok(*state, S("[9223372036854775807,-9223372036854775808,9223372036854775808,-"
					     "9223372036854775809,9007199254740993,1.0,-0,1e2,"
					     "99999999999999999999,0.1]"));
	static const enum json_type types[] = {
	    JSON_INT, JSON_INT, JSON_NUM, JSON_NUM, JSON_INT, JSON_NUM, JSON_INT, JSON_NUM, JSON_NUM, JSON_NUM};

	for (uint32_t i = 0; i < doc->count; i++)
		assert_int_equal(doc->items[i].type, types[i]);
	assert_true(doc->items[0].i == INT64_MAX && doc->items[1].i == INT64_MIN);
	assert_true(doc->items[2].num == 0x1p63 && doc->items[4].i == 9007199254740993);
	/* a double from 2^53 on is written with all its digits, else it would come back as another integer */
	assert_str(written(*state, read_ok(*state, S("[-922337203685477580.1]")), false), "[-922337203685477632]");
	assert_str(written(*state, doc, false), "[9223372036854775807,-9223372036854775808,9223372036854776000,-"
						"9223372036854775808,9007199254740993,1,0,100,"
						"100000000000000000000,0.1]");
}

static void check_error(struct arena *a, struct str text, uint32_t line, uint32_t column, const char *pointer)
{
	struct json_error why;
	struct json *doc;

	assert_int_equal(json_read(a, text, &json_limits_default, &doc, &why), ERR_UNREADABLE);
	if (why.line != line || why.column != column || !str_eq(why.pointer, str_from(pointer)))
		fail_msg("%.*s: line %u column %u pointer %.*s (%s)", STR_ARGS(text), why.line, why.column,
		    STR_ARGS(why.pointer), why.what);
}

static void says_where_it_broke(void **state)
{
	check_error(*state, S("x"), 1, 1, "");
	check_error(*state, S("[1,\n  2,\n  x]"), 3, 3, "/2");
	check_error(*state, S("{\"\xe1\xba\xbf\xe1\xba\xbf\": x}"), 1, 8, "/\xe1\xba\xbf\xe1\xba\xbf");
	check_error(*state, S("{\"a\":{\"b/c\":[0,{\"d~\":tru}]}}"), 1, 25, "/a/b~1c/1/d~0");
	check_error(*state, S("{\"a\":{\"b\":[0,1}}"), 1, 15, "/a/b");
	check_error(*state, S("{\"a\":{\"b\":1 \"c\":2}}"), 1, 13, "/a");
	check_error(*state, S("{\"a\":[{\"b\":1},{\"b\":1,}]}"), 1, 22, "/a/1");
	check_error(*state, S("{\"a\":[[],[],"), 1, 13, "/a/2");
	check_error(*state, S("{\"a\":1}x"), 1, 8, "");
	check_error(*state, S("{\"a\":\"\\ud800\"}"), 1, 7, "/a");
	check_error(*state, S("{\"a\":[{\"\":1e999}]}"), 1, 11, "/a/0/");
}

static void check_duplicate(struct arena *a, struct str text, uint32_t at, const char *pointer)
{
	struct json_error why;
	struct json *doc;

	assert_int_equal(json_read(a, text, &json_limits_default, &doc, &why), ERR_UNREADABLE);
	assert_true(why.duplicate);
	assert_int_equal(why.at, at);
	assert_str(why.pointer, pointer);
}

static void refuses_duplicate_keys(void **state)
{
	struct buf b;
	struct str text;

	check_duplicate(*state, S("{\"a\":1,\"a\":2}"), 7, "/a");
	check_duplicate(*state, S("{\"a\":1,\"b\":3,\"\\u0061\":2,\"c\":4}"), 13, "/a");
	check_duplicate(*state, S("{\"\":1,\"\":2}"), 6, "/");
	check_duplicate(*state, S("[0,{\"x\":{\"k\":[],\"k\":{}}}]"), 16, "/1/x/k");
	/* the same among many, where a table takes over from comparing pairs */
	buf_init(&b, *state, 1 * MB);
	buf_add(&b, S("{\"x\":{"));
	for (int i = 0; i < 900; i++) {
		buf_add(&b, S("\"q"));
		buf_int(&b, i);
		buf_add(&b, S("\":0,"));
	}
	buf_add(&b, S("\"q450\":1}}"));
	assert_int_equal(buf_done(&b, &text), OK);
	check_duplicate(*state, text, (uint32_t)text.n - 10, "/x/q450");
	b.n -= 10;
	buf_add(&b, S("\"q900\":1}}"));
	assert_int_equal(buf_done(&b, &text), OK);
	assert_int_equal(json_get(read_ok(*state, text), S("x"))->count, 901);
}

static void survives_every_refusal_of_memory(void **state)
{
	struct str text =
	    S("{\"a\\n\":[1,2,{\"b\":\"\\u00e9\"}],\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,"
	      "\"many\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
	      "0,0]}");
	struct json_error why;
	struct json *doc;
	unsigned n;
	enum err e = ERR_MEMORY;

	(void)state;
	for (n = 1; e == ERR_MEMORY; n++) {
		struct counting c;
		struct arena a;

		counting_init(&c, n);
		arena_init(&a, &c.source, 1 * MB);
		e = json_read(&a, text, &json_limits_default, &doc, &why);
		arena_free(&a);
		assert_int_equal(c.open, 0);
	}
	assert_int_equal(e, OK);
	assert_true(n > 3);
	for (size_t max = 0; max < 24 * KB; max += 512) {
		struct arena a;

		arena_init(&a, &arena_malloc, max);
		e = json_read(&a, text, &json_limits_default, &doc, &why);
		assert_true(e == OK || e == ERR_MEMORY);
		arena_free(&a);
	}
	assert_int_equal(e, OK);
}

static void writes_with_commas(void **state)
{
	struct buf b;
	struct json_out w;
	struct str out;

	buf_init(&b, *state, 4096);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("s"), S("a\"b\\c\n\x01</script><b>"));
	json_field_int(&w, S("i"), -5);
	json_field_bool(&w, S("t"), true);
	json_field_raw(&w, S("raw"), S("[1]"));
	json_key(&w, S("list"));
	json_open(&w, '[');
	json_put_null(&w);
	json_open(&w, '[');
	json_close(&w, ']');
	json_open(&w, '{');
	json_close(&w, '}');
	json_put_num(&w, 0.5);
	json_put_num(&w, 1.0 / 0.0);
	json_put_num(&w, 0.0 / 0.0);
	json_close(&w, ']');
	json_key(&w, S("bad \xff\xed\xa0\x80 utf-8"));
	json_put_bool(&w, false);
	json_close(&w, '}');
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(out, "{\"s\":\"a\\\"b\\\\c\\n\\u0001<\\/script><b>\",\"i\":-5,\"t\":true,\"raw\":[1],"
			"\"list\":[null,[],{},0.5,null,null],"
			"\"bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd utf-8\":false}");
	read_ok(*state, out);
}

static void the_writer_refuses_misuse(void **state)
{
	struct buf b;
	struct json_out w;

	buf_init(&b, *state, 4096);
	json_out_init(&w, &b);
	for (int i = 0; i < 63; i++)
		json_open(&w, '[');
	assert_int_equal(b.failed, OK);
	json_open(&w, '[');
	assert_int_equal(b.failed, ERR_LIMIT);

	buf_init(&b, *state, 4096);
	json_out_init(&w, &b);
	json_close(&w, ']');
	assert_int_equal(b.failed, ERR_INTERNAL);

	buf_init(&b, *state, 4096);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("a"));
	json_key(&w, S("b"));
	assert_int_equal(b.failed, ERR_INTERNAL);
}

static void canonical_text_is_one(void **state)
{
	struct json *a = read_ok(
	    *state, S("{\"b\":1.0,\"a\":[1e1, {\"z\":null , \"y\":\"\\u0041\"}],\"\xc3\xa9\":2,\"B\":\"<\\/\"}"));
	struct json *b =
	    read_ok(*state, S("{\"B\":\"</\",\"a\":[10,{\"y\":\"A\",\"z\":null}],\"b\":1,\"\\u00e9\":2.0}"));
	const char *text = "{\"B\":\"<\\/\",\"a\":[10,{\"y\":\"A\",\"z\":null}],\"b\":1,\"\xc3\xa9\":2}";
	struct buf many;
	struct str out;
	struct json *doc;

	assert_str(written(*state, a, true), text);
	assert_str(written(*state, b, true), text);
	assert_true(json_same(a, b));
	buf_init(&many, *state, 1 * MB);
	for (int i = 0; i < 500; i++) {
		buf_add(&many, i > 0 ? S(",\"") : S("{\""));
		buf_uint_hex(&many, (uint64_t)i * 7919 % 500, 4);
		buf_add(&many, S("\":0"));
	}
	buf_char(&many, '}');
	assert_int_equal(buf_done(&many, &out), OK);
	doc = read_ok(*state, written(*state, read_ok(*state, out), true));
	for (uint32_t i = 1; i < doc->count; i++)
		assert_true(str_cmp(doc->members[i - 1].key, doc->members[i].key) < 0);
}

static void compares_deeply(void **state)
{
	static const struct {
		struct str a, b;
		bool same;
	} cases[] = {
	    {S("1"), S("1.0"), true},
	    {S("100"), S("1e2"), true},
	    {S("9007199254740993"), S("9007199254740992.0"), false},
	    {S("9223372036854775807"), S("9223372036854775808"), false},
	    {S("0"), S("-0.0"), true},
	    {S("0"), S("false"), false},
	    {S("null"), S("null"), true},
	    {S("\"a\""), S("\"\\u0061\""), true},
	    {S("[1,2]"), S("[2,1]"), false},
	    {S("[1]"), S("[1,1]"), false},
	    {S("{\"a\":1,\"b\":2}"), S("{\"b\":2,\"a\":1}"), true},
	    {S("{\"a\":1,\"b\":2}"), S("{\"a\":1,\"c\":2}"), false},
	    {S("{\"a\":1}"), S("{\"a\":1,\"b\":2}"), false},
	    {S("{}"), S("[]"), false},
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct json *a = read_ok(*state, cases[i].a), *b = read_ok(*state, cases[i].b);

		assert_int_equal(json_same(a, b), cases[i].same);
		assert_int_equal(json_same(b, a), cases[i].same);
	}
}

static void makes_pointers(void **state)
{
	assert_str(json_pointer(*state, S(""), S("a")), "/a");
	assert_str(json_pointer(*state, S("/answers"), S("a/b~c")), "/answers/a~1b~0c");
	assert_str(json_pointer(*state, S("/x"), S("")), "/x/");
	assert_str(json_pointer_index(*state, S("/x"), 0), "/x/0");
	assert_str(json_pointer_index(*state, S(""), 1234567), "/1234567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(reads_a_document),
	    with_arena(keeps_integers_exact),
	    with_arena(says_where_it_broke),
	    with_arena(refuses_duplicate_keys),
	    cmocka_unit_test(survives_every_refusal_of_memory),
	    with_arena(writes_with_commas),
	    with_arena(the_writer_refuses_misuse),
	    with_arena(canonical_text_is_one),
	    with_arena(compares_deeply),
	    with_arena(makes_pointers),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
