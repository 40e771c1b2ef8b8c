/* solve.c - sets of possible answers, and the search over them. solve_eval.c works out conditions. */
#include "engine/solve.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/shim.h"

#define SEARCH_NODES_MAX 20000
#define SURVEY_NODES_MAX 300000
#define SOLVE_CHOICES_MAX 512
/* What a search may keep is counted in units of eight bytes as they are where pointers are longest: it must give up at the same point on
 * every machine. The arena has room for more, so it refuses only what the source refuses. */
#define SEARCH_UNITS_MAX 1048576
#define SCRATCH_MAX_BYTES (32 * MB)
#define FACT_UNITS 20
#define NOT_UNITS 3
#define FACTS_UNITS ((SOLVE_FACTS_MAX + 1) * FACT_UNITS)
#define FAR 1e300

_Static_assert(sizeof(struct fact) <= FACT_UNITS * 8, "a fact is counted for what it takes");

bool solver_init(struct solver *s, struct def *d)
{
	*s = (struct solver){.d = d, .budget = SURVEY_NODES_MAX};
	arena_init(&s->scratch, d->a->source, SCRATCH_MAX_BYTES);
	s->never = arena_array(d->a, bool, d->question_count + 1);
	return s->never != NULL;
}

void solver_free(struct solver *s)
{
	arena_free(&s->scratch);
}

/* ---- choices ---- */

static bool bit(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

static uint32_t bits(const uint64_t *set, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		n += bit(set, i);
	return n;
}

static uint64_t *set_with(struct solver *s, const struct fact *f, const uint64_t *from)
{
	uint64_t *set = solve_keep(s, (f->count / 64 + 1) * sizeof(*set), f->count / 64 + 1);

	if (set && from)
		mem_copy(set, from, (f->count / 64 + 1) * sizeof(*set));
	return set;
}

uint32_t fact_choice(const struct fact *f, const struct node *literal)
{
	for (uint32_t i = 0; i < f->count; i++) {
		const struct def_choice *c = f->choices[i];

		if (literal->kind == N_TEXT ? !c->is_number && str_eq(c->text, literal->text)
					    : c->is_number && (double)c->number == literal->num)
			return i;
	}
	return UINT32_MAX;
}

static bool known(const struct def_choice *const *list, uint32_t n, const struct def_choice *c)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i]->is_number == c->is_number && str_eq(list[i]->text, c->text))
			return true;
	return false;
}

/* Every choice that the answer could hold, those carried forward too. */
static bool take_choices(struct solver *s, struct fact *f, const struct def_question *q)
{
	const struct def_choice **list = solve_keep(s, SOLVE_CHOICES_MAX * sizeof(*list), SOLVE_CHOICES_MAX);
	uint64_t *all;

	for (uint32_t hops = 0; list && q && hops < CARRIED_QUESTIONS_MAX; hops++, q = q->from) {
		const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;

		for (uint32_t i = 0; i < own->count; i++) {
			const struct def_choice *c = &own->list[i];

			if (hops && known(list, f->count, c))
				continue;
			if (f->count == SOLVE_CHOICES_MAX || s->left < 1 + hops * f->count)
				return false;
			s->left -= hops * f->count;
			f->loose |= c->visible_if.at || c->enable_if.at;
			list[f->count++] = c;
		}
	}
	f->choices = list;
	f->must = set_with(s, f, NULL);
	f->may = all = set_with(s, f, NULL);
	for (uint32_t i = 0; all && i < f->count; i++)
		if (!s->given || list[i]->role <= ROLE_OTHER)
			all[i / 64] |= 1ull << i % 64;
	return all && f->must;
}

/* ---- what a question's answer can be ---- */

static bool has(const struct def_question *q, struct str key)
{
	return json_get(q->json, key) != NULL;
}

/* A rule could jump over the page. */
static bool jumped_over(const struct def *d, const struct def_page *p)
{
	for (uint32_t i = 0; p->index && i < d->rule_count; i++)
		if (d->rules[i].target && d->rules[i].target->index > p->index)
			return true;
	return false;
}

