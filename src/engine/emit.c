/* emit.c - the checked and ordered definition, record by record. */
#include "engine/emit.h"
#include "base/limits.h"
#include "base/shim.h"

struct build {
	struct def *d;
	struct emit *e;
};

/* A record of a section, with the words of the struct. */
#define PUT(b, section, ...) put((b)->e, SECTION_##section, &(struct p_##section){__VA_ARGS__})

static void put(struct emit *e, enum section s, const void *words)
{
	uint32_t *r = emit_record(e, s);

	if (r)
		mem_copy(r, words, section_words[s] * sizeof(*r));
}

/* Room for what is made before its records are, since it may have records of the same kind inside. */
static void *room(struct build *b, uint32_t count, size_t size)
{
	void *made = arena_alloc_array(b->e->a, count + 1, size);

	b->e->memory |= !made;
	return made;
}

static uint32_t template_of(struct build *b, const struct piece *piece)
{
	uint32_t id = emit_count(b->e, SECTION_template), first;
	uint32_t *values;

	if (!piece->count)
		return 1; /* number 0 made as a reference: nothing to write */
	if (!(values = room(b, piece->count, sizeof(*values))))
		return 1;
	for (uint32_t i = 0; i < piece->count; i++)
		values[i] = emit_expression(b->e, piece->parts[i].value);
	first = emit_count(b->e, SECTION_segment);
	for (uint32_t i = 0; i < piece->count; i++) {
		uint32_t literal = emit_str(b->e, piece->parts[i].literal);

		PUT(b, segment, piece->parts[i].mode, literal, values[i]);
	}
	PUT(b, template, first, piece->count);
	return id + 1;
}

static uint32_t text_id(struct build *b, struct text *t)
{
	uint32_t languages = b->d->language_count, *ids;

	if (!t->pieces)
		return 0;
	if (t->id)
		return t->id;
	if (!(ids = room(b, languages, sizeof(*ids))))
		return 0;
	for (uint32_t l = 0; l < languages; l++) {
		/* the same text in two languages is one template */
		for (uint32_t k = 0; k < l && !ids[l]; k++)
			if (t->pieces[k].parts == t->pieces[l].parts)
				ids[l] = ids[k];
		if (!ids[l])
			ids[l] = template_of(b, &t->pieces[l]);
	}
	t->id = emit_count(b->e, SECTION_text) / languages;
	for (uint32_t l = 0; l < languages; l++)
		PUT(b, text, ids[l]);
	return t->id;
}

static uint32_t formula_id(struct build *b, struct formula *f)
{
	if (f->tree && !f->id)
		f->id = emit_expression(b->e, f->tree);
	return f->id;
}

static uint32_t optional_num(struct build *b, bool has, double v)
{
	return has ? emit_num(b->e, v) : 0;
}

static uint32_t item_id(struct build *b, struct def_question *q);

/* Where the records of a list begin; shared lists are written once. */
static uint32_t choices_first(struct build *b, struct def_choices *own)
{
	struct def_choices *list = own->shared ? (struct def_choices *)(uintptr_t)own->shared : own;
	struct p_choice *made;

	if (list->emitted)
		return list->first;
	if (!(made = room(b, list->count, sizeof(*made))))
		return 0;
	for (uint32_t i = 0; i < list->count; i++) {
		struct def_choice *c = &list->list[i];

		made[i] = (struct p_choice){.text = emit_str(b->e, c->text),
		    .number = optional_num(b, c->is_number, c->number ? (double)c->number : c->point),
		    .code = optional_num(b, c->has_code, (double)c->code),
		    .label = text_id(b, &c->label),
		    .image = text_id(b, &c->image),
		    .visible_if = formula_id(b, &c->visible_if),
		    .enable_if = formula_id(b, &c->enable_if),
		    .role = c->role,
		    .item = c->item ? item_id(b, c->item) : 0,
		    .flags = (c->fixed ? CHOICE_FIXED : 0) | (c->exclusive ? CHOICE_EXCLUSIVE : 0)};
	}
	list->first = emit_count(b->e, SECTION_choice);
	for (uint32_t i = 0; i < list->count; i++)
		put(b->e, SECTION_choice, &made[i]);
	list->emitted = true;
	return list->first;
}

