/* auth_oidc_http.c - signing in at a tenant's identity provider: there, back, and the password of who has an account elsewhere.
 *
 *     GET /api/v1/oidc/acme/start?return=/console      303 to the provider
 *     GET /api/v1/oidc-callback/PROVIDER?code&state    303 to /console#forgery_token=..., with the refresh token's cookie
 *
 * The page there renews with the cookie and the token behind '#', which no server sees. When an account has to be confirmed it finds
 * #oidc_confirm=TICKET instead, and sends that with the password to /api/v1/auth/oidc/confirm; #oidc_code=TICKET when a code of the second factor is
 * all that is wanted. */
#include "auth/auth_backoff.h"
#include "auth/auth_oidc_flow.h"
#include "auth/auth_oidc_page.h"
#include "auth/auth_second.h"
#include "auth/auth_state.h"
#include "auth/auth_warn.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "sql.h"

#define URL_MAX_BYTES (8 * KB)
#define TEXT_MAX_BYTES (1 * KB)
#define PARAMETERS_MAX 32
#define TICKET_MAX_CHARS 100

struct start_query {
	struct str back;
	struct uuid provider;
};
static const struct field start_fields[] = {
    {.name = "return",
	.type = FT_TEXT,
	.flags = OPTIONAL,
	.min = 1,
	.max = 1000,
	.about = "Path on this server to go to in the end; /",
	.offset = offsetof(struct start_query, back)},
    FIELD(struct start_query, provider, FT_UUID, OPTIONAL, 0, 0, "Which of the tenant's; the oldest"),
};
static const struct shape start_shape = SHAPE("OidcStart", struct start_query, start_fields);

struct confirm {
	struct str ticket, password, code;
	bool cookie;
};
static const struct field confirm_fields[] = {
    FIELD(struct confirm, ticket, FT_TEXT, REQUIRED, 1, TICKET_MAX_CHARS,
	"What stood behind #oidc_confirm= or #oidc_code="),
    FIELD(struct confirm, password, FT_TEXT, OPTIONAL, 1, 1024,
	"Of the account that is there already; not for #oidc_code="),
    FIELD(struct confirm, code, FT_TEXT, OPTIONAL, 1, SECOND_CODE_MAX,
	"Of its second factor, or for recovery, when it has one"),
    FIELD(struct confirm, cookie, FT_BOOL, OPTIONAL, 0, 0, "As when signing in"),
};
static const struct shape confirm_shape = SHAPE("OidcConfirm", struct confirm, confirm_fields);

static const struct field way_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Identity provider: `provider` of /api/v1/oidc/{tenant}/start"),
    OUT("name", FT_TEXT, REQUIRED, "What to call it: Sign in with ..."),
};
static const struct shape way_out = SHAPE_OUT("OidcProvider", way_fields);
static const struct field ways_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "Oldest first", .shape = &way_out),
};
static const struct shape ways_out = SHAPE_OUT("OidcProviderList", ways_fields);

/* ---- there ---- */

static enum err send_to(struct req *rq, const struct buf *b)
{
	struct str url;
	enum err e = buf_done(b, &url);

	if (e)
		return e;
	reply_header(rq, S("Location"), url);
	return reply_empty(rq, 303);
}

/* Nil for a tenant that is not there. */
static enum err tenant_find(struct req *rq, struct str slug, struct uuid *id)
{
	struct tenant_row {
		struct uuid id;
	} row;
	static const struct pg_col cols[] = {COL(struct tenant_row, id, PGT_UUID)};
	const struct pg_param in[] = {P_TEXT(slug)};
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, true, NULL, rq->arena, &tx)))
		return e;
	if ((e = tx_one(tx, rq->arena, &Q(SQL_oidc_tenant, in, cols), &row))) {
		tx_rollback(tx);
		return e;
	}
	*id = row.id;
	return tx_commit(tx);
}

static enum err challenge_of(struct arena *a, struct str verifier, struct str *challenge)
{
	unsigned char digest[32];
	struct buf b;

	sha256_of(verifier, digest);
	buf_init(&b, a, 64);
	base64url_put(&b, digest, sizeof digest);
	return buf_done(&b, challenge);
}

