#include "event/event.h"

#include "io/clock.h"
#include "base/json.h"
#include "sql.h"

#define READ_DATA_MAX_BYTES (8 * KB)

enum err event_append(struct tx *tx, const struct event *e)
{
	struct uuid id = uuid_new();
	const struct pg_param in[] = {P_UUID(&id), P_TEXT(e->aggregate_type), P_UUID(e->aggregate_id), P_TEXT(e->type),
	    P_JSON(e->data.n > 0 ? e->data : S("{}")), P_UUID_OR_NULL(tx_actor(tx)), P_TEXT_OR_NULL(tx_request_id(tx)),
	    P_INT(e->sequence), P_TEXT(tx_actor_kind(tx)), P_UUID_OR_NULL(tx_credential(tx))};

	return tx_queue(tx, &Q_NO_OUT(SQL_event_append, in));
}

enum err event_personal_read(struct req *rq, const struct uuid *survey, int64_t responses, struct str ids)
{
	struct event event = {S("survey"), survey, S("personal_data.read"), S(""), 1};
	struct json_out w;
	struct buf b;
	struct tx *tx;
	enum err e;

	buf_init(&b, rq->arena, READ_DATA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("route"), str_from(rq->route->path));
	json_field_int(&w, S("responses"), responses);
	if (ids.n > 0)
		json_field_raw(&w, S("response_ids"), ids);
	json_close(&w, '}');
	if ((e = buf_done(&b, &event.data)))
		return e;
	if (rq->tx)
		return rq->route->flags & ROUTE_READ ? ERR_INTERNAL : event_append(rq->tx, &event);
	if ((e = req_tx_open(rq, false, rq->arena, &tx)))
		return e;
	if ((e = event_append(tx, &event))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}
