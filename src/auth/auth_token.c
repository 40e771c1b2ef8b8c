#include "auth/auth_token.h"
#include <cjose/cjose.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include "auth/auth_state.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "vault/vault.h"

#define ES256_SIGNATURE_BYTES 64
#define JWK_MAX_BYTES 4096
#define TOKEN_TIME_MAX_S INT64_C(253402300800) /* the year 10000 */

#define KEY_SET_MAX_BYTES 1024
#define KEY_ARENA_MAX_BYTES (64 * KB)
#define TOKEN_MAC_TEXT_MAX 512

struct token_key {
	cjose_jwk_t *jwk;
	unsigned char mac_key[32];
	struct arena arena; /* what follows */
	struct str key_set, id;
};

static const struct json_limits token_limits = {2, 16, 32, 20};

enum err auth_make_key_file(const char *path)
{
	cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
	char *text = jwk != NULL ? cjose_jwk_to_json(jwk, true, NULL) : NULL;
	enum err e = ERR_INTERNAL;

	if (text != NULL) {
		e = secret_file_make(path, str_from(text));
		OPENSSL_cleanse(text, strlen(text));
		cjose_get_dealloc()(text);
	}
	if (jwk != NULL)
		cjose_jwk_release(jwk);
	return e;
}

/* A key that cannot sign and verify is noticed at the start, not at the first sign-in. */
static enum err key_try(const struct token_key *k)
{
	const struct token_claims in = {.expires_at_ms = clock_now_ms() + 60000};
	struct token_claims out;
	struct arena a;
	struct str token;
	enum err e;

	arena_init(&a, &arena_malloc, MB);
	if (!(e = token_issue(k, S("start"), &in, clock_now_ms(), &a, &token)))
		e = token_check(k, S("start"), token, clock_now_ms(), &a, &out);
	arena_free(&a);
	return e;
}

/* ---- the key's public half, and the secret made from its private one ---- */

static void put_member(struct buf *b, const char *name, struct str value)
{
	buf_add(b, str_from(name));
	buf_add(b, value);
	buf_char(b, '"');
}

/* RFC 7638: the hash of the members that make the key, in the order of their names. */
static enum err thumbprint(struct arena *a, struct str x, struct str y, struct str *out)
{
	unsigned char digest[32];
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, a, KEY_SET_MAX_BYTES);
	put_member(&b, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", x);
	put_member(&b, ",\"y\":\"", y);
	buf_char(&b, '}');
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, digest);
	buf_init(&b, a, 64);
	base64url_put(&b, digest, sizeof digest);
	return buf_done(&b, out);
}

static enum err key_set_make(struct token_key *k, struct str public_key)
{
	struct json_error why;
	struct json *jwk;
	struct str x, y;
	struct buf b;
	enum err e;

	if ((e = json_read(&k->arena, public_key, &token_limits, &jwk, &why)))
		return e;
	x = json_str_or(jwk, S("x"), S(""));
	y = json_str_or(jwk, S("y"), S(""));
	if ((e = thumbprint(&k->arena, x, y, &k->id)))
		return e;
	buf_init(&b, &k->arena, KEY_SET_MAX_BYTES);
	put_member(
	    &b, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"", k->id);
	put_member(&b, ",\"x\":\"", x);
	put_member(&b, ",\"y\":\"", y);
	buf_add(&b, S("}]}"));
	return buf_done(&b, &k->key_set);
}

static enum err key_derive(struct token_key *k)
{
	char *private_key = cjose_jwk_to_json(k->jwk, true, NULL), *public_key = cjose_jwk_to_json(k->jwk, false, NULL);
	enum err e = ERR_MEMORY;
	struct sha256 h;

	if (private_key != NULL && public_key != NULL) {
		sha256_init(&h);
		sha256_add(&h, "collect token mac", 17);
		sha256_add(&h, private_key, strlen(private_key));
		sha256_done(&h, k->mac_key);
		OPENSSL_cleanse(&h, sizeof h);
		e = key_set_make(k, str_from(public_key));
	}
	if (private_key != NULL) {
		OPENSSL_cleanse(private_key, strlen(private_key));
		cjose_get_dealloc()(private_key);
	}
	if (public_key != NULL)
		cjose_get_dealloc()(public_key);
	return e;
}

