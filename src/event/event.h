/* event.h - the event log, which is also the outbox: appended in the caller's transaction, read in commit order.
 *
 *     event_append(tx, &(struct event){ S("survey"), &s.id, S("published"), data, s.version });
 *
 * Whoever changes state appends in the same transaction. `sequence` is the aggregate's version after the change, so per aggregate it has no
 * gap. Data is a JSON object without personal values. Actor and request id come from the transaction. The statement is queued (tx_queue): its
 * error shows at commit. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "core/tx.h"

struct event {
	struct str aggregate_type;       /* "survey", "response", "project", "link", "user" */
	const struct uuid *aggregate_id;
	struct str type;                 /* "created", "updated", "deleted", "published", "completed" ... */
	struct str data;                 /* JSON object; empty means {} */
	int64_t sequence;
};
enum err event_append(struct tx *tx, const struct event *e);

#endif
