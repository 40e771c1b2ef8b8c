/* auth_oauth_http.c - the token endpoint of OAuth 2: the client-credentials grant (RFC 6749, sections 4.4, 2.3.1 and 5). */
#include "auth/auth_client.h"
#include "auth/auth_http.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "core/config.h"

#define OAUTH_TEXT_MAX (8 * KB)

/* The parameters that we know; others are ignored, as section 3.2 wants. */
struct oauth_form {
	struct str grant_type, scope, client_id, client_secret;
	bool twice; /* one of them was there more than once */
};
struct oauth_about {
	struct str grant_type, scope, client_id, client_secret;
};
static const struct field form_fields[] = {
    FIELD(struct oauth_about, grant_type, FT_TEXT, REQUIRED, 1, 100, "client_credentials"),
    FIELD(struct oauth_about, scope, FT_TEXT, OPTIONAL, 1, 4000,
	"Some of the client's permissions, parted by spaces; without it all of them"),
    FIELD(struct oauth_about, client_id, FT_TEXT, OPTIONAL, 1, 200,
	"With client_secret, instead of Authorization: Basic"),
    FIELD(struct oauth_about, client_secret, FT_TEXT, OPTIONAL, 1, 200, "Its secret"),
};
static const struct shape form_shape = SHAPE("OAuthTokenRequest", struct oauth_about, form_fields);
static const struct field token_fields[] = {
    OUT("access_token", FT_TEXT, REQUIRED, "Send it as Authorization: Bearer"),
    OUT("token_type", FT_TEXT, REQUIRED, "Bearer"),
    OUT("expires_in", FT_INT, REQUIRED, "Seconds it is good for"),
    OUT("scope", FT_TEXT, REQUIRED, "What it may do, as far as the client's member may"),
};
static const struct shape token_out = SHAPE_OUT("OAuthToken", token_fields);
static const char *const oauth_codes[] = {
    "invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type", NULL};
static const struct field refusal_fields[] = {
    OUT("error", FT_ENUM, REQUIRED, "As RFC 6749, section 5.2, has it", .choices = oauth_codes),
    OUT("error_description", FT_TEXT, REQUIRED, "The same for people"),
};
static const struct shape refusal_out = SHAPE_OUT("OAuthError", refusal_fields);

static enum err refuse(struct req *rq, struct str code, struct str why)
{
	bool client = str_eq(code, S("invalid_client"));
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("error"), code);
	json_field_str(&w, S("error_description"), why);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	if (client)
		reply_header(rq, S("WWW-Authenticate"), S("Basic realm=\"collect\""));
	return reply_json(rq, client ? 401 : 400, json);
}

/* ---- what was sent ---- */

static struct str *form_slot(struct oauth_form *f, struct str name)
{
	if (str_eq(name, S("grant_type")))
		return &f->grant_type;
	if (str_eq(name, S("scope")))
		return &f->scope;
	if (str_eq(name, S("client_id")))
		return &f->client_id;
	return str_eq(name, S("client_secret")) ? &f->client_secret : NULL;
}

/* A parameter without a value is one that was not sent (section 3.1). */
static enum err form_read(struct arena *a, struct str body, struct oauth_form *f)
{
	while (body.n > 0) {
		struct str value = str_cut(&body, '&', NULL), name = str_cut(&value, '=', NULL), *slot;
		enum err e;

		if ((e = url_decode(a, name, true, &name)) || (e = url_decode(a, value, true, &value)))
			return e;
		if ((slot = form_slot(f, name)) == NULL || value.n == 0)
			continue;
		f->twice |= slot->n > 0;
		*slot = value;
	}
	return OK;
}

/* Basic credentials are base64 with padding of two form-encoded texts. False when that is not what stands there. */
static bool basic_read(struct req *rq, struct str header, struct oauth_form *f)
{
	struct str text = str_trim(str_sub(header, 6, header.n)), id, secret;
	char *plain = arena_alloc(rq->arena, text.n + 1);
	bool more;

	if (plain == NULL)
		return false;
	while (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++)
		plain[i] = (char)(text.p[i] == '+' ? '-' : text.p[i] == '/' ? '_' : text.p[i]);
	if (base64url_read(rq->arena, str_make(plain, text.n), &secret))
		return false;
	id = str_cut(&secret, ':', &more);
	return more && !url_decode(rq->arena, id, true, &f->client_id) &&
	       !url_decode(rq->arena, secret, true, &f->client_secret);
}

