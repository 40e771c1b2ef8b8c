/* auth_oidc_flow.h - what is remembered of a sign-in while the browser is at the provider. Room-internal.
 *
 * Redis has it for OIDC_FLOW_S under TENANT:KIND:HASH, where HASH is of a text that only this browser and the provider were told (`state`, or a ticket to confirm by
 * password). The text begins with the tenant, because its bearer has shown nothing yet. It is good once, and in the browser it began in only: that has a random
 * cookie of its own, so that nobody is signed in by somebody else's link. */
#ifndef AUTH_AUTH_OIDC_FLOW_H
#define AUTH_AUTH_OIDC_FLOW_H

#include "auth/auth_oidc.h"

#define OIDC_FLOW_S 600
#define OIDC_STATE "oidc"
#define OIDC_TICKET "oidc_ticket"

struct oidc_flow {
	struct uuid tenant_id, provider_id;
	struct str nonce, verifier;	 /* of a state */
	struct str back;		 /* path to go to in the end */
	struct str subject, email, name; /* of a ticket: what the provider vouched for */
};

/* Random bytes as text; in the arena. */
enum err oidc_random(struct arena *a, struct str *text);
/* Sets the browser's cookie when it has none. */
enum err oidc_flow_keep(struct req *rq, const char *kind, const struct oidc_flow *flow, struct str *text);
/* ERR_NOT_FOUND: unknown, used, too old, or of another browser. `look`: it stays good. */
enum err oidc_flow_take(struct req *rq, const char *kind, struct str text, bool look, struct oidc_flow *out);
/* A path on this server that a browser may be sent to: nothing that it could read as another server's address. */
bool oidc_back_fits(struct str path);

#endif
