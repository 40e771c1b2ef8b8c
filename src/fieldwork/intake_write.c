/* intake_write.c - an answer from its verdict to its receipt: put into words, queued, and what is done when it could not be stored as it was. */
#include "fieldwork/writing.h"

#include "base/limits.h"
#include "event/event.h"
#include "fieldwork/page_state.h"
#include "fieldwork/sealing.h"
#include "vault/vault.h"

#define SEAL_ATTEMPTS 4 /* a tenant's keys are rotated once in a long while, and hardly four times in a moment */

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

/* Who had nobody to tell him answered to the end: it ends at the quota, and all of it stays. */
static void keep_whole(const struct verdict *before, struct verdict *v)
{
	const struct verdict full = *v;

	*v = *before;
	v->status = full.status;
	v->outcome = full.outcome;
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
	else if (again->offline)
		keep_whole(w->response->verdict, v);
	if (v->error_count > 0 || str_eq(v->status, S("completed")))
		return ERR_INTERNAL;
	again->verdict = v;
	again->submission = s;
	again->keep.open = false;
	again->draw = NULL;
	w->undrawn = NULL;
	w->response = again;
	w->sealed = 0;
	return writing_prepare(w);
}

bool writing_has_more(const struct writing *w, enum err e)
{
	return e == ERR_LIMIT || e == ERR_AGAIN || (e == ERR_CONFLICT && w->response->key.n > 0);
}

/* Its row was there although it was not known to be: now it is changed. */
static enum err join(struct writing *w)
{
	struct response *again = arena_new(w->rq->arena, struct response);
	enum err e;

	if (!again)
		return ERR_MEMORY;
	/* what was drawn was for no row */
	*again = w->undrawn ? *w->undrawn : *w->response;
	w->undrawn = NULL;
	again->keep.stored = true;
	again->keep.id = w->receipt.id;
	/* What goes on from here, in the row and in the form, goes on with this row. */
	if (again->keep.page) {
		again->keep.page->id = w->receipt.id;
		if (again->keep.open && (e = page_state_write(again->keep.page, w->rq->arena, &again->keep.state)))
			return e;
	}
	w->response = again;
	return writing_prepare(w);
}

/* A panelist's key is made of what stands in an address: whoever has not the interview's own id is somebody else. */
static bool may_join(const struct response *r, const struct receipt *found)
{
	return r->link->panel.n == 0 || uuid_eq(&r->keep.id, &found->id);
}

/* The row that was to be changed is not as it was, or was there before. */
static enum err meet_kept(struct writing *w, bool *queue)
{
	const struct response *r = w->response;
	enum err e = intake_replay(w->rq, r->link, r->key, NULL, &w->receipt);

	w->receipt.about = r->about;
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	/* "stored" under another id: a page that joined and did not learn whose row it was */
	*queue = r->keep.joins && (!r->keep.stored || !uuid_eq(&r->keep.id, &w->receipt.id)) &&
		 may_join(r, &w->receipt) && status_open(w->receipt.status);
	if (*queue)
		return join(w);
	return r->keep.stored && status_open(w->receipt.status) ? ERR_CONFLICT : OK;
}

/* The key is stored already. */
static enum err meet(struct writing *w, bool *queue)
{
	const struct response *r = w->response;
	enum err e;

	if ((r->keep.stored || r->keep.joins) && ((e = meet_kept(w, queue)) || *queue || r->unhashed))
		return e;
	e = intake_replay(w->rq, r->link, r->key, r->payload_hash, &w->receipt);
	w->receipt.about = r->about;
	/* A code leads back to what was begun on a page; devices go by the id. */
	if (e == ERR_KEY_MISMATCH && w->receipt.unhashed && (r->offline || (r->keep.open && r->link->single_use)))
		e = OK;
	if (!e && !r->keep.open && status_open(w->receipt.status))
		return ERR_IN_PROGRESS;
	return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

enum err writing_go_on(struct writing *w, bool *queue)
{
	const struct response *r = w->response;

