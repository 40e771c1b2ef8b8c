#include "fieldwork/quota.h"
#include "sql.h"

struct used_row {
	struct str quota, cell;
	int64_t used;
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

enum err quota_full(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_list *full)
{
	static const struct pg_col cols[] = {COL(struct used_row, quota, PGT_TEXT),
	    COL(struct used_row, cell, PGT_TEXT), COL(struct used_row, used, PGT_INT)};
	const struct pg_param in[] = {P_UUID(survey)};
	struct quota_list all;
	void *found = NULL;
	size_t n = 0;
	enum err e;

	*full = (struct quota_list){0};
	if ((e = program_quota_cells(p, a, &all.cells, &all.n)) || all.n == 0)
		return e;
	if ((e = tx_rows(tx, a, &Q(SQL_quota_cells_used, in, cols), sizeof(struct used_row), &found, &n)) ||
	    (e = list_init(full, a, all.n)))
		return e;
	for (size_t i = 0; i < all.n; i++) {
		const struct used_row *row = found;
		int64_t used = 0;

		for (size_t k = 0; k < n; k++)
			used = is_cell(&all.cells[i], &row[k]) ? row[k].used : used;
		if (used >= all.cells[i].limit)
			full->cells[full->n++] = all.cells[i];
	}
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

enum err quota_take(
    struct tx *tx, struct arena *a, const struct uuid *survey, const struct quota_list *wanted, struct quota_list *full)
{
	static const struct pg_col cols[] = {
	    COL(struct used_row, quota, PGT_TEXT), COL(struct used_row, cell, PGT_TEXT)};
	struct str json;
	void *found = NULL;
	size_t n = 0;
	enum err e;

	if ((e = list_init(full, a, wanted->n)) || (e = quota_json(a, wanted, &json)))
		return e;
	const struct pg_param in[] = {P_UUID(survey), P_JSON(json)};

	if ((e = tx_rows(tx, a, &Q(SQL_quota_cells_take, in, cols), sizeof(struct used_row), &found, &n)))
		return e;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct used_row *row = found;
		bool taken = false;

		for (size_t k = 0; k < n; k++)
			taken |= is_cell(&wanted->cells[i], &row[k]);
		if (!taken)
			full->cells[full->n++] = wanted->cells[i];
	}
	return OK;
}
