/* vault_field.c - sealing and opening of fields.
 *
 * What is sealed is 3 | nonce (24) | ciphertext | tag (16). The first 12 bytes of the nonce and the data key make a key for this one seal (field_key), under which
 * AES-256-GCM takes the other 12: that is XAES-256-GCM as C2SP describes it. With a nonce of 12 bytes alone, drawn at random, two of 2^32 seals under one key would meet
 * too likely, and somebody would have to count them; with 24 bytes it takes 2^80.
 *
 * Before that it was nonce (12) | ciphertext | tag under the data key itself, and where the place has a `within` a byte 2 in front. A nonce may begin with a 2 or a 3, so
 * those forms are tried as well; each has another key or other additional data, so none opens as another. */
#include <openssl/crypto.h>
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "vault/vault_key.h"

#define SEAL_AAD_MAX 512
#define SEALED_WITHIN 2
#define SEALED_FIELD 3
#define HEAD_BYTES (1 + FIELD_NONCE_BYTES)
#define BLOCK_BYTES 16

/* ---- a key for each seal ---- */

/* One bit up in GF(2^128), as CMAC makes its first subkey. */
static void doubled(unsigned char block[BLOCK_BYTES])
{
	unsigned char carry = block[0] >> 7;

	for (size_t i = 0; i < BLOCK_BYTES; i++)
		block[i] = (unsigned char)(block[i] << 1 | (i + 1 < BLOCK_BYTES ? block[i + 1] >> 7 : 0));
	block[BLOCK_BYTES - 1] ^= (unsigned char)(carry * 0x87);
}

static bool block_encrypt(EVP_CIPHER_CTX *c, const unsigned char *in, size_t n, unsigned char *out)
{
	int done;

	return EVP_EncryptUpdate(c, out, &done, in, (int)n) == 1 && done == (int)n;
}

/* CMAC of two short messages is a counter, a letter and the nonce over the subkey, each encrypted. */
static bool field_key_with(EVP_CIPHER_CTX *c, const EVP_CIPHER *ecb, const unsigned char key[KEY_BYTES],
    const unsigned char *nonce, unsigned char out[KEY_BYTES])
{
	unsigned char subkey[BLOCK_BYTES] = {0}, text[2 * BLOCK_BYTES];
	bool ok = EVP_EncryptInit_ex2(c, ecb, key, NULL, NULL) == 1 && EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
		  block_encrypt(c, subkey, sizeof subkey, subkey);

	doubled(subkey);
	for (size_t half = 0; half < 2; half++) {
		unsigned char *block = text + half * BLOCK_BYTES;

		block[0] = 0;
		block[1] = (unsigned char)(half + 1);
		block[2] = 'X';
		block[3] = 0;
		mem_copy(block + 4, nonce, NONCE_BYTES);
		for (size_t i = 0; i < BLOCK_BYTES; i++)
			block[i] ^= subkey[i];
	}
	ok = ok && block_encrypt(c, text, sizeof text, out);
	OPENSSL_cleanse(subkey, sizeof subkey);
	OPENSSL_cleanse(text, sizeof text);
	return ok;
}

enum err field_key(const EVP_CIPHER *ecb, const unsigned char key[KEY_BYTES],
    const unsigned char nonce[FIELD_NONCE_BYTES], unsigned char out[KEY_BYTES])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c != NULL && field_key_with(c, ecb, key, nonce, out);

	EVP_CIPHER_CTX_free(c);
	return ok ? OK : ERR_INTERNAL;
}

/* ---- fields ---- */

static enum err seal_aad(const struct data_key *k, const struct seal_place *place, struct arena *a, struct str *aad)
{
	struct buf b;
	char tenant[UUID_TEXT_BYTES], row[UUID_TEXT_BYTES], within[UUID_TEXT_BYTES];

	uuid_text(&k->tenant, tenant);
	uuid_text(place->row, row);
	buf_init(&b, a, SEAL_AAD_MAX);
	buf_add(&b, k->purpose == VAULT_SYSTEM ? S("system") : str_make(tenant, sizeof tenant));
	buf_char(&b, '|');
	buf_add(&b, place->table);
	buf_char(&b, '|');
	buf_add(&b, place->column);
	buf_char(&b, '|');
	if (place->within) {
		uuid_text(place->within, within);
		buf_add(&b, str_make(within, sizeof within));
		buf_char(&b, '|');
	}
	buf_add(&b, str_make(row, sizeof row));
	buf_char(&b, '|');
	buf_int(&b, k->version);
	return buf_done(&b, aad);
}

