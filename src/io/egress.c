#include "io/egress.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include "io/clock.h"
#include "io/egress_private.h"
#include "io/metrics.h"

#define NS_PER_MS 1000000LL
#define USER_AGENT "Cimigo-Collect"
#define RESOLVE_MAX_BYTES (4 * KB)

static const char *const sendable[] = {"Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key",
    "If-Modified-Since", "If-None-Match", "Webhook-Id", "Webhook-Signature", "Webhook-Timestamp", "X-Request-Id"};

/* One request: what the callbacks see. */
struct call {
	struct egress *egress;
	struct egress_target target;
	struct egress_addresses addresses;
	struct egress_reply *reply;
	struct buf body;
	size_t header_bytes;
	struct curl_slist *headers, *resolve;
	int64_t deadline_ns;
	bool opened;
};

/* ---- callbacks of libcurl ---- */

/* The last word: the address in hand is the one that the kernel will connect to. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct call *c = ctx;
	struct egress_address address;
	const char *why = "not looked up";
	bool known = false;
	curl_socket_t s;

	if (purpose != CURLSOCKTYPE_IPCXN || !egress_address_of(&sa->addr, &address))
		return CURL_SOCKET_BAD;
	for (size_t i = 0; i < c->addresses.n; i++)
		known |= egress_address_eq(&address, &c->addresses.list[i]);
	if (!known || !egress_policy_allows(c->egress->policy, c->target.host, &address, c->target.port, &why)) {
		c->reply->refused = why;
		return CURL_SOCKET_BAD;
	}
	s = socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
	if (s == -1)
		return CURL_SOCKET_BAD;
	c->opened = true;
	atomic_fetch_add(&c->egress->connections, 1);
	return s;
}

/* Nothing but egress_lookup looks a name up. */
static int refuse_lookup(void *resolver, void *reserved, void *ctx)
{
	(void)resolver;
	(void)reserved;
	(void)ctx;
	return 1;
}

static size_t take_header(char *p, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;

	(void)p;
	c->header_bytes += size * n;
	return c->header_bytes <= EGRESS_REPLY_HEADERS_MAX_BYTES ? size * n : 0;
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;
	size_t room = EGRESS_REPLY_MAX_BYTES - c->body.n, more = size * n;

	buf_add(&c->body, str_make(p, more < room ? more : room));
	c->reply->cut = more > room;
	return c->reply->cut || c->body.failed ? 0 : more;
}

static int go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
	const struct call *c = ctx;

	(void)a;
	(void)b;
	(void)d;
	(void)e;
	return egress_stopped(c->egress);
}

static CURLcode use_roots(CURL *curl, void *ssl, void *ctx)
{
	(void)curl;
	/* shared by all calls: reading a hundred certificates for each would cost more than the handshake */
	SSL_CTX_set1_cert_store(ssl, ((const struct call *)ctx)->egress->roots);
	return CURLE_OK;
}

/* ---- the request ---- */

static const char *sendable_name(struct str name)
{
	for (size_t i = 0; i < countof(sendable); i++)
		if (str_eq_nocase(name, str_from(sendable[i])))
			return sendable[i];
	return NULL;
}

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = line ? curl_slist_append(*list, line) : NULL;

	if (longer)
		*list = longer;
	return longer;
}

static enum egress_outcome add_header(struct call *c, struct arena *a, const struct egress_header *h)
{
	const char *name = sendable_name(h->name);
	struct str line, value = str_trim(h->value);
	struct buf b;

	if (!name || value.n > EGRESS_HEADER_MAX_BYTES || !printable(value))
		return EGRESS_REQUEST;
	if (value.n == 0)
		return EGRESS_OK;
	buf_init(&b, a, EGRESS_HEADER_MAX_BYTES + KB);
	buf_add(&b, str_from(name));
	buf_add(&b, S(": "));
	buf_add(&b, value);
	return buf_done(&b, &line) || !add_line(&c->headers, str_cstr(a, line)) ? EGRESS_MEMORY : EGRESS_OK;
}

static enum egress_outcome add_headers(struct call *c, struct arena *a, const struct egress_request *rq)
{
	enum egress_outcome o;

