/* vault_token.c - short-lived text for clients to carry, sealed or signed under keys that come out of the key-encryption key. */
#include "vault/vault_key.h"
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"

/* ---- sealed ----
 * salt (24) | nonce (12) | ciphertext | tag. The salt names a key that HKDF makes of the key-encryption key; a process seals TOKENS_PER_KEY tokens
 * under one, with random nonces, of which two are then alike with a chance below 2^-40. What the token is for goes in as additional data. */

#define TOKEN_HEAD_BYTES (TOKEN_SALT_BYTES + NONCE_BYTES)

static enum err token_key(const struct vault *v, int kek, const unsigned char *salt, unsigned char out[KEY_BYTES])
{
	return kek_derive(v, kek, str_make((const char *)salt, TOKEN_SALT_BYTES), S("collect token 2"), out, KEY_BYTES);
}

/* This process's key of the moment. */
static enum err own_key(struct vault *v, unsigned char salt[TOKEN_SALT_BYTES], unsigned char key[KEY_BYTES])
{
	struct token_key *own = &v->secrets->token;
	enum err e = OK;

	pthread_mutex_lock(&v->tokens);
	if (own->left == 0) {
		random_bytes(own->salt, sizeof own->salt);
		e = token_key(v, 0, own->salt, own->key);
		own->left = e ? 0 : TOKENS_PER_KEY;
	}
	if (!e) {
		own->left--;
		mem_copy(salt, own->salt, TOKEN_SALT_BYTES);
		mem_copy(key, own->key, KEY_BYTES);
	}
	pthread_mutex_unlock(&v->tokens);
	return e;
}

/* The key of a token, which another process or an earlier life of this one may have made. */
static enum err key_of(struct vault *v, int kek, const unsigned char *salt, unsigned char key[KEY_BYTES])
{
	struct token_key *own = &v->secrets->token;
	bool mine;

	pthread_mutex_lock(&v->tokens);
	mine = kek == 0 && own->left > 0 && CRYPTO_memcmp(own->salt, salt, TOKEN_SALT_BYTES) == 0;
	if (mine)
		mem_copy(key, own->key, KEY_BYTES);
	pthread_mutex_unlock(&v->tokens);
	return mine ? OK : token_key(v, kek, salt, key);
}

enum err vault_token_seal(struct vault *v, struct str context, struct str plain, struct arena *a, struct str *token)
{
	size_t n = TOKEN_HEAD_BYTES + plain.n + TAG_BYTES;
	unsigned char key[KEY_BYTES], *raw = arena_alloc(a, n);
	struct buf b;
	enum err e;

	if (raw == NULL)
		return ERR_MEMORY;
	random_bytes(raw + TOKEN_SALT_BYTES, NONCE_BYTES);
	if (!(e = own_key(v, raw, key)))
		e = gcm_seal(v->gcm, key, raw + TOKEN_SALT_BYTES, context, plain, raw + TOKEN_HEAD_BYTES);
	OPENSSL_cleanse(key, sizeof key);
	if (e)
		return e;
	buf_init(&b, a, n * 4 / 3 + 8);
	base64url_put(&b, raw, n);
	return buf_done(&b, token);
}

enum err vault_token_open(struct vault *v, struct str context, struct str token, struct arena *a, struct str *plain)
{
	unsigned char key[KEY_BYTES], *out;
	const unsigned char *salt;
	struct str raw;
	enum err e;

	if ((e = base64url_read(a, token, &raw)))
		return e == ERR_MEMORY ? e : ERR_INVALID;
	if (raw.n < TOKEN_HEAD_BYTES + TAG_BYTES)
		return ERR_INVALID;
	if ((out = arena_alloc(a, raw.n)) == NULL)
		return ERR_MEMORY;
	salt = (const unsigned char *)raw.p;
	e = ERR_INVALID;
	for (int i = 0; i < v->keks && e == ERR_INVALID; i++)
		if (!(e = key_of(v, i, salt, key)))
			e = gcm_open(
			    v->gcm, key, salt + TOKEN_SALT_BYTES, context, str_sub(raw, TOKEN_HEAD_BYTES, raw.n), out);
	OPENSSL_cleanse(key, sizeof key);
	*plain = str_make((const char *)out, raw.n - TOKEN_HEAD_BYTES - TAG_BYTES);
	return e;
}

/* ---- signed, not sealed ---- */

static enum err token_mac(
    struct vault *v, int kek, struct str context, struct str text, struct arena *a, struct str *mac)
{
	unsigned char key[KEY_BYTES], out[EVP_MAX_MD_SIZE];
	struct str info;
	unsigned n = 0;
	struct buf b;
	enum err e;

	buf_init(&b, a, 4 * KB);
	buf_add(&b, S("collect sign 1|"));
	buf_add(&b, context);
	if ((e = buf_done(&b, &info)) || (e = kek_derive(v, kek, S(""), info, key, sizeof key)))
		return e;
	if (HMAC(EVP_sha256(), key, KEY_BYTES, (const unsigned char *)text.p, text.n, out, &n) == NULL)
		e = ERR_INTERNAL;
	OPENSSL_cleanse(key, sizeof key);
	if (e)
		return e;
	buf_init(&b, a, 2 * sizeof out);
	base64url_put(&b, out, n);
	return buf_done(&b, mac);
}

enum err vault_token_mac(struct vault *v, struct str context, struct str text, struct arena *a, struct str *mac)
{
	return token_mac(v, 0, context, text, a, mac);
}

enum err vault_token_check(struct vault *v, struct str context, struct str text, struct str mac, struct arena *a)
{
	struct str mine;
	enum err e;

	for (int i = 0; i < v->keks; i++) {
		if ((e = token_mac(v, i, context, text, a, &mine)))
			return e;
		if (secret_eq(mine, mac))
			return OK;
	}
	return ERR_INVALID;
}
