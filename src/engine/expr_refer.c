/* expr_refer.c - what references stand for. */
#include "engine/expr_check.h"
#include "engine/loose.h"
#include "engine/run.h"
#include "base/arena.h"
#include "base/limits.h"

void check_fail_name(struct check *c, enum diag kind, const struct node *n, struct str a, struct str b)
{
	check_fail(c, kind, n, (const struct str[3]){a, b, S("")});
}

static void gone(struct check *c, struct node *n)
{
	n->reference = R_GONE;
	n->kinds = 0;
	check_fail_name(c, D_LEFT_OUT_REFERENCE, n, str_sub(c->source, n->from, n->to - n->from), S(""));
}

void check_not_built(struct check *c, struct node *n, struct str what)
{
	if (c->scope->def && (c->scope->def->flags & COMPILE_LEAVE_OUT_UNBUILT))
		gone(c, n);
	else
		check_fail_name(c, D_UNBUILT_REFERENCE, n, what, S(""));
}

static uint32_t list_kinds(const struct def_choices *list)
{
	uint32_t kinds = 0;

	for (uint32_t i = 0; i < list->count; i++)
		kinds |= list->list[i].is_number ? K(V_NUM) : K(V_TEXT);
	return kinds;
}

static uint32_t choice_kinds(const struct def_question *q, uint32_t depth)
{
	uint32_t kinds = list_kinds(q->choices.shared ? q->choices.shared : &q->choices);

	return q->from && depth < CARRIED_QUESTIONS_MAX ? kinds | choice_kinds(q->from, depth + 1) : kinds;
}

/* What one row or item holds. */
static uint32_t row_kinds(const struct def_question *q, const struct def_choice *row)
{
	if (row->item)
		return type_rows[row->item->type].kinds;
	if (q->type != Q_matrix)
		return type_rows[q->type].items;
	switch (q->cell) {
	case CELL_SINGLE:
		return list_kinds(q->choices.shared ? q->choices.shared : &q->choices);
	case CELL_MULTI:
		return K(V_LIST);
	default:
		return q->cell == CELL_TEXT ? K(V_TEXT) : K(V_NUM);
	}
}

static void answer_kinds(struct node *n, const struct def_question *q)
{
	const struct type_row *row = &type_rows[q->type];
	const struct def_choices *rows = q->rows.shared ? q->rows.shared : &q->rows;

	n->kinds = row->kinds;
	n->items = row->items;
	if (row->groups & P_CHOICES) {
		if (row->kinds & K(V_LIST))
			n->items = choice_kinds(q, 0);
		else
			n->kinds = choice_kinds(q, 0);
	} else if (rows->count) {
		n->items = 0;
		for (uint32_t i = 0; i < rows->count; i++)
			n->items |= row_kinds(q, &rows->list[i]);
	}
}

static const struct def_choice *row_of(const struct def_question *q, struct str name)
{
	const struct def_choices *list = q->rows.shared ? q->rows.shared : &q->rows;

	for (uint32_t i = 0; i < list->count; i++)
		if (str_eq(list->list[i].text, name))
			return &list->list[i];
	return NULL;
}

/* {matrix.row}, {multi_text.item}: what the row or item holds. */
static void refer_field(struct check *c, struct node *n, const struct def_question *q)
{
	const struct def_choice *row = row_of(q, n->field);

	for (int i = 0; i < GEOPOINT_FIELDS && q->type == Q_geopoint; i++)
		if (str_eq(n->field, str_from(geopoint_fields[i]))) {
			n->kinds = K(V_NUM);
			n->items = 0;
			return;
		}
	if (!(type_rows[q->type].groups & (P_MATRIX | P_ITEMS | P_PLACE)))
		check_fail_name(c, D_NO_FIELDS, n, q->name, n->field);
	else if (!row)
		check_fail_name(c, D_UNKNOWN_FIELD, n, q->name, n->field);
	n->kinds = row ? row_kinds(q, row) : 0;
	n->items = n->kinds == K(V_LIST) ? list_kinds(q->choices.shared ? q->choices.shared : &q->choices) : 0;
}

