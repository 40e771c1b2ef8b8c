/* check_question.c - one question: its texts, conditions, limits and choices. */
#include "engine/check.h"
#include "engine/run.h"
#include "base/limits.h"
#include "base/time.h"

#define RATING_POINTS_MAX 101

void check_sources(struct def *d)
{
	for (uint32_t i = 0; i < d->question_count; i++) {
		struct def_question *q = &d->questions[i], *from;

		if (!q->from_name.p)
			continue;
		from = q->roster ? def_question_in(d, q->roster, q->from_name) : NULL;
		if (!from)
			from = def_question_by_name(d, q->from_name);
		if (!from)
			diag(&d->diags, D_UNKNOWN_NAME, q->from_at, q->from_name, S(""));
		else if (from->left_out)
			diag(&d->diags, D_LEFT_OUT_REFERENCE, q->from_at, q->from_name, S(""));
		else if (!(type_rows[from->type].groups & P_CHOICES))
			diag(&d->diags, D_BAD_SOURCE, q->from_at, q->from_name, S(""));
		else if (from == q)
			diag(&d->diags, D_CYCLE, q->from_at, q->name, S("choices_from"));
		else if (from->page->index > q->page->index)
			diag(&d->diags, D_LATER_PAGE, q->from_at, q->from_name, S(""));
		else
			q->from = from;
	}
	/* circles and long ways of sources are found here, so that whoever follows them can do so without looking */
	for (uint32_t i = 0; i < d->question_count; i++) {
		struct def_question *q = &d->questions[i];
		const struct def_question *f = q->from;

		for (uint32_t n = 1; f && q->from; f = f->from, n++) {
			if (f == q)
				diag(&d->diags, D_CYCLE, q->from_at, q->name, S("choices_from"));
			else if (n == CARRIED_QUESTIONS_MAX)
				diag(&d->diags, D_TOO_MANY, q->from_at,
				    S("questions that carry choices on, each from the one before"),
				    diag_int(&d->diags, CARRIED_QUESTIONS_MAX));
			else
				continue;
			q->from = NULL;
		}
	}
}

static void check_list(struct def *d, struct def_question *q, struct def_choices *list, bool own_label)
{
	const struct scope scope = {.def = d, .of = q, .pages = q->page->index + 1};

	for (uint32_t i = 0; i < list->count; i++) {
		struct def_choice *c = &list->list[i];

		if (!c->label.at && own_label)
			diag(&d->diags, D_LABEL_MISSING, c->at, S(""), S(""));
		check_text(d, &c->label, &scope);
		check_text(d, &c->image, &scope);
		check_formula(d, &c->visible_if, &scope, K(V_BOOL));
		check_formula(d, &c->enable_if, &scope, K(V_BOOL));
		expr_loose_choice(c->visible_if.tree);
		expr_loose_choice(c->enable_if.tree);
	}
}

/* What is given but came to nothing was reported where it stands. */
static bool given(const struct def_question *q, const char *key)
{
	const struct json *v = json_get(q->json, str_from(key));

	return v && ((v->type != JSON_ARRAY && v->type != JSON_OBJECT) || v->count);
}

static void missing(struct def *d, const struct def_question *q, const char *key)
{
	if (!given(q, key))
		diag(&d->diags, D_MISSING, q->at, str_from(key), S(""));
}

static void check_choices(struct def *d, struct def_question *q)
{
	uint32_t count = q->choices.shared ? q->choices.shared->count : q->choices.count;
	const struct scope filter = {.def = d, .of = q, .choices = q, .pages = q->page->index + 1};

	if (q->type == Q_matrix && q->cell >= CELL_TEXT) {
		if (q->choices.at)
			diag(&d->diags, D_IDLE_COLUMNS, q->choices.at, q->cell == CELL_TEXT ? S("text") : S("number"),
			    S(""));
		return;
	}
	if (!count && !q->from_at && !q->choices.wrong)
		diag(&d->diags, q->type == Q_matrix ? D_MISSING : D_NO_CHOICES, q->at,
		    q->type == Q_matrix ? S("columns") : q->name, S(""));
	check_list(d, q, &q->choices, true);
	check_formula(d, &q->choice_filter, &filter, K(V_BOOL));
	expr_loose_choice(q->choice_filter.tree);
	if (q->at_least > 0 && q->at_most >= 0 && q->at_least > q->at_most)
		diag(&d->diags, D_BOUNDS, q->at, S("min_selected"), S("max_selected"));
}

