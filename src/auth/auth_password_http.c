/* auth_password_http.c - passwords: changed by who knows the present one, or set anew by a mailed token.
 *
 * A reset token is the instant it ends with a MAC of that and the address, the address, and a stamp: a hash of the user's id and the present password's hash. It
 * is good once, because the stamp changes with its use, and nothing of it is stored. The stamp is added by the worker when the mail is sent, which thus needs no
 * key; so asking is the same work whether there is such an account or not. Who has no such mail knows neither part. */
#include "auth/auth_backoff.h"
#include "auth/auth_http.h"
#include "auth/auth_warn.h"
#include "base/hash.h"
#include "base/shim.h"
#include "base/utf8.h"
#include "core/job.h"
#include "core/mail.h"
#include "sql.h"
#include "vault/vault.h"

#define PASSWORD_MIN_CHARS 8
#define RESET_MINUTES 30
#define RESET_PREFIX "ccp_"
#define RESET_TEXT_MAX 512
#define RESET_PATH_MAX 1024

struct password_change {
	struct str password, new_password;
	bool end_keys;
};
#define END_KEYS_ABOUT "Also end all your API keys and OAuth 2 clients, in all tenants; they stay otherwise"
static const struct field change_fields[] = {
    FIELD(struct password_change, password, FT_TEXT, REQUIRED, 1, 1024, "The present one"),
    FIELD(struct password_change, new_password, FT_TEXT, REQUIRED, 1, 1024, "At least 8 characters, of any kind"),
    FIELD(struct password_change, end_keys, FT_BOOL, OPTIONAL, 0, 0, END_KEYS_ABOUT),
};
static const struct shape change_shape = SHAPE("PasswordChange", struct password_change, change_fields);
struct reset_ask {
	struct str email;
};
static const struct field ask_fields[] = {
    FIELD(struct reset_ask, email, FT_EMAIL, REQUIRED, 3, EMAIL_MAX_BYTES, "E-mail address of the account"),
};
static const struct shape ask_shape = SHAPE("PasswordResetAsk", struct reset_ask, ask_fields);
struct reset {
	struct str token, new_password;
	bool end_keys;
};
static const struct field reset_fields[] = {
    FIELD(struct reset, token, FT_TEXT, REQUIRED, 1, RESET_TEXT_MAX, "Of the e-mail"),
    FIELD(struct reset, new_password, FT_TEXT, REQUIRED, 1, 1024, "At least 8 characters, of any kind"),
    FIELD(struct reset, end_keys, FT_BOOL, OPTIONAL, 0, 0, END_KEYS_ABOUT),
};
static const struct shape reset_shape = SHAPE("PasswordReset", struct reset, reset_fields);

enum err auth_password_long(struct req *rq, struct str password, const char *pointer)
{
	if (utf8_length(password) < PASSWORD_MIN_CHARS)
		return req_fail(rq, ERR_INVALID, pointer, "A password has at least 8 characters.");
	return OK;
}

enum err auth_password_new(struct req *rq, struct str password, const char *pointer, struct str *hash)
{
	enum err e = auth_password_long(rq, password, pointer);

	return e ? e : auth_password_hash_turn(rq->app->auth, password, rq->arena, hash);
}

struct setting {
	const struct pg_statement *sql; /* password_set, or password_reset for who came by the mailbox */
	const struct uuid *tenant;	/* which the request was made in */
	struct str hash;
	bool end_keys;
};

static enum err set_in(struct req *rq, struct tx *tx, const struct setting *s, const struct login_row *row)
{
	struct set_row {
		int64_t version;
	} now;
	struct ended_row {
		int64_t ended;
	} keys;
	static const struct pg_col cols[] = {COL(struct set_row, version, PGT_INT)},
				   ended[] = {COL(struct ended_row, ended, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&row->user_id), P_TEXT(row->password_hash), P_TEXT(s->hash)};
	const struct pg_param user[] = {in[0]};
	enum err e = tx_one(tx, rq->arena, &Q(*s->sql, in, cols), &now);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	return s->end_keys ? tx_one(tx, rq->arena, &Q(SQL_password_keys_end, user, ended), &keys) : OK;
}

/* For every tenant of the user, each of whose logs is told (user_told() in the database): a new password is the answer to
 * somebody else knowing the old one. The request stands in the log of the tenant that it was made in, and in no other. */
static enum err set_password(struct req *rq, const struct setting *s, const struct login_row *rows, size_t n)
{
	const struct uuid *user = &rows[0].user_id;
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, s->tenant, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, user, rq->request_id);
	if ((e = set_in(rq, tx, s, &rows[0]))) {
		tx_rollback(tx);
		return e;
	}
	if ((e = tx_commit(tx)))
		return e;
	if ((e = login_session_end_rows(rq, &(struct login_session){.user_id = *user}, rows, n)))
		return e;
	return backoff_forget(rq, rows[0].email);
}

