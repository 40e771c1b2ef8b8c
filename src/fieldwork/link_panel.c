/* link_panel.c - who may come by a panel link, and where he goes back to. */
#include "fieldwork/link_panel.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "fieldwork/keeping.h"
#include "fieldwork/link_cookie.h"
#include "sql.h"
#include "vault/vault.h"

/* Clients' keys cannot begin so. The database goes by it, too (panel_post()). */
#define KEY_HEAD                                                                                                       \
	"\xc2\xa7"                                                                                                     \
	"panelist:"

#define PATTERN_STEPS_MAX 1000000

static const struct str end_names[PANEL_ENDS] = {
    {"completed", 9}, {"screened_out", 12}, {"quota_full", 10}, {"closed", 6}};

#define PANEL_COOKIE "collect_panel"

/* ---- what the link says ---- */

enum err panel_read(struct arena *a, struct str json, struct panel *out)
{
	const struct json *required, *urls;
	struct json_error why;
	struct json *doc;

	*out = (struct panel){0};
	if (json_read(a, json, &json_limits_default, &doc, &why))
		return ERR_INTERNAL;
	out->panelist = json_str_or(doc, S("panelist"), S(""));
	out->postback = json_str_or(doc, S("postback_url"), S(""));
	required = json_get(doc, S("required"));
	for (uint32_t i = 0; required && i < required->count && i < countof(out->required); i++) {
		out->required[i].name = required->members[i].key;
		out->required[i].pattern = required->members[i].value.s;
		out->required_count++;
	}
	urls = json_get(doc, S("return_urls"));
	for (size_t i = 0; urls && i < PANEL_ENDS; i++)
		out->urls[i] = json_str_or(urls, end_names[i], S(""));
	return OK;
}

/* ---- coming ---- */

/* As text, as it stands in an address; empty: it is not there. */
static struct str text_of(struct arena *a, const struct json *v)
{
	struct str text = {0};
	struct json_out w;
	struct buf b;

	if (!v || v->type == JSON_NULL)
		return text;
	if (v->type == JSON_STR)
		return v->s;
	buf_init(&b, a, KB);
	json_out_init(&w, &b);
	json_put(&w, v);
	return buf_done(&b, &text) ? (struct str){0} : text;
}

static enum err pointer_of(struct req *rq, struct str name, struct str *pointer)
{
	struct buf b;

	buf_init(&b, rq->arena, KB);
	buf_add(&b, S("/parameters/"));
	buf_add(&b, name);
	return buf_done(&b, pointer);
}

static enum err check_one(struct req *rq, struct str name, struct str pattern, struct str text)
{
	int64_t fuel = PATTERN_STEPS_MAX;
	struct str pointer;
	bool fits = true;
	enum err e;

	if ((e = pointer_of(rq, name, &pointer)))
		return e;
	if (text.n == 0) {
		req_error(rq, pointer, S("required"), S("this link is used with this parameter"));
		return OK;
	}
	if (utf8_length(text) > PARAMETER_TEXT_MAX)
		fits = false;
	else if (pattern.n > 0 && (e = text_matches(rq->arena, pattern, text, &fuel, &fits)) && e != ERR_LIMIT)
		return e;
	if (!fits || e == ERR_LIMIT)
		req_error(rq, pointer, S("pattern"), S("this is not as the link wants it"));
	return OK;
}

static enum err key_of(struct arena *a, const struct uuid *link, struct str panelist, struct str *key)
{
	unsigned char digest[32];
	struct buf b;

	sha256_of(panelist, digest);
	buf_init(&b, a, 256);
	buf_add(&b, S(KEY_HEAD));
	buf_add(&b, uuid_str(a, link));
	buf_char(&b, ':');
	hex_put(&b, digest, sizeof digest);
	return buf_done(&b, key);
}

struct str panelist_of(const struct link_view *link, struct str key)
{
	const size_t hex = 64;

	return link->panel.n > 0 && str_starts(key, S(KEY_HEAD)) && key.n > hex ? str_sub(key, key.n - hex, key.n)
										: (struct str){0};
}