enum err token_mac(const struct token_key *k, struct str label, struct str text, unsigned char out[TOKEN_MAC_BYTES])
{
	unsigned char input[TOKEN_MAC_TEXT_MAX];
	unsigned n = 0;
	bool ok;

	if (label.n + 1 + text.n > sizeof input)
		return ERR_LIMIT;
	mem_copy(input, label.p, label.n);
	input[label.n] = 0;
	mem_copy(input + label.n + 1, text.p, text.n);
	ok = HMAC(EVP_sha256(), k->mac_key, sizeof k->mac_key, input, label.n + 1 + text.n, out, &n) != NULL;
	OPENSSL_cleanse(input, sizeof input);
	return ok && n == TOKEN_MAC_BYTES ? OK : ERR_INTERNAL;
}

struct str token_key_set(const struct token_key *k)
{
	return k->key_set;
}

enum err token_key_open(const char *path, struct token_key **out, const char **why)
{
	char text[JWK_MAX_BYTES];
	struct token_key *k;
	size_t n;

	*out = NULL;
	*why = "the file with the signing key cannot be read";
	if (path == NULL || secret_file_read(path, text, sizeof text, &n))
		return ERR_SETTING;
	*why = "the signing key must be a private EC P-256 key as a JWK";
	if ((k = calloc(1, sizeof *k)) == NULL)
		return ERR_MEMORY;
	arena_init(&k->arena, &arena_malloc, KEY_ARENA_MAX_BYTES);
	k->jwk = cjose_jwk_import(text, n, NULL);
	OPENSSL_cleanse(text, sizeof text);
	if (k->jwk == NULL || cjose_jwk_get_kty(k->jwk, NULL) != CJOSE_JWK_KTY_EC ||
	    cjose_jwk_EC_get_curve(k->jwk, NULL) != CJOSE_JWK_EC_P_256 || key_try(k) || key_derive(k)) {
		token_key_close(k);
		return ERR_SETTING;
	}
	*why = NULL;
	*out = k;
	return OK;
}

void token_key_close(struct token_key *k)
{
	if (k == NULL)
		return;
	if (k->jwk != NULL)
		cjose_jwk_release(k->jwk);
	arena_free(&k->arena);
	OPENSSL_cleanse(k->mac_key, sizeof k->mac_key);
	free(k);
}

/* ---- making ---- */

enum err token_scope(struct arena *a, uint64_t permissions, struct str *text)
{
	struct buf b;

	buf_init(&b, a, TOKEN_MAX_BYTES);
	for (int p = PERM_FIRST_GIVEN; p < PERM_COUNT; p++) {
		if (!(permissions >> p & 1))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_add(&b, str_from(permission_slug(p)));
	}
	return buf_done(&b, text);
}

/* Whom it was given to: a session, a client with its scope, or somebody halfway in. */
static enum err put_holder(struct json_out *w, struct arena *a, const struct token_claims *in)
{
	struct str scope;
	enum err e;

	if (in->user_version > 0) {
		json_field_int(w, S("ver"), in->user_version);
		return OK;
	}
	if (uuid_is_nil(&in->client_id)) {
		json_field_str(w, S("sid"), uuid_str(a, &in->session_id));
		if (in->by_provider)
			json_field_bool(w, S("idp"), true);
		return OK;
	}
	if ((e = token_scope(a, in->scopes, &scope)))
		return e;
	json_field_str(w, S("client_id"), uuid_str(a, &in->client_id));
	json_field_str(w, S("scope"), scope);
	return OK;
}

