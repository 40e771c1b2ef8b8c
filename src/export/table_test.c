/* The table over columns given here by hand; what the engine says of a real survey is tested in its own room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "export/table.h"

struct program {
	struct export_column columns[8];
	size_t n;
};

static const struct export_choice liked[] = {
    {{"staff", 5}, {"The staff", 9}, 1, true}, {{"7", 1}, {"Seven, of all", 13}, 7, true}};
static const struct export_choice more[] = {
    {{"staff", 5}, {"Staff", 5}, 1, true}, {{"place", 5}, {"Place", 5}, 3, true}};
static const struct export_choice rows[] = {{{"value", 5}, {"Is worth it", 11}, 0, false}};

static const struct program newest = {{
					  {{"nps", 3}, {"How likely?", 11}, {"rating", 6}, false, 0, NULL},
					  {{"liked", 5}, {"What did you like?", 18}, {"multi", 5}, false, 2, liked},
					  {{"drivers", 7}, {"=Rank", 5}, {"rank", 4}, false, 2, liked},
					  {{"image", 5}, {"How far?", 8}, {"matrix", 6}, false, 2, liked, 1, rows},
					  {{"phone", 5}, {"Phone", 5}, {"text", 4}, true, 0, NULL},
					  {{"store", 5}, {"", 0}, {"parameter", 9}, false, 0, NULL},
					  {{"brand_2_liked", 13}, {"brand_2: Liked", 14}, {"multi", 5}, false, 2, more,
					      0, NULL, {"brand", 5}, {"liked", 5}, 2},
				      },
    7};
static const struct program older = {{
					 {{"old", 3}, {"Old", 3}, {"text", 4}, false, 0, NULL},
					 {{"liked", 5}, {"Liked", 5}, {"multi", 5}, false, 2, more},
				     },
    2};

struct str program_language_pick(const struct program *p, struct str wish)
{
	(void)p;
	return wish;
}

enum err program_columns(
    const struct program *p, struct str language, struct arena *a, struct export_column **out, size_t *n)
{
	(void)language;
	*out = arena_copy(a, p->columns, p->n * sizeof(p->columns[0]));
	*n = p->n;
	return OK;
}

struct fixture {
	struct arena a;
	struct table table;
	struct buf out;
};

static void begin(struct fixture *f, bool personal)
{
	arena_init(&f->a, &arena_malloc, 64 * MB);
	assert_int_equal(table_init(&f->table, &f->a), OK);
	assert_int_equal(table_add(&f->table, &newest, S("en"), personal, &f->a), OK);
	assert_int_equal(table_add(&f->table, &older, S("en"), personal, &f->a), OK);
	buf_init(&f->out, &f->a, 1 * MB);
}

static void check(struct fixture *f, struct str want)
{
	struct str got;

	assert_int_equal(buf_done(&f->out, &got), OK);
	if (!str_eq(got, want))
		fail_msg("%.*s instead of %.*s", STR_ARGS(got), STR_ARGS(want));
	arena_free(&f->a);
}

static struct json *object(struct fixture *f, struct str text)
{
	struct json_error why;
	struct json *doc;

	assert_int_equal(json_read(&f->a, text, &json_limits_default, &doc, &why), OK);
	return doc;
}

static void newest_columns_come_first(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, true);
	table_head(&f.table, false, &f.out);
	check(&f, S(",nps,liked_staff,liked_7,drivers_staff,drivers_7,image_value,phone,store,brand_2_liked_staff,"
		    "brand_2_liked_place,old,liked_place"));
}

static void labels_are_quoted_and_neutralised(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, false);
	table_head(&f.table, true, &f.out);
	check(
	    &f, S(",How likely?,What did you like?: The staff,\"What did you like?: Seven, of all\",'=Rank: The staff,"
		  "\"'=Rank: Seven, of all\",How far?: Is worth it,store,brand_2: Liked: Staff,brand_2: Liked: "
		  "Place,Old,Liked: Place"));
}

static void a_row_has_a_cell_for_each_column(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, true);
	table_row(&f.table,
	    &(struct table_answers){
		object(&f, S("{\"nps\":-3,\"liked\":[7],\"drivers\":[\"7\",\"staff\"],\"image\":{\"value\":[\"a\",2]},"
			     "\"old\":\"=1\",\"brand\":[{\"liked\":[\"staff\"]},{\"liked\":[\"place\"]}]}")),
		object(&f, S("{\"store\":\"-x\"}")), object(&f, S("{\"phone\":\"+84, 1\"}")), NULL},
	    &f.out);
	check(&f, S(",-3,0,1,2,1,\"a;2\",\"'+84, 1\",'-x,0,1,'=1,0"));
}

static void what_was_not_answered_is_empty(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, true);
	table_row(&f.table, &(struct table_answers){object(&f, S("{}")), object(&f, S("{}")), NULL, NULL}, &f.out);
	check(&f, S(",,,,,,,,,,,,"));
}

static void personal_columns_need_asking(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, false);
	table_head(&f.table, false, &f.out);
	check(&f, S(",nps,liked_staff,liked_7,drivers_staff,drivers_7,image_value,store,brand_2_liked_staff,brand_2_"
		    "liked_place,old,liked_place"));
}

/* The choice `other` of `a`, the text typed for it, and a question that bears the name of another choice's column. */
static void columns_of_one_name_are_not_merged(void **state)
{
	static const struct export_choice choices[] = {
	    {{"x", 1}, {"X", 1}, 0, false}, {{"other", 5}, {"Other", 5}, 0, false}};
	static const struct program p = {{{{"a", 1}, {"A", 1}, {"multi", 5}, false, 2, choices},
					     {{"a_other", 7}, {"A", 1}, {"other_text", 10}, false, 0, NULL},
					     {{"a_x", 3}, {"AX", 2}, {"text", 4}, false, 0, NULL}},
	    3};
	struct fixture f;

	(void)state;
	arena_init(&f.a, &arena_malloc, 64 * MB);
	assert_int_equal(table_init(&f.table, &f.a), OK);
	assert_int_equal(table_add(&f.table, &p, S("en"), false, &f.a), OK);
	assert_int_equal(table_add(&f.table, &p, S("en"), false, &f.a), OK);
	buf_init(&f.out, &f.a, 1 * MB);
	table_head(&f.table, false, &f.out);
	buf_char(&f.out, '|');
	table_row(&f.table,
	    &(struct table_answers){object(&f, S("{\"a\":[\"other\"],\"a_other\":\"typed\",\"a_x\":\"text\"}")),
		object(&f, S("{}")), NULL, NULL},
	    &f.out);
	check(&f, S(",a_x,a_other,a_other_2,a_x_2|,0,1,typed,text"));
}

