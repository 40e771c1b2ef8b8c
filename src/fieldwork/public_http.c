/* /api/public/v1/links/{slug}: what respondents' programs need, and where they send answers. */
#include "base/hash.h"
#include "base/time.h"
#include "fieldwork/interview_http.h"
#include "fieldwork/keeping.h"
#include "fieldwork/link_code.h"
#include "fieldwork/link_panel.h"
#include "fieldwork/link_pass.h"
#include "fieldwork/link_proof.h"
#include "fieldwork/public_reply.h"
#include "survey/survey.h"

/* ---- GET links/{slug} ---- */

static const struct field public_link_fields[] = {
    OUT("slug", FT_TEXT, REQUIRED, "End of the address"),
    OUT("test", FT_BOOL, REQUIRED, "For trying the survey out: nothing that comes by it counts"),
    OUT("code", FT_BOOL, REQUIRED, "Whether an interview is let in by a code only"),
    OUT("proof_bits", FT_INT, REQUIRED | NULLABLE, "Work that is asked for first: .../challenge; null: none"),
    OUT("survey_id", FT_UUID, REQUIRED, "Survey that it leads to"),
    OUT("survey_version", FT_INT, REQUIRED, "Published version that answers are judged by"),
    OUT("title", FT_TEXT, REQUIRED, "Title of the survey"),
    OUT("language", FT_LANGUAGE, REQUIRED, "Language to begin in"),
    OUT("languages", FT_LIST, REQUIRED, "Languages of the survey"),
    OUT("opens_at", FT_TIME, REQUIRED | NULLABLE, "Not answered before"),
    OUT("closes_at", FT_TIME, REQUIRED | NULLABLE, "Not answered from then on"),
    OUT("definition", FT_OBJECT, REQUIRED, "The definition as published, without quotas and redirects"),
};
static const struct shape public_link_shape = SHAPE_OUT("PublicLink", public_link_fields);

static enum err public_reply_load(void *ctx, struct arena *a, struct str *bytes)
{
	return public_reply_json(a, ctx, bytes);
}

/* The cached object may be dropped while its bytes are still being sent, so they are copied; some kilobytes. */
static enum err stage_cached(struct req *rq, const struct public_reply *r, bool private)
{
	struct arena *a = rq->arena;
	struct str identity = str_dup(a, r->identity), gzip = str_dup(a, r->gzip), br = str_dup(a, r->br),
		   etag = str_dup(a, r->etag);

	if (!identity.p || !gzip.p || !br.p || !etag.p)
		return ERR_MEMORY;
	reply_header(
	    rq, S("Cache-Control"), private ? S("private, no-cache") : S("max-age=0, stale-while-revalidate=60"));
	return reply_static(rq, S("application/json"), identity, gzip, br, etag);
}

static enum err check_room(struct req *rq, const struct resolved *r)
{
	bool full;
	enum err e = link_full(rq, &r->link, &full);

	return e || !full ? e : req_fail(rq, ERR_GONE, "", "this link has all the interviews it takes");
}

static enum err link_public_http(struct req *rq)
{
	struct cache *cache = rq->app->cache;
	unsigned wait = rq->tx ? RESOLVE_MAY_WAIT : 0;
	struct cache_entry *pin;
	struct resolved r;
	struct str key;
	enum err e;

	if ((e = resolve(rq, rq->args[0], wait, &r)) || (e = resolve_gate(rq, &r)) ||
	    (e = link_pass_check(rq, &r.link)) || (e = check_room(rq, &r)))
		return e;
	if ((e = public_reply_key(rq->arena, &r, &key)))
		return e;
	if (!(pin = cache_peek(cache, &public_reply_cache, key))) {
		if (!wait)
			return ERR_AGAIN;
		if ((e = resolve(rq, rq->args[0], wait | RESOLVE_DEFINITION, &r)))
			return e;
		if ((e = cache_get(cache, &public_reply_cache, key, rq->arena, public_reply_load, &r, &pin)))
			return e;
	}
	e = stage_cached(rq, cache_object(pin), r.link.password.n > 0);
	cache_release(cache, pin);
	return e;
}

/* ---- POST links/{slug}/responses ---- */