bool question_always_shown(const struct def *d, const struct def_question *q)
{
	const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;
	bool choosable = !(type_rows[q->type].groups & P_CHOICES);

	if (q->roster || q->page->visible_if.at || jumped_over(d, q->page) || has(q, S("choice_filter")))
		return false;
	for (uint32_t i = 0; i < own->count && !choosable; i++)
		choosable = !own->list[i].visible_if.at && !own->list[i].enable_if.at;
	for (const struct def_question *up = q; up; up = up->parent)
		if (up->visible_if.at || has(up, S("read_only")) || has(up, S("enable_if")))
			return false;
	return choosable;
}

static double written(const struct node *n, double otherwise)
{
	return n && (n->kind == N_NUM || n->kind == N_DATE || n->kind == N_TIME) ? n->num : otherwise;
}

static void take_range(struct fact *f, const struct def_question *q)
{
	bool steps = q->has_step && q->step == number_trunc(q->step) && q->low == number_trunc(q->low);
	bool whole = q->integer || q->type == Q_rating || steps;

	f->low = f->judged ? written(q->min_tree, -FAR) : -FAR;
	f->high = f->judged ? written(q->max_tree, FAR) : FAR;
	f->whole = q->type == Q_date || q->type == Q_time || (f->judged && whole);
}

/* By more than what a fact holds. */
static bool narrowed(const struct def_question *q)
{
	static const char *const keys[] = {"step", "decimals", "pattern", "input", "min_length", "max_length"};
	bool some = q->from || q->validator_count || (q->min_tree && written(q->min_tree, FAR) == FAR) ||
		    (q->max_tree && written(q->max_tree, FAR) == FAR);

	for (size_t i = 0; i < countof(keys); i++)
		some |= has(q, str_from(keys[i]));
	return some;
}

static bool take_question(struct solver *s, struct fact *f, const struct def_question *q)
{
	bool shown = question_always_shown(s->d, q);

	/* until its page is left an answer may be any of its type; validators are asked of what keeps the limits */
	f->judged = s->leaving || q->type == Q_rating || f->reference == R_SELF || q->page->index < s->passed;
	switch (q->type) {
	case Q_single:
	case Q_multi:
	case Q_rank:
		f->kind = q->type == Q_single ? FACT_ONE : FACT_MANY;
		if (!take_choices(s, f, q))
			return false;
		break;
	case Q_number:
	case Q_rating:
	case Q_slider:
	case Q_date:
	case Q_time:
		f->kind = FACT_NUM;
		take_range(f, q);
		break;
	case Q_boolean:
	case Q_consent:
		f->kind = FACT_BOOL;
		f->yes = true;
		f->no = q->type == Q_boolean;
		break;
	case Q_text:
		f->kind = FACT_TEXT;
		break;
	default:
		return false;
	}
	f->value = !s->never[q->index];
	f->empty = !(q->required && shown && q->page->index < s->passed);
	f->loose |= !shown || narrowed(q);
	return true;
}

static bool take_param(struct fact *f, const struct def_param *p)
{
	f->kind = p->kind == V_TEXT ? FACT_TEXT : p->kind == V_BOOL ? FACT_BOOL : FACT_NUM;
	f->low = -FAR;
	f->high = FAR;
	f->whole = p->kind == V_DATE;
	f->yes = f->no = f->value = true;
	f->empty = !p->required;
	return p->kind == V_TEXT || p->kind == V_BOOL || p->kind == V_NUM || p->kind == V_DATE;
}

static bool take(struct solver *s, struct fact *f)
{
	switch (f->reference) {
	case R_PARAM:
		return take_param(f, f->param);
	case R_ANSWER:
		if (f->field.p || !take_question(s, f, f->question))
			return false;
		break;
	case R_SELF:
		if (!s->self || !take_question(s, f, s->self))
			return false;
		f->question = s->self;
		f->empty = false; /* validators are asked of answers only */
		if (s->free_self && f->kind == FACT_NUM) {
			f->low = -FAR;
			f->high = FAR;
		}
		return true;
	default:
		return false;
	}
	f->empty &= !s->given || !f->value;
	return true;
}

uint32_t solve_fact(struct solver *s, const struct node *n)
{
	struct fact *f = &s->facts[s->fact_count];
	uint32_t i;

	for (i = 0; i < s->fact_count; i++) {
		const struct fact *g = &s->facts[i];

		if (g->reference == n->reference && (g->reference == R_SELF || g->question == n->question) &&
		    g->param == n->param && str_eq(g->field, n->field))
			return i;
	}
	if (s->fact_count == SOLVE_FACTS_MAX)
		return UINT32_MAX;
	*f = (struct fact){.question = n->question, .param = n->param, .field = n->field, .reference = n->reference};
	if (!take(s, f)) {
		s->left -= s->left < 64 ? s->left : 64;
		return UINT32_MAX;
	}
	s->fact_count++;
	return i;
}

