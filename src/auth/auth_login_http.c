/* auth_login_http.c - what answers a session: signing in, renewing, going to another tenant. */
#include "auth/auth_backoff.h"
#include "auth/auth_device.h"
#include "auth/auth_oidc.h"
#include "auth/auth_second.h"
#include "auth/auth_told.h"
#include "auth/auth_warn.h"
#include "base/time.h"
#include "core/config.h"
#include "sql.h"
#include "vault/vault.h"

#define SESSION_TEXT_MAX (16 * KB)
#define SECOND_TOKEN_S 300

#define DEVICE_ABOUT                                                                                                   \
	"Send it as X-Device-Token when signing in again, and wrong passwords of others make you wait for nothing; a " \
	"cookie has it otherwise"

struct login {
	struct str email, password, tenant;
	bool cookie;
};
#define COOKIE_ABOUT                                                                                                   \
	"Browsers: the refresh token comes as a cookie that no script can read, and forgery_token stands in its place"
static const struct field login_fields[] = {
    FIELD(struct login, email, FT_EMAIL, REQUIRED, 3, EMAIL_MAX_BYTES, "E-mail address"),
    FIELD(struct login, password, FT_TEXT, REQUIRED, 1, 1024, "Password"),
    FIELD(struct login, tenant, FT_TEXT, OPTIONAL, 1, 63,
	"Slug of the tenant to sign in to; needed only by members of several"),
    FIELD(struct login, cookie, FT_BOOL, OPTIONAL, 0, 0, COOKIE_ABOUT),
};
const struct shape login_shape = SHAPE("LoginForm", struct login, login_fields);

struct renew {
	struct str refresh_token;
};
static const struct field renew_fields[] = {
    FIELD(struct renew, refresh_token, FT_TEXT, OPTIONAL, 1, TOKEN_MAX_BYTES,
	"The latest refresh token; without it the cookie is used, and the header X-Forgery-Token has to be there"),
};
const struct shape renew_shape = SHAPE("Renew", struct renew, renew_fields);

struct switch_to {
	struct str tenant;
	bool cookie;
};
static const struct field switch_fields[] = {
    FIELD(struct switch_to, tenant, FT_TEXT, REQUIRED, 1, 63, "Slug of the tenant to go to"),
    FIELD(struct switch_to, cookie, FT_BOOL, OPTIONAL, 0, 0, COOKIE_ABOUT),
};
const struct shape switch_shape = SHAPE("Switch", struct switch_to, switch_fields);

struct second {
	struct str token, code;
	bool cookie;
};
static const struct field second_fields[] = {
    FIELD(struct second, token, FT_TEXT, REQUIRED, 1, TOKEN_MAX_BYTES, "The second_factor_token of signing in"),
    FIELD(struct second, code, FT_TEXT, REQUIRED, 1, SECOND_CODE_MAX,
	"What the authenticator program shows, or a recovery code"),
    FIELD(struct second, cookie, FT_BOOL, OPTIONAL, 0, 0, COOKIE_ABOUT),
};
const struct shape second_shape = SHAPE("SecondFactorLogin", struct second, second_fields);

