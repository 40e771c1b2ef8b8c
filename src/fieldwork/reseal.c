/* reseal.c - the job that brings every answer of a tenant to how it is to be sealed now: after a rotation, after the tenant's rule changed, and for what
 * was stored before there was a blind index.
 *
 * It goes through the answers in the order of their keys with a mark that is kept, so a run goes on where a killed one was. The database refuses what is
 * sealed by an older rule or with an older key (seal_check), so one pass that began under the present ones is enough; when they changed meanwhile, there
 * is another pass. Only then the retired keys are destroyed, while nobody seals and nothing can change. */
#include "event/event.h"
#include "fieldwork/sealing.h"
#include "sql.h"
#include "survey/survey.h"
#include "vault/vault.h"

#define RESEAL_BATCH 100
#define RESEAL_ATTEMPTS 10
#define RESEAL_LEASE_S 10
#define STATE_MAX_BYTES (16 * KB)
#define RESEAL_BACKOFF_S 2
#define UNREADABLE_TOLD_MAX 100 /* of the answers that do not open, by id; the log has all of them */

struct row {
	struct uuid survey_id, id;
	int64_t survey_version, sealed_key_version, answers_key_version;
	bool personal_needs, rest_needs, reindex; /* which of its two pieces is not sealed as it is to be now */
	struct str answers, consents, sealed, answers_sealed;
};
static const struct pg_col row_cols[] = {COL(struct row, survey_id, PGT_UUID), COL(struct row, id, PGT_UUID),
    COL(struct row, survey_version, PGT_INT), COL(struct row, personal_needs, PGT_BOOL),
    COL(struct row, rest_needs, PGT_BOOL), COL(struct row, reindex, PGT_BOOL), COL(struct row, answers, PGT_JSON),
    COL(struct row, consents, PGT_JSON), COL(struct row, sealed, PGT_BYTES),
    COL(struct row, sealed_key_version, PGT_INT), COL(struct row, answers_sealed, PGT_BYTES),
    COL(struct row, answers_key_version, PGT_INT)};

struct count_row {
	int64_t n;
};
static const struct pg_col count_cols[] = {COL(struct count_row, n, PGT_INT)};

struct pass {
	struct job *job;
	struct str sealing; /* vault_state() when the pass began */
	bool reindex;
	struct uuid survey_id, id; /* the mark */
	int64_t done, total, until_ms, unreadable, changed, clear;
	struct {
		struct uuid survey_id, id;
		int64_t done, unreadable, changed;
	} next; /* after the step under way */
	struct answer_id {
		struct uuid survey_id, id;
	} told[UNREADABLE_TOLD_MAX]; /* as many as `unreadable` says, the first of them */
	bool more, again, twice, indexed;
};

static bool seals_all(const struct pass *p)
{
	return p->sealing.p[0] == 't';
}

/* ---- one answer ---- */

static enum err put_sealed(struct tx *tx, const struct row *row, const struct sealed_answer *s)
{
	const struct sealed_piece *p = &s->personal, *r = &s->rest;
	const struct pg_param in[] = {P_UUID(&row->survey_id), P_UUID(&row->id), P_JSON(s->answers),
	    P_JSON(s->consents), p->bytes.n ? P_BYTES(p->bytes) : P_NULL(PGT_BYTES),
	    p->bytes.n ? P_INT(p->key_version) : P_NULL(PGT_INT), r->bytes.n ? P_BYTES(r->bytes) : P_NULL(PGT_BYTES),
	    r->key_version ? P_INT(r->key_version) : P_NULL(PGT_INT)};

	return tx_exec(tx, &Q_NO_OUT(SQL_reseal_row, in), NULL);
}

static enum err index_again(struct tx *tx, struct arena *a, struct app *app, const struct row *row, struct str personal)
{
	const struct pg_param in[] = {P_UUID(&row->survey_id), P_UUID(&row->id)};
	const struct survey_program *survey;
	struct cache_entry *pin;
	enum err e;

	if ((e = tx_exec(tx, &Q_NO_OUT(SQL_response_lookups_drop, in), NULL)))
		return e;
	if ((e = survey_program_get(app, tx, &row->survey_id, row->survey_version, a, &survey, &pin)))
		return e == ERR_NOT_FOUND ? OK : e; /* a survey that was deleted: nobody looks it up any more */
	e = lookups_add(app, tx, survey->program, &row->survey_id, &row->id, personal, a);
	cache_release(app->cache, pin);
	return e;
}

/* The personal piece sealed anew; *plain is what it holds. Of what does not open the piece stays what it was. */
static enum err reseal_personal(struct pass *p, struct tx *tx, struct arena *a, const struct row *row,
    struct sealed_piece *piece, struct str *plain)
{
	const struct answer_row at = {&row->survey_id, &row->id};
	struct app *app = p->job->app;
	enum err e;