/* A matrix of several answers a row: rows answered say of each column whether it was chosen. */
static void sets_have_a_column_for_each_row_and_choice(void **state)
{
	static const struct program p = {{{.name = {"m", 1},
					     .label = {"M", 1},
					     .type = {"matrix", 6},
					     .choice_count = 2,
					     .choices = more,
					     .item_count = 2,
					     .items = liked,
					     .sets = true}},
	    1};
	struct fixture f;

	(void)state;
	arena_init(&f.a, &arena_malloc, 64 * MB);
	assert_int_equal(table_init(&f.table, &f.a), OK);
	assert_int_equal(table_add(&f.table, &p, S("en"), false, &f.a), OK);
	buf_init(&f.out, &f.a, 1 * MB);
	table_head(&f.table, false, &f.out);
	table_head(&f.table, true, &f.out);
	table_row(&f.table,
	    &(struct table_answers){object(&f, S("{\"m\":{\"7\":[\"place\"]}}")), object(&f, S("{}")), NULL, NULL},
	    &f.out);
	check(&f,
	    S(",m_staff_staff,m_staff_place,m_7_staff,m_7_place,M: The staff: Staff,M: The staff: Place,\"M: Seven, of "
	      "all: Staff\",\"M: Seven, of all: Place\",,,0,1"));
}

/* Beside a consent what it was given to; in a roster by the name of its field. */
static void consents_have_their_words(void **state)
{
	static const struct program p = {{
					     {.name = {"ok", 2}, .label = {"Data", 4}, .type = {"consent", 7}},
					     {.name = {"own", 3}, .type = {"consent", 7}, .personal = true},
					     {.name = {"kid_1_may", 9},
						 .label = {"Kid 1: May", 10},
						 .type = {"consent", 7},
						 .roster = {"kid", 3},
						 .member = {"may", 3},
						 .record = 1},
					 },
	    3};
	struct fixture f;

	(void)state;
	arena_init(&f.a, &arena_malloc, 64 * MB);
	assert_int_equal(table_init(&f.table, &f.a), OK);
	assert_int_equal(table_add(&f.table, &p, S("en"), true, &f.a), OK);
	buf_init(&f.out, &f.a, 1 * MB);
	table_head(&f.table, false, &f.out);
	table_head(&f.table, true, &f.out);
	table_row(&f.table,
	    &(struct table_answers){object(&f, S("{\"ok\":true,\"kid\":[{\"_item\":\"a b\",\"may\":true}]}")),
		object(&f, S("{}")),
		object(&f,
		    S("{\"own\":true,\"@consents\":{\"own\":{\"text\":\"Me\",\"language\":\"en\",\"at\":\"T2\"}}}")),
		object(&f, S("{\"ok\":{\"text\":\"=1, 2\",\"language\":\"vi\",\"at\":\"T1\"},"
			     "\"kid-a-020b-may\":{\"text\":\"X\",\"language\":\"en\",\"at\":\"T3\"}}"))},
	    &f.out);
	check(&f, S(",ok,ok_text,ok_language,ok_at,own,own_text,own_language,own_at,"
		    "kid_1_may,kid_1_may_text,kid_1_may_language,kid_1_may_at"
		    ",Data,Data: text shown,Data: language,Data: time,own,: text shown,: language,: time,"
		    "Kid 1: May,Kid 1: May: text shown,Kid 1: May: language,Kid 1: May: time"
		    ",true,\"'=1, 2\",vi,T1,true,Me,en,T2,true,X,en,T3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(newest_columns_come_first),
	    cmocka_unit_test(labels_are_quoted_and_neutralised),
	    cmocka_unit_test(a_row_has_a_cell_for_each_column),
	    cmocka_unit_test(what_was_not_answered_is_empty),
	    cmocka_unit_test(personal_columns_need_asking),
	    cmocka_unit_test(columns_of_one_name_are_not_merged),
	    cmocka_unit_test(sets_have_a_column_for_each_row_and_choice),
	    cmocka_unit_test(consents_have_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
