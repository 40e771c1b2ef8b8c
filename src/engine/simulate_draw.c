/* simulate_draw.c - plausible answers by type: within the rules mostly, at their bounds often, beyond them sometimes. */
#include "engine/simulate.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/time.h"

typedef bool drawer(struct simulator *s, struct asked in, struct json *out);

struct json draw_json(const struct value *v)
{
	if (v->kind == V_NUM && v->num == number_trunc(v->num) && v->num < 1e15 && v->num > -1e15)
		return (struct json){.type = JSON_INT, .i = (int64_t)v->num};
	if (v->kind == V_NUM)
		return (struct json){.type = JSON_NUM, .num = v->num};
	return (struct json){.type = JSON_STR, .s = v->s};
}

static struct json text_of(struct str s)
{
	return (struct json){.type = JSON_STR, .s = s};
}

/* ---- choices ---- */

/* One that may be chosen; there is one unless the question is locked. */
static bool draw_choice(struct simulator *s, const struct state *st, struct json *out)
{
	uint32_t at = rng_below(&s->rng, st->choice_count);

	for (uint32_t i = 0; i < st->choice_count && st->choices[at].off; i++)
		at = (at + 1) % st->choice_count;
	*out = draw_json(&st->choices[at].value);
	return !st->choices[at].off;
}

static bool draw_single(struct simulator *s, struct asked in, struct json *out)
{
	const struct state *st = in.st;

	return draw_choice(s, st, out);
}

static uint32_t bound(const struct simulator *s, uint32_t num, uint32_t fallback)
{
	double v = num ? program_num(s->r.p, num) : fallback;

	return v < 0 ? 0 : v > QUESTION_CHOICES_MAX ? QUESTION_CHOICES_MAX : (uint32_t)v;
}

/* The visible choices in a random order, without those that stand alone. */
static uint16_t *mixed(struct simulator *s, const struct state *st, uint32_t *n)
{
	uint16_t *order = run_alloc(&s->r, st->choice_count, sizeof(*order));

	*n = 0;
	for (uint32_t i = 0; order && i < st->choice_count; i++)
		if (!(st->choices[i].choice->flags & CHOICE_EXCLUSIVE) && !st->choices[i].off)
			order[(*n)++] = (uint16_t)i;
	if (order)
		rng_shuffle(&s->rng, order, *n);
	return order;
}

static bool take_choices(
    struct simulator *s, const struct state *st, const uint16_t *order, uint32_t n, struct json *out)
{
	struct json *items = run_alloc(&s->r, n, sizeof(*items));

	if (!items || !order)
		return false;
	for (uint32_t i = 0; i < n; i++)
		items[i] = draw_json(&st->choices[order[i]].value);
	*out = (struct json){.type = JSON_ARRAY, .count = n, .items = items};
	return n > 0;
}

static bool draw_alone(struct simulator *s, const struct state *st, struct json *out)
{
	uint16_t found[1];

	for (uint32_t tries = 0; tries < 2 * st->choice_count; tries++) {
		found[0] = (uint16_t)rng_below(&s->rng, st->choice_count);
		if ((st->choices[found[0]].choice->flags & CHOICE_EXCLUSIVE) && !st->choices[found[0]].off)
			return take_choices(s, st, found, 1, out);
	}
	return false;
}

static bool draw_multi(struct simulator *s, struct asked in, struct json *out)
{
	const struct p_question *q = in.q;
	const struct state *st = in.st;
	uint32_t n, least = bound(s, q->at_least, 1), most, take;
	uint16_t *order = mixed(s, st, &n);

	if (n == 0 || (n < st->choice_count && least <= 1 && chance(s, 12)))
		return draw_alone(s, st, out) || (n && take_choices(s, st, order, 1, out));
	most = bound(s, q->at_most, n);
	if (!s->strict && q->at_most && chance(s, 5))
		most++;
	if (!most)
		return false;
	most = most > n ? n : most;
	least = least > most ? most : least;
	/* few of many, as people do */
	take = least + rng_below(&s->rng, most - least + 1);
	if (chance(s, 50))
		take = least + (take - least) / 2;
	return take_choices(s, st, order, take ? take : 1, out);
}

static bool draw_rank(struct simulator *s, struct asked in, struct json *out)
{
	const struct p_question *q = in.q;
	uint32_t n, least = bound(s, q->at_least, 1), most;
	uint16_t *order = mixed(s, in.st, &n);

	if (n == 0)
		return draw_alone(s, in.st, out);
	most = bound(s, q->at_most, n);
	most = most > n ? n : most;
	if (most > least && chance(s, 25))
		most = least + rng_below(&s->rng, most - least + 1);
	return take_choices(s, in.st, order, most, out);
}

static bool draw_boolean(struct simulator *s, struct asked in, struct json *out)
{
	(void)in;
	*out = (struct json){.type = JSON_BOOL, .b = chance(s, 50)};
	return true;
}

