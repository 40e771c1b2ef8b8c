/* /api/public/v1/links/{slug}/responses/{response_id}: an interview page by page. Its respondent has a token, which stands in the header Authorization. */
#include "fieldwork/interview_http.h"
#include "base/limits.h"
#include "fieldwork/keeping.h"
#include "fieldwork/link_panel.h"
#include "fieldwork/link_pass.h"
#include "fieldwork/link_proof.h"
#include "survey/survey.h"

/* ---- one step of an interview ---- */

/* For as long as its request lives, which is longer than its handler runs. */
struct turn {
	struct req *rq;
	struct resolved link;
	struct kept kept;
	const struct program *program;
	struct cache_entry *pin;
	struct quota_list full;
	struct interview in;
	struct submission submission;
	struct verdict verdict;
	struct response response;
	struct draw draw;
	int64_t fuel;
	int32_t next; /* page that comes next; -1: none */
	double progress;
	bool completes;
	struct panel_exit exit;
};

/* state is what is known of the interview, now. */
static void take_state(struct turn *t)
{
	const struct page_state *s = &t->kept.state;

	t->submission = (struct submission){s->language, s->answers, s->parameters, s->seed, s->started_ms, t->full,
	    {s->filled, s->filled_count}, {s->consents[0], s->consents[1]}, s->drawn};
	t->in = intake_interview(t->program, &t->submission);
	t->in.fuel = &t->fuel;
}

static enum err refuse(struct req *rq, const struct verdict *v)
{
	for (size_t i = 0; i < v->error_count; i++)
		req_error(rq, v->errors[i].pointer, v->errors[i].code, v->errors[i].message);
	return ERR_INVALID;
}

static enum err take_program(struct turn *t, int64_t version, const struct uuid *response)
{
	const struct uuid *survey = &t->link.link.survey_id;
	const struct survey_program *found;
	enum err e = survey_program_get(t->rq->app, t->rq->tx, survey, version, t->rq->arena, &found, &t->pin);

	if (e)
		return e;
	t->program = found->program;
	return quota_full(t->rq->tx, t->rq->arena, t->program, &(struct quota_asker){survey, response}, &t->full);
}

static enum err reply_turn(struct req *rq, const struct receipt *r)
{
	const struct turn *t = r->about;
	struct interview_reply out = {.receipt = r, .placed = true, .page = t->next, .progress = t->progress};
	enum err e;

	out.drawn = t->kept.state.drawn;
	/* what was drawn may show another page */
	if (t->response.draw && t->draw.done) {
		out.page = t->draw.verdict.outcome.n > 0 ? -1 : t->draw.verdict.next_page;
		out.progress = t->draw.verdict.progress;
		out.drawn = t->draw.state->drawn;
	}

	if (r->completed_ms) {
		out.page = -1;
		out.progress = 1;
	}
	if ((e = panel_return(rq, &t->exit, r, t->kept.state.parameters, &out.return_url)))
		return e;
	/* Somebody ended it while this page was on its way. */
	if (r->replayed && !t->completes)
		return req_fail(rq, ERR_CONFLICT, "/status", "the interview is over");
	return interview_reply(rq, 200, &out);
}

static void fill(struct turn *t)
{
	t->response.link = &t->link.link;
	t->response.survey_version = t->kept.state.survey_version;
	t->response.verdict = &t->verdict;
	t->response.program = t->program;
	t->response.submission = &t->submission;
	t->response.seed = t->kept.state.seed;
	t->response.started_ms = t->kept.state.started_ms;
	t->response.key = t->kept.key;
	t->response.keep.id = t->kept.id;
	t->response.marks = proof_mark(&t->link.link, t->kept.state.proved);
	t->response.device_id = t->kept.state.device_id;
	t->response.text_chars = t->link.live.duplicate_chars;
	t->response.lease_ms = t->link.live.lease_ms;
	t->response.about = t;
}

static enum err send(struct turn *t, enum err (*reply)(struct req *rq, const struct receipt *r))
{
	struct cache_entry *pin = t->pin;

	t->pin = NULL;
	fill(t);
	return intake_send(t->rq, &t->response, pin, reply);
}

/* What is drawn on the way to where the interview is now is drawn and stored first, a page at a time: nothing behind it can be judged before. *over: it ended by that, and
 * is answered. *page: the last that is left, -1 for all; where something is drawn as that is left, it is stored with it. */
static enum err draw_first(struct turn *t, int32_t page, bool *over)
{
	struct page_state *s = &t->kept.state;
	struct verdict *v = &t->verdict;
	struct receipt r = {0};
	enum err e;

