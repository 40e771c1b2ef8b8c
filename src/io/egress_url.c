#include "io/egress_url.h"

#include <curl/curl.h>
#include <idn2.h>
#include "base/limits.h"
#include "base/utf8.h"

#define HOST_ROUNDS_MAX 4
#define LABEL_MAX_BYTES 63
#define HTTP_PORT 80
#define HTTPS_PORT 443

static const struct {
	enum err err;
	const char *slug, *sentence;
} outcomes[EGRESS_OUTCOMES] = {
#define EGRESS(name, err, slug, sentence) [EGRESS_##name] = {err, slug, sentence},
#include "io/egress.def"
#undef EGRESS
};

const char *egress_slug(enum egress_outcome o)
{
	return outcomes[o].slug;
}

const char *egress_sentence(enum egress_outcome o)
{
	return outcomes[o].sentence;
}

enum err egress_err(enum egress_outcome o)
{
	return outcomes[o].err;
}

/* ---- what libcurl makes of it ---- */

/* A part of the address as libcurl reads it; `part` may be absent: then *out is empty. */
static enum egress_outcome get_part(CURLU *u, struct arena *a, CURLUPart part, struct str *out)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(u, part, &text, CURLU_DEFAULT_PORT);

	*out = code ? S("") : str_dup(a, str_from(text));
	curl_free(text);
	if (code == CURLUE_OUT_OF_MEMORY || (out->n == 0 && !code && part != CURLUPART_QUERY))
		return EGRESS_MEMORY;
	return !code || code == CURLUE_NO_QUERY ? EGRESS_OK : EGRESS_URL;
}

static enum egress_outcome parse(CURLU *u, struct arena *a, struct str url)
{
	const char *text = str_cstr(a, url);
	CURLUcode code;

	if (!text)
		return EGRESS_MEMORY;
	code = curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_URLENCODE);
	switch (code) {
	case CURLUE_OK:
		return EGRESS_OK;
	case CURLUE_OUT_OF_MEMORY:
		return EGRESS_MEMORY;
	case CURLUE_UNSUPPORTED_SCHEME:
	case CURLUE_BAD_SCHEME:
		return EGRESS_SCHEME;
	case CURLUE_USER_NOT_ALLOWED:
	case CURLUE_BAD_USER:
	case CURLUE_BAD_PASSWORD:
	case CURLUE_BAD_LOGIN:
		return EGRESS_USERINFO;
	case CURLUE_BAD_HOSTNAME:
	case CURLUE_BAD_IPV6:
	case CURLUE_NO_HOST:
		return EGRESS_HOST;
	default:
		return EGRESS_URL;
	}
}

/* ---- hosts ---- */

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* libidn2 itself rather than libcurl's use of it, which takes text to be in the locale's encoding. Without its STD3 rules, under which it
 * leaves out what they forbid; what is no letter of a name is refused here, before a parser could see a delimiter in it. */
static enum egress_outcome to_ascii(struct arena *a, struct str host, struct str *out)
{
	char *text = str_cstr(a, host), *ascii = NULL;
	int code;

	if (!text)
		return EGRESS_MEMORY;
	code = is_ascii(host)
		   ? IDN2_OK
		   : idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (code == IDN2_MALLOC)
		return EGRESS_MEMORY;
	if (code)
		return EGRESS_HOST;
	text = ascii ? str_cstr(a, str_from(ascii)) : text;
	idn2_free(ascii);
	if (!text)
		return EGRESS_MEMORY;
	for (char *p = text; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
		if (!is_name_char(*p) && *p != '.')
			return EGRESS_HOST;
	}
	*out = str_from(text);
	return EGRESS_OK;
}

/* What the parser makes of such a host: numbers of every kind become four decimal parts. */
static enum egress_outcome normal_host(struct arena *a, struct str host, struct str *out)
{
	struct str url;
	struct buf b;
	CURLU *u = curl_url();
	enum egress_outcome o = EGRESS_MEMORY;

	buf_init(&b, a, EGRESS_URL_MAX_BYTES);
	buf_add(&b, S("https://"));
	buf_add(&b, host);
	buf_add(&b, S("/"));
	if (u && buf_done(&b, &url) == OK && (o = parse(u, a, url)) == EGRESS_OK)
		o = get_part(u, a, CURLUPART_HOST, out);
	curl_url_cleanup(u);
	return o;
}

static bool label_fits(struct str label)
{
	if (label.n == 0 || label.n > LABEL_MAX_BYTES || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_name_char(label.p[i]))
			return false;
	return true;
}