	*piece = (struct sealed_piece){row->sealed, row->sealed_key_version};
	if ((e = personal_open(app, tx, &at, piece, a, plain)) || !row->personal_needs)
		return e;
	return personal_seal(app, tx, &at, *plain, a, piece);
}

/* The same for the rest, which is sealed or opened as the tenant wants it. */
static enum err reseal_rest(
    struct pass *p, struct tx *tx, struct arena *a, const struct row *row, struct sealed_answer *out)
{
	const struct answer_row at = {&row->survey_id, &row->id};
	struct plain_answer plain = {row->answers, row->consents, S("{}")};
	struct app *app = p->job->app;
	enum err e = OK;

	out->answers = row->answers;
	out->consents = row->consents;
	out->rest = (struct sealed_piece){row->answers_sealed, row->answers_key_version};
	if (!row->rest_needs)
		return OK;
	if (out->rest.bytes.n > 0)
		e = rest_open(app, tx, &at, &out->rest, a, &plain.answers, &plain.consents);
	/* Shredded, and answers are not sealed any more: the bytes go, the version stays and says why there are none. */
	if (e == ERR_GONE && !seals_all(p))
		out->rest.bytes = S("");
	if (e)
		return e == ERR_GONE && !seals_all(p) ? OK : e;
	out->answers = plain.answers;
	out->consents = plain.consents;
	out->rest = (struct sealed_piece){0};
	if (!seals_all(p))
		return OK;
	out->answers = out->consents = S("{}");
	return rest_seal(app, tx, &at, &plain, a, &out->rest);
}

/* What was shredded, or does not open for another reason, stays as it is: OK. The latter is told. */
static enum err put_up_with(struct pass *p, const struct row *row, enum err e, struct arena *a, bool *told)
{
	if (e == ERR_INVALID && !*told) {
		*told = true;
		if (p->next.unreadable < UNREADABLE_TOLD_MAX)
			p->told[p->next.unreadable] = (struct answer_id){row->survey_id, row->id};
		p->next.unreadable++;
		log_message(p->job->app->log, LOG_ERROR, "a sealed answer does not open", uuid_str(a, &row->id));
	}
	return e == ERR_INVALID || e == ERR_GONE ? OK : e;
}

/* The two pieces apart: that one does not open is no reason to leave the other in clear, or under an old key. */
static enum err reseal_one(struct pass *p, struct tx *tx, struct arena *a, const struct row *row)
{
	struct sealed_answer sealed = {0};
	struct str personal = S("{}");
	bool told = false, changed;
	enum err e, opened = reseal_personal(p, tx, a, row, &sealed.personal, &personal);

	if ((e = put_up_with(p, row, opened, a, &told)))
		return e;
	changed = row->personal_needs && !opened;
	e = reseal_rest(p, tx, a, row, &sealed);
	changed |= row->rest_needs && !e;
	if ((e = put_up_with(p, row, e, a, &told)) || (changed && (e = put_sealed(tx, row, &sealed))))
		return e;
	p->next.changed += changed;
	return row->reindex && !opened ? index_again(tx, a, p->job->app, row, personal) : OK;
}

/* ---- a batch ---- */

static int64_t number_at(struct str state, int index)
{
	struct str rest = state, word = S("");
	int64_t n = 0;
	bool more = true;

	for (int i = 0; i <= index && more; i++)
		word = str_cut(&rest, ' ', &more);
	for (size_t i = 0; i < word.n; i++)
		n = 10 * n + (word.p[i] - '0');
	return n;
}

static enum err batch_in(struct tx *tx, void *ctx)
{
	struct pass *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->survey_id), P_UUID(&p->id), P_INT(RESEAL_BATCH), P_BOOL(seals_all(p)),
	    P_INT(number_at(p->sealing, 1)), P_INT(number_at(p->sealing, 2)), P_BOOL(p->reindex), P_TIME(p->until_ms)};
	struct arena a;
	struct row *rows;
	size_t n = 0;
	enum err e;

	vault_forget(p->job->app->vault, &p->job->tenant_id);
	arena_init(&a, &arena_malloc, JOB_ARENA_MAX_BYTES);
	p->next.survey_id = p->survey_id;
	p->next.id = p->id;
	p->next.done = p->done;
	p->next.unreadable = p->unreadable;
	p->next.changed = p->changed;
	if (!(e = tx_exec(tx, &(struct query){&SQL_reseal_quietly, NULL, 0, NULL, 0}, NULL)))
		e = tx_rows(tx, &a, &Q(SQL_reseal_batch, in, row_cols), sizeof *rows, (void **)&rows, &n);
	for (size_t i = 0; !e && i < n; i++) {
		if (rows[i].personal_needs || rows[i].rest_needs || rows[i].reindex)
			e = reseal_one(p, tx, &a, &rows[i]);
		p->next.survey_id = rows[i].survey_id;
		p->next.id = rows[i].id;
		p->next.done++;
	}
	p->more = n == RESEAL_BATCH;
	arena_free(&a);
	return e;
}

