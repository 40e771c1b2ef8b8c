/* auth_identity_http.c - whom members are at the tenant's identity providers, and the undoing of that. */
#include "auth/auth_http.h"
#include "auth/auth_state.h"
#include "sql.h"

static const struct field identity_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Identity"),
    OUT("issuer", FT_URL, REQUIRED, "The identity provider"),
    OUT("subject", FT_TEXT, REQUIRED, "What it calls the member"),
    OUT("confirmed", FT_BOOL, REQUIRED, "The member showed the password of the account for it"),
    OUT("last_used_at", FT_TIME, REQUIRED, "When the member last signed in so"),
    OUT("created_at", FT_TIME, REQUIRED, "When the member first did"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes"),
};
static const struct shape identity_out = SHAPE_OUT("Identity", identity_fields);
static const struct field identities_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "Oldest first: one for each identity provider at most", .shape = &identity_out),
};
static const struct shape identities_out = SHAPE_OUT("IdentityList", identities_fields);

static enum err identity_list_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct str json;
	enum err e;

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_identity_list, in), &json)))
		return e;
	return reply_json(rq, 200, json);
}

/* Sessions that it began cannot be told from the member's others here, so all of this tenant end. */
static void end_sessions(struct req *rq)
{
	login_session_end_all(rq, &rq->who.tenant_id, &rq->ids[0]);
}

static enum err identity_delete_http(struct req *rq)
{
	struct held {
		int64_t version;
		struct str role, permissions;
	} now;
	static const struct pg_col cols[] = {COL(struct held, version, PGT_INT), COL(struct held, role, PGT_TEXT),
	    COL(struct held, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};
	const struct pg_param gone[] = {P_UUID(&rq->ids[1]), P_UUID(&rq->who.user_id)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_identity_lock, in, cols), &now)))
		return e;
	if (now.version != rq->if_match_version)
		return ERR_STALE;
	if ((e = role_may_give(rq, auth_permissions(now.role, now.permissions), NULL)) ||
	    (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_identity_delete, gone))))
		return e;
	rq->after_commit = end_sessions;
	return reply_empty(rq, 204);
}

const struct route identity_routes[] = {
    {HTTP_GET, "/api/v1/members/{id}/identities", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &identities_out, 200,
	identity_list_http, "List whom a member is at the tenant's identity providers", .flags = ROUTE_READ},
    {HTTP_DELETE, "/api/v1/members/{id}/identities/{identity_id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, NULL, 204,
	identity_delete_http, "Forget whom a member is at an identity provider: all sessions in this tenant end",
	.flags = ROUTE_IF_MATCH, .also = (const int[]){412, 428, 0}},
    ROUTE_END,
};
