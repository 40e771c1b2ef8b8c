#include "vault/vault_key.h"
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "sql.h"
#include "vault/vault_shelf.h"

static const struct str purposes[] = {
    [VAULT_PII] = {"pii", 3},
    [VAULT_RESPONSE] = {"response", 8},
    [VAULT_SYSTEM] = {"system", 6},
    [VAULT_INDEX] = {"index", 5},
    [VAULT_SECRET] = {"secret", 6},
    [VAULT_REPLAY] = {"replay", 6},
};

struct str vault_purpose_name(enum vault_purpose purpose)
{
	return purposes[purpose];
}

bool vault_purpose_read(struct str name, enum vault_purpose *out)
{
	for (size_t i = 0; i < countof(purposes); i++) {
		if (i == VAULT_SYSTEM || i == VAULT_REPLAY || !str_eq(name, purposes[i]))
			continue;
		*out = (enum vault_purpose)i;
		return true;
	}
	return false;
}

/* The installation's own keys belong to no tenant: whatever tenant is bound, or none. */
static const struct uuid *owner_of(const struct tx *tx, enum vault_purpose purpose)
{
	static const struct uuid nobody;

	return purpose == VAULT_SYSTEM ? &nobody : tx_tenant(tx);
}

/* ---- AES-256-GCM ---- */

static bool gcm_seal_with(EVP_CIPHER_CTX *c, const EVP_CIPHER *gcm, const unsigned char *key,
    const unsigned char *nonce, struct str aad, struct str plain, unsigned char *out)
{
	int n;

	return EVP_EncryptInit_ex2(c, gcm, key, nonce, NULL) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1 &&
	       EVP_EncryptUpdate(c, out, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
	       EVP_EncryptFinal_ex(c, out + plain.n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + plain.n) == 1;
}

enum err gcm_seal(const EVP_CIPHER *gcm, const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES],
    struct str aad, struct str plain, unsigned char *out)
{
	EVP_CIPHER_CTX *c;
	bool ok;

	if (plain.n > INT32_MAX || aad.n > INT32_MAX)
		return ERR_LIMIT;
	c = EVP_CIPHER_CTX_new();
	ok = c != NULL && gcm_seal_with(c, gcm, key, nonce, aad, plain, out);
	EVP_CIPHER_CTX_free(c);
	return ok ? OK : ERR_INTERNAL;
}

static bool gcm_open_with(EVP_CIPHER_CTX *c, const EVP_CIPHER *gcm, const unsigned char *key,
    const unsigned char *nonce, struct str aad, struct str sealed, unsigned char *out)
{
	size_t length = sealed.n - TAG_BYTES;
	int n;

	return EVP_DecryptInit_ex2(c, gcm, key, nonce, NULL) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1 &&
	       EVP_DecryptUpdate(c, out, &n, (const unsigned char *)sealed.p, (int)length) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, (void *)(sealed.p + length)) == 1 &&
	       EVP_DecryptFinal_ex(c, out + length, &n) == 1;
}

enum err gcm_open(const EVP_CIPHER *gcm, const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES],
    struct str aad, struct str sealed, unsigned char *out)
{
	EVP_CIPHER_CTX *c;
	bool ok;

	if (sealed.n < TAG_BYTES || sealed.n > INT32_MAX || aad.n > INT32_MAX)
		return ERR_INVALID;
	c = EVP_CIPHER_CTX_new();
	ok = c != NULL && gcm_open_with(c, gcm, key, nonce, aad, sealed, out);
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		OPENSSL_cleanse(out, sealed.n - TAG_BYTES); /* never hand out text whose tag was wrong */
	return ok ? OK : ERR_INVALID;
}

/* ---- wrapping ---- */

static enum err wrap_aad(struct arena *a, const struct wrapped_key *w, struct str *aad)
{
	struct buf b;
	char id[UUID_TEXT_BYTES];

