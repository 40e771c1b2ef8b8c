/* Exchanges that their handlers hand over: more under way than there are workers, finished by others, gone on with by workers, and all of it waited for. */
#include "io/http_test.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELD_MAX 64
#define AT_ONCE 40

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_exchange *held[HELD_MAX];
static int held_count;

static void put_text(struct http_exchange *x, struct str text)
{
	x->reply.status = 200;
	x->reply.body = text;
	http_reply_header(x, S("Content-Type"), S("text/plain"));
}

static void hold(struct http_exchange *x)
{
	http_later(x);
	pthread_mutex_lock(&lock);
	held[held_count++] = x;
	pthread_mutex_unlock(&lock);
}

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	(void)ctx;
	(void)worker;
	if (str_eq(x->path, S("/now"))) {
		put_text(x, S("now"));
	} else if (str_eq(x->path, S("/early"))) {
		/* finished before the handler has returned */
		http_later(x);
		put_text(x, S("early"));
		http_finish(x);
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	} else {
		hold(x);
	}
}

static void handle_rest(void *ctx, struct http_exchange *x, int worker)
{
	(void)ctx;
	(void)worker;
	if (str_eq(x->path, S("/thrice")) && x->user == NULL) {
		x->user = x;
		hold(x);
		return;
	}
	put_text(x, S("the rest"));
}

static struct http_exchange *take_held(void)
{
	struct http_exchange *x = NULL;

	pthread_mutex_lock(&lock);
	if (held_count > 0)
		x = held[--held_count];
	pthread_mutex_unlock(&lock);
	return x;
}

static struct http_exchange *await_held(void)
{
	struct http_exchange *x;

	for (int i = 0; !(x = take_held()); i++) {
		assert_true(i < 2000);
		usleep(1000);
	}
	return x;
}

static void await_count(int n)
{
	for (int i = 0;; i++) {
		pthread_mutex_lock(&lock);
		int now = held_count;
		pthread_mutex_unlock(&lock);
		if (now == n)
			return;
		assert_true(i < 5000);
		usleep(1000);
	}
}

static struct site *open_site(void)
{
	struct site *site = calloc(1, sizeof *site);
	struct http_config c = {.workers = 2, .queue_max = 64, .io_threads = 2, .handler = handle};

	held_count = 0;
	site_open(site, &c);
	return site;
}

static void close_site(struct site *site)
{
	site_close(site);
	free(site);
}

static int ask(const struct site *site, struct str request)
{
	int fd = dial(site);

	say(fd, request);
	return fd;
}

static void expect(int fd, const char *text)
{
	struct answer a = hear(fd, text, 5000);

	assert_int_equal(a.status, 200);
	assert_true(says(&a, text));
	free(a.text);
	close(fd);
}

static void more_than_workers(void **state)
{
	struct site *site = open_site();
	struct http_counts counts;
	int fds[AT_ONCE];

	(void)state;
	for (int i = 0; i < AT_ONCE; i++)
		fds[i] = ask(site, S(GET("/held")));
	await_count(AT_ONCE);
	http_server_counts(site->server, &counts);
	assert_int_equal(counts.away, AT_ONCE);
	expect(ask(site, S(GET("/now"))), "now");
	for (int i = 0; i < AT_ONCE; i++) {
		struct http_exchange *x = await_held();

		put_text(x, S("finished"));
		http_finish(x);
	}
	for (int i = 0; i < AT_ONCE; i++)
		expect(fds[i], "finished");
	http_server_counts(site->server, &counts);
	assert_int_equal(counts.away, 0);
	close_site(site);
}

static void before_the_handler_returns(void **state)
{
	struct site *site = open_site();

	(void)state;
	for (int i = 0; i < 5; i++)
		expect(ask(site, S(GET("/early"))), "early");
	close_site(site);
}

static void gone_on_with(void **state)
{
	struct site *site = open_site();
	int fd = ask(site, S(GET("/twice")));

	(void)state;
	http_again(await_held(), handle_rest);
	expect(fd, "the rest");
	fd = ask(site, S(GET("/thrice")));
	http_again(await_held(), handle_rest);
	http_again(await_held(), handle_rest);
	expect(fd, "the rest");
	close_site(site);
}

/* The client may have gone meanwhile. */
static void nobody_waits(void **state)
{
	struct site *site = open_site();
	struct http_exchange *x;
	int fd = ask(site, S(GET("/held")));

	(void)state;
	x = await_held();
	close(fd);
	usleep(20000);
	put_text(x, S("to nobody"));
	http_finish(x);
	for (int i = 0; site->finished == 0; i++) {
		assert_true(i < 2000);
		usleep(1000);
	}
	close_site(site);
}

/* A server that stops waits for those that are away, and workers stay to go on with them. */
static void stopping(void **state)
{
	struct site *site = open_site();
	int finished = ask(site, S(GET("/held"))), again;
	struct http_exchange *x = await_held(), *y;

	(void)state;
	again = ask(site, S(GET("/held")));
	y = await_held();
	assert_false(http_server_drain(site->server, 50));
	put_text(x, S("late"));
	http_finish(x);
	http_again(y, handle_rest);
	assert_true(http_server_drain(site->server, 2000));
	assert_int_equal(site->finished, 2);
	close(finished);
	close(again);
	log_close(site->log);
	free(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(more_than_workers),
	    cmocka_unit_test(before_the_handler_returns),
	    cmocka_unit_test(gone_on_with),
	    cmocka_unit_test(nobody_waits),
	    cmocka_unit_test(stopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
