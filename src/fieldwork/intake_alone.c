/* intake_alone.c - a tenant's answers where some cell has not room for all that want it: one transaction under the locks of their rows and of the cells, in which they
 * get their places as they came. Leases that ran out are ended before, so that what they kept is there to be given. */
#include "fieldwork/writing.h"

#include "base/limits.h"
#include "sql.h"

struct cell_row {
	struct uuid survey_id;
	struct str quota, cell;
	int64_t used, leased, limit_set; /* limit_set -1: none */
};

struct cells {
	struct cell_row *rows; /* used and leased count those that were given as well */
	size_t n;
};

struct freed_row {
	struct uuid survey_id;
	struct str quota, cell;
	int64_t lim, n;
};

#define LAPSED_MAX 1000 /* leases on one cell that are ended at once: far more than want a place in it in one group */

struct held_row {
	int64_t place; /* in what was asked, from 1 */
	struct str held, state;
	int64_t state_key_version;
};

struct known_row {
	int64_t place; /* in what was asked, from 1 */
};

struct alone {
	struct intake *in;
	struct tx *tx;
	struct arena *a;
	const struct batch_group *all;
	struct kept_state *states; /* of all: what their rows go on with */
	struct batch_group kept;   /* those that are to be stored */
	bool *known;		   /* of all: its key or its id is stored already */
	struct freed_row *freed;   /* by leases that ran out */
	size_t freed_count;
	struct cells cells;
};

/* ---- what is known already, and what is full ---- */

static enum err find_known(struct alone *x)
{
	static const struct pg_col cols[] = {COL(struct known_row, place, PGT_INT)};
	struct pg_param *surveys = arena_array(x->a, struct pg_param, x->all->n),
			*keys = arena_array(x->a, struct pg_param, x->all->n),
			*ids = arena_array(x->a, struct pg_param, x->all->n);
	struct known_row *rows;
	size_t n = 0;
	enum err e;

