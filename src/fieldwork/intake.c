/* Judging an answer and writing it. The write step is the only one that knows the database, so that another writer
 * can take its place. */
#include "fieldwork/intake.h"
#include "event/event.h"
#include "fieldwork/sealing.h"
#include "sql.h"
#include "vault/vault.h"

#define SEAL_ATTEMPTS 4 /* a tenant's keys are rotated once in a long while, and hardly four times in a moment */

static struct interview interview_of(const struct program *program, const struct submission *s)
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
	};
}

enum err intake_judge(struct arena *a, const struct program *program, const struct submission *s,
    struct verdict *verdict, struct str *language)
{
	struct interview in = interview_of(program, s);

	*language = in.language;
	return interview_run(&in, RUN_COMPLETE, -1, a, verdict);
}

/* ---- write ---- */

static enum err event_data(struct arena *a, const struct response *r, struct str *data)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, 4 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("survey_id"), uuid_str(a, &r->link->survey_id));
	json_field_str(&w, S("link_id"), uuid_str(a, &r->link->link_id));
	json_field_int(&w, S("survey_version"), r->survey_version);
	json_field_str(&w, S("status"), r->verdict->status);
	json_field_str(&w, S("outcome"), r->verdict->outcome);
	json_field_str(&w, S("language"), r->language);
	json_close(&w, '}');
	return buf_done(&b, data);
}

static enum err consents_of(struct arena *a, const struct response *r, struct consents *out)
{
	const struct submission *s = r->submission;
	const struct interview in = interview_of(r->program, s);
	const struct consent_note note = {s->now_ms, {s->consents[0], s->consents[1]}, -1, NULL};

	return interview_consents(&in, &note, a, out);
}

/* The personal answers with one member more, whose name no question can have. */
static enum err with_consents(struct arena *a, struct str answers, struct str consents, struct str *out)
{
	struct buf b;

	*out = answers;
	if (str_eq(consents, S("{}")))
		return OK;
	buf_init(&b, a, answers.n + consents.n + 32);
	buf_add(&b, str_sub(answers, 0, answers.n - 1));
	buf_add(&b, answers.n > 2 ? S(",\"@consents\":") : S("\"@consents\":"));
	buf_add(&b, consents);
	buf_char(&b, '}');
	return buf_done(&b, out);
}

/* What is personal is stored sealed and bound to its row, never beside the others; all of it where the tenant wants that. */
static enum err seal(struct req *rq, const struct response *r, const struct uuid *id, struct sealed_answer *out)
{
	struct plain_answer plain = {.answers = r->verdict->answers};
	struct consents consents;
	enum err e;

	if ((e = consents_of(rq->arena, r, &consents)) ||
	    (e = with_consents(rq->arena, r->verdict->personal, consents.personal, &plain.personal)))
		return e;
	plain.consents = consents.open;
	return answer_seal(rq->app, rq->tx, id, &plain, rq->arena, out);
}

/* The places that an answer takes: only those that are counted, which completed ones are. */
static struct quota_list places(const struct response *r)
{
	bool counted = str_eq(r->verdict->status, S("completed"));

	return (struct quota_list){r->verdict->cells, counted ? r->verdict->cell_count : 0};
}

/* What is kept of the payload to know it again: see vault_replay(). */
static enum err payload_mac(struct req *rq, const struct response *r, struct str *mac, int64_t *version)
{
	unsigned char *out = arena_alloc(rq->arena, 32);

	if (!out)
		return ERR_MEMORY;
	*mac = str_make((const char *)out, 32);
	return vault_replay(
	    rq->app->vault, rq->tx, 0, str_make((const char *)r->payload_hash, 32), rq->arena, out, version);
}

static enum err queue_response(struct req *rq, const struct response *r, const struct receipt *receipt)
{
	const struct verdict *v = r->verdict;
	const struct quota_list cells = places(r);
	struct sealed_answer s;
	struct str data, cells_json, mac;
	int64_t mac_version;
	enum err e;

