/* verify.c - a program is looked at word by word before it runs, whoever made it.
 *
 * After this every index that a reader of the program follows is in range, code ends, jumps go forward and onto instructions,
 * and the stack neither runs dry nor deeper than the program says. Jumps that only go forward are why nothing can run for ever;
 * fuel bounds the rest. What a word may hold is said in layout.def. */
#include "engine/emit.h"
#include "engine/layout_kinds.h"
#include "engine/loose.h"
#include "engine/pattern_states.h"
#include "base/limits.h"
#include "base/shim.h"
#include "base/utf8.h"

static const uint8_t *const section_kinds[SECTION_COUNT] = {
#define SECTION(name) name##_kinds,
    SECTIONS(SECTION)
#undef SECTION
};

struct verifier {
	struct arena *a;
	struct program *p;
	const char *why;
	bool absent; /* the build has not what the program needs */
};

static bool refused(struct verifier *v, const char *why)
{
	v->why = why;
	return false;
}
#define refuse(v, why) refused(v, WHY(why))

static bool check_word(struct verifier *v, uint32_t kind, uint32_t w, uint32_t next)
{
	switch (kind) {
	case KIND_WORD:
	case KIND_FLAGS:
	case KIND_COUNT: /* looked at with its FIRST */
		return true;
	case KIND_SMALL:
		return w < 16;
	case KIND_STR:
		return w < v->p->str_count;
	case KIND_NUM:
		return w < v->p->num_count;
	case KIND_EXPR:
		return w < v->p->expr_count;
	case KIND_TEXT:
		return w < v->p->texts;
	default:
		if (kind >= KIND_FIRST)
			return (uint64_t)w + next <= v->p->sections[kind - KIND_FIRST].count;
		return w <= v->p->sections[kind - KIND_REF].count;
	}
}

static bool check_section(struct verifier *v, enum section s)
{
	const uint32_t *w = v->p->sections[s].records;
	size_t n = section_words[s];

	for (size_t i = 0; i < (size_t)v->p->sections[s].count * n; i++)
		if (!check_word(v, section_kinds[s][i % n], w[i], i % n + 1 < n ? w[i + 1] : 0))
			return refuse(v, "a record of the program points outside of it");
	return true;
}

static bool check_strings(struct verifier *v)
{
	const struct program *p = v->p;

	uint64_t at = 0;

	/* end to end, as they are written: else a small program could hold large strings without number */
	for (uint32_t i = 0; i < p->str_count; i++) {
		if (p->str[i].at != at || at + p->str[i].length > p->text_blob.n)
			return refuse(v, "a string of the program lies outside of it");
		at += p->str[i].length;
		if (!utf8_valid(program_str(p, i)) || str_find_char(program_str(p, i), 0, NULL))
			return refuse(v, "a string of the program is not UTF-8 without NUL");
	}
	for (uint32_t i = 0; i < p->num_count; i++) {
		double d = program_num(p, i);

		if (!(d - d == 0))
			return refuse(v, "a number of the program is not finite");
	}
	return true;
}

/* What the survey is made of must fit together beyond mere ranges. */
static bool check_shape(struct verifier *v)
{
	const struct program *p = v->p;
	uint32_t at = 0;

	if (!p->str_count || p->str[0].length || !p->num_count || !p->expr_count || !p->template_count ||
	    p->survey_count != 1 || !p->language_count || p->language_count > SURVEY_LANGUAGES_MAX + 1 ||
	    p->survey[0].language >= p->language_count)
		return refuse(v, "the program lacks a part");
	if (p->question_count > SURVEY_QUESTIONS_MAX || p->page_count > SURVEY_PAGES_MAX ||
	    p->calc_count > SURVEY_CALCULATED_MAX || p->param_count > SURVEY_PARAMETERS_MAX ||
	    p->rule_count > SURVEY_RULES_MAX || p->outcome_count > SURVEY_OUTCOMES_MAX || p->quota_count > QUOTAS_MAX ||
	    p->pattern_count > SURVEY_PATTERNS_MAX)
		return refuse(v, "the program has too many questions or other parts");
	for (uint32_t i = 0; i < p->page_count; i++) {
		const struct p_page *page = &p->page[i];

		if (page->questions_count && page->questions != at)
			return refuse(v, "a page's questions are out of order");
		for (uint32_t k = 0; k < page->questions_count; k++, at++)
			if (p->question[at].page != i + 1)
				return refuse(v, "a question stands on two pages");
	}
	if (at != p->question_count)
		return refuse(v, "a question stands on no page");
	return true;
}

