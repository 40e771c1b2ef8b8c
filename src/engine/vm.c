/* vm.c - the machine. The program was verified: stack, operands and jumps need no looking at here. Kinds do: what does not
 * fit gives empty, and under collect eval says so. */
#include "engine/vm.h"
#include "engine/loose.h"
#include "engine/fold.h"
#include "engine/number.h"
#include "engine/pattern_states.h"
#include "base/limits.h"
#include "base/shim.h"
#include "base/utf8.h"

static vm_function *const functions[FUNCTIONS] = {
#define FN(name, result, args, meaning) function_##name,
#include "engine/functions.def"
#undef FN
};

void vm_problem_is(struct run *r, const char *what)
{
	if (!r->problem)
		r->problem = what;
}

bool run_burn(struct run *r, uint32_t cost)
{
	int64_t *fuel = run_fuel(r);

	*fuel -= cost;
	if (*fuel < 0 && !r->failed)
		r->failed = ERR_LIMIT;
	return !r->failed;
}

bool run_find(struct run *r, uint32_t pattern, struct str text, bool *found)
{
	struct pattern x = program_pattern(r->p, pattern);
	uint32_t most = 0;
	enum err e;

	/* one for all searches: an arena takes nothing back */
	for (uint32_t i = 0; !r->pattern_room && i < r->p->pattern_count; i++)
		most = r->p->pattern[i].states_count > most ? r->p->pattern[i].states_count : most;
	if (!r->pattern_room && !(r->pattern_room = run_alloc(r, PATTERN_ROOM(most), sizeof(*r->pattern_room))))
		return false;
	e = pattern_search(&x, text, r->pattern_room, run_fuel(r), found);
	if (e && !r->failed)
		r->failed = e;
	return !r->failed;
}

void *run_alloc(struct run *r, size_t n, size_t size)
{
	void *p = arena_alloc_array(r->a, n ? n : 1, size);

	if (!p && !r->failed)
		r->failed = ERR_MEMORY;
	return p;
}

/* ---- operators ---- */

static struct value arithmetic(struct run *r, enum opcode op, const struct value *a, const struct value *b)
{
	double v;

	if (value_is_empty(a) || value_is_empty(b))
		return value_empty;
	if (a->kind != V_NUM || b->kind != V_NUM) {
		vm_problem(r, "Arithmetic works on numbers only. Change the expression.");
		return value_empty;
	}
	if ((op == OP_DIVIDE || op == OP_MOD) && b->num == 0)
		return value_empty;
	switch (op) {
	case OP_ADD:
		v = a->num + b->num;
		break;
	case OP_SUBTRACT:
		v = a->num - b->num;
		break;
	case OP_MULTIPLY:
		v = a->num * b->num;
		break;
	case OP_DIVIDE:
		v = a->num / b->num;
		break;
	case OP_MOD:
		if (!run_burn_far(r, a->num, b->num))
			return value_empty;
		v = number_mod(a->num, b->num);
		break;
	default:
		if (!run_burn_far(r, a->num, b->num) || !number_pow(a->num, b->num, &v))
			return value_empty;
		break;
	}
	return number_finite(v) ? value_num(v) : value_empty;
}

static struct value compare(struct run *r, enum opcode op, const struct value *a, const struct value *b)
{
	int order;

	if (value_is_empty(a) || value_is_empty(b))
		return value_bool(op == OP_EQ || op == OP_NE ? value_same(a, b) == (op == OP_EQ) : false);
	if (a->kind != b->kind && !value_days(a, b)) {
		vm_problem(r, "Two things of different kinds are compared. Compare things of one kind.");
		return value_bool(op == OP_NE);
	}
	if (op == OP_EQ || op == OP_NE) {
		return value_bool(run_burn_pairs(r, a, b) && value_same(a, b) == (op == OP_EQ));
	}
	if (!run_burn_value(r, a))
		return value_bool(false);
	if (!value_order(a, b, &order)) {
		vm_problem(r, "These cannot be ordered. Compare numbers, texts or dates.");
		return value_bool(false);
	}
	return value_bool(op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0);
}