static bool draw_consent(struct simulator *s, struct asked in, struct json *out)
{
	(void)in;
	*out = (struct json){.type = JSON_BOOL, .b = s->strict || chance(s, 95)};
	return true;
}

static bool draw_string(struct simulator *s, struct asked in, struct json *out)
{
	*out = text_of(draw_text(s, in.q));
	return out->s.n > 0;
}

/* ---- numbers and times ---- */

struct span {
	double low, high;
	bool has_low, has_high;
};

/* A bound in the units of what is drawn: days beside days, a datetime from the day's beginning or to its last minute. */
static double bound_of(const struct value *v, enum value_kind kind, bool last)
{
	if (v->kind == V_NUM)
		return v->num;
	if (kind == V_DATE)
		return (double)value_day(v);
	if (kind == V_DATETIME && v->kind == V_DATE)
		return (double)(v->t + last) * DAY_MS - (last ? 60000 : 0);
	return (double)v->t;
}

static struct span span_of(struct simulator *s, const struct p_question *q, enum value_kind kind, double width)
{
	struct value low = vm_run(&s->r, q->min), high = vm_run(&s->r, q->max);
	struct value x = value_time(kind, 0);
	struct span out = {.has_low = low.kind == kind || value_days(&low, &x),
	    .has_high = high.kind == kind || value_days(&high, &x)};

	out.low = out.has_low ? bound_of(&low, kind, false) : 0;
	out.high = out.has_high ? bound_of(&high, kind, true) : 0;
	if (!out.has_low)
		out.low = out.has_high ? out.high - width : 0;
	if (!out.has_high)
		out.high = out.low + width;
	if (out.high < out.low)
		out.high = out.low;
	return out;
}

/* Somewhere in the span, a fifth of the time at an end, sometimes a step beyond one. */
static double within(struct simulator *s, const struct span *span, double step)
{
	double steps = number_floor((span->high - span->low) / step + 1e-9), k;
	uint32_t draw = rng_below(&s->rng, 100);

	if (draw < 10)
		k = 0;
	else if (draw < 20)
		k = steps;
	else if (draw < 24 && !s->strict && span->has_low)
		k = -1;
	else if (draw < 28 && !s->strict && span->has_high)
		k = steps + 1;
	else
		k = steps < 4e9 ? rng_below(&s->rng, (uint32_t)steps + 1)
				: number_floor(steps * ((double)rng_next(&s->rng) / 4294967296.0));
	return number_round(span->low + k * step, 6);
}

static bool draw_number(struct simulator *s, struct asked in, struct json *out)
{
	const struct p_question *q = in.q;
	struct span span = span_of(s, q, V_NUM, 100);
	double step = q->step ? program_num(s->r.p, q->step) : 1;
	struct value v;

	if (!q->step && !(q->flags & QUESTION_INTEGER) && q->type == Q_number && chance(s, 20))
		step = !q->decimals || program_num(s->r.p, q->decimals) > 1 ? 0.25
		       : program_num(s->r.p, q->decimals) > 0		    ? 0.5
									    : 1;
	if (!q->step && (q->flags & QUESTION_INTEGER))
		span.low = -number_floor(-span.low);
	if (!(step > 0))
		step = 1;
	if (q->step && !span.has_low) /* steps are counted from 0 then */
		span.low = step * number_floor(span.low / step + 1);
	if (span.low > span.high)
		span.high = span.low;
	v = value_num(within(s, &span, step));
	*out = draw_json(&v);
	return true;
}

static bool put_value(struct simulator *s, struct value v, struct json *out)
{
	*out = text_of(run_show(&s->r, &v));
	return out->s.n > 0;
}

static bool draw_date(struct simulator *s, struct asked in, struct json *out)
{
	const struct p_question *q = in.q;
	struct span span = span_of(s, q, V_DATE, 3650);
	double today = number_floor((double)s->in.now_ms / 86400000.0), t;

	if (!span.has_low && !span.has_high) {
		span.low = today - 3650;
		span.high = today;
	}
	t = within(s, &span, 1);
	t = t < DATE_FIRST ? DATE_FIRST : t > DATE_LAST ? DATE_LAST : t;
	return put_value(s, value_time(V_DATE, number_int(t)), out);
}

static bool draw_datetime(struct simulator *s, struct asked in, struct json *out)
{
	struct span span = span_of(s, in.q, V_DATETIME, 365.0 * DAY_MS);
	double minute = number_floor((double)s->in.now_ms / 60000.0) * 60000.0, t;

	if (!span.has_low && !span.has_high) {
		span.low = minute - 365.0 * DAY_MS;
		span.high = minute;
	}
	t = within(s, &span, 60000);
	return put_value(s, value_time(V_DATETIME, number_int(t)), out);
}

static bool draw_time(struct simulator *s, struct asked in, struct json *out)
{
	struct span span = span_of(s, in.q, V_TIME, 86340);
	double t = within(s, &span, 60);

	t = t < 0 ? 0 : t > 86399 ? 86399 : t;
	return put_value(s, value_time(V_TIME, number_int(t)), out);
}

