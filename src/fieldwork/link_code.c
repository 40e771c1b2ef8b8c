/* Codes of single-use links: making them, and what one lets in. */
#include "fieldwork/link_code.h"
#include <stdlib.h>
#include "base/hash.h"
#include "sql.h"

bool code_ok(struct str code)
{
	if (code.n < LINK_CODE_MIN_BYTES || code.n > LINK_CODE_MAX_BYTES)
		return false;
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

#define KEY_HEAD                                                                                                       \
	"\xc2\xa7"                                                                                                     \
	"code:"

/* As link_code_key() in the database. */
static enum err key_of(struct arena *a, const struct uuid *link, struct str code, struct str *key)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_add(&b, S(KEY_HEAD));
	buf_add(&b, uuid_str(a, link));
	buf_char(&b, ':');
	buf_add(&b, code);
	return buf_done(&b, key);
}

enum err code_take(struct req *rq, const struct link_view *link, struct str code, struct code_use *out)
{
	struct code_row {
		struct str parameters;
		struct uuid open;
		bool over, revoked;
	} row;
	static const struct pg_col cols[] = {COL(struct code_row, parameters, PGT_JSON),
	    COL(struct code_row, over, PGT_BOOL), COL(struct code_row, open, PGT_UUID),
	    COL(struct code_row, revoked, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_UUID(&link->link_id), P_TEXT(code)};
	struct json *parameters;
	struct json_error why;
	enum err e;

	if (!rq->tx)
		return ERR_AGAIN;
	if (!code_ok(code))
		return ERR_NOT_FOUND;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_code_find, in, cols), &row)) ||
	    (e = key_of(rq->arena, &link->link_id, code, &out->key)))
		return e;
	if (json_read(rq->arena, row.parameters, &json_limits_default, &parameters, &why))
		return ERR_INTERNAL;
	out->parameters = parameters;
	out->open = row.open;
	out->revoked = row.revoked;
	return row.over ? ERR_GONE : OK;
}

enum err code_refuse(struct req *rq, const struct code_use *use)
{
	return req_fail(rq, ERR_GONE, "/code", use->revoked ? "this code was revoked" : "this code was used");
}

enum err code_check(struct req *rq, const struct link_view *link, struct str key)
{
	struct good_row {
		bool good;
	} row;
	static const struct pg_col cols[] = {COL(struct good_row, good, PGT_BOOL)};
	struct str code = key;
	bool more = true;
	enum err e;

	if (!str_starts(key, S(KEY_HEAD)))
		return OK;
	for (struct str rest = key; more;)
		code = str_cut(&rest, ':', &more);
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_UUID(&link->link_id), P_TEXT(code)};

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_code_good, in, cols), &row)))
		return e;
	return row.good ? OK : ERR_GONE;
}

static enum err random_code(struct arena *a, struct str *code)
{
	static const char digits[32] = "23456789abcdefghijkmnpqrstuvwxyz";
	unsigned char random[LINK_CODE_BYTES];
	char *p = arena_alloc(a, sizeof(random));

	if (!p)
		return ERR_MEMORY;
	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		p[i] = digits[random[i] & 31];
	*code = str_make(p, sizeof(random));
	return OK;
}

static int by_id(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct uuid));
}

enum err codes_add(struct tx *tx, struct arena *a, const struct uuid ids[2], const struct code_new *codes, size_t n)
{
	struct uuid *made = arena_array(a, struct uuid, n);
	struct pg_param *list[3];
	struct str code;
	int64_t added;
	enum err e;

	for (size_t c = 0; c < countof(list); c++)
		if (!(list[c] = arena_array(a, struct pg_param, n)))
			return ERR_MEMORY;
	if (!made)
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++)
		made[i] = uuid_new();
	/* lists go by these: as the lines of the file stood */
	qsort(made, n, sizeof *made, by_id);
	for (size_t i = 0; i < n; i++) {
		code = codes[i].code;
		if (code.n == 0 && (e = random_code(a, &code)))
			return e;
		list[0][i] = P_UUID(&made[i]);
		list[1][i] = P_TEXT(code);
		list[2][i] = P_JSON(codes[i].parameters.n ? codes[i].parameters : S("{}"));
	}
	const struct pg_param in[] = {P_UUID(&ids[0]), P_UUID(&ids[1]), P_ARRAY(PGT_UUID, list[0], n),
	    P_ARRAY(PGT_TEXT, list[1], n), P_ARRAY(PGT_JSON, list[2], n), P_UUID_OR_NULL(tx_actor(tx)),
	    P_INT(LINK_CODES_MAX)};

	if ((e = tx_exec(tx, &Q_NO_OUT(SQL_link_codes_add, in), &added)))
		return e;
	return added < (int64_t)n ? ERR_LIMIT : OK;
}
