/* simulate.c - one synthetic respondent from the first page to the end. */
#include "engine/simulate.h"
#include "base/limits.h"

#define ROUNDS_MAX 24	    /* at one page; then the respondent gives up */
#define ROUNDS_OF_SOME 4    /* then the whole page is answered anew */
#define RECORD_PASSES_MAX 6 /* answers in a record make others appear */
#define RECORDS_ADDED_MAX 3 /* beyond what a roster asks for */

/* ---- events ---- */

static void put_answer(struct simulator *s, struct str name, const struct json *value)
{
	if (!s->out)
		return;
	json_open(s->out, '{');
	json_field_str(s->out, S("answer"), name);
	json_key(s->out, S("value"));
	if (value)
		json_put(s->out, value);
	else
		json_put_null(s->out);
	json_close(s->out, '}');
}

static void put_move(struct simulator *s, struct str where)
{
	if (!s->out)
		return;
	json_open(s->out, '{');
	json_field_str(s->out, S("page"), where);
	json_close(s->out, '}');
}

static struct str other_name(struct simulator *s, struct str name)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, s->r.a, 200);
	buf_add(&b, name);
	buf_add(&b, S("_other"));
	if (buf_done(&b, &out))
		s->r.failed = ERR_MEMORY;
	return out;
}

/* ---- answers ---- */

static const struct json *kept(struct simulator *s, struct json v)
{
	struct json *copy = run_alloc(&s->r, 1, sizeof(*copy));

	if (copy)
		*copy = v;
	return copy;
}

static struct json text_json(struct str s)
{
	return (struct json){.type = JSON_STR, .s = s};
}

static void give(struct simulator *s, uint32_t question)
{
	struct state *st = &s->r.states[question];
	struct str name = program_str(s->r.p, s->r.p->question[question].name), other;
	const struct json *before = s->raw[question], *other_before = st->raw_other;
	struct json v;

	s->raw[question] = NULL;
	if (draw_fitting(s, question, &v, &other))
		s->raw[question] = kept(s, v);
	if (s->raw[question] || before)
		put_answer(s, name, s->raw[question]);
	st->raw = s->raw[question];
	st->raw_other = other_before; /* what was tried is gone */
	if (other.n) {
		st->raw_other = kept(s, text_json(other));
		if (st->raw_other)
			put_answer(s, other_name(s, name), st->raw_other);
	}
	if (!s->r.failed)
		answer_take(&s->r, question);
}

/* What is visible in the open record and not answered yet. Members are added to `record`, which has room for them. */
static bool fill_record(struct simulator *s, uint32_t roster, struct json *record, bool *asked)
{
	uint32_t span = s->r.p->question[roster].span;
	bool news = false;

	for (uint32_t i = 0; i < span && !s->r.failed; i++) {
		uint32_t question = roster + 1 + i;
		struct str name = program_str(s->r.p, s->r.p->question[question].name), other;
		struct json v;

		if (asked[i] || !s->r.states[question].visible)
			continue;
		asked[i] = true;
		if (!draw_fitting(s, question, &v, &other))
			continue;
		news = true;
		record->members[record->count++] = (struct json_member){.key = name, .value = v};
		if (other.n)
			record->members[record->count++] =
			    (struct json_member){.key = other_name(s, name), .value = text_json(other)};
	}
	return news;
}

static struct json item_json(const struct value *v)
{
	if (v->kind == V_NUM)
		return (struct json){.type = JSON_INT, .i = (int64_t)v->num};
	return text_json(v->s);
}

/* As many empty records as there are to be. */
static struct json *blank_records(struct simulator *s, uint32_t roster)
{
	const struct p_question *q = &s->r.p->question[roster];
	const struct state *st = &s->r.states[roster];
	uint32_t n = st->record_count, room = record_room(&s->r, roster);
	struct json *all = run_alloc(&s->r, 1, sizeof(*all));

	if (!q->over && !q->over_from) {
		n += s->sparing && chance(s, 40) ? 0 : rng_below(&s->rng, RECORDS_ADDED_MAX + 1);
		n += n == 0 && s->strict && !s->sparing;
		n = n > room ? room : n;
	}
	if (!all || !(all->items = run_alloc(&s->r, n, sizeof(*all->items))))
		return NULL;
	all->type = JSON_ARRAY;
	for (all->count = 0; all->count < n && !s->r.failed; all->count++) {
		struct json *one = &all->items[all->count];

		*one = (struct json){.type = JSON_OBJECT};
		one->members = run_alloc(&s->r, 2 * (size_t)q->span + 1, sizeof(*one->members));
		if (one->members && q->over_from)
			one->members[one->count++] =
			    (struct json_member){.key = S("_item"), .value = item_json(&st->records[all->count].item)};
	}
	return all;
}

