#include "io/pg_private.h"

#include <libpq-fe.h>
#include <math.h>
#include "base/limits.h"
#include "base/num.h"
#include "base/time.h"

/* Parameters travel as text, so that the server's own input functions fit them to whatever type the statement gives them;
 * bytes travel as they are. Results come in binary: exact, and nothing is parsed. */

/* Type numbers are fixed in PostgreSQL's catalog. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_OID = 26,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_TIMESTAMPTZ = 1184,
	OID_UUID = 2950,
	OID_JSONB = 3802,
	OID_XID8 = 5069
};

#define POSTGRES_EPOCH_MS INT64_C(946684800000) /* 2000-01-01 */

struct pg_param pg_param_text_or_null(struct str s)
{
	return s.n > 0 ? P_TEXT(s) : P_NULL(PGT_TEXT);
}

struct pg_param pg_param_uuid_or_null(const struct uuid *id)
{
	return id && !uuid_is_nil(id) ? P_UUID(id) : P_NULL(PGT_UUID);
}

/* A double as the server reads it. */
static char *num_cstr(double v, struct arena *scratch)
{
	char *text = arena_alloc(scratch, NUM_TEXT_MAX + 1);

	if (!text)
		return NULL;
	if (isfinite(v))
		text[num_text(v, text)] = 0;
	else
		memcpy(text, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity", isnan(v) ? 4 : v > 0 ? 9 : 10);
	return text;
}

static char *int_cstr(int64_t v, struct arena *scratch)
{
	char *text = arena_alloc(scratch, 24);

	if (text)
		snprintf(text, 24, "%lld", (long long)v);
	return text;
}

static enum err param_encode(const struct pg_param *p, struct arena *scratch, const char **value)
{
	char *text = NULL;

	switch (p->type) {
	case PGT_TEXT:
	case PGT_JSON:
		if (p->v.s.n > 0 && memchr(p->v.s.p, 0, p->v.s.n))
			return ERR_INVALID;
		text = str_cstr(scratch, p->v.s);
		break;
	case PGT_UUID:
		text = arena_alloc(scratch, UUID_TEXT_BYTES + 1);
		if (text)
			uuid_text(&p->v.uuid, text);
		break;
	case PGT_INT:
		text = int_cstr(p->v.i, scratch);
		break;
	case PGT_NUM:
		text = num_cstr(p->v.num, scratch);
		break;
	case PGT_BOOL:
		*value = p->v.b ? "t" : "f";
		return OK;
	case PGT_TIME:
		text = arena_alloc(scratch, TIME_TEXT_BYTES + 1);
		if (text)
			time_text(p->v.i, text);
		break;
	case PGT_BYTES:
		*value = p->v.s.n > 0 ? p->v.s.p : "";
		return OK;
	}
	*value = text;
	return text ? OK : ERR_MEMORY;
}

enum err pg_params_encode(const struct pg_param *in, size_t n, struct arena *scratch, struct pg_wire *out)
{
	enum err e;

	if (n > PG_PARAMS_MAX)
		return ERR_INTERNAL;
	for (size_t i = 0; i < n; i++) {
		out->values[i] = NULL;
		out->lengths[i] = 0;
		out->formats[i] = in[i].type == PGT_BYTES;
		if (in[i].null)
			continue;
		if (in[i].array) {
			struct str list;

			if ((e = pg_array_encode(&in[i], scratch, &list)))
				return e;
			out->values[i] = list.p;
			out->lengths[i] = (int)list.n;
			out->formats[i] = 1;
			continue;
		}
		if (in[i].type == PGT_BYTES) {
			if (in[i].v.s.n > INT32_MAX)
				return ERR_TOO_LARGE;
			out->lengths[i] = (int)in[i].v.s.n;
		}
		if ((e = param_encode(&in[i], scratch, &out->values[i])))
			return e;
	}
	return OK;
}

int pg_result_rows(const struct pg_result *r)
{
	return PQntuples(r);
}

int64_t pg_result_affected(const struct pg_result *r)
{
	int64_t n;

	/* PQcmdTuples does not write to the result, but its prototype says it might. */
	return str_to_int(str_from(PQcmdTuples((PGresult *)(uintptr_t)r)), &n) ? n : 0;
}

void pg_result_clear(struct pg_result *r)
{
	PQclear(r);
}

static bool type_fits(enum pg_type type, Oid oid)
{
	switch (type) {
	case PGT_TEXT:
		return oid == OID_TEXT || oid == OID_VARCHAR || oid == OID_BPCHAR || oid == OID_NAME;
	case PGT_UUID:
		return oid == OID_UUID;
	case PGT_INT:
		return oid == OID_INT8 || oid == OID_INT4 || oid == OID_INT2 || oid == OID_OID || oid == OID_XID8;
	case PGT_NUM:
		return oid == OID_FLOAT8 || oid == OID_FLOAT4;
	case PGT_BOOL:
		return oid == OID_BOOL;
	case PGT_TIME:
		return oid == OID_TIMESTAMPTZ;
	case PGT_JSON:
		return oid == OID_JSONB || oid == OID_JSON || oid == OID_TEXT;
	case PGT_BYTES:
		return oid == OID_BYTEA;
	}
	return false;
}

enum err pg_layout(const struct pg_result *r, const struct query *q, struct pg_layout *out, const char **bad)
{
	int fields = PQnfields(r);

	*bad = "(too many)";
	if (q->col_count > PG_COLUMNS_MAX)
		return ERR_INTERNAL;
	out->cols = q->cols;
	out->n = q->col_count;
	for (size_t i = 0; i < out->n; i++) {
		out->at[i] = -1;
		for (int f = 0; f < fields && out->at[i] < 0; f++) {
			if (strcmp(PQfname(r, f), q->cols[i].name) == 0)
				out->at[i] = f;
		}
		if (out->at[i] < 0 || !type_fits(q->cols[i].type, PQftype(r, out->at[i]))) {
			*bad = q->cols[i].name;
			return ERR_INTERNAL;
		}
	}
	return OK;
}

/* Big-endian, `n` bytes, sign-extended. */
static int64_t read_int(const char *p, int n)
{
	uint64_t v = n > 0 && (p[0] & 0x80) ? ~UINT64_C(0) : 0;

	for (int i = 0; i < n && i < 8; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

static double read_num(const char *p, int n)
{
	uint64_t bits = (uint64_t)read_int(p, n);
	uint32_t half = (uint32_t)bits;
	double d;
	float f;

	if (n == 4) {
		memcpy(&f, &half, sizeof(f));
		return f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

static enum err keep_text(struct str s, struct arena *a, struct str *out)
{
	*out = a ? str_dup(a, s) : s;
	return s.n > 0 && !out->p ? ERR_MEMORY : OK;
}

/* jsonb in binary is a version byte, always 1, and the text. */
static struct str json_bytes(const char *p, int n, Oid oid)
{
	bool skip = oid == OID_JSONB && n > 0;

	return str_make(p + skip, (size_t)(n - skip));
}

struct value {
	const char *p;
	int n;
	Oid oid;
};

static enum err value_read(const struct value *v, enum pg_type type, struct arena *a, char *to)
{
	switch (type) {
	case PGT_TEXT:
	case PGT_BYTES:
		return keep_text(str_make(v->p, (size_t)v->n), a, (struct str *)(void *)to);
	case PGT_JSON:
		return keep_text(json_bytes(v->p, v->n, v->oid), a, (struct str *)(void *)to);
	case PGT_UUID:
		if (v->n != sizeof(struct uuid))
			return ERR_INTERNAL;
		memcpy(to, v->p, sizeof(struct uuid));
		return OK;
	case PGT_INT:
		*(int64_t *)(void *)to =
		    v->oid == OID_OID ? (int64_t)(uint32_t)read_int(v->p, v->n) : read_int(v->p, v->n);
		return OK;
	case PGT_NUM:
		*(double *)(void *)to = read_num(v->p, v->n);
		return OK;
	case PGT_BOOL:
		*(bool *)to = v->n > 0 && v->p[0];
		return OK;
	case PGT_TIME:
		*(int64_t *)(void *)to = read_int(v->p, v->n) / 1000 + POSTGRES_EPOCH_MS;
		return OK;
	}
	return ERR_INTERNAL;
}

static size_t value_bytes(enum pg_type type)
{
	switch (type) {
	case PGT_TEXT:
	case PGT_JSON:
	case PGT_BYTES:
		return sizeof(struct str);
	case PGT_UUID:
		return sizeof(struct uuid);
	case PGT_BOOL:
		return sizeof(bool);
	case PGT_INT:
	case PGT_TIME:
	case PGT_NUM:
		break;
	}
	return 8;
}

enum err pg_row(const struct pg_result *r, int row, const struct pg_layout *layout, struct arena *a, void *out)
{
	enum err e;

	for (size_t i = 0; i < layout->n; i++) {
		const struct pg_col *col = &layout->cols[i];
		int at = layout->at[i];
		const struct value v = {PQgetvalue(r, row, at), PQgetlength(r, row, at), PQftype(r, at)};
		char *to = (char *)out + col->offset;

		if (PQgetisnull(r, row, at))
			memset(to, 0, value_bytes(col->type));
		else if ((e = value_read(&v, col->type, a, to)))
			return e;
	}
	return OK;
}

enum err pg_text(const struct pg_result *r, struct arena *a, struct str *out)
{
	if (PQnfields(r) < 1 || !type_fits(PGT_JSON, PQftype(r, 0)))
		return ERR_INTERNAL;
	if (PQntuples(r) < 1 || PQgetisnull(r, 0, 0))
		return ERR_NOT_FOUND;
	return keep_text(json_bytes(PQgetvalue(r, 0, 0), PQgetlength(r, 0, 0), PQftype(r, 0)), a, out);
}

int pg_described_params(const struct pg_result *r)
{
	return PQnparams(r);
}
