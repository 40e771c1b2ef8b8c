/* auth_second_http.c - one's own second factor: begun, confirmed, given other recovery codes, removed; and what a tenant asks for. */
#include "auth/auth_second.h"
#include "auth/auth_totp.h"
#include "io/qr.h"
#include "sql.h"

struct start {
	struct str password;
};
static const struct field start_fields[] = {
    FIELD(struct start, password, FT_TEXT, REQUIRED, 1, 1024, "One's password"),
};
static const struct shape start_shape = SHAPE("SecondFactorStart", struct start, start_fields);
struct confirm {
	struct str code;
};
static const struct field confirm_fields[] = {
    FIELD(struct confirm, code, FT_TEXT, REQUIRED, 1, SECOND_CODE_MAX, "What the authenticator program shows"),
};
static const struct shape confirm_shape = SHAPE("SecondFactorConfirm", struct confirm, confirm_fields);
struct both {
	struct str password, code;
};
static const struct field both_fields[] = {
    FIELD(struct both, password, FT_TEXT, REQUIRED, 1, 1024, "One's password"),
    FIELD(struct both, code, FT_TEXT, REQUIRED, 1, SECOND_CODE_MAX,
	"What the authenticator program shows, or a recovery code"),
};
static const struct shape both_shape = SHAPE("SecondFactorProof", struct both, both_fields);

#define QR_SCALE 4 /* about 220 pixels a side */

static const struct field state_fields[] = {
    OUT("enabled", FT_BOOL, REQUIRED, "Signing in asks for a code"),
    OUT("enabled_at", FT_TIME, REQUIRED | NULLABLE, "Since when"),
    OUT("recovery_codes_left", FT_INT, REQUIRED, "How many were not used yet"),
};
static const struct shape state_out = SHAPE_OUT("SecondFactor", state_fields);
static const struct field secret_fields[] = {
    OUT("secret", FT_TEXT, REQUIRED, "For the authenticator program, in base32: shown this once"),
    OUT("uri", FT_TEXT, REQUIRED, "The same as otpauth:// address"),
    OUT("qr_svg", FT_TEXT, REQUIRED, "The address as a QR picture (SVG), which the program reads with a camera"),
};
static const struct shape secret_out = SHAPE_OUT("SecondFactorSecret", secret_fields);
static const struct field codes_fields[] = {
    OUT("recovery_codes", FT_LIST, REQUIRED, "Each is good once, in the place of a code: shown this once"),
};
static const struct shape codes_out = SHAPE_OUT("RecoveryCodes", codes_fields);

static enum err own_tx(struct req *rq, struct tx **tx)
{
	enum err e = tx_open(rq->app, PG_APP, false, &rq->who.tenant_id, rq->arena, tx);

	if (!e)
		tx_set_actor(*tx, &rq->who.user_id, rq->request_id);
	return e;
}

/* Ends the transaction as the work in it went. */
static enum err own_end(struct tx *tx, enum err e)
{
	if (!e)
		return tx_commit(tx);
	tx_rollback(tx);
	return e;
}

static enum err own_end_code(struct req *rq, const struct backoff *b, struct tx *tx, enum err e)
{
	return second_factor_end(rq, b, rq->who.email, own_end(tx, e), ERR_INVALID);
}

static enum err reply_codes(struct req *rq, struct str codes)
{
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 4 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_raw(&w, S("recovery_codes"), codes);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err state_http(struct req *rq)
{
	struct str json;
	enum err e = second_factor_json(rq, rq->tx, &rq->who.user_id, &json);

	return e ? e : reply_json(rq, 200, json);
}

static enum err reply_secret(struct req *rq, struct str secret)
{
	struct str uri, text, svg, json;
	struct json_out w;
	struct buf b;
	struct qr qr;
	enum err e;