	if (!surveys || !keys || !ids || !(x->known = arena_array(x->a, bool, x->all->n)))
		return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		surveys[i] = writing_of(x->all->items[i])->columns[C_SURVEY];
		keys[i] = writing_of(x->all->items[i])->columns[C_KEY];
		ids[i] = writing_of(x->all->items[i])->columns[C_ID];
	}
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, surveys, x->all->n), P_ARRAY(PGT_TEXT, keys, x->all->n),
	    P_ARRAY(PGT_UUID, ids, x->all->n)};

	if ((e = tx_rows(x->tx, x->a, &Q(SQL_response_keys_known, in, cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	for (size_t i = 0; i < n; i++)
		x->known[rows[i].place - 1] = true;
	return OK;
}

/* ---- rows before cells ---- */

/* Of the interviews that are kept: everybody who saves one has locked its row before he locks a cell. */
static enum err lock_rows(struct alone *x)
{
	static const struct pg_col cols[] = {COL(struct held_row, place, PGT_INT), COL(struct held_row, held, PGT_JSON),
	    COL(struct held_row, state, PGT_BYTES), COL(struct held_row, state_key_version, PGT_INT)};
	struct pg_param *surveys = arena_array(x->a, struct pg_param, x->all->n + 1),
			*ids = arena_array(x->a, struct pg_param, x->all->n + 1);
	size_t *asked = arena_array(x->a, size_t, x->all->n + 1);
	struct held_row *rows;
	size_t n = 0, found = 0;
	enum err e;

	if (!surveys || !ids || !asked || !(x->states = arena_array(x->a, struct kept_state, x->all->n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		struct writing *w = writing_of(x->all->items[i]);

		w->held = (struct str){0};
		if (!w->response->keep.stored)
			continue;
		surveys[n] = w->columns[C_SURVEY];
		ids[n] = w->columns[C_ID];
		asked[n++] = i;
	}
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, surveys, n), P_ARRAY(PGT_UUID, ids, n)};

	if (n > 0 && (e = tx_rows(x->tx, x->a, &Q(SQL_leases_held, in, cols), sizeof *rows, (void **)&rows, &found)))
		return e;
	for (size_t k = 0; k < found; k++) {
		const size_t i = asked[rows[k].place - 1];

		writing_of(x->all->items[i])->held = rows[k].held;
		x->states[i] = (struct kept_state){rows[k].state, rows[k].state_key_version};
	}
	return OK;
}

#define TAKE_BACK_COLUMNS 3

static enum err end_lapsed(struct alone *x)
{
	static const struct pg_col cols[] = {COL(struct freed_row, survey_id, PGT_UUID),
	    COL(struct freed_row, quota, PGT_TEXT), COL(struct freed_row, cell, PGT_TEXT),
	    COL(struct freed_row, lim, PGT_INT), COL(struct freed_row, n, PGT_INT)};
	struct pg_param *list[TAKE_BACK_COLUMNS], *ids = arena_array(x->a, struct pg_param, x->all->n);
	size_t n = 0;

	for (size_t i = 0; i < x->all->n; i++)
		n += writing_of(x->all->items[i])->places.n + writing_of(x->all->items[i])->draws.n;
	for (size_t c = 0; c < TAKE_BACK_COLUMNS; c++)
		if (!(list[c] = arena_array(x->a, struct pg_param, n + 1)))
			return ERR_MEMORY;
	if (!ids)
		return ERR_MEMORY;
	n = 0;
	for (size_t i = 0; i < x->all->n; i++) {
		const struct writing *w = writing_of(x->all->items[i]);

		ids[i] = w->columns[C_ID];
		for (size_t k = 0; k < w->places.n + w->draws.n; k++, n++) {
			const struct quota_cell *c =
			    k < w->places.n ? &w->places.cells[k] : &w->draws.cells[k - w->places.n];

			list[0][n] = w->columns[C_SURVEY];
			list[1][n] = P_TEXT(c->quota);
			list[2][n] = P_TEXT(c->cell);
		}
	}
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, list[0], n), P_ARRAY(PGT_TEXT, list[1], n),
	    P_ARRAY(PGT_TEXT, list[2], n), P_ARRAY(PGT_UUID, ids, x->all->n), P_INT(LAPSED_MAX)};

	return tx_rows(
	    x->tx, x->a, &Q(SQL_leases_take_back, in, cols), sizeof *x->freed, (void **)&x->freed, &x->freed_count);
}

#define LOCK_COLUMNS 5

struct wanted {
	struct pg_param *list[LOCK_COLUMNS];
	size_t n;
};

static void want(struct wanted *w, struct pg_param survey, const struct quota_cell *c, int64_t freed)
{
	w->list[0][w->n] = survey;
	w->list[1][w->n] = P_TEXT(c->quota);
	w->list[2][w->n] = P_TEXT(c->cell);
	w->list[3][w->n] = P_INT(c->limit);
	w->list[4][w->n++] = P_INT(freed);
}

static enum err wanted_init(struct wanted *w, struct arena *a, size_t room)
{
	*w = (struct wanted){.n = 0};
	for (size_t c = 0; c < LOCK_COLUMNS; c++)
		if (!(w->list[c] = arena_array(a, struct pg_param, room + 1)))
			return ERR_MEMORY;
	return OK;
}

/* What they want, what they may draw, what they hold and what is freed: all in one pass, because it is locked in one order. */
static enum err wanted_cells(struct alone *x, struct wanted *w)
{
	struct quota_list *held = arena_array(x->a, struct quota_list, x->all->n);
	size_t n = x->freed_count;
	enum err e;

	if (!held)
		return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		const struct writing *own = writing_of(x->all->items[i]);

		if (own->held.n > 0 && (e = quota_read(x->a, own->held, &held[i])))
			return e;
		n += own->places.n + own->draws.n + held[i].n;
	}
	if ((e = wanted_init(w, x->a, n)))
		return e;
	for (size_t i = 0; i < x->all->n; i++) {
		const struct writing *own = writing_of(x->all->items[i]);

		for (size_t k = 0; k < own->places.n; k++)
			want(w, own->columns[C_SURVEY], &own->places.cells[k], 0);
		for (size_t k = 0; k < own->draws.n; k++)
			want(w, own->columns[C_SURVEY], &own->draws.cells[k], 0);
		for (size_t k = 0; k < held[i].n; k++)
			want(w, own->columns[C_SURVEY], &held[i].cells[k], 0);
	}
	for (size_t i = 0; i < x->freed_count; i++) {
		const struct freed_row *f = &x->freed[i];

		want(w, P_UUID(&f->survey_id), &(struct quota_cell){f->quota, f->cell, f->lim}, f->n);
	}
	return OK;
}

