/* Streams whose clients leave or dawdle, and requests that wait for a worker too long. */
#include "io/http_test.h"

#include "base/limits.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n"

static _Atomic int let_go, results;

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void stream(struct http_exchange *x)
{
	enum err e;

	x->reply.status = 200;
	if ((e = http_stream_begin(x))) {
		site_refuse(NULL, x, e, "");
		return;
	}
	while (!(e = http_stream_write(x, S("0123456789abcde\n"))))
		;
	results += e == ERR_IO && http_header_get(x, S("X-Request-Id")).n == 0;
	/* Long enough for libmicrohttpd to give the connection up. */
	sleep_ms(20);
}

/* Some lines, and then the database is gone. */
static void stream_broken(struct http_exchange *x)
{
	x->reply.status = 200;
	if (http_stream_begin(x))
		return;
	for (int i = 0; i < 100 && !http_stream_write(x, S("0123456789abcde\n")); i++)
		;
	sleep_ms(30);
	http_stream_abort(x);
}

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	(void)ctx;
	(void)worker;
	if (str_eq(x->path, S("/broken"))) {
		stream_broken(x);
		return;
	}
	if (str_eq(x->path, S("/stream"))) {
		stream(x);
		return;
	}
	while (str_eq(x->path, S("/endless")) && !let_go)
		sleep_ms(1);
	x->reply.status = 200;
	x->reply.body = S("done");
}

static void reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void wait_finished(const struct site *site, int n, int ms)
{
	for (; ms > 0 && site->finished < n; ms--)
		sleep_ms(1);
	assert_int_equal(site->finished, n);
}

/* Connections that ended are let go of, whatever they ended in. */
static void wait_no_connections(const struct site *site, int ms)
{
	struct http_counts n;

	for (http_server_counts(site->server, &n); ms > 0 && n.connections > 0; ms--) {
		sleep_ms(1);
		http_server_counts(site->server, &n);
	}
	assert_int_equal(n.connections, 0);
}

/* The worker writes on for a moment, and the request is logged, when connection and head are gone. */
static void streams_outlive_connections(void **state)
{
	struct http_config c = {.workers = 4, .trusted_hops = 1, .handler = handle};
	struct site site = {0};

	(void)state;
	results = 0;
	site_open(&site, &c);
	for (int i = 0; i < 20; i++) {
		int fd = dial(&site);
		struct answer a;

		say(fd, S(GET("/stream?a=1&b=2") "X-Request-Id: mine-1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"));
		a = hear(fd, "0123456789", 2000);
		assert_true(a.status == 200 && says(&a, "X-Request-Id: ") && !says(&a, "mine-1"));
		free(a.text);
		sleep_ms(i % 4);
		reset(fd);
		wait_finished(&site, i + 1, 3000);
	}
	assert_int_equal(results, 20);
	wait_no_connections(&site, 3000);
	site_close(&site);
}

static void broken_streams_close(void **state)
{
	struct http_config c = {.workers = 4, .handler = handle};
	struct site site = {0};

	(void)state;
	site_open(&site, &c);
	for (int i = 0; i < 8; i++) {
		int fd = dial(&site);
		struct answer a;

		say(fd, S(GET("/broken") "\r\n"));
		a = hear(fd, i % 2 ? NULL : "0123456789", 3000);
		assert_true(!says(&a, "\r\n0\r\n") && (a.closed || i % 2 == 0));
		free(a.text);
		if (i % 2)
			close(fd);
		else
			reset(fd);
		wait_finished(&site, i + 1, 3000);
	}
	wait_no_connections(&site, 3000);
	site_close(&site);
}

static int ask(const struct site *site, const char *request)
{
	int fd = dial(site);

	say(fd, str_from(request));
	return fd;
}

static void expect(int fd, int status, const char *part, int timeout_ms)
{
	struct answer a = hear(fd, part, timeout_ms);

	if (a.status != status || !says(&a, part))
		fail_msg("%d with \"%s\" wanted, got %d after %d ms: %s", status, part, a.status, a.ms, a.text);
	free(a.text);
}

