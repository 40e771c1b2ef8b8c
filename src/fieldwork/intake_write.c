/* intake_write.c - an answer from its verdict to its receipt: put into words, queued, and what is done when it could not be stored as it was. */
#include "fieldwork/writing.h"

#include "base/limits.h"
#include "event/event.h"
#include "fieldwork/sealing.h"
#include "vault/vault.h"

#define LINK_QUOTA '@'	/* begins the names of a link's own numbers among the quotas, which no quota's does */
#define SEAL_ATTEMPTS 4 /* a tenant's keys are rotated once in a long while, and hardly four times in a moment */

/* ---- in words ---- */

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
	const struct interview in = intake_interview(r->program, s);
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
	return answer_seal(rq->app, rq->tx, &(struct answer_row){&r->link->survey_id, id}, &plain, rq->arena, out);
}

/* The places that an answer takes: only those that are counted, which completed ones are, but for tests. */
static struct quota_list places(const struct response *r)
{
	bool counted = str_eq(r->verdict->status, S("completed")) && !r->link->test;

	return (struct quota_list){r->verdict->cells, counted ? r->verdict->cell_count : 0};
}

/* And its place among the link's, where it is counted in any case. Not among those it keeps: they go by its status (link_follow()). */
static enum err add_link_place(struct arena *a, const struct response *r, struct quota_list *places)
{
	struct quota_cell *cells = arena_array(a, struct quota_cell, places->n + 1);
	const bool bound = str_eq(r->verdict->status, S("completed")) && r->link->max_completes;
	struct str name;
	struct buf b;
	enum err e;

	if (r->link->test)
		return OK;
	buf_init(&b, a, 64);
	buf_char(&b, LINK_QUOTA);
	buf_add(&b, r->verdict->status);
	if (!cells || (e = buf_done(&b, &name)))
		return cells ? e : ERR_MEMORY;
	for (size_t i = 0; i < places->n; i++)
		cells[i] = places->cells[i];
	cells[places->n] =
	    (struct quota_cell){name, uuid_str(a, &r->link->link_id), bound ? r->link->max_completes : INT64_MAX};
	*places = (struct quota_list){cells, places->n + 1};
	return OK;
}

static void put_piece(struct pg_param *columns, enum column at, const struct sealed_piece *piece)
{
	columns[at] = piece->bytes.n ? P_BYTES(piece->bytes) : P_NULL(PGT_BYTES);
	columns[at + 1] = piece->bytes.n ? P_INT(piece->key_version) : P_NULL(PGT_INT);
}

static void put_times(struct writing *w)
{
	int64_t from = w->response->started_ms, to = w->receipt.completed_ms;

	w->columns[C_STARTED] = from ? P_TIME(from) : P_NULL(PGT_TIME);
	w->columns[C_COMPLETED] = P_TIME(to);
	w->columns[C_DURATION] = from && to >= from ? P_INT(to - from) : P_NULL(PGT_INT);
}

static enum err put_verdict(struct writing *w)
{
	struct arena *a = w->rq->arena;
	const struct response *r = w->response;
	const struct verdict *v = r->verdict;
	struct pg_param *c = w->columns;
	struct uuid event = uuid_new();
	struct str cells, data;
	enum err e;

	w->places = places(r);
	if ((e = event_data(a, r, &data)) || (e = quota_json(a, &w->places, &cells)))
		return e;
	c[C_SURVEY] = P_UUID(&r->link->survey_id);
	c[C_ID] = P_UUID(&w->receipt.id);
	c[C_LINK] = P_UUID(&r->link->link_id);
	c[C_VERSION] = P_INT(r->survey_version);
	c[C_STATUS] = P_TEXT(v->status);
	c[C_OUTCOME] = P_TEXT_OR_NULL(v->outcome);
	c[C_LANGUAGE] = P_TEXT(r->language);
	c[C_PARAMETERS] = P_JSON(v->parameters);
	c[C_SEED] = P_INT((int64_t)r->seed);
	c[C_KEY] = P_TEXT(r->key.n ? r->key : uuid_str(a, &w->receipt.id));
	c[C_CELLS] = w->places.n ? P_JSON(cells) : P_NULL(PGT_JSON);
	if ((e = add_link_place(a, r, &w->places)))
		return e;
	c[C_EVENT] = P_UUID(&event);
	c[C_DATA] = P_JSON(data);
	c[C_REQUEST] = P_TEXT_OR_NULL(w->rq->request_id);
	put_times(w);
	return OK;
}

/* What is kept of the payload to know it again: see vault_replay(). */
static enum err put_hash(struct writing *w)
{
	struct req *rq = w->rq;
	unsigned char *mac = arena_alloc(rq->arena, 32);
	int64_t version;
	enum err e;

