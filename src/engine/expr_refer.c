/* expr_refer.c - what references and calls stand for. */
#include "engine/expr_check.h"
#include "base/arena.h"
#include "base/limits.h"

const struct function_row function_rows[FUNCTIONS] = {
#define FN(name, result, args, meaning) {result, args},
#include "engine/functions.def"
#undef FN
};
const char *const function_names[FUNCTIONS] = {
#define FN(name, result, args, meaning) #name,
#include "engine/functions.def"
#undef FN
};

static void fail_name(struct check *c, enum diag kind, const struct node *n, struct str a, struct str b)
{
	check_fail(c, kind, n, (const struct str[3]){a, b, S("")});
}

static void gone(struct check *c, struct node *n)
{
	n->reference = R_GONE;
	n->kinds = 0;
	fail_name(c, D_LEFT_OUT_REFERENCE, n, str_sub(c->source, n->from, n->to - n->from), S(""));
}

static void not_built(struct check *c, struct node *n, struct str what)
{
	if (c->scope->def && (c->scope->def->flags & COMPILE_LEAVE_OUT_UNBUILT))
		gone(c, n);
	else
		fail_name(c, D_UNBUILT_REFERENCE, n, what, S(""));
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

	return q->from && depth < EXPRESSION_DEPTH_MAX ? kinds | choice_kinds(q->from, depth + 1) : kinds;
}

static void answer_kinds(struct node *n, const struct def_question *q)
{
	const struct type_row *row = &type_rows[q->type];

	n->kinds = row->kinds;
	n->items = row->items;
	if (row->groups & P_CHOICES) {
		if (row->kinds & K(V_LIST))
			n->items = choice_kinds(q, 0);
		else
			n->kinds = choice_kinds(q, 0);
	} else if (q->type == Q_matrix) {
		n->items = list_kinds(q->choices.shared ? q->choices.shared : &q->choices);
	}
}

static bool has_field(const struct def_question *q, struct str field)
{
	const struct def_choices *list = q->rows.shared ? q->rows.shared : &q->rows;

	for (uint32_t i = 0; i < list->count; i++)
		if (str_eq(list->list[i].text, field))
			return true;
	return false;
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
		fail_name(c, D_NO_VALUE, n, q->name, str_from(type_rows[q->type].name));
		return;
	}
	if (q->page->index >= s->pages) {
		fail_name(c, D_LATER_PAGE, n, q->name, S(""));
		return;
	}
	n->reference = R_ANSWER;
	n->question = q;
	answer_kinds(n, q);
	if (!n->field.p)
		return;
	if (!(groups & (P_MATRIX | P_ITEMS)))
		fail_name(c, D_NO_FIELDS, n, q->name, n->field);
	else if (!has_field(q, n->field))
		fail_name(c, D_UNKNOWN_FIELD, n, q->name, n->field);
	n->kinds = n->items;
	n->items = 0;
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
		not_built(c, n, n->text);
	} else if (c->scope->def && (n->param = def_param_by_name(c->scope->def, name))) {
		n->reference = R_PARAM;
		n->kinds = K(n->param->kind);
	} else {
		fail_name(c, D_UNKNOWN_PARAMETER, n, name, S(""));
	}
}