static bool list_contains(struct run *r, const struct value *a, const struct value *b, bool fold)
{
	if (!run_burn_pairs(r, a, b))
		return false;
	if (!fold)
		return value_in(b, a);
	for (uint32_t i = 0; i < a->count; i++)
		if (a->items[i].kind == V_TEXT && b->kind == V_TEXT && run_burn_fold(r, a->items[i].s) &&
		    fold_cmp(a->items[i].s, b->s) == 0)
			return true;
	return false;
}

bool vm_contains(struct run *r, const struct value *a, const struct value *b, bool fold)
{
	if (value_is_empty(a) || value_is_empty(b))
		return false;
	if (a->kind == V_LIST)
		return list_contains(r, a, b, fold);
	if (a->kind != V_TEXT || b->kind != V_TEXT) {
		vm_problem(r, "`contains` looks into a list or a text. Change the expression.");
		return false;
	}
	if (!run_burn(r, (uint32_t)((a->s.n + b->s.n) / 32)))
		return false;
	return fold ? str_find(run_fold(r, a->s), run_fold(r, b->s), NULL) : str_find(a->s, b->s, NULL);
}

/* A single value beside a list counts as a list of one. */
static bool anyof(struct run *r, const struct value *a, const struct value *b, bool all)
{
	const struct value one = {.kind = V_LIST, .count = 1, .items = a};
	const struct value *in = a->kind == V_LIST ? a : &one;

	if (value_is_empty(a))
		return all && value_is_empty(b);
	if (value_is_empty(b))
		return all;
	if (b->kind != V_LIST) {
		vm_problem(r, "`anyof` and its like compare with a list. Write ['a', 'b'].");
		return false;
	}
	if (!run_burn_pairs(r, in, b))
		return false;
	for (uint32_t i = 0; i < b->count; i++)
		if (value_in(&b->items[i], in) != all)
			return !all;
	return all;
}

static struct value set_op(struct run *r, enum opcode op, const struct value *a, const struct value *b)
{
	switch (op) {
	case OP_CONTAINS:
	case OP_ICONTAINS:
		return value_bool(vm_contains(r, a, b, op == OP_ICONTAINS));
	case OP_ANYOF:
		return value_bool(anyof(r, a, b, false));
	case OP_ALLOF:
		return value_bool(anyof(r, a, b, true));
	default:
		if (value_is_empty(a) || value_is_empty(b))
			return value_bool(false);
		if (b->kind != V_LIST) {
			vm_problem(r, "`in` looks into a list. Write ['a', 'b'].");
			return value_bool(false);
		}
		return value_bool(run_burn_pairs(r, a, b) && value_in(a, b));
	}
}

static bool truth(struct run *r, const struct value *v)
{
	if (!value_is_empty(v) && v->kind != V_BOOL)
		vm_problem(r, "A condition must be true or false. Compare the value with something.");
	return value_is_true(v);
}

static struct value unary(struct run *r, enum opcode op, const struct value *a)
{
	switch (op) {
	case OP_TRUTH:
		return value_bool(truth(r, a));
	case OP_NOT:
		return value_bool(!truth(r, a));
	case OP_IS_EMPTY:
		return value_bool(value_is_empty(a));
	default:
		if (a->kind == V_NUM)
			return value_num(-a->num);
		if (!value_is_empty(a))
			vm_problem(r, "Only a number can be negated. Change the expression.");
		return value_empty;
	}
}

static struct value matches(struct run *r, uint32_t pattern, const struct value *a)
{
	bool found = false;

	if (!value_is_empty(a) && a->kind != V_TEXT)
		vm_problem(r, "matches() works on a text. Change the expression.");
	/* an unanswered question matches nothing: whether it must be answered is said elsewhere */
	if (value_is_empty(a) || a->kind != V_TEXT)
		return value_bool(false);
	return value_bool(run_find(r, pattern, a->s, &found) && found);
}

