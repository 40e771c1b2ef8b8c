/* Purge: what was deleted longer ago than the tenant's purge_days is removed for good, children first, a batch a transaction. What something
 * that stays refers to stays as well: every statement asks, so no key is ever in the way. */
#include "base/limits.h"
#include "event/event.h"
#include "privacy/privacy.h"
#include "sql.h"

#define BATCH 500
#define ARENA_MAX_BYTES (1 * MB)
#define EVENT_MAX_BYTES (32 * KB)

static const struct kind {
	const struct pg_statement *sql;
	const char *name; /* in the result; NULL: only on the way to another */
} kinds[] = {
    {&SQL_purge_responses, "responses"},
    {&SQL_purge_links, "links"},
    {&SQL_purge_quota_cells, NULL},
    {&SQL_purge_retentions, NULL},
    {&SQL_purge_unpublish, NULL},
    {&SQL_purge_versions, "versions"},
    {&SQL_purge_surveys, "surveys"},
    {&SQL_purge_project_members, NULL},
    {&SQL_purge_projects, "projects"},
    {&SQL_purge_invitations, "invitations"},
    {&SQL_purge_keys, "api_keys"},
    {&SQL_purge_clients, "clients"},
    {&SQL_purge_identities, "identities"},
    {&SQL_purge_providers, "identity_providers"},
    {&SQL_purge_roles, "roles"},
    {&SQL_purge_replies, "stored_replies"},
};

struct purge {
	struct job *job;
	struct arena scratch;
	const struct kind *kind;
	int64_t days, n, gone[countof(kinds)], total;
	struct str result;
};

static enum err days_in(struct tx *tx, void *ctx)
{
	struct days_row {
		int64_t version, purge_days;
		struct str json;
	} row;
	static const struct pg_col cols[] = {COL(struct days_row, version, PGT_INT),
	    COL(struct days_row, purge_days, PGT_INT), COL(struct days_row, json, PGT_JSON)};
	struct purge *p = ctx;
	enum err e = tx_one(tx, p->job->arena, &Q_NO_IN(SQL_privacy_settings_get, cols), &row);

	p->days = e ? 0 : row.purge_days;
	return e;
}

/* Answers are the one kind of which the database's audit says nothing when a job removes them. */
static enum err answers_in(struct tx *tx, struct purge *p)
{
	struct ids_row {
		int64_t n;
		struct str ids;
	} row;
	static const struct pg_col cols[] = {COL(struct ids_row, n, PGT_INT), COL(struct ids_row, ids, PGT_JSON)};
	const struct pg_param in[] = {P_INT(p->days), P_INT(BATCH)};
	struct event event = {S("job"), &p->job->id, S("answers_removed"), S(""), 1};
	struct buf b;
	enum err e;

	p->n = 0;
	if ((e = tx_one(tx, &p->scratch, &Q(SQL_purge_responses, in, cols), &row)) || row.n == 0)
		return e;
	p->n = row.n;
	buf_init(&b, &p->scratch, EVENT_MAX_BYTES);
	buf_add(&b, S("{\"response_ids\": "));
	buf_add(&b, row.ids);
	buf_add(&b, S("}"));
	return (e = buf_done(&b, &event.data)) ? e : event_append(tx, &event);
}

static enum err batch_in(struct tx *tx, void *ctx)
{
	struct count_row {
		int64_t n;
	} row;
	static const struct pg_col cols[] = {COL(struct count_row, n, PGT_INT)};
	struct purge *p = ctx;
	const struct pg_param in[] = {P_INT(p->days), P_INT(BATCH)};
	enum err e;

	arena_reset(&p->scratch);
	if (p->kind->sql == &SQL_purge_responses)
		return answers_in(tx, p);
	e = tx_one(tx, &p->scratch, &Q(*p->kind->sql, in, cols), &row);
	p->n = e ? 0 : row.n;
	return e;
}

static enum err purge_kinds(struct purge *p)
{
	enum err e;

	for (size_t k = 0; k < countof(kinds); k++) {
		p->kind = &kinds[k];
		do {
			if ((e = job_step(p->job, batch_in, p, S(""))))
				return e;
			p->gone[k] += p->n;
			p->total += p->n;
			if ((e = job_progress(p->job, (int64_t)k, countof(kinds))))
				return e;
		} while (p->n == BATCH);
	}
	return OK;
}

static enum err result_of(struct purge *p)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, p->job->arena, 2 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (size_t k = 0; k < countof(kinds); k++)
		if (kinds[k].name && p->gone[k] > 0)
			json_field_int(&w, str_from(kinds[k].name), p->gone[k]);
	json_close(&w, '}');
	return buf_done(&b, &p->result);
}

/* Told once, when something went. */
static enum err purged_in(struct tx *tx, void *ctx)
{
	struct purge *p = ctx;

	if (p->total == 0)
		return OK;
	return event_append(tx, &(struct event){S("job"), &p->job->id, S("purged"), p->result, 1});
}

static enum err purge_run(struct job *job)
{
	struct purge p = {.job = job};
	enum err e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, days_in, &p);

	if (e)
		return e;
	arena_init(&p.scratch, &arena_malloc, ARENA_MAX_BYTES);
	e = purge_kinds(&p);
	arena_free(&p.scratch);
	if (e || (e = result_of(&p)))
		return e;
	return job_complete(job, purged_in, &p, p.result);
}

const struct job_type privacy_purge_job = {.name = "privacy.purge",
    .run = purge_run,
    .max_attempts = 5,
    .lease_s = 30,
    .backoff_s = 60,
    .every_s = 24 * 3600,
    .each_tenant = true,
    .priority = 10,
    .about = "Removes for good what was deleted longer ago than its tenant's purge_days"};
