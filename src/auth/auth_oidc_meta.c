/* auth_oidc_meta.c - what a provider publishes, and what it gives for a code: all calls to it. Texts of a provider never reach a person. */
#include "auth/auth_oidc.h"
#include <openssl/evp.h>
#include "auth/auth_oidc_calls.h"
#include "auth/auth_state.h"
#include "base/hash.h"
#include "base/shim.h"
#include "base/utf8.h"
#include "core/cache.h"
#include "io/log.h"

#define KEY_MAX_BYTES 160
#define URL_MAX_BYTES 2048
#define FORM_MAX_BYTES (32 * KB)
#define DETAIL_MAX_BYTES 500
#define DOWN_MS 2000

static const struct json_limits meta_limits = {10, 500, 5000, 40};

/* ---- calls under way ---- */

void oidc_calls_init(struct oidc_calls *c)
{
	pthread_mutex_init(&c->mutex, NULL);
}

void oidc_calls_free(struct oidc_calls *c)
{
	pthread_mutex_destroy(&c->mutex);
}

enum err oidc_call_begin(struct oidc_calls *c, const struct uuid *tenant, size_t *slot)
{
	size_t free_slot = OIDC_CALLS_MAX, own = 0;
	enum err e = ERR_BUSY;

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < OIDC_CALLS_MAX; i++) {
		if (uuid_is_nil(&c->tenants[i]))
			free_slot = i;
		own += uuid_eq(&c->tenants[i], tenant);
	}
	if (free_slot < OIDC_CALLS_MAX && own < OIDC_CALLS_OF_TENANT) {
		c->tenants[free_slot] = *tenant;
		*slot = free_slot;
		e = OK;
	}
	pthread_mutex_unlock(&c->mutex);
	return e;
}

void oidc_call_end(struct oidc_calls *c, size_t slot)
{
	pthread_mutex_lock(&c->mutex);
	c->tenants[slot] = (struct uuid){0};
	pthread_mutex_unlock(&c->mutex);
}

/* ---- one call ---- */

/* The sentence is ours; the code is for the operator's log. */
static enum err provider_fails(struct req *rq, const struct oidc_provider *p, struct str code, const char *why)
{
	struct log_field fields[] = {LF_STR(COMPONENT, S("oidc")), LF_STR(CODE, code),
	    LF_STR(TENANT, uuid_str(rq->arena, &p->tenant_id)), LF_STR(REQUEST_ID, rq->request_id)};
	struct str text = S("");
	struct buf b;

	log_event(rq->app->log, LOG_WARN, "identity_provider", fields, countof(fields));
	buf_init(&b, rq->arena, DETAIL_MAX_BYTES);
	buf_add(&b, S("The identity provider does not answer as it should. "));
	buf_add(&b, str_from(why));
	return buf_done(&b, &text) ? ERR_MEMORY : req_fail_str(rq, ERR_UNAVAILABLE, S(""), S(""), text);
}

static enum err call(struct req *rq, const struct oidc_provider *p, struct egress_request *request, struct arena *a,
    struct egress_reply *reply)
{
	struct auth *auth = rq->app->auth;
	size_t slot;
	enum err e;

	if ((e = oidc_call_begin(&auth->calls, &p->tenant_id, &slot)))
		return req_fail(rq, e, NULL, "Many people are signing in just now; try again shortly.");
	request->timeout_ms = OIDC_TIMEOUT_MS;
	e = egress_send(rq->app->egress, a, request, reply);
	oidc_call_end(&auth->calls, slot);
	if (e)
		return provider_fails(rq, p, str_from(egress_slug(reply->outcome)), egress_sentence(reply->outcome));
	if (reply->cut)
		return provider_fails(rq, p, S("large"), "Its answer is too large.");
	return OK;
}

static bool reads(struct arena *a, struct str text, struct json **out)
{
	struct json_error why;

	return !json_read(a, text, &meta_limits, out, &why) && (*out)->type == JSON_OBJECT;
}

/* ---- discovery and keys, remembered ---- */

