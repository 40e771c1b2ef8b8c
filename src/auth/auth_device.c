/* auth_device.c - the room's cookies, and what stands in that of a device. */
#include "auth/auth_device.h"
#include "base/hash.h"
#include "base/shim.h"
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
	unsigned char mac[TOKEN_MAC_BYTES];
};
_Static_assert(sizeof(struct device) == DEVICE_ID_BYTES + 8 + TOKEN_MAC_BYTES, "a device has no holes");

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

bool device_shown(struct req *rq, struct str email, struct str *id)
{
	struct device d;
	struct buf b;

	if (!device_read(rq, email, &d))
		return false;
	buf_init(&b, rq->arena, 2 * sizeof d.id);
	hex_put(&b, d.id, sizeof d.id);
	return !buf_done(&b, id);
}

enum err device_token(struct req *rq, struct str email, struct str *token)
{
	int64_t now = clock_now_ms() / 1000;
	struct device d;
	struct buf b;
	enum err e;

	if (!device_read(rq, email, &d))
		random_bytes(d.id, sizeof d.id);
	for (int i = 0; i < 8; i++)
		d.made[i] = (unsigned char)(now >> (8 * i));
	if ((e = device_sign(rq, email, &d)))
		return e;
	buf_init(&b, rq->arena, COOKIE_MAX_BYTES);
	base64url_put(&b, (const unsigned char *)&d, sizeof d);
	return buf_done(&b, token);
}