/* NULL, or why there are no credentials that could be looked at. */
static const char *credentials_read(struct req *rq, struct oauth_form *f)
{
	struct str header = str_trim(req_header(rq, S("Authorization")));

	if (header.n == 0)
		return f->client_id.n > 0 && f->client_secret.n > 0 ? NULL : "client_id and client_secret are missing";
	if (header.n < 6 || !str_eq_nocase(str_sub(header, 0, 6), S("Basic ")))
		return "clients show themselves by Authorization: Basic, or in the form";
	return basic_read(rq, header, f) ? NULL : "the Basic credentials cannot be read";
}

/* ---- what it gets ---- */

/* The asked for slugs among the client's, or all of those; false when one is not. */
static bool scope_pick(struct str asked, struct str own, uint64_t *bits)
{
	uint64_t all = auth_permissions(S(""), own);
	enum permission p;
	bool more = asked.n > 0;

	*bits = more ? 0 : all >> PERM_FIRST_GIVEN << PERM_FIRST_GIVEN;
	while (more) {
		struct str slug = str_cut(&asked, ' ', &more);

		if (!permission_read(slug, &p) || !(all >> p & 1))
			return false;
		*bits |= UINT64_C(1) << p;
	}
	return true;
}

static enum err reply_token(struct req *rq, const struct client *c, uint64_t scopes)
{
	int64_t now_ms = clock_now_ms() / 1000 * 1000, life_s = config_int(rq->app->config, CFG_access_token_s);
	struct auth *auth = rq->app->auth;
	struct token_claims claims = {
	    .user_id = c->user_id, .tenant_id = c->tenant_id, .client_id = c->id, .scopes = scopes};
	struct str token, scope, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if (c->expires_at_ms > 0 && c->expires_at_ms - now_ms < life_s * 1000)
		life_s = (c->expires_at_ms - now_ms) / 1000;
	claims.expires_at_ms = now_ms + life_s * 1000;
	if ((e = token_scope(rq->arena, scopes, &scope)) ||
	    (e = token_issue(auth->key, auth->issuer, &claims, now_ms, rq->arena, &token)))
		return e;
	buf_init(&b, rq->arena, OAUTH_TEXT_MAX);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("access_token"), token);
	json_field_str(&w, S("token_type"), S("Bearer"));
	json_field_int(&w, S("expires_in"), life_s);
	json_field_str(&w, S("scope"), scope);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	reply_header(rq, S("Cache-Control"), S("no-store"));
	reply_header(rq, S("Pragma"), S("no-cache"));
	return reply_json(rq, 200, json);
}

static bool is_form(struct req *rq)
{
	struct str type = req_header(rq, S("Content-Type"));

	return str_eq_nocase(str_trim(str_cut(&type, ';', NULL)), S("application/x-www-form-urlencoded"));
}

static enum err token_http(struct req *rq)
{
	struct oauth_form f = {0};
	struct client c;
	const char *why;
	uint64_t scopes;
	bool in_form;
	enum err e;

	if (!is_form(rq))
		return refuse(rq, S("invalid_request"), S("Send the form as application/x-www-form-urlencoded."));
	if ((e = form_read(rq->arena, rq->x->body, &f)) && e != ERR_UNREADABLE)
		return e;
	if (e || f.twice || f.grant_type.n == 0)
		return refuse(rq, S("invalid_request"),
		    e	      ? S("The form cannot be read.")
		    : f.twice ? S("A parameter was sent twice.")
			      : S("grant_type is missing."));
	in_form = f.client_secret.n > 0;
	if (in_form && req_header(rq, S("Authorization")).n > 0)
		return refuse(rq, S("invalid_request"), S("Show the credentials in one way only."));
	if ((why = credentials_read(rq, &f)))
		return refuse(rq, S("invalid_client"), str_from(why));
	if ((e = client_check(rq->app->auth, rq->arena, f.client_id, f.client_secret, &c)) == ERR_UNAUTHENTICATED)
		return refuse(rq, S("invalid_client"), S("There is no such client, or this is not its secret."));
	if (e)
		return e;
	if (!str_eq(f.grant_type, S("client_credentials")))
		return refuse(rq, S("unsupported_grant_type"), S("Only client_credentials is known here."));
	if (!scope_pick(f.scope, c.permissions, &scopes))
		return refuse(rq, S("invalid_scope"), S("The client has not all of these permissions."));
	return reply_token(rq, &c, scopes);
}

const struct route oauth_routes[] = {
    {HTTP_POST, "/api/v1/oauth/token", PERM_NONE, RATE_LOGIN, NULL, &token_out, 200, token_http,
	"Get an access token for a client's id and secret (OAuth 2, client credentials)",
	.flags = ROUTE_NO_TX | ROUTE_RAW_BODY | ROUTE_SMALL_BODY, .form = &form_shape, .refusal = &refusal_out,
	.also = (const int[]){401, 0}},
    ROUTE_END,
};
