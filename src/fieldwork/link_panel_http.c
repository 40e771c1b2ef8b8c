/* What a panel link is made of, as it comes in: looked at once, kept as one document (link_panel.h reads it). And its secret. */
#include "base/utf8.h"
#include "engine/engine.h"
#include "fieldwork/link_http.h"
#include "fieldwork/link_panel.h"
#include "sql.h"

#define PANEL_JSON_MAX_BYTES (64 * KB)
#define HTTP_WORD "http://"
#define HTTPS_WORD "https://"

static const struct field return_fields[] = {
    FIELD(struct panel_urls, completed, FT_TEXT, OPTIONAL | NULLABLE, 1, PANEL_URL_MAX_CHARS,
	"After a completed interview"),
    FIELD(struct panel_urls, screened_out, FT_TEXT, OPTIONAL | NULLABLE, 1, PANEL_URL_MAX_CHARS, "Screened out"),
    FIELD(struct panel_urls, quota_full, FT_TEXT, OPTIONAL | NULLABLE, 1, PANEL_URL_MAX_CHARS,
	"Turned away at a full quota, or at max_completes"),
    FIELD(struct panel_urls, closed, FT_TEXT, OPTIONAL | NULLABLE, 1, PANEL_URL_MAX_CHARS,
	"Came to a link that is closed; where quota_full leads when absent"),
};
static const struct shape return_shape = SHAPE("LinkPanelReturn", struct panel_urls, return_fields);

static const struct field panel_fields[] = {
    FIELD(struct panel_in, panelist, FT_TEXT, REQUIRED, 1, 100,
	"Parameter that says who it is: a text of the survey that is exported. Each panelist answers once"),
    FIELD(struct panel_in, required, FT_MAP, OPTIONAL, 0, PANEL_REQUIRED_MAX,
	"Exported parameters that have to be there, each with a pattern as questions have them, or empty for any text"),
    FIELD(struct panel_in, return_urls, FT_OBJECT, OPTIONAL, 0, 0,
	"Where people go afterwards: http or https, as a browser writes it, with {parameter}, {status} and "
	"{response_id} in path and query; signed",
	.shape = &return_shape),
    FIELD(struct panel_in, postback_url, FT_TEXT, OPTIONAL | NULLABLE, 1, PANEL_URL_MAX_CHARS,
	"Server that is told of each interview's end by a signed POST"),
};
const struct shape link_panel_shape = SHAPE("LinkPanel", struct panel_in, panel_fields);

/* ---- looking at it ---- */

struct look {
	struct req *rq;
	const struct json *exported, *texts; /* names of the survey's parameters */
};

static bool among(const struct json *names, struct str name)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (str_eq(names->items[i].s, name))
			return true;
	return false;
}

static enum err look_names(struct look *x)
{
	const struct pg_param in[] = {P_UUID(&x->rq->ids[0])};
	struct json_error why;
	struct json *doc;
	struct str text;
	enum err e;

	if ((e = tx_json(x->rq->tx, x->rq->arena, &Q_NO_OUT(SQL_link_panel_names, in), &text)))
		return e;
	if (json_read(x->rq->arena, text, &json_limits_default, &doc, &why))
		return ERR_INTERNAL;
	x->exported = json_get(doc, S("exported"));
	x->texts = json_get(doc, S("texts"));
	return x->exported && x->texts ? OK : ERR_INTERNAL;
}

