/* depend.c - what is to be worked out again when something changes, and questions and calculated values by name.
 *
 * The lists follow from the program's own code and records, so they are made from a loaded program rather than carried in it:
 * what is not in the bytes cannot be wrong there. A question depends on whatever its record points at, piped texts and labels
 * of choices included; that is more than its value needs, and never less. */
#include "engine/emit.h"
#include "engine/layout_kinds.h"
#include "engine/run.h"
#include "base/hash.h"
#include "base/limits.h"

struct edge {
	uint32_t from, to;
};

struct collector {
	const struct program *p;
	struct arena *a;
	uint32_t target;
	uint32_t *seen_expr, *seen_label, *seen_node; /* target + 1 when this one has been looked at for it */
	uint32_t *labels;			      /* questions whose choices' labels are still to be looked at */
	uint32_t label_count;
	struct edge *edges;
	uint32_t edge_count, edge_room;
	uint32_t budget;
	enum err failed;
};

static bool spend(struct collector *c)
{
	if (!c->budget)
		return false;
	c->budget--;
	return !c->failed;
}

/* What happens inside a roster is the roster's. */
static uint32_t question_node(const struct program *p, uint32_t question)
{
	uint32_t roster = roster_of(p, question);

	return roster ? roster - 1 : question;
}

static void add_node(struct collector *c, uint32_t node)
{
	if (node == c->target || c->seen_node[node] == c->target + 1 || !spend(c))
		return;
	c->seen_node[node] = c->target + 1;
	if (c->edge_count == c->edge_room) {
		uint32_t room = c->edge_room ? 2 * c->edge_room : 256;
		struct edge *grown = arena_grow(c->a, c->edges, c->edge_room * sizeof(*grown), room * sizeof(*grown));

		if (!grown) {
			c->failed = ERR_MEMORY;
			return;
		}
		c->edges = grown;
		c->edge_room = room;
	}
	c->edges[c->edge_count++] = (struct edge){node, c->target};
}

static void add_label(struct collector *c, uint32_t question)
{
	if (c->seen_label[question] == c->target + 1)
		return;
	c->seen_label[question] = c->target + 1;
	c->labels[c->label_count++] = question;
}