static uint32_t choices_count(const struct def_choices *own)
{
	return own->shared ? own->shared->count : own->count;
}

static uint32_t validators_first(struct build *b, const struct def_question *q)
{
	struct p_validator *made = room(b, q->validator_count, sizeof(*made));
	uint32_t first;

	if (!made)
		return 0;
	for (uint32_t i = 0; i < q->validator_count; i++)
		made[i] = (struct p_validator){
		    formula_id(b, &q->validators[i].expression), text_id(b, &q->validators[i].message)};
	first = emit_count(b->e, SECTION_validator);
	for (uint32_t i = 0; i < q->validator_count; i++)
		put(b->e, SECTION_validator, &made[i]);
	return first;
}

static uint32_t question_flags(const struct def_question *q)
{
	uint32_t flags = 0;

	flags |= q->required ? QUESTION_REQUIRED : 0;
	flags |=
	    q->pii || q->encrypted || (q->roster && (q->roster->pii || q->roster->encrypted)) ? QUESTION_PERSONAL : 0;
	flags |= q->multiline ? QUESTION_MULTILINE : 0;
	flags |= q->refresh ? QUESTION_REFRESH : 0;
	flags |= q->drawn ? QUESTION_DRAWN : 0;
	flags |= q->integer ? QUESTION_INTEGER : 0;
	flags |= q->each_row ? QUESTION_EACH_ROW : 0;
	flags |= q->select_all ? QUESTION_SELECT_ALL : 0;
	flags |=
	    q->export_skip || (q->parent && q->parent->type == Q_group && q->parent->export_skip) ? QUESTION_SKIP : 0;
	flags |= q->read_only ? QUESTION_READ_ONLY : 0;
	flags |= q->outside ? QUESTION_OUTSIDE : 0;
	flags |= (type_rows[q->type].groups & P_CHOICES) && def_has_other(&q->choices) ? QUESTION_HAS_OTHER : 0;
	return flags;
}

static void question_limits(struct build *b, struct def_question *q, struct p_question *p)
{
	p->min = emit_expression(b->e, q->min_tree);
	p->max = emit_expression(b->e, q->max_tree);
	p->first_value = emit_expression(b->e, q->first_tree);
	p->step = optional_num(b, q->has_step, q->step);
	p->total = optional_num(b, q->has_total, q->total);
	p->at_least = optional_num(b, q->at_least >= 0, (double)q->at_least);
	p->at_most = optional_num(b, q->at_most >= 0, (double)q->at_most);
	p->decimals = optional_num(b, q->decimals >= 0, (double)q->decimals);
	p->text_rows = q->text_rows > 0 ? (uint32_t)q->text_rows : 0;
	p->accept = emit_str(b->e, q->accept);
	p->max_size = optional_num(b, q->max_size > 0, (double)q->max_size);
	p->pattern = q->pattern.p ? emit_pattern(b->e, q->pattern) : 0;
}

/* What the question of an item has of its own; its name and title are the row's. */
static uint32_t item_id(struct build *b, struct def_question *q)
{
	struct p_question p = {0};

	question_limits(b, q, &p);
	p.unit = text_id(b, &q->unit);
	PUT(b, item, .type = q->type, .flags = question_flags(q), .input = q->input, .min = p.min, .max = p.max,
	    .step = p.step, .decimals = p.decimals, .at_least = p.at_least, .at_most = p.at_most, .pattern = p.pattern,
	    .unit = p.unit);
	return emit_count(b->e, SECTION_item);
}

/* Children left out do not count. */
static uint32_t question_span(const struct def *d, const struct def_question *q)
{
	uint32_t n = 0;

	for (uint32_t i = q->index + 1; i <= q->index + q->span; i++)
		n += !d->questions[i].left_out;
	return n;
}