static enum err redirect_uri_of(struct req *rq, const struct uuid *provider, struct str *uri)
{
	struct str prefix;
	struct buf b;
	enum err e;

	if ((e = oidc_redirect_prefix(rq, &prefix)))
		return e;
	buf_init(&b, rq->arena, URL_MAX_BYTES);
	buf_add(&b, prefix);
	buf_add(&b, uuid_str(rq->arena, provider));
	return buf_done(&b, uri);
}

static enum err go_there(
    struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta, struct oidc_flow *flow)
{
	struct str state, challenge, redirect_uri, query;
	struct buf b, url;
	enum err e;

	if ((e = oidc_random(rq->arena, &flow->nonce)) || (e = oidc_random(rq->arena, &flow->verifier)) ||
	    (e = challenge_of(rq->arena, flow->verifier, &challenge)) ||
	    (e = redirect_uri_of(rq, &p->id, &redirect_uri)) || (e = oidc_flow_keep(rq, OIDC_STATE, flow, &state)))
		return e;
	buf_init(&b, rq->arena, URL_MAX_BYTES);
	oidc_form_put(&b, S("response_type"), S("code"));
	oidc_form_put(&b, S("client_id"), p->client_id);
	oidc_form_put(&b, S("redirect_uri"), redirect_uri);
	oidc_form_put(&b, S("scope"), p->scopes);
	oidc_form_put(&b, S("state"), state);
	oidc_form_put(&b, S("nonce"), flow->nonce);
	oidc_form_put(&b, S("code_challenge"), challenge);
	oidc_form_put(&b, S("code_challenge_method"), S("S256"));
	if ((e = buf_done(&b, &query)))
		return e;
	buf_init(&url, rq->arena, URL_MAX_BYTES);
	buf_add(&url, meta->authorization_endpoint);
	buf_char(&url, str_find_char(meta->authorization_endpoint, '?', NULL) ? '&' : '?');
	buf_add(&url, query);
	return send_to(rq, &url);
}

/* A link on somebody else's page could sign its reader in at a tenant, as a person, of that somebody's choice: whoever comes from
 * another site is asked first. Browsers that do not say where they come from, and programs, go on. */
static bool from_elsewhere(struct req *rq)
{
	struct str site = req_header(rq, S("Sec-Fetch-Site"));

	return str_eq(site, S("cross-site")) || str_eq(site, S("same-site"));
}

static enum err ask_first(struct req *rq, const struct oidc_provider *p)
{
	struct str text, path;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, TEXT_MAX_BYTES);
	buf_add(&b, S("You are about to sign in to "));
	buf_add(&b, rq->args[0]);
	buf_add(&b, S(" with "));
	buf_add(&b, p->name);
	buf_add(&b, S(". Go on only if you meant to."));
	if ((e = buf_done(&b, &text)))
		return e;
	buf_init(&b, rq->arena, URL_MAX_BYTES);
	buf_add(&b, rq->x->path);
	if (rq->x->query.n > 0)
		buf_char(&b, '?');
	buf_add(&b, rq->x->query);
	if ((e = buf_done(&b, &path)))
		return e;
	return oidc_page(rq, 200, S("Sign in?"), text, path);
}

static enum err start(struct req *rq)
{
	const struct start_query *in = rq->query;
	struct oidc_flow flow = {.back = in->back.n > 0 ? in->back : S("/")};
	struct oidc_provider p;
	struct oidc_meta meta;
	enum err e;

	if (!oidc_back_fits(flow.back))
		return req_fail(
		    rq, ERR_INVALID, "/query/return", "This must be a path on this server, such as /console.");
	if ((e = tenant_find(rq, rq->args[0], &flow.tenant_id)))
		return e;
	if (uuid_is_nil(&flow.tenant_id))
		return ERR_NOT_FOUND;
	if ((e = oidc_provider_get(rq, &flow.tenant_id,
		 schema_has(&start_shape, rq->query_present, "provider") ? &in->provider : NULL, &p)))
		return e;
	if (from_elsewhere(rq))
		return ask_first(rq, &p);
	if ((e = oidc_meta_get(rq, &p, &meta)))
		return e;
	flow.provider_id = p.id;
	return go_there(rq, &p, &meta, &flow);
}

