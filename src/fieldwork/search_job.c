/* search_job.c - keeps what answers are found by (response_search), and what is doubtful about them (responses.flags), up with the event log.
 *
 * One job of the installation comes round every second and goes through the tenants that have something to do, a batch of events a transaction. What is
 * open-ended text the programs say; the rest is the database's (search_fill). The mark moves in the transaction that makes the rows, so a run that is
 * cut off leaves nothing out, and one that is repeated does no harm. */
#include "fieldwork/fieldwork.h"
#include "base/limits.h"
#include "sql.h"
#include "survey/survey.h"

#define EVENTS_BATCH 500 /* what one transaction takes; its answers are locked meanwhile */
#define RENEW_BATCH 2000 /* rows that are only marked */
#define PATHS_MAX_BYTES (4 * MB)
#define EVERY_S 1
#define LEASE_S 30
#define BACKOFF_S 1
#define ATTEMPTS 10

/* ---- what is open-ended text ---- */

static bool is_open(const struct export_column *c)
{
	return !c->personal &&
	       (str_eq(c->type, S("text")) || str_eq(c->type, S("other_text")) || str_eq(c->type, S("multi_text")));
}

/* $."name" · $."name".* for what has items · $."roster"[*]."name": a path of the database's own language for jsonb. */
static enum err path_text(struct arena *a, const struct export_column *c, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, 4 * KB);
	json_out_init(&w, &b);
	buf_add(&b, S("$."));
	if (c->roster.n > 0) {
		json_put_str(&w, c->roster);
		buf_add(&b, S("[*]."));
		json_out_init(&w, &b);
		json_put_str(&w, c->member);
	} else {
		json_put_str(&w, c->key.n > 0 ? c->key : c->name);
	}
	if (c->item_count > 0)
		buf_add(&b, S(".*"));
	return buf_done(&b, out);
}

static enum err put_paths(struct arena *a, const struct program *p, struct json_out *w)
{
	struct export_column *columns;
	struct str path;
	size_t n;
	enum err e = program_columns(p, program_language(p), a, &columns, &n);

	json_key(w, S("paths"));
	json_open(w, '[');
	for (size_t i = 0; !e && i < n; i++) {
		if (!is_open(&columns[i]) || columns[i].record > 1)
			continue;
		if (!(e = path_text(a, &columns[i], &path)))
			json_put_str(w, path);
	}
	json_close(w, ']');
	return e;
}

static enum err put_version(
    struct app *app, struct tx *tx, struct arena *a, const struct json *wanted, struct json_out *w)
{
	const struct json *number = json_get(wanted, S("version"));
	const struct survey_program *survey;
	struct cache_entry *pin;
	struct uuid id;
	enum err e;

	if (!number || !uuid_read(json_str_or(wanted, S("survey_id"), S("")), &id))
		return ERR_INTERNAL;
	if ((e = survey_program_get(app, tx, &id, number->i, a, &survey, &pin)))
		return e == ERR_NOT_FOUND ? OK : e; /* a deleted survey: nobody looks into it */
	json_open(w, '{');
	json_field_str(w, S("survey_id"), uuid_str(a, &id));
	json_field_int(w, S("version"), number->i);
	e = put_paths(a, survey->program, w);
	json_close(w, '}');
	cache_release(app->cache, pin);
	return e;
}

static enum err paths_of(struct app *app, struct tx *tx, struct arena *a, struct str versions, struct str *out)
{
	struct json_error why;
	struct json_out w;
	struct json *list;
	struct buf b;
	enum err e = OK;

	if (json_read(a, versions, &json_limits_default, &list, &why))
		return ERR_INTERNAL;
	buf_init(&b, a, PATHS_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (uint32_t i = 0; !e && i < list->count; i++)
		e = put_version(app, tx, a, &list->items[i], &w);
	json_close(&w, ']');
	return e ? e : buf_done(&b, out);
}

/* ---- a batch ---- */

struct batch {
	struct job *job;
	const struct uuid *tenant;
	int64_t filled;
	bool more;
};
struct next_row {
	struct str responses, versions, xid;
	struct uuid event_id;
	bool more;
};
struct n_row {
	int64_t n;
};
static const struct pg_col n_cols[] = {COL(struct n_row, n, PGT_INT)};

static enum err fill_in(struct tx *tx, struct arena *a, struct batch *b)
{
	static const struct pg_col cols[] = {COL(struct next_row, responses, PGT_JSON),
	    COL(struct next_row, versions, PGT_JSON), COL(struct next_row, xid, PGT_TEXT),
	    COL(struct next_row, event_id, PGT_UUID), COL(struct next_row, more, PGT_BOOL)};
	const struct pg_param limit[] = {P_INT(EVENTS_BATCH)};
	struct next_row next;
	struct n_row done;
	struct str paths;
	enum err e;

