#include "core/app.h"
#include "event/event.h"
#include "io/pg_test.h"

static struct app app;

static int app_start(void **state)
{
	struct pg_pool_config config;

	if (database_start(state))
		return -1;
	config = pool_config(PG_APP);
	app.log = test_log;
	app.pools[PG_APP] = pool_of(&config);
	return 0;
}

static int app_stop(void **state)
{
	pg_pool_close(app.pools[PG_APP]);
	return database_stop(state);
}

static void an_event_says_who_what_and_in_which_order(void **state)
{
	struct uuid tenant = uuid_new(), user = uuid_new(), survey = uuid_new();
	const struct event created = {S("survey"), &survey, S("created"), S("{\"title\": \"T\"}"), 1};
	const struct event changed = {S("survey"), &survey, S("updated"), {NULL, 0}, 2};
	char sql[512], text[UUID_TEXT_BYTES + 1] = {0};
	struct tx *tx;

	(void)state;
	assert_int_equal(tx_open(&app, PG_APP, false, &tenant, &test_arena, &tx), OK);
	tx_set_actor(tx, &user, S("req-1"));
	assert_int_equal(event_append(tx, &created), OK);
	assert_int_equal(event_append(tx, &changed), OK);
	assert_int_equal(tx_commit(tx), OK);
	uuid_text(&survey, text);
	snprintf(sql, sizeof(sql),
	    "select string_agg(concat_ws('|', aggregate_type, type, data, request_id, actor_id is not null, sequence, "
	    "xid is not null), ' ' order by id)"
	    " from collect.events where aggregate_id = '%s'",
	    text);
	assert_string_equal(admin(sql), "survey|created|{\"title\": \"T\"}|req-1|t|1|t survey|updated|{}|req-1|t|2|t");
}

static void an_event_goes_with_its_transaction(void **state)
{
	struct uuid tenant = uuid_new(), id = uuid_new();
	const struct event e = {S("survey"), &id, S("created"), S("{}"), 1},
			   broken = {S("survey"), &id, S("created"), S("{"), 2},
			   zero = {S("survey"), &id, S("created"), S("{}"), 0};
	char sql[256], text[UUID_TEXT_BYTES + 1] = {0};
	struct tx *tx;

	(void)state;
	assert_int_equal(tx_open(&app, PG_APP, false, &tenant, &test_arena, &tx), OK);
	assert_int_equal(event_append(tx, &e), OK);
	tx_rollback(tx);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tx_open(&app, PG_APP, false, &tenant, &test_arena, &tx), OK);
		assert_int_equal(event_append(tx, &e), OK);
		assert_int_equal(event_append(tx, i ? &broken : &zero), OK);
		assert_int_equal(tx_commit(tx), ERR_INVALID);
	}
	uuid_text(&id, text);
	snprintf(sql, sizeof(sql), "select count(*) from collect.events where aggregate_id = '%s'", text);
	assert_string_equal(admin(sql), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_event_says_who_what_and_in_which_order),
	    cmocka_unit_test(an_event_goes_with_its_transaction),
	};

	return cmocka_run_group_tests(tests, app_start, app_stop);
}
