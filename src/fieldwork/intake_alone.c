/* intake_alone.c - a tenant's answers where some cell has not room for all that want it: one transaction under the cells' locks, in which they get their
 * places as they came. */
#include "fieldwork/writing.h"

#include "base/limits.h"
#include "sql.h"

struct cell_row {
	struct uuid survey_id;
	struct str quota, cell;
	int64_t used;
};

struct cells {
	struct cell_row *rows; /* used counts those that were given as well */
	size_t n;
};

struct known_row {
	struct uuid survey_id;
	struct str idempotency_key;
};

struct alone {
	struct intake *in;
	struct tx *tx;
	struct arena *a;
	const struct batch_group *all;
	struct batch_group kept; /* those that are to be stored */
	struct cells cells;
};

/* ---- what is known already, and what is full ---- */

static enum err find_known(struct alone *x, struct known_row **rows, size_t *n)
{
	static const struct pg_col cols[] = {
	    COL(struct known_row, survey_id, PGT_UUID), COL(struct known_row, idempotency_key, PGT_TEXT)};
	struct pg_param *surveys = arena_array(x->a, struct pg_param, x->all->n),
			*keys = arena_array(x->a, struct pg_param, x->all->n);

	if (!surveys || !keys)
		return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		surveys[i] = writing_of(x->all->items[i])->columns[C_SURVEY];
		keys[i] = writing_of(x->all->items[i])->columns[C_KEY];
	}
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, surveys, x->all->n), P_ARRAY(PGT_TEXT, keys, x->all->n)};

	return tx_rows(x->tx, x->a, &Q(SQL_response_keys_known, in, cols), sizeof **rows, (void **)rows, n);
}

static bool is_known(const struct writing *w, const struct known_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (uuid_eq(&rows[i].survey_id, &w->claim.survey) &&
		    str_eq(rows[i].idempotency_key, w->columns[C_KEY].v.s))
			return true;
	return false;
}

static enum err lock_cells(struct alone *x)
{
	static const struct pg_col cols[] = {COL(struct cell_row, survey_id, PGT_UUID),
	    COL(struct cell_row, quota, PGT_TEXT), COL(struct cell_row, cell, PGT_TEXT),
	    COL(struct cell_row, used, PGT_INT)};
	struct pg_param *list[4];
	struct cell_row *rows;
	size_t n = 0, at = 0, found = 0;
	enum err e;

	for (size_t i = 0; i < x->all->n; i++)
		n += writing_of(x->all->items[i])->places.n;
	for (size_t c = 0; c < countof(list); c++)
		if (!(list[c] = arena_array(x->a, struct pg_param, n + 1)))
			return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		const struct writing *w = writing_of(x->all->items[i]);

		for (size_t k = 0; k < w->places.n; k++, at++) {
			list[0][at] = w->columns[C_SURVEY];
			list[1][at] = P_TEXT(w->places.cells[k].quota);
			list[2][at] = P_TEXT(w->places.cells[k].cell);
			list[3][at] = P_INT(w->places.cells[k].limit);
		}
	}
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, list[0], n), P_ARRAY(PGT_TEXT, list[1], n),
	    P_ARRAY(PGT_TEXT, list[2], n), P_ARRAY(PGT_INT, list[3], n)};

	if ((e = tx_rows(x->tx, x->a, &Q(SQL_quota_cells_lock, in, cols), sizeof *rows, (void **)&rows, &found)))
		return e;
	if (!(x->cells.rows = arena_array(x->a, struct cell_row, found + n + 1)))
		return ERR_MEMORY;
	for (x->cells.n = 0; x->cells.n < found; x->cells.n++)
		x->cells.rows[x->cells.n] = rows[x->cells.n];
	return OK;
}

static struct cell_row *cell_of(struct alone *x, const struct uuid *survey, const struct quota_cell *c)
{
	struct cell_row *row;

	for (size_t i = 0; i < x->cells.n; i++) {
		row = &x->cells.rows[i];
		if (uuid_eq(&row->survey_id, survey) && str_eq(row->quota, c->quota) && str_eq(row->cell, c->cell))
			return row;
	}
	row = &x->cells.rows[x->cells.n++];
	*row = (struct cell_row){*survey, c->quota, c->cell, 0};
	return row;
}

/* ---- who gets a place ---- */