static enum err start_http(struct req *rq)
{
	enum err e = start(rq);

	return e ? oidc_trouble(rq, e) : OK;
}

/* ---- back ---- */

struct answer {
	struct str code, state, iss, error;
};

/* Providers add parameters of their own; of ours none may come twice. */
static enum err answer_read(struct req *rq, struct answer *out)
{
	const struct {
		struct str name;
		struct str *to;
	} rows[] = {
	    {S("code"), &out->code}, {S("state"), &out->state}, {S("iss"), &out->iss}, {S("error"), &out->error}};
	struct str rest = rq->x->query;
	size_t n = 0;

	*out = (struct answer){0};
	while (rest.n > 0) {
		struct str value = str_cut(&rest, '&', NULL), name = str_cut(&value, '=', NULL);

		if (n++ == PARAMETERS_MAX)
			return ERR_UNREADABLE;
		for (size_t i = 0; i < countof(rows); i++) {
			if (!str_eq(name, rows[i].name))
				continue;
			if (rows[i].to->p != NULL || url_decode(rq->arena, value, true, rows[i].to))
				return ERR_UNREADABLE;
		}
	}
	return OK;
}

static enum err gone(struct req *rq)
{
	return req_fail(rq, ERR_NOT_FOUND, NULL,
	    "This sign-in has ended, or began in another browser. Go back to where you signed in and begin again.");
}

/* RFC 9207: an answer that says whose it is must say that it is this provider's. */
static enum err issuer_ok(
    struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta, const struct answer *in)
{
	if (in->iss.p != NULL ? str_eq(in->iss, p->issuer) : !meta->says_issuer)
		return OK;
	return req_fail(
	    rq, ERR_FORBIDDEN, NULL, "The answer is not from the identity provider that was asked; begin again.");
}

static enum err claims_of(struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta,
    const struct oidc_tokens *tokens, struct oidc_claims *out, struct str nonce)
{
	const struct oidc_expected x = {.issuer = p->issuer,
	    .client_id = p->client_id,
	    .nonce = nonce,
	    .access_token = tokens->access_token,
	    .now_ms = clock_now_ms()};
	const struct json *keys;
	enum err e;

	if ((e = oidc_keys_get(rq, p, meta, false, &keys)))
		return e;
	e = oidc_token_check(tokens->id_token, keys, &x, rq->arena, out);
	if (e == ERR_NOT_FOUND) {
		if (!(e = oidc_keys_get(rq, p, meta, true, &keys)))
			e = oidc_token_check(tokens->id_token, keys, &x, rq->arena, out);
	}
	if (e == ERR_NOT_FOUND || e == ERR_AGAIN || e == ERR_UNAUTHENTICATED)
		return req_fail(rq, ERR_UNAUTHENTICATED, NULL,
		    "What the identity provider says of you is not valid here, so you were not signed in.");
	return e;
}

/* What the provider says of whoever holds this code. */
static enum err claims_get(struct req *rq, const struct oidc_provider *p, const struct oidc_flow *flow,
    const struct answer *in, struct oidc_claims *claims)
{
	struct oidc_code code = {.code = in->code, .verifier = flow->verifier};
	struct oidc_tokens tokens;
	struct oidc_meta meta;
	enum err e;

	if ((e = oidc_meta_get(rq, p, &meta)) || (e = issuer_ok(rq, p, &meta, in)))
		return e;
	if (in->error.p != NULL || in->code.n == 0)
		return req_fail(rq, ERR_FORBIDDEN, NULL,
		    "The identity provider did not sign you in. You may have declined, or have no access there.");
	if ((e = redirect_uri_of(rq, &p->id, &code.redirect_uri)) ||
	    (e = oidc_code_redeem(rq, p, &meta, &code, &tokens)) ||
	    (e = claims_of(rq, p, &meta, &tokens, claims, flow->nonce)))
		return e;
	if (claims->email.n == 0 && meta.userinfo_endpoint.n > 0 && tokens.access_token.n > 0)
		return oidc_userinfo_add(rq, p, &meta, tokens.access_token, claims);
	return OK;
}

