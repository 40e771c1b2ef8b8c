#include "vault/vault_key.h"
#include <openssl/crypto.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "sql.h"

static const struct str purposes[] = {
    [VAULT_PII] = {"pii", 3}, [VAULT_RESPONSE] = {"response", 8}, [VAULT_SYSTEM] = {"system", 6}};

/* The installation's own keys belong to no tenant: whatever tenant is bound, or none. */
static const struct uuid *owner_of(const struct tx *tx, enum vault_purpose purpose)
{
	static const struct uuid nobody;

	return purpose == VAULT_SYSTEM ? &nobody : tx_tenant(tx);
}

/* ---- AES-256-GCM ---- */

static bool gcm_seal_with(EVP_CIPHER_CTX *c, const unsigned char *key, const unsigned char *nonce, struct str aad,
    struct str plain, unsigned char *out)
{
	int n;

	return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1 &&
	       EVP_EncryptUpdate(c, out, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
	       EVP_EncryptFinal_ex(c, out + plain.n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + plain.n) == 1;
}

enum err gcm_seal(const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES], struct str aad,
    struct str plain, unsigned char *out)
{
	EVP_CIPHER_CTX *c;
	bool ok;

	if (plain.n > INT32_MAX || aad.n > INT32_MAX)
		return ERR_LIMIT;
	c = EVP_CIPHER_CTX_new();
	ok = c != NULL && gcm_seal_with(c, key, nonce, aad, plain, out);
	EVP_CIPHER_CTX_free(c);
	return ok ? OK : ERR_INTERNAL;
}

static bool gcm_open_with(EVP_CIPHER_CTX *c, const unsigned char *key, const unsigned char *nonce, struct str aad,
    struct str sealed, unsigned char *out)
{
	size_t length = sealed.n - TAG_BYTES;
	int n;

	return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1 &&
	       EVP_DecryptUpdate(c, out, &n, (const unsigned char *)sealed.p, (int)length) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, (void *)(sealed.p + length)) == 1 &&
	       EVP_DecryptFinal_ex(c, out + length, &n) == 1;
}

enum err gcm_open(const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES], struct str aad,
    struct str sealed, unsigned char *out)
{
	EVP_CIPHER_CTX *c;
	bool ok;

	if (sealed.n < TAG_BYTES || sealed.n > INT32_MAX || aad.n > INT32_MAX)
		return ERR_INVALID;
	c = EVP_CIPHER_CTX_new();
	ok = c != NULL && gcm_open_with(c, key, nonce, aad, sealed, out);
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		OPENSSL_cleanse(out, sealed.n - TAG_BYTES); /* never hand out text whose tag was wrong */
	return ok ? OK : ERR_INVALID;
}

/* ---- the ring ---- */

static struct data_key *ring_set(struct vault *v, const struct uuid *tenant, enum vault_purpose purpose)
{
	uint64_t h = hash64(str_make((const char *)tenant->b, sizeof tenant->b), (uint64_t)purpose);

	return v->secrets->ring[h % RING_SETS];
}

static bool same_owner(const struct data_key *k, const struct uuid *tenant, enum vault_purpose purpose)
{
	return k->version != 0 && k->purpose == (int32_t)purpose && uuid_eq(&k->tenant, tenant);
}

/* version 0 asks for the newest. */
static bool ring_find(
    struct vault *v, const struct uuid *tenant, enum vault_purpose purpose, int64_t version, struct data_key *out)
{
	int64_t oldest = clock_mono_ns() / 1000000 - KEY_AGE_MS;
	struct data_key *set = ring_set(v, tenant, purpose);
	bool found = false;

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < RING_WAYS && !found; i++) {
		struct data_key *k = &set[i];

		if (!same_owner(k, tenant, purpose))
			continue;
		if (k->loaded_ms < oldest) {
			OPENSSL_cleanse(k, sizeof *k);
		} else if (version == 0 ? k->newest : k->version == version) {
			*out = *k;
			found = true;
		}
	}
	pthread_mutex_unlock(&v->mutex);
	return found;
}

static void ring_keep(struct vault *v, const struct data_key *key)
{
	struct data_key *set = ring_set(v, &key->tenant, (enum vault_purpose)key->purpose);
	struct data_key *slot = &set[0];

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < RING_WAYS; i++) {
		struct data_key *k = &set[i];
		bool mine = same_owner(k, &key->tenant, (enum vault_purpose)key->purpose);

		if (mine && key->newest)
			k->newest = false;
		if (mine && k->version == key->version) {
			slot = k;
			break;
		}
		if (k->loaded_ms < slot->loaded_ms) /* free slots have 0 */
			slot = k;
	}
	*slot = *key;
	pthread_mutex_unlock(&v->mutex);
}

/* ---- rows ---- */

struct key_row {
	int64_t key_version;
	struct str wrapped, kek_id;
	bool settled;
};
static const struct pg_col key_cols[] = {COL(struct key_row, key_version, PGT_INT),
    COL(struct key_row, wrapped, PGT_BYTES), COL(struct key_row, kek_id, PGT_TEXT),
    COL(struct key_row, settled, PGT_BOOL)};