static bool letter_fits(const char *args, uint32_t i, const struct value *v)
{
	char last = 'a';

	for (uint32_t k = 0; *args; args++)
		if (*args != '?' && *args != '*') {
			last = *args;
			if (k++ == i)
				break;
		}
	return value_is_empty(v) || (function_letter_kinds(last) & K(v->kind));
}

static struct value call(struct run *r, uint32_t function, const struct value *args, uint32_t count)
{
	struct value out = value_empty;
	struct call c = {r, args, count, &out};
	const char *letters = function_rows[function].args;
	uint32_t least = 0;

	for (const char *l = letters; *l && *l != '?'; l++)
		least += *l != '*';
	if (count < least)
		return value_empty;
	for (uint32_t i = 0; i < count; i++)
		if (!letter_fits(letters, i, &args[i])) {
			vm_problem(r, "A function got something it does not work on. Change its arguments.");
			return value_empty;
		}
	if (run_burn(r, count))
		functions[function](&c);
	return out;
}

/* ---- values from the interview ---- */

static struct value variable(struct run *r, uint32_t name)
{
	const struct json *v = json_get(r->vars, program_str(r->p, name));
	struct value out = value_empty;
	enum err e;

	if (v && (e = value_from_json(r->a, v, &out)) && !r->failed)
		r->failed = e;
	return out;
}

static struct value outside(struct run *r, enum opcode op, uint32_t x)
{
	const struct value *kept = &value_empty;

	switch (op) {
	case OP_OTHER:
		return value_text(state_seen(r, x)->other);
	case OP_LABEL:
		return value_text(question_label(r, x));
	case OP_CHOICE_CODE:
		if (r->choice && r->choice->choice->code)
			return value_num(program_num(r->p, r->choice->choice->code));
		break;
	case OP_COLLECT:
		return record_answers(r, x);
	case OP_ITEM_LABEL:
		if (r->record)
			return value_text(r->record->label);
		break;
	case OP_INDEX:
	case OP_COUNT:
		if (r->record)
			return value_num(op == OP_INDEX ? r->record_number : r->record_count);
		break;
	case OP_LANG:
		return value_text(r->in->language);
	case OP_NOW:
		return value_time(V_DATETIME, run_individual(r)->now_ms);
	case OP_SEED:
		return value_num((double)(run_individual(r)->seed & (((uint64_t)1 << 53) - 1)));
	case OP_ANSWER:
		kept = &state_seen(r, x)->value;
		break;
	case OP_CALC:
		kept = &r->calcs[x];
		break;
	case OP_PARAM:
		kept = &r->params[x];
		break;
	case OP_CHOICE:
		kept = r->choice ? &r->choice->value : kept;
		break;
	case OP_SELF:
		kept = r->self ? r->self : kept;
		break;
	case OP_ITEM:
		kept = r->record ? &r->record->item : kept;
		break;
	default:
		return RUN_AFRESH ? value_empty : variable(r, x);
	}
	return *kept;
}

/* What is looked up may be a label with expressions of its own, which work above what is on the stack. */
static struct value outside_above(struct run *r, enum opcode op, uint32_t x, struct value *top)
{
	struct value *stack = r->stack, v;

	r->stack = top;
	r->nested++;
	v = outside(r, op, x);
	r->nested--;
	r->stack = stack;
	return v;
}

static struct value field(struct run *r, const struct value *v, uint32_t name)
{
	const struct value *f = value_field(v, program_str(r->p, name));

	return f ? *f : value_empty;
}

/* A date or time of the program; what lies outside the calendar or the day is none. */
static struct value moment(enum value_kind kind, double v)
{
	static const int64_t first[] = {DATE_FIRST, 0, DATE_FIRST * (int64_t)DAY_MS},
			     last[] = {DATE_LAST, 86399, (DATE_LAST + 1) * (int64_t)DAY_MS - 1};
	int64_t t = number_int(v);