static void refer_question(struct check *c, struct node *n, struct def_question *q)
{
	const struct scope *s = c->scope;
	uint32_t groups = type_rows[q->type].groups;

	if (q->left_out) {
		gone(c, n);
		return;
	}
	if (!(groups & P_ANSWER)) {
		check_fail_name(c, D_NO_VALUE, n, q->name, str_from(type_rows[q->type].name));
		return;
	}
	if (q->page->index >= s->pages) {
		check_fail_name(c, D_LATER_PAGE, n, q->name, S(""));
		return;
	}
	n->reference = R_ANSWER;
	n->question = q;
	answer_kinds(n, q);
	if (!n->field.p)
		return;
	refer_field(c, n, q);
}

static void refer_calc(struct node *n, struct def_calc *calc)
{
	n->calc = calc;
	n->reference = R_CALC;
	n->kinds = K(calc->kind);
}

/* The roster in whose record the expression stands. */
static const struct def_question *record_of(const struct scope *s)
{
	if (s->roster)
		return s->roster;
	if (s->self && s->self->roster)
		return s->self->roster;
	return s->of ? s->of->roster : NULL;
}

static void refer_record(struct check *c, struct node *n, enum reference_kind reference, uint32_t kinds)
{
	if (!record_of(c->scope)) {
		check_fail_name(c, D_ROSTER_OUTSIDE, n, n->text, S(""));
		return;
	}
	n->reference = reference;
	n->kinds = kinds;
}

static void refer_special(struct check *c, struct node *n, struct str name)
{
	if (str_eq(name, S("lang"))) {
		n->reference = R_LANG;
		n->kinds = K(V_TEXT);
	} else if (str_eq(name, S("now"))) {
		n->reference = R_NOW;
		n->kinds = K(V_DATETIME);
	} else if (str_eq(name, S("seed"))) {
		n->reference = R_SEED;
		n->kinds = K(V_NUM);
	} else if (str_eq(name, S("index")) || str_eq(name, S("count"))) {
		refer_record(c, n, str_eq(name, S("index")) ? R_INDEX : R_COUNT, K(V_NUM));
	} else if (c->scope->def && (n->param = def_param_by_name(c->scope->def, name))) {
		n->reference = R_PARAM;
		n->kinds = K(n->param->kind);
	} else {
		check_fail_name(c, D_UNKNOWN_PARAMETER, n, name, S(""));
	}
}

/* {NAME_other} is the text typed for the choice of role `other`. */
static bool refer_other(struct check *c, struct node *n, const struct def_question *roster, struct str name)
{
	struct def_question *q;

	if (!str_ends(name, S("_other")))
		return false;
	q = def_question_in(c->scope->def, roster, str_sub(name, 0, name.n - 6));
	if (!q || !(type_rows[q->type].groups & P_CHOICES))
		return false;
	refer_question(c, n, q);
	if (n->reference == R_ANSWER) {
		n->reference = R_OTHER;
		n->kinds = K(V_TEXT);
		n->items = 0;
	}
	return true;
}

/* {row.x} and {row.x.field}: an answer of the record itself. */
static void refer_row(struct check *c, struct node *n)
{
	const struct def_question *roster = record_of(c->scope);
	struct str rest = n->field, name;
	struct def_question *q;
	bool more;

	if (!roster) {
		check_fail_name(c, D_ROSTER_OUTSIDE, n, n->text, S(""));
		return;
	}
	name = str_cut(&rest, '.', &more);
	n->field = more ? rest : (struct str){NULL, 0};
	q = def_question_in(c->scope->def, roster, name);
	if (q)
		refer_question(c, n, q);
	else if (more || !refer_other(c, n, roster, name))
		check_fail_name(c, D_UNKNOWN_FIELD, n, roster->name, name);
}