/* ---- records ---- */

static struct json_member *members_of(struct simulator *s, uint32_t n, struct json *out)
{
	struct json_member *m = run_alloc(&s->r, n, sizeof(*m));

	*out = (struct json){.type = JSON_OBJECT, .members = m};
	return m;
}

static bool draw_cells(struct simulator *s, struct asked in, struct json *out);

/* Each gets the least it may have and a share of what is left, the last the rest of it as far as it may; sometimes the sum is wrong.
 * Of more items than the total is enough for the first ones get nothing. */
static bool draw_allocation(struct simulator *s, struct asked in, struct json *out)
{
	const struct p_question *q = in.q;
	const struct state *st = in.st;
	struct json_member *m = members_of(s, st->row_count, out);
	double total = q->total ? program_num(s->r.p, q->total) : 100, left = total;
	struct span span = span_of(s, q, V_NUM, total);
	double low = q->min && span.low > 0 ? span.low : 0, high = q->max && span.high < total ? span.high : total;
	uint32_t first = 0, last = st->row_count - 1;

	while (first < last && low * (st->row_count - first) > total)
		first++;
	if (!s->strict && chance(s, 4))
		left += 1;
	left -= low * (st->row_count - first);
	for (uint32_t i = first; m && i <= last; i++) {
		double room = high - low, rest = left - room * (last - i); /* what those after it cannot take */
		double share = i == last ? left : number_floor(left * rng_below(&s->rng, 101) / 100);
		struct value v;

		share = share < rest ? rest : share > room ? room : share;
		share = share < 0 ? 0 : share;
		v = value_num(number_round(low + share, 6));
		left -= share;
		m[out->count++] =
		    (struct json_member){.key = program_str(s->r.p, st->rows[i]->text), .value = draw_json(&v)};
	}
	return out->count > 0;
}

static drawer *const drawers[QUESTION_TYPES] = {[Q_single] = draw_single,
    [Q_multi] = draw_multi,
    [Q_rank] = draw_rank,
    [Q_boolean] = draw_boolean,
    [Q_consent] = draw_consent,
    [Q_text] = draw_string,
    [Q_number] = draw_number,
    [Q_date] = draw_date,
    [Q_time] = draw_time,
    [Q_datetime] = draw_datetime,
    [Q_barcode] = draw_barcode,
    [Q_geopoint] = draw_place,
    [Q_file] = draw_media,
    [Q_photo] = draw_media,
    [Q_audio] = draw_media,
    [Q_video] = draw_media,
    [Q_signature] = draw_media,
    [Q_rating] = draw_number,
    [Q_slider] = draw_number,
    [Q_matrix] = draw_cells,
    [Q_multi_text] = draw_cells,
    [Q_allocation] = draw_allocation};

/* Each row or item by its own kind. */
static bool draw_cells(struct simulator *s, struct asked in, struct json *out)
{
	const struct program *p = s->r.p;
	struct json_member *m = members_of(s, in.st->row_count, out);
	bool all = s->strict || (in.q->flags & QUESTION_REQUIRED) || chance(s, 80);

	for (uint32_t i = 0; m && i < in.st->row_count && !s->r.failed; i++) {
		struct p_question cell = cell_question(p, in.q, in.st->rows[i]);
		struct asked one = {&cell, in.st};

		m[out->count].key = program_str(p, in.st->rows[i]->text);
		if (all || (cell.flags & QUESTION_REQUIRED) || chance(s, 70))
			out->count += drawers[cell.type](s, one, &m[out->count].value);
	}
	return out->count > 0;
}

static bool holds(const struct json *answer, const struct value *v)
{
	const struct json *items = answer->type == JSON_ARRAY ? answer->items : answer;
	uint32_t n = answer->type == JSON_ARRAY ? answer->count : 1;
	struct json wanted = draw_json(v);

	for (uint32_t i = 0; i < n; i++)
		if (json_same(&items[i], &wanted))
			return true;
	return false;
}

bool draw_answer(struct simulator *s, uint32_t question, struct json *out, struct str *other)
{
	const struct p_question *q = &s->r.p->question[question];
	const struct state *st = &s->r.states[question];

	*other = S("");
	if (!drawers[q->type] || st->lock || (!s->strict && chance(s, q->flags & QUESTION_REQUIRED ? 1 : 8)))
		return false;
	if (!drawers[q->type](s, (struct asked){q, st}, out) || s->r.failed)
		return false;
	for (uint32_t i = 0; (q->flags & QUESTION_HAS_OTHER) && i < st->choice_count; i++)
		if (st->choices[i].choice->role == ROLE_OTHER && choice_own(&st->choices[i], q) &&
		    holds(out, &st->choices[i].value) && (s->strict || chance(s, 90)))
			*other = draw_words(s, 1, 2);
	return true;
}
