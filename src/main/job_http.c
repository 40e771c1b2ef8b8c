/* job_http.c - jobs as their tenant sees them. Everybody sees and cancels what he asked for himself, and repeats it while he may begin it; those of
 * others need jobs:read and jobs:write. */
#include "core/job.h"
#include "core/list.h"
#include "event/event.h"
#include "main/domains.h"
#include "sql.h"

static const char *const statuses[] = {"queued", "running", "succeeded", "dead", "cancelled", NULL};
struct job_filter {
	struct str type, status;
	int64_t created_from, created_to;
	bool mine;
};
static const struct field filter_fields[] = {
    FIELD(struct job_filter, type, FT_TEXT, OPTIONAL, 1, JOB_NAME_MAX_BYTES, "Of this type"),
    FIELD(struct job_filter, status, FT_ENUM, OPTIONAL, 0, 0, "In this status", .choices = statuses),
    FIELD(struct job_filter, created_from, FT_TIME, OPTIONAL, 0, 0, "Asked for at this time or later"),
    FIELD(struct job_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Asked for before this time"),
    FIELD(struct job_filter, mine, FT_BOOL, OPTIONAL, 0, 0, "true: only what you asked for"),
};
static const struct shape filter_shape = SHAPE("JobFilter", struct job_filter, filter_fields);

static enum job_reach reach(const struct req *rq, enum permission p)
{
	return req_can(rq, p) ? JOB_ALL : JOB_OWN;
}

static enum err job_list_http(struct req *rq)
{
	const struct job_filter *f = rq->query;
	bool only_own = f->mine || reach(rq, PERM_JOBS_READ) == JOB_OWN;
	const struct pg_param own[] = {LIST_TIME(rq, f, created_from), LIST_TIME(rq, f, created_to),
	    P_TEXT_OR_NULL(f->type), P_TEXT_OR_NULL(f->status), only_own ? P_UUID(&rq->who.user_id) : P_NULL(PGT_UUID)};

	return list_reply(rq, &SQL_job_list, own, countof(own));
}

static enum err job_get_http(struct req *rq)
{
	return job_reply(rq, 200, &rq->ids[0], reach(rq, PERM_JOBS_READ));
}

/* The trail: who ended or repeated whose job. */
static enum err job_event(struct req *rq, struct str type)
{
	struct version_row {
		int64_t version;
	} now;
	static const struct pg_col cols[] = {COL(struct version_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_job_version, in, cols), &now)))
		return e;
	return event_append(rq->tx, &(struct event){S("job"), &rq->ids[0], type, S(""), now.version});
}

static enum err job_cancel_http(struct req *rq)
{
	enum job_reach may = reach(rq, PERM_JOBS_WRITE);
	enum err e = job_cancel(rq->tx, rq->arena, &rq->ids[0], may);

	if (e == ERR_CONFLICT)
		return req_fail(rq, e, "/status", "This job has ended.");
	if (e || (e = job_event(rq, S("cancel_requested"))))
		return e;
	return job_reply(rq, 202, &rq->ids[0], may);
}

/* To repeat a job is to begin it: who lost the permission for that since, or has it in some projects only, does neither. */
static enum err job_may_begin(struct req *rq, enum job_reach may)
{
	struct type_row {
		struct str type;
	} row;
	static const struct pg_col cols[] = {COL(struct type_row, type, PGT_TEXT)};
	const struct pg_param in[] = {
	    P_UUID(&rq->ids[0]), may == JOB_ALL ? P_NULL(PGT_UUID) : P_UUID(&rq->who.user_id)};
	const struct job_type *const *type = domains_jobs;
	enum permission needs = PERM_JOBS_WRITE;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_job_type, in, cols), &row)))
		return e;
	while (*type && !str_eq(row.type, str_from((*type)->name)))
		type++;
	if (*type && (*type)->needs != PERM_NONE)
		needs = (*type)->needs;
	return req_can(rq, needs) ? OK : ERR_FORBIDDEN;
}

static enum err job_retry_http(struct req *rq)
{
	enum job_reach may = reach(rq, PERM_JOBS_WRITE);
	enum err e = job_again(rq->tx, rq->arena, &rq->ids[0], may);

	if (e == ERR_CONFLICT)
		return req_fail(
		    rq, e, "/status", "Only a dead job can be repeated, and only while no other one does the same.");
	/* a refusal takes back what job_again() did, with the transaction */
	if (e || (e = job_may_begin(rq, may)) || (e = job_event(rq, S("retried"))))
		return e;
	return job_reply(rq, 202, &rq->ids[0], may);
}

static const int conflict[] = {409, 0};

const struct route job_routes[] = {
    {HTTP_GET, "/api/v1/jobs", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &job_out, 200, job_list_http,
	"List jobs: your own, or with jobs:read everybody's", .query = &filter_shape, .flags = ROUTE_LIST | ROUTE_READ,
	.filters = "created_at"},
    {HTTP_GET, "/api/v1/jobs/{id}", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &job_out, 200, job_get_http,
	"Read a job: how far it is, and what came of it", .flags = ROUTE_ETAG},
    {HTTP_POST, "/api/v1/jobs/{id}/cancel", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &job_out, 202, job_cancel_http,
	"End a job; one that is run ends at its next step", .flags = ROUTE_ETAG | ROUTE_LOCATION, .also = conflict},
    {HTTP_POST, "/api/v1/jobs/{id}/retry", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &job_out, 202, job_retry_http,
	"Run a dead job again, from its last step, for who may begin such a job now",
	.flags = ROUTE_ETAG | ROUTE_LOCATION, .also = conflict},
    ROUTE_END,
};
