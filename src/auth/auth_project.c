/* auth_project.c - what the router asks of roles in projects. Read anew with each request, and from the primary: a role that was taken back allows nothing more. */
#include "auth/auth.h"
#include "auth/auth_state.h"
#include "sql.h"

struct grant_row {
	struct uuid project_id;
	struct str role, permissions;
};

static enum err read_one(struct req *rq, const struct query *q, void *out)
{
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &rq->who.tenant_id, rq->arena, &tx)))
		return e;
	if ((e = tx_one(tx, rq->arena, q, out))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

enum err auth_survey_project(struct req *rq, const struct uuid *survey, struct uuid *project)
{
	struct project_row {
		struct uuid project_id;
	} row;
	static const struct pg_col cols[] = {COL(struct project_row, project_id, PGT_UUID)};
	const struct pg_param in[] = {P_UUID(survey)};
	enum err e = read_one(rq, &Q(SQL_survey_project, in, cols), &row);

	if (!e)
		*project = row.project_id;
	return e;
}

static enum err read_grants(struct req *rq, struct grant_row **rows, size_t *n)
{
	static const struct pg_col cols[] = {COL(struct grant_row, project_id, PGT_UUID),
	    COL(struct grant_row, role, PGT_TEXT), COL(struct grant_row, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->who.user_id)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &rq->who.tenant_id, rq->arena, &tx)))
		return e;
	if ((e = tx_rows(tx, rq->arena, &Q(SQL_project_grants, in, cols), sizeof **rows, (void **)rows, n))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

/* How somebody signed in (the permissions before PERM_FIRST_GIVEN) is nothing that a project gives. */
enum err auth_project_grants(struct req *rq, struct project_grants *out)
{
	const uint64_t given = rq->who.scopes & ~((UINT64_C(1) << PERM_FIRST_GIVEN) - 1);
	struct project_grant *grants;
	struct grant_row *rows;
	size_t n;
	enum err e;

	if ((e = read_grants(rq, &rows, &n)))
		return e;
	if (n > 0 && !(grants = arena_array(rq->arena, struct project_grant, n)))
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++) {
		uint64_t held = auth_permissions(rows[i].role, rows[i].permissions);

		grants[i] = (struct project_grant){rows[i].project_id, held & given, held};
	}
	*out = (struct project_grants){n > 0 ? grants : NULL, n};
	return OK;
}
