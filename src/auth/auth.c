#include "auth/auth.h"
#include <errno.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <unistd.h>
#include "auth/auth_client.h"
#include "auth/auth_key.h"
#include "auth/auth_session.h"
#include "base/shim.h"
#include "sql.h"

/* Asked once, before the process is confined: the C library looks into files for it. */
static int hashes_at_once(void)
{
	long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;

	return half < 1 ? 1 : half > PASSWORD_HASHES_MAX ? PASSWORD_HASHES_MAX : (int)half;
}

enum err auth_open(struct app *app, const char *token_key_file, const char *issuer, struct auth **out, const char **why)
{
	struct auth *auth = calloc(1, sizeof *auth);
	enum err e;

	*out = NULL;
	*why = "there is not enough memory";
	if (auth == NULL)
		return ERR_MEMORY;
	auth->hashes_at_once = hashes_at_once();
	sem_init(&auth->hashes, 0, (unsigned)auth->hashes_at_once);
	oidc_calls_init(&auth->calls);
	auth->app = app;
	auth->issuer = str_from(issuer);
	auth->cache = auth_cache_new();
	if (auth->cache == NULL) {
		auth_close(auth);
		return ERR_MEMORY;
	}
	if (sodium_init() < 0) {
		*why = "libsodium does not start";
		auth_close(auth);
		return ERR_INTERNAL;
	}
	if ((e = token_key_open(token_key_file, &auth->key, why))) {
		auth_close(auth);
		return e;
	}
	*why = NULL;
	*out = auth;
	return OK;
}

void auth_close(struct auth *auth)
{
	if (auth == NULL)
		return;
	token_key_close(auth->key);
	auth_cache_free(auth->cache);
	sem_destroy(&auth->hashes);
	oidc_calls_free(&auth->calls);
	free(auth);
}

/* ---- members that change ---- */

#define MEMBER_KIND "member"

static void member_dropped(void *ctx, struct str key)
{
	struct auth *auth = ctx;
	struct uuid tenant, user;
	bool more;

	if (uuid_read(str_cut(&key, ':', &more), &tenant) && more && uuid_read(key, &user))
		auth_member_drop(auth->cache, &tenant, &user);
}

void auth_hear_members(struct auth *auth)
{
	auth->members = (struct cache_ear){MEMBER_KIND, auth, member_dropped};
	cache_hear(auth->app->cache, &auth->members);
}

void auth_member_changed(struct auth *auth, const struct uuid *tenant, const struct uuid *user)
{
	static const struct cache_kind kind = {.name = MEMBER_KIND};
	char key[2 * UUID_TEXT_BYTES + 1];

	auth_member_drop(auth->cache, tenant, user);
	uuid_text(tenant, key);
	key[UUID_TEXT_BYTES] = ':';
	uuid_text(user, key + UUID_TEXT_BYTES + 1);
	cache_drop(auth->app->cache, &kind, str_make(key, sizeof key));
}

int auth_hashes_at_once(const struct auth *auth)
{
	return auth->hashes_at_once;
}