	uuid_text(&w->owner, id);
	buf_init(&b, a, KB);
	buf_add(&b, S("wrap|"));
	buf_add(&b, str_make(id, sizeof id));
	buf_char(&b, '|');
	buf_add(&b, w->purpose);
	buf_char(&b, '|');
	buf_int(&b, w->version);
	return buf_done(&b, aad);
}

enum err key_wrap(const struct vault *v, struct arena *a, const struct wrapped_key *w, const unsigned char *key,
    unsigned char out[WRAPPED_BYTES])
{
	struct str aad;
	enum err e;

	if ((e = wrap_aad(a, w, &aad)))
		return e;
	random_bytes(out, NONCE_BYTES);
	return gcm_seal(
	    v->gcm, v->secrets->kek[0].wrap, out, aad, str_make((const char *)key, KEY_BYTES), out + NONCE_BYTES);
}

enum err key_unwrap(const struct vault *v, struct arena *a, const struct wrapped_key *w, unsigned char *key)
{
	struct str aad;
	enum err e;

	if (w->wrapped.n != WRAPPED_BYTES)
		return ERR_INTERNAL;
	if ((e = wrap_aad(a, w, &aad)))
		return e;
	for (int i = 0; i < v->keks; i++)
		if (str_eq(w->kek_id, str_from(v->kek_id[i])))
			return gcm_open(v->gcm, v->secrets->kek[i].wrap, (const unsigned char *)w->wrapped.p, aad,
				   str_sub(w->wrapped, NONCE_BYTES, w->wrapped.n), key)
				   ? ERR_INTERNAL
				   : OK;
	return ERR_INTERNAL;
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

/* `as`: purpose, newest, loaded_ms. */
static void shelve(struct vault *v, const struct wrapped_key *w, const struct shelf_key *as)
{
	struct shelf_key k = {.tenant = w->owner,
	    .purpose = as->purpose,
	    .version = (int32_t)w->version,
	    .newest = as->newest,
	    .loaded_ms = as->loaded_ms};

	if (w->wrapped.n != sizeof k.wrapped || w->kek_id.n != sizeof k.kek_id)
		return;
	mem_copy(k.kek_id, w->kek_id.p, w->kek_id.n);
	mem_copy(k.wrapped, w->wrapped.p, w->wrapped.n);
	shelf_keep(v, &k);
}

static enum err key_take(struct vault *v, struct arena *a, const struct key_row *row, struct data_key *k)
{
	const struct wrapped_key w = {k->tenant, purposes[k->purpose], row->key_version, row->kek_id, row->wrapped};
	enum err e;

	if (row->wrapped.n == 0)
		return ERR_GONE;
	if ((e = key_unwrap(v, a, &w, k->key)))
		return e;
	k->version = (int32_t)row->key_version;
	k->loaded_ms = clock_mono_ns() / 1000000;
	if (row->settled) {
		ring_keep(v, k);
		shelve(
		    v, &w, &(struct shelf_key){.purpose = k->purpose, .newest = k->newest, .loaded_ms = k->loaded_ms});
	}
	return OK;
}

static enum err key_store(struct tx *tx, const struct wrapped_key *w, struct str wrapped, struct str kek_id)
{
	if (uuid_is_nil(&w->owner)) {
		const struct pg_param in[] = {P_TEXT(w->purpose), P_INT(w->version), P_BYTES(wrapped), P_TEXT(kek_id)};

		return tx_exec(tx, &Q_NO_OUT(SQL_system_key_add, in), NULL);
	}
	const struct pg_param in[] = {
	    P_TEXT(w->purpose), P_INT(w->version), P_BYTES(wrapped), P_TEXT(kek_id), P_UUID_OR_NULL(tx_actor(tx))};

	return tx_exec(tx, &Q_NO_OUT(SQL_data_key_add, in), NULL);
}

enum err key_make(struct vault *v, struct tx *tx, enum vault_purpose purpose, int64_t version, struct arena *a)
{
	const struct wrapped_key w = {
	    .owner = *owner_of(tx, purpose), .purpose = purposes[purpose], .version = version};
	unsigned char key[KEY_BYTES], wrapped[WRAPPED_BYTES];
	enum err e;