	if (!mac)
		return ERR_MEMORY;
	if ((e = vault_replay(rq->app->vault, rq->tx, 0, str_make((const char *)w->response->payload_hash, 32),
		 rq->arena, mac, &version)))
		return e;
	w->columns[C_HASH] = P_BYTES(str_make((const char *)mac, 32));
	w->columns[C_HASH_KEY] = P_INT(version);
	return OK;
}

/* Each attempt is another answer, with an id of its own: what is sealed is bound to it. */
static enum err prepare(struct writing *w)
{
	const struct response *r = w->response;
	struct req *rq = w->rq;
	struct lookup_rows lookups;
	struct sealed_answer s;
	enum err e;

	w->receipt = (struct receipt){
	    .id = uuid_new(),
	    .status = r->verdict->status,
	    .outcome = r->verdict->outcome,
	    .survey_version = r->survey_version,
	    .completed_ms = clock_now_ms(),
	};
	if (!rq->tx && (e = tx_open(rq->app, PG_PUBLIC, false, &r->link->tenant_id, rq->arena, &rq->tx)))
		return e;
	tx_set_actor(rq->tx, NULL, rq->request_id);
	if ((e = seal(rq, r, &w->receipt.id, &s)) || (e = put_hash(w)) || (e = put_verdict(w)) ||
	    (e = lookups_rows(rq->app, rq->tx, r->program, r->verdict->personal, rq->arena, &lookups)))
		return e;
	w->columns[C_ANSWERS] = P_JSON(s.answers);
	w->columns[C_CONSENTS] = P_JSON(s.consents);
	put_piece(w->columns, C_SEALED, &s.personal);
	put_piece(w->columns, C_REST, &s.rest);
	w->columns[C_LOOKUPS] = lookups.json.n ? P_JSON(lookups.json) : P_NULL(PGT_JSON);
	w->columns[C_LOOKUPS_KEY] = lookups.json.n ? P_INT(lookups.key_version) : P_NULL(PGT_INT);
	w->item.bytes = s.answers.n + s.consents.n + s.personal.bytes.n + s.rest.bytes.n + lookups.json.n + KB;
	w->sealed++;
	/* a key may have been made for it */
	return req_end_tx(rq);
}

/* ---- what comes back ---- */

static enum err joined(struct arena *a, const struct quota_list *x, const struct quota_list *y, struct quota_list *out)
{
	if (!(out->cells = arena_array(a, struct quota_cell, x->n + y->n + 1)))
		return ERR_MEMORY;
	for (out->n = 0; out->n < x->n + y->n; out->n++)
		out->cells[out->n] = out->n < x->n ? x->cells[out->n] : y->cells[out->n - x->n];
	return OK;
}

static bool is_link_full(const struct quota_list *full)
{
	for (size_t i = 0; i < full->n; i++)
		if (full->cells[i].quota.p[0] == LINK_QUOTA)
			return true;
	return false;
}

/* No quota of the survey's: what was answered stays as it is. */
static void turn_away(struct verdict *v)
{
	v->status = v->outcome = S("quota_full");
	v->cell_count = 0;
}

/* The last place went to somebody else: the interview ends at that quota. */
static enum err judge_again(struct writing *w)
{
	struct arena *a = w->rq->arena;
	struct submission *s = arena_new(a, struct submission);
	struct response *again = arena_new(a, struct response);
	struct verdict *v = arena_new(a, struct verdict);
	enum err e;

	if (!s || !again || !v)
		return ERR_MEMORY;
	*s = *w->response->submission;
	*again = *w->response;
	if ((e = joined(a, &w->response->submission->full, &w->full, &s->full)) ||
	    (e = intake_judge(a, again->program, s, v, &again->language)))
		return e;
	if (is_link_full(&w->full))
		turn_away(v);
	if (v->error_count > 0 || str_eq(v->status, S("completed")))
		return ERR_INTERNAL;
	again->verdict = v;
	again->submission = s;
	w->response = again;
	w->sealed = 0;
	return prepare(w);
}

static bool has_more_to_do(const struct writing *w, enum err e)
{
	return e == ERR_LIMIT || e == ERR_AGAIN || (e == ERR_CONFLICT && w->response->key.n > 0);
}

/* On a worker, after the writers have it back with something to do. OK with *queue: it is to be queued once more. */
static enum err go_on(struct writing *w, bool *queue)
{
	const struct response *r = w->response;
	enum err e;

	*queue = false;
	if (w->error == ERR_CONFLICT) {
		e = intake_replay(w->rq, r->link, r->key, r->payload_hash, &w->receipt);
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	}
	*queue = true;
	if (w->error == ERR_LIMIT)
		return judge_again(w);
	vault_forget(w->rq->app->vault, &r->link->tenant_id);
	return w->sealed < SEAL_ATTEMPTS ? prepare(w) : ERR_BUSY;
}

static void count_response(const struct writing *w)
{
	struct req *rq = w->rq;
	const struct str labels[] = {uuid_str(rq->arena, &w->response->link->tenant_id),
	    uuid_str(rq->arena, &w->response->link->survey_id), w->receipt.status};

	metric_add(metrics_series(rq->app->metrics, M_RESPONSES, labels), 1);
}