static enum err look_up(struct req *rq, const struct link_view *link, struct panel_use *out)
{
	struct over_row {
		bool over, open;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct over_row, over, PGT_BOOL), COL(struct over_row, open, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_TEXT(out->key)};
	enum err e;

	if (!rq->tx)
		return ERR_AGAIN;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_key_over, in, cols), &row)))
		return e;
	out->open = row.open;
	return row.over ? ERR_GONE : OK;
}

enum err panel_enter(struct req *rq, const struct link_view *link, const struct json *parameters, struct panel_use *out)
{
	size_t before = rq->error_count;
	struct panel p;
	enum err e;

	*out = (struct panel_use){0};
	if ((e = panel_read(rq->arena, link->panel, &p)))
		return e;
	for (size_t i = 0; i < p.required_count; i++) {
		const struct json *v = parameters ? json_get(parameters, p.required[i].name) : NULL;

		if ((e = check_one(rq, p.required[i].name, p.required[i].pattern, text_of(rq->arena, v))))
			return e;
	}
	if (rq->error_count > before)
		return ERR_INVALID;
	if ((e = key_of(rq->arena, &link->link_id, text_of(rq->arena, json_get(parameters, p.panelist)), &out->key)))
		return e;
	return look_up(rq, link, out);
}

/* ---- going ---- */

struct secret_row {
	struct str panel_secret;
	int64_t panel_key_version;
};

static struct seal_place place_of(const struct uuid *link)
{
	return (struct seal_place){S("links"), S("panel_secret"), link, NULL};
}

enum err panel_exit_load(struct req *rq, const struct link_view *link, struct panel_exit *out)
{
	static const struct pg_col cols[] = {
	    COL(struct secret_row, panel_secret, PGT_BYTES), COL(struct secret_row, panel_key_version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&link->link_id)};
	const struct seal_place place = place_of(&link->link_id);
	struct secret_row row = {0};
	enum err e;

	*out = (struct panel_exit){.slug = link->slug};
	if (link->panel.n == 0)
		return OK;
	if ((e = panel_read(rq->arena, link->panel, &out->panel)) ||
	    (e = tx_one(rq->tx, rq->arena, &Q(SQL_link_panel_secret, in, cols), &row)))
		return e;
	e = vault_unseal(rq->app->vault, rq->tx, VAULT_SECRET, &place, row.panel_key_version, row.panel_secret,
	    rq->arena, &out->secret);
	/* The tenant's keys were destroyed: answers still come, without a way back. */
	return e == ERR_GONE ? OK : e;
}

enum err panel_secret_make(struct req *rq, const struct uuid ids[2], struct str *secret)
{
	const struct seal_place place = place_of(&ids[1]);
	unsigned char random[32];
	int64_t version;
	struct str sealed;
	struct buf b;
	enum err e;

	random_bytes(random, sizeof(random));
	buf_init(&b, rq->arena, 64);
	base64url_put(&b, random, sizeof(random));
	if ((e = buf_done(&b, secret)) ||
	    (e = vault_seal(rq->app->vault, rq->tx, VAULT_SECRET, &place, *secret, rq->arena, &sealed, &version)))
		return e;
	const struct pg_param in[] = {
	    P_UUID(&ids[0]), P_UUID(&ids[1]), P_BYTES(sealed), P_INT(version), P_UUID_OR_NULL(tx_actor(rq->tx))};

	return tx_exec(rq->tx, &Q_NO_OUT(SQL_link_set_panel_secret, in), NULL);
}

enum err redirect_sign(struct arena *a, struct str secret, struct str *redirect)
{
	struct str fragment = *redirect, head = str_cut(&fragment, '#', NULL), sig;
	struct buf b;
	enum err e;

	if ((e = vault_hmac_hex(secret, head, a, &sig)))
		return e;
	buf_init(&b, a, 2 * HTTP_LINE_MAX_BYTES);
	buf_add(&b, head);
	buf_char(&b, str_find_char(head, '?', NULL) ? '&' : '?');
	buf_add(&b, S("sig="));
	buf_add(&b, sig);
	if (fragment.n > 0) {
		buf_char(&b, '#');
		buf_add(&b, fragment);
	}
	return buf_done(&b, redirect);
}

