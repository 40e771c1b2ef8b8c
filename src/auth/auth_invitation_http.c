/* auth_invitation_http.c - invitations: made, sent again, taken back, accepted.
 *
 * The token of an invitation is its tenant, id, serial and a MAC of those: nothing of it is stored, so neither the table, a backup nor a stored
 * reply lets anybody in. It is good until the invitation is accepted, taken back, sent again (another serial) or too old. The one in the mail has
 * another MAC than the one that the inviter is shown: only who brings the first has the mailbox. */
#include "auth/auth_backoff.h"
#include "auth/auth_http.h"
#include "auth/auth_warn.h"
#include "base/hash.h"
#include "base/shim.h"
#include "core/list.h"
#include "core/mail.h"
#include "event/event.h"
#include "sql.h"
#include "vault/vault.h"

#define INVITATION_DAYS 7
#define TOKEN_PREFIX "cci_"
#define TOKEN_TEXT_MAX 160
#define LINK_MAX_BYTES 2048

struct invitation_new {
	struct str email, role, language;
	struct uuid role_id;
};
static const struct field invitation_new_fields[] = {
    FIELD(struct invitation_new, email, FT_EMAIL, REQUIRED, 3, EMAIL_MAX_BYTES, "Whom to invite"),
    FIELD(struct invitation_new, role, FT_TEXT, OPTIONAL, 1, 20, "A built-in role; or else role_id"),
    FIELD(struct invitation_new, role_id, FT_UUID, OPTIONAL, 0, 0, "A role of the tenant's own"),
    FIELD(struct invitation_new, language, FT_LANGUAGE, OPTIONAL, 2, 35, "Language of the e-mail; en"),
};
static const struct shape invitation_new_shape = SHAPE("InvitationNew", struct invitation_new, invitation_new_fields);
static const char *const statuses[] = {"open", "expired", "accepted", NULL};
static const struct field invitation_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Invitation"),
    OUT("email", FT_EMAIL, REQUIRED, "Who is invited"),
    OUT("role", FT_TEXT, REQUIRED, "Name of the role to come"),
    OUT("role_id", FT_UUID, REQUIRED | NULLABLE, "The role, when it is one of the tenant's own"),
    OUT("language", FT_LANGUAGE, REQUIRED, "Language of the e-mail"),
    OUT("status", FT_ENUM, REQUIRED, "What became of it", .choices = statuses),
    OUT("expires_at", FT_TIME, REQUIRED, "Until when it may be accepted"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),
    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape invitation_out = SHAPE_OUT("Invitation", invitation_out_fields);
static const struct field link_fields[] = {
    OUT("token", FT_TEXT, REQUIRED, "For /api/v1/auth/accept-invitation"),
    OUT("link", FT_TEXT, REQUIRED,
	"An address, or only its path when the server does not know its own; it lets in as the e-mail's does, but "
	"does not show that the mailbox is read"),
    OUT("expires_at", FT_TIME, REQUIRED, "Until when"),
};
static const struct shape link_out = SHAPE_OUT("InvitationLink", link_fields);

struct accept {
	struct str token, name, password;
	bool cookie;
};
static const struct field accept_fields[] = {
    FIELD(struct accept, token, FT_TEXT, REQUIRED, 1, TOKEN_TEXT_MAX, "Of the invitation"),
    FIELD(struct accept, name, FT_TEXT, OPTIONAL, 1, 200, "Name; needed by who is new here"),
    FIELD(struct accept, password, FT_TEXT, REQUIRED, 1, 1024, "A new password, or the one that you have here"),
    FIELD(struct accept, cookie, FT_BOOL, OPTIONAL, 0, 0, "As when signing in"),
};
static const struct shape accept_shape = SHAPE("InvitationAccept", struct accept, accept_fields);

/* ---- tokens ---- */

struct ticket {
	struct uuid tenant_id, id;
	unsigned char serial[4], mac[TOKEN_MAC_BYTES];
};
_Static_assert(sizeof(struct ticket) == 68, "a ticket has no holes");

/* How a token goes out: as text for the inviter to hand over, or to the mailbox and nowhere else. */
enum way { WAY_SHOWN, WAY_MAILED };

