/* Erasure: one person's answers, and what else names that person in the tenant. Doing it again finds nothing and does no harm. */
#include "event/event.h"
#include "privacy/privacy.h"
#include "privacy/privacy_person.h"
#include "sql.h"
#include "vault/vault.h"

#define EXPORTS_A_ROUND 1000

/* ---- answers ---- */

/* What is left of the answers: those in which the person is not named. */
static void put_without_person(struct person_job *p, const struct json *all, struct json_out *w)
{
	json_open(w, '{');
	for (uint32_t i = 0; i < all->count; i++) {
		if (subject_in(&p->who, &all->members[i].value))
			continue;
		json_key(w, all->members[i].key);
		json_put(w, &all->members[i].value);
	}
	json_close(w, '}');
}

struct left {
	struct str answers, sealed; /* sealed: empty where they are not */
	int64_t key_version;
};

static enum err without_person(
    struct tx *tx, struct person_job *p, const struct person_answer *answer, struct left *left)
{
	const struct seal_place place = {S("responses"), S("answers_sealed"), &answer->id, &answer->survey_id};
	struct vault *vault = p->job->app->vault;
	struct person_read read;
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	*left = (struct left){.answers = S("{}")};
	if ((e = person_answer_read(p->job->app, tx, &p->scratch, answer, &read)))
		return e;
	buf_init(&b, &p->scratch, 4 * RESPONSE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	if (!read.sealed) {
		put_without_person(p, read.answers, &w);
		return buf_done(&b, &left->answers);
	}
	json_open(&w, '{');
	json_key(&w, S("answers"));
	put_without_person(p, read.answers, &w);
	json_key(&w, S("consents"));
	json_put(&w, read.consents);
	json_close(&w, '}');
	if ((e = buf_done(&b, &text)))
		return e;
	return vault_seal(vault, tx, VAULT_RESPONSE, &place, text, &p->scratch, &left->sealed, &left->key_version);
}

static enum err strip(struct tx *tx, struct person_job *p, const struct person_match *m)
{
	struct person_answer answer = {0};
	struct left left;
	enum err e;

	if ((e = person_answer_get(tx, &p->scratch, &m->survey_id, &m->id, &answer)))
		return e == ERR_NOT_FOUND ? OK : e;
	if ((e = without_person(tx, p, &answer, &left)))
		return e;
	const struct pg_param in[] = {P_UUID(&m->survey_id), P_UUID(&m->id), P_JSON(left.answers),
	    left.sealed.n > 0 ? P_BYTES(left.sealed) : P_NULL(PGT_BYTES),
	    left.sealed.n > 0 ? P_INT(left.key_version) : P_NULL(PGT_INT)};
	p->done++;
	return tx_queue(tx, &Q_NO_OUT(SQL_person_answer_strip, in));
}

static enum err erase_answer(struct tx *tx, struct person_job *p, const struct person_match *m)
{
	const struct pg_param in[] = {P_UUID(&m->survey_id), P_UUID(&m->id)};
	int64_t gone;
	enum err e;

	if (!p->whole)
		return strip(tx, p, m);
	if ((e = tx_exec(tx, &Q_NO_OUT(SQL_person_answer_delete, in), &gone)))
		return e;
	p->done += gone;
	return OK;
}

/* Those that have one of these in them. They are held or gone now: no export adds one of them any more. */
static enum err end_exports_with(
    struct tx *tx, struct person_job *p, const struct pg_statement *sql, struct str ids, int64_t *ended)
{
	struct ending_row {
		struct uuid id;
	} * rows;
	static const struct pg_col cols[] = {COL(struct ending_row, id, PGT_UUID)};
	const struct pg_param in[] = {P_JSON(ids)};
	const struct query q = {sql, in, countof(in), cols, countof(cols)};
	void *found;
	size_t n;
	enum err e;