/* "SURVEY/RESPONSE" each. */
static enum err put_told(struct json_out *w, struct arena *a, const struct pass *p)
{
	json_key(w, S("unreadable_responses"));
	json_open(w, '[');
	for (int64_t i = 0; i < p->unreadable && i < UNREADABLE_TOLD_MAX; i++) {
		struct str text;
		struct buf b;

		buf_init(&b, a, 128);
		buf_add(&b, uuid_str(a, &p->told[i].survey_id));
		buf_char(&b, '/');
		buf_add(&b, uuid_str(a, &p->told[i].id));
		if (buf_done(&b, &text))
			return ERR_MEMORY;
		json_put_str(w, text);
	}
	json_close(w, ']');
	return OK;
}

static bool take_told(struct pass *p, const struct json *list)
{
	for (uint32_t i = 0; list && list->type == JSON_ARRAY && i < list->count && i < UNREADABLE_TOLD_MAX; i++) {
		struct str id = list->items[i].s, survey = str_cut(&id, '/', NULL);

		if (list->items[i].type != JSON_STR || !uuid_read(survey, &p->told[i].survey_id) ||
		    !uuid_read(id, &p->told[i].id))
			return false;
	}
	return true;
}

/* The mark as it will be when the batch that begins there is done is not known before; so the state says where the batch begins. A batch that is done
 * twice finds nothing to do the second time. */
static enum err state_text(struct arena *a, const struct pass *p, struct str *out)
{
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, STATE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("sealing"), p->sealing);
	json_field_bool(&w, S("reindex"), p->reindex);
	json_field_str(&w, S("survey_id"), uuid_str(a, &p->survey_id));
	json_field_str(&w, S("id"), uuid_str(a, &p->id));
	json_field_int(&w, S("done"), p->done);
	json_field_int(&w, S("unreadable"), p->unreadable);
	json_field_int(&w, S("changed"), p->changed);
	if ((e = put_told(&w, a, p)))
		return e;
	json_close(&w, '}');
	return buf_done(&b, out);
}

static int64_t state_int(const struct json *state, struct str key)
{
	const struct json *v = json_get(state, key);

	return v && v->type == JSON_INT ? v->i : 0;
}

static bool state_bool(const struct json *state, struct str key)
{
	const struct json *v = json_get(state, key);

	return v && v->type == JSON_BOOL && v->b;
}

/* ---- a pass ---- */

static enum err begin_in(struct tx *tx, void *ctx)
{
	struct pass *p = ctx;
	struct arena *a = p->job->arena;
	struct total_row {
		int64_t n, until_ms;
	} count;
	static const struct pg_col cols[] = {
	    COL(struct total_row, n, PGT_INT), COL(struct total_row, until_ms, PGT_INT)};
	int64_t *versions;
	size_t n;
	enum err e;

	if ((e = vault_state(tx, a, &p->sealing)) || (e = vault_versions(tx, VAULT_INDEX, a, &versions, &n)) ||
	    (e = tx_one(tx, a, &Q_NO_IN(SQL_reseal_count, cols), &count)))
		return e;
	p->total = count.n;
	p->until_ms = count.until_ms;
	p->reindex = n > 1 || (!p->indexed && state_bool(p->job->payload, S("reindex")));
	return OK;
}

static enum err pass_begin(struct pass *p)
{
	const struct json *state = p->job->state;
	struct str was = S("");
	enum err e;

	p->survey_id = p->id = (struct uuid){0};
	p->done = p->unreadable = 0;
	if ((e = tx_run(p->job->app, PG_WORKER, &p->job->tenant_id, p->job->arena, begin_in, p)))
		return e;
	if (!p->again && state)
		was = json_str_or(state, S("sealing"), S(""));
	/* an earlier run's pass goes on when it began under what is in force now */
	if (was.n == 0 || !str_eq(was, p->sealing))
		return OK;
	p->reindex = state_bool(state, S("reindex"));
	p->done = state_int(state, S("done"));
	p->unreadable = state_int(state, S("unreadable"));
	p->changed = state_int(state, S("changed"));
	return uuid_read(json_str_or(state, S("survey_id"), S("")), &p->survey_id) &&
		       uuid_read(json_str_or(state, S("id"), S("")), &p->id) &&
		       take_told(p, json_get(state, S("unreadable_responses")))
		   ? OK
		   : ERR_INTERNAL;
}

