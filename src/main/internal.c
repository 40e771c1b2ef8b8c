/* internal.c - what operators and machines ask the process itself, on the internal listener only. */
#include <signal.h>
#include <unistd.h>
#include "base/limits.h"
#include "core/cache.h"
#include "core/slow.h"
#include "main/domains.h"
#include "main/serve.h"
#include "sql.h"

#define READY_TIMEOUT_MS 1000
#define METRICS_MAX_BYTES (16 * MB)
#define METRIC_TENANTS_MAX 200

void app_drain(struct app *app)
{
	app->draining = true;
}

bool app_draining(const struct app *app)
{
	return app->draining;
}

static const struct field health_fields[] = {
    OUT("status", FT_TEXT, REQUIRED, "\"ok\" while the process answers at all"),
};
static const struct shape health_out = SHAPE_OUT("Health", health_fields);

static const struct field ready_fields[] = {
    OUT("status", FT_TEXT, REQUIRED, "\"ready\" or \"not ready\""),
    OUT("database", FT_TEXT, REQUIRED, "\"ok\" or \"unavailable\""),
    OUT("redis", FT_TEXT, REQUIRED, "\"ok\" or \"unavailable\"; the server works without it, more slowly"),
    OUT("draining", FT_BOOL, REQUIRED, "true once the server was told to drain"),
};
static const struct shape ready_out = SHAPE_OUT("Readiness", ready_fields);

static const struct field done_fields[] = {
    OUT("status", FT_TEXT, REQUIRED, "What happens now"),
};
static const struct shape done_out = SHAPE_OUT("Done", done_fields);

static enum err say_status(struct req *rq, int status, struct str word)
{
	struct buf b;
	struct json_out w;
	struct str json;
	enum err e;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("status"), word);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, status, json);
}

static enum err healthz_http(struct req *rq)
{
	return say_status(rq, 200, S("ok"));
}

/* Redis is told of but does not decide: it may vanish without an answer being lost, and a server out of rotation would lose some. */
static enum err readyz_http(struct req *rq)
{
	const struct app *app = rq->app;
	struct pg_pool *pool = app->pools[PG_PUBLIC] ? app->pools[PG_PUBLIC] : app->pools[PG_WORKER];
	bool database = pg_pool_ping(pool, READY_TIMEOUT_MS) == OK;
	bool redis = redis_ping(rq->app->redis) == OK, draining = app_draining(rq->app), ready = database && !draining;
	struct buf b;
	struct json_out w;
	struct str json;
	enum err e;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("status"), ready ? S("ready") : S("not ready"));
	json_field_str(&w, S("database"), database ? S("ok") : S("unavailable"));
	json_field_str(&w, S("redis"), redis ? S("ok") : S("unavailable"));
	json_field_bool(&w, S("draining"), draining);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, ready ? 200 : 503, json);
}

static void refresh_pools(struct app *app)
{
	static const struct {
		enum pg_role role;
		struct str name;
	} pools[] = {{PG_APP, {"app", 3}}, {PG_PUBLIC, {"public", 6}}, {PG_WORKER, {"worker", 6}}};
	struct pg_pool_counts counts;
	struct str read = S("read");
	size_t i;

	for (i = 0; i < countof(pools); i++) {
		if (!app->pools[pools[i].role])
			continue;
		pg_pool_counts(app->pools[pools[i].role], &counts);
		metric_set(metrics_series(app->metrics, M_POOL_SIZE, &pools[i].name), counts.open);
	}
	if (app->read_pool == app->pools[PG_APP])
		return;
	pg_pool_counts(app->read_pool, &counts);
	metric_set(metrics_series(app->metrics, M_POOL_SIZE, &read), counts.open);
}

static void refresh_listener(struct app *app)
{
	struct http_server *http = __atomic_load_n(&app->http, __ATOMIC_ACQUIRE);
	struct http_counts counts;

	if (!http)
		return;
	http_server_counts(http, &counts);
	metric_set(metrics_series(app->metrics, M_HTTP_CONNECTIONS, NULL), counts.connections);
	metric_set(metrics_series(app->metrics, M_HTTP_QUEUE, NULL), counts.queued);
	metric_set(metrics_series(app->metrics, M_SLOW_QUEUE, NULL), slow_queued(app->slow));
}

static void set_ratio(struct metrics *m, struct str level, uint64_t hits, uint64_t misses)
{
	if (hits + misses > 0)
		metric_set(metrics_series(m, M_CACHE_RATIO, &level), (double)hits / (double)(hits + misses));
}

static void refresh_cache(struct app *app)
{
	struct cache_counts c;

	if (!app->cache)
		return;
	cache_counts(app->cache, &c);
	set_ratio(app->metrics, S("l1"), c.hits, c.misses);
	set_ratio(app->metrics, S("l2"), c.shared_hits, c.shared_misses);
	metric_set(metrics_series(app->metrics, M_CACHE_ENTRIES, NULL), (double)c.entries);
	metric_set(metrics_series(app->metrics, M_CACHE_BYTES, NULL), (double)c.bytes);
}

struct tenant_count {
	struct uuid tenant_id;
	int64_t surveys;
};

