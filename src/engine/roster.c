/* roster.c - the records of a roster: which there are, what each stands for, and the way into one.
 *
 * The questions inside a roster have one place among the run's states. While a record is open its states stand there, so that
 * everything that works on a question works inside a record too; when it is closed they go back to where they are kept. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/shim.h"

void record_open(struct run *r, uint32_t roster, uint32_t record)
{
	const struct p_question *q = &r->p->question[roster];
	struct state *s = &r->states[roster];

	mem_copy(&r->states[roster + 1], s->records[record].states, q->span * sizeof(*s));
	r->roster = roster;
	r->record = &s->records[record];
	r->record_number = record + 1;
	r->record_count = s->record_count;
	run_burn(r, 1 + q->span / 4);
}

void record_close(struct run *r)
{
	const struct p_question *q = &r->p->question[r->roster];
	struct state *live = &r->states[r->roster + 1];

	mem_copy(r->record->states, live, q->span * sizeof(*live));
	memset(live, 0, q->span * sizeof(*live));
	r->record = NULL;
}

struct str question_path(struct run *r, uint32_t question)
{
	struct str name = program_str(r->p, r->p->question[question].name), out = S("");
	struct buf b;

	if (!r->record)
		return name;
	buf_init(&b, r->a, 1024);
	buf_add(&b, program_str(r->p, r->p->question[r->roster].name));
	buf_char(&b, '-');
	buf_add(&b, r->record->key);
	buf_char(&b, '-');
	buf_add(&b, name);
	if (buf_done(&b, &out) == ERR_MEMORY && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

/* What names a record in fields and ids: its value, with everything but letters, digits and _ written as -0xx. No name begins
 * with a digit, so that none can be taken for the rest of a value. */
static struct str key_of(struct run *r, struct str value)
{
	static const char digits[] = "0123456789abcdef";
	struct str out = S("");
	struct buf b;

	buf_init(&b, r->a, VALUE_TEXT_MAX_BYTES);
	for (size_t i = 0; i < value.n && i < 200; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_') {
			buf_char(&b, (char)c);
			continue;
		}
		buf_add(&b, S("-0"));
		buf_char(&b, digits[c >> 4]);
		buf_char(&b, digits[c & 15]);
	}
	if (buf_done(&b, &out) == ERR_MEMORY && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

uint32_t record_room(const struct run *r, uint32_t roster)
{
	const struct p_question *q = &r->p->question[roster];
	double most = q->at_most ? program_num(r->p, q->at_most) : ROSTER_RECORDS_MAX;

	return most < 0 ? 0 : most < ROSTER_RECORDS_MAX ? (uint32_t)most : ROSTER_RECORDS_MAX;
}

/* ---- which records there are ---- */

bool item_same(const struct json *j, const struct value *item)
{
	struct value v = j->type == JSON_STR ? value_text(j->s) : json_is_num(j) ? value_num(json_num(j)) : value_empty;

	return !value_is_empty(&v) && value_same(&v, item);
}

static void add_record(struct run *r, struct state *s, struct value item, struct str label)
{
	struct record *x = &s->records[s->record_count++];

	*x = (struct record){.item = item, .label = label};
	x->key = key_of(r, run_show(r, &item));
}

/* The records that were drawn for it before: they come first, as long as they are among those that can be asked about. */
static const struct json *drawn_before(struct run *r, const struct p_question *q)
{
	const struct json *list = NULL;

	if (q->order == ORDER_LEAST_FILLED && r->in->drawn)
		list = json_get(run_individual(r)->drawn, program_str(r->p, q->name));
	return list && list->type == JSON_ARRAY ? list : NULL;
}

/* One for each chosen value, without "none of these" and its like. */
static void over_choices(struct run *r, const struct p_question *q, struct state *s)
{
	const struct state *from = state_seen(r, q->over_from - 1);
	uint32_t n = from->value.kind == V_LIST ? from->value.count : 0, movable = 0,
		 most = record_room(r, (uint32_t)(q - r->p->question));
	const struct choice_view **views = run_alloc(r, n, sizeof(*views));
	struct order_item *items = run_alloc(r, n, sizeof(*items));
	const struct json *kept;
	uint16_t *order;

	if (!from->reached || !from->visible || !views || !items)
		return;
	for (uint32_t i = 0; i < n && run_burn(r, 1 + from->choice_count / 8); i++) {
		const struct choice_view *v = choices_find(from, &from->value.items[i]);

		if (!v || v->choice->role > ROLE_OTHER)
			continue;
		items[movable].fixed = v->choice->flags & CHOICE_FIXED;
		items[movable].label = value_label(r, from, &v->value);
		if (q->order == ORDER_LEAST_FILLED)
			items[movable].filled = quota_filled(
			    r, &(struct fills){q->fills, q->fills_count, q->flags & QUESTION_DRAWN}, v->choice->text);
		views[movable++] = v;
	}
	order = order_draw(r, (enum order)q->order, program_str(r->p, q->name), 4, items, movable);
	s->undrawn = false;
	kept = drawn_before(r, q);
	for (uint32_t i = 0; kept && i < kept->count && run_burn(r, 1 + movable / 8); i++)
		for (uint32_t k = 0; order && k < movable; k++)
			if (views[k] && s->record_count < most && item_same(&kept->items[i], &views[k]->value)) {
				add_record(r, s, views[k]->value, items[k].label);
				views[k] = NULL;
			}
	for (uint32_t i = 0; order && i < movable && s->record_count < most; i++)
		if (views[order[i]]) {
			add_record(r, s, views[order[i]]->value, items[order[i]].label);
			s->undrawn = movable > most;
		}
}

static void over_number(struct run *r, const struct p_question *q, struct state *s, double n)
{
	uint32_t most = record_room(r, (uint32_t)(q - r->p->question)), count = n < 1	   ? 0
										: n < most ? (uint32_t)n
											   : most;

	for (uint32_t i = 1; i <= count; i++)
		add_record(r, s, value_num(i), run_show(r, &(struct value){.kind = V_NUM, .num = i}));
}

bool roster_collect(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];
	double least = q->at_least ? program_num(r->p, q->at_least) : 0, given = 0;
	struct value n;

	s->record_count = 0;
	if (!(s->records = run_alloc(r, ROSTER_RECORDS_MAX, sizeof(*s->records))))
		return false;
	if (q->over_from) {
		over_choices(r, q, s);
		return s->record_count > 0;
	}
	if (q->over) {
		n = vm_run(r, q->over);
		if (n.kind == V_NUM)
			over_number(r, q, s, n.num);
		return s->record_count > 0;
	}
	if (s->raw && s->raw->type == JSON_ARRAY)
		given = s->raw->count;
	over_number(r, q, s, given > least ? given : least);
	return true;
}

