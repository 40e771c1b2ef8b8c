/* sync_item.c - one interview of a batch, from what was sent to what is stored. */
#include "fieldwork/sync.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fieldwork/keeping.h"
#include "fieldwork/link_code.h"
#include "fieldwork/link_proof.h"
#include "survey/survey.h"

struct interview_sent {
	struct uuid id;
	int64_t survey_version;
	struct str code;
	const struct json *journal;
};
static const struct field interview_sent_fields[] = {
    FIELD(struct interview_sent, id, FT_UUID, REQUIRED, 0, 0,
	"A UUIDv7 that the device made when it began: the id of the response"),
    FIELD(struct interview_sent, survey_version, FT_INT, REQUIRED, 1, INT32_MAX, "The version it was begun on"),
    FIELD(struct interview_sent, code, FT_TEXT, OPTIONAL, 0, LINK_CODE_MAX_BYTES,
	"Of a single-use link; it brings the parameters"),
    FIELD(struct interview_sent, journal, FT_OBJECT, REQUIRED, 0, 0, "How it began, and its events"),
};
static const struct shape interview_sent_shape =
    SHAPE("OfflineInterview", struct interview_sent, interview_sent_fields);

/* ---- clocks ---- */

void sync_clock_read(struct sync_clock *c, int64_t since_ms, int64_t now_ms)
{
	int64_t lasted = c->ended_ms - c->began_ms, off = now_ms - c->sent_ms;

	c->offset_ms = off > SYNC_CLOCK_EXACT_MS || off < -SYNC_CLOCK_EXACT_MS ? off : 0;
	c->completed_ms = c->ended_ms + c->offset_ms;
	/* A clock that was right when it sent, by the way of the message. */
	if (c->completed_ms > now_ms && c->completed_ms <= now_ms + SYNC_CLOCK_EXACT_MS)
		c->completed_ms = now_ms;
	c->astray = c->completed_ms > now_ms || c->completed_ms < since_ms;
	if (c->astray)
		c->completed_ms = now_ms;
	c->started_ms = c->completed_ms - lasted;
	if (c->started_ms < 1)
		c->started_ms = 1;
}

/* The instant that a UUIDv7 begins with. */
static int64_t made_ms(const struct uuid *id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->b[i];
	return ms;
}

/* ---- judging ---- */

static enum err hash_of(struct sync_item *x)
{
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, &x->arena, 4 * HTTP_BODY_API_MAX_BYTES);
	json_out_init(&w, &b);
	json_put_canonical(&w, x->in);
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, x->hash);
	return OK;
}

static enum err read_sent(struct sync_item *x, struct interview_sent *in)
{
	uint64_t present;
	enum err e;

	if (x->in->type != JSON_OBJECT)
		return req_fail(&x->rq, ERR_INVALID, "", "an interview is an object");
	if ((e = schema_read(&x->rq, &interview_sent_shape, x->in, S(""), in, &present)))
		return e;
	if (in->id.b[6] >> 4 != 7 || in->id.b[8] >> 6 != 2)
		return req_fail(&x->rq, ERR_INVALID, "/id", "the id of an offline interview is a UUIDv7");
	x->id = in->id;
	x->response.key = uuid_str(&x->arena, &x->id);
	return x->response.key.p ? hash_of(x) : ERR_MEMORY;
}

/* As with answers that are sent whole: a single-use link wants a code, which brings the parameters and stands in for the key. */
static enum err let_in(struct sync_item *x, const struct interview_sent *in)
{
	const struct link_view *link = &x->sync->link.link;
	struct code_use use = {0};
	enum err e;

	if ((e = resolve_gate(&x->rq, &x->sync->link)))
		return e;
	if (link->panel.n > 0)
		return req_fail(&x->rq, ERR_INVALID, "", "people whom a panel sends are not interviewed by devices");
	if (link->proof_bits > 0 && !link->proof_flags)
		return req_fail(&x->rq, ERR_INVALID, "", "this link asks for work, which devices do not do");
	if (!link->single_use)
		return in->code.n ? req_fail(&x->rq, ERR_INVALID, "/code", "this link takes no codes") : OK;
	if (in->code.n == 0)
		return req_fail(&x->rq, ERR_INVALID, "/code", "this link is used with a code");
	if (json_get(in->journal, S("parameters")))
		return req_fail(&x->rq, ERR_INVALID, "/journal/parameters", "the code brings the parameters");
	e = code_take(&x->rq, link, in->code, &use);
	if (use.key.n > 0)
		x->response.key = use.key;
	x->parameters = use.parameters;
	return e == ERR_GONE ? code_refuse(&x->rq, &use) : e;
}

static enum err refuse(struct sync_item *x)
{
	const struct verdict *v = &x->verdict;

	for (size_t i = 0; i < v->error_count; i++)
		req_error(&x->rq, v->errors[i].pointer, v->errors[i].code, v->errors[i].message);
	return ERR_INVALID;
}