static enum err shown_check(struct req *rq, struct str password, struct login_row **rows, size_t *n)
{
	bool same = false;
	enum err e;

	if ((e = login_rows(rq, rq->who.email, rows, n)))
		return e;
	if (*n == 0)
		return ERR_UNAUTHENTICATED;
	if ((e = auth_password_turn(rq->app->auth, password, (*rows)[0].password_hash, &same)))
		return e;
	return same ? OK : ERR_INVALID;
}

enum err auth_password_shown(struct req *rq, struct str password, struct login_row **rows, size_t *n)
{
	struct backoff b;
	enum err e;

	if ((e = backoff_begin(rq, BACKOFF_SELF, rq->who.email, &b)))
		return e;
	e = backoff_end(rq, &b, shown_check(rq, password, rows, n), ERR_INVALID);
	if (e != ERR_INVALID || (e = warn_failed(rq, &b, rq->who.email)))
		return e;
	return req_fail(rq, ERR_INVALID, "/password", "This is not your present password.");
}

static enum err change_http(struct req *rq)
{
	const struct password_change *in = rq->in;
	struct login_row *rows = NULL;
	struct str hash;
	size_t n = 0;
	enum err e;

	if ((e = auth_password_shown(rq, in->password, &rows, &n)))
		return e;
	if ((e = auth_password_new(rq, in->new_password, "/new_password", &hash)) ||
	    (e = set_password(
		 rq, &(struct setting){&SQL_password_set, &rq->who.tenant_id, hash, in->end_keys}, rows, n)) ||
	    (e = device_stays_known(rq, rows[0].email)))
		return e;
	reply_without_cookie(rq);
	return reply_empty(rq, 204);
}

/* ---- by mail ---- */

struct slip {
	unsigned char ends[8]; /* seconds since 1970, lowest byte first */
	unsigned char mac[TOKEN_MAC_BYTES];
};
_Static_assert(sizeof(struct slip) == 40, "a slip has no holes");

/* `email` as it was typed: the token has it so. */
static enum err slip_sign(struct req *rq, struct str email, struct slip *s)
{
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, RESET_TEXT_MAX);
	buf_add(&b, str_make((const char *)s->ends, sizeof s->ends));
	buf_add(&b, email);
	if ((e = buf_done(&b, &text)))
		return e;
	return token_mac(((const struct auth *)rq->app->auth)->key, S("password reset"), text, s->mac);
}

static enum err reset_path(struct req *rq, struct str email, struct str *path)
{
	int64_t ends = clock_now_ms() / 1000 + RESET_MINUTES * 60;
	struct slip s;
	struct buf b;
	enum err e;

	for (int i = 0; i < 8; i++)
		s.ends[i] = (unsigned char)(ends >> (8 * i));
	if ((e = slip_sign(rq, email, &s)))
		return e;
	buf_init(&b, rq->arena, RESET_PATH_MAX);
	buf_add(&b, S("/reset#token=" RESET_PREFIX));
	base64url_put(&b, (const unsigned char *)&s, sizeof s);
	buf_char(&b, '.');
	base64url_put(&b, (const unsigned char *)email.p, email.n);
	return buf_done(&b, path);
}

/* 202 whoever asks: an answer must not tell who has an account. Asking is counted, or it would fill a mailbox; apart
 * from sign-ins, or it would keep somebody from those. */
static enum err ask_http(struct req *rq)
{
	const struct mail_value values[] = {{"minutes", S("30")}};
	const struct reset_ask *in = rq->in;
	struct mail m = {.kind = MAIL_PASSWORD_RESET,
	    .to = in->email,
	    .values = values,
	    .value_count = countof(values),
	    .account = true};
	struct backoff b;
	enum err e;

	if ((e = backoff_begin(rq, BACKOFF_MAIL, in->email, &b)) || (e = reset_path(rq, in->email, &m.path)) ||
	    (e = warn_account(rq, &m)))
		return e;
	return reply_empty(rq, 202);
}

struct shown {
	struct slip slip;
	struct str email, stamp;
};

