/* expr_loose_refer.c - what names and calls stand for in SurveyJS's expressions.
 *
 * Names go without regard to case where none fits exactly; what follows a question's name is looked up in its answer when it
 * runs: {matrix.row}, {panel[0].q}, {q.length}. {panel.x} and {row.x} are of the own record, {q-Comment} is the text of `other`. */
#include "engine/expr_loose.h"

#define LOOSE(name, meaning) #name,
const char *const loose_names[LOOSE_ROWS] = {
#include "engine/loose.def"
};
#undef LOOSE

static struct node *refer(struct loose_parse *p, struct str name, uint32_t from)
{
	struct node *n = loose_node(p, N_REFERENCE, from);

	if (!n)
		return NULL;
	n->text = name;
	n->items = 0;
	check_reference(&p->check, n);
	return n;
}

static struct str glued(struct loose_parse *p, struct str a, struct str b)
{
	struct str out = S("");
	struct buf text;

	buf_init(&text, p->check.diags->a, 256);
	buf_add(&text, a);
	buf_add(&text, b);
	p->check.diags->memory |= buf_done(&text, &out) == ERR_MEMORY;
	return out;
}

/* The name as the survey has it; what is longer than any is none. */
static bool known(const struct def *d, struct str name, bool any_case, struct str *out)
{
	for (uint32_t i = 0; i < d->question_count; i++)
		if (!d->questions[i].roster &&
		    (any_case ? str_eq_nocase(d->questions[i].name, name) : str_eq(d->questions[i].name, name))) {
			*out = d->questions[i].name;
			return true;
		}
	for (uint32_t i = 0; i < d->calc_count; i++)
		if (any_case ? str_eq_nocase(d->calcs[i].name, name) : str_eq(d->calcs[i].name, name)) {
			*out = d->calcs[i].name;
			return true;
		}
	return false;
}

static bool find(const struct def *d, struct str name, struct str *out)
{
	return name.n && (known(d, name, false, out) || known(d, name, true, out));
}

/* The longest beginning of the path that is a name; what is behind it is looked up when it runs. */
static struct node *longest(struct loose_parse *p, struct str path, uint32_t from)
{
	const struct def *d = p->check.scope->def;

	for (size_t to = path.n; to > 0; to--) {
		struct str name, rest = str_sub(path, to, path.n);
		struct def_question *q;
		struct node *n, *text;

		if (to < path.n && path.p[to] != '.' && path.p[to] != '[')
			continue;
		if (!find(d, str_sub(path, 0, to), &name))
			continue;
		q = def_question_by_name(d, name);
		/* the rows of a matrix and the like are known now */
		if (q && rest.n > 1 && rest.p[0] == '.' && name_valid(str_sub(rest, 1, rest.n)) &&
		    (type_rows[q->type].groups & (P_MATRIX | P_ITEMS)))
			return refer(p, glued(p, name, rest), from);
		n = refer(p, name, from);
		if (!rest.n || !n)
			return n;
		text = loose_text_node(p, rest, from);
		return loose_make(p, LOOSE_path, n, text);
	}
	return NULL;
}

/* {panel.x}, {row.x}: of the own record. */
static struct node *of_record(struct loose_parse *p, struct str name, uint32_t from)
{
	size_t dot = str_starts(name, S("panel.")) ? 6 : str_starts(name, S("row.")) ? 4 : 0;

	if (!dot || find(p->check.scope->def, str_sub(name, 0, dot - 1), &(struct str){NULL, 0}))
		return NULL;
	return refer(p, glued(p, S("row."), str_sub(name, dot, name.n)), from);
}

#define COUNTED "{@index}, which counts from 1"
#define NUMBERED "{ROSTER[0].NAME}, with the number of the record"

/* Names that SurveyJS gives to what is around an expression; the first two alone, the others with what follows too. */
static struct node *foreign(struct loose_parse *p, struct str name, uint32_t from)
{
	static const char *const names[][2] = {{"item", "{choice.value} in choice_filter, {item.value} in a roster"},
	    {"choice", "{choice.value} in choice_filter"}, {"rowIndex", COUNTED}, {"visibleRowIndex", COUNTED},
	    {"panelIndex", COUNTED}, {"visiblePanelIndex", COUNTED}, {"rowName", "{item.value}"},
	    {"rowValue", "{item.value}"}, {"rowTitle", "{item.label}"}, {"prevRow", NUMBERED}, {"nextRow", NUMBERED},
	    {"prevPanel", NUMBERED}, {"nextPanel", NUMBERED}, {"totalRow", "sumInArray({ROSTER}, 'NAME')"},
	    {"parentPanel", "{^.NAME}"}, {"survey", "{NAME}"}, {"self", "{NAME}"}, {"locale", "{@lang}"}};
	struct str rest = name, first = str_cut(&rest, '.', NULL);
	struct node at = {.from = from, .to = p->at};

