/* vault_manage.c - keys rotated, wrapped anew, destroyed. */
#include <openssl/crypto.h>
#include "base/shim.h"
#include "sql.h"
#include "vault/vault_key.h"

/* Each waits for 200 ms: see migration 0046. */
#define ALONE_TRIES 10
#define ALONE_PAUSE_MS 300

struct str vault_kek_id(const struct vault *v)
{
	return str_from(v->kek_id[0]);
}

enum err vault_alone(struct tx *tx)
{
	const struct timespec pause = {ALONE_PAUSE_MS / 1000, (long)(ALONE_PAUSE_MS % 1000) * 1000000};
	struct alone_row {
		bool alone;
	} row;
	static const struct pg_col cols[] = {COL(struct alone_row, alone, PGT_BOOL)};
	enum err e;

	for (int i = 0; i < ALONE_TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if ((e = tx_one(tx, NULL, &Q_NO_IN(SQL_vault_alone, cols), &row)) || row.alone)
			return e;
	}
	return ERR_BUSY;
}

enum err vault_versions(struct tx *tx, enum vault_purpose purpose, struct arena *a, int64_t **out, size_t *n)
{
	struct version_row {
		int64_t key_version;
	} * rows;
	static const struct pg_col cols[] = {COL(struct version_row, key_version, PGT_INT)};
	const struct pg_param in[] = {P_TEXT(vault_purpose_name(purpose))};
	enum err e;

	if ((e = tx_rows(tx, a, &Q(SQL_data_keys_live, in, cols), sizeof *rows, (void **)&rows, n)))
		return e;
	if (!(*out = arena_array(a, int64_t, *n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = rows[i].key_version;
	return OK;
}

enum err vault_state(struct tx *tx, struct arena *a, struct str *state)
{
	struct state_row {
		struct str state;
	} row;
	static const struct pg_col cols[] = {COL(struct state_row, state, PGT_TEXT)};
	enum err e = tx_one(tx, a, &Q_NO_IN(SQL_vault_state, cols), &row);

	*state = e ? S("") : row.state;
	return e;
}

enum err vault_rotate(struct vault *v, struct tx *tx, enum vault_purpose purpose, struct arena *a, int64_t *version)
{
	int64_t *live;
	size_t n;
	enum err e;

	*version = 0;
	if ((e = vault_alone(tx)) || (e = vault_versions(tx, purpose, a, &live, &n)) || n == 0)
		return e;
	*version = live[n - 1] + 1;
	if ((e = key_make(v, tx, purpose, *version, a)))
		return e;
	const struct pg_param in[] = {P_TEXT(vault_purpose_name(purpose)), P_INT(*version)};

	return tx_exec(tx, &Q_NO_OUT(SQL_data_keys_retire, in), NULL);
}

enum err vault_destroy_retired(struct tx *tx, enum vault_purpose purpose, bool spare, int64_t *destroyed)
{
	const struct pg_param in[] = {P_TEXT(vault_purpose_name(purpose))};

	if (spare)
		return tx_exec(tx, &Q_NO_OUT(SQL_data_keys_destroy_unused, in), destroyed);
	return tx_exec(tx, &Q_NO_OUT(SQL_data_keys_destroy_retired, in), destroyed);
}

enum err vault_shred(struct tx *tx, int64_t *destroyed)
{
	enum err e;

	if ((e = vault_alone(tx)))
		return e;
	return tx_exec(tx, &(struct query){&SQL_data_keys_shred, NULL, 0, NULL, 0}, destroyed);
}

/* ---- another key-encryption key ---- */

struct wrapped_row {
	struct str purpose, wrapped, kek_id;
	int64_t key_version;
};
static const struct pg_col wrapped_cols[] = {COL(struct wrapped_row, purpose, PGT_TEXT),
    COL(struct wrapped_row, key_version, PGT_INT), COL(struct wrapped_row, wrapped, PGT_BYTES),
    COL(struct wrapped_row, kek_id, PGT_TEXT)};

static enum err rewrap_one(
    struct vault *v, struct tx *tx, struct arena *a, const struct uuid *owner, const struct wrapped_row *row)
{
	const struct wrapped_key w = {*owner, row->purpose, row->key_version, row->kek_id, row->wrapped};
	const struct pg_statement *sql = uuid_is_nil(owner) ? &SQL_system_key_rewrap : &SQL_data_key_rewrap;
	unsigned char key[KEY_BYTES], again[WRAPPED_BYTES];
	enum err e;

	if ((e = key_unwrap(v, a, &w, key)))
		return e;
	e = key_wrap(v, a, &w, key, again);
	OPENSSL_cleanse(key, sizeof key);
	if (e)
		return e;
	const struct pg_param in[] = {P_TEXT(row->purpose), P_INT(row->key_version),
	    P_BYTES(str_make((const char *)again, sizeof again)), P_TEXT(vault_kek_id(v))};

	return tx_exec(tx, &Q_NO_OUT(*sql, in), NULL);
}

static enum err rewrap_rows(struct vault *v, struct tx *tx, struct arena *a, const struct uuid *owner,
    const struct query *q, int64_t *rewrapped)
{
	struct wrapped_row *rows;
	size_t n;
	enum err e;

	*rewrapped = 0;
	if ((e = tx_rows(tx, a, q, sizeof *rows, (void **)&rows, &n)))
		return e;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(rows[i].kek_id, vault_kek_id(v)))
			continue;
		if ((e = rewrap_one(v, tx, a, owner, &rows[i])))
			return e;
		(*rewrapped)++;
	}
	return OK;
}

enum err vault_rewrap(struct vault *v, struct tx *tx, struct arena *a, int64_t *rewrapped)
{
	const struct pg_param in[] = {P_TEXT(vault_kek_id(v))};

	return rewrap_rows(v, tx, a, tx_tenant(tx), &Q(SQL_data_keys_elsewhere, in, wrapped_cols), rewrapped);
}

enum err vault_rewrap_system(struct vault *v, struct tx *tx, struct arena *a, int64_t *rewrapped)
{
	static const struct uuid nobody;

	return rewrap_rows(v, tx, a, &nobody, &Q_NO_IN(SQL_system_keys_lock, wrapped_cols), rewrapped);
}