	*over = false;
	for (uint32_t i = 0; s->drawn && i < program_page_count(t->program) && !*over; i++) {
		take_state(t);
		if ((e = interview_run(&t->in, page < 0 ? RUN_COMPLETE : RUN_PAGE, page, t->rq->arena, v)))
			return e;
		if (v->draws_at < 0 || v->draws_at == page)
			return OK;
		t->draw = (struct draw){.page = v->draws_at};
		if ((e = interview_run(&t->in, RUN_PAGE, t->draw.page, t->rq->arena, v)))
			return e;
		if (v->error_count > 0)
			return refuse(t->rq, v);
		if ((e = kept_put(t->rq, s, v->next_page, &t->response)))
			return e;
		t->response.keep.open = true;
		t->response.draw = &t->draw;
		fill(t);
		if ((e = intake_write(t->rq, &t->response, &r)))
			return e;
		if (t->draw.done)
			*s = *t->draw.state;
		*over = r.replayed || r.completed_ms;
		t->response.draw = NULL;
		t->response.keep.version++;
	}
	return *over ? reply_turn(t->rq, &r) : OK;
}

/* It is over: judged as a whole and stored as any answer. */
static enum err finish(struct turn *t, enum err (*reply)(struct req *rq, const struct receipt *r))
{
	enum err e = intake_judge(t->rq->arena, t->program, &t->submission, &t->verdict, &t->response.language);

	if (e)
		return e;
	if (t->verdict.error_count > 0)
		return refuse(t->rq, &t->verdict);
	t->response.keep.open = false;
	return send(t, reply);
}

/* ---- beginning ---- */

static enum err reply_begun(struct req *rq, const struct receipt *r)
{
	const struct turn *t = r->about;
	struct interview_reply out = {.receipt = r, .placed = true, .page = t->next, .progress = t->progress};
	struct receipt first = *r;
	enum err e;

	if (r->replayed)
		return interview_begun(rq, &t->link.link, r);
	if ((e = panel_return(rq, &t->exit, r, t->kept.state.parameters, &out.return_url)))
		return e;
	if (r->completed_ms)
		out.page = -1;
	else if ((e = resume_token(rq, &t->link.link.link_id, &first.id, &out.token)))
		return e;
	reply_header(rq, S("Cache-Control"), S("no-store"));
	return interview_reply(rq, 201, &out);
}

static enum err begin_state(struct turn *t, const struct response_new *in, const unsigned char hash[32])
{
	struct page_state *s = &t->kept.state;
	struct quota_counts filled;
	enum err e;

	t->kept.id = uuid_new();
	t->kept.key = t->rq->idempotency_key.n ? t->rq->idempotency_key : uuid_str(t->rq->arena, &t->kept.id);
	*s = (struct page_state){
	    .link_id = t->link.link.link_id,
	    .id = t->kept.id,
	    .key = t->kept.key,
	    .survey_version = t->link.live.number,
	    .seed = random_u64(),
	    .started_ms = clock_now_ms(),
	    .language = program_language_pick(t->program, in->language.n ? in->language : t->link.link.language),
	    .answers = in->answers,
	    .parameters = in->parameters,
	    .proved = t->link.link.proof_bits > 0 && !in->unproved,
	    .device_id = t->link.live.device_answers > 0 ? in->device_id : S(""),
	};
	s->shown_ms = s->started_ms;
	begun_hash(t->rq, &t->link.link, hash, t->response.payload_hash);
	if ((e = quota_filled_now(t->rq->tx, t->rq->arena, t->program, &t->link.link.survey_id, &filled)) ||
	    (e = quota_draws(t->rq->arena, t->program, &s->drawn)))
		return e;
	s->filled = filled.used;
	s->filled_count = filled.n;
	t->response.language = s->language;
	t->response.device = device_of(req_header(t->rq, S("User-Agent")));
	return paradata_text(t->rq, in->paradata, &t->response.paradata);
}

static enum err begin(struct turn *t, const struct response_new *in, const unsigned char hash[32])
{
	struct verdict *v = &t->verdict;
	enum err e;

	if ((e = take_program(t, t->link.live.number, NULL)) ||
	    (e = intake_check(t->rq, t->program, &t->link.live, in->language, in->parameters)) ||
	    (e = begin_state(t, in, hash)))
		return e;
	take_state(t);
	if ((e = interview_run(&t->in, RUN_PAGE, -1, t->rq->arena, v)))
		return e;
	if (v->error_count > 0)
		return refuse(t->rq, v);
	if (v->outcome.n > 0)
		return finish(t, reply_begun);
	t->next = v->next_page;
	t->progress = v->progress;
	t->kept.state.page = v->next_page >= 0 ? v->next_page : 0;
	if ((e = page_state_write(&t->kept.state, t->rq->arena, &t->response.keep.state)))
		return e;
	t->response.keep.open = true;
	t->response.keep.status = S("started");
	return send(t, reply_begun);
}

