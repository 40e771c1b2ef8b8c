/* /api/v1/privacy/erasures and /exports: one person's data is erased, or handed out. */
#include "event/event.h"
#include "privacy/privacy.h"
#include "privacy/privacy_file.h"
#include "privacy/privacy_person.h"
#include "sql.h"

static const char *const modes[] = {"answers", "personal", NULL};

struct person_in {
	struct str email, phone, mode;
	struct uuid survey_id, response_id, user_id;
};
#define WHO_FIELDS                                                                                                     \
	FIELD(struct person_in, email, FT_TEXT, OPTIONAL, 3, 320,                                                      \
	    "Whoever gave this address, wherever, in whatever way it was written"),                                    \
	    FIELD(struct person_in, phone, FT_TEXT, OPTIONAL, 6, 40,                                                   \
		"Whoever gave this number, in whatever way it was written"),                                           \
	    FIELD(struct person_in, response_id, FT_UUID, OPTIONAL, 0, 0, "This one answer; with survey_id"),          \
	    FIELD(struct person_in, survey_id, FT_UUID, OPTIONAL, 0, 0, "Survey of response_id"),                      \
	    FIELD(struct person_in, user_id, FT_UUID, OPTIONAL, 0, 0, "A member, or somebody who was one")
static const struct field export_fields[] = {WHO_FIELDS};
static const struct shape export_shape = SHAPE("PersonExport", struct person_in, export_fields);
static const struct field erasure_fields[] = {WHO_FIELDS,
    FIELD(struct person_in, mode, FT_ENUM, OPTIONAL, 0, 0,
	"answers: whole answers (default); personal: their personal part, times, parameters and what names the person",
	.choices = modes)};
static const struct shape erasure_shape = SHAPE("PersonErasure", struct person_in, erasure_fields);

/* An answer or a member named by an id has to be there. */
static enum err subject_known(struct req *rq, const struct subject *who)
{
	struct known_row {
		int64_t known;
	} row;
	static const struct pg_col cols[] = {COL(struct known_row, known, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&who->survey_id), P_UUID(&who->response_id), P_UUID(&who->user_id)};
	enum err e;

	if (who->kind != SUBJECT_RESPONSE && who->kind != SUBJECT_USER)
		return OK;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_privacy_subject_known, in, cols), &row)) || row.known > 0)
		return e;
	return who->kind == SUBJECT_USER
		   ? req_fail_str(rq, ERR_INVALID, S("/user_id"), S("not-found"), S("There is no such member."))
		   : req_fail_str(rq, ERR_INVALID, S("/response_id"), S("not-found"), S("There is no such answer."));
}

/* Exactly one of email, phone, response and user. */
static enum err subject_of(struct req *rq, const struct person_in *in, struct subject *out)
{
	bool response = !uuid_is_nil(&in->response_id), user = !uuid_is_nil(&in->user_id);
	enum err e = OK;

	if ((in->email.n > 0) + (in->phone.n > 0) + response + user != 1)
		return req_fail(
		    rq, ERR_INVALID, "", "Name the person by one of email, phone, response_id and user_id.");
	if (response != !uuid_is_nil(&in->survey_id))
		return req_fail(rq, ERR_INVALID, "/survey_id", "survey_id and response_id belong together.");
	*out = (struct subject){
	    response ? SUBJECT_RESPONSE : SUBJECT_USER, S(""), 0, in->survey_id, in->response_id, in->user_id};
	if (in->email.n > 0) {
		out->kind = SUBJECT_EMAIL;
		if ((e = subject_email(rq->arena, in->email, &out->text)) == ERR_INVALID)
			return req_fail(rq, e, "/email", "This is no e-mail address.");
	} else if (in->phone.n > 0) {
		out->kind = SUBJECT_PHONE;
		if ((e = subject_phone(rq->app, rq->arena, in->phone, &out->text)) == ERR_INVALID)
			return req_fail(rq, e, "/phone", "This is no phone number.");
	}
	return e ? e : subject_known(rq, out);
}

static enum err payload_of(struct req *rq, const struct uuid *request, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("request"), uuid_str(rq->arena, request));
	json_close(&w, '}');
	return buf_done(&b, out);
}

