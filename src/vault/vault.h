/* vault.h - keys, and the sealing of fields.
 *
 * Key-encryption key (KEK: 32 bytes from the setting `key` or a file) -> a data key per tenant and purpose, versioned, stored wrapped in table
 * data_keys -> a key for each seal, by its nonce of 24 bytes -> AES-256-GCM (XAES-256-GCM: as many seals under one version as anybody likes). The additional data binds tenant, table, column, row id and key version, so a ciphertext moved elsewhere does
 * not open. A row whose id is unique only within another (an answer within its survey) names that as well; what was sealed before such a row did is opened without
 * it, and is bound to it when it is next sealed.
 *
 * A version of a key is live (it seals), retired (it only opens what it sealed; rotation made another one live) or destroyed (its bytes are gone:
 * ERR_GONE). Unwrapped keys stay in memory for three seconds at most, locked (where the kernel allows it) and kept out of core files, at
 * most 512 of them, and wrapped ones of some thousand tenants for as long; so nobody has to be told of a destroyed key. Who seals with a key that was retired meanwhile is refused by the database: his
 * statement fails with ERR_CONFLICT and tx_constraint() "seal_check". Then vault_forget() and do the transaction again. Thread-safe. */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "core/tx.h"

struct vault;
/* PII seals the column `sealed` of responses, RESPONSE their `answers_sealed`, and neither anything else, because rotation destroys their old versions once the responses are sealed
 * anew. SECRET is for all else of a tenant that is to be kept from readers of the database (client secrets, what a job carries): its old
 * versions stay until the tenant is shredded. INDEX: vault_index(). REPLAY: vault_replay(), never rotated. SYSTEM has one key for the whole installation: vault_system_seal(). */
enum vault_purpose { VAULT_PII, VAULT_RESPONSE, VAULT_SYSTEM, VAULT_INDEX, VAULT_SECRET, VAULT_REPLAY };

struct seal_place {
	struct str table, column;
	const struct uuid *row, *within; /* within: NULL where the row's id is unique in the tenant */
};					 /* the tenant comes from the transaction */

/* ERR_SETTING (*why) when the key is missing or not 32 bytes. */
enum err vault_open(const char *key_text, const char *key_file, struct vault **out, const char **why);
/* Another KEK that is known as well (its predecessor, or its successor): what is wrapped under it opens, new keys are not. Before the vault is used. */
enum err vault_add_key(struct vault *v, const char *key_text, const char *key_file, const char **why);
void vault_close(struct vault *v);
/* Whether the kernel locked the memory of the keys; where it did not, they may be written to swap. */
bool vault_is_locked(const struct vault *v);
/* Makes a key file (0600, base64url of 32 random bytes) unless it is there. */
enum err vault_make_key_file(const char *path);
/* A file of a secret: 0600, whole or not at all, never replaced (OK when it is there already). ERR_IO with errno. */
enum err secret_file_make(const char *path, struct str text);
/* At most max - 1 bytes; ERR_LIMIT when there are more, ERR_IO with errno. The caller cleanses `text`. */
enum err secret_file_read(const char *path, char *text, size_t max, size_t *n);
/* Makes the tenant's data key when it has none. Output: what vault_field.c describes, 41 bytes longer than `plain`; and the key version used. */
enum err vault_seal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    struct str plain, struct arena *a, struct str *sealed, int64_t *key_version);
/* ERR_INVALID when it does not open (moved, changed); ERR_GONE when its key was destroyed: shredded. */
enum err vault_unseal(struct vault *v, struct tx *tx, enum vault_purpose purpose, const struct seal_place *place,
    int64_t key_version, struct str sealed, struct arena *a, struct str *plain);
/* Whether all answers of the transaction's tenant are to be sealed (VAULT_RESPONSE), not only personal ones; at most three seconds old. */
enum err vault_seals_all(struct vault *v, struct tx *tx, struct arena *a, bool *all);
/* The same, and the keys, asked for before there is a transaction to seal in, of many tenants at once. False: the next sealing for the tenant would ask the
 * database. Who finds that runs the query, bound to the tenant (PG_PUBLIC and others), and hands over its rows with the time before he sent it (monotonic);
 * where he does not, or it fails, the next sealing asks. */
bool vault_at_hand(struct vault *v, const struct uuid *tenant);
struct vault_live {
	struct str purpose, wrapped, kek_id;
	int64_t key_version;
	bool settled, everything;
};
void vault_live_query(struct query *q);
void vault_live_keep(
    struct vault *v, const struct uuid *tenant, int64_t asked_ms, const struct vault_live *rows, size_t n);