	for (size_t i = 0; i < countof(names); i++) {
		if (!str_eq_nocase(i < 2 ? name : first, str_from(names[i][0])))
			continue;
		if (i < 2 && p->check.scope->choices)
			return refer(p, S("choice.value"), from);
		check_fail_name(&p->check, D_FOREIGN_NAME, &at, name, str_from(names[i][1]));
		return loose_node(p, N_EMPTY, from);
	}
	return NULL;
}

static struct node *in_survey(struct loose_parse *p, struct str name, uint32_t from)
{
	const struct def *d = p->check.scope->def;
	struct node *n;
	size_t dash;

	if (name.n && (str_find_char(S("@^."), name.p[0], NULL) || str_find(name, S("[]."), NULL)))
		return refer(p, name, from);
	if ((n = of_record(p, name, from)) || p->stopped || (n = longest(p, name, from)) || p->stopped)
		return n;
	if (str_ends(name, S("-Comment")) && (dash = name.n - 8) &&
	    find(d, str_sub(name, 0, dash), &(struct str){NULL, 0}))
		return refer(p, glued(p, str_sub(name, 0, dash), S("_other")), from);
	if (def_param_by_name(d, name))
		return refer(p, glued(p, S("@"), name), from);
	if (p->filter)
		return loose_node(p, N_EMPTY, from);
	return (n = foreign(p, name, from)) || p->stopped ? n : refer(p, name, from);
}

/* What an answer is when there is none: an empty list of a question with several answers, null of a matrix and, once another row
 * has an answer, of a row; any other is undefined. */
static struct node *answer(struct loose_parse *p, struct node *n, bool raw, uint32_t from)
{
	bool matrix = type_rows[n->question->type].groups & P_MATRIX;
	enum loose_none none = n->kinds == K(V_LIST) ? LOOSE_NO_ITEMS : matrix ? LOOSE_NULL : LOOSE_UNDEFINED;
	struct node *mode = loose_node(p, N_NUM, from), *value, *whole;

	if (!mode)
		return NULL;
	mode->num = raw ? none + LOOSE_RAW : none;
	value = loose_make(p, LOOSE_value, n, mode);
	if (!value || none != LOOSE_NULL || !n->field.p)
		return value;
	whole = refer(p, n->question->name, from);
	return whole && loose_add_arg(p, value, whole) ? value : NULL;
}

struct node *loose_reference(struct loose_parse *p, struct str name, uint32_t from)
{
	bool raw = name.n > 1 && name.p[0] == '#';
	struct node *n, *text;

	name = str_sub(name, raw, name.n);
	if (name.n && name.p[0] == '$') {
		struct node at = {.from = from, .to = p->at};

		check_fail_name(&p->check, D_PAGE_REFERENCE, &at, name, S(""));
		return loose_node(p, N_EMPTY, from);
	}
	if (!(text = loose_text_node(p, name, from)))
		return NULL;
	if (p->check.scope->def)
		n = in_survey(p, name, from);
	else
		n = p->filter ? loose_node(p, N_EMPTY, from) : loose_make(p, LOOSE_variable, text, NULL);
	if (p->filter)
		n = n ? loose_make(p, LOOSE_item, text, n) : NULL;
	if (n && n->kind == N_REFERENCE && n->reference == R_ANSWER && n->question)
		return answer(p, n, raw, from);
	return raw || !n ? n : loose_make(p, LOOSE_value, n, NULL);
}

/* ---- calls ---- */

/* A condition that stands in a text is read as it would be without the quotes. */
static struct node *condition(struct loose_parse *p, struct node *n)
{
	struct loose_parse inside = {
	    .check = p->check, .filter = true, .quiet = true, .depth = p->depth, .links = p->links};
	struct node *text = n;

	if (n->kind == N_TEXT && n->text.n) {
		inside.source = inside.check.source = n->text;
		n = loose_parse_all(&inside);
		p->check.failed |= inside.check.failed;
		p->stopped |= inside.stopped;
		p->links = inside.links;
		if (!n && !p->stopped && !p->check.failed) {
			check_fail_name(&p->check, D_UNREADABLE_TEXT, text, text->text, S(""));
			n = loose_node(p, N_EMPTY, text->from);
		}
	}
	return n ? loose_make(p, LOOSE_condition, n, NULL) : NULL;
}