/* Steps come page by page; each question is worked out once, on its own page; before the first page there are calculated values only. */
static bool check_steps(struct verifier *v)
{
	const struct program *p = v->p;
	bool *taken = arena_array(v->a, bool, (size_t)p->question_count + 1);
	uint32_t at = 0;

	if (!taken)
		return false;
	for (uint32_t i = 0; i < p->survey[0].steps_count; i++)
		if (p->step[p->survey[0].steps + i].question)
			return refuse(v, "a question is worked out before the first page");
	for (uint32_t i = 0; i < p->page_count; i++) {
		if (p->page[i].steps_count && p->page[i].steps < at)
			return refuse(v, "a page's steps are out of order");
		at = p->page[i].steps_count ? p->page[i].steps + p->page[i].steps_count : at;
		for (uint32_t k = 0; k < p->page[i].steps_count; k++) {
			uint32_t q = p->step[p->page[i].steps + k].question;

			if (q && (p->question[q - 1].page != i + 1 || taken[q - 1] || roster_of(p, q - 1)))
				return refuse(v, "a question is worked out twice or on another page");
			if (q)
				taken[q - 1] = true;
		}
	}
	return true;
}

/* The steps of a record are questions inside its roster, and no rosters: so one record is the deepest there is. */
static bool check_roster(struct verifier *v, uint32_t roster)
{
	const struct p_question *q = &v->p->question[roster];

	if (q->type != Q_roster)
		return !q->steps_count || refuse(v, "a question that is no roster has records");
	if (q->key && (q->key - 1 <= roster || q->key - 1 > roster + q->span))
		return refuse(v, "the key of a roster lies outside of it");
	for (uint32_t i = 1; i <= q->span; i++)
		if (v->p->question[roster + i].type == Q_roster)
			return refuse(v, "a roster lies inside another one");
	for (uint32_t i = q->steps; i < q->steps + q->steps_count; i++) {
		uint32_t at = v->p->step[i].question;

		if (!at || v->p->step[i].calc || at - 1 <= roster || at - 1 > roster + q->span)
			return refuse(v, "a step of a record lies outside of its roster");
	}
	return true;
}

/* Every cell belongs to one quota. */
static bool check_quotas(struct verifier *v)
{
	const struct program *p = v->p;
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->quota_count; i++) {
		if (!p->quota[i].outcome || p->quota[i].cells != at)
			return refuse(v, "a quota lacks its outcome or its cells");
		at += p->quota[i].cells_count;
	}
	for (uint32_t i = 0; i < p->fill_count; i++)
		if (!p->fill[i].cell)
			return refuse(v, "an order goes by a cell that is none");
	return at == p->cell_count || refuse(v, "a quota cell belongs to no quota");
}

