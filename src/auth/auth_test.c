#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>
#include "auth/auth.h"
#include "auth/auth_cache.h"
#include "auth/auth_token.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "vault/vault.h"

#define NOW_S INT64_C(1800000000)
#define NOW_MS (NOW_S * 1000)
#define USER "018f0000-0000-7000-8000-000000000001"
#define SESSION "018f0000-0000-7000-8000-000000000003"
#define TENANT "018f0000-0000-7000-8000-000000000002"

struct scene {
	struct arena a;
	char folder[32], path[64], other_path[64];
	struct token_key *key;
	cjose_jwk_t *jwk, *other;
};

static cjose_jwk_t *jwk_at(const char *path)
{
	char text[4096];
	size_t n;

	assert_int_equal(secret_file_read(path, text, sizeof text, &n), OK);
	return cjose_jwk_import(text, n, NULL);
}

static int scene_begin(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	const char *why;

	arena_init(&s->a, &arena_malloc, 8 * MB);
	memcpy(s->folder, "/tmp/auth-test-XXXXXX", 22);
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof s->path, "%s/token.jwk", s->folder);
	snprintf(s->other_path, sizeof s->other_path, "%s/other.jwk", s->folder);
	assert_int_equal(auth_make_key_file(s->path), OK);
	assert_int_equal(auth_make_key_file(s->path), OK);
	assert_int_equal(auth_make_key_file(s->other_path), OK);
	assert_int_equal(token_key_open(s->path, &s->key, &why), OK);
	s->jwk = jwk_at(s->path);
	s->other = jwk_at(s->other_path);
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	cjose_jwk_release(s->jwk);
	cjose_jwk_release(s->other);
	token_key_close(s->key);
	unlink(s->path);
	unlink(s->other_path);
	rmdir(s->folder);
	arena_free(&s->a);
	free(s);
	return 0;
}

/* ---- forging ---- */

static struct str b64(struct arena *a, struct str s)
{
	struct buf b;
	struct str out;

