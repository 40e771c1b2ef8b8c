/* expr_call.c - what calls stand for: functions, and the few that are part of the language. */
#include "engine/expr_check.h"
#include "engine/number.h"
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
	case 'm':
		return K(V_DATE) | K(V_DATETIME);
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
		check_fail_name(c, D_ARGUMENTS, n, S("iif"), S("3 arguments"));
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
		check_fail_name(c, D_LABEL_ARGUMENT, n, S(""), S(""));
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
		check_fail_name(c, D_ARGUMENTS, n, S("matches"), S("2 arguments"));
		return;
	}
	check_kinds(c, S("matches"), n->args[0], K(V_TEXT));
	if (n->args[1]->kind != N_TEXT) {
		check_fail_name(c, D_PATTERN_LITERAL, n->args[1], S(""), S(""));
		return;
	}
	n->text = n->args[1]->text;
	n->count = 1;
	e = pattern_compile(c->diags->a, n->text, &pattern, &why, &at);
	if (e == ERR_MEMORY)
		c->diags->memory = true;
	else if (e)
		check_fail_name(c, D_BAD_PATTERN, n->args[1], str_from(why), S(""));
}

#define ARGUMENTS_ANY 1000

/* How many arguments a row of functions.def takes, and the letter of the i-th. */
static void arguments(const char *args, uint32_t *least, uint32_t *most)
{
	bool optional = false;

	*least = *most = 0;
	for (; *args; args++) {
		if (*args == '?') {
			optional = true;
		} else if (*args == '*') {
			*most = ARGUMENTS_ANY;
		} else {
			*least += !optional;
			*most += *most < ARGUMENTS_ANY;
		}
	}
}

/* "1 argument", "at least 2 arguments", "1 to 3 arguments" */
static struct str wanted(const struct check *c, uint32_t least, uint32_t most)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, c->diags->a, 64);
	if (most >= ARGUMENTS_ANY)
		buf_add(&b, S("at least "));
	buf_int(&b, least);
	if (least < most && most < ARGUMENTS_ANY) {
		buf_add(&b, most == least + 1 ? S(" or ") : S(" to "));
		buf_int(&b, most);
	}
	buf_add(&b, least == 1 && (most == 1 || most >= ARGUMENTS_ANY) ? S(" argument") : S(" arguments"));
	c->diags->memory |= buf_done(&b, &out) == ERR_MEMORY;
	return out;
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
	    !str_eq(unit->text, S("months")) && !str_eq(unit->text, S("years")) && !str_eq(unit->text, S("hours")) &&
	    !str_eq(unit->text, S("minutes")))
		check_fail_name(c, D_BAD_UNIT, unit, unit->text, S(""));
}

static bool written_number(const struct node *n, double *out)
{
	bool negative = n->kind == N_UNARY && n->op == O_NEGATE;

	if (negative)
		n = n->args[0];
	*out = negative ? -n->num : n->num;
	return n->kind == N_NUM;
}

/* random() between two numbers that are written out: what is never anything but empty is a mistake. */
static void check_draw(struct check *c, const struct node *n)
{
	double low, high;

	if (n->count && written_number(n->args[0], &low) && written_number(n->args[1], &high) &&
	    -number_floor(-low) > high)
		check_fail_name(c, low > high ? D_BOUNDS : D_NOTHING_DRAWN, n, check_source(c, n->args[0]),
		    check_source(c, n->args[1]));
}

static void check_function(struct check *c, struct node *n, uint32_t function)
{
	const struct function_row *row = &function_rows[function];
	uint32_t least, most;

	n->function = function;
	arguments(row->args, &least, &most);
	if (n->count < least || n->count > most || (function == F_random && n->count == 1)) {
		check_fail_name(
		    c, D_ARGUMENTS, n, n->text, function == F_random ? S("0 or 2 arguments") : wanted(c, least, most));
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
	if (row->result[0] == 'm' && n->args[0]->kinds)
		n->kinds &= n->args[0]->kinds;
	if (function == F_date_add || function == F_date_diff)
		check_unit(c, n);
	if (function == F_random)
		check_draw(c, n);
	for (uint32_t i = 1; i < n->count && (function == F_selected || (function >= F_any_of && function != F_random));
	     i++)
		check_chosen(c, n, n->args[0], n->args[i]);
}

void check_call(struct check *c, struct node *n)
{
	if (str_eq(n->text, S("iif"))) {
		check_iif(c, n);
	} else if (str_eq(n->text, S("label"))) {
		check_label(c, n);
	} else if (str_eq(n->text, S("matches"))) {
		check_matches(c, n);
	} else {
		for (uint32_t i = 0; i < FUNCTIONS; i++)
			if (str_eq(n->text, str_from(function_names[i]))) {
				check_function(c, n, i);
				return;
			}
		check_fail_name(c, D_UNKNOWN_FUNCTION, n, n->text, S(""));
	}
}
