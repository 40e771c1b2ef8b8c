/* Whom a request counts for: the peer, or what configured proxies say. */
#include "io/http_test.h"

static void handle(void *ctx, struct http_exchange *x, int worker)
{
	struct str text;
	struct buf b;

	(void)ctx;
	(void)worker;
	buf_init(&b, x->arena, 200);
	buf_char(&b, '|');
	buf_add(&b, x->client);
	buf_char(&b, ' ');
	buf_add(&b, x->client_net);
	buf_add(&b, x->client_loopback ? S(" exempt|") : S(" counted|"));
	x->reply.status = buf_done(&b, &text) ? 500 : 200;
	x->reply.body = text;
}

static void check_whom(int hops, const char *headers, const char *whom)
{
	struct http_config c = {.workers = 1, .trusted_hops = hops, .handler = handle};
	struct site site = {0};
	char request[512];
	struct answer a;

	site_open(&site, &c);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", headers);
	a = exchange_raw(&site, str_from(request));
	if (a.status != 200 || !says(&a, whom))
		fail_msg("%d hops, %s: not %s but %s", hops, headers, whom, a.text);
	free(a.text);
	site_close(&site);
}

/* What stands left of the trusted entries is whatever the client made up. Nobody is exempt behind a proxy, also not when it says nothing. */
static void forged_addresses(void **state)
{
	static const struct {
		int hops;
		const char *headers, *whom;
	} rows[] = {
	    {0, "", "|127.0.0.1 127.0.0.1 exempt|"},
	    {0, "X-Forwarded-For: 192.0.2.7\r\n", "|127.0.0.1 127.0.0.1 exempt|"},
	    {1, "", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 127.0.0.1\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {1, "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.7\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {2, "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.0.0.1\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {2, "X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\nX-Forwarded-For: 10.0.0.1\r\n",
		"|192.0.2.7 192.0.2.7 counted|"},
	    /* fewer entries than proxies: the outermost there is, which a proxy wrote */
	    {3, "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {1, "X-Forwarded-For: unknown\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7,\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7, _hidden\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    /* some proxies write the port, too */
	    {1, "X-Forwarded-For: 192.0.2.7:1234\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {1, "X-Forwarded-For: 1.1.1.1:5, 192.0.2.7:65535\r\n", "|192.0.2.7 192.0.2.7 counted|"},
	    {1, "X-Forwarded-For: [2001:db8:1:2:aaaa::1]:443\r\n", "|2001:db8:1:2:aaaa::1 2001:db8:1:2::/64 counted|"},
	    {1, "X-Forwarded-For: [2001:db8:1:2:aaaa::1]\r\n", "|2001:db8:1:2:aaaa::1 2001:db8:1:2::/64 counted|"},
	    {1, "X-Forwarded-For: [::ffff:192.0.2.7]:80\r\n", "|::ffff:192.0.2.7 192.0.2.7 counted|"},
	    /* and what only looks like it is no address: the hexadecimal end of one is no port */
	    {1, "X-Forwarded-For: 2001:db8::1234\r\n", "|2001:db8::1234 2001:db8::/64 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7:\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7:123456\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7:12x\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 192.0.2.7:1:2\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: [192.0.2.7]:80\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: [2001:db8::1]80\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: [2001:db8::1\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: 0300.0.2.7\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    {1, "X-Forwarded-For: \r\n", "|127.0.0.1 127.0.0.1 counted|"},
	    /* one who has 2^64 addresses is one client, however they are written */
	    {1, "X-Forwarded-For: 2001:db8:1:2:aaaa::1\r\n", "|2001:db8:1:2:aaaa::1 2001:db8:1:2::/64 counted|"},
	    {1, "X-Forwarded-For: 2001:DB8:1:2:0:0:0:9\r\n", "|2001:DB8:1:2:0:0:0:9 2001:db8:1:2::/64 counted|"},
	    {1, "X-Forwarded-For: 2001:db8:1:3::1\r\n", "|2001:db8:1:3::1 2001:db8:1:3::/64 counted|"},
	    {1, "X-Forwarded-For: ::ffff:192.0.2.7\r\n", "|::ffff:192.0.2.7 192.0.2.7 counted|"},
	    {1, "X-Forwarded-For: fe80::1%eth0\r\n", "|127.0.0.1 127.0.0.1 counted|"},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		check_whom(rows[i].hops, rows[i].headers, rows[i].whom);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(forged_addresses)};

	return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
