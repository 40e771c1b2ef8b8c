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

enum err tx_rows(struct tx *tx, struct arena *a, const struct query *q, size_t row_size, void **rows, size_t *n)
{
	bool system = q->sql == &SQL_system_key_newest || q->sql == &SQL_system_key_version;
	const struct uuid nobody = {0}, *owner = system ? &nobody : &tx->tenant;
	const struct key_record *best = NULL;

	tx->table->reads++;
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
	*(int64_t *)column(*rows, q, "key_version") = best->version;
	*(struct str *)column(*rows, q, "wrapped") = str_make(best->wrapped, best->wrapped_n);
	*(struct str *)column(*rows, q, "kek_id") = str_from(best->kek_id);
	*(bool *)column(*rows, q, "settled") = best->settled;
	return OK;
}

/* The next version for a new key. */
enum err tx_one(struct tx *tx, struct arena *a, const struct query *q, void *out)
{
	int64_t last = 0;

	(void)a;
	if (q->sql == &SQL_tenant_seals_answers) {
		*(bool *)column(out, q, "everything") = tx->seals_all;
		return OK;
	}
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