/* "12", "0x1f", "0x": what some resolver might take for the last part of an address */
static bool is_number(struct str label)
{
	bool hex = str_starts(label, S("0x"));

	for (size_t i = hex ? 2 : 0; i < label.n; i++) {
		char c = label.p[i];

		if (!(c >= '0' && c <= '9') && !(hex && c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

static bool name_fits(struct str host)
{
	struct str rest = host, label;
	bool more = true;

	if (host.n == 0 || host.n > EGRESS_HOST_MAX_BYTES)
		return false;
	while (more) {
		label = str_cut(&rest, '.', &more);
		if (!label_fits(label))
			return false;
	}
	return !is_number(label);
}

static enum egress_outcome read_literal(struct arena *a, struct egress_target *out)
{
	char text[EGRESS_ADDRESS_TEXT_BYTES];

	out->literal = true;
	egress_address_text(&out->address, text);
	out->host = str_dup(a, str_from(text));
	return out->host.p ? EGRESS_OK : EGRESS_MEMORY;
}

/* Until it no longer changes: what the mapping of IDN makes may be an address, and its parts may be numbers. */
static enum egress_outcome read_host(struct arena *a, struct str host, struct egress_target *out)
{
	struct str before = host, ascii;
	enum egress_outcome o;

	if (str_starts(host, S("[")) && str_ends(host, S("]"))) {
		bool fits = egress_address_read(str_sub(host, 1, host.n - 2), &out->address) && out->address.v6;

		return fits ? read_literal(a, out) : EGRESS_HOST;
	}
	for (int round = 0; round < HOST_ROUNDS_MAX; round++) {
		if ((o = to_ascii(a, before, &ascii)))
			return o;
		/* "host." is the same host, named from the root; one dot, not as many as there are rounds */
		if (round == 0 && str_ends(ascii, S(".")))
			ascii.n--;
		if ((o = normal_host(a, ascii, &host)))
			return o == EGRESS_MEMORY ? o : EGRESS_HOST;
		if (egress_address_read(host, &out->address))
			return out->address.v6 ? EGRESS_HOST : read_literal(a, out);
		if (str_eq(host, before)) {
			out->host = host;
			return name_fits(host) ? EGRESS_OK : EGRESS_HOST;
		}
		before = host;
	}
	return EGRESS_HOST;
}

/* ---- the whole ---- */

/* Before any parser sees it: what parsers are known to read differently. */
static enum egress_outcome look(struct str url, bool *https)
{
	struct str rest;
	size_t end = 0;

	if (url.n == 0 || url.n > EGRESS_URL_MAX_BYTES || !utf8_valid(url))
		return EGRESS_URL;
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f || url.p[i] == '\\')
			return EGRESS_URL;
	*https = str_eq_nocase(str_sub(url, 0, 8), S("https://"));
	if (!*https && !str_eq_nocase(str_sub(url, 0, 7), S("http://")))
		return EGRESS_SCHEME;
	rest = str_sub(url, *https ? 8 : 7, url.n);
	while (end < rest.n && !strchr("/?#", rest.p[end]))
		end++;
	rest = str_sub(rest, 0, end);
	if (str_find_char(rest, '@', NULL))
		return EGRESS_USERINFO;
	return rest.n == 0 || rest.n > EGRESS_HOST_MAX_BYTES * 4 || str_find_char(rest, '%', NULL) ? EGRESS_HOST
												   : EGRESS_OK;
}

static enum egress_outcome write_url(struct arena *a, struct str path, struct str query, struct egress_target *out)
{
	struct buf b;

	buf_init(&b, a, 4 * EGRESS_URL_MAX_BYTES);
	buf_add(&b, out->https ? S("https://") : S("http://"));
	if (out->literal && out->address.v6)
		buf_char(&b, '[');
	buf_add(&b, out->host);
	if (out->literal && out->address.v6)
		buf_char(&b, ']');
	if (out->port != (out->https ? HTTPS_PORT : HTTP_PORT)) {
		buf_char(&b, ':');
		buf_int(&b, out->port);
	}
	buf_add(&b, path);
	if (query.n > 0) {
		buf_char(&b, '?');
		buf_add(&b, query);
	}
	if (buf_done(&b, &out->url))
		return EGRESS_MEMORY;
	return out->url.n <= EGRESS_URL_MAX_BYTES && is_ascii(out->url) ? EGRESS_OK : EGRESS_URL;
}

static enum egress_outcome read_parts(CURLU *u, struct arena *a, struct str url, struct egress_target *out)
{
	struct str host, port, path, query;
	enum egress_outcome o;
	int64_t number;

	if ((o = parse(u, a, url)) || (o = get_part(u, a, CURLUPART_HOST, &host)) ||
	    (o = get_part(u, a, CURLUPART_PORT, &port)) || (o = get_part(u, a, CURLUPART_PATH, &path)) ||
	    (o = get_part(u, a, CURLUPART_QUERY, &query)))
		return o;
	if (!str_to_int(port, &number) || number < 1 || number > UINT16_MAX || !str_starts(path, S("/")))
		return EGRESS_URL;
	out->port = (uint16_t)number;
	if ((o = read_host(a, host, out)))
		return o;
	return write_url(a, path, query, out);
}

enum egress_outcome egress_url_read(struct arena *a, struct str url, struct egress_target *out)
{
	enum egress_outcome o;
	CURLU *u;

	*out = (struct egress_target){0};
	if ((o = look(url, &out->https)))
		return o;
	u = curl_url();
	o = u ? read_parts(u, a, url, out) : EGRESS_MEMORY;
	curl_url_cleanup(u);
	return o;
}
