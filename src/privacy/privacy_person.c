/* Who is meant, and the way through a tenant's answers. */
#include "privacy/privacy_person.h"
#include "core/config.h"
#include "core/contact.h"
#include "event/event.h"
#include "sql.h"
#include "vault/vault.h"

#define PAGE 500
#define ARENA_MAX_BYTES (32 * MB)
#define SUBJECT_MAX_BYTES (2 * KB)
#define EVENT_MAX_BYTES (32 * KB) /* it names each answer of a page */

static const struct str kind_names[SUBJECT_KINDS] = {[SUBJECT_EMAIL] = {"email", 5},
    [SUBJECT_PHONE] = {"phone", 5},
    [SUBJECT_RESPONSE] = {"response", 8},
    [SUBJECT_USER] = {"user", 4}};

struct str subject_kind_name(enum subject_kind k)
{
	return kind_names[k];
}

/* ---- who is meant ---- */

static enum err keep(struct arena *a, struct str prefix, const struct contact_form *form, struct str *out)
{
	struct buf b;

	buf_init(&b, a, 2 * sizeof form->text);
	buf_add(&b, prefix);
	buf_add(&b, str_make(form->text, form->n));
	return buf_done(&b, out);
}

enum err subject_email(struct arena *a, struct str written, struct str *out)
{
	struct contact_form form;

	return contact_email(written, &form) ? keep(a, S(""), &form, out) : ERR_INVALID;
}

static int64_t country_of(const struct app *app)
{
	return app->config ? config_int(app->config, CFG_phone_country) : 0;
}

/* With a + in front, which another look at it leaves alone. */
enum err subject_phone(const struct app *app, struct arena *a, struct str written, struct str *out)
{
	struct contact_form form;

	return contact_phone(written, country_of(app), &form) ? keep(a, S("+"), &form, out) : ERR_INVALID;
}

bool subject_is(const struct subject *who, struct str written)
{
	struct str number = str_make(who->text.p + 1, who->text.n - 1);
	struct contact_form form;

	if (who->kind == SUBJECT_EMAIL)
		return (contact_email(written, &form) && str_eq(str_make(form.text, form.n), who->text)) ||
		       contact_email_within(written, who->text);
	return (contact_phone(written, who->country, &form) && str_eq(str_make(form.text, form.n), number)) ||
	       contact_phone_within(written, who->country, number);
}

bool subject_in(const struct subject *who, const struct json *v)
{
	if (!v || who->text.n == 0 || (who->kind != SUBJECT_EMAIL && who->kind != SUBJECT_PHONE))
		return false;
	if (v->type == JSON_STR)
		return subject_is(who, v->s);
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->count; i++)
		if (subject_in(who, &v->items[i]))
			return true;
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->count; i++)
		if (subject_in(who, &v->members[i].value))
			return true;
	return false;
}

enum err subject_seal(struct app *app, struct tx *tx, const struct uuid *request, const struct subject *who,
    struct arena *a, struct str *sealed, int64_t *version)
{
	const struct seal_place place = {S("privacy_requests"), S("subject"), request};
	struct json_out w;
	struct str plain;
	struct buf b;
	enum err e;

	buf_init(&b, a, SUBJECT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("text"), who->text);
	json_field_str(&w, S("survey_id"), uuid_str(a, &who->survey_id));
	json_field_str(&w, S("response_id"), uuid_str(a, &who->response_id));
	json_field_str(&w, S("user_id"), uuid_str(a, &who->user_id));
	json_close(&w, '}');
	if ((e = buf_done(&b, &plain)))
		return e;
	return vault_seal(app->vault, tx, VAULT_SECRET, &place, plain, a, sealed, version);
}

enum err subject_open(
    struct app *app, struct tx *tx, const struct sealed_subject *in, struct arena *a, struct subject *out)
{
	const struct seal_place place = {S("privacy_requests"), S("subject"), &in->id};
	struct json_error why;
	struct json *doc;
	struct str plain;
	enum err e;

