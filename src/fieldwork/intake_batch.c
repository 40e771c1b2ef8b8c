/* intake_batch.c - the statements by which writers store a tenant's answers. */
#include "fieldwork/writing.h"

#include "sql.h"

/* By survey and key, as the unique index has them. */
static int compare(const struct batch_item *x, const struct batch_item *y)
{
	const struct writing *a = writing_of(x), *b = writing_of(y);
	int by_survey = memcmp(&a->claim.survey, &b->claim.survey, sizeof a->claim.survey);

	return by_survey ? by_survey : str_cmp(a->columns[C_KEY].v.s, b->columns[C_KEY].v.s);
}

static bool is_plain(const struct batch_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct pg_param *c = writing_of(g->items[i])->columns;

		if (!c[C_LOOKUPS].null || !c[C_PRINTS].null)
			return false;
	}
	return true;
}

static bool has_kept(const struct batch_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct keeping *k = &writing_of(g->items[i])->response->keep;

		if (k->stored || k->open || k->page_ms.n > 0)
			return true;
	}
	return false;
}

static const struct pg_col stored_cols[] = {
    COL(struct stored_row, place, PGT_INT), COL(struct stored_row, held, PGT_JSON)};

/* Its columns are the statement's parameters as they stand. */
static void insert_one(const struct batch_group *g, struct query *q)
{
	*q = (struct query){
	    &SQL_response_insert_one, writing_of(g->items[0])->columns, C_LOOKUPS, stored_cols, countof(stored_cols)};
}

static enum err put_lists(const struct batch_group *g, size_t columns, struct arena *a, struct pg_param *in)
{
	struct pg_param *values = arena_array(a, struct pg_param, columns * g->n);

	if (!values)
		return ERR_MEMORY;
	for (size_t c = 0; c < columns; c++) {
		struct pg_param *list = values + c * g->n;

		for (size_t i = 0; i < g->n; i++)
			list[i] = writing_of(g->items[i])->columns[c];
		in[c] = P_ARRAY(list[0].type, list, g->n);
	}
	return OK;
}

enum err insert_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	bool kept = has_kept(g), plain = !kept && is_plain(g);
	struct pg_param *in;
	enum err e;

	(void)ctx;
	if (plain && g->n == 1) {
		insert_one(g, q);
		return OK;
	}
	if (!(in = arena_array(a, struct pg_param, COLUMNS)))
		return ERR_MEMORY;
	if ((e = put_lists(g, COLUMNS, a, in)))
		return e;
	*q = (struct query){&SQL_response_save_many, in, COLUMNS, stored_cols, countof(stored_cols)};
	if (kept)
		return OK;
	q->sql = plain ? &SQL_response_insert_plain : &SQL_response_insert_many;
	q->in_count = plain ? C_LOOKUPS : C_STORED;
	return OK;
}

bool same_row(const struct writing *a, const struct writing *b)
{
	return uuid_eq(&a->claim.survey, &b->claim.survey) &&
	       (uuid_eq(&a->receipt.id, &b->receipt.id) || str_eq(a->columns[C_KEY].v.s, b->columns[C_KEY].v.s));
}

/* A row that others of the group have changed, which comes after them, in a group of its own. */
static bool comes_after(const struct batch_group *g, const struct writing *w)
{
	for (size_t i = 0; i < g->n && w->response->keep.stored; i++)
		if (!g->items[i]->outcome && same_row(writing_of(g->items[i]), w))
			return true;
	return false;
}

enum err insert_take(void *ctx, const struct batch_group *g, const void *rows, size_t n)
{
	const struct stored_row *stored = rows;

	(void)ctx;
	for (size_t i = 0; i < g->n; i++) {
		g->items[i]->outcome = ERR_CONFLICT;
		writing_of(g->items[i])->held = (struct str){0};
	}
	for (size_t k = 0; k < n; k++) {
		if (stored[k].place < 1 || stored[k].place > (int64_t)g->n)
			return ERR_INTERNAL;
		g->items[stored[k].place - 1]->outcome = OK;
		writing_of(g->items[stored[k].place - 1])->held = stored[k].held;
	}
	for (size_t i = 0; i < g->n; i++)
		if (g->items[i]->outcome == ERR_CONFLICT && comes_after(g, writing_of(g->items[i])))
			g->items[i]->outcome = ERR_AGAIN;
	return OK;
}

static bool takes_places(void *ctx, const struct batch_group *g)
{
	(void)ctx;
	for (size_t i = 0; i < g->n; i++)
		if (writing_of(g->items[i])->places.n > 0)
			return true;
	return false;
}

/* ---- stored and counted by one statement ---- */

/* Whole answers: what they take does not depend on what is stored already. */
static bool at_once(const struct batch_group *g)
{
	return takes_places(NULL, g) && !has_kept(g) && is_plain(g);
}

static enum err rows_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	return at_once(g) ? OK : insert_make(ctx, g, a, q);
}

#define CELL_COLUMNS 4 /* whose, by its place in the lists; then as quota_cells_take_many has them */

static enum err put_cells(const struct batch_group *g, struct arena *a, struct pg_param in[CELL_COLUMNS])
{
	struct pg_param *list[CELL_COLUMNS];
	size_t n = 0, at = 0;

