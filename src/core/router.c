#include "core/router.h"

#include "base/utf8.h"
#include "core/config.h"
#include "core/idempotency.h"
#include "core/ratelimit.h"
#include "core/req_problem.h"
#include "core/router_headers.h"
#include "core/router_read.h"
#include "core/router_report.h"
#include "core/router_scope.h"
#include "core/router_table.h"
#include "core/slow.h"

static struct req *req_of(struct app *app, struct http_exchange *x)
{
	struct visit *v = x->user;
	struct req *rq = arena_new(x->arena, struct req);

	if (!rq)
		return NULL;
	rq->app = app;
	rq->arena = x->arena;
	rq->route = v->row;
	rq->x = x;
	rq->request_id = x->request_id;
	v->rq = rq;
	return rq;
}

static void stage_rate(struct http_exchange *x, const struct rate_verdict *rate)
{
	static const struct {
		struct str name;
		size_t at;
	} rows[] = {
	    {{"RateLimit-Limit", 15}, offsetof(struct rate_verdict, limit)},
	    {{"RateLimit-Remaining", 19}, offsetof(struct rate_verdict, remaining)},
	    {{"RateLimit-Reset", 15}, offsetof(struct rate_verdict, reset_s)},
	    {{"Retry-After", 11}, offsetof(struct rate_verdict, retry_after_s)},
	};

	if (rate->limit == 0)
		return;
	for (size_t i = 0; i < countof(rows) - rate->allowed; i++) {
		int n = *(const int *)((const char *)rate + rows[i].at);
		struct str text;
		struct buf b;

		buf_init(&b, x->arena, 16);
		buf_int(&b, n < 1 && i == 3 ? 1 : n);
		if (!buf_done(&b, &text))
			http_reply_header(x, rows[i].name, text);
	}
}

static void stage_retry(struct req *rq)
{
	struct str text;
	struct buf b;

	if (rq->retry_after_s <= 0)
		return;
	buf_init(&b, rq->arena, 16);
	buf_int(&b, rq->retry_after_s);
	if (!buf_done(&b, &text))
		reply_header(rq, S("Retry-After"), text);
}

/* A page's errors are pages for those who read pages; a row need not have been found, the address is enough. */
static bool stage_page(struct app *app, struct http_exchange *x, enum err e)
{
	struct visit *v = x->user;
	const struct route *row = v->end->rows[HTTP_GET];
	struct req *rq = v->rq;

	if (!app->refuse_page || !row || !(row->flags & ROUTE_PAGE) ||
	    !str_find(http_header_get(x, S("Accept")), S("text/html"), NULL) || (!rq && !(rq = req_of(app, x))))
		return false;
	return app->refuse_page(rq, e);
}

/* Headers of the failed handler are dropped with its reply; those of the router are staged anew. */
static void stage_problem(struct req *rq, enum err e)
{
	struct visit *v = rq->x->user;

	headers_stage(rq->app, rq->x);
	stage_rate(rq->x, &v->rate);
	stage_retry(rq);
	if (e == ERR_METHOD)
		http_reply_header(rq->x, S("Allow"), v->end->allow);
	if (!stage_page(rq->app, rq->x, e))
		problem_stage(rq->x, e, rq->detail, rq->errors, rq->error_count);
}

/* ---- matching ---- */

enum err router_admit(void *ctx, struct http_exchange *x)
{
	const struct listener *l = ctx;
	struct visit *v = arena_new(x->arena, struct visit);
	const struct route *row;

	if (!v)
		return ERR_MEMORY;
	v->end = router_match(l->app->router, l->internal, x->path, v->args);
	if (!v->end)
		v->end = &l->app->router->unmatched;
	row = v->row = x->method < HTTP_METHOD_OTHER ? v->end->rows[x->method] : NULL;
	x->user = v;
	if (!row || !(row->in || (row->flags & ROUTE_RAW_BODY)) || (row->flags & ROUTE_SMALL_BODY))
		x->body_max =
		    row && (row->flags & ROUTE_PAGE) ? HTTP_BODY_PAGE_MAX_BYTES : HTTP_BODY_RESPONDENT_MAX_BYTES;
	return OK;
}

/* No row: 404, 405, or the answer to OPTIONS. All from memory, so on the I/O thread. */
static bool reply_without_row(struct app *app, struct http_exchange *x)
{
	struct visit *v = x->user;
	bool known = v->end != &app->router->unmatched;

	if (v->row)
		return false;
	headers_stage(app, x);
	if (known && x->method == HTTP_OPTIONS) {
		headers_preflight(app, x);
		return true;
	}
	if (known)
		http_reply_header(x, S("Allow"), v->end->allow);
	if (!known || !stage_page(app, x, ERR_METHOD))
		problem_stage(x, known ? ERR_METHOD : ERR_NOT_FOUND, (struct str){0}, NULL, 0);
	return true;
}

/* ---- gates ---- */