static const char *const token_types[] = {"Bearer", NULL};
static const struct field session_out_fields[] = {
    OUT("access_token", FT_TEXT, REQUIRED, "Send it as Authorization: Bearer"),
    OUT("token_type", FT_ENUM, REQUIRED, "How to send it", .choices = token_types),
    OUT("expires_in", FT_INT, REQUIRED, "Seconds it is good for"),
    OUT("expires_at", FT_TIME, REQUIRED, "When it ends"),
    OUT("session_id", FT_UUID, REQUIRED, "The session it belongs to"),
    OUT("refresh_token", FT_TEXT, OPTIONAL, "For the next access token; good once, and not there when a cookie has it"),
    OUT("forgery_token", FT_TEXT, OPTIONAL, "With a cookie: send it as X-Forgery-Token when renewing"),
    OUT("device_token", FT_TEXT, OPTIONAL, DEVICE_ABOUT),
    OUT("user", FT_OBJECT, REQUIRED, "Who signed in", .shape = &auth_user_out),
    OUT("tenant", FT_OBJECT, REQUIRED, "Where", .shape = &auth_tenant_out),
    OUT("role", FT_TEXT, REQUIRED, "The user's role there"),
};
const struct shape session_out = SHAPE_OUT("Session", session_out_fields);
static const char *const required[] = {"required", NULL};
static const struct field login_out_fields[] = {
    OUT("second_factor", FT_ENUM, OPTIONAL, "There is no session yet: show the second factor", .choices = required),
    OUT("second_factor_token", FT_TEXT, OPTIONAL, "For /api/v1/auth/second-factor, and nothing else"),
    OUT("access_token", FT_TEXT, OPTIONAL, "Send it as Authorization: Bearer"),
    OUT("token_type", FT_ENUM, OPTIONAL, "How to send it", .choices = token_types),
    OUT("expires_in", FT_INT, REQUIRED, "Seconds that the one or the other token is good for"),
    OUT("expires_at", FT_TIME, OPTIONAL, "When it ends"),
    OUT("session_id", FT_UUID, OPTIONAL, "The session it belongs to"),
    OUT("refresh_token", FT_TEXT, OPTIONAL, "For the next access token; good once, and not there when a cookie has it"),
    OUT("forgery_token", FT_TEXT, OPTIONAL, "With a cookie: send it as X-Forgery-Token when renewing"),
    OUT("device_token", FT_TEXT, OPTIONAL, DEVICE_ABOUT),
    OUT("user", FT_OBJECT, OPTIONAL, "Who signed in", .shape = &auth_user_out),
    OUT("tenant", FT_OBJECT, OPTIONAL, "Where", .shape = &auth_tenant_out),
    OUT("role", FT_TEXT, OPTIONAL, "The user's role there"),
};
const struct shape login_out = SHAPE_OUT("Login", login_out_fields);

/* ---- who ---- */

static const struct pg_col login_cols[] = {COL(struct login_row, user_id, PGT_UUID),
    COL(struct login_row, email, PGT_TEXT), COL(struct login_row, name, PGT_TEXT),
    COL(struct login_row, password_hash, PGT_TEXT), COL(struct login_row, locale, PGT_TEXT),
    COL(struct login_row, tenant_id, PGT_UUID), COL(struct login_row, tenant_slug, PGT_TEXT),
    COL(struct login_row, tenant_name, PGT_TEXT), COL(struct login_row, role, PGT_TEXT),
    COL(struct login_row, second_factor, PGT_INT)};