	*out = (struct subject){.kind = SUBJECT_KINDS};
	for (int k = 0; k < SUBJECT_KINDS; k++)
		if (str_eq(in->subject_kind, kind_names[k]))
			out->kind = (enum subject_kind)k;
	if ((e = vault_unseal(app->vault, tx, VAULT_SECRET, &place, in->key_version, in->subject, a, &plain)))
		return e;
	if (out->kind == SUBJECT_KINDS || json_read(a, plain, &json_limits_default, &doc, &why))
		return ERR_INTERNAL;
	out->text = json_str_or(doc, S("text"), S(""));
	if (!uuid_read(json_str_or(doc, S("survey_id"), S("")), &out->survey_id) ||
	    !uuid_read(json_str_or(doc, S("response_id"), S("")), &out->response_id) ||
	    !uuid_read(json_str_or(doc, S("user_id"), S("")), &out->user_id))
		return ERR_INTERNAL;
	out->country = country_of(app);
	/* an older release wrote its own form down; of what has none by now nothing is found */
	if (out->kind == SUBJECT_EMAIL)
		e = subject_email(a, out->text, &out->text);
	else if (out->kind == SUBJECT_PHONE)
		e = subject_phone(app, a, out->text, &out->text);
	return e;
}

/* ---- one answer ---- */

enum err person_answer_get(
    struct tx *tx, struct arena *a, const struct uuid *survey, const struct uuid *id, struct person_answer *out)
{
#define C(member, type) COL(struct person_answer, member, type)
	static const struct pg_col cols[] = {C(survey_id, PGT_UUID), C(id, PGT_UUID), C(survey_version, PGT_INT),
	    C(started_at, PGT_TIME), C(completed_at, PGT_TIME), C(duration_ms, PGT_INT), C(created_at, PGT_TIME),
	    C(sealed_key_version, PGT_INT), C(status, PGT_TEXT), C(outcome, PGT_TEXT), C(language, PGT_TEXT),
	    C(link, PGT_TEXT), C(survey, PGT_TEXT), C(answers, PGT_JSON), C(parameters, PGT_JSON),
	    C(consents, PGT_JSON), C(sealed, PGT_BYTES), C(answers_sealed, PGT_BYTES), C(answers_key_version, PGT_INT)};
#undef C
	const struct pg_param in[] = {P_UUID(survey), P_UUID(id)};

	return tx_one(tx, a, &Q(SQL_person_answer, in, cols), out);
}

/* Where the tenant has all answers sealed. What does not open any more stays as the columns have it: {}. */
static enum err read_rest(
    struct app *app, struct tx *keys, struct arena *a, const struct person_answer *in, struct person_read *out)
{
	const struct seal_place place = {S("responses"), S("answers_sealed"), &in->id, &in->survey_id};
	struct json_error why;
	struct json *doc;
	struct str plain;
	enum err e;

	if (in->answers_sealed.n == 0)
		return OK;
	e = vault_unseal(
	    app->vault, keys, VAULT_RESPONSE, &place, in->answers_key_version, in->answers_sealed, a, &plain);
	if (e)
		return e == ERR_INVALID || e == ERR_GONE ? OK : e;
	if (json_read(a, plain, &json_limits_default, &doc, &why) || doc->count != 2)
		return ERR_INTERNAL;
	out->answers = &doc->members[0].value;
	out->consents = &doc->members[1].value;
	out->sealed = true;
	return OK;
}

enum err person_answer_read(
    struct app *app, struct tx *keys, struct arena *a, const struct person_answer *in, struct person_read *out)
{
	const struct seal_place place = {S("responses"), S("sealed"), &in->id, &in->survey_id};
	struct json_error why;
	struct str plain;
	enum err e;

	*out = (struct person_read){0};
	if (json_read(a, in->answers, &json_limits_default, &out->answers, &why) ||
	    json_read(a, in->parameters, &json_limits_default, &out->parameters, &why) ||
	    json_read(a, in->consents, &json_limits_default, &out->consents, &why))
		return ERR_INTERNAL;
	if ((e = read_rest(app, keys, a, in, out)) || in->sealed.n == 0)
		return e;
	e = vault_unseal(app->vault, keys, VAULT_PII, &place, in->sealed_key_version, in->sealed, a, &plain);
	if (e == ERR_INVALID || e == ERR_GONE)
		return OK;
	if (e)
		return e;
	return json_read(a, plain, &json_limits_default, &out->personal, &why) ? ERR_INTERNAL : OK;
}

/* ---- the run ---- */

struct request_row {
	struct sealed_subject sealed;
	bool whole;
	int64_t total;
};

