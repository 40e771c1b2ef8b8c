/* The server at work: keep-alive, bodies, queue, deadlines, streams, compression, drain. */
#include "io/http_test.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n"
#define STREAM_PARTS 400

static _Atomic int running, stream_result, let_go;

static void put_text(struct http_exchange *x, int status, struct str body)
{
	x->reply.status = status;
	x->reply.body = body;
	x->reply.compress = true;
	http_reply_header(x, S("Content-Type"), S("text/plain"));
}

static struct str repeat(struct http_exchange *x, const char *line, int times)
{
	struct buf b;
	struct str text = {0};

	buf_init(&b, x->arena, 4 * MB);
	while (times-- > 0)
		buf_add(&b, str_from(line));
	buf_done(&b, &text);
	return text;
}

static void stream(struct http_exchange *x)
{
	struct str part = repeat(x, "0123456789abcde\n", 512);
	enum err e = OK;

	x->reply.status = 200;
	x->reply.compress = true;
	http_reply_header(x, S("Content-Type"), S("text/csv"));
	if (http_stream_begin(x))
		return;
	for (int i = 0; i < STREAM_PARTS && !e; i++)
		e = http_stream_write(x, str_dup(x->arena, part));
	if (str_eq(x->path, S("/abort")))
		http_stream_abort(x);
	stream_result = e;
}

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	(void)ctx;
	(void)worker;
	running++;
	if (str_eq(x->path, S("/slow"))) {
		nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
		put_text(x, 200, S("slow"));
	} else if (str_eq(x->path, S("/endless"))) {
		while (!let_go)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		put_text(x, 200, repeat(x, "too late\n", 100));
	} else if (str_eq(x->path, S("/endless-stream"))) {
		x->reply.status = 200;
		http_stream_begin(x);
		while (!stream_result)
			stream_result = http_stream_write(x, S("0123456789abcde\n"));
	} else if (str_eq(x->path, S("/stream")) || str_eq(x->path, S("/abort"))) {
		stream(x);
	} else if (str_eq(x->path, S("/large"))) {
		put_text(x, 200, repeat(x, "the same line again and again\n", 1000));
	} else if (str_eq(x->path, S("/client"))) {
		put_text(x, 200, x->client);
	} else if (x->method == HTTP_POST) {
		put_text(x, 200, x->body);
	} else {
		put_text(x, 200, S("from a worker"));
	}
	running--;
}

static bool handle_inline(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	if (str_eq(x->path, S("/ready"))) {
		put_text(x, 200, S("identity"));
		x->reply.body_static = true;
		x->reply.body_br = S("BR");
		x->reply.body_gzip = S("GZ");
		return true;
	}
	if (!str_eq(x->path, S("/inline")))
		return false;
	put_text(x, 200, S("at once"));
	http_reply_header(x, S("X-Bad"), S("a\r\nX-Injected: 1"));
	return true;
}

static enum err admit(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	if (str_eq(x->path, S("/small")))
		x->body_max = 10;
	return str_eq(x->path, S("/refused")) ? ERR_FORBIDDEN : OK;
}

static int start(void **state)
{
	struct site *site = calloc(1, sizeof(*site));
	struct http_config c = {.workers = 2,
	    .queue_max = 2,
	    .io_threads = 2,
	    .admit = admit,
	    .inline_handler = handle_inline,
	    .handler = handle};

	site_open(site, &c);
	*state = site;
	return 0;
}

static int stop(void **state)
{
	site_close(*state);
	free(*state);
	return 0;
}

static struct answer ask(const struct site *site, const char *request)
{
	return exchange_raw(site, str_from(request));
}

static void expect(const struct site *site, const char *request, int status, const char *part)
{
	struct answer a = ask(site, request);

	if (a.status != status || (part && !says(&a, part)))
		fail_msg("%s\ngave %d and not %s:\n%s", request, a.status, part ? part : "", a.text);
	free(a.text);
}