static enum err ticket_sign(const struct auth *auth, struct ticket *t, enum way way)
{
	return token_mac(auth->key, way == WAY_MAILED ? S("mailed invitation") : S("invitation"),
	    str_make((const char *)t, offsetof(struct ticket, mac)), t->mac);
}

static enum err ticket_print(struct req *rq, const struct uuid *id, int64_t serial, enum way way, struct str *text)
{
	struct ticket t = {.tenant_id = rq->who.tenant_id, .id = *id};
	struct buf b;
	enum err e;

	for (int i = 0; i < 4; i++)
		t.serial[i] = (unsigned char)(serial >> (8 * i));
	if ((e = ticket_sign(rq->app->auth, &t, way)))
		return e;
	buf_init(&b, rq->arena, TOKEN_TEXT_MAX);
	buf_add(&b, S(TOKEN_PREFIX));
	base64url_put(&b, (const unsigned char *)&t, sizeof t);
	return buf_done(&b, text);
}

static bool ticket_is(struct req *rq, const struct ticket *shown, enum way way)
{
	struct ticket t = *shown;

	return !ticket_sign(rq->app->auth, &t, way) && secret_eq(str_make((const char *)t.mac, sizeof t.mac),
							   str_make((const char *)shown->mac, sizeof shown->mac));
}

static bool ticket_read(struct req *rq, struct str text, struct ticket *out, int64_t *serial, enum way *way)
{
	struct str bytes;

	if (!str_starts(text, S(TOKEN_PREFIX)) ||
	    base64url_read(rq->arena, str_sub(text, sizeof TOKEN_PREFIX - 1, text.n), &bytes) || bytes.n != sizeof *out)
		return false;
	mem_copy(out, bytes.p, sizeof *out);
	*way = ticket_is(rq, out, WAY_MAILED) ? WAY_MAILED : WAY_SHOWN;
	if (*way == WAY_SHOWN && !ticket_is(rq, out, WAY_SHOWN))
		return false;
	*serial = 0;
	for (int i = 0; i < 4; i++)
		*serial |= (int64_t)out->serial[i] << (8 * i);
	return true;
}

/* Behind '#', so that it stands in no log of an address. */
static enum err link_path(struct req *rq, struct str token, struct str *path)
{
	struct buf b;

	buf_init(&b, rq->arena, LINK_MAX_BYTES);
	buf_add(&b, S("/invitation#token="));
	buf_add(&b, token);
	return buf_done(&b, path);
}

/* ---- making ---- */

struct held {
	int64_t version, serial;
	struct str email, role, permissions, language, expires_at, tenant_name, by;
	bool accepted, expired;
};

static enum err invitation_take(struct req *rq, const struct uuid *id, struct held *out)
{
	static const struct pg_col cols[] = {COL(struct held, version, PGT_INT), COL(struct held, serial, PGT_INT),
	    COL(struct held, email, PGT_TEXT), COL(struct held, role, PGT_TEXT),
	    COL(struct held, permissions, PGT_TEXT), COL(struct held, language, PGT_TEXT),
	    COL(struct held, accepted, PGT_BOOL), COL(struct held, expires_at, PGT_TEXT),
	    COL(struct held, expired, PGT_BOOL), COL(struct held, tenant_name, PGT_TEXT),
	    COL(struct held, by, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(id), P_UUID(&rq->who.user_id)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_invitation_lock, in, cols), out)))
		return e;
	return role_may_give(rq, auth_permissions(out->role, out->permissions), NULL);
}

static enum err mail_out(struct req *rq, const struct uuid *id, const struct held *i)
{
	const struct mail_value values[] = {{"by", i->by}, {"tenant", i->tenant_name}, {"days", S("7")}};
	struct mail m = {.kind = MAIL_INVITATION,
	    .to = i->email,
	    .language = i->language,
	    .values = values,
	    .value_count = countof(values)};
	struct str token;
	struct uuid job;
	enum err e;

	if ((e = ticket_print(rq, id, i->serial, WAY_MAILED, &token)) || (e = link_path(rq, token, &m.path)))
		return e;
	e = rq->app->mail_add(rq->app, rq->tx, rq->arena, &m, &job);
	return e == ERR_INVALID ? req_fail(rq, e, "/email", "No e-mail can be sent to this address.") : e;
}