static enum err turn(struct auth *auth)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HASH_WAIT_S;
	while ((r = sem_clockwait(&auth->hashes, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
		;
	return r == 0 ? OK : ERR_BUSY;
}

enum err auth_password_hash_turn(struct auth *auth, struct str password, struct arena *a, struct str *hash)
{
	enum err e = turn(auth);

	if (e)
		return e;
	e = auth_password_hash(password, a, hash);
	sem_post(&auth->hashes);
	return e;
}

enum err auth_password_turn(struct auth *auth, struct str password, struct str hash, bool *same)
{
	enum err e = turn(auth);

	if (e)
		return e;
	*same = auth_password_ok(password, hash);
	sem_post(&auth->hashes);
	return OK;
}

/* ---- who is asking ---- */

/* What stands after "Bearer "; empty when there is none. */
static struct str bearer(struct req *rq)
{
	struct str header = str_trim(req_header(rq, S("Authorization")));

	if (header.n < 7 || !str_eq_nocase(str_sub(header, 0, 7), S("Bearer ")))
		return S("");
	return str_trim(str_sub(header, 7, header.n));
}

/* A tenant's identity provider says who somebody is in that tenant only: what it lets in changes nothing of an account that
 * other tenants know too, and makes no owner of the tenant out of who runs the provider. */
static uint64_t provider_scopes(void)
{
	return permissions_of(ROLE_ADMIN) & ~(UINT64_C(1) << PERM_ACCOUNT);
}

static enum err token_digest(struct str token, unsigned char digest[32])
{
	if (token.n == 0 || token.n > TOKEN_MAX_BYTES)
		return ERR_UNAUTHENTICATED;
	return EVP_Digest(token.p, token.n, digest, NULL, EVP_sha256(), NULL) == 1 ? OK : ERR_INTERNAL;
}

static enum err token_claims_of(struct auth *auth, struct arena *a, struct str token, struct token_claims *out)
{
	int64_t now_ms = clock_now_ms();
	unsigned char digest[32];
	enum err e;

	if ((e = token_digest(token, digest)))
		return e;
	if (auth_token_find(auth->cache, digest, now_ms, out))
		return OK;
	e = str_starts(token, S(KEY_PREFIX)) ? api_key_check(auth, a, token, digest, out)
					     : token_check(auth->key, auth->issuer, token, now_ms, a, out);
	if (e)
		return e;
	if (out->by_provider)
		out->scopes &= provider_scopes();
	auth_token_keep(auth->cache, digest, out);
	return OK;
}

/* A slug that this release does not know (any more) allows nothing. */
uint64_t auth_permissions(struct str role, struct str own)
{
	uint64_t bits = (UINT64_C(1) << PERM_FIRST_GIVEN) - 1;
	bool more = own.n > 0;
	enum permission p;
	enum role r;

	if (!more)
		return role_read(role, &r) ? permissions_of(r) : bits;
	while (more) {
		if (permission_read(str_cut(&own, ' ', &more), &p))
			bits |= UINT64_C(1) << p;
	}
	return bits;
}

struct member_row {
	struct str email, role, permissions;
	bool second_factor_missing, project_roles;
};

static enum err member_load(struct auth *auth, struct arena *a, const struct token_claims *claims, struct member *out)
{
	const struct pg_param in[] = {P_UUID(&claims->user_id)};
	const uint64_t drops = auth_member_drops(auth->cache);
	static const struct pg_col cols[] = {COL(struct member_row, email, PGT_TEXT),
	    COL(struct member_row, role, PGT_TEXT), COL(struct member_row, permissions, PGT_TEXT),
	    COL(struct member_row, second_factor_missing, PGT_BOOL), COL(struct member_row, project_roles, PGT_BOOL)};
	struct member_row row;
	struct tx *tx;
	enum err e;

	if ((e = tx_open(auth->app, PG_APP, true, &claims->tenant_id, a, &tx)))
		return e;
	if ((e = tx_one(tx, a, &Q(SQL_auth_member, in, cols), &row))) {
		tx_rollback(tx);
		return e == ERR_NOT_FOUND ? ERR_UNAUTHENTICATED : e;
	}
	if ((e = tx_commit(tx)))
		return e;
	*out = (struct member){.tenant_id = claims->tenant_id, .user_id = claims->user_id};
	if (row.role.n > sizeof out->role || row.email.n > sizeof out->email)
		return ERR_INTERNAL;
	out->permissions = auth_permissions(row.role, row.permissions);
	out->second_factor_missing = row.second_factor_missing;
	out->guest = row.permissions.n == 0 && str_eq(row.role, role_name(ROLE_GUEST));
	out->project_roles = row.project_roles;
	out->role_n = (unsigned char)row.role.n;
	mem_copy(out->role, row.role.p, row.role.n);
	out->email_n = (unsigned char)row.email.n;
	mem_copy(out->email, row.email.p, row.email.n);
	auth_member_keep(auth->cache, out, drops);
	return OK;
}

/* A key was looked up just now. */
static enum err holder_alive(struct req *rq, const struct token_claims *claims, bool *factor)
{
	struct auth *auth = rq->app->auth;

	if (!uuid_is_nil(&claims->session_id))
		return login_session_alive(rq, claims, factor);
	return uuid_is_nil(&claims->client_id) ? OK : client_alive(auth, rq->arena, claims);
}

/* Whom rates count for: what is used, else who uses it. */
static const struct uuid *caller_of(const struct token_claims *c)
{
	return !uuid_is_nil(&c->key_id) ? &c->key_id : !uuid_is_nil(&c->client_id) ? &c->client_id : &c->user_id;
}

bool auth_caller_known(struct req *rq, struct uuid *tenant, struct uuid *caller)
{
	struct token_claims claims;
	unsigned char digest[32];

	if (token_digest(bearer(rq), digest) || !auth_token_find(rq->app->auth->cache, digest, clock_now_ms(), &claims))
		return false;
	*tenant = claims.tenant_id;
	*caller = *caller_of(&claims);
	return true;
}

static const char *credential_of(const struct token_claims *c)
{
	return !uuid_is_nil(&c->key_id) ? "key" : !uuid_is_nil(&c->client_id) ? "client" : NULL;
}

enum err auth_authenticate(struct req *rq)
{
	struct auth *auth = rq->app->auth;
	struct token_claims claims;
	bool factor = false;
	struct member m;
	enum err e;

	if ((e = token_claims_of(auth, rq->arena, bearer(rq), &claims)) || (e = holder_alive(rq, &claims, &factor)))
		return e;
	if (!auth_member_find(auth->cache, &claims.tenant_id, &claims.user_id, &m) &&
	    (e = member_load(auth, rq->arena, &claims, &m)))
		return e;
	rq->who = (struct principal){
	    .known = true,
	    .tenant_id = m.tenant_id,
	    .user_id = m.user_id,
	    .session_id = claims.session_id,
	    .caller_id = *caller_of(&claims),
	    .credential = credential_of(&claims),
	    .permissions = m.permissions & claims.scopes,
	    .everywhere = m.permissions & claims.scopes,
	    .held = m.permissions,
	    .scopes = claims.scopes,
	    .guest = m.guest,
	    .project_roles = m.project_roles,
	    .enrolling = m.second_factor_missing && !factor && !uuid_is_nil(&claims.session_id),
	    .email = str_dup(rq->arena, str_make(m.email, m.email_n)),
	    .role = str_dup(rq->arena, str_make(m.role, m.role_n)),
	};
	return OK;
}