	buf_init(&b, rq->arena, 64);
	base32_put(&b, (const unsigned char *)secret.p, secret.n);
	if ((e = buf_done(&b, &text)) || (e = totp_uri(rq->arena, secret, rq->who.email, &uri)))
		return e;
	if ((e = qr_make(rq->arena, uri, &qr)) || (e = qr_svg(rq->arena, &qr, QR_SCALE, &svg)))
		return e;
	buf_init(&b, rq->arena, 2 * QR_SVG_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("secret"), text);
	json_field_str(&w, S("uri"), uri);
	json_field_str(&w, S("qr_svg"), svg);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

/* What takes a code, and no more tries at it than may be: ended by own_end_code(). */
static enum err own_tx_code(struct req *rq, struct backoff *b, struct tx **tx)
{
	enum err e = backoff_begin(rq, BACKOFF_CODE, rq->who.email, b);

	if (!e && (e = own_tx(rq, tx)))
		backoff_end(rq, b, e, ERR_UNAUTHENTICATED);
	return e;
}

/* Whoever finds a browser open must not be able to lock its owner out: hence the password. */
static enum err start_http(struct req *rq)
{
	const struct start *in = rq->in;
	struct login_row *rows;
	struct str secret;
	struct tx *tx;
	size_t n;
	enum err e;

	if ((e = auth_password_shown(rq, in->password, &rows, &n)) || (e = own_tx(rq, &tx)))
		return e;
	if ((e = own_end(tx, second_factor_start(rq, tx, &rq->who.user_id, &secret))))
		return e == ERR_CONFLICT ? req_fail(rq, e, NULL, "You have a second factor; remove it first.") : e;
	return reply_secret(rq, secret);
}

/* Sessions that began without it end, but for this one. */
static enum err end_others(struct req *rq)
{
	const struct login_session own = {rq->who.tenant_id, rq->who.user_id, rq->who.session_id};
	struct auth *auth = rq->app->auth;
	struct login_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if ((e = login_rows(rq, rq->who.email, &rows, &n)) || (e = login_session_end_rows(rq, &own, rows, n)))
		return e;
	for (size_t i = 0; i < n; i++)
		auth_member_changed(auth, &rows[i].tenant_id, &own.user_id);
	return OK;
}

static enum err confirm_http(struct req *rq)
{
	const struct confirm *in = rq->in;
	const struct uuid *user = &rq->who.user_id;
	struct str codes;
	struct backoff b;
	struct tx *tx;
	enum err e;

	if ((e = own_tx_code(rq, &b, &tx)))
		return e;
	if (!(e = second_factor_first(rq, tx, user, in->code)))
		e = second_factor_codes(rq, tx, user, true, &codes);
	if ((e = own_end_code(rq, &b, tx, e)))
		return e == ERR_CONFLICT ? req_fail(rq, e, NULL, "Begin first: there is nothing to confirm.") : e;
	if ((e = end_others(rq)) || (e = device_stays_known(rq, rq->who.email)))
		return e;
	return reply_codes(rq, codes);
}

static enum err codes_http(struct req *rq)
{
	const struct both *in = rq->in;
	const struct uuid *user = &rq->who.user_id;
	struct login_row *rows;
	struct str codes;
	struct backoff b;
	struct tx *tx;
	size_t n;
	enum err e;

	if ((e = auth_password_shown(rq, in->password, &rows, &n)) || (e = own_tx_code(rq, &b, &tx)))
		return e;
	if (!(e = second_factor_check(rq, tx, user, in->code)))
		e = second_factor_codes(rq, tx, user, false, &codes);
	if ((e = own_end_code(rq, &b, tx, e)))
		return e;
	return reply_codes(rq, codes);
}

static enum err remove_http(struct req *rq)
{
	struct auth *auth = rq->app->auth;
	const struct both *in = rq->in;
	const struct uuid *user = &rq->who.user_id;
	struct login_row *rows;
	struct backoff b;
	struct tx *tx;
	size_t n;
	enum err e;