static void keeps_alive(void **state)
{
	const struct site *site = *state;
	int fd = dial(site);
	struct answer a;

	for (int i = 0; i < 3; i++) {
		say(fd, str_from(i % 2 ? GET("/inline") "\r\n" : GET("/worker") "\r\n"));
		a = hear(fd, i % 2 ? "at once" : "from a worker", 2000);
		assert_int_equal(a.status, 200);
		assert_false(a.closed);
		free(a.text);
	}
	say(fd, S(GET("/worker") "\r\n" GET("/worker") "\r\n" GET("/inline") "Connection: close\r\n\r\n"));
	a = hear(fd, NULL, 2000);
	assert_true(a.closed && says(&a, "from a worker") && says(&a, "at once"));
	free(a.text);
	close(fd);
}

static void replies(void **state)
{
	const struct site *site = *state;
	struct answer a = ask(site, GET("/inline") "Connection: close\r\n\r\n");

	assert_true(says(&a, "X-Request-Id: "));
	assert_false(says(&a, "X-Injected") || says(&a, "X-Bad"));
	free(a.text);
	a = ask(site, GET("/inline") "X-Request-Id: mine-1.a_B\r\nConnection: close\r\n\r\n");
	assert_true(a.status == 200 && says(&a, "X-Request-Id: ") && !says(&a, "mine-1"));
	free(a.text);
	a = ask(site, GET("/inline") "X-Request-Id: <script>\r\nConnection: close\r\n\r\n");
	assert_false(says(&a, "<script>"));
	free(a.text);
	a = ask(site, "HEAD /worker HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_true(a.status == 200 && says(&a, "Content-Length: 13") && !says(&a, "from a worker"));
	free(a.text);
}

static void bodies(void **state)
{
	const struct site *site = *state;

	expect(site, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "hello");
	expect(site,
	    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: "
	    "close\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	    200, "hello");
	expect(site,
	    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
	    100, "hello");
	expect(site, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world", 413, "too-large");
	expect(site,
	    "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello "
	    "\r\n6\r\nworld!\r\n0\r\n\r\n",
	    413, "too-large");
	expect(site, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 403, "Connection: close");
}

static void compression(void **state)
{
	const struct site *site = *state;

	expect(site, GET("/large") "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n", 200, "Content-Encoding: gzip");
	expect(
	    site, GET("/large") "Accept-Encoding: gzip, br\r\nConnection: close\r\n\r\n", 200, "Content-Encoding: br");
	expect(site, GET("/large") "Accept-Encoding: br;q=0.5, gzip;q=0.8\r\nConnection: close\r\n\r\n", 200,
	    "Content-Encoding: gzip");
	expect(site, GET("/large") "Accept-Encoding: br;q=0, *\r\nConnection: close\r\n\r\n", 200,
	    "Content-Encoding: gzip");
	expect(site, GET("/large") "Connection: close\r\n\r\n", 200, "Vary: Accept-Encoding");
	expect(site, GET("/large") "Accept-Encoding: identity, gzip;q=0.5\r\nConnection: close\r\n\r\n", 200,
	    "Content-Length: 30000");
	expect(site, GET("/large") "Accept-Encoding: br;q=2, deflate\r\nConnection: close\r\n\r\n", 200,
	    "Content-Length: 30000");
	expect(site, GET("/ready") "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n", 200, "\r\n\r\nGZ");
	expect(site, GET("/ready") "Accept-Encoding: br\r\nConnection: close\r\n\r\n", 200, "\r\n\r\nBR");
	expect(site, GET("/ready") "Connection: close\r\n\r\n", 200, "\r\n\r\nidentity");
}

/* Two work, two wait, the rest is told to come back. */
static void queue_is_bounded(void **state)
{
	const struct site *site = *state;
	int fds[10], busy = 0, done = 0;

	for (size_t i = 0; i < countof(fds); i++) {
		fds[i] = dial(site);
		say(fds[i], S(GET("/slow") "Connection: close\r\n\r\n"));
	}
	for (size_t i = 0; i < countof(fds); i++) {
		struct answer a = hear(fds[i], NULL, 5000);

		busy += a.status == 503 && says(&a, "Retry-After: 1");
		done += a.status == 200;
		free(a.text);
		close(fds[i]);
	}
	assert_int_equal(busy + done, countof(fds));
	assert_in_range(done, 2, 4);
}

static void streams(void **state)
{
	const struct site *site = *state;
	struct answer a = ask(site, GET("/stream") "Connection: close\r\n\r\n");
	int fd, before;

	assert_int_equal(a.status, 200);
	assert_true(a.bytes > STREAM_PARTS * 8192 && says(&a, "\r\n0\r\n\r\n"));
	free(a.text);
	a = ask(site, GET("/stream") "Accept-Encoding: gzip, br\r\nConnection: close\r\n\r\n");
	assert_true(says(&a, "Content-Encoding: gzip") && a.bytes < STREAM_PARTS * 1024);
	assert_true(a.bytes > 5 && memcmp(a.text + a.bytes - 5, "0\r\n\r\n", 5) == 0);
	free(a.text);
	/* The end of an aborted stream is missing, so no client takes it for whole. */
	a = ask(site, GET("/abort") "\r\n");
	assert_true(a.closed && !says(&a, "\r\n0\r\n\r\n"));
	free(a.text);
	/* A client that leaves ends the handler, and the place is free for the next stream. */
	stream_result = 0;
	fd = dial(site);
	say(fd, S(GET("/endless-stream") "\r\n"));
	a = hear(fd, "0123456789", 2000);
	free(a.text);
	before = site->finished;
	close(fd);
	for (int i = 0; i < 300 && (!stream_result || site->finished == before); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	assert_int_equal(stream_result, ERR_IO);
	/* HTTP/1.0 knows no chunks: the close is the end. */
	a = ask(site, "GET /stream HTTP/1.0\r\n\r\n");
	assert_true(a.status == 200 && a.closed && a.bytes > STREAM_PARTS * 8192);
	free(a.text);
}

/* A head that comes byte by byte, and a connection that says nothing, end after HTTP_HEADER_TIMEOUT_MS, whatever
 * they send meanwhile. */
static void dripped_heads_end(void **state)
{
	static const char drip[] = "GET / HTTP/1.1\r\nHost: a\r\nX: "
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const struct site *site = *state;
	int fd = dial(site), silent = dial(site);
	int64_t began = clock_mono_ns();
	struct answer a;
	size_t i = 0;

	while (i < sizeof(drip) - 1 && clock_mono_ns() - began < 12000000000) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 200) > 0)
			break;
		say(fd, str_make(drip + i++, 1));
	}
	a = hear(fd, NULL, 1000);
	assert_true(a.closed);
	assert_int_equal(a.status, 408);
	assert_in_range(
	    (clock_mono_ns() - began) / 1000000, HTTP_HEADER_TIMEOUT_MS - 100, HTTP_HEADER_TIMEOUT_MS + 1500);
	free(a.text);
	a = hear(silent, NULL, 1000);
	assert_true(a.closed);
	free(a.text);
	close(fd);
	close(silent);
}

static void clients_behind_proxies(void **state)
{
	struct http_config c = {.workers = 1, .trusted_hops = 1, .connections_per_address = 2, .handler = handle};
	struct site site = {0};
	int fds[4], refused = 0;

	(void)state;
	site_open(&site, &c);
	expect(&site, GET("/client") "X-Forwarded-For: 10.0.0.1, 192.0.2.7\r\nConnection: close\r\n\r\n", 200,
	    "\r\n\r\n192.0.2.7");
	expect(&site,
	    GET("/client") "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 2001:db8::1\r\nConnection: close\r\n\r\n",
	    200, "2001:db8::1");
	expect(&site, GET("/client") "X-Forwarded-For: nonsense\r\nConnection: close\r\n\r\n", 200, "127.0.0.1");
	expect(&site, GET("/client") "Connection: close\r\n\r\n", 200, "127.0.0.1");
	for (size_t i = 0; i < countof(fds); i++) {
		fds[i] = dial(&site);
		say(fds[i], S(GET("/slow") "X-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n"));
	}
	for (size_t i = 0; i < countof(fds); i++) {
		struct answer a = hear(fds[i], NULL, 5000);

		refused += a.status == 429;
		free(a.text);
		close(fds[i]);
	}
	assert_int_equal(refused, 2);
	site_close(&site);
}

struct drain_call {
	struct http_server *server;
};

static void *drain(void *arg)
{
	struct drain_call *call = arg;

	http_server_drain(call->server, 3000);
	return NULL;
}

/* What is under way is answered, what is idle is closed, nobody new is let in. */
static void drains(void **state)
{
	struct http_config c = {.workers = 2, .handler = handle};
	struct site site = {0};
	struct drain_call call;
	struct answer a;
	pthread_t thread;
	int idle, busy;

	(void)state;
	site_open(&site, &c);
	call.server = site.server;
	idle = dial(&site);
	say(idle, S(GET("/worker") "\r\n"));
	a = hear(idle, "from a worker", 2000);
	free(a.text);
	busy = dial(&site);
	say(busy, S(GET("/slow") "\r\n"));
	while (!running)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	pthread_create(&thread, NULL, drain, &call);
	a = hear(busy, NULL, 3000);
	assert_true(a.status == 200 && a.closed && says(&a, "slow") && says(&a, "Connection: close"));
	free(a.text);
	a = hear(idle, NULL, 1000);
	assert_true(a.closed && a.bytes == 0);
	free(a.text);
	pthread_join(thread, NULL);
	assert_int_equal(site.finished, 2);
	close(idle);
	close(busy);
	log_close(site.log);
}

static int ask_and_wait(const struct site *site, const char *request)
{
	int fd = dial(site), before = running;

	say(fd, str_from(request));
	while (running == before)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return fd;
}

/* A handler that does not end is not waited for: its client and those behind it are sent away, and nothing is freed that
 * it uses. */
static void drain_is_bounded(void **state)
{
	struct http_config c = {.workers = 1, .handler = handle};
	struct site site = {0};
	int64_t began;
	struct answer a;
	int busy, waiting;

	(void)state;
	let_go = 0;
	site_open(&site, &c);
	busy = ask_and_wait(&site, GET("/endless") "\r\n");
	waiting = dial(&site);
	say(waiting, S(GET("/worker") "\r\n"));
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	began = clock_mono_ns();
	assert_false(http_server_drain(site.server, 200));
	assert_in_range((clock_mono_ns() - began) / 1000000, 200, 1500);
	a = hear(busy, NULL, 1000);
	assert_true(a.closed && a.bytes == 0);
	free(a.text);
	a = hear(waiting, NULL, 1000);
	assert_true(a.closed && a.status == 503);
	free(a.text);
	let_go = 1;
	assert_true(http_server_drain(site.server, 2000));
	assert_int_equal(site.finished, 2);
	close(busy);
	close(waiting);
	log_close(site.log);
}

/* Whether the writer waits for a client that does not read, or is busy with one that does. */
static void drain_ends_streams(void **state)
{
	struct http_config c = {.workers = 1, .handler = handle};
	struct site site = {0};
	struct answer a;

	(void)state;
	for (int reads = 0; reads < 2; reads++) {
		int fd;

		stream_result = 0;
		site_open(&site, &c);
		fd = ask_and_wait(&site, GET("/endless-stream") "\r\n");
		a = hear(fd, reads ? NULL : "\r\n", 200);
		free(a.text);
		assert_true(http_server_drain(site.server, 100));
		assert_int_equal(stream_result, ERR_IO);
		close(fd);
		log_close(site.log);
	}
}

static void ports_that_are_taken(void **state)
{
	const struct site *site = *state;
	struct http_config c = {.bind = "127.0.0.1", .port = site->port, .source = &arena_malloc, .handler = handle};
	struct http_server *s;
	const char *why;

	assert_int_equal(http_server_start(&c, &s, &why), ERR_IO);
	assert_string_equal(why, "the port is taken by another program");
	c.bind = "localhost.example";
	assert_int_equal(http_server_start(&c, &s, &why), ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_alive),
	    cmocka_unit_test(replies),
	    cmocka_unit_test(bodies),
	    cmocka_unit_test(compression),
	    cmocka_unit_test(queue_is_bounded),
	    cmocka_unit_test(streams),
	    cmocka_unit_test(dripped_heads_end),
	    cmocka_unit_test(clients_behind_proxies),
	    cmocka_unit_test(drains),
	    cmocka_unit_test(drain_is_bounded),
	    cmocka_unit_test(drain_ends_streams),
	    cmocka_unit_test(ports_that_are_taken),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
