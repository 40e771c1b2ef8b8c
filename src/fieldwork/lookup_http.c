/* POST /api/v1/responses/lookup: whose answers are these? By e-mail address or phone number, for who sees personal answers. */
#include "event/event.h"
#include "fieldwork/fieldwork.h"

#define TOLD_IDS_MAX 100 /* of the responses of one survey; where there are more, their number is told */

struct lookup_in {
	struct str email, phone;
};
static const struct field lookup_in_fields[] = {
    FIELD(struct lookup_in, email, FT_TEXT, OPTIONAL, 3, 320, "E-mail address; or"),
    FIELD(struct lookup_in, phone, FT_TEXT, OPTIONAL, 6, 40, "phone number, in whatever way it is written"),
};
static const struct shape lookup_in_shape = SHAPE("ResponseLookup", struct lookup_in, lookup_in_fields);

static const char *const statuses[] = {"in_progress", "completed", "screened_out", "quota_full", "rejected", NULL};
static const struct field found_fields[] = {
    OUT("survey_id", FT_UUID, REQUIRED, "Survey that was answered"),
    OUT("response_id", FT_UUID, REQUIRED, "Response that holds it"),
    OUT("question", FT_TEXT, REQUIRED, "Where: ROSTER/QUESTION/ITEM, the first and last where there are such"),
    OUT("status", FT_ENUM, REQUIRED, "How the interview ended", .choices = statuses),
    OUT("created_at", FT_TIME, REQUIRED, "When it was stored"),
};
static const struct shape found_shape = SHAPE_OUT("ResponseFound", found_fields);
static const struct field lookup_out_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "Newest first, at most 1,000", .shape = &found_shape),
};
static const struct shape lookup_out_shape = SHAPE_OUT("ResponsesFound", lookup_out_fields);

/* That somebody looked is kept, and how much was found; not what for. */
static enum err note(struct req *rq, const struct contact_ask *ask, size_t n)
{
	struct uuid id = uuid_new();
	struct json_out w;
	struct str data;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("kind"), ask->phone ? S("phone") : S("email"));
	json_field_int(&w, S("found"), (int64_t)n);
	json_close(&w, '}');
	if ((e = buf_done(&b, &data)))
		return e;
	return event_append(rq->tx, &(struct event){S("lookup"), &id, S("looked-up"), data, 1});
}

/* The responses of the survey of found[first], each once, when that one is the first of its survey. */
static enum err tell_survey(struct req *rq, const struct response_ref *found, size_t n, size_t first)
{
	struct json_out w;
	struct str ids;
	struct buf b;
	int64_t count = 0;
	enum err e;

	buf_init(&b, rq->arena, 8 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (size_t i = first; i < n; i++) {
		bool again = !uuid_eq(&found[i].survey_id, &found[first].survey_id);

		/* one that holds it in two places stands twice, one after the other */
		again = again || (i > first && uuid_eq(&found[i].response_id, &found[i - 1].response_id));
		if (!again && count++ < TOLD_IDS_MAX)
			json_put_str(&w, uuid_str(rq->arena, &found[i].response_id));
	}
	json_close(&w, ']');
	if ((e = buf_done(&b, &ids)))
		return e;
	return event_personal_read(rq, &found[first].survey_id, count, count <= TOLD_IDS_MAX ? ids : S(""));
}

/* Whose answers these are is personal data: that it is told is kept with each survey. */
static enum err tell(struct req *rq, const struct response_ref *found, size_t n)
{
	enum err e = OK;

	for (size_t i = 0; !e && i < n; i++) {
		bool told = false;

		for (size_t k = 0; k < i && !told; k++)
			told = uuid_eq(&found[k].survey_id, &found[i].survey_id);
		if (!told)
			e = tell_survey(rq, found, n, i);
	}
	return e;
}

static enum err lookup_http(struct req *rq)
{
	const struct lookup_in *in = rq->in;
	const struct contact_ask ask = {in->phone.n > 0 ? in->phone : in->email, in->phone.n > 0};
	struct response_ref *found;
	struct json_out w;
	struct str json;
	struct buf b;
	size_t n;
	enum err e;

	if ((in->phone.n > 0) == (in->email.n > 0))
		return req_fail(rq, ERR_INVALID, "", "say either an e-mail address or a phone number");
	e = response_lookup(rq->app, rq->tx, rq->arena, &ask, &found, &n);
	if (e == ERR_INVALID)
		return ask.phone ? req_fail(rq, e, "/phone", "this is no phone number")
				 : req_fail(rq, e, "/email", "this is no e-mail address");
	if (e || (e = note(rq, &ask, n)) || (e = tell(rq, found, n)))
		return e;
	buf_init(&b, rq->arena, REQUEST_ARENA_MAX_BYTES / 2);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("items"));
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++)
		json_put_raw(&w, found[i].json);
	json_close(&w, ']');
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route lookup_routes[] = {
    {HTTP_POST, "/api/v1/responses/lookup", PERM_RESPONSES_PERSONAL, RATE_CONSOLE, &lookup_in_shape, &lookup_out_shape,
	200, lookup_http, "Find the responses of an e-mail address or phone number"},
    ROUTE_END,
};