	if ((e = auth_password_shown(rq, in->password, &rows, &n)) || (e = own_tx_code(rq, &b, &tx)))
		return e;
	if (!(e = second_factor_check(rq, tx, user, in->code)))
		e = second_factor_remove(tx, rq->arena, user);
	if ((e = own_end_code(rq, &b, tx, e)))
		return e;
	for (size_t i = 0; i < n; i++)
		auth_member_changed(auth, &rows[i].tenant_id, user);
	if ((e = device_stays_known(rq, rq->who.email)))
		return e;
	return reply_empty(rq, 204);
}

/* ---- what a tenant asks for ---- */

struct settings_patch {
	bool require_second_factor;
};
static const struct field settings_patch_fields[] = {
    FIELD(struct settings_patch, require_second_factor, FT_BOOL, OPTIONAL, 0, 0,
	"Who has no second factor can do nothing here but set one up"),
};
static const struct shape settings_patch_shape =
    SHAPE("SecuritySettingsPatch", struct settings_patch, settings_patch_fields);
static const struct field settings_fields[] = {
    OUT("require_second_factor", FT_BOOL, REQUIRED, "Who has no second factor can do nothing here but set one up"),
    OUT("updated_at", FT_TIME, REQUIRED | NULLABLE, "When it was last changed; null: never"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape settings_out = SHAPE_OUT("SecuritySettings", settings_fields);

static enum err settings_get_http(struct req *rq)
{
	struct settings_row {
		int64_t version;
		struct str json;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct settings_row, version, PGT_INT), COL(struct settings_row, json, PGT_JSON)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q_NO_IN(SQL_security_settings_get, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

static enum err settings_patch_http(struct req *rq)
{
	const struct settings_patch *in = rq->in;
	bool given = schema_has(&settings_patch_shape, rq->in_present, "require_second_factor");
	const struct pg_param params[] = {
	    P_INT(rq->if_match_version), P_BOOL(in->require_second_factor), P_UUID(&rq->who.user_id)};
	int64_t changed;
	enum err e;

	if (!given)
		return settings_get_http(rq);
	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_security_settings_put, params), &changed)))
		return e;
	if (changed == 0)
		return ERR_STALE;
	return settings_get_http(rq);
}

#define OWN "/api/v1/me/second-factor"
#define SETTINGS "/api/v1/security/settings"
static const int conflicts[] = {409, 0}, changes[] = {412, 428, 0};

const struct route second_factor_routes[] = {
    {HTTP_GET, OWN, PERM_SESSION, RATE_CONSOLE, NULL, &state_out, 200, state_http, "Whether one has a second factor",
	.flags = ROUTE_READ | ROUTE_ENROL},
    {HTTP_POST, OWN, PERM_ACCOUNT, RATE_LOGIN, &start_shape, &secret_out, 200, start_http,
	"Begin a second factor: a secret for an authenticator program", .flags = ROUTE_NO_TX | ROUTE_ENROL | ROUTE_SLOW,
	.also = conflicts},
    {HTTP_POST, OWN "/confirm", PERM_ACCOUNT, RATE_LOGIN, &confirm_shape, &codes_out, 200, confirm_http,
	"Confirm it with a first code: signing in asks for it from now on, and all other sessions end",
	.flags = ROUTE_NO_TX | ROUTE_ENROL, .also = conflicts},
    {HTTP_POST, OWN "/recovery-codes", PERM_ACCOUNT, RATE_LOGIN, &both_shape, &codes_out, 200, codes_http,
	"Make recovery codes in the place of all others", .flags = ROUTE_NO_TX | ROUTE_ENROL | ROUTE_SLOW,
	.also = conflicts},
    {HTTP_POST, OWN "/remove", PERM_ACCOUNT, RATE_LOGIN, &both_shape, NULL, 204, remove_http,
	"Remove one's second factor", .flags = ROUTE_NO_TX | ROUTE_ENROL | ROUTE_SLOW, .also = conflicts},
    {HTTP_GET, SETTINGS, PERM_SETTINGS_READ, RATE_CONSOLE, NULL, &settings_out, 200, settings_get_http,
	"Read what the tenant asks of those who sign in", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, SETTINGS, PERM_SETTINGS_WRITE, RATE_CONSOLE, &settings_patch_shape, &settings_out, 200,
	settings_patch_http, "Change what the tenant asks of those who sign in", .flags = ROUTE_IF_MATCH | ROUTE_ETAG,
	.also = changes},
    ROUTE_END,
};