/* ---- cutting ---- */

/* Where there is an order, choices are numbers. */
static bool cut_one(struct solver *s, struct fact *f, const struct split *at, unsigned part)
{
	uint64_t *may = set_with(s, f, NULL);
	uint32_t same = fact_choice(f, at->literal);

	for (uint32_t i = 0; may && i < f->count; i++) {
		double off = (double)f->choices[i]->number - at->literal->num;
		unsigned in = at->ordered ? (off < 0	  ? PART_BELOW
						: off > 0 ? PART_ABOVE
							  : PART_IS)
			      : i == same ? PART_IS
					  : PART_BELOW;

		if (in == part && bit(f->may, i))
			may[i / 64] |= 1ull << i % 64;
	}
	f->may = may;
	return may && bits(may, f->count) > 0;
}

/* Where fewer choices are offered than are wanted, fewer do. */
static bool all_offered(const struct def_question *q)
{
	const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;

	for (uint32_t i = 0; i < own->count; i++)
		if (own->list[i].visible_if.at || own->list[i].enable_if.at)
			return false;
	return !q->from && !q->choice_filter.at;
}

/* Choices that stand alone, and how many there may be. */
static bool many_possible(const struct fact *f)
{
	const struct def_question *q = f->question;
	uint32_t least = bits(f->must, f->count), most = bits(f->may, f->count);
	bool alone = false;

	for (uint32_t i = 0; i < f->count; i++) {
		if (bit(f->must, i) && !bit(f->may, i))
			return false;
		alone |= f->judged && bit(f->must, i) && f->choices[i]->exclusive;
	}
	return most > 0 && !(alone && least > 1) &&
	       !(f->judged && q->at_least > 0 && most < q->at_least && all_offered(q)) &&
	       !(f->judged && q->at_most >= 0 && least > q->at_most);
}

static bool cut_many(struct solver *s, struct fact *f, const struct node *literal, unsigned part)
{
	uint64_t *set = set_with(s, f, part == PART_IS ? f->must : f->may);
	uint32_t at = fact_choice(f, literal);

	if (!set || at == UINT32_MAX || part == PART_ABOVE)
		return false;
	if (part == PART_IS) {
		set[at / 64] |= 1ull << at % 64;
		f->must = set;
	} else {
		set[at / 64] &= ~(1ull << at % 64);
		f->may = set;
	}
	return many_possible(f);
}

static bool cut_num(struct fact *f, double v, unsigned part)
{
	if (part == PART_IS) {
		if (v < f->low || v > f->high || (v == f->low && f->low_open) || (v == f->high && f->high_open) ||
		    (f->whole && v != number_floor(v)))
			return false;
		f->low = f->high = v;
		f->low_open = f->high_open = false;
		return true;
	}
	if (part == PART_BELOW && v <= f->high) {
		f->high = f->whole ? number_floor(v) - (v == number_floor(v)) : v;
		f->high_open = !f->whole;
	}
	if (part == PART_ABOVE && v >= f->low) {
		f->low = f->whole ? number_floor(v) + 1 : v;
		f->low_open = !f->whole;
	}
	return f->low < f->high || (f->low == f->high && !f->low_open && !f->high_open);
}

static bool cut_text(struct solver *s, struct fact *f, struct str text, unsigned part)
{
	struct not_text *no;

	if (part == PART_ABOVE)
		return false;
	if (part == PART_IS) {
		for (const struct not_text *n = f->nots; n; n = n->next)
			if (str_eq(n->text, text))
				return false;
		if (f->is.n && !str_eq(f->is, text))
			return false;
		f->is = text;
		return true;
	}
	if (str_eq(f->is, text))
		return false;
	if (!(no = solve_keep(s, sizeof(*no), NOT_UNITS)))
		return false;
	*no = (struct not_text){f->nots, text};
	f->nots = no;
	return true;
}

