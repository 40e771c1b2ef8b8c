#include "io/http_impl.h"

/* What libmicrohttpd 0.9.75 lets through even in strict mode (tried): Content-Length together with
 * Transfer-Encoding, several Content-Lengths, "Name :", unknown transfer codings, folded lines (their text is glued to
 * the *name*), NUL and CR inside values, lines that end in LF alone, nameless fields (dropped in silence), a second
 * Host. Two readers who disagree about where a request ends are a smuggling hole, so none of this gets past here. */

/* The layout check below reads libmicrohttpd's memory as this version lays it out; newer ones refuse these heads
 * themselves. */
#define LAYOUT_VERSION "0.9.75"

struct head {
	struct http_header *rows;
	size_t n, max, bytes;
	bool too_many;
};

static enum MHD_Result collect(
    void *cls, enum MHD_ValueKind kind, const char *name, size_t name_bytes, const char *value, size_t value_bytes)
{
	struct head *h = cls;

	(void)kind;
	if (h->n == h->max) {
		h->too_many = true;
		return MHD_NO;
	}
	h->rows[h->n++] = (struct http_header){{name, name_bytes}, {value, value ? value_bytes : 0}};
	h->bytes += name_bytes + value_bytes + 4;
	return MHD_YES;
}

static bool is_token(struct str s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == 0 || !strchr(others, c))
			return false;
	}
	return s.n > 0;
}

static bool is_field_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

static bool is_visible_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0 && s.n <= 18;
}

static bool line_ended(const char *end)
{
	return (end[0] == 0 || end[0] == '\r') && (end[1] == 0 || end[1] == '\n');
}

bool guard_layout_known(void)
{
	return strcmp(MHD_get_version(), LAYOUT_VERSION) == 0;
}

/* Names and values point into the head as it was received, its separators overwritten by NULs. So every piece must
 * begin where the one before it ended, plus CRLF: whatever was hidden between them (NUL, folding, a bare LF, a field
 * without name) breaks the chain. */
static bool is_contiguous(const struct exchange *ex, const struct head *h, struct str method, struct str version)
{
	const char *at;

	if (!ex->server->layout_known)
		return true;
	if (method.p + method.n + 1 != ex->target || ex->target + ex->target_bytes + 1 != version.p)
		return false;
	at = version.p + version.n;
	for (size_t i = 0; i < h->n; i++) {
		const struct http_header *row = &h->rows[i];

		if (!line_ended(at) || row->name.p != at + 2)
			return false;
		at = row->name.p + row->name.n + 1;
		if (row->value.p < at)
			return false;
		for (; at < row->value.p; at++) {
			if (*at != ' ' && *at != '\t')
				return false;
		}
		at += row->value.n;
	}
	return line_ended(at) && line_ended(at + 2);
}

static enum err check_fields(struct head *h, const char **detail)
{
	for (size_t i = 0; i < h->n; i++) {
		struct http_header *row = &h->rows[i];

		*detail = "a header field is not written as HTTP wants it";
		if (!is_token(row->name) || !is_field_text(row->value))
			return ERR_UNREADABLE;
		*detail = "a header field is longer than 8 kB";
		if (row->name.n + row->value.n > HTTP_HEADER_MAX_BYTES)
			return ERR_HEADERS_TOO_LARGE;
		row->value = str_trim(row->value);
	}
	return OK;
}

static size_t count_of(const struct http_exchange *x, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < x->header_count; i++)
		n += str_eq_nocase(x->headers[i].name, name);
	return n;
}

/* Of two of these one reader takes the first and the next one the last: a proxy that looks at them would let through what it never saw. */
static enum err check_single(const struct http_exchange *x, const char **detail)
{
	static const struct str once[] = {
	    {"Authorization", 13}, {"Content-Type", 12}, {"Idempotency-Key", 15}, {"If-Match", 8}};

	*detail = "Authorization, Content-Type, Idempotency-Key and If-Match may each stand only once";
	for (size_t i = 0; i < countof(once); i++) {
		if (count_of(x, once[i]) > 1)
			return ERR_UNREADABLE;
	}
	return OK;
}

static enum err check_framing(const struct http_exchange *x, bool is_http10, const char **detail)
{
	size_t lengths = count_of(x, S("Content-Length")), codings = count_of(x, S("Transfer-Encoding"));