	random_bytes(key, sizeof key);
	e = key_wrap(v, a, &w, key, wrapped);
	OPENSSL_cleanse(key, sizeof key);
	return e ? e : key_store(tx, &w, str_make((const char *)wrapped, sizeof wrapped), str_from(v->kek_id[0]));
}

static enum err key_add(struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a)
{
	const struct pg_param in[] = {P_TEXT(purposes[purpose])};
	struct key_row next = {.key_version = 1};
	enum err e = OK;

	if (purpose != VAULT_SYSTEM)
		e = tx_one(tx, a, &Q(SQL_data_key_next, in, key_cols), &next);
	return e ? e : key_make(v, tx, purpose, next.key_version, a);
}

/* ---- keys of before, and all that a tenant seals with ---- */

/* As old as it is there. version 0: the live one. False: the shelf has none. */
static bool from_shelf(
    struct vault *v, const struct data_key *wanted, struct arena *a, struct data_key *out, enum err *e)
{
	struct shelf_key s;

	if (!shelf_find(v, &wanted->tenant, wanted->purpose, wanted->version, &s))
		return false;
	const struct wrapped_key w = {s.tenant, purposes[s.purpose], s.version, str_make(s.kek_id, sizeof s.kek_id),
	    str_make((const char *)s.wrapped, sizeof s.wrapped)};

	*out = (struct data_key){s.tenant, s.purpose, s.version, s.newest, s.loaded_ms, {0}};
	*e = key_unwrap(v, a, &w, out->key);
	if (!*e)
		ring_keep(v, out);
	return true;
}

bool vault_at_hand(struct vault *v, const struct uuid *tenant)
{
	struct shelf_key mode;

	return shelf_find(v, tenant, SHELF_MODE, 0, &mode);
}

void vault_live_query(struct query *q)
{
#define C(member, type) COL(struct vault_live, member, type)
	static const struct pg_col cols[] = {C(purpose, PGT_TEXT), C(key_version, PGT_INT), C(wrapped, PGT_BYTES),
	    C(kek_id, PGT_TEXT), C(settled, PGT_BOOL), C(everything, PGT_BOOL)};
#undef C

	*q = Q_NO_IN(SQL_data_keys_sealing, cols);
}

void vault_live_keep(
    struct vault *v, const struct uuid *tenant, int64_t asked_ms, const struct vault_live *rows, size_t n)
{
	struct shelf_key mode = {
	    .tenant = *tenant, .purpose = SHELF_MODE, .version = 1, .newest = true, .loaded_ms = asked_ms};

	mode.wrapped[0] = n > 0 && rows[0].everything;
	shelf_keep(v, &mode);
	for (size_t i = 0; i < n; i++) {
		const struct wrapped_key w = {
		    *tenant, rows[i].purpose, rows[i].key_version, rows[i].kek_id, rows[i].wrapped};

		for (size_t p = 0; rows[i].settled && p < countof(purposes); p++)
			if (str_eq(rows[i].purpose, purposes[p]))
				shelve(v, &w,
				    &(struct shelf_key){.purpose = (int32_t)p, .newest = true, .loaded_ms = asked_ms});
	}
}

/* One statement for all that the next answer of the tenant is sealed with. */
static enum err shelve_live(struct vault *v, struct tx *tx, struct arena *a, bool *everything)
{
	int64_t asked_ms = clock_mono_ns() / 1000000;
	struct vault_live *rows;
	struct query q;
	size_t n;
	enum err e;

