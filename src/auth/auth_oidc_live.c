/* auth_oidc_live.c - whether a provider still lets people in. Apart from the rest, since each look at a session needs it. */
#include "auth/auth_oidc.h"
#include "sql.h"

enum err oidc_provider_live(struct req *rq, const struct uuid *tenant, const struct uuid *id, bool *factor)
{
	struct live_row {
		bool factor;
	} row;
	static const struct pg_col cols[] = {COL(struct live_row, factor, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(id)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, true, tenant, rq->arena, &tx)))
		return e;
	if ((e = tx_one(tx, rq->arena, &Q(SQL_oidc_provider_live, in, cols), &row))) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	*factor = row.factor;
	return tx_commit(tx);
}