/* The request, its job, and the word of it in the log: who asked, not whom it is about. */
static enum err ask(struct req *rq, const struct job_type *type, struct str kind, struct str event)
{
	const struct person_in *in = rq->in;
	struct job_new new = {.type = type};
	struct uuid request = uuid_new(), job;
	struct subject who;
	struct str sealed;
	int64_t version;
	enum err e;

	if ((e = subject_of(rq, in, &who)) ||
	    (e = subject_seal(rq->app, rq->tx, &request, &who, rq->arena, &sealed, &version)) ||
	    (e = payload_of(rq, &request, &new.payload)) || (e = job_add(rq->tx, rq->arena, &new, &job)))
		return e;
	const struct pg_param params[] = {P_UUID(&request), P_TEXT(kind), P_TEXT(subject_kind_name(who.kind)),
	    P_BYTES(sealed), P_INT(version), P_BOOL(!str_eq(in->mode, S("personal"))), P_UUID(&job),
	    P_UUID(&rq->who.user_id)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_privacy_request_insert, params), NULL)) ||
	    (e = event_append(rq->tx, &(struct event){S("privacy_request"), &request, event, S(""), 1})))
		return e;
	return job_reply(rq, 202, &job, JOB_OWN);
}

static enum err erasure_http(struct req *rq)
{
	return ask(rq, &erase_job, S("erasure"), S("erasure_requested"));
}

static enum err export_http(struct req *rq)
{
	return ask(rq, &export_job, S("export"), S("export_requested"));
}

/* ---- an export as who asked for it sees it ---- */

static const char *const subjects[] = {"email", "phone", "response", "user", NULL};
static const char *const statuses[] = {"waiting", "ready", "expired", NULL};
static const struct field export_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Export"),
    OUT("subject", FT_ENUM, REQUIRED, "By what the person was named", .choices = subjects),
    OUT("job_id", FT_UUID, REQUIRED, "Job that makes it"),
    OUT("status", FT_ENUM, REQUIRED, "Whether its file can be fetched", .choices = statuses),
    OUT("responses", FT_INT, REQUIRED | NULLABLE, "Answers found"),
    OUT("downloads", FT_INT, REQUIRED, "How often the file was fetched"),
    OUT("expires_at", FT_TIME, REQUIRED | NULLABLE, "When the file goes"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was asked for"),
    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),
    OUT("created_by", FT_UUID, REQUIRED, "User who asked for it, and alone sees it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape export_out = SHAPE_OUT("PersonExportStatus", export_out_fields);

static enum err export_get_http(struct req *rq)
{
	struct export_row {
		int64_t version;
		struct str json;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct export_row, version, PGT_INT), COL(struct export_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_privacy_export_get, in, cols), &row)))
		return e;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

#define PRIVACY "/api/v1/privacy"
#define KEYED (ROUTE_IDEMPOTENT | ROUTE_PERSONAL_BODY)
static const int conflict[] = {409, 0};

const struct route privacy_request_routes[] = {
    {HTTP_POST, PRIVACY "/erasures", PERM_PRIVACY_ERASE, RATE_CONSOLE, &erasure_shape, &job_out, 202, erasure_http,
	"Erase one person's data", .flags = KEYED | ROUTE_LOCATION | ROUTE_ETAG},
    {HTTP_POST, PRIVACY "/exports", PERM_PRIVACY_EXPORT, RATE_EXPORT, &export_shape, &job_out, 202, export_http,
	"Gather one person's data into a file", .flags = KEYED | ROUTE_LOCATION | ROUTE_ETAG},
    {HTTP_GET, PRIVACY "/exports/{id}", PERM_PRIVACY_EXPORT, RATE_CONSOLE, NULL, &export_out, 200, export_get_http,
	"Read how far your export is", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_GET, PRIVACY "/exports/{id}/file", PERM_PRIVACY_EXPORT, RATE_EXPORT, NULL, &privacy_file_out, 200,
	privacy_file_http, "Fetch the file of your export", .also = conflict},
    {HTTP_GET, PRIVACY "/exports/{id}/text", PERM_PRIVACY_EXPORT, RATE_EXPORT, NULL, NULL, 200, privacy_file_http,
	"Fetch it as plain text", .out_type = "text/plain", .also = conflict},
    ROUTE_END,
};
