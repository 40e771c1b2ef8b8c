/* idempotency.h - Idempotency-Key on POSTs of people and machines: the first reply again instead of a second object.
 *
 * The router calls begin before a ROUTE_IDEMPOTENT handler and end after it, both inside the request's transaction: reply and change are stored
 * together or not at all. Keys belong to the user who sent them and are kept for 24 hours (table idempotency). Only successful replies are kept; after
 * an error nothing was changed, and the key may be used again. Without a key, and for respondents (whose keys live with their
 * answers), both do nothing.
 *
 * Of the payload a hash is kept; of a ROUTE_PERSONAL_BODY an HMAC under a key of the tenant's (app->payload_mac), because an address is guessed from a plain one. When
 * the tenant's keys were shredded meanwhile, the same payload is taken for another: 422, and nothing is done twice.
 *
 * While the first request runs it holds an advisory lock on its key, so a second one is told at once instead of waiting for it. */
#ifndef CORE_IDEMPOTENCY_H
#define CORE_IDEMPOTENCY_H

#include "core/req.h"

/* ERR_IN_PROGRESS: the first one still runs. ERR_KEY_MISMATCH: the key was used with another address or body. *replayed: the first reply
 * is staged and the handler must not run. */
enum err idempotency_begin(struct req *rq, bool *replayed);
/* Keeps the staged reply. */
enum err idempotency_end(struct req *rq);

#endif
