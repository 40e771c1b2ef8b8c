#include "auth/auth_second.h"
#include <openssl/crypto.h>
#include "auth/auth_backoff.h"
#include "auth/auth_totp.h"
#include "auth/auth_warn.h"
#include "base/hash.h"
#include "event/event.h"
#include "sql.h"
#include "vault/vault.h"

#define CODE_BYTES 10	/* of a recovery code */
#define CODE_LETTERS 16 /* the same in base32 */
#define CODE_GROUP 4	/* letters between dashes */
#define CODES_MAX_BYTES 4096

struct factor_row {
	struct str sealed, json;
	int64_t key_version, version; /* version: of the user, when it is confirmed */
	bool confirmed;
};
struct user_row {
	struct uuid user_id;
};
struct version_row {
	int64_t version;
};
static const struct pg_col user_cols[] = {COL(struct user_row, user_id, PGT_UUID)},
			   version_cols[] = {COL(struct version_row, version, PGT_INT)};

/* ERR_NOT_FOUND when nothing was begun. */
static enum err factor_get(struct req *rq, struct tx *tx, const struct uuid *user, struct factor_row *row)
{
	static const struct pg_col cols[] = {COL(struct factor_row, sealed, PGT_BYTES),
	    COL(struct factor_row, key_version, PGT_INT), COL(struct factor_row, confirmed, PGT_BOOL),
	    COL(struct factor_row, version, PGT_INT), COL(struct factor_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(user)};

	return tx_one(tx, rq->arena, &Q(SQL_second_factor_get, in, cols), row);
}

static struct seal_place place_of(const struct uuid *user)
{
	return (struct seal_place){S("second_factors"), S("sealed"), user};
}

static enum err user_event(struct tx *tx, const struct uuid *user, struct str type, int64_t version)
{
	return event_append(tx, &(struct event){S("user"), user, type, S(""), version});
}

enum err second_factor_start(struct req *rq, struct tx *tx, const struct uuid *user, struct str *secret)
{
	unsigned char *bytes = arena_alloc(rq->arena, TOTP_SECRET_BYTES);
	const struct seal_place place = place_of(user);
	struct user_row row;
	struct str sealed;
	int64_t version;
	enum err e;

	if (bytes == NULL)
		return ERR_MEMORY;
	random_bytes(bytes, TOTP_SECRET_BYTES);
	*secret = str_make((const char *)bytes, TOTP_SECRET_BYTES);
	if ((e = vault_system_seal(rq->app->vault, tx, &place, *secret, rq->arena, &sealed, &version)))
		return e;
	const struct pg_param in[] = {P_UUID(user), P_BYTES(sealed), P_INT(version)};

	e = tx_one(tx, rq->arena, &Q(SQL_second_factor_start, in, user_cols), &row);
	return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

/* ---- codes ---- */

/* Upper case, without blanks and dashes; empty when it is too long or has other characters. */
static struct str code_plain(struct arena *a, struct str text)
{
	struct str code = S("");
	struct buf b;

	buf_init(&b, a, SECOND_CODE_MAX);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ' ' || c == '-')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			return S("");
		buf_char(&b, c);
	}
	return buf_done(&b, &code) ? S("") : code;
}

static enum err code_hash(struct arena *a, const struct uuid *user, struct str code, struct str *hex)
{
	unsigned char digest[32];
	struct sha256 h;
	struct buf b;

	sha256_init(&h);
	sha256_add(&h, user->b, sizeof user->b);
	sha256_add(&h, code.p, code.n);
	sha256_done(&h, digest);
	buf_init(&b, a, 2 * sizeof digest);
	hex_put(&b, digest, sizeof digest);
	return buf_done(&b, hex);
}

static enum err take_program_code(
    struct req *rq, struct tx *tx, const struct uuid *user, const struct factor_row *f, struct str code)
{
	const struct seal_place place = place_of(user);
	struct user_row row;
	struct str secret;
	int64_t step;
	enum err e;

	if ((e = vault_system_unseal(rq->app->vault, tx, &place, f->key_version, f->sealed, rq->arena, &secret)))
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	step = totp_find(secret, clock_now_ms() / 1000, code);
	OPENSSL_cleanse((char *)secret.p, secret.n);
	if (step == 0)
		return ERR_UNAUTHENTICATED;
	const struct pg_param in[] = {P_UUID(user), P_INT(step), P_BOOL(f->confirmed)};

	e = tx_one(tx, rq->arena, &Q(SQL_second_factor_step, in, user_cols), &row);
	return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
}

static enum err take_recovery_code(struct req *rq, struct tx *tx, const struct uuid *user, struct str code)
{
	struct version_row row;
	struct str hash;
	enum err e;

