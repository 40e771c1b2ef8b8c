/* intake_words.c - a judged answer as the columns that the writers store. */
#include "fieldwork/writing.h"
#include "base/limits.h"
#include "event/event.h"
#include "fieldwork/marks.h"
#include "fieldwork/sealing.h"
#include "vault/vault.h"

static struct str status_of(const struct response *r)
{
	return r->keep.open ? r->keep.status : r->verdict->status;
}

/* The last page may be saved before the interview is sent: until then there is none. */
static struct str outcome_of(const struct response *r)
{
	return r->keep.open ? S("") : r->verdict->outcome;
}

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
	json_field_str(&w, S("status"), status_of(r));
	json_field_str(&w, S("outcome"), outcome_of(r));
	json_field_str(&w, S("language"), r->language);
	json_close(&w, '}');
	return buf_done(&b, data);
}

static enum err consents_of(struct arena *a, const struct response *r, struct consents *out)
{
	const struct submission *s = r->submission;
	struct interview in = intake_interview(r->program, s);
	const struct consent_note note = {
	    r->offline ? r->ended_ms : s->now_ms, {s->consents[0], s->consents[1]}, -1, NULL};

	/* Its answers behind a quota that was full stay as well. */
	if (r->offline)
		in.full_count = 0;
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

/* The places that an answer takes when it is completed, or keeps open while it goes on; tests are not counted. */
static struct quota_list places(const struct response *r)
{
	bool counted = (r->keep.open ? r->lease_ms > 0 : str_eq(r->verdict->status, S("completed"))) && !r->link->test;

	return (struct quota_list){r->verdict->cells, counted ? r->verdict->cell_count : 0};
}

/* And its places among the link's: as begun with its row, and as it ended, where it is counted in any case. Not among those it keeps: they go by its
 * status (places_follow()). */
static enum err add_link_places(struct arena *a, const struct response *r, struct quota_list *places)
{
	struct quota_cell *cells = arena_array(a, struct quota_cell, places->n + 2);
	const bool bound = str_eq(r->verdict->status, S("completed")) && r->link->max_completes;
	const struct str link = uuid_str(a, &r->link->link_id);
	struct str ended;
	struct buf b;
	enum err e;

	if (r->link->test)
		return OK;
	buf_init(&b, a, 64);
	buf_char(&b, LINK_QUOTA);
	buf_add(&b, r->verdict->status);
	if (!cells || (e = buf_done(&b, &ended)))
		return cells ? e : ERR_MEMORY;
	for (size_t i = 0; i < places->n; i++)
		cells[i] = places->cells[i];
	places->cells = cells;
	if (!r->keep.stored)
		cells[places->n++] = (struct quota_cell){S(LINK_STARTED), link, INT64_MAX};
	if (!r->keep.open)
		cells[places->n++] = (struct quota_cell){ended, link, bound ? r->link->max_completes : INT64_MAX};
	return OK;
}

static void put_piece(struct pg_param *columns, enum column at, const struct sealed_piece *piece)
{
	columns[at] = piece->bytes.n ? P_BYTES(piece->bytes) : P_NULL(PGT_BYTES);
	columns[at + 1] = piece->bytes.n ? P_INT(piece->key_version) : P_NULL(PGT_INT);
}

static void put_times(struct writing *w, int64_t now)
{
	int64_t from = w->response->started_ms;

	w->columns[C_STARTED] = from ? P_TIME(from) : P_NULL(PGT_TIME);
	w->columns[C_LAST] = P_TIME(now);
	w->columns[C_COMPLETED] = w->response->keep.open ? P_NULL(PGT_TIME) : P_TIME(now);
	w->columns[C_DURATION] = from && now >= from ? P_INT(now - from) : P_NULL(PGT_INT);
	w->columns[C_LEASE] = w->response->keep.open ? P_INT(w->response->lease_ms) : P_NULL(PGT_INT);
}

static struct pg_param json_or_null(struct str text)
{
	return text.n > 0 ? P_JSON(text) : P_NULL(PGT_JSON);
}

/* What only interviews have that are kept. */
static enum err put_kept(struct writing *w)
{
	const struct seal_place place = {S("responses"), S("state"), &w->receipt.id, &w->response->link->survey_id};
	const struct keeping *k = &w->response->keep;
	struct pg_param *c = w->columns;
	struct str sealed = S("");
	int64_t version = 0;
	enum err e;