	buf_init(&b, a, 64 * KB);
	base64url_put(&b, (const unsigned char *)s.p, s.n);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static struct str join(struct arena *a, struct str x, char sep, struct str y)
{
	struct buf b;
	struct str out;

	buf_init(&b, a, 64 * KB);
	buf_add(&b, x);
	buf_char(&b, sep);
	buf_add(&b, y);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

/* A real ES256 signature over any header and any claims, as who has a key but not our rules would make it. */
static struct str es256(struct scene *s, cjose_jwk_t *key, const char *header, const char *body)
{
	struct json_error why;
	struct json *wanted;
	cjose_header_t *h = cjose_header_new(NULL);
	cjose_jws_t *jws;
	const char *text;
	struct str token;

	assert_int_equal(json_read(&s->a, str_from(header), &json_limits_default, &wanted, &why), OK);
	for (uint32_t i = 0; i < wanted->count; i++)
		assert_true(cjose_header_set(
		    h, str_cstr(&s->a, wanted->members[i].key), str_cstr(&s->a, wanted->members[i].value.s), NULL));
	jws = cjose_jws_sign(key, h, (const uint8_t *)body, strlen(body), NULL);
	assert_non_null(jws);
	assert_true(cjose_jws_export(jws, &text, NULL));
	token = str_dup(&s->a, str_from(text));
	cjose_jws_release(jws);
	cjose_header_release(h);
	return token;
}

static const char *claims(struct scene *s, const char *iss, const char *aud, int64_t nbf, int64_t exp, const char *more)
{
	char *text = arena_alloc(&s->a, 1024);

	snprintf(text, 1024,
	    "{\"iss\":%s,\"aud\":%s,\"sub\":\"" USER "\",\"tenant_id\":\"" TENANT
	    "\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld%s}",
	    iss, aud, (long long)NOW_S, (long long)nbf, (long long)exp, more);
	return text;
}

#define GOOD_HEADER "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"
#define SID ",\"sid\":\"" SESSION "\""
#define JTI SID ",\"jti\":\"1\""
#define GOOD_CLAIMS claims(s, "\"https://collect.example\"", "\"collect-api\"", NOW_S, NOW_S + 3600, JTI)

static enum err check(struct scene *s, struct str token)
{
	struct token_claims out;

	return token_check(s->key, S("https://collect.example"), token, NOW_MS, &s->a, &out);
}

/* ---- tokens ---- */

static void test_issue_and_check(void **state)
{
	struct scene *s = *state;
	struct token_claims in = {.expires_at_ms = NOW_MS + 60000}, out;
	struct str issuer = S("https://collect.example"), token, again;

	assert_true(uuid_read(S(USER), &in.user_id));
	assert_true(uuid_read(S(TENANT), &in.tenant_id));
	assert_int_equal(token_issue(s->key, issuer, &in, NOW_MS, &s->a, &token), OK);
	assert_int_equal(token_issue(s->key, issuer, &in, NOW_MS, &s->a, &again), OK);
	assert_false(str_eq(token, again));
	assert_int_equal(token_check(s->key, issuer, token, NOW_MS, &s->a, &out), OK);
	assert_true(uuid_eq(&in.user_id, &out.user_id) && uuid_eq(&in.tenant_id, &out.tenant_id));
	assert_int_equal(out.expires_at_ms, in.expires_at_ms);
	assert_false(out.by_provider);
	assert_int_equal(token_check(s->key, issuer, token, NOW_MS + 59999, &s->a, &out), OK);
	assert_int_equal(token_check(s->key, issuer, token, NOW_MS + 60000, &s->a, &out), ERR_UNAUTHENTICATED);
	assert_int_equal(
	    token_check(s->key, S("https://other.example"), token, NOW_MS, &s->a, &out), ERR_UNAUTHENTICATED);
	in.by_provider = true;
	assert_int_equal(token_issue(s->key, issuer, &in, NOW_MS, &s->a, &token), OK);
	assert_int_equal(token_check(s->key, issuer, token, NOW_MS, &s->a, &out), OK);
	assert_true(out.by_provider);
}

static void test_claims_table(void **state)
{
	struct scene *s = *state;
	const char *iss = "\"https://collect.example\"", *aud = "\"collect-api\"";
	const struct {
		const char *what;
		const char *claims;
		enum err wanted;
	} rows[] = {
	    {"good", GOOD_CLAIMS, OK},
	    {"other issuer", claims(s, "\"https://evil.example\"", aud, NOW_S, NOW_S + 60, JTI), ERR_UNAUTHENTICATED},
	    {"issuer is no text", claims(s, "null", aud, NOW_S, NOW_S + 60, JTI), ERR_UNAUTHENTICATED},
	    {"other audience", claims(s, iss, "\"mail-confirm\"", NOW_S, NOW_S + 60, JTI), ERR_UNAUTHENTICATED},
	    {"audience is a list", claims(s, iss, "[\"collect-api\"]", NOW_S, NOW_S + 60, JTI), ERR_UNAUTHENTICATED},
	    {"expired", claims(s, iss, aud, NOW_S - 60, NOW_S - 1, JTI), ERR_UNAUTHENTICATED},
	    {"expires now", claims(s, iss, aud, NOW_S - 60, NOW_S, JTI), ERR_UNAUTHENTICATED},
	    {"endless", claims(s, iss, aud, NOW_S, INT64_MAX, JTI), ERR_UNAUTHENTICATED},
	    {"not yet", claims(s, iss, aud, NOW_S + 31, NOW_S + 60, JTI), ERR_UNAUTHENTICATED},
	    {"a clock a little ahead", claims(s, iss, aud, NOW_S + 29, NOW_S + 60, JTI), OK},
	    {"no jti", claims(s, iss, aud, NOW_S, NOW_S + 60, SID), ERR_UNAUTHENTICATED},
	    {"no session", claims(s, iss, aud, NOW_S, NOW_S + 60, ",\"jti\":\"1\""), ERR_UNAUTHENTICATED},
	    {"a claim twice", claims(s, iss, aud, NOW_S, NOW_S + 60, JTI ",\"sub\":\"" TENANT "\""),
		ERR_UNAUTHENTICATED},
	    {"no claims", "{}", ERR_UNAUTHENTICATED},
	    {"no object", "[]", ERR_UNAUTHENTICATED},
	    {"no JSON", "sub", ERR_UNAUTHENTICATED},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		enum err e = check(s, es256(s, s->jwk, GOOD_HEADER, rows[i].claims));

		if (e != rows[i].wanted)
			fail_msg("%s: %s", rows[i].what, err_slug(e));
	}
}

/* A token is of a session, of a client, or for the second factor; what is two of these is none. */
static void test_holders(void **state)
{
	struct scene *s = *state;
	const char *iss = "\"https://collect.example\"", *aud = "\"collect-api\"";
	static const struct {
		const char *more;
		enum err wanted;
	} rows[] = {
	    {",\"jti\":\"1\",\"client_id\":\"" SESSION "\",\"scope\":\"surveys:read\"", OK},
	    {",\"jti\":\"1\",\"client_id\":\"" SESSION "\"", ERR_UNAUTHENTICATED},
	    {",\"jti\":\"1\",\"client_id\":\"" SESSION "\",\"scope\":\"\"", ERR_UNAUTHENTICATED},
	    {",\"jti\":\"1\",\"client_id\":\"00000000-0000-0000-0000-000000000000\",\"scope\":\"surveys:read\"",
		ERR_UNAUTHENTICATED},
	    {JTI ",\"client_id\":\"" SESSION "\",\"scope\":\"surveys:read\"", ERR_UNAUTHENTICATED},
	    {JTI ",\"scope\":\"surveys:read\"", ERR_UNAUTHENTICATED},
	    {JTI ",\"ver\":1", ERR_UNAUTHENTICATED},
	    {JTI ",\"idp\":1", ERR_UNAUTHENTICATED},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		enum err e =
		    check(s, es256(s, s->jwk, GOOD_HEADER, claims(s, iss, aud, NOW_S, NOW_S + 60, rows[i].more)));

		if (e != rows[i].wanted)
			fail_msg("%s: %s", rows[i].more, err_slug(e));
	}
}

static void test_tokens_for_the_second_factor(void **state)
{
	struct scene *s = *state;
	struct token_claims in = {.expires_at_ms = NOW_MS + 60000}, out;
	struct str issuer = S("https://collect.example"), access, second;

	assert_int_equal(token_issue(s->key, issuer, &in, NOW_MS, &s->a, &access), OK);
	in.user_version = 7;
	assert_int_equal(token_issue(s->key, issuer, &in, NOW_MS, &s->a, &second), OK);
	assert_int_equal(token_check_second(s->key, issuer, second, NOW_MS, &s->a, &out), OK);
	assert_int_equal(out.user_version, 7);
	assert_int_equal(token_check_second(s->key, issuer, access, NOW_MS, &s->a, &out), ERR_UNAUTHENTICATED);
	assert_int_equal(token_check(s->key, issuer, second, NOW_MS, &s->a, &out), ERR_UNAUTHENTICATED);
	assert_int_equal(token_check_second(s->key, issuer, second, NOW_MS + 60000, &s->a, &out), ERR_UNAUTHENTICATED);
}

static void test_headers_table(void **state)
{
	struct scene *s = *state;

	assert_int_equal(check(s, es256(s, s->jwk, GOOD_HEADER, GOOD_CLAIMS)), OK);
	assert_int_equal(check(s, es256(s, s->other, GOOD_HEADER, GOOD_CLAIMS)), ERR_UNAUTHENTICATED);
	assert_int_equal(
	    check(s, es256(s, s->jwk, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD_CLAIMS)), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, es256(s, s->jwk, "{\"alg\":\"ES256\"}", GOOD_CLAIMS)), ERR_UNAUTHENTICATED);
	assert_int_equal(
	    check(s, es256(s, s->jwk, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"x\"}", GOOD_CLAIMS)),
	    ERR_UNAUTHENTICATED);
}

static void test_alg_none(void **state)
{
	struct scene *s = *state;
	static const char *const headers[] = {"{\"alg\":\"none\",\"typ\":\"at+jwt\"}",
	    "{\"alg\":\"None\",\"typ\":\"at+jwt\"}", "{\"alg\":\"\",\"typ\":\"at+jwt\"}", "{\"typ\":\"at+jwt\"}",
	    "{\"alg\":null,\"typ\":\"at+jwt\"}"};
	struct str signature = es256(s, s->jwk, GOOD_HEADER, GOOD_CLAIMS), body = b64(&s->a, str_from(GOOD_CLAIMS));

	str_cut(&signature, '.', NULL);
	str_cut(&signature, '.', NULL);
	for (size_t i = 0; i < countof(headers); i++) {
		struct str head = join(&s->a, b64(&s->a, str_from(headers[i])), '.', body);

		assert_int_equal(check(s, head), ERR_UNAUTHENTICATED);
		assert_int_equal(check(s, join(&s->a, head, '.', S(""))), ERR_UNAUTHENTICATED);
		assert_int_equal(check(s, join(&s->a, head, '.', signature)), ERR_UNAUTHENTICATED);
	}
}

/* HS256 with the public key as its secret: what a verifier falls for that lets the token name its algorithm. */
static void test_hmac_confusion(void **state)
{
	struct scene *s = *state;
	char *public_key = cjose_jwk_to_json(s->jwk, false, NULL);
	struct str input = join(
	    &s->a, b64(&s->a, S("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}")), '.', b64(&s->a, str_from(GOOD_CLAIMS)));
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n;

	assert_non_null(
	    HMAC(EVP_sha256(), public_key, (int)strlen(public_key), (const unsigned char *)input.p, input.n, mac, &n));
	assert_int_equal(
	    check(s, join(&s->a, input, '.', b64(&s->a, str_make((const char *)mac, n)))), ERR_UNAUTHENTICATED);
	input = join(&s->a, b64(&s->a, S(GOOD_HEADER)), '.', b64(&s->a, str_from(GOOD_CLAIMS)));
	assert_non_null(
	    HMAC(EVP_sha256(), public_key, (int)strlen(public_key), (const unsigned char *)input.p, input.n, mac, &n));
	assert_int_equal(
	    check(s, join(&s->a, input, '.', b64(&s->a, str_make((const char *)mac, n)))), ERR_UNAUTHENTICATED);
	free(public_key);
}

static void test_broken_signatures(void **state)
{
	struct scene *s = *state;
	struct str token = es256(s, s->jwk, GOOD_HEADER, GOOD_CLAIMS), rest = token, head = str_cut(&rest, '.', NULL);
	struct str body = str_cut(&rest, '.', NULL), input = join(&s->a, head, '.', body),
		   zero = {(const char[64]){0}, 64};
	char *copy;

	assert_int_equal(check(s, token), OK);
	assert_int_equal(check(s, input), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, join(&s->a, input, '.', S(""))), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, join(&s->a, input, '.', b64(&s->a, zero))), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, join(&s->a, token, '.', S("x"))), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, join(&s->a, token, '=', S(""))), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, str_sub(token, 0, token.n - 2)), ERR_UNAUTHENTICATED);
	for (size_t i = 0; i < token.n; i++) {
		copy = arena_copy(&s->a, token.p, token.n);
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		/* The last character of each part holds bits that no byte has; whoever changes only those is refused too, or changes nothing. */
		if (copy[i] != token.p[i])
			assert_int_equal(check(s, str_make(copy, token.n)), ERR_UNAUTHENTICATED);
	}
	/* The claims of another token of ours under this one's signature. */
	body =
	    b64(&s->a, str_from(claims(s, "\"https://collect.example\"", "\"collect-api\"", NOW_S, NOW_S + 7200, JTI)));
	assert_int_equal(check(s, join(&s->a, join(&s->a, head, '.', body), '.', rest)), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, S("")), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, S("..")), ERR_UNAUTHENTICATED);
	assert_int_equal(check(s, str_make(arena_alloc(&s->a, 4096), 4096)), ERR_UNAUTHENTICATED);
}