bool fact_cut(struct solver *s, const struct fact *f, const struct split *at, unsigned part, struct fact *out)
{
	*out = *f;
	if (part == PART_EMPTY) {
		out->value = false;
		return f->empty;
	}
	out->empty = false;
	if (!f->value || (at->on_empty && part != PART_IS))
		return false;
	if (at->on_empty)
		return f->kind != FACT_MANY || many_possible(f);
	switch (f->kind) {
	case FACT_ONE:
		return cut_one(s, out, at, part);
	case FACT_MANY:
		return cut_many(s, out, at->literal, part);
	case FACT_NUM:
		return cut_num(out, at->literal->num, part);
	case FACT_TEXT:
		return cut_text(s, out, at->literal->text, part);
	default:
		out->yes &= (part == PART_IS) == at->literal->b;
		out->no &= (part == PART_IS) != at->literal->b;
		return part != PART_ABOVE && (out->yes || out->no);
	}
}

/* ---- the search ---- */

/* Who has answered a question was shown it. */
static enum tri shown(struct solver *s, const struct def_question *q)
{
	enum tri all = q->page->visible_if.tree ? solve_holds(s, q->page->visible_if.tree, q->page->index) : TRI_YES;

	for (const struct def_question *up = q; up && all != TRI_NO; up = up->parent) {
		enum tri t = up->visible_if.tree ? solve_holds(s, up->visible_if.tree, q->page->index + 1) : TRI_YES;

		all = t == TRI_YES ? all : t;
	}
	return all;
}

/* Whether all goals hold, or some could go either way. */
static enum tri all_hold(struct solver *s, const struct goal *goals)
{
	enum tri all = TRI_YES, t;

	for (const struct goal *g = goals; g; g = g->next) {
		t = solve_holds(s, g->node, g->pages);
		if (t == (g->want ? TRI_NO : TRI_YES))
			return TRI_NO;
		all = t == TRI_MAYBE ? t : all;
	}
	for (uint32_t i = 0; i < s->fact_count; i++) {
		if (s->facts[i].empty || s->facts[i].reference != R_ANSWER)
			continue;
		t = shown(s, s->facts[i].question);
		if (t == TRI_NO)
			return t;
		all = t == TRI_MAYBE ? t : all;
	}
	for (uint32_t i = 0; i < s->fact_count; i++)
		s->exact &= !s->facts[i].loose;
	return all;
}

static enum found search(struct solver *s, const struct goal *goals, uint32_t depth)
{
	enum found best = FOUND_NEVER;
	struct fact *facts, mine;
	struct split split;
	uint32_t count;
	enum tri t;

	s->split.found = false;
	s->exact = true;
	t = all_hold(s, goals);
	if (!s->left)
		return FOUND_MAYBE;
	if (t != TRI_MAYBE)
		return t == TRI_NO ? FOUND_NEVER : s->exact ? FOUND_SURELY : FOUND_MAYBE;
	if (!s->split.found || depth > EXPRESSION_DEPTH_MAX)
		return FOUND_MAYBE;
	split = s->split;
	count = s->fact_count;
	if (!(facts = solve_keep(s, (SOLVE_FACTS_MAX + 1) * sizeof(*facts), FACTS_UNITS)))
		return FOUND_MAYBE;
	mem_copy(facts, s->facts, count * sizeof(*facts));
	for (unsigned part = 0; part < PARTS && best < (s->sure ? FOUND_SURELY : FOUND_MAYBE); part++) {
		enum found found;

		if (!fact_cut(s, &facts[split.fact], &split, part, &mine))
			continue;
		mem_copy(s->facts, facts, count * sizeof(*facts));
		s->fact_count = count;
		s->facts[split.fact] = mine;
		found = search(s, goals, depth + 1);
		if (found > best)
			best = found;
	}
	return s->left ? best : FOUND_MAYBE;
}

enum found solve(struct solver *s, const struct goal *goals, uint32_t passed)
{
	uint32_t before = s->budget < SEARCH_NODES_MAX ? s->budget : SEARCH_NODES_MAX;
	enum found found;

	arena_reset(&s->scratch);
	s->units = SEARCH_UNITS_MAX;
	s->facts = solve_keep(s, (SOLVE_FACTS_MAX + 1) * sizeof(*s->facts), FACTS_UNITS);
	s->fact_count = 0;
	s->passed = passed;
	s->left = before;
	if (!before || !s->facts)
		return FOUND_MAYBE;
	found = search(s, goals, 0);
	s->budget -= before - s->left;
	return found;
}
