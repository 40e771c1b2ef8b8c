#include "vault/vault_double.h"
#include <string.h>
#include "base/shim.h"
#include "sql.h"

const struct uuid *tx_tenant(const struct tx *tx)
{
	return &tx->tenant;
}

const struct uuid *tx_actor(const struct tx *tx)
{
	(void)tx;
	return NULL;
}

struct pg_param pg_param_uuid_or_null(const struct uuid *id)
{
	return id != NULL ? P_UUID(id) : P_NULL(PGT_UUID);
}

static void *column(void *row, const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->col_count; i++) {
		if (strcmp(q->cols[i].name, name) == 0)
			return (char *)row + q->cols[i].offset;
	}
	fail_msg("no column %s", name);
	return NULL;
}

static bool newer_is_there(const struct table *t, const struct key_record *k)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct key_record *o = &t->rows[i];

		if (uuid_eq(&o->tenant, &k->tenant) && strcmp(o->purpose, k->purpose) == 0 && !o->retired &&
		    o->wrapped_n > 0 && o->version > k->version)
			return true;
	}
	return false;
}

static void put_key(const struct query *q, void *row, const struct key_record *k)
{
	*(int64_t *)column(row, q, "key_version") = k->version;
	*(struct str *)column(row, q, "wrapped") = str_make(k->wrapped, k->wrapped_n);
	*(struct str *)column(row, q, "kek_id") = str_from(k->kek_id);
	*(bool *)column(row, q, "settled") = k->settled;
}

/* data_keys_sealing */
static enum err all_live(struct tx *tx, struct arena *a, const struct query *q, size_t row_size, void **rows, size_t *n)
{
	char *at = arena_alloc(a, 8 * row_size);

	memset(at, 0, 8 * row_size);
	*rows = at;
	*n = 0;
	for (size_t i = 0; i < tx->table->n; i++) {
		const struct key_record *k = &tx->table->rows[i];

		if (!uuid_eq(&k->tenant, &tx->tenant) || k->retired || k->wrapped_n == 0 ||
		    newer_is_there(tx->table, k))
			continue;
		put_key(q, at + *n * row_size, k);
		*(struct str *)column(at + *n * row_size, q, "purpose") = str_from(k->purpose);
		(*n)++;
	}
	*n += *n == 0;
	for (size_t i = 0; i < *n; i++)
		*(bool *)column(at + i * row_size, q, "everything") = tx->seals_all;
	return OK;
}

enum err tx_rows(struct tx *tx, struct arena *a, const struct query *q, size_t row_size, void **rows, size_t *n)
{
	bool system = q->sql == &SQL_system_key_newest || q->sql == &SQL_system_key_version;
	const struct uuid nobody = {0}, *owner = system ? &nobody : &tx->tenant;
	const struct key_record *best = NULL;

	tx->table->reads++;
	if (q->sql == &SQL_data_keys_sealing)
		return all_live(tx, a, q, row_size, rows, n);
	*n = 0;
	for (size_t i = 0; i < tx->table->n; i++) {
		const struct key_record *k = &tx->table->rows[i];

		if (!uuid_eq(&k->tenant, owner) || !str_eq(str_from(k->purpose), q->in[0].v.s))
			continue;
		if (q->in_count == 1 && (k->retired || k->wrapped_n == 0))
			continue;
		if (q->in_count == 2 ? k->version == q->in[1].v.i : best == NULL || k->version > best->version)
			best = k;
	}
	if (best == NULL)
		return OK;
	*rows = arena_alloc(a, row_size);
	*n = 1;
	put_key(q, *rows, best);
	return OK;
}

/* The next version for a new key. */
enum err tx_one(struct tx *tx, struct arena *a, const struct query *q, void *out)
{
	int64_t last = 0;

	(void)a;
	assert_ptr_equal(q->sql, &SQL_data_key_next);
	for (size_t i = 0; i < tx->table->n; i++) {
		const struct key_record *k = &tx->table->rows[i];

		if (uuid_eq(&k->tenant, &tx->tenant) && str_eq(str_from(k->purpose), q->in[0].v.s) && k->version > last)
			last = k->version;
	}
	*(int64_t *)column(out, q, "key_version") = last + 1;
	return OK;
}

static void add(struct table *t, const struct uuid *tenant, const struct pg_param *in)
{
	struct str purpose = in[0].v.s, wrapped = in[2].v.s, kek_id = in[3].v.s;
	struct key_record *k = &t->rows[t->n++];

	*k = (struct key_record){.tenant = *tenant, .version = in[1].v.i, .wrapped_n = wrapped.n};
	mem_copy(k->purpose, purpose.p, purpose.n);
	mem_copy(k->wrapped, wrapped.p, wrapped.n);
	mem_copy(k->kek_id, kek_id.p, kek_id.n);
}

enum err tx_exec(struct tx *tx, const struct query *q, int64_t *affected)
{
	struct table *t = tx->table;

	static const struct uuid nobody;

	(void)affected;
	t->inserts++;
	assert_true(q->sql == &SQL_data_key_add || q->sql == &SQL_system_key_add);
	add(t, q->sql == &SQL_data_key_add ? &tx->tenant : &nobody, q->in);
	return OK;
}
