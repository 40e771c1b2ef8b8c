/* report_test.c - what the process tells the outside: log lines and metrics. */
#include <unistd.h>
#include "base/json.h"
#include "base/test.h"
#include "io/log.h"
#include "io/metrics.h"

static size_t read_line(int fd, char *text, size_t room)
{
	ssize_t n = read(fd, text, room);

	assert_true(n > 0 && text[n - 1] == '\n');
	return (size_t)n;
}

static struct json *parse(struct arena *a, const char *text, size_t n)
{
	struct json_error why;
	struct json *doc;

	assert_int_equal(json_read(a, str_make(text, n), &json_limits_default, &doc, &why), OK);
	return doc;
}

static void a_line_is_json(void **state)
{
	struct log_field fields[] = {LF_STR(ROUTE, S("/a\"b\\\n")), LF_INT(STATUS, 200), LF_STR(CLIENT, S("\xff\xfe"))};
	char text[8192];
	struct json *doc;
	struct arena a;
	struct log *l;
	int ends[2];

	(void)state;
	arena_init(&a, &arena_malloc, 1024 * 1024);
	assert_int_equal(pipe(ends), 0);
	l = log_open(ends[1], LOG_INFO);
	log_event(l, LOG_DEBUG, "unheard", NULL, 0);
	log_event(l, LOG_INFO, "request", fields, countof(fields));
	doc = parse(&a, text, read_line(ends[0], text, sizeof text));
	assert_str(json_str_or(doc, S("event"), S("")), "request");
	assert_str(json_str_or(doc, S("route"), S("")), "/a\"b\\\n");
	assert_str(json_str_or(doc, S("client"), S("")), "\xc3\xbf\xc3\xbe");
	assert_int_equal(json_get(doc, S("status"))->i, 200);
	log_close(l);
	arena_free(&a);
}

/* However long the values are: a line stays one line, valid, and of bounded length. */
static void long_values_are_cut(void **state)
{
	char text[8192], *big;
	struct arena a;
	struct log *l;
	size_t i, n;
	int ends[2];

	(void)state;
	arena_init(&a, &arena_malloc, 1024 * 1024);
	big = arena_alloc(&a, 3 * 3000);
	for (i = 0; i < 3000; i++)
		memcpy(big + 3 * i, "\xe1\xbb\x87", 3);
	assert_int_equal(pipe(ends), 0);
	l = log_open(ends[1], LOG_INFO);
	for (i = 0; i < 12; i++) {
		struct log_field fields[] = {LF_STR(MESSAGE, str_make(big, 3 * 1320 + 3 * i)),
		    LF_STR(CODE, S("\n\n\n\n\n\n\n\n")), LF_INT(STATUS, -5)};

		log_event(l, LOG_WARN, "long", fields, countof(fields));
		n = read_line(ends[0], text, sizeof text);
		assert_true(n <= 4096);
		parse(&a, text, n);
	}
	log_close(l);
	arena_free(&a);
}

static struct str printed(struct arena *a, struct metrics *m)
{
	struct buf b;
	struct str text;

	buf_init(&b, a, 8 * 1024 * 1024);
	metrics_print(m, &b);
	assert_int_equal(buf_done(&b, &text), OK);
	return text;
}

static void metrics_read_as_prometheus_wants(void **state)
{
	struct metrics *m = metrics_new();
	const struct str request[] = {S("GET"), S("/x\"y"), S("200"), S("")}, timed[] = {S("GET"), S("/x"), S("")};
	struct arena a;
	struct str text;

	(void)state;
	arena_init(&a, &arena_malloc, 16 * 1024 * 1024);
	metric_add(metrics_series(m, M_HTTP_REQUESTS, request), 1);
	metric_add(metrics_series(m, M_HTTP_REQUESTS, request), 1);
	metric_observe(metrics_series(m, M_HTTP_DURATION, timed), 0.004);
	metric_observe(metrics_series(m, M_HTTP_DURATION, timed), 100);
	metric_set(metrics_series(m, M_HTTP_QUEUE, NULL), 7);
	text = printed(&a, m);
	assert_true(str_find(text, S("# TYPE http_requests_total counter\n"), NULL));
	assert_true(str_find(text,
	    S("http_requests_total{method=\"GET\",endpoint=\"/x\\\"y\",status_code=\"200\",tenant_id=\"\"} 2\n"),
	    NULL));
	assert_true(
	    str_find(text, S("_bucket{method=\"GET\",endpoint=\"/x\",tenant_id=\"\",le=\"0.0025\"} 0\n"), NULL));
	assert_true(str_find(text, S("_bucket{method=\"GET\",endpoint=\"/x\",tenant_id=\"\",le=\"0.005\"} 1\n"), NULL));
	assert_true(str_find(text, S("_bucket{method=\"GET\",endpoint=\"/x\",tenant_id=\"\",le=\"+Inf\"} 2\n"), NULL));
	assert_true(str_find(
	    text, S("http_request_duration_seconds_count{method=\"GET\",endpoint=\"/x\",tenant_id=\"\"} 2\n"), NULL));
	assert_true(str_find(text, S("\nhttp_queue_length 7\n"), NULL));
	metrics_free(m);
	arena_free(&a);
}

static void tenants_are_bounded(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_series *first = NULL, *last = NULL;
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		struct str label = str_make(name, (size_t)snprintf(name, sizeof name, "t%d", i));

		last = metrics_series(m, M_ACTIVE_SURVEYS, &label);
		if (i == 200)
			first = last;
		assert_ptr_equal(last, metrics_series(m, M_ACTIVE_SURVEYS, &label));
	}
	assert_ptr_equal(first, last); /* the 201st and the 300th are both "other" */
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_line_is_json), cmocka_unit_test(long_values_are_cut),
	    cmocka_unit_test(metrics_read_as_prometheus_wants), cmocka_unit_test(tenants_are_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
