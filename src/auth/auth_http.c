#include "auth/auth_http.h"
#include "auth/auth_told.h"
#include "sql.h"

static const struct field user_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "User"),
    OUT("email", FT_EMAIL, REQUIRED, "E-mail address"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("locale", FT_LANGUAGE, REQUIRED, "Language of the console"),
};
const struct shape auth_user_out = SHAPE_OUT("User", user_out_fields);
static const struct field tenant_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Tenant"),
    OUT("slug", FT_TEXT, REQUIRED, "Short name"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
};
const struct shape auth_tenant_out = SHAPE_OUT("Tenant", tenant_out_fields);

static const struct field own_project_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Project"),
    OUT("name", FT_TEXT, REQUIRED, "Its name"),
    OUT("role", FT_TEXT, REQUIRED, "Name of one's role there"),
    OUT("role_id", FT_UUID, REQUIRED | NULLABLE, "The role, when it is one of the tenant's own"),
};
static const struct shape own_project_out = SHAPE_OUT("OwnProject", own_project_fields);
static const char *const second_factor_states[] = {"on", "off", "missing", NULL};
static const struct field me_out_fields[] = {
    OUT("user", FT_OBJECT, REQUIRED, "Who is signed in", .shape = &auth_user_out),
    OUT("tenant", FT_OBJECT, REQUIRED, "Where", .shape = &auth_tenant_out),
    OUT("role", FT_TEXT, REQUIRED, "The user's role there"),
    OUT("permissions", FT_LIST, REQUIRED, "What the role allows"),
    OUT("projects", FT_LIST, REQUIRED,
	"Where one has a role besides that in the tenant, by name; empty for keys, which ask for their list",
	.shape = &own_project_out),
    OUT("second_factor", FT_ENUM, REQUIRED, "missing: the tenant asks for one, and nothing works before it is set up",
	.choices = second_factor_states),
};
const struct shape me_out = SHAPE_OUT("Me", me_out_fields);

static const struct field device_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Session"),
    OUT("created_at", FT_TIME, REQUIRED, "When somebody signed in"),
    OUT("last_used_at", FT_TIME, REQUIRED, "When it was last renewed"),
    OUT("address", FT_TEXT, REQUIRED, "Network address it began from"),
    OUT("user_agent", FT_TEXT, REQUIRED, "Program it began with, as that calls itself"),
    OUT("current", FT_BOOL, REQUIRED, "This request belongs to it"),
};
static const struct shape device_out = SHAPE_OUT("SessionInfo", device_fields);
static const struct field devices_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "Newest first", .shape = &device_out),
};
static const struct shape devices_out = SHAPE_OUT("SessionList", devices_fields);

static const struct field key_fields[] = {
    OUT("kty", FT_TEXT, REQUIRED, "EC"),
    OUT("crv", FT_TEXT, REQUIRED, "P-256"),
    OUT("alg", FT_TEXT, REQUIRED, "ES256"),
    OUT("use", FT_TEXT, REQUIRED, "sig"),
    OUT("kid", FT_TEXT, REQUIRED, "Thumbprint (RFC 7638)"),
    OUT("x", FT_TEXT, REQUIRED, "Coordinate"),
    OUT("y", FT_TEXT, REQUIRED, "Coordinate"),
};
static const struct shape key_out = SHAPE_OUT("Jwk", key_fields);
static const struct field key_set_fields[] = {
    OUT("keys", FT_LIST, REQUIRED, "Keys that access tokens are signed with", .shape = &key_out),
};
static const struct shape key_set_out = SHAPE_OUT("JwkSet", key_set_fields);

/* ---- me ---- */

static enum err permissions_text(const struct req *rq, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, 4 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (int p = PERM_FIRST_GIVEN; p < PERM_COUNT; p++) {
		if (req_can(rq, p))
			json_put_str(&w, str_from(permission_slug(p)));
	}
	json_close(&w, ']');
	return buf_done(&b, json);
}

enum err me_http(struct req *rq)
{
	struct str permissions, json;
	enum err e;

	if ((e = permissions_text(rq, &permissions)))
		return e;
	const struct pg_param in[] = {P_UUID(&rq->who.user_id), P_JSON(permissions),
	    P_BOOL(rq->who.enrolling || rq->who.credential != NULL), P_BOOL(rq->who.credential == NULL)};

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_auth_me, in), &json)))
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	return reply_json(rq, 200, json);
}

/* ---- sessions ---- */

static struct login_session own_session(const struct req *rq)
{
	return (struct login_session){rq->who.tenant_id, rq->who.user_id, rq->who.session_id};
}

static enum err logout_http(struct req *rq)
{
	const struct login_session s = own_session(rq);
	enum err e = login_session_end(rq->app->auth, &s);

