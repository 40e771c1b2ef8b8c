/* quota.c - which quota cells an interview falls into, looked at when a page is left.
 *
 * A cell is looked at once: as soon as every question that its condition depends on has been passed. Before that an answer that is
 * only not given yet would count as empty, and "not younger than 25" would hold of everyone. */
#include "engine/number.h"
#include "engine/run.h"
#include "base/limits.h"

enum { LOOKED = 1, TAKEN = 2 };

static bool is_full(struct run *r, const struct p_quota *q, const struct p_cell *c)
{
	struct str quota = program_str(r->p, q->name), cell = program_str(r->p, c->name);

	for (size_t i = 0; i < r->in->full_count && run_burn(r, i % 2 == 0); i++)
		if (str_eq(r->in->full[i].quota, quota) && str_eq(r->in->full[i].cell, cell))
			return true;
	return false;
}

/* A session's note serves where nothing that the condition depends on has changed since. */
static bool cell_holds(struct run *r, uint32_t cell, int32_t page)
{
	struct cell_note *note = !RUN_AFRESH && r->cell_notes ? &r->cell_notes[cell] : NULL;
	bool holds;

	if (note && note->known && note->page == page)
		return note->holds;
	holds = vm_true(r, r->p->cell[cell].when, false);
	if (note)
		*note = (struct cell_note){!r->failed, holds, page};
	return holds;
}

static bool take_cell(struct run *r, const struct p_quota *q, uint32_t cell, int32_t page)
{
	const struct p_cell *c = &r->p->cell[cell];

	r->cells[cell].state = LOOKED;
	if (!cell_holds(r, cell, page) || r->failed)
		return false;
	r->cells[cell].state = TAKEN;
	r->cells[cell].page = page;
	return is_full(r, q, c);
}

bool quotas_look(struct run *r, int32_t page, int32_t next, struct walk_end *end)
{
	for (uint32_t i = 0; i < r->p->quota_count; i++) {
		const struct p_quota *q = &r->p->quota[i];

		for (uint32_t k = q->cells; k < q->cells + q->cells_count && run_burn(r, k % 8 == 0); k++) {
			if (r->cells[k].state || (int32_t)r->p->cell[k].known - 1 >= next)
				continue;
			if (!take_cell(r, q, k, page))
				continue;
			*end = (struct walk_end){page, &r->p->outcome[q->outcome - 1], true};
			return true;
		}
	}
	return false;
}

bool quotas_enter(struct run *r, int32_t left, int32_t page, struct walk_end *end)
{
	for (uint32_t i = 0; i < r->p->quota_count; i++) {
		const struct p_quota *q = &r->p->quota[i];

		for (uint32_t k = q->cells; k < q->cells + q->cells_count && run_burn(r, k % 8 == 0); k++) {
			if (!r->p->cell[k].entered || r->cells[k].state || (int32_t)r->p->cell[k].known - 1 != page)
				continue;
			if (!take_cell(r, q, k, left))
				continue;
			*end = (struct walk_end){left, &r->p->outcome[q->outcome - 1], true};
			return true;
		}
	}
	return false;
}

double quota_filled(struct run *r, const struct fills *fills, uint32_t subject)
{
	const struct interview *in = run_individual(r);
	const bool now = fills->drawn && in->filled_now;
	double used = 0, limit = 0;

	for (uint32_t i = fills->first; i < fills->first + fills->count && run_burn(r, 1); i++) {
		uint32_t cell = r->p->fill[i].cell - 1;

		if (r->p->fill[i].subject != subject)
			continue;
		limit += program_num(r->p, r->p->cell[cell].limit);
		used += now ? (double)in->filled_now[cell] : cell < in->filled_count ? (double)in->filled[cell] : 0;
	}
	return limit > used ? used / limit : 1;
}

bool program_wants_filled(const struct program *p)
{
	return p->fill_count > 0;
}

static void put_cell(struct quota_cell *out, const struct program *p, const struct p_quota *q, uint32_t cell)
{
	out->quota = program_str(p, q->name);
	out->cell = program_str(p, p->cell[cell].name);
	out->limit = number_int(program_num(p, p->cell[cell].limit));
}

void quotas_taken(struct run *r, int32_t last, struct quota_cell **out, size_t *n)
{
	*n = 0;
	if (!(*out = run_alloc(r, r->p->cell_count, sizeof(**out))))
		return;
	for (uint32_t i = 0; i < r->p->quota_count; i++)
		for (uint32_t k = 0; k < r->p->quota[i].cells_count; k++) {
			uint32_t cell = r->p->quota[i].cells + k;

			if (r->cells[cell].state == TAKEN && r->cells[cell].page <= last)
				put_cell(&(*out)[(*n)++], r->p, &r->p->quota[i], cell);
		}
}

enum err program_quota_cells(const struct program *p, struct arena *a, struct quota_cell **out, size_t *n)
{
	*n = 0;
	if (!(*out = arena_array(a, struct quota_cell, (size_t)p->cell_count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->quota_count; i++)
		for (uint32_t k = 0; k < p->quota[i].cells_count; k++)
			put_cell(&(*out)[(*n)++], p, &p->quota[i], p->quota[i].cells + k);
	return OK;
}