	*queue = false;
	if (w->error == ERR_CONFLICT)
		return meet(w, queue);
	*queue = true;
	if (w->error == ERR_LIMIT)
		return judge_again(w);
	vault_forget(w->rq->app->vault, &r->link->tenant_id);
	return w->sealed < SEAL_ATTEMPTS ? writing_prepare(w) : ERR_BUSY;
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

enum err writing_end(struct writing *w, enum err e)
{
	struct req *rq = w->rq;

	key_release(rq->app->intake, &w->claim);
	if (!e && !w->receipt.replayed && w->receipt.completed_ms && !w->response->link->test)
		count_response(w);
	/* The answer was judged sound, so a row that the database refuses is our fault: a final 422 or 404 would lose it. */
	if (e == ERR_INVALID || e == ERR_NOT_FOUND) {
		log_message(rq->app->log, LOG_ERROR, "answer refused by the database", str_from(err_slug(e)));
		return ERR_UNAVAILABLE;
	}
	return e;
}

static enum err claim(struct writing *w, struct req *rq, const struct response *r, bool wait)
{
	enum err e;

	w->rq = rq;
	w->response = r;
	w->item.tenant = r->link->tenant_id;
	w->claim = (struct key_claim){.survey = r->link->survey_id, .key = r->key};
	/* before it waits for another request it holds no connection that one might need */
	if ((e = req_end_tx(rq)))
		return e;
	return key_claim(rq->app->intake, &w->claim, wait);
}

enum err writing_begin(struct writing *w, struct req *rq, const struct response *r, bool wait)
{
	enum err e = claim(w, rq, r, wait);

	return e ? e : writing_prepare(w);
}

enum err writing_queue(struct writing *w)
{
	return batch_put(w->rq->app->intake->batch, &w->item);
}

/* ---- without waiting ---- */

static enum err reply_at_end(struct writing *w, enum err e)
{
	e = writing_end(w, e);
	return unpin(w, e ? e : w->reply(w->rq, &w->receipt));
}

/* From here on a worker has nothing to do with the request, unless the queue is full. */
static enum err send_off(struct writing *w)
{
	enum err e;

	req_later(w->rq);
	if ((e = writing_queue(w)))
		req_finish(w->rq, reply_at_end(w, e));
	return OK;
}

static enum err go_on_later(struct req *rq)
{
	struct writing *w = rq->own;
	const struct response *r = w->response;
	bool again;
	enum err e = writing_go_on(w, &again);

	/* nobody chose this key, so nobody is to hear of keys */
	if (e == ERR_KEY_MISMATCH && (r->link->single_use || r->link->panel.n > 0))
		e = intake_used(w->rq, r->link, r->key);
	return e || !again ? reply_at_end(w, e) : send_off(w);
}

static void told(struct writing *w, enum err e)
{
	w->error = e;
	if (writing_has_more(w, e))
		req_again(w->rq, go_on_later);
	else
		req_finish(w->rq, reply_at_end(w, e));
}

static enum err prepare_and_send(struct writing *w)
{
	enum err e = writing_prepare(w);

	return e ? reply_at_end(w, e) : send_off(w);
}

static enum err keys_came(struct req *rq)
{
	return prepare_and_send(rq->own);
}

static enum err send_with_keys(struct writing *w)
{
	struct req *rq = w->rq;

	if (vault_at_hand(rq->app->vault, &w->item.tenant))
		return prepare_and_send(w);
	w->ahead = (struct ahead){.rq = rq, .then = keys_came};
	req_later(rq);
	if (!ahead_send(rq->app->intake, &w->ahead, &w->item.tenant))
		req_again(rq, keys_came);
	return OK;
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
	if ((e = claim(w, rq, r, false)))
		return reply_at_end(w, e);
	return send_with_keys(w);
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
	if ((e = writing_queue(w)))
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
	e = writing_begin(w, rq, r, true);
	while (!e && again) {
		e = wait_for(w);
		again = writing_has_more(w, e);
		if (again)
			e = writing_go_on(w, &again);
	}
	pthread_cond_destroy(&w->back);
	pthread_mutex_destroy(&w->lock);
	e = writing_end(w, e);
	*out = w->receipt;
	return e;
}