	if ((e = code_hash(rq->arena, user, code, &hash)))
		return e;
	const struct pg_param in[] = {P_UUID(user), P_TEXT(hash)};

	if ((e = tx_one(tx, rq->arena, &Q(SQL_second_factor_recover, in, version_cols), &row)))
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	return user_event(tx, user, S("recovery_code_used"), row.version);
}

enum err second_factor_first(struct req *rq, struct tx *tx, const struct uuid *user, struct str code)
{
	struct factor_row f;
	enum err e = factor_get(rq, tx, user, &f);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	return f.confirmed ? ERR_CONFLICT : take_program_code(rq, tx, user, &f, code_plain(rq->arena, code));
}

enum err second_factor_check(struct req *rq, struct tx *tx, const struct uuid *user, struct str code)
{
	struct factor_row f;
	enum err e = factor_get(rq, tx, user, &f);

	if (e || !f.confirmed)
		return !e || e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	code = code_plain(rq->arena, code);
	if (code.n == CODE_LETTERS)
		return take_recovery_code(rq, tx, user, code);
	e = take_program_code(rq, tx, user, &f, code);
	return e ? e : user_event(tx, user, S("second_factor_used"), f.version);
}

/* ---- counting ---- */

enum err second_factor_end(struct req *rq, const struct backoff *b, struct str email, enum err e, enum err refused)
{
	e = backoff_end(rq, b, e, ERR_UNAUTHENTICATED);
	if (e != ERR_UNAUTHENTICATED || (e = warn_failed(rq, b, email)))
		return e;
	return req_fail(rq, refused, "/code", "This is not the code, or it was used before.");
}

/* ---- recovery codes ---- */

/* One code, as people see it into the list and as its hash into the text for the database. */
static enum err code_make(struct arena *a, const struct uuid *user, struct json_out *list, struct buf *hashes)
{
	unsigned char bytes[CODE_BYTES];
	struct str code, shown, hash;
	struct buf b;
	enum err e;

	random_bytes(bytes, sizeof bytes);
	buf_init(&b, a, CODE_LETTERS);
	base32_put(&b, bytes, sizeof bytes);
	OPENSSL_cleanse(bytes, sizeof bytes);
	if ((e = buf_done(&b, &code)) || (e = code_hash(a, user, code, &hash)))
		return e;
	buf_init(&b, a, 2 * CODE_LETTERS);
	for (size_t i = 0; i < code.n; i++) {
		if (i > 0 && i % CODE_GROUP == 0)
			buf_char(&b, '-');
		buf_char(&b, code.p[i]);
	}
	if ((e = buf_done(&b, &shown)))
		return e;
	json_put_str(list, shown);
	if (hashes->n > 0)
		buf_char(hashes, ' ');
	buf_add(hashes, hash);
	return OK;
}

enum err second_factor_codes(struct req *rq, struct tx *tx, const struct uuid *user, bool first, struct str *json)
{
	struct version_row row;
	struct json_out list;
	struct buf b, hashes;
	struct str text;
	enum err e;

	buf_init(&b, rq->arena, CODES_MAX_BYTES);
	buf_init(&hashes, rq->arena, CODES_MAX_BYTES);
	json_out_init(&list, &b);
	json_open(&list, '[');
	for (int i = 0; i < RECOVERY_CODES; i++) {
		if ((e = code_make(rq->arena, user, &list, &hashes)))
			return e;
	}
	json_close(&list, ']');
	if ((e = buf_done(&b, json)) || (e = buf_done(&hashes, &text)))
		return e;
	const struct pg_param in[] = {P_UUID(user), P_TEXT(text), P_BOOL(!first)};

	if ((e = tx_one(tx, rq->arena, &Q(SQL_second_factor_codes, in, version_cols), &row)))
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	return user_event(tx, user, first ? S("second_factor_enabled") : S("recovery_codes_made"), row.version);
}

/* ---- the rest ---- */

enum err second_factor_json(struct req *rq, struct tx *tx, const struct uuid *user, struct str *json)
{
	struct factor_row f;
	enum err e = factor_get(rq, tx, user, &f);

	if (e && e != ERR_NOT_FOUND)
		return e;
	*json = e ? S("{\"enabled\":false,\"enabled_at\":null,\"recovery_codes_left\":0}") : f.json;
	return OK;
}

enum err second_factor_remove(struct tx *tx, struct arena *a, const struct uuid *user)
{
	const struct pg_param in[] = {P_UUID(user)};
	struct version_row row;
	enum err e = tx_one(tx, a, &Q(SQL_second_factor_remove, in, version_cols), &row);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	return user_event(tx, user, S("second_factor_removed"), row.version);
}
