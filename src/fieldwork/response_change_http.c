/* /api/v1/surveys/{id}/responses/{response_id}: answers edited, rejected, deleted, taken back, and their history. */
#include "core/list.h"
#include "fieldwork/fieldwork.h"
#include "fieldwork/response_change.h"
#include "sql.h"

struct response_patch {
	const struct json *answers;
};
static const struct field response_patch_fields[] = {
    FIELD(struct response_patch, answers, FT_OBJECT, REQUIRED, 0, 0,
	"Answers to change, by question name; null takes one away. The others stay"),
};
static const struct shape response_patch_shape = SHAPE("ResponsePatch", struct response_patch, response_patch_fields);

struct reject_in {
	struct str reason;
};
static const struct field reject_fields[] = {
    FIELD(struct reject_in, reason, FT_TEXT, REQUIRED, 1, 1000, "Why; shown with the answer"),
};
static const struct shape reject_shape = SHAPE("ResponseReject", struct reject_in, reject_fields);

static const char *const kinds[] = {"edited", "rejected", "restored", "deleted", "undeleted", NULL};
static const char *const actors[] = {"user", "key", "client", "respondent", "job", "operator", "nobody", NULL};
static const struct field change_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Change"),
    OUT("kind", FT_ENUM, REQUIRED, "What happened", .choices = kinds),
    OUT("reason", FT_TEXT, REQUIRED | NULLABLE, "Why it was rejected"),
    OUT("status_before", FT_TEXT, REQUIRED, "Status before"),
    OUT("status_after", FT_TEXT, REQUIRED, "Status after"),
    OUT("changes", FT_OBJECT, REQUIRED | NULLABLE,
	"Of an edit: {\"QUESTION\": {\"before\", \"after\"}} of answers that are not personal; null where they are "
	"sealed, or were "
	"taken out since"),
    OUT("personal", FT_BOOL, REQUIRED, "Whether personal answers changed, which are not shown here"),
    OUT("actor_kind", FT_ENUM, REQUIRED | NULLABLE, "Who did it", .choices = actors),
    OUT("actor_id", FT_UUID, REQUIRED | NULLABLE, "User who did it, or for whom it was done"),
    OUT("request_id", FT_TEXT, REQUIRED | NULLABLE, "X-Request-Id of the request, or id of the job"),
    OUT("created_at", FT_TIME, REQUIRED, "When"),
};
static const struct shape change_shape = SHAPE_OUT("ResponseChange", change_fields);

struct taken {
	struct str status;
	int64_t version;
	bool deleted;
};

static enum err take(struct req *rq, struct taken *out)
{
	static const struct pg_col cols[] = {COL(struct taken, status, PGT_TEXT), COL(struct taken, version, PGT_INT),
	    COL(struct taken, deleted, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};

	return tx_one(rq->tx, rq->arena, &Q(SQL_response_take, in, cols), out);
}

static enum err write(struct req *rq, const struct query *q)
{
	return response_change_failed(rq, tx_exec(rq->tx, q, NULL));
}

static enum err response_patch_http(struct req *rq)
{
	const struct response_patch *in = rq->in;
	enum err e = response_edit(rq, in->answers);

	return e ? e : response_reply(rq);
}

static enum err response_reject_http(struct req *rq)
{
	const struct reject_in *in = rq->in;
	const struct pg_param params[] = {
	    P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_TEXT(in->reason), P_UUID_OR_NULL(tx_actor(rq->tx))};
	struct taken now;
	enum err e;

	if ((e = take(rq, &now)))
		return e;
	if (now.deleted)
		return ERR_NOT_FOUND;
	if (str_eq(now.status, S("rejected")) || str_eq(now.status, S("in_progress")) ||
	    str_eq(now.status, S("started")))
		return req_fail(
		    rq, ERR_CONFLICT, "/status", "only a finished answer that is not rejected can be rejected");
	e = write(rq, &Q_NO_OUT(SQL_response_reject, params));
	return e ? e : response_reply(rq);
}

static enum err response_restore_http(struct req *rq)
{
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_UUID_OR_NULL(tx_actor(rq->tx))};
	struct taken now;
	enum err e;

	if ((e = take(rq, &now)))
		return e;
	if (!now.deleted && !str_eq(now.status, S("rejected")))
		return req_fail(rq, ERR_CONFLICT, "/status", "it is neither rejected nor deleted");
	e = now.deleted ? write(rq, &Q_NO_OUT(SQL_response_undelete, params))
			: write(rq, &Q_NO_OUT(SQL_response_restore, params));
	return e ? e : response_reply(rq);
}

static enum err response_delete_http(struct req *rq)
{
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_UUID_OR_NULL(tx_actor(rq->tx))};
	struct taken now;
	enum err e;

	if ((e = take(rq, &now)))
		return e;
	if (now.deleted)
		return ERR_NOT_FOUND;
	if (now.version != rq->if_match_version)
		return ERR_STALE;
	e = write(rq, &Q_NO_OUT(SQL_response_delete, params));
	return e ? e : reply_empty(rq, 204);
}

static enum err response_history_http(struct req *rq)
{
	const struct pg_param own[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};

	return list_reply(rq, &SQL_response_history, own, countof(own));
}

#define ONE "/api/v1/surveys/{id}/responses/{response_id}"
const struct route response_change_routes[] = {
    {HTTP_PATCH, ONE, PERM_RESPONSES_WRITE, RATE_CONSOLE, &response_patch_shape, &response_shape, 200,
	response_patch_http, "Change answers of a response; the survey's rules hold",
	.flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = (const int[]){409, 0}},
    {HTTP_DELETE, ONE, PERM_RESPONSES_WRITE, RATE_CONSOLE, NULL, NULL, 204, response_delete_http,
	"Delete a response; its places in quota cells are given back", .flags = ROUTE_IF_MATCH},
    {HTTP_POST, ONE "/reject", PERM_RESPONSES_WRITE, RATE_CONSOLE, &reject_shape, &response_shape, 200,
	response_reject_http, "Reject a response: it counts no more, and its places in quota cells are given back",
	.flags = ROUTE_ETAG, .also = (const int[]){409, 0}},
    {HTTP_POST, ONE "/restore", PERM_RESPONSES_WRITE, RATE_CONSOLE, NULL, &response_shape, 200, response_restore_http,
	"Take a rejected or deleted response back; 409 when a quota cell has no room", .flags = ROUTE_ETAG,
	.also = (const int[]){409, 0}},
    {HTTP_GET, ONE "/history", PERM_RESPONSES_READ, RATE_CONSOLE, NULL, &change_shape, 200, response_history_http,
	"List what was changed in a response, by whom", .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    ROUTE_END,
};