static enum err unpin(struct writing *w, enum err e)
{
	if (w->pin)
		cache_release(w->rq->app->cache, w->pin);
	w->pin = NULL;
	return e;
}

/* The end, whatever came out. The reply still reads the program, in which the outcome's name stands, so that stays pinned. */
static enum err end(struct writing *w, enum err e)
{
	struct req *rq = w->rq;

	key_release(rq->app->intake, &w->claim);
	if (!e && !w->receipt.replayed && !w->response->link->test)
		count_response(w);
	/* The answer was judged sound, so a row that the database refuses is our fault: a final 422 or 404 would lose it. */
	if (e == ERR_INVALID || e == ERR_NOT_FOUND) {
		log_message(rq->app->log, LOG_ERROR, "answer refused by the database", str_from(err_slug(e)));
		return ERR_UNAVAILABLE;
	}
	return e;
}

static enum err begin(struct writing *w, struct req *rq, const struct response *r, bool wait)
{
	enum err e;

	w->rq = rq;
	w->response = r;
	w->item.tenant = r->link->tenant_id;
	w->claim = (struct key_claim){.survey = r->link->survey_id, .key = r->key};
	/* before it waits for another request it holds no connection that one might need */
	if ((e = req_end_tx(rq)) || (e = key_claim(rq->app->intake, &w->claim, wait)))
		return e;
	return prepare(w);
}

static enum err queue(struct writing *w)
{
	return batch_put(w->rq->app->intake->batch, &w->item);
}

/* ---- without waiting ---- */

static enum err reply_at_end(struct writing *w, enum err e)
{
	e = end(w, e);
	return unpin(w, e ? e : w->reply(w->rq, &w->receipt));
}

/* From here on a worker has nothing to do with the request, unless the queue is full. */
static enum err send_off(struct writing *w)
{
	enum err e;

	req_later(w->rq);
	if ((e = queue(w)))
		req_finish(w->rq, reply_at_end(w, e));
	return OK;
}

static enum err go_on_later(struct req *rq)
{
	struct writing *w = rq->own;
	bool again;
	enum err e = go_on(w, &again);

	return e || !again ? reply_at_end(w, e) : send_off(w);
}

static void told(struct writing *w, enum err e)
{
	w->error = e;
	if (has_more_to_do(w, e))
		req_again(w->rq, go_on_later);
	else
		req_finish(w->rq, reply_at_end(w, e));
}

enum err intake_send(struct req *rq, const struct response *r, struct cache_entry *pin,
    enum err (*reply)(struct req *rq, const struct receipt *receipt))
{
	struct writing *w = arena_new(rq->arena, struct writing);
	enum err e;

	if (!w) {
		cache_release(rq->app->cache, pin);
		return ERR_MEMORY;
	}
	rq->own = w;
	w->pin = pin;
	w->reply = reply;
	w->told = told;
	if ((e = begin(w, rq, r, false)))
		return unpin(w, end(w, e));
	return send_off(w);
}

/* ---- waiting ---- */

static void told_waiting(struct writing *w, enum err e)
{
	pthread_mutex_lock(&w->lock);
	w->error = e;
	w->is_back = true;
	pthread_cond_signal(&w->back);
	pthread_mutex_unlock(&w->lock);
}

static enum err wait_for(struct writing *w)
{
	enum err e;

	w->is_back = false;
	if ((e = queue(w)))
		return e;
	pthread_mutex_lock(&w->lock);
	while (!w->is_back)
		pthread_cond_wait(&w->back, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return w->error;
}

enum err intake_write(struct req *rq, const struct response *r, struct receipt *out)
{
	struct writing *w = arena_new(rq->arena, struct writing);
	bool again = true;
	enum err e;

	if (!w)
		return ERR_MEMORY;
	w->told = told_waiting;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->back, NULL);
	e = begin(w, rq, r, true);
	while (!e && again) {
		e = wait_for(w);
		again = has_more_to_do(w, e);
		if (again)
			e = go_on(w, &again);
	}
	pthread_cond_destroy(&w->back);
	pthread_mutex_destroy(&w->lock);
	e = end(w, e);
	*out = w->receipt;
	return e;
}

/* ---- the writers ---- */

enum err intake_open(struct app *app, struct intake **out)
{
	struct intake *in = calloc(1, sizeof *in);
	enum err e;

	if (!in)
		return ERR_MEMORY;
	in->app = app;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->freed, NULL);
	if (!(e = batch_open(app, PG_PUBLIC, &intake_room, in, &in->batch))) {
		*out = in;
		return OK;
	}
	intake_close(in);
	return e;
}

void intake_close(struct intake *in)
{
	if (!in)
		return;
	batch_close(in->batch);
	pthread_cond_destroy(&in->freed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void intake_counts(struct intake *in, struct batch_counts *out)
{
	batch_counts(in->batch, out);
}