static void check_required(struct look *x, const struct json *required)
{
	for (uint32_t i = 0; required && i < required->count; i++) {
		const struct json_member *m = &required->members[i];
		int64_t fuel = 1000;
		bool found;

		if (!among(x->exported, m->key))
			req_error(x->rq, S("/panel/required"), S("parameter"),
			    S("each is a parameter of the survey that is exported"));
		if (utf8_length(m->value.s) > PANEL_PATTERN_MAX_CHARS ||
		    text_matches(x->rq->arena, m->value.s, S(""), &fuel, &found) == ERR_INVALID)
			req_error(
			    x->rq, S("/panel/required"), S("pattern"), S("a pattern cannot be read, or is too long"));
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Such a host is an address, which browsers write anew: four numbers without zeros before them. */
static bool ipv4_ok(struct str host)
{
	int parts = 0;
	bool more = true;

	while (more) {
		struct str part = str_cut(&host, '.', &more);
		int64_t n;

		if (part.n == 0 || part.n > 3 || (part.n > 1 && part.p[0] == '0') || !str_to_int(part, &n) || n > 255)
			return false;
		for (size_t i = 0; i < part.n; i++)
			if (!is_digit(part.p[i]))
				return false;
		parts++;
	}
	return parts == 4;
}

/* Names in lower case and addresses of IPv4, as browsers leave them. Names of other letters are given as xn--, and no IPv6: both are written anew in ways that
 * nobody has to know here. */
static bool host_ok(struct str host)
{
	struct str rest = host, last = {0};
	bool more = true;

	for (size_t i = 0; i < host.n; i++)
		if (!is_digit(host.p[i]) && !(host.p[i] >= 'a' && host.p[i] <= 'z') && host.p[i] != '-' &&
		    host.p[i] != '_' && host.p[i] != '.')
			return false;
	while (more) {
		last = str_cut(&rest, '.', &more);
		if (last.n == 0 && (more || rest.n > 0))
			return false;
	}
	return host.n > 0 && last.n > 0 && (!is_digit(last.p[0]) || ipv4_ok(host));
}

/* As browsers leave it: no zeros before it, and not the scheme's own. */
static bool port_ok(struct str port, bool secure)
{
	int64_t n;

	if (port.n == 0 || port.n > 5 || port.p[0] < '1' || port.p[0] > '9' || !str_to_int(port, &n))
		return false;
	return n <= 65535 && n != (secure ? 443 : 80);
}

/* Behind the host only, so nobody's parameter decides where one is sent; and nothing that a browser would write in another way: what
 * comes back would not be what was signed. Of a fragment nothing is signed, so nothing is filled in there. *tail: path and query. */
static bool address_ok(struct str url, struct str *tail)
{
	const bool secure = str_starts(url, S(HTTPS_WORD));
	struct str fragment, path, query, host;
	size_t at = secure ? sizeof(HTTPS_WORD) - 1 : sizeof(HTTP_WORD) - 1, begin = at;
	bool port = false;

	if (!secure && !str_starts(url, S(HTTP_WORD)))
		return false;
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] > 0x7e || strchr("\"<>\\^`|'", url.p[i]))
			return false;
	while (at < url.n && !strchr("/?#", url.p[at]))
		at++;
	path = str_sub(url, begin, at - begin);
	host = str_cut(&path, ':', &port);
	if (!host_ok(host) || (port && !port_ok(path, secure)))
		return false;
	fragment = str_sub(url, at, url.n);
	*tail = str_cut(&fragment, '#', NULL);
	query = *tail;
	path = str_cut(&query, '?', NULL);
	return panel_path_ok(path) && !str_find_char(fragment, '{', NULL) && !str_find_char(fragment, '}', NULL);
}

static bool holes_ok(const struct look *x, struct str tail)
{
	bool more = true;

	while (more) {
		struct str before = str_cut(&tail, '{', &more), name;
		bool closed;

		if (str_find_char(before, '}', NULL))
			return false;
		if (!more)
			return true;
		name = str_cut(&tail, '}', &closed);
		if (!closed ||
		    !(among(x->exported, name) || str_eq(name, S("status")) || str_eq(name, S("response_id"))))
			return false;
	}
	return true;
}

static void check_urls(struct look *x, const struct panel_urls *urls)
{
	const struct str all[] = {urls->completed, urls->screened_out, urls->quota_full, urls->closed};
	static const struct str pointers[] = {{"/panel/return_urls/completed", 28},
	    {"/panel/return_urls/screened_out", 31}, {"/panel/return_urls/quota_full", 29},
	    {"/panel/return_urls/closed", 25}};

	for (size_t i = 0; i < countof(all); i++) {
		struct str tail;

		if (all[i].n > 0 && !(address_ok(all[i], &tail) && holes_ok(x, tail)))
			req_error(x->rq, pointers[i], S("url"),
			    S("http or https, as a browser writes it, with {status}, {response_id} and exported "
			      "parameters in path and query only"));
	}
}