static uint32_t operand(const struct program *p, uint32_t at)
{
	const unsigned char *c = (const unsigned char *)p->code.p + at;

	return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static void scan_expression(struct collector *c, uint32_t expression)
{
	uint32_t at, end;

	if (!expression || c->seen_expr[expression] == c->target + 1)
		return;
	c->seen_expr[expression] = c->target + 1;
	at = c->p->expr[expression].code;
	end = at + c->p->expr[expression].length;
	while (at < end && spend(c)) {
		uint32_t op = (unsigned char)c->p->code.p[at];

		if (opcode_rows[op].operand == OPERAND_QUESTION)
			add_node(c, question_node(c->p, operand(c->p, at + 1)));
		if (opcode_rows[op].operand == OPERAND_CALC)
			add_node(c, c->p->question_count + operand(c->p, at + 1));
		if (op == OP_LABEL)
			add_label(c, operand(c->p, at + 1));
		if (op == OP_FILTER)
			scan_expression(c, operand(c->p, at + 1)); /* an earlier one */
		at += 1 + 4 * operand_words(opcode_rows[op].operand);
	}
}

static void scan_text(struct collector *c, uint32_t text)
{
	for (uint32_t l = 0; text && l < c->p->language_count && spend(c); l++) {
		uint32_t piece = c->p->text[text * c->p->language_count + l].piece;
		const struct p_template *t = piece ? &c->p->template[piece - 1] : NULL;

		for (uint32_t i = 0; t && i < t->segments_count && spend(c); i++)
			scan_expression(c, c->p->segment[t->segments + i].value);
	}
}

/* The words of one record, by what they are. Choices and validators are looked into; questions and steps of a page are not. */
static void scan_record(struct collector *c, const uint8_t *kinds, const uint32_t *w, size_t n)
{
	for (size_t i = 0; i < n && spend(c); i++) {
		if (kinds[i] == KIND_EXPR)
			scan_expression(c, w[i]);
		else if (kinds[i] == KIND_TEXT)
			scan_text(c, w[i]);
		else if (kinds[i] == KIND_REF_question && w[i]) {
			add_node(c, question_node(c->p, w[i] - 1));
			add_label(c, w[i] - 1); /* a roster's records are named by it */
		}
		if (kinds[i] == KIND_REF_item && w[i])
			scan_record(c, item_kinds, (const uint32_t *)&c->p->item[w[i] - 1], sizeof(item_kinds));
		for (uint32_t k = 0; kinds[i] == KIND_FIRST_choice && k < w[i + 1] && spend(c); k++)
			scan_record(c, choice_kinds, (const uint32_t *)&c->p->choice[w[i] + k], sizeof(choice_kinds));
		for (uint32_t k = 0; kinds[i] == KIND_FIRST_validator && k < w[i + 1] && spend(c); k++)
			scan_record(
			    c, validator_kinds, (const uint32_t *)&c->p->validator[w[i] + k], sizeof(validator_kinds));
	}
}

/* The labels of the choices of questions that something shows, along those that are carried forward. */
static void scan_labels(struct collector *c)
{
	while (c->label_count && spend(c)) {
		const struct p_question *q = &c->p->question[c->labels[--c->label_count]];

		for (uint32_t i = 0; i < q->choices_count && spend(c); i++)
			scan_text(c, c->p->choice[q->choices + i].label);
		if (q->choices_from) {
			add_node(c, question_node(c->p, q->choices_from - 1));
			add_label(c, q->choices_from - 1);
		}
	}
	c->label_count = 0;
}

static void scan_all(struct collector *c)
{
	const struct program *p = c->p;

	for (uint32_t i = 0; i < p->question_count; i++) {
		c->target = question_node(p, i);
		scan_record(c, question_kinds, (const uint32_t *)&p->question[i], sizeof(question_kinds));
		add_label(c, i); /* messages name choices */
		scan_labels(c);
	}
	for (uint32_t i = 0; i < p->calc_count; i++) {
		c->target = p->question_count + i;
		scan_expression(c, p->calc[i].expression);
		scan_labels(c);
	}
	for (uint32_t i = 0; i < p->page_count; i++) {
		c->target = program_page_node(p, i);
		scan_expression(c, p->page[i].visible_if);
		scan_labels(c);
	}
	c->target = program_rules_node(p);
	for (uint32_t i = 0; i < p->rule_count; i++)
		scan_expression(c, p->rule[i].when);
	scan_labels(c);
	c->target = program_cells_node(p);
	for (uint32_t i = 0; i < p->cell_count; i++)
		scan_expression(c, p->cell[i].when);
	scan_labels(c);
}

static enum err sort_edges(struct collector *c, struct program *p)
{
	uint32_t nodes = program_nodes(p);
	uint32_t *first = arena_array(c->a, uint32_t, (size_t)nodes + 2);
	uint32_t *list = arena_array(c->a, uint32_t, (size_t)c->edge_count + 1);

	if (!first || !list)
		return ERR_MEMORY;
	/* counted two places on, so that after filling, each node's run begins at its own place */
	for (uint32_t i = 0; i < c->edge_count; i++)
		first[c->edges[i].from + 2]++;
	for (uint32_t i = 2; i < nodes + 2; i++)
		first[i] += first[i - 1];
	for (uint32_t i = 0; i < c->edge_count; i++)
		list[first[c->edges[i].from + 1]++] = c->edges[i].to;
	p->dependent_first = first;
	p->dependent = list;
	return OK;
}

static struct str node_name(const struct program *p, uint32_t node)
{
	return program_str(
	    p, node < p->question_count ? p->question[node].name : p->calc[node - p->question_count].name);
}

enum err program_index(struct arena *a, struct program *p)
{
	uint32_t size = 8, *names;

	while (size < 2 * (p->question_count + p->calc_count))
		size *= 2;
	if (!(names = arena_array(a, uint32_t, size)))
		return ERR_MEMORY;
	/* those inside a roster are its records' business */
	for (uint32_t i = 0; i < p->question_count + p->calc_count; i++) {
		uint32_t at = (uint32_t)hash64(node_name(p, i), 5) & (size - 1);

		if (i < p->question_count && roster_of(p, i))
			continue;
		while (names[at])
			at = (at + 1) & (size - 1);
		names[at] = i + 1;
	}
	p->names = names;
	p->name_mask = size - 1;
	return OK;
}

enum err program_depend(struct arena *a, struct program *p)
{
	struct collector c = {.p = p, .a = a, .budget = DEPENDENCY_STEPS_MAX};
	size_t nodes = program_nodes(p);

	if (p->dependent_first)
		return OK;
	c.seen_expr = arena_array(a, uint32_t, (size_t)p->expr_count + 1);
	c.seen_label = arena_array(a, uint32_t, (size_t)p->question_count + 1);
	c.seen_node = arena_array(a, uint32_t, nodes);
	c.labels = arena_array(a, uint32_t, (size_t)p->question_count + 1);
	if (!c.seen_expr || !c.seen_label || !c.seen_node || !c.labels)
		return ERR_MEMORY;
	scan_all(&c);
	if (c.failed)
		return c.failed;
	return c.budget ? sort_edges(&c, p) : OK;
}

/* The node of a name; the number of nodes when there is none. */
static uint32_t find_node(const struct program *p, struct str name)
{
	uint32_t at = (uint32_t)hash64(name, 5) & p->name_mask;

	for (; p->names[at]; at = (at + 1) & p->name_mask)
		if (str_eq(node_name(p, p->names[at] - 1), name))
			return p->names[at] - 1;
	return p->question_count + p->calc_count;
}

static bool find_question(const struct program *p, struct str name, uint32_t *question)
{
	*question = find_node(p, name);
	return *question < p->question_count;
}

bool program_calc_name(const struct program *p, struct str name)
{
	uint32_t node = find_node(p, name);

	return node >= p->question_count && node < p->question_count + p->calc_count;
}

bool program_answer_name(const struct program *p, struct str name, uint32_t *question, bool *other)
{
	*other = false;
	if (find_question(p, name, question))
		return true;
	*other = true;
	return str_ends(name, S("_other")) && find_question(p, str_sub(name, 0, name.n - 6), question) &&
	       (p->question[*question].flags & QUESTION_HAS_OTHER);
}
