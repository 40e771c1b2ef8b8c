/* form.c - the fields of an HTML form to answers. Names are those that render.c writes. What a field says is kept even when
 * it cannot be an answer ("abc" for a number), so that the page can show it again beside the error. */
#include "engine/def.h"
#include "engine/number.h"
#include "engine/run.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/num.h"

struct form {
	struct run *r;
	const struct form_field *fields;
	size_t n;
	struct json_member *members;
	uint32_t count;
};

static struct str field_name(struct form *f, struct str question, char separator, struct str row)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, f->r->a, 512);
	buf_add(&b, S("q-"));
	buf_add(&b, question);
	if (row.n) {
		buf_char(&b, separator);
		buf_add(&b, row);
	}
	if (buf_done(&b, &out) == ERR_MEMORY)
		f->r->failed = ERR_MEMORY;
	return out;
}

static const struct form_field *find(const struct form *f, struct str name)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->fields[i].name, name))
			return &f->fields[i];
	return NULL;
}

static struct json text_json(struct str s)
{
	return (struct json){.type = JSON_STR, .s = s};
}

/* Numbers as people type them: blanks around, a plus in front. */
static struct json number_json(struct str s)
{
	struct str t = utf8_trim(s);
	int64_t i;
	double v;

	if (t.n && t.p[0] == '+')
		t = str_sub(t, 1, t.n);
	if (str_to_int(t, &i))
		return (struct json){.type = JSON_INT, .i = i};
	if (num_read(t, &v))
		return (struct json){.type = JSON_NUM, .num = v};
	return text_json(s);
}

static struct json choice_json(const struct program *p, const struct p_question *q, struct str s)
{
	for (uint32_t hops = 0; hops <= p->question_count; hops++) {
		for (uint32_t i = 0; i < q->choices_count; i++) {
			const struct p_choice *c = &p->choice[q->choices + i];

			if (str_eq(program_str(p, c->text), s))
				return c->number ? number_json(s) : text_json(s);
		}
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
	return text_json(s);
}

/* Browsers send line ends as CR LF. */
static struct json lines_json(struct form *f, struct str s)
{
	struct str out = S("");
	struct buf b;

	if (!str_find_char(s, '\r', NULL))
		return text_json(s);
	buf_init(&b, f->r->a, HTTP_BODY_API_MAX_BYTES);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r')
			buf_char(&b, s.p[i]);
	if (buf_done(&b, &out) == ERR_MEMORY)
		f->r->failed = ERR_MEMORY;
	return text_json(out);
}

/* The reference to a file, as its tick carries it. */
static struct json reference_json(struct form *f, struct str s)
{
	struct json_error why;
	struct json *j;
	enum err e = json_read(f->r->a, s, &json_limits_default, &j, &why);

	if (e == ERR_MEMORY)
		f->r->failed = e;
	return e ? text_json(s) : *j;
}

static bool one_json(struct form *f, const struct p_question *q, struct str s, struct json *out)
{
	if (!utf8_trim(s).n)
		return false;
	if (media_type(q->type)) {
		*out = reference_json(f, s);
		return true;
	}
	switch (q->type) {
	case Q_single:
	case Q_multi:
	case Q_rank:
		*out = choice_json(f->r->p, q, s);
		break;
	case Q_boolean:
	case Q_consent:
		*out = text_json(s);
		if (str_eq(s, S("true")) || str_eq(s, S("false")))
			*out = (struct json){.type = JSON_BOOL, .b = s.n == 4};
		break;
	case Q_number:
	case Q_rating:
	case Q_slider:
		*out = number_json(s);
		break;
	default:
		*out = lines_json(f, s);
		break;
	}
	return true;
}

static void put(struct form *f, struct str key, struct json value)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (str_eq(f->members[i].key, key)) {
			f->members[i].value = value;
			return;
		}
	f->members[f->count++] = (struct json_member){.key = key, .value = value};
}

static void drop(struct form *f, struct str key)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (str_eq(f->members[i].key, key)) {
			f->members[i] = f->members[--f->count];
			return;
		}
}

/* "Select all" stands for every choice that may be chosen beside others and needs no words of its own. */
static uint32_t take_all(struct form *f, const struct p_question *q, struct str name, struct json *items)
{
	const struct state *s = &f->r->states[q - f->r->p->question];
	uint32_t n = 0;

	if (!find(f, field_name(f, name, '-', S("-all"))))
		return 0;
	for (uint32_t i = 0; i < s->choice_count; i++) {
		const struct p_choice *c = s->choices[i].choice;

		if (!c->role && !(c->flags & CHOICE_EXCLUSIVE) && !s->choices[i].off)
			items[n++] = choice_json(f->r->p, q, program_str(f->r->p, c->text));
	}
	return n;
}

