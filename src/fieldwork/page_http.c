/* /s/{slug}: the pages that respondents see. Without JavaScript, one form post a page; everything an interview needs
 * travels in the form. */
#include "fieldwork/keeping.h"
#include "fieldwork/link_code.h"
#include "fieldwork/link_device.h"
#include "fieldwork/link_pass.h"
#include "fieldwork/link_proof.h"
#include "fieldwork/page_html.h"
#include "fieldwork/page_language.h"
#include "fieldwork/sitting.h"

/* ---- languages ---- */

static enum err offered_languages(struct arena *a, const struct program *p, struct str **out, size_t *n)
{
	*n = program_language_count(p);
	if (!(*out = arena_array(a, struct str, *n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = program_language_at(p, i);
	return OK;
}

/* ?lang= first, then what the link was made for, then what the browser asks for, then the survey's own. */
static enum err choose_language(struct sitting *s, const struct form_field *fields, size_t n, struct str *language)
{
	struct str *offered;
	size_t count;
	enum err e;

	if ((e = offered_languages(s->rq->arena, s->program, &offered, &count)))
		return e;
	*language = language_match(form_value(fields, n, S("lang")), offered, count);
	if (language->n == 0)
		*language = language_match(s->link->link.language, offered, count);
	if (language->n == 0)
		*language = language_accept(req_header(s->rq, S("Accept-Language")), offered, count);
	if (language->n == 0)
		*language = program_language(s->program);
	return OK;
}

/* ---- pages without questions ---- */

/* Who came with a code has its address, which the page does not. */
static enum err reply_stale(struct req *rq, const struct link_view *link)
{
	struct str language = page_visitor_language(rq);
	struct page_message m = {
	    .language = language,
	    .title = page_text(TEXT_STALE_TITLE, language),
	    .text = page_text(TEXT_STALE_TEXT, language),
	    .link_text = page_text(TEXT_START, language),
	};
	struct buf b;
	enum err e;

	if (link->single_use)
		return page_reply_message(rq, 400, &m);
	buf_init(&b, rq->arena, 128);
	buf_add(&b, S("/s/"));
	buf_add(&b, link->slug);
	if ((e = buf_done(&b, &m.link)))
		return e;
	return page_reply_message(rq, 400, &m);
}

/* An error as a page. Whatever the transaction did is undone first, because the page itself is no failure to the
 * router. */
static enum err reply_trouble(struct req *rq, enum err e)
{
	if (e == ERR_AGAIN)
		return e;
	intake_abandon(rq);
	switch (e) {
	case ERR_NOT_FOUND:
		return page_reply_words(rq, 404, TEXT_UNKNOWN_TITLE, TEXT_UNKNOWN_TEXT);
	case ERR_GONE:
		return page_reply_words(rq, 410, TEXT_USED_TITLE, TEXT_USED_TEXT);
	case ERR_UNREADABLE:
	case ERR_LIMIT:
	case ERR_INVALID:
		return page_reply_words(rq, 400, TEXT_TOO_LONG_TITLE, TEXT_TOO_LONG_TEXT);
	case ERR_BUSY:
	case ERR_UNAVAILABLE:
	case ERR_OUTCOME_UNKNOWN:
	case ERR_MEMORY:
		reply_header(rq, S("Retry-After"), S("5"));
		return page_reply_busy(rq, 503);
	default:
		return e;
	}
}

static enum err reply_gate(struct req *rq, enum link_gate gate)
{
	switch (gate) {
	case GATE_NOT_YET:
		return page_reply_words(rq, 404, TEXT_NOT_YET_TITLE, TEXT_NOT_YET_TEXT);
	case GATE_CLOSED:
		return page_reply_words(rq, 410, TEXT_CLOSED_TITLE, TEXT_CLOSED_TEXT);
	default:
		return page_reply_words(rq, 404, TEXT_UNKNOWN_TITLE, TEXT_UNKNOWN_TEXT);
	}
}

/* Pages of a link stand in the frames that it allows, those that refuse too. */
static enum err frame(struct req *rq, const struct resolved *link, enum err e)
{
	if (!e)
		embed_allow(rq, link->link.embed);
	return e;
}

/* ---- GET ---- */

/* The code's parameters take the place of the address's. */
static enum err use_code(struct sitting *s, struct form_field **fields, size_t *n)
{
	struct code_use use;
	struct form_field *own;
	enum err e;

	if ((e = code_take(s->rq, &s->link->link, form_value(*fields, *n, S("code")), &use)))
		return e;
	if (!(own = arena_array(s->rq->arena, struct form_field, use.parameters->count + 1)))
		return ERR_MEMORY;
	for (*n = 0; *n < use.parameters->count; (*n)++)
		own[*n] = (struct form_field){use.parameters->members[*n].key, use.parameters->members[*n].value.s};
	*fields = own;
	s->own_key = use.key;
	return OK;
}

static enum err start(struct sitting *s)
{
	struct form_field *fields;
	struct str language;
	size_t n;
	enum err e;

	if ((e = form_read(s->rq->x->query, s->rq->arena, &fields, &n)) ||
	    (e = choose_language(s, fields, n, &language)))
		return e;
	if (s->link->link.single_use && (e = use_code(s, &fields, &n)))
		return e;
	if (s->link->link.once_per_device && (e = device_take(s->rq, &s->link->link, &s->own_key)))
		return e;
	if ((e = sitting_start(s, language, fields, n)) || !uuid_is_nil(&s->left))
		return e;
	/* The browser's back button shows this page again instead of beginning another interview, which would be
	 * stored beside the first. It holds no answers yet; pages that do are not kept. */
	reply_header(s->rq, S("Cache-Control"), S("private, no-cache"));
	return s->link->link.once_per_device ? device_tell(s->rq, &s->link->link, s->own_key) : OK;
}

/* *left: what this browser began is to be resumed instead. */
static enum err open_page(struct req *rq, const struct resolved *link, struct uuid *left)
{
	const struct uuid *survey_id = &link->link.survey_id, *tenant = &link->link.tenant_id;
	struct sitting s = {.rq = rq, .link = link, .fuel = PAGE_STEPS_MAX};
	const struct survey_program *survey;
	struct cache_entry *pin;
	enum err e;

	if (rq->tx)
		e = survey_program_get(rq->app, rq->tx, survey_id, link->live.number, rq->arena, &survey, &pin);
	else
		e = survey_program_peek(rq->app, tenant, survey_id, link->live.number, &survey, &pin);
	if (e)
		return e;
	s.program = survey->program;
	/* One survey's costly conditions must not hold up the I/O thread, which serves all. */
	if (!rq->tx)
		s.fuel = PAGE_INLINE_STEPS_MAX;
	e = start(&s);
	*left = s.left;
	cache_release(rq->app->cache, pin);
	return e == ERR_LIMIT && !rq->tx ? ERR_AGAIN : e;
}

/* Where it was left, on whatever device, by the version that it began with. */
static enum err resume(struct req *rq, const struct resolved *link, const struct uuid *id)
{
	struct sitting s = {.rq = rq, .link = link, .fuel = PAGE_STEPS_MAX};
	const struct survey_program *survey;
	struct cache_entry *pin;
	struct kept k;
	enum err e = kept_load(rq, link, id, &k);

	if (e == ERR_NOT_FOUND)
		return reply_stale(rq, &link->link);
	if (e)
		return e;
	if (k.over)
		return page_reply_words(rq, 410, TEXT_OVER_TITLE, TEXT_OVER_TEXT);
	s.state = k.state;
	if ((e = survey_program_get(
		 rq->app, rq->tx, &link->link.survey_id, k.survey_version, rq->arena, &survey, &pin)))
		return e;
	s.program = survey->program;
	e = sitting_resume(&s);
	cache_release(rq->app->cache, pin);
	return e;
}

/* With ?resume=TOKEN, or the code of one that is under way. *id nil: it is neither. */
static enum err find_left(struct req *rq, const struct resolved *link, struct uuid *id, bool *revoked)
{
	struct form_field *fields;
	struct code_use use = {0};
	struct str token;
	size_t n;
	enum err e;

	*id = (struct uuid){0};
	if (!link->link.single_use && !str_find(rq->x->query, S("resume="), NULL))
		return OK;
	/* It reads the database, which the I/O thread does not wait for. */
	if (!rq->tx)
		return ERR_AGAIN;
	if ((e = form_read(rq->x->query, rq->arena, &fields, &n)))
		return e;
	token = form_value(fields, n, S("resume"));
	if (token.n > 0)
		return resume_read(rq, &link->link.link_id, token, id);
	if (link->link.single_use && !(e = code_take(rq, &link->link, form_value(fields, n, S("code")), &use)))
		*id = use.open;
	*revoked = use.revoked;
	return e;
}

static enum err first_or_left(struct req *rq, const struct resolved *link)
{
	bool revoked = false;
	struct uuid id;
	enum err e = find_left(rq, link, &id, &revoked);

	if (revoked)
		return reply_gate(rq, GATE_CLOSED);
	if (e == ERR_INVALID)
		return reply_stale(rq, &link->link);
	if (e)
		return e;
	if (uuid_is_nil(&id) && ((e = open_page(rq, link, &id)) || uuid_is_nil(&id)))
		return e;
	return resume(rq, link, &id);
}

/* Whom a panel sent goes back to it, others are told. state: of the page that was posted, or NULL. */
static enum err shut_out(struct req *rq, const struct resolved *link, struct str status, const struct page_state *state)
{
	struct sitting s = {.rq = rq, .link = link};
	struct form_field *fields = NULL;
	bool back = false;
	enum err e = OK;
	size_t n = 0;

	if (link->gate == GATE_NOT_YET || link->link.panel.n == 0 || link_pass_check(rq, &link->link))
		return frame(rq, link, reply_gate(rq, link->gate == GATE_NOT_YET ? GATE_NOT_YET : GATE_CLOSED));
	/* its secret is read from the database */
	if (!rq->tx)
		return ERR_AGAIN;
	if (state)
		s.state = *state;
	else
		e = form_read(rq->x->query, rq->arena, &fields, &n);
	if (!e)
		e = sitting_send_back(&s, status, fields, n, &back);
	if (!e && !back)
		e = reply_gate(rq, GATE_CLOSED);
	return frame(rq, link, e ? reply_trouble(rq, e) : OK);
}

static enum err page_get_http(struct req *rq)
{
	struct resolved link;
	bool full = false;
	enum err e;

	/* Without a transaction this runs on the I/O thread: what is not at hand is left to a worker. */
	e = resolve(rq, rq->args[0], rq->tx ? RESOLVE_MAY_WAIT : 0, &link);
	if (!e && link.gate != GATE_OPEN)
		return shut_out(rq, &link, S("closed"), NULL);
	if (!e && (e = link_pass_check(rq, &link.link)) == ERR_UNAUTHENTICATED)
		return link_password_page(rq, &link.link, PASSWORD_ASK, NULL, 0);
	if (!e)
		e = link_full(rq, &link.link, &full);
	if (e)
		return reply_trouble(rq, e);
	if (full)
		return shut_out(rq, &link, S("quota_full"), NULL);
	e = first_or_left(rq, &link);
	return frame(rq, &link, e ? reply_trouble(rq, e) : OK);
}

/* ---- POST ---- */

static bool is_form(struct str type)
{
	return str_eq_nocase(str_trim(str_cut(&type, ';', NULL)), S("application/x-www-form-urlencoded"));
}

/* The version the interview began with, which need not be the one that runs now. */
static enum err continue_page(struct sitting *s, const struct form_field *fields, size_t n)
{
	const struct survey_program *survey;
	struct req *rq = s->rq;
	struct cache_entry *pin;
	enum err e;

	if ((e = survey_program_get(
		 rq->app, rq->tx, &s->link->link.survey_id, s->state.survey_version, rq->arena, &survey, &pin)))
		return e;
	s->program = survey->program;
	e = s->state.page < (int64_t)program_page_count(s->program) ? sitting_step(s, fields, n)
								    : reply_stale(rq, &s->link->link);
	cache_release(rq->app->cache, pin);
	return e;
}

/* What was answered stays on the page that asks for the password, as it was sent. */
static enum err ask_password(struct req *rq, const struct resolved *link)
{
	struct form_field *fields;
	size_t n;
	enum err e;

	if ((e = form_read(rq->x->body, rq->arena, &fields, &n)))
		return reply_trouble(rq, e);
	return link_password_page(rq, &link->link, PASSWORD_ASK, fields, n);
}

/* The link closed while the page lay open. */
static enum err shut_page(struct req *rq, const struct resolved *link)
{
	struct form_field *fields;
	struct page_state state = {0};
	size_t n;

	if (link->link.panel.n == 0 || form_read(rq->x->body, rq->arena, &fields, &n) ||
	    page_state_open(rq->app->vault, form_value(fields, n, S("state")), &link->link.link_id, clock_now_ms(),
		rq->arena, &state))
		return frame(rq, link, reply_gate(rq, link->gate));
	return shut_out(rq, link, S("closed"), &state);
}

static enum err post(struct req *rq, const struct resolved *link)
{
	struct sitting s = {.rq = rq, .link = link, .fuel = PAGE_STEPS_MAX};
	struct form_field *fields;
	size_t n;
	enum err e;

	if ((e = form_read(rq->x->body, rq->arena, &fields, &n)))
		return e;
	e = page_state_open(rq->app->vault, form_value(fields, n, S("state")), &link->link.link_id, clock_now_ms(),
	    rq->arena, &s.state);
	if (e == ERR_INVALID || (!e && clock_now_ms() - page_state_at(&s.state) > link->live.abandon_ms))
		return reply_stale(rq, &link->link);
	if (e)
		return e;
	/* It may have been revoked, or its answer removed, while this page lay open. */
	if (link->link.single_use && !s.state.saved && (e = code_check(rq, &link->link, s.state.key)))
		return e == ERR_GONE ? reply_gate(rq, GATE_CLOSED) : e;
	if (link->link.proof_bits > 0 && !s.state.proved) {
		s.state.proved = proof_holds(form_value(fields, n, S("state")),
		    form_value(fields, n, S(PAGE_PROOF_FIELD)), link->link.proof_bits);
		s.unproved = !s.state.proved && !link->link.proof_flags;
	}
	s.state.trapped |= form_value(fields, n, S(PAGE_TRAP_FIELD)).n > 0;
	if ((e = device_tell_apart(rq, link, &s.device_id)) || (e = continue_page(&s, fields, n)))
		return e;
	return device_told_apart(rq, link, s.device_id);
}

static enum err page_post_http(struct req *rq)
{
	struct resolved link;
	enum err e;

	if (!is_form(req_header(rq, S("Content-Type"))))
		return ERR_MEDIA_TYPE;
	e = resolve(rq, rq->args[0], RESOLVE_MAY_WAIT, &link);
	if (!e && link.gate != GATE_OPEN)
		return shut_page(rq, &link);
	if (!e && (e = link_pass_check(rq, &link.link)) == ERR_UNAUTHENTICATED)
		return ask_password(rq, &link);
	if (e)
		return reply_trouble(rq, e);
	e = post(rq, &link);
	return frame(rq, &link, e ? reply_trouble(rq, e) : OK);
}

const struct route page_routes[] = {
    {HTTP_GET, "/s/{slug}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, page_get_http, "First page of a survey",
	.flags = ROUTE_INLINE | ROUTE_PUBLIC_DB | ROUTE_HIDDEN | ROUTE_PAGE, .out_type = "text/html"},
    {HTTP_POST, "/s/{slug}", PERM_NONE, RATE_INTAKE, NULL, NULL, 200, page_post_http, "Next page of a survey",
	.flags = ROUTE_PUBLIC_DB | ROUTE_HIDDEN | ROUTE_RAW_BODY | ROUTE_SMALL_BODY | ROUTE_PAGE,
	.out_type = "text/html"},
    ROUTE_END,
};