	if (rq->header_count > EGRESS_HEADERS_MAX || rq->body.n > EGRESS_BODY_MAX_BYTES)
		return EGRESS_REQUEST;
	for (size_t i = 0; i < rq->header_count; i++)
		if ((o = add_header(c, a, &rq->headers[i])))
			return o;
	/* libcurl would hold a larger body back and ask first */
	return add_line(&c->headers, "Expect:") ? EGRESS_OK : EGRESS_MEMORY;
}

/* "host:port:address,address": libcurl takes these and asks nobody. */
static enum egress_outcome pin(struct call *c, struct arena *a)
{
	struct str line;
	struct buf b;

	buf_init(&b, a, RESOLVE_MAX_BYTES);
	buf_add(&b, c->target.host);
	buf_char(&b, ':');
	buf_int(&b, c->target.port);
	for (size_t i = 0; i < c->addresses.n; i++) {
		const struct egress_address *address = &c->addresses.list[i];
		char text[EGRESS_ADDRESS_TEXT_BYTES];

		egress_address_text(address, text);
		buf_char(&b, i > 0 ? ',' : ':');
		buf_add(&b, address->v6 ? S("[") : S(""));
		buf_add(&b, str_from(text));
		buf_add(&b, address->v6 ? S("]") : S(""));
	}
	return buf_done(&b, &line) || !add_line(&c->resolve, str_cstr(a, line)) ? EGRESS_MEMORY : EGRESS_OK;
}

/* Every address of the host has to be one that may be connected to: of two, the bad one would be the attacker's aim. */
static enum egress_outcome find_host(struct call *c, struct arena *a)
{
	int64_t deadline = clock_mono_ns() + EGRESS_NAME_TIMEOUT_MS * NS_PER_MS;
	const char *host = str_cstr(a, c->target.host), *why;
	enum egress_outcome o;

	if (!host)
		return EGRESS_MEMORY;
	if (c->target.literal) {
		c->addresses.list[0] = c->target.address;
		c->addresses.n = 1;
	} else {
		o = egress_lookup(
		    c->egress, host, deadline < c->deadline_ns ? deadline : c->deadline_ns, &c->addresses);
		if (o)
			return o;
	}
	if (c->addresses.more) {
		c->reply->refused = "too many addresses";
		return EGRESS_ADDRESS;
	}
	for (size_t i = 0; i < c->addresses.n; i++)
		if (!egress_policy_allows(
			c->egress->policy, c->target.host, &c->addresses.list[i], c->target.port, &why)) {
			c->reply->refused = why;
			return EGRESS_ADDRESS;
		}
	return c->target.literal ? EGRESS_OK : pin(c, a);
}

/* ---- libcurl ---- */

static CURLcode set_bounds(CURL *curl, struct call *c)
{
	int64_t left = (c->deadline_ns - clock_mono_ns()) / NS_PER_MS;
	CURLcode e = 0;

	e |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, c->target.https ? "https" : "http");
	e |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	e |= curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not the environment's either */
	e |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	e |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	e |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	e |= curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	e |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)EGRESS_CONNECT_TIMEOUT_MS);
	e |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	e |= curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	e |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, use_roots);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, c);
	return e;
}

static CURLcode set_callbacks(CURL *curl, struct call *c)
{
	CURLcode e = 0;

	e |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	e |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c);
	if (!c->target.literal)
		e |= curl_easy_setopt(curl, CURLOPT_RESOLVER_START_FUNCTION, refuse_lookup);
	e |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	e |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
	e |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	e |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
	e |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
	e |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, c);
	e |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	return e;
}

static CURLcode set_request(CURL *curl, struct call *c, const char *url, const struct egress_request *rq)
{
	CURLcode e = 0;

	e |= curl_easy_setopt(curl, CURLOPT_URL, url);
	e |= curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	e |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers);
	e |= curl_easy_setopt(curl, CURLOPT_RESOLVE, c->resolve);
	if (rq->method == EGRESS_POST) {
		e |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
		e |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
		e |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, rq->body.n > 0 ? rq->body.p : "");
	}
	return e;
}

