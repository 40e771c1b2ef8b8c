#include "auth/auth_key.h"
#include "base/hash.h"
#include "base/shim.h"
#include "sql.h"
#include "vault/vault.h"

#define KEY_TEXT_MAX 128

struct key_bytes {
	struct uuid tenant_id, id;
	unsigned char secret[32];
};
_Static_assert(sizeof(struct key_bytes) == 64, "a key has no holes");

enum err api_key_make(
    struct arena *a, const struct uuid *tenant, const struct uuid *id, struct str *text, unsigned char digest[32])
{
	struct key_bytes k = {.tenant_id = *tenant, .id = *id};
	struct buf b;
	enum err e;

	random_bytes(k.secret, sizeof k.secret);
	buf_init(&b, a, KEY_TEXT_MAX);
	buf_add(&b, S(KEY_PREFIX));
	base64url_put(&b, (const unsigned char *)&k, sizeof k);
	if ((e = buf_done(&b, text)))
		return e;
	sha256_of(*text, digest);
	return OK;
}

struct key_row {
	struct uuid user_id;
	struct str sha256, permissions;
	int64_t expires_at;
};

static enum err key_find(
    struct auth *auth, struct arena *a, const struct key_bytes *k, struct str digest, struct key_row *row)
{
	static const struct pg_col cols[] = {COL(struct key_row, user_id, PGT_UUID),
	    COL(struct key_row, sha256, PGT_BYTES), COL(struct key_row, permissions, PGT_TEXT),
	    COL(struct key_row, expires_at, PGT_TIME)};
	const struct pg_param in[] = {P_UUID(&k->id)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(auth->app, PG_APP, false, &k->tenant_id, a, &tx)))
		return e;
	if (!(e = tx_one(tx, a, &Q(SQL_key_find, in, cols), row)) && !secret_eq(row->sha256, digest))
		e = ERR_NOT_FOUND;
	if (!e)
		e = tx_queue(tx, &Q_NO_OUT(SQL_key_used, in));
	if (e) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	return tx_commit(tx);
}

enum err api_key_check(
    struct auth *auth, struct arena *a, struct str text, const unsigned char digest[32], struct token_claims *out)
{
	int64_t until = clock_now_ms() + KEY_AGE_MS;
	struct key_bytes k;
	struct key_row row;
	struct str bytes;
	enum err e;

	if (base64url_read(a, str_sub(text, sizeof KEY_PREFIX - 1, text.n), &bytes) || bytes.n != sizeof k)
		return ERR_UNAUTHENTICATED;
	mem_copy(&k, bytes.p, sizeof k);
	if ((e = key_find(auth, a, &k, str_make((const char *)digest, 32), &row)))
		return e;
	*out = (struct token_claims){.user_id = row.user_id,
	    .tenant_id = k.tenant_id,
	    .key_id = k.id,
	    .scopes = auth_permissions(S(""), row.permissions) & ~PERMS_OF_ONESELF,
	    .expires_at_ms = row.expires_at > 0 && row.expires_at < until ? row.expires_at : until};
	return OK;
}
