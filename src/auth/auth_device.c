/* auth_device.c - the room's cookies, and what stands in that of a device. */
#include "auth/auth_device.h"
#include "base/hash.h"
#include "base/shim.h"
#include "core/job.h"
#include "sql.h"
#include "vault/vault.h"

#define DEVICE_COOKIE "collect_device"
#define COOKIE_PATH "; Path=/api/v1/auth; HttpOnly; Secure; SameSite=Lax; Max-Age="
#define COOKIE_MAX_BYTES 512
#define DEVICE_LIFE_S (400 * 86400)
#define DEVICE_ID_BYTES 16
#define DEVICE_TEXT_MAX (EMAIL_MAX_BYTES + 64)

/* ---- cookies ---- */

static void reply_cookie(struct req *rq, struct str name, struct str value, int64_t life_s)
{
	struct str text;
	struct buf b;

	buf_init(&b, rq->arena, COOKIE_MAX_BYTES);
	buf_add(&b, name);
	buf_char(&b, '=');
	buf_add(&b, value);
	buf_add(&b, S(COOKIE_PATH));
	buf_int(&b, life_s);
	if (!buf_done(&b, &text))
		reply_header(rq, S("Set-Cookie"), text);
}

void reply_refresh_cookie(struct req *rq, struct str value, int64_t life_s)
{
	reply_cookie(rq, S(REFRESH_COOKIE), value, life_s);
}

void reply_without_cookie(struct req *rq)
{
	reply_refresh_cookie(rq, S(""), 0);
}

void reply_device_cookie(struct req *rq, struct str token)
{
	reply_cookie(rq, S(DEVICE_COOKIE), token, DEVICE_LIFE_S);
}

struct str auth_cookie(struct req *rq, struct str wanted)
{
	struct str rest = req_header(rq, S("Cookie"));
	bool more = true;

	while (more) {
		struct str one = str_trim(str_cut(&rest, ';', &more)), name = str_cut(&one, '=', NULL);

		if (str_eq(name, wanted))
			return one;
	}
	return S("");
}

/* ---- devices ---- */

void email_put(struct buf *b, struct str email)
{
	for (size_t i = 0; i < email.n; i++)
		buf_char(b, (char)(email.p[i] >= 'A' && email.p[i] <= 'Z' ? email.p[i] + 32 : email.p[i]));
}

struct device {
	unsigned char id[DEVICE_ID_BYTES];
	unsigned char made[8]; /* seconds since 1970, lowest byte first */
	unsigned char bound[TOKEN_MAC_BYTES];
	unsigned char mac[TOKEN_MAC_BYTES];
};
_Static_assert(sizeof(struct device) == DEVICE_ID_BYTES + 8 + 2 * TOKEN_MAC_BYTES, "a device has no holes");

static enum err device_sign(struct req *rq, struct str email, struct device *d)
{
	const struct auth *auth = rq->app->auth;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, DEVICE_TEXT_MAX);
	buf_add(&b, str_make((const char *)d, offsetof(struct device, mac)));
	email_put(&b, email);
	if ((e = buf_done(&b, &text)))
		return e;
	return token_mac(auth->key, S("known device"), text, d->mac);
}

/* From the primary: of a new password a copy may not know yet. ERR_NOT_FOUND when there is no such account. */
static enum err stamp_read(struct req *rq, struct str email, struct str *stamp)
{
	struct stamp_row {
		struct str stamp;
	} row;
	static const struct pg_col cols[] = {COL(struct stamp_row, stamp, PGT_TEXT)};
	const struct pg_param in[] = {P_TEXT(email)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &system_tenant, rq->arena, &tx)))
		return e;
	if ((e = tx_one(tx, rq->arena, &Q(SQL_device_stamp, in, cols), &row))) {
		tx_rollback(tx);
		return e;
	}
	*stamp = row.stamp;
	return tx_commit(tx);
}