static bool reset_read(struct req *rq, struct str token, struct shown *out)
{
	struct str bytes, coded;
	bool more;

	if (!str_starts(token, S(RESET_PREFIX)))
		return false;
	token = str_sub(token, sizeof RESET_PREFIX - 1, token.n);
	if (base64url_read(rq->arena, str_cut(&token, '.', &more), &bytes) || bytes.n != sizeof out->slip || !more)
		return false;
	coded = str_cut(&token, '.', &more);
	if (base64url_read(rq->arena, coded, &out->email) || !utf8_valid(out->email) || !more)
		return false;
	mem_copy(&out->slip, bytes.p, sizeof out->slip);
	out->stamp = token;
	return true;
}

static bool slip_ok(struct req *rq, const struct shown *shown)
{
	struct slip s = shown->slip;
	int64_t ends = 0;

	for (int i = 0; i < 8; i++)
		ends |= (int64_t)((uint64_t)s.ends[i] << (8 * i));
	return !slip_sign(rq, shown->email, &s) &&
	       secret_eq(str_make((const char *)s.mac, sizeof s.mac),
		   str_make((const char *)shown->slip.mac, sizeof s.mac)) &&
	       clock_now_ms() / 1000 < ends;
}

/* As account_of_mailbox() in the database makes it. */
static bool stamp_ok(struct req *rq, const struct login_row *row, struct str stamp)
{
	unsigned char digest[32];
	struct str text, hex;
	struct buf b;

	buf_init(&b, rq->arena, RESET_TEXT_MAX);
	buf_add(&b, uuid_str(rq->arena, &row->user_id));
	buf_add(&b, row->password_hash);
	if (buf_done(&b, &text))
		return false;
	sha256_of(text, digest);
	buf_init(&b, rq->arena, 2 * sizeof digest);
	hex_put(&b, digest, sizeof digest);
	return !buf_done(&b, &hex) && secret_eq(str_sub(hex, 0, MAIL_STAMP_CHARS), stamp);
}

/* Who is a member nowhere has an account all the same, which he may be invited with again. */
static enum err account_rows(struct req *rq, struct str email, struct login_row **rows, size_t *n)
{
	static const struct pg_col cols[] = {COL(struct login_row, user_id, PGT_UUID),
	    COL(struct login_row, email, PGT_TEXT), COL(struct login_row, password_hash, PGT_TEXT)};
	const struct pg_param in[] = {P_TEXT(email)};
	struct tx *tx;
	enum err e;

	if ((e = login_rows(rq, email, rows, n)) || *n > 0)
		return e;
	if ((e = tx_open(rq->app, PG_APP, true, &system_tenant, rq->arena, &tx)))
		return e;
	if ((e = tx_rows(tx, rq->arena, &Q(SQL_password_account, in, cols), sizeof **rows, (void **)rows, n))) {
		tx_rollback(tx);
		return e;
	}
	for (size_t i = 0; i < *n; i++)
		(*rows)[i].tenant_id = system_tenant;
	return tx_commit(tx);
}

static enum err reset_http(struct req *rq)
{
	const struct reset *in = rq->in;
	struct login_row *rows = NULL;
	struct str hash;
	struct shown shown;
	size_t n = 0;
	enum err e;

	if (!reset_read(rq, in->token, &shown) || !slip_ok(rq, &shown))
		return ERR_NOT_FOUND;
	if ((e = account_rows(rq, shown.email, &rows, &n)))
		return e;
	if (n == 0 || !stamp_ok(rq, &rows[0], shown.stamp))
		return ERR_NOT_FOUND;
	if ((e = auth_password_new(rq, in->new_password, "/new_password", &hash)) ||
	    (e = set_password(rq, &(struct setting){&SQL_password_reset, &system_tenant, hash, in->end_keys}, rows, n)))
		return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
	/* who reads the mailbox is no stranger: he can sign in now, whatever others try */
	if ((e = device_stays_known(rq, shown.email)))
		return e;
	reply_without_cookie(rq);
	return reply_empty(rq, 204);
}

const struct route password_routes[] = {
    {HTTP_POST, "/api/v1/me/password", PERM_ACCOUNT, RATE_LOGIN, &change_shape, NULL, 204, change_http,
	"Change one's own password: all sessions end", .flags = ROUTE_NO_TX | ROUTE_SLOW,
	.also = (const int[]){409, 0}},
    {HTTP_POST, "/api/v1/auth/password-reset", PERM_NONE, RATE_LOGIN, &ask_shape, NULL, 202, ask_http,
	"Ask for an e-mail to set a new password", .flags = ROUTE_NO_TX},
    {HTTP_POST, "/api/v1/auth/password-reset/confirm", PERM_NONE, RATE_LOGIN, &reset_shape, NULL, 204, reset_http,
	"Set a new password with the token of the e-mail: all sessions end", .flags = ROUTE_NO_TX | ROUTE_SLOW,
	.also = (const int[]){404, 0}},
    ROUTE_END,
};