static enum err claims_text(
    struct str issuer, const struct token_claims *in, int64_t now_ms, struct arena *a, struct str *text)
{
	struct uuid id = uuid_new();
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, TOKEN_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("iss"), issuer);
	json_field_str(&w, S("aud"), in->user_version > 0 ? S(TOKEN_SECOND_AUDIENCE) : S(TOKEN_AUDIENCE));
	json_field_str(&w, S("sub"), uuid_str(a, &in->user_id));
	json_field_str(&w, S("tenant_id"), uuid_str(a, &in->tenant_id));
	if ((e = put_holder(&w, a, in)))
		return e;
	json_field_int(&w, S("iat"), now_ms / 1000);
	json_field_int(&w, S("nbf"), now_ms / 1000);
	json_field_int(&w, S("exp"), in->expires_at_ms / 1000);
	json_field_str(&w, S("jti"), uuid_str(a, &id));
	json_close(&w, '}');
	return buf_done(&b, text);
}

/* key_id: NULL for what only we read. */
static enum err sign(const struct token_key *k, const char *type, const char *key_id, struct str claims,
    struct arena *a, struct str *token)
{
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *text = NULL;
	enum err e = ERR_INTERNAL;

	if (header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, NULL) &&
	    cjose_header_set(header, "typ", type, NULL) &&
	    (key_id == NULL || cjose_header_set(header, CJOSE_HDR_KID, key_id, NULL)))
		jws = cjose_jws_sign(k->jwk, header, (const uint8_t *)claims.p, claims.n, NULL);
	if (jws != NULL && cjose_jws_export(jws, &text, NULL)) {
		*token = str_dup(a, str_from(text));
		e = token->p != NULL ? OK : ERR_MEMORY;
	}
	if (jws != NULL)
		cjose_jws_release(jws);
	if (header != NULL)
		cjose_header_release(header);
	return e;
}

enum err token_issue(const struct token_key *k, struct str issuer, const struct token_claims *in, int64_t now_ms,
    struct arena *a, struct str *token)
{
	struct str claims;
	enum err e;

	if ((e = claims_text(issuer, in, now_ms, a, &claims)))
		return e;
	return sign(k, in->user_version > 0 ? TOKEN_SECOND_TYPE : TOKEN_TYPE, NULL, claims, a, token);
}

enum err token_receipt(const struct token_key *k, struct str claims, struct arena *a, struct str *token)
{
	char key_id[64];

	if (k->id.n >= sizeof key_id)
		return ERR_INTERNAL;
	mem_copy(key_id, k->id.p, k->id.n);
	key_id[k->id.n] = 0;
	return sign(k, TOKEN_RECEIPT_TYPE, key_id, claims, a, token);
}

/* ---- checking ---- */

static bool part_json(struct arena *a, struct str part, struct json **out)
{
	struct json_error why;
	struct str text;

	return !base64url_read(a, part, &text) && !json_read(a, text, &token_limits, out, &why) &&
	       (*out)->type == JSON_OBJECT;
}

static bool is_text(const struct json *object, struct str key, struct str wanted)
{
	const struct json *v = json_get(object, key);

	return v != NULL && v->type == JSON_STR && str_eq(v->s, wanted);
}

static bool read_time(const struct json *object, struct str key, int64_t *ms)
{
	const struct json *v = json_get(object, key);

	if (v == NULL || v->type != JSON_INT || v->i <= 0 || v->i >= TOKEN_TIME_MAX_S)
		return false;
	*ms = v->i * 1000;
	return true;
}

static bool read_id(const struct json *object, struct str key, struct uuid *id)
{
	const struct json *v = json_get(object, key);

	return v != NULL && v->type == JSON_STR && uuid_read(v->s, id);
}

/* Absent is false; anything but true and false is no token of ours. */
static bool read_flag(const struct json *object, struct str key, bool *flag)
{
	const struct json *v = json_get(object, key);

	*flag = v != NULL && v->type == JSON_BOOL && v->b;
	return v == NULL || v->type == JSON_BOOL;
}

static bool header_ok(struct arena *a, struct str part, struct str type)
{
	struct json *header;

	return part_json(a, part, &header) && header->count == 2 && is_text(header, S("alg"), S("ES256")) &&
	       is_text(header, S("typ"), type);
}

struct token_kind {
	struct str issuer, audience, type;
	bool (*read)(const struct json *claims, struct token_claims *out);
};