	*detail = "Content-Length and Transfer-Encoding do not go together, and each may stand only once";
	if (lengths + codings > 1)
		return ERR_UNREADABLE;
	*detail = "Content-Length is not a number";
	if (lengths && !is_number(http_header_get(x, S("Content-Length"))))
		return ERR_UNREADABLE;
	*detail = "HTTP/1.0 has no Transfer-Encoding";
	if (codings && is_http10)
		return ERR_UNREADABLE;
	*detail = "the only transfer coding known here is chunked";
	if (codings && !str_eq_nocase(http_header_get(x, S("Transfer-Encoding")), S("chunked")))
		return ERR_NOT_BUILT;
	return OK;
}

static enum err check_host(const struct http_exchange *x, bool is_http10, const char **detail)
{
	size_t hosts = count_of(x, S("Host"));

	*detail = "a request has exactly one Host";
	if (hosts > 1 || (hosts == 0 && !is_http10))
		return ERR_UNREADABLE;
	*detail = "Host is not a host name with an optional port";
	if (str_find_char(http_header_get(x, S("Host")), '/', NULL) ||
	    str_find_char(http_header_get(x, S("Host")), '@', NULL) || !is_visible_ascii(http_header_get(x, S("Host"))))
		return ERR_UNREADABLE;
	return OK;
}

static enum http_method method_of(struct str text)
{
	for (int m = 0; m < HTTP_METHOD_OTHER; m++) {
		if (str_eq(text, http_method_name(m)))
			return m;
	}
	return HTTP_METHOD_OTHER;
}

/* Origin form, absolute form (its authority does not matter: there is one site), or "*" for OPTIONS. */
static enum err split_target(struct http_exchange *x, struct str target, const char **detail)
{
	size_t at;

	*detail = "the address is not written as a path";
	if (!is_visible_ascii(target) || str_find_char(target, '#', NULL))
		return ERR_UNREADABLE;
	if (str_starts(target, S("http://")) || str_starts(target, S("https://"))) {
		str_find(target, S("://"), &at);
		target = str_sub(target, at + 3, target.n);
		target = str_find_char(target, '/', &at) ? str_sub(target, at, target.n) : S("/");
	}
	x->path = str_cut(&target, '?', NULL);
	x->query = target;
	if (str_starts(x->path, S("/")) || (x->method == HTTP_OPTIONS && str_eq(x->path, S("*"))))
		return OK;
	return ERR_UNREADABLE;
}

enum err guard_head(struct exchange *ex, const char *method, const char *version, const char **detail)
{
	struct http_exchange *x = &ex->x;
	bool is_http10 = strcmp(version, "HTTP/1.0") == 0;
	struct head h = {.max = HTTP_HEADERS_MAX};
	enum err e;

	*detail = "the request line is longer than 8 kB";
	if (ex->target_bytes > HTTP_LINE_MAX_BYTES)
		return ERR_URI_TOO_LONG;
	*detail = "";
	if (!(h.rows = arena_array(&ex->arena, struct http_header, h.max)))
		return ERR_MEMORY;
	MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, collect, &h);
	*detail = "at most 64 header fields of together 32 kB are taken";
	if (h.too_many || h.bytes > HTTP_HEADERS_MAX_BYTES)
		return ERR_HEADERS_TOO_LARGE;
	x->headers = h.rows;
	x->header_count = h.n;
	x->method_text = str_from(method);
	x->method = method_of(x->method_text);
	*detail = "the request head is not written as HTTP wants it";
	if (!is_token(x->method_text) || strncmp(version, "HTTP/1.", 7) != 0)
		return ERR_UNREADABLE;
	*detail = "the request head holds a NUL, a folded line or a line without CR LF";
	if (!is_contiguous(ex, &h, x->method_text, str_from(version)))
		return ERR_UNREADABLE;
	if ((e = check_fields(&h, detail)))
		return e;
	if ((e = split_target(x, str_make(ex->target_copy, ex->target_bytes), detail)) ||
	    (e = check_host(x, is_http10, detail)) || (e = check_single(x, detail)))
		return e;
	return check_framing(x, is_http10, detail);
}

uint64_t guard_body_bytes(const struct exchange *ex)
{
	int64_t n = 0;

	str_to_int(http_header_get(&ex->x, S("Content-Length")), &n);
	return n;
}