/* HMAC-SHA-256 of `text` under the tenant's index key: version 0 asks for the live one. *key_version: the one taken. ERR_GONE, ERR_INVALID. */
enum err vault_index(struct vault *v, struct tx *tx, int64_t version, struct str text, struct arena *a,
    unsigned char mac[32], int64_t *key_version);
/* The same under the tenant's key for knowing again what was sent, which only shredding ends: what was made with it can be compared for ever. */
enum err vault_replay(struct vault *v, struct tx *tx, int64_t version, struct str text, struct arena *a,
    unsigned char mac[32], int64_t *key_version);
/* Drops what this process holds of the tenant. */
void vault_forget(struct vault *v, const struct uuid *tenant);

/* The same for what belongs to no tenant, such as a user's second factor, under a key of the installation (table system_keys): the transaction may be
 * bound to any tenant or to none, PG_APP or PG_WORKER. The additional data says "system" in the place of the tenant. A tenant's shredding
 * leaves these alone. The first sealing ever makes the key, so it needs a transaction that may write. */
enum err vault_system_seal(struct vault *v, struct tx *tx, const struct seal_place *place, struct str plain,
    struct arena *a, struct str *sealed, int64_t *key_version);
enum err vault_system_unseal(struct vault *v, struct tx *tx, const struct seal_place *place, int64_t key_version,
    struct str sealed, struct arena *a, struct str *plain);

/* ---- keys managed: in transactions of PG_WORKER that are bound to the tenant; after the commit vault_forget() ---- */

bool vault_purpose_read(struct str name, enum vault_purpose *out); /* pii response index secret */
struct str vault_purpose_name(enum vault_purpose purpose);
/* Waits until nobody is sealing for the tenant, and keeps others from it until the transaction ends: keep it short. ERR_BUSY after five seconds, because somebody's
 * transaction with a seal in it hangs; those who seal waited for a fifth of a second at a time. Its first statement, so that nothing else is held. PG_APP too. */
enum err vault_alone(struct tx *tx);
/* A new live version; those before are retired. *version 0: the tenant has no key of this purpose, so there was nothing to do. */
enum err vault_rotate(struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, int64_t *version);
/* Versions whose bytes there are, oldest first. */
enum err vault_versions(struct tx *tx, enum vault_purpose purpose, struct arena *a, int64_t **out, size_t *n);
/* Destroys the retired versions; the caller knows that nothing uses them, or wants those spared that something does (a scan of the answers). */
enum err vault_destroy_retired(struct tx *tx, enum vault_purpose purpose, bool spare, int64_t *destroyed);
/* Destroys every key of the tenant; the next sealing makes new ones. */
enum err vault_shred(struct tx *tx, int64_t *destroyed);
/* Wraps under the present KEK what is wrapped under the other one. ERR_INTERNAL when some key is under neither. system: the
 * installation's, in a transaction that need not be bound. */
enum err vault_rewrap(struct vault *v, struct tx *tx, struct arena *a, int64_t *rewrapped);
enum err vault_rewrap_system(struct vault *v, struct tx *tx, struct arena *a, int64_t *rewrapped);
/* What a tenant's answers are to be sealed with just now, as a text to compare: whether all, and the live versions of pii, response and index. */
enum err vault_state(struct tx *tx, struct arena *a, struct str *state);
struct str vault_kek_id(const struct vault *v); /* 16 hexadecimal digits that name the present KEK without telling it */

/* Short-lived text for the client to carry (form state): AES-256-GCM under a key derived (HKDF) from the KEK, bound to `context`. base64url. */
enum err vault_token_seal(struct vault *v, struct str context, struct str plain, struct arena *a, struct str *token);
enum err vault_token_open(
    struct vault *v, struct str context, struct str token, struct arena *a, struct str *plain); /* ERR_INVALID */

/* What proves that a text which is no secret came from here, the same each time: HMAC-SHA-256 under a key derived as above, base64url, 43 characters. */
enum err vault_token_mac(struct vault *v, struct str context, struct str text, struct arena *a, struct str *mac);
/* Under any KEK that is known. ERR_INVALID: it is another. */
enum err vault_token_check(struct vault *v, struct str context, struct str text, struct str mac, struct arena *a);

/* HMAC-SHA256 in lower-case hex; for signed redirects and streams. */
enum err vault_hmac_hex(struct str key, struct str text, struct arena *a, struct str *hex);
bool secret_eq(struct str a, struct str b); /* constant time */

#endif