static uint32_t question_ref(const struct def_question *q)
{
	return q ? q->program_index + 1 : 0;
}

static uint32_t emit_steps(struct build *b, const struct def_step *steps, uint32_t count)
{
	uint32_t first = emit_count(b->e, SECTION_step);

	for (uint32_t i = 0; i < count; i++)
		PUT(b, step, question_ref(steps[i].question), steps[i].calc ? steps[i].calc->index + 1 : 0);
	return first;
}

static void question_records(struct build *b, struct def_question *q, struct p_question *p)
{
	p->over = formula_id(b, &q->over);
	p->over_from = question_ref(q->over_from);
	p->item_title = text_id(b, &q->item_title);
	p->key = question_ref(q->key);
	p->steps = emit_steps(b, q->steps, q->step_count);
	p->steps_count = q->step_count;
}

static void emit_question(struct build *b, struct def_question *q)
{
	struct p_question p = {.name = emit_str(b->e, q->name),
	    .type = q->type,
	    .flags = question_flags(q),
	    .page = q->page->index + 1,
	    .parent = question_ref(q->parent),
	    .from_mode = q->from_mode,
	    .order = q->order,
	    .display = q->display,
	    .row_order = q->row_order,
	    .input = q->input,
	    .cell = q->cell};

	p.span = question_span(b->d, q);
	p.title = text_id(b, &q->title);
	p.description = text_id(b, &q->description);
	p.visible_if = formula_id(b, &q->visible_if);
	p.required_if = formula_id(b, &q->required_if);
	p.enable_if = formula_id(b, &q->enable_if);
	p.choice_filter = formula_id(b, &q->choice_filter);
	p.required_message = text_id(b, &q->required_message);
	p.validators = validators_first(b, q);
	p.validators_count = q->validator_count;
	p.choices = choices_first(b, &q->choices);
	p.choices_count = choices_count(&q->choices);
	p.choices_from = question_ref(q->from);
	p.rows = choices_first(b, &q->rows);
	p.rows_count = choices_count(&q->rows);
	p.labels = choices_first(b, &q->labels);
	p.labels_count = q->labels.count;
	p.unit = text_id(b, &q->unit);
	p.html = text_id(b, &q->html);
	p.label_true = text_id(b, &q->label_true);
	p.label_false = text_id(b, &q->label_false);
	p.fills = emit_count(b->e, SECTION_fill);
	p.fills_count = q->type != Q_group		 ? fills_of_choices(b->e, b->d, q)
			: q->order == ORDER_LEAST_FILLED ? fills_of_questions(b->e, b->d, q->index + 1, q->span)
							 : 0;
	p.export_name = emit_str(b->e, q->export_name);
	p.export_label = text_id(b, &q->export_label);
	p.image = text_id(b, &q->media[0]);
	p.audio = text_id(b, &q->media[1]);
	p.video = text_id(b, &q->media[2]);
	question_limits(b, q, &p);
	question_records(b, q, &p);
	put(b->e, SECTION_question, &p);
}

static void emit_page(struct build *b, struct def_page *page)
{
	struct p_page p = {.name = emit_str(b->e, page->name),
	    .title = text_id(b, &page->title),
	    .description = text_id(b, &page->description),
	    .visible_if = formula_id(b, &page->visible_if),
	    .order = page->order};

	for (uint32_t i = page->first; i < page->first + page->count; i++) {
		const struct def_question *q = &b->d->questions[i];

		if (!q->left_out && !p.questions_count++)
			p.questions = q->program_index;
	}
	p.fills = emit_count(b->e, SECTION_fill);
	if (page->order == ORDER_LEAST_FILLED)
		p.fills_count = fills_of_questions(b->e, b->d, page->first, page->count);
	p.steps = emit_steps(b, page->steps, page->step_count);
	p.steps_count = page->step_count;
	put(b->e, SECTION_page, &p);
}

