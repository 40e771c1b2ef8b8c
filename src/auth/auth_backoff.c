#include "auth/auth_backoff.h"
#include "base/hash.h"
#include "core/config.h"

#define KEY_MAX_BYTES 160
#define KEYS 2

/* The address is hashed: Redis need not know whom somebody tried to be. */
static enum err keys_make(struct req *rq, struct str account, struct str keys[KEYS])
{
	char *lower = arena_alloc(rq->arena, account.n + 1);
	unsigned char digest[32];
	struct buf b;
	enum err e;

	if (lower == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < account.n; i++)
		lower[i] = (char)(account.p[i] >= 'A' && account.p[i] <= 'Z' ? account.p[i] + 32 : account.p[i]);
	sha256_of(str_make(lower, account.n), digest);
	buf_init(&b, rq->arena, KEY_MAX_BYTES);
	buf_add(&b, S("-:backoff:account:"));
	hex_put(&b, digest, sizeof digest);
	if ((e = buf_done(&b, &keys[0])))
		return e;
	buf_init(&b, rq->arena, KEY_MAX_BYTES);
	buf_add(&b, S("-:backoff:address:"));
	buf_add(&b, rq->x->client_net);
	return buf_done(&b, &keys[1]);
}

/* The second key counts only while rate limits are on. */
static size_t key_count(const struct req *rq)
{
	return config_bool(rq->app->config, CFG_rate_limits) ? KEYS : 1;
}

static const char wait_script[] = "local t = redis.call('TIME') "
				  "local now, wait = t[1] * 1000 + math.floor(t[2] / 1000), 0 "
				  "for _, key in ipairs(KEYS) do "
				  "wait = math.max(wait, (tonumber(redis.call('HGET', key, 'until')) or 0) - now) end "
				  "return {wait}";

enum err backoff_wait(struct req *rq, struct str account)
{
	struct str keys[KEYS];
	int64_t wait_ms;
	enum err e;

	if ((e = keys_make(rq, account, keys)))
		return e;
	const struct redis_script script = {wait_script, keys, key_count(rq), key_count(rq)};

	if ((e = redis_run(rq->app->redis, &script, &wait_ms, 1)))
		return e;
	if (wait_ms <= 0)
		return OK;
	rq->retry_after_s = (int)((wait_ms + 999) / 1000);
	return req_fail(rq, ERR_RATE, NULL, "Too many attempts failed; wait before the next.");
}

/* ARGV: how many are free, a number for each key; longest pause; when all is forgotten. */
static const char failed_script[] = "local t = redis.call('TIME') "
				    "local now, count = t[1] * 1000 + math.floor(t[2] / 1000), nil "
				    "for i, key in ipairs(KEYS) do "
				    "local n = redis.call('HINCRBY', key, 'n', 1) "
				    "count = count or n "
				    "local over = n - ARGV[i] "
				    "if over >= 0 then redis.call('HSET', key, 'until', string.format('%.0f', now + "
				    "1000 * math.min(2 ^ math.min(over, 20), tonumber(ARGV[3])))) end "
				    "redis.call('EXPIRE', key, ARGV[4]) end "
				    "return {count}";

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) S(#number)

enum err backoff_failed(struct req *rq, struct str account)
{
	int64_t failures;

	return backoff_count(rq, account, &failures);
}

enum err backoff_count(struct req *rq, struct str account, int64_t *failures)
{
	struct str keys[KEYS], args[KEYS + 4];
	size_t n = key_count(rq);
	enum err e;

	if ((e = keys_make(rq, account, keys)))
		return e;
	for (size_t i = 0; i < n; i++)
		args[i] = keys[i];
	args[n] = TEXT_OF(BACKOFF_ACCOUNT_FREE);
	args[n + 1] = TEXT_OF(BACKOFF_ADDRESS_FREE);
	args[n + 2] = TEXT_OF(BACKOFF_MAX_S);
	args[n + 3] = TEXT_OF(BACKOFF_FORGET_S);
	return redis_run(rq->app->redis, &(struct redis_script){failed_script, args, n, n + 4}, failures, 1);
}

enum err backoff_clear(struct req *rq, struct str account)
{
	struct str keys[KEYS];
	enum err e;

	if ((e = keys_make(rq, account, keys)))
		return e;
	return redis_del(rq->app->redis, keys[0]);
}