static const struct field response_new_fields[] = {
    FIELD(struct response_new, answers, FT_OBJECT, REQUIRED, 0, 0, "Answers by question name"),
    FIELD(struct response_new, language, FT_LANGUAGE, OPTIONAL, 0, 0,
	"Language of the interview; the survey's own when absent"),
    FIELD(struct response_new, code, FT_TEXT, OPTIONAL, 0, LINK_CODE_MAX_BYTES,
	"Of a single-use link: what lets this interview in. It brings the parameters, and is its own Idempotency-Key"),
    FIELD(struct response_new, proof, FT_TEXT, OPTIONAL, 0, PROOF_MAX_CHARS,
	"Of a link that asks for work: CHALLENGE:NONCE, good once"),
    FIELD(struct response_new, device_id, FT_TEXT, OPTIONAL, 0, DEVICE_ID_MAX_CHARS,
	"What the client knows its device by; of that a keyed print is kept, where the survey tells devices apart"),
    FIELD(struct response_new, parameters, FT_OBJECT, OPTIONAL, 0, 0, "Parameters of the survey by name"),
    FIELD(struct response_new, paradata, FT_OBJECT, OPTIONAL, 0, 0,
	"What the client measured, as it likes, at most 8 kB"),
    FIELD(struct response_new, complete, FT_BOOL, OPTIONAL, 0, 0,
	"False: an interview begins, which goes on page by page with the token that comes back; else these are all of "
	"its answers"),
};
static const struct shape response_new_shape = SHAPE("ResponseNew", struct response_new, response_new_fields);

static enum err payload_hash(struct req *rq, unsigned char hash[32])
{
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 8 * HTTP_BODY_RESPONDENT_MAX_BYTES);
	json_out_init(&w, &b);
	json_put_canonical(&w, rq->body);
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, hash);
	return OK;
}

/* One interview, for as long as its request lives: it is answered when this worker has long gone on to others. */
struct arrival {
	struct resolved link;
	struct submission submission;
	struct verdict verdict;
	struct response response;
	const struct json *parameters;
	struct panel_exit exit;
	bool begins;
	bool unproved; /* and taken nevertheless */
};

static enum err reply_receipt(struct req *rq, const struct receipt *r)
{
	const struct arrival *x = r->about;
	struct interview_reply out = {.receipt = r};
	enum err e = panel_return(rq, &x->exit, r, x->parameters, &out.return_url);

	return e ? e : interview_reply(rq, 201, &out);
}

static enum err judge(struct req *rq, struct arrival *x, const struct program *program)
{
	const struct response_new *in = rq->in;
	const struct resolved *r = &x->link;
	struct verdict *v = &x->verdict;
	struct json *drawn;
	enum err e;

	x->submission = (struct submission){
	    in->language.n ? in->language : r->link.language, in->answers, x->parameters, random_u64(), clock_now_ms()};
	/* it was drawn elsewhere, and has happened */
	if ((e = program_drawn_of(program, in->answers, rq->arena, &drawn)))
		return e;
	x->submission.drawn = drawn;
	if ((e = paradata_text(rq, in->paradata, &x->response.paradata)) ||
	    (e = intake_check(rq, program, &r->live, in->language, in->parameters)) ||
	    (e = intake_judge(rq->arena, program, &x->submission, v, &x->response.language)))
		return e;
	for (size_t i = 0; i < v->error_count; i++)
		req_error(rq, v->errors[i].pointer, v->errors[i].code, v->errors[i].message);
	return v->error_count > 0 ? ERR_INVALID : OK;
}

/* A panel link wants parameters, of which one says who it is and stands in for the key. */
static enum err come_from_panel(struct req *rq, struct arrival *x)
{
	const struct response_new *in = rq->in;
	struct panel_use use;
	enum err e;

	x->response.key = (struct str){0};
	if (in->code.n > 0)
		return req_fail(rq, ERR_INVALID, "/code", "this link takes no codes");
	e = panel_enter(rq, &x->link.link, in->parameters, &use);
	x->response.key = use.key;
	if (!e && !x->begins && use.open)
		return req_fail(rq, ERR_CONFLICT, "", "an interview of this panelist is under way: go on with that");
	return e == ERR_GONE ? req_fail(rq, e, "", "this panelist has answered") : e;
}

