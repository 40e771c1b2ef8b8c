/* auth_oidc_provider_http.c - a tenant's identity providers: made, changed, removed.
 *
 * Who sets up a provider decides who signs in as whom, so he needs all that a session from one can do: what an administrator may. The client's secret
 * is never shown again, and it is dropped when the issuer changes, or it would be sent to whoever the new one is. */
#include "auth/auth_oidc.h"
#include "base/shim.h"
#include "auth/auth_state.h"
#include "core/list.h"
#include "sql.h"
#include "vault/vault.h"

#define DOMAINS_MAX 50
#define SCOPES_MAX 16
#define SCOPE_MAX_BYTES 100
#define DOMAIN_MAX_BYTES 253
#define LIST_MAX_BYTES (16 * KB)
#define REDIRECT_MAX_BYTES 2048

struct provider_new {
	struct str name, issuer, client_id, client_secret, role;
	struct str_list scopes, email_domains;
	struct uuid role_id;
	struct str second_factor;
	bool enabled;
};
static const char *const factors[] = {"ours", "provider", NULL};
#define PROVIDER_FIELDS(need)                                                                                          \
	FIELD(struct provider_new, name, FT_TEXT, need, 1, 100, "What people see: Sign in with ..."),                  \
	    FIELD(struct provider_new, issuer, FT_URL, need, 1, ISSUER_MAX_CHARS,                                      \
		"Its address, exactly as it calls itself; discovery is below it"),                                     \
	    FIELD(struct provider_new, client_id, FT_TEXT, need, 1, CLIENT_ID_MAX_CHARS, "What it calls this server"), \
	    FIELD(struct provider_new, client_secret, FT_TEXT, OPTIONAL | NULLABLE, 1, CLIENT_SECRET_MAX_CHARS,        \
		"What it gave this server; kept sealed and not shown again"),                                          \
	    FIELD(struct provider_new, scopes, FT_LIST, OPTIONAL, 0, SCOPES_MAX,                                       \
		"What to ask it for; openid email profile. openid is always there"),                                   \
	    FIELD(struct provider_new, email_domains, FT_LIST, OPTIONAL, 0, DOMAINS_MAX,                               \
		"Domains whose addresses it may speak for; none: any, and then nobody new comes in"),                  \
	    FIELD(struct provider_new, role, FT_TEXT, OPTIONAL | NULLABLE, 1, 20,                                      \
		"Built-in role of who is new; without it, and without role_id, only members and those invited come "   \
		"in"),                                                                                                 \
	    FIELD(struct provider_new, role_id, FT_UUID, OPTIONAL | NULLABLE, 0, 0,                                    \
		"Role of the tenant's own of who is new, in place of role"),                                           \
	    FIELD(struct provider_new, second_factor, FT_ENUM, OPTIONAL, 0, 0,                                         \
		"Whose second factor counts when the tenant asks for one; provider: this one asks for it itself, "     \
		"ours: everybody needs one here. ours",                                                                \
		.choices = factors),                                                                                   \
	    FIELD(struct provider_new, enabled, FT_BOOL, OPTIONAL, 0, 0, "People can sign in with it; true")
static const struct field provider_new_fields[] = {PROVIDER_FIELDS(REQUIRED)};
static const struct shape provider_new_shape = SHAPE("IdentityProviderNew", struct provider_new, provider_new_fields);
static const struct field provider_patch_fields[] = {PROVIDER_FIELDS(OPTIONAL)};
static const struct shape provider_patch_shape =
    SHAPE("IdentityProviderPatch", struct provider_new, provider_patch_fields);
static const struct field provider_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Identity provider"),
    OUT("name", FT_TEXT, REQUIRED, "What people see"),
    OUT("issuer", FT_URL, REQUIRED, "Its address"),
    OUT("client_id", FT_TEXT, REQUIRED, "What it calls this server"),
    OUT("has_secret", FT_BOOL, REQUIRED, "This server has a secret for it"),
    OUT("scopes", FT_LIST, REQUIRED, "What it is asked for"),
    OUT("email_domains", FT_LIST, REQUIRED, "Domains whose addresses it may speak for; none: any"),
    OUT("role", FT_TEXT, REQUIRED | NULLABLE, "Name of the role of who is new; null: nobody new comes in"),
    OUT("role_id", FT_UUID, REQUIRED | NULLABLE, "The role, when it is one of the tenant's own"),
    OUT("second_factor", FT_ENUM, REQUIRED, "Whose second factor counts when the tenant asks for one",
	.choices = factors),
    OUT("enabled", FT_BOOL, REQUIRED, "People can sign in with it"),
    OUT("redirect_uri", FT_TEXT, REQUIRED, "What to register at the provider as this server's address"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),
    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape provider_out = SHAPE_OUT("IdentityProvider", provider_out_fields);

