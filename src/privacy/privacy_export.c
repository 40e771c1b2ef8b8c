/* Export: all that a tenant has of one person, sealed piece by piece until somebody fetches it. */
#include "event/event.h"
#include "privacy/privacy.h"
#include "privacy/privacy_words.h"
#include "sql.h"
#include "survey/survey.h"
#include "vault/vault.h"

#define PERSON_MAX_BYTES (10 * MB)

/* Bound to the request and the piece's number: a piece of one file does not open in another. from: the answer; NULL: it is
 * the first piece, with these codes. */
struct piece {
	int64_t part;
	const struct person_match *from;
	struct str codes, plain; /* codes: JSON list of ids */
};

static enum err put_piece(struct tx *tx, struct person_job *p, const struct piece *x)
{
	const struct person_match *from = x->from;
	struct seal_place place = {.table = S("privacy_parts"), .row = &p->request};
	struct arena *a = from ? &p->scratch : &p->page;
	struct str sealed;
	int64_t version;
	struct buf b;
	enum err e;

	buf_init(&b, a, 64);
	buf_add(&b, S("sealed."));
	buf_int(&b, x->part);
	if ((e = buf_done(&b, &place.column)) ||
	    (e = vault_seal(p->job->app->vault, tx, VAULT_SECRET, &place, x->plain, a, &sealed, &version)))
		return e;
	const struct pg_param in[] = {P_UUID(&p->request), P_INT(x->part), from ? P_UUID(&from->id) : P_NULL(PGT_UUID),
	    P_BYTES(sealed), P_INT(version), from ? P_UUID(&from->survey_id) : P_NULL(PGT_UUID),
	    from ? P_NULL(PGT_JSON) : P_JSON(x->codes)};
	return tx_queue(tx, &Q_NO_OUT(SQL_person_part_insert, in));
}

static enum err export_answer(struct tx *tx, struct person_job *p, const struct person_match *m)
{
	const struct survey_program *survey;
	struct person_answer answer = {0};
	struct person_read read;
	struct cache_entry *pin;
	struct str json;
	enum err e;

	if ((e = person_answer_get(tx, &p->scratch, &m->survey_id, &m->id, &answer)))
		return e == ERR_NOT_FOUND ? OK : e;
	if ((e = person_answer_read(p->job->app, tx, &p->scratch, &answer, &read)) ||
	    (e = survey_program_get(p->job->app, tx, &m->survey_id, answer.survey_version, &p->scratch, &survey, &pin)))
		return e;
	e = answer_in_words(survey->program, &answer, &read, &p->scratch, &json);
	cache_release(p->job->app->cache, pin);
	p->done++;
	return e ? e : put_piece(tx, p, &(struct piece){.part = p->found + p->done, .from = m, .plain = json});
}

/* ---- what there is besides answers ---- */

struct member_row {
	struct uuid user_id;
	struct str json;
};

static enum err person_json(struct tx *tx, struct person_job *p, struct str codes, struct str *out)
{
	static const struct pg_col cols[] = {
	    COL(struct member_row, user_id, PGT_UUID), COL(struct member_row, json, PGT_JSON)};
	bool by_email = p->who.kind == SUBJECT_EMAIL;
	const struct pg_param in[] = {
	    by_email ? P_TEXT(p->who.text) : P_NULL(PGT_TEXT), P_UUID_OR_NULL(&p->who.user_id)};
	const struct pg_param email[] = {P_TEXT(by_email ? p->who.text : S(""))};
	struct member_row *rows;
	struct str invitations;
	struct json_out w;
	struct buf b;
	void *found;
	size_t n;
	enum err e;

	if ((e = tx_rows(tx, &p->page, &Q(SQL_person_member, in, cols), sizeof(*rows), &found, &n)) ||
	    (e = tx_json(tx, &p->page, &Q_NO_OUT(SQL_person_invitations, email), &invitations)))
		return e;
	rows = found;
	buf_init(&b, &p->page, PERSON_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("member"));
	if (n > 0)
		json_put_raw(&w, rows[0].json);
	else
		json_put_null(&w);
	json_field_raw(&w, S("invitations"), invitations);
	json_field_raw(&w, S("codes"), codes);
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err rest_in(struct tx *tx, void *ctx)
{
	struct waiting_row {
		int64_t version;
	} row;
	static const struct pg_col cols[] = {COL(struct waiting_row, version, PGT_INT)};
	struct person_job *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->request)};
	struct piece x = {0};
	struct str codes;
	enum err e;

	arena_reset(&p->page);
	/* codes before requests, as who erases */
	if ((e = person_codes_json(tx, p, &codes, &x.codes)) ||
	    (e = tx_one(tx, &p->page, &Q(SQL_person_waiting, in, cols), &row)) ||
	    (e = person_json(tx, p, codes, &x.plain)))
		return e;
	return put_piece(tx, p, &x);
}

/* ---- the job ---- */

struct ended_row {
	int64_t version;
	struct str counts;
};

static enum err exported_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {
	    COL(struct ended_row, version, PGT_INT), COL(struct ended_row, counts, PGT_JSON)};
	struct person_job *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->request), P_INT(PRIVACY_EXPORT_DAYS)};
	struct ended_row row;
	enum err e;

	if ((e = tx_one(tx, p->job->arena, &Q(SQL_person_exported, in, cols), &row)))
		return e;
	return event_append(
	    tx, &(struct event){S("privacy_request"), &p->request, S("exported"), row.counts, row.version});
}

static enum err gather(struct person_job *p)
{
	enum err e;

	if ((e = person_walk(p, export_answer, NULL, S("answers_gathered"))))
		return e;
	if ((e = person_codes_find(p)) == ERR_LIMIT)
		return job_give_up(p->job, e, "More than 1,000 codes of links name this.");
	if (e || (e = job_step(p->job, rest_in, p, S(""))))
		return e;
	return person_complete(p, exported_in);
}

static enum err export(struct person_job *p) {
	enum err e = gather(p);

	return e == ERR_NOT_FOUND ? job_give_up(p->job, ERR_GONE, "What it gathered was erased meanwhile; ask again.")
				  : e;
}

static enum err export_run(struct job *job)
{
	struct person_job p;
	enum err e = person_begin(&p, job);

	e = e == ERR_GONE ? job_give_up(job, e, "The request is gone, or cannot be opened any more.")
	    : e		  ? e
			  : export(&p);
	person_end(&p);
	return e;
}

const struct job_type export_job = {.name = "privacy.export",
    .run = export_run,
    .needs = PERM_PRIVACY_EXPORT,
    .max_attempts = 8,
    .lease_s = 30,
    .backoff_s = 10,
    .about = "Gathers one person's data into a file"};
