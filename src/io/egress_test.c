/* The way out against receivers that behave and receivers that do not. */
#include "io/egress_test.h"

#include <signal.h>
#include <unistd.h>

#define SLACK_MS 1500 /* machines that test are busy */

struct world {
	struct receiver receiver, trap;
	struct dns dns;
	struct arena arena;
	struct egress *egress;
	char folder[40], ca_file[60];
};

static struct egress *open_egress(struct world *w, const char *allow, bool http)
{
	struct egress_config config = {.policy = {.allow = allow, .ports = "1024-65535", .http = http},
	    .ca_file = w->ca_file,
	    .dns = w->dns.server};
	struct egress *e;
	struct str why;

	if (egress_open(&w->arena, &config, &e, &why))
		fail_msg("%.*s", STR_ARGS(why));
	return e;
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	signal(SIGPIPE, SIG_IGN); /* as every process of ours */
	arena_init(&w->arena, &arena_malloc, 64 * MB);
	snprintf(w->folder, sizeof w->folder, "/tmp/collect-egress-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->ca_file, sizeof w->ca_file, "%s/ca.pem", w->folder);
	assert_true(tls_write_authority(w->ca_file) && dns_start(&w->dns));
	dns_add(&w->dns, "good.test", "127.0.0.1");
	w->egress = open_egress(w, "127.0.0.0/8 ::1", true);
	assert_true(receiver_start(&w->trap, "127.0.0.1", 0, receive_ok));
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	receiver_stop(&w->trap);
	egress_close(w->egress);
	dns_stop(&w->dns);
	tls_end();
	unlink(w->ca_file);
	rmdir(w->folder);
	arena_free(&w->arena);
	free(w);
	return 0;
}

/* ---- one call ---- */

static int64_t ms_since(int64_t start_ns)
{
	return (clock_mono_ns() - start_ns) / 1000000;
}

static struct str url_of(struct world *w, const char *scheme, const char *host, int port)
{
	char *text = arena_alloc(&w->arena, 200);

	snprintf(text, 200, "%s://%s:%d/hook?x=1", scheme, host, port);
	return str_from(text);
}

/* A GET to a receiver of this kind; the receiver has ended when this returns. */
static enum egress_outcome get_from(struct world *w, receive serve, int timeout_ms, struct egress_reply *reply)
{
	struct egress_request rq = {.timeout_ms = timeout_ms};

