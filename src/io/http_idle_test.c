/* Connections that wait between two requests: most of their memory goes back to the system, and their next request finds nothing changed. */
#include "io/http_test.h"

#define CONNECTIONS 700
#define THREADS 1
#define POOL_KB 48
#define IDLE_KB_MAX 4
#define SMALL "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"
#define LONG_VALUE 7000

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	struct str sent = http_header_get(x, S("X-Long"));

	(void)ctx;
	(void)worker;
	if (str_eq(x->path, S("/slow")))
		usleep(300 * 1000);
	x->reply.status = 200;
	x->reply.body = sent.n ? str_dup(x->arena, sent) : S("small.");
	http_reply_header(x, S("Content-Type"), S("text/plain"));
}

static struct site *open_site(void)
{
	struct site *site = calloc(1, sizeof(*site));
	struct http_config c = {.handler = handle, .workers = 2, .queue_max = 64, .io_threads = THREADS};

	site_open(site, &c);
	return site;
}

static void close_site(struct site *site)
{
	site_close(site);
	free(site);
}

static void ask(int fd, struct str request, const char *end)
{
	struct answer a;

	say(fd, request);
	a = hear(fd, end, 5000);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, end));
	free(a.text);
}

/* Mapped and written to, in kB: of what is mapped in whole pools. */
static long resident_kb(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	long sum = 0, size = 0, kb;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %ld kB", &kb) == 1)
			size = kb;
		if (sscanf(line, "Rss: %ld kB", &kb) == 1 && size % POOL_KB == 0)
			sum += kb;
	}
	fclose(f);
	return sum;
}

static struct str long_request(char *room, size_t max, char letter)
{
	int n = snprintf(room, max, "GET /long HTTP/1.1\r\nHost: a\r\nX-Long: ");

	memset(room + n, letter, LONG_VALUE);
	n += LONG_VALUE;
	n += snprintf(room + n, max - n, ".\r\n\r\n");
	return str_make(room, n);
}

static void wait_idle(void)
{
	usleep(1500 * 1000);
}

static void memory_goes_back(void **state)
{
	struct site *site = open_site();
	char room[LONG_VALUE + 200];
	int fds[CONNECTIONS];
	long before = resident_kb(), whole, idle;

	(void)state;
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = dial(site);
		ask(fds[i], S(SMALL), "small.");
	}
	whole = resident_kb() - before;
	wait_idle();
	idle = resident_kb() - before;
	print_message("# %d connections: %ld kB when used, %ld kB when idle\n", CONNECTIONS, whole, idle);
	assert_in_range(idle < 0 ? 0 : idle, 0, CONNECTIONS * IDLE_KB_MAX);
	for (int i = 0; i < CONNECTIONS; i++) {
		ask(fds[i], long_request(room, sizeof(room), 'a' + i % 26), ".");
		close(fds[i]);
	}
	close_site(site);
}

/* Half a head lies in the pool while others are served: it is all there when the rest comes. */
static void half_a_head(void **state)
{
	struct site *site = open_site();
	int half = dial(site), other = dial(site);
	char room[LONG_VALUE + 200];
	struct str whole = long_request(room, sizeof(room), 'h');
	struct answer a;

	(void)state;
	ask(half, S(SMALL), "small.");
	say(half, str_sub(whole, 0, 5000));
	ask(other, S(SMALL), "small.");
	wait_idle();
	for (int i = 0; i < 20; i++)
		ask(other, S(SMALL), "small.");
	say(half, str_sub(whole, 5000, whole.n));
	a = hear(half, "h.", 5000);
	assert_int_equal(a.status, 200);
	assert_int_equal(strspn(strstr(a.text, "hhh"), "h"), LONG_VALUE);
	free(a.text);
	close(half);
	close(other);
	close_site(site);
}

/* Blank lines before the first request, a page of them: where the pool begins is not known then, and nothing is given back. */
static void blank_lines_first(void **state)
{
	struct site *site = open_site();
	int odd = dial(site), other = dial(site);

	(void)state;
	for (int i = 0; i < 2048; i++)
		say(odd, S("\r\n"));
	ask(odd, S(SMALL), "small.");
	ask(other, S(SMALL), "small.");
	wait_idle();
	for (int i = 0; i < 20; i++)
		ask(other, S(SMALL), "small.");
	ask(odd, S(SMALL), "small.");
	close(odd);
	close(other);
	close_site(site);
}

/* A client that is gone while its request is answered: libmicrohttpd drops the pool then, and tells that the connection is closed only later. */
static void gone_meanwhile(void **state)
{
	struct linger at_once = {.l_onoff = 1};
	struct site *site = open_site();
	int other = dial(site), fds[8];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < countof(fds); i++) {
			fds[i] = dial(site);
			ask(fds[i], S(SMALL), "small.");
			say(fds[i], S("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
		}
		usleep(50 * 1000);
		for (size_t i = 0; i < countof(fds); i++) {
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			close(fds[i]);
		}
		wait_idle();
		ask(other, S(SMALL), "small.");
	}
	close(other);
	close_site(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_goes_back),
	    cmocka_unit_test(half_a_head),
	    cmocka_unit_test(blank_lines_first),
	    cmocka_unit_test(gone_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