struct object_row {
	int64_t version;
	struct str json;
};

static enum err reply_invitation(struct req *rq, int status, const struct uuid *id)
{
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(id)};
	struct object_row row;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_invitation_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static enum err not_yet_member(struct req *rq, struct str email)
{
	struct count_row {
		int64_t members;
	} there;
	static const struct pg_col cols[] = {COL(struct count_row, members, PGT_INT)};
	const struct pg_param in[] = {P_TEXT(email)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_invitation_members, in, cols), &there)))
		return e;
	return there.members > 0 ? req_fail(rq, ERR_CONFLICT, "/email", "Somebody with this address is a member.") : OK;
}

static enum err invitation_create_http(struct req *rq)
{
	const struct invitation_new *in = rq->in;
	struct role_choice role = {.name = in->role,
	    .id = &in->role_id,
	    .by_name = schema_has(&invitation_new_shape, rq->in_present, "role"),
	    .by_id = schema_has(&invitation_new_shape, rq->in_present, "role_id")};
	struct uuid id = uuid_new();
	struct held made;
	enum err e;

	if ((e = role_choose(rq, &role)) || (e = not_yet_member(rq, in->email)))
		return e;
	const struct pg_param params[] = {P_UUID(&id), P_TEXT(in->email), P_TEXT(role.by_id ? S("own") : in->role),
	    P_UUID_OR_NULL(role.by_id ? role.id : NULL), P_TEXT(in->language.n > 0 ? in->language : S("en")),
	    P_INT(INVITATION_DAYS), P_UUID(&rq->who.user_id)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_invitation_insert, params), NULL)))
		return e == ERR_CONFLICT
			   ? req_fail(rq, e, "/email", "There is an invitation for this address; send it again.")
			   : e;
	if ((e = invitation_take(rq, &id, &made)) || (e = mail_out(rq, &id, &made)))
		return e;
	reply_location(rq, "/api/v1/invitations/", uuid_str(rq->arena, &id));
	return reply_invitation(rq, 201, &id);
}

static enum err invitation_get_http(struct req *rq)
{
	return reply_invitation(rq, 200, &rq->ids[0]);
}

static enum err invitation_list_http(struct req *rq)
{
	return list_reply(rq, &SQL_invitation_list, NULL, 0);
}

/* ---- sending again, the link, taking back ---- */

static enum err invitation_open(struct req *rq, struct held *i)
{
	enum err e = invitation_take(rq, &rq->ids[0], i);

	if (!e && i->accepted)
		return req_fail(rq, ERR_CONFLICT, NULL, "This invitation was accepted.");
	return e;
}

static enum err invitation_resend_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_INT(INVITATION_DAYS), P_UUID(&rq->who.user_id)};
	struct held i;
	enum err e;

	if ((e = invitation_open(rq, &i)) || (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_invitation_renew, in))))
		return e;
	i.serial++;
	if ((e = mail_out(rq, &rq->ids[0], &i)))
		return e;
	return reply_invitation(rq, 200, &rq->ids[0]);
}

static enum err invitation_link_http(struct req *rq)
{
	struct str token, path, json;
	struct json_out w;
	struct buf b, link;
	struct held i;
	enum err e;

	if ((e = invitation_open(rq, &i)))
		return e;
	if (i.expired)
		return req_fail(rq, ERR_CONFLICT, NULL, "This invitation is too old; send it again.");
	if ((e = ticket_print(rq, &rq->ids[0], i.serial, WAY_SHOWN, &token)) || (e = link_path(rq, token, &path)))
		return e;
	buf_init(&link, rq->arena, LINK_MAX_BYTES);
	buf_add(&link, str_from(rq->app->public_url));
	buf_add(&link, path);
	if ((e = buf_done(&link, &path)))
		return e;
	buf_init(&b, rq->arena, 2 * LINK_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("token"), token);
	json_field_str(&w, S("link"), path);
	json_field_str(&w, S("expires_at"), i.expires_at);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err invitation_delete_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	struct held i;
	enum err e;

