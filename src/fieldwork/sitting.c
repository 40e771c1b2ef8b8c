#include "fieldwork/sitting.h"
#include "base/num.h"
#include "fieldwork/keeping.h"
#include "fieldwork/page_first.h"
#include "fieldwork/page_html.h"
#include "fieldwork/page_language.h"

void sitting_interview(struct sitting *s)
{
	s->in = (struct interview){
	    .program = s->program,
	    .seed = s->state.seed,
	    .now_ms = s->state.started_ms,
	    .language = s->state.language,
	    .parameters = s->state.parameters,
	    .answers = s->state.answers,
	    .fuel = &s->fuel,
	    .full = s->full.cells,
	    .full_count = s->full.n,
	    .filled = s->state.filled,
	    .filled_count = s->state.filled_count,
	    .drawn = s->state.drawn,
	    .individual = &s->individual,
	};
}

/* ---- showing ---- */

enum err sitting_show(struct sitting *s, int32_t page, const struct page_view *view, struct str note)
{
	struct page_frame frame = {.slug = s->link->link.slug, .note = note, .test = s->link->link.test};
	enum err e;

	s->state.page = page;
	frame.proof_bits = s->state.proved ? 0 : s->link->link.proof_bits;
	frame.proof_needed = !s->link->link.proof_flags;
	if ((e = interview_visible(&s->in, page, s->rq->arena, &s->state.shown, &s->state.shown_count)))
		return e;
	if ((e = page_state_seal(s->rq->app->vault, &s->state, s->rq->arena, &frame.state)))
		return e;
	if ((e = sitting_later(s, &frame.later)))
		return e;
	s->sealed = frame.state;
	frame.percent = program_show_progress(s->program) ? s->state.percent : -1;
	frame.back = s->state.back && program_show_back(s->program);
	return page_reply_questions(s->rq, 200, &frame, &s->in, page, view);
}

