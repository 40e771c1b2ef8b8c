/* vault_key.h - data keys: made, wrapped, found again, kept in locked memory. Room-internal.
 *
 * The ring holds unwrapped keys for KEY_AGE_MS, so that a key destroyed by another process is forgotten here soon. It holds only keys
 * whose row is committed: one that this transaction has just made may yet be rolled back. What a caller gets is a copy, which it
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
#define KEY_AGE_MS 300000
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

/* One mapping: locked, kept out of core files. */
struct vault_secrets {
	unsigned char kek[KEY_BYTES], wrap[KEY_BYTES];
	struct data_key ring[RING_SETS][RING_WAYS];
};

struct vault {
	EVP_KDF *hkdf;
	struct vault_secrets *secrets;
	char kek_id[KEK_ID_CHARS + 1]; /* names the KEK without telling it */
	pthread_mutex_t mutex;	       /* guards secrets->ring */
};

/* The tenant's newest key, made when there is none. ERR_INVALID when it was destroyed; ERR_INTERNAL when the KEK is another one. */
enum err data_key_newest(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, struct data_key *out);
/* ERR_INVALID when there is no such key or it was destroyed. */
enum err data_key_version(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, int64_t version, struct arena *a, struct data_key *out);
void data_key_drop(struct data_key *k);

/* AES-256-GCM. `out` has room for plain.n + TAG_BYTES. */
enum err gcm_seal(const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES], struct str aad,
    struct str plain, unsigned char *out);
/* `out` has room for sealed.n - TAG_BYTES; ERR_INVALID when it does not open. */
enum err gcm_open(const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES], struct str aad,
    struct str sealed, unsigned char *out);

#endif
