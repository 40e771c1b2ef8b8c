/* intake_draw.c - records that are drawn as a page is saved. The engine draws: it is given the places as they are under the locks, and says what came of it. */
#include "fieldwork/keeping.h"
#include "fieldwork/writing.h"
#include "vault/vault.h"

enum err draw_cells(struct writing *w)
{
	struct arena *a = w->rq->arena;
	struct quota_list all;
	enum err e;

	if (!draws(w) || w->draw_at)
		return OK;
	if ((e = program_quota_cells(w->response->program, a, &all.cells, &all.n)) ||
	    (e = program_draw_cells(w->response->program, a, &w->draw_at, &w->draws.n)))
		return e;
	if (!(w->draws.cells = arena_array(a, struct quota_cell, w->draws.n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < w->draws.n; i++)
		w->draws.cells[i] = all.cells[w->draw_at[i]];
	return OK;
}

static struct json_member *member_of(const struct json *object, struct str key)
{
	for (uint32_t i = 0; i < object->count; i++)
		if (str_eq(object->members[i].key, key))
			return &object->members[i];
	return NULL;
}

/* `own` gets the items of a roster that only `more` has. Items are texts or whole numbers, as the values of choices. */
static enum err items_of_both(struct arena *a, struct json *own, const struct json *more)
{
	struct json *items = arena_array(a, struct json, own->count + more->count + 1);
	uint32_t n = 0;

	if (!items)
		return ERR_MEMORY;
	for (; n < own->count; n++)
		items[n] = own->items[n];
	for (uint32_t i = 0; i < more->count; i++) {
		const struct json *item = &more->items[i];
		bool has = false;

		for (uint32_t k = 0; k < own->count && !has; k++)
			has = own->items[k].type == item->type &&
			      (item->type == JSON_INT ? own->items[k].i == item->i : str_eq(own->items[k].s, item->s));
		if (!has)
			items[n++] = *item;
	}
	own->items = items;
	own->count = n;
	return OK;
}

/* The page's records come first, for he answered about them; what the row has is added, for the page may be an older one that is sent again. */
static enum err drawn_so_far(struct writing *w, struct tx *tx, const struct kept_state *kept, const struct json **drawn)
{
	const struct response *r = w->undrawn;
	const struct seal_place place = {S("responses"), S("state"), &w->receipt.id, &r->link->survey_id};
	struct arena *a = w->rq->arena;
	const struct json *own = r->submission->drawn;
	struct json *both = arena_new(a, struct json);
	struct page_state row = {0};
	struct str plain;
	enum err e = OK;

	if (kept->sealed.n > 0 && !(e = vault_unseal(w->rq->app->vault, tx, VAULT_SECRET, &place, kept->key_version,
					kept->sealed, a, &plain)))
		e = page_state_read(plain, a, &row);
	/* its keys were destroyed: nothing that is stored goes on with it */
	if (e && e != ERR_GONE)
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	*drawn = own;
	if (!row.drawn || row.drawn->count == 0)
		return OK;
	if (!both || !(both->members = arena_array(a, struct json_member, row.drawn->count + (own ? own->count : 0))))
		return ERR_MEMORY;
	both->type = JSON_OBJECT;
	for (uint32_t i = 0; own && i < own->count; i++)
		both->members[both->count++] = own->members[i];
	for (uint32_t i = 0; i < row.drawn->count; i++) {
		const struct json_member *more = &row.drawn->members[i];
		struct json_member *has = member_of(both, more->key);

		if (!has)
			both->members[both->count++] = *more;
		else if ((e = items_of_both(a, &has->value, &more->value)))
			return e;
	}
	*drawn = both;
	return OK;
}

/* By the cells of the program; those that nothing is drawn by do not matter. */
static enum err counts_now(struct writing *w, const int64_t *places, const int64_t *limits, const int64_t **out)
{
	struct quota_list all;
	int64_t *now;
	enum err e;

	if ((e = program_quota_cells(w->response->program, w->rq->arena, &all.cells, &all.n)))
		return e;
	if (!(now = arena_array(w->rq->arena, int64_t, all.n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < w->draws.n; i++)
		now[w->draw_at[i]] = quota_share(places[i], limits[i], w->draws.cells[i].limit);
	*out = now;
	return OK;
}

/* On a page of its own: what is undone leaves that of the caller as it was. */
static enum err keep_drawn(struct response *r, const struct verdict *v, struct arena *a)
{
	struct page_state *state = arena_new(a, struct page_state);
	enum err e;

	if (!state)
		return ERR_MEMORY;
	*state = *r->keep.page;
	r->keep.page = state;
	e = kept_drawn(v, a, state);
	if (v->next_page >= 0)
		state->page = v->next_page;
	state->percent = (int32_t)(v->progress * 100 + 0.5);
	return e ? e : page_state_write(state, a, &r->keep.state);
}

static enum err words_in(struct writing *w, struct tx *tx)
{
	enum err e;

	w->rq->tx = tx;
	e = writing_words(w);
	w->rq->tx = NULL;
	return e;
}

enum err draw_records(
    struct writing *w, struct tx *tx, const struct kept_state *state, const int64_t *places, const int64_t *limits)
{
	struct arena *a = w->rq->arena;
	struct submission *s = arena_new(a, struct submission);
	struct response *r = arena_new(a, struct response);
	struct draw *draw = w->response->draw;
	struct interview in;
	enum err e;

	if (!s || !r)
		return ERR_MEMORY;
	/* once more, in another transaction: from the beginning */
	if (!w->undrawn)
		w->undrawn = w->response;
	*r = *w->undrawn;
	*s = *r->submission;
	if ((e = drawn_so_far(w, tx, state, &s->drawn)) || (e = counts_now(w, places, limits, &s->filled_now)))
		return e;
	in = intake_interview(r->program, s);
	draw->done = false;
	if ((e = interview_run(&in, RUN_PAGE, draw->page, a, &draw->verdict)))
		return e;
	/* the row has records that this page was not asked about: what it would lose is not stored */
	if (draw->verdict.error_count > 0)
		return ERR_INVALID;
	if ((e = keep_drawn(r, &draw->verdict, a)))
		return e;
	s->drawn = r->keep.page->drawn;
	r->submission = s;
	r->verdict = &draw->verdict;
	draw->state = r->keep.page;
	draw->done = true;
	w->response = r;
	w->full.n = 0;
	/* it is judged once more as it was here */
	if (draw->verdict.outcome.n > 0 && !str_eq(draw->verdict.status, S("completed")))
		return ERR_LIMIT;
	s->filled_now = NULL;
	return words_in(w, tx);
}
