/* Who may show a link's pages in a frame. */
#include "fieldwork/link.h"

#define EMBED_MAX_BYTES 3000 /* as the table has it */
#define PORT_MAX_DIGITS 5
#define CSP_MAX_BYTES (EMBED_MAX_BYTES + KB)

static bool host_ok(struct str host)
{
	if (host.n == 0 || host.n > 253 || host.p[0] == '.' || host.p[0] == '-' || host.p[host.n - 1] == '.')
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return true;
}

static bool origin_ok(struct str origin)
{
	bool secure = str_starts(origin, S("https://")), has_port;
	struct str host, port;
	int64_t number;

	if (!secure && !str_starts(origin, S("http://")))
		return false;
	port = str_sub(origin, secure ? 8 : 7, origin.n);
	host = str_cut(&port, ':', &has_port);
	if (has_port && (port.n > PORT_MAX_DIGITS || !str_to_int(port, &number) || number < 1 || number > 65535))
		return false;
	if (secure && str_starts(host, S("*.")))
		host = str_sub(host, 2, host.n);
	return host_ok(host) && (secure || str_eq(host, S("localhost")) || str_eq(host, S("127.0.0.1")));
}

enum err embed_text(struct arena *a, const struct str_list *origins, struct str *text)
{
	struct buf b;

	buf_init(&b, a, EMBED_MAX_BYTES);
	buf_add(&b, S(""));
	for (size_t i = 0; i < origins->n; i++) {
		if (!origin_ok(origins->items[i]))
			return ERR_INVALID;
		if (i > 0)
			buf_char(&b, ' ');
		buf_add(&b, origins->items[i]);
	}
	*text = S("");
	return b.n == 0 ? OK : buf_done(&b, text) ? ERR_INVALID : OK;
}

/* The page's own policy, with these in the place of 'none'. */
void embed_allow(struct req *rq, struct str embed)
{
	const struct http_reply *r = &rq->x->reply;
	struct str policy = {0}, text;
	size_t at;
	struct buf b;

	for (size_t i = 0; i < r->header_count; i++) {
		if (str_eq_nocase(r->headers[i].name, S("Content-Security-Policy")))
			policy = r->headers[i].value;
	}
	if (embed.n == 0 || !str_find(policy, S("frame-ancestors 'none'"), &at))
		return;
	buf_init(&b, rq->arena, CSP_MAX_BYTES);
	buf_add(&b, str_sub(policy, 0, at));
	buf_add(&b, S("frame-ancestors "));
	buf_add(&b, embed);
	if (buf_done(&b, &text))
		return;
	reply_header(rq, S("Content-Security-Policy"), text);
	/* the framing page may ask for this itself (Cross-Origin-Embedder-Policy) */
	reply_header(rq, S("Cross-Origin-Resource-Policy"), S("cross-origin"));
}
