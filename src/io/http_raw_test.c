/* Requests that are not what HTTP wants: each gets its status at once, the connection closes, the server lives on
 * and does not grow. */
#include "io/http_test.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct raw {
	const char *name;
	struct str bytes;
	int status;
};
#define RAW(name, bytes, status)                                                                                       \
	{                                                                                                              \
		name, {bytes, sizeof(bytes) - 1}, status                                                               \
	}

static const struct raw raws[] = {
    /* where does the request end? */
    RAW("two lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    RAW("the same length twice", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    RAW("length, then coding", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    RAW("coding, then length", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    RAW("length with a plus", POST "Content-Length: +3\r\n\r\nabc", 400),
    RAW("negative length", POST "Content-Length: -1\r\n\r\n", 400),
    RAW("length in hex", POST "Content-Length: 0x3\r\n\r\nabc", 400),
    RAW("list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", 400),
    RAW("length with a gap", POST "Content-Length: 1 2\r\n\r\nabc", 400),
    RAW("length in words", POST "Content-Length: three\r\n\r\nabc", 400),
    RAW("empty length", POST "Content-Length: \r\n\r\n", 400),
    RAW("length and blank before its colon", POST "Content-Length : 3\r\n\r\nabc", 400),
    RAW("length on a folded line", POST "Content-Length:\r\n 3\r\n\r\nabc", 400),
    RAW("length continued", POST "Content-Length: 3\r\n 0\r\n\r\nabc", 400),
    RAW("length beyond 64 bits", POST "Content-Length: 99999999999999999999999\r\n\r\n", 413),
    RAW("length beyond the limit", POST "Content-Length: 3000000\r\n\r\n", 413),
    RAW("unknown coding", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    RAW("gzip coding", POST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501),
    RAW("chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    RAW("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    RAW("identity coding", POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501),
    RAW("quoted coding", POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
    RAW("two codings", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    RAW("blank before the coding's colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    RAW("vertical tab before the coding", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400),
    RAW("coding on a folded line", POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    RAW("coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    RAW("chunk size of letters", CHUNKED "ZZ\r\nabc\r\n0\r\n\r\n", 400),
    RAW("negative chunk size", CHUNKED "-3\r\nabc\r\n0\r\n\r\n", 400),
    RAW("chunk size with 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400),
    RAW("chunk beyond 64 bits", CHUNKED "fffffffffffffffff\r\nabc\r\n0\r\n\r\n", 413),
    RAW("chunk longer than it says", CHUNKED "3\r\nabcdef\r\n0\r\n\r\n", 400),
    /* header fields */
    RAW("blank before the colon", GET "Foo : b\r\n\r\n", 400),
    RAW("tab before the colon", GET "Foo\t: b\r\n\r\n", 400),
    RAW("folded line", GET "X: 1\r\n folded\r\n\r\n", 400),
    RAW("line folded with a tab", GET "X: 1\r\n\tfolded\r\n\r\n", 400),
    RAW("blank before the first field", "GET / HTTP/1.1\r\n X: y\r\n" HOST "\r\n", 400),
    RAW("NUL in a value", GET "X: a\0b\r\n\r\n", 400),
    RAW("NUL in a value, not the last", "GET / HTTP/1.1\r\nX: a\0b\r\n" HOST "\r\n", 400),
    RAW("NUL in a name", GET "X\0Y: b\r\n\r\n", 400),
    RAW("NUL in the target", "GET /a\0b HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("NUL in the method", "G\0T / HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("CR in a value", GET "X: a\rb\r\n\r\n", 400),
    RAW("CR at the end of a value", GET "X: a\r\r\n\r\n", 400),
    RAW("lines that end in LF", "GET / HTTP/1.1\nHost: a\nX: b\n\n", 400),
    RAW("one line that ends in LF", GET "X: a\nY: b\r\n\r\n", 400),
    RAW("no name", GET ": v\r\n\r\n", 400),
    RAW("no name, not the last", GET ": v\r\nX: y\r\n\r\n", 400),
    RAW("no colon", GET "nocolon\r\n\r\n", 400),
    RAW("bracket in a name", GET "X(Y): 1\r\n\r\n", 400),
    RAW("name that is not ASCII", GET "Gr\xc3\xbc\xc3\x9f: 1\r\n\r\n", 400),
    RAW("control character in a value", GET "X: a\001b\r\n\r\n", 400),
    RAW("DEL in a value", GET "X: a\177b\r\n\r\n", 400),
    RAW("escape sequence in a value", GET "User-Agent: \033[2J\r\n\r\n", 400),
    /* whose? */
    RAW("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    RAW("two Hosts", GET "Host: b\r\n\r\n", 400),
    RAW("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    RAW("Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    RAW("Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    /* the request line */
    RAW("two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("leading blank", " GET / HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("tabs", "GET\t/\tHTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("trailing blank", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
    RAW("blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("no version", "GET /\r\n\r\n", 400),
    RAW("small letters", "GET / http/1.1\r\n" HOST "\r\n", 400),
    RAW("HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505),
    RAW("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    RAW("another protocol", "GET / FTP/1.1\r\n" HOST "\r\n", 400),
    RAW("no slash", "GET x HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("asterisk for GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("bytes beyond ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("control character in the target", "GET /\001 HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("another scheme", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("tunnel", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("method that is no token", "GE(T / HTTP/1.1\r\n" HOST "\r\n", 400),
    RAW("not HTTP at all", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
};

/* Long ones: `unit` over and over between a beginning and an end. */
static const struct {
	const char *name, *before, *unit, *after;
	int times, status;
} longs[] = {
    {"line of 9 kB", "GET /", "a", " HTTP/1.1\r\n" HOST "\r\n", 9000, 414},
    {"line of 60 kB", "GET /", "a", " HTTP/1.1\r\n" HOST "\r\n", 60000, 414},
    {"query of 9 kB", "GET /?", "a=b&", " HTTP/1.1\r\n" HOST "\r\n", 2250, 414},
    {"field of 9 kB", GET "X: ", "b", "\r\n\r\n", 9000, 431},
    {"field of 60 kB", GET "X: ", "b", "\r\n\r\n", 60000, 431},
    {"name of 9 kB", GET, "n", ": v\r\n\r\n", 9000, 431},
    {"fields of 40 kB", GET,
	"X: 0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n",
	"\r\n", 64, 431},
    {"65 fields", GET, "X: 1\r\n", "\r\n", 64, 431},
    {"3,000 fields", GET, "X: 1\r\n", "\r\n", 3000, 431},
    {"cookies of 9 kB", GET "Cookie: ", "a=b; ", "c=d\r\n\r\n", 1800, 431},
    {"cookies of 8 kB", GET "Cookie: ", "a=b; ", "c=d\r\n\r\n", 1500, 431},
    {"small fields of 32 kB", GET, "X: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
	"\r\n", 400, 431},
    {"body of 3 MB in chunks", CHUNKED,
	"64\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r"
	"\n",
	"0\r\n\r\n", 30000, 413},
};

static void reply_here(void *ctx, struct http_exchange *x, int worker)
{
	static char long_value[80]; /* all together more than any reply of ours has: 2 kB */

	(void)ctx;
	(void)worker;
	x->reply.status = 200;
	if (str_starts(x->path, S("/head"))) {
		memset(long_value, 'v', sizeof(long_value));
		while (x->reply.header_count < HTTP_REPLY_HEADERS_MAX)
			http_reply_header(x, S("X-Long"), str_make(long_value, sizeof(long_value)));
	}
	x->reply.body = x->body;
}

static struct site site;

static int start(void **state)
{
	struct http_config c = {.workers = 2, .io_threads = 2, .handler = reply_here};

	(void)state;
	site_open(&site, &c);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	site_close(&site);
	return 0;
}

static void check(const char *name, struct str bytes, int status)
{
	struct answer a = exchange_raw(&site, bytes);

	if (a.status != status || !a.closed || a.ms > 500)
		fail_msg("%s: %d%s after %d ms, expected %d and closed", name, a.status, a.closed ? "" : ", still open",
		    a.ms, status);
	free(a.text);
}

static void malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(raws); i++)
		check(raws[i].name, raws[i].bytes, raws[i].status);
}

static void too_long(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(longs); i++) {
		struct arena a;
		struct buf b;
		struct str text;

		arena_init(&a, &arena_malloc, 64 * MB);
		buf_init(&b, &a, 32 * MB);
		buf_add(&b, str_from(longs[i].before));
		for (int n = 0; n < longs[i].times; n++)
			buf_add(&b, str_from(longs[i].unit));
		buf_add(&b, str_from(longs[i].after));
		assert_int_equal(buf_done(&b, &text), OK);
		check(longs[i].name, text, longs[i].status);
		arena_free(&a);
	}
}

/* What is unusual and right must not be refused along with the rest. */
static void unusual_but_right(void **state)
{
	static const struct str good[] = {
	    S("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	    S("GET / HTTP/1.0\r\n\r\n"),
	    S("\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	    S("GET / HTTP/1.1\r\nhost:a\r\nConnection:close\r\nX:\r\nY: \t tabs\tand blanks \t\r\n\r\n"),
	    S("GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"),
	    S("GET http://b.example/x?y=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	    S("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	    S("GET /?a=%zz&&=&b HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\nCookie: a=b; c=\"d e\"\r\n\r\n"),
	    S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: "
	      "close\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n"),
	    S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\nConnection: close\r\n\r\nabc"),
	    S("BREW / HTTP/1.1\r\nHost: a\r\nX: caf\xc3\xa9\r\nConnection: close\r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		check(good[i].p, good[i], 200);
}

static void repeat(struct buf *b, char c, size_t times)
{
	while (times-- > 0)
		buf_char(b, c);
}

/* Everything at its limit at once, with a body, and a reply whose head is large too: the pool of a connection holds it. */
static void largest_head(void **state)
{
	enum { FIELDS = HTTP_HEADERS_MAX - 3 };
	struct answer reply;
	size_t left = HTTP_HEADERS_MAX_BYTES - (4 + 1 + 4) - (10 + 5 + 4) - (14 + 5 + 4);
	struct arena a;
	struct str text;
	struct buf b;

	(void)state;
	arena_init(&a, &arena_malloc, 1 * MB);
	buf_init(&b, &a, 256 * KB);
	buf_add(&b, S("POST /head"));
	repeat(&b, 'a', HTTP_LINE_MAX_BYTES - 5);
	buf_add(&b, S(" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20000\r\n"));
	for (size_t i = 0; i < FIELDS; i++) {
		size_t n = left / (FIELDS - i);

		left -= n;
		buf_add(&b, S("X: "));
		repeat(&b, 'b', n - 5);
		buf_add(&b, S("\r\n"));
	}
	buf_add(&b, S("\r\n"));
	repeat(&b, 'c', 20000);
	assert_int_equal(buf_done(&b, &text), OK);
	reply = exchange_raw(&site, text);
	assert_true(reply.status == 200 && reply.closed && reply.bytes > 20000 + 2000);
	free(reply.text);
	arena_free(&a);
}

static size_t resident_kb(void)
{
	char text[200] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	struct str rest;
	int64_t pages = 0;

	if (read(fd, text, sizeof(text) - 1) <= 0)
		fail_msg("no statm");
	close(fd);
	rest = str_from(text);
	str_cut(&rest, ' ', NULL);
	str_to_int(str_cut(&rest, ' ', NULL), &pages);
	return (size_t)pages * 4;
}

static void memory_stays_flat(void **state)
{
	/* The sanitizer keeps freed memory in quarantine. */
#ifdef __SANITIZE_ADDRESS__
	const size_t slack_kb = 300 * 1024;
#else
	const size_t slack_kb = 4 * 1024;
#endif
	size_t before;

	malformed(state);
	too_long(state);
	before = resident_kb();
	for (int round = 0; round < 20; round++) {
		malformed(state);
		too_long(state);
	}
	if (resident_kb() > before + slack_kb)
		fail_msg("grew from %zu kB to %zu kB", before, resident_kb());
	unusual_but_right(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(too_long),
	    cmocka_unit_test(unusual_but_right),
	    cmocka_unit_test(largest_head),
	    cmocka_unit_test(memory_stays_flat),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