static bool is_column(const struct node *n)
{
	for (size_t i = 0; n->kind == N_TEXT && i < n->text.n; i++)
		if (str_find_char(S("{}><=!"), n->text.p[i], NULL))
			return false;
	return n->kind == N_TEXT;
}

/* (list, column[, column to give][, condition]): the condition becomes a filter of the list. */
static struct node *in_array(struct loose_parse *p, struct node *call)
{
	uint32_t at = call->count > 2 && is_column(call->args[2]) ? 3 : 2;
	struct node *filter, *holds;

	if (call->count > 4)
		call->count = 1;
	if (call->count > at) {
		holds = condition(p, call->args[at]);
		filter = holds ? loose_node(p, N_FILTER, call->from) : NULL;
		if (!filter || !loose_add_arg(p, filter, call->args[0]) || !loose_add_arg(p, filter, holds))
			return p->stopped ? NULL : loose_node(p, N_EMPTY, call->from);
		call->args[0] = filter;
	}
	if (call->count > at)
		call->count = at;
	return call;
}

/* displayValue('q') and getComment('q') of a question that is named. */
static struct node *of_question(struct loose_parse *p, struct node *call, bool comment)
{
	const struct def *d = p->check.scope->def;
	const struct def_question *q;
	struct node *n, *kind;

	if (!d || call->count != 1 || call->args[0]->kind != N_TEXT ||
	    !(q = def_question_by_name(d, call->args[0]->text)))
		return NULL;
	n = refer(p, comment ? glued(p, q->name, S("_other")) : q->name, call->from);
	if (!n || comment || p->check.failed)
		return n;
	if (type_rows[q->type].groups & P_CHOICES) {
		call->kind = N_CALL;
		call->function = FN_LABEL;
		call->args[0] = n;
		return call;
	}
	if (!(kind = loose_node(p, N_NUM, call->from)))
		return NULL;
	kind->num = V_TEXT;
	return loose_make(p, LOOSE_cast, n, kind);
}

struct node *loose_call_node(struct loose_parse *p, struct str name, struct node *call)
{
	static const char *const foreign[] = {
	    "displayValue", "getComment", "isContainerReady", "isDisplayMode", "propertyValue"};
	struct node *n;

	for (uint32_t i = LOOSE_FUNCTIONS; i < LOOSE_ROWS; i++)
		if (str_eq(name, str_from(loose_names[i]))) {
			call->function = i;
			return str_ends(name, S("InArray")) ? in_array(p, call) : call;
		}
	for (size_t i = 0; i < countof(foreign); i++) {
		if (!str_eq(name, str_from(foreign[i])))
			continue;
		if (i < 2 && (n = of_question(p, call, i == 1)))
			return n;
		if (!p->stopped)
			check_fail_name(&p->check, D_PAGE_FUNCTION, call, name, S(""));
		return loose_node(p, N_EMPTY, call->from);
	}
	check_fail_name(&p->check, D_UNKNOWN_FUNCTION, call, name, S(""));
	return loose_node(p, N_EMPTY, call->from);
}

void expr_loose_choice(struct node *n)
{
	if (n && n->kind == N_LOOSE && n->function == LOOSE_strictly)
		n->function = LOOSE_condition;
}

struct node *expr_loose(
    struct diags *d, const struct where *at, struct str source, const struct scope *scope, uint32_t wanted)
{
	struct loose_parse p = {.check = {.diags = d, .at = at, .source = source, .scope = scope}, .source = source};
	struct node *n = loose_parse_all(&p), *kind;

	if (!n)
		return NULL;
	/* a reference alone is what it is in texts and for rosters */
	if (scope->def && n->kind == N_LOOSE && n->function == LOOSE_value && n->args[0]->kind == N_REFERENCE &&
	    (!wanted || (wanted & (wanted - 1))))
		return n->args[0];
	if (wanted == K(V_BOOL))
		return loose_make(&p, LOOSE_strictly, n, NULL);
	if (!(kind = loose_node(&p, N_NUM, n->from)))
		return NULL;
	kind->num = wanted && !(wanted & (wanted - 1)) ? __builtin_ctz(wanted) : V_EMPTY;
	n = loose_make(&p, LOOSE_cast, n, kind);
	if (n && wanted)
		n->kinds = wanted;
	return n;
}
