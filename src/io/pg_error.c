#include "io/pg_private.h"

#include <string.h>

struct state_row {
	const char *prefix; /* a whole SQLSTATE or the class it begins with; the first row that fits counts */
	enum err error;
	bool retry;
};

static const struct state_row states[] = {
    {"23505", ERR_CONFLICT, false},  /* unique_violation */
    {"23P01", ERR_CONFLICT, false},  /* exclusion_violation */
    {"23503", ERR_NOT_FOUND, false}, /* foreign_key_violation: the thing referred to is not there, or not yours */
    {"23502", ERR_INVALID, false},   /* not_null_violation */
    {"23514", ERR_INVALID, false},   /* check_violation */
    {"23000", ERR_CONFLICT, false},  /* raised by our triggers: what must not change */
    {"23", ERR_INTERNAL, false}, {"22", ERR_INVALID, false}, /* text that the type does not take, out of range */
    {"54", ERR_INVALID, false},				     /* program limits: a row or a key too large */
    {"40001", ERR_BUSY, true},				     /* serialization_failure */
    {"0A000", ERR_BUSY, true},	       /* cached plan must not change result type: a migration went by */
    {"26000", ERR_BUSY, true},	       /* the prepared statement is gone */
    {"40P01", ERR_BUSY, true},	       /* deadlock_detected */
    {"55P03", ERR_BUSY, false},	       /* lock_not_available: lock_timeout */
    {"57014", ERR_BUSY, false},	       /* query_canceled: statement_timeout */
    {"53200", ERR_BUSY, false},	       /* out_of_memory */
    {"53", ERR_UNAVAILABLE, false},    /* disk full, too many connections */
    {"57", ERR_UNAVAILABLE, false},    /* shutting down, crashed, starting */
    {"58", ERR_UNAVAILABLE, false},    /* its disk fails */
    {"08", ERR_UNAVAILABLE, false},    /* connection */
    {"25006", ERR_UNAVAILABLE, false}, /* read_only_sql_transaction: the primary became a standby */
};

enum err pg_error_of_state(const char *sqlstate, const char *constraint, bool *retry)
{
	*retry = false;
	if (!sqlstate[0])
		return ERR_UNAVAILABLE;
	/* No check of a table's failed: there is no partition for the row, which is for the operator to mend. */
	if (strcmp(sqlstate, "23514") == 0 && !constraint[0])
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < countof(states); i++) {
		if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0) {
			*retry = states[i].retry;
			return states[i].error;
		}
	}
	return ERR_INTERNAL;
}