	if ((e = invitation_open(rq, &i)))
		return e;
	if (i.version != rq->if_match_version)
		return ERR_STALE;
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_invitation_revoke, in))))
		return e;
	return reply_empty(rq, 204);
}

/* ---- accepting ---- */

struct account {
	struct uuid user_id;
	struct str password_hash;
	bool active;
	struct str new_hash; /* of who had none; else empty */
};

/* A password that was shown for the account with this address. That it was wrong is told where signing in tells it, and only when the invitation's transaction has ended. The
 * inviter's tenant hears of it only when the account is a member there: it is not to learn by this either who has an account with us. */
struct guess {
	struct str email;
	struct backoff count;
	bool wrong;
};

static enum err account_found(struct req *rq, struct tx *tx, struct str email, struct account *out, bool *is_there)
{
	static const struct pg_col cols[] = {COL(struct account, user_id, PGT_UUID),
	    COL(struct account, password_hash, PGT_TEXT), COL(struct account, active, PGT_BOOL)};
	const struct pg_param in[] = {P_TEXT(email)};
	struct account *found;
	size_t n;
	enum err e = tx_rows(tx, rq->arena, &Q(SQL_invitation_account, in, cols), sizeof *found, (void **)&found, &n);

	if (e)
		return e;
	*is_there = n > 0;
	*out = n > 0 ? found[0] : (struct account){.user_id = uuid_new(), .password_hash = S("")};
	return OK;
}

/* Nobody's is the empty hash, which takes the same time; and `active` is only who is there. */
static enum err is_his(struct req *rq, const struct account *account)
{
	const struct accept *accept = rq->in;
	bool same = false;
	enum err e = auth_password_turn(rq->app->auth, accept->password, account->password_hash, &same);

	return e ? e : same && account->active ? OK : ERR_UNAUTHENTICATED;
}

/* Who has an account shows that it is his; who has none says his name and makes up a password. What is refused is told alike to whom the mailbox was not
 * shown, and takes the same work: an inviter is not to try out by his own link who has an account with us. */
static enum err account_ready(struct req *rq, struct tx *tx, enum way way, struct guess *guess, struct account *out)
{
	const struct accept *accept = rq->in;
	bool is_there;
	enum err e;

	if ((way == WAY_SHOWN && accept->name.n > 0 && (e = auth_password_long(rq, accept->password, "/password"))) ||
	    (e = account_found(rq, tx, guess->email, out, &is_there)))
		return e;
	if (!is_there && accept->name.n > 0)
		return auth_password_new(rq, accept->password, "/password", &out->new_hash);
	if (!is_there && way == WAY_MAILED)
		return req_fail(rq, ERR_INVALID, "/name", "Say your name: you have no account here yet.");
	if ((e = backoff_begin(rq, BACKOFF_PASSWORD, guess->email, &guess->count)))
		return e;
	e = backoff_end(rq, &guess->count, is_his(rq, out), ERR_UNAUTHENTICATED);
	guess->wrong = e == ERR_UNAUTHENTICATED;
	return e;
}

struct joined {
	int64_t member_version;
	struct str role;
};

struct invited_row {
	struct str email;
	struct invited offer;
};

bool invitation_given(const struct invited *i)
{
	uint64_t gives = auth_permissions(i->role, i->permissions),
		 by = auth_permissions(i->by_role, i->by_permissions);

	return (by >> PERM_MEMBERS_WRITE & 1) && (gives & ~by) == 0;
}

struct coming {
	struct ticket ticket;
	int64_t serial;
	enum way way;
	struct guess guess;
};

static enum err join(struct req *rq, struct tx *tx, struct coming *c, struct uuid *user)
{
	struct invited_row invited;
	static const struct pg_col email_cols[] = {COL(struct invited_row, email, PGT_TEXT),
	    {"role", PGT_TEXT, offsetof(struct invited_row, offer.role)},
	    {"permissions", PGT_TEXT, offsetof(struct invited_row, offer.permissions)},
	    {"by_role", PGT_TEXT, offsetof(struct invited_row, offer.by_role)},
	    {"by_permissions", PGT_TEXT, offsetof(struct invited_row, offer.by_permissions)}},
				   cols[] = {
				       COL(struct joined, member_version, PGT_INT), COL(struct joined, role, PGT_TEXT)};
	const struct pg_param ids[] = {P_UUID(&c->ticket.id), P_INT(c->serial)};
	const struct accept *in = rq->in;
	struct account account;
	struct joined got;
	enum err e;

