/* auth_oidc_token.c - is this ID token the provider's, for us, for this sign-in, now? Knows no database and no request.
 *
 * The algorithm has to be on our list and fit the key, and the key is one of the provider's published set: what else a header says (jwk, jku,
 * x5u ...) is not looked at. Keys are handed to cjose rebuilt from their public members. */
#include <cjose/cjose.h>
#include <openssl/evp.h>
#include "auth/auth_oidc.h"
#include "base/hash.h"
#include "base/shim.h"
#include "base/utf8.h"
#include "vault/vault.h"

#define KEYS_MAX 64
#define KEY_TEXT_MAX_BYTES 4096
#define RSA_MIN_BYTES 256
#define RSA_MAX_BYTES 1024
#define RSA_EXPONENT_MAX_BYTES 4
#define EC_COORDINATE_BYTES 32
#define ES256_SIGNATURE_BYTES 64
#define SKEW_MS 60000
/* A token is made for the code that was just redeemed. */
#define AGE_MAX_MS 600000
#define TIME_MAX_S 253402300800.0 /* the year 10000 */
#define NAME_MAX_CHARS 200
#define AUDIENCES_MAX 20

static const struct json_limits token_limits = {8, 200, 2000, 40};

static bool part_json(struct arena *a, struct str part, struct json **out)
{
	struct json_error why;
	struct str text;

	return !base64url_read(a, part, &text) && !json_read(a, text, &token_limits, out, &why) &&
	       (*out)->type == JSON_OBJECT;
}

/* ---- which key ---- */

enum alg { ALG_RS256, ALG_ES256 };

struct header {
	enum alg alg;
	struct str kid;
	bool has_kid;
};

static bool header_read(struct arena *a, struct str part, struct header *out)
{
	struct json *h;
	const struct json *kid;
	struct str alg;

	if (!part_json(a, part, &h) || json_get(h, S("crit")) != NULL)
		return false;
	alg = json_str_or(h, S("alg"), S(""));
	if (!str_eq(alg, S("RS256")) && !str_eq(alg, S("ES256")))
		return false;
	out->alg = str_eq(alg, S("RS256")) ? ALG_RS256 : ALG_ES256;
	kid = json_get(h, S("kid"));
	out->has_kid = kid != NULL;
	if (kid != NULL && kid->type != JSON_STR)
		return false;
	out->kid = kid != NULL ? kid->s : S("");
	return true;
}

static bool key_fits(const struct json *key, const struct header *h)
{
	struct str kty = h->alg == ALG_RS256 ? S("RSA") : S("EC"), alg = h->alg == ALG_RS256 ? S("RS256") : S("ES256");

	return key->type == JSON_OBJECT && str_eq(json_str_or(key, S("kty"), S("")), kty) &&
	       str_eq(json_str_or(key, S("use"), S("sig")), S("sig")) && str_eq(json_str_or(key, S("alg"), alg), alg) &&
	       (!h->has_kid || str_eq(json_str_or(key, S("kid"), S("")), h->kid));
}

/* ERR_NOT_FOUND when there is none; a token that names no key needs a set where there is no choice. */
static enum err key_choose(const struct json *keys, const struct header *h, const struct json **out)
{
	const struct json *list = json_get(keys, S("keys"));
	size_t found = 0;

	if (list == NULL || list->type != JSON_ARRAY)
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < list->count && i < KEYS_MAX; i++) {
		if (!key_fits(&list->items[i], h))
			continue;
		if (found++ == 0)
			*out = &list->items[i];
	}
	if (found == 0)
		return ERR_NOT_FOUND;
	return found > 1 && !h->has_kid ? ERR_UNAUTHENTICATED : OK;
}

/* The number's bytes, without leading zeroes; empty when it is none. */
static struct str number_of(struct arena *a, const struct json *key, struct str member)
{
	struct str bytes;

	if (base64url_read(a, json_str_or(key, member, S("")), &bytes))
		return S("");
	while (bytes.n > 0 && bytes.p[0] == 0)
		bytes = str_sub(bytes, 1, bytes.n);
	return bytes;
}