enum err login_rows(struct req *rq, struct str email, struct login_row **rows, size_t *n)
{
	const struct pg_param in[] = {P_TEXT(email)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, true, NULL, rq->arena, &tx)))
		return e;
	if ((e = tx_rows(tx, rq->arena, &Q(SQL_auth_login, in, login_cols), sizeof **rows, (void **)rows, n))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

static const struct login_row *login_pick(const struct login_row *rows, size_t n, struct str tenant)
{
	for (size_t i = 0; i < n; i++) {
		if (tenant.n == 0 || str_eq(rows[i].tenant_slug, tenant))
			return &rows[i];
	}
	return NULL;
}

/* The membership that a session was made for; ERR_UNAUTHENTICATED when it is gone. */
static enum err session_member(struct req *rq, const struct login_session *s, struct login_row *row)
{
	const struct pg_param in[] = {P_UUID(&s->user_id)};
	static const struct pg_col cols[] = {COL(struct login_row, user_id, PGT_UUID),
	    COL(struct login_row, email, PGT_TEXT), COL(struct login_row, name, PGT_TEXT),
	    COL(struct login_row, locale, PGT_TEXT), COL(struct login_row, tenant_id, PGT_UUID),
	    COL(struct login_row, tenant_slug, PGT_TEXT), COL(struct login_row, tenant_name, PGT_TEXT),
	    COL(struct login_row, role, PGT_TEXT), COL(struct login_row, second_factor, PGT_INT)};
	struct tx *tx;
	enum err e;

	*row = (struct login_row){0};
	if ((e = tx_open(rq->app, PG_APP, true, &s->tenant_id, rq->arena, &tx)))
		return e;
	if ((e = tx_one(tx, rq->arena, &Q(SQL_auth_session_member, in, cols), row))) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	return tx_commit(tx);
}

/* ---- the answer ---- */

struct session_reply {
	const struct login_row *row;
	struct login_session session;
	struct str refresh, device; /* device: empty when it is none that signed in by password */
	bool cookie;
	struct uuid provider; /* nil: by password */
};

static void put_people(struct json_out *w, struct arena *a, const struct login_row *row)
{
	json_key(w, S("user"));
	json_open(w, '{');
	json_field_str(w, S("id"), uuid_str(a, &row->user_id));
	json_field_str(w, S("email"), row->email);
	json_field_str(w, S("name"), row->name);
	json_field_str(w, S("locale"), row->locale);
	json_close(w, '}');
	json_key(w, S("tenant"));
	json_open(w, '{');
	json_field_str(w, S("id"), uuid_str(a, &row->tenant_id));
	json_field_str(w, S("slug"), row->tenant_slug);
	json_field_str(w, S("name"), row->tenant_name);
	json_close(w, '}');
	json_field_str(w, S("role"), row->role);
}

static enum err put_refresh(struct req *rq, const struct session_reply *r, struct json_out *w)
{
	struct str guard;
	enum err e;

	if (!r->cookie) {
		json_field_str(w, S("refresh_token"), r->refresh);
		if (r->device.n > 0)
			json_field_str(w, S("device_token"), r->device);
		return OK;
	}
	if (r->device.n > 0)
		reply_device_cookie(rq, r->device);
	if ((e = login_session_guard(rq->app->auth, &r->session, rq->arena, &guard)))
		return e;
	json_field_str(w, S("forgery_token"), guard);
	reply_refresh_cookie(rq, r->refresh, config_int(rq->app->config, CFG_session_idle_s));
	return OK;
}

static enum err reply_session(struct req *rq, const struct session_reply *r)
{
	int64_t now_ms = clock_now_ms() / 1000 * 1000, life_s = config_int(rq->app->config, CFG_access_token_s);
	const struct token_claims claims = {.user_id = r->session.user_id,
	    .tenant_id = r->session.tenant_id,
	    .session_id = r->session.id,
	    .by_provider = !uuid_is_nil(&r->provider),
	    .expires_at_ms = now_ms + life_s * 1000};
	struct auth *auth = rq->app->auth;
	char until[TIME_TEXT_BYTES];
	struct str token, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = token_issue(auth->key, auth->issuer, &claims, now_ms, rq->arena, &token)))
		return e;
	time_text(claims.expires_at_ms, until);
	buf_init(&b, rq->arena, SESSION_TEXT_MAX);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("access_token"), token);
	json_field_str(&w, S("token_type"), S("Bearer"));
	json_field_int(&w, S("expires_in"), life_s);
	json_field_str(&w, S("expires_at"), str_make(until, sizeof until));
	json_field_str(&w, S("session_id"), uuid_str(rq->arena, &r->session.id));
	if ((e = put_refresh(rq, r, &w)))
		return e;
	put_people(&w, rq->arena, r->row);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	reply_header(rq, S("Cache-Control"), S("no-store"));
	return reply_json(rq, 200, json);
}

/* Checking a password takes a while. Who set a new one meanwhile has ended the sessions that there were, and this one began with the old one. */
static enum err still_so(struct req *rq, const struct login_row *row, const struct login_session *s)
{
	struct login_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if (row->password_hash.n == 0)
		return OK;
	if ((e = login_rows(rq, row->email, &rows, &n)))
		return e;
	if (n > 0 && secret_eq(rows[0].password_hash, row->password_hash))
		return OK;
	login_session_end(rq->app->auth, s);
	return ERR_UNAUTHENTICATED;
}

static enum err begin(struct req *rq, const struct login_row *row, const struct login_start *how, bool cookie)
{
	struct session_reply r = {
	    .row = row, .cookie = cookie, .session = {.tenant_id = row->tenant_id, .user_id = row->user_id}};
	enum err e;