/* ---- what was given for them ---- */

static bool item_is(const struct json *given, const struct value *item)
{
	const struct json *j = json_get(given, S("_item"));

	return j && item_same(j, item);
}

static struct str index_text(struct run *r, uint32_t i)
{
	struct value v = value_num(i);

	return run_show(r, &v);
}

static void wrong(struct run *r, struct state *s, const char *code, uint32_t at)
{
	if (s->wrong)
		return;
	s->wrong = code;
	s->wrong_message = message_plain(r, MSG_CHOICE);
	s->wrong_row = index_text(r, at);
}

/* Records over choices are told apart by what they are about, wherever they stand. */
static bool given_sound(struct run *r, const struct p_question *q, struct state *s)
{
	if (s->raw->type != JSON_ARRAY) {
		s->wrong = "type";
		s->wrong_message = message_plain(r, MSG_CHOICE);
		return false;
	}
	for (uint32_t i = 0; i < s->raw->count && i < QUESTION_CHOICES_MAX && !s->wrong; i++) {
		const struct json *one = &s->raw->items[i], *item = json_get(one, S("_item"));
		struct value v;

		if (one->type != JSON_OBJECT)
			wrong(r, s, "type", i);
		if (!q->over_from || s->wrong)
			continue;
		if (!item || value_from_json(r->a, item, &v) || (v.kind != V_TEXT && v.kind != V_NUM))
			wrong(r, s, "type", i);
		else if (!choice_exists(r, &r->p->question[q->over_from - 1], &v))
			wrong(r, s, "choice", i);
		for (uint32_t k = 0; k < i && !s->wrong && run_burn(r, 1 + s->raw->items[k].count / 8); k++)
			if (item_is(&s->raw->items[k], &v))
				wrong(r, s, "twice", i);
	}
	return !s->wrong;
}

static void take_member(struct run *r, uint32_t roster, struct record *x, const struct json_member *m)
{
	const struct p_question *q = &r->p->question[roster];

	for (uint32_t i = 0; i < q->span && run_burn(r, 1); i++) {
		const struct p_question *inner = &r->p->question[roster + 1 + i];
		struct str name = program_str(r->p, inner->name);

		if (str_eq(m->key, name)) {
			x->states[i].raw = &m->value;
			return;
		}
		if ((inner->flags & QUESTION_HAS_OTHER) && str_starts(m->key, name) && str_ends(m->key, S("_other")) &&
		    m->key.n == name.n + 6) {
			x->states[i].raw_other = &m->value;
			return;
		}
	}
	if (!str_eq(m->key, S("_item")) && !x->unknown.n)
		x->unknown = m->key;
}

