#include "core/job_private.h"

#include "core/router.h"
#include "sql.h"

/* system_tenant() in the database. */
const struct uuid system_tenant = {{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80}};

struct id_row {
	struct uuid id;
};
static const struct pg_col id_cols[] = {COL(struct id_row, id, PGT_UUID)};

void job_wake(struct app *app)
{
	/* Who does not hear it looks by himself: JOB_POLL_BLIND_MS. */
	if (app->redis)
		(void)redis_publish(app->redis, S(JOB_CHANNEL), S("new"));
}

enum err job_add(struct tx *tx, struct arena *a, const struct job_new *in, struct uuid *id)
{
	struct uuid fresh = uuid_new();
	const struct pg_param params[] = {P_UUID(&fresh), P_TEXT(str_from(in->type->name)), P_TEXT_OR_NULL(in->ref),
	    P_INT(in->type->priority), P_INT(in->delay_ms), P_JSON(in->payload.n > 0 ? in->payload : S("{}")),
	    P_INT(in->total), P_INT(in->type->max_attempts), P_UUID_OR_NULL(tx_actor(tx))};
	struct id_row row;
	enum err e;

	if (in->ref.n > JOB_REF_MAX_BYTES || in->payload.n > JOB_PAYLOAD_MAX_BYTES)
		return ERR_LIMIT;
	if ((e = tx_one(tx, a, &Q(SQL_job_add, params, id_cols), &row)))
		return e;
	*id = row.id;
	tx_after_commit(tx, job_wake);
	return OK;
}

/* NULL: everybody's. Without an actor nothing is one's own. */
static struct pg_param owner(const struct tx *tx, enum job_reach reach)
{
	static const struct uuid nobody;

	if (reach == JOB_ALL)
		return P_NULL(PGT_UUID);
	return P_UUID(tx_actor(tx) ? tx_actor(tx) : &nobody);
}

/* ERR_NOT_FOUND when it is not there, or not for this actor. */
static enum err job_status(struct tx *tx, struct arena *a, const struct uuid *id, enum job_reach reach)
{
	struct status_row {
		struct str status;
	} row;
	static const struct pg_col cols[] = {COL(struct status_row, status, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(id), owner(tx, reach)};

	return tx_one(tx, a, &Q(SQL_job_status, in, cols), &row);
}

enum err job_cancel(struct tx *tx, struct arena *a, const struct uuid *id, enum job_reach reach)
{
	struct how_row {
		struct str how;
	} row;
	static const struct pg_col cols[] = {COL(struct how_row, how, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(id), P_UUID_OR_NULL(tx_actor(tx))};
	const struct pg_param one[] = {in[0]};
	enum err e;

	if ((e = job_status(tx, a, id, reach)))
		return e;
	e = tx_one(tx, a, &Q(SQL_job_withdraw, one, cols), &row);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	if (str_eq(row.how, S("gone")))
		return tx_queue(tx, &Q_NO_OUT(SQL_job_cancelled, in));
	return tx_queue(tx, &Q_NO_OUT(SQL_job_cancel_asked, in));
}

enum err job_again(struct tx *tx, struct arena *a, const struct uuid *id, enum job_reach reach)
{
	const struct pg_param in[] = {P_UUID(id), P_UUID_OR_NULL(tx_actor(tx))};
	const struct pg_param one[] = {in[0]};
	struct id_row row;
	enum err e;

	if ((e = job_status(tx, a, id, reach)))
		return e;
	e = tx_one(tx, a, &Q(SQL_job_revive, one, id_cols), &row);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
	tx_after_commit(tx, job_wake);
	return tx_queue(tx, &Q_NO_OUT(SQL_job_revived, in));
}

/* ---- as the API shows it ---- */

static const struct field progress_fields[] = {
    OUT("done", FT_INT, REQUIRED, "Steps done"),
    OUT("total", FT_INT, REQUIRED | NULLABLE, "Steps in all; null while it is not known"),
};
static const struct shape progress_out = SHAPE_OUT("JobProgress", progress_fields);
static const struct field error_fields[] = {
    OUT("code", FT_TEXT, REQUIRED, "What kind of error"),
    OUT("message", FT_TEXT, REQUIRED, "A sentence about it"),
};
static const struct shape error_out = SHAPE_OUT("JobError", error_fields);
static const char *const statuses[] = {"queued", "running", "succeeded", "dead", "cancelled", NULL};
static const struct field job_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Job"),
    OUT("type", FT_TEXT, REQUIRED, "What it does"),
    OUT("status", FT_ENUM, REQUIRED,
	"queued: waits, perhaps for its next attempt; running; succeeded; dead: given up, its error says why; "
	"cancelled",
	.choices = statuses),
    OUT("progress", FT_OBJECT, REQUIRED, "How far it is", .shape = &progress_out),
    OUT("result", FT_OBJECT, REQUIRED | NULLABLE, "What came of it, once it has succeeded"),
    OUT("error", FT_OBJECT, REQUIRED | NULLABLE, "Of the latest attempt that failed", .shape = &error_out),
    OUT("attempts", FT_INT, REQUIRED, "How often it was begun"),
    OUT("max_attempts", FT_INT, REQUIRED, "How often at most"),
    OUT("run_at", FT_TIME, REQUIRED, "Not to be run before"),
    OUT("started_at", FT_TIME, REQUIRED | NULLABLE, "When its first attempt began"),
    OUT("finished_at", FT_TIME, REQUIRED | NULLABLE, "When it ended"),
    OUT("cancel_requested_at", FT_TIME, REQUIRED | NULLABLE, "When somebody asked it to end"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was asked for"),
    OUT("updated_at", FT_TIME, REQUIRED, "When anything about it last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who asked for it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last touched it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
const struct shape job_out = SHAPE_OUT("Job", job_fields);

enum err job_reply(struct req *rq, int status, const struct uuid *id, enum job_reach reach)
{
	struct object_row {
		int64_t version;
		struct str json;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(id), owner(rq->tx, reach)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_job_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	if (status == 202)
		reply_location(rq, "/api/v1/jobs/", uuid_str(rq->arena, id));
	return reply_json(rq, status, row.json);
}