/* What is accepted has an effect: nobody chooses a row, and a cell has no room for the text of an `other`. */
static void check_marks(struct def *d, struct def_choices *list, bool rows)
{
	const struct def_choices *own = list->shared ? list->shared : list;
	struct str what = rows ? S("a row or item") : S("a column, which has no field beside it");

	for (uint32_t i = 0; i < own->count; i++) {
		const struct def_choice *c = &own->list[i];
		const struct where *at = list->shared ? list->at : c->at;

		if (rows ? c->role != ROLE_PLAIN : c->role == ROLE_OTHER)
			diag(&d->diags, D_IDLE_MARK, list->shared ? at : where_key(&d->diags, at, S("role")), S("role"),
			    what);
		if (rows && c->enable_if.at)
			diag(&d->diags, D_IDLE_MARK, list->shared ? at : c->enable_if.at, S("enable_if"),
			    S("a row or item; `visible_if` leaves one out"));
		if (rows && c->exclusive)
			diag(&d->diags, D_IDLE_MARK, list->shared ? at : where_key(&d->diags, at, S("exclusive")),
			    S("exclusive"), what);
	}
}

static void check_bounds(struct def *d, struct def_question *q);

static void check_rows(struct def *d, struct def_question *q)
{
	uint32_t count = q->rows.shared ? q->rows.shared->count : q->rows.count;

	if (!count && !q->rows.wrong)
		diag(&d->diags, D_MISSING, q->at, q->type == Q_matrix ? S("rows") : S("items"), S(""));
	check_list(d, q, &q->rows, true);
	check_marks(d, &q->rows, true);
	check_marks(d, &q->choices, false);
	for (uint32_t i = 0; i < q->rows.count; i++) {
		struct def_question *item = q->rows.list[i].item;
		const struct scope scope = {.def = d, .of = item, .pages = q->page->index + 1};

		if (!item)
			continue;
		check_text(d, &item->unit, &scope);
		check_bounds(d, item);
	}
}

/* The points of a rating are buttons: whole numbers, and not too many of them. */
static void check_scale(struct def *d, struct def_question *q)
{
	bool rating = q->type == Q_rating;
	double points;

	if (!q->has_low)
		q->low = rating && q->display != DISPLAY_NPS ? 1 : 0;
	if (!q->has_high)
		q->high = rating ? (q->display == DISPLAY_NPS ? 10 : 5) : 100;
	if (!q->has_step)
		q->step = 1;
	q->has_low = q->has_high = q->has_step = true;
	if (!rating)
		return;
	points = (q->high - q->low) / q->step + 1;
	if (points < 2 || points > RATING_POINTS_MAX || q->low != (double)(int64_t)q->low ||
	    q->step != (double)(int64_t)q->step || q->high != (double)(int64_t)q->high ||
	    points != (double)(int64_t)points)
		diag(&d->diags, D_SCALE, q->at, S(""), S(""));
}

/* In the order of the scale, whatever the order of keys. */
static void sort_labels(struct def_choices *labels)
{
	for (uint32_t i = 1; i < labels->count; i++) {
		struct def_choice x = labels->list[i];
		uint32_t k = i;

		for (; k && labels->list[k - 1].point > x.point; k--)
			labels->list[k] = labels->list[k - 1];
		labels->list[k] = x;
	}
}

static void check_labels(struct def *d, struct def_question *q)
{
	sort_labels(&q->labels);
	check_list(d, q, &q->labels, false);
	for (uint32_t i = 0; i < q->labels.count; i++) {
		double at = q->labels.list[i].point, steps = (at - q->low) / q->step;

		if (at < q->low || at > q->high || (q->type == Q_rating && steps != (double)(int64_t)steps))
			diag(&d->diags, D_BAD_LABEL_KEY, q->labels.list[i].at, q->labels.list[i].text, S(""));
	}
}

static struct node *number_node(struct def *d, double v)
{
	struct node *n = arena_new(d->a, struct node);

	if (!n) {
		d->diags.memory = true;
		return NULL;
	}
	n->kind = N_NUM;
	n->kinds = K(V_NUM);
	n->num = v;
	return n;
}

/* A date or time that is written out, or an expression that gives one. Beside a day, a datetime counts by its day. */
struct node *check_moment_node(struct def *d, struct def_question *q, struct number_or *bound)
{
	const struct scope scope = {.def = d, .of = q, .pages = q->page->index + 1};
	enum value_kind kind = moment_kind(q->type);
	struct node *n;
	int64_t t;

	if (!bound->at)
		return NULL;
	if (kind == V_DATETIME && moment_read(V_DATE, bound->formula.source, &t))
		kind = V_DATE;
	if (!moment_read(kind, bound->formula.source, &t)) {
		struct str s = bound->formula.source;

		/* what begins with a digit is meant for a date, and what is given first is no expression */
		if (bound->at == q->first_at || (s.n && s.p[0] >= '0' && s.p[0] <= '9')) {
			diag(&d->diags, D_BAD_DATE, bound->at, s, S(""));
			return NULL;
		}
		check_formula(d, &bound->formula, &scope, kind == V_TIME ? K(V_TIME) : K(V_DATE) | K(V_DATETIME));
		return bound->formula.tree;
	}
	if (!(n = number_node(d, (double)t)))
		return NULL;
	n->kind = (enum node_kind)(N_DATE + (kind - V_DATE));
	n->kinds = K(kind);
	return n;
}