	vault_live_query(&q);
	if ((e = tx_rows(tx, a, &q, sizeof *rows, (void **)&rows, &n)))
		return e;
	*everything = n > 0 && rows[0].everything;
	vault_live_keep(v, tx_tenant(tx), asked_ms, rows, n);
	return OK;
}

enum err data_key_newest(
    struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, struct data_key *out)
{
	const struct pg_statement *sql = purpose == VAULT_SYSTEM ? &SQL_system_key_newest : &SQL_data_key_newest;
	const struct data_key wanted = {.tenant = *owner_of(tx, purpose), .purpose = (int32_t)purpose};
	const struct pg_param in[] = {P_TEXT(purposes[purpose])};
	struct key_row *rows;
	bool everything;
	size_t n;
	enum err e;

	if (ring_find(v, &wanted.tenant, purpose, 0, out))
		return OK;
	if (from_shelf(v, &wanted, a, out, &e))
		return e;
	if (purpose != VAULT_SYSTEM && (e = shelve_live(v, tx, a, &everything)))
		return e;
	if (from_shelf(v, &wanted, a, out, &e))
		return e;
	*out = wanted;
	out->newest = true;
	/* When another transaction makes the key at the same moment our insert waits for it and then does nothing; reading again finds
	 * its row. So two rounds are enough. */
	for (int round = 0;; round++) {
		if ((e = tx_rows(tx, a, &Q(*sql, in, key_cols), sizeof *rows, (void **)&rows, &n)))
			return e;
		if (n > 0)
			return key_take(v, a, &rows[0], out);
		if (round > 0)
			return ERR_INTERNAL;
		if ((e = key_add(v, tx, purpose, a)))
			return e;
	}
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
	const struct data_key wanted = {
	    .tenant = *owner_of(tx, purpose), .purpose = (int32_t)purpose, .version = (int32_t)version};

	if (ring_find(v, &wanted.tenant, purpose, version, out))
		return OK;
	if (from_shelf(v, &wanted, a, out, &e))
		return e;
	*out = (struct data_key){.tenant = wanted.tenant, .purpose = (int32_t)purpose};
	if ((e = tx_rows(tx, a, &Q(*sql, in, key_cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	return n == 0 ? ERR_INVALID : key_take(v, a, &rows[0], out);
}

void data_key_drop(struct data_key *k)
{
	OPENSSL_cleanse(k->key, sizeof k->key);
}

/* ---- what is asked of a tenant ---- */

enum err vault_seals_all(struct vault *v, struct tx *tx, struct arena *a, bool *all)
{
	struct shelf_key mode;

	if (!shelf_find(v, tx_tenant(tx), SHELF_MODE, 0, &mode))
		return shelve_live(v, tx, a, all);
	*all = mode.wrapped[0] != 0;
	return OK;
}

struct mac_key {
	enum vault_purpose purpose;
	int64_t version; /* 0: the live one */
};

static enum err mac_under(struct vault *v, struct tx *tx, const struct mac_key *which, struct str text, struct arena *a,
    unsigned char mac[32], int64_t *key_version)
{
	unsigned int n = 0;
	struct data_key k;
	enum err e = which->version ? data_key_version(v, tx, which->purpose, which->version, a, &k)
				    : data_key_newest(v, tx, which->purpose, a, &k);

	if (e)
		return e;
	if (!HMAC(EVP_sha256(), k.key, KEY_BYTES, (const unsigned char *)text.p, text.n, mac, &n) || n != 32)
		e = ERR_INTERNAL;
	*key_version = k.version;
	data_key_drop(&k);
	return e;
}

enum err vault_index(struct vault *v, struct tx *tx, int64_t version, struct str text, struct arena *a,
    unsigned char mac[32], int64_t *key_version)
{
	return mac_under(v, tx, &(struct mac_key){VAULT_INDEX, version}, text, a, mac, key_version);
}

enum err vault_replay(struct vault *v, struct tx *tx, int64_t version, struct str text, struct arena *a,
    unsigned char mac[32], int64_t *key_version)
{
	return mac_under(v, tx, &(struct mac_key){VAULT_REPLAY, version}, text, a, mac, key_version);
}