	if ((e = tx_one(tx, a, &Q(SQL_search_next, limit, cols), &next)) ||
	    (e = paths_of(b->job->app, tx, a, next.versions, &paths)))
		return e;
	const struct pg_param in[] = {P_JSON(next.responses), P_JSON(paths), P_TEXT(next.xid), P_UUID(&next.event_id)};
	const struct pg_param flag[] = {P_JSON(next.responses)};

	if ((e = tx_one(tx, a, &Q(SQL_search_fill, in, n_cols), &done)))
		return e;
	b->filled = done.n;
	/* the same answers, at the same mark: what is doubtful about them */
	if ((e = tx_one(tx, a, &Q(SQL_responses_flag, flag, n_cols), &done)))
		return e;
	b->more = next.more;
	return OK;
}

static enum err batch_in(struct tx *tx, void *ctx)
{
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, JOB_ARENA_MAX_BYTES);
	e = fill_in(tx, &a, ctx);
	arena_free(&a);
	return e;
}

static enum err fill_batch(struct batch *b)
{
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, MB);
	e = tx_run(b->job->app, PG_WORKER, b->tenant, &a, batch_in, b);
	arena_free(&a);
	return e;
}

/* ---- every second ---- */

struct tenant_row {
	struct uuid tenant_id;
};
struct behind {
	struct arena *arena;
	void *rows;
	size_t n;
};

static enum err behind_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct tenant_row, tenant_id, PGT_UUID)};
	struct behind *b = ctx;

	return tx_rows(tx, b->arena, &Q_NO_IN(SQL_search_behind, cols), sizeof(struct tenant_row), &b->rows, &b->n);
}

/* A batch of each tenant in turn, until none has more: one that is far behind holds nobody up. */
static enum err search_run(struct job *job)
{
	struct behind behind = {.arena = job->arena};
	enum err e = tx_run(job->app, PG_WORKER, NULL, job->arena, behind_in, &behind);
	const struct tenant_row *tenants = behind.rows;
	bool *done, more = behind.n > 0;

	if (e)
		return e;
	if (!(done = arena_array(job->arena, bool, behind.n + 1)))
		return ERR_MEMORY;
	while (more) {
		more = false;
		for (size_t i = 0; i < behind.n; i++) {
			struct batch b = {.job = job, .tenant = &tenants[i].tenant_id};

			if (done[i])
				continue;
			if ((e = fill_batch(&b)) || (e = job_check(job)))
				return e;
			done[i] = !b.more;
			more |= b.more;
		}
	}
	return job_complete(job, NULL, NULL, S(""));
}

const struct job_type search_job = {.name = "responses.search",
    .run = search_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .every_s = EVERY_S,
    .about = "Keeps what answers are searched and filtered by, and their flags, up with the event log"};

enum err search_renew(struct tx *tx, struct arena *a, struct search_place *after, int64_t *marked)
{
	struct renew_row {
		struct uuid survey_id, id;
		int64_t n;
	} row;
	static const struct pg_col cols[] = {COL(struct renew_row, survey_id, PGT_UUID),
	    COL(struct renew_row, id, PGT_UUID), COL(struct renew_row, n, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&after->survey_id), P_UUID(&after->id), P_INT(RENEW_BATCH)};
	enum err e = tx_one(tx, a, &Q(SQL_search_renew, in, cols), &row);

	*marked = 0;
	if (e)
		return e == ERR_NOT_FOUND ? OK : e;
	*after = (struct search_place){row.survey_id, row.id};
	*marked = row.n;
	return OK;
}