/* {NAME_other} is the text typed for the choice of role `other`. */
static bool refer_other(struct check *c, struct node *n, struct str name)
{
	struct def_question *q;

	if (!str_ends(name, S("_other")))
		return false;
	q = def_question_by_name(c->scope->def, str_sub(name, 0, name.n - 6));
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

static void refer_name(struct check *c, struct node *n, struct str name)
{
	const struct def *def = c->scope->def;
	struct def_question *q = def_question_by_name(def, name);

	if (q) {
		refer_question(c, n, q);
		return;
	}
	n->calc = n->field.p ? NULL : def_calc_by_name(def, name);
	if (n->calc) {
		n->reference = R_CALC;
		n->kinds = K(n->calc->kind);
		return;
	}
	if (str_eq(name, S("row")) || str_eq(name, S("item")) || str_eq(name, S("choice")) || str_eq(name, S("^"))) {
		not_built(c, n, n->text);
		return;
	}
	if (n->field.p || !refer_other(c, n, name))
		fail_name(c, D_UNKNOWN_NAME, n, name, S(""));
}

static bool refer_self(struct check *c, struct node *n)
{
	const struct def_question *q = c->scope->self;

	if (!q) {
		fail_name(c, D_SELF_OUTSIDE, n, S(""), S(""));
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
		not_built(c, n, n->text);
		return;
	}
	if (n->text.n && n->text.p[0] == '@') {
		refer_special(c, n, str_sub(n->text, 1, n->text.n - 1));
		return;
	}
	name = str_cut(&rest, '.', &more);
	n->field = more ? rest : (struct str){NULL, 0};
	if ((!name_valid(name) && !str_eq(name, S("^"))) || (more && !rest.n)) {
		fail_name(c, D_BAD_NAME, n, n->text, S(""));
	} else if (!c->scope->def) {
		n->reference = R_VAR;
		n->kinds = n->items = K_ANY;
		n->text = name;
	} else {
		refer_name(c, n, name);
	}
}

/* ---- calls ---- */

uint32_t function_letter_kinds(char letter)
{
	switch (letter) {
	case 'n':
		return K(V_NUM);
	case 'b':
		return K(V_BOOL);
	case 't':
		return K(V_TEXT);
	case 'd':
		return K(V_DATE);
	case 'T':
		return K(V_TIME);
	case 'D':
		return K(V_DATETIME);
	case 'l':
		return K(V_LIST);
	case 'r':
		return K(V_RECORD);
	case 's':
		return K_SCALAR;
	default:
		return K_ANY;
	}
}

static void check_iif(struct check *c, struct node *n)
{
	if (n->count != 3) {
		fail_name(c, D_ARGUMENTS, n, S("iif"), S("3"));
		return;
	}
	check_kinds(c, S("iif"), n->args[0], K(V_BOOL));
	n->kind = N_IIF;
	n->kinds = n->args[1]->kinds | n->args[2]->kinds;
	n->items = n->args[1]->items | n->args[2]->items;
}

static void check_label(struct check *c, struct node *n)
{
	struct node *a = n->count == 1 ? n->args[0] : NULL;

	n->function = FN_LABEL;
	n->kinds = K(V_TEXT);
	if (a && a->kind == N_REFERENCE && a->reference == R_GONE)
		return;
	if (!a || a->kind != N_REFERENCE || a->reference != R_ANSWER || a->field.p ||
	    !(type_rows[a->question->type].groups & P_CHOICES))
		fail_name(c, D_LABEL_ARGUMENT, n, S(""), S(""));
}

static void check_matches(struct check *c, struct node *n)
{
	struct pattern *pattern;
	const char *why = "";
	uint32_t at;
	enum err e;

	n->function = FN_MATCHES;
	n->kinds = K(V_BOOL);
	if (n->count != 2) {
		fail_name(c, D_ARGUMENTS, n, S("matches"), S("2"));
		return;
	}
	check_kinds(c, S("matches"), n->args[0], K(V_TEXT));
	if (n->args[1]->kind != N_TEXT) {
		fail_name(c, D_PATTERN_LITERAL, n->args[1], S(""), S(""));
		return;
	}
	n->text = n->args[1]->text;
	n->count = 1;
	e = pattern_compile(c->diags->a, n->text, &pattern, &why, &at);
	if (e == ERR_MEMORY)
		c->diags->memory = true;
	else if (e)
		fail_name(c, D_BAD_PATTERN, n->args[1], str_from(why), S(""));
}

/* How many arguments a row of functions.def takes, and the letter of the i-th. */
static void arguments(const char *args, uint32_t *least, uint32_t *most)
{
	bool optional = false;

	*least = *most = 0;
	for (; *args; args++) {
		if (*args == '?') {
			optional = true;
		} else if (*args == '*') {
			*most = 1000;
		} else {
			*least += !optional;
			*most += *most < 1000;
		}
	}
}

static char argument(const char *args, uint32_t i)
{
	char last = 'a';

	for (; *args; args++) {
		if (*args == '?' || *args == '*')
			continue;
		last = *args;
		if (i-- == 0)
			break;
	}
	return last;
}

static void check_unit(struct check *c, const struct node *n)
{
	const struct node *unit = n->args[2];

	if (unit->kind == N_TEXT && !str_eq(unit->text, S("days")) && !str_eq(unit->text, S("weeks")) &&
	    !str_eq(unit->text, S("months")) && !str_eq(unit->text, S("years")))
		fail_name(c, D_BAD_UNIT, unit, unit->text, S(""));
}

static void check_function(struct check *c, struct node *n, uint32_t function)
{
	const struct function_row *row = &function_rows[function];
	uint32_t least, most;

	n->function = function;
	arguments(row->args, &least, &most);
	if (n->count < least || n->count > most) {
		struct str wanted = diag_int(c->diags, n->count < least ? least : most);

		fail_name(c, D_ARGUMENTS, n, n->text, wanted);
		return;
	}
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t kinds = function_letter_kinds(argument(row->args, i));

		if (!check_moment(c, n->args[i], kinds))
			return;
		check_kinds(c, n->text, n->args[i], kinds);
		if (row->result[0] == '=')
			n->kinds |= n->args[i]->kinds & K(V_LIST) && function != F_coalesce ? n->args[i]->items
											    : n->args[i]->kinds;
		n->items |= row->result[0] == '=' ? n->args[i]->items : 0;
	}
	if (row->result[0] != '=')
		n->kinds = function_letter_kinds(row->result[0]);
	if (function == F_date_add || function == F_date_diff)
		check_unit(c, n);
}

void check_call(struct check *c, struct node *n)
{
	if (str_eq(n->text, S("iif"))) {
		check_iif(c, n);
	} else if (str_eq(n->text, S("label"))) {
		check_label(c, n);
	} else if (str_eq(n->text, S("matches"))) {
		check_matches(c, n);
	} else if (str_eq(n->text, S("index")) || str_eq(n->text, S("random"))) {
		not_built(c, n, n->text);
		n->kind = N_EMPTY;
		n->count = 0;
	} else {
		for (uint32_t i = 0; i < FUNCTIONS; i++)
			if (str_eq(n->text, str_from(function_names[i]))) {
				check_function(c, n, i);
				return;
			}
		fail_name(c, D_UNKNOWN_FUNCTION, n, n->text, S(""));
	}
}