static enum err request_in(struct tx *tx, void *ctx)
{
#define C(member, type)                                                                                                \
	{                                                                                                              \
#member, type, offsetof(struct request_row, sealed) + offsetof(struct sealed_subject, member)          \
	}
	static const struct pg_col cols[] = {C(id, PGT_UUID), C(subject_kind, PGT_TEXT), C(subject, PGT_BYTES),
	    C(key_version, PGT_INT), COL(struct request_row, whole, PGT_BOOL), COL(struct request_row, total, PGT_INT)};
#undef C
	struct person_job *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->request)};
	struct request_row row = {0};
	enum err e;

	if ((e = tx_one(tx, p->job->arena, &Q(SQL_person_request, in, cols), &row)))
		return e;
	p->whole = row.whole;
	p->total = row.total;
	return subject_open(p->job->app, tx, &row.sealed, p->job->arena, &p->who);
}

static int64_t number_at(const struct json *object, struct str key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_INT ? v->i : 0;
}

enum err person_begin(struct person_job *p, struct job *job)
{
	const struct json *state = job->state;
	enum err e;

	*p = (struct person_job){.job = job};
	arena_init(&p->scratch, &arena_malloc, ARENA_MAX_BYTES);
	arena_init(&p->page, &arena_malloc, ARENA_MAX_BYTES);
	if (!uuid_read(json_str_or(job->payload, S("request"), S("")), &p->request))
		return ERR_GONE;
	e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, request_in, p);
	if (e == ERR_NOT_FOUND || e == ERR_INVALID)
		return ERR_GONE;
	if (e || !state)
		return e;
	p->looked = number_at(state, S("looked"));
	p->found = number_at(state, S("found"));
	p->through = number_at(state, S("through")) > 0;
	if (!uuid_read(json_str_or(state, S("survey"), S("")), &p->at_survey) ||
	    !uuid_read(json_str_or(state, S("id"), S("")), &p->at_id))
		return ERR_INTERNAL;
	return OK;
}

void person_end(struct person_job *p)
{
	arena_free(&p->scratch);
	arena_free(&p->page);
}

/* ---- the walk ---- */

struct looking {
	struct person_job *p;
	struct tx *keys;
	int64_t seen;
};

static enum err look_at(void *ctx, const void *row)
{
	const struct person_answer *answer = row;
	struct looking *l = ctx;
	struct person_job *p = l->p;
	struct person_read read;
	enum err e;

	arena_reset(&p->scratch);
	l->seen++;
	p->at_survey = answer->survey_id;
	p->at_id = answer->id;
	if ((e = person_answer_read(p->job->app, l->keys, &p->scratch, answer, &read)))
		return e;
	if (answer->indexed || subject_in(&p->who, read.personal) || subject_in(&p->who, read.answers) ||
	    subject_in(&p->who, read.parameters))
		p->matches[p->n++] = (struct person_match){answer->survey_id, answer->id, answer->indexed};
	return l->seen % 50 == 0 ? job_check(p->job) : OK;
}

static enum err look_through(struct person_job *p, struct tx *rows, struct tx *keys)
{
#define C(member, type) COL(struct person_answer, member, type)
	static const struct pg_col cols[] = {C(survey_id, PGT_UUID), C(id, PGT_UUID), C(survey_version, PGT_INT),
	    C(answers, PGT_JSON), C(parameters, PGT_JSON), C(consents, PGT_JSON), C(sealed, PGT_BYTES),
	    C(sealed_key_version, PGT_INT), C(answers_sealed, PGT_BYTES), C(answers_key_version, PGT_INT),
	    C(indexed, PGT_BOOL)};
#undef C
	struct looking l = {p, keys, 0};
	struct str hashes;
	enum err e = person_hashes(p, keys, &hashes);

	if (e)
		return e;
	const struct pg_param in[] = {P_UUID(&p->at_survey), P_UUID(&p->at_id), P_INT(PAGE), P_JSON(hashes),
	    P_TEXT(subject_kind_name(p->who.kind))};

	e = tx_each(rows, &Q(SQL_person_page, in, cols), sizeof(struct person_answer), look_at, &l);

	p->looked += l.seen;
	p->through = l.seen < PAGE;
	return e;
}

static enum err read_page(struct person_job *p)
{
	struct app *app = p->job->app;
	struct tx *rows, *keys;
	enum err e;

	arena_reset(&p->page);
	p->n = 0;
	if (!(p->matches = arena_array(&p->page, struct person_match, PAGE)))
		return ERR_MEMORY;
	if (p->who.kind == SUBJECT_RESPONSE)
		p->matches[p->n++] = (struct person_match){p->who.survey_id, p->who.response_id, false};
	if (p->who.kind == SUBJECT_RESPONSE || p->who.kind == SUBJECT_USER) {
		p->through = true;
		return OK;
	}
	if ((e = tx_open(app, PG_WORKER, true, &p->job->tenant_id, &p->page, &rows)))
		return e;
	if (!(e = tx_open(app, PG_WORKER, true, &p->job->tenant_id, &p->page, &keys))) {
		e = look_through(p, rows, keys);
		tx_rollback(keys);
	}
	tx_rollback(rows);
	return e;
}

