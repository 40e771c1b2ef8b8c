#include "event/event.h"

#include "io/clock.h"
#include "sql.h"

enum err event_append(struct tx *tx, const struct event *e)
{
	struct uuid id = uuid_new();
	const struct pg_param in[] = {P_UUID(&id), P_TEXT(e->aggregate_type), P_UUID(e->aggregate_id), P_TEXT(e->type),
	    P_JSON(e->data.n > 0 ? e->data : S("{}")), P_UUID_OR_NULL(tx_actor(tx)), P_TEXT_OR_NULL(tx_request_id(tx)),
	    P_INT(e->sequence), P_TEXT(tx_actor_kind(tx)), P_UUID_OR_NULL(tx_credential(tx))};

	return tx_queue(tx, &Q_NO_OUT(SQL_event_append, in));
}
