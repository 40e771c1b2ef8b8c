#include "auth/auth_client.h"
#include "base/hash.h"
#include "base/shim.h"
#include "sql.h"
#include "vault/vault.h"

#define CLIENT_TEXT_MAX 128
#define SECRET_BYTES 32

struct client_name {
	struct uuid tenant_id, id;
};
_Static_assert(sizeof(struct client_name) == 32, "a client's id has no holes");

static enum err text_print(struct arena *a, struct str prefix, const void *p, size_t n, struct str *text)
{
	struct buf b;

	buf_init(&b, a, CLIENT_TEXT_MAX);
	buf_add(&b, prefix);
	base64url_put(&b, p, n);
	return buf_done(&b, text);
}

enum err client_id_print(struct arena *a, const struct uuid *tenant, const struct uuid *id, struct str *text)
{
	const struct client_name name = {*tenant, *id};

	return text_print(a, S(CLIENT_ID_PREFIX), &name, sizeof name, text);
}

enum err client_secret_make(struct arena *a, struct str *text, unsigned char digest[32])
{
	unsigned char secret[SECRET_BYTES];
	enum err e;

	random_bytes(secret, sizeof secret);
	if ((e = text_print(a, S(CLIENT_SECRET_PREFIX), secret, sizeof secret, text)))
		return e;
	sha256_of(*text, digest);
	return OK;
}

static bool name_read(struct arena *a, struct str text, struct client_name *out)
{
	struct str bytes;

	if (!str_starts(text, S(CLIENT_ID_PREFIX)) || text.n > CLIENT_TEXT_MAX ||
	    base64url_read(a, str_sub(text, sizeof CLIENT_ID_PREFIX - 1, text.n), &bytes) || bytes.n != sizeof *out)
		return false;
	mem_copy(out, bytes.p, sizeof *out);
	return true;
}

struct client_row {
	struct uuid user_id;
	struct str sha256, permissions;
	int64_t expires_at;
};

static enum err client_find(
    struct auth *auth, struct arena *a, const struct client_name *name, struct str digest, struct client_row *row)
{
	static const struct pg_col cols[] = {COL(struct client_row, user_id, PGT_UUID),
	    COL(struct client_row, sha256, PGT_BYTES), COL(struct client_row, permissions, PGT_TEXT),
	    COL(struct client_row, expires_at, PGT_TIME)};
	const struct pg_param in[] = {P_UUID(&name->id)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(auth->app, PG_APP, false, &name->tenant_id, a, &tx)))
		return e;
	if (!(e = tx_one(tx, a, &Q(SQL_client_find, in, cols), row)) && !secret_eq(row->sha256, digest))
		e = ERR_NOT_FOUND;
	if (!e)
		e = tx_queue(tx, &Q_NO_OUT(SQL_client_used, in));
	if (e) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	return tx_commit(tx);
}

enum err client_check(struct auth *auth, struct arena *a, struct str id, struct str secret, struct client *out)
{
	struct client_name name;
	struct client_row row;
	unsigned char digest[32];
	enum err e;

	if (!name_read(a, id, &name) || !str_starts(secret, S(CLIENT_SECRET_PREFIX)))
		return ERR_UNAUTHENTICATED;
	sha256_of(secret, digest);
	if ((e = client_find(auth, a, &name, str_make((const char *)digest, sizeof digest), &row)))
		return e;
	*out = (struct client){name.tenant_id, name.id, row.user_id, row.permissions, row.expires_at};
	return OK;
}

enum err client_alive(struct auth *auth, struct arena *a, const struct token_claims *claims)
{
	struct id_row {
		struct uuid id;
	} row;
	static const struct pg_col cols[] = {COL(struct id_row, id, PGT_UUID)};
	const struct pg_param in[] = {P_UUID(&claims->client_id), P_UUID(&claims->user_id)};
	struct uuid seen = claims->client_id;
	bool factor;
	struct tx *tx;
	enum err e;

	/* The table of what was seen alive is the sessions': with the bits of the version turned round, no client is taken for a session. */
	seen.b[6] ^= 0xf0;
	if (auth_session_seen(auth->cache, &seen, &factor))
		return OK;
	if ((e = tx_open(auth->app, PG_APP, true, &claims->tenant_id, a, &tx)))
		return e;
	if ((e = tx_one(tx, a, &Q(SQL_client_alive, in, cols), &row))) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	if ((e = tx_commit(tx)))
		return e;
	auth_session_keep(auth->cache, &seen, false);
	return OK;
}