/* `missing`: how many before it were not given. */
static void take_record(struct run *r, uint32_t roster, uint32_t record, uint32_t *missing)
{
	const struct p_question *q = &r->p->question[roster];
	struct state *s = &r->states[roster];
	struct record *x = &s->records[record];

	if (!(x->states = run_alloc(r, q->span, sizeof(*x->states))))
		return;
	for (uint32_t i = 0; q->over_from && s->raw && i < s->raw->count && run_burn(r, 1 + s->raw->items[i].count / 8);
	     i++)
		if (item_is(&s->raw->items[i], &x->item)) {
			x->given = &s->raw->items[i];
			x->at = i;
		}
	if (!q->over_from && s->raw && record < s->raw->count) {
		x->given = &s->raw->items[record];
		x->at = record;
	}
	if (!x->given)
		x->at = (s->raw ? s->raw->count : 0) + (*missing)++;
	for (uint32_t i = 0; x->given && i < x->given->count; i++)
		take_member(r, roster, x, &x->given->members[i]);
}

/* What expressions see of a record: what it stands for, and its answers. */
static struct value record_value(struct run *r, uint32_t roster)
{
	uint32_t span = r->p->question[roster].span, n = 0;
	struct value_field *fields = run_alloc(r, span + 1, sizeof(*fields));

	if (!fields)
		return value_empty;
	fields[n].name = S("_item");
	fields[n++].value = r->record->item;
	for (uint32_t i = roster + 1; i <= roster + span; i++) {
		if (!r->states[i].visible || value_is_empty(&r->states[i].value))
			continue;
		fields[n].name = program_str(r->p, r->p->question[i].name);
		fields[n++].value = r->states[i].value;
	}
	return (struct value){.kind = V_RECORD, .count = n, .fields = fields};
}

void roster_take(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];
	struct value *items = run_alloc(r, s->record_count, sizeof(*items));
	uint32_t missing = 0;

	s->value = value_empty;
	s->wrong = NULL;
	if (s->raw && (s->raw->type == JSON_NULL || !given_sound(r, q, s)))
		s->raw = NULL;
	for (uint32_t i = 0; items && i < s->record_count && !r->failed; i++) {
		take_record(r, question, i, &missing);
		if (r->failed)
			return;
		record_open(r, question, i);
		run_steps(r, q->steps, q->steps_count);
		items[i] = record_value(r, question);
		record_close(r);
	}
	/* records that are merely offered are no answer; without memory there are only some of them */
	if (!r->failed && (q->over || q->over_from || (s->raw && s->raw->count)))
		s->value = (struct value){.kind = V_LIST, .count = s->record_count, .items = items};
}

/* ---- from outside ---- */

/* The state of a question in a record; NULL when there is none. */
static const struct state *state_in(const struct run *r, uint32_t question, double record)
{
	uint32_t roster = roster_of(r->p, question);
	const struct state *s = roster ? state_seen(r, roster - 1) : NULL;

	if (!s || !s->visible || record < 0 || record >= s->record_count || !s->records[(uint32_t)record].states)
		return NULL;
	return &s->records[(uint32_t)record].states[question - roster];
}

struct value record_answer(struct run *r, uint32_t question, double record)
{
	const struct state *s = state_in(r, question, record);

	return s && s->visible ? s->value : value_empty;
}

static struct value record_items(struct run *r, uint32_t roster)
{
	const struct state *s = state_seen(r, roster);
	uint32_t n = s->visible ? s->record_count : 0;
	struct value *items;

	if (!run_burn(r, n) || !(items = run_alloc(r, n, sizeof(*items))))
		return value_empty;
	for (uint32_t i = 0; i < n; i++)
		items[i] = s->records[i].item;
	return (struct value){.kind = V_LIST, .count = n, .items = items};
}

struct value record_answers(struct run *r, uint32_t question)
{
	uint32_t n = 0, room = 0;
	struct value *items;

	if (r->p->question[question].type == Q_roster)
		return record_items(r, question);
	for (uint32_t i = 0; i < ROSTER_RECORDS_MAX; i++) {
		struct value v = record_answer(r, question, i);

		room += v.kind == V_LIST ? v.count : 1;
	}
	if (!run_burn(r, room) || !(items = run_alloc(r, room, sizeof(*items))))
		return value_empty;
	for (uint32_t i = 0; i < ROSTER_RECORDS_MAX; i++) {
		struct value v = record_answer(r, question, i);

		if (v.kind != V_LIST && !value_is_empty(&v))
			items[n++] = v;
		for (uint32_t k = 0; v.kind == V_LIST && k < v.count; k++)
			items[n++] = v.items[k];
	}
	return (struct value){.kind = V_LIST, .count = n, .items = items};
}

struct str record_title(struct run *r, uint32_t roster)
{
	struct str own = run_text(r, r->p->question[roster].item_title);

	return own.n ? own : r->record->label;
}