/* Of a public route: whose link it is about. A slug that is not in memory is counted by its address alone. */
static bool link_of(struct req *rq, struct uuid *tenant, struct uuid *link)
{
	const struct visit *v = rq->x->user;
	struct str slug;

	return rq->app->link_known && (rq->route->flags & ROUTE_PUBLIC_DB) && v->end->arg_count > 0 &&
	       !url_decode(rq->arena, v->args[0], false, &slug) && rq->app->link_known(rq->app, slug, tenant, link);
}

/* What is told is the tightest of all that was counted. */
static enum err count(struct req *rq, const struct rate_subject *who, bool local)
{
	struct rate_verdict *told = &((struct visit *)rq->x->user)->rate, now;

	if (rq->route->rate == RATE_NONE)
		return OK;
	if (local)
		ratelimit_take_local(rq->app, rq->route->rate, who, &now);
	else
		ratelimit_take(rq->app, rq->route->rate, who, &now);
	if (now.limit > 0 && (told->limit == 0 || !now.allowed || now.remaining < told->remaining))
		*told = now;
	return now.allowed ? OK : ERR_RATE;
}

static enum err count_open(struct req *rq, bool local)
{
	struct rate_subject who = {.address = rq->x->client_net, .loopback = rq->x->client_loopback};
	struct uuid tenant, link;
	enum err e;

	if (link_of(rq, &tenant, &link)) {
		who.tenant = &tenant;
		who.link = &link;
	}
	if (!(e = count(rq, &who, local)))
		stage_rate(rq->x, &((struct visit *)rq->x->user)->rate);
	return e;
}

/* Before anything asks the database: the address, and in the same round trip the caller and his tenant where this process knows the token. Those
 * of an unknown token are counted once it is looked up, so guessing tokens costs an address its share and, beyond that, costs us nothing. */
static enum err sign_in(struct req *rq)
{
	struct rate_subject who = {.address = rq->x->client_net, .loopback = rq->x->client_loopback};
	struct uuid tenant, caller;
	enum err e;
	bool known =
	    rq->route->rate != RATE_NONE && rq->app->caller_known && rq->app->caller_known(rq, &tenant, &caller);

	if (known) {
		who.tenant = &tenant;
		who.caller = &caller;
	}
	if ((e = count(rq, &who, false)) || (e = rq->app->authenticate(rq)))
		return e;
	who = (struct rate_subject){.tenant = &rq->who.tenant_id, .caller = &rq->who.caller_id};
	if (!known && (e = count(rq, &who, false)))
		return e;
	stage_rate(rq->x, &((struct visit *)rq->x->user)->rate);
	return OK;
}

static enum err pass_gates(struct req *rq)
{
	const struct route *row = rq->route;
	enum err e;

	if (row->perm == PERM_NONE)
		return count_open(rq, false);
	if ((e = sign_in(rq)))
		return e;
	if (rq->who.enrolling && !(row->flags & ROUTE_ENROL))
		return req_fail(rq, ERR_FORBIDDEN, NULL,
		    "Set up a second factor first: this tenant asks for one (/api/v1/me/second-factor, signed in by "
		    "password).");
	return scope_asks(rq, ((struct visit *)rq->x->user)->end) || req_can(rq, row->perm) ? OK : ERR_FORBIDDEN;
}

static enum err read_request(struct req *rq)
{
	const struct visit *v = rq->x->user;
	enum err e;

	if ((e = read_args(rq, v->args, v->end->is_id, v->end->arg_count)) || (e = scope_enter(rq, v->end)))
		return e;
	if ((e = read_preconditions(rq)) || (e = read_input(rq)))
		return e;
	return scope_body(rq);
}

/* ---- running ---- */

enum err req_tx_open(struct req *rq, bool read_only, struct arena *a, struct tx **out)
{
	bool respondent = rq->route->flags & ROUTE_PUBLIC_DB;
	enum err e;

	e = tx_open(rq->app, respondent ? PG_PUBLIC : PG_APP, read_only,
	    rq->who.known && !respondent ? &rq->who.tenant_id : NULL, a, out);
	if (e)
		return e;
	tx_set_actor(*out, rq->who.known ? &rq->who.user_id : NULL, rq->request_id);
	if (rq->who.credential)
		tx_set_credential(*out, rq->who.credential, &rq->who.caller_id);
	if (rq->scope.n > 0)
		tx_set_scope(*out, rq->scope);
	return OK;
}

static enum err open_tx(struct req *rq)
{
	const struct route *row = rq->route;

	return row->flags & ROUTE_NO_TX ? OK : req_tx_open(rq, row->flags & ROUTE_READ, rq->arena, &rq->tx);
}

/* A repeated POST gets its first reply; a new one runs, and its reply is kept in the same transaction. */
static enum err run_handler(struct req *rq)
{
	bool replayed;
	enum err e;

	if ((e = idempotency_begin(rq, &replayed)) || replayed)
		return e;
	e = rq->route->handler(rq);
	return e || rq->later ? e : idempotency_end(rq);
}

static enum err end_run(struct req *rq, enum err e)
{
	if (!rq->tx)
		return e;
	if (e) {
		tx_rollback(rq->tx);
		return e;
	}
	e = tx_commit(rq->tx);
	if ((!e || e == ERR_OUTCOME_UNKNOWN) && rq->after_commit)
		rq->after_commit(rq);
	return e;
}

