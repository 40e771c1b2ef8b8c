/* run.c - the walk over the pages. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/num.h"

static void take_member(struct run *r, const struct json_member *m)
{
	bool other;
	uint32_t at;

	if (program_answer_name(r->p, m->key, &at, &other)) {
		*(other ? &r->states[at].raw_other : &r->states[at].raw) = &m->value;
		return;
	}
	/* stored answers hold exported calculated values: they are worked out afresh */
	if (!program_calc_name(r->p, m->key) && r->unknown_count < ANSWER_ERRORS_MAX)
		r->unknown[r->unknown_count++] = m->key;
}

static void take_answers(struct run *r, const struct json *answers)
{
	if (!answers || answers->type != JSON_OBJECT ||
	    !(r->unknown = run_alloc(r, ANSWER_ERRORS_MAX, sizeof(*r->unknown))))
		return;
	for (uint32_t i = 0; i < answers->count; i++)
		take_member(r, &answers->members[i]);
}

/* What comes in by an address is text: "5" is a number where one is expected. */
static struct value param_value(struct run *r, enum value_kind kind, const struct json *j)
{
	struct value v;
	double num;
	int64_t t;

	if (value_from_json(r->a, j, &v)) {
		r->failed = ERR_MEMORY;
		return value_empty;
	}
	if (v.kind == V_TEXT && kind == V_NUM && num_read(str_trim(v.s), &num))
		return value_num(num);
	if (v.kind == V_TEXT && kind == V_BOOL && (str_eq(v.s, S("true")) || str_eq(v.s, S("false"))))
		return value_bool(v.s.n == 4);
	if (v.kind == V_TEXT && (K(kind) & K_TIMES) && moment_read(kind, v.s, &t))
		return value_time(kind, t);
	if (v.kind == V_NUM && kind == V_TEXT)
		return value_text(run_show(r, &v));
	return v.kind == kind ? v : value_empty;
}

static void take_params(struct run *r, const struct json *params)
{
	for (uint32_t i = 0; i < r->p->param_count; i++) {
		const struct json *j = json_get(params, program_str(r->p, r->p->param[i].name));

		if (j)
			r->params[i] = param_value(r, (enum value_kind)r->p->param[i].kind, j);
	}
}

enum err run_init_bare(struct run *r, const struct program *p, struct arena *a)
{
	*r = (struct run){.p = p, .a = a, .fuel = RUN_STEPS_MAX, .now = UINT32_MAX};
	r->stack = run_alloc(r, (p->stack + 1) * (size_t)VM_NESTED_MAX, sizeof(*r->stack));
	return r->failed;
}

enum err run_init(struct run *r, const struct interview *in, struct arena *a)
{
	const struct program *p = in->program;

	if (run_init_bare(r, p, a))
		return r->failed;
	r->in = in;
	r->language = program_language_index(p, in->language);
	r->states = run_alloc(r, p->question_count, sizeof(*r->states));
	r->calcs = run_alloc(r, p->calc_count, sizeof(*r->calcs));
	r->params = run_alloc(r, p->param_count, sizeof(*r->params));
	r->cells = run_alloc(r, p->cell_count, sizeof(*r->cells));
	r->on_way = run_alloc(r, p->page_count, sizeof(*r->on_way));
	if (r->failed)
		return r->failed;
	take_params(r, in->parameters);
	take_answers(r, in->answers);
	return r->failed;
}

bool page_shown(struct run *r, uint32_t page)
{
	const struct p_page *p = &r->p->page[page];

	for (uint32_t i = p->questions; i < p->questions + p->questions_count; i++)
		if (r->states[i].visible && r->p->question[i].type != Q_group)
			return true;
	return false;
}

void run_steps(struct run *r, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count && run_burn(r, 1); i++) {
		const struct p_step *s = &r->p->step[i];

		if (s->question)
			step_question(r, s->question - 1);
		if (s->calc)
			step_calc(r, s->calc - 1);
	}
}

int32_t run_rules(struct run *r, int32_t page, struct walk_end *end)
{
	for (uint32_t i = 0; i < r->p->rule_count && run_burn(r, 1); i++) {
		const struct p_rule *rule = &r->p->rule[i];

		if (!rule->outcome && (int32_t)rule->target - 1 <= page)
			continue; /* jumps go forward only */
		if (!vm_true(r, rule->when, false))
			continue;
		if (!rule->outcome)
			return (int32_t)rule->target - 1;
		end->page = page;
		end->outcome = &r->p->outcome[rule->outcome - 1];
		return -1;
	}
	return page + 1;
}

int32_t run_leave(struct run *r, int32_t page, int32_t next, struct walk_end *end)
{
	int32_t pages = (int32_t)r->p->page_count;

	if (end->outcome && !str_eq(program_str(r->p, end->outcome->name), S("completed")))
		return next;
	return quotas_look(r, page, next < 0 ? pages : next, end) ? -1 : next;
}

/* The page is not shown after all: what records were drawn for it is all that was wanted of it. */
static void turn_back(struct run *r, const struct p_page *p)
{
	for (uint32_t i = p->questions; i < p->questions + p->questions_count; i++)
		r->states[i].reached = r->states[i].visible = false;
	for (uint32_t i = p->steps; i < p->steps + p->steps_count && run_burn(r, 1); i++)
		if (r->p->step[i].calc)
			step_calc(r, r->p->step[i].calc - 1);
}

void run_walk(struct run *r, const struct walk_plan *plan, struct walk_end *end)
{
	int32_t pages = (int32_t)r->p->page_count, page = 0, next = 0, left = -1;

	*end = (struct walk_end){-1, NULL, false};
	run_steps(r, r->p->survey[0].steps, r->p->survey[0].steps_count);
	for (; page < pages && page <= plan->last && run_burn(r, 1); page++) {
		const struct p_page *p = &r->p->page[page];
		bool forced = plan->force_last && page == plan->last;

		if ((page < next || next < 0) && !forced)
			continue;
		if (!vm_true(r, p->visible_if, true) && !forced)
			continue;
		run_steps(r, p->steps, p->steps_count);
		if (!page_shown(r, (uint32_t)page))
			continue;
		if (next >= 0 && quotas_enter(r, left, page, end)) {
			turn_back(r, p);
			next = -1;
			continue;
		}
		r->on_way[page] = true;
		if (page <= plan->judge_to)
			judge_page(r, (uint32_t)page);
		if (next >= 0)
			next = run_leave(r, page, run_rules(r, page, end), end);
		left = page;
	}
	/* what depends on pages that did not come is known at the end */
	if (next >= 0 && plan->last == WALK_ALL && !r->failed)
		quotas_look(r, left, pages, end);
}
