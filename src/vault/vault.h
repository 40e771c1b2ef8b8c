/* vault.h - keys, and the sealing of fields.
 *
 * Key-encryption key (KEK: 32 bytes from the setting `key` or a file) -> a data key per tenant and purpose, versioned, stored wrapped in table
 * data_keys -> AES-256-GCM. The additional data binds tenant, table, column, row id and key version, so a ciphertext moved elsewhere does
 * not open. Data keys are cached unwrapped for five minutes in memory that is locked (where the kernel allows it) and kept out of core
 * files, at most 512 of them. Thread-safe. */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "core/tx.h"

struct vault;
/* VAULT_SYSTEM has one key for the whole installation: see vault_system_seal. */
enum vault_purpose { VAULT_PII, VAULT_RESPONSE, VAULT_SYSTEM };

struct seal_place {
	struct str table, column;
	const struct uuid *row;
}; /* the tenant comes from the transaction */

/* ERR_SETTING (*why) when the key is missing or not 32 bytes. */
enum err vault_open(const char *key_text, const char *key_file, struct vault **out, const char **why);
void vault_close(struct vault *v);
/* Makes a key file (0600, base64url of 32 random bytes) unless it is there. */
enum err vault_make_key_file(const char *path);
/* A file of a secret: 0600, whole or not at all, never replaced (OK when it is there already). ERR_IO with errno. */
enum err secret_file_make(const char *path, struct str text);
/* At most max - 1 bytes; ERR_LIMIT when there are more, ERR_IO with errno. The caller cleanses `text`. */
enum err secret_file_read(const char *path, char *text, size_t max, size_t *n);
/* Makes the tenant's data key when it has none. Output: nonce | ciphertext | tag, and the key version used. */
enum err vault_seal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    struct str plain, struct arena *a, struct str *sealed, int64_t *key_version);
/* ERR_INVALID when it does not open (moved, changed, key destroyed). */
enum err vault_unseal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    int64_t key_version, struct str sealed, struct arena *a, struct str *plain);
/* The same for what belongs to no tenant, such as a user's second factor, under a key of the installation (table system_keys): the transaction may be
 * bound to any tenant or to none, PG_APP or PG_WORKER. The additional data says "system" in the place of the tenant. A tenant's shredding
 * leaves these alone. The first sealing ever makes the key, so it needs a transaction that may write. */
enum err vault_system_seal(struct vault *v, struct tx *tx, const struct seal_place *place, struct str plain,
    struct arena *a, struct str *sealed, int64_t *key_version);
enum err vault_system_unseal(struct vault *v, struct tx *tx, const struct seal_place *place, int64_t key_version,
    struct str sealed, struct arena *a, struct str *plain);

/* Short-lived text for the client to carry (form state): AES-256-GCM under a key derived (HKDF) from the KEK for `context`. base64url. */
enum err vault_token_seal(struct vault *v, struct str context, struct str plain, struct arena *a, struct str *token);
enum err vault_token_open(
    struct vault *v, struct str context, struct str token, struct arena *a, struct str *plain); /* ERR_INVALID */

/* HMAC-SHA256 in lower-case hex; for signed redirects and streams. */
enum err vault_hmac_hex(struct str key, struct str text, struct arena *a, struct str *hex);
bool secret_eq(struct str a, struct str b); /* constant time */

#endif