static enum err end(struct turn *t, enum err e)
{
	if (t->pin)
		cache_release(t->rq->app->cache, t->pin);
	t->pin = NULL;
	return e;
}

enum err interview_begin(
    struct req *rq, const struct resolved *link, const struct response_new *in, const unsigned char hash[32])
{
	struct turn *t = arena_new(rq->arena, struct turn);
	bool full;
	enum err e;

	if (!t)
		return ERR_MEMORY;
	*t = (struct turn){.rq = rq, .link = *link, .fuel = PAGE_STEPS_MAX};
	if ((e = resolve_gate(rq, link)) || (e = link_full(rq, &link->link, &full)) ||
	    (e = panel_exit_load(rq, &link->link, &t->exit)))
		return e;
	if (full)
		return req_fail(rq, ERR_GONE, "", "this link has all the interviews it takes");
	return end(t, begin(t, in, hash));
}

/* ---- going on ---- */

/* The link, the respondent and his interview. Whoever has no token learns nothing of it, not even whether it is there. */
static enum err enter(struct req *rq, struct turn **out)
{
	struct turn *t = arena_new(rq->arena, struct turn);
	struct str token = req_header(rq, S("Authorization"));
	struct uuid id;
	enum err e;

	if (!t)
		return ERR_MEMORY;
	*t = (struct turn){.rq = rq, .fuel = PAGE_STEPS_MAX};
	*out = t;
	if ((e = resolve(rq, rq->args[0], RESOLVE_MAY_WAIT, &t->link)) || (e = link_pass_check(rq, &t->link.link)))
		return e;
	token = str_starts(token, S("Bearer ")) ? str_trim(str_sub(token, 7, token.n)) : S("");
	e = resume_read(rq, &t->link.link.link_id, token, &id);
	if (e == ERR_INVALID || (!e && !uuid_eq(&id, &rq->ids[1])))
		return req_fail(rq, ERR_UNAUTHENTICATED, "", "show the token that the interview began with");
	if (e || (e = panel_exit_load(rq, &t->link.link, &t->exit)))
		return e;
	return kept_load(rq, &t->link, &id, &t->kept);
}

static struct receipt receipt_of(const struct turn *t)
{
	return (struct receipt){
	    .id = t->kept.id,
	    .status = t->kept.status,
	    .outcome = t->kept.outcome,
	    .survey_version = t->kept.survey_version,
	    .completed_ms = t->kept.completed_at,
	    .started_ms = t->kept.started_at,
	    .language = t->kept.state.language,
	    .about = (void *)(uintptr_t)t,
	};
}

/* The state with what came in, noted as the page `page` being left. */
static enum err take(struct turn *t, int32_t page, const struct json *answers, const struct json *paradata)
{
	struct page_state *s = &t->kept.state;
	struct response *r = &t->response;
	enum err e;

	r->unhashed = true;
	r->language = s->language;
	r->keep.stored = true;
	r->keep.version = t->kept.version;
	r->keep.status = S("in_progress");
	if ((e = paradata_text(t->rq, paradata, &r->paradata)) ||
	    (e = kept_merge(t->rq->arena, s->answers, answers, &s->answers)))
		return e;
	take_state(t);
	if ((e = kept_consents(&t->in, page, NULL, t->rq->arena, s->consents)))
		return e;
	take_state(t);
	return OK;
}

static enum err save(struct turn *t, const struct interview_patch *in)
{
	struct page_state *s = &t->kept.state;
	int32_t page = schema_has(&interview_patch_shape, t->rq->in_present, "page") ? (int32_t)in->page : s->page;
	struct verdict *v = &t->verdict;
	bool over;
	enum err e;