	if ((e = seal(rq, r, &receipt->id, &s)) || (e = event_data(rq->arena, r, &data)) ||
	    (e = quota_json(rq->arena, &cells, &cells_json)) || (e = payload_mac(rq, r, &mac, &mac_version)))
		return e;
	const struct pg_param in[] = {P_UUID(&r->link->survey_id), P_UUID(&receipt->id), P_UUID(&r->link->link_id),
	    P_INT(r->survey_version), P_TEXT(v->status), P_TEXT_OR_NULL(v->outcome), P_TEXT(r->language),
	    P_JSON(s.answers), s.personal.bytes.n ? P_BYTES(s.personal.bytes) : P_NULL(PGT_BYTES),
	    s.personal.bytes.n ? P_INT(s.personal.key_version) : P_NULL(PGT_INT), P_JSON(v->parameters),
	    P_INT((int64_t)r->seed), P_TEXT(r->key.n ? r->key : uuid_str(rq->arena, &receipt->id)), P_BYTES(mac),
	    r->started_ms ? P_TIME(r->started_ms) : P_NULL(PGT_TIME), P_TIME(receipt->completed_ms),
	    r->started_ms && receipt->completed_ms >= r->started_ms ? P_INT(receipt->completed_ms - r->started_ms)
								    : P_NULL(PGT_INT),
	    cells.n ? P_JSON(cells_json) : P_NULL(PGT_JSON), P_JSON(s.consents),
	    s.rest.bytes.n ? P_BYTES(s.rest.bytes) : P_NULL(PGT_BYTES),
	    s.rest.bytes.n ? P_INT(s.rest.key_version) : P_NULL(PGT_INT), P_INT(mac_version)};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_response_insert, in))) ||
	    (e = lookups_add(rq->app, rq->tx, r->program, &r->link->survey_id, &receipt->id, v->personal, rq->arena)))
		return e;
	return event_append(rq->tx, &(struct event){S("response"), &receipt->id, v->status, data, 1});
}

static void count_response(struct req *rq, const struct response *r)
{
	const struct str labels[] = {
	    uuid_str(rq->arena, &r->link->tenant_id), uuid_str(rq->arena, &r->link->survey_id), r->verdict->status};

	metric_add(metrics_series(rq->app->metrics, M_RESPONSES, labels), 1);
}

void intake_abandon(struct req *rq)
{
	if (rq->tx)
		tx_rollback(rq->tx);
	rq->tx = NULL;
}

/* Stores the answer and takes its places. Where one is full nothing is stored, and *full says which. ERR_AGAIN: the tenant's key was changed
 * meanwhile, and nothing is stored. */
static enum err write_once(struct req *rq, const struct response *r, struct receipt *out, struct quota_list *full)
{
	const struct quota_list wanted = places(r);
	enum err e;

	*full = (struct quota_list){0};
	*out = (struct receipt){
	    .id = uuid_new(),
	    .status = r->verdict->status,
	    .outcome = r->verdict->outcome,
	    .survey_version = r->survey_version,
	    .completed_ms = clock_now_ms(),
	};
	e = queue_response(rq, r, out);
	if (!e && wanted.n > 0)
		e = quota_take(rq->tx, rq->arena, &r->link->survey_id, &wanted, full);
	if (!e && full->n == 0)
		e = tx_commit(rq->tx);
	if (!e && full->n == 0) {
		count_response(rq, r);
		return OK;
	}
	if (e == ERR_CONFLICT && strcmp(tx_constraint(rq->tx), "seal_check") == 0) {
		vault_forget(rq->app->vault, &r->link->tenant_id);
		e = ERR_AGAIN;
	}
	intake_abandon(rq);
	/* The answer was judged sound, so a row that the database refuses is our fault: a final 422 or 404 would lose it. */
	if (e == ERR_INVALID || e == ERR_NOT_FOUND) {
		log_message(rq->app->log, LOG_ERROR, "answer refused by the database", str_from(err_slug(e)));
		return ERR_UNAVAILABLE;
	}
	return e;
}

static enum err joined(struct arena *a, const struct quota_list *x, const struct quota_list *y, struct quota_list *out)
{
	if (!(out->cells = arena_array(a, struct quota_cell, x->n + y->n + 1)))
		return ERR_MEMORY;
	for (out->n = 0; out->n < x->n + y->n; out->n++)
		out->cells[out->n] = out->n < x->n ? x->cells[out->n] : y->cells[out->n - x->n];
	return OK;
}