/* On to `back`, with a word for its page that no server sees. */
static enum err go_back(struct req *rq, struct str back, struct str name, struct str value)
{
	struct buf b;

	buf_init(&b, rq->arena, URL_MAX_BYTES);
	buf_add(&b, back);
	buf_char(&b, '#');
	buf_add(&b, name);
	buf_char(&b, '=');
	buf_add(&b, value);
	return send_to(rq, &b);
}

/* What the provider does not vouch for is not kept, or it would count as vouched for afterwards. */
static enum err ask_more(
    struct req *rq, const struct oidc_flow *flow, const struct oidc_claims *claims, const struct oidc_person *person)
{
	const struct oidc_flow ticket = {.tenant_id = flow->tenant_id,
	    .provider_id = flow->provider_id,
	    .back = flow->back,
	    .subject = claims->subject,
	    .email = claims->email_verified ? claims->email : S(""),
	    .name = claims->name};
	struct str text;
	enum err e = oidc_flow_keep(rq, OIDC_TICKET, &ticket, &text);

	return e ? e : go_back(rq, flow->back, person->ask ? S("oidc_confirm") : S("oidc_code"), text);
}

static enum err callback(struct req *rq)
{
	struct oidc_claims claims;
	struct oidc_person person;
	struct oidc_provider p;
	struct oidc_flow flow;
	struct answer in;
	struct str guard;
	enum err e;

	if ((e = answer_read(rq, &in)))
		return e;
	e = oidc_flow_take(rq, OIDC_STATE, in.state, false, &flow);
	if (e == ERR_NOT_FOUND || (!e && !uuid_eq(&flow.provider_id, &rq->ids[0])))
		return gone(rq);
	if (e)
		return e;
	if ((e = oidc_provider_get(rq, &flow.tenant_id, &flow.provider_id, &p)))
		return e == ERR_NOT_FOUND ? gone(rq) : e;
	if ((e = claims_get(rq, &p, &flow, &in, &claims)) || (e = oidc_person_find(rq, &p, &claims, NULL, &person)))
		return e;
	if (person.ask || person.code)
		return ask_more(rq, &flow, &claims, &person);
	if ((e = provider_session_begin(rq, &flow.tenant_id, &person.user_id, &p.id, &guard)))
		return e == ERR_UNAUTHENTICATED ? req_fail(rq, ERR_FORBIDDEN, NULL, "Your account here is disabled.")
						: e;
	return go_back(rq, flow.back, S("forgery_token"), guard);
}

static enum err callback_http(struct req *rq)
{
	enum err e = callback(rq);

	return e ? oidc_trouble(rq, e) : OK;
}

/* ---- the password of an account that is there already ---- */

static enum err password_shown(struct req *rq, struct str email, struct login_row **rows)
{
	const struct confirm *in = rq->in;
	bool same = false;
	size_t n = 0;
	enum err e;

	if ((e = login_rows(rq, email, rows, &n)) ||
	    (e = auth_password_turn(rq->app->auth, in->password, n > 0 ? (*rows)[0].password_hash : S(""), &same)))
		return e;
	return same ? OK : ERR_UNAUTHENTICATED;
}

/* All that signing in to the account takes, be it a second factor; what is wrong counts as it does there. An account that can sign in to no tenant
 * has to be made a member of one by an invitation first. */
static enum err account_shown(struct req *rq, struct str email)
{
	const struct confirm *in = rq->in;
	struct login_row *rows = NULL;
	struct backoff b;
	enum err e;

	if (in->password.n == 0)
		return req_fail(rq, ERR_INVALID, "/password", "Send the password of your account here too.");
	if ((e = backoff_begin(rq, BACKOFF_PASSWORD, email, &b)))
		return e;
	if ((e = backoff_end(rq, &b, password_shown(rq, email, &rows), ERR_UNAUTHENTICATED)))
		return e == ERR_UNAUTHENTICATED
			   ? warn_refused(rq, &b, email, "This is not the password of your account here.")
			   : e;
	if (rows[0].second_factor > 0 && in->code.n == 0)
		return req_fail(rq, ERR_INVALID, "/code", "Your account has a second factor: send a code of it too.");
	return rows[0].second_factor > 0 ? second_code_shown(rq, &rows[0], in->code) : OK;
}

