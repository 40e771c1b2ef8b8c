/* event.h - the event log, which is also the outbox: appended in the caller's transaction, read in commit order.
 *
 *     event_append(tx, &(struct event){ S("survey"), &s.id, S("published"), data, s.version });
 *
 * That something was created, updated, deleted, restored or purged is not appended by anybody: a trigger (audit_change() in the database) writes it
 * with every change of an audited table, with the fields that changed, before and after, and never with bytes, answers or what is named like a
 * secret. The migration that makes a table calls audit('things', 'thing'), or audit_not('things', 'why') when nobody would want to know. What is appended
 * here says more than a change: "published", "completed", "joined", "personal_data.read".
 *
 * `sequence` is the aggregate's version after the change. Data is a JSON object without personal values. Who, by what and in which request comes from the
 * transaction (tx_set_actor, tx_set_credential). The statement is queued (tx_queue): its error shows at commit. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "core/router.h"

struct event {
	struct str aggregate_type;       /* "survey", "response", "project", "link", "user" */
	const struct uuid *aggregate_id;
	struct str type;                 /* "published", "completed" ...; not "created", "updated", "deleted", "restored", "purged" */
	struct str data;                 /* JSON object; empty means {} */
	int64_t sequence;
};
enum err event_append(struct tx *tx, const struct event *e);

/* Before the first byte of a reply that opens personal answers: an event "personal_data.read" of the survey with the route, how many responses, and
 * `ids` (a JSON array; empty: not told). It is written by the request's transaction, whose commit a reply waits for; a handler that streams has ended
 * that one before (rq->tx is NULL) and gets a transaction for this alone, so it holds no other connection meanwhile: who held one and waited for a
 * second would wait for others who do the same. ERR_INTERNAL in a route that only reads (ROUTE_READ) and still has its transaction. When it fails
 * the caller answers the error and shows nothing. */
enum err event_personal_read(struct req *rq, const struct uuid *survey, int64_t responses, struct str ids);

extern const struct route event_routes[];   /* /api/v1/events */

#endif