static enum err write_again(struct req *rq, const struct response *r, struct str request_id)
{
	enum err e;

	if ((e = tx_open(rq->app, PG_PUBLIC, false, &r->link->tenant_id, rq->arena, &rq->tx)))
		return e;
	tx_set_actor(rq->tx, NULL, request_id);
	return OK;
}

static enum err write_try(struct req *rq, const struct response *r, struct receipt *out, struct quota_list *full)
{
	struct str request_id = tx_request_id(rq->tx);
	enum err e = write_once(rq, r, out, full);

	for (int i = 1; e == ERR_AGAIN && i < SEAL_ATTEMPTS; i++)
		if (!(e = write_again(rq, r, request_id)))
			e = write_once(rq, r, out, full);
	return e == ERR_AGAIN ? ERR_BUSY : e;
}

/* The last place went to somebody else: the interview ends at that quota. */
static enum err write_refused(
    struct req *rq, const struct response *r, const struct quota_list *full, struct str request_id, struct receipt *out)
{
	struct submission s = *r->submission;
	struct response again = *r;
	struct quota_list none;
	struct verdict v;
	enum err e;

	if ((e = joined(rq->arena, &r->submission->full, full, &s.full)) ||
	    (e = intake_judge(rq->arena, r->program, &s, &v, &again.language)))
		return e;
	if (v.error_count > 0 || str_eq(v.status, S("completed")))
		return ERR_INTERNAL;
	again.verdict = &v;
	again.submission = &s;
	if ((e = write_again(rq, r, request_id)))
		return e;
	return write_try(rq, &again, out, &none);
}

enum err intake_write(struct req *rq, const struct response *r, struct receipt *out)
{
	struct str request_id = tx_request_id(rq->tx);
	struct quota_list full;
	enum err e;

	e = write_try(rq, r, out, &full);
	if (!e && full.n > 0)
		e = write_refused(rq, r, &full, request_id, out);
	if (e != ERR_CONFLICT || r->key.n == 0)
		return e;
	e = intake_replay(rq, r->link, r->key, r->payload_hash, out);
	return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

/* ---- replay ---- */

struct stored {
	struct uuid id;
	int64_t survey_version, completed_at, payload_key_version;
	struct str status, outcome, payload_hash;
};

/* Of an answer whose personal part was removed the hash is gone, of a shredded one its key; then the idempotency key alone says which one it is. */
static enum err same_payload(
    struct req *rq, struct tx *tx, const struct stored *stored, const unsigned char payload_hash[32])
{
	struct str sent = str_make((const char *)payload_hash, 32);
	unsigned char mac[32];
	int64_t version;
	enum err e;

	if (stored->payload_hash.n == 0)
		return OK;
	if (stored->payload_key_version > 0) {
		e = vault_replay(rq->app->vault, tx, stored->payload_key_version, sent, rq->arena, mac, &version);
		if (e)
			return e == ERR_GONE ? OK : e == ERR_INVALID ? ERR_INTERNAL : e;
		sent = str_make((const char *)mac, sizeof mac);
	}
	return secret_eq(stored->payload_hash, sent) ? OK : ERR_KEY_MISMATCH;
}

static enum err read_stored(struct req *rq, const struct link_view *link, struct str key,
    const unsigned char payload_hash[32], struct stored *out)
{
	static const struct pg_col cols[] = {
	    COL(struct stored, id, PGT_UUID),
	    COL(struct stored, survey_version, PGT_INT),
	    COL(struct stored, status, PGT_TEXT),
	    COL(struct stored, outcome, PGT_TEXT),
	    COL(struct stored, completed_at, PGT_TIME),
	    COL(struct stored, payload_hash, PGT_BYTES),
	    COL(struct stored, payload_key_version, PGT_INT),
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

enum err intake_replay(struct req *rq, const struct link_view *link, struct str key,
    const unsigned char payload_hash[32], struct receipt *out)
{
	struct stored stored = {0};
	enum err e;

	intake_abandon(rq);
	if ((e = read_stored(rq, link, key, payload_hash, &stored)))
		return e;
	*out = (struct receipt){
	    stored.id, stored.status, stored.outcome, stored.survey_version, stored.completed_at, true};
	return OK;
}