/* Binds it to the account's password, second factor and sessions as they are now. */
static enum err device_bind(struct req *rq, struct str email, struct device *d)
{
	const struct auth *auth = rq->app->auth;
	struct str stamp, text;
	struct buf b;
	enum err e;

	if ((e = stamp_read(rq, email, &stamp)))
		return e;
	buf_init(&b, rq->arena, DEVICE_TEXT_MAX);
	buf_add(&b, str_make((const char *)d->id, sizeof d->id));
	buf_add(&b, stamp);
	if ((e = buf_done(&b, &text)))
		return e;
	return token_mac(auth->key, S("device credential"), text, d->bound);
}

/* What it says by itself: who shows none of ours asks nothing of the database. */
static bool device_read(struct req *rq, struct str email, struct device *d)
{
	struct str shown = auth_cookie(rq, S(DEVICE_COOKIE)), bytes;
	struct device right;
	int64_t made = 0, now = clock_now_ms() / 1000;

	if (shown.n == 0)
		shown = str_trim(req_header(rq, S(DEVICE_TOKEN_HEADER)));
	if (shown.n == 0 || shown.n > COOKIE_MAX_BYTES || base64url_read(rq->arena, shown, &bytes) ||
	    bytes.n != sizeof *d)
		return false;
	mem_copy(d, bytes.p, sizeof *d);
	right = *d;
	if (device_sign(rq, email, &right) || !secret_eq(str_make((const char *)d->mac, sizeof d->mac),
						  str_make((const char *)right.mac, sizeof right.mac)))
		return false;
	for (int i = 0; i < 8; i++)
		made |= (int64_t)((uint64_t)d->made[i] << (8 * i));
	return now < made + DEVICE_LIFE_S;
}

/* ERR_NOT_FOUND when it is not, or not any more. */
static enum err device_known(struct req *rq, struct str email, struct device *d)
{
	struct device now;
	enum err e;

	if (!device_read(rq, email, d))
		return ERR_NOT_FOUND;
	now = *d;
	if ((e = device_bind(rq, email, &now)))
		return e;
	if (!secret_eq(
		str_make((const char *)d->bound, sizeof d->bound), str_make((const char *)now.bound, sizeof now.bound)))
		return ERR_NOT_FOUND;
	return OK;
}

enum err device_shown(struct req *rq, struct str email, struct str *id)
{
	struct device d;
	struct buf b;
	enum err e = device_known(rq, email, &d);

	*id = S("");
	if (e)
		return e == ERR_NOT_FOUND ? OK : e;
	buf_init(&b, rq->arena, 2 * sizeof d.id);
	hex_put(&b, d.id, sizeof d.id);
	return buf_done(&b, id);
}

enum err device_token(struct req *rq, struct str email, struct str *token)
{
	int64_t now = clock_now_ms() / 1000;
	struct device d;
	struct buf b;
	enum err e;

	if ((e = device_known(rq, email, &d)) && e != ERR_NOT_FOUND)
		return e;
	if (e)
		random_bytes(d.id, sizeof d.id);
	for (int i = 0; i < 8; i++)
		d.made[i] = (unsigned char)(now >> (8 * i));
	if ((e = device_bind(rq, email, &d)) || (e = device_sign(rq, email, &d)))
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	buf_init(&b, rq->arena, COOKIE_MAX_BYTES);
	base64url_put(&b, (const unsigned char *)&d, sizeof d);
	return buf_done(&b, token);
}

enum err device_stays_known(struct req *rq, struct str email)
{
	struct str token;
	enum err e = device_token(rq, email, &token);

	if (!e)
		reply_device_cookie(rq, token);
	return e;
}

enum err devices_forget(struct req *rq)
{
	struct version_row {
		int64_t version;
	} row;
	static const struct pg_col cols[] = {COL(struct version_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->who.user_id)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &rq->who.tenant_id, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, &rq->who.user_id, rq->request_id);
	if ((e = tx_one(tx, rq->arena, &Q(SQL_devices_end, in, cols), &row))) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	return tx_commit(tx);
}
