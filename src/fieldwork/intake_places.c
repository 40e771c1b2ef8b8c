/* intake_places.c - what the interviews of a group change in quota cells: places kept open by pages, taken by completed interviews, given back by all others. */
#include "fieldwork/writing.h"

#include "sql.h"

static bool same_cell(const struct quota_cell *a, const struct quota_cell *b)
{
	return str_eq(a->quota, b->quota) && str_eq(a->cell, b->cell);
}

static bool holds(const struct quota_list *list, const struct quota_cell *c)
{
	for (size_t i = 0; i < list->n; i++)
		if (same_cell(&list->cells[i], c))
			return true;
	return false;
}

/* Whether c stays with an interview that goes on, by the rule of response_save_many. */
static bool stays(const struct writing *w, const struct quota_cell *c)
{
	if (!w->response->keep.open)
		return false;
	for (size_t i = 0; i < w->places.n; i++)
		if (str_eq(w->places.cells[i].quota, c->quota))
			return false;
	return true;
}

enum err place_moves_of(const struct writing *w, struct arena *a, struct place_move **out, size_t *n)
{
	struct quota_list held = {0};
	struct place_move *m;
	enum err e;

	*n = 0;
	if (w->held.n > 0 && (e = quota_read(a, w->held, &held)))
		return e;
	if (!(*out = m = arena_array(a, struct place_move, w->places.n + held.n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < w->places.n; i++) {
		const struct quota_cell *c = &w->places.cells[i];
		const bool had = holds(&held, c), open = w->response->keep.open && c->quota.p[0] != LINK_QUOTA;

		if (!open || !had)
			m[(*n)++] = (struct place_move){w, *c, !open, open - had};
	}
	for (size_t i = 0; i < held.n; i++)
		if (!holds(&w->places, &held.cells[i]) && !stays(w, &held.cells[i]))
			m[(*n)++] = (struct place_move){w, held.cells[i], 0, -1};
	return OK;
}

struct moves {
	struct place_move **of; /* by item */
	size_t *count, n;
	bool leases;
};

/* Of those that were stored. */
static enum err moves_of_group(const struct batch_group *g, struct arena *a, struct moves *out)
{
	enum err e;

	*out = (struct moves){arena_array(a, struct place_move *, g->n), arena_array(a, size_t, g->n), 0, false};
	if (!out->of || !out->count)
		return ERR_MEMORY;
	for (size_t i = 0; i < g->n; i++) {
		const struct writing *w = writing_of(g->items[i]);

		if (w->item.outcome)
			continue;
		if ((e = place_moves_of(w, a, &out->of[i], &out->count[i])))
			return e;
		out->n += out->count[i];
		for (size_t k = 0; k < out->count[i]; k++)
			out->leases |= out->of[i][k].leased != 0;
	}
	return OK;
}

#define MOVE_COLUMNS 6

enum err places_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	static const struct pg_col cols[] = {COL(struct stored_row, refused, PGT_INT)};
	struct pg_param *in, *list[MOVE_COLUMNS];
	struct moves moves;
	size_t at = 0;
	enum err e;

	(void)ctx;
	if ((e = moves_of_group(g, a, &moves)) || moves.n == 0)
		return e;
	if (!(in = arena_array(a, struct pg_param, MOVE_COLUMNS)))
		return ERR_MEMORY;
	for (size_t c = 0; c < MOVE_COLUMNS; c++)
		if (!(list[c] = arena_array(a, struct pg_param, moves.n)))
			return ERR_MEMORY;
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < moves.count[i]; k++, at++) {
			const struct place_move *m = &moves.of[i][k];

			list[0][at] = m->w->columns[C_SURVEY];
			list[1][at] = P_TEXT(m->cell.quota);
			list[2][at] = P_TEXT(m->cell.cell);
			list[3][at] = P_INT(m->cell.limit);
			list[4][at] = P_INT(m->used);
			list[5][at] = P_INT(m->leased);
		}
	for (size_t c = 0; c < MOVE_COLUMNS; c++)
		in[c] = P_ARRAY(list[c][0].type, list[c], moves.n);
	/* whole answers take places and do nothing else with them */
	*q = moves.leases ? (struct query){&SQL_quota_cells_move_many, in, MOVE_COLUMNS, cols, countof(cols)}
			  : (struct query){&SQL_quota_cells_take_many, in, MOVE_COLUMNS - 2, cols, countof(cols)};
	return OK;
}
