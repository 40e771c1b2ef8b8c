/* pg_array.c - arrays as parameters, in the server's binary form: what a statement that stores many rows unnests. The element's type stands in it and must
 * be the one that the statement declares. */
#include "io/pg_private.h"

#include "base/limits.h"
#include "base/shim.h"

#define POSTGRES_EPOCH_MS INT64_C(946684800000) /* 2000-01-01 */
#define HEAD_BYTES 20
#define JSONB_VERSION 1

static uint32_t element_oid(enum pg_type t)
{
	/* numbers are fixed in PostgreSQL's catalog */
	static const uint32_t oids[] = {[PGT_TEXT] = 25,
	    [PGT_UUID] = 2950,
	    [PGT_INT] = 20,
	    [PGT_NUM] = 701,
	    [PGT_BOOL] = 16,
	    [PGT_TIME] = 1184,
	    [PGT_JSON] = 3802,
	    [PGT_BYTES] = 17};

	return oids[t];
}

static char *put_be(char *at, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (char)(v >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static size_t value_bytes(const struct pg_param *p)
{
	switch (p->type) {
	case PGT_TEXT:
	case PGT_BYTES:
		return p->v.s.n;
	case PGT_JSON:
		return p->v.s.n + 1;
	case PGT_UUID:
		return sizeof(struct uuid);
	case PGT_BOOL:
		return 1;
	default:
		return 8;
	}
}

static char *put_value(char *at, const struct pg_param *p)
{
	uint64_t bits;

	switch (p->type) {
	case PGT_JSON:
		at = put_be(at, JSONB_VERSION, 1);
		/* fall through */
	case PGT_TEXT:
	case PGT_BYTES:
		mem_copy(at, p->v.s.p, p->v.s.n);
		return at + p->v.s.n;
	case PGT_UUID:
		mem_copy(at, &p->v.uuid, sizeof(struct uuid));
		return at + sizeof(struct uuid);
	case PGT_BOOL:
		return put_be(at, p->v.b, 1);
	case PGT_TIME:
		return put_be(at, (uint64_t)((p->v.i - POSTGRES_EPOCH_MS) * 1000), 8);
	case PGT_NUM:
		mem_copy(&bits, &p->v.num, sizeof bits);
		return put_be(at, bits, 8);
	default:
		return put_be(at, (uint64_t)p->v.i, 8);
	}
}

static enum err measure(const struct pg_param *p, size_t *bytes, bool *nulls)
{
	size_t n = HEAD_BYTES;

	*nulls = false;
	for (size_t i = 0; i < p->v.list.n; i++) {
		const struct pg_param *one = &p->v.list.p[i];
		bool text = one->type == PGT_TEXT || one->type == PGT_JSON;

		if (one->type != p->type || one->array)
			return ERR_INTERNAL;
		n += 4;
		*nulls |= one->null;
		if (one->null)
			continue;
		if (text && one->v.s.n > 0 && memchr(one->v.s.p, 0, one->v.s.n))
			return ERR_INVALID;
		n += value_bytes(one);
	}
	*bytes = n;
	return n > PG_SCRATCH_MAX_BYTES ? ERR_TOO_LARGE : OK;
}

enum err pg_array_encode(const struct pg_param *p, struct arena *scratch, struct str *out)
{
	char *room, *at;
	size_t bytes;
	bool nulls;
	enum err e;

	if ((e = measure(p, &bytes, &nulls)))
		return e;
	if (!(room = at = arena_alloc(scratch, bytes)))
		return ERR_MEMORY;
	at = put_be(at, p->v.list.n > 0, 4); /* dimensions; an empty array has none */
	at = put_be(at, nulls, 4);
	at = put_be(at, element_oid(p->type), 4);
	if (p->v.list.n > 0) {
		at = put_be(at, p->v.list.n, 4);
		at = put_be(at, 1, 4); /* the first one's number */
	}
	for (size_t i = 0; i < p->v.list.n; i++) {
		const struct pg_param *one = &p->v.list.p[i];

		at = put_be(at, one->null ? UINT32_MAX : value_bytes(one), 4);
		if (!one->null)
			at = put_value(at, one);
	}
	*out = str_make(room, (size_t)(at - room));
	return OK;
}