static bool rsa_fits(struct arena *a, const struct json *key)
{
	struct str n = number_of(a, key, S("n")), e = number_of(a, key, S("e"));

	return n.n >= RSA_MIN_BYTES && n.n <= RSA_MAX_BYTES && e.n > 0 && e.n <= RSA_EXPONENT_MAX_BYTES &&
	       (e.p[e.n - 1] & 1) && !(e.n == 1 && e.p[0] == 1);
}

static bool ec_fits(struct arena *a, const struct json *key)
{
	struct str x, y;

	return str_eq(json_str_or(key, S("crv"), S("")), S("P-256")) &&
	       !base64url_read(a, json_str_or(key, S("x"), S("")), &x) && x.n == EC_COORDINATE_BYTES &&
	       !base64url_read(a, json_str_or(key, S("y"), S("")), &y) && y.n == EC_COORDINATE_BYTES;
}

static cjose_jwk_t *key_make(struct arena *a, const struct json *key, enum alg alg)
{
	static const struct str of_rsa[] = {{"n", 1}, {"e", 1}}, of_ec[] = {{"crv", 3}, {"x", 1}, {"y", 1}};
	const struct str *members = alg == ALG_RS256 ? of_rsa : of_ec;
	size_t n = alg == ALG_RS256 ? countof(of_rsa) : countof(of_ec);
	struct json_out w;
	struct str text;
	struct buf b;

	if (!(alg == ALG_RS256 ? rsa_fits(a, key) : ec_fits(a, key)))
		return NULL;
	buf_init(&b, a, KEY_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("kty"), alg == ALG_RS256 ? S("RSA") : S("EC"));
	for (size_t i = 0; i < n; i++)
		json_field_str(&w, members[i], json_str_or(key, members[i], S("")));
	json_close(&w, '}');
	return buf_done(&b, &text) ? NULL : cjose_jwk_import(text.p, text.n, NULL);
}

static bool signature_ok(struct arena *a, struct str token, struct str part, const struct json *key, enum alg alg)
{
	cjose_jwk_t *jwk;
	cjose_jws_t *jws;
	struct str raw;
	bool ok = false;

	if (base64url_read(a, part, &raw) || (alg == ALG_ES256 && raw.n != ES256_SIGNATURE_BYTES))
		return false;
	if ((jwk = key_make(a, key, alg)) == NULL)
		return false;
	if ((jws = cjose_jws_import(token.p, token.n, NULL)) != NULL) {
		ok = cjose_jws_verify(jws, jwk, NULL);
		cjose_jws_release(jws);
	}
	cjose_jwk_release(jwk);
	return ok;
}

/* ---- what it says ---- */

static bool is_text(const struct json *object, struct str key, struct str wanted)
{
	const struct json *v = json_get(object, key);

	return v != NULL && v->type == JSON_STR && secret_eq(v->s, wanted);
}

static bool read_time(const struct json *object, struct str key, int64_t *ms)
{
	const struct json *v = json_get(object, key);

	if (v == NULL || !json_is_num(v) || json_num(v) <= 0 || json_num(v) >= TIME_MAX_S)
		return false;
	*ms = (int64_t)(json_num(v) * 1000);
	return true;
}

/* One of several audiences must be us, and then azp too: the party that the token was made for. */
static bool audience_ok(const struct json *c, struct str client_id)
{
	const struct json *aud = json_get(c, S("aud")), *azp = json_get(c, S("azp"));
	bool ours = false;

	if (azp != NULL && !is_text(c, S("azp"), client_id))
		return false;
	if (aud == NULL || aud->type != JSON_ARRAY)
		return is_text(c, S("aud"), client_id);
	if (aud->count > AUDIENCES_MAX || (aud->count > 1 && azp == NULL))
		return false;
	for (size_t i = 0; i < aud->count; i++)
		ours = ours || (aud->items[i].type == JSON_STR && str_eq(aud->items[i].s, client_id));
	return ours;
}

static bool times_ok(const struct json *c, int64_t now_ms)
{
	int64_t exp, iat, nbf;

	if (!read_time(c, S("exp"), &exp) || !read_time(c, S("iat"), &iat))
		return false;
	if (json_get(c, S("nbf")) != NULL && (!read_time(c, S("nbf"), &nbf) || nbf > now_ms + SKEW_MS))
		return false;
	return now_ms < exp && iat <= now_ms + SKEW_MS && iat >= now_ms - AGE_MAX_MS;
}

