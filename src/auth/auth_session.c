#include "auth/auth_session.h"
#include <openssl/crypto.h>
#include "auth/auth_http.h"
#include "auth/auth_oidc.h"
#include "auth/auth_told.h"
#include "base/hash.h"
#include "base/shim.h"
#include "base/time.h"
#include "core/config.h"

#define REFRESH_PREFIX "ccr_"
#define SECRET_BYTES 32
#define REFRESH_TAG_BYTES 16
#define REFRESH_TEXT_MAX 160
#define KEY_MAX_BYTES 96
#define HASH_TEXT_BYTES 64
#define AGENT_MAX_BYTES 200
#define INFO_MAX_BYTES 2048

/* What stands in a refresh token, as bytes. */
struct refresh {
	struct uuid tenant_id, user_id, session_id;
	unsigned char secret[SECRET_BYTES];
};
_Static_assert(sizeof(struct refresh) == 80, "a refresh token has no holes");

struct session_keys {
	char session[KEY_MAX_BYTES], index[KEY_MAX_BYTES], prefix[KEY_MAX_BYTES], id[UUID_TEXT_BYTES];
	struct str s, i, p, sid;
};

static struct str key_make(char out[KEY_MAX_BYTES], const struct uuid *tenant, const char *kind, const struct uuid *id)
{
	size_t n = strlen(kind);

	uuid_text(tenant, out);
	mem_copy(out + UUID_TEXT_BYTES, kind, n);
	n += UUID_TEXT_BYTES;
	if (id == NULL)
		return str_make(out, n);
	uuid_text(id, out + n);
	return str_make(out, n + UUID_TEXT_BYTES);
}

static void keys_make(const struct login_session *s, struct session_keys *k)
{
	k->s = key_make(k->session, &s->tenant_id, ":session:", &s->id);
	k->i = key_make(k->index, &s->tenant_id, ":sessions:", &s->user_id);
	k->p = key_make(k->prefix, &s->tenant_id, ":session:", NULL);
	uuid_text(&s->id, k->id);
	k->sid = str_make(k->id, sizeof k->id);
}

static struct str int_text(char out[24], int64_t v)
{
	return str_make(out, (size_t)snprintf(out, 24, "%lld", (long long)v));
}

/* ---- tokens ---- */

/* Ids stand in the log, so a token whose ids are right proves nothing: without our tag it is nobody's, and no sign of one that was stolen. */
static enum err refresh_tag(const struct auth *auth, const struct refresh *t, unsigned char tag[TOKEN_MAC_BYTES])
{
	return token_mac(auth->key, S("refresh tag"), str_make((const char *)t, sizeof *t), tag);
}

static enum err refresh_print(const struct auth *auth, const struct refresh *t, struct arena *a, struct str *text)
{
	unsigned char bytes[sizeof *t + REFRESH_TAG_BYTES], tag[TOKEN_MAC_BYTES];
	struct buf b;
	enum err e;

	if ((e = refresh_tag(auth, t, tag)))
		return e;
	mem_copy(bytes, t, sizeof *t);
	mem_copy(bytes + sizeof *t, tag, REFRESH_TAG_BYTES);
	buf_init(&b, a, REFRESH_TEXT_MAX);
	buf_add(&b, S(REFRESH_PREFIX));
	base64url_put(&b, bytes, sizeof bytes);
	return buf_done(&b, text);
}

static enum err refresh_read(const struct auth *auth, struct str text, struct arena *a, struct refresh *out)
{
	unsigned char tag[TOKEN_MAC_BYTES];
	struct str bytes;
	enum err e;

	if (text.n > REFRESH_TEXT_MAX || !str_starts(text, S(REFRESH_PREFIX)) ||
	    base64url_read(a, str_sub(text, sizeof REFRESH_PREFIX - 1, text.n), &bytes) ||
	    bytes.n != sizeof *out + REFRESH_TAG_BYTES)
		return ERR_UNAUTHENTICATED;
	mem_copy(out, bytes.p, sizeof *out);
	if ((e = refresh_tag(auth, out, tag)))
		return e;
	return CRYPTO_memcmp(tag, bytes.p + sizeof *out, REFRESH_TAG_BYTES) == 0 ? OK : ERR_UNAUTHENTICATED;
}

enum err login_session_of(const struct auth *auth, struct str refresh, struct arena *a, struct login_session *s)
{
	struct refresh token;
	enum err e;

	if ((e = refresh_read(auth, refresh, a, &token)))
		return e;
	*s = (struct login_session){token.tenant_id, token.user_id, token.session_id};
	return OK;
}

static enum err refresh_hash(const struct refresh *t, struct arena *a, struct str *hex)
{
	unsigned char digest[32];
	struct buf b;