/* Whether the bounds are both written out and the wrong way round. */
static bool crossed(const struct node *low, const struct node *high)
{
	double day = (double)DAY_MS;

	if (!low || !high || low->kind < N_DATE || low->kind > N_DATETIME || high->kind < N_DATE ||
	    high->kind > N_DATETIME)
		return false;
	return low->num * (low->kind == N_DATE ? day : 1) >
	       (high->kind == N_DATE ? high->num * day + (low->kind == N_DATE ? 0 : day - 1) : high->num);
}

/* What the type itself takes, where nothing is said. */
static void check_files(struct def *d, struct def_question *q)
{
	static const char *const kinds[] = {"", "image/*", "audio/*", "video/*", "image/*"};

	if (!q->accept.n)
		q->accept = str_from(kinds[q->type - Q_file]);
	if (q->at_most < 0)
		q->at_most = 1;
	if (q->at_most < 1 || q->at_most > MEDIA_FILES_MAX)
		diag(&d->diags, D_SHAPE, where_key(&d->diags, q->at, S("max_files")), S("max_files"),
		    S("a whole number from 1 to 100"));
}

static void check_bounds(struct def *d, struct def_question *q)
{
	uint32_t groups = type_rows[q->type].groups;

	if (groups & P_FILES)
		check_files(d, q);

	if (groups & P_BOUNDS) {
		q->min_tree = check_moment_node(d, q, &q->min);
		q->max_tree = check_moment_node(d, q, &q->max);
		if (crossed(q->min_tree, q->max_tree))
			diag(&d->diags, D_BOUNDS, q->at, S("min"), S("max"));
		return;
	}
	if (q->type == Q_barcode)
		q->at_most = ANSWER_BARCODE_MAX;
	if (q->type == Q_text && q->at_least >= 0 && q->at_most >= 0 && q->at_least > q->at_most)
		diag(&d->diags, D_BOUNDS, q->at, S("min_length"), S("max_length"));
	if (!(groups & (P_RANGE | P_ALLOCATION)))
		return;
	if (q->type == Q_rating || q->type == Q_slider)
		check_scale(d, q);
	if (q->has_low && q->has_high && q->low > q->high)
		diag(&d->diags, D_BOUNDS, q->at, S("min"), S("max"));
	q->min_tree = q->has_low ? number_node(d, q->low) : NULL;
	q->max_tree = q->has_high ? number_node(d, q->high) : NULL;
	if (groups & P_LABELS)
		check_labels(d, q);
}

static void check_texts(struct def *d, struct def_question *q, const struct scope *scope)
{
	check_text(d, &q->title, scope);
	check_text(d, &q->description, scope);
	check_text(d, &q->required_message, scope);
	check_text(d, &q->unit, scope);
	check_text(d, &q->html, scope);
	check_text(d, &q->label_true, scope);
	check_text(d, &q->label_false, scope);
	check_text(d, &q->export_label, scope);
	for (size_t i = 0; i < countof(q->media); i++)
		check_text(d, &q->media[i], scope);
}

static void check_validators(struct def *d, struct def_question *q)
{
	const struct scope scope = {.def = d, .self = q, .of = NULL, .pages = q->page->index + 1};

	for (uint32_t i = 0; i < q->validator_count; i++) {
		check_formula(d, &q->validators[i].expression, &scope, K(V_BOOL));
		check_text(d, &q->validators[i].message, &scope);
	}
}

void check_question(struct def *d, struct def_question *q)
{
	const struct scope scope = {.def = d, .of = q, .pages = q->page->index + 1};
	uint32_t groups = type_rows[q->type].groups;

	if (q->left_out)
		return;
	check_texts(d, q, &scope);
	check_formula(d, &q->visible_if, &scope, K(V_BOOL));
	check_formula(d, &q->required_if, &scope, K(V_BOOL));
	check_formula(d, &q->enable_if, &scope, K(V_BOOL));
	check_validators(d, q);
	if (groups & (P_CHOICES | P_MATRIX))
		check_choices(d, q);
	if (groups & (P_ITEMS | P_MATRIX))
		check_rows(d, q);
	if (groups & P_ROSTER) {
		if (!q->span)
			missing(d, q, "questions");
		check_roster(d, q);
	}
	check_bounds(d, q);
	check_default(d, q);
	check_limits(d, q);
	if (q->type == Q_note && !q->html.at && !q->title.at && !q->media[0].at && !q->media[1].at && !q->media[2].at &&
	    !given(q, "title") && !given(q, "image") && !given(q, "media"))
		missing(d, q, "html");
	if (q->type == Q_consent && !q->html.at)
		missing(d, q, "text");
	if (q->type == Q_allocation && !q->has_total)
		missing(d, q, "total");
}
