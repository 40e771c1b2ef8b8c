#include "tenant/tenant.h"
#include "auth/auth.h"
#include "base/utf8.h"
#include "sql.h"

#define PASSWORD_MIN_CHARS 8
#define SLUG_MAX_CHARS 63
#define ADDRESS_MAX_BYTES 254
#define CONNECT_WAIT_MS 5000
#define PROVISION_TIMEOUT_MS 15000

/* ---- a new tenant ---- */

static bool slug_ok(struct str s)
{
	if (s.n == 0 || s.n > SLUG_MAX_CHARS || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool plain = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-';

		if (!plain)
			return false;
	}
	return true;
}

/* ASCII, as in the API's fields: no other address can sign in. */
static bool email_ok(struct str s)
{
	size_t at;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return s.n <= ADDRESS_MAX_BYTES && str_find_char(s, '@', &at) && at > 0 && at + 1 < s.n;
}

static const char *tenant_fault(const struct tenant_new *in)
{
	if (!slug_ok(in->slug))
		return "the slug is 1 to 63 of a-z, 0-9 and -, and does not begin or end with -";
	if (!utf8_valid(in->name) || in->name.n == 0 || utf8_length(in->name) > 200)
		return "the name of a tenant has 1 to 200 characters";
	if (!email_ok(in->email))
		return "this is not an e-mail address";
	if (!utf8_valid(in->user_name) || in->user_name.n == 0 || utf8_length(in->user_name) > 200)
		return "the name of a user has 1 to 200 characters";
	if (!utf8_valid(in->password) || utf8_length(in->password) < PASSWORD_MIN_CHARS)
		return "a password has at least 8 characters";
	return NULL;
}

struct provisioned {
	struct uuid tenant_id, user_id;
	bool created, user_known;
};

/* Whoever was invited at this address may have made that account, and what he knows of it would open the tenant to him. */
static enum err user_fits(struct tx *tx, const struct tenant_new *in, struct arena *a, struct str *why)
{
	struct user_row {
		bool verified;
	} user;
	static const struct pg_col cols[] = {COL(struct user_row, verified, PGT_BOOL)};
	const struct pg_param params[] = {P_TEXT(in->email), P_TEXT(in->slug)};
	enum err e = tx_one(tx, a, &Q(SQL_tenant_user, params, cols), &user);

	if (e)
		return e == ERR_NOT_FOUND ? OK : e;
	if (!user.verified) {
		*why = S(
		    "there is an account with this address, but nobody has shown that the mailbox is his. Let this "
		    "person set a new password by e-mail (\"forgotten password\"), which takes the account over; then "
		    "give --known-user. An account that is in no tenant any more goes by `collect user erase`");
		return ERR_INVALID;
	}
	if (in->known_user)
		return OK;
	*why =
	    S("there is an account with this address already, made by an invitation or for another tenant; when it is "
	      "known to be this person's, give --known-user, or else take another address");
	return ERR_INVALID;
}

static enum err provision_in(
    struct app *app, const struct tenant_new *in, struct arena *a, struct provisioned *out, struct str *why)
{
	static const struct pg_col cols[] = {COL(struct provisioned, tenant_id, PGT_UUID),
	    COL(struct provisioned, user_id, PGT_UUID), COL(struct provisioned, created, PGT_BOOL)};
	struct uuid tenant = uuid_new(), user = uuid_new();
	struct str hash;
	struct tx *tx;
	enum err e;

	if ((e = auth_password_hash(in->password, a, &hash)))
		return e;
	const struct pg_param params[] = {P_UUID(&tenant), P_TEXT(in->slug), P_TEXT(in->name), P_UUID(&user),
	    P_TEXT(in->email), P_TEXT(in->user_name), P_TEXT(hash)};

	if ((e = tx_open(app, PG_OWNER, false, &tenant, a, &tx)))
		return e;
	if ((e = user_fits(tx, in, a, why)) || (e = tx_one(tx, a, &Q(SQL_tenant_provision, params, cols), out))) {
		tx_rollback(tx);
		return e;
	}
	out->user_known = !uuid_eq(&out->user_id, &user);
	return tx_commit(tx);
}

enum err tenant_provision(
    const char *owner_conninfo, const struct tenant_new *in, struct arena *a, struct tenant_made *out, struct str *why)
{
	struct app app = {.log = log_open(2, LOG_ERROR)};
	const struct pg_pool_config config = {.conninfo = owner_conninfo,
	    .application_name = "collect tenant",
	    .keep = 1,
	    .max = 1,
	    .recycle_s = 60,
	    .acquire_ms = CONNECT_WAIT_MS,
	    .statement_timeout_ms = PROVISION_TIMEOUT_MS,
	    .lock_timeout_ms = PROVISION_TIMEOUT_MS,
	    .role = PG_OWNER,
	    .log = app.log};
	const char *fault = tenant_fault(in);
	struct provisioned made = {0};
	enum err e;

	*why = str_from(fault);
	if (fault != NULL) {
		log_close(app.log);
		return ERR_INVALID;
	}
	if ((e = pg_pool_open(&config, &app.pools[PG_OWNER], &fault))) {
		*why = str_from(fault);
	} else {
		e = provision_in(&app, in, a, &made, why);
		pg_pool_close(app.pools[PG_OWNER]);
	}
	log_close(app.log);
	*out = (struct tenant_made){made.tenant_id, made.user_id, made.user_known};
	return e ? e : made.created ? OK : ERR_CONFLICT;
}

/* ---- projects, for other rooms ---- */

enum err project_exists(struct tx *tx, struct arena *a, const struct uuid *id)
{
	struct id_row {
		struct uuid id;
	} row;
	static const struct pg_col cols[] = {COL(struct id_row, id, PGT_UUID)};
	const struct pg_param in[] = {P_UUID(id)};

	return tx_one(tx, a, &Q(SQL_project_hold, in, cols), &row);
}

enum err project_create(struct tx *tx, struct str name, struct str description, struct uuid *id)
{
	*id = uuid_new();
	const struct pg_param in[] = {P_UUID(id), P_TEXT(name), P_TEXT(description), P_UUID_OR_NULL(tx_actor(tx))};

	return tx_queue(tx, &Q_NO_OUT(SQL_project_insert, in));
}