	sha256_of(str_make((const char *)t, sizeof *t), digest);
	buf_init(&b, a, HASH_TEXT_BYTES);
	hex_put(&b, digest, sizeof digest);
	return buf_done(&b, hex);
}

static enum err refresh_next(const struct auth *auth, const struct refresh *t, struct refresh *next)
{
	*next = *t;
	return token_mac(auth->key, S("refresh"), str_make((const char *)t, sizeof *t), next->secret);
}

enum err login_session_guard(const struct auth *auth, const struct login_session *s, struct arena *a, struct str *guard)
{
	unsigned char mac[TOKEN_MAC_BYTES];
	struct buf b;
	enum err e;

	if ((e = token_mac(auth->key, S("forgery"), str_make((const char *)s, sizeof *s), mac)))
		return e;
	buf_init(&b, a, 64);
	base64url_put(&b, mac, sizeof mac);
	return buf_done(&b, guard);
}

/* ---- beginning ---- */

static struct str now_text(struct arena *a)
{
	char text[TIME_TEXT_BYTES];

	time_text(clock_now_ms(), text);
	return str_dup(a, str_make(text, sizeof text));
}

/* Its plain characters: a header may hold any bytes. */
static struct str agent_text(struct req *rq)
{
	struct str raw = str_sub(req_header(rq, S("User-Agent")), 0, AGENT_MAX_BYTES), text = S("");
	struct buf b;

	buf_init(&b, rq->arena, AGENT_MAX_BYTES);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] >= ' ' && raw.p[i] <= '~')
			buf_char(&b, raw.p[i]);
	}
	return buf_done(&b, &text) ? S("") : text;
}

/* The object that the list shows, without its last members and its bracket: the script adds those. */
static enum err info_print(struct req *rq, const struct login_session *s, struct str *info)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, INFO_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("id"), uuid_str(rq->arena, &s->id));
	json_field_str(&w, S("created_at"), now_text(rq->arena));
	json_field_str(&w, S("address"), rq->x->client);
	json_field_str(&w, S("user_agent"), agent_text(rq));
	return buf_done(&b, info);
}

/* KEYS: session, index, and when it takes the place of another that one's session and index. ARGV: hash, info, now as text, idle and max in
 * seconds, id, prefix, how many there may be, provider's id or nothing, the other's id. 0: the other had ended. Who goes on from another ends when that
 * would have: nobody stays in for good by going to and fro. */
static const char begin_script[] =
    "local stop = math.huge "
    "if KEYS[3] then "
    "stop = tonumber(redis.call('HGET', KEYS[3], 'end') or 0) "
    "if redis.call('DEL', KEYS[3]) == 0 then return {0} end "
    "redis.call('ZREM', KEYS[4], ARGV[10]) end "
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "local idle, max = tonumber(ARGV[4]), tonumber(ARGV[5]) "
    "stop = math.min(stop, now + max * 1000) "
    "redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'info', ARGV[2], 'used', ARGV[3], 'provider', ARGV[9], "
    "'end', string.format('%.0f', stop)) "
    "redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.min(idle * 1000, stop - now)))) "
    "redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[6]) "
    "redis.call('EXPIRE', KEYS[2], max) "
    "for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[8])) do "
    "redis.call('DEL', ARGV[7] .. id) redis.call('ZREM', KEYS[2], id) end "
    "return {1}";

enum err login_session_begin(
    struct req *rq, struct login_session *s, const struct login_start *how, struct str *refresh)
{
	const struct auth *auth = rq->app->auth;
	const struct login_session *old = how->instead_of;
	char idle[24], max[24], most[24];
	struct session_keys k, o = {0};
	struct refresh token;
	struct str hash, info;
	int64_t done;
	enum err e;

	s->id = uuid_new();
	token = (struct refresh){.tenant_id = s->tenant_id, .user_id = s->user_id, .session_id = s->id};
	random_bytes(token.secret, sizeof token.secret);
	keys_make(s, &k);
	if (old != NULL)
		keys_make(old, &o);
	if ((e = refresh_print(auth, &token, rq->arena, refresh)) || (e = refresh_hash(&token, rq->arena, &hash)) ||
	    (e = info_print(rq, s, &info)))
		return e;
	struct str args[14] = {k.s, k.i, o.s, o.i};
	size_t n = old != NULL ? 4 : 2, keys = n;

