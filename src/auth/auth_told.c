#include "auth/auth_told.h"
#include "auth/auth_warn.h"
#include "core/job.h"
#include "event/event.h"
#include "sql.h"

#define TOLD_MAX_BYTES 512

static enum err data_of(struct req *rq, const char *by, const struct uuid *provider, struct str device, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, TOLD_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("by"), str_from(by));
	if (provider != NULL)
		json_field_str(&w, S("provider_id"), uuid_str(rq->arena, provider));
	if (device.n > 0)
		json_field_str(&w, S("device"), device);
	json_close(&w, '}');
	return buf_done(&b, out);
}

/* Two tenants' logs must not be put together by the id of one request. */
static struct str request_of(const struct req *rq, const struct uuid *tenant)
{
	return rq->who.known && !uuid_eq(&rq->who.tenant_id, tenant) ? S("") : rq->request_id;
}

static enum err tell(struct req *rq, const struct uuid *tenant, const struct uuid *user, const struct event *event)
{
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, tenant, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, user, request_of(rq, tenant));
	if ((e = event_append(tx, event))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

static enum err ended(struct req *rq, const struct login_session *s, const char *by)
{
	struct event event = {S("session"), &s->id, S("signed_out"), S(""), 2};
	enum err e = data_of(rq, by, NULL, S(""), &event.data);

	return e ? e : tell(rq, &s->tenant_id, &s->user_id, &event);
}

static enum err begun_here(struct req *rq, const struct login_session *s, const struct login_start *how)
{
	const char *by = how->instead_of ? "switch" : how->provider ? "provider" : "password";
	struct event event = {S("session"), &s->id, S("signed_in"), S(""), 1};
	enum err e =
	    data_of(rq, by, how->provider, device_name(rq->arena, req_header(rq, S("User-Agent"))), &event.data);

	return e ? e : tell(rq, &s->tenant_id, &s->user_id, &event);
}

/* Two logs, two transactions: one of them may fail, or be committed without our hearing of it. Then both sessions have ended, and where it can still be said it is. */
enum err told_begun(struct req *rq, const struct login_session *s, const struct login_start *how)
{
	enum err e = begun_here(rq, s, how), left = OK;
	bool told = !e || e == ERR_OUTCOME_UNKNOWN;

	if (how->instead_of != NULL)
		left = ended(rq, how->instead_of, "switch");
	if (!e && !left)
		return OK;
	login_session_end(rq->app->auth, s);
	if (told)
		ended(rq, s, "fault");
	return e ? e : left;
}

enum err told_ended(struct req *rq, const struct login_session *s, const char *by)
{
	return ended(rq, s, by);
}

enum err told_ended_all(struct req *rq, bool everywhere)
{
	const struct event here = {S("user"), &rq->who.user_id, S("signed_out_everywhere"), S(""), 1};
	const struct pg_param in[] = {P_UUID(&rq->who.user_id)};
	struct tx *tx;
	enum err e;

	if ((e = req_tx_open(rq, false, rq->arena, &tx)))
		return e;
	e = everywhere ? tx_exec(tx, &Q_NO_OUT(SQL_told_ended_all, in), NULL) : event_append(tx, &here);
	if (e) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

/* 5, 10, 20, 40 ... */
static bool worth_telling(int64_t failures)
{
	return failures > 0 && failures % BACKOFF_FREE == 0 &&
	       (failures / BACKOFF_FREE & (failures / BACKOFF_FREE - 1)) == 0;
}

enum err told_failed(struct req *rq, const struct backoff *b, struct str email)
{
	const struct pg_param in[] = {
	    P_TEXT(email), P_TEXT(b->kind == BACKOFF_CODE ? S("code") : S("password")), P_INT(b->failures)};
	struct tx *tx;
	enum err e;

	if (!worth_telling(b->failures))
		return OK;
	if ((e = tx_open(rq->app, PG_APP, false, &system_tenant, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, NULL, S(""));
	if ((e = tx_exec(tx, &Q_NO_OUT(SQL_told_failed, in), NULL))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}
