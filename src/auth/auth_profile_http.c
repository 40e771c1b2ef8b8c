/* auth_profile_http.c - oneself: name, language, and the tenants that one is a member of. */
#include "auth/auth_http.h"
#include "event/event.h"
#include "sql.h"

struct profile {
	struct str name, locale;
};
static const struct field profile_fields[] = {
    FIELD(struct profile, name, FT_TEXT, OPTIONAL, 1, 200, "Name"),
    FIELD(struct profile, locale, FT_LANGUAGE, OPTIONAL, 0, 0, "Language of the console and of mails"),
};
static const struct shape profile_shape = SHAPE("MePatch", struct profile, profile_fields);
static const struct field own_tenant_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Tenant"),
    OUT("slug", FT_TEXT, REQUIRED, "Short name, as signing in and switching take it"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("role", FT_TEXT, REQUIRED, "One's role there"),
    OUT("current", FT_BOOL, REQUIRED, "This session's"),
};
static const struct shape own_tenant_out = SHAPE_OUT("OwnTenant", own_tenant_fields);
static const struct field own_tenants_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "Oldest first", .shape = &own_tenant_out),
};
static const struct shape own_tenants_out = SHAPE_OUT("OwnTenants", own_tenants_fields);

/* Which ones, not what they are now: an event has nothing personal. */
static enum err changed_text(struct req *rq, bool name, bool locale, struct str *data)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("changed"));
	json_open(&w, '[');
	if (name)
		json_put_str(&w, S("name"));
	if (locale)
		json_put_str(&w, S("locale"));
	json_close(&w, ']');
	json_close(&w, '}');
	return buf_done(&b, data);
}

/* Without If-Match: nobody else changes these. */
static enum err profile_http(struct req *rq)
{
	struct version_row {
		int64_t version;
	} now;
	static const struct pg_col cols[] = {COL(struct version_row, version, PGT_INT)};
	const struct profile *in = rq->in;
	bool name = schema_has(&profile_shape, rq->in_present, "name"),
	     locale = schema_has(&profile_shape, rq->in_present, "locale");
	const struct pg_param params[] = {P_UUID(&rq->who.user_id), name ? P_TEXT(in->name) : P_NULL(PGT_TEXT),
	    locale ? P_TEXT(in->locale) : P_NULL(PGT_TEXT)};
	struct str data;
	enum err e;

	if (!name && !locale)
		return me_http(rq);
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_profile_set, params, cols), &now)))
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	if ((e = changed_text(rq, name, locale, &data)) ||
	    (e = event_append(
		 rq->tx, &(struct event){S("user"), &rq->who.user_id, S("profile_changed"), data, now.version})))
		return e;
	return me_http(rq);
}

static enum err tenants_http(struct req *rq)
{
	struct login_row *rows = NULL;
	struct json_out w;
	struct str json;
	struct buf b;
	size_t n = 0;
	enum err e;

	if ((e = login_rows(rq, rq->who.email, &rows, &n)))
		return e;
	buf_init(&b, rq->arena, 4 * MB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("items"));
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(&w, '{');
		json_field_str(&w, S("id"), uuid_str(rq->arena, &rows[i].tenant_id));
		json_field_str(&w, S("slug"), rows[i].tenant_slug);
		json_field_str(&w, S("name"), rows[i].tenant_name);
		json_field_str(&w, S("role"), rows[i].role);
		json_field_bool(&w, S("current"), uuid_eq(&rows[i].tenant_id, &rq->who.tenant_id));
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route profile_routes[] = {
    {HTTP_PATCH, "/api/v1/me", PERM_ACCOUNT, RATE_CONSOLE, &profile_shape, &me_out, 200, profile_http,
	"Change one's own name and language"},
    {HTTP_GET, "/api/v1/me/tenants", PERM_ACCOUNT, RATE_CONSOLE, NULL, &own_tenants_out, 200, tenants_http,
	"List the tenants that one is a member of", .flags = ROUTE_NO_TX | ROUTE_ENROL},
    ROUTE_END,
};
