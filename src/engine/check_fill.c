/* check_fill.c - order: least_filled: which quota cells name a choice, a row or a question. */
#include "engine/check.h"
#include "engine/emit.h"

struct finder {
	struct emit *e;
	const struct def_question *of;	   /* whose choices or rows; NULL: questions are looked for */
	const struct def_question *roster; /* that runs over them; NULL: none */
	uint32_t first, last;		   /* then these, by their index in the definition */
	const struct def *d;
	uint32_t cell;
};

static void found(struct finder *f, uint32_t subject)
{
	struct p_fill *made = (struct p_fill *)(void *)emit_record(f->e, SECTION_fill);

	if (made)
		*made = (struct p_fill){subject, f->cell + 1};
}

static void literal(struct finder *f, const struct node *n)
{
	struct str text = n->text;
	struct buf digits;

	if (n->kind == N_LIST)
		for (uint32_t i = 0; i < n->count; i++)
			literal(f, n->args[i]);
	if (n->kind == N_NUM) {
		buf_init(&digits, f->e->a, 32);
		buf_int(&digits, (int64_t)n->num);
		text = str_make(digits.p, digits.n);
	}
	if (n->kind == N_NUM || n->kind == N_TEXT)
		found(f, emit_str(f->e, text));
}

static bool is_asked(const struct finder *f, const struct node *n)
{
	if (n->kind != N_REFERENCE)
		return false;
	return n->reference == R_ANSWER ? n->question == f->of : n->reference == R_COLLECT && n->question == f->roster;
}

/* What must hold, or may: conditions with a "not" around them name nothing. */
static void look(struct finder *f, const struct node *n)
{
	const struct node *a = n->count ? n->args[0] : NULL, *b = n->count > 1 ? n->args[1] : NULL;
	bool call =
	    n->kind == N_CALL && (n->function == F_selected || n->function == F_any_of || n->function == F_all_of);

	if (!b || (n->kind != N_BINARY && !call))
		return;
	if (n->op == O_AND || n->op == O_OR) {
		look(f, a);
		look(f, b);
		return;
	}
	if (!call && n->op != O_EQ && n->op != O_IN && n->op != O_CONTAINS && n->op != O_ANYOF && n->op != O_ALLOF)
		return;
	if (is_asked(f, b)) {
		const struct node *x = a;

		a = b;
		b = x;
	}
	if (!is_asked(f, a))
		return;
	if (a->field.p)
		found(f, emit_str(f->e, a->field));
	for (uint32_t i = 0; !a->field.p && i < n->count; i++)
		literal(f, n->args[i]);
}

static void see(void *ctx, const struct node *n)
{
	struct finder *f = ctx;
	const struct def_question *q = n->question;

	if (n->reference == R_GONE || !q)
		return;
	for (; q; q = q->parent)
		if (q->index >= f->first && q->index < f->last)
			found(f, q->program_index);
}

static uint32_t each_cell(struct finder *f)
{
	uint32_t before = emit_count(f->e, SECTION_fill);

	for (uint32_t i = 0; i < f->d->quota_count; i++)
		for (uint32_t k = 0; k < f->d->quotas[i].cell_count; k++, f->cell++) {
			const struct node *when = f->d->quotas[i].cells[k].when.tree;

			if (when && f->of)
				look(f, when);
			else if (when)
				node_references(when, see, f);
		}
	return emit_count(f->e, SECTION_fill) - before;
}

uint32_t fills_of_choices(struct emit *e, const struct def *d, const struct def_question *q)
{
	const struct def_question *roster = q->type == Q_roster ? q : NULL;
	struct finder f = {.e = e, .d = d, .of = roster ? q->over_from : q, .roster = roster};

	return f.of && (q->order == ORDER_LEAST_FILLED || q->row_order == ORDER_LEAST_FILLED) ? each_cell(&f) : 0;
}

uint32_t fills_of_questions(struct emit *e, const struct def *d, uint32_t first, uint32_t count)
{
	struct finder f = {.e = e, .d = d, .first = first, .last = first + count};

	return each_cell(&f);
}