	assert_true(receiver_start(&w->receiver, "127.0.0.1", 0, serve));
	rq.url = url_of(w, "http", "127.0.0.1", w->receiver.port);
	egress_send(w->egress, &w->arena, &rq, reply);
	receiver_stop(&w->receiver);
	return reply->outcome;
}

/* ---- those that behave ---- */

static void test_get(void **state)
{
	struct world *w = *state;
	struct egress_reply reply;

	assert_int_equal(get_from(w, receive_ok, 0, &reply), EGRESS_OK);
	assert_int_equal(reply.status, 200);
	assert_str(reply.body, "hello");
	assert_str(reply.content_type, "text/plain");
	assert_false(reply.cut);
	assert_string_equal(reply.address, "127.0.0.1");
	assert_int_equal(strncmp(w->receiver.got, "GET /hook?x=1 HTTP/1.1\r\n", 24), 0);
	assert_non_null(strstr(w->receiver.got, "User-Agent: Cimigo-Collect\r\n"));
	assert_null(strcasestr(w->receiver.got, "encoding"));
	assert_null(strcasestr(w->receiver.got, "cookie"));
}

static void test_post(void **state)
{
	static const struct egress_header headers[] = {{S("content-type"), S("application/json")},
	    {S("webhook-id"), S("msg_1")}, {S("Authorization"), S("Bearer x")}, {S("Accept"), S("")}};
	struct world *w = *state;
	struct egress_request rq = {
	    .method = EGRESS_POST, .headers = headers, .header_count = countof(headers), .body = S("{\"a\":1}")};
	struct egress_reply reply;

	bool v6 = receiver_start(&w->receiver, "::1", 0, receive_ok);

	assert_true(v6 || receiver_start(&w->receiver, "127.0.0.1", 0, receive_ok));
	rq.url = url_of(w, "http", v6 ? "[::1]" : "127.0.0.1", w->receiver.port);
	assert_int_equal(egress_send(w->egress, &w->arena, &rq, &reply), OK);
	receiver_stop(&w->receiver);
	assert_string_equal(reply.address, v6 ? "::1" : "127.0.0.1");
	assert_int_equal(strncmp(w->receiver.got, "POST /hook?x=1 HTTP/1.1\r\n", 25), 0);
	assert_non_null(strstr(w->receiver.got, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(w->receiver.got, "\r\nWebhook-Id: msg_1\r\n"));
	assert_non_null(strstr(w->receiver.got, "\r\nAuthorization: Bearer x\r\n"));
	assert_non_null(strstr(w->receiver.got, "\r\nContent-Length: 7\r\n"));
	assert_null(strcasestr(w->receiver.got, "expect"));
	assert_non_null(strstr(w->receiver.got, "\r\n\r\n{\"a\":1}"));
}

/* What a caller may not send: machines' own protocols begin with a header, and a line end in one begins another. */
static void test_headers_refused(void **state)
{
	static const struct egress_header bad[] = {{S("X-aws-ec2-metadata-token"), S("x")},
	    {S("Metadata-Flavor"), S("Google")}, {S("Host"), S("x")}, {S("Cookie"), S("x")},
	    {S("Content-Length"), S("1")}, {S("Transfer-Encoding"), S("chunked")}, {S("Connection"), S("close")},
	    {S("X-Forwarded-For"), S("1.1.1.1")}, {S("Accept:"), S("x")}, {S(""), S("x")}, {S("Accept\r\nX"), S("x")},
	    {S("Accept"), S("x\r\nX-Y: z")}, {S("Accept"), S("x\ny")}, {S("Accept"), S("x\0y")},
	    {S("Accept"), S("x\xc3\xa9")}};
	struct world *w = *state;
	struct egress_request rq = {.header_count = 1};
	uint64_t sockets = egress_connections(w->egress);
	struct egress_header many[EGRESS_HEADERS_MAX + 1];
	struct egress_reply reply;

	rq.url = url_of(w, "http", "127.0.0.1", w->trap.port);
	for (size_t i = 0; i < countof(bad); i++) {
		rq.headers = &bad[i];
		if (egress_send(w->egress, &w->arena, &rq, &reply) != ERR_INVALID || reply.outcome != EGRESS_REQUEST)
			fail_msg("%.*s was sent", STR_ARGS(bad[i].name));
	}
	for (size_t i = 0; i < countof(many); i++)
		many[i] = (struct egress_header){S("Accept"), S("x")};
	rq.headers = many;
	rq.header_count = countof(many);
	egress_send(w->egress, &w->arena, &rq, &reply);
	assert_int_equal(reply.outcome, EGRESS_REQUEST);
	assert_int_equal(egress_connections(w->egress), sockets);
}

/* ---- names and the operator's list ---- */

static void test_names(void **state)
{
	struct world *w = *state;
	struct egress *named;
	struct egress_request rq = {.timeout_ms = 3000};
	struct egress_reply reply;
	char allow[60];

	snprintf(allow, sizeof allow, "idp.internal:%d lonely", w->trap.port);
	named = open_egress(w, allow, true);
	dns_add(&w->dns, "idp.internal", "127.0.0.1");
	dns_add(&w->dns, "other.internal", "127.0.0.1");
	dns_add(&w->dns, "lonely", "127.0.0.1");
	for (int i = 0; i <= EGRESS_ADDRESSES_MAX; i++)
		dns_add(&w->dns, "many.test", "93.184.216.34");
	dns_silence(&w->dns, "silent.test");
	rq.url = url_of(w, "http", "IDP.internal.", w->trap.port);
	assert_int_equal(egress_send(named, &w->arena, &rq, &reply), OK);
	assert_int_equal(reply.status, 200);
	rq.url = url_of(w, "http", "lonely", w->trap.port);
	assert_int_equal(egress_send(named, &w->arena, &rq, &reply), OK);
	rq.url = url_of(w, "http", "other.internal", w->trap.port);
	assert_int_equal(egress_send(named, &w->arena, &rq, &reply), ERR_INVALID);
	assert_string_equal(reply.refused, "loopback");
	rq.url = url_of(w, "http", "many.test", w->trap.port);
	assert_int_equal(egress_send(named, &w->arena, &rq, &reply), ERR_INVALID);
	assert_string_equal(reply.refused, "too many addresses");
	rq.url = url_of(w, "http", "nowhere.test", w->trap.port);
	assert_int_equal(egress_send(named, &w->arena, &rq, &reply), ERR_UNAVAILABLE);
	assert_int_equal(reply.outcome, EGRESS_NAME);
	rq.url = url_of(w, "http", "silent.test", w->trap.port);
	rq.timeout_ms = 300;
	egress_send(named, &w->arena, &rq, &reply);
	assert_int_equal(reply.outcome, EGRESS_TIMEOUT);
	assert_true(reply.duration_ms >= 290 && reply.duration_ms < 300 + SLACK_MS);
	egress_close(named);
}

static void test_https_only(void **state)
{
	struct world *w = *state;
	struct egress *strict = open_egress(w, "127.0.0.1", false);
	struct egress_request rq = {.url = url_of(w, "http", "127.0.0.1", w->trap.port)};
	struct egress_target target;
	struct egress_reply reply;

	assert_int_equal(egress_send(strict, &w->arena, &rq, &reply), ERR_INVALID);
	assert_int_equal(reply.outcome, EGRESS_SCHEME);
	assert_int_equal(egress_check(strict, &w->arena, S("https://127.0.0.1:8443/"), &target), EGRESS_OK);
	assert_int_equal(egress_check(strict, &w->arena, S("https://127.0.0.2:8443/"), &target), EGRESS_ADDRESS);
	assert_int_equal(egress_check(strict, &w->arena, S("https://a.example/"), &target), EGRESS_PORT);
	assert_int_equal(egress_check(strict, &w->arena, S("https://intranet:8443/"), &target), EGRESS_HOST);
	egress_close(strict);
}

/* ---- those that do not behave ---- */

static void test_receivers(void **state)
{
	static const struct {
		const char *what;
		receive serve;
		enum egress_outcome outcome;
		int status;
		size_t bytes;
		bool cut;
	} rows[] = {{"redirect", redirect, EGRESS_OK, 302, 0, false},
	    {"endless body", endless_body, EGRESS_OK, 200, EGRESS_REPLY_MAX_BYTES, true},
	    {"endless chunks", endless_chunks, EGRESS_OK, 200, EGRESS_REPLY_MAX_BYTES, true},
	    {"exactly as much as is read", exact_body, EGRESS_OK, 200, EGRESS_REPLY_MAX_BYTES, false},
	    {"endless headers", endless_headers, EGRESS_HEADERS, 200, 0, false},
	    {"one long header", one_long_header, EGRESS_HEADERS, 200, 0, false},
	    {"endless 100 Continue", endless_continue, EGRESS_HEADERS, 100, 0, false},
	    {"endless trailers", endless_trailers, EGRESS_HEADERS, 200, 1, false},
	    {"gzip", packed, EGRESS_OK, 200, 4, false}, {"no HTTP", no_http, EGRESS_PROTOCOL, 0, 0, false},
	    {"closed at once", close_at_once, EGRESS_PROTOCOL, 0, 0, false},
	    {"half a body", half_a_body, EGRESS_PROTOCOL, 200, 4, false},
	    {"reset", reset, EGRESS_PROTOCOL, 200, 4, false}, {"429", later, EGRESS_OK, 429, 0, false}};
	struct world *w = *state;
	struct egress_reply reply;

	for (size_t i = 0; i < countof(rows); i++) {
		enum egress_outcome o = get_from(w, rows[i].serve, 5000, &reply);

		if (o != rows[i].outcome || reply.status != rows[i].status || reply.body.n != rows[i].bytes ||
		    reply.cut != rows[i].cut)
			fail_msg("%s: %s, status %d, %zu bytes%s", rows[i].what, egress_slug(o), reply.status,
			    reply.body.n, reply.cut ? ", cut" : "");
		assert_int_equal(atomic_load(&w->receiver.taken), 1);
		if (reply.duration_ms > 3000)
			fail_msg("%s took %d ms", rows[i].what, (int)reply.duration_ms);
	}
	assert_int_equal(reply.retry_after_s, 315360000);
}

static void test_slow(void **state)
{
	static const receive slow[] = {drip_body, drip_headers, say_nothing};
	struct world *w = *state;
	struct egress_reply reply;

	for (size_t i = 0; i < countof(slow); i++) {
		int64_t start = clock_mono_ns();

		assert_int_equal(get_from(w, slow[i], 400, &reply), EGRESS_TIMEOUT);
		assert_true(ms_since(start) >= 390 && ms_since(start) < 400 + SLACK_MS);
	}
}

static void test_not_listening(void **state)
{
	struct world *w = *state;
	struct egress_request rq = {0};
	struct egress_reply reply;

	assert_true(receiver_start(&w->receiver, "127.0.0.1", 0, NULL));
	receiver_stop(&w->receiver);
	rq.url = url_of(w, "http", "127.0.0.1", w->receiver.port);
	assert_int_equal(egress_send(w->egress, &w->arena, &rq, &reply), ERR_UNAVAILABLE);
	assert_int_equal(reply.outcome, EGRESS_CONNECT);
}

/* The environment of the process does not choose where calls go. */
static void test_no_proxy(void **state)
{
	static const char *const names[] = {
	    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	struct world *w = *state;
	unsigned before = atomic_load(&w->trap.taken);
	struct egress_reply reply;
	char proxy[60];

	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", w->trap.port);
	for (size_t i = 0; i < countof(names); i++)
		setenv(names[i], proxy, 1);
	assert_int_equal(get_from(w, receive_ok, 3000, &reply), EGRESS_OK);
	for (size_t i = 0; i < countof(names); i++)
		unsetenv(names[i]);
	assert_int_equal(atomic_load(&w->receiver.taken), 1);
	assert_int_equal(atomic_load(&w->trap.taken), before);
}

/* ---- TLS ---- */

static void speak_first(struct receiver *rv, int fd)
{
	receiver_say(rv, fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static enum egress_outcome get_tls(struct world *w, void *context, struct egress_reply *reply)
{
	struct egress_request rq = {.timeout_ms = 5000};

	w->receiver.tls = context;
	assert_true(receiver_start(&w->receiver, "127.0.0.1", 0, context ? receive_ok : speak_first));
	rq.url = url_of(w, "https", "good.test", w->receiver.port);
	egress_send(w->egress, &w->arena, &rq, reply);
	receiver_stop(&w->receiver);
	w->receiver.tls = NULL;
	tls_context_free(context);
	return reply->outcome;
}

static void test_tls(void **state)
{
	static const enum certificate bad[] = {
	    CERT_OTHER_NAME, CERT_EXPIRED, CERT_NOT_YET, CERT_SELF_SIGNED, CERT_OTHER_AUTHORITY};
	struct world *w = *state;
	struct egress_reply reply;
	void *old;

	assert_int_equal(get_tls(w, tls_context(CERT_GOOD), &reply), EGRESS_OK);
	assert_int_equal(reply.status, 200);
	for (size_t i = 0; i < countof(bad); i++)
		if (get_tls(w, tls_context(bad[i]), &reply) != EGRESS_TLS || *w->receiver.got)
			fail_msg("certificate %zu: %s", i, egress_slug(reply.outcome));
	old = tls_context(CERT_GOOD);
	tls_only_old(old);
	assert_int_equal(get_tls(w, old, &reply), EGRESS_TLS);
	assert_int_equal(get_tls(w, NULL, &reply), EGRESS_TLS); /* one that answers in plain HTTP */
}

/* ---- many at once; stopping ---- */

#define CALLERS 8
#define CALLS 10

static void *call_often(void *ctx)
{
	struct world *w = ctx;
	struct egress_request rq = {.timeout_ms = 20000};
	unsigned long good = 0;

	for (int i = 0; i < CALLS; i++) {
		struct egress_reply reply;
		struct arena a;
		char url[80];

		snprintf(url, sizeof url, "http://good.test:%d/", w->trap.port);
		rq.url = str_from(url);
		arena_init(&a, &arena_malloc, 4 * MB);
		good += egress_send(w->egress, &a, &rq, &reply) == OK && reply.status == 200;
		arena_free(&a);
	}
	return (void *)good;
}

static void test_callers(void **state)
{
	pthread_t threads[CALLERS];
	unsigned long good = 0;
	void *one;

	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, *state), 0);
	for (size_t i = 0; i < CALLERS; i++) {
		pthread_join(threads[i], &one);
		good += (unsigned long)one;
	}
	assert_int_equal(good, CALLERS * CALLS);
}

static void *stop_soon(void *ctx)
{
	usleep(200000);
	egress_stop(ctx, 100);
	return NULL;
}

static void test_stop(void **state)
{
	struct world *w = *state;
	struct egress *kept = w->egress;
	struct egress_reply reply;
	uint64_t sockets;
	pthread_t stopper;

	w->egress = open_egress(w, "127.0.0.1", true);
	assert_int_equal(pthread_create(&stopper, NULL, stop_soon, w->egress), 0);
	assert_int_equal(get_from(w, drip_body, 0, &reply), EGRESS_STOPPED);
	assert_true(reply.duration_ms >= 290 && reply.duration_ms < 1300 + SLACK_MS);
	pthread_join(stopper, NULL);
	sockets = egress_connections(w->egress);
	assert_int_equal(get_from(w, receive_ok, 0, &reply), EGRESS_STOPPED);
	assert_int_equal(egress_connections(w->egress), sockets);
	egress_close(w->egress);
	w->egress = kept;
}

/* The n-th block refused, for every n: an end with a word, and nothing left open. */
static void test_no_memory(void **state)
{
	struct world *w = *state;
	struct egress_request rq = {.url = url_of(w, "http", "good.test", w->trap.port), .timeout_ms = 5000};
	enum err e = ERR_MEMORY;

	for (unsigned n = 1; e; n++) {
		struct egress_reply reply;
		struct counting source;
		struct arena a;

		counting_init(&source, n);
		arena_init(&a, &source.source, 4 * MB);
		e = egress_send(w->egress, &a, &rq, &reply);
		assert_true(e == OK || e == ERR_MEMORY);
		arena_free(&a);
		assert_int_equal(source.open, 0);
		assert_true(n < 50);
	}
}

static void test_settings(void **state)
{
	static const struct {
		struct egress_config config;
		const char *why;
	} rows[] = {
	    {{.policy = {"10.0.0.0/99", "443", false}, .ca_file = "", .dns = ""},
		"egress_allow: cannot read \"10.0.0.0/99\""},
	    {{.policy = {"", "https", false}, .ca_file = "", .dns = ""}, "egress_ports: cannot read \"https\""},
	    {{.policy = {"", "443", false}, .ca_file = "/nonexistent/ca.pem", .dns = ""},
		"ca_file: no certificates (PEM) can be read from this file"},
	    {{.policy = {"", "443", false}, .ca_file = "", .dns = "nameserver"},
		"egress_dns: addresses of DNS servers are expected, such as 10.0.0.2"},
	};
	struct world *w = *state;
	struct egress *e;
	struct str why;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(egress_open(&w->arena, &rows[i].config, &e, &why), ERR_SETTING);
		assert_str(why, rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_get), cmocka_unit_test(test_post),
	    cmocka_unit_test(test_headers_refused), cmocka_unit_test(test_names), cmocka_unit_test(test_https_only),
	    cmocka_unit_test(test_receivers), cmocka_unit_test(test_slow), cmocka_unit_test(test_not_listening),
	    cmocka_unit_test(test_no_proxy), cmocka_unit_test(test_tls), cmocka_unit_test(test_callers),
	    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_stop), cmocka_unit_test(test_settings)};

	return cmocka_run_group_tests_name("egress", tests, begin, end);
}