	if (how->provider != NULL)
		r.provider = *how->provider;
	if ((e = warn_new_device(rq, row)) || (e = login_session_begin(rq, &r.session, how, &r.refresh)))
		return e;
	/* before still_so(): it is not to be bound to a password that was set meanwhile */
	if (!how->provider && !how->instead_of && (e = device_token(rq, row->email, &r.device)))
		return e;
	if ((e = still_so(rq, row, &r.session)) || (e = told_begun(rq, &r.session, how)))
		return e;
	return reply_session(rq, &r);
}

enum err reply_provider_session(
    struct req *rq, const struct uuid *tenant, const struct uuid *user, const struct uuid *provider, bool cookie)
{
	const struct login_session s = {.tenant_id = *tenant, .user_id = *user};
	struct login_row row;
	enum err e = session_member(rq, &s, &row);

	return e ? e : begin(rq, &row, &(struct login_start){.provider = provider}, cookie);
}

enum err provider_session_begin(
    struct req *rq, const struct uuid *tenant, const struct uuid *user, const struct uuid *provider, struct str *guard)
{
	struct login_session s = {.tenant_id = *tenant, .user_id = *user};
	const struct login_start how = {.provider = provider};
	struct login_row row;
	struct str refresh;
	enum err e;

	if ((e = session_member(rq, &s, &row)) || (e = warn_new_device(rq, &row)) ||
	    (e = login_session_begin(rq, &s, &how, &refresh)) ||
	    (e = login_session_guard(rq->app->auth, &s, rq->arena, guard)) || (e = told_begun(rq, &s, &how)))
		return e;
	reply_refresh_cookie(rq, refresh, config_int(rq->app->config, CFG_session_idle_s));
	return OK;
}

/* Instead of a session. */
static enum err reply_second(struct req *rq, const struct login_row *row)
{
	int64_t now_ms = clock_now_ms() / 1000 * 1000;
	const struct token_claims claims = {.user_id = row->user_id,
	    .tenant_id = row->tenant_id,
	    .user_version = row->second_factor,
	    .expires_at_ms = now_ms + SECOND_TOKEN_S * 1000};
	struct auth *auth = rq->app->auth;
	struct str token, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = token_issue(auth->key, auth->issuer, &claims, now_ms, rq->arena, &token)))
		return e;
	buf_init(&b, rq->arena, 4 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("second_factor"), S("required"));
	json_field_str(&w, S("second_factor_token"), token);
	json_field_int(&w, S("expires_in"), SECOND_TOKEN_S);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err after_password(struct req *rq, const struct login_row *row, bool cookie)
{
	return row->second_factor > 0 ? reply_second(rq, row) : begin(rq, row, &(struct login_start){0}, cookie);
}

enum err reply_after_password(struct req *rq, const struct uuid *tenant, const struct uuid *user, bool cookie)
{
	const struct login_session s = {.tenant_id = *tenant, .user_id = *user};
	struct login_row row;
	enum err e = session_member(rq, &s, &row);

	return e ? e : after_password(rq, &row, cookie);
}

/* ---- the routes ---- */

/* Whether the address is unknown, the password wrong or the tenant not his: the same words after the same work, and the same pauses. */
static enum err password_check(struct req *rq, const struct login *in, const struct login_row **row)
{
	struct login_row *rows = NULL;
	bool same = false;
	size_t n = 0;
	enum err e;

	if ((e = login_rows(rq, in->email, &rows, &n)) ||
	    (e = auth_password_turn(rq->app->auth, in->password, n > 0 ? rows[0].password_hash : S(""), &same)))
		return e;
	*row = same ? login_pick(rows, n, in->tenant) : NULL;
	return *row ? OK : ERR_UNAUTHENTICATED;
}

enum err login_http(struct req *rq)
{
	const struct login *in = rq->in;
	const struct login_row *row = NULL;
	struct backoff b;
	enum err e;

	if ((e = backoff_begin(rq, BACKOFF_PASSWORD, in->email, &b)))
		return e;
	e = backoff_end(rq, &b, password_check(rq, in, &row), ERR_UNAUTHENTICATED);
	if (e == ERR_UNAUTHENTICATED)
		return warn_refused(rq, &b, in->email, "The e-mail address or the password is not right.");
	return e ? e : after_password(rq, row, in->cookie);
}

