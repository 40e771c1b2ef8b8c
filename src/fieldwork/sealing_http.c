/* /api/v1/sealing: whether a tenant has all its answers sealed, not only personal ones. */
#include "fieldwork/fieldwork.h"
#include "sql.h"
#include "vault/vault.h"

struct sealing_in {
	bool seal_answers;
};
static const struct field sealing_in_fields[] = {
    FIELD(struct sealing_in, seal_answers, FT_BOOL, OPTIONAL, 0, 0, "Seal all answers, not only personal ones"),
};
static const struct shape sealing_in_shape = SHAPE("SealingPatch", struct sealing_in, sealing_in_fields);
static const struct field sealing_out_fields[] = {
    OUT("seal_answers", FT_BOOL, REQUIRED, "Whether all answers are sealed; personal ones are in any case"),
    OUT("job_id", FT_UUID, REQUIRED | NULLABLE,
	"Job that is sealing what was there before, or opening it; see /api/v1/jobs"),
    OUT("version", FT_INT, REQUIRED, "Counts changes of the tenant; the ETag"),
};
static const struct shape sealing_out_shape = SHAPE_OUT("Sealing", sealing_out_fields);

struct sealing_row {
	struct str json;
	int64_t version;
	bool on;
};

static enum err read_sealing(struct req *rq, struct sealing_row *out)
{
	static const struct pg_col cols[] = {COL(struct sealing_row, json, PGT_JSON),
	    COL(struct sealing_row, version, PGT_INT), COL(struct sealing_row, on, PGT_BOOL)};

	return tx_one(rq->tx, rq->arena, &Q_NO_IN(SQL_sealing_get, cols), out);
}

static enum err reply_sealing(struct req *rq)
{
	struct sealing_row row;
	enum err e = read_sealing(rq, &row);

	if (e)
		return e;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

static enum err sealing_get_http(struct req *rq)
{
	return reply_sealing(rq);
}

static void forget(struct req *rq)
{
	vault_forget(rq->app->vault, &rq->who.tenant_id);
}

static enum err sealing_patch_http(struct req *rq)
{
	const struct sealing_in *in = rq->in;
	const struct pg_param params[] = {P_BOOL(in->seal_answers)};
	struct sealing_row row;
	struct uuid job;
	enum err e;

	/* From here to the commit nobody stores an answer; afterwards nobody stores one by the old rule. */
	if ((e = vault_alone(rq->tx)) || (e = read_sealing(rq, &row)))
		return e;
	if (row.version != rq->if_match_version)
		return ERR_STALE;
	if (!schema_has(&sealing_in_shape, rq->in_present, "seal_answers") || in->seal_answers == row.on)
		return reply_sealing(rq);
	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_sealing_set, params), NULL)) ||
	    (e = reseal_add(rq->tx, rq->arena, false, S(""), &job)) ||
	    (e = keys_event(rq->tx, rq->arena, S("sealing-changed"),
		 in->seal_answers ? S("{\"seal_answers\": true}") : S("{\"seal_answers\": false}"))))
		return e;
	rq->after_commit = forget;
	return reply_sealing(rq);
}

const struct route sealing_routes[] = {
    {HTTP_GET, "/api/v1/sealing", PERM_SETTINGS_READ, RATE_CONSOLE, NULL, &sealing_out_shape, 200, sealing_get_http,
	"Whether all answers are sealed", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/sealing", PERM_SETTINGS_WRITE, RATE_CONSOLE, &sealing_in_shape, &sealing_out_shape, 200,
	sealing_patch_http, "Have all answers sealed, or only personal ones", .flags = ROUTE_IF_MATCH | ROUTE_ETAG},
    ROUTE_END,
};
