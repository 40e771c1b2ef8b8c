/* tx_who.h - who is at work in a transaction: for created_by and the like, for events, and for the database's audit trigger. Inside core only; others ask
 * tx.h. */
#ifndef CORE_TX_WHO_H
#define CORE_TX_WHO_H

#include "core/tx.h"

struct tx_who {
	enum pg_role role;
	bool has_user, has_credential;
	struct uuid user, credential;
	const char *kind; /* NULL: by role and user */
	struct str request_id;
};

/* As tx_actor_kind() says. */
struct str tx_who_kind(const struct tx_who *w);
/* "kind actor credential request", '-' for what there is none of: what audit_change() reads as app.origin. */
enum err tx_who_text(const struct tx_who *w, struct arena *a, struct str *out);

#endif
