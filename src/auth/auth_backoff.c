/* auth_backoff.c - keys, and two scripts: one counts and one takes back. */
#include "auth/auth_backoff.h"
#include <arpa/inet.h>
#include <string.h>
#include "auth/auth_device.h"
#include "base/hash.h"
#include "core/config.h"

#define KEY_MAX_BYTES 192
#define TEXT_MAX_BYTES (EMAIL_MAX_BYTES + 32)
#define NUMBER_MAX_BYTES 24
#define COUNT_RESULTS (3 + BACKOFF_KEYS)

static const struct kind_row {
	struct str name;
	int64_t shared_free;
} kinds[] = {
    [BACKOFF_PASSWORD] = {{"password", 8}, BACKOFF_SHARED_FREE},
    [BACKOFF_CODE] = {{"code", 4}, BACKOFF_FREE},
    [BACKOFF_MAIL] = {{"mail", 4}, BACKOFF_FREE},
    [BACKOFF_SELF] = {{"self", 4}, BACKOFF_SHARED_FREE},
    [BACKOFF_THING] = {{"thing", 5}, 0},
};

/* ---- keys ---- */

/* Hashed: Redis need not know whom somebody tried to be. */
static enum err account_of(struct req *rq, enum backoff_kind kind, struct str email, struct str *hex)
{
	unsigned char digest[32];
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, TEXT_MAX_BYTES);
	buf_add(&b, kinds[kind].name);
	buf_char(&b, '|');
	email_put(&b, email);
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, digest);
	buf_init(&b, rq->arena, 2 * sizeof digest);
	hex_put(&b, digest, sizeof digest);
	return buf_done(&b, hex);
}

/* `more` may be empty. */
static enum err key_add(
    struct req *rq, struct backoff *b, const char *what, struct str whom, struct str more, int64_t free)
{
	struct buf key;

	buf_init(&key, rq->arena, KEY_MAX_BYTES);
	buf_add(&key, S("-:backoff:"));
	buf_add(&key, str_from(what));
	buf_char(&key, ':');
	buf_add(&key, whom);
	if (more.n > 0) {
		buf_char(&key, ':');
		buf_add(&key, more);
	}
	b->free[b->n] = free;
	return buf_done(&key, &b->keys[b->n++]);
}

static enum err keys_of_stranger(struct req *rq, enum backoff_kind kind, struct str account, struct backoff *b)
{
	enum err e;

	b->whole = kind == BACKOFF_MAIL ? 1 : 2;
	if (kind != BACKOFF_MAIL && (e = key_add(rq, b, "near", account, rq->x->client_net, BACKOFF_FREE)))
		return e;
	if ((e = key_add(rq, b, "account", account, S(""), kinds[kind].shared_free)))
		return e;
	b->own = b->n;
	if (!config_bool(rq->app->config, CFG_rate_limits))
		return OK;
	return key_add(rq, b, "address", rq->x->client_net, S(""), BACKOFF_ADDRESS_FREE);
}

/* Each sign-in and each reset makes a device known: all of them together have no more tries than all strangers. */
static enum err key_of_devices(struct req *rq, enum backoff_kind kind, struct str account, struct backoff *b)
{
	return key_add(rq, b, "devices", account, S(""), kinds[kind].shared_free);
}

/* What one provider's customer may have many of: the /48 of an IPv6 network, the /24 of an IPv4 address. */
static enum err wide_net(struct req *rq, struct str *out)
{
	struct str net = rq->x->client_net;
	char room[INET6_ADDRSTRLEN], *text;
	struct in6_addr six;
	size_t dot = net.n;
	struct buf b;

	if (!str_find_char(net, ':', NULL)) {
		while (dot > 0 && net.p[dot - 1] != '.')
			dot--;
		*out = str_sub(net, 0, dot);
		return OK;
	}
	if (!(text = str_cstr(rq->arena, str_cut(&net, '/', NULL))))
		return ERR_MEMORY;
	if (inet_pton(AF_INET6, text, &six) != 1)
		return ERR_INTERNAL;
	memset(six.s6_addr + 6, 0, sizeof(six) - 6);
	if (!inet_ntop(AF_INET6, &six, room, sizeof(room)))
		return ERR_INTERNAL;
	buf_init(&b, rq->arena, sizeof(room) + 4);
	buf_add(&b, str_from(room));
	buf_add(&b, S("/48"));
	return buf_done(&b, out);
}