static void check_postback(struct look *x, struct str url)
{
	struct egress_target target;
	enum egress_outcome o;

	if (url.n == 0)
		return;
	o = egress_check(x->rq->app->egress, x->rq->arena, url, &target);
	if (o != EGRESS_OK)
		req_error(x->rq, S("/panel/postback_url"), str_from(egress_slug(o)), str_from(egress_sentence(o)));
}

/* ---- keeping it ---- */

static void put_text(struct json_out *w, struct str name, struct str text)
{
	if (text.n > 0)
		json_field_str(w, name, text);
}

static enum err write(struct arena *a, const struct panel_in *in, struct str *json)
{
	bool there = false;
	struct json_out w;
	struct buf b;

	buf_init(&b, a, PANEL_JSON_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("panelist"), in->panelist);
	json_key(&w, S("required"));
	json_open(&w, '{');
	for (uint32_t i = 0; in->required && i < in->required->count; i++) {
		there |= str_eq(in->required->members[i].key, in->panelist);
		json_field_str(&w, in->required->members[i].key, in->required->members[i].value.s);
	}
	if (!there)
		json_field_str(&w, in->panelist, S(""));
	json_close(&w, '}');
	json_key(&w, S("return_urls"));
	json_open(&w, '{');
	put_text(&w, S("completed"), in->return_urls.completed);
	put_text(&w, S("screened_out"), in->return_urls.screened_out);
	put_text(&w, S("quota_full"), in->return_urls.quota_full);
	put_text(&w, S("closed"), in->return_urls.closed);
	json_close(&w, '}');
	put_text(&w, S("postback_url"), in->postback_url);
	json_close(&w, '}');
	return buf_done(&b, json);
}

enum err link_panel_text(struct req *rq, struct str kind, const struct panel_in *in, struct str *json)
{
	struct look x = {.rq = rq};
	enum err e;

	*json = (struct str){0};
	if (!str_eq(kind, S("panel")))
		return in->panelist.n == 0
			   ? OK
			   : req_fail(rq, ERR_INVALID, "/panel", "only a link of the kind panel has this");
	if (in->panelist.n == 0)
		return req_fail(rq, ERR_INVALID, "/panel", "a panel link says which parameter names the panelist");
	if ((e = look_names(&x)))
		return e;
	if (!among(x.texts, in->panelist))
		req_error(rq, S("/panel/panelist"), S("parameter"),
		    S("a parameter of the survey of the type text that is exported"));
	check_required(&x, in->required);
	check_urls(&x, &in->return_urls);
	check_postback(&x, in->postback_url);
	return rq->error_count > 0 ? ERR_INVALID : write(rq->arena, in, json);
}

/* ---- the secret ---- */

static const struct field secret_fields[] = {
    OUT("secret", FT_TEXT, REQUIRED, "Key of the panel's signatures (HMAC-SHA-256), as text. It is not shown again"),
};
static const struct shape secret_shape = SHAPE_OUT("LinkPanelSecret", secret_fields);

static enum err secret_make_http(struct req *rq)
{
	struct link_now now;
	struct str secret, json;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = link_take(rq, &now)))
		return e;
	if (!str_eq(now.kind, S("panel")))
		return req_fail(rq, ERR_CONFLICT, "", "only panel links have a secret of their own");
	if ((e = panel_secret_make(rq, rq->ids, &secret)))
		return e;
	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("secret"), secret);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)) || (e = reply_json(rq, 200, json)))
		return e;
	return link_changed(rq, &now);
}

const struct route link_panel_routes[] = {
    {HTTP_POST, "/api/v1/surveys/{id}/links/{link_id}/secret", PERM_LINKS_WRITE, RATE_CONSOLE, NULL, &secret_shape, 200,
	secret_make_http, "Make a panel link's secret, in the place of the one before",
	.flags = ROUTE_IF_MATCH | ROUTE_SECRET, .also = (const int[]){404, 409, 0}},
    ROUTE_END,
};
