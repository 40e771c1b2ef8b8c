#include "core/router_report.h"

#include "core/router_table.h"

static struct str status_text(int status, char digits[3])
{
	digits[0] = '0' + status / 100 % 10;
	digits[1] = '0' + status / 10 % 10;
	digits[2] = '0' + status % 10;
	return str_make(digits, 3);
}

static void find_series(
    struct app *app, struct str method, struct str pattern, int status, struct str tenant, struct endpoint_series *out)
{
	char digits[3];
	const struct str requests[4] = {method, pattern, status_text(status, digits), tenant};
	const struct str duration[3] = {method, pattern, tenant};

	out->requests = metrics_series(app->metrics, M_HTTP_REQUESTS, requests);
	out->duration = metrics_series(app->metrics, M_HTTP_DURATION, duration);
}

/* Two threads may want the same free place: it is claimed by exchanging 0 for -1, filled, and only then given its
 * status. A thread that meets -1 goes on to the next place; a status that is then kept twice does no harm. */
static bool cached_series(
    struct app *app, struct endpoint *end, enum http_method m, int status, struct endpoint_series *out)
{
	for (size_t i = 0; i < ENDPOINT_SERIES_MAX; i++) {
		struct endpoint_series *s = &end->series[m][i];
		int seen = atomic_load_explicit(&s->status, memory_order_acquire), none = 0;

		if (seen == 0 && atomic_compare_exchange_strong(&s->status, &none, -1)) {
			find_series(app, http_method_name(m), end->pattern, status, (struct str){0}, s);
			atomic_store_explicit(&s->status, status, memory_order_release);
			seen = status;
		}
		if (seen == status) {
			out->requests = s->requests;
			out->duration = s->duration;
			return true;
		}
	}
	return false;
}

static void count(
    struct app *app, struct endpoint *end, enum http_method m, int status, struct str tenant, double seconds)
{
	struct endpoint_series s = {0};

	if (tenant.n > 0 || !cached_series(app, end, m, status, &s))
		find_series(app, http_method_name(m), end->pattern, status, tenant, &s);
	metric_add(s.requests, 1);
	metric_observe(s.duration, seconds);
}

void report_request(struct app *app, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes)
{
	const struct visit *v = x->user;
	struct endpoint *end = v ? v->end : &app->router->unmatched;
	const struct principal *who = v && v->rq ? &v->rq->who : NULL;
	char tenant[UUID_TEXT_BYTES], user[UUID_TEXT_BYTES];
	struct str tenant_id = {0};
	struct log_field f[10];
	size_t n = 0;

	f[n++] = (struct log_field)LF_STR(REQUEST_ID, x->request_id);
	if (x->client_request_id.n > 0)
		f[n++] = (struct log_field)LF_STR(CLIENT_REQUEST_ID, x->client_request_id);
	if (who && !uuid_is_nil(&who->tenant_id)) {
		uuid_text(&who->tenant_id, tenant);
		tenant_id = str_make(tenant, sizeof(tenant));
		f[n++] = (struct log_field)LF_STR(TENANT, tenant_id);
	}
	if (who && who->known) {
		uuid_text(&who->user_id, user);
		f[n++] = (struct log_field)LF_STR(USER, str_make(user, sizeof(user)));
	}
	f[n++] = (struct log_field)LF_STR(METHOD, http_method_name(x->method));
	f[n++] = (struct log_field)LF_STR(ROUTE, end->pattern);
	f[n++] = (struct log_field)LF_INT(STATUS, status);
	f[n++] = (struct log_field)LF_INT(DURATION_US, duration_ns / 1000);
	f[n++] = (struct log_field)LF_INT(BYTES, (int64_t)sent_bytes);
	if (v && v->outcome)
		f[n++] = (struct log_field)LF_STR(CODE, str_from(err_slug(v->outcome)));
	log_event(app->log, LOG_INFO, "request", f, n);
	count(app, end, x->method, status, tenant_id, duration_ns / 1e9);
}