/* {item.value} and {item.label}: what the record stands for. */
static void refer_item(struct check *c, struct node *n)
{
	const struct def_question *roster = record_of(c->scope);
	bool label = str_eq(n->field, S("label"));

	if (!label && !str_eq(n->field, S("value"))) {
		check_fail_name(c, D_UNKNOWN_FIELD, n, S("item"), n->field);
		return;
	}
	n->field = (struct str){NULL, 0};
	refer_record(c, n, label ? R_ITEM_LABEL : R_ITEM,
	    label			  ? K(V_TEXT)
	    : !roster || !roster->over.at ? K(V_NUM)
	    : roster->over_from		  ? choice_kinds(roster->over_from, 0)
					  : K(V_NUM));
}

static void refer_name(struct check *c, struct node *n, struct str name);

/* {^.x}: around the record stands the interview itself. */
static void refer_outer(struct check *c, struct node *n)
{
	struct str rest = n->field, name;
	bool more;

	if (!record_of(c->scope)) {
		check_fail_name(c, D_ROSTER_OUTSIDE, n, n->text, S(""));
		return;
	}
	name = str_cut(&rest, '.', &more);
	n->field = more ? rest : (struct str){NULL, 0};
	refer_name(c, n, name);
}

/* collect eval: of a list of objects among the values. */
static void refer_path(struct check *c, struct node *n, bool one)
{
	struct node *path = one ? arena_new(c->diags->a, struct node) : NULL;

	if (!one) {
		check_not_built(c, n, n->text);
		return;
	}
	if (!path || !(n->args = arena_array(c->diags->a, struct node *, 1))) {
		c->diags->memory = c->failed = true;
		return;
	}
	*path = (struct node){.kind = N_TEXT, .from = n->from, .to = n->to, .text = n->text};
	n->args[n->count++] = path;
	n->kind = N_LOOSE;
	n->function = LOOSE_variable;
	n->kinds = n->items = K_ANY;
}

/* {roster[]._item}: what its records stand for, as the stored answers name it. */
static void refer_items(struct check *c, struct node *n, struct def_question *roster)
{
	if (roster->page->index >= c->scope->pages) {
		check_fail_name(c, D_LATER_PAGE, n, roster->name, S(""));
		return;
	}
	n->reference = R_COLLECT;
	n->question = roster;
	n->kinds = K(V_LIST);
	n->items = roster->over_from ? choice_kinds(roster->over_from, 0) : K(V_NUM);
}

/* {roster[2].x}, {roster[2].x.field}, {roster[].x} and {roster[]._item} */
static void refer_records(struct check *c, struct node *n)
{
	struct str rest = n->text, name = str_cut(&rest, '[', NULL), number = str_cut(&rest, ']', NULL), inner;
	struct def_question *roster, *q;
	int64_t record = 0;
	bool more;

	if (!str_starts(rest, S(".")) ||
	    (number.n && (!str_to_int(number, &record) || record < 0 || record >= ROSTER_RECORDS_MAX))) {
		check_fail_name(c, D_RECORD_NAME, n, S(""), S(""));
		return;
	}
	if (!c->scope->def) {
		refer_path(c, n, number.n > 0);
		return;
	}
	roster = def_question_by_name(c->scope->def, name);
	if (!roster || roster->left_out || roster->type != Q_roster) {
		if (roster && roster->left_out)
			gone(c, n);
		else
			check_fail_name(c, roster ? D_NOT_A_ROSTER : D_UNKNOWN_NAME, n, name, S(""));
		return;
	}
	rest = str_sub(rest, 1, rest.n - 1);
	inner = str_cut(&rest, '.', &more);
	n->field = more ? rest : (struct str){NULL, 0};
	if (!number.n && !more && str_eq(inner, S("_item"))) {
		refer_items(c, n, roster);
		return;
	}
	if (!(q = def_question_in(c->scope->def, roster, inner))) {
		check_fail_name(c, D_UNKNOWN_FIELD, n, name, inner);
		return;
	}
	refer_question(c, n, q);
	if (n->reference != R_ANSWER)
		return;
	n->reference = number.n ? R_RECORD : R_COLLECT;
	n->record = (uint32_t)record;
	if (number.n)
		return;
	if (more) {
		check_not_built(c, n, n->text);
		return;
	}
	n->items = n->kinds == K(V_LIST) ? n->items : n->kinds;
	n->kinds = K(V_LIST);
}

