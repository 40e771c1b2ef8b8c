/* list.c - see list.h. */
#include "core/list.h"
#include <string.h>

enum err list_query(
    struct req *rq, const struct pg_statement *sql, const struct pg_param *own, size_t own_count, struct query *out)
{
	struct pg_param *in = arena_array(rq->arena, struct pg_param, LIST_PARAMS + own_count);
	struct str cursor = S(""), tag;
	struct uuid after = {0};
	bool present;
	enum err e;

	if (!in)
		return ERR_MEMORY;
	if ((e = cursor_read(rq, &cursor, &after, &present)) || (e = cursor_tag(rq, &tag)))
		return e;
	in[0] = P_TEXT(rq->list.sort);
	in[1] = P_BOOL(rq->list.descending);
	in[2] = present ? P_TEXT(cursor) : P_NULL(PGT_TEXT);
	in[3] = present ? P_UUID(&after) : P_NULL(PGT_UUID);
	in[4] = P_INT(rq->list.limit);
	in[5] = P_BOOL(rq->list.count);
	in[6] = P_TEXT(tag);
	if (own_count)
		memcpy(in + LIST_PARAMS, own, own_count * sizeof(*own));
	*out = (struct query){sql, in, LIST_PARAMS + own_count, NULL, 0};
	return OK;
}

enum err list_reply(struct req *rq, const struct pg_statement *sql, const struct pg_param *own, size_t own_count)
{
	struct query q;
	struct str json;
	enum err e;

	if ((e = list_query(rq, sql, own, own_count, &q)) || (e = tx_json(rq->tx, rq->arena, &q, &json)))
		return e;
	return reply_json(rq, 200, json);
}