	return t >= first[kind - V_DATE] && t <= last[kind - V_DATE] ? value_time(kind, t) : value_empty;
}

static uint32_t word(const unsigned char *c)
{
	return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

struct value vm_run(struct run *r, uint32_t expression)
{
	const struct p_expr *x = &r->p->expr[expression];
	const unsigned char *code = (const unsigned char *)r->p->code.p + x->code;
	struct value *top = r->stack; /* the first free place */
	uint32_t at = 0;

	/* a label that shows itself ends here */
	if (!expression || r->nested >= VM_NESTED_MAX)
		return value_empty;
	for (;;) {
		enum opcode op = (enum opcode)code[at];
		const struct opcode_row *row = &opcode_rows[op];
		uint32_t words = operand_words(row->operand), a = words ? word(code + at + 1) : 0;

		if (!run_burn(r, row->cost))
			return value_empty;
		if (WHY_IS_TOLD && !r->problem)
			r->problem_at = x->code + at;
		at += 1 + 4 * words;
		switch (op) {
		case OP_END:
			return r->failed ? value_empty : top[-1];
		case OP_EMPTY:
			*top++ = value_empty;
			break;
		case OP_TRUE:
		case OP_FALSE:
			*top++ = value_bool(op == OP_TRUE);
			break;
		case OP_NUM:
			*top++ = value_num(program_num(r->p, a));
			break;
		case OP_DATE:
		case OP_TIME:
		case OP_DATETIME:
			*top++ = moment((enum value_kind)(V_DATE + (op - OP_DATE)), program_num(r->p, a));
			break;
		case OP_TEXT:
			*top++ = value_text(program_str(r->p, a));
			break;
		case OP_LIST:
			top -= a;
			*top = vm_list(r, top, a);
			top++;
			break;
		case OP_FIELDS:
			top -= a;
			*top = vm_record(r, top, a / 2);
			top++;
			break;
		case OP_FIELD:
			top[-1] = field(r, &top[-1], a);
			break;
		case OP_RECORD:
			top[-1] = top[-1].kind == V_NUM ? record_answer(r, a, top[-1].num) : value_empty;
			break;
		case OP_JUMP:
			at = a;
			break;
		case OP_UNLESS:
			if (!truth(r, --top))
				at = a;
			break;
		case OP_AND:
		case OP_OR:
			top--;
			if (truth(r, top) == (op == OP_OR)) {
				*top = value_bool(op == OP_OR);
				top++;
				at = a;
			}
			break;
		case OP_TRUTH:
		case OP_NOT:
		case OP_IS_EMPTY:
		case OP_NEGATE:
			top[-1] = unary(r, op, &top[-1]);
			break;
		case OP_MATCHES:
			top[-1] = matches(r, a, &top[-1]);
			break;
		case OP_CALL: {
			uint32_t count = word(code + at - 4);

			top -= count;
			r->place = x->code + at;
			*top = call(r, a, top, count);
			top++;
			break;
		}
#ifndef STRICT_ONLY
		case OP_LOOSE: {
			uint32_t count = word(code + at - 4);

			top -= count;
			*top = loose_run(r, (enum loose)a, top, count);
			top++;
			break;
		}
		case OP_FILTER:
			top[-1] = loose_filter(r, a, &top[-1], top);
			break;
#endif
		default:
			if (row->pops == 0) {
				*top = outside_above(r, op, a, top);
				top++;
				break;
			}
			top--;
			if (op >= OP_CONTAINS)
				top[-1] = set_op(r, op, &top[-1], top);
			else if (op >= OP_EQ)
				top[-1] = compare(r, op, &top[-1], top);
			else
				top[-1] = arithmetic(r, op, &top[-1], top);
			break;
		}
	}
}

bool vm_true(struct run *r, uint32_t expression, bool fallback)
{
	struct value v;

	if (!expression)
		return fallback;
	v = vm_run(r, expression);
	if (!RUN_AFRESH && r->notes)
		branch_note(r->notes, expression, value_is_true(&v));
	return value_is_true(&v);
}
