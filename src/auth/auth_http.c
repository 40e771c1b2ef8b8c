#include "auth/auth_state.h"
#include "base/time.h"
#include "core/config.h"
#include "sql.h"

struct login {
	struct str email, password, tenant;
};
static const struct field login_fields[] = {
    FIELD(struct login, email, FT_EMAIL, REQUIRED, 3, EMAIL_MAX_BYTES, "E-mail address"),
    FIELD(struct login, password, FT_TEXT, REQUIRED, 1, 1024, "Password"),
    FIELD(struct login, tenant, FT_TEXT, OPTIONAL, 1, 63,
	"Slug of the tenant to sign in to; needed only by members of several"),
};
static const struct shape login_shape = SHAPE("Login", struct login, login_fields);

static const struct field user_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "User"),
    OUT("email", FT_EMAIL, REQUIRED, "E-mail address"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("locale", FT_LANGUAGE, REQUIRED, "Language of the console"),
};
static const struct shape user_out = SHAPE_OUT("User", user_out_fields);
static const struct field tenant_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Tenant"),
    OUT("slug", FT_TEXT, REQUIRED, "Short name"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
};
static const struct shape tenant_out = SHAPE_OUT("Tenant", tenant_out_fields);

static const char *const roles[] = {"viewer", "editor", "manager", "admin", NULL};
static const char *const token_types[] = {"Bearer", NULL};

static const struct field session_out_fields[] = {
    OUT("access_token", FT_TEXT, REQUIRED, "Send it as Authorization: Bearer"),
    OUT("token_type", FT_ENUM, REQUIRED, "How to send it", .choices = token_types),
    OUT("expires_in", FT_INT, REQUIRED, "Seconds it is good for"),
    OUT("expires_at", FT_TIME, REQUIRED, "When it ends"),
    OUT("user", FT_OBJECT, REQUIRED, "Who signed in", .shape = &user_out),
    OUT("tenant", FT_OBJECT, REQUIRED, "Where", .shape = &tenant_out),
    OUT("role", FT_ENUM, REQUIRED, "The user's role there", .choices = roles),
};
static const struct shape session_out = SHAPE_OUT("Session", session_out_fields);
static const struct field me_out_fields[] = {
    OUT("user", FT_OBJECT, REQUIRED, "Who is signed in", .shape = &user_out),
    OUT("tenant", FT_OBJECT, REQUIRED, "Where", .shape = &tenant_out),
    OUT("role", FT_ENUM, REQUIRED, "The user's role there", .choices = roles),
    OUT("permissions", FT_LIST, REQUIRED, "What the role allows"),
};
static const struct shape me_out = SHAPE_OUT("Me", me_out_fields);

/* ---- signing in ---- */

struct login_row {
	struct uuid user_id;
	struct str email, name, password_hash, locale;
	struct uuid tenant_id;
	struct str tenant_slug, tenant_name, role;
};
static const struct pg_col login_cols[] = {COL(struct login_row, user_id, PGT_UUID),
    COL(struct login_row, email, PGT_TEXT), COL(struct login_row, name, PGT_TEXT),
    COL(struct login_row, password_hash, PGT_TEXT), COL(struct login_row, locale, PGT_TEXT),
    COL(struct login_row, tenant_id, PGT_UUID), COL(struct login_row, tenant_slug, PGT_TEXT),
    COL(struct login_row, tenant_name, PGT_TEXT), COL(struct login_row, role, PGT_TEXT)};

static enum err login_rows(struct req *rq, struct str email, struct login_row **rows, size_t *n)
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

static void put_session(
    struct json_out *w, struct arena *a, const struct login_row *row, struct str token, int64_t now_ms, int64_t life_s)
{
	char until[TIME_TEXT_BYTES];

	time_text(now_ms + life_s * 1000, until);
	json_open(w, '{');
	json_field_str(w, S("access_token"), token);
	json_field_str(w, S("token_type"), S("Bearer"));
	json_field_int(w, S("expires_in"), life_s);
	json_field_str(w, S("expires_at"), str_make(until, sizeof until));
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
	json_close(w, '}');
}

static enum err reply_session(struct req *rq, const struct login_row *row)
{
	int64_t now_ms = clock_now_ms() / 1000 * 1000, life_s = config_int(rq->app->config, CFG_access_token_s);
	const struct token_claims claims = {
	    .user_id = row->user_id, .tenant_id = row->tenant_id, .expires_at_ms = now_ms + life_s * 1000};
	struct auth *auth = rq->app->auth;
	struct str token, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = token_issue(auth->key, auth->issuer, &claims, now_ms, rq->arena, &token)))
		return e;
	buf_init(&b, rq->arena, 16 * KB);
	json_out_init(&w, &b);
	put_session(&w, rq->arena, row, token, now_ms, life_s);
	if ((e = buf_done(&b, &json)))
		return e;
	reply_header(rq, S("Cache-Control"), S("no-store"));
	return reply_json(rq, 200, json);
}

/* Whether the address is unknown, the password wrong or the tenant not his: the same words after the same work. */
static enum err login_http(struct req *rq)
{
	const struct login *in = rq->in;
	const struct login_row *row;
	struct login_row *rows = NULL;
	size_t n = 0;
	bool same = false;
	enum err e;

	if ((e = login_rows(rq, in->email, &rows, &n)))
		return e;
	if ((e = auth_password_turn(rq->app->auth, in->password, n > 0 ? rows[0].password_hash : S(""), &same)))
		return e;
	row = same ? login_pick(rows, n, in->tenant) : NULL;
	if (row == NULL)
		return req_fail(rq, ERR_UNAUTHENTICATED, NULL, "The e-mail address or the password is not right.");
	return reply_session(rq, row);
}

/* ---- me ---- */

static enum err permissions_text(const struct req *rq, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, 4 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (int p = PERM_SIGNED_IN + 1; p < PERM_COUNT; p++) {
		if (req_can(rq, p))
			json_put_str(&w, str_from(permission_slug(p)));
	}
	json_close(&w, ']');
	return buf_done(&b, json);
}

static enum err me_http(struct req *rq)
{
	struct str permissions, json;
	enum err e;

	if ((e = permissions_text(rq, &permissions)))
		return e;
	const struct pg_param in[] = {P_UUID(&rq->who.user_id), P_JSON(permissions)};
	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_auth_me, in), &json)))
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	return reply_json(rq, 200, json);
}

const struct route auth_routes[] = {
    {HTTP_POST, "/api/v1/auth/login", PERM_NONE, RATE_LOGIN, &login_shape, &session_out, 200, login_http,
	"Sign in with e-mail and password", .flags = ROUTE_NO_TX, .also = (const int[]){401, 0}},
    {HTTP_GET, "/api/v1/me", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &me_out, 200, me_http,
	"Who is signed in, where, and what the role allows", .flags = ROUTE_READ},
    ROUTE_END,
};