static enum err run_admitted(struct req *rq)
{
	enum err e;

	if ((e = open_tx(rq)))
		return e;
	e = run_handler(rq);
	return rq->later ? OK : end_run(rq, e);
}

static enum err run(struct req *rq)
{
	enum err e;

	if ((e = pass_gates(rq)) || (e = read_request(rq)))
		return e;
	if (!(rq->route->flags & ROUTE_SLOW) || !rq->app->slow)
		return run_admitted(rq);
	slow_put(rq->app->slow, rq);
	return OK;
}

static void settle(struct req *rq, enum err e)
{
	struct visit *v = rq->x->user;

	if (!e && rq->x->reply.status == 0)
		e = ERR_INTERNAL;
	v->outcome = e;
	if (!e)
		return;
	if (rq->x->stream)
		http_stream_abort(rq->x);
	else
		stage_problem(rq, e);
}

bool router_inline(void *ctx, struct http_exchange *x)
{
	const struct listener *l = ctx;
	struct visit *v = x->user;
	struct req *rq;
	enum err e;

	if (reply_without_row(l->app, x))
		return true;
	if (!(v->row->flags & ROUTE_INLINE) || !(rq = req_of(l->app, x)))
		return false;
	headers_stage(l->app, x);
	if (!(e = count_open(rq, true)) && !(e = read_request(rq)))
		e = v->row->handler(rq);
	if (e == ERR_AGAIN) {
		x->reply = (struct http_reply){0};
		v->rate = (struct rate_verdict){0};
		return false;
	}
	settle(rq, e);
	return true;
}

void router_handle(void *ctx, struct http_exchange *x, int worker)
{
	const struct listener *l = ctx;
	struct req *rq = req_of(l->app, x);
	enum err e;

	(void)worker;
	if (!rq) {
		router_refuse(ctx, x, ERR_MEMORY, "");
		return;
	}
	headers_stage(l->app, x);
	e = run(rq);
	if (!rq->later)
		settle(rq, e);
}

/* ---- handed over ---- */

enum err req_end_tx(struct req *rq)
{
	enum err e = rq->tx ? tx_commit(rq->tx) : OK;

	rq->tx = NULL;
	return e;
}

void req_later(struct req *rq)
{
	rq->later = true;
	http_later(rq->x);
}

void req_finish(struct req *rq, enum err e)
{
	settle(rq, e);
	http_finish(rq->x);
}

static void handle_again(void *ctx, struct http_exchange *x, int worker)
{
	struct req *rq = ((struct visit *)x->user)->rq;
	enum err e;

	(void)ctx;
	(void)worker;
	rq->later = false;
	e = rq->again(rq);
	if (!rq->later)
		settle(rq, end_run(rq, e));
}

void req_again(struct req *rq, enum err (*fn)(struct req *rq))
{
	rq->again = fn;
	http_again(rq->x, handle_again);
}

void router_refuse(void *ctx, struct http_exchange *x, enum err e, const char *detail)
{
	const struct listener *l = ctx;
	struct visit *v = x->user;

	/* Found before the path was matched (header guard): nothing is known but the router itself. */
	if (!v && (v = x->user = arena_new(x->arena, struct visit)))
		v->end = &l->app->router->unmatched;
	if (v) {
		headers_stage(l->app, x);
		v->outcome = e;
	}
	if (!v || !stage_page(l->app, x, e))
		problem_stage(x, e, str_from(detail), NULL, 0);
}

void router_finished(void *ctx, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes)
{
	const struct listener *l = ctx;

	report_request(l->app, x, status, duration_ns, sent_bytes);
}

/* ---- permissions ---- */

static const char *const role_names[ROLE_COUNT] = {
#define ROLE(name, text) [ROLE_##name] = text,
#include "core/roles.def"
#undef ROLE
};

uint64_t permissions_of(enum role r)
{
	uint64_t bits = 0;

#define PERM(name, slug, who, meaning) bits |= (ROLES_##who >> r & 1) ? UINT64_C(1) << PERM_##name : 0;
#include "core/permissions.def"
#undef PERM
	return bits;
}

bool permission_read(struct str slug, enum permission *out)
{
	for (int p = PERM_FIRST_GIVEN; p < PERM_COUNT; p++) {
		if (str_eq(slug, str_from(permission_slug(p)))) {
			*out = p;
			return true;
		}
	}
	return false;
}

bool role_read(struct str name, enum role *out)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		if (str_eq(name, str_from(role_names[r]))) {
			*out = r;
			return true;
		}
	}
	return false;
}

struct str role_name(enum role r)
{
	return str_from(r < ROLE_COUNT ? role_names[r] : "");
}

const char *permission_slug(enum permission p)
{
	static const char *const slugs[PERM_COUNT] = {
#define PERM(name, slug, role, meaning) [PERM_##name] = slug,
#include "core/permissions.def"
#undef PERM
	};

	return p < PERM_COUNT ? slugs[p] : "";
}