/* Every field of a multi; every place of a rank. */
static bool list_json(struct form *f, const struct p_question *q, struct str name, struct json *out)
{
	struct str field = field_name(f, name, '-', S("")), place;
	struct json *items;
	uint32_t n = 0, room = 0;
	bool some = false;
	struct buf digits;

	if (q->flags & QUESTION_SELECT_ALL)
		room = f->r->states[q - f->r->p->question].choice_count;
	for (size_t i = 0; i < f->n; i++)
		room += q->type == Q_rank || str_eq(f->fields[i].name, field);
	if (!(items = run_alloc(f->r, room, sizeof(*items))))
		return false;
	if (q->flags & QUESTION_SELECT_ALL)
		some = (n = take_all(f, q, name, items)) > 0;
	for (size_t i = 0; q->type != Q_rank && i < f->n; i++)
		if (str_eq(f->fields[i].name, field)) {
			some = true;
			n += one_json(f, q, f->fields[i].value, &items[n]);
		}
	for (uint32_t i = 1; q->type == Q_rank && i <= f->n; i++) {
		const struct form_field *x;

		buf_init(&digits, f->r->a, 16);
		buf_int(&digits, i);
		place = field_name(f, name, '-', str_make(digits.p, digits.n));
		if (!(x = find(f, place)))
			break;
		some = true;
		n += one_json(f, q, x->value, &items[n]);
	}
	*out = (struct json){.type = JSON_ARRAY, .count = n, .items = items};
	return some;
}

/* Each row of a matrix, each item: one field, or those of a set. */
static bool record_json(struct form *f, const struct p_question *q, struct str name, struct json *out)
{
	struct json_member *members = run_alloc(f->r, q->rows_count, sizeof(*members));
	uint32_t n = 0;
	bool some = false, found;

	for (uint32_t i = 0; members && i < q->rows_count; i++) {
		const struct p_choice *row = &f->r->p->choice[q->rows + i];
		struct p_question cell = cell_question(f->r->p, q, row);
		struct str key = program_str(f->r->p, row->text), path = field_name(f, name, '-', key);
		const struct form_field *x = find(f, path);

		members[n].key = key;
		some |= x != NULL;
		if (cell.type == Q_multi)
			found = list_json(f, &cell, str_sub(path, 2, path.n - 2), &members[n].value) &&
				members[n].value.count;
		else
			found = x && one_json(f, &cell, x->value, &members[n].value);
		n += found;
	}
	*out = (struct json){.type = JSON_OBJECT, .count = n, .members = members};
	return some;
}

static bool place_json(struct form *f, struct str name, struct json *out)
{
	struct json_member *members = run_alloc(f->r, GEOPOINT_FIELDS, sizeof(*members));
	bool some = false;

	*out = (struct json){.type = JSON_OBJECT, .members = members};
	for (int i = 0; members && i < GEOPOINT_FIELDS; i++) {
		struct str key = str_from(geopoint_fields[i]);
		const struct form_field *x = find(f, field_name(f, name, '-', key));

		some |= x != NULL;
		if (x && utf8_trim(x->value).n)
			members[out->count++] = (struct json_member){.key = key, .value = number_json(x->value)};
	}
	return some;
}

static struct str other_key(struct form *f, struct str name)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, f->r->a, 128);
	buf_add(&b, name);
	buf_add(&b, S("_other"));
	if (buf_done(&b, &out) == ERR_MEMORY)
		f->r->failed = ERR_MEMORY;
	return out;
}

/* A null says "asked and left empty": the first value is offered once, not each time the page comes back. Questions without one need no
 * such mark. */
static void empty(struct form *f, const struct p_question *q, struct str name)
{
	if (q->first_value)
		put(f, name, (struct json){.type = JSON_NULL});
	else
		drop(f, name);
}

static void take_question(struct form *f, uint32_t question)
{
	const struct p_question *q = &f->r->p->question[question];
	uint32_t kinds = type_rows[q->type].kinds;
	struct str name = program_str(f->r->p, q->name), path = question_path(f->r, question);
	const struct form_field *x;
	struct json v = {.type = JSON_NULL};
	bool some, given;

	if (!(type_rows[q->type].groups & P_ANSWER))
		return;
	/* what cannot be answered keeps what it has, whatever is sent */
	if (f->r->states[question].visible ? f->r->states[question].lock != LOCK_OPEN : q->enable_if != 0)
		return;
	if (kinds & (K(V_LIST) | K(V_RECORD))) {
		some = kinds & K(V_LIST)       ? list_json(f, q, path, &v)
		       : q->type == Q_geopoint ? place_json(f, path, &v)
					       : record_json(f, q, path, &v);
		given = some && v.count > 0;
	} else {
		x = find(f, field_name(f, path, '-', S("")));
		some = x != NULL;
		given = some && one_json(f, q, x->value, &v);
	}
	if (given)
		put(f, name, v);
	else if (some || f->r->states[question].visible)
		empty(f, q, name);
	if (!(q->flags & QUESTION_HAS_OTHER))
		return;
	x = find(f, field_name(f, path, '_', S("other")));
	if (x && utf8_trim(x->value).n)
		put(f, other_key(f, name), text_json(utf8_trim(x->value)));
	else if (x || f->r->states[question].visible)
		drop(f, other_key(f, name));
}

