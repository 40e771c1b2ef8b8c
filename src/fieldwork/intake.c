/* Judging an answer, and finding one that was written before. Writing: intake_write.c. */
#include "fieldwork/intake.h"
#include "sql.h"
#include "vault/vault.h"

struct interview intake_interview(const struct program *program, const struct submission *s)
{
	return (struct interview){
	    .program = program,
	    .seed = s->seed,
	    .now_ms = s->now_ms,
	    .language = program_language_pick(program, s->language),
	    .parameters = s->parameters,
	    .answers = s->answers,
	    .full = s->full.cells,
	    .full_count = s->full.n,
	    .filled = s->filled.used,
	    .filled_count = s->filled.n,
	    .drawn = s->drawn,
	    .filled_now = s->filled_now,
	};
}

enum err intake_judge(struct arena *a, const struct program *program, const struct submission *s,
    struct verdict *verdict, struct str *language)
{
	struct interview in = intake_interview(program, s);

	*language = in.language;
	return interview_run(&in, RUN_COMPLETE, -1, a, verdict);
}

void intake_abandon(struct req *rq)
{
	if (rq->tx)
		tx_rollback(rq->tx);
	rq->tx = NULL;
}

/* ---- replay ---- */

struct stored {
	struct uuid id, link_id;
	int64_t survey_version, completed_at, payload_key_version, seed, started_at;
	struct str status, outcome, payload_hash, language;
	bool paged;
	bool blind; /* there is nothing by which a payload would be known again */
};

/* Of an answer whose personal part was removed the hash is gone, of a shredded one its key; then the idempotency key alone says which one it is. What was saved page by
 * page may never have had one: nothing was sent whole that this could be once more. */
static enum err same_payload(struct req *rq, struct tx *tx, struct stored *stored, const unsigned char *payload_hash)
{
	struct str sent;
	unsigned char mac[32];
	int64_t version;
	enum err e;

	stored->blind = stored->payload_hash.n == 0;
	if (!payload_hash)
		return OK;
	if (stored->blind)
		return stored->paged ? ERR_KEY_MISMATCH : OK;
	sent = str_make((const char *)payload_hash, 32);
	if (stored->payload_key_version > 0) {
		e = vault_replay(rq->app->vault, tx, stored->payload_key_version, sent, rq->arena, mac, &version);
		stored->blind = e == ERR_GONE;
		if (e)
			return e == ERR_GONE ? OK : e == ERR_INVALID ? ERR_INTERNAL : e;
		sent = str_make((const char *)mac, sizeof mac);
	}
	return secret_eq(stored->payload_hash, sent) ? OK : ERR_KEY_MISMATCH;
}

static enum err read_stored(
    struct req *rq, const struct link_view *link, struct str key, const unsigned char *payload_hash, struct stored *out)
{
	static const struct pg_col cols[] = {
	    COL(struct stored, id, PGT_UUID),
	    COL(struct stored, survey_version, PGT_INT),
	    COL(struct stored, status, PGT_TEXT),
	    COL(struct stored, outcome, PGT_TEXT),
	    COL(struct stored, completed_at, PGT_TIME),
	    COL(struct stored, payload_hash, PGT_BYTES),
	    COL(struct stored, payload_key_version, PGT_INT),
	    COL(struct stored, seed, PGT_INT),
	    COL(struct stored, started_at, PGT_TIME),
	    COL(struct stored, language, PGT_TEXT),
	    COL(struct stored, paged, PGT_BOOL),
	    COL(struct stored, link_id, PGT_UUID),
	};
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_TEXT(key)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_PUBLIC, true, &link->tenant_id, rq->arena, &tx)))
		return e;
	if (!(e = tx_one(tx, rq->arena, &Q(SQL_response_by_key, in, cols), out)))
		e = same_payload(rq, tx, out, payload_hash);
	tx_rollback(tx);
	return e;
}

enum err intake_replay(struct req *rq, const struct link_view *link, struct str key, const unsigned char *payload_hash,
    struct receipt *out)
{
	struct stored stored = {0};
	enum err e;

	intake_abandon(rq);
	e = read_stored(rq, link, key, payload_hash, &stored);
	if (e && e != ERR_KEY_MISMATCH)
		return e;
	*out = (struct receipt){
	    .id = stored.id,
	    .status = stored.status,
	    .outcome = stored.outcome,
	    .survey_version = stored.survey_version,
	    .completed_ms = stored.completed_at,
	    .replayed = true,
	    .paged = stored.paged,
	    .unhashed = stored.blind,
	    .link_id = stored.link_id,
	    .started_ms = stored.started_at,
	    .seed = (uint64_t)stored.seed,
	    .language = stored.language,
	};
	return e;
}

enum err intake_used(struct req *rq, const struct link_view *link, struct str key)
{
	const char *pointer = link->single_use ? "/code" : "";
	struct receipt r;
	enum err e = intake_replay(rq, link, key, NULL, &r);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	if (str_eq(r.status, S("started")) || str_eq(r.status, S("in_progress")))
		return req_fail(rq, ERR_CONFLICT, pointer,
		    link->single_use ? "an interview is under way with it: go on with that"
				     : "this panelist's interview was begun elsewhere: go on with that");
	return req_fail(rq, ERR_GONE, pointer, link->single_use ? "this code was used" : "this panelist has answered");
}
