/* `collect user erase`: an account that no tenant has any more. */
#include "core/app.h"
#include "privacy/privacy.h"
#include "privacy/privacy_person.h"
#include "sql.h"

#define CONNECT_WAIT_MS 5000
#define ERASE_TIMEOUT_MS 60000

static enum err erase_in(struct app *app, struct str email, struct arena *a, struct str *held)
{
	struct user_row {
		struct uuid user_id;
		struct str tenants;
	} row = {0};
	static const struct pg_col cols[] = {
	    COL(struct user_row, user_id, PGT_UUID), COL(struct user_row, tenants, PGT_TEXT)};
	const struct pg_param in[] = {P_TEXT(email)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(app, PG_OWNER, false, NULL, a, &tx)))
		return e;
	if ((e = tx_one(tx, a, &Q(SQL_user_erase, in, cols), &row))) {
		tx_rollback(tx);
		return e;
	}
	*held = row.tenants;
	return tx_commit(tx);
}

enum err privacy_user_erase(
    const char *owner_conninfo, struct str email, struct arena *a, struct str *held, struct str *why)
{
	struct app app = {.log = log_open(2, LOG_ERROR)};
	const struct pg_pool_config config = {.conninfo = owner_conninfo,
	    .application_name = "collect user",
	    .keep = 1,
	    .max = 1,
	    .recycle_s = 60,
	    .acquire_ms = CONNECT_WAIT_MS,
	    .statement_timeout_ms = ERASE_TIMEOUT_MS,
	    .lock_timeout_ms = ERASE_TIMEOUT_MS,
	    .role = PG_OWNER,
	    .log = app.log};
	const char *fault = NULL;
	struct str address;
	enum err e = subject_email(a, email, &address);

	*held = *why = S("");
	if (!e && !(e = pg_pool_open(&config, &app.pools[PG_OWNER], &fault))) {
		e = erase_in(&app, address, a, held);
		pg_pool_close(app.pools[PG_OWNER]);
	}
	if (fault)
		*why = str_from(fault);
	log_close(app.log);
	return e == ERR_INVALID ? ERR_NOT_FOUND : e ? e : held->n > 0 ? ERR_CONFLICT : OK;
}