	if ((e = tx_rows(tx, &p->scratch, &q, sizeof *rows, &found, &n)))
		return e;
	rows = found;
	for (size_t i = 0; !e && i < n; i++) {
		const struct pg_param id[] = {P_UUID(&rows[i].id)};

		e = tx_exec(tx, &Q_NO_OUT(SQL_person_export_end, id), NULL);
	}
	*ended = (int64_t)n;
	return e;
}

/* Behind the answers of a page. */
static enum err end_exports_of(struct tx *tx, struct person_job *p, struct str response_ids)
{
	return end_exports_with(tx, p, &SQL_person_answers_exports, response_ids, &p->exports);
}

/* ---- the rest ---- */

struct rest {
	struct person_job *p;
	int64_t invitations, replies, exports, codes;
	struct str member;
};

/* Who has the address or is the user: a member, or somebody who was one. Nobody: nil, and the address that was asked for. */
struct known {
	bool member;
	struct uuid user_id;
	struct str email;
};

static enum err member_known(struct tx *tx, struct person_job *p, struct known *out)
{
	static const struct pg_col cols[] = {COL(struct known, user_id, PGT_UUID), COL(struct known, email, PGT_TEXT)};
	bool by_email = p->who.kind == SUBJECT_EMAIL;
	const struct pg_param in[] = {
	    by_email ? P_TEXT(p->who.text) : P_NULL(PGT_TEXT), P_UUID_OR_NULL(&p->who.user_id)};
	void *found;
	size_t n;
	enum err e = tx_rows(tx, &p->page, &Q(SQL_person_member, in, cols), sizeof *out, &found, &n);

	if (e)
		return e;
	*out = n > 0 ? *(struct known *)found : (struct known){false, p->who.user_id, by_email ? p->who.text : S("")};
	out->member = n > 0;
	return OK;
}

/* Named in the same way, or by what is known of a member. */
static bool same_person(const struct person_job *p, const struct known *k, const struct subject *other)
{
	if (other->kind == SUBJECT_USER)
		return !uuid_is_nil(&k->user_id) && uuid_eq(&other->user_id, &k->user_id);
	if (other->kind == SUBJECT_EMAIL && str_eq(other->text, k->email))
		return true;
	return other->kind == p->who.kind && str_eq(other->text, p->who.text) &&
	       uuid_eq(&other->response_id, &p->who.response_id);
}

/* Files made of the same person: their subject is sealed, so each is opened. *last: of a round; empty: that was all. */
static enum err end_round(struct tx *tx, struct rest *r, const struct known *k, struct uuid *last, size_t *n)
{
#define C(member, type) COL(struct sealed_subject, member, type)
	static const struct pg_col cols[] = {
	    C(id, PGT_UUID), C(subject_kind, PGT_TEXT), C(subject, PGT_BYTES), C(key_version, PGT_INT)};
#undef C
	struct person_job *p = r->p;
	const struct pg_param in[] = {P_UUID(last), P_INT(EXPORTS_A_ROUND)};
	struct sealed_subject *rows;
	struct subject other;
	void *found;
	enum err e;

	if ((e = tx_rows(tx, &p->scratch, &Q(SQL_person_exports, in, cols), sizeof(*rows), &found, n)))
		return e;
	rows = found;
	for (size_t i = 0; i < *n; i++) {
		const struct pg_param id[] = {P_UUID(&rows[i].id)};

		*last = rows[i].id;
		e = subject_open(p->job->app, tx, &rows[i], &p->scratch, &other);
		if (e && e != ERR_INVALID && e != ERR_GONE)
			return e;
		if (e || !same_person(p, k, &other))
			continue;
		r->exports++;
		if ((e = tx_exec(tx, &Q_NO_OUT(SQL_person_export_end, id), NULL)))
			return e;
	}
	return OK;
}

static enum err end_exports(struct tx *tx, struct rest *r, const struct known *k)
{
	struct uuid last = {0};
	size_t n;
	enum err e;

	do {
		arena_reset(&r->p->scratch);
		e = end_round(tx, r, k, &last, &n);
	} while (!e && n == EXPORTS_A_ROUND);
	return e;
}

static enum err forget_address(struct tx *tx, struct rest *r, const struct known *k)
{
	struct gone_row {
		int64_t invitations, replies;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct gone_row, invitations, PGT_INT), COL(struct gone_row, replies, PGT_INT)};
	const struct pg_param in[] = {P_TEXT(k->email), P_UUID_OR_NULL(&k->user_id)};
	enum err e;

	if (k->email.n == 0 && uuid_is_nil(&k->user_id))
		return OK;
	if ((e = tx_one(tx, &r->p->page, &Q(SQL_person_address_forget, in, cols), &row)))
		return e;
	r->invitations = row.invitations;
	r->replies = row.replies;
	return OK;
}