/* A name that only the records of a roster have. */
static void fail_unknown(struct check *c, struct node *n, struct str name)
{
	const struct def *def = c->scope->def;

	for (uint32_t i = 0; i < def->question_count; i++)
		if (def->questions[i].roster && str_eq(def->questions[i].name, name)) {
			check_fail_name(c, D_ROSTER_INSIDE, n, name, def->questions[i].roster->name);
			return;
		}
	check_fail_name(c, D_UNKNOWN_NAME, n, name, S(""));
}

static void refer_name(struct check *c, struct node *n, struct str name)
{
	const struct def *def = c->scope->def;
	struct def_question *q = def_question_by_name(def, name);
	struct def_calc *calc = n->field.p ? NULL : def_calc_by_name(def, name);

	if (q)
		refer_question(c, n, q);
	else if (calc)
		refer_calc(n, calc);
	else if (str_eq(name, S("choice")))
		check_fail_name(c, D_CHOICE_OUTSIDE, n, n->text, S(""));
	else if (n->field.p || !refer_other(c, n, NULL, name))
		fail_unknown(c, n, name);
}

/* {choice.value} and {choice.code}: the choice that a filter is asked about. */
static bool refer_choice(struct check *c, struct node *n, struct str name)
{
	bool code = str_eq(n->field, S("code"));

	if (!c->scope->choices || !str_eq(name, S("choice")) || !n->field.p)
		return false;
	if (!code && !str_eq(n->field, S("value"))) {
		check_fail_name(c, D_UNKNOWN_FIELD, n, name, n->field);
		return true;
	}
	n->reference = code ? R_CHOICE_CODE : R_CHOICE;
	n->kinds = code ? K(V_NUM) : choice_kinds(c->scope->choices, 0);
	n->field = (struct str){NULL, 0};
	return true;
}

/* `row`, `item` and `^` inside a roster; elsewhere a question may be called so. */
static bool refer_inside(struct check *c, struct node *n, struct str name)
{
	bool row = str_eq(name, S("row")), item = str_eq(name, S("item")), up = str_eq(name, S("^"));

	if ((!row && !item && !up) || (!up && !record_of(c->scope) && def_question_by_name(c->scope->def, name)))
		return false;
	if (!n->field.p)
		check_fail_name(c, D_BAD_NAME, n, n->text, S(""));
	else if (row)
		refer_row(c, n);
	else if (item)
		refer_item(c, n);
	else
		refer_outer(c, n);
	return true;
}

static bool refer_self(struct check *c, struct node *n)
{
	const struct def_question *q = c->scope->self;

	if (!q) {
		check_fail_name(c, D_SELF_OUTSIDE, n, S(""), S(""));
		return false;
	}
	n->reference = R_SELF;
	answer_kinds(n, q);
	return true;
}

void check_reference(struct check *c, struct node *n)
{
	struct str rest = n->text, name;
	bool more;

	if (str_eq(n->text, S("."))) {
		refer_self(c, n);
		return;
	}
	if (str_find_char(n->text, '[', NULL)) {
		refer_records(c, n);
		return;
	}
	if (n->text.n && n->text.p[0] == '@') {
		refer_special(c, n, str_sub(n->text, 1, n->text.n - 1));
		return;
	}
	name = str_cut(&rest, '.', &more);
	n->field = more ? rest : (struct str){NULL, 0};
	if ((!name_valid(name) && !str_eq(name, S("^"))) || (more && !rest.n)) {
		check_fail_name(c, D_BAD_NAME, n, n->text, S(""));
	} else if (!c->scope->def) {
		n->reference = R_VAR;
		n->kinds = n->items = K_ANY;
		n->text = name;
	} else if (!refer_choice(c, n, name) && !refer_inside(c, n, name)) {
		refer_name(c, n, name);
	}
}