static void test_bad_key_files(void **state)
{
	struct scene *s = *state;
	char path[96];
	struct token_key *key;
	const char *why;
	char *public_key = cjose_jwk_to_json(s->jwk, false, NULL);

	assert_int_equal(token_key_open("/nonexistent/token.jwk", &key, &why), ERR_SETTING);
	snprintf(path, sizeof path, "%s/bad.jwk", s->folder);
	assert_int_equal(secret_file_make(path, str_from(public_key)), OK);
	assert_int_equal(token_key_open(path, &key, &why), ERR_SETTING);
	assert_non_null(why);
	unlink(path);
	assert_int_equal(secret_file_make(path, S("{\"kty\":\"oct\",\"k\":\"AAAA\"}")), OK);
	assert_int_equal(token_key_open(path, &key, &why), ERR_SETTING);
	unlink(path);
	assert_int_equal(secret_file_make(path, S("nonsense")), OK);
	assert_int_equal(token_key_open(path, &key, &why), ERR_SETTING);
	unlink(path);
	free(public_key);
}

/* ---- passwords and caches ---- */

static void test_passwords(void **state)
{
	struct scene *s = *state;
	struct str hash, again;

	assert_int_equal(auth_password_hash(S("correct horse"), &s->a, &hash), OK);
	assert_int_equal(auth_password_hash(S("correct horse"), &s->a, &again), OK);
	assert_true(str_starts(hash, S("$argon2id$v=19$m=19456,t=2,p=1$")));
	assert_false(str_eq(hash, again));
	assert_true(auth_password_ok(S("correct horse"), hash));
	assert_false(auth_password_ok(S("correct horsf"), hash));
	assert_false(auth_password_ok(S(""), hash));
	assert_false(auth_password_ok(S("correct horse"), S("")));
	assert_false(auth_password_ok(S("correct horse"), S("correct horse")));
}