/* mark: before the records were looked at without any answers. */
static void give_records(struct simulator *s, uint32_t roster, uint32_t mark)
{
	uint32_t span = s->r.p->question[roster].span;
	struct json *all = blank_records(s, roster);
	bool news = true, *asked = all ? run_alloc(&s->r, (size_t)all->count * span, sizeof(*asked)) : NULL;

	if (!asked || s->r.failed)
		return;
	for (int pass = 0; news && pass < RECORD_PASSES_MAX && !s->r.failed; pass++) {
		news = false;
		cover_forget(s, mark);
		s->r.states[roster].raw = all;
		step_question(&s->r, roster);
		for (uint32_t i = 0; i < all->count && i < s->r.states[roster].record_count && !s->r.failed; i++) {
			record_open(&s->r, roster, i);
			news |= fill_record(s, roster, &all->items[i], asked + (size_t)i * span);
			record_close(&s->r);
		}
	}
	if (news) {
		cover_forget(s, mark);
		step_question(&s->r, roster);
	}
	s->raw[roster] = all;
	put_answer(s, program_str(s->r.p, s->r.p->question[roster].name), all);
}

/* ---- pages ---- */

static void take_question(struct simulator *s, uint32_t question)
{
	enum question_type type = (enum question_type)s->r.p->question[question].type;
	uint32_t mark = cover_mark(s);

	/* nothing is left of what it was when the page was refused: hidden now, it has no answer */
	s->r.states[question] = (struct state){.raw = s->raw[question], .raw_other = s->r.states[question].raw_other};
	step_question(&s->r, question);
	if (!s->r.states[question].visible || s->drawn[question] || s->r.failed || type == Q_group || type == Q_note)
		return;
	s->drawn[question] = true;
	s->strict = s->again[question];
	if (type == Q_roster)
		give_records(s, question, mark);
	else
		give(s, question);
}

static void take_steps(struct simulator *s, const struct p_page *page)
{
	for (uint32_t i = page->steps; i < page->steps + page->steps_count && !s->r.failed; i++) {
		if (s->r.p->step[i].question)
			take_question(s, s->r.p->step[i].question - 1);
		if (s->r.p->step[i].calc)
			step_calc(&s->r, s->r.p->step[i].calc - 1);
	}
}

/* Questions with errors are drawn again; all of the page when that has not helped. */
static void again(struct simulator *s, const struct p_page *page, bool all)
{
	s->sparing = all;
	for (uint32_t i = page->questions; all && i < page->questions + page->questions_count; i++) {
		s->again[i] = s->drawn[i];
		s->drawn[i] = false;
	}
	for (uint32_t i = 0; !all && i < s->r.error_count; i++) {
		struct str path = s->r.errors[i].question;
		uint32_t question;
		bool other;

		if (!program_answer_name(s->r.p, str_cut(&path, '-', NULL), &question, &other))
			continue;
		s->again[question] = true;
		s->drawn[question] = false;
	}
}

/* The page with answers that hold; false when none are found. */
static bool answer_page(struct simulator *s, uint32_t page)
{
	uint32_t mark = cover_mark(s);

	for (int round = 1; !s->r.failed; round++) {
		s->r.fuel = RUN_STEPS_MAX; /* of one page, as for a respondent */
		take_steps(s, &s->r.p->page[page]);
		if (s->r.failed || !page_shown(&s->r, page))
			break;
		s->r.error_count = 0;
		judge_page(&s->r, page);
		if (!s->r.error_count)
			break;
		put_move(s, S("next")); /* refused */
		if (round == ROUNDS_MAX)
			return false;
		cover_forget(s, mark);
		again(s, &s->r.p->page[page], round % ROUNDS_OF_SOME == 0);
	}
	return true;
}

/* Some go back to see what they said, and come on again. */
static void look_back(struct simulator *s, int32_t left)
{
	if (left < 0 || !program_show_back(s->r.p) || !chance(s, 2))
		return;
	put_move(s, S("back"));
	put_move(s, S("next"));
}

