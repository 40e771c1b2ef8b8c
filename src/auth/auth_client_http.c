/* auth_client_http.c - OAuth 2 clients: made, listed, taken back. */
#include "auth/auth_http.h"
#include "auth/auth_client.h"
#include "sql.h"

struct client_new {
	struct str name;
	struct str_list permissions;
	int64_t expires_at;
};
static const struct field client_new_fields[] = {
    FIELD(struct client_new, name, FT_TEXT, REQUIRED, 1, 100, "What it is for"),
    FIELD(struct client_new, permissions, FT_LIST, REQUIRED, 1, PERM_COUNT,
	"What it may do: slugs of /api/v1/permissions"),
    FIELD(struct client_new, expires_at, FT_TIME, OPTIONAL, 0, 0, "When it ends; without it, when it is taken back"),
};
static const struct shape client_new_shape = SHAPE("ClientNew", struct client_new, client_new_fields);
#define CLIENT_OUT                                                                                                     \
	OUT("id", FT_UUID, REQUIRED, "Client"),                                                                        \
	    OUT("client_id", FT_TEXT, REQUIRED, "What it calls itself when it asks for a token"),                      \
	    OUT("name", FT_TEXT, REQUIRED, "What it is for"),                                                          \
	    OUT("permissions", FT_LIST, REQUIRED, "What it may do, as far as its user may"),                           \
	    OUT("user_id", FT_UUID, REQUIRED, "The member for whom it acts"),                                          \
	    OUT("expires_at", FT_TIME, REQUIRED | NULLABLE, "When it ends"),                                           \
	    OUT("last_used_at", FT_TIME, REQUIRED | NULLABLE, "When it was last used, to the minute"),                 \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),                                                  \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),                                       \
	    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),                               \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes")
static const struct field client_out_fields[] = {CLIENT_OUT};
static const struct shape client_out = SHAPE_OUT("Client", client_out_fields);
static const struct field made_fields[] = {
    OUT("client_secret", FT_TEXT, REQUIRED, "Its secret: shown this once"),
    OUT("client", FT_OBJECT, REQUIRED, "What is known of it", .shape = &client_out),
};
static const struct shape made_out = SHAPE_OUT("ClientMade", made_fields);

static enum err reply_made(struct req *rq, const struct uuid *id, struct str text)
{
	const struct pg_param in[] = {P_UUID(id)};
	struct str about, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_client_json, in), &about)))
		return e;
	buf_init(&b, rq->arena, 16 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("client_secret"), text);
	json_field_raw(&w, S("client"), about);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 201, json);
}

static enum err client_create_http(struct req *rq)
{
	const struct client_new *in = rq->in;
	struct uuid id = uuid_new();
	struct str permissions, text;
	unsigned char digest[32];
	enum err e;

	if ((e = permissions_in(rq, &in->permissions, &permissions)) ||
	    (e = client_secret_make(rq->arena, &text, digest)))
		return e;
	const struct pg_param params[] = {P_UUID(&id), P_UUID(&rq->who.user_id), P_TEXT(in->name), P_TEXT(permissions),
	    P_BYTES(str_make((const char *)digest, sizeof digest)),
	    schema_has(&client_new_shape, rq->in_present, "expires_at") ? P_TIME(in->expires_at) : P_NULL(PGT_TIME)};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_client_insert, params))))
		return e;
	return reply_made(rq, &id, text);
}

static enum err client_list_http(struct req *rq)
{
	struct str cursor = S(""), tag, json;
	struct uuid after = {0};
	bool present;
	enum err e;

	if ((e = cursor_read(rq, &cursor, &after, &present)) || (e = cursor_tag(rq, &tag)))
		return e;
	const struct pg_param in[] = {P_TEXT(rq->list.sort), P_BOOL(rq->list.descending),
	    present ? P_TEXT(cursor) : P_NULL(PGT_TEXT), P_UUID_OR_NULL(present ? &after : NULL), P_INT(rq->list.limit),
	    P_BOOL(rq->list.count), P_TEXT(tag)};

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_client_list, in), &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err client_delete_http(struct req *rq)
{
	struct lock_row {
		int64_t version;
	} now;
	static const struct pg_col cols[] = {COL(struct lock_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	const struct pg_param id[] = {in[0]};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_client_lock, id, cols), &now)))
		return e;
	if (now.version != rq->if_match_version)
		return ERR_STALE;
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_client_revoke, in))))
		return e;
	return reply_empty(rq, 204);
}

const struct route client_routes[] = {
    {HTTP_POST, "/api/v1/clients", PERM_KEYS_WRITE, RATE_CONSOLE, &client_new_shape, &made_out, 201, client_create_http,
	"Make an OAuth 2 client; its secret is shown this once", .flags = ROUTE_SECRET},
    {HTTP_GET, "/api/v1/clients", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, &client_out, 200, client_list_http,
	"List OAuth 2 clients", .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_DELETE, "/api/v1/clients/{id}", PERM_KEYS_WRITE, RATE_CONSOLE, NULL, NULL, 204, client_delete_http,
	"Take an OAuth 2 client back: its tokens end", .flags = ROUTE_IF_MATCH, .also = (const int[]){412, 428, 0}},
    ROUTE_END,
};
