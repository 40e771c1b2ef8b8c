/* interview_reply.c - what respondents' programs are told of their interviews. */
#include "fieldwork/interview_http.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/time.h"
#include "fieldwork/keeping.h"

static const char *const statuses[] = {
    "started", "in_progress", "completed", "screened_out", "quota_full", "partial", "rejected", NULL};
static const struct field receipt_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Id of the stored response"),
    OUT("status", FT_ENUM, REQUIRED, "Where the interview is, or how it ended", .choices = statuses),
    OUT("outcome", FT_TEXT, REQUIRED | NULLABLE, "Name of the survey's outcome; null while it is under way"),
    OUT("survey_version", FT_INT, REQUIRED, "Published version that it is judged by, from its beginning to its end"),
    OUT("completed_at", FT_TIME, REQUIRED | NULLABLE, "When its end was stored"),
    OUT("started_at", FT_TIME, OPTIONAL | NULLABLE, "Of an interview page by page: when it began"),
    OUT("language", FT_LANGUAGE, OPTIONAL, "Of an interview page by page: its language"),
    OUT("page", FT_INT, OPTIONAL | NULLABLE,
	"Of an interview page by page: the page that comes next, the first is 0; null: none is left, so complete it"),
    OUT("progress", FT_NUM, OPTIONAL, "Of an interview page by page: share of the way that is done, 0 to 1"),
    OUT("token", FT_TEXT, OPTIONAL,
	"Of an interview that begins: what its respondent shows as a bearer, on this device or another"),
    OUT("return_url", FT_TEXT, OPTIONAL, "Of a panel link: where its respondent goes now; signed"),
    OUT("drawn", FT_OBJECT, OPTIONAL,
	"Of an interview page by page: what was drawn for it by order: least_filled, by roster a list of what its "
	"records "
	"stand for; it stays so"),
    OUT("answers", FT_OBJECT, OPTIONAL, "When it is read: the answers so far, personal ones too"),
};
const struct shape receipt_shape = SHAPE_OUT("ResponseReceipt", receipt_fields);

static const struct field interview_patch_fields[] = {
    FIELD(struct interview_patch, answers, FT_OBJECT, OPTIONAL, 0, 0,
	"Answers by question name, beside those of before; null takes one back"),
    FIELD(struct interview_patch, page, FT_INT, OPTIONAL, 0, SURVEY_PAGES_MAX,
	"Page that is left, the first is 0: everything up to it is held to its rules; the one that was told last when "
	"absent"),
    FIELD(struct interview_patch, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Another language from now on"),
    FIELD(struct interview_patch, paradata, FT_OBJECT, OPTIONAL, 0, 0,
	"What the client measured, as it likes, at most 8 kB; in the place of what it sent before"),
};
const struct shape interview_patch_shape = SHAPE("InterviewPatch", struct interview_patch, interview_patch_fields);

static const struct field interview_end_fields[] = {
    FIELD(struct interview_end, answers, FT_OBJECT, OPTIONAL, 0, 0,
	"Answers by question name, beside those of before; null takes one back"),
    FIELD(struct interview_end, paradata, FT_OBJECT, OPTIONAL, 0, 0,
	"What the client measured, as it likes, at most 8 kB; in the place of what it sent before"),
};
const struct shape interview_end_shape = SHAPE("InterviewEnd", struct interview_end, interview_end_fields);

static void put_time(struct json_out *w, struct str name, int64_t ms)
{
	char time[TIME_TEXT_BYTES];

	if (!ms) {
		json_key(w, name);
		json_put_null(w);
		return;
	}
	time_text(ms, time);
	json_field_str(w, name, str_make(time, sizeof(time)));
}

static void put_place(struct json_out *w, const struct interview_reply *in)
{
	put_time(w, S("started_at"), in->receipt->started_ms);
	json_field_str(w, S("language"), in->receipt->language);
	json_key(w, S("page"));
	if (in->page < 0)
		json_put_null(w);
	else
		json_put_int(w, in->page);
	json_key(w, S("progress"));
	json_put_num(w, in->progress);
}

enum err interview_reply(struct req *rq, int status, const struct interview_reply *in)
{
	const struct receipt *r = in->receipt;
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 2 * RESPONSE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("id"), uuid_str(rq->arena, &r->id));
	json_field_str(&w, S("status"), r->status);
	json_key(&w, S("outcome"));
	if (r->outcome.n > 0)
		json_put_str(&w, r->outcome);
	else
		json_put_null(&w);
	json_field_int(&w, S("survey_version"), r->survey_version);
	put_time(&w, S("completed_at"), r->completed_ms);
	if (in->placed)
		put_place(&w, in);
	if (in->token.n > 0)
		json_field_str(&w, S("token"), in->token);
	if (in->return_url.n > 0)
		json_field_str(&w, S("return_url"), in->return_url);
	if (in->drawn) {
		json_key(&w, S("drawn"));
		json_put(&w, in->drawn);
	}
	if (in->answers) {
		json_key(&w, S("answers"));
		json_put(&w, in->answers);
	}
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	/* at its other routes the same thing said again is no retry of a key */
	if (r->replayed && status == 201)
		reply_header(rq, S("Idempotency-Replayed"), S("true"));
	return reply_json(rq, status, json);
}