static bool check_questions(struct verifier *v)
{
	struct program *p = v->p;
	uint32_t *rosters = arena_array(v->a, uint32_t, (size_t)p->question_count + 1);

	if (!rosters)
		return false;
	p->rosters = rosters;
	for (uint32_t i = 0; i < p->question_count; i++) {
		const struct p_question *q = &p->question[i];
		const struct p_page *page = &p->page[q->page - 1];

		if (q->type >= QUESTION_TYPES)
			return refuse(v, "a question has an unknown type");
		if (q->order > ORDER_LEAST_FILLED || q->row_order > ORDER_LEAST_FILLED || q->display > DISPLAY_IMAGES ||
		    q->input > INPUT_TEL || q->cell > CELL_NUMBER || q->from_mode > FROM_ALL)
			return refuse(v, "a question has an unknown way of display or order");
		/* parents first, and on the same page: so walking upwards ends */
		if (q->parent > i || (q->parent && p->question[q->parent - 1].page != q->page))
			return refuse(v, "a question lies inside a later one");
		if (q->parent)
			rosters[i] = p->question[q->parent - 1].type == Q_roster ? q->parent : rosters[q->parent - 1];
		if (q->parent && i + q->span > q->parent - 1 + p->question[q->parent - 1].span)
			return refuse(v, "a question reaches beyond what it lies in");
		if (q->span > p->question_count || i + q->span >= page->questions + page->questions_count)
			return refuse(v, "a group reaches beyond its page");
		if (q->choices_count > QUESTION_CHOICES_MAX || q->rows_count > QUESTION_CHOICES_MAX ||
		    q->labels_count > QUESTION_CHOICES_MAX)
			return refuse(v, "a question has too many choices");
		if (!check_roster(v, i))
			return false;
	}
	for (uint32_t i = 0; i < p->choice_count; i++)
		if (p->choice[i].role > ROLE_NA)
			return refuse(v, "a choice has an unknown role");
	for (uint32_t i = 0; i < p->item_count; i++)
		if (!cell_type(p->item[i].type) || p->item[i].input > INPUT_TEL)
			return refuse(v, "an item has an unknown type");
	for (uint32_t i = 0; i < p->segment_count; i++)
		if (p->segment[i].mode > SEGMENT_URL)
			return refuse(v, "a text has an unknown part");
	for (uint32_t i = 0; i < p->page_count; i++)
		if (p->page[i].order > ORDER_REVERSE && p->page[i].order != ORDER_LEAST_FILLED)
			return refuse(v, "a page has an unknown order");
	return true;
}

/* ---- code ---- */

struct walk {
	const struct program *p;
	const unsigned char *code;
	uint32_t expr, length, at;
	uint16_t *depth_at;    /* of jump targets: depth + 1 */
	uint32_t depth, stack; /* stack: as deep as it may get */
	bool open;	       /* this place can be reached */
	bool absent;	       /* it needs what this build has not */
};