static enum err wrap_aad(
    struct arena *a, const struct uuid *tenant, enum vault_purpose purpose, int64_t version, struct str *aad)
{
	struct buf b;
	char id[UUID_TEXT_BYTES];

	uuid_text(tenant, id);
	buf_init(&b, a, KB);
	buf_add(&b, S("wrap|"));
	buf_add(&b, str_make(id, sizeof id));
	buf_char(&b, '|');
	buf_add(&b, purposes[purpose]);
	buf_char(&b, '|');
	buf_int(&b, version);
	return buf_done(&b, aad);
}

static enum err unwrap(struct vault *v, struct arena *a, const struct key_row *row, struct data_key *k)
{
	struct str aad, sealed = str_sub(row->wrapped, NONCE_BYTES, row->wrapped.n);
	enum err e;

	if (row->wrapped.n == 0)
		return ERR_INVALID; /* destroyed */
	if (row->wrapped.n != NONCE_BYTES + KEY_BYTES + TAG_BYTES || !str_eq(row->kek_id, str_from(v->kek_id)))
		return ERR_INTERNAL;
	if ((e = wrap_aad(a, &k->tenant, (enum vault_purpose)k->purpose, row->key_version, &aad)))
		return e;
	if (gcm_open(v->secrets->wrap, (const unsigned char *)row->wrapped.p, aad, sealed, k->key))
		return ERR_INTERNAL;
	k->version = (int32_t)row->key_version;
	k->loaded_ms = clock_mono_ns() / 1000000;
	return OK;
}

static enum err key_store(struct tx *tx, enum vault_purpose purpose, const struct vault *v, struct str wrapped)
{
	const struct str kek_id = str_from(v->kek_id), name = purposes[purpose];

	if (purpose == VAULT_SYSTEM) {
		const struct pg_param in[] = {P_TEXT(name), P_BYTES(wrapped), P_TEXT(kek_id)};

		return tx_exec(tx, &Q_NO_OUT(SQL_system_key_add, in), NULL);
	}
	const struct pg_param in[] = {P_TEXT(name), P_BYTES(wrapped), P_TEXT(kek_id), P_UUID_OR_NULL(tx_actor(tx))};

	return tx_exec(tx, &Q_NO_OUT(SQL_data_key_add, in), NULL);
}

static enum err key_add(struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a)
{
	unsigned char key[KEY_BYTES], wrapped[NONCE_BYTES + KEY_BYTES + TAG_BYTES];
	struct str aad;
	enum err e;

	if ((e = wrap_aad(a, owner_of(tx, purpose), purpose, 1, &aad)))
		return e;
	random_bytes(key, sizeof key);
	random_bytes(wrapped, NONCE_BYTES);
	e = gcm_seal(v->secrets->wrap, wrapped, aad, str_make((const char *)key, sizeof key), wrapped + NONCE_BYTES);
	OPENSSL_cleanse(key, sizeof key);
	return e ? e : key_store(tx, purpose, v, str_make((const char *)wrapped, sizeof wrapped));
}

enum err data_key_newest(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, struct data_key *out)
{
	const struct pg_statement *sql = purpose == VAULT_SYSTEM ? &SQL_system_key_newest : &SQL_data_key_newest;
	const struct pg_param in[] = {P_TEXT(purposes[purpose])};
	struct key_row *rows;
	size_t n;
	enum err e;

	if (ring_find(v, owner_of(tx, purpose), purpose, 0, out))
		return OK;
	*out = (struct data_key){.tenant = *owner_of(tx, purpose), .purpose = (int32_t)purpose, .newest = true};
	/* When another transaction makes the key at the same moment our insert waits for it and then does nothing; reading again finds
	 * its row. So two rounds are enough. */
	for (int round = 0;; round++) {
		if ((e = tx_rows(tx, a, &Q(*sql, in, key_cols), sizeof *rows, (void **)&rows, &n)))
			return e;
		if (n > 0)
			break;
		if (round > 0)
			return ERR_INTERNAL;
		if ((e = key_add(v, tx, purpose, a)))
			return e;
	}
	if ((e = unwrap(v, a, &rows[0], out)))
		return e;
	if (rows[0].settled)
		ring_keep(v, out);
	return OK;
}

enum err data_key_version(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, int64_t version, struct arena *a, struct data_key *out)
{
	const struct pg_statement *sql = purpose == VAULT_SYSTEM ? &SQL_system_key_version : &SQL_data_key_version;
	const struct pg_param in[] = {P_TEXT(purposes[purpose]), P_INT(version)};
	struct key_row *rows;
	size_t n;
	enum err e;

	if (version <= 0)
		return ERR_INVALID;
	if (ring_find(v, owner_of(tx, purpose), purpose, version, out))
		return OK;
	*out = (struct data_key){.tenant = *owner_of(tx, purpose), .purpose = (int32_t)purpose};
	if ((e = tx_rows(tx, a, &Q(*sql, in, key_cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	if (n == 0)
		return ERR_INVALID;
	if ((e = unwrap(v, a, &rows[0], out)))
		return e;
	if (rows[0].settled)
		ring_keep(v, out);
	return OK;
}

void data_key_drop(struct data_key *k)
{
	OPENSSL_cleanse(k->key, sizeof k->key);
}