static enum err pass_go(struct pass *p)
{
	struct job *job = p->job;
	struct arena scratch;
	struct str state;
	enum err e = OK;

	arena_init(&scratch, &arena_malloc, 64 * KB);
	do {
		arena_reset(&scratch);
		if ((e = state_text(&scratch, p, &state)))
			break;
		e = job_step(job, batch_in, p, state);
		if (e == ERR_CONFLICT)
			break; /* what is in force changed under it: another pass */
		if (e)
			break;
		p->survey_id = p->next.survey_id;
		p->id = p->next.id;
		p->done = p->next.done;
		p->unreadable = p->next.unreadable;
		p->changed = p->next.changed;
		e = job_progress(job, p->done, p->total > p->done ? p->total : p->done);
	} while (!e && p->more);
	arena_free(&scratch);
	return e;
}

enum err keys_event(struct tx *tx, struct arena *a, struct str type, struct str data)
{
	struct count_row next;
	enum err e;

	if ((e = tx_one(tx, a, &Q_NO_IN(SQL_keys_sequence, count_cols), &next)))
		return e;
	return event_append(tx, &(struct event){S("keys"), tx_tenant(tx), type, data, next.n});
}

static enum err report(struct arena *a, const struct pass *p, struct str *out)
{
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, STATE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("resealed"), p->changed);
	json_field_int(&w, S("unreadable"), p->unreadable);
	if (p->unreadable > 0 && (e = put_told(&w, a, p)))
		return e;
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err end_in(struct tx *tx, void *ctx)
{
	static const enum vault_purpose purposes[] = {VAULT_PII, VAULT_RESPONSE, VAULT_INDEX};
	struct pass *p = ctx;
	struct arena *a = p->job->arena;
	struct str now, data;
	int64_t n;
	enum err e;

	p->again = false;
	if ((e = vault_alone(tx)) || (e = vault_state(tx, a, &now)))
		return e;
	if (!str_eq(now, p->sealing)) {
		p->again = true;
		p->indexed = p->indexed || p->reindex;
		return ERR_AGAIN;
	}
	for (size_t i = 0; i < countof(purposes); i++) {
		if ((e = vault_destroy_retired(tx, purposes[i], p->unreadable > 0, &n)))
			return e;
	}
	if ((e = report(a, p, &data)))
		return e;
	return keys_event(tx, a, S("resealed"), data);
}

static enum err clear_in(struct tx *tx, void *ctx)
{
	struct pass *p = ctx;
	struct count_row left;
	enum err e = tx_one(tx, p->job->arena, &Q_NO_IN(SQL_reseal_clear, count_cols), &left);

	p->clear = e ? 0 : left.n;
	return e;
}

/* Before it is said that all is sealed, whether it is: whatever the reason, an answer that stayed in clear is no success. */
static enum err check_clear(struct pass *p)
{
	struct job *job = p->job;
	enum err e;

	if (!seals_all(p))
		return OK;
	if ((e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, clear_in, p)) || p->clear == 0)
		return e;
	p->again = !p->twice;
	p->twice = true;
	return p->again ? ERR_CONFLICT : job_fail(job, ERR_INTERNAL, "answers are left that are not sealed");
}

static enum err reseal_run(struct job *job)
{
	struct pass p = {.job = job};
	struct str result;
	enum err e;

	for (;;) {
		if ((e = pass_begin(&p)))
			return e;
		if (!(e = pass_go(&p)))
			e = check_clear(&p);
		if (e == ERR_CONFLICT) {
			p.again = true;
			continue;
		}
		if (e || (e = report(job->arena, &p, &result)))
			return e;
		e = job_complete(job, end_in, &p, result);
		if (e != ERR_AGAIN || !p.again)
			return e;
	}
}

const struct job_type reseal_job = {.name = "responses.reseal",
    .run = reseal_run,
    .needs = PERM_SETTINGS_WRITE,
    .max_attempts = RESEAL_ATTEMPTS,
    .lease_s = RESEAL_LEASE_S,
    .backoff_s = RESEAL_BACKOFF_S,
    .about = "Seals answers anew, after keys were rotated or what is sealed was changed"};

enum err reseal_add(struct tx *tx, struct arena *a, bool reindex, struct str rotated, struct uuid *job)
{
	struct json_out w;
	struct str payload;
	struct buf b;
	enum err e;

	buf_init(&b, a, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	if (reindex)
		json_field_bool(&w, S("reindex"), true);
	if (rotated.n > 0)
		json_field_str(&w, S("rotated"), rotated);
	json_close(&w, '}');
	if ((e = buf_done(&b, &payload)))
		return e;
	return job_add(tx, a,
	    &(struct job_new){.type = &reseal_job, .ref = reindex ? S("index") : S("answers"), .payload = payload},
	    job);
}