/* NULL: nobody said that he wants it, so it is not locked. */
static struct cell_row *cell_of(struct alone *x, const struct uuid *survey, const struct quota_cell *c)
{
	for (size_t i = 0; i < x->cells.n; i++) {
		struct cell_row *row = &x->cells.rows[i];

		if (uuid_eq(&row->survey_id, survey) && str_eq(row->quota, c->quota) && str_eq(row->cell, c->cell))
			return row;
	}
	return NULL;
}

/* Those that are wanted and have no row so far: nobody is counted in them. */
static void add_new_cells(struct alone *x, const struct wanted *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct quota_cell c = {w->list[1][i].v.s, w->list[2][i].v.s, 0};

		if (!cell_of(x, &w->list[0][i].v.uuid, &c))
			x->cells.rows[x->cells.n++] =
			    (struct cell_row){w->list[0][i].v.uuid, c.quota, c.cell, 0, 0, -1};
	}
}

static enum err lock_cells(struct alone *x)
{
	static const struct pg_col cols[] = {COL(struct cell_row, survey_id, PGT_UUID),
	    COL(struct cell_row, quota, PGT_TEXT), COL(struct cell_row, cell, PGT_TEXT),
	    COL(struct cell_row, used, PGT_INT), COL(struct cell_row, leased, PGT_INT),
	    COL(struct cell_row, limit_set, PGT_INT)};
	struct cell_row *rows;
	struct wanted w;
	size_t found = 0;
	enum err e;

	if ((e = wanted_cells(x, &w)))
		return e;
	const struct pg_param in[] = {P_ARRAY(PGT_UUID, w.list[0], w.n), P_ARRAY(PGT_TEXT, w.list[1], w.n),
	    P_ARRAY(PGT_TEXT, w.list[2], w.n), P_ARRAY(PGT_INT, w.list[3], w.n), P_ARRAY(PGT_INT, w.list[4], w.n)};

	if ((e = tx_rows(x->tx, x->a, &Q(SQL_quota_cells_lock, in, cols), sizeof *rows, (void **)&rows, &found)))
		return e;
	if (!(x->cells.rows = arena_array(x->a, struct cell_row, found + w.n + 1)))
		return ERR_MEMORY;
	for (x->cells.n = 0; x->cells.n < found; x->cells.n++)
		x->cells.rows[x->cells.n] = rows[x->cells.n];
	add_new_cells(x, &w);
	return OK;
}

/* ---- what is drawn ---- */

static enum err find_draws(struct alone *x)
{
	enum err e = OK;

	for (size_t i = 0; !e && i < x->all->n; i++)
		e = draw_cells(writing_of(x->all->items[i]));
	return e;
}

/* By the places as those before it in the queue left them. */
static enum err draw(struct alone *x, struct writing *w, const struct kept_state *state)
{
	int64_t *places = arena_array(x->a, int64_t, w->draws.n + 1),
		*limits = arena_array(x->a, int64_t, w->draws.n + 1);

