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

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	(void)ctx;
	(void)worker;
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
		assert_true(a.status == 200 && says(&a, "X-Request-Id: mine-1"));
		free(a.text);
		sleep_ms(i % 4);
		reset(fd);
		wait_finished(&site, i + 1, 3000);
	}
	assert_int_equal(results, 20);
	site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_outlive_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
