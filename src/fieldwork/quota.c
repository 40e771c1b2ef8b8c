#include "fieldwork/quota.h"
#include "sql.h"

struct used_row {
	struct str quota, cell;
	int64_t used, limit_set, leased; /* limit_set -1: none */
	bool own;
};

static bool is_cell(const struct quota_cell *c, const struct used_row *row)
{
	return str_eq(c->quota, row->quota) && str_eq(c->cell, row->cell);
}

static enum err list_init(struct quota_list *list, struct arena *a, size_t room)
{
	*list = (struct quota_list){arena_array(a, struct quota_cell, room + 1), 0};
	return list->cells ? OK : ERR_MEMORY;
}

struct counted {
	struct quota_list all;
	struct used_row *now; /* by cell of `all` */
};

/* Reads nothing when the program has no quotas. */
static enum err count(
    struct tx *tx, struct arena *a, const struct program *p, const struct quota_asker *who, struct counted *out)
{
	static const struct pg_col cols[] = {COL(struct used_row, quota, PGT_TEXT),
	    COL(struct used_row, cell, PGT_TEXT), COL(struct used_row, used, PGT_INT),
	    COL(struct used_row, limit_set, PGT_INT), COL(struct used_row, leased, PGT_INT),
	    COL(struct used_row, own, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(who->survey), P_UUID_OR_NULL(who->response)};
	const struct used_row *row;
	void *found = NULL;
	size_t n = 0;
	enum err e;

	*out = (struct counted){.now = NULL};
	if ((e = program_quota_cells(p, a, &out->all.cells, &out->all.n)) || out->all.n == 0)
		return e;
	if (!(out->now = arena_array(a, struct used_row, out->all.n)))
		return ERR_MEMORY;
	if ((e = tx_rows(tx, a, &Q(SQL_quota_cells_used, in, cols), sizeof *row, &found, &n)))
		return e;
	row = found;
	for (size_t i = 0; i < out->all.n; i++) {
		out->now[i].limit_set = -1;
		for (size_t k = 0; k < n; k++)
			if (is_cell(&out->all.cells[i], &row[k]))
				out->now[i] = row[k];
	}
	return OK;
}

static int64_t limit_of(const struct counted *c, size_t i)
{
	return c->now[i].limit_set < 0 ? c->all.cells[i].limit : c->now[i].limit_set;
}

enum err quota_full(
    struct tx *tx, struct arena *a, const struct program *p, const struct quota_asker *who, struct quota_list *full)
{
	struct counted now;
	enum err e;

	*full = (struct quota_list){0};
	if ((e = count(tx, a, p, who, &now)) || now.all.n == 0 || (e = list_init(full, a, now.all.n)))
		return e;
	for (size_t i = 0; i < now.all.n; i++)
		if (!now.now[i].own && now.now[i].used + now.now[i].leased >= limit_of(&now, i))
			full->cells[full->n++] = now.all.cells[i];
	return OK;
}

/* Orders go by the share of a limit, and know that of the program only. */
int64_t quota_share(int64_t places, int64_t limit, int64_t written)
{
	if (limit == written)
		return places;
	return limit > places ? (int64_t)((double)places / (double)limit * (double)written) : written;
}

enum err quota_filled_now(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_counts *out)
{
	struct counted now;
	enum err e;

	*out = (struct quota_counts){0};
	if (!program_wants_filled(p))
		return OK;
	/* without a transaction this is the I/O thread, which does not wait for the database */
	if (!tx)
		return ERR_AGAIN;
	if ((e = count(tx, a, p, &(struct quota_asker){survey, NULL}, &now)))
		return e;
	if (!(out->used = arena_array(a, int64_t, now.all.n + 1)))
		return ERR_MEMORY;
	for (; out->n < now.all.n; out->n++)
		out->used[out->n] = quota_share(
		    now.now[out->n].used + now.now[out->n].leased, limit_of(&now, out->n), now.all.cells[out->n].limit);
	return OK;
}

enum err quota_draws(struct arena *a, const struct program *p, const struct json **drawn)
{
	struct json *nothing = arena_new(a, struct json);
	size_t *cells, n;
	enum err e;

	*drawn = NULL;
	if (!nothing || (e = program_draw_cells(p, a, &cells, &n)))
		return nothing ? e : ERR_MEMORY;
	nothing->type = JSON_OBJECT;
	if (n > 0)
		*drawn = nothing;
	return OK;
}

enum err quota_json(struct arena *a, const struct quota_list *cells, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, 256 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; i < cells->n; i++) {
		json_open(&w, '{');
		json_field_str(&w, S("quota"), cells->cells[i].quota);
		json_field_str(&w, S("cell"), cells->cells[i].cell);
		json_field_int(&w, S("lim"), cells->cells[i].limit);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	return buf_done(&b, json);
}

enum err quota_read(struct arena *a, struct str json, struct quota_list *cells)
{
	struct json_error why;
	struct json *list;
	enum err e;

	if (json_read(a, json, &json_limits_default, &list, &why) || list->type != JSON_ARRAY)
		return ERR_INTERNAL;
	if ((e = list_init(cells, a, list->count)))
		return e;
	for (; cells->n < list->count; cells->n++) {
		const struct json *c = &list->items[cells->n], *limit = json_get(c, S("lim"));

		cells->cells[cells->n] = (struct quota_cell){json_str_or(c, S("quota"), S("")),
		    json_str_or(c, S("cell"), S("")), limit && limit->type == JSON_INT ? limit->i : 0};
	}
	return OK;
}