	if ((e = tx_one(tx, rq->arena, &Q(SQL_invitation_email, ids, email_cols), &invited)))
		return e;
	if (!invitation_given(&invited.offer))
		return ERR_NOT_FOUND;
	c->guess.email = invited.email;
	if ((e = account_ready(rq, tx, c->way, &c->guess, &account)))
		return e;
	*user = account.user_id;
	const struct pg_param params[] = {ids[0], ids[1], P_UUID(user), P_TEXT(in->name),
	    P_TEXT_OR_NULL(account.new_hash), P_BOOL(c->way == WAY_MAILED)};

	tx_set_actor(tx, user, rq->request_id);
	if ((e = tx_one(tx, rq->arena, &Q(SQL_invitation_accept, params, cols), &got)))
		return e;
	return event_append(tx, &(struct event){S("member"), user, S("joined"), S(""), got.member_version});
}

static enum err accept_http(struct req *rq)
{
	const struct accept *in = rq->in;
	struct coming c = {0};
	struct uuid user;
	struct tx *tx;
	enum err e;

	if (!ticket_read(rq, in->token, &c.ticket, &c.serial, &c.way))
		return ERR_NOT_FOUND;
	if ((e = tx_open(rq->app, PG_APP, false, &c.ticket.tenant_id, rq->arena, &tx)))
		return e;
	if ((e = join(rq, tx, &c, &user))) {
		tx_rollback(tx);
		return c.guess.wrong ? warn_refused(rq, &c.guess.count, c.guess.email,
					   "Give the password of your account here; who has none says a name and a new "
					   "password.")
				     : e;
	}
	if ((e = tx_commit(tx)))
		return e;
	auth_member_changed(rq->app->auth, &c.ticket.tenant_id, &user);
	return reply_after_password(rq, &c.ticket.tenant_id, &user, in->cookie);
}

#define CHANGES                                                                                                        \
	(const int[])                                                                                                  \
	{                                                                                                              \
		409, 412, 428, 0                                                                                       \
	}
const struct route invitation_routes[] = {
    {HTTP_POST, "/api/v1/invitations", PERM_MEMBERS_WRITE, RATE_CONSOLE, &invitation_new_shape, &invitation_out, 201,
	invitation_create_http, "Invite somebody by e-mail",
	.flags = ROUTE_IDEMPOTENT | ROUTE_PERSONAL_BODY | ROUTE_ETAG | ROUTE_LOCATION,
	.also = (const int[]){404, 409, 0}},
    {HTTP_GET, "/api/v1/invitations", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &invitation_out, 200, invitation_list_http,
	"List invitations", .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_GET, "/api/v1/invitations/{id}", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &invitation_out, 200,
	invitation_get_http, "Read an invitation", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_POST, "/api/v1/invitations/{id}/resend", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, &invitation_out, 200,
	invitation_resend_http, "Send an invitation again, with a new link; the old one is void", .flags = ROUTE_ETAG,
	.also = (const int[]){409, 422, 0}},
    {HTTP_POST, "/api/v1/invitations/{id}/link", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, &link_out, 200,
	invitation_link_http, "The link of an open invitation, to hand over by other means",
	.also = (const int[]){409, 0}},
    {HTTP_DELETE, "/api/v1/invitations/{id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, NULL, 204, invitation_delete_http,
	"Take an invitation back", .flags = ROUTE_IF_MATCH, .also = CHANGES},
    {HTTP_POST, "/api/v1/auth/accept-invitation", PERM_NONE, RATE_LOGIN, &accept_shape, &login_out, 200, accept_http,
	"Accept an invitation, and be signed in", .flags = ROUTE_NO_TX | ROUTE_SLOW,
	.also = (const int[]){401, 404, 409, 0}},
    ROUTE_END,
};