/* By the thing alone, and by a provider's network, with short pauses only: one who guesses would keep everybody from it. */
static enum err keys_of_thing(struct req *rq, struct str thing, struct backoff *b)
{
	struct str wide;
	enum err e;

	b->own = 1;
	b->most_s[1] = BACKOFF_WIDE_MAX_S;
	b->most_s[2] = BACKOFF_WHOLE_MAX_S;
	if ((e = wide_net(rq, &wide)) || (e = key_add(rq, b, "thing", thing, rq->x->client_net, BACKOFF_FREE)) ||
	    (e = key_add(rq, b, "thing_wide", thing, wide, BACKOFF_WIDE_FREE)) ||
	    (e = key_add(rq, b, "thing_whole", thing, S(""), BACKOFF_WHOLE_FREE)) ||
	    !config_bool(rq->app->config, CFG_rate_limits))
		return e;
	return key_add(rq, b, "things", rq->x->client_net, S(""), BACKOFF_ADDRESS_FREE);
}

static enum err keys_make(struct req *rq, enum backoff_kind kind, struct str email, struct backoff *b)
{
	struct str account, device = S("");
	enum err e;

	*b = (struct backoff){.kind = kind, .whole = 2};
	if (kind == BACKOFF_SELF) {
		b->own = 2;
		e = key_add(rq, b, "session", uuid_str(rq->arena, &rq->who.session_id), S(""), BACKOFF_FREE);
		return e ? e
			 : key_add(rq, b, "user", uuid_str(rq->arena, &rq->who.user_id), S(""), BACKOFF_SHARED_FREE);
	}
	if (kind == BACKOFF_THING)
		return keys_of_thing(rq, email, b);
	if ((e = account_of(rq, kind, email, &account)))
		return e;
	if (kind != BACKOFF_MAIL && (e = device_shown(rq, email, &device)))
		return e;
	if (device.n == 0)
		return keys_of_stranger(rq, kind, account, b);
	b->own = 1;
	if ((e = key_add(rq, b, "known", account, device, BACKOFF_FREE)))
		return e;
	return key_of_devices(rq, kind, account, b);
}

static struct str number(struct arena *a, int64_t n)
{
	struct str text = S("0");
	struct buf b;

	buf_init(&b, a, NUMBER_MAX_BYTES);
	buf_int(&b, n);
	return buf_done(&b, &text) ? S("0") : text;
}

/* ---- counting ---- */

/* ARGV: longest pause; when all is forgotten; how many of the keys are of this account; from which pause on its user is told; how many are free of each; the longest pause of each. */
static const char count_script[] =
    "local t = redis.call('TIME') "
    "local now, wait = t[1] * 1000 + math.floor(t[2] / 1000), 0 "
    "for _, key in ipairs(KEYS) do "
    "wait = math.max(wait, (tonumber(redis.call('HGET', key, 'until')) or 0) - now) end "
    "local r = {wait, 0, 0, 0, 0, 0, 0} "
    "if wait > 0 then return r end "
    "for i, key in ipairs(KEYS) do "
    "local n = redis.call('HINCRBY', key, 'n', 1) "
    "if i == tonumber(ARGV[3]) then r[7] = n end "
    "local over = n - ARGV[4 + i] "
    "if over >= 0 then "
    "local pause = math.min(2 ^ math.min(over, 20), tonumber(ARGV[1]), tonumber(ARGV[4 + #KEYS + i])) "
    "if i <= tonumber(ARGV[3]) and pause >= tonumber(ARGV[4]) then r[2] = 1 end "
    "r[2 + i] = now + 1000 * pause "
    "redis.call('HSET', key, 'until', string.format('%.0f', r[2 + i])) end "
    "redis.call('EXPIRE', key, ARGV[2]) end "
    "return r";
_Static_assert(COUNT_RESULTS == 7, "the script answers so many");

enum err backoff_begin(struct req *rq, enum backoff_kind kind, struct str email, struct backoff *b)
{
	struct str args[3 * BACKOFF_KEYS + 4];
	int64_t r[COUNT_RESULTS];
	size_t n;
	enum err e;