/* ---- rosters ---- */

static struct json item_json(const struct value *item)
{
	if (item->kind == V_TEXT)
		return text_json(item->s);
	return (struct json){.type = JSON_INT, .i = number_int(item->num)};
}

static struct json take_record(struct form *f, uint32_t roster, const struct json *before)
{
	const struct p_question *q = &f->r->p->question[roster];
	uint32_t had = before ? before->count : 0;
	struct form inner = *f;

	inner.count = 0;
	inner.members = run_alloc(f->r, had + 1 + 2 * (size_t)q->span, sizeof(*inner.members));
	if (!inner.members)
		return (struct json){.type = JSON_NULL};
	inner.members[inner.count++] = (struct json_member){.key = S("_item")};
	for (uint32_t i = 0; i < had; i++)
		put(&inner, before->members[i].key, before->members[i].value);
	inner.members[0].value = item_json(&f->r->record->item);
	for (uint32_t i = roster + 1; i <= roster + q->span && !f->r->failed; i++)
		take_question(&inner, i);
	return (struct json){.type = JSON_OBJECT, .count = inner.count, .members = inner.members};
}

/* "add NAME" and "remove NAME 2", as the buttons of a roster say. */
static bool told(struct form *f, const char *what, struct str roster, int64_t *number)
{
	const struct form_field *x = find(f, S("record"));
	struct str rest = x ? x->value : S(""), verb = str_cut(&rest, ' ', NULL), name = str_cut(&rest, ' ', NULL);

	*number = 0;
	return str_eq(verb, str_from(what)) && str_eq(name, roster) && (!rest.n || str_to_int(rest, number));
}

/* Records that are not asked now keep what was said in them: the choice may come back. */
static void keep_others(const struct state *s, const struct p_question *q, struct json *out)
{
	for (uint32_t i = 0; q->over_from && s->raw && s->raw->type == JSON_ARRAY && i < s->raw->count; i++) {
		bool asked = false;

		for (uint32_t k = 0; k < s->record_count; k++)
			asked |= s->records[k].given == &s->raw->items[i];
		if (!asked && out->count < QUESTION_CHOICES_MAX)
			out->items[out->count++] = s->raw->items[i];
	}
}

static void take_roster(struct form *f, uint32_t roster)
{
	const struct p_question *q = &f->r->p->question[roster];
	const struct state *s = &f->r->states[roster];
	struct str name = program_str(f->r->p, q->name);
	uint32_t had = s->raw && s->raw->type == JSON_ARRAY ? s->raw->count : 0;
	struct json list = {.type = JSON_ARRAY, .items = run_alloc(f->r, had + ROSTER_RECORDS_MAX + 1, sizeof(list))};
	int64_t number;

	if (!s->visible || s->lock || !list.items)
		return;
	for (uint32_t i = 0; i < s->record_count && !f->r->failed; i++) {
		if (told(f, "remove", name, &number) && number == i + 1 && !q->over && !q->over_from)
			continue;
		record_open(f->r, roster, i);
		list.items[list.count++] = take_record(f, roster, f->r->record->given);
		record_close(f->r);
	}
	if (told(f, "add", name, &number) && !q->over && !q->over_from && list.count < record_room(f->r, roster))
		list.items[list.count++] = (struct json){.type = JSON_OBJECT};
	keep_others(s, q, &list);
	put(f, name, list);
}

enum err interview_form(const struct interview *in, int32_t page, const struct form_field *fields, size_t n,
    struct arena *a, struct json **answers)
{
	const struct p_page *p;
	struct walk_end end;
	struct form f;
	struct run r;
	uint32_t had = in->answers && in->answers->type == JSON_OBJECT ? in->answers->count : 0;
	enum err e;

	if (page < 0 || page >= (int32_t)in->program->page_count)
		return ERR_INVALID;
	if ((e = run_init(&r, in, a)))
		return e;
	run_walk(&r, &(struct walk_plan){.last = page, .judge_to = -1, .force_last = true}, &end);
	p = &r.p->page[page];
	f = (struct form){&r, fields, n, run_alloc(&r, had + 2 * (size_t)p->questions_count, sizeof(*f.members)), had};
	*answers = run_alloc(&r, 1, sizeof(**answers));
	if (!f.members || !*answers)
		return r.failed;
	for (uint32_t i = 0; i < had; i++)
		f.members[i] = in->answers->members[i];
	for (uint32_t i = p->questions; i < p->questions + p->questions_count && !r.failed; i++)
		if (r.p->question[i].type == Q_roster)
			take_roster(&f, i);
		else if (!roster_of(r.p, i))
			take_question(&f, i);
	**answers = (struct json){.type = JSON_OBJECT, .count = f.count, .members = f.members};
	return r.failed;
}