/* The object of an entry: the text, which whoever uses it reads once more into his own arena. */
static enum err text_make(struct arena *a, struct str bytes, void **object)
{
	struct str *text = arena_new(a, struct str);

	if (text == NULL)
		return ERR_MEMORY;
	*text = bytes;
	*object = text;
	return OK;
}

/* In this process only: who could write to Redis would otherwise choose a provider's keys. */
static const struct cache_kind meta_kind = {"oidc_meta", OIDC_META_AGE_MS, 0, text_make},
			       keys_kind = {"oidc_keys", OIDC_META_AGE_MS, 0, text_make},
			       pause_kind = {"oidc_pause", OIDC_KEYS_PAUSE_MS, 0, text_make},
			       down_kind = {"oidc_down", DOWN_MS, 0, text_make};

struct source {
	struct req *rq;
	const struct oidc_provider *p;
	struct str url, key;
};

/* A change of the row makes other entries. */
static enum err key_of(struct req *rq, const struct oidc_provider *p, struct str *key)
{
	struct buf b;

	buf_init(&b, rq->arena, KEY_MAX_BYTES);
	buf_add(&b, uuid_str(rq->arena, &p->tenant_id));
	buf_char(&b, ':');
	buf_add(&b, uuid_str(rq->arena, &p->id));
	buf_char(&b, ':');
	buf_int(&b, p->version);
	return buf_done(&b, key);
}

static enum err load_mark(void *ctx, struct arena *a, struct str *bytes)
{
	(void)ctx;
	(void)a;
	*bytes = S("1");
	return OK;
}

/* Remembers `kind` for as long as it lives. */
static void mark(struct req *rq, const struct cache_kind *kind, struct str key)
{
	struct cache_entry *entry;

	if (!cache_get(rq->app->cache, kind, key, rq->arena, load_mark, NULL, &entry))
		cache_release(rq->app->cache, entry);
}

static bool marked(struct req *rq, const struct cache_kind *kind, struct str key)
{
	struct cache_entry *entry = cache_peek(rq->app->cache, kind, key);

	if (entry != NULL)
		cache_release(rq->app->cache, entry);
	return entry != NULL;
}

static enum err load_document(void *ctx, struct arena *a, struct str *bytes)
{
	static const struct egress_header headers[] = {{{"Accept", 6}, {"application/json", 16}}};
	struct source *s = ctx;
	struct egress_request request = {
	    .method = EGRESS_GET, .url = s->url, .headers = headers, .header_count = countof(headers)};
	struct egress_reply reply;
	struct json *doc;
	enum err e;

	if (marked(s->rq, &down_kind, s->key))
		return req_fail(s->rq, ERR_UNAVAILABLE, NULL,
		    "The identity provider did not answer as it should a moment ago; try again shortly.");
	e = call(s->rq, s->p, &request, a, &reply);
	if (!e && reply.status != 200)
		e = provider_fails(s->rq, s->p, S("status"), "What it should publish is not there.");
	if (!e && !reads(a, reply.body, &doc))
		e = provider_fails(s->rq, s->p, S("json"), "What it publishes is no JSON object.");
	if (e == ERR_UNAVAILABLE)
		mark(s->rq, &down_kind, s->key);
	*bytes = reply.body;
	return e;
}

static enum err document(struct req *rq, const struct cache_kind *kind, struct source *s, struct json **out)
{
	struct cache *cache = rq->app->cache;
	struct cache_entry *entry;
	const struct str *text;
	struct str own;
	enum err e;

	if ((e = cache_get(cache, kind, s->key, rq->arena, load_document, s, &entry)))
		return e;
	text = cache_object(entry);
	own = str_dup(rq->arena, *text);
	cache_release(cache, entry);
	return own.p != NULL && reads(rq->arena, own, out) ? OK : ERR_MEMORY;
}

/* Endpoints are anywhere the provider says, within what calls out may reach; "" when it has none. */
static bool endpoint_of(struct req *rq, const struct json *doc, struct str name, struct str *out)
{
	struct egress_target target;
	struct str url = json_str_or(doc, name, S(""));

	*out = S("");
	if (url.n == 0)
		return true;
	if (url.n > URL_MAX_BYTES || egress_check(rq->app->egress, rq->arena, url, &target))
		return false;
	*out = target.url;
	return true;
}