/* The database being away is no reason to say nothing: then this gauge keeps its last value. */
static void refresh_surveys(struct req *rq)
{
	static const struct pg_col cols[] = {
	    COL(struct tenant_count, tenant_id, PGT_UUID), COL(struct tenant_count, surveys, PGT_INT)};
	const struct pg_param in[] = {P_INT(METRIC_TENANTS_MAX)};
	struct tenant_count *counts;
	struct tx *tx;
	void *rows;
	size_t n, i;

	if (!rq->app->pools[PG_APP] || tx_open(rq->app, PG_APP, true, NULL, rq->arena, &tx))
		return;
	if (tx_rows(tx, rq->arena, &Q(SQL_active_survey_counts, in, cols), sizeof *counts, &rows, &n)) {
		tx_rollback(tx);
		return;
	}
	counts = rows;
	for (i = 0; i < n; i++) {
		struct str tenant = uuid_str(rq->arena, &counts[i].tenant_id);

		if (tenant.p)
			metric_set(
			    metrics_series(rq->app->metrics, M_ACTIVE_SURVEYS, &tenant), (double)counts[i].surveys);
	}
	tx_commit(tx);
}

struct job_count {
	struct str type;
	int64_t queued, running, dead;
	double waited_s;
};

static void set_jobs(struct metrics *m, const struct job_count *c)
{
	const struct {
		struct str state;
		int64_t n;
	} states[] = {{S("queued"), c->queued}, {S("running"), c->running}, {S("dead"), c->dead}};
	size_t i;

	for (i = 0; i < countof(states); i++)
		metric_set(metrics_series(m, M_JOBS, (struct str[]){c->type, states[i].state}), (double)states[i].n);
	metric_set(metrics_series(m, M_JOB_WAIT, &c->type), c->waited_s);
}

/* By every server and worker alike: they all ask the same table. Each type has a row, be it of zeroes, so that a gauge falls back to nothing. */
static void refresh_jobs(struct req *rq)
{
	static const struct pg_col cols[] = {COL(struct job_count, type, PGT_TEXT),
	    COL(struct job_count, queued, PGT_INT), COL(struct job_count, running, PGT_INT),
	    COL(struct job_count, dead, PGT_INT), COL(struct job_count, waited_s, PGT_NUM)};
	enum pg_role role = rq->app->pools[PG_APP] ? PG_APP : PG_WORKER;
	const struct job_type *const *type;
	struct job_count *counts;
	struct tx *tx;
	void *rows;
	size_t n, i;

	if (tx_open(rq->app, role, false, NULL, rq->arena, &tx))
		return;
	if (tx_rows(tx, rq->arena, &Q_NO_IN(SQL_job_counts, cols), sizeof *counts, &rows, &n)) {
		tx_rollback(tx);
		return;
	}
	counts = rows;
	for (type = domains_jobs; *type; type++)
		set_jobs(rq->app->metrics, &(struct job_count){.type = str_from((*type)->name)});
	for (i = 0; i < n; i++)
		set_jobs(rq->app->metrics, &counts[i]);
	tx_commit(tx);
}

static void refresh_months(struct req *rq)
{
	struct months_row {
		int64_t months;
	} row;
	static const struct pg_col cols[] = {COL(struct months_row, months, PGT_INT)};
	enum pg_role role = rq->app->pools[PG_APP] ? PG_APP : PG_WORKER;
	struct tx *tx;

	if (tx_open(rq->app, role, true, NULL, rq->arena, &tx))
		return;
	if (!tx_one(tx, rq->arena, &Q_NO_IN(SQL_event_months_ahead, cols), &row))
		metric_set(metrics_series(rq->app->metrics, M_EVENT_MONTHS, NULL), (double)row.months);
	tx_rollback(tx);
}

static enum err metrics_http(struct req *rq)
{
	struct buf b;
	struct str text;
	enum err e;

	refresh_pools(rq->app);
	refresh_listener(rq->app);
	refresh_cache(rq->app);
	refresh_surveys(rq);
	refresh_jobs(rq);
	refresh_months(rq);
	buf_init(&b, rq->arena, METRICS_MAX_BYTES);
	metrics_print(rq->app->metrics, &b);
	if ((e = buf_done(&b, &text)))
		return e;
	return reply_text(rq, 200, S("text/plain; version=0.0.4; charset=utf-8"), text);
}

static enum err drain_http(struct req *rq)
{
	app_drain(rq->app);
	log_message(rq->app->log, LOG_INFO, "draining", S("asked by the internal listener"));
	return say_status(rq, 202, S("draining: readyz says 503; send TERM to stop"));
}

/* The main thread re-reads the settings: the same way as by a signal. */
static enum err reload_http(struct req *rq)
{
	kill(getpid(), SIGHUP);
	return say_status(rq, 202, S("reloading"));
}

#define INTERNAL (ROUTE_INTERNAL | ROUTE_NO_TX | ROUTE_HIDDEN)
const struct route internal_routes[] = {
    {HTTP_GET, "/internal/healthz", PERM_NONE, RATE_NONE, NULL, &health_out, 200, healthz_http, "Is the process alive?",
	.flags = INTERNAL | ROUTE_INLINE}, /* also when the workers wait for the database */
    {HTTP_GET, "/internal/readyz", PERM_NONE, RATE_NONE, NULL, &ready_out, 200, readyz_http, "Should it get requests?",
	.flags = INTERNAL},
    {HTTP_GET, "/internal/metrics", PERM_NONE, RATE_NONE, NULL, NULL, 200, metrics_http, "Prometheus metrics",
	.flags = INTERNAL, .out_type = "text/plain"},
    {HTTP_POST, "/internal/drain", PERM_NONE, RATE_NONE, NULL, &done_out, 202, drain_http, "Take no new clients",
	.flags = INTERNAL},
    {HTTP_POST, "/internal/reload", PERM_NONE, RATE_NONE, NULL, &done_out, 202, reload_http, "Re-read the settings",
	.flags = INTERNAL},
    ROUTE_END,
};
