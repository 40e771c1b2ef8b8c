/* What codes of single-use links bring along of a person. With an answer by its code it is found with that (person_page); here, whether anybody answered or not. */
#include "privacy/privacy_person.h"
#include "sql.h"

#define PAGE 500

struct code_row {
	struct uuid link_id, id;
	struct str parameters;
};

struct looking {
	struct person_job *p;
	struct uuid at_link, at_id; /* the last one */
	int64_t seen;
	bool more; /* than are taken at once */
};

static bool names(const struct person_job *p, const struct json *parameters)
{
	return subject_in(&p->who, parameters);
}

static enum err look_at(void *ctx, const void *fetched)
{
	const struct code_row *row = fetched;
	struct looking *l = ctx;
	struct person_job *p = l->p;
	struct json *parameters;
	struct json_error why;

	arena_reset(&p->scratch);
	l->seen++;
	l->at_link = row->link_id;
	l->at_id = row->id;
	if (json_read(&p->scratch, row->parameters, &json_limits_default, &parameters, &why))
		return ERR_INTERNAL;
	if (!names(p, parameters))
		return OK;
	l->more |= p->code_count == PERSON_CODES_MAX;
	if (!l->more)
		p->codes[p->code_count++] = (struct person_code){row->link_id, row->id};
	return OK;
}

static enum err look_through(struct looking *l)
{
	static const struct pg_col cols[] = {COL(struct code_row, link_id, PGT_UUID),
	    COL(struct code_row, id, PGT_UUID), COL(struct code_row, parameters, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&l->at_link), P_UUID(&l->at_id), P_INT(PAGE)};
	struct person_job *p = l->p;
	struct tx *tx;
	enum err e;

	arena_reset(&p->page);
	l->seen = 0;
	if ((e = tx_open(p->job->app, PG_WORKER, true, &p->job->tenant_id, &p->page, &tx)))
		return e;
	e = tx_each(tx, &Q(SQL_person_codes_page, in, cols), sizeof(struct code_row), look_at, l);
	tx_rollback(tx);
	return e;
}

enum err person_codes_find(struct person_job *p)
{
	struct looking l = {.p = p};
	enum err e;

	p->code_count = 0;
	if (p->who.kind != SUBJECT_EMAIL && p->who.kind != SUBJECT_PHONE)
		return OK;
	if (!p->codes && !(p->codes = arena_array(p->job->arena, struct person_code, PERSON_CODES_MAX)))
		return ERR_MEMORY;
	do {
		if ((e = look_through(&l)) || (e = job_check(p->job)))
			return e;
	} while (l.seen == PAGE && !l.more);
	return l.more ? ERR_LIMIT : OK;
}

static enum err lists_of(struct person_job *p, struct pg_param *lists[2])
{
	for (size_t c = 0; c < 2; c++)
		if (!(lists[c] = arena_array(&p->page, struct pg_param, p->code_count + 1)))
			return ERR_MEMORY;
	for (size_t i = 0; i < p->code_count; i++) {
		lists[0][i] = P_UUID(&p->codes[i].link_id);
		lists[1][i] = P_UUID(&p->codes[i].id);
	}
	return OK;
}

enum err person_codes_forget(struct tx *tx, struct person_job *p, int64_t *n, struct str *ids)
{
	struct forgotten_row {
		int64_t codes;
		struct str ids;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct forgotten_row, codes, PGT_INT), COL(struct forgotten_row, ids, PGT_JSON)};
	struct pg_param *lists[2];
	enum err e;

	if ((e = lists_of(p, lists)))
		return e;
	const struct pg_param in[] = {
	    P_ARRAY(PGT_UUID, lists[0], p->code_count), P_ARRAY(PGT_UUID, lists[1], p->code_count)};

	if ((e = tx_one(tx, &p->page, &Q(SQL_person_codes_forget, in, cols), &row)))
		return e;
	*n = row.codes;
	*ids = row.ids;
	return OK;
}

struct read_row {
	struct uuid id;
	struct str parameters, json;
};

struct listing {
	struct person_job *p;
	struct json_out list, ids;
};

/* Once more, now that it is held: somebody may have erased it meanwhile. */
static enum err put_code(struct listing *l, const struct read_row *row)
{
	struct json *parameters;
	struct json_error why;

	arena_reset(&l->p->scratch);
	if (json_read(&l->p->scratch, row->parameters, &json_limits_default, &parameters, &why))
		return ERR_INTERNAL;
	if (!names(l->p, parameters))
		return OK;
	json_put_raw(&l->list, row->json);
	json_put_str(&l->ids, uuid_str(&l->p->scratch, &row->id));
	return OK;
}

enum err person_codes_json(struct tx *tx, struct person_job *p, struct str *list, struct str *ids)
{
	static const struct pg_col cols[] = {COL(struct read_row, id, PGT_UUID),
	    COL(struct read_row, parameters, PGT_JSON), COL(struct read_row, json, PGT_JSON)};
	struct listing l = {.p = p};
	struct pg_param *lists[2];
	struct buf texts[2];
	struct read_row *rows;
	size_t n = 0;
	enum err e;

	buf_init(&texts[0], &p->page, 8 * MB);
	buf_init(&texts[1], &p->page, 64 * PERSON_CODES_MAX);
	json_out_init(&l.list, &texts[0]);
	json_out_init(&l.ids, &texts[1]);
	json_open(&l.list, '[');
	json_open(&l.ids, '[');
	if ((e = lists_of(p, lists)))
		return e;
	const struct pg_param in[] = {
	    P_ARRAY(PGT_UUID, lists[0], p->code_count), P_ARRAY(PGT_UUID, lists[1], p->code_count)};

	if (p->code_count > 0 &&
	    (e = tx_rows(tx, &p->page, &Q(SQL_person_codes_read, in, cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	for (size_t i = 0; i < n; i++)
		if ((e = put_code(&l, &rows[i])))
			return e;
	json_close(&l.list, ']');
	json_close(&l.ids, ']');
	return (e = buf_done(&texts[0], list)) ? e : buf_done(&texts[1], ids);
}