static enum err code_shown(struct req *rq, struct str email)
{
	const struct confirm *in = rq->in;
	struct login_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if (in->code.n == 0)
		return req_fail(rq, ERR_INVALID, "/code", "Send a code of your second factor.");
	if ((e = login_rows(rq, email, &rows, &n)))
		return e;
	return n > 0 ? second_code_shown(rq, &rows[0], in->code) : ERR_UNAUTHENTICATED;
}

static enum err confirm_http(struct req *rq)
{
	const struct confirm *in = rq->in;
	struct oidc_person person, bound;
	struct oidc_provider p;
	struct oidc_flow ticket, again;
	struct oidc_claims claims;
	struct oidc_shown shown;
	enum err e;

	if ((e = oidc_flow_take(rq, OIDC_TICKET, in->ticket, true, &ticket)) ||
	    (e = oidc_provider_get(rq, &ticket.tenant_id, &ticket.provider_id, &p)))
		return e;
	claims = (struct oidc_claims){
	    .subject = ticket.subject, .email = ticket.email, .name = ticket.name, .email_verified = true};
	if ((e = oidc_person_find(rq, &p, &claims, NULL, &person)) ||
	    (person.ask && (e = account_shown(rq, person.email))) ||
	    (person.code && (e = code_shown(rq, person.email))))
		return e;
	if ((e = oidc_flow_take(rq, OIDC_TICKET, in->ticket, false, &again)))
		return e;
	bound = person;
	shown = (struct oidc_shown){person.user_id, person.ask};
	if ((person.ask || person.code) && (e = oidc_person_find(rq, &p, &claims, &shown, &bound)))
		return e;
	if (bound.ask || bound.code)
		return ERR_NOT_FOUND; /* the address changed hands meanwhile */
	return reply_provider_session(rq, &ticket.tenant_id, &bound.user_id, &p.id, in->cookie);
}

/* ---- what there is ---- */

/* A tenant that is not there has none, as many that are. */
static enum err ways_http(struct req *rq)
{
	struct str json = S("{\"items\":[]}");
	struct uuid tenant;
	struct tx *tx;
	enum err e;

	if ((e = tenant_find(rq, rq->args[0], &tenant)))
		return e;
	if (!uuid_is_nil(&tenant)) {
		const struct query q = {&SQL_oidc_providers, NULL, 0, NULL, 0};

		if ((e = tx_open(rq->app, PG_APP, true, &tenant, rq->arena, &tx)))
			return e;
		if ((e = tx_json(tx, rq->arena, &q, &json))) {
			tx_rollback(tx);
			return e;
		}
		if ((e = tx_commit(tx)))
			return e;
	}
	return reply_json(rq, 200, json);
}

const struct route oidc_routes[] = {
    {HTTP_GET, "/api/v1/oidc/{tenant}", PERM_NONE, RATE_PUBLIC_READ, NULL, &ways_out, 200, ways_http,
	"List the identity providers that one can sign in to a tenant with", .flags = ROUTE_NO_TX},
    {HTTP_GET, "/api/v1/oidc/{tenant}/start", PERM_NONE, RATE_LOGIN, NULL, NULL, 303, start_http,
	"Send a browser to a tenant's identity provider", .query = &start_shape, .flags = ROUTE_NO_TX | ROUTE_HIDDEN},
    {HTTP_GET, "/api/v1/oidc-callback/{provider_id}", PERM_NONE, RATE_LOGIN, NULL, NULL, 303, callback_http,
	"Where an identity provider sends a browser back to", .flags = ROUTE_NO_TX | ROUTE_HIDDEN},
    {HTTP_POST, "/api/v1/auth/oidc/confirm", PERM_NONE, RATE_LOGIN, &confirm_shape, &session_out, 200, confirm_http,
	"Let an identity provider sign one in to an account that is there already, by its password or second factor",
	.flags = ROUTE_NO_TX | ROUTE_SLOW, .also = (const int[]){401, 403, 404, 409, 0}},
    ROUTE_END,
};