static void test_caches(void **state)
{
	struct auth_cache *c = auth_cache_new();
	unsigned char digest[32] = {1}, other[32] = {1, [31] = 1};
	struct token_claims in = {.expires_at_ms = 1000}, out;
	struct member m = {.permissions = 5, .role_n = 6, .role = "Editor", .email_n = 3, .email = "a@b"}, got;
	struct uuid stranger = {{9}};

	(void)state;
	assert_false(auth_token_find(c, digest, 0, &out));
	auth_token_keep(c, digest, &in);
	assert_true(auth_token_find(c, digest, 999, &out));
	assert_false(auth_token_find(c, digest, 1000, &out));
	assert_false(auth_token_find(c, other, 0, &out));
	for (unsigned char i = 2; i < 40; i++) {
		digest[5] = i;
		auth_token_keep(c, digest, &in);
		assert_true(auth_token_find(c, digest, 0, &out));
	}
	assert_false(auth_member_find(c, &m.tenant_id, &m.user_id, &got));
	auth_member_keep(c, &m, auth_member_drops(c) + 1); /* one was forgotten meanwhile */
	assert_false(auth_member_find(c, &m.tenant_id, &m.user_id, &got));
	auth_member_keep(c, &m, auth_member_drops(c));
	assert_true(auth_member_find(c, &m.tenant_id, &m.user_id, &got));
	assert_int_equal(got.permissions, 5);
	assert_string_equal(got.role, "Editor");
	assert_false(auth_member_find(c, &stranger, &m.user_id, &got));
	assert_false(auth_member_find(c, &m.tenant_id, &stranger, &got));
	auth_member_drop(c, &stranger, &m.user_id);
	assert_true(auth_member_find(c, &m.tenant_id, &m.user_id, &got));
	auth_member_drop(c, &m.tenant_id, &m.user_id);
	assert_false(auth_member_find(c, &m.tenant_id, &m.user_id, &got));
	auth_cache_free(c);
}