	if (page >= (int64_t)program_page_count(t->program))
		return req_fail(t->rq, ERR_INVALID, "/page", "the survey has fewer pages");
	s->page = page;
	if (in->language.n > 0)
		s->language = program_language_pick(t->program, in->language);
	if ((e = intake_check(t->rq, t->program, &t->link.live, in->language, NULL)) ||
	    (e = take(t, page, in->answers, in->paradata)) || (e = draw_first(t, page, &over)) || over)
		return e;
	s->page = page;
	take_state(t);
	if ((e = interview_run(&t->in, RUN_PAGE, page, t->rq->arena, v)))
		return e;
	if (v->error_count > 0)
		return refuse(t->rq, v);
	t->draw = (struct draw){.page = page};
	t->response.draw = v->draws_at >= 0 ? &t->draw : NULL;
	if (v->draws_at < 0 && (e = kept_drawn(v, t->rq->arena, s)))
		return e;
	t->next = v->outcome.n > 0 ? -1 : v->next_page;
	t->progress = v->progress;
	s->percent = (int32_t)(v->progress * 100 + 0.5);
	s->back = true;
	if ((e = kept_put(t->rq, s, t->next >= 0 ? t->next : page, &t->response)))
		return e;
	if (v->outcome.n > 0 && !str_eq(v->status, S("completed")))
		return finish(t, reply_turn);
	t->response.keep.open = true;
	return send(t, reply_turn);
}

static enum err go_on(struct turn *t)
{
	enum err e;

	if (t->kept.over)
		return req_fail(t->rq, ERR_CONFLICT, "/status", "the interview is over");
	if ((e = resolve_gate(t->rq, &t->link)))
		return e;
	return take_program(t, t->kept.survey_version, &t->kept.id);
}

static enum err interview_save_http(struct req *rq)
{
	struct turn *t;
	enum err e;

	if ((e = enter(rq, &t)))
		return e;
	if (!(e = go_on(t)))
		e = save(t, rq->in);
	return end(t, e);
}

static enum err complete(struct turn *t, const struct interview_end *in)
{
	enum err e;

	bool over;

	t->completes = true;
	if ((e = take(t, t->kept.state.page, in->answers, in->paradata)) || (e = draw_first(t, -1, &over)) || over)
		return e;
	take_state(t);
	if ((e = kept_put(t->rq, &t->kept.state, t->kept.state.page, &t->response)))
		return e;
	return finish(t, reply_turn);
}

static enum err reply_over(struct turn *t, const struct receipt *r)
{
	struct interview_reply out = {.receipt = r, .page = -1};
	struct json_error why;
	struct json *parameters;
	enum err e;

	if (json_read(t->rq->arena, t->kept.parameters, &json_limits_default, &parameters, &why))
		return ERR_INTERNAL;
	e = panel_return(t->rq, &t->exit, r, parameters, &out.return_url);
	return e ? e : interview_reply(t->rq, 200, &out);
}

static enum err interview_complete_http(struct req *rq)
{
	struct receipt r;
	struct turn *t;
	enum err e;

	if ((e = enter(rq, &t)))
		return e;
	/* Once more, because the first reply got lost, or after a page that ended it. */
	if (t->kept.over && t->kept.completed_at && !str_eq(t->kept.status, S("rejected"))) {
		r = receipt_of(t);
		r.replayed = true;
		return reply_over(t, &r);
	}
	if (!(e = go_on(t)))
		e = complete(t, rq->in);
	return end(t, e);
}

static enum err interview_read_http(struct req *rq)
{
	static const struct json nothing = {.type = JSON_OBJECT};
	struct interview_reply out = {.page = -1, .progress = 1};
	struct receipt r;
	struct turn *t;
	enum err e;

	if ((e = enter(rq, &t)))
		return e;
	r = receipt_of(t);
	out.receipt = &r;
	if (!t->kept.over) {
		out.placed = true;
		out.page = t->kept.state.page;
		out.progress = t->kept.state.percent / 100.0;
		out.drawn = t->kept.state.drawn;
		out.answers = t->kept.state.answers ? t->kept.state.answers : &nothing;
	}
	reply_header(rq, S("Cache-Control"), S("no-store"));
	return interview_reply(rq, 200, &out);
}

#define INTERVIEW "/api/public/v1/links/{slug}/responses/{response_id}"

const struct route interview_routes[] = {
    {HTTP_GET, INTERVIEW, PERM_NONE, RATE_PUBLIC_READ, NULL, &receipt_shape, 200, interview_read_http,
	"Read an interview that is under way, with its token", .flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY,
	.also = (const int[]){401, 404, 410, 0}},
    {HTTP_PATCH, INTERVIEW, PERM_NONE, RATE_INTAKE, &interview_patch_shape, &receipt_shape, 200, interview_save_http,
	"Save a page of an interview, with its token", .flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_SMALL_BODY,
	.also = (const int[]){401, 404, 409, 410, 0}},
    {HTTP_POST, INTERVIEW "/complete", PERM_NONE, RATE_INTAKE, &interview_end_shape, &receipt_shape, 200,
	interview_complete_http, "Send the end of an interview, with its token",
	.flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_SMALL_BODY, .also = (const int[]){401, 404, 409, 410, 0}},
    ROUTE_END,
};