/* What one may take is what a posted page may; what all of a batch may take together runs out for this request only. */
static enum err replay(struct sync_item *x, const struct program *program, const struct json *journal)
{
	int64_t *left = &x->sync->fuel, share = *left < PAGE_STEPS_MAX ? *left : PAGE_STEPS_MAX, fuel = share;
	enum err e = sync_replay(x, program, journal, &fuel);

	*left -= share - fuel;
	return e == ERR_LIMIT && share < PAGE_STEPS_MAX ? ERR_BUSY : e;
}

static enum err judge(struct sync_item *x, const struct interview_sent *in, const struct survey_program *survey)
{
	struct response *r = &x->response;
	enum err e;

	if ((e = replay(x, survey->program, in->journal)) ||
	    (e = intake_judge(&x->arena, survey->program, &x->submission, &x->verdict, &r->language)))
		return e;
	if (x->verdict.error_count > 0)
		return refuse(x);
	sync_clock_read(&x->clock, made_ms(&survey->version_id), x->sync->now_ms);
	r->started_ms = x->clock.started_ms;
	r->ended_ms = x->clock.completed_ms;
	return sync_paradata(x, in->journal);
}

static enum err prepare(struct sync_item *x)
{
	const struct link_view *link = &x->sync->link.link;
	const struct survey_program *survey;
	struct interview_sent in = {0};
	struct response *r = &x->response;
	enum err e;

	if ((e = read_sent(x, &in)) ||
	    (e = tx_open(x->rq.app, PG_PUBLIC, false, &link->tenant_id, &x->arena, &x->rq.tx)) || (e = let_in(x, &in)))
		return e;
	e = survey_program_get(
	    x->rq.app, x->rq.tx, &link->survey_id, in.survey_version, &x->arena, &survey, &x->writing.pin);
	if (e)
		return e == ERR_NOT_FOUND ? req_fail(&x->rq, ERR_INVALID, "/survey_version", "there is no such version")
					  : e;
	if ((e = judge(x, &in, survey)))
		return e;
	r->link = link;
	r->survey_version = survey->number;
	r->verdict = &x->verdict;
	r->program = survey->program;
	r->submission = &x->submission;
	r->seed = x->submission.seed;
	r->offline = true;
	r->marks = proof_mark(link, false);
	r->text_chars = x->sync->link.live.duplicate_chars;
	r->device = device_of(req_header(x->sync->rq, S("User-Agent")));
	r->keep.id = x->id;
	memcpy(r->payload_hash, x->hash, sizeof x->hash);
	return OK;
}

void sync_item_begin(struct sync_item *x)
{
	if (!(x->error = prepare(x))) {
		x->begun = true;
		x->error = writing_begin(&x->writing, &x->rq, &x->response, false);
	}
	/* Those of a slice wait for each other: whatever came of it, it keeps no connection meanwhile. */
	intake_abandon(&x->rq);
}

/* What was acknowledged is acknowledged again, though the link closed meanwhile, its code is used now, or the engine learned better. */
static enum err known_before(struct sync_item *x)
{
	enum err e = x->error;
	enum err known;

	if ((e != ERR_INVALID && e != ERR_GONE && e != ERR_NOT_FOUND) || x->begun || x->response.key.n == 0)
		return e;
	known = intake_replay(&x->rq, &x->sync->link.link, x->response.key, x->hash, &x->writing.receipt);
	/* own_only() goes by the id */
	if (known == ERR_KEY_MISMATCH && x->writing.receipt.unhashed)
		known = OK;
	if (known == ERR_NOT_FOUND || (known == ERR_KEY_MISMATCH && e == ERR_GONE))
		return e;
	x->rq.error_count = 0;
	x->rq.detail = (struct str){0};
	return known;
}

/* A receipt is for the device's own interview, and for what is known to be the same. What was answered on a page has no hash to compare, so a code that was used there would seem to be
 * known; nor has what was erased in part: another payload under its id must not be called stored. */
static enum err own_only(struct sync_item *x)
{
	const struct receipt *r = &x->writing.receipt;

	if (x->error || !r->replayed)
		return x->error;
	if (uuid_eq(&r->id, &x->id))
		return r->unhashed ? req_fail(&x->rq, ERR_GONE, "/id",
					 "what is stored under this id can no longer be compared with what was sent")
				   : OK;
	return x->sync->link.link.single_use
		   ? req_fail(&x->rq, ERR_GONE, "/code", "this code was used")
		   : req_fail(&x->rq, ERR_KEY_MISMATCH, "/id", "this is the key of another interview");
}

void sync_item_end(struct sync_item *x)
{
	x->error = x->begun ? writing_end(&x->writing, x->error) : known_before(x);
	x->error = own_only(x);
	intake_abandon(&x->rq);
}
