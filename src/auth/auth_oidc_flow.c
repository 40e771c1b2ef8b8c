#include "auth/auth_oidc_flow.h"
#include "auth/auth_state.h"
#include "base/hash.h"
#include "base/shim.h"
#include "vault/vault.h"

#define COOKIE "__Host-collect_oidc"
#define COOKIE_REST "; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=900"
#define SECRET_BYTES 32
#define SECRET_TEXT_BYTES 43
#define KEY_MAX_BYTES 160
#define HEX_BYTES 64
#define RECORD_MAX_BYTES (8 * KB)
#define BACK_MAX_BYTES 1000

struct token {
	struct uuid tenant_id;
	unsigned char secret[SECRET_BYTES];
};
_Static_assert(sizeof(struct token) == 48, "a token has no holes");

static const struct json_limits record_limits = {2, 16, 32, 20};

static enum err hash_of(struct arena *a, struct str text, struct str *hex)
{
	unsigned char digest[32];
	struct buf b;

	sha256_of(text, digest);
	buf_init(&b, a, HEX_BYTES);
	hex_put(&b, digest, sizeof digest);
	return buf_done(&b, hex);
}

enum err oidc_random(struct arena *a, struct str *text)
{
	unsigned char bytes[SECRET_BYTES];
	struct buf b;

	random_bytes(bytes, sizeof bytes);
	buf_init(&b, a, HEX_BYTES);
	base64url_put(&b, bytes, sizeof bytes);
	return buf_done(&b, text);
}

/* ---- the browser ---- */

static struct str browser_cookie(struct req *rq)
{
	struct str value = auth_cookie(rq, S(COOKIE)), bytes;

	if (value.n != SECRET_TEXT_BYTES || base64url_read(rq->arena, value, &bytes))
		return S("");
	return value;
}

/* A browser keeps its cookie while it has one: two sign-ins in two of its windows do not end each other. */
static enum err browser_make(struct req *rq, struct str *hash)
{
	struct str value = browser_cookie(rq), header;
	struct buf b;
	enum err e;

	if (value.n == 0 && (e = oidc_random(rq->arena, &value)))
		return e;
	buf_init(&b, rq->arena, 256);
	buf_add(&b, S(COOKIE "="));
	buf_add(&b, value);
	buf_add(&b, S(COOKIE_REST));
	if ((e = buf_done(&b, &header)))
		return e;
	reply_header(rq, S("Set-Cookie"), header);
	return hash_of(rq->arena, value, hash);
}

static bool browser_is(struct req *rq, struct str hash)
{
	struct str value = browser_cookie(rq), own;

	return value.n > 0 && !hash_of(rq->arena, value, &own) && secret_eq(own, hash);
}

/* ---- records ---- */

static enum err key_of(struct req *rq, const char *kind, const struct uuid *tenant, struct str text, struct str *key)
{
	struct str hex;
	struct buf b;
	enum err e;

	if ((e = hash_of(rq->arena, text, &hex)))
		return e;
	buf_init(&b, rq->arena, KEY_MAX_BYTES);
	buf_add(&b, uuid_str(rq->arena, tenant));
	buf_char(&b, ':');
	buf_add(&b, str_from(kind));
	buf_char(&b, ':');
	buf_add(&b, hex);
	return buf_done(&b, key);
}

static enum err record_print(struct req *rq, const struct oidc_flow *f, struct str browser, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, RECORD_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("browser"), browser);
	json_field_str(&w, S("provider"), uuid_str(rq->arena, &f->provider_id));
	json_field_str(&w, S("nonce"), f->nonce);
	json_field_str(&w, S("verifier"), f->verifier);
	json_field_str(&w, S("back"), f->back);
	json_field_str(&w, S("subject"), f->subject);
	json_field_str(&w, S("email"), f->email);
	json_field_str(&w, S("name"), f->name);
	json_close(&w, '}');
	return buf_done(&b, json);
}

enum err oidc_flow_keep(struct req *rq, const char *kind, const struct oidc_flow *flow, struct str *text)
{
	struct token t = {.tenant_id = flow->tenant_id};
	struct str browser, key, json, sealed;
	struct buf b;
	enum err e;

	random_bytes(t.secret, sizeof t.secret);
	buf_init(&b, rq->arena, HEX_BYTES);
	base64url_put(&b, (const unsigned char *)&t, sizeof t);
	if ((e = buf_done(&b, text)) || (e = browser_make(rq, &browser)) ||
	    (e = key_of(rq, kind, &t.tenant_id, *text, &key)) || (e = record_print(rq, flow, browser, &json)) ||
	    (e = vault_token_seal(rq->app->vault, key, json, rq->arena, &sealed)))
		return e;
	return redis_set(rq->app->redis, key, sealed, OIDC_FLOW_S);
}

static const char take_script[] =
    "local v = redis.call('GET', KEYS[1]) if ARGV[1] == '0' then redis.call('DEL', KEYS[1]) end return v or ''";

enum err oidc_flow_take(struct req *rq, const char *kind, struct str text, bool look, struct oidc_flow *out)
{
	struct str bytes, args[2] = {S(""), look ? S("1") : S("0")}, record;
	struct json_error why;
	struct json *doc;
	enum err e;

	*out = (struct oidc_flow){0};
	if (base64url_read(rq->arena, text, &bytes) || bytes.n != sizeof(struct token))
		return ERR_NOT_FOUND;
	mem_copy(&out->tenant_id, bytes.p, sizeof out->tenant_id);
	if ((e = key_of(rq, kind, &out->tenant_id, text, &args[0])) ||
	    (e = redis_run_text(
		 rq->app->redis, &(struct redis_script){take_script, args, 1, countof(args)}, rq->arena, &record)))
		return e;
	if (record.n == 0)
		return ERR_NOT_FOUND;
	if (vault_token_open(rq->app->vault, args[0], record, rq->arena, &record) ||
	    json_read(rq->arena, record, &record_limits, &doc, &why) ||
	    !uuid_read(json_str_or(doc, S("provider"), S("")), &out->provider_id))
		return ERR_INTERNAL;
	out->nonce = json_str_or(doc, S("nonce"), S(""));
	out->verifier = json_str_or(doc, S("verifier"), S(""));
	out->back = json_str_or(doc, S("back"), S("/"));
	out->subject = json_str_or(doc, S("subject"), S(""));
	out->email = json_str_or(doc, S("email"), S(""));
	out->name = json_str_or(doc, S("name"), S(""));
	return browser_is(rq, json_str_or(doc, S("browser"), S(""))) ? OK : ERR_NOT_FOUND;
}

/* Browsers read "//host" and "/\host" as another server, and leave out tabs and line ends before they look. */
bool oidc_back_fits(struct str path)
{
	if (path.n == 0 || path.n > BACK_MAX_BYTES || path.p[0] != '/' || (path.n > 1 && path.p[1] == '/'))
		return false;
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] <= ' ' || path.p[i] > '~' || str_find_char(S("\"#<>\\"), path.p[i], NULL))
			return false;
	}
	return true;
}