/* ERR_UNAUTHENTICATED for a wrong code. */
static enum err code_take(struct req *rq, const struct login_row *row, struct str code)
{
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &row->tenant_id, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, &row->user_id, rq->request_id);
	if ((e = second_factor_check(rq, tx, &row->user_id, code))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

enum err second_code_shown(struct req *rq, const struct login_row *row, struct str code)
{
	struct backoff b;
	enum err e = backoff_begin(rq, BACKOFF_CODE, row->email, &b);

	return e ? e : second_factor_end(rq, &b, row->email, code_take(rq, row, code), ERR_UNAUTHENTICATED);
}

/* The password was shown a moment ago, which the token says; a user who was changed since signs in anew. Taking the code takes a while too: begin() looks once more whether
 * the password is still the one that this user had when the token was looked at. */
enum err second_http(struct req *rq)
{
	const struct auth *auth = rq->app->auth;
	const struct second *in = rq->in;
	struct login_session s = {0};
	struct token_claims claims;
	struct login_row row, *rows = NULL;
	size_t n = 0;
	enum err e;

	if ((e = token_check_second(auth->key, auth->issuer, in->token, clock_now_ms(), rq->arena, &claims)))
		return e;
	s.tenant_id = claims.tenant_id;
	s.user_id = claims.user_id;
	if ((e = session_member(rq, &s, &row)) || (e = login_rows(rq, row.email, &rows, &n)))
		return e;
	if (n == 0 || rows[0].second_factor != claims.user_version)
		return ERR_UNAUTHENTICATED;
	row.password_hash = rows[0].password_hash;
	if ((e = second_code_shown(rq, &row, in->code)))
		return e;
	return begin(rq, &row, &(struct login_start){0}, in->cookie);
}

/* A browser sends its cookie by itself, also for a page that somebody else wrote; that page cannot know the guard. */
static enum err guard_check(struct req *rq, struct str refresh)
{
	struct login_session s;
	struct str guard;
	enum err e;

	if ((e = login_session_of(rq->app->auth, refresh, rq->arena, &s)) ||
	    (e = login_session_guard(rq->app->auth, &s, rq->arena, &guard)))
		return e;
	if (!secret_eq(guard, req_header(rq, S("X-Forgery-Token"))))
		return req_fail(
		    rq, ERR_FORBIDDEN, NULL, "A cookie alone does not renew a session: send X-Forgery-Token too.");
	return OK;
}

enum err renew_http(struct req *rq)
{
	const struct renew *in = rq->in;
	struct session_reply r = {.cookie = in->refresh_token.n == 0};
	struct str shown = r.cookie ? auth_cookie(rq, S(REFRESH_COOKIE)) : in->refresh_token;
	struct login_row row;
	bool factor;
	enum err e;

	if (shown.n == 0)
		return ERR_UNAUTHENTICATED;
	if (r.cookie && (e = guard_check(rq, shown)))
		return e;
	if ((e = login_session_renew(rq, shown, &r.session, &r.refresh)) ||
	    (e = login_session_provider(rq->app->auth, &r.session, rq->arena, &r.provider)))
		return e;
	if (!uuid_is_nil(&r.provider))
		e = oidc_provider_live(rq, &r.session.tenant_id, &r.provider, &factor);
	if (e || (e = session_member(rq, &r.session, &row))) {
		if (e == ERR_UNAUTHENTICATED)
			login_session_end(rq->app->auth, &r.session);
		return e;
	}
	r.row = &row;
	return reply_session(rq, &r);
}

/* A session belongs to one tenant: this ends it and begins one there. */
enum err switch_http(struct req *rq)
{
	const struct login_session old = {rq->who.tenant_id, rq->who.user_id, rq->who.session_id};
	const struct switch_to *in = rq->in;
	const struct login_row *row;
	struct login_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if ((e = login_rows(rq, rq->who.email, &rows, &n)))
		return e;
	if ((row = login_pick(rows, n, in->tenant)) == NULL)
		return ERR_NOT_FOUND;
	return begin(rq, row, &(struct login_start){.instead_of = &old}, in->cookie);
}
