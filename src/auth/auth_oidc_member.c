/* auth_oidc_member.c - from what a provider says of somebody to a member of its tenant.
 *
 * Who was here before is known by (tenant, issuer, subject). The first time his e-mail address decides, when the provider vouches for it; an account that
 * is or was of use in another tenant is then bound only after its owner has shown its password, whatever the provider says. */
#include "auth/auth_oidc.h"
#include "auth/auth_state.h"
#include "event/event.h"
#include "sql.h"
#include "vault/vault.h"

struct finding {
	struct req *rq;
	struct tx *tx;
	const struct oidc_provider *p;
	const struct oidc_claims *claims;
	const struct oidc_shown *shown;
	struct oidc_person *out;
};

/* ---- providers, for who signs in ---- */

struct provider_row {
	struct uuid id;
	struct str name, issuer, client_id, client_secret, scopes, email_domains;
	int64_t key_version, version;
};

static enum err secret_open(struct req *rq, struct tx *tx, const struct provider_row *row, struct oidc_provider *out)
{
	const struct seal_place place = {S("identity_providers"), S("client_secret"), &row->id};
	enum err e;

	if (row->client_secret.n == 0)
		return OK;
	e = vault_unseal(rq->app->vault, tx, VAULT_SECRET, &place, row->key_version, row->client_secret, rq->arena,
	    &out->client_secret);
	return e == ERR_INVALID || e == ERR_GONE
		   ? req_fail(rq, ERR_UNAVAILABLE, NULL, "The identity provider's secret cannot be opened any more.")
		   : e;
}