/* The page where the respondent gave up, or -1. */
static int32_t walk(struct simulator *s, struct walk_end *end)
{
	int32_t pages = (int32_t)s->r.p->page_count, next = 0, left = -1;
	uint32_t mark = cover_mark(s);

	*end = (struct walk_end){-1, NULL, false};
	run_steps(&s->r, s->r.p->survey[0].steps, s->r.p->survey[0].steps_count);
	for (int32_t page = 0; page < pages && next >= 0 && !s->r.failed; page++) {
		bool comes = page >= next && vm_true(&s->r, s->r.p->page[page].visible_if, true);

		if (comes && !answer_page(s, (uint32_t)page)) {
			cover_page(s, (uint32_t)page); /* with its refused answers: it was seen, they were given */
			return page;
		}
		if (!comes || !page_shown(&s->r, (uint32_t)page))
			continue;
		s->r.on_way[page] = true;
		cover_page(s, (uint32_t)page);
		look_back(s, left);
		next = run_leave(&s->r, page, run_rules(&s->r, page, end), end);
		cover_settle(s, mark);
		mark = cover_mark(s);
		put_move(s, S("next"));
		left = page;
	}
	if (next >= 0 && !s->r.failed)
		quotas_look(&s->r, left, pages, end);
	return -1;
}

/* ---- the interview ---- */

static void draw_parameters(struct simulator *s, struct json *object)
{
	const struct program *p = s->r.p;

	object->type = JSON_OBJECT;
	if (!(object->members = run_alloc(&s->r, p->param_count, sizeof(*object->members))))
		return;
	for (uint32_t i = 0; i < p->param_count; i++) {
		struct json v = text_json(S(""));

		if (p->param[i].kind == V_NUM)
			v = (struct json){.type = JSON_INT, .i = rng_below(&s->rng, 1000)};
		else if (p->param[i].kind == V_BOOL)
			v = (struct json){.type = JSON_BOOL, .b = chance(s, 50)};
		else if (p->param[i].kind == V_DATE)
			v.s = S("2026-01-31");
		else if (p->param[i].kind == V_TIME)
			v.s = S("12:30");
		else if (p->param[i].kind == V_DATETIME)
			v.s = S("2026-01-31T12:30:00Z");
		else
			v.s = draw_words(s, 1, 1);
		object->members[object->count++] =
		    (struct json_member){.key = program_str(p, p->param[i].name), .value = v};
	}
}

static void open_line(struct simulator *s, struct buf *events)
{
	char digits[17];

	for (int i = 0; i < 16; i++)
		digits[i] = "0123456789abcdef"[s->in.seed >> (60 - 4 * i) & 15];
	json_out_init(s->out, events);
	json_open(s->out, '{');
	json_field_str(s->out, S("seed"), str_make(digits, 16));
	json_field_int(s->out, S("now_ms"), s->in.now_ms);
	json_field_str(s->out, S("language"), s->in.language);
	if (s->in.parameters->count) {
		json_key(s->out, S("parameters"));
		json_put(s->out, s->in.parameters);
	}
	json_key(s->out, S("events"));
	json_open(s->out, '[');
}

static enum err prepare(struct simulator *s, struct arena *a)
{
	const struct program *p = s->in.program;
	struct json *parameters = arena_new(a, struct json);

	if (!parameters)
		return ERR_MEMORY;
	s->r = (struct run){.p = p, .a = a};
	rng_init(&s->rng, s->in.seed, 0x73696d);
	s->in.language = program_language_at(p, rng_below(&s->rng, (uint32_t)program_language_count(p)));
	draw_parameters(s, parameters);
	s->in.parameters = parameters;
	if (s->r.failed || run_init(&s->r, &s->in, a))
		return ERR_MEMORY;
	s->r.notes = s->coverage ? &s->coverage->notes : NULL;
	s->again = run_alloc(&s->r, p->question_count, sizeof(*s->again));
	s->drawn = run_alloc(&s->r, p->question_count, sizeof(*s->drawn));
	s->raw = run_alloc(&s->r, p->question_count, sizeof(*s->raw));
	return s->r.failed;
}

enum err interview_simulate(const struct program *p, uint64_t seed, int64_t now_ms, struct arena *a,
    struct coverage *coverage, struct buf *events)
{
	struct simulator s = {.in = {.program = p, .seed = seed, .now_ms = now_ms}, .coverage = coverage};
	struct walk_end end;
	struct json_out out;
	int32_t stuck;
	enum err e;

	if ((e = prepare(&s, a)))
		return e;
	if (events) {
		s.out = &out;
		open_line(&s, events);
	}
	stuck = walk(&s, &end);
	if (events) {
		json_close(&out, ']');
		json_close(&out, '}');
		buf_char(events, '\n');
	}
	if (!s.r.failed && coverage)
		cover_end(&s, &end, stuck);
	return s.r.failed;
}
