/* choices.c - the choices of a question as they stand for this respondent, their labels, and orders drawn from the seed. */
#include "engine/run.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/rng.h"

struct value choice_value(const struct program *p, const struct p_choice *c)
{
	return c->number ? value_num(program_num(p, c->number)) : value_text(program_str(p, c->text));
}

const struct choice_view *choices_find(const struct state *s, const struct value *v)
{
	for (uint32_t i = 0; i < s->choice_count; i++)
		if (value_same(&s->choices[i].value, v))
			return &s->choices[i];
	return NULL;
}

static bool is_chosen(const struct state *s, const struct value *v)
{
	return s->value.kind == V_LIST ? value_in(v, &s->value) : value_same(v, &s->value);
}

/* The filter is about the choices themselves; "other", "none of these" and their like stay beside whatever it leaves. */
static bool is_offered(struct run *r, const struct p_question *q, const struct choice_view *v)
{
	bool holds;

	if (!q->choice_filter || v->choice->role)
		return true;
	r->choice = v;
	holds = vm_true(r, q->choice_filter, true);
	r->choice = NULL;
	return holds;
}

/* What is carried forward: without "none of these" and its like, with the text that was typed for an `other`. */
static uint32_t carry(struct run *r, const struct p_question *q, struct choice_view *views)
{
	const struct state *from = state_seen(r, q->choices_from - 1);
	uint32_t n = 0;

	if (!from->reached || !from->visible)
		return 0;
	for (uint32_t i = 0; i < from->choice_count && n < QUESTION_CHOICES_MAX; i++) {
		struct choice_view v = from->choices[i];
		bool chosen = is_chosen(from, &v.value);

		if (v.choice->role > ROLE_OTHER || (q->from_mode == FROM_SELECTED && !chosen) ||
		    (q->from_mode == FROM_UNSELECTED && chosen) || !is_offered(r, q, &v))
			continue;
		if (v.choice->role == ROLE_OTHER && chosen && from->other.n)
			v.other = from->other;
		if (!v.from)
			v.from = &r->p->question[q->choices_from - 1];
		views[n++] = v;
	}
	return n;
}

void choices_collect(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];
	uint32_t room = q->choices_count, carried, n = 0;
	struct choice_view *views;

	s->choice_count = q->choices_count;
	s->choices = &r->p->views[q->choices];
	if (r->p->plain[question])
		return;
	if (q->choices_from)
		room += state_seen(r, q->choices_from - 1)->choice_count;
	s->choice_count = 0;
	s->choices = views = run_alloc(r, room, sizeof(*views));
	if (!views || !run_burn(r, room / 2))
		return;
	if (q->choices_from)
		n = carry(r, q, views);
	carried = n;
	for (uint32_t i = 0; i < q->choices_count && n < room; i++) {
		const struct p_choice *c = &r->p->choice[q->choices + i];
		struct choice_view v = r->p->views[q->choices + i];
		struct state before = {.choices = views, .choice_count = carried};

		if (!vm_true(r, c->visible_if, true) || !is_offered(r, q, &v) ||
		    (carried && (!run_burn(r, carried / 4) || choices_find(&before, &v.value))))
			continue;
		v.off = !vm_true(r, c->enable_if, true);
		views[n++] = v;
	}
	s->choice_count = n;
}

enum err program_views(struct arena *a, struct program *p)
{
	struct choice_view *views = arena_array(a, struct choice_view, (size_t)p->choice_count + 1);
	bool *plain = arena_array(a, bool, (size_t)p->question_count + 1);

	if (!views || !plain)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->choice_count; i++)
		views[i] = (struct choice_view){.choice = &p->choice[i], .value = choice_value(p, &p->choice[i])};
	for (uint32_t i = 0; i < p->question_count; i++) {
		const struct p_question *q = &p->question[i];

		plain[i] = !q->choices_from && !q->choice_filter;
		for (uint32_t k = q->choices; k < q->choices + q->choices_count && plain[i]; k++)
			plain[i] = !p->choice[k].visible_if && !p->choice[k].enable_if;
	}
	p->views = views;
	p->plain = plain;
	return OK;
}

static bool in_record(const struct run *r, uint32_t question)
{
	return roster_of(r->p, question) == r->roster + 1;
}

struct str choice_label(struct run *r, const struct choice_view *v)
{
	struct record *record = r->record;
	struct str label;

	if (v->other.n)
		return v->other;
	/* carried into a record from outside it is called what it is called there, a draw in its label included */
	if (v->from && record && !in_record(r, (uint32_t)(v->from - r->p->question)))
		r->record = NULL;
	label = run_text(r, v->choice->label);
	r->record = record;
	return label.n ? label : program_str(r->p, v->choice->text);
}

struct str row_label(struct run *r, const struct p_choice *row)
{
	struct str label = run_text(r, row->label);

	return label.n ? label : program_str(r->p, row->text);
}

struct str value_label(struct run *r, const struct state *s, const struct value *v)
{
	const struct choice_view *view = choices_find(s, v);

	if (!view)
		return S("");
	if (view->choice->role == ROLE_OTHER && s->other.n)
		return s->other;
	return choice_label(r, view);
}

static struct str answer_label(struct run *r, uint32_t question)
{
	const struct state *s = state_seen(r, question);
	struct str out = S("");
	struct buf b;