static void test_sessions_seen(void **state)
{
	struct auth_cache *c = auth_cache_new();
	struct uuid id = {{1}}, other = {{2}};
	bool factor = true;

	(void)state;
	assert_false(auth_session_seen(c, &id, &factor));
	auth_session_keep(c, &id, false);
	auth_session_keep(c, &id, false);
	assert_true(auth_session_seen(c, &id, &factor));
	assert_false(auth_session_seen(c, &other, &factor));
	auth_session_drop(c, &other);
	assert_true(auth_session_seen(c, &id, &factor));
	for (unsigned char i = 3; i < 10; i++) {
		other.b[0] = i;
		auth_session_keep(c, &other, false);
		assert_true(auth_session_seen(c, &other, &factor));
	}
	auth_session_keep(c, &other, true);
	assert_true(auth_session_seen(c, &other, &factor));
	assert_true(factor);
	assert_true(auth_session_seen(c, &id, &factor) || !factor);
	auth_session_drop(c, &other);
	assert_false(auth_session_seen(c, &other, &factor));
	assert_false(factor);
	auth_cache_free(c);
}

static void test_macs_and_key_set(void **state)
{
	struct scene *s = *state;
	unsigned char one[TOKEN_MAC_BYTES], two[TOKEN_MAC_BYTES];
	struct token_key *again, *other;
	const char *why;

	assert_int_equal(token_key_open(s->path, &again, &why), OK);
	assert_int_equal(token_key_open(s->other_path, &other, &why), OK);
	assert_int_equal(token_mac(s->key, S("refresh"), S("text"), one), OK);
	assert_int_equal(token_mac(again, S("refresh"), S("text"), two), OK);
	assert_memory_equal(one, two, sizeof one);
	assert_int_equal(token_mac(s->key, S("refres"), S("htext"), two), OK);
	assert_memory_not_equal(one, two, sizeof one);
	assert_int_equal(token_mac(other, S("refresh"), S("text"), two), OK);
	assert_memory_not_equal(one, two, sizeof one);
	assert_int_equal(token_mac(s->key, S("refresh"), str_make(arena_alloc(&s->a, 600), 600), two), ERR_LIMIT);
	assert_true(str_eq(token_key_set(s->key), token_key_set(again)));
	assert_false(str_eq(token_key_set(s->key), token_key_set(other)));
	assert_true(str_find(token_key_set(s->key), S("\"kid\""), NULL));
	assert_false(str_find(token_key_set(s->key), S("\"d\""), NULL));
	token_key_close(again);
	token_key_close(other);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, scene_begin, scene_end)
	const struct CMUnitTest tests[] = {SCENE(test_issue_and_check), SCENE(test_claims_table), SCENE(test_holders),
	    SCENE(test_tokens_for_the_second_factor), SCENE(test_headers_table), SCENE(test_alg_none),
	    SCENE(test_hmac_confusion), SCENE(test_broken_signatures), SCENE(test_bad_key_files), SCENE(test_passwords),
	    SCENE(test_macs_and_key_set), cmocka_unit_test(test_caches), cmocka_unit_test(test_sessions_seen)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