static bool lists(const struct json *doc, struct str name, struct str item)
{
	const struct json *list = json_get(doc, name);

	if (list == NULL || list->type != JSON_ARRAY)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].type == JSON_STR && str_eq(list->items[i].s, item))
			return true;
	}
	return false;
}

enum err oidc_meta_get(struct req *rq, const struct oidc_provider *p, struct oidc_meta *out)
{
	const struct str methods = S("token_endpoint_auth_methods_supported");
	struct source s = {.rq = rq, .p = p};
	struct str issuer = p->issuer;
	const struct json *says;
	struct json *doc;
	struct buf b;
	enum err e;

	while (str_ends(issuer, S("/")))
		issuer.n--;
	buf_init(&b, rq->arena, URL_MAX_BYTES);
	buf_add(&b, issuer);
	buf_add(&b, S("/.well-known/openid-configuration"));
	if ((e = buf_done(&b, &s.url)) || (e = key_of(rq, p, &s.key)) || (e = document(rq, &meta_kind, &s, &doc)))
		return e;
	if (!str_eq(json_str_or(doc, S("issuer"), S("")), p->issuer))
		return provider_fails(rq, p, S("issuer"), "It calls itself by another name than the one set up here.");
	if (!endpoint_of(rq, doc, S("authorization_endpoint"), &out->authorization_endpoint) ||
	    !endpoint_of(rq, doc, S("token_endpoint"), &out->token_endpoint) ||
	    !endpoint_of(rq, doc, S("jwks_uri"), &out->jwks_uri) ||
	    !endpoint_of(rq, doc, S("userinfo_endpoint"), &out->userinfo_endpoint) ||
	    out->authorization_endpoint.n == 0 || out->token_endpoint.n == 0 || out->jwks_uri.n == 0)
		return provider_fails(rq, p, S("endpoint"), "Its addresses are missing, or cannot be called.");
	says = json_get(doc, S("authorization_response_iss_parameter_supported"));
	out->says_issuer = says != NULL && says->type == JSON_BOOL && says->b;
	out->posts_secret =
	    !lists(doc, methods, S("client_secret_basic")) && lists(doc, methods, S("client_secret_post"));
	return OK;
}

enum err oidc_keys_get(
    struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta, bool again, const struct json **keys)
{
	struct source s = {.rq = rq, .p = p, .url = meta->jwks_uri};
	struct json *doc = NULL;
	_Atomic unsigned *serial;
	struct buf b;
	enum err e;

	if ((e = key_of(rq, p, &s.key)))
		return e;
	serial = &((struct auth *)rq->app->auth)->calls.key_serials[hash64(s.key, 0) % OIDC_SERIALS];
	if (again) {
		if (marked(rq, &pause_kind, s.key))
			return ERR_AGAIN;
		mark(rq, &pause_kind, s.key);
		atomic_fetch_add(serial, 1);
	}
	buf_init(&b, rq->arena, KEY_MAX_BYTES);
	buf_add(&b, s.key);
	buf_char(&b, ':');
	buf_int(&b, atomic_load(serial));
	if ((e = buf_done(&b, &s.key)))
		return e;
	if ((e = document(rq, &keys_kind, &s, &doc)))
		return e;
	*keys = doc;
	return OK;
}

/* ---- codes ---- */

void oidc_form_put(struct buf *b, struct str name, struct str value)
{
	if (b->n > 0)
		buf_char(b, '&');
	buf_add(b, name);
	buf_char(b, '=');
	url_encode(b, value);
}

/* RFC 6749: both are form-encoded before they are joined. */
static enum err basic_of(struct arena *a, const struct oidc_provider *p, struct str *header)
{
	struct str both;
	struct buf b, out;
	char *room;
	enum err e;

