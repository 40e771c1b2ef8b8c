/* auth_credential_http.c - what programs show: API keys and OAuth 2 clients, made, listed, taken back. They differ in their text and their table. */
#include "auth/auth_client.h"
#include "auth/auth_http.h"
#include "auth/auth_key.h"
#include "core/list.h"
#include "sql.h"

struct credential_kind {
	const struct pg_statement *insert, *json, *list, *lock, *revoke;
	struct str secret, object; /* members of the reply: its text, shown this once, and what is known of it */
};
static const struct credential_kind key_kind = {
    &SQL_key_insert, &SQL_key_json, &SQL_key_list, &SQL_key_lock, &SQL_key_revoke, {"key", 3}, {"api_key", 7}};
static const struct credential_kind client_kind = {&SQL_client_insert, &SQL_client_json, &SQL_client_list,
    &SQL_client_lock, &SQL_client_revoke, {"client_secret", 13}, {"client", 6}};

struct credential_new {
	struct str name;
	struct str_list permissions;
	int64_t expires_at;
};
static const struct field new_fields[] = {
    FIELD(struct credential_new, name, FT_TEXT, REQUIRED, 1, 100, "What it is for"),
    FIELD(struct credential_new, permissions, FT_LIST, REQUIRED, 1, PERM_COUNT,
	"What it may do: slugs of /api/v1/permissions"),
    FIELD(
	struct credential_new, expires_at, FT_TIME, OPTIONAL, 0, 0, "When it ends; without it, when it is taken back"),
};
static const struct shape key_new_shape = SHAPE("ApiKeyNew", struct credential_new, new_fields);
static const struct shape client_new_shape = SHAPE("ClientNew", struct credential_new, new_fields);
#define KNOWN                                                                                                          \
	OUT("name", FT_TEXT, REQUIRED, "What it is for"),                                                              \
	    OUT("permissions", FT_LIST, REQUIRED, "What it may do, as far as its user may"),                           \
	    OUT("user_id", FT_UUID, REQUIRED, "The member for whom it acts"),                                          \
	    OUT("expires_at", FT_TIME, REQUIRED | NULLABLE, "When it ends"),                                           \
	    OUT("last_used_at", FT_TIME, REQUIRED | NULLABLE, "When it was last used, to the minute"),                 \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),                                                  \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),                                       \
	    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),                               \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes")
static const struct field key_fields[] = {OUT("id", FT_UUID, REQUIRED, "Key"), KNOWN};
static const struct shape key_out = SHAPE_OUT("ApiKey", key_fields);
static const struct field client_fields[] = {OUT("id", FT_UUID, REQUIRED, "Client"),
    OUT("client_id", FT_TEXT, REQUIRED, "What it calls itself when it asks for a token"), KNOWN};
static const struct shape client_out = SHAPE_OUT("Client", client_fields);
static const struct field key_made_fields[] = {
    OUT("key", FT_TEXT, REQUIRED, "The key itself: shown this once. Send it as Authorization: Bearer"),
    OUT("api_key", FT_OBJECT, REQUIRED, "What is known of it", .shape = &key_out),
};
static const struct shape key_made_out = SHAPE_OUT("ApiKeyMade", key_made_fields);
static const struct field client_made_fields[] = {
    OUT("client_secret", FT_TEXT, REQUIRED, "Its secret: shown this once"),
    OUT("client", FT_OBJECT, REQUIRED, "What is known of it", .shape = &client_out),
};
static const struct shape client_made_out = SHAPE_OUT("ClientMade", client_made_fields);

static enum err reply_made(struct req *rq, const struct credential_kind *kind, const struct uuid *id, struct str text)
{
	const struct pg_param in[] = {P_UUID(id)};
	struct str about, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = tx_json(rq->tx, rq->arena, &(struct query){kind->json, in, 1, NULL, 0}, &about)))
		return e;
	buf_init(&b, rq->arena, 16 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, kind->secret, text);
	json_field_raw(&w, kind->object, about);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 201, json);
}