static enum egress_outcome outcome_of(const struct call *c, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return EGRESS_OK;
	case CURLE_WRITE_ERROR:
		if (c->body.failed)
			return EGRESS_MEMORY;
		return c->reply->cut ? EGRESS_OK : EGRESS_HEADERS;
	case CURLE_ABORTED_BY_CALLBACK:
		return egress_stopped(c->egress) ? EGRESS_STOPPED : EGRESS_NAME;
	case CURLE_OPERATION_TIMEDOUT:
		return EGRESS_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return EGRESS_NAME;
	case CURLE_COULDNT_CONNECT:
		return c->reply->refused && !c->opened ? EGRESS_ADDRESS : EGRESS_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return EGRESS_TLS;
	case CURLE_OUT_OF_MEMORY: /* also what libcurl says to one header line of more than 100 kB */
		return c->opened ? EGRESS_HEADERS : EGRESS_MEMORY;
	default:
		return EGRESS_PROTOCOL;
	}
}

static enum egress_outcome read_reply(CURL *curl, struct call *c, struct arena *a)
{
	struct egress_reply *reply = c->reply;
	char *type = NULL, *address = NULL;
	curl_off_t retry = 0;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry);
	reply->status = (int)status;
	reply->retry_after_s = retry;
	snprintf(reply->address, sizeof reply->address, "%s", address && c->opened ? address : "");
	reply->content_type = str_dup(a, str_from(type));
	return buf_done(&c->body, &reply->body) || (!reply->content_type.p && type && *type) ? EGRESS_MEMORY
											     : EGRESS_OK;
}

static enum egress_outcome perform(struct call *c, struct arena *a, const struct egress_request *rq)
{
	const char *url = str_cstr(a, c->target.url);
	CURL *curl = url ? curl_easy_init() : NULL;
	enum egress_outcome o = EGRESS_MEMORY, read;

	if (!curl)
		return EGRESS_MEMORY;
	/* an option that this libcurl lacks is a bound that does not hold */
	if (!set_bounds(curl, c) && !set_callbacks(curl, c) && !set_request(curl, c, url, rq)) {
		o = outcome_of(c, curl_easy_perform(curl));
		read = read_reply(curl, c, a);
		o = o ? o : read;
	}
	curl_easy_cleanup(curl);
	return o;
}

enum egress_outcome egress_check(const struct egress *e, struct arena *a, struct str url, struct egress_target *out)
{
	enum egress_outcome o = egress_url_read(a, url, out);
	const char *why;

	if (o)
		return o;
	if (!out->https && !egress_policy_http(e->policy))
		return EGRESS_SCHEME;
	if (!egress_policy_port(e->policy, out->port))
		return EGRESS_PORT;
	if (out->literal)
		return egress_policy_allows(e->policy, out->host, &out->address, out->port, &why) ? EGRESS_OK
												  : EGRESS_ADDRESS;
	/* a name of one part means another machine in each network */
	if (!str_find_char(out->host, '.', NULL) && !egress_policy_names(e->policy, out->host, out->port))
		return EGRESS_HOST;
	return EGRESS_OK;
}

static enum egress_outcome run(struct call *c, struct arena *a, const struct egress_request *rq)
{
	enum egress_outcome o;

	if (egress_stopped(c->egress))
		return EGRESS_STOPPED;
	if ((o = egress_check(c->egress, a, rq->url, &c->target)) || (o = add_headers(c, a, rq)) ||
	    (o = find_host(c, a)))
		return o;
	return perform(c, a, rq);
}

enum err egress_send(
    struct egress *e, struct arena *a, const struct egress_request *request, struct egress_reply *reply)
{
	int64_t start = clock_mono_ns();
	int timeout_ms = request->timeout_ms > 0 && request->timeout_ms < EGRESS_TIMEOUT_MS ? request->timeout_ms
											    : EGRESS_TIMEOUT_MS;
	struct call c = {.egress = e, .reply = reply, .deadline_ns = start + timeout_ms * NS_PER_MS};

	*reply = (struct egress_reply){0};
	buf_init(&c.body, a, EGRESS_REPLY_MAX_BYTES);
	reply->outcome = run(&c, a, request);
	curl_slist_free_all(c.headers);
	curl_slist_free_all(c.resolve);
	reply->duration_ms = (clock_mono_ns() - start) / NS_PER_MS;
	if (e->metrics) {
		const struct str label = str_from(egress_slug(reply->outcome));

		metric_add(metrics_series(e->metrics, M_EGRESS, &label), 1);
	}
	return egress_err(reply->outcome);
}