	if (s->value.kind != V_LIST)
		return value_is_empty(&s->value) ? S("") : value_label(r, s, &s->value);
	buf_init(&b, r->a, VALUE_TEXT_MAX_BYTES);
	for (uint32_t i = 0; i < s->value.count && run_burn(r, s->choice_count / 4); i++) {
		struct str label = value_label(r, s, &s->value.items[i]);

		if (i)
			buf_add(&b, S(", "));
		if (run_burn(r, (uint32_t)(label.n / 64)))
			buf_add(&b, label);
	}
	if (buf_done(&b, &out) == ERR_MEMORY && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

struct str question_label(struct run *r, uint32_t question)
{
	const struct choice_view *choice = r->choice;
	struct record *record = r->record;
	struct str label;

	/* the same words wherever they are asked for: neither the choice being filtered nor a record around them has a part in its draws */
	r->choice = NULL;
	if (record && !in_record(r, question))
		r->record = NULL;
	label = answer_label(r, question);
	r->choice = choice;
	r->record = record;
	return label;
}

/* ---- orders ---- */

struct sorter {
	struct run *r;
	struct str *keys; /* of the items */
	uint32_t n;
	int sign;
};

/* Whether x may stand before y; equal ones stay as they were. */
static bool may_precede(const struct sorter *s, uint16_t x, uint16_t y)
{
	const struct str *a = &s->keys[x], *b = &s->keys[y];

	return run_burn(s->r, 1 + (uint32_t)((a->n < b->n ? a->n : b->n) / 64)) && s->sign * str_cmp(*a, *b) <= 0;
}

/* Sorted runs of `width` items each are joined two by two. */
static void merge(const struct sorter *s, const uint16_t *from, uint16_t *to, uint32_t width)
{
	for (uint32_t start = 0; start < s->n; start += 2 * width) {
		uint32_t a = start, middle = start + width < s->n ? start + width : s->n;
		uint32_t b = middle, end = middle + width < s->n ? middle + width : s->n;

		for (uint32_t k = start; k < end; k++)
			to[k] = b >= end || (a < middle && may_precede(s, from[a], from[b])) ? from[a++] : from[b++];
	}
}

static void sort_labels(struct sorter *s, uint16_t *free, uint16_t *scratch, const struct order_item *items)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->keys[free[i]] = run_fold(s->r, items[free[i]].label);
	for (uint32_t width = 1; width < s->n && !s->r->failed; width *= 2) {
		merge(s, free, scratch, width);
		for (uint32_t i = 0; i < s->n; i++)
			free[i] = scratch[i];
	}
}

static void turn(uint16_t *free, uint16_t *scratch, uint32_t n, uint32_t by)
{
	for (uint32_t i = 0; i < n; i++)
		scratch[i] = free[(i + by) % n];
	for (uint32_t i = 0; i < n; i++)
		free[i] = scratch[i];
}

static void arrange(uint16_t *free, uint16_t *scratch, uint32_t n, enum order order, struct rng *rng)
{
	if (order == ORDER_RANDOM || order == ORDER_LEAST_FILLED)
		rng_shuffle(rng, free, n);
	if (order == ORDER_ROTATE && n)
		turn(free, scratch, n, rng_below(rng, n));
	/* one half of the interviews sees it the other way round */
	if (order == ORDER_REVERSE && rng_below(rng, 2))
		for (uint32_t i = 0; i < n / 2; i++) {
			uint16_t x = free[i];

			free[i] = free[n - 1 - i];
			free[n - 1 - i] = x;
		}
}

/* Those that are as full as each other stay as they were drawn. */
static void sort_filled(uint16_t *free, uint32_t n, const struct order_item *items)
{
	for (uint32_t i = 1; i < n; i++) {
		uint16_t x = free[i];
		uint32_t k = i;

		for (; k && items[free[k - 1]].filled > items[x].filled; k--)
			free[k] = free[k - 1];
		free[k] = x;
	}
}

uint16_t *order_draw(
    struct run *r, enum order order, struct str name, uint64_t purpose, const struct order_item *items, uint32_t n)
{
	uint16_t *out = run_alloc(r, n, sizeof(*out)), *free = run_alloc(r, n, sizeof(*free));
	uint16_t *scratch = run_alloc(r, n, sizeof(*scratch));
	uint32_t movable = 0, next = 0;
	struct rng rng;

	if (!out || !free || !scratch || !run_burn(r, n / 4))
		return out;
	for (uint32_t i = 0; i < n; i++)
		if (!items[i].fixed)
			free[movable++] = (uint16_t)i;
	if (order != ORDER_FIXED && movable > 1)
		run_individual(r);
	rng_init_purpose(&rng, r->in->seed, hash64(name, purpose));
	arrange(free, scratch, movable, order, &rng);
	if (order == ORDER_ASC || order == ORDER_DESC) {
		struct sorter s = {r, run_alloc(r, n, sizeof(*s.keys)), movable, order == ORDER_ASC ? 1 : -1};

		if (s.keys)
			sort_labels(&s, free, scratch, items);
	}
	if (order == ORDER_LEAST_FILLED && run_burn(r, movable * movable / 64))
		sort_filled(free, movable, items);
	for (uint32_t i = 0; i < n; i++)
		out[i] = items[i].fixed ? (uint16_t)i : free[next++];
	return out;
}
