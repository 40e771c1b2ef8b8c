/* auth_second_take.c - an operator takes a second factor away, as the schema's owner. */
#include "auth/auth.h"
#include "sql.h"

#define CONNECT_WAIT_MS 5000
#define TAKE_TIMEOUT_MS 15000

static enum err take_in(struct app *app, struct str email, struct arena *a)
{
	struct taken_row {
		bool taken;
	} row;
	static const struct pg_col cols[] = {COL(struct taken_row, taken, PGT_BOOL)};
	const struct pg_param in[] = {P_TEXT(email)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(app, PG_OWNER, false, NULL, a, &tx)))
		return e;
	if ((e = tx_one(tx, a, &Q(SQL_second_factor_take, in, cols), &row))) {
		tx_rollback(tx);
		return e;
	}
	if ((e = tx_commit(tx)))
		return e;
	return row.taken ? OK : ERR_NOT_FOUND;
}

enum err auth_second_factor_take(const char *owner_conninfo, struct str email, struct arena *a, struct str *why)
{
	struct app app = {.log = log_open(2, LOG_ERROR)};
	const struct pg_pool_config config = {.conninfo = owner_conninfo,
	    .application_name = "collect user",
	    .keep = 1,
	    .max = 1,
	    .recycle_s = 60,
	    .acquire_ms = CONNECT_WAIT_MS,
	    .statement_timeout_ms = TAKE_TIMEOUT_MS,
	    .lock_timeout_ms = TAKE_TIMEOUT_MS,
	    .role = PG_OWNER,
	    .log = app.log};
	const char *fault = NULL;
	enum err e = pg_pool_open(&config, &app.pools[PG_OWNER], &fault);

	*why = str_from(fault);
	if (!e) {
		e = take_in(&app, email, a);
		pg_pool_close(app.pools[PG_OWNER]);
	}
	log_close(app.log);
	return e;
}