/* OK, or ERR_LIMIT with the cells that have no room in w->full. */
static enum err give_places(struct alone *x, struct writing *w)
{
	if (!(w->full.cells = arena_array(w->rq->arena, struct quota_cell, w->places.n + 1)))
		return ERR_MEMORY;
	w->full.n = 0;
	for (size_t k = 0; k < w->places.n; k++) {
		const struct quota_cell *c = &w->places.cells[k];

		if (cell_of(x, &w->claim.survey, c)->used >= c->limit)
			w->full.cells[w->full.n++] = *c;
	}
	if (w->full.n > 0)
		return ERR_LIMIT;
	for (size_t k = 0; k < w->places.n; k++)
		cell_of(x, &w->claim.survey, &w->places.cells[k])->used++;
	return OK;
}

static int by_turn(const void *x, const void *y)
{
	const struct batch_item *a = *(struct batch_item *const *)x, *b = *(struct batch_item *const *)y;

	return (a->turn > b->turn) - (a->turn < b->turn);
}

static enum err choose(struct alone *x, const struct known_row *known, size_t n)
{
	struct batch_item **queue = arena_array(x->a, struct batch_item *, x->all->n);
	enum err e;

	if (!queue || !(x->kept.items = arena_array(x->a, struct batch_item *, x->all->n)))
		return ERR_MEMORY;
	memcpy(queue, x->all->items, x->all->n * sizeof *queue);
	qsort(queue, x->all->n, sizeof *queue, by_turn);
	for (size_t i = 0; i < x->all->n; i++) {
		struct writing *w = writing_of(queue[i]);

		e = !w->response->keep.stored && is_known(w, known, n) ? ERR_CONFLICT : give_places(x, w);
		if (e && e != ERR_CONFLICT && e != ERR_LIMIT)
			return e;
		w->item.outcome = e;
	}
	for (size_t i = 0; i < x->all->n; i++)
		if (!x->all->items[i]->outcome)
			x->kept.items[x->kept.n++] = x->all->items[i];
	return OK;
}

/* ---- storing ---- */

static enum err store(struct alone *x)
{
	struct refused_row counted = {0};
	struct query q = {0};
	struct stored_row *ids;
	size_t n;
	enum err e;

	if (x->kept.n == 0)
		return OK;
	if ((e = insert_make(x->in, &x->kept, x->a, &q)) ||
	    (e = tx_rows(x->tx, x->a, &q, sizeof *ids, (void **)&ids, &n)) ||
	    (e = insert_take(x->in, &x->kept, ids, n)))
		return e;
	q = (struct query){0};
	if ((e = places_make(x->in, &x->kept, x->a, &q)) || !q.sql)
		return e;
	if ((e = tx_one(x->tx, x->a, &q, &counted)))
		return e;
	/* somebody made the row of a new cell meanwhile: it is there to be locked now */
	return counted.refused ? ERR_STALE : OK;
}

static enum err write_once(struct alone *x)
{
	struct known_row *known;
	size_t n;
	enum err e;

	if ((e = find_known(x, &known, &n)) || (e = lock_cells(x)) || (e = choose(x, known, n)) || (e = store(x)))
		return e;
	return OK;
}

static enum err write_group(struct intake *in, const struct batch_group *g, struct arena *a)
{
	enum err e = OK;

	for (int i = 0; i < TX_ATTEMPTS_MAX; i++) {
		struct alone x = {.in = in, .a = a, .all = g, .kept = {.tenant = g->tenant}};

		if ((e = tx_open(in->app, PG_PUBLIC, false, g->tenant, a, &x.tx)))
			return e;
		if (!(e = write_once(&x)))
			e = tx_commit(x.tx);
		if (seal_blame(in, e, tx_constraint(x.tx)))
			e = ERR_AGAIN;
		tx_rollback(x.tx);
		if (e != ERR_STALE)
			return e;
	}
	return ERR_BUSY;
}

static void set_all(const struct batch_group *g, enum err e)
{
	for (size_t i = 0; i < g->n; i++)
		g->items[i]->outcome = e;
}

void write_alone(void *ctx, const struct batch_group *g, struct arena *a)
{
	struct intake *in = ctx;
	enum err e = write_group(in, g, a);
	bool someone = false;

	for (size_t i = 0; !e && i < g->n; i++)
		someone |= g->items[i]->outcome == ERR_LIMIT;
	if (someone)
		full_note(in, g);
	if (!e)
		return;
	set_all(g, e);
	if (g->n == 1 || e == ERR_AGAIN || err_status(e) == 503)
		return;
	for (size_t i = 0; i < g->n; i++) {
		const struct batch_group one = {g->tenant, g->items + i, 1};

		write_alone(ctx, &one, a);
	}
}