static int32_t percent_of(double progress)
{
	int percent = (int)(progress * 100 + 0.5);

	return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

/* Progress and the way back of a page that is not reached by Next: what leaving the page before it would say. */
static enum err place(struct sitting *s, int32_t page)
{
	struct verdict at, before;
	enum err e;

	if ((e = interview_run(&s->in, RUN_PAGE, page, s->rq->arena, &at)) ||
	    (e = interview_run(&s->in, RUN_PAGE, at.previous_page, s->rq->arena, &before)))
		return e;
	s->state.back = at.previous_page >= 0;
	s->state.percent = percent_of(before.progress);
	return OK;
}

static bool listed(const struct str *names, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static enum err show_incomplete(struct sitting *s)
{
	struct str language = s->state.language;
	struct page_message m = {
	    .language = page_text_language(language),
	    .title = page_text(TEXT_INCOMPLETE_TITLE, language),
	    .text = page_text(TEXT_INCOMPLETE_TEXT, language),
	};

	return page_reply_message(s->rq, 422, &m);
}

enum err sitting_show_errors(struct sitting *s, const struct verdict *v)
{
	struct page_view view = {.errors = v->errors, .error_count = v->error_count};
	int32_t from = s->state.page, pages = (int32_t)program_page_count(s->program);
	enum err e;

	/* The page at hand first, then the others from the beginning. */
	for (int32_t i = -1; i < pages; i++) {
		int32_t page = i < 0 ? from : i;
		struct str *names;
		size_t n;

		if ((e = interview_visible(&s->in, page, s->rq->arena, &names, &n)))
			return e;
		for (size_t k = 0; k < v->error_count; k++) {
			if (!listed(names, n, v->errors[k].question))
				continue;
			if (page != from && (e = place(s, page)))
				return e;
			if (page == from) {
				view.shown = s->state.shown;
				view.shown_count = s->state.shown_count;
			}
			return sitting_show(s, page, &view, S(""));
		}
	}
	/* Faults of no question: a parameter that the address should have brought along. */
	return show_incomplete(s);
}

/* ---- starting ---- */

static struct json parameter_value(const struct live_parameter *p, struct str text)
{
	struct json v = {.type = JSON_STR, .s = text};

	if (str_eq(p->type, S("number")) && num_read(text, &v.num)) {
		v.type = JSON_NUM;
		if (str_to_int(text, &v.i))
			v.type = JSON_INT;
	} else if (str_eq(p->type, S("boolean")) && (str_eq(text, S("true")) || str_eq(text, S("false")))) {
		v.b = str_eq(text, S("true"));
		v.type = JSON_BOOL;
	}
	return v;
}

/* The declared parameters among the query's fields; whatever else a panel or a newsletter appends is passed over. */
static enum err take_parameters(struct sitting *s, const struct form_field *fields, size_t n)
{
	const struct live_view *live = &s->link->live;
	struct json *object = arena_new(s->rq->arena, struct json);

	if (!object || !(object->members = arena_array(s->rq->arena, struct json_member, live->parameter_count + 1)))
		return ERR_MEMORY;
	object->type = JSON_OBJECT;
	for (size_t i = 0; i < live->parameter_count; i++) {
		struct str text = form_value(fields, n, live->parameters[i].name);

		if (text.n == 0)
			continue;
		object->members[object->count].key = live->parameters[i].name;
		object->members[object->count++].value = parameter_value(&live->parameters[i], text);
	}
	s->state.parameters = object;
	return OK;
}

static enum err new_key(struct arena *a, struct page_state *state)
{
	struct buf b;

	buf_init(&b, a, 64);
	buf_add(&b, S("page-"));
	buf_add(&b, uuid_str(a, &state->id));
	return buf_done(&b, &state->key);
}

/* An interview of this panelist is under way: whether this browser began it. The cookie may be another panelist's. */
static enum err find_left(struct sitting *s, struct str key)
{
	struct uuid id;
	struct kept k;
	enum err e;

	if ((e = panel_cookie_read(s->rq, &s->link->link, &id)))
		return e;
	if (uuid_is_nil(&id))
		return ERR_IN_PROGRESS;
	if ((e = kept_load(s->rq, s->link, &id, &k)))
		return e == ERR_NOT_FOUND ? ERR_IN_PROGRESS : e;
	if (!str_eq(k.key, key))
		return ERR_IN_PROGRESS;
	s->left = id;
	return OK;
}

static enum err come_from_panel(struct sitting *s)
{
	struct panel_use use;
	enum err e = panel_enter(s->rq, &s->link->link, s->state.parameters, &use);

	s->own_key = use.key;
	return !e && use.open ? find_left(s, use.key) : e;
}

static enum err refuse_start(struct sitting *s, enum err e)
{
	return e == ERR_INVALID ? show_incomplete(s) : e == ERR_IN_PROGRESS ? sitting_elsewhere(s) : e;
}

enum err sitting_start(struct sitting *s, struct str language, const struct form_field *fields, size_t n)
{
	struct page_view view = {0};
	struct quota_counts filled;
	struct verdict v;
	bool shown;
	enum err e;

	s->state = (struct page_state){
	    .link_id = s->link->link.link_id,
	    .survey_version = s->link->live.number,
	    .seed = random_u64(),
	    .started_ms = clock_now_ms(),
	    .language = language,
	};
	s->state.shown_ms = s->state.started_ms;
	s->state.id = uuid_new();
	if ((e = take_parameters(s, fields, n)))
		return e;
	if (s->link->link.panel.n > 0 && (e = come_from_panel(s)))
		return refuse_start(s, e);
	if (!uuid_is_nil(&s->left))
		return OK;
	s->state.key = s->own_key;
	if ((s->own_key.n == 0 && (e = new_key(s->rq->arena, &s->state))) ||
	    (e = quota_filled_now(s->rq->tx, s->rq->arena, s->program, &s->link->link.survey_id, &filled)) ||
	    (e = quota_draws(s->rq->arena, s->program, &s->state.drawn)))
		return e;
	s->state.filled = filled.used;
	s->state.filled_count = filled.n;
	if ((e = page_first_show(s, &shown)) || shown)
		return e;
	sitting_interview(s);
	if ((e = interview_run(&s->in, RUN_PAGE, -1, s->rq->arena, &v)))
		return e;
	if (v.error_count > 0)
		return show_incomplete(s);
	if ((e = sitting_show(s, v.next_page >= 0 ? v.next_page : 0, &view, S(""))))
		return e;
	page_first_keep(s);
	return OK;
}

enum err sitting_send_back(struct sitting *s, struct str status, const struct form_field *fields, size_t n, bool *back)
{
	const struct receipt nobody = {.status = status};
	struct str language = page_visitor_language(s->rq);
	struct page_message m = {.language = language,
	    .title = page_text(TEXT_CLOSED_TITLE, language),
	    .text = page_text(TEXT_CLOSED_TEXT, language),
	    .link_text = page_text(TEXT_CONTINUE, language),
	    .go = true};
	struct panel_use use;
	enum err e;

	*back = false;
	if (fields && (e = take_parameters(s, fields, n)))
		return e;
	if ((e = panel_enter(s->rq, &s->link->link, s->state.parameters, &use)))
		return e == ERR_INVALID || e == ERR_GONE ? OK : e;
	/* his interview may still end otherwise, and a panel is told one end */
	if (use.open)
		return OK;
	if ((e = panel_exit_load(s->rq, &s->link->link, &s->exit)))
		return e == ERR_NOT_FOUND ? OK : e;
	if ((e = panel_return(s->rq, &s->exit, &nobody, s->state.parameters, &m.link)) || m.link.n == 0)
		return e;
	*back = true;
	return page_reply_message(s->rq, 410, &m);
}

/* ---- stepping ---- */

static enum err show_again(struct sitting *s, struct str note)
{
	struct page_view view = {.shown = s->state.shown, .shown_count = s->state.shown_count};

	return sitting_show(s, s->state.page, &view, note);
}

static enum err step_language(struct sitting *s, struct str wish)
{
	s->state.language = program_language_pick(s->program, wish);
	sitting_interview(s);
	return show_again(s, S(""));
}

static enum err step_back(struct sitting *s)
{
	struct page_view view = {0};
	struct verdict v;
	enum err e;

	if ((e = interview_run(&s->in, RUN_PAGE, s->state.page, s->rq->arena, &v)))
		return e;
	if (v.previous_page < 0)
		return show_again(s, S(""));
	if ((e = place(s, v.previous_page)))
		return e;
	return sitting_show(s, v.previous_page, &view, S(""));
}

/* Whether the answers have brought up questions of this page that the respondent has not seen. */
static enum err more_to_ask(struct sitting *s, bool *more)
{
	struct str *names;
	size_t n;
	enum err e;

	*more = false;
	if ((e = interview_visible(&s->in, s->state.page, s->rq->arena, &names, &n)))
		return e;
	for (size_t i = 0; i < n; i++)
		*more |= !listed(s->state.shown, s->state.shown_count, names[i]);
	return OK;
}

/* What is asked next is not drawn: the page that decides it stays, as it was. */
static enum err not_drawn(struct sitting *s, const struct page_state *before)
{
	intake_abandon(s->rq);
	s->state = *before;
	return show_again(s, page_text(TEXT_BUSY_TEXT, s->state.language));
}

static enum err step_next(struct sitting *s)
{
	struct page_view view = {0};
	const struct page_state before = s->state;
	struct draw draw = {0};
	struct verdict v;
	bool more, over;
	enum err e;

	if ((e = more_to_ask(s, &more)))
		return e;
	if (more)
		return show_again(s, page_text(TEXT_MORE, s->state.language));
	if ((e = interview_run(&s->in, RUN_PAGE, s->state.page, s->rq->arena, &v)))
		return e;
	if (v.error_count > 0)
		return sitting_show_errors(s, &v);
	if (v.draws_at < 0 && (e = kept_drawn(&v, s->rq->arena, &s->state)))
		return e;
	if (v.next_page < 0 || v.outcome.n > 0)
		return sitting_finish(s);
	s->state.percent = percent_of(v.progress);
	s->state.back = true;
	draw.page = s->state.page;
	e = sitting_save(s, &v, v.draws_at < 0 ? NULL : &draw, &over);
	if (e && v.draws_at >= 0 && (e == ERR_INVALID || err_status(e) >= 500))
		return not_drawn(s, &before);
	if (e || over)
		return e;
	sitting_interview(s);
	return sitting_show(s, draw.done ? s->state.page : v.next_page, &view, S(""));
}

static enum err look_at_quotas(struct sitting *s)
{
	const struct quota_asker who = {&s->link->link.survey_id, s->state.saved ? &s->state.id : NULL};

	return quota_full(s->rq->tx, s->rq->arena, s->program, &who, &s->full);
}

enum err sitting_resume(struct sitting *s)
{
	struct page_view view = {0};
	enum err e;

	if ((e = look_at_quotas(s)))
		return e;
	sitting_interview(s);
	return sitting_show(s, s->state.page, &view, S(""));
}

enum err sitting_step(struct sitting *s, const struct form_field *fields, size_t n)
{
	struct str action = form_value(fields, n, S("action")), wish = form_value(fields, n, S("language"));
	bool record = form_value(fields, n, S("record")).n > 0;
	struct interview shown;
	struct json *answers;
	enum err e;

	if ((e = look_at_quotas(s)))
		return e;
	sitting_interview(s);
	if (s->unproved && str_eq(action, S("finish")))
		return show_again(s, page_text(TEXT_NOT_PROVED, s->state.language));
	/* Sent once more after a failure to store: the answers are all in the state. */
	if (str_eq(action, S("finish")))
		return sitting_finish(s);
	if ((e = interview_form(&s->in, s->state.page, fields, n, s->rq->arena, &answers)))
		return e;
	shown = s->in;
	s->state.answers = answers;
	sitting_interview(s);
	/* After a record was added or taken away others have its number, and other words. */
	if ((e = kept_consents(&s->in, s->state.page, record ? NULL : &shown, s->rq->arena, s->state.consents)))
		return e;
	if (wish.n > 0)
		return step_language(s, wish);
	/* Another record of a roster, or one less: the form has it already. */
	if (str_eq(action, S("refresh")) || record)
		return show_again(s, S(""));
	if (s->unproved)
		return show_again(s, page_text(TEXT_NOT_PROVED, s->state.language));
	if (str_eq(action, S("back")))
		return step_back(s);
	return step_next(s);
}