static uint32_t code_word(const struct walk *w, uint32_t at)
{
	const unsigned char *c = w->code + at;

	return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static bool operand_sound(const struct walk *w, const struct opcode_row *row, uint32_t x, uint32_t y)
{
	switch (row->operand) {
	case OPERAND_NUM:
		return x < w->p->num_count;
	case OPERAND_STR:
		return x < w->p->str_count;
	case OPERAND_QUESTION:
		return x < w->p->question_count;
	case OPERAND_CALC:
		return x < w->p->calc_count;
	case OPERAND_PARAM:
		return x < w->p->param_count;
	case OPERAND_PATTERN: /* as REF: from 1 */
		return x >= 1 && x <= w->p->pattern_count;
	case OPERAND_COUNT:
		return x <= w->depth;
	case OPERAND_FUNCTION:
		return x < FUNCTIONS && y <= w->depth;
	case OPERAND_LOOSE:
		return x < LOOSE_ROWS && y <= w->depth;
	case OPERAND_EXPR: /* an earlier one, so that none runs itself */
		return x >= 1 && x < w->expr;
	case OPERAND_LABEL:
		return x >= w->at + 5 && x < w->length; /* behind this instruction and its operand */
	default:
		return true;
	}
}

/* Every way to a place must come with the same depth. */
static bool jump(struct walk *w, enum opcode op, uint32_t to)
{
	uint32_t depth = w->depth + (op == OP_AND || op == OP_OR);

	if (w->depth_at[to] && w->depth_at[to] != depth + 1)
		return false;
	w->depth_at[to] = (uint16_t)(depth + 1);
	return true;
}

static bool step(struct walk *w)
{
	uint32_t op = w->code[w->at], words, x = 0, y = 0, pops;
	const struct opcode_row *row;

	if (op >= OPCODES)
		return false;
	if (w->depth_at[w->at]) {
		if (w->open && w->depth_at[w->at] != w->depth + 1)
			return false;
		w->depth = w->depth_at[w->at] - 1u;
		w->open = true;
	}
#ifdef STRICT_ONLY
	if (op == OP_LOOSE || op == OP_FILTER) {
		w->absent = true;
		return false;
	}
#endif
	row = &opcode_rows[op];
	words = operand_words(row->operand);
	if (!w->open || w->at + 1 + 4 * words > w->length)
		return false;
	if (words > 0)
		x = code_word(w, w->at + 1);
	if (words > 1)
		y = code_word(w, w->at + 5);
	if (!operand_sound(w, row, x, y))
		return false;
	for (uint32_t i = 1; i < 1 + 4 * words; i++)
		if (w->depth_at[w->at + i])
			return false; /* a jump into the middle of an instruction */
	pops = row->pops != MANY ? row->pops : row->operand == OPERAND_COUNT ? x : y;
	if (pops > w->depth)
		return false;
	w->depth += row->pushes;
	w->depth -= pops;
	if (w->depth > w->stack)
		return false;
	if (row->operand == OPERAND_LABEL && !jump(w, (enum opcode)op, x))
		return false;
	if (op == OP_JUMP || op == OP_END)
		w->open = false;
	if (op == OP_END && w->depth)
		return false;
	w->at += 1 + 4 * words;
	return true;
}

static bool check_code(struct verifier *v)
{
	struct program *p = v->p;
	uint32_t longest = 0;
	uint64_t at = 0;
	uint16_t *depths;

	for (uint32_t i = 1; i < p->expr_count; i++) {
		if (p->expr[i].code != at || at + p->expr[i].length > p->code.n || !p->expr[i].length ||
		    p->expr[i].stack > EXPRESSION_SOURCE_MAX_BYTES)
			return refuse(v, "code of the program lies outside of it");
		at += p->expr[i].length;
		longest = p->expr[i].length > longest ? p->expr[i].length : longest;
		p->stack = p->expr[i].stack > p->stack ? p->expr[i].stack : p->stack;
	}
	if (!(depths = arena_array(v->a, uint16_t, (size_t)longest + 1)))
		return false;
	for (uint32_t i = 1; i < p->expr_count; i++) {
		struct walk w = {.p = p,
		    .expr = i,
		    .code = (const unsigned char *)p->code.p + p->expr[i].code,
		    .length = p->expr[i].length,
		    .depth_at = depths,
		    .stack = p->expr[i].stack,
		    .open = true};

		memset(depths, 0, ((size_t)w.length + 1) * sizeof(*depths));
		while (w.at < w.length)
			if (!step(&w)) {
				v->absent = w.absent;
				return refuse(v, "code of the program is unsound");
			}
		if (w.open)
			return refuse(v, "code of the program does not end");
	}
	return true;
}

/* States go on within their pattern, and the last one with none. */
static bool check_patterns(struct verifier *v)
{
	const struct program *p = v->p;

	for (uint32_t i = 0; i < p->pattern_count; i++) {
		const struct p_state *s = &p->state[p->pattern[i].states];
		uint32_t n = p->pattern[i].states_count;

		if (!n || n > PATTERN_STATES_MAX || s[n - 1].what != ST_MATCH)
			return refuse(v, "a pattern of the program does not end");
		for (uint32_t k = 0; k < n; k++) {
			enum state_kind kind = STATE_KIND(s[k].what);
			bool way = kind == ST_SPLIT || kind == ST_JUMP;

			if ((way || kind == ST_CLASS) && STATE_X(s[k].what) >= (way ? n : p->class_count))
				return refuse(v, "a pattern of the program is unsound");
		}
	}
	return true;
}

enum err program_verify(struct arena *a, struct program *p, const char **why)
{
	struct verifier v = {a, p, NULL};
	bool sound, unique = false;
	enum err e;

	if (p->language_count && p->text_count % p->language_count == 0)
		p->texts = p->text_count / p->language_count;
	sound = p->texts > 0;
	for (enum section s = 0; s < SECTION_COUNT; s++)
		sound = sound && check_section(&v, s);
	sound = sound && check_strings(&v) && check_shape(&v) && check_questions(&v) && check_steps(&v) &&
		check_quotas(&v) && check_code(&v);
	if (sound && (e = verify_names(a, p, &unique)))
		return e;
	sound = sound && (unique || refuse(&v, "two answers of the program have one name"));
	if (sound && check_patterns(&v))
		return OK;
	*why = v.why ? v.why : "the program lacks a part";
	if (v.absent)
		return ERR_NOT_BUILT;
	return v.why || !p->texts ? ERR_INVALID : ERR_MEMORY;
}