/* When it is there: the left half of the hash of the access token that came along. */
static bool at_hash_ok(struct arena *a, const struct json *c, struct str access_token)
{
	unsigned char digest[32];
	struct str wanted;
	struct buf b;

	if (json_get(c, S("at_hash")) == NULL)
		return true;
	if (EVP_Digest(access_token.p, access_token.n, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	buf_init(&b, a, 64);
	base64url_put(&b, digest, sizeof digest / 2);
	return !buf_done(&b, &wanted) && is_text(c, S("at_hash"), wanted);
}

/* Local part and dotted domain in plain ASCII, lower case; empty when it is none. */
static struct str email_of(struct arena *a, struct str s)
{
	char *lower = arena_alloc(a, s.n + 1);
	size_t at = 0, ats = 0;

	if (lower == NULL || s.n > EMAIL_MAX_BYTES)
		return S("");
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c > '~' || str_find_char(S("\"(),:;<>[\\]"), c, NULL))
			return S("");
		if (c == '@') {
			at = i;
			ats++;
		}
		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	if (ats != 1 || at == 0 || !str_find_char(str_sub(s, at, s.n), '.', NULL) || s.p[s.n - 1] == '.')
		return S("");
	return str_make(lower, s.n);
}

/* A name for people to read: without control characters, and not endless. */
static struct str name_of(struct arena *a, struct str s)
{
	struct str name = S("");
	size_t chars = 0;
	struct buf b;

	buf_init(&b, a, 4 * NAME_MAX_CHARS);
	for (size_t i = 0; i < s.n; i++) {
		chars += (s.p[i] & 0xc0) != 0x80;
		if (chars > NAME_MAX_CHARS)
			break;
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			buf_char(&b, s.p[i]);
	}
	return buf_done(&b, &name) ? S("") : str_trim(name);
}

void oidc_claims_read(const struct json *claims, struct arena *a, struct oidc_claims *out)
{
	const struct json *verified = json_get(claims, S("email_verified"));

	out->email = email_of(a, json_str_or(claims, S("email"), S("")));
	out->email_verified = out->email.n > 0 && verified != NULL && verified->type == JSON_BOOL && verified->b;
	out->name = name_of(a, json_str_or(claims, S("name"), S("")));
}

/* OpenID Connect Core: at most 255 ASCII characters. */
static bool subject_read(const struct json *c, struct str *out)
{
	const struct json *v = json_get(c, S("sub"));

	if (v == NULL || v->type != JSON_STR || v->s.n == 0 || v->s.n > SUBJECT_MAX_BYTES)
		return false;
	for (size_t i = 0; i < v->s.n; i++) {
		if (v->s.p[i] < ' ' || v->s.p[i] > '~')
			return false;
	}
	*out = v->s;
	return true;
}

enum err oidc_token_check(
    struct str token, const struct json *keys, const struct oidc_expected *x, struct arena *a, struct oidc_claims *out)
{
	struct str rest = token, header, claims;
	const struct json *key = NULL;
	bool more = false, again = false;
	struct header h;
	struct json *c;
	enum err e;

	*out = (struct oidc_claims){0};
	if (token.n == 0 || token.n > ID_TOKEN_MAX_BYTES)
		return ERR_UNAUTHENTICATED;
	header = str_cut(&rest, '.', &more);
	claims = str_cut(&rest, '.', &again);
	if (!more || !again || !header_read(a, header, &h))
		return ERR_UNAUTHENTICATED;
	if ((e = key_choose(keys, &h, &key)))
		return e;
	if (!signature_ok(a, token, rest, key, h.alg) || !part_json(a, claims, &c))
		return ERR_UNAUTHENTICATED;
	if (!is_text(c, S("iss"), x->issuer) || !audience_ok(c, x->client_id) || !times_ok(c, x->now_ms) ||
	    !is_text(c, S("nonce"), x->nonce) || !at_hash_ok(a, c, x->access_token) || !subject_read(c, &out->subject))
		return ERR_UNAUTHENTICATED;
	oidc_claims_read(c, a, out);
	return OK;
}