static enum err forget_member(struct tx *tx, struct rest *r, const struct known *k)
{
	struct how_row {
		struct str how;
	} how;
	static const struct pg_col cols[] = {COL(struct how_row, how, PGT_TEXT)};
	const struct pg_param id[] = {P_UUID(&k->user_id)};
	enum err e;

	r->member = S("none");
	if (!k->member)
		return OK;
	if ((e = tx_one(tx, &r->p->page, &Q(SQL_person_member_forget, id, cols), &how)))
		return e;
	r->member = how.how;
	return OK;
}

/* Before requests are locked, as who exports them. */
static enum err forget_codes(struct tx *tx, struct rest *r)
{
	struct person_job *p = r->p;
	struct str ids;
	enum err e;

	if (p->code_count == 0)
		return OK;
	arena_reset(&p->scratch);
	if ((e = person_codes_forget(tx, p, &r->codes, &ids)))
		return e;
	return end_exports_with(tx, p, &SQL_person_codes_exports, ids, &r->exports);
}

static enum err rest_counts(struct tx *tx, struct rest *r)
{
	struct json_out w;
	struct str counts;
	struct buf b;
	enum err e;

	buf_init(&b, &r->p->page, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("responses"), 0);
	json_field_int(&w, S("by_index"), 0);
	json_field_int(&w, S("invitations"), r->invitations);
	json_field_int(&w, S("stored_replies"), r->replies);
	json_field_int(&w, S("exports"), r->exports);
	json_field_int(&w, S("codes"), r->codes);
	json_field_str(&w, S("member"), r->member);
	json_close(&w, '}');
	if ((e = buf_done(&b, &counts)))
		return e;
	const struct pg_param in[] = {P_UUID(&r->p->request), P_JSON(counts)};
	return tx_queue(tx, &Q_NO_OUT(SQL_person_count_rest, in));
}

static enum err rest_in(struct tx *tx, void *ctx)
{
	struct person_job *p = ctx;
	struct rest r = {.p = p};
	struct known known;
	enum err e;

	arena_reset(&p->page);
	if ((e = forget_codes(tx, &r)) || (e = member_known(tx, p, &known)) || (e = forget_address(tx, &r, &known)) ||
	    (e = end_exports(tx, &r, &known)) || (e = forget_member(tx, &r, &known)))
		return e;
	return rest_counts(tx, &r);
}

/* ---- the job ---- */

struct ended_row {
	int64_t version;
	struct str counts;
};

static enum err erased_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {
	    COL(struct ended_row, version, PGT_INT), COL(struct ended_row, counts, PGT_JSON)};
	struct person_job *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->request)};
	struct ended_row row;
	enum err e;

	if ((e = tx_one(tx, p->job->arena, &Q(SQL_person_erased, in, cols), &row)))
		return e;
	return event_append(
	    tx, &(struct event){S("privacy_request"), &p->request, S("erased"), row.counts, row.version});
}

/* Where more codes name the person than are taken at once: what is forgotten is found no more. */
static enum err some_codes_in(struct tx *tx, void *ctx)
{
	struct rest r = {.p = ctx};

	arena_reset(&r.p->page);
	return forget_codes(tx, &r);
}

static enum err erase(struct person_job *p)
{
	enum err e;

	if ((e = person_walk(p, erase_answer, end_exports_of, S("answers_erased"))))
		return e;
	while ((e = person_codes_find(p)) == ERR_LIMIT)
		if ((e = job_step(p->job, some_codes_in, p, S(""))))
			return e;
	if (e || (e = job_step(p->job, rest_in, p, S(""))))
		return e;
	return person_complete(p, erased_in);
}

static enum err erase_run(struct job *job)
{
	struct person_job p;
	enum err e = person_begin(&p, job);

	e = e == ERR_GONE ? job_give_up(job, e, "The request is gone, or cannot be opened any more.")
	    : e		  ? e
			  : erase(&p);
	person_end(&p);
	return e;
}

const struct job_type erase_job = {.name = "privacy.erase",
    .run = erase_run,
    .needs = PERM_PRIVACY_ERASE,
    .max_attempts = 8,
    .lease_s = 30,
    .backoff_s = 10,
    .about = "Erases one person's data"};