	if (k->open && (e = vault_seal(w->rq->app->vault, w->rq->tx, VAULT_SECRET, &place, k->state, w->rq->arena,
			    &sealed, &version)))
		return e;
	c[C_STORED] = P_BOOL(k->stored);
	c[C_READ] = k->version ? P_INT(k->version) : P_NULL(PGT_INT);
	c[C_PAGE_MS] = json_or_null(k->page_ms);
	c[C_STATE] = k->open ? P_BYTES(sealed) : P_NULL(PGT_BYTES);
	c[C_STATE_KEY] = k->open ? P_INT(version) : P_NULL(PGT_INT);
	w->item.bytes += sealed.n;
	return OK;
}

/* Again each time it is judged: one that ended at a quota has none. */
static enum err put_marks(struct writing *w)
{
	const struct response *r = w->response;
	const bool completed = !r->keep.open && str_eq(r->verdict->status, S("completed"));
	struct req *rq = w->rq;
	struct str flags, prints;
	enum err e;

	if ((e = marks_text(rq->arena, completed ? r->marks : 0, &flags)) ||
	    (e = prints_rows(rq->app, rq->tx, rq->arena, r, &prints)))
		return e;
	w->columns[C_FLAGS] = P_TEXT_OR_NULL(flags);
	w->columns[C_PRINTS] = json_or_null(prints);
	return OK;
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
	c[C_STATUS] = P_TEXT(status_of(r));
	c[C_OUTCOME] = P_TEXT_OR_NULL(outcome_of(r));
	c[C_LANGUAGE] = P_TEXT(r->language);
	c[C_PARAMETERS] = P_JSON(v->parameters);
	c[C_SEED] = P_INT((int64_t)r->seed);
	c[C_KEY] = P_TEXT(r->key.n ? r->key : uuid_str(a, &w->receipt.id));
	c[C_CELLS] = w->places.n ? P_JSON(cells) : P_NULL(PGT_JSON);
	if ((e = add_link_places(a, r, &w->places)))
		return e;
	c[C_EVENT] = P_UUID(&event);
	c[C_DATA] = P_JSON(data);
	c[C_REQUEST] = P_TEXT_OR_NULL(w->rq->request_id);
	c[C_DEVICE] = P_TEXT_OR_NULL(r->device);
	c[C_PARADATA] = json_or_null(r->paradata);
	return put_marks(w);
}

/* What is kept of the payload to know it again: see vault_replay(). */
static enum err put_hash(struct writing *w)
{
	struct req *rq = w->rq;
	unsigned char *mac = arena_alloc(rq->arena, 32);
	int64_t version;
	enum err e;

	w->columns[C_HASH] = P_NULL(PGT_BYTES);
	w->columns[C_HASH_KEY] = P_NULL(PGT_INT);
	if (w->response->unhashed)
		return OK;
	if (!mac)
		return ERR_MEMORY;
	if ((e = vault_replay(rq->app->vault, rq->tx, 0, str_make((const char *)w->response->payload_hash, 32),
		 rq->arena, mac, &version)))
		return e;
	w->columns[C_HASH] = P_BYTES(str_make((const char *)mac, 32));
	w->columns[C_HASH_KEY] = P_INT(version);
	return OK;
}

/* Each attempt is another answer, with an id of its own: what is sealed is bound to it. One that is kept has had its id since it began. */
enum err writing_prepare(struct writing *w)
{
	struct req *rq = w->rq;
	enum err e;

	if (!rq->tx && (e = tx_open(rq->app, PG_PUBLIC, false, &w->response->link->tenant_id, rq->arena, &rq->tx)))
		return e;
	tx_set_actor(rq->tx, NULL, rq->request_id);
	if ((e = writing_words(w)))
		return e;
	w->sealed++;
	/* a key may have been made for it */
	return req_end_tx(rq);
}

enum err writing_words(struct writing *w)
{
	const struct response *r = w->response;
	struct req *rq = w->rq;
	struct lookup_rows lookups;
	struct sealed_answer s;
	int64_t now = r->ended_ms ? r->ended_ms : clock_now_ms();
	enum err e;

	w->receipt = (struct receipt){
	    .id = uuid_is_nil(&r->keep.id) ? uuid_new() : r->keep.id,
	    .status = status_of(r),
	    .outcome = outcome_of(r),
	    .survey_version = r->survey_version,
	    .completed_ms = r->keep.open ? 0 : now,
	    .started_ms = r->started_ms,
	    .seed = r->seed,
	    .language = r->language,
	    .about = r->about,
	};
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
	put_times(w, now);
	return put_kept(w);
}
