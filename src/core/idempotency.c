#include "core/idempotency.h"

#include "base/hash.h"
#include "base/shim.h"
#include "core/router.h"
#include "sql.h"

static bool applies(const struct req *rq)
{
	return (rq->route->flags & ROUTE_IDEMPOTENT) && rq->idempotency_key.n > 0 && rq->tx && rq->who.known;
}

/* Of method, address and meaning of the body: white space and the order of members make no other payload. */
static enum err plain_hash(struct req *rq, unsigned char out[32])
{
	struct str body = rq->x->body;
	struct sha256 h;
	enum err e;

	if (rq->body) {
		struct json_out w;
		struct buf b;

		buf_init(&b, rq->arena, 4 * HTTP_BODY_API_MAX_BYTES);
		json_out_init(&w, &b);
		json_put_canonical(&w, rq->body);
		if ((e = buf_done(&b, &body)))
			return e;
	}
	sha256_init(&h);
	sha256_add(&h, rq->x->method_text.p, rq->x->method_text.n);
	sha256_add(&h, " ", 1);
	sha256_add(&h, rq->x->path.p, rq->x->path.n);
	sha256_add(&h, "?", 1);
	sha256_add(&h, rq->x->query.p, rq->x->query.n);
	sha256_add(&h, "\n", 1);
	sha256_add(&h, body.p, body.n);
	sha256_done(&h, out);
	return OK;
}

static enum err payload_hash(struct req *rq, unsigned char plain[32], unsigned char out[32])
{
	enum err e = plain_hash(rq, plain);

	if (e)
		return e;
	if (rq->route->flags & ROUTE_PERSONAL_BODY)
		return rq->app->payload_mac(rq, str_make((const char *)plain, 32), out);
	mem_copy(out, plain, 32);
	return OK;
}

static enum err take_lock(struct req *rq)
{
	struct lock_row {
		bool mine;
	} row;
	static const struct pg_col cols[] = {COL(struct lock_row, mine, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&rq->who.user_id), P_TEXT(rq->idempotency_key)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_idempotency_lock, in, cols), &row)))
		return e;
	return row.mine ? OK : ERR_IN_PROGRESS;
}

struct first_reply {
	struct str payload_hash;
	int64_t status;
	struct str location, etag, body;
};

static enum err replay(struct req *rq, const struct first_reply *first)
{
	if (first->location.n > 0)
		reply_header(rq, S("Location"), first->location);
	if (first->etag.n > 0)
		reply_header(rq, S("ETag"), first->etag);
	reply_header(rq, S("Idempotency-Replayed"), S("true"));
	return first->body.n > 0 ? reply_json(rq, (int)first->status, first->body)
				 : reply_empty(rq, (int)first->status);
}

enum err idempotency_begin(struct req *rq, bool *replayed)
{
	const struct pg_param in[] = {P_UUID(&rq->who.user_id), P_TEXT(rq->idempotency_key)};
	static const struct pg_col cols[] = {COL(struct first_reply, payload_hash, PGT_BYTES),
	    COL(struct first_reply, status, PGT_INT), COL(struct first_reply, location, PGT_TEXT),
	    COL(struct first_reply, etag, PGT_TEXT), COL(struct first_reply, body, PGT_TEXT)};
	unsigned char plain[32], hash[32];
	struct first_reply *rows;
	size_t n;
	enum err e;

	*replayed = false;
	if (!applies(rq))
		return OK;
	if ((e = take_lock(rq)) || (e = payload_hash(rq, plain, hash)))
		return e;
	if ((e = tx_rows(rq->tx, rq->arena, &Q(SQL_idempotency_find, in, cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	if (n == 0)
		return OK;
	/* before keyed hashes were kept it was the plain one, and its key is good for a day after the upgrade */
	if (!str_eq(rows[0].payload_hash, str_make((const char *)hash, sizeof hash)) &&
	    !str_eq(rows[0].payload_hash, str_make((const char *)plain, sizeof plain)))
		return ERR_KEY_MISMATCH;
	*replayed = true;
	return replay(rq, &rows[0]);
}

static struct str staged_header(const struct req *rq, struct str name)
{
	const struct http_reply *r = &rq->x->reply;

	for (size_t i = 0; i < r->header_count; i++) {
		if (str_eq_nocase(r->headers[i].name, name))
			return r->headers[i].value;
	}
	return (struct str){0};
}

enum err idempotency_end(struct req *rq)
{
	const struct http_reply *r = &rq->x->reply;
	unsigned char plain[32], hash[32];
	enum err e;

	if (!applies(rq) || r->status < 200 || r->status > 299)
		return OK;
	if ((e = payload_hash(rq, plain, hash)))
		return e;
	const struct pg_param in[] = {P_UUID(&rq->who.user_id), P_TEXT(rq->idempotency_key),
	    P_BYTES(str_make((const char *)hash, sizeof hash)), P_INT(r->status),
	    P_TEXT_OR_NULL(staged_header(rq, S("Location"))), P_TEXT_OR_NULL(staged_header(rq, S("ETag"))),
	    P_TEXT(r->body)};
	const struct pg_param key[] = {in[0], in[1]};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_idempotency_expire, key))))
		return e;
	return tx_queue(rq->tx, &Q_NO_OUT(SQL_idempotency_add, in));
}