static void emit_variables(struct build *b)
{
	for (uint32_t i = 0; i < b->d->param_count; i++) {
		const struct def_param *v = &b->d->params[i];
		struct p_param p = {emit_str(b->e, v->name), v->kind,
		    (v->exported ? VARIABLE_EXPORT : 0) | (v->required ? VARIABLE_REQUIRED : 0)};

		put(b->e, SECTION_param, &p);
	}
	for (uint32_t i = 0; i < b->d->calc_count; i++) {
		struct def_calc *v = &b->d->calcs[i];
		struct p_calc p = {emit_str(b->e, v->name), v->kind, formula_id(b, &v->expression),
		    (v->exported ? VARIABLE_EXPORT : 0) | (v->personal ? VARIABLE_PERSONAL : 0)};

		put(b->e, SECTION_calc, &p);
	}
}

static void emit_ends(struct build *b)
{
	for (uint32_t i = 0; i < b->d->rule_count; i++) {
		struct def_rule *rule = &b->d->rules[i];
		struct p_rule p = {formula_id(b, &rule->when), rule->outcome ? rule->outcome->index + 1 : 0,
		    rule->target ? rule->target->index + 1 : 0};

		put(b->e, SECTION_rule, &p);
	}
	for (uint32_t i = 0; i < b->d->outcome_count; i++) {
		struct def_outcome *o = &b->d->outcomes[i];
		struct p_outcome p = {emit_str(b->e, o->name), text_id(b, &o->html), text_id(b, &o->redirect),
		    o->sign ? OUTCOME_SIGN : 0};

		put(b->e, SECTION_outcome, &p);
	}
}

/* The cells of all quotas, one quota after the other. */
static void emit_quotas(struct build *b)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < b->d->quota_count; i++) {
		struct def_quota *q = &b->d->quotas[i];
		struct p_quota p = {emit_str(b->e, q->name), q->outcome->index + 1, first, q->cell_count};

		put(b->e, SECTION_quota, &p);
		first += q->cell_count;
		for (uint32_t k = 0; k < q->cell_count; k++) {
			struct def_cell *c = &q->cells[k];
			struct p_cell x = {emit_str(b->e, c->name), formula_id(b, &c->when),
			    emit_num(b->e, (double)c->limit), c->known ? c->known->index + 1 : 0, c->entered};

			put(b->e, SECTION_cell, &x);
		}
	}
}

static void emit_survey(struct build *b)
{
	struct def *d = b->d;
	struct p_survey p = {.title = text_id(b, &d->title),
	    .description = text_id(b, &d->description),
	    .language = d->language_index,
	    .flags = (d->show_back ? SURVEY_SHOW_BACK : 0) | (d->compat ? SURVEY_WITHOUT_CHOICES : 0),
	    .progress = d->progress,
	    .steps = emit_steps(b, d->steps, d->step_count),
	    .steps_count = d->step_count};

	put(b->e, SECTION_survey, &p);
}

enum err def_emit(struct def *d, struct str *program)
{
	struct emit e;
	struct build b = {d, &e};
	uint32_t index = 0;

	if (!emit_init(&e, d->a))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < d->question_count; i++)
		if (!d->questions[i].left_out)
			d->questions[i].program_index = index++;
	for (uint32_t l = 0; l < d->language_count; l++) {
		PUT(&b, language, emit_str(&e, d->languages[l]));
		emit_record(&e, SECTION_text); /* text 0: none, in every language */
	}
	for (uint32_t i = 0; i < d->question_count; i++)
		if (!d->questions[i].left_out)
			emit_question(&b, &d->questions[i]);
	for (uint32_t i = 0; i < d->page_count; i++)
		emit_page(&b, &d->pages[i]);
	emit_variables(&b);
	emit_ends(&b);
	emit_quotas(&b);
	emit_survey(&b);
	if (emit_count(&e, SECTION_pattern) > SURVEY_PATTERNS_MAX) {
		diag(&d->diags, D_TOO_MANY, d->at, S("different patterns"), diag_int(&d->diags, SURVEY_PATTERNS_MAX));
		return d->diags.memory ? ERR_MEMORY : OK;
	}
	return emit_done(&e, program);
}