/* ---- what is said of one ---- */

enum err oidc_redirect_prefix(struct req *rq, struct str *prefix)
{
	struct str origin = str_from(rq->app->public_url);
	struct buf b;

	while (str_ends(origin, S("/")))
		origin.n--;
	buf_init(&b, rq->arena, REDIRECT_MAX_BYTES);
	buf_add(&b, origin);
	buf_add(&b, S("/api/v1/oidc-callback/"));
	return buf_done(&b, prefix);
}

static bool sent(const struct req *rq, const char *name)
{
	return schema_has(rq->route->in, rq->in_present, name);
}

/* The issuer is compared as it stands, and discovery is the address with a path behind it: nothing may follow that. */
static enum err issuer_fits(struct req *rq, struct str issuer)
{
	struct egress_target target;
	enum egress_outcome o = egress_check(rq->app->egress, rq->arena, issuer, &target);

	if (o)
		return req_fail(rq, ERR_INVALID, "/issuer", egress_sentence(o));
	for (size_t i = 0; i < issuer.n; i++) {
		if (issuer.p[i] <= ' ' || issuer.p[i] > '~' || issuer.p[i] == '?' || issuer.p[i] == '#')
			return req_fail(rq, ERR_INVALID, "/issuer", "An issuer has no query and no fragment.");
	}
	return OK;
}

static bool domain_fits(struct str s)
{
	bool dot = false;

	if (s.n == 0 || s.n > DOMAIN_MAX_BYTES || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] | 32;

		dot = dot || s.p[i] == '.';
		if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '.' && s.p[i] != '-')
			return false;
	}
	return dot;
}

/* RFC 6749: printable, without space, quote and backslash. */
static bool scope_fits(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	}
	return s.n > 0 && s.n <= SCOPE_MAX_BYTES;
}

struct list_rule {
	const char *pointer, *fault;
	bool (*fits)(struct str s);
	bool lower;
};

/* Items parted by spaces, behind `first`; none of them twice `first`. */
static enum err list_join(
    struct req *rq, const struct list_rule *rule, struct str first, const struct str_list *list, struct str *text)
{
	struct buf b;

	buf_init(&b, rq->arena, LIST_MAX_BYTES);
	buf_add(&b, first);
	for (size_t i = 0; i < list->n; i++) {
		struct str s = list->items[i];

		if (!rule->fits(s))
			return req_fail_str(rq, ERR_INVALID, json_pointer_index(rq->arena, str_from(rule->pointer), i),
			    S("format"), str_from(rule->fault));
		if (str_eq(s, first))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		for (size_t k = 0; k < s.n; k++)
			buf_char(&b, rule->lower && s.p[k] >= 'A' && s.p[k] <= 'Z' ? (char)(s.p[k] | 32) : s.p[k]);
	}
	return buf_done(&b, text);
}

/* What the row is to have, read from the body: `role` empty means none. */
struct provider_text {
	struct str scopes, email_domains, role, secret;
	const struct uuid *role_id;
	int64_t key_version;
	bool gives_role;
};

static enum err role_of_new(struct req *rq, const struct provider_new *in, struct provider_text *t)
{
	struct role_choice role = {
	    .name = in->role, .id = &in->role_id, .by_name = in->role.n > 0, .by_id = !uuid_is_nil(&in->role_id)};
	enum err e;

	t->role = S("");
	t->role_id = NULL;
	t->gives_role = sent(rq, "role") || sent(rq, "role_id");
	if (!role.by_name && !role.by_id)
		return OK;
	if ((e = role_choose(rq, &role)))
		return e;
	if (str_eq(in->role, S("owner")))
		return req_fail(rq, ERR_INVALID, "/role", "A provider makes no owners.");
	t->role = role.by_id ? S("own") : in->role;
	t->role_id = role.by_id ? &in->role_id : NULL;
	return OK;
}

/* Neither a key nor a session that a provider began: each would make itself another way in. */
static enum err may_set_up(struct req *rq)
{
	if (!req_can(rq, PERM_ACCOUNT))
		return ERR_FORBIDDEN;
	return role_may_give(rq, permissions_of(ROLE_ADMIN), NULL);
}

