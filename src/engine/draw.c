/* draw.c - rosters by order: least_filled whose records are settled before their page is shown: what they drew, and by which cells. Who keeps interviews
 * draws under a lock on those (struct verdict, draws_at). */
#include "engine/run.h"
#include "base/limits.h"

static bool draws(const struct p_question *q)
{
	return q->type == Q_roster && q->order == ORDER_LEAST_FILLED && q->over_from;
}

static const struct json *list_of(const struct json *drawn, struct str name)
{
	const struct json *list = json_get(drawn, name);

	return list && list->type == JSON_ARRAY ? list : NULL;
}

static bool listed(const struct json *list, const struct value *item)
{
	for (uint32_t i = 0; list && i < list->count; i++)
		if (item_same(&list->items[i], item))
			return true;
	return false;
}

/* What was drawn before stays, for who goes back and comes to it once more. */
static void put_list(struct run *r, struct json_out *w, uint32_t roster, bool now)
{
	const struct state *s = &r->states[roster];
	struct str name = program_str(r->p, r->p->question[roster].name);
	const struct json *before = list_of(r->in->drawn, name);

	if (!before && (!now || !s->record_count))
		return;
	json_key(w, name);
	json_open(w, '[');
	for (uint32_t i = 0; before && i < before->count; i++)
		json_put(w, &before->items[i]);
	for (uint32_t i = 0; now && i < s->record_count && run_burn(r, 1 + (before ? before->count / 8 : 0)); i++)
		if (!listed(before, &s->records[i].item))
			value_json(w, &s->records[i].item);
	json_close(w, ']');
}

static int32_t page_before(const struct run *r, int32_t page)
{
	do
		page--;
	while (page >= 0 && !r->on_way[page]);
	return page;
}

void draws_tell(struct run *r, bool complete, int32_t page, struct verdict *out)
{
	const int32_t last = complete ? WALK_ALL : out->next_page < 0 ? page : out->next_page;
	struct json_out w;
	struct buf b;
	enum err e;

	out->draws_at = -1;
	if (RUN_AFRESH || !r->in->drawn)
		return;
	buf_init(&b, r->a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (uint32_t i = 0; i < r->p->question_count; i++) {
		const struct p_question *q = &r->p->question[i];
		const int32_t at = (int32_t)q->page - 1;
		const bool now = r->states[i].visible && r->on_way[at] && at <= last;

		if (!draws(q))
			continue;
		put_list(r, &w, i, now);
		if (now && r->states[i].undrawn && (q->flags & QUESTION_DRAWN) && out->draws_at < 0)
			out->draws_at = page_before(r, at);
	}
	json_close(&w, '}');
	e = buf_done(&b, &out->drawn);
	if (e && !r->failed)
		r->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
}

enum err program_draw_cells(const struct program *p, struct arena *a, size_t **out, size_t *n)
{
	bool *by = arena_array(a, bool, (size_t)p->cell_count + 1);

	*n = 0;
	if (!by || !(*out = arena_array(a, size_t, (size_t)p->cell_count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->question_count; i++)
		for (uint32_t k = 0; (p->question[i].flags & QUESTION_DRAWN) && k < p->question[i].fills_count; k++)
			by[p->fill[p->question[i].fills + k].cell - 1] = true;
	for (size_t i = 0; i < p->cell_count; i++)
		if (by[i] || p->cell[i].entered)
			(*out)[(*n)++] = i;
	return OK;
}

static bool take_items(const struct json *records, struct arena *a, struct json *list)
{
	*list = (struct json){.type = JSON_ARRAY, .items = arena_array(a, struct json, (size_t)records->count + 1)};
	for (uint32_t i = 0; list->items && i < records->count; i++) {
		const struct json *item = json_get(&records->items[i], S("_item"));

		if (item)
			list->items[list->count++] = *item;
	}
	return list->items;
}

enum err program_drawn_of(const struct program *p, const struct json *answers, struct arena *a, struct json **out)
{
	struct json *object = arena_new(a, struct json);

	if (!object || !(object->members = arena_array(a, struct json_member, (size_t)p->question_count + 1)))
		return ERR_MEMORY;
	object->type = JSON_OBJECT;
	*out = object;
	for (uint32_t i = 0; i < p->question_count; i++) {
		struct str name = program_str(p, p->question[i].name);
		const struct json *records = draws(&p->question[i]) ? list_of(answers, name) : NULL;
		struct json_member *m = &object->members[object->count];

		if (!records)
			continue;
		m->key = name;
		if (!take_items(records, a, &m->value))
			return ERR_MEMORY;
		object->count++;
	}
	return OK;
}