/* Eight workers: two of them may stream, a third stream is refused, and everything else is answered. */
static void streams_leave_workers(void **state)
{
	struct http_config c = {.workers = 8, .handler = handle};
	struct site site = {0};
	int fds[3], fd;

	(void)state;
	site_open(&site, &c);
	for (int i = 0; i < 2; i++) {
		fds[i] = ask(&site, GET("/stream") "\r\n");
		expect(fds[i], 200, "0123456789", 2000);
	}
	fds[2] = ask(&site, GET("/stream") "\r\n");
	expect(fds[2], 503, "Retry-After: 1", 2000);
	fd = ask(&site, GET("/") "\r\n");
	expect(fd, 200, "done", 2000);
	close(fd);
	/* A place that was given back is taken again. */
	close(fds[2]);
	reset(fds[0]);
	wait_finished(&site, 3, 3000);
	fds[0] = ask(&site, GET("/stream") "\r\n");
	expect(fds[0], 200, "0123456789", 2000);
	reset(fds[0]);
	reset(fds[1]);
	site_close(&site);
}

/* Who reads a little now and then keeps no worker: at most its patience, which a first gulp fills up. */
static void slow_readers_are_cut_off(void **state)
{
	struct http_config c = {.workers = 1, .handler = handle};
	int64_t began = clock_mono_ns(), ms;
	struct site site = {0};
	int fd;

	(void)state;
	results = 0;
	site_open(&site, &c);
	fd = ask(&site, GET("/stream") "\r\n");
	do {
		char drop[64];

		ms = (clock_mono_ns() - began) / 1000000;
		if (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) == 0)
			break;
		sleep_ms(100);
	} while (!results && ms < HTTP_STREAM_PATIENCE_MAX_MS + 10000);
	assert_int_equal(results, 1);
	assert_in_range(ms, HTTP_STREAM_PATIENCE_MS - 1000, HTTP_STREAM_PATIENCE_MAX_MS + 2000);
	close(fd);
	site_close(&site);
}

/* About 300 kB/s, in gulps: never cut off, though the socket's buffer makes the writer wait for seconds. */
static void steady_readers_go_on(void **state)
{
	struct http_config c = {.workers = 1, .handler = handle};
	static char gulp[64 * 1024];
	struct site site = {0};
	int fd;

	(void)state;
	results = 0;
	site_open(&site, &c);
	fd = ask(&site, GET("/stream") "\r\n");
	for (int i = 0; i < 70 && !results; i++) {
		recv(fd, gulp, sizeof(gulp), MSG_DONTWAIT);
		sleep_ms(200);
	}
	assert_int_equal(results, 0);
	reset(fd);
	site_close(&site);
}

/* The only worker is busy: who waits behind it is told so after HTTP_QUEUE_WAIT_MAX_MS and not when it is free. */
static void waiting_is_bounded(void **state)
{
	struct http_config c = {.workers = 1, .handler = handle};
	struct site site = {0};
	struct answer a;
	int busy, waiting;

	(void)state;
	let_go = 0;
	site_open(&site, &c);
	busy = ask(&site, GET("/endless") "\r\n");
	sleep_ms(50);
	waiting = ask(&site, GET("/") "\r\n");
	a = hear(waiting, "busy", HTTP_QUEUE_WAIT_MAX_MS + 2000);
	assert_true(a.status == 503 && says(&a, "Retry-After: 1"));
	assert_in_range(a.ms, HTTP_QUEUE_WAIT_MAX_MS - 100, HTTP_QUEUE_WAIT_MAX_MS + 1000);
	free(a.text);
	let_go = 1;
	expect(busy, 200, "done", 2000);
	close(busy);
	close(waiting);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_outlive_connections),
	    cmocka_unit_test(broken_streams_close),
	    cmocka_unit_test(streams_leave_workers),
	    cmocka_unit_test(slow_readers_are_cut_off),
	    cmocka_unit_test(steady_readers_go_on),
	    cmocka_unit_test(waiting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