/* A single-use link wants a code, which brings the parameters and stands in for the key. */
static enum err let_in(struct req *rq, struct arrival *x)
{
	const struct response_new *in = rq->in;
	struct code_use use = {0};
	enum err e;

	x->parameters = in->parameters;
	if (x->link.link.panel.n > 0)
		return come_from_panel(rq, x);
	if (!x->link.link.single_use)
		return in->code.n ? req_fail(rq, ERR_INVALID, "/code", "this link takes no codes") : OK;
	x->response.key = (struct str){0};
	if (in->code.n == 0)
		return req_fail(rq, ERR_INVALID, "/code", "this link is used with a code");
	if (in->parameters)
		return req_fail(rq, ERR_INVALID, "/parameters", "the code brings the parameters");
	e = code_take(rq, &x->link.link, in->code, &use);
	/* The token of what was begun is not said again by a code that was revoked. */
	x->response.key = use.revoked && x->begins ? (struct str){0} : use.key;
	x->parameters = use.parameters;
	if (!e && !x->begins && !uuid_is_nil(&use.open))
		return req_fail(rq, ERR_CONFLICT, "/code", "an interview is under way with it: go on with that");
	return e == ERR_GONE ? code_refuse(rq, &use) : e;
}

static enum err spend(struct req *rq, struct arrival *x, struct proof_use *use)
{
	const struct response_new *in = rq->in;

	return proof_spend(rq, &x->link.link, &(struct proof_for){in->proof, x->response.key, x->response.payload_hash},
	    use, &x->unproved);
}

static enum err submit(struct req *rq, struct arrival *x)
{
	const struct response_new *in = rq->in;
	const struct resolved *r = &x->link;
	const struct survey_program *survey;
	struct cache_entry *pin;
	struct proof_use use;
	enum err e;

	if ((e = resolve_gate(rq, r)) || (e = let_in(rq, x)) || (e = check_room(rq, r)) ||
	    (e = proof_check(rq, &r->link, in->proof, &x->unproved)))
		return e;
	if ((e = survey_program_get(rq->app, rq->tx, &r->link.survey_id, r->live.number, rq->arena, &survey, &pin)))
		return e;
	if ((e = judge(rq, x, survey->program)) || (e = spend(rq, x, &use))) {
		cache_release(rq->app->cache, pin);
		return e;
	}
	x->response.link = &r->link;
	x->response.survey_version = r->live.number;
	x->response.verdict = &x->verdict;
	x->response.program = survey->program;
	x->response.submission = &x->submission;
	x->response.seed = x->submission.seed;
	x->response.marks = x->unproved ? MARK_NO_PROOF : 0;
	x->response.device_id = r->live.device_answers > 0 ? in->device_id : S("");
	x->response.text_chars = r->live.duplicate_chars;
	x->response.about = x;
	x->response.device = device_of(req_header(rq, S("User-Agent")));
	return intake_send(rq, &x->response, pin, reply_receipt);
}

static enum err begin(struct req *rq, struct arrival *x)
{
	struct response_new in = *(const struct response_new *)rq->in;
	struct proof_use use;
	enum err e;

	if ((e = let_in(rq, x)) || (e = proof_check(rq, &x->link.link, in.proof, &x->unproved)) ||
	    (e = spend(rq, x, &use)))
		return e;
	in.unproved = x->unproved;
	in.parameters = x->parameters;
	if (x->link.link.single_use || x->link.link.panel.n > 0)
		rq->idempotency_key = x->response.key;
	if ((e = interview_begin(rq, &x->link, &in, x->response.payload_hash)) && !rq->later)
		proof_unspend(rq, &use);
	return e;
}

static enum err response_create_http(struct req *rq)
{
	struct arrival *x = arena_new(rq->arena, struct arrival);
	struct receipt receipt;
	enum err e, before;

