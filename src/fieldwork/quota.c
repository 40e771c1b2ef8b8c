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

struct counted {
	struct quota_list all;
	int64_t *used; /* by cell of `all` */
};

/* Reads nothing when the program has no quotas. */
static enum err count(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct counted *out)
{
	static const struct pg_col cols[] = {COL(struct used_row, quota, PGT_TEXT),
	    COL(struct used_row, cell, PGT_TEXT), COL(struct used_row, used, PGT_INT)};
	const struct pg_param in[] = {P_UUID(survey)};
	void *found = NULL;
	size_t n = 0;
	enum err e;

	*out = (struct counted){.used = NULL};
	if ((e = program_quota_cells(p, a, &out->all.cells, &out->all.n)) || out->all.n == 0)
		return e;
	if (!(out->used = arena_array(a, int64_t, out->all.n)))
		return ERR_MEMORY;
	if ((e = tx_rows(tx, a, &Q(SQL_quota_cells_used, in, cols), sizeof(struct used_row), &found, &n)))
		return e;
	for (size_t i = 0; i < out->all.n; i++) {
		const struct used_row *row = found;

		for (size_t k = 0; k < n; k++)
			if (is_cell(&out->all.cells[i], &row[k]))
				out->used[i] = row[k].used;
	}
	return OK;
}

enum err quota_full(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_list *full)
{
	struct counted now;
	enum err e;

	*full = (struct quota_list){0};
	if ((e = count(tx, a, p, survey, &now)) || now.all.n == 0 || (e = list_init(full, a, now.all.n)))
		return e;
	for (size_t i = 0; i < now.all.n; i++)
		if (now.used[i] >= now.all.cells[i].limit)
			full->cells[full->n++] = now.all.cells[i];
	return OK;
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
	if ((e = count(tx, a, p, survey, &now)))
		return e;
	*out = (struct quota_counts){now.used, now.all.n};
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
