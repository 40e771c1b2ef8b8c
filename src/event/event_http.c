/* event_http.c - the event log as a tenant reads it: who did what. */
#include "core/list.h"
#include "core/router.h"
#include "event/event.h"
#include "io/clock.h"
#include "sql.h"

#define SPAN_DAYS 31
#define SPAN_TEXT "31"
#define DAY_MS 86400000ll

static const char *const kinds[] = {"user", "key", "client", "respondent", "job", "operator", "nobody", NULL};
static const struct field event_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Event"),
    OUT("aggregate_type", FT_TEXT, REQUIRED, "Kind of thing that it is about"),
    OUT("aggregate_id", FT_UUID, REQUIRED, "Which one"),
    OUT("type", FT_TEXT, REQUIRED,
	"created, updated, deleted, restored, purged; or what it says beyond that: published, completed ..."),
    OUT("sequence", FT_INT, REQUIRED, "Version of that thing after the change"),
    OUT("data", FT_OBJECT, REQUIRED, "More about it; hidden: fields that changed and whose values are not shown"),
    OUT("before", FT_OBJECT, REQUIRED | NULLABLE, "Fields that changed, before"),
    OUT("after", FT_OBJECT, REQUIRED | NULLABLE, "Fields that changed, after"),
    OUT("actor_kind", FT_ENUM, REQUIRED | NULLABLE, "Who did it", .choices = kinds),
    OUT("actor_id", FT_UUID, REQUIRED | NULLABLE, "User who did it, or for whom it was done"),
    OUT("credential_id", FT_UUID, REQUIRED | NULLABLE, "API key or OAuth 2 client that was used"),
    OUT("request_id", FT_TEXT, REQUIRED | NULLABLE, "X-Request-Id of the request, or id of the job"),
    OUT("created_at", FT_TIME, REQUIRED, "When its transaction began"),
};
static const struct shape event_out = SHAPE_OUT("Event", event_fields);

struct event_filter {
	struct str aggregate_type, type, request_id, actor_kind;
	struct uuid aggregate_id, actor_id, credential_id;
	int64_t created_from, created_to;
};
static const struct field filter_fields[] = {
    FIELD(struct event_filter, aggregate_type, FT_TEXT, OPTIONAL, 1, 64, "About this kind of thing"),
    FIELD(struct event_filter, aggregate_id, FT_UUID, OPTIONAL, 0, 0, "About this one"),
    FIELD(struct event_filter, type, FT_TEXT, OPTIONAL, 1, 64, "Of this type"),
    FIELD(struct event_filter, actor_id, FT_UUID, OPTIONAL, 0, 0, "By this user"),
    FIELD(struct event_filter, actor_kind, FT_ENUM, OPTIONAL, 0, 0, "By somebody or something of this kind",
	.choices = kinds),
    FIELD(struct event_filter, credential_id, FT_UUID, OPTIONAL, 0, 0, "By this API key or OAuth 2 client"),
    FIELD(struct event_filter, request_id, FT_TEXT, OPTIONAL, 1, 64, "Of this request or job"),
    FIELD(struct event_filter, created_from, FT_TIME, OPTIONAL, 0, 0,
	"At this time or later; without it " SPAN_TEXT
	" days before created_to or now, whichever is earlier, unless aggregate_type and aggregate_id are both given"),
    FIELD(struct event_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Before this time"),
};
static const struct shape filter_shape = SHAPE("EventFilter", struct event_filter, filter_fields);

/* Most filters have no index, and the log only grows: who does not say how far back he wants to look gets what is near. The events of one thing have an
 * index over all of it. */
static struct pg_param list_from(const struct req *rq, const struct event_filter *f)
{
	const struct shape *shape = rq->route->query;
	const uint64_t sent = rq->query_present;
	int64_t now;

	if (schema_has(shape, sent, "created_from"))
		return P_TIME(f->created_from);
	if (schema_has(shape, sent, "aggregate_type") && schema_has(shape, sent, "aggregate_id"))
		return P_NULL(PGT_TIME);
	now = clock_now_ms();
	return P_TIME(
	    (schema_has(shape, sent, "created_to") && f->created_to < now ? f->created_to : now) - SPAN_DAYS * DAY_MS);
}

static enum err event_list_http(struct req *rq)
{
	const struct event_filter *f = rq->query;
	const struct pg_param own[] = {list_from(rq, f), LIST_TIME(rq, f, created_to),
	    P_TEXT_OR_NULL(f->aggregate_type), P_UUID_OR_NULL(&f->aggregate_id), P_TEXT_OR_NULL(f->type),
	    P_UUID_OR_NULL(&f->actor_id), P_TEXT_OR_NULL(f->request_id), P_TEXT_OR_NULL(f->actor_kind),
	    P_UUID_OR_NULL(&f->credential_id)};

	return list_reply(rq, &SQL_event_list, own, countof(own));
}

static enum err event_get_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct str json;
	enum err e;

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_event_get, in), &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route event_routes[] = {
    {HTTP_GET, "/api/v1/events", PERM_AUDIT_READ, RATE_CONSOLE, NULL, &event_out, 200, event_list_http,
	"List events in the order of their commits: who did what", .query = &filter_shape,
	.flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_GET, "/api/v1/events/{id}", PERM_AUDIT_READ, RATE_CONSOLE, NULL, &event_out, 200, event_get_http,
	"Read an event", .flags = ROUTE_READ},
    ROUTE_END,
};