	if (!x)
		return ERR_MEMORY;
	x->begins = schema_has(&response_new_shape, rq->in_present, "complete") &&
		    !((const struct response_new *)rq->in)->complete;
	x->response.key = rq->idempotency_key;
	if ((e = resolve(rq, rq->args[0], RESOLVE_MAY_WAIT, &x->link)) || (e = link_pass_check(rq, &x->link.link)) ||
	    (e = payload_hash(rq, x->response.payload_hash)) || (e = panel_exit_load(rq, &x->link.link, &x->exit)))
		return e;
	e = x->begins ? begin(rq, x) : submit(rq, x);
	if (rq->later)
		return OK;
	/* What was acknowledged before the link closed or the survey changed is still acknowledged when it is sent
	 * again. */
	if ((e != ERR_INVALID && e != ERR_GONE && e != ERR_NOT_FOUND) || x->response.key.n == 0)
		return e;
	before = intake_replay(rq, &x->link.link, x->response.key, x->response.payload_hash, &receipt);
	if (before == ERR_NOT_FOUND)
		return e;
	rq->error_count = 0;
	rq->detail = (struct str){0};
	if (before == ERR_KEY_MISMATCH && (x->link.link.single_use || x->link.link.panel.n > 0))
		return intake_used(rq, &x->link.link, x->response.key);
	if (before)
		return before;
	receipt.about = x;
	return x->begins ? interview_begun(rq, &x->link.link, &receipt) : reply_receipt(rq, &receipt);
}

/* ---- POST links/{slug}/challenge ---- */

static const struct field challenge_fields[] = {
    OUT("challenge", FT_TEXT, REQUIRED | NULLABLE, "What is to be worked on; null when the link asks for none"),
    OUT("bits", FT_INT, REQUIRED,
	"How many zero bits SHA-256(hex(SHA-256(challenge)) + \":\" + nonce) has to begin with"),
    OUT("expires_at", FT_TIME, REQUIRED | NULLABLE, "Until when the proof is taken"),
};
static const struct shape challenge_shape = SHAPE_OUT("LinkChallenge", challenge_fields);

static enum err reply_challenge(struct req *rq, struct str challenge, int64_t bits, int64_t ends_ms)
{
	char time[TIME_TEXT_BYTES];
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	time_text(ends_ms, time);
	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("challenge"));
	if (challenge.n > 0)
		json_put_str(&w, challenge);
	else
		json_put_null(&w);
	json_field_int(&w, S("bits"), bits);
	json_key(&w, S("expires_at"));
	if (challenge.n > 0)
		json_put_str(&w, str_make(time, sizeof(time)));
	else
		json_put_null(&w);
	json_close(&w, '}');
	return (e = buf_done(&b, &json)) ? e : reply_json(rq, 200, json);
}

static enum err challenge_http(struct req *rq)
{
	struct str challenge;
	struct resolved r;
	int64_t ends_ms;
	enum err e;

	if ((e = resolve(rq, rq->args[0], RESOLVE_MAY_WAIT, &r)) || (e = resolve_gate(rq, &r)) ||
	    (e = link_pass_check(rq, &r.link)) || (e = proof_challenge(rq, &r.link, &challenge, &ends_ms)))
		return e;
	return reply_challenge(rq, challenge, r.link.proof_bits, ends_ms);
}

const struct route public_routes[] = {
    {HTTP_POST, "/api/public/v1/links/{slug}/challenge", PERM_NONE, RATE_INTAKE, NULL, &challenge_shape, 200,
	challenge_http, "Ask for the work that a link wants done before answers are sent",
	.flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_SMALL_BODY, .also = (const int[]){401, 404, 410, 0}},
    {HTTP_GET, "/api/public/v1/links/{slug}", PERM_NONE, RATE_PUBLIC_READ, NULL, &public_link_shape, 200,
	link_public_http, "What a client needs to run the survey",
	.flags = ROUTE_INLINE | ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_ETAG, .also = (const int[]){401, 404, 410, 0}},
    {HTTP_POST, "/api/public/v1/links/{slug}/responses", PERM_NONE, RATE_INTAKE, &response_new_shape, &receipt_shape,
	201, response_create_http, "Send the answers of one interview, or begin one",
	.flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_SMALL_BODY | ROUTE_IDEMPOTENT,
	.also = (const int[]){401, 404, 409, 410, 0}},
    ROUTE_END,
};