static struct str value_of(struct req *rq, struct str name, const struct receipt *r, const struct json *parameters)
{
	if (str_eq(name, S("response_id")))
		return uuid_is_nil(&r->id) ? S("") : uuid_str(rq->arena, &r->id);
	if (str_eq(name, S("status")))
		return r->status;
	return parameters ? text_of(rq->arena, json_get(parameters, name)) : S("");
}

/* "." and "..", which browsers take out; %2e is a dot to them too. */
static bool dots(struct str segment)
{
	size_t n = 0;

	for (size_t i = 0; i < segment.n; n++) {
		if (segment.p[i] == '.')
			i++;
		else if (segment.n - i >= 3 && segment.p[i] == '%' && segment.p[i + 1] == '2' &&
			 (segment.p[i + 2] | 0x20) == 'e')
			i += 3;
		else
			return false;
	}
	return n == 1 || n == 2;
}

bool panel_path_ok(struct str path)
{
	bool more = true;

	if (path.n == 0 || path.p[0] != '/')
		return false;
	while (more)
		if (dots(str_cut(&path, '/', &more)))
			return false;
	return true;
}

/* A value that is "..": no percent-encoding keeps browsers from taking it for a way up. */
static bool path_kept(struct str url)
{
	struct str path;
	size_t at;

	if (!str_find(url, S("://"), &at))
		return false;
	path = str_sub(url, at + 3, url.n);
	if (!str_find_char(path, '/', &at))
		return true;
	path = str_sub(path, at, path.n);
	path = str_cut(&path, '#', NULL);
	return panel_path_ok(str_cut(&path, '?', NULL));
}

/* {NAME} is the value, percent-encoded, of a parameter, of `status` or `response_id`. */
static enum err fill(
    struct req *rq, struct str url, const struct receipt *r, const struct json *parameters, struct str *out)
{
	struct buf b;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	while (url.n > 0) {
		bool more;

		buf_add(&b, str_cut(&url, '{', &more));
		if (more)
			url_encode(&b, value_of(rq, str_cut(&url, '}', NULL), r, parameters));
	}
	return buf_done(&b, out);
}

enum err panel_return(
    struct req *rq, const struct panel_exit *x, const struct receipt *r, const struct json *parameters, struct str *url)
{
	struct str template = {0};
	enum err e;

	*url = (struct str){0};
	for (size_t i = 0; i < PANEL_ENDS; i++)
		if (str_eq(r->status, end_names[i]))
			template = x->panel.urls[i].n > 0 || i != PANEL_CLOSED ? x->panel.urls[i]
									       : x->panel.urls[PANEL_QUOTA_FULL];
	if (template.n == 0 || x->secret.n == 0)
		return OK;
	/* longer than any browser takes, or written anew by it: then there is none */
	if ((e = fill(rq, template, r, parameters, url)) || !path_kept(*url)) {
		*url = (struct str){0};
		return e == ERR_MEMORY ? e : OK;
	}
	return redirect_sign(rq->arena, x->secret, url);
}

/* ---- the same browser ---- */

enum err panel_cookie_set(struct req *rq, const struct resolved *r, const struct uuid *id)
{
	struct str token;
	enum err e = resume_token(rq, &r->link.link_id, id, &token);

	return e ? e : link_cookie_set(rq, &r->link, S(PANEL_COOKIE), token, r->live.abandon_ms / 1000);
}

enum err panel_cookie_read(struct req *rq, const struct link_view *link, struct uuid *id)
{
	const struct str token = link_cookie(rq, S(PANEL_COOKIE));
	enum err e = token.n > 0 ? resume_read(rq, &link->link_id, token, id) : ERR_INVALID;

	if (e)
		*id = (struct uuid){0};
	return e == ERR_INVALID ? OK : e;
}
