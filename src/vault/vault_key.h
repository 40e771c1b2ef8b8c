/* vault_key.h - data keys: made, wrapped, found again, kept in locked memory. Room-internal.
 *
 * The ring holds unwrapped keys for KEY_AGE_MS, so that a key destroyed by another process is forgotten here soon, whether or not anything
 * can be told to this one. It holds only keys whose row is committed: one that this transaction has just made may yet be rolled back. What a caller gets is a copy, which it
 * cleanses when done (data_key_drop). */
#ifndef VAULT_VAULT_KEY_H
#define VAULT_VAULT_KEY_H

#include <openssl/evp.h>
#include <pthread.h>
#include "vault/vault.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define KEK_ID_CHARS 16
#define KEY_AGE_MS 3000
/* 64 sets of 8: together with the KEK 41 kB, which fits the 64 kB of memory that an unprivileged process may always lock. */
#define RING_SETS 64
#define RING_WAYS 8

struct data_key {
	struct uuid tenant;
	int32_t purpose;
	int32_t version; /* 0: free slot */
	bool newest;
	int64_t loaded_ms; /* monotonic */
	unsigned char key[KEY_BYTES];
};

struct kek {
	unsigned char key[KEY_BYTES], wrap[KEY_BYTES];
};
#define KEKS_MAX 2 /* the present one, and another that is known as well */

#define TOKEN_SALT_BYTES 24
#define TOKENS_PER_KEY (1 << 28)
struct token_key {
	unsigned char salt[TOKEN_SALT_BYTES], key[KEY_BYTES];
	int32_t left; /* tokens that may still be sealed under it; 0: there is none */
};

struct shelf;
/* One mapping: locked, kept out of core files. */
struct vault_secrets {
	struct kek kek[KEKS_MAX];
	struct data_key ring[RING_SETS][RING_WAYS];
	struct token_key token;
};

struct vault {
	EVP_KDF *hkdf;
	EVP_CIPHER *gcm, *ecb; /* fetched once: by its name each time takes longer than the sealing */
	struct vault_secrets *secrets;
	char kek_id[KEKS_MAX][KEK_ID_CHARS + 1]; /* name the KEKs without telling them */
	int keks;
	struct shelf *shelf;	/* vault_shelf.h */
	pthread_mutex_t mutex;	/* guards secrets->ring, the shelf and closing */
	pthread_mutex_t tokens; /* guards secrets->token */
	pthread_cond_t wake;
	pthread_t sweeper; /* drops what is too old, also while nobody asks for anything */
	bool sweeping, closing, locked;
};

/* The tenant's live key, made when there is none. ERR_INTERNAL when the KEK is another one. */
enum err data_key_newest(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, struct data_key *out);
/* ERR_INVALID when there is no such key; ERR_GONE when it was destroyed. */
enum err data_key_version(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, int64_t version, struct arena *a, struct data_key *out);
void data_key_drop(struct data_key *k);
/* version 0 asks for the live one. */
bool ring_find(
    struct vault *v, const struct uuid *tenant, enum vault_purpose purpose, int64_t version, struct data_key *out);
void ring_keep(struct vault *v, const struct data_key *key);
/* A thread takes out of ring and shelf what is older than KEY_AGE_MS. Begun with the first that is kept there, with the mutex held; stop ends it. */
void ring_sweep_start(struct vault *v);
void ring_sweep_stop(struct vault *v);

/* A data key and its wrapped form. */
struct wrapped_key {
	struct uuid owner; /* nil: the installation */
	struct str purpose;
	int64_t version;
	struct str kek_id, wrapped;
};
#define WRAPPED_BYTES (NONCE_BYTES + KEY_BYTES + TAG_BYTES)
/* Under the present KEK. */
enum err key_wrap(const struct vault *v, struct arena *a, const struct wrapped_key *w, const unsigned char *key,
    unsigned char out[WRAPPED_BYTES]);
/* ERR_INTERNAL: another KEK's, or damaged. */
enum err key_unwrap(const struct vault *v, struct arena *a, const struct wrapped_key *w, unsigned char *key);
/* A new random key, stored as this version unless somebody has made it meanwhile. */
enum err key_make(struct vault *v, struct tx *tx, enum vault_purpose purpose, int64_t version, struct arena *a);

/* HKDF-SHA-256 of a key-encryption key. */
enum err kek_derive(const struct vault *v, int kek, struct str salt, struct str info, unsigned char *out, size_t n);

/* vault_field.c: the key for one seal, of a data key and the first 12 bytes of its nonce. */
#define FIELD_NONCE_BYTES 24
enum err field_key(const EVP_CIPHER *ecb, const unsigned char key[KEY_BYTES],
    const unsigned char nonce[FIELD_NONCE_BYTES], unsigned char out[KEY_BYTES]);

/* AES-256-GCM. `out` has room for plain.n + TAG_BYTES. */
enum err gcm_seal(const EVP_CIPHER *gcm, const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES],
    struct str aad, struct str plain, unsigned char *out);
/* `out` has room for sealed.n - TAG_BYTES; ERR_INVALID when it does not open. */
enum err gcm_open(const EVP_CIPHER *gcm, const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES],
    struct str aad, struct str sealed, unsigned char *out);

#endif