	if (!draws(w))
		return OK;
	if (!places || !limits)
		return ERR_MEMORY;
	for (size_t i = 0; i < w->draws.n; i++) {
		const struct cell_row *row = cell_of(x, &w->claim.survey, &w->draws.cells[i]);

		if (!row)
			return ERR_INTERNAL;
		places[i] = row->used + row->leased;
		limits[i] = row->limit_set < 0 ? w->draws.cells[i].limit : row->limit_set;
	}
	return draw_records(w, x->tx, state, places, limits);
}

/* ---- who gets a place ---- */

/* OK, or ERR_LIMIT with the cells that have no room in w->full. ERR_STALE: what was drawn puts it into a cell that is not locked; it is wanted next time. */
static enum err give_places(struct alone *x, struct writing *w)
{
	struct place_move *moves;
	size_t n;
	enum err e;

	if ((e = place_moves_of(w, x->a, &moves, &n)))
		return e;
	if (!(w->full.cells = arena_array(w->rq->arena, struct quota_cell, n + 1)))
		return ERR_MEMORY;
	w->full.n = 0;
	for (size_t k = 0; k < n; k++) {
		const struct cell_row *row = cell_of(x, &w->claim.survey, &moves[k].cell);
		int64_t limit;

		if (!row)
			return ERR_STALE;
		limit = row->limit_set < 0 ? moves[k].cell.limit : row->limit_set;
		if (moves[k].used + moves[k].leased > 0 && row->used + row->leased >= limit)
			w->full.cells[w->full.n++] = moves[k].cell;
	}
	if (w->full.n > 0)
		return ERR_LIMIT;
	for (size_t k = 0; k < n; k++) {
		struct cell_row *row = cell_of(x, &w->claim.survey, &moves[k].cell);

		row->used += moves[k].used;
		row->leased += moves[k].leased;
	}
	return OK;
}

static int by_turn(const void *x, const void *y)
{
	const struct batch_item *a = *(struct batch_item *const *)x, *b = *(struct batch_item *const *)y;

	return (a->turn > b->turn) - (a->turn < b->turn);
}

/* What the row of those before it, which are stored, leaves to it. */
static enum err after(struct batch_item *const *queue, size_t n, const struct writing *w)
{
	for (size_t i = 0; i < n; i++)
		if (!queue[i]->outcome && same_row(writing_of(queue[i]), w))
			return w->response->keep.stored ? ERR_AGAIN : ERR_CONFLICT;
	return OK;
}

static size_t at_of(const struct alone *x, const struct batch_item *item)
{
	size_t i = 0;

	while (x->all->items[i] != item)
		i++;
	return i;
}

static enum err choose(struct alone *x)
{
	struct batch_item **queue = arena_array(x->a, struct batch_item *, x->all->n);
	enum err e;

	if (!queue || !(x->kept.items = arena_array(x->a, struct batch_item *, x->all->n)))
		return ERR_MEMORY;
	for (size_t i = 0; i < x->all->n; i++) {
		struct writing *w = writing_of(x->all->items[i]);

		w->item.outcome = !w->response->keep.stored && x->known[i] ? ERR_CONFLICT : OK;
		queue[i] = &w->item;
	}
	qsort(queue, x->all->n, sizeof *queue, by_turn);
	for (size_t i = 0; i < x->all->n; i++) {
		struct writing *w = writing_of(queue[i]);

		if (w->item.outcome)
			continue;
		if (!(e = after(queue, i, w)) && !(e = draw(x, w, &x->states[at_of(x, queue[i])])))
			e = give_places(x, w);
		if (e && e != ERR_CONFLICT && e != ERR_AGAIN && e != ERR_LIMIT && e != ERR_INVALID)
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
	struct stored_row counted = {0};
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
	enum err e;

	if ((e = find_known(x)) || (e = find_draws(x)) || (e = lock_rows(x)) || (e = end_lapsed(x)) ||
	    (e = lock_cells(x)) || (e = choose(x)))
		return e;
	return store(x);
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