	args[n++] = hash;
	args[n++] = info;
	args[n++] = now_text(rq->arena);
	args[n++] = int_text(idle, config_int(rq->app->config, CFG_session_idle_s));
	args[n++] = int_text(max, config_int(rq->app->config, CFG_session_max_s));
	args[n++] = k.sid;
	args[n++] = k.p;
	args[n++] = int_text(most, SESSIONS_MAX);
	args[n++] = how->provider != NULL ? uuid_str(rq->arena, how->provider) : S("");
	args[n++] = o.sid;
	if ((e = redis_run(auth->app->redis, &(struct redis_script){begin_script, args, keys, n}, &done, 1)))
		return e;
	if (old != NULL)
		auth_session_drop(auth->cache, &old->id);
	return done ? OK : ERR_UNAUTHENTICATED;
}

/* ---- renewing ---- */

enum renewed { RENEWED_GONE, RENEWED, RENEWED_AGAIN, RENEWED_REUSED };

/* KEYS: session, index. ARGV: hash of the token shown, of its successor, now as text, idle in seconds, retry window in ms, id. */
static const char renew_script[] =
    "local s = redis.call('HMGET', KEYS[1], 'hash', 'last', 'at', 'end') "
    "if not s[1] then return {0} end "
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "if s[1] == ARGV[1] then "
    "redis.call('HSET', KEYS[1], 'hash', ARGV[2], 'last', ARGV[1], 'at', string.format('%.0f', now), 'used', ARGV[3]) "
    "redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.min(ARGV[4] * 1000, s[4] - now)))) "
    "return {1} end "
    "if s[2] == ARGV[1] and s[1] == ARGV[2] and now - s[3] <= tonumber(ARGV[5]) then return {2} end "
    "redis.call('DEL', KEYS[1]) redis.call('ZREM', KEYS[2], ARGV[6]) "
    "return {3}";

enum err login_session_renew(struct req *rq, struct str refresh, struct login_session *s, struct str *next)
{
	struct auth *auth = rq->app->auth;
	struct refresh token, successor;
	char idle[24], window[24];
	struct session_keys k;
	struct str hash, next_hash;
	int64_t how;
	enum err e;

	if ((e = refresh_read(auth, refresh, rq->arena, &token)))
		return e;
	*s = (struct login_session){token.tenant_id, token.user_id, token.session_id};
	keys_make(s, &k);
	if ((e = refresh_next(auth, &token, &successor)) || (e = refresh_hash(&token, rq->arena, &hash)) ||
	    (e = refresh_hash(&successor, rq->arena, &next_hash)) ||
	    (e = refresh_print(auth, &successor, rq->arena, next)))
		return e;
	const struct str args[] = {k.s, k.i, hash, next_hash, now_text(rq->arena),
	    int_text(idle, config_int(rq->app->config, CFG_session_idle_s)), int_text(window, SESSION_RETRY_MS), k.sid};

	if ((e = redis_run(auth->app->redis, &(struct redis_script){renew_script, args, 2, countof(args)}, &how, 1)))
		return e;
	if (how == RENEWED_REUSED) {
		auth_session_drop(auth->cache, &s->id);
		told_ended(rq, s, "reuse"); /* refused whether or not it could be told */
	}
	return how == RENEWED || how == RENEWED_AGAIN ? OK : ERR_UNAUTHENTICATED;
}

/* A session that is gone must not look like one without a provider, which is good for more. KEYS: session. */
static const char provider_script[] = "if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end "
				      "return redis.call('HGET', KEYS[1], 'provider') or ''";

enum err login_session_provider(
    struct auth *auth, const struct login_session *s, struct arena *a, struct uuid *provider)
{
	char key[KEY_MAX_BYTES];
	const struct str args[] = {key_make(key, &s->tenant_id, ":session:", &s->id)};
	struct str text;
	enum err e;

	*provider = (struct uuid){0};
	if ((e = redis_run_text(auth->app->redis, &(struct redis_script){provider_script, args, 1, 1}, a, &text)))
		return e;
	return text.n == 0 || uuid_read(text, provider) ? OK : ERR_UNAUTHENTICATED;
}

/* ---- looking, ending ---- */

/* A session ends when the provider that began it was turned off or removed. */
static enum err provider_alive(struct req *rq, const struct login_session *s, bool *factor)
{
	struct auth *auth = rq->app->auth;
	struct uuid provider;
	enum err e;

	if ((e = login_session_provider(auth, s, rq->arena, &provider)) || uuid_is_nil(&provider))
		return e;
	e = oidc_provider_live(rq, &s->tenant_id, &provider, factor);
	if (e == ERR_UNAUTHENTICATED)
		login_session_end(auth, s);
	return e;
}

enum err login_session_alive(struct req *rq, const struct token_claims *claims, bool *factor)
{
	const struct login_session s = {claims->tenant_id, claims->user_id, claims->session_id};
	struct auth *auth = rq->app->auth;
	bool seen = auth_session_seen(auth->cache, &s.id, factor);
	char key[KEY_MAX_BYTES];
	const struct str args[] = {key_make(key, &s.tenant_id, ":session:", &s.id)};
	int64_t there;
	enum err e;