static enum err texts_of(struct req *rq, const struct uuid *id, struct provider_text *t)
{
	static const struct list_rule scopes = {"/scopes", "This is no scope.", scope_fits, false},
				      domains = {"/email_domains", "This is no domain, such as example.com.",
					  domain_fits, true};
	static const struct str usual[] = {{"email", 5}, {"profile", 7}};
	const struct provider_new *in = rq->in;
	const struct str_list *asked = sent(rq, "scopes") ? &in->scopes : &(struct str_list){(struct str *)usual, 2};
	const struct seal_place place = {S("identity_providers"), S("client_secret"), id};
	enum err e;

	*t = (struct provider_text){0};
	if ((e = may_set_up(rq)) || (sent(rq, "issuer") && (e = issuer_fits(rq, in->issuer))) ||
	    (e = list_join(rq, &scopes, S("openid"), asked, &t->scopes)) ||
	    (e = list_join(rq, &domains, S(""), &in->email_domains, &t->email_domains)) || (e = role_of_new(rq, in, t)))
		return e;
	if (in->client_secret.n == 0)
		return OK;
	return vault_seal(
	    rq->app->vault, rq->tx, VAULT_SECRET, &place, in->client_secret, rq->arena, &t->secret, &t->key_version);
}

static enum err needs_domains(struct req *rq)
{
	return req_fail(
	    rq, ERR_INVALID, "/email_domains", "Say whose addresses it may speak for, or it lets anybody in.");
}

struct object_row {
	int64_t version;
	struct str json;
};

static enum err reply_provider(struct req *rq, int status, const struct uuid *id)
{
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	struct object_row row;
	struct str prefix;
	enum err e;

	if ((e = oidc_redirect_prefix(rq, &prefix)))
		return e;
	const struct pg_param in[] = {P_UUID(id), P_TEXT(prefix)};

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_provider_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static enum err taken(struct req *rq, enum err e)
{
	bool same = e == ERR_CONFLICT && str_eq(str_from(tx_constraint(rq->tx)), S("identity_providers_issuer"));

	return same ? req_fail(rq, e, "/issuer", "There is a provider with this issuer.") : e;
}

static enum err provider_create_http(struct req *rq)
{
	const struct provider_new *in = rq->in;
	struct uuid id = uuid_new();
	struct provider_text t;
	enum err e;

	if ((e = texts_of(rq, &id, &t)))
		return e;
	if (t.role.n > 0 && t.email_domains.n == 0)
		return needs_domains(rq);
	const struct pg_param params[] = {P_UUID(&id), P_TEXT(in->name), P_TEXT(in->issuer), P_TEXT(in->client_id),
	    t.secret.n > 0 ? P_BYTES(t.secret) : P_NULL(PGT_BYTES),
	    t.secret.n > 0 ? P_INT(t.key_version) : P_NULL(PGT_INT), P_TEXT(t.scopes), P_TEXT(t.email_domains),
	    P_TEXT_OR_NULL(t.role), P_UUID_OR_NULL(t.role_id), P_BOOL(sent(rq, "enabled") ? in->enabled : true),
	    P_UUID(&rq->who.user_id), P_TEXT(sent(rq, "second_factor") ? in->second_factor : S("ours"))};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_provider_insert, params), NULL)))
		return taken(rq, e);
	reply_location(rq, "/api/v1/identity-providers/", uuid_str(rq->arena, &id));
	return reply_provider(rq, 201, &id);
}

static enum err provider_get_http(struct req *rq)
{
	return reply_provider(rq, 200, &rq->ids[0]);
}

static enum err provider_list_http(struct req *rq)
{
	struct str prefix;
	enum err e;

	if ((e = oidc_redirect_prefix(rq, &prefix)))
		return e;
	return list_reply(rq, &SQL_provider_list, &P_TEXT(prefix), 1);
}

struct held {
	int64_t version;
	struct str issuer, role, permissions;
	bool has_secret, has_domains, has_role;
};