	if (e == ERR_NOT_FOUND)
		e = OK;
	else if (!e)
		e = told_ended(rq, &s, "user");
	if (e)
		return e;
	reply_without_cookie(rq);
	return reply_empty(rq, 204);
}

static enum err session_list_http(struct req *rq)
{
	const struct login_session s = own_session(rq);
	struct str json;
	enum err e;

	if ((e = login_session_list(rq->app->auth, &s, rq->arena, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err session_end_http(struct req *rq)
{
	const struct login_session s = {rq->who.tenant_id, rq->who.user_id, rq->ids[0]};
	enum err e;

	if ((e = login_session_end(rq->app->auth, &s)) || (e = told_ended(rq, &s, "user")))
		return e;
	return reply_empty(rq, 204);
}

/* Everywhere: in each tenant that he is a member of, and his devices are known no more. Where he no longer is, his sessions are worth nothing. Whom a tenant's identity provider
 * let in ends those of that tenant: the provider's word reaches no further. */
static enum err session_end_all_http(struct req *rq)
{
	const struct login_session none = {.user_id = rq->who.user_id};
	bool everywhere = req_can(rq, PERM_ACCOUNT);
	struct login_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if (!everywhere)
		e = login_session_end_all(rq, &rq->who.tenant_id, &rq->who.user_id);
	else if (!(e = login_rows(rq, rq->who.email, &rows, &n)) && !(e = devices_forget(rq)))
		e = login_session_end_rows(rq, &none, rows, n);
	if (e || (e = told_ended_all(rq, everywhere)))
		return e;
	reply_without_cookie(rq);
	return reply_empty(rq, 204);
}

/* ---- keys ---- */

static enum err key_set_http(struct req *rq)
{
	reply_header(rq, S("Cache-Control"), S("public, max-age=300"));
	return reply_json(rq, 200, token_key_set(rq->app->auth->key));
}

const struct route auth_routes[] = {
    {HTTP_POST, "/api/v1/auth/login", PERM_NONE, RATE_LOGIN, &login_shape, &login_out, 200, login_http,
	"Sign in with e-mail and password", .flags = ROUTE_NO_TX | ROUTE_SLOW, .also = (const int[]){401, 0}},
    {HTTP_POST, "/api/v1/auth/second-factor", PERM_NONE, RATE_LOGIN, &second_shape, &session_out, 200, second_http,
	"Show the second factor that signing in asked for", .flags = ROUTE_NO_TX, .also = (const int[]){401, 0}},
    {HTTP_POST, "/api/v1/auth/refresh", PERM_NONE, RATE_CONSOLE, &renew_shape, &session_out, 200, renew_http,
	"Get the next access token", .flags = ROUTE_NO_TX, .also = (const int[]){401, 403, 0}},
    {HTTP_POST, "/api/v1/auth/switch", PERM_ACCOUNT, RATE_CONSOLE, &switch_shape, &session_out, 200, switch_http,
	"Go to another tenant: ends this session and begins one there", .flags = ROUTE_NO_TX | ROUTE_ENROL,
	.also = (const int[]){404, 0}},
    {HTTP_POST, "/api/v1/auth/logout", PERM_SESSION, RATE_CONSOLE, NULL, NULL, 204, logout_http, "End this session",
	.flags = ROUTE_NO_TX | ROUTE_ENROL},
    {HTTP_GET, "/api/v1/me", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &me_out, 200, me_http,
	"Who is signed in, where, and what the role allows", .flags = ROUTE_READ | ROUTE_ENROL},
    {HTTP_GET, "/api/v1/me/sessions", PERM_SESSION, RATE_CONSOLE, NULL, &devices_out, 200, session_list_http,
	"List one's own sessions in this tenant", .flags = ROUTE_NO_TX},
    {HTTP_DELETE, "/api/v1/me/sessions/{session_id}", PERM_SESSION, RATE_CONSOLE, NULL, NULL, 204, session_end_http,
	"End one of one's own sessions", .flags = ROUTE_NO_TX},
    {HTTP_DELETE, "/api/v1/me/sessions", PERM_SESSION, RATE_CONSOLE, NULL, NULL, 204, session_end_all_http,
	"End all of one's own sessions: in every tenant, or in this one after signing in by its identity provider",
	.flags = ROUTE_NO_TX},
    {HTTP_GET, "/.well-known/jwks.json", PERM_NONE, RATE_PUBLIC_READ, NULL, &key_set_out, 200, key_set_http,
	"The keys that access tokens are signed with", .flags = ROUTE_NO_TX | ROUTE_INLINE},
    ROUTE_END,
};
