/* /api/v1/privacy/settings: what new surveys begin with, and when deleted things are gone for good. */
#include "privacy/privacy.h"
#include "sql.h"

struct retention_days {
	int64_t answers_days, personal_days, paradata_days; /* 0: null */
};
static const struct field days_fields[] = {
    FIELD(struct retention_days, answers_days, FT_INT, OPTIONAL | NULLABLE, 1, 36500, "Answers, whole"),
    FIELD(struct retention_days, personal_days, FT_INT, OPTIONAL | NULLABLE, 1, 36500, "Their personal part"),
    FIELD(struct retention_days, paradata_days, FT_INT, OPTIONAL | NULLABLE, 1, 36500,
	"Times, seed and the key of the sender"),
};
static const struct shape days_shape = SHAPE("RetentionDefaults", struct retention_days, days_fields);

struct settings_patch {
	int64_t purge_days;
	struct retention_days retention;
};
static const struct field patch_fields[] = {
    FIELD(struct settings_patch, purge_days, FT_INT, OPTIONAL, 1, 3650,
	"Days until what was deleted cannot be brought back any more"),
    FIELD(struct settings_patch, retention, FT_OBJECT, OPTIONAL, 0, 0, "Days that new surveys begin with; null: kept",
	.shape = &days_shape),
};
static const struct shape patch_shape = SHAPE("PrivacySettingsPatch", struct settings_patch, patch_fields);

static const struct field days_out_fields[] = {
    OUT("answers_days", FT_INT, REQUIRED | NULLABLE, "Answers, whole"),
    OUT("personal_days", FT_INT, REQUIRED | NULLABLE, "Their personal part"),
    OUT("paradata_days", FT_INT, REQUIRED | NULLABLE, "Times, seed and the key of the sender"),
};
static const struct shape days_out = SHAPE_OUT("RetentionDays", days_out_fields);
static const struct field settings_fields[] = {
    OUT("purge_days", FT_INT, REQUIRED, "Days until what was deleted cannot be brought back any more"),
    OUT("retention", FT_OBJECT, REQUIRED, "Days that new surveys begin with; null: kept", .shape = &days_out),
    OUT("updated_at", FT_TIME, REQUIRED | NULLABLE, "When it was last changed; null: never"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape settings_out = SHAPE_OUT("PrivacySettings", settings_fields);

static enum err settings_get_http(struct req *rq)
{
	struct settings_row {
		int64_t version;
		struct str json;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct settings_row, version, PGT_INT), COL(struct settings_row, json, PGT_JSON)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q_NO_IN(SQL_privacy_settings_get, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

static enum err settings_patch_http(struct req *rq)
{
	const struct settings_patch *in = rq->in;
	const struct json *given = json_get(rq->body, S("retention"));
	int64_t changed;
	enum err e;

#define DAYS(name)                                                                                                     \
	P_BOOL(json_get(given, S(#name)) != NULL), in->retention.name ? P_INT(in->retention.name) : P_NULL(PGT_INT)
	const struct pg_param params[] = {P_INT(rq->if_match_version),
	    in->purge_days ? P_INT(in->purge_days) : P_NULL(PGT_INT), DAYS(answers_days), DAYS(personal_days),
	    DAYS(paradata_days), P_UUID(&rq->who.user_id)};
#undef DAYS

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_privacy_settings_put, params), &changed)))
		return e;
	if (changed == 0)
		return ERR_STALE;
	return settings_get_http(rq);
}

#define SETTINGS "/api/v1/privacy/settings"
static const int changes[] = {412, 428, 0};

const struct route privacy_settings_routes[] = {
    {HTTP_GET, SETTINGS, PERM_SETTINGS_READ, RATE_CONSOLE, NULL, &settings_out, 200, settings_get_http,
	"Read how long things are kept", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, SETTINGS, PERM_SETTINGS_WRITE, RATE_CONSOLE, &patch_shape, &settings_out, 200, settings_patch_http,
	"Change how long things are kept", .flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = changes},
    ROUTE_END,
};