	for (size_t i = 0; i < g->n; i++)
		n += writing_of(g->items[i])->places.n;
	for (size_t c = 0; c < CELL_COLUMNS; c++)
		if (!(list[c] = arena_array(a, struct pg_param, n)))
			return ERR_MEMORY;
	for (size_t i = 0; i < g->n; i++) {
		const struct quota_list *places = &writing_of(g->items[i])->places;

		for (size_t k = 0; k < places->n; k++, at++) {
			list[0][at] = P_INT((int64_t)i + 1);
			list[1][at] = P_TEXT(places->cells[k].quota);
			list[2][at] = P_TEXT(places->cells[k].cell);
			list[3][at] = P_INT(places->cells[k].limit);
		}
	}
	for (size_t c = 0; c < CELL_COLUMNS; c++)
		in[c] = P_ARRAY(list[c][0].type, list[c], n);
	return OK;
}

static bool single(const struct batch_group *g)
{
	const struct quota_list *places = &writing_of(g->items[0])->places;

	for (size_t i = 0; i < places->n; i++)
		if (places->cells[i].limit < 1)
			return false;
	return g->n == 1;
}

static enum err all_make(const struct batch_group *g, struct arena *a, struct query *q)
{
	static const struct pg_col cols[] = {
	    COL(struct stored_row, place, PGT_INT), COL(struct stored_row, refused, PGT_INT)};
	struct pg_param *in = arena_array(a, struct pg_param, C_LOOKUPS + CELL_COLUMNS), cells[CELL_COLUMNS];
	const bool one = single(g);
	const size_t first = one; /* of one answer it is known whose cells they are */
	enum err e;

	if (!in)
		return ERR_MEMORY;
	if ((e = put_cells(g, a, cells)) || (!one && (e = put_lists(g, C_LOOKUPS, a, in))))
		return e;
	for (size_t c = 0; one && c < C_LOOKUPS; c++)
		in[c] = writing_of(g->items[0])->columns[c];
	for (size_t c = first; c < CELL_COLUMNS; c++)
		in[C_LOOKUPS + c - first] = cells[c];
	*q = (struct query){one ? &SQL_response_count_one : &SQL_response_count_plain, in,
	    C_LOOKUPS + CELL_COLUMNS - first, cols, countof(cols)};
	return OK;
}

static enum err count_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	return at_once(g) ? all_make(g, a, q) : places_make(ctx, g, a, q);
}

static enum err count_take(void *ctx, const struct batch_group *g, const void *rows, size_t n)
{
	const struct stored_row *r = rows;
	enum err e;

	if (!at_once(g) && n != 1)
		return ERR_INTERNAL;
	if (at_once(g) && (e = insert_take(ctx, g, rows, n)))
		return e;
	if (n == 0 || r->refused == 0)
		return OK;
	full_note(ctx, g);
	return ERR_LIMIT;
}

/* ---- surveys with full cells ---- */

static size_t hint_of(const struct uuid *survey)
{
	return (survey->b[14] << 8 | survey->b[15]) % FULL_HINTS;
}

void full_note(struct intake *in, const struct batch_group *g)
{
	int64_t until = clock_mono_ns() + (int64_t)FULL_HINT_MS * 1000000;

	pthread_mutex_lock(&in->lock);
	for (size_t i = 0; i < g->n; i++) {
		const struct writing *w = writing_of(g->items[i]);

		if (w->places.n > 0) {
			in->full[hint_of(&w->claim.survey)].survey = w->claim.survey;
			in->full[hint_of(&w->claim.survey)].until_ns = until;
		}
	}
	pthread_mutex_unlock(&in->lock);
}

/* Else each answer to a full cell would undo a whole transaction. */
static bool full_lately(void *ctx, const struct batch_group *g)
{
	int64_t now = clock_mono_ns();
	struct intake *in = ctx;
	bool found = false;

	if (!takes_places(ctx, g))
		return false;
	pthread_mutex_lock(&in->lock);
	for (size_t i = 0; i < g->n && !found; i++) {
		const struct writing *w = writing_of(g->items[i]);
		size_t at = hint_of(&w->claim.survey);

		found =
		    w->places.n > 0 && uuid_eq(&in->full[at].survey, &w->claim.survey) && now < in->full[at].until_ns;
	}
	pthread_mutex_unlock(&in->lock);
	return found;
}

/* Who draws needs the cells locked before he knows what he stores. */
static bool prefers_alone(void *ctx, const struct batch_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (draws(writing_of(g->items[i])))
			return true;
	return full_lately(ctx, g);
}

enum err seal_blame(void *ctx, enum err e, const char *constraint)
{
	(void)ctx;
	return e == ERR_CONFLICT && strcmp(constraint, "seal_check") == 0 ? ERR_AGAIN : OK;
}

static void done(void *ctx, struct batch_item *item, enum err e)
{
	struct writing *w = writing_of(item);

	(void)ctx;
	w->told(w, e);
}

const struct batch_room intake_room = {
    .name = "answers",
    .compare = compare,
    .prefers_alone = prefers_alone,
    .steps = {{rows_make, insert_take, sizeof(struct stored_row)}, {count_make, count_take, sizeof(struct stored_row)}},
    .counts = takes_places,
    .alone = write_alone,
    .blame = seal_blame,
    .done = done,
};
