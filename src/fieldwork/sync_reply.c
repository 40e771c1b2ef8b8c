/* sync_reply.c - what a device is told of each interview, and the receipt that it may delete its copy against. */
#include "fieldwork/sync.h"
#include "auth/auth.h"
#include "base/hash.h"
#include "base/time.h"

static const char *const results[] = {"accepted", "replayed", "refused", "retry", NULL};
static const struct field sync_result_fields[] = {
    OUT("id", FT_TEXT, REQUIRED | NULLABLE, "As it was sent; null when it could not be read"),
    OUT("result", FT_ENUM, REQUIRED,
	"accepted: it is stored; replayed: it was before; refused: it never will be as it is; retry: not now",
	.choices = results),
    OUT("status", FT_TEXT, OPTIONAL,
	"How it ended: completed, screened_out or quota_full; of one that was stored before, as it is now"),
    OUT("outcome", FT_TEXT, OPTIONAL, "Name of the survey's outcome"),
    OUT("completed_at", FT_TIME, OPTIONAL | NULLABLE, "When it ended, by the server's clock"),
    OUT("receipt", FT_TEXT, OPTIONAL,
	"JWS (ES256, keys at /.well-known/jwks.json) that says it is stored: the device may delete its copy"),
    OUT("problem", FT_OBJECT, OPTIONAL, "As application/problem+json has it, pointers into the interview"),
};
static const struct shape sync_result_shape = SHAPE_OUT("SyncResult", sync_result_fields);
static const struct field sync_reply_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "One for each interview, in the order they were sent", .shape = &sync_result_shape),
};
const struct shape sync_reply_shape = SHAPE_OUT("SyncReply", sync_reply_fields);

static bool is_for_now(enum err e)
{
	switch (e) {
	case ERR_IN_PROGRESS:
	case ERR_BUSY:
	case ERR_UNAVAILABLE:
	case ERR_OUTCOME_UNKNOWN:
	case ERR_MEMORY:
	case ERR_AGAIN:
	case ERR_RATE:
	case ERR_INTERNAL:
		return true;
	default:
		return false;
	}
}

static struct str hex_of(struct arena *a, const unsigned char *bytes, size_t n)
{
	struct str text;
	struct buf b;

	buf_init(&b, a, 2 * n + 1);
	hex_put(&b, bytes, n);
	return buf_done(&b, &text) ? S("") : text;
}

/* Nothing in it changes with time or with what becomes of the answer, so it says the same whenever it is asked for. */
static enum err receipt_text(struct sync_item *x, struct str *text)
{
	const struct claim claims[] = {
	    {S("sub"), uuid_str(&x->arena, &x->id)},
	    {S("survey_id"), uuid_str(&x->arena, &x->sync->link.link.survey_id)},
	    {S("sha256"), hex_of(&x->arena, x->hash, sizeof x->hash)},
	};

	return auth_receipt(x->rq.app, claims, countof(claims), &x->arena, text);
}

static enum err tell_stored(struct sync_item *x, struct json_out *w)
{
	const struct receipt *r = &x->writing.receipt;
	char time[TIME_TEXT_BYTES];
	struct str text;
	enum err e;

	json_field_str(w, S("result"), r->replayed ? S("replayed") : S("accepted"));
	json_field_str(w, S("status"), r->status);
	json_field_str(w, S("outcome"), r->outcome);
	json_key(w, S("completed_at"));
	if (r->completed_ms) {
		time_text(r->completed_ms, time);
		json_put_str(w, str_make(time, sizeof time));
	} else {
		json_put_null(w);
	}
	if ((e = receipt_text(x, &text)))
		return e;
	json_field_str(w, S("receipt"), text);
	return OK;
}

enum err sync_tell(struct sync_item *x)
{
	struct json_out *w = &x->sync->reply;
	const struct json *id = json_get(x->in, S("id"));
	enum err e = OK;

	json_open(w, '{');
	json_key(w, S("id"));
	if (id && id->type == JSON_STR)
		json_put_str(w, id->s);
	else
		json_put_null(w);
	if (!x->error) {
		e = tell_stored(x, w);
	} else {
		json_field_str(w, S("result"), is_for_now(x->error) ? S("retry") : S("refused"));
		json_key(w, S("problem"));
		req_problem(&x->rq, x->error, w);
	}
	json_close(w, '}');
	return e;
}