enum err oidc_provider_get(struct req *rq, const struct uuid *tenant, const struct uuid *id, struct oidc_provider *out)
{
	static const struct pg_col cols[] = {COL(struct provider_row, id, PGT_UUID),
	    COL(struct provider_row, name, PGT_TEXT), COL(struct provider_row, issuer, PGT_TEXT),
	    COL(struct provider_row, client_id, PGT_TEXT), COL(struct provider_row, client_secret, PGT_BYTES),
	    COL(struct provider_row, key_version, PGT_INT), COL(struct provider_row, scopes, PGT_TEXT),
	    COL(struct provider_row, email_domains, PGT_TEXT), COL(struct provider_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID_OR_NULL(id)};
	struct provider_row row;
	struct tx *tx;
	enum err e;

	/* Not read-only: the vault asks for keys in the same transaction. */
	if ((e = tx_open(rq->app, PG_APP, false, tenant, rq->arena, &tx)))
		return e;
	if (!(e = tx_one(tx, rq->arena, &Q(SQL_oidc_provider, in, cols), &row))) {
		*out = (struct oidc_provider){.tenant_id = *tenant,
		    .id = row.id,
		    .name = row.name,
		    .issuer = row.issuer,
		    .client_id = row.client_id,
		    .scopes = row.scopes,
		    .email_domains = row.email_domains,
		    .version = row.version};
		e = secret_open(rq, tx, &row, out);
	}
	if (e) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

static bool password_shown(const struct finding *f, const struct uuid *user)
{
	return f->shown != NULL && f->shown->password && uuid_eq(&f->shown->user_id, user);
}

/* ---- joining ---- */

static enum err nothing_lets_in(struct req *rq)
{
	return req_fail(rq, ERR_FORBIDDEN, NULL, "You are not a member here; ask an administrator for an invitation.");
}

static enum err email_fits(const struct finding *f)
{
	struct str domains = f->p->email_domains, domain = f->claims->email;
	bool more = domains.n > 0;

	if (f->claims->email.n == 0 || !f->claims->email_verified)
		return req_fail(f->rq, ERR_FORBIDDEN, NULL,
		    "The identity provider does not vouch for your e-mail address, so it cannot be known who you are "
		    "here.");
	str_cut(&domain, '@', NULL);
	if (!more)
		return OK;
	while (more) {
		if (str_eq(str_cut(&domains, ' ', &more), domain))
			return OK;
	}
	return req_fail(f->rq, ERR_FORBIDDEN, NULL, "The identity provider may not speak for addresses such as yours.");
}

struct joined {
	int64_t member_version, invitation_version;
	struct uuid invitation_id;
};

struct offers {
	struct str role, permissions; /* of the provider; empty: it takes in nobody new */
	struct uuid id;		      /* of the invitation; nil: none */
	struct invited invited;
};

/* The open invitation of this address, if it may be taken here: the provider says whose the address is, so it must not give more by that than its own row
 * does, or than an administrator has when that names no role. NULL: none. */
static enum err invitation_of(const struct finding *f, struct str email, struct offers *o, const struct uuid **id)
{
	static const struct pg_col cols[] = {COL(struct offers, role, PGT_TEXT),
	    COL(struct offers, permissions, PGT_TEXT), COL(struct offers, id, PGT_UUID),
	    {"invited_role", PGT_TEXT, offsetof(struct offers, invited.role)},
	    {"invited_permissions", PGT_TEXT, offsetof(struct offers, invited.permissions)},
	    {"by_role", PGT_TEXT, offsetof(struct offers, invited.by_role)},
	    {"by_permissions", PGT_TEXT, offsetof(struct offers, invited.by_permissions)}};
	const struct pg_param in[] = {P_UUID(&f->p->id), P_TEXT(email)};
	uint64_t own, gives;
	enum err e;

	*id = NULL;
	e = tx_one(f->tx, f->rq->arena, &Q(SQL_oidc_offers, in, cols), o);
	if (e)
		return e == ERR_NOT_FOUND ? OK : e;
	own = o->role.n > 0 ? auth_permissions(o->role, o->permissions) : permissions_of(ROLE_ADMIN);
	gives = auth_permissions(o->invited.role, o->invited.permissions);
	if (!uuid_is_nil(&o->id) && (gives & ~own) == 0 && invitation_given(&o->invited))
		*id = &o->id;
	return OK;
}

/* Makes him a member as an invitation or the provider's row says; `make`: with an account that is new. */
static enum err join(const struct finding *f, const struct uuid *user, struct str email, bool make)
{
	static const struct pg_col cols[] = {COL(struct joined, member_version, PGT_INT),
	    COL(struct joined, invitation_id, PGT_UUID), COL(struct joined, invitation_version, PGT_INT)};
	struct str local = email, name = f->claims->name;
	const struct uuid *invitation;
	struct offers offers;
	struct joined *got;
	size_t n;
	enum err e;

	if (name.n == 0)
		name = str_cut(&local, '@', NULL);
	if ((e = invitation_of(f, email, &offers, &invitation)))
		return e;
	const struct pg_param in[] = {
	    P_UUID(&f->p->id), P_UUID(user), P_TEXT(email), P_TEXT(name), P_BOOL(make), P_UUID_OR_NULL(invitation)};

	if ((e = tx_rows(f->tx, f->rq->arena, &Q(SQL_oidc_join, in, cols), sizeof *got, (void **)&got, &n)))
		return e;
	if (n == 0)
		return nothing_lets_in(f->rq);
	if (got->invitation_version > 0 &&
	    (e = event_append(f->tx,
		 &(struct event){S("invitation"), &got->invitation_id, S("accepted"), S(""), got->invitation_version})))
		return e;
	return event_append(f->tx, &(struct event){S("member"), user, S("joined"), S(""), got->member_version});
}

/* By two windows at once; or the address went over to another person, who is not to get the account with it. */
static enum err bound_already(const struct finding *f)
{
	if (str_eq(str_from(tx_constraint(f->tx)), S("identities_subject")))
		return req_fail(f->rq, ERR_CONFLICT, NULL, "You signed in twice at once; begin again.");
	return req_fail(f->rq, ERR_FORBIDDEN, NULL,
	    "The account with your address belongs to somebody else at the identity provider. An administrator has to "
	    "undo "
	    "that first.");
}

static enum err bind(const struct finding *f, const struct uuid *user)
{
	struct uuid id = uuid_new();
	const struct pg_param in[] = {P_UUID(&id), P_UUID(user), P_TEXT(f->p->issuer), P_TEXT(f->claims->subject),
	    P_BOOL(password_shown(f, user))};
	enum err e;

	if ((e = tx_exec(f->tx, &Q_NO_OUT(SQL_oidc_identity_insert, in), NULL)))
		return e == ERR_CONFLICT ? bound_already(f) : e;
	return OK;
}

/* ---- known by subject ---- */

struct identity_row {
	struct uuid id, user_id;
	struct str email;
	bool member;
};

/* Whoever was removed comes back by an invitation only, and only while the provider vouches for the address that it is for. */
static enum err known(const struct finding *f, const struct identity_row *i)
{
	const struct pg_param in[] = {P_UUID(&i->id)};
	enum err e;

	f->out->user_id = i->user_id;
	f->out->email = i->email;
	tx_set_actor(f->tx, &i->user_id, f->rq->request_id);
	if (!i->member) {
		if ((e = email_fits(f)))
			return e;
		if (!str_eq(f->claims->email, i->email))
			return nothing_lets_in(f->rq);
		if ((e = join(f, &i->user_id, i->email, false)))
			return e;
	}
	return tx_queue(f->tx, &Q_NO_OUT(SQL_oidc_identity_used, in));
}

/* ---- the first time ---- */

struct account_row {
	struct uuid user_id;
	bool active, joined, elsewhere;
};

static enum err is_member(const struct finding *f, const struct uuid *user, bool *member)
{
	struct member_row {
		struct str email;
	} * rows;
	static const struct pg_col cols[] = {COL(struct member_row, email, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(user)};
	size_t n;
	enum err e;

	e = tx_rows(f->tx, f->rq->arena, &Q(SQL_auth_member, in, cols), sizeof *rows, (void **)&rows, &n);
	*member = !e && n > 0;
	return e;
}

/* All is done before it is known that nobody needs to be asked: whom nothing lets in is not asked for a password. */
static enum err of_account(const struct finding *f, const struct account_row *account)
{
	bool member, foreign = account->elsewhere || !account->joined;
	enum err e;

	if (!account->active)
		return req_fail(f->rq, ERR_FORBIDDEN, NULL, "Your account here is disabled.");
	f->out->user_id = account->user_id;
	tx_set_actor(f->tx, &account->user_id, f->rq->request_id);
	if ((e = is_member(f, &account->user_id, &member)) ||
	    (!member && (e = join(f, &account->user_id, f->claims->email, false))) || (e = bind(f, &account->user_id)))
		return e;
	f->out->ask = foreign && !password_shown(f, &account->user_id);
	f->out->email = f->claims->email;
	return OK;
}

static enum err first(const struct finding *f)
{
	static const struct pg_col cols[] = {COL(struct account_row, user_id, PGT_UUID),
	    COL(struct account_row, active, PGT_BOOL), COL(struct account_row, joined, PGT_BOOL),
	    COL(struct account_row, elsewhere, PGT_BOOL)};
	const struct pg_param in[] = {P_TEXT(f->claims->email)};
	struct account_row *accounts;
	size_t n;
	enum err e;

	if ((e = email_fits(f)) || (e = tx_rows(f->tx, f->rq->arena, &Q(SQL_oidc_account, in, cols), sizeof *accounts,
					(void **)&accounts, &n)))
		return e;
	if (n > 0)
		return of_account(f, accounts);
	f->out->user_id = uuid_new();
	tx_set_actor(f->tx, &f->out->user_id, f->rq->request_id);
	if ((e = join(f, &f->out->user_id, f->claims->email, true)))
		return e == ERR_CONFLICT ? req_fail(f->rq, e, NULL, "You signed in twice at once; begin again.") : e;
	return bind(f, &f->out->user_id);
}

static enum err find(const struct finding *f)
{
	static const struct pg_col cols[] = {COL(struct identity_row, id, PGT_UUID),
	    COL(struct identity_row, user_id, PGT_UUID), COL(struct identity_row, email, PGT_TEXT),
	    COL(struct identity_row, member, PGT_BOOL)};
	const struct pg_param in[] = {P_TEXT(f->p->issuer), P_TEXT(f->claims->subject)};
	struct identity_row *found;
	size_t n;
	enum err e;

	if ((e = tx_rows(f->tx, f->rq->arena, &Q(SQL_oidc_identity, in, cols), sizeof *found, (void **)&found, &n)))
		return e;
	return n > 0 ? known(f, found) : first(f);
}

/* An account's password was shown together with its second factor, if it has one. */
static enum err code_wanted(const struct finding *f)
{
	struct wanted_row {
		bool wanted;
	} row;
	static const struct pg_col cols[] = {COL(struct wanted_row, wanted, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&f->p->id), P_UUID(&f->out->user_id)};
	enum err e;

	if (f->out->ask || (f->shown != NULL && uuid_eq(&f->shown->user_id, &f->out->user_id)))
		return OK;
	if ((e = tx_one(f->tx, f->rq->arena, &Q(SQL_oidc_code, in, cols), &row)))
		return e;
	f->out->code = row.wanted;
	return OK;
}

enum err oidc_person_find(struct req *rq, const struct oidc_provider *p, const struct oidc_claims *claims,
    const struct oidc_shown *shown, struct oidc_person *out)
{
	struct finding f = {.rq = rq, .p = p, .claims = claims, .shown = shown, .out = out};
	enum err e;

	*out = (struct oidc_person){0};
	if ((e = tx_open(rq->app, PG_APP, false, &p->tenant_id, rq->arena, &f.tx)))
		return e;
	e = find(&f);
	if (!e)
		e = code_wanted(&f);
	if (e || out->ask || out->code) {
		tx_rollback(f.tx);
		return e;
	}
	if ((e = tx_commit(f.tx)))
		return e;
	auth_member_changed(rq->app->auth, &p->tenant_id, &out->user_id);
	return OK;
}