static enum err state_of(const struct person_job *p, struct arena *a, int64_t found, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("survey"), uuid_str(a, &p->at_survey));
	json_field_str(&w, S("id"), uuid_str(a, &p->at_id));
	json_field_int(&w, S("looked"), p->looked);
	json_field_int(&w, S("found"), found);
	json_field_int(&w, S("through"), p->through);
	json_close(&w, '}');
	return buf_done(&b, out);
}

struct acting {
	struct person_job *p;
	enum err (*act)(struct tx *tx, struct person_job *p, const struct person_match *m);
	enum err (*then)(struct tx *tx, struct person_job *p, struct str response_ids);
	struct str told;
};

static enum err count_and_tell(struct tx *tx, const struct acting *acting, struct str ids)
{
	struct count_row {
		int64_t version;
	} row;
	static const struct pg_col cols[] = {COL(struct count_row, version, PGT_INT)};
	struct person_job *p = acting->p;
	const struct pg_param in[] = {P_UUID(&p->request), P_INT(p->done), P_INT(p->exports), P_INT(p->indexed)};
	struct event event = {S("privacy_request"), &p->request, acting->told, S(""), 1};
	struct buf data;
	enum err e;

	arena_reset(&p->scratch);
	if ((e = tx_one(tx, &p->scratch, &Q(SQL_person_count, in, cols), &row)) || p->done == 0)
		return e;
	event.sequence = row.version;
	buf_init(&data, &p->page, EVENT_MAX_BYTES);
	buf_add(&data, S("{\"response_ids\": "));
	buf_add(&data, ids);
	buf_char(&data, '}');
	return (e = buf_done(&data, &event.data)) ? e : event_append(tx, &event);
}

static enum err act_in(struct tx *tx, void *ctx)
{
	struct acting *acting = ctx;
	struct person_job *p = acting->p;
	struct str ids;
	struct buf b;
	enum err e;

	buf_init(&b, &p->page, EVENT_MAX_BYTES);
	buf_char(&b, '[');
	p->done = p->exports = p->indexed = 0;
	for (size_t i = 0; i < p->n; i++) {
		int64_t before = p->done;

		arena_reset(&p->scratch);
		if ((e = acting->act(tx, p, &p->matches[i])))
			return e;
		if (p->done == before)
			continue;
		p->indexed += p->matches[i].indexed;
		buf_add(&b, before > 0 ? S(",\"") : S("\""));
		buf_add(&b, uuid_str(&p->scratch, &p->matches[i].id));
		buf_char(&b, '"');
	}
	buf_char(&b, ']');
	if ((e = buf_done(&b, &ids)))
		return e;
	arena_reset(&p->scratch);
	if (acting->then && p->done > 0 && (e = acting->then(tx, p, ids)))
		return e;
	return count_and_tell(tx, acting, ids);
}

enum err person_walk(struct person_job *p,
    enum err (*act)(struct tx *tx, struct person_job *p, const struct person_match *m),
    enum err (*then)(struct tx *tx, struct person_job *p, struct str response_ids), struct str told)
{
	struct acting acting = {p, act, then, told};
	struct str state;
	enum err e;

	while (!p->through) {
		if ((e = read_page(p)) || (e = state_of(p, &p->page, p->found + (int64_t)p->n, &state)) ||
		    (e = job_step(p->job, act_in, &acting, state)))
			return e;
		p->found += (int64_t)p->n;
		if ((e = job_progress(p->job, p->looked, p->total > p->looked ? p->total : p->looked)))
			return e;
	}
	return OK;
}

struct result {
	struct person_job *p;
	struct str json;
};

static enum err result_in(struct tx *tx, void *ctx)
{
	struct result *r = ctx;
	const struct pg_param in[] = {P_UUID(&r->p->request)};

	return tx_json(tx, r->p->job->arena, &Q_NO_OUT(SQL_person_counts, in), &r->json);
}

enum err person_complete(struct person_job *p, enum err (*last)(struct tx *tx, void *person_job))
{
	struct result r = {.p = p};
	enum err e = tx_run(p->job->app, PG_WORKER, &p->job->tenant_id, p->job->arena, result_in, &r);

	return e ? e : job_complete(p->job, last, p, r.json);
}