	if ((e = keys_make(rq, kind, email, b)))
		return e;
	for (n = 0; n < b->n; n++) {
		args[n] = b->keys[n];
		args[b->n + 4 + n] = number(rq->arena, b->free[n]);
		args[2 * b->n + 4 + n] = number(rq->arena, b->most_s[n] > 0 ? b->most_s[n] : BACKOFF_MAX_S);
	}
	args[n] = number(rq->arena, BACKOFF_MAX_S);
	args[n + 1] = number(rq->arena, BACKOFF_FORGET_S);
	args[n + 2] = number(rq->arena, (int64_t)b->whole);
	args[n + 3] = number(rq->arena, BACKOFF_TOLD_S);
	if ((e = redis_run(rq->app->redis, &(struct redis_script){count_script, args, n, 3 * n + 4}, r, COUNT_RESULTS)))
		return e;
	b->is_long = r[1] != 0;
	b->failures = r[COUNT_RESULTS - 1];
	for (size_t i = 0; i < BACKOFF_KEYS; i++)
		b->pauses[i] = r[2 + i];
	if (r[0] <= 0)
		return OK;
	rq->retry_after_s = (int)((r[0] + 999) / 1000);
	return req_fail(rq, ERR_RATE, NULL, "Too many attempts failed; wait before the next.");
}

/* Kept with the count that all of the account's attempts of this kind have, and goes with it. */
static const char tell_script[] = "if redis.call('EXISTS', KEYS[1]) == 0 then return {0} end "
				  "return {redis.call('HSETNX', KEYS[1], 'told', '1')}";

enum err backoff_tells(struct req *rq, const struct backoff *b, bool *tells)
{
	int64_t first = 0;
	enum err e = OK;

	if (b->is_long)
		e = redis_run(
		    rq->app->redis, &(struct redis_script){tell_script, &b->keys[b->whole - 1], 1, 1}, &first, 1);
	*tells = first != 0;
	return e;
}

/* ---- taking back ---- */

/* ARGV: how many of the keys are forgotten, which a success does and after which its user is told anew; for each the pause that this attempt began, which goes with it. */
static const char end_script[] =
    "for i, key in ipairs(KEYS) do "
    "if i <= tonumber(ARGV[1]) or redis.call('HINCRBY', key, 'n', -1) <= 0 then "
    "redis.call('DEL', key) else "
    "if redis.call('HGET', key, 'until') == ARGV[1 + i] then redis.call('HDEL', key, 'until') end "
    "if tonumber(ARGV[1]) > 0 then redis.call('HDEL', key, 'told') end end end "
    "return {1}";

static enum err take_back(struct req *rq, const struct backoff *b, size_t forgotten)
{
	struct str args[2 * BACKOFF_KEYS + 1];
	int64_t done;

	for (size_t i = 0; i < b->n; i++) {
		args[i] = b->keys[i];
		args[b->n + 1 + i] = number(rq->arena, b->pauses[i]);
	}
	args[b->n] = number(rq->arena, (int64_t)forgotten);
	return redis_run(rq->app->redis, &(struct redis_script){end_script, args, b->n, 2 * b->n + 1}, &done, 1);
}

enum err backoff_end(struct req *rq, const struct backoff *b, enum err e, enum err wrong)
{
	if (e == wrong)
		return e;
	if (!e)
		return take_back(rq, b, b->own);
	take_back(rq, b, 0);
	return e;
}

enum err backoff_forget(struct req *rq, struct str email)
{
	static const enum backoff_kind over[] = {BACKOFF_PASSWORD, BACKOFF_MAIL};
	struct str account;
	struct backoff b;
	enum err e;

	for (size_t i = 0; i < countof(over); i++) {
		b = (struct backoff){0};
		if ((e = account_of(rq, over[i], email, &account)) || (e = keys_of_stranger(rq, over[i], account, &b)))
			return e;
		b.n = b.own; /* what an address tried of others stays counted */
		if (over[i] == BACKOFF_PASSWORD) {
			if ((e = key_of_devices(rq, over[i], account, &b)))
				return e;
			b.own = b.n;
		}
		if ((e = take_back(rq, &b, b.own)))
			return e;
	}
	return OK;
}

enum err auth_guess_begin(struct req *rq, struct str what, struct backoff **out)
{
	*out = arena_new(rq->arena, struct backoff);
	return *out ? backoff_begin(rq, BACKOFF_THING, what, *out) : ERR_MEMORY;
}

enum err auth_guess_end(struct req *rq, const struct backoff *b, enum err e, enum err wrong)
{
	return backoff_end(rq, b, e, wrong);
}