	buf_init(&b, a, FORM_MAX_BYTES);
	url_encode(&b, p->client_id);
	buf_char(&b, ':');
	url_encode(&b, p->client_secret);
	if ((e = buf_done(&b, &both)))
		return e;
	buf_init(&out, a, FORM_MAX_BYTES);
	buf_add(&out, S("Basic "));
	if ((room = buf_room(&out, (both.n + 2) / 3 * 4 + 1)) != NULL)
		out.n += (size_t)EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)both.p, (int)both.n);
	return buf_done(&out, header);
}

static enum err code_form(
    struct req *rq, const struct oidc_provider *p, const struct oidc_code *code, bool in_body, struct str *form)
{
	struct buf b;

	buf_init(&b, rq->arena, FORM_MAX_BYTES);
	oidc_form_put(&b, S("grant_type"), S("authorization_code"));
	oidc_form_put(&b, S("code"), code->code);
	oidc_form_put(&b, S("redirect_uri"), code->redirect_uri);
	oidc_form_put(&b, S("code_verifier"), code->verifier);
	if (in_body)
		oidc_form_put(&b, S("client_id"), p->client_id);
	if (in_body && p->client_secret.n > 0)
		oidc_form_put(&b, S("client_secret"), p->client_secret);
	return buf_done(&b, form);
}

enum err oidc_code_redeem(struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta,
    const struct oidc_code *code, struct oidc_tokens *out)
{
	bool in_body = p->client_secret.n == 0 || meta->posts_secret;
	struct egress_header headers[3] = {
	    {S("Accept"), S("application/json")}, {S("Content-Type"), S("application/x-www-form-urlencoded")}};
	struct egress_request request = {
	    .method = EGRESS_POST, .url = meta->token_endpoint, .headers = headers, .header_count = in_body ? 2 : 3};
	struct egress_reply reply;
	struct json *doc;
	enum err e;

	headers[2].name = S("Authorization");
	if ((e = code_form(rq, p, code, in_body, &request.body)) ||
	    (!in_body && (e = basic_of(rq->arena, p, &headers[2].value))) ||
	    (e = call(rq, p, &request, rq->arena, &reply)))
		return e;
	if (reply.status >= 400 && reply.status < 500)
		return req_fail(rq, ERR_UNAUTHENTICATED, NULL,
		    "The identity provider did not confirm this sign-in; begin again. If that does not help, this "
		    "server's "
		    "client id or secret there is wrong.");
	if (reply.status != 200 || !reads(rq->arena, reply.body, &doc))
		return provider_fails(rq, p, S("token"), "It gives no tokens.");
	out->id_token = json_str_or(doc, S("id_token"), S(""));
	out->access_token = json_str_or(doc, S("access_token"), S(""));
	if (out->id_token.n == 0)
		return provider_fails(rq, p, S("token"), "It gives no ID token; is openid among the scopes?");
	return OK;
}

enum err oidc_userinfo_add(struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta,
    struct str access_token, struct oidc_claims *claims)
{
	struct egress_header headers[2] = {{S("Accept"), S("application/json")}};
	struct egress_request request = {
	    .method = EGRESS_GET, .url = meta->userinfo_endpoint, .headers = headers, .header_count = countof(headers)};
	struct oidc_claims more = {0};
	struct egress_reply reply;
	struct json *doc;
	struct buf b;
	enum err e;

	headers[1].name = S("Authorization");
	buf_init(&b, rq->arena, ID_TOKEN_MAX_BYTES);
	buf_add(&b, S("Bearer "));
	buf_add(&b, access_token);
	if ((e = buf_done(&b, &headers[1].value)) || (e = call(rq, p, &request, rq->arena, &reply)))
		return e;
	/* OpenID Connect Core 5.3.2: of another subject it says nothing of this one. */
	if (reply.status != 200 || !reads(rq->arena, reply.body, &doc) ||
	    !str_eq(json_str_or(doc, S("sub"), S("")), claims->subject))
		return provider_fails(rq, p, S("userinfo"), "It does not tell whose e-mail address it is.");
	oidc_claims_read(doc, rq->arena, &more);
	claims->email = more.email;
	claims->email_verified = more.email_verified;
	if (claims->name.n == 0)
		claims->name = more.name;
	return OK;
}