/* Locks the row and compares what the caller had read. Whom it lets in has its role: who has less than that cannot touch it. */
static enum err provider_take(struct req *rq, struct held *out)
{
	static const struct pg_col cols[] = {COL(struct held, version, PGT_INT), COL(struct held, issuer, PGT_TEXT),
	    COL(struct held, has_secret, PGT_BOOL), COL(struct held, has_domains, PGT_BOOL),
	    COL(struct held, has_role, PGT_BOOL), COL(struct held, role, PGT_TEXT),
	    COL(struct held, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_provider_lock, in, cols), out)))
		return e;
	if (out->version != rq->if_match_version)
		return ERR_STALE;
	if ((e = may_set_up(rq)) || !out->has_role)
		return e;
	return role_may_give(rq, auth_permissions(out->role, out->permissions), NULL);
}

static enum err patch_fits(struct req *rq, const struct held *now, const struct provider_text *t)
{
	const struct provider_new *in = rq->in;
	bool role = t->gives_role ? t->role.n > 0 : now->has_role;
	bool domains = sent(rq, "email_domains") ? t->email_domains.n > 0 : now->has_domains;

	if (sent(rq, "issuer") && !str_eq(in->issuer, now->issuer) && now->has_secret && !sent(rq, "client_secret"))
		return req_fail(
		    rq, ERR_INVALID, "/client_secret", "The secret is for the old issuer; give the new one's.");
	return role && !domains ? needs_domains(rq) : OK;
}

static enum err provider_patch_http(struct req *rq)
{
	const struct provider_new *in = rq->in;
	struct provider_text t;
	struct held now;
	enum err e;

	if ((e = provider_take(rq, &now)) || (e = texts_of(rq, &rq->ids[0], &t)) || (e = patch_fits(rq, &now, &t)))
		return e;
	if (rq->in_present == 0)
		return reply_provider(rq, 200, &rq->ids[0]);
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_BOOL(sent(rq, "name")), P_TEXT(in->name),
	    P_BOOL(sent(rq, "issuer")), P_TEXT(in->issuer), P_BOOL(sent(rq, "client_id")), P_TEXT(in->client_id),
	    P_BOOL(sent(rq, "client_secret")), t.secret.n > 0 ? P_BYTES(t.secret) : P_NULL(PGT_BYTES),
	    t.secret.n > 0 ? P_INT(t.key_version) : P_NULL(PGT_INT), P_BOOL(sent(rq, "scopes")), P_TEXT(t.scopes),
	    P_BOOL(sent(rq, "email_domains")), P_TEXT(t.email_domains), P_BOOL(t.gives_role), P_TEXT_OR_NULL(t.role),
	    P_UUID_OR_NULL(t.role_id), P_BOOL(sent(rq, "enabled")), P_BOOL(in->enabled), P_UUID(&rq->who.user_id),
	    P_BOOL(sent(rq, "second_factor")), P_TEXT(in->second_factor)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_provider_update, params), NULL)))
		return taken(rq, e);
	return reply_provider(rq, 200, &rq->ids[0]);
}

static enum err provider_delete_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	struct held now;
	enum err e;

	if ((e = provider_take(rq, &now)) || (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_provider_delete, in))))
		return e;
	return reply_empty(rq, 204);
}

const struct route provider_routes[] = {
    {HTTP_POST, "/api/v1/identity-providers", PERM_SETTINGS_WRITE, RATE_CONSOLE, &provider_new_shape, &provider_out,
	201, provider_create_http, "Set up an identity provider (OpenID Connect) of the tenant's own",
	.flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION, .also = (const int[]){404, 409, 0}},
    {HTTP_GET, "/api/v1/identity-providers", PERM_SETTINGS_READ, RATE_CONSOLE, NULL, &provider_out, 200,
	provider_list_http, "List the tenant's identity providers", .flags = ROUTE_LIST | ROUTE_READ,
	.filters = "created_at"},
    {HTTP_GET, "/api/v1/identity-providers/{id}", PERM_SETTINGS_READ, RATE_CONSOLE, NULL, &provider_out, 200,
	provider_get_http, "Read an identity provider", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/identity-providers/{id}", PERM_SETTINGS_WRITE, RATE_CONSOLE, &provider_patch_shape,
	&provider_out, 200, provider_patch_http, "Change an identity provider", .flags = ROUTE_IF_MATCH | ROUTE_ETAG,
	.also = (const int[]){409, 412, 428, 0}},
    {HTTP_DELETE, "/api/v1/identity-providers/{id}", PERM_SETTINGS_WRITE, RATE_CONSOLE, NULL, NULL, 204,
	provider_delete_http, "Remove an identity provider: the sessions that it began end", .flags = ROUTE_IF_MATCH,
	.also = (const int[]){412, 428, 0}},
    ROUTE_END,
};