/* Its text goes out and its hash into the table. */
static enum err create(struct req *rq, const struct credential_kind *kind, const struct uuid *id, struct str text,
    const unsigned char digest[32])
{
	const struct credential_new *in = rq->in;
	struct str permissions;
	enum err e;

	if ((e = permissions_in(rq, &in->permissions, &permissions)))
		return e;
	const struct pg_param params[] = {P_UUID(id), P_UUID(&rq->who.user_id), P_TEXT(in->name), P_TEXT(permissions),
	    P_BYTES(str_make((const char *)digest, 32)),
	    schema_has(rq->route->in, rq->in_present, "expires_at") ? P_TIME(in->expires_at) : P_NULL(PGT_TIME)};

	if ((e = tx_queue(rq->tx, &(struct query){kind->insert, params, countof(params), NULL, 0})))
		return e;
	return reply_made(rq, kind, id, text);
}

static enum err revoke(struct req *rq, const struct credential_kind *kind)
{
	struct lock_row {
		int64_t version;
	} now;
	static const struct pg_col cols[] = {COL(struct lock_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &(struct query){kind->lock, in, 1, cols, countof(cols)}, &now)))
		return e;
	if (now.version != rq->if_match_version)
		return ERR_STALE;
	if ((e = tx_queue(rq->tx, &(struct query){kind->revoke, in, countof(in), NULL, 0})))
		return e;
	return reply_empty(rq, 204);
}

static enum err key_create_http(struct req *rq)
{
	struct uuid id = uuid_new();
	unsigned char digest[32];
	struct str text;
	enum err e = api_key_make(rq->arena, &rq->who.tenant_id, &id, &text, digest);

	return e ? e : create(rq, &key_kind, &id, text, digest);
}

static enum err key_list_http(struct req *rq)
{
	return list_reply(rq, key_kind.list, NULL, 0);
}

static enum err key_delete_http(struct req *rq)
{
	return revoke(rq, &key_kind);
}

static enum err client_create_http(struct req *rq)
{
	struct uuid id = uuid_new();
	unsigned char digest[32];
	struct str text;
	enum err e = client_secret_make(rq->arena, &text, digest);

	return e ? e : create(rq, &client_kind, &id, text, digest);
}

static enum err client_list_http(struct req *rq)
{
	return list_reply(rq, client_kind.list, NULL, 0);
}

static enum err client_delete_http(struct req *rq)
{
	return revoke(rq, &client_kind);
}

const struct route key_routes[] = {
    {HTTP_POST, "/api/v1/api-keys", PERM_KEYS_WRITE, RATE_CONSOLE, &key_new_shape, &key_made_out, 201, key_create_http,
	"Make an API key; its text is shown this once", .flags = ROUTE_SECRET},
    {HTTP_GET, "/api/v1/api-keys", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, &key_out, 200, key_list_http, "List API keys",
	.flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_DELETE, "/api/v1/api-keys/{id}", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, NULL, 204, key_delete_http,
	"Take an API key back", .flags = ROUTE_IF_MATCH, .also = (const int[]){412, 428, 0}},
    ROUTE_END,
};

const struct route client_routes[] = {
    {HTTP_POST, "/api/v1/clients", PERM_KEYS_WRITE, RATE_CONSOLE, &client_new_shape, &client_made_out, 201,
	client_create_http, "Make an OAuth 2 client; its secret is shown this once", .flags = ROUTE_SECRET},
    {HTTP_GET, "/api/v1/clients", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, &client_out, 200, client_list_http,
	"List OAuth 2 clients", .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_DELETE, "/api/v1/clients/{id}", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, NULL, 204, client_delete_http,
	"Take an OAuth 2 client back: its tokens end", .flags = ROUTE_IF_MATCH, .also = (const int[]){412, 428, 0}},
    ROUTE_END,
};