/* What is sealed or opened with what, and where. */
struct field_at {
	const struct vault *vault;
	const struct data_key *key;
	const struct seal_place *place;
};

static enum err seal_with(const struct field_at *f, struct str plain, struct arena *a, struct str *sealed)
{
	size_t n = HEAD_BYTES + plain.n + TAG_BYTES;
	unsigned char *out = arena_alloc(a, n), once[KEY_BYTES];
	struct str aad;
	enum err e;

	if (out == NULL)
		return ERR_MEMORY;
	if ((e = seal_aad(f->key, f->place, a, &aad)))
		return e;
	out[0] = SEALED_FIELD;
	random_bytes(out + 1, FIELD_NONCE_BYTES);
	if (!(e = field_key(f->vault->ecb, f->key->key, out + 1, once)))
		e = gcm_seal(f->vault->gcm, once, out + HEAD_BYTES - NONCE_BYTES, aad, plain, out + HEAD_BYTES);
	OPENSSL_cleanse(once, sizeof once);
	*sealed = str_make((const char *)out, n);
	return e;
}

enum err vault_seal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    struct str plain, struct arena *a, struct str *sealed, int64_t *key_version)
{
	struct data_key k;
	enum err e;

	if ((e = data_key_newest(v, tx, purpose, a, &k)))
		return e;
	e = seal_with(&(struct field_at){v, &k, place}, plain, a, sealed);
	*key_version = k.version;
	data_key_drop(&k);
	return e;
}

/* `body` begins with the 12 bytes that AES-GCM takes. */
static enum err open_with(
    const struct field_at *f, const unsigned char key[KEY_BYTES], struct str body, struct arena *a, struct str *plain)
{
	unsigned char *out;
	struct str aad;
	enum err e;

	if (body.n < NONCE_BYTES + TAG_BYTES)
		return ERR_INVALID;
	if ((e = seal_aad(f->key, f->place, a, &aad)))
		return e;
	if (!(out = arena_alloc(a, body.n)))
		return ERR_MEMORY;
	*plain = str_make((const char *)out, body.n - NONCE_BYTES - TAG_BYTES);
	return gcm_open(
	    f->vault->gcm, key, (const unsigned char *)body.p, aad, str_sub(body, NONCE_BYTES, body.n), out);
}

static enum err open_field(const struct field_at *f, struct str sealed, struct arena *a, struct str *plain)
{
	unsigned char once[KEY_BYTES];
	enum err e;

	if (sealed.n < HEAD_BYTES + TAG_BYTES || sealed.p[0] != SEALED_FIELD)
		return ERR_INVALID;
	if (!(e = field_key(f->vault->ecb, f->key->key, (const unsigned char *)sealed.p + 1, once)))
		e = open_with(f, once, str_sub(sealed, HEAD_BYTES - NONCE_BYTES, sealed.n), a, plain);
	OPENSSL_cleanse(once, sizeof once);
	return e;
}

/* In any of its forms. */
static enum err open_at(const struct field_at *f, struct str sealed, struct arena *a, struct str *plain)
{
	enum err e = open_field(f, sealed, a, plain);

	if (e != ERR_INVALID || (f->place->within && sealed.p[0] != SEALED_WITHIN))
		return e;
	return open_with(f, f->key->key, str_sub(sealed, f->place->within ? 1 : 0, sealed.n), a, plain);
}

enum err vault_unseal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    int64_t key_version, struct str sealed, struct arena *a, struct str *plain)
{
	const struct seal_place before = {place->table, place->column, place->row, NULL};
	struct data_key k;
	enum err e;

	if (sealed.n < NONCE_BYTES + TAG_BYTES)
		return ERR_INVALID;
	if ((e = data_key_version(v, tx, purpose, key_version, a, &k)))
		return e;
	e = open_at(&(struct field_at){v, &k, place}, sealed, a, plain);
	if (e == ERR_INVALID && place->within)
		e = open_at(&(struct field_at){v, &k, &before}, sealed, a, plain);
	data_key_drop(&k);
	return e;
}

enum err vault_system_seal(struct vault *v, struct tx *tx, const struct seal_place *place, struct str plain,
    struct arena *a, struct str *sealed, int64_t *key_version)
{
	return vault_seal(v, tx, VAULT_SYSTEM, place, plain, a, sealed, key_version);
}

enum err vault_system_unseal(struct vault *v, struct tx *tx, const struct seal_place *place, int64_t key_version,
    struct str sealed, struct arena *a, struct str *plain)
{
	return vault_unseal(v, tx, VAULT_SYSTEM, place, key_version, sealed, a, plain);
}