enum err paradata_text(struct req *rq, const struct json *object, struct str *text)
{
	struct json_out w;
	struct buf b;

	*text = S("");
	if (!object)
		return OK;
	buf_init(&b, rq->arena, PARADATA_MAX_BYTES);
	json_out_init(&w, &b);
	json_put(&w, object);
	return buf_done(&b, text) ? req_fail(rq, ERR_INVALID, "/paradata", "at most 8 kB of paradata are kept") : OK;
}

void begun_hash(struct req *rq, const struct link_view *link, const unsigned char body[32], unsigned char hash[32])
{
	unsigned char both[64];

	memcpy(hash, body, 32);
	if (link->panel.n == 0)
		return;
	memcpy(both, body, 32);
	sha256_of(req_header(rq, S("Idempotency-Key")), both + 32);
	sha256_of(str_make((const char *)both, sizeof(both)), hash);
}

/* ---- beginnings that are sent again ---- */

/* The beginning is said again with its token, which opens the answers, only to who may have sent it: before anything was saved, as a client does that missed the
 * reply, and with a code, which is the respondent's own. A key that is guessed or seen opens nothing; a panelist's is, so his beginning is the same only with the
 * Idempotency-Key that it came with (begun_hash()). */
static enum err begun_again(struct req *rq, const struct link_view *link, const struct receipt *r)
{
	const bool started = str_eq(r->status, S("started"));
	const bool known = link->panel.n == 0 || req_header(rq, S("Idempotency-Key")).n > 0;

	if (!uuid_eq(&r->link_id, &link->link_id))
		return req_fail(rq, ERR_CONFLICT, "", "an interview with this key came by another link");
	if (link->single_use)
		return started || str_eq(r->status, S("in_progress"))
			   ? OK
			   : req_fail(rq, ERR_GONE, "/code", "this code was used");
	if (!known)
		return req_fail(rq, ERR_CONFLICT, "", "this panelist's interview was begun elsewhere: go on with that");
	return started ? OK
		       : req_fail(
			     rq, ERR_CONFLICT, "", "the interview has gone on since: use the token that it began with");
}

enum err interview_begun(struct req *rq, const struct link_view *link, const struct receipt *r)
{
	struct interview_reply out = {.receipt = r, .page = -1};
	const bool ended_at_once = !r->paged && r->completed_ms && uuid_eq(&r->link_id, &link->link_id);
	struct receipt first = *r;
	enum err e;

	if (!ended_at_once) {
		if ((e = begun_again(rq, link, r)))
			return e;
		first.status = S("started");
		if ((e = resume_token(rq, &link->link_id, &r->id, &out.token)))
			return e;
	}
	out.receipt = &first;
	reply_header(rq, S("Cache-Control"), S("no-store"));
	return interview_reply(rq, 201, &out);
}