static bool read_version(const struct json *c, struct token_claims *out)
{
	const struct json *v = json_get(c, S("ver"));

	if (v == NULL || v->type != JSON_INT || v->i <= 0)
		return false;
	out->user_version = v->i;
	return true;
}

static bool read_holder(const struct json *c, struct token_claims *out)
{
	const struct json *scope = json_get(c, S("scope"));

	if (json_get(c, S("ver")) != NULL)
		return false;
	if (json_get(c, S("client_id")) == NULL)
		return scope == NULL && read_id(c, S("sid"), &out->session_id) &&
		       read_flag(c, S("idp"), &out->by_provider);
	if (json_get(c, S("sid")) != NULL || scope == NULL || scope->type != JSON_STR || scope->s.n == 0 ||
	    !read_id(c, S("client_id"), &out->client_id))
		return false;
	out->scopes = auth_permissions(S(""), scope->s) & ~PERMS_OF_ONESELF;
	return !uuid_is_nil(&out->client_id);
}

/* What all kinds have. *out: the claims, for those that only one has. */
static bool claims_ok(
    struct arena *a, const struct token_kind *kind, struct str part, int64_t now_ms, struct token_claims *out)
{
	const struct json *jti;
	struct json *c;
	int64_t nbf, iat;

	if (!part_json(a, part, &c) || !is_text(c, S("iss"), kind->issuer) || !is_text(c, S("aud"), kind->audience))
		return false;
	if (!read_time(c, S("exp"), &out->expires_at_ms) || !read_time(c, S("nbf"), &nbf) ||
	    !read_time(c, S("iat"), &iat))
		return false;
	jti = json_get(c, S("jti"));
	if (jti == NULL || jti->type != JSON_STR || jti->s.n == 0)
		return false;
	return now_ms < out->expires_at_ms && nbf <= now_ms + TOKEN_SKEW_MS && iat <= now_ms + TOKEN_SKEW_MS &&
	       read_id(c, S("sub"), &out->user_id) && read_id(c, S("tenant_id"), &out->tenant_id) && kind->read(c, out);
}

static bool signature_ok(const struct token_key *k, struct arena *a, struct str token, struct str part)
{
	struct str raw;
	cjose_jws_t *jws;
	bool ok;

	if (base64url_read(a, part, &raw) || raw.n != ES256_SIGNATURE_BYTES)
		return false;
	if ((jws = cjose_jws_import(token.p, token.n, NULL)) == NULL)
		return false;
	ok = cjose_jws_verify(jws, k->jwk, NULL);
	cjose_jws_release(jws);
	return ok;
}

static enum err check(const struct token_key *k, const struct token_kind *kind, struct str token, int64_t now_ms,
    struct arena *a, struct token_claims *out)
{
	struct str rest = token, header, claims;
	bool more = false;

	*out = (struct token_claims){.scopes = UINT64_MAX};
	if (token.n == 0 || token.n > TOKEN_MAX_BYTES)
		return ERR_UNAUTHENTICATED;
	header = str_cut(&rest, '.', &more);
	if (!more)
		return ERR_UNAUTHENTICATED;
	claims = str_cut(&rest, '.', &more);
	if (!more || !header_ok(a, header, kind->type) || !signature_ok(k, a, token, rest) ||
	    !claims_ok(a, kind, claims, now_ms, out))
		return ERR_UNAUTHENTICATED;
	return OK;
}

enum err token_check(const struct token_key *k, struct str issuer, struct str token, int64_t now_ms, struct arena *a,
    struct token_claims *out)
{
	const struct token_kind kind = {issuer, S(TOKEN_AUDIENCE), S(TOKEN_TYPE), read_holder};

	return check(k, &kind, token, now_ms, a, out);
}

enum err token_check_second(const struct token_key *k, struct str issuer, struct str token, int64_t now_ms,
    struct arena *a, struct token_claims *out)
{
	const struct token_kind kind = {issuer, S(TOKEN_SECOND_AUDIENCE), S(TOKEN_SECOND_TYPE), read_version};

	return check(k, &kind, token, now_ms, a, out);
}
