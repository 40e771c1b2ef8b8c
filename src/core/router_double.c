#include <fcntl.h>
#include "core/router_test.h"
#include "core/config.h"
#include "core/idempotency.h"

struct doubles doubles;

/* ---- what the router asks of others ---- */

struct tx {
	int statements;
};

enum err tx_open(
    struct app *app, enum pg_role role, bool read_only, const struct uuid *tenant, struct arena *a, struct tx **out)
{
	(void)app;
	(void)role;
	(void)tenant;
	doubles.opened++;
	doubles.read_only = read_only;
	*out = arena_new(a, struct tx);
	return OK;
}

enum err tx_bind(struct tx *tx, const struct uuid *tenant)
{
	(void)tx;
	(void)tenant;
	return OK;
}

void tx_set_actor(struct tx *tx, const struct uuid *user_id, struct str request_id)
{
	(void)tx;
	(void)user_id;
	(void)request_id;
}

void tx_set_credential(struct tx *tx, const char *kind, const struct uuid *id)
{
	(void)tx;
	(void)kind;
	(void)id;
}

void tx_set_scope(struct tx *tx, struct str projects)
{
	(void)tx;
	(void)projects;
}

enum err tx_commit(struct tx *tx)
{
	(void)tx;
	doubles.committed++;
	return doubles.commit_error;
}

void tx_rollback(struct tx *tx)
{
	(void)tx;
	doubles.rolled_back++;
}

enum err idempotency_begin(struct req *rq, bool *replayed)
{
	(void)rq;
	*replayed = false;
	return OK;
}

enum err idempotency_end(struct req *rq)
{
	(void)rq;
	return OK;
}

static void verdict(struct rate_verdict *out)
{
	*out = (struct rate_verdict){
	    .allowed = !doubles.rate_refuses, .limit = 10, .remaining = 9, .reset_s = 6, .retry_after_s = 3};
}

enum err ratelimit_new(struct app *app, struct arena *a, const char **why)
{
	(void)app;
	(void)a;
	(void)why;
	return OK;
}

/* What was known of whom, for the test to look at. */
static void note(const struct rate_subject *who)
{
	doubles.address = who->address;
	doubles.by_caller = who->tenant && who->caller;
	doubles.by_link = who->tenant && who->link;
}

void ratelimit_take(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out)
{
	(void)app;
	(void)klass;
	note(who);
	doubles.rate_taken++;
	verdict(out);
}

void ratelimit_take_local(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out)
{
	(void)app;
	(void)klass;
	note(who);
	doubles.rate_local++;
	verdict(out);
}

static bool link_known(const struct app *app, struct str slug, struct uuid *tenant, struct uuid *link)
{
	(void)app;
	tenant->b[0] = link->b[0] = 7;
	return str_eq(slug, S("known"));
}

const char *config_text(const struct config *c, enum setting_id id)
{
	(void)c;
	return id == CFG_cors_origins && doubles.origins ? doubles.origins : "";
}

static bool caller_known(struct req *rq, struct uuid *tenant, struct uuid *caller)
{
	(void)rq;
	tenant->b[0] = caller->b[0] = 1;
	return doubles.caller_known;
}

static enum err authenticate(struct req *rq)
{
	doubles.asked++;
	if (!doubles.signed_in)
		return ERR_UNAUTHENTICATED;
	rq->who = (struct principal){.known = true, .permissions = doubles.permissions};
	rq->who.user_id.b[0] = rq->who.tenant_id.b[0] = 1;
	return OK;
}

/* ---- the world ---- */

void world_open(struct world *w, const struct route *const *routes, size_t arrays)
{
	const char *why = "";

	*w = (struct world){0};
	doubles = (struct doubles){.signed_in = true, .permissions = permissions_of(ROLE_ADMIN)};
	arena_init(&w->arena, &arena_malloc, 16 * MB);
	w->app.log = log_open(open("/dev/null", O_WRONLY), LOG_INFO);
	w->app.metrics = metrics_new();
	w->app.routes = routes;
	w->app.route_arrays = arrays;
	w->app.authenticate = authenticate;
	w->app.caller_known = caller_known;
	w->app.link_known = link_known;
	if (router_new(&w->app, &w->arena, &w->app.router, &why))
		fail_msg("router: %s", why);
	w->listener.app = &w->app;
}

void world_close(struct world *w)
{
	metrics_free(w->app.metrics);
	log_close(w->app.log);
	arena_free(&w->arena);
}

static void put_headers(struct world *w, struct str lines)
{
	struct http_header *h = arena_array(&w->arena, struct http_header, 16);
	size_t n = 0;

	while (lines.n > 0) {
		struct str value = str_cut(&lines, '\n', NULL), name = str_cut(&value, ':', NULL);

		h[n++] = (struct http_header){name, str_trim(value)};
	}
	w->x.headers = h;
	w->x.header_count = n;
}

int ask(struct world *w, enum http_method method, const char *target, const char *headers, const char *body)
{
	struct str path = str_from(target);

	w->x = (struct http_exchange){.arena = &w->arena,
	    .method = method,
	    .method_text = http_method_name(method),
	    .request_id = S("r-1"),
	    .client = S("192.0.2.1"),
	    .client_net = S("192.0.2.1"),
	    .body_max = HTTP_BODY_API_MAX_BYTES};
	w->x.path = str_cut(&path, '?', NULL);
	w->x.query = path;
	w->x.body = str_from(body);
	put_headers(w, str_from(headers));
	if (router_admit(&w->listener, &w->x))
		return -1;
	w->was_inline = router_inline(&w->listener, &w->x);
	if (!w->was_inline)
		router_handle(&w->listener, &w->x, 0);
	router_finished(&w->listener, &w->x, w->x.reply.status, 1000, w->x.reply.body.n);
	return w->x.reply.status;
}

struct str reply_header_of(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->x.reply.header_count; i++) {
		if (str_eq_nocase(w->x.reply.headers[i].name, str_from(name)))
			return w->x.reply.headers[i].value;
	}
	return (struct str){0};
}

bool reply_says(const struct world *w, const char *part)
{
	return str_find(w->x.reply.body, str_from(part), NULL);
}