	if (seen && rq->route->method == HTTP_GET)
		return OK;
	e = redis_run(
	    auth->app->redis, &(struct redis_script){"return {redis.call('EXISTS', KEYS[1])}", args, 1, 1}, &there, 1);
	if (e == ERR_UNAVAILABLE)
		return OK;
	if (e)
		return e;
	if (!there) {
		auth_session_drop(auth->cache, &s.id);
		return ERR_UNAUTHENTICATED;
	}
	if (seen)
		return OK;
	if (claims->by_provider && (e = provider_alive(rq, &s, factor)))
		return e;
	auth_session_keep(auth->cache, &s.id, *factor);
	return OK;
}

/* Only the user's own: the index says whose it is. KEYS: session, index. ARGV: id. */
static const char end_script[] = "if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return {0} end "
				 "return {redis.call('DEL', KEYS[1])}";

enum err login_session_end(struct auth *auth, const struct login_session *s)
{
	struct session_keys k;
	int64_t ended;
	enum err e;

	keys_make(s, &k);
	const struct str args[] = {k.s, k.i, k.sid};

	if ((e = redis_run(auth->app->redis, &(struct redis_script){end_script, args, 2, countof(args)}, &ended, 1)))
		return e;
	if (!ended)
		return ERR_NOT_FOUND;
	auth_session_drop(auth->cache, &s->id);
	return OK;
}

/* KEYS: indexes, each of which begins with its tenant's id. ARGV: id of the one that stays. */
static const char end_all_script[] =
    "local all = {} for _, index in ipairs(KEYS) do "
    "for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do if id ~= ARGV[1] then "
    "redis.call('DEL', string.sub(index, 1, 36) .. ':session:' .. id) redis.call('ZREM', index, id) end "
    "all[#all + 1] = id end end "
    "return table.concat(all, ' ')";

/* The one that stays is forgotten too, which costs it one look. */
static enum err end_indexes(struct req *rq, const struct str *args, size_t keys)
{
	const struct redis_script script = {end_all_script, args, keys, keys + 1};
	struct auth *auth = rq->app->auth;
	bool more = true;
	struct uuid id;
	struct str ids;
	enum err e;

	if ((e = redis_run_text(auth->app->redis, &script, rq->arena, &ids)))
		return e;
	while (more) {
		if (uuid_read(str_cut(&ids, ' ', &more), &id))
			auth_session_drop(auth->cache, &id);
	}
	return OK;
}

enum err login_session_end_rows(
    struct req *rq, const struct login_session *stays, const struct login_row *rows, size_t n)
{
	enum err e;

	for (size_t i = 0; i < n;) {
		char keys[SESSION_TENANTS_MAX][KEY_MAX_BYTES], id[UUID_TEXT_BYTES];
		struct str args[SESSION_TENANTS_MAX + 1];
		size_t k = 0;

		for (; i < n && k < SESSION_TENANTS_MAX; i++, k++)
			args[k] = key_make(keys[k], &rows[i].tenant_id, ":sessions:", &stays->user_id);
		uuid_text(&stays->id, id);
		args[k] = str_make(id, sizeof id);
		if ((e = end_indexes(rq, args, k)))
			return e;
	}
	return OK;
}

enum err login_session_end_all(struct req *rq, const struct uuid *tenant, const struct uuid *user)
{
	const struct login_session none = {.tenant_id = *tenant, .user_id = *user};

	return login_session_end_others(rq, &none);
}

enum err login_session_end_others(struct req *rq, const struct login_session *s)
{
	struct session_keys k;

	keys_make(s, &k);
	return end_indexes(rq, (const struct str[]){k.i, k.sid}, 1);
}

/* KEYS: index. ARGV: prefix, id of the one that asks. Sessions that ran out leave the index here. */
static const char list_script[] = "local out = {} "
				  "for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do "
				  "local s = redis.call('HMGET', ARGV[1] .. id, 'info', 'used') "
				  "if s[1] then out[#out + 1] = s[1] .. ',\"last_used_at\":\"' .. s[2] .. "
				  "'\",\"current\":' .. tostring(id == ARGV[2]) .. '}' "
				  "else redis.call('ZREM', KEYS[1], id) end end "
				  "return '{\"items\":[' .. table.concat(out, ',') .. ']}'";

enum err login_session_list(struct auth *auth, const struct login_session *s, struct arena *a, struct str *json)
{
	struct session_keys k;

	keys_make(s, &k);
	const struct str args[] = {k.i, k.p, k.sid};

	return redis_run_text(auth->app->redis, &(struct redis_script){list_script, args, 1, countof(args)}, a, json);
}
